//! The headings of the table: clicked to sort, dragged to move, and with an edge to resize.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, CursorIcon, FontId, Pos2, Rect, Sense, Shape, Stroke, Ui, UiBuilder, Vec2, WidgetInfo,
};
use framescope_capture::filter::Column;

use super::Command;
use super::list::Scroll;
use super::menus::entry;
use super::paint::{label_at, paint_text};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::cells::title;
use crate::models::columns::{moved, resized, shown, toggled};
use crate::models::rows::Sort;
use crate::models::settings::TimeFormat;

/// What the table remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) scroll: Scroll,
    /// Whether the newest rows are kept visible while some come.
    pub(crate) follow: bool,
    /// How far it is scrolled to the right, in points.
    pub(super) offset: f32,
    /// The column that a menu was opened on.
    pub(super) menu_column: Option<Column>,
    /// The column that is being dragged.
    pub(super) dragged: Option<usize>,
}

const HEIGHT: f32 = 22.0;
/// The room left of the columns, for the bracket that joins a request and its reply.
pub(super) const GUTTER: f32 = 16.0;
pub(super) const PADDING: f32 = 4.0;

/// Shows the headings. `left_out` are the columns that have no room.
pub(super) fn header(
    ui: &mut Ui,
    context: ViewContext<'_>,
    table: &mut Table,
    columns: &[(Column, f32)],
    left_out: &[Column],
    commands: &mut Vec<Command>,
) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let mut header = ui.new_child(UiBuilder::new().max_rect(rect).id_salt("header"));
    header.shrink_clip_rect(rect);
    let ui = &mut header;
    let mut x = rect.left() + GUTTER - table.offset;
    let mut places = Vec::with_capacity(columns.len());
    for (at, (column, width)) in columns.iter().enumerate() {
        let place = Rect::from_min_size(Pos2::new(x, rect.top()), Vec2::new(*width, HEIGHT));
        places.push(place);
        x += width;
        if heading(ui, context, *column, place, commands) {
            table.dragged = Some(at);
        }
        edge(ui, context, *column, place, commands);
    }
    drop_column(ui, context, table, columns, &places, commands);
    if !left_out.is_empty() {
        hidden_columns(ui, context, left_out, rect);
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
}

/// One heading. True if a drag of it has started.
fn heading(
    ui: &Ui,
    context: ViewContext<'_>,
    column: Column,
    place: Rect,
    commands: &mut Vec<Command>,
) -> bool {
    let response = ui.interact(place, ui.scope_id().with(("column", column.name())), Sense::click_and_drag());
    let sort = context.view.sort().filter(|sort| sort.column == column);
    let name = title(column, context.settings.time);
    response.widget_info(|| {
        let order = match sort {
            Some(sort) if sort.descending => ", sorted descending",
            Some(_) => ", sorted ascending",
            None => "",
        };
        WidgetInfo::labeled(Role::ColumnHeader, true, format!("{name}{order}"))
    });
    if response.clicked() && Sort::is_possible(column) {
        commands.push(Command::SortBy(match sort {
            None => Some(Sort { column, descending: false }),
            Some(sort) if !sort.descending => Some(Sort { descending: true, ..sort }),
            Some(_) => None,
        }));
    }
    let is_drag = response.drag_started();
    let about = || {
        let about = Column::ALL.iter().find(|(known, ..)| *known == column).map_or("", |(.., about)| about);
        let sort = if Sort::is_possible(column) { "Click to sort, drag" } else { "Drag" };
        format!("{}: {about}\n{sort} to move, right-click to choose columns", column.name())
    };
    response.on_hover_ui(|ui| drop(ui.label(about()))).context_menu(|ui| columns_menu(ui, context, commands));
    let colour = ui.visuals().strong_text_color();
    let inner = place.shrink2(Vec2::new(PADDING, 0.0));
    let room_for_sign = if sort.is_some() { 10.0 } else { 0.0 };
    let text = inner.with_max_x(inner.right() - room_for_sign);
    paint_text(ui, text, name, FontId::proportional(13.0), colour);
    if let Some(sort) = sort {
        let at = Pos2::new(inner.right() - 5.0, inner.center().y);
        let y = if sort.descending { 3.0 } else { -3.0 };
        let points =
            vec![at + Vec2::new(-4.0, -y / 2.0), at + Vec2::new(4.0, -y / 2.0), at + Vec2::new(0.0, y)];
        ui.painter().add(Shape::convex_polygon(points, colour, Stroke::NONE));
    }
    is_drag
}

