//! Known serialisations: whether bytes are complete values of one, and how unlikely that is by chance.

use super::field::Serialisation;

/// Bits of evidence that bytes are complete values, if they are.
type Recognise = fn(&[u8]) -> Option<f64>;

/// The serialisations, and what recognises one: bits of evidence if the bytes are complete values, else nothing.
pub(super) const KNOWN: [(Serialisation, Recognise); 6] = [
    (Serialisation::Json, json),
    (Serialisation::Bson, bson),
    (Serialisation::MessagePack, message_pack),
    (Serialisation::Cbor, cbor),
    (Serialisation::Ber, ber),
    (Serialisation::Protobuf, protobuf),
];

/// Deeper values are not believed.
const DEPTH: usize = 64;

/// Bytes that are read from the front.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        let value = self.take(width)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    }

    /// What follows the first character of a word.
    fn literal(&mut self, word: &str) -> Option<()> {
        let left = word.as_bytes().get(1..)?;
        (self.take(left.len())? == left).then_some(())
    }

    fn text(&mut self, length: usize) -> Option<()> {
        std::str::from_utf8(self.take(length)?).ok().map(|_| ())
    }
}

fn json(bytes: &[u8]) -> Option<f64> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader(bytes);
    json_value(&mut reader, 0)?;
    blanks(&mut reader);
    reader.0.is_empty().then_some(bytes.len() as f64)
}

fn blanks(reader: &mut Reader<'_>) {
    let count = reader.0.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    reader.take(count);
}

fn json_value(reader: &mut Reader<'_>, depth: usize) -> Option<()> {
    blanks(reader);
    if depth > DEPTH {
        return None;
    }
    match reader.byte()? {
        b'"' => json_text(reader),
        open @ (b'{' | b'[') => {
            let close = if open == b'{' { b'}' } else { b']' };
            blanks(reader);
            if reader.0.first() == Some(&close) {
                return reader.byte().map(|_| ());
            }
            loop {
                if open == b'{' {
                    blanks(reader);
                    if reader.byte()? != b'"' {
                        return None;
                    }
                    json_text(reader)?;
                    blanks(reader);
                    if reader.byte()? != b':' {
                        return None;
                    }
                }
                json_value(reader, depth + 1)?;
                blanks(reader);
                match reader.byte()? {
                    b',' => {}
                    end if end == close => return Some(()),
                    _ => return None,
                }
            }
        }
        b't' => reader.literal("true"),
        b'f' => reader.literal("false"),
        b'n' => reader.literal("null"),
        b'-' | b'0'..=b'9' => {
            let is_digit = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
            let count = reader.0.iter().take_while(is_digit).count();
            reader.take(count).map(|_| ())
        }
        _ => None,
    }
}

fn json_text(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        match reader.byte()? {
            b'"' => return Some(()),
            b'\\' => {
                reader.byte()?;
            }
            0..0x20 => return None,
            _ => {}
        }
    }
}

fn bson(bytes: &[u8]) -> Option<f64> {
    let length = bytes.first_chunk::<4>().map(|length| u32::from_le_bytes(*length))?;
    if usize::try_from(length).ok()? != bytes.len() || bytes.len() < 5 || bytes.last() != Some(&0) {
        return None;
    }
    let mut reader = Reader(bytes.get(4..bytes.len() - 1)?);
    let mut bits = 20.0;
    while !reader.0.is_empty() {
        let kind = reader.byte()?;
        zero_terminated(&mut reader)?;
        let little = |reader: &mut Reader<'_>| {
            reader.0.first_chunk::<4>().map(|size| u32::from_le_bytes(*size) as usize)
        };
        let size = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 | 0x0d | 0x0e => little(&mut reader)?.checked_add(4)?,
            0x03 | 0x04 | 0x0f => little(&mut reader)?,
            0x05 => little(&mut reader)?.checked_add(5)?,
            0x06 | 0x0a | 0x7f | 0xff => 0,
            0x07 => 12,
            0x08 => 1,
            0x0b => {
                zero_terminated(&mut reader)?;
                zero_terminated(&mut reader)?;
                0
            }
            0x10 => 4,
            0x13 => 16,
            _ => return None,
        };
        reader.take(size)?;
        bits += 6.0;
    }
    Some(bits)
}

fn zero_terminated(reader: &mut Reader<'_>) -> Option<()> {
    let end = reader.0.iter().position(|byte| *byte == 0)?;
    reader.text(end)?;
    reader.take(1).map(|_| ())
}

fn message_pack(bytes: &[u8]) -> Option<f64> {
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

fn cbor(bytes: &[u8]) -> Option<f64> {
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

fn ber(bytes: &[u8]) -> Option<f64> {
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

fn protobuf(bytes: &[u8]) -> Option<f64> {
    let mut reader = Reader(bytes);
    let (mut last, mut bits) = (0, 0.0);
    while !reader.0.is_empty() {
        let tag = varint(&mut reader)?;
        let field = tag >> 3;
        // Encoders write the fields in order, and numbers over a hundred are rare.
        if field == 0 || field > 200 || field < last {
            return None;
        }
        last = field;
        match tag & 7 {
            0 => {
                varint(&mut reader)?;
                bits += 2.0;
            }
            1 => {
                reader.take(8)?;
                bits += 3.0;
            }
            2 => {
                let length = usize::try_from(varint(&mut reader)?).ok()?;
                reader.take(length)?;
                bits += 3.0;
            }
            5 => {
                reader.take(4)?;
                bits += 3.0;
            }
            _ => return None,
        }
    }
    (bits > 0.0).then_some(bits)
}

/// A varint that is not longer than it must be.
fn varint(reader: &mut Reader<'_>) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = reader.byte()?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return (byte != 0 || place == 0).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_values_are_recognised_and_cut_ones_are_not() {
        let cases: [(Serialisation, &[u8]); 6] = [
            (Serialisation::Json, br#"{"a": [1, -2.5e3, true, null], "b": "\"x"}"#),
            (Serialisation::Bson, b"\x0d\0\0\0\x10ab\0\x01\0\0\0\0"),
            (Serialisation::MessagePack, b"\x82\xa1a\x01\xa1b\x92\xc3\xcd\x01\x00"),
            (Serialisation::Cbor, b"\xa2\x61a\x01\x61b\x82\xf5\x19\x01\x00"),
            (Serialisation::Ber, b"\x30\x08\x02\x01\x05\x04\x03abc"),
            (Serialisation::Protobuf, b"\x08\x96\x01\x12\x03abc\x1d\0\0\0\0"),
        ];
        for (wanted, bytes) in cases {
            for (kind, recognise) in KNOWN {
                if kind == wanted {
                    assert!(recognise(bytes).is_some(), "{kind:?}");
                    assert!(recognise(&bytes[..bytes.len() - 1]).is_none(), "{kind:?}");
                    assert!(recognise(&[bytes, &[0xff]].concat()).is_none(), "{kind:?}");
                }
            }
        }
    }

    #[test]
    fn values_that_nest_without_end_are_not_followed() {
        assert!(json(&[b'['; 100_000]).is_none());
        assert!(message_pack(&[0x91; 100_000]).is_none());
        assert!(cbor(&[0x81; 100_000]).is_none());
    }
}
