//! The filter: an expression that says which rows are looked at. One language for the command line and the window.
//!
//! ```
//! use framescope_capture::filter::Filter;
//! use framescope_capture::{Options, Source, read};
//! use framescope_parser::built_in;
//!
//! let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
//! let mut filter = Filter::parse("kind == LOGIN and text contains \"ada\"", &built_in())?;
//! assert_eq!(filter.rows(&index).unwrap(), [0]);
//!
//! // What is wrong says where, and what may have been meant.
//! let error = Filter::parse("knid == LOGIN", &built_in()).unwrap_err();
//! assert_eq!((error.range, error.text.as_str()), (0..4, "there is no column or field 'knid'; did you mean 'kind'?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod column;
mod complete;
mod conditions;
mod evaluate;
mod messages;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::Protocol;

pub use column::Column;
pub use complete::{Candidate, Completion, Vocabulary, literal, written};
pub use evaluate::Filter;
pub(crate) use parse::Subject;

/// Why an expression can't be understood.
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
    /// The sentence, and below it the expression with its place marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.expression.get(..self.range.start).unwrap_or_default();
        let marked = self.expression.get(self.range.clone()).unwrap_or_default();
        writeln!(f, "{}", self.text)?;
        // A line break in the expression would part it from its mark.
        writeln!(f, "    {}", on_one_line(&self.expression))?;
        let carets = "^".repeat(marked.chars().count().max(1));
        write!(f, "    {}{carets}", " ".repeat(before.chars().count()))
    }
}

impl std::error::Error for FilterError {}

impl FilterError {
    pub(crate) fn new(expression: &str, range: Range<usize>, text: &str) -> FilterError {
        // What is not understood is told as it stands there, and may have line breaks.
        FilterError { expression: expression.to_owned(), range, text: on_one_line(text) }
    }
}

/// What a name stands for, or why for nothing. `protocols` are those whose fields it may be.
pub(crate) fn subject(name: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Subject, String> {
    parse::subject(name, protocols).map_err(|(_, text)| text)
}

impl Filter {
    /// Understands an expression. `protocols` are those whose fields it may name.
    ///
    /// # Errors
    /// The place of the first thing that is not understood, and what may have been meant.
    pub fn parse(expression: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Filter, FilterError> {
        let parsed = parse::parse(expression, protocols)
            .map_err(|(range, text)| FilterError::new(expression, range, &text))?;
        Ok(Filter::new(parsed, protocols))
    }
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The known name that is nearest to one that is not, if any is near.
fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_ascii_lowercase();
    let far = |known: &&str| strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase());
    let best = known.into_iter().min_by_key(far)?;
    (far(&best) <= 1 + name.len() / 4).then_some(best)
}

/// "; did you mean …?", or which there are.
fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("; did you mean '{near}'?"),
        None => {
            let all: Vec<&str> = known.into_iter().collect();
            if all.is_empty() { String::new() } else { format!("; there are {}", all.join(", ")) }
        }
    }
}
