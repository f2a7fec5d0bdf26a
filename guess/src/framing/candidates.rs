//! The hypotheses that are tried, from those that could be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rustc_hash::FxHasher;

use super::expected::Expected;
use super::preambles::{led, preambles, rare};
use super::rules::{kinds, lengths, magics, rules};
use super::weight::{Weight, usual, weigh};
use super::{Encoding, Framing, Preamble, Rule};
use crate::Run;

/// A framing, and what speaks for it.
#[derive(Clone, Debug)]
pub struct Framed {
    /// It.
    pub framing: Framing,
    /// What it saves.
    pub weight: Weight,
}

impl Framed {
    /// How likely nearly all messages begin and end where it says, from 0 to 1: as it was for formats of which that is known.
    pub fn confidence(&self) -> f64 {
        let bits = self.weight.bits().max(0.0);
        let of_rule = match &self.framing.rule {
            Rule::Segment => 0.7,
            Rule::Fixed(_) | Rule::Kind { .. } | Rule::Magic(_) | Rule::Enclosed(_) => 0.85,
            Rule::Terminator(_) | Rule::Lines(_) => 0.92,
            Rule::Length(_) | Rule::Headers(_) | Rule::Value(_) => 0.97,
        };
        let (hits, told) = self.weight.at_segments;
        let at_segments = match told {
            // That the rule leads on to the end says it then.
            0..TOLD => UNTOLD - 0.2 * (-bits / 100.0).exp(),
            told => (hits as f64 + 1.0) / (told as f64 + 1.5),
        };
        let unbroken = 1.0 - 0.5 * self.weight.breaks as f64 / self.weight.runs.max(1) as f64;
        let enough = 1.0 - (-bits / 30.0).exp();
        of_rule * at_segments.min(1.0) * unbroken * enough
    }
}

/// Fewer segments tell nothing.
const TOLD: usize = 4;
/// How sure the bytes alone are.
const UNTOLD: f64 = 0.88;
/// How many of the rules are tried with what seldom comes before the first message.
const FITTING: usize = 16;
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
    /// None if `goes_on` says so.
    fn of(runs: &'r [&'r Run], goes_on: &dyn Fn() -> bool) -> Option<Tried<'r>> {
        let beginning = |run: &&Run| run.beginning(FEW_SEGMENTS, FEW_BYTES);
        let beginnings: Vec<Run> = runs.iter().take(FEW_RUNS).map(beginning).collect();
        let expected_first = Expected::of(&beginnings.iter().collect::<Vec<_>>(), goes_on)?;
        Some(Tried { runs, expected: Expected::of(runs, goes_on)?, beginnings, expected_first })
    }

    fn few(&self) -> Vec<&Run> {
        self.beginnings.iter().collect()
    }

    /// Of two framings that say the same, whether the first is the likelier: of numbers, the one that is the more usual, and else the
    /// one that explains most.
    fn is_likelier(&self, one: &Framed, other: &Framed, few: &[&Run]) -> bool {
        let usual = |framed: &Framed| usual(&framed.framing, few);
        match (usual(one), usual(other)) {
            (Some(one), Some(other)) => one > other,
            _ => one.weight.bits() > other.weight.bits(),
        }
    }

    /// Weighs a framing over the beginnings.
    fn weigh_first(&self, framing: Framing, few: &[&Run]) -> Framed {
        Framed { weight: weigh(&framing, few, &self.expected_first, FEW), framing }
    }

    /// The same, with no more before the first message than the rule does not lead through.
    fn weigh_led(&self, framing: Framing, most: usize, few: &[&Run]) -> Framed {
        let found = self.weigh(framing, most);
        let weight = &found.weight;
        let Some(preamble) = led(&found.framing, few, weight.each) else { return found };
        let led = self.weigh(Framing { preamble, rule: found.framing.rule.clone() }, most);
        if led.weight.breaks > weight.breaks {
            return found;
        }
        // What comes first may be of another kind, so that its bytes are others.
        let columns = led.weight.columns.max(weight.columns);
        Framed { weight: Weight { columns, ..led.weight }, ..led }
    }

    /// Weighs a framing over `most` messages of each run.
    fn weigh(&self, framing: Framing, most: usize) -> Framed {
        Framed { weight: weigh(&framing, self.runs, &self.expected, most), framing }
    }
}

/// So many hypotheses are tried between two times at which `progress` is asked.
const BETWEEN: usize = 64;
/// How much of the work is done when all hypotheses have been tried on a few messages.
const TRIED: f32 = 0.5;

