//! The grammar of a conversation: its states, what leads from one to another, and what is kept of earlier messages.

use crate::conversation::values::Stored;
use crate::plan::{Meta, NodeId, TypeId};

/// The most states: sets of them are bits of one number.
pub(crate) const MOST_STATES: usize = 128;

/// The states of both directions. Of each pair, the first is the client's.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConversationPlan {
    pub(crate) variables: Vec<VariablePlan>,
    pub(crate) states: Vec<StatePlan>,
    /// Where a direction begins.
    pub(crate) first: [u16; 2],
    /// Where a direction is if the capture begins inside the conversation.
    pub(crate) middle: [u16; 2],
}

/// What is kept of earlier messages under a name, which [`Plan::variables`](super::Plan) has.
#[derive(Clone, Debug)]
pub(crate) struct VariablePlan {
    pub(crate) is_table: bool,
    /// The value at the beginning; of a table, that of keys without an entry.
    pub(crate) initial: Stored,
    /// The value that is assumed if the capture begins inside the conversation.
    pub(crate) assumed: Stored,
}

/// A state in which a direction can be.
#[derive(Clone, Debug)]
pub(crate) struct StatePlan {
    pub(crate) name: String,
    pub(crate) reads: Reading,
    /// Whether its message may be absent.
    pub(crate) optional: bool,
    pub(crate) mask: Option<Mask>,
    /// If it holds for no message, there is none.
    pub(crate) presence: Option<NodeId>,
    /// The state after one message, where no rule says another. None: it stays.
    pub(crate) next: [Option<u16>; 2],
    pub(crate) sets: Vec<Set>,
    pub(crate) rules: Vec<Rule>,
}

/// The bytes of messages are xored with a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    pub(crate) key: NodeId,
    /// If the key goes on over all messages since the state began: the variable that counts their bytes.
    pub(crate) phase: Option<u16>,
}

/// What the messages of a state are.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    Own(TypeId, Box<Meta>),
    /// Another protocol, by its name.
    Other(String),
}

/// What a message changes if a condition holds.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) when: Option<NodeId>,
    pub(crate) sets: Vec<Set>,
    pub(crate) next: Option<u16>,
    pub(crate) peer: Option<u16>,
}

/// A variable or an entry of a table that a message sets.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) variable: u16,
    /// The key of the entry.
    pub(crate) key: Option<NodeId>,
    /// None takes the entry out.
    pub(crate) value: Option<NodeId>,
}

impl StatePlan {
    /// A state without rules.
    pub(crate) fn of(reads: Reading) -> StatePlan {
        StatePlan {
            name: String::new(),
            reads,
            optional: false,
            mask: None,
            presence: None,
            next: [None; 2],
            sets: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Every expression over its messages.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = NodeId> + '_ {
        let sets = self.sets.iter().chain(self.rules.iter().flat_map(|rule| &rule.sets));
        let of_sets = sets.flat_map(|set| [set.key, set.value]).flatten();
        let conditions = self.rules.iter().filter_map(|rule| rule.when);
        of_sets.chain(conditions).chain(self.presence)
    }

    /// Everything that its messages may set.
    pub(crate) fn all_sets(&self) -> impl Iterator<Item = &Set> {
        self.sets.iter().chain(self.rules.iter().flat_map(|rule| &rule.sets))
    }

    /// The variable that counts the bytes of the state, if its key needs that.
    pub(crate) fn phase(&self) -> Option<u16> {
        self.mask?.phase
    }

    /// The variables that its messages may change.
    pub(crate) fn variables(&self) -> impl Iterator<Item = u16> + '_ {
        self.all_sets().map(|set| set.variable).chain(self.phase())
    }

    /// The states in which a direction may be after a message.
    pub(crate) fn successors(&self, role: usize) -> impl Iterator<Item = u16> + '_ {
        let own = self.next.get(role).copied().flatten();
        own.into_iter().chain(self.rules.iter().filter_map(|rule| rule.next))
    }

    /// The states in which the other direction may be after a message.
    pub(crate) fn peers(&self) -> impl Iterator<Item = u16> + '_ {
        self.rules.iter().filter_map(|rule| rule.peer)
    }
}
