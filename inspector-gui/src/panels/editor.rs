//! The editor of a protocol description, beside the capture that it describes.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Label, Margin, Pos2, Rect, RichText, ScrollArea, Sense,
    Stroke, TextBuffer, TextEdit, TextFormat, Ui, Visuals, WidgetInfo,
};
use framescope_parser::Severity;

use super::paint::label_at;
use super::{Command, colours};
use crate::models::actions::Action;
use crate::models::editor::{Diagnostic, Editor, TokenKind, tokens};

const SIZE: f32 = 13.0;
const SMALL: f32 = 12.0;
/// The room for line numbers on the left.
const NUMBERS: i8 = 40;

/// What the editor remembers from frame to frame.
#[derive(Default)]
pub(crate) struct EditorPanel {
    highlighted: Option<Highlighted>,
}

impl std::fmt::Debug for EditorPanel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EditorPanel").finish_non_exhaustive()
    }
}

/// What the highlighted text was made of, and the text.
struct Highlighted {
    revision: u64,
    /// The width and the size of a pixel, on which the height of a diagnostic depends.
    sizes: [u32; 2],
    is_dark: bool,
    text: String,
    job: LayoutJob,
}

/// A diagnostic below its line.
struct Sentence {
    line: usize,
    galley: Arc<Galley>,
    colour: Color32,
}

/// Shows the editor. `is_ready` says whether the rows are those of the description.
pub(crate) fn show(
    ui: &mut Ui,
    editor: &mut Editor,
    panel: &mut EditorPanel,
    is_ready: bool,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    toolbar(ui, editor, commands);
    let error = colours::severity(Severity::Error, ui.visuals());
    match (editor.error_count(), editor.is_behind(), is_ready) {
        (_, true, _) => drop(ui.weak("Checked when you pause typing...")),
        (0, false, true) => drop(ui.weak("The rows follow this description.")),
        (0, false, false) => drop(ui.weak("Reading the capture again...")),
        (count, ..) => {
            let plural = if count == 1 { "" } else { "s" };
            let text = format!("{count} error{plural}; the rows follow the last valid description");
            ui.colored_label(error, text);
        }
    }
    // Diagnostics of the whole file come first.
    for diagnostic in editor.diagnostics().iter().take_while(|diagnostic| diagnostic.line == 0) {
        ui.add(Label::new(RichText::new(&diagnostic.text).color(error)).wrap());
    }
    ui.separator();
    text(ui, editor, panel);
}

fn toolbar(ui: &mut Ui, editor: &Editor, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let changed = if editor.is_changed() { " (modified)" } else { "" };
        let name = editor.path().file_name().map(|name| name.to_string_lossy().into_owned());
        ui.strong(format!("{}{changed}", name.unwrap_or_default()))
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
        let save = if editor.has_file() { Command::SaveDescription } else { Command::SaveDescriptionAs };
        for (label, hover, command) in [
            ("Save", "Save the description", save),
            ("Save as...", "Save the description as another file", Command::SaveDescriptionAs),
            ("Check", "Check how the description fits the capture", Command::Act(Action::Health)),
            ("Close", "Close the editor", Command::CloseEditor),
        ] {
            if ui.button(label).on_hover_text(hover).clicked() {
                commands.push(command);
            }
        }
    });
}

