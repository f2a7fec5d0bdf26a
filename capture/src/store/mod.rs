//! How much is kept in little room: numbers that lie near each other as differences, in blocks that are written once.
//!
//! What comes last stands in an open block as it came; a full block is sealed, which packs each of its columns by itself. Sealed
//! blocks never move, and what stands at a number is found without looking at the ones before it.

mod packed;
mod packets;
mod rows;
mod segments;

pub(crate) use packed::Packed;
pub(crate) use packets::Packets;
pub(crate) use rows::{Entry, Link, Rows};
pub(crate) use segments::Segments;
