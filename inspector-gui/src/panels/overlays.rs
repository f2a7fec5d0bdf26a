//! What is shown on top of the window for a moment: the command palette, going to a row, the shortcuts, a path to type.

use std::path::PathBuf;

use eframe::egui::{Button, Grid, Id, Key, Modal, Modifiers, Response, RichText, ScrollArea, TextEdit, Ui};

use super::shortcuts::shortcut_text;
use super::{Command, recording};
use crate::models::actions::ALL;
use crate::models::overlay::{Overlay, Palette, PathPurpose, row_number};
use crate::models::text::grouped;

/// Shows the overlay, if there is one, and closes it when it is done. `rows` is how many rows there are.
pub(crate) fn show(ui: &Ui, overlay: &mut Overlay, rows: usize, commands: &mut Vec<Command>) {
    let id = match overlay {
        Overlay::None => return,
        Overlay::Palette(_) => "palette",
        Overlay::GoToRow(_) => "go to row",
        Overlay::Path { .. } => "path",
        Overlay::Shortcuts => "shortcuts",
        Overlay::Record(_) => "record",
    };
    let modal = Modal::new(Id::unique(id)).show(ui.ctx(), |ui| match overlay {
        Overlay::None => true,
        Overlay::Palette(state) => palette(ui, state, commands),
        Overlay::GoToRow(text) => go_to_row(ui, text, rows, commands),
        Overlay::Path { text, purpose } => path(ui, text, *purpose, commands),
        Overlay::Shortcuts => shortcuts(ui),
        Overlay::Record(state) => recording::dialog(ui, state, commands),
    });
    if modal.inner || modal.should_close() {
        *overlay = Overlay::None;
    }
}

/// A label with a text field that has the focus.
fn field(ui: &mut Ui, label: &str, text: &mut String) -> Response {
    let label = ui.label(label);
    let edit = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY)).labelled_by(label.id);
    edit.request_focus();
    edit
}

fn pressed(ui: &Ui, key: Key) -> bool {
    ui.input_mut(|input| input.consume_key(Modifiers::NONE, key))
}

/// True when an action was taken.
fn palette(ui: &mut Ui, palette: &mut Palette, commands: &mut Vec<Command>) -> bool {
    ui.set_width(420.0);
    if pressed(ui, Key::ArrowDown) {
        palette.step(1);
    }
    if pressed(ui, Key::ArrowUp) {
        palette.step(-1);
    }
    if field(ui, "Search commands", &mut palette.text).changed() {
        palette.search();
    }
    let mut taken = pressed(ui, Key::Enter).then_some(palette.current());
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        for (at, (_, name, shortcuts)) in palette.found().iter().enumerate() {
            let is_current = at == palette.current();
            let keys = shortcuts.first().map(|keys| shortcut_text(*keys, ui.ctx())).unwrap_or_default();
            let button = Button::selectable(is_current, *name).shortcut_text(keys);
            let button = ui.add(button.min_size([400.0, 0.0].into()));
            if button.clicked() {
                taken = Some(at);
            }
            if is_current {
                button.scroll_to_me(None);
            }
        }
        if palette.found().is_empty() {
            ui.weak("No matching command.");
        }
    });
    let action = taken.and_then(|at| palette.action(at));
    commands.extend(action.map(Command::Act));
    action.is_some()
}

/// True when a row was gone to.
fn go_to_row(ui: &mut Ui, text: &mut String, rows: usize, commands: &mut Vec<Command>) -> bool {
    ui.set_width(260.0);
    field(ui, &format!("Go to row (0 to {})", grouped(rows.saturating_sub(1))), text);
    let row = row_number(text, rows);
    if row.is_none() && !text.is_empty() {
        ui.colored_label(ui.visuals().error_fg_color, "No such row.");
    }
    let entered = pressed(ui, Key::Enter);
    let goes = ui.add_enabled(row.is_some(), Button::new("Go")).clicked() || entered;
    let row = row.filter(|_| goes);
    commands.extend(row.map(Command::GoTo));
    row.is_some()
}

/// True when a path was entered.
fn path(ui: &mut Ui, text: &mut String, purpose: PathPurpose, commands: &mut Vec<Command>) -> bool {
    ui.set_width(480.0);
    let (label, verb) = match purpose {
        PathPurpose::Open => ("Open file", "Open"),
        PathPurpose::KeyLog => ("TLS key log file (what a program writes because of SSLKEYLOGFILE)", "Use"),
        PathPurpose::Description => ("Save the description as", "Save"),
        PathPurpose::Recording => ("Save the recorded packets as", "Save"),
        PathPurpose::Row(_) => ("Save the message as", "Save"),
    };
    field(ui, label, text);
    ui.weak("No file dialog is available. Install a desktop portal or zenity to get one.");
    let entered = pressed(ui, Key::Enter);
    let is_path = !text.trim().is_empty();
    let done = (ui.add_enabled(is_path, Button::new(verb)).clicked() || entered) && is_path;
    if done {
        let path = PathBuf::from(text.trim());
        commands.push(match purpose {
            PathPurpose::Open => Command::Open(path),
            PathPurpose::KeyLog => Command::UseKeyLog(path),
            PathPurpose::Description => Command::SaveDescriptionTo(path),
            PathPurpose::Recording => Command::SaveRecordingTo(path),
            PathPurpose::Row(row) => Command::SaveRowTo(row, path),
        });
    }
    done
}

/// Keys that are not in the table of actions.
const OTHER_KEYS: [(&str, &str); 9] = [
    ("Up, Down, Page", "Move through the rows"),
    ("Home, End", "First and last row"),
    ("Alt+Up, Alt+Down", "Move through the fields"),
    ("Ctrl+C", "Copy the selected field or bytes, or the row's summary"),
    ("Enter", "From the filter to the rows"),
    ("Esc", "Deselect, close"),
    ("Tab", "In the filter: accept the completion"),
    ("Ctrl+click", "Compare with a row"),
    ("Ctrl + and -", "Zoom in and out"),
];

/// True when it is to be closed.
fn shortcuts(ui: &mut Ui) -> bool {
    ui.set_width(520.0);
    ui.heading("Keyboard shortcuts");
    ui.add_space(6.0);
    let line = |ui: &mut Ui, keys: &str, what: &str| {
        ui.label(RichText::new(keys).monospace());
        ui.label(what);
        ui.end_row();
    };
    ScrollArea::vertical().max_height(520.0).show(ui, |ui| {
        Grid::new("shortcuts").num_columns(2).striped(true).spacing([24.0, 4.0]).show(ui, |ui| {
            for (_, name, shortcuts) in ALL {
                if let Some(keys) = shortcuts.first() {
                    let keys = shortcut_text(*keys, ui.ctx());
                    line(ui, &keys, name);
                }
            }
            for (keys, what) in OTHER_KEYS {
                line(ui, keys, what);
            }
        });
    });
    ui.add_space(6.0);
    ui.button("Close").clicked()
}
