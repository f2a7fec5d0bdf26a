//! Where records begin and end.
//!
//! ```text
//! 0  1  content type: 20 change_cipher_spec, 21 alert, 22 handshake, 23 application_data, 24 heartbeat
//! 1  2  version: 03 00 to 03 04; TLS 1.3 writes 03 03
//! 3  2  length of what follows: 1 to 2^14 + 2048
//! 5  …  the fragment
//! ```
//!
//! A header has no magic and no check, but 21 of its bits are fixed: after a loss the next record is searched for, and where the
//! bytes are there a candidate counts only if another header follows it.

use core::num::NonZeroUsize;

use framescope_parser::{Captured, Code, Input, Measure, Sample, Step};

use super::codes::RECORD_TOO_LONG;
use crate::at_least_one;

/// The length of a header.
pub(crate) const HEADER: usize = 5;
/// The longest fragment: 2^14 bytes, and what encryption may add.
pub(crate) const MAX_FRAGMENT: usize = (1 << 14) + 2048;
/// The longest alert and change_cipher_spec, with what encryption adds.
const MAX_SHORT: usize = 2 + 16 + 64 + 256;

/// The content types.
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;
pub(crate) const HEARTBEAT: u8 = 24;

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) content_type: u8,
    pub(crate) version: u16,
    /// The length of the fragment.
    pub(crate) length: usize,
}

impl Header {
    /// What the first bytes say, believable or not.
    pub(crate) fn read(bytes: &[u8]) -> Option<Header> {
        let &[content_type, major, minor, high, low, ..] = bytes else { return None };
        let version = u16::from_be_bytes([major, minor]);
        let length = usize::from(u16::from_be_bytes([high, low]));
        Some(Header { content_type, version, length })
    }

    /// The header that these bytes begin with, if they do.
    fn believable(bytes: &[u8]) -> Option<Header> {
        let header = Header::read(bytes).filter(|_| may_begin(bytes))?;
        (header.length <= header.longest()).then_some(header)
    }

    fn longest(&self) -> usize {
        match self.content_type {
            CHANGE_CIPHER_SPEC | ALERT => MAX_SHORT,
            _ => MAX_FRAGMENT,
        }
    }

    /// The length of the record.
    fn total(&self) -> usize {
        HEADER + self.length
    }
}

/// Whether a record may begin with these bytes, as far as they go.
fn may_begin(bytes: &[u8]) -> bool {
    let fits = |at: usize, range: core::ops::RangeInclusive<u8>| {
        bytes.get(at).is_none_or(|byte| range.contains(byte))
    };
    let is_short = bytes.first().is_some_and(|&first| first == CHANGE_CIPHER_SPEC || first == ALERT);
    let most = if is_short { MAX_SHORT } else { MAX_FRAGMENT };
    let longest = u8::try_from(most >> 8).unwrap_or(u8::MAX);
    let is_empty = bytes.get(3) == Some(&0) && bytes.get(4) == Some(&0);
    fits(0, CHANGE_CIPHER_SPEC..=HEARTBEAT)
        && fits(1, 3..=3)
        && fits(2, 0..=4)
        && fits(3, 0..=longest)
        && !is_empty
}

/// What comes first: [`Protocol::next`](framescope_parser::Protocol::next).
#[inline]
pub(crate) fn next(input: &Input<'_>) -> Step {
    let bytes = input.bytes;
    if let Some(header) = Header::believable(bytes) {
        return match header.total().checked_sub(bytes.len()).and_then(NonZeroUsize::new) {
            None => Step::Message(at_least_one(header.total())),
            Some(_) if input.last => Step::Partial(at_least_one(bytes.len())),
            Some(missing) => Step::NeedMore(missing),
        };
    }
    if bytes.len() < HEADER && may_begin(bytes) {
        return match input.last {
            true => Step::Partial(at_least_one(bytes.len())),
            false => Step::NeedMore(at_least_one(HEADER - bytes.len())),
        };
    }
    search(input)
}

