//! Lays one direction's bytes out in tiles, as they arrive: messages, skipped bytes, partial messages, gaps.
//!
//! Every byte and every gap ends up in exactly one [`Tile`], in order, whatever the segments are. What is held back
//! is at most one message that is not complete yet.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::{Code, Input, Memo, Protocol, Step};

/// What a stretch of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileType {
    /// A whole message.
    Message,
    /// A message that a gap or the end cuts off.
    Partial,
    /// Bytes that are not a message, and why.
    Skipped(Code),
    /// Bytes that are missing.
    Gap,
}

/// A stretch of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Where in the stream it begins.
    pub offset: u64,
    /// How many bytes long it is; never 0.
    pub length: u64,
    /// What it is.
    pub tile_type: TileType,
    /// Whether it is a message whose checks were computed already, and hold.
    pub checked: bool,
}

/// Is told each tile, with its bytes if it is a message or a partial one.
pub type Sink<'s> = dyn FnMut(Tile, &[u8]) + 's;

/// Lays out one direction.
///
/// ```
/// use framescope_parser::{Framer, TileType, missive::{FrameBuf, Kind, Missive}};
///
/// let missive = Missive::default();
/// let bytes = FrameBuf::new(Kind::PING).to_bytes()?;
/// let mut framer = Framer::default();
/// let mut tiles = Vec::new();
/// for half in [&bytes[..7], &bytes[7..], b"noise"] {
///     framer.segment(&missive, half, &mut |tile, _| tiles.push((tile.tile_type, tile.length)));
/// }
/// framer.end(&missive, &mut |tile, _| tiles.push((tile.tile_type, tile.length)));
/// assert_eq!(tiles[0], (TileType::Message, 20));
/// assert_eq!(tiles[1].1, 5);
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Framer {
    cursor: Cursor,
    /// Bytes from the cursor's place on, behind `consumed` ones that are not needed any more.
    pending: Vec<u8>,
    consumed: usize,
    /// Where in the stream the segments that `pending` came in end.
    segment_ends: VecDeque<u64>,
}

impl Framer {
    /// Where in the stream the next byte belongs.
    pub fn end_offset(&self) -> u64 {
        self.cursor.offset + (self.pending.len() - self.consumed) as u64
    }

    /// Takes the stream's next bytes, which came in one segment or datagram.
    pub fn segment(&mut self, protocol: &dyn Protocol, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        if self.consumed == self.pending.len() {
            // The common case: nothing is held back, so the segment is read where it lies.
            let end = self.cursor.offset + bytes.len() as u64;
            let read = steps(&mut self.cursor, protocol, bytes, &mut |_| usize::MAX, false, sink);
            self.pending.clear();
            self.consumed = 0;
            self.segment_ends.clear();
            if let Some(rest) = bytes.get(read..).filter(|rest| !rest.is_empty()) {
                self.pending.extend_from_slice(rest);
                self.segment_ends.push_back(end);
            }
        } else {
            self.pending.extend_from_slice(bytes);
            self.segment_ends.push_back(self.end_offset());
            if !self.cursor.needs_more_than(self.pending.len() - self.consumed) {
                self.step_pending(protocol, false, sink);
            }
        }
    }

    /// Takes a segment of `length` bytes of which [`Protocol::next`] said, asked about it alone, that it is just one message.
    /// Gives the message's tile; None where bytes wait before it, and then it takes nothing.
    pub fn message(&mut self, length: usize) -> Option<Tile> {
        if self.consumed != self.pending.len() || !self.cursor.is_between_tiles() {
            return None;
        }
        let offset = self.cursor.offset;
        self.cursor.skip(length);
        Some(Tile { offset, length: length as u64, tile_type: TileType::Message, checked: true })
    }

    /// Takes a gap of `length` bytes: what stands before it can't go on.
    pub fn gap(&mut self, protocol: &dyn Protocol, length: u64, sink: &mut Sink<'_>) {
        self.end(protocol, sink);
        if length > 0 {
            let (offset, tile_type) = (self.cursor.offset, TileType::Gap);
            sink(Tile { offset, length, tile_type, checked: false }, &[]);
            self.cursor.offset += length;
            self.cursor.lost |= !protocol.can_resync();
        }
    }

