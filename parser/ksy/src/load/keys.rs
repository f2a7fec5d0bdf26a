//! The keys that a description may have, and what is said of others.

use crate::error::nearest;
use crate::load::Loader;
use crate::yaml::Node;

pub(super) const TOP_KEYS: [&str; 9] =
    ["meta", "doc", "doc-ref", "params", "seq", "types", "instances", "enums", "to-string"];

/// The keys that begin with a minus and mean something here, and of what they are keys.
const OWN_KEYS: [(&[&str], &str); 6] = [
    (&["meta"], "-framescope"),
    (&["a field", "an instance"], "-check"),
    (&["a field", "an instance"], "-problem"),
    (&["a field", "an instance"], "-hex"),
    (&["an enum's member"], "-orig-id"),
    (&["a description", "a type"], "-webide-representation"),
];
/// Those that other programs have, also at places where they mean nothing here.
const FOREIGN_KEYS: [&str; 3] = ["-orig-id", "-webide-representation", "-webide-parse-mode"];

pub(super) const META_KEYS: [&str; 15] = [
    "id",
    "title",
    "application",
    "file-extension",
    "xref",
    "license",
    "ks-version",
    "ks-debug",
    "ks-opaque-types",
    "imports",
    "encoding",
    "endian",
    "bit-endian",
    "tags",
    "ks-zero-copy-substream",
];

pub(super) const ATTR_KEYS: [&str; 27] = [
    "id",
    "type",
    "size",
    "size-eos",
    "repeat",
    "repeat-expr",
    "repeat-until",
    "if",
    "contents",
    "terminator",
    "include",
    "consume",
    "eos-error",
    "pad-right",
    "encoding",
    "enum",
    "process",
    "valid",
    "doc",
    "doc-ref",
    "parent",
    "pos",
    "io",
    "value",
    "to-string",
    "switch-on",
    "cases",
];
pub(super) const PARAM_KEYS: [&str; 5] = ["id", "type", "enum", "doc", "doc-ref"];

impl Loader {
    /// Says which of a map's keys nobody knows. Those that begin with a minus are other programs'.
    pub(super) fn known_keys(&mut self, node: &Node, known: &[&str], what: &str) {
        for (key, _) in node.map().unwrap_or_default() {
            let Some(name) = key.text() else {
                self.mistake(key.place, format!("a key of {what} is a name"));
                continue;
            };
            if name.starts_with('-') {
                self.own_key(key, what);
            } else if !known.contains(&name) {
                self.mistake(
                    key.place,
                    format!("'{name}' is no key of {what}{}", nearest(name, known.iter().copied())),
                );
            }
        }
    }

    /// Warns of a key that begins with a minus, and so may be another program's, if it looks like one that is known here.
    pub(super) fn own_key(&mut self, key: &Node, what: &str) {
        let Some(name) = key.text().filter(|name| name.starts_with('-')) else { return };
        let known = || OWN_KEYS.iter().filter(|(at, _)| at.contains(&what)).map(|(_, key)| *key);
        if known().any(|known| known == name) {
            return;
        }
        if let Some((at, _)) = OWN_KEYS.iter().find(|(_, known)| *known == name) {
            // Others have these at other places too.
            if !FOREIGN_KEYS.contains(&name) {
                let at = at.join(" or ");
                self.warn(key.place, format!("'{name}' says nothing here: it is a key of {at}"));
            }
            return;
        }
        let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
        let near = known().map(|known| (distance(known), known)).min();
        // A long name is meant with two letters wrong, a short one may be another word.
        if let Some((distance, known)) = near
            && distance <= if known.len() < 8 { 1 } else { 2 }
            && !FOREIGN_KEYS.contains(&name)
        {
            self.warn(key.place, format!("'{name}' is not known here; did you mean '{known}'?"));
        }
    }
}

/// The items of a key that is a list.
pub(super) fn list<'n>(loader: &mut Loader, node: &'n Node, key: &str) -> &'n [Node] {
    match node.get(key) {
        None => &[],
        Some(value) => match value.list() {
            Some(items) => items,
            None if value.is_null() => &[],
            None => {
                loader.mistake(
                    value.place,
                    format!(
                        "'{key}' is a list, each item of which begins with '- '; this is {}",
                        value.what()
                    ),
                );
                &[]
            }
        },
    }
}
