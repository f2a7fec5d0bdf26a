//! The table of messages. Only the rows that are seen are laid out, and only they are read.

use std::collections::HashMap;

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, CornerRadius, FontId, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo};
use framescope_capture::Row;
use framescope_capture::filter::Column;
use framescope_parser::SpanType;

use super::cells::{Shown, cell_text, test_of};
use super::columns::{GUTTER, LAST, PADDING, column_at, fitting, header, needed};
use super::list::{self, Scroll};
use super::{Command, Kept, Look, decode_as, paint_text};
use crate::actions::{Action, name};
use crate::colours;

const ROW_HEIGHT: f32 = 20.0;

/// What the table remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) scroll: Scroll,
    /// How far it is moved to the left, in points.
    pub(crate) moved: f32,
    /// The column that a menu was opened on.
    menu_column: Option<Column>,
    /// The column that is being moved to another place.
    pub(crate) moving: Option<usize>,
}

/// `to_show` is the place of a row to bring into sight.
pub(crate) fn show(
    ui: &mut Ui,
    look: Look<'_>,
    table: &mut Table,
    to_show: Option<usize>,
    commands: &mut Vec<Command>,
) {
    let room = ui.available_width() - GUTTER - 16.0;
    let columns = look.settings.columns().map(|(column, width)| (column, width.max(needed(look, column))));
    let (mut places, left_out) = fitting(columns.collect(), room);
    if let Some(((_, width), before)) = places.split_last_mut() {
        let before: f32 = before.iter().map(|(_, width)| width).sum();
        *width = (room - before).max(width.min(LAST));
    }
    let whole: f32 = places.iter().map(|(_, width)| width).sum();
    if ui.rect_contains_pointer(ui.available_rect_before_wrap()) {
        table.moved -= ui.input(|input| input.smooth_scroll_delta().x);
    }
    table.moved = table.moved.clamp(0.0, (whole - room).max(0.0));
    header(ui, look, table, &places, &left_out, commands);
    let count = look.view.row_count();
    let selected = look.view.selected();
    let partner = selected.and_then(|row| look.index.counterpart(row));
    let visible: Vec<u32> = {
        // What will be seen, as far as it is known before: read together, ahead of being laid out.
        let first = to_show.map_or(table.scroll.top, |item| item.saturating_sub(table.scroll.seen));
        let last = first + table.scroll.seen.max(40) * if to_show.is_some() { 2 } else { 1 } + 4;
        (first..last.min(count)).filter_map(|place| look.view.row_at(place)).collect()
    };
    look.view.lookup().want_lines(&visible);
    let mut marks: HashMap<u32, Rect> = HashMap::new();
    let moved = table.moved;
    let mut menu_column = table.menu_column;
    let clip = ui.available_rect_before_wrap();
    list::show(
        ui,
        "Messages",
        &mut table.scroll,
        count,
        to_show,
        &mut |_| ROW_HEIGHT,
        &mut |ui, place, rect| {
            let Some(number) = look.view.row_at(place) else { return };
            let Some(row) = look.index.row(number) else { return };
            let line = look.view.lookup().line(number);
            let response = row_ui(
                ui,
                look,
                &Shown { place, number, row: &row, line: line.as_ref(), partner },
                &places,
                moved,
                rect,
            );
            if Some(number) == selected || Some(number) == partner {
                marks.insert(number, rect);
            }
            if response.clicked() {
                let keeps = ui.input(|input| input.modifiers.command);
                commands.push(if keeps {
                    Command::CompareWith(Some(number))
                } else {
                    Command::SelectRow(number)
                });
            }
            if response.double_clicked() {
                commands.push(Command::Act(Action::ShowMessage));
            }
            if response.secondary_clicked() {
                let x = response.interact_pointer_pos().map_or(0.0, |at| at.x - rect.left() - GUTTER + moved);
                menu_column = column_at(&places, x);
                commands.push(Command::SelectRow(number));
            }
            response.context_menu(|ui| row_menu(ui, look, number, &row, menu_column, commands));
        },
    );
    table.menu_column = menu_column;
    if let (Some(row), Some(other)) = (selected, partner) {
        // One that is not among the rows that are shown is joined to nothing. In another order it may be anywhere.
        let is_shown =
            marks.contains_key(&other) || look.view.sort().is_none() && look.view.place_of(other).is_some();
        if is_shown {
            join(ui, clip, marks.get(&row), marks.get(&other), row < other);
        }
    }
}

