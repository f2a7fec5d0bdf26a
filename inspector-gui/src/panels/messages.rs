//! The table of messages. Only the rows that are seen are laid out, and only they are read.

use std::collections::HashMap;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, CornerRadius, CursorIcon, FontId, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo,
};
use framescope_capture::Row;
use framescope_capture::export::rfc3339;
use framescope_capture::filter::{Column, written};
use framescope_parser::TileType;

use super::list::{self, Scroll};
use super::{Command, Look, decode_as, duration, paint_text};
use crate::actions::Action;
use crate::colours;
use crate::lookup::Line;
use crate::rows::Sort;
use crate::settings::{ShownColumn, TimeFormat};

const ROW_HEIGHT: f32 = 20.0;
const HEADER_HEIGHT: f32 = 22.0;
/// Left of the columns: where the mark stands that joins a request and its reply.
const GUTTER: f32 = 16.0;
const PADDING: f32 = 4.0;
const NARROWEST: f32 = 28.0;
/// What the last column needs at least.
const LAST: f32 = 130.0;
/// Columns that are left out where there is too little room for all, the first ones first.
const LEFT_OUT: [Column; 5] = [Column::Flow, Column::Dst, Column::ReplyTo, Column::Src, Column::Time];

/// What the table remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) scroll: Scroll,
    /// How far it is moved to the left, in points.
    moved: f32,
    /// The column that a menu was opened on.
    menu_column: Option<Column>,
    /// The column that is being moved to another place.
    moving: Option<usize>,
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
    let partner = selected
        .and_then(|row| look.index.reply_to(row).map(|(to, _)| to).or_else(|| look.index.answered_by(row)));
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

