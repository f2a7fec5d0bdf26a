//! The table of messages. Only visible rows are laid out, and only those are read.

use std::collections::HashMap;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo,
};
use framescope_capture::RowId;
use framescope_capture::filter::Column;
use framescope_parser::SpanType;

use super::columns::{GUTTER, PADDING, Table, header};
use super::list::{self, Scroll};
use super::menus::{decode_as, entry, filter_entries};
use super::paint::{indent, label_at, paint_text, row_text_colour};
use super::{Command, Compose, CorpusFolder, colours};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::cells::{TableRow, cell_text, test_of};
use crate::models::channels::about_channel;
use crate::models::columns::{LAST_WIDTH, column_at, fitting, needed_width, shown};
use crate::models::levels::Levels;

const ROW_HEIGHT: f32 = 20.0;

/// Shows the table. `target` is the position to scroll to.
pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    table: &mut Table,
    target: Option<usize>,
    commands: &mut Vec<Command>,
) {
    let columns = layout(ui, context, table, commands);
    let view = context.view;
    let selected = view.selected();
    let partner = selected.and_then(|row| context.index.counterpart(row));
    let count = view.row_count();
    view.lookup().request_row_texts(&nearby(context, &table.scroll, target));
    // Where the selected row and its partner are, if they are visible.
    let mut visible: HashMap<RowId, Rect> = HashMap::new();
    let (offset, clip) = (table.offset, ui.available_rect_before_wrap());
    let menu_column = &mut table.menu_column;
    let mut draw = |ui: &mut Ui, position: usize, rect: Rect| {
        let found = view.row_at(position).and_then(|number| Some((number, context.index.row(number)?)));
        let Some((number, row)) = found else { return };
        let text = view.lookup().row_text(number);
        let row = TableRow { position, number, row: &row, text: text.as_ref(), partner };
        if Some(number) == selected || Some(number) == partner {
            visible.insert(number, rect);
        }
        let response = row_ui(ui, context, &row, &columns, offset, rect);
        let x = response.hover_pos().map(|at| at.x - rect.left() - GUTTER + offset);
        if let Some(Column::Protocol | Column::CarriedIn) = x.and_then(|x| column_at(&columns, x))
            && let Some(about) = about_channel(context.index, row.row.flow())
        {
            response.clone().on_hover_text_at_pointer(about);
        }
        if response.clicked() {
            let compares = ui.input(|input| input.modifiers.command);
            commands.push(match compares {
                true => Command::CompareWith(Some(number)),
                false => Command::SelectRow(number),
            });
        }
        if response.double_clicked() {
            commands.push(Command::Act(Action::ShowMessage));
        }
        if response.secondary_clicked() {
            let x = response.interact_pointer_pos().map_or(0.0, |at| at.x - rect.left() - GUTTER + offset);
            *menu_column = column_at(&columns, x);
            commands.push(Command::SelectRow(number));
        }
        response.context_menu(|ui| row_menu(ui, context, &row, *menu_column, commands));
    };
    // In another order the newest are anywhere.
    let is_growing = context.index.source().is_growing() && view.sort().is_none();
    if is_growing && table.follow && target.is_none() {
        let room = ui.available_rect_before_wrap().height();
        table.scroll.show_end(count, room, &mut |_| ROW_HEIGHT);
    }
    let before = table.scroll;
    list::show(ui, "Messages", &mut table.scroll, count, target, &mut |_| ROW_HEIGHT, &mut draw);
    if is_growing {
        let has_moved = before.is_moved(&table.scroll);
        table.follow = table.scroll.is_at_end && (table.follow || has_moved);
    }
    if let (Some(row), Some(other)) = (selected, partner) {
        // A partner that is not in the table is not joined. In a sorted table it may be anywhere.
        let is_in_table =
            visible.contains_key(&other) || view.sort().is_none() && view.position_of(other).is_some();
        if is_in_table {
            join(ui, clip, visible.get(&row), visible.get(&other), row < other);
        }
    }
}

