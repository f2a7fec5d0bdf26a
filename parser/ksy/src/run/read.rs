//! Reads structures, field by field.

use crate::plan::{Attr, Endian, Order, Shape, Span, TypePlan, Val};
use crate::plan::{IoId, ObjectId, TypeId};
use crate::run::arena::{Around, Object, Slot, State, Stop};
use crate::run::numbers::integer;
use crate::run::plain::Plain;
use crate::run::{Mode, Run, Scope};

impl<'p> Run<'p, '_> {
    /// Adds a structure whose values are not read yet. Its numbers have the byte order of those around it.
    pub(crate) fn begin_object(
        &mut self,
        ty: TypeId,
        io: IoId,
        around: Around,
        le: Option<bool>,
    ) -> ObjectId {
        let slots = self.plan.type_of(ty).slot_count();
        let start = self.arena.io(io).pos;
        self.arena.new_object(Object::begun(ty, io, around, start, le), slots)
    }

    /// Reads all fields of a structure.
    pub(crate) fn read_object(&mut self, id: ObjectId) -> Result<(), Stop> {
        let plan = self.plan;
        let object = self.arena.object(id);
        let ty = plan.type_of(object.ty);
        let before = self.deeper()?;
        let result = self.read_fields(id, ty);
        self.restore_depth(before);
        let io = self.arena.io(object.io);
        let end = io.pos + u32::from(io.bit > 0);
        let object = self.arena.object_mut(id);
        (object.end, object.whole) = (end, result.is_ok());
        result
    }

    /// Reads a field that is a plain number and completely present. None if it is anything else.
    #[inline]
    fn read_plain_number(&mut self, id: ObjectId, attr: &'p Attr) -> Option<i128> {
        let Shape::Int { bytes, signed, order } = attr.shape else { return None };
        if !attr.is_plain || self.mode == Mode::Frame && !attr.needed {
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

    /// Chooses the byte order of a structure's numbers.
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
        self.read_seq(id, &ty.seq)
    }

    /// Reads the first fields of a structure, or all.
    pub(super) fn read_seq(&mut self, id: ObjectId, seq: &'p [Attr]) -> Result<(), Stop> {
        let mut were_bits = false;
        for attr in seq {
            let bits = matches!(attr.shape, Shape::Bits { .. });
            if were_bits && !bits {
                self.aligned(self.io_of(id));
            }
            were_bits = bits;
            if let Some(n) = self.read_plain_number(id, attr) {
                if self.mode == Mode::Frame {
                    continue;
                }
                let scope = Scope::of(id);
                let is_valid = attr.valid.as_ref().is_none_or(|valid| {
                    let own = Plain::number(attr.enumeration, n);
                    own.is_something() && self.is_plainly_valid(valid, own, &scope)
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