/// The right edge of a heading, which resizes the column.
fn edge(ui: &Ui, context: ViewContext<'_>, column: Column, place: Rect, commands: &mut Vec<Command>) {
    let rect = Rect::from_center_size(place.right_center(), Vec2::new(7.0, HEIGHT));
    let grip = ui.interact(rect, ui.scope_id().with(("edge", column.name())), Sense::drag());
    let name = title(column, context.settings.time);
    grip.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, format!("Width of {name}")));
    let widgets = &ui.visuals().widgets;
    let stroke = match grip.hovered() || grip.dragged() {
        true => {
            ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
            widgets.hovered.fg_stroke
        }
        false => widgets.noninteractive.bg_stroke,
    };
    ui.painter().vline(place.right(), place.y_range(), stroke);
    if grip.dragged() {
        commands.push(Command::SetColumns(resized(context, column, grip.drag_delta().x)));
    }
}

/// Shows where a dragged column would go, and moves it there when it is dropped.
fn drop_column(
    ui: &Ui,
    context: ViewContext<'_>,
    table: &mut Table,
    columns: &[(Column, f32)],
    places: &[Rect],
    commands: &mut Vec<Command>,
) {
    let Some(dragged) = table.dragged else { return };
    let Some(pointer) = ui.input(|input| input.pointer.interact_pos()) else { return };
    let target = places.iter().position(|place| pointer.x < place.center().x).unwrap_or(places.len());
    let end = || places.last().map_or(0.0, |place| place.right());
    let x = places.get(target).map_or_else(end, |place| place.left());
    if let Some(place) = places.first() {
        ui.painter().vline(x, place.y_range(), Stroke::new(2.0, ui.visuals().hyperlink_color));
    }
    if ui.input(|input| input.pointer.any_down()) {
        return;
    }
    table.dragged = None;
    let column = |at: usize| columns.get(at).map(|(column, _)| *column);
    let order = column(dragged)
        .and_then(|dragged| moved((context.settings, context.view.has_levels()), dragged, column(target)));
    commands.extend(order.map(Command::SetColumns));
}

/// A sign that some columns have no room.
fn hidden_columns(ui: &Ui, context: ViewContext<'_>, left_out: &[Column], rect: Rect) {
    let place = Rect::from_min_max(rect.left_top(), Pos2::new(rect.left() + GUTTER, rect.bottom()));
    let names: Vec<&str> = left_out.iter().map(|column| title(*column, context.settings.time)).collect();
    let text = format!("Not enough room for {}", names.join(", "));
    let response = ui.interact(place, ui.scope_id().with("left out"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    let colour = ui.visuals().weak_text_color();
    label_at(ui, place.center(), Align2::CENTER_CENTER, "...", 13.0, colour);
    response.on_hover_text(text);
}

fn columns_menu(ui: &mut Ui, context: ViewContext<'_>, commands: &mut Vec<Command>) {
    ui.label("Columns");
    let visible = shown(context);
    for (column, _, about) in Column::ALL {
        if matches!(column, Column::Bytes | Column::Address | Column::Port) {
            continue;
        }
        let mut is_shown = visible.iter().any(|(known, _)| known == column);
        let checkbox = ui.checkbox(&mut is_shown, title(*column, TimeFormat::Absolute));
        if checkbox.on_hover_text(*about).changed() {
            commands.extend(
                toggled((context.settings, context.view.has_levels()), *column).map(Command::SetColumns),
            );
        }
    }
    ui.separator();
    for action in [Action::TimeAbsolute, Action::TimeRelative, Action::TimeDelta, Action::ResetColumns] {
        entry(ui, name(action), || Command::Act(action), commands);
    }
}
