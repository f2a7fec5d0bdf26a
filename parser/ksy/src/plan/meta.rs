//! What a protocol has beside the structure of its messages: its name, where it is found, and how its messages begin.

use framescope_parser::Code;

use crate::checks::Algorithm;
use crate::error::Located;
use crate::plan::{CarriesPlan, ConversationPlan, NodeId, TypeId};
use std::sync::Arc;

/// What a protocol needs beside the structure of its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) about: String,
    /// `tcp` or `udp`; both if it is empty.
    pub(crate) transports: Vec<String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) ends_with_segment: bool,
    pub(crate) limit: u32,
    /// The same where a datagram or a whole file is one message.
    pub(crate) whole_limit: u32,
    pub(crate) head: Head,
    pub(crate) kind: Option<NodeId>,
    pub(crate) id: Option<NodeId>,
    pub(crate) request: Option<NodeId>,
    pub(crate) reply: Option<NodeId>,
    /// The bytes with which every message ends, and after which a message can be found wherever they are.
    pub(crate) terminator: Option<Vec<u8>>,
    /// Fields after the head whose check covers it: where the check fails, there may be no message.
    pub(crate) trailing_checks: Vec<u16>,
    /// What depends on where the stream ends, and where in the description: the messages do not show where they end.
    pub(crate) end: Option<Located>,
    /// Where the root's parameters are, which nothing gives a message.
    pub(crate) parameters: Option<Located>,
    /// Whether the end of the stream, or of a datagram, ends a message and nothing else does.
    pub(crate) waits: bool,
    /// The stream's items, if the description ends in a list of them.
    pub(crate) stream: Option<Stream>,
    /// The grammar of its conversations, if messages depend on what was said before.
    pub(crate) conversation: Option<Arc<ConversationPlan>>,
    /// What its messages carry.
    pub(crate) carries: Option<Arc<CarriesPlan>>,
    /// The channels that it is spoken in, as rules select them.
    pub(crate) carried_by: Vec<String>,
}

/// A stream of items, each of which is a message.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The type of what stands before the first, if anything does.
    pub(crate) preamble: Option<TypeId>,
    /// The type of an item, or the root if it can't be read without the root.
    pub(crate) root: TypeId,
    pub(crate) item: Option<Item>,
    /// What an item has beside its structure.
    pub(crate) meta: Arc<Meta>,
}

/// How an item is read as the last field of the root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) before: Before,
    /// Its type, if it is a structure whose fields are those of the message.
    pub(crate) own_type: Option<TypeId>,
}

/// What an item needs of the fields before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Unneeded,
    /// There are none, but it refers to the structure around it.
    Empty,
    Needed,
}

/// The beginning of every message, of fixed length, which distinguishes it from other bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) length: u32,
    /// The bytes that every message begins with.
    pub(crate) magic: Vec<u8>,
    /// All must hold, otherwise no message begins here.
    pub(crate) believe: Vec<HeadTest>,
    /// All must hold, otherwise only the head is skipped, with the code given.
    pub(crate) refuse: Vec<(HeadTest, Code)>,
    /// How many bits of evidence the tests are together.
    pub(crate) bits: u32,
    /// What usually holds, and how many bits of evidence that is: numbers that are members of their enum.
    pub(crate) hints: Vec<(HeadTest, u32)>,
}

/// The shortest magic, in bits, that is searched for in other bytes.
const MAGIC_BITS: u32 = 16;
/// The least evidence, in bits, of other tests that are searched for.
const SURE_BITS: u32 = 32;

impl Head {
    /// Whether other bytes hardly ever look like it, so that a message begins at the next one.
    pub(crate) fn is_sure(&self) -> bool {
        let is_magic = self.magic.len() * 8 >= MAGIC_BITS as usize;
        is_magic || self.bits >= SURE_BITS
    }
}

/// A condition on the beginning of a message.
#[derive(Clone, Debug)]
pub(crate) struct HeadTest {
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) what: HeadTestKind,
}

#[derive(Clone, Debug)]
pub(crate) enum HeadTestKind {
    Contents(Vec<u8>),
    /// A number in one of these ranges.
    Number {
        signed: bool,
        le: bool,
        ranges: Vec<(i128, i128)>,
    },
    /// Bits of a big-endian number.
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
