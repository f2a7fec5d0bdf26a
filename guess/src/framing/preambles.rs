//! What may come before the first message, by how the runs begin.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::length::{Encoding, LengthField};
use super::rules::{FIELD_OFFSETS, MOST_BEYOND};
use super::{Framing, Preamble, Rule};
use crate::Run;

/// Where runs begin with more different bytes, these are no marks.
const MOST_FIRST: usize = 4;
/// Longer ones are no first messages, if nothing says where they end.
const LONGEST: usize = 512;
const LONGEST_MARK: usize = 4;
/// More messages with a length of their own do not come before the others.
const MOST_COUNTED: usize = 4;
/// So many messages before those are looked at.
const FIRST: usize = 64;
/// What they must show where there is little choice from where on they are, in bits.
const LITTLE: f64 = 1.0;

/// What may come before the first message.
pub(super) fn preambles(runs: &[&Run]) -> Vec<Preamble> {
    let mut all = vec![Preamble::Bytes(0)];
    let beginning: Vec<&&Run> = runs.iter().filter(|run| run.begins).collect();
    for number in 1..5 {
        all.push(Preamble::Segments(number));
        let mut ends = beginning.iter().filter_map(|run| run.segments.get(number).copied());
        if let Some(end) = ends.next()
            && ends.all(|other| other == end)
            && end <= 512
        {
            all.pop();
            all.push(Preamble::Bytes(end));
        }
    }
    for end in [&b"\r\n\r\n"[..], b"\n"] {
        let has = |run: &&&Run| through(run, end);
        if !beginning.is_empty() && beginning.iter().all(has) {
            all.push(Preamble::Through(end.to_vec()));
        }
    }
    all
}