/// Lays out the columns and shows their headings.
fn layout(
    ui: &mut Ui,
    context: ViewContext<'_>,
    table: &mut Table,
    commands: &mut Vec<Command>,
) -> Vec<(Column, f32)> {
    let room = ui.available_width() - GUTTER - 16.0;
    let widths = |(column, width): (Column, f32)| (column, width.max(needed_width(context, column)));
    let (mut columns, left_out) = fitting(shown(context).into_iter().map(widths).collect(), room);
    if let Some(((_, width), before)) = columns.split_last_mut() {
        let before: f32 = before.iter().map(|(_, width)| width).sum();
        *width = (room - before).max(width.min(LAST_WIDTH));
    }
    let whole: f32 = columns.iter().map(|(_, width)| width).sum();
    if ui.rect_contains_pointer(ui.available_rect_before_wrap()) {
        table.offset -= ui.input(|input| input.smooth_scroll_delta().x);
    }
    table.offset = table.offset.clamp(0.0, (whole - room).max(0.0));
    header(ui, context, table, &columns, &left_out, commands);
    columns
}

/// The rows that are about to be visible, to be read together before they are laid out.
fn nearby(context: ViewContext<'_>, scroll: &Scroll, target: Option<usize>) -> Vec<RowId> {
    let first = target.map_or(scroll.top, |position| position.saturating_sub(scroll.visible));
    let last = first + scroll.visible.max(40) * if target.is_some() { 2 } else { 1 } + 4;
    let count = context.view.row_count();
    (first..last.min(count)).filter_map(|position| context.view.row_at(position)).collect()
}

/// A bracket on the left that joins a request and its reply, as far as they are visible.
fn join(ui: &Ui, clip: Rect, row: Option<&Rect>, partner: Option<&Rect>, is_request: bool) {
    let painter = ui.painter().with_clip_rect(clip);
    let colour = ui.visuals().hyperlink_color;
    let x = clip.left() + 5.0;
    let Some(row) = row else { return };
    let from = row.center().y;
    let to = partner.map_or(if is_request { clip.bottom() } else { clip.top() }, |rect| rect.center().y);
    painter.line_segment([Pos2::new(x, from), Pos2::new(x, to)], Stroke::new(1.5, colour));
    for y in [Some(from), partner.map(|rect| rect.center().y)].into_iter().flatten() {
        painter.line_segment([Pos2::new(x, y), Pos2::new(x + 6.0, y)], Stroke::new(1.5, colour));
        painter.circle_filled(Pos2::new(x + 7.0, y), 2.5, colour);
    }
}

fn row_ui(
    ui: &Ui,
    context: ViewContext<'_>,
    row: &TableRow<'_>,
    columns: &[(Column, f32)],
    offset: f32,
    rect: Rect,
) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(("row", row.position)), Sense::click());
    let is_selected = context.view.selected() == Some(row.number);
    if let Some(fill) = background(ui, context, row, response.hovered()) {
        ui.painter().rect_filled(rect, CornerRadius::ZERO, fill);
    }
    let style = RowStyle::of(ui, context, row, columns, is_selected);
    let colour = style.colour;
    if context.view.compared() == Some(row.number) {
        let at = Pos2::new(rect.left() + 11.0, rect.center().y);
        label_at(ui, at, Align2::CENTER_CENTER, "=", 13.0, colour);
    }
    let mut x = rect.left() + GUTTER - offset;
    let mut spoken = String::new();
    for (column, width) in columns {
        let cell = Rect::from_min_size(Pos2::new(x, rect.top()), Vec2::new(*width, ROW_HEIGHT));
        x += width;
        let value = cell_text(context, row, *column);
        if value.is_empty() {
            continue;
        }
        if !spoken.is_empty() {
            spoken.push_str(", ");
        }
        spoken.push_str(&value);
        if cell.right() >= rect.left() && cell.left() <= rect.right() {
            paint_cell(ui, cell, row, *column, &value, style);
        }
    }
    if row.text.is_none() {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
    }
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_selected, &spoken));
    response
}

fn background(ui: &Ui, context: ViewContext<'_>, row: &TableRow<'_>, is_hovered: bool) -> Option<Color32> {
    let (visuals, number) = (ui.visuals(), Some(row.number));
    if context.view.selected() == number {
        Some(visuals.selection.bg_fill)
    } else if is_hovered {
        Some(visuals.widgets.hovered.weak_bg_fill)
    } else if row.partner == number || context.view.compared() == number {
        Some(visuals.widgets.open.weak_bg_fill)
    } else if !row.position.is_multiple_of(2) {
        Some(visuals.faint_bg_color)
    } else {
        None
    }
}

/// How a row is painted.
#[derive(Clone, Copy)]
struct RowStyle {
    colour: Color32,
    /// The column that is indented, and how far: by the carriers around it.
    indented: Option<(Column, f32)>,
    /// Whether it only carries others.
    is_subdued: bool,
}

