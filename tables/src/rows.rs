//! Which rows a table has, in runs of so many.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use framescope_capture::export::{Runs, shown_bytes};
use framescope_capture::filter::{Evaluator, Filter};
use framescope_capture::{Index, Row, RowId};

use crate::error::TableError;
use crate::observe::Group;

/// A run of rows: all of a range, or some.
#[derive(Clone, Debug)]
pub(crate) enum Run {
    All(Range<u32>),
    Some(Vec<RowId>),
}

impl Run {
    /// Calls `each` with every row, until that fails or the work is stopped.
    pub(crate) fn for_each(
        &self,
        index: &Index,
        stop: &AtomicBool,
        each: &mut dyn FnMut(RowId, &Row) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        // Looking at the flag for every row would cost more than some rows do.
        let stopped = |at: usize| at.is_multiple_of(256) && stop.load(Ordering::Relaxed);
        match self {
            Run::All(rows) => {
                for (at, (number, row)) in index.rows_from(rows.start.into()).take(rows.len()).enumerate() {
                    if stopped(at) {
                        return Err(interrupted().into());
                    }
                    each(number, &row)?;
                }
            }
            Run::Some(rows) => {
                for (at, &number) in rows.iter().enumerate() {
                    if stopped(at) {
                        return Err(interrupted().into());
                    }
                    let Some(row) = index.row(number) else { break };
                    each(number, &row)?;
                }
            }
        }
        Ok(())
    }

    /// How far in the rows of the index the run goes.
    pub(crate) fn end(&self) -> usize {
        match self {
            Run::All(rows) => rows.end as usize,
            Run::Some(rows) => rows.last().map_or(0, |row| row.index() + 1),
        }
    }
}

impl Group {
    /// Whether a row is one of these.
    fn has(&self, index: &Index, number: RowId) -> bool {
        index.row(number).is_some_and(|row| {
            index.kind(&row) == self.kind.as_deref()
                && index.protocol(&row).map(|protocol| protocol.name()) == self.protocol.as_deref()
        })
    }
}

/// The error of work that was stopped.
pub(crate) fn interrupted() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "stopped")
}

/// Which rows of a capture a table has.
#[derive(Clone, Debug, Default)]
pub enum TableRows {
    /// All.
    #[default]
    All,
    /// Those that a filter matches.
    Matching(Filter),
    /// Those of a range of numbers.
    Range(Range<u32>),
    /// These, in their order.
    These(Arc<[RowId]>),
}

impl From<Option<Filter>> for TableRows {
    fn from(filter: Option<Filter>) -> Self {
        filter.map_or(TableRows::All, TableRows::Matching)
    }
}

/// The rows of a table, divided into runs.
pub(crate) struct Selected {
    index: Arc<Index>,
    rows: TableRows,
    /// Only rows of these, if any.
    group: Option<Group>,
    run_rows: u32,
    run_bytes: u64,
    /// How many rows are looked at in one go to find those that are wanted.
    at_once: usize,
    /// The first that was not looked at: a row, or a place among those that are listed.
    next: usize,
    end: usize,
    /// Rows that are wanted and are in no run yet.
    found: VecDeque<RowId>,
}

/// Rows that an evaluator looks at without threads of its own.
const ALONE: usize = 1 << 16;

impl Selected {
    pub(crate) fn new(
        index: &Arc<Index>,
        rows: &TableRows,
        group: Option<Group>,
        (run_rows, run_bytes): (u32, u64),
        threads: usize,
    ) -> Selected {
        let range = match rows {
            TableRows::All | TableRows::Matching(_) => 0..index.row_count(),
            TableRows::Range(range) => range.start as usize..index.row_count().min(range.end as usize),
            TableRows::These(rows) => 0..rows.len(),
        };
        Selected {
            index: Arc::clone(index),
            rows: rows.clone(),
            group,
            run_rows: run_rows.max(1),
            run_bytes,
            at_once: if threads < 2 { ALONE } else { 16 * ALONE },
            next: range.start,
            end: range.end,
            found: VecDeque::new(),
        }
    }

    /// The next run; None after the last.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub(crate) fn next(&mut self) -> io::Result<Option<Run>> {
        if matches!(self.rows, TableRows::All | TableRows::Range(_)) && self.group.is_none() {
            let run = Runs::new(&self.index, self.next..self.end, self.run_rows, self.run_bytes).next();
            self.next = run.as_ref().map_or(self.end, |run| run.end as usize);
            return Ok(run.map(Run::All));
        }
        if self.found.len() < self.run_rows as usize && self.next < self.end {
            self.look()?;
        }
        let (mut run, mut bytes) = (Vec::new(), 0_u64);
        while run.len() < self.run_rows as usize && bytes < self.run_bytes {
            let Some(number) = self.found.pop_front() else { break };
            bytes = bytes.saturating_add(self.index.row(number).map_or(0, |row| shown_bytes(&row)));
            run.push(number);
        }
        Ok((!run.is_empty()).then_some(Run::Some(run)))
    }

    /// Looks for rows until there are enough for a run.
    fn look(&mut self) -> io::Result<()> {
        let mut evaluator = match &self.rows {
            TableRows::Matching(filter) => Some(Evaluator::new(filter, &self.index)),
            _ => None,
        };
        let mut found = Vec::new();
        while self.found.len() < self.run_rows as usize && self.next < self.end {
            let range = self.next..self.end.min(self.next + self.at_once);
            self.next = range.end;
            match (&mut evaluator, &self.rows) {
                (Some(evaluator), _) => evaluator.rows_in(range, &mut found)?,
                (None, TableRows::These(rows)) => {
                    let is_row = |number: &RowId| number.index() < self.index.row_count();
                    found.extend(rows.get(range).unwrap_or_default().iter().copied().filter(is_row));
                }
                (None, _) => found.extend(self.index.row_ids_in(range)),
            }
            if let Some(group) = &self.group {
                found.retain(|&number| group.has(&self.index, number));
            }
            self.found.extend(found.drain(..));
        }
        Ok(())
    }
}
