//! Evaluates what most expressions are: whole numbers, booleans and members of enums, compared and added up. What is
//! anything else, or does not fit, is left to the thorough way, which gives the same and says what is wrong.

use crate::expr::{Binary, Unary};
use crate::plan::{Cast, Method, Node, NodeId, Sym, Val};
use crate::plan::{EnumId, ObjectId};
use crate::run::arena::State;
use crate::run::{Run, Scope};

/// A value that fits in two registers, or [`Quick::NOTHING`]: an `Option` around it would not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quick {
    /// What it is: [`INT`], [`BOOL`], or [`ENUM`] and the number of the enum added to it.
    tag: u64,
    n: i64,
}

const INT: u64 = 1;
const BOOL: u64 = 2;
const ENUM: u64 = 3;

impl Quick {
    /// No value of the plain kind.
    pub(crate) const NOTHING: Quick = Quick { tag: 0, n: 0 };

    #[inline]
    fn int(n: Option<i64>) -> Quick {
        n.map_or(Quick::NOTHING, |n| Quick { tag: INT, n })
    }

    #[inline]
    fn bool(b: bool) -> Quick {
        Quick { tag: BOOL, n: b.into() }
    }

    /// A number, of an enum if it is one's.
    #[inline]
    pub(crate) fn number(enumeration: Option<EnumId>, n: i128) -> Quick {
        let tag = enumeration.map_or(INT, |of| ENUM + of.index() as u64);
        i64::try_from(n).map_or(Quick::NOTHING, |n| Quick { tag, n })
    }

    #[inline]
    pub(crate) fn of(val: &Val) -> Quick {
        match *val {
            Val::Int(n) => Quick::number(None, n),
            Val::Bool(b) => Quick::bool(b),
            Val::Enum(of, n) => Quick::number(Some(of), n),
            _ => Quick::NOTHING,
        }
    }

    #[inline]
    pub(crate) fn is_something(self) -> bool {
        self.tag != 0
    }

    /// As [`Run::equal`](super::Run) has it: members of different enums differ, whatever their numbers.
    #[inline]
    pub(crate) fn equals(self, other: Quick) -> bool {
        self.n == other.n && (self.tag < ENUM || other.tag < ENUM || self.tag == other.tag)
    }

    #[inline]
    pub(crate) fn less(self, other: Quick) -> bool {
        self.n < other.n
    }

    #[inline]
    pub(crate) fn as_bool(self) -> Option<bool> {
        (self.tag == BOOL).then_some(self.n != 0)
    }

    /// The number of a whole number or of an enum's member.
    #[inline]
    pub(crate) fn as_number(self) -> Option<i64> {
        (self.tag == INT || self.tag >= ENUM).then_some(self.n)
    }
}

/// What an expression is evaluated for. The value of `_` comes in registers: what was stored a moment ago is slow to read.
pub(super) struct Here<'s> {
    scope: &'s Scope,
    element: Quick,
}

impl Run<'_, '_> {
    /// The value of a constant.
    #[inline]
    pub(crate) fn quick_constant(&self, node: NodeId) -> Quick {
        match self.plan.expressions.node(node) {
            Node::Const(val) => Quick::of(val),
            _ => Quick::NOTHING,
        }
    }

    /// The value of an expression, if it is of the plain kind and all that it asks for is known already.
    #[inline]
    pub(crate) fn quick(&self, node: NodeId, scope: &Scope) -> Quick {
        self.operand(node, &Here { scope, element: Quick::NOTHING })
    }

    /// The same where `_` is a value that is at hand.
    #[inline]
    pub(crate) fn quick_with(&self, node: NodeId, scope: &Scope, element: Quick) -> Quick {
        self.operand(node, &Here { scope, element })
    }

    /// An operand, which mostly is a field or a constant.
    #[inline(always)]
    fn operand(&self, node: NodeId, here: &Here<'_>) -> Quick {
        match self.plan.expressions.node(node) {
            Node::Const(val) => Quick::of(val),
            Node::Slot(slot) => self.quick_slot(here.scope.object, *slot),
            found => self.quick_of(found, here),
        }
    }

