//! Each fault of the specification, built by hand, becomes the right problem, and costs no more than it must.

#![allow(clippy::cast_possible_truncation)]

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::{Framer, SpanType};

mod session;
mod values;

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
