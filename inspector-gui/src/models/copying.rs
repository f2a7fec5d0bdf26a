//! Formats bytes and fields as text for the clipboard.

use std::ops::Range;
use std::sync::Arc;

use framescope_capture::export::hex;
use framescope_parser::Captured;
use serde_json::{Map, Number, Value as Json, json};

use super::details::FieldNode;
use super::holes::{Piece, hole_text, pieces};

/// A format of the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyAs {
    /// The value as shown; a text in full.
    Value,
    /// Two hexadecimal digits for each byte.
    Hex,
    /// A Rust array.
    Rust,
    /// A Python bytes literal.
    Python,
    /// The fields as JSON.
    Json,
}

impl CopyAs {
    /// All formats with their names.
    pub const ALL: [(CopyAs, &'static str); 5] = [
        (CopyAs::Value, "Value"),
        (CopyAs::Hex, "Hex"),
        (CopyAs::Rust, "Rust array"),
        (CopyAs::Python, "Python bytes"),
        (CopyAs::Json, "JSON"),
    ];

    fn name(self) -> &'static str {
        CopyAs::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }
}

/// Bytes that can't be copied: a program would take what was captured of them for all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Not copied as {}: {}. Copy it as hex or text, or select a range without a hole.", .form.name(), hole_text(.hole))]
pub struct CopyError {
    /// The format that can't express a hole.
    pub form: CopyAs,
    /// The first bytes that were not captured, as offsets in the message.
    pub hole: Range<usize>,
}

/// Formats bytes. As a value they are text, in which invalid bytes are replaced.
pub fn bytes_as(bytes: &[u8], form: CopyAs) -> String {
    match form {
        CopyAs::Hex => hex(bytes),
        CopyAs::Value => String::from_utf8_lossy(bytes).into_owned(),
        CopyAs::Rust => {
            let all: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
            format!("[{}]", all.join(", "))
        }
        CopyAs::Python => {
            let escaped = bytes.iter().map(|&byte| match byte {
                b'\\' => "\\\\".to_owned(),
                b'\'' => "\\'".to_owned(),
                b'\n' => "\\n".to_owned(),
                b'\r' => "\\r".to_owned(),
                b'\t' => "\\t".to_owned(),
                0x20..=0x7E => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            });
            format!("b'{}'", escaped.collect::<String>())
        }
        CopyAs::Json => json!({ "bytes": hex(bytes) }).to_string(),
    }
}

/// Formats a range of a message. Hex and text show the holes in it.
///
/// # Errors
/// The range has a hole, which `form` can't express.
pub fn range_as(message: &Captured<'_, '_>, range: &Range<usize>, form: CopyAs) -> Result<String, CopyError> {
    let pieces = pieces(message, range.clone());
    let hole = pieces.iter().find_map(|piece| match piece {
        Piece::Hole(hole) => Some(hole.clone()),
        Piece::Bytes(..) => None,
    });
    let between = match (form, hole) {
        (_, None) => "",
        (CopyAs::Hex, _) => " ",
        (CopyAs::Value, _) => "",
        (_, Some(hole)) => return Err(CopyError { form, hole }),
    };
    let parts: Vec<String> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Bytes(_, bytes) => bytes_as(bytes, form),
            Piece::Hole(hole) => format!("[{}]", hole_text(hole)),
        })
        .collect();
    Ok(if parts.is_empty() { bytes_as(&[], form) } else { parts.join(between) })
}

/// Formats a field of a message.
///
/// # Errors
/// The field has a hole, which `form` can't express.
pub fn field_as(field: &FieldNode, message: &Captured<'_, '_>, form: CopyAs) -> Result<String, CopyError> {
    match form {
        CopyAs::Value if field.is_missing => range_as(message, &field.range, form),
        CopyAs::Value => Ok(match &field.text {
            Some(text) => text.clone(),
            None if field.fields.is_empty() || !field.value.is_empty() => field.value.clone(),
            None => fields_as_json(&field.fields),
        }),
        CopyAs::Json => Ok(pretty(&value(field))),
        form => range_as(message, &field.range, form),
    }
}

/// Formats fields as one JSON object.
pub fn fields_as_json(fields: &[Arc<FieldNode>]) -> String {
    pretty(&object(fields))
}

fn pretty(json: &Json) -> String {
    // A tree of values always serializes.
    serde_json::to_string_pretty(json).unwrap_or_default()
}

fn object(fields: &[Arc<FieldNode>]) -> Json {
    let mut members = Map::new();
    for field in fields {
        let name = field.name.split_once('[').filter(|_| field.name.ends_with(']'));
        match name.map_or(field.name.as_str(), |(list, _)| list) {
            list if name.is_some() => match members.entry(list).or_insert_with(|| json!([])) {
                Json::Array(items) => items.push(value(field)),
                other => *other = value(field),
            },
            name => drop(members.insert(name.to_owned(), value(field))),
        }
    }
    // Items without a name of their own are the list itself.
    match members.remove("") {
        Some(list) if members.is_empty() => list,
        Some(list) => {
            members.insert(String::new(), list);
            Json::Object(members)
        }
        None => Json::Object(members),
    }
}

