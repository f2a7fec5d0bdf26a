//! The window: lays the panels out, and does what they ask for.

mod dock;
mod files;
mod fonts;
mod obey;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eframe::egui::text_selection::LabelSelectionState;
use eframe::egui::{
    self, CentralPanel, Context, Frame, Key, Modifiers, Panel, RichText, ThemePreference, Ui,
};
use framescope_capture::filter::Filter;
use framescope_capture::{Options, Source};
use framescope_parser::Severity;

use crate::actions::{ALL, Entry};
use crate::background::{Background, Job};
use crate::document::Document;
use crate::editor::Editor;
use crate::panels::comparison::Comparison;
use crate::panels::dialogue::Dialogue;
use crate::panels::fields::Tree;
use crate::panels::filter::FilterLine;
use crate::panels::ladder::Ladder;
use crate::panels::list::Scroll;
use crate::panels::messages::Table;
use crate::panels::overlays::{self, Overlay, Wants};
use crate::panels::timeline::{self, Brush};
use crate::panels::{self, Command, Look, bytes, conversations, editor, filter, messages, status};
use crate::rows::Rows;
use crate::settings::{Settings, SettingsFile, Theme};
use crate::view::{Marked, View};
use crate::watcher::Watcher;
use framescope_inspect::Reading;
use framescope_inspect::health::Health;

use dock::Dock;
pub use dock::Tab;
use fonts::{is_of_a_script, missing_font_text};

/// The window and what it shows.
pub struct App {
    background: Background,
    settings: Settings,
    settings_file: SettingsFile,
    /// When the settings were last other than those that are kept.
    unsaved_since: Option<Instant>,
    reading: Reading,
    options: Options,
    /// The names of all protocols that can be read as.
    protocols: Vec<String>,
    /// What conversations, or all, were said to be of this capture.
    chosen_protocols: Vec<(Option<u32>, String)>,
    document: Option<Document>,
    view: Option<View>,
    /// What is open, to read it again.
    source: Option<Source>,
    /// A file that is being opened.
    opening: Option<files::Opening>,
    /// The capture read again: it takes the place of what is shown when it is there.
    pending: Option<(Document, Instant)>,
    /// How long the capture was when it was begun to be read last.
    length_asked: u64,
    /// How long it took to read it last.
    took: Duration,
    /// When it shall be read again because it has grown or changed.
    reload_at: Option<Instant>,
    watcher: Option<Watcher>,
    /// Sentences about something that went wrong, or is worth knowing.
    banners: Vec<(String, Severity)>,
    filter: FilterLine,
    table: Table,
    tree: Tree,
    hex: bytes::Hex,
    ladder: Ladder,
    dialogue: Dialogue,
    comparison: Comparison,
    brush: Brush,
    conversations: Scroll,
    tab: Tab,
    /// The rows of the conversation that the ladder and the dialogue show, and those in it that a search found.
    conversation: Option<Conversation>,
    editor: Option<Editor>,
    /// How the description fits: being found out, or known.
    checking: Option<Job<Result<Health, String>>>,
    health: Option<Health>,
    overlay: Overlay,
    tour: Option<usize>,
    /// Files chosen in a dialog, which has a thread of its own.
    chosen: (Sender<Chosen>, Receiver<Chosen>),
    missing_font: Arc<OnceLock<char>>,
    has_begun: bool,
    /// Whether something is over what is told to be hovered in this frame.
    hovers: bool,
}

/// What came of a file dialog.
enum Chosen {
    Open(PathBuf),
    /// A place to save something.
    Save(Wants, PathBuf),
    /// There was no dialog; the name is the one that was proposed.
    NoDialog(Wants, PathBuf),
}

struct Conversation {
    flow: u32,
    /// Whether the rows are those of an index that was read to its end.
    is_whole: bool,
    rows: Rows,
    found: Option<(String, Rows)>,
}

fn names(options: &Options) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for protocol in &options.protocols {
        if !names.iter().any(|known| known == protocol.name()) {
            names.push(protocol.name().to_owned());
        }
    }
    names
}

