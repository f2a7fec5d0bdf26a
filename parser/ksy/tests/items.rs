//! Descriptions that end where the stream does: a list of items after a preamble, and messages that only a datagram or a file ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

use framescope_ksy::{Described, Format};
use framescope_parser::{
    Captured, Code, Confidence, Dissection, Framer, Protocol, Role, Sample, Span, SpanType, Speaker,
    Transport, Usable,
};

/// A file of records, whose byte order and kind of contents the header gives, as in pcap.
const RECORDS: &str = "
meta: {id: records}
seq:
  - {id: hdr, type: header}
  - {id: records, type: record, repeat: eos}
types:
  header:
    seq:
      - {id: magic, contents: RECS}
      - {id: order, type: u1, enum: order}
      - {id: content, type: u1}
  record:
    meta:
      endian:
        switch-on: _root.hdr.order
        cases: {'order::big': be, 'order::little': le}
    seq:
      - {id: number, type: u2}
      - {id: length, type: u2}
      - {id: body, size: length, type: {switch-on: _root.hdr.content, cases: {1: text}}}
  text:
    seq: [{id: words, type: str, size-eos: true, encoding: UTF-8}]
enums:
  order: {1: big, 2: little}
";

/// Chunks that need nothing of the header.
const CHUNKS: &str = "
meta: {id: chunks, endian: be}
seq:
  - {id: magic, contents: CHNK}
  - {id: version, type: u2}
  - {id: chunks, type: chunk, repeat: eos}
types:
  chunk:
    seq:
      - {id: kind, type: u1, enum: kind}
      - {id: length, type: u1}
      - {id: body, size: length, type: {switch-on: kind, cases: {'kind::name': name}}}
  name: {seq: [{id: text, type: str, size-eos: true, encoding: UTF-8}]}
enums:
  kind: {1: name, 2: data}
";

fn record(big: bool, number: u16, body: &[u8]) -> Vec<u8> {
    let bytes = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    [&bytes(number)[..], &bytes(u16::try_from(body.len()).unwrap()), body].concat()
}

/// What was framed: the type, the length and the fields of each span.
type Rows = Vec<(SpanType, u64, String)>;

fn shown(
    protocol: &dyn Protocol,
    stages: bool,
    span: Span,
    bytes: Captured<'_, '_>,
) -> (SpanType, u64, String) {
    let stage =
        bytes.context().filter(|_| stages).map(|context| &protocol.stages()[usize::from(context.stage)]);
    let of = stage.map_or(protocol, |stage| stage.protocol(&[]).unwrap());
    let mut dissection = Dissection::default();
    bytes.dissect(of, &mut dissection);
    let fields = dissection.fields.iter().map(|field| match field.value.as_bytes() {
        Some(bytes) => format!("{}={}", field.name, String::from_utf8_lossy(bytes)),
        None => format!("{}={}", field.name, field.value),
    });
    let problems = dissection.problems.iter().map(|problem| problem.code.as_str().to_owned());
    (span.span_type, span.length, fields.chain(problems).collect::<Vec<_>>().join(" "))
}

/// One direction of a stream, in segments. An empty one stands for a gap of ten bytes.
fn streamed(protocol: &Described, role: Role, segments: &[&[u8]], inside: bool) -> Rows {
    let mut conversation = protocol.conversation().unwrap();
    let (mut framer, mut rows) = (Framer::default(), Vec::new());
    let speaker = Speaker::new(&mut *conversation, role, protocol, &[]);
    let sink = &mut |span: Span, bytes: Captured<'_, '_>| rows.push(shown(protocol, true, span, bytes));
    if inside {
        framer.begins_inside_of(&speaker);
    }
    for segment in segments {
        match segment {
            [] => framer.gap_of(&speaker, 10, sink),
            _ => framer.segment_of(&speaker, segment, sink),
        }
    }
    framer.end_of(&speaker, sink);
    rows
}

/// Datagrams, or whole files.
fn whole(protocol: &Described, transport: Transport, pieces: &[&[u8]]) -> Rows {
    let by = match protocol.usable(transport) {
        Usable::AsItIs => protocol as &dyn Protocol,
        Usable::Whole(by) => by,
        Usable::No(why) => panic!("{why}"),
    };
    let (mut framer, mut rows) = (Framer::default(), Vec::new());
    for piece in pieces {
        let sink = &mut |span: Span, bytes: Captured<'_, '_>| rows.push(shown(protocol, false, span, bytes));
        for segment in piece.chunks(3) {
            framer.segment(by, segment, sink);
        }
        framer.end(by, sink);
    }
    rows
}

