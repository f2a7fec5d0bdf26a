//! The stream tracker: from segments to what happens in a stream, in its order.
//!
//! Most streams only ever bring what comes next, and need two numbers. What else comes makes a [`Reassembler`], which is dropped
//! when enough segments have followed one another again. The tracker deals in ranges only, and sees no bytes.

use crate::ids::{PacketId, StreamId, Table};
use crate::packets::origin::{Origin, Piece};
use crate::packets::segment::{CapturedSegment, Transport};
use crate::streams::reassembly::{Output, Reassembler, Segment, distance};

/// Brings the segments of each stream in order.
#[derive(Debug)]
pub(crate) struct StreamTracker {
    streams: Table<StreamId, Tracked>,
    /// How many bytes of a stream may wait for a gap before them to be filled.
    limit: u64,
    outputs: Vec<Output>,
    /// Streams in which segments may wait for others.
    reassembling: Vec<StreamId>,
}

/// How far a stream has come.
#[derive(Debug, Default)]
struct Tracked {
    /// Where in the stream the next byte belongs, as long as nothing is out of order.
    next: u64,
    /// The sequence number of that byte, once the stream has begun.
    next_sequence: u32,
    has_begun: bool,
    /// Whether its sender is done and every byte was delivered.
    has_ended: bool,
    /// How many segments in a row were simply what comes next, since there is a reassembler.
    in_a_row: u8,
    /// Whether it is among those in which segments may wait.
    is_listed: bool,
    reassembler: Option<Box<Reassembler>>,
}

/// After this many segments in order a stream needs no reassembler any more.
const IN_ORDER: u8 = 16;

impl StreamTracker {
    pub(crate) fn new(limit: u64) -> StreamTracker {
        StreamTracker { streams: Table::default(), limit, outputs: Vec::new(), reassembling: Vec::new() }
    }

    /// Adds the two streams of the next flow.
    pub(crate) fn add_flow(&mut self) {
        for _ in 0..2 {
            self.streams.push(Tracked::default());
        }
    }

    /// Begins a stream after a SYN with that sequence number, if it has not begun.
    pub(crate) fn begin(&mut self, stream: StreamId, syn: u32) {
        let tracked = self.streams.at_mut(stream);
        if tracked.reassembler.is_none() && !tracked.has_begun {
            (tracked.next_sequence, tracked.has_begun) = (syn.wrapping_add(1), true);
        }
    }

    /// Whether a SYN with that sequence number can't belong to a stream.
    pub(crate) fn contradicts(&self, stream: StreamId, syn: u32) -> bool {
        let tracked = self.streams.at(stream);
        match &tracked.reassembler {
            Some(reassembler) => reassembler.contradicts(syn),
            None => {
                let first = tracked.next_sequence.wrapping_sub(low_bits(tracked.next));
                tracked.has_begun && first != syn.wrapping_add(1)
            }
        }
    }

    /// Whether the sender of a stream is done and every byte was delivered.
    #[inline]
    pub(crate) fn has_ended(&self, stream: StreamId) -> bool {
        self.streams.at(stream).has_ended
    }

    /// Whether segments of a stream may wait for others.
    #[inline]
    pub(crate) fn is_reassembling(&self, stream: StreamId) -> bool {
        self.streams.at(stream).reassembler.is_some()
    }

    /// Where in a stream the byte with a sequence number belongs, as an acknowledgement names it: not behind the end. None before
    /// the stream has begun.
    pub(crate) fn place_of(&self, stream: StreamId, sequence: u32) -> Option<u64> {
        let tracked = self.streams.at(stream);
        if let Some(reassembler) = &tracked.reassembler {
            return reassembler.place_of(sequence);
        }
        let place = tracked.next.saturating_add_signed(distance(tracked.next_sequence, sequence));
        let is_end = tracked.has_ended && place > tracked.next;
        tracked.has_begun.then_some(if is_end { tracked.next } else { place })
    }

    /// Takes a segment without a SYN, and whole, if it simply is what comes next: returns where in the stream it belongs. Else it
    /// changes nothing, and the segment is for [`segment`](StreamTracker::segment).
    #[inline]
    pub(crate) fn next_in_order(
        &mut self,
        stream: StreamId,
        sequence: u32,
        length: u32,
        fin: bool,
    ) -> Option<u64> {
        let tracked = self.streams.at_mut(stream);
        if tracked.reassembler.is_some() {
            return if fin { None } else { tracked.next_reassembled(sequence, length) };
        }
        if !tracked.has_begun || tracked.has_ended || tracked.next_sequence != sequence {
            return None;
        }
        let offset = tracked.next;
        tracked.next += u64::from(length);
        tracked.next_sequence = sequence.wrapping_add(length);
        tracked.has_ended = fin;
        Some(offset)
    }

