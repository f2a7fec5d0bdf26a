//! What reassembly noticed about a stretch of a stream, as problems of the rows that the stretch reaches into.

use framescope_parser::{Code, Sentence, SpanType};

use crate::ids::{PacketId, RowId, StreamId};
use crate::index::annotations::Annotations;
use crate::index::row_table::RowTable;
use crate::index::store::{Entry, Rows};
use crate::index::stream::Mark;
use crate::messages::outline::Labels;

/// The sentence about a packet that brought bytes for a place that has some, or was given up.
fn sentence(code: Code, packet: PacketId) -> Sentence {
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
    Sentence::new(pattern).with([packet.number().into()])
}

/// Annotates the rows with the marks that were left until all rows are there.
pub(crate) fn annotate_all(rows: &mut RowTable, labels: &Labels, annotations: &mut Annotations) {
    for stream in rows.streams.ids() {
        let details = rows.streams.at_mut(stream).details.as_deref_mut();
        let marks = details.map(|details| std::mem::take(&mut details.marks)).unwrap_or_default();
        for mark in marks {
            annotate(rows, labels, stream, &mark, annotations);
        }
    }
}

/// Annotates the rows of a stretch if they are all there; else returns false, and annotates none.
pub(crate) fn annotate_if_complete(
    rows: &RowTable,
    labels: &Labels,
    stream: StreamId,
    mark: &Mark,
    annotations: &mut Annotations,
) -> bool {
    let mut entries = rows.entries.of_stream_from(stream, mark.offset);
    let Some((row, first)) = entries.next().filter(|(_, first)| first.offset <= mark.offset) else {
        return false;
    };
    let mut end = first.offset + first.length;
    if end >= mark.end() {
        annotate_row(labels, row, first, mark, annotations);
        return true;
    }
    while end < mark.end() {
        let Some((_, next)) = entries.next() else { return false };
        end = next.offset + next.length;
    }
    annotate(rows, labels, stream, mark, annotations);
    true
}

fn annotate(rows: &RowTable, labels: &Labels, stream: StreamId, mark: &Mark, annotations: &mut Annotations) {
    for (row, entry) in rows.entries.of_stream_from(stream, mark.offset) {
        if !annotate_row(labels, row, entry, mark, annotations) {
            break;
        }
    }
}

/// Annotates a row, if the stretch reaches into it.
fn annotate_row(
    labels: &Labels,
    row: RowId,
    entry: Entry,
    mark: &Mark,
    annotations: &mut Annotations,
) -> bool {
    let start = mark.offset.max(entry.offset);
    let end = mark.end().min(entry.offset + entry.length);
    if start >= end {
        return false;
    }
    // Late bytes belong to what is missing, the others to bytes that are there.
    let label = labels.get(entry.label);
    let is_gap = label.span_type == SpanType::Gap;
    let applies = match mark.code {
        Code::Late => is_gap || label.codes.contains(Code::Incomplete),
        _ => !is_gap,
    };
    if applies {
        let range = start - entry.offset..end - entry.offset;
        let part = (range != (0..entry.length)).then_some(range);
        annotations.add_range(row, mark.code, &sentence(mark.code, mark.packet), part);
    }
    true
}

/// Nothing more is annotated: puts the annotations in the order of the rows, and counts them among the rows' problems.
pub(crate) fn label_annotated(rows: &mut RowTable, labels: &mut Labels) {
    rows.annotations.sort();
    label_rows(&mut rows.entries, labels, &rows.annotations);
}

/// Counts annotations among the problems of their rows.
pub(crate) fn label_rows(entries: &mut Rows, labels: &mut Labels, annotations: &Annotations) {
    let mut codes = annotations.codes().map(|(_, code)| code);
    // Mostly the row before had the same label, and the same problem.
    let mut last = None;
    entries.relabel(annotations.codes().map(|(row, _)| row), |_, number| {
        let key = (number, codes.next());
        if let Some((known, label)) = last
            && known == key
        {
            return label;
        }
        let mut label = labels.get(number);
        let new = match key.1.filter(|code| !label.codes.contains(*code)) {
            Some(code) => {
                label.codes.insert(code);
                labels.number(label)
            }
            None => number,
        };
        last = Some((key, new));
        new
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::stream::Stream;
    use crate::messages::outline::{Label, NO_KIND};
    use framescope_parser::CodeSet;

    /// A stream of a message of ten bytes, a gap of ten, and a message.
    fn table(labels: &mut Labels) -> (RowTable, StreamId) {
        let mut rows = RowTable::default();
        let stream = rows.streams.push(Stream::default());
        for (offset, span_type) in [(0, SpanType::Message), (10, SpanType::Gap), (20, SpanType::Message)] {
            let label = labels.number(Label { span_type, stage: 0, kind: NO_KIND, codes: CodeSet::EMPTY });
            rows.entries.push(Entry { offset, length: 10, stream, label, ..Entry::default() });
        }
        (rows, stream)
    }

    #[test]
    fn late_bytes_are_a_problem_of_the_gap_and_retransmitted_ones_of_the_messages() {
        let mut labels = Labels::default();
        let (mut rows, stream) = table(&mut labels);
        for code in [Code::Late, Code::Retransmitted] {
            let mark = Mark { offset: 5, length: 20, code, packet: 7.into() };
            let mut annotations = std::mem::take(&mut rows.annotations);
            assert!(annotate_if_complete(&rows, &labels, stream, &mark, &mut annotations));
            rows.annotations = annotations;
        }
        label_annotated(&mut rows, &mut labels);
        let of = |row: u32| {
            rows.annotations.of(row.into(), 10).map(|one| (one.code, one.range)).collect::<Vec<_>>()
        };
        assert_eq!(of(0), [(Code::Retransmitted, 5..10)]);
        assert_eq!(of(1), [(Code::Late, 0..10)]);
        assert_eq!(of(2), [(Code::Retransmitted, 0..5)]);
        let codes = |row: u32| labels.get(rows.entries.label(row.into()).unwrap()).codes;
        assert!(codes(1).contains(Code::Late) && codes(2).contains(Code::Retransmitted));
    }

    #[test]
    fn a_mark_beyond_the_rows_waits_for_them() {
        let mut labels = Labels::default();
        let (mut rows, stream) = table(&mut labels);
        let mark = Mark { offset: 25, length: 10, code: Code::Retransmitted, packet: 7.into() };
        let mut annotations = Annotations::default();
        assert!(!annotate_if_complete(&rows, &labels, stream, &mark, &mut annotations));
        rows.streams.at_mut(stream).details().marks.push(mark);
        annotate_all(&mut rows, &labels, &mut annotations);
        assert_eq!(annotations.codes().collect::<Vec<_>>(), [(2.into(), Code::Retransmitted)]);
    }
}
