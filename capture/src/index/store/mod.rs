//! How much is kept in little room: numbers that lie near each other as differences, in blocks that are written once.
//!
//! What comes last stands in an open block as it came; a full block is sealed, which packs each of its columns by itself. Sealed
//! blocks never move, and what stands at a number is found without looking at the ones before it.
//!
//! Public for the oracle that holds it against plain lists, and no part of what the crate promises.

#![expect(clippy::len_without_is_empty, reason = "nobody asks")]

mod packed;
mod packets;
mod rows;
mod segments;

pub use packed::Packed;
pub use packets::Packets;
pub use rows::{Entry, Link, Rows, StreamRows};
pub use segments::Segments;
