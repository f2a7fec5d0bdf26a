//! Messages in JSON, as `framescope decode --format json` prints them or with only the fields that matter, as fields and as bytes.

mod json;
mod talks;

use framescope_parser::{Context, Dissection, Protocol};
use serde_json::Value as Json;
use std::sync::Arc;
use thiserror::Error;

pub use self::json::{ValueError, fields_of};
pub use self::talks::{Talks, Turn};

/// Why a message can't be written.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The line is not JSON.
    #[error("not valid JSON: {0}")]
    NotJson(serde_json::Error),
    /// Some of its bytes are not known.
    #[error(
        "the message is incomplete, so it can't be written: {missing} ([offset,length]) was not captured"
    )]
    Incomplete {
        /// Where they are.
        missing: String,
    },
    /// There is no protocol of that name.
    #[error("no protocol is called '{0}'; add --protocol FILE.ksy")]
    UnknownProtocol(String),
    /// Nothing says which protocol the message is of.
    #[error("the message names no protocol; add --protocol FILE.ksy, or --protocol NAME")]
    NoProtocol,
    /// It has another shape than messages have.
    #[error(
        "a message is an object with its 'fields': an object, or a list in which each has a 'name' and a 'value' or 'fields'"
    )]
    NotAMessage,
    /// A field in a list has no name.
    #[error("a field in '{within}' has no name")]
    NoName {
        /// The path of the field around it.
        within: String,
    },
    /// A value can't be one of a field.
    #[error("{path}: {cause}")]
    Value {
        /// The field's path.
        path: String,
        /// Why.
        cause: ValueError,
    },
    /// The protocol can't write the fields.
    #[error(transparent)]
    Protocol(#[from] framescope_parser::Error),
    /// A field of it can't be changed.
    #[error(transparent)]
    Edit(#[from] crate::EditError),
    /// The protocol has no such stage.
    #[error("'{found}' is no stage of {protocol}, which has: {known}")]
    UnknownStage {
        /// The name that was given.
        found: String,
        /// The protocol's name.
        protocol: String,
        /// The names of its stages.
        known: String,
    },
    /// The protocol has stages, none was given, and the fields fit none.
    #[error(
        "{cause}; in a conversation, say with \"stage\" which of these it is: {known}; and where it depends on what was said before, \
         give all messages in their order, each with \"flow\" and \"direction\", as decode prints them"
    )]
    NoStage {
        /// Why the fields can't be written.
        cause: framescope_parser::Error,
        /// The names of its stages.
        known: String,
    },
}

/// Appends the bytes of the message in a line. A row that is not a message has none; that, and what could not be derived,
/// goes to `notes`.
///
/// # Errors
/// What is wrong with the line, or with the message.
pub fn encode_line(
    line: &[u8],
    protocols: &[Arc<dyn Protocol>],
    default: Option<&Arc<dyn Protocol>>,
    talks: &mut Talks,
    out: &mut Vec<u8>,
    notes: &mut Vec<String>,
) -> Result<(), EncodeError> {
    let row: Json = serde_json::from_slice(line).map_err(EncodeError::NotJson)?;
    if let Some(note) = no_message(&row)? {
        notes.push(note);
        return Ok(());
    }
    let protocol = protocol_of(&row, protocols, default)?;
    let message = Dissection::with_fields(fields_of(&row)?);
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

/// A note on a row that is not a message, and so has nothing to encode.
///
/// # Errors
/// It is a message of which bytes are missing.
pub fn no_message(row: &Json) -> Result<Option<String>, EncodeError> {
    if let Some(other) = row.get("type").and_then(Json::as_str).filter(|row_type| *row_type != "message")
        && row.get("fields").is_some()
    {
        return Ok(Some(format!("a row of type {other} is not a message and was left out")));
    }
    if let Some(missing) = row.get("missing").and_then(Json::as_array).filter(|missing| !missing.is_empty()) {
        let missing: Vec<String> = missing.iter().map(Json::to_string).collect();
        return Err(EncodeError::Incomplete { missing: missing.join(", ") });
    }
    Ok(None)
}

/// The protocol that a row names, among `protocols`, or else the default one.
///
/// # Errors
/// There is no such protocol, or it names none and there is no default.
pub fn protocol_of<'p>(
    row: &Json,
    protocols: &'p [Arc<dyn Protocol>],
    default: Option<&'p Arc<dyn Protocol>>,
) -> Result<&'p Arc<dyn Protocol>, EncodeError> {
    match row.get("protocol").and_then(Json::as_str).filter(|_| row.get("fields").is_some()) {
        None => default.ok_or(EncodeError::NoProtocol),
        Some(name) => {
            let named = protocols.iter().find(|protocol| protocol.name() == name);
            named.ok_or_else(|| EncodeError::UnknownProtocol(name.to_owned()))
        }
    }
}

/// A message that is not in a conversation, or does not say where.
fn encode_alone(
    row: &Json,
    protocol: &dyn Protocol,
    message: &Dissection<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<String>,
) -> Result<(), EncodeError> {
    if let Some(found) = row.get("stage").filter(|_| !protocol.stages().is_empty()) {
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        return Err(unknown_stage(found, protocol));
    }
    protocol.encode_noting(message, out, notes).map_err(|cause| match protocol.stages() {
        [] => EncodeError::Protocol(cause),
        _ => EncodeError::NoStage { cause, known: stages_of(protocol) },
    })
}

pub(crate) fn unknown_stage(found: String, protocol: &dyn Protocol) -> EncodeError {
    EncodeError::UnknownStage { found, protocol: protocol.name().to_owned(), known: stages_of(protocol) }
}

fn stages_of(protocol: &dyn Protocol) -> String {
    protocol.stages().iter().map(|stage| &stage.name[..]).collect::<Vec<_>>().join(", ")
}
