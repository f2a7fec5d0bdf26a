//! The keys that a description may have; reports unknown ones.

use crate::error::nearest;
use crate::load::Loader;
use crate::yaml::Node;

pub(super) const TOP_KEYS: [&str; 9] =
    ["meta", "doc", "doc-ref", "params", "seq", "types", "instances", "enums", "to-string"];

/// The keys beginning with a minus that mean something here, and the kinds of map they belong to.
const EXTENSION_KEYS: [(&[&str], &str); 7] = [
    (&["meta"], "-framescope"),
    (&["a field", "an instance"], "-check"),
    (&["a field", "an instance"], "-problem"),
    (&["a field", "an instance"], "-hex"),
    (&["a field"], "-continues"),
    (&["an enum's member"], "-orig-id"),
    (&["a description", "a type"], "-webide-representation"),
];
/// Keys that other programs use, also in places where they mean nothing here.
const OTHER_PROGRAMS_KEYS: [&str; 3] = ["-orig-id", "-webide-representation", "-webide-parse-mode"];

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
    /// Reports unknown keys of a map. Keys that begin with a minus belong to other programs.
    pub(super) fn check_keys(&mut self, node: &Node, known: &[&str], what: &str) {
        for (key, _) in node.map().unwrap_or_default() {
            let Some(name) = key.text() else {
                self.report(key.place, format!("a key of {what} must be a name"));
                continue;
            };
            if name.starts_with('-') {
                self.check_extension_key(key, what);
            } else if !known.contains(&name) {
                self.report(
                    key.place,
                    format!("'{name}' is not a key of {what}{}", nearest(name, known.iter().copied())),
                );
            }
        }
    }

    /// Warns about a key that begins with a minus if it resembles one that is known here.
    pub(super) fn check_extension_key(&mut self, key: &Node, what: &str) {
        let Some(name) = key.text().filter(|name| name.starts_with('-')) else { return };
        let known = || EXTENSION_KEYS.iter().filter(|(at, _)| at.contains(&what)).map(|(_, key)| *key);
        if known().any(|known| known == name) {
            return;
        }
        if let Some((at, _)) = EXTENSION_KEYS.iter().find(|(_, known)| *known == name) {
            // Other programs use these in other places too.
            if !OTHER_PROGRAMS_KEYS.contains(&name) {
                let at = at.join(" or ");
                self.warn(key.place, format!("'{name}' has no effect here: it is a key of {at}"));
            }
            return;
        }
        let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
        let near = known().map(|known| (distance(known), known)).min();
        // With two letters wrong a long name is a typo; a short one may be another word.
        if let Some((distance, known)) = near
            && distance <= if known.len() < 8 { 1 } else { 2 }
            && !OTHER_PROGRAMS_KEYS.contains(&name)
        {
            self.warn(key.place, format!("'{name}' is an unknown key; did you mean '{known}'?"));
        }
    }
}

/// The items of a list under a key.
pub(super) fn list<'n>(loader: &mut Loader, node: &'n Node, key: &str) -> &'n [Node] {
    match node.get(key) {
        None => &[],
        Some(value) => match value.list() {
            Some(items) => items,
            None if value.is_null() => &[],
            None => {
                loader.report(
                    value.place,
                    format!("'{key}' must be a list whose items begin with '- ', not {}", value.what()),
                );
                &[]
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::refused;

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        assert_eq!(
            refused("{id: a, type: u1, reapet: eos}", ""),
            "'reapet' is not a key of a field; did you mean 'repeat'?"
        );
        assert!(
            refused("{id: a, type: u1}", "sequence: []")
                .starts_with("'sequence' is not a key of a description")
        );
    }
}
