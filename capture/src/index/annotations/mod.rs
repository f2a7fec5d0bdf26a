//! What is wrong with rows beside what their own bytes show: what the sequence of messages shows, and what reassembly saw
//! of their stretch of the stream. Told to the rows when a capture is read to its end.
//!
//! Public for the oracle that holds it against a plain list, and no part of what the crate promises.

mod log;
mod plain;

use framescope_parser::{Code, Sentence, SpanType};

pub use self::log::Annotations;
use crate::Index;
use crate::index::Mark;
use crate::index::store::Entry;

/// All was said: puts it in the order of the rows, and counts it among their problems.
pub(crate) fn tell(index: &mut Index) {
    index.annotations.sort();
    let Index { entries, labels, annotations, .. } = index;
    let mut codes = annotations.codes().map(|(_, code)| code);
    // Mostly the row before had the same label, and the same is said of it.
    let mut last = None;
    entries.relabel(annotations.codes().map(|(row, _)| row), |_, number| {
        let asked = (number, codes.next());
        if let Some((known, answer)) = last
            && known == asked
        {
            return answer;
        }
        let mut label = labels.get(number);
        let answer = match asked.1.filter(|code| !label.codes.contains(*code)) {
            Some(code) => {
                label.codes.insert(code);
                labels.number(label)
            }
            None => number,
        };
        last = Some((asked, answer));
        answer
    });
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
        let rest = index.streams.get_mut(stream).and_then(|known| known.rest.as_deref_mut());
        let marks = rest.map(|rest| std::mem::take(&mut rest.marks)).unwrap_or_default();
        let mut told = std::mem::take(&mut index.annotations);
        for mark in marks {
            mark_row(index, stream, &mark, &mut told);
        }
        index.annotations = told;
    }
}

/// Tells the rows of a stretch what reassembly saw of it, if they are all there; else says so, and tells nothing.
pub(crate) fn mark_rows_now(index: &Index, stream: usize, mark: &Mark, told: &mut Annotations) -> bool {
    let number = u32::try_from(stream).unwrap_or(u32::MAX);
    let mut rows = index.entries.of_stream_from(number, mark.offset);
    let Some((row, first)) = rows.next().filter(|(_, first)| first.offset <= mark.offset) else {
        return false;
    };
    let mut end = first.offset + first.length;
    if end >= mark.end() {
        mark_entry(index, row, first, mark, told);
        return true;
    }
    while end < mark.end() {
        let Some((_, next)) = rows.next() else { return false };
        end = next.offset + next.length;
    }
    mark_row(index, stream, mark, told);
    true
}

fn mark_row(index: &Index, stream: usize, mark: &Mark, told: &mut Annotations) {
    let number = u32::try_from(stream).unwrap_or(u32::MAX);
    for (row, entry) in index.entries.of_stream_from(number, mark.offset) {
        if !mark_entry(index, row, entry, mark, told) {
            break;
        }
    }
}

/// Tells a row what was seen of a stretch, if it reaches into that.
fn mark_entry(index: &Index, number: u32, entry: Entry, mark: &Mark, told: &mut Annotations) -> bool {
    let row = index.resolved(entry);
    let start = mark.offset.max(row.offset);
    let end = mark.end().min(row.end());
    if start >= end {
        return false;
    }
    // Late bytes belong to what is missing, the others to bytes that are there.
    let is_gap = row.span_type == SpanType::Gap;
    let is_told = match mark.code {
        Code::Late => is_gap || row.codes.contains(Code::Incomplete),
        _ => !is_gap,
    };
    if is_told {
        let range = start - row.offset..end - row.offset;
        let part = (range != (0..row.length)).then_some(range);
        told.add_range(number, mark.code, &brought(mark.code, mark.packet), part);
    }
    true
}
