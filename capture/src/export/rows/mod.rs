//! Rows written by several threads at once, in their order: each takes a run of rows, and what it writes of them is output when
//! the runs before are.

mod content;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use framescope_parser::SpanType;

pub use self::content::Content;
pub(super) use self::content::StreamTexts;
use super::selection::{RowSelection, stopped};
use crate::display::SKIPPED_BYTES;
use crate::filter::{Evaluator, Filter};
use crate::{Index, Row, RowId};

/// Writes one row after another. Every thread has its own.
pub(super) trait WriteRow {
    /// Appends a row to `out`.
    fn write_row(&mut self, number: RowId, row: &Row, out: &mut Vec<u8>) -> io::Result<()>;
}

/// The most rows of a run, and the bytes of messages after which it ends.
const RUN_ROWS: u32 = 512;
const RUN_BYTES: u64 = 128 << 10;

/// A piece of output that became larger than this is not reused.
const MAX_KEPT: usize = 4 << 20;

/// Writes the selected rows by writers that `make` makes, one for each thread.
///
/// # Errors
/// The capture can't be read any more, `out` can't be written, or the work was stopped.
pub(super) fn write_rows<W: WriteRow>(
    index: &Index,
    selection: &mut RowSelection<'_>,
    out: &mut dyn Write,
    make: &(dyn Fn() -> W + Sync),
) -> io::Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    write_rows_by(threads, RUN_ROWS, index, selection, out, make)
}

/// The same with this many threads, and this many rows in a run.
fn write_rows_by<W: WriteRow>(
    threads: usize,
    run_rows: u32,
    index: &Index,
    selection: &mut RowSelection<'_>,
    out: &mut dyn Write,
    make: &(dyn Fn() -> W + Sync),
) -> io::Result<()> {
    let range = selection.range(index);
    let RowSelection { filter, progress, .. } = selection;
    let mut progress = |row: u32| match progress {
        Some(progress) => progress(row as usize).then_some(()).ok_or_else(stopped),
        None => Ok(()),
    };
    let length = range.len();
    let runs = Runs::new(index, range, run_rows, RUN_BYTES);
    let worker = || Worker::new(index, filter.as_ref(), make());
    if threads < 2 || length <= run_rows as usize {
        return write_in_order(runs, worker(), out, &mut progress);
    }
    write_in_threads(threads, runs, &worker, out, &mut progress)
}

/// Writes runs one after another.
fn write_in_order<W: WriteRow>(
    runs: impl Iterator<Item = Range<u32>>,
    mut worker: Worker<'_, W>,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u32) -> io::Result<()>,
) -> io::Result<()> {
    let mut piece = Vec::new();
    for run in runs {
        progress(run.start)?;
        piece.clear();
        let result = worker.write_run(run, &mut piece);
        out.write_all(&piece)?;
        result?;
        if piece.capacity() > MAX_KEPT {
            piece = Vec::new();
        }
    }
    Ok(())
}

/// Writes runs in threads, and outputs them in their order.
fn write_in_threads<'i, W: WriteRow>(
    threads: usize,
    mut runs: impl Iterator<Item = Range<u32>>,
    worker: &(dyn Fn() -> Worker<'i, W> + Sync),
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u32) -> io::Result<()>,
) -> io::Result<()> {
    // Runs wait for a thread, and pieces for those before them: no more of both than keeps every thread busy.
    let waiting = 2 * threads;
    let (give, take) = sync_channel::<Task>(waiting);
    let take = Mutex::new(take);
    let work = || {
        let mut worker = worker();
        while let Some(Task { run, mut piece, done }) = next_task(&take) {
            let result = worker.write_run(run, &mut piece);
            // The receiver may have stopped.
            let _ = done.send((piece, result));
        }
    };
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..threads {
            let thread = thread::Builder::new().name("framescope-write".to_owned());
            started += usize::from(thread.spawn_scoped(scope, work).is_ok());
        }
        if started == 0 {
            return Err(io::Error::other("no thread can be started to write the rows"));
        }
        // When this is dropped, also by an error, the threads get no more tasks and end.
        let give = give;
        let mut expected: VecDeque<(u32, Receiver<Written>)> = VecDeque::new();
        let mut spare: Vec<Vec<u8>> = Vec::new();
        loop {
            while expected.len() < waiting
                && let Some(run) = runs.next()
            {
                let (done, written) = sync_channel(1);
                expected.push_back((run.start, written));
                let mut piece = spare.pop().unwrap_or_default();
                piece.clear();
                give.send(Task { run, piece, done }).map_err(|_| thread_ended())?;
            }
            let Some((first, written)) = expected.pop_front() else { return Ok(()) };
            progress(first)?;
            let (piece, result) = written.recv().map_err(|_| thread_ended())?;
            out.write_all(&piece)?;
            result?;
            if piece.capacity() <= MAX_KEPT {
                spare.push(piece);
            }
        }
    })
}

