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

/// How long replies took, quickly for rows that are asked about in their order; right in any.
///
/// It is of one index that is [finished](Index::is_finished).
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// The reply that was found last.
    at: usize,
    requests: Times,
}

impl Latencies {
    /// The latency of [`Index::reply_to`], for a row that was captured at `time_ns`.
    pub fn latency_ns(&mut self, index: &Index, row: u32, time_ns: Option<i64>) -> Option<i64> {
        let reply = |at: usize| index.replies.get(at).copied();
        let is_next = |at: usize| at == 0 || reply(at - 1).is_some_and(|(before, _)| before < row);
        while reply(self.at).is_some_and(|(known, _)| known < row) {
            self.at += 1;
        }
        if !is_next(self.at) {
            self.at = index.replies.partition_point(|(known, _)| *known < row);
        }
        let (_, to) = reply(self.at).filter(|(known, _)| *known == row)?;
        let request = self.requests.time_ns(index, &index.row(to)?)?;
        Some(time_ns?.saturating_sub(request))
    }
}

#[cfg(test)]
mod tests {
    // A test stops where an assumption does not hold.
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Options, Source, read};

    #[test]
    fn times_and_latencies_are_those_of_the_index_in_any_order() {
        let capture = include_bytes!("../../corpus/captures/missive-damaged/capture.pcapng");
        let index =
            read(Source::from_bytes("damaged", &capture[..]), &Options::default(), &mut |_| true).unwrap();
        let all: Vec<u32> = (0..u32::try_from(index.row_count()).unwrap()).collect();
        let backwards: Vec<u32> = all.iter().rev().copied().collect();
        let mixed: Vec<u32> = all.iter().map(|row| row * 101 % u32::try_from(all.len()).unwrap()).collect();
        for order in [all, backwards, mixed] {
            let (mut times, mut latencies, mut some) = (Times::default(), Latencies::default(), 0);
            for number in order {
                let row = index.row(number).unwrap();
                let time = times.time_ns(&index, &row);
                assert_eq!(time, index.time_ns(&row), "row {number}");
                let latency = latencies.latency_ns(&index, number, time);
                assert_eq!(latency, index.reply_to(number).and_then(|(_, latency)| latency), "row {number}");
                some += usize::from(latency.is_some());
            }
            assert!(some > 100);
        }
    }
}
