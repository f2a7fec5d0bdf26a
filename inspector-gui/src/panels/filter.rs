//! The line that a filter is typed into: with what may come next, what was used before, and what is wrong with it below.

use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::text_edit::TextEditState;
use eframe::egui::{
    Button, Id, Key, Label, Modifiers, Popup, PopupCloseBehavior, Pos2, RectAlign, RichText, ScrollArea,
    Stroke, TextEdit, TextStyle, Ui,
};
use framescope_capture::filter::{Column, Completion, FilterError, Vocabulary};
use framescope_parser::Severity;

use super::Command;
use crate::actions::{Action, keys};
use crate::colours;

/// What stands in the filter's line, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct FilterLine {
    pub(crate) text: String,
    pub(crate) fault: Option<FilterError>,
    /// Shall be typed into.
    pub(crate) takes_focus: bool,
    pub(crate) vocabulary: Vocabulary,
    completion: Completion,
    /// Which candidate the arrow keys came to.
    chosen: Option<usize>,
    /// Whether candidates are shown: since somebody typed, until one is taken or they are sent away.
    offers: bool,
    /// Where the cursor shall stand.
    cursor: Option<usize>,
    /// How far the capture was read that the vocabulary is of.
    of: Option<(usize, bool)>,
}

impl FilterLine {
    /// Whether the vocabulary is of a capture that was read much less far, or of another; from now on it is of this.
    pub(crate) fn is_stale(&mut self, now: (usize, bool)) -> bool {
        let is_stale = self.of.is_none_or(|(rows, finished)| {
            finished != now.1
                || now.0 < rows
                || now.0 > rows.saturating_mul(2) + 100
                || (finished && rows != now.0)
        });
        if is_stale {
            self.of = Some(now);
        }
        is_stale
    }

    /// The vocabulary is no more what it was.
    pub(crate) fn forget(&mut self) {
        self.of = None;
    }
}

/// Candidates that are shown.
const SHOWN: usize = 12;

pub(crate) fn show(ui: &mut Ui, line: &mut FilterLine, history: &[String], commands: &mut Vec<Command>) {
    let id = Id::unique("filter line");
    let has_focus = ui.memory(|memory| memory.has_focus(id));
    let mut taken = None;
    if has_focus && line.offers {
        taken = offered_keys(ui, line);
    } else if has_focus
        && ui.input_mut(|input| {
            input.consume_key(Modifiers::COMMAND, Key::Space)
                || input.consume_key(Modifiers::NONE, Key::ArrowDown)
        })
    {
        line.offers = true;
    }
    let mut place = None;
    ui.horizontal(|ui| {
        let label = ui.label("Filter");
        let hint =
            format!("kind == DATA and payload contains \"hello\"    ({})", keys(Action::Filter, ui.ctx()));
        let mut edit = TextEdit::singleline(&mut line.text).id(id).hint_text(hint);
        if line.fault.is_some() {
            edit = edit.text_color(colours::severity(Severity::Error, ui.visuals()));
        }
        let width = (ui.available_width() - 210.0).clamp(160.0, 900.0);
        let output = edit.font(TextStyle::Monospace).desired_width(width).show(ui);
        let response = output.response.response.clone().labelled_by(label.id);
        if line.takes_focus {
            line.takes_focus = false;
            response.request_focus();
        }
        if let Some(fault) = &line.fault {
            let x = |byte: usize| {
                let before = line.text.get(..byte).unwrap_or(&line.text).chars().count();
                output.galley_pos.x + output.galley.pos_from_cursor(CCursor::new(before)).min.x
            };
            let (from, to) = (x(fault.range.start), x(fault.range.end).max(x(fault.range.start) + 7.0));
            let colour = colours::severity(Severity::Error, ui.visuals());
            ui.painter().hline(from..=to, response.rect.bottom() - 2.0, Stroke::new(2.0, colour));
            place = Some(from);
        }
        if response.changed() {
            line.offers = true;
            line.chosen = None;
            commands.push(Command::Filter);
        }
        let cursor = output.cursor_range.map_or(line.text.len(), |range| {
            let chars = range.primary.index;
            line.text.char_indices().nth(chars.into()).map_or(line.text.len(), |(at, _)| at)
        });
        line.completion = line.vocabulary.complete(&line.text, cursor);
        // A click on a candidate takes the focus from the line in the same frame.
        if (response.has_focus() || response.lost_focus()) && line.offers && taken.is_none() {
            taken = popup(ui, &response, line);
        }
        if response.lost_focus() && taken.is_none() {
            line.offers = false;
            line.chosen = None;
            commands.push(Command::Filter);
        }
        if !line.text.is_empty() && ui.button("Clear").clicked() {
            line.text.clear();
            commands.push(Command::Filter);
        }
        ui.menu_button("History", |ui| {
            if history.is_empty() {
                ui.weak("No filter was used yet.");
            }
            for filter in history {
                if ui.button(RichText::new(filter).monospace()).clicked() {
                    commands.push(Command::SetFilter(filter.clone()));
                    ui.close();
                }
            }
        });
        ui.menu_button("?", help).response.on_hover_text("What a filter can ask about");
        if let Some(text) = taken.take() {
            accept(line, text);
            commands.push(Command::Filter);
            response.request_focus();
        }
        if let Some(cursor) = line.cursor.take() {
            let chars = line.text.get(..cursor).unwrap_or(&line.text).chars().count();
            let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
            state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(chars))));
            state.store(ui.ctx(), id);
        }
    });
    if let Some(fault) = &line.fault {
        let colour = colours::severity(Severity::Error, ui.visuals());
        ui.horizontal(|ui| {
            let at = line.text.get(..fault.range.start).map_or(0, |before| before.chars().count()) + 1;
            let left = ui.cursor().left();
            // Under its place, as long as there is room for the sentence.
            let room = (ui.available_width() - 420.0).max(0.0);
            let indent = (place.unwrap_or(left) - left).clamp(0.0, room);
            ui.add_space(indent);
            let (arrow, _) = ui.allocate_exact_size([10.0, 14.0].into(), eframe::egui::Sense::hover());
            let points = vec![
                arrow.center_top(),
                arrow.center() + [-4.0, 3.0].into(),
                arrow.center() + [4.0, 3.0].into(),
            ];
            ui.painter().add(eframe::egui::Shape::convex_polygon(points, colour, Stroke::NONE));
            let text = format!("at character {at}: {}", fault.text);
            ui.add(Label::new(RichText::new(text).color(colour)).truncate());
        });
    }
}

