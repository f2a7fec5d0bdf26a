//! What the sequence of messages shows: each conversation's messages are told to its protocol's observer.
//!
//! Messages are observed in the order of sending, which nearly always is the order in which they become complete: then
//! they are observed at once, while their bytes are at hand. A conversation in which it turns out otherwise (a message
//! waited for a gap to be given up, and its reply did not) is observed again when all of it is known.

use std::io;

use framescope_parser::{Captured, Direction, Event, Observation, Observer, Protocol, SpanType};

use crate::index::Flow;
use crate::index::annotations::Annotations;
use crate::index::store::{Link, Rows};
use crate::{Index, TransportType};

/// A message, or something in its place, that has become complete.
pub(crate) struct Completed<'a> {
    pub(crate) row: u32,
    pub(crate) direction: Direction,
    pub(crate) span_type: SpanType,
    pub(crate) time_ns: Option<i64>,
    pub(crate) bytes: Captured<'a, 'a>,
    /// The last packet that brought bytes of the stream up to its end.
    pub(crate) sent: u32,
    /// The packet with which it became complete.
    pub(crate) completed: u32,
}

#[derive(Default)]
pub(crate) struct Sessions {
    /// Beside the flows of the index.
    watches: Vec<Watch>,
    watching: Vec<Watching>,
    /// Places of `watching` that are free.
    free: Vec<u32>,
    /// The protocols, by their numbers, that are known to observe nothing.
    unobserved: Vec<bool>,
    found: Vec<Observation>,
    problems: Annotations,
}

/// How far a conversation was observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Watch {
    #[default]
    Fresh,
    /// By one of those that are watching.
    Watching(u32),
    /// It has ended, and the observer has said its last.
    Over,
    /// What was observed does not hold: to be observed again when all is known.
    Again,
}

struct Watching {
    /// None once its conversation is over.
    observer: Option<Box<dyn Observer>>,
    protocol: usize,
    /// When the last message was sent, and when it became complete.
    last: (u32, u32),
}

/// Takes what was observed: `link` is told what goes with what.
#[inline]
fn take(observation: Observation, problems: &mut Annotations, link: &mut dyn FnMut(u32, Link, u32)) {
    match observation {
        Observation::Problem { row, code, text } => problems.add(row, code, &text),
        Observation::Part { row, first, .. } => link(row, Link::GoesOnWith, first),
        Observation::Reply { row, to, .. } => link(row, Link::Answers, to),
    }
}

/// Tells the rows that one goes with another.
#[inline]
fn connect(rows: &mut Rows, row: u32, link: Link, other: u32) {
    rows.link(row, link, other);
    if link == Link::Answers {
        rows.link(other, Link::AnsweredBy, row);
    }
}

impl Sessions {
    pub(crate) fn add_flow(&mut self) {
        self.watches.push(Watch::Fresh);
    }

    /// A row has become complete.
    pub(crate) fn row(
        &mut self,
        flow: u32,
        known: &Flow,
        protocol: (usize, &dyn Protocol),
        row: &Completed<'_>,
        rows: &mut Rows,
    ) {
        let place = match self.watches.get(flow as usize) {
            Some(Watch::Watching(place)) => *place,
            Some(Watch::Fresh) => match self.begin(flow, known, protocol) {
                Some(place) => place,
                None => return,
            },
            Some(Watch::Over) => return self.again(flow),
            Some(Watch::Again) | None => return,
        };
        let Some(watching) = self.watching.get_mut(place as usize) else { return };
        if watching.protocol != protocol.0 {
            return;
        }
        let when = (row.sent, row.completed);
        if when < watching.last {
            return self.again(flow);
        }
        watching.last = when;
        if let Some(observer) = &mut watching.observer {
            observer.observe(row.event(), &mut self.found);
        }
        let Sessions { found, problems, .. } = self;
        for one in found.drain(..) {
            take(one, problems, &mut |row, link, other| connect(rows, row, link, other));
        }
    }

