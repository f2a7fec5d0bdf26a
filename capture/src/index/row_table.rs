//! The rows, the streams that they are stretches of, and the problems that their own bytes do not show.

use std::ops::Range;

use crate::ids::{PacketId, StreamId, Table};
use crate::index::annotations::Annotations;
use crate::index::conversations::Conversations;
use crate::index::noticed::Noticed;
use crate::index::store::{Entry, Packets, Rows, SegmentRange, Segments};
use crate::index::stream::Stream;

/// What the index writer fills.
#[derive(Debug, Default)]
pub(crate) struct RowTable {
    pub(crate) entries: Rows,
    pub(crate) streams: Table<StreamId, Stream>,
    /// Problems of rows that the sequence or reassembly shows, not the row's own bytes.
    pub(crate) annotations: Annotations,
    /// The same as far as it is known, of a capture that grows.
    pub(crate) noticed: Noticed,
    /// How far conversations were, whose messages depend on earlier ones.
    pub(crate) conversations: Conversations,
}

/// The segment that a row is, if it is a packet's payload.
#[inline]
pub(crate) fn payload(
    packets: &Packets,
    (offset, length): (u64, u64),
    packet: PacketId,
    is_payload: bool,
) -> Option<SegmentRange> {
    if !is_payload {
        return None;
    }
    let file_offset = packets.payload(packet)?;
    Some(SegmentRange { offset, file_offset, length: u32::try_from(length).ok()?, packet })
}

impl RowTable {
    /// The segments of a stretch of a stream that are not rows by themselves, cut to it.
    pub(crate) fn listed(
        &self,
        stream: StreamId,
        range: Range<u64>,
    ) -> impl Iterator<Item = SegmentRange> + '_ {
        static NONE: Segments = Segments::NONE;
        let segments = self.streams.get(stream).map_or(&NONE, Stream::segments);
        let first = if range.is_empty() { segments.len() } else { segments.first_behind(range.start) };
        let segments = segments.from(first).take_while(move |segment| segment.offset < range.end);
        segments.map(move |segment| segment.cut(range.start, range.end))
    }

    /// All segments of a stretch of a stream, cut to it.
    pub(crate) fn stream_bytes<'a>(
        &'a self,
        packets: &'a Packets,
        stream: StreamId,
        range: Range<u64>,
    ) -> impl Iterator<Item = SegmentRange> + 'a {
        let (start, end) = (range.start, range.end);
        let rows = self.entries.of_stream_from(stream, start).map(|(_, entry)| entry);
        let segment = |Entry { offset, length, packet, is_payload, .. }: Entry| {
            payload(packets, (offset, length), packet, is_payload)
        };
        let payloads = rows.take_while(move |row| row.offset < end).filter_map(segment);
        let mut payloads = payloads.map(move |segment| segment.cut(start, end)).peekable();
        let mut listed = self.listed(stream, range).peekable();
        std::iter::from_fn(move || match (payloads.peek(), listed.peek()) {
            (Some(payload), Some(other)) if payload.offset < other.offset => payloads.next(),
            (Some(_), None) => payloads.next(),
            _ => listed.next(),
        })
    }
}
