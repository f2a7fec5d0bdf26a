//! Charts of the rows that are shown: when they were captured, how long messages are, and how long replies took.

use std::ops::Range;
use std::sync::Arc;

use framescope_capture::{Row, RowId};
use framescope_parser::{Severity, SpanType};

use super::super::background::{Background, Job};
use super::super::document::SharedIndex;
use super::CHUNK;

/// The rows in one of many equal parts of a time span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// How many rows.
    pub rows: u32,
    /// How many of them have a warning as their worst problem.
    pub warnings: u32,
    /// How many of them have an error.
    pub errors: u32,
}

/// How many rows were captured when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// The first and the last time, in nanoseconds since the Unix epoch.
    pub span: Option<(i64, i64)>,
    /// Equal parts of the span.
    pub buckets: Vec<Bucket>,
    /// How many rows are in all buckets together.
    pub rows: u64,
    /// How many rows are in the fullest bucket.
    pub most: u32,
}

/// How many buckets a timeline has.
pub const BUCKETS: usize = 480;

impl Timeline {
    fn new(span: Option<(i64, i64)>) -> Timeline {
        Timeline { span, buckets: vec![Bucket::default(); BUCKETS], rows: 0, most: 0 }
    }

    fn add(&mut self, row: &Row, time: i64) {
        let Some(bucket) = self.bucket_of(time) else { return };
        let severity = row.severity();
        let Some(bucket) = self.buckets.get_mut(bucket) else { return };
        bucket.rows = bucket.rows.saturating_add(1);
        self.rows += 1;
        self.most = self.most.max(bucket.rows);
        match severity {
            Some(Severity::Error) => bucket.errors += 1,
            Some(Severity::Warning) => bucket.warnings += 1,
            _ => {}
        }
    }

    /// The bucket of a time.
    pub fn bucket_of(&self, time: i64) -> Option<usize> {
        let (first, last) = self.span?;
        let all = i128::from(last) - i128::from(first) + 1;
        let at = (i128::from(time) - i128::from(first)) * BUCKETS as i128 / all;
        usize::try_from(at).ok().filter(|&at| time >= first && at < BUCKETS)
    }

    /// The time at a share of the span, from 0 to 1.
    pub fn time_at(&self, share: f64) -> Option<i64> {
        let (first, last) = self.span?;
        let all = i128::from(last) - i128::from(first) + 1;
        // A share of a span is between its ends.
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let passed = (all as f64 * share.clamp(0.0, 1.0)) as i128;
        i64::try_from(i128::from(first) + passed).ok()
    }
}

/// How many values there are of each magnitude, with four bars from each power of two to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BARS],
    /// The visible bars: the values that each counts, and how many there are.
    pub bars: Vec<(Range<u64>, u64)>,
    /// The highest count of a bar.
    pub most: u64,
    /// How many values.
    pub count: u64,
    /// The least and the greatest.
    pub ends: Option<(u64, u64)>,
}

const BARS: usize = 252;
/// The most bars that are shown; if there are more, two or four are merged.
const SHOWN: usize = 40;

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [0; BARS], bars: Vec::new(), most: 0, count: 0, ends: None }
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

/// The least value that a bar counts. After the last bar, the greatest value there is.
fn least_of(bar: usize) -> u64 {
    match bar {
        0..4 => bar as u64,
        BARS.. => u64::MAX,
        _ => (4 + bar as u64 % 4) << (bar / 4 - 1),
    }
}

impl Histogram {
    fn add(&mut self, value: u64) {
        if let Some(bar) = self.counts.get_mut(bar_of(value)) {
            *bar += 1;
        }
        self.count += 1;
        let (least, greatest) = self.ends.unwrap_or((value, value));
        self.ends = Some((least.min(value), greatest.max(value)));
    }

    /// Makes the visible bars, from the first to the last that counts a value.
    fn finish(&mut self) {
        let (first, last) = match self.ends {
            Some((least, greatest)) => (bar_of(least), bar_of(greatest) + 1),
            None => (0, 0),
        };
        // In each case a power of two starts a bar.
        let step = [1, 2, 4].into_iter().find(|step| (last - first) / step <= SHOWN).unwrap_or(4);
        let bars = (first / step * step..last).step_by(step).map(|bar| {
            let counts = self.counts.get(bar..(bar + step).min(BARS)).unwrap_or_default();
            (least_of(bar)..least_of(bar + step), counts.iter().sum())
        });
        self.bars = bars.collect();
        self.most = self.bars.iter().map(|(_, count)| *count).max().unwrap_or(0);
    }
}

/// The charts of the rows that are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charts {
    /// Rows over time.
    pub timeline: Timeline,
    /// The lengths of messages, in bytes.
    pub lengths: Histogram,
    /// The latencies of replies, in nanoseconds.
    pub latencies: Histogram,
}

