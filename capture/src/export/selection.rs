//! Which rows are written.

use std::io;
use std::ops::Range;

use crate::filter::{Evaluator, Filter};
use crate::{Index, Row, RowId};

/// Rows that a filter is evaluated on between two reports of progress.
const ROWS_AT_ONCE: usize = 1024;

/// Which rows are written, and a callback for the progress.
///
/// ```
/// use framescope_capture::export::{RowSelection, write_csv};
/// use framescope_capture::filter::Filter;
/// use framescope_capture::{Options, Source, read};
/// use framescope_parser::built_in;
///
/// let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
/// let mut out = Vec::new();
/// write_csv(&index, &mut RowSelection::by(Filter::parse("kind == DATA", &built_in())?), &mut out)?;
/// assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1, "the column names");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct RowSelection<'c> {
    pub(super) filter: Option<Filter>,
    pub(super) range: Option<Range<usize>>,
    pub(super) progress: Option<&'c mut dyn FnMut(usize) -> bool>,
}

impl<'c> RowSelection<'c> {
    /// Every row.
    pub fn all() -> Self {
        RowSelection::default()
    }

    /// The rows that a filter matches.
    pub fn by(filter: impl Into<Option<Filter>>) -> Self {
        RowSelection { filter: filter.into(), ..RowSelection::default() }
    }

    /// Of those rows the ones in a range only.
    pub fn within(self, rows: Range<usize>) -> Self {
        RowSelection { range: Some(rows), ..self }
    }

    /// The rows of an index to choose from.
    pub(super) fn range(&self, index: &Index) -> Range<usize> {
        let count = index.row_count();
        self.range.as_ref().map_or(0..count, |range| range.start.min(count)..range.end.min(count))
    }

    /// Reports to `progress` at intervals how many rows are done. If it returns false, the work ends with an error of the kind
    /// [`io::ErrorKind::Interrupted`].
    pub fn watched(self, progress: &'c mut dyn FnMut(usize) -> bool) -> Self {
        RowSelection { progress: Some(progress), ..self }
    }

    /// Calls `each` with the id of each row.
    pub(super) fn for_each(
        &mut self,
        index: &Index,
        each: &mut dyn FnMut(RowId, &Row) -> io::Result<()>,
    ) -> io::Result<()> {
        let Range { start: mut first, end: count } = self.range(index);
        let mut evaluator = self.filter.as_ref().map(|filter| Evaluator::new(filter, index));
        let mut wanted = Vec::new();
        while first < count {
            if let Some(progress) = &mut self.progress
                && !progress(first)
            {
                return Err(stopped());
            }
            let end = count.min(first + ROWS_AT_ONCE);
            wanted.clear();
            match &mut evaluator {
                Some(evaluator) => evaluator.rows_in(first..end, &mut wanted)?,
                None => wanted.extend(index.row_ids_in(first..end)),
            }
            for &number in &wanted {
                if let Some(row) = index.row(number) {
                    each(number, &row)?;
                }
            }
            first = end;
        }
        Ok(())
    }
}

impl std::fmt::Debug for RowSelection<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowSelection").field("filter", &self.filter).finish_non_exhaustive()
    }
}

/// The error of work that was stopped by its progress callback.
pub(super) fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "stopped")
}
