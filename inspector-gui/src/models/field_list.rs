//! The list of a message's problems and fields as the tree shows them, made once for a message and whenever a field is opened
//! or closed.

use std::collections::HashSet;
use std::sync::Arc;

use super::details::{Details, FieldNode};
use super::view::Highlight;

/// One line of the list.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A problem, by its number.
    Problem(usize),
    /// A field, and its depth in the tree.
    Field { depth: usize, field: Arc<FieldNode>, is_open: bool },
}

/// The visible problems and fields of a message.
#[derive(Debug, Default)]
pub(crate) struct FieldList {
    details: Option<Arc<Details>>,
    items: Vec<Item>,
    /// The paths of fields that are not in their initial state: flags closed, all other groups open.
    toggled: HashSet<String>,
    highlighted: Option<Arc<FieldNode>>,
}

impl FieldList {
    /// Shows a message and its highlighted field. Returns the item to scroll to when another field is highlighted.
    pub(crate) fn update(&mut self, details: &Arc<Details>, highlight: Option<&Highlight>) -> Option<usize> {
        let is_new = self.details.as_ref().is_none_or(|known| !Arc::ptr_eq(known, details));
        if is_new {
            self.details = Some(Arc::clone(details));
            self.fill();
        }
        let path = highlight.and_then(|highlight| highlight.path.as_deref());
        let is_moved = path != self.highlighted.as_ref().map(|field| field.path.as_str());
        if is_new || is_moved {
            self.highlighted = path.and_then(|path| details.field(path)).map(Arc::clone);
        }
        let highlighted = self.highlighted.as_ref().filter(|_| is_moved)?;
        let is_it =
            |item: &Item| matches!(item, Item::Field { field, .. } if Arc::ptr_eq(field, highlighted));
        self.items.iter().position(is_it)
    }

    /// The visible items.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// The highlighted field, whether or not it is visible.
    pub(crate) fn highlighted(&self) -> Option<&Arc<FieldNode>> {
        self.highlighted.as_ref()
    }

    /// Opens a closed field, or closes an open one.
    pub(crate) fn toggle(&mut self, path: &str) {
        if !self.toggled.remove(path) {
            self.toggled.insert(path.to_owned());
        }
        self.fill();
    }

    fn fill(&mut self) {
        let Some(details) = &self.details else { return };
        let mut items: Vec<Item> = (0..details.problems.len()).map(Item::Problem).collect();
        open_fields(&details.fields, 0, &self.toggled, &mut items);
        self.items = items;
    }
}

fn open_fields(fields: &[Arc<FieldNode>], depth: usize, toggled: &HashSet<String>, items: &mut Vec<Item>) {
    for field in fields {
        let is_open = field.is_flags() == toggled.contains(&field.path);
        items.push(Item::Field { depth, field: Arc::clone(field), is_open });
        if is_open {
            open_fields(&field.fields, depth + 1, toggled, items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, RowId, read};

    fn details(number: RowId) -> Arc<Details> {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        Arc::new(Details::of(number, &index, &mut index.reader()))
    }

    fn paths(list: &FieldList) -> Vec<&str> {
        let path = |item| match item {
            &Item::Problem(_) => "problem",
            Item::Field { field, .. } => field.path.as_str(),
        };
        list.items().iter().map(path).collect()
    }

    #[test]
    fn groups_are_open_and_flags_closed_until_they_are_toggled() {
        let mut list = FieldList::default();
        list.update(&details(0.into()), None);
        assert!(paths(&list).contains(&"payload.user") && !paths(&list).contains(&"flags.checksum"));
        list.toggle("flags");
        list.toggle("payload");
        assert!(!paths(&list).contains(&"payload.user") && paths(&list).contains(&"flags.checksum"));
        list.toggle("payload");
        assert!(paths(&list).contains(&"payload.user"));
        // Another message keeps them.
        list.update(&details(0.into()), None);
        assert!(paths(&list).contains(&"flags.checksum"));
    }

    #[test]
    fn a_newly_highlighted_field_is_scrolled_to_once() {
        let mut list = FieldList::default();
        let details = details(0.into());
        let highlight = |path: &str| Highlight { range: 0..0, path: Some(path.to_owned()) };
        let at = list.update(&details, Some(&highlight("payload.user")));
        assert_eq!(at.map(|at| paths(&list)[at]), Some("payload.user"));
        assert_eq!(list.update(&details, Some(&highlight("payload.user"))), None);
        assert!(list.highlighted().is_some_and(|field| field.path == "payload.user"));
        assert_eq!(
            list.update(&details, Some(&highlight("flags.checksum"))),
            None,
            "it is in a closed field"
        );
        assert!(list.highlighted().is_some());
        assert_eq!(list.update(&details, None), None);
        assert!(list.highlighted().is_none());
    }
}
