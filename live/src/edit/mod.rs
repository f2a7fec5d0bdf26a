//! Changes to one field of a message, as they are typed: `kind == DATA: payload.content = "x"`, `payload_length += 1`.
//!
//! A field is changed where its bytes are, and everything else stays as it is: also a length, which then is false. The checks over it
//! are computed again. Only a value of another length has the whole message written anew by its protocol, which derives lengths. Nothing
//! is sent here.

mod parse;
mod place;

use std::io;
use std::sync::Arc;

use framescope_capture::filter::{Filter, FilterError};
use framescope_capture::{Index, Options, RowId};
use framescope_parser::{Captured, Context, Dissection, Protocol, SpanType, Value};
use thiserror::Error;

pub use self::parse::EditParseError;
use self::parse::{Change, Path};
pub(crate) use self::place::number;

/// A name is looked for among so many numbers where the protocol does not write it.
const MOST_NAMED: i128 = 1024;

/// A change to one field of the messages that a filter matches.
///
/// ```
/// use framescope_live::Edit;
/// use framescope_capture::Options;
/// use framescope_parser::{Dissection, missive::{Flags, FrameBuf, Kind, Missive}};
///
/// let message = FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).payload("hello").to_bytes()?;
/// let edit = Edit::parse("kind == DATA: payload_length += 1", &Options::default())?;
/// let changed = edit.change(&Missive::default(), None, &message)?;
/// // The length is false, and all checks hold: the receiver gets to see it.
/// assert_eq!((changed.len(), changed[11]), (message.len(), 6));
/// let text = Edit::parse("payload.content = \"hello, you\"", &Options::default())?;
/// assert!(Dissection::of(&Missive::default(), &text.change(&Missive::default(), None, &message)?).problems.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Edit {
    filter: Option<Filter>,
    path: Path,
    change: Change,
}

/// Why a message can't be changed so.
#[derive(Debug, Error)]
pub enum EditError {
    /// The message does not have the field.
    #[error("{what} has no field '{path}'")]
    NoField {
        /// The message, by its kind.
        what: String,
        /// The field's path.
        path: String,
    },
    /// Bytes of the message are not known.
    #[error("the message is not whole, so it can't be changed")]
    NotWhole,
    /// The field has other values than that.
    #[error("'{path}' is {found}: {why}")]
    OtherType {
        /// The field's path.
        path: String,
        /// Its value.
        found: String,
        /// What does not fit.
        why: &'static str,
    },
    /// The value can't be where the field is, and the message can't be written with it.
    #[error("'{path}' can't be {wanted}: {why}")]
    NotWritten {
        /// The field's path.
        path: String,
        /// The value.
        wanted: String,
        /// Why the protocol does not write it.
        why: String,
    },
}

impl Edit {
    /// Parses `FIELD = VALUE`, `FIELD += N` or `FIELD -= N`, after a filter and a colon if only the messages that it matches are to be
    /// changed. A `FIELD` alone is given a wrong value, and `FIELD+N` and `FIELD-N` are short for the other two.
    ///
    /// FIELD is a path of names joined by dots, of which the first may be left out; `items[1].name` is the second field of that
    /// name. VALUE is a number, a `name` of the field's enum, a `"text"`, bytes as `x"00ff"`, `true` or `false`.
    ///
    /// # Errors
    /// What can't be understood, and where; or a name that no protocol has.
    pub fn parse(text: &str, options: &Options) -> Result<Edit, EditParseError> {
        Edit::parse_with(text, &options.protocols)
    }

