//! Finds the rows of a scope and sorts them, in the background, so that the window never waits for it.

mod sort;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::filter::{Column, Evaluator, Filter};
use framescope_capture::{FlowId, Index, RowId};
use framescope_parser::Protocol;
use parking_lot::RwLock;

use super::background::{Background, Job, JobControl, JobError, JobStep};
use super::document::SharedIndex;
use super::levels::Levels;
use sort::sorted;

/// Which rows are shown. The default is all.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Which of the rows that carry one another.
    pub levels: Levels,
    /// The rows of one conversation, and of those that it carries.
    pub flow: Option<FlowId>,
    /// The rows captured in this span, in nanoseconds since the Unix epoch.
    pub span: Option<Range<i64>>,
    /// The rows that match a filter.
    pub filter: Option<String>,
}

impl Default for Scope {
    fn default() -> Scope {
        Scope { levels: Levels::All, flow: None, span: None, filter: None }
    }
}

impl Scope {
    /// Whether all rows are shown.
    pub fn is_all(&self) -> bool {
        *self == Scope::default()
    }

    /// Whether all rows are shown that are of the levels that are.
    pub fn is_all_of_levels(&self) -> bool {
        *self == Scope { levels: self.levels, ..Scope::default() }
    }
}

/// A sort order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column.
    pub column: Column,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl Sort {
    /// Whether rows can be sorted by a column. What only decoding shows is not stored.
    pub fn is_possible(column: Column) -> bool {
        !matches!(column, Column::Summary | Column::Comment | Column::Bytes | Column::Address | Column::Port)
    }
}

/// Why not all rows of a scope were found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The filter is invalid.
    #[error("{0}")]
    Filter(String),
    /// The capture can't be read any more.
    #[error("the capture can't be read: {0}")]
    Read(String),
    /// The search panicked, or had no thread.
    #[error(transparent)]
    Job(JobError),
}

/// Rows that are being found, or were found.
#[derive(Debug)]
pub struct Rows {
    results: Arc<RwLock<Results>>,
    job: Job<()>,
    started: Instant,
    background: Background,
}

#[derive(Debug, Default)]
struct Results {
    rows: Vec<RowId>,
    /// Whether more rows are only expected as the capture grows.
    is_caught_up: bool,
    error: Option<SearchError>,
}

/// Rows searched between two checks for cancellation.
const CHUNK: usize = 4096;
/// The most rows searched in one step, once the index is finished.
const LARGEST_CHUNK: usize = 1 << 18;
/// The pause before looking for more rows of a capture that is being read.
const WAIT: Duration = Duration::from_millis(15);
/// The least pause before the rows of a capture that grows are sorted again.
const SORT_AGAIN: Duration = Duration::from_millis(500);

/// The inputs of a search for rows.
pub(crate) struct Search {
    pub(crate) index: SharedIndex,
    pub(crate) scope: Scope,
    pub(crate) sort: Option<Sort>,
    pub(crate) protocols: Vec<Arc<dyn Protocol>>,
}

/// The state of a search.
struct Progress {
    filter: Option<Filter>,
    /// How many rows were searched.
    at: usize,
    /// The rows that are to be sorted, in their own order.
    unsorted: Vec<RowId>,
}

impl Rows {
    /// Starts to find rows.
    pub(crate) fn find(search: Search, background: &Background) -> Rows {
        let results = Arc::new(RwLock::new(Results::default()));
        let (theirs, mut progress) = (Arc::clone(&results), search.start());
        let job = background.spawn_steps("rows", move |control| {
            let step = match &mut progress {
                Ok(progress) => search.step(progress, control, &theirs),
                Err(error) => Err(error.clone()),
            };
            step.unwrap_or_else(|error| {
                theirs.write().error = Some(error);
                JobStep::Done(())
            })
        });
        Rows { results, job, started: background.now(), background: background.clone() }
    }

    /// How many rows were found so far.
    pub fn len(&self) -> usize {
        self.results.read().rows.len()
    }

    /// Whether no row was found so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all rows were searched: those of a capture that is complete, or those that are there of one that grows.
    pub fn is_caught_up(&self) -> bool {
        self.job.is_over() || self.results.read().is_caught_up
    }

    /// The progress of the search, from 0 to 1.
    pub fn progress(&self) -> f32 {
        self.job.progress()
    }

