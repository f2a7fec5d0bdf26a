//! Messages of which the capture lacks bytes: they keep their length, show what is known of them, pair with requests
//! and replies, and the framing resumes after them.

// A test stops where an assumption of its helpers does not hold, and a list of one range is intended.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(clippy::single_range_in_vec_init)]

mod support;

use std::sync::Arc;

use framescope_capture::export::{RowSelection, write_json};
use framescope_capture::filter::Filter;
use framescope_capture::{Index, Options, RowId};
use framescope_ksy::Described;
use framescope_oracles::check_index;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{Code, Dissection, SpanType, Value, with_built_in};
use support::{Tcp, pcap, read_with, tcp_pcap};

const PLAIN: &str = "
meta: {id: plain, endian: be, -framescope: {kind: kind}}
seq:
  - {id: kind, type: u1, enum: kind}
  - {id: length, type: u2}
  - {id: body, size: length, type: str, encoding: UTF-8}
enums:
  kind: {1: hello, 2: data, 3: bye}
";

const CHECKED: &str = "
meta: {id: checked, endian: be}
seq:
  - {id: magic, contents: [0xaa, 0x55, 0xaa]}
  - {id: length, type: u2}
  - {id: body, size: length, type: body}
  - {id: check, type: u4, -check: crc-32}
types:
  body:
    seq:
      - {id: number, type: u4}
      - {id: name, type: strz, encoding: UTF-8}
      - {id: blob, size: 100}
      - {id: last, type: u2}
";

fn options(text: &str) -> Options {
    let described = Described::from_ksy(text).unwrap();
    let decode_as = vec![format!("tcp={}", framescope_parser::Protocol::name(&described)).parse().unwrap()];
    Options { protocols: with_built_in(vec![Arc::new(described)]), decode_as, ..Options::default() }
}

fn plain(number: usize, length: usize) -> Vec<u8> {
    let text: String =
        "what somebody said to somebody ".chars().cycle().skip(number % 31).take(length).collect();
    [&[1 + (number % 3) as u8][..], &(length as u16).to_be_bytes(), text.as_bytes()].concat()
}

/// A connection in which these ranges of the stream were not captured.
fn without(stream: &[u8], lost: &[std::ops::Range<usize>]) -> Vec<u8> {
    let mut segments = vec![Tcp::syn(0)];
    let mut at = 0;
    for gap in lost.iter().cloned().chain([stream.len()..stream.len()]) {
        for (i, part) in stream[at..gap.start].chunks(1000).enumerate() {
            segments.push(Tcp::data(1 + (at + i * 1000) as u32, part));
        }
        at = gap.end;
    }
    segments.push(Tcp::fin(1 + stream.len() as u32));
    tcp_pcap(&segments)
}

fn of_type(index: &Index, span_type: SpanType) -> usize {
    index.rows().filter(|(_, row)| row.span_type == span_type).count()
}

