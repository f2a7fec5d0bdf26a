//! The fields of the selected message as a tree, with its problems above and the highlighted field in full below.

mod layers;
mod line;

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Button, CornerRadius, FontId, Label, Panel, Pos2, Rect, RichText, ScrollArea, Sense, Ui, Vec2, WidgetInfo,
};

use super::Command;
use super::colours;
use super::list::{self, Scroll};
use super::menus::{copy_entries, entry};
use super::paint::{paint_text, row_background};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::copying::field_as;
use crate::models::details::{Details, FieldNode};
use crate::models::field_list::{FieldList, Item};
use line::FieldLine;

const LINE: f32 = 19.0;
pub(super) const PROBLEM: f32 = 38.0;
const INDENT: f32 = 14.0;

/// What the tree remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct FieldTree {
    scroll: Scroll,
    list: FieldList,
}

pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    details: &Arc<Details>,
    tree: &mut FieldTree,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong(&details.title);
        ui.add(Label::new(RichText::new(&details.origin).weak()).truncate()).on_hover_text(&details.origin);
    });
    if let Some(error) = &details.error {
        ui.colored_label(ui.visuals().error_fg_color, error);
    }
    layers::missing_secrets(ui, details, commands);
    if details.problems.iter().any(|problem| problem.code.as_str() == "no-protocol") {
        let hover = "Propose a description of the messages of this conversation";
        if ui.button(name(Action::Guess)).on_hover_text(hover).clicked() {
            commands.push(Command::Act(Action::Guess));
        }
    }
    let decode = |row| context.view.lookup().details(row);
    let highlight = context.view.highlighted();
    let target = tree.list.update(details, highlight, &decode);
    if let Some(field) = tree.list.highlighted() {
        let of = highlight.and_then(|highlight| context.view.details_of(highlight));
        Panel::bottom("field").resizable(true).default_size(92.0).min_size(40.0).show(ui, |ui| {
            whole_field(ui, of.as_ref().unwrap_or(details), field, commands);
        });
    }
    let columns = Columns::of(ui.available_width());
    columns.header(ui);
    let items = tree.list.items();
    if items.is_empty() {
        ui.weak("This row has no fields.");
        return;
    }
    let mut height = |item: usize| match items.get(item) {
        Some(Item::Problem(_)) => PROBLEM,
        _ => LINE,
    };
    let mut toggled = None;
    let mut draw = |ui: &mut Ui, item: usize, rect: Rect| match items.get(item) {
        Some(Item::Problem(number)) => {
            if let Some(range) = problem(ui, details, *number, rect, commands) {
                commands.push(Command::HighlightBytes(range));
            }
        }
        Some(Item::Field { depth, field, is_open, of }) => {
            let (row, details) = (of.as_ref().map(|of| of.row), of.as_ref().unwrap_or(details));
            let depth = *depth;
            let line = FieldLine { context, details, of: row, field, depth, columns, is_open: *is_open };
            if line.show(ui, rect, commands) {
                toggled = Some(Toggled::Field(field.path.clone()));
            }
        }
        Some(Item::Carrier { number, is_open }) => {
            let carrier = details.carriers.get(*number);
            if let Some(carrier) =
                carrier.filter(|carrier| layers::carrier(ui, context, carrier, *is_open, rect, commands))
            {
                toggled = Some(Toggled::Carrier(carrier.title.clone()));
            }
        }
        Some(Item::Carried(number)) => {
            if let Some(carried) = details.carried.get(*number) {
                layers::carried(ui, carried, rect, commands);
            }
        }
        Some(Item::MoreCarriers(more)) => {
            layers::more(ui, &format!("and {more} more messages of carriers"), rect)
        }
        Some(Item::MoreCarried) => layers::more(ui, "and more rows", rect),
        None => {}
    };
    list::show(ui, "Fields", &mut tree.scroll, items.len(), target, &mut height, &mut draw);
    match toggled {
        Some(Toggled::Field(path)) => tree.list.toggle(&path, &decode),
        Some(Toggled::Carrier(title)) => tree.list.toggle_carrier(&title, &decode),
        None => {}
    }
}

/// What is to be opened or closed.
enum Toggled {
    Field(String),
    Carrier(String),
}