    /// Why not all rows could be found.
    pub fn error(&self) -> Option<SearchError> {
        self.job.error().map(SearchError::Job).or_else(|| self.results.read().error.clone())
    }

    /// The time since the search was started.
    pub(crate) fn age(&self) -> Duration {
        self.background.now().saturating_duration_since(self.started)
    }

    /// The row at a position.
    pub fn at(&self, position: usize) -> Option<RowId> {
        self.results.read().rows.get(position).copied()
    }

    /// The position of a row. `is_sorted` says whether the rows are in another order than their own.
    pub(crate) fn position_of(&self, row: RowId, is_sorted: bool) -> Option<usize> {
        let results = self.results.read();
        match is_sorted {
            false => results.rows.binary_search(&row).ok(),
            true => results.rows.iter().position(|&known| known == row),
        }
    }

    /// The row after another one, or before it, wrapping around; the first without another. The rows must be in their own
    /// order.
    pub(crate) fn next_match(&self, at: Option<RowId>, forward: bool) -> Option<RowId> {
        next_match(&self.results.read().rows, at, forward)
    }

    /// Returns a function that returns a chunk of the rows from a position on, and an empty one after the last.
    pub(crate) fn chunks(&self) -> impl Fn(usize) -> Vec<RowId> + Send + 'static {
        let results = Arc::clone(&self.results);
        move |from| {
            let results = results.read();
            let end = results.rows.len().min(from + CHUNK);
            results.rows.get(from..end).unwrap_or_default().to_vec()
        }
    }
}

fn next_match(rows: &[RowId], at: Option<RowId>, forward: bool) -> Option<RowId> {
    let position = match (at, forward) {
        (None, _) => 0,
        (Some(at), true) => rows.partition_point(|&row| row <= at) % rows.len().max(1),
        (Some(at), false) => {
            rows.partition_point(|&row| row < at).checked_sub(1).unwrap_or(rows.len().saturating_sub(1))
        }
    };
    rows.get(position).copied()
}

impl Search {
    /// Whether a row is in the scope.
    pub(crate) fn includes(&self, row: RowId) -> bool {
        let Ok(filter) = self.filter() else { return false };
        let index = self.index.read_recursive();
        self.is_in_span(&index, row)
            && filter.is_none_or(|filter| Evaluator::new(&filter, &index).matches(row).unwrap_or(false))
    }

    fn start(&self) -> Result<Progress, SearchError> {
        Ok(Progress { filter: self.filter()?, at: 0, unsorted: Vec::new() })
    }

    /// The filter of the scope together with that of its levels.
    fn filter(&self) -> Result<Option<Filter>, SearchError> {
        let parse = |text: &str| {
            Filter::parse(text, &self.protocols).map_err(|error| SearchError::Filter(error.text))
        };
        let own = self.scope.filter.as_deref().map(|text| Ok((text, parse(text)?))).transpose()?;
        Ok(match (own, self.scope.levels.filter(self.scope.flow)) {
            (None, None) => None,
            (Some((_, own)), None) => Some(own),
            (None, Some(of_levels)) => Some(parse(of_levels)?),
            (Some((own, _)), Some(of_levels)) => Some(parse(&format!("({of_levels}) and ({own})"))?),
        })
    }

    fn step(
        &self,
        progress: &mut Progress,
        control: &JobControl,
        results: &RwLock<Results>,
    ) -> Result<JobStep<()>, SearchError> {
        let Progress { filter, at, unsorted } = progress;
        let index = self.index.read();
        let (is_finished, is_growing) = (index.is_finished(), index.source().is_growing());
        // The first rows should come soon, and the others in few steps that several threads share. While the capture is being
        // read its reader waits for this lock, so steps stay short.
        let at_once = if is_finished { (*at).clamp(CHUNK, LARGEST_CHUNK) } else { CHUNK };
        let (all, end) = (index.row_count(), index.row_count().min(*at + at_once));
        let mut batch = Vec::new();
        let failed = |error: std::io::Error| SearchError::Read(error.to_string());
        match filter {
            Some(filter) if self.is_filter_only() => {
                Evaluator::new(filter, &index).rows_in(*at..end, &mut batch).map_err(failed)?;
            }
            filter => {
                let rows = index.row_ids_in(*at..end);
                batch.extend(rows.filter(|&number| self.is_in_span(&index, number)));
                if let Some(filter) = filter {
                    Evaluator::new(filter, &index).retain(&mut batch).map_err(failed)?;
                }
            }
        }
        drop(index);
        *at = end;
        control.report(end as u64, all as u64);
        if self.sort.is_some() {
            unsorted.extend_from_slice(&batch);
        } else {
            results.write().rows.extend_from_slice(&batch);
        }
        results.write().is_caught_up = end == all && is_growing;
        if end < all || !is_finished && !batch.is_empty() {
            return Ok(JobStep::Continue);
        }
        // Rows that are to be sorted are shown once all are there; of a capture that grows, all so far.
        let mut wait = WAIT;
        let is_new = results.read().rows.len() < unsorted.len();
        if let Some(sort) = self.sort.filter(|_| is_finished || is_growing && is_new) {
            let begun = Instant::now();
            let sorted = sorted(&self.index.read(), unsorted.clone(), sort, control);
            results.write().rows = sorted;
            wait = SORT_AGAIN.max(begun.elapsed() * 10);
        }
        Ok(if is_finished { JobStep::Done(()) } else { JobStep::Wait(wait) })
    }

