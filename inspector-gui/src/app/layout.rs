//! Where the panels are.

use eframe::egui::{CentralPanel, Frame, Label, Margin, Panel, ProgressBar, RichText, Ui};

use super::fonts::missing_font_text;
use super::{App, Tab};
use crate::models::ViewContext;
use crate::models::document::Document;
use crate::models::settings::Sizes;
use crate::models::text::size;
use crate::panels::{
    Command, colours, conversations, editor, filter, health, messages, overlays, status, timeline, toolbar,
    tour,
};

/// The bytes of a capture that grows which may be unread without a notice.
const BEHIND: u64 = 1 << 20;

impl App {
    pub(super) fn lay_out(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        self.top_bar(ui, commands);
        self.tour(ui);
        self.notices(ui, commands);
        match (&self.document, &self.view) {
            (Some(_), Some(_)) => self.capture(ui, commands),
            _ => self.nothing_open(ui, commands),
        }
        let rows = self.document.as_ref().map_or(0, |document| document.index().row_count());
        overlays::show(ui, &mut self.overlay, rows, commands);
    }

    fn nothing_open(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        if self.desk.composer().is_some() || self.dock.tab == Tab::Compose {
            let (dock, desk) = (&mut self.dock, &self.desk);
            CentralPanel::default().show(ui, |ui| dock.compose(ui, desk, commands));
            return;
        }
        let is_opening = self.opening.is_some() || self.source.is_some();
        let text = match (&self.recording, is_opening) {
            (Some(_), _) => "No packets yet.",
            (None, true) => "Opening...",
            (None, false) => "Open a capture, drop one here, or record.",
        };
        CentralPanel::default().show(ui, |ui| {
            ui.centered_and_justified(|ui| ui.label(RichText::new(text).heading()));
        });
    }

    fn top_bar(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let busy = self.busy();
        Panel::top("bar").show(ui, |ui| {
            ui.add_space(4.0);
            let (settings, protocols) = (&self.settings, self.protocols.as_slice());
            let index = self.document.as_ref().map(Document::index);
            let shown = index.as_ref().zip(self.view.as_ref());
            let context = shown.map(|(index, view)| ViewContext { index, view, settings, protocols });
            let (recording, follow) = (self.recording.as_ref(), self.table.follow);
            let document = self.document.as_ref();
            toolbar::show(ui, document, context, &settings.recent, busy, recording, follow, commands);
            if self.document.is_some() {
                ui.add_space(2.0);
                filter::show(ui, &mut self.filter, &settings.filters, commands);
            }
            ui.add_space(4.0);
        });
    }

    /// What is being opened or read, and how far that is.
    fn busy(&self) -> Option<(String, f32)> {
        if let Some(opening) = &self.opening {
            return Some((format!("opening {}", opening.name()), 0.0));
        }
        let progress = |document: &Document, verb: &str| {
            let index = document.index();
            let (read, length) = (index.position(), index.source().length().max(1));
            // A bar some hundreds of points wide needs no more than the precision of f32.
            #[allow(clippy::cast_precision_loss)]
            let share = read as f32 / length as f32;
            (format!("{verb}, {} of {}", size(read), size(length)), share)
        };
        if let Some(pending) = &self.pending {
            return Some(progress(pending, "reading again"));
        }
        let document = self.document.as_ref()?;
        let index = document.index();
        // What came just now is read as it comes, and is nothing to wait for.
        let is_current =
            index.source().is_growing() && index.source().length().saturating_sub(index.position()) < BEHIND;
        drop(index);
        (!document.is_caught_up() && !is_current).then(|| progress(document, "reading"))
    }

    fn tour(&mut self, ui: &mut Ui) {
        if self.tour.is_none() {
            return;
        }
        let fill = ui.visuals().widgets.open.weak_bg_fill;
        let frame = Frame::side_top_panel(ui.style()).fill(fill);
        Panel::top("tour").frame(frame).show(ui, |ui| tour::show(ui, &mut self.tour));
        if self.tour.is_none() {
            self.end_tour();
        }
    }

