//! Loads the grammar of a conversation: `conversation` under `-framescope`. First the states and variables get their
//! names and kinds, so that expressions can use them; then, when all else is compiled, the rules are.

mod graph;
mod mask;
mod metas;
mod rules;
mod states;
pub(super) mod variables;

use crate::error::{Place, nearest};
use crate::load::{Context, Loader};
use crate::plan::{ConversationPlan, Head, MOST_STATES, Meta, Reading, StatePlan, TypeId};
use crate::yaml::Node;

const KEYS: [&str; 6] = ["variables", "both", "client", "server", "middle", "states"];
const SIDES: [&str; 2] = ["client", "server"];

/// The grammar while it is loaded: states by number, and their text.
#[derive(Default)]
pub(super) struct Draft {
    states: Vec<StateDraft>,
    first: [u16; 2],
    middle: [u16; 2],
}

/// A state whose expressions are not compiled yet.
struct StateDraft {
    name: String,
    place: Place,
    /// What is written about it. None of a state that reads the type of its name.
    node: Option<Node>,
    reads: Option<Reads>,
    next: [Option<u16>; 2],
    optional: bool,
    rules: Vec<RuleDraft>,
}

enum Reads {
    Own(TypeId),
    Other(String),
}

struct RuleDraft {
    node: Node,
    next: Option<u16>,
    peer: Option<u16>,
}

impl StateDraft {
    fn root(&self) -> Option<TypeId> {
        match self.reads {
            Some(Reads::Own(root)) => Some(root),
            _ => None,
        }
    }

    fn get(&self, key: &str) -> Option<&Node> {
        self.node.as_ref()?.get(key)
    }

    /// The state after one message where no rule says another, for either side, or where that is.
    fn successors(&self, role: usize) -> impl Iterator<Item = u16> + '_ {
        let own = self.next.get(role).copied().flatten();
        own.into_iter().chain(self.rules.iter().filter_map(|rule| rule.next))
    }
}

impl Loader {
    /// Reads the names of states and variables, and what leads from one state to another.
    pub(super) fn conversation_draft(&mut self) {
        let root = self.types.first().map(|declared| declared.node.clone());
        let block = root.as_ref().and_then(|root| root.get("meta")?.get("-framescope")?.get("conversation"));
        let Some(block) = block.cloned() else { return };
        if block.map().is_none() {
            let what = block.what();
            self.report(
                block.place,
                format!("'conversation' must be a map with 'client' and 'server', or 'both', not {what}"),
            );
            return;
        }
        self.check_keys(&block, &KEYS, "a conversation");
        self.declare_variables(&block);
        let mut draft = Draft::default();
        self.declare_states(&block, &mut draft);
        let before = self.diagnostics.len();
        let lists = self.sides(&block, &mut draft);
        self.transitions(&mut draft);
        self.follow_lists(&lists, &mut draft);
        if self.diagnostics.len() == before {
            self.check_states(&block, &lists, &mut draft);
        }
        if let Some(late) = draft.states.get(MOST_STATES) {
            self.report(late.place, format!("a conversation has at most {MOST_STATES} states"));
            draft.states.truncate(MOST_STATES);
        }
        self.roots = draft.states.iter().filter_map(StateDraft::root).collect();
        self.variable_kinds(&draft);
        self.draft = Some(draft);
    }

