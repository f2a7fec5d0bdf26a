//! What only the sequence of frames shows: numbering, LOGIN first, LOGOUT last, which reply answers which request.

use alloc::collections::BTreeMap;
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
    /// Messages without an answer yet, by sequence number, and whether they ask for one.
    open: BTreeMap<u32, (u32, bool)>,
    /// Replies to requests that were not seen yet, by sequence number: a capture may have them the wrong way round.
    early: BTreeMap<u32, u32>,
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
        if header.flags.contains(Flags::REPLY) {
            let Some(asker) = channel.sides.get_mut(1 - side) else { return };
            match asker.open.remove(&header.sequence) {
                Some((to, _)) => found.push(Observation::Reply { row, to }),
                None => {
                    if let Some(other) = asker.early.insert(header.sequence, row)
                        && !lost_any
                    {
                        found.push(reply_to_nothing(other, header.channel, header.sequence));
                    }
                }
            }
            return;
        }
        let Some(sender) = channel.sides.get_mut(side) else { return };
        if let Some(expected) = sender.next_sequence
            && expected != header.sequence
        {
            let text = format!(
                "the next sequence of channel {} in this direction is {expected}; this one is {}",
                header.channel, header.sequence
            );
            found.push(Observation::Problem { row, code: Code::SequenceJump, text });
        }
        sender.next_sequence = Some(header.sequence.wrapping_add(1));
        if let Some(reply) = sender.early.remove(&header.sequence) {
            found.push(Observation::Reply { row: reply, to: row });
        } else if let Some(before) = sender.open.insert(header.sequence, (row, header.kind.asks_for_reply()))
        {
            found.extend(unanswered(before));
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
            _ if !channel.login_seen && !lost_any => {
                problem(Code::DataBeforeLogin, format!("channel {} had no LOGIN before this", header.channel))
            }
            _ => {}
        }
        if header.kind == Kind::LOGOUT {
            channel.logout_seen = true;
        }
    }
}

fn unanswered((row, asks): (u32, bool)) -> Option<Observation> {
    let text = "no reply to this request was seen".into();
    asks.then_some(Observation::Problem { row, code: Code::Unanswered, text })
}

fn reply_to_nothing(row: u32, channel: u16, sequence: u32) -> Observation {
    let text = format!("no open request of channel {channel} has the sequence {sequence}");
    Observation::Problem { row, code: Code::ReplyToNothing, text }
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
        let lost_any = self.lost.iter().any(|&lost| lost);
        for (&number, channel) in &mut self.channels {
            for side in &mut channel.sides {
                found.extend(core::mem::take(&mut side.open).into_values().filter_map(unanswered));
                for (sequence, row) in core::mem::take(&mut side.early) {
                    if !lost_any {
                        found.push(reply_to_nothing(row, number, sequence));
                    }
                }
            }
        }
    }
}
