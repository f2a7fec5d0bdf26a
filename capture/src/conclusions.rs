//! What can be said of rows only when a capture is read to its end: what reassembly saw of their stretch of the stream.

use framescope_parser::{Code, Problem, TileType};

use crate::Index;

/// More problems of one kind than this are not listed for a single row.
const PROBLEMS_A_ROW: usize = 4;

pub(crate) fn add_problem(index: &mut Index, row: u32, problem: Problem) {
    let Some(known) = index.entries.get_mut(row as usize) else { return };
    let mut label = index.labels.get(known.label);
    if !label.codes.contains(problem.code) {
        label.codes.insert(problem.code);
        known.label = index.labels.number(label);
    }
    let problems = index.annotations.entry(row).or_default();
    if problems.iter().filter(|known| known.code == problem.code).count() < PROBLEMS_A_ROW {
        problems.push(problem);
    }
}

/// Tells the rows what reassembly saw of their stretch of the stream.
pub(crate) fn mark_rows(index: &mut Index) {
    for stream in 0..index.streams.len() {
        let Some(known) = index.streams.get_mut(stream) else { continue };
        let marks = std::mem::take(&mut known.marks);
        let rows = std::mem::take(&mut known.rows);
        for mark in marks {
            let row_at = |number: &u32| index.row(*number);
            let first = rows.partition_point(|number| {
                row_at(number).is_some_and(|row| row.offset + row.length <= mark.offset)
            });
            for &number in rows.get(first..).unwrap_or_default() {
                let Some(row) = index.row(number) else { break };
                let start = mark.offset.max(row.offset);
                let end = (mark.offset + mark.length).min(row.offset + row.length);
                if start >= end {
                    break;
                }
                // Late bytes belong to gaps, the others to bytes that are there.
                if (row.tile_type == TileType::Gap) != (mark.code == Code::Late) {
                    continue;
                }
                let position = |offset: u64| usize::try_from(offset - row.offset).unwrap_or(usize::MAX);
                let packet = mark.packet;
                let text = match mark.code {
                    Code::ConflictingRetransmission => {
                        format!("packet {packet} brings other bytes for this place; the first captured stay")
                    }
                    Code::Late => format!("packet {packet} brought bytes of this gap after it was given up"),
                    _ => format!("packet {packet} brings these bytes again"),
                };
                let problem = Problem { code: mark.code, range: position(start)..position(end), text };
                add_problem(index, number, problem);
            }
        }
        if let Some(known) = index.streams.get_mut(stream) {
            known.rows = rows;
        }
    }
}
