//! The session machine reports of a conversation what a model reports that keeps every frame and searches all of them;
//! long content is reassembled as it was cut.

use std::collections::BTreeMap;

use framescope_parser::missive::{Assembly, Flags, Header, Item, Kind, Missive, RawFrame, Session};
use framescope_parser::{Captured, Code, Direction, Event, Observation, Observer, SpanType};

use crate::decode::{MISSIVE, bytes_of};
use crate::spans;

/// Takes `data` as the frames of a conversation in their order. The lowest bit of the header's check, which is as good
/// as random, decides the side that sent a frame, and what is not a frame is a loss.
pub fn session(data: &[u8]) {
    let missive: &Missive = &MISSIVE[0];
    let (mut session, mut found) = (Session::new(), Vec::new());
    let mut model = Model::default();
    for (row, span) in (0u32..).zip(spans(missive, data, &[])) {
        let bytes = bytes_of(&span, data);
        let header = RawFrame::new(bytes).header();
        let side = header.map_or(0, |header| header.header_check & 1);
        let direction = if side == 0 { Direction::Forward } else { Direction::Backward };
        if span.span_type == SpanType::Message {
            let time_ns = (row % 7 != 6).then(|| i64::from(row) * 1000);
            session.observe(
                Event::Message { direction, row, time_ns, bytes: Captured::whole(bytes) },
                &mut found,
            );
            model.message(direction, row, time_ns, &header.expect("it is a message"));
        } else {
            session.observe(Event::Loss { direction }, &mut found);
            model.losses[direction.index()] += 1;
        }
    }
    session.finish(&mut found);
    model.finish();
    let mut found: Vec<Reported> = found.iter().map(reported).collect();
    // The order of what is reported at the end does not matter.
    found.sort();
    model.found.sort();
    assert_eq!(found, model.found, "the session, and the model");
    assembled(data);
    // Any bytes may be called a message.
    let (mut session, mut found) = (Session::new(), Vec::new());
    session.observe(
        Event::Message { direction: Direction::Forward, row: 0, time_ns: None, bytes: Captured::whole(data) },
        &mut found,
    );
    session.finish(&mut found);
}