    /// Whether a filter alone decides.
    fn is_filter_only(&self) -> bool {
        self.scope.flow.is_none() && self.scope.span.is_none()
    }

    /// Whether a row is of the conversation and the time span of the scope.
    fn is_in_span(&self, index: &Index, number: RowId) -> bool {
        let Scope { levels, flow, span, .. } = &self.scope;
        if self.is_filter_only() {
            return true;
        }
        let Some(row) = index.row(number) else { return false };
        flow.is_none_or(|flow| levels.is_in(index, &row, flow))
            && span.as_ref().is_none_or(|span| index.time_ns(&row).is_some_and(|time| span.contains(&time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    pub(super) fn rows(scope: Scope, sort: Option<Sort>) -> (SharedIndex, Vec<RowId>, Option<SearchError>) {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let protocols = framescope_parser::built_in();
        let search = Search { index: Arc::clone(&index), scope, sort, protocols };
        let background = Background::manual();
        let rows = Rows::find(search, &background);
        while background.step() {}
        assert!(rows.is_caught_up());
        let all = (0..rows.len()).filter_map(|place| rows.at(place)).collect();
        (index, all, rows.error())
    }

    #[test]
    fn rows_are_found_by_conversation_span_and_filter_together() {
        let (index, all, _) = rows(Scope::default(), None);
        assert_eq!(all.len(), index.read().row_count());
        let times: Vec<i64> = {
            let index = index.read();
            index.rows().filter_map(|(_, row)| index.time_ns(&row)).collect()
        };
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        let span = *first..first + (last - first) / 2;
        let scope = Scope {
            flow: Some(2.into()),
            span: Some(span.clone()),
            filter: Some("length > 20".to_owned()),
            ..Scope::default()
        };
        let (index, found, error) = rows(scope, None);
        assert_eq!(error, None);
        let index = index.read();
        let expected: Vec<RowId> = index
            .rows()
            .filter(|(_, row)| {
                row.flow() == FlowId::from(2)
                    && row.length > 20
                    && index.time_ns(row).is_some_and(|time| span.contains(&time))
            })
            .map(|(number, _)| number)
            .collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(found, expected);
    }

    #[test]
    fn an_invalid_filter_is_an_error() {
        let (_, found, error) =
            rows(Scope { filter: Some("knid == X".to_owned()), ..Scope::default() }, None);
        assert!(
            found.is_empty() && matches!(error, Some(SearchError::Filter(text)) if text.contains("knid"))
        );
    }

    #[test]
    fn the_next_match_wraps_around_in_both_directions() {
        let narrow = Scope { filter: Some("row in {5, 8, 13}".to_owned()), ..Scope::default() };
        let (_, found, _) = rows(narrow, None);
        assert_eq!(found, [5, 8, 13].map(RowId::from));
        let step = |at, forward| next_match(&found, at, forward);
        let row = |number: u32| Some(RowId::from(number));
        assert_eq!([step(None, true), step(row(5), true), step(row(6), true)], [row(5), row(8), row(8)]);
        assert_eq!([step(row(13), true), step(row(99), true)], [row(5), row(5)]);
        assert_eq!(
            [step(row(8), false), step(row(5), false), step(row(99), false)],
            [row(5), row(13), row(13)]
        );
        assert_eq!(next_match(&[], row(3), true), None);
    }
}
