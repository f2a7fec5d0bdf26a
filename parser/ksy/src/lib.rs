//! Protocols that users describe in Kaitai Struct's `.ksy` language, loaded at run time.

mod carrying;
pub mod checks;
mod conversation;
mod described;
mod display;
mod dissect;
mod error;
mod expr;
mod format;
mod framing;
mod load;
mod names;
mod pairs;
mod plan;
mod program;
mod renew;
mod run;
mod select;
mod stream;
mod strings;
mod templates;
mod write;
mod yaml;

pub use described::Described;
pub use error::{LoadError, Located};
pub use format::{EvalError, Format, Message};
pub use names::Enumeration;
pub use templates::{TEMPLATES, Template};

/// The README's examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
