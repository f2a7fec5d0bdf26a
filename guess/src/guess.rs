//! From a sample to descriptions.

use crate::description::{Side, describe};
use crate::framing::{Framed, Framing, Preamble, Rule, of_both_while};
use crate::{Message, Run, Sample, kinds};

/// A hypothesis on what a capture's messages are.
#[derive(Clone, Debug)]
pub struct Guess {
    /// How likely its messages begin and end where they do, from 0 to 1.
    pub confidence: f64,
    /// Why, in words.
    pub evidence: Vec<String>,
    /// The framing of the client's messages, and of the server's; None for a side that says nothing.
    pub framings: [Option<Framed>; 2],
    /// How many messages of the sample it finds.
    pub messages: usize,
    /// The description, which [`framescope_ksy::Described`] loads.
    pub description: String,
}

/// How many hypotheses are proposed at most.
const MOST: usize = 3;
/// So many messages of a side are weighed, and so many of each run at least.
const WEIGHED: usize = 20_000;
const LEAST_OF_RUN: usize = 24;
/// How much of the work is done when the framings are found.
const FRAMED: f32 = 0.4;
/// What saves less is no hypothesis.
const LEAST: f64 = 16.0;

/// The hypotheses on the messages of a sample, the likeliest first; none if nothing is found. `id` is what the descriptions are called.
/// `progress` hears what share of the work is done, from 0 to 1; if it returns false, what was found so far is returned.
pub fn guess(sample: &Sample, id: &str, progress: &dyn Fn(f32) -> bool) -> Vec<Guess> {
    let runs = [0, 1].map(|side| sample.side(side).collect::<Vec<&Run>>());
    let [one, other] = &runs;
    let most = (WEIGHED / one.len().max(other.len()).max(1)).max(LEAST_OF_RUN);
    let mut guesses: Vec<Guess> = Vec::new();
    let Some(found) = of_both_while([one, other], most, &|done| progress(done * FRAMED)) else {
        return guesses;
    };
    for rank in 0..MOST {
        let done = FRAMED + (1.0 - FRAMED) * rank as f32 / MOST as f32;
        let is_cancelled = || !progress(done);
        if is_cancelled() {
            break;
        }
        let ranked = found.each_ref().map(|found| found.get(rank).or(found.first()));
        let [one, other] = ranked;
        let framings = [(one, other), (other, one)].map(|(framed, other)| {
            // A side that says little shows little, but may well speak as the other does.
            let is_shown = |framed: &&Framed| is_shown(framed) || speaks_as(framed, other);
            framed.filter(is_shown).cloned()
        });
        let is_known = |known: &Guess| same(&known.framings, &framings);
        if framings.iter().all(Option::is_none) || guesses.iter().any(is_known) {
            continue;
        }
        let mut guess = of(sample, id, framings, &is_cancelled);
        if is_cancelled() {
            break;
        }
        // What saves most is the likeliest, and only one of them is right.
        let left = 1.0 - guesses.iter().map(|better| better.confidence).sum::<f64>();
        guess.confidence = guess.confidence.min(left.max(0.0));
        guesses.push(guess);
    }
    guesses
}

fn is_shown(framed: &Framed) -> bool {
    framed.weight.bits() >= LEAST
}

/// Whether a side is framed as the other is, and nothing is against it.
fn speaks_as(framed: &Framed, other: Option<&Framed>) -> bool {
    let has_rule = |other: &Framed| is_shown(other) && other.framing.rule == framed.framing.rule;
    framed.weight.messages > 0 && framed.weight.breaks == 0 && other.is_some_and(has_rule)
}

fn same(one: &[Option<Framed>; 2], other: &[Option<Framed>; 2]) -> bool {
    let framing = |framed: &Option<Framed>| framed.as_ref().map(|framed| framed.framing.clone());
    one.iter().zip(other).all(|(one, other)| framing(one) == framing(other))
}

