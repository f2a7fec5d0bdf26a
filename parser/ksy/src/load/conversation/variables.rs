//! The variables of a conversation: their names, their kinds, and what they are at the beginning.

use crate::conversation::values::Stored;
use crate::error::{Place, nearest};
use crate::expr::{Ast, AstNode};
use crate::load::conversation::Draft;
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{Node as Expression, Val, VariablePlan};
use crate::yaml::Node;
use std::sync::Arc;

/// The most variables of a conversation.
const MOST: usize = 256;
/// The most bytes of a value at the beginning.
const LONGEST: usize = 4096;
/// What the variables are reached through in expressions.
const NAME: &str = "_conversation";

/// A variable while the description is loaded.
pub(in crate::load) struct Variable {
    pub(super) name: String,
    pub(super) is_table: bool,
    /// The kind of its value, or of those of its entries.
    kind: Ty,
    initial: Stored,
    /// What is assumed if the capture begins inside the conversation.
    assumed: Stored,
}

impl Variable {
    /// One that counts, and has no name.
    pub(super) fn counter(initial: Stored) -> Variable {
        Variable { name: String::new(), is_table: false, kind: Ty::Int, initial, assumed: Stored::Unknown }
    }
}

/// The variable that an expression asks for, and the key if it asks for an entry.
fn asked(ast: &Ast) -> Option<(&str, Option<&Ast>)> {
    let named = |ast: &Ast| matches!(&ast.node, AstNode::Name(name) if name == NAME);
    match &ast.node {
        AstNode::Member(of, name) if named(of) => Some((name, None)),
        AstNode::Index(of, key) => match &of.node {
            AstNode::Member(of, name) if named(of) => Some((name, Some(key))),
            _ => None,
        },
        AstNode::Name(name) if name == NAME => Some(("", None)),
        _ => None,
    }
}

impl Loader {
    pub(super) fn declare_variables(&mut self, block: &Node) {
        let Some(node) = block.get("variables") else { return };
        if node.map().is_none() && !node.is_null() {
            let what = node.what();
            self.report(node.place, format!("'variables' must be a map from names to values, not {what}"));
        }
        for (key, value) in node.map().unwrap_or_default() {
            let Some(name) = self.identifier(key) else { continue };
            if self.variables.len() == MOST {
                self.report(key.place, format!("a conversation has at most {MOST} variables"));
                return;
            }
            let (kind, initial) = match value.map() {
                Some(_) => {
                    self.check_keys(value, &["default"], "a table");
                    value.get("default").map_or((Ty::Unknown, Stored::Unknown), |node| self.initial(node))
                }
                None => self.initial(value),
            };
            let is_table = value.map().is_some();
            self.variables.push(Variable { name, is_table, kind, initial, assumed: Stored::Unknown });
        }
        self.plan.variables = Arc::new(self.variables.iter().map(|known| known.name.clone()).collect());
    }

    /// What `middle` says of the variables: their values if the capture begins inside the conversation.
    pub(super) fn assumptions(&mut self, set: &Node) {
        if set.map().is_none() {
            self.report(set.place, "'set' must be a map from variables to values");
        }
        for (key, value) in set.map().unwrap_or_default() {
            let name = key.text().unwrap_or_default();
            let Some(at) = self.variable_named(name, key.place) else { continue };
            if self.variables.get(at).is_some_and(|known| known.is_table) {
                self.report(key.place, format!("'{name}' is a table, whose entries can't be assumed"));
                continue;
            }
            if value.map().is_some() || value.is_null() {
                let text = "expected a value: a number, a text, true or false, or a list of bytes";
                self.report(value.place, text);
                continue;
            }
            let (kind, assumed) = self.initial(value);
            self.unify(at, kind, value.place);
            if let Some(known) = self.variables.get_mut(at) {
                known.assumed = assumed;
            }
        }
    }

    /// A value as it is written. Nothing means that it is not known until it is set.
    fn initial(&mut self, node: &Node) -> (Ty, Stored) {
        if node.is_null() {
            return (Ty::Unknown, Stored::Unknown);
        }
        if let Some(b) = node.boolean().filter(|_| matches!(node.text(), Some("true" | "false"))) {
            return (Ty::Bool, Stored::Bool(b));
        }
        if let Some(n) = node.integer() {
            return (Ty::Int, Stored::number(None, n));
        }
        if let Some(items) = node.list() {
            let bytes = items.iter().map(|item| item.integer().and_then(|n| u8::try_from(n).ok()));
            let bytes: Option<Vec<u8>> = bytes.collect();
            if bytes.as_ref().is_none_or(|bytes| bytes.len() > LONGEST) {
                let text = format!("a list must be at most {LONGEST} bytes, from 0 to 255");
                self.report(node.place, text);
            }
            return (Ty::Bytes, Stored::Bytes(bytes.unwrap_or_default().into()));
        }
        let text = node.text().unwrap_or_default();
        if text.len() > LONGEST {
            self.report(node.place, format!("a text must be at most {LONGEST} bytes"));
        }
        let looks_like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
        match text.parse::<f64>() {
            Ok(n) if !node.is_quoted() && looks_like_a_number => (Ty::Float, Stored::Float(n)),
            _ => (Ty::Str, Stored::Text(text.get(..text.len().min(LONGEST)).unwrap_or_default().into())),
        }
    }

