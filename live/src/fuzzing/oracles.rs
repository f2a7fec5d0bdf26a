//! What the answers of a peer show: one that is no valid message, and success where the protocol wants a refusal.
//!
//! How a peer says that it accepts or refuses something is not known beforehand. It is learned: an answer that hardly any valid
//! message gets, and most wrong ones do, is a refusal.

use std::collections::HashMap;
use std::fmt;

use framescope_parser::{Code, Role};

use super::playing::{End, Script};
use super::reading::Row;
use super::symptom::{Sign, Symptom};

/// So many answers have to be known to judge by them.
const ENOUGH: u32 = 5;

/// How often an answer was given to messages that are in order, and to those that are not.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    good: u32,
    /// What is wrong with them is their form, or the state that they are said in.
    wrong: u32,
    /// They are in a wrong place, as far as the sequence shows.
    misplaced: u32,
}

/// Judges answers by those that were given before.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    /// By the kind of the message and what the answer says.
    answers: HashMap<(String, String), Count>,
    /// Whether the peer's messages can be read as the protocol has them.
    pub(super) reads_replies: bool,
    pub(super) has_states: bool,
}

/// A message, whether it is in order, and its answer.
struct Exchange<'r> {
    kind: &'r str,
    wrong: Option<Wrong<'r>>,
    answer: String,
}

/// Why a message is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong<'r> {
    /// It is not as the protocol has it.
    Form(Code),
    /// It is not where the protocol wants it.
    Place(Code),
    /// The state that the conversation is in does not have it.
    State(&'r str),
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Form(code) | Wrong::Place(code) => code.fmt(f),
            Wrong::State(state) => write!(f, "the state '{state}' does not have it"),
        }
    }
}

impl Judge {
    /// Learns how a conversation is answered.
    pub(super) fn learn(&mut self, rows: &[Row], script: &Script) {
        for exchange in exchanges(rows, script) {
            // What follows a message that is wrong means little.
            let (is_wrong, is_misplaced) =
                (exchange.wrong.is_some(), matches!(exchange.wrong, Some(Wrong::Place(_))));
            let is_refusal = self.is_refusal(&exchange.answer);
            let count = self.answers.entry((exchange.kind.to_owned(), exchange.answer)).or_default();
            let side = match (is_wrong, is_misplaced) {
                (_, true) => &mut count.misplaced,
                (true, _) => &mut count.wrong,
                _ => &mut count.good,
            };
            *side = side.saturating_add(1);
            if is_wrong || is_refusal {
                break;
            }
        }
    }

    /// What is wrong with the peer's answers.
    pub(super) fn judge(&self, rows: &[Row], script: &Script, end: End) -> Option<Symptom> {
        self.invalid_reply(rows, end).or_else(|| self.accepted(rows, script))
    }

    fn invalid_reply(&self, rows: &[Row], end: End) -> Option<Symptom> {
        if !self.reads_replies {
            return None;
        }
        for row in rows {
            if row.role == Role::Client {
                if self.has_states && (row.refused.is_some() || row.is_cut) {
                    // In which state the peer is now is not known.
                    return None;
                }
                continue;
            }
            let name = if row.kind.is_empty() { "bytes that are no message" } else { &row.kind };
            if let Some(code) = row.refused {
                return Some(Symptom::new(Sign::Reply, format!("its answer is not valid: {name}: {code}")));
            }
            if row.is_cut && end == End::Closed {
                return Some(Symptom::new(Sign::Reply, "its answer ends in the middle of a message"));
            }
        }
        None
    }

    fn accepted(&self, rows: &[Row], script: &Script) -> Option<Symptom> {
        for Exchange { kind, wrong, answer } in exchanges(rows, script) {
            let Some(wrong) = wrong else {
                if self.is_refusal(&answer) {
                    // Whether the peer's state changed as the protocol has it is not certain.
                    return None;
                }
                continue;
            };
            let count = self.answers.get(&(kind.to_owned(), answer.clone())).copied().unwrap_or_default();
            let is_success = count.good >= ENOUGH
                && count.good >= count.wrong + count.misplaced
                && !self.is_refusal(&answer);
            // Some messages may be sent in any place: then they are never refused.
            let does_refuse = match wrong {
                Wrong::Form(_) | Wrong::State(_) => self.refuses(None),
                Wrong::Place(_) => self.refuses(Some(kind)),
            };
            if is_success && does_refuse {
                let title = format!("{kind} is accepted where it must be refused: {wrong}");
                return Some(Symptom::new(Sign::Accepts, title));
            }
            return None;
        }
        None
    }

    /// Whether anything is refused; or messages of a kind because of their place.
    fn refuses(&self, kind: Option<&str>) -> bool {
        self.answers.iter().any(|((known, answer), count)| match kind {
            None => self.is_refusal(answer),
            Some(kind) => kind == known && is_mostly(count.misplaced, count.good) && self.is_refusal(answer),
        })
    }

    /// Whether an answer is a refusal.
    fn is_refusal(&self, answer: &str) -> bool {
        let mut known = self.answers.iter().filter(|((_, known), _)| known == answer);
        known.any(|(_, count)| is_mostly(count.wrong.saturating_add(count.misplaced), count.good))
    }
}

/// Whether an answer is given to what is wrong, and hardly to what is in order.
fn is_mostly(bad: u32, good: u32) -> bool {
    bad >= ENOUGH && u64::from(bad) > 2 * u64::from(good)
}

/// The messages and their answers, in a conversation in which each waits for the last, up to the first that is not followed by one
/// answer: numbers that pair answers with messages may be generated too, and are not relied on.
fn exchanges<'r>(rows: &'r [Row], script: &Script) -> Vec<Exchange<'r>> {
    let mut found = Vec::new();
    let begin = rows.iter().position(|row| row.role == Role::Client).unwrap_or(rows.len());
    let mut rows = rows.iter().enumerate().skip(begin);
    while script.in_turn
        && let Some(((at, asked), (_, answer))) = rows.next().zip(rows.next())
    {
        let is_pair = asked.role == Role::Client && answer.role == Role::Server;
        if !is_pair || answer.refused.is_some() || answer.answers.is_some_and(|to| to != at) {
            break;
        }
        let state = asked.not_in.as_deref().filter(|_| !asked.kind.is_empty()).map(Wrong::State);
        let wrong = state.or(asked.refused.map(Wrong::Form)).or_else(|| {
            let is_state = matches!(asked.misplaced, Some(Code::DataBeforeLogin | Code::DataAfterLogout));
            asked.misplaced.filter(|_| is_state).map(Wrong::Place)
        });
        // Where an answer is named after the message, the name says nothing about success.
        let says = answer.says.strip_prefix(&asked.kind).unwrap_or(&answer.says).trim().to_owned();
        found.push(Exchange { kind: &asked.kind, wrong, answer: says });
    }
    found
}
