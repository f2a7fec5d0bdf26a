//! Conversations whose messages depend on the direction and on what was said before, through the whole pipeline: in which stage each
//! message is read, whatever was lost, late or looked at first.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::sync::Arc;

use framescope_capture::filter::Filter;
use framescope_capture::{Client, Index, Options, RowId};
use framescope_parser::with_built_in;
use support::turns::{self, Turns, conversation, index_of, opening, says};
use support::{Tcp, read_with, tcp_pcap};

/// A row as its stage, protocol, problems, and fields.
fn row_of(index: &Index, number: RowId) -> String {
    let row = index.row(number).unwrap();
    let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap();
    let stage = index.stage(&row).map_or("-", |stage| &*stage.name);
    let dissection = index.dissect(number, &bytes);
    let mut text = format!("{} {stage}:", index.direction(&row));
    for field in &dissection.fields {
        text += &format!(" {}", field.value);
    }
    for problem in &dissection.problems {
        text += &format!(" [{}]", problem.code);
    }
    if row.type_name() != "message" {
        text += &format!(" ({} {})", row.type_name(), row.length);
    }
    text
}

fn rows(index: &Index) -> Vec<String> {
    index.row_ids().map(|number| row_of(index, number)).collect()
}

const ALL: [&str; 11] = [
    r#"forward hello: "\u{2}""#,
    r#"forward request: "key \u{1}""#,
    r#"backward reply: "abc" 98"#,
    r#"forward request: "special""#,
    r#"backward special: "9999""#,
    r#"backward reply: "z" 123"#,
    r#"forward request: "key \u{3}""#,
    r#"backward reply: "a" 100"#,
    r#"forward request: "text""#,
    r#"forward text: "and more""#,
    r#"backward reply: "b" 101"#,
];

#[test]
fn each_message_is_read_in_the_stage_that_those_before_it_led_to() {
    let index = turns::index();
    assert_eq!(rows(&index), ALL);
    // Whichever is looked at first.
    let mut seen: Vec<_> = index.row_ids().rev().map(|number| row_of(&index, number)).collect();
    seen.reverse();
    assert_eq!(seen, ALL);
    let protocol =
        |number: usize| index.protocol(&index.row(RowId::from(number as u32)).unwrap()).unwrap().name();
    assert_eq!([protocol(8), protocol(9)], ["turns", "text"]);
}

#[test]
fn a_filter_tests_the_stage_and_the_protocol_of_each_message_and_its_fields_with_what_was_set() {
    let index = turns::index();
    let found = |filter: &str| {
        let filter = Filter::parse(filter, index.protocols()).unwrap();
        filter.rows(&index).unwrap().into_iter().map(RowId::number).collect::<Vec<_>>()
    };
    assert_eq!(found("stage == special"), [4]);
    assert_eq!(found("protocol == text"), [9]);
    assert_eq!(found("protocol == turns and stage != reply"), [0, 1, 3, 4, 6, 8]);
    assert_eq!(found("shifted == 100"), [7]);
    assert_eq!(found("turns.text == z"), [5]);
}

#[test]
fn a_segment_that_comes_late_decides_about_what_the_other_side_sent_after_it() {
    let sent = conversation();
    let of = |rows: &[String], direction: &str| {
        rows.iter().filter(|row| row.starts_with(direction)).cloned().collect::<Vec<_>>()
    };
    let all: Vec<String> = ALL.iter().map(|row| (*row).to_owned()).collect();
    // Each data segment in turn is captured only after the one or two that follow it, whichever side sent them.
    for late in 2..sent.len() - 2 {
        for by in 1..=2 {
            let mut segments = sent.clone();
            let segment = segments.remove(late);
            segments.insert(late + by, segment);
            let found = rows(&index_of(&segments));
            for direction in ["forward", "backward"] {
                assert_eq!(of(&found, direction), of(&all, direction), "segment {late} is late by {by}");
            }
        }
    }
}

