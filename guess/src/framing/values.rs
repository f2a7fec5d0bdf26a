//! Values of known serialisations, one after another: each says itself where it ends.

use super::Next;

/// A serialisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Values {
    /// As Redis speaks it: a sign, a line, and for some signs bytes or more values.
    Resp,
    /// MessagePack, of which each message is a list or a map.
    MessagePack,
    /// CBOR, of which each message is a list, a map or tagged.
    Cbor,
}

/// All of them.
pub(super) const ALL: [Values; 3] = [Values::Resp, Values::MessagePack, Values::Cbor];

/// Values with more parts are not believed.
const PARTS: u64 = 1 << 16;
/// Nor are those in so many lists.
const DEPTH: usize = 64;

/// Why there is no value.
enum Not {
    Cut,
    Wrong,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: u64) -> Result<&'b [u8], Not> {
        let count = usize::try_from(count).map_err(|_| Not::Wrong)?;
        let end = self.at.checked_add(count).ok_or(Not::Wrong)?;
        let taken = self.bytes.get(self.at..end).ok_or(Not::Cut)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Not> {
        self.take(1)?.first().copied().ok_or(Not::Cut)
    }

    fn number(&mut self, width: u8) -> Result<u64, Not> {
        Ok(self.take(width.into())?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn line(&mut self) -> Result<&'b [u8], Not> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let at = memchr::memchr(b'\r', rest).ok_or(Not::Cut)?;
        self.at += at + 1;
        match self.byte()? {
            b'\n' => Ok(rest.get(..at).unwrap_or_default()),
            _ => Err(Not::Wrong),
        }
    }
}

impl Values {
    /// The value that `bytes` begin with.
    pub(super) fn next(self, bytes: &[u8]) -> Next {
        let mut reader = Reader { bytes, at: 0 };
        let read = match (self, bytes.first()) {
            (_, None) => Err(Not::Cut),
            (Values::Resp, _) => resp(&mut reader),
            (Values::MessagePack, Some(0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf)) => message_pack(&mut reader),
            (Values::Cbor, Some(0x81..=0x9b | 0x9f | 0xa1..=0xbb | 0xbf | 0xc0..=0xdb)) => cbor(&mut reader),
            _ => Err(Not::Wrong),
        };
        match read {
            Ok(()) => Next::Message(reader.at),
            Err(Not::Cut) => Next::Cut,
            Err(Not::Wrong) => Next::Wrong,
        }
    }
}

/// How many values the value is that a message is, with those in it.
pub(super) fn resp_parts(message: &[u8]) -> usize {
    let mut reader = Reader { bytes: message, at: 0 };
    let read = all(&mut reader, resp_value).unwrap_or(1);
    usize::try_from(read).unwrap_or(1)
}

/// Reads values until none is left to read; each says how many more it has. Returns how many there were.
fn all(reader: &mut Reader<'_>, one: fn(&mut Reader<'_>) -> Result<u64, Not>) -> Result<u64, Not> {
    let (mut left, mut count) = (1u64, 0);
    while left > 0 {
        count += 1;
        left = (left - 1).saturating_add(one(reader)?);
        if left > PARTS || count > PARTS {
            return Err(Not::Wrong);
        }
    }
    Ok(count)
}

fn resp(reader: &mut Reader<'_>) -> Result<(), Not> {
    all(reader, resp_value).map(|_| ())
}

fn resp_value(reader: &mut Reader<'_>) -> Result<u64, Not> {
    let sign = reader.byte()?;
    if !b"+-:$*_#,(!=%~>|".contains(&sign) {
        return Err(Not::Wrong);
    }
    let line = reader.line()?;
    if matches!(sign, b'+' | b'-' | b'_' | b'#' | b',' | b'(' | b':') {
        let is_number = std::str::from_utf8(line).is_ok_and(|text| text.parse::<i64>().is_ok());
        return if sign == b':' && !is_number { Err(Not::Wrong) } else { Ok(0) };
    }
    if line == b"-1" {
        return Ok(0);
    }
    let count = super::lines::decimal(line).ok_or(Not::Wrong)? as u64;
    match sign {
        b'$' | b'!' | b'=' => {
            reader.take(count)?;
            if reader.take(2)? == b"\r\n" { Ok(0) } else { Err(Not::Wrong) }
        }
        b'%' => Ok(count * 2),
        // What is said beside a value comes before it.
        b'|' => Ok(count * 2 + 1),
        _ => Ok(count),
    }
}

