//! What is open, and how it comes to be: captures, descriptions, dialogs, files that change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::Context;
use framescope_capture::export::Seed;
use framescope_capture::filter::Vocabulary;
use framescope_capture::{DecodeAs, Source, TransportType};
use framescope_ksy::Described;
use framescope_parser::{Protocol, Severity};

use super::{App, Chosen, names};
use crate::background::Job;
use crate::document::Document;
use crate::editor::Editor;
use crate::panels::Kept;
use crate::panels::overlays::{Overlay, Wants};
use crate::view::View;
use crate::watcher::Watcher;

/// A file that is being opened: one that is compressed is unpacked first.
pub(super) struct Opening {
    path: PathBuf,
    job: Job<Result<Source, String>>,
    /// Whether it is what is open already, and has changed.
    is_again: bool,
}

impl Opening {
    pub(super) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// How long the window waits for a file to be open: as good as every file is.
const PATIENCE: Duration = Duration::from_millis(8);
/// Bytes from which on something that is still coming can be told to be a capture.
const ENOUGH: u64 = 64;
/// How often a file that is being written is read again, at most; one that takes long to read less often.
const BETWEEN: Duration = Duration::from_millis(300);

impl App {
    /// Opens a capture in place of the one that is open.
    pub fn open(&mut self, source: Source, is_sample: bool, ctx: &Context) {
        self.opening = None;
        self.pending = None;
        self.reload_at = None;
        let chosen_before = std::mem::take(&mut self.chosen_protocols);
        self.read_options();
        if is_sample && !self.settings.tour_seen {
            self.tour = Some(0);
        }
        let before = self.source.replace(source.clone());
        if source.is_growing() && source.length() < ENOUGH {
            // Nobody knows yet what it is.
            (self.document, self.view) = (None, None);
            return;
        }
        self.wakes(ctx);
        self.length_asked = source.length();
        match Document::open(source, is_sample, &self.options, &self.background) {
            Ok(document) => {
                let view = View::new(document.shared(), self.options.protocols.clone(), &self.background);
                self.background.put_away(self.view.replace(view));
                self.show_document(document);
                self.filter_rows();
            }
            Err(error) => {
                // What is open stays.
                self.source = before.filter(|_| self.document.is_some());
                self.chosen_protocols = chosen_before;
                self.read_options();
                self.say(error, Severity::Error);
            }
        }
    }

    /// Opens a file in place of what is open; if it can't be, what is open stays and a banner says why.
    pub fn open_path(&mut self, path: &Path, ctx: &Context) {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ksy")) {
            return self.open_description(path);
        }
        self.begin_opening(path, false, ctx);
    }

    fn begin_opening(&mut self, path: &Path, is_again: bool, ctx: &Context) {
        self.wakes(ctx);
        let (of, limit) = (path.to_owned(), self.reading.unpack_limit());
        let open = move |_: &_| Source::open_within(&of, limit).map_err(|error| error.to_string());
        let job = self.background.begin("open", open);
        let opening = Opening { path: path.to_owned(), job, is_again };
        let opened = self.background.wait(&opening.job, PATIENCE);
        match opened {
            Some(opened) => self.opened(&opening, opened, ctx),
            None => self.opening = Some(opening),
        }
    }

    fn opened(&mut self, opening: &Opening, opened: Result<Result<Source, String>, String>, ctx: &Context) {
        match opened.unwrap_or_else(|panic| Err(format!("a bug of ours: {panic}"))) {
            Ok(source) if opening.is_again => {
                self.source = Some(source);
                self.read_again();
            }
            Ok(source) => {
                self.banners.clear();
                self.settings.opened(&opening.path);
                self.open(source, false, ctx);
            }
            Err(error) => {
                self.settings.recent.retain(|known| *known != opening.path);
                self.say(error, Severity::Error);
            }
        }
    }

