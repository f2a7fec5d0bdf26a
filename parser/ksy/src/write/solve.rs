//! Solves for the numbers with which the sizes and counts computed from them are right.

use crate::expr::{Binary, Unary};
use crate::plan::ObjectId;
use crate::plan::{Attr, Method, Node, NodeId, Shape, Size, Val};
use crate::run::Scope;
use crate::run::numbers::fits;
use crate::write::{COUNT, Number, Solution, Writer};

/// How deeply an expression is followed.
const DEEPEST: u32 = 40;

impl<'p> Writer<'p, '_> {
    /// The numbers that all sizes and counts require which are not right yet. Notes those that can't be solved,
    /// and fields that were not given and that no length determines.
    pub(super) fn solve(&mut self) -> Solution {
        let mut all = Solution::new();
        // Numbers that lengths determine, and that are right already.
        let mut met = Solution::new();
        for measure in std::mem::take(&mut self.measures) {
            let wanted = i128::from(measure.found);
            let said = self.run.number(measure.node, &measure.scope).ok();
            // A negative count is zero.
            let counted = if measure.what == COUNT { said.map(|said| said.max(0)) } else { said };
            if counted == Some(wanted) {
                if !self.free.is_empty() {
                    self.require(measure.node, &measure.scope, wanted, &mut met, 0);
                }
                continue;
            }
            let mut found = Solution::new();
            let is_solved = self.require(measure.node, &measure.scope, wanted, &mut found, 0)
                && found.iter().all(|(path, number)| all.get(path).is_none_or(|other| other == number));
            if is_solved {
                // `append` would rebuild both maps.
                all.extend(found);
                continue;
            }
            let said = said.map_or("has no value".to_owned(), |said| format!("yields {said}"));
            self.note(format!(
                "the {} of {} is {wanted}, but the expression for it {said} and can't be solved: it is left unchanged",
                measure.what, measure.path
            ));
        }
        for path in std::mem::take(&mut self.free) {
            if ![&all, &met, &self.solution].iter().any(|known| known.contains_key(&path)) {
                self.note(format!("{path} is not given and no length determines it: it is written as 0"));
            }
        }
        all
    }

    /// The path of a field that was written.
    pub(super) fn written_field(&self, object: ObjectId, slot: u16) -> Option<String> {
        let (ty, attr) = self.attr_of(object, slot)?;
        (!ty.is_instance(slot) && self.paths.contains_key(&object)).then(|| self.path(object, attr, None))
    }

    fn attr_of(&self, object: ObjectId, slot: u16) -> Option<(&'p crate::plan::TypePlan, &'p Attr)> {
        let plan = self.run.plan;
        let ty = plan.type_of(self.run.arena.object(object).ty);
        Some((ty, ty.attr(slot)?))
    }

    /// Requires an expression to yield a number. Returns whether that is possible; `found` then has the numbers of the fields.
    pub(super) fn require(
        &mut self,
        node: NodeId,
        scope: &Scope,
        wanted: i128,
        found: &mut Solution,
        depth: u32,
    ) -> bool {
        let plan = self.run.plan;
        if depth > DEEPEST || self.run.spend(4).is_err() {
            return false;
        }
        let at = *plan.expressions.node(node);
        let depth = depth + 1;
        match at {
            Node::Const(Val::Int(n)) => n == wanted,
            Node::Slot(slot) => self.require_slot(scope.object, slot, wanted, found, depth),
            Node::Named(sym) => {
                let slot = plan.type_of(self.run.arena.object(scope.object).ty).slot(sym);
                slot.is_some_and(|slot| self.require_slot(scope.object, slot, wanted, found, depth))
            }
            Node::Member(of, sym) => match self.run.eval(of, scope) {
                Ok(Val::Obj(id)) => {
                    let slot = plan.type_of(self.run.arena.object(id).ty).slot(sym);
                    slot.is_some_and(|slot| self.require_slot(id, slot, wanted, found, depth))
                }
                Ok(_) if Method::named(plan.name(sym)) == Some(Method::ToI) => {
                    self.require_text(of, scope, wanted, 10, found, depth)
                }
                _ => false,
            },
            Node::Call(of, Method::ToI, arguments) => {
                let radix = match plan.expressions.list(arguments).first() {
                    None => Some(10),
                    Some(&node) => {
                        self.run.number(node, scope).ok().and_then(|radix| u32::try_from(radix).ok())
                    }
                };
                match radix.filter(|radix| (2..=36).contains(radix)) {
                    Some(radix) => self.require_text(of, scope, wanted, radix, found, depth),
                    None => false,
                }
            }
            Node::Item(of, index) => self.require_item(of, index, scope, wanted, found),
            Node::Cast(of, _) => self.require(of, scope, wanted, found, depth),
            Node::Unary(Unary::Minus, of) => match wanted.checked_neg() {
                Some(wanted) => self.require(of, scope, wanted, found, depth),
                None => false,
            },
            Node::Binary(operator, left, right) => {
                self.require_binary(operator, left, right, scope, wanted, found, depth)
            }
            Node::Ternary(condition, then, otherwise) => {
                self.require_choice(condition, [then, otherwise], scope, wanted, found, depth)
            }
            _ => false,
        }
    }

    fn require_slot(
        &mut self,
        object: ObjectId,
        slot: u16,
        wanted: i128,
        found: &mut Solution,
        depth: u32,
    ) -> bool {
        let ty = self.run.plan.type_of(self.run.arena.object(object).ty);
        if slot < ty.parameters {
            let Some(&(user, scope)) = self.calls.get(&object) else { return false };
            let Some(&argument) = user.arguments.get(usize::from(slot)) else { return false };
            return self.require(argument, &scope, wanted, found, depth);
        }
        let Some((_, attr)) = self.attr_of(object, slot) else { return false };
        if let Some(value) = attr.value {
            return self.require(value, &Scope::of(object), wanted, found, depth);
        }
        let Some(path) = self.written_field(object, slot) else { return false };
        self.require_field(attr, path, wanted, 10, found)
    }

    fn require_field(
        &self,
        attr: &Attr,
        path: String,
        wanted: i128,
        radix: u32,
        found: &mut Solution,
    ) -> bool {
        let is_wide_enough = match &attr.shape {
            Shape::Int { bytes, signed, .. } => fits(wanted, 8 * u32::from(*bytes), *signed),
            Shape::Bits { count, .. } => fits(wanted, (*count).into(), false),
            Shape::Str(_) => match attr.limit.size {
                Size::Of(size) => self
                    .run
                    .plan
                    .expressions
                    .constant(size)
                    .is_none_or(|size| has_digits(wanted, radix) <= size),
                _ => true,
            },
            _ => false,
        };
        if !is_wide_enough {
            return false;
        }
        let number = Number { value: wanted, radix };
        match found.get(&path) {
            Some(other) => *other == number,
            None => {
                found.insert(path, number);
                true
            }
        }
    }

    fn require_text(
        &mut self,
        of: NodeId,
        scope: &Scope,
        wanted: i128,
        radix: u32,
        found: &mut Solution,
        depth: u32,
    ) -> bool {
        let target = self.field_at(of, scope, depth);
        let Some((object, slot)) = target else { return false };
        let Some((_, attr)) = self.attr_of(object, slot) else { return false };
        // A number that is used as a number.
        if !matches!(attr.shape, Shape::Str(_)) {
            return self.require_slot(object, slot, wanted, found, depth);
        }
        let Some(path) = self.written_field(object, slot) else { return false };
        self.require_field(attr, path, wanted, radix, found)
    }

    /// The field that an expression names.
    pub(super) fn field_at(&mut self, node: NodeId, scope: &Scope, depth: u32) -> Option<(ObjectId, u16)> {
        let plan = self.run.plan;
        if depth > DEEPEST {
            return None;
        }
        let (object, slot) = match *plan.expressions.node(node) {
            Node::Slot(slot) => (scope.object, slot),
            Node::Named(sym) => {
                (scope.object, plan.type_of(self.run.arena.object(scope.object).ty).slot(sym)?)
            }
            Node::Member(of, sym) => match self.run.eval(of, scope).ok()? {
                Val::Obj(id) => (id, plan.type_of(self.run.arena.object(id).ty).slot(sym)?),
                _ => return None,
            },
            Node::Cast(of, _) => return self.field_at(of, scope, depth + 1),
            _ => return None,
        };
        match self.attr_of(object, slot)?.1.value {
            Some(value) => self.field_at(value, &Scope::of(object), depth + 1),
            None => Some((object, slot)),
        }
    }

    fn require_item(
        &mut self,
        of: NodeId,
        index: NodeId,
        scope: &Scope,
        wanted: i128,
        found: &mut Solution,
    ) -> bool {
        let (Some((object, slot)), Ok(index)) = (self.field_at(of, scope, 0), self.run.number(index, scope))
        else {
            return false;
        };
        let (Some((ty, attr)), Ok(index)) = (self.attr_of(object, slot), u32::try_from(index)) else {
            return false;
        };
        if ty.is_instance(slot) || !self.paths.contains_key(&object) {
            return false;
        }
        let path = self.path(object, attr, Some(index));
        self.require_field(attr, path, wanted, 10, found)
    }

    #[allow(clippy::too_many_arguments)] // The state of the solver is passed along.
    fn require_binary(
        &mut self,
        operator: Binary,
        left: NodeId,
        right: NodeId,
        scope: &Scope,
        wanted: i128,
        found: &mut Solution,
        depth: u32,
    ) -> bool {
        // A number composed of parts: each part takes its digits.
        if matches!(operator, Binary::Plus | Binary::BitOr) {
            for (coarse, fine) in [(right, left), (left, right)] {
                let unit = self.unit(coarse, scope, 0);
                if unit > 1 && wanted >= 0 {
                    let mut tried = found.clone();
                    if self.require(coarse, scope, wanted - wanted % unit, &mut tried, depth)
                        && self.require(fine, scope, wanted % unit, &mut tried, depth)
                    {
                        *found = tried;
                        return true;
                    }
                }
            }
        }
        let (a, b) = (self.run.number(left, scope).ok(), self.run.number(right, scope).ok());
        let for_left = b.and_then(|b| match operator {
            Binary::Plus => wanted.checked_sub(b),
            Binary::Minus => wanted.checked_add(b),
            Binary::Times => quotient(wanted, b),
            Binary::Divide => wanted.checked_mul(b).filter(|_| b > 0),
            Binary::Left => (0..64).contains(&b).then(|| wanted >> b).filter(|n| n << b == wanted),
            // Bits that are shifted out stay as they are.
            Binary::Right if (0..64).contains(&b) => Some(wanted << b | a? & ((1 << b) - 1)),
            Binary::BitAnd => (wanted & !b == 0).then_some(a? & !b | wanted),
            Binary::BitXor => Some(wanted ^ b),
            _ => None,
        });
        if for_left.is_some_and(|wanted| self.require_tentatively(left, scope, wanted, found, depth)) {
            return true;
        }
        let for_right = a.and_then(|a| match operator {
            Binary::Plus => wanted.checked_sub(a),
            Binary::Minus => a.checked_sub(wanted),
            Binary::Times => quotient(wanted, a),
            Binary::BitAnd => (wanted & !a == 0).then_some(b? & !a | wanted),
            Binary::BitXor => Some(wanted ^ a),
            _ => None,
        });
        for_right.is_some_and(|wanted| self.require_tentatively(right, scope, wanted, found, depth))
    }

    fn require_tentatively(
        &mut self,
        node: NodeId,
        scope: &Scope,
        wanted: i128,
        found: &mut Solution,
        depth: u32,
    ) -> bool {
        let mut tried = found.clone();
        let is_solved = self.require(node, scope, wanted, &mut tried, depth);
        if is_solved {
            *found = tried;
        }
        is_solved
    }

    /// A number that divides all values of an expression; 1 if none is known.
    fn unit(&mut self, node: NodeId, scope: &Scope, depth: u32) -> i128 {
        let at = *self.run.plan.expressions.node(node);
        if depth > DEEPEST {
            return 1;
        }
        match at {
            Node::Binary(Binary::Times, left, right) => {
                let constant = [left, right].into_iter().find_map(|side| self.constant(side));
                constant.unwrap_or(1).max(1)
            }
            Node::Binary(Binary::Left, _, by) => {
                self.constant(by).filter(|by| (0..64).contains(by)).map_or(1, |by| 1 << by)
            }
            Node::Ternary(condition, then, otherwise) => match self.run.truth(condition, scope) {
                Ok(true) => self.unit(then, scope, depth + 1),
                Ok(false) => self.unit(otherwise, scope, depth + 1),
                Err(_) => 1,
            },
            _ => 1,
        }
    }

    pub(super) fn constant(&self, node: NodeId) -> Option<i128> {
        self.run.plan.expressions.constant(node).map(i128::from)
    }
}

