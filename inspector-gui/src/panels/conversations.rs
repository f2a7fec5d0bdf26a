//! The conversations of the capture, at the left.

use eframe::egui::accesskit::Role;
use eframe::egui::{CornerRadius, FontId, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo};
use framescope_capture::ConnectionState;
use framescope_parser::{Direction, Severity};

use super::list::{self, Scroll};
use super::{Command, Look, decode_as, duration, grouped, paint_text, size};
use crate::colours;
use crate::survey::Counts;

const HEIGHT: f32 = 54.0;

pub(crate) fn show(ui: &mut Ui, look: Look<'_>, scroll: &mut Scroll, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.strong("Conversations");
    ui.add_space(2.0);
    let all = format!("All conversations ({})", grouped(look.index.flows().len()));
    if ui.selectable_label(look.view.flow().is_none(), all).clicked() {
        commands.push(Command::ShowFlow(None));
    }
    ui.separator();
    let count = look.index.flows().len();
    list::show(ui, "Conversations", scroll, count, None, &mut |_| HEIGHT, &mut |ui, flow, rect| {
        if let Ok(flow) = u32::try_from(flow) {
            conversation(ui, look, flow, rect, commands);
        }
    });
}

const BOTH: [Direction; 2] = [Direction::Forward, Direction::Backward];

/// What both directions speak; with a question mark where that is a guess.
fn protocol(look: Look<'_>, flow: u32) -> String {
    let index = look.index;
    let spoken = BOTH.map(|direction| {
        index.stream_protocol(flow, direction).map_or("unknown", |protocol| protocol.name())
    });
    let is_guess =
        BOTH.iter().filter_map(|&direction| index.stream(flow, direction)).any(|stream| stream.is_guess());
    let guess = if is_guess { "?" } else { "" };
    match spoken {
        [a, b] if a == b || b == "unknown" => format!("{a}{guess}"),
        ["unknown", b] => format!("{b}{guess}"),
        [a, b] => format!("{a} / {b}{guess}"),
    }
}

fn conversation(ui: &mut Ui, look: Look<'_>, flow: u32, rect: Rect, commands: &mut Vec<Command>) {
    let index = look.index;
    let Some(known) = index.flows().get(flow as usize) else { return };
    let end = |direction| known.source(direction).map(|end| end.to_string());
    let title = match (end(Direction::Forward), end(Direction::Backward)) {
        (Some(a), Some(b)) => format!("{a} - {b}"),
        _ => "bytes of the file".to_owned(),
    };
    // An end that is as it should be needs no word.
    let state = known.connection().map(|connection| connection.state).filter(|state| {
        matches!(state, ConnectionState::HalfOpen | ConnectionState::HalfClosed | ConnectionState::Reset)
    });
    let sum = |of: fn(&framescope_capture::Stream) -> u64| -> u64 {
        BOTH.iter().filter_map(|&direction| index.stream(flow, direction)).map(of).sum()
    };
    let (messages, bytes) = (sum(|stream| stream.messages), sum(|stream| stream.bytes));
    let facts = look.view.survey().flow(flow);
    let plural = if messages == 1 { "" } else { "s" };
    let mut first = format!("{flow}  {}  {}", known.transport.as_str(), protocol(look, flow));
    if let Some(state) = state {
        first.push_str(&format!("  {}", state.as_str()));
    }
    let messages = grouped(usize::try_from(messages).unwrap_or(usize::MAX));
    let mut second = format!("{messages} message{plural}, {}", size(bytes));
    if let Some((begin, end)) = facts.times {
        second.push_str(&format!(", {}", duration(end.saturating_sub(begin))));
    }
    let problems = counts_text(facts.counts);
    let is_selected = look.view.flow() == Some(flow);
    let response = ui.interact(rect, ui.scope_id().with(("conversation", flow)), Sense::click());
    let spoken = format!(
        "{title}, {first}, {second}, {}",
        if problems.is_empty() { "no problems" } else { &problems }
    );
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_selected, &spoken));
    let visuals = ui.visuals().clone();
    let ground = if is_selected {
        Some(visuals.selection.bg_fill)
    } else if response.hovered() {
        Some(visuals.widgets.hovered.weak_bg_fill)
    } else {
        None
    };
    if let Some(ground) = ground {
        ui.painter().rect_filled(rect.shrink2(Vec2::new(0.0, 1.0)), CornerRadius::same(3), ground);
    }
    let colour = if is_selected { visuals.strong_text_color() } else { visuals.text_color() };
    let line = |number: f32| {
        let top = rect.top() + 2.0 + number * 16.5;
        Rect::from_min_max(Pos2::new(rect.left() + 5.0, top), Pos2::new(rect.right() - 2.0, top + 17.0))
    };
    paint_text(ui, line(0.0), &title, FontId::proportional(13.0), colour);
    paint_text(ui, line(1.0), &first, FontId::proportional(12.0), visuals.weak_text_color());
    let galley = super::cut_text(
        ui,
        &second,
        eframe::egui::TextFormat::simple(FontId::proportional(12.0), visuals.weak_text_color()),
        rect.width(),
    );
    let place = line(2.0);
    let right = place.left() + galley.size().x + 8.0;
    paint_text(ui, place, &second, FontId::proportional(12.0), visuals.weak_text_color());
    if let Some((_, severity)) = by_severity(facts.counts).next() {
        let colour = colours::severity(severity, &visuals);
        paint_text(ui, place.with_min_x(right), &problems, FontId::proportional(12.0), colour);
    }
    if response.clicked() {
        commands.push(Command::ShowFlow((!is_selected).then_some(flow)));
    }
    response.context_menu(|ui| {
        if ui.button("Only this conversation").clicked() {
            commands.push(Command::ShowFlow(Some(flow)));
            ui.close();
        }
        ui.menu_button("Decode as", |ui| decode_as(ui, look, Some(flow), commands));
    });
}

/// How many problems there are of each severity that there is any of, the worst first.
fn by_severity(counts: Counts) -> impl Iterator<Item = (usize, Severity)> {
    let each = [
        (counts.errors, Severity::Error),
        (counts.warnings, Severity::Warning),
        (counts.notes, Severity::Note),
    ];
    each.into_iter().filter(|(count, _)| *count > 0)
}

/// The same in words.
fn counts_text(counts: Counts) -> String {
    let texts: Vec<String> =
        by_severity(counts).map(|(count, severity)| count_text(count, severity)).collect();
    texts.join(", ")
}

fn count_text(count: usize, severity: Severity) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {severity}{plural}", grouped(count))
}

/// The same, each in its colour.
pub(crate) fn badges(ui: &mut Ui, counts: Counts) {
    for (count, severity) in by_severity(counts) {
        let colour = colours::severity(severity, ui.visuals());
        ui.colored_label(colour, count_text(count, severity));
    }
}
