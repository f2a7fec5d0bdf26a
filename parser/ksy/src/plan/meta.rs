//! What a protocol has beside the structure of its messages: its name, where it is found, and how its messages begin.

use framescope_parser::Code;

use crate::checks::Algorithm;
use crate::error::Located;
use crate::plan::NodeId;

/// What a protocol needs beside the structure of its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) about: String,
    /// `tcp` and `udp`; both if none is named.
    pub(crate) transports: Vec<String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) ends_with_segment: bool,
    pub(crate) limit: u32,
    pub(crate) head: Head,
    pub(crate) kind: Option<NodeId>,
    pub(crate) id: Option<NodeId>,
    pub(crate) request: Option<NodeId>,
    pub(crate) reply: Option<NodeId>,
    /// What every message ends in and none holds elsewhere.
    pub(crate) terminator: Option<Vec<u8>>,
    /// Fields behind the head whose check covers it, so that a message whose check fails may be none.
    pub(crate) trailing_checks: Vec<u16>,
    /// Why its messages can't be told apart in a stream.
    pub(crate) stream_mistakes: Vec<Located>,
}

/// The beginning of every message, which is as long in each: what tells a message from other bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) length: u32,
    /// The bytes that every message begins with.
    pub(crate) magic: Vec<u8>,
    /// All must hold, else no message begins here.
    pub(crate) believe: Vec<HeadTest>,
    /// All must hold, else only the head is passed over, for the reason given.
    pub(crate) refuse: Vec<(HeadTest, Code)>,
    /// How many bits of chance all that must hold is.
    pub(crate) bits: u32,
    /// What mostly holds, and how many bits of chance that is: numbers that are members of their enum.
    pub(crate) hints: Vec<(HeadTest, u32)>,
}

/// Bits of chance of a magic by which a message is found among other bytes.
const MAGIC_BITS: u32 = 16;
/// The same of values that are valid, of which many bytes are.
const SURE_BITS: u32 = 32;

impl Head {
    /// Whether hardly any other bytes look like it, so that the next one is where a message begins.
    pub(crate) fn is_sure(&self) -> bool {
        let is_magic = self.magic.len() * 8 >= MAGIC_BITS as usize;
        is_magic || self.bits >= SURE_BITS
    }
}

/// Something that a message's beginning must fulfil.
#[derive(Clone, Debug)]
pub(crate) struct HeadTest {
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) what: HeadWhat,
}

#[derive(Clone, Debug)]
pub(crate) enum HeadWhat {
    Contents(Vec<u8>),
    /// A number is one of these ranges.
    Number {
        signed: bool,
        le: bool,
        ranges: Vec<(i128, i128)>,
    },
    /// Bits of a number, counted from the highest of the bytes.
    Bits {
        shift: u32,
        count: u32,
        ranges: Vec<(i128, i128)>,
    },
    Check {
        algorithm: Algorithm,
        le: bool,
        from: u32,
        to: u32,
    },
}
