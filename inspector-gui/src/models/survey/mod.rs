//! Counts over the whole index, made in the background: problems by code and by conversation, and the time of each
//! conversation. [`Charts`] count the rows that are shown.

mod charts;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use framescope_capture::{FlowId, Row, RowId};
use framescope_parser::{Code, Severity};
use parking_lot::RwLock;

use super::background::{Background, Job, JobStep};
use super::document::SharedIndex;
pub use charts::{BUCKETS, Bucket, Charts, Histogram, Timeline};
pub(crate) use charts::{Chunks, all_rows, chart};

/// Rows by the severity of their worst problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows whose worst problem is an error.
    pub errors: usize,
    /// Rows whose worst problem is a warning.
    pub warnings: usize,
    /// Rows whose worst problem is a note.
    pub notes: usize,
}

impl Counts {
    fn add(&mut self, severity: Option<Severity>) {
        match severity {
            Some(Severity::Error) => self.errors += 1,
            Some(Severity::Warning) => self.warnings += 1,
            Some(Severity::Note) => self.notes += 1,
            None => {}
        }
    }
}

/// Counts of one conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowStats {
    /// Its rows with problems.
    pub counts: Counts,
    /// When its first and its last row were captured, in nanoseconds since the Unix epoch.
    pub times: Option<(i64, i64)>,
}

/// The rows with one problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeStats {
    /// How many there are.
    pub rows: usize,
    /// The first one.
    pub first: RowId,
}

/// The counts over all rows so far.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Rows by their worst problem.
    pub counts: Counts,
    /// Rows by each of their problems.
    pub codes: BTreeMap<Code, CodeStats>,
    /// The same with the worst problems first, of those the most frequent.
    pub ranked: Vec<(Code, CodeStats)>,
    /// Counts by conversation.
    pub flows: Vec<FlowStats>,
    /// When the first and the last row were captured.
    pub times: Option<(i64, i64)>,
    /// Whether all rows were counted, of an index that is finished or grows.
    pub is_done: bool,
}

impl Survey {
    fn add(&mut self, number: RowId, row: &Row, time: Option<i64>) {
        let severity = row.severity();
        self.counts.add(severity);
        if severity.is_some() {
            for code in row.codes.iter() {
                self.codes.entry(code).or_insert(CodeStats { rows: 0, first: number }).rows += 1;
            }
        }
        let flow = row.flow().index();
        if self.flows.len() <= flow {
            self.flows.resize(flow + 1, FlowStats::default());
        }
        widen(&mut self.times, time);
        if let Some(stats) = self.flows.get_mut(flow) {
            stats.counts.add(severity);
            widen(&mut stats.times, time);
        }
    }

    fn rank(&mut self) {
        self.ranked = self.codes.iter().map(|(code, stats)| (*code, *stats)).collect();
        self.ranked.sort_by_key(|(code, stats)| (Reverse(code.severity()), Reverse(stats.rows)));
    }

    /// The counts of a conversation.
    pub fn flow(&self, flow: FlowId) -> FlowStats {
        self.flows.get(flow.index()).copied().unwrap_or_default()
    }
}

fn widen(times: &mut Option<(i64, i64)>, time: Option<i64>) {
    if let Some(time) = time {
        let (first, last) = times.unwrap_or((time, time));
        *times = Some((first.min(time), last.max(time)));
    }
}

/// Rows that are counted in one step, which takes some tens of microseconds.
const CHUNK: usize = 4096;
const WAIT: Duration = Duration::from_millis(15);

/// A survey that is being made, or is complete.
#[derive(Debug)]
pub struct SurveyJob {
    survey: Arc<RwLock<Survey>>,
    _job: Job<()>,
}

impl SurveyJob {
    /// Starts to count, and continues until the index is finished.
    pub(crate) fn start(index: SharedIndex, background: &Background) -> SurveyJob {
        let survey = Arc::new(RwLock::new(Survey::default()));
        let theirs = Arc::clone(&survey);
        let mut at = 0;
        let job = background.spawn_steps("survey", move |_| count(&index, &mut at, &theirs));
        SurveyJob { survey, _job: job }
    }

    /// The counts so far.
    pub fn read(&self) -> parking_lot::RwLockReadGuard<'_, Survey> {
        self.survey.read()
    }
}

/// Counts the next rows, from `at` on.
fn count(index: &SharedIndex, at: &mut usize, survey: &RwLock<Survey>) -> JobStep<()> {
    let mut seen: Vec<(RowId, Row, Option<i64>)> = Vec::with_capacity(CHUNK);
    let index = index.read();
    let (all, is_finished) = (index.row_count(), index.is_finished());
    let is_growing = index.source().is_growing();
    let end = all.min(*at + CHUNK);
    for number in index.row_ids_in(*at..end) {
        let Some(row) = index.row(number) else { continue };
        seen.push((number, row, index.time_ns(&row)));
    }
    drop(index);
    *at = end;
    // The window reads the survey many times in a frame, so it is locked for a moment only.
    let mut survey = survey.write();
    seen.iter().for_each(|(number, row, time)| survey.add(*number, row, *time));
    survey.rank();
    survey.is_done = end == all && (is_finished || is_growing);
    if end < all {
        return JobStep::Continue;
    }
    if is_finished { JobStep::Done(()) } else { JobStep::Wait(WAIT) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    pub(super) fn sample() -> SharedIndex {
        Arc::new(RwLock::new(
            read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap(),
        ))
    }

    #[test]
    fn counts_of_conversations_and_codes_add_up() {
        let index = sample();
        let background = Background::manual();
        let job = SurveyJob::start(Arc::clone(&index), &background);
        while background.step() {}
        let survey = job.read();
        assert!(survey.is_done);
        assert_eq!(survey.flows.len(), index.read().flows().len());
        let sum = |of: fn(&Counts) -> usize| survey.flows.iter().map(|flow| of(&flow.counts)).sum::<usize>();
        assert_eq!(sum(|counts| counts.errors), survey.counts.errors);
        assert_eq!(sum(|counts| counts.notes), survey.counts.notes);
        assert!(survey.counts.errors > 0);
        let index = index.read();
        for (code, stats) in &survey.codes {
            let with: Vec<RowId> =
                index.rows().filter(|(_, row)| row.codes.contains(*code)).map(|(row, _)| row).collect();
            assert_eq!((stats.rows, stats.first), (with.len(), with[0]), "{code}");
        }
        assert_eq!(survey.ranked.len(), survey.codes.len());
        let rank = |(code, stats): &(Code, CodeStats)| (code.severity(), stats.rows);
        assert!(survey.ranked.is_sorted_by(|a, b| rank(a) >= rank(b)), "{:?}", survey.ranked);
    }
}