fn dissected(index: &Index, number: RowId, look: impl FnOnce(&Dissection<'_>)) {
    let row = index.row(number).unwrap();
    let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap();
    look(&index.dissect(number, &bytes));
}

#[test]
fn one_lost_segment_costs_one_message_of_a_format_without_anything_to_search_for() {
    let messages: Vec<Vec<u8>> =
        (0..200).map(|i| plain(i, if i == 77 { 1500 } else { 20 + i % 40 })).collect();
    let at: usize = messages[..77].iter().map(Vec::len).sum();
    let (stream, options) = (messages.concat(), options(PLAIN));
    let index = read_with(without(&stream, &[at + 400..at + 1100]), &options);
    check_index(&index);
    assert_eq!((index.row_count(), of_type(&index, SpanType::Message)), (200, 200));
    let filter = Filter::parse("incomplete", index.protocols()).unwrap();
    assert_eq!(filter.rows(&index).unwrap(), [77.into()]);
    let filter = Filter::parse("missing_bytes == 700 and kind == bye", index.protocols()).unwrap();
    assert_eq!(filter.rows(&index).unwrap(), [77.into()]);
    assert!(
        Filter::parse("missing_bytes < 700", index.protocols()).unwrap().rows(&index).unwrap().is_empty()
    );
    let row = index.row(77.into()).unwrap();
    assert_eq!((row.offset, row.length, index.missing(&row)), (at as u64, 1503, vec![400..1100]));
    dissected(&index, 77.into(), |message| {
        assert_eq!(message.field("length").unwrap().value, Value::Unsigned(1500));
        let body = message.field("body").unwrap();
        assert_eq!((body.range.clone(), &body.value), (3..1503, &Value::Missing));
        let there: Vec<_> = body.fields.iter().map(|part| (part.name, part.range.clone())).collect();
        assert_eq!(there, [("_captured", 3..400), ("_captured", 1100..1503)]);
        let [problem] = &message.problems[..] else { panic!("{:?}", message.problems) };
        assert_eq!((problem.code, problem.range.clone()), (Code::Incomplete, 400..1100));
        assert!(problem.text.starts_with("700 of its 1503 bytes were not captured: bytes 400 to 1099;"));
    });
    let mut out = Vec::new();
    let filter = Filter::parse("incomplete", index.protocols()).unwrap();
    write_json(&index, &mut RowSelection::by(filter), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(r#""length":1503,"missing":[[400,700]],"#), "{out}");
    assert!(
        out.contains(
            r#"{"name":"body","offset":3,"length":1500,"value":null,"fields":[{"name":"_captured","#
        )
    );
}

#[test]
fn a_snaplen_that_keeps_the_heads_costs_no_message() {
    let messages: Vec<Vec<u8>> = (0..50).map(|i| plain(i, 3000 - 3)).collect();
    let mut segments = vec![Tcp::syn(0)];
    for (i, message) in messages.iter().enumerate() {
        for (k, part) in message.chunks(1448).enumerate() {
            segments.push(Tcp::data(1 + (i * 3000 + k * 1448) as u32, part));
        }
    }
    segments.push(Tcp::fin(1 + 150_000));
    let mut capture = pcap(support::RAW_IP, &[]);
    for (i, segment) in segments.iter().enumerate() {
        let packet = segment.ip_packet();
        let captured = &packet[..packet.len().min(96)];
        for field in [0, i as u32, captured.len() as u32, packet.len() as u32] {
            capture.extend(field.to_le_bytes());
        }
        capture.extend(captured);
    }
    let index = read_with(capture, &options(PLAIN));
    check_index(&index);
    assert_eq!(index.row_count(), 50);
    for (id, row) in index.rows() {
        assert_eq!(
            (row.span_type, row.offset, row.length),
            (SpanType::Message, id.index() as u64 * 3000, 3000)
        );
        assert_eq!(index.kind(&row), Some(["hello", "data", "bye"][id.index() % 3]));
        let missing = [56..1448, 1504..2896, 2952..3000];
        assert_eq!(index.missing(&row), missing);
    }
}

#[test]
fn what_is_missing_of_a_message_is_not_known_and_the_rest_is() {
    let body = [&[0, 0, 0, 7][..], b"ada\0", &[9; 100], &[1, 2]].concat();
    let mut message = [&[0xaa, 0x55, 0xaa, 0, body.len() as u8][..], &body].concat();
    message.extend(crc32fast::hash(&message).to_be_bytes());
    let stream = message.repeat(3);
    let start = message.len();
    // In the second message: the number's last byte, and a part of the blob.
    let index =
        read_with(without(&stream, &[start + 8..start + 9, start + 50..start + 60]), &options(CHECKED));
    check_index(&index);
    assert_eq!((index.row_count(), of_type(&index, SpanType::Message)), (3, 3));
    dissected(&index, 1.into(), |message| {
        let value = |path: &str| message.field(path).map(|field| field.value.clone());
        assert_eq!(value("body.number"), Some(Value::Missing));
        assert_eq!(value("body.name"), Some(Value::Text("ada".into())));
        assert_eq!(value("body.blob"), Some(Value::Missing));
        assert_eq!(value("body.last"), Some(Value::Unsigned(0x0102)));
        assert!(matches!(value("check"), Some(Value::Hex(_))));
        let codes: Vec<Code> = message.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [Code::Incomplete], "the check is not computed");
    });
    // Missing bytes match no test, not even a negated comparison.
    for expression in ["body.number == 7", "body.number != 7", "body.number < 100"] {
        let filter = Filter::parse(expression, index.protocols()).unwrap();
        assert!(!filter.rows(&index).unwrap().contains(&1.into()), "{expression}");
    }
}

#[test]
fn a_message_that_nothing_follows_where_it_claims_to_end_is_suspect() {
    let frame = |number: u32, text: &str| {
        FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).sequence(number).payload(text).to_bytes().unwrap()
    };
    let long = "a text that is long enough to lose some of it ".repeat(4);
    let (first, second, third) = (frame(1, "one"), frame(2, &long), frame(3, "three"));
    let at = first.len();
    let lost = [at + 60..at + 90];
    let missive = Options { decode_as: vec!["tcp=missive".parse().unwrap()], ..Options::default() };
    let types = |stream: &[u8]| -> Vec<(SpanType, u64)> {
        let index = read_with(without(stream, &lost), &missive);
        check_index(&index);
        index.rows().map(|(_, row)| (row.span_type, row.length)).collect()
    };
    let sound = types(&[&first[..], &second, &third].concat());
    let message = |bytes: &[u8]| (SpanType::Message, bytes.len() as u64);
    assert_eq!(sound, [message(&first), message(&second), message(&third)]);
    // The gap is ten bytes short: the length leads into the next message.
    let short = types(&[&first[..], &second[..second.len() - 10], &third].concat());
    assert_eq!(short[..2], [message(&first), (SpanType::Skipped(Code::LengthSuspect), 20)]);
    assert_eq!(short.last(), Some(&message(&third)));
}

#[test]
fn an_incomplete_message_answers_and_is_answered() {
    let login = FrameBuf::new(Kind::LOGIN).payload(b"\0\x03ada\0\0").to_bytes().unwrap();
    let ack = FrameBuf::new(Kind::ACK)
        .reply_to(0, 0)
        .payload("a note that is long enough to be cut")
        .to_bytes()
        .unwrap();
    let cut = |bytes: &[u8], from_client: bool| Tcp { from_client, ..Tcp::data(1, bytes) };
    let segments =
        [Tcp::syn(0), Tcp { from_client: false, ..Tcp::syn(0) }, cut(&login, true), cut(&ack, false)];
    let mut capture = pcap(support::RAW_IP, &[]);
    for (i, segment) in segments.iter().enumerate() {
        let packet = segment.ip_packet();
        // Of both messages the header is there.
        let captured = if i > 1 { &packet[..40 + 22] } else { &packet[..] };
        for field in [0, i as u32, captured.len() as u32, packet.len() as u32] {
            capture.extend(field.to_le_bytes());
        }
        capture.extend(captured);
    }
    let index = read_with(capture, &Options::default());
    check_index(&index);
    assert_eq!((index.row_count(), index.reply_to(1.into()).unwrap().0), (2, 0.into()));
    assert!(index.rows().all(|(_, row)| row.codes.contains(Code::Incomplete)));
}
