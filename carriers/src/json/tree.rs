//! A JSON text as fields: members by their names, items as `item`, each with its place.

use std::ops::Range;

use framescope_parser::{Kind, Value, Visit, Wide};
use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::names::stored;
use crate::shown::Shown;

/// Values inside so many others are shown as text: each level is read again for the one inside it.
const MAX_DEPTH: usize = 32;
/// So many values are shown of one text.
const MAX_VALUES: usize = 20_000;
/// A longer text is not shown as a tree.
pub(crate) const MAX_LENGTH: usize = 4 << 20;

/// Why a text is not JSON.
#[derive(Debug, Error)]
#[error("{what} at byte {at} of the text")]
pub struct NotJson {
    /// Where in the text.
    pub at: usize,
    /// What the parser says.
    pub what: String,
}

/// Reports the members of the object, the items of the array, or the one `value` that the content is.
///
/// # Errors
/// Where the content is not JSON. Nothing was reported then.
pub fn report<'a>(content: &Shown<'a, '_>, visit: &mut dyn Visit<'a>) -> Result<(), NotJson> {
    let (text, value) = parse(content)?;
    let mut tree = Tree { content, text, left: MAX_VALUES };
    match value.get().as_bytes().first() {
        _ if text.len() > MAX_LENGTH => tree.text("value", value.get(), visit),
        Some(b'{') => tree.members(value.get(), 0, visit),
        Some(b'[') => tree.items(value.get(), 0, visit),
        _ => tree.value("value", value.get(), 0, visit),
    }
    Ok(())
}

/// Whether the content is JSON.
///
/// # Errors
/// Where it is not.
pub fn check(content: &Shown<'_, '_>) -> Result<(), NotJson> {
    parse(content).map(|_| ())
}

/// The content as text, and the value in it.
fn parse<'t>(content: &'t Shown<'_, '_>) -> Result<(&'t str, &'t RawValue), NotJson> {
    let text = std::str::from_utf8(content.bytes())
        .map_err(|error| NotJson { at: error.valid_up_to(), what: "a byte that is not UTF-8".to_owned() })?;
    let value = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
    Ok((text, value))
}

fn not_json(text: &str, error: &serde_json::Error) -> NotJson {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (before + error.column().saturating_sub(1)).min(text.len());
    let said = error.to_string();
    let what = said.split_once(" at line ").map_or(said.as_str(), |(what, _)| what).to_owned();
    NotJson { at, what }
}

struct Tree<'s, 'a, 'c> {
    content: &'s Shown<'a, 'c>,
    /// The same bytes, as text.
    text: &'s str,
    /// How many more values are shown.
    left: usize,
}

impl<'a> Tree<'_, 'a, '_> {
    /// Where in the text a part of it is.
    fn range(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        start..start + part.len()
    }

    fn members(&mut self, object: &str, depth: usize, visit: &mut dyn Visit<'a>) {
        let members = Members(|name: &str, value: &str| {
            let name = self.name(name);
            self.listed(name, value, depth, visit)
        });
        // What is inside valid JSON is valid.
        let _ = serde_json::Deserializer::from_str(object).deserialize_map(members);
    }

    fn items(&mut self, array: &str, depth: usize, visit: &mut dyn Visit<'a>) {
        let items = Items(|value: &str| self.listed("item", value, depth, visit));
        let _ = serde_json::Deserializer::from_str(array).deserialize_seq(items);
    }

    /// Reports one of several values, unless there are too many. Whether more are wanted.
    fn listed(&mut self, name: &'a str, value: &str, depth: usize, visit: &mut dyn Visit<'a>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.left == 0 {
            let rest = self.range(value).start..self.text.len();
            visit.field("_unread", self.content.place(rest.clone()), self.content.value(rest));
            return false;
        }
        self.value(name, value, depth, visit);
        true
    }

    /// A member's name, of which the quotes are given too.
    fn name(&self, quoted: &str) -> &'a str {
        let range = self.range(quoted);
        let inside = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
        if quoted.contains('\\')
            && let Ok(name) = serde_json::from_str::<String>(quoted)
            && let Some(name) = stored(&name)
        {
            return name;
        }
        self.content.name(inside).unwrap_or("member")
    }

    fn value(&mut self, name: &'a str, value: &str, depth: usize, visit: &mut dyn Visit<'a>) {
        let place = self.content.place(self.range(value));
        let first = value.as_bytes().first().copied();
        match first {
            Some(b'{' | b'[') if depth < MAX_DEPTH => {
                visit.begin(name, place, Value::Group);
                match first {
                    Some(b'{') => self.members(value, depth + 1, visit),
                    _ => self.items(value, depth + 1, visit),
                }
                visit.end();
            }
            Some(b'"') => self.string(name, value, visit),
            Some(b't') => visit.field(name, place, Value::Bool(true)),
            Some(b'f') => visit.field(name, place, Value::Bool(false)),
            Some(b'n') => visit.field(name, place, Value::Enum(Kind::new(0, Some("null")))),
            Some(b'-' | b'0'..=b'9') => match number(value) {
                Some(number) => visit.field(name, place, number),
                None => self.text(name, value, visit),
            },
            _ => self.text(name, value, visit),
        }
    }

    fn string(&self, name: &'a str, quoted: &str, visit: &mut dyn Visit<'a>) {
        let range = self.range(quoted);
        let place = self.content.place(range.clone());
        if !quoted.contains('\\') {
            let inside = range.start + 1..range.end.saturating_sub(1);
            return visit.field(name, place, self.content.value(inside));
        }
        match serde_json::from_str::<String>(quoted) {
            Ok(text) => visit.field(name, place, Value::Text(text.into())),
            // Half of a surrogate pair is no character.
            Err(_) => self.text(name, quoted, visit),
        }
    }

    fn text(&self, name: &'a str, part: &str, visit: &mut dyn Visit<'a>) {
        let range = self.range(part);
        visit.field(name, self.content.place(range.clone()), self.content.value(range));
    }
}

