//! How much of a direction of a conversation waits for bytes that come before it, and what has waited longest.

use std::collections::BTreeMap;

use super::channels::ChannelKey;
use crate::conversation::values::Key;

/// The most bytes that wait in one direction of a conversation.
pub(super) const MOST_BYTES: usize = 1 << 20;
/// The most pieces that wait in one direction of a conversation.
pub(super) const MOST_PIECES: usize = 1024;
/// How many messages of its direction a piece waits for, at most.
pub(super) const MOST_MESSAGES: u64 = 256;
/// What a piece counts beside its bytes.
const PIECE: usize = 64;

/// Where pieces wait: a channel, and the message that they are parts of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) channel: ChannelKey,
    pub(super) message: Option<Key>,
}

#[derive(Clone, Debug)]
struct Held {
    place: Place,
    bytes: usize,
    pieces: usize,
    /// The number of the message with which the first came.
    since: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// By when the first piece came.
    held: BTreeMap<u64, Held>,
    next: u64,
    bytes: usize,
    pieces: usize,
    /// How many messages there were.
    messages: u64,
}

impl Waiting {
    /// Another message comes.
    pub(super) fn count(&mut self) {
        self.messages += 1;
    }

    pub(super) fn size(&self) -> usize {
        self.bytes + self.pieces * PIECE + self.held.len() * size_of::<Held>()
    }

    /// A piece waits at a place. `age` is of the pieces that wait there already.
    pub(super) fn add(&mut self, age: &mut Option<u64>, place: &Place, bytes: usize, pieces: usize) {
        let at = *age.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let since = self.messages;
        let held =
            self.held.entry(at).or_insert_with(|| Held { place: place.clone(), bytes: 0, pieces: 0, since });
        held.bytes += bytes;
        held.pieces += pieces;
        self.bytes += bytes;
        self.pieces += pieces;
    }

    /// Pieces that waited have gone; all of them if nothing is `left`.
    pub(super) fn remove(&mut self, age: &mut Option<u64>, bytes: usize, pieces: usize, left: bool) {
        let Some(at) = *age else { return };
        if !left {
            *age = None;
            return self.forget(at);
        }
        if let Some(held) = self.held.get_mut(&at) {
            held.bytes = held.bytes.saturating_sub(bytes);
            held.pieces = held.pieces.saturating_sub(pieces);
            held.since = self.messages;
            self.bytes = self.bytes.saturating_sub(bytes);
            self.pieces = self.pieces.saturating_sub(pieces);
        }
    }

    /// Where pieces have waited longest, if too many wait, or those for too long.
    pub(super) fn over(&self) -> Option<(u64, Place)> {
        let (age, held) = self.held.first_key_value()?;
        let is_over = self.bytes > MOST_BYTES || self.pieces > MOST_PIECES;
        let is_late = self.messages - held.since > MOST_MESSAGES;
        (is_over || is_late).then(|| (*age, held.place.clone()))
    }

    pub(super) fn forget(&mut self, age: u64) {
        if let Some(held) = self.held.remove(&age) {
            self.bytes = self.bytes.saturating_sub(held.bytes);
            self.pieces = self.pieces.saturating_sub(held.pieces);
        }
    }

    pub(super) fn forget_if(&mut self, gone: impl Fn(&Place) -> bool) {
        let ages: Vec<u64> =
            self.held.iter().filter(|(_, held)| gone(&held.place)).map(|(age, _)| *age).collect();
        ages.into_iter().for_each(|age| self.forget(age));
    }
}
