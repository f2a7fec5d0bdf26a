//! What must hold for any bytes, as functions that take bytes and panic only where a promise is broken.
//!
//! The fuzz targets call them, and so does plain `cargo test` on the committed seeds and regressions: a find of the
//! fuzzer is a test the moment its file is committed. An oracle never repairs, skips or weakens what it checks, and
//! never does input or output.

// An oracle says by a panic that a promise is broken; the numbers it makes up are small.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod capture;
mod decode;
mod described;
mod differential;
mod filter;
mod minimise;
mod mutate;
mod mutate_messages;
mod packet;
mod random;
mod roundtrip;
mod segments;

pub use capture::{capture, check_index};
pub use decode::{decode, tiles};
pub use described::{END_OF_DESCRIPTION, check_described, described};
pub use differential::differential;
pub use filter::filter;
pub use minimise::minimise;
pub use mutate::{BROKEN, mutate_frames};
pub use mutate_messages::mutate_messages;
pub use packet::packet;
pub use roundtrip::roundtrip;
pub use segments::segments;

/// An oracle: takes any bytes.
pub type Oracle = fn(&[u8]);

/// Every oracle, by the name of its directory in `corpus/seeds` and its fuzz target.
pub const ORACLES: &[(&str, Oracle)] = &[
    ("decode", decode),
    ("roundtrip", roundtrip),
    ("capture", capture),
    ("packet", packet),
    ("segments", segments),
    ("filter", filter),
    ("described", described),
    ("differential", differential),
];