    /// Notifications, and sentences about the file as a whole.
    fn notices(&self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let lines = self.notices.lines();
        if self.notifications.is_empty() && lines.is_empty() {
            return;
        }
        Panel::top("notices").show(ui, |ui| {
            ui.add_space(2.0);
            for (number, (text, severity)) in self.notifications.iter().enumerate() {
                ui.horizontal(|ui| {
                    if ui.small_button("Dismiss").clicked() {
                        commands.push(Command::Dismiss(number));
                    }
                    let colour = colours::severity(*severity, ui.visuals());
                    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
                });
            }
            for (text, severity) in lines {
                let colour = colours::severity(*severity, ui.visuals());
                ui.add(Label::new(RichText::new(text).color(colour)).wrap());
            }
            ui.add_space(2.0);
        });
    }

    /// The open capture, and the panels around it.
    fn capture(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let (Some(document), Some(view)) = (&self.document, &mut self.view) else { return };
        let target = view.take_scroll_target();
        let (view, index, settings) = (&*view, document.index(), &self.settings);
        let context = ViewContext { index: &index, view, settings, protocols: &self.protocols };
        // The sizes after this frame.
        let mut sizes = settings.sizes;
        let fonts = self.missing_font.get().map(|c| missing_font_text(*c));
        let (notices, fonts) = (&self.notices, fonts.as_deref());
        Panel::bottom("status").show(ui, |ui| status::show(ui, context, notices, fonts, commands));
        if settings.panels.timeline {
            let panel = Panel::top("timeline").resizable(true).default_size(sizes.timeline).min_size(44.0);
            let shown = panel.show(ui, |ui| timeline::show(ui, context, &mut self.brush, commands));
            sizes.timeline = shown.response.rect.height();
        }
        if let Some(editor) = &mut self.editor {
            let is_ready = self.pending.is_none();
            let panel = Panel::right("editor").resizable(true).default_size(sizes.editor).min_size(220.0);
            let shown = panel.show(ui, |ui| match (&self.health, &self.checking) {
                (Some(health), _) => health::show(ui, health, commands),
                (None, Some(checking)) => {
                    ui.add(ProgressBar::new(checking.progress()).text("checking every message"));
                }
                (None, None) => editor::show(ui, editor, &mut self.editor_panel, is_ready, commands),
            });
            sizes.editor = shown.response.rect.width();
        }
        if settings.panels.message {
            let (dock, conversation) = (&mut self.dock, self.conversation.as_ref());
            let others = (&self.desk, self.guessing.as_ref(), self.stating.as_ref());
            message_panel(ui, settings.message_beside, &mut sizes, |ui, sizes| {
                dock.show(ui, context, conversation, others, sizes, commands);
            });
        }
        if settings.panels.conversations {
            let panel = Panel::left("conversations")
                .resizable(true)
                .default_size(sizes.conversations)
                .min_size(150.0);
            let list = &mut self.conversations;
            let shown = panel.show(ui, |ui| conversations::show(ui, context, list, commands));
            sizes.conversations = shown.response.rect.width();
        }
        let margin = Margin { left: 2, right: 2, top: 2, bottom: 0 };
        let frame = Frame::central_panel(ui.style()).inner_margin(margin);
        CentralPanel::default().frame(frame).show(ui, |ui| {
            let empty = match context {
                _ if view.is_narrowed() && view.row_count() == 0 && !view.is_searching() => {
                    Some("No rows match the filter.")
                }
                _ if index.row_count() == 0 && index.source().is_growing() => Some("No messages yet."),
                _ if index.row_count() == 0 && index.is_finished() => Some("No messages in this file."),
                _ => None,
            };
            match empty {
                Some(text) => drop(ui.centered_and_justified(|ui| ui.weak(text))),
                None => messages::show(ui, context, &mut self.table, target, commands),
            }
        });
        drop(index);
        self.settings.sizes = sizes;
    }
}

/// The panel below or beside the table. `show` may change the sizes of what is in it.
fn message_panel(ui: &mut Ui, is_beside: bool, sizes: &mut Sizes, show: impl FnOnce(&mut Ui, &mut Sizes)) {
    if is_beside {
        let panel = Panel::right("message beside").resizable(true).default_size(sizes.message_beside);
        let shown = panel.min_size(240.0).show(ui, |ui| {
            // A tab with little in it is as large as the others.
            ui.take_available_width();
            show(ui, sizes);
        });
        sizes.message_beside = shown.response.rect.width();
    } else {
        let most = (ui.available_height() - 120.0).max(96.0);
        let panel = Panel::bottom("message").resizable(true).default_size(sizes.message).min_size(96.0);
        let shown = panel.max_size(most).show(ui, |ui| {
            ui.take_available_height();
            show(ui, sizes);
        });
        sizes.message = shown.response.rect.height();
    }
}