    /// Takes any segment. What it makes known of its stream, and of the other one if both begin with it, is appended to `out` in
    /// the order of the packets that brought it. False if the stream has not begun yet.
    pub(crate) fn segment(
        &mut self,
        stream: StreamId,
        segment: &CapturedSegment<'_>,
        out: &mut Vec<(StreamId, Output)>,
    ) -> bool {
        let Transport::Tcp { sequence, syn, fin, .. } = segment.transport else { return true };
        let StreamTracker { streams, limit, outputs, reassembling } = self;
        let tracked = streams.at_mut(stream);
        if !std::mem::replace(&mut tracked.is_listed, true) {
            reassembling.push(stream);
        }
        let reassembler = tracked.reassembler(*limit);
        let had_begun = reassembler.started();
        let origin = Origin { packet: segment.packet, file_offset: segment.at_hand.0 };
        let none = [Piece { offset: 0, length: 0, origin }];
        let pieces = if segment.pieces.is_empty() { &none[..] } else { segment.pieces };
        for (i, piece) in pieces.iter().enumerate() {
            let (first, last) = (i == 0, i + 1 == pieces.len());
            // A SYN takes the first sequence number.
            let before = narrow(piece.offset).wrapping_add(u32::from(syn && !first));
            // What the capture cut is missing after the last piece.
            let missing = if last { segment.missing as usize } else { 0 };
            let part = Segment {
                sequence: sequence.wrapping_add(before),
                syn: syn && first,
                fin: fin && last,
                length: narrow(piece.length),
                wire_length: narrow(piece.length + missing),
                origin: piece.origin,
            };
            reassembler.segment(part, outputs);
        }
        let has_begun = reassembler.started();
        tracked.has_ended |= ends(outputs);
        let first = out.len();
        out.extend(outputs.drain(..).map(|output| (stream, output)));
        if has_begun && !had_begun {
            self.begin_other(stream.opposite(), first, out);
        }
        has_begun
    }

    /// One direction of a connection that was open before has begun: the other waits no longer either, so that requests and their
    /// replies come in their order.
    fn begin_other(&mut self, other: StreamId, first: usize, out: &mut Vec<(StreamId, Output)>) {
        let tracked = self.streams.at_mut(other);
        let Some(reassembler) = &mut tracked.reassembler else { return };
        reassembler.start_now(&mut self.outputs);
        tracked.has_ended |= ends(&self.outputs);
        if self.outputs.is_empty() {
            return;
        }
        let packet = |output: &Output| match output {
            Output::Data { origin, .. } => origin.packet,
            // It goes with what comes before it.
            _ => PacketId::NONE,
        };
        let mut one = out.split_off(first).into_iter().peekable();
        let mut other = self.outputs.drain(..).map(|output| (other, output)).peekable();
        out.extend(std::iter::from_fn(|| match (one.peek(), other.peek()) {
            (Some((_, first)), Some((_, second))) if packet(first) > packet(second) => other.next(),
            (Some(_), _) => one.next(),
            (None, _) => other.next(),
        }));
    }

    /// Gives up what was waited for too long, in streams that go on. Called at intervals of some 50 ms; `packet` is the last that
    /// was read.
    pub(crate) fn settle(&mut self, packet: PacketId, out: &mut Vec<(StreamId, Output)>) {
        let mut listed = std::mem::take(&mut self.reassembling);
        listed.retain(|&stream| {
            let tracked = self.streams.at_mut(stream);
            let reassembler = tracked.reassembler.as_mut().filter(|_| !tracked.has_ended);
            let Some(reassembler) = reassembler else {
                tracked.is_listed = false;
                return false;
            };
            let had_begun = reassembler.started();
            reassembler.settle(packet, &mut self.outputs);
            let has_begun = reassembler.started();
            tracked.has_ended |= ends(&self.outputs);
            let first = out.len();
            out.extend(self.outputs.drain(..).map(|output| (stream, output)));
            if has_begun && !had_begun {
                self.begin_other(stream.opposite(), first, out);
            }
            true
        });
        self.reassembling = listed;
    }

    /// Nothing more will come of a stream: delivers all that waits, with the gaps between. `packet` is the one that ended it.
    pub(crate) fn finish(&mut self, stream: StreamId, packet: PacketId, out: &mut Vec<(StreamId, Output)>) {
        let tracked = self.streams.at_mut(stream);
        match &mut tracked.reassembler {
            Some(reassembler) => reassembler.finish(packet, &mut self.outputs),
            None if tracked.has_ended => {}
            None => self.outputs.push(Output::End { completed_by: packet }),
        }
        tracked.has_ended |= ends(&self.outputs);
        out.extend(self.outputs.drain(..).map(|output| (stream, output)));
    }
}

impl Tracked {
    /// Takes a segment that simply is what comes next, though others may have to wait.
    fn next_reassembled(&mut self, sequence: u32, length: u32) -> Option<u64> {
        let reassembler = self.reassembler.as_deref_mut()?;
        let offset = reassembler.next_in_order(sequence, length)?;
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= IN_ORDER
            && let Some((sequence, next)) = reassembler.plain_place()
        {
            (self.next_sequence, self.next, self.has_begun) = (sequence, next, true);
            self.reassembler = None;
        }
        Some(offset)
    }

