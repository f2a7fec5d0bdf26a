//! The fields of a composed message, each with a line in which its value is typed. A lock marks what is derived.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align, CornerRadius, FontId, Id, Layout, Pos2, Rect, Sense, Stroke, StrokeKind, TextEdit, TextStyle, Ui,
    UiBuilder, Vec2, WidgetInfo,
};
use framescope_parser::Severity;

use super::super::Command;
use super::super::colours;
use super::super::fields::{PROBLEM, problem};
use super::super::list::{self, Scroll};
use super::super::paint::{indent, paint_disclosure, paint_lock, paint_text, row_background};
use super::{Compose, Marks, text_info};
use crate::models::composer::{Change, Composer, EditedField, FieldState, Shown, ValueKind};
use crate::models::details::FieldNode;
use crate::models::field_list::{FieldList, Item};
use crate::models::view::Highlight;

const LINE: f32 = 23.0;
const INDENT: f32 = 14.0;
/// The room for a lock.
const LOCK: f32 = 22.0;

/// What the fields remember from frame to frame.
#[derive(Debug, Default)]
pub(super) struct FieldEditor {
    scroll: Scroll,
    list: FieldList,
    /// The field that is typed into, and what was typed.
    typed: Option<(String, String)>,
}

/// Where the columns start, from the left.
#[derive(Clone, Copy)]
struct Columns {
    value: f32,
    offset: f32,
    end: f32,
}

impl Columns {
    fn of(width: f32) -> Columns {
        let end = width - 16.0;
        // Where there is little room, the bytes show where a field is.
        let offset = if end > 340.0 { end - 84.0 } else { end };
        Columns { value: (end * 0.40).clamp(90.0, 260.0), offset, end }
    }
}

pub(super) fn show(
    ui: &mut Ui,
    composer: &Composer,
    editor: &mut FieldEditor,
    marks: &mut Marks,
    commands: &mut Vec<Command>,
) {
    let shown = composer.shown();
    let highlight = marks.path().map(|path| Highlight { range: marks.range(), path: Some(path), of: None });
    let target = editor.list.update(&shown.details, highlight.as_ref(), &|_| None);
    let columns = Columns::of(ui.available_width());
    let FieldEditor { scroll, list, typed } = editor;
    let items = list.items();
    if items.is_empty() {
        ui.weak("These bytes have no fields.");
        return;
    }
    let mut height = |item: usize| match items.get(item) {
        Some(Item::Problem(_)) => PROBLEM,
        _ => LINE,
    };
    let mut toggled = None;
    let mut draw = |ui: &mut Ui, item: usize, rect: Rect| match items.get(item) {
        Some(Item::Problem(number)) => {
            if let Some(range) = problem(ui, &shown.details, *number, rect, commands) {
                marks.select(&shown.details, range);
            }
        }
        Some(Item::Field { depth, field, is_open, .. }) => {
            let edited = shown.fields.get(&field.path);
            let line = Line { composer, shown, field, edited, depth: *depth, columns, is_open: *is_open };
            if line.show(ui, rect, typed, marks, commands) {
                toggled = Some(field.path.clone());
            }
        }
        _ => {}
    };
    list::show(ui, "Composed fields", scroll, items.len(), target, &mut height, &mut draw);
    if let Some(path) = toggled {
        list.toggle(&path, &|_| None);
    }
}

/// A field, and how it is shown.
struct Line<'l> {
    composer: &'l Composer,
    shown: &'l Shown,
    field: &'l Arc<FieldNode>,
    edited: Option<&'l EditedField>,
    depth: usize,
    columns: Columns,
    is_open: bool,
}

