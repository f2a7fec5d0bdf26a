//! Any bytes are a file: read without panic, and what was read is accounted for.

use framescope_capture::export::Chosen;
use framescope_capture::{Index, Options, Source, export, read};
use framescope_parser::{Direction, TileType};

/// Takes `data` as a capture file.
pub fn capture(data: &[u8]) {
    // Everything is asked of all, but not of the same bytes: an execution is to be short.
    let ways = data.len();
    // A small limit brings gaps about that a fuzzer's file would be too short for.
    let reassembly_limit = if ways.is_multiple_of(2) { 1 << 20 } else { 256 };
    let options = Options { reassembly_limit, ..Options::default() };
    let index = read(Source::from_bytes("fuzzed", data), &options, &mut |_| true).unwrap();
    check_index(&index);
    let mut out = Vec::new();
    match ways / 2 % 6 {
        0 => export::write_json(&index, &mut Chosen::all(), &mut out).unwrap(),
        1 => export::write_csv(&index, &mut Chosen::all(), &mut out).unwrap(),
        2 => export::write_text(&index, &mut Chosen::all(), export::Paint::Ansi, &mut out).unwrap(),
        3 => export::write_flows_json(&index, &mut out).unwrap(),
        4 => exported(&index),
        _ => drop(export::seeds(&index, &mut Chosen::all(), 4096).unwrap()),
    }
}

/// What is written as a capture again is a capture, and has what was chosen in it.
fn exported(index: &Index) {
    let mut out = Vec::new();
    if index.packets() == 0 {
        // It may have been no capture, but bytes.
        return;
    }
    export::write_packets(index, &mut Chosen::all(), &mut out).unwrap();
    let again = read(Source::from_bytes("exported", out), &Options::default(), &mut |_| true).unwrap();
    assert!(again.damages().is_empty(), "{:?}", again.damages());
    check_index(&again);
}

/// The promises of an index that is read to its end: rows tile every stream, every byte of a row leads to a packet,
/// and what is counted is what is there.
pub fn check_index(index: &Index) {
    assert!(index.is_finished());
    let mut reader = index.reader();
    let mut rows_seen = 0;
    for (flow, _) in (0u32..).zip(index.flows()) {
        for direction in [Direction::Forward, Direction::Backward] {
            let stream = index.stream(flow, direction).expect("a flow has two directions");
            let (mut end, mut bytes, mut gap_bytes, mut messages) = (0, 0, 0, 0);
            for &number in index.stream_rows(flow, direction) {
                rows_seen += 1;
                let row = index.row(number).expect("a row of a stream is a row");
                assert_eq!((row.flow(), index.direction(&row)), (flow, direction));
                assert_eq!(row.offset, end, "flow {flow} {direction}: a hole or an overlap at row {number}");
                assert!(row.length > 0, "row {number} is empty");
                end += row.length;
                let row_bytes = index.row_bytes(&row, usize::MAX, &mut reader).expect("the bytes are there");
                match row.tile_type {
                    TileType::Gap => {
                        gap_bytes += row.length;
                        assert!(row_bytes.is_empty() && index.row_packets(&row).is_empty());
                    }
                    _ => {
                        bytes += row.length;
                        assert_eq!(row_bytes.len() as u64, row.length, "row {number} lacks bytes");
                    }
                }
                messages += u64::from(row.tile_type == TileType::Message);
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
            assert_eq!((stream.bytes, stream.gap_bytes, stream.messages), (bytes, gap_bytes, messages));
            let segments = index.stream_segments(flow, direction);
            assert_eq!(segments.iter().map(|segment| u64::from(segment.length)).sum::<u64>(), bytes);
            assert!(segments.windows(2).all(|pair| pair[0].end() <= pair[1].offset));
        }
    }
    assert_eq!(rows_seen, index.row_count(), "every row belongs to a stream");
}
