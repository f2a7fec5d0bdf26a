//! Which byte of messages says of what kind they are.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The byte that says the kind, and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// How many bytes come before it.
    pub at: usize,
    /// Its values, rising, and how many messages have each.
    pub values: BTreeMap<u8, usize>,
    /// How many bits are saved as messages of a kind are alike.
    pub bits: f64,
}

/// The kind is looked for in so many bytes, and the bytes that depend on it in so many.
const PLACES: usize = 24;
const COLUMNS: usize = 48;
/// More values are no kinds.
const MOST: usize = 48;
/// So many messages are looked at.
const MESSAGES: usize = 4_000;
/// What it takes to say where the kind is, and what each of its values is worth at least.
const COST: f64 = 12.0;
const COST_OF_VALUE: f64 = 8.0;

/// The byte that decides most about the others, if any does. It is none of the bytes in `taken`.
pub fn kind(messages: &[&[u8]], taken: &[Range<usize>]) -> Option<Kind> {
    let step = messages.len().div_ceil(MESSAGES).max(1);
    let messages: Vec<&[u8]> = messages.iter().step_by(step).copied().collect();
    let least = messages.iter().map(|message| message.len()).min()?;
    let plain = coded(&messages, None);
    let texts = texts(&messages);
    let is_taken = |at: usize| taken.iter().chain(&texts).any(|taken| taken.contains(&at));
    let mut best: Option<Kind> = None;
    for at in (0..least.min(PLACES)).filter(|at| !is_taken(*at)) {
        let values = values(&messages, at);
        if values.len() < 2 || values.len() > MOST || values.len() * 3 > messages.len() {
            continue;
        }
        // Most kinds have several messages.
        if values.values().filter(|count| **count == 1).count() * 2 > values.len() {
            continue;
        }
        let grouped = coded(&messages, Some(at));
        let own = entropy(values.values().copied());
        let bits = plain - own - grouped - COST - COST_OF_VALUE * values.len() as f64;
        if bits > 0.0 && best.as_ref().is_none_or(|best| bits > best.bits) {
            best = Some(Kind { at, values, bits });
        }
    }
    best
}

/// So many letters one after another are a text.
const LETTERS: usize = 8;

/// Texts after other bytes: what a letter of them is depends on its neighbours, but it says no kind.
fn texts(messages: &[&[u8]]) -> Vec<Range<usize>> {
    let is_letters = |at: usize| {
        let bytes = || messages.iter().filter_map(|message| message.get(at));
        bytes().filter(|byte| (0x20..0x7f).contains(*byte)).count() * 20 >= bytes().count() * 19
    };
    let (mut texts, mut from) = (Vec::new(), 0);
    for at in 0..PLACES + LETTERS {
        if !is_letters(at) {
            texts.push(from..at);
            from = at + 1;
        }
    }
    texts.push(from..PLACES + LETTERS);
    texts.retain(|text| text.start > 0 && text.len() >= LETTERS);
    texts
}

/// The kind that is known to be at a place.
pub fn at(messages: &[&[u8]], at: usize) -> Option<Kind> {
    let values = values(messages, at);
    (!values.is_empty()).then_some(Kind { at, values, bits: 0.0 })
}

/// The values of a byte, rising, and how many messages have each.
fn values(messages: &[&[u8]], at: usize) -> BTreeMap<u8, usize> {
    let mut values = BTreeMap::new();
    for value in messages.iter().filter_map(|message| message.get(at)) {
        *values.entry(*value).or_default() += 1;
    }
    values
}

/// Whether the messages of two sides are so different that each side has its own structure.
pub fn differ(sides: [&[&[u8]]; 2]) -> bool {
    let [one, other] = sides;
    let step = (one.len() + other.len()).div_ceil(MESSAGES).max(1);
    let both: Vec<&[u8]> = one.iter().chain(other).step_by(step).copied().collect();
    // As the kind separates them anyway.
    let by_kind = |messages: &[&[u8]]| {
        let messages: Vec<&[u8]> = messages.iter().step_by(step).copied().collect();
        let plain = coded(&messages, None);
        plain - kind(&messages, &[]).map_or(0.0, |kind| kind.bits)
    };
    let (together, apart) = (by_kind(&both), by_kind(one) + by_kind(other));
    together - apart > 0.1 * together.max(200.0)
}

/// The bits that some counted things take together.
fn entropy(counts: impl Iterator<Item = usize>) -> f64 {
    let counts: Vec<f64> = counts.map(|count| count as f64).collect();
    let all: f64 = counts.iter().sum();
    counts.iter().map(|count| -count * (count / all).log2()).sum()
}

/// How often each byte was at each of the first places, and each length.
struct Counts {
    columns: Vec<(Vec<u32>, u32)>,
    lengths: HashMap<usize, u32>,
    messages: u32,
}

impl Counts {
    fn new() -> Counts {
        Counts { columns: vec![(vec![0; 256], 0); COLUMNS], lengths: HashMap::new(), messages: 0 }
    }

    /// How often a byte was at a place so far, of how many, and counts it. None beyond the first places.
    fn byte(&mut self, place: usize, byte: u8) -> Option<(u32, u32)> {
        let (counts, all) = self.columns.get_mut(place)?;
        let count = counts.get_mut(usize::from(byte))?;
        let before = (*count, *all);
        *count += 1;
        *all += 1;
        Some(before)
    }

    /// The same of a length.
    fn length(&mut self, length: usize) -> (u32, u32) {
        let count = self.lengths.entry(length).or_default();
        let before = (*count, self.messages);
        *count += 1;
        self.messages += 1;
        before
    }
}

/// How often something is expected that came so often of so many times.
fn expected((count, all): (u32, u32)) -> f64 {
    (f64::from(count) + 1.0 / 64.0) / (f64::from(all) + 4.0)
}

/// The same of the messages of a kind, where `share` is what is expected of all.
fn by_kind((count, all): (u32, u32), share: f64) -> f64 {
    (f64::from(count) + share + 3.0 / 256.0) / (f64::from(all) + 4.0)
}

/// The bits that the first bytes of messages and their lengths take, each column by itself: without the column `kind`, by what the messages
/// of the same kind have, and where those are few, by what all have.
fn coded(messages: &[&[u8]], kind: Option<usize>) -> f64 {
    let (mut all, mut kinds) = (Counts::new(), BTreeMap::new());
    let mut bits = 0.0;
    for message in messages {
        let value = kind.and_then(|at| message.get(at));
        let mut own = value.map(|value| kinds.entry(*value).or_insert_with(Counts::new));
        for (place, &byte) in message.iter().enumerate().take(COLUMNS) {
            let Some(seen) = all.byte(place, byte) else { continue };
            let of_kind = own.as_mut().and_then(|own| own.byte(place, byte));
            if kind != Some(place) {
                let share = expected(seen);
                bits -= of_kind.map_or(share, |seen| by_kind(seen, share)).log2();
            }
        }
        let share = expected(all.length(message.len()));
        bits -= own.map_or(share, |own| by_kind(own.length(message.len()), share)).log2();
    }
    bits
}
