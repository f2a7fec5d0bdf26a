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
}

/// Is told each tile, with its bytes if it is a message or a partial one.
pub type Sink<'s> = dyn FnMut(Tile, &[u8]) + 's;

/// Lays out one direction.
///
/// ```
/// use framescope_parser::{Framer, TileType, missive::{Frame, Kind, Missive}};
///
/// let missive = Missive::default();
/// let bytes = Frame::new(Kind::PING).to_bytes()?;
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
    /// Where in the stream the first byte that is in no tile and no run stands.
    offset: u64,
    /// Bytes from `offset` on, behind `consumed` ones that are not needed any more.
    pending: Vec<u8>,
    consumed: usize,
    /// Where in the stream the segments that `pending` came in end.
    segment_ends: VecDeque<u64>,
    /// Nothing can be said before the stream reaches here.
    needed_end: u64,
    /// The skipped bytes before `offset` whose search has not ended.
    run: Option<(u64, Code)>,
    memo: Memo,
}

impl Framer {
    /// Where in the stream the next byte belongs.
    pub fn end_offset(&self) -> u64 {
        self.offset + (self.pending.len() - self.consumed) as u64
    }

    /// Takes the stream's next bytes, which came in one segment or datagram.
    pub fn segment(&mut self, protocol: &dyn Protocol, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        if self.consumed == self.pending.len() {
            // The common case: nothing is held back, so the segment is read where it lies.
            let end = self.offset + bytes.len() as u64;
            let read = self.steps(protocol, bytes, false, sink);
            self.pending.clear();
            self.consumed = 0;
            self.pending.extend_from_slice(bytes.get(read..).unwrap_or_default());
            self.segment_ends.clear();
            self.segment_ends.push_back(end);
        } else {
            self.pending.extend_from_slice(bytes);
            self.segment_ends.push_back(self.end_offset());
            if self.end_offset() >= self.needed_end {
                self.step_pending(protocol, false, sink);
            }
        }
    }

    /// Takes a gap of `length` bytes: what stands before it can't go on.
    pub fn gap(&mut self, protocol: &dyn Protocol, length: u64, sink: &mut Sink<'_>) {
        self.end(protocol, sink);
        if length > 0 {
            sink(Tile { offset: self.offset, length, tile_type: TileType::Gap }, &[]);
            self.offset += length;
        }
    }

    /// The stream ends here, or a datagram does: what stands before can't go on. More may follow all the same.
    pub fn end(&mut self, protocol: &dyn Protocol, sink: &mut Sink<'_>) {
        self.step_pending(protocol, true, sink);
        self.close_run(sink);
    }

    fn step_pending(&mut self, protocol: &dyn Protocol, last: bool, sink: &mut Sink<'_>) {
        let mut pending = core::mem::take(&mut self.pending);
        let read = self.steps(protocol, pending.get(self.consumed..).unwrap_or_default(), last, sink);
        self.consumed += read;
        // Moving what is left to the front only when that is the smaller part keeps the work linear.
        if self.consumed * 2 >= pending.len() {
            pending.drain(..self.consumed.min(pending.len()));
            self.consumed = 0;
        }
        self.pending = pending;
        while self.segment_ends.front().is_some_and(|&end| end <= self.offset) {
            self.segment_ends.pop_front();
        }
    }

    /// Lays out `bytes`, which begin at `offset`. Gives how many of them are done.
    fn steps(&mut self, protocol: &dyn Protocol, bytes: &[u8], last: bool, sink: &mut Sink<'_>) -> usize {
        let mut rest = bytes;
        let mut segment_ends = self.segment_ends.iter().copied();
        let mut segment_end = segment_ends.next();
        let end = self.offset + bytes.len() as u64;
        while !rest.is_empty() {
            while segment_end.is_some_and(|segment_end| segment_end <= self.offset) {
                segment_end = segment_ends.next();
            }
            let first_segment = segment_end.unwrap_or(end).min(end) - self.offset;
            let first_segment = usize::try_from(first_segment).unwrap_or(rest.len());
            let input = Input { bytes: rest, first_segment, last, offset: self.offset };
            let step = protocol.next(input, &mut self.memo);
            let (length, tile_type) = match step {
                Step::Message(length) => (length.get(), TileType::Message),
                Step::Partial(length) => (length.get(), TileType::Partial),
                Step::Skipped(length, code) => (length.get(), TileType::Skipped(code)),
                Step::Searching(length, code) => {
                    self.run.get_or_insert((self.offset, code));
                    let length = length.get().min(rest.len());
                    self.offset += length as u64;
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                Step::NeedMore(more) if !last => {
                    self.needed_end = end.saturating_add(more.get() as u64);
                    break;
                }
                Step::NeedMore(_) => (rest.len(), TileType::Partial),
            };
            if let Some((start, code)) = self.run.take() {
                let length = self.offset - start;
                sink(Tile { offset: start, length, tile_type: TileType::Skipped(code) }, &[]);
            }
            let (bytes, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            let tile = Tile { offset: self.offset, length: bytes.len() as u64, tile_type };
            let with_bytes = matches!(tile_type, TileType::Message | TileType::Partial);
            sink(tile, if with_bytes { bytes } else { &[] });
            self.offset += bytes.len() as u64;
            rest = behind;
        }
        bytes.len() - rest.len()
    }

    fn close_run(&mut self, sink: &mut Sink<'_>) {
        if let Some((start, code)) = self.run.take() {
            let tile =
                Tile { offset: start, length: self.offset - start, tile_type: TileType::Skipped(code) };
            sink(tile, &[]);
        }
    }
}
