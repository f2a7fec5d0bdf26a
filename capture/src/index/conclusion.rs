//! The end of a capture: the rows are put in order, and get the problems that only the whole shows.

use std::io;
use std::sync::Arc;

use framescope_parser::{Captured, Observation, Observer, Protocol, SpanType};

use crate::ids::{FlowId, PacketId, RowId, StreamId, Table};
use crate::index::Index;
use crate::index::annotations::Annotations;
use crate::index::marks::{annotate_all, label_annotated};
use crate::index::noticed::Noticed;
use crate::index::order::NewOrder;
use crate::index::row_table::RowTable;
use crate::index::store::Link;
use crate::index::writer::{IndexWriter, connect, record};
use crate::messages::outline::Labels;
use crate::messages::sessions::{Completed, begin};

impl IndexWriter {
    /// The order in which the rows have to be; None where they are.
    pub(crate) fn order(&mut self, rows: &RowTable) -> Option<NewOrder> {
        self.order.order(&rows.entries)
    }

    /// Puts the rows in order, and annotates them with what was noticed until now.
    pub(crate) fn put_in_order(&mut self, rows: &mut RowTable, labels: &Labels, order: Option<NewOrder>) {
        if let Some(order) = order {
            for annotations in [&mut self.observed, &mut self.guessed, &mut self.marked] {
                annotations.renumber(|row| order.number(row));
            }
            rows.conversations.renumber(&order);
            rows.entries = order.rows;
        }
        rows.noticed = Noticed::default();
        let mut annotations = std::mem::take(&mut rows.annotations);
        annotate_all(rows, labels, &mut annotations);
        annotations.append(std::mem::take(&mut self.marked));
        annotations.append(std::mem::take(&mut self.guessed));
        rows.annotations = annotations;
    }

    /// All is read, and the rows are in order: what was observed of all conversations.
    pub(crate) fn conclude(&mut self, index: &Index) -> Observed {
        let mut problems = std::mem::take(&mut self.observed);
        let (mut replies, mut parts) = (Vec::new(), Vec::new());
        let mut link = |row: RowId, link: Link, other: RowId| match link {
            Link::GoesOnWith => parts.push((row, other)),
            _ => replies.push((row, other)),
        };
        let sessions = std::mem::take(&mut self.sessions);
        let again = sessions.conclude(|one| record(one, &mut problems, &mut link));
        let mut outcome = Ok(());
        if again.contains(&true) {
            let is_again = |stream: StreamId| again.get(stream.flow().index()) == Some(&true);
            problems.retain(|row| !index.rows.entries.stream(row).is_some_and(is_again));
            outcome = observe_again(index, &again, &mut |one| record(one, &mut problems, &mut link));
        }
        Observed { problems, replies, parts, again, outcome }
    }
}

/// What was observed of all conversations.
#[derive(Debug)]
pub(crate) struct Observed {
    problems: Annotations,
    /// Links that the rows do not have yet: replies with what they answer, and parts with what they continue.
    replies: Vec<(RowId, RowId)>,
    parts: Vec<(RowId, RowId)>,
    /// The flows whose rows have links that do not hold.
    again: Vec<bool>,
    outcome: io::Result<()>,
}

impl Observed {
    /// Writes it to the rows, which then are complete.
    ///
    /// # Errors
    /// The file could not be read again. What was observed until then is written.
    pub(crate) fn write(self, rows: &mut RowTable) -> io::Result<()> {
        let Observed { problems, replies, parts, again, outcome } = self;
        rows.annotations.append(problems);
        if again.contains(&true) {
            rows.entries.unlink(|stream| again.get(stream.flow().index()) == Some(&true));
        }
        for (pairs, link) in [(replies, Link::Answers), (parts, Link::GoesOnWith)] {
            pairs.into_iter().for_each(|(row, other)| connect(&mut rows.entries, row, link, other));
        }
        rows.entries.settle_links();
        outcome
    }
}

impl Index {
    /// Nothing more is written.
    pub(crate) fn finish(&mut self) {
        label_annotated(&mut self.rows, &mut self.labels);
        self.finished = true;
    }
}

/// An observer, with the number of its protocol.
type Watching = (usize, Box<dyn Observer>);

/// Observes flows of which all is known, all of them in one pass over the file.
fn observe_again(index: &Index, again: &[bool], report: &mut dyn FnMut(Observation)) -> io::Result<()> {
    let (mut reader, mut found, mut message) = (index.reader(), Vec::new(), Vec::new());
    let mut all: Table<FlowId, Option<Watching>> = Table::default();
    for _ in again {
        all.push(None);
    }
    for (_, number) in order_of_sending(index, again) {
        let Some(row) = index.row(number) else { continue };
        let Some(protocol) = index.protocol_number(&row) else { continue };
        let flow = row.stream.flow();
        let watching = all.at_mut(flow);
        if watching.is_none() {
            *watching = observer(index, flow, protocol, &mut found);
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
        index.with_context(&row, |context| {
            let bytes = Captured::with_missing(&message, &missing).in_context(context);
            let row = Completed {
                row: number,
                protocol,
                direction,
                span_type,
                time_ns,
                bytes,
                sent: PacketId::NONE,
                completed_by: PacketId::NONE,
            };
            observer.observe(row.event(), &mut found);
        });
        found.drain(..).for_each(&mut *report);
    }
    for flow in all.ids() {
        if let Some((_, observer)) = all.at_mut(flow) {
            observer.finish_each(&mut *report);
        }
    }
    Ok(())
}

/// An observer for a flow.
fn observer(index: &Index, flow: FlowId, protocol: usize, found: &mut Vec<Observation>) -> Option<Watching> {
    let known: &Arc<dyn Protocol> = index.protocols.get(protocol)?;
    let observer = begin(index.flows.at(flow), &**known, found)?;
    Some((protocol, observer))
}

/// The rows of some flows in the order in which their last packets were captured, with these, and those of a stream in the
/// stream's order. A row that waited for a gap to be given up became complete long after the messages that answer it.
fn order_of_sending(index: &Index, flows: &[bool]) -> Vec<(PacketId, RowId)> {
    let mut latest = vec![PacketId::NONE; flows.len() * 2];
    let mut order = Vec::new();
    for (number, row) in index.rows() {
        if flows.get(row.stream.flow().index()) == Some(&true)
            && let Some(latest) = latest.get_mut(row.stream.index())
        {
            *latest = row.packet.max(*latest);
            order.push((*latest, number));
        }
    }
    // Mostly they are in order.
    order.sort();
    order
}
