//! What stands before the rest for a moment: the command palette, going to a row, the sheet of shortcuts, the hints.

use eframe::egui::{Button, Grid, Id, Key, Modal, Modifiers, RichText, ScrollArea, TextEdit, Ui};

use super::{Command, grouped};
use crate::actions::{ALL, matching};

/// What is shown before the rest.
#[derive(Debug, Default)]
pub(crate) enum Overlay {
    #[default]
    None,
    Palette {
        text: String,
        chosen: usize,
    },
    GoToRow(String),
    Shortcuts,
    /// A file's path, where the system has no dialog for it: to open it, or to save the description there.
    Path {
        text: String,
        wants: Wants,
    },
}

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A file to open.
    Open,
    /// Where to save the description.
    Description,
    /// Where to save the bytes of a row.
    Row(u32),
}

impl Overlay {
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Overlay::None)
    }
}

/// `rows` is how many there are.
pub(crate) fn show(ui: &Ui, overlay: &mut Overlay, rows: usize, commands: &mut Vec<Command>) {
    let ctx = ui.ctx().clone();
    let mut closes = false;
    match overlay {
        Overlay::None => return,
        Overlay::Palette { text, chosen } => {
            let modal =
                Modal::new(Id::unique("palette")).show(&ctx, |ui| palette(ui, text, chosen, commands));
            closes = modal.inner || modal.should_close();
        }
        Overlay::GoToRow(text) => {
            let modal =
                Modal::new(Id::unique("go to row")).show(&ctx, |ui| go_to_row(ui, text, rows, commands));
            closes = modal.inner || modal.should_close();
        }
        Overlay::Path { text, wants } => {
            let modal = Modal::new(Id::unique("path")).show(&ctx, |ui| path(ui, text, *wants, commands));
            closes = modal.inner || modal.should_close();
        }
        Overlay::Shortcuts => {
            let modal = Modal::new(Id::unique("shortcuts")).show(&ctx, shortcuts);
            closes |= modal.inner || modal.should_close();
        }
    }
    if closes {
        *overlay = Overlay::None;
    }
}

fn palette(ui: &mut Ui, text: &mut String, chosen: &mut usize, commands: &mut Vec<Command>) -> bool {
    ui.set_width(420.0);
    let found = matching(text);
    let pressed = |ui: &Ui, key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(ui, Key::ArrowDown) {
        *chosen = (*chosen + 1).min(found.len().saturating_sub(1));
    }
    if pressed(ui, Key::ArrowUp) {
        *chosen = chosen.saturating_sub(1);
    }
    let label = ui.label("What shall be done?");
    let edit = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY)).labelled_by(label.id);
    edit.request_focus();
    if edit.changed() {
        *chosen = 0;
    }
    let mut taken = pressed(ui, Key::Enter).then_some(*chosen);
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        for (at, (_, name, keys)) in found.iter().enumerate() {
            let keys = keys.first().map(|keys| ui.ctx().format_shortcut(keys)).unwrap_or_default();
            let button =
                Button::selectable(at == *chosen, *name).shortcut_text(keys).min_size([400.0, 0.0].into());
            let button = ui.add(button);
            if button.clicked() {
                taken = Some(at);
            }
            if at == *chosen {
                button.scroll_to_me(None);
            }
        }
        if found.is_empty() {
            ui.weak("Nothing is called so.");
        }
    });
    let action = taken.and_then(|at| found.get(at)).map(|entry| entry.0);
    commands.extend(action.map(Command::Act));
    action.is_some()
}

fn go_to_row(ui: &mut Ui, text: &mut String, rows: usize, commands: &mut Vec<Command>) -> bool {
    ui.set_width(260.0);
    let label = ui.label(format!("Go to row, 0 to {}", grouped(rows.saturating_sub(1))));
    let edit = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY)).labelled_by(label.id);
    edit.request_focus();
    let digits: String = text.chars().filter(|c| !matches!(c, ',' | '#' | ' ' | '_')).collect();
    let row = digits.parse::<u32>().ok().filter(|&row| (row as usize) < rows);
    if row.is_none() && !text.is_empty() {
        ui.colored_label(ui.visuals().error_fg_color, "There is no such row.");
    }
    let entered = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    let goes = ui.add_enabled(row.is_some(), Button::new("Go")).clicked() || entered;
    match row.filter(|_| goes) {
        Some(row) => {
            commands.push(Command::GoTo(row));
            true
        }
        None => false,
    }
}

