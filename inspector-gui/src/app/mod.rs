//! The app: holds the state of the window and does what the panels ask for. Only this folder changes state.

mod captures;
mod composing;
mod descriptions;
mod dialogs;
mod dispatch;
mod fonts;
mod guessing;
mod keys;
mod layout;
mod preferences;
mod recording;
mod saving;
mod secrets;
mod stating;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use eframe::egui::{Context, Ui};
use framescope_capture::filter::Filter;
use framescope_capture::{FlowId, Followed, Options, Source};
use framescope_live::capturing::Tool;
use framescope_parser::Severity;

use crate::models::background::{Background, Job};
use crate::models::composer::Desk;
use crate::models::conversation_rows::ConversationRows;
use crate::models::document::Document;
use crate::models::editor::Editor;
use crate::models::filter_line::FilterLine;
use crate::models::guessing::Guessing;
use crate::models::notices::{Notice, Notices};
use crate::models::overlay::Overlay;
use crate::models::recording::Running;
use crate::models::rows::Sort;
use crate::models::settings::{Settings, SettingsFile};
use crate::models::stating::Stating;
use crate::models::view::{Highlight, View};
use crate::models::watcher::Watcher;
use crate::panels::columns::Table;
use crate::panels::conversations::ConversationList;
use crate::panels::dock::Dock;
pub use crate::panels::dock::Tab;
use crate::panels::editor::EditorPanel;
use crate::panels::timeline::Brush;
use dialogs::DialogResult;
use framescope_inspect::Reading;
use framescope_inspect::health::Health;

/// The window and what it shows.
pub struct App {
    background: Background,
    settings: Settings,
    settings_file: SettingsFile,
    /// Since when the settings differ from the stored ones.
    unsaved_since: Option<Instant>,
    reading: Reading,
    options: Options,
    /// The names of all protocols that something can be decoded as.
    protocols: Vec<String>,
    /// What conversations of this capture, or all (None), were chosen to be decoded as.
    decode_as: Vec<(Option<FlowId>, String)>,
    document: Option<Document>,
    view: Option<View>,
    /// What is open, to read it again.
    source: Option<Source>,
    opening: Option<captures::Opening>,
    /// The capture being read again, which replaces the current one when it is complete.
    pending: Option<Document>,
    /// Whether the file is to be read again because it has changed.
    has_changed: bool,
    /// Whether the source was growing in the frame before.
    was_growing: bool,
    /// Keeps a file that another program appends to being read.
    followed: Option<Followed>,
    watcher: Option<Watcher>,
    /// What is recorded, or was, while it is what is open.
    recording: Option<Running>,
    /// What records; the first that may if none is named.
    capture_tool: Option<Tool>,
    /// Notifications that can be dismissed.
    notifications: Vec<Notice>,
    notices: Notices,
    filter: FilterLine,
    table: Table,
    dock: Dock,
    brush: Brush,
    conversations: ConversationList,
    /// The conversation that the ladder and the transcript show.
    conversation: Option<ConversationRows>,
    editor: Option<Editor>,
    editor_panel: EditorPanel,
    /// Where messages are composed.
    desk: Desk,
    /// The check of the description, while it runs.
    checking: Option<Job<std::io::Result<Health>>>,
    health: Option<Health>,
    /// What conversations could be that no protocol explains.
    guessing: Option<Guessing>,
    /// What is said that bytes are.
    stating: Option<Stating>,
    /// The description that was written for what was guessed or said, as it was opened in the editor.
    written: Option<String>,
    overlay: Overlay,
    /// The hint of the introduction that is shown.
    tour: Option<usize>,
    /// Results of file dialogs, which run on separate threads.
    dialogs: (Sender<DialogResult>, Receiver<DialogResult>),
    missing_font: Arc<OnceLock<char>>,
    has_begun: bool,
    /// Whether a panel reported hovered bytes in this frame.
    is_hovering: bool,
}

/// The most notifications that are shown.
const MOST_NOTIFICATIONS: usize = 4;

