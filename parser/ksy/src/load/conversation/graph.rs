//! Checks of the states as a graph: each is reached, and none is passed forever without reading.

use crate::error::nearest;
use crate::load::Loader;
use crate::load::conversation::{Draft, SIDES};
use crate::yaml::Node;

impl Loader {
    /// Reports states that nothing reaches and circles of optional ones, and finds out where a direction may be in the
    /// middle of a conversation.
    pub(super) fn check_states(&mut self, block: &Node, lists: &[Vec<u16>; 2], draft: &mut Draft) {
        let reached = reached(draft);
        for (at, state) in (0u16..).zip(&draft.states) {
            if !reached.iter().any(|side| side.contains(&at)) {
                let text = format!(
                    "nothing leads to the state '{}': name it where it follows, or remove it",
                    state.name
                );
                self.report(state.place, text);
            }
        }
        for (role, side) in reached.iter().enumerate() {
            self.check_optional(role, side, draft);
        }
        self.middles(block, lists, &reached, draft);
    }

    fn check_optional(&mut self, role: usize, reached: &[u16], draft: &Draft) {
        let after = |at: u16| {
            let state = draft.states.get(usize::from(at)).filter(|state| state.optional)?;
            state.next.get(role).copied().flatten()
        };
        for &at in reached {
            let Some(state) = draft.states.get(usize::from(at)).filter(|state| state.optional) else {
                continue;
            };
            let name = &state.name;
            if after(at).is_none() {
                let text = format!("if '{name}' is absent, something else is read: add 'next'");
                self.report(state.place, text);
                continue;
            }
            // A circle is reported at each of its states.
            let mut next = at;
            for _ in 0..draft.states.len() {
                let Some(found) = after(next) else { break };
                next = found;
                if next == at {
                    let text = format!(
                        "'{name}' and what follows it may all be absent, and lead back to it without reading anything"
                    );
                    self.report(state.place, text);
                    break;
                }
            }
        }
    }

    /// Where each direction is if the capture begins inside: where the description says, else in the last state of its
    /// list, or the last that it can reach.
    fn middles(&mut self, block: &Node, lists: &[Vec<u16>; 2], reached: &[Vec<u16>; 2], draft: &mut Draft) {
        let said = block.get("middle");
        if let Some(said) = said {
            self.check_keys(said, &["client", "server", "set"], "'middle'");
            if said.map().is_none() {
                self.report(said.place, "'middle' must be a map from client and server to states");
            }
            if let Some(set) = said.get("set") {
                self.assumptions(set);
            }
        }
        for (role, (list, reached)) in lists.iter().zip(reached).enumerate() {
            let usual = match list.as_slice() {
                [_, .., last] => Some(*last),
                _ => reached.iter().max().copied(),
            };
            let own = SIDES.get(role).and_then(|side| said?.get(side));
            let chosen = match own {
                Some(node) => {
                    let known = draft.states.iter().position(|state| node.text() == Some(&state.name));
                    let known = known.and_then(|at| u16::try_from(at).ok()).filter(|at| reached.contains(at));
                    if known.is_none() {
                        let names = reached.iter().filter_map(|&at| draft.states.get(usize::from(at)));
                        let hint =
                            nearest(node.text().unwrap_or_default(), names.map(|state| state.name.as_str()));
                        self.report(node.place, format!("this direction has no such state{hint}"));
                    }
                    known
                }
                None => usual,
            };
            if let (Some(middle), Some(chosen)) = (draft.middle.get_mut(role), chosen) {
                *middle = chosen;
            }
        }
    }
}

/// The states in which each direction can be.
pub(super) fn reached(draft: &Draft) -> [Vec<u16>; 2] {
    let mut reached = [Vec::new(), Vec::new()];
    let mut left: Vec<(usize, u16)> = draft.first.iter().copied().enumerate().collect();
    while let Some((role, at)) = left.pop() {
        let Some(side) = reached.get_mut(role).filter(|side| !side.contains(&at)) else { continue };
        side.push(at);
        let Some(state) = draft.states.get(usize::from(at)) else { continue };
        left.extend(state.successors(role).map(|next| (role, next)));
        left.extend(state.rules.iter().filter_map(|rule| rule.peer).map(|peer| (1 - role, peer)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use crate::load::conversation::tests::{described, refused};
    use crate::load::load;

    #[test]
    fn states_that_nothing_reaches_or_that_read_nothing_forever_are_refused() {
        for (text, expected) in [
            ("both: frame\n      states: {line: {}}", "7:16: nothing leads to the state 'line'"),
            ("both: hello\n      states: {hello: {optional: true}}", "7:16: if 'hello' is absent"),
            (
                "both: [hello, other]\n      states:\n        hello: {optional: true}\n        other: {read: hello, optional: true, next: hello}",
                "8:9: 'hello' and what follows it may all be absent",
            ),
            (
                "both: [hello, frame]\n      middle: {client: line}",
                "7:24: this direction has no such state; expected one of hello, frame",
            ),
        ] {
            let text = refused(text);
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_capture_that_begins_inside_is_in_the_last_state_unless_another_is_named() {
        let middle = |text: &str| {
            let grammar = load("t", &described(text), None).unwrap().1.conversation.unwrap();
            grammar.middle.map(|at| grammar.states[usize::from(at)].name.clone())
        };
        assert_eq!(middle("both: [hello, frame, line]"), ["line", "line"]);
        assert_eq!(middle("both: [hello, frame]\n      middle: {server: hello}"), ["frame", "hello"]);
        let states = "client: hello\n      server: frame\n      states: {hello: {next: line}, line: {}}";
        assert_eq!(middle(states), ["line", "frame"]);
    }
}
