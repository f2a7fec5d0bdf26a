//! Derives the sizes that are the same in every message.

use std::collections::HashMap;
use std::sync::Arc;

use crate::load::Loader;
use crate::load::frame::Needs;
use crate::plan::{Attr, Plan, Repeat, Shape, Size, TypeId};

/// How deeply nested types are followed.
const DEEPEST: u32 = 90;

impl Loader {
    pub(super) fn finish(&mut self) {
        let mut sizes = Sizes::of(&self.plan);
        let measured: Vec<_> = (0..self.plan.types.len()).map(TypeId::at).map(|id| sizes.all(id)).collect();
        for (id, (bits, fields)) in measured.into_iter().enumerate() {
            let Some(plan) = self.plan_mut(TypeId::at(id)) else { continue };
            plan.fixed_bits = bits;
            let fields = plan.seq.iter_mut().zip(fields);
            fields.for_each(|(attr, [fixed, unit])| (attr.fixed_bits, attr.unit_bits) = (fixed, unit));
        }
        self.summaries();
        let roots = std::iter::once(TypeId::ROOT).chain(self.roots.iter().copied()).collect();
        let needed = Needs::of(&self.plan, roots, &[], Vec::new());
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
        }
    }
}

/// The sizes of types and fields in bits, as far as they never change.
pub(super) struct Sizes<'p> {
    plan: &'p Plan,
    /// Whether a field with a condition counts as present.
    optional: bool,
    known: HashMap<TypeId, Option<u64>>,
}

impl<'p> Sizes<'p> {
    pub(super) fn of(plan: &'p Plan) -> Sizes<'p> {
        Sizes { plan, optional: false, known: HashMap::new() }
    }

    /// The same where fields with a condition count as present, as `sizeof` has it.
    pub(super) fn where_all_is_present(plan: &'p Plan) -> Sizes<'p> {
        Sizes { optional: true, ..Sizes::of(plan) }
    }

    /// The size of a type; and of each of its fields, also where it is present.
    fn all(&mut self, id: TypeId) -> (Option<u64>, Vec<[Option<u64>; 2]>) {
        let plan = self.plan;
        let fields =
            plan.type_of(id).seq.iter().map(|attr| [self.attr(attr, 0), self.where_present(attr, 0)]);
        let fields = fields.collect();
        (self.type_of(id, 0), fields)
    }

    /// The size of every value of a type.
    pub(super) fn type_of(&mut self, id: TypeId, depth: u32) -> Option<u64> {
        // Each type is measured once, however often it is used; one that contains itself has no fixed size.
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        self.known.insert(id, None);
        let bits = self.fields(id, depth);
        self.known.insert(id, bits);
        bits
    }

    fn fields(&mut self, id: TypeId, depth: u32) -> Option<u64> {
        let mut bits = 0u64;
        for attr in &self.plan.type_of(id).seq {
            if !matches!(attr.shape, Shape::Bits { .. }) {
                bits = bits.next_multiple_of(8);
            }
            bits = bits.checked_add(self.attr(attr, depth + 1)?)?;
        }
        Some(bits.next_multiple_of(8))
    }

    /// The size of a field with all its items.
    pub(super) fn attr(&mut self, attr: &Attr, depth: u32) -> Option<u64> {
        match attr.condition {
            Some(_) if !self.optional => None,
            _ => self.where_present(attr, depth),
        }
    }

    fn where_present(&mut self, attr: &Attr, depth: u32) -> Option<u64> {
        let times = match attr.repeat {
            Repeat::Once => 1,
            Repeat::Times(count) => self.plan.expressions.constant(count)?,
            Repeat::Eos | Repeat::Until(_) => return None,
        };
        self.item(attr, depth)?.checked_mul(times)
    }

    /// The size of one item of a field.
    pub(super) fn item(&mut self, attr: &Attr, depth: u32) -> Option<u64> {
        if depth > DEEPEST || attr.value.is_some() {
            return None;
        }
        if let Size::Of(size) = attr.limit.size {
            return self.plan.expressions.constant(size)?.checked_mul(8);
        }
        if attr.limit.is_bounded() {
            return None;
        }
        self.shape(&attr.shape, depth)
    }

    fn shape(&mut self, shape: &Shape, depth: u32) -> Option<u64> {
        match shape {
            Shape::Contents(span) => Some(u64::from(span.len()) * 8),
            Shape::Int { bytes, .. } | Shape::Float { bytes, .. } => Some(u64::from(*bytes) * 8),
            Shape::Bits { count, .. } => Some(u64::from(*count)),
            Shape::User(user) => self.type_of(user.id, depth + 1),
            Shape::Switch(_, cases) => {
                // If no case matches, nothing is read.
                cases.iter().any(|(key, _)| key.is_none()).then_some(())?;
                let mut sizes = cases.iter().map(|(_, shape)| self.shape(shape, depth + 1));
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
