//! The end of a capture: what waits is given up, the rows are put in order, and what the sequence of messages shows is told.

use std::io;

use super::{Indexer, Input, streams_of};
use crate::Damage;
use crate::index::annotations::{mark_rows, tell};
use crate::index::store::Rows;
use crate::index::{Index, SkippedPackets, TransportType};
use crate::messages::detection::Happened;
use crate::messages::sessions::Concluded;
use crate::streams::reassembly::Origin;

/// How far [`Indexer::finish`] is, and what was prepared for its next step.
pub(super) enum Ending {
    /// The flows before this one are done.
    Flows(u32),
    Order(Option<Order>),
    Sessions(Option<Concluded>),
    Done,
}

/// The order in which the rows shall stand.
pub(super) struct Order {
    entries: Rows,
    /// The new number of each row, at the place of the old one.
    numbers: Vec<u32>,
}

impl Indexer {
    /// The connection has ended, or the capture has.
    pub(super) fn finish_flow(&mut self, index: &mut Index, flow: u32, now: u32) -> io::Result<()> {
        let is_tcp = index.flows.get(flow as usize).is_some_and(|flow| flow.transport == TransportType::Tcp);
        let mut outputs = std::mem::take(&mut self.outputs);
        for stream in streams_of(index, flow) {
            // A stream in which nothing waits has nothing to give up.
            let Some(more) = self.states.get_mut(stream).and_then(|state| state.more.as_deref_mut()) else {
                continue;
            };
            if is_tcp {
                more.reassembler.finish(now, &mut outputs);
                self.take(index, stream, &mut outputs, None)?;
            } else {
                self.event(index, stream, Happened::End, now);
            }
        }
        self.outputs = outputs;
        self.choose_for_flow(index, flow);
        self.sessions.end(flow, &mut index.entries);
        Ok(())
    }

    /// Reads no further: gives up what waits, puts the rows in order and says what the sequence of messages shows.
    pub fn finish(&mut self, index: &mut Index) {
        loop {
            self.prepare(index);
            if !self.finish_step(index) {
                return;
            }
        }
    }

    /// Does what the next [`finish_step`](Indexer::finish_step) need not do: that one is short, this may be long.
    pub fn prepare(&mut self, index: &Index) {
        match &self.ending {
            Ending::Order(None) => self.ending = Ending::Order(self.order(index)),
            Ending::Sessions(None) => {
                let concluded = std::mem::take(&mut self.sessions).conclude(index);
                self.ending = Ending::Sessions(Some(concluded));
            }
            _ => {}
        }
    }

    /// Does some of [`finish`](Indexer::finish), after [`prepare`](Indexer::prepare). False when all is done.
    pub fn finish_step(&mut self, index: &mut Index) -> bool {
        const FLOWS_A_STEP: u32 = 4096;
        match std::mem::replace(&mut self.ending, Ending::Done) {
            Ending::Flows(first) => {
                if first == 0 {
                    self.end_of_file(index);
                }
                let flows = u32::try_from(index.flows.len()).unwrap_or(u32::MAX);
                let end = flows.min(first.saturating_add(FLOWS_A_STEP));
                let now = index.packets().saturating_add(1);
                for flow in first..end {
                    if let Err(error) = self.finish_flow(index, flow, now) {
                        self.broken_off(index, &error);
                    }
                }
                self.ending = if end < flows { Ending::Flows(end) } else { Ending::Order(None) };
                true
            }
            Ending::Order(order) => {
                if let Some(order) = order {
                    self.put_in_order(index, order);
                }
                mark_rows(index);
                index.annotations.append(std::mem::take(&mut self.marked));
                index.annotations.append(std::mem::take(&mut self.framing));
                self.ending = Ending::Sessions(None);
                true
            }
            Ending::Sessions(concluded) => {
                if let Some(Err(error)) = concluded.map(|concluded| concluded.tell(index)) {
                    self.broken_off(index, &error);
                }
                tell(index);
                index.finished = true;
                false
            }
            Ending::Done => false,
        }
    }

    fn end_of_file(&mut self, index: &mut Index) {
        self.input = Input::Done;
        // Where unpacking ended, a record ends in its middle, most likely; that is the reason.
        if let Some(cut) = index.source.cut() {
            let (offset, what) = (index.source.length(), cut.to_owned());
            let (file, packets_read) = (index.source.name().to_owned(), index.packets());
            index.damages.retain(|damage| damage.resumed.is_some());
            index.damages.push(Damage { file, offset, packet: None, what, packets_read, resumed: None });
        }
        self.fragments.finish();
        if let Some((count, Origin { packet, file_offset })) = self.fragments.given_up.take() {
            let unread = SkippedPackets { count, first_packet: packet, first_offset: file_offset };
            index.unread.insert("IP fragment of a packet that never became whole".into(), unread);
        }
    }

    /// Where the rows belong of streams whose beginnings were held back; None where all stand in the order in which they
    /// became complete.
    fn order(&mut self, index: &Index) -> Option<Order> {
        let completed = std::mem::take(&mut self.completed);
        if completed.is_sorted() {
            return None;
        }
        let first = u32::try_from(self.in_order.unwrap_or(0)).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..u32::try_from(completed.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by_key(|&row| completed.get(row as usize).copied());
        let mut numbers: Vec<u32> = (0..u32::try_from(index.entries.len()).unwrap_or(u32::MAX)).collect();
        for (new, &old) in (first..).zip(&order) {
            if let Some(number) = numbers.get_mut((first + old) as usize) {
                *number = new;
            }
        }
        let old = (0..first).chain(order.iter().map(|row| first + row));
        let new = |row: u32| numbers.get(row as usize).copied().unwrap_or(row);
        Some(Order { entries: index.entries.reordered(old, new), numbers })
    }

    fn put_in_order(&mut self, index: &mut Index, order: Order) {
        let Order { entries, numbers } = order;
        index.entries = entries;
        let new = |row: u32| numbers.get(row as usize).copied().unwrap_or(row);
        self.sessions.renumber(&numbers);
        self.framing.renumber(new);
        self.marked.renumber(new);
    }
}
