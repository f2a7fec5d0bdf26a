//! Structures, field by field.

use crate::plan::{Attr, Endian, Repeat, Shape, Size, TypePlan};
use crate::program::compile::{Compiler, DEEPEST, MOST_STEPS, Place, Purpose, Stored};
use crate::program::report::{How, ReportedField};
use crate::program::selected::Selected;
use crate::program::step::{NONE, Step};

impl<'p> Compiler<'p> {
    /// The steps of a structure. None if it can't be compiled at all.
    pub(super) fn structure(&mut self, frame: usize, depth: u32) -> Option<()> {
        if depth > DEEPEST || self.program.steps.len() > MOST_STEPS {
            return None;
        }
        let plan = self.plan;
        let (ty, begin) = self.frame(frame).map(|frame| (frame.ty, frame.begin))?;
        let ty: &'p TypePlan = plan.type_of(ty);
        self.cost += 2 + ty.slot_count() / 16;
        let is_foreign = self.frame(frame)?.is_foreign;
        let around = self.frame(frame)?.around.filter(|_| !is_foreign);
        let around = around.and_then(|around| self.frame(around)?.le);
        self.frames.get_mut(frame)?.le = match ty.endian {
            Endian::Le => Some(true),
            Endian::Be => Some(false),
            Endian::Inherit => around,
            Endian::Switch(..) => return None,
        };
        // The bytes that a check covers may begin here.
        self.push(Step::Mark(begin))?;
        let mut were_bits = false;
        for at in 0..self.length(frame, ty) {
            let attr = ty.seq.get(at)?;
            let are_bits = matches!(attr.shape, Shape::Bits { .. });
            if std::mem::replace(&mut were_bits, are_bits) && !are_bits {
                self.align();
            }
            self.or_stop(|it| it.present(frame, ty, attr, depth));
        }
        if self.whole {
            self.or_stop(|it| it.instances(frame, ty, depth));
        }
        Some(())
    }

    /// How many fields of a structure are read.
    fn length(&self, frame: usize, ty: &'p TypePlan) -> usize {
        match self.purpose {
            // Nothing after the last reported field affects the fields before it.
            Purpose::Fields(choice) if frame == 0 => {
                let last = ty.seq.iter().rposition(|attr| self.matters(choice, frame, attr));
                last.map_or(0, |last| last + 1)
            }
            _ => self.last.filter(|_| frame == 0).unwrap_or(ty.seq.len()),
        }
    }

    /// A field, if its condition holds.
    pub(super) fn present(
        &mut self,
        frame: usize,
        ty: &'p TypePlan,
        attr: &'p Attr,
        depth: u32,
    ) -> Option<()> {
        let Some(condition) = attr.condition else { return self.field(frame, ty, attr, depth) };
        let jumps = self.jumps(condition, frame, false)?;
        let before = self.in_byte;
        let barrier = self.program.steps.len();
        self.barrier = barrier;
        self.conditional(|it| {
            it.or_stop(|it| it.field(frame, ty, attr, depth));
            Some(())
        })?;
        self.in_byte = self.in_byte.or(before);
        self.land(jumps);
        Some(())
    }

    fn field(&mut self, frame: usize, ty: &'p TypePlan, attr: &'p Attr, depth: u32) -> Option<()> {
        if self.is_passed_over(frame, attr) && self.pass_over(frame, attr)?.is_some() {
            return Some(());
        }
        let is_edge = |attr: &Attr, is_end: bool| {
            let checks = ty.seq.iter().filter_map(|attr| attr.check.as_ref());
            let mut edges = checks.flat_map(|check| {
                let from = match check.from {
                    crate::plan::Edge::Field(slot) => Some((slot, false)),
                    _ => None,
                };
                [from, check.to.map(|slot| (slot, true))]
            });
            edges.any(|edge| edge == Some((attr.slot, is_end)))
        };
        if self.whole && is_edge(attr, false) {
            // A field of whole bytes begins at one.
            if !matches!(attr.shape, Shape::Bits { .. }) {
                self.align();
            }
            self.edge(frame, attr, false)?;
        }
        self.cost += 2;
        let place = Place { frame, attr, depth };
        match attr.repeat {
            Repeat::Once => self.shape(place, &attr.shape)?,
            _ => self.list(place)?,
        }
        if self.whole && is_edge(attr, true) {
            self.edge(frame, attr, true)?;
        }
        Some(())
    }

