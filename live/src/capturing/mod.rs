//! Captures from an interface: starts `tcpdump` or `dumpcap`, which have the permissions, and writes what they capture to files.
//!
//! [`Recording`] owns the child, in a process group that ends with it, and passes on whole blocks only, so that a file is readable at
//! any time. [`Tail`] reads files that another program writes and rotates. Nothing here knows a protocol, or keeps packets in memory.

mod blocks;
mod child;
mod error;
#[cfg(unix)]
mod guard;
mod interfaces;
mod output;
mod recording;
mod ring;
mod tail;
mod tool;

pub use error::CaptureError;
pub use interfaces::{Interface, interfaces};
pub use recording::{Ended, Recording, Request, Until};
pub use ring::{Ring, RingSize};
pub use tail::{Tail, TailEnd};
pub use tool::{Tool, ToolName};
