//! The message framer: from what happens in a stream to the spans that it consists of, each with its label.
//!
//! It chooses each stream's protocol, and buffers the beginning until it can. A stream that only ever brings payloads that are one
//! message each needs no [`Framer`]: that is made when something else comes, and dropped when enough such payloads have followed one
//! another. It reads no file and fills only the labels of the index.

mod conversing;

use std::sync::Arc;

use framescope_parser::{
    Captured, Confidence, Conversation, Framer, Protocol, Span, SpanType, Transport, Unclaimed, Usable,
};

use crate::DecodeAs;
use crate::ids::{FlowId, PacketId, ProtocolId, Side, StreamId, Table};
use crate::messages::carried::{Allowance, Queue};
use crate::messages::detection::{DetectionBuffer, StreamEvent, certain_from, is_usable};
use crate::messages::outline::{Labels, Outline};
use crate::messages::payload::MessageOutline;
use crate::messages::talks::{Arrival, Talk};
use crate::packets::segment::CapturedSegment;
use crate::streams::carried::ChannelSelector;
use crate::streams::client::Client;
use crate::streams::flow::{Flow, Flows};

/// Divides streams into spans.
pub(crate) struct MessageFramer {
    protocols: Vec<Arc<dyn Protocol>>,
    /// Which flows are which protocol, whatever they look like. The last rule that fits wins.
    rules: Vec<(DecodeAs, usize)>,
    /// The channels that protocols are spoken in by their own account.
    carried_by: Vec<(ChannelSelector, usize)>,
    /// Endpoints that opened their conversations.
    clients: Vec<Client>,
    streams: Table<StreamId, FramedStream>,
    /// The conversations of flows whose protocol has any.
    talks: Table<FlowId, Option<Box<Talk>>>,
    /// How many bytes of memory copies of conversations take that were stored after losses.
    stored_after_losses: u64,
    /// Which protocols, by number, have stages.
    have_stages: Vec<bool>,
    /// Streams of which something was buffered, to choose their protocols by.
    undecided: Vec<StreamId>,
    /// The outlines of payloads by themselves, by code, with their labels once there are some.
    outlines: Vec<(MessageOutline, Option<u32>)>,
    /// What was carried by messages that were framed, until it is taken.
    pub(crate) carried: Queue,
    allowance: Allowance,
}

/// How far a stream was framed.
#[derive(Debug, Default)]
struct FramedStream {
    choice: Choice,
    /// None while the stream is between two messages, and brings only whole ones.
    framing: Option<Box<Framing>>,
}

#[derive(Debug)]
struct Framing {
    framer: Framer,
    /// The beginning, until the protocol is chosen.
    detection: Option<DetectionBuffer>,
    /// How many payloads in a row were one message each.
    whole_in_a_row: u8,
}

/// The stage of a message that is in none, though its protocol has some.
const NO_STAGE: u16 = u16::MAX;

/// After this many payloads that were one message each a stream needs no framer any more.
const WHOLE: u8 = 16;

/// The protocol of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Its place among the protocols; None as long as there is none.
    pub(crate) protocol: Option<ProtocolId>,
    /// How sure that is; None where a rule says it.
    pub(crate) confidence: Option<Confidence>,
}

impl Choice {
    fn new(protocol: Option<usize>, confidence: Option<Confidence>) -> Choice {
        Choice { protocol: protocol.and_then(ProtocolId::new), confidence }
    }

    fn protocol(self) -> Option<usize> {
        self.protocol.map(ProtocolId::index)
    }

    /// Whether it is more than a guess.
    fn is_certain(self) -> bool {
        match self.confidence {
            Some(confidence) => confidence == Confidence::Certain,
            None => self.protocol.is_some(),
        }
    }
}

/// What was buffered of a stream.
struct Buffered {
    stream: StreamId,
    event: StreamEvent,
    packet: PacketId,
    bytes: Box<[u8]>,
}

/// A span of a stream, with what it is.
#[derive(Debug)]
pub(crate) struct FramedSpan<'a> {
    pub(crate) stream: StreamId,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) span_type: SpanType,
    /// The number of its label.
    pub(crate) label: u32,
    /// The protocol of its stream.
    pub(crate) protocol: Option<usize>,
    /// The packet with which it became complete.
    pub(crate) completed_by: PacketId,
    pub(crate) bytes: Captured<'a, 'a>,
}

