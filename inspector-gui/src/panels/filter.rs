//! The line in which a filter is typed, with candidates to complete it, used filters, and what is wrong with it below.

use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::text_edit::{TextEditOutput, TextEditState};
use eframe::egui::{
    Button, Id, Key, Label, Modifiers, Popup, PopupCloseBehavior, Pos2, RectAlign, Response, RichText,
    ScrollArea, Sense, Shape, Stroke, TextEdit, TextStyle, Ui,
};
use framescope_capture::filter::{Column, FilterError};
use framescope_parser::Severity;

use super::shortcuts::keys;
use super::{Command, colours};
use crate::models::actions::Action;
use crate::models::filter_line::{CANDIDATES_SHOWN, FilterLine};

pub(crate) fn show(ui: &mut Ui, line: &mut FilterLine, history: &[String], commands: &mut Vec<Command>) {
    let id = Id::unique("filter line");
    let mut accepted = if ui.memory(|memory| memory.has_focus(id)) { typed_keys(ui, line) } else { None };
    let mut error_x = None;
    ui.horizontal(|ui| {
        let label = ui.label("Filter");
        let output = edit(ui, id, line);
        let response = output.response.response.clone().labelled_by(label.id);
        if std::mem::take(&mut line.takes_focus) {
            response.request_focus();
        }
        error_x = line.error.as_ref().map(|error| underline(ui, line, error, &output));
        if response.changed() {
            line.offer();
            commands.push(Command::ApplyFilter);
        }
        let cursor = output
            .cursor_range
            .and_then(|range| line.text.char_indices().nth(range.primary.index.into()).map(|(at, _)| at));
        line.complete(cursor.unwrap_or(line.text.len()));
        // A click on a candidate takes the focus from the line in the same frame.
        let is_active = response.has_focus() || response.lost_focus();
        if is_active && line.offers() && accepted.is_none() {
            accepted = candidates(ui, &response, line);
        }
        if response.lost_focus() && accepted.is_none() {
            line.dismiss();
            commands.push(Command::ApplyFilter);
        }
        if !line.text.is_empty() && ui.button("Clear").clicked() {
            line.text.clear();
            commands.push(Command::ApplyFilter);
        }
        ui.menu_button("History", |ui| used_filters(ui, history, commands));
        ui.menu_button("?", help).response.on_hover_text("What a filter can test");
        if let Some(text) = accepted.take() {
            line.accept(text);
            commands.push(Command::ApplyFilter);
            response.request_focus();
        }
        if let Some(chars) = line.take_cursor() {
            let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
            state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(chars))));
            state.store(ui.ctx(), id);
        }
    });
    if let (Some(error), Some(x)) = (&line.error, error_x) {
        error_line(ui, line, error, x);
    }
}

fn edit(ui: &mut Ui, id: Id, line: &mut FilterLine) -> TextEditOutput {
    let keys = keys(Action::Filter, ui.ctx());
    let hint = format!("kind == DATA and payload contains \"hello\"    ({keys})");
    let has_error = line.error.is_some();
    let mut edit = TextEdit::singleline(&mut line.text).id(id).hint_text(hint);
    if has_error {
        edit = edit.text_color(colours::severity(Severity::Error, ui.visuals()));
    }
    let width = (ui.available_width() - 210.0).clamp(160.0, 900.0);
    edit.font(TextStyle::Monospace).desired_width(width).show(ui)
}

/// Underlines an error, and returns where it starts.
fn underline(ui: &Ui, line: &FilterLine, error: &FilterError, output: &TextEditOutput) -> f32 {
    let x = |byte: usize| {
        let cursor = CCursor::new(line.chars_before(byte));
        output.galley_pos.x + output.galley.pos_from_cursor(cursor).min.x
    };
    let from = x(error.range.start);
    let to = x(error.range.end).max(from + 7.0);
    let colour = colours::severity(Severity::Error, ui.visuals());
    let y = output.response.response.rect.bottom() - 2.0;
    ui.painter().hline(from..=to, y, Stroke::new(2.0, colour));
    from
}

