//! A packet on its way through the stages.

use std::io;

use super::Indexer;
use super::batch::PlainSegment;
use crate::files::records::Record;
use crate::ids::{FlowId, PacketId, Side, StreamId};
use crate::index::writer::{IndexWriter, RowWriter};
use crate::index::{Index, SegmentRange};
use crate::messages::framing::FramingOutput;
use crate::messages::outline::Labels;
use crate::messages::talks::Arrival;
use crate::packets::disputes::Disputes;
use crate::packets::fragments::Fragment;
use crate::packets::layer::SkipReason;
use crate::packets::origin::{Origin, Piece};
use crate::packets::packet::{Decoded, Packet};
use crate::packets::segment::{CapturedSegment, Transport};
use crate::streams::endpoint_pairs::Pair;
use crate::streams::flow::Flows;
use crate::streams::newest::{FlowKey, Lookup};
use crate::streams::reassembly::Output;

/// Lends the last stage its tables, and the message framer the labels.
#[inline]
pub(super) fn row_writer<'i>(
    writer: &'i mut IndexWriter,
    disputes: &'i Disputes,
    index: &'i mut Index,
) -> (RowWriter<'i>, &'i mut Labels) {
    let Index { flows, protocols, rows, packets, labels, .. } = index;
    (RowWriter { writer, rows, flows, packets: &packets.times, protocols, disputes }, labels)
}

impl Indexer {
    /// Takes a segment or datagram with nothing unusual about it, as nearly all are.
    #[inline]
    pub(super) fn plain_segment(&mut self, index: &mut Index, plain: &PlainSegment<'_>) -> io::Result<()> {
        let &PlainSegment { time_ns, transport, payload, file_offset, outline, interface, .. } = plain;
        let is_relevant = !payload.is_empty() || transport.opens_or_closes();
        index.packets.times.push(time_ns, is_relevant.then_some(file_offset));
        let packet = PacketId::from(index.packets());
        let piece = Piece { offset: 0, length: payload.len(), origin: Origin { packet, file_offset } };
        let segment = CapturedSegment {
            packet,
            interface,
            transport,
            payload,
            missing: 0,
            time_ns,
            pieces: &[piece],
            at_hand: (file_offset, payload),
            outline,
        };
        self.segment(index, &segment, FlowKey::Number(plain.conversation), plain.from_high)
    }

    /// Takes another packet.
    pub(super) fn other_packet(
        &mut self,
        index: &mut Index,
        record: &Record<'_>,
        decoded: &Result<Decoded, SkipReason>,
        conversation: Option<(u32, bool)>,
    ) -> io::Result<()> {
        index.packets.times.push(record.time_ns, relevant_place(record, decoded));
        debug_assert_eq!(record.number, PacketId::from(index.packets()), "each packet has a number");
        if let Some(what) = decoded.as_ref().ok().and_then(Decoded::unusual) {
            index.packets.count_unusual(what.as_str(), record.number, record.offset);
        }
        match decoded {
            Ok(Decoded::Packet(packet)) => {
                debug_assert!(conversation.is_some(), "each segment has a number for its endpoints");
                let Some((conversation, from_high)) = conversation else { return Ok(()) };
                let file_offset = record.offset + u64::from(packet.payload_start);
                let origin = Origin { packet: record.number, file_offset };
                let piece = Piece { offset: 0, length: packet.payload_length as usize, origin };
                let segment =
                    captured(record, packet, packet.payload(record.bytes), std::slice::from_ref(&piece));
                self.segment(index, &segment, FlowKey::Number(conversation), from_high)
            }
            Ok(Decoded::Fragment(fragment)) => self.fragment(index, record, fragment),
            Err(reason) => {
                index.packets.skip(reason.clone(), record.number, record.offset);
                Ok(())
            }
        }
    }