/// Whether a run begins with a text up to some bytes.
fn through(run: &Run, end: &[u8]) -> bool {
    let first = run.bytes.get(..2048).unwrap_or(&run.bytes);
    let text = memchr::memmem::find(first, end).and_then(|at| first.get(..at));
    text.is_some_and(|text| text.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\r' | b'\n' | b'\t')))
}

/// Messages with length fields that end where one of the first segments does, in all runs that begin.
fn counted(beginning: &[&&Run]) -> Vec<Preamble> {
    let Some(one) = beginning.first() else { return Vec::new() };
    let first = one.segment_end(0);
    let is_alike = beginning.iter().all(|run| run.segment_end(0) == first);
    let mut found: Vec<Preamble> = Vec::new();
    let integers = [(1u8, false), (2, false), (2, true), (4, false), (4, true)];
    let integer = |(width, is_little): (u8, bool)| Encoding::Integer { width, is_little, bits: width * 8 };
    for encoding in integers.map(integer).into_iter().chain([Encoding::Leb128]) {
        for offset in 0..FIELD_OFFSETS {
            let plain = LengthField { offset, encoding, unit: 1, beyond: 0 };
            let Some(total) = plain.counted(&one.bytes) else { continue };
            let beyond = i64::try_from(first).unwrap_or(i64::MAX).saturating_sub(total);
            let fitting = Preamble::Counted(LengthField { beyond, ..plain }, 1);
            let is_right = |run: &&&Run| fitting.length(&run.bytes) == Some(run.segment_end(0));
            // Messages that are all as long need no field.
            if !is_alike && beyond.abs() <= MOST_BEYOND && beginning.iter().all(is_right) {
                found.push(fitting);
            }
            let head = i64::try_from(offset + encoding.width()).unwrap_or(0);
            for count in 2..=MOST_COUNTED {
                for beyond in [0, -head] {
                    let several = Preamble::Counted(LengthField { beyond, ..plain }, count);
                    let is_right = |run: &&&Run| {
                        let boundaries = several.boundaries(run);
                        let ends = boundaries.last().is_some_and(|end| {
                            *end < run.bytes.len() && (0..count).any(|number| run.segment_end(number) == *end)
                        });
                        ends && boundaries.len() == count + 1
                    };
                    if beginning.iter().all(is_right) {
                        found.push(several);
                    }
                }
            }
        }
    }
    found
}

/// What may come before it where a run begins with certain bytes, or that says its length itself: tried with the rules that fit best.
pub(super) fn rare(runs: &[&Run]) -> Vec<Preamble> {
    let beginning: Vec<&&Run> = runs.iter().filter(|run| run.begins && !run.bytes.is_empty()).collect();
    let mut all = counted(&beginning);
    let mut by_first: BTreeMap<u8, Vec<&&Run>> = BTreeMap::new();
    for run in &beginning {
        if let Some(first) = run.bytes.first() {
            by_first.entry(*first).or_default().push(run);
        }
    }
    if by_first.len() > MOST_FIRST {
        return all;
    }
    for (first, runs) in by_first {
        let ends: Vec<usize> = runs.iter().map(|run| run.segment_end(0)).collect();
        let mut each = counted(&runs);
        let times = |end: usize| ends.iter().filter(|other| **other == end).count();
        let usual = ends.iter().copied().max_by_key(|end| (times(*end), *end));
        each.extend(usual.filter(|end| *end <= LONGEST).map(Preamble::Bytes));
        let lines = [&b"\r\n\r\n"[..], b"\n"].map(|end| Preamble::Through(end.to_vec()));
        each.extend(lines.into_iter().filter(
            |line| matches!(line, Preamble::Through(end) if runs.iter().all(|run| through(run, end))),
        ));
        for field in [(4u8, false), (4, true), (2, false), (2, true)] {
            let (width, is_little) = field;
            let encoding = Encoding::Integer { width, is_little, bits: width * 8 };
            for beyond in [0, -i64::from(width)] {
                let counted = Preamble::Counted(LengthField { offset: 0, encoding, unit: 1, beyond }, 1);
                let ends_there = |(run, end): (&&&Run, &usize)| counted.length(&run.bytes) == Some(*end);
                if !each.contains(&counted) && runs.iter().zip(&ends).all(ends_there) {
                    each.push(counted);
                }
            }
        }
        let common = runs.iter().fold(None, |common: Option<&[u8]>, run| match common {
            None => Some(&run.bytes),
            Some(common) => {
                let same = common.iter().zip(&run.bytes).take_while(|(one, other)| one == other).count();
                common.get(..same)
            }
        });
        let common = common.unwrap_or_default();
        for each in each {
            let most = match &each {
                Preamble::Bytes(count) => (*count).min(LONGEST_MARK),
                Preamble::Counted(..) => 1,
                _ => LONGEST_MARK,
            };
            let mark = common.get(..most.min(common.len())).unwrap_or_default();
            let mark = if mark.is_empty() { vec![first] } else { mark.to_vec() };
            all.push(Preamble::Optional { mark, each: Box::new(each) });
        }
    }
    all
}

/// Whether a run begins with lines of so many bytes, and then has something else.
fn is_line_before(run: &Run, count: usize) -> bool {
    let Some((line, rest)) = run.bytes.split_at_checked(count) else { return false };
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
    line.ends_with(b"\n") && line.iter().all(is_text) && rest.first().is_some_and(|byte| !is_text(byte))
}

/// From where on the rule leads to where what comes before the first message ends, in all runs: what is left of that. None if it does not.
/// `each` is how many bits a message is worth that a message is found behind.
pub(super) fn led(framing: &Framing, runs: &[&Run], each: f64) -> Option<Preamble> {
    let is_led = matches!(framing.rule, Rule::Length(_) | Rule::Headers(_) | Rule::Value(_));
    if !is_led || matches!(framing.preamble, Preamble::Bytes(0) | Preamble::Optional { .. }) {
        return None;
    }
    let ends = runs.iter().filter(|run| run.begins && !run.bytes.is_empty());
    let ends: Vec<(&Run, usize)> = ends.map(|run| (*run, framing.preamble.end(run))).collect();
    let least = ends.iter().map(|(_, end)| *end).min()?;
    let needed = |count: usize| match count {
        0 => LITTLE,
        // A line or two before something else.
        _ if ends.iter().all(|(run, _)| is_line_before(run, count)) => LITTLE,
        _ => (least as f64).log2() + 3.0,
    };
    (0..least.min(LONGEST)).map(Preamble::Bytes).zip(0..).find_map(|(preamble, count)| {
        let shorter = Framing { preamble, rule: framing.rule.clone() };
        let mut known: FxHashSet<&[u8]> = FxHashSet::default();
        for (run, end) in &ends {
            let found = shorter.find(run, FIRST);
            found.boundaries.binary_search(end).ok()?;
            let first = found.of_rule().take_while(|message| message.end <= *end);
            known.extend(first.filter_map(|message| run.bytes.get(message)));
        }
        (each * known.len() as f64 >= needed(count)).then_some(shorter.preamble)
    })
}
