//! Opens captures, reads them again when they grow or are to be decoded otherwise, and replaces what is shown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::Context;
use framescope_capture::filter::Vocabulary;
use framescope_capture::{DecodeAs, Followed, OpenError, Options, Source, TransportType};
use framescope_inspect::protocols::is_description;
use framescope_inspect::sample;
use framescope_parser::Severity;

use super::App;
use crate::models::background::{Job, JobError};
use crate::models::channels::HTTP_BODIES;
use crate::models::document::Document;
use crate::models::key_log::is_key_log;
use crate::models::view::View;
use crate::models::watcher::Watcher;
use crate::panels::DecodeTarget;

/// A file that is being opened. A compressed one is unpacked first.
pub(super) struct Opening {
    path: PathBuf,
    job: Job<Result<Opened, OpenFileError>>,
    /// Whether it is open already, and has changed.
    is_reload: bool,
}

/// What a file turned out to be.
enum Opened {
    /// A capture. If it has changed, another program may go on appending to it.
    Capture(Source, Option<Followed>),
    /// The secrets of TLS connections.
    KeyLog,
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
enum OpenFileError {
    #[error(transparent)]
    Source(#[from] OpenError),
    #[error(transparent)]
    Job(#[from] JobError),
}

impl Opening {
    pub(super) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// How long the window waits for a file to open, which is enough for nearly all.
const PATIENCE: Duration = Duration::from_millis(8);

impl App {
    /// Opens a capture in place of the current one.
    pub fn open(&mut self, source: Source, is_sample: bool, ctx: &Context) {
        self.opening = None;
        self.pending = None;
        // One that runs ends.
        self.recording = None;
        (self.guessing, self.stating) = (None, None);
        (self.has_changed, self.was_growing, self.followed) = (false, source.is_growing(), None);
        self.table.follow = source.is_growing();
        let decoded_before = std::mem::take(&mut self.decode_as);
        self.read_options();
        // Its hints are about the sample.
        self.tour = (is_sample && !self.settings.tour_seen).then_some(0);
        let before = self.source.replace(source.clone());
        if !source.is_recognisable() {
            // It can't be recognised yet.
            (self.document, self.view) = (None, None);
            return;
        }
        self.wake_through(ctx);
        match Document::open(source, is_sample, &self.options, &self.background) {
            Ok(document) => {
                let protocols = self.options.protocols.clone();
                let mut view = View::new(document.shared(), protocols, &self.background);
                view.show_levels(self.settings.levels);
                self.background.drop_later(self.view.replace(view));
                self.show_document(document);
                self.apply_filter();
            }
            Err(error) => {
                // The current capture stays.
                self.source = before.filter(|_| self.document.is_some());
                self.decode_as = decoded_before;
                self.read_options();
                self.notify(error.to_string(), Severity::Error);
            }
        }
    }

    /// Opens a file in place of the current capture. If that fails the current one stays, and a notification says why.
    pub fn open_path(&mut self, path: &Path, ctx: &Context) {
        if is_description(path) {
            // A description alone has nothing to decode, and its editor is beside a capture.
            if self.source.is_none() && self.opening.is_none() {
                self.open(sample::source(), true, ctx);
            }
            return self.open_description(path);
        }
        self.start_opening(path, false, ctx);
    }

    fn start_opening(&mut self, path: &Path, is_reload: bool, ctx: &Context) {
        self.wake_through(ctx);
        let (of, limit) = (path.to_owned(), self.reading.unpack_limit());
        let open = move |_: &_| {
            // A file that can't be read is an error of the source, which says more.
            if !is_reload && is_key_log(&of).unwrap_or(false) {
                return Ok(Opened::KeyLog);
            }
            let source = Source::open_within(&of, limit)?;
            // What was unpacked or converted is not the file itself.
            if is_reload && !source.is_converted() && source.may_be_at(&of).unwrap_or(false) {
                let (source, followed) = source.follow();
                return Ok(Opened::Capture(source, Some(followed)));
            }
            Ok(Opened::Capture(source, None))
        };
        let job = self.background.spawn("open", open);
        let opening = Opening { path: path.to_owned(), job, is_reload };
        match self.background.wait(&opening.job, PATIENCE) {
            Some(result) => self.opened(&opening, result.unwrap_or_else(|error| Err(error.into())), ctx),
            None => self.opening = Some(opening),
        }
    }

    fn opened(&mut self, opening: &Opening, result: Result<Opened, OpenFileError>, ctx: &Context) {
        match result {
            Ok(Opened::KeyLog) => self.use_key_log(&opening.path),
            Ok(Opened::Capture(source, followed)) if opening.is_reload => {
                self.source = Some(source);
                self.read_again();
                self.followed = followed;
            }
            Ok(Opened::Capture(source, _)) => {
                self.notifications.clear();
                // What is recorded in the temporary folder is gone with the window.
                if !self.desk.peer.recorded(&opening.path) {
                    self.settings.opened(&opening.path);
                }
                self.open(source, false, ctx);
            }
            Err(error) => {
                self.settings.recent.retain(|known| *known != opening.path);
                self.notify(error.to_string(), Severity::Error);
            }
        }
    }

    fn show_document(&mut self, document: Document) {
        self.dock.transcript.transcript.clear();
        self.dock.aligned.forget();
        self.filter.invalidate_vocabulary();
        self.conversations.texts.clear();
        self.notices.clear();
        self.conversation = None;
        self.health = None;
        self.checking = None;
        self.watch();
        self.background.drop_later(self.document.replace(document));
    }

    /// Watches the files that are open now.
    pub(super) fn watch(&self) {
        if let Some(watcher) = &self.watcher {
            watcher.watch(&self.reading.own, self.watched_source());
        }
    }

    /// What is open, if it is a file that may change.
    fn watched_source(&self) -> Option<(PathBuf, Source)> {
        let source = self.source.as_ref()?;
        Some((watched(source)?, source.clone()))
    }

    /// Works out how captures are decoded: by the command line, by the settings, and by what was chosen in this window.
    pub(super) fn read_options(&mut self) {
        let mut options = self.reading.options();
        let names = protocol_names(&options);
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let is_known = |rule: &DecodeAs| has(rule.protocol()) && rule.carrier().is_none_or(has);
        // The settings count less than the command line, and only for protocols that still exist.
        let stored = self.settings.decode_as.iter().filter_map(|rule| rule.parse::<DecodeAs>().ok());
        let mut rules: Vec<DecodeAs> = stored.filter(is_known).collect();
        if rules.iter().filter_map(DecodeAs::channel).any(is_of_bodies) {
            // Bodies are carried only if a rule says so when the carriers are made.
            let mut reading = self.reading.clone();
            reading.decode_as.splice(0..0, rules.drain(..));
            options = reading.options();
        }
        rules.append(&mut options.decode_as);
        options.decode_as = rules;
        for (flow, protocol) in &self.decode_as {
            let selectors = match flow {
                Some(flow) => vec![format!("flow={flow}")],
                // A rule for `file` would turn captures of other kinds into plain bytes.
                None if self.is_plain_bytes() => vec!["file".to_owned()],
                None => ["tcp", "udp"].map(str::to_owned).to_vec(),
            };
            let rule = |selector: &String| format!("{selector}={protocol}").parse::<DecodeAs>().ok();
            options.decode_as.extend(selectors.iter().filter_map(rule).filter(is_known));
        }
        self.options = options;
        self.protocols = names;
        self.desk.know(&self.reading.own, &self.options.protocols);
    }

    /// Whether what is open is not a capture, but the bytes of one stream.
    fn is_plain_bytes(&self) -> bool {
        let is_file = |document: &Document| {
            document.index().flows().next().is_some_and(|(_, flow)| flow.transport == TransportType::File)
        };
        self.document.as_ref().is_some_and(is_file)
    }

    /// Decodes something as a protocol, or detects it if none is named.
    pub(super) fn decode_as(&mut self, target: DecodeTarget, protocol: Option<&str>) {
        let flow = match target {
            DecodeTarget::Selector(selector) => {
                self.settings.decode_as(&selector, protocol);
                // Choices for conversations, or for all, would override it.
                self.decode_as.clear();
                return self.read_again();
            }
            DecodeTarget::Flow(flow) => Some(flow),
            DecodeTarget::All => None,
        };
        // A choice for all replaces every other one.
        self.decode_as.retain(|(known, _)| flow.is_some() && *known != flow);
        self.decode_as.extend(protocol.map(|protocol| (flow, protocol.to_owned())));
        self.read_again();
    }

    /// Reads the capture again in the background. What is shown stays until that is done.
    pub(super) fn read_again(&mut self) {
        self.read_options();
        self.watch();
        let Some(source) = self.source.clone() else { return };
        let is_sample = self.document.as_ref().is_some_and(Document::is_sample);
        match Document::open(source, is_sample, &self.options, &self.background) {
            Ok(document) => self.pending = Some(document),
            Err(error) => self.notify(error.to_string(), Severity::Error),
        }
    }

    /// Shows what was read again, when that is complete.
    fn take_pending(&mut self) {
        if !self.pending.as_ref().is_some_and(Document::is_caught_up) {
            return;
        }
        let Some(document) = self.pending.take() else { return };
        let protocols = self.options.protocols.clone();
        let moved = self.view.as_ref().map(|view| view.moved_to(document.shared(), protocols));
        self.show_document(document);
        self.background.drop_later(std::mem::replace(&mut self.view, moved));
        self.apply_filter();
    }

    /// Takes over what changed in files.
    pub(super) fn follow_files(&mut self, ctx: &Context) {
        if let Some(opening) = self.opening.take() {
            match opening.job.poll() {
                Some(result) => self.opened(&opening, result.unwrap_or_else(|error| Err(error.into())), ctx),
                None => self.opening = Some(opening),
            }
        }
        let source = self.watched_source();
        let watcher =
            self.watcher.get_or_insert_with(|| Watcher::new(&self.reading.own, source, &self.background));
        let (descriptions_changed, file_changed) = watcher.take_changes();
        if descriptions_changed {
            self.follow_descriptions();
        }
        self.follow_changes(file_changed, ctx);
        self.take_pending();
        if let Some(document) = &self.document {
            let index = document.index();
            if self.filter.is_stale((index.row_count(), index.is_finished())) {
                self.filter.set_vocabulary(Vocabulary::of(&index));
            }
        }
    }

    /// Opens what can be recognised now, and reads a file again that has changed. One that only grows is read on where it ended.
    fn follow_changes(&mut self, has_changed: bool, ctx: &Context) {
        let Some(source) = &self.source else { return };
        if self.document.is_none() && source.is_live() && source.is_recognisable() {
            let (source, recording) = (source.clone(), self.recording.take());
            self.open(source, false, ctx);
            // It is the same source, which can be recognised now.
            self.recording = recording;
            return;
        }
        // A text that is a capture is one only when all of it is there.
        let has_ended = std::mem::replace(&mut self.was_growing, source.is_growing()) && !source.is_growing();
        if has_ended && self.is_plain_bytes() {
            return self.read_again();
        }
        self.has_changed |= has_changed;
        let is_free = self.pending.is_none()
            && self.opening.is_none()
            && self.document.as_ref().is_some_and(Document::is_caught_up);
        if self.has_changed && is_free {
            self.has_changed = false;
            self.reload(ctx);
        }
    }

    /// Reads the file again.
    pub(super) fn reload(&mut self, ctx: &Context) {
        match self.source.as_ref().and_then(watched) {
            Some(path) => self.start_opening(&path, true, ctx),
            None => self.read_again(),
        }
    }
}

/// Whether a channel is that of the bodies of HTTP.
fn is_of_bodies(channel: &str) -> bool {
    channel.split(':').next() == Some(HTTP_BODIES)
}

/// The file that a source was opened from, if it may change.
fn watched(source: &Source) -> Option<PathBuf> {
    let path = PathBuf::from(source.name());
    (source.is_file() && path.is_file()).then_some(path)
}

fn protocol_names(options: &Options) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for protocol in &options.protocols {
        if !names.iter().any(|known| known == protocol.name()) {
            names.push(protocol.name().to_owned());
        }
    }
    names
}
