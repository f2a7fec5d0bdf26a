//! From JSON to fields and their values.

use std::borrow::Cow;

use framescope_parser::{Field, Kind, Value, hex};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::EncodeError;

/// Why a field's value can't be written.
#[derive(Debug, Error)]
pub enum ValueError {
    /// Neither 64 bits nor a floating-point number can hold it.
    #[error("{0} is out of range for a number")]
    OutOfRange(serde_json::Number),
    /// The digits of bytes are wrong.
    #[error("'{0}' is not hexadecimal, with two digits for each byte")]
    NotHex(String),
    /// An object that is no value.
    #[error("an object is {{\"bytes\":\"00ff\"}} or {{\"enum\":\"NAME\",\"value\":3}}")]
    OtherObject,
    /// A list, where there is one already.
    #[error("a value is a number, a text, a boolean or an object")]
    OtherType,
}

/// The fields of a message: those in `fields`, which is a list as `decode` prints it or an object from names to values; or a list
/// of fields, or the object itself, where there are no `fields`.
///
/// In an object, a list is several fields of one name, and an object is a field with others in it, unless it is a value:
/// `{"bytes":"00ff"}` or `{"enum":"NAME","value":3}`.
///
/// # Errors
/// It is not a message, or the first field that can't be one.
pub fn fields_of(row: &Json) -> Result<Vec<Field<'_>>, EncodeError> {
    match (row, row.get("fields")) {
        (Json::Array(list), _) | (_, Some(Json::Array(list))) => listed(list, ""),
        (_, Some(Json::Object(map))) => named(map, ""),
        (Json::Object(map), None) if !map.is_empty() => named(map, ""),
        _ => Err(EncodeError::NotAMessage),
    }
}

fn listed<'j>(list: &'j [Json], above: &str) -> Result<Vec<Field<'j>>, EncodeError> {
    list.iter().map(|json| field(json, above)).collect()
}

/// A field as `decode` prints it.
fn field<'j>(json: &'j Json, above: &str) -> Result<Field<'j>, EncodeError> {
    let name = json.get("name").and_then(Json::as_str);
    let name = name.ok_or_else(|| EncodeError::NoName { within: above.to_owned() })?;
    let path = joined(above, name);
    let place = |key| json.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let (offset, length) = (place("offset"), place("length"));
    let value = match json.get("value") {
        None | Some(Json::Null) => Value::Group,
        Some(given) => value(given).map_err(|cause| EncodeError::Value { path: path.clone(), cause })?,
    };
    let fields = match json.get("fields") {
        Some(Json::Array(inner)) => listed(inner, &path)?,
        Some(Json::Object(inner)) => named(inner, &path)?,
        _ => Vec::new(),
    };
    Ok(Field { name, range: offset..offset.saturating_add(length), value, fields })
}

/// Fields by their names. One that is null is not there.
fn named<'j>(map: &'j Map<String, Json>, above: &str) -> Result<Vec<Field<'j>>, EncodeError> {
    let mut fields = Vec::new();
    for (name, given) in map {
        match given {
            Json::Null => {}
            Json::Array(items) => {
                for item in items {
                    fields.push(one(name, item, above)?);
                }
            }
            given => fields.push(one(name, given, above)?),
        }
    }
    Ok(fields)
}

fn one<'j>(name: &'j str, given: &'j Json, above: &str) -> Result<Field<'j>, EncodeError> {
    let path = joined(above, name);
    let is_value = |map: &Map<String, Json>| {
        let is_bytes = map.len() == 1 && map.get("bytes").is_some_and(Json::is_string);
        is_bytes || !map.is_empty() && map.keys().all(|key| key == "enum" || key == "value")
    };
    let (value, fields) = match given {
        Json::Object(map) if !is_value(map) => (Value::Group, named(map, &path)?),
        given => (value(given).map_err(|cause| EncodeError::Value { path, cause })?, Vec::new()),
    };
    Ok(Field { name, range: 0..0, value, fields })
}

fn joined(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

fn value(json: &Json) -> Result<Value<'_>, ValueError> {
    match json {
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::String(text) => Ok(Value::Text(Cow::Borrowed(text))),
        Json::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
            (Some(n), ..) => Ok(Value::Unsigned(n)),
            (_, Some(n), _) => Ok(Value::Signed(n)),
            (.., Some(n)) => Ok(Value::Float(n)),
            _ => Err(ValueError::OutOfRange(n.clone())),
        },
        Json::Object(map) => {
            if let Some(Json::String(digits)) = map.get("bytes") {
                return hex::decode(digits)
                    .map(|bytes| Value::Bytes(Cow::Owned(bytes)))
                    .ok_or_else(|| ValueError::NotHex(digits.chars().take(20).collect()));
            }
            let (name, value) = (map.get("enum"), map.get("value"));
            let said = name.and_then(Json::as_str);
            match (value.and_then(Json::as_u64), value.and_then(Json::as_i64)) {
                (Some(value), _) => Ok(Value::Enum(Kind::new(value, said))),
                (None, Some(value)) => Ok(Value::Enum(Kind::signed(value, said))),
                // The name alone says the number too.
                (None, None) => match said {
                    Some(name) => Ok(Value::Text(Cow::Borrowed(name))),
                    None => Err(ValueError::OtherObject),
                },
            }
        }
        Json::Null | Json::Array(_) => Err(ValueError::OtherType),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use framescope_parser::missive::{Flags, FrameBuf, Missive, Payload};
    use framescope_parser::{Dissection, Protocol};
    use serde_json::json;

    use super::*;

    fn written(message: &Json) -> Vec<u8> {
        let mut out = Vec::new();
        let message = Dissection::with_fields(fields_of(message).unwrap());
        Missive::default().encode(&message, &mut out).unwrap();
        out
    }

    #[test]
    fn a_message_is_given_by_what_matters_or_as_decode_prints_it() {
        let login = FrameBuf::of(Payload::Login { user: "ada", credential: b"\x00\x01" }).unwrap();
        let login = login.flags(Flags::CHECKSUM).sequence(7).to_bytes().unwrap();
        let short = json!({"kind": "LOGIN", "flags": {"checksum": true}, "sequence": 7,
            "payload": {"credential": {"bytes": "0001"}, "user": "ada"}});
        assert_eq!(written(&short), login);
        assert_eq!(written(&json!({"protocol": "missive", "fields": short})), login);
        let missive = Missive::default();
        let printed = serde_json::to_value(Dissection::of(&missive, &login)).unwrap();
        assert_eq!(written(&printed), login);
        assert_eq!(written(printed.get("fields").unwrap()), login);
    }

    #[test]
    fn a_list_is_several_fields_and_null_none() {
        let message = json!({"item": [1, {"at": 2}], "gone": null, "kind": {"enum": "DATA", "value": 3}});
        let fields = fields_of(&message).unwrap();
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        assert_eq!(names, ["item", "item", "kind"]);
        assert_eq!(fields[1].fields[0].value, Value::Unsigned(2));
        assert_eq!(fields[2].value, Value::Enum(Kind::new(3, Some("DATA"))));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_path() {
        let error = |json: Json| fields_of(&json).unwrap_err().to_string();
        assert!(error(json!({})).contains("a message is an object"));
        assert_eq!(
            error(json!({"a": {"b": {"bytes": "0"}}})),
            "a.b: '0' is not hexadecimal, with two digits for each byte"
        );
        assert_eq!(error(json!({"fields": [{"value": 1}]})), "a field in '' has no name");
        assert!(error(json!({"a": [[1]]})).starts_with("a: a value is a number"));
    }
}
