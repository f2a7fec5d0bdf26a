//! Random layouts with messages of them, to see how often the claims are right.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of the tests' own")]

use std::net::SocketAddr;

use super::{Clock, Field, Layout, Meaning, Order, Place, Size};
use crate::Message;

/// Splitmix64: the same numbers in every run.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    pub(super) fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    pub(super) fn range(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most + 1 - least)
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(super) fn word(&mut self, most: u64) -> String {
        let length = self.range(2, most.max(2));
        let letters = b"etaoinshrdlucmfwyp TESTABC0123456789_-.";
        (0..length).map(|_| char::from(letters[self.below(letters.len() as u64) as usize])).collect()
    }
}

/// What a field really is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Truth {
    Constant(Vec<u8>),
    Zero(usize),
    Uniform { most: u64 },
    Skewed { bits: u64 },
    Walk { most: u64 },
    Signed { most: u64 },
    Sequence,
    Echo,
    Time(Clock),
    Address { is_source: bool },
    Port { is_source: bool },
    Text { padding: u8 },
    Float { scale: f64 },
    Flags { mask: u64 },
    Enumeration { values: Vec<u64> },
    Random,
}

#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) truth: Truth,
    pub(super) width: usize,
    pub(super) order: Order,
}

/// A random fixed layout: a few fields of common kinds.
pub(super) fn parts(chance: &mut Chance) -> Vec<Part> {
    let order = if chance.one_in(2) { Order::Big } else { Order::Little };
    let count = chance.range(2, 9);
    let mut parts: Vec<Part> = Vec::new();
    while parts.len() < count as usize {
        let wide = [2, 4, 4, 8][chance.below(4) as usize];
        let any = [1, 1, 2, 2, 4, 4, 8][chance.below(7) as usize];
        let full = u64::MAX >> (64 - 8 * any as u64);
        let part = match chance.below(20) {
            0 | 1 => {
                let bytes: Vec<u8> = (0..chance.range(1, 4)).map(|_| chance.range(1, 255) as u8).collect();
                (bytes.len(), Truth::Constant(bytes))
            }
            2 => {
                let width = chance.range(1, 4) as usize;
                (width, Truth::Zero(width))
            }
            3 | 4 => (
                any,
                Truth::Uniform {
                    most: full.min([9, 60, 255, 1000, 20_000, u64::MAX][chance.below(6) as usize]),
                },
            ),
            5 => (any, Truth::Skewed { bits: 8 * any as u64 }),
            6 => (wide, Truth::Walk { most: 1 << (8 * wide - 2).min(20) }),
            7 => (wide, Truth::Signed { most: [100, 3000][chance.below(2) as usize] }),
            8 | 9 if !parts.iter().any(|part| part.truth == Truth::Sequence) => (any, Truth::Sequence),
            10 if !parts.iter().any(|part| part.truth == Truth::Echo) => (any.max(2), Truth::Echo),
            11 | 12 if !parts.iter().any(|part| matches!(part.truth, Truth::Time(_))) => {
                match chance.below(8) {
                    0..=2 => (4, Truth::Time(Clock::Unix(1))),
                    3 => (8, Truth::Time(Clock::Unix(1_000))),
                    4 => (8, Truth::Time(Clock::Unix(1_000_000))),
                    5 => (8, Truth::Time(Clock::UnixFloat)),
                    6 => (8, Truth::Time(Clock::FileTime)),
                    _ => (8, Truth::Time(Clock::Unix(1_000_000_000))),
                }
            }
            13 => match chance.below(4) {
                0 => (4, Truth::Address { is_source: chance.one_in(2) }),
                1 => (2, Truth::Port { is_source: true }),
                _ => continue,
            },
            14 => (
                chance.range(4, 16) as usize,
                Truth::Text { padding: if chance.one_in(3) { b' ' } else { 0 } },
            ),
            15 => (
                [4, 8][chance.below(2) as usize],
                Truth::Float { scale: [1.0, 100.0, 5000.0][chance.below(3) as usize] },
            ),
            16 => {
                let mask = (0..chance.range(2, 4)).fold(0, |mask, _| mask | 1 << chance.below(8));
                (any.min(2), Truth::Flags { mask })
            }
            17 | 18 => {
                let values = (0..chance.range(2, 6)).map(|_| chance.range(0, 30)).collect();
                (any.min(2), Truth::Enumeration { values })
            }
            19 => (chance.range(8, 20) as usize, Truth::Random),
            _ => continue,
        };
        let order =
            if matches!(part.1, Truth::Address { .. } | Truth::Port { .. }) { Order::Big } else { order };
        parts.push(Part { width: part.0, truth: part.1, order });
    }
    parts
}

