//! The channels of a conversation, by what distinguishes them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use framescope_parser::{Channel, Role, Settings};

use super::found::Found;
use super::lane::Lane;
use crate::conversation::values::Key;
use crate::plan::{Ordering, StreamPlan};

/// The most channels that are known at a time: of more, those that were not used for longest are forgotten.
const MOST_CHANNELS: usize = 1024;
/// The most bytes of all their keys together.
const MOST_KEPT: usize = 64 << 10;

/// The stream of the plan, and the value of its `channel`.
pub(super) type ChannelKey = (u16, Option<Key>);

/// What is known around a channel that begins.
pub(super) struct Start<'s> {
    pub(super) settings: &'s Settings,
    /// Whether bytes of it may have been before its first.
    pub(super) begins_inside: bool,
    /// Whether the capture begins inside the conversation.
    pub(super) is_inside: bool,
    pub(super) losses: [u64; 2],
    pub(super) lost: [u64; 2],
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) number: u64,
    /// Its description, until it is opened.
    pub(super) about: Option<Channel>,
    pub(super) lanes: [Lane; 2],
    used: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    known: BTreeMap<ChannelKey, State>,
    next: u64,
    clock: u64,
    /// How many bytes the keys are.
    kept: usize,
}

fn extra(key: &ChannelKey) -> usize {
    match &key.1 {
        Some(Key::Bytes(bytes)) => bytes.len(),
        _ => 0,
    }
}

impl Channels {
    pub(super) fn size(&self) -> usize {
        let lanes: usize = self.known.values().flat_map(|state| &state.lanes).map(Lane::size).sum();
        self.kept + self.known.len() * (size_of::<ChannelKey>() + size_of::<State>()) + lanes
    }

    pub(super) fn get_mut(&mut self, key: &ChannelKey) -> Option<&mut State> {
        self.known.get_mut(key)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&ChannelKey, &mut State)> {
        self.known.iter_mut()
    }

    /// Forgets channels if there is no room for one more, and returns them.
    pub(super) fn make_room(&mut self, key: &ChannelKey) -> Vec<ChannelKey> {
        if self.known.contains_key(key) {
            return Vec::new();
        }
        self.kept += extra(key);
        if self.known.len() < MOST_CHANNELS && self.kept <= MOST_KEPT {
            return Vec::new();
        }
        let mut used: Vec<u64> = self.known.values().map(|state| state.used).collect();
        used.sort_unstable();
        let middle = used.get(used.len() / 2).copied().unwrap_or(u64::MAX);
        let old = self.known.iter().filter(|(_, state)| state.used <= middle);
        let dropped: Vec<ChannelKey> = old.map(|(key, _)| key.clone()).collect();
        for key in &dropped {
            self.known.remove(key);
            self.kept = self.kept.saturating_sub(extra(key));
        }
        dropped
    }

    /// The channel that something was found of, which may begin with it.
    pub(super) fn of(
        &mut self,
        key: &ChannelKey,
        stream: &StreamPlan,
        found: &Found,
        role: Role,
        is_repeated: impl FnOnce(&Lane) -> bool,
        start: &Start<'_>,
    ) -> &mut State {
        self.clock += 1;
        let begins =
            self.known.get(key).is_some_and(|known| begins_again(known, stream, found, role, is_repeated));
        if begins {
            self.known.remove(key);
        }
        let (next, clock) = (&mut self.next, self.clock);
        let state = self.known.entry(key.clone()).or_insert_with(|| {
            *next += 1;
            begun(*next - 1, stream, found, start)
        });
        state.used = clock;
        state
    }
}

/// Whether what was found belongs to another channel than the one before, which had the same number.
fn begins_again(
    known: &State,
    stream: &StreamPlan,
    found: &Found,
    role: Role,
    is_repeated: impl FnOnce(&Lane) -> bool,
) -> bool {
    let Some(lane) = known.lanes.get(role.index()) else { return false };
    let is_over = known.lanes.iter().any(|lane| lane.is_ended);
    match stream.order {
        Ordering::Sent => {
            let has_bytes = found.length_of_parts() > 0;
            found.begin && (lane.has_any || is_over) || lane.is_ended && has_bytes
        }
        // The only part of a stream may be sent again.
        Ordering::Offset | Ordering::Index => found.begin && lane.is_ended && !is_repeated(lane),
    }
}

fn begun(number: u64, stream: &StreamPlan, found: &Found, start: &Start<'_>) -> State {
    let mut settings = start.settings.clone();
    if let Some(shown) = &found.shown {
        settings = settings.with("channel", shown.clone());
    }
    let may_have_begun = match (stream.order, stream.is_delimited) {
        (Ordering::Sent, false) => start.begins_inside,
        _ => start.is_inside,
    };
    let about = Channel {
        name: Cow::Owned(stream.name.clone()),
        protocol: stream.protocol.clone().map(Cow::Owned),
        settings,
        is_delimited: stream.is_delimited,
        is_verbatim: stream.is_verbatim,
        begins_inside: may_have_begun && !found.begin,
    };
    let is_inside = start.is_inside && !found.begin;
    let lane = |role: Role| {
        let known = |counts: &[u64; 2]| counts.get(role.index()).copied().unwrap_or(0);
        Lane::begun(known(&start.losses), known(&start.lost), is_inside)
    };
    State { number, about: Some(about), lanes: Role::BOTH.map(lane), used: 0 }
}
