//! Finds out the format of messages that no description explains: where they begin and end, and what their bytes mean.
//!
//! A [`Sample`] is taken of a capture's conversations. Hypotheses are drawn from it and weighed by how many bits they save: what a
//! hypothesis explains need not be said again. One that explains no more than chance would is not proposed.
//!
//! Nothing here reads a file or a clock, and the same sample gives the same result. Work is bounded by the size of the sample.

pub mod checks;
mod description;
pub mod fit;
pub mod framing;
pub mod groups;
mod guess;
pub mod kinds;
pub mod layout;
mod message;
mod sample;
pub mod stated;

pub use guess::{Guess, guess};
pub use message::Message;
pub use sample::{HeldOut, Limits, Run, Sample, Talk};
