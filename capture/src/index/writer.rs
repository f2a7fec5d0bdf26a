//! The index writer: the last stage. It takes the spans of all streams, and the segments that their bytes came in, and makes rows.
//!
//! What the sequence of messages shows is observed here, row by row. Nothing is decoded here, and the file is read only to compare
//! bytes that were captured twice.

use std::io;
use std::sync::Arc;

use framescope_parser::{Code, Conversation, Observation, Protocol, Sentence, SpanType};

use crate::BlockReader;
use crate::ids::{FlowId, PacketId, RowId, Side, StreamId};
use crate::index::annotations::Annotations;
use crate::index::marks::{annotate_if_complete, label_rows};
use crate::index::order::CompletionOrder;
use crate::index::row_table::RowTable;
use crate::index::store::{Entry, Link, Packets, Rows, SegmentRange, Segments};
use crate::index::stream::{Mark, Stream};
use crate::messages::framing::{Choice, FramedSpan, SpanSink};
use crate::messages::outline::Labels;
use crate::messages::sessions::{Completed, Sessions};
use crate::packets::disputes::Disputes;
use crate::packets::origin::Origin;
use crate::packets::segment::CapturedSegment;
use crate::streams::flow::Flows;

/// The state of writing.
pub(crate) struct IndexWriter {
    pub(super) sessions: Sessions,
    /// What the sequence of messages showed.
    pub(super) observed: Annotations,
    /// How messages were found where the format does not show it.
    pub(super) guessed: Annotations,
    /// What reassembly noticed about rows that were there already.
    pub(super) marked: Annotations,
    pub(super) order: CompletionOrder,
    reader: BlockReader,
    /// Bytes that were captured twice.
    compared: [Vec<u8>; 2],
}

/// The writer with the tables that it fills, and those of the stages before it.
pub(crate) struct RowWriter<'i> {
    pub(crate) writer: &'i mut IndexWriter,
    pub(crate) rows: &'i mut RowTable,
    pub(crate) flows: &'i Flows,
    pub(crate) packets: &'i Packets,
    pub(crate) protocols: &'i [Arc<dyn Protocol>],
    pub(crate) disputes: &'i Disputes,
}

/// Writes what was observed.
#[inline]
pub(super) fn record(
    observation: Observation,
    problems: &mut Annotations,
    link: &mut dyn FnMut(RowId, Link, RowId),
) {
    match observation {
        Observation::Problem { row, code, text } => problems.add(row.into(), code, &text),
        Observation::Part { row, first, .. } => link(row.into(), Link::GoesOnWith, first.into()),
        Observation::Reply { row, to, .. } => link(row.into(), Link::Answers, to.into()),
    }
}

/// Links two rows, both ways if one answers the other.
#[inline]
pub(super) fn connect(rows: &mut Rows, row: RowId, link: Link, other: RowId) {
    rows.link(row, link, other);
    if link == Link::Answers {
        rows.link(other, Link::AnsweredBy, row);
    }
}

impl IndexWriter {
    pub(crate) fn new(reader: BlockReader) -> IndexWriter {
        // Of a capture that grows, what is noticed is shown at once.
        let log = if reader.source().is_live() { Annotations::with_copies } else { Annotations::default };
        IndexWriter {
            sessions: Sessions::default(),
            observed: log(),
            guessed: log(),
            marked: log(),
            order: CompletionOrder::default(),
            reader,
            compared: Default::default(),
        }
    }

    /// Adds the two streams of the next flow.
    pub(crate) fn add_flow(&mut self, rows: &mut RowTable, Choice { protocol, confidence }: Choice) {
        self.sessions.add_flow();
        for _ in 0..2 {
            rows.streams.push(Stream { protocol, confidence, ..Stream::default() });
        }
    }

    /// The capture cut a packet of a stream short.
    pub(crate) fn cut_packet(&self, rows: &mut RowTable, stream: StreamId) {
        rows.streams.at_mut(stream).details().cut_packets += 1;
    }

    /// Something waits for others, so that its rows may come later than others that became complete after them.
    pub(crate) fn buffered(&mut self, rows: &RowTable) {
        self.order.buffered(rows.entries.len());
    }

    /// Something is wrong with a message that carries others.
    pub(crate) fn carrier_problem(&mut self, row: RowId, code: Code, text: &Sentence) {
        self.marked.add(row, code, text);
    }

    /// Shows what was noticed since this was last called.
    pub(crate) fn show_noticed(&mut self, rows: &mut RowTable, labels: &mut Labels) {
        for log in [&mut self.observed, &mut self.guessed, &mut self.marked] {
            if let Some(last) = log.take_fresh() {
                label_rows(&mut rows.entries, labels, &last);
                rows.noticed.add(last);
            }
        }
    }

