//! The vectors of FORMAT.md, as the crate and as the Python peer see them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test says what is wrong by panicking

mod support;

use framescope_parser::missive::{
    Content, Decoder, Flags, FrameBuf, Item, Key, Kind, Missive, Payload, Received, Tag,
};
use framescope_parser::{Dissection, Protocol};
use serde_json::{Value, json};
use support::{hex, number, python, repository, text, unhex};

fn vectors() -> Value {
    let path = repository().join("corpus/vectors/missive.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A receiver with the vectors' key.
fn receiver(vectors: &Value) -> Missive {
    Missive { key: Some(Key::from_hex(text(&vectors["key"])).unwrap()), ..Missive::default() }
}

fn says(payload: Payload<'_>) -> Value {
    match payload {
        Payload::Login { user, credential } => json!({"user": user, "credential": hex(credential)}),
        Payload::Logout { reason } => json!({"reason": reason}),
        Payload::Data { content: Content::Text(content) } => json!({"content": content}),
        Payload::Data { content: Content::Bytes(bytes) } => json!({"content": {"bytes": hex(bytes)}}),
        Payload::Ack { note } => json!({"note": note}),
        Payload::Error { code, text } => json!({"code": code, "text": text}),
        Payload::Ping { bytes } | Payload::Pong { bytes } | Payload::Other { bytes, .. } => {
            json!({"bytes": hex(bytes)})
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_are_read_and_written_as_the_vectors_say() {
    let vectors = vectors();
    let missive = receiver(&vectors);
    for vector in vectors["frames"].as_array().unwrap() {
        let name = text(&vector["name"]);
        let bytes = unhex(text(&vector["hex"]));
        let kind = Kind(u8::try_from(number(&vector["kind"])).unwrap());
        let mut frame = FrameBuf::new(kind)
            .flags(Flags(u16::try_from(number(&vector["flags"])).unwrap()))
            .sequence(u32::try_from(number(&vector["sequence"])).unwrap())
            .channel(u16::try_from(number(&vector["channel"])).unwrap())
            .payload(unhex(text(&vector["payload"])));
        for extension in vector["extensions"].as_array().unwrap() {
            let tag = Tag(u8::try_from(number(&extension["tag"])).unwrap());
            let critical = extension["critical"].as_bool().unwrap();
            frame = frame.extension(tag, critical, &unhex(text(&extension["value"]))).unwrap();
        }
        let mut written = Vec::new();
        frame.encode(missive.key.as_ref(), &mut written).unwrap();
        assert_eq!(hex(&written), hex(&bytes), "{name}");

        let (mut read, rest) = missive.decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(rest.is_empty());
        assert_eq!(says(read.read_payload().unwrap()), vector["says"], "{name}");
        read.tag = None;
        assert_eq!(read, frame, "{name}");

        // And through the fields that a person sees.
        let mut again = Vec::new();
        missive.encode(&Dissection::of(&missive, &bytes), &mut again).unwrap();
        assert_eq!(hex(&again), hex(&bytes), "{name}");
    }
}

#[test]
fn what_must_be_refused_is_and_says_where() {
    let vectors = vectors();
    let missive = receiver(&vectors);
    for vector in vectors["refused"].as_array().unwrap() {
        let name = text(&vector["name"]);
        let bytes = unhex(text(&vector["hex"]));
        let error = match missive.decode(&bytes) {
            Ok((frame, _)) => frame.read_payload().expect_err(name),
            Err(error) => error,
        };
        assert_eq!(json!([error.field, error.offset]), json!([vector["field"], vector["offset"]]), "{name}");
        // The raw view names the same problem, in the message or as the reason why its bytes are not one.
        let problem = text(&vector["problem"]);
        let one = missive.frames(&bytes).next().unwrap();
        match one.item {
            Item::Skipped(code) => assert_eq!(code.as_str(), problem, "{name}"),
            _ => {
                let problems = Dissection::of(&missive, &bytes).problems;
                assert!(problems.iter().any(|one| one.code.as_str() == problem), "{name}: {problems:?}");
            }
        }
    }
}

fn row(one: &Received<'_>) -> Value {
    let (row, reason) = match &one.item {
        Item::Frame(_) | Item::Refused(..) => ("message", None),
        Item::Skipped(code) => ("skipped", Some(code.as_str())),
        Item::Partial(_) => ("partial", None),
    };
    json!({"type": row, "offset": one.offset, "length": one.length, "reason": reason})
}

#[test]
fn streams_fall_into_the_rows_that_the_vectors_say() {
    for vector in vectors()["streams"].as_array().unwrap() {
        let name = text(&vector["name"]);
        let bytes = unhex(text(&vector["hex"]));
        let missive = Missive::default();
        let rows: Vec<Value> = missive.frames(&bytes).map(|one| row(&one)).collect();
        assert_eq!(Value::from(rows), vector["rows"], "{name}");
        for at_once in [1, 7, 20] {
            let (mut decoder, mut rows) = (Decoder::new(Missive::default()), Vec::new());
            for piece in bytes.chunks(at_once) {
                decoder.push(piece);
                rows.extend(std::iter::from_fn(|| decoder.receive().map(|one| row(&one))));
            }
            decoder.end();
            rows.extend(std::iter::from_fn(|| decoder.receive().map(|one| row(&one))));
            assert_eq!(Value::from(rows), vector["rows"], "{name}, {at_once} bytes at a time");
        }
    }
}

#[test]
fn the_python_peer_passes_the_same_vectors() {
    let Some(mut python) = python() else { return };
    let output = python.arg(repository().join("corpus/vectors/check.py")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with(" vectors, 0 differences"), "{said}");
}

#[test]
fn the_specification_shows_the_vectors() {
    let specification = std::fs::read_to_string(repository().join("FORMAT.md")).unwrap();
    let vectors = vectors();
    let mut shown = 0;
    let mut lines = specification.lines();
    while let Some(line) = lines.next() {
        // Each worked example is introduced by the name of its vector.
        let Some(name) = line.strip_prefix("```hex ") else { continue };
        let bytes: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .flat_map(|line| line.split("  ").next().unwrap().split_whitespace())
            .collect();
        let vector = vectors["frames"].as_array().unwrap().iter().find(|one| text(&one["name"]) == name);
        let vector = vector.unwrap_or_else(|| panic!("there is no vector named {name}"));
        assert_eq!(bytes, text(&vector["hex"]), "{name}");
        shown += 1;
    }
    assert!(shown >= 14, "only {shown} examples");
}