    /// The stream ends here, or a datagram does: what stands before can't go on. More may follow all the same.
    pub fn end(&mut self, protocol: &dyn Protocol, sink: &mut Sink<'_>) {
        self.step_pending(protocol, true, sink);
    }

    fn step_pending(&mut self, protocol: &dyn Protocol, last: bool, sink: &mut Sink<'_>) {
        let mut pending = core::mem::take(&mut self.pending);
        let mut segment_ends = self.segment_ends.iter().copied();
        let mut segment_end = segment_ends.next();
        let first_segment = &mut |offset: u64| {
            while segment_end.is_some_and(|segment_end| segment_end <= offset) {
                segment_end = segment_ends.next();
            }
            segment_end.map_or(usize::MAX, |end| usize::try_from(end - offset).unwrap_or(usize::MAX))
        };
        let bytes = pending.get(self.consumed..).unwrap_or_default();
        self.consumed += steps(&mut self.cursor, protocol, bytes, first_segment, last, sink);
        // Moving what is left to the front only when that is the smaller part keeps the work linear.
        if self.consumed * 2 >= pending.len() {
            pending.drain(..self.consumed.min(pending.len()));
            self.consumed = 0;
        }
        self.pending = pending;
        while self.segment_ends.front().is_some_and(|&end| end <= self.cursor.offset) {
            self.segment_ends.pop_front();
        }
    }
}

/// Lays out `bytes`, which begin at the cursor's place. Gives how many of them are done.
fn steps(
    cursor: &mut Cursor,
    protocol: &dyn Protocol,
    bytes: &[u8],
    first_segment: &mut dyn FnMut(u64) -> usize,
    last: bool,
    sink: &mut Sink<'_>,
) -> usize {
    let begin = cursor.offset;
    let within = |offset: u64| usize::try_from(offset.saturating_sub(begin)).unwrap_or(bytes.len());
    loop {
        let rest = bytes.get(within(cursor.offset)..).unwrap_or_default();
        let Some(tile) = cursor.next(protocol, rest, first_segment, last) else {
            return within(cursor.offset);
        };
        let tile_bytes = match tile.tile_type {
            TileType::Message | TileType::Partial => {
                rest.get(..within(begin + tile.length)).unwrap_or_default()
            }
            TileType::Skipped(_) | TileType::Gap => &[],
        };
        sink(tile, tile_bytes);
    }
}

/// Where the reading of one direction stands. Who holds the bytes gives them with each call.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// Where in the stream the first byte that is in no tile and no run stands.
    offset: u64,
    /// Nothing can be said before the stream reaches here.
    needed_end: u64,
    /// The skipped bytes before `offset` whose search has not ended.
    run: Option<(u64, Code)>,
    /// What was found at `offset` and ended a run.
    found: Option<(usize, TileType, bool)>,
    memo: Memo,
    /// Whether no message can be found any more.
    lost: bool,
}

impl Cursor {
    /// Where in the stream the first byte that is not read stands.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether it is known that nothing can be said of only so many unread bytes.
    pub(crate) fn needs_more_than(&self, unread: usize) -> bool {
        self.found.is_none() && self.offset + (unread as u64) < self.needed_end
    }

    /// Whether neither a run is open nor a tile was found already.
    #[inline]
    fn is_between_tiles(&self) -> bool {
        self.run.is_none() && self.found.is_none()
    }

    /// The memo, where nothing was read that is in no tile yet.
    #[inline]
    pub(crate) fn memo_between_tiles(&mut self) -> Option<&mut Memo> {
        self.is_between_tiles().then_some(&mut self.memo)
    }

    /// Goes behind `length` bytes that the caller has read.
    #[inline]
    pub(crate) fn skip(&mut self, length: usize) {
        self.offset += length as u64;
    }