/// How wide a column of numbers has to be for the greatest of them.
fn needed(look: Look<'_>, column: Column) -> f32 {
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
fn fitting(mut columns: Vec<(Column, f32)>, room: f32) -> (Vec<(Column, f32)>, Vec<Column>) {
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

fn column_at(places: &[(Column, f32)], mut x: f32) -> Option<Column> {
    for (column, width) in places {
        if x < *width {
            return Some(*column);
        }
        x -= width;
    }
    None
}

fn header(
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
    for (action, label) in [
        (Action::TimeAbsolute, "Times as the time of day"),
        (Action::TimeRelative, "Times since the first packet"),
        (Action::TimeDelta, "Times since the row before"),
        (Action::ResetColumns, "Columns as at first"),
    ] {
        if ui.button(label).clicked() {
            commands.push(Command::Act(action));
            ui.close();
        }
    }
}

/// What a column is called on top of the table.
pub(crate) fn title(column: Column, time: TimeFormat) -> &'static str {
    match column {
        Column::Row => "Row",
        Column::Flow => "Flow",
        Column::Packet => "Packet",
        Column::Time => match time {
            TimeFormat::Absolute => "Time (UTC)",
            TimeFormat::Relative => "Time (s)",
            TimeFormat::Delta => "Time since",
        },
        Column::Direction => "Direction",
        Column::Transport => "Transport",
        Column::Src => "Source",
        Column::Dst => "Destination",
        Column::Address => "Address",
        Column::SrcPort => "Source port",
        Column::DstPort => "Destination port",
        Column::Port => "Port",
        Column::Offset => "Offset",
        Column::Length => "Bytes",
        Column::Protocol => "Protocol",
        Column::Type => "Type",
        Column::Kind => "Kind",
        Column::Summary => "Summary",
        Column::Problems => "Problems",
        Column::Severity => "Severity",
        Column::ReplyTo => "Reply to",
        Column::Latency => "Latency",
        Column::AnsweredBy => "Answered by",
        Column::PartOf => "Part of",
        Column::Comment => "Comment",
        Column::Bytes => "Contents",
    }
}

struct Shown<'r> {
    place: usize,
    number: u32,
    row: &'r Row,
    line: Option<&'r Line>,
    partner: Option<u32>,
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
            Column::Kind if row.tile_type == TileType::Message => {
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

/// What a cell says.
fn cell_text(look: Look<'_>, shown: &Shown<'_>, column: Column) -> String {
    let &Shown { place, number, row, line, .. } = shown;
    let index = look.index;
    let text = |text: &str| text.to_owned();
    match column {
        Column::Row => number.to_string(),
        Column::Flow => row.flow().to_string(),
        Column::Packet => {
            let packets: Vec<String> = index.row_packets(row).iter().take(4).map(u32::to_string).collect();
            packets.join(" ")
        }
        Column::Time => time_text(look, place, row),
        Column::Direction => text(index.direction(row).as_str()),
        Column::Transport => index
            .flows()
            .get(row.flow() as usize)
            .map_or_else(String::new, |flow| text(flow.transport.as_str())),
        Column::Src => index.endpoints(row).map_or_else(String::new, |(src, _)| src.to_string()),
        Column::Dst => index.endpoints(row).map_or_else(String::new, |(_, dst)| dst.to_string()),
        Column::SrcPort => index.endpoints(row).map_or_else(String::new, |(src, _)| src.port().to_string()),
        Column::DstPort => index.endpoints(row).map_or_else(String::new, |(_, dst)| dst.port().to_string()),
        Column::Offset => row.offset.to_string(),
        Column::Length => row.length.to_string(),
        Column::Protocol => index.protocol(row).map_or_else(String::new, |protocol| text(protocol.name())),
        Column::Type => text(row.type_name()),
        Column::Kind => match (row.tile_type, index.kind(row)) {
            (TileType::Message, Some(kind)) => text(kind),
            (_, _) => text(row.type_name()),
        },
        Column::Severity => row.severity().map_or_else(String::new, |severity| severity.to_string()),
        Column::Problems => match (row.severity(), line) {
            (Some(severity), Some(line)) => format!("{severity}: {}", line.problems),
            (Some(severity), None) => severity.to_string(),
            (None, _) => String::new(),
        },
        Column::ReplyTo => match index.reply_to(number) {
            Some((to, latency)) => match latency {
                Some(latency) => format!("#{to} after {}", duration(latency)),
                None => format!("#{to}"),
            },
            None => String::new(),
        },
        Column::Latency => {
            index.reply_to(number).and_then(|(_, latency)| latency).map_or_else(String::new, duration)
        }
        Column::AnsweredBy => index.answered_by(number).map_or_else(String::new, |by| format!("#{by}")),
        Column::PartOf => index.part_of(number).map_or_else(String::new, |first| format!("#{first}")),
        Column::Comment => index.comments(row).first().map_or_else(String::new, |(_, comment)| text(comment)),
        Column::Summary => line.map_or_else(|| text("..."), |line| text(&line.summary)),
        Column::Bytes | Column::Address | Column::Port => String::new(),
    }
}

/// Seconds with six digits behind the point.
pub(crate) fn seconds(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    format!("{sign}{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000)
}

fn time_text(look: Look<'_>, place: usize, row: &Row) -> String {
    let Some(time) = look.index.time_ns(row) else { return String::new() };
    match look.settings.time {
        TimeFormat::Absolute => clock(time),
        TimeFormat::Relative => match look.view.survey().times {
            Some((first, _)) => seconds(time.saturating_sub(look.index.first_time_ns().unwrap_or(first))),
            None => String::new(),
        },
        TimeFormat::Delta => {
            let before = place.checked_sub(1).and_then(|place| look.view.row_at(place));
            let before = before.and_then(|row| look.index.time_ns(&look.index.row(row)?));
            before.map_or_else(String::new, |before| seconds(time.saturating_sub(before)))
        }
    }
}

/// The time of day, in UTC.
pub(crate) fn clock(time_ns: i64) -> String {
    let time = rfc3339(time_ns);
    time.get(11..26).unwrap_or_default().to_owned()
}

/// The test that a cell stands for, if there is one.
fn test_of(look: Look<'_>, number: u32, row: &Row, column: Column) -> Option<String> {
    let index = look.index;
    let name = column.name();
    let is = |value: String| Some(format!("{name} == {value}"));
    match column {
        Column::Row => is(number.to_string()),
        Column::Flow => is(row.flow().to_string()),
        Column::Packet => is(index.row_packets(row).first()?.to_string()),
        Column::Time => is(format!("\"{}\"", rfc3339(index.time_ns(row)?))),
        Column::Direction => is(index.direction(row).as_str().to_owned()),
        Column::Transport => is(index.flows().get(row.flow() as usize)?.transport.as_str().to_owned()),
        Column::Src => is(written(&index.endpoints(row)?.0.to_string())),
        Column::Dst => is(written(&index.endpoints(row)?.1.to_string())),
        Column::SrcPort => is(index.endpoints(row)?.0.port().to_string()),
        Column::DstPort => is(index.endpoints(row)?.1.port().to_string()),
        Column::Offset => is(row.offset.to_string()),
        Column::Length => is(row.length.to_string()),
        Column::Protocol => is(written(index.protocol(row)?.name())),
        Column::Type => is(row.type_name().to_owned()),
        Column::Kind => match index.kind(row) {
            Some(kind) => is(written(kind)),
            None => Some(format!("type == {}", row.type_name())),
        },
        Column::Problems => is(row.codes.iter().max_by_key(|code| code.severity())?.as_str().to_owned()),
        Column::Severity => is(row.severity()?.to_string()),
        Column::ReplyTo => is(index.reply_to(number)?.0.to_string()),
        Column::Latency => Some(format!("latency >= {}ns", index.reply_to(number)?.1?)),
        Column::AnsweredBy => is(index.answered_by(number)?.to_string()),
        Column::PartOf => is(index.part_of(number)?.to_string()),
        Column::Comment => Some("comment".to_owned()),
        Column::Summary => {
            let line = look.view.lookup().line(number)?;
            // What may stand in quotes as it is; a long summary is known by its beginning.
            let beginning: String = line.summary.chars().take(60).collect();
            Some(format!("summary contains {}", written(&beginning)))
        }
        Column::Bytes | Column::Address | Column::Port => None,
    }
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
    if look.index.reply_to(number).is_some() || look.index.answered_by(number).is_some() {
        item(ui, "Go to the reply or the request".to_owned(), Command::Act(Action::GoToPartner));
    }
    item(ui, "Compare with this row".to_owned(), Command::CompareWith(Some(number)));
    item(ui, "Show in the dialogue".to_owned(), Command::Act(Action::ShowDialogue));
    item(ui, "Show in the ladder".to_owned(), Command::Act(Action::ShowLadder));
    ui.separator();
    ui.menu_button("Decode as", |ui| decode_as(ui, look, Some(row.flow()), commands));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_their_sign() {
        assert_eq!([0, 1_500_000_000, -1_000].map(seconds), ["0.000000", "1.500000", "-0.000001"]);
    }

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
