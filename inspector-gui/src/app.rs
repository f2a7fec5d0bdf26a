//! The window: lays the panels out, and does what they ask for.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use eframe::egui::{
    self, Button, CentralPanel, Context, Frame, Key, KeyboardShortcut, Modifiers, Panel, RichText, Ui,
};
use framescope_capture::filter::Filter;
use framescope_capture::{Options, Source};
use framescope_parser::{Direction, Severity};

use crate::document::Document;
use crate::own_protocols::Reading;
use crate::panels::status::FilterLine;
use crate::panels::{Command, bytes, conversations, fields, messages, status};
use crate::sample;
use crate::view::View;
use crate::watcher::Watcher;

const OPEN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::O);

const FIND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);

const NO_DIALOG: &str = "This system shows no file dialog (it needs a desktop portal, or zenity). \
    Drop a file on this window, or name it on the command line: framescope FILE";

/// The window and what it shows.
#[derive(Debug)]
pub struct App {
    document: Option<Document>,
    view: View,
    reading: Reading,
    options: Options,
    /// The names of all protocols that can be read as.
    protocols: Vec<String>,
    /// What conversations, or all, were said to be in this window.
    chosen_protocols: Vec<(Option<u32>, String)>,
    watcher: Option<Watcher>,
    /// What is open, to read it again.
    source: Option<Source>,
    /// Where the person was when it was read again.
    place: Option<Place>,
    /// A sentence about something that went wrong.
    banner: Option<String>,
    scroll_to_selection: bool,
    filter: FilterLine,
    /// The filter's line shall be typed into.
    focus_filter: bool,
    /// Files chosen in the dialog, which has a thread of its own; None where there was no dialog.
    chosen: (Sender<Option<PathBuf>>, Receiver<Option<PathBuf>>),
}

/// A place in a capture that stays the same when its messages are other ones.
#[derive(Clone, Copy, Debug)]
struct Place {
    flow: Option<u32>,
    selected: Option<(u32, Direction, u64)>,
}

fn names(options: &Options) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for protocol in options.all_protocols() {
        if !names.iter().any(|known| known == protocol.name()) {
            names.push(protocol.name().to_owned());
        }
    }
    names
}

impl App {
    /// A window without a document.
    pub fn new(reading: Reading) -> App {
        let (document, banner) = (None, None);
        let options = reading.options();
        App {
            document,
            view: View::default(),
            protocols: names(&options),
            reading,
            options,
            chosen_protocols: Vec::new(),
            watcher: None,
            source: None,
            place: None,
            banner,
            scroll_to_selection: false,
            filter: FilterLine::default(),
            focus_filter: false,
            chosen: channel(),
        }
    }

    /// What is open.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// What is open, to wait for it.
    pub fn document_mut(&mut self) -> Option<&mut Document> {
        self.document.as_mut()
    }

    /// What of it is looked at.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Opens a capture in place of the one that is open.
    pub fn open(&mut self, source: Source, is_sample: bool, ctx: &Context) {
        self.place = None;
        self.banner = None;
        self.read(source, is_sample, ctx);
    }

    fn read(&mut self, source: Source, is_sample: bool, ctx: &Context) {
        let repaint = ctx.clone();
        let wake = move || repaint.request_repaint();
        match Document::open(source.clone(), is_sample, &self.options, wake) {
            Ok(document) => {
                self.document = Some(document);
                self.source = Some(source);
                self.view = View::default();
                self.filter_rows();
            }
            Err(error) => self.banner = Some(error),
        }
        if self.watcher.is_none() {
            let ctx = ctx.clone();
            self.watcher = Some(Watcher::new(&self.reading.own, move || ctx.request_repaint()));
        }
    }

    /// Reads what is open again, as it is to be read now, and goes back to where the person was.
    fn read_again(&mut self, ctx: &Context) {
        self.options = self.reading.options();
        for (flow, protocol) in &self.chosen_protocols {
            let selectors = match flow {
                Some(flow) => vec![format!("flow={flow}")],
                None => ["tcp", "udp", "file"].map(str::to_owned).to_vec(),
            };
            let rules = selectors.iter().filter_map(|selector| format!("{selector}={protocol}").parse().ok());
            self.options.decode_as.extend(rules);
        }
        self.protocols = names(&self.options);
        if let Some(watcher) = &self.watcher {
            watcher.watch(&self.reading.own);
        }
        let (Some(source), Some(document)) = (self.source.clone(), &self.document) else { return };
        // Unless it is not there yet from the last time.
        if self.place.is_none() {
            let index = document.index();
            let selected = self.view.selected().and_then(|row| index.row(row));
            let selected = selected.map(|row| (row.flow(), index.direction(&row), row.offset));
            self.place = Some(Place { flow: self.view.flow(), selected });
        }
        let is_sample = document.is_sample();
        self.read(source, is_sample, ctx);
    }

