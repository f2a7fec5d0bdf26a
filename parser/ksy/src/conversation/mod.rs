//! Conversations of a described protocol: in which state each direction is, and what earlier messages have set. It reads
//! messages only as far as the rules of a state need.

mod fit;
mod rules;
mod talk;
pub(crate) mod values;

use std::sync::Arc;

use framescope_parser::{Reads, Stage};

use crate::carrying::CarryReader;
use crate::described::Described;
use crate::load::frame::narrowed;
use crate::names::{continuing, uses_variables};
use crate::plan::{CarriesPlan, ConversationPlan, Plan, Reading, StatePlan, TypeId};

pub(crate) use talk::Talk;

/// The grammar of a protocol's conversations, with a protocol for each state.
#[derive(Debug)]
pub(crate) struct Grammar {
    pub(crate) plan: Arc<ConversationPlan>,
    pub(crate) stages: Vec<Stage>,
    /// Whether messages continue the compressed data of those before them.
    pub(crate) inflates: bool,
    /// What messages carry.
    pub(crate) carries: Option<Arc<CarriesPlan>>,
    states: Vec<State>,
    /// The states in which each direction can be at all, as bits.
    possible: [u128; 2],
}

/// A state, and what can follow it.
#[derive(Debug)]
struct State {
    /// What reads its messages, unless another protocol does.
    own: Option<Arc<Described>>,
    /// Reads of its messages what its rules need; None if they need nothing.
    rules: Option<Plan>,
    /// Whether they continue the compressed data of those before them.
    inflates: bool,
    /// Reads what they carry; None if that is nothing.
    carry: Option<CarryReader>,
    /// The states in which a direction may be after any number of messages from here, this one included, as bits.
    reached: [u128; 2],
    /// The states into which those messages may bring the other direction.
    peers: [u128; 2],
}

/// The bit of a state in a set of them.
fn bit(state: u16) -> u128 {
    1u128.checked_shl(state.into()).unwrap_or(0)
}

/// The states of a set, in the order of their declaration.
fn members(set: u128) -> impl Iterator<Item = u16> {
    (0..128).filter(move |&state| set & bit(state) != 0)
}

impl Grammar {
    /// `own` gives the protocol of each state that is read as a type of the description.
    pub(crate) fn new(
        plan: &Arc<ConversationPlan>,
        own: Vec<Option<Arc<Described>>>,
        carries: Option<&Arc<CarriesPlan>>,
    ) -> Grammar {
        let carries = carries.map(|carries| match plan.states.iter().any(|state| state.mask.is_some()) {
            true => Arc::new(carries.changed()),
            false => carries.clone(),
        });
        let mut stages = Vec::new();
        let mut states = Vec::new();
        let mut inflates = false;
        for (state, own) in plan.states.iter().zip(own) {
            let continuing = own.as_ref().map(|own| continuing(&own.format().plan)).unwrap_or_default();
            let does_inflate = !continuing.is_empty();
            inflates |= does_inflate;
            let needs_variables = own.as_ref().is_some_and(|own| uses_variables(own.format()));
            let reads = match (&own, &state.reads) {
                (Some(own), _) => Reads::Own(own.clone()),
                (None, Reading::Other(name)) => Reads::Other(name.clone()),
                (None, Reading::Own(..)) => Reads::Other(String::new()),
            };
            let after = (0..2).flat_map(|role| state.successors(role)).chain(state.peers());
            let counts =
                |at: u16| plan.states.get(usize::from(at)).is_some_and(|state| state.phase().is_some());
            let sets_variables =
                state.variables().next().is_some() || !continuing.is_empty() || after.into_iter().any(counts);
            stages.push(Stage {
                name: state.name.clone(),
                reads,
                needs_variables,
                sets_variables,
                carries: false,
            });
            let expressions: Vec<_> = state.expressions().collect();
            let rules = match &own {
                Some(own) if !expressions.is_empty() || does_inflate => {
                    let plan = &own.format().plan;
                    let expressions: Vec<_> = expressions.iter().map(|&node| (plan.root, node)).collect();
                    Some(narrowed(plan, &expressions, continuing))
                }
                _ => None,
            };
            let carry = own.as_ref().zip(carries.as_ref());
            let carry = carry.and_then(|(own, carries)| CarryReader::of(&own.format().plan, carries));
            states.push(State { own, rules, inflates: does_inflate, carry, reached: [0; 2], peers: [0; 2] });
        }
        for (stage, state) in stages.iter_mut().zip(&states) {
            // What is carried may depend on what other messages have set.
            stage.carries = state.carry.is_some() || carries.is_some() && stage.sets_variables;
        }
        for (at, state) in (0u16..).zip(&mut states) {
            for role in 0..2 {
                let reached = reached(plan, at, role);
                let peers = members(reached).filter_map(|at| plan.states.get(usize::from(at)));
                let peers = peers.flat_map(StatePlan::peers).fold(0, |set, at| set | bit(at));
                if let (Some(to), Some(beside)) = (state.reached.get_mut(role), state.peers.get_mut(role)) {
                    (*to, *beside) = (reached, peers);
                }
            }
        }
        Grammar { plan: plan.clone(), stages, inflates, carries, states, possible: possible(plan) }
    }

