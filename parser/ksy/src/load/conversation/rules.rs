//! Compiles what is evaluated over the messages of a state: conditions, and values that are kept.

use crate::expr::{self, Ast, AstNode};
use crate::load::conversation::StateDraft;
use crate::load::infer::text_place;
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{Node as Expression, Rule, Set, StatePlan, TypeId, Val};
use crate::yaml::Node;

impl Loader {
    /// Compiles the rules of a state.
    pub(super) fn rules(&mut self, state: &StateDraft, plan: &mut StatePlan) {
        let Some(root) = state.root() else { return };
        if let Some(node) = state.get("if") {
            plan.presence = self.compiled(node, &Self::context_of(root, node), Some(Ty::Bool));
        }
        plan.sets = state.get("set").map(|set| self.sets(set, root)).unwrap_or_default();
        let mut always = false;
        for rule in &state.rules {
            if always {
                let text = "this rule never applies: the one before it always does";
                self.report(rule.node.place, text);
                break;
            }
            let when = rule.node.get("when");
            let when =
                when.and_then(|when| self.compiled(when, &Self::context_of(root, when), Some(Ty::Bool)));
            always = when.is_none_or(|when| {
                matches!(self.plan.expressions.node(when), Expression::Const(Val::Bool(true)))
            });
            let sets = rule.node.get("set").map(|set| self.sets(set, root)).unwrap_or_default();
            plan.rules.push(Rule { when, sets, next: rule.next, peer: rule.peer });
        }
    }

    /// Compiles what a message sets.
    fn sets(&mut self, node: &Node, root: TypeId) -> Vec<Set> {
        let mut sets = Vec::new();
        for written in self.written_sets(node, root, true) {
            let Written { variable, key, value, context } = written;
            let key = key.map(|key| self.compile(&key, &context));
            let value = value.map(|(value, context)| self.compile(&value, &context));
            if let Ok(variable) = u16::try_from(variable) {
                sets.push(Set { variable, key, value });
            }
        }
        sets
    }

    /// The entries of a `set`, as far as they make sense; the others are reported.
    pub(super) fn written_sets(&mut self, node: &Node, root: TypeId, report: bool) -> Vec<Written> {
        let before = self.diagnostics.len();
        let mut found = Vec::new();
        if node.map().is_none() {
            let what = node.what();
            self.report(node.place, format!("'set' must be a map from variables to expressions, not {what}"));
        }
        for (key, value) in node.map().unwrap_or_default() {
            found.extend(self.written_set(key, value, root));
        }
        if !report {
            self.diagnostics.truncate(before);
        }
        found
    }

    fn written_set(&mut self, target: &Node, value: &Node, root: TypeId) -> Option<Written> {
        let (ast, place) = self.expression(target)?;
        let context = Context::of(root, place);
        let (name, key) = match ast.node {
            AstNode::Name(name) => (name, None),
            AstNode::Index(of, key) => match of.node {
                AstNode::Name(name) => (name, Some(*key)),
                _ => return self.no_target(target),
            },
            _ => return self.no_target(target),
        };
        let variable = self.variable_named(&name, place)?;
        let is_table = self.variables.get(variable).is_some_and(|known| known.is_table);
        match (&key, is_table) {
            (Some(key), true) => {
                let kind = self.infer(key, &context);
                if !matches!(kind, Ty::Int | Ty::Enum(_) | Ty::Bool | Ty::Str | Ty::Bytes | Ty::Unknown) {
                    let what = kind.what(self);
                    self.report(
                        place,
                        format!("the key of a table must be a number, text or bytes, not {what}"),
                    );
                }
            }
            (None, false) => {}
            (Some(_), false) => {
                self.report(place, format!("'{name}' is no table: declare it as '{name}: {{}}'"));
                return None;
            }
            (None, true) => {
                self.report(
                    place,
                    format!("'{name}' is a table: say which entry is set, as in '{name}[KEY]'"),
                );
                return None;
            }
        }
        if value.is_null() {
            if !is_table {
                self.report(value.place, "only an entry of a table can be taken out");
                return None;
            }
            return Some(Written { variable, key, value: None, context });
        }
        let text = text_place(value);
        let parsed = match value.text().map(expr::parse) {
            Some(Ok(parsed)) => parsed,
            Some(Err(error)) => {
                self.report(text.right(error.at as usize), error.text);
                return None;
            }
            None => {
                self.report(value.place, format!("expected an expression, not {}", value.what()));
                return None;
            }
        };
        Some(Written { variable, key, value: Some((parsed, Context::of(root, text))), context })
    }

    fn no_target(&mut self, target: &Node) -> Option<Written> {
        self.report(target.place, "a 'set' must name a variable, or an entry of a table as in 'table[KEY]'");
        None
    }
}

/// A variable or an entry that is set, and to what.
pub(super) struct Written {
    pub(super) variable: usize,
    pub(super) key: Option<Ast>,
    /// None takes the entry out.
    pub(super) value: Option<(Ast, Context)>,
    pub(super) context: Context,
}

#[cfg(test)]
mod tests {
    use crate::load::conversation::tests::refused;

    #[test]
    fn rules_that_cannot_work_are_refused() {
        let rules = |then: &str| {
            refused(&format!(
                "both: frame\n      variables: {{n: 0, names: {{}}}}\n      states: {{frame: {{then: [{then}]}}}}"
            ))
        };
        for (text, expected) in [
            ("{when: length, next: frame}", "8:38: expected a boolean, not a whole number"),
            ("{when: lenght == 1, next: frame}", "8:38: there is no 'lenght' in this type"),
            ("{next: frame}, {when: length == 1, next: frame}", "8:46: this rule never applies"),
            ("{when: true, next: frame}, {next: frame}", "8:58: this rule never applies"),
            ("{set: n}", "8:37: 'set' must be a map from variables"),
            ("{set: {m: 1}}", "8:38: there is no variable 'm'"),
            ("{set: {n: length +}}", "8:49: "),
            ("{set: {'n[1]': length}}", "8:39: 'n' is no table"),
            ("{set: {names: length}}", "8:38: 'names' is a table"),
            ("{set: {n: null}}", "8:41: only an entry of a table can be taken out"),
            ("{set: {1: length}}", "8:38: a 'set' must name a variable"),
            ("{set: {n: body}}", "8:41: 'n' is a whole number elsewhere and bytes here"),
            ("{set: {'names[body]': length}}, {next: frame}", "8:63: this rule never applies"),
        ] {
            let text = rules(text);
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
