//! What only the sequence of frames shows.

use Direction::{Backward, Forward};
use alloc::vec;
use alloc::vec::Vec;

use super::super::*;
use crate::{Direction, Event, Observation};

fn observe(messages: &[(Direction, Vec<u8>)]) -> Vec<Observation> {
    let (mut session, mut found) = (Session::new(), vec![]);
    for (row, (direction, bytes)) in messages.iter().enumerate() {
        session.observe(
            Event::Message {
                direction: *direction,
                row: row as u32,
                time_ns: None,
                bytes: crate::Captured::whole(bytes),
            },
            &mut found,
        );
    }
    session.finish(&mut found);
    found
}

fn short(observations: Vec<Observation>) -> Vec<(u32, &'static str, u32)> {
    let brief = |observation| match observation {
        Observation::Problem { row, code, .. } => (row, code.as_str(), 0),
        Observation::Reply { row, to, .. } => (row, "reply", to),
        Observation::Part { row, first, .. } => (row, "part", first),
    };
    observations.into_iter().map(brief).collect()
}

#[test]
fn a_session_in_order_has_its_replies_and_no_problem() {
    let frame =
        |kind, sequence, flags| FrameBuf::new(kind).sequence(sequence).flags(flags).to_bytes().unwrap();
    let none = Flags::default();
    let found = observe(&[
        (Forward, frame(Kind::LOGIN, u32::MAX, none)),
        (Backward, frame(Kind::ACK, u32::MAX, Flags::REPLY)),
        (Forward, frame(Kind::DATA, 0, none)),
        (Forward, frame(Kind::PING, 1, none)),
        (Backward, frame(Kind::PONG, 1, Flags::REPLY)),
        (Backward, frame(Kind::ERROR, 0, Flags::REPLY)),
        (Forward, frame(Kind::LOGOUT, 2, none)),
        (Backward, frame(Kind::ACK, 2, Flags::REPLY)),
    ]);
    assert_eq!(short(found), [(1, "reply", 0), (4, "reply", 3), (5, "reply", 2), (7, "reply", 6)]);
}

#[test]
fn a_session_out_of_order_says_what_is_wrong() {
    let frame =
        |kind, sequence, flags| FrameBuf::new(kind).sequence(sequence).flags(flags).to_bytes().unwrap();
    let none = Flags::default();
    let found = observe(&[
        (Forward, frame(Kind::DATA, 1, none)),
        (Forward, frame(Kind::LOGIN, 2, none)),
        (Forward, frame(Kind::LOGOUT, 4, none)),
        (Backward, frame(Kind::ACK, 9, Flags::REPLY)),
        (Forward, frame(Kind::PING, 5, none)),
    ]);
    let expected = [
        (0, "data-before-login", 0),
        (2, "sequence-jump", 0),
        (4, "data-after-logout", 0),
        (0, "unanswered", 0),
        (1, "unanswered", 0),
        (2, "unanswered", 0),
        (4, "unanswered", 0),
        (3, "reply-to-nothing", 0),
    ];
    assert_eq!(short(found), expected);
}

fn frame(kind: Kind, sequence: u32, flags: Flags) -> Vec<u8> {
    FrameBuf::new(kind).sequence(sequence).flags(flags).to_bytes().unwrap()
}

/// What a session reports of messages and losses; the rows are their places in the list.
fn watch(events: &[Option<(Direction, Vec<u8>)>]) -> Vec<(u32, &'static str, u32)> {
    let (mut session, mut found) = (Session::new(), vec![]);
    for (row, event) in (0..).zip(events) {
        let event = match event {
            Some((direction, bytes)) => Event::Message {
                direction: *direction,
                row,
                time_ns: None,
                bytes: crate::Captured::whole(bytes),
            },
            None => Event::Loss { direction: Forward },
        };
        session.observe(event, &mut found);
    }
    session.finish(&mut found);
    short(found)
}