    /// The next tile of `bytes`, the unread ones. None where more are needed, or, with `last`, all are read.
    /// `first_segment` tells how many bytes there are from an offset in the stream to the end of its segment.
    ///
    /// A tile's bytes are the first of `bytes`, but for skipped ones: those may have been read by earlier calls.
    #[inline(always)]
    pub(crate) fn next(
        &mut self,
        protocol: &dyn Protocol,
        bytes: &[u8],
        first_segment: &mut dyn FnMut(u64) -> usize,
        last: bool,
    ) -> Option<Tile> {
        let mut rest = bytes;
        let (length, tile_type, checked) = loop {
            if let Some(found) = self.found.take() {
                break found;
            }
            if rest.is_empty() {
                return if last { self.close_run() } else { None };
            }
            if self.lost {
                self.run.get_or_insert((self.offset, Code::CannotResync));
                self.skip(rest.len());
                rest = &[];
                continue;
            }
            let first_segment = first_segment(self.offset).min(rest.len());
            let input = Input { bytes: rest, first_segment, last, offset: self.offset };
            break match protocol.next(input, &mut self.memo) {
                Step::Message(length) => (length.get(), TileType::Message, false),
                Step::Checked(length) => (length.get(), TileType::Message, true),
                Step::Partial(length) => (length.get(), TileType::Partial, false),
                Step::Skipped(length, code) => (length.get(), TileType::Skipped(code), false),
                Step::Lost => {
                    self.lost = true;
                    continue;
                }
                Step::Searching(length, code) => {
                    self.run.get_or_insert((self.offset, code));
                    let length = length.get().min(rest.len());
                    self.skip(length);
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                Step::NeedMore(_) if last => (rest.len(), TileType::Partial, false),
                Step::NeedMore(more) => {
                    self.needed_end = self.offset.saturating_add((rest.len() + more.get()) as u64);
                    return None;
                }
            };
        };
        if let Some(run) = self.close_run() {
            self.found = Some((length, tile_type, checked));
            return Some(run);
        }
        let length = length.min(rest.len());
        let tile = Tile { offset: self.offset, length: length as u64, tile_type, checked };
        self.skip(length);
        Some(tile)
    }

    /// The run as far as it goes, if one is open: where it began, its length and its reason.
    pub(crate) fn run(&self) -> Option<(u64, u64, Code)> {
        let (offset, code) = self.run?;
        Some((offset, self.offset - offset, code))
    }

    /// The run that ends here, if one is open.
    fn close_run(&mut self) -> Option<Tile> {
        let (offset, length, code) = self.run()?;
        self.run = None;
        Some(Tile { offset, length, tile_type: TileType::Skipped(code), checked: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Confidence, Dissection, Error, Sample, Visit};
    use alloc::vec;
    use core::num::NonZeroUsize;
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// A protocol of which only one question is asked.
    struct Test<F>(F);

    impl<F: Fn(Input<'_>) -> Step + Send + Sync> Protocol for Test<F> {
        fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
            (self.0)(input)
        }
        #[rustfmt::skip]
        fn name(&self) -> &str { "test" }
        #[rustfmt::skip]
        fn about(&self) -> &str { "for a test" }
        #[rustfmt::skip]
        fn dissect<'a>(&'a self, _: &'a [u8], _: &mut dyn Visit<'a>) {}
        #[rustfmt::skip]
        fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> { Ok(()) }
        #[rustfmt::skip]
        fn detect(&self, _: Sample<'_>) -> Confidence { Confidence::No }
    }

    #[test]
    fn segments_are_told_apart_also_when_several_wait() {
        // Waits until six bytes are there; then each segment is a message.
        let patient = Test(|input: Input<'_>| {
            assert!(input.first_segment >= 1 && input.first_segment <= input.bytes.len());
            match NonZeroUsize::new(6usize.saturating_sub(input.bytes.len())) {
                Some(missing) if !input.last => Step::NeedMore(missing),
                _ => Step::Message(NonZeroUsize::new(input.first_segment).unwrap()),
            }
        });
        let (mut framer, mut found) = (Framer::default(), vec![]);
        let mut offsets = vec![];
        for segment in [&b"ab"[..], b"", b"cde", b"fghi", b"j", b"klmnopq"] {
            framer.segment(&patient, segment, &mut |tile, bytes| {
                assert_eq!(tile.length, bytes.len() as u64);
                found.push((tile.offset, bytes.to_vec()));
            });
            offsets.push(framer.end_offset());
        }
        framer.end(&patient, &mut |tile, bytes| found.push((tile.offset, bytes.to_vec())));
        let expected: [(u64, &[u8]); 5] =
            [(0, b"ab"), (2, b"cde"), (5, b"fghi"), (9, b"j"), (10, b"klmnopq")];
        assert_eq!(found, expected.map(|(offset, bytes)| (offset, bytes.to_vec())));
        assert_eq!(offsets, [2, 2, 5, 9, 10, 17]);
        assert_eq!(framer.pending.len(), 0, "nothing is kept of what was read");
    }

    #[test]
    fn nothing_is_asked_before_enough_is_there() {
        let asked = AtomicUsize::new(0);
        let once = Test(|input: Input<'_>| {
            asked.fetch_add(1, Relaxed);
            match NonZeroUsize::new(100usize.saturating_sub(input.bytes.len())) {
                Some(missing) => Step::NeedMore(missing),
                None => Step::Message(NonZeroUsize::new(100).unwrap()),
            }
        });
        let (mut framer, mut lengths) = (Framer::default(), vec![]);
        for _ in 0..1000 {
            framer.segment(&once, b"x", &mut |tile, _| lengths.push(tile.length));
        }
        assert_eq!(lengths, [100; 10]);
        // Once when a message begins and once when it is all there.
        assert_eq!(asked.load(Relaxed), 20);
        // Who wants more though nothing follows gets none.
        framer.segment(&once, b"rest", &mut |tile, _| lengths.push(tile.length));
        framer.end(&once, &mut |tile, _| lengths.push(tile.length));
        assert_eq!(lengths.last(), Some(&4));
    }

