//! Compiles summaries: as the author writes them, otherwise the first values.

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
            let pieces = match written {
                Some(node) => self.representation(&node, id),
                None if id == TypeId::ROOT || self.roots.contains(&id) => self.first_values(id),
                None => Vec::new(),
            };
            if let Some(plan) = self.plan_mut(id) {
                plan.summary = pieces;
            }
        }
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

    /// `text {path} {path:hex}`, as the web IDE has it.
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
            match crate::expr::parse(expression) {
                Ok(ast) => {
                    let context = super::Context::of(id, place);
                    self.infer(&ast, &context);
                    pieces.push(Piece::Value(self.compile(&ast, &context), style));
                }
                Err(error) => self.report(place.right(error.at as usize), error.text),
            }
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        pieces
    }
}
