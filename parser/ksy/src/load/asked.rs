//! The sizes that expressions ask for: `sizeof<…>` and `_sizeof`. Once every expression is compiled, those that are the same
//! in every message become numbers, which may decide other sizes; the others are found while a message is read.

use crate::error::Place;
use crate::expr::{Ast, AstNode, TypeName};
use crate::load::infer::types::{Ty, builtin};
use crate::load::sizes::Sizes;
use crate::load::{Context, Loader};
use crate::plan::{Node, NodeId, TypeId, Unit, Val};

/// An expression that asks for a size.
pub(super) struct Question {
    node: NodeId,
    about: Asked,
    unit: Unit,
    /// What to report if the size is not the same in every message; none where a message shows it.
    otherwise: Option<(Place, String)>,
}

/// What a size is asked of.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    Type(TypeId),
    /// The field in this slot of a type, with all its items.
    Field(TypeId, u16),
    /// One item of it.
    Item(TypeId, u16),
}

impl Loader {
    /// Asks for a size in place of the node that is compiled next.
    pub(super) fn ask_size(&mut self, about: Asked, unit: Unit, otherwise: Option<(Place, String)>) {
        let node = NodeId::at(self.plan.expressions.nodes.len());
        self.asked.push(Question { node, about, unit, otherwise });
    }

    /// `sizeof<T>`.
    pub(super) fn size_of_type(&mut self, target: &TypeName, unit: Unit, at: u32, context: &Context) -> Node {
        let place = context.place.right(at as usize);
        let plain = match target.path.as_slice() {
            [single] if builtin(single).is_some() => Some(built_in_bits(single)),
            _ => None,
        };
        let written = target.written();
        let otherwise = format!(
            "values of the type '{written}' have no fixed size: ask a field for its own, as in 'field._sizeof'"
        );
        match plain {
            Some(Some(bits)) => return Node::Const(Val::Int(unit.of_bits(bits).into())),
            Some(None) => self.report(place, otherwise),
            None => match self.find_type(target, context.current, place) {
                Some(id) => {
                    self.ask_size(Asked::Type(id), unit, Some((place, otherwise)));
                    return Node::SizeOf(None, unit);
                }
                None => self.unknown_type(target, context.current, place),
            },
        }
        Node::Const(Val::Null)
    }

    /// `of._sizeof`.
    pub(super) fn size_of_value(&mut self, of: &Ast, unit: Unit, at: u32, context: &Context) -> Node {
        let place = context.place.right(at as usize);
        if let AstNode::Cast(_, target) = &of.node {
            let is_built_in = matches!(target.path.as_slice(), [single] if builtin(single).is_some());
            if is_built_in {
                return self.size_of_type(target, unit, at, context);
            }
        }
        let about = self.asked_about(of, context);
        let node = self.compile(of, context);
        match about {
            Some(about) => self.ask_size(about, unit, None),
            None if self.has_bytes(of, context) => {}
            None => {
                self.report(place, "only what is read from bytes has a size, and this is computed");
                return Node::Const(Val::Null);
            }
        }
        Node::SizeOf(Some(node), unit)
    }

    /// The field or structure that an expression names.
    fn asked_about(&mut self, of: &Ast, context: &Context) -> Option<Asked> {
        let structure = |ty| match ty {
            Ty::Obj(id) => Some(Asked::Type(id)),
            _ => None,
        };
        match &of.node {
            AstNode::Name(name) if name.starts_with('_') => structure(self.infer(of, context)),
            AstNode::Name(name) => self.asked_field(context.current, name, of, context),
            AstNode::Member(owner, name) if !name.starts_with('_') => match self.infer(owner, context) {
                Ty::Obj(id) => self.asked_field(id, name, of, context),
                _ => None,
            },
            AstNode::Index(list, _) => match self.asked_about(list, context)? {
                Asked::Field(id, slot) => Some(Asked::Item(id, slot)),
                _ => None,
            },
            _ => structure(self.infer(of, context)),
        }
    }

    fn asked_field(&mut self, owner: TypeId, name: &str, of: &Ast, context: &Context) -> Option<Asked> {
        let slot = self.plan.type_of(owner).slot(self.plan.symbol(name)?)?;
        let is_read =
            self.plan.type_of(owner).attr(slot).is_some_and(|attr| !self.is_computed(owner, attr.slot));
        match self.infer(of, context) {
            _ if is_read => Some(Asked::Field(owner, slot)),
            Ty::Obj(id) => Some(Asked::Type(id)),
            _ => None,
        }
    }

    fn is_computed(&self, owner: TypeId, slot: u16) -> bool {
        self.declared(owner).is_some_and(|declared| declared.values.contains_key(&slot))
    }

    /// Whether a value may be read from bytes, as far as its kind shows.
    fn has_bytes(&mut self, of: &Ast, context: &Context) -> bool {
        self.is_query || matches!(self.infer(of, context), Ty::Unknown | Ty::Obj(_))
    }

