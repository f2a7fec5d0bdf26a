//! Numbers in few bytes: LEB128, with the sign of signed ones in the lowest bit, and of three numbers what they are more than before.

/// How much further on numbers are; zero for each that is as far on as is expected.
pub(super) fn difference(numbers: [u64; 3], before: [u64; 3]) -> [u64; 3] {
    let ([a, b, c], [x, y, z]) = (numbers, before);
    let (second, third) = (b.wrapping_sub(y), c.wrapping_sub(z));
    let steps = [a.wrapping_sub(x), second, third.wrapping_sub(second)];
    steps.map(|step| zigzag(step.cast_signed()))
}

/// What [`difference`] was made of.
pub(super) fn sum(before: [u64; 3], difference: [u64; 3]) -> [u64; 3] {
    let [x, y, z] = before;
    let [first, second, third] = difference.map(|step| unzigzag(step).cast_unsigned());
    [x.wrapping_add(first), y.wrapping_add(second), z.wrapping_add(second).wrapping_add(third)]
}

pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[inline]
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

#[inline]
pub(super) fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some(byte) = byte(bytes) {
        number |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    number
}
