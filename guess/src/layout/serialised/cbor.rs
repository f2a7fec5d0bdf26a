//! CBOR (RFC 8949).

use super::{DEPTH, Reader};

pub(super) fn cbor(bytes: &[u8]) -> Option<f64> {
    if !matches!(bytes.first()?, 0x81..=0x9f | 0xa1..=0xbf | 0xc0..=0xdb) {
        return None;
    }
    let mut reader = Reader(bytes);
    let bits = cbor_value(&mut reader, 0)?;
    reader.0.is_empty().then_some(bits)
}

fn cbor_value(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    let first = reader.byte()?;
    if depth > DEPTH {
        return None;
    }
    let value = match first & 31 {
        small @ 0..=23 => Some(usize::from(small)),
        wide @ 24..=27 => Some(reader.number(1 << (wide - 24))?),
        31 => None,
        _ => return None,
    };
    let mut bits = if first & 31 > 23 { 1.5 } else { 0.5 };
    match (first >> 5, value) {
        (0 | 1 | 7, Some(_)) => {}
        (2, Some(length)) => bits += reader.take(length).map(|_| 1.0)?,
        (3, Some(length)) => bits += reader.text(length).map(|()| 1.0 + length as f64)?,
        (6, Some(_)) => bits += cbor_value(reader, depth + 1)?,
        (kind @ (4 | 5), count) => {
            let mut left = count;
            while left != Some(0) {
                if left.is_none() && reader.0.first() == Some(&0xff) {
                    reader.byte()?;
                    break;
                }
                // Keys are texts or small numbers.
                if kind == 5 && !matches!(reader.0.first()?, 0x00..=0x3b | 0x60..=0x7b) {
                    return None;
                }
                for _ in 0..kind - 3 {
                    bits += cbor_value(reader, depth + 1)?;
                }
                left = left.map(|left| left - 1);
            }
        }
        _ => return None,
    }
    Some(bits)
}
