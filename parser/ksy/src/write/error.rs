//! Why a message can't be written, and where.

use framescope_parser::{Error, Fault, Value};

use crate::error::nearest;
use crate::plan::EnumPlan;
use crate::run::arena::Stop;

/// Why writing stopped.
#[derive(Debug)]
pub(super) enum Halt {
    /// The field at this path is not given. Where reading stopped before it, the bytes that follow are given instead.
    Missing(String),
    /// It can't be written. The path is empty where the whole message is meant.
    Failed { path: String, why: WriteError },
}

impl Halt {
    pub(super) fn error(self) -> Error {
        let why = match self {
            Halt::Missing(path) => format!("'{path}' is not given"),
            Halt::Failed { path, why } if path.is_empty() => why.to_string(),
            Halt::Failed { path, why } => format!("{path}: {why}"),
        };
        Error::new(0, "message", Fault::NotWritable { why })
    }
}

/// Why a value, or the message, can't be written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WriteError {
    #[error("its lengths depend on each other and never settle")]
    Unsettled,
    #[error("the message is larger than {0} bytes")]
    TooLarge(usize),
    #[error("an expression asks for bytes that are not written yet")]
    NotYetWritten,
    #[error("{0}")]
    Evaluation(String),
    #[error("{number} does not fit in {bits} bits")]
    DoesNotFit { number: i128, bits: u32 },
    #[error("the text has characters that its encoding does not have")]
    Unencodable,
    #[error("{text:?} is not a member of the enum {name}{hint}")]
    NotAMember { text: String, name: String, hint: String },
    #[error("expected {expected}, but {found} is given")]
    WrongKind { expected: &'static str, found: String },
}

impl WriteError {
    pub(super) fn wrong_kind(expected: &'static str, found: Option<&Value<'_>>) -> WriteError {
        let found = match found {
            None => "nothing".to_owned(),
            Some(Value::Group) => "fields".to_owned(),
            Some(Value::Bytes(_)) => "bytes".to_owned(),
            Some(Value::Text(_)) => "text".to_owned(),
            Some(other) => other.to_string(),
        };
        WriteError::WrongKind { expected, found }
    }

    pub(super) fn not_a_member(text: &str, of: &EnumPlan) -> WriteError {
        let hint = nearest(text, of.members.iter().map(|member| member.shown.as_str()));
        WriteError::NotAMember { text: text.to_owned(), name: of.name.clone(), hint }
    }
}

impl From<Stop> for WriteError {
    fn from(stop: Stop) -> WriteError {
        match stop {
            Stop::Fault(fault) => WriteError::Evaluation(fault.text),
            Stop::NeedMore(_) | Stop::Missing => WriteError::NotYetWritten,
        }
    }
}
