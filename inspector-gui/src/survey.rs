//! What the index says as a whole: problems by code and conversation, when each conversation was; and, of the rows that
//! are looked at, how many there were when, how long they are and how long replies took. Counted beside the window.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use framescope_capture::Row;
use framescope_parser::{Code, Severity, SpanType};
use parking_lot::RwLock;

use crate::background::{Background, Job, Then};
use crate::document::SharedIndex;

/// How many rows there are of each worst severity.
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

/// What is known of one conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowFacts {
    /// Its rows with problems.
    pub counts: Counts,
    /// When its first and its last row were captured, in nanoseconds since the Unix epoch.
    pub times: Option<(i64, i64)>,
}

/// Rows that have one problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFacts {
    /// How many.
    pub rows: usize,
    /// The first of them.
    pub first: u32,
}

/// What was counted over all rows so far.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Rows by their worst problem.
    pub counts: Counts,
    /// Rows by each of their problems.
    pub codes: BTreeMap<Code, CodeFacts>,
    /// By conversation.
    pub flows: Vec<FlowFacts>,
    /// When the first and the last row were captured.
    pub times: Option<(i64, i64)>,
    /// Whether all rows of a capture that is read were counted.
    pub is_done: bool,
}

impl Survey {
    fn add(&mut self, number: u32, row: &Row, time: Option<i64>) {
        let severity = row.severity();
        self.counts.add(severity);
        if severity.is_some() {
            for code in row.codes.iter() {
                self.codes.entry(code).or_insert(CodeFacts { rows: 0, first: number }).rows += 1;
            }
        }
        let flow = row.flow() as usize;
        if self.flows.len() <= flow {
            self.flows.resize(flow + 1, FlowFacts::default());
        }
        widen(&mut self.times, time);
        if let Some(facts) = self.flows.get_mut(flow) {
            facts.counts.add(severity);
            widen(&mut facts.times, time);
        }
    }

    /// What is known of a conversation.
    pub fn flow(&self, flow: u32) -> FlowFacts {
        self.flows.get(flow as usize).copied().unwrap_or_default()
    }
}

fn widen(times: &mut Option<(i64, i64)>, time: Option<i64>) {
    if let Some(time) = time {
        let (first, last) = times.unwrap_or((time, time));
        *times = Some((first.min(time), last.max(time)));
    }
}

/// Rows that are counted at a time: some tens of microseconds.
const CHUNK: usize = 4096;
const WAIT: Duration = Duration::from_millis(15);

/// A survey that is being made, or was.
#[derive(Debug)]
pub struct Surveying {
    survey: Arc<RwLock<Survey>>,
    _job: Job<()>,
}

impl Surveying {
    /// Begins to count, and goes on as long as there is more.
    pub(crate) fn begin(index: SharedIndex, background: &Background) -> Surveying {
        let survey = Arc::new(RwLock::new(Survey::default()));
        let theirs = Arc::clone(&survey);
        let mut at = 0;
        let job = background.begin_steps("survey", move |_| count(&index, &mut at, &theirs));
        Surveying { survey, _job: job }
    }

    /// What was counted so far.
    pub fn read(&self) -> parking_lot::RwLockReadGuard<'_, Survey> {
        self.survey.read()
    }
}

/// Counts the next rows from `at` on.
fn count(index: &SharedIndex, at: &mut usize, survey: &RwLock<Survey>) -> Then<()> {
    let mut seen: Vec<(u32, Row, Option<i64>)> = Vec::with_capacity(CHUNK);
    let index = index.read();
    let (all, is_finished) = (index.row_count(), index.is_finished());
    let end = all.min(*at + CHUNK);
    for (number, row) in (*at..end).zip(index.rows_from(*at)) {
        seen.push((u32::try_from(number).unwrap_or(u32::MAX), row, index.time_ns(&row)));
    }
    drop(index);
    *at = end;
    // The window looks at it many times in a frame: it never waits long.
    let mut survey = survey.write();
    seen.iter().for_each(|(number, row, time)| survey.add(*number, row, *time));
    if end < all {
        return Then::Again;
    }
    survey.is_done = is_finished;
    if is_finished { Then::Done(()) } else { Then::After(WAIT) }
}

/// What happened in one of many equal stretches of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Rows.
    pub rows: u32,
    /// Those of them whose worst problem is a warning.
    pub warnings: u32,
    /// Those of them with an error.
    pub errors: u32,
}

/// How many rows there were when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// The time that the buckets part, in nanoseconds since the Unix epoch; its end belongs to the last.
    pub span: Option<(i64, i64)>,
    /// Equal parts of it.
    pub buckets: Vec<Bucket>,
}

/// Buckets that a timeline has.
pub const BUCKETS: usize = 480;

impl Timeline {
    fn new(span: Option<(i64, i64)>) -> Timeline {
        Timeline { span, buckets: vec![Bucket::default(); BUCKETS] }
    }