    fn show_document(&mut self, document: Document) {
        self.dialogue.forget();
        self.filter.forget();
        self.conversation = None;
        self.health = None;
        self.checking = None;
        self.watch();
        self.background.put_away(self.document.replace(document));
    }

    /// Watches the files that are open now.
    fn watch(&self) {
        if let Some(watcher) = &self.watcher {
            watcher.watch(&self.reading.own, self.source.as_ref().and_then(watched).as_deref());
        }
    }

    /// How captures are read now: what was given, what is remembered of ports, and what was chosen in this window.
    pub(super) fn read_options(&mut self) {
        let mut options = self.reading.options();
        let known = names(&options);
        let rules = self.settings.decode_as.iter().filter_map(|rule| rule.parse::<DecodeAs>().ok());
        let given: Vec<DecodeAs> = options.decode_as.clone();
        // Of what is remembered only what is still known counts, and it counts less than what was given.
        options.decode_as = rules.filter(|rule| known.iter().any(|name| name == rule.protocol())).collect();
        options.decode_as.extend(given);
        for (flow, protocol) in &self.chosen_protocols {
            let selectors = match flow {
                Some(flow) => vec![format!("flow={flow}")],
                // A rule for the file would make bytes of a capture of another kind.
                None if self.is_bytes() => vec!["file".to_owned()],
                None => ["tcp", "udp"].map(str::to_owned).to_vec(),
            };
            let rules = selectors
                .iter()
                .filter_map(|selector| format!("{selector}={protocol}").parse::<DecodeAs>().ok());
            options.decode_as.extend(rules.filter(|rule| known.iter().any(|name| name == rule.protocol())));
        }
        self.options = options;
        self.protocols = known;
    }

    /// Whether what is open is no capture, but the bytes of one stream.
    fn is_bytes(&self) -> bool {
        let is_file = |document: &Document| {
            document.index().flows().first().is_some_and(|flow| flow.transport == TransportType::File)
        };
        self.document.as_ref().is_some_and(is_file)
    }

    /// Reads what is open again, as it is to be read now. What is shown stays until that is done.
    pub(super) fn read_again(&mut self) {
        self.read_options();
        self.watch();
        let Some(source) = self.source.clone() else { return };
        let is_sample = self.document.as_ref().is_some_and(Document::is_sample);
        self.length_asked = source.length();
        match Document::open(source, is_sample, &self.options, &self.background) {
            Ok(document) => self.pending = Some((document, self.background.now())),
            Err(error) => self.say(error, Severity::Error),
        }
    }

    /// Shows what was read again, when that is done.
    fn take_pending(&mut self) {
        if !self.pending.as_ref().is_some_and(|(pending, _)| pending.is_over()) {
            return;
        }
        let Some((document, begun)) = self.pending.take() else { return };
        self.took = self.background.now() - begun;
        let protocols = self.options.protocols.clone();
        let moved = self.view.as_ref().map(|view| view.moved_to(document.shared(), protocols));
        self.show_document(document);
        self.background.put_away(std::mem::replace(&mut self.view, moved));
        self.filter_rows();
    }

    /// What has changed outside of this window.
    pub(super) fn follow_files(&mut self, ctx: &Context) {
        if let Some(opening) = self.opening.take() {
            match opening.job.poll() {
                Some(opened) => self.opened(&opening, opened, ctx),
                None => self.opening = Some(opening),
            }
        }
        let watcher = self.watcher.get_or_insert_with(|| {
            let file = self.source.as_ref().and_then(watched);
            Watcher::new(&self.reading.own, file.as_deref(), &self.background)
        });
        let (descriptions, file) = watcher.take_changes();
        if descriptions {
            self.follow_descriptions();
        }
        self.follow_growth(file, ctx);
        self.take_pending();
        if let Some(document) = &self.document {
            let index = document.index();
            // What is there to be completed grows with what is read; it is not asked for in every frame.
            if self.filter.is_stale((index.row_count(), index.is_finished())) {
                self.filter.vocabulary = Vocabulary::of(&index);
            }
        }
    }

