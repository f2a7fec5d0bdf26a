//! Much stored in little memory: numbers that are near each other as differences, in blocks that are written once.
//!
//! What comes last is in an open block as it came; a full block is sealed, which packs each of its columns by itself. Sealed
//! blocks never move, and an element is found by its number without looking at the ones before it.
//!
//! Public for the oracle that compares it with plain lists, and no part of what the crate promises.

#![expect(clippy::len_without_is_empty, reason = "unused")]

mod packed;
mod packets;
mod rows;
mod segments;

pub use packed::Packed;
pub use packets::Packets;
pub use rows::{Entry, Link, Rows, StreamRows};
pub use segments::{SegmentRange, Segments};
