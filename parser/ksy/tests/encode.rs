//! Messages of described protocols are written: what is derived follows what is changed, and what can't be is said.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

use framescope_ksy::Described;
use framescope_parser::{Dissection, Field, Protocol, Value};

/// A description whose messages are whatever is given.
fn described(seq: &str) -> Described {
    let text = format!("meta: {{id: test, endian: be, -framescope: {{segment-delimited: true}}}}\n{seq}");
    Described::from_ksy(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Reads `bytes`, changes the field at a path, and writes it: the bytes, and what was noted.
fn changed(described: &Described, bytes: &[u8], path: &str, value: Value<'static>) -> (Vec<u8>, Vec<String>) {
    let mut message = Dissection::of(described, bytes);
    let mut fields = &mut message.fields;
    let names: Vec<&str> = path.split('.').collect();
    for name in &names[..names.len() - 1] {
        fields = &mut fields.iter_mut().find(|field| field.name == *name).unwrap().fields;
    }
    let field = fields.iter_mut().find(|field| field.name == names[names.len() - 1]);
    let field = field.unwrap_or_else(|| panic!("no {path}"));
    field.value = value;
    write(described, &message)
}

fn write(described: &Described, message: &Dissection<'_>) -> (Vec<u8>, Vec<String>) {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    described.encode_noting(message, &mut out, &mut notes).unwrap();
    (out, notes)
}

fn text(text: &'static str) -> Value<'static> {
    Value::Text(text.into())
}

fn bytes(length: usize) -> Value<'static> {
    Value::Bytes(vec![7; length].into())
}

#[test]
fn lengths_follow_through_sums_products_shifts_and_masks() {
    for (size, before, after) in [
        ("length", 3, 5),
        ("length - 4", 7, 9),
        ("length + 1", 2, 4),
        ("4 - length + 4", 5, 3),
        ("length & 0x7f", 3, 5),
        ("length ^ 0x10", 0x13, 0x15),
        ("-(-length)", 3, 5),
        ("(length * 2 + 2) / 2 - 1", 3, 5),
        ("length > 200 ? 1 : length", 3, 5),
        ("twice / 2", 3, 5),
    ] {
        let described = described(&format!(
            "seq:\n  - {{id: length, type: u1}}\n  - {{id: body, size: {size:?}}}\n  - {{id: tail, type: u1}}\ninstances:\n  twice: {{value: length * 2}}\n"
        ));
        let message = [&[before][..], &[1; 3], &[9]].concat();
        let (written, notes) = changed(&described, &message, "body", bytes(5));
        assert_eq!((written, notes), ([&[after][..], &[7; 5], &[9]].concat(), vec![]), "{size}");
    }
}

#[test]
fn a_length_grows_into_its_longer_forms() {
    let described = described(
        "
seq:
  - {id: short, type: u1}
  - {id: long, type: u2, if: short == 126}
  - {id: huge, type: u8, if: short == 127}
  - {id: body, size: length}
instances:
  length: {value: 'short < 126 ? short : short == 126 ? long : huge'}
",
    );
    let (written, notes) = changed(&described, &[2, 1, 1], "body", bytes(100));
    assert_eq!((written[0], written.len(), notes.len()), (100, 101, 0));
    let (written, notes) = changed(&described, &[2, 1, 1], "body", bytes(300));
    assert_eq!((&written[..3], written.len(), notes.len()), (&[126, 1, 44][..], 303, 0), "{notes:?}");
    let (written, notes) = changed(&described, &[2, 1, 1], "body", bytes(70_000));
    assert_eq!((&written[..9], written.len()), (&[127, 0, 0, 0, 0, 0, 1, 17, 112][..], 70_009), "{notes:?}");
}

#[test]
fn a_length_in_groups_of_seven_bits_follows_as_far_as_its_groups_go() {
    let described = described(
        "
seq:
  - {id: group, type: group, repeat: until, repeat-until: not _.more}
  - {id: body, size: 'group[0].digits + (group.size > 1 ? group[1].digits << 7 : 0)'}
types:
  group:
    seq:
      - {id: more, type: b1}
      - {id: digits, type: b7}
",
    );
    let message = [&[0x80 | 3, 1][..], &[1; 131]].concat();
    let (written, notes) = changed(&described, &message, "body", bytes(300));
    assert_eq!((&written[..2], written.len(), notes.len()), (&[0x80 | 44, 2][..], 302, 0), "{notes:?}");
    // One group can't say it: it stays, and that is said.
    let (written, notes) = changed(&described, &[1, 9], "body", bytes(200));
    assert_eq!((written[0], written.len()), (1, 201));
    assert!(notes[0].contains("the size of body is 200") && notes[0].contains("left unchanged"), "{notes:?}");
}

#[test]
fn lengths_that_are_text_follow_in_their_width_and_radix() {
    let described = described(
        "
seq:
  - {id: length, type: str, size: 4, encoding: ASCII}
  - {id: hex, type: str, terminator: 10, encoding: ASCII}
  - {id: body, size: length.to_i}
  - {id: other, size: hex.to_i(16)}
",
    );
    let message = b"0003a\nabc0123456789";
    let (written, notes) = changed(&described, message, "body", bytes(12));
    assert_eq!((&written[..6], notes.len()), (&b"0012a\n"[..], 0), "{notes:?}");
    let (written, _) = changed(&described, message, "other", bytes(31));
    assert_eq!(&written[..7], b"00031f\n");
}

#[test]
fn lengths_follow_through_owners_parameters_and_items() {
    let described = described(
        "
seq:
  - {id: header, type: header}
  - {id: body, type: body(header.total - 2)}
types:
  header:
    seq:
      - {id: total, type: u1}
      - {id: sizes, type: u1, repeat: expr, repeat-expr: 2}
  body:
    params:
      - {id: room, type: u1}
    seq:
      - {id: first, size: room}
      - {id: second, size: '_parent.header.sizes[1]'}
",
    );
    let message = [4, 0, 1, 8, 8, 9];
    assert_eq!(write(&described, &Dissection::of(&described, &message)), (message.to_vec(), vec![]));
    let (written, notes) = changed(&described, &message, "body.first", bytes(3));
    assert_eq!((written, notes.len()), (vec![5, 0, 1, 7, 7, 7, 9], 0));
    let (written, _) = changed(&described, &message, "body.second", bytes(2));
    assert_eq!(written, [4, 0, 2, 8, 8, 7, 7]);
}

#[test]
fn counts_follow_the_items_that_are_given() {
    let described = described(
        "seq:\n  - {id: count, type: u1}\n  - {id: item, type: u2, repeat: expr, repeat-expr: count}\n",
    );
    let mut message = Dissection::of(&described, &[2, 0, 1, 0, 2]);
    let more = Field { name: "item", range: 0..0, value: Value::Unsigned(3), fields: vec![] };
    message.fields.push(more);
    assert_eq!(write(&described, &message), (vec![3, 0, 1, 0, 2, 0, 3], vec![]));
    message.fields.truncate(1);
    assert_eq!(write(&described, &message), (vec![0], vec![]));
}

#[test]
fn checks_are_computed_also_over_each_other() {
    let described = described(
        "
seq:
  - {id: sum, type: u2, -check: {algorithm: sum, from: sum, to: tail}}
  - {id: inner, type: inner, size: 5}
  - {id: tail, type: u1}
types:
  inner:
    seq:
      - {id: body, size: 3}
      - {id: crc, type: u2, -check: crc-16/xmodem}
",
    );
    let (written, notes) = changed(&described, &[0; 8], "inner.body", Value::Bytes(b"123".to_vec().into()));
    assert!(notes.is_empty(), "{notes:?}");
    let again = Dissection::of(&described, &written);
    assert!(again.problems.is_empty(), "{:?}", again.problems);
    assert_eq!(written[2..5], *b"123");
    assert_ne!(written[..2], [0, 0]);
}

#[test]
fn what_is_padded_ended_packed_or_in_another_encoding_is_written_so_again() {
    let described = described(
        "
seq:
  - {id: name, type: str, size: 6, pad-right: 0x20, encoding: ASCII}
  - {id: wide, type: str, size: 4, encoding: UTF-16LE}
  - {id: word, type: strz, encoding: UTF-8}
  - {id: secret, size: 3, process: xor(0x55)}
  - {id: flags, type: b3}
  - {id: count, type: b5}
",
    );
    let message = b"ada   h\0i\0hello\0\x34\x37\x36\xe1";
    assert_eq!(write(&described, &Dissection::of(&described, message)), (message.to_vec(), vec![]));
    let (written, notes) = changed(&described, message, "name", text("grace"));
    assert_eq!((&written[..6], notes.len()), (&b"grace "[..], 0));
    let (written, _) = changed(&described, message, "word", text("你好"));
    assert_eq!(&written[10..17], "你好\0".as_bytes());
    let (written, _) = changed(&described, message, "wide", text("xy"));
    assert_eq!(&written[6..10], b"x\0y\0");
    let (written, _) = changed(&described, message, "secret", Value::Bytes(b"abd".to_vec().into()));
    assert_eq!(&written[16..19], &[0x34, 0x37, 0x31]);
    let (written, _) = changed(&described, message, "count", Value::Unsigned(2));
    assert_eq!(written[19], 0xe2);
}

#[test]
fn bits_and_bytes_that_no_field_has_are_kept() {
    let described = described(
        "
seq:
  - {id: flag, type: b3}
  - {id: part, type: part, size: 4}
types:
  part:
    seq:
      - {id: number, type: u2}
",
    );
    let message = [0b101_11001, 1, 2, 3, 4];
    let read = Dissection::of(&described, &message);
    let names: Vec<&str> = read.fields.iter().map(|field| field.name).collect();
    assert_eq!(names, ["flag", "_padding", "part"]);
    assert_eq!(read.field("part._unread").unwrap().value, Value::Bytes(vec![3, 4].into()));
    assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
}

#[test]
fn what_was_packed_is_not_packed_again_unless_it_is_changed() {
    let described = described(
        "seq:\n  - {id: length, type: u1}\n  - {id: body, size: length, process: zlib, type: body}\ntypes:\n  body:\n    seq:\n      - {id: text, type: strz, encoding: UTF-8}\n",
    );
    // Stored, as this program would not pack it.
    let packed = [0x78, 0x01, 0x01, 0x03, 0x00, 0xfc, 0xff, 0x68, 0x69, 0x00, 0x02, 0x0d, 0x00, 0xd2];
    let message = [&[14][..], &packed].concat();
    let read = Dissection::of(&described, &message);
    assert_eq!(read.field("body.text").unwrap().value, text("hi"), "{:?}", read.problems);
    assert_eq!(write(&described, &read), (message.clone(), vec![]));
    let (written, notes) = changed(&described, &message, "body.text", text("something else"));
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(usize::from(written[0]) + 1, written.len());
    assert_eq!(
        Dissection::of(&described, &written).field("body.text").unwrap().value,
        text("something else")
    );
}

#[test]
fn values_that_cannot_be_derived_are_left_and_noted() {
    let described = described(
        "seq:\n  - {id: a, type: u1}\n  - {id: b, type: u1}\n  - {id: body, size: a * a}\n  - {id: optional, type: u1, if: b == 1}\n",
    );
    let message = [2, 1, 9, 9, 9, 9, 5];
    let (written, notes) = changed(&described, &message, "body", bytes(5));
    assert_eq!(written, [2, 1, 7, 7, 7, 7, 7, 5]);
    assert!(notes[0].starts_with("the size of body is 5, but the expression for it yields 4"), "{notes:?}");
    // A field that is given though another says that it is not there.
    let (written, notes) = changed(&described, &message, "b", Value::Unsigned(0));
    assert_eq!(written, [2, 0, 9, 9, 9, 9]);
    assert_eq!(notes, ["optional is given, but this message has no such field"]);
    let mut out = b"before".to_vec();
    let nothing = Dissection::with_fields(vec![]);
    let error = described.encode(&nothing, &mut out).unwrap_err().to_string();
    assert!(error.contains("'body' is not given"), "{error}");
    assert_eq!(out, b"before");
}

#[test]
fn each_case_of_a_choice_ends_as_its_own_type_says() {
    let described = described(
        "
seq:
  - {id: item, type: item, repeat: eos}
types:
  item:
    seq:
      - {id: kind, type: u1}
      - {id: value, type: {switch-on: kind, cases: {1: u2, 2: strz, 3: item}}, encoding: UTF-8}
",
    );
    let message = [&[1, 0, 7, 2][..], b"hey\0", &[3, 1, 9, 0]].concat();
    let read = Dissection::of(&described, &message);
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let values: Vec<String> = read.fields.iter().map(|item| item.fields[1].value.to_string()).collect();
    assert_eq!(values, ["7", "\"hey\"", ""]);
    assert_eq!(write(&described, &read), (message, vec![]));
}

/// A header with the place of a body, and a body anywhere behind it.
const PLACED: &str = "
seq:
  - {id: at, type: u1}
  - {id: length, type: u1}
  - {id: name, type: str, size: 2, encoding: ASCII}
instances:
  body: {pos: at, type: str, size: length, encoding: ASCII}
";

#[test]
fn an_instance_with_a_position_is_written_there_and_its_length_follows() {
    let described = described(PLACED);
    let message = b"\x06\x05ab__hello";
    let to = |value| changed(&described, message, "body", text(value));
    assert_eq!(to("hello"), (message.to_vec(), vec![]));
    assert_eq!(to("HELLO"), (b"\x06\x05ab__HELLO".to_vec(), vec![]));
    assert_eq!(to("hi"), (b"\x06\x02ab__hi".to_vec(), vec![]), "what was at the end ends with it");
    assert_eq!(to("good morning"), (b"\x06\x0cab__good morning".to_vec(), vec![]));
    // What follows keeps its place.
    let (written, notes) = changed(&described, b"\x06\x05ab__hello...", "body", text("hi"));
    assert_eq!((written, notes), (b"\x06\x02ab__hillo...".to_vec(), vec![]));
}

#[test]
fn an_instance_needs_no_bytes_to_be_written_into() {
    let field = |name, value| Field { name, range: 0..0, value, fields: Vec::new() };
    let fields =
        vec![field("at", Value::Unsigned(6)), field("name", text("ab")), field("body", text("hello"))];
    let message = Dissection::with_fields(fields);
    assert_eq!(write(&described(PLACED), &message), (b"\x06\x05ab\0\0hello".to_vec(), vec![]));
    let far = described(&PLACED.replace("pos: at", "pos: at * 1000000"));
    let (written, notes) = write(&far, &message);
    assert_eq!(written, b"\x06\0ab");
    assert!(notes[0].starts_with("body is left unchanged: its position is not in the bytes"), "{notes:?}");
}

#[test]
fn where_an_instance_contradicts_a_field_the_field_counts() {
    let described = described(PLACED);
    let message = b"\x02\x02ab";
    let (written, notes) = changed(&described, message, "body", text("xy"));
    assert_eq!(written, message);
    assert_eq!(notes[0], "body is left unchanged: other fields have these bytes");
    // The other field is what to change; an instance that agrees with it does no harm.
    let mut both = Dissection::of(&described, message);
    both.fields
        .iter_mut()
        .filter(|field| matches!(field.name, "name" | "body"))
        .for_each(|field| field.value = text("xy"));
    assert_eq!(write(&described, &both), (b"\x02\x02xy".to_vec(), vec![]));
}

#[test]
fn instances_are_written_in_the_bytes_that_they_name() {
    let described = described(
        "
seq:
  - {id: size, type: u1}
  - {id: part, type: part, size: size}
  - {id: entries, type: entry, repeat: expr, repeat-expr: 2}
instances:
  in_part: {io: part._io, pos: 1, type: u1}
types:
  part:
    seq: [{id: n, type: u1}]
    instances:
      list: {pos: 2, type: u1, repeat: expr, repeat-expr: n}
  entry:
    seq: [{id: at, type: u1}]
    instances:
      value: {io: _root._io, pos: at, type: value}
  value:
    seq: [{id: kind, type: u1}, {id: length, type: u1}, {id: text, type: str, size: length, encoding: ASCII}]
",
    );
    let message = b"\x04\x02\x20\x30\x31\x07\x0a\x01\x01a\x02\x01b";
    let read = Dissection::of(&described, message);
    assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
    let (written, notes) = changed(&described, message, "in_part", Value::Unsigned(0x21));
    assert_eq!((written, notes), (b"\x04\x02\x21\x30\x31\x07\x0a\x01\x01a\x02\x01b".to_vec(), vec![]));
    // A list in a part with a size: both follow.
    let mut longer = read.clone();
    let part = longer.fields.iter_mut().find(|field| field.name == "part").unwrap();
    let item = part.fields.iter().find(|field| field.name == "list").unwrap().clone();
    part.fields.push(Field { value: Value::Unsigned(0x32), ..item });
    let (written, notes) = write(&described, &longer);
    assert_eq!(written[..6], *b"\x05\x03\x20\x30\x31\x32", "{notes:?}");
    let mut shorter = read.clone();
    let part = shorter.fields.iter_mut().find(|field| field.name == "part").unwrap();
    let first = part.fields.iter().position(|field| field.name == "list").unwrap();
    part.fields.remove(first);
    let (written, notes) = write(&described, &shorter);
    assert_eq!(written[..5], *b"\x03\x01\x20\x31\x07", "{notes:?}");
    // Structures of a list, anywhere in the message. The last may grow.
    let mut other = read.clone();
    let entries = other.fields.iter_mut().filter(|field| field.name == "entries");
    for (entry, (kind, said)) in entries.zip([(8, "A"), (9, "long")]) {
        let value = entry.fields.iter_mut().find(|field| field.name == "value").unwrap();
        value.fields[0].value = Value::Unsigned(kind);
        value.fields[2].value = text(said);
    }
    let expected = b"\x04\x02\x20\x30\x31\x07\x0a\x08\x01A\x09\x04long".to_vec();
    assert_eq!(write(&described, &other), (expected, vec![]));
}

#[test]
fn a_list_of_an_inner_structure_that_ends_too_early_keeps_its_count() {
    let described = described(
        "
seq:
  - {id: first, type: u1}
  - {id: inner, type: inner}
types:
  inner: {seq: [{id: count, type: u1}, {id: values, type: u2, repeat: expr, repeat-expr: count}]}
",
    );
    for message in [&b"\x01\x03\x01\x02\x03\x04\x05"[..], b"\x01\x03\x01\x02", b"\x01\x03"] {
        let (written, notes) = write(&described, &Dissection::of(&described, message));
        assert_eq!((written.as_slice(), notes), (message, vec![]));
    }
}

#[test]
fn sizes_of_other_fields_are_those_that_are_written() {
    let described = described(
        "
seq:
  - {id: length, type: u1}
  - {id: line, type: line}
  - {id: rest, size: length - line._sizeof}
  - {id: tail, type: u1}
types:
  line: {seq: [{id: text, type: strz, encoding: ASCII}]}
",
    );
    let message = b"\x05abc\0!#";
    let read = Dissection::of(&described, message);
    assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
    assert_eq!(changed(&described, message, "line.text", text("a")), (b"\x03a\0!#".to_vec(), vec![]));
    assert_eq!(changed(&described, message, "rest", bytes(2)), (b"\x06abc\0\x07\x07#".to_vec(), vec![]));
}

#[test]
fn a_size_that_an_instance_decides_is_written_back() {
    let described = described(
        "
seq:
  - {id: codepoints, type: codepoint(_io.pos), repeat: eos}
types:
  codepoint:
    params: [{id: at, type: u8}]
    seq: [{id: bytes, size: length}]
    instances:
      first: {pos: at, type: u1}
      length: {value: 'first < 0x80 ? 1 : 2'}
",
    );
    let message = b"a\xc3\xa4b";
    let read = Dissection::of(&described, message);
    assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
}

#[test]
fn a_size_up_to_the_end_by_a_computed_instance_stays_open() {
    let described = described(
        "
seq: [{id: atom, type: atom}]
types:
  atom:
    seq: [{id: size, type: u1}, {id: body, size: length}]
    instances: {length: {value: 'size == 0 ? _io.size - 1 : size'}}
",
    );
    for (message, expected) in [(&b"\0abc"[..], &b"\0\x07\x07"[..]), (b"\x03abc", b"\x02\x07\x07")] {
        let read = Dissection::of(&described, message);
        assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
        assert_eq!(changed(&described, message, "atom.body", bytes(2)), (expected.to_vec(), vec![]));
    }
}

#[test]
fn a_list_whose_count_has_no_value_is_left_as_it_was_read() {
    let described = described(
        "
seq:
  - {id: count, type: str, size: 2, encoding: ASCII}
  - {id: list, type: u1, repeat: expr, repeat-expr: count.to_i}
",
    );
    let message = b"xx\x01\x02";
    let read = Dissection::of(&described, message);
    assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
}

#[test]
fn a_number_in_too_few_bytes_is_written_back_as_these() {
    let described =
        described("seq: [{id: size, type: u1}, {id: n, type: u4, size: size}, {id: x, type: f8, size: 2}]");
    let message = b"\x02abcd";
    let read = Dissection::of(&described, message);
    assert_eq!(write(&described, &read), (message.to_vec(), vec![]));
}
