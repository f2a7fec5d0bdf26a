//! Evaluates what most expressions are: whole numbers, booleans and members of enums, compared and added up. What is
//! anything else, or does not fit, is left to the thorough way, which gives the same and says what is wrong.

use super::arena::{NONE, State};
use super::{Run, Scope};
use crate::expr::{Binary, Unary};
use crate::plan::{Cast, Method, Node, NodeId, Sym, Val};

/// A value that fits in two registers. `tag` is [`INT`], [`BOOL`], or [`ENUM`] and the number of the enum added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quick {
    tag: u64,
    n: i64,
}

const INT: u64 = 1;
const BOOL: u64 = 2;
const ENUM: u64 = 3;

impl Quick {
    fn int(n: i64) -> Option<Quick> {
        Some(Quick { tag: INT, n })
    }

    fn bool(b: bool) -> Option<Quick> {
        Some(Quick { tag: BOOL, n: b.into() })
    }

    #[inline]
    pub(crate) fn of(val: Val) -> Option<Quick> {
        match val {
            Val::Int(n) => Some(Quick { tag: INT, n: i64::try_from(n).ok()? }),
            Val::Bool(b) => Quick::bool(b),
            Val::Enum(of, n) => Some(Quick { tag: ENUM + u64::from(of), n: i64::try_from(n).ok()? }),
            _ => None,
        }
    }

    /// As [`Run::equal`](super::Run) has it: members of different enums differ, whatever their numbers.
    pub(crate) fn equals(self, other: Quick) -> bool {
        self.n == other.n && (self.tag < ENUM || other.tag < ENUM || self.tag == other.tag)
    }

    pub(crate) fn less(self, other: Quick) -> bool {
        self.n < other.n
    }

    pub(crate) fn as_bool(self) -> Option<bool> {
        (self.tag == BOOL).then_some(self.n != 0)
    }

    /// The number of a whole number or of an enum's member.
    pub(crate) fn as_number(self) -> Option<i64> {
        (self.tag != BOOL).then_some(self.n)
    }
}

impl Run<'_, '_> {
    /// The value of an expression, if it is of the plain kind and all that it asks for is known already.
    pub(crate) fn quick(&self, node: NodeId, scope: &Scope) -> Option<Quick> {
        match self.plan.expressions.nodes.get(node as usize)? {
            Node::Const(val) => Quick::of(*val),
            Node::Slot(slot) => self.quick_slot(scope.object, *slot),
            Node::Element => Quick::of(scope.element),
            Node::Index => Quick::int(scope.index?.into()),
            Node::Member(of, sym) => match self.quick_object(*of, scope) {
                Some(object) => self.quick_member(object, *sym),
                None if Method::of(*sym) == Some(Method::ToI) => self.quick_to_i(*of, scope),
                None => None,
            },
            Node::Call(of, Method::ToI, arguments) if arguments.length == 0 => self.quick_to_i(*of, scope),
            Node::Cast(of, Cast::Same) => self.quick(*of, scope),
            Node::Unary(operator, of) => {
                let of = self.quick(*of, scope)?;
                match (operator, of.tag) {
                    (Unary::Not, BOOL) => Quick::bool(of.n == 0),
                    (Unary::Minus, INT) => Quick::int(of.n.checked_neg()?),
                    (Unary::Invert, INT) => Quick::int(!of.n),
                    _ => None,
                }
            }
            Node::Binary(operator, left, right) => self.quick_binary(*operator, *left, *right, scope),
            Node::Ternary(condition, then, otherwise) => {
                let holds = self.quick(*condition, scope)?.as_bool()?;
                self.quick(if holds { *then } else { *otherwise }, scope)
            }
            _ => None,
        }
    }

    fn quick_slot(&self, object: u32, slot: u16) -> Option<Quick> {
        let stored = self.arena.slot_ref(object, slot)?;
        if stored.state == State::Done { Quick::of(stored.val) } else { None }
    }

    fn quick_member(&self, object: u32, sym: Sym) -> Option<Quick> {
        let slot = self.plan.type_of(self.arena.objects.get(object as usize)?.ty)?.slot(sym)?;
        self.quick_slot(object, slot)
    }

    fn quick_to_i(&self, of: NodeId, scope: &Scope) -> Option<Quick> {
        Quick::int(self.quick(of, scope)?.n)
    }

    /// The structure that an expression names.
    fn quick_object(&self, node: NodeId, scope: &Scope) -> Option<u32> {
        let stored = |object: u32, slot: u16| match self.arena.slot_ref(object, slot)?.val {
            Val::Obj(id) => Some(id),
            _ => None,
        };
        match self.plan.expressions.nodes.get(node as usize)? {
            Node::Root => Some(self.arena.objects.get(scope.object as usize)?.root),
            Node::Parent => {
                Some(self.arena.objects.get(scope.object as usize)?.parent).filter(|parent| *parent != NONE)
            }
            Node::Slot(slot) => stored(scope.object, *slot),
            Node::Element => match scope.element {
                Val::Obj(id) => Some(id),
                _ => None,
            },
            Node::Member(of, sym) => {
                let object = self.quick_object(*of, scope)?;
                let slot = self.plan.type_of(self.arena.objects.get(object as usize)?.ty)?.slot(*sym)?;
                stored(object, slot)
            }
            _ => None,
        }
    }

    fn quick_binary(&self, operator: Binary, left: NodeId, right: NodeId, scope: &Scope) -> Option<Quick> {
        let left = self.quick(left, scope)?;
        match operator {
            Binary::And if !left.as_bool()? => return Quick::bool(false),
            Binary::Or if left.as_bool()? => return Quick::bool(true),
            _ => {}
        }
        let right = self.quick(right, scope)?;
        match operator {
            Binary::And | Binary::Or => return Quick::bool(right.as_bool()?),
            Binary::Equal => return Quick::bool(left.equals(right)),
            Binary::NotEqual => return Quick::bool(!left.equals(right)),
            Binary::Less => return Quick::bool(left.n < right.n),
            Binary::LessEqual => return Quick::bool(left.n <= right.n),
            Binary::Greater => return Quick::bool(left.n > right.n),
            Binary::GreaterEqual => return Quick::bool(left.n >= right.n),
            _ => {}
        }
        if left.tag != INT || right.tag != INT {
            return None;
        }
        let (a, b) = (left.n, right.n);
        Quick::int(match operator {
            Binary::Plus => a.checked_add(b)?,
            Binary::Minus => a.checked_sub(b)?,
            Binary::Times => a.checked_mul(b)?,
            Binary::Divide if a >= 0 && b > 0 => a / b,
            Binary::Modulo if a >= 0 && b > 0 => a % b,
            Binary::BitAnd => a & b,
            Binary::BitOr => a | b,
            Binary::BitXor => a ^ b,
            Binary::Left if (0..31).contains(&b) => a.checked_mul(1 << b)?,
            Binary::Right if (0..64).contains(&b) => a >> b,
            _ => return None,
        })
    }
}
