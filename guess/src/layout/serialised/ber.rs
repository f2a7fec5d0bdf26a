//! ASN.1 in the Basic Encoding Rules (X.690).

use super::{DEPTH, Reader};

pub(super) fn ber(bytes: &[u8]) -> Option<f64> {
    // A sequence, a set, or a constructed type of an application's.
    if !matches!(bytes.first()?, 0x30 | 0x31 | 0x60..=0x7e | 0xa0..=0xbe) {
        return None;
    }
    let mut reader = Reader(bytes);
    let bits = ber_value(&mut reader, 0)?;
    reader.0.is_empty().then_some(bits)
}

fn ber_value(reader: &mut Reader<'_>, depth: usize) -> Option<f64> {
    let tag = reader.byte()?;
    if tag & 31 == 31 || tag == 0 || depth > DEPTH {
        return None;
    }
    let length = match reader.byte()? {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => reader.number(usize::from(long & 0x7f))?,
        _ => return None,
    };
    let mut contents = Reader(reader.take(length)?);
    let mut bits = 4.0;
    if tag & 0x20 != 0 {
        while !contents.0.is_empty() {
            bits += ber_value(&mut contents, depth + 1)?;
        }
    } else {
        match tag {
            0x01 if length != 1 => return None,
            0x02 | 0x0a if !(1..=16).contains(&length) => return None,
            0x05 if length != 0 => return None,
            0x0c | 0x13 | 0x16 => contents.text(length)?,
            _ => {}
        }
    }
    Some(bits)
}
