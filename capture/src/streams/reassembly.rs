//! Puts the segments of one direction of a TCP connection in order.
//!
//! Deals in ranges only: where in the file a segment's bytes are, and where in the stream they belong. It stores no
//! bytes, so what waits for a gap to be filled costs the same however long it is. Offset 0 is the byte after the
//! SYN, or without one the lowest sequence number put in order.

use std::collections::BTreeMap;

use crate::ids::PacketId;

pub use crate::packets::origin::Origin;

/// A captured segment of one direction.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Its sequence number.
    pub sequence: u32,
    /// Whether it opens the connection.
    pub syn: bool,
    /// Whether its sender is done.
    pub fin: bool,
    /// How many bytes of its payload were captured.
    pub length: u32,
    /// How many it had on the wire.
    pub wire_length: u32,
    /// Where its bytes are.
    pub origin: Origin,
}

/// What a segment makes known of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The stream's next bytes.
    Data {
        /// Where in the stream they belong.
        offset: u64,
        /// How many.
        length: u64,
        /// Where they come from.
        origin: Origin,
        /// The packet with which they became the next.
        completed_by: PacketId,
    },
    /// The stream's next bytes are missing.
    Gap {
        /// Where in the stream they belong.
        offset: u64,
        /// How many.
        length: u64,
        /// The packet with which they were given up.
        completed_by: PacketId,
    },
    /// Bytes that were delivered already, or are in a gap that was given up.
    Duplicate {
        /// Where in the stream they belong.
        offset: u64,
        /// How many.
        length: u64,
        /// Where they come from.
        origin: Origin,
    },
    /// Bytes that wait to be delivered, captured twice.
    Overlap {
        /// Where in the stream they belong.
        offset: u64,
        /// How many.
        length: u64,
        /// Where those that stay come from.
        first: Origin,
        /// Where the others come from.
        second: Origin,
    },
    /// Bytes from before the stream's start.
    BeforeStart {
        /// How many.
        length: u64,
    },
    /// The sender is done and every byte was delivered.
    End {
        /// The packet with which it was.
        completed_by: PacketId,
    },
}

/// What waits for a gap to be filled may reach so far: the bytes of the segments, and a price for each.
pub const DEFAULT_LIMIT: u64 = 1 << 20;
const SEGMENT_PRICE: u64 = 64;
/// Without a SYN the stream begins with the lowest of the segments that reach this part of the limit.
const START_SHARE: u64 = 16;
/// After so many calls of [`Reassembler::settle`] nothing earlier is expected before the start, or into a gap: what was lost on a network
/// is sent again within a second or two.
const CALLS_BEFORE_START: u8 = 2;
const CALLS_IN_GAP: u8 = 60;

/// One direction of a connection.
#[derive(Debug)]
pub struct Reassembler {
    /// Segments seen before the start is known.
    unstarted: Vec<Segment>,
    unstarted_cost: u64,
    /// The sequence number of the byte at `next`, once the start is known.
    next_sequence: Option<u32>,
    /// Where in the stream the next byte belongs.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_cost: u64,
    /// How far the stream reaches, as far as a segment or FIN shows.
    extent: u64,
    fin: Option<u64>,
    ended: bool,
    limit: u64,
    /// Where it was when it was last asked whether to settle, and how often it has been there.
    stalled: (u64, u8),
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    length: u64,
    origin: Origin,
}

impl Default for Reassembler {
    fn default() -> Self {
        Reassembler::with_limit(DEFAULT_LIMIT)
    }
}

impl Reassembler {
    /// A direction of which nothing was seen, that lets `limit` bytes wait for a gap.
    pub fn with_limit(limit: u64) -> Self {
        Reassembler {
            unstarted: Vec::new(),
            unstarted_cost: 0,
            next_sequence: None,
            next: 0,
            waiting: BTreeMap::new(),
            waiting_cost: 0,
            extent: 0,
            fin: None,
            ended: false,
            limit,
            stalled: (0, 0),
        }
    }

    /// A direction whose bytes up to `next` all came in order, and whose next one has that sequence number. `fin` says that its
    /// sender is done.
    pub(crate) fn resumed(limit: u64, next_sequence: u32, next: u64, fin: bool) -> Self {
        let fin_at = fin.then_some(next);
        let next_sequence = Some(next_sequence);
        Reassembler {
            next_sequence,
            next,
            extent: next,
            fin: fin_at,
            ended: fin,
            ..Reassembler::with_limit(limit)
        }
    }

    /// The connection is known to have been opened by a SYN with that sequence number. For a direction of which nothing
    /// was seen.
    pub fn start(&mut self, syn_sequence: Option<u32>) {
        self.next_sequence = syn_sequence.map(|sequence| sequence.wrapping_add(1));
    }

    /// Whether the start of the stream is known.
    pub fn started(&self) -> bool {
        self.next_sequence.is_some()
    }