    /// What is known of the beginning of a flow has changed.
    pub(crate) fn doubt(&mut self, flow: FlowId) {
        self.sessions.doubt(flow);
    }

    /// A flow has ended.
    pub(crate) fn end_flow(&mut self, rows: &mut RowTable, flow: FlowId) {
        let IndexWriter { sessions, observed, .. } = self;
        let entries = &mut rows.entries;
        sessions.end(flow, |one| {
            record(one, observed, &mut |row, link, other| connect(entries, row, link, other));
        });
    }
}

impl RowWriter<'_> {
    /// A segment of a stream that is delivered next.
    pub(crate) fn segment(&mut self, stream: StreamId, segment: SegmentRange) {
        let known = self.rows.streams.at_mut(stream);
        known.bytes += u64::from(segment.length);
        known.details().segments.push(segment);
        if !self.disputes.is_empty() && self.flows.at(stream.flow()).carried.is_none() {
            self.mark_disputes(stream, &segment);
        }
    }

    /// A span that is all that a segment carries.
    #[inline(always)]
    pub(crate) fn payload(&mut self, span: &FramedSpan<'_>, segment: &CapturedSegment<'_>) {
        let known = self.rows.streams.at_mut(span.stream);
        known.messages += 1;
        known.bytes += span.length;
        known.last_packet = known.last_packet.max(segment.packet);
        let sent = known.last_packet;
        if !self.disputes.is_empty()
            && let Some(piece) = segment.whole_piece()
        {
            let length = u32::try_from(span.length).unwrap_or(u32::MAX);
            let (file_offset, packet) = (piece.origin.file_offset, segment.packet);
            let segment = SegmentRange { offset: span.offset, file_offset, length, packet };
            self.mark_disputes(span.stream, &segment);
        }
        self.row(span, segment.packet, true, segment.time_ns, sent);
    }

    #[inline(always)]
    fn row(
        &mut self,
        span: &FramedSpan<'_>,
        packet: PacketId,
        is_payload: bool,
        time_ns: Option<i64>,
        sent: PacketId,
    ) {
        let &FramedSpan { stream, offset, length, span_type, label, protocol, completed_by, bytes } = span;
        let entry = Entry { offset, length, stream, label, packet, is_payload };
        let row = self.rows.entries.push(entry);
        self.writer.order.push(completed_by);
        let Some(protocol) = protocol else { return };
        let (id, flow) = (stream.flow(), self.flows.at(stream.flow()));
        let direction = flow.direction_of(stream.side());
        let row = Completed { row, protocol, direction, span_type, time_ns, bytes, sent, completed_by };
        let IndexWriter { sessions, observed, .. } = &mut *self.writer;
        let entries = &mut self.rows.entries;
        sessions.row(id, flow, self.protocols, &row, |one| {
            record(one, observed, &mut |row, link, other| connect(entries, row, link, other));
        });
    }

    /// Bytes of a stream will not come any more.
    pub(crate) fn gap(&mut self, stream: StreamId, length: u64) {
        let details = self.rows.streams.at_mut(stream).details();
        details.gaps += 1;
        details.gap_bytes += length;
    }

    /// Bytes turned up from before the stream's start.
    pub(crate) fn before_start(&mut self, stream: StreamId, length: u64) {
        self.rows.streams.at_mut(stream).details().late_bytes += length;
    }

    /// Bytes of a place that was delivered already: the same ones, others, or late ones.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub(crate) fn duplicate(
        &mut self,
        labels: &Labels,
        stream: StreamId,
        (offset, length): (u64, u64),
        origin: Origin,
    ) -> io::Result<()> {
        let end = offset + length;
        let there: Vec<SegmentRange> = self.rows.stream_bytes(self.packets, stream, offset..end).collect();
        let mut at = offset;
        let nothing = SegmentRange { offset: end, file_offset: 0, length: 0, packet: PacketId::NONE };
        for segment in there.into_iter().chain([nothing]) {
            if segment.offset > at {
                let late =
                    Mark { offset: at, length: segment.offset - at, code: Code::Late, packet: origin.packet };
                self.rows.streams.at_mut(stream).details().late_bytes += late.length;
                self.mark(labels, stream, late);
            }
            if segment.length > 0 {
                let first = Origin { packet: segment.packet, file_offset: segment.file_offset };
                let second = origin.skip(segment.offset - offset);
                self.overlap(labels, stream, (segment.offset, segment.length.into()), [first, second])?;
            }
            at = segment.end();
        }
        Ok(())
    }

    /// Bytes of a place that were captured twice; the first ones stay.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub(crate) fn overlap(
        &mut self,
        labels: &Labels,
        stream: StreamId,
        (offset, length): (u64, u64),
        [first, second]: [Origin; 2],
    ) -> io::Result<()> {
        let IndexWriter { compared: [stored, other], reader, .. } = &mut *self.writer;
        for (bytes, origin) in [(&mut *stored, first), (&mut *other, second)] {
            bytes.clear();
            reader.read(origin.file_offset, usize::try_from(length).unwrap_or(0), bytes)?;
        }
        let differs = |(a, b): (&u8, &u8)| a != b;
        let first_other = if stored == other { None } else { stored.iter().zip(&*other).position(differs) };
        let mark = match first_other {
            None => Mark { offset, length, code: Code::Retransmitted, packet: second.packet },
            Some(from) => {
                let pairs = stored.iter().rev().zip(other.iter().rev());
                let same_at_end = pairs.take_while(|pair| !differs(*pair)).count();
                self.rows.streams.at_mut(stream).details().conflicts += 1;
                Mark {
                    offset: offset + from as u64,
                    length: (stored.len() - same_at_end - from) as u64,
                    code: Code::ConflictingRetransmission,
                    packet: second.packet,
                }
            }
        };
        self.mark(labels, stream, mark);
        Ok(())
    }

    /// Annotates the rows of a stretch with what was noticed about it, now if they are there, else when all are.
    fn mark(&mut self, labels: &Labels, stream: StreamId, mark: Mark) {
        if !annotate_if_complete(self.rows, labels, stream, &mark, &mut self.writer.marked) {
            self.rows.streams.at_mut(stream).details().marks.push(mark);
        }
    }

    /// Marks the bytes of a segment that are disputed.
    #[cold]
    fn mark_disputes(&mut self, stream: StreamId, segment: &SegmentRange) {
        let details = self.rows.streams.at_mut(stream).details();
        for (place, packet) in self.disputes.within(segment.file_offset, segment.length) {
            let offset = segment.offset + (place.start - segment.file_offset);
            let length = place.end - place.start;
            let mark = Mark { offset, length, code: Code::ConflictingFragment, packet };
            match details.marks.last_mut().filter(|last| last.continues_in(&mark)) {
                Some(last) => last.length += mark.length,
                None => {
                    details.marks.push(mark);
                    details.conflicts += 1;
                }
            }
        }
    }
}