/// By how much each carrier indents.
const LEVEL_INDENT: f32 = 8.0;

impl RowStyle {
    fn of(
        ui: &Ui,
        context: ViewContext<'_>,
        row: &TableRow<'_>,
        columns: &[(Column, f32)],
        is_selected: bool,
    ) -> RowStyle {
        let colour = row_text_colour(ui, is_selected);
        if context.view.scope().levels != Levels::All || !context.view.has_levels() {
            return RowStyle { colour, indented: None, is_subdued: false };
        }
        // What a row carries is what matters, and stands below it.
        let is_subdued = !is_selected && context.index.channels_of(row.row).next().is_some();
        let colour = if is_subdued { ui.visuals().weak_text_color() } else { colour };
        let is_protocol = |(column, _): &(Column, f32)| *column == Column::Protocol;
        let indented = if columns.iter().any(is_protocol) { Column::Protocol } else { Column::Kind };
        let by = indent(context.index.level(row.row).into(), LEVEL_INDENT);
        RowStyle { colour, indented: Some((indented, by)), is_subdued }
    }
}

fn paint_cell(ui: &Ui, cell: Rect, row: &TableRow<'_>, column: Column, value: &str, style: RowStyle) {
    let (visuals, colour) = (ui.visuals(), style.colour);
    let mut inner = cell.shrink2(Vec2::new(PADDING, 0.0));
    if let Some((_, by)) = style.indented.filter(|(indented, _)| *indented == column) {
        inner.min.x += by;
    }
    let is_number = matches!(
        column,
        Column::Row | Column::Time | Column::Flow | Column::Packet | Column::Offset | Column::Length
    );
    let font = if is_number { FontId::monospace(12.5) } else { FontId::proportional(13.0) };
    let colour = match column {
        Column::Kind if row.row.span_type == SpanType::Message => {
            let at = Pos2::new(inner.left() + 4.0, inner.center().y);
            let swatch = Rect::from_center_size(at, Vec2::splat(7.0));
            let fill = colours::kind(value, visuals);
            let fill = if style.is_subdued { fill.gamma_multiply(0.45) } else { fill };
            ui.painter().rect_filled(swatch, CornerRadius::same(2), fill);
            inner.min.x += 13.0;
            colour
        }
        Column::Kind => {
            inner.min.x += 13.0;
            visuals.weak_text_color()
        }
        Column::Problems | Column::Severity => {
            row.row.severity().map_or(colour, |severity| colours::severity(severity, visuals))
        }
        _ => colour,
    };
    paint_text(ui, inner, value, font, colour);
}

fn row_menu(
    ui: &mut Ui,
    context: ViewContext<'_>,
    row: &TableRow<'_>,
    column: Option<Column>,
    commands: &mut Vec<Command>,
) {
    ui.set_max_width(420.0);
    let (number, flow) = (row.number, row.row.flow());
    if let Some(test) = column.and_then(|column| test_of(context, number, row.row, column)) {
        filter_entries(ui, &test, commands);
    }
    if let Some(column) = column {
        entry(ui, "Copy the cell", || Command::Copy(Ok(cell_text(context, row, column))), commands);
    }
    ui.separator();
    entry(ui, "Show only this conversation", || Command::ShowFlow(Some(flow)), commands);
    if context.index.counterpart(number).is_some() {
        entry(ui, name(Action::GoToPartner), || Command::Act(Action::GoToPartner), commands);
    }
    entry(ui, name(Action::Compare), || Command::CompareWith(Some(number)), commands);
    for action in [Action::ShowTranscript, Action::ShowLadder] {
        entry(ui, name(action), || Command::Act(action), commands);
    }
    if row.row.span_type != SpanType::Gap {
        let edit = || Command::Compose(Compose::EditRow(number));
        entry(ui, name(Action::EditAndSend), edit, commands);
        let save = |folder| move || Command::SaveRow(number, folder);
        entry(ui, "Save as a fuzzing seed...", save(CorpusFolder::Seeds), commands);
        entry(ui, "Save as a regression test...", save(CorpusFolder::Regressions), commands);
    }
    ui.separator();
    entry(ui, name(Action::Guess), || Command::Guess(flow), commands);
    ui.menu_button("Decode as", |ui| decode_as(ui, context, Some(flow), commands));
}
