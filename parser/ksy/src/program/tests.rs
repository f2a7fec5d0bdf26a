//! Each shape that a description may have is read by the program, and reported as the interpreter does.

use framescope_parser::{Captured, Dissection};

use crate::dissect::dissect;
use crate::load::load;
use crate::load::testing::{described, loaded};
use crate::program::{Found, Given, Programs};
use crate::run::arena::Arena;
use crate::run::{Mode, Run};

const SIZED: &str = "{id: kind, type: u1, valid: {max: 3}}, {id: n, type: u2}, {id: body, type: str, size: n}, {id: sum, type: u1, -check: sum}";

#[test]
fn a_program_finds_the_end_that_the_interpreter_finds() {
    let (plan, meta) = loaded(SIZED, "");
    let program = Programs::new(&plan, &meta).ends.unwrap();
    for message in [&b"\x01\0\x02ab\xc6"[..], b"\x01\0\0\x01", b"\x01\0\x02ab\xc6more", b"\x01\0\x05ab"] {
        let mut arena = Arena::default();
        let read = Run::new(&plan, message, &mut arena, Mode::Frame).read().ok();
        let read = read.map(|end| end as usize).filter(|end| *end <= message.len());
        let found = program.run(message, Given::default()).map(Found::end);
        assert_eq!(found, read, "{message:?}");
    }
}

#[test]
fn only_a_valid_message_is_read() {
    let (plan, meta) = loaded(SIZED, "");
    let program = Programs::new(&plan, &meta).whole.unwrap();
    let is_read = |message: &[u8]| program.run(message, Given::default()).is_some();
    assert!(is_read(b"\x01\0\x02ab\xc6"));
    assert!(!is_read(b"\x04\0\x02ab\xc9"), "the kind is not valid");
    assert!(!is_read(b"\x01\0\x02ab\xc7"), "the check fails");
    assert!(!is_read(b"\x01\0\x02\xff\xff\x01"), "the text is not UTF-8");
}

#[test]
fn the_kind_is_an_expression_over_registers() {
    let text = described("{id: a, type: b4}, {id: b, type: b4}", "")
        .replace("id: t,", "id: t, -framescope: {kind: a * 16 + b},");
    let (plan, meta) = load("t", &text, None).unwrap();
    let program = Programs::new(&plan, &meta).whole.unwrap();
    let mut found = Dissection::default();
    assert!(program.dissect((&plan, &meta, None), b"\x2a", &mut found));
    assert_eq!(found.kind.map(|kind| kind.value), Some(42));
}