/// The error below its place, as far as there is room for the sentence.
fn error_line(ui: &mut Ui, line: &FilterLine, error: &FilterError, x: f32) {
    let colour = colours::severity(Severity::Error, ui.visuals());
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 420.0).max(0.0);
        ui.add_space((x - ui.cursor().left()).clamp(0.0, room));
        let (arrow, _) = ui.allocate_exact_size([10.0, 14.0].into(), Sense::hover());
        let middle = arrow.center();
        let points = vec![arrow.center_top(), middle + [-4.0, 3.0].into(), middle + [4.0, 3.0].into()];
        ui.painter().add(Shape::convex_polygon(points, colour, Stroke::NONE));
        let at = line.chars_before(error.range.start) + 1;
        let text = format!("at character {at}: {}", error.text);
        ui.add(Label::new(RichText::new(text).color(colour)).truncate());
    });
}

/// What keys do with candidates while the line has the focus. Returns the accepted one.
fn typed_keys(ui: &Ui, line: &mut FilterLine) -> Option<String> {
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    if !line.offers() {
        if pressed(Modifiers::COMMAND, Key::Space) || pressed(Modifiers::NONE, Key::ArrowDown) {
            line.offer();
        }
        return None;
    }
    let pressed = |key| pressed(Modifiers::NONE, key);
    if pressed(Key::Escape) {
        line.dismiss();
    }
    if line.completion().candidates.is_empty() {
        return None;
    }
    if pressed(Key::ArrowDown) {
        line.step(true);
    }
    if pressed(Key::ArrowUp) {
        line.step(false);
    }
    // Tab accepts the first candidate, Enter only one that was moved to: else it ends typing.
    let tab = pressed(Key::Tab).then(|| line.current().unwrap_or(0));
    let accepted = tab.or_else(|| line.current().filter(|_| pressed(Key::Enter)))?;
    line.candidate(accepted)
}

/// Shows the candidates below the word that they complete. Returns the one that was clicked.
fn candidates(ui: &Ui, edit: &Response, line: &FilterLine) -> Option<String> {
    let completion = line.completion();
    if completion.candidates.is_empty() {
        return None;
    }
    let mut clicked = None;
    let font = ui.style().text_styles.get(&TextStyle::Monospace).cloned().unwrap_or_default();
    let width = ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'));
    // A line that a person types is not long.
    #[allow(clippy::cast_precision_loss)]
    let left = edit.rect.left() + line.chars_before(completion.range.start) as f32 * width;
    let at = Pos2::new(left.min(edit.rect.right() - 60.0), edit.rect.bottom() + 2.0);
    let popup = Popup::new(Id::unique("filter completion"), ui.ctx().clone(), at, ui.layer_id())
        .open(true)
        .align(RectAlign::BOTTOM_START)
        .close_behavior(PopupCloseBehavior::IgnoreClicks)
        .accessible_name("Completions");
    popup.show(|ui| {
        ui.set_max_width(560.0);
        ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
            for (at, candidate) in completion.candidates.iter().take(CANDIDATES_SHOWN).enumerate() {
                ui.horizontal(|ui| {
                    let text = RichText::new(&candidate.text).monospace();
                    if ui.add(Button::selectable(line.current() == Some(at), text)).clicked() {
                        clicked = Some(candidate.text.clone());
                    }
                    ui.add(Label::new(RichText::new(&candidate.about).weak().small()).truncate());
                });
            }
            if let more @ 1.. = completion.candidates.len().saturating_sub(CANDIDATES_SHOWN) {
                ui.weak(format!("{more} more; keep typing"));
            }
            ui.weak("Tab accepts the first, arrow keys choose, Esc closes");
        });
    });
    clicked
}

fn used_filters(ui: &mut Ui, history: &[String], commands: &mut Vec<Command>) {
    if history.is_empty() {
        ui.weak("No filters used yet.");
    }
    for filter in history {
        if ui.button(RichText::new(filter).monospace()).clicked() {
            commands.push(Command::SetFilter(filter.clone()));
            ui.close();
        }
    }
}

/// What a filter can test.
fn help(ui: &mut Ui) {
    ui.set_max_width(620.0);
    ui.strong("A test is a column or a field, an operator and a value. Join tests with and, or, not.");
    ui.monospace("==  !=  <  <=  >  >=  in {a, b, 3..7}  contains  matches");
    ui.add_space(4.0);
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        for (_, name, about) in Column::ALL {
            ui.horizontal(|ui| {
                ui.monospace(*name);
                ui.add(Label::new(RichText::new(*about).weak()).truncate());
            });
        }
    });
    ui.add_space(4.0);
    ui.label(
        "Every field of a message can be tested by its path, such as payload.user or missive.flags.reply.",
    );
}
