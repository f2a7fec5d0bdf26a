//! The end of a capture: what waits is given up, the rows are put in order, and what the sequence of messages shows is written.

use super::{Indexer, Input};
use crate::Damage;
use crate::ids::{FlowId, PacketId};
use crate::index::Index;
use crate::index::conclusion::Observed;
use crate::index::order::NewOrder;
use crate::packets::origin::Origin;

/// How far [`Indexer::finish`] is, and what was prepared for its next step.
pub(super) enum Ending {
    /// The flows before this one are done.
    Flows(u32),
    Order(Option<NewOrder>),
    Sessions(Option<Observed>),
    Done,
}

impl Indexer {
    /// Reads no further: gives up what waits, puts the rows in order and writes what the sequence of messages shows.
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
            Ending::Order(None) => self.ending = Ending::Order(self.writer.order(&index.rows)),
            Ending::Sessions(None) => self.ending = Ending::Sessions(Some(self.writer.conclude(index))),
            _ => {}
        }
    }

    /// Does some of [`finish`](Indexer::finish), after [`prepare`](Indexer::prepare). False when all is done.
    pub fn finish_step(&mut self, index: &mut Index) -> bool {
        match std::mem::replace(&mut self.ending, Ending::Done) {
            Ending::Flows(first) => {
                self.end_flows(index, first);
                true
            }
            Ending::Order(order) => {
                self.writer.put_in_order(&mut index.rows, &index.labels, order);
                self.ending = Ending::Sessions(None);
                true
            }
            Ending::Sessions(observed) => {
                if let Some(Err(error)) = observed.map(|observed| observed.write(&mut index.rows)) {
                    self.stop(index, &error);
                }
                if let Some(secrets) = &self.secrets {
                    index.notes.notices.extend(secrets.notices());
                }
                index.finish();
                false
            }
            Ending::Done => false,
        }
    }

    /// Ends the next flows.
    fn end_flows(&mut self, index: &mut Index, first: u32) {
        const FLOWS_A_STEP: u32 = 4096;
        if first == 0 {
            self.end_of_file(index);
        }
        let flows = u32::try_from(index.flows.len()).unwrap_or(u32::MAX);
        let end = flows.min(first.saturating_add(FLOWS_A_STEP));
        let packet = PacketId::from(index.packets().saturating_add(1));
        for flow in (first..end).map(FlowId::from) {
            if let Err(error) = self.end_flow(index, flow, packet) {
                self.stop(index, &error);
            }
        }
        self.ending = if end < flows { Ending::Flows(end) } else { Ending::Order(None) };
    }

    fn end_of_file(&mut self, index: &mut Index) {
        self.input = Input::Done;
        // Where unpacking ended, a record ends in its middle, most likely; that is the reason.
        if let Some(cut) = index.source.cut() {
            let (offset, what) = (index.source.length(), cut.to_owned());
            let (file, packets_read) = (index.source.name().to_owned(), index.packets());
            index.notes.damages.retain(|damage| damage.resumed.is_some());
            index.notes.damages.push(Damage {
                file,
                offset,
                packet: None,
                what,
                packets_read,
                resumed: None,
            });
        }
        if let Some((count, Origin { packet, file_offset })) = self.assembler.finish() {
            let reason = "IP fragment of a packet that never became whole";
            index.packets.skip_many(reason.into(), count, packet, file_offset);
        }
    }
}