fn value(field: &FieldNode) -> Json {
    if !field.fields.is_empty() && !field.is_flags() {
        return object(&field.fields);
    }
    if field.is_missing {
        return Json::Null;
    }
    if let Some(text) = &field.text {
        return Json::String(text.clone());
    }
    match field.literal.as_deref() {
        None if field.value.is_empty() => Json::Object(Map::new()),
        // A value that came from JSON is JSON already.
        None => serde_json::from_str(&field.value).unwrap_or_else(|_| Json::String(field.value.clone())),
        Some("true") => Json::Bool(true),
        Some("false") => Json::Bool(false),
        Some(literal) => match literal.strip_prefix("x\"").and_then(|digits| digits.strip_suffix('"')) {
            Some(digits) => json!({ "bytes": digits }),
            None => match number(literal) {
                Some(number) => Json::Number(number),
                None => Json::String(literal.to_owned()),
            },
        },
    }
}

fn number(literal: &str) -> Option<Number> {
    if let Some(digits) = literal.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    let whole =
        literal.parse::<i64>().map(Number::from).or_else(|_| literal.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(literal.parse().ok()?))
}

#[cfg(test)]
// A slice of one range is meant.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    #[test]
    fn bytes_are_formatted_as_each_language_writes_them() {
        let bytes = b"a'\\\n\x00\xff";
        assert_eq!(bytes_as(bytes, CopyAs::Hex), "61275c0a00ff");
        assert_eq!(bytes_as(bytes, CopyAs::Rust), "[0x61, 0x27, 0x5c, 0x0a, 0x00, 0xff]");
        assert_eq!(bytes_as(bytes, CopyAs::Python), "b'a\\'\\\\\\n\\x00\\xff'");
        assert_eq!(bytes_as(bytes, CopyAs::Json), r#"{"bytes":"61275c0a00ff"}"#);
        assert_eq!(bytes_as("你".as_bytes(), CopyAs::Value), "你");
    }

    #[test]
    fn a_message_is_one_json_object() {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let login = index.rows().find(|(_, row)| index.kind(row) == Some("LOGIN")).unwrap().0;
        let details = super::super::details::Details::of(login, &index, &mut index.reader());
        let json: Json = serde_json::from_str(&fields_as_json(&details.fields)).unwrap();
        assert_eq!(json["magic"], json!(0xF54D));
        assert_eq!(json["kind"], json!("LOGIN"));
        assert!(json["payload"]["user"].is_string(), "{json}");
        assert!(json["payload"]["credential"]["bytes"].is_string(), "{json}");
        let user = details.field("payload.user").unwrap();
        let copied = field_as(user, &details.captured(), CopyAs::Value).unwrap();
        assert_eq!(json["payload"]["user"], json!(copied));
    }

    #[test]
    fn a_hole_is_copied_as_a_hole_or_not_at_all() {
        let missing = framescope_parser::Missing::list([2..4]);
        let message = Captured::with_missing(b"abef", &missing);
        let range = |range, form| range_as(&message, &range, form);
        let hole = "[2 bytes not captured (2 to 3)]";
        assert_eq!(range(0..6, CopyAs::Hex).unwrap(), format!("6162 {hole} 6566"));
        assert_eq!(range(1..5, CopyAs::Value).unwrap(), format!("b{hole}e"));
        assert_eq!(range(2..3, CopyAs::Hex).unwrap(), "[1 byte not captured (2)]");
        for form in [CopyAs::Rust, CopyAs::Python, CopyAs::Json] {
            assert_eq!(range(0..6, form), Err(CopyError { form, hole: 2..4 }));
            assert_eq!(range(4..6, form), Ok(bytes_as(b"ef", form)));
        }
        let inner = |name: &str, range: Range<usize>| {
            let (name, text) = (name.to_owned(), Some("ab".to_owned()));
            Arc::new(FieldNode { name, text, range, ..FieldNode::default() })
        };
        let field = |fields| FieldNode { is_missing: true, range: 0..6, fields, ..FieldNode::default() };
        assert_eq!(field_as(&field(vec![]), &message, CopyAs::Json).unwrap(), "null");
        let cut = field(vec![inner("_captured", 0..2)]);
        let json: Json = serde_json::from_str(&field_as(&cut, &message, CopyAs::Json).unwrap()).unwrap();
        assert_eq!(json, json!({ "_captured": "ab" }));
        assert_eq!(field_as(&cut, &message, CopyAs::Value).unwrap(), format!("ab{hole}ef"));
        assert!(field_as(&cut, &message, CopyAs::Rust).is_err());
    }
}
