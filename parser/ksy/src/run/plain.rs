//! Fast evaluation of the most common expressions: whole numbers, booleans and enum members, compared and added. For
//! anything else there is no result, and `eval` computes the same in full and reports faults.

use crate::expr::{Binary, Unary};
use crate::plan::{Cast, Method, Node, NodeId, Sym, Val};
use crate::plan::{EnumId, ObjectId};
use crate::run::arena::State;
use crate::run::{Run, Scope};

/// A value that fits in two registers, or [`Plain::NOTHING`]: an `Option` of it would not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// Its kind: [`INT`], [`BOOL`], or [`ENUM`] plus the number of the enum.
    tag: u64,
    n: i64,
}

const INT: u64 = 1;
const BOOL: u64 = 2;
const ENUM: u64 = 3;

impl Plain {
    /// No plain value.
    pub(crate) const NOTHING: Plain = Plain { tag: 0, n: 0 };

    #[inline]
    fn int(n: Option<i64>) -> Plain {
        n.map_or(Plain::NOTHING, |n| Plain { tag: INT, n })
    }

    #[inline]
    fn bool(b: bool) -> Plain {
        Plain { tag: BOOL, n: b.into() }
    }

    /// A number, or a member of an enum.
    #[inline]
    pub(crate) fn number(enumeration: Option<EnumId>, n: i128) -> Plain {
        let tag = enumeration.map_or(INT, |of| ENUM + of.index() as u64);
        i64::try_from(n).map_or(Plain::NOTHING, |n| Plain { tag, n })
    }

    #[inline]
    pub(crate) fn of(val: &Val) -> Plain {
        match *val {
            Val::Int(n) => Plain::number(None, n),
            Val::Bool(b) => Plain::bool(b),
            Val::Enum(of, n) => Plain::number(Some(of), n),
            _ => Plain::NOTHING,
        }
    }

    #[inline]
    pub(crate) fn is_something(self) -> bool {
        self.tag != 0
    }

    /// As [`Run::equal`](super::Run) does: members of different enums differ, whatever their numbers.
    #[inline]
    pub(crate) fn equals(self, other: Plain) -> bool {
        self.n == other.n && (self.tag < ENUM || other.tag < ENUM || self.tag == other.tag)
    }

    #[inline]
    pub(crate) fn less(self, other: Plain) -> bool {
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

/// The scope of an expression. The value of `_` is passed in registers, because what was just stored is slow to load.
pub(super) struct Here<'s> {
    scope: &'s Scope,
    element: Plain,
}

impl Run<'_, '_> {
    /// The value of a constant.
    #[inline]
    pub(crate) fn plain_constant(&self, node: NodeId) -> Plain {
        match self.plan.expressions.node(node) {
            Node::Const(val) => Plain::of(val),
            _ => Plain::NOTHING,
        }
    }

    /// The value of an expression, if it is plain and everything it uses is read already.
    #[inline]
    pub(crate) fn plain(&self, node: NodeId, scope: &Scope) -> Plain {
        self.operand(node, &Here { scope, element: Plain::NOTHING })
    }

    /// The same with a value for `_`.
    #[inline]
    pub(crate) fn plain_with(&self, node: NodeId, scope: &Scope, element: Plain) -> Plain {
        self.operand(node, &Here { scope, element })
    }

    /// An operand, usually a field or a constant.
    #[inline(always)]
    fn operand(&self, node: NodeId, here: &Here<'_>) -> Plain {
        match self.plan.expressions.node(node) {
            Node::Const(val) => Plain::of(val),
            Node::Slot(slot) => self.plain_slot(here.scope.object, *slot),
            found => self.plain_of(found, here),
        }
    }

