//! Finds in the recording where messages end, for faults and changes of whole messages: in a thread that reads what was recorded as
//! any capture is read.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use framescope_capture::filter::Evaluator;
use framescope_capture::{Index, Options, ReadError, RowId, Source};
use framescope_parser::{Direction, SpanType};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::recorder::Recorder;
use crate::{Edit, Following};

/// How often what is recorded is looked at although nobody said that there is more: the protocol may be decided by now.
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
#[derive(Clone, Debug)]
pub(in super::super) struct Messages {
    commands: Sender<Command>,
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
        notify: impl Fn(String) + Send + 'static,
    ) -> Result<Messages, ReadError> {
        recorder.flush();
        let following = Following::new(source, options)?;
        let (commands, received) = channel();
        let mut finder = Finder { following, recorder, edits, watched: HashMap::new(), notify: Box::new(notify) };
        // Without the thread nothing is found, and everything is passed on as it is after a while.
        let _ = std::thread::Builder::new().name("messages".to_owned()).spawn(move || finder.run(&received));
        Ok(Messages { commands })
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