    /// The number of a variable.
    pub(super) fn variable_named(&mut self, name: &str, place: Place) -> Option<usize> {
        let found = self.variables.iter().position(|known| known.name == name);
        if found.is_none() && !self.is_full() {
            let hint = nearest(name, self.variables.iter().map(|known| known.name.as_str()));
            let text = match self.variables.is_empty() {
                true => {
                    format!("there is no variable '{name}': declare it under 'variables' of the conversation")
                }
                false => format!("there is no variable '{name}'{hint}"),
            };
            self.report(place, text);
        }
        found
    }

    /// Finds out the kinds of the variables from everything that is set.
    pub(super) fn variable_kinds(&mut self, draft: &Draft) {
        // A value may come from another variable, whose kind is known only after that one's.
        for _ in 0..2 {
            for state in &draft.states {
                let Some(root) = state.root() else { continue };
                let rules = state.rules.iter().filter_map(|rule| rule.node.get("set"));
                for set in state.get("set").into_iter().chain(rules) {
                    for written in self.written_sets(set, root, false) {
                        let Some((value, context)) = written.value else { continue };
                        let before = self.diagnostics.len();
                        let kind = self.infer(&value, &context);
                        self.diagnostics.truncate(before);
                        self.unify(written.variable, kind, context.place);
                    }
                }
            }
        }
    }

    /// A variable is set to a value of that kind too.
    fn unify(&mut self, variable: usize, kind: Ty, place: Place) {
        let Some(known) = self.variables.get_mut(variable) else { return };
        match (&known.kind, &kind) {
            (_, Ty::Unknown) => {}
            (_, Ty::Obj(_) | Ty::Io) => {
                let text =
                    format!("{} can't be kept: only numbers, texts, bytes and booleans can", kind.what(self));
                self.report(place, text);
            }
            (Ty::Unknown, Ty::Arr(_)) | (Ty::Bytes, Ty::Arr(_)) => known.kind = Ty::Bytes,
            (Ty::Unknown, _) => known.kind = kind,
            // A number at the beginning may be a member of the enum, or a number with a fraction.
            (Ty::Int, Ty::Enum(_) | Ty::Float) => known.kind = kind,
            (Ty::Float, Ty::Int) => {}
            (own, other) if own == other => {}
            (own, other) => {
                let (own, name) = (own.clone(), known.name.clone());
                let text = format!("'{name}' is {} elsewhere and {} here", own.what(self), other.what(self));
                self.report(place, text);
            }
        }
    }

    /// The kind of a variable or an entry, if an expression asks for one.
    pub(in crate::load) fn infer_variable(
        &mut self,
        ast: &Ast,
        context: &Context,
        report: bool,
    ) -> Option<Ty> {
        let (name, key) = asked(ast)?;
        let place = context.place.right(ast.at as usize);
        let before = self.diagnostics.len();
        let kind = self.asked_kind(name, key, place, context);
        if !report {
            self.diagnostics.truncate(before);
        }
        Some(kind)
    }

    fn asked_kind(&mut self, name: &str, key: Option<&Ast>, place: Place, context: &Context) -> Ty {
        if name.is_empty() {
            self.report(place, "'_conversation' is what earlier messages have set: name a variable, as in '_conversation.version'");
            return Ty::Unknown;
        }
        let Some(known) = self.variable_named(name, place).and_then(|at| self.variables.get(at)) else {
            return Ty::Unknown;
        };
        let (is_table, kind) = (known.is_table, known.kind.clone());
        match key {
            Some(key) if is_table => {
                self.infer(key, context);
            }
            Some(_) if kind == Ty::Bytes => return Ty::Int,
            Some(_) => self.report(place, format!("'{name}' is no table: declare it as '{name}: {{}}'")),
            None if is_table => {
                self.report(
                    place,
                    format!("'{name}' is a table: say which entry, as in '_conversation.{name}[KEY]'"),
                );
            }
            None => {}
        }
        kind
    }