/// Reassembled long content is the payloads of its parts, and what is buffered of it stays within the limit.
fn assembled(data: &[u8]) {
    const LIMIT: usize = 100;
    let mut assembly = Assembly::new(LIMIT);
    let mut kept: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    for received in MISSIVE[0].frames(data) {
        let Item::Frame(frame) = received.item else { continue };
        let found = assembly.push(&frame);
        if frame.kind != Kind::DATA || frame.flags.contains(Flags::REPLY) {
            assert_eq!(found, Ok(None));
            continue;
        }
        let more = frame.flags.contains(Flags::MORE);
        let begun = kept.remove(&frame.channel);
        let is_part = more || begun.is_some();
        let whole = [begun.unwrap_or_default(), frame.payload.to_vec()].concat();
        let others: usize = kept.values().map(Vec::len).sum();
        if is_part && others + whole.len() > LIMIT {
            assert!(found.is_err(), "{} bytes are buffered", others + whole.len());
        } else if more {
            assert_eq!(found, Ok(None));
            kept.insert(frame.channel, whole);
        } else {
            assert_eq!(found.expect("it is within the limit").as_deref(), Some(&whole[..]));
        }
        assert_eq!(assembly.is_open(), !kept.is_empty());
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reported {
    Problem(u32, Code),
    Reply(u32, u32, Option<i64>),
    Part(u32, u32, u64),
}

fn reported(one: &Observation) -> Reported {
    match one {
        Observation::Problem { row, code, text } => {
            assert!(!text.is_empty());
            Reported::Problem(*row, *code)
        }
        Observation::Reply { row, to, latency_ns } => Reported::Reply(*row, *to, *latency_ns),
        Observation::Part { row, first, offset } => Reported::Part(*row, *first, *offset),
    }
}

/// A frame that was seen.
struct Seen {
    side: usize,
    row: u32,
    time_ns: Option<i64>,
    header: Header,
    /// Whether it has a reply, or a request if it is a reply; or another one took its number.
    done: bool,
    /// How often its side had lost something before it.
    losses: u64,
}

#[derive(Default)]
struct Model {
    seen: Vec<Seen>,
    losses: [u64; 2],
    found: Vec<Reported>,
}

impl Seen {
    fn is_reply(&self) -> bool {
        self.header.flags.contains(Flags::REPLY)
    }

    fn needs_reply(&self) -> bool {
        [Kind::LOGIN, Kind::LOGOUT, Kind::DATA, Kind::PING].contains(&self.header.kind)
    }

    fn is_of(&self, side: usize, header: &Header) -> bool {
        self.side == side && self.header.channel == header.channel
    }
}

impl Model {
    fn lost_any(&self) -> bool {
        self.losses != [0, 0]
    }

    fn message(&mut self, direction: Direction, row: u32, time_ns: Option<i64>, header: &Header) {
        let side = direction.index();
        let this = Seen { side, row, time_ns, header: *header, done: false, losses: self.losses[side] };
        let lost_any = self.lost_any();
        let same_number = |seen: &Seen| !seen.done && seen.header.sequence == header.sequence;
        if this.is_reply() {
            // Its request was sent by the other side, or will be.
            let request = self
                .seen
                .iter_mut()
                .rev()
                .find(|seen| seen.is_of(1 - side, header) && !seen.is_reply() && same_number(seen));
            if let Some(request) = request {
                request.done = true;
                self.found.push(reply(&this, request));
                self.seen.push(Seen { done: true, ..this });
                return;
            }
            let before = self
                .seen
                .iter_mut()
                .rev()
                .find(|seen| seen.is_of(side, header) && seen.is_reply() && same_number(seen));
            if let Some(before) = before {
                before.done = true;
                if !lost_any {
                    self.found.push(Reported::Problem(before.row, Code::ReplyToNothing));
                }
            }
            self.seen.push(this);
            return;
        }
        let before = self.seen.iter().rev().find(|seen| seen.is_of(side, header) && !seen.is_reply());
        if before.is_some_and(|before| before.header.sequence.wrapping_add(1) != header.sequence) {
            self.found.push(Reported::Problem(row, Code::SequenceJump));
        }
        let mut done = false;
        let early = self
            .seen
            .iter_mut()
            .rev()
            .find(|seen| seen.is_of(1 - side, header) && seen.is_reply() && same_number(seen));
        if let Some(early) = early {
            (early.done, done) = (true, true);
            self.found.push(reply(early, &this));
        } else if let Some(before) = self
            .seen
            .iter_mut()
            .rev()
            .find(|seen| seen.is_of(side, header) && !seen.is_reply() && same_number(seen))
        {
            before.done = true;
            if before.needs_reply() {
                self.found.push(Reported::Problem(before.row, Code::Unanswered));
            }
        }
        self.content(&this);
        let of_channel = |seen: &&Seen| seen.header.channel == header.channel && !seen.is_reply();
        let last = self
            .seen
            .iter()
            .rev()
            .filter(of_channel)
            .find(|seen| [Kind::LOGIN, Kind::LOGOUT].contains(&seen.header.kind));
        let any_login = self.seen.iter().filter(of_channel).any(|seen| seen.header.kind == Kind::LOGIN);
        if header.kind != Kind::LOGIN {
            if last.is_some_and(|last| last.header.kind == Kind::LOGOUT) {
                self.found.push(Reported::Problem(row, Code::DataAfterLogout));
            } else if !any_login && !lost_any {
                self.found.push(Reported::Problem(row, Code::DataBeforeLogin));
            }
        }
        self.seen.push(Seen { done, ..this });
    }

    /// The parts of the content that is open on a channel's side: the DATA with MORE that nothing has ended.
    fn parts(&self, side: usize, channel: u16) -> Vec<&Seen> {
        let of_side = |seen: &&Seen| {
            seen.side == side
                && seen.header.channel == channel
                && !seen.is_reply()
                && [Kind::DATA, Kind::LOGIN, Kind::LOGOUT].contains(&seen.header.kind)
        };
        let is_part = |seen: &&Seen| {
            seen.header.kind == Kind::DATA
                && seen.header.flags.contains(Flags::MORE)
                && seen.losses == self.losses[side]
        };
        let mut parts: Vec<&Seen> = self.seen.iter().rev().filter(of_side).take_while(is_part).collect();
        parts.reverse();
        parts
    }

    fn content(&mut self, this: &Seen) {
        let parts = self.parts(this.side, this.header.channel);
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
        let bytes = parts.iter().map(|part| u64::from(part.header.payload_length)).sum();
        let said = match this.header.kind {
            Kind::DATA => Reported::Part(this.row, first.row, bytes),
            Kind::LOGIN | Kind::LOGOUT => Reported::Problem(last.row, Code::Unfinished),
            _ => return,
        };
        self.found.push(said);
    }

    fn finish(&mut self) {
        let lost_any = self.lost_any();
        for seen in self.seen.iter().filter(|seen| !seen.done) {
            if seen.is_reply() && !lost_any {
                self.found.push(Reported::Problem(seen.row, Code::ReplyToNothing));
            } else if !seen.is_reply() && seen.needs_reply() {
                self.found.push(Reported::Problem(seen.row, Code::Unanswered));
            }
        }
        let mut channels: Vec<u16> = self.seen.iter().map(|seen| seen.header.channel).collect();
        channels.sort_unstable();
        channels.dedup();
        for (side, channel) in channels.into_iter().flat_map(|channel| [(0, channel), (1, channel)]) {
            if let Some(last) = self.parts(side, channel).last() {
                self.found.push(Reported::Problem(last.row, Code::Unfinished));
            }
        }
    }
}

fn reply(reply: &Seen, request: &Seen) -> Reported {
    let times = reply.time_ns.zip(request.time_ns);
    Reported::Reply(reply.row, request.row, times.map(|(reply, request)| reply - request))
}
