//! From the bytes of a stream to rows: messages that were recognised by themselves, and what the framer lays out.

use framescope_parser::{Captured, Code, Confidence, Framer, Protocol, Span, SpanType, Unclaimed};

use super::Indexer;
use super::packets::Arrived;
use crate::index::annotations::Annotations;
use crate::index::store::{Entry, Packets, Rows};
use crate::index::{Flow, Index, SegmentRange, Stream, last_packet};
use crate::messages::detection::{Happened, first_look};
use crate::messages::outline::{Labels, Outline};
use crate::messages::sessions::{Completed, Sessions};
use crate::packets::read_ahead::Alone;
use crate::streams::state::More;

impl Indexer {
    /// Takes a segment of a stream in which nothing waits, and of which it is known already that it is one message, if that
    /// holds where it stands.
    #[inline]
    pub(super) fn one_message(&mut self, index: &mut Index, stream: usize, arrived: &Arrived<'_>) -> bool {
        let Some(known) = index.streams.get(stream) else { return false };
        if known.protocol.is_none() && !self.choose_at_first_sight(index, stream, arrived.payload) {
            return false;
        }
        let Some((label, protocol)) = self.label_alone(index, stream, arrived.outline) else { return false };
        let Some(state) = self.states.get_mut(stream) else { return false };
        let (offset, length) = (state.next, arrived.payload.len() as u64);
        state.advance(length, arrived.number);
        let sent = state.last_packet;
        let Some(known) = index.streams.get_mut(stream) else { return false };
        known.messages += 1;
        known.bytes += length;
        self.disputed(index, stream, offset, arrived);
        let Index { flows, protocols, entries, .. } = index;
        let (Some(flow), Some(spoken)) = (flows.get(stream / 2), protocols.get(protocol)) else {
            return true;
        };
        let number = u32::try_from(stream).unwrap_or(u32::MAX);
        let entry = Entry { offset, length, stream: number, label, packet: arrived.number, is_payload: true };
        let row = entries.push(entry);
        let now = arrived.number;
        match self.in_order {
            Some(_) => self.completed.push(now),
            None => debug_assert!(now >= self.last_completed, "a stream was held back unnoticed"),
        }
        self.last_completed = now;
        let row = Completed {
            row,
            direction: flow.direction_of(stream % 2),
            span_type: SpanType::Message,
            time_ns: arrived.time_ns,
            bytes: Captured::whole(arrived.payload),
            sent,
            completed: now,
        };
        self.sessions.row(number / 2, flow, (protocol, &**spoken), &row, entries);
        true
    }

    /// The label of a payload that is one message by itself, if its stream speaks that protocol.
    #[inline]
    fn label_alone(&mut self, index: &Index, stream: usize, outline: u16) -> Option<(u32, usize)> {
        let outlined = self.outlines.get_mut(usize::from(outline).checked_sub(1)?)?;
        let Alone { protocol, kind, codes } = outlined.alone;
        if index.streams.get(stream)?.protocol() != Some(protocol) {
            return None;
        }
        if outlined.label.is_none() {
            outlined.label = index.labels.known(protocol, kind, codes);
        }
        Some((outlined.label?, protocol))
    }

    /// Takes a segment of which it is known already that it is one message, if that holds where it stands.
    pub(super) fn message_alone(
        &mut self,
        index: &mut Index,
        stream: usize,
        offset: u64,
        arrived: &Arrived<'_>,
    ) -> bool {
        let Some((label, protocol)) = self.label_alone(index, stream, arrived.outline) else { return false };
        let is_held = |more: &More| more.held.is_some();
        let more = self.states.get_mut(stream).and_then(|state| state.more.as_deref_mut());
        let Some(more) = more.filter(|more| !is_held(more)) else { return false };
        let Some(span) = more.framer.message(arrived.payload.len()) else { return false };
        more.laid_out.1 = more.laid_out.1.max(arrived.number);
        if let Some(known) = index.streams.get_mut(stream) {
            known.messages += 1;
            known.bytes += span.length;
        }
        self.disputed(index, stream, offset, arrived);
        if let Some((_, mut rows)) = self.rows(index, stream, arrived.number) {
            rows.row(span, label, Some(arrived.number), true, Captured::whole(arrived.payload));
        }
        if index.protocols.get(protocol).is_some_and(|protocol| protocol.can_resync())
            && let Some(state) = self.states.get_mut(stream)
        {
            state.calm_down();
        }
        true
    }

