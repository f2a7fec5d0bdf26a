//! Finds in the recording where messages end, for faults and changes of whole messages: in a thread that reads what was recorded as
//! any capture is read.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use framescope_capture::filter::Evaluator;
use framescope_capture::{Index, Options, ReadError, RowId, Source};
use framescope_parser::{Role, SpanType};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::recorder::{Recorder, canonical};
use crate::{Edit, EditError, Following};

/// How often what is recorded is looked at although no more was announced: the protocol may be decided by now.
const BETWEEN: Duration = Duration::from_millis(50);

/// Where a conversation's bytes come from and go to.
pub(in super::super) type Ends = (SocketAddr, SocketAddr);

/// A stretch of one direction of a conversation that is one message, or none.
#[derive(Debug)]
pub(super) struct Found {
    /// Where in the stream it begins.
    pub(super) begin: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// Whether it is a message.
    pub(super) is_message: bool,
    /// What it becomes, where it is changed.
    pub(super) changed: Option<Vec<u8>>,
}

/// Lets directions of conversations know where their messages end.
#[derive(Clone)]
pub(in super::super) struct Messages {
    commands: Sender<Command>,
    /// Of which side's.
    needed: [bool; 2],
}

enum Command {
    Watch(Ends, UnboundedSender<Found>),
    Recorded,
}

impl Messages {
    /// Begins to read a recording. `notify` is given sentences about messages that can't be changed.
    pub(in super::super) fn new(
        (source, options): (Source, &Options),
        recorder: Recorder,
        edits: Vec<Edit>,
        needed: [bool; 2],
        notify: impl Fn(String) + Send + 'static,
    ) -> Result<Messages, ReadError> {
        recorder.flush();
        let following = Following::new(source, options)?;
        let (commands, received) = channel();
        let mut finder =
            Finder { following, recorder, edits, watched: HashMap::new(), notify: Box::new(notify) };
        // Without the thread nothing is found, and everything is passed on as it is after a while.
        let _ = std::thread::Builder::new().name("messages".to_owned()).spawn(move || finder.run(&received));
        Ok(Messages { commands, needed })
    }

    /// Whether what this side sends is to be read as messages.
    pub(in super::super) fn are_needed(&self, role: Role) -> bool {
        let [of_clients, of_targets] = self.needed;
        if role == Role::Client { of_clients } else { of_targets }
    }

    /// What will be found in one direction of a conversation that begins.
    pub(super) fn watch(&self, ends: Ends) -> UnboundedReceiver<Found> {
        let (sender, receiver) = unbounded_channel();
        let _ = self.commands.send(Command::Watch(ends, sender));
        receiver
    }

    /// More was recorded.
    pub(super) fn recorded(&self) {
        let _ = self.commands.send(Command::Recorded);
    }
}

/// The thread's state.
struct Finder {
    following: Following,
    recorder: Recorder,
    edits: Vec<Edit>,
    watched: HashMap<Ends, UnboundedSender<Found>>,
    notify: Box<dyn Fn(String) + Send>,
}

impl Finder {
    /// Reads on until it is dropped everywhere.
    fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            match commands.recv_timeout(BETWEEN) {
                Ok(command) => {
                    self.take(command);
                    commands.try_iter().for_each(|command| self.take(command));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.recorder.flush();
            let rows = self.following.read_on();
            let rows: Vec<RowId> = self.following.index().row_ids_in(rows).collect();
            rows.into_iter().for_each(|row| self.found(row));
        }
    }

    fn take(&mut self, command: Command) {
        if let Command::Watch((from, to), sender) = command {
            self.watched.retain(|_, sender| !sender.is_closed());
            self.watched.insert(canonical(from, to), sender);
        }
    }

    /// Lets a conversation know of a row.
    fn found(&mut self, id: RowId) {
        let index = self.following.index();
        let Some(row) = index.row(id) else { return };
        let Some(flow) = index.flow(row.flow()).filter(|flow| flow.carried().is_none()) else { return };
        let direction = index.direction(&row);
        let ends = flow.source(direction).zip(flow.source(direction.reverse()));
        let Some(watcher) = ends.and_then(|ends| self.watched.get(&ends)) else { return };
        let is_message = row.span_type == SpanType::Message && index.protocol(&row).is_some();
        let changed = if is_message { self.changed(index, id) } else { None };
        let found = Found { begin: row.offset, end: row.offset + row.length, is_message, changed };
        // Whoever has gone needs it no more.
        let _ = watcher.send(found);
    }

    /// What a message becomes; None if it stays as it is.
    fn changed(&self, index: &Index, id: RowId) -> Option<Vec<u8>> {
        if self.edits.is_empty() {
            return None;
        }
        match self.edited(index, id) {
            Ok(changed) => changed,
            Err(error) => {
                (self.notify)(format!("a message is passed on unchanged: {error}"));
                None
            }
        }
    }

    fn edited(&self, index: &Index, id: RowId) -> io::Result<Option<Vec<u8>>> {
        let Some(row) = index.row(id) else { return Ok(None) };
        let Some(protocol) = index.protocol(&row) else { return Ok(None) };
        let mut bytes = index.row_bytes(&row, usize::MAX, &mut index.reader())?;
        let mut is_changed = false;
        for edit in &self.edits {
            if let Some(filter) = edit.filter()
                && !Evaluator::new(filter, index).matches(id)?
            {
                continue;
            }
            match index.with_context(&row, |context| edit.change(protocol, context, &bytes)) {
                Ok(changed) => (bytes, is_changed) = (changed, true),
                // A change of all messages is one of those that have the field.
                Err(EditError::NoField { .. }) if edit.filter().is_none() => {}
                Err(error) => (self.notify)(format!("a message is passed on without a change: {error}")),
            }
        }
        Ok(is_changed.then_some(bytes))
    }
}
