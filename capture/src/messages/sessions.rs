//! What the sequence of messages shows: each conversation's messages are given to its protocol's observer.
//!
//! Messages are observed in the order of sending, which nearly always is the order in which they become complete: then
//! they are observed immediately, while their bytes are at hand. A conversation in which it turns out otherwise (a message
//! waited for a gap to be given up, and its reply did not) has to be observed again when all of it is known.

use std::sync::Arc;

use framescope_parser::{Captured, Direction, Event, Observation, Observer, Protocol, SpanType};

use crate::ids::{FlowId, Id, PacketId, RowId, Side, Table};
use crate::streams::flow::Flow;

/// A message, or something in its place, that has become complete.
pub(crate) struct Completed<'a> {
    pub(crate) row: RowId,
    /// The place of its stream's protocol among all.
    pub(crate) protocol: usize,
    pub(crate) direction: Direction,
    pub(crate) span_type: SpanType,
    pub(crate) time_ns: Option<i64>,
    pub(crate) bytes: Captured<'a, 'a>,
    /// The last packet that brought bytes of the stream up to its end.
    pub(crate) sent: PacketId,
    /// The packet with which it became complete.
    pub(crate) completed_by: PacketId,
}

/// Observes all conversations.
#[derive(Default)]
pub(crate) struct Sessions {
    watches: Table<FlowId, Watch>,
    watching: Table<WatchId, Watching>,
    /// Those of `watching` that are free.
    free: Vec<WatchId>,
    /// The protocols, by their numbers, that are known to observe nothing.
    unobserved: Vec<bool>,
    found: Vec<Observation>,
}

/// The place of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WatchId(u32);

impl Id for WatchId {
    fn new(number: u32) -> WatchId {
        WatchId(number)
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// How far a conversation was observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Watch {
    #[default]
    Fresh,
    /// By one of those that are watching.
    Watching(WatchId),
    /// It has ended, and so has its observer.
    Over,
    /// What was observed does not hold: to be observed again when all is known.
    Again,
}

#[derive(Default)]
struct Watching {
    /// None once its conversation is over.
    observer: Option<Box<dyn Observer>>,
    protocol: usize,
    /// When the last message was sent, and when it became complete.
    last: (PacketId, PacketId),
}

impl Sessions {
    pub(crate) fn add_flow(&mut self) {
        self.watches.push(Watch::Fresh);
    }

    /// A row of a flow has become complete. What its protocol observes is given to `report`.
    pub(crate) fn row(
        &mut self,
        id: FlowId,
        flow: &Flow,
        protocols: &[Arc<dyn Protocol>],
        row: &Completed<'_>,
        mut report: impl FnMut(Observation),
    ) {
        let watch = match *self.watches.at(id) {
            Watch::Watching(watch) => watch,
            Watch::Fresh => match self.begin(id, flow, protocols, row.protocol) {
                Some(watch) => watch,
                None => return,
            },
            Watch::Over => return self.observe_again(id),
            Watch::Again => return,
        };
        let watching = self.watching.at_mut(watch);
        if watching.protocol != row.protocol {
            return;
        }
        let when = (row.sent, row.completed_by);
        if when < watching.last {
            return self.observe_again(id);
        }
        watching.last = when;
        if let Some(observer) = &mut watching.observer {
            observer.observe(row.event(), &mut self.found);
        }
        self.found.drain(..).for_each(&mut report);
    }

    /// Begins to observe a flow, if its protocol does.
    fn begin(
        &mut self,
        id: FlowId,
        flow: &Flow,
        protocols: &[Arc<dyn Protocol>],
        protocol: usize,
    ) -> Option<WatchId> {
        if self.unobserved.get(protocol) == Some(&true) {
            return None;
        }
        let observer = begin(flow, &**protocols.get(protocol)?, &mut self.found);
        if observer.is_none() {
            self.unobserved.resize(self.unobserved.len().max(protocol + 1), false);
            self.unobserved.get_mut(protocol).into_iter().for_each(|unobserved| *unobserved = true);
            return None;
        }
        let new = Watching { observer, protocol, last: (PacketId::NONE, PacketId::NONE) };
        let watch = match self.free.pop() {
            Some(watch) => {
                *self.watching.at_mut(watch) = new;
                watch
            }
            None => self.watching.push(new),
        };
        *self.watches.at_mut(id) = Watch::Watching(watch);
        Some(watch)
    }