    /// Goes back to where the person was, once that is read.
    fn go_back(&mut self) {
        let (Some(place), Some(document)) = (self.place, &self.document) else { return };
        let index = document.index();
        if !index.is_finished() {
            return;
        }
        self.view.show_flow(place.flow, &index);
        if let Some((flow, direction, offset)) = place.selected {
            let same =
                |row: &framescope_capture::Row| row.flow() == flow && index.direction(row) == direction;
            let holds = |row: &framescope_capture::Row| {
                same(row) && row.offset <= offset && offset < row.offset + row.length
            };
            let found = index.rows().position(|row| holds(&row)).and_then(|row| u32::try_from(row).ok());
            if found.is_some() {
                self.view.select_row(found);
            }
        }
        drop(index);
        self.place = None;
        self.scroll_to_selection = true;
    }

    /// Reads a conversation, or all, as a protocol; as what it looks like, where none is named.
    fn decode_as(&mut self, flow: Option<u32>, protocol: Option<&str>, ctx: &Context) {
        // What was said of all counts no more when something else is said of all.
        self.chosen_protocols.retain(|(known, _)| flow.is_some() && *known != flow);
        self.chosen_protocols.extend(protocol.map(|protocol| (flow, protocol.to_owned())));
        self.read_again(ctx);
    }

    /// Takes a description in, in the place of one of the same name.
    fn open_description(&mut self, path: &std::path::Path, ctx: &Context) {
        match self.reading.own.name(path) {
            Ok(described) => {
                let places = described.usual_places();
                let used = match places.is_empty() {
                    true => "where it is recognised".to_owned(),
                    false => format!("on {}, where it is recognised", places.join(", ")),
                };
                let name = framescope_parser::Protocol::name(described).to_owned();
                self.banner =
                    Some(format!("{name} is known now. It is used {used}, and where Decode as says so."));
                self.read_again(ctx);
            }
            Err(mistakes) => self.banner = Some(mistakes),
        }
    }

    /// Follows descriptions that have changed.
    fn follow(&mut self, ctx: &Context) {
        if !self.watcher.as_ref().is_some_and(Watcher::has_changed) {
            return;
        }
        let mistakes = self.reading.own.reload();
        // Half a change leaves what is shown as it is.
        self.banner = (!mistakes.is_empty()).then(|| mistakes.join("\n"));
        if mistakes.is_empty() {
            self.read_again(ctx);
        }
    }

    /// Types a filter, as a person would into its line.
    pub fn type_filter(&mut self, text: &str) {
        self.filter.text = text.to_owned();
        self.filter_rows();
    }

    /// Shows the rows that the filter's line asks for. Half an expression changes nothing but what is said of it.
    fn filter_rows(&mut self) {
        let text = self.filter.text.trim();
        let filter = match text.is_empty() {
            true => Ok(None),
            false => Filter::parse(&self.filter.text, &self.options.all_protocols()).map(Some),
        };
        match filter {
            Ok(filter) => {
                self.filter.fault = None;
                if let Some(document) = &self.document {
                    self.view.show_filtered(filter, &document.index());
                    self.scroll_to_selection = true;
                }
            }
            Err(fault) => self.filter.fault = Some(fault),
        }
    }

