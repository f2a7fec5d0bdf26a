//! The selected row, the row it is compared with, and the highlighted bytes.

use std::ops::Range;
use std::sync::Arc;

use framescope_capture::RowId;

use super::super::details::{Details, FieldNode};
use super::{KnownPosition, View};

/// Highlighted bytes of the message, and the field that they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Highlight {
    /// Offsets in the message.
    pub range: Range<usize>,
    /// The field's path, if the bytes are a field.
    pub path: Option<String>,
    /// The message of a carrier whose bytes they are; None for those of the selected message.
    pub of: Option<RowId>,
}

impl Highlight {
    /// Highlights a field.
    pub(crate) fn of_field(field: &FieldNode) -> Highlight {
        Highlight { range: field.range.clone(), path: Some(field.path.clone()), of: None }
    }

    /// The same bytes of a message of a carrier, or of the selected message.
    #[must_use]
    pub(crate) fn within(self, of: Option<RowId>) -> Highlight {
        Highlight { of, ..self }
    }
}

impl View {
    /// The selected row.
    pub fn selected(&self) -> Option<RowId> {
        self.selected
    }

    /// Selects a row.
    pub fn select_row(&mut self, row: Option<RowId>) {
        self.follows_first = false;
        if self.selected != row {
            self.selected = row;
            self.highlighted = None;
            self.cursor = None;
            self.hovered = None;
            self.layer = None;
        }
    }

    /// Selects the row this many positions further down, or up.
    pub fn move_selection(&mut self, by: isize) {
        let Some(last) = self.row_count().checked_sub(1) else { return };
        let position = match self.position() {
            Some(position) => position.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.select_row(self.row_at(position));
    }

    /// The position of the selected row in the table.
    pub fn position(&mut self) -> Option<usize> {
        let row = self.selected?;
        let row_count = self.row_count();
        if let Some(known) = self.known_position
            && known.row == row
            && (known.position.is_some() || known.row_count == row_count)
        {
            return known.position;
        }
        let position = self.position_of(row);
        self.known_position = Some(KnownPosition { row, row_count, position });
        position
    }

    /// Scrolls to the selected row.
    pub fn scroll_to_selected(&mut self) {
        self.scrolls_to_selected = true;
    }

    /// The position to scroll to, once.
    pub(crate) fn take_scroll_target(&mut self) -> Option<usize> {
        let position = self.position().filter(|_| self.scrolls_to_selected)?;
        self.scrolls_to_selected = false;
        Some(position)
    }

    /// The row that the selected one is compared with.
    pub fn compared(&self) -> Option<RowId> {
        self.compared
    }

    /// Compares the selected row with another one.
    pub fn compare_with(&mut self, row: Option<RowId>) {
        self.compared = row;
    }

    /// The selected row, decoded; None without a selection and while it is being read.
    pub fn details(&self) -> Option<Arc<Details>> {
        self.lookup.details(self.selected?)
    }

    /// The message of a carrier whose bytes are shown in place of the selected one's own.
    pub fn layer(&self) -> Option<RowId> {
        self.layer
    }

    /// Shows the bytes of a message of a carrier, or the selected message's own.
    pub fn show_layer(&mut self, layer: Option<RowId>) {
        if self.layer != layer {
            self.layer = layer;
            self.highlighted = None;
            self.cursor = None;
            self.hovered = None;
        }
    }

    /// The message that highlighted bytes belong to, decoded.
    pub fn details_of(&self, highlight: &Highlight) -> Option<Arc<Details>> {
        self.lookup.details(highlight.of.or(self.selected)?)
    }

    /// The highlighted bytes.
    pub fn highlighted(&self) -> Option<&Highlight> {
        self.highlighted.as_ref()
    }

    /// Highlights bytes, or nothing.
    pub fn highlight(&mut self, what: Option<Highlight>) {
        if let Some(what) = &what {
            self.layer = what.of;
        }
        self.cursor = None;
        self.highlighted = what;
    }

    /// The byte in question: the one that was clicked, or the first of those that are highlighted.
    pub fn cursor(&self) -> Option<usize> {
        self.cursor.or_else(|| Some(self.highlighted.as_ref()?.range.start))
    }

    /// Places the cursor on a byte of those that are highlighted.
    pub fn place_cursor(&mut self, at: usize) {
        self.cursor = Some(at);
    }

    /// Moves the cursor by this many bytes, and highlights the field that it is then in.
    pub fn move_cursor(&mut self, by: isize) {
        let of = self.highlighted.as_ref().and_then(|highlight| highlight.of);
        let Some(details) = of.or(self.selected).and_then(|row| self.lookup.details(row)) else { return };
        let Some(last) = details.captured().length().checked_sub(1) else { return };
        let at = self.cursor().map_or(0, |at| at.saturating_add_signed(by).min(last));
        self.highlight(Some(field_at(&details, at).within(of)));
        self.place_cursor(at);
    }

    /// The bytes under the pointer.
    pub fn hovered(&self) -> Option<&Highlight> {
        self.hovered.as_ref()
    }

    /// Sets the bytes under the pointer.
    pub fn hover(&mut self, what: Option<Highlight>) {
        self.hovered = what;
    }

    /// Highlights the field this many positions further down in the tree, or up.
    pub fn move_highlight(&mut self, by: isize) {
        fn flatten<'f>(fields: &'f [Arc<FieldNode>], all: &mut Vec<&'f FieldNode>) {
            for field in fields {
                all.push(field);
                flatten(&field.fields, all);
            }
        }
        let of = self.highlighted.as_ref().and_then(|highlight| highlight.of);
        let Some(details) = of.or(self.selected).and_then(|row| self.lookup.details(row)) else { return };
        let mut all = Vec::new();
        flatten(&details.fields, &mut all);
        let path = self.highlighted.as_ref().and_then(|highlight| highlight.path.as_deref());
        let at = path.and_then(|path| all.iter().position(|field| field.path == path));
        let to = at.map_or(0, |at| at.saturating_add_signed(by).min(all.len().saturating_sub(1)));
        let field = all.get(to).map(|field| Highlight::of_field(field).within(of));
        if field.is_some() {
            self.cursor = None;
            self.highlighted = field;
        }
    }