/// A number, unless it needs more digits than any that there is.
fn number(text: &str) -> Option<Value<'static>> {
    if let Ok(n) = text.parse() {
        return Some(Value::Unsigned(n));
    }
    if let Ok(n) = text.parse() {
        return Some(Value::Signed(n));
    }
    if let Ok(n) = text.parse::<i128>() {
        return Some(Value::Wide(Wide::from(n)));
    }
    let is_whole = !text.contains(['.', 'e', 'E']);
    text.parse().ok().filter(|n: &f64| n.is_finite() && !is_whole).map(Value::Float)
}

/// Passes on the members of an object, name and value as they are written, until no more are wanted.
struct Members<F>(F);

impl<'de, F: FnMut(&'de str, &'de str) -> bool> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if !(self.0)(name.get(), value.get()) {
                break;
            }
        }
        Ok(())
    }
}

/// Passes on the items of an array as they are written, until no more are wanted.
struct Items<F>(F);

impl<'de, F: FnMut(&'de str) -> bool> Visitor<'de> for Items<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<&RawValue>()? {
            if !(self.0)(value.get()) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use framescope_parser::{Dissection, Field};

    use super::*;

    fn tree(text: &str) -> Dissection<'_> {
        let mut dissection = Dissection::default();
        report(&Shown::AsItIs(text.as_bytes(), 100), &mut dissection).unwrap();
        dissection
    }

    #[test]
    fn values_have_their_types_and_places() {
        let text =
            r#" {"user": "ada", "tags": [1, -2, 2.5, null], "ok": true, "big": 18446744073709551616} "#;
        let tree = tree(text);
        let said = |path: &str| {
            let field = tree.field(path).unwrap();
            let range = field.range.start - 100..field.range.end - 100;
            (field.value.to_string(), &text[range])
        };
        assert_eq!(said("user"), ("\"ada\"".into(), "\"ada\""));
        assert_eq!(said("tags"), (String::new(), "[1, -2, 2.5, null]"));
        let items: Vec<String> =
            tree.field("tags").unwrap().fields.iter().map(|item| item.value.to_string()).collect();
        assert_eq!(items, ["1", "-2", "2.5", "null (0)"]);
        assert_eq!(said("ok"), ("true".into(), "true"));
        assert_eq!(said("big").0, "18446744073709551616");
    }

    #[test]
    fn escapes_are_undone_in_names_and_values() {
        let tree = tree(r#"{"a\u0062": "x\ny", "half": "\ud800"}"#);
        assert_eq!(tree.field("ab").unwrap().value, Value::Text("x\ny".into()));
        assert_eq!(tree.field("half").unwrap().value, Value::Text("\"\\ud800\"".into()));
    }

    #[test]
    fn what_was_unpacked_has_one_place() {
        let text = String::from(r#"{"a": {"b": [{"c": "d"}]}}"#);
        let mut dissection = Dissection::default();
        report(&Shown::Unpacked(text.as_bytes(), 3..9), &mut dissection).unwrap();
        let field = dissection.field("a.b.item.c").unwrap();
        assert_eq!((field.range.clone(), field.value.to_string()), (3..9, "\"d\"".into()));
    }

    #[test]
    fn deep_and_long_texts_are_shown_within_limits() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let mut dissection = tree(&deep);
        let mut depth = 0;
        let mut field = dissection.fields.pop();
        while let Some(Field { mut fields, value, .. }) = field {
            depth += 1;
            assert!(value == Value::Group || depth == MAX_DEPTH + 1);
            field = fields.pop();
        }
        assert_eq!(depth, MAX_DEPTH + 1);
        let long = format!("[{}0]", "0,".repeat(50_000));
        assert_eq!(tree(&long).fields.len(), MAX_VALUES);
        assert_eq!(tree(&long).fields.last().unwrap().name, "_unread");
    }

    #[test]
    fn what_is_no_json_says_where() {
        let fault =
            |text: &str| report(&Shown::AsItIs(text.as_bytes(), 0), &mut Dissection::default()).unwrap_err();
        assert_eq!((fault("{\"a\": }").at, fault("{\n\"a\": x}").at), (6, 7));
        assert_eq!(fault("[1, 2").what, "EOF while parsing a list");
        assert_eq!(fault("[1] x").what, "trailing characters");
    }
}