impl App {
    /// An empty window with the settings of a file, in which it stores changes.
    pub fn new(reading: Reading, mut settings_file: SettingsFile, background: Background) -> App {
        let (settings, error) = settings_file.load();
        let desk = Desk::new(&background);
        let mut app = App {
            background,
            settings,
            settings_file,
            unsaved_since: None,
            protocols: Vec::new(),
            options: Options::default(),
            reading,
            decode_as: Vec::new(),
            document: None,
            view: None,
            source: None,
            opening: None,
            pending: None,
            has_changed: false,
            was_growing: false,
            followed: None,
            watcher: None,
            recording: None,
            capture_tool: None,
            notifications: error.iter().map(|error| (error.to_string(), Severity::Warning)).collect(),
            notices: Notices::default(),
            filter: FilterLine::default(),
            table: Table::default(),
            dock: Dock::default(),
            brush: Brush::default(),
            conversations: ConversationList::default(),
            conversation: None,
            editor: None,
            desk,
            editor_panel: EditorPanel::default(),
            checking: None,
            health: None,
            guessing: None,
            stating: None,
            written: None,
            overlay: Overlay::None,
            tour: None,
            dialogs: channel(),
            missing_font: Arc::new(OnceLock::new()),
            has_begun: false,
            is_hovering: false,
        };
        app.read_options();
        app
    }

    /// Where long work is done.
    pub fn background(&self) -> &Background {
        &self.background
    }

    /// The open capture.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// How it is viewed.
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// The settings as they are now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The description in the editor.
    pub fn editor_mut(&mut self) -> Option<&mut Editor> {
        self.editor.as_mut()
    }