/// The best framings of one side, the best first. None if `progress` says that the work should stop.
fn framings(tried: &Tried<'_>, most: usize, progress: &dyn Fn(f32) -> bool) -> Option<Vec<Framed>> {
    let few = tried.few();
    let mut first = First { tried, few: &few, kept: Vec::new(), same: HashMap::new() };
    let (always, lengths) = (rules(&few), lengths());
    let preambles = preambles(&few);
    let steps = preambles.len() as f32;
    for (step, preamble) in preambles.iter().enumerate() {
        let of_begins = [magics(&few, preamble), kinds(&few, preamble)].concat();
        let all = (always.len() + of_begins.len() + lengths.len()) as f32;
        let share = |number: usize| (step as f32 + number as f32 / all) / steps;
        for (number, rule) in always.iter().chain(&of_begins).chain(&lengths).enumerate() {
            if number % BETWEEN == 0 && !progress(share(number) * TRIED) {
                return None;
            }
            let framing = Framing { preamble: preamble.clone(), rule: rule.clone() };
            first.add(framing);
        }
    }
    let fitting = first.fitting();
    for preamble in rare(&few) {
        if !progress(TRIED) {
            return None;
        }
        for rule in &fitting {
            first.add(Framing { preamble: preamble.clone(), rule: rule.clone() });
        }
    }
    let mut kept = first.kept;
    best_first(&mut kept);
    kept.truncate(KEPT);
    let all = kept.len() as f32;
    let mut weighed = Vec::with_capacity(kept.len());
    for (number, framed) in kept.into_iter().enumerate() {
        if !progress(TRIED + (1.0 - TRIED) * number as f32 / all) {
            return None;
        }
        weighed.push(tried.weigh_led(framed.framing, most, &few));
    }
    best_first(&mut weighed);
    Some(without_equals(weighed, tried, &few))
}

/// The likeliest of each that find the same messages, the best first.
fn without_equals(all: Vec<Framed>, tried: &Tried<'_>, few: &[&Run]) -> Vec<Framed> {
    let found = |framed: &Framed| {
        let weight = &framed.weight;
        (weight.messages, weight.covered, weight.at_segments, weight.breaks, framed.framing.preamble.clone())
    };
    let mut different: Vec<Framed> = Vec::with_capacity(all.len());
    for framed in all {
        match different.iter_mut().find(|known| found(known) == found(&framed)) {
            Some(known) if tried.is_likelier(&framed, known, few) => *known = framed,
            Some(_) => {}
            None => different.push(framed),
        }
    }
    best_first(&mut different);
    different
}

/// Rules that may find the same in a few messages, and not in all: each is kept.
fn class(rule: &Rule) -> u8 {
    match rule {
        Rule::Length(field) => match field.encoding {
            Encoding::Integer { width: 1 | 2, .. } => 0,
            Encoding::Integer { .. } => 1,
            _ => 2,
        },
        Rule::Kind { .. } => 3,
        _ => 4,
    }
}

/// What was tried on the beginnings.
struct First<'t> {
    tried: &'t Tried<'t>,
    few: &'t [&'t Run],
    kept: Vec<Framed>,
    /// Which of them finds certain boundaries by a rule of a class.
    same: HashMap<(u64, u8), usize>,
}

impl First<'_> {
    fn add(&mut self, framing: Framing) {
        let Some(boundaries) = possible(&framing, self.few) else { return };
        let framed = self.tried.weigh_first(framing, self.few);
        match self.same.entry((boundaries, class(&framed.framing.rule))) {
            Entry::Occupied(entry) => {
                let known: Option<&mut Framed> = self.kept.get_mut(*entry.get());
                if let Some(known) = known.filter(|known| self.tried.is_likelier(&framed, known, self.few)) {
                    *known = framed;
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(self.kept.len());
                self.kept.push(framed);
            }
        }
    }

    /// The rules that fit best, whatever comes before them.
    fn fitting(&self) -> Vec<Rule> {
        let mut order: Vec<&Framed> = self.kept.iter().collect();
        order.sort_by(|a, b| b.weight.bits().total_cmp(&a.weight.bits()));
        let mut fitting: Vec<Rule> = Vec::new();
        for framed in order {
            if fitting.len() < FITTING && !fitting.contains(&framed.framing.rule) {
                fitting.push(framed.framing.rule.clone());
            }
        }
        fitting
    }
}

fn best_first(all: &mut [Framed]) {
    all.sort_by(|a, b| b.weight.bits().total_cmp(&a.weight.bits()));
}

/// What the same rule for both sides is worth more than two rules, and what share of what each saves.
const SHARED: f64 = 24.0;
const SHARED_PART: f64 = 0.25;
/// The same of texts, whose sides often have words or marks of their own.
const SHARED_PART_OF_TEXT: f64 = 0.1;

