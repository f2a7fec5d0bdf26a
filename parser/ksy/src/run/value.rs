//! The bytes and texts of values, and comparisons.

use crate::plan::ArrayId;
use std::cmp::Ordering;

use framescope_parser::Code;

use crate::plan::{Span, Val};
use crate::run::arena::{DERIVED, Fault, Stop};

use crate::run::{MOST_DERIVED, Mode, Run};
use crate::strings::Charset;

/// How many bytes count as one step of work.
const BYTES_PER_STEP: u64 = 64;

impl<'m> Run<'_, 'm> {
    /// The bytes of a span.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        let buffer: &[u8] = match span.buffer {
            Span::MESSAGE => {
                return self.message.get(span.start as usize..span.end as usize).unwrap_or_default();
            }
            DERIVED => &self.arena.made,
            _ => &self.plan.expressions.constants,
        };
        buffer.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Whether bytes of a span were not captured.
    #[inline]
    pub(crate) fn lacks(&self, span: Span) -> bool {
        !self.message.is_whole()
            && span.buffer == Span::MESSAGE
            && self.message.lacks(span.start as usize..span.end as usize)
    }

    /// The value of bytes that were not captured. The end of a message can't be found without it.
    #[cold]
    pub(crate) fn unknown(&self) -> Result<Val, Stop> {
        if self.mode == Mode::Frame { Err(Stop::Missing) } else { Ok(Val::Missing) }
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        // Texts are valid UTF-8: they were checked or converted when they were made.
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    #[cold]
    pub(crate) fn fault(&self, code: Code, span: Span, text: impl Into<String>) -> Stop {
        Stop::Fault(Box::new(Fault { code, is_renamed: false, field: None, span, text: text.into() }))
    }

    /// A fault of a computation, which concerns no particular bytes.
    #[cold]
    pub(crate) fn wrong(&self, code: Code, text: impl Into<String>) -> Stop {
        self.fault(code, Span { buffer: Span::CONSTANTS, start: 0, end: 0 }, text)
    }

    /// Stores bytes that are not part of the message.
    pub(crate) fn make(&mut self, bytes: &[u8]) -> Result<Span, Stop> {
        if self.arena.made.len() + bytes.len() > MOST_DERIVED {
            return Err(self.wrong(
                Code::LimitExceeded,
                format!("more than {MOST_DERIVED} bytes would be derived from one message"),
            ));
        }
        Ok(self.arena.make(bytes))
    }

    /// Decodes bytes, and returns whether all of them are valid.
    pub(crate) fn decode(&mut self, span: Span, charset: Charset) -> Result<(Val, bool), Stop> {
        if charset == Charset::Unknown {
            return Err(self.fault(Code::UnknownEncoding, span, "the description names an unknown encoding"));
        }
        self.count_bytes(span)?;
        let bytes = self.bytes(span);
        if charset.is_utf8() {
            let valid = match charset {
                Charset::Ascii => bytes.is_ascii(),
                _ => std::str::from_utf8(bytes).is_ok(),
            };
            if valid {
                return Ok((Val::Str(span), true));
            }
        }
        let (text, valid) = charset.decode(bytes);
        let text = text.into_owned();
        Ok((Val::Str(self.make(text.as_bytes())?), valid))
    }

    /// Joins texts.
    pub(crate) fn join(&mut self, left: Span, right: Span) -> Result<Span, Stop> {
        let joined = [self.bytes(left), self.bytes(right)].concat();
        self.spend(joined.len() as u64 / 8)?;
        self.make(&joined)
    }

    /// Bytes of a value that is bytes, or a list of numbers that are bytes.
    pub(crate) fn as_bytes(&mut self, val: Val) -> Option<Span> {
        match val {
            Val::Bytes(span) | Val::Str(span) => Some(span),
            Val::Arr(array) => {
                self.spend(self.arena.array(array).len() as u64).ok()?;
                let bytes: Option<Vec<u8>> = self
                    .arena
                    .array(array)
                    .iter()
                    .map(|item| match item.val {
                        Val::Int(n) => {
                            u8::try_from(n).ok().or_else(|| i8::try_from(n).ok().map(i8::cast_unsigned))
                        }
                        _ => None,
                    })
                    .collect();
                self.make(&bytes?).ok()
            }
            _ => None,
        }
    }

    /// Counts the work of reading bytes.
    pub(crate) fn count_bytes(&mut self, span: Span) -> Result<(), Stop> {
        self.spend(u64::from(span.len()) / BYTES_PER_STEP)
    }

    /// Counts the work of reading what a value holds.
    pub(crate) fn count_contents(&mut self, val: Val) -> Result<(), Stop> {
        match val {
            Val::Str(span) | Val::Bytes(span) => self.count_bytes(span),
            Val::Arr(array) => self.spend(self.arena.array(array).len() as u64),
            _ => Ok(()),
        }
    }

    /// How much there is to report of a value: its bytes, or its items and their bytes.
    pub(crate) fn length_of(&self, val: Val) -> u64 {
        match val {
            Val::Str(span) | Val::Bytes(span) => span.len().into(),
            Val::Arr(array) => {
                let length = |val: Val| match val {
                    Val::Str(span) | Val::Bytes(span) => 1 + u64::from(span.len()),
                    _ => 1,
                };
                self.arena.array(array).iter().map(|item| length(item.val)).sum()
            }
            _ => 0,
        }
    }

    /// Compares two values, if they are comparable.
    pub(crate) fn compare(&mut self, left: Val, right: Val) -> Result<Option<Ordering>, Stop> {
        let mut steps = 0;
        let found = self.compared(left, right, &mut steps);
        self.spend(steps)?;
        Ok(found)
    }

    /// Compares two values, and counts the steps. Lists may contain each other more often than there are steps.
    fn compared(&self, left: Val, right: Val, steps: &mut u64) -> Option<Ordering> {
        if *steps > self.work_limit {
            return None;
        }
        #[allow(clippy::cast_precision_loss)] // A comparison with a float is inexact anyway.
        let float = |n: i128| n as f64;
        match (left, right) {
            (Val::Int(a), Val::Int(b)) => Some(a.cmp(&b)),
            (Val::Float(a), Val::Float(b)) => a.partial_cmp(&b),
            (Val::Int(a), Val::Float(b)) => float(a).partial_cmp(&b),
            (Val::Float(a), Val::Int(b)) => a.partial_cmp(&float(b)),
            (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(&b)),
            (Val::Bool(a), Val::Int(b)) => Some(i128::from(a).cmp(&b)),
            (Val::Int(a), Val::Bool(b)) => Some(a.cmp(&i128::from(b))),
            (Val::Enum(_, a), Val::Enum(_, b)) => Some(a.cmp(&b)),
            (Val::Enum(_, a), Val::Int(b)) | (Val::Int(a), Val::Enum(_, b)) => Some(a.cmp(&b)),
            (Val::Str(a) | Val::Bytes(a), Val::Str(b) | Val::Bytes(b)) => {
                *steps += u64::from(a.len().min(b.len())) / BYTES_PER_STEP;
                Some(self.bytes(a).cmp(self.bytes(b)))
            }
            (Val::Arr(a), Val::Arr(b)) => {
                let (a, b) = (self.arena.array(a), self.arena.array(b));
                for (a, b) in a.iter().zip(b) {
                    *steps += 1;
                    match self.compared(a.val, b.val, steps)? {
                        Ordering::Equal => {}
                        other => return Some(other),
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            (Val::Arr(array), Val::Bytes(span)) => self.compare_items(array, span, steps),
            (Val::Bytes(span), Val::Arr(array)) => {
                self.compare_items(array, span, steps).map(Ordering::reverse)
            }
            (Val::Null, Val::Null) => Some(Ordering::Equal),
            (Val::Obj(a), Val::Obj(b)) => (a == b).then_some(Ordering::Equal),
            _ => None,
        }
    }

    fn compare_items(&self, array: ArrayId, span: Span, steps: &mut u64) -> Option<Ordering> {
        let (items, bytes) = (self.arena.array(array), self.bytes(span));
        for (item, &byte) in items.iter().zip(bytes) {
            *steps += 1;
            match self.compared(item.val, Val::Int(byte.into()), steps)? {
                Ordering::Equal => {}
                other => return Some(other),
            }
        }
        Some(items.len().cmp(&bytes.len()))
    }

    pub(crate) fn equal(&mut self, left: Val, right: Val) -> Result<bool, Stop> {
        Ok(match (left, right) {
            // Members of different enumerations are different, whatever their numbers.
            (Val::Enum(a, _), Val::Enum(b, _)) if a != b => false,
            _ => self.compare(left, right)? == Some(Ordering::Equal),
        })
    }

    /// What kind of value it is, for a sentence.
    pub(crate) fn what(val: Val) -> &'static str {
        match val {
            Val::Null => "nothing",
            Val::Int(_) => "a whole number",
            Val::Float(_) => "a floating-point number",
            Val::Bool(_) => "a boolean",
            Val::Str(_) => "text",
            Val::Bytes(_) => "bytes",
            Val::Enum(..) => "an enum's member",
            Val::Obj(_) => "a structure",
            Val::Arr(_) => "a list",
            Val::Io(_) => "a stream",
            Val::Missing => "a value that was not captured",
        }
    }
}
