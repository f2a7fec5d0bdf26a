//! What a person says that bytes of messages are, how far it holds, and the description that follows from it.
//!
//! A [`Statement`] is about bytes at a place of each message. The statements and what is known of where messages end give the
//! [`Basis`]: the messages. [`Basis::report`] compares all statements with all messages, describes the messages, and proposes what the
//! bytes could be of which nothing was said yet. Any statements about any messages give a description that is loaded.

mod basis;
mod holding;
mod next;
mod offers;
mod report;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use crate::checks::Check;
use crate::framing::{Encoding as LengthEncoding, LengthField};
use crate::layout::{Clock, Edge, Encoding, Form, Number, Order};

pub use basis::{Basis, Located};
pub use next::Proposal;
pub(crate) use offers::width;
pub use offers::{Offer, check_of};
pub use report::{Report, Verdict};

/// Where bytes are in each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From which end of the message `offset` counts.
    pub edge: Edge,
    /// Where they begin: so many bytes after the beginning of the message, or so many before its end.
    pub offset: usize,
    /// How many they are; None for all up to so many bytes before the end of the message as `back` says.
    pub length: Option<usize>,
    /// How many bytes of the message follow them, if `length` is None.
    pub back: usize,
}

impl Place {
    /// So many bytes, so many after the beginning of the message.
    pub fn start(offset: usize, length: usize) -> Place {
        Place { edge: Edge::Start, offset, length: Some(length), back: 0 }
    }

    /// So many bytes, the first of them so many before the end of the message.
    pub fn end(offset: usize, length: usize) -> Place {
        Place { edge: Edge::End, offset, length: Some(length), back: 0 }
    }

    /// All after the first `offset` bytes of the message but for the last `back`.
    pub fn between(offset: usize, back: usize) -> Place {
        Place { edge: Edge::Start, offset, length: None, back }
    }

    /// Where that is in a message of a length; None if it does not have all of them.
    pub fn range(&self, length: usize) -> Option<Range<usize>> {
        let from = match self.edge {
            Edge::Start => self.offset,
            Edge::End => length.checked_sub(self.offset)?,
        };
        let to = match self.length {
            Some(own) => from.checked_add(own)?,
            None => length.checked_sub(self.back)?,
        };
        (from < to && to <= length).then_some(from..to)
    }

    /// Whether two places share bytes in any message: as far as that is the same in all.
    pub fn overlaps(&self, other: &Place) -> bool {
        if self.edge != other.edge {
            let covers = |place: &Place, end: &Place| {
                place.edge == Edge::Start && place.length.is_none() && end.offset > place.back
            };
            return covers(self, other) || covers(other, self);
        }
        let range = |place: &Place| match place.edge {
            Edge::Start => {
                (place.offset, place.length.map_or(usize::MAX, |length| place.offset.saturating_add(length)))
            }
            // Counted from the end, so that the first is the farthest from it.
            Edge::End => (place.offset.saturating_sub(place.length.unwrap_or(place.offset)), place.offset),
        };
        let (one, another) = (range(self), range(other));
        one.0 < another.1 && another.0 < one.1
    }
}

/// `bytes 2 to 5`, `the last 2 bytes`, `bytes 8 to the end`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { edge, offset, length, back } = *self;
        match (edge, length) {
            (Edge::Start, None) if back > 0 => write!(f, "all from byte {offset} on but for the last {back}"),
            (Edge::Start, Some(1)) => write!(f, "byte {offset}"),
            (Edge::Start, Some(length)) => {
                write!(f, "bytes {offset} to {}", offset.saturating_add(length).saturating_sub(1))
            }
            (Edge::Start, None) => write!(f, "all from byte {offset} on"),
            (Edge::End, Some(1)) if offset == 1 => f.write_str("the last byte"),
            (Edge::End, Some(length)) if length == offset => write!(f, "the last {length} bytes"),
            (Edge::End, None) => write!(f, "the last {offset} bytes"),
            (Edge::End, Some(1)) => write!(f, "the byte {offset} before the end"),
            (Edge::End, Some(length)) => write!(f, "{length} bytes from {offset} before the end on"),
        }
    }
}

/// What bytes are.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A number in binary.
    Number(Number),
    /// A floating-point number of 4 or 8 bytes.
    Float(Order),
    /// A number that says where the message ends.
    Length {
        /// Which byte is first.
        order: Order,
        /// How many bytes follow it beside those that it counts; negative where it also counts bytes before its end.
        beyond: i64,
    },
    /// A check of other bytes.
    Check(Check),
    /// Text.
    Text(Encoding),
    /// What says of what kind the message is, and so decides what the other bytes mean.
    Kind,
    /// A number that rises from message to message of a side.
    Counter(Order),
    /// The time of the message.
    Time {
        /// How it is written.
        order: Order,
        /// What it counts.
        clock: Clock,
    },
    /// Bits with a meaning each.
    Flags(Order),
    /// The same in all messages.
    Constant(Vec<u8>),
    /// Nothing more is known.
    Bytes,
}

/// A length that is farther from the beginning of a message is none.
const FARTHEST: usize = 1 << 12;

/// What a person says.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Of which bytes.
    pub place: Place,
    /// What they are.
    pub what: What,
    /// Only of messages of this side (0 the client).
    pub side: Option<u8>,
    /// Only of messages of a kind: those that have this value in the byte at this place.
    pub kind: Option<(usize, u8)>,
}