/// Takes what the framer delivers.
pub(crate) trait SpanSink {
    /// The next span of a stream.
    fn span(&mut self, span: &FramedSpan<'_>);

    /// The protocol of a stream is known from now on.
    fn chosen(&mut self, stream: StreamId, choice: Choice);

    /// Something is buffered, so that spans may come later than others that became complete after them.
    fn buffered(&mut self);

    /// How far a conversation is, before its next span: where in its two streams that begins.
    fn conversation(
        &mut self,
        flow: FlowId,
        client: Side,
        places: [u64; 2],
        copy: Option<Box<dyn Conversation>>,
    );
}

/// What the framer reads of the flows, the labels that it fills, and where its spans go.
pub(crate) struct FramingOutput<'o, S> {
    pub(crate) flows: &'o Flows,
    pub(crate) labels: &'o mut Labels,
    pub(crate) spans: &'o mut S,
}

impl MessageFramer {
    pub(crate) fn new(
        protocols: Vec<Arc<dyn Protocol>>,
        rules: Vec<(DecodeAs, usize)>,
        clients: Vec<Client>,
    ) -> MessageFramer {
        let have_stages = protocols.iter().map(|protocol| !protocol.stages().is_empty()).collect();
        let carried_by = protocols.iter().enumerate().flat_map(|(number, protocol)| {
            let selectors = protocol.carried_by().iter().filter_map(|text| ChannelSelector::parse(text));
            selectors.map(move |selector| (selector, number))
        });
        let carried_by = carried_by.collect();
        MessageFramer {
            protocols,
            rules,
            carried_by,
            clients,
            streams: Table::default(),
            talks: Table::default(),
            stored_after_losses: 0,
            have_stages,
            undecided: Vec::new(),
            outlines: Vec::new(),
            carried: Queue::default(),
            allowance: Allowance::default(),
        }
    }

    /// Takes the outlines of payloads that got the next codes.
    pub(crate) fn add_outlines(&mut self, outlines: impl Iterator<Item = MessageOutline>) {
        self.outlines.extend(outlines.map(|outline| (outline, None)));
    }

    /// Adds the two streams of the next flow, and returns their protocol if a rule names one, or what carries them.
    pub(crate) fn add_flow(&mut self, id: FlowId, flow: &Flow) -> Choice {
        let is_usable = |protocol: usize| {
            let protocol = self.protocols.get(protocol);
            protocol.is_some_and(|protocol| is_usable(&**protocol, flow.carrier()))
        };
        let fits = |(rule, protocol): &&(DecodeAs, usize)| rule.fits(id, flow) && is_usable(*protocol);
        let rule = self.rules.iter().rev().find(fits).map(|&(_, protocol)| protocol);
        let named = |name: &str| self.protocols.iter().position(|protocol| protocol.name() == name);
        let by_carrier = || {
            let carried = flow.carried()?;
            let own = self
                .carried_by
                .iter()
                .find(|(selector, protocol)| selector.fits(carried) && is_usable(*protocol));
            let own = own.map(|&(_, protocol)| protocol);
            own.or_else(|| named(carried.about.protocol.as_deref()?).filter(|protocol| is_usable(*protocol)))
        };
        let choice = Choice::new(rule.or_else(by_carrier), None);
        for _ in 0..2 {
            self.streams.push(FramedStream { choice, framing: None });
        }
        choice
    }

    /// Whether something of a stream waits to be framed, or may.
    pub(crate) fn is_framing(&self, stream: StreamId) -> bool {
        self.streams.at(stream).framing.is_some()
    }

    /// Whether what a message of a stream is may depend on what the other direction said before.
    pub(crate) fn is_conversing(&self, stream: StreamId) -> bool {
        self.have_stages(self.streams.at(stream).choice.protocol())
    }

    /// Whether that is not known yet.
    pub(crate) fn may_converse(&self, stream: StreamId) -> bool {
        self.streams.at(stream).choice.protocol.is_none() && self.have_stages.contains(&true)
    }

    fn have_stages(&self, protocol: Option<usize>) -> bool {
        protocol.is_some_and(|protocol| self.have_stages.get(protocol) == Some(&true))
    }

