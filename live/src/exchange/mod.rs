//! A conversation with a program that listens: what is sent and received is recorded and read at once, so that the rows of what was said
//! so far are there when the next message is to be written.

pub(crate) mod arrivals;
pub(crate) mod link;
mod listener;
mod waiting;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::{FlowId, Index, Options, ReadError, Row, RowId, Source};
use framescope_parser::{Direction, Protocol, Role};
use serde_json::Value as Json;
use thiserror::Error;

use self::arrivals::{Arrivals, End, Receiving};
use self::link::Link;
pub use self::listener::Listener;
pub use self::waiting::{TakeRows, Wait, Waited};
use crate::encoding::EncodeError;
use crate::talk::Talk;
use crate::{Edit, Limits, LiveIndex, Pacer, Recorder, Refused, Target};

/// Rows of a protocol that is not certain show after this long without more bytes.
const SETTLED: Duration = Duration::from_millis(60);

/// A conversation with a peer, of which this side is the client unless it was [listening](Listener).
///
/// ```no_run
/// use std::time::{Duration, Instant};
/// use framescope_capture::Options;
/// use framescope_live::{Exchange, Limits, Received};
///
/// let target = "localhost:9000".parse()?;
/// let mut exchange = Exchange::connect(&target, &Options::default(), &Limits::default(), Duration::from_secs(5))?;
/// let ping = exchange.encode(&serde_json::json!({"protocol": "missive", "fields": {"kind": "PING"}}))?;
/// exchange.send(&ping)?;
/// while let Received::Rows(rows) = exchange.receive(Instant::now() + Duration::from_secs(1)) {
///     println!("{} more rows", rows.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Exchange {
    target: Target,
    link: Link,
    arrivals: Arc<Arrivals>,
    receiving: Receiving,
    live: LiveIndex,
    talk: Talk,
    pacer: Pacer,
    timeout: Duration,
    notes: Vec<String>,
    /// How many rows were handed out.
    reported: usize,
    /// How many rows the conversation has taken into account.
    taken: usize,
}

/// What was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// New rows: of what was received, and of what was sent.
    Rows(Range<usize>),
    /// The peer sends no more.
    Closed,
    /// The peer broke the connection off; of UDP, it does not listen.
    Reset,
    /// The peer has sent more than is kept of one conversation, and no more is read.
    Flooded,
    /// Nothing more came until then.
    TimedOut,
}

