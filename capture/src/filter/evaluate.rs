//! Which rows an expression is true of.
//!
//! Rows are looked at by blocks, several of them at once. What depends on a row's label or stream only is answered once for
//! each of these and looked up for a whole block, then what stands in the index is, for the rows which that leaves open;
//! and only where it does not decide are a row's bytes read.

use std::fmt::{self, Debug};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use framescope_parser::{FieldSelection, Protocol};

use super::block::{Bits, Known, ROWS};
use super::column::Column;
use super::conditions::{by_group, in_index, of_block};
use super::messages::Messages;
use super::parse::{Condition, Expression, Subject, Test};
use crate::Index;

/// An expression that was understood, ready to be asked of rows.
///
/// It keeps what it found out of an index, so one is for one index; after [`Index::is_finished`] has become true, and for
/// another index, [`reset`](Filter::reset) it. A clone has found out nothing yet and costs little: one for each thread that
/// looks at rows.
pub struct Filter {
    pub(super) understood: Arc<Understood>,
    state: State,
    /// What other threads found out.
    others: Vec<State>,
}

/// What an expression says.
#[derive(Debug)]
pub(super) struct Understood {
    pub(super) nodes: Node,
    pub(super) tests: Vec<Prepared>,
    /// The tests that need no message, what is known soonest first.
    before_messages: Vec<usize>,
}

/// An expression whose tests are numbers.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(usize),
}

#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) test: Test,
    pub(super) tier: Tier,
    /// Whether a message must contain what the field is to contain.
    pub(super) is_verbatim: bool,
}

/// What a test has to look at, what is known soonest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Label,
    Stream,
    Index,
    Bytes,
    Message,
}

/// What was found out of an index, and the memory that looking at it needs.
#[derive(Default)]
struct State {
    /// For each test what is known by label or by stream.
    known: Vec<Groups>,
    answers: Vec<Known>,
    messages: Messages,
}

/// Answers by the number of a label or stream.
#[derive(Default)]
struct Groups(Vec<Option<bool>>);

/// Rows that a thread looks at before it takes others. As many are not worth a second thread.
const AT_ONCE: usize = 16 * ROWS as usize;

fn tier(test: &Test) -> Tier {
    match &test.subject {
        Subject::Field { .. } => Tier::Message,
        Subject::Column(column) => match column {
            Column::Type | Column::Kind | Column::Problems | Column::Severity => Tier::Label,
            Column::Flow
            | Column::Direction
            | Column::Transport
            | Column::Protocol
            | Column::Src
            | Column::Dst
            | Column::Address
            | Column::SrcPort
            | Column::DstPort
            | Column::Port => Tier::Stream,
            Column::Row
            | Column::Packet
            | Column::Offset
            | Column::Length
            | Column::Time
            | Column::Latency
            | Column::ReplyTo
            | Column::AnsweredBy
            | Column::PartOf
            | Column::MissingBytes
            | Column::Comment => Tier::Index,
            Column::Bytes => Tier::Bytes,
            Column::Summary => Tier::Message,
        },
    }
}

impl Clone for Filter {
    fn clone(&self) -> Self {
        Filter { understood: Arc::clone(&self.understood), state: State::default(), others: Vec::new() }
    }
}

impl Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("understood", &self.understood).finish_non_exhaustive()
    }
}

impl Filter {
    pub(super) fn new(expression: Expression, protocols: &[Arc<dyn Protocol>]) -> Filter {
        let verbatim = protocols.iter().all(|protocol| protocol.names().verbatim);
        let mut tests = Vec::new();
        let nodes = nodes(expression, &mut tests);
        let prepare = |test: Test| {
            let contains = matches!(test.condition, Condition::Contains(_));
            let is_verbatim = verbatim && contains && matches!(test.subject, Subject::Field { .. });
            Prepared { tier: tier(&test), test, is_verbatim }
        };
        let tests: Vec<Prepared> = tests.into_iter().map(prepare).collect();
        let tier_of = |test: &usize| tests.get(*test).map_or(Tier::Message, |prepared| prepared.tier);
        let mut before_messages: Vec<usize> = (0..tests.len()).collect();
        before_messages.retain(|test| tier_of(test) < Tier::Bytes);
        before_messages.sort_by_key(tier_of);
        let understood = Arc::new(Understood { nodes, tests, before_messages });
        Filter { understood, state: State::default(), others: Vec::new() }
    }

    /// Forgets what it found out of an index.
    pub fn reset(&mut self) {
        self.state = State::default();
        self.others.clear();
    }

