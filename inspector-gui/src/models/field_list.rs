//! The list of a message's carriers, problems and fields as the tree shows them, made once for a message and whenever a field is opened
//! or closed.

use std::collections::HashSet;
use std::sync::Arc;

use framescope_capture::RowId;

use super::details::{Details, FieldNode};
use super::view::Highlight;

/// One line of the list.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A message of a carrier around the message, by its place among them.
    Carrier { number: usize, is_open: bool },
    /// So many of them are not listed.
    MoreCarriers(usize),
    /// A problem, by its number.
    Problem(usize),
    /// A row that the message carries, by its place among them.
    Carried(usize),
    /// There are more of them.
    MoreCarried,
    /// A field, and its depth in the tree.
    Field { depth: usize, field: Arc<FieldNode>, is_open: bool, of: Option<Arc<Details>> },
}

/// The visible problems and fields of a message.
#[derive(Debug, Default)]
pub(crate) struct FieldList {
    details: Option<Arc<Details>>,
    items: Vec<Item>,
    /// The paths of fields that are not in their initial state: flags closed, all other groups open.
    toggled: HashSet<String>,
    /// The titles of the carriers whose fields are shown.
    open_carriers: HashSet<String>,
    /// Whether the fields of a carrier are still being read.
    is_incomplete: bool,
    highlighted: Option<(Arc<FieldNode>, Option<RowId>)>,
}

/// Decodes a message of a carrier; None while it is being read.
type Decode<'d> = &'d dyn Fn(RowId) -> Option<Arc<Details>>;

impl FieldList {
    /// Shows a message and its highlighted field. Returns the item to scroll to when another field is highlighted.
    pub(crate) fn update(
        &mut self,
        details: &Arc<Details>,
        highlight: Option<&Highlight>,
        decode: Decode<'_>,
    ) -> Option<usize> {
        let is_new = self.details.as_ref().is_none_or(|known| !Arc::ptr_eq(known, details));
        if is_new || self.is_incomplete {
            self.details = Some(Arc::clone(details));
            self.fill(decode);
        }
        let path = highlight.and_then(|highlight| Some((highlight.path.as_deref()?, highlight.of)));
        let is_moved = path != self.highlighted.as_ref().map(|(field, of)| (field.path.as_str(), *of));
        if is_new || is_moved {
            self.highlighted = path.and_then(|(path, of)| {
                let of_carrier = of.and_then(decode);
                let field = of_carrier.as_ref().unwrap_or(details).field(path)?;
                Some((Arc::clone(field), of))
            });
        }
        let (highlighted, _) = self.highlighted.as_ref().filter(|_| is_moved)?;
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
        self.highlighted.as_ref().map(|(field, _)| field)
    }

    /// Opens a closed field, or closes an open one.
    pub(crate) fn toggle(&mut self, path: &str, decode: Decode<'_>) {
        toggle(&mut self.toggled, path);
        self.fill(decode);
    }

    /// Shows the fields of a carrier's messages, or hides them: of all messages that are alike.
    pub(crate) fn toggle_carrier(&mut self, title: &str, decode: Decode<'_>) {
        toggle(&mut self.open_carriers, title);
        self.fill(decode);
    }

    fn fill(&mut self, decode: Decode<'_>) {
        let Some(details) = &self.details else { return };
        let mut items: Vec<Item> = Vec::new();
        self.is_incomplete = false;
        for (number, carrier) in details.carriers.iter().enumerate() {
            let is_open = self.open_carriers.contains(&carrier.title);
            items.push(Item::Carrier { number, is_open });
            if is_open {
                match decode(carrier.row) {
                    Some(of) => open_fields(&of.fields, 1, Some(&of), &self.toggled, &mut items),
                    None => self.is_incomplete = true,
                }
            }
        }
        items.extend(Some(details.more_carriers).filter(|more| *more > 0).map(Item::MoreCarriers));
        items.extend((0..details.problems.len()).map(Item::Problem));
        items.extend((0..details.carried.len()).map(Item::Carried));
        items.extend(details.carries_more.then_some(Item::MoreCarried));
        open_fields(&details.fields, 0, None, &self.toggled, &mut items);
        self.items = items;
    }
}

fn toggle(all: &mut HashSet<String>, one: &str) {
    if !all.remove(one) {
        all.insert(one.to_owned());
    }
}

fn open_fields(
    fields: &[Arc<FieldNode>],
    depth: usize,
    of: Option<&Arc<Details>>,
    toggled: &HashSet<String>,
    items: &mut Vec<Item>,
) {
    for field in fields {
        let is_open = field.is_flags() == toggled.contains(&field.path);
        items.push(Item::Field { depth, field: Arc::clone(field), is_open, of: of.cloned() });
        if is_open {
            open_fields(&field.fields, depth + 1, of, toggled, items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    fn details(number: RowId) -> Arc<Details> {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        Arc::new(Details::of(number, &index, &mut index.reader()))
    }

    fn none(_: RowId) -> Option<Arc<Details>> {
        None
    }

    fn paths(list: &FieldList) -> Vec<&str> {
        fn path(item: &Item) -> &str {
            match item {
                Item::Field { field, .. } => &field.path,
                _ => "problem",
            }
        }
        list.items().iter().map(path).collect()
    }

    #[test]
    fn groups_are_open_and_flags_closed_until_they_are_toggled() {
        let mut list = FieldList::default();
        list.update(&details(0.into()), None, &none);
        assert!(paths(&list).contains(&"payload.user") && !paths(&list).contains(&"flags.checksum"));
        list.toggle("flags", &none);
        list.toggle("payload", &none);
        assert!(!paths(&list).contains(&"payload.user") && paths(&list).contains(&"flags.checksum"));
        list.toggle("payload", &none);
        assert!(paths(&list).contains(&"payload.user"));
        // Another message keeps them.
        list.update(&details(0.into()), None, &none);
        assert!(paths(&list).contains(&"flags.checksum"));
    }

    #[test]
    fn a_newly_highlighted_field_is_scrolled_to_once() {
        let mut list = FieldList::default();
        let details = details(0.into());
        let highlight = |path: &str| Highlight { range: 0..0, path: Some(path.to_owned()), of: None };
        let at = list.update(&details, Some(&highlight("payload.user")), &none);
        assert_eq!(at.map(|at| paths(&list)[at]), Some("payload.user"));
        assert_eq!(list.update(&details, Some(&highlight("payload.user")), &none), None);
        assert!(list.highlighted().is_some_and(|field| field.path == "payload.user"));
        assert_eq!(
            list.update(&details, Some(&highlight("flags.checksum")), &none),
            None,
            "it is in a closed field"
        );
        assert!(list.highlighted().is_some());
        assert_eq!(list.update(&details, None, &none), None);
        assert!(list.highlighted().is_none());
    }
}
