//! How a capture is viewed: which rows in which order, the selected message, the highlighted bytes.
//!
//! This is the window's state without pixels. Only commands of the window change it.

mod charts;
mod seek;
mod selection;
mod table;

use std::sync::Arc;
use std::time::Duration;

use framescope_capture::filter::Filter;
use framescope_capture::{FlowId, Index, Row, RowId};
use framescope_parser::{Direction, Protocol};

use super::background::Background;
use super::document::SharedIndex;
use super::levels::Levels;
use super::lookup::Lookup;
use super::rows::{Rows, Scope, Search, SearchError, Sort};
use super::survey::{Charts, Survey, SurveyJob};
use charts::ChartUpdates;
use seek::Seek;
pub use selection::{Highlight, field_at};

/// A position in a stream, which stays valid when rows get other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StreamPosition {
    flow: FlowId,
    direction: Direction,
    offset: u64,
}

impl StreamPosition {
    fn of(index: &Index, row: &Row) -> StreamPosition {
        StreamPosition { flow: row.flow(), direction: index.direction(row), offset: row.offset }
    }

    /// The row at this position; None until the index is finished, unless it grows.
    fn row(self, index: &Index) -> Option<RowId> {
        // The capture may have been read again, with other flows.
        let is_there = index.is_finished() || index.source().is_growing();
        let flow = index.flow_id(self.flow.number()).filter(|_| is_there)?;
        index.row_at(flow, self.direction, self.offset)
    }
}

/// Where the selected row is in the table, found once for a selection and a number of rows.
#[derive(Clone, Copy, Debug)]
struct KnownPosition {
    row: RowId,
    row_count: usize,
    position: Option<usize>,
}

/// The view of one capture.
pub struct View {
    index: SharedIndex,
    protocols: Vec<Arc<dyn Protocol>>,
    background: Background,
    scope: Scope,
    /// Which levels are to be shown as soon as there are several.
    levels: Levels,
    /// Whether some flow carries another.
    has_levels: bool,
    sort: Option<Sort>,
    /// The rows of the table; None for all rows in their own order.
    rows: Option<Rows>,
    /// The rows of a new scope, which replace those of the table as soon as there is something to show.
    next: Option<Option<Rows>>,
    /// Whether to deselect the selected row if it is not among the rows that are being found.
    checks_selection: bool,
    selected: Option<RowId>,
    /// Whether nothing was selected yet, so that the first row of the table is.
    follows_first: bool,
    /// The selected row's position in its stream.
    stream_position: Option<StreamPosition>,
    known_position: Option<KnownPosition>,
    /// The row that the selected one is compared with.
    compared: Option<RowId>,
    highlighted: Option<Highlight>,
    /// The byte that was clicked of those that are highlighted.
    cursor: Option<usize>,
    /// The message of a carrier whose bytes are shown.
    layer: Option<RowId>,
    /// The bytes under the pointer.
    hovered: Option<Highlight>,
    lookup: Lookup,
    survey: SurveyJob,
    charts: ChartUpdates,
    /// How many rows the index had in the last update.
    indexed_rows: usize,
    is_finished: bool,
    error: Option<SearchError>,
    seek: Option<Seek>,
    /// Whether to scroll to the selected row.
    scrolls_to_selected: bool,
}

/// How long the table keeps the rows of the last scope before it shows an incomplete result.
const OLD_ROWS_STAY: Duration = Duration::from_millis(120);

impl View {
    /// Shows all rows of an index.
    pub fn new(index: SharedIndex, protocols: Vec<Arc<dyn Protocol>>, background: &Background) -> View {
        let lookup = Lookup::new(Arc::clone(&index), background);
        let survey = SurveyJob::start(Arc::clone(&index), background);
        View {
            index,
            protocols,
            background: background.clone(),
            scope: Scope::default(),
            levels: Levels::All,
            has_levels: false,
            sort: None,
            rows: None,
            next: None,
            checks_selection: false,
            selected: None,
            follows_first: true,
            stream_position: None,
            known_position: None,
            compared: None,
            highlighted: None,
            cursor: None,
            layer: None,
            hovered: None,
            lookup,
            survey,
            charts: ChartUpdates::default(),
            indexed_rows: 0,
            is_finished: false,
            error: None,
            seek: None,
            scrolls_to_selected: false,
        }
    }

    /// Views another index of the same capture in the same way: same scope, same selection.
    pub fn moved_to(&self, index: SharedIndex, protocols: Vec<Arc<dyn Protocol>>) -> View {
        let mut view = View::new(index, protocols, &self.background);
        view.scope.clone_from(&self.scope);
        (view.levels, view.has_levels) = (self.levels, self.has_levels);
        view.follows_first = self.follows_first;
        view.sort = self.sort;
        view.stream_position = self.stream_position;
        // The rows of carriers may have other numbers.
        view.highlighted = self.highlighted.clone().filter(|highlight| highlight.of.is_none());
        // The filter may name a field that no longer exists.
        if view.scope.filter.as_ref().is_some_and(|text| Filter::parse(text, &view.protocols).is_err()) {
            view.scope.filter = None;
        }
        let index = Arc::clone(&view.index);
        let index = index.read();
        if !view.take_levels(&index) {
            view.find_rows();
        }
        view.selected = view.stream_position.and_then(|position| position.row(&index));
        view.is_finished = index.is_finished();
        view.indexed_rows = index.row_count();
        view
    }