    /// The numbers of all rows of an index that it is true of, in rising order.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn rows(&mut self, index: &Index) -> io::Result<Vec<u32>> {
        let mut rows = Vec::new();
        self.rows_from(index, 0..index.row_count(), &mut rows)?;
        Ok(rows)
    }

    /// Appends the numbers of the rows in `range` that it is true of, in rising order. A range of more than 65,536 rows is looked
    /// at by as many threads as the machine has processors.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn rows_from(&mut self, index: &Index, range: Range<usize>, rows: &mut Vec<u32>) -> io::Result<()> {
        let range = range.start..range.end.min(index.row_count());
        if range.len() <= AT_ONCE {
            return self.state.rows_from(&self.understood, index, range, rows);
        }
        let processors = thread::available_parallelism().map_or(1, usize::from);
        self.rows_by(processors, AT_ONCE, index, range, rows)
    }

    /// The same by so many threads at most, each of which takes so many rows at once.
    pub(super) fn rows_by(
        &mut self,
        threads: usize,
        at_once: usize,
        index: &Index,
        range: Range<usize>,
        rows: &mut Vec<u32>,
    ) -> io::Result<()> {
        let parts = range.len().div_ceil(at_once.max(1));
        self.others.resize_with(threads.min(parts).saturating_sub(1), State::default);
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let understood = &self.understood;
        let look = |state: &mut State| loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            let start = range.start.saturating_add(part.saturating_mul(at_once));
            if start >= range.end {
                break;
            }
            let part_range = start..start.saturating_add(at_once).min(range.end);
            let mut rows = Vec::new();
            let looked = state.rows_from(understood, index, part_range, &mut rows);
            if looked.is_err() {
                // Nobody need look at those behind.
                next.store(parts, Ordering::Relaxed);
            }
            let rows = looked.map(|()| rows);
            found.lock().unwrap_or_else(PoisonError::into_inner).push((part, rows));
        };
        thread::scope(|scope| {
            for state in &mut self.others {
                // Where no thread can be had, those that are there do its work.
                let _ = thread::Builder::new().name("filter".to_owned()).spawn_scoped(scope, || look(state));
            }
            look(&mut self.state);
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|(part, _)| *part);
        for (_, part) in found {
            rows.extend(part?);
        }
        Ok(())
    }

    /// Keeps those of some rows that it is true of. Quickest when they stand in rising order.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn retain(&mut self, index: &Index, rows: &mut Vec<u32>) -> io::Result<()> {
        let mut kept = Vec::new();
        let mut rest = rows.as_slice();
        while let Some(&row) = rest.first() {
            let first = row - row % ROWS;
            let is_next = |pair: &[u32]| matches!(pair, [a, b] if a < b && b - first < ROWS);
            let count = 1 + rest.windows(2).take_while(|pair| is_next(pair)).count();
            let (block, behind) = rest.split_at(count);
            let mut asked = Bits::default();
            block.iter().for_each(|row| asked.insert(row - first));
            self.state.block(&self.understood, index, first, asked, &mut kept)?;
            rest = behind;
        }
        *rows = kept;
        Ok(())
    }

    /// Whether it is true of a row. For many rows [`rows_from`](Filter::rows_from) and [`retain`](Filter::retain) are quicker.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn is_true_of(&mut self, index: &Index, number: u32) -> io::Result<bool> {
        let mut rows = vec![number];
        self.retain(index, &mut rows)?;
        Ok(!rows.is_empty())
    }
}

impl State {
    fn rows_from(
        &mut self,
        understood: &Understood,
        index: &Index,
        range: Range<usize>,
        rows: &mut Vec<u32>,
    ) -> io::Result<()> {
        let Ok(end) = u32::try_from(range.end.min(index.row_count())) else { return Ok(()) };
        let mut first = u32::try_from(range.start).unwrap_or(end);
        while first < end {
            let count = (end - first).min(ROWS);
            self.block(understood, index, first, Bits::first(count), rows)?;
            first += count;
        }
        Ok(())
    }

    /// Appends the rows that it is true of, of those that are asked for of the block that begins with `first`.
    fn block(
        &mut self,
        understood: &Understood,
        index: &Index,
        first: u32,
        asked: Bits,
        rows: &mut Vec<u32>,
    ) -> io::Result<()> {
        let there = usize::try_from(first).map_or(0, |first| index.row_count().saturating_sub(first));
        let asked = asked.and(&Bits::first(u32::try_from(there).unwrap_or(ROWS)));
        let tests = &understood.tests;
        self.answers.clear();
        self.answers.resize(tests.len(), Known::NOTHING);
        self.known.resize_with(tests.len(), Groups::default);
        let (mut seen, mut open) = (Known::NOTHING, asked);
        for &number in &understood.before_messages {
            if open.is_empty() {
                break;
            }
            let Some(prepared) = tests.get(number) else { continue };
            let yes = self.answer(number, prepared, index, first, &open);
            if let Some(answer) = self.answers.get_mut(number) {
                *answer = Known { yes, no: open.without(&yes) };
            }
            seen = evaluate_block(&understood.nodes, &self.answers);
            open = asked.without(&seen.yes).without(&seen.no);
        }
        let State { answers, messages, .. } = self;
        for place in asked.without(&seen.no).iter() {
            let is_true = seen.yes.contains(place)
                || messages.holds(understood, index, first + place, &|test| {
                    answers.get(test).and_then(|known| known.of(place))
                })?;
            if is_true {
                rows.push(first + place);
            }
        }
        Ok(())
    }

