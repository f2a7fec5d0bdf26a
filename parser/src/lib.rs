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
//! ```
//! use framescope_parser::{Dissection, missive::{FrameBuf, Kind, Missive}};
//!
//! let bytes = FrameBuf::new(Kind::PING).sequence(7).payload(b"are you there?").to_bytes()?;
//! let missive = Missive::default();
//! let message = Dissection::of(&missive, &bytes);
//! assert_eq!(message.kind.unwrap().to_string(), "PING");
//! assert_eq!(message.field("sequence").unwrap().value.to_string(), "7");
//! assert!(message.problems.is_empty());
//! # Ok::<(), framescope_parser::Error>(())
//! ```
#![no_std]
#![doc(test(attr(deny(warnings))))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod bare;
mod error;
mod field;
mod framer;
#[cfg(feature = "serde")]
mod hex;
pub mod missive;
mod observe;
mod problem;
mod protocol;
#[cfg(feature = "serde")]
mod serialize;
pub mod text;
mod unclaimed;
mod utf8;

pub use error::{Error, Fault};
pub use field::{Dissection, Field, Kind, Value, Visit};
pub use framer::{Framer, Sink, Tile, TileType};
pub use observe::{Direction, Event, Observation, Observer};
pub use problem::{Code, CodeSet, Problem, Severity};
pub use protocol::{Confidence, Input, Memo, Protocol, Sample, Step};
pub use unclaimed::Unclaimed;