    /// The node of a variable or an entry, if an expression asks for one.
    pub(in crate::load) fn compile_variable(&mut self, ast: &Ast, context: &Context) -> Option<Expression> {
        let (name, key) = asked(ast)?;
        let known = self.plan.variables.iter().position(|known| known == name);
        let Some(variable) = known.and_then(|at| u16::try_from(at).ok()) else {
            if self.is_query {
                self.report(context.place, format!("there is no variable '{name}'"));
            }
            return Some(Expression::Const(Val::Null));
        };
        let is_table = self.variables.get(usize::from(variable)).is_none_or(|known| known.is_table);
        Some(match key {
            Some(key) if is_table => Expression::Entry(variable, self.compile(key, context)),
            // An item of bytes.
            Some(_) => return None,
            None => Expression::Variable(variable),
        })
    }

    pub(super) fn variable_plans(&mut self) -> Vec<VariablePlan> {
        let variables = std::mem::take(&mut self.variables);
        let fit = |kind: &Ty, value: Stored| match (kind, value) {
            #[allow(clippy::cast_precision_loss)]
            // A number that is written for one with a fraction is small.
            (Ty::Float, Stored::Int(n)) => Stored::Float(n as f64),
            (&Ty::Enum(of), Stored::Int(n)) => Stored::Enum(of, n),
            (_, value) => value,
        };
        let plan = |known: Variable| VariablePlan {
            is_table: known.is_table,
            initial: fit(&known.kind, known.initial),
            assumed: fit(&known.kind, known.assumed),
        };
        variables.into_iter().map(plan).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::conversation::values::Stored;
    use crate::load::conversation::tests::{described, refused};
    use crate::load::load;

    #[test]
    fn variables_have_the_values_that_are_written() {
        let text = "both: frame\n      variables: {a: -1, b: 1.5, c: 'x', d: true, e: [1, 255], f: {}, g: {default: 3}, h: }";
        let grammar = load("t", &described(text), None).unwrap().1.conversation.unwrap();
        let found: Vec<_> = grammar.variables.iter().map(|one| (one.is_table, one.initial.clone())).collect();
        let expected = [
            (false, Stored::Int(-1)),
            (false, Stored::Float(1.5)),
            (false, Stored::Text("x".into())),
            (false, Stored::Bool(true)),
            (false, Stored::Bytes([1, 255].into())),
            (true, Stored::Unknown),
            (true, Stored::Int(3)),
            (false, Stored::Unknown),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_number_at_the_beginning_is_a_member_if_members_are_set() {
        let text = "both: frame\n      variables: {last: 1}\n      states: {frame: {set: {last: kind}, then: [{when: '_conversation.last == kind::login', next: frame}]}}";
        let grammar = load("t", &described(text), None).unwrap().1.conversation.unwrap();
        assert!(matches!(grammar.variables[0].initial, Stored::Enum(_, 1)));
    }

    #[test]
    fn variables_that_contradict_themselves_or_are_not_there_are_refused() {
        for (text, expected) in [
            ("variables: 3", "6:18: 'variables' must be a map"),
            ("variables: {a: [300]}", "6:22: a list must be at most 4096 bytes"),
            ("variables: {a: {defualt: 1}}", "6:23: 'defualt' is not a key of a table"),
            (
                "variables: {a: 1}\n      states: {frame: {set: {a: body}}}",
                "7:33: 'a' is a whole number elsewhere and bytes here",
            ),
            (
                "states: {frame: {then: [{when: '_conversation.a == 1', next: frame}]}}",
                "6:53: there is no variable 'a'",
            ),
            (
                "variables: {a: {}}\n      states: {frame: {then: [{when: '_conversation.a == 1', next: frame}]}}",
                "7:53: 'a' is a table",
            ),
            (
                "variables: {a: ''}\n      states: {frame: {then: [{when: '_conversation.a == 1', next: frame}]}}",
                "7:39: '==' can't be applied",
            ),
            (
                "variables: {a: }\n      states: {frame: {set: {a: _root}}}",
                "7:33: a structure of the type frame can't be kept",
            ),
            ("middle: {set: 3}", "6:21: 'set' must be a map from variables to values"),
            ("middle: {set: {a: 1}}", "6:22: there is no variable 'a'"),
            (
                "variables: {a: {}}\n      middle: {set: {a: 1}}",
                "7:22: 'a' is a table, whose entries can't be assumed",
            ),
            (
                "variables: {a: 1}\n      middle: {set: {a: x}}",
                "7:25: 'a' is a whole number elsewhere and text here",
            ),
            ("variables: {a: 1}\n      middle: {set: {a: }}", "7:23: expected a value"),
        ] {
            let text = refused(&format!("{text}\n      both: frame"));
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
