//! The columns of the table: how wide they are, and their heads, which are clicked to sort and dragged to move.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, CursorIcon, FontId, Pos2, Rect, Sense, Stroke, Ui, Vec2, WidgetInfo};
use framescope_capture::filter::Column;

use super::cells::title;
use super::messages::Table;
use super::{Command, Look, paint_text};
use crate::actions::{Action, name};
use crate::rows::Sort;
use crate::settings::{ShownColumn, TimeFormat};

const HEADER_HEIGHT: f32 = 22.0;
/// Left of the columns: where the mark stands that joins a request and its reply.
pub(crate) const GUTTER: f32 = 16.0;
pub(crate) const PADDING: f32 = 4.0;
const NARROWEST: f32 = 28.0;
/// What the last column needs at least.
pub(crate) const LAST: f32 = 130.0;
/// Columns that are left out where there is too little room for all, the first ones first.
const LEFT_OUT: [Column; 5] = [Column::Flow, Column::Dst, Column::ReplyTo, Column::Src, Column::Time];

/// How wide a column of numbers has to be for the greatest of them.
pub(crate) fn needed(look: Look<'_>, column: Column) -> f32 {
    let digits = |greatest: usize| u16::try_from(greatest.max(1).ilog10() + 1).unwrap_or(20);
    let rows = digits(look.index.row_count());
    match column {
        Column::Row => f32::from(rows) * 7.6 + 12.0,
        Column::Flow => f32::from(digits(look.index.flows().len())) * 7.6 + 12.0,
        Column::ReplyTo => f32::from(rows) * 7.4 + 96.0,
        _ => 0.0,
    }
}

/// The columns that there is room for, and those that there is none for.
pub(crate) fn fitting(mut columns: Vec<(Column, f32)>, room: f32) -> (Vec<(Column, f32)>, Vec<Column>) {
    let mut left_out = Vec::new();
    for column in LEFT_OUT {
        let before_last =
            columns.split_last().map_or(0.0, |(_, all)| all.iter().map(|(_, width)| width).sum());
        // The last one has what is left, and needs less than it would like.
        let last = columns.last().map_or(0.0, |(_, width)| width.min(LAST));
        if before_last + last <= room {
            break;
        }
        let before = columns.len();
        columns.retain(|(known, _)| *known != column);
        if columns.len() < before {
            left_out.push(column);
        }
    }
    (columns, left_out)
}

/// The column at a distance from where the first one begins.
pub(crate) fn column_at(places: &[(Column, f32)], mut x: f32) -> Option<Column> {
    for (column, width) in places {
        if x < *width {
            return Some(*column);
        }
        x -= width;
    }
    None
}