    /// Takes a fragment of an IP packet, and the packet if that makes it whole.
    fn fragment(&mut self, index: &mut Index, record: &Record<'_>, fragment: &Fragment) -> io::Result<()> {
        let reassembled = self.assembler.take(record, fragment)?;
        if reassembled.overlaps {
            let overlap = "IP fragment that reaches over others; what was captured first stays";
            index.packets.skip(overlap.into(), record.number, record.offset);
        }
        match reassembled.whole {
            Some(Ok(whole)) => {
                let packet = &whole.packet;
                let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
                let (pair, from_high) = Pair::of(packet.src, packet.dst, is_tcp);
                if self.selection.as_ref().is_some_and(|selection| !selection.has(pair.key())) {
                    return Ok(());
                }
                if let Some(what) = packet.unusual {
                    index.packets.count_unusual(what.as_str(), record.number, record.offset);
                }
                let segment = captured(record, packet, whole.payload(), &whole.pieces);
                self.segment(index, &segment, FlowKey::Pair(pair), from_high)
            }
            Some(Err(reason)) => {
                index.packets.skip(reason, record.number, record.offset);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes a segment or datagram: to which stream it belongs, and then what it brings.
    #[inline]
    fn segment(
        &mut self,
        index: &mut Index,
        segment: &CapturedSegment<'_>,
        key: FlowKey,
        from_high: bool,
    ) -> io::Result<()> {
        let Some(flow) = self.flow(index, segment, key, from_high)? else { return Ok(()) };
        let stream = self.flows.count(&mut index.flows, flow, segment, from_high);
        if segment.missing > 0 {
            self.writer.cut_packet(&mut index.rows, stream);
        }
        match segment.transport {
            Transport::Tcp { .. } => self.tcp(index, stream, segment),
            Transport::Udp => {
                self.udp(index, stream, segment);
                Ok(())
            }
        }
    }

    /// The flow of a packet, which may be a new one.
    #[inline]
    fn flow(
        &mut self,
        index: &mut Index,
        segment: &CapturedSegment<'_>,
        key: FlowKey,
        from_high: bool,
    ) -> io::Result<Option<FlowId>> {
        let flow = match self.flows.find(&index.flows, key) {
            Some(Lookup::Flow(flow)) => flow,
            Some(Lookup::New(pair)) => return Ok(Some(self.open_flow(index, key, pair, from_high))),
            None => return Ok(None),
        };
        if let Transport::Tcp { sequence, syn: true, ack, .. } = segment.transport
            && self.begins_anew(&index.flows, flow, from_high, (sequence, ack))
            && let Some(pair) = index.flows.at(flow).pair()
        {
            self.end_flow(index, flow, segment.packet)?;
            return Ok(Some(self.open_flow(index, key, pair, from_high)));
        }
        Ok(Some(flow))
    }

    fn open_flow(&mut self, index: &mut Index, key: FlowKey, pair: Pair, from_high: bool) -> FlowId {
        let flow = self.flows.open(&mut index.flows, key, pair, from_high);
        self.add_streams(index, flow);
        flow
    }

    /// Whether a SYN opens another connection than the one its ports have.
    fn begins_anew(
        &self,
        flows: &Flows,
        flow: FlowId,
        from_high: bool,
        (sequence, ack): (u32, bool),
    ) -> bool {
        let known = flows.at(flow);
        let is_over = known.lifecycle.is_reset()
            || known.streams(flow).iter().all(|stream| self.streams.has_ended(*stream));
        self.streams.contradicts(flow.stream(known.sender(from_high)), sequence) || (is_over && !ack)
    }

    /// Takes a TCP segment: quickly where it simply is what comes next, else by reassembly.
    #[inline]
    fn tcp(&mut self, index: &mut Index, stream: StreamId, segment: &CapturedSegment<'_>) -> io::Result<()> {
        let Transport::Tcp { sequence, syn, fin, rst, .. } = segment.transport else { return Ok(()) };
        if syn || fin || rst {
            if self.flows.record(&mut index.flows, stream, segment) {
                self.writer.doubt(stream.flow());
            }
            if syn {
                self.streams.begin(stream, sequence);
            }
        }
        if rst {
            if !segment.payload.is_empty() {
                let reason = "TCP reset with a text, which is not part of the stream";
                index.packets.skip(reason.into(), segment.packet, segment.at_hand.0);
            }
            return self.end_flow(index, stream.flow(), segment.packet);
        }
        // What carries nothing leaves nothing behind but a SYN's number: half-open connections may be very many.
        let is_empty = segment.payload.is_empty() && segment.missing == 0;
        if is_empty && !fin && !(syn && self.streams.is_reassembling(stream)) {
            return Ok(());
        }
        if !syn
            && let Some(piece) = segment.whole_piece()
            && let Ok(length) = u32::try_from(piece.length)
            && let Some(offset) = self.streams.next_in_order(stream, sequence, length, fin)
        {
            if !is_empty {
                self.next_payload(index, stream, offset, segment, piece);
            }
            if fin {
                self.end_stream(index, stream, segment.packet);
                self.close_if_over(index, stream.flow(), segment.packet)?;
            }
            return Ok(());
        }
        self.reassemble(index, stream, segment)
    }

    /// Takes a segment that others may have to be waited for.
    fn reassemble(
        &mut self,
        index: &mut Index,
        stream: StreamId,
        segment: &CapturedSegment<'_>,
    ) -> io::Result<()> {
        let mut events = std::mem::take(&mut self.events);
        if !self.streams.segment(stream, segment, &mut events) {
            self.writer.buffered(&index.rows);
        }
        let delivered = self.deliver(index, &mut events, Some(segment));
        self.events = events;
        self.close_if_over(index, stream.flow(), segment.packet)?;
        delivered
    }

    /// Takes a datagram, whose place is after all that came before it.
    fn udp(&mut self, index: &mut Index, stream: StreamId, segment: &CapturedSegment<'_>) {
        let packet = segment.packet;
        let start = index.rows.streams.at(stream).end();
        let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
        let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
        if segment.missing == 0
            && let Some(span) = self.messages.whole_message(stream, start, segment, &mut to)
        {
            return rows.payload(&span, segment);
        }
        if !segment.payload.is_empty() {
            for piece in segment.pieces {
                to.spans.segment(stream, piece_at(start + piece.offset as u64, piece));
            }
            self.messages.data(stream, start, segment.payload, packet.into(), &mut to);
        }
        if segment.missing > 0 {
            let gap = (start + segment.payload.len() as u64, segment.missing.into());
            to.spans.gap(stream, gap.1);
            self.messages.gap(stream, gap, packet.into(), &mut to);
        }
        self.messages.end(stream, packet.into(), &mut to);
        self.take_carried(index);
    }

    /// Takes a payload that is the next of its stream.
    #[inline(always)]
    fn next_payload(
        &mut self,
        index: &mut Index,
        stream: StreamId,
        offset: u64,
        segment: &CapturedSegment<'_>,
        piece: Piece,
    ) {
        let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
        let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
        match self.messages.whole_message(stream, offset, segment, &mut to) {
            Some(span) => rows.payload(&span, segment),
            None => {
                let arrival = self.arrival(stream, segment);
                self.next_data(index, stream, piece_at(offset, &piece), segment.payload, arrival);
            }
        }
    }

    /// When something of a stream came. In a conversation, what the sender had received by then.
    fn arrival(&self, stream: StreamId, segment: &CapturedSegment<'_>) -> Arrival {
        let received = match segment.transport {
            Transport::Tcp { ack: true, acknowledged, .. } if self.messages.is_conversing(stream) => {
                self.streams.place_of(stream.opposite(), acknowledged)
            }
            _ => None,
        };
        Arrival { packet: segment.packet, brought_by: segment.packet, received }
    }

    /// Takes the next bytes of a stream.
    pub(super) fn next_data(
        &mut self,
        index: &mut Index,
        stream: StreamId,
        segment: SegmentRange,
        bytes: &[u8],
        arrival: Arrival,
    ) {
        let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
        rows.segment(stream, segment);
        let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
        self.messages.data(stream, segment.offset, bytes, arrival, &mut to);
        self.take_carried(index);
    }

    /// Passes on what reassembly gave. The bytes of `segment` need not be read.
    fn deliver(
        &mut self,
        index: &mut Index,
        events: &mut Vec<(StreamId, Output)>,
        segment: Option<&CapturedSegment<'_>>,
    ) -> io::Result<()> {
        for (stream, event) in events.drain(..) {
            if let Output::Data { offset, length, origin, completed_by } = event {
                let at_hand = segment.and_then(|segment| segment.bytes_at(origin.file_offset, length));
                let arrival = match segment.filter(|segment| segment.packet == origin.packet) {
                    Some(segment) => self.arrival(stream, segment),
                    None => Arrival { brought_by: origin.packet, ..completed_by.into() },
                };
                self.deliver_data(index, stream, (offset, length), origin, at_hand, arrival)?;
                continue;
            }
            let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
            match event {
                Output::Data { .. } => {}
                Output::Gap { offset, length, completed_by } => {
                    rows.gap(stream, length);
                    let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
                    self.messages.gap(stream, (offset, length), completed_by.into(), &mut to);
                }
                Output::End { completed_by } => {
                    let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
                    self.messages.end(stream, completed_by.into(), &mut to);
                }
                Output::BeforeStart { length } => rows.before_start(stream, length),
                Output::Overlap { offset, length, first, second } => {
                    rows.overlap(labels, stream, (offset, length), [first, second])?;
                }
                Output::Duplicate { offset, length, origin } => {
                    rows.duplicate(labels, stream, (offset, length), origin)?;
                }
            }
            self.take_carried(index);
        }
        Ok(())
    }

    fn deliver_data(
        &mut self,
        index: &mut Index,
        stream: StreamId,
        (offset, length): (u64, u64),
        origin: Origin,
        at_hand: Option<&[u8]>,
        arrival: Arrival,
    ) -> io::Result<()> {
        let Origin { packet, file_offset } = origin;
        let segment =
            SegmentRange { offset, file_offset, length: u32::try_from(length).unwrap_or(u32::MAX), packet };
        if let Some(bytes) = at_hand {
            self.next_data(index, stream, segment, bytes, arrival);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let read = self.reader.read(file_offset, usize::try_from(length).unwrap_or(0), &mut bytes);
        if read.is_ok() {
            self.next_data(index, stream, segment, &bytes, arrival);
        }
        self.bytes = bytes;
        read
    }

    /// Gives up what was waited for too long: the beginning of a connection that was open before, what is missing in a stream, and
    /// certainty of its protocol, if that is likely or was long waited for. Rows would come only with more bytes otherwise, or at the
    /// end. To be called every 50 ms or so while a [growing](crate::Source::growing) source is read; what all bytes show may differ.
    pub fn settle(&mut self, index: &mut Index) {
        let mut events = std::mem::take(&mut self.events);
        self.streams.settle(PacketId::from(index.packets()), &mut events);
        let delivered = self.deliver(index, &mut events, None);
        self.events = events;
        if let Err(error) = delivered {
            self.stop(index, &error);
        }
        let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
        let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
        self.messages.decide_waiting(&mut to);
        self.take_carried(index);
        self.writer.show_noticed(&mut index.rows, &mut index.labels);
    }

    /// The sender of a stream is done, and every byte was delivered.
    pub(super) fn end_stream(&mut self, index: &mut Index, stream: StreamId, packet: PacketId) {
        let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
        let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
        self.messages.end(stream, packet.into(), &mut to);
        self.take_carried(index);
    }

    /// Both sides are done: what was buffered will not become clearer.
    fn close_if_over(&mut self, index: &mut Index, flow: FlowId, packet: PacketId) -> io::Result<()> {
        let streams = index.flows.at(flow).streams(flow);
        if streams.iter().all(|stream| self.streams.has_ended(*stream)) {
            self.conclude_flow(index, flow, packet)?;
        }
        Ok(())
    }

    /// The connection has ended with that packet, or the capture has: gives up what waits.
    pub(super) fn end_flow(&mut self, index: &mut Index, flow: FlowId, packet: PacketId) -> io::Result<()> {
        let known = index.flows.at(flow);
        let (is_tcp, streams) = (known.is_connection(), known.streams(flow));
        let mut events = std::mem::take(&mut self.events);
        for stream in streams {
            let is_framing = self.messages.is_framing(stream);
            if is_tcp && (is_framing || self.streams.is_reassembling(stream)) {
                self.streams.finish(stream, packet, &mut events);
            } else if is_framing && !self.channels.has_ended(stream) {
                events.push((stream, Output::End { completed_by: packet }));
            }
        }
        let stream = flow.stream(Side::First);
        let mut delivered = Ok(());
        if self.messages.may_converse(stream) && !events.is_empty() {
            // The first bytes may show that the order matters.
            delivered = self.deliver(index, &mut vec![events.remove(0)], None);
        }
        if self.messages.is_conversing(stream) {
            put_in_order_of_sending(&mut events);
        }
        delivered = delivered.and_then(|()| self.deliver(index, &mut events, None));
        self.events = events;
        delivered?;
        self.conclude_flow(index, flow, packet)
    }

    fn conclude_flow(&mut self, index: &mut Index, flow: FlowId, packet: PacketId) -> io::Result<()> {
        let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
        let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
        self.messages.choose_now(flow.stream(Side::First), &mut to);
        self.messages.read_waiting(flow, packet, &mut to);
        self.take_carried(index);
        self.end_carried(index, flow, packet)?;
        self.writer.end_flow(&mut index.rows, flow);
        Ok(())
    }
}

/// Puts what happened in the two streams of a flow in the order of sending, as the packets show it: what fills a gap was sent before
/// what waited for it.
fn put_in_order_of_sending(events: &mut [(StreamId, Output)]) {
    let mut least = [PacketId::from(u32::MAX); 2];
    let mut order: Vec<(PacketId, StreamId, Output)> = Vec::new();
    for &(stream, event) in events.iter().rev() {
        let least = stream.side().of_mut(&mut least);
        if let Output::Data { origin, .. } = event {
            *least = origin.packet.min(*least);
        }
        order.push((*least, stream, event));
    }
    order.reverse();
    order.sort_by_key(|(packet, ..)| *packet);
    for (event, (_, stream, ordered)) in events.iter_mut().zip(order) {
        *event = (stream, ordered);
    }
}

/// A segment or datagram of a record that is not plain.
fn captured<'a>(
    record: &Record<'a>,
    packet: &Packet,
    payload: &'a [u8],
    pieces: &'a [Piece],
) -> CapturedSegment<'a> {
    CapturedSegment {
        packet: record.number,
        interface: record.interface,
        transport: packet.transport,
        payload,
        missing: packet.missing,
        time_ns: record.time_ns,
        pieces,
        at_hand: (record.offset, record.bytes),
        outline: 0,
    }
}

/// A piece of a payload as a segment of its stream.
#[inline]
fn piece_at(offset: u64, piece: &Piece) -> SegmentRange {
    let Origin { packet, file_offset } = piece.origin;
    SegmentRange { offset, file_offset, length: u32::try_from(piece.length).unwrap_or(u32::MAX), packet }
}

/// Where a packet's payload begins, if it matters to a stream or a connection.
fn relevant_place(record: &Record<'_>, decoded: &Result<Decoded, SkipReason>) -> Option<u64> {
    match decoded {
        Ok(decoded) if !decoded.is_relevant() => None,
        Ok(Decoded::Packet(packet)) => Some(record.offset + u64::from(packet.payload_start)),
        // Not in one piece: no segment is all of it.
        Ok(Decoded::Fragment(_)) => Some(record.offset),
        Err(_) => None,
    }
}
