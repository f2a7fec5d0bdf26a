//! Thrift: messages and structures of its binary and of its compact protocol.

use super::{DEPTH, Reader, varint};

const STOP: u8 = 0;

/// What a field or an element can be.
#[derive(Clone, Copy)]
enum Type {
    Bool,
    Fixed(usize),
    Number,
    Binary,
    Structure,
    Map,
    List,
}

pub(super) fn thrift(bytes: &[u8]) -> Option<f64> {
    let mut reader = Reader(bytes);
    let mut bits = 0.0;
    if let [0x80, 1, 0, 1..=4, ..] = bytes {
        reader.take(4)?;
        bits += 28.0 + name(&mut reader, |reader| reader.number(4))?;
        reader.take(4)?;
    }
    bits += structure(&mut reader, 0)?;
    (reader.0.is_empty() && bits > 4.0).then_some(bits)
}

pub(super) fn thrift_compact(bytes: &[u8]) -> Option<f64> {
    let mut reader = Reader(bytes);
    let mut bits = 0.0;
    if let [0x82, 0x21 | 0x41 | 0x61 | 0x81, ..] = bytes {
        reader.take(2)?;
        varint(&mut reader)?;
        bits += 14.0 + name(&mut reader, size)?;
    }
    bits += compact_structure(&mut reader, 0)?;
    (reader.0.is_empty() && bits > 1.0).then_some(bits)
}

/// The name of what is called, which is an identifier.
fn name(reader: &mut Reader<'_>, length: impl Fn(&mut Reader<'_>) -> Option<usize>) -> Option<f64> {
    let length = length(reader)?;
    let name = reader.take(length)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':');
    (!name.is_empty() && name.iter().all(is_name)).then_some(length as f64)
}

fn structure(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    let mut bits = 1.0;
    loop {
        let kind = reader.byte()?;
        if kind == STOP {
            return Some(bits);
        }
        let kind = binary_type(kind)?;
        // Identifiers over a thousand are rare.
        if !(0..=1000).contains(&reader.number(2)?) {
            return None;
        }
        bits += 8.0 + value(reader, kind, depth + 1)?;
    }
}

fn binary_type(kind: u8) -> Option<Type> {
    Some(match kind {
        2 => Type::Bool,
        3 => Type::Fixed(1),
        4 | 10 => Type::Fixed(8),
        6 => Type::Fixed(2),
        8 => Type::Fixed(4),
        11 => Type::Binary,
        12 => Type::Structure,
        13 => Type::Map,
        14 | 15 => Type::List,
        _ => return None,
    })
}

fn value(reader: &mut Reader<'_>, kind: Type, depth: usize) -> Option<f64> {
    if depth > DEPTH {
        return None;
    }
    match kind {
        Type::Bool => matches!(reader.byte()?, 0 | 1).then_some(7.0),
        Type::Fixed(width) => reader.take(width).map(|_| 0.0),
        Type::Number => varint(reader).map(|_| 0.0),
        Type::Binary => {
            let length = reader.number(4)?;
            reader.take(length).map(|_| 6.0)
        }
        Type::Structure => structure(reader, depth),
        Type::Map => {
            let (key, of) = (binary_type(reader.byte()?)?, binary_type(reader.byte()?)?);
            let count = reader.number(4)?;
            let pair = |reader: &mut Reader<'_>| {
                Some(value(reader, key, depth + 1)? + value(reader, of, depth + 1)?)
            };
            elements(reader, count, pair)
        }
        Type::List => {
            let of = binary_type(reader.byte()?)?;
            let count = reader.number(4)?;
            elements(reader, count, |reader| value(reader, of, depth + 1))
        }
    }
}

/// Each has a byte at least, so that a count is no promise of more than there is.
fn elements<'b>(
    reader: &mut Reader<'b>,
    count: usize,
    mut one: impl FnMut(&mut Reader<'b>) -> Option<f64>,
) -> Option<f64> {
    (0..count).try_fold(6.0, |bits, _| Some(bits + one(reader)?))
}

fn compact_structure(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    let mut bits = 0.0;
    loop {
        let head = reader.byte()?;
        if head == STOP {
            return Some(bits);
        }
        if head >> 4 == 0 {
            varint(reader).filter(|number| *number <= 2000)?;
        }
        // A truth value is said by the type.
        bits += 2.0;
        if !matches!(head & 15, 1 | 2) {
            bits += compact_value(reader, compact_type(head & 15)?, depth + 1)?;
        }
    }
}

fn compact_type(kind: u8) -> Option<Type> {
    Some(match kind {
        1 | 2 => Type::Bool,
        3 => Type::Fixed(1),
        4..=6 => Type::Number,
        7 => Type::Fixed(8),
        8 => Type::Binary,
        9 | 10 => Type::List,
        11 => Type::Map,
        12 => Type::Structure,
        _ => return None,
    })
}

fn compact_value(reader: &mut Reader<'_>, kind: Type, depth: usize) -> Option<f64> {
    if depth > DEPTH {
        return None;
    }
    match kind {
        Type::Bool => matches!(reader.byte()?, 1 | 2).then_some(7.0),
        Type::Fixed(width) => reader.take(width).map(|_| 0.0),
        Type::Number => varint(reader).map(|_| 0.5),
        Type::Binary => {
            let length = size(reader)?;
            reader.take(length).map(|_| 1.0)
        }
        Type::Structure => compact_structure(reader, depth),
        Type::Map => {
            let count = size(reader)?;
            if count == 0 {
                return Some(1.0);
            }
            let kinds = reader.byte()?;
            let (key, of) = (compact_type(kinds >> 4)?, compact_type(kinds & 15)?);
            let pair = |reader: &mut Reader<'_>| {
                Some(compact_value(reader, key, depth + 1)? + compact_value(reader, of, depth + 1)?)
            };
            elements(reader, count, pair)
        }
        Type::List => {
            let head = reader.byte()?;
            let of = compact_type(head & 15)?;
            let count = if head >> 4 == 15 { size(reader)? } else { usize::from(head >> 4) };
            elements(reader, count, |reader| compact_value(reader, of, depth + 1))
        }
    }
}

fn size(reader: &mut Reader<'_>) -> Option<usize> {
    varint(reader).and_then(|size| usize::try_from(size).ok())
}
