//! How many bits a framing saves.
//!
//! Without a hypothesis, where segments begin has to be said for each; with one, only which of the boundaries they are at. A rule
//! that hardly any place of the bytes would satisfy, and that all the messages do, saves what that is worth. And bytes at the same
//! place of each message are alike, more than bytes in general.

use super::{Found, Framing, Next, Rule};
use crate::Run;

/// How many bits a framing saves, by what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weight {
    /// Segments begin where messages do.
    pub segments: f64,
    /// The rule holds for each message.
    pub rule: f64,
    /// Bytes at the same place of each message are alike.
    pub columns: f64,
    /// What it costs to say the hypothesis.
    pub cost: f64,
    /// How many messages.
    pub messages: usize,
    /// How many of their boundaries are at the beginning of a segment, of those that could be.
    pub at_segments: (usize, usize),
    /// How many of the bytes are in messages.
    pub covered: (usize, usize),
}

impl Weight {
    /// All in all.
    pub fn bits(&self) -> f64 {
        let (covered, all) = self.covered;
        let share = covered as f64 / all.max(1) as f64;
        (self.segments + self.rule + self.columns) * share * share - self.cost - 40.0 * (1.0 - share)
    }

    fn add(&mut self, other: &Weight) {
        self.segments += other.segments;
        self.rule += other.rule;
        self.columns += other.columns;
        self.messages += other.messages;
        self.at_segments.0 += other.at_segments.0;
        self.at_segments.1 += other.at_segments.1;
        self.covered.0 += other.covered.0;
        self.covered.1 += other.covered.1;
    }
}

/// How many columns are compared.
const COLUMNS: usize = 8;
/// A segment that is shorter does not end only because it is full.
const LEAST_FULL: usize = 512;
/// Of a run, the rule is tried in so many places where no message begins.
const PLACES: usize = 400;

/// The entropy of a choice between two, in bits.
fn entropy2(share: f64) -> f64 {
    let part = |p: f64| if p <= 0.0 { 0.0 } else { -p * p.log2() };
    part(share) + part(1.0 - share)
}

/// How many bits a sequence of values takes that occur so often, with what it takes to say which values those are.
fn coded(counts: &[u32]) -> f64 {
    let all: u32 = counts.iter().sum();
    let all = f64::from(all);
    let present = counts.iter().filter(|&&count| count > 0);
    let entropy: f64 = present.clone().map(|&count| -f64::from(count) * (f64::from(count) / all).log2()).sum();
    entropy + present.count() as f64 * (8.0 + 0.5 * all.max(1.0).log2()).min(12.0)
}

/// Weighs a framing over runs. `most` is how many messages of each are looked at.
pub(super) fn weigh(framing: &Framing, runs: &[&Run], most: usize) -> Weight {
    let mut weight = Weight::default();
    let mut columns = vec![[0u32; 256]; COLUMNS];
    let mut bytes = [0u32; 256];
    let (mut shortest, mut longest) = (usize::MAX, 0);
    let mut all = Vec::new();
    for run in runs {
        let found = framing.find(run, most);
        for message in found.messages() {
            (shortest, longest) = (shortest.min(message.len()), longest.max(message.len()));
            let message = run.bytes.get(message).unwrap_or_default();
            for (column, &byte) in columns.iter_mut().zip(message) {
                column[usize::from(byte)] += 1;
            }
        }
        weight.add(&of_segments(run, &found, most));
        all.push((run, found));
    }
    for (run, found) in &all {
        for &byte in run.bytes.iter().take(found.boundaries.last().copied().unwrap_or(0).max(256)) {
            bytes[usize::from(byte)] += 1;
        }
    }
    let total: f64 = bytes.iter().map(|&count| f64::from(count)).sum();
    let alike = columns.iter().map(|column: &[u32; 256]| {
        let all: u32 = column.iter().sum();
        let bits = |(&count, &byte): (&u32, &u32)| match count {
            0 => 0.0,
            _ => -f64::from(count) * (f64::from(byte.max(1)) / total).log2(),
        };
        let plain: f64 = column.iter().zip(&bytes).map(bits).sum();
        if all < 2 { 0.0 } else { plain - coded(column) }
    });
    // What a rule looks for is found: one byte of it is no evidence.
    let sought = match &framing.rule {
        Rule::Magic(magic) => magic.len(),
        _ => 0,
    };
    let bits = |byte: u8| {
        let [count] = [byte].map(|byte| bytes.get(usize::from(byte)).copied().unwrap_or(0));
        -(f64::from(count.max(1)) / total.max(1.0)).log2()
    };
    let beside = |sought: &[u8]| {
        let all: f64 = sought.iter().map(|&byte| bits(byte)).sum();
        let most = sought.iter().map(|&byte| bits(byte)).fold(0.0, f64::max);
        (all - most) * weight.messages as f64
    };
    weight.columns = alike.skip(sought).filter(|saved| *saved > 0.0).sum();
    weight.columns += match &framing.rule {
        Rule::Magic(sought) | Rule::Terminator(sought) => beside(sought),
        _ => 0.0,
    };
    weight.rule = of_rule(framing, &all, (shortest, longest));
    weight.cost = cost(&framing.rule);
    weight
}

