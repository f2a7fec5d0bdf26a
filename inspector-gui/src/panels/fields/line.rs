//! One field of the tree.

use eframe::egui::accesskit::Role;
use eframe::egui::{CornerRadius, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use framescope_capture::RowId;
use framescope_capture::export::hex;

use super::super::menus::{copy_entries, filter_entries};
use super::super::paint::{indent, paint_disclosure, paint_text, row_background, row_text_colour};
use super::super::{Command, colours};
use super::{Columns, INDENT, LINE};
use crate::models::ViewContext;
use crate::models::copying::field_as;
use crate::models::details::{Details, FieldNode};
use crate::models::view::Highlight;

/// The most bytes that are shown beside a value.
const RAW_SHOWN: usize = 8;

/// A field, and how it is shown.
pub(super) struct FieldLine<'d> {
    pub(super) context: ViewContext<'d>,
    pub(super) details: &'d Details,
    /// The message of a carrier that it is a field of; None of the selected message.
    pub(super) of: Option<RowId>,
    pub(super) field: &'d FieldNode,
    pub(super) depth: usize,
    pub(super) columns: Columns,
    pub(super) is_open: bool,
}

impl FieldLine<'_> {
    /// Shows the field. True if it is to be opened or closed.
    pub(super) fn show(&self, ui: &mut Ui, rect: Rect, commands: &mut Vec<Command>) -> bool {
        let &FieldLine { context, details, field, .. } = self;
        let is = |highlight: Option<&Highlight>| {
            highlight.is_some_and(|highlight| {
                highlight.path.as_deref() == Some(&field.path) && highlight.of == self.of
            })
        };
        let (is_highlighted, is_hovered) = (is(context.view.highlighted()), is(context.view.hovered()));
        let response = ui.interact(rect, ui.scope_id().with(("field", self.of, &field.path)), Sense::click());
        response.widget_info(|| {
            let severity = field.severity.map_or_else(String::new, |severity| format!(" ({severity})"));
            let spoken = format!("{}: {}{severity}", field.name, field.value);
            WidgetInfo::selected(Role::TreeItem, true, is_highlighted, spoken)
        });
        row_background(ui, rect, is_highlighted, is_hovered || response.hovered());
        let left = rect.left() + 2.0 + indent(self.depth, INDENT);
        let toggles = !field.fields.is_empty()
            && (self.disclosure(ui, Pos2::new(left, rect.top())) || response.double_clicked());
        self.swatch(ui, Pos2::new(left + INDENT - 2.0, rect.top() + 4.0));
        self.texts(ui, rect, left + INDENT + 6.0, is_highlighted);
        if response.hovered() {
            commands.push(Command::Hover(Highlight::of_field(field).within(self.of)));
        }
        if response.clicked() && !toggles {
            commands.push(Command::Highlight(Some(Highlight::of_field(field).within(self.of))));
        }
        response.on_hover_ui(|ui| hover(ui, details, field)).context_menu(|ui| {
            ui.set_max_width(420.0);
            copy_entries(
                ui,
                "Copy as ",
                "Value",
                |form| field_as(field, &details.captured(), form),
                commands,
            );
            if !field.filter_path.is_empty() {
                ui.separator();
                filter_entries(ui, &filter_test(field), commands);
            }
        });
        toggles
    }

    /// The triangle that opens and closes the field. True if it was clicked.
    fn disclosure(&self, ui: &Ui, at: Pos2) -> bool {
        let path = &self.field.path;
        let rect = Rect::from_min_size(at, Vec2::splat(LINE));
        let sign = ui.interact(rect, ui.scope_id().with(("open", self.of, path)), Sense::click());
        let verb = if self.is_open { "Close" } else { "Open" };
        sign.widget_info(|| WidgetInfo::labeled(Role::DisclosureTriangle, true, format!("{verb} {path}")));
        paint_disclosure(ui, rect.center() - Vec2::new(3.0, 0.0), self.is_open);
        sign.clicked()
    }

    /// The tint that the field's bytes have in the hex view.
    fn swatch(&self, ui: &Ui, at: Pos2) {
        let Some(tint) = self.field.tint else { return };
        let rect = Rect::from_min_size(at, Vec2::new(5.0, LINE - 8.0));
        let (visuals, corners) = (ui.visuals(), CornerRadius::same(1));
        ui.painter().rect_filled(rect, corners, colours::tint(tint, visuals));
        let stroke = Stroke::new(0.5, visuals.weak_text_color());
        ui.painter().rect_stroke(rect, corners, stroke, StrokeKind::Inside);
    }

    fn texts(&self, ui: &Ui, rect: Rect, left: f32, is_highlighted: bool) {
        let &FieldLine { field, columns, .. } = self;
        let visuals = ui.visuals();
        let (text, weak) = (row_text_colour(ui, is_highlighted), visuals.weak_text_color());
        let (font, small) = (FontId::monospace(12.5), FontId::monospace(11.5));
        let name_colour = if is_highlighted { text } else { weak };
        let name = columns.cell(rect, 0.0, columns.value).with_min_x(left);
        paint_text(ui, name, &field.name, font.clone(), name_colour);
        let value = columns.cell(rect, columns.value, columns.raw);
        match field.severity {
            Some(severity) => {
                let colour = colours::severity(severity, visuals);
                let text = match field.value.is_empty() {
                    true => format!("({severity})"),
                    false => format!("{}  ({severity})", field.value),
                };
                paint_text(ui, value, &text, font, colour);
            }
            None => {
                let colour = if field.is_missing && !is_highlighted { weak } else { text };
                paint_text(ui, value, &field.value, font, colour);
            }
        }
        if columns.has_raw() && field.is_leaf() {
            let bytes = self.details.bytes_of(&field.range);
            let raw = hex(bytes.get(..bytes.len().min(RAW_SHOWN)).unwrap_or_default());
            paint_text(ui, columns.cell(rect, columns.raw, columns.offset), &raw, small.clone(), weak);
        }
        let (offset, length) = (field.range.start.to_string(), field.range.len().to_string());
        paint_text(ui, columns.cell(rect, columns.offset, columns.length), &offset, small.clone(), weak);
        paint_text(ui, columns.cell(rect, columns.length, columns.end), &length, small, weak);
    }
}

/// The filter test for a field: its value, or that it exists.
fn filter_test(field: &FieldNode) -> String {
    match &field.literal {
        Some(literal) => format!("{} == {literal}", field.filter_path),
        None => field.filter_path.clone(),
    }
}

fn hover(ui: &mut Ui, details: &Details, field: &FieldNode) {
    ui.set_max_width(480.0);
    ui.strong(&field.path);
    if !field.about.is_empty() {
        ui.label(&field.about);
    }
    ui.weak(details.describe(&field.range));
    if !field.value.is_empty() {
        let value: String = field.value.chars().take(200).collect();
        ui.monospace(value);
    }
}
