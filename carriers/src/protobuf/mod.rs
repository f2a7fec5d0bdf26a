//! Protobuf: messages by their numbers alone, or with the names and types of `.proto` files.
//!
//! ```text
//! offset size field
//!      0    … tag     varint: the field's number, and in the lower 3 bits how its value is encoded
//!      …    … value   a varint, 4 or 8 bytes, or a length (varint) and as many bytes
//! ```
//!
//! Without a schema a field is called `field_N`; what has a length is shown as text if it reads as text, as a message if all of it is
//! fields, else as bytes. A message does not show where it ends: it is whatever a datagram, a segment or a carrier's message holds,
//! unless each has its length before it (`protobuf-delimited`).

mod codes;
mod reader;
mod schema;
#[cfg(test)]
mod tests;
mod wire;

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, CodeDomain, Confidence, Dissection, Error, Fault, Input, Kind, Measure, Memo, Names, Protocol,
    Sample, Step, Value, Visit,
};

use crate::at_least_one;

pub use self::codes::CODES;
pub(crate) use self::codes::GRPC_FLAG;
pub(crate) use self::reader::read;
pub use self::schema::{Schema, SchemaError};
use crate::shown::Shown;

/// A type of message of a schema, or any message.
#[derive(Clone, Debug)]
pub struct Protobuf {
    name: String,
    of: Option<(Arc<Schema>, usize)>,
    is_delimited: bool,
}

/// The longest message that has its length before it.
const MAX_DELIMITED: u64 = 64 << 20;

impl Default for Protobuf {
    fn default() -> Protobuf {
        Protobuf { name: "protobuf".into(), of: None, is_delimited: false }
    }
}

impl Protobuf {
    /// Any messages, each with its length as a varint before it.
    pub fn delimited() -> Protobuf {
        Protobuf { name: "protobuf-delimited".into(), of: None, is_delimited: true }
    }

    /// The messages of a type, whose full name is the name of the protocol; or, if `-delimited` follows it, such messages each with
    /// its length as a varint before it. None if the schema has none of that name.
    pub fn of(schema: &Arc<Schema>, name: &str) -> Option<Protobuf> {
        let message = name.strip_suffix("-delimited");
        let of = Some((schema.clone(), schema.message_named(message.unwrap_or(name))?));
        Some(Protobuf { name: name.into(), of, is_delimited: message.is_some() })
    }

    /// The length of the message that begins here, with its prefix, and that of the prefix.
    fn delimit(bytes: &[u8]) -> Result<(usize, usize), wire::Fault> {
        let (length, prefix) = wire::varint(bytes, 0, bytes.len())?;
        let length = usize::try_from(length.min(MAX_DELIMITED + 1)).unwrap_or(usize::MAX);
        Ok((length.saturating_add(prefix), prefix))
    }
}

impl Protocol for Protobuf {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        match (&self.of, self.is_delimited) {
            (None, false) => "protobuf without a schema: field numbers and values",
            (None, true) => "protobuf messages, each with its length as a varint before it",
            (Some(_), _) => "a protobuf message of the schema",
        }
    }

    fn ends_with_segment(&self) -> bool {
        !self.is_delimited
    }

    fn can_resync(&self) -> bool {
        !self.is_delimited
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        if !self.is_delimited {
            return Measure::Unknown;
        }
        match Protobuf::delimit(message.beginning()) {
            Ok((length, prefix))
                if length - prefix <= usize::try_from(MAX_DELIMITED).unwrap_or(usize::MAX) =>
            {
                // Any byte may be a length: what speaks for it is what it is the length of.
                let bits = match message.get(prefix..length) {
                    Some([]) | None => 0,
                    Some(contents) if wire::is_message(contents, 0..contents.len(), 0) => 16,
                    Some(_) => return Measure::Nothing,
                };
                Measure::Message { length: at_least_one(length), head: at_least_one(prefix), bits }
            }
            Err(wire::Fault::TruncatedVarint) if message.is_whole() => Measure::NeedMore,
            Err(wire::Fault::TruncatedVarint) => Measure::Unknown,
            _ => Measure::Nothing,
        }
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let bytes = input.bytes;
        if !self.is_delimited {
            return Step::Message(at_least_one(input.first_segment.min(bytes.len())));
        }
        let length = match Protobuf::delimit(bytes) {
            Ok((length, prefix))
                if length - prefix > usize::try_from(MAX_DELIMITED).unwrap_or(usize::MAX) =>
            {
                return Step::Lost;
            }
            Ok((length, _)) => length,
            Err(wire::Fault::TruncatedVarint) => bytes.len() + 1,
            Err(_) => return Step::Lost,
        };
        let there = at_least_one(bytes.len().min(length));
        match NonZeroUsize::new(length.saturating_sub(bytes.len())) {
            None => Step::Message(there),
            Some(_) if input.last => Step::Partial(there),
            Some(more) => Step::NeedMore(more),
        }
    }

    fn names(&self) -> Names {
        let of = self.of.as_ref().and_then(|(schema, of)| schema.messages.get(*of));
        Names {
            fields: vec!["*".into()],
            anywhere: vec![framescope_parser::CAPTURED.into()],
            kinds: of.map(|message| short(&message.name).into()).into_iter().collect(),
            verbatim: false,
        }
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let mut begin = 0;
        if self.is_delimited {
            let Ok((length, prefix)) = Protobuf::delimit(message) else { return };
            let number = u64::try_from(length - prefix).unwrap_or(u64::MAX);
            visit.field("length", 0..prefix, Value::Unsigned(number));
            if message.len() < length {
                return;
            }
            begin = prefix;
        }
        let bytes = message.get(begin..).unwrap_or_default();
        let of = self.of.as_ref().map(|(schema, message)| (&**schema, *message));
        if let Some(message) = of.and_then(|(schema, message)| schema.messages.get(message)) {
            visit.kind(Kind::new(0, Some(short(&message.name))));
        }
        let summary = read(of, Shown::AsItIs(bytes, begin), visit);
        visit.summary(format_args!("{summary}"));
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        let why = "protobuf is written by a library of it".into();
        Err(Error::new(0, "message", Fault::NotWritable { why }))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// The last part of a full name.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, short)| short)
}
