//! Messages under each other: which ones, how they are aligned, what their bytes have in common, and in what they differ from
//! messages that were kept. The bytes of the visible ones come from [`Lookup`](super::lookup::Lookup).

mod columns;
mod difference;
mod sample;

use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::Index;
use framescope_capture::filter::written;
use framescope_parser::Direction;

use super::background::{Background, Job, JobError};
use super::document::Document;
use super::rows::{Rows, Scope};
use super::view::View;
pub(crate) use columns::{Against, Alignment, Column, Columns, byte_at};
pub(crate) use difference::{Difference, score};
pub(crate) use sample::Bytes;
use sample::Sample;

/// Which messages are under each other, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Choice {
    /// Only what this side sent.
    pub(crate) side: Option<Direction>,
    /// Only messages of this kind.
    pub(crate) kind: Option<String>,
    /// Also bytes that are no messages, and messages that are not complete.
    pub(crate) with_others: bool,
    pub(crate) alignment: Alignment,
    /// What a column may follow.
    pub(crate) against: Against,
}

impl Choice {
    /// The rows of the table that are chosen, as a scope.
    fn scope(&self, shown: &Scope) -> Scope {
        let mut tests: Vec<String> = shown.filter.iter().map(|own| format!("({own})")).collect();
        tests.push(if self.with_others { "not type == gap" } else { "type == message" }.to_owned());
        tests.extend(self.side.map(|side| format!("direction == {}", side_name(side))));
        tests.extend(self.kind.as_ref().map(|kind| format!("kind == {}", written(kind))));
        Scope { filter: Some(tests.join(" and ")), ..shown.clone() }
    }
}

fn side_name(side: Direction) -> &'static str {
    match side {
        Direction::Forward => "forward",
        Direction::Backward => "backward",
    }
}

/// A set of messages and its sample.
#[derive(Debug)]
struct Set {
    scope: Scope,
    /// The filter of the table, if there is one.
    filter: Option<String>,
    /// Rows of a finished index have other numbers.
    was_finished: bool,
    rows: Rows,
    sampling: Option<Job<Arc<Sample>>>,
    sample: Option<Arc<Sample>>,
    /// How many messages the set had when it was last sampled, and when that was.
    sampled: Option<(usize, Instant)>,
}

/// The least time between two samples of a capture that grows.
const BETWEEN: Duration = Duration::from_secs(1);

impl Set {
    fn update(&mut self, document: &Document, background: &Background) -> Result<(), JobError> {
        if let Some(done) = self.sampling.as_ref().and_then(Job::poll) {
            self.sampling = None;
            self.sample = Some(done?);
        }
        let now = background.now();
        let is_due = self.sampled.is_none_or(|(_, then)| now.saturating_duration_since(then) >= BETWEEN);
        if self.sampling.is_none() && self.rows.is_caught_up() && self.has_more() && is_due {
            let count = self.rows.len();
            self.sampled = Some((count, now));
            let row = |at| self.rows.at(at);
            self.sampling = Some(Sample::read(document.shared(), count, row, background));
        }
        Ok(())
    }

    /// Whether it has messages that were not there when it was sampled.
    fn has_more(&self) -> bool {
        self.sampled.is_none_or(|(count, _)| count < self.rows.len())
    }
}

/// A sample that others are compared with, and what it was.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    sample: Arc<Sample>,
    /// Which messages they are, in words.
    pub(crate) name: String,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) alignment: Alignment,
    pub(crate) against: Against,
    pub(crate) columns: Columns,
    /// The columns of the kept set.
    pub(crate) kept: Option<Columns>,
    /// Where these differ, the surest first.
    pub(crate) differences: Vec<Difference>,
}

/// What was counted from.
#[derive(Clone, Debug)]
struct Inputs {
    sample: Arc<Sample>,
    kept: Option<Arc<Sample>>,
    alignment: Alignment,
    against: Against,
}

impl Inputs {
    fn is_same(&self, other: &Inputs) -> bool {
        let is_kept = match (&self.kept, &other.kept) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        is_kept
            && Arc::ptr_eq(&self.sample, &other.sample)
            && (&self.alignment, self.against) == (&other.alignment, other.against)
    }
}

