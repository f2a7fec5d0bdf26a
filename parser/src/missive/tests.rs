//! Each fault of the specification, made by hand, becomes the problem it should, and costs only what it must.

#![allow(clippy::cast_possible_truncation)]

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::{Framer, SpanType};

fn data(sequence: u32, text: &str) -> Vec<u8> {
    FrameBuf::new(Kind::DATA).sequence(sequence).flags(Flags::CHECKSUM).payload(text).to_bytes().unwrap()
}

fn spans(stream: &[u8]) -> Vec<(SpanType, usize)> {
    let mut out = vec![];
    let mut framer = Framer::default();
    let mut sink =
        |span: crate::Span, _: crate::Captured<'_, '_>| out.push((span.span_type, span.length as usize));
    framer.segment(&Missive::default(), stream, &mut sink);
    framer.end(&Missive::default(), &mut sink);
    out
}

fn codes(missive: &Missive, message: &[u8]) -> Vec<Code> {
    Dissection::of(missive, message).problems.iter().map(|problem| problem.code).collect()
}

fn raw(version: u8, kind: u8, flags: u16, extensions: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = Header {
        version,
        kind: Kind(kind),
        flags: Flags(flags),
        extensions_length: extensions.len() as u16,
        payload_length: payload.len() as u32,
        sequence: 1,
        channel: 2,
        header_check: 0,
    };
    [&header.to_bytes(), extensions, payload].concat()
}

#[test]
fn a_header_is_the_bytes_of_the_specification() {
    let bytes = FrameBuf::new(Kind::DATA).sequence(0x01020304).channel(5).payload("hi").to_bytes().unwrap();
    let expected = [0xF5, 0x4D, 1, 3, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 0, 5];
    assert_eq!(bytes[..18], expected);
    assert_eq!(bytes[20..], *b"hi");
}

#[test]
fn garbage_between_frames_is_one_skipped_run() {
    let (a, b) = (data(1, "one"), data(2, "two"));
    let garbage = b"\xF5\xF5\x4D\xF5\x4D garbage with half magics \xF5";
    let stream = [&a[..], garbage, &b].concat();
    let skipped = SpanType::Skipped(Code::NotAFrame);
    let message = SpanType::Message;
    assert_eq!(spans(&stream), [(message, a.len()), (skipped, garbage.len()), (message, b.len())]);
}

#[test]
fn a_corrupt_header_costs_its_frame_only() {
    let (mut a, b) = (data(1, "one"), data(2, "two"));
    a[9] ^= 0x40;
    let stream = [&a[..], &b].concat();
    let skipped = SpanType::Skipped(Code::HeaderCheckMismatch);
    assert_eq!(spans(&stream), [(skipped, a.len()), (SpanType::Message, b.len())]);
}

#[test]
fn a_false_length_that_the_checksum_exposes_costs_its_frame_only() {
    let (a, b, c) = (data(1, "one"), data(2, "two"), data(3, "three"));
    // The header is intact and claims the first 5 bytes of the next frame too.
    let mut header = Header::read(&a).unwrap();
    header.payload_length += 5;
    let stream = [&header.to_bytes()[..], &a[20..], &b, &c].concat();
    let found = spans(&stream);
    assert_eq!(found[0], (SpanType::Skipped(Code::LengthSuspect), 20));
    assert_eq!(found[1], (SpanType::Skipped(Code::NotAFrame), a.len() - 20));
    assert_eq!(found[2..], [(SpanType::Message, b.len()), (SpanType::Message, c.len())]);
}

#[test]
fn a_checksum_that_fails_before_another_frame_or_the_end_is_a_message_with_a_problem() {
    let (mut a, b) = (data(1, "one"), data(2, "two"));
    a[21] ^= 1;
    let message = SpanType::Message;
    assert_eq!(spans(&[&a[..], &b].concat()), [(message, a.len()), (message, b.len())]);
    assert_eq!(spans(&a), [(message, a.len())]);
    assert_eq!(codes(&Missive::default(), &a), [Code::ChecksumMismatch]);
}

