//! A composed message as a program takes it: JSON, or a command line.

use framescope_capture::export::hex;
use serde_json::{Value as Json, json};

use super::draft::Draft;
use crate::models::copying::fields_as_json;
use crate::models::details::Details;

/// The message as `framescope send` reads it: by its fields, or by its bytes where those say more.
pub fn as_json(draft: &Draft) -> String {
    let format = draft.format();
    let mut message = json!({ "protocol": format.name() });
    if let Some(stage) = format.stage() {
        message["stage"] = json!(stage);
    }
    if draft.has_given() || draft.unwritten().is_some() {
        message["bytes"] = json!(hex(draft.bytes()));
    } else {
        let read = format.dissect(draft.bytes());
        let details = Details::composed(String::new(), draft.bytes().to_vec(), &read, format.protocol());
        message["fields"] = serde_json::from_str(&fields_as_json(&details.fields)).unwrap_or(Json::Null);
    }
    message.to_string()
}

/// A command that sends the message to a target.
pub fn as_command(draft: &Draft, target: &str) -> String {
    let target = if target.is_empty() { "HOST:PORT" } else { target };
    format!("echo {} | framescope send {} -", quoted(&as_json(draft)), quoted(target))
}

/// A word as shells read it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:/_-".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