    /// The rows of which a test is true that looks at no message.
    fn answer(&mut self, number: usize, prepared: &Prepared, index: &Index, first: u32, open: &Bits) -> Bits {
        let test = &prepared.test;
        let Some(known) = self.known.get_mut(number) else { return Bits::default() };
        match prepared.tier {
            Tier::Label | Tier::Stream => open.filter(|place| {
                let row = first + place;
                let group = match prepared.tier {
                    Tier::Label => index.label_of(row),
                    _ => index.stream_of(row),
                };
                let find = || index.row(row).is_some_and(|row| by_group(test, index, &row));
                group.is_some_and(|group| known.of(group, find))
            }),
            _ => {
                match of_block(test, index, (first / ROWS) as usize).filter(|_| first.is_multiple_of(ROWS)) {
                    Some(true) => *open,
                    Some(false) => Bits::default(),
                    None => open.filter(|place| in_index(test, index, first + place)),
                }
            }
        }
    }
}

impl Groups {
    /// The answer for a group, which is found out once.
    #[inline]
    fn of(&mut self, group: u32, find: impl FnOnce() -> bool) -> bool {
        match self.0.get(group as usize) {
            Some(Some(known)) => *known,
            _ => self.find(group as usize, find()),
        }
    }

    #[cold]
    fn find(&mut self, group: usize, answer: bool) -> bool {
        if self.0.len() <= group {
            self.0.resize(group + 1, None);
        }
        if let Some(known) = self.0.get_mut(group) {
            *known = Some(answer);
        }
        answer
    }
}

impl Understood {
    /// What the tests of a protocol's fields, or of its messages in a few words, look at.
    pub(super) fn wanted_of(&self, protocol: Option<&str>) -> (Vec<usize>, FieldSelection) {
        let (mut numbers, mut wanted) = (Vec::new(), FieldSelection::default());
        for (number, prepared) in self.tests.iter().enumerate() {
            match &prepared.test.subject {
                Subject::Field { protocol: of, path } if of.is_none() || of.as_deref() == protocol => {
                    wanted = wanted.field(&path.join("."));
                    numbers.push(number);
                }
                Subject::Column(Column::Summary) => wanted = wanted.summary(),
                _ => {}
            }
        }
        (numbers, wanted)
    }
}

fn nodes(expression: Expression, tests: &mut Vec<Test>) -> Node {
    // What is known soonest may spare the others.
    let mut sooner_first = |mut parts: Vec<Expression>| {
        parts.sort_by_key(latest);
        parts.into_iter().map(|part| nodes(part, tests)).collect()
    };
    match expression {
        Expression::All(parts) => Node::All(sooner_first(parts)),
        Expression::Any(parts) => Node::Any(sooner_first(parts)),
        Expression::Not(inner) => Node::Not(Box::new(nodes(*inner, tests))),
        Expression::Test(test) => {
            tests.push(test);
            Node::Test(tests.len() - 1)
        }
    }
}

/// What has to be looked at to know an expression for sure.
fn latest(expression: &Expression) -> Tier {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            parts.iter().map(latest).max().unwrap_or(Tier::Label)
        }
        Expression::Not(inner) => latest(inner),
        Expression::Test(test) => tier(test),
    }
}

/// What an expression is if some of its tests may not be known: true, false or not known either.
pub(super) fn evaluate(node: &Node, test: &mut dyn FnMut(usize) -> Option<bool>) -> Option<bool> {
    match node {
        Node::Test(number) => test(*number),
        Node::Not(inner) => evaluate(inner, test).map(|known| !known),
        Node::All(parts) | Node::Any(parts) => {
            let decides = matches!(node, Node::Any(_));
            let mut all = Some(!decides);
            for part in parts {
                match evaluate(part, test) {
                    Some(known) if known == decides => return Some(decides),
                    Some(_) => {}
                    None => all = None,
                }
            }
            all
        }
    }
}

/// The same for all rows of a block at once.
fn evaluate_block(node: &Node, answers: &[Known]) -> Known {
    match node {
        Node::Test(number) => answers.get(*number).copied().unwrap_or_default(),
        Node::Not(inner) => {
            let Known { yes, no } = evaluate_block(inner, answers);
            Known { yes: no, no: yes }
        }
        Node::All(parts) => {
            let mut all = Known { yes: Bits::first(ROWS), no: Bits::default() };
            for part in parts {
                let part = evaluate_block(part, answers);
                all = Known { yes: all.yes.and(&part.yes), no: all.no.or(&part.no) };
            }
            all
        }
        Node::Any(parts) => {
            let mut any = Known { yes: Bits::default(), no: Bits::first(ROWS) };
            for part in parts {
                let part = evaluate_block(part, answers);
                any = Known { yes: any.yes.or(&part.yes), no: any.no.and(&part.no) };
            }
            any
        }
    }
}
