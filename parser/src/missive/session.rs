//! What only the sequence of frames shows: numbering, LOGIN first, LOGOUT last, which reply answers which request, and
//! which DATA goes on with the content of another.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::header::{Flags, Header, Kind};
use crate::{Code, Direction, Event, Observation, Observer};

/// Watches the frames of one connection, channel by channel.
///
/// Once anything was lost, a LOGIN or a request may be among it: then nothing is said of a missing one. A jump of
/// the numbers is always told, as it says how much is missing.
///
/// ```
/// use framescope_parser::{Captured, Direction, Event, Observation, Observer};
/// use framescope_parser::missive::{FrameBuf, Kind, Session};
///
/// let login = FrameBuf::new(Kind::LOGIN).payload(b"\0\x03ada\0\0").to_bytes()?;
/// let ack = FrameBuf::new(Kind::ACK).reply_to(0, 0).to_bytes()?;
/// let late = FrameBuf::new(Kind::DATA).sequence(9).to_bytes()?;
/// let (mut session, mut found) = (Session::new(), Vec::new());
/// let sent = [(Direction::Forward, login, 1_000), (Direction::Backward, ack, 1_250), (Direction::Forward, late, 2_000)];
/// for (row, (direction, bytes, time)) in (0..).zip(&sent) {
///     let (direction, time_ns) = (*direction, Some(*time));
///     let bytes = Captured::whole(bytes);
///     session.observe(Event::Message { direction, row, time_ns, bytes }, &mut found);
/// }
/// session.finish(&mut found);
/// assert_eq!(found[0], Observation::Reply { row: 1, to: 0, latency_ns: Some(250) });
/// let said: Vec<String> = found[1..].iter().map(|one| match one {
///     Observation::Problem { row, code, .. } => format!("{row} {code}"),
///     other => panic!("{other:?}"),
/// }).collect();
/// assert_eq!(said, ["2 sequence-jump", "2 unanswered"]);
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Session {
    channels: BTreeMap<u16, Box<Channel>>,
    /// How often something was lost, by direction.
    losses: [u64; 2],
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
    open: Open,
    /// Replies to requests that were not seen yet, by sequence number: a capture may have them the wrong way round.
    early: BTreeMap<u32, Sent>,
    content: Option<Content>,
}

/// Messages without an answer. Most are answered before the next is sent: the newest stands beside the others.
#[derive(Debug, Default)]
struct Open {
    newest: Option<(u32, (Sent, bool))>,
    others: BTreeMap<u32, (Sent, bool)>,
}

impl Open {
    /// Gives the one that had the number before.
    fn insert(&mut self, sequence: u32, sent: (Sent, bool)) -> Option<(Sent, bool)> {
        let before = self.remove(sequence);
        if let Some((sequence, sent)) = self.newest.replace((sequence, sent)) {
            self.others.insert(sequence, sent);
        }
        before
    }

    fn remove(&mut self, sequence: u32) -> Option<(Sent, bool)> {
        match self.newest.take_if(|(newest, _)| *newest == sequence) {
            Some((_, sent)) => Some(sent),
            None => self.others.remove(&sequence),
        }
    }

    /// All, by their numbers.
    fn take(&mut self) -> impl Iterator<Item = (Sent, bool)> + use<> {
        self.others.extend(self.newest.take());
        core::mem::take(&mut self.others).into_values()
    }
}

/// A message's name for the caller, and when it was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    row: u32,
    time_ns: Option<i64>,
}

/// Content whose last part has not come.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// The direction's losses when it was said last. After another the next part, or the last, may be lost.
    losses: u64,
    first: u32,
    last: u32,
    bytes: u64,
}

impl Session {
    /// A connection of which nothing has been seen.
    pub fn new() -> Self {
        Self::default()
    }

