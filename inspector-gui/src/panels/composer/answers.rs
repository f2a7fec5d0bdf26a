//! One message of the history: its problems and fields, or how they differ from those of another.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{FontId, Label, Rect, RichText, Sense, Ui, WidgetInfo};

use super::super::colours;
use super::super::comparison;
use super::super::fields::{PROBLEM, problem};
use super::super::list::{self, Scroll};
use super::super::paint::{indent, paint_text};
use crate::models::compare::Comparison;
use crate::models::details::Details;
use crate::models::field_list::{FieldList, Item};

const LINE: f32 = 19.0;

/// A message of the history.
pub(super) struct About {
    pub(super) title: String,
    pub(super) details: Arc<Details>,
}

/// What is remembered from frame to frame.
#[derive(Debug, Default)]
pub(super) struct AnswerPanel {
    scroll: Scroll,
    list: FieldList,
    comparison: Comparison,
}

impl AnswerPanel {
    /// Shows a message, beside another if that is given. True if it is no longer to be compared.
    pub(super) fn show(&mut self, ui: &mut Ui, about: &About, other: Option<&About>) -> bool {
        match other {
            Some(other) => self.compared(ui, other, about),
            None => {
                self.alone(ui, about);
                false
            }
        }
    }

    fn alone(&mut self, ui: &mut Ui, about: &About) {
        let details = &about.details;
        ui.horizontal(|ui| {
            ui.strong(&about.title);
            let text = format!("{} bytes", details.bytes.len());
            ui.add(Label::new(RichText::new(text).weak()).truncate());
        });
        self.list.update(details, None, &|_| None);
        let items = self.list.items();
        if items.is_empty() {
            ui.weak("It has no fields.");
        }
        let mut height = |item: usize| match items.get(item) {
            Some(Item::Problem(_)) => PROBLEM,
            _ => LINE,
        };
        // A problem here leads to nothing else.
        let mut commands = Vec::new();
        let mut draw = |ui: &mut Ui, at: usize, rect: Rect| match items.get(at) {
            Some(Item::Problem(number)) => drop(problem(ui, details, *number, rect, &mut commands)),
            Some(Item::Field { depth, field, .. }) => {
                let response = ui.interact(rect, ui.scope_id().with(("answer", &field.path)), Sense::hover());
                let spoken = format!("Answered {}: {}", field.path, field.value);
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
                let (visuals, font) = (ui.visuals(), FontId::monospace(12.5));
                let middle = rect.left() + rect.width() * 0.4;
                let name = rect.with_min_x(rect.left() + 6.0 + indent(*depth, 14.0)).with_max_x(middle - 4.0);
                paint_text(ui, name, &field.name, font.clone(), visuals.weak_text_color());
                let colour = field
                    .severity
                    .map_or(visuals.text_color(), |severity| colours::severity(severity, visuals));
                paint_text(ui, rect.with_min_x(middle), &field.value, font, colour);
                response.on_hover_text(format!("{}\n{}", field.path, field.value));
            }
            _ => {}
        };
        list::show(ui, "Answer", &mut self.scroll, items.len(), None, &mut height, &mut draw);
    }

    fn compared(&mut self, ui: &mut Ui, first: &About, second: &About) -> bool {
        let comparison = &mut self.comparison;
        comparison.update(&first.details, &second.details);
        let mut stops = false;
        ui.horizontal(|ui| {
            stops = ui.button("Stop comparing").clicked();
            ui.checkbox(&mut comparison.only_differences, "Only differences");
            ui.add(Label::new(format!("{} and {}", first.title, second.title)).truncate());
        });
        comparison::pairs(ui, comparison, (&first.title, &second.title), &mut self.scroll);
        stops
    }
}