fn message_pack(reader: &mut Reader<'_>) -> Result<(), Not> {
    all(reader, |reader| {
        let kind = reader.byte()?;
        let size = match kind {
            0x80..=0x8f => return Ok(u64::from(kind & 15) * 2),
            0x90..=0x9f => return Ok(u64::from(kind & 15)),
            0xdc | 0xdd => return reader.number(2 << (kind - 0xdc)),
            0xde | 0xdf => return Ok(reader.number(2 << (kind - 0xde))? * 2),
            0xa0..=0xbf => u64::from(kind & 31),
            0xd9..=0xdb => reader.number(1 << (kind - 0xd9))?,
            0xc4..=0xc6 => reader.number(1 << (kind - 0xc4))?,
            0xc7..=0xc9 => reader.number(1 << (kind - 0xc7))? + 1,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xd4..=0xd8 => (1 << (kind - 0xd4)) + 1,
            0xc1 => return Err(Not::Wrong),
            _ => 0,
        };
        reader.take(size).map(|_| 0)
    })
    .map(|_| ())
}

fn cbor(reader: &mut Reader<'_>) -> Result<(), Not> {
    // How many values are left of each list; None if a mark ends it.
    let mut left = vec![Some(1u64)];
    let mut count = 0;
    loop {
        count += 1;
        if count > PARTS || left.len() > DEPTH {
            return Err(Not::Wrong);
        }
        let Some(last) = left.last_mut() else { return Ok(()) };
        match last {
            Some(0) => {
                left.pop();
                continue;
            }
            Some(some) => *some -= 1,
            None if reader.bytes.get(reader.at) == Some(&0xff) => {
                reader.at += 1;
                left.pop();
                continue;
            }
            None => {}
        }
        let first = reader.byte()?;
        let value = match first & 31 {
            small @ 0..=23 => Some(u64::from(small)),
            wide @ 24..=27 => Some(reader.number(1 << (wide - 24))?),
            31 => None,
            _ => return Err(Not::Wrong),
        };
        match (first >> 5, value) {
            (0 | 1 | 7, Some(_)) => {}
            (2 | 3, Some(length)) => {
                reader.take(length)?;
            }
            (2..=5, None) => left.push(None),
            (4, Some(count)) => left.push(Some(count)),
            (5, Some(count)) => left.push(Some(count.checked_mul(2).ok_or(Not::Wrong)?)),
            (6, Some(_)) => left.push(Some(1)),
            _ => return Err(Not::Wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_says() {
        let cases: [(Values, &[u8]); 4] = [
            (Values::Resp, b"*3\r\n$3\r\nSET\r\n*1\r\n:5\r\n$-1\r\n"),
            (Values::MessagePack, b"\x94\x01\xa3abc\x81\xa1k\xcd\x01\x00\xc0"),
            (Values::Cbor, b"\x83\x01\x63abc\xbf\x61k\xc1\x1a\x00\x00\x00\x01\xff"),
            (Values::Cbor, b"\xa1\x61k\x9f\x01\xff"),
        ];
        for (values, bytes) in cases {
            assert_eq!(values.next(bytes), Next::Message(bytes.len()), "{values:?}");
            assert_eq!(values.next(&[bytes, bytes].concat()), Next::Message(bytes.len()), "{values:?}");
            for end in 0..bytes.len() {
                assert_eq!(values.next(&bytes[..end]), Next::Cut, "{values:?} {end}");
            }
        }
    }

    #[test]
    fn values_without_end_are_not_followed() {
        assert_ne!(Values::MessagePack.next(&[0x91; 1 << 20]), Next::Cut);
        assert_ne!(Values::Cbor.next(&[0x81; 1 << 20]), Next::Cut);
        assert_ne!(Values::Resp.next(&b"*1\r\n".repeat(1 << 18)), Next::Cut);
    }
}