    /// Stores where a field begins or ends, for checks.
    fn edge(&mut self, frame: usize, attr: &Attr, is_end: bool) -> Option<()> {
        let register = self.register()?;
        self.push(Step::Mark(register))?;
        if self.block() != 0 {
            self.push(Step::Known(register))?;
        }
        let stored = Stored { register, kind: crate::program::step::Kind::Int, block: self.block() };
        self.frames.get_mut(frame)?.edges.insert((attr.slot, is_end), stored);
        Some(())
    }

    /// Whether only the extent of a field matters.
    fn is_passed_over(&self, frame: usize, attr: &'p Attr) -> bool {
        match self.purpose {
            Purpose::Whole(_) => false,
            Purpose::End => !attr.needed,
            Purpose::Kind => {
                let is_number = matches!(attr.shape, Shape::Int { .. } | Shape::Bits { .. });
                !attr.needed && !is_number && attr.limit.is_bounded()
            }
            Purpose::Fields(choice) => {
                // Expressions may use any number, and reading one costs no more than skipping it.
                let is_number = matches!(attr.shape, Shape::Int { .. } | Shape::Bits { .. });
                // Whatever is around it ends before numbers whose byte order nothing decides.
                let is_certain = attr.limit.is_bounded() || !self.plan.chooses_endian(&attr.shape);
                !attr.needed && !is_number && is_certain && !self.matters(choice, frame, attr)
            }
        }
    }

    /// Skips a field, if its extent is known without its contents.
    fn pass_over(&mut self, frame: usize, attr: &'p Attr) -> Option<Option<()>> {
        let may_fault = matches!(self.purpose, Purpose::Fields(_)) && self.plan.chooses_endian(&attr.shape);
        if let Some(bits) = attr.unit_bits.filter(|bits| bits % 8 == 0 && !may_fault)
            && !matches!(attr.shape, Shape::Bits { .. })
            && !attr.begins_with_bits(self.plan)
        {
            self.align();
            let bytes = u32::try_from(bits / 8).ok()?;
            let is_joined = self.program.steps.len() > self.barrier;
            match self.program.steps.last_mut() {
                // Nothing jumps between the two.
                Some(Step::Skip(count)) if is_joined => *count = count.checked_add(bytes)?,
                _ => {
                    self.push(Step::Skip(bytes))?;
                }
            }
            return Some(Some(()));
        }
        if let (Size::Of(size), Repeat::Once) = (attr.limit.size, attr.repeat) {
            self.align();
            let size = self.number(size, frame)?;
            self.push(Step::SkipBy(size))?;
            return Some(Some(()));
        }
        Some(None)
    }

    /// Whether a field is reported, or may contain one that is.
    pub(super) fn matters(&self, selected: &Selected<'_>, frame: usize, attr: &'p Attr) -> bool {
        let ty = self.frame(frame).map_or(self.plan.root, |frame| frame.ty);
        selected.is_of(&self.path, self.plan.name(attr.sym), ty, attr.slot)
            || selected.is_in(self.plan, &attr.shape)
    }

    /// Whether a field itself is reported.
    pub(super) fn is_reported(&self, frame: usize, attr: &Attr) -> bool {
        let ty = self.frame(frame).map_or(self.plan.root, |frame| frame.ty);
        match self.purpose {
            _ if self.is_silent => false,
            Purpose::End | Purpose::Kind => false,
            Purpose::Whole(_) => true,
            Purpose::Fields(choice) => choice.is_of(&self.path, self.plan.name(attr.sym), ty, attr.slot),
        }
    }

    /// The field as which a value is reported; [`NONE`] if it is not.
    pub(super) fn reported(&mut self, frame: usize, attr: &Attr, how: How) -> Option<u16> {
        if !self.is_reported(frame, attr) {
            return Some(NONE);
        }
        let ty = self.frame(frame)?.ty;
        let fields = &mut self.program.fields;
        fields.push(ReportedField { name: self.plan.name(attr.sym).into(), ty, slot: attr.slot, how });
        // Later steps are not merged with those of a reported field.
        u16::try_from(fields.len() - 1).ok().filter(|&field| field != NONE)
    }
}