    pub(super) fn udp(&mut self, index: &mut Index, arrived: &Arrived<'_>, stream: usize) {
        let &Arrived { number: now, payload, missing, pieces, outline, .. } = arrived;
        let Some(state) = self.states.get_mut(stream) else { return };
        if state.more.is_none() && missing == 0 && outline != 0 && self.one_message(index, stream, arrived) {
            return;
        }
        // A datagram's place is behind all that came before it.
        let start = index.streams.get(stream).map_or(0, |stream| stream.bytes + stream.gap_bytes());
        if !payload.is_empty() {
            for piece in pieces {
                let length = u32::try_from(piece.length).unwrap_or(u32::MAX);
                let (offset, origin) = (start + piece.offset as u64, piece.origin);
                let (file_offset, packet) = (origin.file_offset, origin.packet);
                self.add_segment(index, stream, SegmentRange { offset, file_offset, length, packet });
            }
            self.data(index, stream, payload, now);
        }
        if missing > 0 {
            self.event(index, stream, Happened::Gap(missing.into()), now);
        }
        self.event(index, stream, Happened::End, now);
    }

    /// Takes the next bytes of a stream.
    pub(super) fn data(&mut self, index: &mut Index, stream: usize, bytes: &[u8], now: u32) {
        let Some(more) = self.more(index, stream) else { return };
        let Some(held) = &mut more.held else {
            self.lay_out(index, stream, Happened::Data(bytes.len()), bytes, now);
            return;
        };
        // Nearly every stream shows with its first bytes what it is.
        if held.is_empty()
            && let Some(protocol) = first_look(bytes, &index.protocols)
        {
            self.choose(index, stream, Some((protocol, Confidence::Certain)));
            self.lay_out(index, stream, Happened::Data(bytes.len()), bytes, now);
            return;
        }
        held.data(bytes, now);
        let look = held.wants_look().then(|| (held.best(&index.protocols), held.is_full()));
        self.in_order.get_or_insert(index.entries.len());
        match look {
            Some((Some((protocol, Confidence::Certain)), _)) => {
                self.choose(index, stream, Some((protocol, Confidence::Certain)));
            }
            Some((_, true)) => self.choose_best(index, stream),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, index: &mut Index, stream: usize, happened: Happened, now: u32) {
        if let (Happened::Gap(length), Some(stream)) = (happened, index.streams.get_mut(stream)) {
            let rest = stream.rest();
            rest.gaps += 1;
            rest.gap_bytes += length;
        }
        let Some(more) = self.more(index, stream) else { return };
        match &mut more.held {
            Some(held) => {
                held.event(happened, now);
                self.in_order.get_or_insert(index.entries.len());
            }
            None => self.lay_out(index, stream, happened, &[], now),
        }
    }

    /// Lays bytes out in rows.
    pub(super) fn lay_out(
        &mut self,
        index: &mut Index,
        stream: usize,
        happened: Happened,
        bytes: &[u8],
        now: u32,
    ) {
        let Some((framer, mut rows)) = self.rows(index, stream, now) else { return };
        let protocol = rows.protocol.1;
        // Without its SYN a stream need not begin with a message.
        if framer.end_offset() == 0 && rows.flow.begins_inside(stream % 2) {
            framer.begins_inside(protocol);
        }
        let mut sink = |span: Span, bytes: Captured<'_, '_>| rows.span(span, bytes);
        match happened {
            Happened::Data(_) => framer.segment(protocol, bytes, &mut sink),
            Happened::Gap(length) => framer.gap(protocol, length, &mut sink),
            Happened::End => framer.end(protocol, &mut sink),
        }
    }

    /// What lays a stream out, and what takes its rows.
    #[inline]
    fn rows<'r>(
        &'r mut self,
        index: &'r mut Index,
        stream: usize,
        now: u32,
    ) -> Option<(&'r mut Framer, RowSink<'r>)> {
        let More { framer, laid_out, .. } = self.states.get_mut(stream)?.more.as_deref_mut()?;
        let Index { streams, flows, protocols, entries, labels, kept, .. } = index;
        let known = streams.get_mut(stream)?;
        let chosen = known.protocol().and_then(|protocol| protocols.get(protocol));
        let protocol: &dyn Protocol = chosen.map_or(&Unclaimed, |protocol| &**protocol);
        let rows = RowSink {
            stream: u32::try_from(stream).unwrap_or(u32::MAX),
            protocol: (known.protocol().unwrap_or(usize::MAX), protocol),
            now,
            known,
            flow: flows.get(stream / 2)?,
            entries,
            labels,
            kept,
            laid_out,
            completed: self.in_order.is_some().then_some(&mut self.completed),
            last_completed: &mut self.last_completed,
            sessions: &mut self.sessions,
            framing: &mut self.framing,
        };
        Some((framer, rows))
    }
}