#[test]
fn a_payload_over_the_limit_costs_its_header() {
    let b = data(2, "two");
    let huge = Header { payload_length: (16 << 20) + 1, ..Header::read(&b).unwrap() };
    let stream = [&huge.to_bytes()[..], &b].concat();
    assert_eq!(spans(&stream), [(SpanType::Skipped(Code::PayloadTooLong), 20), (SpanType::Message, b.len())]);
}

#[test]
fn a_cut_off_frame_is_partial_however_short() {
    let a = data(1, "one");
    for length in 2..a.len() {
        assert_eq!(spans(&a[..length]), [(SpanType::Partial, length)]);
    }
    assert_eq!(spans(&a[..1]), [(SpanType::Skipped(Code::NotAFrame), 1)]);
}

#[test]
fn what_a_cut_off_frame_lacks_is_no_problem() {
    let login = FrameBuf::of(Payload::Login { user: "ada", credential: b"secret" }).unwrap();
    let login = login.flags(Flags::CHECKSUM).to_bytes().unwrap();
    for length in 0..login.len() {
        assert_eq!(codes(&Missive::default(), &login[..length]), [], "{length} bytes");
    }
}

#[test]
fn faults_inside_a_frame() {
    let missive = Missive::default();
    let check = |expected: &[Code], bytes: Vec<u8>| {
        assert_eq!(codes(&missive, &bytes), expected, "{bytes:02x?}");
        assert_eq!(spans(&bytes), [(SpanType::Message, bytes.len())]);
    };
    check(&[Code::UnknownVersion], raw(2, 3, 0, b"", b"\xff"));
    check(&[Code::UnknownKind], raw(1, 0x2a, 0, b"", b""));
    check(&[], raw(1, 0x80, 0, b"", b"\xff"));
    check(&[Code::ReservedFlags], raw(1, 3, 0x8000, b"", b""));
    check(&[Code::ExtensionOverrun], raw(1, 3, 0, b"\x03\x00\x04abc", b""));
    check(&[Code::ExtensionOverrun], raw(1, 3, 0, b"\x03", b""));
    check(&[Code::ExtensionSize], raw(1, 3, 0, b"\x01\x00\x01a", b""));
    check(&[Code::ExtensionSize], raw(1, 3, 0, b"\x04\x00\x01a", b""));
    check(&[Code::InvalidUtf8], raw(1, 3, 0, b"\x03\x00\x01\xff", b""));
    check(&[Code::CriticalExtension], raw(1, 3, 0, b"\x90\x00\x01a", b""));
    check(&[Code::UnknownExtension], raw(1, 3, 0, b"\x10\x00\x01a", b""));
    check(&[], raw(1, 3, 0, b"\x81\x00\x08abcdefgh", b""));
    check(&[Code::PayloadOverrun], raw(1, 1, 0, b"", b"\x00\x04ada"));
    check(&[Code::PayloadOverrun], raw(1, 1, 0, b"", b""));
    check(&[Code::PayloadOverrun], raw(1, 1, 0, b"", b"\x00\x01a\x00"));
    check(&[Code::PayloadTrailing], raw(1, 1, 0, b"", b"\x00\x01a\x00\x00x"));
    check(&[Code::PayloadOverrun], raw(1, 5, 0, b"", b"\x00"));
    check(&[Code::InvalidUtf8], raw(1, 5, 0, b"", b"\x00\x01\xe4\xbd"));
    check(&[Code::InvalidUtf8], raw(1, 3, 0, b"", b"\xff"));
    check(&[], raw(1, 3, 0, b"\x02\x00\x09image/png", b"\xff"));
    check(&[Code::InvalidUtf8], raw(1, 3, 0, b"\x02\x00\x10application/json", b"\xff"));
    check(&[], raw(1, 6, 0, b"", &[0; 64]));
    check(&[Code::PingTooLong], raw(1, 7, 0, b"", &[0; 65]));
}

