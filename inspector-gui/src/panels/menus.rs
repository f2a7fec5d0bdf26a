//! The menus that several panels have: copying, filtering by a value, and decoding as another protocol.

use eframe::egui::Ui;
use framescope_capture::FlowId;
use framescope_parser::Direction;

use super::{Command, DecodeTarget};
use crate::models::ViewContext;
use crate::models::channels::{HTTP_BODIES, selectors};
use crate::models::copying::{CopyAs, CopyError};

/// A menu entry that sends a command.
pub(super) fn entry(
    ui: &mut Ui,
    label: &str,
    command: impl FnOnce() -> Command,
    commands: &mut Vec<Command>,
) {
    if ui.button(label).clicked() {
        commands.push(command());
        ui.close();
    }
}

/// One entry for each format of the clipboard, with `prefix` before its name. `value` names the format that is readable.
pub(super) fn copy_entries(
    ui: &mut Ui,
    prefix: &str,
    value: &str,
    copy: impl Fn(CopyAs) -> Result<String, CopyError>,
    commands: &mut Vec<Command>,
) {
    for (form, name) in CopyAs::ALL {
        let name = if form == CopyAs::Value { value } else { name };
        entry(ui, &format!("{prefix}{name}"), || Command::Copy(copy(form)), commands);
    }
}

/// The entries that filter by a test.
pub(super) fn filter_entries(ui: &mut Ui, test: &str, commands: &mut Vec<Command>) {
    let shown: String = test.chars().take(60).collect();
    let more = if shown.len() < test.len() { "..." } else { "" };
    let add = || Command::AddToFilter(test.to_owned());
    entry(ui, &format!("Add to filter: {shown}{more}"), add, commands);
    entry(ui, "Exclude these rows", || Command::AddToFilter(format!("not {test}")), commands);
    entry(ui, "Replace the filter", || Command::SetFilter(test.to_owned()), commands);
}

/// What a conversation, its ports or its channel, or everything can be decoded as.
pub(super) fn decode_as(
    ui: &mut Ui,
    context: ViewContext<'_>,
    flow: Option<FlowId>,
    commands: &mut Vec<Command>,
) {
    let Some(flow) = flow else {
        return protocols(ui, &DecodeTarget::All, context.protocols, commands);
    };
    let mut targets = vec![("This conversation".to_owned(), DecodeTarget::Flow(flow))];
    let known = context.flow(flow);
    let carried = known.and_then(|known| known.carried());
    for (label, selector) in carried.map(selectors).unwrap_or_default() {
        targets.push((label, DecodeTarget::Selector(selector)));
    }
    // The ports are those of the carrier.
    let known = known.filter(|known| known.carried().is_none());
    for direction in [Direction::Backward, Direction::Forward] {
        if let Some((known, end)) = known.and_then(|known| Some((known, known.source(direction)?))) {
            let selector = format!("{}.port={}", known.transport.as_str(), end.port());
            targets.push((format!("Port {}, from now on", end.port()), DecodeTarget::Selector(selector)));
        }
    }
    if context
        .index
        .stream_protocol(flow, Direction::Forward)
        .is_some_and(|protocol| protocol.name() == "http")
    {
        targets.push((
            format!("Bodies of HTTP ({HTTP_BODIES}), from now on"),
            DecodeTarget::Selector(HTTP_BODIES.to_owned()),
        ));
    }
    // A rule for all is one for those that packets bring.
    if carried.is_none() {
        targets.push(("All conversations".to_owned(), DecodeTarget::All));
    }
    for (label, target) in targets {
        ui.menu_button(label, |ui| protocols(ui, &target, context.protocols, commands));
    }
}

fn protocols(ui: &mut Ui, target: &DecodeTarget, protocols: &[String], commands: &mut Vec<Command>) {
    entry(ui, "Detect automatically", || Command::DecodeAs(target.clone(), None), commands);
    ui.separator();
    for name in protocols {
        entry(ui, name, || Command::DecodeAs(target.clone(), Some(name.clone())), commands);
    }
}
