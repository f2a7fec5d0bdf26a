//! Random messages of which parts differ in size.

#![expect(clippy::cast_possible_truncation, reason = "numbers of the tests' own")]

use super::random::{Chance, Made, Part, Talks, made, parts, written};
use super::resolve::Truths;
use super::{Form, Number, Order};

/// What follows a fixed header.
#[derive(Clone, Debug)]
pub(super) enum Tail {
    /// Parts with their lengths, then fixed fields.
    Sized { number: Number, contents: Vec<Contents>, after: Vec<Part> },
    /// The lengths of two parts in the header, then them.
    Two { number: Number, contents: [Contents; 2] },
    /// Tag, length, value.
    Tagged { tag: usize, number: Number, contents: Contents },
    /// A count, and texts with their lengths.
    Counted { count: Number, number: Number },
    /// Texts up to a NUL, then fixed fields.
    Terminated { count: usize, after: Vec<Part> },
    /// A count, and elements of numbers.
    Array { count: Number, widths: Vec<usize>, order: Order },
    /// All up to the end.
    Rest { contents: Contents, tail: usize },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Contents {
    Text,
    Wide,
    Random,
    Json,
    MessagePack,
    Protobuf,
}

fn number(chance: &mut Chance) -> Number {
    let order = if chance.one_in(2) { Order::Big } else { Order::Little };
    match chance.below(6) {
        0 | 1 => Number::binary(1, Order::Big),
        2 | 3 => Number::binary(2, order),
        4 => Number::binary(4, order),
        _ => Number { form: Form::Leb128, order: Order::Little, is_signed: false },
    }
}

fn contents(chance: &mut Chance) -> Contents {
    [
        Contents::Text,
        Contents::Text,
        Contents::Text,
        Contents::Wide,
        Contents::Random,
        Contents::Json,
        Contents::MessagePack,
        Contents::Protobuf,
    ][chance.below(8) as usize]
}

pub(super) fn tail(chance: &mut Chance) -> Tail {
    let few = |chance: &mut Chance| {
        if chance.one_in(2) { Vec::new() } else { parts(chance).into_iter().take(2).collect() }
    };
    let number = number(chance);
    match chance.below(8) {
        0 => Tail::Sized { number, contents: vec![contents(chance)], after: few(chance) },
        1 => Tail::Sized {
            number,
            contents: (0..chance.range(2, 3)).map(|_| Contents::Text).collect(),
            after: few(chance),
        },
        2 => Tail::Two {
            number: Number::binary([1, 2, 4][chance.below(3) as usize], number.order),
            contents: [contents(chance), contents(chance)],
        },
        3 => Tail::Tagged {
            tag: chance.range(1, 2) as usize,
            number,
            contents: if chance.one_in(2) { Contents::Text } else { Contents::Random },
        },
        4 => Tail::Counted { count: Number::binary(chance.range(1, 2) as usize, number.order), number },
        5 => Tail::Terminated { count: chance.range(1, 2) as usize, after: few(chance) },
        6 => {
            let widths = (0..chance.range(1, 3)).map(|_| [2, 4][chance.below(2) as usize]).collect();
            Tail::Array {
                count: Number::binary(chance.range(1, 2) as usize, number.order),
                widths,
                order: number.order,
            }
        }
        _ => Tail::Rest { contents: contents(chance), tail: [0, 0, 2, 4][chance.below(4) as usize] },
    }
}

/// A message under construction, with what its bytes are.
pub(super) struct Sent {
    pub(super) made: Made,
    pub(super) truths: Truths,
}

impl Sent {
    fn add(&mut self, bytes: &[u8], kind: &'static str) {
        let from = self.made.bytes.len();
        self.made.bytes.extend(bytes);
        if !bytes.is_empty() {
            self.truths.push((from..from + bytes.len(), kind));
        }
    }

    fn number(&mut self, value: usize, number: Number, kind: &'static str) {
        let mut bytes = Vec::new();
        match number.form {
            Form::Binary(width) => bytes = written(value as u64, width.into(), number.order),
            _ => {
                let mut value = value;
                while value > 0x7f {
                    bytes.push(value as u8 | 0x80);
                    value >>= 7;
                }
                bytes.push(value as u8);
            }
        }
        self.add(&bytes, kind);
    }

