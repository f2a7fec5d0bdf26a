//! Finds the rows of an index that a filter matches, in several threads where there are very many.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::bitmap::{BLOCK_ROWS, Bitmap};
use super::block::BlockEvaluator;
use super::query::{Filter, Query};
use crate::{Index, RowId};

/// Evaluates a [`Filter`] on the rows of one index.
///
/// It remembers what it learned of the index and keeps the memory that it needs, so that one evaluator for many rows is
/// quicker than many. Threads that evaluate side by side need one each.
pub struct Evaluator<'i> {
    query: Arc<Query>,
    index: &'i Index,
    own: BlockEvaluator,
    /// Those of the other threads.
    others: Vec<BlockEvaluator>,
}

/// Rows that a thread takes at a time. No more than these are not worth a second thread.
const ROWS_AT_ONCE: usize = 16 * BLOCK_ROWS as usize;

impl Filter {
    /// The rows of an index that match, in rising order.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn rows(&self, index: &Index) -> io::Result<Vec<RowId>> {
        let mut rows = Vec::new();
        Evaluator::new(self, index).rows_in(0..index.row_count(), &mut rows)?;
        Ok(rows)
    }
}

impl<'i> Evaluator<'i> {
    /// An evaluator of a filter for an index.
    pub fn new(filter: &Filter, index: &'i Index) -> Self {
        let query = Arc::clone(&filter.query);
        Evaluator { query, index, own: BlockEvaluator::default(), others: Vec::new() }
    }

    /// Appends the rows in `range` that match, in rising order. A range of more than 65,536 rows is shared
    /// between as many threads as the machine has processors.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn rows_in(&mut self, range: Range<usize>, rows: &mut Vec<RowId>) -> io::Result<()> {
        let range = range.start..range.end.min(self.index.row_count());
        if range.len() <= ROWS_AT_ONCE {
            return self.own.rows_in(&self.query, self.index, range, rows);
        }
        let processors = thread::available_parallelism().map_or(1, usize::from);
        self.rows_by(processors, ROWS_AT_ONCE, range, rows)
    }

    /// The same with at most this many threads, each of which takes this many rows at a time.
    pub(super) fn rows_by(
        &mut self,
        threads: usize,
        at_once: usize,
        range: Range<usize>,
        rows: &mut Vec<RowId>,
    ) -> io::Result<()> {
        let parts = range.len().div_ceil(at_once.max(1));
        self.others.resize_with(threads.min(parts).saturating_sub(1), BlockEvaluator::default);
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let (query, index) = (&*self.query, self.index);
        let work = |evaluator: &mut BlockEvaluator| loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            let start = range.start.saturating_add(part.saturating_mul(at_once));
            if start >= range.end {
                break;
            }
            let part_range = start..start.saturating_add(at_once).min(range.end);
            let mut rows = Vec::new();
            let evaluated = evaluator.rows_in(query, index, part_range, &mut rows);
            if evaluated.is_err() {
                // The parts after this one are not needed.
                next.store(parts, Ordering::Relaxed);
            }
            let rows = evaluated.map(|()| rows);
            found.lock().unwrap_or_else(PoisonError::into_inner).push((part, rows));
        };
        thread::scope(|scope| {
            for evaluator in &mut self.others {
                // If no thread can be started, those that run do its work.
                let _ =
                    thread::Builder::new().name("filter".to_owned()).spawn_scoped(scope, || work(evaluator));
            }
            work(&mut self.own);
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|(part, _)| *part);
        for (_, part) in found {
            rows.extend(part?);
        }
        Ok(())
    }

    /// Removes the rows that do not match. Quickest when they are in rising order.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn retain(&mut self, rows: &mut Vec<RowId>) -> io::Result<()> {
        let mut matching = Vec::new();
        let mut rest = rows.as_slice();
        while let Some(&row) = rest.first() {
            let first = row.number() - row.number() % BLOCK_ROWS;
            let is_next = |pair: &[RowId]| matches!(pair, [a, b] if a < b && b.number() - first < BLOCK_ROWS);
            let count = 1 + rest.windows(2).take_while(|pair| is_next(pair)).count();
            let (block, behind) = rest.split_at(count);
            let mut candidates = Bitmap::default();
            block.iter().for_each(|row| candidates.insert(row.number() - first));
            self.own.block(&self.query, self.index, first, candidates, &mut matching)?;
            rest = behind;
        }
        *rows = matching;
        Ok(())
    }

    /// Whether a row matches. For many rows [`rows_in`](Self::rows_in) and [`retain`](Self::retain) are quicker.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn matches(&mut self, row: RowId) -> io::Result<bool> {
        let mut rows = vec![row];
        self.retain(&mut rows)?;
        Ok(!rows.is_empty())
    }
}

impl fmt::Debug for Evaluator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluator").field("query", &self.query).finish_non_exhaustive()
    }
}
