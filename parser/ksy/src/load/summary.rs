//! Compiles summaries: as the author writes them, otherwise the first values.

use crate::error::Place;
use crate::load::Loader;
use crate::plan::{Node, NodeId, Piece, Repeat, Shape, Style, TypeId};

/// Candidates for a summary where the author gives none; the first few that are present are shown.
const FIRST_VALUES: usize = 64;

impl Loader {
    /// Compiles summaries: as the author writes them, otherwise the first values.
    pub(super) fn summaries(&mut self) {
        for id in 0..self.types.len() {
            let id = TypeId::at(id);
            let written =
                self.declared(id).and_then(|declared| declared.node.get("-webide-representation").cloned());
            let mut pieces = Vec::new();
            match written {
                // The key belongs to another program: what it means there need not be known here.
                Some(node) => {
                    self.leniently(|loader| pieces = loader.representation(&node, id));
                }
                None if id == TypeId::ROOT || self.roots.contains(&id) => pieces = self.first_values(id),
                None => {}
            }
            if let Some(plan) = self.plan_mut(id) {
                plan.summary = pieces;
            }
        }
    }

    /// The first values of a type without a summary.
    pub(super) fn first_values_of(&mut self, id: TypeId) -> Option<Vec<Piece>> {
        self.plan.type_of(id).summary.is_empty().then(|| self.first_values(id))
    }

    fn first_values(&mut self, id: TypeId) -> Vec<Piece> {
        let plan = self.plan.type_of(id).clone();
        let telling = plan.seq.iter().filter(|attr| {
            let plain = matches!(
                attr.shape,
                Shape::Int { .. } | Shape::Bits { .. } | Shape::Float { .. } | Shape::Str(_)
            );
            plain && matches!(attr.repeat, Repeat::Once) && attr.check.is_none()
        });
        let mut pieces = Vec::new();
        for attr in telling.take(FIRST_VALUES) {
            self.plan.expressions.nodes.push(Node::Slot(attr.slot));
            let node = NodeId::at(self.plan.expressions.nodes.len() - 1);
            pieces.push(Piece::Named(attr.sym, node));
        }
        pieces
    }

    /// `text {path} {path:hex}`, as the web IDE has it. A value that can't be shown is left out, and reported.
    pub(super) fn representation(&mut self, node: &crate::yaml::Node, id: TypeId) -> Vec<Piece> {
        let Some(text) = node.text() else {
            self.report(node.place, "a representation must be text such as '{kind} {name:str}'");
            return Vec::new();
        };
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let at = text.len() - after.len();
            let place = node.place.right(usize::from(node.is_quoted()) + at);
            let Some((inside, after)) = after.split_once('}') else {
                self.report(place, "this { is not closed by a }");
                return pieces;
            };
            rest = after;
            pieces.extend(self.represented(inside, place, id));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        pieces
    }

    /// What is between the braces: an expression, and how its value is written.
    fn represented(&mut self, inside: &str, place: Place, id: TypeId) -> Option<Piece> {
        let (expression, style) = match inside.rsplit_once(':') {
            Some((expression, style)) if !expression.ends_with(':') => (expression, style),
            _ => (inside, ""),
        };
        let style = match style {
            "hex" => Style::Hex,
            "str" => Style::Str,
            "" | "dec" | "flags" => Style::Plain,
            _ if style.starts_with("sep=") => Style::Plain,
            other => {
                let hint = crate::error::nearest(other, ["dec", "hex", "str", "flags"]);
                self.report(place, format!("'{other}' is not a style of values{hint}"));
                Style::Plain
            }
        };
        let ast = match crate::expr::parse(expression) {
            Ok(ast) => ast,
            Err(error) => {
                self.report(place.right(error.at as usize), error.text);
                return None;
            }
        };
        let context = super::Context::of(id, place);
        let before = self.diagnostics.len();
        self.infer(&ast, &context);
        let node = self.compile(&ast, &context);
        self.answer_sizes();
        (self.diagnostics.len() == before).then_some(Piece::Value(node, style))
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{described, loaded};
    use crate::plan::Piece;

    fn with(representation: &str) -> (Vec<String>, usize) {
        let seq = "{id: a, type: u1}, {id: b, type: u1}";
        let (plan, _) = loaded(seq, &format!("-webide-representation: \"{representation}\""));
        let place = |warning: &crate::error::Located| {
            format!("{}:{}: {}", warning.line, warning.column, warning.text)
        };
        let values = plan.root().summary.iter().filter(|piece| matches!(piece, Piece::Value(..))).count();
        (plan.warnings.iter().map(place).collect(), values)
    }

    #[test]
    fn what_another_program_would_show_otherwise_is_a_warning_and_the_rest_stands() {
        assert_eq!(with("{a:dec} of {b:hex}"), (vec![], 2));
        let (warnings, values) = with("{this} {c} {a:uuid} {b");
        assert_eq!(values, 1, "{warnings:?}");
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        assert!(warnings[0].starts_with("3:27: there is no 'this' in this type"), "{warnings:?}");
        assert!(warnings[1].starts_with("3:34: there is no 'c' in this type"), "{warnings:?}");
        assert!(warnings[2].starts_with("3:38: 'uuid' is not a style of values"), "{warnings:?}");
        assert_eq!(warnings[3], "3:47: this { is not closed by a }");
        let (warnings, values) = with("{sizeof<str>} {a +} {a}");
        assert_eq!((warnings.len(), values), (2, 1), "{warnings:?}");
    }

    #[test]
    fn a_summary_of_the_authors_own_is_refused_with_its_mistakes() {
        let text =
            described("{id: a, type: u1}", "").replace("id: t,", "id: t, -framescope: {summary: '{c}'},");
        let error = crate::load::load("t", &text, None).unwrap_err();
        assert!(error.to_string().contains("there is no 'c' in this type"), "{error}");
    }
}
