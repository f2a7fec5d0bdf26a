//! The bytes of streams that are carried in others: read from their carrier again, which is read from the file or from its own carrier.
//!
//! A segment of such a stream has the place of its bytes in the carrier's stream, where it is verbatim, else the place of the
//! carrier's message that it was unpacked from.

use std::io;
use std::ops::Range;

use framescope_parser::SpanType;

use crate::BlockReader;
use crate::ids::{FlowId, RowId, StreamId};
use crate::index::{Index, Row, SegmentRange};
use crate::streams::carried::CarriedIn;

/// A stretch of a carried row, and the message of its carrier that brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedPart {
    /// Where in the row it is, in bytes.
    pub range: Range<u64>,
    /// The message that brought it.
    pub by: RowId,
    /// Where in that message the same bytes are; None where they were unpacked from it.
    pub place: Option<Range<u64>>,
}

impl Index {
    /// What a stream is carried in; None if packets bring it.
    pub(crate) fn carrier_of(&self, stream: StreamId) -> Option<&CarriedIn> {
        self.flows.get(stream.flow())?.carried()
    }

    /// What a row is carried in; None for one that packets bring.
    pub fn carried_in(&self, row: &Row) -> Option<&CarriedIn> {
        self.carrier_of(row.stream)
    }

    /// The carrier that the bytes of a row are read from; None if they are in the file, and for a gap, which has none.
    pub(crate) fn read_from(&self, row: &Row) -> Option<&CarriedIn> {
        self.carried_in(row).filter(|_| row.span_type != SpanType::Gap)
    }

    /// How many carriers are around a row: 0 for what packets bring.
    pub fn level(&self, row: &Row) -> u8 {
        self.flows.get(row.flow()).map_or(0, |flow| flow.level())
    }

    /// The messages of the carrier that brought a row's bytes, in their order; none for a row that packets brought.
    pub fn carried_by(&self, row: &Row) -> Vec<RowId> {
        let mut rows: Vec<RowId> = self.carried_parts(row).into_iter().map(|part| part.by).collect();
        rows.dedup();
        rows
    }

    /// Which message of the carrier brought which of a row's bytes, in their order; none for a row that packets brought.
    pub fn carried_parts(&self, row: &Row) -> Vec<CarriedPart> {
        let Some(carried) = self.carrier_of(row.stream) else { return Vec::new() };
        let outer = carried.by.stream(row.stream.side());
        let part = |(segment, part): (SegmentRange, Range<u64>)| {
            let start =
                segment.file_offset + if carried.is_verbatim() { part.start - segment.offset } else { 0 };
            let (by, entry) = self.rows.entries.of_stream_from(outer, start).next()?;
            let at = start.checked_sub(entry.offset).filter(|_| carried.is_verbatim());
            let place = at.map(|at| at..at + (part.end - part.start));
            Some(CarriedPart { range: part.start - row.offset..part.end - row.offset, by, place })
        };
        self.carried_segments(row.stream, row.offset..row.offset + row.length).filter_map(part).collect()
    }

    /// The flows whose bytes a flow's messages carry, in the order in which they began.
    pub fn carried_flows(&self, flow: FlowId) -> &[FlowId] {
        self.carried.get(&flow).map_or(&[], Vec::as_slice)
    }

    /// Whether any flow carries another.
    pub fn has_carriers(&self) -> bool {
        !self.carried.is_empty()
    }