    fn message(&mut self, direction: Direction, sent: Sent, header: &Header, found: &mut Vec<Observation>) {
        let (side, row) = (direction.index(), sent.row);
        let lost_any = self.losses != [0; 2];
        let losses = self.losses.get(side).copied().unwrap_or_default();
        let channel = self.channels.entry(header.channel).or_default();
        if header.flags.contains(Flags::REPLY) {
            let Some(asker) = channel.sides.get_mut(1 - side) else { return };
            match asker.open.remove(header.sequence) {
                Some((request, _)) => found.push(reply(sent, request)),
                None => {
                    if let Some(other) = asker.early.insert(header.sequence, sent)
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
        if let Some(early) = sender.early.remove(&header.sequence) {
            found.push(reply(early, sent));
        } else if let Some(before) = sender.open.insert(header.sequence, (sent, header.kind.asks_for_reply()))
        {
            found.extend(unanswered(before));
        }
        match header.kind {
            Kind::DATA => found.extend(sender.part(row, header, losses)),
            // Whoever leaves or comes anew says no more of what was begun.
            Kind::LOGIN | Kind::LOGOUT => found.extend(sender.unfinished(losses)),
            _ => {}
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

impl Side {
    /// Takes a DATA, and says which content it goes on with.
    fn part(&mut self, row: u32, header: &Header, losses: u64) -> Option<Observation> {
        let begun = self.take_content(losses);
        let before = begun.map_or(0, |content| content.bytes);
        if header.flags.contains(Flags::MORE) {
            let first = begun.map_or(row, |content| content.first);
            let bytes = before.saturating_add(header.payload_length.into());
            self.content = Some(Content { losses, first, last: row, bytes });
        }
        Some(Observation::Part { row, first: begun?.first, offset: before })
    }

    fn take_content(&mut self, losses: u64) -> Option<Content> {
        self.content.take().filter(|content| content.losses == losses)
    }

    /// Says of content that was begun that no more of it came.
    fn unfinished(&mut self, losses: u64) -> Option<Observation> {
        let content = self.take_content(losses)?;
        let text =
            format!("{} bytes of content were sent, and MORE was said, but no part follows", content.bytes);
        Some(Observation::Problem { row: content.last, code: Code::Unfinished, text })
    }
}

fn reply(reply: Sent, request: Sent) -> Observation {
    let times = reply.time_ns.zip(request.time_ns);
    let latency_ns = times.map(|(reply, request)| reply.saturating_sub(request));
    Observation::Reply { row: reply.row, to: request.row, latency_ns }
}

fn unanswered((request, asks): (Sent, bool)) -> Option<Observation> {
    let text = "no reply to this request was seen".into();
    asks.then_some(Observation::Problem { row: request.row, code: Code::Unanswered, text })
}

fn reply_to_nothing(reply: Sent, channel: u16, sequence: u32) -> Observation {
    let text = format!("no open request of channel {channel} has the sequence {sequence}");
    Observation::Problem { row: reply.row, code: Code::ReplyToNothing, text }
}

impl Observer for Session {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        match event {
            Event::Message { direction, row, time_ns, bytes } => {
                if let Some(header) = Header::read_unchecked(bytes.beginning()) {
                    self.message(direction, Sent { row, time_ns }, &header, found);
                }
            }
            Event::Loss { direction } => {
                if let Some(losses) = self.losses.get_mut(direction.index()) {
                    *losses += 1;
                }
            }
        }
    }

    fn finish(&mut self, found: &mut Vec<Observation>) {
        let lost_any = self.losses != [0; 2];
        for (&number, channel) in &mut self.channels {
            for (side, losses) in channel.sides.iter_mut().zip(self.losses) {
                found.extend(side.open.take().filter_map(unanswered));
                found.extend(side.unfinished(losses));
                for (sequence, reply) in core::mem::take(&mut side.early) {
                    if !lost_any {
                        found.push(reply_to_nothing(reply, number, sequence));
                    }
                }
            }
        }
    }
}
