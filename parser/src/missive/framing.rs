//! Where frames begin and end in a stream, also in a damaged one: the rules of the format's resynchronisation.
//!
//! A header is believed only if its magic and its check hold. What is not believed is skipped up to the next header
//! that is. A frame whose checksum fails and that nothing sensible follows had a false length: only its header is
//! skipped, so that the frames it claimed to hold are found.

use core::num::NonZeroUsize;

use memchr::memmem::Finder;

use super::Missive;
use super::check::{self, CHECKSUM_LENGTH};
use super::header::{Flags, Header, may_begin};
use crate::{Code, Input, Memo, Step};

/// What stands at the start of some bytes.
enum Probe {
    /// A header whose check holds.
    Believed(Header),
    /// Too few bytes to say, and those there are could begin a header.
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

/// Where the first header that can be believed begins, or one that too few bytes are there of.
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
    // The first half of a magic may stand last.
    let last = bytes.len().checked_sub(1).filter(|&last| last >= from)?;
    may_begin(bytes.get(last..)?).then_some(last)
}

/// Whether a header that can be believed stands anywhere in the bytes.
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
    if follows == Some(true) || checksum_holds(input, end.get(), memo) {
        return Step::Message(end);
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
