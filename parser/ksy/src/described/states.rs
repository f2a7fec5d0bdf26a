//! The states of a described protocol's conversations, each a protocol of its own.

use std::sync::Arc;

use framescope_parser::{Context, Dissection, Key};

use super::Described;
use crate::conversation::Grammar;
use crate::format::Format;
use crate::names;
use crate::plan::{CarriesPlan, ConversationPlan};

impl Described {
    pub(super) fn with_states(
        format: Format,
        plan: &Arc<ConversationPlan>,
        own: Vec<Option<Arc<Described>>>,
        key: Option<Key>,
    ) -> Described {
        let grammar = Arc::new(Grammar::new(plan, own, format.meta.carries.as_ref()));
        Described::of_grammar(format, grammar, key)
    }

    fn of_grammar(format: Format, grammar: Arc<Grammar>, key: Option<Key>) -> Described {
        let names = Arc::new(names::joined(grammar.parts().map(|part| &*part.names)));
        let part = Described::part(format);
        Described { names, programs: Arc::default(), key, grammar: Some(grammar), ..part }
    }

    /// The same, whose messages carry others: a conversation of one state.
    pub(super) fn carrying(self, carries: Option<&Arc<CarriesPlan>>) -> Described {
        let Some(carries) = carries.filter(|_| self.grammar.is_none()) else { return self };
        let whole = self.whole.as_ref().map(|whole| Arc::new((**whole).clone().carrying(Some(carries))));
        if self.stream.is_some() {
            return Described { whole, ..self };
        }
        let (format, limit, key) = (self.format.clone(), self.limit.clone(), self.key.clone());
        let own = Arc::new(Described { whole: None, ..self });
        let grammar = Grammar::of_one(&own, carries);
        Described { limit, whole, ..Described::of_grammar(format, Arc::new(grammar), key) }
    }

    /// Sets the key with which authenticated messages are verified.
    #[must_use]
    pub fn with_key(self, key: Option<Key>) -> Described {
        if let Some(stream) = &self.stream {
            let stream = stream.with_key(key.as_ref());
            return Described { key, stream: Some(stream), ..self };
        }
        let Some(grammar) = &self.grammar else { return Described { key, ..self } };
        let states = 0..u16::try_from(grammar.stages.len()).unwrap_or(u16::MAX);
        let own = states.map(|state| {
            let part = grammar.part(state)?;
            Some(Arc::new(Described { key: key.clone(), ..(**part).clone() }))
        });
        let own: Vec<_> = own.collect();
        if self.format.meta.conversation.is_none() {
            // A state that is there for what is carried.
            let limit = self.limit.clone();
            let whole = self.whole.as_ref().map(|whole| Arc::new((**whole).clone().with_key(key.clone())));
            let own = own.into_iter().flatten().next().map(|own| (*own).clone());
            return Described {
                limit,
                whole,
                ..own.unwrap_or(self.clone()).carrying(grammar.carries.as_ref())
            };
        }
        let limit = self.limit.clone();
        Described { limit, ..Described::with_states(self.format.clone(), &grammar.plan, own, key) }
    }

    /// The protocol of all messages, where there is one state because they carry others.
    pub(super) fn single_part(&self) -> Option<&Described> {
        let grammar = self.grammar.as_ref().filter(|_| self.format.meta.conversation.is_none())?;
        grammar.part(0).map(|part| &**part)
    }

    /// The protocol of a state, or else of the first; itself where it has no conversations.
    pub(super) fn of_stage(&self, context: Option<&Context<'_>>) -> &Described {
        let Some(grammar) = &self.grammar else { return self };
        let stage = context.map_or(grammar.plan.first[0], |context| context.stage);
        grammar.part(stage).or_else(|| grammar.parts().next()).map_or(self, |part| part)
    }

    /// The protocols of all its messages: itself where it has no conversations.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Described> {
        let parts = self.grammar.iter().flat_map(|grammar| grammar.parts().map(|part| &**part));
        parts.chain(std::iter::once(self).filter(|own| own.grammar.is_none()))
    }

    /// The protocols of which a message with these fields may be, where nothing says which.
    pub(super) fn parts_with(&self, message: &Dissection<'_>) -> impl Iterator<Item = &Described> {
        let names: Vec<String> = message.fields.iter().map(|field| field.name.to_string()).collect();
        self.parts().filter(move |part| {
            let plan = &part.format.plan;
            let root = plan.type_of(plan.message_type());
            let is_there = |name: &String| plan.symbol(name).is_some_and(|sym| root.slot(sym).is_some());
            part.grammar.is_none() && names.iter().all(|name| name.starts_with('_') || is_there(name))
        })
    }
}
