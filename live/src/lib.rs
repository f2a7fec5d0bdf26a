//! Programs that run: forwards, records, sends, answers and fuzzes their messages.
//!
//! Whatever passes is [recorded](Recorder) as packets into a capture that grows, and read by the same indexer as any capture
//! ([`LiveIndex`]): nothing here parses a message. What is sent goes only where the user said, within [`Limits`].

pub mod capturing;
mod limits;
mod recorder;

pub use limits::{Limits, Pacer, Refused};
pub use recorder::{Leg, Recorded, Recorder};
