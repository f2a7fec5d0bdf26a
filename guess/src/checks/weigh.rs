//! Weighs hypotheses with all messages of a sample, and chooses among those that hold.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use framescope_ksy::checks::Algorithm;

use super::evidence;
use super::sample::Sample;
use super::spans::{Own, Place, Span};
use super::{Check, Form, value};

/// The bits that a check's values must say beyond the hypothesis. By chance that happens once in two to the power of this.
pub(super) const LEAST: f64 = 20.0;
/// More bits make no check surer.
const SURE: f64 = 80.0;
/// How many messages, different in what is covered, must show a check.
const FEWEST: usize = 4;
/// The most checks of one kind of messages.
const MOST: usize = 4;

/// A hypothesis, and how many bits it takes to say it.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) span: Span,
    pub(super) form: Form,
    pub(super) algorithm: Algorithm,
    pub(super) cost: f64,
}

/// What was found so far.
pub(super) struct Weighing<'s> {
    pub(super) sample: &'s Sample<'s>,
    pub(super) length_field: Option<&'s Range<usize>>,
    worths: HashMap<(Place, usize, Form), f64>,
    seen: HashSet<(Span, Form, String)>,
    /// Those that hold, and the bits that they are worth beyond what they cost.
    found: Vec<(f64, Candidate)>,
}

/// Whether a check holds in a message.
pub(super) fn holds(span: &Span, form: Form, algorithm: &Algorithm, message: &[u8]) -> bool {
    let Some(covered) = span.of(message.len()) else { return false };
    let Some(found) = message.get(covered.field).and_then(|field| value(field, form)) else { return false };
    let width = u32::try_from(form.value_size(span.size)).unwrap_or(8);
    let computed = match span.own {
        Own::Apart => message.get(covered.first).and_then(|bytes| algorithm.number(bytes, width)),
        _ => span.bytes(message).and_then(|bytes| algorithm.number(&bytes, width)),
    };
    computed == Some(found)
}

/// Whether few enough messages are damaged.
pub(super) fn is_enough(holds: usize, all: usize) -> bool {
    let failed = all - holds;
    failed == 0 || all >= 6 && failed <= (all / 8).max(1)
}

impl<'s> Weighing<'s> {
    pub(super) fn new(sample: &'s Sample<'s>, length_field: Option<&'s Range<usize>>) -> Weighing<'s> {
        Weighing { sample, length_field, worths: HashMap::new(), seen: HashSet::new(), found: Vec::new() }
    }

    /// The most bits that a check in a field may be worth.
    pub(super) fn worth(&mut self, span: &Span, form: Form) -> f64 {
        let messages = &self.sample.messages;
        let worth = || evidence::worth(messages, span.place, span.size, form);
        *self.worths.entry((span.place, span.size, form)).or_insert_with(worth)
    }

    /// The fields in which checks were found.
    pub(super) fn fields(&self) -> HashSet<(Place, usize)> {
        self.found.iter().map(|(_, found)| (found.span.place, found.span.size)).collect()
    }

    /// Weighs a hypothesis, and keeps it if it holds.
    pub(super) fn weigh(&mut self, candidate: Candidate) {
        let Candidate { span, form, algorithm, cost } = &candidate;
        if !self.seen.insert((*span, *form, algorithm.to_string())) {
            return;
        }
        let all = &self.sample.messages;
        let (mut holding, mut failed) = (Vec::new(), 0);
        for &message in all {
            match holds(span, *form, algorithm, message) {
                true => holding.push(message),
                false => failed += 1,
            }
            if failed > 0 && !is_enough(all.len() - failed, all.len()) {
                return;
            }
        }
        let damaged = evidence::choice(all.len() - holding.len(), all.len());
        let mut seen = HashSet::new();
        let different: Vec<&[u8]> = holding
            .into_iter()
            .filter(|message| {
                // Messages that differ only in other bytes say the same again, and what zeros would give says nothing.
                let bytes = span.bytes(message).unwrap_or_default();
                let width = u32::try_from(form.value_size(span.size)).unwrap_or(8);
                let zeros = algorithm.number(&vec![0; bytes.len()], width);
                algorithm.number(&bytes, width) != zeros && seen.insert(bytes)
            })
            .collect();
        if different.len() < FEWEST {
            return;
        }
        let bits = evidence::worth(&different, span.place, span.size, *form) - cost;
        // What does not hold in all is never as sure as what does.
        let bits = if damaged > 0.0 { bits.min(SURE) - damaged } else { bits };
        if bits >= LEAST {
            self.found.push((bits, candidate));
        }
    }

    /// The surest ones, of which none contradicts another.
    pub(super) fn chosen(mut self, messages: &[&[u8]]) -> Vec<Check> {
        // Where all bytes together give zero, each could be the check of the others, and the simplest is it. The low byte of a wide sum
        // is a sum too.
        let sure = |bits: f64| bits.min(SURE);
        self.found.sort_by(|(a, one), (b, other)| {
            let size = other.span.size.cmp(&one.span.size);
            sure(*b)
                .total_cmp(&sure(*a))
                .then(size)
                .then(one.cost.total_cmp(&other.cost))
                .then(b.total_cmp(a))
        });
        let mut chosen: Vec<Check> = Vec::new();
        for (bits, Candidate { span, form, algorithm, .. }) in self.found {
            if chosen.len() == MOST || chosen.iter().any(|other| excludes(&other.span(), &span, self.sample))
            {
                continue;
            }
            // Some messages may be so short that there is no place for it.
            let with_place = messages.iter().filter(|message| span.of(message.len()).is_some());
            let (mut count, mut all) = (0, 0);
            for message in with_place {
                count += usize::from(holds(&span, form, &algorithm, message));
                all += 1;
            }
            if is_enough(count, all) && all * 2 > messages.len() {
                let Span { place, size, from, to, own } = span;
                let holds = (count, all);
                chosen.push(Check { place, size, form, algorithm, from, to, own, then: None, holds, bits });
            }
        }
        chosen
    }
}

/// Whether at most one of two checks can be one: they are in the same bytes, or each covers the other. Where all bytes together give
/// zero, each of them could be the check of the others.
fn excludes(a: &Span, b: &Span, sample: &Sample<'_>) -> bool {
    sample.messages.iter().any(|message| {
        let (Some(a), Some(b)) = (a.of(message.len()), b.of(message.len())) else { return false };
        let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        let covers = |a: &super::Covered, b: &super::Covered| {
            overlap(&a.first, &b.field) || overlap(&a.second, &b.field)
        };
        overlap(&a.field, &b.field) || covers(&a, &b) && covers(&b, &a)
    })
}