/// Fields, further keys, and a message that has nothing unusual.
const SHAPES: &[(&str, &str, &[u8])] = &[
    // Numbers of all kinds.
    (
        "{id: a, type: u1}, {id: b, type: s2le}, {id: c, type: f4}, {id: d, type: u8}",
        "",
        b"\x01\xff\xff\x3f\x80\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    ),
    (
        "{id: a, type: s1, -hex: true}, {id: b, type: u4le, -hex: true}, {id: e, type: s4, enum: e}",
        "enums: {e: {1: x}}",
        b"\xff\x01\0\0\0\xff\xff\xff\xff",
    ),
    ("{id: e, type: u1, enum: e, valid: {in-enum: true}}", "enums: {e: {1: x, 7: y}}", b"\x07"),
    // Bits.
    (
        "{id: a, type: b1}, {id: b, type: b7}, {id: c, type: b3le}, {id: d, type: b5le}, {id: e, type: u1, if: a}",
        "",
        b"\x81\x42\x05",
    ),
    ("{id: p, type: pair}, {id: q, type: pair}", "types: {pair: {seq: [{id: a, type: b4}]}}", b"\x12"),
    // Lists.
    ("{id: n, type: u1}, {id: l, type: u2, repeat: expr, repeat-expr: n}", "", b"\x02\0\x01\0\x02"),
    ("{id: n, type: u1}, {id: l, type: u2, repeat: expr, repeat-expr: n}", "", b"\0"),
    ("{id: l, type: u1, repeat: until, repeat-until: _ == 0}, {id: after, type: u1}", "", b"\x05\x04\0\x09"),
    (
        "{id: l, type: item, repeat: until, repeat-until: 'not _.more'}",
        "types: {item: {seq: [{id: more, type: b1}, {id: n, type: b7}, {id: t, type: str, size: n}]}}",
        b"\x82ab\x01c",
    ),
    (
        "{id: n, type: u1}, {id: p, type: part, size: n}, {id: z, type: u1}",
        "types: {part: {seq: [{id: all, type: s2, repeat: eos}]}}",
        b"\x04\0\x01\0\x02\x07",
    ),
    (
        "{id: n, type: u1}, {id: l, type: 'item(_index)', repeat: expr, repeat-expr: n}",
        "types: {item: {params: [{id: i, type: u4}], seq: [{id: v, type: u1, if: i > 0}, {id: w, type: u1}]}}",
        b"\x02\x01\x02\x03",
    ),
    ("{id: n, type: u1}, {id: l, type: strz, repeat: expr, repeat-expr: n}", "", b"\x02a\0bc\0"),
    // Texts and bytes.
    (
        "{id: a, type: strz}, {id: b, type: str, size: 4, terminator: 0}, {id: c, type: str, size: 4, pad-right: 32}",
        "",
        b"abc\0xy\0\0z   ",
    ),
    (
        "{id: a, type: str, terminator: 10}, {id: b, terminator: 10, include: true}, {id: c, terminator: 10, consume: false}, {id: d, contents: [10]}",
        "",
        b"abc\nd\ne\n",
    ),
    (
        "{id: a, type: str, size: 4, encoding: UTF-16LE}, {id: b, type: strz, encoding: ASCII}, {id: c, type: str, size: 1, encoding: ISO-8859-1}",
        "",
        b"a\0b\0c\0\xe4",
    ),
    (
        "{id: t, type: str, size: 2, valid: '\"OK\"'}, {id: n, type: str, size: 2}, {id: d, size: n.to_i}",
        "",
        b"OK03abc",
    ),
    (
        "{id: a, size: 3, valid: {expr: '_.size == 3 and _[0] == 1'}}, {id: b, contents: XY}",
        "",
        b"\x01\x02\x03XY",
    ),
    // Switches.
    (
        "{id: k, type: u1}, {id: v, type: {switch-on: k, cases: {1: u2, 2: strz, _: pair}}}",
        "types: {pair: {seq: [{id: a, type: u1}, {id: b, type: u1}]}}",
        b"\x03\x01\x02",
    ),
    (
        "{id: k, type: u1}, {id: v, size: 2, type: {switch-on: k, cases: {1: pair}}}",
        "types: {pair: {seq: [{id: a, type: u1}, {id: b, type: u1}]}}",
        b"\x03\x01\x02",
    ),
    (
        "{id: k, type: str, size: 1}, {id: v, type: {switch-on: k, cases: {'\"a\"': u1, '\"b\"': u2}}}",
        "",
        b"b\0\x07",
    ),
    (
        "{id: k, type: u1, enum: e}, {id: v, type: {switch-on: k, cases: {'e::x': u1, 'e::y': u2}}}",
        "enums: {e: {1: x, 300: y}}",
        b"\x01\x05",
    ),
    // Parts in parts.
    (
        "{id: n, type: u1}, {id: p, size: n, type: outer}",
        "types: {outer: {seq: [{id: n, type: u1}, {id: p, size: n, type: inner}, {id: rest, size-eos: true}]}, inner: {seq: [{id: a, type: u1}, {id: b, size: _io.size - 1}]}}",
        b"\x06\x03abcde",
    ),
    (
        "{id: k, type: u1}, {id: h, type: head}, {id: b, size: h.n}",
        "types: {head: {seq: [{id: n, type: u1}, {id: sum, type: u1, valid: _parent.k}]}}",
        b"\x02\x02\x02ab",
    ),
    // Conditions.
    (
        "{id: f, type: u1}, {id: a, type: u1, if: f & 1 != 0}, {id: b, type: u2, if: f & 2 != 0 and a == 7}, {id: c, type: u1, if: f >= 3 or not (f == 1)}",
        "",
        b"\x03\x07\0\x01\x05",
    ),
    // Instances.
    (
        "{id: a, type: u1}, {id: b, type: u1}",
        "instances: {sum: {value: a + b}, half: {value: a / 2.0}, big: {value: a > b}, text: {value: 'a == 1 ? \"one\" : \"other\"'}, never: {value: a, if: a == 9}}",
        b"\x01\x04",
    ),
    (
        "{id: at, type: u1}, {id: n, type: u1}",
        "instances: {there: {pos: at, size: n}, size: {pos: 0, type: u1}}",
        b"\x03\x02.ab",
    ),
    (
        "{id: n, type: u1}, {id: list, type: item, repeat: expr, repeat-expr: n}",
        "types: {item: {seq: [{id: at, type: u1}], instances: {there: {pos: at, io: _root._io, type: u1}}}}",
        b"\x02\x02\x01",
    ),
    (
        "{id: n, size: kind, type: u1, repeat: expr, repeat-expr: 0}, {id: all, size: kind}",
        "instances: {kind: {pos: 0, type: u1}}",
        b"\x02x",
    ),
    // Processing.
    (
        "{id: k, type: u1}, {id: a, size: 3, process: xor(k)}, {id: b, size: 3, type: part, process: 'xor([1, 2])'}",
        "types: {part: {seq: [{id: x, type: u1}, {id: y, type: str, size-eos: true}]}}",
        b"\x20ABC\x01cd",
    ),
    (
        "{id: a, size: 2, type: str, process: rol(4)}, {id: b, size-eos: true, process: ror(1)}",
        "",
        b"\x14\x24x",
    ),
    // Checks.
    (
        "{id: a, type: u1}, {id: body, size: 3}, {id: c, type: u2, -check: {algorithm: crc-16/xmodem, from: body, to: body}}, {id: d, type: u4le, -check: crc-32}",
        "",
        b"\x01\x31\x32\x33\x97\x52\xd6\xa4\xb5\x21",
    ),
    (
        "{id: body, size: 4}, {id: a, type: u2, -check: {algorithm: fletcher-16, from: body, to: body}}, {id: b, type: u2, -check: {algorithm: crc, width: 16, polynomial: 0x8bb7, initial: 0x1234, reflected: true, xor: 0xff, from: body, to: body}}, {id: c, type: u1, -check: {algorithm: sum, plus: 0x55, from: body, to: body}}, {id: d, type: u8, -check: {algorithm: crc-64, from: body, to: body}}",
        "",
        b"\x31\x32\x33\x34\xf5\xca\x77\x1b\x1f\x1e\x36\x0c\x18\x91\xa6\x0f\x78",
    ),
    (
        "{id: a, size: 3}, {id: tag, size: 16, -check: {algorithm: hmac-sha-256, from: a}}",
        "",
        b"abc0123456789abcdef",
    ),
    (
        "{id: kind, type: u1}, {id: a, type: u1, -check: {algorithm: sum, then: 'kind == 1 ? 50 : 0'}}, {id: b, type: u1, -check: {algorithm: sum, from: a, to: a, then: extra}}, {id: c, type: part}",
        "instances: {extra: {value: kind + 4}}\ntypes: {part: {seq: [{id: d, type: u2, -check: {algorithm: crc-16/mcrf4xx, from: _root, then: _parent.extra}}]}}",
        b"\x01\x33\x38\x59\x9f",
    ),
];

#[test]
fn every_shape_is_read_by_the_program_as_by_the_interpreter() {
    for &(seq, more, message) in SHAPES {
        let (plan, meta) = loaded(seq, more);
        let format = (&plan, &meta, None);
        let mut expected = Dissection::default();
        dissect(format, Captured::whole(message), false, &mut expected, true);
        let program = Programs::new(&plan, &meta).whole.unwrap_or_else(|| panic!("{seq}"));
        let mut found = Dissection::default();
        let is_read = program.dissect(format, message, &mut found);
        assert!(is_read, "left to the interpreter: {seq} {more}\n{:#?}\n{expected:#?}", program.steps);
        assert_eq!(found, expected, "{seq} {more}");
        let mut outline = Dissection::default();
        let silent = program.without_reports();
        assert!(silent.outline(&plan, Given::default(), message, &mut outline), "{seq}");
        let codes = |of: &Dissection<'_>| of.problems.iter().map(|problem| problem.code).collect::<Vec<_>>();
        assert_eq!((outline.kind, codes(&outline)), (expected.kind, codes(&expected)), "{seq}");
        // What is cut off is left to the interpreter, or is the same.
        for end in 0..message.len() {
            let (mut found, mut expected) = (Dissection::default(), Dissection::default());
            if let Some(cut) = message.get(..end)
                && program.dissect(format, cut, &mut found)
            {
                dissect(format, Captured::whole(cut), false, &mut expected, true);
                assert_eq!(found, expected, "{seq} {more}: {end}");
            }
        }
    }
}
