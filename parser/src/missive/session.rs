//! What only the sequence of frames shows: numbering, LOGIN first, LOGOUT last, which reply answers which request.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use alloc::vec::Vec;

use super::header::{Flags, Header, Kind};
use crate::{Code, Direction, Event, Observation, Observer};

/// Watches the frames of one connection, channel by channel.
///
/// Once anything was lost, a LOGIN or a request may be among it: then nothing is said of a missing one. A jump of
/// the numbers is always told, as it says how much is missing.
#[derive(Debug, Default)]
pub struct Session {
    channels: BTreeMap<u16, Channel>,
    lost: [bool; 2],
}

#[derive(Debug, Default)]
struct Channel {
    login_seen: bool,
    logout_seen: bool,
    sides: [Side; 2],
}

/// What one side of a channel has sent.
#[derive(Debug, Default)]
struct Side {
    next_sequence: Option<u32>,
    /// Requests without an answer yet, by sequence number.
    open: BTreeMap<u32, u32>,
}

impl Session {
    /// A connection of which nothing has been seen.
    pub fn new() -> Self {
        Self::default()
    }

    fn message(&mut self, direction: Direction, row: u32, header: &Header, found: &mut Vec<Observation>) {
        let side = direction.index();
        let lost_any = self.lost.iter().any(|&lost| lost);
        let channel = self.channels.entry(header.channel).or_default();
        let mut problem = |code, text| found.push(Observation::Problem { row, code, text });
        if header.flags.contains(Flags::REPLY) {
            let requests = channel.sides.get_mut(1 - side).map(|side| &mut side.open);
            match requests.and_then(|open| open.remove(&header.sequence)) {
                Some(to) => found.push(Observation::Reply { row, to }),
                None if lost_any => {}
                None => problem(
                    Code::ReplyToNothing,
                    format!(
                        "no open request of channel {} has the sequence {}",
                        header.channel, header.sequence
                    ),
                ),
            }
            return;
        }
        let Some(sender) = channel.sides.get_mut(side) else { return };
        if let Some(expected) = sender.next_sequence
            && expected != header.sequence
        {
            problem(
                Code::SequenceJump,
                format!(
                    "the next sequence of channel {} in this direction is {expected}; this one is {}",
                    header.channel, header.sequence
                ),
            );
        }
        sender.next_sequence = Some(header.sequence.wrapping_add(1));
        if header.kind.asks_for_reply() {
            match sender.open.entry(header.sequence) {
                Entry::Vacant(entry) => {
                    entry.insert(row);
                }
                Entry::Occupied(mut entry) => {
                    let unanswered = entry.insert(row);
                    found.push(unanswered_request(unanswered));
                }
            }
        }
        let mut problem = |code, text| found.push(Observation::Problem { row, code, text });
        match header.kind {
            Kind::LOGIN => {
                // A LOGIN opens the channel anew after a LOGOUT.
                channel.login_seen = true;
                channel.logout_seen = false;
            }
            _ if channel.logout_seen => problem(
                Code::DataAfterLogout,
                format!("channel {} was closed by a LOGOUT before", header.channel),
            ),
            _ if !channel.login_seen && !lost_any => problem(
                Code::DataBeforeLogin,
                format!("channel {} had no LOGIN before this", header.channel),
            ),
            _ => {}
        }
        if header.kind == Kind::LOGOUT {
            channel.logout_seen = true;
        }
    }
}

fn unanswered_request(row: u32) -> Observation {
    let text = "no reply to this request was seen".into();
    Observation::Problem { row, code: Code::Unanswered, text }
}

impl Observer for Session {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        match event {
            Event::Message { direction, row, bytes } => {
                if let Some(header) = Header::read_unchecked(bytes) {
                    self.message(direction, row, &header, found);
                }
            }
            Event::Loss { direction } => {
                if let Some(lost) = self.lost.get_mut(direction.index()) {
                    *lost = true;
                }
            }
        }
    }

    fn finish(&mut self, found: &mut Vec<Observation>) {
        for side in self.channels.values_mut().flat_map(|channel| &mut channel.sides) {
            found.extend(core::mem::take(&mut side.open).into_values().map(unanswered_request));
        }
    }
}
