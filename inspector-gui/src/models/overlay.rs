//! What is shown on top of the window for a moment: the command palette, going to a row, the shortcuts, a path to type.

use framescope_capture::RowId;

use super::actions::{Action, Entry, matching};
use super::recording::RecordDialog;

/// What is shown on top of the window.
#[derive(Debug, Default)]
pub(crate) enum Overlay {
    #[default]
    None,
    Palette(Palette),
    /// Asks for a row's number.
    GoToRow(String),
    Shortcuts,
    /// Asks what to record.
    Record(Box<RecordDialog>),
    /// Asks for a path where the system has no file dialog.
    Path {
        text: String,
        purpose: PathPurpose,
    },
}

/// What a path is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathPurpose {
    /// A file to open.
    Open,
    /// A file with the secrets of TLS connections.
    KeyLog,
    /// Where to save the description.
    Description,
    /// Where to save what was recorded.
    Recording,
    /// Where to save the bytes of a row.
    Row(RowId),
}

impl Overlay {
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Overlay::None)
    }
}

/// The command palette: the actions that match a text, found once for a text.
#[derive(Debug)]
pub(crate) struct Palette {
    /// What is searched for. Call [`search`](Palette::search) after changing it.
    pub(crate) text: String,
    found: Vec<&'static Entry>,
    current: usize,
}

impl Default for Palette {
    fn default() -> Palette {
        Palette { text: String::new(), found: matching(""), current: 0 }
    }
}

impl Palette {
    /// Finds the actions that match the text.
    pub(crate) fn search(&mut self) {
        self.found = matching(&self.text);
        self.current = 0;
    }

    /// The matching actions.
    pub(crate) fn found(&self) -> &[&'static Entry] {
        &self.found
    }

    /// The position of the action that Enter takes.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// Moves to another action.
    pub(crate) fn step(&mut self, by: isize) {
        self.current = self.current.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    pub(crate) fn action(&self, at: usize) -> Option<Action> {
        self.found.get(at).map(|entry| entry.0)
    }
}

/// The number of a row as a person types it, if there is such a row.
pub(crate) fn row_number(text: &str, rows: usize) -> Option<RowId> {
    let digits: String = text.chars().filter(|c| !matches!(c, ',' | '#' | ' ' | '_')).collect();
    digits.parse::<u32>().ok().map(RowId::from).filter(|row| row.index() < rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_moves_through_what_it_found() {
        let mut palette = Palette::default();
        palette.step(-1);
        assert_eq!(palette.current(), 0);
        palette.text = "problem".to_owned();
        palette.step(2);
        palette.search();
        assert_eq!((palette.found().len(), palette.current()), (3, 0));
        palette.step(99);
        assert_eq!((palette.current(), palette.action(3)), (2, None));
        assert!(palette.action(2).is_some());
    }

    #[test]
    fn a_row_is_typed_in_several_ways() {
        assert_eq!(
            ["#1,024", "1_024", " 7"].map(|text| row_number(text, 2000)),
            [Some(1024.into()), Some(1024.into()), Some(7.into())]
        );
        assert_eq!(["2000", "-1", "", "x"].map(|text| row_number(text, 2000)), [None; 4]);
    }
}
