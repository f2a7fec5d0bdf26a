//! Where frames begin and end in a stream, also in a damaged one: the rules of the format's resynchronisation.
//!
//! A header is trusted only if its magic and its check hold. What is not trusted is skipped up to the next header that
//! is. A frame whose checksum fails and that nothing sensible follows had a false length: only its header is skipped,
//! so that the frames inside its claimed length are found.

use core::num::NonZeroUsize;

use memchr::memmem::Finder;

use super::Missive;
use super::check::{self, CHECKSUM_LENGTH};
use super::header::{Flags, Header, may_begin};
use crate::{Code, Input, Memo, Step};

/// What some bytes begin with.
enum Probe {
    /// A header whose check holds.
    Believed(Header),
    /// Too few bytes to decide, and those there are could begin a header.
    Short,
    /// No header.
    Nothing,
}

fn probe(bytes: &[u8]) -> Probe {
    match Header::believed(bytes) {
        Some(header) => Probe::Believed(header),
        None if bytes.len() < Header::LENGTH && (may_begin(bytes) || bytes.is_empty()) => Probe::Short,
        None => Probe::Nothing,
    }
}

/// Where the first header that can be trusted begins, or one of which too few bytes are there.
pub(crate) fn find_header(bytes: &[u8], from: usize) -> Option<usize> {
    let magics = Finder::new(&Header::MAGIC);
    let mut from = from;
    while let Some(found) = magics.find(bytes.get(from..)?) {
        let at = from + found;
        match probe(bytes.get(at..)?) {
            Probe::Believed(_) | Probe::Short => return Some(at),
            Probe::Nothing => from = at + Header::MAGIC.len(),
        }
    }
    // The first half of a magic may be the last byte.
    let last = bytes.len().checked_sub(1).filter(|&last| last >= from)?;
    may_begin(bytes.get(last..)?).then_some(last)
}

/// Whether a header that can be trusted is anywhere in the bytes.
pub(crate) fn has_header(bytes: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = find_header(bytes, from) {
        if matches!(probe(bytes.get(at..).unwrap_or_default()), Probe::Believed(_)) {
            return true;
        }
        from = at + 1;
    }
    false
}

pub(crate) fn next(missive: &Missive, input: Input<'_>, memo: &mut Memo) -> Step {
    let bytes = input.bytes;
    let all = NonZeroUsize::new(bytes.len()).unwrap_or(NonZeroUsize::MIN);
    match probe(bytes) {
        Probe::Believed(header) => believed(missive, &header, input, memo),
        Probe::Short if !input.last => more(Header::LENGTH, bytes.len()),
        Probe::Short if bytes.len() >= Header::MAGIC.len() => Step::Partial(all),
        Probe::Short | Probe::Nothing => {
            let code =
                if bytes.starts_with(&Header::MAGIC) { Code::HeaderCheckMismatch } else { Code::NotAFrame };
            let end = find_header(bytes, 1).and_then(NonZeroUsize::new).unwrap_or(all);
            Step::Searching(end, code)
        }
    }
}

fn believed(missive: &Missive, header: &Header, input: Input<'_>, memo: &mut Memo) -> Step {
    let bytes = input.bytes;
    const HEADER: NonZeroUsize = NonZeroUsize::new(Header::LENGTH).unwrap();
    if header.payload_length > missive.payload_limit {
        return Step::Skipped(HEADER, Code::PayloadTooLong);
    }
    let all = NonZeroUsize::new(bytes.len()).unwrap_or(NonZeroUsize::MIN);
    let end = usize::try_from(header.layout().end).ok().and_then(NonZeroUsize::new);
    let Some((end, behind)) = end.and_then(|end| Some((end, bytes.get(end.get()..)?))) else {
        let missing = header.layout().end - bytes.len() as u64;
        return if input.last { Step::Partial(all) } else { more_u64(missing) };
    };
    if !header.flags.contains(Flags::CHECKSUM) {
        return Step::Message(end);
    }
    let follows = match probe(behind) {
        Probe::Believed(_) => Some(true),
        _ if behind.is_empty() && input.last => Some(true),
        Probe::Short if !input.last => None,
        _ => Some(false),
    };
    if follows == Some(true) {
        return Step::Message(end);
    }
    if checksum_holds(input, end.get(), memo) {
        return Step::Checked(end);
    }
    match follows {
        None => more(Header::LENGTH, behind.len()),
        Some(_) => {
            suspect(input, end.get(), memo);
            Step::Skipped(HEADER, Code::LengthSuspect)
        }
    }
}

fn checksum_holds(input: Input<'_>, end: usize, memo: &mut Memo) -> bool {
    let covered = end - CHECKSUM_LENGTH;
    let found = input.bytes.get(covered..end).and_then(|bytes| bytes.first_chunk().copied());
    found.map(u32::from_be_bytes) == Some(checksum(input, covered, memo))
}

/// The checksum of the first `covered` bytes.
///
/// Bytes that were read before, for a checksum that failed, cost next to nothing: many headers may all claim the same
/// megabytes.
#[inline]
pub(crate) fn checksum(input: Input<'_>, covered: usize, memo: &mut Memo) -> u32 {
    let direct = || check::checksum(input.bytes.get(..covered).unwrap_or_default());
    // Short frames are read again for less than the memo costs.
    if covered <= 4096 {
        return direct();
    }
    match memo.get_mut::<check::RangeChecksums>() {
        Some(ranges) if input.offset < ranges.read_to => {
            ranges.checksum(input.bytes, input.offset, covered).unwrap_or_else(direct)
        }
        _ => direct(),
    }
}