fn message(length: u64, fields: &str) -> (SpanType, u64, String) {
    (SpanType::Message, length, fields.to_owned())
}

#[test]
fn items_are_messages_that_are_read_with_the_preamble_of_their_direction() {
    let described = Described::from_ksy(RECORDS).unwrap();
    assert_eq!(described.limits(), None);
    let names: Vec<&str> = described.stages().iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["preamble", "item", "item"]);
    for (role, order) in [(Role::Client, 1u8), (Role::Server, 2)] {
        let big = order == 1;
        let stream = [&b"RECS"[..], &[order, 1], &record(big, 7, b"hello"), &record(big, 8, b"")].concat();
        let expected = [
            message(6, "hdr="),
            message(9, "number=7 length=5 body="),
            message(4, "number=8 length=0 body="),
        ];
        for size in 1..=stream.len() {
            let segments: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(
                streamed(&described, role, &segments, false),
                expected,
                "{role:?} in segments of {size}"
            );
        }
    }
}

#[test]
fn items_encode_to_the_same_bytes_in_their_context() {
    for (text, head, item) in [
        (RECORDS, &b"RECS\x02\x01"[..], record(false, 7, b"hello")),
        (CHUNKS, b"CHNK\0\x02", b"\x01\x03ada".to_vec()),
    ] {
        let described = Described::from_ksy(text).unwrap();
        let mut conversation = described.conversation().unwrap();
        let speaker = Speaker::new(&mut *conversation, Role::Server, &described, &[]);
        let (mut framer, mut seen) = (Framer::default(), 0);
        framer.segment_of(&speaker, &[head, &item].concat(), &mut |_, bytes| {
            let context = bytes.context().unwrap();
            let protocol = described.stages()[usize::from(context.stage)].protocol(&[]).unwrap();
            let mut message = Dissection::default();
            bytes.dissect(protocol, &mut message);
            let mut written = Vec::new();
            described.encode_in(context, &message, &mut written, &mut Vec::new()).unwrap();
            assert_eq!(written, bytes.bytes());
            seen += 1;
        });
        assert_eq!(seen, 2);
    }
}

#[test]
fn items_without_their_preamble_are_not_guessed() {
    let described = Described::from_ksy(RECORDS).unwrap();
    let item = record(true, 7, b"hello");
    let rows = streamed(&described, Role::Client, &[&item, &item], true);
    assert!(rows.iter().all(|(kind, ..)| matches!(kind, SpanType::Skipped(_))), "{rows:?}");
    // The other direction's preamble is another one.
    let mut conversation = described.conversation().unwrap();
    let client = Speaker::new(&mut *conversation, Role::Client, &described, &[]);
    Framer::default().segment_of(&client, b"RECS\x01\x01", &mut |_, _| {});
    assert_eq!((conversation.stage(Role::Client), conversation.stage(Role::Server)), (1, 0));
    assert!(conversation.size() < 300);
}

#[test]
fn items_that_need_no_preamble_are_read_without_it_and_after_a_loss() {
    let described = Described::from_ksy(CHUNKS).unwrap();
    let (name, data) = (b"\x01\x03ada", b"\x02\x04\0\0\0\0");
    let stream = [&b"CHNK\0\x02"[..], name, data, name].concat();
    let chunks = [
        message(5, "kind=name (1) length=3 body="),
        message(6, "kind=data (2) length=4 body=\0\0\0\0"),
        message(5, "kind=name (1) length=3 body="),
    ];
    let rows = streamed(&described, Role::Client, &[&stream], false);
    assert_eq!(rows[0], message(6, "magic=CHNK version=2"));
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[1].2[..], &rows[3]), ("kind=name (1) length=3 body=", &chunks[2]));
    let items = described.stages()[1].protocol(&[]).unwrap();
    assert_eq!(
        Dissection::of(items, name).kind.unwrap().to_string(),
        "name",
        "what a switch is on is the kind"
    );
    let later = [&name[..], data].concat().repeat(8);
    let inside = streamed(&described, Role::Server, &[&later], true);
    assert_eq!(inside.len(), 16, "{inside:?}");
    assert!(described.names().fields.iter().any(|name| name == "body.text"));
}

