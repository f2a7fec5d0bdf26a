//! The tree of a message's fields.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use framescope_capture::filter::literal;
use framescope_parser::{Field, Protocol, Severity, Value};

use super::super::json_tree;
use super::problems::ProblemIndex;

/// The most characters of a text that a field stores.
const TEXT_LIMIT: usize = 64 << 10;

/// A field of the tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldNode {
    /// The names from the top joined by dots, with the index of list items.
    pub path: String,
    /// The path in filters, which has no indexes. Empty if no filter can test the field.
    pub filter_path: String,
    /// Its own name.
    pub name: String,
    /// Its value on one line; empty for a group of fields.
    pub value: String,
    /// If it is a text, all of it up to a limit.
    pub text: Option<String>,
    /// Its value as a literal of a filter.
    pub literal: Option<String>,
    /// The offsets of its bytes in the message.
    pub range: Range<usize>,
    /// Whether some of its bytes were not captured, so that it has no value. The fields inside are what was captured.
    pub is_missing: bool,
    /// The worst problem inside its bytes.
    pub severity: Option<Severity>,
    /// Its documentation by the author of the format.
    pub about: String,
    /// The number by which it is tinted; None for a group.
    pub tint: Option<usize>,
    /// The fields inside.
    pub fields: Vec<Arc<FieldNode>>,
}

impl FieldNode {
    /// Whether the fields inside only explain the same bytes, as flags do.
    pub fn is_flags(&self) -> bool {
        !self.value.is_empty()
            && !self.fields.is_empty()
            && self.fields.iter().all(|inner| inner.range == self.range)
    }

    /// Whether it has its own bytes, rather than those of fields inside.
    pub fn is_leaf(&self) -> bool {
        self.fields.is_empty() || self.is_flags()
    }
}

pub(super) struct TreeBuilder<'d> {
    pub(super) protocol: &'d dyn Protocol,
    pub(super) problems: ProblemIndex,
    /// The offset of the message's first hole.
    pub(super) first_hole: Option<usize>,
    /// How many more fields may be shown.
    pub(super) left: usize,
    /// How many were not.
    pub(super) left_out: usize,
}

impl TreeBuilder<'_> {
    /// Builds the nodes of some fields. `above` is the path to them, with the indexes of list items and without.
    pub(super) fn nodes(&mut self, fields: &[Field<'_>], above: (&str, &str)) -> Vec<Arc<FieldNode>> {
        let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
        // A field that a hole cuts is reported twice: up to the hole, and what is unknown after it. That is not a list.
        let is_cut_at = |other: &Field<'_>, at| other.range.end == at && other.range.start < at;
        let is_rest = |number: usize, field: &Field<'_>| {
            field.value == Value::Missing
                && self.first_hole == Some(field.range.start)
                && number
                    .checked_sub(1)
                    .and_then(|before| fields.get(before))
                    .is_some_and(|before| before.name == field.name && is_cut_at(before, field.range.start))
        };
        let rests: Vec<bool> =
            fields.iter().enumerate().map(|(number, field)| is_rest(number, field)).collect();
        for (field, _) in fields.iter().zip(&rests).filter(|(_, is_rest)| !**is_rest) {
            counts.entry(field.name).or_default().0 += 1;
        }
        let mut found = Vec::with_capacity(fields.len().min(self.left));
        for (field, is_rest) in fields.iter().zip(rests) {
            let name = match counts.get_mut(field.name) {
                _ if is_rest => format!("{} (rest)", field.name),
                // Fields of the same name are the items of a list.
                Some((count, seen)) if *count > 1 => {
                    *seen += 1;
                    format!("{}[{}]", field.name, *seen - 1)
                }
                _ => field.name.to_owned(),
            };
            if self.left == 0 {
                self.left_out += 1;
                continue;
            }
            self.left -= 1;
            found.push(Arc::new(self.node(field, name, above)));
        }
        found
    }

    fn node(&mut self, field: &Field<'_>, name: String, above: (&str, &str)) -> FieldNode {
        let (path, filter_path) = (under(above.0, &name), under(above.1, field.name));
        // A problem of the whole message is not the fault of each of its fields.
        let severity = self.problems.worst_within(&field.range);
        let mut inner = self.nodes(&field.fields, (&path, &filter_path));
        if let Value::Text(text) = &field.value
            && inner.is_empty()
        {
            // If the text was converted, the ranges of its values are unknown.
            let is_verbatim = text.len() == field.range.len();
            inner = json_tree::nodes(text, &path, &field.range, is_verbatim, &mut self.left);
        }
        FieldNode {
            severity,
            name,
            value: value_text(&field.value),
            text: text_of(&field.value),
            is_missing: field.value == Value::Missing,
            literal: literal(&field.value).filter(|literal| literal.len() <= 4096),
            range: field.range.clone(),
            fields: inner,
            about: self.protocol.about_field(&filter_path).unwrap_or_default(),
            path,
            filter_path,
            tint: None,
        }
    }
}

