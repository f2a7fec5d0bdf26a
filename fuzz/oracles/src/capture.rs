//! Any bytes are a file: read without panic, and everything read is accounted for.

use std::collections::BTreeSet;

use framescope_capture::export::{Fields, Paint, RowSelection};
use framescope_capture::filter::Column;
use framescope_capture::{Index, Options, ReadError, Source, export, read};
use framescope_parser::{Direction, SpanType};

/// Takes `data` as a capture file.
pub fn capture(data: &[u8]) {
    // Everything is checked, but not on the same bytes: an execution is to be short.
    let ways = data.len();
    // A small limit causes gaps that a fuzzer's file would be too short for.
    let reassembly_limit = if ways.is_multiple_of(2) { 1 << 20 } else { 256 };
    let options = Options { reassembly_limit, ..Options::default() };
    let index = read(Source::from_bytes("fuzzed", data), &options, &mut |_| true).unwrap_or_else(|error| {
        // A capture in a format that is not read can still be read as bytes.
        assert!(matches!(error, ReadError::UnsupportedFormat(_)), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("fuzzed is ") && text.ends_with("the bytes of one stream"), "{text}");
        let decode_as = vec!["file=text".parse().unwrap()];
        let options = Options { decode_as, ..options.clone() };
        read(Source::from_bytes("fuzzed", data), &options, &mut |_| true).unwrap()
    });
    check_index(&index);
    let (mut out, all) = (Vec::new(), &mut RowSelection::all());
    match ways / 2 % 9 {
        0 => export::write_json(&index, all, &mut out).unwrap(),
        1 => chosen_fields(&index),
        2 => export::write_text(&index, all, Paint::Ansi, &mut out).unwrap(),
        3 => export::write_flows_json(&index, &mut out).unwrap(),
        4 => exported(&index),
        5 => export::write_flows_text(&index, &mut out).unwrap(),
        6 => export::write_problems_text(&index, all, Paint::Plain, &mut out).unwrap(),
        7 => export::write_problems_json(&index, all, &mut out).unwrap(),
        _ => drop(export::seeds(&index, all, 4096).unwrap()),
    }
    followed(&index);
}

/// Every column and field can be chosen, and each row is one line.
fn chosen_fields(index: &Index) {
    let mut names: BTreeSet<String> = Column::ALL.iter().map(|(_, name, _)| (*name).to_owned()).collect();
    for protocol in index.spoken_protocols() {
        let known = protocol.names();
        let known = known.fields.into_iter().chain(known.anywhere);
        names.extend(known.map(|name| format!("{}.{name}", protocol.name())));
    }
    let names: Vec<String> = names.into_iter().collect();
    let fields = Fields::parse(&names.join(","), index.protocols()).unwrap();
    let (mut json, mut csv, all) = (Vec::new(), Vec::new(), &mut RowSelection::all());
    export::write_json_fields(index, all, &fields, &mut json).unwrap();
    assert_eq!(json.iter().filter(|&&byte| byte == b'\n').count(), index.row_count());
    export::write_csv_fields(index, all, &fields, &mut csv).unwrap();
    export::write_csv(index, all, &mut csv).unwrap();
}

/// What the two sides sent is all bytes that there are.
fn followed(index: &Index) {
    let (mut rows, mut said) = (Vec::new(), Vec::new());
    export::write_raw(index, &mut RowSelection::all(), &mut rows).unwrap();
    for (flow, _) in index.flows() {
        let only = [None, Some(Direction::Forward), Some(Direction::Backward)][flow.index() % 3];
        export::write_follow_text(index, flow, only, Paint::Plain, &mut Vec::new()).unwrap();
        export::write_follow_raw(index, flow, None, &mut said).unwrap();
    }
    assert_eq!(rows.len(), said.len(), "rows and dialogue are not the same bytes");
}

/// An exported capture is a capture again, and has the chosen packets in it.
fn exported(index: &Index) {
    let mut out = Vec::new();
    if index.packets() == 0 {
        // It may not have been a capture, but bytes.
        return;
    }
    export::write_packets(index, &mut RowSelection::all(), &mut out).unwrap();
    let again = read(Source::from_bytes("exported", out), &Options::default(), &mut |_| true).unwrap();
    assert!(again.damages().is_empty(), "{:?}", again.damages());
    check_index(&again);
}

/// The promises of an index that is read to its end: rows span every stream, every byte of a row leads to a packet, and
/// the counts are those of the rows.
pub fn check_index(index: &Index) {
    assert!(index.is_finished());
    let mut reader = index.reader();
    let mut rows_seen = 0;
    assert!(index.damages().iter().all(|damage| !damage.to_string().is_empty()));
    for (flow, known) in index.flows() {
        if let Some(connection) = known.connection() {
            let last = index.packets().into();
            assert!([connection.opened, connection.ended].into_iter().flatten().all(|packet| packet <= last));
        }
        for direction in [Direction::Forward, Direction::Backward] {
            let stream = index.stream(flow, direction).expect("a flow has two directions");
            let (mut end, mut bytes, mut gap_bytes, mut messages) = (0, 0, 0, 0);
            for number in index.stream_rows(flow, direction) {
                rows_seen += 1;
                let row = index.row(number).expect("a row of a stream is a row");
                assert_eq!((row.flow(), index.direction(&row)), (flow, direction));
                assert_eq!(row.offset, end, "flow {flow} {direction}: a hole or an overlap at row {number}");
                assert!(row.length > 0, "row {number} is empty");
                end += row.length;
                let row_bytes = index.row_bytes(&row, usize::MAX, &mut reader).expect("the bytes are there");
                match row.span_type {
                    SpanType::Gap => {
                        gap_bytes += row.length;
                        assert!(row_bytes.is_empty() && index.row_packets(&row).is_empty());
                    }
                    _ => {
                        let missing: u64 =
                            index.missing(&row).iter().map(|range| range.end - range.start).sum();
                        bytes += row.length - missing;
                        gap_bytes += missing;
                        let there = row_bytes.len() as u64;
                        assert_eq!(there + missing, row.length, "row {number} lacks bytes");
                        let is_cut = matches!(row.span_type, SpanType::Message | SpanType::Partial);
                        assert!(missing == 0 || is_cut, "row {number} has gaps in it");
                    }
                }
                messages += u64::from(row.span_type == SpanType::Message);
                let others = [index.counterpart(number), index.answered_by(number), index.part_of(number)];
                assert!(others.into_iter().flatten().all(|other| other.index() < index.row_count()));
                if let Some((request, _)) = index.reply_to(number) {
                    assert_eq!(index.answered_by(request), Some(number), "the reply to a request answers it");
                }
                let dissection = index.dissect(number, &row_bytes);
                for problem in &dissection.problems {
                    assert!(
                        row.codes.contains(problem.code),
                        "row {number}: {} is not counted",
                        problem.code
                    );
                    assert!(problem.range.end as u64 <= row.length);
                }
                for code in row.codes.iter() {
                    assert!(dissection.has(code), "row {number}: {code} is counted and not shown");
                }
            }
            assert_eq!((stream.bytes, stream.gap_bytes(), stream.messages), (bytes, gap_bytes, messages));
            let segments: Vec<_> = index.stream_segments(flow, direction).collect();
            assert_eq!(segments.iter().map(|segment| u64::from(segment.length)).sum::<u64>(), bytes);
            assert!(segments.windows(2).all(|pair| pair[0].end() <= pair[1].offset));
        }
    }
    assert_eq!(rows_seen, index.row_count(), "every row belongs to a stream");
}
