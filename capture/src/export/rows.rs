//! Rows written by several threads at once, in their order: each takes a run of rows, and what it makes of them is
//! written when the runs before are.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use framescope_parser::{Direction, SpanType};

use super::{RowSelection, SKIPPED_BYTES, display_limit, stopped};
use crate::filter::Filter;
use crate::{BlockReader, Index, Row, SegmentRange};

/// Writes one row behind another. Every thread has one of its own.
pub(super) trait WriteRow {
    /// Appends a row to `out`.
    fn write_row(&mut self, number: u32, row: &Row, out: &mut Vec<u8>) -> io::Result<()>;
}

/// Rows that are written at once: no more than so many, and hardly more bytes of messages.
const RUN_ROWS: u32 = 512;
const RUN_BYTES: u64 = 128 << 10;

/// A piece of output that became larger than this is not kept for the next.
const KEPT_BYTES: usize = 4 << 20;

/// Writes the chosen rows, each by one of the writers that `make` makes.
///
/// # Errors
/// The capture can't be read any more, `out` can't be written, or the work was stopped.
pub(super) fn write_rows<W: WriteRow>(
    index: &Index,
    chosen: &mut RowSelection<'_>,
    out: &mut dyn Write,
    make: &(dyn Fn() -> W + Sync),
) -> io::Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    write_rows_by(threads, RUN_ROWS, index, chosen, out, make)
}

/// Writes rows with so many threads, and so many rows in a run.
pub(super) fn write_rows_by<W: WriteRow>(
    threads: usize,
    run_rows: u32,
    index: &Index,
    chosen: &mut RowSelection<'_>,
    out: &mut dyn Write,
    make: &(dyn Fn() -> W + Sync),
) -> io::Result<()> {
    let RowSelection { filter, progress } = chosen;
    let mut progress = |row: u32| match progress {
        Some(progress) => progress(row as usize).then_some(()).ok_or_else(stopped),
        None => Ok(()),
    };
    let mut runs = Runs { rows: index.rows(), next: 0, run_rows };
    if threads < 2 || index.row_count() <= run_rows as usize {
        let mut worker = Worker { index, filter: filter.clone(), rows: Vec::new(), writer: make() };
        let mut piece = Vec::new();
        for run in runs {
            progress(run.start)?;
            piece.clear();
            let made = worker.write_run(run, &mut piece);
            out.write_all(&piece)?;
            made?;
            if piece.capacity() > KEPT_BYTES {
                piece = Vec::new();
            }
        }
        return Ok(());
    }
    // Runs wait for a thread, and pieces for those before them: no more of both than keeps every thread at work.
    let waiting = 2 * threads;
    let (give, take) = sync_channel::<Task>(waiting);
    let take = Mutex::new(take);
    let work = &|filter: Option<Filter>| {
        let mut worker = Worker { index, filter, rows: Vec::new(), writer: make() };
        while let Some(Task { run, mut piece, done }) = next_task(&take) {
            let result = worker.write_run(run, &mut piece);
            // Whoever wanted it may have stopped.
            let _ = done.send((piece, result));
        }
    };
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..threads {
            let filter = filter.clone();
            let thread = thread::Builder::new().name("framescope-write".to_owned());
            started += usize::from(thread.spawn_scoped(scope, move || work(filter)).is_ok());
        }
        if started == 0 {
            return Err(io::Error::other("no thread can be started to write the rows with"));
        }
        // When this goes, also by an error, the threads find no more tasks and end.
        let give = give;
        let mut expected: VecDeque<(u32, Receiver<Made>)> = VecDeque::new();
        let mut spare: Vec<Vec<u8>> = Vec::new();
        loop {
            while expected.len() < waiting
                && let Some(run) = runs.next()
            {
                let (done, made) = sync_channel(1);
                expected.push_back((run.start, made));
                let mut piece = spare.pop().unwrap_or_default();
                piece.clear();
                give.send(Task { run, piece, done }).map_err(|_| broken())?;
            }
            let Some((first, made)) = expected.pop_front() else { return Ok(()) };
            progress(first)?;
            let (piece, result) = made.recv().map_err(|_| broken())?;
            out.write_all(&piece)?;
            result?;
            if piece.capacity() <= KEPT_BYTES {
                spare.push(piece);
            }
        }
    })
}

/// What was written of a run, and what went wrong behind that.
type Made = (Vec<u8>, io::Result<()>);

/// A run of rows to write into a piece.
struct Task {
    run: Range<u32>,
    piece: Vec<u8>,
    done: SyncSender<Made>,
}