#[test]
fn a_datagram_is_a_whole_stream() {
    let described = Described::from_ksy(RECORDS).unwrap();
    let one = [&b"RECS"[..], &[1, 1], &record(true, 7, b"a"), &record(true, 8, b"b")].concat();
    let rows = whole(&described, Transport::Udp, &[&one, &one]);
    let length = u64::try_from(one.len()).unwrap();
    assert_eq!(rows, [message(length, "hdr= records= records="), message(length, "hdr= records= records=")]);
    assert!(matches!(described.usable(Transport::Tcp), Usable::AsItIs));
}

#[test]
fn a_list_without_anything_before_it_is_its_items() {
    let list = "meta: {id: list, endian: be}\nseq: [{id: items, type: item, repeat: eos}]\ntypes: {item: {seq: [{id: n, type: u1}, {id: text, size: n}]}}";
    let described = Described::from_ksy(list).unwrap();
    assert!(described.stages().is_empty() && described.limits().is_none());
    let mut rows = Vec::new();
    let mut framer = Framer::default();
    framer.segment(&described, b"\x01a\x02bc\x00", &mut |span, bytes| {
        rows.push(shown(&described, false, span, bytes))
    });
    assert_eq!(rows, [message(2, "n=1 text=a"), message(3, "n=2 text=bc"), message(1, "n=0 text=")]);
    let sized = "meta: {id: sized}\nseq: [{id: entries, size: 4, type: entry, repeat: eos}]\ntypes: {entry: {seq: [{id: a, type: u1}]}}";
    let described = Described::from_ksy(sized).unwrap();
    let rows = whole(&described, Transport::File, &[b"abcdefgh"]);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0], message(4, "a=97 _unread=bcd payload-trailing"));
    let numbers = Described::from_ksy("meta: {id: ns}\nseq: [{id: n, type: u2le, repeat: eos}]").unwrap();
    assert_eq!(whole(&numbers, Transport::File, &[b"\x01\0\x02\0"]), [message(2, "n=1"), message(2, "n=2")]);
}