/// The output of a run, and the error that ended it, if any.
type Written = (Vec<u8>, io::Result<()>);

/// A run of rows to write into a piece.
struct Task {
    run: Range<u32>,
    piece: Vec<u8>,
    done: SyncSender<Written>,
}

fn next_task(take: &Mutex<Receiver<Task>>) -> Option<Task> {
    take.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn thread_ended() -> io::Error {
    io::Error::other("a thread that writes rows ended before they were written")
}

/// Rows in runs of so many rows, or bytes of messages.
pub struct Runs<'i> {
    index: &'i Index,
    next: u32,
    end: u32,
    run_rows: u32,
    run_bytes: u64,
}

impl<'i> Runs<'i> {
    /// Divides a range of rows. A run has at least one row, at most `run_rows`, and ends with the row that brings it to `run_bytes`.
    pub fn new(index: &'i Index, rows: Range<usize>, run_rows: u32, run_bytes: u64) -> Self {
        let narrow = |number: usize| u32::try_from(number.min(index.row_count())).unwrap_or(u32::MAX);
        Runs { index, next: narrow(rows.start), end: narrow(rows.end), run_rows, run_bytes }
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<u32>;

    fn next(&mut self) -> Option<Range<u32>> {
        let start = self.next;
        let mut bytes = 0_u64;
        let most = self.end.saturating_sub(start).min(self.run_rows) as usize;
        for (_, row) in self.index.rows_from(start.into()).take(most) {
            if bytes >= self.run_bytes {
                break;
            }
            self.next += 1;
            bytes = bytes.saturating_add(shown_bytes(&row));
        }
        (start < self.next).then_some(start..self.next)
    }
}

/// How many bytes of a row are read to show it.
pub fn shown_bytes(row: &Row) -> u64 {
    match row.span_type {
        SpanType::Gap => 0,
        SpanType::Skipped(_) => row.length.min(SKIPPED_BYTES as u64),
        _ => row.length,
    }
}

/// Writes the selected rows of runs.
struct Worker<'i, W> {
    index: &'i Index,
    evaluator: Option<Evaluator<'i>>,
    /// The selected rows of the current run.
    rows: Vec<RowId>,
    writer: W,
}

impl<'i, W: WriteRow> Worker<'i, W> {
    fn new(index: &'i Index, filter: Option<&Filter>, writer: W) -> Self {
        let evaluator = filter.map(|filter| Evaluator::new(filter, index));
        Worker { index, evaluator, rows: Vec::new(), writer }
    }

    fn write_run(&mut self, run: Range<u32>, out: &mut Vec<u8>) -> io::Result<()> {
        let Worker { index, evaluator, rows, writer } = self;
        match evaluator {
            None => {
                for (number, row) in index.rows_from(run.start.into()).take(run.len()) {
                    writer.write_row(number, &row, out)?;
                }
            }
            Some(evaluator) => {
                rows.clear();
                let evaluated = evaluator.rows_in(run.start as usize..run.end as usize, rows);
                for &number in &*rows {
                    let Some(row) = index.row(number) else { break };
                    writer.write_row(number, &row, out)?;
                }
                evaluated?;
            }
        }
        Ok(())
    }
}