    /// Takes a payload that is the next of its stream, if its outline says that it is one message and the stream is between two.
    #[inline(always)]
    pub(crate) fn whole_message<'a, S: SpanSink>(
        &mut self,
        stream: StreamId,
        offset: u64,
        segment: &CapturedSegment<'a>,
        to: &mut FramingOutput<'_, S>,
    ) -> Option<FramedSpan<'a>> {
        let code = usize::from(segment.outline).checked_sub(1)?;
        let known = self.streams.at_mut(stream);
        if known.choice.protocol.is_none() && known.framing.is_none() {
            let transport = to.flows.at(stream.flow()).carrier();
            let protocol = certain_from(segment.payload, &self.protocols, transport)?;
            known.choice = Choice::new(Some(protocol), Some(Confidence::Certain));
            to.spans.chosen(stream, known.choice);
        }
        debug_assert!(code < self.outlines.len(), "outline {code} of {}", self.outlines.len());
        let (outline, label) = self.outlines.get_mut(code)?;
        let protocol = known.choice.protocol().filter(|protocol| *protocol == outline.protocol)?;
        if label.is_none() {
            *label = to.labels.known(protocol, outline.kind, outline.codes);
        }
        let label = (*label)?;
        if known.framing.is_some() {
            known.whole_message(segment.payload.len(), &self.protocols)?;
        }
        Some(FramedSpan {
            stream,
            offset,
            length: segment.payload.len() as u64,
            span_type: SpanType::Message,
            label,
            protocol: Some(protocol),
            completed_by: segment.packet,
            bytes: Captured::whole(segment.payload),
        })
    }

    /// Takes the next bytes of a stream, which begin at that offset.
    pub(crate) fn data<S: SpanSink>(
        &mut self,
        stream: StreamId,
        offset: u64,
        bytes: &[u8],
        arrival: Arrival,
        to: &mut FramingOutput<'_, S>,
    ) {
        let event = StreamEvent::Data(bytes.len());
        let transport = to.flows.at(stream.flow()).carrier();
        let framing = self.streams.at_mut(stream).framing(offset);
        framing.whole_in_a_row = 0;
        let Some(buffer) = &mut framing.detection else {
            return self.frame(stream, event, bytes, arrival, to);
        };
        // Nearly every stream shows with its first bytes what it is.
        if buffer.is_empty()
            && let Some(protocol) = certain_from(bytes, &self.protocols, transport)
        {
            self.choose(stream, Some((protocol, Confidence::Certain)), to);
            return self.frame(stream, event, bytes, arrival, to);
        }
        if buffer.is_empty() {
            self.undecided.push(stream);
        }
        buffer.data(bytes, arrival.packet);
        let best = buffer.is_due().then(|| (buffer.best(&self.protocols, transport), buffer.is_full()));
        to.spans.buffered();
        match best {
            Some((Some((protocol, Confidence::Certain)), _)) => {
                self.choose(stream, Some((protocol, Confidence::Certain)), to);
            }
            Some((_, true)) => self.choose_best(stream, to),
            _ => {}
        }
    }

    /// Takes a gap at that offset.
    pub(crate) fn gap<S: SpanSink>(
        &mut self,
        stream: StreamId,
        (offset, length): (u64, u64),
        arrival: Arrival,
        to: &mut FramingOutput<'_, S>,
    ) {
        self.streams.at_mut(stream).framing(offset);
        self.event(stream, StreamEvent::Gap(length), arrival, to);
    }

    /// Takes the end of a stream, or of a datagram, which came with that packet.
    pub(crate) fn end<S: SpanSink>(
        &mut self,
        stream: StreamId,
        arrival: Arrival,
        to: &mut FramingOutput<'_, S>,
    ) {
        let known = self.streams.at_mut(stream);
        // A stream without bytes has a protocol only if the other direction's is known, which takes a look.
        if known.choice.protocol.is_none() {
            known.framing(0);
        }
        if known.framing.is_some() {
            self.event(stream, StreamEvent::End, arrival, to);
        }
    }

    fn event<S: SpanSink>(
        &mut self,
        stream: StreamId,
        event: StreamEvent,
        arrival: Arrival,
        to: &mut FramingOutput<'_, S>,
    ) {
        let buffer =
            self.streams.at_mut(stream).framing.as_mut().and_then(|framing| framing.detection.as_mut());
        match buffer {
            Some(buffer) => {
                buffer.event(event, arrival.packet);
                to.spans.buffered();
            }
            None => self.frame(stream, event, &[], arrival, to),
        }
    }

    /// Chooses the protocols of streams that have waited for it, if they are clear enough for how long they have.
    pub(crate) fn decide_waiting<S: SpanSink>(&mut self, to: &mut FramingOutput<'_, S>) {
        let mut undecided = std::mem::take(&mut self.undecided);
        undecided.retain(|&stream| {
            let transport = to.flows.at(stream.flow()).carrier();
            let buffer =
                self.streams.at_mut(stream).framing.as_mut().and_then(|framing| framing.detection.as_mut());
            let Some(needed) = buffer.map(DetectionBuffer::settle) else { return false };
            let is_clear = |stream: StreamId| {
                let known = self.streams.at(stream);
                match known.buffer() {
                    Some(buffer) => {
                        buffer.best(&self.protocols, transport).is_some_and(|(_, sure)| Some(sure) >= needed)
                    }
                    None => known.choice.is_certain(),
                }
            };
            let is_settled = needed == Some(Confidence::No)
                || needed.is_some() && (is_clear(stream) || is_clear(stream.opposite()));
            if is_settled {
                self.choose_now(stream, to);
            }
            !is_settled
        });
        undecided.append(&mut self.undecided);
        self.undecided = undecided;
    }

    /// What was buffered of a stream and the other direction will not become clearer: chooses their protocols from what there is, and
    /// frames it in its order.
    pub(crate) fn choose_now<S: SpanSink>(&mut self, stream: StreamId, to: &mut FramingOutput<'_, S>) {
        let mut events = Vec::new();
        for stream in [stream, stream.opposite()] {
            if self.streams.at(stream).buffer().is_none() {
                continue;
            }
            let choice = self.best_choice(stream, to.flows.at(stream.flow()).carrier());
            if self.have_stages(choice.map(|(protocol, _)| protocol)) {
                self.choose(stream, choice, to);
            } else {
                let (protocol, confidence) = choice.unzip();
                events.extend(self.chosen(stream, Choice::new(protocol, confidence), to));
            }
        }
        events.sort_by_key(|buffered| buffered.packet);
        for Buffered { stream, event, packet, bytes } in events {
            self.frame(stream, event, &bytes, packet.into(), to);
        }
    }

    /// Chooses from what there is.
    fn choose_best<S: SpanSink>(&mut self, stream: StreamId, to: &mut FramingOutput<'_, S>) {
        let choice = self.best_choice(stream, to.flows.at(stream.flow()).carrier());
        self.choose(stream, choice, to);
    }

    /// The best protocol for what there is. A direction that is not certain follows the other one if that is.
    fn best_choice(&self, stream: StreamId, transport: Transport) -> Option<(usize, Confidence)> {
        let best = |stream: StreamId| self.streams.at(stream).buffer()?.best(&self.protocols, transport);
        let own = best(stream);
        let other = stream.opposite();
        let choice = self.streams.at(other).choice;
        let others = match choice.protocol() {
            Some(protocol) if choice.is_certain() => Some(protocol),
            _ => best(other)
                .filter(|(_, confidence)| *confidence == Confidence::Certain)
                .map(|(protocol, _)| protocol),
        };
        match (own, others) {
            (Some((_, Confidence::Certain)), _) => own,
            (_, Some(protocol)) => Some((protocol, Confidence::Likely)),
            (own, None) => own,
        }
    }

    /// Frames what was buffered of a stream as that protocol. A conversation is one protocol's in both directions, as surely in either.
    fn choose<S: SpanSink>(
        &mut self,
        stream: StreamId,
        choice: Option<(usize, Confidence)>,
        to: &mut FramingOutput<'_, S>,
    ) {
        let (protocol, confidence) = choice.unzip();
        let choice = Choice::new(protocol, confidence);
        let mut events = self.chosen(stream, choice, to);
        let other = stream.opposite();
        if self.have_stages(protocol) && self.streams.at(other).choice.protocol.is_none() {
            events.extend(self.chosen(other, choice, to));
            events.sort_by_key(|buffered| buffered.packet);
        }
        for Buffered { stream, event, packet, bytes } in events {
            self.frame(stream, event, &bytes, packet.into(), to);
        }
    }

    /// The protocol of a stream is known: returns what was buffered of it.
    fn chosen<S: SpanSink>(
        &mut self,
        stream: StreamId,
        choice: Choice,
        to: &mut FramingOutput<'_, S>,
    ) -> Vec<Buffered> {
        let known = self.streams.at_mut(stream);
        let buffer = known.framing.as_mut().and_then(|framing| framing.detection.take());
        known.choice = choice;
        to.spans.chosen(stream, choice);
        let (events, bytes) = buffer.unwrap_or_default().into_events();
        let mut rest = &bytes[..];
        let each = events.into_iter().map(|(event, packet)| {
            let length = if let StreamEvent::Data(length) = event { length } else { 0 };
            let (bytes, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = behind;
            Buffered { stream, event, packet, bytes: bytes.into() }
        });
        each.collect()
    }

    /// Divides what comes next of a stream into spans.
    fn frame<S: SpanSink>(
        &mut self,
        stream: StreamId,
        event: StreamEvent,
        bytes: &[u8],
        arrival: Arrival,
        to: &mut FramingOutput<'_, S>,
    ) {
        let number = self.streams.at(stream).choice.protocol();
        let has_stages = self.have_stages(number);
        let chosen = number.and_then(|number| self.protocols.get(number));
        let protocol: &dyn Protocol = chosen.map_or(&Unclaimed, |protocol| &**protocol);
        // Where a datagram or the file is one message, nothing else ends it.
        let (framed, is_whole) = match protocol.usable(to.flows.at(stream.flow()).carrier()) {
            Usable::Whole(whole) => (whole, true),
            _ => (protocol, false),
        };
        if has_stages && !is_whole {
            return self.converse(stream, event, bytes, arrival, to);
        }
        let stage = if has_stages { NO_STAGE } else { 0 };
        let framer = &mut self.streams.at_mut(stream).framing(0).framer;
        // Without its SYN a stream need not begin with a message.
        if framer.end_offset() == 0 && to.flows.at(stream.flow()).begins_inside(stream.side()) {
            framer.begins_inside(framed);
        }
        let completed_by = arrival.packet;
        let mut sink = |span: Span, bytes: Captured<'_, '_>| {
            let Span { offset, length, span_type, .. } = span;
            let outline = outline(protocol, &span, bytes);
            let label = to.labels.outlined((number.unwrap_or(usize::MAX), stage), span_type, &outline);
            let protocol = number;
            let span = FramedSpan { stream, offset, length, span_type, label, protocol, completed_by, bytes };
            to.spans.span(&span);
        };
        match event {
            StreamEvent::Data(_) => framer.segment(framed, bytes, &mut sink),
            StreamEvent::Gap(length) => framer.gap(framed, length, &mut sink),
            StreamEvent::End => framer.end(framed, &mut sink),
        }
    }
}

