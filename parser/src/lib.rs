//! Reads the bytes of a stream as messages, and a message as fields.
//!
//! This crate is the one description of the formats that Framescope knows: the window, the command line, the fuzz
//! targets and the tests of other projects all read through it. It takes bytes and gives offsets, values and
//! [problems](Problem) back, borrowing from what it was given. It never does input or output, never looks at a
//! clock, never panics on any bytes, never works longer than the bytes it was given justify, and never shows the
//! parser combinators it is built with.
//!
//! A format is a [`Protocol`]. Three are built in: [`missive::Missive`], a frame format with lengths and checks,
//! and [`bare::Bare`] and [`text::Text`], the formats without a frame that most first socket programs speak.
//!
//! # Decode in five lines
//!
//! ```
//! use framescope_parser::missive::Missive;
//!
//! let bytes = b"\xf5\x4d\x01\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x19\x3ahi and more";
//! let (frame, rest) = Missive::default().decode(bytes)?;
//! println!("{:?} {}: {:?}", frame.kind, frame.sequence, frame.read_payload()?);
//! assert_eq!(rest, b" and more");
//! # Ok::<(), framescope_parser::Error>(())
//! ```
//!
//! Nothing is copied. [`Missive::frames`](missive::Missive::frames) goes through a whole stream, damaged or not;
//! [`missive::Decoder`] takes bytes as they arrive from a socket; [`missive::FrameBuf`] builds what is to be sent;
//! [`missive::Assembly`] puts long content together; [`missive::Session`] says what only the sequence of frames shows.
//! A [`Dissection`] shows what is in bytes that are not a well-formed frame, and everything that is wrong with them:
//!
//! ```
//! use framescope_parser::{Code, Dissection, missive::{Flags, FrameBuf, Kind, Missive}};
//!
//! let mut bytes = FrameBuf::new(Kind::PING).sequence(7).flags(Flags::CHECKSUM).payload("hi").to_bytes()?;
//! bytes[20] ^= 1;
//! let missive = Missive::default();
//! let message = Dissection::of(&missive, &bytes);
//! assert_eq!(message.kind.unwrap().to_string(), "PING");
//! assert_eq!(message.field("sequence").unwrap().value.to_string(), "7");
//! assert!(message.has(Code::ChecksumMismatch));
//! # Ok::<(), framescope_parser::Error>(())
//! ```
//!
//! # In your CI test
//!
//! What your program sent, whole and in order, or the first thing that is wrong and where:
//!
//! ```
//! use framescope_parser::missive::{Content, Missive, Payload};
//! # use framescope_parser::missive::{FrameBuf, Kind};
//! # let sent = FrameBuf::new(Kind::DATA).payload("hello").to_bytes()?;
//!
//! let missive = Missive::default();
//! let mut said = Vec::new();
//! for received in missive.frames(&sent) {
//!     said.push(received.into_frame()?.read_payload()?);
//! }
//! assert_eq!(said, [Payload::Data { content: Content::Text("hello") }]);
//! # Ok::<(), framescope_parser::Error>(())
//! ```
//!
//! With the feature `proptest` the frames that your program must take are generated, see `missive::strategy`; with
//! `arbitrary` so are those of a fuzz target. The stream that broke it, saved to a file, opens in Framescope's window.
//!
//! # Your own kinds and extensions
//!
//! Kinds and tags are numbers with names, so those of your application only need a constant. A receiver that is
//! [given their names](missive::Missive) shows them, and takes the critical ones:
//!
//! ```
//! use framescope_parser::missive::{FrameBuf, Kind, Missive, Payload, Tag};
//!
//! const TYPING: Kind = Kind(0x80);
//! const PRIORITY: Tag = Tag(0x40);
//!
//! let bytes = FrameBuf::new(TYPING).extension(PRIORITY, true, &[9])?.payload("ada").to_bytes()?;
//! assert!(Missive::default().decode(&bytes).is_err(), "an unknown critical extension is refused");
//!
//! let missive = Missive {
//!     kinds: vec![(TYPING, "TYPING".into())],
//!     extensions: vec![(PRIORITY, "PRIORITY".into())],
//!     ..Missive::default()
//! };
//! let (frame, _) = missive.decode(&bytes)?;
//! assert_eq!(frame.read_payload()?, Payload::Other { kind: TYPING, bytes: b"ada" });
//! assert_eq!(frame.find(PRIORITY).unwrap().bytes, [9]);
//! # Ok::<(), framescope_parser::Error>(())
//! ```
//!
//! A custom format, with another header, is a [`Protocol`]: five questions that the window, the command line and the
//! fuzz targets ask of every format. The problems that only it has are declared in a [`CodeDomain`].
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `std`, on by default | reading straight from sockets and files, and checks and searches that use what the processor at hand can do. Without it the crate needs an allocator and nothing else |
//! | `serde` | frames, headers and their numbers as data, bytes as hexadecimal text; dissected messages as the command line's JSON shows them |
//! | `arbitrary` | frames from a fuzzer's bytes: [`missive::FrameBuf`] is `Arbitrary` |
//! | `proptest` | strategies for frames and streams: `missive::strategy` |
#![no_std]
#![doc(test(attr(deny(warnings))))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

pub mod bare;
mod captured;
mod carrier;
mod code;
mod conversation;
mod error;
mod field;
mod framer;
pub mod hex;
mod key;
pub mod missive;
mod observe;
mod preview;
mod problem;
mod protocol;
mod resync;
mod selection;
mod sentence;
#[cfg(feature = "serde")]
mod serialize;
mod shape;
pub mod text;
mod transport;
mod unclaimed;
mod utf8;

pub use captured::{CAPTURED, Captured, Missing};
pub use carrier::{Carried, Channel, Collected, Heard, Nowhere, Passage, Settings};
pub use code::{Code, CodeDomain, CodeInfo, CodeSet, CustomCode, Severity};
pub use conversation::{Context, Conversation, Reads, Role, Speaker, Stage, Variables};
pub use error::{Error, Fault};
pub use field::{Dissection, Field, Kind, Value, Visit, Wide};
pub use framer::{Framer, Sink, Span, SpanType};
pub use key::Key;
pub use observe::{Direction, Event, Observation, Observer};
pub use problem::Problem;
pub use protocol::{Confidence, Input, Measure, Memo, Names, Protocol, Sample, Step};
pub use resync::Guess;
pub use selection::{FieldReader, FieldSelection};
pub use sentence::Sentence;
pub use shape::{FieldShape, FieldType, merge_fields};
pub use transport::{Transport, Usable};
pub use unclaimed::Unclaimed;

/// The built-in protocols, in the order in which detection prefers them: the surest first. Missive has no key; to verify
/// authenticated frames put a [`Missive`](missive::Missive) that has one in its place.
///
/// ```
/// let names: Vec<String> = framescope_parser::built_in().iter().map(|protocol| protocol.name().into()).collect();
/// assert_eq!(names, ["missive", "bare", "text"]);
/// ```
pub fn built_in() -> Vec<Arc<dyn Protocol>> {
    vec![Arc::new(missive::Missive::default()), Arc::new(bare::Bare), Arc::new(text::Text)]
}

/// Custom protocols, followed by the [built-in](built_in) ones.
pub fn with_built_in(mut custom: Vec<Arc<dyn Protocol>>) -> Vec<Arc<dyn Protocol>> {
    custom.extend(built_in());
    custom
}

/// The README's examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