    /// Where messages are composed.
    pub fn desk_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }

    /// Shows a tab of the panel below or beside the table.
    pub fn show_tab(&mut self, tab: Tab) {
        self.dock.tab = tab;
        self.settings.panels.message = true;
    }

    /// Highlights a field of the selected message, by its path.
    pub fn highlight_field(&mut self, path: &str) {
        let Some(view) = &mut self.view else { return };
        let range = view.details().and_then(|details| Some(details.field(path)?.range.clone()));
        view.highlight(range.map(|range| Highlight { range, path: Some(path.to_owned()), of: None }));
    }

    /// Highlights the field of the selected message that a byte is in.
    pub fn highlight_byte(&mut self, at: usize) {
        if let Some(view) = &mut self.view {
            view.highlight_byte(at);
        }
    }

    /// Highlights bytes of the selected message.
    pub fn highlight_bytes(&mut self, range: std::ops::Range<usize>) {
        if let Some(view) = &mut self.view {
            view.highlight(Some(Highlight { range, path: None, of: None }));
        }
    }

    /// Compares the aligned messages with no others any more.
    pub fn stop_comparing(&mut self) {
        self.dock.aligned.aligned.stop_comparing();
    }

    /// Ends the introduction.
    pub fn end_tour(&mut self) {
        self.tour = None;
        self.settings.tour_seen = true;
    }

    /// Whether no background work is going on, so that what is shown stays as it is.
    pub fn is_settled(&self) -> bool {
        self.opening.is_none()
            && self.pending.is_none()
            && !self.has_changed
            && self.checking.is_none()
            && self.document.as_ref().is_none_or(Document::is_caught_up)
            && self.view.as_ref().is_none_or(View::is_settled)
            && self.conversation.as_ref().is_none_or(ConversationRows::is_settled)
            && self.editor.as_ref().is_none_or(|editor| !editor.is_behind())
            && self.desk.is_settled()
            && !self.guessing.as_ref().is_some_and(Guessing::is_running)
            && (!self.shows_stating() || self.stating.as_ref().is_none_or(Stating::is_settled))
            && (!self.shows_aligned() || self.document.is_none() || self.dock.aligned.aligned.is_settled())
    }

    /// Lets background work wake the window.
    fn wake_through(&self, ctx: &Context) {
        let ctx = ctx.clone();
        self.background.on_wake(move || ctx.request_repaint());
    }

    /// Shows a notification. Of equal ones the last stays, and of many the last few.
    fn notify(&mut self, text: impl Into<String>, severity: Severity) {
        let text = text.into();
        self.notifications.retain(|(known, _)| *known != text);
        self.notifications.push((text, severity));
        if self.notifications.len() > MOST_NOTIFICATIONS {
            self.notifications.remove(0);
        }
    }

    /// Sorts the rows.
    pub fn sort_by(&mut self, sort: Option<Sort>) {
        if let Some(view) = &mut self.view {
            view.sort_by(sort);
        }
    }

    /// Sets the filter, as if it was typed.
    pub fn type_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter.text);
        self.apply_filter();
    }

    /// Shows the rows that match the filter. An invalid filter only changes its error.
    fn apply_filter(&mut self) {
        let filter = match self.filter.text.trim().is_empty() {
            true => Ok(None),
            false => Filter::parse(&self.filter.text, &self.options.protocols).map(Some),
        };
        match filter {
            Ok(filter) => {
                self.filter.error = None;
                let filter = filter.map(|_| self.filter.text.clone());
                if let Some(view) = self.view.as_mut().filter(|view| view.scope().filter != filter) {
                    view.show_filtered(filter);
                }
            }
            Err(error) => self.filter.error = Some(error),
        }
    }

    /// Takes over what changed outside of the window since the last frame.
    fn catch_up(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        if let Some(path) = dropped.first().map(|file| file.path().to_path_buf()) {
            self.open_path(&path, ctx);
        }
        self.take_dialog_results(ctx);
        self.follow_recording(ctx);
        self.follow_files(ctx);
        self.follow_editor(ctx);
        if let (Some(document), Some(view)) = (&self.document, &mut self.view) {
            view.update(&document.index());
        }
        if let (Some(document), Some(view)) = (&self.document, &self.view) {
            self.notices.update(document, view);
        }
        self.follow_conversation();
        self.follow_aligned(ctx);
        self.follow_check();
        self.follow_guessing(ctx);
        self.follow_stating(ctx);
        self.desk.update();
    }

    /// Keeps the rows of the conversation up to date for the tabs that show it as a whole.
    fn follow_conversation(&mut self) {
        if !matches!(self.dock.tab, Tab::Transcript | Tab::Ladder) || !self.settings.panels.message {
            return;
        }
        let (Some(document), Some(view)) = (&self.document, &self.view) else { return };
        let transcript = &mut self.dock.transcript.transcript;
        if ConversationRows::update(&mut self.conversation, &document.index(), view) {
            transcript.clear();
        }
        if let Some(conversation) = &mut self.conversation {
            conversation.search(transcript.filter(), view);
        }
    }

    /// Keeps the messages that are under each other up to date.
    fn follow_aligned(&mut self, ctx: &Context) {
        if !self.shows_aligned() {
            return;
        }
        if let (Some(document), Some(view)) = (&self.document, &self.view) {
            let aligned = &mut self.dock.aligned.aligned;
            aligned.update(document, view, &self.background);
            if let Some(pause) = aligned.next_update() {
                ctx.request_repaint_after(pause);
            }
        }
    }

    fn shows_aligned(&self) -> bool {
        self.dock.tab == Tab::Aligned && self.settings.panels.message
    }

    /// Shows the whole window.
    pub fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        if !self.has_begun {
            self.has_begun = true;
            self.begin(&ctx);
        }
        let mut commands = Vec::new();
        self.catch_up(&ctx);
        self.keys(ui, &mut commands);
        self.is_hovering = false;
        self.lay_out(ui, &mut commands);
        for command in commands {
            self.dispatch(command, &ctx);
        }
        if !self.is_hovering
            && let Some(view) = &mut self.view
            && view.hovered().is_some()
        {
            view.hover(None);
            ctx.request_repaint();
        }
        self.store_settings(&ctx);
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.show(ui);
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        self.save_settings();
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("document", &self.document)
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