    /// The same with these protocols; names are not checked where there are none.
    ///
    /// # Errors
    /// As [`parse`](Edit::parse).
    pub fn parse_with(text: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Edit, EditParseError> {
        let (condition, rest) = parse::divided(text);
        let filter = condition.map(|condition| Filter::parse(condition.trim(), protocols)).transpose();
        let filter = filter.map_err(|error: FilterError| EditParseError::Filter(Box::new(error)))?;
        let (path, change) = parse::change(rest)?;
        path.check(protocols)?;
        Ok(Edit { filter, path, change })
    }

    /// Sets a field to a value that another message had.
    ///
    /// # Errors
    /// The path is not written as one.
    pub fn set(path: &str, value: &Value<'_>) -> Result<Edit, EditParseError> {
        Ok(Edit { filter: None, path: Path::parse(path)?, change: Change::of(value) })
    }

    /// Which messages are changed; None for all.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// The path of the field, as it was given.
    pub fn path(&self) -> &str {
        self.path.as_str()
    }

    /// The bytes of a row's message with the field changed.
    ///
    /// # Errors
    /// The capture can't be read any more; or, within, the message can't be changed so.
    pub fn apply(&self, index: &Index, row: RowId) -> io::Result<Result<Vec<u8>, EditError>> {
        let Some(row) = index.row(row) else { return Ok(Err(EditError::NotWhole)) };
        let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader())?;
        let is_whole = row.span_type == SpanType::Message && bytes.len() as u64 == row.length;
        let Some(protocol) = index.protocol(&row).filter(|_| is_whole) else {
            return Ok(Err(EditError::NotWhole));
        };
        Ok(index.with_context(&row, |context| self.change(protocol, context, &bytes)))
    }

    /// The bytes of a message with the field changed. `protocol` is the one of its stage, in a protocol with stages.
    ///
    /// # Errors
    /// It has no such field, or can't be written with the value.
    pub fn change(
        &self,
        protocol: &dyn Protocol,
        context: Option<&Context<'_>>,
        bytes: &[u8],
    ) -> Result<Vec<u8>, EditError> {
        let message = Message { protocol, context, bytes };
        let mut read = message.read(bytes);
        let path = self.path.as_str().to_owned();
        let Some(field) = self.path.find_mut(&mut read.fields) else {
            let what = match &read.kind {
                Some(kind) => format!("this {kind}"),
                None => format!("this message of {}", protocol.name()),
            };
            return Err(EditError::NoField { what, path });
        };
        let (old, range) = (field.value.clone(), field.range.clone());
        let mut wanted = self.change.applied(&old, &path)?;
        if let (Value::Text(name), true) = (&wanted, place::number(&old).is_some()) {
            wanted = message.named(&self.path, (&range, &old), name).ok_or_else(|| EditError::OtherType {
                path: path.clone(),
                found: old.to_string(),
                why: "there is no such name for its number",
            })?;
        }
        if let Some(changed) = message.in_place(&self.path, &range, &old, &wanted) {
            return Ok(changed);
        }
        message.written(&self.path, &wanted).or_else(|refused| {
            // What is derived is wrong on purpose then.
            message.spliced(&self.path, &range, (&old, &wanted)).ok_or(refused)
        })
    }
}

/// Whether a field of that path may be in a message of these protocols.
pub(crate) fn check_path(path: &str, protocols: &[Arc<dyn Protocol>]) -> Result<(), EditParseError> {
    Path::parse(path)?.check(protocols)
}

/// A message that is changed.
#[derive(Clone, Copy)]
struct Message<'m> {
    protocol: &'m dyn Protocol,
    context: Option<&'m Context<'m>>,
    bytes: &'m [u8],
}

impl<'m> Message<'m> {
    fn read<'a>(&'a self, bytes: &'a [u8]) -> Dissection<'a> {
        let mut found = Dissection::default();
        Captured::whole(bytes).in_context(self.context).dissect(self.protocol, &mut found);
        found
    }