fn has_digits(n: i128, radix: u32) -> u64 {
    let (mut left, mut count) = (n.unsigned_abs(), u64::from(n < 0) + 1);
    while left >= u128::from(radix) {
        left /= u128::from(radix);
        count += 1;
    }
    count
}

/// The number that times `factor` gives `product`, if there is one.
fn quotient(product: i128, factor: i128) -> Option<i128> {
    (product.checked_rem(factor)? == 0).then(|| product.checked_div(factor)).flatten()
}

#[cfg(test)]
mod tests {
    use framescope_parser::{Dissection, Field, Protocol, Value};

    use super::quotient;
    use crate::described::Described;
    use crate::load::testing::described;

    /// The first byte when `body` has this many bytes, and the notes.
    fn length_for(size: &str, bytes: usize) -> (u8, Vec<String>) {
        let described = Described::from_ksy(&described(
            &format!("{{id: n, type: u1}}, {{id: body, size: '{size}'}}"),
            "",
        ))
        .unwrap();
        let field = |name, value| Field { name, range: 0..0, value, fields: Vec::new() };
        let body = Value::Bytes(vec![7; bytes].into());
        let mut message = Dissection::of(&described, &[]);
        message.fields = vec![field("n", Value::Unsigned(12)), field("body", body)];
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        described.encode_noting(&message, &mut out, &mut notes).unwrap();
        (out[0], notes)
    }

