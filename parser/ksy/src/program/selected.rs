//! Which fields a program tells: those that are wanted, and those that a message in a few words is made of.

use std::collections::HashSet;

use framescope_parser::FieldSelection;

use crate::plan::{Node, Piece, Plan, Repeat, Shape, TypeId};

/// Fields by their names, and by their structures and places in these.
pub(crate) struct Choice<'w> {
    wanted: &'w FieldSelection,
    slots: HashSet<(TypeId, u16)>,
}

impl<'w> Choice<'w> {
    /// Nothing where a summary is wanted that is made of more than fields.
    pub(super) fn new(plan: &Plan, wanted: &'w FieldSelection) -> Option<Choice<'w>> {
        let mut slots = HashSet::new();
        if wanted.wants_summary() {
            summed_up(plan, TypeId::ROOT, &mut Vec::new(), &mut slots)?;
        }
        Some(Choice { wanted, slots })
    }

    /// Those that are wanted by their names.
    pub(super) fn named(wanted: &'w FieldSelection) -> Choice<'w> {
        Choice { wanted, slots: HashSet::new() }
    }

    /// Whether a field is one of them.
    pub(super) fn is_of(&self, above: &[&str], name: &str, ty: TypeId, slot: u16) -> bool {
        self.wanted.wants(above, name) || self.slots.contains(&(ty, slot))
    }

    /// Whether one of them may stand in what is of this shape.
    pub(super) fn is_in(&self, plan: &Plan, shape: &Shape) -> bool {
        let (mut shapes, mut seen) = (vec![shape], HashSet::new());
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) if seen.insert(user.id) => {
                    let ty = plan.type_of(user.id);
                    let is_one = |name: &str, slot| {
                        self.wanted.names().any(|wanted| wanted == name)
                            || self.slots.contains(&(user.id, slot))
                    };
                    if ty.seq.iter().any(|attr| is_one(plan.name(attr.sym), attr.slot)) {
                        return true;
                    }
                    shapes.extend(ty.seq.iter().map(|attr| &attr.shape));
                }
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
        false
    }
}

/// Structures that a summary goes into.
const MOST: usize = 256;

/// Collects the fields that a structure's summary is made of, and those of the structures in it.
fn summed_up(
    plan: &Plan,
    id: TypeId,
    around: &mut Vec<TypeId>,
    slots: &mut HashSet<(TypeId, u16)>,
) -> Option<()> {
    let ty = plan.type_of(id);
    if around.contains(&id) || slots.len() > MOST || around.len() > 8 {
        return None;
    }
    around.push(id);
    for piece in &ty.summary {
        let (Piece::Value(node, _) | Piece::Named(_, node)) = piece else { continue };
        let Node::Slot(slot) = plan.expressions.node(*node) else { return None };
        let attr = ty.attr(*slot).filter(|_| !ty.is_instance(*slot))?;
        if !matches!(attr.repeat, Repeat::Once) {
            return None;
        }
        slots.insert((id, *slot));
        let mut shapes = vec![&attr.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) => summed_up(plan, user.id, around, slots)?,
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
    }
    around.pop();
    Some(())
}
