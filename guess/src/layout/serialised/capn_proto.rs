//! Cap'n Proto: a message with its table of segments, whose pointers lead to where there is something.

use super::DEPTH;

/// The bytes of a segment are words of so many.
const WORD: usize = 8;
const MOST_SEGMENTS: usize = 64;

/// The words of the only segment, and how many pointers may still be followed: they can lead to the same place again.
struct Segment<'b> {
    words: &'b [[u8; WORD]],
    left: usize,
}

pub(super) fn capn_proto(bytes: &[u8]) -> Option<f64> {
    let count = number(bytes, 0)?.checked_add(1).filter(|count| *count <= MOST_SEGMENTS)?;
    let mut total = 0usize;
    for segment in 0..count {
        total = total.checked_add(number(bytes, 4 + segment * 4)?)?;
    }
    let head = (4 + count * 4).next_multiple_of(WORD);
    let (words, []) = bytes.get(head..)?.as_chunks::<WORD>() else { return None };
    if words.len() != total || total == 0 {
        return None;
    }
    // What is in several segments is not followed.
    if count > 1 {
        return Some(24.0);
    }
    let mut segment = Segment { words, left: words.len() };
    Some(16.0 + pointer(&mut segment, 0, 0)?)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn pointer(segment: &mut Segment<'_>, at: usize, depth: usize) -> Option<f64> {
    let word = u64::from_le_bytes(*segment.words.get(at)?);
    if word == 0 {
        return Some(1.0);
    }
    segment.left = segment.left.checked_sub(1)?;
    if depth > DEPTH {
        return None;
    }
    let low = u32::try_from(word & 0xffff_ffff).ok()?;
    let target = at.checked_add(1)?.checked_add_signed((low.cast_signed() >> 2) as isize)?;
    let part = |from: u32, bits: u32| usize::try_from(word >> from & ((1 << bits) - 1)).ok();
    match word & 3 {
        0 => structure(segment, target, (part(32, 16)?, part(48, 16)?), depth),
        1 => {
            let count = part(35, 29)?;
            let bits = match part(32, 3)? {
                0 => 0,
                1 => 1,
                size @ 2..=5 => 8 << (size - 2),
                6 => return pointers(segment, target, count, depth),
                _ => return composite(segment, target, count, depth),
            };
            let words = count.checked_mul(bits)?.div_ceil(64);
            (target.checked_add(words)? <= segment.words.len()).then_some(6.0)
        }
        // A capability, whose other bits are zero but for its number.
        3 => (low == 3).then_some(12.0),
        _ => None,
    }
}

fn structure(
    segment: &mut Segment<'_>,
    at: usize,
    (data, pointers_there): (usize, usize),
    depth: usize,
) -> Option<f64> {
    if at.checked_add(data)?.checked_add(pointers_there)? > segment.words.len() {
        return None;
    }
    Some(6.0 + pointers(segment, at + data, pointers_there, depth)?)
}

fn pointers(segment: &mut Segment<'_>, at: usize, count: usize, depth: usize) -> Option<f64> {
    if at.checked_add(count)? > segment.words.len() {
        return None;
    }
    (at..at + count).try_fold(0.0, |bits, at| Some(bits + pointer(segment, at, depth + 1)?))
}

/// A list of structures: a word that says how many and of which size, then they.
fn composite(segment: &mut Segment<'_>, at: usize, words: usize, depth: usize) -> Option<f64> {
    let tag = u64::from_le_bytes(*segment.words.get(at)?);
    let part = |from: u32, bits: u32| usize::try_from(tag >> from & ((1 << bits) - 1)).ok();
    let (count, data, there) = (part(2, 30)?, part(32, 16)?, part(48, 16)?);
    if tag & 3 != 0 || count.checked_mul(data + there)? != words {
        return None;
    }
    if data + there == 0 {
        return Some(6.0);
    }
    let mut bits = 12.0;
    for number in 0..count {
        let begin = (at + 1).checked_add(number * (data + there))?;
        bits += structure(segment, begin, (data, there), depth + 1)?;
    }
    Some(bits)
}
