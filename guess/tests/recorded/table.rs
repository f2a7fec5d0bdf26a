//! How well a guess does on a capture of which the truth is known, and the sum over all.

use std::collections::HashSet;

use framescope_guess::framing::Framed;
use framescope_guess::guess;
use framescope_ksy::Described;

use crate::claims::{Judged, Written};
use crate::known::Known;

/// A claim is right if it is in so many of a hundred messages.
const MOSTLY: usize = 90;
/// Messages are found if so many of a hundred are.
const FOUND: usize = 99;
/// What is surer should be right.
pub(crate) const SURE: f64 = 0.9;

/// What was measured of one format.
#[derive(Default)]
pub(crate) struct Measured {
    /// Messages found and all, of each side.
    pub messages: [(usize, usize); 2],
    /// Bytes in the right kind of field, and all of which the kind is known.
    pub bytes: (usize, usize),
    /// Bytes of all messages.
    pub length: usize,
    /// Checks found with their exact parameters, and all.
    pub checks: (usize, usize),
    /// False claims and all claims that are surer than [`SURE`].
    pub sure: (usize, usize),
    pub confidence: f64,
    pub evidence: Vec<String>,
    pub framings: [Option<Framed>; 2],
    pub false_claims: Vec<String>,
    /// What bytes are and what they are claimed to be, with how many there are, the most first.
    pub confused: Vec<(usize, String)>,
    /// Some of the messages that are not found.
    pub missed: Vec<String>,
}

/// So many of them.
const MISSED: usize = 12;

impl Measured {
    pub(crate) fn of(known: &Known) -> Measured {
        let mut measured = Measured::default();
        measured.checks.1 = known.checks.len();
        let found = guess(&known.sample, "mine", &|_| true);
        for guess in &found {
            let loaded = Described::from_ksy(&guess.description);
            let loaded =
                loaded.unwrap_or_else(|error| panic!("{}: {error}\n{}", known.name, guess.description));
            assert_eq!(loaded.warnings(), [], "{}: {}", known.name, guess.description);
        }
        let Some(best) = found.first() else {
            for reals in &known.talks {
                for (side, reals) in reals.iter().enumerate() {
                    measured.messages[side].1 += reals.len();
                }
            }
            return measured;
        };
        measured.confidence = best.confidence;
        measured.evidence.clone_from(&best.evidence);
        measured.framings.clone_from(&best.framings);
        let described = Described::from_ksy(&best.description).unwrap();
        let (written, mut judged) = (Written::of(&best.description), Judged::default());
        for (number, (talk, reals)) in known.sample.talks.iter().zip(&known.talks).enumerate() {
            for (side, (run, reals)) in talk.sides.iter().zip(reals).enumerate() {
                let ranges: HashSet<_> = best.framings[side]
                    .iter()
                    .flat_map(|framed| framed.framing.find(run, usize::MAX).messages().collect::<Vec<_>>())
                    .collect();
                for real in reals {
                    let is_found = ranges.contains(&real.range);
                    if !is_found && measured.missed.len() < MISSED {
                        let mut near: Vec<_> = ranges
                            .iter()
                            .filter(|found| found.start < real.range.end && real.range.start < found.end)
                            .collect();
                        near.sort_by_key(|range| range.start);
                        near.truncate(3);
                        let begin = &run.bytes[real.range.clone()][..real.range.len().min(48)];
                        let text = begin.escape_ascii();
                        measured.missed.push(format!("{number}.{side} {:?}: {near:?} {text}", real.range));
                    }
                    measured.messages[side].0 += usize::from(is_found);
                    measured.messages[side].1 += 1;
                    measured.length += real.range.len();
                    judged.message(
                        &described,
                        &written,
                        side,
                        &run.bytes[real.range.clone()],
                        real,
                        is_found,
                    );
                }
            }
        }
        measured.bytes = (judged.right, judged.bytes);
        let confused = judged.confused.iter();
        measured.confused =
            confused.map(|((real, claimed), bytes)| (*bytes, format!("{real} as {claimed}"))).collect();
        measured.confused.sort_by(|a, b| b.cmp(a));
        for (of, tally) in &judged.claims {
            if tally.confidence > SURE {
                measured.claim(tally.is_right(MOSTLY), || format!("{of:?} {tally:?}"));
            }
        }
        if best.confidence > SURE {
            let (right, all) =
                measured.messages.iter().fold((0, 0), |sum, side| (sum.0 + side.0, sum.1 + side.1));
            measured.claim(right * 100 >= all * MOSTLY, || "where messages end".to_owned());
        }
        measured.checks_of(known);
        measured
    }

    fn claim(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        self.sure.1 += 1;
        if !is_right {
            self.sure.0 += 1;
            self.false_claims.push(what());
        }
    }

    fn checks_of(&mut self, known: &Known) {
        let said = |side: Option<usize>| {
            let who = side.and_then(|side| ["client: ", "server: "].get(side).copied());
            self.evidence.iter().filter_map(move |line| match who {
                _ if !line.starts_with("client: ") && !line.starts_with("server: ") => Some(line.as_str()),
                Some(who) => line.strip_prefix(who),
                None => None,
            })
        };
        let is_there = |side: Option<usize>, text: &String| {
            said(side).any(|line| line.starts_with(&format!("{text}: in ")))
        };
        self.checks.0 = known
            .checks
            .iter()
            .filter(|check| {
                let sides = check.side.map_or(vec![0, 1], |side| vec![side]);
                let mut sides = sides.into_iter().filter(|&side| self.messages[side].1 > 0);
                sides.all(|side| check.said.iter().any(|text| is_there(Some(side), text)))
            })
            .count();
    }

    pub(crate) fn share(&self, side: usize) -> String {
        match self.messages[side] {
            (_, 0) => "-".to_owned(),
            (right, all) => format!("{} %", right * 100 / all),
        }
    }

    pub(crate) fn is_found(&self) -> bool {
        let [(one, all_one), (other, all_other)] = self.messages;
        (one + other) * 100 >= (all_one + all_other) * FOUND
    }
}

pub(crate) fn percent((right, all): (usize, usize)) -> String {
    if all == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * right as f64 / all as f64) }
}

/// All formats with so many messages.
pub(crate) struct Totals {
    pub found: (usize, usize),
    pub bytes: (usize, usize),
    pub checks: (usize, usize),
    pub sure: (usize, usize),
    /// By tenths of confidence: how many guesses, how many of them right, and the sum of the confidence.
    pub bins: [(usize, usize, f64); 10],
}

impl Totals {
    pub(crate) fn of(all: &[&Measured]) -> Totals {
        let sum = |of: fn(&Measured) -> (usize, usize)| {
            all.iter()
                .map(|measured| of(measured))
                .fold((0, 0), |(one, other), (more, others)| (one + more, other + others))
        };
        let mut bins = [(0, 0, 0.0); 10];
        for measured in all.iter().filter(|measured| measured.confidence > 0.0) {
            let bin = &mut bins[((measured.confidence * 10.0) as usize).min(9)];
            *bin = (bin.0 + 1, bin.1 + usize::from(measured.is_found()), bin.2 + measured.confidence);
        }
        Totals {
            found: (all.iter().filter(|measured| measured.is_found()).count(), all.len()),
            // Each format counts the same, however much of its traffic there is.
            bytes: sum(|measured| match measured.bytes {
                (_, all) if all * 2 < measured.length => (0, 0),
                (right, all) => (right * 1000 / all.max(1), 1000),
            }),
            checks: sum(|measured| measured.checks),
            sure: sum(|measured| measured.sure),
            bins,
        }
    }
}