impl Line<'_> {
    /// Shows the field. True if it is to be opened or closed.
    fn show(
        &self,
        ui: &mut Ui,
        rect: Rect,
        typed: &mut Option<(String, String)>,
        marks: &mut Marks,
        commands: &mut Vec<Command>,
    ) -> bool {
        let field = self.field;
        let is_marked = marks.path().as_deref() == Some(&field.path);
        let name = rect.with_max_x(rect.left() + self.columns.value - 4.0);
        let response = ui.interact(name, ui.scope_id().with(("composed", &field.path)), Sense::click());
        response.widget_info(|| {
            let severity = field.severity.map_or_else(String::new, |severity| format!(" ({severity})"));
            WidgetInfo::selected(Role::TreeItem, true, is_marked, format!("Field {}{severity}", field.path))
        });
        row_background(ui, rect, is_marked, response.hovered());
        let left = rect.left() + 2.0 + indent(self.depth, INDENT);
        let toggles = !field.fields.is_empty() && self.disclosure(ui, Pos2::new(left, rect.top()));
        self.swatch(ui, Pos2::new(left + INDENT, rect.top() + 5.0));
        let weak = ui.visuals().weak_text_color();
        let colour = field.severity.map_or(weak, |severity| colours::severity(severity, ui.visuals()));
        paint_text(ui, name.with_min_x(left + INDENT + 8.0), &field.name, FontId::monospace(12.5), colour);
        if response.clicked() && !toggles {
            marks.mark_field(field);
        }
        if response.hovered() {
            marks.hovered = Some(field.range.clone());
        }
        if !field.about.is_empty() {
            response.on_hover_text(format!("{}\n{}", field.path, field.about));
        }
        self.value(ui, rect, typed, marks, commands);
        if self.columns.offset < self.columns.end {
            let place = rect.with_min_x(rect.left() + self.columns.offset + 4.0);
            let text = format!("{}, {} B", field.range.start, field.range.len());
            paint_text(ui, place, &text, FontId::monospace(11.0), weak);
        }
        toggles
    }

    fn value(
        &self,
        ui: &mut Ui,
        rect: Rect,
        typed: &mut Option<(String, String)>,
        marks: &mut Marks,
        commands: &mut Vec<Command>,
    ) {
        let (from, to) = (rect.left() + self.columns.value, rect.left() + self.columns.offset);
        let place = Rect::from_x_y_ranges(from..=to - LOCK, rect.y_range());
        let shown_only = |ui: &Ui| {
            let colour = ui.visuals().weak_text_color();
            paint_text(ui, place.with_min_x(from + 4.0), &self.field.value, FontId::monospace(12.5), colour);
        };
        let Some(edited) = self.edited else { return shown_only(ui) };
        let lock = Rect::from_min_size(Pos2::new(to - LOCK, rect.top()), Vec2::new(LOCK, LINE));
        match edited.state {
            FieldState::Derived | FieldState::Computed => {
                shown_only(ui);
                self.lock(ui, lock, edited.state, commands);
            }
            FieldState::TooLong => shown_only(ui),
            FieldState::Free | FieldState::Given => {
                self.edit(ui, place, edited, typed, marks, commands);
                if edited.state == FieldState::Given {
                    self.lock(ui, lock, edited.state, commands);
                }
            }
        }
    }

    fn edit(
        &self,
        ui: &mut Ui,
        place: Rect,
        edited: &EditedField,
        typed: &mut Option<(String, String)>,
        marks: &mut Marks,
        commands: &mut Vec<Command>,
    ) {
        let path = &self.field.path;
        let set =
            |text: String| Command::Compose(Compose::Change(Change::Value { path: path.clone(), text }));
        let builder =
            UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center)).id_salt(path);
        ui.scope_builder(builder, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if edited.kind == ValueKind::Bool {
                let mut is_set = edited.text == "true";
                let check = ui.checkbox(&mut is_set, &edited.text);
                check.widget_info(|| {
                    WidgetInfo::selected(Role::CheckBox, true, is_set, format!("{path}: {}", edited.text))
                });
                if check.changed() {
                    commands.push(set(is_set.to_string()));
                }
                return;
            }
            let names = self.shown.names_of(path);
            let own = typed.as_ref().filter(|(known, _)| known == path).map(|(_, text)| text.clone());
            let mut text = own.unwrap_or_else(|| edited.text.clone());
            let room = if names.is_empty() { 0.0 } else { 20.0 };
            let has_error = self.composer.error().is_some_and(|(of, _)| of == Some(path));
            let mut line = TextEdit::singleline(&mut text)
                .id(Id::unique(("composed value", path)))
                .font(TextStyle::Monospace)
                .desired_width((place.width() - room - 10.0).max(30.0));
            if has_error {
                line = line.text_color(colours::severity(Severity::Error, ui.visuals()));
            }
            let response = ui.add(line);
            response.widget_info(|| text_info(&edited.text, &text, path));
            if response.gained_focus() {
                marks.mark_field(self.field);
            }
            if response.changed() {
                *typed = Some((path.clone(), text.clone()));
                commands.push(set(text));
            } else if response.lost_focus() {
                // What is no value goes with the focus.
                *typed = None;
                commands.push(Command::Compose(Compose::EndStep));
            }
            if has_error && let Some((_, why)) = self.composer.error() {
                response.on_hover_text(why);
            }
            if !names.is_empty() {
                names_menu(ui, path, names, typed, |name| commands.push(set(name)));
            }
        });
    }

    /// The triangle that opens and closes the field. True if it was clicked.
    fn disclosure(&self, ui: &Ui, at: Pos2) -> bool {
        let path = &self.field.path;
        let rect = Rect::from_min_size(at, Vec2::splat(LINE));
        let sign = ui.interact(rect, ui.scope_id().with(("open composed", path)), Sense::click());
        let verb = if self.is_open { "Close" } else { "Open" };
        sign.widget_info(|| WidgetInfo::labeled(Role::DisclosureTriangle, true, format!("{verb} {path}")));
        paint_disclosure(ui, rect.center() - Vec2::new(5.0, 0.0), self.is_open);
        sign.clicked()
    }

    /// The tint that the field's bytes have.
    fn swatch(&self, ui: &Ui, at: Pos2) {
        let Some(tint) = self.field.tint else { return };
        let rect = Rect::from_min_size(at, Vec2::new(5.0, LINE - 10.0));
        let (visuals, corners) = (ui.visuals(), CornerRadius::same(1));
        ui.painter().rect_filled(rect, corners, colours::tint(tint, visuals));
        let stroke = Stroke::new(0.5, visuals.weak_text_color());
        ui.painter().rect_stroke(rect, corners, stroke, StrokeKind::Inside);
    }

    fn lock(&self, ui: &Ui, rect: Rect, state: FieldState, commands: &mut Vec<Command>) {
        let path = &self.field.path;
        let (verb, about) = match state {
            FieldState::Given => ("Derive", "As given, even if it is false. Click to derive it again."),
            FieldState::Computed => ("Computed", "Computed from other fields: it has no bytes of its own."),
            _ => {
                ("Unlock", "Derived from other fields. Click to give it a value of its own, right or wrong.")
            }
        };
        let response = ui.interact(rect, ui.scope_id().with(("lock", path)), Sense::click());
        let is_enabled = state != FieldState::Computed;
        response.widget_info(|| WidgetInfo::labeled(Role::Button, is_enabled, format!("{verb} {path}")));
        let visuals = ui.visuals();
        let colour = match state {
            FieldState::Given => colours::severity(Severity::Warning, visuals),
            _ if response.hovered() => visuals.strong_text_color(),
            _ => visuals.weak_text_color(),
        };
        if is_enabled {
            paint_lock(ui, rect.center(), state == FieldState::Given, colour);
        }
        if response.clicked() && is_enabled {
            let change = match state {
                FieldState::Given => Change::Derive(path.clone()),
                _ => Change::Give(path.clone()),
            };
            commands.push(Command::Compose(Compose::Change(change)));
        }
        response.on_hover_text(about);
    }
}

/// The names that a number can have.
fn names_menu(
    ui: &mut Ui,
    path: &str,
    names: &[(i128, String)],
    typed: &mut Option<(String, String)>,
    mut choose: impl FnMut(String),
) {
    let menu = ui.menu_button("", |ui| {
        eframe::egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for (number, name) in names {
                if ui.button(format!("{name} ({number})")).clicked() {
                    *typed = None;
                    choose(name.clone());
                    ui.close();
                }
            }
        });
    });
    menu.response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Names of {path}")));
    paint_disclosure(ui, menu.response.rect.center(), true);
}
