//! Action Message Format, version 0: values one after another, as RTMP's commands have them.

use super::{DEPTH, Reader};

const END_OF_OBJECT: [u8; 3] = [0, 0, 9];

pub(super) fn amf(bytes: &[u8]) -> Option<f64> {
    // The values begin with a name, or are an object or an array.
    if !matches!(bytes.first()?, 2 | 3 | 8 | 10) {
        return None;
    }
    let mut reader = Reader(bytes);
    let mut bits = 0.0;
    while !reader.0.is_empty() {
        bits += value(&mut reader, 0)?;
    }
    Some(bits)
}

fn value(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    if depth > DEPTH {
        return None;
    }
    match reader.byte()? {
        0 => reader.take(8).map(|_| 3.0),
        1 => matches!(reader.byte()?, 0 | 1).then_some(10.0),
        2 => text(reader, 2).map(|bits| bits + 3.0),
        3 => object(reader, depth),
        5 | 6 => Some(4.0),
        7 => reader.take(2).map(|_| 4.0),
        8 => {
            reader.take(4)?;
            object(reader, depth)
        }
        10 => {
            let count = reader.number(4)?;
            (0..count).try_fold(6.0, |bits, _| Some(bits + value(reader, depth + 1)?))
        }
        11 => reader.take(10).map(|_| 3.0),
        12 | 15 => text(reader, 4).map(|bits| bits + 6.0),
        16 => Some(text(reader, 2)? + object(reader, depth)?),
        _ => None,
    }
}

fn text(reader: &mut Reader<'_>, width: usize) -> Option<f64> {
    let length = reader.number(width)?;
    reader.text(length).map(|()| 4.0 + length as f64)
}

/// Names with their values, up to an empty name.
fn object(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    let mut bits = 12.0;
    loop {
        if let Some(left) = reader.0.strip_prefix(&END_OF_OBJECT) {
            reader.0 = left;
            return Some(bits);
        }
        bits += text(reader, 2)? + value(reader, depth + 1)?;
    }
}
