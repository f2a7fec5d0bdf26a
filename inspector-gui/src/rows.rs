//! Which rows are looked at, and in which order: found in the background, so that the window never waits for it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::filter::{Column, Evaluator, Filter};
use framescope_capture::{Index, Row};
use framescope_parser::Protocol;
use parking_lot::RwLock;

use crate::background::{Background, Job, Then, Watch};
use crate::document::SharedIndex;

/// What rows are looked at. As it is, all are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Narrowing {
    /// Those of one conversation.
    pub flow: Option<u32>,
    /// Those captured in this span, in nanoseconds since the Unix epoch.
    pub span: Option<Range<i64>>,
    /// Those that an expression is true of.
    pub filter: Option<String>,
}

impl Narrowing {
    /// Whether all rows are looked at.
    pub fn is_all(&self) -> bool {
        *self == Narrowing::default()
    }
}

/// A column to put rows in the order of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column.
    pub column: Column,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl Sort {
    /// Whether rows can be put in the order of a column: what has to be taken apart for it is not kept.
    pub fn is_possible(column: Column) -> bool {
        !matches!(column, Column::Summary | Column::Comment | Column::Bytes | Column::Address | Column::Port)
    }
}

/// Rows that are being found, or were.
#[derive(Debug)]
pub struct Rows {
    found: Arc<RwLock<Found>>,
    job: Job<()>,
    begun: Instant,
    background: Background,
}

#[derive(Debug, Default)]
struct Found {
    rows: Vec<u32>,
    error: Option<String>,
}

/// Rows looked through between two looks at whether anybody still wants them.
const CHUNK: usize = 4096;
/// The same at most, once there are all rows.
const MOST_AT_ONCE: usize = 1 << 18;
/// How long to wait for a capture that is being read to have more rows.
const WAIT: Duration = Duration::from_millis(15);

/// What is needed to find rows.
pub(crate) struct Search {
    pub(crate) index: SharedIndex,
    pub(crate) narrowing: Narrowing,
    pub(crate) sort: Option<Sort>,
    pub(crate) protocols: Vec<Arc<dyn Protocol>>,
}

/// How far a search is.
struct Progress {
    filter: Option<Filter>,
    /// How many rows were looked through.
    at: usize,
}

impl Rows {
    /// Begins to find the rows.
    pub(crate) fn find(search: Search, background: &Background) -> Rows {
        let found = Arc::new(RwLock::new(Found::default()));
        let (theirs, mut progress) = (Arc::clone(&found), search.begin());
        let job = background.begin_steps("rows", move |watch| {
            let step = match &mut progress {
                Ok(progress) => search.step(progress, watch, &theirs),
                Err(error) => Err(error.clone()),
            };
            step.unwrap_or_else(|error| {
                theirs.write().error = Some(error);
                Then::Done(())
            })
        });
        Rows { found, job, begun: background.now(), background: background.clone() }
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.found.read().rows.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all were found.
    pub fn is_done(&self) -> bool {
        self.job.is_over()
    }

    /// How far the search is, from 0 to 1.
    pub fn progress(&self) -> f32 {
        self.job.progress()
    }

    /// Why they could not all be found.
    pub fn error(&self) -> Option<String> {
        let broken = self.job.broken().map(|panic| format!("a bug of ours: {panic}"));
        broken.or_else(|| self.found.read().error.clone())
    }

    /// How long it has been.
    pub(crate) fn age(&self) -> Duration {
        self.background.now().saturating_duration_since(self.begun)
    }

    /// The row at a place.
    pub fn at(&self, place: usize) -> Option<u32> {
        self.found.read().rows.get(place).copied()
    }

    /// Where a row stands. `is_sorted` says that another order was asked for than that of the rows.
    pub(crate) fn place_of(&self, row: u32, is_sorted: bool) -> Option<usize> {
        let found = self.found.read();
        match is_sorted {
            false => found.rows.binary_search(&row).ok(),
            true => found.rows.iter().position(|&known| known == row),
        }
    }

    /// What gives some of the rows from a place on, none behind the last; few enough that nobody waits.
    pub(crate) fn chunks(&self) -> impl Fn(usize) -> Vec<u32> + Send + 'static {
        let found = Arc::clone(&self.found);
        move |from| {
            let found = found.read();
            let end = found.rows.len().min(from + CHUNK);
            found.rows.get(from..end).unwrap_or_default().to_vec()
        }
    }
}

impl Search {
    /// Whether one row is among those that are looked for.
    pub(crate) fn is_for(&self, row: u32) -> bool {
        let filter =
            self.narrowing.filter.as_ref().map(|text| Filter::parse(text, &self.protocols)).transpose();
        let Ok(filter) = filter else { return false };
        let index = self.index.read_recursive();
        self.is_among(&index, row)
            && filter.is_none_or(|filter| Evaluator::new(&filter, &index).matches(row).unwrap_or(false))
    }

