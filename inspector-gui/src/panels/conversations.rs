//! The conversations of the capture, at the left.

use eframe::egui::{Label, RichText, ScrollArea, Sense, Ui};
use framescope_capture::{ConnectionState, Index};
use framescope_parser::{Direction, Severity};

use super::Command;
use super::status::grouped;
use crate::colours;
use crate::view::{Counts, View};

const LINE_HEIGHT: f32 = 44.0;

pub(crate) fn show(
    ui: &mut Ui,
    index: &Index,
    view: &View,
    protocols: &[String],
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    ui.strong("Conversations");
    ui.add_space(2.0);
    let all = format!("All conversations ({})", index.flows().len());
    if ui.selectable_label(view.flow().is_none(), all).clicked() {
        commands.push(Command::ShowFlow(None));
    }
    ui.separator();
    let count = index.flows().len();
    ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, LINE_HEIGHT, count, |ui, range| {
        for flow in range.filter_map(|flow| u32::try_from(flow).ok()) {
            conversation(ui, index, view, flow, protocols, commands);
        }
    });
}

fn conversation(
    ui: &mut Ui,
    index: &Index,
    view: &View,
    flow: u32,
    protocols: &[String],
    commands: &mut Vec<Command>,
) {
    let Some(known) = index.flows().get(flow as usize) else { return };
    let end = |direction| known.source(direction).map(|end| end.to_string());
    let title = match (end(Direction::Forward), end(Direction::Backward)) {
        (Some(a), Some(b)) => format!("{a} - {b}"),
        _ => "bytes of the file".to_owned(),
    };
    let spoken = [Direction::Forward, Direction::Backward].map(|direction| {
        index.stream_protocol(flow, direction).map_or("unknown", |protocol| protocol.name())
    });
    let is_guess = [Direction::Forward, Direction::Backward]
        .iter()
        .filter_map(|&direction| index.stream(flow, direction))
        .any(|stream| stream.is_guess());
    let guess = if is_guess { "?" } else { "" };
    let protocol = match spoken {
        [a, b] if a == b || b == "unknown" => format!("{a}{guess}"),
        ["unknown", b] => format!("{b}{guess}"),
        [a, b] => format!("{a} / {b}{guess}"),
    };
    // An end that is as it should be needs no word.
    let state = known.connection().map(|connection| connection.state).filter(|state| {
        matches!(state, ConnectionState::HalfOpen | ConnectionState::HalfClosed | ConnectionState::Reset)
    });
    let state = state.map(|state| format!("  {}", state.as_str()));
    let messages: u64 = [Direction::Forward, Direction::Backward]
        .iter()
        .filter_map(|&direction| index.stream(flow, direction))
        .map(|stream| stream.messages)
        .sum();
    let selected = view.flow() == Some(flow);
    let counts = view.flow_counts(flow);
    let plural = if messages == 1 { "" } else { "s" };
    let facts = format!(
        "{flow}  {}  {protocol}  {messages} message{plural}{}",
        known.transport.as_str(),
        state.unwrap_or_default()
    );
    ui.allocate_ui([ui.available_width(), LINE_HEIGHT].into(), |ui| {
        ui.set_min_height(LINE_HEIGHT);
        ui.spacing_mut().item_spacing.y = 1.0;
        let label = ui.selectable_label(selected, RichText::new(title).monospace());
        if label.clicked() {
            commands.push(Command::ShowFlow((!selected).then_some(flow)));
        }
        label.context_menu(|ui| {
            ui.menu_button("Decode as", |ui| super::decode_as(ui, Some(flow), protocols, commands));
        });
        ui.horizontal(|ui| {
            ui.add_space(4.0);
            ui.add(Label::new(RichText::new(facts).weak()).selectable(false).sense(Sense::hover()));
            badges(ui, counts);
        });
    });
}

/// How many problems there are of each severity that there is any of.
pub(crate) fn badges(ui: &mut Ui, counts: Counts) {
    for (count, severity) in [
        (counts.errors, Severity::Error),
        (counts.warnings, Severity::Warning),
        (counts.notes, Severity::Note),
    ] {
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            let colour = colours::severity(severity, ui.visuals());
            ui.colored_label(colour, format!("{} {severity}{plural}", grouped(count)));
        }
    }
}