    fn add(&mut self, row: &Row, time: i64) {
        let Some(bucket) = self.bucket_of(time) else { return };
        let severity = row.severity();
        let Some(bucket) = self.buckets.get_mut(bucket) else { return };
        bucket.rows = bucket.rows.saturating_add(1);
        match severity {
            Some(Severity::Error) => bucket.errors += 1,
            Some(Severity::Warning) => bucket.warnings += 1,
            _ => {}
        }
    }

    /// The bucket that a time falls in.
    pub fn bucket_of(&self, time: i64) -> Option<usize> {
        let (first, last) = self.span?;
        let all = i128::from(last) - i128::from(first) + 1;
        let at = (i128::from(time) - i128::from(first)) * BUCKETS as i128 / all;
        usize::try_from(at).ok().filter(|&at| time >= first && at < BUCKETS)
    }

    /// When a share of it has passed, from 0 to 1.
    pub fn time_at(&self, share: f64) -> Option<i64> {
        let (first, last) = self.span?;
        let all = i128::from(last) - i128::from(first) + 1;
        // A share of a span: between its ends.
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let passed = (all as f64 * share.clamp(0.0, 1.0)) as i128;
        i64::try_from(i128::from(first) + passed).ok()
    }
}

/// How many values there are of each size. Bars are as wide as what they count: four from each power of two to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    bars: [u64; BARS],
    /// How many values.
    pub count: u64,
    /// The least and the greatest.
    pub ends: Option<(u64, u64)>,
}

const BARS: usize = 252;
/// Bars that are shown at most: of more, two or four are one.
const SHOWN: usize = 40;

impl Default for Histogram {
    fn default() -> Self {
        Histogram { bars: [0; BARS], count: 0, ends: None }
    }
}

/// The bar that counts a value.
fn bar_of(value: u64) -> usize {
    match value {
        0..4 => usize::try_from(value).unwrap_or(0),
        _ => {
            let power = value.ilog2();
            let quarter = (value >> (power - 2)) & 3;
            (4 * (power - 1)) as usize + usize::try_from(quarter).unwrap_or(0)
        }
    }
}

/// The least value that a bar counts; of the one behind the last, the greatest there is.
fn least_of(bar: usize) -> u64 {
    match bar {
        0..4 => bar as u64,
        BARS.. => u64::MAX,
        _ => (4 + bar as u64 % 4) << (bar / 4 - 1),
    }
}

impl Histogram {
    fn add(&mut self, value: u64) {
        if let Some(bar) = self.bars.get_mut(bar_of(value)) {
            *bar += 1;
        }
        self.count += 1;
        let (least, greatest) = self.ends.unwrap_or((value, value));
        self.ends = Some((least.min(value), greatest.max(value)));
    }

    /// The bars from the first to the last that has any, each with its least value, the one behind its greatest, and how
    /// many there are.
    pub fn shown(&self) -> impl Iterator<Item = (Range<u64>, u64)> + '_ {
        let (first, last) = match self.ends {
            Some((least, greatest)) => (bar_of(least), bar_of(greatest) + 1),
            None => (0, 0),
        };
        // A power of two begins a bar in each case.
        let step = [1, 2, 4].into_iter().find(|step| (last - first) / step <= SHOWN).unwrap_or(4);
        (first / step * step..last).step_by(step).map(move |bar| {
            let counts = self.bars.get(bar..(bar + step).min(BARS)).unwrap_or_default();
            (least_of(bar)..least_of(bar + step), counts.iter().sum())
        })
    }
}

/// What the pictures show, of the rows that are looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pictures {
    /// Rows over time.
    pub timeline: Timeline,
    /// Lengths of messages, in bytes.
    pub lengths: Histogram,
    /// How long replies took, in nanoseconds.
    pub latencies: Histogram,
}

/// Gives some rows from a place on; none when there are no more.
pub(crate) type Chunks = Box<dyn Fn(usize) -> Vec<u32> + Send>;

/// All rows of an index.
pub(crate) fn all_rows(index: &SharedIndex) -> Chunks {
    let index = Arc::clone(index);
    Box::new(move |from| {
        let all = index.read().row_count();
        let end = all.min(from + CHUNK);
        (from..end).filter_map(|row| u32::try_from(row).ok()).collect()
    })
}

/// Begins to count what the pictures show of some rows, over a span of time.
pub(crate) fn picture(
    index: SharedIndex,
    rows: Chunks,
    span: Option<(i64, i64)>,
    background: &Background,
) -> Job<Pictures> {
    background.begin("pictures", move |watch| {
        let mut pictures = Pictures { timeline: Timeline::new(span), ..Pictures::default() };
        let mut at = 0;
        loop {
            let chunk = rows(at);
            if chunk.is_empty() || watch.is_cancelled() {
                return pictures;
            }
            at += chunk.len();
            let index = index.read();
            for number in chunk {
                let Some(row) = index.row(number) else { continue };
                let time = index.time_ns(&row);
                pictures.add(&row, time, index.reply_to(number).and_then(|(_, latency)| latency));
            }
        }
    })
}

