//! Recording what passes an interface: the choices before it, and what runs.

use std::path::PathBuf;

use framescope_capture::Source;
use framescope_live::capturing::{CaptureError, Interface, Recording, Request, Tool, interfaces};

use super::background::{Background, Job, JobError};
use super::text::grouped;

/// Why recording can't begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Job(#[from] JobError),
}

type Listing = Job<Result<Vec<Interface>, CaptureError>>;
type Starting = Job<Result<Recording, CaptureError>>;

/// What is chosen before recording begins.
#[derive(Debug)]
pub(crate) struct RecordDialog {
    /// The interface.
    pub(crate) interface: String,
    /// Which packets, in libpcap's language.
    pub(crate) filter: String,
    pub(crate) promiscuous: bool,
    /// Whether the field of the filter is to get the focus.
    pub(crate) takes_focus: bool,
    /// Whether interfaces that look unusual are listed as well.
    pub(crate) shows_all: bool,
    /// Why there are no interfaces, or why recording did not begin.
    pub(crate) error: Option<String>,
    tool: Option<Tool>,
    listing: Option<Listing>,
    interfaces: Vec<Interface>,
    starting: Option<Starting>,
}

impl RecordDialog {
    /// Begins to list the interfaces. `interface` and `filter` are the choices of last time.
    pub(crate) fn new(
        tool: Option<Tool>,
        interface: &str,
        filter: &str,
        background: &Background,
    ) -> RecordDialog {
        let of = tool.clone();
        let listing = background.spawn("interfaces", move |_| interfaces(of.as_ref()));
        RecordDialog {
            interface: interface.to_owned(),
            filter: filter.to_owned(),
            promiscuous: false,
            takes_focus: true,
            shows_all: false,
            error: None,
            tool,
            listing: Some(listing),
            interfaces: Vec::new(),
            starting: None,
        }
    }

    /// Takes over the list of the interfaces once it is there.
    pub(crate) fn update(&mut self) {
        let Some(listed) = self.listing.as_ref().and_then(Job::poll) else { return };
        self.listing = None;
        match listed.map_err(RecordError::from).and_then(|listed| listed.map_err(RecordError::from)) {
            Ok(interfaces) => {
                self.interfaces = interfaces;
                if !self.interfaces.iter().any(|known| known.name == self.interface) {
                    let first = self.interfaces.first().map(|first| first.name.clone());
                    self.interface = first.unwrap_or_default();
                }
            }
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    pub(crate) fn is_listing(&self) -> bool {
        self.listing.is_some()
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    pub(crate) fn can_start(&self) -> bool {
        !self.is_starting() && !self.interface.is_empty()
    }

    /// Whether there are interfaces that are listed only on request.
    pub(crate) fn has_unusual(&self) -> bool {
        self.interfaces.iter().any(|interface| !interface.is_usual)
    }

    /// The interfaces that are listed.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        let is_listed =
            |interface: &&Interface| self.shows_all || interface.is_usual || interface.name == self.interface;
        self.interfaces.iter().filter(is_listed)
    }

    /// Starts what was chosen.
    pub(crate) fn start(&mut self, background: &Background) {
        let request = Request {
            tool: self.tool.clone(),
            interface: Some(self.interface.clone()).filter(|name| !name.is_empty()),
            filter: self.filter.trim().to_owned(),
            promiscuous: self.promiscuous,
            ..Request::default()
        };
        self.start_with(request, background);
    }

    /// Starts what was requested elsewhere.
    pub(crate) fn start_with(&mut self, request: Request, background: &Background) {
        self.error = None;
        let request = Request { is_read: true, ..request };
        let wakes = background.clone();
        let work = move |_: &_| Recording::start(&request, move || wakes.wake());
        self.starting = Some(background.spawn("record", work));
    }

    /// The recording that was started, once it runs. If it does not, the error says why.
    pub(crate) fn started(&mut self) -> Option<Recording> {
        let started = self.starting.as_ref().and_then(Job::poll)?;
        self.starting = None;
        match started.map_err(RecordError::from).and_then(|started| started.map_err(RecordError::from)) {
            Ok(recording) => Some(recording),
            Err(error) => {
                self.error = Some(error.to_string());
                None
            }
        }
    }
}

/// What an interface is called, and its addresses.
pub(crate) fn about(interface: &Interface) -> String {
    let mut parts = Vec::new();
    if interface.is_loopback {
        parts.push("between programs on this machine".to_owned());
    } else if interface.name == "any" {
        parts.push("all interfaces together".to_owned());
    } else if !interface.description.is_empty() && interface.description != interface.name {
        parts.push(interface.description.clone());
    }
    if !interface.addresses.is_empty() {
        parts.push(interface.addresses.join(", "));
    }
    parts.join(": ")
}

/// A recording, also when it has ended.
#[derive(Debug)]
pub(crate) struct Running {
    recording: Recording,
    /// Whether new rows are not shown.
    pub(crate) is_paused: bool,
    /// Whether its end was noticed.
    pub(crate) is_over: bool,
    /// The file that it is in, if it is not only in a temporary one.
    pub(crate) saved: Option<PathBuf>,
    /// The copy that is being made.
    pub(crate) saving: Option<(PathBuf, Job<std::io::Result<u64>>)>,
}

impl Running {
    pub(crate) fn new(recording: Recording, saved: Option<PathBuf>) -> Running {
        Running { recording, is_paused: false, is_over: false, saved, saving: None }
    }

    pub(crate) fn source(&self) -> Option<Source> {
        self.recording.source()
    }

    /// Whether it has not ended, as far as was noticed.
    pub(crate) fn is_running(&self) -> bool {
        !self.is_over
    }

    pub(crate) fn stop(&self) {
        self.recording.stop();
    }

    /// Where it records, and how much it has.
    pub(crate) fn text(&self) -> String {
        let packets = grouped(usize::try_from(self.recording.packets()).unwrap_or(usize::MAX));
        let interface = self.recording.interface();
        let state = match (self.is_running(), self.is_paused) {
            (true, true) => "paused",
            (true, false) => "recording",
            (false, _) => "recorded",
        };
        format!("{state} on {interface}: {packets} packets")
    }

    /// Notices the end, once. Returns what there is to say about it, and whether it ended early.
    pub(crate) fn notice_end(&mut self) -> Option<(Option<String>, bool)> {
        if self.is_over {
            return None;
        }
        let ended = self.recording.ended()?;
        self.is_over = true;
        let text = match (&ended.error, ended.dropped) {
            (Some(error), _) => Some(format!("The recording ended early: {error}.")),
            (None, Some(dropped @ 1..)) => Some(format!(
                "{} packets were not recorded, because they came faster than {} read them; a packet filter helps.",
                grouped(usize::try_from(dropped).unwrap_or(usize::MAX)),
                ended.tool,
            )),
            _ => None,
        };
        Some((text, ended.error.is_some()))
    }
}