/// No record begins here: searches for the next.
fn search(input: &Input<'_>) -> Step {
    let bytes = input.bytes;
    // The first byte of a length may say it already, and then the second must not change what is said.
    let length = match *bytes {
        [_, _, _, high, low, ..] => u16::from_be_bytes([high, low]),
        [_, _, _, high] => u16::from_be_bytes([high, 0]),
        _ => 0,
    };
    let header =
        Header { content_type: bytes.first().copied().unwrap_or(0), version: 0, length: length.into() };
    let claims_too_much = bytes.get(..3).is_some_and(may_begin) && header.length > header.longest();
    let code = if claims_too_much { RECORD_TOO_LONG } else { Code::NotAFrame };
    let mut from = 1;
    // Every header has 03 in its second byte.
    while let Some(found) = memchr::memchr(3, bytes.get(from + 1..).unwrap_or_default()) {
        let at = from + found;
        let rest = bytes.get(at..).unwrap_or_default();
        match candidate(rest, input.last) {
            Candidate::Believed => return Step::Searching(at_least_one(at), code),
            Candidate::Undecided(missing) => {
                // A byte of what is skipped stays before it, which shows that it is still to be decided.
                let before = at.saturating_sub(1);
                let is_header = bytes.get(before..).is_some_and(may_begin);
                return match before {
                    0 => Step::NeedMore(missing),
                    _ if is_header => Step::Searching(at_least_one(at), code),
                    _ => Step::Searching(at_least_one(before), code),
                };
            }
            Candidate::No => from = at + 1,
        }
    }
    // The last byte may be the first of a header.
    let last_begins = bytes.len() > 1 && bytes.last().is_some_and(|last| may_begin(&[*last]));
    match input.last {
        true => Step::Skipped(at_least_one(bytes.len()), code),
        false => Step::Searching(at_least_one(bytes.len() - usize::from(last_begins)), code),
    }
}

enum Candidate {
    Believed,
    /// It would be decided with so many more bytes.
    Undecided(NonZeroUsize),
    No,
}

/// Whether a record begins here, amid bytes that are none.
fn candidate(bytes: &[u8], last: bool) -> Candidate {
    if bytes.len() < HEADER {
        return match may_begin(bytes) {
            true if last => Candidate::No,
            true => Candidate::Undecided(at_least_one(HEADER - bytes.len())),
            false => Candidate::No,
        };
    }
    let Some(header) = Header::believable(bytes) else { return Candidate::No };
    match bytes.get(header.total()..) {
        Some(follows) if follows.len() >= 3 || last => {
            if may_begin(follows) {
                Candidate::Believed
            } else {
                Candidate::No
            }
        }
        Some(follows) if !may_begin(follows) => Candidate::No,
        _ if last => Candidate::Believed,
        _ => Candidate::Undecided(at_least_one(header.total() + 3 - bytes.len())),
    }
}

/// How long a record is: [`Protocol::measure`](framescope_parser::Protocol::measure).
pub(crate) fn measure(message: Captured<'_, '_>) -> Measure {
    let beginning = message.beginning();
    let head = beginning.get(..HEADER.min(beginning.len())).unwrap_or_default();
    match Header::believable(head) {
        // Five of the first byte's values, one of the second's, five of the third's, a quarter of the fourth's.
        Some(header) => {
            Measure::Message { length: at_least_one(header.total()), head: at_least_one(HEADER), bits: 21 }
        }
        None if head.len() == HEADER || !may_begin(head) => Measure::Nothing,
        None if message.is_whole() => Measure::NeedMore,
        None => Measure::Unknown,
    }
}

/// How sure it is that these bytes are records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sureness {
    No,
    /// Some headers fit, after bytes that are no record.
    Perhaps,
    /// One or two headers fit, in the middle of a connection.
    Headers,
    /// A hello, or more headers than chance makes.
    Certain,
}

/// Whether a stream begins with records.
pub(crate) fn recognise(sample: Sample<'_>) -> Sureness {
    let mut rest = sample.bytes;
    if let Some(header) = Header::believable(rest)
        && header.content_type == HANDSHAKE
        && let Some(&[kind @ (1 | 2), 0, ..]) = rest.get(HEADER..)
    {
        let random = rest.get(HEADER + 4..HEADER + 6);
        let is_hello =
            random.is_none_or(|version| version.first() == Some(&3) || version.first() == Some(&0x7F));
        return if is_hello && kind > 0 { Sureness::Certain } else { Sureness::No };
    }
    let mut headers = 0u32;
    let mut version = None;
    // In the middle of a connection the first bytes need not be a record's: at most one record is skipped.
    let start = (0..rest.len().min(MAX_FRAGMENT)).find(|&at| {
        let bytes = rest.get(at..).unwrap_or_default();
        Header::believable(bytes).is_some_and(|header| {
            let next = bytes.get(header.total()..).unwrap_or_default();
            next.len() >= HEADER
                && Header::believable(next).is_some_and(|next| next.version == header.version)
        })
    });
    rest = rest.get(start.unwrap_or(0)..).unwrap_or_default();
    while let Some(header) = Header::believable(rest)
        && version.is_none_or(|known| known == header.version)
    {
        version = Some(header.version);
        headers += 1;
        rest = rest.get(header.total()..).unwrap_or_default();
    }
    let broke_off = rest.len() >= HEADER;
    match (headers, start) {
        (3.., None | Some(0)) if !broke_off => Sureness::Certain,
        (2, None | Some(0)) if !broke_off => Sureness::Headers,
        (1, None) if !broke_off => Sureness::Headers,
        // What is before them may be another protocol's beginning, in which TLS is agreed on.
        (4.., Some(skipped)) if !broke_off && skipped >= LONG_REST && !is_text(sample.bytes) => {
            Sureness::Headers
        }
        (2.., Some(_)) if !broke_off => Sureness::Perhaps,
        _ => Sureness::No,
    }
}

