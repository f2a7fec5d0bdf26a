//! Conditions of choices, as far as they decide what a number must be.

use crate::expr::Binary;
use crate::plan::{Node, NodeId};
use crate::run::Scope;

use crate::write::{Solved, Writer};

impl<'p> Writer<'p, '_> {
    /// Makes a choice give a number: with the branch that it takes now; else with the other, if its condition can be turned.
    pub(super) fn choice_must_be(
        &mut self,
        condition: NodeId,
        [then, otherwise]: [NodeId; 2],
        scope: &Scope,
        wanted: i128,
        found: &mut Solved,
        depth: u32,
    ) -> bool {
        let holds = self.run.truth(condition, scope).ok();
        let branches = [(true, then), (false, otherwise)];
        let (as_it_is, other): (Vec<_>, Vec<_>) =
            branches.into_iter().partition(|(when, _)| holds == Some(*when));
        for (when, branch) in as_it_is {
            let mut tried = found.clone();
            if self.must_be(branch, scope, wanted, &mut tried, depth)
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
                    None => self.must_be(left, scope, value, &mut tried, depth),
                };
                if can_be
                    && self.must_be(branch, scope, wanted, &mut tried, depth)
                    && self.agrees(condition, scope, when, &tried)
                {
                    *found = tried;
                    return true;
                }
            }
        }
        false
    }

    /// What the left side of a comparison may be so that it comes out so.
    fn turned(&self, condition: NodeId, when: bool) -> Vec<(NodeId, i128)> {
        let Node::Binary(operator, left, right) = *self.run.plan.expressions.node(condition) else {
            return Vec::new();
        };
        let Some(limit) = self.constant(right) else { return Vec::new() };
        // Close to the limit: that is where lengths change their form.
        let near = [limit, limit + 1, limit + 2, limit - 1];
        let fits = near.into_iter().filter(|&value| holds(operator, value, limit) == when);
        fits.map(|value| (left, value)).collect()
    }

    /// What a field that an expression names was decided to be.
    fn decided(&mut self, node: NodeId, scope: &Scope, found: &Solved) -> Option<i128> {
        let (object, slot) = self.field_at(node, scope, 0)?;
        found.get(&self.written_field(object, slot)?).map(|number| number.value)
    }

    /// How a comparison with a constant comes out for a number.
    fn compares(&self, condition: NodeId, left: i128) -> Option<bool> {
        match self.run.plan.expressions.node(condition) {
            Node::Binary(operator, _, right) => Some(holds(*operator, left, self.constant(*right)?)),
            _ => None,
        }
    }

    /// Whether a comparison comes out so when the numbers are what was found.
    fn agrees(&mut self, condition: NodeId, scope: &Scope, when: bool, found: &Solved) -> bool {
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