#[test]
fn tags_are_verified_where_there_is_a_key() {
    let frame = FrameBuf::new(Kind::DATA).flags(Flags::AUTH | Flags::CHECKSUM).payload("hi");
    assert_eq!(frame.to_bytes().unwrap_err().field, "tag");
    let key = Key::new(*b"key");
    let mut bytes = vec![];
    frame.encode(Some(&key), &mut bytes).unwrap();
    let with = |key: &[u8]| Missive { key: Some(Key::new(key)), ..Missive::default() };
    assert_eq!(codes(&Missive::default(), &bytes), [Code::TagUnverified]);
    assert_eq!(codes(&with(b"key"), &bytes), []);
    assert_eq!(codes(&with(b"another"), &bytes), [Code::TagMismatch]);
    assert!(with(b"key").decode(&bytes).is_ok());
    assert_eq!(with(b"another").decode(&bytes).unwrap_err().field, "tag");
}

#[test]
fn headers_that_all_claim_the_same_megabytes_are_read_in_linear_time() {
    // Each of these claims nearly all that follows, and each checksum fails: without the memo this takes minutes.
    let count = 50_000;
    let header = |i: u32| Header {
        version: 1,
        kind: Kind::DATA,
        flags: Flags::CHECKSUM,
        extensions_length: 0,
        payload_length: (count - i) * 20 - 27,
        sequence: i,
        channel: 0,
        header_check: 0,
    };
    let stream: Vec<u8> = (0..count - 10).flat_map(|i| header(i).to_bytes()).chain([7; 200]).collect();
    let found = spans(&stream);
    assert_eq!(found.iter().map(|span| span.1).sum::<usize>(), stream.len());
    assert_eq!(found[0], (SpanType::Skipped(Code::LengthSuspect), 20));
}

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

use crate::{Direction, Event, Observation};
use Direction::{Backward, Forward};

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

/// What a session says of messages and losses; the rows are their places in the list.
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
fn the_parts_of_long_content_are_told_and_so_is_where_it_stops() {
    let data = |sequence, flags| Some((Forward, frame(Kind::DATA, sequence, flags)));
    let (more, none) = (Flags::MORE, Flags::default());
    let problems = |events: &[Option<(Direction, Vec<u8>)>]| {
        let mut found = watch(events);
        found.retain(|(_, what, _)| !matches!(*what, "unanswered" | "data-before-login"));
        found
    };
    // Two contents, the first of three parts; a PING and a reply between them are no part.
    let ping = Some((Forward, frame(Kind::PING, 2, none)));
    let reply = Some((Forward, frame(Kind::DATA, 9, Flags::REPLY)));
    let found = problems(&[data(0, more), data(1, more), ping, reply, data(3, none), data(4, none)]);
    assert_eq!(found, [(1, "part", 0), (4, "part", 0), (3, "reply-to-nothing", 0)]);
    // It stops at a LOGOUT, a LOGIN and the end, and says so at its last part.
    let logout = Some((Forward, frame(Kind::LOGOUT, 2, none)));
    assert_eq!(problems(&[data(0, more), data(1, more), logout]), [(1, "part", 0), (1, "unfinished", 0)]);
    let login = Some((Forward, frame(Kind::LOGIN, 1, none)));
    assert_eq!(problems(&[data(0, more), login.clone()]), [(0, "unfinished", 0)]);
    assert_eq!(problems(&[data(0, more), login, data(2, none)]), [(0, "unfinished", 0)]);
    assert_eq!(problems(&[data(0, more)]), [(0, "unfinished", 0)]);
    // After a loss nobody knows whether the next part, or the last, was among it.
    assert_eq!(problems(&[data(0, more), None, data(1, none)]), []);
    assert_eq!(problems(&[data(0, more), None]), []);
    // What the other side says on the channel is no part of it.
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
        // A capture may have them the wrong way round.
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
    // After a loss nobody knows what it answers.
    assert_eq!(watch(&[None, ack.clone(), ack]), []);
}

