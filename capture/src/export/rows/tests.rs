//! Rows written by several threads, compared with those written by one.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::display::display_limit;
use crate::export::json::JsonRows;
use crate::export::{Fields, write_csv_fields, write_json, write_json_fields};
use crate::{Options, Source, read};

const CHAT: &[u8] = include_bytes!("../../../../corpus/captures/missive-chat/capture.pcapng");
const DAMAGED: &[u8] = include_bytes!("../../../../corpus/captures/missive-damaged/capture.pcapng");

fn open(capture: &'static [u8]) -> Index {
    read(Source::from_bytes("test", capture), &Options::default(), &mut |_| true).unwrap()
}

fn write(
    threads: usize,
    run_rows: u32,
    index: &Index,
    selection: &mut RowSelection<'_>,
) -> (String, io::Result<()>) {
    let mut out = Vec::new();
    let result = write_rows_by(threads, run_rows, index, selection, &mut out, &|| JsonRows::new(index));
    (String::from_utf8(out).unwrap(), result)
}

fn expression() -> impl Strategy<Value = String> {
    let test = proptest::sample::select(vec![
        "kind == DATA",
        "direction == backward",
        "latency > 1ms",
        "sequence < 20",
        "payload contains \"a\"",
        "summary matches \"[bx]\"",
        "problems",
        "row in 100..300",
        "bytes contains x\"f54d\"",
        "type == gap",
        "row > 100000",
    ]);
    test.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
        let pair = (inner.clone(), inner.clone(), any::<bool>());
        prop_oneof![
            pair.prop_map(|(a, b, all)| format!("({a}) {} ({b})", if all { "and" } else { "or" })),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn several_threads_write_what_one_writes(
        damaged in any::<bool>(),
        threads in 2..9usize,
        run_rows in 1..80u32,
        expression in proptest::option::of(expression()),
    ) {
        let index = open(if damaged { DAMAGED } else { CHAT });
        let filter = expression.map(|expression| Filter::parse(&expression, &framescope_parser::built_in()).unwrap());
        let (expected, result) = write(1, u32::MAX, &index, &mut RowSelection::by(filter.clone()));
        result.unwrap();
        // The rows that the filter matches, each by itself.
        let mut selection = Vec::new();
        RowSelection::by(filter.clone()).for_each(&index, &mut |number, _| {
            selection.push(format!("{{\"row\":{number},"));
            Ok(())
        }).unwrap();
        prop_assert_eq!(expected.lines().count(), selection.len());
        prop_assert!(expected.lines().zip(&selection).all(|(line, begin)| line.starts_with(begin)));
        let (found, result) = write(threads, run_rows, &index, &mut RowSelection::by(filter));
        result.unwrap();
        prop_assert!(found == expected);
    }

    #[test]
    fn work_that_is_stopped_has_written_whole_rows(threads in 1..5usize, run_rows in 1..60u32, calls in 0..20usize) {
        let index = open(CHAT);
        let all = write(1, u32::MAX, &index, &mut RowSelection::all()).0;
        let (mut seen, mut last) = (0, None);
        let mut watch = |row: usize| {
            assert!(last.is_none_or(|last| last < row), "{row} behind {last:?}");
            last = Some(row);
            seen += 1;
            seen <= calls
        };
        let (found, result) = write(threads, run_rows, &index, &mut RowSelection::all().watched(&mut watch));
        match result {
            Ok(()) => prop_assert!(found == all),
            Err(error) => {
                prop_assert_eq!(error.kind(), io::ErrorKind::Interrupted);
                prop_assert_eq!(seen, calls + 1);
                prop_assert!(all.starts_with(&found) && (found.is_empty() || found.ends_with('\n')));
                prop_assert!(found.lines().count() <= calls * run_rows as usize);
            }
        }
    }
}

/// Accepts this many bytes, and then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_is_closed_ends_the_work() {
    let index = open(CHAT);
    for threads in [1, 2, 7] {
        for bytes in [0, 1, 5000] {
            let (out, make) = (&mut Full(bytes), || JsonRows::new(&index));
            let result = write_rows_by(threads, 3, &index, &mut RowSelection::all(), out, &make);
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        }
    }
}

/// A file that became shorter, and its index from before.
fn shortened(to: u64) -> (tempfile::NamedTempFile, Index) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), CHAT).unwrap();
    let index = read(Source::open(file.path()).unwrap(), &Options::default(), &mut |_| true).unwrap();
    file.as_file().set_len(to).unwrap();
    (file, index)
}

#[test]
fn the_rows_before_the_new_end_of_a_shortened_file_are_written() {
    let (_file, index) = shortened(CHAT.len() as u64 / 2);
    let all = write(1, u32::MAX, &open(CHAT), &mut RowSelection::all()).0;
    for threads in [1, 2, 5] {
        let (found, result) = write(threads, 4, &index, &mut RowSelection::all());
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(found.lines().count() > 20 && found.len() < all.len() && all.starts_with(&found));
    }
}

#[test]
fn what_the_index_has_is_written_without_reading_the_file() {
    let (_file, index) = shortened(0);
    let names = "row,time,kind,src,port,problems,severity,packet,latency,reply_to,type,length";
    let (expected, protocols) = (open(CHAT), framescope_parser::built_in());
    let fields = |names: &str| Fields::parse(names, &protocols).unwrap();
    let in_both = |write: &dyn Fn(&Index, &mut Vec<u8>) -> io::Result<()>| {
        let (mut found, mut whole) = (Vec::new(), Vec::new());
        write(&index, &mut found).unwrap();
        write(&expected, &mut whole).unwrap();
        assert!(found == whole && whole.len() > 1000);
    };
    in_both(&|index, out| write_json_fields(index, &mut RowSelection::all(), &fields(names), out));
    in_both(&|index, out| write_csv_fields(index, &mut RowSelection::all(), &fields(names), out));
    for one in ["sequence", "summary", "bytes"] {
        write_json_fields(&index, &mut RowSelection::all(), &fields(one), &mut Vec::new()).unwrap_err();
    }
    write_json(&index, &mut RowSelection::all(), &mut Vec::new()).unwrap_err();
}

#[test]
fn runs_are_all_rows_in_order_and_within_their_limits() {
    let index = open(DAMAGED);
    for run_rows in [1, 7, 1_000_000] {
        let runs: Vec<Range<u32>> = Runs::new(&index, 0..index.row_count(), run_rows, RUN_BYTES).collect();
        let ends = runs.iter().map(|run| run.end);
        assert!(runs.iter().map(|run| run.start).eq(std::iter::once(0).chain(ends).take(runs.len())));
        assert_eq!(runs.last().unwrap().end as usize, index.row_count());
        for run in runs {
            let rows = run.clone().filter_map(|number| index.row(number.into()));
            let bytes: u64 = rows.map(|row| row.length.min(display_limit(&row) as u64)).sum();
            let last = index.row((run.end - 1).into()).unwrap();
            assert!(run.len() <= run_rows as usize && bytes.saturating_sub(last.length) < RUN_BYTES);
        }
    }
}
