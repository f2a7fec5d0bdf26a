//! What a field's value must be, and what was done to its bytes.

use crate::error::nearest;
use crate::expr;
use crate::load::infer::text_place;
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{Attr, Process, Valid};
use crate::yaml::Node;

impl Loader {
    pub(super) fn process(&mut self, node: &Node, context: &Context) -> Option<Process> {
        let text = node.text().unwrap_or_default().trim();
        let place = text_place(node);
        if text == "zlib" {
            return Some(Process::Zlib);
        }
        let known = ["xor", "rol", "ror", "zlib"];
        let Some((name, argument)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else {
            let hint = nearest(text, known);
            self.report(
                place,
                format!("'{text}' is not a supported processing, as it would take a separate program{hint}"),
            );
            return None;
        };
        let ast = match expr::parse(argument) {
            Ok(ast) => ast,
            Err(error) => {
                self.report(place.right(name.len() + 1 + error.at as usize), error.text);
                return None;
            }
        };
        let context = Context { place: place.right(name.len() + 1), ..context.clone() };
        self.infer(&ast, &context);
        let argument = self.compile(&ast, &context);
        match name.trim() {
            "xor" => Some(Process::Xor(argument)),
            "rol" => Some(Process::Rol(argument)),
            "ror" => Some(Process::Ror(argument)),
            name => {
                let hint = nearest(name, known);
                self.report(
                    place,
                    format!(
                        "'{name}' is not a supported processing, as it would take a separate program{hint}"
                    ),
                );
                None
            }
        }
    }

    pub(super) fn valid(&mut self, node: &Node, context: &Context, attr: &Attr) -> Option<Valid> {
        if node.map().is_none() {
            return self.compiled(node, context, None).map(Valid::Equal);
        }
        self.check_keys(node, &["eq", "min", "max", "any-of", "expr", "in-enum"], "valid");
        if let Some(eq) = node.get("eq") {
            return self.compiled(eq, context, None).map(Valid::Equal);
        }
        if let Some(any) = node.get("any-of") {
            let Some(items) = any.list() else {
                self.report(any.place, "'any-of' must be a list of values");
                return None;
            };
            return Some(Valid::AnyOf(
                items.iter().filter_map(|item| self.compiled(item, context, None)).collect(),
            ));
        }
        if let Some(expr) = node.get("expr") {
            return self.compiled(expr, context, Some(Ty::Bool)).map(Valid::Expr);
        }
        if let Some(in_enum) = node.get("in-enum") {
            if attr.enumeration.is_none() {
                self.report(in_enum.place, "'in-enum' needs an 'enum': add one to the field");
            }
            return (in_enum.boolean() == Some(true)).then_some(Valid::InEnum);
        }
        let min = node.get("min").and_then(|min| self.compiled(min, context, None));
        let max = node.get("max").and_then(|max| self.compiled(max, context, None));
        (min.is_some() || max.is_some()).then_some(Valid::Range(min, max))
    }
}