    /// Puts the sizes that are the same in every message in place of the questions for them. Each may decide others.
    pub(super) fn answer_sizes(&mut self) {
        loop {
            self.compute_constants();
            let mut sizes = Sizes::where_all_is_present(&self.plan);
            let mut size_of = |about| match about {
                Asked::Type(id) => sizes.type_of(id, 0),
                Asked::Field(id, slot) => sizes.attr(self.plan.type_of(id).attr(slot)?, 0),
                Asked::Item(id, slot) => sizes.item(self.plan.type_of(id).attr(slot)?, 0),
            };
            let answers: Vec<Option<u64>> =
                self.asked.iter().map(|question| size_of(question.about)).collect();
            let before = self.asked.len();
            let mut open = Vec::new();
            for (question, bits) in std::mem::take(&mut self.asked).into_iter().zip(answers) {
                let node = self.plan.expressions.nodes.get_mut(question.node.index());
                match (bits, node) {
                    (Some(bits), Some(node)) => {
                        *node = Node::Const(Val::Int(question.unit.of_bits(bits).into()))
                    }
                    _ => open.push(question),
                }
            }
            if open.is_empty() || open.len() == before {
                for (place, text) in open.into_iter().filter_map(|question| question.otherwise) {
                    self.report(place, text);
                }
                self.compute_constants();
                return;
            }
            self.asked = open;
        }
    }

    /// Replaces arithmetic on constants by its result. An expression comes after its operands.
    fn compute_constants(&mut self) {
        let nodes = &mut self.plan.expressions.nodes;
        for at in 0..nodes.len() {
            let number = |id: NodeId| match nodes.get(id.index()) {
                Some(Node::Const(Val::Int(n))) => Some(*n),
                _ => None,
            };
            let result = match nodes.get(at) {
                Some(Node::Binary(operator, left, right)) => {
                    number(*left).zip(number(*right)).and_then(|(a, b)| operator.of_integers(a, b))
                }
                Some(Node::Unary(operator, of)) => number(*of).and_then(|n| operator.of_integer(n)),
                _ => None,
            };
            if let (Some(result), Some(node)) = (result, nodes.get_mut(at)) {
                *node = Node::Const(Val::Int(result));
            }
        }
    }
}

/// The size in bits of a built-in type; none if it has no fixed size.
fn built_in_bits(name: &str) -> Option<u64> {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    Some(if name.starts_with('b') { number } else { number * 8 })
}

#[cfg(test)]
mod tests {
    use crate::format::Format;
    use crate::load::testing::{described, field, loaded, refused};

    const BLOCK: &str = "types: {block: {seq: [{id: a, type: u1}, {id: b, type: u4}, {id: c, size: 2 * 1}]}, line: {seq: [{id: s, type: strz}]}}";

    #[test]
    fn sizes_that_are_always_the_same_are_numbers_wherever_the_type_is_declared() {
        let seq = "{id: block, type: block, size: 12}, {id: n, type: u1, if: n2 == 1}, {id: n2, type: u1}, {id: rest, size: 'block._sizeof - sizeof<block> + sizeof<b9>'}";
        let (plan, _) = loaded(seq, BLOCK);
        assert_eq!(field(&plan, "rest").fixed_bits, Some(8 * (12 - 7 + 2)));
        let format = Format::from_ksy(&described(seq, BLOCK)).unwrap();
        let mut message = format.read(&[1; 21]);
        assert_eq!(message.eval("_sizeof").unwrap(), 12 + 1 + 1 + 7, "a field with a condition counts");
        assert_eq!(message.eval("block.c._sizeof").unwrap(), 2);
        assert_eq!(message.eval("block.b._bitsizeof").unwrap(), 32);
    }

    #[test]
    fn other_sizes_are_those_of_the_message() {
        let seq = "{id: line, type: line}, {id: many, type: line, repeat: expr, repeat-expr: 2}, {id: rest, size: 8 - line._sizeof}";
        let more = format!("{BLOCK}\ninstances: {{same: {{value: line}}, all: {{value: _sizeof}}}}");
        let format = Format::from_ksy(&described(seq, &more)).unwrap();
        let mut message = format.read(b"abc\0d\0ef\0____");
        assert!(message.error().is_none(), "{:?}", message.error());
        for (text, expected) in [
            ("line._sizeof", 4),
            ("line.s._sizeof", 4),
            ("many._sizeof", 5),
            ("many[1]._sizeof", 3),
            ("many.last._sizeof", 3),
            ("same._sizeof", 4),
            ("rest._bitsizeof", 32),
            ("all", 13),
        ] {
            assert_eq!(message.eval(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_size_is_refused() {
        let seq = |size: &str| format!("{{id: line, type: line}}, {{id: rest, size: '{size}'}}");
        let type_size = refused(&seq("sizeof<line>"), BLOCK);
        assert!(type_size.starts_with("values of the type 'line' have no fixed size"), "{type_size}");
        assert!(refused(&seq("sizeof<str>"), BLOCK).starts_with("values of the type 'str'"));
        assert!(refused(&seq("(1 + 2)._sizeof"), BLOCK).starts_with("only what is read from bytes"));
        let computed = format!("{BLOCK}\ninstances: {{n: {{value: 1 + 2}}}}");
        assert!(refused(&seq("n._sizeof"), &computed).starts_with("only what is read from bytes"));
    }
}
