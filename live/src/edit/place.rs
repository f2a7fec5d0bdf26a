//! Values in the bytes where a field is. How a protocol writes a number is not known here: the ways that fit what is there are tried, and
//! the one that reads back as wanted is right.

use std::borrow::Cow;

use framescope_parser::{Kind, Value};

/// What may be in a field's place.
pub(super) struct Candidate {
    pub(super) bytes: Vec<u8>,
    /// Whether the bytes that are there are the old value, written in this way.
    pub(super) is_sure: bool,
}

/// The number that a value is.
pub(crate) fn number(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Unsigned(n) | Value::Hex(n) => Some((*n).into()),
        Value::Signed(n) => Some((*n).into()),
        Value::Wide(n) => Some(n.number()),
        Value::Enum(kind) => Some(kind.number()),
        Value::Bool(b) => Some((*b).into()),
        _ => None,
    }
}

/// A value of the same type with another number; None if it can't have that.
pub(super) fn with_number(value: &Value<'_>, number: i128) -> Option<Value<'static>> {
    let narrow = u64::try_from(number);
    let of_any_size = || match (narrow, i64::try_from(number)) {
        (Ok(n), _) => Value::Unsigned(n),
        (_, Ok(n)) => Value::Signed(n),
        _ => Value::Wide(number.into()),
    };
    Some(match value {
        Value::Unsigned(_) | Value::Signed(_) | Value::Wide(_) => of_any_size(),
        Value::Hex(_) => narrow.map(Value::Hex).unwrap_or_else(|_| of_any_size()),
        Value::Enum(_) => match (narrow, i64::try_from(number)) {
            (Ok(n), _) => Value::Enum(Kind::new(n, None)),
            (_, Ok(n)) => Value::Enum(Kind::signed(n, None)),
            _ => return None,
        },
        Value::Bool(_) if number == 0 || number == 1 => Value::Bool(number == 1),
        _ => return None,
    })
}

/// Whether two values are the same, whatever their types.
pub(super) fn is_same(one: &Value<'_>, other: &Value<'_>) -> bool {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one == other;
    }
    match (one, other) {
        // A field of four bytes is less precise than what is typed.
        #[expect(clippy::cast_possible_truncation, reason = "both are rounded alike")]
        (Value::Float(one), Value::Float(other)) => one == other || (*one as f32) == (*other as f32),
        _ => match (one.as_bytes(), other.as_bytes()) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
    }
}

/// The same value, which borrows nothing. The name of a number is dropped.
pub(super) fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Unsigned(n) => Value::Unsigned(*n),
        Value::Hex(n) => Value::Hex(*n),
        Value::Signed(n) => Value::Signed(*n),
        Value::Wide(n) => Value::Wide(*n),
        Value::Float(x) => Value::Float(*x),
        Value::Bool(b) => Value::Bool(*b),
        Value::Text(text) => Value::Text(Cow::Owned(text.clone().into_owned())),
        Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.clone().into_owned())),
        Value::Enum(kind) => {
            Value::Enum(Kind { value: kind.value, is_negative: kind.is_negative, name: None })
        }
        Value::Group => Value::Group,
        Value::Missing => Value::Missing,
    }
}

/// What the bytes of a field may be with another value, the likeliest first.
pub(super) fn candidates(field: &[u8], old: &Value<'_>, wanted: &Value<'_>) -> Vec<Candidate> {
    if let (Some(old), Some(wanted)) = (number(old), number(wanted)) {
        return numbers(field, old, wanted);
    }
    match (old, wanted) {
        (Value::Float(old), Value::Float(wanted)) => floats(field, *old, *wanted),
        (old, wanted) => match (old.as_bytes(), wanted.as_bytes()) {
            // Only what differs is changed, so that bytes that are masked stay so.
            (Some(old), Some(wanted)) if old.len() == wanted.len() && old.len() <= field.len() => {
                let mut bytes = field.to_vec();
                let change = old.iter().zip(wanted).map(|(old, wanted)| old ^ wanted);
                bytes.iter_mut().zip(change).for_each(|(byte, change)| *byte ^= change);
                vec![Candidate { bytes, is_sure: old == field }]
            }
            _ => Vec::new(),
        },
    }
}

