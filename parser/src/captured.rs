//! A message of which some bytes may be missing: those that are there, and where the others belong.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::{Code, Context, Guess, Protocol, Value, Visit};

/// The bytes of a message, or of another stretch of a stream, as far as they were captured.
///
/// Missing bytes are not filled in: a gap of many megabytes costs no memory. Offsets are those in the message as it was
/// sent.
///
/// ```
/// use framescope_parser::{Captured, Missing};
///
/// // Of ten bytes the capture has the first three and the last two.
/// let missing = Missing::list([3..8]);
/// let message = Captured::with_missing(b"abcij", &missing);
/// assert_eq!((message.length(), message.missing_bytes()), (10, 5));
/// assert_eq!(message.get(1..3), Some(&b"bc"[..]));
/// assert_eq!(message.get(8..10), Some(&b"ij"[..]));
/// assert_eq!(message.get(2..9), None);
/// assert_eq!(message.parts(0..9).collect::<Vec<_>>(), [(0, &b"abc"[..]), (8, b"i")]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Captured<'a, 'm> {
    bytes: &'a [u8],
    missing: &'m [Missing],
    context: Option<&'m Context<'m>>,
}

/// The name of what was captured of a field of which other bytes are missing.
pub const CAPTURED: &str = "_captured";

/// A stretch of a message that was not captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where in the message it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How many bytes were captured before it.
    there: usize,
}

impl Missing {
    /// Ranges in the message: in rising order, none empty, none touching the next.
    pub fn list(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Missing> {
        let mut missing = 0usize;
        let one = |Range { start, end }: Range<usize>| {
            let there = start.saturating_sub(missing);
            missing = missing.saturating_add(end.saturating_sub(start));
            Missing { start, end, there }
        };
        ranges.into_iter().map(one).collect()
    }

    /// How many bytes.
    pub fn length(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// How many bytes of the message were captured before it.
    pub fn captured_before(&self) -> usize {
        self.there
    }

    /// How many bytes are missing up to its end.
    pub(crate) fn up_to_its_end(&self) -> usize {
        self.end.saturating_sub(self.there)
    }
}

impl<'a, 'm> Captured<'a, 'm> {
    /// A message of which nothing is missing.
    #[inline]
    pub const fn whole(bytes: &'a [u8]) -> Self {
        Captured { bytes, missing: &[], context: None }
    }

    /// A message of which some stretches are missing.
    pub const fn with_missing(bytes: &'a [u8], missing: &'m [Missing]) -> Self {
        Captured { bytes, missing, context: None }
    }

    /// The same message, in another context.
    #[inline]
    #[must_use]
    pub const fn in_context<'n>(self, context: Option<&'n Context<'n>>) -> Captured<'a, 'n>
    where
        'm: 'n,
    {
        Captured { context, ..self }
    }

    /// What is known around the message, if anything is.
    pub const fn context(&self) -> Option<&'m Context<'m>> {
        self.context
    }

    /// The bytes that are there, one after another.
    #[inline]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The missing ranges, in rising order.
    pub const fn missing(&self) -> &'m [Missing] {
        self.missing
    }

    /// If the beginning of the message was guessed: why it is the likeliest.
    pub fn guess(&self) -> Option<&'m Guess> {
        self.context?.guess.as_ref()
    }

    /// Whether all bytes are there.
    #[inline]
    pub const fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// How many bytes are missing.
    pub fn missing_bytes(&self) -> usize {
        self.missing.last().map_or(0, Missing::up_to_its_end)
    }

    /// Its length, missing bytes included.
    pub fn length(&self) -> usize {
        self.bytes.len().saturating_add(self.missing_bytes())
    }

