//! All statements compared with all messages, the description that follows, and what could be said next.

use framescope_capture::FlowId;

use super::basis::{Basis, is_framing};
use super::holding::holding;
use super::next::Proposal;
use super::{Statement, What};
use crate::checks::{self, Check, Place as CheckPlace};
use crate::description::{describe_stated, is_whole};
use crate::framing::Rule;
use crate::kinds;
use crate::layout::Edge;

/// How far a statement holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// In how many messages.
    pub holds: usize,
    /// Of how many that it is about.
    pub of: usize,
    /// The first where it does not hold: conversation, side, and offset in what that side says.
    pub failing: Vec<(FlowId, u8, u64)>,
}

/// What statements come to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many messages there are.
    pub messages: usize,
    /// How many bytes those have, and how many were looked at.
    pub bytes: (usize, usize),
    /// For each statement.
    pub verdicts: Vec<Verdict>,
    /// What says where messages end, in words.
    pub framing: Vec<String>,
    /// The description, which [`framescope_ksy::Described`] loads; None without messages.
    pub description: Option<String>,
    /// What could be said next, the likeliest first.
    pub next: Vec<Proposal>,
    /// The checks that were found.
    pub checks: Vec<Check>,
    /// Whether statements about fields are not in the description, as the messages of a side are lines or values that are described as
    /// a whole.
    pub is_left_out: bool,
    /// The place of the byte that seems to say the kind, if one was stated or found.
    pub kind: Option<usize>,
}

/// A check that is less likely may be something else.
const SURE: f64 = 0.8;
/// So many messages are looked at for what says the kind.
const LOOKED_AT: usize = 4_000;
/// So many messages where a statement does not hold are listed.
const LISTED: usize = 50;

impl Basis<'_> {
    /// Compares statements with the messages, describes these, and proposes what could be said next. `id` is what the description is
    /// called.
    pub fn report(&self, statements: &[Statement], id: &str, is_cancelled: &dyn Fn() -> bool) -> Report {
        let bytes = self.bytes(None);
        let covered = bytes.iter().map(|bytes| bytes.len()).sum();
        let all = self.sample.talks.iter().flat_map(|talk| &talk.sides).map(|run| run.bytes.len()).sum();
        let length = self.length_field().and_then(|field| field.range(usize::MAX));
        let checks = checks::checks(&bytes, length, is_cancelled);
        let framing = self.framings.iter().zip(["client", "server"]).filter_map(|(framing, who)| {
            let text = crate::description::evidence(&framing.as_ref()?.rule);
            Some(format!("{who}: {text}"))
        });
        Report {
            messages: bytes.len(),
            bytes: (covered, all),
            verdicts: statements.iter().map(|said| self.verdict(said)).collect(),
            framing: together(framing.collect()),
            description: describe_stated(id, self, statements, is_cancelled),
            next: self.proposals(statements, &checks, is_cancelled),
            kind: self.kind(statements, &checks).map(|(at, _)| at),
            checks,
            is_left_out: self.framings.iter().flatten().any(|framing| is_whole(&framing.rule)),
        }
    }

    /// The place of the byte that says the kind, and how many values it has: where it was said to be, or else where it seems to be.
    pub(super) fn kind(&self, statements: &[Statement], checks: &[Check]) -> Option<(usize, usize)> {
        let is_kind = |said: &&Statement| said.what == What::Kind && said.place.edge == Edge::Start;
        let said = statements.iter().find(is_kind).map(|said| said.place.offset);
        // The bytes that decide nothing about the others are left out: the length, and a check at the end.
        let length = self.length_field().and_then(|field| field.range(usize::MAX)).unwrap_or(0..0);
        let back = checks.iter().filter(|check| check.confidence() > SURE).map(|check| match check.place {
            CheckPlace::End(back) => back,
            CheckPlace::Start(_) => 0,
        });
        let back = back.max().unwrap_or(0);
        let bytes = self.bytes(None);
        let step = bytes.len().div_ceil(LOOKED_AT).max(1);
        let plain = |bytes: &&[u8]| {
            let (before, after) = (bytes.get(..length.start)?, bytes.get(length.end..)?);
            Some([before, after.get(..after.len().checked_sub(back)?)?].concat())
        };
        let plain: Vec<Vec<u8>> = bytes.iter().step_by(step).filter_map(plain).collect();
        let plain: Vec<&[u8]> = plain.iter().map(Vec::as_slice).collect();
        let without = |at: usize| if at >= length.end { at - length.len() } else { at };
        let taken = |said: &Statement| {
            let range = Some(said.place).filter(|place| place.edge == Edge::Start)?.range(usize::MAX)?;
            Some(without(range.start)..without(range.end))
        };
        let taken: Vec<_> = statements.iter().filter_map(taken).collect();
        match said {
            Some(at) => kinds::at(&plain, without(at)).map(|kind| (at, kind.values.len())),
            None => kinds::kind(&plain, &taken).map(|kind| {
                let at = if kind.at >= length.start { kind.at + length.len() } else { kind.at };
                (at, kind.values.len())
            }),
        }
    }

    fn verdict(&self, said: &Statement) -> Verdict {
        if is_framing(said) && self.rules_by(said) {
            // It says where messages end, so that it holds in all that there are.
            let is_of_side = |side: u8| said.side.is_none_or(|own| own == side);
            let holds = self.messages.iter().filter(|one| is_of_side(one.message.side)).count();
            let broken: Vec<_> =
                self.broken.iter().filter(|(_, side, _)| is_of_side(*side)).copied().collect();
            let of = holds + broken.len();
            return Verdict { holds, of, failing: broken.into_iter().take(LISTED).collect() };
        }
        let found = holding(self, said);
        let failing = found.iter().filter(|(_, holds)| !holds);
        let failing = failing.map(|(one, _)| (one.flow, one.message.side, one.offset)).take(LISTED).collect();
        Verdict { holds: found.iter().filter(|(_, holds)| *holds).count(), of: found.len(), failing }
    }

    /// Whether messages end where a statement says.
    fn rules_by(&self, said: &Statement) -> bool {
        let Some(field) = said.length_field() else { return false };
        self.framings.iter().flatten().any(|framing| framing.rule == Rule::Length(field))
    }
}

/// One line if both sides have the same.
fn together(lines: Vec<String>) -> Vec<String> {
    let of = |line: &String| line.split_once(": ").map(|(_, text)| text.to_owned());
    match lines.as_slice() {
        [one, other] if of(one) == of(other) => of(one).into_iter().collect(),
        _ => lines,
    }
}