    /// Reads again what was written on, or is still coming in.
    fn follow_growth(&mut self, has_changed: bool, ctx: &Context) {
        let Some(source) = self.source.clone() else { return };
        let is_enough = source.length() >= ENOUGH || !source.is_growing();
        if self.document.is_none() && source.is_live() && is_enough {
            // What came in is enough to begin with.
            self.open(source, false, ctx);
            return;
        }
        let is_behind = self.document.as_ref().is_some_and(|document| {
            let index = document.index();
            let grew = source.length() > self.length_asked && index.position() < source.length();
            let is_told = |why: &str| index.damages().iter().any(|damage| damage.what == why);
            let grew = grew || source.cut().is_some_and(|why| !is_told(why));
            document.is_over() && !document.is_cancelled() && source.is_live() && grew
        });
        if (has_changed || is_behind) && self.reload_at.is_none() {
            self.reload_at = Some(self.background.now() + BETWEEN.max(self.took * 2));
        }
        let Some(at) = self.reload_at else { return };
        let is_free = self.pending.is_none()
            && self.opening.is_none()
            && self.document.as_ref().is_some_and(Document::is_over);
        let waits = at.saturating_duration_since(self.background.now());
        if !waits.is_zero() || !is_free {
            ctx.request_repaint_after(waits.max(Duration::from_millis(20)));
            return;
        }
        self.reload_at = None;
        self.reload(ctx);
    }

    /// Reads the file again.
    pub(super) fn reload(&mut self, ctx: &Context) {
        match self.source.as_ref().and_then(watched) {
            Some(path) => self.begin_opening(&path, true, ctx),
            None => self.read_again(),
        }
    }

    /// Takes a description in, in the place of one of the same name, and shows it in the editor.
    fn open_description(&mut self, path: &Path) {
        match self.reading.own.name(path) {
            Ok(described) => {
                let places = described.usual_places();
                let used = match places.is_empty() {
                    true => "where it is recognised".to_owned(),
                    false => format!("on {}, where it is recognised", places.join(", ")),
                };
                let name = described.name().to_owned();
                self.say(
                    format!("{name} is known now. It is used {used}, and where Decode as says so."),
                    Severity::Note,
                );
                self.read_again();
            }
            Err(error) => self.say(error.to_string(), Severity::Error),
        }
        match Editor::open(path, &self.background) {
            Ok(editor) => self.editor = Some(editor),
            Err(error) => self.say(error, Severity::Error),
        }
    }

    /// Follows descriptions that others have changed.
    fn follow_descriptions(&mut self) {
        if let Some(editor) = &mut self.editor
            && !editor.reload()
        {
            let name = editor.path().display().to_string();
            self.say(
                format!("{name} was changed by another program; what stands in the editor stays."),
                Severity::Warning,
            );
        }
        self.read_descriptions();
    }

    /// Reads the descriptions again, and what is open by them.
    fn read_descriptions(&mut self) {
        let mut mistakes: Vec<String> = self.reading.own.reload().iter().map(ToString::to_string).collect();
        if let Some(editor) = &self.editor {
            // What is being edited is told in the editor.
            let edited = format!("{}:", editor.path().display());
            mistakes.retain(|mistake| !mistake.starts_with(&edited));
        }
        // Half a change leaves what is shown as it is.
        self.banners.retain(|(_, severity)| *severity != Severity::Error);
        if mistakes.is_empty() {
            self.read_again();
        }
        for mistake in mistakes {
            self.say(mistake, Severity::Error);
        }
    }

    /// Rows, tree and tints follow each pause in typing.
    pub(super) fn follow_editor(&mut self, ctx: &Context) {
        let Some(editor) = &mut self.editor else { return };
        if let Some(waits) = editor.waits_for() {
            ctx.request_repaint_after(waits.max(Duration::from_millis(1)));
        }
        if let Some((path, described)) = editor.follow() {
            self.reading.own.edit(Some((path, described)));
            self.read_again();
        }
    }

