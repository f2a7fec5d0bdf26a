//! Where messages are composed: the message that is edited, templates for new ones, and what was sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use framescope_capture::{Index, Options, Row, RowId, TransportType};
use framescope_inspect::CustomProtocols;
use framescope_ksy::Described;
use framescope_parser::{Direction, Missing, Protocol, SpanType};

use super::format::Format;
use super::peer::Peer;
use super::{Change, Composer, Draft, Shown, templates};
use crate::models::background::{Background, Job};
use crate::models::document::SharedIndex;
use crate::models::text::grouped;

/// The longest message that is edited, in bytes.
const LONGEST: usize = 16 << 20;
/// How long the window waits for a message.
const PATIENCE: Duration = Duration::from_millis(8);

/// Where messages are composed.
pub struct Desk {
    background: Background,
    composer: Option<Composer>,
    /// Where messages are sent.
    pub peer: Peer,
    opening: Option<Job<Result<Opened, OpenError>>>,
    /// The protocols of which there are templates: described ones, and some that are built in.
    described: Vec<Arc<Described>>,
    built_in: Vec<Arc<dyn Protocol>>,
    protocols: Vec<Arc<dyn Protocol>>,
    templates: BTreeMap<String, Templates>,
    /// Why a message could not be edited.
    error: Option<OpenError>,
    /// What has to be said about the message.
    notice: Option<String>,
}

/// Templates of a protocol, by the names of their kinds.
#[derive(Debug)]
enum Templates {
    Making(Job<BTreeMap<String, Draft>>),
    Made(BTreeMap<String, Arc<Draft>>),
}

/// A row as a message to edit.
#[derive(Debug)]
pub(crate) struct Opened {
    draft: Draft,
    origin: String,
    notice: Option<String>,
    /// Where the server of its conversation is, if that is known.
    server: Option<String>,
}

/// Why a row can't be edited.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The capture has no such row any more.
    #[error("#{0} is not in the capture any more")]
    NoRow(RowId),
    /// Nothing of it was captured.
    #[error("#{0} is a gap: there are no bytes to edit")]
    Gap(RowId),
    /// It is too long.
    #[error("#{0} has {length} bytes: messages of up to {limit} can be edited", length = grouped(usize::try_from(*.1).unwrap_or(usize::MAX)), limit = grouped(LONGEST))]
    TooLong(RowId, u64),
    /// Nothing reads it.
    #[error("#{0} is of no known protocol: choose one with 'Decode as' first")]
    NoProtocol(RowId),
    /// Its bytes can't be read.
    #[error("#{0} can't be read: {1}")]
    Read(RowId, std::io::Error),
    /// The work panicked.
    #[error(transparent)]
    Job(#[from] crate::models::background::JobError),
}

impl Desk {
    /// An empty one.
    pub fn new(background: &Background) -> Desk {
        Desk {
            background: background.clone(),
            composer: None,
            peer: Peer::new(background),
            opening: None,
            described: Vec::new(),
            built_in: Vec::new(),
            protocols: Vec::new(),
            templates: BTreeMap::new(),
            error: None,
            notice: None,
        }
    }

    /// The message that is edited.
    pub fn composer(&self) -> Option<&Composer> {
        self.composer.as_ref()
    }

    /// Whether a row is being read.
    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Why no message is edited.
    pub fn error(&self) -> Option<String> {
        self.error.as_ref().map(ToString::to_string)
    }

    /// What has to be said about the message that is edited.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Whether nothing is being worked on.
    pub fn is_settled(&self) -> bool {
        let makes = |templates: &Templates| matches!(templates, Templates::Making(_));
        self.opening.is_none()
            && self.composer.as_ref().is_none_or(Composer::is_settled)
            && !self.peer.is_busy()
            && !self.templates.values().any(makes)
    }

    /// Edits the message of a row.
    pub(crate) fn edit_row(&mut self, row: RowId, index: SharedIndex) {
        let described = self.described.clone();
        let job = self.background.spawn("compose row", move |_| {
            let index = index.read_recursive();
            let mut opened = open(row, &index)?;
            let of = described.iter().find(|described| described.name() == opened.draft.format().name());
            if let Some(described) = of {
                opened.draft = opened.draft.with_enumerations(templates::enumerations(described));
            }
            Ok(opened)
        });
        match self.background.wait(&job, PATIENCE) {
            Some(result) => self.opened(result.unwrap_or_else(|error| Err(error.into()))),
            None => self.opening = Some(job),
        }
    }

