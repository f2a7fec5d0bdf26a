//! The bytes of one field for a value that its protocol would not write, such as a false length. Whether bytes have a value is
//! found out by dissecting them: no protocol says how its numbers are written.

use std::ops::Range;

use framescope_parser::Value;

use super::format::Format;
use super::places;
use super::values::number_of;

/// The most bits that are flipped to learn what they mean.
const MOST_BITS: usize = 64;

/// The bytes that give the field at a path a value, in place of those in `range`; None if none were found.
pub(crate) fn bytes_for(
    format: &Format,
    message: &[u8],
    path: &str,
    range: &Range<usize>,
    value: &Value<'_>,
) -> Option<Vec<u8>> {
    let old = message.get(range.clone())?;
    if let Some(bytes) = value.as_bytes() {
        return Some(bytes.to_vec());
    }
    let read = |bytes: &[u8]| read_with(format, message, path, range, bytes);
    let before = read(old)?;
    let found = candidates(old, &before, value).into_iter().find(|bytes| {
        let is = read(bytes);
        is.as_ref().is_some_and(|is| equal(is, value))
    });
    found.or_else(|| by_bits(old, number_of(value)?, &|bytes| number_of(&read(bytes)?))).or_else(|| {
        // Where a false value hides the field itself, what writes the old value as it is written is taken for right.
        let is_written_so = |(old_way, _): &(Vec<u8>, Vec<u8>)| old_way == old;
        let ways = ways(old, number_of(&before)?).into_iter().zip(ways(old, number_of(value)?));
        ways.filter(|(_, new)| new.len() == old.len()).find(is_written_so).map(|(_, new)| new)
    })
}

/// The bytes of a range in which only the bits of the field at a path differ, so that it is that number.
pub(crate) fn with_bits(
    format: &Format,
    message: &[u8],
    path: &str,
    range: &Range<usize>,
    number: i128,
) -> Option<Vec<u8>> {
    let old = message.get(range.clone())?;
    by_bits(old, number, &|bytes| number_of(&read_with(format, message, path, range, bytes)?))
}

/// The value at a path where a range has other bytes.
fn read_with(
    format: &Format,
    message: &[u8],
    path: &str,
    range: &Range<usize>,
    bytes: &[u8],
) -> Option<Value<'static>> {
    let (before, after) = (message.get(..range.start)?, message.get(range.end..)?);
    let changed = [before, bytes, after].concat();
    let dissection = format.dissect(&changed);
    let value = &places::field(&dissection, path)?.value;
    Some(match value {
        Value::Float(x) => Value::Float(*x),
        Value::Wide(n) => Value::Wide(*n),
        value => Value::Wide(number_of(value)?.into()),
    })
}

fn equal(is: &Value<'_>, wanted: &Value<'_>) -> bool {
    match (is, wanted) {
        (Value::Float(is), Value::Float(wanted)) => is.to_bits() == wanted.to_bits(),
        _ => number_of(is).is_some() && number_of(is) == number_of(wanted),
    }
}

fn candidates(old: &[u8], before: &Value<'_>, value: &Value<'_>) -> Vec<Vec<u8>> {
    if let Value::Float(x) = value {
        // A float of 32 bits holds what fits in it.
        #[allow(clippy::cast_possible_truncation)]
        let narrow = *x as f32;
        return match old.len() {
            4 => vec![narrow.to_be_bytes().to_vec(), narrow.to_le_bytes().to_vec()],
            8 => vec![x.to_be_bytes().to_vec(), x.to_le_bytes().to_vec()],
            _ => Vec::new(),
        };
    }
    let (Some(before), Some(number)) = (number_of(before), number_of(value)) else { return Vec::new() };
    // Those that write the old value as it is written come first.
    let mut all: Vec<(bool, Vec<u8>)> = ways(old, before)
        .into_iter()
        .zip(ways(old, number))
        .filter(|(_, new)| !new.is_empty())
        .map(|(old_way, new)| (old_way != old, new))
        .collect();
    all.sort_by_key(|(is_other, _)| *is_other);
    all.into_iter().map(|(_, new)| new).collect()
}