impl App {
    /// A window without a document, with the settings of a file, which it keeps.
    pub fn new(reading: Reading, mut settings_file: SettingsFile, background: Background) -> App {
        let (settings, told) = settings_file.load();
        let mut app = App {
            background,
            settings,
            settings_file,
            unsaved_since: None,
            protocols: Vec::new(),
            options: Options::default(),
            reading,
            chosen_protocols: Vec::new(),
            document: None,
            view: None,
            source: None,
            opening: None,
            pending: None,
            length_asked: 0,
            took: Duration::ZERO,
            reload_at: None,
            watcher: None,
            banners: told.into_iter().map(|told| (told, Severity::Warning)).collect(),
            filter: FilterLine::default(),
            table: Table::default(),
            tree: Tree::default(),
            hex: bytes::Hex::default(),
            ladder: Ladder::default(),
            dialogue: Dialogue::default(),
            comparison: Comparison::default(),
            brush: Brush::default(),
            conversations: Scroll::default(),
            tab: Tab::default(),
            conversation: None,
            editor: None,
            checking: None,
            health: None,
            overlay: Overlay::None,
            tour: None,
            chosen: channel(),
            missing_font: Arc::new(OnceLock::new()),
            has_begun: false,
            hovers: false,
        };
        app.read_options();
        app
    }

    /// Where its long work is done.
    pub fn background(&self) -> &Background {
        &self.background
    }

    /// What is open.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// What of it is looked at.
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

    /// What stands below or beside the table.
    pub fn show_tab(&mut self, tab: Tab) {
        self.tab = tab;
        self.settings.panels.message = true;
    }

    /// Marks a field of the message that is looked at, by its path.
    pub fn mark_field(&mut self, path: &str) {
        let Some(view) = &mut self.view else { return };
        let range = view.details().and_then(|details| Some(details.field(path)?.range.clone()));
        view.mark(range.map(|range| Marked { range, path: Some(path.to_owned()) }));
    }

    /// The hints for the first time have been seen.
    pub fn end_tour(&mut self) {
        self.tour = None;
        self.settings.tour_seen = true;
    }

    /// Whether nothing is being opened, read, counted or searched, so that what is shown stays as it is.
    pub fn is_settled(&self) -> bool {
        let conversation = self.conversation.as_ref();
        let found = conversation.and_then(|conversation| conversation.found.as_ref());
        self.opening.is_none()
            && self.pending.is_none()
            && self.reload_at.is_none()
            && self.checking.is_none()
            && self.document.as_ref().is_none_or(Document::is_over)
            && self.view.as_ref().is_none_or(View::is_settled)
            && conversation.is_none_or(|conversation| conversation.rows.is_done())
            && found.is_none_or(|(_, rows)| rows.is_done())
            && self.editor.as_ref().is_none_or(|editor| !editor.is_behind())
    }

    /// Has the window woken by what goes on beside it.
    fn wakes(&self, ctx: &Context) {
        let ctx = ctx.clone();
        self.background.wakes(move || ctx.request_repaint());
    }

    fn say(&mut self, text: impl Into<String>, severity: Severity) {
        let text = text.into();
        // One of each is enough, and of many the last ones.
        self.banners.retain(|(known, _)| *known != text);
        self.banners.push((text, severity));
        if self.banners.len() > 4 {
            self.banners.remove(0);
        }
    }

    /// Puts the rows in another order.
    pub fn sort_by(&mut self, sort: Option<crate::rows::Sort>) {
        if let Some(view) = &mut self.view {
            view.sort_by(sort);
        }
    }

