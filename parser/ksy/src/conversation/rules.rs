//! What a message changes: the rules of its state, evaluated over as much of it as they need.

use std::num::NonZeroUsize;

use framescope_parser::{Captured, Code, Context, Input, Memo, Missing, Protocol, Role, Step};

use super::talk::Talk;
use super::values::{Change, What};
use super::{State, bit};
use crate::plan::{NodeId, ObjectId, Plan, Set, StatePlan, Val};
use crate::run::arena::{Arena, Stop, with_arena};
use crate::run::{Mode, Run, Scope};

/// What a message changes.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) next: Option<u16>,
    pub(super) peer: Option<u16>,
    /// The states that rules lead to which could not be evaluated, for either direction.
    pub(super) may_be: u128,
    pub(super) peer_may_be: u128,
    /// Whether something that was kept had to be dropped.
    pub(super) dropped: bool,
}

/// Whether a condition holds; None if bytes are missing that would show it, or a variable is not known.
type Truth = Option<bool>;

impl Talk {
    /// What a message of the present state of a direction changes. Variables are set.
    pub(super) fn outcome(&mut self, role: Role, message: Captured<'_, '_>) -> Outcome {
        let grammar = self.grammar.clone();
        let at = self.side(role).state;
        let Some((plan, state)) = grammar.state(at) else { return Outcome::default() };
        let usual = plan.next.get(role.index()).copied().flatten();
        let Some(reader) = &state.rules else {
            // Without conditions, the first rule always applies.
            let (next, peer) = plan.rules.first().map_or((None, None), |rule| (rule.next, rule.peer));
            return Outcome { next: next.or(usual), peer, ..Outcome::default() };
        };
        with_arena(|arena| self.evaluated(arena, role, (at, plan, state), reader, message))
    }

    fn evaluated(
        &mut self,
        arena: &mut Arena,
        role: Role,
        (at, plan, state): (u16, &StatePlan, &State),
        reader: &Plan,
        message: Captured<'_, '_>,
    ) -> Outcome {
        let usual = plan.next.get(role.index()).copied().flatten();
        let mut outcome = Outcome::default();
        let context = self.context(role, at);
        let mut run = Run::of(reader, message.in_context(Some(&context)), arena, Mode::Frame);
        run.closed = true;
        let is_read = run.read().is_ok();
        let inflating = run.inflating.take();
        let changes = changes_of(&mut run, &plan.sets);
        match is_read {
            true => self.values.continue_with(role, inflating),
            false if state.inflates => self.values.lose(role),
            false => {}
        }
        outcome.dropped |= self.make(changes);
        let context = self.context(role, at);
        // What was set just now is seen by the conditions.
        let mut run = Run::again(reader, message.in_context(Some(&context)), arena);
        let mut applied = None;
        let mut unsure = Vec::new();
        for rule in &plan.rules {
            match rule.when.map_or(Some(true), |when| truth(&mut run, when)) {
                Some(true) => {
                    applied = Some(rule);
                    break;
                }
                Some(false) => {}
                None => unsure.push(rule),
            }
        }
        let changes = applied.map(|rule| changes_of(&mut run, &rule.sets)).unwrap_or_default();
        outcome.dropped |= self.make(changes);
        outcome.next = applied.and_then(|rule| rule.next).or(usual);
        outcome.peer = applied.and_then(|rule| rule.peer);
        for rule in unsure {
            outcome.may_be |= bit(rule.next.or(usual).unwrap_or(at));
            outcome.peer_may_be |= rule.peer.map_or(0, bit);
            rule.sets.iter().for_each(|set| self.values.forget(set.variable));
        }
        outcome
    }

    /// Makes changes. Returns whether something had to be dropped.
    fn make(&mut self, changes: Vec<Change>) -> bool {
        changes.into_iter().fold(false, |dropped, change| self.values.change(change) | dropped)
    }