    /// Ends the watching of a flow, and returns its observer.
    fn stop(&mut self, id: FlowId, watch: Watch) -> Option<Box<dyn Observer>> {
        let before = std::mem::replace(self.watches.at_mut(id), watch);
        let Watch::Watching(watch) = before else { return None };
        self.free.push(watch);
        self.watching.at_mut(watch).observer.take()
    }

    fn observe_again(&mut self, id: FlowId) {
        self.stop(id, Watch::Again);
    }

    /// What a flow's observer was given in the beginning has changed.
    pub(crate) fn doubt(&mut self, id: FlowId) {
        if *self.watches.at(id) != Watch::Fresh {
            self.observe_again(id);
        }
    }

    /// A flow has ended: returns what its observer reports last.
    pub(crate) fn end(&mut self, id: FlowId, mut report: impl FnMut(Observation)) {
        if let Watch::Watching(_) = self.watches.at(id)
            && let Some(mut observer) = self.stop(id, Watch::Over)
        {
            observer.finish_each(&mut report);
        }
    }

    /// All flows have ended. Returns for each flow whether it has to be observed again, and what was observed of it forgotten.
    pub(crate) fn conclude(mut self, mut report: impl FnMut(Observation)) -> Vec<bool> {
        self.watches.ids().for_each(|id| self.end(id, &mut report));
        self.watches.as_slice().iter().map(|watch| *watch == Watch::Again).collect()
    }
}

impl Completed<'_> {
    pub(crate) fn event(&self) -> Event<'_> {
        let &Completed { row, direction, span_type, time_ns, bytes, .. } = self;
        match span_type {
            SpanType::Message => Event::Message { direction, row: row.number(), time_ns, bytes },
            _ => Event::Loss { direction },
        }
    }
}

/// An observer for a flow, which is given what of the flow's beginning is missing.
pub(crate) fn begin(
    flow: &Flow,
    protocol: &dyn Protocol,
    found: &mut Vec<Observation>,
) -> Option<Box<dyn Observer>> {
    let mut observer = protocol.observer()?;
    for side in Side::BOTH {
        if flow.begins_inside(side) {
            observer.observe(Event::Loss { direction: flow.direction_of(side) }, found);
        }
    }
    Some(observer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::flow::TransportType;
    use framescope_parser::missive::{Flags, FrameBuf, Kind};

    /// Observes a login and its reply in both orders of sending.
    fn observe(order: [(u32, Direction, Kind, u32); 2]) -> (Vec<Observation>, Vec<bool>) {
        let protocols = framescope_parser::built_in();
        let flow = Flow { syn_seen: [true; 2], transport: TransportType::Tcp, ..Flow::default() };
        let (mut sessions, mut found) = (Sessions::default(), Vec::new());
        sessions.add_flow();
        for (row, direction, kind, sent) in order {
            let flags = if kind == Kind::PONG { Flags::REPLY } else { Flags::default() };
            let frame = FrameBuf { flags, ..FrameBuf::new(kind) };
            let bytes = frame.to_bytes().unwrap();
            let row = Completed {
                row: RowId::from(row),
                protocol: 0,
                direction,
                span_type: SpanType::Message,
                time_ns: None,
                bytes: Captured::whole(&bytes),
                sent: PacketId::from(sent),
                completed_by: 9.into(),
            };
            sessions.row(FlowId::from(0), &flow, &protocols, &row, |one| found.push(one));
        }
        let again = sessions.conclude(|one| found.push(one));
        (found, again)
    }

    #[test]
    fn a_reply_is_observed_immediately_and_what_comes_in_another_order_than_it_was_sent_is_to_be_observed_again()
     {
        let ping = (0, Direction::Forward, Kind::PING, 1);
        let pong = (1, Direction::Backward, Kind::PONG, 2);
        let is_reply = |one: &Observation| matches!(one, Observation::Reply { row: 1, to: 0, .. });
        let (found, again) = observe([ping, pong]);
        assert!(found.iter().any(is_reply) && again == [false]);
        let (found, again) = observe([pong, ping]);
        assert!(!found.iter().any(is_reply) && again == [true]);
    }
}