    fn state(&self, at: u16) -> Option<(&StatePlan, &State)> {
        self.plan.states.get(usize::from(at)).zip(self.states.get(usize::from(at)))
    }

    /// The grammar of a protocol without states, whose messages carry others.
    pub(crate) fn of_one(own: &Arc<Described>, carries: &Arc<CarriesPlan>) -> Grammar {
        let reads = Reading::Own(TypeId::ROOT, Box::default());
        let state = StatePlan { name: "message".to_owned(), ..StatePlan::of(reads) };
        let plan = ConversationPlan { states: vec![state], ..ConversationPlan::default() };
        Grammar::new(&Arc::new(plan), vec![Some(own.clone())], Some(carries))
    }

    /// The protocols of all states that are types of the description, each type once.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Arc<Described>> {
        let root = |state: &State| state.own.as_ref().map(|own| own.format().plan.root);
        let first = move |at: usize| {
            let own = self.states.get(at).and_then(root);
            self.states.iter().position(|state| root(state) == own) == Some(at)
        };
        (0..self.states.len()).filter(move |&at| first(at)).filter_map(|at| self.states.get(at)?.own.as_ref())
    }

    /// The protocols of the first message of either direction.
    pub(crate) fn beginnings(&self) -> impl Iterator<Item = &Arc<Described>> {
        let firsts = self.plan.first.iter().enumerate().flat_map(move |(role, &first)| {
            let after = move |&at: &u16| {
                let state = self.plan.states.get(usize::from(at)).filter(|state| state.optional)?;
                state.next.get(role).copied().flatten()
            };
            std::iter::successors(Some(first), after).take(self.states.len())
        });
        firsts.filter_map(|at| self.states.get(usize::from(at))?.own.as_ref())
    }

    /// What reads what the messages of a state carry.
    pub(crate) fn carry_reader(&self, state: u16) -> Option<&CarryReader> {
        self.states.get(usize::from(state))?.carry.as_ref()
    }

    /// What reads the messages of a state.
    pub(crate) fn part(&self, state: u16) -> Option<&Arc<Described>> {
        self.states.get(usize::from(state))?.own.as_ref()
    }
}

/// The states in which each direction can be, by its own messages or those of the other one.
fn possible(plan: &ConversationPlan) -> [u128; 2] {
    let mut sets = [0, 0];
    let mut left: Vec<(usize, u16)> = plan.first.iter().copied().enumerate().collect();
    while let Some((role, at)) = left.pop() {
        let Some(set) = sets.get_mut(role).filter(|set| **set & bit(at) == 0) else { continue };
        *set |= bit(at);
        let Some(state) = plan.states.get(usize::from(at)).filter(|_| bit(at) != 0) else { continue };
        left.extend(state.successors(role).map(|next| (role, next)));
        left.extend(state.peers().map(|peer| (1 - role, peer)));
    }
    sets
}

/// The states in which a direction may be after any number of messages, none included.
fn reached(plan: &ConversationPlan, from: u16, role: usize) -> u128 {
    let (mut set, mut left) = (0, vec![from]);
    while let Some(at) = left.pop() {
        if set & bit(at) == 0 {
            set |= bit(at);
            left.extend(
                plan.states.get(usize::from(at)).into_iter().flat_map(|state| state.successors(role)),
            );
        }
    }
    set
}
