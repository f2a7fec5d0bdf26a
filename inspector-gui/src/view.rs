//! What of a capture is looked at: which rows in which order, the message, the bytes. The half of the window without
//! pixels. Changed by the window's commands only.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use framescope_capture::filter::Filter;
use framescope_capture::{Index, Row};
use framescope_parser::{Code, Direction, Protocol, Severity};

use crate::background::{Background, Job};
use crate::details::{Details, FieldNode};
use crate::document::SharedIndex;
use crate::lookup::Lookup;
use crate::rows::{Narrowing, Rows, Search, Sort};
use crate::survey::{self, Pictures, Surveying};

/// A place in a capture that stays the same when its rows get other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    flow: u32,
    direction: Direction,
    offset: u64,
}

/// Bytes of the message, and the field that they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// Offsets in the message.
    pub range: Range<usize>,
    /// The field's path, if it is one.
    pub path: Option<String>,
}

/// What is looked at of one capture.
pub struct View {
    index: SharedIndex,
    protocols: Vec<Arc<dyn Protocol>>,
    background: Background,
    narrowing: Narrowing,
    sort: Option<Sort>,
    /// The rows that are shown; None for all of them as they are.
    rows: Option<Rows>,
    /// Those that are being found for what is asked now; until then the last ones stay.
    next: Option<Option<Rows>>,
    /// Whether the row that is looked at shall be looked for among the rows when all are found.
    selection_is_new: bool,
    selected: Option<u32>,
    /// The selected row's place in its stream: it stays when the rows are put in order.
    place: Option<Place>,
    /// Where the selected row stands among those shown, and for how many of them that was found.
    position: Option<(u32, usize, Option<usize>)>,
    /// The row that the selected one is compared with.
    compared: Option<u32>,
    marked: Option<Marked>,
    /// What the pointer is over.
    hovered: Option<Marked>,
    lookup: Lookup,
    surveying: Surveying,
    pictures: Pictures,
    picturing: Option<Job<Pictures>>,
    /// What they were made of last.
    pictured: Option<Pictured>,
    seen: usize,
    finished: bool,
    error: Option<String>,
    seeking: Option<Seek>,
    /// The selected row shall be brought into sight.
    show_selected: bool,
}

/// What pictures were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pictured {
    rows: usize,
    /// Whether all rows were there.
    is_whole: bool,
    times: Option<(i64, i64)>,
}

/// A search for the next row with a problem.
#[derive(Clone, Copy, Debug)]
struct Seek {
    /// The problem; None for any warning or error.
    code: Option<Code>,
    forward: bool,
    from: Option<usize>,
    /// How many places were looked at.
    taken: usize,
}

/// How long the search for a problem may keep the window from being shown.
const SEEKING: Duration = Duration::from_millis(2);

/// How long the rows that were shown before stay when others are asked for.
const OLD_ROWS_STAY: Duration = Duration::from_millis(120);

impl View {
    /// Looks at all of an index.
    pub fn new(index: SharedIndex, protocols: Vec<Arc<dyn Protocol>>, background: &Background) -> View {
        let lookup = Lookup::new(Arc::clone(&index), background);
        let surveying = Surveying::begin(Arc::clone(&index), background);
        View {
            index,
            protocols,
            background: background.clone(),
            narrowing: Narrowing::default(),
            sort: None,
            rows: None,
            next: None,
            selection_is_new: false,
            selected: None,
            place: None,
            position: None,
            compared: None,
            marked: None,
            hovered: None,
            lookup,
            surveying,
            pictures: Pictures::default(),
            picturing: None,
            pictured: None,
            seen: 0,
            finished: false,
            error: None,
            seeking: None,
            show_selected: false,
        }
    }

    /// Looks at another index as at this one: the same rows are asked for, and the same place is looked at.
    pub fn moved_to(&self, index: SharedIndex, protocols: Vec<Arc<dyn Protocol>>) -> View {
        let mut view = View::new(index, protocols, &self.background);
        view.narrowing.clone_from(&self.narrowing);
        view.sort = self.sort;
        view.place = self.place;
        view.marked.clone_from(&self.marked);
        // What a filter names may be there no more.
        if view.narrowing.filter.as_ref().is_some_and(|text| Filter::parse(text, &view.protocols).is_err()) {
            view.narrowing.filter = None;
        }
        view.choose();
        let index = Arc::clone(&view.index);
        let index = index.read();
        view.selected = view.place.and_then(|place| row_at(&index, place));
        view.finished = index.is_finished();
        view.seen = index.row_count();
        view
    }

