//! A peer for tests: it answers messages by the rules of a [`Script`], or as they were answered in a [`Recording`].

mod connections;
mod conversation;
mod recorded;
mod script;
mod template;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use framescope_capture::filter::Evaluator;
use framescope_capture::{FlowId, Index, Options, ReadError, RowId, Source};
use framescope_parser::{Direction, SpanType};
use thiserror::Error;

use self::connections::{Connection, Connections, Event};
use self::conversation::{Due, Peer};
pub use self::recorded::Recording;
pub use self::script::{Script, ScriptError};
use crate::exchange::arrivals::End;
use crate::{LiveIndex, Recorder, Target};

/// How long it is waited at a time.
const SLICE: Duration = Duration::from_millis(50);
/// So many connections are open at once; more are closed.
const MOST_OPEN: usize = 1000;

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// By rules, which come first.
    pub script: Script,
    /// As recorded.
    pub recording: Option<Recording>,
    /// After so many connections it ends; None for never.
    pub connections: Option<u64>,
}

/// Why a peer can't answer.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address is used, or not one of this machine.
    #[error("{target} can't be listened at: {cause}")]
    NotListening {
        /// Where it was to be listened.
        target: Target,
        /// Why not.
        cause: io::Error,
    },
    /// A rule of the options names no protocol.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The rows can't be handed on, or the recording not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a peer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// How many connections there were; of UDP, how many peers.
    pub connections: u64,
    /// How many messages were received.
    pub messages: u64,
    /// How many of them were answered, or otherwise dealt with by a rule.
    pub matched: u64,
}

/// What a peer says while it runs.
pub struct Watch<'w> {
    /// Takes new rows.
    pub rows: &'w mut dyn FnMut(&Index, Range<usize>) -> io::Result<()>,
    /// Takes sentences about what could not be done.
    pub notice: &'w mut dyn FnMut(&str),
    /// Asked at intervals; the peer ends when it returns false.
    pub goes_on: &'w mut dyn FnMut() -> bool,
}

/// A peer that listens.
pub struct Server {
    connections: Connections,
    live: LiveIndex,
    answers: Answers,
    options: Options,
    peers: BTreeMap<u64, Peer>,
    by_address: HashMap<SocketAddr, u64>,
    by_flow: HashMap<FlowId, u64>,
    /// Flows whose connection is not known yet, and their rows.
    unknown: Vec<FlowId>,
    waiting: Vec<RowId>,
    flows: usize,
    rows: usize,
    /// What is to be done later, in the order of its time.
    due: BTreeMap<(Instant, u64), (u64, Due)>,
    numbered: u64,
    closed: u64,
    served: Served,
}

