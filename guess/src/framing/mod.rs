//! Where messages begin and end: what a hypothesis says, and the boundaries it finds.

mod candidates;
mod expected;
mod length;
mod weight;

pub use candidates::{Framed, of_both};
pub use length::{Encoding, LengthField};
pub use weight::Weight;

use crate::Run;

/// A hypothesis on where messages end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Each segment or datagram is a message.
    Segment,
    /// All are as long.
    Fixed(usize),
    /// A field says how long the message is.
    Length(LengthField),
    /// A message ends with these bytes.
    Terminator(Vec<u8>),
    /// A message begins with these bytes, and ends where the next begins.
    Magic(Vec<u8>),
    /// A byte says which of some known lengths it has.
    Kind {
        /// Where it is.
        at: usize,
        /// The length by its value; 0 where it did not occur.
        lengths: Box<[u16; 256]>,
    },
}

/// A hypothesis on a direction: what comes before the first message, and where messages end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Framing {
    /// What comes before the first message.
    pub preamble: Preamble,
    /// Where messages end.
    pub rule: Rule,
}

/// What comes before the first message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Preamble {
    /// So many bytes.
    Bytes(usize),
    /// So many segments.
    Segments(usize),
    /// All up to these bytes, and them.
    Through(Vec<u8>),
}

impl Preamble {
    /// Where the first message of a run begins.
    fn end(&self, run: &Run) -> usize {
        match self {
            Preamble::Bytes(count) if run.begins => *count,
            Preamble::Segments(count) if run.begins => {
                run.segments.get(*count).copied().unwrap_or(run.bytes.len())
            }
            Preamble::Bytes(_) | Preamble::Segments(_) => 0,
            Preamble::Through(end) => {
                memchr::memmem::find(&run.bytes, end).map_or(run.bytes.len(), |at| at + end.len())
            }
        }
    }
}

/// What a rule says of the bytes from a place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A message of so many bytes.
    Message(usize),
    /// A message begins, and its end is not there.
    Cut,
    /// No message can begin here.
    Wrong,
}

/// The messages that a framing finds in a run.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Where they begin, and where the last one ends. Empty if none was found.
    pub boundaries: Vec<usize>,
    /// Whether the bytes behind the last one can't be the beginning of one.
    pub is_wrong: bool,
}

impl Found {
    /// How many messages.
    pub fn count(&self) -> usize {
        self.boundaries.len().saturating_sub(1)
    }

    /// How many bytes they have.
    pub fn covered(&self) -> usize {
        match self.boundaries.as_slice() {
            [first, .., last] => last - first,
            _ => 0,
        }
    }

    /// Where the messages begin and end.
    pub fn messages(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.boundaries.windows(2).filter_map(|pair| match pair {
            [from, to] => Some(*from..*to),
            _ => None,
        })
    }
}

/// Longer messages are not believed.
const LONGEST: usize = 64 << 20;

impl Framing {
    /// The messages in a run. `most` is how many are looked for.
    pub fn find(&self, run: &Run, most: usize) -> Found {
        let mut found = Found::default();
        let mut at = self.preamble.end(run);
        if at >= run.bytes.len() {
            return found;
        }
        let mut segment = run.segments.partition_point(|&begin| begin <= at);
        found.boundaries.push(at);
        while at < run.bytes.len() && found.count() < most {
            while run.segments.get(segment).is_some_and(|&begin| begin <= at) {
                segment += 1;
            }
            let segment_end = run.segments.get(segment).copied().unwrap_or(run.bytes.len());
            match self.rule.next(run.bytes.get(at..).unwrap_or_default(), segment_end - at) {
                Next::Message(length) => at += length,
                Next::Cut => {
                    found.is_wrong = run.ends;
                    break;
                }
                Next::Wrong => {
                    found.is_wrong = true;
                    break;
                }
            }
            found.boundaries.push(at);
        }
        found
    }
}

impl Rule {
    /// What stands first in `bytes`, of which the first segment has `segment`.
    fn next(&self, bytes: &[u8], segment: usize) -> Next {
        let whole = |length: usize| match length {
            0 => Next::Wrong,
            _ if length > LONGEST => Next::Wrong,
            _ if length > bytes.len() => Next::Cut,
            _ => Next::Message(length),
        };
        match self {
            Rule::Segment => whole(segment),
            Rule::Fixed(length) => whole(*length),
            Rule::Length(field) => match field.total(bytes) {
                Some(Some(length)) => whole(length),
                Some(None) => Next::Cut,
                None => Next::Wrong,
            },
            Rule::Terminator(end) => match memchr::memmem::find(bytes, end) {
                Some(at) => whole(at + end.len()),
                None => Next::Cut,
            },
            Rule::Magic(magic) => {
                let Some(rest) = bytes.strip_prefix(magic.as_slice()) else {
                    let is_cut = magic.starts_with(bytes);
                    return if is_cut { Next::Cut } else { Next::Wrong };
                };
                match memchr::memmem::find(rest, magic) {
                    Some(at) => whole(magic.len() + at),
                    None => whole(bytes.len()),
                }
            }
            Rule::Kind { at, lengths } => match bytes.get(*at) {
                None => Next::Cut,
                Some(&kind) => whole(lengths.get(usize::from(kind)).copied().unwrap_or(0).into()),
            },
        }
    }
}