    fn begin(&self) -> Result<Progress, String> {
        let parse = |text: &String| Filter::parse(text, &self.protocols).map_err(|error| error.text);
        let filter = self.narrowing.filter.as_ref().map(parse).transpose()?;
        Ok(Progress { filter, at: 0 })
    }

    fn step(
        &self,
        progress: &mut Progress,
        watch: &Watch,
        found: &RwLock<Found>,
    ) -> Result<Then<()>, String> {
        let Progress { filter, at } = progress;
        let index = self.index.read();
        let is_finished = index.is_finished();
        // The first rows are to be there soon, and the others in few steps that more than one thread can share. Who reads the
        // capture waits for the index meanwhile, so that there is less at once before it is complete.
        let at_once = if is_finished { (*at).clamp(CHUNK, MOST_AT_ONCE) } else { CHUNK };
        let (all, end) = (index.row_count(), index.row_count().min(*at + at_once));
        let mut batch = Vec::new();
        let failed = |error: std::io::Error| error.to_string();
        match filter {
            Some(filter) if self.is_among_all() => {
                Evaluator::new(filter, &index).rows_in(*at..end, &mut batch).map_err(failed)?;
            }
            filter => {
                let numbers = (*at..end).filter_map(|number| u32::try_from(number).ok());
                batch.extend(numbers.filter(|&number| self.is_among(&index, number)));
                if let Some(filter) = filter {
                    Evaluator::new(filter, &index).retain(&mut batch).map_err(failed)?;
                }
            }
        }
        drop(index);
        *at = end;
        watch.goes_on(end as u64, all as u64);
        // Until they are in their order there is none to show.
        if self.sort.is_none() || is_finished {
            found.write().rows.extend_from_slice(&batch);
        }
        if end < all || !is_finished && !batch.is_empty() {
            return Ok(Then::Again);
        }
        if !is_finished {
            return Ok(Then::After(WAIT));
        }
        if let Some(sort) = self.sort {
            let rows = std::mem::take(&mut found.write().rows);
            let sorted = sorted(&self.index.read(), rows, sort, watch);
            found.write().rows = sorted;
        }
        Ok(Then::Done(()))
    }

    /// Whether a filter is asked of all rows.
    fn is_among_all(&self) -> bool {
        self.narrowing.flow.is_none() && self.narrowing.span.is_none()
    }

    /// Whether a row is of the conversation and the span of time that are looked at.
    fn is_among(&self, index: &Index, number: u32) -> bool {
        let Narrowing { flow, span, .. } = &self.narrowing;
        if self.is_among_all() {
            return true;
        }
        let Some(row) = index.row(number) else { return false };
        flow.is_none_or(|flow| row.flow() == flow)
            && span.as_ref().is_none_or(|span| index.time_ns(&row).is_some_and(|time| span.contains(&time)))
    }
}

/// Rows in the order of a column; those of the same value as they were. What has no value comes last.
fn sorted(index: &Index, rows: Vec<u32>, sort: Sort, watch: &Watch) -> Vec<u32> {
    let mut key = Key { index, column: sort.column, ranks: HashMap::new() };
    let mut keyed: Vec<(Option<u64>, u32)> = Vec::with_capacity(rows.len());
    for (done, number) in rows.into_iter().enumerate() {
        if done % CHUNK == 0 && watch.is_cancelled() {
            return Vec::new();
        }
        let value = index.row(number).and_then(|row| key.of(number, &row));
        keyed.push((value, number));
    }
    match sort.descending {
        false => keyed.sort_unstable_by_key(|&(value, number)| (value.is_none(), value, number)),
        true => keyed.sort_unstable_by_key(|&(value, number)| (value.is_none(), Reverse(value), number)),
    }
    keyed.into_iter().map(|(_, number)| number).collect()
}

/// Numbers that stand to each other as a column's values do.
struct Key<'i> {
    index: &'i Index,
    column: Column,
    /// The places of the kinds in their order.
    ranks: HashMap<&'i str, u64>,
}