    /// Types a filter, as a person would into its line.
    pub fn type_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter.text);
        self.filter_rows();
    }

    /// Shows the rows that the filter's line asks for. Half an expression changes nothing but what is said of it.
    fn filter_rows(&mut self) {
        let text = self.filter.text.trim();
        let filter = match text.is_empty() {
            true => Ok(None),
            false => Filter::parse(&self.filter.text, &self.options.protocols).map(Some),
        };
        match filter {
            Ok(filter) => {
                self.filter.fault = None;
                let asked = filter.map(|_| self.filter.text.clone());
                if let Some(view) = self.view.as_mut().filter(|view| view.narrowing().filter != asked) {
                    view.show_filtered(asked);
                }
            }
            Err(fault) => self.filter.fault = Some(fault),
        }
    }

    fn keys(&mut self, ui: &Ui, commands: &mut Vec<Command>) {
        if self.overlay.is_some() {
            return;
        }
        let ctx = ui.ctx();
        let types = ctx.egui_wants_keyboard_input();
        // Of two shortcuts with the same key the one with more modifiers is meant, where these are pressed.
        let mut all: Vec<(&Entry, &egui::KeyboardShortcut)> =
            ALL.iter().flat_map(|entry| entry.2.iter().map(move |keys| (entry, keys))).collect();
        all.sort_by_key(|(_, keys)| (!keys.modifiers.shift, !keys.modifiers.command));
        for (entry, keys) in all {
            // Who types means the character.
            let is_character = keys.logical_key == Key::Questionmark;
            if is_character && types {
                continue;
            }
            if ctx.input_mut(|input| input.consume_shortcut(keys)) {
                commands.push(Command::Act(entry.0));
            }
        }
        // Who types moves in what is typed.
        if types {
            return;
        }
        // Where text is marked that is meant.
        let has_selection = ctx.plugin::<LabelSelectionState>().lock().has_selection();
        if !has_selection && ctx.input(|input| input.events.contains(&egui::Event::Copy)) {
            commands.push(Command::CopyMarked);
        }
        let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
        let Some(view) = self.view.as_mut() else { return };
        for (key, by) in [(Key::ArrowDown, 1), (Key::ArrowUp, -1)] {
            if pressed(Modifiers::ALT, key) {
                view.move_mark(by);
            }
        }
        let page = isize::try_from(self.table.scroll.seen.max(2) - 1).unwrap_or(20);
        let moves = [
            (Key::ArrowDown, 1),
            (Key::ArrowUp, -1),
            (Key::PageDown, page),
            (Key::PageUp, -page),
            (Key::End, isize::MAX),
            (Key::Home, isize::MIN),
        ];
        for (key, by) in moves {
            if pressed(Modifiers::NONE, key) {
                view.move_selection(by);
                view.show_selected();
            }
        }
        // What is open before it is closed first.
        let is_free = !egui::Popup::is_any_open(ctx) && view.marked().is_some();
        if is_free && pressed(Modifiers::NONE, Key::Escape) {
            view.mark(None);
        }
    }

    /// What changed outside of the window since the last frame.
    fn catch_up(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        if let Some(path) = dropped.first().map(|file| file.path().to_path_buf()) {
            self.open_path(&path, ctx);
        }
        while let Ok(chosen) = self.chosen.1.try_recv() {
            match chosen {
                Chosen::Open(path) => self.open_path(&path, ctx),
                Chosen::Save(Wants::Row(row), path) => self.save_row_to(row, &path),
                Chosen::Save(_, path) => self.save_description(Some(&path)),
                Chosen::NoDialog(wants, proposed) => {
                    let text = proposed.display().to_string();
                    self.overlay = Overlay::Path { text, wants };
                }
            }
        }
        self.follow_files(ctx);
        self.follow_editor(ctx);
        if let (Some(document), Some(view)) = (&self.document, &mut self.view) {
            let index = document.index();
            view.update(&index);
        }
        self.follow_conversation();
        match self.checking.as_ref().and_then(Job::poll) {
            None => {}
            Some(Ok(Ok(health))) => (self.health, self.checking) = (Some(health), None),
            Some(Ok(Err(error)) | Err(error)) => {
                self.checking = None;
                self.say(format!("The description could not be checked: {error}"), Severity::Error);
            }
        }
    }

    /// The rows of the conversation that is looked at, for those who show it as a whole.
    fn follow_conversation(&mut self) {
        if !matches!(self.tab, Tab::Dialogue | Tab::Ladder) || !self.settings.panels.message {
            return;
        }
        let (Some(document), Some(view)) = (&self.document, &self.view) else { return };
        let index = document.index();
        let of_selected = view.selected().and_then(|row| index.row(row)).map(|row| row.flow());
        let Some(flow) = of_selected.or(view.flow()) else { return };
        let is_whole = index.is_finished();
        drop(index);
        let find = |narrowing| view.find(narrowing);
        let of_flow = crate::rows::Narrowing { flow: Some(flow), ..Default::default() };
        if self.conversation.as_ref().is_none_or(|known| known.flow != flow || known.is_whole != is_whole) {
            self.conversation =
                Some(Conversation { flow, is_whole, rows: find(of_flow.clone()), found: None });
            self.dialogue.forget();
        }
        let Some(known) = &mut self.conversation else { return };
        let test = self.dialogue.test();
        if known.found.as_ref().map(|(test, _)| test) != test.as_ref() {
            known.found = test.map(|test| {
                let rows = find(crate::rows::Narrowing { filter: Some(test.clone()), ..of_flow });
                (test, rows)
            });
        }
    }

    /// Lays the whole window out.
    pub fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        if !self.has_begun {
            self.has_begun = true;
            self.begin(&ctx);
        }
        let mut commands = Vec::new();
        self.catch_up(&ctx);
        self.keys(ui, &mut commands);
        self.hovers = false;
        self.bars(ui, &mut commands);
        self.show_banners(ui, &mut commands);
        match (&self.document, &self.view) {
            (Some(_), Some(_)) => self.capture(ui, &mut commands),
            _ => {
                let waits = self.opening.is_some() || self.source.is_some();
                CentralPanel::default().show(ui, |ui| {
                    ui.centered_and_justified(|ui| {
                        let text = if waits { "Opening..." } else { "Open a capture, or drop one here." };
                        ui.label(RichText::new(text).heading());
                    });
                });
            }
        }
        let rows = self.document.as_ref().map_or(0, |document| document.index().row_count());
        overlays::show(ui, &mut self.overlay, rows, &mut commands);
        for command in commands {
            self.obey(command, &ctx);
        }
        if !self.hovers
            && let Some(view) = &mut self.view
            && view.hovered().is_some()
        {
            view.hover(None);
            ctx.request_repaint();
        }
        self.keep_settings(&ctx);
    }

    /// What is done once there is a window.
    fn begin(&mut self, ctx: &Context) {
        self.wakes(ctx);
        crate::colours::install(ctx);
        self.use_theme(ctx);
        if self.settings.zoom.to_bits() != 1.0_f32.to_bits() {
            ctx.set_zoom_factor(self.settings.zoom);
        }
        // Asked last of all: so it is asked for what no font has.
        let missing = Arc::clone(&self.missing_font);
        ctx.add_font_provider(Arc::new(move |request: &egui::epaint::text::FallbackRequest<'_>| {
            if let Some(c) = request.cluster.chars().next().filter(|&c| is_of_a_script(c)) {
                // The first one is enough to say what helps.
                let _ = missing.set(c);
            }
            None::<egui::epaint::text::FontInsert>
        }));
    }

    fn use_theme(&self, ctx: &Context) {
        ctx.set_theme(match self.settings.theme {
            Theme::System => ThemePreference::System,
            Theme::Light => ThemePreference::Light,
            Theme::Dark => ThemePreference::Dark,
        });
    }

    fn keep_settings(&mut self, ctx: &Context) {
        self.settings.zoom = ctx.zoom_factor();
        if !self.settings_file.differs(&self.settings) {
            self.unsaved_since = None;
            return;
        }
        const PAUSE: Duration = Duration::from_secs(1);
        let now = self.background.now();
        if now - *self.unsaved_since.get_or_insert(now) >= PAUSE {
            self.save_settings();
        } else {
            ctx.request_repaint_after(PAUSE);
        }
    }

    /// Writes the settings to their file now.
    pub fn save_settings(&mut self) {
        self.unsaved_since = None;
        if self.settings_file.differs(&self.settings)
            && let Err(error) = self.settings_file.save(&self.settings)
        {
            self.say(error, Severity::Warning);
        }
    }

    /// How far what takes long is, for the bar.
    fn busy(&self) -> Option<(String, f32)> {
        if let Some(opening) = &self.opening {
            return Some((format!("opening {}", opening.name()), 0.0));
        }
        let of = |document: &Document, verb: &str| {
            let index = document.index();
            let (read, length) = (index.position(), index.source().length().max(1));
            // A bar a few hundred points wide needs no more than the precision of f32.
            #[allow(clippy::cast_precision_loss)]
            let share = read as f32 / length as f32;
            (format!("{verb}, {} of {}", panels::size(read), panels::size(length)), share)
        };
        if let Some((pending, _)) = &self.pending {
            return Some(of(pending, "reading again"));
        }
        let document = self.document.as_ref()?;
        (!document.is_over()).then(|| of(document, "reading"))
    }

    fn bars(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let busy = self.busy();
        Panel::top("bar").show(ui, |ui| {
            ui.add_space(4.0);
            let index = self.document.as_ref().map(Document::index);
            let look = index.as_ref().zip(self.view.as_ref()).map(|(index, view)| Look {
                index,
                view,
                settings: &self.settings,
                protocols: &self.protocols,
            });
            status::top(ui, self.document.as_ref(), look, &self.settings.recent, busy, commands);
            if self.document.is_some() {
                ui.add_space(2.0);
                filter::show(ui, &mut self.filter, &self.settings.filters, commands);
            }
            ui.add_space(4.0);
        });
    }

    /// The capture that is open, and what belongs to it.
    fn capture(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let (Some(document), Some(view)) = (&self.document, &mut self.view) else { return };
        let to_show = view.take_place_to_show();
        let view = &*view;
        let index = document.index();
        let settings = &self.settings;
        let look = Look { index: &index, view, settings, protocols: &self.protocols };
        // As they are after this frame.
        let mut sizes = settings.sizes;
        let fonts = self.missing_font.get().map(|c| missing_font_text(*c));
        Panel::bottom("status").show(ui, |ui| status::bottom(ui, look, fonts.as_deref(), commands));
        if settings.panels.timeline {
            let panel = Panel::top("timeline").resizable(true).default_size(sizes.timeline).min_size(44.0);
            let shown = panel.show(ui, |ui| timeline::show(ui, look, &mut self.brush, commands));
            sizes.timeline = shown.response.rect.height();
        }
        if let Some(editor) = &mut self.editor {
            let is_ready = self.pending.is_none();
            let panel = Panel::right("editor").resizable(true).default_size(sizes.editor).min_size(220.0);
            let shown = panel.show(ui, |ui| match (&self.health, &self.checking) {
                (Some(health), _) => editor::health(ui, health, commands),
                (None, Some(checking)) => {
                    ui.add(egui::ProgressBar::new(checking.progress()).text("looking at every message"));
                }
                (None, None) => editor::show(ui, editor, is_ready, commands),
            });
            sizes.editor = shown.response.rect.width();
        }
        let mut dock = Dock {
            look,
            tab: &mut self.tab,
            tree: &mut self.tree,
            hex: &mut self.hex,
            ladder: &mut self.ladder,
            dialogue: &mut self.dialogue,
            comparison: &mut self.comparison,
            conversation: self.conversation.as_ref(),
            fields_width: &mut sizes.fields,
        };
        if settings.panels.message {
            if settings.message_beside {
                let panel = Panel::right("message beside").resizable(true).default_size(sizes.message_beside);
                let shown = panel.min_size(240.0).show(ui, |ui| dock.show(ui, true, commands));
                sizes.message_beside = shown.response.rect.width();
            } else {
                let panel =
                    Panel::bottom("message").resizable(true).default_size(sizes.message).min_size(96.0);
                let most = (ui.available_height() - 120.0).max(96.0);
                let shown = panel.max_size(most).show(ui, |ui| dock.show(ui, false, commands));
                sizes.message = shown.response.rect.height();
            }
        }
        if settings.panels.conversations {
            let panel = Panel::left("conversations")
                .resizable(true)
                .default_size(sizes.conversations)
                .min_size(150.0);
            let shown = panel.show(ui, |ui| conversations::show(ui, look, &mut self.conversations, commands));
            sizes.conversations = shown.response.rect.width();
        }
        let frame = Frame::central_panel(ui.style()).inner_margin(egui::Margin {
            left: 2,
            right: 2,
            top: 2,
            bottom: 0,
        });
        CentralPanel::default().frame(frame).show(ui, |ui| {
            if view.is_narrowed() && view.row_count() == 0 && !view.is_looking() {
                ui.centered_and_justified(|ui| ui.weak("No row matches the filter."));
            } else if index.row_count() == 0 && index.is_finished() {
                ui.centered_and_justified(|ui| ui.weak("There are no messages in this file."));
            } else {
                messages::show(ui, look, &mut self.table, to_show, commands);
            }
        });
        drop(index);
        self.settings.sizes = sizes;
    }

    /// Sentences about the file as a whole, under the bar.
    fn show_banners(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let mut lines: Vec<(String, Severity)> = Vec::new();
        if let (Some(document), Some(view)) = (&self.document, &self.view) {
            let index = document.index();
            let broken = document.broken().map(|panic| ("Reading", panic));
            let broken = broken.or_else(|| view.broken().map(|panic| ("Taking a message apart", panic)));
            if let Some((what, panic)) = broken {
                let text = format!(
                    "{what} broke down: {panic}. What was read before is shown. This is a bug of ours."
                );
                lines.push((text, Severity::Error));
            }
            // Of many damaged places the first are told: the rows are what the window is for.
            const TOLD: usize = 3;
            // What is still being written ends anywhere.
            let is_growing = index.source().is_growing();
            let damages: Vec<String> = index
                .damages()
                .iter()
                .filter(|damage| !is_growing || damage.resumed.is_some())
                .map(ToString::to_string)
                .collect();
            lines.extend(damages.iter().take(TOLD).map(|damage| (damage.clone(), Severity::Error)));
            if damages.len() > TOLD {
                let more = damages.len() - TOLD;
                lines.push((format!("The file is damaged in {more} more places."), Severity::Error));
            }
            if document.is_cancelled() && index.position() < index.source().length() {
                let text =
                    format!("Reading was cancelled; the {} packets before are shown.", index.packets());
                lines.push((text, Severity::Warning));
            }
            if let Some(error) = view.error() {
                lines.push((format!("The filter could not be asked of every row: {error}"), Severity::Error));
            }
            lines.extend(index.notices().iter().map(|notice| (notice.clone(), Severity::Note)));
        }
        if self.tour.is_some() {
            let ground = ui.visuals().widgets.open.weak_bg_fill;
            let frame = Frame::side_top_panel(ui.style()).fill(ground);
            Panel::top("tour").frame(frame).show(ui, |ui| overlays::tour(ui, &mut self.tour));
            if self.tour.is_none() {
                self.settings.tour_seen = true;
            }
        }
        if self.banners.is_empty() && lines.is_empty() {
            return;
        }
        Panel::top("banners").show(ui, |ui| {
            ui.add_space(2.0);
            for (number, (banner, severity)) in self.banners.iter().enumerate() {
                ui.horizontal(|ui| {
                    if ui.small_button("Dismiss").clicked() {
                        commands.push(Command::Dismiss(number));
                    }
                    let colour = crate::colours::severity(*severity, ui.visuals());
                    ui.add(egui::Label::new(RichText::new(banner).color(colour)).wrap());
                });
            }
            for (text, severity) in lines {
                let colour = crate::colours::severity(severity, ui.visuals());
                ui.add(egui::Label::new(RichText::new(text).color(colour)).wrap());
            }
            ui.add_space(2.0);
        });
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
