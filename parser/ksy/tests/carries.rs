//! Described protocols whose messages carry others: channels, numbered parts, offsets, and what is lost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

mod talk;

use framescope_ksy::Described;
use framescope_parser::{Collected, Heard, Role};
use talk::{Carried, End, Gap, Inside, Piece, says};

const CLIENT: Role = Role::Client;
const SERVER: Role = Role::Server;

/// A multiplexer with a rule for what its messages carry.
fn mux(carries: &str) -> Described {
    let text = format!(
        "
meta: {{id: mux, endian: be, -framescope: {{carries: {carries}}}}}
seq:
  - {{id: magic, contents: [0xf5, 0xa7]}}
  - {{id: channel, type: u1}}
  - {{id: flags, type: u1}}
  - {{id: number, type: u2}}
  - {{id: length, type: u1}}
  - {{id: payload, size: length}}
instances:
  syn: {{value: flags & 1 != 0}}
  fin: {{value: flags & 2 != 0}}
"
    );
    Described::from_ksy(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn frame(channel: u8, flags: u8, number: u16, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u8::try_from(payload.len()).unwrap();
    [&[0xf5, 0xa7, channel, flags][..], &number.to_be_bytes(), &[length], payload].concat()
}

/// What a direction of a channel heard, in short.
fn heard(carried: &Collected, channel: u64, role: Role) -> Vec<String> {
    let heard = carried.heard.get(&(channel, role)).into_iter().flatten();
    let one = |heard: &Heard| match heard {
        Heard::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Heard::EndOfMessage => "|".to_owned(),
        Heard::Lost(length) => format!("-{length}"),
        Heard::End => "end".to_owned(),
    };
    heard.map(one).collect()
}

fn problems(carried: &Collected) -> Vec<String> {
    carried.problems.iter().map(|(code, text)| format!("{code}: {text}")).collect()
}

fn carried(protocol: &Described, pieces: &[Piece]) -> Collected {
    let mut talk = Carried::new(protocol);
    pieces.iter().for_each(|piece| talk.take(piece));
    Role::BOTH.iter().for_each(|&role| talk.take(&End(role)));
    talk.carried
}

#[test]
fn one_field_is_one_stream_in_each_direction() {
    let mux = mux("payload");
    let pieces = [
        says(CLIENT, frame(1, 0, 0, "hello ")),
        says(SERVER, frame(1, 0, 0, "yes")),
        says(CLIENT, frame(9, 0, 0, "world")),
    ];
    let carried = carried(&mux, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["hello world", "end"]);
    assert_eq!(heard(&carried, 0, SERVER), ["yes", "end"]);
    let channel = &carried.channels[&0];
    assert_eq!((&*channel.name, channel.is_verbatim, channel.is_delimited), ("mux", true, false));
}

#[test]
fn each_channel_is_a_stream_of_its_own_that_may_begin_again() {
    let mux = mux("{field: payload, channel: channel, protocol: inner, name: data, begin: syn, end: fin}");
    let pieces = [
        says(CLIENT, frame(7, 1, 0, "ab")),
        says(CLIENT, frame(8, 1, 0, "12")),
        says(SERVER, frame(7, 0, 0, "AB")),
        says(CLIENT, frame(7, 2, 0, "cd")),
        says(CLIENT, frame(8, 0, 0, "34")),
        says(CLIENT, frame(7, 1, 0, "again")),
        says(SERVER, frame(8, 2, 0, "")),
    ];
    let carried = carried(&mux, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["abcd", "end"]);
    assert_eq!(heard(&carried, 0, SERVER), ["AB"]);
    assert_eq!(heard(&carried, 1, CLIENT), ["1234", "end"]);
    assert_eq!(heard(&carried, 1, SERVER), ["end"]);
    assert_eq!(heard(&carried, 2, CLIENT), ["again", "end"]);
    let channel = &carried.channels[&1];
    assert_eq!((&*channel.name, channel.protocol.as_deref()), ("mux.data", Some("inner")));
    assert_eq!(channel.settings.get("channel"), Some("8"));
}

#[test]
fn after_a_loss_each_channel_may_lack_bytes_and_one_that_begins_does_not() {
    let mux = mux("{field: payload, channel: channel, begin: syn}");
    let pieces = [
        says(CLIENT, frame(1, 1, 0, "one")),
        says(CLIENT, frame(2, 1, 0, "two")),
        Gap(CLIENT, 100),
        says(CLIENT, frame(3, 1, 0, "three")),
        says(CLIENT, frame(1, 0, 0, "one")),
        says(CLIENT, frame(4, 0, 0, "four")),
        says(SERVER, frame(1, 0, 0, "server")),
    ];
    let carried = carried(&mux, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["one", "-1", "one", "end"]);
    assert_eq!(heard(&carried, 1, CLIENT), ["two", "end"]);
    assert_eq!(heard(&carried, 2, CLIENT), ["three", "end"]);
    let begins_inside: Vec<bool> = carried.channels.values().map(|channel| channel.begins_inside).collect();
    assert_eq!(begins_inside, [false, false, false, true]);
    assert_eq!(heard(&carried, 0, SERVER), ["server", "end"]);
}

#[test]
fn offsets_put_bytes_where_they_belong() {
    let mux = mux("{field: payload, offset: number, end: fin}");
    let pieces = [
        says(CLIENT, frame(0, 0, 0, "abc")),
        says(CLIENT, frame(0, 0, 6, "ghi")),
        says(CLIENT, frame(0, 0, 6, "gXi")),
        says(CLIENT, frame(0, 0, 3, "defgh")),
        says(CLIENT, frame(0, 0, 0, "abc")),
        says(CLIENT, frame(0, 0, 0, "abX")),
        says(CLIENT, frame(0, 0, 8, "ijk")),
        says(CLIENT, frame(0, 2, 20, "uv")),
        says(CLIENT, frame(0, 0, 22, "late")),
    ];
    let carried = carried(&mux, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["abcdefghijk", "-9", "uv", "end"]);
    let differs = "conflicting-retransmission: these bytes of what is carried were sent before with other contents; the first are kept";
    let late =
        "sequence-jump: this belongs to place 22 of what is carried, which ended at 22: it is left out";
    assert_eq!(problems(&carried), [differs, differs, late]);
    assert!(!carried.channels[&0].is_verbatim);
}

#[test]
fn numbers_that_begin_again_order_what_comes_out_of_order() {
    let mux = mux("{field: payload, index: number, from: 1, wraps: 16}");
    let mut pieces = Vec::new();
    let numbers: Vec<u16> = (1..40u16).map(|number| number % 16).collect();
    for pair in numbers.chunks(2) {
        let mut pair: Vec<Piece> =
            pair.iter().map(|&number| says(CLIENT, frame(0, 0, number, format!("{number:x}")))).collect();
        pair.reverse();
        pieces.extend(pair);
    }
    let all: String = numbers.iter().map(|number| format!("{number:x}")).collect();
    assert_eq!(heard(&carried(&mux, &pieces), 0, CLIENT), [all, "end".to_owned()]);
}

#[test]
fn a_gap_is_given_up_when_too_much_waits_behind_it() {
    let mux = mux("{field: payload, index: number}");
    let piece = |number: u16| says(CLIENT, frame(0, 0, number, "xy"));
    let mut pieces: Vec<Piece> = (0..4).chain(6..70).map(piece).collect();
    assert_eq!(heard(&carried(&mux, &pieces), 0, CLIENT), ["xyxyxyxy", "-132", "end"]);
    pieces.push(piece(70));
    let carried = carried(&mux, &pieces);
    assert_eq!(
        heard(&carried, 0, CLIENT),
        ["xyxyxyxy".to_owned(), "-4".to_owned(), "xy".repeat(65), "end".to_owned()]
    );
}

#[test]
fn a_capture_that_begins_inside_begins_with_the_number_it_has() {
    let mux = mux("{field: payload, index: number}");
    let pieces =
        [Inside(CLIENT), says(CLIENT, frame(0, 0, 7, "seven")), says(CLIENT, frame(0, 0, 8, "eight"))];
    let carried = carried(&mux, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["seveneight", "end"]);
    assert!(carried.channels[&0].begins_inside);
}

#[test]
fn each_value_may_be_a_message() {
    let mux = mux("{field: payload, as: messages}");
    let pieces = [
        says(CLIENT, frame(0, 0, 0, "one")),
        Gap(CLIENT, 50),
        says(CLIENT, frame(0, 0, 0, "")),
        says(CLIENT, frame(0, 0, 0, "two")),
    ];
    let carried = carried(&mux, &pieces);
    assert_eq!(carried.messages(0, CLIENT), [&b"one"[..], b"", b"two"]);
    let channel = &carried.channels[&0];
    assert!(channel.is_delimited && channel.is_verbatim && !channel.begins_inside);
}

#[test]
fn parts_in_order_are_joined_up_to_the_last() {
    let mux = mux("{field: payload, channel: channel, first: syn, last: fin}");
    let pieces = [
        says(CLIENT, frame(0, 1, 0, "ab")),
        says(CLIENT, frame(1, 3, 0, "whole")),
        says(CLIENT, frame(0, 2, 0, "cd")),
        says(CLIENT, frame(0, 1, 0, "cut")),
        says(CLIENT, frame(0, 3, 0, "next")),
        says(CLIENT, frame(0, 2, 0, "tail")),
        says(CLIENT, frame(0, 1, 0, "open")),
    ];
    let carried = carried(&mux, &pieces);
    let expected = ["abcd", "|", "cut", "-1", "|", "next", "|", "-1", "tail", "|", "open", "-1", "|", "end"];
    assert_eq!(heard(&carried, 0, CLIENT), expected);
    assert_eq!(heard(&carried, 1, CLIENT), ["whole", "|", "end"]);
    assert!(carried.channels[&0].is_verbatim);
}

#[test]
fn fragments_of_several_messages_are_joined_by_offset_and_the_last() {
    // As in IP: which message, where in it, and whether more follow.
    let mux = mux("{field: payload, message: channel, offset: number, last: fin}");
    let pieces = [
        says(CLIENT, frame(1, 2, 4, "ef")),
        says(CLIENT, frame(2, 0, 0, "12")),
        says(CLIENT, frame(1, 0, 2, "cd")),
        says(CLIENT, frame(1, 0, 2, "cd")),
        says(CLIENT, frame(2, 2, 2, "34")),
        says(CLIENT, frame(1, 0, 0, "ab")),
        says(CLIENT, frame(1, 0, 0, "ab")),
        says(CLIENT, frame(3, 0, 2, "lonely")),
    ];
    let carried = carried(&mux, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["1234", "|", "abcdef", "|", "-6", "|", "end"]);
    assert_eq!(problems(&carried), Vec::<String>::new());
}

#[test]
fn numbered_parts_are_joined_when_as_many_are_there_as_there_are() {
    let mux = mux("{field: payload, index: number, count: channel}");
    let pieces = [
        says(CLIENT, frame(3, 0, 2, "c")),
        says(CLIENT, frame(3, 0, 0, "a")),
        says(CLIENT, frame(3, 0, 1, "b")),
        says(CLIENT, frame(2, 0, 0, "x")),
        // The second part of x was lost: another first one is of another message.
        says(CLIENT, frame(1, 0, 0, "y")),
    ];
    assert_eq!(heard(&carried(&mux, &pieces), 0, CLIENT), ["abc", "|", "x", "-1", "|", "y", "|", "end"]);
}

#[test]
fn a_total_length_ends_a_message_within_its_last_part() {
    // As in ISO-TP: the first frame has the length, the others a number of four bits and padding.
    let mux = mux(
        "[{field: payload, index: number, length: channel, if: syn}, {field: payload, as: messages, index: number, wraps: 16, if: not syn}]",
    );
    let mut pieces = vec![says(CLIENT, frame(200, 1, 0, "x".repeat(6)))];
    pieces.extend((1..29u16).map(|number| says(CLIENT, frame(0, 0, number % 16, "y".repeat(7)))));
    pieces.push(says(CLIENT, frame(3, 1, 0, "abc.....")));
    let carried = carried(&mux, &pieces);
    assert_eq!(
        carried.messages(0, CLIENT),
        [["x".repeat(6), "y".repeat(194)].concat().into_bytes(), b"abc".to_vec()]
    );
}

#[test]
fn a_numbered_stream_begins_again_unless_its_only_part_does() {
    let mux = mux("{field: payload, index: number, from: 1, begin: number == 1, end: length < 4}");
    let block = |number, bytes: &str| says(CLIENT, frame(0, 0, number, bytes));
    let pieces = [
        block(1, "abcd"),
        block(2, "ef"),
        block(2, "ef"),
        block(1, "abcd"),
        block(2, "xyz"),
        block(1, "one"),
        block(1, "one"),
        block(1, "two"),
    ];
    let carried = carried(&mux, &pieces);
    let all: Vec<_> = (0..4).map(|channel| heard(&carried, channel, CLIENT)).collect();
    assert_eq!(all, [["abcdef", "end"], ["abcdxyz", "end"], ["one", "end"], ["two", "end"]]);
    assert_eq!((problems(&carried), carried.channels.len()), (Vec::new(), 4));
}
