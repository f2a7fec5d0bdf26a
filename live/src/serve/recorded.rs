//! Answers that a recording has: to the request that equals the one that was received, what was answered then.

use std::io;
use std::sync::Arc;

use framescope_capture::{FlowId, Index, RowId};
use framescope_parser::{Direction, SpanType};

use crate::Edit;
use crate::replay::compare::{Fields, bytes_of, compare};

/// What is answered from a recording.
#[derive(Clone, Debug)]
pub struct Recording {
    index: Arc<Index>,
    /// Fields of requests that may differ.
    ignore: Vec<String>,
    /// Fields of a request whose value is used in the answer: from which, to which.
    carry: Vec<(String, String)>,
    /// What the server said first in each conversation.
    greetings: Vec<Vec<RowId>>,
    requests: Vec<Request>,
}

#[derive(Clone, Debug)]
struct Request {
    row: RowId,
    answers: Vec<RowId>,
}

impl Recording {
    /// The conversations of an index with one server.
    pub fn new(
        index: Arc<Index>,
        flows: &[FlowId],
        ignore: Vec<String>,
        carry: Vec<(String, String)>,
    ) -> Recording {
        let (mut greetings, mut requests) = (Vec::new(), Vec::new());
        for &flow in flows {
            let client = index.client(flow).unwrap_or(Direction::Forward);
            let (mut first, mut own): (Vec<RowId>, Vec<Request>) = (Vec::new(), Vec::new());
            for (id, row) in index.rows().filter(|(_, row)| row.flow() == flow) {
                if row.span_type == SpanType::Gap {
                    continue;
                }
                if index.direction(&row) == client {
                    own.push(Request { row: id, answers: Vec::new() });
                    continue;
                }
                let asked = index.reply_to(id).map(|(asked, _)| asked);
                let at = asked.and_then(|asked| own.iter().rposition(|request| request.row == asked));
                let at = at.or(own.len().checked_sub(1));
                match at.and_then(|at| own.get_mut(at)) {
                    Some(request) => request.answers.push(id),
                    None => first.push(id),
                }
            }
            greetings.push(first);
            requests.extend(own);
        }
        Recording { index, ignore, carry, greetings, requests }
    }

    /// How many requests it has.
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// What the server says first in a connection with that number.
    pub(super) fn greeting(&self, number: usize) -> io::Result<Vec<Vec<u8>>> {
        let rows = self.greetings.get(number).or(self.greetings.last());
        rows.into_iter().flatten().map(|id| bytes_of(&self.index, *id)).collect()
    }

    /// What was answered to a request that equals this one: the one after the last that was found, at `next`, or else the first. None if
    /// there is no such request.
    pub(super) fn answers(
        &self,
        (index, id): (&Index, RowId),
        next: &mut usize,
    ) -> io::Result<Option<Vec<Vec<u8>>>> {
        let count = self.requests.len();
        for at in (0..count).map(|step| (*next + step) % count.max(1)) {
            let Some(request) = self.requests.get(at) else { continue };
            if self.kind(&self.index, request.row) != self.kind(index, id)
                || !compare((&self.index, request.row), (index, id), &self.ignore)?.is_empty()
            {
                continue;
            }
            *next = at + 1;
            let answers = request.answers.iter().map(|answer| self.answer(*answer, request.row, (index, id)));
            return answers.collect::<io::Result<_>>().map(Some);
        }
        Ok(None)
    }

    fn kind<'i>(&self, index: &'i Index, id: RowId) -> Option<&'i str> {
        let row = index.row(id)?;
        let kind = index.kind(&row);
        // A kind that may differ is compared with the other fields.
        kind.filter(|_| !self.ignore.iter().any(|path| path == "kind"))
    }

    /// A recorded answer, with what the request has now in place of what the recorded one had.
    fn answer(&self, id: RowId, request: RowId, (index, now): (&Index, RowId)) -> io::Result<Vec<u8>> {
        let mut bytes = bytes_of(&self.index, id)?;
        if self.carry.is_empty() {
            return Ok(bytes);
        }
        let (then, new) = (bytes_of(&self.index, request)?, bytes_of(index, now)?);
        let (then, new) = (Fields::of(&self.index, request, &then), Fields::of(index, now, &new));
        for (from, to) in &self.carry {
            let fields = Fields::of(&self.index, id, &bytes);
            let same = fields
                .find(to)
                .zip(then.find(from))
                .is_some_and(|(answer, request)| answer.to_string() == request.to_string());
            let (Some(value), Some(row)) = (new.find(from).filter(|_| same), self.index.row(id)) else {
                continue;
            };
            let (Ok(edit), Some(protocol)) = (Edit::set(to, value), self.index.protocol(&row)) else {
                continue;
            };
            let changed = self.index.with_context(&row, |context| edit.change(protocol, context, &bytes));
            if let Ok(changed) = changed {
                bytes = changed;
            }
        }
        Ok(bytes)
    }
}
