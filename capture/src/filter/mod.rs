//! The filter: an expression that selects rows. One language for the command line and the window.
//!
//! A [`Filter`] is the parsed query, which can be shared; an [`Evaluator`] evaluates it on the rows of one index.
//!
//! ```
//! use framescope_capture::filter::{Evaluator, Filter};
//! use framescope_capture::{Options, Source, read};
//! use framescope_parser::built_in;
//!
//! let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
//! let filter = Filter::parse("kind == LOGIN and text contains \"ada\"", &built_in())?;
//! assert_eq!(filter.rows(&index)?, [0.into()]);
//! assert!(Evaluator::new(&filter, &index).matches(0.into())?);
//!
//! // An error marks its place, and says what may have been meant.
//! let error = Filter::parse("knid == LOGIN", &built_in()).unwrap_err();
//! assert_eq!((error.range, error.text.as_str()), (0..4, "there is no column or field 'knid'; did you mean 'kind'?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bitmap;
mod block;
mod codes;
mod column;
mod complete;
mod conditions;
mod error;
mod evaluator;
mod expression;
mod lexer;
mod messages;
mod operand;
mod parser;
mod print;
mod query;
mod subject;
#[cfg(test)]
mod tests;
mod value;

pub use column::Column;
pub use complete::{Candidate, Completion, Vocabulary, literal};
pub use error::FilterError;
pub use evaluator::Evaluator;
#[doc(hidden)]
pub use expression::Subject;
pub use lexer::written;
pub use query::Filter;
pub(crate) use subject::subject;
