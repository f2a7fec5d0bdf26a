//! What is reported of a described message: where fields are, the summary, and that it takes no longer than its bytes
//! justify.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::unusual_byte_groupings)] // A test that finds none of what it looks for fails.

use std::ops::Range;

use framescope_ksy::{Described, Format};
use framescope_parser::{Code, Dissection, Field, Protocol, Value};

fn described(text: &str) -> Described {
    let meta = "meta: {id: mine, endian: be, encoding: UTF-8, -framescope: {segment-delimited: true}}\n";
    Described::from_ksy(&format!("{meta}{text}")).unwrap_or_else(|error| panic!("{error}"))
}

/// Every field with its path and its bytes.
fn places(fields: &[Field<'_>], above: &str, around: Range<usize>, found: &mut Vec<(String, Range<usize>)>) {
    for field in fields {
        let path = format!("{above}{}", field.name);
        let range = field.range.clone();
        assert!(
            around.start <= range.start && range.end <= around.end,
            "{path} at {range:?} is outside of {around:?}"
        );
        found.push((path.clone(), range.clone()));
        places(&field.fields, &format!("{path}."), range, found);
    }
}

#[test]
fn a_structure_that_begins_with_bits_begins_in_the_byte_that_others_ended_in() {
    let mine = described(
        "
seq:
  - {id: items, type: item, repeat: expr, repeat-expr: 3}
  - {id: rest, type: u1}
types:
  item: {seq: [{id: a, type: b3}, {id: b, type: b7}]}
",
    );
    // 30 bits, and two that no field has.
    let bytes = [0b101_11111, 0b11_001_000, 0b0000_1110, 0b000000_01, 7];
    let read = Dissection::of(&mine, &bytes);
    let mut found = Vec::new();
    places(&read.fields, "", 0..bytes.len(), &mut found);
    let found: Vec<(&str, Range<usize>)> =
        found.iter().map(|(path, range)| (path.as_str(), range.clone())).collect();
    assert_eq!(
        found,
        [
            ("items", 0..2),
            ("items.a", 0..1),
            ("items.b", 0..2),
            ("items", 1..3),
            ("items.a", 1..2),
            ("items.b", 1..3),
            ("items", 2..4),
            ("items.a", 2..3),
            ("items.b", 2..4),
            ("items._padding", 3..4),
            ("rest", 4..5),
        ]
    );
    let mut written = Vec::new();
    mine.encode(&read, &mut written).unwrap();
    assert_eq!(written, bytes);
}

#[test]
fn bits_that_a_value_chooses_lie_in_the_byte_that_others_ended_in() {
    let mine = described(
        "
seq:
  - id: bit
    type: {switch-on: _index, cases: {0: b3, 1: b4, 2: b2, _: u1}}
    repeat: expr
    repeat-expr: 4
",
    );
    let bytes = [0b101_1001_1, 0b1_0000000, 9];
    let read = Dissection::of(&mine, &bytes);
    let found: Vec<(Value<'_>, Range<usize>)> =
        read.fields.iter().map(|field| (field.value.clone(), field.range.clone())).collect();
    let number = Value::Unsigned;
    assert_eq!(found, [(number(5), 0..1), (number(9), 0..1), (number(3), 0..2), (number(9), 2..3)]);
}

#[test]
fn a_check_over_a_structure_that_shares_its_first_byte_covers_that_byte() {
    let mine = described(
        "
seq:
  - {id: items, type: item, repeat: expr, repeat-expr: 2}
types:
  item: {seq: [{id: a, type: b4}, {id: b, type: u1}, {id: sum, type: u1, -check: sum}, {id: c, type: b4}]}
",
    );
    // The second item's first four bits are in the byte in which the first one ended.
    let bytes = [0x10, 2, 0x12, 0x34, 5, 0x39, 0x60];
    let read = Dissection::of(&mine, &bytes);
    assert_eq!(read.problems, []);
    let mut written = Vec::new();
    mine.encode(&read, &mut written).unwrap();
    assert_eq!(written, bytes);
}

#[test]
fn a_summary_of_first_values_leaves_out_what_is_not_there() {
    let mine = described(
        "
seq:
  - {id: which, type: u1}
  - {id: number, type: u2, if: which == 1}
  - {id: real, type: f4, if: which == 2}
  - {id: text, type: str, size: 1, if: which > 2}
  - {id: more, type: u1, if: which > 1}
  - {id: name, type: str, size-eos: true}
  - {id: tail, type: u1}
",
    );
    let summary = |bytes: &[u8]| Dissection::of(&mine, bytes).summary;
    assert_eq!(summary(&[1, 0, 9]), "which 1, number 9");
    assert_eq!(summary(&[2, 0x3f, 0x80, 0, 0, 4]), "which 2, real 1, more 4");
    assert_eq!(summary(b"\x03a\x04ada"), "which 3, text a, more 4, name ada");
    assert_eq!(summary(&[]), "");
}

#[test]
fn a_summary_of_the_authors_keeps_its_words_and_leaves_out_values_that_are_not_there() {
    let text = "
meta: {id: mine, -framescope: {segment-delimited: true, summary: 'kind {which}, number {number}!'}}
seq:
  - {id: which, type: u1}
  - {id: number, type: u1, if: which == 1}
";
    let mine = Described::from_ksy(text).unwrap();
    assert_eq!(Dissection::of(&mine, &[1, 9]).summary, "kind 1, number 9!");
    assert_eq!(Dissection::of(&mine, &[2]).summary, "kind 2, number !");
}

#[test]
fn reporting_many_invalid_texts_and_left_over_bits_takes_steps_in_proportion() {
    for (field, unit) in [("type: str, size: 1", 1), ("type: part", 2), ("size: 1, process: xor(3)", 1)] {
        let mine = described(&format!(
            "seq: [{{id: one, {field}, repeat: eos}}]\ntypes: {{part: {{seq: [{{id: a, type: b3}}, {{id: b, type: u1}}]}}}}\n"
        ));
        let steps = |count: usize| mine.steps(&vec![0xff; count * unit]) / count as u64;
        let (few, many) = (steps(1_000), steps(16_000));
        // Looking something up takes a step more when there is twice as much.
        assert!(many <= few + 30, "{field}: {few} steps each of 1,000, and {many} each of 16,000");
    }
}

#[test]
fn many_short_texts_are_as_much_work_as_they_are_long() {
    let mine = described("seq: [{id: one, type: strz, repeat: eos}, {id: two, terminator: 9, size: 0}]\n");
    let bytes = b"a\0".repeat(50_000);
    let read = Dissection::of(&mine, &bytes);
    assert_eq!(read.problems, []);
    assert_eq!(read.fields.len(), 50_001);
}

#[test]
fn what_would_look_through_the_message_for_each_of_its_items_is_a_problem() {
    let whole =
        "seq: [{id: key, type: u1}, {id: head, size: _io.size / 2}, {id: items, type: item, repeat: eos}]";
    let bytes = vec![7; 32_000];
    for item in [
        "{seq: [{id: a, type: u1}], instances: {all: {value: _root.head}}}",
        "{seq: [{id: a, type: u1}], instances: {all: {value: '[_root.head, _root.head]'}}}",
        "{seq: [{id: a, type: u1}], instances: {all: {value: _root.items}}}",
        "{seq: [{id: a, type: u1}], instances: {all: {pos: 0, size-eos: true}}}",
        "{seq: [{id: a, type: u1}, {id: b, type: u1, if: _root.head != _root.head}]}",
        "{seq: [{id: a, type: u1, valid: {expr: '_root.head.max == 7'}}]}",
        "{seq: [{id: a, type: u1, -check: {algorithm: crc-16/xmodem, from: _root}}]}",
    ] {
        let mine = described(&format!("{whole}\ntypes: {{item: {item}}}\n"));
        let read = Dissection::of(&mine, &bytes);
        assert!(read.problems.iter().any(|problem| problem.code == Code::LimitExceeded), "{item}");
        assert!(mine.steps(&bytes) < 200 * 32_000, "{item}: {}", mine.steps(&bytes));
        let short = Dissection::of(&mine, &bytes[..60]);
        assert!(short.problems.iter().all(|problem| problem.code != Code::LimitExceeded), "{item}");
    }
}

#[test]
fn lists_that_hold_one_another_are_compared_and_written_as_far_as_there_are_steps() {
    let mut text =
        "meta: {id: doubling}\nseq: [{id: a, type: u1}]\ninstances:\n  i0: {value: '[1, 1]'}\n".to_owned();
    for i in 1..60 {
        text += &format!("  i{i}: {{value: '[i{0}, i{0}]'}}\n", i - 1);
    }
    text += "  same: {value: i59 == i59}\n  text: {value: 'f\"{i59}\"'}\n";
    let format = Format::from_ksy(&text).unwrap();
    let bytes = [1];
    let mut message = format.read(&bytes);
    assert_eq!(message.eval("same").unwrap_err().code, Code::LimitExceeded);
    assert_eq!(message.eval("text").unwrap(), "a list, a list");
}

#[test]
fn a_message_that_ends_where_the_next_begins_is_read_to_its_end() {
    let text = "
meta: {id: mine}
seq:
  - {id: magic, contents: [0x0b]}
  - {id: body, terminator: 0x0b, consume: false, eos-error: false, type: body}
types:
  body: {seq: [{id: text, type: str, encoding: ASCII, size-eos: true}]}
";
    let mine = Described::from_ksy(text).unwrap();
    let read = Dissection::of(&mine, b"\x0bhello\x1c\r");
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    assert_eq!(read.fields[1].fields[0].value, Value::Text("hello\x1c\r".into()));
}
