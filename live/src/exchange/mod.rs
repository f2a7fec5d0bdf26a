//! A conversation with a program that listens: what is sent and received is recorded and read at once, so that the rows of what was said
//! so far are there when the next message is to be written.

mod link;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framescope_capture::{Index, Options, ReadError, RowId, Source};
use framescope_parser::{Protocol, Role};
use serde_json::Value as Json;
use thiserror::Error;

use self::link::{Arrivals, End, Link};
use crate::encoding::EncodeError;
use crate::talk::Talk;
use crate::{Limits, LiveIndex, Pacer, Recorder, Refused, Target};

/// Rows of a protocol that is not certain show after this long without more bytes.
const SETTLED: Duration = Duration::from_millis(60);

/// A conversation with a peer, of which this side is the client.
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
    reader: Option<JoinHandle<()>>,
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
        let arrivals = Arc::new(Arrivals::default());
        let reader = link
            .read(&arrivals)
            .map_err(|cause| ExchangeError::NotConnected { target: target.clone(), cause })?;
        Ok(Exchange {
            target: target.clone(),
            link,
            arrivals,
            reader: Some(reader),
            live,
            talk: Talk::new(0.into(), options.protocols.clone()),
            pacer: limits.pacer(),
            timeout,
            notes: Vec::new(),
            reported: 0,
            taken: 0,
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
        self.catch_up();
        self.talk.encode(Role::Client, message, &mut self.notes)
    }

    /// What could not be derived of the messages that were written since this was called last.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// How many messages that ask for a reply have none yet. 0 where the protocol does not say which do.
    pub fn unanswered(&self) -> usize {
        self.talk.waiting(Role::Client)
    }

    /// Which rows were answered by which, since this was called last.
    pub fn take_replies(&mut self) -> Vec<(RowId, RowId)> {
        self.talk.take_replies()
    }

    /// Whether the protocol that is spoken has states, so that the next message depends on those before it.
    pub fn has_states(&self) -> bool {
        self.talk.has_states()
    }

    /// Sends no more; what the peer sends is still received.
    pub fn end(&mut self) {
        self.link.end();
    }

    /// Breaks the connection off.
    pub fn reset(&mut self) {
        self.link.reset();
    }

    /// What was said so far.
    pub fn index(&self) -> &Index {
        self.live.index()
    }

    /// Why what passes is not recorded any more, if it is not.
    pub fn failure(&self) -> Option<String> {
        self.live.recorder().failure()
    }

    /// Ends the conversation, and returns all of it.
    pub fn finish(mut self) -> Index {
        self.stop();
        self.link.close_recording();
        let Exchange { live, .. } = self;
        live.finish()
    }

    fn stop(&mut self) {
        self.arrivals.stop();
        self.link.close();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

#[cfg(test)]
mod tests;
