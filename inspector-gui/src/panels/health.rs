//! How well a description fits the capture.

use eframe::egui::{ScrollArea, Ui};

use super::{Command, colours};
use crate::models::text::grouped;
use framescope_capture::RowId;
use framescope_inspect::health::Health;

pub(crate) fn show(ui: &mut Ui, health: &Health, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.heading(format!("How {} fits", health.protocol));
        if ui.button("Close").clicked() {
            commands.push(Command::CloseHealth);
        }
    });
    ui.label(summary(health));
    if health.fits() {
        ui.label("The description explains everything in the capture.");
    }
    ScrollArea::vertical().id_salt("health").auto_shrink([false, false]).show(ui, |ui| {
        if health.not_written_back > 0 {
            ui.strong("Messages that encode to other bytes");
            ui.horizontal_wrapped(|ui| {
                ui.label(health.not_written_back.to_string());
                row_links(ui, &health.not_written_back_rows, commands);
            });
        }
        problems(ui, health, commands);
        let undeclared = health.undeclared.iter();
        let lines =
            undeclared.map(|found| format!("{} = {} ({} times)", found.field, found.value, found.count));
        section(ui, "Values without a name", lines);
        let unseen = health.unseen.iter();
        let lines = unseen.map(|found| format!("{}: {}", found.fields_text(), found.members.join(", ")));
        section(ui, "Names that never occur", lines);
        let constant = health.constant.iter();
        let lines =
            constant.map(|found| format!("{} = {} ({} times)", found.field, found.value, found.count));
        section(ui, "Fields that never change", lines);
    });
}

fn summary(health: &Health) -> String {
    let count = |number: u64| grouped(usize::try_from(number).unwrap_or(usize::MAX));
    let per_mille = u128::from(health.explained_bytes) * 1000 / u128::from(health.bytes.max(1));
    format!(
        "{} messages and {} other rows; {}.{} % of their bytes are explained.",
        count(health.messages),
        count(health.other_rows),
        per_mille / 10,
        per_mille % 10
    )
}

fn problems(ui: &mut Ui, health: &Health, commands: &mut Vec<Command>) {
    if health.problems.is_empty() {
        return;
    }
    ui.strong("Problems by field");
    for finding in &health.problems {
        ui.horizontal_wrapped(|ui| {
            let colour = colours::severity(finding.severity, ui.visuals());
            let text = format!("{} {} {}", finding.count, finding.severity, finding.code);
            ui.colored_label(colour, text).on_hover_text(finding.code.meaning());
            ui.monospace(&finding.field);
            row_links(ui, &finding.rows, commands);
        });
    }
}

/// Lines under a heading; nothing without any.
fn section(ui: &mut Ui, heading: &str, lines: impl ExactSizeIterator<Item = String>) {
    if lines.len() > 0 {
        ui.strong(heading);
    }
    for line in lines {
        ui.monospace(line);
    }
}

fn row_links(ui: &mut Ui, rows: &[RowId], commands: &mut Vec<Command>) {
    for row in rows {
        if ui.link(format!("#{row}")).clicked() {
            commands.push(Command::GoTo(*row));
        }
    }
}
