//! Protocols that their users describe, in Kaitai Struct's `.ksy` language, read while the program runs.

mod checks;
mod error;
mod expr;
mod format;
mod load;
mod plan;
mod run;
mod strings;
mod yaml;

pub use error::{LoadError, Located};
pub use format::{EvalError, Format, Message};
