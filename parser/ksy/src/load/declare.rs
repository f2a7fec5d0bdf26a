//! Declares the types and enumerations of a description by name, without their contents.

use crate::plan::EnumId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::{Place, nearest};
use crate::load::keys::{META_KEYS, TOP_KEYS};
use crate::load::{Declared, Inheritance, Inherited, Loader};
use crate::plan::{Doc, EnumPlan, Member, TypeId, TypePlan};
use crate::strings::Charset;
use crate::yaml::Node;

/// The version of Kaitai Struct whose language is known.
const KNOWN_VERSION: (u32, u32) = (0, 11);
/// The most types of a description.
const MOST_TYPES: usize = 10_000;

impl Loader {
    /// Declares a type for each file and each type in it, without contents.
    pub(super) fn declare(&mut self) {
        while let Some(read) = self.files.get(self.declared) {
            let file = u32::try_from(self.declared).unwrap_or(u32::MAX);
            self.declared += 1;
            let root = read.root.clone();
            let stem = read
                .path
                .as_ref()
                .and_then(|path| path.file_stem())
                .map(|stem| stem.to_string_lossy().into_owned());
            self.check_keys(&root, &TOP_KEYS, "a description");
            let id = root.get("meta").and_then(|meta| meta.get("id"));
            if id.is_none() && file == 0 {
                self.report(
                    root.place,
                    "the description has no name: add 'meta:' with 'id: my_protocol' in it",
                );
            }
            let id = id.and_then(Node::text).map(str::to_owned).or(stem.clone()).unwrap_or_default();
            let nothing = Inherited { encoding: None, bits_le: false, order: Inheritance::Unspecified };
            if let Some(top) = self.declare_type(&id, &root, None, file, &nothing, 0) {
                self.tops.entry(id).or_insert(top);
                if let Some(stem) = stem {
                    self.tops.entry(stem).or_insert(top);
                }
            }
        }
    }

    fn declare_type(
        &mut self,
        name: &str,
        node: &Node,
        outer: Option<TypeId>,
        file: u32,
        around: &Inherited,
        depth: u32,
    ) -> Option<TypeId> {
        if self.types.len() >= MOST_TYPES || depth > 50 {
            self.report(node.place, "the description has too many types, or nests them too deeply");
            return None;
        }
        let id = TypeId::at(self.types.len());
        let mut inherited = around.clone();
        if let Some(meta) = node.get("meta") {
            self.check_keys(meta, &META_KEYS, "meta");
            self.inherit(meta, &mut inherited);
            self.known_version(meta);
        }
        let doc = self.doc(node);
        let plan = TypePlan { name: name.to_owned(), outer, file, doc, ..TypePlan::default() };
        self.plan.types.push(Arc::new(plan));
        self.types.push(Declared {
            node: node.clone(),
            inherited: inherited.clone(),
            values: HashMap::new(),
            slots: Vec::new(),
            parents: Vec::new(),
            value_types: HashMap::new(),
            named: false,
            completed: false,
        });
        if let Some(types) = node.get("types") {
            if types.map().is_none() && !types.is_null() {
                self.report(
                    types.place,
                    format!("'types' must be a map from names to types, not {}", types.what()),
                );
            }
            for (key, nested) in types.map().unwrap_or_default() {
                let Some(name) = self.identifier(key) else { continue };
                self.check_keys(nested, &TOP_KEYS, "a type");
                if let Some(child) = self.declare_type(&name, nested, Some(id), file, &inherited, depth + 1)
                    && let Some(plan) = self.plan_mut(id)
                {
                    plan.children.insert(name.into(), child);
                }
            }
        }
        if let Some(enums) = node.get("enums") {
            for (key, members) in enums.map().unwrap_or_default() {
                let Some(name) = self.identifier(key) else { continue };
                let declared = self.enumeration(&name, members);
                let number = EnumId::at(self.plan.enums.len());
                Arc::make_mut(&mut self.plan.enums).push(declared);
                if let Some(plan) = self.plan_mut(id) {
                    plan.enums.insert(name.into(), number);
                }
            }
        }
        Some(id)
    }

