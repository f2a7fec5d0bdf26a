//! MessagePack.

use super::{DEPTH, Reader};

pub(super) fn message_pack(bytes: &[u8]) -> Option<f64> {
    if !matches!(bytes.first()?, 0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf) {
        return None;
    }
    let mut reader = Reader(bytes);
    let bits = message_pack_value(&mut reader, 0)?;
    reader.0.is_empty().then_some(bits)
}

fn message_pack_value(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    let kind = reader.byte()?;
    if depth > DEPTH {
        return None;
    }
    let text = |reader: &mut Reader<'_>, length: usize| reader.text(length).map(|()| 2.0 + length as f64);
    match kind {
        0x00..=0x7f | 0xe0..=0xff => Some(0.5),
        0xc0 | 0xc2 | 0xc3 => Some(1.0),
        0x80..=0x8f => message_pack_map(reader, usize::from(kind & 15), depth),
        0xde => reader.number(2).and_then(|count| message_pack_map(reader, count, depth)),
        0xdf => reader.number(4).and_then(|count| message_pack_map(reader, count, depth)),
        0x90..=0x9f => message_pack_items(reader, usize::from(kind & 15), depth),
        0xdc => reader.number(2).and_then(|count| message_pack_items(reader, count, depth)),
        0xdd => reader.number(4).and_then(|count| message_pack_items(reader, count, depth)),
        0xa0..=0xbf => text(reader, usize::from(kind & 31)),
        0xd9..=0xdb => reader.number(1 << (kind - 0xd9)).and_then(|length| text(reader, length)),
        0xc4..=0xc6 => reader.number(1 << (kind - 0xc4)).and_then(|length| reader.take(length)).map(|_| 3.0),
        0xc7..=0xc9 => {
            let length = reader.number(1 << (kind - 0xc7))?;
            reader.take(length.checked_add(1)?).map(|_| 3.0)
        }
        0xca | 0xce | 0xd2 => reader.take(4).map(|_| 1.5),
        0xcb | 0xcf | 0xd3 => reader.take(8).map(|_| 1.5),
        0xcc | 0xd0 => reader.take(1).map(|_| 1.5),
        0xcd | 0xd1 => reader.take(2).map(|_| 1.5),
        0xd4..=0xd8 => reader.take((1 << (kind - 0xd4)) + 1).map(|_| 1.5),
        0xc1 => None,
    }
}

fn message_pack_items(reader: &mut Reader<'_>, count: usize, depth: usize) -> Option<f64> {
    (0..count).try_fold(1.0, |bits, _| Some(bits + message_pack_value(reader, depth + 1)?))
}

fn message_pack_map(reader: &mut Reader<'_>, count: usize, depth: usize) -> Option<f64> {
    let mut bits = 1.0;
    for _ in 0..count {
        // Keys are texts or small numbers.
        if !matches!(reader.0.first()?, 0x00..=0x7f | 0xa0..=0xbf | 0xd9 | 0xcc | 0xcd) {
            return None;
        }
        bits += 1.0 + message_pack_value(reader, depth + 1)? + message_pack_value(reader, depth + 1)?;
    }
    Some(bits)
}