/// Remembers that the frame's checksum failed, so that its bytes will be read again.
fn suspect(input: Input<'_>, end: usize, memo: &mut Memo) {
    let ranges = memo.get_or_default::<check::RangeChecksums>();
    ranges.read_to = ranges.read_to.max(input.offset + end as u64);
}

fn more(needed: usize, there: usize) -> Step {
    Step::NeedMore(NonZeroUsize::new(needed.saturating_sub(there)).unwrap_or(NonZeroUsize::MIN))
}

fn more_u64(missing: u64) -> Step {
    more(usize::try_from(missing).unwrap_or(usize::MAX), 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use crate::missive::{FrameBuf, Kind};
    use alloc::vec;
    use alloc::vec::Vec;

    fn frame(length: usize) -> Vec<u8> {
        FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).payload(vec![b'x'; length]).to_bytes().unwrap()
    }

    fn step(bytes: &[u8], last: bool) -> Step {
        let input = Input { bytes, first_segment: bytes.len(), last, offset: 0, context: None };
        next(&Missive::default(), input, &mut Memo::default())
    }

    fn need(more: usize) -> Step {
        Step::NeedMore(NonZeroUsize::new(more).unwrap())
    }

    #[test]
    fn exactly_the_missing_bytes_are_requested() {
        let frame = frame(100);
        for length in 1..20 {
            assert_eq!(step(&frame[..length], false), need(20 - length));
        }
        for length in 20..124 {
            assert_eq!(step(&frame[..length], false), need(124 - length));
        }
        // What follows a frame whose checksum fails decides, and may need up to 20 bytes to be known.
        let mut broken = frame.clone();
        broken[50] ^= 1;
        assert_eq!(step(&broken, false), need(20));
        for length in 1..20 {
            let bytes = [&broken[..], &frame[..length]].concat();
            assert_eq!(step(&bytes, false), need(20 - length));
        }
    }

    #[test]
    fn what_can_be_no_header_is_not_waited_for() {
        let mut header = frame(0);
        header.truncate(20);
        header[19] ^= 1;
        let all = NonZeroUsize::new(20).unwrap();
        assert_eq!(step(&header, false), Step::Searching(all, Code::HeaderCheckMismatch));
        assert_eq!(step(&[7; 20], false), Step::Searching(all, Code::NotAFrame));
        // At the end there is nothing to wait for: half a magic after a frame whose checksum fails is not a header.
        let mut broken = frame(100);
        broken[50] ^= 1;
        broken.push(0xF5);
        assert_eq!(step(&broken, true), Step::Skipped(all, Code::LengthSuspect));
        assert_eq!(step(&broken[..124], true), Step::Message(NonZeroUsize::new(124).unwrap()));
        assert_eq!(step(&frame(100), false), Step::Checked(NonZeroUsize::new(124).unwrap()));
    }

    #[test]
    fn bytes_are_read_again_through_the_memo_only_where_a_checksum_failed() {
        let (short, mut long) = (frame(4000), frame(10_000));
        let mut memo = Memo::default();
        let mut at = |bytes: &[u8], offset: u64| {
            let input = Input { bytes, first_segment: bytes.len(), last: false, offset, context: None };
            let step = next(&Missive::default(), input, &mut memo);
            let ranges = memo.get_mut::<check::RangeChecksums>();
            (step, ranges.map(|ranges| (ranges.read_to, ranges.is_empty())))
        };
        let whole = |length| Step::Checked(NonZeroUsize::new(length).unwrap());
        assert_eq!(at(&long, 0), (whole(10_024), None), "a checksum that holds leaves nothing behind");
        long[5000] ^= 1;
        long.extend([0; 20]);
        let suspect = Step::Skipped(NonZeroUsize::new(20).unwrap(), Code::LengthSuspect);
        assert_eq!(at(&long, 1000), (suspect, Some((11_024, true))));
        assert_eq!(at(&short, 1020), (whole(4024), Some((11_024, true))), "short frames are read directly");
        assert_eq!(at(&long, 1020), (suspect, Some((11_044, false))), "and long ones through the memo");
        let mut memo = Memo::default();
        memo.get_or_default::<check::RangeChecksums>().read_to = 500;
        let input = Input { bytes: &long, first_segment: 1, last: false, offset: 500, context: None };
        assert_eq!(next(&Missive::default(), input, &mut memo), suspect);
        let ranges = memo.get_mut::<check::RangeChecksums>().unwrap();
        assert!(
            ranges.is_empty() && ranges.read_to == 10_524,
            "bytes that were not read yet are read directly"
        );
    }

    #[test]
    fn a_header_is_found_wherever_it_begins() {
        let frame = frame(3);
        for noise in 1..40 {
            let bytes = [&vec![0xF5; noise][..], &frame].concat();
            assert_eq!(find_header(&bytes, 1), Some(noise), "{noise} bytes before it");
            assert!(has_header(&bytes) && !has_header(&bytes[..noise + 19]));
        }
        assert_eq!(find_header(b"no \xF5\x4D here, and no more", 0), None);
        assert_eq!(find_header(b"the beginning of one \xF5\x4D", 0), Some(21));
        assert_eq!(find_header(b"half a magic \xF5", 0), Some(13));
        assert_eq!(find_header(b"\xF5", 1), None);
    }
}
