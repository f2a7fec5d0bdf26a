//! What carriers hand on, on its way into the streams of flows of its own: like what packets bring, but that it comes from messages.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use framescope_parser::{Channel, Code, Sentence};

use super::Indexer;
use super::pipeline::row_writer;
use crate::ids::{FlowId, PacketId, StreamId};
use crate::index::{Index, SegmentRange};
use crate::messages::carried::{HandedOn, Queue, Unit, What};
use crate::messages::framing::FramingOutput;
use crate::messages::talks::Arrival;
use crate::streams::carried::{CarriedIn, MOST_LEVELS};
use crate::streams::flow::Flow;

/// The flows that are carried in others.
#[derive(Debug, Default)]
pub(super) struct Channels {
    flows: HashMap<(FlowId, u64), FlowId, RandomState>,
    /// Those that each flow carries, until it ends.
    of_flow: HashMap<FlowId, Vec<FlowId>, RandomState>,
    ended: HashSet<StreamId, RandomState>,
    /// An empty queue, for its memory.
    spare: Queue,
}

impl Channels {
    /// Whether the carrier has said that nothing more comes of a stream.
    pub(super) fn has_ended(&self, stream: StreamId) -> bool {
        self.ended.contains(&stream)
    }

    /// The flows that a flow carries, which has ended; once.
    pub(super) fn take_carried(&mut self, flow: FlowId) -> Vec<FlowId> {
        self.of_flow.remove(&flow).unwrap_or_default()
    }
}

impl Indexer {
    /// Takes what the messages carried that were framed last.
    #[inline]
    pub(super) fn take_carried(&mut self, index: &mut Index) {
        if !self.messages.carried.items.is_empty() {
            self.take_queue(index);
        }
    }

    fn take_queue(&mut self, index: &mut Index) {
        let spare = std::mem::take(&mut self.channels.spare);
        let mut queue = std::mem::replace(&mut self.messages.carried, spare);
        let items = std::mem::take(&mut queue.items);
        for item in items {
            self.take(index, item, &queue.bytes);
        }
        queue.clear();
        self.channels.spare = queue;
    }

    fn take(&mut self, index: &mut Index, item: HandedOn, bytes: &[u8]) {
        let HandedOn { unit, channel, side, what } = item;
        let by = unit.stream.flow();
        let what = match what {
            What::Open(about) => {
                if !self.channels.flows.contains_key(&(by, channel)) {
                    self.open_channel(index, &unit, channel, *about);
                }
                return;
            }
            What::Problem(code, text) => return self.carrier_problem(index, &unit, code, &text),
            what => what,
        };
        let Some(&flow) = self.channels.flows.get(&(by, channel)) else { return };
        let Some((is_verbatim, is_delimited)) =
            index.flows.at(flow).carried().map(|carried| (carried.is_verbatim(), carried.is_delimited()))
        else {
            return;
        };
        let stream = flow.stream(side);
        if self.channels.has_ended(stream) {
            return;
        }
        let arrival = Arrival::from(unit.completed_by);
        let end = index.rows.streams.at(stream).end();
        match what {
            What::Open(_) | What::Problem(..) => {}
            What::Bytes(range, at) => {
                debug_assert_eq!(at.is_some(), is_verbatim, "a channel is verbatim or not");
                let Some(bytes) = bytes.get(range).filter(|_| at.is_some() == is_verbatim) else { return };
                let known = index.flows.at_mut(flow);
                let counted = known.carried.as_deref_mut().map(|carried| &mut carried.counted);
                let is_new = counted.is_some_and(|last| std::mem::replace(last, unit.completed_by) != *last);
                known.packets = known.packets.saturating_add(u32::from(is_new));
                let segment = SegmentRange {
                    offset: end,
                    file_offset: unit.offset + at.unwrap_or(0),
                    length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                    packet: unit.completed_by,
                };
                self.next_data(index, stream, segment, bytes, arrival);
            }
            What::Lost(length) => {
                let (mut rows, labels) = row_writer(&mut self.writer, self.assembler.disputes(), index);
                rows.gap(stream, length);
                let mut to = FramingOutput { flows: rows.flows, labels, spans: &mut rows };
                self.messages.gap(stream, (end, length), arrival, &mut to);
                self.take_carried(index);
            }
            What::EndOfMessage if is_delimited => self.end_stream(index, stream, unit.completed_by),
            What::EndOfMessage => debug_assert!(false, "only delimited channels have messages"),
            What::End => {
                self.channels.ended.insert(stream);
                if !is_delimited {
                    self.end_stream(index, stream, unit.completed_by);
                }
            }
        }
    }

    /// A flow for a channel.
    fn open_channel(&mut self, index: &mut Index, unit: &Unit, channel: u64, about: Channel) {
        let by = unit.stream.flow();
        let carrier = index.flows.at(by);
        let Some(client) = self.messages.client(by) else { return };
        if carrier.level() >= MOST_LEVELS {
            let text =
                Sentence::new("what this carries is in {} others already, and is not read any further");
            let text = text.with([carrier.level().into()]);
            return self.carrier_problem(index, unit, Code::ExpandsTooMuch, &text);
        }
        let path = match carrier.carried() {
            Some(outer) => format!("{}/{}", outer.path, about.name),
            None => about.name.clone().into_owned(),
        };
        let carried = CarriedIn {
            by,
            channel,
            level: carrier.level() + 1,
            path,
            client,
            about,
            counted: PacketId::NONE,
        };
        let flow = Flow {
            transport: carrier.transport,
            endpoints: carrier.endpoints,
            is_swapped: carrier.is_swapped,
            first_is_high: carrier.first_is_high,
            syn_seen: [!carried.about.begins_inside; 2],
            interface: carrier.interface,
            carried: Some(Box::new(carried)),
            ..Flow::default()
        };
        let flow = index.flows.push(flow);
        index.carried.entry(by).or_default().push(flow);
        self.channels.flows.insert((by, channel), flow);
        self.channels.of_flow.entry(by).or_default().push(flow);
        self.add_streams(index, flow);
    }

    /// Something is wrong with a message that carries others.
    fn carrier_problem(&mut self, index: &mut Index, unit: &Unit, code: Code, text: &Sentence) {
        let row = index.rows.entries.of_stream_from(unit.stream, unit.offset).next();
        if let Some((row, _)) = row {
            self.writer.carrier_problem(row, code, text);
        }
    }

    /// A flow has ended: what it carries has, too.
    pub(super) fn end_carried(
        &mut self,
        index: &mut Index,
        flow: FlowId,
        packet: PacketId,
    ) -> std::io::Result<()> {
        for carried in self.channels.take_carried(flow) {
            self.end_flow(index, carried, packet)?;
        }
        Ok(())
    }
}
