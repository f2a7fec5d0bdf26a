//! The shape of a capture.

use std::fmt;
use std::str::FromStr;

/// What is in a capture. The default is a frame of 105 bytes a packet, over 100 connections, each request answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// How many messages there are.
    pub messages: u64,
    /// No message follows once the streams have this many bytes; 0 for no limit.
    pub bytes: u64,
    /// The share of requests that get a reply; each other one is followed by one of the other side. There are no
    /// replies where only one side speaks, or where messages are not framed.
    pub answered: f64,
    /// What is wrong with each message.
    pub notes: Notes,
    /// Messages have no frame: a segment is a kind byte and text.
    pub bare: bool,
    /// How many connections are open at the same time. They take turns.
    pub connections: u32,
    /// A connection is closed after this many messages, and another takes its place; 0 where they stay open.
    pub short: u32,
    /// Connections were opened before the capture begins.
    pub begun: bool,
    /// Only the client speaks.
    pub one_way: bool,
    /// The share of segments that are captured after the next one of their side; at most one half.
    pub reorder: f64,
    /// The share of segments that are not in the capture.
    pub loss: f64,
    /// How long the messages' texts are. The first message of a connection is a short one.
    pub sizes: Sizes,
    /// A segment has 1448 bytes, wherever messages begin; otherwise each message begins a new segment.
    pub full_segments: bool,
    /// Other bytes of the same shape.
    pub seed: u64,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            messages: 1_000_000,
            bytes: 0,
            answered: 1.0,
            notes: Notes::None,
            bare: false,
            connections: 100,
            short: 0,
            begun: false,
            one_way: false,
            reorder: 0.0,
            loss: 0.0,
            sizes: Sizes::Fixed(81),
            full_segments: false,
            seed: 1,
        }
    }
}

impl Shape {
    /// Checks that the shape is possible.
    ///
    /// # Errors
    /// A sentence that names the parameter that is out of range, and what it may be.
    pub fn check(&self) -> Result<(), String> {
        let (shortest, longest) = self.sizes.range();
        for (name, share, most) in
            [("answered", self.answered, 1.0), ("reorder", self.reorder, 0.5), ("loss", self.loss, 1.0)]
        {
            if !(0.0..=most).contains(&share) {
                return Err(format!("{name} must be a share from 0 to {most}, not {share}"));
            }
        }
        if self.connections == 0 || self.connections > MOST_CONNECTIONS {
            return Err(format!("there are from 1 to {MOST_CONNECTIONS} connections at a time"));
        }
        if shortest > longest || longest > LONGEST {
            return Err(format!("texts have from 0 to {LONGEST} bytes, the shorter length first"));
        }
        if self.notes == Notes::Glued && !self.bare {
            return Err("only messages without a frame can be glued: add --bare".to_owned());
        }
        if self.bare && matches!(self.notes, Notes::SequenceJump | Notes::ChecksumMismatch) {
            return Err(format!("messages without a frame can't have {}", self.notes));
        }
        if self.bare && (self.full_segments || longest > LONGEST_BARE) {
            return Err(format!(
                "a message without a frame is what a segment holds: it has at most {LONGEST_BARE} bytes of text"
            ));
        }
        Ok(())
    }
}

/// As many as clients have addresses and ports here.
const MOST_CONNECTIONS: u32 = 1 << 24;
/// The default limit of a reader of the format, with room for the rest of the frame.
const LONGEST: u32 = (16 << 20) - 64;
/// Two of them, with a kind byte each, are a segment.
const LONGEST_BARE: u32 = 723;

/// What is wrong with each message, by the name of [its problem](framescope_parser::Code).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// Nothing.
    None,
    /// Each segment is sent twice.
    Retransmitted,
    /// Two messages without a frame are in a segment.
    Glued,
    /// Each frame's number but the first differs from the one expected. Replies have no numbers of their own.
    SequenceJump,
    /// A bit of each frame's checksum is wrong.
    ChecksumMismatch,
}

impl Notes {
    /// All there are.
    pub const ALL: [Notes; 5] =
        [Notes::None, Notes::Retransmitted, Notes::Glued, Notes::SequenceJump, Notes::ChecksumMismatch];
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Notes::None => "none",
            Notes::Retransmitted => "retransmitted",
            Notes::Glued => "glued",
            Notes::SequenceJump => "sequence-jump",
            Notes::ChecksumMismatch => "checksum-mismatch",
        })
    }
}

impl FromStr for Notes {
    type Err = String;

    fn from_str(name: &str) -> Result<Notes, String> {
        let found = Notes::ALL.into_iter().find(|notes| notes.to_string() == name);
        found.ok_or_else(|| format!("one of {}", Notes::ALL.map(|notes| notes.to_string()).join(", ")))
    }
}

/// How long messages' texts are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All the same.
    Fixed(u32),
    /// From the first to the second, uniformly distributed.
    Uniform(u32, u32),
    /// 8 to 64 bytes six times of ten, up to 512 three times, up to 4096 nine of a hundred times, and up to 32,768 once.
    Mixture,
}

impl Sizes {
    /// The shortest and the longest.
    pub fn range(self) -> (u32, u32) {
        match self {
            Sizes::Fixed(size) => (size, size),
            Sizes::Uniform(first, last) => (first, last),
            Sizes::Mixture => (8, 32_768),
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::Fixed(size) => write!(f, "fixed:{size}"),
            Sizes::Uniform(first, last) => write!(f, "uniform:{first}-{last}"),
            Sizes::Mixture => f.write_str("mixture"),
        }
    }
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Sizes, String> {
        let read = || {
            Some(match text.split_once(':') {
                None if text == "mixture" => Sizes::Mixture,
                Some(("fixed", size)) => Sizes::Fixed(size.parse().ok()?),
                Some(("uniform", range)) => {
                    let (first, last) = range.split_once('-')?;
                    Sizes::Uniform(first.parse().ok()?, last.parse().ok()?)
                }
                _ => return None,
            })
        };
        read().ok_or_else(|| "fixed:N, uniform:A-B or mixture, in bytes of text".to_owned())
    }
}