impl Server {
    /// Listens, and records what passes.
    ///
    /// # Errors
    /// It can't listen there, or a rule of the options names no protocol.
    pub fn start(
        target: &Target,
        options: &Options,
        answers: Answers,
        (recorder, source): (Recorder, Source),
    ) -> Result<Server, ServeError> {
        let live = LiveIndex::new(recorder.clone(), source, options)?;
        let connections = Connections::listen(target, &recorder)
            .map_err(|cause| ServeError::NotListening { target: target.clone(), cause })?;
        Ok(Server {
            connections,
            live,
            answers,
            options: options.clone(),
            peers: BTreeMap::new(),
            by_address: HashMap::new(),
            by_flow: HashMap::new(),
            unknown: Vec::new(),
            waiting: Vec::new(),
            flows: 0,
            rows: 0,
            due: BTreeMap::new(),
            numbered: 0,
            closed: 0,
            served: Served::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.connections.address()
    }

    /// Answers until it has served as many connections as it is to, or the caller ends it. Returns what it did, and all that was said.
    ///
    /// # Errors
    /// Those of the callbacks, or the recording can't be read.
    pub fn run(mut self, watch: &mut Watch<'_>) -> Result<(Served, Index), ServeError> {
        loop {
            let until = self.due.keys().next().map(|(at, _)| *at);
            let wait = until.map_or(SLICE, |at| at.saturating_duration_since(Instant::now()).min(SLICE));
            match self.connections.events.recv_timeout(wait) {
                Ok(event) => self.take(event, watch)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(event) = self.connections.events.try_recv() {
                self.take(event, watch)?;
            }
            // What was received before an end is read by now.
            let ended = self.ended();
            self.read(watch)?;
            self.do_what_is_due(watch)?;
            self.close(ended);
            let is_done = self.answers.connections.is_some_and(|most| self.closed >= most);
            if is_done || !(watch.goes_on)() {
                break;
            }
        }
        let Server { connections, live, peers, served, .. } = self;
        drop(peers);
        connections.end();
        let mut printed = Ok(());
        let index = live.finish_with(&mut |index, rows| {
            if printed.is_ok() {
                printed = (watch.rows)(index, rows);
            }
        });
        printed?;
        Ok((served, index))
    }

    fn take(&mut self, event: Event, watch: &mut Watch<'_>) -> Result<(), ServeError> {
        match event {
            Event::Woken => {}
            Event::Failed(error) => (watch.notice)(&format!("a connection can't be accepted: {error}")),
            Event::Opened(address, connection) => {
                let is_enough = self.answers.connections.is_some_and(|most| self.served.connections >= most);
                if is_enough {
                    return Ok(());
                }
                if self.peers.len() >= MOST_OPEN {
                    (watch.notice)(&format!("{address} is refused: {MOST_OPEN} connections are open"));
                    return Ok(());
                }
                let number = self.served.connections;
                self.served.connections += 1;
                self.by_address.insert(address, number);
                let is_stream = matches!(connection, Connection::Stream { .. });
                let mut peer = Peer::new(address, connection, self.answers.script.rules.len());
                if let Some(protocol) = &self.answers.script.protocol {
                    peer.protocol = Some(protocol.clone());
                }
                self.peers.insert(number, peer);
                if is_stream {
                    self.begin(number)?;
                }
            }
        }
        Ok(())
    }

    /// What is said first in a connection.
    fn begin(&mut self, number: u64) -> Result<(), ServeError> {
        if let Some(start) = &self.answers.script.start {
            let at = Instant::now() + start.delay;
            self.put_off(at, number, Due::Start);
        }
        if let Some(recording) = &self.answers.recording {
            let greeting = recording.greeting(usize::try_from(number).unwrap_or(usize::MAX))?;
            self.put_off(Instant::now(), number, Due::Bytes(greeting));
        }
        Ok(())
    }

    fn put_off(&mut self, at: Instant, peer: u64, due: Due) {
        self.due.insert((at, self.numbered), (peer, due));
        self.numbered += 1;
    }

    /// Reads what was received, and finds what is to be done.
    fn read(&mut self, watch: &mut Watch<'_>) -> Result<(), ServeError> {
        self.peers.values().for_each(Peer::is_read);
        let rows = self.live.catch_up();
        self.assign_flows();
        let rows = self.rows.min(rows.start)..self.live.index().row_count();
        self.rows = rows.end;
        if !rows.is_empty() {
            (watch.rows)(self.live.index(), rows.clone())?;
        }
        let waiting = std::mem::take(&mut self.waiting);
        for id in waiting.into_iter().chain(self.live.index().row_ids_in(rows)) {
            self.answer(id)?;
        }
        Ok(())
    }

    /// Which connection each new flow is.
    fn assign_flows(&mut self) {
        let index = self.live.index();
        let new = index.flows().skip(self.flows).filter(|(_, flow)| flow.carried().is_none());
        self.unknown.extend(new.map(|(id, _)| id));
        self.flows = index.flows().len();
        self.unknown.retain(|id| {
            let address = index.flow(*id).and_then(|flow| flow.source(Direction::Forward));
            let Some(number) = address.and_then(|address| self.by_address.get(&address)) else { return true };
            if let Some(peer) = self.peers.get_mut(number) {
                peer.speak_in(*id, &self.options.protocols);
            }
            self.by_flow.insert(*id, *number);
            false
        });
    }

    /// Finds what is to be done about a row.
    fn answer(&mut self, id: RowId) -> Result<(), ServeError> {
        let index = self.live.index();
        let Some(row) = index.row(id) else { return Ok(()) };
        let Some(&number) = self.by_flow.get(&row.flow()) else {
            // It was received before it was said that the connection was made.
            if self.unknown.contains(&row.flow()) {
                self.waiting.push(id);
            }
            return Ok(());
        };
        let Some(peer) = self.peers.get_mut(&number) else { return Ok(()) };
        peer.take(index, id)?;
        if index.direction(&row) != Direction::Forward || row.span_type == SpanType::Gap {
            return Ok(());
        }
        self.served.messages += u64::from(row.span_type == SpanType::Message);
        for (at, rule) in self.answers.script.rules.iter().enumerate() {
            let matches = match &rule.when {
                Some(filter) => Evaluator::new(filter, index).matches(id)?,
                None => row.span_type == SpanType::Message,
            };
            if matches && peer.may_use(at, rule.times) {
                let time = Instant::now() + rule.action.delay;
                self.served.matched += 1;
                self.put_off(time, number, Due::Rule(at, id));
                return Ok(());
            }
        }
        if let Some(recording) = &self.answers.recording
            && let Some(answers) = recording.answers((index, id), &mut peer.next_recorded)?
        {
            self.served.matched += 1;
            self.put_off(Instant::now(), number, Due::Bytes(answers));
        }
        Ok(())
    }

    fn do_what_is_due(&mut self, watch: &mut Watch<'_>) -> Result<(), ServeError> {
        while let Some(next) = self.due.first_entry().filter(|next| next.key().0 <= Instant::now()) {
            let (number, due) = next.remove();
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            peer.carry_out(due, &self.answers.script, self.live.index(), watch.notice)?;
        }
        Ok(())
    }

    /// The connections that have ended, and how.
    fn ended(&self) -> Vec<(u64, End)> {
        self.peers.iter().filter_map(|(number, peer)| Some((*number, peer.end()?))).collect()
    }

    /// Lets go of connections that have ended, but for those for which something is to be done.
    fn close(&mut self, mut ended: Vec<(u64, End)>) {
        let own = self.peers.iter().filter(|(_, peer)| peer.has_ended());
        ended.extend(own.map(|(number, _)| (*number, End::Reset)));
        for (number, end) in ended {
            let is_due = end == End::Closed && self.due.values().any(|(peer, _)| *peer == number);
            if !is_due && self.peers.remove(&number).is_some() {
                self.closed += 1;
            }
        }
    }
}