/// Messages under each other.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    pub(crate) choice: Choice,
    current: Option<Set>,
    /// How many sets there were.
    generation: usize,
    /// The set that replaces the current one as soon as it is sampled.
    next: Option<Set>,
    kept: Option<Kept>,
    counted: Option<Arc<Counted>>,
    counting: Option<Job<Option<Counted>>>,
    inputs: Option<Inputs>,
    error: Option<String>,
}

impl Aligned {
    /// Forgets the rows of a capture that is no longer open. What was kept stays.
    pub(crate) fn forget(&mut self) {
        let (kept, choice) = (self.kept.take(), std::mem::take(&mut self.choice));
        // The other capture may have no such kind, but the same question.
        let (choice, generation) = (Choice { kind: None, ..choice }, self.generation + 1);
        *self = Aligned { choice, kept, generation, ..Aligned::default() };
    }

    /// Keeps everything up to date with the table and the choice.
    pub(crate) fn update(&mut self, document: &Document, view: &View, background: &Background) {
        let scope = self.choice.scope(view.scope());
        let was_finished = document.index().is_finished();
        let is_this = |set: &Set| set.scope == scope && set.was_finished == was_finished;
        if !self.next.as_ref().or(self.current.as_ref()).is_some_and(is_this) {
            self.next = Some(Set {
                rows: view.find(scope.clone()),
                scope,
                filter: view.scope().filter.clone(),
                was_finished,
                sampling: None,
                sample: None,
                sampled: None,
            });
        }
        self.error = None;
        for set in self.current.iter_mut().chain(&mut self.next) {
            if let Err(error) = set.update(document, background) {
                self.error = Some(error.to_string());
            }
        }
        if self.next.as_ref().is_some_and(|next| next.sample.is_some() || next.rows.error().is_some()) {
            self.current = self.next.take();
            self.generation += 1;
        }
        self.count(background);
    }

    fn count(&mut self, background: &Background) {
        match self.counting.as_ref().and_then(Job::poll) {
            None => {}
            Some(Ok(counted)) => {
                self.counting = None;
                self.counted = counted.map(Arc::new).or(self.counted.take());
            }
            Some(Err(error)) => (self.counting, self.error) = (None, Some(error.to_string())),
        }
        let Some(sample) = self.current.as_ref().and_then(|set| set.sample.clone()) else { return };
        let inputs = Inputs {
            sample,
            kept: self.kept.as_ref().map(|kept| Arc::clone(&kept.sample)),
            alignment: self.choice.alignment.clone(),
            against: self.choice.against,
        };
        if self.inputs.as_ref().is_some_and(|known| known.is_same(&inputs)) {
            return;
        }
        self.inputs = Some(inputs.clone());
        self.counting = Some(background.spawn("columns", move |control| {
            let Inputs { sample, kept, alignment, against } = inputs;
            let columns = Columns::count(&sample, &alignment, against, control)?;
            let kept = match kept {
                Some(kept) => Some(Columns::count(&kept, &alignment, against, control)?),
                None => None,
            };
            let differences =
                kept.as_ref().map(|kept| difference::differences(kept, &columns)).unwrap_or_default();
            Some(Counted { alignment, against, columns, kept, differences })
        }));
    }

    /// The messages; None while they are being found.
    pub(crate) fn rows(&self) -> Option<&Rows> {
        self.current.as_ref().map(|set| &set.rows)
    }

    /// Another number for each set of messages.
    pub(crate) fn generation(&self) -> usize {
        self.generation
    }

    /// What their columns have in common; None while it is being counted for the first time.
    pub(crate) fn counted(&self) -> Option<Arc<Counted>> {
        self.counted.clone()
    }

    /// Whether only some of the messages were counted.
    pub(crate) fn is_sampled(&self) -> bool {
        let sample = self.current.as_ref().and_then(|set| set.sample.as_ref());
        sample.is_some_and(|sample| sample.messages.len() < sample.of)
    }

