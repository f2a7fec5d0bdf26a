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

#[doc(hidden)]
pub mod annotations;
mod buffer;
mod conversations;
mod detection;
mod disputes;
mod endpoint;
mod error;
pub mod export;
pub mod filter;
mod flows;
mod formats;
mod fragments;
mod headers;
mod index;
mod indexer;
mod outline;
mod packet;
mod reading;
pub mod reassembly;
mod records;
mod remarks;
mod selector;
mod sessions;
mod source;
#[doc(hidden)]
pub mod store;
mod streams;
mod unpack;

pub use error::{Damage, OpenError};
pub use index::{Connection, ConnectionState, Flow, Index, Row, SegmentRange, Stream, TransportType, Unread};
pub use indexer::{Indexer, Options, protocols, read};
pub use selector::DecodeAs;
pub use source::{BlockReader, ReadAt, Source};
pub use unpack::UNPACK_LIMIT;