impl Statement {
    /// The length field that it says where messages end with.
    pub(crate) fn length_field(&self) -> Option<LengthField> {
        let What::Length { order, beyond } = self.what else { return None };
        let width = self.place.length.filter(|width| (1..=8).contains(width))?;
        let width = u8::try_from(width).ok()?;
        let is_far = self.place.offset > FARTHEST || beyond.unsigned_abs() > 1 << 20;
        if self.place.edge != Edge::Start || self.kind.is_some() || is_far {
            return None;
        }
        let encoding = LengthEncoding::Integer { width, is_little: order == Order::Little, bits: width * 8 };
        Some(LengthField { offset: self.place.offset, encoding, unit: 1, beyond })
    }

    /// Whether both can't be true of the same messages, as they are about the same bytes.
    pub fn contradicts(&self, other: &Statement) -> bool {
        let may_meet = |one: Option<u8>, other: Option<u8>| one.is_none() || other.is_none() || one == other;
        let same_kind = match (self.kind, other.kind) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        may_meet(self.side, other.side) && same_kind && self.place.overlaps(&other.place)
    }
}

fn ordered(order: Order, length: Option<usize>) -> &'static str {
    match order {
        _ if length == Some(1) => "",
        Order::Big => ", big-endian",
        Order::Little => ", little-endian",
    }
}

impl What {
    /// In words, for so many bytes.
    pub fn text(&self, length: Option<usize>) -> String {
        match self {
            What::Number(number) => {
                let sign = if number.is_signed { "signed number" } else { "number" };
                format!("{sign}{}", ordered(number.order, length))
            }
            What::Float(order) => format!("floating-point number{}", ordered(*order, length)),
            What::Length { order, beyond } => {
                let counts = match *beyond {
                    0 => "length of what follows it".to_owned(),
                    1 => "length of what follows it, without 1 byte".to_owned(),
                    -1 => "length of what follows it, and 1".to_owned(),
                    beyond if beyond > 0 => format!("length of what follows it, without {beyond} bytes"),
                    beyond => format!("length of what follows it, and {}", beyond.unsigned_abs()),
                };
                format!("{counts}{}", ordered(*order, length))
            }
            What::Check(check) => {
                let text = check.to_string();
                text.split(": in ").next().unwrap_or(&text).to_owned()
            }
            What::Text(Encoding::Ascii) => "text (ASCII)".to_owned(),
            What::Text(Encoding::Utf8) => "text (UTF-8)".to_owned(),
            What::Text(Encoding::Utf16(order)) => format!("text (UTF-16{})", ordered(*order, None)),
            What::Kind => "kind of the message".to_owned(),
            What::Counter(order) => format!("counter{}", ordered(*order, length)),
            What::Time { order, clock } => format!("time, {}{}", clock_text(*clock), ordered(*order, length)),
            What::Flags(order) => format!("flags{}", ordered(*order, length)),
            What::Constant(bytes) => format!("always {}", hexadecimal(bytes)),
            What::Bytes => "bytes".to_owned(),
        }
    }
}

/// `bytes 2 to 5: length of what follows it, big-endian`.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = match (self.what.length_counts_all(self.place), &self.what) {
            (true, What::Length { order, .. }) => {
                Some(format!("length of the whole message{}", ordered(*order, self.place.length)))
            }
            _ => None,
        };
        let text = whole.unwrap_or_else(|| self.what.text(self.place.length));
        write!(f, "{}: {text}", self.place)?;
        match self.side {
            Some(0) => f.write_str(", in what the client says")?,
            Some(_) => f.write_str(", in what the server says")?,
            None => {}
        }
        if let Some((at, value)) = self.kind {
            write!(f, ", where byte {at} is 0x{value:02x}")?;
        }
        Ok(())
    }
}

impl What {
    /// Whether a length counts the whole message, if it is at a place.
    pub fn length_counts_all(&self, place: Place) -> bool {
        let end = place.offset.saturating_add(place.length.unwrap_or(0));
        matches!(self, What::Length { beyond, .. } if i64::try_from(end).is_ok_and(|end| *beyond == -end))
    }
}

fn clock_text(clock: Clock) -> String {
    match clock {
        Clock::Unix(1) => "seconds since 1970".to_owned(),
        Clock::Unix(1_000) => "milliseconds since 1970".to_owned(),
        Clock::Unix(1_000_000) => "microseconds since 1970".to_owned(),
        Clock::Unix(_) => "nanoseconds since 1970".to_owned(),
        Clock::UnixFloat => "seconds since 1970 (floating-point)".to_owned(),
        Clock::Ntp => "NTP".to_owned(),
        Clock::NtpSeconds => "seconds since 1900".to_owned(),
        Clock::FileTime => "Windows FILETIME".to_owned(),
        Clock::Ticks => ".NET ticks".to_owned(),
        Clock::Elapsed(units) => format!("{units} units a second"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const SHOWN: usize = 12;
    let mut text: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN {
        text.push("...".to_owned());
    }
    text.join(" ")
}

/// An unsigned number of some bytes.
fn binary(length: usize, order: Order, is_signed: bool) -> Option<Number> {
    let width = u8::try_from(length).ok().filter(|width| (1..=8).contains(width))?;
    Some(Number { form: Form::Binary(width), order, is_signed })
}

/// The number that some bytes are.
fn value(bytes: &[u8], order: Order) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match order {
        Order::Big => bytes.iter().fold(0, add),
        Order::Little => bytes.iter().rev().fold(0, add),
    }
}
