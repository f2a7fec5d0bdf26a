//! The fields of the selected message as a tree, its problems above them, and all of the marked field below them.

use std::collections::HashSet;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Button, CornerRadius, FontId, Label, Panel, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, Ui, Vec2,
    WidgetInfo,
};
use framescope_capture::export::hex;

use super::list::{self, Scroll};
use super::{Command, Look, grouped, paint_text};
use crate::colours;
use crate::copying::{CopyAs, field_as};
use crate::details::{Details, FieldNode};
use crate::view::Marked;

const LINE: f32 = 19.0;
const PROBLEM: f32 = 38.0;
const INDENT: f32 = 14.0;
/// Bytes whose digits are shown beside a value.
const RAW_SHOWN: usize = 8;

/// What the tree remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    scroll: Scroll,
    /// Fields, by their paths, that are not as they are at first: flags closed, all else open.
    toggled: HashSet<String>,
    /// The field that was brought into sight last.
    shown: Option<String>,
}

enum Item<'d> {
    Problem(usize),
    Field(usize, &'d FieldNode),
}

/// The fields that say something of their own bytes, in the order of the tree: each has its tint.
pub(crate) fn leaves(fields: &[FieldNode]) -> Vec<&FieldNode> {
    fn add<'f>(fields: &'f [FieldNode], all: &mut Vec<&'f FieldNode>) {
        for field in fields {
            if field.fields.is_empty() || field.is_flags() {
                all.push(field)
            } else {
                add(&field.fields, all)
            }
        }
    }
    let mut all = Vec::new();
    add(fields, &mut all);
    all
}

pub(crate) fn show(
    ui: &mut Ui,
    look: Look<'_>,
    details: &Details,
    tree: &mut Tree,
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
    let marked = look.view.marked().and_then(|marked| details.field(marked.path.as_deref()?));
    if let Some(field) = marked {
        Panel::bottom("field").resizable(true).default_size(92.0).min_size(40.0).show(ui, |ui| {
            whole_field(ui, details, field, commands);
        });
    }
    let columns = Columns::of(ui.available_width());
    columns.header(ui);
    let mut items: Vec<Item<'_>> = (0..details.problems.len()).map(Item::Problem).collect();
    let mut tints: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for (at, leaf) in leaves(&details.fields).into_iter().enumerate() {
        tints.insert(leaf.path.as_str(), at);
    }
    open_fields(&details.fields, 0, &tree.toggled, &mut items);
    // A field that was marked elsewhere is brought into sight, once.
    let path = marked.map(|field| field.path.clone());
    let is_new = path != tree.shown;
    let to_show = path.as_ref().filter(|_| is_new).and_then(|path| {
        items.iter().position(|item| matches!(item, Item::Field(_, field) if field.path == *path))
    });
    tree.shown = path;
    if items.is_empty() {
        ui.weak("There are no fields in this row.");
        return;
    }
    let heights: Vec<bool> = items.iter().map(|item| matches!(item, Item::Problem(_))).collect();
    let mut toggled = None;
    list::show(
        ui,
        "Fields",
        &mut tree.scroll,
        items.len(),
        to_show,
        &mut |item| if heights.get(item) == Some(&true) { PROBLEM } else { LINE },
        &mut |ui, item, rect| match items.get(item) {
            Some(Item::Problem(number)) => problem(ui, details, *number, rect, commands),
            Some(&Item::Field(depth, field)) => {
                let tint = tints.get(field.path.as_str()).copied();
                let line = Line {
                    look,
                    details,
                    field,
                    depth,
                    tint,
                    columns,
                    is_open: is_open(field, &tree.toggled),
                };
                if line.show(ui, rect, commands) {
                    toggled = Some(field.path.clone());
                }
            }
            None => {}
        },
    );
    if let Some(path) = toggled
        && !tree.toggled.remove(&path)
    {
        tree.toggled.insert(path);
    }
}

fn is_open(field: &FieldNode, toggled: &HashSet<String>) -> bool {
    // What was touched is the other way round.
    field.is_flags() == toggled.contains(&field.path)
}