    /// Leaves the states whose optional message is not there. Returns how many more bytes are needed to see that.
    pub(super) fn pass_absent(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<NonZeroUsize> {
        let grammar = self.grammar.clone();
        while let at = self.side(role).state
            && let Some((plan, state)) = grammar.state(at)
            && plan.optional
        {
            match self.presence(role, at, (plan, state), bytes, last) {
                Presence::There => return None,
                Presence::NeedMore(more) => return Some(more),
                Presence::Absent => {
                    let next = plan.next.get(role.index()).copied().flatten()?;
                    self.enter(role, next);
                }
            }
        }
        None
    }

    fn presence(
        &self,
        role: Role,
        at: u16,
        (plan, state): (&StatePlan, &State),
        bytes: &[u8],
        last: bool,
    ) -> Presence {
        let Some(own) = &state.own else { return Presence::There };
        let context = self.context(role, at);
        let input = Input { bytes, first_segment: bytes.len(), last, offset: 0, context: Some(&context) };
        let step = own.next(input, &mut Memo::default());
        let (length, more) = match step {
            Step::Message(length) | Step::Checked(length) => (Some(length.get()), None),
            Step::Partial(_) => (None, None),
            Step::NeedMore(more) => (None, Some(more)),
            Step::Skipped(..) | Step::Searching(..) | Step::Lost => return Presence::Absent,
        };
        let (Some(condition), Some(reader)) = (plan.presence, &state.rules) else {
            return more.map_or(Presence::There, Presence::NeedMore);
        };
        let missing = Missing::list(std::iter::once(bytes.len()..usize::MAX / 2));
        let message = match length {
            Some(length) => Captured::whole(bytes.get(..length).unwrap_or(bytes)),
            None => Captured::with_missing(bytes, &missing),
        };
        match holds(reader, condition, message, &context) {
            Some(true) => Presence::There,
            Some(false) => Presence::Absent,
            None => more.map_or(Presence::There, Presence::NeedMore),
        }
    }
}

enum Presence {
    There,
    Absent,
    NeedMore(NonZeroUsize),
}

/// Whether a condition holds for a message.
fn holds(reader: &Plan, condition: NodeId, message: Captured<'_, '_>, context: &Context<'_>) -> Truth {
    with_arena(|arena| {
        let mut run = Run::of(reader, message.in_context(Some(context)), arena, Mode::Frame);
        run.closed = true;
        let _ = run.read();
        truth(&mut run, condition)
    })
}

fn truth(run: &mut Run<'_, '_>, condition: NodeId) -> Truth {
    match run.truth(condition, &Scope::of(ObjectId::ROOT)) {
        Ok(truth) => Some(truth),
        Err(stop) if is_unknown(&stop) => None,
        // What has no value does not hold.
        Err(_) => Some(false),
    }
}

/// Whether bytes are missing for an evaluation, or a variable is not known.
fn is_unknown(stop: &Stop) -> bool {
    match stop {
        Stop::NeedMore(_) | Stop::Missing => true,
        Stop::Fault(fault) => fault.code == Code::StateUnknown,
    }
}

/// The changes that a message makes. All values are computed before any is set.
fn changes_of(run: &mut Run<'_, '_>, sets: &[Set]) -> Vec<Change> {
    sets.iter().map(|set| Change { variable: set.variable, what: what(run, set) }).collect()
}

fn what(run: &mut Run<'_, '_>, set: &Set) -> What {
    let scope = Scope::of(ObjectId::ROOT);
    let key = match set.key.map(|key| run.eval(key, &scope)) {
        None => None,
        Some(Ok(key)) => match run.key_of(key) {
            Some(key) => Some(key),
            None => return What::Unknown,
        },
        Some(Err(_)) => return What::Unknown,
    };
    let value = set.value.map(|value| run.eval(value, &scope).unwrap_or(Val::Null));
    let value = match value {
        Some(Val::Null) | None => None,
        Some(value) => Some(run.stored(value)),
    };
    match (key, value) {
        (None, Some(value)) => What::Value(value),
        (None, None) => What::Unknown,
        (Some(key), Some(value)) => What::Entry(key, value),
        (Some(key), None) => What::Remove(key),
    }
}