/// Where the columns start, from the left.
#[derive(Clone, Copy)]
struct Columns {
    value: f32,
    raw: f32,
    offset: f32,
    length: f32,
    end: f32,
}

impl Columns {
    fn of(width: f32) -> Columns {
        let end = width - 16.0;
        let length = (end - 52.0).max(60.0);
        let offset = (length - 56.0).max(60.0);
        // The raw bytes go first where there is little room: the hex view has them too.
        let raw = if width > 480.0 { offset - 128.0 } else { offset };
        Columns { value: (raw * 0.52).clamp(90.0, 260.0), raw, offset, length, end }
    }

    fn has_raw(self) -> bool {
        self.raw < self.offset
    }

    fn cell(self, rect: Rect, from: f32, to: f32) -> Rect {
        Rect::from_min_max(
            Pos2::new(rect.left() + from, rect.top()),
            Pos2::new(rect.left() + to - 6.0, rect.bottom()),
        )
    }

    fn header(self, ui: &mut Ui) {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), LINE), Sense::hover());
        let colour = ui.visuals().weak_text_color();
        for (name, from, to) in [
            ("Field", INDENT, self.value),
            ("Value", self.value, self.raw),
            (if self.has_raw() { "Raw" } else { "" }, self.raw, self.offset),
            ("Offset", self.offset, self.length),
            ("Bytes", self.length, self.end),
        ] {
            paint_text(ui, self.cell(rect, from, to), name, FontId::proportional(12.0), colour);
        }
        ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
    }
}

/// Shows a problem. Returns the bytes that it concerns if it was clicked.
pub(super) fn problem(
    ui: &mut Ui,
    details: &Details,
    number: usize,
    rect: Rect,
    commands: &mut Vec<Command>,
) -> Option<Range<usize>> {
    let problem = details.problems.get(number)?;
    let (code, severity) = (problem.code, problem.code.severity());
    let title = format!("{severity}: {code}");
    let response = ui.interact(rect, ui.scope_id().with(("problem", number)), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{title}. {}", problem.text)));
    row_background(ui, rect, false, response.hovered());
    let colour = colours::severity(severity, ui.visuals());
    let bar = Rect::from_min_size(rect.min + Vec2::new(2.0, 3.0), Vec2::new(3.0, PROBLEM - 6.0));
    ui.painter().rect_filled(bar, CornerRadius::same(1), colour);
    let inner = rect.with_min_x(rect.left() + 10.0);
    let upper = inner.with_max_y(rect.top() + LINE);
    let lower = inner.with_min_y(upper.bottom() - 1.0);
    paint_text(ui, upper, &title, FontId::proportional(13.0), colour);
    paint_text(ui, lower, &problem.text, FontId::proportional(12.5), ui.visuals().text_color());
    let clicked = response.clicked().then(|| problem.range.clone());
    let about = || {
        let (meaning, cause, cure) = (code.meaning(), code.usual_cause(), code.what_to_do());
        format!("{}\n\n{meaning}\n\nUsual cause: {cause}\nWhat to do: {cure}", problem.text)
    };
    response.on_hover_ui(|ui| drop(ui.label(about()))).context_menu(|ui| {
        let test = format!("problems == {code}");
        entry(ui, &format!("Add to filter: {test}"), || Command::AddToFilter(test.clone()), commands);
    });
    clicked
}

/// The highlighted field: its whole text, its documentation, and its place in the capture.
fn whole_field(ui: &mut Ui, details: &Details, field: &FieldNode, commands: &mut Vec<Command>) {
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.strong(&field.path);
        let copy = |form| field_as(field, &details.captured(), form);
        ui.menu_button("Copy", |ui| copy_entries(ui, "", "Value", copy, commands));
        if ui.add(Button::new("Deselect").small()).clicked() {
            commands.push(Command::Highlight(None));
        }
        ui.add(Label::new(RichText::new(details.describe(&field.range)).weak()).truncate());
    });
    ScrollArea::vertical().id_salt("whole field").auto_shrink([false, false]).show(ui, |ui| {
        let text = field.text.as_deref().unwrap_or(&field.value);
        if !text.is_empty() {
            ui.add(Label::new(RichText::new(text).monospace()).wrap());
        }
        if !field.about.is_empty() {
            ui.add(Label::new(RichText::new(&field.about).italics()).wrap());
        }
    });
}