    /// The channels that a message of a carrier brought bytes of, as the numbers of their flows; none for other rows.
    pub fn channels_of<'a>(&'a self, row: &Row) -> impl Iterator<Item = FlowId> + use<'a> {
        let (side, places) = (row.stream.side(), row.offset..row.offset + row.length);
        let flows = self.carried_flows(row.flow()).iter().copied();
        flows.filter(move |flow| self.brought(flow.stream(side), &places).is_some())
    }

    /// The first segment of a carried stream that messages at these places of its carrier's stream brought.
    fn brought(&self, stream: StreamId, places: &Range<u64>) -> Option<(usize, SegmentRange)> {
        let segments = self.rows.streams.get(stream)?.segments();
        let first = segments.first_from(places.start);
        let segment = segments.get(first)?;
        (segment.file_offset < places.end).then_some((first, segment))
    }

    /// The rows that a message of a carrier brought bytes of, at most so many.
    pub fn carries(&self, row: &Row, most: usize) -> Vec<RowId> {
        let (side, places) = (row.stream.side(), row.offset..row.offset + row.length);
        let rows_of = |flow: FlowId| {
            let stream = flow.stream(side);
            let (at, first) = self.brought(stream, &places)?;
            let segments = self.rows.streams.get(stream)?.segments();
            let last = segments.from(at).take_while(|segment| segment.file_offset < places.end).last()?;
            let rows = self.rows.entries.of_stream_from(stream, first.offset);
            Some(rows.take_while(move |(_, entry)| entry.offset < last.end()).map(|(row, _)| row))
        };
        self.channels_of(row).filter_map(rows_of).flatten().take(most).collect()
    }

    /// Appends the bytes of a stretch of a stream, gaps left out.
    ///
    /// # Errors
    /// The file can't be read any more, or what carries the stream does not unpack as it did.
    pub(crate) fn append_stream(
        &self,
        stream: StreamId,
        range: Range<u64>,
        reader: &mut BlockReader,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let Some(carried) = self.carrier_of(stream) else {
            for segment in self.rows.stream_bytes(&self.packets.times, stream, range) {
                reader.read(segment.file_offset, segment.length as usize, bytes)?;
            }
            return Ok(());
        };
        for (segment, part) in self.carried_segments(stream, range) {
            if carried.is_verbatim() {
                let place = |at: u64| segment.file_offset + (at - segment.offset);
                let outer = carried.by.stream(stream.side());
                self.append_stream(outer, place(part.start)..place(part.end), reader, bytes)?;
            } else {
                let before = self.unpacked_before(stream, &segment);
                let place = |at: u64| usize::try_from(at - segment.offset + before).ok();
                let range = place(part.start).unwrap_or(usize::MAX)..place(part.end).unwrap_or(usize::MAX);
                self.append_unpacked(carried, (stream.side(), segment.file_offset), range, bytes)?;
            }
        }
        Ok(())
    }

    /// The segments of a stretch of a carried stream, uncut, each with the part of it that is in the stretch.
    fn carried_segments(
        &self,
        stream: StreamId,
        range: Range<u64>,
    ) -> impl Iterator<Item = (SegmentRange, Range<u64>)> + '_ {
        let segments = self.rows.streams.get(stream).map(|stream| stream.segments());
        let first = segments.map_or(0, |segments| segments.first_behind(range.start));
        let all = segments.into_iter().flat_map(move |segments| segments.from(first));
        let within = all.take_while(move |segment| segment.offset < range.end);
        within.filter_map(move |segment| {
            let part = segment.offset.max(range.start)..segment.end().min(range.end);
            (!part.is_empty()).then_some((segment, part))
        })
    }

    /// How many bytes were unpacked of the same message of the carrier before a segment.
    fn unpacked_before(&self, stream: StreamId, segment: &SegmentRange) -> u64 {
        let Some(segments) = self.rows.streams.get(stream).map(|stream| stream.segments()) else { return 0 };
        let at = segments.first_behind(segment.offset);
        let before = (0..at).rev().map_while(|at| segments.get(at));
        let same = before.take_while(|one| one.file_offset == segment.file_offset);
        same.map(|one| u64::from(one.length)).sum()
    }

    /// Where a stretch of a stream is in the file, in the stream's own places: of bytes that were unpacked, where what they were
    /// unpacked from begins.
    pub(crate) fn places(&self, stream: StreamId, range: Range<u64>) -> Vec<SegmentRange> {
        let Some(carried) = self.carrier_of(stream) else {
            return self.rows.stream_bytes(&self.packets.times, stream, range).collect();
        };
        let outer = carried.by.stream(stream.side());
        let mut places = Vec::new();
        for (segment, part) in self.carried_segments(stream, range) {
            if carried.is_verbatim() {
                let place = |at: u64| segment.file_offset + (at - segment.offset);
                for inner in self.places(outer, place(part.start)..place(part.end)) {
                    let offset = segment.offset + (inner.offset - segment.file_offset);
                    places.push(SegmentRange { offset, ..inner });
                }
            } else {
                let unit = segment.file_offset..segment.file_offset + 1;
                let first = self.places(outer, unit).first().copied();
                let length = u32::try_from(part.end - part.start).unwrap_or(u32::MAX);
                let file_offset = first.map_or(0, |first| first.file_offset);
                places.push(SegmentRange { offset: part.start, length, file_offset, packet: segment.packet });
            }
        }
        places
    }

    /// The segments that packets brought a stretch of a stream in, in their own streams' places: of bytes that were unpacked, all of
    /// what they were unpacked from.
    pub(crate) fn origins(&self, stream: StreamId, range: Range<u64>) -> Vec<SegmentRange> {
        let Some(carried) = self.carrier_of(stream) else {
            return self.rows.stream_bytes(&self.packets.times, stream, range).collect();
        };
        let outer = carried.by.stream(stream.side());
        let mut origins: Vec<SegmentRange> = Vec::new();
        let mut last_unit = None;
        for (segment, part) in self.carried_segments(stream, range) {
            let outer_range = if carried.is_verbatim() {
                let place = |at: u64| segment.file_offset + (at - segment.offset);
                place(part.start)..place(part.end)
            } else {
                if last_unit.replace(segment.file_offset) == Some(segment.file_offset) {
                    continue;
                }
                let unit = self.rows.entries.of_stream_from(outer, segment.file_offset).next();
                unit.map_or(0..0, |(_, entry)| entry.offset..entry.offset + entry.length)
            };
            origins.extend(self.origins(outer, outer_range));
        }
        origins
    }
}
