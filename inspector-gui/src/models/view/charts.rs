//! Keeps the charts up to date with the rows that are shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::Index;

use super::super::background::Job;
use super::super::rows::SearchError;
use super::super::survey::{self, Charts};
use super::View;

/// What charts were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inputs {
    rows: usize,
    /// Whether all rows were there.
    is_complete: bool,
    /// Whether more come as the capture grows.
    is_growing: bool,
    times: Option<(i64, i64)>,
}

/// The current charts, and the job that makes newer ones.
#[derive(Debug, Default)]
pub(super) struct ChartUpdates {
    current: Charts,
    job: Option<Job<Charts>>,
    /// What the last job was started with.
    inputs: Option<Inputs>,
    /// When that was.
    started: Option<Instant>,
}

/// The least time between two charts of a capture that grows.
const BETWEEN: Duration = Duration::from_secs(1);

impl ChartUpdates {
    pub(super) fn current(&self) -> &Charts {
        &self.current
    }

    pub(super) fn is_running(&self) -> bool {
        self.job.is_some()
    }

    /// Whether the charts are those of all rows. Without times there are none to make.
    pub(super) fn is_settled(&self, has_times: bool) -> bool {
        self.job.is_none() && (!has_times || self.inputs.is_some_and(|inputs| inputs.is_complete))
    }

    /// The rows are others now.
    pub(super) fn invalidate(&mut self) {
        self.inputs = None;
    }

    /// Whether charts of these inputs should be made: at intervals while rows come in, always when they are complete.
    fn is_due(&self, now: Inputs, time: Instant) -> bool {
        let is_old = || self.started.is_none_or(|started| time.saturating_duration_since(started) >= BETWEEN);
        match self.inputs {
            _ if self.job.is_some() || now.times.is_none() => false,
            None => true,
            Some(last) if now.is_growing => now != last && is_old(),
            Some(last) if now.is_complete => now != last,
            Some(last) => now.rows > last.rows.saturating_mul(5) / 4 + 64,
        }
    }
}

impl View {
    pub(super) fn update_charts(&mut self, index: &Index) {
        match self.charts.job.as_ref().and_then(Job::poll) {
            None => {}
            Some(Ok(charts)) => (self.charts.current, self.charts.job) = (charts, None),
            Some(Err(error)) => (self.error, self.charts.job) = (Some(SearchError::Job(error)), None),
        }
        let (times, is_counted) = {
            let survey = self.survey.read();
            (survey.times, survey.is_done)
        };
        let times = match &self.scope.span {
            Some(span) => Some((span.start, span.end.saturating_sub(1))),
            None => times,
        };
        let is_growing = index.source().is_growing();
        let is_complete = (index.is_finished() || is_growing) && is_counted && !self.is_searching();
        let inputs = Inputs { rows: self.row_count(), is_complete, is_growing, times };
        let now = self.background.now();
        if self.charts.is_due(inputs, now) {
            (self.charts.inputs, self.charts.started) = (Some(inputs), Some(now));
            let rows: survey::Chunks = match &self.rows {
                None => survey::all_rows(&self.index),
                Some(rows) => Box::new(rows.chunks()),
            };
            let job = survey::chart(Arc::clone(&self.index), rows, times, &self.background);
            self.charts.job = Some(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_made_again_when_many_rows_arrived_or_all_are_there() {
        let (mut charts, start) = (ChartUpdates::default(), Instant::now());
        let inputs = |rows, is_complete| Inputs { rows, is_complete, is_growing: false, times: Some((0, 1)) };
        assert!(charts.is_due(inputs(0, false), start));
        assert!(
            !charts.is_due(Inputs { times: None, ..inputs(0, true) }, start),
            "there is no time to chart"
        );
        charts.inputs = Some(inputs(1000, false));
        assert!(!charts.is_due(inputs(1200, false), start) && charts.is_due(inputs(1400, false), start));
        assert!(charts.is_due(inputs(1000, true), start));
        charts.inputs = Some(inputs(1000, true));
        assert!(!charts.is_due(inputs(1000, true), start));
        charts.invalidate();
        assert!(charts.is_due(inputs(1000, true), start));
    }

    #[test]
    fn charts_of_a_capture_that_grows_are_made_again_every_second() {
        let start = Instant::now();
        let inputs = |rows| Inputs { rows, is_complete: true, is_growing: true, times: Some((0, 1)) };
        let charts =
            ChartUpdates { inputs: Some(inputs(10)), started: Some(start), ..ChartUpdates::default() };
        assert!(!charts.is_due(inputs(5000), start + BETWEEN / 2));
        assert!(charts.is_due(inputs(11), start + BETWEEN) && !charts.is_due(inputs(10), start + BETWEEN));
    }
}
