//! Bytes as numbers that take as many bytes as they need.

use super::{Meaning, Reading};

/// The most bytes of a number of 64 bits, seven in each byte.
const LONGEST: usize = 10;

pub(super) fn readings(bytes: &[u8]) -> Vec<Reading> {
    let leb = leb128(bytes);
    let signed = leb.map(|(value, length, bits)| {
        let is_negative = bits < 64 && value >> (bits - 1) & 1 == 1;
        let value = if is_negative { value | u64::MAX << bits } else { value };
        (value.cast_signed().to_string(), length)
    });
    let zigzag = leb.map(|(value, length, _)| {
        let value = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
        (value.to_string(), length)
    });
    vec![
        reading("LEB128", leb.map(|(value, length, _)| (value.to_string(), length))),
        reading("LEB128, signed", signed),
        reading("zigzag", zigzag),
        reading("VLQ", vlq(bytes).map(|(value, length)| (value.to_string(), length))),
        reading("QUIC", quic(bytes).map(|(value, length)| (value.to_string(), length))),
    ]
}

fn reading(name: &'static str, found: Option<(String, usize)>) -> Reading {
    let length = found.as_ref().map_or(0, |(_, length)| *length);
    let little = found.map(|(value, length)| {
        let unit = if length == 1 { "byte" } else { "bytes" };
        // A long one is more likely something else.
        Meaning { text: format!("{value} ({length} {unit})"), is_likely: length <= 5 }
    });
    Reading { name, length, little, big: None, has_order: false }
}

/// The value, how many bytes it takes, and how many bits these have. The least significant seven come first, as in WebAssembly and
/// Protocol Buffers.
fn leb128(bytes: &[u8]) -> Option<(u64, usize, u32)> {
    let (mut value, mut shift) = (0, 0);
    for (at, &byte) in bytes.iter().take(LONGEST).enumerate() {
        value |= u64::from(byte & 0x7f) << shift;
        // Of the tenth byte one bit is left, or in a negative number its seven are ones.
        if shift == 63 && !matches!(byte, 0 | 1 | 0x7f) {
            return None;
        }
        shift += 7;
        if byte < 0x80 {
            return Some((value, at + 1, shift.min(64)));
        }
    }
    None
}

/// The most significant seven bits come first, as in MIDI files and ASN.1.
fn vlq(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value: u64 = 0;
    for (at, &byte) in bytes.iter().take(LONGEST).enumerate() {
        if value >> 57 != 0 {
            return None;
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + 1));
        }
    }
    None
}

/// RFC 9000, section 16: the first two bits say how many bytes there are.
fn quic(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = 1 << (bytes.first()? >> 6);
    let all = bytes.get(..length)?;
    let value = all.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    let bits = u32::try_from(length).unwrap_or(8) * 8 - 2;
    Some((value & ((1 << bits) - 1), length))
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::super::tests::text;
    use super::*;

    fn read(bytes: &[u8], name: &str) -> Option<String> {
        text(bytes, name, Order::Big)
    }

    #[test]
    fn each_varint_has_the_value_that_its_specification_gives() {
        assert_eq!(read(&[0xe5, 0x8e, 0x26], "LEB128").as_deref(), Some("624485 (3 bytes)"));
        assert_eq!(read(&[0xc0, 0xbb, 0x78], "LEB128, signed").as_deref(), Some("-123456 (3 bytes)"));
        assert_eq!(read(&[0x03], "zigzag").as_deref(), Some("-2 (1 byte)"));
        assert_eq!(read(&[0x81, 0x00], "VLQ").as_deref(), Some("128 (2 bytes)"));
        assert_eq!(read(&[0x7b, 0xbd], "QUIC").as_deref(), Some("15293 (2 bytes)"));
        let longest = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        assert_eq!(read(&longest, "QUIC").as_deref(), Some("151288809941952652 (8 bytes)"));
    }

    #[test]
    fn the_longest_numbers_are_read_and_longer_ones_are_not() {
        let mut most = [0xff; 10];
        most[9] = 0x01;
        assert_eq!(leb128(&most), Some((u64::MAX, 10, 64)));
        most[9] = 0x7f;
        assert_eq!(read(&most, "LEB128, signed").as_deref(), Some("-1 (10 bytes)"));
        most[9] = 0x02;
        assert_eq!(leb128(&most), None);
        assert_eq!((leb128(&[0x80; 12]), vlq(&[0xff; 12]), vlq(&[0x80])), (None, None, None));
    }
}