/// Returns a chunk of rows from a position on; an empty one after the last.
pub(crate) type Chunks = Box<dyn Fn(usize) -> Vec<RowId> + Send>;

/// All rows of an index.
pub(crate) fn all_rows(index: &SharedIndex) -> Chunks {
    let index = Arc::clone(index);
    Box::new(move |from| index.read().row_ids_in(from..from.saturating_add(CHUNK)).collect())
}

/// Starts to make the charts of some rows over a time span.
pub(crate) fn chart(
    index: SharedIndex,
    rows: Chunks,
    span: Option<(i64, i64)>,
    background: &Background,
) -> Job<Charts> {
    background.spawn("charts", move |control| {
        let mut charts = Charts { timeline: Timeline::new(span), ..Charts::default() };
        let mut at = 0;
        loop {
            let chunk = rows(at);
            if chunk.is_empty() || control.is_cancelled() {
                charts.lengths.finish();
                charts.latencies.finish();
                return charts;
            }
            at += chunk.len();
            let index = index.read();
            for number in chunk {
                let Some(row) = index.row(number) else { continue };
                let time = index.time_ns(&row);
                charts.add(&row, time, index.reply_to(number).and_then(|(_, latency)| latency));
            }
        }
    })
}

impl Charts {
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
    use super::super::tests::sample;
    use super::*;

    fn charts(index: &SharedIndex, span: (i64, i64)) -> Charts {
        let background = Background::manual();
        let job = chart(Arc::clone(index), all_rows(index), Some(span), &background);
        while background.step() {}
        job.poll().unwrap().unwrap()
    }

    #[test]
    fn every_row_is_in_the_timeline_once() {
        let index = sample();
        let times: Vec<i64> = {
            let index = index.read();
            index.rows().filter_map(|(_, row)| index.time_ns(&row)).collect()
        };
        let span = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        let whole = charts(&index, span);
        let rows: u32 = whole.timeline.buckets.iter().map(|bucket| bucket.rows).sum();
        assert_eq!((u64::from(rows), whole.timeline.rows), (times.len() as u64, times.len() as u64));
        assert_eq!(Some(whole.timeline.most), whole.timeline.buckets.iter().map(|bucket| bucket.rows).max());
        assert_eq!(whole.timeline.bucket_of(span.0), Some(0));
        assert_eq!(whole.timeline.bucket_of(span.1), Some(BUCKETS - 1));
        assert_eq!(whole.timeline.bucket_of(span.1 + 1), None);
        assert!(whole.latencies.count > 0 && whole.lengths.count > 0);
        // Half of the span has the rows of its time, and no others.
        let half = (span.0, whole.timeline.time_at(0.5).unwrap());
        let part = charts(&index, half);
        let rows: u32 = part.timeline.buckets.iter().map(|bucket| bucket.rows).sum();
        assert_eq!(rows as usize, times.iter().filter(|&&time| time <= half.1).count());
    }

    #[test]
    fn extreme_times_have_buckets() {
        let timeline = Timeline::new(Some((i64::MIN, i64::MAX)));
        assert_eq!(timeline.bucket_of(i64::MIN), Some(0));
        assert_eq!(timeline.bucket_of(i64::MAX), Some(BUCKETS - 1));
        assert_eq!(timeline.time_at(0.0), Some(i64::MIN));
        let timeline = Timeline::new(Some((5, 5)));
        assert_eq!(timeline.bucket_of(5), Some(0));
    }

    #[test]
    fn a_histogram_counts_each_value_in_the_bar_of_its_magnitude() {
        for bar in 0..BARS {
            let (least, behind) = (least_of(bar), least_of(bar + 1));
            assert!(least < behind);
            assert_eq!((bar_of(least), bar_of(behind - 1)), (bar, bar));
        }
        let mut histogram = Histogram::default();
        histogram.finish();
        assert!(histogram.bars.is_empty() && histogram.most == 0);
        for value in [5, 6, 6, 9] {
            histogram.add(value);
        }
        histogram.finish();
        assert_eq!((histogram.most, histogram.bars.len()), (2, 4));
        assert_eq!(histogram.bars, [(5..6, 1), (6..7, 2), (7..8, 0), (8..10, 1)]);
        histogram.add(0);
        histogram.add(u64::MAX);
        histogram.finish();
        let bars = &histogram.bars;
        assert_eq!(bars.len(), 63);
        assert_eq!((bars[0].clone(), bars[1].clone(), bars[2].clone()), ((0..4, 1), (4..8, 3), (8..16, 1)));
        assert_eq!(bars[62], (1 << 63..u64::MAX, 1));
    }
}
