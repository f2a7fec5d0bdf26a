//! Where the two directions of a conversation are: state by state, message by message.

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Code, Context, Conversation, Nowhere, Passage, Role, Sentence, Settings, Variables,
};

use super::values::{Change, Stored, Values, What};
use super::{Grammar, bit, members};
use crate::carrying::Carrying;
use crate::conversation::rules::Outcome;
use crate::plan::StatePlan;
use crate::run::mask::advanced;

/// No state.
const NONE: u16 = u16::MAX;

/// A conversation of a described protocol.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(super) grammar: Arc<Grammar>,
    pub(super) values: Values,
    pub(super) sides: [Side; 2],
    /// Where what the messages carry is, if they carry anything.
    carrying: Option<Box<Carrying>>,
}

/// Where one direction is.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) state: u16,
    /// The state that the other direction set, from the next message on; [`NONE`] if it set none.
    pending: u16,
    /// Whether the next message has begun, so that what the other direction says is for the one after it.
    has_begun: bool,
    /// Whether bytes were not a message, since the last one.
    has_lost: bool,
    note: Option<Note>,
    /// The states in which it may be beside its own, as what is not known may have changed it; as bits.
    pub(super) may_be: u128,
}

/// What has to be said about the next message.
#[derive(Clone, Copy, Debug)]
enum Note {
    Inside,
    Unsure,
    Dropped,
}

impl Talk {
    pub(crate) fn new(grammar: &Arc<Grammar>, settings: &Settings) -> Talk {
        let side =
            |state| Side { state, pending: NONE, has_begun: false, has_lost: false, note: None, may_be: 0 };
        let mut values = Values::new(&grammar.plan);
        if grammar.inflates {
            values.inflates();
        }
        let carrying = grammar.carries.as_ref().map(|carries| Carrying::new(carries, settings));
        let carrying = carrying.map(Box::new);
        Talk { grammar: grammar.clone(), values, sides: grammar.plan.first.map(side), carrying }
    }

    pub(super) fn side(&self, role: Role) -> &Side {
        let [client, server] = &self.sides;
        if role == Role::Client { client } else { server }
    }

    pub(super) fn side_mut(&mut self, role: Role) -> &mut Side {
        let [client, server] = &mut self.sides;
        if role == Role::Client { client } else { server }
    }

    /// The context in which a message is read in a state.
    pub(super) fn context(&self, role: Role, stage: u16) -> Context<'_> {
        Context { stage, role: Some(role), variables: self.variables(), ..Context::default() }
    }

    /// What the other direction changed takes effect.
    fn settle(&mut self, role: Role) {
        let side = self.side_mut(role);
        if !side.has_begun && side.pending != NONE {
            side.state = std::mem::replace(&mut side.pending, NONE);
        }
    }

    /// The next message of a direction is read in a state that was chosen because it fits.
    pub(super) fn decided(&mut self, role: Role, state: u16) {
        let side = self.side_mut(role);
        (side.state, side.may_be) = (state, 0);
        side.note.get_or_insert(Note::Unsure);
    }

    /// Some states may follow where a direction is, which nothing shows.
    fn may_be(&mut self, role: Role, states: u128) {
        let side = self.side_mut(role);
        let own = bit(if side.has_begun || side.pending == NONE { side.state } else { side.pending });
        if states & !own != 0 {
            side.may_be |= states | own;
        }
    }

    /// A direction is in a state from now on.
    pub(super) fn enter(&mut self, role: Role, state: u16) {
        if std::mem::replace(&mut self.side_mut(role).state, state) != state {
            self.restart(state);
        }
    }

    /// The bytes of a state are counted from its beginning.
    fn restart(&mut self, state: u16) {
        let phase = self.grammar.plan.states.get(usize::from(state)).and_then(StatePlan::phase);
        if let Some(variable) = phase {
            self.values.change(Change { variable, what: What::Value(Stored::Int(0)) });
        }
    }

    /// The bytes of a message are counted.
    fn count(&mut self, role: Role, length: usize) {
        let state = self.side(role).state;
        let phase = self.grammar.plan.states.get(usize::from(state)).and_then(StatePlan::phase);
        if let Some(variable) = phase {
            let what = What::Value(advanced(self.values.one(variable), length));
            self.values.change(Change { variable, what });
        }
    }

    /// A direction is in the state that its message leads to.
    fn apply(&mut self, role: Role, outcome: &Outcome) {
        if let Some(next) = outcome.next {
            self.enter(role, next);
        }
        if let Some(peer) = outcome.peer {
            if self.stage(role.reverse()) != peer {
                self.restart(peer);
            }
            let other = self.side_mut(role.reverse());
            other.pending = peer;
            if !other.has_begun {
                other.may_be = 0;
            }
        }
        self.may_be(role, outcome.may_be);
        self.may_be(role.reverse(), outcome.peer_may_be);
        if outcome.dropped {
            self.side_mut(role).note.get_or_insert(Note::Dropped);
        }
    }

    /// Everything that messages in some states may set is unknown, or what is assumed of it.
    fn assume(&mut self, states: u128) {
        let grammar = self.grammar.clone();
        for (state, _) in members(states).filter_map(|at| grammar.state(at)) {
            for variable in state.variables() {
                self.values.forget(variable);
                let plan = grammar.plan.variables.get(usize::from(variable));
                if let Some(assumed) =
                    plan.map(|plan| &plan.assumed).filter(|value| **value != Stored::Unknown)
                {
                    let what = What::Value(assumed.clone());
                    self.values.change(Change { variable, what });
                }
            }
        }
    }

    /// A message of the present state takes effect.
    fn takes_effect(&mut self, role: Role, message: Captured<'_, '_>) {
        let outcome = self.outcome(role, message);
        self.count(role, message.length());
        let side = self.side_mut(role);
        (side.has_begun, side.has_lost) = (false, false);
        self.apply(role, &outcome);
    }

    /// Hands on what a message of the present state carries.
    fn hand_on(&mut self, role: Role, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let at = self.side(role).state;
        let Some(mut carrying) = self.carrying.take() else { return };
        if let Some(reader) = self.grammar.carry_reader(at) {
            // What it says is seen by the messages after it.
            let context = self.context(role, at);
            carrying.take(reader, role, message.in_context(Some(&context)), to);
        }
        self.carrying = Some(carrying);
    }

    fn name_of(&self, state: u16) -> &str {
        self.grammar.plan.states.get(usize::from(state)).map_or("", |state| &state.name)
    }
}