    /// Takes over what is new in the index. Call before anything is shown.
    pub fn update(&mut self, index: &Index) {
        self.lookup.begin_frame();
        if index.is_finished() && !self.is_finished {
            // Finishing sorts the rows and adds what the sequence shows: everything derived from them is stale.
            self.is_finished = true;
            self.selected = self.stream_position.and_then(|position| position.row(index));
            self.compared = None;
            self.lookup.clear();
            self.survey = SurveyJob::start(Arc::clone(&self.index), &self.background);
            self.known_position = None;
            self.find_rows();
        }
        self.indexed_rows = index.row_count();
        self.take_levels(index);
        self.swap_rows();
        self.continue_seeking(index);
        // Something is selected from the first moment.
        if self.follows_first && self.scope.is_all_of_levels() {
            self.selected = self.row_at(0);
        }
        if let Some(row) = self.selected.and_then(|row| index.row(row)) {
            self.stream_position = Some(StreamPosition::of(index, &row));
        }
        self.update_charts(index);
    }

    fn swap_rows(&mut self) {
        let is_due = match &self.next {
            None => false,
            Some(None) => true,
            // Sorted rows come all together.
            Some(Some(rows)) => rows.is_caught_up() || self.sort.is_none() && rows.age() > OLD_ROWS_STAY,
        };
        if is_due {
            self.rows = self.next.take().flatten();
            self.known_position = None;
            self.scrolls_to_selected = true;
        }
        // A row that is no longer in the table can't stay selected.
        if self.checks_selection && !self.is_searching() {
            self.checks_selection = false;
            if self.selected.is_some() && self.position().is_none() && !self.follows_first {
                self.select_row(None);
            }
        }
        if let Some(error) = self.rows.as_ref().and_then(Rows::error) {
            self.error = Some(error);
        }
    }

    /// Shows the levels that are to be shown, once there are several, or all if there are no longer. Returns whether that is a
    /// change.
    fn take_levels(&mut self, index: &Index) -> bool {
        let had_levels = std::mem::replace(&mut self.has_levels, index.has_carriers());
        if had_levels == self.has_levels {
            return false;
        }
        let levels = if self.has_levels { self.levels } else { Levels::All };
        let is_change = std::mem::replace(&mut self.scope.levels, levels) != levels;
        if is_change {
            self.find_rows();
        }
        is_change
    }

    /// Starts to find the rows of the scope.
    fn find_rows(&mut self) {
        self.error = None;
        self.checks_selection = true;
        self.charts.invalidate();
        let is_all = !self.is_narrowed() && self.sort.is_none();
        self.next = Some((!is_all).then(|| Rows::find(self.search(), &self.background)));
    }

    fn search(&self) -> Search {
        Search {
            index: Arc::clone(&self.index),
            scope: self.scope.clone(),
            sort: self.sort,
            protocols: self.protocols.clone(),
        }
    }

    /// What was counted over all rows.
    pub fn survey(&self) -> parking_lot::RwLockReadGuard<'_, Survey> {
        self.survey.read()
    }

    /// What the charts show.
    pub fn charts(&self) -> &Charts {
        self.charts.current()
    }

    /// Whether newer charts are being made.
    pub fn is_charting(&self) -> bool {
        self.charts.is_running()
    }

    /// The decoded messages.
    pub fn lookup(&self) -> &Lookup {
        &self.lookup
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let View { scope, selected, .. } = self;
        f.debug_struct("View").field("scope", scope).field("selected", selected).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};
    use parking_lot::RwLock;

    pub(super) fn view() -> (SharedIndex, View) {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let protocols = framescope_parser::built_in();
        let mut view = View::new(Arc::clone(&index), protocols, &Background::manual());
        settle(&index, &mut view);
        (index, view)
    }

    pub(super) fn settle(index: &SharedIndex, view: &mut View) {
        // What one round finishes may start work in the next.
        for _ in 0..20 {
            view.update(&index.read());
            while view.background.step() {}
        }
        assert!(view.is_settled() && view.details().is_some() == view.selected().is_some());
    }

    #[test]
    fn a_row_that_left_the_table_is_deselected() {
        let (index, mut view) = view();
        view.select_row(Some(3.into()));
        view.show_filtered(Some("row != 3".to_owned()));
        settle(&index, &mut view);
        assert_eq!(view.selected(), None);
        view.select_row(Some(4.into()));
        view.show_filtered(None);
        settle(&index, &mut view);
        assert_eq!((view.selected(), view.position()), (Some(4.into()), Some(4)));
    }

    #[test]
    fn the_selection_stays_when_the_capture_is_read_again() {
        let (index, mut view) = view();
        view.show_filtered(Some("severity >= warning".to_owned()));
        view.select_row(Some(85.into()));
        settle(&index, &mut view);
        let again = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let again: SharedIndex = Arc::new(RwLock::new(again));
        let mut moved = view.moved_to(Arc::clone(&again), framescope_parser::built_in());
        settle(&again, &mut moved);
        assert_eq!((moved.selected(), moved.row_count()), (Some(85.into()), view.row_count()));
    }
}
