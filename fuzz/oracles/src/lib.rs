//! What must hold for any bytes, as functions that take bytes and panic only where a promise is broken.
//!
//! The fuzz targets call them, and so does plain `cargo test` on the committed seeds and regressions: a find of the
//! fuzzer is a test the moment its file is committed. An oracle never repairs, skips or weakens what it checks, and
//! never does input or output.

// An oracle panics where a promise is broken; the numbers it generates are small.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod agreement;
mod capture;
mod carriers;
mod chunking;
mod columns;
mod contents;
mod conversation;
mod decode;
mod described;
mod described_carriers;
mod differential;
mod encode;
mod filter;
mod growing;
mod holes;
mod http;
mod http2;
mod linear;
pub mod mux;
mod packet;
mod playing;
mod roundtrip;
mod segments;
mod session;
mod small;
mod streaming;
mod tables;
mod tls;
mod traffic;
mod views;
mod websocket;

pub use agreement::check_selection;
pub use capture::{capture, check_index};
pub use carriers::carriers;
pub use chunking::chunking;
pub use columns::columns;
pub use contents::{json, protobuf};
pub use conversation::{check_conversation, conversation, holds_messages};
pub use decode::{decode, holds_message, reaches_payload, spans};
pub use described::{END_OF_DESCRIPTION, check_described, described};
pub use described_carriers::described_carriers;
pub use differential::differential;
pub use encode::encode;
pub use filter::filter;
pub use growing::growing;
pub use holes::holes;
pub use http::http;
pub use http2::http2;
pub use linear::linear;
pub use packet::packet;
pub use roundtrip::roundtrip;
pub use segments::segments;
pub use session::session;
pub use small::small;
pub use streaming::streaming;
pub use tables::{check_table, tables};
pub use tls::tls;
pub use views::views;
pub use websocket::websocket;

/// What must hold for any bytes, and seeds to begin with.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    /// The name of its function, its fuzz target, and its folder in `corpus/regressions`.
    pub name: &'static str,
    /// Its seeds' folder in `corpus/seeds`: oracles that take the same kind of bytes begin with the same ones.
    pub seeds: &'static str,
    /// Panics only where a promise is broken.
    pub check: fn(&[u8]),
}

/// Every oracle.
pub const ORACLES: &[Oracle] = &[
    Oracle { name: "decode", seeds: "frames", check: decode },
    Oracle { name: "views", seeds: "frames", check: views },
    Oracle { name: "streaming", seeds: "frames", check: streaming },
    Oracle { name: "chunking", seeds: "frames", check: chunking },
    Oracle { name: "roundtrip", seeds: "frames", check: roundtrip },
    Oracle { name: "session", seeds: "frames", check: session },
    Oracle { name: "encode", seeds: "frames", check: encode },
    Oracle { name: "differential", seeds: "frames", check: differential },
    Oracle { name: "described", seeds: "described", check: described },
    Oracle { name: "described_carriers", seeds: "described_carriers", check: described_carriers },
    Oracle { name: "holes", seeds: "holes", check: holes },
    Oracle { name: "conversation", seeds: "conversation", check: conversation },
    Oracle { name: "linear", seeds: "linear", check: linear },
    Oracle { name: "capture", seeds: "capture", check: capture },
    Oracle { name: "growing", seeds: "capture", check: growing },
    Oracle { name: "packet", seeds: "packet", check: packet },
    Oracle { name: "segments", seeds: "segments", check: segments },
    Oracle { name: "filter", seeds: "filter", check: filter },
    Oracle { name: "carriers", seeds: "carriers", check: carriers },
    Oracle { name: "http", seeds: "http", check: http },
    Oracle { name: "json", seeds: "json", check: json },
    Oracle { name: "protobuf", seeds: "protobuf", check: protobuf },
    Oracle { name: "http2", seeds: "http2", check: http2 },
    Oracle { name: "tls", seeds: "tls", check: tls },
    Oracle { name: "small", seeds: "small", check: small },
    Oracle { name: "websocket", seeds: "websocket", check: websocket },
    Oracle { name: "tables", seeds: "described", check: tables },
    Oracle { name: "columns", seeds: "columns", check: columns },
];

impl Oracle {
    /// The oracle of that name.
    pub fn named(name: &str) -> Option<&'static Oracle> {
        ORACLES.iter().find(|oracle| oracle.name == name)
    }

    /// The traffic for bytes that are not traffic themselves: a capture for packets and segments, frames for the value
    /// of one. With the name of an oracle that takes it.
    pub fn traffic(&self, data: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        match self.name {
            "packet" => Some(("capture", packet::capture_of(data)?)),
            "segments" => Some(("capture", segments::capture_of(data)?)),
            "encode" => Some(("decode", encode::frame_of(data)?)),
            _ => None,
        }
    }
}

/// Tries an oracle on bytes that stand for choices.
#[cfg(test)]
fn try_on_random_bytes(check: fn(&[u8]), times: u32) {
    let count = std::env::var("FRAMESCOPE_CASES").map_or(times, |count| count.parse().unwrap());
    for seed in 0..count {
        let mut random = framescope_checking::Random::new(seed);
        let data: Vec<u8> = (0..8 + random.below(200)).map(|_| random.byte()).collect();
        let done = std::panic::catch_unwind(|| check(&data));
        assert!(done.is_ok(), "the bytes of seed {seed}: {data:02x?}");
    }
}
