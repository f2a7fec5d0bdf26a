//! What writers look up for each row: its segments, packets and bytes, and the text that the rows of a stream share.

use std::io;
use std::net::SocketAddr;

use framescope_parser::Direction;

use crate::display::display_limit;
use crate::{BlockReader, FlowId, Index, PacketId, Row, SegmentRange};

/// Memory for bytes that became larger than this is not kept for the next row.
const MAX_KEPT: usize = 4 << 20;

/// The segments of a row, which are looked up once for all that is written of it, and its bytes.
#[derive(Debug)]
pub struct Content<'i> {
    index: &'i Index,
    reader: BlockReader,
    segments: Vec<SegmentRange>,
    packets: Vec<PacketId>,
    /// Whether the row is carried in others, so that its segments are those of its carriers.
    is_carried: bool,
    /// What [`read`](Content::read) has read.
    pub bytes: Vec<u8>,
}

/// Bytes that are read of the file in one call. Threads take turns, so that most of what is further ahead belongs to
/// another.
const READ_AHEAD: usize = 64 << 10;

impl<'i> Content<'i> {
    /// Of no row yet.
    pub fn new(index: &'i Index) -> Self {
        let reader = BlockReader::new(index.source().clone(), READ_AHEAD);
        Content {
            index,
            reader,
            segments: Vec::new(),
            packets: Vec::new(),
            is_carried: false,
            bytes: Vec::new(),
        }
    }

    /// Looks up the segments of a row.
    pub fn find(&mut self, row: &Row) {
        self.segments.clear();
        self.is_carried = self.index.carrier_of(row.stream).is_some();
        match self.is_carried {
            true => self.segments = self.index.row_origins(row),
            false => self.segments.extend(self.index.segments(row)),
        }
    }

    /// The same as [`Index::row_packets`] of that row.
    pub fn packets(&mut self) -> &[PacketId] {
        self.packets.clear();
        self.packets.extend(
            self.segments.iter().map(|segment| segment.packet).filter(|&packet| packet != PacketId::NONE),
        );
        if self.packets.len() > 1 {
            self.packets.sort_unstable();
            self.packets.dedup();
        }
        &self.packets
    }

    /// Reads the row's bytes up to the display limit. Its segments must have been looked up.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn read(&mut self, row: &Row) -> io::Result<()> {
        self.bytes.clear();
        if self.bytes.capacity() > MAX_KEPT {
            self.bytes = Vec::new();
        }
        let mut left = display_limit(row);
        if self.is_carried {
            return self.index.append_row_bytes(row, left, &mut self.reader, &mut self.bytes);
        }
        for segment in &self.segments {
            let length = (segment.length as usize).min(left);
            self.reader.read(segment.file_offset, length, &mut self.bytes)?;
            left -= length;
        }
        Ok(())
    }
}

/// The text that all rows of a stream share, which is written once as long as no other stream needs its place.
#[derive(Debug)]
pub(in crate::export) struct StreamTexts {
    places: Vec<(u64, Vec<u8>)>,
}

/// How many streams can be interleaved before their texts are written again.
const STREAMS: usize = 1024;

impl StreamTexts {
    pub(in crate::export) fn new() -> Self {
        StreamTexts { places: Vec::new() }
    }

    /// Appends what `write` writes for the stream of a row.
    #[inline]
    pub(in crate::export) fn write(
        &mut self,
        index: &Index,
        row: &Row,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>, FlowId, Direction, Option<(SocketAddr, SocketAddr)>),
    ) {
        let direction = index.direction(row);
        let stream = u64::from(row.flow().number()) * 2 + direction.index() as u64;
        if self.places.is_empty() {
            self.places.resize(STREAMS, (u64::MAX, Vec::new()));
        }
        let place = row.flow().index() % (STREAMS / 2) * 2 + direction.index();
        let Some((known, text)) = self.places.get_mut(place) else { return };
        if *known != stream {
            *known = stream;
            text.clear();
            write(text, row.flow(), direction, index.endpoints(row));
        }
        out.extend_from_slice(text);
    }
}