/// What is saved of saying where segments begin.
fn of_segments(run: &Run, found: &Found, most: usize) -> Weight {
    let begin = found.boundaries.first().copied().unwrap_or(0);
    let end = if found.count() == most { found.boundaries.last().copied().unwrap_or(0) } else { run.bytes.len() };
    let longest = run.segments.iter().enumerate().map(|(at, begin)| run.segment_end(at) - begin).max();
    let longest = longest.unwrap_or(0).max(LEAST_FULL);
    // The end of a segment that is full says nothing.
    let told = run.segments.windows(2).filter_map(|pair| match pair {
        [from, to] if *to > begin && *to <= end && to - from < longest => Some(*to),
        _ => None,
    });
    let told: Vec<usize> = told.chain((run.ends && end == run.bytes.len()).then_some(end)).collect();
    let inner = found.boundaries.get(1..).unwrap_or_default();
    let hits = inner.iter().filter(|at| told.binary_search(at).is_ok()).count();
    let (places, length) = (inner.len() as f64, (end - begin).max(1) as f64);
    let plain = length * entropy2(told.len() as f64 / length);
    let given = match inner.is_empty() {
        true => 0.0,
        false => places * entropy2(hits as f64 / places),
    };
    let missed = (told.len() - hits) as f64 * length.log2();
    Weight {
        segments: plain - given - missed,
        messages: found.count(),
        at_segments: (hits, told.len()),
        covered: (found.covered(), end - begin),
        ..Weight::default()
    }
}

/// What it is worth that the rule holds for each message, by how often it holds anywhere.
fn of_rule(framing: &Framing, all: &[(&&Run, Found)], (shortest, longest): (usize, usize)) -> f64 {
    if matches!(framing.rule, Rule::Segment | Rule::Fixed(_) | Rule::Terminator(_) | Rule::Magic(_)) {
        return 0.0;
    }
    let (mut tried, mut fits, mut messages) = (0usize, 0usize, 0usize);
    for (run, found) in all {
        messages += found.count();
        let step = (run.bytes.len() / PLACES).max(1) | 1;
        for at in (1..run.bytes.len()).step_by(step) {
            if found.boundaries.binary_search(&at).is_ok() {
                continue;
            }
            tried += 1;
            let next = framing.rule.next(run.bytes.get(at..).unwrap_or_default(), run.bytes.len() - at);
            let is_like = matches!(next, Next::Message(length) if (shortest..=longest).contains(&length));
            fits += usize::from(is_like);
        }
    }
    let chance = (fits as f64 + 1.0) / (tried as f64 + 2.0);
    messages as f64 * -chance.log2()
}

/// How many bits it takes to say which hypothesis it is, among those that are tried.
fn cost(rule: &Rule) -> f64 {
    match rule {
        Rule::Segment => 1.0,
        Rule::Fixed(_) => 8.0,
        Rule::Length(_) => 14.0,
        Rule::Terminator(end) | Rule::Magic(end) => 4.0 + 8.0 * end.len() as f64,
        Rule::Kind { lengths, .. } => 6.0 + 16.0 * lengths.iter().filter(|&&length| length > 0).count() as f64,
    }
}
