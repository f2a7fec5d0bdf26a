//! From segments to the bytes of a stream: quickly where a segment is simply what comes next, else by reassembly.

use std::io;

use super::packets::{Arrived, count_unread};
use super::{Indexer, streams_of};
use crate::index::{Index, SegmentRange};
use crate::messages::detection::Happened;
use crate::packets::fragments::Piece;
use crate::packets::packet::Transport;
use crate::streams::reassembly::{Origin, Output, Segment};

impl Indexer {
    #[inline]
    pub(super) fn tcp(
        &mut self,
        index: &mut Index,
        arrived: &Arrived<'_>,
        flow: u32,
        side: usize,
    ) -> io::Result<()> {
        let Transport::Tcp { sequence, syn, fin, rst, .. } = arrived.transport else { return Ok(()) };
        let stream = flow as usize * 2 + side;
        if syn || fin || rst {
            self.opens_or_closes(index, flow, side, arrived);
        }
        if rst {
            if !arrived.payload.is_empty() {
                let reason = "TCP reset with a text, which is no part of the stream";
                count_unread(index, reason.into(), arrived.number, arrived.at_hand.0);
            }
            return self.finish_flow(index, flow, arrived.number);
        }
        // What carries nothing leaves nothing behind but a SYN's number: half-open connections may be very many.
        let Some(state) = self.states.get_mut(stream) else { return Ok(()) };
        let is_waited_for = syn && state.more.is_some();
        if arrived.payload.is_empty() && arrived.missing == 0 && !fin && !is_waited_for {
            return Ok(());
        }
        let is_one_piece = arrived.missing == 0 && arrived.pieces.len() <= 1;
        if is_one_piece && !syn && state.is_next(sequence) {
            let is_known = index.streams.get(stream).is_some_and(|stream| stream.protocol.is_some());
            if arrived.payload.is_empty() && is_known {
                // Nothing waits, so that the end tells the rows nothing.
                state.has_ended = true;
                self.close_if_over(index, flow);
                return Ok(());
            }
            if arrived.outline != 0 && self.one_message(index, stream, arrived) {
                if fin && let Some(state) = self.states.get_mut(stream) {
                    state.has_ended = true;
                    self.close_if_over(index, flow);
                }
                return Ok(());
            }
        }
        self.tcp_in_full(index, arrived, flow, stream)
    }

    /// Keeps in mind what a packet says of its connection.
    pub(super) fn opens_or_closes(
        &mut self,
        index: &mut Index,
        flow: u32,
        side: usize,
        arrived: &Arrived<'_>,
    ) {
        let Transport::Tcp { sequence, syn, ack, fin, rst } = arrived.transport else { return };
        let Some(known) = index.flows.get_mut(flow as usize) else { return };
        if syn && let Some(seen) = known.syn_seen.get_mut(side) {
            if !std::mem::replace(seen, true) {
                self.sessions.doubt(flow);
            }
            if let Some(state) = self.states.get_mut(flow as usize * 2 + side) {
                state.begin(sequence);
            }
        }
        if syn && !ack && known.life.opened == 0 {
            known.swapped = side == 1;
            self.sessions.doubt(flow);
        }
        known.life.take(arrived.number, side, [syn, ack, fin, rst]);
    }

    /// Both sides are done: what was held back will not become clearer.
    fn close_if_over(&mut self, index: &mut Index, flow: u32) {
        let ended = |stream: &usize| self.states.get(*stream).is_some_and(|state| state.has_ended);
        if streams_of(index, flow).iter().all(ended) {
            self.choose_for_flow(index, flow);
            self.sessions.end(flow, &mut index.entries);
        }
    }