    /// Why not all is shown.
    pub(crate) fn error(&self) -> Option<String> {
        let set = self.current.as_ref();
        let of_rows = set.and_then(|set| set.rows.error()).map(|error| error.to_string());
        let of_sample = || set.and_then(|set| set.sample.as_ref()?.error.clone());
        self.error.clone().or(of_rows).or_else(of_sample)
    }

    /// When the window has to be shown again although nothing wakes it.
    pub(crate) fn next_update(&self) -> Option<Duration> {
        match &self.current {
            Some(set) if self.is_settled() => set.has_more().then_some(BETWEEN),
            // The rows of a capture that grows are found without an end that would wake the window.
            _ => Some(BETWEEN / 10),
        }
    }

    /// Whether nothing more is being found or counted.
    pub(crate) fn is_settled(&self) -> bool {
        let is_sampled = |set: &Set| set.sampling.is_none() && set.rows.is_caught_up();
        self.next.is_none() && self.counting.is_none() && self.current.as_ref().is_some_and(is_sampled)
    }

    /// The messages that others are compared with.
    pub(crate) fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Keeps the messages, to compare others with them. `of` is the name of the capture.
    pub(crate) fn keep(&mut self, of: &str) {
        let Some(set) = &self.current else { return };
        let Some(sample) = set.sample.clone() else { return };
        let mut parts = vec![of.to_owned()];
        parts.extend(self.choice.kind.clone());
        parts.extend(self.choice.side.map(|side| side_name(side).to_owned()));
        parts.extend(set.scope.flow.map(|flow| format!("conversation {flow}")));
        parts.extend(set.filter.clone());
        self.kept = Some(Kept { sample, name: parts.join(", ") });
    }

    /// Compares with nothing any more.
    pub(crate) fn stop_comparing(&mut self) {
        self.kept = None;
    }
}

/// A filter for messages that have a byte at a position; None where their beginning or end does not say where that is.
pub(crate) fn byte_test(alignment: &Alignment, position: i64, byte: u8) -> Option<String> {
    let pattern = match alignment {
        Alignment::Start if position >= 0 => format!("(?s-u)^.{{{position}}}\\x{byte:02x}"),
        Alignment::End if position < 0 => format!("(?s-u)\\x{byte:02x}.{{{}}}$", -1 - position),
        _ => return None,
    };
    Some(format!("bytes matches {}", written(&pattern)))
}

/// The kinds that messages of a capture have, no more than a menu can show.
pub(crate) fn kinds(index: &Index) -> Vec<&str> {
    const SHOWN: usize = 64;
    let mut kinds = index.kinds();
    kinds.truncate(SHOWN);
    kinds
}

#[cfg(test)]
mod tests {
    use framescope_capture::{Options, Source};

    use super::*;

    fn settled(document: &Document, view: &mut View, aligned: &mut Aligned, background: &Background) {
        for _ in 0..40 {
            view.update(&document.index());
            aligned.update(document, view, background);
            while background.step() {}
        }
        assert!(aligned.is_settled() && aligned.error().is_none(), "{:?}", aligned.error());
    }

    fn open(source: Source, background: &Background) -> (Document, View) {
        let document = Document::open(source, false, &Options::default(), background).unwrap();
        while background.step() {}
        let view = View::new(document.shared(), framescope_parser::built_in(), background);
        (document, view)
    }

    #[test]
    fn the_messages_are_those_of_the_table_that_were_chosen() {
        let background = Background::manual();
        let (document, mut view) = open(framescope_inspect::sample::source(), &background);
        let mut aligned = Aligned::default();
        settled(&document, &mut view, &mut aligned, &background);
        let all = aligned.rows().unwrap().len();
        aligned.choice.kind = Some("DATA".to_owned());
        aligned.choice.side = Some(Direction::Forward);
        view.show_filtered(Some("length > 30 or row == 1".to_owned()));
        settled(&document, &mut view, &mut aligned, &background);
        let rows = aligned.rows().unwrap();
        assert!(!rows.is_empty() && rows.len() < all);
        let index = document.index();
        for row in (0..rows.len()).filter_map(|at| rows.at(at)) {
            let row = index.row(row).unwrap();
            assert_eq!((index.kind(&row), index.direction(&row)), (Some("DATA"), Direction::Forward));
            assert!(row.length > 30);
        }
        let counted = aligned.counted().unwrap();
        assert_eq!((counted.columns.messages, counted.differences.len()), (rows.len(), 0));
        assert_eq!(counted.columns.at(3).unwrap().most_frequent(), Some((3, 1.0)), "the kind's byte");
    }

