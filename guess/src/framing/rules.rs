//! The rules that are tried.

use std::collections::HashMap;

use super::enclosed::Enclosed;
use super::length::{Encoding, LengthField};
use super::{Preamble, Rule, texts, values};
use crate::Run;

/// A length field is looked for in so many bytes.
pub(super) const FIELD_OFFSETS: usize = 24;
/// So many bytes may follow a field, or come before its end, that it does not count, or does.
pub(super) const MOST_BEYOND: i64 = 24;
/// The longest messages of one length, how many lengths are tried, and in how many bytes they are looked for.
const LONGEST_FIXED: usize = 512;
const FIXED: usize = 48;
const FIRST: usize = 8 << 10;
/// So many bytes may follow those that end a message.
const MOST_AFTER: usize = 4;
/// How many segments are looked at.
const SEGMENTS: usize = 400;

/// Those that do not depend on where the first message begins.
pub(super) fn rules(runs: &[&Run]) -> Vec<Rule> {
    let mut rules = vec![Rule::Segment];
    rules.extend(fixed(runs));
    rules.extend(terminators(runs));
    rules.extend(values::ALL.map(Rule::Value));
    rules.extend(enclosed(runs).into_iter().map(Rule::Enclosed));
    rules.extend(texts::lines(runs).into_iter().map(Rule::Lines));
    rules.extend(texts::headers(runs).into_iter().map(Rule::Headers));
    rules
}

fn fixed(runs: &[&Run]) -> Vec<Rule> {
    let lengths = runs.iter().flat_map(|run| {
        (0..run.segments.len()).map(|at| run.segment_end(at) - run.segments.get(at).copied().unwrap_or(0))
    });
    let all: Vec<usize> = lengths.take(500).filter(|length| *length > 0).collect();
    let common = all.iter().copied().fold(0, gcd);
    let mut found: Vec<usize> = (2..=common.min(4096)).filter(|length| common % length == 0).collect();
    // And those after which bytes are the same most often.
    let mut alike: Vec<(usize, usize)> =
        (3..=LONGEST_FIXED).map(|length| (alike(runs, length), length)).collect();
    alike.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.extend(alike.iter().take(FIXED).map(|(_, length)| length));
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(Rule::Fixed).collect()
}

/// How many of the first bytes are as those so many bytes later.
fn alike(runs: &[&Run], later: usize) -> usize {
    let of_run = |run: &&Run| {
        let bytes = run.bytes.get(..FIRST).unwrap_or(&run.bytes);
        bytes.iter().zip(bytes.iter().skip(later)).filter(|(one, other)| one == other).count()
    };
    runs.iter().take(4).map(of_run).sum()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn terminators(runs: &[&Run]) -> Vec<Rule> {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for run in runs {
        for at in (0..run.segments.len()).take(SEGMENTS) {
            let end = run.segment_end(at);
            for length in 1..=4 {
                if let Some(ending) = end.checked_sub(length).and_then(|from| run.bytes.get(from..end)) {
                    *counts.entry(ending).or_default() += 1;
                }
            }
        }
    }
    let mut endings: Vec<(&[u8], usize)> = counts.into_iter().collect();
    endings.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.len().cmp(&b.0.len())).then(a.0.cmp(b.0)));
    let mut found: Vec<Vec<u8>> = endings.into_iter().take(12).map(|(ending, _)| ending.to_vec()).collect();
    let usual =
        [&b"\n"[..], b"\r\n", b"\0", b"\r", b"\x03", b"\x7E", b"\xC0", b"\x1C\r", b"\n\n", b"\r\n\r\n"];
    for ending in usual {
        if !found.iter().any(|known| known == ending) {
            found.push(ending.to_vec());
        }
    }
    found.into_iter().map(Rule::Terminator).collect()
}

fn segments(run: &Run) -> impl Iterator<Item = &[u8]> {
    (0..run.segments.len())
        .filter_map(|number| run.bytes.get(*run.segments.get(number)?..run.segment_end(number)))
}

