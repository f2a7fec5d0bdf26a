//! What the messages of a description carry: the inner streams, and which fields hold their bytes.

use crate::plan::{NodeId, Sym, TypeId};

/// The inner streams of a description, and the rules that say which bytes belong to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CarriesPlan {
    pub(crate) streams: Vec<StreamPlan>,
    pub(crate) rules: Vec<CarryRule>,
}

impl CarriesPlan {
    /// The same where messages are not read as their bytes are.
    pub(crate) fn changed(&self) -> CarriesPlan {
        let mut changed = self.clone();
        changed.streams.iter_mut().for_each(|stream| stream.is_verbatim = false);
        changed
    }
}

/// What the channels of one name have in common.
#[derive(Clone, Debug)]
pub(crate) struct StreamPlan {
    pub(crate) name: String,
    /// The protocol that is spoken in it, by its name.
    pub(crate) protocol: Option<String>,
    /// Whether each value is a message of its own, or a part of one.
    pub(crate) is_delimited: bool,
    /// Whether its bytes are those of the messages, in their order.
    pub(crate) is_verbatim: bool,
    /// Whether an expression says that a channel begins.
    pub(crate) says_begin: bool,
    /// Whether there may be several in one conversation.
    pub(crate) has_channels: bool,
    pub(crate) order: Ordering,
}

/// What says in which order the bytes belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ordering {
    /// The order in which they are sent.
    #[default]
    Sent,
    /// Each says where it begins, in bytes.
    Offset,
    /// Each has a number.
    Index,
}

/// A field whose bytes are carried, in every structure of a type.
#[derive(Clone, Debug)]
pub(crate) struct CarryRule {
    pub(crate) ty: TypeId,
    /// Its place among the streams.
    pub(crate) stream: u16,
    /// Where in the structure it is; None where the rule only says what begins or ends.
    pub(crate) path: Option<Vec<Sym>>,
    pub(crate) condition: Option<NodeId>,
    pub(crate) channel: Option<NodeId>,
    pub(crate) begin: Option<NodeId>,
    pub(crate) end: Option<NodeId>,
    /// Whether the position is an offset, or a number.
    pub(crate) order: Ordering,
    pub(crate) position: Option<NodeId>,
    /// The number of the first.
    pub(crate) from: u64,
    /// How many numbers there are before they begin again.
    pub(crate) wraps: Option<u64>,
    /// Which message a part belongs to, if parts of several may be between each other.
    pub(crate) message: Option<NodeId>,
    pub(crate) first: Option<NodeId>,
    pub(crate) last: Option<NodeId>,
    pub(crate) count: Option<NodeId>,
    pub(crate) length: Option<NodeId>,
}

impl CarryRule {
    /// Every expression of it.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = NodeId> {
        let of_channel = [self.condition, self.channel, self.begin, self.end, self.position];
        let of_message = [self.message, self.first, self.last, self.count, self.length];
        of_channel.into_iter().chain(of_message).flatten()
    }

    /// Whether a value is a part of a message, rather than all of it.
    pub(crate) fn is_part(&self) -> bool {
        [self.message, self.first, self.last, self.count, self.length].iter().any(Option::is_some)
    }
}
