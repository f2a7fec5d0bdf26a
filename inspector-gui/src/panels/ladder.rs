//! One conversation as arrows between two life lines: what each side sent, when, what was lost and what came again.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, CornerRadius, FontId, Pos2, Rect, Sense, Stroke, Ui, Vec2, WidgetInfo};
use framescope_parser::{Code, Direction, SpanType};

use super::cells::clock;
use super::list::{self, Scroll};
use super::{Command, Look, duration, label_at, paint_arrow, paint_text};
use crate::colours;
use crate::rows::Rows;

const STEP: f32 = 30.0;
/// Room for times at the left, and for latencies at the right.
const MARGIN: f32 = 128.0;

/// What the ladder remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    scroll: Scroll,
    shown: Option<u32>,
}

pub(crate) fn show(
    ui: &mut Ui,
    look: Look<'_>,
    ladder: &mut Ladder,
    conversation: Option<(u32, &Rows)>,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    let Some((flow, rows)) = conversation else {
        ui.weak("Select a message, or a conversation at the left.");
        return;
    };
    let Some(known) = look.index.flows().get(flow as usize) else { return };
    let width = ui.available_width() - 16.0;
    let (rect, _) = ui.allocate_exact_size(Vec2::new(width, 20.0), Sense::hover());
    let (left, right) = (rect.left() + MARGIN, rect.right() - MARGIN);
    let end = |direction: Direction| {
        known.source(direction).map_or_else(|| "bytes of the file".to_owned(), |end| end.to_string())
    };
    let strong = ui.visuals().strong_text_color();
    label_at(
        ui,
        Pos2::new(left, rect.center().y),
        Align2::CENTER_CENTER,
        &end(Direction::Forward),
        12.5,
        strong,
    );
    label_at(
        ui,
        Pos2::new(right, rect.center().y),
        Align2::CENTER_CENTER,
        &end(Direction::Backward),
        12.5,
        strong,
    );
    let count = rows.len();
    let is_new = ladder.shown != look.view.selected();
    let selected = look.view.selected().filter(|_| is_new || ladder.scroll.seen == 0);
    let to_show = selected.and_then(|row| rows.place_of(row, false));
    if to_show.is_some() || look.view.selected().is_none() {
        ladder.shown = look.view.selected();
    }
    let first = to_show.map_or(ladder.scroll.top, |item| item.saturating_sub(20));
    let visible: Vec<u32> = (first..count.min(first + 60)).filter_map(|place| rows.at(place)).collect();
    look.view.lookup().want_lines(&visible);
    list::show(ui, "Ladder", &mut ladder.scroll, count, to_show, &mut |_| STEP, &mut |ui, item, rect| {
        if let Some(row) = rows.at(item) {
            step(ui, look, row, rect, (left, right), commands);
        }
    });
}

fn step(
    ui: &mut Ui,
    look: Look<'_>,
    number: u32,
    rect: Rect,
    (left, right): (f32, f32),
    commands: &mut Vec<Command>,
) {
    let Some(row) = look.index.row(number) else { return };
    let response = ui.interact(rect, ui.scope_id().with(("step", number)), Sense::click());
    let visuals = ui.visuals().clone();
    let is_selected = look.view.selected() == Some(number);
    if is_selected || response.hovered() {
        let ground =
            if is_selected { visuals.selection.bg_fill } else { visuals.widgets.hovered.weak_bg_fill };
        ui.painter().rect_filled(rect, CornerRadius::same(2), ground);
    }
    let text = if is_selected { visuals.strong_text_color() } else { visuals.text_color() };
    let line = Stroke::new(1.0, visuals.weak_text_color());
    ui.painter().vline(left, rect.y_range(), line);
    ui.painter().vline(right, rect.y_range(), line);
    let direction = look.index.direction(&row);
    let y = rect.bottom() - 8.0;
    let (from, to) = match direction {
        Direction::Forward => (Pos2::new(left, y), Pos2::new(right, y)),
        Direction::Backward => (Pos2::new(right, y), Pos2::new(left, y)),
    };
    let came_again =
        row.codes.contains(Code::Retransmitted) || row.codes.contains(Code::ConflictingRetransmission);
    let colour = row.severity().filter(|severity| *severity >= framescope_parser::Severity::Warning);
    let colour = colour.map_or(text, |severity| colours::severity(severity, &visuals));
    let summary = look.view.lookup().line(number);
    let summary = summary.as_ref().map_or("...", |line| &*line.summary);
    let mut label = match row.span_type {
        SpanType::Message => format!("#{number} {}  {summary}", look.index.kind(&row).unwrap_or("message")),
        _ => format!("#{number} {}: {summary}", row.type_name()),
    };
    if came_again {
        label.push_str("  (sent again)");
    }
    if let Some(severity) = row.severity().filter(|_| colour != text) {
        label.push_str(&format!("  ({severity})"));
    }
    match row.span_type {
        SpanType::Gap => {
            // What is missing has no arrow: only where it should be.
            let middle = Rect::from_center_size(
                Pos2::new((left + right) / 2.0, y),
                Vec2::new((right - left) * 0.96, 5.0),
            );
            ui.painter().extend(eframe::egui::Shape::dotted_line(
                &[middle.left_center(), middle.right_center()],
                colour,
                7.0,
                1.4,
            ));
        }
        SpanType::Message => paint_arrow(ui, from, to, colour, came_again),
        _ => paint_arrow(ui, from, to, colour, true),
    }
    let inner = Rect::from_min_max(Pos2::new(left + 8.0, rect.top()), Pos2::new(right - 8.0, y - 1.0));
    // Beside the side that it comes from.
    let format = eframe::egui::TextFormat::simple(FontId::proportional(12.5), colour);
    let galley = super::cut_text(ui, &label, format, inner.width());
    let x = match direction {
        Direction::Forward => inner.left(),
        Direction::Backward => inner.right() - galley.size().x,
    };
    ui.painter().galley(Pos2::new(x, inner.center().y - galley.size().y / 2.0), galley, colour);
    if let Some(time) = look.index.time_ns(&row) {
        let place = Rect::from_min_max(rect.left_top(), Pos2::new(left - 8.0, rect.bottom()));
        paint_text(ui, place, &clock(time), FontId::monospace(11.5), visuals.weak_text_color());
    }
    if let Some((to, latency)) = look.index.reply_to(number) {
        let after = latency.map_or_else(String::new, |latency| format!(" after {}", duration(latency)));
        let place = Rect::from_min_max(Pos2::new(right + 8.0, rect.top()), rect.right_bottom());
        paint_text(
            ui,
            place,
            &format!("#{to}{after}"),
            FontId::proportional(11.5),
            visuals.weak_text_color(),
        );
    }
    let way = if direction == Direction::Forward { "to the right" } else { "to the left" };
    response.widget_info(|| {
        WidgetInfo::selected(Role::ListBoxOption, true, is_selected, format!("{label}, {way}"))
    });
    if response.clicked() {
        commands.push(Command::SelectRow(number));
    }
}
