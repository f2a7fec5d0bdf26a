//! What is wrong with rows beside what their own bytes show: what the sequence of messages shows, and what reassembly noticed
//! about their stretch of the stream.
//!
//! Public for the oracle that compares it with a plain list, and no part of what the crate promises.

mod log;
mod plain;

pub use self::log::Annotations;