pub(crate) fn under(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

/// Formats a value on one line, up to a length that is read at a glance.
fn value_text(value: &Value<'_>) -> String {
    const LIMIT: usize = 400;
    let text = match value {
        Value::Bytes(bytes) => match almost_text(bytes) {
            Some(text) => format!("{text}  (not valid text)"),
            None => {
                let shown = bytes.get(..bytes.len().min(64)).unwrap_or_default();
                let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                let more = if shown.len() < bytes.len() { " …" } else { "" };
                format!("{}{more} ({} bytes)", digits.join(" "), bytes.len())
            }
        },
        Value::Text(text) => one_line(text.chars().take(LIMIT + 1)),
        value => value.to_string(),
    };
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Escapes control characters.
pub(crate) fn one_line(chars: impl Iterator<Item = char>) -> String {
    chars.fold(String::new(), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default())
        } else {
            line.push(c)
        }
        line
    })
}

/// Formats bytes that are text except for a few, with these escaped; None if they are hardly text at all.
fn almost_text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    let (mut out, mut invalid, mut strange) = (String::new(), 0, 0);
    for chunk in bytes.utf8_chunks() {
        strange += chunk.valid().chars().filter(|c| c.is_control() && !c.is_ascii_whitespace()).count();
        out.push_str(&one_line(chunk.valid().chars()));
        invalid += chunk.invalid().len();
        for byte in chunk.invalid() {
            // Writing to a string never fails.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    (invalid > 0 && strange == 0 && invalid * 4 <= bytes.len()).then_some(out)
}

fn text_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => match text.char_indices().nth(TEXT_LIMIT) {
            Some((end, _)) => Some(format!("{}…", text.get(..end).unwrap_or_default())),
            None => Some(text.clone().into_owned()),
        },
        _ => None,
    }
}

/// Gives each field without fields inside a number, by which it is tinted. Flags count as one field.
pub(super) fn number_leaves(fields: &mut [Arc<FieldNode>]) {
    fn number(fields: &mut [Arc<FieldNode>], next: &mut usize) {
        // Nothing else refers to a tree that is being built.
        for field in fields.iter_mut().filter_map(Arc::get_mut) {
            if field.is_leaf() {
                field.tint = Some(*next);
                *next += 1;
            } else {
                number(&mut field.fields, next);
            }
        }
    }
    number(fields, &mut 0);
}

/// The ranges of tinted fields, in rising order.
pub(super) fn tints_of(fields: &[Arc<FieldNode>]) -> Vec<(Range<usize>, usize)> {
    fn collect(fields: &[Arc<FieldNode>], tints: &mut Vec<(Range<usize>, usize)>) {
        for field in fields {
            tints.extend(
                field.tint.filter(|_| !field.range.is_empty()).map(|tint| (field.range.clone(), tint)),
            );
            collect(&field.fields, tints);
        }
    }
    let mut tints = Vec::new();
    collect(fields, &mut tints);
    tints.sort_by_key(|(range, _)| range.start);
    tints
}
