//! What can go wrong with a capture as a whole. What is wrong with a message is a problem on its row instead.

use std::fmt;
use std::io;

use thiserror::Error;

/// Why a capture can't be opened at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The path names a directory.
    #[error("{name} is a directory; name a capture file in it")]
    Directory {
        /// The path as it was given.
        name: String,
    },
    /// The file can't be read.
    #[error("{name} can't be read: {error}")]
    Unreadable {
        /// The path as it was given.
        name: String,
        /// What the system says.
        error: io::Error,
    },
}

/// Where a capture is damaged, what was read before it, and where reading went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's name.
    pub file: String,
    /// Where in the file the damaged part begins.
    pub offset: u64,
    /// The number the packet there would have, counted from 1; None in the file's header.
    pub packet: Option<u32>,
    /// What is wrong, as the rest of a sentence.
    pub what: String,
    /// How many packets were read before it.
    pub packets_read: u32,
    /// Where in the file reading went on behind it; None if nothing that could be read was found.
    pub resumed: Option<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { file, offset, packet, what, packets_read, resumed } = self;
        match packet {
            Some(packet) => write!(f, "{file}: packet {packet} at byte {offset}: {what}")?,
            None => write!(f, "{file}: at byte {offset}: {what}")?,
        }
        if let Some(resumed) = resumed {
            // A capture with a table may go on further up.
            let Some(passed) = resumed.checked_sub(*offset) else {
                return write!(f, "; reading went on at byte {resumed}");
            };
            return write!(f, "; {passed} bytes were passed over, and reading went on at byte {resumed}");
        }
        match packets_read {
            0 => write!(f, "; no packet was read"),
            1 => write!(f, "; the packet before it was read"),
            _ => write!(f, "; the {packets_read} packets before it were read"),
        }
    }
}

impl std::error::Error for Damage {}
