//! When rows were captured, quickly for rows that are asked about in their order.

use framescope_parser::TileType;

use crate::index::last_packet;
use crate::{Index, Row, SegmentRange};

/// Looks up the times of many rows. Quickest when they are asked about in their order; right in any.
///
/// What it keeps is of one index, as that is: begin anew when the index has become
/// [finished](Index::is_finished).
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// For each stream the segment that the last row began in, and the last packet up to there.
    cursors: Vec<(usize, u32)>,
    first: Option<i64>,
}

impl Times {
    /// The same as [`Index::time_ns`].
    pub fn time_ns(&mut self, index: &Index, row: &Row) -> Option<i64> {
        if row.tile_type == TileType::Gap {
            return index.time_ns(row);
        }
        let Some(known) = index.streams.get(row.stream as usize) else { return index.time_ns(row) };
        let Some(cursor) = self.cursor(&known.segments, row) else { return index.time_ns(row) };
        let packet = last_packet(&known.segments, cursor, row.offset + row.length)?;
        index.packet_time_ns(packet)
    }

    /// When the first packet that has a time was captured.
    pub fn first_ns(&mut self, index: &Index) -> Option<i64> {
        if self.first.is_none() {
            self.first = index.first_time_ns();
        }
        self.first
    }

    /// The first segment of a row, found from where the last row of its stream was.
    pub(crate) fn cursor(&mut self, segments: &[SegmentRange], row: &Row) -> Option<&mut (usize, u32)> {
        let stream = row.stream as usize;
        if self.cursors.len() <= stream {
            self.cursors.resize(stream + 1, (0, 0));
        }
        let cursor = self.cursors.get_mut(stream)?;
        let ends_behind = |at: usize| segments.get(at).is_some_and(|segment| segment.end() > row.offset);
        let is_first = |at: usize| ends_behind(at) && !(at > 0 && ends_behind(at - 1));
        // Mostly it is where the last row ended, or behind that; rows may be left out, or asked about in any order.
        if !is_first(cursor.0) {
            cursor.0 = match is_first(cursor.0 + 1) {
                true => cursor.0 + 1,
                false => segments.partition_point(|segment| segment.end() <= row.offset),
            };
        }
        Some(cursor)
    }
}