/// A number in all ways in which numbers are written; empty where it does not fit.
fn ways(old: &[u8], number: i128) -> Vec<Vec<u8>> {
    let width = old.len();
    let big = number.to_be_bytes();
    let fits = width >= 16 || {
        let bits = 8 * width;
        (-(1_i128 << bits.saturating_sub(1).min(126)) <= number) && number < (1_i128 << bits.min(126))
    };
    let fixed = |bytes: Vec<u8>| if fits { bytes } else { Vec::new() };
    let be: Vec<u8> = big.iter().copied().skip(16_usize.saturating_sub(width)).collect();
    let le: Vec<u8> = be.iter().rev().copied().collect();
    let is_text = old.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let text = |digits: String| if is_text && !old.is_empty() { digits.into_bytes() } else { Vec::new() };
    let padded = |digits: String, with: char| {
        let missing = width.saturating_sub(digits.len());
        let padding: String = std::iter::repeat_n(with, missing).collect();
        text(format!("{padding}{digits}"))
    };
    vec![
        fixed(be),
        fixed(le),
        padded(number.to_string(), '0'),
        padded(number.to_string(), ' '),
        text(number.to_string()),
        padded(format!("{number:x}"), '0'),
        padded(format!("{number:X}"), '0'),
        text(format!("{number:x}")),
        varint(number),
    ]
}

/// As seven bits a byte, the lowest first.
fn varint(number: i128) -> Vec<u8> {
    let Ok(mut rest) = u64::try_from(number) else { return Vec::new() };
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(rest & 0x7F).unwrap_or_default();
        rest >>= 7;
        out.push(if rest == 0 { byte } else { byte | 0x80 });
        if rest == 0 {
            return out;
        }
    }
}

/// Learns what each bit counts by flipping it, and puts those of the number.
fn by_bits(old: &[u8], number: i128, read: &dyn Fn(&[u8]) -> Option<i128>) -> Option<Vec<u8>> {
    if old.len() * 8 > MOST_BITS {
        return None;
    }
    let before = read(old)?;
    let mut bytes = old.to_vec();
    let mut rest = number ^ before;
    for bit in 0..old.len() * 8 {
        let mut flipped = old.to_vec();
        *flipped.get_mut(bit / 8)? ^= 0x80 >> (bit % 8);
        // A bit of a neighbour changes nothing, and one that hides the field is none of its own.
        let counts = read(&flipped).map_or(0, |changed| changed ^ before);
        if counts.count_ones() == 1 && rest & counts != 0 {
            *bytes.get_mut(bit / 8)? ^= 0x80 >> (bit % 8);
            rest ^= counts;
        }
    }
    (read(&bytes)? == number).then_some(bytes)
}

/// The names of the numbers of a field of one byte, found out by trying them all.
pub(crate) fn names_of(format: &Format, message: &[u8], path: &str) -> Vec<(i128, String)> {
    // The beginning of a long message has its kind.
    const ENOUGH: usize = 4 << 10;
    let message = message.get(..message.len().min(ENOUGH)).unwrap_or_default();
    let dissection = format.dissect(message);
    let Some(range) = places::field(&dissection, path).map(|field| field.range.clone()) else {
        return Vec::new();
    };
    if range.len() != 1 {
        return Vec::new();
    }
    let mut changed = message.to_vec();
    let mut names = Vec::new();
    for byte in 0..=u8::MAX {
        if let Some(place) = changed.get_mut(range.start) {
            *place = byte;
        }
        let dissection = format.dissect(&changed);
        if let Some(Value::Enum(kind)) = places::field(&dissection, path).map(|field| &field.value)
            && let Some(name) = kind.name
        {
            names.push((kind.number(), name.to_owned()));
        }
    }
    names
}