pub(crate) fn header(
    ui: &mut Ui,
    look: Look<'_>,
    table: &mut Table,
    places: &[(Column, f32)],
    left_out: &[Column],
    commands: &mut Vec<Command>,
) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEADER_HEIGHT), Sense::hover());
    let mut header = ui.new_child(eframe::egui::UiBuilder::new().max_rect(rect).id_salt("header"));
    header.shrink_clip_rect(rect);
    let ui = &mut header;
    let mut x = rect.left() + GUTTER - table.moved;
    let mut edges = Vec::new();
    for (at, (column, width)) in places.iter().enumerate() {
        let place = Rect::from_min_size(Pos2::new(x, rect.top()), Vec2::new(*width, HEADER_HEIGHT));
        edges.push(place);
        x += width;
        let response =
            ui.interact(place, ui.scope_id().with(("column", column.name())), Sense::click_and_drag());
        let sort = look.view.sort().filter(|sort| sort.column == *column);
        let name = title(*column, look.settings.time);
        let spoken = match sort {
            Some(sort) if sort.descending => format!("{name}, sorted, greatest first"),
            Some(_) => format!("{name}, sorted, least first"),
            None => name.to_owned(),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &spoken));
        let about = Column::ALL.iter().find(|(known, ..)| known == column).map_or("", |(.., about)| about);
        if response.clicked() && Sort::is_possible(*column) {
            commands.push(Command::SortBy(match sort {
                None => Some(Sort { column: *column, descending: false }),
                Some(sort) if !sort.descending => Some(Sort { descending: true, ..sort }),
                Some(_) => None,
            }));
        }
        if response.drag_started() {
            table.moving = Some(at);
        }
        let response = response.on_hover_text(match Sort::is_possible(*column) {
            true => format!(
                "{}: {about}\nClick to sort, drag to move, right-click to choose columns",
                column.name()
            ),
            false => format!("{}: {about}\nDrag to move, right-click to choose columns", column.name()),
        });
        response.context_menu(|ui| columns_menu(ui, look, commands));
        let colour = ui.visuals().strong_text_color();
        let inner = place.shrink2(Vec2::new(PADDING, 0.0));
        let sign = if sort.is_some() { 10.0 } else { 0.0 };
        paint_text(ui, inner.with_max_x(inner.right() - sign), name, FontId::proportional(13.0), colour);
        if let Some(sort) = sort {
            paint_triangle(ui, Pos2::new(inner.right() - 5.0, inner.center().y), sort.descending);
        }
        let edge = Rect::from_center_size(place.right_center(), Vec2::new(7.0, HEADER_HEIGHT));
        let grip = ui.interact(edge, ui.scope_id().with(("edge", column.name())), Sense::drag());
        grip.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, format!("Width of {name}")));
        let is_held = grip.hovered() || grip.dragged();
        if is_held {
            ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
        }
        let stroke = if is_held {
            ui.visuals().widgets.hovered.fg_stroke
        } else {
            ui.visuals().widgets.noninteractive.bg_stroke
        };
        ui.painter().vline(place.right(), place.y_range(), stroke);
        if grip.dragged() {
            let mut columns = look.settings.columns.clone();
            if let Some(known) = columns.iter_mut().find(|known| known.name == column.name()) {
                known.width = (known.width.max(needed(look, *column)) + grip.drag_delta().x).max(NARROWEST);
            }
            commands.push(Command::SetColumns(columns));
        }
    }
    move_column(ui, look, table, places, &edges, commands);
    if !left_out.is_empty() {
        let place = Rect::from_min_max(rect.left_top(), Pos2::new(rect.left() + GUTTER, rect.bottom()));
        let names: Vec<&str> = left_out.iter().map(|column| title(*column, look.settings.time)).collect();
        let text = format!("No room for {}", names.join(", "));
        let response = ui.interact(place, ui.scope_id().with("left out"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
        let colour = ui.visuals().weak_text_color();
        super::label_at(ui, place.center(), Align2::CENTER_CENTER, "...", 13.0, colour);
        response.on_hover_text(text);
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
}

fn paint_triangle(ui: &Ui, at: Pos2, down: bool) {
    let y = if down { 3.0 } else { -3.0 };
    let points = vec![at + Vec2::new(-4.0, -y / 2.0), at + Vec2::new(4.0, -y / 2.0), at + Vec2::new(0.0, y)];
    let colour = ui.visuals().strong_text_color();
    ui.painter().add(eframe::egui::Shape::convex_polygon(points, colour, Stroke::NONE));
}

/// A column that is dragged goes where it is let go.
fn move_column(
    ui: &Ui,
    look: Look<'_>,
    table: &mut Table,
    places: &[(Column, f32)],
    edges: &[Rect],
    commands: &mut Vec<Command>,
) {
    let Some(moving) = table.moving else { return };
    let Some(pointer) = ui.input(|input| input.pointer.interact_pos()) else { return };
    let target = edges.iter().position(|edge| pointer.x < edge.center().x).unwrap_or(edges.len());
    let x =
        edges.get(target).map_or_else(|| edges.last().map_or(0.0, |edge| edge.right()), |edge| edge.left());
    if let Some(edge) = edges.first() {
        ui.painter().vline(x, edge.y_range(), Stroke::new(2.0, ui.visuals().hyperlink_color));
    }
    if ui.input(|input| input.pointer.any_down()) {
        return;
    }
    table.moving = None;
    let mut columns: Vec<ShownColumn> = shown(look);
    // Columns that there is no room for have no edges: all are known by their names.
    let at = |column: Option<&(Column, f32)>| {
        let name = column?.0.name();
        columns.iter().position(|known| known.name == name)
    };
    let Some(from) = at(places.get(moving)) else { return };
    let to = at(places.get(target)).unwrap_or(columns.len());
    if to != from && to != from + 1 {
        let column = columns.remove(from);
        columns.insert(if to > from { to - 1 } else { to }, column);
        commands.push(Command::SetColumns(columns));
    }
}

fn shown(look: Look<'_>) -> Vec<ShownColumn> {
    let column = |(column, width): (Column, f32)| ShownColumn { name: column.name().to_owned(), width };
    look.settings.columns().map(column).collect()
}

fn columns_menu(ui: &mut Ui, look: Look<'_>, commands: &mut Vec<Command>) {
    ui.label("Columns");
    let shown = shown(look);
    for (column, name, about) in Column::ALL {
        if matches!(column, Column::Bytes | Column::Address | Column::Port) {
            continue;
        }
        let mut is_shown = shown.iter().any(|known| known.name == *name);
        if ui.checkbox(&mut is_shown, title(*column, TimeFormat::Absolute)).on_hover_text(*about).changed() {
            let mut columns = shown.clone();
            columns.retain(|known| known.name != *name);
            if is_shown {
                // Before the summary, which has what room is left.
                let at = columns
                    .len()
                    .saturating_sub(usize::from(columns.last().is_some_and(|last| last.name == "summary")));
                columns.insert(at, ShownColumn { name: (*name).to_owned(), width: 96.0 });
            }
            if !columns.is_empty() {
                commands.push(Command::SetColumns(columns));
            }
        }
    }
    ui.separator();
    for action in [Action::TimeAbsolute, Action::TimeRelative, Action::TimeDelta, Action::ResetColumns] {
        if ui.button(name(action)).clicked() {
            commands.push(Command::Act(action));
            ui.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_little_room_what_matters_most_stays() {
        let all =
            vec![(Column::Row, 50.0), (Column::Flow, 40.0), (Column::Src, 100.0), (Column::Summary, 200.0)];
        assert_eq!(fitting(all.clone(), 400.0), (all.clone(), vec![]));
        assert_eq!(fitting(all.clone(), 320.0).1, vec![], "the last one is narrower");
        let (shown, left_out) = fitting(all.clone(), 300.0);
        assert_eq!((shown.len(), left_out), (3, vec![Column::Flow]));
        let (shown, left_out) = fitting(all, 10.0);
        assert_eq!(shown, [(Column::Row, 50.0), (Column::Summary, 200.0)]);
        assert_eq!(left_out, [Column::Flow, Column::Src]);
    }

    #[test]
    fn a_place_leads_to_its_column() {
        let places = [(Column::Row, 50.0), (Column::Kind, 100.0)];
        assert_eq!(
            [0.0, 49.0, 50.0, 149.0, 150.0].map(|x| column_at(&places, x)),
            [Some(Column::Row), Some(Column::Row), Some(Column::Kind), Some(Column::Kind), None]
        );
    }
}