    fn plain_of(&self, node: &Node, here: &Here<'_>) -> Plain {
        match node {
            Node::Element if here.element.is_something() => here.element,
            Node::Element => Plain::of(&here.scope.element),
            Node::Index => Plain::int(here.scope.index.map(i64::from)),
            Node::Member(of, sym) => match self.plain_object(*of, here) {
                Some(object) => self.plain_member(object, *sym),
                None if Method::of(*sym) == Some(Method::ToI) => self.plain_to_i(*of, here),
                None => Plain::NOTHING,
            },
            Node::Call(of, Method::ToI, arguments) if arguments.length == 0 => self.plain_to_i(*of, here),
            Node::Cast(of, Cast::Same) => self.operand(*of, here),
            Node::Unary(operator, of) => {
                let of = self.operand(*of, here);
                match (operator, of.tag) {
                    (Unary::Not, BOOL) => Plain::bool(of.n == 0),
                    (Unary::Minus, INT) => Plain::int(of.n.checked_neg()),
                    (Unary::Invert, INT) => Plain::int(Some(!of.n)),
                    _ => Plain::NOTHING,
                }
            }
            Node::Binary(operator, left, right) => self.plain_binary(*operator, *left, *right, here),
            Node::Ternary(condition, then, otherwise) => match self.operand(*condition, here).as_bool() {
                Some(holds) => self.operand(if holds { *then } else { *otherwise }, here),
                None => Plain::NOTHING,
            },
            _ => Plain::NOTHING,
        }
    }

    #[inline]
    fn plain_slot(&self, object: ObjectId, slot: u16) -> Plain {
        let stored = self.arena.slot(object, slot);
        if stored.state == State::Done { Plain::of(&stored.val) } else { Plain::NOTHING }
    }

    fn plain_member(&self, object: ObjectId, sym: Sym) -> Plain {
        match self.plan.type_of(self.arena.object(object).ty).slot(sym) {
            Some(slot) => self.plain_slot(object, slot),
            None => Plain::NOTHING,
        }
    }

    fn plain_to_i(&self, of: NodeId, here: &Here<'_>) -> Plain {
        let of = self.operand(of, here);
        if of.is_something() { Plain::int(Some(of.n)) } else { of }
    }

    /// The structure that an expression names.
    fn plain_object(&self, node: NodeId, here: &Here<'_>) -> Option<ObjectId> {
        let stored = |object: ObjectId, slot: u16| match self.arena.slot(object, slot).val {
            Val::Obj(id) => Some(id),
            _ => None,
        };
        let object = here.scope.object;
        match self.plan.expressions.node(node) {
            Node::Root => Some(self.arena.object(object).root).filter(|root| *root != ObjectId::NONE),
            Node::Parent => Some(self.arena.object(object).parent).filter(|parent| *parent != ObjectId::NONE),
            Node::Slot(slot) => stored(object, *slot),
            Node::Element => match here.scope.element {
                Val::Obj(id) => Some(id),
                _ => None,
            },
            Node::Member(of, sym) => {
                let object = self.plain_object(*of, here)?;
                let slot = self.plan.type_of(self.arena.object(object).ty).slot(*sym)?;
                stored(object, slot)
            }
            _ => None,
        }
    }

    fn plain_binary(&self, operator: Binary, left: NodeId, right: NodeId, here: &Here<'_>) -> Plain {
        let left = self.operand(left, here);
        match (operator, left.as_bool()) {
            (Binary::And, Some(false)) | (Binary::Or, Some(true)) => return left,
            (Binary::And | Binary::Or, None) => return Plain::NOTHING,
            _ => {}
        }
        let right = self.operand(right, here);
        if !left.is_something() || !right.is_something() {
            return Plain::NOTHING;
        }
        match operator {
            Binary::And | Binary::Or => return if right.tag == BOOL { right } else { Plain::NOTHING },
            Binary::Equal => return Plain::bool(left.equals(right)),
            Binary::NotEqual => return Plain::bool(!left.equals(right)),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                return Plain::bool(operator.of_plain(left.n, right.n) == Some(1));
            }
            _ => {}
        }
        match left.tag == INT && right.tag == INT {
            true => Plain::int(operator.of_plain(left.n, right.n)),
            false => Plain::NOTHING,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Plain;
    use crate::plan::{EnumId, Val};

    #[test]
    fn members_of_different_enums_differ_and_numbers_equal_members() {
        let member = |of: usize, n| Plain::of(&Val::Enum(EnumId::at(of), n));
        assert!(member(0, 3).equals(Plain::of(&Val::Int(3))));
        assert!(member(0, 3).equals(member(0, 3)) && !member(0, 3).equals(member(1, 3)));
    }

    #[test]
    fn what_is_no_plain_number_is_nothing() {
        for val in [Val::Null, Val::Float(1.0), Val::Int(i128::from(i64::MAX) + 1)] {
            assert!(!Plain::of(&val).is_something(), "{val:?}");
        }
        assert_eq!(
            (Plain::of(&Val::Bool(true)).as_bool(), Plain::of(&Val::Bool(true)).as_number()),
            (Some(true), None)
        );
    }
}