    /// Begins to observe a flow, if its protocol does.
    fn begin(&mut self, flow: u32, known: &Flow, protocol: (usize, &dyn Protocol)) -> Option<u32> {
        if self.unobserved.get(protocol.0) == Some(&true) {
            return None;
        }
        let observer = begin(known, protocol.1, &mut self.found);
        if observer.is_none() {
            self.unobserved.resize(self.unobserved.len().max(protocol.0 + 1), false);
            self.unobserved.get_mut(protocol.0).into_iter().for_each(|unobserved| *unobserved = true);
            return None;
        }
        let new = Watching { observer, protocol: protocol.0, last: (0, 0) };
        let place = match self.free.pop() {
            Some(place) => {
                *self.watching.get_mut(place as usize)? = new;
                place
            }
            None => {
                self.watching.push(new);
                u32::try_from(self.watching.len() - 1).ok()?
            }
        };
        *self.watches.get_mut(flow as usize)? = Watch::Watching(place);
        Some(place)
    }

    /// Ends the watching of a flow, and gives its observer.
    fn stop(&mut self, flow: u32, watch: Watch) -> Option<Box<dyn Observer>> {
        let before = std::mem::replace(self.watches.get_mut(flow as usize)?, watch);
        let Watch::Watching(place) = before else { return None };
        self.free.push(place);
        self.watching.get_mut(place as usize)?.observer.take()
    }

    fn again(&mut self, flow: u32) {
        self.stop(flow, Watch::Again);
    }

    /// What was told to a flow's observer in the beginning has changed.
    pub(crate) fn doubt(&mut self, flow: u32) {
        if self.watches.get(flow as usize).is_some_and(|watch| *watch != Watch::Fresh) {
            self.again(flow);
        }
    }

    /// A flow has ended.
    pub(crate) fn end(&mut self, flow: u32, rows: &mut Rows) {
        self.finish(flow, &mut |row, link, other| connect(rows, row, link, other));
    }

    fn finish(&mut self, flow: u32, link: &mut dyn FnMut(u32, Link, u32)) {
        if let Some(Watch::Watching(_)) = self.watches.get(flow as usize)
            && let Some(mut observer) = self.stop(flow, Watch::Over)
        {
            observer.finish_each(&mut |one| take(one, &mut self.problems, link));
        }
    }

    /// The rows have got other numbers: `numbers` has the new ones at the places of the old.
    pub(crate) fn renumber(&mut self, numbers: &[u32]) {
        self.problems.renumber(|row| numbers.get(row as usize).copied().unwrap_or(row));
    }

    /// All is read: what was observed, to be told to the index.
    pub(crate) fn conclude(mut self, index: &Index) -> Concluded {
        let (mut replies, mut parts) = (Vec::new(), Vec::new());
        let mut link = |row: u32, link: Link, other: u32| match link {
            Link::GoesOnWith => parts.push((row, other)),
            _ => replies.push((row, other)),
        };
        for flow in 0..u32::try_from(self.watches.len()).unwrap_or(u32::MAX) {
            self.finish(flow, &mut link);
        }
        let again: Vec<bool> = self.watches.iter().map(|watch| *watch == Watch::Again).collect();
        let mut problems = self.problems;
        let mut done = Ok(());
        if again.contains(&true) {
            let is_again = |flow: u32| again.get(flow as usize) == Some(&true);
            problems.retain(|row| !index.row(row).is_some_and(|row| is_again(row.flow())));
            done = observe_again(index, &again, &mut problems, &mut link);
        }
        Concluded { problems, replies, parts, again, done }
    }
}

/// What was observed of all conversations.
pub(crate) struct Concluded {
    problems: Annotations,
    /// What the rows were not told already: answers and what they answer, and what goes on with what.
    replies: Vec<(u32, u32)>,
    parts: Vec<(u32, u32)>,
    /// The flows of which the rows were told what does not hold.
    again: Vec<bool>,
    done: io::Result<()>,
}

