//! Reads structures and what stands in them.

use framescope_parser::Code;

use super::arena::{Io, Object, Padding, Slot, State, Stop};
use super::quick::Quick;
use super::shape::integer;
use super::{Mode, Run, Scope};
use crate::plan::{Attr, Endian, Order, Repeat, Shape, Size, Skim, Span, TypePlan, Val};

impl<'p> Run<'p, '_> {
    /// Adds a structure whose values are still to be read.
    pub(crate) fn begin_object(&mut self, ty: u32, io: u32, parent: u32, root: Option<u32>) -> u32 {
        let id = u32::try_from(self.arena.objects.len()).unwrap_or(u32::MAX);
        let slots = u32::try_from(self.arena.slots.len()).unwrap_or(u32::MAX);
        let count = self.plan.type_of(ty).map_or(0, |plan| plan.slot_count());
        self.arena.slots.resize(self.arena.slots.len() + count, Slot::EMPTY);
        let start = self.arena.ios.get(io as usize).map_or(0, |io| io.pos);
        let le = self.arena.object(parent).and_then(|parent| parent.le);
        self.arena.objects.push(Object {
            ty,
            slots,
            io,
            parent,
            root: root.unwrap_or(id),
            start,
            end: start,
            le,
            whole: false,
        });
        id
    }

    /// Reads all fields of a structure.
    pub(crate) fn read_object(&mut self, id: u32) -> Result<(), Stop> {
        let plan = self.plan;
        let Some(object) = self.arena.object(id) else { return Ok(()) };
        let Some(ty) = plan.type_of(object.ty) else { return Ok(()) };
        let before = self.deeper()?;
        let result = self.read_fields(id, ty);
        self.depth_is(before);
        let end = self.arena.ios.get(object.io as usize).map_or(0, |io| io.pos + u32::from(io.bit > 0));
        if let Some(object) = self.arena.objects.get_mut(id as usize) {
            (object.end, object.whole) = (end, result.is_ok());
        }
        result
    }

    /// Reads as much of all fields as says where they end.
    fn skim_fields(&mut self, id: u32, ty: &'p TypePlan) -> Result<(), Stop> {
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

    fn pass_sized(&mut self, id: u32, attr: &'p Attr, size: u32) -> Result<(), Stop> {
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
    fn read_number_at_once(&mut self, id: u32, attr: &'p Attr) -> Option<i128> {
        let Shape::Int { bytes, signed, order } = attr.shape else { return None };
        if !attr.is_plain || self.mode == Mode::Skim && !attr.needed {
            return None;
        }
        let object = self.arena.objects.get(id as usize)?;
        let le = match (order, object.le) {
            (Order::Le, _) => true,
            (Order::Be, _) => false,
            (Order::Structure, Some(le)) => le,
            (Order::Structure, None) => return None,
        };
        let io = self.arena.ios.get(object.io as usize)?;
        let (start, end) = (io.pos, io.pos.saturating_add(u32::from(bytes)));
        if io.bit > 0 || end > io.end || io.buffer != Span::MESSAGE {
            return None;
        }
        let own = self.message.get(start as usize..end as usize)?;
        let n = integer(own, signed, le);
        let val = attr.enumeration.map_or(Val::Int(n), |of| Val::Enum(of, n));
        let at = object.slots as usize + usize::from(attr.slot);
        if let Some(io) = self.arena.ios.get_mut(object.io as usize) {
            io.pos = end;
        }
        if let Some(slot) = self.arena.slots.get_mut(at) {
            *slot = Slot { val, state: State::Done, buffer: Span::MESSAGE, start, end };
        }
        Some(n)
    }

    /// Finds out the byte order of a structure's numbers.
    pub(crate) fn choose_order(&mut self, id: u32, ty: &'p TypePlan) -> Result<(), Stop> {
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

    fn read_fields(&mut self, id: u32, ty: &'p TypePlan) -> Result<(), Stop> {
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
                    let slot = self.arena.slot(id, attr.slot);
                    self.test(id, attr, slot, &scope).map_err(|stop| self.named(stop, attr))?;
                }
                continue;
            }
            self.read_attr(id, attr).map_err(|stop| self.named(stop, attr))?;
        }
        Ok(())
    }

    fn set_order(&mut self, id: u32, le: bool) {
        if let Some(object) = self.arena.objects.get_mut(id as usize) {
            object.le = Some(le);
        }
    }

    /// Passes over the rest of a byte that was begun.
    #[inline]
    pub(crate) fn aligned(&mut self, io: u32) {
        if self.arena.ios.get(io as usize).is_some_and(|io| io.bit > 0) {
            self.pass_rest_of_byte(io);
        }
    }

    /// Bits that no field has are kept where they are not zero, so that the message can be written as it was.
    fn pass_rest_of_byte(&mut self, io: u32) {
        let stored = self.io(io);
        let span = Span { buffer: stored.buffer, start: stored.pos, end: stored.pos + 1 };
        if self.mode == Mode::Full
            && let Some(&byte) = self.bytes(span).first()
        {
            let (object, slot, le) = self.last_bits;
            let value = if le { byte >> stored.bit } else { byte & 0xff >> stored.bit };
            if value != 0 {
                self.arena.paddings.push(Padding { object, slot, span, value });
            }
        }
        if let Some(stored) = self.arena.ios.get_mut(io as usize) {
            (stored.pos, stored.bit) = (stored.pos + 1, 0);
        }
    }

    /// A stop that says which field it concerns, the innermost.
    pub(crate) fn named(&self, stop: Stop, attr: &Attr) -> Stop {
        match stop {
            Stop::Fault(mut fault) => {
                fault.field.get_or_insert(attr.sym);
                // What the author calls it, of the innermost field that has a word for it. A limit is no fault of the message.
                if let Some(code) = attr.problem
                    && self.mode == Mode::Full
                    && !fault.is_renamed
                    && fault.code != Code::LimitExceeded
                {
                    (fault.code, fault.is_renamed) = (code, true);
                }
                Stop::Fault(fault)
            }
            Stop::More(_) | Stop::Missing => stop,
        }
    }

    /// Notes what is wrong and goes on, or stops.
    pub(crate) fn tolerate(&mut self, stop: Stop, attr: &Attr) -> Result<(), Stop> {
        match stop {
            Stop::Fault(fault) if self.mode != Mode::Strict && fault.code != Code::LimitExceeded => {
                if self.mode == Mode::Full
                    && let Stop::Fault(fault) = self.named(Stop::Fault(fault), attr)
                {
                    self.arena.faults.push(*fault);
                }
                Ok(())
            }
            stop => Err(stop),
        }
    }

    /// Lets expressions of a structure see its stream as it is at a place.
    pub(crate) fn ends_at(&mut self, object: u32, pos: u32) {
        let io = self.io_of(object);
        if let Some(io) = self.arena.ios.get_mut(io as usize) {
            (io.pos, io.bit) = (pos, 0);
        }
    }

    pub(crate) fn io_of(&self, object: u32) -> u32 {
        self.arena.object(object).map_or(0, |object| object.io)
    }

    pub(crate) fn io(&self, io: u32) -> Io {
        let nothing = Io { buffer: 0, base: 0, end: 0, pos: 0, bit: 0, open: false };
        self.arena.ios.get(io as usize).copied().unwrap_or(nothing)
    }

    fn read_attr(&mut self, id: u32, attr: &'p Attr) -> Result<(), Stop> {
        if let Some(condition) = attr.condition
            && !self.truth(condition, &Scope::of(id))?
        {
            self.arena.set_slot(id, attr.slot, Slot { state: State::Absent, ..Slot::EMPTY });
            return Ok(());
        }
        let io = self.io_of(id);
        if self.mode == Mode::Skim
            && !attr.needed
            && let Some(bits) = attr.unit_bits
        {
            if attr.check.is_some() {
                self.aligned(io);
            }
            let begun = self.io(io);
            self.pass(io, bits)?;
            if attr.check.is_some() {
                let end = self.io(io).pos;
                let slot =
                    Slot { state: State::Done, buffer: begun.buffer, start: begun.pos, end, ..Slot::EMPTY };
                self.arena.set_slot(id, attr.slot, slot);
            }
            return Ok(());
        }
        self.read_repeated(id, attr, io)
    }

    /// Passes over bits whose number never changes. In the stream itself that may go behind what is there.
    pub(crate) fn pass(&mut self, io: u32, bits: u64) -> Result<(), Stop> {
        let Some(stored) = self.arena.ios.get_mut(io as usize) else { return Ok(()) };
        let all = u64::from(stored.pos) * 8 + u64::from(stored.bit) + bits;
        let pos = u32::try_from(all / 8).unwrap_or(u32::MAX);
        if !stored.open && all.div_ceil(8) > u64::from(stored.end) {
            return Err(self.ends(io, u64::from(pos) - u64::from(self.io(io).pos)));
        }
        stored.pos = pos;
        stored.bit = u8::try_from(all % 8).unwrap_or(0);
        Ok(())
    }

    /// There are fewer bytes than are wanted.
    #[cold]
    pub(crate) fn ends(&mut self, io: u32, wanted: u64) -> Stop {
        let io = self.io(io);
        let there = io.end.saturating_sub(io.pos);
        if io.open {
            return Stop::More((u64::from(io.pos) + wanted).saturating_sub(u64::from(io.end)).max(1));
        }
        let span = Span { buffer: io.buffer, start: io.pos.min(io.end), end: io.end };
        let plural = if wanted == 1 { "byte is" } else { "bytes are" };
        self.fault(Code::EndOfStream, span, format!("{wanted} {plural} wanted, and {there} are left"))
    }

    /// Takes bytes.
    #[inline]
    pub(crate) fn take(&mut self, io: u32, wanted: u64) -> Result<Span, Stop> {
        self.aligned(io);
        let Some(stored) = self.arena.ios.get_mut(io as usize) else {
            return Ok(Span { buffer: 0, start: 0, end: 0 });
        };
        let end = u64::from(stored.pos) + wanted;
        if end > u64::from(stored.end) {
            return Err(self.ends(io, wanted));
        }
        let start = stored.pos;
        stored.pos = u32::try_from(end).unwrap_or(u32::MAX);
        Ok(Span { buffer: stored.buffer, start, end: stored.pos })
    }

    fn read_repeated(&mut self, id: u32, attr: &'p Attr, io: u32) -> Result<(), Stop> {
        let mut scope = Scope::of(id);
        if matches!(attr.repeat, Repeat::Once) {
            let slot = match self.read_one(attr, io, &scope) {
                Ok(slot) => slot,
                Err(stop) => {
                    if let Some(slot) = self.begun() {
                        self.arena.set_slot(id, attr.slot, slot);
                    }
                    return Err(stop);
                }
            };
            self.arena.set_slot(id, attr.slot, slot);
            if self.mode != Mode::Skim {
                self.test(id, attr, slot, &scope)?;
            }
            return Ok(());
        }
        let array = self.arena.new_array();
        let begun = self.io(io);
        let whole = |run: &Self| {
            let now = run.io(io);
            let end = now.pos + u32::from(now.bit > 0);
            Slot { val: Val::Arr(array), state: State::Done, buffer: begun.buffer, start: begun.pos, end }
        };
        // Items may ask for those before them.
        let slot = whole(self);
        self.arena.set_slot(id, attr.slot, slot);
        let times = match attr.repeat {
            Repeat::Times(times) => Some(self.number(times, &scope)?),
            _ => None,
        };
        let mut index = 0u32;
        let result = loop {
            let goes_on = match (attr.repeat, times) {
                (_, Some(times)) => i128::from(index) < times,
                (Repeat::Eos, _) => {
                    let io = self.io(io);
                    io.pos < io.end
                }
                _ => true,
            };
            if !goes_on {
                break Ok(());
            }
            if let Err(stop) = self.spend(2) {
                break Err(stop);
            }
            scope.index = Some(index);
            let item = match self.read_one(attr, io, &scope) {
                Ok(item) => item,
                Err(stop) => {
                    if let Some(item) = self.begun()
                        && let Some(items) = self.arena.array_mut(array)
                    {
                        items.push(item);
                    }
                    break Err(stop);
                }
            };
            if let Some(items) = self.arena.array_mut(array) {
                items.push(item);
            }
            if self.mode != Mode::Skim
                && let Err(stop) = self.test(id, attr, item, &scope)
            {
                break Err(stop);
            }
            if let Repeat::Until(until) = attr.repeat {
                let scope = Scope { element: item.val, ..scope };
                match self.truth(until, &scope) {
                    Ok(true) => break Ok(()),
                    Ok(false) => {}
                    Err(stop) => break Err(stop),
                }
            }
            index += 1;
        };
        let slot = whole(self);
        self.arena.set_slot(id, attr.slot, slot);
        result
    }

    /// The structure in which reading stopped just now, so that whoever looks at what was read finds it where it belongs.
    fn begun(&mut self) -> Option<Slot> {
        let id = self.begun.take()?;
        let object = self.arena.object(id)?;
        let io = self.io(object.io);
        let end = (io.pos + u32::from(io.bit > 0)).min(io.end).max(object.start);
        Some(Slot { val: Val::Obj(id), state: State::Done, buffer: io.buffer, start: object.start, end })
    }

    /// Reads one value of a field.
    fn read_one(&mut self, attr: &'p Attr, io: u32, scope: &Scope) -> Result<Slot, Stop> {
        if attr.limit.is_bounded() {
            return self.read_bounded(attr, io, scope);
        }
        let begun = self.io(io);
        let shape = self.chosen(&attr.shape, scope)?;
        let val = match shape {
            Some(shape) => self.read_shape(shape, io, scope)?,
            None => Val::Null,
        };
        let ended = self.io(io);
        if ended.bit > 0 && !matches!(val, Val::Obj(_)) {
            (self.last_bits.0, self.last_bits.1) = (scope.object, attr.slot);
        }
        // Bytes begin at the next whole one; bits, and a structure that begins with some, in the one that others ended in.
        let goes_on = match shape {
            Some(Shape::Bits { .. }) => true,
            Some(Shape::User(user)) => self.begins_with_bits(user),
            _ => false,
        };
        let start = begun.pos + u32::from(begun.bit > 0 && !goes_on);
        let end = ended.pos + u32::from(ended.bit > 0);
        Ok(Slot {
            val: self.as_enum(val, attr),
            state: State::Done,
            buffer: begun.buffer,
            start,
            end: end.max(start),
        })
    }

    pub(crate) fn as_enum(&self, val: Val, attr: &Attr) -> Val {
        match (attr.enumeration, val) {
            (Some(of), Val::Int(n)) => Val::Enum(of, n),
            (Some(of), Val::Bool(b)) => Val::Enum(of, b.into()),
            _ => val,
        }
    }

    /// Reads bytes whose extent is said, and then what is in them.
    fn read_bounded(&mut self, attr: &'p Attr, io: u32, scope: &Scope) -> Result<Slot, Stop> {
        self.aligned(io);
        let begun = self.io(io);
        if self.mode == Mode::Skim
            && !attr.needed
            && let Size::Of(size) = attr.limit.size
        {
            let size = self.size(size, scope)?;
            self.pass(io, size * 8)?;
            let end = self.io(io).pos;
            return Ok(Slot {
                state: State::Done,
                buffer: begun.buffer,
                start: begun.pos,
                end,
                ..Slot::EMPTY
            });
        }
        let raw = self.extent(attr, io, scope)?;
        let ended = self.io(io);
        let mut slot = Slot {
            val: Val::Null,
            state: State::Done,
            buffer: begun.buffer,
            start: begun.pos,
            end: ended.pos,
        };
        if self.mode == Mode::Skim && !attr.needed {
            return Ok(slot);
        }
        let cut = ended.pos > ended.end;
        let read = match attr.process {
            Some(_) if self.lacks(raw) => self.unknown(),
            _ => self.processed(attr, raw, scope).and_then(|inner| self.inside(attr, inner, cut, scope)),
        };
        slot.val = match read {
            Ok(val) => val,
            Err(stop) => {
                // What was read before it went wrong is kept.
                let object = self.begun.take().map_or(Val::Null, Val::Obj);
                match stop {
                    // The bytes that are there end before the message does.
                    Stop::More(_) if cut => {}
                    // What is not known inside of a part does not move its end.
                    Stop::Missing if self.mode == Mode::Full => {}
                    stop => {
                        if let Err(stop) = self.tolerate(stop, attr) {
                            self.keep(scope, attr, Slot { val: object, ..slot });
                            return Err(stop);
                        }
                    }
                }
                object
            }
        };
        if cut {
            self.keep(scope, attr, slot);
            return Err(Stop::More(u64::from(ended.pos - ended.end)));
        }
        Ok(slot)
    }

    /// Keeps what was read of a field before reading stops.
    fn keep(&mut self, scope: &Scope, attr: &Attr, slot: Slot) {
        match self.arena.slot(scope.object, attr.slot).val {
            Val::Arr(array) => {
                if let Some(items) = self.arena.array_mut(array) {
                    items.push(slot);
                }
            }
            _ => self.arena.set_slot(scope.object, attr.slot, slot),
        }
    }

    /// Reads an instance: computes it, or reads it where it stands.
    pub(crate) fn read_instance(&mut self, id: u32, attr: &'p Attr) -> Result<(), Stop> {
        self.spend(1)?;
        let scope = Scope::of(id);
        if let Some(condition) = attr.condition
            && !self.truth(condition, &scope)?
        {
            self.arena.set_slot(id, attr.slot, Slot { state: State::Absent, ..Slot::EMPTY });
            return Ok(());
        }
        self.arena.set_slot(id, attr.slot, Slot { state: State::Busy, ..Slot::EMPTY });
        if let Some(value) = attr.value {
            let val = self.eval(value, &scope)?;
            let val = self.as_enum(val, attr);
            // It is told with all that it holds, however many others hold the same.
            self.spend(self.length_of(val))?;
            let slot = Slot { val, state: State::Done, ..Slot::EMPTY };
            self.arena.set_slot(id, attr.slot, slot);
            if self.mode != Mode::Skim {
                self.test(id, attr, slot, &scope)?;
            }
            return Ok(());
        }
        if self.writes {
            return Err(self.wrong(Code::NoMatch, "it would be read from bytes that are not written yet"));
        }
        let io = match attr.io {
            Some(io) => match self.eval(io, &scope)? {
                Val::Io(io) => io,
                other => {
                    return Err(self.wrong(
                        Code::Conversion,
                        format!("a stream is wanted, and there is {}", Self::what(other)),
                    ));
                }
            },
            None => self.io_of(id),
        };
        let before = self.io(io);
        if let Some(pos) = attr.pos {
            let pos = self.number(pos, &scope)?;
            let pos = u64::try_from(pos).ok().map(|pos| u64::from(before.base) + pos);
            // While a message's end is looked for, what lies further on may still come.
            let waits = before.open && self.mode == Mode::Skim;
            if let Some(pos) = pos.filter(|&pos| waits && pos > u64::from(before.end)) {
                return Err(Stop::More(pos - u64::from(before.end)));
            }
            let pos = pos.and_then(|pos| u32::try_from(pos).ok()).filter(|&pos| pos <= before.end);
            let Some(pos) = pos else {
                let span = Span { buffer: before.buffer, start: before.end, end: before.end };
                return Err(self.fault(
                    Code::EndOfStream,
                    span,
                    "this would stand outside of the bytes there are",
                ));
            };
            if let Some(stored) = self.arena.ios.get_mut(io as usize) {
                (stored.pos, stored.bit) = (pos, 0);
                // What lies at a place of its own in a whole message is there or not.
                stored.open = waits;
            }
        }
        let read = self.read_repeated(id, attr, io);
        if attr.pos.is_some()
            && let Some(stored) = self.arena.ios.get_mut(io as usize)
        {
            *stored = before;
        }
        read?;
        // Any number of them may show the same bytes.
        let slot = self.arena.slot(id, attr.slot);
        self.spend(u64::from(slot.end.saturating_sub(slot.start)) / 4)
    }
}
