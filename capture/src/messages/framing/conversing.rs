//! The part of the message framer that reads conversations: each message in its stage, and both directions in the order of sending.

use std::cell::Cell;

use framescope_parser::{Captured, Passage, Span, SpanType, Speaker, Transport, Unclaimed};

use super::{FramedSpan, FramingOutput, MessageFramer, SpanSink, outline};
use crate::ids::{FlowId, PacketId, Side, StreamId};
use crate::messages::carried::Receiver;
use crate::messages::detection::StreamEvent;
use crate::messages::talks::{Arrival, Due, Roles, Talk};
use crate::streams::flow::Flows;

/// How much memory copies may take that are stored after losses, beside the regular ones.
const MOST_AFTER_LOSSES: u64 = 64 << 20;

impl MessageFramer {
    /// Reads what comes next of a conversation, unless its sender had received something that is missing yet.
    pub(super) fn converse<S: SpanSink>(
        &mut self,
        stream: StreamId,
        event: StreamEvent,
        bytes: &[u8],
        arrival: Arrival,
        to: &mut FramingOutput<'_, S>,
    ) {
        let other = stream.opposite();
        let (read, is_searching) = (self.read_up_to(other), self.is_searching(stream));
        let framed = self.streams.at(other).framing.as_ref().map_or(0, |framing| framing.framer.end_offset());
        let Some(talk) = self.talk(stream, bytes, to.flows) else { return };
        let received = match (event, arrival.received) {
            _ if is_searching => 0,
            (StreamEvent::Data(_), Some(received)) => received,
            (StreamEvent::Data(_), None) => framed + talk.waiting_before(other, arrival.brought_by),
            (StreamEvent::Gap(_) | StreamEvent::End, _) => 0,
        };
        if talk.must_wait(stream, received, read) {
            talk.wait(stream, event, bytes, (arrival.brought_by, received));
        } else {
            self.read(stream, event, bytes, arrival.packet, to);
        }
        self.settle(stream.flow(), arrival.packet, false, to);
    }

    /// Who opened a conversation, if it has begun.
    pub(crate) fn client(&self, flow: FlowId) -> Option<Side> {
        Some(self.talks.get(flow)?.as_ref()?.client)
    }

    /// Whether it is not known where the next message of a stream begins.
    fn is_searching(&self, stream: StreamId) -> bool {
        self.streams.at(stream).framing.as_ref().is_some_and(|framing| framing.framer.is_searching())
    }

    /// How far a stream of a conversation was read.
    fn read_up_to(&self, stream: StreamId) -> u64 {
        let framer = self.streams.at(stream).framing.as_ref().map(|framing| &framing.framer);
        // What is searched may hold a message that decides how the other direction is read.
        framer.map_or(0, |framer| if framer.is_searching() { framer.offset() } else { framer.end_offset() })
    }

    /// The conversation is over: reads what waits in it.
    pub(crate) fn read_waiting<S: SpanSink>(
        &mut self,
        flow: FlowId,
        packet: PacketId,
        to: &mut FramingOutput<'_, S>,
    ) {
        self.settle(flow, packet, true, to);
    }

    /// Reads what need not wait any longer in a conversation.
    fn settle<S: SpanSink>(
        &mut self,
        flow: FlowId,
        packet: PacketId,
        is_over: bool,
        to: &mut FramingOutput<'_, S>,
    ) {
        loop {
            let read = Side::BOTH.map(|side| self.read_up_to(flow.stream(side)));
            let is_searching = Side::BOTH.map(|side| self.is_searching(flow.stream(side)));
            let Some(Some(talk)) = self.talks.get_mut(flow) else { return };
            let Some((next, is_early)) = talk.next_waiting(read, is_searching, is_over) else { return };
            if is_early {
                // What it may depend on was not captured.
                talk.conversation.loss(talk.role(next.stream.opposite()));
                talk.has_lost = true;
            }
            self.read(next.stream, next.event, &next.bytes, packet, to);
        }
    }

    /// The conversation that a stream is a direction of, which may begin with these bytes.
    fn talk(&mut self, stream: StreamId, bytes: &[u8], flows: &Flows) -> Option<&mut Talk> {
        let number = self.streams.at(stream).choice.protocol()?;
        let flow = stream.flow();
        let talk = self.talks.at_or_default(flow);
        if talk.is_none() {
            let protocol = self.protocols.get(number)?;
            let roles = Roles { rules: &self.rules, clients: &self.clients, protocols: &self.protocols };
            *talk = Talk::new(&**protocol, (flow, flows.at(flow)), (stream, bytes), &roles).map(Box::new);
        }
        talk.as_deref_mut()
    }

