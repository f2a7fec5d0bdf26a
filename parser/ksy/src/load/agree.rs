//! Kinds of values that must agree: a field and what is `valid` for it, a value and the cases of its switch, parameters and
//! their arguments, an enum and its number.

use crate::error::Place;
use crate::load::infer::text_place;
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{Attr, NodeId, Repeat, TypeId};
use crate::yaml::Node;

/// The keys of an instance that is computed.
const COMPUTED_KEYS: [&str; 7] = ["value", "doc", "doc-ref", "enum", "if", "valid", "id"];

impl Loader {
    /// Compiles a value that is compared with others of a kind.
    pub(super) fn compared(&mut self, node: &Node, with: &Ty, context: &Context) -> Option<NodeId> {
        let (ast, place) = self.expression(node)?;
        let context = Context { place, ..context.clone() };
        let ty = self.infer(&ast, &context);
        if !ty.is_like(with) {
            let (one, other) = (with.what(self), ty.what(self));
            self.report(place, format!("{one} is never equal to {other}"));
        }
        Some(self.compile(&ast, &context))
    }

    /// The kind of a value that decides between cases.
    pub(super) fn kind_of_switch(&mut self, node: Option<&Node>, context: &Context) -> Ty {
        // What is wrong in it is reported where it is compiled.
        let Some(Ok(ast)) = node.and_then(Node::text).map(crate::expr::parse) else { return Ty::Unknown };
        let mut found = Ty::Unknown;
        let before = self.diagnostics.len();
        found.clone_from(&self.infer(&ast, context));
        self.diagnostics.truncate(before);
        found
    }

    /// Checks an argument against the kind of its parameter.
    pub(super) fn argument(&mut self, of: TypeId, slot: u16, given: &Ty, place: Place) {
        let wanted = self.declared(of).and_then(|declared| declared.slots.get(usize::from(slot)).cloned());
        let wanted = wanted.unwrap_or(Ty::Unknown);
        let fits = given.is_like(&wanted) && !matches!((given, &wanted), (Ty::Float, Ty::Int));
        if !fits {
            let name = self.plan.type_of(of).parameter_names.get(usize::from(slot)).copied();
            let name = name.map_or(String::new(), |sym| self.plan.name(sym).to_owned());
            let (wanted, given) = (wanted.what(self), given.what(self));
            self.report(place, format!("the parameter '{name}' is {wanted}, not {given}"));
        }
    }

    /// Checks that what has an `enum` is a number.
    pub(super) fn numbered(&mut self, attr: &Attr, node: &Node, current: TypeId) {
        let Some(written) = node.get("enum").filter(|_| attr.enumeration.is_some()) else { return };
        let kind = match node.get("value") {
            None => self.shape_type(&attr.shape, None, Repeat::Once),
            Some(value) => self.kind_of_switch(Some(value), &Context::of(current, text_place(value))),
        };
        if !matches!(kind, Ty::Int | Ty::Bool | Ty::Enum(_) | Ty::Unknown) {
            let what = kind.what(self);
            self.report(written.place, format!("an enum gives names to whole numbers, and this is {what}"));
        }
    }

    /// Reports keys of a computed instance that are for what is read.
    pub(super) fn computed_keys(&mut self, node: &Node) {
        for (key, _) in node.map().unwrap_or_default() {
            let Some(name) = key.text() else { continue };
            if !name.starts_with('-') && !COMPUTED_KEYS.contains(&name) {
                self.report(
                    key.place,
                    format!("'{name}' has no meaning beside 'value': what is computed is not read"),
                );
            }
        }
    }

    /// Checks that a type's `to-string` is text.
    pub(super) fn text_of_a_type(&mut self, node: &Node, current: TypeId) {
        let Some(written) = node.get("to-string") else { return };
        let Some((ast, place)) = self.expression(written) else { return };
        let ty = self.infer(&ast, &Context::of(current, place));
        if !matches!(ty, Ty::Str | Ty::Unknown) {
            let what = ty.what(self);
            self.report(place, format!("'to-string' must be text, not {what}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{loaded, refused};

    #[test]
    fn what_is_never_equal_is_refused() {
        for (field, expected) in [
            ("type: u1, valid: '\"a\"'", "a whole number is never equal to text"),
            ("type: u1, valid: {any-of: [1, true]}", "a whole number is never equal to a boolean"),
            ("type: u1, valid: {min: '\"a\"'}", "a whole number is never equal to text"),
            ("type: u1, valid: '[1, 2]', repeat: eos", "a whole number is never equal to bytes"),
            ("type: {switch-on: n, cases: {'\"a\"': u1}}", "a whole number is never equal to text"),
            ("type: 'two(1, 2.5)'", "the parameter 'b' is a boolean, not a floating-point number"),
            ("size: 4, enum: e", "an enum gives names to whole numbers, and this is bytes"),
        ] {
            let seq = format!("{{id: n, type: u1}}, {{id: a, {field}}}");
            let more =
                "types: {two: {params: [{id: a, type: u4}, {id: b, type: bool}]}}\nenums: {e: {1: one}}";
            assert_eq!(refused(&seq, more), expected, "{field}");
        }
        loaded(
            "{id: n, type: u1, valid: 3}, {id: f, type: f4, valid: {max: 3}}, {id: b, size: 1, valid: '[1]'}",
            "",
        );
        loaded(
            "{id: b, type: b1, enum: e}",
            "enums: {e: {1: one}}\ninstances: {x: {value: b.to_i, enum: e}}",
        );
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        let instance = |keys: &str| refused("{id: n, type: u1}", &format!("instances: {{x: {{{keys}}}}}"));
        assert!(instance("value: 1, size: 2").starts_with("'size' has no meaning beside 'value'"));
        assert!(instance("value: 1, type: u1").starts_with("'type' has no meaning beside 'value'"));
        let more = "enums: {e: {1: one}}\ninstances: {x: {value: 1.5, enum: e}}";
        assert!(refused("{id: n, type: u1}", more).starts_with("an enum gives names to whole numbers"));
        assert!(refused("{id: n, type: u1}", "to-string: 1 + 2").starts_with("'to-string' must be text"));
        let repeat = |keys: &str| refused(&format!("{{id: n, type: u1, {keys}}}"), "");
        assert!(
            repeat("repeat: eos, repeat-until: _ == 1").starts_with("'repeat-until' needs 'repeat: until'")
        );
        assert!(
            repeat("repeat: until, repeat-until: _ == 1, repeat-expr: 2").starts_with("'repeat-expr' needs")
        );
    }
}
