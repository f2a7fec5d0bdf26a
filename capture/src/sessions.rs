//! What the sequence of messages shows: each conversation's messages are told to its protocol's observer.
//!
//! Messages are observed in the order of sending, which nearly always is the order in which they become complete: then
//! they are observed at once, while their bytes are at hand. A conversation in which it turns out otherwise (a message
//! waited for a gap to be given up, and its reply did not) is observed again when all of it is known.

use std::io;

use framescope_parser::{Captured, Direction, Event, Observation, Observer, Protocol, TileType};

use crate::annotations::Annotations;
use crate::index::Flow;
use crate::store::{Link, Rows};
use crate::{Index, TransportType};

/// A message, or something in its place, that has become complete.
pub(crate) struct Completed<'a> {
    pub(crate) row: u32,
    pub(crate) direction: Direction,
    pub(crate) tile_type: TileType,
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
    found: Vec<Observation>,
    problems: Annotations,
}

/// How far a conversation was observed.
#[derive(Default)]
enum Watch {
    #[default]
    Fresh,
    Watching {
        observer: Box<dyn Observer>,
        protocol: usize,
        /// When the last message was sent, and when it became complete.
        last: (u32, u32),
    },
    /// It has ended, and the observer has said its last.
    Over,
    /// What was observed does not hold: to be observed again when all is known.
    Again,
}

/// Takes what was observed: `link` is told what goes with what.
fn take(found: &mut Vec<Observation>, problems: &mut Annotations, link: &mut dyn FnMut(u32, Link, u32)) {
    for observation in found.drain(..) {
        match observation {
            Observation::Problem { row, code, text } => problems.add(row, code, &text),
            Observation::Part { row, first, .. } => link(row, Link::GoesOnWith, first),
            Observation::Reply { row, to, .. } => {
                link(row, Link::Answers, to);
                link(to, Link::AnsweredBy, row);
            }
        }
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
        let Some(watch) = self.watches.get_mut(flow as usize) else { return };
        match watch {
            Watch::Again => return,
            Watch::Over => {
                *watch = Watch::Again;
                return;
            }
            Watch::Fresh => match begin(known, protocol.1, &mut self.found) {
                Some(observer) => *watch = Watch::Watching { observer, protocol: protocol.0, last: (0, 0) },
                None => return,
            },
            Watch::Watching { .. } => {}
        }
        let Watch::Watching { observer, protocol: observed, last } = watch else { return };
        if *observed != protocol.0 {
            return;
        }
        let when = (row.sent, row.completed);
        if when < *last {
            *watch = Watch::Again;
            return;
        }
        *last = when;
        observer.observe(row.event(), &mut self.found);
        if !self.found.is_empty() {
            take(&mut self.found, &mut self.problems, &mut |row, link, other| rows.link(row, link, other));
        }
    }

    /// What was told to a flow's observer in the beginning has changed.
    pub(crate) fn doubt(&mut self, flow: u32) {
        if let Some(watch) = self.watches.get_mut(flow as usize)
            && !matches!(watch, Watch::Fresh)
        {
            *watch = Watch::Again;
        }
    }

    /// A flow has ended.
    pub(crate) fn end(&mut self, flow: u32, rows: &mut Rows) {
        self.finish(flow, &mut |row, link, other| rows.link(row, link, other));
    }

    fn finish(&mut self, flow: u32, link: &mut dyn FnMut(u32, Link, u32)) {
        if let Some(watch) = self.watches.get_mut(flow as usize)
            && let Watch::Watching { observer, .. } = watch
        {
            observer.finish(&mut self.found);
            take(&mut self.found, &mut self.problems, link);
            *watch = Watch::Over;
        }
    }

    /// The rows have got other numbers: `numbers` has the new ones at the places of the old.
    pub(crate) fn renumber(&mut self, numbers: &[u32]) {
        self.problems.renumber(|row| numbers.get(row as usize).copied().unwrap_or(row));
    }

    /// All is read: what was observed, to be told to the index.
    pub(crate) fn conclude(mut self, index: &Index) -> Concluded {
        let mut links = Vec::new();
        let mut link = |row: u32, link: Link, other: u32| links.push((row, link, other));
        for flow in 0..u32::try_from(self.watches.len()).unwrap_or(u32::MAX) {
            self.finish(flow, &mut link);
        }
        let again: Vec<bool> = self.watches.iter().map(|watch| matches!(watch, Watch::Again)).collect();
        let mut problems = self.problems;
        let mut done = Ok(());
        if again.contains(&true) {
            let is_again = |flow: u32| again.get(flow as usize) == Some(&true);
            problems.retain(|row| !index.row(row).is_some_and(|row| is_again(row.flow())));
            for flow in (0..).take(again.len()).filter(|flow| is_again(*flow)) {
                done = done.and(observe_again(index, flow, &mut problems, &mut link));
            }
        }
        Concluded { problems, links, again, done }
    }
}