#[test]
fn a_request_whose_number_comes_again_was_not_answered() {
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

#[test]
fn extensions_are_written_and_read_by_what_they_say() {
    use ExtensionValue::{ContentType, Other, Sender, Timestamp, TraceId};
    let values = [
        Timestamp(u64::MAX - 1),
        ContentType("a/b"),
        Sender("ada"),
        TraceId([7; 16]),
        Other(Tag(0x7f), b"!"),
    ];
    let mut frame = FrameBuf::new(Kind::DATA);
    for value in values {
        frame = frame.with(value).unwrap();
    }
    let frame = frame.extension(Tag::SENDER, true, b"bo").unwrap();
    let read: Vec<_> =
        frame.as_frame().extensions().map(|one| (one.critical, one.value().unwrap())).collect();
    let expected = values.map(|value| (false, value)).into_iter().chain([(true, Sender("bo"))]);
    assert_eq!(read, expected.collect::<Vec<_>>());
    // The last of its tag counts.
    assert_eq!(frame.as_frame().find(Tag::SENDER).unwrap().bytes, b"bo");
    let tags: Vec<_> = frame.as_frame().extensions().map(|one| one.tag.name()).collect();
    let names = ["TIMESTAMP", "CONTENT_TYPE", "SENDER", "TRACE_ID"].map(Some);
    assert_eq!(tags, [&names[..], &[None, Some("SENDER")]].concat());
}

#[test]
fn what_is_too_long_is_not_written_and_says_so() {
    let too_long = |field, limit, found| Error::new(0, field, crate::Fault::TooLong { limit, found });
    let value = vec![0; 65_536];
    let error = FrameBuf::new(Kind::DATA).extension(Tag(0x40), false, &value).unwrap_err();
    assert_eq!(error, too_long("value", 65_535, 65_536));
    let mut out = b"before".to_vec();
    let frame = Frame { extensions: &value, ..Frame::new(Kind::DATA) };
    assert_eq!(frame.encode(None, &mut out), Err(too_long("extensions", 65_535, 65_536)));
    assert_eq!(out, b"before");
    let fits = Frame { extensions: &value[1..], payload: &value, ..Frame::new(Kind::DATA) };
    fits.encode(None, &mut out).unwrap();
    assert_eq!(out.len(), 6 + 20 + 65_535 + 65_536);
    let ping = Frame { payload: b"1234", ..Frame::new(Kind::PING) };
    assert_eq!(ping.encode_to_slice(None, &mut [0; 23]), Err(too_long("frame", 23, 24)));
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(alloc::format!("{:?}", Key::new(*b"secret")), "Key(…)");
    let mut memo = Memo::default();
    assert_eq!(alloc::format!("{memo:?}"), "Memo(empty)");
    *memo.get_or_default::<u32>() = 7;
    assert_eq!(alloc::format!("{memo:?}"), "Memo(kept)");
}

#[test]
fn a_content_type_made_by_hand_may_be_no_text() {
    let frame = FrameBuf::new(Kind::DATA).extension(Tag::CONTENT_TYPE, false, b"\xff").unwrap();
    let error = frame.as_frame().read_payload().unwrap_err();
    assert_eq!((error.offset, error.field), (20, "value"));
    // On other kinds it means nothing.
    let frame = FrameBuf { kind: Kind::ACK, ..frame };
    assert_eq!(frame.as_frame().read_payload().unwrap(), Payload::Ack { note: "" });
}

#[test]
fn a_payload_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let missive = Missive { payload_limit: 4, ..Missive::default() };
    let ping = |length: usize| FrameBuf::new(Kind::PING).payload(vec![0; length]).to_bytes().unwrap();
    assert!(missive.decode(&ping(4)).is_ok());
    let error = missive.decode(&ping(5)).unwrap_err();
    assert_eq!((error.offset, error.field), (8, "payload_length"));
    assert_eq!(error.fault, crate::Fault::TooLong { limit: 4, found: 5 });
}