    #[test]
    fn what_was_read_is_dropped_and_what_waits_is_not_asked_about() {
        // A message of 24 bytes, then one of 1000; each begins with its own letter.
        let asked = AtomicUsize::new(0);
        let two = Test(|input: Input<'_>| {
            asked.fetch_add(1, Relaxed);
            let length: usize = if input.bytes.starts_with(b"a") { 24 } else { 1000 };
            match NonZeroUsize::new(length.saturating_sub(input.bytes.len())) {
                Some(missing) => Step::NeedMore(missing),
                None => Step::Message(NonZeroUsize::new(length).unwrap()),
            }
        });
        let stream = [vec![b'a'; 24], vec![b'b'; 1000]].concat().repeat(20);
        let (mut framer, mut tiles) = (Framer::default(), vec![]);
        let mut fed = 0;
        // The first message is completed by a segment that brings the beginning of the second.
        for (i, segment) in stream.chunks(10).enumerate() {
            framer.segment(&two, segment, &mut |tile, _| tiles.push(tile.length));
            fed += segment.len();
            assert_eq!(framer.end_offset(), fed as u64, "after segment {i}");
            let waiting = framer.pending.len() - framer.consumed;
            assert!(
                framer.pending.len() <= 2 * waiting.max(10) + 10,
                "{} of {waiting}",
                framer.pending.len()
            );
            assert!(framer.segment_ends.len() <= waiting / 10 + 2);
        }
        assert_eq!(tiles, [24, 1000].repeat(20));
        // Twice for each message, and once more where one ends with its segment.
        let asked = asked.load(Relaxed);
        assert!(asked <= 2 * tiles.len(), "asked {asked} times for {} messages", tiles.len());
        // A segment may bring much behind the end of what waited.
        let mut framer = Framer::default();
        framer.segment(&two, b"aaaa", &mut |_, _| {});
        framer.segment(&two, &[&[b'a'; 20][..], &[b'b'; 200]].concat(), &mut |_, _| {});
        assert_eq!((framer.end_offset(), framer.consumed), (224, 24), "moving them would cost more");
    }
}
