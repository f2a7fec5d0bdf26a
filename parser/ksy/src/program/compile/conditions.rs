//! Conditions as jumps, so that what need not be evaluated is not.

use crate::expr::{Binary, Unary};
use crate::plan::{Node, NodeId};
use crate::program::compile::{Compiler, DEEPEST, Patch};
use crate::program::step::{Arg, Kind, NONE, Step, Term};

impl Compiler<'_> {
    /// Steps that jump if a condition is what `want` says; otherwise the next step follows.
    pub(super) fn jumps(&mut self, node: NodeId, frame: usize, want: bool) -> Option<Vec<Patch>> {
        self.nested_jumps(node, frame, want, 0)
    }

    fn nested_jumps(&mut self, node: NodeId, frame: usize, want: bool, depth: u32) -> Option<Vec<Patch>> {
        if depth > DEEPEST {
            return None;
        }
        match *self.plan.expressions.node(node) {
            Node::Unary(Unary::Not, of) => self.nested_jumps(of, frame, !want, depth + 1),
            Node::Binary(operator @ (Binary::And | Binary::Or), left, right) => {
                // `a and b` is false as soon as `a` is, and `a or b` true as soon as `a` is.
                let decided = operator == Binary::Or;
                if want == decided {
                    let mut jumps = self.nested_jumps(left, frame, want, depth + 1)?;
                    jumps.extend(self.nested_jumps(right, frame, want, depth + 1)?);
                    return Some(jumps);
                }
                let over = self.nested_jumps(left, frame, decided, depth + 1)?;
                let jumps = self.nested_jumps(right, frame, want, depth + 1)?;
                self.land(over);
                Some(jumps)
            }
            _ => {
                let (condition, kind) = self.expression(node, frame, 0)?;
                (kind == Kind::Bool).then_some(())?;
                Some(vec![self.jump(condition, want)?])
            }
        }
    }

    /// A step that jumps if a condition is what `want` says.
    pub(super) fn jump(&mut self, condition: Arg, want: bool) -> Option<Patch> {
        let step = self.comparison(condition, want);
        self.push(step.unwrap_or(Step::If { condition, want, to: NONE }))
    }

    /// The quick step for a comparison of a register, or some bits of it, with a small number.
    fn comparison(&self, condition: Arg, want: bool) -> Option<Step> {
        let step = |register, mask, equal, want, number: i64| {
            let (mask, number) = (i32::try_from(mask).ok()?, i32::try_from(number).ok()?);
            Some(Step::Compare { equal, want, register, mask, number, to: NONE })
        };
        let Some(at) = condition.as_term() else { return step(condition.0, -1, true, !want, 0) };
        let (operator, operand, number) = match *self.program.terms.get(at)? {
            Term::Short(operator, register, number) => (operator, (register, -1), number),
            Term::Binary(operator, left, right) => {
                let Term::Constant(number) = *self.program.terms.get(right.as_term()?)? else { return None };
                match *self.program.terms.get(left.as_term()?)? {
                    Term::Short(Binary::BitAnd, register, mask) => (operator, (register, mask), number),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let (register, mask) = operand;
        match operator {
            Binary::Equal => step(register, mask, true, want, number),
            Binary::NotEqual => step(register, mask, true, !want, number),
            Binary::Less => step(register, mask, false, want, number),
            Binary::GreaterEqual => step(register, mask, false, !want, number),
            Binary::LessEqual => step(register, mask, false, want, number.checked_add(1)?),
            Binary::Greater => step(register, mask, false, !want, number.checked_add(1)?),
            _ => None,
        }
    }

    /// Steps that leave the message to the interpreter unless a condition holds.
    pub(super) fn must_hold(&mut self, condition: Arg) -> Option<()> {
        // A jump that nobody lets land somewhere ends the program.
        self.jump(condition, false).map(|_| ())
    }

    /// The same for an expression.
    pub(super) fn must_be_true(&mut self, node: NodeId, frame: usize) -> Option<()> {
        self.jumps(node, frame, false).map(|_| ())
    }
}
