//! The parts of the window. Each reads the index and the view and gives commands back; only the app changes state.

pub(crate) mod bytes;
pub(crate) mod conversations;
pub(crate) mod fields;
pub(crate) mod messages;
pub(crate) mod status;

use std::ops::Range;

/// What a panel asks the app to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    ShowFlow(Option<u32>),
    SelectRow(u32),
    SelectField(String, Range<usize>),
    SelectBytes(Range<usize>),
    SelectByte(usize),
    OpenDialog,
    OpenSample,
    Cancel,
    NextProblem,
    Filter,
}