fn open_fields<'d>(
    fields: &'d [FieldNode],
    depth: usize,
    toggled: &HashSet<String>,
    items: &mut Vec<Item<'d>>,
) {
    for field in fields {
        items.push(Item::Field(depth, field));
        if !field.fields.is_empty() && is_open(field, toggled) {
            open_fields(&field.fields, depth + 1, toggled, items);
        }
    }
}

/// Where the columns begin, from the left.
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
        // Where there is little room the digits go first: the bytes have them too.
        let raw = if width > 480.0 { offset - 128.0 } else { offset };
        Columns { value: (raw * 0.52).clamp(90.0, 260.0), raw, offset, length, end }
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
        let has_raw = self.raw < self.offset;
        for (name, from, to) in [
            ("Field", INDENT, self.value),
            ("Value", self.value, self.raw),
            (if has_raw { "Raw" } else { "" }, self.raw, self.offset),
            ("Offset", self.offset, self.length),
            ("Bytes", self.length, self.end),
        ] {
            paint_text(ui, self.cell(rect, from, to), name, FontId::proportional(12.0), colour);
        }
        ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
    }
}

fn problem(ui: &mut Ui, details: &Details, number: usize, rect: Rect, commands: &mut Vec<Command>) {
    let Some(problem) = details.problems.get(number) else { return };
    let severity = problem.code.severity();
    let title = format!("{severity}: {}", problem.code);
    let response = ui.interact(rect, ui.scope_id().with(("problem", number)), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{title}. {}", problem.text)));
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(3), ui.visuals().widgets.hovered.weak_bg_fill);
    }
    let colour = colours::severity(severity, ui.visuals());
    let bar = Rect::from_min_size(rect.min + Vec2::new(2.0, 3.0), Vec2::new(3.0, PROBLEM - 6.0));
    ui.painter().rect_filled(bar, CornerRadius::same(1), colour);
    let inner = rect.with_min_x(rect.left() + 10.0);
    let upper = inner.with_max_y(rect.top() + LINE);
    paint_text(ui, upper, &title, FontId::proportional(13.0), colour);
    paint_text(
        ui,
        inner.with_min_y(upper.bottom() - 1.0),
        &problem.text,
        FontId::proportional(12.5),
        ui.visuals().text_color(),
    );
    if response.clicked() {
        commands.push(Command::MarkBytes(problem.range.clone()));
    }
    let code = problem.code;
    response
        .on_hover_text(format!(
            "{}\n\n{}\n\nUsual cause: {}\nWhat to do: {}",
            problem.text,
            code.meaning(),
            code.usual_cause(),
            code.what_to_do()
        ))
        .context_menu(|ui| {
            let test = format!("problems == {code}");
            if ui.button(format!("Add to filter: {test}")).clicked() {
                commands.push(Command::AddToFilter(test));
                ui.close();
            }
        });
}

struct Line<'d> {
    look: Look<'d>,
    details: &'d Details,
    field: &'d FieldNode,
    depth: usize,
    tint: Option<usize>,
    columns: Columns,
    is_open: bool,
}

