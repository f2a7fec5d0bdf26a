//! A composed message as a program takes it: JSON, or a command line.

use serde_json::{Value as Json, json};

use super::draft::Draft;
use super::places;
use super::values::{edited_text, number_of};

/// The message as `framescope send` reads it, by its fields; None if these alone do not say what its bytes are.
pub fn as_json(draft: &Draft) -> Option<String> {
    (!draft.has_given() && is_written_from_fields(draft)).then(|| json_of(draft))
}

/// Whether one line of JSON says what the message is.
fn is_written_from_fields(draft: &Draft) -> bool {
    draft.unwritten().is_none() && !draft.format().depends_on_others()
}

fn json_of(draft: &Draft) -> String {
    let format = draft.format();
    let read = format.dissect(draft.derived());
    // Fields always serialize.
    let mut fields = serde_json::to_value(&read.fields).unwrap_or_default();
    without_places(&mut fields);
    let message = match format.stage() {
        Some(stage) => json!({ "protocol": format.name(), "stage": stage, "fields": fields }),
        None => json!({ "protocol": format.name(), "fields": fields }),
    };
    message.to_string()
}

/// Where fields are follows from them.
fn without_places(fields: &mut Json) {
    for field in fields.as_array_mut().into_iter().flatten() {
        if let Some(field) = field.as_object_mut() {
            field.remove("offset");
            field.remove("length");
            field.get_mut("fields").into_iter().for_each(without_places);
        }
    }
}

/// A command that sends the message to a target.
pub fn as_command(draft: &Draft, target: &str) -> String {
    let target = quoted(if target.is_empty() { "HOST:PORT" } else { target });
    match breaks(draft).filter(|_| is_written_from_fields(draft)) {
        Some(breaks) => format!("echo {} | framescope send {target} -{breaks}", quoted(&json_of(draft))),
        None => format!("printf {} | framescope send {target} - --raw", quoted(&octal(draft.bytes()))),
    }
}

/// What makes the fields wrong that are as given; None if that are not numbers only.
fn breaks(draft: &Draft) -> Option<String> {
    let sent = draft.format().dissect(draft.bytes());
    let mut out = String::new();
    for path in draft.given() {
        let value = &places::field(&sent, path)?.value;
        number_of(value)?;
        out.push_str(&format!(" --break {}", quoted(&format!("{path}={}", edited_text(value)?))));
    }
    Some(out)
}

/// Bytes as every shell's `printf` writes them.
fn octal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        match byte {
            b'%' => out.push_str("%%"),
            b'\\' | b'\'' => out.push_str(&format!("\\{byte:03o}")),
            0x20..=0x7e => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out
}

/// A word as shells read it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:/_-".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