#[test]
fn the_parts_of_long_content_are_reported_and_so_is_where_it_stops() {
    let data = |sequence, flags| Some((Forward, frame(Kind::DATA, sequence, flags)));
    let (more, none) = (Flags::MORE, Flags::default());
    let problems = |events: &[Option<(Direction, Vec<u8>)>]| {
        let mut found = watch(events);
        found.retain(|(_, what, _)| !matches!(*what, "unanswered" | "data-before-login"));
        found
    };
    // Two contents, the first of three parts; a PING and a reply between them are not parts.
    let ping = Some((Forward, frame(Kind::PING, 2, none)));
    let reply = Some((Forward, frame(Kind::DATA, 9, Flags::REPLY)));
    let found = problems(&[data(0, more), data(1, more), ping, reply, data(3, none), data(4, none)]);
    assert_eq!(found, [(1, "part", 0), (4, "part", 0), (3, "reply-to-nothing", 0)]);
    // It stops at a LOGOUT, a LOGIN and the end, and is reported at its last part.
    let logout = Some((Forward, frame(Kind::LOGOUT, 2, none)));
    assert_eq!(problems(&[data(0, more), data(1, more), logout]), [(1, "part", 0), (1, "unfinished", 0)]);
    let login = Some((Forward, frame(Kind::LOGIN, 1, none)));
    assert_eq!(problems(&[data(0, more), login.clone()]), [(0, "unfinished", 0)]);
    assert_eq!(problems(&[data(0, more), login, data(2, none)]), [(0, "unfinished", 0)]);
    assert_eq!(problems(&[data(0, more)]), [(0, "unfinished", 0)]);
    // After a loss it is unknown whether the next part, or the last, was among it.
    assert_eq!(problems(&[data(0, more), None, data(1, none)]), []);
    assert_eq!(problems(&[data(0, more), None]), []);
    // What the other side sends on the channel is not part of it.
    let theirs = Some((Backward, frame(Kind::DATA, 7, none)));
    assert_eq!(problems(&[data(0, more), theirs, data(1, none)]), [(2, "part", 0)]);
}

#[test]
fn parts_and_replies_say_where_and_when() {
    let part = |sequence, payload: &str, flags| {
        FrameBuf::new(Kind::DATA).sequence(sequence).flags(flags).payload(payload).to_bytes().unwrap()
    };
    let messages = [
        (Forward, part(0, "one", Flags::MORE), Some(100)),
        (Forward, part(1, "three", Flags::MORE), Some(200)),
        (Backward, frame(Kind::ACK, 1, Flags::REPLY), Some(150)),
        (Forward, part(2, "", Flags::default()), None),
        (Backward, frame(Kind::ACK, 2, Flags::REPLY), Some(400)),
        (Backward, frame(Kind::ACK, 0, Flags::REPLY), Some(1_000)),
    ];
    let (mut session, mut found) = (Session::new(), vec![]);
    for (row, (direction, bytes, time_ns)) in (0..).zip(&messages) {
        let (direction, time_ns) = (*direction, *time_ns);
        session.observe(
            Event::Message { direction, row, time_ns, bytes: crate::Captured::whole(bytes) },
            &mut found,
        );
    }
    found.retain(|one| !matches!(one, Observation::Problem { .. }));
    let expected = [
        Observation::Part { row: 1, first: 0, offset: 3 },
        // A capture may have them in the wrong order.
        Observation::Reply { row: 2, to: 1, latency_ns: Some(-50) },
        Observation::Part { row: 3, first: 0, offset: 8 },
        Observation::Reply { row: 4, to: 3, latency_ns: None },
        Observation::Reply { row: 5, to: 0, latency_ns: Some(900) },
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_reply_before_its_request_is_matched_and_a_second_one_is_to_nothing() {
    let ack = Some((Backward, frame(Kind::ACK, 0, Flags::REPLY)));
    let login = Some((Forward, frame(Kind::LOGIN, 0, Flags::default())));
    assert_eq!(watch(&[ack.clone(), login.clone()]), [(0, "reply", 1)]);
    assert_eq!(watch(&[ack.clone(), ack.clone(), login]), [(0, "reply-to-nothing", 0), (1, "reply", 2)]);
    // After a loss it is unknown what it replies to.
    assert_eq!(watch(&[None, ack.clone(), ack]), []);
}

#[test]
fn a_request_whose_number_is_reused_was_not_answered() {
    let ping = |sequence| Some((Forward, frame(Kind::PING, sequence, Flags::default())));
    let login = Some((Forward, frame(Kind::LOGIN, 0, Flags::default())));
    let ack = Some((Backward, frame(Kind::ACK, 0, Flags::REPLY)));
    let pong = Some((Backward, frame(Kind::PONG, 1, Flags::REPLY)));
    let found = watch(&[login, ack, ping(1), ping(1), pong]);
    assert_eq!(found, [(1, "reply", 0), (3, "sequence-jump", 0), (2, "unanswered", 0), (4, "reply", 3)]);
}

#[test]
fn a_login_opens_a_channel_again_and_channels_are_each_their_own() {
    let on = |channel, kind, sequence| {
        let bytes = FrameBuf::new(kind).channel(channel).sequence(sequence).to_bytes().unwrap();
        Some((Forward, bytes))
    };
    let (login, logout, data) = (Kind::LOGIN, Kind::LOGOUT, Kind::DATA);
    let mut found = watch(&[
        on(1, login, 0),
        on(1, logout, 1),
        on(1, login, 2),
        on(1, data, 3),
        on(2, data, 0),
        on(1, logout, 4),
        on(1, data, 5),
    ]);
    found.retain(|(_, what, _)| *what != "unanswered");
    assert_eq!(found, [(4, "data-before-login", 0), (6, "data-after-logout", 0)]);
}