    /// Stores how far a conversation is, if that is due and messages depend on what others have set.
    fn store<S: SpanSink>(&mut self, flow: FlowId, to: &mut FramingOutput<'_, S>) {
        let Some(Some(talk)) = self.talks.get_mut(flow) else { return };
        match talk.due() {
            None => return,
            Some(Due::Regular) => {}
            Some(Due::AfterLoss(size)) => match self.stored_after_losses.saturating_add(size) {
                ..=MOST_AFTER_LOSSES => self.stored_after_losses += size,
                _ => return,
            },
        }
        let place = |side| {
            let framing = self.streams.get(flow.stream(side))?.framing.as_ref()?;
            Some(framing.framer.offset())
        };
        let places = Side::BOTH.map(|side| place(side).unwrap_or(0));
        to.spans.conversation(flow, talk.client, places, Some(talk.conversation.copy()));
    }

    /// Divides what comes next of a conversation into spans, each read in its stage.
    fn read<S: SpanSink>(
        &mut self,
        stream: StreamId,
        event: StreamEvent,
        bytes: &[u8],
        completed_by: PacketId,
        to: &mut FramingOutput<'_, S>,
    ) {
        let known = self.streams.at_mut(stream);
        let Some(number) = known.choice.protocol() else { return };
        let Some(protocol) = self.protocols.get(number) else { return };
        let Some(Some(talk)) = self.talks.get_mut(stream.flow()) else { return };
        let (role, stages) = (talk.role(stream), protocol.stages());
        let framer = &mut known.framing(0).framer;
        if talk.is_new() {
            let copy = talk.is_stored.then(|| talk.conversation.copy());
            to.spans.conversation(stream.flow(), talk.client, [0; 2], copy);
        }
        let flow = to.flows.at(stream.flow());
        if talk.carries && flow.carried.is_none() {
            self.allowance.earn(bytes.len());
        }
        let place = Cell::new(framer.offset());
        let mut receiver = Receiver {
            queue: &mut self.carried,
            allowance: &mut self.allowance,
            client: talk.client,
            stream,
            completed_by,
            offset: &place,
            unpacked: (0, 0),
        };
        let speaker = Speaker::new(&mut *talk.conversation, role, &**protocol, &self.protocols);
        let speaker = if talk.carries { speaker.carrying(&mut receiver) } else { speaker };
        if framer.end_offset() == 0 && flow.begins_inside(stream.side()) {
            framer.begins_inside_known(&speaker);
        }
        let (was_searching, mut has_lost) = (framer.is_searching(), false);
        let mut sink = |span: Span, bytes: Captured<'_, '_>| {
            let Span { offset, length, span_type, .. } = span;
            place.set(offset);
            has_lost |= span_type != SpanType::Message;
            let number_of_stage = bytes.context().map_or(0, |context| context.stage);
            let stage = stages.get(usize::from(number_of_stage));
            let read_by = stage.and_then(|stage| stage.protocol(&self.protocols)).unwrap_or(&Unclaimed);
            let alone =
                if stage.is_some_and(|stage| stage.needs_variables) { bytes } else { bytes.in_context(None) };
            let outline = outline(read_by, &span, alone);
            let label = to.labels.outlined((number, number_of_stage), span_type, &outline);
            let protocol = Some(number);
            let span = FramedSpan { stream, offset, length, span_type, label, protocol, completed_by, bytes };
            to.spans.span(&span);
        };
        match event {
            StreamEvent::Data(_) => framer.segment_of(&speaker, bytes, &mut sink),
            StreamEvent::Gap(length) => framer.gap_of(&speaker, length, &mut sink),
            StreamEvent::End => framer.end_of(&speaker, &mut sink),
        }
        // A datagram's end is not that of the stream.
        if matches!(event, StreamEvent::End) && talk.carries && flow.carrier() != Transport::Udp {
            talk.conversation.carry(role, Passage::End, &mut receiver);
        }
        talk.has_lost |= has_lost || framer.is_searching() != was_searching;
        talk.unstored = talk.unstored.saturating_add(bytes.len() as u64);
        self.store(stream.flow(), to);
    }
}
