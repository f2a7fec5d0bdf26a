//! What was sent, and what came back.

use std::sync::Arc;

use framescope_capture::export::display_limit;
use framescope_capture::{BlockReader, Index, RowId};
use parking_lot::Mutex;

use super::super::draft::Draft;
use crate::models::details::Details;

/// A message that was sent, or something that the peer said first.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The message; None where only a connection was opened.
    pub draft: Option<Arc<Draft>>,
    /// Its fields and bytes.
    pub details: Arc<Details>,
    /// It in a few words.
    pub summary: String,
    /// Where it was sent.
    pub target: String,
    /// What became of it.
    progress: Shared,
}

/// What became of a message, as it is known in the background and in the window.
pub(super) type Shared = Arc<Mutex<Arc<Progress>>>;

/// What became of a message.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How far it is.
    pub state: State,
    /// What came back, in its order.
    pub answers: Vec<Answer>,
    /// How many more messages came back that are not listed: the capture of the conversation has them.
    pub more: usize,
}

/// How far a message that is sent is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It is about to be sent.
    #[default]
    Connecting,
    /// It was sent, and an answer may come.
    Waiting,
    /// An answer came, or something that the peer said of its own accord.
    Answered,
    /// The time limit has passed without an answer.
    NoAnswer,
    /// It was not waited for any longer.
    Stopped,
    /// The peer closed the connection.
    Closed,
    /// The peer broke the connection off, or does not listen.
    Reset,
    /// The peer has sent more than is kept.
    Flooded,
    /// It was not sent, and why.
    Failed(String),
}

/// A message that came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its fields and bytes.
    pub details: Arc<Details>,
    /// Its protocol, if it is of one.
    pub protocol: Option<String>,
    /// It in a few words.
    pub summary: String,
    /// How long after the message it came, in nanoseconds.
    pub latency_ns: Option<i64>,
}

/// The most answers to one message that are listed, and how many bytes they may have.
const MOST_ANSWERS: usize = 200;
const ANSWER_BYTES: usize = 32 << 20;

impl Sent {
    pub(super) fn new(
        draft: Option<Arc<Draft>>,
        details: Arc<Details>,
        summary: String,
        target: String,
    ) -> Sent {
        Sent { draft, details, summary, target, progress: Arc::default() }
    }

    /// What became of it so far.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress.lock())
    }

    pub(super) fn shared(&self) -> Shared {
        Arc::clone(&self.progress)
    }
}

impl State {
    /// Whether more is waited for.
    pub fn is_under_way(&self) -> bool {
        matches!(self, State::Connecting | State::Waiting)
    }
}

impl Progress {
    /// Sets how far it is.
    pub(super) fn set(progress: &Shared, state: State) {
        Arc::make_mut(&mut progress.lock()).state = state;
    }

    pub(super) fn add(&mut self, answer: Answer) {
        let bytes: usize = self.answers.iter().map(|answer| answer.details.bytes.len()).sum();
        if self.answers.len() >= MOST_ANSWERS || bytes > ANSWER_BYTES {
            self.more += 1;
        } else {
            self.answers.push(answer);
        }
    }
}

impl Answer {
    /// A row that came back. `sent_ns` is when the message was sent that it may answer.
    pub(super) fn of(
        number: RowId,
        index: &Index,
        reader: &mut BlockReader,
        sent_ns: Option<i64>,
    ) -> Option<Answer> {
        let row = index.row(number)?;
        let bytes = index.row_bytes(&row, display_limit(&row), reader).unwrap_or_default();
        let summary = index.dissect(number, &bytes).summary;
        let details = Details::of(number, index, reader);
        let title = index.kind(&row).unwrap_or(row.type_name()).to_owned();
        let latency_ns = index.time_ns(&row).zip(sent_ns).map(|(then, sent)| then - sent);
        let protocol = index.protocol(&row).map(|protocol| protocol.name().to_owned());
        Some(Answer { details: Arc::new(Details { title, ..details }), protocol, summary, latency_ns })
    }
}