    fn quick_of(&self, node: &Node, here: &Here<'_>) -> Quick {
        match node {
            Node::Element if here.element.is_something() => here.element,
            Node::Element => Quick::of(&here.scope.element),
            Node::Index => Quick::int(here.scope.index.map(i64::from)),
            Node::Member(of, sym) => match self.quick_object(*of, here) {
                Some(object) => self.quick_member(object, *sym),
                None if Method::of(*sym) == Some(Method::ToI) => self.quick_to_i(*of, here),
                None => Quick::NOTHING,
            },
            Node::Call(of, Method::ToI, arguments) if arguments.length == 0 => self.quick_to_i(*of, here),
            Node::Cast(of, Cast::Same) => self.operand(*of, here),
            Node::Unary(operator, of) => {
                let of = self.operand(*of, here);
                match (operator, of.tag) {
                    (Unary::Not, BOOL) => Quick::bool(of.n == 0),
                    (Unary::Minus, INT) => Quick::int(of.n.checked_neg()),
                    (Unary::Invert, INT) => Quick::int(Some(!of.n)),
                    _ => Quick::NOTHING,
                }
            }
            Node::Binary(operator, left, right) => self.quick_binary(*operator, *left, *right, here),
            Node::Ternary(condition, then, otherwise) => match self.operand(*condition, here).as_bool() {
                Some(holds) => self.operand(if holds { *then } else { *otherwise }, here),
                None => Quick::NOTHING,
            },
            _ => Quick::NOTHING,
        }
    }

    #[inline]
    fn quick_slot(&self, object: ObjectId, slot: u16) -> Quick {
        let stored = self.arena.slot(object, slot);
        if stored.state == State::Done { Quick::of(&stored.val) } else { Quick::NOTHING }
    }

    fn quick_member(&self, object: ObjectId, sym: Sym) -> Quick {
        match self.plan.type_of(self.arena.object(object).ty).slot(sym) {
            Some(slot) => self.quick_slot(object, slot),
            None => Quick::NOTHING,
        }
    }

    fn quick_to_i(&self, of: NodeId, here: &Here<'_>) -> Quick {
        let of = self.operand(of, here);
        if of.is_something() { Quick::int(Some(of.n)) } else { of }
    }

    /// The structure that an expression names.
    fn quick_object(&self, node: NodeId, here: &Here<'_>) -> Option<ObjectId> {
        let stored = |object: ObjectId, slot: u16| match self.arena.slot(object, slot).val {
            Val::Obj(id) => Some(id),
            _ => None,
        };
        let object = here.scope.object;
        match self.plan.expressions.node(node) {
            Node::Root => Some(self.arena.object(object).root),
            Node::Parent => Some(self.arena.object(object).parent).filter(|parent| *parent != ObjectId::NONE),
            Node::Slot(slot) => stored(object, *slot),
            Node::Element => match here.scope.element {
                Val::Obj(id) => Some(id),
                _ => None,
            },
            Node::Member(of, sym) => {
                let object = self.quick_object(*of, here)?;
                let slot = self.plan.type_of(self.arena.object(object).ty).slot(*sym)?;
                stored(object, slot)
            }
            _ => None,
        }
    }

    fn quick_binary(&self, operator: Binary, left: NodeId, right: NodeId, here: &Here<'_>) -> Quick {
        let left = self.operand(left, here);
        match (operator, left.as_bool()) {
            (Binary::And, Some(false)) | (Binary::Or, Some(true)) => return left,
            (Binary::And | Binary::Or, None) => return Quick::NOTHING,
            _ => {}
        }
        let right = self.operand(right, here);
        if !left.is_something() || !right.is_something() {
            return Quick::NOTHING;
        }
        match operator {
            Binary::And | Binary::Or => return if right.tag == BOOL { right } else { Quick::NOTHING },
            Binary::Equal => return Quick::bool(left.equals(right)),
            Binary::NotEqual => return Quick::bool(!left.equals(right)),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                return Quick::bool(operator.of_plain(left.n, right.n) == Some(1));
            }
            _ => {}
        }
        match left.tag == INT && right.tag == INT {
            true => Quick::int(operator.of_plain(left.n, right.n)),
            false => Quick::NOTHING,
        }
    }
}