    /// Begins a description from a template, or shows the editor again.
    pub(super) fn start_description(&mut self, template: &str) {
        let template = framescope_ksy::TEMPLATES.iter().find(|known| known.name == template);
        if let Some(template) = template {
            self.editor = Some(Editor::with(template.text, &self.background));
            self.health = None;
        }
    }

    pub(super) fn save_description(&mut self, to: Option<&Path>) {
        let Some(editor) = &mut self.editor else { return };
        let path = to.unwrap_or(editor.path()).to_owned();
        let saved = match &self.watcher {
            Some(watcher) => watcher.overlook(&path, || editor.save(to)),
            None => editor.save(to),
        };
        if let Err(error) = saved {
            return self.say(error, Severity::Error);
        }
        self.say(format!("Saved as {}.", path.display()), Severity::Note);
        // What has mistakes is not known by name until it has none.
        if self.reading.own.name(&path).is_err() {
            return;
        }
        self.reading.own.edit(None);
        match self.reading.own.is_imported(&path) {
            true => self.read_descriptions(),
            // The rows follow what is typed, whether or not it is saved.
            false => self.watch(),
        }
    }

    pub(super) fn close_editor(&mut self) {
        let was_changed = self.editor.as_ref().is_some_and(Editor::is_changed);
        (self.editor, self.health, self.checking) = (None, None, None);
        self.reading.own.edit(None);
        if was_changed {
            self.read_again();
        }
    }

    /// Finds out how the description in the editor, or the first that there is, fits the capture.
    pub(super) fn check_description(&mut self) {
        let described: Option<Described> = match &self.editor {
            Some(editor) => self
                .reading
                .own
                .iter()
                .find(|(path, _)| path == editor.path())
                .map(|(_, known)| known.clone()),
            None => self.reading.own.iter().next().map(|(_, known)| known.clone()),
        };
        let (Some(described), Some(document)) = (described, &self.document) else {
            self.say(
                "There is no description to look at: open one, or write one with Describe a protocol.",
                Severity::Note,
            );
            return;
        };
        if self.editor.is_none() {
            let path = self.reading.own.iter().next().map(|(path, _)| path.clone());
            self.editor = path.and_then(|path| Editor::open(&path, &self.background).ok());
        }
        let (index, key) = (document.shared(), self.reading.key.clone());
        self.health = None;
        self.checking = Some(self.background.begin("health", move |watch| {
            let described = described.with_key(key);
            let index = index.read();
            let all = index.row_count() as u64;
            framescope_inspect::health::health(&index, &described, &mut |done| {
                watch.goes_on(done as u64, all)
            })
            .map_err(|error| error.to_string())
        }));
    }

    /// Asks where a row's bytes shall be kept: proposed is a name that is that of the contents.
    pub(super) fn save_row(&mut self, row: u32, kept: Kept) {
        let Some(proposed) = self.propose(row, kept) else { return };
        self.dialog(Wants::Row(row), proposed);
    }

    /// Where the corpus of a project mostly is, if this is one, and a name.
    fn propose(&mut self, row: u32, kept: Kept) -> Option<PathBuf> {
        let seed = self.seed(row)?;
        let folder = match kept {
            Kept::Seed => Path::new("corpus/seeds/frames"),
            Kept::Regression => Path::new("corpus/regressions/decode"),
        };
        let folder = if folder.parent().is_some_and(Path::is_dir) { folder } else { Path::new("") };
        Some(folder.join(seed.name))
    }

