//! Fields that are a check of others: every algorithm is verified, written, and computed again, and mistakes are reported.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

use framescope_ksy::checks::{Algorithm, Crc};
use framescope_ksy::{Described, Format};
use framescope_parser::{Captured, Code, Dissection, Protocol};

/// A description of some bytes and their check.
fn described(ty: &str, check: &str, endian: &str) -> Described {
    let text = format!(
        "meta: {{id: test, endian: {endian}, -framescope: {{segment-delimited: true}}}}
seq:
  - {{id: body, size: 9}}
  - {{id: sum, type: {ty}, -check: {check}}}
"
    );
    Described::from_ksy(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// That a check of the bytes is what it must be, in a message that is read, written, and changed.
fn holds(ty: &str, size: usize, check: &str, algorithm: &Algorithm) {
    for endian in ["be", "le"] {
        let described = described(ty, check, endian);
        let number = algorithm.number(b"123456789", u32::try_from(size).unwrap()).unwrap();
        let mut message = b"123456789".to_vec();
        // Bits are in their own order.
        match endian == "le" && !ty.starts_with('b') {
            true => message.extend(&number.to_le_bytes()[..size]),
            false => message.extend(&number.to_be_bytes()[8 - size..]),
        }
        let read = Dissection::of(&described, &message);
        assert!(read.problems.is_empty(), "{check}: {:?}", read.problems);
        let mut wrong = message.clone();
        wrong[9] ^= 1;
        let damaged = Dissection::of(&described, &wrong);
        assert!(damaged.has(Code::ChecksumMismatch), "{check}");
        let mut written = Vec::new();
        described.encode(&damaged, &mut written).unwrap();
        assert_eq!(written, message, "{check}");
        let mut changed = message.clone();
        changed[3] = b'x';
        described.renew_checks(Captured::whole(&message), &mut changed);
        assert!(Dissection::of(&described, &changed).problems.is_empty(), "{check}");
    }
}

#[test]
fn every_check_by_its_name_is_verified_and_written() {
    for name in Algorithm::names() {
        let algorithm = Algorithm::named(name).unwrap();
        if !algorithm.is_keyed() {
            for (ty, size) in [("u4", 4), ("u8", 8)] {
                holds(ty, size, name, &algorithm);
            }
        }
    }
}

#[test]
fn a_check_may_be_three_bytes() {
    for name in ["crc-24", "crc-24/ble", "sum"] {
        holds("b24", 3, name, &Algorithm::named(name).unwrap());
    }
}

#[test]
fn a_crc_may_be_given_by_its_parameters() {
    let crc = Crc { width: 16, polynomial: 0x8bb7, initial: 0xffff, reflected: true, xor: 0x1d0f };
    let check =
        "{algorithm: crc, width: 16, polynomial: 0x8bb7, initial: 0xffff, reflected: true, xor: 0x1d0f}";
    holds("u2", 2, check, &Algorithm::crc(crc));
    let crc = Crc { width: 12, polynomial: 0x80f, initial: 0, reflected: false, xor: 0 };
    holds("u2", 2, "{algorithm: crc, width: 12, polynomial: 0x80f, plus: 1}", &Algorithm::crc(crc).plus(1));
    // What an algorithm says of itself is what a description says.
    holds("u2", 2, &format!("{{{}}}", Algorithm::crc(crc).plus(1)), &Algorithm::crc(crc).plus(1));
}

#[test]
fn a_constant_is_added_or_combined() {
    let sum = Algorithm::named("sum").unwrap();
    holds("u1", 1, "{algorithm: sum, plus: 0x55}", &sum.clone().plus(0x55));
    holds("u1", 1, "{algorithm: sum, xor: 0xff}", &sum.clone().xored(0xff));
    holds("u2", 2, "{algorithm: sum, xor: 0xffff, plus: 1}", &sum.xored(0xffff).plus(1));
    holds("u1", 1, "{algorithm: xor, xor: 0xa5}", &Algorithm::named("xor").unwrap().xored(0xa5));
}

#[test]
fn mistakes_in_a_check_are_reported_where_they_are() {
    for (ty, check, at, expected) in [
        (
            "u2",
            "{algorithm: crc, width: 16}",
            "{",
            "a CRC needs 'width', which is its size in bits, and 'polynomial'",
        ),
        (
            "u2",
            "{algorithm: crc, width: 65, polynomial: 7}",
            "65",
            "'width' must be a whole number from 0 to 0x40",
        ),
        ("u2", "{algorithm: crc, width: 0, polynomial: 7}", "0", "'width' must be from 1 to 64"),
        (
            "u2",
            "{algorithm: crc, width: 8, polynomial: 0x107}",
            "0x107",
            "'polynomial' must be a whole number from 0 to 0xff",
        ),
        (
            "u2",
            "{algorithm: crc, width: 8, polynomial: 7, reflected: 2}",
            "2",
            "'reflected' must be true or false",
        ),
        ("u2", "{algorithm: crc-16, initial: 1}", "1}", "crc-16 has its own parameters"),
        ("u2", "{algorithm: sum, plus: many}", "many", "'plus' must be a whole number"),
        ("u2", "{algorithm: sum, add: 3}", "add", "'add' is not a key of a check"),
        ("u2", "{algorithm: sum, digits: octal}", "octal", "'digits' must be hexadecimal or decimal"),
        ("u2", "{algorithm: sum, digits: decimal}", "sum", "a field with the check sum must be text"),
        ("u2", "{algorithm: sum, then: 256}", "256", "'then' must be a byte from 0 to 255"),
        ("u2", "{algorithm: sum, then: -1}", "-1", "'then' must be a byte from 0 to 255"),
        ("u2", "{algorithm: sum, then: 1 + c}", "c}", "there is no 'c' in this type"),
        ("u2", "{algorithm: sum, then: a +}", "}", "expected a value"),
        ("u2", "{algorithm: sum, then: a == 1}", "a ==", "expected a whole number, not a boolean"),
        ("b12", "sum", "sum", "a field with the check sum must be whole bytes, such as b24"),
    ] {
        let before = "meta: {id: m, endian: be}\nseq:\n  - {id: a, type: u1}";
        let text = format!("{before}\n  - id: b\n    type: {ty}\n    -check:\n      {check}\n");
        let format = Format::from_ksy(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let warnings = format.warnings().iter();
        let found: Vec<String> = warnings.map(|found| format!("{}: {}", found.column, found.text)).collect();
        let expected = format!("{}: {expected}", check.rfind(at).unwrap() + 7);
        assert!(found.iter().any(|text| text.starts_with(&expected)), "{check}: {found:?}");
    }
    let text = "meta: {id: m}\nseq:\n  - {id: a, type: b3}\n  - {id: b, type: b24, -check: sum}\n";
    let format = Format::from_ksy(text).unwrap();
    assert_eq!(format.warnings().len(), 1);
    let text = "meta: {id: m}\nseq:\n  - {id: a, size: 4}\n  - {id: b, size: 8, -check: {algorithm: hmac-sha-256, plus: 3}}\n";
    let format = Format::from_ksy(text).unwrap();
    assert!(format.warnings()[0].text.contains("leave out 'plus'"), "{:?}", format.warnings());
}

/// NMEA 0183 and FIX write their checks in digits.
#[test]
fn a_check_in_digits_is_verified_written_and_computed_again() {
    const NMEA: &str = "
meta: {id: nmea, encoding: ASCII}
seq:
  - {id: start, contents: $}
  - {id: text, type: str, terminator: 0x2a, consume: false}
  - {id: star, contents: '*'}
  - {id: sum, type: str, size: 2, -check: {algorithm: xor, from: text, to: text, digits: hexadecimal}}
  - {id: end, contents: [13, 10]}
";
    const FIX: &str = "
meta: {id: fix, encoding: ASCII}
seq:
  - {id: begin, type: str, terminator: 1}
  - {id: tag, contents: 9=}
  - {id: length, type: str, terminator: 1}
  - {id: body, type: str, size: length.to_i}
  - {id: sum_tag, contents: 10=}
  - {id: sum, type: str, size: 3, -check: {algorithm: sum, to: body, digits: decimal}}
  - {id: end, contents: [1]}
";
    let nmea = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n";
    let fix = b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01";
    for (text, message, wrong, at) in
        [(NMEA, &nmea[..], &b"48"[..], nmea.len() - 4), (FIX, &fix[..], &b"162"[..], fix.len() - 4)]
    {
        let described = Described::from_ksy(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let read = Dissection::of(&described, message);
        assert!(read.problems.is_empty(), "{:?}", read.problems);
        let mut damaged = message.to_vec();
        damaged[at..at + wrong.len()].copy_from_slice(wrong);
        let read = Dissection::of(&described, &damaged);
        assert!(read.has(Code::ChecksumMismatch));
        let mut written = Vec::new();
        described.encode(&read, &mut written).unwrap();
        assert_eq!(written, message);
        // What is not given is derived.
        let mut without = Dissection::of(&described, message);
        without.fields.retain(|field| field.name != "sum");
        written.clear();
        described.encode(&without, &mut written).unwrap();
        assert_eq!(written, message);
        let mut changed = message.to_vec();
        changed[5] ^= 1;
        described.renew_checks(Captured::whole(message), &mut changed);
        assert_ne!(changed[at..], message[at..]);
        assert!(Dissection::of(&described, &changed).problems.is_empty());
    }
}

/// MAVLink 1, whose check covers a byte that the kind of the message decides.
const MAVLINK: &str = "
meta: {id: mavlink, endian: le}
seq:
  - {id: magic, contents: [0xfe]}
  - {id: length, type: u1}
  - {id: sequence, type: u1}
  - {id: system, type: u1}
  - {id: component, type: u1}
  - {id: kind, type: u1}
  - {id: payload, size: length}
  - {id: check, type: u2, -check: {algorithm: crc-16/mcrf4xx, from: length, then: extra}}
instances:
  extra: {value: 'kind == 0 ? 50 : kind == 30 ? 39 : -1'}
";
const HEARTBEAT: &[u8] = b"\xfe\x09\x4e\x01\x01\x00\x00\x00\x00\x00\x02\x03\x51\x04\x03\x1c\x7f";

/// A message with the check that MAVLink's own library computes, bit by bit.
fn mavlink(kind: u8, extra: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0xfe, u8::try_from(payload.len()).unwrap(), 0x4e, 1, 1, kind];
    message.extend(payload);
    let mut crc = 0xffff_u16;
    for byte in message[1..].iter().chain([&extra]) {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 };
        }
    }
    message.extend(crc.to_le_bytes());
    message
}

fn encoded(described: &Described, message: &Dissection<'_>) -> (Vec<u8>, Vec<String>) {
    let (mut written, mut notes) = (Vec::new(), Vec::new());
    described.encode_noting(message, &mut written, &mut notes).unwrap();
    (written, notes)
}

#[test]
fn a_check_may_cover_a_byte_that_no_message_has() {
    let described = Described::from_ksy(MAVLINK).unwrap();
    assert_eq!(mavlink(0, 50, &HEARTBEAT[6..15]), HEARTBEAT);
    for message in [HEARTBEAT, &mavlink(30, 39, &[7; 28])] {
        let mut read = Dissection::of(&described, message);
        assert!(read.problems.is_empty(), "{:?}", read.problems);
        // What is not given is derived.
        read.fields.retain(|field| field.name != "check");
        assert_eq!(encoded(&described, &read), (message.to_vec(), Vec::new()));
        let mut damaged = message.to_vec();
        damaged[8] ^= 1;
        assert!(Dissection::of(&described, &damaged).has(Code::ChecksumMismatch));
    }
    let other = mavlink(0, 51, &HEARTBEAT[6..15]);
    assert!(Dissection::of(&described, &other).has(Code::ChecksumMismatch));
}

#[test]
fn the_byte_after_what_a_check_covers_follows_what_was_changed() {
    let described = Described::from_ksy(MAVLINK).unwrap();
    let mut changed = HEARTBEAT.to_vec();
    (changed[5], changed[6]) = (30, 9);
    described.renew_checks(Captured::whole(HEARTBEAT), &mut changed);
    assert_eq!(changed, mavlink(30, 39, &changed[6..15]));
}

#[test]
fn a_check_whose_last_byte_is_none_is_not_computed() {
    let described = Described::from_ksy(MAVLINK).unwrap();
    let message = mavlink(1, 50, b"abc");
    let read = Dissection::of(&described, &message);
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let note = "check is left unchanged: 'then' must be a byte, and is -1";
    assert_eq!(encoded(&described, &read), (message.clone(), vec![note.to_owned()]));
    let mut changed = message.clone();
    changed[6] = b'x';
    described.renew_checks(Captured::whole(&message), &mut changed);
    assert_eq!(changed[9..], message[9..]);
}