#[test]
fn a_decoder_gives_what_is_complete_at_once_and_looks_at_nothing_twice() {
    let (ping, data) = (FrameBuf::new(Kind::PING).to_bytes().unwrap(), data(1, "text"));
    let mut decoder = Decoder::new(Missive::default());
    for frame in [&ping, &data, &ping] {
        for byte in &frame[..frame.len() - 1] {
            decoder.push(&[*byte]);
            assert_eq!(decoder.receive(), None);
        }
        assert_eq!(decoder.buffered(), frame.len() - 1);
        decoder.push(&frame[frame.len() - 1..]);
        let Some(Received { item: Item::Frame(found), .. }) = decoder.receive() else { panic!() };
        assert_eq!(found.to_frame_buf().to_bytes().unwrap(), *frame);
        assert_eq!((decoder.buffered(), decoder.skipping()), (0, None));
    }
    // What stands in a run of noise is dropped as it comes, and the run is given when it ends.
    for _ in 0..100 {
        decoder.push(b"noise");
        assert_eq!(decoder.receive(), None);
        assert_eq!(decoder.buffered(), 0);
    }
    let start = (ping.len() * 2 + data.len()) as u64;
    let noise = Received { offset: start, length: 500, item: Item::Skipped(Code::NotAFrame) };
    assert_eq!(decoder.skipping(), Some(noise.clone()));
    decoder.push(&ping);
    assert_eq!(decoder.receive(), Some(noise));
    assert!(matches!(decoder.receive(), Some(Received { item: Item::Frame(_), .. })));
    decoder.push(&ping[..7]);
    decoder.end();
    let cut = Received { offset: start + 520, length: 7, item: Item::Partial(&ping[..7]) };
    assert_eq!(decoder.receive(), Some(cut.clone()));
    assert_eq!(cut.into_frame().unwrap_err().needed(), Some(13));
    assert_eq!(decoder.receive(), None);
}

#[test]
fn a_message_whose_checksum_fails_waits_for_what_follows_it() {
    let (mut broken, next) = (data(1, "text"), data(2, "more"));
    broken[21] ^= 1;
    let mut decoder = Decoder::new(Missive::default());
    decoder.push(&broken);
    assert_eq!(decoder.receive(), None, "its length may be false");
    decoder.push(&next[..19]);
    assert_eq!(decoder.receive(), None);
    decoder.push(&next[19..]);
    let Some(Received { item: Item::Refused(bytes, error), .. }) = decoder.receive() else { panic!() };
    assert_eq!((bytes, error.field), (&broken[..], "checksum"));
    assert!(matches!(decoder.receive(), Some(Received { item: Item::Frame(_), .. })));
}

