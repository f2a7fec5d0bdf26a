//! From the fields of a message back to the frame they describe, whatever lengths and checks they carry.

use alloc::vec::Vec;

use super::extension::Tag;
use super::frame::FrameBuf;
use super::header::{Flags, Kind};
use crate::{Dissection, Error, Fault, Field, Value};

pub(crate) fn frame_of(message: &Dissection<'_>) -> Result<FrameBuf, Error> {
    let missing = |field| Error::new(0, field, Fault::Missing);
    let number = |name: &'static str, limit: u64| {
        let field = message.field(name).ok_or_else(|| missing(name))?;
        let value =
            field.value.as_u64().ok_or_else(|| Error::new(field.range.start, name, Fault::Missing))?;
        if value > limit {
            let fault = Fault::TooLong { limit, found: value };
            return Err(Error::new(field.range.start, name, fault));
        }
        Ok(value)
    };
    let narrow = |name, limit: u64| number(name, limit).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let byte = |name| narrow(name, u8::MAX.into()).map(|value| u8::try_from(value).unwrap_or(u8::MAX));
    let short = |name| narrow(name, u16::MAX.into()).map(|value| u16::try_from(value).unwrap_or(u16::MAX));

    let mut frame = FrameBuf::new(Kind(byte("kind")?));
    frame.version = byte("version")?;
    frame.flags = Flags(short("flags")?);
    frame.sequence = narrow("sequence", u32::MAX.into())?;
    frame.channel = short("channel")?;
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
            "code" => {
                let code = field.value.as_u64().and_then(|code| u16::try_from(code).ok());
                let code = code.ok_or_else(|| Error::new(field.range.start, "code", Fault::Missing))?;
                out.extend_from_slice(&code.to_be_bytes());
            }
            _ => out.extend_from_slice(bytes_of(field)?.unwrap_or_default()),
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
