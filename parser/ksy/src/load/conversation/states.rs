//! The states of a conversation: what is read in each, and what leads to the next.

use crate::load::Loader;
use crate::load::conversation::{Draft, Reads, RuleDraft, StateDraft};
use crate::plan::MOST_STATES;
use crate::yaml::Node;

const STATE_KEYS: [&str; 8] = ["read", "hand-over", "optional", "if", "next", "then", "set", "xor"];
const RULE_KEYS: [&str; 4] = ["when", "set", "next", "peer"];

/// The most rules of a state.
const MOST_RULES: usize = 1000;

impl Loader {
    /// The states under `states`, by name.
    pub(super) fn declare_states(&mut self, block: &Node, draft: &mut Draft) {
        let Some(states) = block.get("states") else { return };
        if states.map().is_none() && !states.is_null() {
            let what = states.what();
            self.report(states.place, format!("'states' must be a map from names to states, not {what}"));
        }
        for (key, node) in states.map().unwrap_or_default().iter().take(MOST_STATES + 1) {
            let Some(name) = key.text().filter(|name| !name.is_empty()) else {
                self.report(key.place, "a state must have a name");
                continue;
            };
            if node.map().is_none() && !node.is_null() {
                let what = node.what();
                self.report(
                    node.place,
                    format!("a state must be a map with 'read', 'next' or 'then', not {what}"),
                );
            }
            self.check_keys(node, &STATE_KEYS, "a state");
            let reads = self.reads(name, key, node);
            let optional = node.get("optional");
            if let Some(wrong) = optional.filter(|optional| optional.boolean().is_none()) {
                self.report(wrong.place, "'optional' must be true or false");
            }
            let optional = optional.and_then(Node::boolean) == Some(true);
            if let Some(presence) = node.get("if").filter(|_| !optional) {
                self.report(
                    presence.place,
                    "'if' says whether an optional message is there: add 'optional: true'",
                );
            }
            draft.states.push(StateDraft {
                name: name.to_owned(),
                place: key.place,
                node: Some(node.clone()),
                reads,
                next: [None; 2],
                optional,
                rules: Vec::new(),
            });
        }
    }

    /// What the messages of a state are.
    fn reads(&mut self, name: &str, key: &Node, node: &Node) -> Option<Reads> {
        let Some(other) = node.get("hand-over") else {
            let written = node.get("read").unwrap_or(key);
            let text = node.get("read").map_or(Some(name), Node::text).unwrap_or_default();
            return self.message_type(text, written.place, true).map(Reads::Own);
        };
        let beside = node.map().unwrap_or_default().iter().find(|(key, _)| key.text() != Some("hand-over"));
        if let Some((key, _)) = beside {
            let text =
                "from 'hand-over' on the bytes are another protocol's, which has no states here: remove this";
            self.report(key.place, text);
        }
        match other.text().filter(|name| !name.is_empty()) {
            Some(name) => Some(Reads::Other(name.to_owned())),
            None => {
                self.report(other.place, "'hand-over' must be the name of a protocol, built in or described");
                None
            }
        }
    }

    /// Where the states lead, once all have their numbers.
    pub(super) fn transitions(&mut self, draft: &mut Draft) {
        let mut at = 0;
        // Naming a state may add it.
        while let Some(state) = draft.states.get(at) {
            let node = state.node.clone();
            at += 1;
            let Some(node) = node else { continue };
            let next = node.get("next").and_then(|next| self.state(next, draft));
            let rules = self.rule_drafts(&node, draft);
            if let Some(state) = draft.states.get_mut(at - 1) {
                state.next = [next; 2];
                state.rules = rules;
            }
        }
    }

    fn rule_drafts(&mut self, node: &Node, draft: &mut Draft) -> Vec<RuleDraft> {
        let Some(then) = node.get("then") else { return Vec::new() };
        let items = match then.list() {
            Some(items) => items.to_vec(),
            None if then.map().is_some() => vec![then.clone()],
            None => {
                self.report(then.place, format!("'then' must be a list of rules, not {}", then.what()));
                return Vec::new();
            }
        };
        if let Some(late) = items.get(MOST_RULES) {
            self.report(late.place, format!("a state has at most {MOST_RULES} rules"));
        }
        let mut rules = Vec::new();
        for item in items.into_iter().take(MOST_RULES) {
            if item.map().is_none() {
                let what = item.what();
                self.report(item.place, format!("a rule must be a map with 'when' and 'next', not {what}"));
                continue;
            }
            self.check_keys(&item, &RULE_KEYS, "a rule");
            if ["set", "next", "peer"].iter().all(|key| item.get(key).is_none()) {
                self.report(item.place, "the rule changes nothing: add 'next', 'peer' or 'set'");
            }
            let next = item.get("next").and_then(|next| self.state(next, draft));
            let peer = item.get("peer").and_then(|peer| self.state(peer, draft));
            rules.push(RuleDraft { node: item, next, peer });
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use crate::load::conversation::tests::refused;

    #[test]
    fn a_state_that_says_nothing_sensible_is_refused_at_its_place() {
        let states = |states: &str| refused(&format!("both: frame\n      states: {{{states}}}"));
        for (text, expected) in [
            ("frame: 3", "7:23: a state must be a map with 'read', 'next' or 'then', not a single value"),
            ("frame: {reads: line}", "7:24: 'reads' is not a key of a state; did you mean 'read'?"),
            ("frame: {read: lin}", "7:30: there is no type 'lin'"),
            ("frame: {next: lin}", "7:30: there is no state or type 'lin'"),
            ("frame: {then: [{when: kind == kind::login}]}", "7:31: the rule changes nothing"),
            ("frame: {then: line}", "7:30: 'then' must be a list of rules"),
            ("frame: {optional: maybe}", "7:34: 'optional' must be true or false"),
            ("frame: {if: length == 0}", "7:28: 'if' says whether an optional message is there"),
            ("frame: {hand-over: text, next: line}", "7:41: from 'hand-over' on"),
            ("frame: {hand-over: []}", "7:35: 'hand-over' must be the name of a protocol"),
        ] {
            let text = states(text);
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
