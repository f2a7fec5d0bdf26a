//! Protocols that their users describe, in Kaitai Struct's `.ksy` language, read while the program runs.

mod checks;
mod described;
mod dissect;
mod error;
mod expr;
mod format;
mod framing;
mod load;
mod plan;
mod run;
mod select;
mod straight;
mod strings;
mod templates;
mod write;
mod yaml;

pub use described::{Described, Enumeration};
pub use error::{LoadError, Located};
pub use format::{EvalError, Format, Message};
pub use templates::{TEMPLATES, Template};

/// The README's examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
