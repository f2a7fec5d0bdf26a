//! Compares the recorded captures with what their programs logged, with the recorder's log of the damage, and with the
//! output that was read and accepted before.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use framescope_capture::export::{Paint, RowSelection, hex, seeds, write_text};
use framescope_capture::{Index, Row, RowId};
use framescope_oracles::{ORACLES, Oracle, check_index};
use framescope_parser::{Direction, Dissection, Severity, SpanType, Value};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use support::{cases, corpus, open};

fn case(name: &str) -> (Index, Vec<Json>) {
    let folder = corpus().join("captures").join(name);
    (open(&folder.join("capture.pcapng")), lines(&folder.join("sent.jsonl")))
}

fn lines(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Calls `each` with every row, dissected.
fn for_each_row(index: &Index, mut each: impl FnMut(RowId, &Row, &[u8], &Dissection<'_>)) {
    let mut reader = index.reader();
    for (number, row) in index.rows() {
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
        each(number, &row, &bytes, &index.dissect(number, &bytes));
    }
}

/// The sender and the receiver.
type Endpoints = (String, String);
/// Sequence, channel, length and kind of a frame.
type Brief = (u64, u64, u64, String);

#[test]
fn rows_tile_every_stream_of_every_capture() {
    for case in cases() {
        check_index(&open(&case.join("capture.pcapng")));
    }
}

#[test]
fn every_case_prints_what_was_accepted() {
    for case in cases() {
        let index = open(&case.join("capture.pcapng"));
        let mut printed = Vec::new();
        write_text(&index, &mut RowSelection::all(), Paint::Plain, &mut printed).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        let path = case.join("expected.txt");
        let expected = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        if let Some((line, (a, b))) =
            (1..).zip(printed.lines().zip(expected.lines())).find(|(_, (a, b))| a != b)
        {
            panic!("{} line {line}:\n  printed:  {a}\n  expected: {b}", path.display());
        }
        assert_eq!(printed.lines().count(), expected.lines().count(), "{}", path.display());
        assert_eq!(printed, expected);
    }
}

#[test]
fn every_case_says_how_it_came_about() {
    for case in cases() {
        for file in ["README.md", "record.py", "sent.jsonl", "expected.txt"] {
            assert!(case.join(file).is_file(), "{} has no {file}", case.display());
        }
    }
}

/// The streams of a Missive capture agree with what the Python peers say that they sent, field by field.
fn agrees_with_the_peers(name: &str, expected_messages: usize) {
    let (index, sent) = case(name);
    // A port pair that is used twice logs one connection after the other.
    let mut rows: BTreeMap<Endpoints, Vec<(RowId, Vec<u8>)>> = BTreeMap::new();
    let mut reader = index.reader();
    for (flow, _) in index.flows() {
        for direction in [Direction::Forward, Direction::Backward] {
            for number in index.stream_rows(flow, direction) {
                let row = index.row(number).unwrap();
                if row.span_type == SpanType::Message {
                    let (src, dst) = index.endpoints(&row).unwrap();
                    let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
                    rows.entry((src.to_string(), dst.to_string())).or_default().push((number, bytes));
                }
            }
        }
    }
    let mut compared = 0;
    let mut next: BTreeMap<Endpoints, usize> = BTreeMap::new();
    for said in sent.iter().filter(|said| said.get("kind").is_some()) {
        let key = (said["src"].as_str().unwrap().to_owned(), said["dst"].as_str().unwrap().to_owned());
        let at = next.entry(key.clone()).or_default();
        let (number, bytes) = &rows[&key][*at];
        *at += 1;
        let message = index.dissect(*number, bytes);
        let worst = message.problems.iter().map(|problem| problem.code.severity()).max();
        assert!(worst < Some(Severity::Error), "row {number}: {:?}", message.problems);
        compare(said, &message, &index.row(*number).unwrap(), *number);
        compared += 1;
    }
    assert_eq!(compared, expected_messages);
    let found: usize = rows.values().map(Vec::len).sum();
    assert_eq!(found, compared, "messages that were not sent");
}

fn compare(said: &Json, message: &Dissection<'_>, row: &Row, number: RowId) {
    let what = format!("row {number}, logged as {said}");
    assert_eq!(said["length"].as_u64(), Some(row.length), "{what}");
    assert_eq!(said["kind"].as_str(), message.kind.map(|kind| kind.to_string()).as_deref(), "{what}");
    let value = |path: &str| message.field(path).map(|field| &field.value);
    for name in [
        "version",
        "flags",
        "extensions_length",
        "payload_length",
        "sequence",
        "channel",
        "header_check",
        "checksum",
    ] {
        assert_eq!(
            said.get(name).and_then(Json::as_u64),
            value(name).and_then(Value::as_u64),
            "{name} of {what}"
        );
    }
    let bytes = |path: &str| value(path).and_then(Value::as_bytes).map(hex);
    assert_eq!(said.get("tag").and_then(Json::as_str), bytes("tag").as_deref(), "tag of {what}");

    let logged = said["extensions"].as_array().unwrap();
    let found = message.field("extensions").map_or(&[][..], |field| &field.fields);
    assert_eq!(logged.len(), found.len(), "extensions of {what}");
    for (logged, found) in logged.iter().zip(found) {
        let tag = found.field("tag").unwrap();
        assert_eq!(logged["tag"].as_u64(), tag.value.as_u64(), "{what}");
        assert_eq!(logged["critical"], Json::Bool(tag.field("critical").unwrap().value == Value::Bool(true)));
        let value = match &found.field("value").unwrap().value {
            Value::Unsigned(number) => hex(&number.to_be_bytes()),
            value => hex(value.as_bytes().unwrap()),
        };
        assert_eq!(logged["value"].as_str(), Some(value.as_str()), "{what}");
    }

    match said["kind"].as_str().unwrap() {
        "LOGIN" => {
            assert_eq!(
                said["user"].as_str().map(|user| hex(user.as_bytes())),
                bytes("payload.user"),
                "{what}"
            );
            assert_eq!(said["credential"].as_str(), bytes("payload.credential").as_deref(), "{what}");
        }
        "ERROR" => {
            assert_eq!(said["code"].as_u64(), value("payload.code").and_then(Value::as_u64), "{what}");
            assert_eq!(
                said["text"].as_str().map(|text| hex(text.as_bytes())),
                bytes("payload.text"),
                "{what}"
            );
        }
        kind => {
            let path = match kind {
                "LOGOUT" => "payload.reason",
                "ACK" => "payload.note",
                "DATA" => "payload.content",
                _ => "payload",
            };
            let found = value(path).and_then(Value::as_bytes).unwrap();
            match said["payload"].as_str() {
                Some(payload) => assert_eq!(payload, hex(found), "{what}"),
                None => assert_eq!(
                    said["payload"]["sha256"].as_str(),
                    Some(hex(&Sha256::digest(found)).as_str()),
                    "{what}"
                ),
            }
        }
    }
}

#[test]
fn missive_chat_agrees_with_what_its_peers_sent() {
    agrees_with_the_peers("missive-chat", 106);
}

#[test]
fn missive_ipv6_agrees_with_what_its_peers_sent() {
    agrees_with_the_peers("missive-ipv6", 16);
}

#[test]
fn missive_udp_agrees_with_what_its_peers_sent() {
    agrees_with_the_peers("missive-udp", 10);
}

#[test]
fn missive_chat_has_every_kind_and_extension() {
    let (index, _) = case("missive-chat");
    let (mut kinds, mut extensions) = (BTreeSet::new(), BTreeSet::new());
    for_each_row(&index, |_, _, _, message| {
        kinds.extend(message.kind.map(|kind| kind.to_string()));
        let found = message.field("extensions").map_or(&[][..], |field| &field.fields);
        extensions.extend(found.iter().map(|extension| extension.name.to_owned()));
    });
    let expected = ["0x80", "ACK", "DATA", "ERROR", "LOGIN", "LOGOUT", "PING", "PONG"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let expected = ["content_type", "extension", "sender", "timestamp", "trace_id"];
    assert_eq!(extensions.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn the_chats_signed_frames_verify_with_its_key() {
    use framescope_capture::{Options, Source, read};
    use framescope_parser::missive::{Key, Missive};
    use framescope_parser::{Code, with_built_in};
    use std::sync::Arc;
    let path = corpus().join("captures/missive-chat/capture.pcapng");
    let count = |key: Option<Key>, code: Code| {
        let missive = Missive { key, ..Missive::default() };
        let options = Options { protocols: with_built_in(vec![Arc::new(missive)]), ..Options::default() };
        let index = read(Source::open(&path).unwrap(), &options, &mut |_| true).unwrap();
        index.rows().filter(|(_, row)| row.codes.contains(code)).count()
    };
    let key = Key::from_hex("6672616d6573636f706520746573742d6b6579").unwrap();
    assert_eq!(count(None, Code::TagUnverified), 3);
    assert_eq!(count(Some(key.clone()), Code::TagUnverified), 0);
    assert_eq!(count(Some(key), Code::TagMismatch), 0);
    assert_eq!(count(Some(Key::new(*b"another")), Code::TagMismatch), 3);
}

/// The recorder says of every frame whether the damage touched it: all that it did not touch are found, and in order.
#[test]
fn every_frame_that_the_damage_did_not_touch_is_found() {
    let (index, _) = case("missive-damaged");
    let frames = lines(&corpus().join("captures/missive-damaged/frames.jsonl"));
    let mut untouched: BTreeMap<Endpoints, Vec<Brief>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["touched"] == Json::Bool(false)) {
        let text = |name: &str| frame[name].as_str().unwrap().to_owned();
        let number = |name: &str| frame[name].as_u64().unwrap();
        let said = (number("sequence"), number("channel"), number("length"), text("kind"));
        untouched.entry((text("src"), text("dst"))).or_default().push(said);
    }
    let mut found: BTreeMap<Endpoints, Vec<Brief>> = BTreeMap::new();
    let mut reader = index.reader();
    for (flow, _) in index.flows() {
        for direction in [Direction::Forward, Direction::Backward] {
            for number in index.stream_rows(flow, direction) {
                let row = index.row(number).unwrap();
                if row.span_type != SpanType::Message {
                    continue;
                }
                let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
                let message = index.dissect(number, &bytes);
                assert!(row.severity() < Some(Severity::Error), "row {number}: {:?}", message.problems);
                let value = |path: &str| message.field(path).and_then(|field| field.value.as_u64()).unwrap();
                let kind = index.kind(&row).unwrap().to_owned();
                let (src, dst) = index.endpoints(&row).unwrap();
                let key = (src.to_string(), dst.to_string());
                found.entry(key).or_default().push((value("sequence"), value("channel"), row.length, kind));
            }
        }
    }
    let touched = frames.len() - untouched.values().map(Vec::len).sum::<usize>();
    assert_eq!((frames.len(), touched), (281, TOUCHED), "the recording is another one");
    assert_eq!(found, untouched);
}

/// Frames and garbage that are touched according to the recorder's log.
const TOUCHED: usize = 17;

/// Kind, sequence, length and holes of a frame.
type Holed = (String, u64, u64, Vec<[u64; 2]>);

/// The recorder says of every frame which of its bytes were not captured: each whose header was is a message of its
/// length, with just these holes, and nothing else is a message.
#[test]
fn every_frame_whose_header_was_captured_keeps_its_length_and_has_just_its_holes() {
    let (index, _) = case("holes");
    let frames = lines(&corpus().join("captures/holes/frames.jsonl"));
    let mut sent: BTreeMap<Endpoints, Vec<Holed>> = BTreeMap::new();
    for frame in &frames {
        let text = |name: &str| frame[name].as_str().unwrap().to_owned();
        let number = |name: &str| frame[name].as_u64().unwrap();
        let missing: Vec<[u64; 2]> = serde_json::from_value(frame["missing"].clone()).unwrap();
        if missing.iter().all(|[start, _]| *start >= 20) {
            let said = (text("kind"), number("sequence"), number("length"), missing);
            sent.entry((text("src"), text("dst"))).or_default().push(said);
        }
    }
    let mut found: BTreeMap<Endpoints, Vec<Holed>> = BTreeMap::new();
    let mut reader = index.reader();
    for (flow, _) in index.flows() {
        for direction in [Direction::Forward, Direction::Backward] {
            for number in index.stream_rows(flow, direction) {
                let row = index.row(number).unwrap();
                assert!(row.severity() < Some(Severity::Error), "row {number}");
                if row.span_type != SpanType::Message {
                    continue;
                }
                let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
                let message = index.dissect(number, &bytes);
                let sequence = message.field("sequence").unwrap().value.as_u64().unwrap();
                let missing = index.missing(&row).into_iter().map(|hole| [hole.start, hole.end - hole.start]);
                let (src, dst) = index.endpoints(&row).unwrap();
                let kind = index.kind(&row).unwrap().to_owned();
                let key = (src.to_string(), dst.to_string());
                found.entry(key).or_default().push((kind, sequence, row.length, missing.collect()));
            }
        }
    }
    let holed = found.values().flatten().filter(|(.., missing)| !missing.is_empty()).count();
    assert_eq!((frames.len(), holed), (82, 12), "the recording is another one");
    assert_eq!(found, sent);
}

#[test]
fn a_message_with_a_hole_is_no_seed() {
    let (index, _) = case("holes");
    let seeds = seeds(&index, &mut RowSelection::all(), 64 << 10).unwrap();
    let is_seed = |bytes: &[u8]| seeds.iter().any(|seed| seed.bytes == bytes);
    let (mut reader, mut whole) = (index.reader(), 0);
    for (_, row) in index.rows().filter(|(_, row)| row.span_type == SpanType::Message) {
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
        assert!(
            index.missing(&row).is_empty() || !is_seed(&bytes),
            "{} bytes of {}",
            bytes.len(),
            row.length
        );
        whole += usize::from(is_seed(&bytes));
    }
    assert!(whole > 5, "{whole}");
}

#[test]
fn bare_messages_are_shown_glued_and_cut() {
    use framescope_parser::Code;
    let (index, sent) = case("bare-login");
    let rows = |code| index.rows().filter(|(_, row)| row.codes.contains(code)).count();
    // Twice, two messages went out in one write; twice, a message in two writes.
    assert_eq!((rows(Code::Glued), rows(Code::Cut)), (2, 4));
    let bytes: u64 = sent.iter().map(|said| said["length"].as_u64().unwrap()).sum();
    assert_eq!(index.rows().map(|(_, row)| row.length).sum::<u64>(), bytes);
}

#[test]
fn a_character_cut_between_segments_is_shown_on_both_sides() {
    let (index, _) = case("text-echo");
    let mut pieces = Vec::new();
    for_each_row(&index, |_, row, _, message| {
        for name in ["continued", "unfinished"] {
            if let Some(field) = message.field(name)
                && index.direction(row) == Direction::Forward
            {
                pieces.push((name, hex(field.value.as_bytes().unwrap())));
            }
        }
    });
    assert_eq!(pieces, [("unfinished", "e5".to_owned()), ("continued", "88b0".to_owned())]);
}

#[test]
fn seeds_and_regressions_hold() {
    let mut replayed = 0;
    for oracle in ORACLES {
        for folder in [format!("seeds/{}", oracle.seeds), format!("regressions/{}", oracle.name)] {
            let Ok(files) = fs::read_dir(corpus().join(&folder)) else {
                assert!(folder.starts_with("regressions"), "there are no {folder}");
                continue;
            };
            for file in files {
                let path = file.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                // The name of the failing case is printed above its panic.
                println!("{}: {}", oracle.name, path.display());
                (oracle.check)(&bytes);
                replayed += 1;
                // Inputs that are not traffic have a capture in their place, which holds too, and opens.
                if let Some((other, traffic)) = oracle.traffic(&bytes) {
                    (Oracle::named(other).unwrap().check)(&traffic);
                }
            }
        }
    }
    assert!(replayed > 800, "the seeds are not there: {replayed}");
    let known: BTreeSet<&str> = ORACLES.iter().map(|oracle| oracle.name).collect();
    for folder in fs::read_dir(corpus().join("regressions")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&*name), "regressions/{name} is never replayed");
    }
}
