//! The states of a described protocol's conversations, each a protocol of its own.

use std::sync::Arc;

use framescope_parser::{Context, Dissection, Key};

use super::Described;
use crate::conversation::Grammar;
use crate::format::Format;
use crate::names;
use crate::plan::ConversationPlan;

impl Described {
    pub(super) fn with_states(
        format: Format,
        plan: &Arc<ConversationPlan>,
        own: Vec<Option<Arc<Described>>>,
        key: Option<Key>,
    ) -> Described {
        let grammar = Arc::new(Grammar::new(plan, own));
        let names = Arc::new(names::joined(grammar.parts().map(|part| &*part.names)));
        let part = Described::part(format);
        Described { names, programs: Arc::default(), key, grammar: Some(grammar), ..part }
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
