//! Described messages in streams: whole, cut, damaged, endless, hostile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

use framescope_ksy::{Described, Format};
use framescope_parser::{
    Captured, Code, Confidence, Dissection, Framer, Measure, Protocol, Sample, SpanType,
};

type Spans = Vec<(u64, u64, SpanType)>;

/// The spans of segments, with gaps where a segment is empty.
fn spans(protocol: &dyn Protocol, segments: &[&[u8]]) -> Spans {
    let (mut framer, mut spans) = (Framer::default(), Vec::new());
    let sink = &mut |span: framescope_parser::Span, _: framescope_parser::Captured<'_, '_>| {
        spans.push((span.offset, span.length, span.span_type))
    };
    for segment in segments {
        match segment {
            [] => framer.gap(protocol, 10, sink),
            _ => framer.segment(protocol, segment, sink),
        }
    }
    framer.end(protocol, sink);
    spans
}

const MAGIC: &str = "
meta:
  id: magic
  endian: be
seq:
  - {id: magic, contents: [0xaa, 0x55]}
  - {id: length, type: u2}
  - {id: body, size: length, type: body}
types:
  body:
    seq:
      - {id: name, type: strz, encoding: UTF-8}
      - {id: rest, size-eos: true}
";

const LENGTH: &str = "
meta: {id: length, endian: le}
seq:
  - {id: count, type: u1, valid: {max: 9}}
  - {id: item, type: u2, repeat: expr, repeat-expr: count}
  - {id: colour, type: b3}
  - {id: shape, type: b5}
";

fn message(body: &[u8]) -> Vec<u8> {
    [&[0xaa, 0x55, 0, u8::try_from(body.len()).unwrap()], body].concat()
}

#[test]
fn segmentation_does_not_matter() {
    let described = Described::from_ksy(MAGIC).unwrap();
    let stream =
        [message(b"ada\0!"), b"noise".to_vec(), message(b""), message(b"no end"), vec![0xaa]].concat();
    let whole = spans(&described, &[&stream]);
    assert_eq!(
        whole,
        [
            (0, 9, SpanType::Message),
            (9, 5, SpanType::Skipped(Code::NotAFrame)),
            (14, 4, SpanType::Message),
            (18, 10, SpanType::Message),
            (28, 1, SpanType::Skipped(Code::NotAFrame)),
        ]
    );
    for size in 1..stream.len() {
        let segments: Vec<&[u8]> = stream.chunks(size).collect();
        assert_eq!(spans(&described, &segments), whole, "in segments of {size}");
    }
}

#[test]
fn a_fault_inside_a_part_of_known_size_stays_in_it() {
    let described = Described::from_ksy(MAGIC).unwrap();
    let bytes = message(b"no end");
    let dissection = Dissection::of(&described, &bytes);
    let codes: Vec<Code> = dissection.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, [Code::EndOfStream]);
    assert_eq!(dissection.problems[0].range, 4..10);
    assert!(
        dissection.problems[0].text.starts_with("name: no terminator"),
        "{}",
        dissection.problems[0].text
    );
    assert_eq!(dissection.field("length").unwrap().value.as_u64(), Some(6));
}

#[test]
fn without_resynchronisation_the_rest_of_the_stream_is_lost_and_reported() {
    let text = LENGTH
        .replace(", valid: {max: 9}", "")
        .replace("repeat-expr: count", "repeat-expr: 10 / (9 - count)");
    let described = Described::from_ksy(&text).unwrap();
    assert!(!described.can_resync());
    let good = [&[4][..], &[1, 0, 2, 0], &[0xe1]].concat();
    let stream = [&good[..], &[9], &good, &good].concat();
    let lost = SpanType::Skipped(Code::CannotResync);
    let expected = [(0, 6, SpanType::Message), (6, 13, lost)];
    assert_eq!(spans(&described, &[&stream]), expected);
    for size in 1..stream.len() {
        let segments: Vec<&[u8]> = stream.chunks(size).collect();
        assert_eq!(spans(&described, &segments), expected, "in segments of {size}");
    }
    // Nor is the beginning of a message known after a gap.
    let expected = [(0, 6, SpanType::Message), (6, 10, SpanType::Gap), (16, 6, lost)];
    assert_eq!(spans(&described, &[&good, &[], &good]), expected);
}