impl Conversation for Talk {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        let carrying = self.carrying.as_ref().map_or(0, |carrying| carrying.size());
        size_of::<Talk>() + self.values.size() + carrying
    }

    fn stage(&self, role: Role) -> u16 {
        let side = self.side(role);
        if side.has_begun || side.pending == NONE { side.state } else { side.pending }
    }

    fn variables(&self) -> Option<&Variables> {
        (!self.values.is_empty()).then_some(&self.values)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        let side = self.side_mut(role);
        (side.state, side.has_begun, side.may_be) = (stage, true, 0);
        // What the other direction set after this message began is for the next one.
        if side.pending == stage {
            side.pending = NONE;
        }
    }

    fn begins_inside(&mut self, role: Role) {
        let first = self.side(role).state;
        let middle = self.grammar.plan.middle.get(role.index()).copied().unwrap_or(first);
        let possible = self.grammar.possible.get(role.index()).copied().unwrap_or(0);
        self.assume(possible);
        self.values.lose(role);
        if let Some(carrying) = &mut self.carrying {
            carrying.begins_inside();
        }
        let side = self.side_mut(role);
        *side =
            Side { state: middle, note: None, may_be: 0, pending: NONE, has_begun: false, has_lost: false };
        // Where there is nothing else it could be, nothing is assumed.
        if possible != bit(middle) {
            side.note = Some(Note::Inside);
        }
    }

    fn begin(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<NonZeroUsize> {
        self.settle(role);
        self.side_mut(role).has_begun = true;
        if self.side(role).may_be != 0
            && let Some(more) = self.decide(role, bytes, last)
        {
            return Some(more);
        }
        self.pass_absent(role, bytes, last)
    }

    fn absent(&mut self, role: Role) -> bool {
        let at = self.side(role).state;
        let next = self.grammar.plan.states.get(usize::from(at)).filter(|state| state.optional);
        match next.and_then(|state| state.next.get(role.index()).copied().flatten()) {
            Some(next) => {
                self.enter(role, next);
                true
            }
            None => false,
        }
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => {
                self.settle(role);
                self.hand_on(role, message, to);
                self.takes_effect(role, message);
            }
            Passage::Lost(length) => {
                if let Some(carrying) = &mut self.carrying {
                    carrying.lose(role, length);
                }
                self.loss(role);
            }
            Passage::End => {
                if let Some(carrying) = &mut self.carrying {
                    carrying.end(role, to);
                }
            }
        }
    }

    fn loss(&mut self, role: Role) {
        self.settle(role);
        if let Some(carrying) = &mut self.carrying {
            carrying.lose(role, 0);
        }
        let grammar = self.grammar.clone();
        self.values.lose(role);
        let side = self.side_mut(role);
        // What these bytes may have changed was considered when the message after them began.
        let is_decided = side.has_begun && side.has_lost;
        side.has_lost = !is_decided;
        let (mut own, mut peers) = (0, 0);
        for (_, state) in members(side.may_be | bit(side.state)).filter_map(|at| grammar.state(at)) {
            own |= state.reached.get(role.index()).copied().unwrap_or(0);
            peers |= state.peers.get(role.index()).copied().unwrap_or(0);
        }
        for (plan, _) in members(own).filter_map(|at| grammar.state(at)) {
            plan.variables().for_each(|variable| self.values.forget(variable));
        }
        if !is_decided {
            self.side_mut(role).has_begun = false;
            self.may_be(role, own);
            self.may_be(role.reverse(), peers);
        }
    }

    fn may_be(&self, role: Role, stage: u16) -> bool {
        stage == self.stage(role) || self.side(role).may_be & bit(stage) != 0
    }

    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        let note = self.side_mut(role).note.take()?;
        let name = self.name_of(self.stage(role));
        Some(match note {
            Note::Inside => {
                let text = format!("the capture begins inside the conversation; this is read as '{name}'");
                (Code::MidConversation, text.into())
            }
            Note::Unsure => {
                let text = format!(
                    "what was lost or is not a message may have changed the state; this is read as '{name}'"
                );
                (Code::StateUnknown, text.into())
            }
            Note::Dropped => {
                let text = "what the message before it set is more than is kept of a conversation: the oldest entries were dropped";
                (Code::LimitExceeded, Sentence::new(text))
            }
        })
    }
}
