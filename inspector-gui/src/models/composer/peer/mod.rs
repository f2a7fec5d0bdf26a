//! The program that messages are sent to: where it is, the connection to it, and what was said.
//!
//! Nothing here waits: a connection lives in the background, and what comes back is there in a later frame.

mod history;
mod talking;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use framescope_capture::{DecodeAs, Options};
use framescope_live::{Limits, Target};

pub use history::{Answer, Progress, Sent, State};
use talking::{Order, Shared, Talking};

use super::draft::Draft;
use super::shown::Shown;
use crate::models::background::{Background, Job};
use crate::models::details::Details;

/// The most messages that are remembered.
const MOST_SENT: usize = 500;

/// The program that messages are sent to.
#[derive(Debug)]
pub struct Peer {
    background: Background,
    /// Where it listens, as it is typed: `HOST:PORT`, or `unix:PATH`.
    address: String,
    /// Whether messages go as datagrams.
    is_udp: bool,
    /// Whether that is certainly another machine.
    is_elsewhere: bool,
    /// The target that may be sent to although it is another machine.
    allowed: Option<String>,
    /// How long an answer is waited for.
    pub timeout: Duration,
    connection: Option<Connection>,
    sent: Vec<Sent>,
    /// Where conversations are recorded.
    folder: Option<tempfile::TempDir>,
    connections: usize,
    error: Option<String>,
}

/// A connection that may still be open.
#[derive(Debug)]
struct Connection {
    target: String,
    protocol: String,
    /// None if it was closed here.
    job: Option<Job<()>>,
    shared: Arc<Shared>,
    path: PathBuf,
}

impl Peer {
    pub(crate) fn new(background: &Background) -> Peer {
        Peer {
            background: background.clone(),
            address: String::new(),
            is_udp: false,
            is_elsewhere: false,
            allowed: None,
            timeout: Duration::from_secs(2),
            connection: None,
            sent: Vec::new(),
            folder: None,
            connections: 0,
            error: None,
        }
    }

    /// Sets where it is: `HOST:PORT`, `udp:HOST:PORT` or `unix:PATH`.
    pub fn set_target(&mut self, target: &str) {
        self.is_udp = target.starts_with("udp:");
        self.set_address(target.trim_start_matches("udp:").trim_start_matches("tcp:"));
    }

    /// Where it is, without the transport.
    pub fn address(&self) -> &str {
        self.address.trim()
    }

    /// Sets where it is, and leaves the transport as it is.
    pub fn set_address(&mut self, address: &str) {
        address.clone_into(&mut self.address);
        let known =
            self.address().trim_start_matches("udp:").trim_start_matches("tcp:").parse::<SocketAddr>();
        self.is_elsewhere = known.is_ok_and(|address| Limits::default().check(address).is_err());
    }

    /// The address as it is typed, to type on.
    pub(crate) fn typed_address(&self) -> &str {
        &self.address
    }

    /// Whether messages go as datagrams.
    pub fn is_udp(&self) -> bool {
        self.is_udp
    }

    /// Sets whether they do.
    pub fn set_udp(&mut self, is_udp: bool) {
        self.is_udp = is_udp;
    }

    /// Where it is, as it is typed.
    pub fn target(&self) -> String {
        let address = self.address();
        let is_whole = ["udp:", "tcp:", "unix:"].iter().any(|scheme| address.starts_with(scheme));
        if self.is_udp && !is_whole { format!("udp:{address}") } else { address.to_owned() }
    }

    /// Whether the target is certainly another machine. Of a host by its name that shows when it is connected to.
    pub fn is_elsewhere(&self) -> bool {
        self.is_elsewhere || self.was_refused(&self.target())
    }

    fn was_refused(&self, target: &str) -> bool {
        self.sent.last().is_some_and(|sent| {
            let refused =
                |state: &State| matches!(state, State::Failed(why) if why.contains("not this machine"));
            sent.target == target && refused(&sent.progress().state)
        })
    }

    /// Whether the target may be sent to although it is another machine.
    pub fn is_allowed(&self) -> bool {
        self.allowed.as_deref() == Some(&*self.target())
    }

    /// Allows, or no longer, to send to the target although it is another machine. Another target is not allowed by that.
    pub fn allow(&mut self, is_allowed: bool) {
        self.allowed = is_allowed.then(|| self.target());
    }