/// What the keys do while candidates are shown. Gives the one that is taken.
fn offered_keys(ui: &Ui, line: &mut FilterLine) -> Option<String> {
    let count = line.completion.candidates.len().min(SHOWN);
    let pressed = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::Escape) {
        line.offers = false;
        line.chosen = None;
    }
    if count == 0 {
        return None;
    }
    if pressed(Key::ArrowDown) {
        line.chosen = Some(line.chosen.map_or(0, |at| (at + 1) % count));
    }
    if pressed(Key::ArrowUp) {
        line.chosen = Some(line.chosen.map_or(count - 1, |at| (at + count - 1) % count));
    }
    // Tab takes the first, Enter only what was come to: else it ends typing.
    let tab = pressed(Key::Tab).then(|| line.chosen.unwrap_or(0));
    let taken = tab.or_else(|| line.chosen.filter(|_| pressed(Key::Enter)))?;
    line.completion.candidates.get(taken).map(|candidate| candidate.text.clone())
}

fn accept(line: &mut FilterLine, text: String) {
    let range = line.completion.range.clone();
    if range.end > line.text.len()
        || !line.text.is_char_boundary(range.start)
        || !line.text.is_char_boundary(range.end)
    {
        return;
    }
    let goes_on = line.text.get(range.end..).is_some_and(|rest| rest.starts_with(' '));
    let text = if goes_on { text } else { format!("{text} ") };
    let cursor = range.start + text.len() + usize::from(goes_on);
    line.text.replace_range(range, &text);
    line.cursor = Some(cursor);
    line.chosen = None;
}

fn popup(ui: &Ui, edit: &eframe::egui::Response, line: &mut FilterLine) -> Option<String> {
    if line.completion.candidates.is_empty() {
        return None;
    }
    let mut taken = None;
    let font = ui.style().text_styles.get(&TextStyle::Monospace).cloned().unwrap_or_default();
    // Below the word that is completed.
    let width = ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'));
    let chars = line.text.get(..line.completion.range.start).map_or(0, |before| before.chars().count());
    // A line that a person typed is not long.
    #[allow(clippy::cast_precision_loss)]
    let x = (edit.rect.left() + chars as f32 * width).min(edit.rect.right() - 60.0);
    Popup::new(
        Id::unique("filter completion"),
        ui.ctx().clone(),
        Pos2::new(x, edit.rect.bottom() + 2.0),
        ui.layer_id(),
    )
    .open(true)
    .align(RectAlign::BOTTOM_START)
    .close_behavior(PopupCloseBehavior::IgnoreClicks)
    .accessible_name("Completions")
    .show(|ui| {
        ui.set_max_width(560.0);
        ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
            for (at, candidate) in line.completion.candidates.iter().take(SHOWN).enumerate() {
                let is_chosen = line.chosen == Some(at);
                ui.horizontal(|ui| {
                    let text = RichText::new(&candidate.text).monospace();
                    let button = ui.add(Button::selectable(is_chosen, text));
                    if button.clicked() {
                        taken = Some(candidate.text.clone());
                    }
                    ui.add(Label::new(RichText::new(&candidate.about).weak().small()).truncate());
                });
            }
            let more = line.completion.candidates.len().saturating_sub(SHOWN);
            if more > 0 {
                ui.weak(format!("and {more} more; type on"));
            }
            ui.weak("Tab takes the first, arrows choose, Esc closes");
        });
    });
    taken
}

/// What a filter can ask about.
fn help(ui: &mut Ui) {
    ui.set_max_width(620.0);
    ui.strong("Write a column or a field, an operator and a value; join tests by and, or, not.");
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
    ui.label("And every field of a message by its path, such as payload.user or missive.flags.reply.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_takes_the_place_of_the_word() {
        let mut line = FilterLine { text: "ki == DATA".to_owned(), ..FilterLine::default() };
        line.completion = line.vocabulary.complete(&line.text, 2);
        accept(&mut line, "kind".to_owned());
        assert_eq!((line.text.as_str(), line.cursor), ("kind == DATA", Some(5)));
        line.completion = line.vocabulary.complete("severity >= w", 13);
        line.text = "severity >= w".to_owned();
        accept(&mut line, "warning".to_owned());
        assert_eq!((line.text.as_str(), line.cursor), ("severity >= warning ", Some(20)));
    }
}
