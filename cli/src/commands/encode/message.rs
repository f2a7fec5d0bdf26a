//! A message in JSON, as fields and as bytes.

use std::borrow::Cow;
use std::sync::Arc;

use super::talks::Talks;
use framescope_parser::{Context, Dissection, Field, Kind, Protocol, Value, hex};
use serde_json::Value as Json;
use thiserror::Error;

/// Why a message can't be written.
#[derive(Debug, Error)]
pub(super) enum EncodeError {
    #[error("not valid JSON: {0}")]
    NotJson(serde_json::Error),
    #[error(
        "the message is incomplete, so it can't be written: {missing} ([offset,length]) was not captured"
    )]
    Incomplete { missing: String },
    #[error("no protocol is called '{0}'; add --protocol FILE.ksy")]
    UnknownProtocol(String),
    #[error("the message names no protocol; add --protocol FILE.ksy, or --protocol NAME")]
    NoProtocol,
    #[error("a message is an object with a list 'fields', each with 'name' and 'value' or 'fields'")]
    NotAMessage,
    #[error("a field in '{within}' has no name")]
    NoName { within: String },
    #[error("{path}: {cause}")]
    Value { path: String, cause: ValueError },
    #[error(transparent)]
    Protocol(#[from] framescope_parser::Error),
    #[error("'{found}' is no stage of {protocol}, which has: {known}")]
    UnknownStage { found: String, protocol: String, known: String },
    #[error(
        "{cause}; in a conversation, say with \"stage\" which of these it is: {known}; and where it depends on what was said before, \
         give all messages in their order, each with \"flow\" and \"direction\", as decode prints them"
    )]
    NoStage { cause: framescope_parser::Error, known: String },
}

/// Why a field's value can't be written.
#[derive(Debug, Error)]
pub(super) enum ValueError {
    #[error("{0} is out of range for a number")]
    OutOfRange(serde_json::Number),
    #[error("'{0}' is not hexadecimal, with two digits for each byte")]
    NotHex(String),
    #[error("an object is {{\"bytes\":\"00ff\"}} or {{\"enum\":\"NAME\",\"value\":3}}")]
    OtherObject,
    #[error("a value is a number, a text, a boolean or an object")]
    OtherType,
}

/// Appends the bytes of the message in a line. A row that is not a message has none; that, and what could not be derived,
/// goes to `notes`.
pub(super) fn encode(
    line: &[u8],
    protocols: &[Arc<dyn Protocol>],
    default: Option<&Arc<dyn Protocol>>,
    talks: &mut Talks,
    out: &mut Vec<u8>,
    notes: &mut Vec<String>,
) -> Result<(), EncodeError> {
    let row: Json = serde_json::from_slice(line).map_err(EncodeError::NotJson)?;
    if let Some(other) = row.get("type").and_then(Json::as_str).filter(|row_type| *row_type != "message") {
        notes.push(format!("a row of type {other} is not a message and was left out"));
        return Ok(());
    }
    if let Some(missing) = row.get("missing").and_then(Json::as_array).filter(|missing| !missing.is_empty()) {
        let missing: Vec<String> = missing.iter().map(Json::to_string).collect();
        return Err(EncodeError::Incomplete { missing: missing.join(", ") });
    }
    let protocol = match row.get("protocol").and_then(Json::as_str) {
        None => default.ok_or(EncodeError::NoProtocol)?,
        Some(name) => {
            let named = protocols.iter().find(|protocol| protocol.name() == name);
            named.ok_or_else(|| EncodeError::UnknownProtocol(name.to_owned()))?
        }
    };
    let message = dissection(&row)?;
    let Some(mut turn) = talks.turn(&row, &**protocol) else {
        return encode_alone(&row, &**protocol, &message, out, notes);
    };
    let begin = out.len();
    let context = Context {
        stage: turn.stage,
        role: Some(turn.role),
        variables: turn.conversation.variables(),
        ..Context::default()
    };
    protocol.encode_in(&context, &message, out, notes)?;
    turn.said(out.get(begin..).unwrap_or_default());
    Ok(())
}

/// A message that is not in a conversation, or does not say where.
fn encode_alone(
    row: &Json,
    protocol: &dyn Protocol,
    message: &Dissection<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<String>,
) -> Result<(), EncodeError> {
    let known = || protocol.stages().iter().map(|stage| &stage.name[..]).collect::<Vec<_>>().join(", ");
    if let Some(found) = row.get("stage").filter(|_| !protocol.stages().is_empty()) {
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        let protocol = protocol.name().to_owned();
        return Err(EncodeError::UnknownStage { found, protocol, known: known() });
    }
    protocol.encode_noting(message, out, notes).map_err(|cause| match protocol.stages() {
        [] => EncodeError::Protocol(cause),
        _ => EncodeError::NoStage { cause, known: known() },
    })
}

/// The fields of a message: an object with a list `fields`, or the list.
fn dissection(row: &Json) -> Result<Dissection<'_>, EncodeError> {
    let list = row.as_array().or_else(|| row.get("fields")?.as_array());
    let list = list.ok_or(EncodeError::NotAMessage)?;
    let fields = list.iter().map(|json| field(json, "")).collect::<Result<_, _>>()?;
    Ok(Dissection::with_fields(fields))
}

fn field<'j>(json: &'j Json, above: &str) -> Result<Field<'j>, EncodeError> {
    let name = json.get("name").and_then(Json::as_str);
    let name = name.ok_or_else(|| EncodeError::NoName { within: above.to_owned() })?;
    let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    let place = |key| json.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let (offset, length) = (place("offset"), place("length"));
    let value = match json.get("value") {
        None | Some(Json::Null) => Value::Group,
        Some(given) => value(given).map_err(|cause| EncodeError::Value { path: path.clone(), cause })?,
    };
    let inner = json.get("fields").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let fields = inner.iter().map(|json| field(json, &path)).collect::<Result<_, _>>()?;
    Ok(Field { name, range: offset..offset.saturating_add(length), value, fields })
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
