//! Messages of every shape that descriptions have: lists, switches, parts, texts, instances, bits, checks and processing, dissected by
//! the program that is compiled from the description, and by the interpreter that decides about unusual messages.

use framescope_benches::{Contender, compare};
use framescope_ksy::Described;
use framescope_parser::Protocol;

use crate::Outlined;

const HEAD: &str = "meta: {id: shape, endian: be, encoding: UTF-8}\n";

/// A name, the rest of a description, and a message.
fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let words = |count: usize| b"word\0".repeat(count);
    let pairs = |count: u8| (0..count).flat_map(|n| [n, 2, b'a', b'b']).collect::<Vec<u8>>();
    vec![
        (
            "a list of 16 numbers",
            "seq: [{id: n, type: u1}, {id: list, type: u2, repeat: expr, repeat-expr: n}]",
            [&[16][..], &[7; 32]].concat(),
        ),
        (
            "16 structures up to the end of a part",
            "seq: [{id: n, type: u1}, {id: part, size: n, type: part}]\ntypes: {part: {seq: [{id: all, type: item, repeat: eos}]}, item: {seq: [{id: tag, type: u1}, {id: n, type: u1}, {id: text, type: str, size: n}]}}",
            [&[64][..], &pairs(16)].concat(),
        ),
        (
            "16 choices of a type",
            "seq: [{id: list, type: item, repeat: expr, repeat-expr: 16}]\ntypes: {item: {seq: [{id: kind, type: u1}, {id: value, type: {switch-on: kind, cases: {0: u2, 1: pair, _: u2le}}}]}, pair: {seq: [{id: a, type: u1}, {id: b, type: u1}]}}",
            (0..16u8).flat_map(|n| [n % 3, 1, 2]).collect(),
        ),
        (
            "8 texts that end in a zero",
            "seq: [{id: texts, type: strz, repeat: expr, repeat-expr: 8}]",
            words(8),
        ),
        (
            "padded texts",
            "seq: [{id: a, type: str, size: 16, terminator: 0}, {id: b, type: str, size: 16, pad-right: 32}, {id: c, type: strz, size: 8}]",
            [&b"short\0\0\0\0\0\0\0\0\0\0\0padded          eight\0\0\0"[..]].concat(),
        ),
        (
            "bits and little-endian numbers",
            "seq: [{id: a, type: b1}, {id: b, type: b3}, {id: c, type: b4}, {id: d, type: b12le}, {id: e, type: b4le}, {id: f, type: u4le}, {id: g, type: s2le}, {id: h, type: f8le}]",
            vec![0x5a; 17],
        ),
        (
            "computed instances, and one at a position",
            "seq: [{id: at, type: u1}, {id: a, type: u2}, {id: b, type: u2}]\ninstances: {sum: {value: a + b}, mean: {value: (a + b) / 2.0}, is_small: {value: sum < 100}, there: {pos: at, size: 3}}",
            vec![2, 0, 1, 0, 2],
        ),
        (
            "xor with a byte, and a structure in it",
            "seq: [{id: key, type: u1}, {id: part, size: 16, process: xor(key), type: part}]\ntypes: {part: {seq: [{id: a, type: u4}, {id: text, type: str, size-eos: true}]}}",
            [&[0][..], b"0123456789abcdef"].concat(),
        ),
    ]
}

/// Prints a table.
pub fn measure() {
    println!("| message | bytes | program | interpreter | times as fast |");
    println!("|---|---|---|---|---|");
    for (name, rest, message) in all() {
        let described = Described::from_ksy(&format!("{HEAD}{rest}\n")).expect("it has no mistakes");
        let times = 20_000;
        let program = || {
            let mut found = Outlined::default();
            (0..times).for_each(|_| described.dissect(&message, &mut found));
            found.fields
        };
        let interpreter = || {
            let mut found = Outlined::default();
            (0..times).for_each(|_| described.dissect_by_interpreter(&message, &mut found));
            found.fields
        };
        let mut contenders: Vec<Contender<'_>> =
            vec![("program", Box::new(program)), ("interpreter", Box::new(interpreter))];
        let taken = compare(5, &mut contenders);
        let each = |at: usize| taken[at].median() * 1e9 / f64::from(times);
        let ratio = taken[0].speed_against(&taken[1]);
        println!("| {name} | {} | {:.0} ns | {:.0} ns | {ratio:.1} |", message.len(), each(0), each(1));
    }
}
