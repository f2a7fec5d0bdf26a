//! Compiles expressions over the values that were read.

use crate::expr::{Binary, Unary};
use crate::plan::{Cast, Method, Node, NodeId, Nodes, Val};
use crate::program::compile::{Compiler, DEEPEST, MOST_WORK};
use crate::program::step::{Arg, Kind, Step, Stream, Term};

impl Compiler<'_> {
    /// An expression whose value is a number.
    pub(super) fn number(&mut self, node: NodeId, frame: usize) -> Option<Arg> {
        let (arg, kind) = self.expression(node, frame, 0)?;
        matches!(kind, Kind::Int | Kind::Enum(_)).then_some(arg)
    }

    /// An expression, and the kind of its value.
    pub(super) fn expression(&mut self, node: NodeId, frame: usize, depth: u32) -> Option<(Arg, Kind)> {
        // Instances that use each other twice would be expanded exponentially.
        self.work += 1;
        if depth > DEEPEST || self.work > MOST_WORK {
            return None;
        }
        let depth = depth + 1;
        match *self.plan.expressions.node(node) {
            Node::Const(val) => self.literal(val),
            Node::Slot(slot) => self.value(frame, slot, depth),
            Node::Element => {
                let element = self.element?;
                Some((self.stored(element)?, element.kind))
            }
            Node::Index => {
                let index = self.frame(frame)?.index?;
                Some((Arg(index), Kind::Int))
            }
            Node::IsLe => {
                let le = self.frame(frame)?.le?;
                Some((self.constant(le.into())?, Kind::Bool))
            }
            Node::Member(of, sym) => {
                if let Some(inner) = self.part(of, frame, depth) {
                    let slot = self.plan.type_of(self.frame(inner)?.ty).slot(sym)?;
                    return self.value(inner, slot, depth);
                }
                self.method(of, Method::of(sym)?, frame, depth)
            }
            Node::Call(of, Method::ToI, arguments) if arguments.length == 1 => {
                let [radix] = self.plan.expressions.list(arguments) else { return None };
                let radix = self.plan.expressions.constant(*radix)?;
                let (of, Kind::Text) = self.expression(of, frame, depth)? else { return None };
                let radix = u8::try_from(radix).ok().filter(|radix| (2..=36).contains(radix))?;
                Some((self.term(Term::Parsed(of, radix))?, Kind::Int))
            }
            Node::Call(of, method, Nodes { length: 0, .. }) => self.method(of, method, frame, depth),
            Node::Item(of, at) => {
                let (of, Kind::Bytes) = self.expression(of, frame, depth)? else { return None };
                let (at, Kind::Int) = self.expression(at, frame, depth)? else { return None };
                Some((self.term(Term::Byte(of, at))?, Kind::Int))
            }
            Node::Cast(of, Cast::Same) => self.expression(of, frame, depth),
            Node::Unary(operator, of) => {
                let (of, kind) = self.expression(of, frame, depth)?;
                let (term, gives) = match (operator, kind) {
                    (Unary::Not, Kind::Bool) => (Term::Not(of), Kind::Bool),
                    (Unary::Minus, Kind::Int) => (Term::Minus(of), Kind::Int),
                    (Unary::Minus, Kind::Float) => (Term::FloatMinus(of), Kind::Float),
                    (Unary::Invert, Kind::Int) => (Term::Invert(of), Kind::Int),
                    _ => return None,
                };
                Some((self.term(term)?, gives))
            }
            Node::Binary(operator, left, right) => {
                let left = self.expression(left, frame, depth)?;
                let right = self.expression(right, frame, depth)?;
                self.binary(operator, left, right)
            }
            Node::Ternary(condition, then, otherwise) => {
                let (condition, Kind::Bool) = self.expression(condition, frame, depth)? else { return None };
                let (then, a) = self.expression(then, frame, depth)?;
                let (otherwise, b) = self.expression(otherwise, frame, depth)?;
                (a == b).then_some(())?;
                Some((self.term(Term::Choice(condition, then, otherwise))?, a))
            }
            _ => None,
        }
    }

    fn literal(&mut self, val: Val) -> Option<(Arg, Kind)> {
        let (n, kind) = match val {
            Val::Int(n) => (i64::try_from(n).ok()?, Kind::Int),
            Val::Bool(b) => (i64::from(b), Kind::Bool),
            Val::Enum(of, n) => (i64::try_from(n).ok()?, Kind::Enum(of)),
            Val::Float(n) => (n.to_bits().cast_signed(), Kind::Float),
            Val::Str(span) => {
                return Some((self.constant_text(span.start as usize, span.end as usize)?, Kind::Text));
            }
            Val::Bytes(span) => {
                return Some((self.constant_text(span.start as usize, span.end as usize)?, Kind::Bytes));
            }
            _ => return None,
        };
        Some((self.constant(n)?, kind))
    }

    fn method(&mut self, of: NodeId, method: Method, frame: usize, depth: u32) -> Option<(Arg, Kind)> {
        if let Some(io) = self.stream(of, frame) {
            let what = match method {
                Method::Pos => Stream::Pos,
                Method::Size => Stream::Size,
                Method::Eof => Stream::Eof,
                _ => return None,
            };
            // Only the part that is being read is known.
            (io == self.window).then_some(())?;
            let to = self.register()?;
            self.push(Step::Stream { what, to })?;
            return Some((Arg(to), if what == Stream::Eof { Kind::Bool } else { Kind::Int }));
        }
        let (of, kind) = self.expression(of, frame, depth)?;
        let (term, gives) = match (method, kind) {
            (Method::ToI, kind) if kind.is_plain() => return Some((of, Kind::Int)),
            (Method::ToI, Kind::Float) => (Term::Truncated(of), Kind::Int),
            (Method::ToI, Kind::Text) => (Term::Parsed(of, 10), Kind::Int),
            (Method::Length, Kind::Text) => (Term::Characters(of), Kind::Int),
            (Method::Length | Method::Size, Kind::Bytes) => (Term::Length(of), Kind::Int),
            (Method::ToS, Kind::Text) => return Some((of, Kind::Text)),
            (Method::ToS, Kind::Bytes) => (Term::Text(of), Kind::Text),
            (Method::First, Kind::Bytes) => (Term::Byte(of, self.constant(0)?), Kind::Int),
            _ => return None,
        };
        Some((self.term(term)?, gives))
    }

    /// The part whose stream an expression is.
    fn stream(&self, node: NodeId, frame: usize) -> Option<u32> {
        match *self.plan.expressions.node(node) {
            Node::Io => Some(self.frame(frame)?.window),
            Node::Member(of, sym) if self.plan.name(sym) == "_io" => {
                Some(self.frame(self.part(of, frame, 0)?)?.window)
            }
            _ => None,
        }
    }

    /// An operator on two values.
    fn binary(&mut self, operator: Binary, left: (Arg, Kind), right: (Arg, Kind)) -> Option<(Arg, Kind)> {
        let is_comparison = matches!(
            operator,
            Binary::Equal
                | Binary::NotEqual
                | Binary::Less
                | Binary::LessEqual
                | Binary::Greater
                | Binary::GreaterEqual
        );
        if is_comparison {
            return Some((self.compared(operator, left, right)?, Kind::Bool));
        }
        let gives = match (operator, left.1, right.1) {
            (Binary::And | Binary::Or, Kind::Bool, Kind::Bool) => Kind::Bool,
            (Binary::And | Binary::Or, ..) => return None,
            (_, Kind::Int, Kind::Int) => Kind::Int,
            (
                Binary::Plus | Binary::Minus | Binary::Times | Binary::Divide | Binary::Modulo,
                Kind::Int | Kind::Float,
                Kind::Int | Kind::Float,
            ) => return self.floats(operator, left, right),
            _ => return None,
        };
        Some((self.binary_term(operator, left.0, right.0)?, gives))
    }

    fn binary_term(&mut self, operator: Binary, left: Arg, right: Arg) -> Option<Arg> {
        if !matches!(operator, Binary::And | Binary::Or)
            && left.as_term().is_none()
            && let Some(Term::Constant(n)) = right.as_term().and_then(|at| self.program.terms.get(at))
        {
            let n = *n;
            return self.term(Term::Short(operator, left.0, n));
        }
        self.term(Term::Binary(operator, left, right))
    }

    fn floats(&mut self, operator: Binary, left: (Arg, Kind), right: (Arg, Kind)) -> Option<(Arg, Kind)> {
        let mut float = |(arg, kind)| match kind {
            Kind::Float => Some(arg),
            _ => self.term(Term::AsFloat(arg)),
        };
        let (left, right) = (float(left)?, float(right)?);
        Some((self.term(Term::Float(operator, left, right))?, Kind::Float))
    }

    /// A comparison of two values.
    pub(super) fn compared(
        &mut self,
        operator: Binary,
        left: (Arg, Kind),
        right: (Arg, Kind),
    ) -> Option<Arg> {
        match (left.1, right.1) {
            // Members of different enums differ, whatever their numbers.
            (Kind::Enum(a), Kind::Enum(b)) if a != b => None,
            (Kind::Enum(_), Kind::Bool) | (Kind::Bool, Kind::Enum(_)) => None,
            (a, b) if a.is_plain() && b.is_plain() => self.binary_term(operator, left.0, right.0),
            (Kind::Text | Kind::Bytes, Kind::Text | Kind::Bytes) => {
                self.term(Term::Compare(operator, left.0, right.0))
            }
            (Kind::Int | Kind::Float, Kind::Int | Kind::Float) => {
                self.floats(operator, left, right).map(|(arg, _)| arg)
            }
            _ => None,
        }
    }

    /// A structure that is being read, or was.
    pub(super) fn part(&self, node: NodeId, frame: usize, depth: u32) -> Option<usize> {
        if depth > DEEPEST {
            return None;
        }
        match *self.plan.expressions.node(node) {
            Node::Root => Some(self.frame(frame)?.root),
            Node::Parent => self.frame(frame)?.around,
            Node::Slot(slot) => self.part_in(frame, slot, depth),
            Node::Element => self.element_part,
            Node::Cast(of, Cast::Same) => self.part(of, frame, depth + 1),
            Node::Member(of, sym) => {
                let inner = self.part(of, frame, depth + 1)?;
                match self.plan.name(sym) {
                    "_parent" => self.frame(inner)?.around,
                    "_root" => Some(self.frame(inner)?.root),
                    _ => self.part_in(inner, self.plan.type_of(self.frame(inner)?.ty).slot(sym)?, depth),
                }
            }
            _ => None,
        }
    }

    fn part_in(&self, frame: usize, slot: u16, depth: u32) -> Option<usize> {
        let found = self.frame(frame)?;
        let ty = self.plan.type_of(found.ty);
        if slot < ty.parameters {
            return self.part(*found.arguments.get(usize::from(slot))?, found.caller, depth + 1);
        }
        if let Some(&part) = found.parts.get(&slot) {
            return Some(part);
        }
        let attr = ty.attr(slot).filter(|attr| ty.is_instance(slot) && attr.condition.is_none())?;
        self.part(attr.value?, frame, depth + 1)
    }

    /// A parameter, a field that was read, or an instance.
    fn value(&mut self, frame: usize, slot: u16, depth: u32) -> Option<(Arg, Kind)> {
        let plan = self.plan;
        let found = self.frame(frame)?;
        let ty = plan.type_of(found.ty);
        if slot < ty.parameters {
            let (argument, caller) = (*found.arguments.get(usize::from(slot))?, found.caller);
            return self.expression(argument, caller, depth);
        }
        if let Some(&stored) = found.fields.get(&slot) {
            return Some((self.stored(stored)?, stored.kind));
        }
        let attr = ty.attr(slot).filter(|_| ty.is_instance(slot))?;
        let Some(value) = attr.value else {
            let stored = self.read_early(frame, attr)?;
            return Some((self.stored(stored)?, stored.kind));
        };
        if attr.condition.is_some() || attr.valid.is_some() {
            return None;
        }
        let element = (self.element.take(), self.element_part.take());
        let found = self.expression(value, frame, depth);
        (self.element, self.element_part) = element;
        let (arg, kind) = found?;
        Some(match (attr.enumeration, kind) {
            (Some(of), Kind::Int | Kind::Bool) => (arg, Kind::Enum(of)),
            _ => (arg, kind),
        })
    }
}