    /// Takes in what is new in the index. Call before anything is shown.
    pub fn update(&mut self, index: &Index) {
        self.lookup.begin_frame();
        if index.is_finished() && !self.finished {
            // The rows were put in order and told what the sequence shows: what was derived from them is stale.
            self.finished = true;
            self.selected = self.place.and_then(|place| row_at(index, place));
            self.compared = None;
            self.lookup.forget();
            self.surveying = Surveying::begin(Arc::clone(&self.index), &self.background);
            self.position = None;
            self.choose();
        }
        self.seen = index.row_count();
        self.swap_rows();
        self.go_on_seeking(index);
        // Something to look at from the first moment.
        if self.selected.is_none() && self.place.is_none() && !self.is_narrowed() && self.seen > 0 {
            self.selected = Some(0);
        }
        let selected = self.selected.and_then(|row| index.row(row));
        if let Some(row) = selected {
            self.place = Some(place_of(index, &row));
        }
        self.update_pictures(index);
    }

    fn swap_rows(&mut self) {
        let is_due = match &self.next {
            None => false,
            Some(None) => true,
            // Rows that are put in order come all at once.
            Some(Some(rows)) => rows.is_done() || self.sort.is_none() && rows.age() > OLD_ROWS_STAY,
        };
        if is_due {
            self.rows = self.next.take().flatten();
            self.position = None;
            self.show_selected = true;
        }
        // A row that is looked at no more is not selected either.
        if self.selection_is_new && !self.is_looking() {
            self.selection_is_new = false;
            if self.selected.is_some() && self.position().is_none() {
                self.select_row(None);
            }
        }
        if let Some(error) = self.rows.as_ref().and_then(Rows::error) {
            self.error = Some(error);
        }
    }

    fn choose(&mut self) {
        self.error = None;
        self.selection_is_new = true;
        self.pictured = None;
        if !self.is_narrowed() && self.sort.is_none() {
            self.next = Some(None);
            return;
        }
        self.next = Some(Some(Rows::find(self.search(), &self.background)));
    }

    fn search(&self) -> Search {
        Search {
            index: Arc::clone(&self.index),
            narrowing: self.narrowing.clone(),
            sort: self.sort,
            protocols: self.protocols.clone(),
        }
    }

    /// Whether a row is one of those that are asked for, whether or not it has been found yet.
    pub fn wants(&self, row: u32) -> bool {
        !self.is_narrowed() || self.search().is_for(row)
    }

    fn update_pictures(&mut self, index: &Index) {
        match self.picturing.as_ref().and_then(Job::poll) {
            None => {}
            Some(Ok(pictures)) => (self.pictures, self.picturing) = (pictures, None),
            Some(Err(panic)) => {
                (self.error, self.picturing) = (Some(format!("a bug of ours: {panic}")), None)
            }
        }
        // While rows come, now and then; anew as soon as others are shown.
        let times = match &self.narrowing.span {
            Some(span) => Some((span.start, span.end.saturating_sub(1))),
            None => self.surveying.read().times,
        };
        let count = self.row_count();
        let is_whole = index.is_finished() && self.surveying.read().is_done && !self.is_looking();
        let now = Pictured { rows: count, is_whole, times };
        let is_new = match self.pictured {
            None => true,
            Some(last) if is_whole => now != last,
            Some(last) => count > last.rows.saturating_mul(5) / 4 + 64,
        };
        if self.picturing.is_none() && is_new && times.is_some() {
            self.pictured = Some(now);
            let rows: survey::Chunks = match &self.rows {
                None => survey::all_rows(&self.index),
                Some(rows) => Box::new(rows.chunks()),
            };
            let job = survey::picture(Arc::clone(&self.index), rows, times, &self.background);
            self.picturing = Some(job);
        }
    }

    /// What rows are asked for.
    pub fn narrowing(&self) -> &Narrowing {
        &self.narrowing
    }

    /// Whether fewer rows than all are asked for.
    pub fn is_narrowed(&self) -> bool {
        !self.narrowing.is_all()
    }

    /// Whether rows are still being found.
    pub fn is_looking(&self) -> bool {
        self.next.is_some() || self.rows.as_ref().is_some_and(|rows| !rows.is_done())
    }