    /// Highlights bytes, for instance those of a problem, and the smallest field that contains them.
    pub fn highlight_range(&mut self, range: Range<usize>) {
        let path = self.details().and_then(|details| Some(details.smallest_field(&range)?.path.clone()));
        self.highlight(Some(Highlight { range, path, of: None }));
    }

    /// Highlights the smallest field that contains a byte.
    pub fn highlight_byte(&mut self, at: usize) {
        let field = self.details().map(|details| field_at(&details, at));
        self.highlight(field);
        self.place_cursor(at);
    }
}

/// The smallest field that contains a byte, or the byte alone.
pub fn field_at(details: &Details, at: usize) -> Highlight {
    match details.smallest_field(&(at..at + 1)) {
        Some(field) => Highlight::of_field(field),
        None => Highlight { range: at..at + 1, path: None, of: None },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{settle, view};
    use super::*;

    #[test]
    fn a_byte_highlights_its_field() {
        let (index, mut view) = view();
        let login = {
            let index = index.read();
            index.rows().find(|(_, row)| index.kind(row) == Some("LOGIN")).unwrap().0
        };
        view.select_row(Some(login));
        settle(&index, &mut view);
        view.highlight_byte(12);
        assert_eq!(
            view.highlighted(),
            Some(&Highlight { range: 12..16, path: Some("sequence".to_owned()), of: None })
        );
        view.highlight_byte(22);
        assert_eq!(view.highlighted().unwrap().path.as_deref(), Some("payload.user"));
        view.highlight_byte(4);
        assert_eq!(view.highlighted().unwrap().path.as_deref(), Some("flags"));
    }

    #[test]
    fn the_cursor_is_the_byte_that_was_clicked_and_moves_byte_by_byte() {
        let (index, mut view) = view();
        view.select_row(Some(0.into()));
        settle(&index, &mut view);
        assert_eq!(view.cursor(), None);
        view.highlight_byte(14);
        assert_eq!((view.cursor(), view.highlighted().unwrap().range.clone()), (Some(14), 12..16));
        view.move_cursor(2);
        assert_eq!((view.cursor(), view.highlighted().unwrap().range.start), (Some(16), 16));
        view.move_cursor(isize::MAX);
        let length = view.details().unwrap().captured().length();
        assert_eq!(view.cursor(), Some(length - 1));
        view.move_highlight(isize::MIN);
        assert_eq!(view.cursor(), Some(0), "another field was chosen");
        view.select_row(Some(1.into()));
        assert_eq!(view.cursor(), None);
    }

    #[test]
    fn the_highlight_moves_through_the_fields_and_stops_at_the_ends() {
        let (index, mut view) = view();
        view.select_row(Some(0.into()));
        settle(&index, &mut view);
        let path = |view: &View| view.highlighted().unwrap().path.clone().unwrap();
        view.move_highlight(1);
        assert_eq!(path(&view), "magic");
        view.move_highlight(1);
        assert_eq!(path(&view), "version");
        view.move_highlight(isize::MIN);
        assert_eq!(path(&view), "magic");
    }
}