/// Messages that the capture has, with what it knows of them.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) answers: Vec<u8>,
    pub(super) time: i64,
    pub(super) talk: u32,
    pub(super) ends: (SocketAddr, SocketAddr),
}

impl Made {
    pub(super) fn message(&self) -> Message<'_> {
        Message {
            bytes: &self.bytes,
            time: self.time,
            talk: self.talk,
            side: 0,
            answers: Some(&self.answers),
            source: Some(self.ends.0),
            target: Some(self.ends.1),
        }
    }
}

pub(super) fn written(value: u64, width: usize, order: Order) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let mut bytes = bytes[8 - width..].to_vec();
    if order == Order::Little {
        bytes.reverse();
    }
    bytes
}

/// State that goes from message to message.
pub(super) struct Talks {
    pub(super) time: i64,
    count: u64,
    pace: u64,
    step: u64,
    begin: u64,
    walks: Vec<u64>,
}

impl Talks {
    pub(super) fn new(chance: &mut Chance) -> Talks {
        let pace = [2_000_000, 50_000_000, 1_500_000_000][chance.below(3) as usize];
        let step = [1, 1, 1, 2, 3][chance.below(5) as usize];
        let begin = if chance.one_in(2) { chance.below(3) } else { chance.next() };
        Talks {
            time: 1_750_000_000_000_000_000 + chance.below(1 << 50) as i64,
            count: 0,
            pace,
            step,
            begin,
            walks: Vec::new(),
        }
    }

    pub(super) fn advance(&mut self, chance: &mut Chance) {
        self.time += chance.below(2 * self.pace) as i64;
        self.count += if self.step == 3 { chance.range(1, 3) } else { self.step };
    }

    pub(super) fn write(&mut self, number: usize, part: &Part, made: &mut Made, chance: &mut Chance) {
        let (width, order) = (part.width, part.order);
        let value = match &part.truth {
            Truth::Constant(bytes) => return made.bytes.extend(bytes),
            Truth::Zero(width) => return made.bytes.extend(vec![0; *width]),
            Truth::Text { padding } => {
                let mut text = chance.word(width as u64).into_bytes();
                text.resize(width, *padding);
                return made.bytes.extend(text);
            }
            Truth::Random => return made.bytes.extend((0..width).map(|_| chance.next() as u8)),
            Truth::Address { is_source } => {
                let SocketAddr::V4(end) = (if *is_source { made.ends.0 } else { made.ends.1 }) else {
                    return;
                };
                return made.bytes.extend(end.ip().octets());
            }
            Truth::Port { is_source } => {
                u64::from(if *is_source { made.ends.0.port() } else { made.ends.1.port() })
            }
            Truth::Uniform { most } => chance.below(most.saturating_add(1).max(1)),
            Truth::Skewed { bits } => chance.next() >> (64 - chance.range(1, *bits)),
            Truth::Walk { most } => {
                self.walks.resize(self.walks.len().max(number + 1), most / 2);
                let step = chance.below(*most / 200 + 3);
                let walk = &mut self.walks[number];
                *walk = (*walk + step).saturating_sub((*most / 200 + 3) / 2).min(*most);
                *walk
            }
            Truth::Signed { most } => chance.below(2 * most).wrapping_sub(*most),
            Truth::Sequence => self.begin.wrapping_add(self.count),
            Truth::Echo => {
                let value = chance.next() >> (64 - 8 * width as u64 + 8 * (width as u64 / 4));
                let at = made.bytes.len();
                made.answers.resize(at.max(made.answers.len()), 7);
                made.answers.extend(written(value, width, order));
                value
            }
            Truth::Time(clock) => {
                let late = self.time as u64 - chance.below(3_000_000);
                match clock {
                    Clock::Unix(unit) => late / (1_000_000_000 / unit),
                    Clock::FileTime => late / 100 + 116_444_736_000_000_000,
                    _ => (late as f64 / 1e9).to_bits(),
                }
            }
            Truth::Float { scale } => {
                let value = (chance.below(1 << 30) as f64 / f64::from(1u32 << 30) - 0.3) * scale;
                if width == 4 { u64::from((value as f32).to_bits()) } else { value.to_bits() }
            }
            Truth::Flags { mask } => chance.next() & mask,
            Truth::Enumeration { values } => values[chance.below(values.len() as u64) as usize],
        };
        let mask = u64::MAX >> (64 - 8 * width as u64);
        made.bytes.extend(written(value & mask, width, order));
    }
}

