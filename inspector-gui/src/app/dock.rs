//! What stands below or beside the table: one message, its conversation, what is wrong, how much there is.

use eframe::egui::{self, CentralPanel, Frame, Panel, Ui};

use super::Conversation;
use crate::actions::Action;
use crate::panels::comparison::Comparison;
use crate::panels::dialogue::Dialogue;
use crate::panels::fields::Tree;
use crate::panels::ladder::Ladder;
use crate::panels::{Command, Look, bytes, comparison, dialogue, fields, ladder, problems, statistics};

/// What stands below or beside the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The fields and bytes of the message.
    #[default]
    Message,
    /// The conversation as a dialogue.
    Dialogue,
    /// The conversation as arrows.
    Ladder,
    /// What is wrong in the capture.
    Problems,
    /// Lengths and latencies.
    Statistics,
    /// Two messages side by side.
    Comparison,
}

impl Tab {
    const ALL: [(Tab, &'static str); 6] = [
        (Tab::Message, "Message"),
        (Tab::Dialogue, "Dialogue"),
        (Tab::Ladder, "Ladder"),
        (Tab::Problems, "Problems"),
        (Tab::Statistics, "Statistics"),
        (Tab::Comparison, "Compare"),
    ];
}

/// What stands below or beside the table.
pub(super) struct Dock<'d> {
    pub(super) look: Look<'d>,
    pub(super) tab: &'d mut Tab,
    pub(super) tree: &'d mut Tree,
    pub(super) hex: &'d mut bytes::Hex,
    pub(super) ladder: &'d mut Ladder,
    pub(super) dialogue: &'d mut Dialogue,
    pub(super) comparison: &'d mut Comparison,
    pub(super) conversation: Option<&'d Conversation>,
    pub(super) fields_width: &'d mut f32,
}

impl Dock<'_> {
    pub(super) fn show(&mut self, ui: &mut Ui, is_beside: bool, commands: &mut Vec<Command>) {
        ui.horizontal(|ui| {
            for (tab, name) in Tab::ALL {
                ui.selectable_value(self.tab, tab, name);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button("Hide").clicked() {
                    commands.push(Command::Act(Action::ToggleMessage));
                }
                let other = if is_beside { "Below" } else { "Beside" };
                if ui
                    .small_button(other)
                    .on_hover_text("Where this stands: below the table, or beside it")
                    .clicked()
                {
                    commands.push(Command::Act(Action::ToggleBeside));
                }
            });
        });
        ui.separator();
        let conversation = self.conversation.map(|known| (known.flow, &known.rows));
        match *self.tab {
            Tab::Message => self.message(ui, is_beside, commands),
            Tab::Ladder => ladder::show(ui, self.look, self.ladder, conversation, commands),
            Tab::Dialogue => {
                let found = self.conversation.and_then(|known| known.found.as_ref()).map(|(_, rows)| rows);
                dialogue::show(ui, self.look, self.dialogue, conversation, found, commands);
            }
            Tab::Problems => problems::show(ui, self.look, commands),
            Tab::Statistics => statistics::show(ui, self.look, commands),
            Tab::Comparison => comparison::show(ui, self.look, self.comparison, commands),
        }
    }

    fn message(&mut self, ui: &mut Ui, is_beside: bool, commands: &mut Vec<Command>) {
        let look = self.look;
        let Some(details) = look.view.details() else {
            let text = match look.view.selected() {
                Some(_) => "Reading...",
                None => "Click a message to see its fields and bytes.",
            };
            ui.centered_and_justified(|ui| ui.weak(text));
            return;
        };
        let frame = Frame::new().inner_margin(egui::Margin { left: 6, right: 0, top: 0, bottom: 0 });
        if is_beside {
            let half = ui.available_height() / 2.0;
            let panel = Panel::bottom("bytes below")
                .resizable(true)
                .default_size(half)
                .min_size(60.0)
                .frame(Frame::new());
            panel.show(ui, |ui| bytes::show(ui, look, &details, self.hex, commands));
        } else {
            // The bytes need some six hundred points to stand sixteen on a line.
            let room = ui.available_width();
            let most = (room - 630.0).max(room * 0.45).max(160.0);
            let panel = Panel::left("fields").resizable(true).default_size(self.fields_width.min(most));
            let panel = panel.min_size(160.0).max_size(most).frame(Frame::new());
            let shown = panel.show(ui, |ui| fields::show(ui, look, &details, self.tree, commands));
            *self.fields_width = shown.response.rect.width();
            CentralPanel::default()
                .frame(frame)
                .show(ui, |ui| bytes::show(ui, look, &details, self.hex, commands));
            return;
        }
        CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
            fields::show(ui, look, &details, self.tree, commands);
        });
    }
}
