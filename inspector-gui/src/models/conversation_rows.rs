//! The rows of one conversation, for the transcript and the ladder, which show it as a whole whatever the filter hides.

use framescope_capture::{FlowId, Index};

use super::levels::Levels;
use super::rows::{Rows, Scope};
use super::view::View;

/// The rows of a conversation, and those of them that match a search.
#[derive(Debug)]
pub(crate) struct ConversationRows {
    flow: FlowId,
    /// Whether the index was finished: its rows then have other numbers.
    was_finished: bool,
    rows: Rows,
    /// The filter of the search, and the rows that match it.
    matches: Option<(String, Rows)>,
}

/// The rows of a conversation itself, not of those that it carries.
const OWN_ROWS: Scope = Scope { levels: Levels::Outermost, flow: None, span: None, filter: None };

impl ConversationRows {
    /// Keeps the rows those of the selected row's conversation, or else of the conversation that the table shows. Returns
    /// whether they are others than before.
    pub(crate) fn update(known: &mut Option<ConversationRows>, index: &Index, view: &View) -> bool {
        let of_selected = view.selected().and_then(|row| index.row(row)).map(|row| row.flow());
        let Some(flow) = of_selected.or(view.flow()) else { return false };
        let is_finished = index.is_finished();
        if known.as_ref().is_some_and(|known| known.flow == flow && known.was_finished == is_finished) {
            return false;
        }
        let rows = view.find(Scope { flow: Some(flow), ..OWN_ROWS });
        *known = Some(ConversationRows { flow, was_finished: is_finished, rows, matches: None });
        true
    }

    /// Finds the rows that match a filter, unless that was done.
    pub(crate) fn search(&mut self, filter: Option<String>, view: &View) {
        if self.matches.as_ref().map(|(known, _)| known) == filter.as_ref() {
            return;
        }
        self.matches = filter.map(|filter| {
            let scope = Scope { flow: Some(self.flow), filter: Some(filter.clone()), ..OWN_ROWS };
            (filter, view.find(scope))
        });
    }

    /// The conversation.
    pub(crate) fn flow(&self) -> FlowId {
        self.flow
    }

    /// Its rows.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The rows that match the search, if there is one.
    pub(crate) fn matches(&self) -> Option<&Rows> {
        self.matches.as_ref().map(|(_, rows)| rows)
    }

    /// Whether no search is running.
    pub(crate) fn is_settled(&self) -> bool {
        self.rows.is_caught_up() && self.matches().is_none_or(Rows::is_caught_up)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use framescope_capture::{Options, RowId, read};
    use parking_lot::RwLock;

    use super::*;
    use crate::models::background::Background;

    #[test]
    fn the_rows_are_those_of_the_selected_rows_conversation_and_are_searched() {
        let source = framescope_inspect::sample::source();
        let index = read(source, &Options::default(), &mut |_| true).unwrap();
        let index = Arc::new(RwLock::new(index));
        let background = Background::manual();
        let mut view = View::new(Arc::clone(&index), framescope_parser::built_in(), &background);
        let index = index.read();
        let flow_of = |row: RowId| index.row(row).unwrap().flow();
        view.select_row(Some(85.into()));
        let mut known = None;
        assert!(ConversationRows::update(&mut known, &index, &view));
        assert!(!ConversationRows::update(&mut known, &index, &view), "they are the same");
        let rows = known.as_mut().unwrap();
        rows.search(Some("kind == LOGIN".to_owned()), &view);
        assert!(!rows.is_settled());
        while background.step() {}
        assert!(rows.is_settled() && rows.flow() == flow_of(85.into()));
        let all: Vec<RowId> = (0..rows.rows().len()).filter_map(|at| rows.rows().at(at)).collect();
        assert!(all.contains(&85.into()) && all.iter().all(|&row| flow_of(row) == rows.flow()));
        let login = rows.matches().and_then(|matches| matches.at(0)).unwrap();
        assert!(
            rows.matches().unwrap().len() == 1 && index.kind(&index.row(login).unwrap()) == Some("LOGIN")
        );
        rows.search(None, &view);
        assert!(rows.matches().is_none());
        view.select_row(Some(0.into()));
        assert!(ConversationRows::update(&mut known, &index, &view), "another conversation");
    }
}