/// The bytes that most segments begin with, and those that they end with.
fn enclosed(runs: &[&Run]) -> Vec<Enclosed> {
    let segments = || runs.iter().flat_map(|run| segments(run)).take(SEGMENTS);
    let all = segments().count();
    let common = |part: &dyn Fn(&'_ [u8]) -> Option<&'_ [u8]>| {
        let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
        for bytes in segments().filter_map(part) {
            *counts.entry(bytes.to_vec()).or_default() += 1;
        }
        let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        most.filter(|(_, count)| count * 2 >= all).map(|(bytes, _)| bytes)
    };
    let mut starts: Vec<Vec<u8>> =
        (1..=4).filter_map(|length| common(&|bytes| bytes.get(..length))).collect();
    starts.insert(0, Vec::new());
    let mut found = Vec::new();
    for after in 0..=MOST_AFTER {
        for length in 1..=4 {
            let Some(end) = common(&|bytes| {
                let to = bytes.len().checked_sub(after)?;
                bytes.get(to.checked_sub(length)?..to)
            }) else {
                continue;
            };
            for start in starts.iter().filter(|start| after > 0 || !start.is_empty()) {
                let is_doubled = match (start.as_slice(), end.as_slice()) {
                    ([escape, one], [other_escape, other]) => escape == other_escape && one != other,
                    _ => false,
                };
                found.push(Enclosed { start: start.clone(), end: end.clone(), is_doubled, after });
            }
        }
    }
    found
}

pub(super) fn magics(runs: &[&Run], preamble: &Preamble) -> Vec<Rule> {
    let begins = runs.iter().flat_map(|run| {
        let first = preamble.end(run);
        run.segments.iter().filter(move |at| **at >= first).filter_map(|at| run.bytes.get(*at..)).take(200)
    });
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for begin in begins {
        for length in 1..=4 {
            if let Some(magic) = begin.get(..length) {
                *counts.entry(magic).or_default() += 1;
            }
        }
    }
    let mut all: Vec<(&[u8], usize)> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(b.0.len().cmp(&a.0.len())).then(a.0.cmp(b.0)));
    all.into_iter().take(8).map(|(magic, _)| Rule::Magic(magic.to_vec())).collect()
}

/// The lengths of segments by one of their first bytes, where each value has one length.
pub(super) fn kinds(runs: &[&Run], preamble: &Preamble) -> Vec<Rule> {
    let mut rules = Vec::new();
    for at in 0..4 {
        let mut by_kind: HashMap<u8, HashMap<usize, usize>> = HashMap::new();
        for run in runs {
            let first = preamble.end(run);
            for number in (0..run.segments.len()).take(1000) {
                let begin = run.segments.get(number).copied().unwrap_or(0);
                if let Some(&kind) = run.bytes.get(begin + at)
                    && begin >= first
                {
                    *by_kind.entry(kind).or_default().entry(run.segment_end(number) - begin).or_default() +=
                        1;
                }
            }
        }
        // Kinds that come once show nothing.
        let seen: usize = by_kind.values().flat_map(HashMap::values).sum();
        if by_kind.len() > 64 || seen < by_kind.len() * 2 {
            continue;
        }
        let mut lengths = Box::new([0u16; 256]);
        for (kind, counts) in by_kind {
            // The usual one; of several messages in a segment the shortest that is usual enough.
            let all: usize = counts.values().sum();
            let usual =
                counts.iter().filter(|(_, count)| **count * 3 >= all).map(|(length, _)| *length).min();
            if let (Some(slot), Some(usual)) = (lengths.get_mut(usize::from(kind)), usual) {
                *slot = u16::try_from(usual).unwrap_or(0);
            }
        }
        if !is_number(&lengths) {
            rules.push(Rule::Kind { at, lengths });
        }
    }
    rules
}

/// Whether the byte is the length itself, in some units, so that no table is needed.
fn is_number(lengths: &[u16; 256]) -> bool {
    let mut known = lengths.iter().zip(0i32..).filter(|(length, _)| **length > 0);
    let Some((first, value)) = known.next() else { return true };
    [1, 2, 4].iter().any(|unit| {
        let beyond = i32::from(*first) - unit * value;
        known.clone().all(|(length, value)| i32::from(*length) - unit * value == beyond)
    })
}

pub(super) fn lengths() -> Vec<Rule> {
    let mut encodings = Vec::new();
    for width in [1u8, 2, 3, 4, 8] {
        for is_little in [false, true] {
            if width > 1 || !is_little {
                encodings
                    .push((Encoding::Integer { width, is_little, bits: width * 8 }, &[1usize, 2, 4][..]));
            }
        }
    }
    for (width, bits) in [(1u8, 7u8), (1, 6), (1, 4), (2, 15), (2, 14), (2, 12), (2, 11), (4, 24), (4, 31)] {
        for is_little in [false, true] {
            if width > 1 || !is_little {
                encodings.push((Encoding::Integer { width, is_little, bits }, &[1][..]));
            }
        }
    }
    for encoding in [
        Encoding::Leb128,
        Encoding::Vlq,
        Encoding::Ber,
        Encoding::WebSocket,
        Encoding::Decimal,
        Encoding::Hexadecimal,
    ] {
        encodings.push((encoding, &[1]));
    }
    for count in 2..=8 {
        encodings.push((Encoding::Digits(count), &[1]));
        encodings.push((Encoding::HexDigits(count), &[1]));
    }
    for wide in [2, 4, 8] {
        encodings.extend((0..8).map(|bit| (Encoding::Flagged { flag: 1 << bit, wide }, &[1usize][..])));
    }
    let mut all = Vec::new();
    for (encoding, units) in encodings {
        for offset in 0..FIELD_OFFSETS {
            for &unit in units {
                all.extend(
                    (-MOST_BEYOND..=MOST_BEYOND)
                        .map(|beyond| Rule::Length(LengthField { offset, encoding, unit, beyond })),
                );
            }
        }
    }
    all
}
