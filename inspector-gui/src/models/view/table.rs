//! The rows of the table: which ones, and in which order.

use std::ops::Range;

use framescope_capture::{FlowId, Index, RowId};

use super::super::background::JobError;
use super::super::levels::Levels;
use super::super::rows::{Rows, Scope, Search, SearchError, Sort};
use super::View;

impl View {
    /// Whether a row is in the scope, whether or not it has been found yet.
    pub fn includes(&self, row: RowId) -> bool {
        !self.is_narrowed() || self.search().includes(row)
    }

    /// Which rows are shown.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the scope leaves out any rows.
    pub fn is_narrowed(&self) -> bool {
        !self.scope.is_all()
    }

    /// Whether rows are still being found.
    pub fn is_searching(&self) -> bool {
        self.next.is_some() || self.rows.as_ref().is_some_and(|rows| !rows.is_caught_up())
    }

    /// The progress of the search for rows, from 0 to 1, if one is running.
    pub fn search_progress(&self) -> Option<f32> {
        let rows = self.next.as_ref().and_then(Option::as_ref).or(self.rows.as_ref());
        rows.filter(|rows| !rows.is_caught_up()).map(Rows::progress)
    }

    /// Whether all background work of the view is done.
    pub fn is_settled(&self) -> bool {
        let survey = self.survey.read();
        !self.is_searching()
            && survey.is_done
            && self.charts.is_settled(survey.times.is_some())
            && self.seek.is_none()
    }

    /// Why the filter could not be applied to every row.
    pub fn search_error(&self) -> Option<&SearchError> {
        self.error.as_ref()
    }

    /// Why a message could not be decoded, if the decoder panicked.
    pub fn decode_error(&self) -> Option<JobError> {
        self.lookup.error()
    }

    /// Shows the rows that match a valid filter, or all.
    pub fn show_filtered(&mut self, filter: Option<String>) {
        self.scope.filter = filter;
        self.find_rows();
    }

    /// Shows the rows of one conversation and of those that it carries, or of all.
    pub fn show_flow(&mut self, flow: Option<FlowId>) {
        self.scope.flow = flow;
        self.find_rows();
    }

    /// Shows the rows of a time span, or of all time.
    pub fn show_span(&mut self, span: Option<Range<i64>>) {
        self.scope.span = span;
        self.find_rows();
    }

    /// Whether some conversation carries another.
    pub fn has_levels(&self) -> bool {
        self.has_levels
    }

    /// Shows these levels, now if there are several, or as soon as there are.
    pub fn show_levels(&mut self, levels: Levels) {
        self.levels = levels;
        if self.has_levels && self.scope.levels != levels {
            self.scope.levels = levels;
            self.find_rows();
        }
    }

    /// Shows a row that the scope hides: at all levels if that is enough, else among all rows. Returns whether more than the levels
    /// had to change.
    pub fn reveal(&mut self, row: RowId) -> bool {
        if self.includes(row) {
            return false;
        }
        self.scope.levels = Levels::All;
        let is_enough = self.includes(row);
        if !is_enough {
            self.scope = Scope::default();
        }
        self.find_rows();
        !is_enough
    }

    /// Shows all rows, in the current order.
    pub fn show_all(&mut self) {
        self.scope = Scope::default();
        self.find_rows();
    }

    /// Stops searching and sorting, and shows all rows in their own order.
    pub fn stop_search(&mut self) {
        self.sort = None;
        self.show_all();
    }

    /// Starts to find rows other than those of the table, in their own order.
    pub(crate) fn find(&self, scope: Scope) -> Rows {
        Rows::find(Search { scope, sort: None, ..self.search() }, &self.background)
    }

    /// The conversation whose rows are shown; None for all.
    pub fn flow(&self) -> Option<FlowId> {
        self.scope.flow
    }

    /// The order of the rows; None for their own.
    pub fn sort(&self) -> Option<Sort> {
        self.sort
    }

    /// Sorts the rows.
    pub fn sort_by(&mut self, sort: Option<Sort>) {
        self.sort = sort;
        self.find_rows();
    }

    /// How many rows the table has.
    pub fn row_count(&self) -> usize {
        self.rows.as_ref().map_or(self.indexed_rows, Rows::len)
    }

    /// The number of the row at a position of the table.
    pub fn row_at(&self, position: usize) -> Option<RowId> {
        match &self.rows {
            Some(rows) => rows.at(position),
            None => u32::try_from(position).ok().map(RowId::from).filter(|_| position < self.indexed_rows),
        }
    }

    /// The position of a row in the table.
    pub fn position_of(&self, row: RowId) -> Option<usize> {
        match &self.rows {
            Some(rows) => rows.position_of(row, self.sort.is_some()),
            None => Some(row.index()).filter(|&position| position < self.indexed_rows),
        }
    }

    /// The first row of the table that was captured at a time or later. Rows are nearly in the order of their times; None if
    /// the table is sorted otherwise.
    pub fn row_at_time(&self, index: &Index, time: i64) -> Option<RowId> {
        if self.sort.is_some() {
            return None;
        }
        let (mut low, mut high) = (0, self.row_count());
        while low < high {
            let middle = low + (high - low) / 2;
            let then = self.row_at(middle).and_then(|row| index.time_ns(&index.row(row)?));
            match then.is_some_and(|then| then < time) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        self.row_at(low).or_else(|| self.row_at(low.checked_sub(1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{settle, view};
    use super::*;

    #[test]
    fn a_conversation_shows_its_rows_only() {
        let (index, mut view) = view();
        assert_eq!(view.row_count(), index.read().row_count());
        view.show_flow(Some(2.into()));
        settle(&index, &mut view);
        assert!(view.row_count() > 0 && view.row_count() < index.read().row_count());
        for position in 0..view.row_count() {
            let row = view.row_at(position).unwrap();
            assert_eq!(index.read().row(row).unwrap().flow(), 2.into());
            assert_eq!(view.position_of(row), Some(position));
        }
    }

    #[test]
    fn a_time_leads_to_the_first_row_from_then_on() {
        let (index, mut view) = view();
        let index_now = index.read();
        let time = |row| index_now.time_ns(&index_now.row(row).unwrap()).unwrap();
        assert_eq!(view.row_at_time(&index_now, i64::MIN), Some(0.into()));
        let last = index_now.row_ids().next_back().unwrap();
        assert_eq!(view.row_at_time(&index_now, i64::MAX), Some(last));
        let found = view.row_at_time(&index_now, time(20.into())).unwrap();
        assert!(time(found) == time(20.into()) && time(RowId::from(found.number() - 1)) < time(20.into()));
        let by_length = Sort { column: framescope_capture::filter::Column::Length, descending: false };
        view.sort_by(Some(by_length));
        assert_eq!(view.row_at_time(&index_now, time(20.into())), None);
    }
}
