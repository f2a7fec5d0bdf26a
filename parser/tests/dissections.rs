//! What a person sees of messages, to the letter: fields, ranges, values, problems.
//!
//! The expected text is in corpus/vectors/dissections.txt. After an intended change, write it anew with
//! `FRAMESCOPE_ACCEPT=1 cargo test -p framescope-parser --test dissections`, and read the difference.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test says what is wrong by panicking

mod support;

use std::fmt::Write;

use framescope_parser::bare::Bare;
use framescope_parser::missive::{Flags, FrameBuf, Key, Kind, Missive, Tag};
use framescope_parser::text::Text;
use framescope_parser::{Code, Dissection, Field, Protocol, Unclaimed};
use serde_json::Value;
use support::{repository, text, unhex};

/// A line for the fields that are side by side, one for each that has fields in it. Of flags, those that are set.
fn write_fields(out: &mut String, fields: &[Field<'_>], depth: usize) {
    let (indent, mut line) = (2 + 2 * depth, String::new());
    for field in fields.iter().filter(|field| field.value != framescope_parser::Value::Bool(false)) {
        let range = &field.range;
        let one = format!("{}..{} {} {}", range.start, range.end, field.name, field.value);
        let separator = if line.is_empty() { "" } else { "; " };
        write!(line, "{separator}{}", one.trim_end()).unwrap();
        if !field.fields.is_empty() {
            writeln!(out, "{:indent$}{line}", "").unwrap();
            line.clear();
            write_fields(out, &field.fields, depth + 1);
        }
    }
    if !line.is_empty() {
        writeln!(out, "{:indent$}{line}", "").unwrap();
    }
}

fn write_dissection(out: &mut String, name: &str, dissection: &Dissection<'_>) {
    let kind = dissection.kind.map_or("-".to_owned(), |kind| kind.to_string());
    writeln!(out, "{}", format!("{name}: {kind}: {}", dissection.summary).trim_end()).unwrap();
    write_fields(out, &dissection.fields, 0);
    for problem in &dissection.problems {
        let (range, severity) = (&problem.range, problem.code.severity());
        let (code, said) = (problem.code, &problem.text);
        writeln!(out, "  ! {severity} {code} at {}..{}: {said}", range.start, range.end).unwrap();
    }
    out.push('\n');
}

/// All that is reported, of every kind of message and problem.
fn dissections() -> String {
    let mut out = String::new();
    let vectors = std::fs::read_to_string(repository().join("corpus/vectors/missive.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let key = Key::from_hex(text(&vectors["key"])).unwrap();
    let missive = Missive { key: Some(key), ..Missive::default() };
    let mut write = |protocol: &dyn Protocol, name: &str, bytes: &[u8]| {
        write_dissection(&mut out, name, &Dissection::of(protocol, bytes));
    };
    for group in ["frames", "refused"] {
        for vector in vectors[group].as_array().unwrap() {
            write(&missive, &format!("{group}/{}", text(&vector["name"])), &unhex(text(&vector["hex"])));
        }
    }
    let bytes = |name: &str| {
        let frames = vectors["frames"].as_array().unwrap();
        unhex(text(&frames.iter().find(|vector| text(&vector["name"]) == name).unwrap()["hex"]))
    };
    write(&Missive::default(), "signed, without a key", &bytes("signed"));
    let login = bytes("login");
    for length in [1, 2, 3, 4, 8, 19, 20, 21, 22, 24, 25, 26, 27, 30] {
        write(&missive, &format!("login, {length} bytes of it"), &login[..length]);
    }
    let signed = bytes("signed");
    for length in [24, 26, 30, 42, 44] {
        write(&missive, &format!("signed, {length} bytes of it"), &signed[..length]);
    }
    let two = bytes("two-extensions");
    for length in [21, 22, 23, 25, 26, 29, 39] {
        write(&missive, &format!("two-extensions, {length} bytes of it"), &two[..length]);
    }
    write(&missive, "error, 21 bytes of it", &bytes("error")[..21]);
    write(&missive, "data cut inside a character", &bytes("logout")[..24]);
    let frame = |kind: u8| FrameBuf::new(Kind(kind));
    let long = "0123456789".repeat(9);
    for (name, built) in [
        ("a reserved kind", frame(0x2a)),
        ("a kind just below those of applications", frame(0x7f)),
        ("64 bytes of ping", frame(6).payload([0; 64])),
        ("65 bytes of pong", frame(7).payload([0; 65])),
        ("text of 80 characters and more", frame(3).payload(long)),
        ("text with control characters", frame(3).payload("a\tb\nc\u{1b}")),
        ("an unknown extension", frame(3).extension(Tag(0x10), false, b"?").unwrap()),
        (
            "a content type that is not UTF-8",
            frame(3).extension(Tag(2), false, b"\xff").unwrap().payload("a"),
        ),
        ("an ack with a note", frame(4).payload("well").reply_to(9, 1)),
        ("an ack with a note that is not UTF-8", frame(4).payload(b"\xffl".as_slice())),
        ("a logout that ends inside a character", frame(2).payload(b"a\xe4\xbd".as_slice())),
        ("a user that overruns inside a character", frame(1).payload(b"\x00\x09a\xe4\xbd".as_slice())),
        ("a user that is not UTF-8 and overruns", frame(1).payload(b"\x00\x09a\xffb".as_slice())),
        ("all flags but AUTH", frame(0x80).flags(Flags(0xFFFD))),
        ("one byte of content", frame(0x90).payload("1")),
    ] {
        write(&missive, name, &built.to_bytes().unwrap());
    }
    let own = Missive {
        kinds: vec![(Kind(0x80), "TYPING".into())],
        extensions: vec![(Tag(0x40), "PRIORITY".into())],
        ..Missive::default()
    };
    let typing = frame(0x80).extension(Tag(0x40), true, b"\x09").unwrap().to_bytes().unwrap();
    write(&own, "an application's own, known", &typing);
    write(&own, "an application's own, not known", &frame(0x81).to_bytes().unwrap());

    for (name, bytes) in [
        ("login", &b"\x01ada"[..]),
        ("logout without text", b"\x02"),
        ("data", "\x03你好".as_bytes()),
        ("an unknown kind", b"\x04what"),
        ("two joined", b"\x01ada\x03hi"),
        ("the rest of a message", b"o world"),
        ("the rest of a message, from inside a character", b"\xbd\xa0o"),
        ("cut inside a character", b"\x03a\xe4\xbd"),
        ("no text", b"\x03a\xffb"),
        ("nothing", b""),
        ("a line break", b"\nrest"),
        ("a tab", b"\trest"),
    ] {
        write(&Bare, &format!("bare/{name}"), bytes);
        write(&Text, &format!("text/{name}"), bytes);
        write(&Unclaimed, &format!("none/{name}"), bytes);
    }

    let mut skipped = |protocol: &dyn Protocol, name: &str, code: Code, bytes: &[u8], length: usize| {
        let mut dissection = Dissection::default();
        protocol.dissect_skipped(code, bytes, length, &mut dissection);
        write_dissection(&mut out, name, &dissection);
    };
    let mut corrupt = login.clone();
    corrupt[9] ^= 0x40;
    skipped(&missive, "skipped/not a frame", Code::NotAFrame, b"garbage", 7);
    skipped(&missive, "skipped/a corrupt header", Code::HeaderCheckMismatch, &corrupt, corrupt.len());
    skipped(&missive, "skipped/half a corrupt header", Code::HeaderCheckMismatch, &corrupt[..10], 10);
    skipped(&missive, "skipped/too long", Code::PayloadTooLong, &login[..20], 20);
    skipped(&missive, "skipped/a suspect length", Code::LengthSuspect, &login[..20], 20);
    skipped(&missive, "skipped/another reason", Code::NoProtocol, b"?", 1);
    skipped(&Text, "skipped/text", Code::NotAFrame, b"?", 1);
    skipped(&Unclaimed, "skipped/none", Code::NoProtocol, b"?", 1);
    out
}

#[test]
fn dissections_match_the_accepted_text() {
    let found = dissections();
    let path = repository().join("corpus/vectors/dissections.txt");
    if std::env::var_os("FRAMESCOPE_ACCEPT").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    for (number, (found, expected)) in (1..).zip(found.lines().zip(expected.lines())) {
        assert_eq!(found, expected, "line {number} of {}", path.display());
    }
    assert_eq!(found, expected);
}