impl Line<'_> {
    /// True if the field shall be opened or closed.
    fn show(&self, ui: &mut Ui, rect: Rect, commands: &mut Vec<Command>) -> bool {
        let &Line { look, details, field, depth, tint, columns, is_open } = self;
        let is = |marked: Option<&Marked>| {
            marked.is_some_and(|marked| marked.path.as_deref() == Some(&field.path))
        };
        let (is_marked, is_hovered) = (is(look.view.marked()), is(look.view.hovered()));
        let response = ui.interact(rect, ui.scope_id().with(("field", &field.path)), Sense::click());
        let spoken = match field.severity {
            Some(severity) => format!("{}: {} ({severity})", field.name, field.value),
            None => format!("{}: {}", field.name, field.value),
        };
        response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, is_marked, &spoken));
        let visuals = ui.visuals().clone();
        if is_marked {
            ui.painter().rect_filled(rect, CornerRadius::same(2), visuals.selection.bg_fill);
        } else if is_hovered || response.hovered() {
            ui.painter().rect_filled(rect, CornerRadius::same(2), visuals.widgets.hovered.weak_bg_fill);
        }
        // Tens of levels are as deep as a person reads.
        let depth = f32::from(u16::try_from(depth.min(40)).unwrap_or(40));
        let left = rect.left() + 2.0 + depth * INDENT;
        let mut toggles = false;
        if !field.fields.is_empty() {
            let place = Rect::from_min_size(Pos2::new(left, rect.top()), Vec2::splat(LINE));
            let sign = ui.interact(place, ui.scope_id().with(("open", &field.path)), Sense::click());
            let verb = if is_open { "Close" } else { "Open" };
            sign.widget_info(|| {
                WidgetInfo::labeled(Role::DisclosureTriangle, true, format!("{verb} {}", field.path))
            });
            toggles = sign.clicked() || response.double_clicked();
            paint_sign(ui, place.center() - Vec2::new(3.0, 0.0), is_open);
        }
        if let Some(tint) = tint {
            let swatch = Rect::from_min_size(
                Pos2::new(left + INDENT - 2.0, rect.top() + 4.0),
                Vec2::new(5.0, LINE - 8.0),
            );
            ui.painter().rect_filled(swatch, CornerRadius::same(1), colours::tint(tint, &visuals));
            ui.painter().rect_stroke(
                swatch,
                CornerRadius::same(1),
                Stroke::new(0.5, visuals.weak_text_color()),
                eframe::egui::StrokeKind::Inside,
            );
        }
        let strong = if is_marked { visuals.strong_text_color() } else { visuals.text_color() };
        let name = columns.cell(rect, 0.0, columns.value).with_min_x(left + INDENT + 6.0);
        let mono = FontId::monospace(12.5);
        paint_text(
            ui,
            name,
            &field.name,
            mono.clone(),
            if is_marked { strong } else { visuals.weak_text_color() },
        );
        let value_place = columns.cell(rect, columns.value, columns.raw);
        match field.severity {
            Some(severity) => {
                let value = if field.value.is_empty() {
                    format!("({severity})")
                } else {
                    format!("{}  ({severity})", field.value)
                };
                paint_text(ui, value_place, &value, mono.clone(), colours::severity(severity, &visuals));
            }
            None => {
                let colour = if field.is_missing && !is_marked { visuals.weak_text_color() } else { strong };
                paint_text(ui, value_place, &field.value, mono.clone(), colour);
            }
        }
        let weak = visuals.weak_text_color();
        if columns.raw < columns.offset && (field.fields.is_empty() || field.is_flags()) {
            let bytes = details.bytes_of(&field.range);
            let shown = hex(bytes.get(..bytes.len().min(RAW_SHOWN)).unwrap_or_default());
            paint_text(
                ui,
                columns.cell(rect, columns.raw, columns.offset),
                &shown,
                FontId::monospace(11.5),
                weak,
            );
        }
        let small = FontId::monospace(11.5);
        paint_text(
            ui,
            columns.cell(rect, columns.offset, columns.length),
            &field.range.start.to_string(),
            small.clone(),
            weak,
        );
        paint_text(
            ui,
            columns.cell(rect, columns.length, columns.end),
            &field.range.len().to_string(),
            small,
            weak,
        );
        let marked = Marked { range: field.range.clone(), path: Some(field.path.clone()) };
        if response.hovered() {
            commands.push(Command::Hover(marked.clone()));
        }
        if response.clicked() && !toggles {
            commands.push(Command::Mark(Some(marked)));
        }
        response
            .on_hover_ui(|ui| hover(ui, details, field))
            .context_menu(|ui| menu(ui, details, field, commands));
        toggles
    }
}