    /// The bytes before the first that is missing.
    pub fn beginning(&self) -> &'a [u8] {
        let end = self.missing.first().map_or(self.bytes.len(), |first| first.start);
        self.bytes.get(..end).unwrap_or(self.bytes)
    }

    /// The message up to the given number of captured bytes, with the gaps between them.
    pub(crate) fn first(&self, count: usize) -> Captured<'a, 'm> {
        let before = self.missing.partition_point(|gap| gap.there < count);
        let missing = self.missing.get(..before).unwrap_or_default();
        Captured { bytes: self.bytes.get(..count).unwrap_or(self.bytes), missing, context: self.context }
    }

    /// Whether any byte of a range is missing, or lies past the end.
    pub fn lacks(&self, range: Range<usize>) -> bool {
        self.get(range).is_none()
    }

    /// How many bytes were captured before an offset.
    ///
    /// ```
    /// use framescope_parser::{Captured, Missing};
    ///
    /// let missing = Missing::list([3..8]);
    /// let message = Captured::with_missing(b"abcij", &missing);
    /// assert_eq!([2, 3, 5, 8, 9, 99].map(|at| message.captured_before(at)), [2, 3, 3, 3, 4, 5]);
    /// ```
    pub fn captured_before(&self, at: usize) -> usize {
        let (before, last, _) = self.around(at);
        let there = match last.filter(|gap| at < gap.end) {
            Some(gap) => gap.there,
            None => at.saturating_sub(before),
        };
        there.min(self.bytes.len())
    }

    /// The bytes of a range, if all of them are there.
    pub fn get(&self, range: Range<usize>) -> Option<&'a [u8]> {
        if self.missing.is_empty() {
            return self.bytes.get(range);
        }
        if range.is_empty() {
            return (range.end <= self.length()).then_some(&[]);
        }
        let (before, last, next) = self.around(range.start);
        if last.is_some_and(|gap| range.start < gap.end) || next.is_some_and(|gap| gap.start < range.end) {
            return None;
        }
        self.bytes.get(range.start.checked_sub(before)?..range.end.checked_sub(before)?)
    }

    /// The captured parts of a range, each with its offset.
    pub fn parts(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a, 'm> {
        let message = *self;
        let end = range.end.min(message.length());
        let mut at = range.start;
        core::iter::from_fn(move || {
            while at < end {
                let (before, last, next) = message.around(at);
                if let Some(gap) = last.filter(|gap| at < gap.end) {
                    at = gap.end;
                    continue;
                }
                let part_end = next.map_or(end, |gap| gap.start.min(end));
                let part = message.bytes.get(at.checked_sub(before)?..part_end.checked_sub(before)?)?;
                let found = (at, part);
                at = part_end;
                return Some(found);
            }
            None
        })
    }

    /// How many bytes are missing before a place that is there, the last gap that begins before it, and the next one.
    fn around(&self, at: usize) -> (usize, Option<&'m Missing>, Option<&'m Missing>) {
        let next = self.missing.partition_point(|gap| gap.start <= at);
        let last = next.checked_sub(1).and_then(|last| self.missing.get(last));
        (last.map_or(0, Missing::up_to_its_end), last, self.missing.get(next))
    }

    /// Reports a field of which bytes are missing, and in it, called [`CAPTURED`], what of it is there.
    pub fn report_missing(&self, name: &'a str, range: Range<usize>, visit: &mut dyn Visit<'a>) {
        visit.begin(name, range.clone(), Value::Missing);
        for (at, part) in self.parts(range) {
            visit.field(CAPTURED, at..at + part.len(), Value::utf8(part));
        }
        visit.end();
    }

    /// Reports the fields and problems of the message, and which of its bytes are missing.
    ///
    /// ```
    /// use framescope_parser::{Captured, Code, Dissection, Missing, missive::{FrameBuf, Kind, Missive}};
    ///
    /// let bytes = FrameBuf::new(Kind::DATA).payload(vec![b'x'; 100]).to_bytes()?;
    /// let missive = Missive::default();
    /// let missing = Missing::list([70..120]);
    /// let message = Captured::with_missing(&bytes[..70], &missing);
    /// let mut dissection = Dissection::default();
    /// message.dissect(&missive, &mut dissection);
    /// assert_eq!(dissection.field("payload_length").unwrap().value.as_u64(), Some(100));
    /// assert!(dissection.has(Code::Incomplete));
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn dissect(&self, protocol: &'a dyn Protocol, visit: &mut dyn Visit<'a>) {
        let needs_context = self.context.is_some_and(|context| context.variables.is_some());
        if self.is_whole() && !needs_context {
            return protocol.dissect(self.bytes, visit);
        }
        protocol.dissect_incomplete(*self, visit);
        if self.is_whole() {
            return;
        }
        let (first, last) = (self.missing.first(), self.missing.last());
        let range = first.map_or(0, |gap| gap.start)..last.map_or(0, |gap| gap.end);
        visit.problem(Code::Incomplete, range, format_args!("{}", Lack(self)));
    }
}

