//! What only the sequence of frames shows: numbering, LOGIN first, LOGOUT last, which reply belongs to which request,
//! and which DATA continues the content of another.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::header::{Flags, Header, Kind};
use super::waiting::{Sent, Slot, Waiting};
use crate::{Code, Direction, Event, Observation, Observer, Sentence};

/// Watches the frames of one connection, channel by channel.
///
/// Once anything was lost, a LOGIN or a request may be among it: then a missing one is not reported. A jump in the
/// numbers is always reported, as it shows how much is missing.
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
    /// The channel that was seen first and its number: most connections have no other.
    first: Option<(u16, Channel)>,
    others: BTreeMap<u16, Box<Channel>>,
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
    /// The last message, by its sequence number, if it has no reply. Most get one before the next is sent.
    newest: Option<(u32, Slot)>,
    /// What few connections have.
    pending: Option<Box<Pending>>,
}

#[derive(Debug, Default)]
struct Pending {
    /// Messages without a reply yet, except the newest.
    open: Waiting,
    /// Replies to requests that were not seen yet: a capture may have them in the wrong order.
    early: Waiting,
    content: Option<Content>,
}

/// Content whose last part has not arrived.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// The direction's losses at its last part. After another loss the next part, or the last, may be missing.
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
        let (side, row, sequence) = (direction.index(), sent.row, header.sequence);
        let lost_any = self.losses != [0; 2];
        let losses = self.losses.get(side).copied().unwrap_or_default();
        let first = self.first.get_or_insert_with(|| (header.channel, Channel::default()));
        let channel = match first.0 == header.channel {
            true => &mut first.1,
            false => &mut **self.others.entry(header.channel).or_default(),
        };
        if header.flags.contains(Flags::REPLY) {
            let Some(asker) = channel.sides.get_mut(1 - side) else { return };
            match asker.answered(sequence) {
                Some(request) => found.push(reply(sent, request)),
                None => {
                    if let Some(other) = asker.pending().early.insert(sequence, sent.into())
                        && !lost_any
                    {
                        found.push(reply_to_nothing(other.into(), header.channel, sequence));
                    }
                }
            }
            return;
        }
        let Some(sender) = channel.sides.get_mut(side) else { return };
        if let Some(expected) = sender.next_sequence
            && expected != sequence
        {
            let text =
                Sentence::new("the next sequence of channel {} in this direction is {}; this one is {}");
            let text = text.with([header.channel.into(), expected.into(), sequence.into()]);
            found.push(Observation::Problem { row, code: Code::SequenceJump, text });
        }
        sender.next_sequence = Some(sequence.wrapping_add(1));
        if let Some(early) = sender.pending.as_mut().and_then(|pending| pending.early.remove(sequence)) {
            found.push(reply(early.into(), sent));
        } else if let Some(before) = sender.await_reply(sequence, sent) {
            found.extend(unanswered(before));
        }
        match header.kind {
            Kind::DATA => found.extend(sender.part(row, header, losses)),
            // A new LOGIN, or a LOGOUT, ends the content that was begun.
            Kind::LOGIN | Kind::LOGOUT => found.extend(sender.unfinished(losses)),
            _ => {}
        }
        let mut problem = |code, text| found.push(Observation::Problem { row, code, text });
        match header.kind {
            Kind::LOGIN => {
                // A LOGIN reopens the channel after a LOGOUT.
                channel.login_seen = true;
                channel.logout_seen = false;
            }
            _ if channel.logout_seen => problem(
                Code::DataAfterLogout,
                Sentence::new("channel {} was closed by a LOGOUT before").with([header.channel.into()]),
            ),
            _ if !channel.login_seen && !lost_any => problem(
                Code::DataBeforeLogin,
                Sentence::new("channel {} had no LOGIN before this").with([header.channel.into()]),
            ),
            _ => {}
        }
        if header.kind == Kind::LOGOUT {
            channel.logout_seen = true;
        }
    }
}

impl Channel {
    fn finish(&mut self, number: u16, losses: [u64; 2], report: &mut dyn FnMut(Observation)) {
        for (side, side_losses) in self.sides.iter_mut().zip(losses) {
            let newest = side.newest.take();
            let Some(pending) = &mut side.pending else {
                newest.and_then(|(_, slot)| unanswered(slot.into())).into_iter().for_each(&mut *report);
                continue;
            };
            newest.into_iter().for_each(|(sequence, slot)| pending.open.add(sequence, slot));
            pending.open.take().filter_map(|(_, slot)| unanswered(slot.into())).for_each(&mut *report);
            let early = pending.early.take();
            side.unfinished(side_losses).into_iter().for_each(&mut *report);
            if losses == [0; 2] {
                early.for_each(|(sequence, slot)| report(reply_to_nothing(slot.into(), number, sequence)));
            }
        }
    }
}