fn next_task(take: &Mutex<Receiver<Task>>) -> Option<Task> {
    take.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn broken() -> io::Error {
    io::Error::other("a thread that writes rows has ended before they were written")
}

/// All rows, in runs.
struct Runs<R> {
    rows: R,
    next: u32,
    run_rows: u32,
}

impl<R: Iterator<Item = Row>> Iterator for Runs<R> {
    type Item = Range<u32>;

    fn next(&mut self) -> Option<Range<u32>> {
        let start = self.next;
        let mut bytes = 0_u64;
        while self.next - start < self.run_rows && bytes < RUN_BYTES {
            let Some(row) = self.rows.next() else { break };
            self.next += 1;
            bytes = bytes.saturating_add(match row.span_type {
                SpanType::Gap => 0,
                SpanType::Skipped(_) => row.length.min(SKIPPED_BYTES as u64),
                _ => row.length,
            });
        }
        (start < self.next).then_some(start..self.next)
    }
}

struct Worker<'i, W> {
    index: &'i Index,
    filter: Option<Filter>,
    /// Those of the run at hand that are chosen.
    rows: Vec<u32>,
    writer: W,
}

impl<W: WriteRow> Worker<'_, W> {
    fn write_run(&mut self, run: Range<u32>, out: &mut Vec<u8>) -> io::Result<()> {
        let Worker { index, filter, rows, writer } = self;
        match filter {
            None => {
                for (number, row) in run.clone().zip(index.rows_from(run.start as usize)) {
                    writer.write_row(number, &row, out)?;
                }
            }
            Some(filter) => {
                rows.clear();
                let chosen = filter.rows_from(index, run.start as usize..run.end as usize, rows);
                for &number in &*rows {
                    let Some(row) = index.row(number) else { break };
                    writer.write_row(number, &row, out)?;
                }
                chosen?;
            }
        }
        Ok(())
    }
}

/// What a row's bytes came in, looked up once for all that is told of it, and the bytes.
#[derive(Debug)]
pub(super) struct Content<'i> {
    index: &'i Index,
    reader: BlockReader,
    segments: Vec<SegmentRange>,
    packets: Vec<u32>,
    pub(super) bytes: Vec<u8>,
}

/// Bytes that are read of the file at once. Threads take turns at it, so that most of what is further ahead is another's.
const READ_AHEAD: usize = 64 << 10;

impl<'i> Content<'i> {
    pub(super) fn new(index: &'i Index) -> Self {
        let reader = BlockReader::new(index.source().clone(), READ_AHEAD);
        Content { index, reader, segments: Vec::new(), packets: Vec::new(), bytes: Vec::new() }
    }

    /// Turns to a row.
    pub(super) fn find(&mut self, row: &Row) {
        self.segments.clear();
        self.segments.extend(self.index.segments(row));
    }

    /// The same as [`Index::row_packets`] of that row.
    pub(super) fn packets(&mut self) -> &[u32] {
        self.packets.clear();
        self.packets.extend(self.segments.iter().map(|segment| segment.packet).filter(|&packet| packet > 0));
        if self.packets.len() > 1 {
            self.packets.sort_unstable();
            self.packets.dedup();
        }
        &self.packets
    }

    /// Reads as many of the row's bytes as are needed to show it.
    pub(super) fn read(&mut self, row: &Row) -> io::Result<()> {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        let mut left = display_limit(row);
        for segment in &self.segments {
            let length = (segment.length as usize).min(left);
            self.reader.read(segment.file_offset, length, &mut self.bytes)?;
            left -= length;
        }
        Ok(())
    }
}

/// What all rows of a stream have in common, written once as long as no other stream takes its place.
#[derive(Debug)]
pub(super) struct OfStream {
    places: Vec<(u64, Vec<u8>)>,
}

/// As many conversations may be under way at the same time before texts are written again.
const STREAMS: usize = 1024;

impl OfStream {
    pub(super) fn new() -> Self {
        OfStream { places: Vec::new() }
    }

