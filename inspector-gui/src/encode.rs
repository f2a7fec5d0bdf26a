//! `framescope encode`: from the JSON that `framescope decode --format json` prints back to the bytes of messages.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use framescope_parser::{Dissection, Field, Kind, Protocol, Value, hex};
use serde_json::Value as Json;

/// Longest line that is taken as a message.
const LONGEST_LINE: u64 = 256 << 20;

/// What became of the messages.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// How many could not be written.
    pub(crate) refused: u64,
}

/// Writes the bytes of each message that `input` describes, a JSON object a line, one after another. What is no message or
/// can't be written is told and left out.
///
/// # Errors
/// `input` can't be read, or `out` can't be written.
pub(crate) fn encode(
    input: &mut dyn BufRead,
    protocols: &[Arc<dyn Protocol>],
    usual: Option<&Arc<dyn Protocol>>,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(&str),
) -> io::Result<Encoded> {
    let (mut encoded, mut line, mut number) = (Encoded::default(), Vec::new(), 0u64);
    let (mut bytes, mut notes) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        number += 1;
        if io::Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(encoded);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        bytes.clear();
        notes.clear();
        match message(&line, protocols, usual, &mut bytes, &mut notes) {
            Ok(()) => out.write_all(&bytes)?,
            Err(why) => {
                encoded.refused += 1;
                tell(&format!("line {number}: {why}"));
            }
        }
        notes.iter().for_each(|note| tell(&format!("line {number}: {note}")));
    }
}

fn message(
    line: &[u8],
    protocols: &[Arc<dyn Protocol>],
    usual: Option<&Arc<dyn Protocol>>,
    out: &mut Vec<u8>,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    let row: Json = serde_json::from_slice(line).map_err(|error| format!("this is no JSON: {error}"))?;
    if let Some(other) = row.get("type").and_then(Json::as_str).filter(|row_type| *row_type != "message") {
        notes.push(format!("a row of the type {other} is no message: it is left out"));
        return Ok(());
    }
    if let Some(missing) = row.get("missing").and_then(Json::as_array).filter(|missing| !missing.is_empty()) {
        let stretches: Vec<String> = missing.iter().map(Json::to_string).collect();
        return Err(format!(
            "the message is incomplete, so it can't be written: it lacks {} ([offset,length])",
            stretches.join(", ")
        ));
    }
    let named = match row.get("protocol").and_then(Json::as_str) {
        None => None,
        Some(name) => Some(
            protocols
                .iter()
                .find(|protocol| protocol.name() == name)
                .ok_or_else(|| format!("no protocol is called {name:?}; add --protocol FILE.ksy"))?,
        ),
    };
    let protocol = named
        .or(usual)
        .ok_or_else(|| "the message names no protocol: add --protocol FILE.ksy, or its name".to_owned())?;
    let message = dissection(&row)?;
    protocol.encode_noting(&message, out, notes).map_err(|error| error.to_string())
}

/// The fields of a message: an object with a list `fields`, or the list.
pub(crate) fn dissection(row: &Json) -> Result<Dissection<'_>, String> {
    let list = row.as_array().or_else(|| row.get("fields")?.as_array());
    let list = list.ok_or_else(|| {
        "a message is an object with a list 'fields', each with 'name' and 'value' or 'fields'".to_owned()
    })?;
    let fields = list.iter().map(|json| field(json, "")).collect::<Result<_, _>>()?;
    Ok(Dissection::with_fields(fields))
}

fn field<'j>(json: &'j Json, above: &str) -> Result<Field<'j>, String> {
    let name = json.get("name").and_then(Json::as_str);
    let name = name.ok_or_else(|| format!("a field in '{above}' has no name"))?;
    let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    let place = |key| json.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let (offset, length) = (place("offset"), place("length"));
    let value = match json.get("value") {
        None | Some(Json::Null) => Value::Group,
        Some(given) => value(given).map_err(|why| format!("{path}: {why}"))?,
    };
    let inner = json.get("fields").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let fields = inner.iter().map(|json| field(json, &path)).collect::<Result<_, _>>()?;
    Ok(Field { name, range: offset..offset.saturating_add(length), value, fields })
}

fn value(json: &Json) -> Result<Value<'_>, String> {
    match json {
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::String(text) => Ok(Value::Text(Cow::Borrowed(text))),
        Json::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
            (Some(n), ..) => Ok(Value::Unsigned(n)),
            (_, Some(n), _) => Ok(Value::Signed(n)),
            (.., Some(n)) => Ok(Value::Float(n)),
            _ => Err(format!("{n} is no number that fits")),
        },
        Json::Object(map) => {
            if let Some(Json::String(digits)) = map.get("bytes") {
                let begins: String = digits.chars().take(20).collect();
                return hex::decode(digits)
                    .map(|bytes| Value::Bytes(Cow::Owned(bytes)))
                    .ok_or_else(|| format!("{begins:?} are no hexadecimal digits, two for each byte"));
            }
            match (map.get("value").and_then(Json::as_u64), map.get("enum")) {
                (Some(value), name) => Ok(Value::Enum(Kind { value, name: name.and_then(Json::as_str) })),
                // The name alone says the number too.
                (None, Some(Json::String(name))) => Ok(Value::Text(Cow::Borrowed(name))),
                _ => Err("an object is {\"bytes\":\"00ff\"} or {\"enum\":\"NAME\",\"value\":3}".to_owned()),
            }
        }
        Json::Null | Json::Array(_) => Err("a value is a number, a text, a boolean or an object".to_owned()),
    }
}
