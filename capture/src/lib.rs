//! Turns a capture file into streams and an index of messages.
//!
//! Bytes flow one way: a file's records, the packets in them, the streams these carry, the messages in those. What
//! is kept is an [`Index`]: flows, where each stream's bytes stand in the file, and a compact row for each stretch of
//! a stream. This crate never shows anything, looks at no clock, changes no file, and keeps nothing decoded: a row
//! that is looked at is read again. One thread of its own reads a long file ahead, and several look rows through for a
//! [`filter`] or write them (see [`export`]).
//!
//! Every byte of a stream is in exactly one row: a message, skipped bytes with the reason, a gap, or a partial
//! message. What is damaged costs the messages it touches and no others.
//!
//! ```
//! use framescope_capture::{Options, Source, read};
//!
//! // What is no capture is taken as the bytes of one stream.
//! let source = Source::from_bytes("crash-1", *b"\xF5\x4D\x01\x03 and noise");
//! let index = read(source, &Options::default(), &mut |_| true)?;
//! assert_eq!(index.row_count(), 1);
//! # Ok::<(), String>(())
//! ```

mod error;
pub mod export;
mod files;
pub mod filter;
mod index;
mod indexer;
mod messages;
mod packets;
mod streams;

pub use error::{Damage, OpenError};
pub use files::source::{BlockReader, ReadAt, Source};
pub use files::unpack::UNPACK_LIMIT;
pub use index::{
    Connection, ConnectionState, Flow, Index, Row, SegmentRange, SkippedPackets, Stream, TransportType,
};
#[doc(hidden)]
pub use index::{annotations, store};
pub use indexer::{Indexer, Options, read};
pub use streams::reassembly;
pub use streams::selector::DecodeAs;