#[test]
fn items_that_refer_to_the_list_their_number_or_their_place_are_read_with_the_whole() {
    for (field, more) in [
        ("{id: items, type: u1, repeat: eos, if: a == 1}", ""),
        ("{id: items, size: _index + 1, repeat: eos}", ""),
        ("{id: items, type: t, repeat: eos}", "types: {t: {seq: [{id: n, size: '_root.items.size'}]}}"),
        (
            "{id: items, type: t, repeat: eos}",
            "types: {t: {seq: [{id: n, type: u1}, {id: pad, size: '(4 - _io.pos) % 4'}]}}",
        ),
        (
            "{id: items, type: t, repeat: eos}",
            "types: {t: {seq: [{id: n, type: u1}], instances: {far: {pos: n, type: u1}}}}",
        ),
        ("{id: items, type: t, repeat: eos}", "types: {t: {seq: [{id: rest, size-eos: true}]}}"),
        ("{id: items, type: b4, repeat: eos}", ""),
    ] {
        let text = format!("meta: {{id: t}}\nseq: [{{id: a, type: u1}}, {field}]\n{more}\n");
        let described = Described::from_ksy(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(described.stages().is_empty() && described.limits().is_some(), "{text}");
        assert!(matches!(described.usable(Transport::Tcp), Usable::No(_)));
    }
    // Within a part of known size its place is its own.
    let text = "meta: {id: t}\nseq: [{id: a, type: u1}, {id: items, size: 4, type: t, repeat: eos}]\ntypes: {t: {seq: [{id: n, type: u1}, {id: pad, size: '_io.size - _io.pos'}]}}";
    assert_eq!(Described::from_ksy(text).unwrap().stages().len(), 2);
}

#[test]
fn what_depends_on_the_end_waits_for_it_and_is_one_message() {
    for (seq, what) in [
        ("  - {id: all, size-eos: true}", "'size-eos'"),
        ("  - {id: one, type: u1, if: not _io.eof}", "'_io.eof'"),
        ("  - {id: one, size: _io.size}", "'_io.size'"),
    ] {
        let text = format!("meta:\n  id: short\nseq:\n{seq}\n");
        assert!(Format::from_ksy(&text).is_ok(), "one message of known length can be read");
        let described = Described::from_ksy(&text).unwrap();
        let why = described.limits().unwrap().to_string();
        assert!(
            why.starts_with(&format!("description:4:5: {what} depends on where the stream ends")),
            "{why}"
        );
        assert!(why.contains("short can be used on udp and file"), "{why}");
        assert!(matches!(described.usable(Transport::Tcp), Usable::No(_)));
        let rows = whole(&described, Transport::Udp, &[b"abcdefg", b"h"]);
        assert_eq!((rows.len(), rows[0].0, rows[0].1, rows[1].1), (2, SpanType::Message, 7, 1));
        let segments = text.replace("id: short", "id: short\n  -framescope: {segment-delimited: true}");
        let described = Described::from_ksy(&segments).unwrap();
        assert!(described.limits().is_none() && described.ends_with_segment());
    }
}

#[test]
fn what_is_left_of_a_datagram_is_a_problem_of_its_message_and_what_is_none_is_skipped() {
    let text = "meta: {id: t}\nseq: [{id: magic, contents: MY}, {id: n, type: u1}, {id: more, type: u1, if: n == 1 and not _io.eof}]";
    let described = Described::from_ksy(text).unwrap();
    let rows = whole(&described, Transport::Udp, &[b"MY\x01\x02", b"MY\x00rest", b"MY", b"YM..", b"MY\x01"]);
    let skipped = |length| (SpanType::Skipped(Code::NotAFrame), length, String::new());
    assert_eq!(rows[0], message(4, "magic=MY n=1 more=2"));
    assert_eq!(rows[1], message(7, "magic=MY n=0 _unread=rest payload-trailing"));
    assert_eq!((rows[2].0, rows[2].1), (SpanType::Message, 2));
    assert!(rows[2].2.contains("end-of-stream"), "{rows:?}");
    assert_eq!((rows[3].0, rows[3].1), (skipped(4).0, 4));
    assert_eq!(rows[4], message(3, "magic=MY n=1"));
}

#[test]
fn a_message_beyond_the_limit_is_skipped_without_being_buffered() {
    let text = "meta: {id: t, -framescope: {limit: 1000}}\nseq: [{id: magic, contents: MYMY}, {id: all, size-eos: true}]";
    let described = Described::from_ksy(text).unwrap();
    let (mut framer, mut rows) = (Framer::default(), Vec::new());
    let segment = [b'x'; 500];
    for _ in 0..40 {
        framer.segment(&described, &segment, &mut |span, _| rows.push((span.span_type, span.length)));
    }
    framer.end(&described, &mut |span, _| rows.push((span.span_type, span.length)));
    assert!(rows.iter().all(|(kind, _)| matches!(kind, SpanType::Skipped(_))), "{rows:?}");
    assert_eq!(rows.iter().map(|(_, length)| length).sum::<u64>(), 20_000);
    framer.segment(&described, b"MYMY.", &mut |span, _| rows.push((span.span_type, span.length)));
    framer.end(&described, &mut |span, _| rows.push((span.span_type, span.length)));
    assert_eq!(rows.last(), Some(&(SpanType::Message, 5)), "the next datagram is one again");
}

#[test]
fn a_file_is_one_message_where_a_field_may_be_anywhere_in_it() {
    let text = "meta: {id: t}\nseq: [{id: at, type: u1}]\ninstances: {far: {pos: at, type: u1}}";
    let described = Described::from_ksy(text).unwrap();
    assert!(described.limits().is_none());
    assert_eq!(whole(&described, Transport::File, &[b"\x03abcd"]), [message(5, "at=3 _unread=abcd far=99")]);
    assert_eq!(whole(&described, Transport::Udp, &[b"\x00\x00"]).len(), 2);
}

#[test]
fn a_whole_message_is_recognised_by_its_head() {
    let described =
        Described::from_ksy("meta: {id: t}\nseq: [{id: magic, contents: MYMY}, {id: all, size-eos: true}]")
            .unwrap();
    let detect = |bytes: &[u8]| described.detect(Sample { bytes, segment_ends: &[bytes.len()] });
    assert_eq!((detect(b"MYMY and more"), detect(b"something else")), (Confidence::Certain, Confidence::No));
}