    fn opened(&mut self, result: Result<Opened, OpenError>) {
        self.opening = None;
        match result {
            Ok(Opened { draft, origin, notice, server }) => {
                if let Some(server) = server {
                    self.peer.set_target(&server);
                }
                self.edit(draft, origin);
                self.notice = notice;
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Edits a message.
    pub fn edit(&mut self, draft: Draft, origin: impl Into<String>) {
        (self.error, self.notice) = (None, None);
        self.composer = Some(Composer::new(draft, origin, &self.background));
    }

    /// Edits a new message.
    pub fn edit_template(&mut self, protocol: &str, kind: &str) {
        let Some(Templates::Made(made)) = self.templates.get(protocol) else { return };
        let Some(draft) = made.get(kind).map(|draft| Draft::clone(draft)) else { return };
        self.edit(draft, format!("a new message of {protocol}"));
        let described = self.described.iter().find(|described| described.name() == protocol);
        let places = described.map(|described| described.usual_places()).unwrap_or_default();
        // The usual port of the protocol, where nothing else is known.
        if let Some((transport, port)) = places.first().and_then(|place| place.split_once(".port="))
            && self.peer.address().is_empty()
        {
            self.peer.set_target(&format!("{transport}:localhost:{port}"));
        }
    }

    /// The kinds of which there are templates; None while they are being made.
    pub fn kinds(&self, protocol: &str) -> Option<Vec<&str>> {
        match self.templates.get(protocol)? {
            Templates::Making(_) => None,
            Templates::Made(made) => Some(made.keys().map(String::as_str).collect()),
        }
    }

    /// The protocols of which there are templates.
    pub fn offered(&self) -> impl Iterator<Item = &str> {
        let described = self.described.iter().map(|described| described.name());
        let is_described = |name: &&str| self.described.iter().any(|described| described.name() == *name);
        let built_in = self.built_in.iter().map(|protocol| protocol.name());
        described.chain(built_in.filter(move |name| !is_described(name)))
    }

    /// Makes templates of a protocol, unless they are there.
    pub fn make_templates(&mut self, name: &str) {
        if self.templates.contains_key(name) {
            return;
        }
        let described = self.described.iter().find(|described| described.name() == name).cloned();
        let built_in = self.built_in.iter().find(|protocol| protocol.name() == name).cloned();
        let protocols = self.protocols.clone();
        let job = self.background.spawn("templates", move |_| match (described, built_in) {
            (Some(described), _) => templates::of_description(&described, &protocols),
            (None, Some(built_in)) => templates::of_built_in(&built_in).into_iter().collect(),
            (None, None) => BTreeMap::new(),
        });
        self.templates.insert(name.to_owned(), Templates::Making(job));
        self.update();
    }

    /// Which protocols there are: descriptions, and all of them.
    pub(crate) fn know(&mut self, own: &CustomProtocols, protocols: &[Arc<dyn Protocol>]) {
        self.templates.clear();
        self.described = own.iter().map(|(_, described)| Arc::new(described.clone())).collect();
        self.protocols = protocols.to_vec();
        let has_templates = |protocol: &&Arc<dyn Protocol>| templates::BUILT_IN.contains(&protocol.name());
        self.built_in = protocols.iter().filter(has_templates).cloned().collect();
    }

    /// Sends the message.
    pub(crate) fn send(&mut self, options: &Options) {
        if let Some(composer) = self.composer.as_mut().filter(|composer| composer.is_settled()) {
            self.peer.send(composer.draft(), composer.shown(), options);
            composer.end_step();
        }
    }

    /// Sends a message again that was sent before.
    pub(crate) fn send_again(&mut self, number: usize, options: &Options) {
        let Some(sent) = self.peer.sent().get(number).cloned() else { return };
        if let Some(draft) = &sent.draft {
            let shown = Shown { details: sent.details, summary: sent.summary, ..Shown::default() };
            self.peer.send(draft, &shown, options);
        }
    }

    /// Edits a message that was sent before.
    pub fn edit_sent(&mut self, number: usize) {
        let draft = self.peer.sent().get(number).and_then(|sent| sent.draft.clone());
        if let Some(draft) = draft {
            self.edit(Draft::clone(&draft), format!("sent message {}", number + 1));
        }
    }

    /// Connects to a peer that speaks first.
    pub(crate) fn connect(&mut self, options: &Options) {
        if let Some(composer) = &self.composer {
            self.peer.connect(composer.draft().format().name(), options);
        }
    }

    /// Changes the message.
    pub fn change(&mut self, change: Change) {
        if let Some(composer) = &mut self.composer {
            composer.change(change);
        }
    }

    /// The message that is edited, to undo a change of it.
    pub fn composer_mut(&mut self) -> Option<&mut Composer> {
        self.composer.as_mut()
    }

    /// Takes over what the background made. Call in each frame.
    pub fn update(&mut self) {
        if let Some(result) = self.opening.as_ref().and_then(Job::poll) {
            self.opened(result.unwrap_or_else(|error| Err(error.into())));
        }
        if let Some(composer) = &mut self.composer {
            composer.update();
        }
        for templates in self.templates.values_mut() {
            if let Templates::Making(job) = templates
                && let Some(made) = job.poll()
            {
                let made = made.unwrap_or_default().into_iter();
                *templates = Templates::Made(made.map(|(kind, draft)| (kind, Arc::new(draft))).collect());
            }
        }
    }
}

/// Reads a row as a message to edit. What was not captured of it is zeros.
fn open(number: RowId, index: &Index) -> Result<Opened, OpenError> {
    let row = index.row(number).ok_or(OpenError::NoRow(number))?;
    if row.span_type == SpanType::Gap {
        return Err(OpenError::Gap(number));
    }
    if row.length > LONGEST as u64 {
        return Err(OpenError::TooLong(number, row.length));
    }
    let format = Format::of_row(index, &row).ok_or(OpenError::NoProtocol(number))?;
    let bytes = index
        .row_bytes(&row, usize::MAX, &mut index.reader())
        .map_err(|error| OpenError::Read(number, error))?;
    let missing = index.missing_before(&row, bytes.len());
    let mut notices = Vec::new();
    let bytes = filled(bytes, &missing);
    if let lacks @ 1.. = missing.iter().map(|hole| hole.end - hole.start).sum::<usize>() {
        notices.push(format!("{} of its bytes were not captured, and are zeros here.", grouped(lacks)));
    }
    let flow = index.flow(row.flow());
    if let Some(carried) = flow.and_then(|flow| flow.carried()) {
        let name = carried.name();
        notices
            .push(format!("It came in {name}: what is sent is the message alone, without what carried it."));
    }
    if row.span_type != SpanType::Message {
        notices.push(format!("This is a {} row, and not a whole message.", row.type_name()));
    }
    let origin =
        format!("#{number} of {}", index.source().name().rsplit(['/', '\\']).next().unwrap_or_default());
    let notice = (!notices.is_empty()).then(|| notices.join(" "));
    Ok(Opened { draft: Draft::of_bytes(format, bytes), origin, notice, server: server_of(index, &row) })
}

/// A message with zeros where bytes of it were not captured.
fn filled(bytes: Vec<u8>, missing: &[Missing]) -> Vec<u8> {
    let mut filled = bytes;
    for hole in missing {
        let at = hole.start.min(filled.len());
        filled.splice(at..at, std::iter::repeat_n(0, hole.end - hole.start));
    }
    filled
}

/// Where the server of a row's conversation listens, as a target is typed.
fn server_of(index: &Index, row: &Row) -> Option<String> {
    let flow = index.flow(row.flow())?;
    let client = index.client(row.flow()).unwrap_or(Direction::Forward);
    let server = flow.source(client.reverse())?;
    match flow.transport {
        TransportType::Tcp => Some(server.to_string()),
        TransportType::Udp => Some(format!("udp:{server}")),
        TransportType::File => None,
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("composer", &self.composer).finish_non_exhaustive()
    }
}
