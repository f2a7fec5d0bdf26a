//! What is wrong with rows beside what their own bytes show: what the sequence of messages shows, and what reassembly saw
//! of their stretch of the stream. Told to the rows when a capture is read to its end.

mod log;

use framescope_parser::{Code, Sentence, TileType};

pub(crate) use self::log::Annotations;
use crate::Index;
use crate::index::Mark;

/// All was said: puts it in the order of the rows, and counts it among their problems.
pub(crate) fn tell(index: &mut Index) {
    index.annotations.sort();
    for (row, code) in index.annotations.codes() {
        let Some(known) = index.entries.get_mut(row as usize) else { continue };
        let mut label = index.labels.get(known.label);
        if !label.codes.contains(code) {
            label.codes.insert(code);
            known.label = index.labels.number(label);
        }
    }
}

/// What is said of a packet that brought bytes for a place that has some, or had been given up.
fn brought(code: Code, packet: u32) -> Sentence {
    let pattern = match code {
        Code::ConflictingRetransmission => {
            "packet {} brings other bytes for this place; the first captured stay"
        }
        Code::ConflictingFragment => {
            "a fragment in packet {} brings other bytes for this place, or for the headers before it; the first \
             captured stay"
        }
        Code::Late => "packet {} brought bytes of this gap after it was given up",
        _ => "packet {} brings these bytes again",
    };
    Sentence::new(pattern).with([packet.into()])
}

/// Tells the rows what reassembly saw of their stretch of the stream.
pub(crate) fn mark_rows(index: &mut Index) {
    for stream in 0..index.streams.len() {
        let marks = match index.streams.get_mut(stream) {
            Some(known) if !known.marks.is_empty() => std::mem::take(&mut known.marks),
            _ => continue,
        };
        for mark in marks {
            mark_row(index, stream, &mark);
        }
    }
}

fn mark_row(index: &mut Index, stream: usize, mark: &Mark) {
    let rows = index.streams.get(stream).map_or(&[][..], |known| &known.rows);
    let ends_before =
        |number: &u32| index.row(*number).is_some_and(|row| row.offset + row.length <= mark.offset);
    let first = rows.partition_point(ends_before);
    for &number in rows.get(first..).unwrap_or_default() {
        let Some(row) = index.row(number) else { break };
        let start = mark.offset.max(row.offset);
        let end = (mark.offset + mark.length).min(row.offset + row.length);
        if start >= end {
            break;
        }
        // Late bytes belong to what is missing, the others to bytes that are there.
        let is_gap = row.tile_type == TileType::Gap;
        let is_told = match mark.code {
            Code::Late => is_gap || row.codes.contains(Code::Incomplete),
            _ => !is_gap,
        };
        if is_told {
            let range = start - row.offset..end - row.offset;
            let part = (range != (0..row.length)).then_some(range);
            index.annotations.add_range(number, mark.code, &brought(mark.code, mark.packet), part);
        }
    }
}
