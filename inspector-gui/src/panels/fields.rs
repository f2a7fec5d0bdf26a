//! The fields of the selected message, and its problems.

use eframe::egui::collapsing_header::CollapsingState;
use eframe::egui::text::LayoutJob;
use eframe::egui::{Button, FontId, Label, RichText, ScrollArea, TextFormat, Ui};

use super::Command;
use crate::colours;
use crate::view::{Details, FieldNode};

pub(crate) fn show(ui: &mut Ui, details: &Details, selected: Option<&str>, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        ui.strong(&details.title);
        ui.weak(&details.origin);
    });
    if let Some(error) = &details.error {
        ui.colored_label(ui.visuals().error_fg_color, error);
    }
    ui.separator();
    ScrollArea::vertical().id_salt("fields").auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        for problem in &details.problems {
            let severity = problem.code.severity();
            let title = format!("{severity}: {}", problem.code);
            let colour = colours::severity(severity, ui.visuals());
            let link = ui.link(RichText::new(title).color(colour)).on_hover_text(problem.code.meaning());
            if link.clicked() {
                commands.push(Command::SelectBytes(problem.range.clone()));
            }
            ui.indent(("problem", problem.code.as_str(), problem.range.start), |ui| {
                ui.add(Label::new(&problem.text).wrap());
            });
        }
        if !details.problems.is_empty() {
            ui.separator();
        }
        if details.fields.is_empty() {
            ui.weak("There are no fields in this row.");
        }
        for (i, field) in details.fields.iter().enumerate() {
            node(ui, field, i, selected, commands);
        }
    });
}

fn node(ui: &mut Ui, field: &FieldNode, i: usize, selected: Option<&str>, commands: &mut Vec<Command>) {
    if field.fields.is_empty() {
        ui.horizontal(|ui| {
            // As wide as the sign that opens and closes a field with fields in it.
            ui.add_space(ui.spacing().indent);
            name_and_value(ui, field, selected, commands);
        });
        return;
    }
    let id = ui.make_persistent_id((&field.path, i));
    let is_flags = field.fields.iter().all(|inner| inner.range == field.range);
    CollapsingState::load_with_default_open(ui.ctx(), id, !is_flags)
        .show_header(ui, |ui| name_and_value(ui, field, selected, commands))
        .body(|ui| {
            for (i, inner) in field.fields.iter().enumerate() {
                node(ui, inner, i, selected, commands);
            }
        });
}

fn name_and_value(ui: &mut Ui, field: &FieldNode, selected: Option<&str>, commands: &mut Vec<Command>) {
    let is_selected = selected == Some(field.path.as_str());
    let text_colour = if is_selected { ui.visuals().strong_text_color() } else { ui.visuals().text_color() };
    let value_colour = match field.severity {
        Some(severity) => colours::severity(severity, ui.visuals()),
        None => text_colour,
    };
    let font = FontId::monospace(13.0);
    let mut job = LayoutJob::default();
    let name_colour = if is_selected { text_colour } else { ui.visuals().weak_text_color() };
    job.append(&field.name, 0.0, TextFormat::simple(font.clone(), name_colour));
    if !field.value.is_empty() {
        job.append(&field.value, 10.0, TextFormat::simple(font, value_colour));
    }
    if let Some(severity) = field.severity {
        let colour = colours::severity(severity, ui.visuals());
        job.append(&format!("({severity})"), 10.0, TextFormat::simple(FontId::proportional(12.0), colour));
    }
    let mut hover = format!("{}: {}\n{}", field.path, byte_range(&field.range), field.value);
    if !field.about.is_empty() {
        hover.push_str("\n\n");
        hover.push_str(&field.about);
    }
    // Cut rather than pushing the panel wider: the whole value shows among the bytes, and in the hover.
    let line = Button::selectable(is_selected, job).truncate();
    if ui.add(line).on_hover_text(hover).clicked() {
        commands.push(Command::SelectField(field.path.clone(), field.range.clone()));
    }
}

/// A range of bytes in words.
pub(crate) fn byte_range(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("no bytes at {}", range.start),
        1 => format!("byte {}", range.start),
        length => format!("bytes {} to {} ({length} bytes)", range.start, range.end - 1),
    }
}
