//! The panel below or beside the table: one message, its conversation, the problems, the statistics, a comparison.

use eframe::egui::{Align, CentralPanel, Frame, Layout, Margin, Panel, Ui};

use super::aligned::{self, AlignedPanel};
use super::comparison::ComparisonPanel;
use super::composer::ComposerPanel;
use super::fields::FieldTree;
use super::inspector::{self, Inspector};
use super::ladder::Ladder;
use super::transcript::TranscriptPanel;
use super::{
    Command, bytes, comparison, composer, fields, guess, ladder, problems, stating, statistics, transcript,
};
use crate::models::ViewContext;
use crate::models::actions::Action;
use crate::models::composer::Desk;
use crate::models::conversation_rows::ConversationRows;
use crate::models::guessing::Guessing;
use crate::models::settings::Sizes;
use crate::models::stating::Stating;

/// The tabs of the panel below or beside the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The fields and bytes of the message.
    #[default]
    Message,
    /// What the two sides of the conversation sent.
    Transcript,
    /// The conversation as arrows.
    Ladder,
    /// The problems of the capture.
    Problems,
    /// Lengths and latencies.
    Statistics,
    /// Two messages side by side.
    Comparison,
    /// A message to edit and send.
    Compose,
    /// Messages under each other, byte by byte.
    Aligned,
    /// What messages could be that no protocol explains.
    Guess,
}

impl Tab {
    /// Every tab with its name, in the order in which they are shown.
    pub const ALL: [(Tab, &'static str); 9] = [
        (Tab::Message, "Message"),
        (Tab::Transcript, "Transcript"),
        (Tab::Ladder, "Ladder"),
        (Tab::Problems, "Problems"),
        (Tab::Statistics, "Statistics"),
        (Tab::Comparison, "Compare"),
        (Tab::Compose, "Compose"),
        (Tab::Aligned, "Align"),
        (Tab::Guess, "Guess"),
    ];
}

/// What the tabs remember from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Dock {
    pub(crate) tab: Tab,
    fields: FieldTree,
    bytes: bytes::HexView,
    inspector: Inspector,
    ladder: Ladder,
    pub(crate) transcript: TranscriptPanel,
    comparison: ComparisonPanel,
    composer: ComposerPanel,
    pub(crate) aligned: AlignedPanel,
    /// Whether it is shown what is said that bytes are.
    pub(crate) is_stating: bool,
}

/// The width in points that all tabs need beside each other.
const TABS_WIDTH: f32 = 800.0;
/// The width in points that a hex view with sixteen bytes on a line needs.
const HEX_WIDTH: f32 = 630.0;

