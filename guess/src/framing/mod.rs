//! Where messages begin and end: what a hypothesis says, and the boundaries it finds.

mod candidates;
mod enclosed;
mod escaped;
mod expected;
mod headers;
mod length;
mod lines;
mod preambles;
mod rules;
mod texts;
mod tls;
mod values;
mod weight;

pub(crate) use candidates::of_both_while;
pub use candidates::{Framed, of_both};
pub use enclosed::Enclosed;
pub(crate) use escaped::Escapes;
pub use headers::Headers;
pub(crate) use headers::named;
pub use length::{Encoding, LengthField};
pub use lines::{Follow, Lines, Mark, Word};
pub use values::Values;
pub use weight::Weight;

use std::ops::Range;

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
    /// A message begins and ends with some bytes.
    Enclosed(Enclosed),
    /// A message is a line, or several, or a line and the bytes that it counts.
    Lines(Lines),
    /// A message has headers in lines, and a body.
    Headers(Headers),
    /// A message is a value of a serialisation.
    Value(Values),
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

/// What comes before the first message that the rule finds: messages of their own, framed otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Preamble {
    /// One of so many bytes; none if that is 0.
    Bytes(usize),
    /// As many as segments.
    Segments(usize),
    /// All up to these bytes, and them.
    Through(Vec<u8>),
    /// So many with a length field of their own.
    Counted(LengthField, usize),
    /// Up to two, which are there where a run begins with some bytes.
    Optional {
        /// Them.
        mark: Vec<u8>,
        /// What each of the messages is.
        each: Box<Preamble>,
    },
}

/// So many optional messages come before the others at most.
pub(crate) const OPTIONAL: usize = 2;

impl Preamble {
    /// Where its messages begin in a run, and where the last of them ends.
    fn boundaries(&self, run: &Run) -> Vec<usize> {
        let mut boundaries = vec![0];
        if !run.begins {
            return boundaries;
        }
        match self {
            Preamble::Bytes(0) => {}
            Preamble::Segments(count) => {
                boundaries.extend((0..*count).map(|number| run.segment_end(number)));
                boundaries.dedup();
            }
            Preamble::Optional { mark, each } => {
                let mut at = 0;
                while boundaries.len() <= OPTIONAL
                    && let Some(rest) = run.bytes.get(at..)
                    && rest.starts_with(mark)
                    && let Some(length) = each.length(rest)
                {
                    at += length;
                    boundaries.push(at);
                }
            }
            Preamble::Counted(_, count) => {
                let mut at = 0;
                for _ in 0..*count {
                    at +=
                        self.length(run.bytes.get(at..).unwrap_or_default()).unwrap_or(run.bytes.len() - at);
                    boundaries.push(at);
                }
                boundaries.dedup();
            }
            one => boundaries.push(one.length(&run.bytes).unwrap_or(run.bytes.len())),
        }
        boundaries
    }

    /// Whether bytes show where it ends, not a segment.
    fn is_found(&self) -> bool {
        match self {
            Preamble::Through(_) | Preamble::Counted(..) => true,
            Preamble::Optional { each, .. } => each.is_found(),
            Preamble::Bytes(_) | Preamble::Segments(_) => false,
        }
    }

    /// How long the message is that `bytes` begin with. None if that can't be one, or its end is not there.
    fn length(&self, bytes: &[u8]) -> Option<usize> {
        let length = match self {
            Preamble::Bytes(count) => *count,
            Preamble::Through(end) => memchr::memmem::find(bytes, end)? + end.len(),
            Preamble::Counted(field, _) => field.total(bytes).flatten()?,
            Preamble::Segments(_) | Preamble::Optional { .. } => return None,
        };
        (length > 0 && length <= bytes.len()).then_some(length)
    }

    /// Where the first message of the rule begins.
    fn end(&self, run: &Run) -> usize {
        self.boundaries(run).last().copied().unwrap_or(0)
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
    /// Where those of the preamble begin, and where the last of them ends. Empty if there are none.
    pub before: Vec<usize>,
    /// Where those of the rule begin, and where the last one ends. Empty if none was found.
    pub boundaries: Vec<usize>,
    /// Where the records of TLS begin, to which the direction changes behind them, and where the last one ends. Empty if it does not.
    pub encrypted: Vec<usize>,
    /// Whether the bytes behind the last one can't be the beginning of one.
    pub is_wrong: bool,
}

impl Found {
    /// How many messages the rule finds.
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

    /// Where all messages begin and end.
    pub fn messages(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        ranges(&self.before).chain(self.of_rule()).chain(ranges(&self.encrypted))
    }

    /// Where those of the rule begin and end.
    pub fn of_rule(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        ranges(&self.boundaries)
    }
}

fn ranges(boundaries: &[usize]) -> impl Iterator<Item = Range<usize>> + '_ {
    boundaries.windows(2).filter_map(|pair| match pair {
        [from, to] => Some(*from..*to),
        _ => None,
    })
}

/// Longer messages are not believed.
const LONGEST: usize = 64 << 20;

impl Framing {
    /// The messages in a run. `most` is how many are looked for.
    pub fn find(&self, run: &Run, most: usize) -> Found {
        let mut found = Found::default();
        let before = self.preamble.boundaries(run);
        let mut at = before.last().copied().unwrap_or(0);
        if at > run.bytes.len() {
            return found;
        }
        found.before = before;
        if at == run.bytes.len() {
            return found;
        }
        let mut segment = run.segments.partition_point(|&begin| begin <= at);
        found.boundaries.push(at);
        let mut last = at;
        while at < run.bytes.len() && found.count() < most {
            while run.segments.get(segment).is_some_and(|&begin| begin <= at) {
                segment += 1;
            }
            let segment_end = run.segments.get(segment).copied().unwrap_or(run.bytes.len());
            let before = run.bytes.get(last..at).unwrap_or_default();
            match self.rule.next(run.bytes.get(at..).unwrap_or_default(), segment_end - at, before) {
                // A message does not cross datagrams.
                Next::Message(length) if !run.is_datagrams || at + length <= segment_end => {
                    (last, at) = (at, at + length);
                }
                next => {
                    found.encrypted = tls::from(run, at).unwrap_or_default();
                    found.is_wrong = found.encrypted.is_empty() && (next != Next::Cut || run.ends);
                    break;
                }
            }
            found.boundaries.push(at);
        }
        found
    }
}

impl Rule {
    /// Whether what a message is depends on the one before it.
    pub(crate) fn has_stages(&self) -> bool {
        matches!(self, Rule::Lines(lines) if lines.words.values().any(|follow| follow.apart.is_some()))
    }

    /// In how many parts of a message the rule shows, each as much as the others.
    fn parts(&self, message: &[u8]) -> usize {
        match self {
            Rule::Value(Values::Resp) => values::resp_parts(message),
            _ => 1,
        }
    }

    /// What stands first in `bytes`, of which the first segment has `segment`, after the message `before`.
    fn next(&self, bytes: &[u8], segment: usize, before: &[u8]) -> Next {
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
            Rule::Enclosed(enclosed) => enclosed.next(bytes),
            Rule::Lines(lines) => lines.next(bytes, before),
            Rule::Headers(headers) => headers.next(bytes),
            Rule::Value(values) => values.next(bytes),
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