/// Why a conversation can't begin or continue.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// It would be sent to another machine.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The host has no address.
    #[error("the address of {target} can't be found: {cause}")]
    NotFound {
        /// What was to be connected to.
        target: Target,
        /// Why not.
        cause: io::Error,
    },
    /// No program listens there, or it can't be reached.
    #[error("{target} can't be connected to: {}", link::reason(cause))]
    NotConnected {
        /// What was to be connected to.
        target: Target,
        /// Why not.
        cause: io::Error,
    },
    /// It can't be listened there.
    #[error("{target} can't be listened at: {}", link::reason(cause))]
    NotListening {
        /// Where it was to be listened.
        target: Target,
        /// Why not.
        cause: io::Error,
    },
    /// The peer takes no more bytes.
    #[error("{target} can't be sent to: {}", link::reason(cause))]
    NotSent {
        /// Where it was to be sent.
        target: Target,
        /// Why not.
        cause: io::Error,
    },
    /// What passes can't be recorded.
    #[error("what passes can't be recorded: {0}")]
    NotRecorded(io::Error),
    /// A rule names no protocol.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Exchange {
    /// Connects, and records to the temporary folder. Nothing is waited for longer than `timeout` while connecting and sending.
    ///
    /// # Errors
    /// It can't be connected to, or must not; or a rule of `options` names no protocol.
    pub fn connect(
        target: &Target,
        options: &Options,
        limits: &Limits,
        timeout: Duration,
    ) -> Result<Exchange, ExchangeError> {
        let recording = Recorder::temporary().map_err(ExchangeError::NotRecorded)?;
        Exchange::connect_recorded(target, options, limits, timeout, recording)
    }

    /// The same, which records as [`Recorder::to_file`] has it.
    ///
    /// # Errors
    /// Those of [`connect`](Exchange::connect).
    pub fn connect_recorded(
        target: &Target,
        options: &Options,
        limits: &Limits,
        timeout: Duration,
        (recorder, source): (Recorder, Source),
    ) -> Result<Exchange, ExchangeError> {
        let live = LiveIndex::new(recorder.clone(), source, options)?;
        let link = Link::connect(target, limits, timeout, &recorder)?;
        Exchange::over(link, live, (target, options, limits, timeout))
    }

    /// Over a connection that was made, and that nothing was sent on yet.
    fn over(
        link: Link,
        mut live: LiveIndex,
        (target, options, limits, timeout): (&Target, &Options, &Limits, Duration),
    ) -> Result<Exchange, ExchangeError> {
        // The recording may have other conversations, which this one follows.
        live.catch_up();
        let is_recorded = live.index().flows().len();
        let connection = usize::from(!target.is_udp());
        let flow = u32::try_from(is_recorded.saturating_sub(connection)).unwrap_or(u32::MAX);
        let rows = live.index().row_count();
        let arrivals = Arc::new(Arrivals::default());
        let receiving = link
            .receive(&arrivals)
            .map_err(|cause| ExchangeError::NotConnected { target: target.clone(), cause })?;
        Ok(Exchange {
            target: target.clone(),
            link,
            arrivals,
            receiving,
            live,
            talk: Talk::new(flow.into(), options.protocols.clone()),
            pacer: limits.pacer(),
            timeout,
            notes: Vec::new(),
            reported: rows,
            taken: rows,
        })
    }

    /// Messages that name no protocol are of this one, until one is spoken.
    pub fn set_default(&mut self, protocol: Arc<dyn Protocol>) {
        self.talk.set_default(protocol);
    }

    /// Where it is connected to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sends bytes, when it is their turn: in one piece if the peer takes them so.
    ///
    /// # Errors
    /// The peer takes no more, or not in time.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        self.pacer.wait();
        let Exchange { target, link, arrivals, timeout, .. } = self;
        let target = || target.clone();
        link.send(bytes, Instant::now() + *timeout, arrivals)
            .map_err(|cause| ExchangeError::NotSent { target: target(), cause })
    }

    /// Waits for new rows, or for the end. Rows come first.
    pub fn receive(&mut self, until: Instant) -> Received {
        loop {
            self.catch_up();
            let rows = self.reported..self.live.index().row_count();
            if !rows.is_empty() {
                self.reported = rows.end;
                return Received::Rows(rows);
            }
            let now = Instant::now();
            if let Some(end) = self.arrivals.end() {
                // What was received before it is read by now.
                self.catch_up();
                if self.live.index().row_count() == self.reported {
                    return match end {
                        End::Closed => Received::Closed,
                        End::Reset => Received::Reset,
                        End::Flooded => Received::Flooded,
                    };
                }
            } else if now >= until {
                return Received::TimedOut;
            } else {
                self.arrivals.wait(until.min(now + SETTLED));
            }
        }
    }

    /// Reads all that was recorded, and takes it into account for what is written next.
    fn catch_up(&mut self) {
        self.arrivals.read();
        self.live.catch_up();
        let index = self.live.index();
        for id in index.row_ids_in(self.taken..index.row_count()) {
            // What can't be read is damage, which the index has.
            let _ = self.talk.take(index, id);
        }
        self.taken = index.row_count();
    }

    /// The bytes of a message, given in JSON: of the protocol that it names, or that is spoken, in the state that the conversation is in.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn encode(&mut self, message: &Json) -> Result<Vec<u8>, EncodeError> {
        self.encode_edited(message, &[]).map(|(bytes, _)| bytes)
    }

    /// The same with fields changed afterwards, such as lengths that are to be wrong; and whether each change was made. One of a field that
    /// the message does not have is not.
    ///
    /// # Errors
    /// What is wrong with the message, or why it can't be changed so.
    pub fn encode_edited(
        &mut self,
        message: &Json,
        edits: &[Edit],
    ) -> Result<(Vec<u8>, Vec<bool>), EncodeError> {
        self.catch_up();
        self.talk.encode(self.link.role(), message, edits, &mut self.notes)
    }

    /// What could not be derived of the messages that were written since this was called last.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Whether the protocol that is spoken says which messages ask for a reply, as far as is known.
    pub fn asks_for_replies(&self) -> bool {
        self.talk.asks_for_replies()
    }

    /// How many messages that ask for a reply have none yet. 0 where the protocol does not say which do.
    pub fn unanswered(&self) -> usize {
        self.talk.waiting(self.link.role())
    }

    /// Which rows were answered by which, since this was called last.
    pub fn take_replies(&mut self) -> Vec<(RowId, RowId)> {
        self.talk.take_replies()
    }

    /// Whether the protocol that is spoken has states, so that the next message depends on those before it.
    pub fn has_states(&self) -> bool {
        self.talk.has_states()
    }

    /// Which way what is sent goes.
    pub fn direction(&self) -> Direction {
        if self.link.role() == Role::Client { Direction::Forward } else { Direction::Backward }
    }

    /// The flow that it is, in what was recorded.
    pub fn flow(&self) -> FlowId {
        self.talk.flow()
    }

    /// Sends no more; what the peer sends is still received.
    pub fn end(&mut self) {
        self.link.end();
    }

    /// Breaks the connection off.
    pub fn reset(&mut self) {
        self.receiving.stop();
        self.link.reset();
    }

    /// What was said so far.
    pub fn index(&self) -> &Index {
        self.live.index()
    }

    fn row(&self, at: usize) -> Option<(RowId, Row)> {
        let id = self.index().row_id(u32::try_from(at).ok()?)?;
        Some((id, self.index().row(id)?))
    }

    /// Why what passes is not recorded any more, if it is not.
    pub fn failure(&self) -> Option<String> {
        self.live.recorder().failure()
    }

    /// Ends the conversation, and returns all of it.
    pub fn finish(self) -> Index {
        self.finish_with(&mut |_, _| {})
    }

    /// The same, and hands on the rows that were not handed out, before all are put in order.
    pub fn finish_with(mut self, last: &mut dyn FnMut(&Index, Range<usize>)) -> Index {
        self.link.close();
        self.receiving.stop();
        self.link.close_recording();
        let Exchange { link, live, mut reported, .. } = self;
        drop(link);
        live.finish_with(&mut |index, rows| {
            let new = reported.max(rows.start).min(rows.end)..rows.end;
            reported = rows.end;
            last(index, new);
        })
    }
}

#[cfg(test)]
mod tests;