impl Dock {
    /// Shows the tabs. Of the sizes that of the fields beside the bytes, and that of the inspector, may change.
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        context: ViewContext<'_>,
        conversation: Option<&ConversationRows>,
        (desk, guessing, stating): (&Desk, Option<&Guessing>, Option<&Stating>),
        sizes: &mut Sizes,
        commands: &mut Vec<Command>,
    ) {
        let is_beside = context.settings.message_beside;
        self.tabs(ui, is_beside, commands);
        ui.separator();
        match self.tab {
            Tab::Message => {
                let shown = (self.is_stating, stating);
                stating::beside(ui, context, shown, commands, |ui, commands| {
                    self.message(ui, context, sizes, commands);
                });
            }
            Tab::Ladder | Tab::Transcript => self.conversation(ui, context, conversation, commands),
            Tab::Problems => problems::show(ui, context, commands),
            Tab::Statistics => statistics::show(ui, context, commands),
            Tab::Comparison => comparison::show(ui, context, &mut self.comparison, commands),
            Tab::Compose => self.compose(ui, desk, commands),
            Tab::Guess => guess::show(ui, guessing, commands),
            Tab::Aligned => {
                let (panel, inspector) = (&mut self.aligned, (&mut self.inspector, &mut sizes.inspector));
                let is_stating = self.is_stating;
                stating::beside(ui, context, (is_stating, stating), commands, |ui, commands| {
                    inspector::beside(ui, context, inspector, commands, |ui, commands| {
                        aligned::show(ui, context, panel, is_stating, commands);
                    });
                });
            }
        }
    }

    /// The message that is composed, also where no capture is open.
    pub(crate) fn compose(&mut self, ui: &mut Ui, desk: &Desk, commands: &mut Vec<Command>) {
        composer::show(ui, desk, &mut self.composer, commands);
    }

    fn tabs(&mut self, ui: &mut Ui, is_beside: bool, commands: &mut Vec<Command>) {
        let mut buttons = |ui: &mut Ui| {
            if ui.small_button("Hide").on_hover_text("Hide this panel").clicked() {
                commands.push(Command::Act(Action::ToggleMessage));
            }
            let (label, hover) = match is_beside {
                true => ("Below", "Move this panel below the table"),
                false => ("Beside", "Move this panel beside the table"),
            };
            if ui.small_button(label).on_hover_text(hover).clicked() {
                commands.push(Command::Act(Action::ToggleBeside));
            }
        };
        let mut tabs = |ui: &mut Ui| {
            for (tab, name) in Tab::ALL {
                ui.selectable_value(&mut self.tab, tab, name);
            }
        };
        if ui.available_width() < TABS_WIDTH {
            ui.horizontal_wrapped(|ui| {
                tabs(ui);
                buttons(ui);
            });
        } else {
            ui.horizontal(|ui| {
                tabs(ui);
                ui.with_layout(Layout::right_to_left(Align::Center), buttons);
            });
        }
    }

    fn conversation(
        &mut self,
        ui: &mut Ui,
        context: ViewContext<'_>,
        conversation: Option<&ConversationRows>,
        commands: &mut Vec<Command>,
    ) {
        ui.add_space(4.0);
        match conversation {
            None => drop(ui.weak("Select a message, or a conversation on the left.")),
            Some(rows) if self.tab == Tab::Ladder => {
                ladder::show(ui, context, &mut self.ladder, rows, commands);
            }
            Some(rows) => transcript::show(ui, context, &mut self.transcript, rows, commands),
        }
    }

    /// The message, with the data inspector.
    fn message(
        &mut self,
        ui: &mut Ui,
        context: ViewContext<'_>,
        sizes: &mut Sizes,
        commands: &mut Vec<Command>,
    ) {
        let Sizes { fields, inspector: width, .. } = sizes;
        let mut inspector = std::mem::take(&mut self.inspector);
        inspector::beside(ui, context, (&mut inspector, width), commands, |ui, commands| {
            match context.settings.message_beside {
                true => self.message_beside(ui, context, commands),
                false => self.message_below(ui, context, fields, commands),
            }
        });
        self.inspector = inspector;
    }

    fn message_beside(&mut self, ui: &mut Ui, context: ViewContext<'_>, commands: &mut Vec<Command>) {
        let Some(details) = context.view.details() else { return no_message(ui, context) };
        let panel = Panel::bottom("bytes below")
            .resizable(true)
            .default_size(ui.available_height() / 2.0)
            .min_size(60.0)
            .frame(Frame::new());
        panel.show(ui, |ui| bytes::show(ui, context, &details, &mut self.bytes, commands));
        CentralPanel::default()
            .frame(Frame::new())
            .show(ui, |ui| fields::show(ui, context, &details, &mut self.fields, commands));
    }

    fn message_below(
        &mut self,
        ui: &mut Ui,
        context: ViewContext<'_>,
        fields_width: &mut f32,
        commands: &mut Vec<Command>,
    ) {
        let Some(details) = context.view.details() else { return no_message(ui, context) };
        let room = ui.available_width();
        let most = (room - HEX_WIDTH).max(room * 0.45).max(160.0);
        let panel = Panel::left("fields")
            .resizable(true)
            .default_size(fields_width.min(most))
            .min_size(160.0)
            .max_size(most)
            .frame(Frame::new());
        let shown = panel.show(ui, |ui| fields::show(ui, context, &details, &mut self.fields, commands));
        *fields_width = shown.response.rect.width();
        let frame = Frame::new().inner_margin(Margin { left: 6, right: 0, top: 0, bottom: 0 });
        CentralPanel::default()
            .frame(frame)
            .show(ui, |ui| bytes::show(ui, context, &details, &mut self.bytes, commands));
    }
}

fn no_message(ui: &mut Ui, context: ViewContext<'_>) {
    let text = match context.view.selected() {
        Some(_) => "Reading...",
        None => "Select a message to see its fields and bytes.",
    };
    ui.centered_and_justified(|ui| ui.weak(text));
}