fn paint_sign(ui: &Ui, at: Pos2, is_open: bool) {
    let points = match is_open {
        true => vec![at + Vec2::new(-4.0, -2.0), at + Vec2::new(4.0, -2.0), at + Vec2::new(0.0, 3.5)],
        false => vec![at + Vec2::new(-2.0, -4.0), at + Vec2::new(3.5, 0.0), at + Vec2::new(-2.0, 4.0)],
    };
    let colour = ui.visuals().weak_text_color();
    ui.painter().add(eframe::egui::Shape::convex_polygon(points, colour, Stroke::NONE));
}

fn hover(ui: &mut Ui, details: &Details, field: &FieldNode) {
    ui.set_max_width(480.0);
    ui.strong(&field.path);
    if !field.about.is_empty() {
        ui.label(&field.about);
    }
    ui.weak(place_text(details, &field.range));
    if !field.value.is_empty() {
        let value: String = field.value.chars().take(200).collect();
        ui.monospace(value);
    }
}

/// Where bytes of a message are, in words.
pub(crate) fn place_text(details: &Details, range: &std::ops::Range<usize>) -> String {
    let mut text = byte_range(range);
    let message = details.captured();
    let there = message.captured_before(range.end) - message.captured_before(range.start);
    let lacks = range.end.min(message.length()).saturating_sub(range.start).saturating_sub(there);
    match lacks {
        0 => {}
        _ if there == 0 => text.push_str(", not captured"),
        lacks => text.push_str(&format!(", {} of them not captured", grouped(lacks))),
    }
    if let Some((packet, offset)) = details.place_of(range.start) {
        match packet {
            0 => text.push_str(&format!(", file offset {offset} (0x{offset:x})")),
            packet => text.push_str(&format!(", packet {packet}, file offset {offset} (0x{offset:x})")),
        }
        let last = range.end.checked_sub(1).and_then(|last| details.place_of(last));
        if let Some((other, _)) = last.filter(|(other, _)| *other != packet) {
            text.push_str(&format!(", to packet {other}"));
        }
    }
    text
}

fn menu(ui: &mut Ui, details: &Details, field: &FieldNode, commands: &mut Vec<Command>) {
    ui.set_max_width(420.0);
    for (form, name) in CopyAs::ALL {
        if ui.button(format!("Copy as {name}")).clicked() {
            commands.push(Command::CopyIf(field_as(field, &details.captured(), form)));
            ui.close();
        }
    }
    if field.known_as.is_empty() {
        return;
    }
    ui.separator();
    let test = match &field.literal {
        Some(literal) => format!("{} == {literal}", field.known_as),
        None => field.known_as.clone(),
    };
    let shown: String = test.chars().take(60).collect();
    let more = if shown.len() < test.len() { "..." } else { "" };
    if ui.button(format!("Add to filter: {shown}{more}")).clicked() {
        commands.push(Command::AddToFilter(test.clone()));
        ui.close();
    }
    if ui.button("Add its opposite to filter").clicked() {
        commands.push(Command::AddToFilter(format!("not {test}")));
        ui.close();
    }
    if ui.button("Only this as filter").clicked() {
        commands.push(Command::SetFilter(test));
        ui.close();
    }
}

/// All of the marked field: its whole text, what its author says of it, where it stands.
fn whole_field(ui: &mut Ui, details: &Details, field: &FieldNode, commands: &mut Vec<Command>) {
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.strong(&field.path);
        ui.menu_button("Copy", |ui| {
            for (form, name) in CopyAs::ALL {
                if ui.button(name).clicked() {
                    commands.push(Command::CopyIf(field_as(field, &details.captured(), form)));
                    ui.close();
                }
            }
        });
        if ui.add(Button::new("Unmark").small()).clicked() {
            commands.push(Command::Mark(None));
        }
        ui.add(Label::new(RichText::new(place_text(details, &field.range)).weak()).truncate());
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

/// A range of bytes in words.
pub(crate) fn byte_range(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("no bytes at {}", range.start),
        1 => format!("byte {}", range.start),
        length => format!("bytes {} to {} ({length} bytes)", range.start, range.end - 1),
    }
}