    /// Opens a file in place of what is open; if it can't be, what is open stays and a banner says why.
    pub fn open_path(&mut self, path: &std::path::Path, ctx: &Context) {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ksy")) {
            return self.open_description(path, ctx);
        }
        match Source::open(path) {
            Ok(source) => self.open(source, false, ctx),
            Err(error) => self.banner = Some(error.to_string()),
        }
    }

    fn open_dialog(&self, ctx: &Context) {
        let (chosen, ctx) = (self.chosen.0.clone(), ctx.clone());
        let ask = move || {
            let asked = Instant::now();
            let captures = ["pcap", "pcapng", "cap"];
            let dialog =
                rfd::FileDialog::new().add_filter("Captures", &captures).add_filter("Descriptions", &["ksy"]);
            let dialog = dialog.add_filter("All files", &["*"]);
            let path = dialog.pick_file();
            // No person closes a dialog so quickly: then the system has none to show.
            if path.is_some() || asked.elapsed() < Duration::from_millis(250) {
                // A window that is gone needs no file.
                let _ = chosen.send(path);
                ctx.request_repaint();
            }
        };
        if cfg!(target_os = "macos") {
            // There dialogs belong to the main thread.
            ask();
        } else {
            std::thread::spawn(ask);
        }
    }

    fn obey(&mut self, command: Command, ctx: &Context) {
        // Who looks at something else while all is read again stays there.
        if matches!(command, Command::ShowFlow(_) | Command::SelectRow(_)) {
            self.place = None;
        }
        match command {
            Command::OpenDialog => self.open_dialog(ctx),
            Command::OpenSample => self.open(sample::source(), true, ctx),
            Command::DecodeAs(flow, protocol) => self.decode_as(flow, protocol.as_deref(), ctx),
            Command::Cancel => self.document.iter().for_each(Document::cancel),
            Command::ShowFlow(flow) => {
                if let Some(document) = &self.document {
                    self.view.show_flow(flow, &document.index());
                    self.scroll_to_selection = true;
                }
            }
            Command::SelectRow(row) => self.view.select_row(Some(row)),
            Command::SelectField(path, range) => self.view.select_field(&path, range),
            Command::SelectBytes(range) => self.view.select_bytes(range),
            Command::SelectByte(at) => self.view.select_byte(at),
            Command::NextProblem => self.next_problem(),
            Command::Filter => self.filter_rows(),
        }
    }

    fn next_problem(&mut self) {
        let Some(document) = &self.document else { return };
        let index = document.index();
        let places = self.view.row_count();
        let from = self.view.selected().and_then(|row| self.view.place_of(row)).map_or(0, |place| place + 1);
        let wrong = |place: &usize| {
            let row = self.view.row_at(*place).and_then(|row| index.row(row));
            row.is_some_and(|row| row.severity() >= Some(Severity::Warning))
        };
        let found = (from..places).chain(0..from).find(wrong).and_then(|place| self.view.row_at(place));
        drop(index);
        if found.is_some() {
            self.view.select_row(found);
            self.scroll_to_selection = true;
        }
    }

    fn keys(&mut self, ctx: &Context, commands: &mut Vec<Command>) {
        if ctx.input_mut(|input| input.consume_shortcut(&OPEN)) {
            commands.push(Command::OpenDialog);
        }
        if ctx.input_mut(|input| input.consume_shortcut(&FIND)) {
            self.focus_filter = true;
        }
        if ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::F8)) {
            commands.push(Command::NextProblem);
        }
        // Who types moves in what is typed.
        if ctx.egui_wants_keyboard_input() {
            return;
        }
        let moves = [
            (Key::ArrowDown, 1),
            (Key::ArrowUp, -1),
            (Key::PageDown, 20),
            (Key::PageUp, -20),
            (Key::End, isize::MAX),
            (Key::Home, isize::MIN),
        ];
        for (key, by) in moves {
            if ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
                self.view.move_selection(by);
                self.scroll_to_selection = true;
            }
        }
    }

    fn dropped(&mut self, ctx: &Context) {
        let files = ctx.input(|input| input.raw.dropped_files.clone());
        if let Some(path) = files.first().map(|file| file.path().to_path_buf()) {
            self.open_path(&path, ctx);
        }
    }

    /// Lays the whole window out.
    pub fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let mut commands = Vec::new();
        self.keys(&ctx, &mut commands);
        self.dropped(&ctx);
        match self.chosen.1.try_recv() {
            Ok(Some(path)) => self.open_path(&path, &ctx),
            Ok(None) => self.banner = Some(NO_DIALOG.to_owned()),
            Err(_) => {}
        }
        self.follow(&ctx);
        if let Some(document) = &self.document {
            self.view.update(&document.index());
            if self.view.is_looking() {
                ctx.request_repaint();
            }
        }
        self.go_back();
        Panel::top("bar").show(ui, |ui| {
            ui.add_space(4.0);
            status::top(ui, self.document.as_ref(), &self.view, &self.protocols, &mut commands);
            if self.document.is_some() {
                ui.add_space(2.0);
                let takes_focus = std::mem::take(&mut self.focus_filter);
                status::filter(ui, &mut self.filter, takes_focus, &mut commands);
            }
            ui.add_space(4.0);
        });
        self.banners(ui);
        match &self.document {
            Some(document) => {
                let index = document.index();
                Panel::bottom("status").show(ui, |ui| status::bottom(ui, &index, &self.view));
                Panel::left("conversations")
                    .resizable(true)
                    .default_size(268.0)
                    .min_size(160.0)
                    .show(ui, |ui| {
                        conversations::show(ui, &index, &self.view, &self.protocols, &mut commands)
                    });
                let (selected, path) =
                    (self.view.selected_bytes(), self.view.selected_path().map(ToOwned::to_owned));
                Panel::bottom("message").resizable(true).default_size(330.0).min_size(120.0).show(ui, |ui| {
                    match self.view.details(&index) {
                        Some(details) => {
                            Panel::left("fields")
                                .resizable(true)
                                .default_size(376.0)
                                .min_size(200.0)
                                .show(ui, |ui| fields::show(ui, details, path.as_deref(), &mut commands));
                            let marked = selected.map(|range| (range, path.as_deref()));
                            CentralPanel::default().frame(Frame::new().inner_margin(6.0)).show(ui, |ui| {
                                bytes::show(ui, details, marked, &mut commands);
                            });
                        }
                        None => {
                            ui.centered_and_justified(|ui| {
                                ui.weak("Click a message above to see its fields and bytes.");
                            });
                        }
                    }
                });
                let scroll_to = self.view.selected().and_then(|row| self.view.place_of(row));
                let scroll_to = scroll_to.filter(|_| std::mem::take(&mut self.scroll_to_selection));
                CentralPanel::default().show(ui, |ui| {
                    if self.view.is_narrowed() && self.view.row_count() == 0 && !self.view.is_looking() {
                        ui.centered_and_justified(|ui| ui.weak("No row matches the filter."));
                    } else if index.row_count() == 0 && index.is_finished() {
                        ui.centered_and_justified(|ui| ui.weak("There are no messages in this file."));
                    } else {
                        messages::show(ui, &index, &mut self.view, scroll_to, &mut commands);
                    }
                });
            }
            None => {
                CentralPanel::default().show(ui, |ui| {
                    ui.centered_and_justified(|ui| {
                        ui.label(RichText::new("Open a capture, or drop one here.").heading());
                    });
                });
            }
        }
        for command in commands {
            self.obey(command, &ctx);
        }
    }

    /// Sentences about the file as a whole, under the bar.
    fn banners(&mut self, ui: &mut Ui) {
        let mut lines: Vec<(String, Severity)> = Vec::new();
        if let Some(document) = &self.document {
            let index = document.index();
            if let Some(panic) = document.broken() {
                let text = format!(
                    "Reading broke down: {panic}. What was read before is shown. This is a bug of ours."
                );
                lines.push((text, Severity::Error));
            }
            // Of many damaged places the first are told: the rows are what the window is for.
            const TOLD: usize = 3;
            let damages = index.damages();
            lines.extend(damages.iter().take(TOLD).map(|damage| (damage.to_string(), Severity::Error)));
            if damages.len() > TOLD {
                let more = damages.len() - TOLD;
                lines.push((format!("The file is damaged in {more} more places."), Severity::Error));
            }
            if document.is_cancelled() && index.position() < index.source().length() {
                let text =
                    format!("Reading was cancelled; the {} packets before are shown.", index.packets());
                lines.push((text, Severity::Warning));
            }
            if let Some(error) = self.view.filter_error() {
                lines.push((format!("The filter could not be asked of every row: {error}"), Severity::Error));
            }
            lines.extend(index.notices().iter().map(|notice| (notice.clone(), Severity::Note)));
        }
        let mut dismissed = false;
        if self.banner.is_some() || !lines.is_empty() {
            Panel::top("banners").show(ui, |ui| {
                ui.add_space(2.0);
                if let Some(banner) = &self.banner {
                    ui.horizontal(|ui| {
                        ui.colored_label(crate::colours::severity(Severity::Error, ui.visuals()), banner);
                        dismissed = ui.add(Button::new("Dismiss").small()).clicked();
                    });
                }
                for (text, severity) in lines {
                    let colour = crate::colours::severity(severity, ui.visuals());
                    ui.add(egui::Label::new(RichText::new(text).color(colour)).wrap());
                }
                ui.add_space(2.0);
            });
        }
        if dismissed {
            self.banner = None;
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.show(ui);
    }
}
