//! The encoding of protobuf: fields, each with a number and a type of wire, as they follow each other.
//!
//! See <https://protobuf.dev/programming-guides/encoding/>. It never looks into what has a length.

use std::ops::Range;

/// How the value of a field is encoded, and the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint(u64),
    Fixed64(u64),
    /// What has a length: text, bytes, a message, or packed numbers. Its bytes are the field's value.
    Length,
    StartGroup,
    EndGroup,
    Fixed32(u32),
}

impl Wire {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Wire::Varint(_) => "a varint",
            Wire::Fixed64(_) => "64 bits",
            Wire::Length => "bytes with a length",
            Wire::StartGroup | Wire::EndGroup => "a group",
            Wire::Fixed32(_) => "32 bits",
        }
    }
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u32,
    /// All of its bytes, with the tag.
    pub(crate) range: Range<usize>,
    /// Those of its value, without a length.
    pub(crate) value: Range<usize>,
    pub(crate) wire: Wire,
}

/// Why the bytes are no field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("a number is cut off")]
    TruncatedVarint,
    #[error("a number is longer than ten bytes")]
    LongVarint,
    #[error("field {0} is cut off")]
    Truncated(u32),
    #[error("field {number} is {length} bytes long, and {left} are left")]
    Overrun { number: u32, length: u64, left: usize },
    #[error("{0} is no number of a field")]
    Number(u64),
    #[error("field {number} has wire type {wire}, which there is not")]
    WireType { number: u32, wire: u8 },
    #[error("the group of field {0} does not end")]
    OpenGroup(u32),
    #[error("the group of field {0} ends without having begun")]
    StrayGroup(u32),
}

/// A varint, and where what follows it begins.
pub(crate) fn varint(bytes: &[u8], mut at: usize, end: usize) -> Result<(u64, usize), Fault> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(at).filter(|_| at < end).ok_or(Fault::TruncatedVarint)?;
        at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok((value, at));
        }
    }
    Err(Fault::LongVarint)
}

/// The field that begins at a place, in what ends at another.
pub(crate) fn field(bytes: &[u8], at: usize, end: usize) -> Result<Field, Fault> {
    let (tag, begin) = varint(bytes, at, end)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
    let number = number.ok_or(Fault::Number(tag >> 3))?;
    let fixed = |length: usize| {
        let value =
            begin..begin.checked_add(length).filter(|&after| after <= end).ok_or(Fault::Truncated(number))?;
        Ok((bytes.get(value.clone()).ok_or(Fault::Truncated(number))?, value))
    };
    let (wire, value) = match tag & 7 {
        0 => {
            let (value, after) = varint(bytes, begin, end)?;
            (Wire::Varint(value), begin..after)
        }
        1 => {
            let (bytes, value) = fixed(8)?;
            (Wire::Fixed64(bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))), value)
        }
        2 => {
            let (length, begin) = varint(bytes, begin, end)?;
            let left = end.saturating_sub(begin);
            let fits = usize::try_from(length).ok().filter(|&length| length <= left);
            let length = fits.ok_or(Fault::Overrun { number, length, left })?;
            (Wire::Length, begin..begin + length)
        }
        3 => (Wire::StartGroup, begin..begin),
        4 => (Wire::EndGroup, begin..begin),
        5 => {
            let (bytes, value) = fixed(4)?;
            (Wire::Fixed32(bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))), value)
        }
        wire => return Err(Fault::WireType { number, wire: u8::try_from(wire).unwrap_or(7) }),
    };
    Ok(Field { number, range: at..value.end, value, wire })
}

/// Where the fields of a group end, which begin at a place, and where what follows the group begins.
pub(crate) fn group(
    bytes: &[u8],
    number: u32,
    mut at: usize,
    end: usize,
    depth: usize,
) -> Result<(usize, usize), Fault> {
    let mut open = vec![number];
    while at < end {
        let next = field(bytes, at, end)?;
        match next.wire {
            Wire::StartGroup if open.len() < depth => open.push(next.number),
            Wire::StartGroup => return Err(Fault::OpenGroup(next.number)),
            Wire::EndGroup if open.pop() != Some(next.number) => return Err(Fault::StrayGroup(next.number)),
            Wire::EndGroup if open.is_empty() => return Ok((at, next.range.end)),
            _ => {}
        }
        at = next.range.end;
    }
    Err(Fault::OpenGroup(number))
}

/// Whether the bytes are fields from the first to the last, of which there is at least one.
pub(crate) fn is_message(bytes: &[u8], range: Range<usize>, depth: usize) -> bool {
    let mut at = range.start;
    while at < range.end {
        let Ok(next) = field(bytes, at, range.end) else { return false };
        at = match next.wire {
            Wire::EndGroup => return false,
            Wire::StartGroup => match group(bytes, next.number, next.range.end, range.end, depth) {
                Ok((_, after)) => after,
                Err(_) => return false,
            },
            _ => next.range.end,
        };
    }
    !range.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Result<Field, Fault> {
        field(bytes, 0, bytes.len())
    }

    #[test]
    fn each_type_of_wire_is_read_with_its_place() {
        let is = |bytes: &[u8], number, value: Range<usize>, wire| {
            assert_eq!(first(bytes), Ok(Field { number, range: 0..value.end, value, wire }));
        };
        is(b"\x08\x96\x01", 1, 1..3, Wire::Varint(150));
        is(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 1, 1..11, Wire::Varint(u64::MAX));
        is(b"\x12\x02hi.", 2, 2..4, Wire::Length);
        is(b"\x1d\x01\0\0\0", 3, 1..5, Wire::Fixed32(1));
        is(b"\xa1\x06\x01\0\0\0\0\0\0\0", 100, 2..10, Wire::Fixed64(1));
    }

    #[test]
    fn what_is_no_field_says_why() {
        assert_eq!(first(b"\x08\x96"), Err(Fault::TruncatedVarint));
        assert_eq!(first(&[0xff; 12]), Err(Fault::LongVarint));
        assert_eq!(first(b"\x1d\x01"), Err(Fault::Truncated(3)));
        assert_eq!(first(b"\x12\x05hi"), Err(Fault::Overrun { number: 2, length: 5, left: 2 }));
        assert_eq!(first(b"\x00\x01"), Err(Fault::Number(0)));
        assert_eq!(first(b"\x0f"), Err(Fault::WireType { number: 1, wire: 7 }));
    }

    #[test]
    fn a_group_ends_with_its_own_number() {
        let bytes = b"\x08\x01\x13\x08\x01\x14\x0c";
        assert_eq!(group(bytes, 1, 0, 7, 9), Ok((6, 7)));
        assert_eq!(group(bytes, 3, 0, 7, 9), Err(Fault::StrayGroup(1)));
        assert_eq!(group(b"\x08\x01", 1, 0, 2, 9), Err(Fault::OpenGroup(1)));
        assert!(
            is_message(b"\x0b\x08\x01\x0c", 0..4, 9)
                && !is_message(b"\x0c", 0..1, 9)
                && !is_message(b"", 0..0, 9)
        );
    }
}
