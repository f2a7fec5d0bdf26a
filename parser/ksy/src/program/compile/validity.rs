//! What must hold for a value.

use crate::expr::Binary;
use crate::plan::{Attr, Edge, NodeId, Shape, Valid};
use crate::program::compile::{Compiler, Stored};
use crate::program::report::How;
use crate::program::step::{Arg, Cases, Checked, Kind, NONE, Read, Register, Step, Term};

impl<'p> Compiler<'p> {
    pub(super) fn test(&mut self, frame: usize, attr: &Attr, valid: &'p Valid, stored: Stored) -> Option<()> {
        match valid {
            Valid::Equal(node) => self.must_compare(Binary::Equal, *node, frame, stored),
            Valid::Range(low, high) => {
                if let Some(low) = low {
                    self.must_compare(Binary::GreaterEqual, *low, frame, stored)?;
                }
                match high {
                    Some(high) => self.must_compare(Binary::LessEqual, *high, frame, stored),
                    None => Some(()),
                }
            }
            Valid::AnyOf(nodes) => {
                let mut any = Vec::new();
                for node in nodes {
                    let condition = self.comparison_with(Binary::Equal, *node, frame, stored)?;
                    any.push(self.jump(condition, true)?);
                }
                self.push(Step::Jump(NONE))?;
                self.land(any);
                Some(())
            }
            Valid::Expr(node) => self.must_be_true(*node, frame),
            Valid::InEnum => {
                // Only a member of an enum is tested.
                let Kind::Enum(of) = stored.kind else { return Some(()) };
                let of = self.plan.enum_of(attr.enumeration.unwrap_or(of));
                let members: Vec<i64> =
                    of.by_value.iter().filter_map(|(value, _)| i64::try_from(*value).ok()).collect();
                let behind = self.here().checked_add(1)?;
                let table: Vec<(i64, u16)> = members.into_iter().map(|member| (member, behind)).collect();
                self.program.choices.push(Cases::new(table, NONE));
                let table = u16::try_from(self.program.choices.len() - 1).ok()?;
                self.push(Step::Choose { on: Arg(stored.register), table })?;
                self.barrier = self.program.steps.len();
                Some(())
            }
        }
    }

    fn comparison_with(
        &mut self,
        operator: Binary,
        node: NodeId,
        frame: usize,
        stored: Stored,
    ) -> Option<Arg> {
        let wanted = self.expression(node, frame, 0)?;
        self.compared(operator, (Arg(stored.register), stored.kind), wanted)
    }

    fn must_compare(&mut self, operator: Binary, node: NodeId, frame: usize, stored: Stored) -> Option<()> {
        let condition = self.comparison_with(operator, node, frame, stored)?;
        if self.narrow(operator, condition, stored).is_some() {
            return Some(());
        }
        self.must_hold(condition)
    }

    /// Lets the step that has just read a number test it too, if it is compared with a constant.
    fn narrow(&mut self, operator: Binary, condition: Arg, stored: Stored) -> Option<()> {
        let Term::Short(_, register, number) = *self.program.terms.get(condition.as_term()?)? else {
            return None;
        };
        let number = u32::try_from(number).ok()?;
        (register == stored.register).then_some(())?;
        let step = self.program.steps.get_mut(self.number?)?;
        let (to, field, read, low, high) = match *step {
            Step::U1 { to, field } => (to, field, Read::U1, 0, u32::MAX),
            Step::U2 { to, field } => (to, field, Read::U2, 0, u32::MAX),
            Step::U4 { to, field } => (to, field, Read::U4, 0, u32::MAX),
            Step::U2Le { to, field } => (to, field, Read::U2Le, 0, u32::MAX),
            Step::U4Le { to, field } => (to, field, Read::U4Le, 0, u32::MAX),
            Step::Within { to, field, read, low, high } => (to, field, read, low, high),
            _ => return None,
        };
        (to == register).then_some(())?;
        let (low, high) = match operator {
            Binary::Equal => (low.max(number), high.min(number)),
            Binary::GreaterEqual => (low.max(number), high),
            Binary::LessEqual => (low, high.min(number)),
            _ => return None,
        };
        *step = Step::Within { to, field, read, low, high };
        Some(())
    }

    /// The check of other bytes that a value is.
    pub(super) fn check(
        &mut self,
        frame: usize,
        attr: &Attr,
        stored: Stored,
        own: Option<Register>,
    ) -> Option<()> {
        let Some(check) = &attr.check else { return Some(()) };
        // Numbers in digits are left to what reads without being compiled.
        if check.digits.is_some() {
            return None;
        }
        let is_computed = match stored.kind {
            Kind::Int => !check.algorithm.is_keyed(),
            Kind::Bytes => check.algorithm.is_keyed(),
            _ => false,
        };
        if !is_computed {
            return Some(());
        }
        // Places in derived bytes are not those of the message.
        (self.derived == 0).then_some(())?;
        let from = match check.from {
            Edge::Message => None,
            Edge::Structure if frame == 0 => None,
            Edge::Structure => Some(Arg(self.frame(frame)?.begin)),
            Edge::Field(slot) => {
                let edge = *self.frame(frame)?.edges.get(&(slot, false))?;
                Some(self.stored(edge)?)
            }
        };
        let to = match check.to {
            None => None,
            Some(slot) => {
                let edge = *self.frame(frame)?.edges.get(&(slot, true))?;
                Some(self.stored(edge)?)
            }
        };
        let then = match check.then {
            None => None,
            Some(then) => Some(self.number(then, frame)?),
        };
        let is_trailing = frame == 0 && self.trailing_checks().contains(&attr.slot);
        let field = match check.algorithm.is_keyed() {
            true => self.reported(frame, attr, How::Bytes)?,
            false => NONE,
        };
        let (algorithm, value) = (check.algorithm.clone(), Arg(stored.register));
        let width = match attr.shape {
            Shape::Int { bytes, .. } => usize::from(bytes),
            _ => 0,
        };
        let own = if width == 0 { Some(Arg(own?)) } else { None };
        let checked = Checked { algorithm, value, from, to, then, width, own, field, is_trailing };
        self.program.checks.push(checked);
        self.push(Step::Check(u16::try_from(self.program.checks.len() - 1).ok()?))?;
        Some(())
    }
}
