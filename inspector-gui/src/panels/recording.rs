//! Recording: the dialog that begins it, and the buttons while it runs.

use eframe::egui::{
    Button, Checkbox, Color32, Grid, Key, Label, Modifiers, RichText, ScrollArea, Spinner, TextEdit, Ui,
};

use super::Command;
use super::shortcuts::keys;
use crate::models::actions::{Action, name};
use crate::models::recording::{RecordDialog, Running, about};

/// Shows the dialog. True when it is to be closed.
pub(crate) fn dialog(ui: &mut Ui, dialog: &mut RecordDialog, commands: &mut Vec<Command>) -> bool {
    ui.set_width(520.0);
    ui.heading("Record packets");
    ui.add_space(6.0);
    let mut starts = interfaces(ui, dialog);
    ui.add_space(6.0);
    let label = ui.label("Only these packets (as for tcpdump; empty for all)");
    let hint = RichText::new("such as: tcp port 9000").weak();
    let edit = TextEdit::singleline(&mut dialog.filter).hint_text(hint).desired_width(f32::INFINITY);
    let edit = ui.add(edit).labelled_by(label.id);
    if std::mem::take(&mut dialog.takes_focus) {
        edit.request_focus();
    }
    edit.on_hover_text(
        "What this leaves out is never recorded, and the system need not copy it. The filter above the table only hides rows.",
    );
    ui.add(Checkbox::new(&mut dialog.promiscuous, "Also packets for other machines"))
        .on_hover_text("Promiscuous mode: what else passes this network");
    if let Some(error) = &dialog.error {
        ui.add_space(4.0);
        ui.add(Label::new(RichText::new(error).color(ui.visuals().error_fg_color)).wrap());
    }
    ui.add_space(8.0);
    let mut closes = false;
    ui.horizontal(|ui| {
        let start = ui.add_enabled(dialog.can_start(), Button::new("Start"));
        let entered = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        starts |= start.clicked() || entered && dialog.can_start();
        closes = ui.button("Cancel").clicked();
        if dialog.is_starting() {
            ui.add(Spinner::new());
            ui.weak("Starting...");
        }
    });
    if starts && dialog.can_start() {
        commands.push(Command::StartRecording);
    }
    closes
}

/// The list of the interfaces. True when one was double-clicked.
fn interfaces(ui: &mut Ui, dialog: &mut RecordDialog) -> bool {
    if dialog.is_listing() {
        ui.horizontal(|ui| {
            ui.add(Spinner::new());
            ui.weak("Listing the interfaces...");
        });
        return false;
    }
    let (mut chosen, mut starts) = (None, false);
    ScrollArea::vertical().max_height(240.0).show(ui, |ui| {
        Grid::new("interfaces").num_columns(2).striped(true).spacing([16.0, 4.0]).show(ui, |ui| {
            for interface in dialog.interfaces() {
                let is_chosen = interface.name == dialog.interface;
                let choice = ui.selectable_label(is_chosen, &interface.name);
                if choice.clicked() || choice.double_clicked() {
                    chosen = Some(interface.name.clone());
                    starts = choice.double_clicked();
                }
                ui.add(Label::new(RichText::new(about(interface)).weak()).truncate());
                ui.end_row();
            }
        });
    });
    if let Some(chosen) = chosen {
        dialog.interface = chosen;
    }
    if dialog.has_unusual() {
        ui.checkbox(&mut dialog.shows_all, "List unusual interfaces too");
    }
    starts
}

/// The buttons in the bar at the top. `follow` is whether the table follows the newest rows, while some may come.
pub(crate) fn controls(
    ui: &mut Ui,
    running: Option<&Running>,
    follow: Option<bool>,
    commands: &mut Vec<Command>,
) {
    let mut button = |ui: &mut Ui, button: Button<'_>, action: Action, about: &str| {
        let keys = keys(action, ui.ctx());
        let keys = if keys.is_empty() { String::new() } else { format!(" ({keys})") };
        if ui.add(button).on_hover_text(format!("{about}{keys}")).clicked() {
            commands.push(Command::Act(action));
        }
    };
    match running {
        Some(running) if running.is_running() => {
            let stop = RichText::new("Stop").strong().color(RECORDING);
            button(ui, Button::new(stop), Action::Record, "End the recording");
            let (pause, about) = match running.is_paused {
                true => ("Resume", "Show what was recorded meanwhile, and what comes"),
                false => ("Pause", "Show no new rows; what comes is still recorded"),
            };
            button(ui, Button::new(pause), Action::PauseRecording, about);
        }
        _ => button(ui, Button::new("Record..."), Action::Record, "Record what passes an interface"),
    }
    if running.is_some_and(|running| running.saved.is_none()) {
        let about = "Save the recorded packets as a pcapng; until then they are in a temporary file";
        button(ui, Button::new("Save..."), Action::SaveRecording, about);
    }
    if let Some(follows) = follow {
        let toggle = Button::selectable(follows, "Follow");
        button(ui, toggle, Action::FollowNewest, name(Action::FollowNewest));
    }
}

/// The colour of the button that ends a recording, readable on light and dark.
const RECORDING: Color32 = Color32::from_rgb(214, 69, 65);
