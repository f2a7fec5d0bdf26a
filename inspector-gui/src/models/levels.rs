//! Which levels of a capture with carriers are shown: what was sent in the end, what packets bring, or both and all between.

use framescope_capture::{FlowId, Index, Row};
use serde::{Deserialize, Serialize};

/// Which rows are shown of those that carry one another. Without carriers all rows are at the only level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Levels {
    /// Rows that carry nothing further, and those with a warning or an error.
    #[default]
    Innermost,
    /// All rows.
    All,
    /// Rows that packets bring, or those of the conversation that is shown.
    Outermost,
}

impl Levels {
    /// All of them, each with its name and what it shows.
    pub const CHOICES: [(Levels, &'static str, &'static str); 3] = [
        (
            Levels::Innermost,
            "Innermost",
            "What was sent in the end: each row that carries nothing further, whatever it is carried in. A carrier's row is shown where something is wrong with it",
        ),
        (Levels::All, "All levels", "What is carried, and each carrier's own rows"),
        (Levels::Outermost, "Outermost", "Only what packets bring, or of one conversation only its own rows"),
    ];

    /// The one after it, around and around.
    #[must_use]
    pub fn next(self) -> Levels {
        match self {
            Levels::Innermost => Levels::All,
            Levels::All => Levels::Outermost,
            Levels::Outermost => Levels::Innermost,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::CHOICES.iter().find(|(levels, ..)| *levels == self).map_or("", |(_, name, _)| name)
    }

    /// The filter for its rows; None if it needs none. `flow` is the only conversation that is shown.
    pub(crate) fn filter(self, flow: Option<FlowId>) -> Option<&'static str> {
        match self {
            Levels::All => None,
            Levels::Innermost => Some("not carries or severity >= warning"),
            // Its own rows are all there are.
            Levels::Outermost if flow.is_some() => None,
            Levels::Outermost => Some("level == 0"),
        }
    }

    /// Whether a row belongs to a conversation: to itself, or, unless only the outermost rows are shown, to one that it carries.
    pub(crate) fn is_in(self, index: &Index, row: &Row, flow: FlowId) -> bool {
        match self {
            Levels::Outermost => row.flow() == flow,
            Levels::Innermost | Levels::All => is_within(index, row.flow(), flow),
        }
    }
}

/// Whether a flow is another one, or is carried in it, however deep.
pub(crate) fn is_within(index: &Index, mut flow: FlowId, outer: FlowId) -> bool {
    loop {
        if flow == outer {
            return true;
        }
        match index.flow(flow).and_then(|flow| flow.carried()) {
            Some(carried) => flow = carried.by(),
            None => return false,
        }
    }
}
