//! The hypotheses that are tried, from those that could be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::expected::Expected;
use super::length::{Encoding, LengthField};
use super::weight::{Weight, weigh};
use super::{Framing, Preamble, Rule};
use crate::Run;

/// A framing, and what speaks for it.
#[derive(Clone, Debug)]
pub struct Framed {
    /// It.
    pub framing: Framing,
    /// What it saves.
    pub weight: Weight,
}

/// A length field is looked for in so many bytes.
const FIELD_OFFSETS: usize = 24;
/// So many bytes may follow a field, or come before its end, that it does not count, or does.
const MOST_BEYOND: i64 = 24;
/// The longest messages of one length, how many lengths are tried, and in how many bytes they are looked for.
const LONGEST_FIXED: usize = 512;
const FIXED: usize = 48;
const FIRST: usize = 8 << 10;
/// How many of the hypotheses are weighed over all of the sample.
const KEPT: usize = 48;
/// How many messages of each run are looked at first, and in how many bytes.
const FEW: usize = 24;
const FEW_RUNS: usize = 12;
const FEW_SEGMENTS: usize = 128;
const FEW_BYTES: usize = 256 << 10;

/// The runs of one side, which are framed alike, and their beginnings, on which all is tried first.
struct Tried<'r> {
    runs: &'r [&'r Run],
    expected: Expected,
    beginnings: Vec<Run>,
    expected_first: Expected,
}

impl<'r> Tried<'r> {
    fn of(runs: &'r [&'r Run]) -> Tried<'r> {
        let beginning = |run: &&Run| run.beginning(FEW_SEGMENTS, FEW_BYTES);
        let beginnings: Vec<Run> = runs.iter().take(FEW_RUNS).map(beginning).collect();
        let expected_first = Expected::of(&beginnings.iter().collect::<Vec<_>>());
        Tried { runs, expected: Expected::of(runs), beginnings, expected_first }
    }

    fn few(&self) -> Vec<&Run> {
        self.beginnings.iter().collect()
    }

    /// Weighs a framing over the beginnings.
    fn weigh_first(&self, framing: Framing, few: &[&Run]) -> Framed {
        Framed { weight: weigh(&framing, few, &self.expected_first, FEW), framing }
    }

    /// Weighs a framing over `most` messages of each run.
    fn weigh(&self, framing: Framing, most: usize) -> Framed {
        Framed { weight: weigh(&framing, self.runs, &self.expected, most), framing }
    }
}

/// The best framings of one side, the best first.
fn framings(tried: &Tried<'_>, most: usize) -> Vec<Framed> {
    let few = tried.few();
    let mut kept: Vec<Framed> = Vec::new();
    let mut same = HashMap::new();
    let (always, lengths) = (rules(&few), lengths());
    for preamble in preambles(&few) {
        let of_begins = [magics(&few, &preamble), kinds(&few, &preamble)].concat();
        for rule in always.iter().chain(&of_begins).chain(&lengths) {
            let framing = Framing { preamble: preamble.clone(), rule: rule.clone() };
            let Some(boundaries) = possible(&framing, &few) else { continue };
            let framed = tried.weigh_first(framing, &few);
            match same.entry(boundaries) {
                Entry::Occupied(entry) => {
                    // Of hypotheses that say the same, the one that explains most.
                    let known: Option<&mut Framed> = kept.get_mut(*entry.get());
                    if let Some(known) = known.filter(|known| known.weight.bits() < framed.weight.bits()) {
                        *known = framed;
                    }
                }
                Entry::Vacant(entry) => {
                    entry.insert(kept.len());
                    kept.push(framed);
                }
            }
        }
    }
    best_first(&mut kept);
    kept.truncate(KEPT);
    let mut kept: Vec<Framed> = kept.into_iter().map(|framed| tried.weigh(framed.framing, most)).collect();
    best_first(&mut kept);
    kept
}

fn best_first(all: &mut [Framed]) {
    all.sort_by(|a, b| b.weight.bits().total_cmp(&a.weight.bits()));
}

/// What the same rule for both sides is worth more than two rules.
const SHARED: f64 = 24.0;

/// The best framings of both sides of conversations: of each side, if it says anything.
pub fn of_both(sides: [&[&Run]; 2], most: usize) -> [Vec<Framed>; 2] {
    let tried = sides.map(Tried::of);
    let mut found = tried.each_ref().map(|tried| framings(tried, most));
    let best = |all: &[Framed]| all.first().map_or(0.0, |framed| framed.weight.bits());
    let [one, other] = &found;
    if one.is_empty() || other.is_empty() {
        return found;
    }
    let apart = best(one) + best(other);
    let mut rules: Vec<Rule> = Vec::new();
    for framed in one.iter().chain(other) {
        if framed.framing.rule != Rule::Segment && !rules.contains(&framed.framing.rule) {
            rules.push(framed.framing.rule.clone());
        }
    }
    let mut together: Option<(f64, [Framed; 2])> = None;
    for rule in rules {
        let [Some(one), Some(other)] = [0, 1].map(|side: usize| {
            let (tried, known) = (tried.get(side)?, found.get(side)?);
            if let Some(best) = known.iter().find(|framed| framed.framing.rule == rule) {
                return Some(best.clone());
            }
            // The preamble by a few messages, then all.
            let few = tried.few();
            let framing = |preamble| Framing { preamble, rule: rule.clone() };
            let first =
                preambles(&few).into_iter().map(|preamble| tried.weigh_first(framing(preamble), &few));
            let best = first.max_by(|a, b| a.weight.bits().total_cmp(&b.weight.bits()))?;
            Some(tried.weigh(best.framing, most))
        }) else {
            continue;
        };
        let bits = one.weight.bits() + other.weight.bits() + SHARED;
        if together.as_ref().is_none_or(|(best, _)| bits > *best) {
            together = Some((bits, [one, other]));
        }
    }
    if let Some((bits, both)) = together
        && bits > apart
    {
        for (all, best) in found.iter_mut().zip(both) {
            all.retain(|framed| framed.framing != best.framing);
            all.insert(0, best);
        }
    }
    found
}

/// The boundaries that it finds, as one number. None if it finds hardly anything.
fn possible(framing: &Framing, runs: &[&Run]) -> Option<u64> {
    let (mut covered, mut all, mut count) = (0, 0, 0);
    let mut hasher = FxHasher::default();
    for run in runs {
        let found = framing.find(run, FEW);
        let end = if found.count() == FEW { found.covered() } else { run.bytes.len() };
        covered += found.covered();
        all += end;
        count += found.count();
        if covered * 2 < all && all > 4096 {
            return None;
        }
        found.boundaries.hash(&mut hasher);
    }
    (count > 0 && covered * 2 >= all).then(|| hasher.finish())
}

/// What may come before the first message.
fn preambles(runs: &[&Run]) -> Vec<Preamble> {
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

/// Those that do not depend on where the first message begins.
fn rules(runs: &[&Run]) -> Vec<Rule> {
    let mut rules = vec![Rule::Segment];
    rules.extend(fixed(runs));
    rules.extend(terminators(runs));
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
        for at in (0..run.segments.len()).take(400) {
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

fn magics(runs: &[&Run], preamble: &Preamble) -> Vec<Rule> {
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
fn kinds(runs: &[&Run], preamble: &Preamble) -> Vec<Rule> {
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
        if by_kind.len() > 64 || by_kind.is_empty() {
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
        rules.push(Rule::Kind { at, lengths });
    }
    rules
}

fn lengths() -> Vec<Rule> {
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