fn of(sample: &Sample, id: &str, framings: [Option<Framed>; 2], is_cancelled: &dyn Fn() -> bool) -> Guess {
    let (messages, before) = messages(sample, &framings);
    let count = messages.iter().map(Vec::len).sum::<usize>() + before;
    let mut evidence = Vec::new();
    let mut confidence: f64 = 1.0;
    for (framed, who) in framings.iter().zip(["client", "server"]) {
        let Some(framed) = framed else { continue };
        let weight = &framed.weight;
        let (hits, told) = weight.at_segments;
        let all = weight.messages + weight.breaks;
        let found = match &framed.framing.rule {
            Rule::Length(field) => {
                format!(
                    "{} is where the next message begins, in {} of {all} cases",
                    field.next(),
                    weight.messages
                )
            }
            _ => format!(
                "{} messages, one after another in {} of {} bytes",
                weight.messages, weight.covered.0, weight.covered.1
            ),
        };
        let ends = match told {
            0 => "no segment shows where they end".to_owned(),
            told => format!("segments end there in {} % of {told}", hits * 100 / told),
        };
        evidence.push(format!("{who}: {found}; {ends}"));
        if is_shown(framed) {
            confidence = confidence.min(framed.confidence());
        }
    }
    let [one, other] = &messages;
    let mut sides: Vec<Side<'_>> = Vec::new();
    let is_alike = match &framings {
        [Some(one), Some(other)] => {
            one.framing.rule == other.framing.rule
                && one.framing.preamble == Preamble::Bytes(0)
                && other.framing.preamble == Preamble::Bytes(0)
        }
        _ => false,
    };
    if is_alike && !kinds::differ([&bytes(one), &bytes(other)]) {
        let framing = framings.iter().flatten().next().map(|framed| framed.framing.clone());
        sides.extend(framing.map(|framing| Side {
            framing,
            messages: messages.concat(),
            stated: Vec::new(),
        }));
    } else {
        for (framed, messages) in framings.iter().zip(&messages) {
            if let Some(framed) = framed {
                let framing = framed.framing.clone();
                sides.push(Side { framing, messages: messages.clone(), stated: Vec::new() });
            }
        }
    }
    let written = describe(id, sample, &sides, evidence, is_cancelled);
    Guess { confidence, evidence: written.evidence, framings, messages: count, description: written.text }
}

fn bytes<'s>(messages: &[Message<'s>]) -> Vec<&'s [u8]> {
    messages.iter().map(|message| message.bytes).collect()
}

/// The messages of both sides that the rules of framings find, and how many come before those.
fn messages<'s>(sample: &'s Sample, framings: &[Option<Framed>; 2]) -> ([Vec<Message<'s>>; 2], usize) {
    let (mut all, mut before) = ([Vec::new(), Vec::new()], 0);
    for (talk, number) in sample.talks.iter().zip(0u32..) {
        let found = [0, 1].map(|side: usize| -> Vec<Message<'s>> {
            let (Some(run), Some(Some(framed))) = (talk.sides.get(side), framings.get(side)) else {
                return Vec::new();
            };
            let framing: &Framing = &framed.framing;
            let found = framing.find(run, usize::MAX);
            before += found.before.len().saturating_sub(1) + found.encrypted.len().saturating_sub(1);
            let message = |range: std::ops::Range<usize>| Message {
                bytes: run.bytes.get(range.clone()).unwrap_or_default(),
                time: run.time(range.start),
                talk: number,
                side: u8::try_from(side).unwrap_or(0),
                answers: None,
                source: talk.endpoints.get(side).copied().flatten(),
                target: talk.endpoints.get(1 - side).copied().flatten(),
            };
            found.of_rule().map(message).collect()
        });
        let [mut one, mut other] = found;
        answers(&mut one, &other);
        answers(&mut other, &one);
        let [all_of_one, all_of_other] = &mut all;
        all_of_one.append(&mut one);
        all_of_other.append(&mut other);
    }
    (all, before)
}

/// Says of each message which one of the other side came last before it.
pub(crate) fn answers<'s>(messages: &mut [Message<'s>], others: &[Message<'s>]) {
    let mut next = 0;
    for message in messages {
        while others.get(next).is_some_and(|other| other.time <= message.time) {
            next += 1;
        }
        message.answers = next.checked_sub(1).and_then(|last| others.get(last)).map(|other| other.bytes);
    }
}
