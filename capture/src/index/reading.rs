//! The bytes of a row, read from the file again, and what its protocol reports of them.

use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};

use framescope_parser::{Captured, Code, Dissection, Missing, Problem, SpanType, Unclaimed, Visit};

use crate::BlockReader;
use crate::ids::{RowId, StreamId};
use crate::index::row_table::payload;
use crate::index::store::SegmentRange;
use crate::index::{Index, Row};

impl Index {
    /// The segments that a row's bytes came in, cut to the row. Of a carried row they lead to where in the file it is, or what it was
    /// unpacked from begins.
    pub fn segments(&self, row: &Row) -> impl Iterator<Item = SegmentRange> + '_ {
        let is_carried = self.read_from(row).is_some();
        let range = row.offset..row.offset + row.length;
        let carried = if is_carried { self.places(row.stream, range) } else { Vec::new() };
        let stored = (!is_carried).then(|| self.stored_segments(row));
        stored.into_iter().flatten().chain(carried)
    }

    /// The segments that a row's bytes came in, cut to the row, as they are stored.
    fn stored_segments(&self, row: &Row) -> impl Iterator<Item = SegmentRange> + '_ {
        // A row that is a packet's payload needs no list.
        let range = match row.span_type {
            SpanType::Gap => 0..0,
            _ if row.is_payload => 0..0,
            _ => row.offset..row.offset + row.length,
        };
        self.payload_of(row).into_iter().chain(self.rows.listed(row.stream, range))
    }

    /// The segment that a row is, if it is a packet's payload.
    #[inline]
    pub(crate) fn payload_of(&self, row: &Row) -> Option<SegmentRange> {
        let &Row { offset, length, packet, is_payload, .. } = row;
        payload(&self.packets.times, (offset, length), packet, is_payload)
    }

    /// All segments of a stretch of a stream, cut to it.
    pub(crate) fn stream_bytes(
        &self,
        stream: StreamId,
        range: Range<u64>,
    ) -> impl Iterator<Item = SegmentRange> + '_ {
        let is_carried = self.carrier_of(stream).is_some();
        let carried = if is_carried { self.places(stream, range.clone()) } else { Vec::new() };
        let stored = (!is_carried).then(|| self.rows.stream_bytes(&self.packets.times, stream, range));
        stored.into_iter().flatten().chain(carried)
    }

    /// Where in the file all of a row's bytes are, one after another, if they came in one packet.
    #[inline]
    pub(crate) fn place_of(&self, row: &Row) -> Option<u64> {
        match row.is_payload {
            true => self.packets.times.payload(row.packet),
            false if self.carrier_of(row.stream).is_some() => None,
            false => {
                let segment = self.segments(row).next()?;
                (u64::from(segment.length) == row.length).then_some(segment.file_offset)
            }
        }
    }

    /// What a row lacks of its bytes, as ranges in it: stretches of a message that were not captured.
    pub fn missing(&self, row: &Row) -> Vec<Range<u64>> {
        if !row.codes.contains(Code::Incomplete) {
            return Vec::new();
        }
        let (mut missing, mut at) = (Vec::new(), row.offset);
        let end = row.offset + row.length;
        let segments = self.stored_segments(row).map(|segment| (segment.offset, segment.end()));
        for (start, behind) in segments.chain([(end, end)]) {
            if at < start {
                missing.push(at - row.offset..start - row.offset);
            }
            at = behind;
        }
        missing
    }

    /// How many bytes of an incomplete message were not captured; None of a row that lacks none.
    pub fn missing_bytes(&self, row: &Row) -> Option<u64> {
        let missing = self.missing(row);
        (!missing.is_empty()).then(|| missing.iter().map(|range| range.end - range.start).sum())
    }

    /// What the first `count` bytes that are there of a row lack: gaps between them, or after them too if they are all. With
    /// the bytes of [`row_bytes`](Index::row_bytes) it makes a [`Captured`].
    pub fn missing_before(&self, row: &Row, count: usize) -> Vec<Missing> {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let ranges = self.missing(row).into_iter().map(|range| place(range.start)..place(range.end));
        let mut missing = Missing::list(ranges);
        let lacks = missing.last().map_or(0, |last| last.end - last.captured_before());
        if count as u64 + lacks as u64 != row.length {
            missing.retain(|gap| gap.captured_before() < count);
        }
        missing
    }

    /// A reader for [`row_bytes`](Index::row_bytes) that suits reading rows in their order.
    pub fn reader(&self) -> BlockReader {
        BlockReader::new(self.source.clone(), 1 << 20)
    }

    /// The bytes of a row, and no more than the first `limit` of them. A gap has none.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub fn row_bytes(&self, row: &Row, limit: usize, reader: &mut BlockReader) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append_row_bytes(row, limit, reader, &mut bytes)?;
        Ok(bytes)
    }

    /// The same, after what is in `bytes`.
    pub(crate) fn append_row_bytes(
        &self,
        row: &Row,
        limit: usize,
        reader: &mut BlockReader,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        if self.read_from(row).is_some() {
            let start = bytes.len();
            let length = row.length.min((limit as u64).saturating_add(self.missing_bytes(row).unwrap_or(0)));
            self.append_stream(row.stream, row.offset..row.offset + length, reader, bytes)?;
            bytes.truncate(start.saturating_add(limit));
            return Ok(());
        }
        let mut left = limit;
        for segment in self.segments(row) {
            let length = (segment.length as usize).min(left);
            reader.read(segment.file_offset, length, bytes)?;
            left -= length;
        }
        Ok(())
    }

    /// Passes on all bytes of a row, however long it is, in pieces of no more than a mebibyte, until `each` has enough.
    pub(crate) fn for_each_piece(
        &self,
        row: &Row,
        reader: &mut BlockReader,
        each: &mut dyn FnMut(&[u8]) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<ControlFlow<()>> {
        const PIECE: usize = 1 << 20;
        let mut bytes = Vec::new();
        if self.read_from(row).is_some() {
            let end = row.offset + row.length;
            for start in (row.offset..end).step_by(PIECE) {
                bytes.clear();
                self.append_stream(row.stream, start..end.min(start + PIECE as u64), reader, &mut bytes)?;
                if each(&bytes)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        for segment in self.segments(row) {
            let mut at = 0;
            while at < segment.length as usize {
                let length = (segment.length as usize - at).min(PIECE);
                bytes.clear();
                reader.read(segment.file_offset + at as u64, length, &mut bytes)?;
                if each(&bytes)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                at += length;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reports the fields and problems that a row's own bytes show. `bytes` are those of
    /// [`row_bytes`](Index::row_bytes), or the first of them.
    pub fn visit<'a>(&'a self, row: &Row, bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
        let length = usize::try_from(row.length).unwrap_or(usize::MAX);
        let protocol = self.protocol(row).unwrap_or(&Unclaimed);
        match row.span_type {
            SpanType::Message | SpanType::Partial => {
                let missing = self.missing_before(row, bytes.len());
                let message = Captured::with_missing(bytes, &missing);
                self.with_context(row, |context| message.in_context(context).dissect(protocol, visit));
            }
            SpanType::Skipped(code) => protocol.dissect_skipped(code, bytes, length, visit),
            SpanType::Gap => {}
        }
    }

    /// Reports what is shown as the summary of a row that is not a message.
    #[doc(hidden)]
    pub fn summary_of_no_message(&self, row: &Row, report: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let length = row.length;
        let s = if length == 1 { "" } else { "s" };
        match row.span_type {
            SpanType::Message => {}
            SpanType::Gap => report(format_args!("{length} byte{s} not captured")),
            SpanType::Partial => report(format_args!("{length} byte{s} of a message that is cut off")),
            SpanType::Skipped(_) => report(format_args!("{length} byte{s} skipped")),
        }
    }

    /// Dissects a row. `bytes` are those of [`row_bytes`](Index::row_bytes).
    pub fn dissect<'a>(&'a self, number: RowId, bytes: &'a [u8]) -> Dissection<'a> {
        let Some(row) = self.row(number) else { return Dissection::default() };
        let mut dissection = Dissection::default();
        self.report(number, &row, bytes, &mut dissection);
        dissection
    }

    /// Reports all of a row: what its own bytes show, what is its summary if it is not a message, and the problems that the
    /// sequence or reassembly shows. The same as [`dissect`](Index::dissect) gives, for your own visitor; `bytes` are those of
    /// [`row_bytes`](Index::row_bytes).
    pub fn report<'a>(&'a self, number: RowId, row: &Row, bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.visit(row, bytes, visit);
        self.summary_of_no_message(row, &mut |text| visit.summary(text));
        let (annotations, noticed) = (&self.rows.annotations, &self.rows.noticed);
        for Problem { code, range, text } in
            annotations.of(number, row.length).chain(noticed.of(number, row.length))
        {
            visit.problem(code, range, format_args!("{text}"));
        }
    }
}
