//! Which conversations of a capture are read: those of a share, so that several readers have one each.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// A selection of conversations, by [their keys](crate::Flow::conversation).
///
/// What belongs to no conversation, such as a packet that is not read or a file that is not a capture, is in every selection.
///
/// ```
/// use std::num::NonZeroU32;
/// use framescope_capture::Selection;
///
/// let halves = [0, 1].map(|part| Selection::except([7]).share(part, NonZeroU32::new(2).unwrap()));
/// assert!(halves[0].has(4) && !halves[1].has(4) && halves[1].has(5));
/// assert!(!halves[1].has(7));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Selection {
    keys: Keys,
    share: Option<(u32, NonZeroU32)>,
}

#[derive(Clone, Debug, Default)]
enum Keys {
    #[default]
    All,
    Only(Arc<HashSet<u64, RandomState>>),
    Except(Arc<HashSet<u64, RandomState>>),
}

impl Selection {
    /// Those with one of these keys.
    pub fn only(keys: impl IntoIterator<Item = u64>) -> Selection {
        Selection { keys: Keys::Only(Arc::new(keys.into_iter().collect())), share: None }
    }

    /// All but those with one of these keys.
    pub fn except(keys: impl IntoIterator<Item = u64>) -> Selection {
        Selection { keys: Keys::Except(Arc::new(keys.into_iter().collect())), share: None }
    }

    /// Of these, the ones in a share: of as many, counted from 0. Each conversation is in exactly one of them.
    #[must_use]
    pub fn share(self, part: u32, of: NonZeroU32) -> Selection {
        Selection { share: Some((part, of)), ..self }
    }

    /// Whether a conversation is in it.
    pub fn has(&self, key: u64) -> bool {
        let is_in_share = match self.share {
            Some((part, of)) => key % u64::from(of.get()) == u64::from(part),
            None => true,
        };
        is_in_share
            && match &self.keys {
                Keys::All => true,
                Keys::Only(keys) => keys.contains(&key),
                Keys::Except(keys) => !keys.contains(&key),
            }
    }
}
