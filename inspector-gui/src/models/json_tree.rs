//! Shows JSON inside a text as fields, each with the range of its value.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::details::{FieldNode, one_line, under};

/// Longer texts are not parsed.
const LONGEST: usize = 1 << 20;
/// Deeper values are shown as text.
const DEEPEST: usize = 32;
/// The most characters of a value that are shown.
const SHOWN: usize = 400;

/// The values of a text that is a JSON object or array; none for any other text.
///
/// `range` is the text's range in the message. If the text is not verbatim there, all values have that range. `left` is how
/// many nodes may still be made.
pub(crate) fn nodes(
    text: &str,
    path: &str,
    range: &Range<usize>,
    is_verbatim: bool,
    left: &mut usize,
) -> Vec<Arc<FieldNode>> {
    if text.len() > LONGEST || !text.trim_start().starts_with(['{', '[']) {
        return Vec::new();
    }
    // The whole text has to be valid JSON.
    let Ok(value) = serde_json::from_str::<&RawValue>(text) else { return Vec::new() };
    let whole = JsonText { begins: text.as_ptr().addr(), range, is_verbatim };
    whole.inner(value.get(), path, DEEPEST, left)
}

struct JsonText<'t> {
    /// The address of the text, of which the values are slices.
    begins: usize,
    range: &'t Range<usize>,
    is_verbatim: bool,
}

impl JsonText<'_> {
    fn inner(&self, value: &str, path: &str, depth: usize, left: &mut usize) -> Vec<Arc<FieldNode>> {
        let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(value) else { return Vec::new() };
        let mut nodes = Vec::new();
        for (name, member) in members {
            if *left == 0 {
                break;
            }
            *left -= 1;
            let member = member.get();
            let (name, path) = match name {
                Name::Key(key) => {
                    let path = under(path, &key);
                    (one_line(key.chars()), path)
                }
                Name::Item(number) => (format!("[{number}]"), format!("{path}[{number}]")),
            };
            let is_group = member.starts_with(['{', '[']);
            let fields =
                if is_group && depth > 0 { self.inner(member, &path, depth - 1, left) } else { Vec::new() };
            let value = match (is_group, fields.is_empty()) {
                (true, false) => String::new(),
                _ => one_line(member.chars().take(SHOWN)),
            };
            let text = serde_json::from_str::<String>(member).ok();
            nodes.push(Arc::new(FieldNode {
                name,
                path,
                value,
                text,
                range: self.range_of(member),
                fields,
                ..FieldNode::default()
            }));
        }
        nodes
    }

    fn range_of(&self, member: &str) -> Range<usize> {
        let at = member.as_ptr().addr().checked_sub(self.begins).filter(|_| self.is_verbatim);
        match at {
            Some(at) => self.range.start + at..(self.range.start + at + member.len()).min(self.range.end),
            None => self.range.clone(),
        }
    }
}

enum Name {
    Key(String),
    Item(usize),
}

/// The values of an object or an array, each as a slice of the text.
struct Members<'t>(Vec<(Name, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Collect)
    }
}

struct Collect;

impl<'t> Visitor<'t> for Collect {
    type Value = Members<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &'t RawValue>()? {
            members.push((Name::Key(key), value));
        }
        Ok(Members(members))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(value) = list.next_element::<&'t RawValue>()? {
            members.push((Name::Item(members.len()), value));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_json_has_no_values() {
        let mut left = 100;
        for text in ["", "hello", "{", "[1, 2", "{\"a\": 1} and more", "42", "{}", "[]"] {
            assert!(nodes(text, "content", &(0..text.len()), true, &mut left).is_empty(), "{text}");
        }
    }

    #[test]
    fn deep_and_long_values_are_cut() {
        let mut left = 100;
        let deep = "[".repeat(100) + &"]".repeat(100);
        let tree = nodes(&deep, "content", &(0..deep.len()), true, &mut left);
        assert_eq!(tree.len(), 1);
        let hopeless = "[".repeat(100_000);
        assert!(nodes(&hopeless, "content", &(0..hopeless.len()), true, &mut left).is_empty());
        let long = format!("[{}]", vec!["0"; 1000].join(","));
        let mut left = 100;
        assert_eq!(nodes(&long, "content", &(0..long.len()), true, &mut left).len(), 100);
    }
}
