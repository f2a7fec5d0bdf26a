//! Building and reading frames: values, limits, a socket's decoder.

use alloc::vec;
use alloc::vec::Vec;

use super::super::*;
use super::data;

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
fn a_decoder_returns_complete_frames_immediately_and_reads_nothing_twice() {
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
    // The bytes of a run of noise are dropped as they arrive, and the run is returned when it ends.
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
fn a_fault_in_a_later_extension_is_reported_at_its_offset() {
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
