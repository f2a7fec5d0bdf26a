//! Reads structures and what stands in them.

use flate2::{Decompress, FlushDecompress, Status};
use framescope_parser::Code;

use super::arena::{Fault, Io, NONE, Object, Padding, Slot, State, Stop};
use super::quick::Quick;
use super::{MOST_MADE, Mode, Run, Scope};
use crate::checks;
use crate::load::MOST_ARGUMENTS;
use crate::plan::{
    Attr, Edge, Endian, Order, Parent, Process, Repeat, Shape, Size, Skim, Span, TypePlan, UserType, Val,
    Valid,
};
use crate::strings::Charset;

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

    /// Finds out the byte order of a structure's numbers.
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
        let Some(object) = self.arena.objects.get(id as usize) else { return None };
        let le = match (order, object.le) {
            (Order::Le, _) => true,
            (Order::Be, _) => false,
            (Order::Structure, Some(le)) => le,
            (Order::Structure, None) => return None,
        };
        let Some(io) = self.arena.ios.get(object.io as usize) else { return None };
        let (start, end) = (io.pos, io.pos.saturating_add(u32::from(bytes)));
        if io.bit > 0 || end > io.end || io.buffer != Span::MESSAGE {
            return None;
        }
        let Some(own) = self.message.get(start as usize..end as usize) else { return None };
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
                            self.equal(on, key)
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
        self.spend(1)?;
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
            more @ Stop::More(_) => more,
        }
    }

    /// Notes what is wrong and goes on, or stops.
    fn tolerate(&mut self, stop: Stop, attr: &Attr) -> Result<(), Stop> {
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
    fn pass(&mut self, io: u32, bits: u64) -> Result<(), Stop> {
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
    fn ends(&mut self, io: u32, wanted: u64) -> Stop {
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
    fn take(&mut self, io: u32, wanted: u64) -> Result<Span, Stop> {
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
        let end = io.pos.min(io.end).max(object.start);
        Some(Slot { val: Val::Obj(id), state: State::Done, buffer: io.buffer, start: object.start, end })
    }

    /// Reads one value of a field.
    fn read_one(&mut self, attr: &'p Attr, io: u32, scope: &Scope) -> Result<Slot, Stop> {
        if attr.limit.is_bounded() {
            return self.read_bounded(attr, io, scope);
        }
        let begun = self.io(io);
        let val = self.read_shape(&attr.shape, io, scope)?;
        let ended = self.io(io);
        if ended.bit > 0 && !matches!(val, Val::Obj(_)) {
            (self.last_bits.0, self.last_bits.1) = (scope.object, attr.slot);
        }
        // Bytes begin at the next whole one.
        let aligned = begun.bit > 0 && !matches!(attr.shape, Shape::Bits { .. });
        let start = begun.pos + u32::from(aligned);
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
        let read = self.processed(attr, raw, scope).and_then(|inner| self.inside(attr, inner, cut, scope));
        slot.val = match read {
            Ok(val) => val,
            Err(stop) => {
                // What was read before it went wrong is kept.
                let object = self.begun.take().map_or(Val::Null, Val::Obj);
                match stop {
                    // The bytes that are there end before the message does.
                    Stop::More(_) if cut => {}
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

    fn size(&mut self, node: u32, scope: &Scope) -> Result<u64, Stop> {
        let size = self.number(node, scope)?;
        u64::try_from(size)
            .ok()
            .filter(|&size| size <= u64::from(u32::MAX))
            .ok_or_else(|| self.wrong(Code::EndOfStream, format!("a size can't be {size}")))
    }

    /// The bytes of a field as its size, terminator and padding say, before what was done to them is undone.
    fn extent(&mut self, attr: &Attr, io: u32, scope: &Scope) -> Result<Span, Stop> {
        let limit = &attr.limit;
        let all = match limit.size {
            Size::Of(size) => {
                let size = self.size(size, scope)?;
                let stored = self.io(io);
                if self.mode == Mode::Full
                    && stored.open
                    && u64::from(stored.pos) + size > u64::from(stored.end)
                {
                    // What there is of a message that is cut off can still be shown.
                    let span =
                        Span { buffer: stored.buffer, start: stored.pos.min(stored.end), end: stored.end };
                    self.pass(io, size * 8)?;
                    return Ok(span);
                }
                self.take(io, size)?
            }
            Size::Eos => {
                let left = self.io(io);
                self.take(io, left.end.saturating_sub(left.pos).into())?
            }
            Size::Open => {
                let Some(terminator) = &limit.terminator else { return self.take(io, 0) };
                let stored = self.io(io);
                let rest = Span { buffer: stored.buffer, start: stored.pos.min(stored.end), end: stored.end };
                self.spend(u64::from(rest.len()) / 64)?;
                let found = find(self.bytes(rest), &terminator.bytes);
                let length = u32::try_from(terminator.bytes.len()).unwrap_or(u32::MAX);
                let (end, next) = match found {
                    Some(at) => {
                        let end = rest.start + u32::try_from(at).unwrap_or(0);
                        (
                            if terminator.include { end + length } else { end },
                            if terminator.consume { end + length } else { end },
                        )
                    }
                    None if stored.open => {
                        // The terminator's own bytes are missing at least, but for those that may stand last.
                        return Err(Stop::More(1));
                    }
                    None if terminator.eos_error => {
                        let bytes: Vec<String> =
                            terminator.bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
                        let text = format!(
                            "no terminator ({}) follows in the {} bytes that are left",
                            bytes.join(" "),
                            rest.len()
                        );
                        return Err(self.fault(Code::EndOfStream, rest, text));
                    }
                    None => (rest.end, rest.end),
                };
                if let Some(stored) = self.arena.ios.get_mut(io as usize) {
                    stored.pos = next;
                }
                return Ok(Span { end, ..rest });
            }
        };
        let trimmed = trimmed(attr, self.bytes(all));
        Ok(Span { end: all.start + u32::try_from(trimmed).unwrap_or(0), ..all })
    }

    /// The bytes as they are once what was done to them is undone.
    fn processed(&mut self, attr: &Attr, span: Span, scope: &Scope) -> Result<Span, Stop> {
        let Some(process) = attr.process else { return Ok(span) };
        let bytes = self.bytes(span).to_vec();
        let bytes = self.undone(process, bytes, scope).map_err(|stop| match stop {
            // What is wrong with bytes is wrong with these.
            Stop::Fault(mut fault) if fault.span.buffer == Span::CONSTANTS => {
                fault.span = span;
                Stop::Fault(fault)
            }
            stop => stop,
        })?;
        let made = self.make(&bytes)?;
        self.arena.came_from(made, span, !matches!(process, Process::Zlib));
        Ok(made)
    }

    /// Undoes what was done to bytes.
    pub(crate) fn undone(
        &mut self,
        process: Process,
        mut bytes: Vec<u8>,
        scope: &Scope,
    ) -> Result<Vec<u8>, Stop> {
        self.spend(bytes.len() as u64 / 8)?;
        match process {
            Process::Zlib => {
                bytes = inflate(&bytes).map_err(|text| self.wrong(Code::Conversion, text))?;
                self.spend(bytes.len() as u64 / 8)?;
            }
            Process::Xor(key) => {
                match self.eval(key, scope)? {
                    Val::Int(key) => match u8::try_from(key) {
                        Ok(key) => bytes.iter_mut().for_each(|byte| *byte ^= key),
                        Err(_) => {
                            return Err(self
                                .wrong(Code::Conversion, format!("{key} is no byte to combine bytes with")));
                        }
                    },
                    key => {
                        let Some(key) = self.as_bytes(key) else {
                            return Err(self
                                .wrong(Code::Conversion, "what bytes are combined with is a byte or bytes"));
                        };
                        let key = self.bytes(key);
                        if !key.is_empty() {
                            bytes.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                        }
                    }
                }
            }
            Process::Rol(by) | Process::Ror(by) => {
                let by = u32::try_from(self.number(by, scope)?.rem_euclid(8)).unwrap_or(0);
                let left = if matches!(process, Process::Rol(_)) { by } else { 8 - by };
                bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(left));
            }
        }
        Ok(bytes)
    }

    /// What is in bytes that were taken out.
    fn inside(&mut self, attr: &'p Attr, span: Span, cut: bool, scope: &Scope) -> Result<Val, Stop> {
        let shape = match &attr.shape {
            Shape::Switch(..) => self.chosen(&attr.shape, scope)?,
            shape => Some(shape),
        };
        match shape {
            None | Some(Shape::Bytes) => Ok(Val::Bytes(span)),
            Some(Shape::Str(charset)) => self.string(span, *charset),
            Some(Shape::Strz(charset)) => {
                // In bytes of a size the zero may be missing.
                let end = find(self.bytes(span), zeros(*charset)).and_then(|at| u32::try_from(at).ok());
                let end = end.map_or(span.end, |at| span.start + at);
                self.string(Span { end, ..span }, *charset)
            }
            Some(shape) => {
                let io = Io {
                    buffer: span.buffer,
                    base: span.start,
                    end: span.end,
                    pos: span.start,
                    bit: 0,
                    open: cut,
                };
                let io = self.arena.new_io(io);
                let read = self.read_shape(shape, io, scope);
                self.aligned(io);
                Ok(self.as_enum(read?, attr))
            }
        }
    }

    fn string(&mut self, span: Span, charset: Charset) -> Result<Val, Stop> {
        let (val, valid) = self.decode(span, charset)?;
        if !valid && self.mode == Mode::Full {
            if let Val::Str(text) = val {
                self.arena.is_invalid(text, span);
            }
            let (code, what) = match charset {
                Charset::Utf8 => (Code::InvalidUtf8, "UTF-8"),
                _ => (Code::InvalidText, "its encoding"),
            };
            // It is noted and shown as bytes; expressions see replacement characters.
            let text = format!("the text is not valid in {what}");
            if let Stop::Fault(fault) = self.fault(code, span, text) {
                self.arena.faults.push(*fault);
            }
        }
        Ok(val)
    }

    /// The shape that a value chooses; none where no case fits.
    pub(crate) fn chosen(&mut self, shape: &'p Shape, scope: &Scope) -> Result<Option<&'p Shape>, Stop> {
        let Shape::Switch(on, cases) = shape else { return Ok(Some(shape)) };
        let quick = self.quick(*on, scope);
        if quick.is_something() {
            let key_of = |key: &u32| self.quick_constant(*key);
            if cases.iter().all(|(key, _)| key.as_ref().is_none_or(|key| key_of(key).is_something())) {
                let fits = |key: &Option<u32>| key.as_ref().is_none_or(|key| key_of(key).equals(quick));
                return Ok(cases.iter().find(|(key, _)| fits(key)).map(|(_, shape)| shape));
            }
        }
        let on = self.eval(*on, scope)?;
        for (key, shape) in cases {
            let fits = match key {
                None => true,
                Some(key) => {
                    let key = self.eval(*key, scope)?;
                    self.equal(on, key)
                }
            };
            if fits {
                return Ok(Some(shape));
            }
        }
        Ok(None)
    }

    fn read_shape(&mut self, shape: &'p Shape, io: u32, scope: &Scope) -> Result<Val, Stop> {
        match shape {
            Shape::Int { bytes, signed, order } => {
                let le = self.order(*order, scope)?;
                let span = self.take(io, (*bytes).into())?;
                Ok(Val::Int(integer(self.bytes(span), *signed, le)))
            }
            Shape::Float { bytes, order } => {
                let le = self.order(*order, scope)?;
                let span = self.take(io, (*bytes).into())?;
                Ok(Val::Float(float(self.bytes(span), le)))
            }
            Shape::Bits { count, le } => self.bits(io, *count, *le),
            Shape::Contents(expected) => {
                let span = self.take(io, expected.len().into())?;
                Ok(Val::Bytes(span))
            }
            Shape::User(user) => self.user(user, io, scope),
            Shape::Switch(..) => match self.chosen(shape, scope)? {
                Some(shape) => self.read_shape(shape, io, scope),
                None => Ok(Val::Null),
            },
            Shape::Bytes => Ok(Val::Bytes(self.take(io, 0)?)),
            Shape::Strz(charset) => {
                self.aligned(io);
                let stored = self.io(io);
                let rest = Span { buffer: stored.buffer, start: stored.pos.min(stored.end), end: stored.end };
                self.spend(u64::from(rest.len()) / 64)?;
                let zeros = zeros(*charset);
                let Some(at) = find(self.bytes(rest), zeros).and_then(|at| u32::try_from(at).ok()) else {
                    if stored.open {
                        return Err(Stop::More(1));
                    }
                    let text = format!("no zero follows in the {} bytes that are left", rest.len());
                    return Err(self.fault(Code::EndOfStream, rest, text));
                };
                let span = self.take(io, at.into())?;
                self.take(io, zeros.len() as u64)?;
                self.string(span, *charset)
            }
            Shape::Str(charset) => {
                let span = self.take(io, 0)?;
                self.string(span, *charset)
            }
        }
    }

    pub(crate) fn order(&mut self, order: Order, scope: &Scope) -> Result<bool, Stop> {
        match order {
            Order::Le => Ok(true),
            Order::Be => Ok(false),
            Order::Structure => {
                let known = self.arena.object(scope.object).and_then(|object| object.le);
                known.ok_or_else(|| {
                    self.wrong(
                        Code::UndecidedEndianness,
                        "no case of the description says the byte order of this number",
                    )
                })
            }
        }
    }

    fn user(&mut self, user: &'p UserType, io: u32, scope: &Scope) -> Result<Val, Stop> {
        // Bytes begin at the next whole one, unless the structure begins with bits.
        if !self.begins_with_bits(user) {
            self.aligned(io);
        }
        let id = self.open_user(user, io, scope)?;
        match self.read_object(id) {
            Ok(()) => Ok(Val::Obj(id)),
            Err(stop) => {
                self.begun = Some(id);
                Err(stop)
            }
        }
    }

    pub(crate) fn begins_with_bits(&self, user: &UserType) -> bool {
        let first = self.plan.type_of(user.id).and_then(|ty| ty.seq.first());
        first.is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }))
    }

    /// Adds a structure with its parameters.
    pub(crate) fn open_user(&mut self, user: &'p UserType, io: u32, scope: &Scope) -> Result<u32, Stop> {
        let parent = match user.parent {
            Parent::Here => scope.object,
            Parent::Nothing => NONE,
            Parent::Given(node) => match self.eval(node, scope)? {
                Val::Obj(id) => id,
                _ => NONE,
            },
        };
        let mut values = [Val::Null; MOST_ARGUMENTS];
        for (value, argument) in values.iter_mut().zip(&user.arguments) {
            *value = self.eval(*argument, scope)?;
        }
        let root = self.arena.object(scope.object).map(|object| object.root).filter(|_| !user.foreign);
        let id = self.begin_object(user.id, io, parent, root);
        for (slot, value) in (0u16..).zip(values.iter().take(user.arguments.len())) {
            self.arena.set_slot(id, slot, Slot { val: *value, state: State::Done, ..Slot::EMPTY });
        }
        Ok(id)
    }

    fn bits(&mut self, io: u32, count: u8, le: bool) -> Result<Val, Stop> {
        let stored = self.io(io);
        let all = u32::from(stored.bit) + u32::from(count);
        let length = all.div_ceil(8);
        if u64::from(stored.pos) + u64::from(length) > u64::from(stored.end) {
            return Err(self.ends(io, length.into()));
        }
        let span = Span { buffer: stored.buffer, start: stored.pos, end: stored.pos + length };
        let number = bits_of(self.bytes(span), stored.bit.into(), count.into(), le);
        if let Some(stored) = self.arena.ios.get_mut(io as usize) {
            stored.pos += all / 8;
            stored.bit = u8::try_from(all % 8).unwrap_or(0);
        }
        self.last_bits.2 = le;
        Ok(if count == 1 { Val::Bool(number == 1) } else { Val::Int(number.into()) })
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
        read
    }

    /// Tests what must be true of a value.
    fn test(&mut self, id: u32, attr: &'p Attr, slot: Slot, scope: &Scope) -> Result<(), Stop> {
        let span = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
        if let Shape::Contents(expected) = attr.shape
            && let Val::Bytes(found) = slot.val
            && self.bytes(found) != self.bytes(expected)
        {
            let text =
                format!("it must be {}, and is {}", self.short(Val::Bytes(expected)), self.short(slot.val));
            let stop = self.fault(Code::ValidationNotEqual, span, text);
            self.tolerate(stop, attr)?;
        }
        if let Some(valid) = &attr.valid
            && let Err(stop) = self.validate(valid, slot.val, span, scope)
        {
            self.tolerate(stop, attr)?;
        }
        if attr.check.is_some() && self.mode == Mode::Full {
            self.verify(id, attr, slot);
        }
        Ok(())
    }

    /// Computes a check and compares it with the field's value.
    fn verify(&mut self, id: u32, attr: &Attr, slot: Slot) {
        let Some((covered, own)) = self.covered(id, attr, slot) else { return };
        let Some(check) = &attr.check else { return };
        let span = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
        if check.algorithm.is_keyed() {
            let Val::Bytes(tag) = slot.val else { return };
            let Some(key) = self.key else {
                self.note(Code::TagUnverified, attr, span, "no key was given to verify it with");
                return;
            };
            let Some(bytes) = checks::covered(self.bytes(covered), 0, covered.len() as usize, own) else {
                return;
            };
            if !key.verifies_hmac_sha_256(&bytes, self.bytes(tag)) {
                let code = attr.problem.unwrap_or(Code::TagMismatch);
                self.note(code, attr, span, "it does not fit the message and the key");
            }
            return;
        }
        let Val::Int(found) = slot.val else { return };
        if self.checked {
            return;
        }
        let width = slot.end.saturating_sub(slot.start);
        let Some(bytes) = checks::covered(self.bytes(covered), 0, covered.len() as usize, own) else {
            return;
        };
        let Some(computed) = check.algorithm.number(&bytes, width) else { return };
        let mask = if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        let found = u64::try_from(found & i128::from(mask)).unwrap_or(0);
        if found != computed {
            let digits = 2 + 2 * width as usize;
            let text = format!("it is {found:#0digits$x}, but the bytes give {computed:#0digits$x}");
            let code = attr.problem.unwrap_or(Code::ChecksumMismatch);
            self.note(code, attr, span, text);
        }
    }

    fn note(&mut self, code: Code, attr: &Attr, span: Span, text: impl Into<String>) {
        self.arena.faults.push(Fault {
            code,
            is_renamed: true,
            field: Some(attr.sym),
            span,
            text: text.into(),
        });
    }

    /// The bytes that a check covers, and which of them are its own.
    pub(crate) fn covered(&self, id: u32, attr: &Attr, slot: Slot) -> Option<(Span, std::ops::Range<usize>)> {
        let check = attr.check.as_ref()?;
        let object = self.arena.object(id)?;
        let start = match check.from {
            Edge::Message => self.io(0).base,
            Edge::Structure => object.start,
            Edge::Field(from) => {
                let from = self.arena.slot(id, from);
                (from.state == State::Done).then_some(from.start)?
            }
        };
        let end = match check.to {
            None => slot.start,
            Some(to) => {
                let to = self.arena.slot(id, to);
                (to.state == State::Done).then_some(to.end)?
            }
        };
        let buffer = if check.from == Edge::Message { Span::MESSAGE } else { slot.buffer };
        let own = slot.start.checked_sub(start)? as usize..slot.end.checked_sub(start)? as usize;
        (start <= end).then_some((Span { buffer, start, end }, own))
    }

    /// Whether a plain value is plainly valid.
    fn is_valid_at_once(&self, valid: &Valid, own: Quick, scope: &Scope) -> bool {
        let known = |node: &u32| self.quick_with(*node, scope, own);
        let is = |node: &u32, holds: &dyn Fn(Quick) -> bool| {
            let known = known(node);
            known.is_something() && holds(known)
        };
        match valid {
            Valid::Equal(node) => is(node, &|wanted| own.equals(wanted)),
            Valid::Range(low, high) => {
                low.as_ref().is_none_or(|low| is(low, &|low| !own.less(low)))
                    && high.as_ref().is_none_or(|high| is(high, &|high| !high.less(own)))
            }
            Valid::AnyOf(nodes) => nodes.iter().any(|node| is(node, &|wanted| own.equals(wanted))),
            Valid::Expr(node) => known(node).as_bool() == Some(true),
            Valid::InEnum => false,
        }
    }

    fn validate(&mut self, valid: &'p Valid, val: Val, span: Span, scope: &Scope) -> Result<(), Stop> {
        let scope = Scope { element: val, ..*scope };
        let own = Quick::of(&val);
        if own.is_something() && self.is_valid_at_once(valid, own, &scope) {
            return Ok(());
        }
        match valid {
            Valid::Equal(node) => {
                let wanted = self.eval(*node, &scope)?;
                if !self.equal(val, wanted) {
                    let text = format!("it must be {}, and is {}", self.short(wanted), self.short(val));
                    return Err(self.fault(Code::ValidationNotEqual, span, text));
                }
            }
            Valid::Range(low, high) => {
                if let Some(low) = low {
                    let low = self.eval(*low, &scope)?;
                    if self.compare(val, low).is_none_or(std::cmp::Ordering::is_lt) {
                        let text =
                            format!("it must be at least {}, and is {}", self.short(low), self.short(val));
                        return Err(self.fault(Code::ValidationLessThan, span, text));
                    }
                }
                if let Some(high) = high {
                    let high = self.eval(*high, &scope)?;
                    if self.compare(val, high).is_none_or(std::cmp::Ordering::is_gt) {
                        let text =
                            format!("it must be at most {}, and is {}", self.short(high), self.short(val));
                        return Err(self.fault(Code::ValidationGreaterThan, span, text));
                    }
                }
            }
            Valid::AnyOf(nodes) => {
                let mut known = Vec::new();
                for node in nodes {
                    let wanted = self.eval(*node, &scope)?;
                    if self.equal(val, wanted) {
                        return Ok(());
                    }
                    known.push(self.short(wanted));
                }
                let text = format!("it must be one of {}, and is {}", known.join(", "), self.short(val));
                return Err(self.fault(Code::ValidationNotAnyOf, span, text));
            }
            Valid::InEnum => {
                if let Val::Enum(of, n) = val
                    && self.plan.enums.get(of as usize).is_some_and(|plan| plan.member(n).is_none())
                {
                    let name = self.plan.enums.get(of as usize).map_or("", |plan| &plan.name);
                    return Err(self.fault(
                        Code::ValidationNotInEnum,
                        span,
                        format!("{n} is no member of the enum {name}"),
                    ));
                }
            }
            Valid::Expr(node) => {
                if !self.truth(*node, &scope)? {
                    let text = format!("{} does not fulfil what must be true of it", self.short(val));
                    return Err(self.fault(Code::ValidationExpr, span, text));
                }
            }
        }
        Ok(())
    }

    /// A value in a few characters.
    pub(crate) fn short(&self, val: Val) -> String {
        match val {
            Val::Str(span) => {
                let text: String = self.text(span).chars().take(30).collect();
                format!("{text:?}")
            }
            Val::Bytes(span) => {
                let bytes = self.bytes(span);
                let more = if bytes.len() > 16 { "…" } else { "" };
                let shown: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
                format!("{}{more}", shown.join(" "))
            }
            _ => self.written(val),
        }
    }
}

/// What ends a text of an encoding.
pub(crate) fn zeros(charset: Charset) -> &'static [u8] {
    const ZEROS: &[u8] = &[0; 4];
    ZEROS.get(..charset.unit()).unwrap_or(ZEROS)
}

/// How many of the bytes are left when padding and terminator are taken away.
pub(crate) fn trimmed(attr: &Attr, bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    let terminator = attr.limit.terminator.as_ref();
    if let Some(pad) = attr.limit.pad_right
        && terminator.is_none_or(|terminator| terminator.bytes != [pad])
    {
        end = bytes.iter().rposition(|&byte| byte != pad).map_or(0, |last| last + 1);
    }
    if let Some(terminator) = terminator
        && let Some(at) = find(bytes.get(..end).unwrap_or_default(), &terminator.bytes)
    {
        end = if terminator.include { at + terminator.bytes.len() } else { at };
    }
    end
}

/// Where a terminator stands. One of several bytes stands at a multiple of its length, as characters do, unless it is
/// no run of zeros.
pub(crate) fn find(bytes: &[u8], terminator: &[u8]) -> Option<usize> {
    match terminator {
        [byte] => memchr::memchr(*byte, bytes),
        _ if terminator.iter().all(|&byte| byte == 0) => bytes
            .chunks_exact(terminator.len())
            .position(|unit| unit == terminator)
            .map(|at| at * terminator.len()),
        _ => memchr::memmem::find(bytes, terminator),
    }
}

/// A whole number of up to 16 bytes.
pub(crate) fn integer(bytes: &[u8], signed: bool, le: bool) -> i128 {
    let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let number = match (bytes, le) {
        (&[byte], _) => byte.into(),
        (&[a, b], false) => u16::from_be_bytes([a, b]).into(),
        (&[a, b, c, d], false) => u32::from_be_bytes([a, b, c, d]).into(),
        (&[a, b], true) => u16::from_le_bytes([a, b]).into(),
        (&[a, b, c, d], true) => u32::from_le_bytes([a, b, c, d]).into(),
        (_, true) => bytes.iter().rev().fold(0, fold),
        (_, false) => bytes.iter().fold(0, fold),
    };
    if !signed {
        return number.into();
    }
    let shift = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).unwrap_or(8);
    (number.cast_signed() << shift >> shift).into()
}

/// A floating-point number of four or eight bytes.
pub(crate) fn float(bytes: &[u8], le: bool) -> f64 {
    let bits = integer(bytes, false, le);
    match bytes.len() {
        4 => f32::from_bits(u32::try_from(bits).unwrap_or(0)).into(),
        _ => f64::from_bits(u64::try_from(bits).unwrap_or(0)),
    }
}

/// So many bits behind the first `skip`, highest first, or lowest first.
pub(crate) fn bits_of(bytes: &[u8], skip: u32, count: u32, le: bool) -> u64 {
    let mask = |number: u128| {
        let masked = if count >= 64 { number & u128::from(u64::MAX) } else { number & ((1 << count) - 1) };
        u64::try_from(masked).unwrap_or(0)
    };
    if le {
        let number = bytes.iter().rev().fold(0u128, |number, &byte| number << 8 | u128::from(byte));
        mask(number >> skip)
    } else {
        let number = bytes.iter().fold(0u128, |number, &byte| number << 8 | u128::from(byte));
        let all = u32::try_from(bytes.len() * 8).unwrap_or(0);
        mask(number >> all.saturating_sub(skip + count))
    }
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut inflater = Decompress::new(true);
    let mut inflated = Vec::with_capacity(bytes.len().saturating_mul(4).clamp(64, 1 << 16));
    loop {
        let consumed = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let before = inflated.len();
        let status = inflater.decompress_vec(
            bytes.get(consumed..).unwrap_or_default(),
            &mut inflated,
            FlushDecompress::Finish,
        );
        match status {
            Err(error) => return Err(format!("this is not packed by zlib: {error}")),
            Ok(Status::StreamEnd) => return Ok(inflated),
            Ok(_) if inflated.len() > MOST_MADE => {
                return Err(format!("more than {MOST_MADE} bytes are packed here"));
            }
            Ok(_) if inflated.len() < inflated.capacity() && inflated.len() == before => {
                return Err("what is packed by zlib ends too early".to_owned());
            }
            Ok(_) => inflated.reserve(inflated.len().max(1 << 12)),
        }
    }
}