    /// What was sent, the oldest first.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Why nothing could be sent.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether something is being sent, or an answer waited for.
    pub fn is_busy(&self) -> bool {
        self.sent.last().is_some_and(|sent| sent.progress().state.is_under_way())
    }

    /// Whether there is an open connection to the target.
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| {
            let is_running = connection.job.as_ref().is_some_and(|job| !job.is_over());
            is_running
                && connection.target == self.target()
                && connection.shared.is_open.load(Ordering::Acquire)
        })
    }

    /// The recording of the last conversation.
    pub fn recording(&self) -> Option<&Path> {
        let connection = self.connection.as_ref()?;
        connection.path.exists().then_some(&*connection.path)
    }

    /// Whether a file is a recording of something that was said here.
    pub(crate) fn recorded(&self, path: &Path) -> bool {
        self.folder.as_ref().is_some_and(|folder| path.starts_with(folder.path()))
    }

    /// Sends a message, on the connection that is open to the target, or on a new one.
    pub(crate) fn send(&mut self, draft: &Arc<Draft>, shown: &Shown, options: &Options) {
        let bytes = draft.bytes().to_vec();
        let sent = Sent::new(
            Some(Arc::clone(draft)),
            Arc::clone(&shown.details),
            shown.summary.clone(),
            self.target(),
        );
        let protocol = draft.format().name().to_owned();
        self.order(sent, Some(bytes), &protocol, options);
    }

    /// Only connects, for a peer that speaks first.
    pub(crate) fn connect(&mut self, protocol: &str, options: &Options) {
        self.disconnect();
        let details = Arc::new(Details { title: "connect".to_owned(), ..Details::default() });
        let sent = Sent::new(None, details, String::new(), self.target());
        self.order(sent, None, protocol, options);
    }

    /// Closes the connection.
    pub fn disconnect(&mut self) {
        if let Some(connection) = &self.connection {
            connection.shared.is_open.store(false, Ordering::Release);
        }
        self.stop_last();
        if let Some(connection) = &mut self.connection {
            // Without its job it ends; its recording stays.
            connection.job = None;
        }
    }

    /// Waits no longer for an answer.
    pub fn stop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.shared.stops.store(true, Ordering::Release);
        }
    }

    fn stop_last(&mut self) {
        if let Some(last) = self.sent.last().filter(|last| last.progress().state.is_under_way()) {
            Progress::set(&last.shared(), State::Stopped);
        }
    }

    fn order(&mut self, sent: Sent, bytes: Option<Vec<u8>>, protocol: &str, options: &Options) {
        let target = match self.target().parse::<Target>() {
            Ok(target) => target,
            Err(error) => return self.error = Some(error.to_string()),
        };
        self.error = None;
        let order = Order { bytes, progress: sent.shared(), timeout: self.timeout };
        let is_same = |connection: &Connection| connection.protocol == protocol;
        let open = self.connection.as_ref().filter(|known| self.is_connected() && is_same(known));
        match open {
            Some(connection) => connection.shared.orders.lock().push_back(order),
            None => match self.begin(target, protocol, order, options) {
                Ok(connection) => self.connection = Some(connection),
                Err(error) => {
                    let error = format!("no folder could be made to record to: {error}");
                    return self.error = Some(error);
                }
            },
        }
        self.sent.push(sent);
        if self.sent.len() > MOST_SENT {
            self.sent.remove(0);
        }
    }

    fn begin(
        &mut self,
        target: Target,
        protocol: &str,
        order: Order,
        options: &Options,
    ) -> std::io::Result<Connection> {
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::Builder::new().prefix("framescope-sent-").tempdir()?),
        };
        self.connections += 1;
        let path = folder.path().join(format!("sent-{}.pcapng", self.connections));
        let mut options = options.clone();
        for transport in ["tcp", "udp"] {
            // What is said on it is what is composed.
            let rule = format!("{transport}={protocol}").parse::<DecodeAs>();
            options.decode_as.extend(rule);
        }
        let limits = Limits { allow_remote: self.is_allowed(), ..Limits::default() };
        let shared = Arc::new(Shared::default());
        shared.orders.lock().push_back(order);
        let name = target.to_string();
        let background = self.background.clone();
        let mut talking =
            Talking::new(target, options, limits, path.clone(), background, Arc::clone(&shared));
        let job = self.background.spawn_steps("peer", move |control| talking.step(control));
        Ok(Connection { target: name, protocol: protocol.to_owned(), job: Some(job), shared, path })
    }
}
