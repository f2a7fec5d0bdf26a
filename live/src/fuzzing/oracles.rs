//! What the answers of a peer show: one that is no valid message, and success where the protocol wants a refusal.
//!
//! How a peer says that it accepts or refuses something is not known beforehand. It is learned: an answer that hardly any valid
//! message gets, and most wrong ones do, is a refusal.

use std::collections::HashMap;

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
    bad: u32,
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
    wrong: Option<Wrong>,
    answer: String,
}

/// Why a message is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// It is not as the protocol has it.
    Form(Code),
    /// It is not where the protocol wants it.
    Place(Code),
}

impl Wrong {
    fn code(self) -> Code {
        match self {
            Wrong::Form(code) | Wrong::Place(code) => code,
        }
    }
}

impl Judge {
    /// Learns how a conversation is answered.
    pub(super) fn learn(&mut self, rows: &[Row], script: &Script) {
        for exchange in exchanges(rows, script) {
            // What follows a message that is wrong means little.
            let is_wrong = exchange.wrong.is_some();
            let is_refusal = self.is_refusal(&exchange.answer, None);
            let count = self.answers.entry((exchange.kind.to_owned(), exchange.answer)).or_default();
            let side = if is_wrong { &mut count.bad } else { &mut count.good };
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
                if self.is_refusal(&answer, None) {
                    // Whether the peer's state changed as the protocol has it is not certain.
                    return None;
                }
                continue;
            };
            let count = self.answers.get(&(kind.to_owned(), answer.clone())).copied().unwrap_or_default();
            let is_success =
                count.good >= ENOUGH && count.good >= count.bad && !self.is_refusal(&answer, None);
            // Some messages may be sent in any place: then they are never refused.
            let does_refuse = match wrong {
                Wrong::Form(_) => self.refuses(None),
                Wrong::Place(_) => self.refuses(Some(kind)),
            };
            if is_success && does_refuse {
                let title = format!("{kind} is accepted where it must be refused: {}", wrong.code());
                return Some(Symptom::new(Sign::Accepts, title));
            }
            return None;
        }
        None
    }

    /// Whether anything is refused, or any message of a kind.
    fn refuses(&self, kind: Option<&str>) -> bool {
        self.answers.keys().any(|(_, answer)| self.is_refusal(answer, kind))
    }

    /// Whether an answer is a refusal, of messages of a kind if one is given.
    fn is_refusal(&self, answer: &str, of: Option<&str>) -> bool {
        let known = self.answers.iter().filter(|((_, known), _)| known == answer);
        let mut known = known.filter(|((kind, _), _)| of.is_none_or(|of| kind == of));
        known.any(|(_, count)| count.bad >= ENOUGH && u64::from(count.bad) > 2 * u64::from(count.good))
    }
}

/// The messages that have an answer, up to the first without one, in a conversation in which each waits for the last.
fn exchanges<'r>(rows: &'r [Row], script: &Script) -> Vec<Exchange<'r>> {
    let mut found = Vec::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.role == Role::Client) {
        let answer = rows.iter().find(|answer| answer.role == Role::Server && answer.answers == Some(at));
        let next = rows.get(at + 1).filter(|next| next.role == Role::Server && next.answers.is_none());
        let answer = answer.or(next.filter(|_| script.in_turn));
        let wrong = row.refused.map(Wrong::Form).or_else(|| {
            let is_state = matches!(row.misplaced, Some(Code::DataBeforeLogin | Code::DataAfterLogout));
            row.misplaced.filter(|_| is_state).map(Wrong::Place)
        });
        let Some(answer) = answer.filter(|answer| answer.refused.is_none()) else { break };
        // Where an answer is named after the message, the name says nothing about success.
        let says = answer.says.strip_prefix(&row.kind).unwrap_or(&answer.says).trim().to_owned();
        found.push(Exchange { kind: &row.kind, wrong, answer: says });
    }
    found
}
