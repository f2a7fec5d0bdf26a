//! The flow table: which flow a segment or datagram belongs to, which side sent it, and how connections open and close.
//!
//! It fills the flows of the index, and knows nothing of their bytes.

use crate::ids::{FlowId, StreamId};
use crate::packets::segment::{CapturedSegment, Transport};
use crate::streams::connection::Flags;
use crate::streams::endpoint_pairs::Pair;
use crate::streams::flow::{Flow, Flows, TransportType};
use crate::streams::newest::{FlowKey, Lookup, NewestFlows};

/// Finds the flow of a packet.
#[derive(Debug, Default)]
pub(crate) struct FlowTable {
    newest: NewestFlows,
}

impl FlowTable {
    /// Takes the pairs of endpoints that the reading stage gave the next numbers.
    pub(crate) fn add_pairs(&mut self, pairs: impl Iterator<Item = Pair>) {
        self.newest.add_pairs(pairs);
    }

    /// The newest flow between a packet's endpoints, if there is one. None for a number that no pair was given.
    #[inline]
    pub(crate) fn find(&mut self, flows: &Flows, key: FlowKey) -> Option<Lookup> {
        let found = self.newest.find(key, flows);
        debug_assert!(found.is_some(), "{key:?} was given to no pair");
        found
    }

    /// Opens a flow between two endpoints, with a packet that the higher one sent, or the lower.
    pub(crate) fn open(&mut self, flows: &mut Flows, key: FlowKey, pair: Pair, from_high: bool) -> FlowId {
        let endpoints = if from_high { [pair.high, pair.low] } else { [pair.low, pair.high] };
        let transport = if pair.is_tcp { TransportType::Tcp } else { TransportType::Udp };
        let flow =
            Flow { transport, endpoints: Some(endpoints), first_is_high: from_high, ..Flow::default() };
        let id = flows.push(flow);
        self.newest.set(key, id);
        id
    }

    /// Counts a packet as one of its flow, and returns the stream that it belongs to.
    #[inline]
    pub(crate) fn count(
        &self,
        flows: &mut Flows,
        flow: FlowId,
        segment: &CapturedSegment<'_>,
        from_high: bool,
    ) -> StreamId {
        let known = flows.at_mut(flow);
        known.packets = known.packets.saturating_add(1);
        if known.packets == 1 {
            known.interface = segment.interface;
        }
        flow.stream(known.sender(from_high))
    }

    /// Takes note of a segment that opens or closes its connection. Says whether that changes what is known of the connection's
    /// beginning: that a side's SYN was captured, or which direction is forward.
    pub(crate) fn record(&self, flows: &mut Flows, stream: StreamId, segment: &CapturedSegment<'_>) -> bool {
        let Transport::Tcp { syn, ack, fin, rst, .. } = segment.transport else { return false };
        let (known, side) = (flows.at_mut(stream.flow()), stream.side());
        let is_first_syn = syn && !std::mem::replace(side.of_mut(&mut known.syn_seen), true);
        let opens = syn && !ack && !known.lifecycle.is_opened();
        if opens {
            known.is_swapped = side.is_second();
        }
        known.lifecycle.record(segment.packet, side, Flags { syn, ack, fin, rst });
        is_first_syn || opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::endpoint::Endpoint;
    use framescope_parser::Direction;

    fn segment(packet: u32, [syn, ack]: [bool; 2]) -> CapturedSegment<'static> {
        let transport = Transport::Tcp { sequence: 0, acknowledged: 0, syn, ack, fin: false, rst: false };
        CapturedSegment {
            packet: packet.into(),
            interface: Some(3),
            transport,
            payload: &[],
            missing: 0,
            time_ns: None,
            pieces: &[],
            at_hand: (0, &[]),
            outline: 0,
        }
    }

    fn pair(port: u16) -> Pair {
        let end = |last: u8, port: u16| Endpoint::v4([10, 0, 0, last]).with_port(port);
        Pair::of(end(1, port), end(2, 9000), true).0
    }

    #[test]
    fn both_directions_of_a_pair_are_one_flow_and_a_new_flow_takes_the_pair_over() {
        let (mut table, mut flows) = (FlowTable::default(), Flows::default());
        table.add_pairs([pair(1), pair(2)].into_iter());
        let [first, second] = [FlowKey::Number(0), FlowKey::Number(1)];
        assert_eq!(table.find(&flows, first), Some(Lookup::New(pair(1))));
        let flow = table.open(&mut flows, first, pair(1), true);
        assert_eq!(table.find(&flows, second), Some(Lookup::New(pair(2))));
        for key in [first, FlowKey::Pair(pair(1))] {
            assert_eq!(table.find(&flows, key), Some(Lookup::Flow(flow)));
        }
        let there = table.count(&mut flows, flow, &segment(1, [true, false]), true);
        let back = table.count(&mut flows, flow, &segment(2, [true, true]), false);
        assert_eq!((there.opposite(), there.flow()), (back, flow));
        assert_eq!((flows.at(flow).packets, flows.at(flow).interface), (2, Some(3)));
        let newer = table.open(&mut flows, FlowKey::Pair(pair(1)), pair(1), false);
        assert_eq!(table.find(&flows, first), Some(Lookup::Flow(newer)));
        assert_eq!(flows.at(newer).pair(), Some(pair(1)));
    }

    #[test]
    fn forward_is_what_the_sender_of_the_first_syn_sends_whoever_was_captured_first() {
        let (mut table, mut flows) = (FlowTable::default(), Flows::default());
        table.add_pairs([pair(1)].into_iter());
        assert!(table.find(&flows, FlowKey::Number(0)).is_some());
        let flow = table.open(&mut flows, FlowKey::Number(0), pair(1), false);
        let answer = table.count(&mut flows, flow, &segment(1, [true, true]), false);
        assert!(table.record(&mut flows, answer, &segment(1, [true, true])), "the first SYN of its side");
        assert_eq!(flows.at(flow).direction_of(answer.side()), Direction::Forward);
        let opening = table.count(&mut flows, flow, &segment(2, [true, false]), true);
        assert!(table.record(&mut flows, opening, &segment(2, [true, false])));
        assert!(!table.record(&mut flows, opening, &segment(3, [true, false])), "a retransmission");
        assert_eq!(flows.at(flow).streams(flow), [opening, answer]);
    }
}