/// The best framings of both sides of conversations: of each side, if it says anything.
pub fn of_both(sides: [&[&Run]; 2], most: usize) -> [Vec<Framed>; 2] {
    of_both_while(sides, most, &|_| true).unwrap_or_default()
}

/// The same, which hears how much of the work is done, and goes on while `progress` returns true; else None.
pub(crate) fn of_both_while(
    sides: [&[&Run]; 2],
    most: usize,
    progress: &dyn Fn(f32) -> bool,
) -> Option<[Vec<Framed>; 2]> {
    let mut tried = Vec::with_capacity(2);
    for (side, runs) in sides.iter().enumerate() {
        tried.push(Tried::of(runs, &|| progress(side as f32 * 0.05))?);
    }
    let [Some(one), Some(other)] = [0, 1].map(|side: usize| tried.get(side)) else { return None };
    let mut found = of_each([one, other], most, &|done| progress(0.1 + 0.8 * done))?;
    let best = |all: &[Framed]| all.first().map_or(0.0, |framed| framed.weight.bits());
    let [one, other] = &found;
    if one.is_empty() || other.is_empty() {
        return Some(found);
    }
    let apart = best(one) + best(other);
    let mut rules: Vec<Rule> = Vec::new();
    // Words that lines begin with are those of one side.
    let has_words = |rule: &Rule| matches!(rule, Rule::Lines(lines) if !lines.words.is_empty());
    for framed in one.iter().chain(other).filter(|framed| !has_words(&framed.framing.rule)) {
        if framed.framing.rule != Rule::Segment && !rules.contains(&framed.framing.rule) {
            rules.push(framed.framing.rule.clone());
        }
    }
    // What each side may begin with does not depend on the rule.
    let begins = tried.iter().map(|tried| {
        let few = tried.few();
        let preambles = [preambles(&few), rare(&few)].concat();
        (few, preambles)
    });
    let begins: Vec<(Vec<&Run>, Vec<Preamble>)> = begins.collect();
    let mut together: Option<(f64, [Framed; 2])> = None;
    let all = rules.len() as f32;
    for (number, rule) in rules.into_iter().enumerate() {
        if !progress(0.9 + 0.1 * number as f32 / all) {
            return None;
        }
        let [Some(one), Some(other)] = [0, 1].map(|side: usize| {
            let (tried, known) = (tried.get(side)?, found.get(side)?);
            if let Some(best) = known.iter().find(|framed| framed.framing.rule == rule) {
                return Some(best.clone());
            }
            // The preamble by a few messages, then all.
            let (few, preambles) = begins.get(side)?;
            let framing = |preamble: &Preamble| Framing { preamble: preamble.clone(), rule: rule.clone() };
            let first = preambles.iter().map(|preamble| tried.weigh_first(framing(preamble), few));
            let best = first.max_by(|a, b| a.weight.bits().total_cmp(&b.weight.bits()))?;
            Some(tried.weigh_led(best.framing, most, few))
        }) else {
            continue;
        };
        let (of_one, of_other) = (one.weight.bits(), other.weight.bits());
        let part = match &one.framing.rule {
            Rule::Terminator(_) | Rule::Lines(_) | Rule::Headers(_) => SHARED_PART_OF_TEXT,
            _ => SHARED_PART,
        };
        let bits = of_one + of_other + SHARED + part * of_one.min(of_other).max(0.0);
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
    Some(found)
}

/// How often it is asked whether to go on while the other side is still looked at.
const POLL: Duration = Duration::from_millis(5);

/// The best framings of each side, both at the same time.
fn of_each(
    [one, other]: [&Tried<'_>; 2],
    most: usize,
    progress: &dyn Fn(f32) -> bool,
) -> Option<[Vec<Framed>; 2]> {
    let (done_of_other, is_stopped) = (AtomicU32::new(0), AtomicBool::new(false));
    let goes_on = |done: f32| {
        let both = (done + f32::from_bits(done_of_other.load(Relaxed))) / 2.0;
        let goes_on = !is_stopped.load(Relaxed) && progress(both);
        is_stopped.store(!goes_on, Relaxed);
        goes_on
    };
    std::thread::scope(|scope| {
        let of_other = scope.spawn(|| {
            framings(other, most, &|done| {
                done_of_other.store(done.to_bits(), Relaxed);
                !is_stopped.load(Relaxed)
            })
        });
        let of_one = framings(one, most, &goes_on);
        while !of_other.is_finished() && goes_on(1.0) {
            std::thread::sleep(POLL);
        }
        let of_other = of_other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some([of_one?, of_other?])
    })
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
        if matches!(framing.preamble, Preamble::Counted(..)) {
            found.before.hash(&mut hasher);
        }
        found.boundaries.hash(&mut hasher);
    }
    (count > 0 && covered * 2 >= all).then(|| hasher.finish())
}
