//! What can go wrong with a capture as a whole. What is wrong with a message is a problem on its row instead.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::ids::PacketId;

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
        /// The system's error.
        error: io::Error,
    },
}

/// Why an open capture can't be read.
///
/// Damage in the file is not an error: it is listed in the index, and the packets around it are read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A rule of [`Options::decode_as`](crate::Options::decode_as) names a protocol that does not exist.
    #[error("no protocol is called '{name}'; there are {}", known.join(", "))]
    UnknownProtocol {
        /// The name in the rule.
        name: String,
        /// The protocols that exist, in the order in which detection prefers them.
        known: Vec<String>,
    },
    /// A rule of [`Options::decode_as`](crate::Options::decode_as) is for channels of a carrier that does not exist.
    #[error(
        "'{name}' carries nothing: a selector is tcp, udp, tcp.port=N, udp.port=N, ip=ADDRESS, flow=N, file, or a channel of {}",
        if known.is_empty() { "a carrier, of which there is none".to_owned() } else { known.join(", ") }
    )]
    UnknownCarrier {
        /// The name in the rule.
        name: String,
        /// The protocols that carry others.
        known: Vec<String>,
    },
    /// A rule of [`Options::decode_as`](crate::Options::decode_as) names a protocol for flows that it can't be used on.
    #[error("{name} can't be used there: {why}")]
    UnusableProtocol {
        /// The name in the rule.
        name: String,
        /// Why, and where it can be used.
        why: String,
    },
    /// The file is a capture in a format that is not read.
    #[error(transparent)]
    UnsupportedFormat(#[from] UnsupportedFormat),
    /// The file is not a capture, where one is needed.
    #[error("{name} begins with no capture's magic")]
    NoCapture {
        /// The path as it was given.
        name: String,
    },
    /// The file is a text, such as a hex dump, that can't be converted to a capture.
    #[error("{name} can't be converted: {error}")]
    Conversion {
        /// The path as it was given.
        name: String,
        /// The system's error.
        error: io::Error,
    },
}

/// A capture in a format that is recognised but not read, and how to convert it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{name} is {format}, which is not read: {advice}. With --as file=PROTOCOL it is read as the bytes of one stream"
)]
pub struct UnsupportedFormat {
    /// The path as it was given.
    pub name: String,
    /// The format, with its article: `a btsnoop log`.
    pub format: &'static str,
    /// The command that converts it, or why none does, as the rest of a sentence.
    pub advice: String,
}

/// Where a capture is damaged, what was read before it, and where reading resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's name.
    pub file: String,
    /// Where in the file the damaged part begins.
    pub offset: u64,
    /// The number the packet there would have; None in the file's header.
    pub packet: Option<PacketId>,
    /// What is wrong, as the rest of a sentence.
    pub what: String,
    /// How many packets were read before it.
    pub packets_read: u32,
    /// Where in the file reading resumed; None if nothing readable follows.
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
            // Where a table lists the records, the next one may be further up in the file.
            let Some(skipped) = resumed.checked_sub(*offset) else {
                return write!(f, "; reading resumed at byte {resumed}");
            };
            return write!(f, "; {skipped} bytes were skipped, and reading resumed at byte {resumed}");
        }
        match packets_read {
            0 => write!(f, "; no packet was read"),
            1 => write!(f, "; the packet before it was read"),
            _ => write!(f, "; the {packets_read} packets before it were read"),
        }
    }
}

impl std::error::Error for Damage {}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(packets_read: u32, resumed: Option<u64>) -> String {
        let (file, what) = ("a.pcap".to_owned(), "the record ends early".to_owned());
        Damage { file, offset: 100, packet: Some((packets_read + 1).into()), what, packets_read, resumed }
            .to_string()
    }

    #[test]
    fn damage_says_what_was_read_and_where_reading_resumed() {
        let at = |packet: u32| format!("a.pcap: packet {packet} at byte 100: the record ends early");
        assert_eq!(damage(0, None), at(1) + "; no packet was read");
        assert_eq!(damage(1, None), at(2) + "; the packet before it was read");
        assert_eq!(damage(7, None), at(8) + "; the 7 packets before it were read");
        let resumed = at(8) + "; 28 bytes were skipped, and reading resumed at byte 128";
        assert_eq!(damage(7, Some(128)), resumed);
        assert_eq!(damage(7, Some(64)), at(8) + "; reading resumed at byte 64");
    }

    #[test]
    fn an_unknown_protocol_is_named_beside_those_that_exist() {
        let known = vec!["missive".to_owned(), "text".to_owned()];
        let error = ReadError::UnknownProtocol { name: "misive".to_owned(), known };
        assert_eq!(error.to_string(), "no protocol is called 'misive'; there are missive, text");
    }
}