/// What was observed of all conversations.
pub(crate) struct Concluded {
    problems: Annotations,
    /// What goes with what beside what the rows were told already.
    links: Vec<(u32, Link, u32)>,
    /// The flows of which the rows were told what does not hold.
    again: Vec<bool>,
    done: io::Result<()>,
}

impl Concluded {
    /// Tells it to the index.
    pub(crate) fn tell(self, index: &mut Index) -> io::Result<()> {
        let Concluded { problems, links, again, done } = self;
        index.annotations.append(problems);
        if again.contains(&true) {
            index.entries.unlink(|stream| again.get(stream as usize / 2) == Some(&true));
        }
        links.into_iter().for_each(|(row, link, other)| index.entries.link(row, link, other));
        index.entries.settle_links();
        done
    }
}

impl Completed<'_> {
    fn event(&self) -> Event<'_> {
        let &Completed { row, direction, tile_type, time_ns, bytes, .. } = self;
        match tile_type {
            TileType::Message => Event::Message { direction, row, time_ns, bytes },
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

/// Observes a flow of which all is known.
fn observe_again(
    index: &Index,
    flow: u32,
    problems: &mut Annotations,
    link: &mut dyn FnMut(u32, Link, u32),
) -> io::Result<()> {
    let (mut reader, mut found) = (index.reader(), Vec::new());
    let mut watching: Option<(usize, Box<dyn Observer>)> = None;
    for number in order_of_sending(index, flow) {
        let Some(row) = index.row(number) else { continue };
        let stream = index.streams.get(row.stream as usize);
        let Some(protocol) = stream.and_then(|stream| stream.protocol()) else { continue };
        if watching.is_none() {
            let known = index.flows.get(flow as usize).zip(index.protocols.get(protocol));
            let begun = known.and_then(|(flow, protocol)| begin(flow, &**protocol, &mut found));
            watching = begun.map(|observer| (protocol, observer));
        }
        let Some((_, observer)) = watching.as_mut().filter(|(observed, _)| *observed == protocol) else {
            continue;
        };
        let (direction, tile_type) = (index.direction(&row), row.tile_type);
        let is_message = tile_type == TileType::Message;
        let time_ns = if is_message { index.time_ns(&row) } else { None };
        let limit = if is_message { usize::MAX } else { 0 };
        let bytes = index.row_bytes(&row, limit, &mut reader)?;
        let missing = index.missing_before(&row, bytes.len());
        let bytes = Captured::with_missing(&bytes, &missing);
        let row = Completed { row: number, direction, tile_type, time_ns, bytes, sent: 0, completed: 0 };
        observer.observe(row.event(), &mut found);
        take(&mut found, problems, link);
    }
    if let Some((_, mut observer)) = watching {
        observer.finish(&mut found);
        take(&mut found, problems, link);
    }
    Ok(())
}

/// The rows of a flow in the order in which their last packets were captured, and those of a stream in the stream's. A
/// row that waited for a gap to be given up became complete long after the messages that answer it.
fn order_of_sending(index: &Index, flow: u32) -> Vec<u32> {
    let mut order: Vec<(u32, u32)> = Vec::new();
    for direction in [Direction::Forward, Direction::Backward] {
        let mut latest = 0;
        for number in index.stream_rows(flow, direction) {
            let Some(row) = index.row(number) else { continue };
            latest = index.segments(&row).map(|segment| segment.packet).max().unwrap_or(0).max(latest);
            order.push((latest, number));
        }
    }
    order.sort_unstable();
    order.into_iter().map(|(_, number)| number).collect()
}