    #[test]
    fn the_length_of_nothing_is_determined_too() {
        for (size, expected) in [("n", 0), ("n - 2", 2)] {
            let fields = format!("{{id: n, type: u1}}, {{id: body, size: '{size}'}}");
            let described = Described::from_ksy(&described(&fields, "")).unwrap();
            let body = Field {
                name: "body",
                range: 0..0,
                value: Value::Bytes(Vec::new().into()),
                fields: Vec::new(),
            };
            let mut message = Dissection::default();
            message.fields = vec![body];
            let (mut out, mut notes) = (Vec::new(), Vec::new());
            described.encode_noting(&message, &mut out, &mut notes).unwrap();
            assert_eq!((out, notes), (vec![expected], vec![]), "{size}");
        }
    }

    #[test]
    fn lengths_are_solved_through_their_expressions() {
        for (size, expected) in [
            ("n", 6),
            ("n - 2", 8),
            ("2 * n", 3),
            ("10 - n", 4),
            ("n >> 1", 12),
            ("n & 0x7", 14),
            ("-(-n)", 6),
            ("n > 10 ? n - 6 : n", 12),
        ] {
            let (found, notes) = length_for(size, 6);
            assert_eq!((found, notes), (expected, vec![]), "{size}");
        }
    }

    #[test]
    fn what_cannot_be_solved_is_noted() {
        let (_, notes) = length_for("n * 4", 6);
        assert!(notes[0].starts_with("the size of body is 6, but the expression for it yields"), "{notes:?}");
    }

    #[test]
    fn extreme_constants_do_not_overflow() {
        length_for("-(-n / 85070591730234615865843651857942052864) + 4", 6);
        length_for("n * -1 + 20", 6);
        assert_eq!(
            (quotient(i128::MIN, -1), quotient(6, 0), quotient(6, -3), quotient(7, 2)),
            (None, None, Some(-2), None)
        );
    }
}
