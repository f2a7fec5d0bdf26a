//! What may come before the first message, by how the runs begin.

use std::collections::BTreeMap;

use super::Preamble;
use super::length::{Encoding, LengthField};
use super::rules::{FIELD_OFFSETS, MOST_BEYOND};
use crate::Run;

/// Where runs begin with more different bytes, these are no marks.
const MOST_FIRST: usize = 4;
/// Longer ones are no first messages, if nothing says where they end.
const LONGEST: usize = 512;
const LONGEST_MARK: usize = 4;

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
        let has =
            |run: &&&Run| memchr::memmem::find(run.bytes.get(..2048).unwrap_or(&run.bytes), end).is_some();
        if !beginning.is_empty() && beginning.iter().all(has) {
            all.push(Preamble::Through(end.to_vec()));
        }
    }
    all
}

/// Length fields that say where the first segment ends, in all runs that begin; they must differ in that.
fn counted(beginning: &[&&Run]) -> Vec<Preamble> {
    let firsts: Vec<(&[u8], usize)> =
        beginning.iter().map(|run| (run.bytes.as_slice(), run.segment_end(0))).collect();
    let Some((one, end)) = firsts.first() else { return Vec::new() };
    if firsts.iter().all(|(_, other)| other == end) {
        return Vec::new();
    }
    let mut found: Vec<Preamble> = Vec::new();
    let integers = [(1u8, false), (2, false), (2, true), (4, false), (4, true)];
    let integer = |(width, is_little): (u8, bool)| Encoding::Integer { width, is_little, bits: width * 8 };
    for encoding in integers.map(integer).into_iter().chain([Encoding::Leb128]) {
        for offset in 0..FIELD_OFFSETS {
            let plain = LengthField { offset, encoding, unit: 1, beyond: 0 };
            let Some(total) = plain.counted(one) else { continue };
            let beyond = i64::try_from(*end).unwrap_or(i64::MAX).saturating_sub(total);
            let field = LengthField { beyond, ..plain };
            let is_right = |(bytes, end): &(&[u8], usize)| field.total(bytes).flatten() == Some(*end);
            if beyond.abs() <= MOST_BEYOND && firsts.iter().all(is_right) {
                found.push(Preamble::Counted(field));
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
        each.extend(
            lines.into_iter().filter(|line| runs.iter().all(|run| line.length(&run.bytes).is_some())),
        );
        for field in [(4u8, false), (4, true), (2, false), (2, true)] {
            let (width, is_little) = field;
            let encoding = Encoding::Integer { width, is_little, bits: width * 8 };
            for beyond in [0, -i64::from(width)] {
                let counted = Preamble::Counted(LengthField { offset: 0, encoding, unit: 1, beyond });
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
                Preamble::Counted(_) => 1,
                _ => LONGEST_MARK,
            };
            let mark = common.get(..most.min(common.len())).unwrap_or_default();
            let mark = if mark.is_empty() { vec![first] } else { mark.to_vec() };
            all.push(Preamble::Optional { mark, each: Box::new(each) });
        }
    }
    all
}
