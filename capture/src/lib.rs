//! Turns a capture file into streams and an index of messages.
//!
//! Bytes flow one way: a file's records, the packets in them, the streams that these carry, the messages in those. The
//! result is an [`Index`]: flows, where each stream's bytes are in the file, and a compact row for each part of a stream.
//! This crate never shows anything, reads no clock, changes no file, and stores nothing decoded: a row that is needed is
//! read again. One thread reads a long file ahead, and several evaluate a [`filter`] or write rows (see [`export`]).
//!
//! Every byte of a stream is in exactly one row: a message, skipped bytes with the reason, a gap, or a partial
//! message. Damage costs the messages that it touches and no others.
//!
//! ```
//! use framescope_capture::{Options, Source, read};
//!
//! // A file that is not a capture is read as the bytes of one stream.
//! let source = Source::from_bytes("crash-1", *b"\xF5\x4D\x01\x03 and noise");
//! let index = read(source, &Options::default(), &mut |_| true)?;
//! assert_eq!(index.row_count(), 1);
//! # Ok::<(), framescope_capture::ReadError>(())
//! ```

mod display;
mod error;
pub mod export;
mod files;
pub mod filter;
mod ids;
mod index;
mod indexer;
mod messages;
mod packets;
mod scan;
mod streams;

pub use error::{Damage, OpenError, ReadError, UnsupportedFormat};
pub use files::rotated::rotated_name;
pub use files::source::{BlockReader, Followed, Growth, ReadAt, Source};
pub use files::unpack::UNPACK_LIMIT;
pub use ids::{FlowId, PacketId, RowId, StreamId};
pub use index::{CarriedPart, Index, Row, SegmentRange, SkippedPackets, Stream};
#[doc(hidden)]
pub use index::{annotations, store};
pub use indexer::{Indexer, Options, TakeSecrets, read};
pub use scan::{Conversation, Scan, scan};
pub use streams::carried::CarriedIn;
pub use streams::client::{Client, ClientError};
pub use streams::connection::{Connection, ConnectionState};
pub use streams::flow::{Flow, TransportType};
pub use streams::reassembly;
pub use streams::selection::Selection;
pub use streams::selector::{DecodeAs, SelectorError};

/// The README's examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