    /// Takes a segment that is not simply the next message.
    fn tcp_in_full(
        &mut self,
        index: &mut Index,
        arrived: &Arrived<'_>,
        flow: u32,
        stream: usize,
    ) -> io::Result<()> {
        let &Arrived { number, payload, pieces, outline, .. } = arrived;
        let Transport::Tcp { sequence, syn, fin, .. } = arrived.transport else { return Ok(()) };
        let captured = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let Some(more) = self.more(index, stream) else { return Ok(()) };
        if let [piece] = pieces
            && arrived.missing == 0
            && !syn
            && !fin
            && let Some(offset) = more.reassembler.next_in_order(sequence, captured)
        {
            let file_offset = piece.origin.file_offset;
            if outline != 0 && self.message_alone(index, stream, offset, arrived) {
                return Ok(());
            }
            if let Some(more) = self.more(index, stream) {
                more.plain = 0;
            }
            let segment = SegmentRange { offset, file_offset, length: captured, packet: number };
            self.add_segment(index, stream, segment);
            self.data(index, stream, payload, number);
            return Ok(());
        }
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // What the capture cut is missing behind the last piece.
        let missing = arrived.missing as usize;
        let none =
            Piece { offset: 0, length: 0, origin: Origin { packet: number, file_offset: arrived.at_hand.0 } };
        let pieces = if pieces.is_empty() { &[none][..] } else { pieces };
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut begins = false;
        if let Some(more) = self.more(index, stream) {
            let had_begun = more.reassembler.started();
            more.plain = 0;
            for (i, piece) in pieces.iter().enumerate() {
                let (first, last) = (i == 0, i + 1 == pieces.len());
                // A SYN takes the first sequence number.
                let before = length(piece.offset).wrapping_add(u32::from(syn && !first));
                let segment = Segment {
                    sequence: sequence.wrapping_add(before),
                    syn: syn && first,
                    fin: fin && last,
                    length: length(piece.length),
                    wire_length: length(if last { piece.length + missing } else { piece.length }),
                    origin: piece.origin,
                };
                more.reassembler.segment(segment, &mut outputs);
            }
            let has_begun = more.reassembler.started();
            begins = has_begun && !had_begun;
            if !has_begun {
                self.in_order.get_or_insert(index.entries.len());
            }
        }
        let other = if begins { self.begin_other(stream) } else { Vec::new() };
        let done = match other.is_empty() {
            true => self.take(index, stream, &mut outputs, Some(arrived.at_hand)),
            false => {
                let outputs = outputs.drain(..).map(|output| (stream, output));
                self.take_both(index, outputs, other, Some(arrived.at_hand))
            }
        };
        self.outputs = outputs;
        self.close_if_over(index, flow);
        done
    }

    /// One direction of a connection that was open before has begun: the other waits no longer either, so that what was said and
    /// what was answered come in their order.
    fn begin_other(&mut self, stream: usize) -> Vec<(usize, Output)> {
        let mut outputs = Vec::new();
        let other = stream ^ 1;
        if let Some(more) = self.states.get_mut(other).and_then(|state| state.more.as_deref_mut()) {
            more.reassembler.start_now(&mut outputs);
        }
        outputs.into_iter().map(|output| (other, output)).collect()
    }

    /// Brings what reassembly gave of both directions to their streams, in the order of the packets.
    fn take_both(
        &mut self,
        index: &mut Index,
        one: impl Iterator<Item = (usize, Output)>,
        other: Vec<(usize, Output)>,
        at_hand: Option<(u64, &[u8])>,
    ) -> io::Result<()> {
        let packet = |output: &Output| match output {
            Output::Data { origin, .. } => origin.packet,
            // It goes with what comes before it.
            _ => 0,
        };
        let (mut one, mut other) = (one.peekable(), other.into_iter().peekable());
        loop {
            let is_first = match (one.peek(), other.peek()) {
                (Some((_, one)), Some((_, other))) => packet(one) <= packet(other),
                (one, _) => one.is_some(),
            };
            let next = if is_first { one.next() } else { other.next() };
            let Some((stream, output)) = next else { return Ok(()) };
            self.take_one(index, stream, output, at_hand)?;
        }
    }

    /// Brings what reassembly gave to the stream. `at_hand` are bytes of the file that need not be read, and where they begin.
    pub(super) fn take(
        &mut self,
        index: &mut Index,
        stream: usize,
        outputs: &mut Vec<Output>,
        at_hand: Option<(u64, &[u8])>,
    ) -> io::Result<()> {
        for output in outputs.drain(..) {
            self.take_one(index, stream, output, at_hand)?;
        }
        Ok(())
    }

    fn take_one(
        &mut self,
        index: &mut Index,
        stream: usize,
        output: Output,
        at_hand: Option<(u64, &[u8])>,
    ) -> io::Result<()> {
        match output {
            Output::Data { offset, length, origin, now } => {
                let segment = SegmentRange {
                    offset,
                    file_offset: origin.file_offset,
                    length: u32::try_from(length).unwrap_or(u32::MAX),
                    packet: origin.packet,
                };
                self.add_segment(index, stream, segment);
                let at_hand = at_hand.and_then(|(begin, bytes)| {
                    let from = usize::try_from(origin.file_offset.checked_sub(begin)?).ok()?;
                    bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
                });
                match at_hand {
                    Some(bytes) => self.data(index, stream, bytes, now),
                    None => {
                        let bytes = self.read(origin, length)?;
                        self.data(index, stream, &bytes, now);
                    }
                }
            }
            Output::Gap { length, now, .. } => self.event(index, stream, Happened::Gap(length), now),
            Output::End { now } => {
                if let Some(state) = self.states.get_mut(stream) {
                    state.has_ended = true;
                }
                self.event(index, stream, Happened::End, now);
            }
            Output::BeforeStart { length } => {
                if let Some(stream) = index.streams.get_mut(stream) {
                    stream.rest().late_bytes += length;
                }
            }
            Output::Overlap { offset, length, first, second } => {
                self.compare(index, stream, offset, length, first, second)?;
            }
            Output::Duplicate { offset, length, origin } => {
                self.again(index, stream, offset, length, origin)?
            }
        }
        Ok(())
    }
}