    /// Whether a SYN with that sequence number can't belong to this connection.
    pub fn contradicts(&self, syn_sequence: u32) -> bool {
        let first = syn_sequence.wrapping_add(1);
        let lowest = match self.next_sequence {
            // The low 32 bits of `next` lead back from its sequence number to that of offset 0.
            Some(sequence) => sequence.wrapping_sub(low_bits(self.next)),
            None => match self.lowest_unstarted() {
                Some(lowest) => lowest,
                None => return false,
            },
        };
        let ahead = distance(first, lowest);
        if self.started() { ahead != 0 } else { ahead < 0 || ahead > i64::from(u16::MAX) * 16 }
    }

    fn lowest_unstarted(&self) -> Option<u32> {
        let first = self.unstarted.first()?.sequence;
        let lowest = self.unstarted.iter().map(|segment| distance(first, data_sequence(segment))).min()?;
        // The distance is that of two 32-bit numbers, so its low bits are the whole of it.
        Some(first.wrapping_add(lowest.to_le_bytes().first_chunk().copied().map_or(0, u32::from_le_bytes)))
    }

    /// Takes a segment. What it makes known is appended to `out`.
    pub fn segment(&mut self, segment: Segment, out: &mut Vec<Output>) {
        if self.next_sequence.is_none() {
            if segment.syn {
                self.next_sequence = Some(segment.sequence.wrapping_add(1));
                self.release(out);
            } else {
                if segment.wire_length > 0 || segment.fin {
                    self.unstarted_cost += u64::from(segment.length) + SEGMENT_PRICE;
                    self.unstarted.push(segment);
                }
                if self.unstarted_cost > self.limit / START_SHARE {
                    self.start_at_lowest(out);
                }
                return;
            }
        }
        self.put(segment, out);
    }

    /// Takes a segment that neither opens nor closes the connection, if it simply is what comes next: returns where in the
    /// stream it belongs. Else it changes nothing, and the segment is for [`segment`](Reassembler::segment).
    pub fn next_in_order(&mut self, sequence: u32, length: u32) -> Option<u64> {
        let is_next = self.next_sequence == Some(sequence) && self.waiting.is_empty() && length > 0;
        if !is_next || self.fin.is_some() {
            return None;
        }
        let offset = self.next;
        self.extent = self.extent.max(offset + u64::from(length));
        self.advance(length.into());
        Some(offset)
    }

    /// Nothing more will come: delivers all that waits, with the gaps between. `completed_by` is the packet that ended it.
    pub fn finish(&mut self, completed_by: PacketId, out: &mut Vec<Output>) {
        if self.next_sequence.is_none() {
            self.start_at_lowest(out);
        }
        while !self.waiting.is_empty() {
            self.give_up_gap(completed_by, out);
        }
        if self.extent > self.next && self.next_sequence.is_some() {
            self.gap_to(self.extent, completed_by, out);
        }
        if !self.ended {
            self.ended = true;
            out.push(Output::End { completed_by });
        }
    }

    /// Waits no longer for what may come before the segments that are there, if there are any.
    pub(crate) fn start_now(&mut self, out: &mut Vec<Output>) {
        if self.next_sequence.is_none() && !self.unstarted.is_empty() {
            self.start_at_lowest(out);
        }
    }

    /// Called at intervals of some 50 ms while the stream goes on: gives up what was waited for too long.
    pub(crate) fn settle(&mut self, completed_by: PacketId, out: &mut Vec<Output>) {
        let is_stalled = !self.unstarted.is_empty() || !self.waiting.is_empty();
        let (next, calls) = self.stalled;
        self.stalled = (self.next, if is_stalled && next == self.next { calls.saturating_add(1) } else { 0 });
        if self.stalled.1 >= CALLS_BEFORE_START {
            self.start_now(out);
        }
        if self.stalled.1 >= CALLS_IN_GAP && !self.waiting.is_empty() {
            self.give_up_gap(completed_by, out);
        }
    }

    /// Where in the stream the byte with a sequence number belongs, not behind the end; None before the start is known.
    pub(crate) fn place_of(&self, sequence: u32) -> Option<u64> {
        let place = self.next.saturating_add_signed(distance(self.next_sequence?, sequence));
        Some(self.fin.map_or(place, |end| place.min(end)))
    }

    /// The sequence number of the next byte and its place, if nothing waits and no end is known.
    pub(crate) fn plain_place(&self) -> Option<(u32, u64)> {
        let is_plain = self.waiting.is_empty() && self.fin.is_none() && self.extent <= self.next;
        self.next_sequence.map(|sequence| (sequence, self.next)).filter(|_| is_plain)
    }

    fn start_at_lowest(&mut self, out: &mut Vec<Output>) {
        self.next_sequence = self.lowest_unstarted();
        self.release(out);
    }

    /// The start is known: takes the segments seen before as if it had been from the first.
    fn release(&mut self, out: &mut Vec<Output>) {
        self.unstarted_cost = 0;
        for segment in std::mem::take(&mut self.unstarted) {
            self.put(segment, out);
        }
    }

