//! A message from its fields. The length of its body is derived where the head says it; chunks are written as one.

use framescope_parser::{Dissection, Error, Fault, Field, Value};

/// Appends the message.
pub(super) fn write(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    if let Some(data) = message.field("data") {
        return write_part(message, data, out);
    }
    let mut written = Vec::new();
    start_line(message, &mut written)?;
    let body = body(message)?;
    let is_chunked = message.field("chunks").is_some();
    let headers = message.field("headers").map(|headers| headers.fields.as_slice()).unwrap_or_default();
    let mut has_length = false;
    for field in headers {
        match field.name {
            "content-length" if is_chunked => {}
            "content-length" if body.is_some() => {
                has_length = true;
                let length = body.as_ref().map_or(0, Vec::len);
                written.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
            }
            _ => header(field, &mut written)?,
        }
    }
    let body = body.unwrap_or_default();
    let says_end = headers.iter().any(|field| field.name == "transfer-encoding");
    if !has_length && !says_end && !body.is_empty() && message.field("method").is_some() {
        written.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    written.extend_from_slice(b"\r\n");
    match is_chunked {
        false => written.extend_from_slice(&body),
        true => chunks(message, &body, &mut written)?,
    }
    out.extend_from_slice(&written);
    Ok(())
}

/// A chunk, or bytes as they are.
fn write_part(message: &Dissection<'_>, data: &Field<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let bytes = data.value.as_bytes().ok_or(Error::new(0, "data", Fault::Missing))?;
    match message.field("size") {
        Some(_) => {
            out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
        None => out.extend_from_slice(bytes),
    }
    Ok(())
}

fn start_line(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let word = |name: &'static str, rest: bool| {
        let value = message.field(name).map(|field| text(&field.value));
        let value = value.flatten().ok_or(Error::new(0, name, Fault::Missing))?;
        let is_bad = |byte: &u8| *byte < b' ' && *byte != b'\t' || *byte == b' ' && !rest;
        match value.iter().any(is_bad) {
            true => Err(not_writable(name, "it has a blank or a control character in it")),
            false => Ok(value),
        }
    };
    let words = match (message.field("method").is_some(), message.field("status").is_some()) {
        (true, _) => [word("method", false)?, word("target", false)?, word("version", false)?],
        (false, true) => {
            [word("version", false)?, word("status", false)?, word("reason", true).unwrap_or_default()]
        }
        (false, false) if message.field("version").is_some() => {
            [b"TRAILERS".to_vec(), word("version", false)?, Vec::new()]
        }
        (false, false) => return Err(Error::new(0, "method", Fault::Missing)),
    };
    let [first, second, third] = &words;
    out.extend_from_slice(first);
    out.push(b' ');
    out.extend_from_slice(second);
    if !third.is_empty() {
        out.push(b' ');
        out.extend_from_slice(third);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn not_writable(field: &'static str, why: &str) -> Error {
    Error::new(0, field, Fault::NotWritable { why: why.to_owned() })
}

/// A value as it is written: text and bytes as they are, numbers in decimal.
fn text(value: &Value<'_>) -> Option<Vec<u8>> {
    match value {
        Value::Text(_) | Value::Bytes(_) => value.as_bytes().map(<[u8]>::to_vec),
        Value::Unsigned(_) | Value::Signed(_) | Value::Hex(_) => {
            Some(value.as_u64()?.to_string().into_bytes())
        }
        _ => None,
    }
}

fn header(field: &Field<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let value = text(&field.value).ok_or(Error::new(0, "headers", Fault::Missing))?;
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if field.name.is_empty() || field.name.bytes().any(|byte| byte <= b' ') || value.iter().any(is_break) {
        return Err(not_writable("headers", "a name has a blank, or a value a line break in it"));
    }
    out.extend_from_slice(field.name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(&value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The body, if there is one that can be written.
fn body(message: &Dissection<'_>) -> Result<Option<Vec<u8>>, Error> {
    let Some(body) = message.field("body") else { return Ok(None) };
    let is_packed = message.field("headers.content-encoding").is_some();
    match &body.value {
        Value::Text(_) | Value::Bytes(_) if !is_packed => Ok(body.value.as_bytes().map(<[u8]>::to_vec)),
        Value::Group if !is_packed => {
            let mut json = Vec::new();
            crate::json::write(&body.fields, &mut json)?;
            Ok(Some(json))
        }
        _ => Err(not_writable(
            "body",
            "its content coding is not applied here; give it without content-encoding",
        )),
    }
}

fn chunks(message: &Dissection<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    if !body.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    for field in message.field("trailers").map(|trailers| trailers.fields.as_slice()).unwrap_or_default() {
        header(field, out)?;
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
