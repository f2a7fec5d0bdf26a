//! From packets to their flows: segments and datagrams as captured, and those that are put together of fragments.

use std::io;
use std::ops::Range;

use super::{Indexer, streams_of};
use crate::files::records::Record;
use crate::index::{Flow, Index, SkippedPackets, TransportType};
use crate::packets::fragments::{Added, Complete, Dispute, Fragment, Piece, add_dispute, part};
use crate::packets::packet::{Decoded, Odd, Reason, Transport, decode_payload};
use crate::packets::read_ahead::Plain;
use crate::streams::conversations::Pair;
use crate::streams::flows::{Asked, Found};
use crate::streams::reassembly::Origin;

/// A segment or datagram that was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'a> {
    /// The packet that brought it, or its last part.
    pub(super) number: u32,
    pub(super) interface: Option<u16>,
    pub(super) transport: Transport,
    pub(super) payload: &'a [u8],
    /// How many bytes the payload had on the wire that were not captured.
    pub(super) missing: u32,
    pub(super) time_ns: Option<i64>,
    /// Where in the file the payload stands.
    pub(super) pieces: &'a [Piece],
    /// Bytes of the file that are at hand, and where they begin.
    pub(super) at_hand: (u64, &'a [u8]),
    /// What is said of the payload by itself; 0 for nothing.
    pub(super) outline: u16,
}

impl Indexer {
    /// Takes a segment or datagram with nothing odd about it.
    #[inline]
    pub(super) fn plain(&mut self, index: &mut Index, plain: &Plain<'_>) -> io::Result<()> {
        let &Plain { time_ns, transport, conversation, from_high, interface, payload, file_offset, outline } =
            plain;
        let is_told = !payload.is_empty() || transport.opens_or_closes();
        index.kept.push(time_ns, is_told.then_some(file_offset));
        let number = index.kept.len();
        let origin = Origin { packet: number, file_offset };
        let all = [Piece { offset: 0, length: payload.len(), origin }];
        let arrived = Arrived {
            number,
            interface,
            transport,
            payload,
            missing: 0,
            time_ns,
            pieces: &all,
            at_hand: (file_offset, payload),
            outline,
        };
        self.segment(index, &arrived, Asked::Number(conversation), from_high)
    }

    /// Takes another packet.
    pub(super) fn packet(
        &mut self,
        index: &mut Index,
        record: &Record<'_>,
        decoded: &Result<Decoded, Reason>,
        conversation: Option<(u32, bool)>,
    ) -> io::Result<()> {
        if let Ok(decoded) = decoded {
            count_odd(index, decoded.odd(), record);
        }
        match decoded {
            Ok(Decoded::Packet(packet)) => {
                let Some((conversation, from_high)) = conversation else { return Ok(()) };
                let origin = origin_in(record, packet.payload_start as usize);
                let all = [Piece { offset: 0, length: packet.payload_length as usize, origin }];
                let arrived = Arrived {
                    number: record.number,
                    interface: record.interface,
                    transport: packet.transport,
                    payload: packet.payload(record.bytes),
                    missing: packet.missing,
                    time_ns: record.time_ns,
                    pieces: &all,
                    at_hand: (record.offset, record.bytes),
                    outline: 0,
                };
                self.segment(index, &arrived, Asked::Number(conversation), from_high)
            }
            Ok(Decoded::Fragment(fragment)) => self.fragment(index, record, fragment),
            Err(reason) => {
                count_unread(index, reason.clone(), record.number, record.offset);
                Ok(())
            }
        }
    }

    /// Takes a part of an IP packet, and the packet if that makes it whole.
    fn fragment(&mut self, index: &mut Index, record: &Record<'_>, fragment: &Fragment) -> io::Result<()> {
        let origin = origin_in(record, fragment.start);
        let Added { before, and_more, mut whole } = self.fragments.add(fragment, origin, record.time_ns);
        let dispute = self.dispute(record, fragment, &before)?;
        if dispute.is_some() || and_more {
            let overlap = "IP fragment that reaches over others; what was captured first stays";
            count_unread(index, overlap.into(), record.number, record.offset);
        }
        match (dispute, &mut whole) {
            (Some(dispute), Some(whole)) => add_dispute(&mut whole.disputes, dispute),
            (Some(dispute), None) => self.fragments.dispute(&fragment.of, dispute),
            (None, _) => {}
        }
        let Some(Complete { pieces, disputes }) = whole else { return Ok(()) };
        let mut bytes = Vec::new();
        for piece in &pieces {
            self.reader.read(piece.origin.file_offset, piece.length, &mut bytes)?;
        }
        let whole = Record { bytes: &bytes, wire_length: bytes.len(), ..*record };
        match decode_payload(&whole, &fragment.of) {
            Ok(packet) => {
                count_odd(index, packet.odd, record);
                let payload = packet.payload(&bytes);
                let start = packet.payload_start as usize;
                self.keep_disputes(&pieces, &disputes, start..start + payload.len());
                let is_tcp = matches!(packet.transport, Transport::Tcp { .. });
                let (pair, from_high) = Pair::of(packet.src, packet.dst, is_tcp);
                let arrived = Arrived {
                    number: record.number,
                    interface: record.interface,
                    transport: packet.transport,
                    payload,
                    missing: packet.missing,
                    time_ns: record.time_ns,
                    pieces: &part(&pieces, start, start + payload.len()),
                    at_hand: (record.offset, record.bytes),
                    outline: 0,
                };
                self.segment(index, &arrived, Asked::Pair(pair), from_high)
            }
            Err(reason) => {
                count_unread(index, reason, record.number, record.offset);
                Ok(())
            }
        }
    }