    /// The states of each side, in the order of its list.
    fn sides(&mut self, block: &Node, draft: &mut Draft) -> [Vec<u16>; 2] {
        let mut lists = [Vec::new(), Vec::new()];
        let both = block.get("both");
        if let (Some(_), Some(one)) = (both, block.get("client").or(block.get("server"))) {
            self.report(one.place, "'both' is for client and server alike: remove it, or this");
        }
        for (list, key) in lists.iter_mut().zip(SIDES) {
            let Some(written) = both.or(block.get(key)) else {
                let text =
                    format!("the conversation does not say what the {key} sends: add '{key}' or 'both'");
                self.report(block.place, text);
                continue;
            };
            let items = written.list().map_or_else(|| vec![written.clone()], <[Node]>::to_vec);
            if items.is_empty() {
                self.report(written.place, "this list must name at least one state");
            }
            for item in items {
                let Some(state) = self.state(&item, draft) else { continue };
                if list.contains(&state) {
                    self.report(
                        item.place,
                        "a state can be only once in this list: give it 'next' or 'then' under 'states' instead",
                    );
                }
                list.push(state);
            }
        }
        lists
    }

    /// In a list, each state is followed by the next one unless it says otherwise.
    fn follow_lists(&mut self, lists: &[Vec<u16>; 2], draft: &mut Draft) {
        for (role, list) in lists.iter().enumerate() {
            for pair in list.windows(2) {
                let &[state, next] = pair else { continue };
                let Some(state) = draft.states.get_mut(usize::from(state)) else { continue };
                if let Some(own) = state.next.get_mut(role) {
                    own.get_or_insert(next);
                }
            }
            if let (Some(first), Some(&state)) = (draft.first.get_mut(role), list.first()) {
                *first = state;
            }
        }
    }

    /// The state that a node names: one under `states`, or else one that reads the type of that name.
    fn state(&mut self, node: &Node, draft: &mut Draft) -> Option<u16> {
        let Some(name) = node.text().filter(|name| !name.is_empty()) else {
            self.report(node.place, format!("expected the name of a state, not {}", node.what()));
            return None;
        };
        if let Some(known) = draft.states.iter().position(|state| state.name == name) {
            return u16::try_from(known).ok();
        }
        let Some(root) = self.message_type(name, node.place, false) else {
            if !self.is_full() {
                let types = self.visible_types(TypeId::ROOT);
                let known = draft.states.iter().map(|state| &state.name).chain(&types).map(String::as_str);
                let hint = nearest(name, known);
                self.report(node.place, format!("there is no state or type '{name}'{hint}"));
            }
            return None;
        };
        draft.states.push(StateDraft {
            name: name.to_owned(),
            place: node.place,
            node: None,
            reads: Some(Reads::Own(root)),
            next: [None; 2],
            optional: false,
            rules: Vec::new(),
        });
        u16::try_from(draft.states.len() - 1).ok()
    }

    /// The type of the messages of a state, by its written name.
    fn message_type(&mut self, name: &str, place: Place, must_exist: bool) -> Option<TypeId> {
        let parsed = match crate::expr::parse_type(name) {
            Ok(parsed) => parsed,
            Err(error) => {
                if must_exist {
                    self.report(place.right(error.at as usize), error.text);
                }
                return None;
            }
        };
        let found = self.find_type(&parsed, TypeId::ROOT, place);
        if found.is_none() && must_exist {
            self.unknown_type(&parsed, TypeId::ROOT, place);
        }
        let id = found?;
        if self.plan.type_of(id).parameters > 0 || !parsed.arguments.is_empty() {
            self.report(place, format!("'{name}' has parameters, so that it can't be a message of its own"));
        }
        Some(id)
    }

    /// Compiles the rules, and reads what each type says of its messages.
    pub(super) fn conversation(&mut self, base: &Meta) -> Option<ConversationPlan> {
        let draft = self.draft.take()?;
        let metas = self.metas(&draft, base);
        let mut states = Vec::new();
        for (state, meta) in draft.states.iter().zip(metas) {
            let reads = match (&state.reads, meta) {
                (Some(Reads::Own(root)), Some(meta)) => Reading::Own(*root, Box::new(meta)),
                (Some(Reads::Other(name)), _) => Reading::Other(name.clone()),
                _ => Reading::Other(String::new()),
            };
            let mut plan = StatePlan {
                name: state.name.clone(),
                optional: state.optional,
                next: state.next,
                ..StatePlan::of(reads)
            };
            self.rules(state, &mut plan);
            self.mask(state, &mut plan);
            self.check_presence(state, &plan);
            states.push(plan);
        }
        self.one_side_each(&draft, &states);
        let variables = self.variable_plans();
        Some(ConversationPlan { variables, states, first: draft.first, middle: draft.middle })
    }

