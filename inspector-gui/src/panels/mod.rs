//! The parts of the window. Each reads the models and returns commands; only the app changes state.
//!
//! What can be made once for a selection or a state of the index is made in `models/`; a panel lays out and paints what is
//! visible.

pub(crate) mod aligned;
pub(crate) mod bytes;
pub(crate) mod colours;
pub(crate) mod columns;
pub(crate) mod comparison;
pub(crate) mod composer;
pub(crate) mod conversations;
pub(crate) mod dock;
pub(crate) mod editor;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod guess;
pub(crate) mod health;
mod hex_line;
pub(crate) mod inspector;
pub(crate) mod ladder;
pub(crate) mod list;
mod menus;
pub(crate) mod messages;
pub(crate) mod overlays;
mod paint;
pub(crate) mod problems;
pub(crate) mod recording;
pub(crate) mod shortcuts;
pub(crate) mod stating;
pub(crate) mod statistics;
pub(crate) mod status;
pub(crate) mod timeline;
pub(crate) mod toolbar;
pub(crate) mod tour;
pub(crate) mod transcript;

use std::ops::Range;
use std::path::PathBuf;

use framescope_capture::{FlowId, RowId};
use framescope_parser::Code;

use crate::models::actions::Action;
use crate::models::copying::CopyError;
use crate::models::levels::Levels;
use crate::models::rows::Sort;
use crate::models::settings::ColumnSetting;
use crate::models::view::Highlight;
pub(crate) use composer::Compose;
pub(crate) use stating::Say;

/// A panel's request to the app.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Act(Action),
    /// Composes a message.
    Compose(Compose),
    ShowFlow(Option<FlowId>),
    ShowSpan(Option<Range<i64>>),
    ShowLevels(Levels),
    SelectRow(RowId),
    /// Selects a row, and clears the filter if it hides the row.
    GoTo(RowId),
    CompareWith(Option<RowId>),
    Highlight(Option<Highlight>),
    /// Shows the bytes of a message of a carrier, or the selected one's own.
    ShowLayer(Option<RowId>),
    /// Places the cursor on one of the highlighted bytes.
    PlaceCursor(usize),
    /// Highlights bytes and the smallest field that contains them.
    HighlightBytes(Range<usize>),
    Hover(Highlight),
    /// Decodes something as a protocol, or detects it if none is named.
    DecodeAs(DecodeTarget, Option<String>),
    Open(PathBuf),
    /// Takes the secrets of TLS connections from a file.
    UseKeyLog(PathBuf),
    Cancel,
    StopSearch,
    /// Applies the text of the filter line.
    ApplyFilter,
    /// Adds a test to the filter, joined by `and`.
    AddToFilter(String),
    SetFilter(String),
    SortBy(Option<Sort>),
    SetColumns(Vec<ColumnSetting>),
    /// Selects the next row with that problem, or the previous one.
    Seek(Code, bool),
    /// Copies a text, or reports why there is none.
    Copy(Result<String, CopyError>),
    /// Copies the highlighted field or bytes, or the text of the selected row.
    CopySelection,
    StartDescription(&'static str),
    SaveDescription,
    SaveDescriptionAs,
    SaveDescriptionTo(PathBuf),
    /// Asks where to save a row's bytes.
    SaveRow(RowId, CorpusFolder),
    SaveRowTo(RowId, PathBuf),
    /// Starts what was chosen in the dialog.
    StartRecording,
    SaveRecordingTo(PathBuf),
    /// Finds out what a conversation could be.
    Guess(FlowId),
    CancelGuess,
    /// Uses the description of a hypothesis.
    UseGuess(usize),
    /// Shows the bytes under each other, also those that no protocol explains.
    LookAtBytes,
    /// Changes what is said that bytes are.
    Say(Say),
    CloseEditor,
    CloseHealth,
    Dismiss(usize),
}

/// What a row's bytes are saved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CorpusFolder {
    /// A seed for a fuzzer.
    Seeds,
    /// A regression test.
    Regressions,
}

/// What is decoded as another protocol.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DecodeTarget {
    All,
    Flow(FlowId),
    /// What a selector says: a port, or the channel of a carrier. This is stored in the settings.
    Selector(String),
}
