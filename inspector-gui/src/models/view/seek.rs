//! Finds the next row with a problem, a few thousand rows at a time.

use std::time::Duration;

use framescope_capture::Index;
use framescope_parser::{Code, Severity};

use super::View;

/// A search for the next row with a problem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seek {
    /// The problem; None for any warning or error.
    code: Option<Code>,
    forward: bool,
    /// The position that the search started from.
    from: Option<usize>,
    /// How many positions were checked.
    checked: usize,
}

/// How long the search may delay a frame.
const TIME_PER_FRAME: Duration = Duration::from_millis(2);
/// Rows that are checked before the time is.
const ROWS_PER_CHECK: usize = 4096;

impl View {
    /// Selects the next row with that problem, or with any warning or error, after the selected row or before it, wrapping
    /// around. A long search continues with the next [`update`](View::update).
    pub fn seek(&mut self, code: Option<Code>, forward: bool, index: &Index) {
        let from = self.position();
        self.seek = Some(Seek { code, forward, from, checked: 0 });
        self.continue_seeking(index);
    }

    pub(super) fn continue_seeking(&mut self, index: &Index) {
        let Some(mut seek) = self.seek.take() else { return };
        let count = self.row_count();
        // The selected row itself comes last.
        let skipped = match (seek.from, seek.forward) {
            (Some(from), true) => from + 1,
            (Some(from), false) => count.saturating_sub(from),
            (None, _) => 0,
        };
        let started = self.background.now();
        while seek.checked < count {
            let at = (skipped + seek.checked) % count;
            let position = if seek.forward { at } else { count - 1 - at };
            seek.checked += 1;
            let number = self.row_at(position);
            let row = number.and_then(|number| index.row(number));
            let is_match = row.is_some_and(|row| match seek.code {
                Some(code) => row.codes.contains(code),
                None => row.severity() >= Some(Severity::Warning),
            });
            if is_match {
                self.select_row(number);
                self.scroll_to_selected();
                return;
            }
            let is_time_to_check = seek.checked.is_multiple_of(ROWS_PER_CHECK);
            if is_time_to_check && self.background.now() - started > TIME_PER_FRAME {
                self.seek = Some(seek);
                self.background.wake();
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::view;
    use super::*;
    use framescope_capture::RowId;

    #[test]
    fn problems_are_found_in_both_directions_and_around_the_end() {
        let (index, mut view) = view();
        let index = index.read();
        let faulty: Vec<RowId> = index
            .rows()
            .filter(|(_, row)| row.severity() >= Some(Severity::Warning))
            .map(|(number, _)| number)
            .collect();
        let mut found = Vec::new();
        view.select_row(Some(0.into()));
        for _ in 0..=faulty.len() {
            view.seek(None, true, &index);
            found.extend(view.selected());
        }
        assert_eq!(found[..faulty.len()], faulty);
        assert_eq!(found[faulty.len()], faulty[0], "around the end");
        view.seek(None, false, &index);
        assert_eq!(view.selected(), faulty.last().copied(), "and back");
        view.seek(Some(Code::PingTooLong), true, &index);
        assert_eq!(view.selected(), faulty.last().copied(), "no row has it");
    }
}