pub(super) fn made(talk: u32, time: i64, chance: &mut Chance) -> Made {
    let port = 40_000 + (talk as u64 * 77 + chance.below(1)) as u16;
    let ends =
        (SocketAddr::from(([192, 168, 1, 3 + talk as u8], port)), SocketAddr::from(([10, 0, 0, 1], 9000)));
    Made { bytes: Vec::new(), answers: Vec::new(), time, talk, ends }
}

/// The kind of a field, as far as a byte in the right kind of field goes.
pub(super) fn kind(meaning: &Meaning) -> &'static str {
    match meaning {
        Meaning::Constant(_) => "constant",
        Meaning::Integer(_) | Meaning::Enumeration { .. } | Meaning::Flags { .. } => "number",
        Meaning::Sequence { .. } => "sequence",
        Meaning::Echo { .. } => "echo",
        Meaning::Time { .. } => "time",
        Meaning::Address { .. } => "address",
        Meaning::Port { .. } => "port",
        Meaning::Text { .. } => "text",
        Meaning::Float(_) => "float",
        Meaning::Random => "random",
        Meaning::Length(_) => "length",
        Meaning::Count(_) => "count",
        Meaning::Serialised(_) => "serialised",
        Meaning::Compressed(_) => "compressed",
        Meaning::Repeated { .. } => "repeated",
        _ => "bytes",
    }
}

impl Part {
    pub(super) fn kind(&self) -> &'static str {
        match &self.truth {
            Truth::Constant(_) => "constant",
            Truth::Zero(_) => "constant",
            Truth::Uniform { .. } | Truth::Skewed { .. } | Truth::Walk { .. } | Truth::Signed { .. } => {
                "number"
            }
            Truth::Flags { .. } | Truth::Enumeration { .. } => "number",
            Truth::Sequence => "sequence",
            Truth::Echo => "echo",
            Truth::Time(_) => "time",
            Truth::Address { .. } => "address",
            Truth::Port { .. } => "port",
            Truth::Text { .. } => "text",
            Truth::Float { .. } => "float",
            Truth::Random => "random",
        }
    }

    /// Whether a claim on exactly these bytes is right.
    pub(super) fn is(&self, meaning: &Meaning) -> bool {
        let order = match meaning {
            Meaning::Integer(number)
            | Meaning::Sequence { number, .. }
            | Meaning::Enumeration { number, .. } => Some(number.order),
            Meaning::Time { order, .. } | Meaning::Float(order) => Some(*order),
            _ => None,
        };
        let is_unit = match (meaning, &self.truth) {
            (Meaning::Time { clock, .. }, Truth::Time(real)) => clock == real,
            _ => true,
        };
        kind(meaning) == self.kind()
            && is_unit
            && (self.width == 1 || order.is_none_or(|order| order == self.order))
    }
}

/// A claim, whether it is right, and what is really there.
pub(super) struct Judged<'l> {
    pub(super) field: &'l Field,
    pub(super) is_right: bool,
    pub(super) really: String,
}

/// Bytes in the right kind of field, all bytes, and the claims.
pub(super) fn judge<'l>(parts: &[Part], layout: &'l Layout) -> (usize, usize, Vec<Judged<'l>>) {
    let mut kinds = Vec::new();
    let mut begins = Vec::new();
    for part in parts {
        begins.push(kinds.len());
        kinds.extend(vec![part.kind(); part.width]);
    }
    let (mut right, mut judged) = (0, Vec::new());
    for field in &layout.fields {
        let (Place::Start(from), Size::Fixed(width)) = (field.place, &field.size) else { continue };
        right += kinds[from..from + width].iter().filter(|truth| **truth == kind(&field.meaning)).count();
        let exact = begins.iter().position(|begin| *begin == from).map(|at| &parts[at]);
        // A constant next to a constant is one of them, and so are random bytes.
        let is_constant = matches!(field.meaning, Meaning::Constant(_) | Meaning::Random)
            && kinds[from..from + width].iter().all(|truth| *truth == kind(&field.meaning));
        let is_right =
            is_constant || exact.is_some_and(|part| part.width == *width && part.is(&field.meaning));
        if field.meaning != Meaning::Bytes {
            let really = format!(
                "{:?}",
                parts
                    .iter()
                    .zip(&begins)
                    .filter(|(part, begin)| **begin < from + width && from < **begin + part.width)
                    .collect::<Vec<_>>()
            );
            judged.push(Judged { field, is_right, really });
        }
    }
    (right, kinds.len(), judged)
}
