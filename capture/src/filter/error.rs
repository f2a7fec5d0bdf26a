//! Why an expression is refused: the place in it, what is wrong there, and what may have been meant.

use std::fmt;
use std::ops::Range;

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The expression.
    pub expression: String,
    /// The bytes of it at fault; empty where something is missing.
    pub range: Range<usize>,
    /// What is wrong, and what may have been meant.
    pub text: String,
}

impl fmt::Display for FilterError {
    /// The sentence, and below it the expression with the place marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.expression.get(..self.range.start).unwrap_or_default();
        let marked = self.expression.get(self.range.clone()).unwrap_or_default();
        writeln!(f, "{}", self.text)?;
        // A line break in the expression would separate it from its mark.
        writeln!(f, "    {}", on_one_line(&self.expression))?;
        let carets = "^".repeat(marked.chars().count().max(1));
        write!(f, "    {}{carets}", " ".repeat(before.chars().count()))
    }
}

impl std::error::Error for FilterError {}

impl FilterError {
    pub(crate) fn new(expression: &str, range: Range<usize>, text: &str) -> FilterError {
        // Names and values are quoted as they were typed, and may have line breaks in them.
        FilterError { expression: expression.to_owned(), range, text: on_one_line(text) }
    }
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What is wrong, and where in the expression that is being parsed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(range: Range<usize>, text: impl Into<String>) -> Fault {
        Fault { range, text: text.into() }
    }

    pub(super) fn in_expression(self, expression: &str) -> FilterError {
        FilterError::new(expression, self.range, &self.text)
    }
}

/// The known name that is nearest to an unknown one, if any is near.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_ascii_lowercase();
    let distance = |known: &&str| strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase());
    let best = known.into_iter().min_by_key(distance)?;
    (distance(&best) <= 1 + name.len() / 4).then_some(best)
}

/// "; did you mean …?", or the names that exist.
pub(super) fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("; did you mean '{near}'?"),
        None => {
            let all: Vec<&str> = known.into_iter().collect();
            if all.is_empty() { String::new() } else { format!("; there are {}", all.join(", ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked_below_the_expression_by_characters() {
        let error = FilterError::new("µ == \n1", 4..6, "what\nis wrong");
        assert_eq!(error.to_string(), "what is wrong\n    µ ==  1\n       ^^");
        let missing = FilterError::new("kind ==", 7..7, "a value is missing here");
        assert!(missing.to_string().ends_with("\n    kind ==\n           ^"));
    }

    #[test]
    fn a_near_name_is_suggested_and_else_all_are_listed() {
        assert_eq!(suggestion("Wraning", ["note", "warning"]), "; did you mean 'warning'?");
        assert_eq!(suggestion("nothing like it", ["note", "warning"]), "; there are note, warning");
        assert_eq!(suggestion("x", []), "");
    }
}