    /// Holds a fragment's bytes against those that its place had before.
    fn dispute(
        &mut self,
        record: &Record<'_>,
        fragment: &Fragment,
        before: &[Piece],
    ) -> io::Result<Option<Dispute>> {
        let new = record.bytes.get(fragment.start..).unwrap_or_default();
        let (mut kept, mut found) = (Vec::new(), None::<Range<usize>>);
        for piece in before {
            kept.clear();
            self.reader.read(piece.origin.file_offset, piece.length, &mut kept)?;
            let new = new.get(piece.offset - fragment.offset..).unwrap_or_default();
            let mut differing = kept.iter().zip(new).enumerate().filter(|(_, (kept, new))| kept != new);
            if let Some((first, _)) = differing.next() {
                let last = differing.next_back().map_or(first, |(last, _)| last);
                let start = found.map_or(piece.offset + first, |found| found.start);
                found = Some(start..piece.offset + last + 1);
            }
        }
        Ok(found.map(|Range { start, end }| Dispute { start, end, packet: record.number }))
    }

    /// Keeps in mind which bytes of a packet's payload are disputed. Where it is the headers before them, all are: others
    /// might have put them elsewhere.
    fn keep_disputes(&mut self, pieces: &[Piece], disputes: &[Dispute], payload: Range<usize>) {
        let mut within = Vec::new();
        for &Dispute { start, end, packet } in disputes {
            let (start, end) = match start < payload.start {
                true => (payload.start, payload.end),
                false => (start, end.min(payload.end)),
            };
            if start < end {
                add_dispute(&mut within, Dispute { start, end, packet });
            }
        }
        for Dispute { start, end, packet } in within {
            for piece in part(pieces, start, end) {
                self.disputes.add(piece.origin.file_offset, piece.length, packet);
            }
        }
    }

    /// Takes a segment or datagram.
    #[inline]
    pub(super) fn segment(
        &mut self,
        index: &mut Index,
        arrived: &Arrived<'_>,
        asked: Asked,
        from_high: bool,
    ) -> io::Result<()> {
        let Some(found) = self.flows.find(asked, &index.flows) else { return Ok(()) };
        let flow = match found {
            Found::New(pair) => self.new_flow(index, pair, asked, from_high),
            Found::Flow(flow) => match arrived.transport {
                Transport::Tcp { sequence, syn: true, ack, .. }
                    if self.begins_anew(index, flow, from_high, sequence, ack) =>
                {
                    self.finish_flow(index, flow, arrived.number)?;
                    let pair = index.flows.get(flow as usize).and_then(Flow::pair);
                    pair.map_or(flow, |pair| self.new_flow(index, pair, asked, from_high))
                }
                _ => flow,
            },
        };
        let Some(known) = index.flows.get_mut(flow as usize) else { return Ok(()) };
        known.packets = known.packets.saturating_add(1);
        if known.packets == 1 {
            known.interface = arrived.interface;
        }
        let side = known.side_of(from_high);
        let stream = flow as usize * 2 + side;
        if arrived.missing > 0
            && let Some(stream) = index.streams.get_mut(stream)
        {
            stream.rest().cut_packets += 1;
        }
        match arrived.transport {
            Transport::Tcp { .. } => self.tcp(index, arrived, flow, side),
            Transport::Udp => {
                self.udp(index, arrived, stream);
                Ok(())
            }
        }
    }

    fn new_flow(&mut self, index: &mut Index, pair: Pair, asked: Asked, from_high: bool) -> u32 {
        let transport = if pair.is_tcp { TransportType::Tcp } else { TransportType::Udp };
        let endpoints = if from_high { [pair.high, pair.low] } else { [pair.low, pair.high] };
        let flow = self.add_flow(index, transport, Some(endpoints), from_high);
        self.flows.set(asked, flow);
        flow
    }

    /// Whether a SYN opens another connection than the one its ports have.
    fn begins_anew(&self, index: &Index, flow: u32, from_high: bool, sequence: u32, ack: bool) -> bool {
        let Some(known) = index.flows.get(flow as usize) else { return false };
        let contradicts =
            |stream: usize| self.states.get(stream).is_some_and(|state| state.contradicts(sequence));
        let ended = |stream: &usize| self.states.get(*stream).is_some_and(|state| state.has_ended);
        let over = known.life.reset > 0 || streams_of(index, flow).iter().all(ended);
        contradicts(flow as usize * 2 + known.side_of(from_high)) || (over && !ack)
    }
}

/// Where a packet's payload begins that tells a conversation something.
pub(super) fn told_payload(record: &Record<'_>, decoded: &Result<Decoded, Reason>) -> Option<u64> {
    match decoded {
        Ok(told) if !told.is_told_of() => None,
        Ok(Decoded::Packet(packet)) => Some(record.offset + u64::from(packet.payload_start)),
        // Not in one piece: no segment is all of it.
        Ok(Decoded::Fragment(_)) => Some(record.offset),
        Err(_) => None,
    }
}

/// The place of a packet's byte.
fn origin_in(record: &Record<'_>, at: usize) -> Origin {
    Origin { packet: record.number, file_offset: record.offset + at as u64 }
}

fn count_odd(index: &mut Index, odd: Option<Odd>, record: &Record<'_>) {
    if let Some(odd) = odd {
        let first = SkippedPackets { count: 0, first_packet: record.number, first_offset: record.offset };
        index.odd.entry(odd.as_str()).or_insert(first).count += 1;
    }
}

/// `offset` is where in the file the packet's bytes begin.
pub(super) fn count_unread(index: &mut Index, reason: Reason, packet: u32, offset: u64) {
    let first = SkippedPackets { count: 0, first_packet: packet, first_offset: offset };
    index.unread.entry(reason).or_insert(first).count += 1;
}