/// A mark at the left that joins a request and its reply, as far as they are in sight.
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
    ui: &mut Ui,
    look: Look<'_>,
    shown: &Shown<'_>,
    places: &[(Column, f32)],
    moved: f32,
    rect: Rect,
) -> Response {
    let &Shown { place, number, row, line, partner } = shown;
    let response = ui.interact(rect, ui.scope_id().with(("row", place)), Sense::click());
    let is_selected = look.view.selected() == Some(number);
    let visuals = ui.visuals().clone();
    let ground = if is_selected {
        Some(visuals.selection.bg_fill)
    } else if response.hovered() {
        Some(visuals.widgets.hovered.weak_bg_fill)
    } else if partner == Some(number) || look.view.compared() == Some(number) {
        Some(visuals.widgets.open.weak_bg_fill)
    } else if !place.is_multiple_of(2) {
        Some(visuals.faint_bg_color)
    } else {
        None
    };
    if let Some(ground) = ground {
        ui.painter().rect_filled(rect, CornerRadius::ZERO, ground);
    }
    let text = if is_selected { visuals.strong_text_color() } else { visuals.text_color() };
    if look.view.compared() == Some(number) {
        let at = Pos2::new(rect.left() + 11.0, rect.center().y);
        super::label_at(ui, at, Align2::CENTER_CENTER, "=", 13.0, text);
    }
    let mut x = rect.left() + GUTTER - moved;
    let mut spoken = String::new();
    for (column, width) in places {
        let cell = Rect::from_min_size(Pos2::new(x, rect.top()), Vec2::new(*width, ROW_HEIGHT));
        x += width;
        let value = cell_text(look, shown, *column);
        if value.is_empty() {
            continue;
        }
        if !spoken.is_empty() {
            spoken.push_str(", ");
        }
        spoken.push_str(&value);
        if cell.right() < rect.left() || cell.left() > rect.right() {
            continue;
        }
        let mut inner = cell.shrink2(Vec2::new(PADDING, 0.0));
        let is_number = matches!(
            column,
            Column::Row | Column::Time | Column::Flow | Column::Packet | Column::Offset | Column::Length
        );
        let font = if is_number { FontId::monospace(12.5) } else { FontId::proportional(13.0) };
        let colour = match column {
            Column::Kind if row.span_type == SpanType::Message => {
                let colour = colours::kind(&value, &visuals);
                let swatch =
                    Rect::from_center_size(Pos2::new(inner.left() + 4.0, inner.center().y), Vec2::splat(7.0));
                ui.painter().rect_filled(swatch, CornerRadius::same(2), colour);
                inner.min.x += 13.0;
                text
            }
            Column::Kind => {
                inner.min.x += 13.0;
                visuals.weak_text_color()
            }
            Column::Problems | Column::Severity => {
                row.severity().map_or(text, |severity| colours::severity(severity, &visuals))
            }
            _ => text,
        };
        paint_text(ui, inner, &value, font, colour);
    }
    if line.is_none() {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
    }
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_selected, &spoken));
    response
}

fn row_menu(
    ui: &mut Ui,
    look: Look<'_>,
    number: u32,
    row: &Row,
    column: Option<Column>,
    commands: &mut Vec<Command>,
) {
    ui.set_max_width(420.0);
    let mut item = |ui: &mut Ui, label: String, command: Command| {
        if ui.button(label).clicked() {
            commands.push(command);
            ui.close();
        }
    };
    if let Some(test) = column.and_then(|column| test_of(look, number, row, column)) {
        item(ui, format!("Add to filter: {test}"), Command::AddToFilter(test.clone()));
        item(ui, "Add its opposite to filter".to_owned(), Command::AddToFilter(format!("not {test}")));
        item(ui, "Only this as filter".to_owned(), Command::SetFilter(test));
    }
    if let Some(column) = column {
        let line = look.view.lookup().line(number);
        let place = look.view.place_of(number).unwrap_or(0);
        let shown = Shown { place, number, row, line: line.as_ref(), partner: None };
        item(ui, "Copy this cell".to_owned(), Command::Copy(cell_text(look, &shown, column)));
    }
    ui.separator();
    item(ui, "Only this conversation".to_owned(), Command::ShowFlow(Some(row.flow())));
    if look.index.counterpart(number).is_some() {
        item(ui, name(Action::GoToPartner).to_owned(), Command::Act(Action::GoToPartner));
    }
    item(ui, "Compare with this row".to_owned(), Command::CompareWith(Some(number)));
    item(ui, "Show in the dialogue".to_owned(), Command::Act(Action::ShowDialogue));
    item(ui, "Show in the ladder".to_owned(), Command::Act(Action::ShowLadder));
    if row.span_type != SpanType::Gap {
        item(ui, "Save as seed...".to_owned(), Command::SaveRow(number, Kept::Seed));
        item(ui, "Save as regression...".to_owned(), Command::SaveRow(number, Kept::Regression));
    }
    ui.separator();
    ui.menu_button("Decode as", |ui| decode_as(ui, look, Some(row.flow()), commands));
}
