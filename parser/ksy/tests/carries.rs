//! Described protocols whose messages carry others: channels, numbered parts, offsets, and what is lost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

mod talk;

use framescope_ksy::Described;
use framescope_parser::{Collected, Heard, Protocol, Role};
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

fn load(text: &str) -> Described {
    Described::from_ksy(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_structure_with_the_field_carries_it_wherever_it_is() {
    let bundle = load(
        "
meta: {id: bundle, endian: be}
seq:
  - {id: magic, contents: PACK}
  - {id: session, type: u1}
  - {id: length, type: u1}
  - {id: chunks, type: chunks, size: length}
types:
  chunks: {seq: [{id: list, type: chunk, repeat: eos}]}
  chunk:
    meta: {-framescope: {carries: {field: body.data, channel: _root.session << 8 | number}}}
    seq:
      - {id: number, type: u1}
      - {id: length, type: u1}
      - {id: body, type: body, size: length}
  body: {seq: [{id: data, size-eos: true}]}
",
    );
    let message = |session: u8, chunks: &[u8]| {
        [b"PACK", &[session, u8::try_from(chunks.len()).unwrap()][..], chunks].concat()
    };
    let pieces = [
        says(CLIENT, message(1, b"\x01\x02ab\x02\x03xyz")),
        says(CLIENT, message(2, b"\x01\x01!")),
        says(CLIENT, message(1, b"\x02\x01.\x01\x02cd")),
    ];
    let carried = carried(&bundle, &pieces);
    let all: Vec<_> = (0..3).map(|channel| heard(&carried, channel, CLIENT)).collect();
    assert_eq!(all, [["abcd", "end"], ["xyz.", "end"], ["!", "end"]]);
    assert!(carried.channels.values().all(|channel| channel.is_verbatim));
    assert_eq!(carried.channels[&0].settings.get("channel"), Some("257"));
}

#[test]
fn a_list_of_bytes_is_carried_item_by_item() {
    let list = load(
        "
meta: {id: list, endian: be, -framescope: {carries: items}}
seq:
  - {id: count, type: u1}
  - {id: items, size: 2, repeat: expr, repeat-expr: count}
",
    );
    let carried = carried(&list, &[says(CLIENT, b"\x02abcd\x00\x01ef")]);
    assert_eq!(heard(&carried, 0, CLIENT), ["abcdef", "end"]);
}

#[test]
fn what_earlier_messages_have_set_decides_what_is_carried() {
    let sessions = load(
        "
meta:
  id: sessions
  endian: be
  -framescope:
    carries: {field: data, channel: number, protocol: text, name: text, if: '_conversation.kinds[number] == 1'}
    conversation:
      variables: {kinds: {}}
      both: frame
      states:
        frame:
          then:
            - when: is_open
              set: {'kinds[number]': 'data[0]'}
types:
  frame:
    seq:
      - {id: open, type: u1, valid: {any-of: [0, 1]}}
      - {id: number, type: u1}
      - {id: length, type: u1}
      - {id: data, size: length}
    instances: {is_open: {value: open == 1 and length > 0}}
",
    );
    let frame = |open: u8, number: u8, data: &[u8]| {
        says(CLIENT, [&[open, number, u8::try_from(data.len()).unwrap()], data].concat())
    };
    let pieces = [
        frame(1, 5, b"\x01"),
        frame(1, 6, b"\x02"),
        frame(0, 5, b"text"),
        frame(0, 6, b"\0\0"),
        frame(0, 5, b" of five"),
    ];
    assert!(sessions.stages().iter().all(|stage| stage.carries));
    let carried = carried(&sessions, &pieces);
    assert_eq!(heard(&carried, 0, CLIENT), ["text of five", "end"]);
    assert_eq!((carried.channels.len(), &*carried.channels[&0].name), (1, "sessions.text"));
}

#[test]
fn what_is_processed_is_carried_as_it_is_then_and_within_what_is_taken() {
    use std::io::Write;
    let packed = load(
        "
meta: {id: packed, endian: be, -framescope: {carries: data}}
seq:
  - {id: length, type: u2}
  - {id: data, size: length, process: zlib}
",
    );
    let message = |bytes: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        let data = encoder.finish().unwrap();
        says(CLIENT, [&u16::try_from(data.len()).unwrap().to_be_bytes()[..], &data].concat())
    };
    let mut talk = Carried::new(&packed);
    talk.carried.limit = Some(20);
    let pieces = [message(b"hello "), says(CLIENT, b"\0\x03???"), message(&[b'x'; 30]), End(CLIENT)];
    pieces.iter().for_each(|piece| talk.take(piece));
    let expected = ["hello ", "-1", "xxxxxxxxxxxxxx", "-16", "end"];
    assert_eq!(heard(&talk.carried, 0, CLIENT), expected);
    assert!(!talk.carried.channels[&0].is_verbatim);
    let text = "expands-too-much: what this carries is 16 bytes more than are taken of it; they are left out";
    assert_eq!(problems(&talk.carried), [text]);
}

#[test]
fn of_an_incomplete_message_what_was_captured_is_carried() {
    let sent = frame(0, 0, 0, "0123456789");
    for (carries, expected) in [
        ("payload", vec!["..012", "-4", "789..", "end"]),
        ("{field: payload, as: messages}", vec!["..", "|", "012", "-4", "789", "|", "..", "|", "end"]),
        (
            "{field: payload, channel: channel, index: number, if: length == 10}",
            vec!["012", "-4", "789", "end"],
        ),
        ("{field: payload, offset: number}", vec!["..2", "-4", "789", "end"]),
    ] {
        let mux = mux(carries);
        let around = says(CLIENT, frame(0, 0, 0, ".."));
        let (begin, end) = (says(CLIENT, &sent[..10]), says(CLIENT, &sent[14..]));
        let pieces = [around.clone(), begin, Gap(CLIENT, 4), end, around];
        assert_eq!(heard(&carried(&mux, &pieces), 0, CLIENT), expected, "{carries}");
    }
}

#[test]
fn the_items_of_a_stream_after_a_preamble_carry_too() {
    for (before, conditions) in [("_parent.version", "if: _parent.version == 2"), ("0", "if: true")] {
        let stream = load(&format!(
            "
meta: {{id: t, endian: be}}
seq:
  - {{id: magic, contents: RECS}}
  - {{id: version, type: u1}}
  - {{id: records, type: record, repeat: eos}}
types:
  record:
    meta: {{-framescope: {{carries: {{field: data, channel: kind, {conditions}}}}}}}
    seq:
      - {{id: kind, type: u1}}
      - {{id: length, type: u1}}
      - {{id: data, size: length}}
    instances: {{of: {{value: {before}}}}}
"
        ));
        let carried = carried(&stream, &[says(CLIENT, b"RECS\x02\x01\x02ab\x02\x01x\x01\x01c")]);
        assert_eq!(heard(&carried, 0, CLIENT), ["abc", "end"], "{before}");
        assert_eq!(heard(&carried, 1, CLIENT), ["x", "end"], "{before}");
    }
}

#[test]
fn a_list_of_items_without_a_preamble_carries_what_its_items_do() {
    let stream = load(
        "
meta: {id: t, endian: be}
seq: [{id: records, type: record, repeat: eos}]
types:
  record:
    meta: {-framescope: {carries: data}}
    seq:
      - {id: length, type: u1}
      - {id: data, size: length}
",
    );
    let carried = carried(&stream, &[says(CLIENT, b"\x02ab\x01c")]);
    assert_eq!(heard(&carried, 0, CLIENT), ["abc", "end"]);
}