impl Key<'_> {
    fn of(&mut self, number: u32, row: &Row) -> Option<u64> {
        let index = self.index;
        // Signed numbers in the order of unsigned ones.
        let ordered = |time: i64| time.cast_unsigned() ^ (1 << 63);
        match self.column {
            Column::Row => Some(number.into()),
            Column::Flow => Some(row.flow().into()),
            Column::Packet => index.segments(row).map(|segment| u64::from(segment.packet)).max(),
            Column::Offset => Some(row.offset),
            Column::Length => Some(row.length),
            Column::Time => self.index.time_ns(row).map(ordered),
            Column::Latency => index.reply_to(number).and_then(|(_, latency)| latency).map(ordered),
            Column::ReplyTo => index.reply_to(number).map(|(to, _)| to.into()),
            Column::AnsweredBy => index.answered_by(number).map(u64::from),
            Column::PartOf => index.part_of(number).map(u64::from),
            Column::MissingBytes => index.missing_bytes(row),
            Column::SrcPort => index.endpoints(row).map(|(src, _)| src.port().into()),
            Column::DstPort => index.endpoints(row).map(|(_, dst)| dst.port().into()),
            Column::Src => index.endpoints(row).map(|(src, _)| address_rank(src.ip(), src.port())),
            Column::Dst => index.endpoints(row).map(|(_, dst)| address_rank(dst.ip(), dst.port())),
            Column::Direction => Some(index.direction(row).index() as u64),
            Column::Transport => {
                index.flows().get(row.flow() as usize).map(|flow| text_rank(flow.transport.as_str()))
            }
            Column::Protocol => index.protocol(row).map(|protocol| text_rank(protocol.name())),
            Column::Type => Some(text_rank(row.type_name())),
            Column::Kind => index.kind(row).map(|kind| self.rank_of_kind(kind)),
            // The worst first among those that have any.
            Column::Severity | Column::Problems => {
                let severity = row.severity()? as u64;
                let code = row.codes.iter().max_by_key(|code| code.severity()).map_or(0, |code| code as u64);
                Some(severity << 32 | code)
            }
            Column::Summary | Column::Comment | Column::Bytes | Column::Address | Column::Port => None,
        }
    }

    fn rank_of_kind(&mut self, kind: &str) -> u64 {
        if self.ranks.is_empty() {
            self.ranks = self.index.kinds().into_iter().zip(0..).collect();
        }
        self.ranks.get(kind).copied().unwrap_or(u64::MAX)
    }
}

/// The first eight bytes of a text decide.
fn text_rank(text: &str) -> u64 {
    text.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |rank, byte| rank << 8 | u64::from(byte))
}

/// The order of addresses, as far as 48 bits can tell, and in it that of ports.
fn address_rank(address: std::net::IpAddr, port: u16) -> u64 {
    let address = match address {
        std::net::IpAddr::V4(address) => u64::from(address.to_bits()),
        // Behind all of version 4; those of one network mostly differ at their ends.
        std::net::IpAddr::V6(address) => {
            let bits = address.to_bits();
            1 << 47 | u64::try_from((bits ^ bits >> 64) & 0x7FFF_FFFF_FFFF).unwrap_or(0)
        }
    };
    address << 16 | u64::from(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    fn rows(narrowing: Narrowing, sort: Option<Sort>) -> (SharedIndex, Vec<u32>, Option<String>) {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let protocols = framescope_capture::protocols(None);
        let search = Search { index: Arc::clone(&index), narrowing, sort, protocols };
        let background = Background::by_hand();
        let rows = Rows::find(search, &background);
        while background.step() {}
        assert!(rows.is_done());
        let all = (0..rows.len()).filter_map(|place| rows.at(place)).collect();
        (index, all, rows.error())
    }

    #[test]
    fn rows_are_found_by_conversation_span_and_filter_together() {
        let (index, all, _) = rows(Narrowing::default(), None);
        assert_eq!(all.len(), index.read().row_count());
        let times: Vec<i64> = {
            let index = index.read();
            index.rows().filter_map(|row| index.time_ns(&row)).collect()
        };
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        let span = *first..first + (last - first) / 2;
        let narrowing =
            Narrowing { flow: Some(2), span: Some(span.clone()), filter: Some("length > 20".to_owned()) };
        let (index, found, error) = rows(narrowing, None);
        assert_eq!(error, None);
        let index = index.read();
        let expected: Vec<u32> = (0..)
            .zip(index.rows())
            .filter(|(_, row)| {
                row.flow() == 2
                    && row.length > 20
                    && index.time_ns(row).is_some_and(|time| span.contains(&time))
            })
            .map(|(number, _)| number)
            .collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(found, expected);
    }

    #[test]
    fn every_column_puts_rows_in_its_order_and_keeps_all() {
        for (column, name, _) in Column::ALL {
            if !Sort::is_possible(*column) {
                continue;
            }
            let (index, up, _) =
                rows(Narrowing::default(), Some(Sort { column: *column, descending: false }));
            let (_, down, _) = rows(Narrowing::default(), Some(Sort { column: *column, descending: true }));
            let mut numbers = up.clone();
            numbers.sort_unstable();
            assert!(
                numbers.iter().copied().eq(0..u32::try_from(index.read().row_count()).unwrap()),
                "{name}"
            );
            let index = index.read();
            let mut key = Key { index: &index, column: *column, ranks: HashMap::new() };
            let mut keys = |rows: &[u32]| -> Vec<u64> {
                rows.iter().filter_map(|&number| key.of(number, &index.row(number).unwrap())).collect()
            };
            let (rising, mut falling) = (keys(&up), keys(&down));
            assert!(rising.is_sorted(), "{name}");
            falling.reverse();
            assert_eq!(rising, falling, "{name}");
        }
    }

    #[test]
    fn a_filter_that_is_none_says_so() {
        let (_, found, error) =
            rows(Narrowing { filter: Some("knid == X".to_owned()), ..Narrowing::default() }, None);
        assert!(found.is_empty() && error.unwrap().contains("knid"));
    }
}