    fn reassembler(&mut self, limit: u64) -> &mut Reassembler {
        self.in_a_row = 0;
        let &mut Tracked { next, next_sequence, has_begun, has_ended, .. } = self;
        self.reassembler.get_or_insert_with(|| {
            Box::new(match has_begun {
                true => Reassembler::resumed(limit, next_sequence, next, has_ended),
                false => Reassembler::with_limit(limit),
            })
        })
    }
}

fn ends(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::End { .. }))
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A number's low 32 bits.
fn low_bits(n: u64) -> u32 {
    let [a, b, c, d, ..] = n.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FlowId, Side};

    /// A segment of `length` bytes as packet `packet`.
    fn take(
        tracker: &mut StreamTracker,
        stream: StreamId,
        (packet, sequence, length): (u32, u32, usize),
    ) -> Vec<(StreamId, u64, u32)> {
        let origin = Origin { packet: packet.into(), file_offset: u64::from(packet) * 100 };
        let segment = CapturedSegment {
            packet: packet.into(),
            interface: None,
            transport: Transport::Tcp {
                sequence,
                acknowledged: 0,
                syn: false,
                ack: true,
                fin: false,
                rst: false,
            },
            payload: &[0; 100][..length],
            missing: 0,
            time_ns: None,
            pieces: &[Piece { offset: 0, length, origin }],
            at_hand: (origin.file_offset, &[]),
            outline: 0,
        };
        if let Some(offset) = tracker.next_in_order(stream, sequence, narrow(length), false) {
            return vec![(stream, offset, packet)];
        }
        let mut out = Vec::new();
        tracker.segment(stream, &segment, &mut out);
        let data = out.into_iter().filter_map(|(stream, output)| match output {
            Output::Data { offset, origin, .. } => Some((stream, offset, origin.packet.number())),
            _ => None,
        });
        data.collect()
    }

    fn streams() -> [StreamId; 2] {
        FlowId::from(0).streams_from(Side::First)
    }

    #[test]
    fn a_stream_has_a_reassembler_only_until_enough_segments_arrived_in_order() {
        let ([stream, _], mut tracker) = (streams(), StreamTracker::new(1 << 20));
        tracker.add_flow();
        tracker.begin(stream, 99);
        assert_eq!(take(&mut tracker, stream, (1, 100, 10)), [(stream, 0, 1)]);
        assert!(!tracker.is_reassembling(stream));
        assert_eq!(take(&mut tracker, stream, (2, 120, 10)), []);
        assert!(tracker.is_reassembling(stream));
        assert_eq!(take(&mut tracker, stream, (3, 110, 10)), [(stream, 10, 3), (stream, 20, 2)]);
        for packet in 4..4 + u32::from(IN_ORDER) {
            assert!(tracker.is_reassembling(stream));
            let offset = u64::from(packet - 1) * 10;
            let sequence = 100 + (packet - 1) * 10;
            assert_eq!(take(&mut tracker, stream, (packet, sequence, 10)), [(stream, offset, packet)]);
        }
        assert!(!tracker.is_reassembling(stream) && !tracker.contradicts(stream, 99));
        assert!(tracker.contradicts(stream, 98));
    }

    #[test]
    fn both_directions_of_an_open_connection_begin_together_in_the_order_of_the_packets() {
        let ([there, back], mut tracker) = (streams(), StreamTracker::new(150 * 16));
        tracker.add_flow();
        assert_eq!(take(&mut tracker, there, (1, 1000, 40)), []);
        assert_eq!(take(&mut tracker, back, (2, 5000, 40)), []);
        // What may wait for an earlier beginning is a sixteenth of the limit.
        let all = take(&mut tracker, there, (3, 1040, 40));
        assert_eq!(all, [(there, 0, 1), (back, 0, 2), (there, 40, 3)]);
    }

    #[test]
    fn buffered_bytes_are_delivered_after_their_gap_when_a_stream_ends() {
        let ([stream, _], mut tracker) = (streams(), StreamTracker::new(1 << 20));
        tracker.add_flow();
        tracker.begin(stream, 99);
        assert_eq!(take(&mut tracker, stream, (1, 105, 10)), []);
        let mut out = Vec::new();
        tracker.finish(stream, 7.into(), &mut out);
        let origin = Origin { packet: 1.into(), file_offset: 100 };
        let expected = [
            Output::Gap { offset: 0, length: 5, completed_by: 7.into() },
            Output::Data { offset: 5, length: 10, origin, completed_by: 7.into() },
            Output::End { completed_by: 7.into() },
        ];
        assert_eq!(out, expected.map(|output| (stream, output)));
        assert!(tracker.has_ended(stream));
    }
}