/// The kind and problems of a span.
fn outline<'a>(protocol: &'a dyn Protocol, span: &Span, bytes: Captured<'a, '_>) -> Outline<'a> {
    let mut outline = Outline::default();
    let is_alone = bytes.context().is_none_or(|context| context.variables.is_none());
    match span.span_type {
        SpanType::Message if bytes.is_whole() && is_alone => {
            protocol.outline(bytes.bytes(), span.checked, &mut outline);
        }
        SpanType::Message | SpanType::Partial => bytes.dissect(protocol, &mut outline),
        SpanType::Skipped(code) => outline.codes.insert(code),
        SpanType::Gap => {}
    }
    outline
}

impl FramedStream {
    /// What frames it, which begins at that offset if there is none yet.
    fn framing(&mut self, offset: u64) -> &mut Framing {
        let FramedStream { choice, framing } = self;
        framing.get_or_insert_with(|| {
            let detection = choice.protocol.is_none().then(DetectionBuffer::default);
            Box::new(Framing { framer: Framer::at(offset), detection, whole_in_a_row: 0 })
        })
    }

    fn buffer(&self) -> Option<&DetectionBuffer> {
        self.framing.as_deref()?.detection.as_ref()
    }

    /// Takes a payload that is one message, if its framer is between two. Drops the framer if it is needed no more: in a protocol
    /// whose messages show where they begin it remembers nothing.
    fn whole_message(&mut self, length: usize, protocols: &[Arc<dyn Protocol>]) -> Option<()> {
        let framing = self.framing.as_deref_mut()?;
        framing.framer.message(length)?;
        framing.whole_in_a_row = framing.whole_in_a_row.saturating_add(1);
        if framing.whole_in_a_row == WHOLE
            && self
                .choice
                .protocol()
                .and_then(|number| protocols.get(number))
                .is_some_and(|it| it.can_resync())
        {
            self.framing = None;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
