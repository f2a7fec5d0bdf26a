//! The editor of a protocol's description, beside the capture that it describes; and how well it fits.

use std::sync::Arc;

use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Label, Pos2, Rect, RichText, ScrollArea, Stroke,
    TextBuffer, TextEdit, TextFormat, Ui, Visuals,
};
use framescope_parser::Severity;

use super::{Command, grouped, label_at};
use crate::actions::Action;
use crate::colours;
use crate::editor::{Editor, Mistake, Part, parts};
use framescope_inspect::health::Health;

const SIZE: f32 = 13.0;
const SMALL: f32 = 12.0;
/// Room at the left for the numbers of lines.
const NUMBERS: i8 = 40;

pub(crate) fn show(ui: &mut Ui, editor: &mut Editor, is_ready: bool, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let sign = if editor.is_changed() { " (changed)" } else { "" };
        let name = editor.path().file_name().map(|name| name.to_string_lossy().into_owned());
        ui.strong(format!("{}{sign}", name.unwrap_or_default()))
            .on_hover_text(editor.path().display().to_string());
        ui.menu_button("Template", |ui| {
            ui.label("Start from a template");
            for template in framescope_ksy::TEMPLATES {
                if ui.button(template.name).on_hover_text(template.about).clicked() {
                    commands.push(Command::StartDescription(template.name));
                    ui.close();
                }
            }
        });
        if ui.button("Save").clicked() {
            commands.push(if editor.has_file() {
                Command::SaveDescription
            } else {
                Command::SaveDescriptionAs
            });
        }
        if ui.button("Save as...").clicked() {
            commands.push(Command::SaveDescriptionAs);
        }
        if ui.button("Health").on_hover_text("How the description fits the capture").clicked() {
            commands.push(Command::Act(Action::Health));
        }
        if ui.button("Close").clicked() {
            commands.push(Command::CloseEditor);
        }
    });
    let errors = editor.mistakes().iter().filter(|mistake| !mistake.is_warning).count();
    ui.horizontal(|ui| match (errors, editor.is_behind(), is_ready) {
        (_, true, _) => drop(ui.weak("Looking at it after a pause...")),
        (0, false, true) => drop(ui.weak("The rows are as it describes them.")),
        (0, false, false) => drop(ui.weak("Reading the capture again...")),
        (count, ..) => {
            let plural = if count == 1 { "" } else { "s" };
            let text =
                format!("{count} mistake{plural}; the rows stay as the last description without had them");
            ui.colored_label(colours::severity(Severity::Error, ui.visuals()), text);
        }
    });
    let whole: Vec<String> = editor
        .mistakes()
        .iter()
        .filter(|mistake| mistake.line == 0)
        .map(|mistake| mistake.text.clone())
        .collect();
    for text in whole {
        ui.add(
            Label::new(RichText::new(text).color(colours::severity(Severity::Error, ui.visuals()))).wrap(),
        );
    }
    ui.separator();
    text(ui, editor);
}

fn text(ui: &mut Ui, editor: &mut Editor) {
    let mistakes = editor.mistakes().to_vec();
    let visuals = ui.visuals().clone();
    let width = ui.available_width() - f32::from(NUMBERS) - 24.0;
    ScrollArea::both().id_salt("editor").auto_shrink([false, false]).show(ui, |ui| {
        let sentences = sentences(ui, &mistakes, width.max(120.0), &visuals);
        let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, _: f32| {
            let job = highlighted(buffer.as_str(), &sentences, &visuals);
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let edit = TextEdit::multiline(&mut editor.text)
            .id_salt("description")
            .code_editor()
            .margin(eframe::egui::Margin { left: NUMBERS, right: 4, top: 4, bottom: 4 })
            .desired_width(f32::INFINITY)
            .desired_rows(30)
            .layouter(&mut layouter);
        let output = edit.show(ui);
        let label = ui.interact(Rect::NOTHING, ui.scope_id().with("label"), eframe::egui::Sense::hover());
        label.widget_info(|| {
            eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Label, true, "Description")
        });
        let response = output.response.response.clone().labelled_by(label.id);
        if response.changed() {
            editor.typed();
        }
        beside(ui, &output.galley, output.galley_pos, &sentences, response.rect.left());
    });
}

/// What stands under a line.
struct Sentence {
    line: usize,
    galley: Arc<Galley>,
    colour: Color32,
}

fn sentences(ui: &Ui, mistakes: &[Mistake], width: f32, visuals: &Visuals) -> Vec<Sentence> {
    let sentence = |mistake: &Mistake| {
        let severity = if mistake.is_warning { Severity::Warning } else { Severity::Error };
        let colour = colours::severity(severity, visuals);
        let text = format!("column {}: {}", mistake.column, mistake.text);
        let galley = ui.fonts_mut(|fonts| fonts.layout(text, FontId::proportional(SMALL), colour, width));
        Sentence { line: mistake.line, galley, colour }
    };
    mistakes.iter().filter(|mistake| mistake.line > 0).map(sentence).collect()
}