    /// The value of a field in other bytes.
    fn value_in(&self, path: &Path, bytes: &[u8]) -> Option<Value<'static>> {
        let mut found = self.read(bytes);
        path.find_mut(&mut found.fields).map(|field| place::owned(&field.value))
    }

    fn encode(&self, message: &Dissection<'_>) -> Result<Vec<u8>, framescope_parser::Error> {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        match self.context {
            Some(context) => self.protocol.encode_in(context, message, &mut out, &mut notes)?,
            None => self.protocol.encode_noting(message, &mut out, &mut notes)?,
        }
        Ok(out)
    }

    /// The number that a name of the field's enum is for: as the protocol writes the name, or else the one that is read as it.
    fn named(
        &self,
        path: &Path,
        old: (&std::ops::Range<usize>, &Value<'_>),
        name: &str,
    ) -> Option<Value<'static>> {
        let mut message = self.read(self.bytes);
        path.find_mut(&mut message.fields)?.value = Value::Text(name.into());
        if let Ok(bytes) = self.encode(&message)
            && let Some(value) = self.value_in(path, &bytes)
            && place::number(&value).is_some()
        {
            return Some(value);
        }
        let (range, value) = old;
        (0..MOST_NAMED).find_map(|number| {
            let wanted = place::with_number(value, number)?;
            let bytes = self.in_place(path, range, value, &wanted)?;
            let mut found = self.read(&bytes);
            match path.find_mut(&mut found.fields)?.value {
                Value::Enum(kind) if kind.name == Some(name) => Some(wanted),
                _ => None,
            }
        })
    }

    /// The bytes with the value where the field is, and with the checks over it: if it has room there, and reads back.
    fn in_place(
        &self,
        path: &Path,
        range: &std::ops::Range<usize>,
        old: &Value<'_>,
        wanted: &Value<'_>,
    ) -> Option<Vec<u8>> {
        let field = self.bytes.get(range.clone()).filter(|field| !field.is_empty())?;
        let candidates = place::candidates(field, old, wanted);
        // Where the value can be in one way only, it may also make the rest unreadable.
        let is_only = candidates.iter().filter(|candidate| candidate.is_sure).count() == 1;
        for candidate in &candidates {
            let mut changed = self.bytes.to_vec();
            changed.splice(range.clone(), candidate.bytes.iter().copied());
            let found = self.value_in(path, &changed);
            if found.as_ref().is_some_and(|found| place::is_same(found, wanted))
                || found.is_none() && is_only && candidate.is_sure
            {
                if changed.len() == self.bytes.len() {
                    let message = Captured::whole(self.bytes).in_context(self.context);
                    self.protocol.renew_checks(message, &mut changed);
                }
                return Some(changed);
            }
        }
        None
    }

    /// The bytes with a text of another length where one is as it is, if that reads back.
    fn spliced(
        &self,
        path: &Path,
        range: &std::ops::Range<usize>,
        (old, wanted): (&Value<'_>, &Value<'_>),
    ) -> Option<Vec<u8>> {
        let (old, new) = (old.as_bytes()?, wanted.as_bytes()?);
        self.bytes.get(range.clone()).filter(|field| !field.is_empty() && *field == old)?;
        let mut changed = self.bytes.to_vec();
        changed.splice(range.clone(), new.iter().copied());
        let found = self.value_in(path, &changed)?;
        place::is_same(&found, wanted).then_some(changed)
    }

    /// The message as its protocol writes it with the value.
    fn written(&self, path: &Path, wanted: &Value<'_>) -> Result<Vec<u8>, EditError> {
        let mut message = self.read(self.bytes);
        let refused = |why: String| EditError::NotWritten {
            path: path.as_str().to_owned(),
            wanted: wanted.to_string(),
            why,
        };
        if let Some(field) = path.find_mut(&mut message.fields) {
            field.value = wanted.clone();
            if !matches!(wanted, Value::Group) {
                field.fields.clear();
            }
        }
        let bytes = self.encode(&message).map_err(|error| refused(error.to_string()))?;
        match self.value_in(path, &bytes) {
            Some(found) if place::is_same(&found, wanted) => Ok(bytes),
            Some(found) => Err(refused(format!("it follows from other fields, and is {found} then"))),
            None => Err(refused("the message has no such field then".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