impl Pictures {
    fn add(&mut self, row: &Row, time: Option<i64>, latency: Option<i64>) {
        if let Some(time) = time {
            self.timeline.add(row, time);
        }
        if row.span_type == SpanType::Message {
            self.lengths.add(row.length);
        }
        if let Some(latency) = latency {
            self.latencies.add(latency.max(0).unsigned_abs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    fn sample() -> SharedIndex {
        Arc::new(RwLock::new(
            read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap(),
        ))
    }

    fn pictures(index: &SharedIndex, span: (i64, i64)) -> Pictures {
        let background = Background::by_hand();
        let job = picture(Arc::clone(index), all_rows(index), Some(span), &background);
        while background.step() {}
        job.poll().unwrap().unwrap()
    }

    #[test]
    fn counts_of_the_conversations_add_up() {
        let index = sample();
        let background = Background::by_hand();
        let surveying = Surveying::begin(Arc::clone(&index), &background);
        while background.step() {}
        let survey = surveying.read();
        assert!(survey.is_done);
        assert_eq!(survey.flows.len(), index.read().flows().len());
        let sum = |of: fn(&Counts) -> usize| survey.flows.iter().map(|flow| of(&flow.counts)).sum::<usize>();
        assert_eq!(sum(|counts| counts.errors), survey.counts.errors);
        assert_eq!(sum(|counts| counts.notes), survey.counts.notes);
        assert!(survey.counts.errors > 0);
        let index = index.read();
        for (code, facts) in &survey.codes {
            let with: Vec<u32> = (0..)
                .zip(index.rows())
                .filter(|(_, row)| row.codes.contains(*code))
                .map(|(row, _)| row)
                .collect();
            assert_eq!((facts.rows, facts.first), (with.len(), with[0]), "{code}");
        }
    }

    #[test]
    fn every_row_is_in_the_timeline_once() {
        let index = sample();
        let times: Vec<i64> = {
            let index = index.read();
            index.rows().filter_map(|row| index.time_ns(&row)).collect()
        };
        let span = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        let whole = pictures(&index, span);
        let rows: u32 = whole.timeline.buckets.iter().map(|bucket| bucket.rows).sum();
        assert_eq!(rows as usize, times.len());
        assert_eq!(whole.timeline.bucket_of(span.0), Some(0));
        assert_eq!(whole.timeline.bucket_of(span.1), Some(BUCKETS - 1));
        assert_eq!(whole.timeline.bucket_of(span.1 + 1), None);
        assert!(whole.latencies.count > 0 && whole.lengths.count > 0);
        // Half of the span has about the rows of its time, and none of another.
        let half = (span.0, whole.timeline.time_at(0.5).unwrap());
        let part = pictures(&index, half);
        let rows: u32 = part.timeline.buckets.iter().map(|bucket| bucket.rows).sum();
        assert_eq!(rows as usize, times.iter().filter(|&&time| time <= half.1).count());
    }

    #[test]
    fn extreme_times_have_places() {
        let timeline = Timeline::new(Some((i64::MIN, i64::MAX)));
        assert_eq!(timeline.bucket_of(i64::MIN), Some(0));
        assert_eq!(timeline.bucket_of(i64::MAX), Some(BUCKETS - 1));
        assert_eq!(timeline.time_at(0.0), Some(i64::MIN));
        let timeline = Timeline::new(Some((5, 5)));
        assert_eq!(timeline.bucket_of(5), Some(0));
    }

    #[test]
    fn a_histogram_has_each_value_between_the_ends_of_its_bar() {
        for bar in 0..BARS {
            let (least, behind) = (least_of(bar), least_of(bar + 1));
            assert!(least < behind);
            assert_eq!((bar_of(least), bar_of(behind - 1)), (bar, bar));
        }
        let mut histogram = Histogram::default();
        assert_eq!(histogram.shown().count(), 0);
        for value in [5, 6, 6, 9] {
            histogram.add(value);
        }
        let bars: Vec<(Range<u64>, u64)> = histogram.shown().collect();
        assert_eq!(bars, [(5..6, 1), (6..7, 2), (7..8, 0), (8..10, 1)]);
        histogram.add(0);
        histogram.add(u64::MAX);
        let bars: Vec<(Range<u64>, u64)> = histogram.shown().collect();
        assert_eq!(bars.len(), 63);
        assert_eq!((bars[0].clone(), bars[1].clone(), bars[2].clone()), ((0..4, 1), (4..8, 3), (8..16, 1)));
        assert_eq!(bars[62], (1 << 63..u64::MAX, 1));
    }
}