#[cfg(feature = "arbitrary")]
#[test]
fn arbitrary_frames_can_be_written_and_use_what_is_named() {
    use ::arbitrary::{Arbitrary, Unstructured};
    let bytes: Vec<u8> = (0..60_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut kinds = alloc::collections::BTreeSet::new();
    for piece in bytes.chunks(120) {
        let frame = FrameBuf::arbitrary(&mut Unstructured::new(piece)).unwrap();
        assert_eq!(frame.flags.reserved(), 0);
        assert!(frame.encode(Some(&Key::new(*b"key")), &mut vec![]).is_ok());
        kinds.insert(frame.kind);
    }
    assert!((1..=7).all(|kind| kinds.contains(&Kind(kind))) && kinds.len() > 7, "{kinds:?}");
}

#[test]
fn what_is_wrong_with_a_later_extension_is_told_at_its_place() {
    let refused = |area: &[u8]| {
        let frame = Frame { extensions: area, ..Frame::new(Kind::DATA) };
        let mut bytes = vec![];
        frame.encode(None, &mut bytes).unwrap();
        let error = Missive::default().decode(&bytes).unwrap_err();
        (error.offset, error.field)
    };
    let sender = b"\x03\x00\x03ada";
    assert_eq!(refused(&[&sender[..], b"\x01\x00\x01!"].concat()), (27, "length"));
    assert_eq!(refused(&[&sender[..], sender, b"\x03\x00\x02a\xff"].concat()), (36, "value"));
    assert_eq!(refused(&[&sender[..], b"\xc0\x00\x00"].concat()), (26, "extensions"));
    assert_eq!(refused(&[&sender[..], b"\x03\x00"].concat()), (26, "extensions"));
    assert_eq!(refused(&[&sender[..], b"\x03\x00\x01"].concat()), (27, "length"));
}

#[test]
fn a_header_that_is_not_there_says_what_is() {
    use crate::Fault::{Incomplete, Mismatch};
    let magic = |found| (0, "magic", Mismatch { expected: 0xF54D, found });
    let mut wrong = FrameBuf::new(Kind::ACK).to_bytes().unwrap();
    wrong[12] ^= 1;
    let check = Mismatch {
        expected: check::header_check_of(wrong.first_chunk().unwrap()).into(),
        found: u16::from_be_bytes([wrong[18], wrong[19]]).into(),
    };
    for (bytes, expected) in [
        (&b""[..], (0, "header", Incomplete { needed: 20 })),
        (b"\xf5", (0, "header", Incomplete { needed: 19 })),
        (b"\xf5\x4d\x01", (0, "header", Incomplete { needed: 17 })),
        (b"\xf6", magic(0xF6)),
        (b"\xf5\x4c", magic(0xF54C)),
        (b"\xf5\x00 and much more that follows", magic(0xF500)),
        (&wrong, (18, "header_check", check)),
    ] {
        let error = Header::read(bytes).unwrap_err();
        assert_eq!((error.offset, error.field, error.fault), expected, "{bytes:02x?}");
    }
}

#[test]
fn flags_are_joined_and_kinds_ask_for_replies() {
    assert_eq!(Flags::REPLY | Flags::REPLY | Flags::MORE, Flags(0x000C));
    let asking: Vec<u8> = (0..=255).filter(|&kind| Kind(kind).asks_for_reply()).collect();
    assert_eq!(asking, [1, 2, 3, 6]);
    let own = (0..=255).filter(|&kind| Kind(kind).is_application()).count();
    assert_eq!((own, Kind(0x80).is_application(), Kind(0x7F).is_application()), (128, true, false));
    assert_eq!((Content::Text("hi").as_bytes(), Content::Bytes(b"hi").as_bytes()), (&b"hi"[..], &b"hi"[..]));
}

#[test]
fn a_borrowed_frame_equals_the_owned_one_that_it_is_and_no_other() {
    let frame = FrameBuf::new(Kind::DATA).sequence(7).payload("hi");
    assert_eq!(frame.as_frame(), frame);
    assert_ne!(frame.as_frame(), frame.clone().sequence(8));
    assert_ne!(frame.as_frame(), frame.clone().payload("ho"));
    assert_eq!(frame.as_frame().to_frame_buf(), frame);
}

#[cfg(feature = "proptest")]
#[test]
fn strategies_make_a_bit_of_everything() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut sample = || strategy::frame().new_tree(&mut runner).unwrap().current();
    let frames: Vec<FrameBuf> = (0..500).map(|_| sample()).collect();
    let count = |what: &dyn Fn(&FrameBuf) -> bool| frames.iter().filter(|frame| what(frame)).count();
    assert!(count(&|frame| !frame.extensions.is_empty()) > 300);
    assert!(count(&|frame| frame.as_frame().extensions().any(|extension| extension.critical)) > 50);
    for flag in [Flags::CHECKSUM, Flags::REPLY, Flags::MORE] {
        assert!(count(&|frame| frame.flags.contains(flag)) > 50, "{flag:?}");
    }
    assert_eq!(count(&|frame| frame.flags.contains(Flags::MORE) && frame.kind != Kind::DATA), 0);
    for kind in 1..=7 {
        assert!(count(&|frame| frame.kind == Kind(kind)) > 5, "{kind}");
    }
    assert!(count(&|frame| frame.kind.is_application()) > 5);
    assert_eq!(count(&|frame| frame.as_frame().read_payload().is_err()), 0);
    let mut stretches = || strategy::stream().new_tree(&mut runner).unwrap().current();
    let noise = (0..100).flat_map(|_| stretches()).filter(|one| matches!(one, strategy::Stretch::Noise(_)));
    assert!(noise.count() > 50);
}
