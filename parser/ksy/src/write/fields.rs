//! Writes structures and their fields, as the reader goes through them.

use crate::plan::ObjectId;
use crate::write::bounded::raw_of;
use crate::write::error::Halt;
use framescope_parser::{Field, Value};

use crate::plan::{
    Attr, Node, NodeId, PADDING, Plan, Repeat, Shape, Size, Sym, TypePlan, UNREAD, UserType, Val,
};
use crate::run::Scope;
use crate::run::arena::{Slot, State};
use crate::write::{COUNT, Writer};

impl<'p> Writer<'p, '_> {
    /// Writes a structure with its own bytes, and those of them that no field explains.
    pub(super) fn whole_object(&mut self, id: ObjectId, fields: &[Field<'_>]) -> Result<(), Halt> {
        let rest = fields.iter().find(|field| field.name == UNREAD).and_then(|rest| rest.value.as_bytes());
        self.rests += u32::from(rest.is_some());
        let was_last = self.is_last;
        let written = self.object(id, fields);
        self.is_last = was_last;
        self.rests -= u32::from(rest.is_some());
        self.part.align();
        match (written, rest) {
            (Ok(()), None) => {}
            (Ok(()) | Err(Halt::Missing(_)), Some(rest)) => {
                let start = self.part.position();
                self.part.bytes.extend_from_slice(rest);
                self.part.unexplained.push(start..self.part.position());
            }
            (Err(halt), _) => return Err(halt),
        }
        self.place_instances(id, fields)
    }

    fn object(&mut self, id: ObjectId, fields: &[Field<'_>]) -> Result<(), Halt> {
        let plan = self.run.plan;
        let object = self.run.arena.object(id);
        let ty = plan.type_of(object.ty);
        self.run.spend(1).map_err(|stop| self.stopped(stop, id))?;
        self.run.choose_order(id, ty).map_err(|stop| self.stopped(stop, id))?;
        // A structure that begins with bits may begin in the byte in which others ended.
        let start = self.part.position() - u32::from(self.part.bit > 0);
        self.run.arena.object_mut(id).start = start;
        let depth = self.run.deeper().map_err(|stop| self.stopped(stop, id))?;
        self.show_instances(id, ty, fields);
        let written = self.fields(id, ty, fields);
        self.run.restore_depth(depth);
        let end = self.part.position();
        self.run.arena.object_mut(id).end = end;
        written
    }

    /// Lets expressions see the instances with bytes of their own that are given, as far as they are plain values.
    fn show_instances(&mut self, id: ObjectId, ty: &'p TypePlan, fields: &[Field<'_>]) {
        let placed = ty.instances.iter().filter(|attr| attr.value.is_none() && !attr.limit.is_bounded());
        for attr in placed.filter(|attr| matches!(attr.repeat, Repeat::Once)) {
            let name = self.run.plan.name(attr.sym);
            let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
            let val = match attr.shape {
                Shape::Bits { count: 1, .. } => {
                    self.whole_number(attr, Some(&field.value)).map(|n| Val::Bool(n != 0))
                }
                Shape::Int { .. } | Shape::Bits { .. } => {
                    self.whole_number(attr, Some(&field.value)).map(Val::Int)
                }
                _ => continue,
            };
            if let Ok(val) = val {
                let val = self.run.as_enum(val, attr);
                self.run.arena.set_slot(id, attr.slot, Slot { val, state: State::Done, ..Slot::EMPTY });
            }
        }
    }

    fn fields(&mut self, id: ObjectId, ty: &'p TypePlan, fields: &[Field<'_>]) -> Result<(), Halt> {
        let mut were_bits = false;
        let was_last = self.is_last;
        let last = match was_last && self.rests > 0 {
            true => ty.seq.iter().rposition(|attr| {
                let name = self.run.plan.name(attr.sym);
                fields.iter().any(|field| field.name == name)
            }),
            false => None,
        };
        for (at, attr) in ty.seq.iter().enumerate() {
            let bits = matches!(attr.shape, Shape::Bits { .. });
            if were_bits && !bits {
                self.part.align();
            }
            were_bits = bits;
            self.is_last = last.is_some_and(|last| at >= last);
            self.attr(id, attr, fields)?;
        }
        self.is_last = was_last;
        Ok(())
    }

    fn attr(&mut self, id: ObjectId, attr: &'p Attr, fields: &[Field<'_>]) -> Result<(), Halt> {
        let name = self.run.plan.name(attr.sym);
        let given = |field: &&Field<'_>| field.name == name;
        let is_given = fields.iter().any(|field| given(&field));
        self.place(id);
        if let Some(condition) = attr.condition {
            let known = match self.asks_for_the_end(condition, &Scope::of(id)) {
                true => None,
                false => self.run.truth(condition, &Scope::of(id)).ok(),
            };
            if !known.unwrap_or(is_given) {
                let absent = Slot { state: State::Absent, ..Slot::EMPTY };
                self.run.arena.set_slot(id, attr.slot, absent);
                return Ok(());
            }
        }
        if matches!(attr.repeat, Repeat::Once) {
            let slot = match fields.iter().find(given) {
                Some(field) => self.one(id, attr, Some(field), &Scope::of(id))?,
                None => self.not_given(id, attr)?,
            };
            self.run.arena.set_slot(id, attr.slot, slot);
            if attr.check.is_some() {
                self.part.checks.push((id, attr.slot));
            }
        } else {
            self.list(id, attr, fields)?;
        }
        // Bits after it that belong to no field.
        let last = fields.iter().rposition(|field| field.name == name);
        if let Some(behind) = last.and_then(|at| fields.get(at + 1)).filter(|field| field.name == PADDING) {
            self.part.padding = behind.value.as_u64().and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        }
        Ok(())
    }

    pub(super) fn list(&mut self, id: ObjectId, attr: &'p Attr, fields: &[Field<'_>]) -> Result<(), Halt> {
        let name = self.run.plan.name(attr.sym);
        let array = self.run.arena.new_array();
        let start = self.part.position();
        let slot = Slot { val: Val::Arr(array), state: State::Done, buffer: 0, start, end: start };
        self.run.arena.set_slot(id, attr.slot, slot);
        let mut count = 0u32;
        let was_last = self.is_last;
        let mut given = fields.iter().filter(|field| field.name == name).peekable();
        while let Some(field) = given.next() {
            self.is_last = was_last && given.peek().is_none();
            self.run.spend(2).map_err(|stop| self.stopped(stop, id))?;
            self.place(id);
            let scope = Scope { index: Some(count), ..Scope::of(id) };
            let item = self.one(id, attr, Some(field), &scope)?;
            self.run.arena.array_mut(array).push(item);
            count += 1;
        }
        self.is_last = was_last;
        let end = self.part.position();
        self.run.arena.set_slot(id, attr.slot, Slot { end, ..slot });
        if let Repeat::Times(node) = attr.repeat {
            // Items that could not be read follow as unexplained bytes, of this structure or one around it.
            let is_cut = self.is_last && self.rests > 0 || fields.iter().any(|field| field.name == UNREAD);
            let said = self.run.number(node, &Scope::of(id)).ok();
            if is_cut && said.is_none_or(|said| said > count.into()) {
                return Err(Halt::Missing(self.path(id, attr, Some(count))));
            }
            self.measure(node, Scope::of(id), self.path(id, attr, None), count.into(), COUNT);
        }
        Ok(())
    }

    /// A field that is not given: a constant, or derived from others.
    fn not_given(&mut self, id: ObjectId, attr: &'p Attr) -> Result<Slot, Halt> {
        let scope = Scope::of(id);
        let missing = Halt::Missing(self.path(id, attr, None));
        let field = |value| Field { name: "", range: 0..0, value, fields: Vec::new() };
        let Ok(shape) = self.run.chosen(&attr.shape, &scope) else { return Err(missing) };
        match shape {
            // Reading stopped here.
            Some(_) if self.rests > 0 => Err(missing),
            Some(Shape::Contents(_)) => self.one(id, attr, None, &scope),
            // If no case matches, nothing is read.
            None if !attr.limit.is_bounded() => Ok(Slot { state: State::Done, ..Slot::EMPTY }),
            Some(Shape::Int { .. } | Shape::Bits { .. }) => {
                let constant = match &attr.valid {
                    Some(crate::plan::Valid::Equal(node)) => self.run.number(*node, &scope).ok(),
                    _ => None,
                };
                let path = self.path(id, attr, None);
                let value = match constant.and_then(|n| u64::try_from(n).ok()) {
                    Some(constant) => constant,
                    None if attr.check.is_some() => 0,
                    // Expressions use such fields mostly for lengths; if no length determines the value, that is noted.
                    None if attr.needed || measures_instances(self.run.plan, attr.sym) => {
                        self.free.insert(path);
                        0
                    }
                    None => return Err(missing),
                };
                self.one(id, attr, Some(&field(Value::Unsigned(value))), &scope)
            }
            Some(Shape::Str(_)) if attr.check.is_some() => {
                // The digits of a check.
                let Some(size) = attr.fixed_bits.and_then(|bits| usize::try_from(bits / 8).ok()) else {
                    return Err(missing);
                };
                self.one(id, attr, Some(&field(Value::Text("0".repeat(size).into()))), &scope)
            }
            _ => Err(missing),
        }
    }

    /// One value of a field.
    pub(super) fn one(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Slot, Halt> {
        let shape = match self.run.chosen(&attr.shape, scope) {
            Ok(shape) => shape,
            // If no case could be chosen when it was read, it is given as bytes.
            Err(_)
                if attr.limit.is_bounded() && field.is_some_and(|field| field.value.as_bytes().is_some()) =>
            {
                None
            }
            Err(stop) => return Err(self.stopped(stop, id)),
        };
        if attr.limit.is_bounded() {
            return self.bounded(id, attr, shape, field, scope);
        }
        let Some(shape) = shape else { return Ok(Slot { state: State::Done, ..Slot::EMPTY }) };
        let is_bits = match shape {
            Shape::Bits { .. } => true,
            Shape::User(user) => self.run.begins_with_bits(user),
            _ => false,
        };
        if !is_bits {
            self.part.align();
        }
        let start = self.part.position() - u32::from(self.part.bit > 0);
        let val = self.shape(id, attr, shape, field, scope)?;
        if let (Shape::Float { .. }, Some(raw)) = (shape, field.and_then(raw_of)) {
            self.keep_raw(start, raw, |writer, raw| {
                let same = writer.run.float(raw, shape, scope);
                same.is_some_and(|n| !n.is_finite()) && !matches!(val, Val::Float(n) if n.is_finite())
            });
        }
        self.too_large(id)?;
        let end = self.part.position();
        Ok(Slot { val: self.run.as_enum(val, attr), state: State::Done, buffer: 0, start, end })
    }

    pub(super) fn shape(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        shape: &'p Shape,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Val, Halt> {
        if let Shape::User(user) = shape {
            return self.user(id, attr, user, field, scope);
        }
        let path = self.path(id, attr, scope.index);
        let solution = self.solution.get(&path).copied();
        self.leaf(attr, shape, field, solution, scope).map_err(|why| Halt::Failed { path, why })
    }

    fn user(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        user: &'p UserType,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Val, Halt> {
        let path = self.path(id, attr, scope.index);
        let Some(field) = field else { return Err(Halt::Missing(path)) };
        let owns = attr.limit.is_bounded();
        let io = if owns { self.new_io() } else { self.run.io_of(id) };
        let inner = self.run.open_user(user, io, scope).map_err(|stop| self.stopped(stop, id))?;
        self.paths.insert(inner, path);
        self.calls.insert(inner, (user, *scope));
        let written =
            if owns { self.whole_object(inner, &field.fields) } else { self.object(inner, &field.fields) };
        written.map(|()| Val::Obj(inner))
    }
}

/// Whether the size or number of an instance with bytes of its own depends on a field of this name.
fn measures_instances(plan: &Plan, name: Sym) -> bool {
    let uses = |ty: &TypePlan, node: NodeId| {
        let mut found = false;
        plan.expressions.walk(node, &mut |_, node| {
            found |= match node {
                Node::Slot(slot) => ty.attr(*slot).is_some_and(|attr| attr.sym == name),
                Node::Member(_, sym) | Node::Named(sym) => *sym == name,
                _ => false,
            };
        });
        found
    };
    let mut instances = plan.types.iter().flat_map(|ty| ty.instances.iter().map(move |attr| (ty, attr)));
    instances.any(|(ty, attr)| {
        let size = matches!(attr.limit.size, Size::Of(node) if uses(ty, node));
        size || matches!(attr.repeat, Repeat::Times(node) if uses(ty, node))
    })
}