/// What a message lacks, in words.
struct Lack<'c>(&'c Captured<'c, 'c>);

/// At most this many ranges are listed.
const MOST_NAMED: usize = 4;

impl fmt::Display for Lack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.0.missing_bytes();
        let were = if missing == 1 { "was" } else { "were" };
        write!(f, "{missing} of its {} bytes {were} not captured: ", self.0.length())?;
        for (i, gap) in self.0.missing.iter().take(MOST_NAMED).enumerate() {
            let and = if i == 0 { "" } else { ", " };
            match gap.length() {
                1 => write!(f, "{and}byte {}", gap.start)?,
                _ => write!(f, "{and}bytes {} to {}", gap.start, gap.end - 1)?,
            }
        }
        if let Some(more @ 1..) = self.0.missing.len().checked_sub(MOST_NAMED) {
            write!(f, " and {more} more stretches")?;
        }
        f.write_str("; what stood there is not known, and checks over it were not computed")
    }
}

#[cfg(test)]
// A list of one range is intended.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn every_range_is_what_the_mask_says() {
        let sent: Vec<u8> = (0..24).collect();
        let masks: [&[Range<usize>]; 5] = [&[], &[0..3], &[3..4, 5..9], &[20..24], &[0..1, 2..3, 4..24]];
        for ranges in masks {
            let is_there = |at: &usize| !ranges.iter().any(|gap| gap.contains(at));
            let bytes: Vec<u8> = (0..24usize).filter(is_there).map(|at| sent[at]).collect();
            let missing = Missing::list(ranges.iter().cloned());
            let message = Captured::with_missing(&bytes, &missing);
            assert_eq!((message.length(), message.missing_bytes()), (24, 24 - bytes.len()));
            for start in 0..24 {
                for end in start + 1..26 {
                    let all = end <= 24 && (start..end).all(|at| is_there(&at));
                    assert_eq!(message.get(start..end), all.then(|| &sent[start..end]), "{ranges:?}");
                    let parts: Vec<u8> =
                        message.parts(start..end).flat_map(|(_, part)| part.to_vec()).collect();
                    let expected: Vec<u8> =
                        (start..end.min(24)).filter(is_there).map(|at| sent[at]).collect();
                    assert_eq!(parts, expected);
                    assert!(message.parts(start..end).all(|(at, part)| part == &sent[at..at + part.len()]));
                }
            }
        }
    }

    #[test]
    fn missing_bytes_are_described_in_words() {
        let say = |ranges: &[Range<usize>]| {
            let missing = Missing::list(ranges.iter().cloned());
            Lack(&Captured::with_missing(&[0; 10], &missing)).to_string()
        };
        assert!(say(&[10..11]).starts_with("1 of its 11 bytes was not captured: byte 10; "));
        let two = say(&[3..5, 9..12]);
        assert!(two.starts_with("5 of its 15 bytes were not captured: bytes 3 to 4, bytes 9 to 11; "));
        let many: Vec<Range<usize>> = (0..7).map(|i| 2 * i..2 * i + 1).collect();
        assert!(say(&many).contains("byte 6 and 3 more stretches"), "{}", say(&many));
    }
}
