//! The table of a capture's rows, and its batches.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use framescope_capture::Index;

use crate::error::TableError;
use crate::fill::Filler;
use crate::layout::Layout;
use crate::observe::Group;
use crate::options::TableOptions;
use crate::ordered::Ordered;
use crate::rows::{Run, Selected, TableRows};

/// The rows of a capture as a table. A clone is the same table.
///
/// ```
/// use std::sync::Arc;
/// use framescope_capture::{Options, Source, read};
/// use framescope_tables::{Table, TableOptions, TableRows};
///
/// let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
/// let table = Table::new(Arc::new(index), TableRows::All, TableOptions::default())?;
/// assert_eq!(table.schema().field(0).name(), "row");
/// let rows: usize = table.batches().map(|batch| batch.map(|batch| batch.num_rows())).sum::<Result<_, _>>()?;
/// assert_eq!(rows, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Table(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) index: Arc<Index>,
    pub(crate) rows: TableRows,
    pub(crate) options: TableOptions,
    pub(crate) layout: Layout,
    /// The rows of one kind only, if only these are wanted.
    pub(crate) group: Option<Group>,
    /// A batch ends once values of any length take this many bytes.
    batch_bytes: usize,
    /// How many values had no place in any column.
    left_out: AtomicU64,
}

/// Values of any length take no more bytes in a batch, but for those of its last row, so that no column outgrows what offsets of 31 bits
/// can say.
const BATCH_BYTES: usize = 256 << 20;
/// Messages of this many bytes end a run of rows, so that what several threads make at once stays small.
pub(crate) const RUN_BYTES: u64 = 64 << 20;

impl Table {
    /// The table of some rows of a capture: those that an `Option<Filter>` matches, or [`TableRows`]. Where a protocol does not say which fields its messages have, all of
    /// them are read to find out.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn new(
        index: Arc<Index>,
        rows: impl Into<TableRows>,
        options: TableOptions,
    ) -> Result<Table, TableError> {
        let rows = rows.into();
        let layout = Layout::new(&index, &rows, &options, None)?;
        Ok(Table::of(index, rows, options, layout, None))
    }

    pub(crate) fn of(
        index: Arc<Index>,
        rows: TableRows,
        options: TableOptions,
        layout: Layout,
        group: Option<Group>,
    ) -> Table {
        Table(Arc::new(Inner {
            index,
            rows,
            options,
            layout,
            group,
            batch_bytes: BATCH_BYTES,
            left_out: AtomicU64::new(0),
        }))
    }

    /// The types of its columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.layout.schema)
    }

    /// How many values had no place in any column of what was read so far, and are null: of selected fields that are not of the type
    /// that their protocol says, and those of more than two gigabytes. Without a selection, the former are in the column `extra`.
    pub fn left_out(&self) -> u64 {
        self.0.left_out.load(Ordering::Relaxed)
    }

    /// Its rows, in their order. A reader that is dropped stops its threads and waits for them.
    pub fn batches(&self) -> Batches {
        let inner = Arc::clone(&self.0);
        let threads = self.0.options.thread_count();
        let work = move |run: Run, stop: &AtomicBool| {
            let (end, mut batches) = (run.end(), Vec::new());
            inner.each_batch(&run, stop, &mut |batch| {
                batches.push(batch);
                Ok(())
            })?;
            Ok((end, batches))
        };
        Batches {
            schema: self.schema(),
            rows: self.0.selected(self.0.options.batch_rows),
            ordered: Ordered::new(threads, work),
            ready: VecDeque::new(),
            is_done: false,
            position: 0,
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("schema", &self.0.layout.schema).finish_non_exhaustive()
    }
}

impl Inner {
    /// Its rows, in runs.
    pub(crate) fn selected(&self, run_rows: u32) -> Selected {
        let limits = (run_rows, RUN_BYTES);
        Selected::new(&self.index, &self.rows, self.group.clone(), limits, self.options.thread_count())
    }

    /// Passes on the batches of a run.
    pub(crate) fn each_batch(
        &self,
        run: &Run,
        stop: &AtomicBool,
        each: &mut dyn FnMut(RecordBatch) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let left_out = self.fill(run, stop, each)?;
        self.left_out.fetch_add(left_out, Ordering::Relaxed);
        Ok(())
    }

    /// The same without counting what fits no column, which is returned: how many values.
    pub(crate) fn fill(
        &self,
        run: &Run,
        stop: &AtomicBool,
        each: &mut dyn FnMut(RecordBatch) -> Result<(), TableError>,
    ) -> Result<u64, TableError> {
        let mut filler = Filler::new(&self.index, &self.layout);
        let most = self.options.batch_rows.max(1) as usize;
        run.for_each(&self.index, stop, &mut |number, row| {
            filler.add(number, row)?;
            match filler.is_full(most, self.batch_bytes) {
                true => each(filler.finish()?),
                false => Ok(()),
            }
        })?;
        if !filler.is_empty() {
            each(filler.finish()?)?;
        }
        Ok(filler.left_out())
    }
}

/// The batches of a table. Owns all it needs.
pub struct Batches {
    schema: SchemaRef,
    rows: Selected,
    ordered: Ordered<Run, Result<(usize, Vec<RecordBatch>), TableError>>,
    ready: VecDeque<RecordBatch>,
    position: usize,
    /// Whether the last batch or an error was returned.
    is_done: bool,
}

impl Batches {
    /// How many rows of the capture have been looked at, to show progress.
    pub fn position(&self) -> usize {
        self.position
    }

    fn make(&mut self) -> Result<Option<RecordBatch>, TableError> {
        while self.ready.is_empty() {
            let rows = &mut self.rows;
            let Some(made) = self.ordered.next(&mut || rows.next())? else { return Ok(None) };
            let (end, batches) = made?;
            self.position = end;
            self.ready.extend(batches);
        }
        Ok(self.ready.pop_front())
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let made = self.make().transpose();
        self.is_done = !matches!(made, Some(Ok(_)));
        made.map(|made| made.map_err(ArrowError::from))
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use framescope_capture::{Options, Source, read};

    use super::*;

    fn table() -> Table {
        let options = Options { decode_as: vec!["file=text".parse().unwrap()], ..Options::default() };
        let index = read(Source::from_bytes("file", *b"some text"), &options, &mut |_| true).unwrap();
        Table::new(Arc::new(index), TableRows::All, TableOptions::default()).unwrap()
    }

    #[test]
    fn a_batch_ends_when_its_values_are_long() {
        let Table(mut inner) = table();
        let rows = Run::Some(vec![0.into(); 5]);
        for (most, batches) in [(1, 5), (10, 3), (100, 1)] {
            Arc::get_mut(&mut inner).unwrap().batch_bytes = most;
            let mut sizes = Vec::new();
            let each = &mut |batch: RecordBatch| {
                sizes.push(batch.num_rows());
                Ok(())
            };
            inner.each_batch(&rows, &AtomicBool::new(false), each).unwrap();
            assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (batches, 5), "{most} bytes");
        }
    }

    #[test]
    fn work_that_is_stopped_ends_with_an_error_that_says_so() {
        let Table(inner) = table();
        let stop = AtomicBool::new(true);
        let stopped = inner.each_batch(&Run::All(0..1), &stop, &mut |_| Ok(()));
        let Err(TableError::Io(error)) = stopped else { panic!("{stopped:?}") };
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
        stop.store(false, Relaxed);
        assert!(inner.each_batch(&Run::All(0..1), &stop, &mut |_| Ok(())).is_ok());
    }
}
