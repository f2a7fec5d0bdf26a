//! One connection of a peer for tests: which rules it has used, and how it answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use framescope_capture::{FlowId, Index, RowId};
use framescope_parser::{Protocol, Role, Value};

use super::connections::{Connection, Out, OutError};
use super::script::{Action, Script};
use super::template;
use crate::Talk;
use crate::exchange::arrivals::{Arrivals, End};
use crate::replay::compare::{Fields, bytes_of, owned};

/// What is to be done.
pub(super) enum Due {
    /// What the script does when a connection begins.
    Start,
    /// What a rule does about a row.
    Rule(usize, RowId),
    /// Messages as they were recorded.
    Bytes(Vec<Vec<u8>>),
}

/// One connection.
pub(super) struct Peer {
    address: SocketAddr,
    connection: Connection,
    talk: Option<Talk>,
    /// How often each rule was used.
    used: Vec<u32>,
    /// The name of the protocol of messages that name none.
    pub(super) protocol: Option<String>,
    /// Which recorded request is expected next.
    pub(super) next_recorded: usize,
    has_ended: bool,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, connection: Connection, rules: usize) -> Peer {
        Peer {
            address,
            connection,
            talk: None,
            used: vec![0; rules],
            protocol: None,
            next_recorded: 0,
            has_ended: false,
        }
    }

    fn arrivals(&self) -> Option<&Arc<Arrivals>> {
        match &self.connection {
            Connection::Stream { arrivals, .. } => Some(arrivals),
            Connection::Datagrams { .. } => None,
        }
    }

    /// What was received so far is about to be read.
    pub(super) fn is_read(&self) {
        if let Some(arrivals) = self.arrivals() {
            arrivals.read();
        }
    }

    /// How its peer has ended it, if it has.
    pub(super) fn end(&self) -> Option<End> {
        self.arrivals()?.end()
    }

    /// Whether this side has ended it.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// It is this flow of what is recorded.
    pub(super) fn speak_in(&mut self, flow: FlowId, protocols: &[Arc<dyn Protocol>]) {
        let mut talk = Talk::new(flow, protocols.to_vec());
        let named = |name: &String| protocols.iter().find(|one| one.name() == name);
        if let Some(protocol) = self.protocol.as_ref().and_then(named) {
            talk.set_default(Arc::clone(protocol));
        }
        self.talk.get_or_insert(talk);
    }

    /// Takes a row into account.
    pub(super) fn take(&mut self, index: &Index, id: RowId) -> io::Result<()> {
        self.talk.as_mut().map_or(Ok(()), |talk| talk.take(index, id))
    }

    /// Whether a rule may be used once more, which then counts.
    pub(super) fn may_use(&mut self, rule: usize, times: Option<u32>) -> bool {
        let Some(used) = self.used.get_mut(rule) else { return false };
        let may = times.is_none_or(|times| *used < times);
        *used += u32::from(may);
        may
    }

    pub(super) fn carry_out(
        &mut self,
        due: Due,
        script: &Script,
        index: &Index,
        notice: &mut dyn FnMut(&str),
    ) -> io::Result<()> {
        match due {
            Due::Bytes(messages) => {
                for bytes in messages {
                    self.put(Out::Bytes(bytes, None), notice);
                }
            }
            Due::Start => {
                if let Some(start) = &script.start {
                    self.act(start, &|_| None, notice);
                }
            }
            Due::Rule(rule, id) => {
                let Some(rule) = script.rules.get(rule) else { return Ok(()) };
                let bytes = match rule.action.send.is_empty() {
                    true => Vec::new(),
                    false => bytes_of(index, id)?,
                };
                let fields = Fields::of(index, id, &bytes);
                let request = |path: &str| -> Option<Value<'static>> { fields.find(path).map(owned) };
                self.act(&rule.action, &request, notice);
            }
        }
        Ok(())
    }

    fn act(
        &mut self,
        action: &Action,
        request: &dyn Fn(&str) -> Option<Value<'static>>,
        notice: &mut dyn FnMut(&str),
    ) {
        let address = self.address;
        for message in &action.send {
            let filled = match template::fill(message, request) {
                Ok(filled) => filled,
                Err(error) => {
                    notice(&format!("{address} is not answered: {error}"));
                    continue;
                }
            };
            let Some(talk) = &mut self.talk else { continue };
            let mut notes = Vec::new();
            let said = talk.say(Role::Server, &filled, &action.breaks, &mut notes);
            notes.iter().for_each(|note| notice(&format!("{address}: {note}")));
            match said {
                Ok(bytes) => self.put(Out::Bytes(bytes, action.cut), notice),
                Err(error) => notice(&format!("{address} is not answered: {error}")),
            }
        }
        if !action.raw.is_empty() {
            self.put(Out::Bytes(action.raw.clone(), action.cut), notice);
        }
        if action.reset || action.close {
            self.put(if action.reset { Out::Reset } else { Out::Close }, notice);
            // Of UDP, the peer may go on.
            self.has_ended = self.arrivals().is_some();
        }
    }

    fn put(&mut self, out: Out, notice: &mut dyn FnMut(&str)) {
        match self.connection.put(out) {
            Ok(()) | Err(OutError::Ended) => {}
            Err(error) => {
                notice(&format!("{}: {error}", self.address));
                self.has_ended = matches!(error, OutError::Behind);
            }
        }
    }
}