/// What is longer is rather the rest of a record than a greeting.
const LONG_REST: usize = 256;

/// Whether the first bytes are readable text.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().take(16).all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, length: usize) -> Vec<u8> {
        let mut record = vec![kind, 3, 3];
        record.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        // No byte of it looks like the beginning of a record.
        record.resize(HEADER + length, 0xAA);
        record
    }

    fn steps(bytes: &[u8], last: bool) -> Vec<Step> {
        let mut at = 0;
        let mut steps = Vec::new();
        while at < bytes.len() {
            let bytes = &bytes[at..];
            let step = next(&Input { bytes, first_segment: bytes.len(), last, offset: 0, context: None });
            steps.push(step);
            at += match step {
                Step::Message(length) | Step::Partial(length) => length.get(),
                Step::Searching(length, _) | Step::Skipped(length, _) => length.get(),
                _ => break,
            };
        }
        steps
    }

    #[test]
    fn a_record_is_found_where_another_follows_it() {
        let bytes = [&[7; 30][..], &record(23, 40), &record(21, 2)].concat();
        let found = [
            Step::Searching(at_least_one(30), Code::NotAFrame),
            Step::Message(at_least_one(45)),
            Step::Message(at_least_one(7)),
        ];
        assert_eq!(steps(&bytes, true), found);
        // Nothing follows this one yet: a byte of what is skipped stays before it.
        let alone = [&[7; 30][..], &record(23, 40)].concat();
        assert_eq!(
            steps(&alone, false),
            [Step::Searching(at_least_one(29), Code::NotAFrame), Step::NeedMore(at_least_one(3))]
        );
        // Something else does: it is none.
        let false_one = [&[7; 30][..], &record(23, 40), &[9; 9]].concat();
        assert_eq!(steps(&false_one, true), [Step::Skipped(at_least_one(84), Code::NotAFrame)]);
    }

    #[test]
    fn a_length_over_the_limit_is_said_to_be() {
        let mut bytes = record(23, MAX_FRAGMENT);
        assert_eq!(steps(&bytes, false), [Step::Message(at_least_one(HEADER + MAX_FRAGMENT))]);
        bytes[4] += 1;
        assert_eq!(steps(&bytes, true), [Step::Skipped(at_least_one(bytes.len()), RECORD_TOO_LONG)]);
    }

    #[test]
    fn a_search_is_linear_in_what_it_skips() {
        // Each byte may begin a record whose end nothing shows.
        let bytes = [22, 3, 1].repeat(100_000);
        assert!(steps(&bytes, true).len() <= bytes.len() / 3 + 2);
    }

    #[test]
    fn hellos_and_runs_of_records_are_recognised() {
        let sure = |bytes: &[u8]| recognise(Sample { bytes, segment_ends: &[bytes.len()] });
        let hello = [&[22, 3, 1, 1, 0, 1, 0, 0, 0xFC, 3, 3][..], &[9; 60]].concat();
        assert_eq!(sure(&hello), Sureness::Certain);
        let run = [record(23, 40), record(23, 50), record(23, 60)].concat();
        assert_eq!(sure(&run), Sureness::Certain);
        assert_eq!(sure(&run[7..]), Sureness::Perhaps);
        assert_eq!(sure(&record(23, 40)), Sureness::Headers);
        let rest = [vec![0xBB; 300], run.clone(), record(21, 26)].concat();
        assert_eq!(sure(&rest), Sureness::Headers);
        for none in [&b"GET / HTTP/1.1"[..], b"\x16\x03", b"\x17\x03\x03\x00\x05hello!!!!!", &[0; 40], b""] {
            assert_eq!(sure(none), Sureness::No, "{none:?}");
        }
    }
}
