//! The bars at the top and the bottom: what is open, how far it is read, what is wrong with it.

use eframe::egui::{Button, Label, ProgressBar, RichText, TextEdit, TextStyle, Ui};
use framescope_capture::Index;
use framescope_capture::filter::{Column, FilterError};
use framescope_parser::Severity;

use super::Command;
use super::conversations::badges;
use crate::colours;
use crate::document::Document;
use crate::view::View;

/// The bar at the top.
pub(crate) fn top(
    ui: &mut Ui,
    document: Option<&Document>,
    view: &View,
    protocols: &[String],
    commands: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        if ui
            .button("Open...")
            .on_hover_text("Open a capture, or a .ksy that describes a protocol (Ctrl+O). Or drop a file on this window.")
            .clicked()
        {
            commands.push(Command::OpenDialog);
        }
        if ui.button("Sample").on_hover_text("Show the sample capture").clicked() {
            commands.push(Command::OpenSample);
        }
        let Some(document) = document else { return };
        let flow = view.flow();
        ui.menu_button("Decode as", |ui| super::decode_as(ui, flow, protocols, commands))
            .response
            .on_hover_text("Read the conversation that is shown, or all, as another protocol");
        ui.separator();
        if document.is_sample() {
            ui.strong("Sample capture");
            ui.weak("a damaged chat, to look around in; open your own, or drop it here");
        } else {
            ui.strong(document.name());
        }
        let index = document.index();
        if !index.is_finished() && document.broken().is_none() {
            ui.separator();
            let (read, length) = (index.position(), index.source().length().max(1));
            // A bar a few hundred pixels wide needs no more than the precision of f32.
            #[allow(clippy::cast_precision_loss)]
            let share = read as f32 / length as f32;
            let text = format!("reading, {} of {}", size(read), size(length));
            ui.add(ProgressBar::new(share).desired_width(220.0).text(text));
            if ui.button("Cancel").clicked() {
                commands.push(Command::Cancel);
            }
        }
        let counts = view.counts();
        if counts.errors + counts.warnings > 0 {
            ui.separator();
            let next = Button::new("Next problem");
            if ui.add(next).on_hover_text("Go to the next row with a warning or an error (F8)").clicked() {
                commands.push(Command::NextProblem);
            }
        }
    });
}

/// What stands in the filter's line, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct FilterLine {
    pub(crate) text: String,
    pub(crate) fault: Option<FilterError>,
}

/// The line that a filter is typed into.
pub(crate) fn filter(ui: &mut Ui, line: &mut FilterLine, takes_focus: bool, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let label = ui.label("Filter");
        let hint = "kind == DATA and payload contains \"hello\"      (Ctrl+F)";
        let mut edit = TextEdit::singleline(&mut line.text).hint_text(hint).desired_width(560.0);
        if line.fault.is_some() {
            edit = edit.text_color(colours::severity(Severity::Error, ui.visuals()));
        }
        let edit = ui.add(edit.font(TextStyle::Monospace)).labelled_by(label.id);
        if takes_focus {
            edit.request_focus();
        }
        let cleared = !line.text.is_empty() && ui.button("Clear").clicked();
        if cleared {
            line.text.clear();
        }
        if edit.changed() || cleared {
            commands.push(Command::Filter);
        }
        if let Some(fault) = &line.fault {
            let at = line.text.get(..fault.range.start).map_or(0, |before| before.chars().count()) + 1;
            let text = format!("at character {at}: {}", fault.text);
            ui.add(
                Label::new(RichText::new(text).color(colours::severity(Severity::Error, ui.visuals())))
                    .truncate(),
            );
        } else if line.text.is_empty() {
            ui.weak("columns and fields: hover").on_hover_text(help());
        }
    });
}

/// What a filter can ask about.
fn help() -> String {
    let columns = Column::ALL.iter().map(|(_, name, about)| format!("{name}: {about}"));
    let more = "\nand every field of a message by its path, such as payload.user or missive.flags.reply\n\n\
        == != < <= > >= in {a, b..c} contains matches, and or not ( )";
    columns.chain([more.to_owned()]).collect::<Vec<_>>().join("\n")
}

/// The bar at the bottom.
pub(crate) fn bottom(ui: &mut Ui, index: &Index, view: &View) {
    ui.horizontal(|ui| {
        let rows = index.row_count();
        if view.is_narrowed() {
            let looking = if view.is_looking() { ", looking" } else { "" };
            ui.label(format!("{} of {} rows{looking}", grouped(view.row_count()), grouped(rows)));
        } else {
            ui.label(format!("{} rows", grouped(rows)));
        }
        ui.separator();
        ui.label(format!("{} packets", grouped(index.packets() as usize)));
        ui.separator();
        let counts = view.counts();
        if counts == Default::default() {
            ui.label("no problems");
        } else {
            badges(ui, counts);
        }
        let unread: u64 = index.unread_packets().map(|(_, unread)| unread.count).sum();
        if unread > 0 {
            ui.separator();
            let reasons: Vec<String> =
                index.unread_packets().map(|(reason, unread)| format!("{} {reason}", unread.count)).collect();
            ui.weak(format!("{unread} packets carry no stream")).on_hover_text(reasons.join("\n"));
        }
    });
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