impl SpanSink for RowWriter<'_> {
    fn span(&mut self, span: &FramedSpan<'_>) {
        if let Some(context) = span.bytes.context() {
            let (row, guessed) = (self.rows.entries.next_id(), &mut self.writer.guessed);
            if let Some(guess) = &context.guess {
                guessed.add(row, Code::Guessed, &guess.sentence());
            }
            if let Some((code, sentence)) = &context.note {
                guessed.add(row, *code, sentence);
            }
        }
        let known = self.rows.streams.at_mut(span.stream);
        known.messages += u64::from(span.span_type == SpanType::Message);
        let last = known.advance(span.offset + span.length);
        let is_payload = self.flows.at(span.stream.flow()).carried.is_none()
            && is_last_payload(known.segments(), self.packets, span);
        if is_payload {
            // The row itself leads to its bytes.
            let details = known.details();
            details.segments.pop();
            details.used = details.segments.len();
        }
        let time_ns = match span.protocol {
            Some(_) => last.and_then(|packet| self.packets.time_ns(packet)),
            // It is not observed.
            None => None,
        };
        let sent = known.last_packet;
        self.row(span, last.unwrap_or_default(), is_payload, time_ns, sent);
    }

    fn chosen(&mut self, stream: StreamId, choice: Choice) {
        let known = self.rows.streams.at_mut(stream);
        (known.protocol, known.confidence) = (choice.protocol, choice.confidence);
    }

    #[inline]
    fn buffered(&mut self) {
        self.writer.order.buffered(self.rows.entries.len());
    }

    fn conversation(
        &mut self,
        flow: FlowId,
        client: Side,
        places: [u64; 2],
        copy: Option<Box<dyn Conversation>>,
    ) {
        let before = |side: Side| {
            let place = side.of(&places).checked_sub(1)?;
            self.rows.entries.of_stream_from(flow.stream(side), place).next().map(|(row, _)| row)
        };
        let after = before(Side::First).max(before(Side::Second));
        self.rows.conversations.store(flow, client, after, places, copy);
    }
}

