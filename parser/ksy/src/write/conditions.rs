//! Conditions of choices, as far as they decide what a number must be.

use crate::expr::Binary;
use crate::plan::{Node, NodeId};
use crate::run::Scope;

use crate::write::{Solution, Writer};

impl<'p> Writer<'p, '_> {
    /// Makes a choice yield a number: with the branch that it takes now, otherwise with the other if the condition can be flipped.
    pub(super) fn require_choice(
        &mut self,
        condition: NodeId,
        [then, otherwise]: [NodeId; 2],
        scope: &Scope,
        wanted: i128,
        found: &mut Solution,
        depth: u32,
    ) -> bool {
        let holds = self.run.truth(condition, scope).ok();
        let branches = [(true, then), (false, otherwise)];
        let (as_it_is, other): (Vec<_>, Vec<_>) =
            branches.into_iter().partition(|(when, _)| holds == Some(*when));
        for (when, branch) in as_it_is {
            let mut tried = found.clone();
            if self.require(branch, scope, wanted, &mut tried, depth)
                && self.agrees(condition, scope, when, &tried)
            {
                *found = tried;
                return true;
            }
        }
        for (when, branch) in other {
            for (left, value) in self.turned(condition, when) {
                let mut tried = found.clone();
                let decided = self.decided(left, scope, &tried);
                let can_be = match decided {
                    Some(decided) => self.compares(condition, decided) == Some(when),
                    None => self.require(left, scope, value, &mut tried, depth),
                };
                if can_be
                    && self.require(branch, scope, wanted, &mut tried, depth)
                    && self.agrees(condition, scope, when, &tried)
                {
                    *found = tried;
                    return true;
                }
            }
        }
        false
    }

    /// Values of a comparison's left side for which its result is `when`.
    fn turned(&self, condition: NodeId, when: bool) -> Vec<(NodeId, i128)> {
        let Node::Binary(operator, left, right) = *self.run.plan.expressions.node(condition) else {
            return Vec::new();
        };
        let Some(limit) = self.constant(right) else { return Vec::new() };
        // Near the limit, where lengths change their form.
        let near = [limit, limit + 1, limit + 2, limit - 1];
        let fits = near.into_iter().filter(|&value| holds(operator, value, limit) == when);
        fits.map(|value| (left, value)).collect()
    }

    /// The number already found for the field that an expression names.
    fn decided(&mut self, node: NodeId, scope: &Scope, found: &Solution) -> Option<i128> {
        let (object, slot) = self.field_at(node, scope, 0)?;
        found.get(&self.written_field(object, slot)?).map(|number| number.value)
    }

    /// The result of a comparison with a constant for a number.
    fn compares(&self, condition: NodeId, left: i128) -> Option<bool> {
        match self.run.plan.expressions.node(condition) {
            Node::Binary(operator, _, right) => Some(holds(*operator, left, self.constant(*right)?)),
            _ => None,
        }
    }

    /// Whether the result of a comparison is `when` with the numbers that were found.
    fn agrees(&mut self, condition: NodeId, scope: &Scope, when: bool, found: &Solution) -> bool {
        let Node::Binary(_, left, _) = *self.run.plan.expressions.node(condition) else { return true };
        match self.decided(left, scope, found) {
            Some(decided) => self.compares(condition, decided).is_none_or(|comes| comes == when),
            None => true,
        }
    }
}

pub(super) fn holds(operator: Binary, a: i128, b: i128) -> bool {
    match operator {
        Binary::Equal => a == b,
        Binary::NotEqual => a != b,
        Binary::Less => a < b,
        Binary::LessEqual => a <= b,
        Binary::Greater => a > b,
        Binary::GreaterEqual => a >= b,
        _ => false,
    }
}