    /// How far the search for rows is, from 0 to 1, if there is one.
    pub fn search_progress(&self) -> Option<f32> {
        let looked_for = self.next.as_ref().and_then(Option::as_ref).or(self.rows.as_ref());
        looked_for.filter(|rows| !rows.is_done()).map(Rows::progress)
    }

    /// Whether all that is counted and searched in the background is done.
    pub fn is_settled(&self) -> bool {
        let whole = self.pictured.is_some_and(|last| last.is_whole) || self.surveying.read().times.is_none();
        !self.is_looking()
            && self.surveying.read().is_done
            && self.picturing.is_none()
            && whole
            && self.seeking.is_none()
    }

    /// Why not all rows could be asked.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// What made taking a message apart break down, if that happened.
    pub fn broken(&self) -> Option<String> {
        self.lookup.broken()
    }

    /// Shows the rows that an expression is true of, or all. It has been understood already.
    pub fn show_filtered(&mut self, filter: Option<String>) {
        self.narrowing.filter = filter;
        self.choose();
    }

    /// Shows the rows of one conversation, or of all.
    pub fn show_flow(&mut self, flow: Option<u32>) {
        self.narrowing.flow = flow;
        self.choose();
    }

    /// Shows the rows of a span of time, or of all.
    pub fn show_span(&mut self, span: Option<Range<i64>>) {
        self.narrowing.span = span;
        self.choose();
    }

    /// Shows all rows again, in the order that they are shown in.
    pub fn show_all(&mut self) {
        self.narrowing = Narrowing::default();
        self.choose();
    }

    /// Stops looking for rows and putting them in order: all are shown as they are.
    pub fn stop_looking(&mut self) {
        self.sort = None;
        self.show_all();
    }

    /// Begins to find other rows than those that are shown, in their own order.
    pub(crate) fn find(&self, narrowing: Narrowing) -> Rows {
        Rows::find(Search { narrowing, sort: None, ..self.search() }, &self.background)
    }

    /// The conversation whose rows are shown; None for all.
    pub fn flow(&self) -> Option<u32> {
        self.narrowing.flow
    }

    /// The order of the rows; None for their own.
    pub fn sort(&self) -> Option<Sort> {
        self.sort
    }

    /// Puts the rows in another order.
    pub fn sort_by(&mut self, sort: Option<Sort>) {
        self.sort = sort;
        self.choose();
    }

    /// How many rows the table has.
    pub fn row_count(&self) -> usize {
        self.rows.as_ref().map_or(self.seen, Rows::len)
    }

    /// The number of the row that stands at a place of the table.
    pub fn row_at(&self, place: usize) -> Option<u32> {
        match &self.rows {
            Some(rows) => rows.at(place),
            None => u32::try_from(place).ok().filter(|_| place < self.seen),
        }
    }

    /// Where in the table a row stands.
    pub fn place_of(&self, row: u32) -> Option<usize> {
        match &self.rows {
            Some(rows) => rows.place_of(row, self.sort.is_some()),
            None => Some(row as usize).filter(|&place| place < self.seen),
        }
    }

    /// Where in the table the selected row stands.
    pub fn position(&mut self) -> Option<usize> {
        let row = self.selected?;
        let count = self.row_count();
        match self.position {
            Some((of, known, place)) if of == row && (place.is_some() || known == count) => place,
            _ => {
                let place = self.place_of(row);
                self.position = Some((row, count, place));
                place
            }
        }
    }