    /// What the type of each state's messages says of them, or else the description.
    fn metas(&mut self, draft: &Draft, base: &Meta) -> Vec<Option<Meta>> {
        let roots: Vec<TypeId> = draft.states.iter().filter_map(StateDraft::root).collect();
        let mut found = self.metas_of(&roots, base).into_iter();
        let one = |state: &StateDraft| state.root().and_then(|_| found.next());
        draft.states.iter().map(one).collect()
    }

    /// Something must show whether an optional message is there.
    fn check_presence(&mut self, state: &StateDraft, plan: &StatePlan) {
        let Reading::Own(_, meta) = &plan.reads else { return };
        let Head { believe, .. } = &meta.head;
        if state.optional && plan.presence.is_none() && believe.is_empty() {
            self.report(
                state.place,
                format!(
                    "nothing shows whether '{}' is there: add 'if', or begin its type with 'contents' or 'valid'",
                    state.name
                ),
            );
        }
    }

    fn context_of(root: TypeId, node: &Node) -> Context {
        Context::of(root, node.place)
    }
}

#[cfg(test)]
pub(in crate::load) mod tests {
    use crate::load::load;

    /// The first mistake of a conversation over a few types.
    pub(super) fn refused(conversation: &str) -> String {
        let error = load("t", &described(conversation), None).unwrap_err();
        let first = error.diagnostics().first().unwrap();
        format!("{}:{}: {}", first.line, first.column, first.text)
    }

    pub(super) fn described(conversation: &str) -> String {
        let types = "
types:
  hello: {seq: [{id: magic, contents: HI}, {id: version, type: u1}]}
  frame: {seq: [{id: kind, type: u1, enum: kind}, {id: length, type: u2}, {id: body, size: length}]}
  line: {seq: [{id: text, type: str, encoding: UTF-8, terminator: 10}]}
  pair: {params: [{id: n, type: u1}], seq: [{id: body, size: n}]}
enums: {kind: {1: login, 2: logout}}";
        format!(
            "meta:\n  id: t\n  endian: be\n  -framescope:\n    conversation:\n      {conversation}{types}\n"
        )
    }

    #[test]
    fn sides_and_lists_that_contradict_themselves_are_refused() {
        for (text, expected) in [
            ("both: frame\n      client: hello", "7:15: 'both' is for client and server alike"),
            ("client: hello", "6:7: the conversation does not say what the server sends"),
            ("both: []", "6:13: this list must name at least one state"),
            ("both: [frame, frame]", "6:21: a state can be only once in this list"),
            ("both: [hello, fram]", "6:21: there is no state or type 'fram'; did you mean 'frame'?"),
            ("both: pair", "6:13: 'pair' has parameters"),
            (
                "both: frame\n      stats: {}",
                "7:7: 'stats' is not a key of a conversation; did you mean 'states'?",
            ),
        ] {
            let text = refused(text);
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_list_of_states_leads_from_one_to_the_next_and_ends_in_the_last() {
        let loaded = load("t", &described("client: [hello, line]\n      server: frame"), None).unwrap();
        let grammar = loaded.1.conversation.unwrap();
        let names: Vec<&str> = grammar.states.iter().map(|state| state.name.as_str()).collect();
        assert_eq!(names, ["hello", "line", "frame"]);
        assert_eq!((grammar.first, grammar.middle), ([0, 2], [1, 2]));
        let next: Vec<_> = grammar.states.iter().map(|state| state.next).collect();
        assert_eq!(next, [[Some(1), None], [None, None], [None, None]]);
    }
}
