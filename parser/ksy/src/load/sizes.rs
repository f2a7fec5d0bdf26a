//! Derives the sizes that are the same in every message.

use std::sync::Arc;

use crate::load::Loader;
use crate::load::frame::{Needs, frame_plan};
use crate::plan::{Attr, Repeat, Shape, Size, TypeId};

/// How deeply nested types are followed.
const DEEPEST: u32 = 90;

impl Loader {
    pub(super) fn finish(&mut self) {
        for id in 0..self.plan.types.len() {
            let id = TypeId::at(id);
            let bits = self.bits_of_type(id, 0);
            let plan = self.plan.type_of(id).clone();
            let fixed = plan.seq.iter().map(|attr| {
                let there = Attr { condition: None, ..attr.clone() };
                (self.bits_of_attr(attr, 0), self.bits_of_attr(&there, 0))
            });
            let fixed: Vec<_> = fixed.collect();
            let Some(plan) = self.plan_mut(id) else { continue };
            plan.fixed_bits = bits;
            plan.seq
                .iter_mut()
                .zip(fixed)
                .for_each(|(attr, (fixed, unit))| (attr.fixed_bits, attr.unit_bits) = (fixed, unit));
        }
        self.summaries();
        let roots = std::iter::once(TypeId::ROOT).chain(self.roots.iter().copied()).collect();
        let needed = Needs::of(&self.plan, roots, &[]);
        for plan in &mut self.plan.types {
            let plan = Arc::make_mut(plan);
            for attr in &mut plan.seq {
                attr.needed = needed.contains(&attr.sym);
                attr.is_plain = matches!(attr.repeat, Repeat::Once)
                    && attr.condition.is_none()
                    && !attr.limit.is_bounded()
                    && attr.process.is_none();
            }
            plan.instances.iter_mut().for_each(|attr| attr.needed = needed.contains(&attr.sym));
            plan.frame_plan = frame_plan(&plan.seq);
        }
    }

    /// The size in bits of every value of a type, if it never changes.
    pub(super) fn bits_of_type(&self, id: TypeId, depth: u32) -> Option<u64> {
        if depth == 0 {
            self.known_bits.borrow_mut().clear();
        }
        // Each type is measured once, however often it is used; one that contains itself has no fixed size.
        if let Some(&known) = self.known_bits.borrow().get(&id) {
            return known;
        }
        self.known_bits.borrow_mut().insert(id, None);
        let bits = self.bits_of_fields(id, depth);
        self.known_bits.borrow_mut().insert(id, bits);
        bits
    }

    fn bits_of_fields(&self, id: TypeId, depth: u32) -> Option<u64> {
        let plan = self.plan.type_of(id);
        let mut bits = 0u64;
        for attr in &plan.seq {
            if !matches!(attr.shape, Shape::Bits { .. }) {
                bits = bits.next_multiple_of(8);
            }
            bits = bits.checked_add(self.bits_of_attr(attr, depth + 1)?)?;
        }
        Some(bits.next_multiple_of(8))
    }

    /// The size in bits of a field, if it never changes.
    pub(super) fn bits_of_attr(&self, attr: &Attr, depth: u32) -> Option<u64> {
        if depth == 0 {
            self.known_bits.borrow_mut().clear();
        }
        if depth > DEEPEST || attr.condition.is_some() || attr.value.is_some() || attr.pos.is_some() {
            return None;
        }
        let times = match attr.repeat {
            Repeat::Once => 1,
            Repeat::Times(count) => self.plan.expressions.constant(count)?,
            Repeat::Eos | Repeat::Until(_) => return None,
        };
        self.bits_of_one(attr, depth)?.checked_mul(times)
    }

    fn bits_of_one(&self, attr: &Attr, depth: u32) -> Option<u64> {
        if let Size::Of(size) = attr.limit.size {
            return self.plan.expressions.constant(size)?.checked_mul(8);
        }
        if attr.limit.is_bounded() {
            return None;
        }
        self.bits_of_shape(&attr.shape, depth)
    }

    fn bits_of_shape(&self, shape: &Shape, depth: u32) -> Option<u64> {
        match shape {
            Shape::Contents(span) => Some(u64::from(span.len()) * 8),
            Shape::Int { bytes, .. } | Shape::Float { bytes, .. } => Some(u64::from(*bytes) * 8),
            Shape::Bits { count, .. } => Some(u64::from(*count)),
            Shape::User(user) => self.bits_of_type(user.id, depth + 1),
            Shape::Switch(_, cases) => {
                // If no case matches, nothing is read.
                cases.iter().any(|(key, _)| key.is_none()).then_some(())?;
                let mut sizes = cases.iter().map(|(_, shape)| self.bits_of_shape(shape, depth + 1));
                let first = sizes.next()??;
                sizes.all(|size| size == Some(first)).then_some(first)
            }
            Shape::Bytes | Shape::Str(_) | Shape::Strz(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{field, loaded};

    #[test]
    fn sizes_that_never_change_are_known_in_bits() {
        let types = "types: {pair: {seq: [{id: a, type: u2}, {id: b, type: b3}]}}";
        let (plan, _) = loaded(
            "{id: p, type: pair}, {id: n, type: u1}, {id: body, size: n}, {id: list, type: u2, repeat: expr, repeat-expr: 3}, {id: o, type: u4, if: n == 1}",
            types,
        );
        let bits = |name| (field(&plan, name).fixed_bits, field(&plan, name).unit_bits);
        assert_eq!(bits("p"), (Some(24), Some(24)));
        assert_eq!(bits("body"), (None, None));
        assert_eq!(bits("list"), (Some(48), Some(48)));
        assert_eq!(bits("o"), (None, Some(32)), "an optional field has a size where it is present");
        assert_eq!(plan.root().fixed_bits, None);
    }

    #[test]
    fn a_type_that_contains_itself_has_no_fixed_size() {
        let (plan, _) = loaded("{id: more, type: u1}, {id: next, type: t, if: more == 1}", "");
        assert_eq!(field(&plan, "next").unit_bits, None);
    }
}