    /// What is counted over all rows.
    pub fn survey(&self) -> parking_lot::RwLockReadGuard<'_, survey::Survey> {
        self.surveying.read()
    }

    /// What the pictures show.
    pub fn pictures(&self) -> &Pictures {
        &self.pictures
    }

    /// Whether others are being made.
    pub fn is_picturing(&self) -> bool {
        self.picturing.is_some()
    }

    /// The messages, taken apart.
    pub fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    /// The row that is looked at.
    pub fn selected(&self) -> Option<u32> {
        self.selected
    }

    /// Looks at a row.
    pub fn select_row(&mut self, row: Option<u32>) {
        if self.selected != row {
            self.selected = row;
            self.marked = None;
            self.hovered = None;
        }
    }

    /// Looks at the row so many places further down, or up.
    pub fn move_selection(&mut self, by: isize) {
        let Some(last) = self.row_count().checked_sub(1) else { return };
        let place = match self.position() {
            Some(place) => place.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.select_row(self.row_at(place));
    }

    /// The row that the selected one is compared with.
    pub fn compared(&self) -> Option<u32> {
        self.compared
    }

    /// Compares with a row.
    pub fn compare_with(&mut self, row: Option<u32>) {
        self.compared = row;
    }

    /// The bytes that are marked.
    pub fn marked(&self) -> Option<&Marked> {
        self.marked.as_ref()
    }

    /// The bytes that the pointer is over.
    pub fn hovered(&self) -> Option<&Marked> {
        self.hovered.as_ref()
    }

    /// Says what the pointer is over.
    pub fn hover(&mut self, what: Option<Marked>) {
        self.hovered = what;
    }

    /// Marks a field and its bytes, or nothing.
    pub fn mark(&mut self, what: Option<Marked>) {
        self.marked = what;
    }

    /// Marks the field so many further down in the tree, or up.
    pub fn move_mark(&mut self, by: isize) {
        fn flat<'f>(fields: &'f [FieldNode], all: &mut Vec<&'f FieldNode>) {
            for field in fields {
                all.push(field);
                flat(&field.fields, all);
            }
        }
        let Some(details) = self.details() else { return };
        let mut all = Vec::new();
        flat(&details.fields, &mut all);
        let path = self.marked.as_ref().and_then(|marked| marked.path.as_deref());
        let at = path.and_then(|path| all.iter().position(|field| field.path == path));
        let to = at.map_or(0, |at| at.saturating_add_signed(by).min(all.len().saturating_sub(1)));
        if let Some(field) = all.get(to) {
            self.marked = Some(Marked { range: field.range.clone(), path: Some(field.path.clone()) });
        }
    }

    /// Marks bytes, of a problem for instance, and the smallest field that holds them.
    pub fn mark_bytes(&mut self, range: Range<usize>) {
        let path = self.details().and_then(|details| Some(details.smallest_field(&range)?.path.clone()));
        self.marked = Some(Marked { range, path });
    }

    /// Marks the smallest field that holds a byte.
    pub fn mark_byte(&mut self, at: usize) {
        self.marked = self.details().map(|details| field_at(&details, at));
    }

    /// The selected row, taken apart; None if there is none, or if it is still being read.
    pub fn details(&self) -> Option<Arc<Details>> {
        self.lookup.details(self.selected?)
    }

    /// Looks for the next row with that problem, or with any warning or error, behind the selected row or before it, and
    /// round the end. What takes long goes on with the next [`update`](View::update).
    pub fn seek(&mut self, code: Option<Code>, forward: bool, index: &Index) {
        let from = self.position();
        self.seeking = Some(Seek { code, forward, from, taken: 0 });
        self.go_on_seeking(index);
    }

    fn go_on_seeking(&mut self, index: &Index) {
        let Some(mut seek) = self.seeking.take() else { return };
        let count = self.row_count();
        // The row itself comes last.
        let before = match (seek.from, seek.forward) {
            (Some(from), true) => from + 1,
            (Some(from), false) => count.saturating_sub(from),
            (None, _) => 0,
        };
        let begun = self.background.now();
        while seek.taken < count {
            let at = (before + seek.taken) % count;
            let place = if seek.forward { at } else { count - 1 - at };
            seek.taken += 1;
            let row = self.row_at(place);
            let known = row.and_then(|row| index.row(row));
            let is_wanted = known.is_some_and(|known| match seek.code {
                Some(code) => known.codes.contains(code),
                None => known.severity() >= Some(Severity::Warning),
            });
            if is_wanted {
                self.select_row(row);
                self.show_selected = true;
                return;
            }
            if seek.taken.is_multiple_of(4096) && self.background.now() - begun > SEEKING {
                self.seeking = Some(seek);
                self.background.wake();
                return;
            }
        }
    }

    /// Brings the selected row into sight.
    pub fn show_selected(&mut self) {
        self.show_selected = true;
    }

    /// Where the row stands that shall be brought into sight, once.
    pub(crate) fn take_place_to_show(&mut self) -> Option<usize> {
        let place = self.position().filter(|_| self.show_selected)?;
        self.show_selected = false;
        Some(place)
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let View { narrowing, selected, .. } = self;
        f.debug_struct("View")
            .field("narrowing", narrowing)
            .field("selected", selected)
            .finish_non_exhaustive()
    }
}