#[test]
fn a_reply_to_what_was_not_captured_is_not_read_as_if_nothing_was_said() {
    let mut segments = conversation();
    // The request that makes the next reply a special one, and all that the client says after it.
    segments.retain(|segment| !segment.from_client || segment.sequence < 101 + 8);
    let found = rows(&index_of(&segments));
    let unsure = found.iter().filter(|row| row.contains("state-unknown")).count();
    assert!(unsure >= 1, "{found:#?}");
}

#[test]
fn what_a_capture_lacks_of_a_conversation_is_a_problem_of_the_next_message() {
    let mut segments = conversation();
    segments.remove(6);
    let found = rows(&index_of(&segments));
    assert!(found.contains(&"forward request: (gap 7)".to_owned()), "{found:#?}");
    assert!(found.contains(&r#"forward request: "text" [state-unknown]"#.to_owned()), "{found:#?}");
    let inside = conversation().split_off(4);
    let found = rows(&index_of(&inside));
    assert!(found[0].contains("mid-conversation"), "{found:#?}");
}

#[test]
fn a_conversation_is_recognised_by_one_side_and_read_in_both() {
    let options =
        Options { protocols: with_built_in(vec![Arc::new(Turns::default())]), ..Options::default() };
    let mut segments = conversation();
    // The server's direction is buffered before the client's is recognised.
    segments[2].payload.extend_from_slice(&[0; 20]);
    let index = read_with(tcp_pcap(&segments[..3]), &options);
    assert_eq!(rows(&index)[1], r#"forward request: "key \u{1}""#);
}

#[test]
fn a_long_conversation_is_read_from_any_place_as_from_its_beginning() {
    let mut segments = opening().to_vec();
    segments.push(says(true, 0, b"\x01"));
    let (mut client, mut server) = (1, 0);
    for turn in 0..20_000_u32 {
        let key = [5, b'k', b'e', b'y', b' ', (turn % 200) as u8];
        segments.push(says(true, client, &key));
        segments.push(says(false, server, b"\x01\x01"));
        (client, server) = (client + 6, server + 2);
    }
    let index = index_of(&segments);
    assert_eq!(index.row_count(), 40_001);
    for turn in [19_999, 3, 10_000, 7_777, 7_776, 7_778, 0, 19_998_u32] {
        let expected = format!(r#"backward reply: "\u{{1}}" {}"#, 1 + turn % 200);
        assert_eq!(row_of(&index, RowId::from(2 + 2 * turn)), expected);
    }
}

#[test]
fn who_opened_a_conversation_can_be_said_and_is_guessed_from_its_first_bytes() {
    // Without SYNs, and on ports that say nothing.
    let segments: Vec<Tcp> = conversation().split_off(2);
    let options = |clients: Vec<Client>| Options {
        protocols: with_built_in(vec![Arc::new(Turns::default())]),
        decode_as: vec!["tcp=turns".parse().unwrap()],
        clients,
        ..Options::default()
    };
    let stage = |clients| {
        let index = read_with(tcp_pcap(&segments), &options(clients));
        let row = index.row(0.into()).unwrap();
        index.stage(&row).unwrap().name.clone()
    };
    assert_eq!(stage(vec!["50000".parse().unwrap()]), "request");
    assert_eq!(stage(vec!["10.0.0.2:9000".parse().unwrap()]), "reply");
    assert_eq!(stage(Vec::new()), "request", "9000 is a server's port");
    // A file that is not a capture is what either side sent.
    let file = |bytes: &[u8]| {
        let options = Options { decode_as: vec!["file=turns".parse().unwrap()], ..options(Vec::new()) };
        let index = read_with(bytes.to_vec(), &options);
        index.row_ids().map(|number| row_of(&index, number)).collect::<Vec<_>>()
    };
    assert_eq!(file(b"\x01\x03abc")[0], r#"forward hello: "\u{1}""#);
}