fn path(ui: &mut Ui, text: &mut String, wants: Wants, commands: &mut Vec<Command>) -> bool {
    ui.set_width(480.0);
    let label = ui.label(match wants {
        Wants::Open => "Open the file",
        Wants::Description => "Save the description as",
        Wants::Row(_) => "Save the message as",
    });
    let edit = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY)).labelled_by(label.id);
    edit.request_focus();
    ui.weak("This system shows no file dialog: it needs a desktop portal, or zenity.");
    let entered = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    let is_there = !text.trim().is_empty();
    let done =
        ui.add_enabled(is_there, Button::new(if wants == Wants::Open { "Open" } else { "Save" })).clicked()
            || entered;
    if done && is_there {
        let path = std::path::PathBuf::from(text.trim());
        commands.push(match wants {
            Wants::Open => Command::Open(path),
            Wants::Description => Command::SaveTo(path),
            Wants::Row(row) => Command::SaveRowTo(row, path),
        });
    }
    done && is_there
}

fn shortcuts(ui: &mut Ui) -> bool {
    ui.set_width(520.0);
    ui.heading("Keyboard shortcuts");
    ui.add_space(6.0);
    ScrollArea::vertical().max_height(520.0).show(ui, |ui| {
        Grid::new("shortcuts").num_columns(2).striped(true).spacing([24.0, 4.0]).show(ui, |ui| {
            for (_, name, keys) in ALL.iter().filter(|(_, _, keys)| !keys.is_empty()) {
                let keys: Vec<String> = keys.iter().map(|keys| ui.ctx().format_shortcut(keys)).collect();
                ui.label(RichText::new(keys.first().map_or("", String::as_str)).monospace());
                ui.label(*name);
                ui.end_row();
            }
            for (keys, what) in [
                ("Up, Down, Page", "Move through the rows"),
                ("Home, End", "The first and the last row"),
                ("Alt+Up, Alt+Down", "Move through the fields"),
                ("Ctrl+C", "Copy the marked field or bytes, or what the row says"),
                ("Enter", "From the filter to the rows"),
                ("Esc", "Unmark, close"),
                ("Tab", "In the filter: take the completion"),
                ("Ctrl+click", "Compare with a row"),
                ("Ctrl + and -", "Larger, smaller"),
            ] {
                ui.label(RichText::new(keys).monospace());
                ui.label(what);
                ui.end_row();
            }
        });
    });
    ui.add_space(6.0);
    ui.button("Close").clicked()
}

/// The hints for the first time: what stands where, in five sentences.
const HINTS: [(&str, &str); 5] = [
    (
        "This is a sample",
        "Six conversations of a small chat program, captured with everything that goes wrong in practice. Each row is a message, or the reason why there is none.",
    ),
    (
        "See a message",
        "Click a row: its fields stand below, its bytes beside them. Click a field or a byte to see the one that belongs to it, and the packet it came from.",
    ),
    (
        "Find what is wrong",
        "F8 goes to the next problem. The Problems tab says what each one means, its usual cause, and what to do about it.",
    ),
    (
        "Ask for what you need",
        "Type into the filter, such as kind == DATA, or right-click any cell or field to add it. Drag over the timeline to look at a part of the time.",
    ),
    (
        "Look at your own",
        "Open a capture or drop it here. Describe your own format with Ctrl+E: the rows follow as you type. Ctrl+K finds everything else.",
    ),
];

/// Shows a hint. `at` is which; None when there is none any more.
pub(crate) fn tour(ui: &mut Ui, at: &mut Option<usize>) {
    let Some((number, (title, text))) = at.and_then(|at| Some((at, HINTS.get(at)?))) else {
        *at = None;
        return;
    };
    ui.horizontal_wrapped(|ui| {
        ui.strong(format!("{title}  ({} of {})", number + 1, HINTS.len()));
        ui.label(*text);
        let is_last = number + 1 == HINTS.len();
        if ui.button(if is_last { "Done" } else { "Next hint" }).clicked() {
            *at = Some(number + 1).filter(|_| !is_last);
        }
        if !is_last && ui.button("No hints").clicked() {
            *at = None;
        }
    });
}