/// The smallest field that holds a byte, or the byte alone.
pub fn field_at(details: &Details, at: usize) -> Marked {
    match details.smallest_field(&(at..at + 1)) {
        Some(field) => Marked { range: field.range.clone(), path: Some(field.path.clone()) },
        None => Marked { range: at..at + 1, path: None },
    }
}

fn place_of(index: &Index, row: &Row) -> Place {
    Place { flow: row.flow(), direction: index.direction(row), offset: row.offset }
}

/// The row that holds a place of a stream; None until the index is finished.
fn row_at(index: &Index, place: Place) -> Option<u32> {
    index.is_finished().then(|| index.row_at(place.flow, place.direction, place.offset)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};
    use parking_lot::RwLock;

    fn view() -> (SharedIndex, View) {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let protocols = framescope_parser::built_in();
        let mut view = View::new(Arc::clone(&index), protocols, &Background::by_hand());
        settle(&index, &mut view);
        (index, view)
    }

    fn settle(index: &SharedIndex, view: &mut View) {
        // What is done in one of these can begin what is done in the next.
        for _ in 0..20 {
            view.update(&index.read());
            while view.background.step() {}
        }
        assert!(view.is_settled() && view.details().is_some() == view.selected().is_some());
    }

    #[test]
    fn a_conversation_shows_its_rows_only() {
        let (index, mut view) = view();
        assert_eq!(view.row_count(), index.read().row_count());
        view.show_flow(Some(2));
        settle(&index, &mut view);
        assert!(view.row_count() > 0 && view.row_count() < index.read().row_count());
        for place in 0..view.row_count() {
            let row = view.row_at(place).unwrap();
            assert_eq!(index.read().row(row).unwrap().flow(), 2);
            assert_eq!(view.place_of(row), Some(place));
        }
    }

    #[test]
    fn a_byte_marks_its_field_and_a_field_its_bytes() {
        let (index, mut view) = view();
        let login = {
            let index = index.read();
            (0..).zip(index.rows()).find(|(_, row)| index.kind(row) == Some("LOGIN")).unwrap().0
        };
        view.select_row(Some(login));
        settle(&index, &mut view);
        view.mark_byte(12);
        assert_eq!(view.marked(), Some(&Marked { range: 12..16, path: Some("sequence".to_owned()) }));
        view.mark_byte(22);
        assert_eq!(view.marked().unwrap().path.as_deref(), Some("payload.user"));
        view.mark_byte(4);
        assert_eq!(view.marked().unwrap().path.as_deref(), Some("flags"));
    }

    #[test]
    fn a_row_that_is_shown_no_more_is_not_selected() {
        let (index, mut view) = view();
        view.select_row(Some(3));
        view.show_filtered(Some("row != 3".to_owned()));
        settle(&index, &mut view);
        assert_eq!(view.selected(), None);
        view.select_row(Some(4));
        view.show_filtered(None);
        settle(&index, &mut view);
        assert_eq!((view.selected(), view.position()), (Some(4), Some(4)));
    }

    #[test]
    fn the_place_stays_when_the_capture_is_read_again() {
        let (index, mut view) = view();
        view.show_filtered(Some("severity >= warning".to_owned()));
        view.select_row(Some(85));
        settle(&index, &mut view);
        let again = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let again: SharedIndex = Arc::new(RwLock::new(again));
        let mut moved = view.moved_to(Arc::clone(&again), framescope_parser::built_in());
        settle(&again, &mut moved);
        assert_eq!((moved.selected(), moved.row_count()), (Some(85), view.row_count()));
    }

    #[test]
    fn problems_are_found_in_both_directions_and_round_the_end() {
        let (index, mut view) = view();
        let index = index.read();
        let wrong: Vec<u32> = (0..)
            .zip(index.rows())
            .filter(|(_, row)| row.severity() >= Some(framescope_parser::Severity::Warning))
            .map(|(number, _)| number)
            .collect();
        let mut met = Vec::new();
        view.select_row(Some(0));
        for _ in 0..=wrong.len() {
            view.seek(None, true, &index);
            met.extend(view.selected());
        }
        assert_eq!(met[..wrong.len()], wrong);
        assert_eq!(met[wrong.len()], wrong[0], "round the end");
        view.seek(None, false, &index);
        assert_eq!(view.selected(), wrong.last().copied(), "and back");
        view.seek(Some(Code::PingTooLong), true, &index);
        assert_eq!(view.selected(), wrong.last().copied(), "there is none");
    }
}