    fn put(&mut self, segment: Segment, out: &mut Vec<Output>) {
        let Some(next_sequence) = self.next_sequence else { return };
        let completed_by = segment.origin.packet;
        let ahead = distance(next_sequence, data_sequence(&segment));
        let mut length = u64::from(segment.length);
        let mut wire_length = u64::from(segment.wire_length);
        let mut origin = segment.origin;
        let mut start = match self.next.checked_add_signed(ahead) {
            Some(start) => start,
            None => {
                // Before offset 0: only what reaches over it belongs to the stream.
                let before = ahead.unsigned_abs() - self.next;
                let early = before.min(length);
                if early > 0 {
                    out.push(Output::BeforeStart { length: early });
                }
                if wire_length <= before {
                    return;
                }
                length -= early;
                wire_length -= before;
                origin = origin.skip(early);
                0
            }
        };
        let wire_end = start + wire_length;
        // A keep-alive repeats the last byte, often with another value: it carries nothing.
        if wire_length == 1 && start + 1 == self.next && !segment.fin {
            return;
        }
        // What carries nothing says nothing of how far the stream reaches: the last ACK is after the FIN.
        if wire_length > 0 || segment.fin {
            self.extent = self.extent.max(wire_end);
        }
        if segment.fin {
            self.fin.get_or_insert(wire_end);
        }
        if start < self.next && length > 0 {
            let duplicate = length.min(self.next - start);
            out.push(Output::Duplicate { offset: start, length: duplicate, origin });
            start += duplicate;
            length -= duplicate;
            origin = origin.skip(duplicate);
        }
        self.insert(start, length, origin, completed_by, out);
        if self.fin == Some(self.next) && !self.ended {
            self.ended = true;
            out.push(Output::End { completed_by });
        }
    }

    /// Puts bytes from `next` on where nothing is yet, and delivers what is next.
    fn insert(
        &mut self,
        start: u64,
        length: u64,
        origin: Origin,
        completed_by: PacketId,
        out: &mut Vec<Output>,
    ) {
        let end = start + length;
        if length == 0 {
            return;
        }
        self.extent = self.extent.max(end);
        if self.waiting.is_empty() && start == self.next {
            self.deliver(length, origin, completed_by, out);
            return;
        }
        let mut at = start;
        while at < end {
            let before = self.waiting.range(..=at).next_back().map(|(&from, piece)| (from, *piece));
            if let Some((from, piece)) = before
                && from + piece.length > at
            {
                let both = (from + piece.length).min(end) - at;
                out.push(Output::Overlap {
                    offset: at,
                    length: both,
                    first: piece.origin.skip(at - from),
                    second: origin.skip(at - start),
                });
                at += both;
                continue;
            }
            let until = self.waiting.range(at..end).next().map_or(end, |(&from, _)| from);
            let piece = Waiting { length: until - at, origin: origin.skip(at - start) };
            self.waiting_cost += piece.length + SEGMENT_PRICE;
            self.waiting.insert(at, piece);
            at = until;
        }
        self.deliver_waiting(completed_by, out);
        while self.waiting_cost > self.limit {
            self.give_up_gap(completed_by, out);
        }
    }

    fn deliver(&mut self, length: u64, origin: Origin, completed_by: PacketId, out: &mut Vec<Output>) {
        out.push(Output::Data { offset: self.next, length, origin, completed_by });
        self.advance(length);
    }

    fn deliver_waiting(&mut self, completed_by: PacketId, out: &mut Vec<Output>) {
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() == self.next
        {
            let piece = entry.remove();
            self.waiting_cost -= piece.length + SEGMENT_PRICE;
            self.deliver(piece.length, piece.origin, completed_by, out);
        }
    }

    fn give_up_gap(&mut self, completed_by: PacketId, out: &mut Vec<Output>) {
        if let Some((&first, _)) = self.waiting.first_key_value() {
            self.gap_to(first, completed_by, out);
            self.deliver_waiting(completed_by, out);
        }
    }

    fn gap_to(&mut self, end: u64, completed_by: PacketId, out: &mut Vec<Output>) {
        if end > self.next {
            out.push(Output::Gap { offset: self.next, length: end - self.next, completed_by });
            self.advance(end - self.next);
        }
    }

    fn advance(&mut self, length: u64) {
        self.next += length;
        // What follows an end has its own end.
        self.ended = false;
        self.next_sequence = self.next_sequence.map(|sequence| sequence.wrapping_add(low_bits(length)));
    }
}

/// The sequence number of a segment's first byte: a SYN occupies a number.
fn data_sequence(segment: &Segment) -> u32 {
    segment.sequence.wrapping_add(u32::from(segment.syn))
}

/// How far `to` is ahead of `from`, the shorter way round.
pub(crate) fn distance(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from).cast_signed())
}

fn low_bits(n: u64) -> u32 {
    let [a, b, c, d, ..] = n.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