    #[test]
    fn messages_with_a_byte_at_a_position_are_found() {
        let background = Background::manual();
        let (document, mut view) = open(framescope_inspect::sample::source(), &background);
        let mut aligned = Aligned::default();
        for (alignment, position, byte) in [
            (Alignment::Start, 3, 0x04),
            (Alignment::Start, 0, 0xf5),
            (Alignment::End, -1, b't'),
            (Alignment::End, -3, 0),
        ] {
            view.show_all();
            aligned.choice.alignment = alignment.clone();
            settled(&document, &mut view, &mut aligned, &background);
            let share = aligned.counted().unwrap().columns.at(position).unwrap().share(byte);
            let all = aligned.rows().unwrap().len();
            view.show_filtered(byte_test(&alignment, position, byte));
            settled(&document, &mut view, &mut aligned, &background);
            let counted = aligned.counted().unwrap();
            assert_eq!(counted.columns.at(position).unwrap().most_frequent(), Some((byte, 1.0)));
            #[allow(clippy::cast_precision_loss)]
            let found = counted.columns.messages as f64 / all as f64;
            assert!((found - share).abs() < 0.2, "{alignment:?} {position}: {found} and {share}");
        }
        assert_eq!(byte_test(&Alignment::At(vec![1]), 0, 1), None);
        assert_eq!(byte_test(&Alignment::Start, -1, 1), None);
    }

    #[test]
    fn messages_that_come_are_counted_within_a_second() {
        let capture = include_bytes!("../../../../corpus/captures/missive-chat/capture.pcapng");
        let (first, rest) = capture.split_at(capture.len() / 2);
        let (source, growth) = Source::growing("grows", tempfile::tempfile().unwrap()).unwrap();
        growth.append(first).unwrap();
        let background = Background::manual();
        let (document, mut view) = open(source, &background);
        let mut aligned = Aligned::default();
        let mut messages = || {
            for _ in 0..20 {
                background.advance(BETWEEN / 10);
                view.update(&document.index());
                aligned.update(&document, &view, &background);
                while background.step() {}
            }
            assert_eq!(aligned.next_update(), None);
            aligned.counted().unwrap().columns.messages
        };
        let before = messages();
        growth.append(rest).unwrap();
        assert!(0 < before && before < messages());
    }

    #[test]
    fn kept_messages_are_compared_with_those_of_another_filter_or_file() {
        let background = Background::manual();
        let (document, mut view) = open(framescope_inspect::sample::source(), &background);
        let mut aligned = Aligned::default();
        aligned.choice.kind = Some("DATA".to_owned());
        settled(&document, &mut view, &mut aligned, &background);
        aligned.keep("sample");
        assert_eq!(aligned.kept().unwrap().name, "sample, DATA");
        settled(&document, &mut view, &mut aligned, &background);
        assert!(aligned.counted().unwrap().differences.is_empty(), "they are the same");
        aligned.choice.kind = Some("ACK".to_owned());
        settled(&document, &mut view, &mut aligned, &background);
        let positions = |aligned: &Aligned| -> Vec<i64> {
            aligned.counted().unwrap().differences.iter().map(|found| found.position).collect()
        };
        assert!(positions(&aligned).contains(&3), "{:?}", positions(&aligned));
        // Another capture.
        aligned.forget();
        assert!(aligned.rows().is_none() && aligned.kept().is_some());
        let source = Source::from_bytes(
            "chat",
            *include_bytes!("../../../../corpus/captures/missive-chat/capture.pcapng"),
        );
        let (document, mut view) = open(source, &background);
        settled(&document, &mut view, &mut aligned, &background);
        assert!(aligned.counted().unwrap().kept.is_some());
        aligned.stop_comparing();
        settled(&document, &mut view, &mut aligned, &background);
        assert!(aligned.counted().unwrap().kept.is_none());
    }
}