impl Side {
    fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    /// A message waits for a reply. Returns the one that had its number before and waits.
    fn await_reply(&mut self, sequence: u32, sent: Sent) -> Option<Sent> {
        let before = self.answered(sequence);
        if let Some((number, slot)) = self.newest.replace((sequence, sent.into())) {
            self.pending().open.add(number, slot);
        }
        before
    }

    /// The message with this number no longer waits for a reply.
    fn answered(&mut self, sequence: u32) -> Option<Sent> {
        let newest = self.newest.take_if(|(newest, _)| *newest == sequence).map(|(_, slot)| slot);
        newest.or_else(|| self.pending.as_mut()?.open.remove(sequence)).map(Sent::from)
    }

    /// Takes a DATA, and reports which content it continues.
    fn part(&mut self, row: u32, header: &Header, losses: u64) -> Option<Observation> {
        let begun = self.take_content(losses);
        let before = begun.map_or(0, |content| content.bytes);
        if header.flags.contains(Flags::MORE) {
            let first = begun.map_or(row, |content| content.first);
            let bytes = before.saturating_add(header.payload_length.into());
            self.pending().content = Some(Content { losses, first, last: row, bytes });
        }
        Some(Observation::Part { row, first: begun?.first, offset: before })
    }

    fn take_content(&mut self, losses: u64) -> Option<Content> {
        self.pending.as_mut()?.content.take().filter(|content| content.losses == losses)
    }

    /// Reports content that was begun and not continued.
    fn unfinished(&mut self, losses: u64) -> Option<Observation> {
        let content = self.take_content(losses)?;
        let text = Sentence::new("{} bytes of content were sent, and MORE was said, but no part follows");
        let text = text.with([content.bytes]);
        Some(Observation::Problem { row: content.last, code: Code::Unfinished, text })
    }
}

fn reply(reply: Sent, request: Sent) -> Observation {
    let times = reply.time_ns.zip(request.time_ns);
    let latency_ns = times.map(|(reply, request)| reply.saturating_sub(request));
    Observation::Reply { row: reply.row, to: request.row, latency_ns }
}

fn unanswered(request: Sent) -> Option<Observation> {
    let text = Sentence::new("no reply to this request was seen");
    request.needs_reply.then_some(Observation::Problem { row: request.row, code: Code::Unanswered, text })
}

fn reply_to_nothing(reply: Sent, channel: u16, sequence: u32) -> Observation {
    let text = Sentence::new("no open request of channel {} has the sequence {}");
    let text = text.with([channel.into(), sequence.into()]);
    Observation::Problem { row: reply.row, code: Code::ReplyToNothing, text }
}

impl Observer for Session {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        match event {
            Event::Message { direction, row, time_ns, bytes } => {
                if let Some(header) = Header::read_unchecked(bytes.beginning()) {
                    let needs_reply = header.kind.asks_for_reply();
                    self.message(direction, Sent { row, time_ns, needs_reply }, &header, found);
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
        self.finish_each(&mut |one| found.push(one));
    }

    fn finish_each(&mut self, report: &mut dyn FnMut(Observation)) {
        let losses = self.losses;
        let Some((number, channel)) = &mut self.first else { return };
        self.others.range_mut(..*number).for_each(|(number, other)| other.finish(*number, losses, report));
        channel.finish(*number, losses, report);
        self.others.range_mut(*number..).for_each(|(number, other)| other.finish(*number, losses, report));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Captured;
    use crate::missive::FrameBuf;

    #[test]
    fn a_session_is_small_and_keeps_nothing_beside_itself_while_each_request_is_answered() {
        assert!(size_of::<Session>() <= 200, "{}", size_of::<Session>());
        assert!(size_of::<Observation>() <= 80, "{}", size_of::<Observation>());
        let (mut session, mut found) = (Session::new(), Vec::new());
        let mut say = |direction, row, kind, flags| {
            let bytes = FrameBuf::new(kind).sequence(row / 2).flags(flags).to_bytes().unwrap();
            let bytes = Captured::whole(&bytes);
            session.observe(Event::Message { direction, row, time_ns: None, bytes }, &mut found);
        };
        for row in (0..100).step_by(2) {
            let kind = if row == 0 { Kind::LOGIN } else { Kind::PING };
            say(Direction::Forward, row, kind, Flags::default());
            say(Direction::Backward, row + 1, Kind::ACK, Flags::REPLY);
        }
        say(Direction::Forward, 100, Kind::PING, Flags::default());
        assert_eq!(found.len(), 50);
        assert!(session.others.is_empty());
        let (_, channel) = session.first.as_ref().unwrap();
        assert!(channel.sides.iter().all(|side| side.pending.is_none()));
        let mut found = Vec::new();
        session.finish_each(&mut |one| found.push(one));
        assert!(matches!(found[..], [Observation::Problem { row: 100, code: Code::Unanswered, .. }]));
    }
}