/// Takes the rows of one stream.
struct RowSink<'r> {
    stream: u32,
    protocol: (usize, &'r dyn Protocol),
    /// The packet with which they become complete.
    now: u32,
    known: &'r mut Stream,
    flow: &'r Flow,
    entries: &'r mut Rows,
    labels: &'r mut Labels,
    kept: &'r Packets,
    laid_out: &'r mut (usize, u32),
    completed: Option<&'r mut Vec<u32>>,
    last_completed: &'r mut u32,
    sessions: &'r mut Sessions,
    framing: &'r mut Annotations,
}

impl RowSink<'_> {
    fn span(&mut self, span: Span, bytes: Captured<'_, '_>) {
        let (number, protocol) = self.protocol;
        let mut outline = Outline::default();
        match span.span_type {
            SpanType::Message => {
                self.known.messages += 1;
                match bytes.is_whole() {
                    true => protocol.outline(bytes.bytes(), span.checked, &mut outline),
                    false => bytes.dissect(protocol, &mut outline),
                }
            }
            SpanType::Partial => bytes.dissect(protocol, &mut outline),
            SpanType::Skipped(code) => outline.codes.insert(code),
            SpanType::Gap => {}
        }
        if let Some(guess) = bytes.guess() {
            let row = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            self.framing.add(row, Code::Guessed, &guess.sentence());
        }
        let label = self.labels.outlined(number, span.span_type, &outline);
        let last = last_packet(self.known.segments(), self.laid_out, span.offset + span.length);
        let is_payload = self.is_last_payload(&span);
        self.row(span, label, last, is_payload, bytes);
        if is_payload {
            // The row says where its bytes are.
            let segments = &mut self.known.rest().segments;
            segments.pop();
            self.laid_out.0 = segments.len();
        }
    }

    /// Whether a span is just what came last: the whole payload of a packet.
    fn is_last_payload(&self, span: &Span) -> bool {
        let Some(segment) = self.known.segments().last() else { return false };
        span.span_type != SpanType::Gap
            && (segment.offset, u64::from(segment.length)) == (span.offset, span.length)
            && self.kept.payload(segment.packet) == Some(segment.file_offset)
    }

    /// `last` is the last packet that brought bytes of it.
    #[inline]
    fn row(&mut self, span: Span, label: u32, last: Option<u32>, is_payload: bool, bytes: Captured<'_, '_>) {
        let Span { offset, length, span_type, .. } = span;
        let (stream, packet) = (self.stream, last.unwrap_or(0));
        let row = self.entries.push(Entry { offset, length, stream, label, packet, is_payload });
        match &mut self.completed {
            Some(completed) => completed.push(self.now),
            None => debug_assert!(self.now >= *self.last_completed, "a stream was held back unnoticed"),
        }
        *self.last_completed = self.now;
        if self.known.protocol.is_none() {
            return;
        }
        let time_ns = last.and_then(|packet| self.kept.time_ns(packet));
        let direction = self.flow.direction_of((self.stream % 2) as usize);
        let (sent, completed) = (self.laid_out.1, self.now);
        let row = Completed { row, direction, span_type, time_ns, bytes, sent, completed };
        self.sessions.row(self.stream / 2, self.flow, self.protocol, &row, self.entries);
    }
}