    /// Appends what `write` writes for the stream of a row.
    #[inline]
    pub(super) fn put(
        &mut self,
        index: &Index,
        row: &Row,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>, u32, Direction, Option<(SocketAddr, SocketAddr)>),
    ) {
        let direction = index.direction(row);
        let stream = u64::from(row.flow()) * 2 + direction.index() as u64;
        if self.places.is_empty() {
            self.places.resize(STREAMS, (u64::MAX, Vec::new()));
        }
        let place = row.flow() as usize % (STREAMS / 2) * 2 + direction.index();
        let Some((known, text)) = self.places.get_mut(place) else { return };
        if *known != stream {
            *known = stream;
            text.clear();
            write(text, row.flow(), direction, index.endpoints(row));
        }
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    // A test stops where an assumption of its helpers does not hold.
    #![allow(clippy::unwrap_used, clippy::panic)]

    use proptest::prelude::*;

    use super::super::json::JsonRows;
    use super::super::{write_csv_fields, write_json, write_json_fields};
    use super::*;
    use crate::export::Fields;
    use crate::{Options, Source, read};

    const CHAT: &[u8] = include_bytes!("../../../corpus/captures/missive-chat/capture.pcapng");
    const DAMAGED: &[u8] = include_bytes!("../../../corpus/captures/missive-damaged/capture.pcapng");

    fn open(capture: &'static [u8]) -> Index {
        read(Source::from_bytes("test", capture), &Options::default(), &mut |_| true).unwrap()
    }

    fn written(
        threads: usize,
        run_rows: u32,
        index: &Index,
        chosen: &mut RowSelection<'_>,
    ) -> (String, io::Result<()>) {
        let mut out = Vec::new();
        let result = write_rows_by(threads, run_rows, index, chosen, &mut out, &|| JsonRows::new(index));
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
            let (expected, result) = written(1, u32::MAX, &index, &mut RowSelection::by(filter.clone()));
            result.unwrap();
            // Row by row what the filter says, asked of each by itself.
            let mut chosen = Vec::new();
            RowSelection::by(filter.clone()).for_each(&index, &mut |number, _| {
                chosen.push(format!("{{\"row\":{number},"));
                Ok(())
            }).unwrap();
            prop_assert_eq!(expected.lines().count(), chosen.len());
            prop_assert!(expected.lines().zip(&chosen).all(|(line, begin)| line.starts_with(begin)));
            let (found, result) = written(threads, run_rows, &index, &mut RowSelection::by(filter));
            result.unwrap();
            prop_assert!(found == expected);
        }

        #[test]
        fn who_stops_the_work_has_whole_rows(threads in 1..5usize, run_rows in 1..60u32, calls in 0..20usize) {
            let index = open(CHAT);
            let all = written(1, u32::MAX, &index, &mut RowSelection::all()).0;
            let (mut seen, mut last) = (0, None);
            let mut watch = |row: usize| {
                assert!(last.is_none_or(|last| last < row), "{row} behind {last:?}");
                last = Some(row);
                seen += 1;
                seen <= calls
            };
            let (found, result) = written(threads, run_rows, &index, &mut RowSelection::all().watched(&mut watch));
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

    /// Takes so many bytes, and then no more.
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
    fn a_reader_that_has_had_enough_ends_the_work() {
        let index = open(CHAT);
        for threads in [1, 2, 7] {
            for bytes in [0, 1, 5000] {
                let (out, make) = (&mut Full(bytes), || JsonRows::new(&index));
                let result = write_rows_by(threads, 3, &index, &mut RowSelection::all(), out, &make);
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            }
        }
    }

    /// A file that has become so short, and the index of it as it was.
    fn shortened(to: u64) -> (tempfile::NamedTempFile, Index) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), CHAT).unwrap();
        let index = read(Source::open(file.path()).unwrap(), &Options::default(), &mut |_| true).unwrap();
        file.as_file().set_len(to).unwrap();
        (file, index)
    }

    #[test]
    fn of_a_file_that_became_shorter_the_rows_before_are_written() {
        let (_file, index) = shortened(CHAT.len() as u64 / 2);
        let all = written(1, u32::MAX, &open(CHAT), &mut RowSelection::all()).0;
        for threads in [1, 2, 5] {
            let (found, result) = written(threads, 4, &index, &mut RowSelection::all());
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert!(found.lines().count() > 20 && found.len() < all.len() && all.starts_with(&found));
        }
    }

    #[test]
    fn what_the_index_knows_is_told_without_a_look_at_the_file() {
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
    fn runs_are_all_rows_in_order_and_hold_no_more_bytes_than_they_may() {
        let index = open(DAMAGED);
        for run_rows in [1, 7, 1_000_000] {
            let runs: Vec<Range<u32>> = Runs { rows: index.rows(), next: 0, run_rows }.collect();
            let ends = runs.iter().map(|run| run.end);
            assert!(runs.iter().map(|run| run.start).eq(std::iter::once(0).chain(ends).take(runs.len())));
            assert_eq!(runs.last().unwrap().end as usize, index.row_count());
            for run in runs {
                let rows = run.clone().filter_map(|number| index.row(number));
                let bytes: u64 = rows.map(|row| row.length.min(display_limit(&row) as u64)).sum();
                let last = index.row(run.end - 1).unwrap();
                assert!(run.len() <= run_rows as usize && bytes.saturating_sub(last.length) < RUN_BYTES);
            }
        }
    }
}
