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
        let (name, arguments) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((name, arguments)) => (name.trim(), arguments),
            None => (text, ""),
        };
        let place_of_arguments = place.right(text.len() - arguments.len() - usize::from(text.ends_with(')')));
        let arguments = match expr::parse_arguments(arguments) {
            Ok(arguments) => arguments,
            Err(error) => {
                self.report(place_of_arguments.right(error.at as usize), error.text);
                return None;
            }
        };
        let context = Context { place: place_of_arguments, ..context.clone() };
        let mut nodes = Vec::new();
        for argument in &arguments {
            self.infer(argument, &context);
            nodes.push(self.compile(argument, &context));
        }
        match (name, nodes.as_slice()) {
            ("zlib", []) => Some(Process::Zlib),
            ("xor", &[key]) => Some(Process::Xor(key)),
            ("rol", &[by]) => Some(Process::Rol(by)),
            ("ror", &[by]) => Some(Process::Ror(by)),
            ("zlib" | "xor" | "rol" | "ror", given) => {
                let wanted = if name == "zlib" { "no arguments" } else { "1 argument" };
                self.report(place, format!("'{name}' takes {wanted}, not {}", given.len()));
                None
            }
            _ => {
                let hint = nearest(name, ["xor", "rol", "ror", "zlib"]);
                self.report(
                    place,
                    format!(
                        "'{name}' would need a program of its own, and a description runs none: remove 'process' (and the 'type' of what it yields) to see the bytes as they are{hint}"
                    ),
                );
                None
            }
        }
    }

    pub(super) fn valid(&mut self, node: &Node, context: &Context, attr: &Attr) -> Option<Valid> {
        let one = context.element.clone().unwrap_or(Ty::Unknown);
        if node.map().is_none() {
            return self.compared(node, &one, context).map(Valid::Equal);
        }
        self.check_keys(node, &["eq", "min", "max", "any-of", "expr", "in-enum"], "valid");
        if let Some(eq) = node.get("eq") {
            return self.compared(eq, &one, context).map(Valid::Equal);
        }
        if let Some(any) = node.get("any-of") {
            let Some(items) = any.list() else {
                self.report(any.place, "'any-of' must be a list of values");
                return None;
            };
            return Some(Valid::AnyOf(
                items.iter().filter_map(|item| self.compared(item, &one, context)).collect(),
            ));
        }
        if let Some(expr) = node.get("expr") {
            return self.compiled(expr, context, Some(Ty::Bool)).map(Valid::Expr);
        }
        if let Some(in_enum) = node.get("in-enum") {
            if attr.enumeration.is_none() {
                self.report(in_enum.place, "'in-enum' needs an 'enum': add one to the field");
            }
            if in_enum.boolean() != Some(true) {
                self.report(in_enum.place, "'in-enum' can only be true: without it any number is valid");
            }
            return Some(Valid::InEnum);
        }
        let min = node.get("min").and_then(|min| self.compared(min, &one, context));
        let max = node.get("max").and_then(|max| self.compared(max, &one, context));
        (min.is_some() || max.is_some()).then_some(Valid::Range(min, max))
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{field, loaded, refused};
    use crate::plan::Process;

    #[test]
    fn processing_has_its_arguments() {
        let seq = |process: &str| format!("{{id: k, type: u1}}, {{id: a, size: 2, process: '{process}'}}");
        let process = |text: &str| field(&loaded(&seq(text), "").0, "a").process;
        assert!(matches!(process("zlib"), Some(Process::Zlib)));
        assert!(matches!(process("xor( k + 1 )"), Some(Process::Xor(_))));
        assert!(matches!(process("xor([1, 2, 3])"), Some(Process::Xor(_))));
        assert!(matches!(process("rol(3)"), Some(Process::Rol(_))));
        let refusal = |text: &str| refused(&seq(text), "");
        assert_eq!(refusal("xor(1, 2)"), "'xor' takes 1 argument, not 2");
        assert_eq!(refusal("ror"), "'ror' takes 1 argument, not 0");
        assert_eq!(refusal("zlib(9)"), "'zlib' takes no arguments, not 1");
        assert!(
            refusal("xor(1 2)").starts_with("expected an operator or the end"),
            "{}",
            refusal("xor(1 2)")
        );
        for own in ["my.cipher(7, true, [0x20, k])", "my_cipher"] {
            let said = refusal(own);
            assert!(
                said.contains("would need a program of its own") && said.contains("remove 'process'"),
                "{said}"
            );
        }
    }
}
