//! The dictionary of a column of names: those that are known before any message is read, which all batches share, and those that
//! only turn up in one.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray};
use framescope_parser::Kind;
use rustc_hash::FxHashMap;

/// Names that are known before any message is read, in their order, each once.
#[derive(Debug)]
pub(crate) struct Known {
    array: Arc<StringArray>,
    by_name: FxHashMap<Box<str>, i32>,
    /// The numbers that have names, in rising order, with the places of these.
    by_number: Vec<(i128, i32)>,
}

impl Known {
    /// Also returns the place of each of `names`, as some may be the same.
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> (Known, Vec<i32>) {
        let (mut by_name, mut all, mut places) =
            (FxHashMap::<Box<str>, i32>::default(), Vec::new(), Vec::new());
        for name in names {
            let next = i32::try_from(all.len()).unwrap_or(i32::MAX);
            let place = *by_name.entry(name.into()).or_insert_with(|| {
                all.push(name);
                next
            });
            places.push(place);
        }
        (Known { array: Arc::new(StringArray::from(all)), by_name, by_number: Vec::new() }, places)
    }

    /// The names of numbers.
    pub(crate) fn of_numbers(names: &[(i128, String)]) -> Known {
        let (mut known, places) = Known::new(names.iter().map(|(_, name)| &**name));
        known.by_number = names.iter().map(|(number, _)| *number).zip(places).collect();
        known.by_number.sort_unstable();
        known.by_number.dedup_by_key(|(number, _)| *number);
        known
    }

    fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The place of a number's name.
    #[inline]
    fn of_number(&self, number: i128) -> Option<i32> {
        // Most enumerations count on from their first member.
        let guess = usize::try_from(number.checked_sub(self.by_number.first()?.0)?).ok();
        match guess.and_then(|guess| self.by_number.get(guess)) {
            Some(&(known, place)) if known == number => Some(place),
            _ => {
                let at = self.by_number.binary_search_by_key(&number, |&(known, _)| known).ok()?;
                self.by_number.get(at).map(|&(_, place)| place)
            }
        }
    }

    #[inline]
    fn is(&self, place: i32, name: &str) -> bool {
        usize::try_from(place).is_ok_and(|at| at < self.array.len() && self.array.value(at) == name)
    }
}

/// The dictionary of one batch.
#[derive(Debug)]
pub(crate) struct Names {
    known: Arc<Known>,
    /// The names beside the known ones, in the order of their places.
    others: Vec<Box<str>>,
    places: FxHashMap<Box<str>, i32>,
    /// The place that was found last: many rows in sequence have the same name.
    last: i32,
    text: String,
}

impl Names {
    pub(crate) fn new(known: Arc<Known>) -> Names {
        Names { known, others: Vec::new(), places: FxHashMap::default(), last: 0, text: String::new() }
    }

    /// The place of the name of a number: its own, else the number as it is shown.
    #[inline]
    pub(crate) fn of_kind(&mut self, kind: &Kind<'_>) -> i32 {
        match kind.name {
            Some(name) => match self.known.of_number(kind.number()) {
                Some(place) if self.known.is(place, name) => place,
                _ => self.of_text(name),
            },
            None => {
                use std::fmt::Write;
                let mut text = std::mem::take(&mut self.text);
                text.clear();
                // Writing to memory does not fail.
                let _ = write!(text, "{kind}");
                let place = self.of_text(&text);
                self.text = text;
                place
            }
        }
    }

    #[inline]
    pub(crate) fn of_text(&mut self, name: &str) -> i32 {
        if !self.is(self.last, name) {
            self.last = self.find(name);
        }
        self.last
    }

    #[inline]
    fn is(&self, place: i32, name: &str) -> bool {
        match usize::try_from(place).ok().and_then(|at| at.checked_sub(self.known.len())) {
            None => self.known.is(place, name),
            Some(at) => self.others.get(at).is_some_and(|other| **other == *name),
        }
    }

    fn find(&mut self, name: &str) -> i32 {
        if let Some(&place) = self.known.by_name.get(name).or_else(|| self.places.get(name)) {
            return place;
        }
        let place = i32::try_from(self.known.len() + self.others.len()).unwrap_or(i32::MAX);
        self.others.push(name.into());
        self.places.insert(name.into(), place);
        place
    }

    /// The dictionary, after which the next batch begins.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        self.last = 0;
        if self.others.is_empty() {
            return Arc::clone(&self.known.array) as ArrayRef;
        }
        self.places.clear();
        let others = std::mem::take(&mut self.others);
        let known = self.known.array.iter().flatten();
        Arc::new(StringArray::from_iter_values(known.chain(others.iter().map(|name| &**name))))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    fn dictionary(names: &mut Names) -> Vec<String> {
        names.finish().as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }

    #[test]
    fn numbers_have_the_places_of_their_names_and_others_come_behind() {
        let known = [(3, "three".to_owned()), (1, "one".to_owned()), (7, "one".to_owned())];
        let mut names = Names::new(Arc::new(Known::of_numbers(&known)));
        let one = Kind::new(1, Some("one"));
        assert_eq!([names.of_kind(&Kind::new(3, Some("three"))), names.of_kind(&one)], [0, 1]);
        assert_eq!(names.of_kind(&Kind::new(7, Some("one"))), 1, "a name has one place");
        assert_eq!(names.of_kind(&Kind::new(42, None)), 2);
        assert_eq!(names.of_kind(&Kind::signed(-3, None)), 3);
        // In another case of a switch a number may have another name.
        assert_eq!(names.of_kind(&Kind::new(1, Some("uno"))), 4);
        assert_eq!(names.of_kind(&Kind::new(42, None)), 2);
        assert_eq!(dictionary(&mut names), ["three", "one", "0x2a", "-3", "uno"]);
        // The next batch knows nothing of them.
        assert_eq!([names.of_text("uno"), names.of_kind(&one)], [2, 1]);
        assert_eq!(dictionary(&mut names), ["three", "one", "uno"]);
    }
}
