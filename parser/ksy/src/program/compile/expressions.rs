//! Compiles expressions over the fields that were read.

use crate::expr::{Binary, Unary};
use crate::plan::{Cast, Method, Node, NodeId, Val};
use crate::program::compile::{Compiler, DEEPEST, MOST_WORK};
use crate::program::{Kind, Term};

impl Compiler<'_> {
    /// An expression as a term, and the kind of its value.
    pub(super) fn expression(&mut self, node: NodeId, frame: usize, depth: u32) -> Option<(u16, Kind)> {
        // Instances that use each other twice would be expanded exponentially.
        self.work += 1;
        if depth > DEEPEST || self.work > MOST_WORK {
            return None;
        }
        let plan = self.plan;
        let depth = depth + 1;
        match plan.expressions.node(node) {
            Node::Const(val) => {
                let (n, kind) = match val {
                    Val::Int(n) => (i64::try_from(*n).ok()?, Kind::Int),
                    Val::Bool(b) => (i64::from(*b), Kind::Bool),
                    Val::Enum(of, n) => (i64::try_from(*n).ok()?, Kind::Enum(*of)),
                    _ => return None,
                };
                Some((self.term(Term::Constant(n))?, kind))
            }
            Node::Slot(slot) => self.value(frame, *slot, depth),
            Node::Element => {
                let (register, kind) = self.element?;
                Some((self.term(Term::Register(register))?, kind))
            }
            Node::Member(of, sym) => match self.part(*of, frame, depth) {
                Some(inner) => {
                    let slot = plan.type_of(self.frames.get(inner)?.ty).slot(*sym)?;
                    self.value(inner, slot, depth)
                }
                None if Method::of(*sym) == Some(Method::ToI) => {
                    Some((self.expression(*of, frame, depth)?.0, Kind::Int))
                }
                None => None,
            },
            Node::Call(of, Method::ToI, arguments) if arguments.length == 0 => {
                Some((self.expression(*of, frame, depth)?.0, Kind::Int))
            }
            Node::Cast(of, Cast::Same) => self.expression(*of, frame, depth),
            Node::Unary(operator, of) => {
                let (of, kind) = self.expression(*of, frame, depth)?;
                let (term, gives) = match (operator, kind) {
                    (Unary::Not, Kind::Bool) => (Term::Not(of), Kind::Bool),
                    (Unary::Minus, Kind::Int) => (Term::Minus(of), Kind::Int),
                    (Unary::Invert, Kind::Int) => (Term::Invert(of), Kind::Int),
                    _ => return None,
                };
                Some((self.term(term)?, gives))
            }
            Node::Binary(operator, left, right) => {
                let (left, a) = self.expression(*left, frame, depth)?;
                let (right, b) = self.expression(*right, frame, depth)?;
                let gives = match operator {
                    Binary::And | Binary::Or if a == Kind::Bool && b == Kind::Bool => Kind::Bool,
                    Binary::And | Binary::Or => return None,
                    Binary::Equal
                    | Binary::NotEqual
                    | Binary::Less
                    | Binary::LessEqual
                    | Binary::Greater
                    | Binary::GreaterEqual => match (a, b) {
                        (Kind::Enum(a), Kind::Enum(b)) if a != b => return None,
                        (Kind::Enum(_), Kind::Bool) | (Kind::Bool, Kind::Enum(_)) => return None,
                        _ => Kind::Bool,
                    },
                    _ if a == Kind::Int && b == Kind::Int => Kind::Int,
                    _ => return None,
                };
                Some((self.term(Term::Binary(*operator, left, right))?, gives))
            }
            Node::Ternary(condition, then, otherwise) => {
                let (condition, Kind::Bool) = self.expression(*condition, frame, depth)? else { return None };
                let (then, a) = self.expression(*then, frame, depth)?;
                let (otherwise, b) = self.expression(*otherwise, frame, depth)?;
                (a == b).then_some(())?;
                Some((self.term(Term::Choice(condition, then, otherwise))?, a))
            }
            _ => None,
        }
    }

    /// A structure that was compiled already.
    fn part(&self, node: NodeId, frame: usize, depth: u32) -> Option<usize> {
        if depth > DEEPEST {
            return None;
        }
        match self.plan.expressions.node(node) {
            Node::Root => Some(self.frames.get(frame)?.root),
            Node::Parent => self.frames.get(frame)?.around,
            Node::Slot(slot) => self.frames.get(frame)?.parts.get(slot).copied(),
            Node::Member(of, sym) => {
                let inner = self.part(*of, frame, depth + 1)?;
                let found = self.frames.get(inner)?;
                found.parts.get(&self.plan.type_of(found.ty).slot(*sym)?).copied()
            }
            _ => None,
        }
    }

    /// A parameter, a field that was read, or a computed instance.
    fn value(&mut self, frame: usize, slot: u16, depth: u32) -> Option<(u16, Kind)> {
        let found = self.frames.get(frame)?;
        let ty = self.plan.type_of(found.ty);
        if slot < ty.parameters {
            let (argument, caller) = (*found.arguments.get(usize::from(slot))?, found.caller);
            return self.expression(argument, caller, depth);
        }
        if let Some(&(register, kind)) = found.fields.get(&slot) {
            return Some((self.term(Term::Register(register))?, kind));
        }
        let attr = ty.attr(slot).filter(|_| ty.is_instance(slot))?;
        let value = attr.value.filter(|_| attr.condition.is_none() && attr.valid.is_none())?;
        let element = self.element.take();
        let found = self.expression(value, frame, depth);
        self.element = element;
        let (term, kind) = found?;
        Some((term, attr.enumeration.map_or(kind, Kind::Enum)))
    }
}