    /// Warns about a description that asks for a newer language than the one known here.
    fn known_version(&mut self, meta: &Node) {
        let Some(version) = meta.get("ks-version") else { return };
        let text = version.text().unwrap_or_default();
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
        let asked = (numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0));
        if asked > KNOWN_VERSION {
            let (major, minor) = KNOWN_VERSION;
            self.warn(
                version.place,
                format!("this asks for version {text} of the language, and what came after {major}.{minor} is not known here"),
            );
        }
    }

    fn inherit(&mut self, meta: &Node, inherited: &mut Inherited) {
        if let Some(encoding) = meta.get("encoding") {
            match encoding.text() {
                Some(name) => inherited.encoding = Some((self.charset(name, encoding.place), encoding.place)),
                None => self.report(encoding.place, "an encoding must be a name, such as UTF-8"),
            }
        }
        if let Some(endian) = meta.get("endian") {
            match endian.text() {
                Some("le") => inherited.order = Inheritance::Le,
                Some("be") => inherited.order = Inheritance::Be,
                None if endian.map().is_some() => inherited.order = Inheritance::Switch,
                _ => self
                    .report(endian.place, "'endian' must be le, be, or a map with 'switch-on' and 'cases'"),
            }
        }
        if let Some(endian) = meta.get("bit-endian") {
            match endian.text() {
                Some("le") => inherited.bits_le = true,
                Some("be") => inherited.bits_le = false,
                _ => self.report(endian.place, "'bit-endian' must be le or be"),
            }
        }
    }

    pub(super) fn charset(&mut self, name: &str, place: Place) -> Charset {
        let charset = Charset::named(name);
        if charset == Charset::Unknown {
            let known = [
                "UTF-8",
                "ASCII",
                "UTF-16LE",
                "UTF-16BE",
                "ISO-8859-1",
                "windows-1252",
                "Shift_JIS",
                "IBM437",
            ];
            self.warn(
                place,
                format!(
                    "'{name}' is an unknown encoding, so reading this text will fail{}",
                    nearest(name, known)
                ),
            );
        }
        charset
    }

    /// A name that the language allows.
    pub(super) fn identifier(&mut self, node: &Node) -> Option<String> {
        let name = node.text().unwrap_or_default();
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !plain {
            let better: String = name
                .to_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            self.report(
                node.place,
                format!("'{name}' is not a valid name: names begin with a lower-case letter and consist of lower-case letters, digits and _ (such as '{better}')"),
            );
            return None;
        }
        Some(name.to_owned())
    }

    pub(super) fn doc(&mut self, node: &Node) -> Doc {
        let text = node.get("doc").and_then(Node::text).unwrap_or_default().trim().to_owned();
        let references = match node.get("doc-ref") {
            Some(reference) => match reference.list() {
                Some(list) => list.iter().filter_map(Node::text).map(|text| text.trim().to_owned()).collect(),
                None => reference.text().map(|text| text.trim().to_owned()).into_iter().collect(),
            },
            None => Vec::new(),
        };
        Doc { text, references }
    }

    fn enumeration(&mut self, name: &str, node: &Node) -> EnumPlan {
        let mut plan = EnumPlan { name: name.to_owned(), ..EnumPlan::default() };
        let mut by_value = BTreeMap::new();
        if node.map().is_none() {
            self.report(
                node.place,
                format!("an enum must be a map from numbers to names, not {}", node.what()),
            );
        }
        for (key, member) in node.map().unwrap_or_default() {
            let Some(value) = key.integer() else {
                let key_text = key.text().unwrap_or_default();
                self.report(
                    key.place,
                    format!("'{key_text}' is not a number: an enum maps numbers to names"),
                );
                continue;
            };
            for (key, _) in member.map().unwrap_or_default() {
                self.check_extension_key(key, "an enum's member");
            }
            let id = member.get("id").unwrap_or(member);
            if id.is_null() {
                self.report(id.place, "a member needs a name: 'null' in quotes would be one");
                continue;
            }
            // YAML 1.1 reads some names as booleans; here they are names.
            let Some(id_text) = self.identifier(id) else { continue };
            if plan.members.iter().any(|known| known.id == id_text) {
                self.report(
                    id.place,
                    format!("'{id_text}' is already the name of another number of this enum"),
                );
            }
            let shown = member.get("-orig-id").and_then(Node::text).unwrap_or(&id_text).to_owned();
            let at = u32::try_from(plan.members.len()).unwrap_or(u32::MAX);
            if by_value.insert(value, at).is_some() {
                self.report(key.place, format!("{value} has two names in this enum"));
            }
            plan.members.push(Member { value, id: id_text, shown });
        }
        plan.by_value = by_value.into_iter().collect();
        plan
    }
}
