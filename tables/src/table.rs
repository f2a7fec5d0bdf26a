//! The table of a capture's rows, and its batches.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use framescope_capture::Index;
use framescope_capture::filter::Filter;

use crate::error::TableError;
use crate::fill::Filler;
use crate::layout::Layout;
use crate::options::TableOptions;
use crate::ordered::Ordered;
use crate::rows::{Run, Selected};

/// The rows of a capture as a table. A clone is the same table.
///
/// ```
/// use std::sync::Arc;
/// use framescope_capture::{Options, Source, read};
/// use framescope_tables::{Table, TableOptions};
///
/// let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
/// let table = Table::new(Arc::new(index), None, TableOptions::default())?;
/// assert_eq!(table.schema().field(0).name(), "row");
/// let rows: usize = table.batches().map(|batch| batch.map(|batch| batch.num_rows())).sum::<Result<_, _>>()?;
/// assert_eq!(rows, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Table(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) index: Arc<Index>,
    pub(crate) filter: Option<Filter>,
    pub(crate) options: TableOptions,
    pub(crate) layout: Layout,
}

/// Messages of this many bytes end a run of rows, so that what several threads make at once stays small.
pub(crate) const RUN_BYTES: u64 = 64 << 20;

impl Table {
    /// The table of the rows that a filter matches, or of all. Where a protocol does not say which fields its messages have, all of
    /// them are read to find out.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn new(
        index: Arc<Index>,
        filter: Option<Filter>,
        options: TableOptions,
    ) -> Result<Table, TableError> {
        let layout = Layout::new(&index, filter.as_ref(), &options)?;
        Ok(Table(Arc::new(Inner { index, filter, options, layout })))
    }

    /// The types of its columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.layout.schema)
    }

    /// Its rows, in their order. A reader that is dropped stops its threads and waits for them.
    pub fn batches(&self) -> Batches {
        let inner = Arc::clone(&self.0);
        let threads = self.0.options.thread_count();
        let work = move |run: Run, stop: &AtomicBool| inner.batches_of(&run, stop);
        Batches {
            schema: self.schema(),
            rows: self.0.selected(self.0.options.batch_rows),
            ordered: Ordered::new(threads, work),
            ready: VecDeque::new(),
            is_done: false,
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
        Selected::new(&self.index, self.filter.clone(), limits, self.options.thread_count())
    }

    /// The batches of a run: one, unless its values are very long.
    pub(crate) fn batches_of(&self, run: &Run, stop: &AtomicBool) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut filler = Filler::new(&self.index, &self.layout);
        let mut batches = Vec::new();
        let mut failed = None;
        let result = run.for_each(&self.index, stop, &mut |number, row| {
            filler.add(number, row)?;
            if filler.is_full() {
                match filler.finish() {
                    Ok(batch) => batches.push(batch),
                    Err(error) => {
                        failed = Some(error);
                        return Err(io::ErrorKind::Other.into());
                    }
                }
            }
            Ok(())
        });
        if let Some(error) = failed {
            return Err(error);
        }
        result.map_err(TableError::Io)?;
        if !filler.is_empty() {
            batches.push(filler.finish()?);
        }
        Ok(batches)
    }
}

/// The batches of a table. Owns all it needs.
pub struct Batches {
    schema: SchemaRef,
    rows: Selected,
    ordered: Ordered<Run, Result<Vec<RecordBatch>, ArrowError>>,
    ready: VecDeque<RecordBatch>,
    /// Whether the last batch or an error was returned.
    is_done: bool,
}

impl Batches {
    fn make(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        while self.ready.is_empty() {
            let rows = &mut self.rows;
            let result = self.ordered.next(&mut || rows.next()).map_err(TableError::Io)?;
            let Some(batches) = result else { return Ok(None) };
            self.ready.extend(batches?);
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
        made
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
