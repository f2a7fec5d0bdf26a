//! Reads structures and what stands in them.

use crate::plan::{Attr, Endian, Order, Shape, Size, Skim, Span, TypePlan, Val};
use crate::plan::{IoId, NodeId, ObjectId, TypeId};
use crate::run::arena::{Object, Slot, State, Stop};
use crate::run::numbers::integer;
use crate::run::quick::Quick;
use crate::run::{Mode, Run, Scope};

impl<'p> Run<'p, '_> {
    /// Adds a structure whose values are still to be read.
    pub(crate) fn begin_object(
        &mut self,
        ty: TypeId,
        io: IoId,
        parent: ObjectId,
        root: Option<ObjectId>,
    ) -> ObjectId {
        let slots = self.plan.type_of(ty).slot_count();
        let start = self.arena.io(io).pos;
        let le = if parent == ObjectId::NONE { None } else { self.arena.object(parent).le };
        let root = root.unwrap_or(ObjectId::at(self.arena.object_count()));
        self.arena.new_object(Object::begun(ty, io, (parent, root), start, le), slots)
    }

    /// Reads all fields of a structure.
    pub(crate) fn read_object(&mut self, id: ObjectId) -> Result<(), Stop> {
        let plan = self.plan;
        let object = self.arena.object(id);
        let ty = plan.type_of(object.ty);
        let before = self.deeper()?;
        let result = self.read_fields(id, ty);
        self.depth_is(before);
        let io = self.arena.io(object.io);
        let end = io.pos + u32::from(io.bit > 0);
        let object = self.arena.object_mut(id);
        (object.end, object.whole) = (end, result.is_ok());
        result
    }

    /// Reads as much of all fields as says where they end.
    fn skim_fields(&mut self, id: ObjectId, ty: &'p TypePlan) -> Result<(), Stop> {
        let mut were_bits = false;
        for step in &ty.skim {
            let at = match *step {
                Skim::Pass(bits) => {
                    let io = self.io_of(id);
                    self.aligned(io);
                    were_bits = false;
                    self.pass(io, bits)?;
                    continue;
                }
                Skim::Sized(at) | Skim::Field(at) => at,
            };
            let Some(attr) = ty.seq.get(usize::from(at)) else { continue };
            let bits = matches!(attr.shape, Shape::Bits { .. });
            if were_bits && !bits {
                self.aligned(self.io_of(id));
            }
            were_bits = bits;
            if self.read_number_at_once(id, attr).is_some() {
                continue;
            }
            let read = match (step, attr.limit.size) {
                (Skim::Sized(_), Size::Of(size)) => self.pass_sized(id, attr, size),
                _ => self.read_attr(id, attr),
            };
            read.map_err(|stop| self.named(stop, attr))?;
        }
        Ok(())
    }

    fn pass_sized(&mut self, id: ObjectId, attr: &'p Attr, size: NodeId) -> Result<(), Stop> {
        let scope = Scope::of(id);
        if let Some(condition) = attr.condition
            && !self.truth(condition, &scope)?
        {
            return Ok(());
        }
        let io = self.io_of(id);
        self.aligned(io);
        let size = self.size(size, &scope)?;
        self.pass(io, size * 8)
    }

    /// Reads a field that is nothing but a number which is there whole. Gives nothing if it is anything else.
    #[inline]
    fn read_number_at_once(&mut self, id: ObjectId, attr: &'p Attr) -> Option<i128> {
        let Shape::Int { bytes, signed, order } = attr.shape else { return None };
        if !attr.is_plain || self.mode == Mode::Skim && !attr.needed {
            return None;
        }
        let object = self.arena.object(id);
        let le = match (order, object.le) {
            (Order::Le, _) => true,
            (Order::Be, _) => false,
            (Order::Structure, Some(le)) => le,
            (Order::Structure, None) => return None,
        };
        let io = self.arena.io(object.io);
        let (start, end) = (io.pos, io.pos.saturating_add(u32::from(bytes)));
        if io.bit > 0 || end > io.end || io.buffer != Span::MESSAGE {
            return None;
        }
        let own = self.message.get(start as usize..end as usize)?;
        let n = integer(own, signed, le);
        let val = attr.enumeration.map_or(Val::Int(n), |of| Val::Enum(of, n));
        self.arena.io_mut(object.io).pos = end;
        let slot = Slot { val, state: State::Done, buffer: Span::MESSAGE, start, end };
        self.arena.set_slot(id, attr.slot, slot);
        Some(n)
    }

    /// Finds out the byte order of a structure's numbers.
    pub(crate) fn choose_order(&mut self, id: ObjectId, ty: &'p TypePlan) -> Result<(), Stop> {
        match &ty.endian {
            Endian::Inherit => {}
            Endian::Le | Endian::Be => self.set_order(id, matches!(ty.endian, Endian::Le)),
            Endian::Switch(on, cases) => {
                let scope = Scope::of(id);
                let on = self.eval(*on, &scope)?;
                for (key, le) in cases {
                    let fits = match key {
                        None => true,
                        Some(key) => {
                            let key = self.eval(*key, &scope)?;
                            self.equal(on, key)?
                        }
                    };
                    if fits {
                        self.set_order(id, *le);
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn read_fields(&mut self, id: ObjectId, ty: &'p TypePlan) -> Result<(), Stop> {
        self.spend(1 + ty.slot_count() as u64 / 16)?;
        self.choose_order(id, ty)?;
        if self.mode == Mode::Skim {
            return self.skim_fields(id, ty);
        }
        let mut were_bits = false;
        for attr in &ty.seq {
            let bits = matches!(attr.shape, Shape::Bits { .. });
            if were_bits && !bits {
                self.aligned(self.io_of(id));
            }
            were_bits = bits;
            if let Some(n) = self.read_number_at_once(id, attr) {
                let scope = Scope::of(id);
                let is_valid = attr.valid.as_ref().is_none_or(|valid| {
                    let own = Quick::number(attr.enumeration, n);
                    own.is_something() && self.is_valid_at_once(valid, own, &scope)
                });
                if !is_valid || attr.check.is_some() {
                    let slot = *self.arena.slot(id, attr.slot);
                    self.test(id, attr, slot, &scope).map_err(|stop| self.named(stop, attr))?;
                }
                continue;
            }
            self.read_attr(id, attr).map_err(|stop| self.named(stop, attr))?;
        }
        Ok(())
    }

    fn set_order(&mut self, id: ObjectId, le: bool) {
        self.arena.object_mut(id).le = Some(le);
    }
}
