//! From the fields of a message back to the frame they describe, whatever lengths and checks they carry.

use alloc::vec::Vec;

use super::Missive;
use super::extension::Tag;
use super::frame::FrameBuf;
use super::header::{Flags, Kind};
use crate::{Dissection, Error, Fault, Field, Value};

/// The frame with these fields. Its kind has to be given, as a number or by its name; of the others those that are not
/// are as in a plain frame.
pub(crate) fn frame_of(missive: &Missive, message: &Dissection<'_>) -> Result<FrameBuf, Error> {
    let kind = message.field("kind").ok_or(Error::new(0, "kind", Fault::Missing))?;
    let named = match &kind.value {
        Value::Text(name) => missive.kind_named(name).map(|kind| Value::Unsigned(kind.0.into())),
        _ => None,
    };
    let kind = number(kind, named.as_ref().unwrap_or(&kind.value), "kind", u8::MAX.into())?;
    let mut frame = FrameBuf::new(Kind(u8::try_from(kind).unwrap_or(u8::MAX)));
    let given = |name: &'static str, limit: u64| match message.field(name) {
        Some(field) if name == "flags" && field.value == Value::Group => Ok(Some(flags_of(field))),
        Some(field) => number(field, &field.value, name, limit).map(Some),
        None => Ok(None),
    };
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let short = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
    let byte = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
    frame.version = given("version", u8::MAX.into())?.map_or(frame.version, byte);
    frame.flags = given("flags", u16::MAX.into())?.map_or(frame.flags, |flags| Flags(short(flags)));
    frame.sequence = given("sequence", u32::MAX.into())?.map_or(frame.sequence, narrow);
    frame.channel = given("channel", u16::MAX.into())?.map_or(frame.channel, short);
    if let Some(extensions) = message.field("extensions") {
        frame.extensions = extensions_of(extensions)?;
    }
    if let Some(payload) = message.field("payload") {
        frame.payload = payload_of(payload)?;
    }
    frame.tag = match message.field("tag") {
        Some(tag) => {
            let bytes = tag.value.as_bytes().unwrap_or_default();
            let tag = bytes.try_into().map_err(|_| {
                let fault = Fault::Mismatch { expected: 16, found: bytes.len() as u64 };
                Error::new(tag.range.start, "tag", fault)
            })?;
            Some(tag)
        }
        None => None,
    };
    Ok(frame)
}

fn number(field: &Field<'_>, value: &Value<'_>, name: &'static str, limit: u64) -> Result<u64, Error> {
    let at = field.range.start;
    let value = value.as_u64().ok_or(Error::new(at, name, Fault::Missing))?;
    match value > limit {
        true => Err(Error::new(at, name, Fault::TooLong { limit, found: value })),
        false => Ok(value),
    }
}

/// The flags that are given one by one.
fn flags_of(group: &Field<'_>) -> u64 {
    let is_set = |name: &str| group.field(name).is_some_and(|flag| flag.value == Value::Bool(true));
    let set = Flags::NAMED.iter().filter(|(_, name)| is_set(name));
    set.fold(Flags(0), |flags, (flag, _)| flags | *flag).0.into()
}

fn extensions_of(area: &Field<'_>) -> Result<Vec<u8>, Error> {
    if let Some(bytes) = area.value.as_bytes() {
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::new();
    for extension in &area.fields {
        if extension.fields.is_empty() {
            // What claimed more than there was is kept as it was.
            out.extend_from_slice(bytes_of(extension)?.unwrap_or_default());
            continue;
        }
        let missing = |field| Error::new(extension.range.start, field, Fault::Missing);
        let tag = extension.field("tag").ok_or_else(|| missing("tag"))?;
        let name = tag.value.as_u64().and_then(|tag| u8::try_from(tag).ok()).ok_or_else(|| missing("tag"))?;
        let critical = tag.field("critical").is_some_and(|critical| critical.value == Value::Bool(true));
        let value = extension.field("value").ok_or_else(|| missing("value"))?;
        let value = match &value.value {
            // The TIMESTAMP is the one extension that is a number.
            Value::Unsigned(number) => number.to_be_bytes().to_vec(),
            _ => bytes_of(value)?.unwrap_or_default().to_vec(),
        };
        let length = u16::try_from(value.len()).map_err(|_| {
            let fault = Fault::TooLong { limit: u16::MAX.into(), found: value.len() as u64 };
            Error::new(extension.range.start, "value", fault)
        })?;
        out.push(name | if critical { Tag::CRITICAL } else { 0 });
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&value);
    }
    Ok(out)
}

fn payload_of(payload: &Field<'_>) -> Result<Vec<u8>, Error> {
    if let Some(bytes) = payload.value.as_bytes() {
        return Ok(bytes.to_vec());
    }
    if !payload.fields.iter().any(|field| field.name.ends_with("_length")) {
        return parts_of(payload);
    }
    let mut out = Vec::new();
    for (i, field) in payload.fields.iter().enumerate() {
        match field.name {
            "user_length" | "credential_length" => {
                // Derived from the text that follows, unless that was cut short by the payload's end.
                let length = match payload.fields.get(i + 1) {
                    Some(text) => bytes_of(text)?.unwrap_or_default().len() as u64,
                    None => field.value.as_u64().unwrap_or_default(),
                };
                let length = u16::try_from(length).map_err(|_| {
                    let fault = Fault::TooLong { limit: u16::MAX.into(), found: length };
                    Error::new(field.range.start, "payload", fault)
                })?;
                out.extend_from_slice(&length.to_be_bytes());
            }
            _ => out.extend_from_slice(bytes_of(field)?.unwrap_or_default()),
        }
    }
    Ok(out)
}

/// A payload whose lengths are not given, or that has none: its parts in any order.
fn parts_of(payload: &Field<'_>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let given = |name: &str| payload.field(name);
    if given("user").is_some() || given("credential").is_some() {
        for part in ["user", "credential"].map(given) {
            let bytes = part.map_or(Ok(None), bytes_of)?.unwrap_or_default();
            let length = u16::try_from(bytes.len()).map_err(|_| {
                let fault = Fault::TooLong { limit: u16::MAX.into(), found: bytes.len() as u64 };
                Error::new(part.map_or(0, |part| part.range.start), "payload", fault)
            })?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
    if let Some(field) = given("code") {
        let code = field.value.as_u64().and_then(|code| u16::try_from(code).ok());
        let code = code.ok_or_else(|| Error::new(field.range.start, "code", Fault::Missing))?;
        out.extend_from_slice(&code.to_be_bytes());
    }
    for field in &payload.fields {
        if !["user", "credential", "code"].contains(&field.name) {
            out.extend_from_slice(bytes_of(field)?.unwrap_or_default());
        }
    }
    Ok(out)
}

fn bytes_of<'f>(field: &'f Field<'_>) -> Result<Option<&'f [u8]>, Error> {
    match &field.value {
        Value::Group => Ok(None),
        value => value.as_bytes().map(Some).ok_or(Error::new(field.range.start, "payload", Fault::Missing)),
    }
}