fn text(ui: &mut Ui, editor: &mut Editor, panel: &mut EditorPanel) {
    let width = (ui.available_width() - f32::from(NUMBERS) - 24.0).max(120.0);
    ScrollArea::both().id_salt("editor").auto_shrink([false, false]).show(ui, |ui| {
        let of_lines = editor.diagnostics().iter().filter(|diagnostic| diagnostic.line > 0);
        let sentences: Vec<Sentence> = of_lines.map(|diagnostic| sentence(ui, diagnostic, width)).collect();
        panel.update(ui, editor, &sentences, width);
        let highlighted = panel.highlighted.as_ref();
        let visuals = ui.visuals().clone();
        let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, _: f32| {
            let text = buffer.as_str();
            let known = highlighted.filter(|known| known.text == text);
            let job = known.map_or_else(|| highlight(text, &sentences, &visuals), |known| known.job.clone());
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let edit = TextEdit::multiline(&mut editor.text)
            .id_salt("description")
            .code_editor()
            .margin(Margin { left: NUMBERS, right: 4, top: 4, bottom: 4 })
            .desired_width(f32::INFINITY)
            .desired_rows(30)
            .layouter(&mut layouter);
        let output = edit.show(ui);
        let label = ui.interact(Rect::NOTHING, ui.scope_id().with("label"), Sense::hover());
        label.widget_info(|| WidgetInfo::labeled(Role::Label, true, "Description"));
        let response = output.response.response.clone().labelled_by(label.id);
        if response.changed() {
            editor.typed();
        }
        beside(ui, &output.galley, output.galley_pos, &sentences, response.rect.left());
    });
}

impl EditorPanel {
    /// Highlights the text, unless it and its diagnostics are as before.
    fn update(&mut self, ui: &Ui, editor: &Editor, sentences: &[Sentence], width: f32) {
        let (visuals, revision) = (ui.visuals(), editor.revision());
        let (sizes, is_dark) = ([width, ui.pixels_per_point()].map(f32::to_bits), visuals.dark_mode);
        let is_this = |known: &Highlighted| {
            (known.revision, known.sizes, known.is_dark) == (revision, sizes, is_dark)
                && known.text == editor.text
        };
        if !self.highlighted.as_ref().is_some_and(is_this) {
            let (text, job) = (editor.text.clone(), highlight(&editor.text, sentences, visuals));
            self.highlighted = Some(Highlighted { revision, sizes, is_dark, text, job });
        }
    }
}

fn sentence(ui: &Ui, diagnostic: &Diagnostic, width: f32) -> Sentence {
    let severity = if diagnostic.is_warning { Severity::Warning } else { Severity::Error };
    let colour = colours::severity(severity, ui.visuals());
    let text = format!("column {}: {}", diagnostic.column, diagnostic.text);
    let galley = ui.fonts_mut(|fonts| fonts.layout(text, FontId::proportional(SMALL), colour, width));
    Sentence { line: diagnostic.line, galley, colour }
}

/// The sentences below a line. All are in the order of their lines.
fn sentences_of(sentences: &[Sentence], line: usize) -> &[Sentence] {
    let first = sentences.partition_point(|sentence| sentence.line < line);
    let behind = sentences.partition_point(|sentence| sentence.line <= line);
    sentences.get(first..behind).unwrap_or_default()
}

/// Colours the text. A line with diagnostics is higher, so that their sentences fit below it.
fn highlight(text: &str, sentences: &[Sentence], visuals: &Visuals) -> LayoutJob {
    let font = FontId::monospace(SIZE);
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let below: f32 =
            sentences_of(sentences, number).iter().map(|sentence| sentence.galley.size().y + 4.0).sum();
        // Text is centred in its line, so what is added below is added above too.
        let line_height = (below > 0.0).then_some(SIZE + 4.0 + below * 2.0);
        for (kind, text) in tokens(line) {
            let format = TextFormat::simple(font.clone(), colour(kind, visuals));
            job.append(text, 0.0, TextFormat { line_height, ..format });
        }
    }
    if job.text.is_empty() {
        job.append("", 0.0, TextFormat::simple(font, visuals.text_color()));
    }
    job
}

fn colour(kind: TokenKind, visuals: &Visuals) -> Color32 {
    match kind {
        TokenKind::Key => colours::kind("DATA", visuals),
        TokenKind::Text => colours::kind("LOGIN", visuals),
        TokenKind::Number => colours::kind("ERROR", visuals),
        TokenKind::Comment => visuals.weak_text_color(),
        TokenKind::Value | TokenKind::Plain => visuals.text_color(),
    }
}

/// Paints line numbers on the left, and diagnostics below their lines.
fn beside(ui: &Ui, galley: &Galley, at: Pos2, sentences: &[Sentence], left: f32) {
    let (mut number, mut is_first) = (1, true);
    for row in &galley.rows {
        let rect = row.rect().translate(at.to_vec2());
        if is_first && rect.intersects(ui.clip_rect()) {
            let place = Pos2::new(left + f32::from(NUMBERS) - 8.0, rect.center().y);
            let weak = ui.visuals().weak_text_color();
            label_at(ui, place, Align2::RIGHT_CENTER, &number.to_string(), 11.0, weak);
        }
        if is_first {
            let mut y = rect.center().y + SIZE / 2.0 + 3.0;
            for sentence in sentences_of(sentences, number) {
                let place = Rect::from_min_size(Pos2::new(at.x, y), sentence.galley.size());
                let fill = ui.visuals().extreme_bg_color;
                ui.painter().rect_filled(place.expand2([3.0, 1.0].into()), CornerRadius::same(2), fill);
                let bar = rect.center().y - 6.0..=place.bottom();
                let stroke = Stroke::new(2.0, sentence.colour);
                ui.painter().vline(left + f32::from(NUMBERS) - 4.0, bar, stroke);
                ui.painter().galley(place.min, Arc::clone(&sentence.galley), sentence.colour);
                y = place.bottom() + 3.0;
            }
        }
        is_first = row.ends_with_newline;
        number += usize::from(row.ends_with_newline);
    }
}