impl Concluded {
    /// Tells it to the index.
    pub(crate) fn tell(self, index: &mut Index) -> io::Result<()> {
        let Concluded { problems, replies, parts, again, done } = self;
        index.annotations.append(problems);
        if again.contains(&true) {
            index.entries.unlink(|stream| again.get(stream as usize / 2) == Some(&true));
        }
        for (pairs, link) in [(replies, Link::Answers), (parts, Link::GoesOnWith)] {
            pairs.into_iter().for_each(|(row, other)| connect(&mut index.entries, row, link, other));
        }
        index.entries.settle_links();
        done
    }
}

impl Completed<'_> {
    fn event(&self) -> Event<'_> {
        let &Completed { row, direction, span_type, time_ns, bytes, .. } = self;
        match span_type {
            SpanType::Message => Event::Message { direction, row, time_ns, bytes },
            _ => Event::Loss { direction },
        }
    }
}

/// An observer for a flow, told what of its beginning is missing.
fn begin(flow: &Flow, protocol: &dyn Protocol, found: &mut Vec<Observation>) -> Option<Box<dyn Observer>> {
    let mut observer = protocol.observer()?;
    for (side, &seen) in flow.syn_seen.iter().enumerate() {
        if flow.transport == TransportType::Tcp && !seen {
            observer.observe(Event::Loss { direction: flow.direction_of(side) }, found);
        }
    }
    Some(observer)
}

/// Observes flows of which all is known, all of them in one pass over the file.
fn observe_again(
    index: &Index,
    again: &[bool],
    problems: &mut Annotations,
    link: &mut dyn FnMut(u32, Link, u32),
) -> io::Result<()> {
    let (mut reader, mut found, mut message) = (index.reader(), Vec::new(), Vec::new());
    let mut all: Vec<Option<(usize, Box<dyn Observer>)>> = Vec::new();
    all.resize_with(again.len(), || None);
    for (_, number) in order_of_sending(index, again) {
        let Some(row) = index.row(number) else { continue };
        let Some(protocol) = index.protocol_number(&row) else { continue };
        let Some(watching) = all.get_mut(row.flow() as usize) else { continue };
        if watching.is_none() {
            let known = index.flows.get(row.flow() as usize).zip(index.protocols.get(protocol));
            let begun = known.and_then(|(flow, protocol)| begin(flow, &**protocol, &mut found));
            *watching = begun.map(|observer| (protocol, observer));
        }
        let Some((_, observer)) = watching.as_mut().filter(|(observed, _)| *observed == protocol) else {
            continue;
        };
        let (direction, span_type) = (index.direction(&row), row.span_type);
        let is_message = span_type == SpanType::Message;
        let time_ns = if is_message { index.time_ns(&row) } else { None };
        message.clear();
        if is_message {
            index.append_row_bytes(&row, usize::MAX, &mut reader, &mut message)?;
        }
        let missing = index.missing_before(&row, message.len());
        let bytes = Captured::with_missing(&message, &missing);
        let row = Completed { row: number, direction, span_type, time_ns, bytes, sent: 0, completed: 0 };
        observer.observe(row.event(), &mut found);
        found.drain(..).for_each(|one| take(one, problems, link));
    }
    for (_, mut observer) in all.into_iter().flatten() {
        observer.finish_each(&mut |one| take(one, problems, link));
    }
    Ok(())
}

/// The rows of some flows in the order in which their last packets were captured, with these, and those of a stream in the
/// stream's order. A row that waited for a gap to be given up became complete long after the messages that answer it.
fn order_of_sending(index: &Index, flows: &[bool]) -> Vec<(u32, u32)> {
    let mut latest = vec![0_u32; flows.len() * 2];
    let mut order = Vec::new();
    for (number, row) in (0..).zip(index.rows()) {
        if flows.get(row.flow() as usize) == Some(&true)
            && let Some(latest) = latest.get_mut(row.stream as usize)
        {
            *latest = row.packet.max(*latest);
            order.push((*latest, number));
        }
    }
    // Mostly they are in order.
    order.sort();
    order
}
