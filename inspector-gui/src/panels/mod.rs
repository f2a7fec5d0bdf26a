//! The parts of the window. Each reads the index and the view and gives commands back; only the app changes state.

pub(crate) mod bytes;
pub(crate) mod conversations;
pub(crate) mod fields;
pub(crate) mod messages;
pub(crate) mod status;

use std::ops::Range;

use eframe::egui::Ui;

/// What a panel asks the app to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    ShowFlow(Option<u32>),
    SelectRow(u32),
    SelectField(String, Range<usize>),
    SelectBytes(Range<usize>),
    SelectByte(usize),
    /// Reads a conversation, or all, as a protocol; as what it looks like, where none is named.
    DecodeAs(Option<u32>, Option<String>),
    OpenDialog,
    OpenSample,
    Cancel,
    NextProblem,
    Filter,
}

/// What a conversation, or all, can be decoded as.
pub(crate) fn decode_as(ui: &mut Ui, flow: Option<u32>, protocols: &[String], commands: &mut Vec<Command>) {
    if ui.button("What it looks like").clicked() {
        commands.push(Command::DecodeAs(flow, None));
        ui.close();
    }
    ui.separator();
    for name in protocols {
        if ui.button(name).clicked() {
            commands.push(Command::DecodeAs(flow, Some(name.clone())));
            ui.close();
        }
    }
}