fn numbers(field: &[u8], old: i128, wanted: i128) -> Vec<Candidate> {
    let mut found = Vec::new();
    if let (Some(old), Some(wanted)) = (whole(old, field.len()), whole(wanted, field.len())) {
        found.extend(changed(field, &old, &wanted));
        let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
        found.extend(changed(field, &reversed(&old), &reversed(&wanted)));
        if found.iter().any(|candidate| candidate.is_sure) {
            found.retain(|candidate| candidate.is_sure);
        }
        found.dedup_by(|one, other| one.bytes == other.bytes);
    }
    if let Some(digits) = in_digits(field, old, wanted) {
        found.push(Candidate { bytes: digits, is_sure: true });
    }
    found.extend(bits(field, old, wanted));
    found
}

/// A number in this many bytes, the highest first.
fn whole(number: i128, length: usize) -> Option<Vec<u8>> {
    let bits = u32::try_from(length).ok()?.checked_mul(8)?;
    let fits = match bits {
        0 => false,
        1..=126 => number >= -(1i128 << (bits - 1)) && number < 1i128 << bits,
        _ => bits == 128,
    };
    let bytes = number.to_be_bytes();
    bytes.get(bytes.len().checked_sub(length)?..).filter(|_| fits).map(<[u8]>::to_vec)
}

/// The bytes with what differs between two values changed.
fn changed(field: &[u8], old: &[u8], wanted: &[u8]) -> Option<Candidate> {
    (old.len() == field.len() && wanted.len() == field.len()).then(|| {
        let pairs = field.iter().zip(old).zip(wanted);
        let bytes = pairs.map(|((byte, old), wanted)| byte ^ old ^ wanted).collect();
        Candidate { bytes, is_sure: old == field }
    })
}

/// The number in decimal digits, as long as before if that is possible.
fn in_digits(field: &[u8], old: i128, wanted: i128) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim();
    if digits.parse() != Ok(old) {
        return None;
    }
    let width = digits.len();
    let padded = if digits.starts_with('0') { format!("{wanted:0width$}") } else { wanted.to_string() };
    Some(text.replacen(digits, &padded, 1).into_bytes())
}

/// The number in some bits of the field.
fn bits(field: &[u8], old: i128, wanted: i128) -> Vec<Candidate> {
    const WIDEST: usize = 8;
    let (Ok(old), Ok(wanted)) = (u64::try_from(old), u64::try_from(wanted)) else { return Vec::new() };
    if field.is_empty() || field.len() > WIDEST {
        return Vec::new();
    }
    let (difference, mut found) = (u128::from(old ^ wanted), Vec::new());
    for shift in 0..8 * field.len() {
        let Some(change) = difference.checked_shl(u32::try_from(shift).unwrap_or(u32::MAX)) else { break };
        if change >> (8 * field.len()) != 0 {
            break;
        }
        let all = change.to_be_bytes();
        let change = all.get(all.len() - field.len()..).unwrap_or_default();
        let with = |change: &mut dyn Iterator<Item = &u8>| Candidate {
            bytes: field.iter().zip(change).map(|(byte, change)| byte ^ change).collect(),
            is_sure: false,
        };
        found.push(with(&mut change.iter()));
        found.push(with(&mut change.iter().rev()));
    }
    found
}

fn floats(field: &[u8], old: f64, wanted: f64) -> Vec<Candidate> {
    let [old, wanted] = [old, wanted].map(|number| match field.len() {
        #[expect(clippy::cast_possible_truncation, reason = "the field has four bytes")]
        4 => (number as f32).to_be_bytes().to_vec(),
        8 => number.to_be_bytes().to_vec(),
        _ => Vec::new(),
    });
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let both = [changed(field, &old, &wanted), changed(field, &reversed(&old), &reversed(&wanted))];
    both.into_iter().flatten().collect()
}
