//! Which fields a program reports: those that are wanted, and those that a summary consists of.

use std::collections::HashSet;

use framescope_parser::FieldSelection;

use crate::plan::{Node, Piece, Plan, Repeat, Shape, TypeId};

/// The fields to report: by name, or by structure and slot.
pub(crate) struct Selected<'w> {
    wanted: &'w FieldSelection,
    slots: HashSet<(TypeId, u16)>,
}

impl<'w> Selected<'w> {
    /// None if a summary is wanted that consists of more than fields.
    pub(super) fn new(plan: &Plan, wanted: &'w FieldSelection) -> Option<Selected<'w>> {
        let mut slots = HashSet::new();
        if wanted.wants_summary() {
            summed_up(plan, plan.root, &mut Vec::new(), &mut slots)?;
        }
        Some(Selected { wanted, slots })
    }

    /// Whether the summary consists of fields only.
    pub(super) fn sums_up(plan: &Plan) -> bool {
        summed_up(plan, plan.root, &mut Vec::new(), &mut HashSet::new()).is_some()
    }

    /// Only those that are wanted by name.
    pub(super) fn named(wanted: &'w FieldSelection) -> Selected<'w> {
        Selected { wanted, slots: HashSet::new() }
    }

    /// Whether a field is reported.
    pub(super) fn is_of(&self, above: &[&str], name: &str, ty: TypeId, slot: u16) -> bool {
        self.wanted.wants(above, name) || self.slots.contains(&(ty, slot))
    }

    /// Whether a shape may contain one of them.
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

/// The most fields that a summary consists of.
const MOST: usize = 256;

/// Collects the fields of a structure's summary and of the summaries nested in it.
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