#[test]
fn values_that_are_valid_at_the_start_find_the_next_message() {
    let described = Described::from_ksy(LENGTH).unwrap();
    let stream = [&[1, 7, 0, 0xe1][..], &[0xff, 0xfe], &[0, 0xe1]].concat();
    let skipped = SpanType::Skipped(Code::NotAFrame);
    assert_eq!(
        spans(&described, &[&stream]),
        [(0, 4, SpanType::Message), (4, 2, skipped), (6, 2, SpanType::Message)]
    );
    let dissection = Dissection::of(&described, &stream[..4]);
    let values: Vec<(&str, String)> =
        dissection.fields.iter().map(|field| (field.name, field.value.to_string())).collect();
    let expected = [("count", "1"), ("item", "7"), ("colour", "7"), ("shape", "1")];
    assert_eq!(values, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn quick_reports_match_full_ones() {
    #[derive(Default)]
    struct Codes(Vec<Code>);
    impl<'a> framescope_parser::Visit<'a> for Codes {
        fn kind(&mut self, _: framescope_parser::Kind<'a>) {}
        fn field(&mut self, _: &'a str, _: std::ops::Range<usize>, _: framescope_parser::Value<'a>) {}
        fn begin(&mut self, _: &'a str, _: std::ops::Range<usize>, _: framescope_parser::Value<'a>) {}
        fn end(&mut self) {}
        fn problem(&mut self, code: Code, _: std::ops::Range<usize>, _: std::fmt::Arguments<'_>) {
            self.0.push(code);
        }
        fn summary(&mut self, _: std::fmt::Arguments<'_>) {}
    }
    let described = Described::from_ksy(MAGIC).unwrap();
    for body in [&b""[..], b"ada\0", b"no end", b"\xff\0"] {
        let bytes = message(body);
        let mut codes = Codes::default();
        described.outline(&bytes, false, &mut codes);
        let full: Vec<Code> =
            Dissection::of(&described, &bytes).problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes.0, full, "{body:?}");
    }
}

#[test]
fn a_described_stream_is_recognised_by_what_every_message_begins_with() {
    let described = Described::from_ksy(MAGIC).unwrap();
    let two = [message(b"ada\0"), message(b"bo\0")].concat();
    let detect = |bytes: &[u8]| described.detect(Sample { bytes, segment_ends: &[bytes.len()] });
    assert_eq!(detect(&two), Confidence::Certain);
    assert_eq!(detect(&two[..8]), Confidence::Likely);
    assert_eq!(detect(b"nothing of the kind"), Confidence::No);
}

#[test]
fn hostile_descriptions_and_messages_end_in_a_problem() {
    let read = |text: &str, bytes: &[u8]| {
        let format = Format::from_ksy(text).unwrap_or_else(|error| panic!("{error}"));
        let error = format.read(bytes).error().cloned();
        error.map(|error| error.code)
    };
    let limit = Some(Code::LimitExceeded);
    let endless = "meta: {id: a}\nseq:\n  - {id: a, type: a}\n";
    assert_eq!(read(endless, b"x"), limit, "a type that is in itself");
    let many = "meta: {id: a}\nseq:\n  - {id: x, size: 0, repeat: expr, repeat-expr: 0xffffffffffff}\n";
    assert_eq!(read(many, b"x"), limit, "items without bytes");
    let circle =
        "meta: {id: a}\nseq:\n  - {id: x, size: p}\ninstances:\n  p: {value: q + 1}\n  q: {value: p + 1}\n";
    assert_eq!(read(circle, b"x"), limit, "instances in a circle");
    let huge = "meta: {id: a}\nseq:\n  - {id: x, size: 0xffffffffffffffff}\n";
    assert_eq!(read(huge, b"x"), Some(Code::EndOfStream), "a size that nothing has");
    let deep =
        format!("meta: {{id: a}}\ninstances:\n  x: {{value: '{}1{}'}}\n", "(".repeat(500), ")".repeat(500));
    assert!(Format::from_ksy(&deep).unwrap_err().to_string().contains("too deeply"));
    let aliases = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert!(Format::from_ksy(aliases).unwrap_err().to_string().contains("too large"));
}

#[test]
fn what_doubles_with_each_step_is_gone_through_once() {
    // Computed instances that each need the next one twice, and types that each hold the next one twice.
    let mut text = "meta: {id: doubling, -framescope: {segment-delimited: true}}\nseq:\n  - {id: body, size: a0}\n  - {id: t, type: t0}\ninstances:\n".to_owned();
    for i in 0..60 {
        text += &format!("  a{i}: {{value: 'a{0} + a{0} + a{0}'}}\n", i + 1);
    }
    text += "  a60: {value: 0}\ntypes:\n";
    for i in 0..40 {
        text += &format!(
            "  t{i}: {{seq: [{{id: x, type: t{0}}}, {{id: y, type: t{0}}}, {{id: z, type: u1, enum: e}}]}}\n",
            i + 1
        );
    }
    text += "  t40: {seq: [{id: n, type: u1}]}\nenums:\n  e: {0: nothing}\n";
    // Without limits this would take longer than there are machines for.
    let described = Described::from_ksy(&text).unwrap();
    assert!(!described.enumerations().is_empty());
    let read = Dissection::of(&described, &[0; 64]);
    assert!(read.problems.iter().any(|problem| problem.code == Code::EndOfStream), "{:?}", read.problems);
    let mut out = Vec::new();
    let _ = described.encode(&read, &mut out);
}

#[test]
fn the_size_of_another_field_decides_where_a_message_ends() {
    let described = Described::from_ksy(
        "
meta: {id: sized}
seq:
  - {id: length, type: u1}
  - {id: line, type: line, repeat: expr, repeat-expr: 2}
  - {id: rest, size: 'length - line._sizeof - line[1].text._sizeof'}
types:
  line: {seq: [{id: kind, type: u1}, {id: text, type: strz, encoding: ASCII}]}
",
    )
    .unwrap();
    // The second text, with its zero, counts twice.
    let messages = [&b"\x0a\x01ab\0\x02\0..."[..], b"\x07\x01\0\x02b\0", b"\x05\x01\0\x02\0"];
    let stream = messages.concat();
    let mut offset = 0;
    let expected: Spans = messages
        .iter()
        .map(|message| {
            let length = message.len() as u64;
            offset += length;
            (offset - length, length, SpanType::Message)
        })
        .collect();
    assert_eq!(spans(&described, &[&stream]), expected);
    for at in 1..stream.len() {
        assert_eq!(spans(&described, &[&stream[..at], &stream[at..]]), expected, "cut at {at}");
    }
}

#[test]
fn a_list_of_nothing_is_not_followed_far_where_a_place_is_searched_for_a_message() {
    let text = "meta: {id: t, endian: be}\nseq: [{id: n, type: u4}, {id: items, type: nothing, repeat: expr, repeat-expr: n}]\n\
                types: {nothing: {seq: [{id: none, size: 0}]}}";
    let described = Described::from_ksy(text).unwrap();
    let measure = |n: u32| described.measure(Captured::whole(&n.to_be_bytes()));
    assert!(matches!(measure(20), Measure::Message { length, .. } if length.get() == 4));
    assert_eq!(measure(100_000), Measure::Nothing);
}
