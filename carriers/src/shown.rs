//! Content that is shown as fields: a stretch of the message as it is, or what was unpacked from one.

use std::borrow::Cow;
use std::ops::Range;

use framescope_parser::Value;

use crate::names::stored;

/// Content, and where in the message it is.
#[derive(Clone, Debug)]
pub enum Shown<'a, 'c> {
    /// These bytes of the message, which begin at an offset in it.
    AsItIs(&'a [u8], usize),
    /// What was unpacked from that range of the message: all of it has that place.
    Unpacked(&'c [u8], Range<usize>),
}

impl<'a> Shown<'a, '_> {
    /// The content.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Shown::AsItIs(bytes, _) | Shown::Unpacked(bytes, _) => bytes,
        }
    }

    /// Where in the message a range of the content is.
    pub fn place(&self, range: Range<usize>) -> Range<usize> {
        match self {
            Shown::AsItIs(_, at) => at + range.start..at + range.end,
            Shown::Unpacked(_, place) => place.clone(),
        }
    }

    /// Where in the message all of it is.
    pub fn whole_place(&self) -> Range<usize> {
        self.place(0..self.bytes().len())
    }

    /// A range of the content as a value: text if it is UTF-8.
    pub fn value(&self, range: Range<usize>) -> Value<'a> {
        match self {
            Shown::AsItIs(bytes, _) => Value::utf8(bytes.get(range).unwrap_or_default()),
            Shown::Unpacked(bytes, _) => match Value::utf8(bytes.get(range).unwrap_or_default()) {
                Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
                Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
                _ => Value::Group,
            },
        }
    }

    /// A range of the content as the name of a field, if it can be one.
    pub fn name(&self, range: Range<usize>) -> Option<&'a str> {
        match self {
            Shown::AsItIs(bytes, _) => std::str::from_utf8(bytes.get(range)?).ok(),
            Shown::Unpacked(bytes, _) => stored(std::str::from_utf8(bytes.get(range)?).ok()?),
        }
    }

    /// A part of the content.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        match self {
            Shown::AsItIs(bytes, at) => {
                Shown::AsItIs(bytes.get(range.clone()).unwrap_or_default(), at + range.start)
            }
            Shown::Unpacked(bytes, place) => {
                Shown::Unpacked(bytes.get(range).unwrap_or_default(), place.clone())
            }
        }
    }
}