    fn seed(&mut self, row: u32) -> Option<Seed> {
        let index = self.document.as_ref()?.index();
        let known = index.row(row)?;
        if let Some(missing) = index.missing_bytes(&known) {
            let were = if missing == 1 { "was" } else { "were" };
            let text = format!(
                "#{row} is not kept: {missing} of its {} bytes {were} not captured, and the others, joined, were never sent.",
                known.length
            );
            drop(index);
            self.say(text, Severity::Warning);
            return None;
        }
        let bytes = index.row_bytes(&known, usize::MAX, &mut index.reader());
        let kind = index.kind(&known).unwrap_or(known.type_name()).to_owned();
        drop(index);
        match bytes {
            Ok(bytes) => Some(Seed::new(&kind, bytes)),
            Err(error) => {
                self.say(format!("The message can't be read: {error}"), Severity::Error);
                None
            }
        }
    }

    /// Writes a row's bytes to a file.
    pub fn save_row_to(&mut self, row: u32, path: &Path) {
        let Some(seed) = self.seed(row) else { return };
        let folder = path.parent().unwrap_or(Path::new(""));
        let made = if folder.as_os_str().is_empty() { Ok(()) } else { std::fs::create_dir_all(folder) };
        match made.and_then(|()| std::fs::write(path, &seed.bytes)) {
            Ok(()) => {
                let text = format!("The {} bytes of #{row} are in {}.", seed.bytes.len(), path.display());
                self.say(text, Severity::Note);
            }
            Err(error) => self.say(format!("{} can't be written: {error}", path.display()), Severity::Error),
        }
    }

    pub(super) fn open_dialog(&mut self) {
        self.dialog(Wants::Open, PathBuf::new());
    }

    pub(super) fn save_dialog(&mut self) {
        let proposed = self.editor.as_ref().map(|editor| editor.path().to_owned()).unwrap_or_default();
        self.dialog(Wants::Description, proposed);
    }

    /// Where there is no dialog a path can be typed.
    pub fn ask_for_path(&mut self, saves: bool) {
        let (text, wants) = match (&self.editor, saves) {
            (Some(editor), true) => (editor.path().display().to_string(), Wants::Description),
            _ => (String::new(), Wants::Open),
        };
        self.overlay = Overlay::Path { text, wants };
    }

    fn dialog(&mut self, wants: Wants, proposed: PathBuf) {
        if self.background.is_by_hand() {
            // The system's dialogs wait for a person.
            self.overlay = Overlay::Path { text: proposed.display().to_string(), wants };
            return;
        }
        let (chosen, background) = (self.chosen.0.clone(), self.background.clone());
        let ask = move || {
            let asked = background.now();
            let name =
                proposed.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let dialog = match proposed.parent().map(std::path::absolute) {
                Some(Ok(folder)) if folder.is_dir() => rfd::FileDialog::new().set_directory(folder),
                _ => rfd::FileDialog::new(),
            };
            let save = |dialog: rfd::FileDialog| {
                dialog.set_file_name(name).save_file().map(|path| Chosen::Save(wants, path))
            };
            let answer = match wants {
                Wants::Open => {
                    let dialog = dialog.add_filter("Captures", &["pcap", "pcapng", "cap", "gz", "zst"]);
                    let dialog = dialog.add_filter("Descriptions", &["ksy"]);
                    dialog.add_filter("All files", &["*"]).pick_file().map(Chosen::Open)
                }
                Wants::Description => save(dialog.add_filter("Descriptions", &["ksy"])),
                Wants::Row(_) => save(dialog),
            };
            // No person closes a dialog so quickly: then the system has none to show.
            let none = (background.now() - asked < Duration::from_millis(250))
                .then_some(Chosen::NoDialog(wants, proposed));
            if let Some(answer) = answer.or(none) {
                // A window that is gone needs no file.
                let _ = chosen.send(answer);
                background.wake();
            }
        };
        if cfg!(target_os = "macos") {
            // There dialogs belong to the main thread.
            ask();
        } else {
            std::thread::spawn(ask);
        }
    }
}

/// The file that a source was opened from, if it may change.
fn watched(source: &Source) -> Option<PathBuf> {
    let path = PathBuf::from(source.name());
    (source.is_file() && !source.is_live() && path.is_file()).then_some(path)
}