/// The text in its colours. A line with mistakes is higher: its sentences stand under it.
fn highlighted(text: &str, sentences: &[Sentence], visuals: &Visuals) -> LayoutJob {
    let font = FontId::monospace(SIZE);
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let below: f32 = sentences
            .iter()
            .filter(|sentence| sentence.line == number)
            .map(|sentence| sentence.galley.size().y + 4.0)
            .sum();
        // Text stands in the middle of its line: what is added below is added above too.
        let line_height = (below > 0.0).then_some(SIZE + 4.0 + below * 2.0);
        let format = |colour| TextFormat { line_height, ..TextFormat::simple(font.clone(), colour) };
        for (part, text) in parts(line) {
            job.append(text, 0.0, format(colour(part, visuals)));
        }
    }
    if job.text.is_empty() {
        job.append("", 0.0, TextFormat::simple(font, visuals.text_color()));
    }
    job
}

fn colour(part: Part, visuals: &Visuals) -> Color32 {
    match part {
        Part::Key => colours::kind("DATA", visuals),
        Part::Text => colours::kind("LOGIN", visuals),
        Part::Number => colours::kind("ERROR", visuals),
        Part::Comment => visuals.weak_text_color(),
        Part::Value | Part::Plain => visuals.text_color(),
    }
}

/// The numbers of the lines at the left, and what is wrong with a line under it.
fn beside(ui: &Ui, galley: &Galley, at: Pos2, sentences: &[Sentence], left: f32) {
    let weak = ui.visuals().weak_text_color();
    let (mut number, mut begins) = (1, true);
    for row in &galley.rows {
        let rect = row.rect().translate(at.to_vec2());
        let is_seen = rect.intersects(ui.clip_rect());
        if begins && is_seen {
            let middle = rect.center().y;
            label_at(
                ui,
                Pos2::new(left + f32::from(NUMBERS) - 8.0, middle),
                Align2::RIGHT_CENTER,
                &number.to_string(),
                11.0,
                weak,
            );
        }
        if begins {
            let mut y = rect.center().y + SIZE / 2.0 + 3.0;
            for sentence in sentences.iter().filter(|sentence| sentence.line == number) {
                let place = Rect::from_min_size(Pos2::new(at.x, y), sentence.galley.size());
                ui.painter().rect_filled(
                    place.expand2([3.0, 1.0].into()),
                    CornerRadius::same(2),
                    ui.visuals().extreme_bg_color,
                );
                ui.painter().vline(
                    left + f32::from(NUMBERS) - 4.0,
                    rect.center().y - 6.0..=place.bottom(),
                    Stroke::new(2.0, sentence.colour),
                );
                ui.painter().galley(place.min, Arc::clone(&sentence.galley), sentence.colour);
                y = place.bottom() + 3.0;
            }
        }
        begins = row.ends_with_newline;
        number += usize::from(row.ends_with_newline);
    }
}

/// How the description fits the capture.
pub(crate) fn health(ui: &mut Ui, health: &Health, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.heading(format!("How {} fits", health.protocol));
        if ui.button("Close").clicked() {
            commands.push(Command::CloseHealth);
        }
    });
    let percent = if health.bytes == 0 {
        0
    } else {
        u128::from(health.explained_bytes) * 1000 / u128::from(health.bytes)
    };
    ui.label(format!(
        "{} messages and {} other rows; {}.{} % of their bytes are explained.",
        grouped(usize::try_from(health.messages).unwrap_or(usize::MAX)),
        grouped(usize::try_from(health.other_rows).unwrap_or(usize::MAX)),
        percent / 10,
        percent % 10
    ));
    if health.fits() {
        ui.label("It says all that the capture holds.");
    }
    let rows = |ui: &mut Ui, rows: &[u32], commands: &mut Vec<Command>| {
        for row in rows {
            if ui.link(format!("#{row}")).clicked() {
                commands.push(Command::GoTo(*row));
            }
        }
    };
    ScrollArea::vertical().id_salt("health").auto_shrink([false, false]).show(ui, |ui| {
        if health.not_written_back > 0 {
            ui.strong("Messages that do not write back to the same bytes");
            ui.horizontal_wrapped(|ui| {
                ui.label(health.not_written_back.to_string());
                rows(ui, &health.not_written_back_rows, commands);
            });
        }
        if !health.problems.is_empty() {
            ui.strong("Problems by field");
            for finding in &health.problems {
                ui.horizontal_wrapped(|ui| {
                    let colour = colours::severity(finding.severity, ui.visuals());
                    ui.colored_label(
                        colour,
                        format!("{} {} {}", finding.count, finding.severity, finding.code),
                    )
                    .on_hover_text(finding.code.meaning());
                    ui.monospace(&finding.field);
                    rows(ui, &finding.rows, commands);
                });
            }
        }
        if !health.undeclared.is_empty() {
            ui.strong("Numbers without a name");
            for undeclared in &health.undeclared {
                ui.monospace(format!(
                    "{} = {} ({} times)",
                    undeclared.field, undeclared.value, undeclared.count
                ));
            }
        }
        if !health.unseen.is_empty() {
            ui.strong("Names that were never seen");
            for unseen in &health.unseen {
                ui.monospace(format!("{}: {}", unseen.field, unseen.members.join(", ")));
            }
        }
        if !health.constant.is_empty() {
            ui.strong("Fields that never changed");
            for constant in &health.constant {
                ui.monospace(format!("{} = {} ({} times)", constant.field, constant.value, constant.count));
            }
        }
    });
}
