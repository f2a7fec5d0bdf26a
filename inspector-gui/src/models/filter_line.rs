//! The line in which a filter is typed: its text, what may come next, and what is wrong with it.

use framescope_capture::filter::{Completion, FilterError, Vocabulary};

/// The most candidates that are shown.
pub(crate) const CANDIDATES_SHOWN: usize = 12;

/// The state of the filter line.
#[derive(Debug, Default)]
pub(crate) struct FilterLine {
    pub(crate) text: String,
    pub(crate) error: Option<FilterError>,
    /// Whether to move the focus to the line.
    pub(crate) takes_focus: bool,
    vocabulary: Vocabulary,
    completion: Completion,
    /// The text and the cursor that the completion is for.
    completed: Option<(String, usize)>,
    /// The candidate that the arrow keys moved to.
    current: Option<usize>,
    /// Whether candidates are shown: from typing until one is taken or they are dismissed.
    offers: bool,
    /// Where to move the cursor.
    cursor: Option<usize>,
    /// How many rows the vocabulary is of, and whether the index was finished.
    vocabulary_of: Option<(usize, bool)>,
}

impl FilterLine {
    /// Whether the vocabulary is of another capture, or of far fewer rows. Notes that it is about to be replaced.
    pub(crate) fn is_stale(&mut self, now: (usize, bool)) -> bool {
        let (rows, is_finished) = now;
        let is_stale = self.vocabulary_of.is_none_or(|(known, was_finished)| {
            was_finished != is_finished
                || rows < known
                || rows > known.saturating_mul(2) + 100
                || (was_finished && known != rows)
        });
        if is_stale {
            self.vocabulary_of = Some(now);
        }
        is_stale
    }

    /// Call when another capture is shown.
    pub(crate) fn invalidate_vocabulary(&mut self) {
        self.vocabulary_of = None;
    }

    /// Completes from another vocabulary.
    pub(crate) fn set_vocabulary(&mut self, vocabulary: Vocabulary) {
        self.vocabulary = vocabulary;
        self.completed = None;
    }

    /// Removes the text and its error.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.error = None;
    }

    /// The text with another test, which must be true as well.
    pub(crate) fn text_and(&self, test: String) -> String {
        let text = self.text.trim();
        match (text.is_empty(), text.contains(" or ") || text.contains("||")) {
            (true, _) => test,
            (false, false) => format!("{text} and {test}"),
            (false, true) => format!("({text}) and {test}"),
        }
    }

    /// Finds what may come at the cursor, unless that is known.
    pub(crate) fn complete(&mut self, cursor: usize) {
        if self.completed.as_ref().is_none_or(|(text, at)| *text != self.text || *at != cursor) {
            self.completion = self.vocabulary.complete(&self.text, cursor);
            self.completed = Some((self.text.clone(), cursor));
        }
    }

    pub(crate) fn completion(&self) -> &Completion {
        &self.completion
    }

    /// The candidate that the arrow keys moved to.
    pub(crate) fn current(&self) -> Option<usize> {
        self.current
    }

    /// Whether candidates are shown.
    pub(crate) fn offers(&self) -> bool {
        self.offers
    }

    /// Shows candidates.
    pub(crate) fn offer(&mut self) {
        self.offers = true;
        self.current = None;
    }

    /// Hides the candidates.
    pub(crate) fn dismiss(&mut self) {
        self.offers = false;
        self.current = None;
    }

    fn candidates_shown(&self) -> usize {
        self.completion.candidates.len().min(CANDIDATES_SHOWN)
    }

    /// Moves to the next candidate, or the previous one, wrapping around.
    pub(crate) fn step(&mut self, forward: bool) {
        let count = self.candidates_shown();
        if count > 0 {
            self.current = Some(match (self.current, forward) {
                (None, true) => 0,
                (None, false) => count - 1,
                (Some(at), true) => (at + 1) % count,
                (Some(at), false) => (at + count - 1) % count,
            });
        }
    }

    /// The text of a candidate.
    pub(crate) fn candidate(&self, at: usize) -> Option<String> {
        self.completion.candidates.get(at).map(|candidate| candidate.text.clone())
    }

    /// Replaces the word that is completed.
    pub(crate) fn accept(&mut self, text: String) {
        let range = self.completion.range.clone();
        if range.end > self.text.len()
            || !self.text.is_char_boundary(range.start)
            || !self.text.is_char_boundary(range.end)
        {
            return;
        }
        let has_blank = self.text.get(range.end..).is_some_and(|rest| rest.starts_with(' '));
        let text = if has_blank { text } else { format!("{text} ") };
        self.cursor = Some(range.start + text.len() + usize::from(has_blank));
        self.text.replace_range(range, &text);
        self.current = None;
    }

    /// The character to move the cursor to, once.
    pub(crate) fn take_cursor(&mut self) -> Option<usize> {
        self.cursor.take().map(|cursor| self.chars_before(cursor))
    }

    /// How many characters are before a byte of the text.
    pub(crate) fn chars_before(&self, byte: usize) -> usize {
        self.text.get(..byte).unwrap_or(&self.text).chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, cursor: usize) -> FilterLine {
        let mut line = FilterLine { text: text.to_owned(), ..FilterLine::default() };
        line.complete(cursor);
        line
    }

    #[test]
    fn a_candidate_replaces_the_word_at_the_cursor() {
        let mut filter = line("ki == DATA", 2);
        filter.accept("kind".to_owned());
        assert_eq!((filter.take_cursor(), filter.text.as_str()), (Some(5), "kind == DATA"));
        let mut filter = line("severity >= w", 13);
        filter.accept("warning".to_owned());
        assert_eq!((filter.take_cursor(), filter.text.as_str()), (Some(20), "severity >= warning "));
        assert_eq!(filter.take_cursor(), None, "it is moved once");
    }

    #[test]
    fn candidates_are_stepped_through_and_wrap_around() {
        let mut filter = line("", 0);
        filter.offer();
        let last = filter.candidates_shown() - 1;
        assert!(last > 1);
        filter.step(false);
        assert_eq!(filter.current(), Some(last));
        filter.step(true);
        assert_eq!(filter.current(), Some(0));
        filter.dismiss();
        assert!(!filter.offers() && filter.current().is_none());
    }

    #[test]
    fn a_test_is_joined_to_the_filter_by_and() {
        let joined = |text: &str| line(text, 0).text_and("kind == DATA".to_owned());
        assert_eq!(joined("  "), "kind == DATA");
        assert_eq!(joined("row == 1"), "row == 1 and kind == DATA");
        assert_eq!(joined("row == 1 or row == 2"), "(row == 1 or row == 2) and kind == DATA");
    }

    #[test]
    fn the_vocabulary_is_replaced_as_the_capture_grows() {
        let mut filter = FilterLine::default();
        let mut stale = |now| filter.is_stale(now);
        assert!(stale((0, false)) && !stale((50, false)) && stale((500, false)) && !stale((900, false)));
        assert!(stale((900, true)) && !stale((900, true)) && stale((20, false)));
    }
}