    fn fixed(&mut self, parts: &[Part], begin: usize, state: &mut Talks, chance: &mut Chance) {
        for (number, part) in parts.iter().enumerate() {
            let from = self.made.bytes.len();
            state.write(begin + number, part, &mut self.made, chance);
            self.truths.push((from..self.made.bytes.len(), part.kind()));
        }
    }
}

fn written_contents(contents: Contents, chance: &mut Chance) -> (Vec<u8>, &'static str) {
    let most = [6, 20, 40][chance.below(3) as usize];
    let text = chance.word(most);
    match contents {
        Contents::Text => (text.into_bytes(), "text"),
        Contents::Wide => (text.encode_utf16().flat_map(u16::to_le_bytes).collect(), "text"),
        Contents::Random => ((0..chance.range(1, 40)).map(|_| chance.next() as u8).collect(), "random"),
        Contents::Json => (
            format!("{{\"id\": {}, \"name\": \"{text}\", \"on\": true}}", chance.below(5000)).into_bytes(),
            "serialised",
        ),
        Contents::MessagePack => {
            let mut bytes =
                vec![0x82, 0xa2, b'i', b'd', 0xcd, chance.next() as u8, chance.next() as u8, 0xa1, b'n'];
            bytes.push(0xa0 | text.len().min(31) as u8);
            bytes.extend(text.bytes().take(31));
            (bytes, "serialised")
        }
        Contents::Protobuf => {
            let mut bytes = vec![0x08, chance.below(128) as u8, 0x12, text.len() as u8];
            bytes.extend(text.bytes());
            if chance.one_in(2) {
                bytes.extend([
                    0x1d,
                    chance.next() as u8,
                    chance.next() as u8,
                    chance.next() as u8,
                    chance.next() as u8,
                ]);
            }
            (bytes, "serialised")
        }
    }
}

pub(super) fn message(
    header: &[Part],
    tail: &Tail,
    talk: u32,
    state: &mut Talks,
    chance: &mut Chance,
) -> Sent {
    let mut sent = Sent { made: made(talk, state.time, chance), truths: Vec::new() };
    sent.fixed(header, 0, state, chance);
    match tail {
        Tail::Sized { number, contents, after } => {
            for contents in contents {
                let (bytes, kind) = written_contents(*contents, chance);
                sent.number(bytes.len(), *number, "length");
                sent.add(&bytes, kind);
            }
            sent.fixed(after, header.len(), state, chance);
        }
        Tail::Two { number, contents } => {
            let all = contents.map(|contents| written_contents(contents, chance));
            for (bytes, _) in &all {
                sent.number(bytes.len(), *number, "length");
            }
            for (bytes, kind) in &all {
                sent.add(bytes, kind);
            }
        }
        Tail::Tagged { tag, number, contents } => {
            for _ in 0..chance.range(1, 5) {
                let value = written(chance.range(1, 7), *tag, number.order);
                sent.add(&value, "number");
                let (bytes, kind) = written_contents(*contents, chance);
                sent.number(bytes.len(), *number, "length");
                sent.add(&bytes, kind);
            }
        }
        Tail::Counted { count, number } => {
            let times = chance.range(0, 5) as usize;
            sent.number(times, *count, "count");
            for _ in 0..times {
                let (bytes, kind) = written_contents(Contents::Text, chance);
                sent.number(bytes.len(), *number, "length");
                sent.add(&bytes, kind);
            }
        }
        Tail::Terminated { count, after } => {
            for _ in 0..*count {
                let (mut bytes, kind) = written_contents(Contents::Text, chance);
                bytes.push(0);
                sent.add(&bytes, kind);
            }
            sent.fixed(after, header.len(), state, chance);
        }
        Tail::Array { count, widths, order } => {
            let times = chance.range(0, 9) as usize;
            sent.number(times, *count, "count");
            for _ in 0..times {
                for width in widths {
                    sent.add(&written(chance.below(800), *width, *order), "number");
                }
            }
        }
        Tail::Rest { contents, tail } => {
            let (bytes, kind) = written_contents(*contents, chance);
            sent.add(&bytes, kind);
            let check: Vec<u8> = (0..*tail).map(|_| chance.next() as u8).collect();
            sent.add(&check, "bytes");
        }
    }
    sent
}