/// Whether a span is just what came last: the whole payload of a packet.
fn is_last_payload(segments: &Segments, packets: &Packets, span: &FramedSpan<'_>) -> bool {
    let Some(segment) = segments.last() else { return false };
    span.span_type != SpanType::Gap
        && (segment.offset, u64::from(segment.length)) == (span.offset, span.length)
        && packets.payload(segment.packet) == Some(segment.file_offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::ids::Side;
    use crate::messages::outline::{Label, NO_KIND};
    use crate::streams::flow::Flow;
    use framescope_parser::{Captured, CodeSet};

    /// A writer for one flow, with the tables around it. Packet 1 is at 100 in the file, packet 2 at 200.
    struct Bench {
        writer: IndexWriter,
        rows: RowTable,
        flows: Flows,
        packets: Packets,
        disputes: Disputes,
        labels: Labels,
        stream: StreamId,
    }

    impl Bench {
        fn new(file: &[u8]) -> Bench {
            let reader = BlockReader::new(Source::from_bytes("file", file), 64);
            let (mut writer, mut rows) = (IndexWriter::new(reader), RowTable::default());
            let (mut flows, mut packets) = (Flows::default(), Packets::default());
            let flow = flows.push(Flow::default());
            writer.add_flow(&mut rows, Choice::default());
            [100, 200].into_iter().for_each(|place| packets.push(Some(1), Some(place)));
            let (disputes, mut labels) = (Disputes::default(), Labels::default());
            labels.number(Label {
                span_type: SpanType::Message,
                stage: 0,
                kind: NO_KIND,
                codes: CodeSet::EMPTY,
            });
            Bench { writer, rows, flows, packets, disputes, labels, stream: flow.stream(Side::First) }
        }

        fn with<T>(&mut self, run: impl FnOnce(&mut RowWriter<'_>, &Labels, StreamId) -> T) -> T {
            let Bench { writer, rows, flows, packets, disputes, labels, stream } = self;
            let mut writer = RowWriter { writer, rows, flows, packets, protocols: &[], disputes };
            run(&mut writer, labels, *stream)
        }

        /// A segment that came with a packet, and the next span of the stream.
        fn segment(&mut self, offset: u64, file_offset: u64, length: u32, packet: u32) {
            let segment = SegmentRange { offset, file_offset, length, packet: packet.into() };
            self.with(|writer, _, stream| writer.segment(stream, segment));
        }

        fn span(&mut self, offset: u64, length: u64) {
            let span = FramedSpan {
                stream: self.stream,
                offset,
                length,
                span_type: SpanType::Message,
                label: 0,
                protocol: None,
                completed_by: 2.into(),
                bytes: Captured::whole(&[]),
            };
            self.with(|writer, _, _| writer.span(&span));
        }
    }

    #[test]
    fn a_row_that_is_all_of_a_payload_needs_no_segment_and_the_others_lead_to_theirs() {
        let mut bench = Bench::new(&[0; 300]);
        bench.segment(0, 100, 10, 1);
        bench.span(0, 10);
        bench.segment(10, 200, 10, 2);
        bench.span(10, 4);
        bench.span(14, 6);
        let entry = |row: u32| bench.rows.entries.get(row.into()).unwrap();
        let rows = [0, 1, 2].map(|row| (entry(row).packet.number(), entry(row).is_payload));
        assert_eq!(rows, [(1, true), (2, false), (2, false)]);
        let stream = bench.rows.streams.at(bench.stream);
        assert_eq!((stream.messages, stream.bytes, stream.segments().len()), (3, 20, 1));
        let bytes: Vec<_> = bench.rows.stream_bytes(&bench.packets, bench.stream, 5..15).collect();
        let places: Vec<_> = bytes.iter().map(|part| (part.offset, part.file_offset, part.length)).collect();
        assert_eq!(places, [(5, 105, 5), (10, 200, 5)]);
    }

    #[test]
    fn duplicates_are_the_same_bytes_or_others_or_late_ones() {
        let mut file = [0; 300];
        file[202] = 9;
        let mut bench = Bench::new(&file);
        bench.segment(0, 100, 4, 1);
        bench.span(0, 4);
        bench.with(|writer, _, stream| writer.gap(stream, 2));
        let duplicate = |bench: &mut Bench, range: (u64, u64), file_offset: u64| {
            let origin = Origin { packet: 2.into(), file_offset };
            bench.with(|writer, labels, stream| writer.duplicate(labels, stream, range, origin)).unwrap();
        };
        duplicate(&mut bench, (0, 2), 200);
        duplicate(&mut bench, (2, 2), 202);
        duplicate(&mut bench, (4, 2), 204);
        let codes: Vec<Code> = bench.writer.marked.codes().map(|(_, code)| code).collect();
        assert_eq!(codes, [Code::Retransmitted, Code::ConflictingRetransmission]);
        let stream = bench.rows.streams.at(bench.stream);
        assert_eq!((stream.conflicts(), stream.late_bytes(), stream.gap_bytes()), (1, 2, 2));
        let waiting = &stream.details.as_deref().unwrap().marks;
        assert_eq!(
            waiting.iter().map(|mark| (mark.code, mark.offset)).collect::<Vec<_>>(),
            [(Code::Late, 4)]
        );
    }
}
