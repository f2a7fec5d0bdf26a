//! `xor` of a state: the key with which the bytes of its messages are xored.

use crate::conversation::values::Stored;
use crate::load::Loader;
use crate::load::conversation::graph::reached;
use crate::load::conversation::variables::Variable;
use crate::load::conversation::{Draft, StateDraft};
use crate::load::infer::types::Ty;
use crate::plan::{Head, Mask, Node as Expression, Reading, StatePlan};

/// The longest message, in bytes, that is unmasked.
const LONGEST: u32 = 8 << 20;

impl Loader {
    pub(super) fn mask(&mut self, state: &StateDraft, plan: &mut StatePlan) {
        let (Some(node), Reading::Own(root, meta)) = (state.get("xor"), &mut plan.reads) else { return };
        let mut from_stream = false;
        let mut key = node;
        if node.map().is_some() {
            self.check_keys(node, &["key", "from"], "'xor'");
            match node.get("from").map(|from| (from.text(), from.place)) {
                None | Some((Some("message"), _)) => {}
                Some((Some("stream"), _)) => from_stream = true,
                Some((_, place)) => {
                    self.report(place, "'from' must be message or stream: where the key begins");
                }
            }
            let Some(inner) = node.get("key") else {
                return self.report(node.place, "'xor' needs a 'key': an expression for a byte or bytes");
            };
            key = inner;
        }
        let Some((ast, place)) = self.expression(key) else { return };
        let context = crate::load::Context::of(*root, place);
        let kind = self.infer(&ast, &context);
        if !matches!(kind, Ty::Int | Ty::Bytes | Ty::Unknown) {
            let what = kind.what(self);
            self.report(place, format!("an xor key must be a byte or bytes, not {what}"));
        }
        let compiled = self.compile(&ast, &context);
        let mut is_known = true;
        self.plan.expressions.walk(compiled, &mut |_, node| {
            is_known &= !matches!(
                node,
                Expression::Slot(_)
                    | Expression::Named(_)
                    | Expression::Root
                    | Expression::Parent
                    | Expression::Io
            );
        });
        if !is_known {
            self.report(
                place,
                "the key is needed before the message can be read: it can only come from '_conversation', set by an earlier one",
            );
        }
        // What a message begins with shows only when it is unmasked.
        meta.head = Head::default();
        meta.trailing_checks.clear();
        meta.terminator = None;
        meta.limit = meta.limit.min(LONGEST);
        let phase = from_stream.then(|| self.hidden_variable()).flatten();
        plan.mask = Some(Mask { key: compiled, phase });
    }

    /// A variable that counts bytes, and that expressions can't name.
    fn hidden_variable(&mut self) -> Option<u16> {
        let at = u16::try_from(self.variables.len()).ok()?;
        self.variables.push(Variable::counter(Stored::Int(0)));
        Some(at)
    }

    /// A key that goes on over the stream is that of one direction.
    pub(super) fn one_side_each(&mut self, draft: &Draft, states: &[StatePlan]) {
        let [client, server] = reached(draft);
        for (at, (plan, state)) in (0u16..).zip(states.iter().zip(&draft.states)) {
            if plan.phase().is_some() && client.contains(&at) && server.contains(&at) {
                let text = "a key that goes on over the stream needs a state for each side, as each has sent other bytes";
                self.report(state.place, text);
            }
            let leads_here = |other: &&StatePlan| other.optional && other.next.contains(&Some(at));
            if plan.phase().is_some()
                && let Some(other) = states.iter().find(leads_here)
            {
                let text = format!(
                    "a key that goes on over the stream can't begin after the optional '{}'",
                    other.name
                );
                self.report(state.place, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::load::conversation::tests::refused;

    #[test]
    fn a_key_that_can_not_be_known_before_the_message_is_refused() {
        let xor = |xor: &str| {
            refused(&format!(
                "variables: {{key: [], name: ''}}\n      both: frame\n      states: {{frame: {{xor: {xor}}}}}"
            ))
        };
        for (text, expected) in [
            ("length", "8:29: the key is needed before the message can be read"),
            ("_conversation.name", "8:29: an xor key must be a byte or bytes, not text"),
            (
                "{key: _conversation.key, form: stream}",
                "8:54: 'form' is not a key of 'xor'; did you mean 'from'?",
            ),
            ("{key: _conversation.key, from: state}", "8:60: 'from' must be message or stream"),
            ("{from: stream}", "8:29: 'xor' needs a 'key'"),
            (
                "{key: _conversation.key, from: stream}",
                "8:16: a key that goes on over the stream needs a state for each side",
            ),
        ] {
            let text = xor(text);
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
