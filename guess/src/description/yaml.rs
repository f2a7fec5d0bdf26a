//! A description as the language has it, and its text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A field of a structure: its keys in their order. The values are as YAML has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Attribute {
    pub(super) id: String,
    pub(super) keys: Vec<(&'static str, String)>,
    /// Why it is believed.
    pub(super) doc: String,
}

impl Attribute {
    pub(super) fn new(id: impl Into<String>) -> Attribute {
        Attribute { id: id.into(), ..Attribute::default() }
    }

    pub(super) fn with(mut self, key: &'static str, value: impl Into<String>) -> Attribute {
        self.keys.push((key, value.into()));
        self
    }

    pub(super) fn doc(mut self, doc: impl Into<String>) -> Attribute {
        self.doc = doc.into();
        self
    }
}

/// A structure.
#[derive(Clone, Debug, Default)]
pub(super) struct Structure {
    pub(super) name: String,
    /// Lines under `-framescope` of its own.
    pub(super) about: Vec<String>,
    /// Names and types.
    pub(super) parameters: Vec<(&'static str, &'static str)>,
    pub(super) fields: Vec<Attribute>,
    /// What is looked at in advance: its name, where it is, and its type.
    pub(super) peeks: Vec<(&'static str, &'static str, String)>,
    /// Names and expressions.
    pub(super) instances: Vec<(String, String)>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) title: String,
    /// Lines under `-framescope`.
    pub(super) about: Vec<String>,
    /// What is believed of all, in words.
    pub(super) doc: Vec<String>,
    /// The outermost structure, if it is not a conversation of the others.
    pub(super) root: Option<Structure>,
    pub(super) types: Vec<Structure>,
    pub(super) enums: BTreeMap<String, Vec<(u64, String)>>,
}

impl Document {
    /// Its text.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.doc {
            line_of(&mut out, 0, &format!("# {line}"));
        }
        line_of(&mut out, 0, "meta:");
        line_of(&mut out, 1, &format!("id: {}", self.id));
        line_of(&mut out, 1, &format!("title: {}", quoted(&self.title)));
        line_of(&mut out, 1, "endian: be");
        line_of(&mut out, 1, "-framescope:");
        for line in &self.about {
            line_of(&mut out, 2, line);
        }
        if let Some(root) = &self.root {
            fields(&mut out, 0, root);
        }
        if !self.types.is_empty() {
            line_of(&mut out, 0, "types:");
        }
        for each in &self.types {
            line_of(&mut out, 1, &format!("{}:", each.name));
            if !each.about.is_empty() {
                line_of(&mut out, 2, "meta:");
                line_of(&mut out, 3, "-framescope:");
                each.about.iter().for_each(|line| line_of(&mut out, 4, line));
            }
            fields(&mut out, 2, each);
        }
        if !self.enums.is_empty() {
            line_of(&mut out, 0, "enums:");
        }
        for (name, values) in &self.enums {
            line_of(&mut out, 1, &format!("{name}:"));
            for (value, name) in values {
                line_of(&mut out, 2, &format!("{value}: {name}"));
            }
        }
        out
    }
}

fn fields(out: &mut String, depth: usize, of: &Structure) {
    if !of.parameters.is_empty() {
        line_of(out, depth, "params:");
    }
    for (name, of_type) in &of.parameters {
        line_of(out, depth + 1, &format!("- {{id: {name}, type: {of_type}}}"));
    }
    if of.fields.is_empty() {
        line_of(out, depth, "seq: []");
    } else {
        line_of(out, depth, "seq:");
    }
    for field in &of.fields {
        line_of(out, depth + 1, &format!("- id: {}", field.id));
        for (key, value) in &field.keys {
            line_of(out, depth + 2, &format!("{key}: {value}"));
        }
        if !field.doc.is_empty() {
            line_of(out, depth + 2, &format!("doc: {}", quoted(&field.doc)));
        }
    }
    if !of.instances.is_empty() || !of.peeks.is_empty() {
        line_of(out, depth, "instances:");
    }
    for (name, place, of_type) in &of.peeks {
        line_of(out, depth + 1, &format!("{name}: {{pos: {place}, type: {of_type}}}"));
    }
    for (name, value) in &of.instances {
        line_of(out, depth + 1, &format!("{name}: {{value: {}}}", quoted(value)));
    }
}

fn line_of(out: &mut String, depth: usize, line: &str) {
    let _ = writeln!(out, "{:width$}{line}", "", width = depth * 2);
}

/// A text as YAML has it, whatever is in it.
pub(super) fn quoted(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", clean.replace('\'', "''"))
}

/// Bytes as a list.
pub(super) fn list(bytes: &[u8]) -> String {
    let all: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    format!("[{}]", all.join(", "))
}
