//! Reads a field: once or repeatedly, up to its own end or within bytes whose extent is given.

use crate::plan::{IoId, ObjectId};
use framescope_parser::Code;

use crate::plan::{Attr, Repeat, Shape, Size, Val};
use crate::run::arena::{Slot, State, Stop};
use crate::run::{Mode, Run, Scope};

impl<'p> Run<'p, '_> {
    /// Adds the innermost field to a stop.
    pub(crate) fn named(&self, stop: Stop, attr: &Attr) -> Stop {
        match stop {
            Stop::Fault(mut fault) => {
                fault.field.get_or_insert(attr.sym);
                // The innermost field with a code of the author's decides. A limit is not a fault of the message.
                if let Some(code) = attr.problem
                    && self.mode == Mode::Full
                    && !fault.is_renamed
                    && fault.code != Code::LimitExceeded
                {
                    (fault.code, fault.is_renamed) = (code, true);
                }
                Stop::Fault(fault)
            }
            Stop::NeedMore(_) | Stop::Missing => stop,
        }
    }

    /// Records a fault and continues, or stops.
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

    pub(super) fn read_attr(&mut self, id: ObjectId, attr: &'p Attr) -> Result<(), Stop> {
        if let Some(condition) = attr.condition
            && !self.truth(condition, &Scope::of(id))?
        {
            self.arena.set_slot(id, attr.slot, Slot { state: State::Absent, ..Slot::EMPTY });
            return Ok(());
        }
        let io = self.io_of(id);
        if self.mode == Mode::Frame
            && !attr.needed
            && let Some(bits) = attr.unit_bits
        {
            if attr.check.is_some() {
                self.aligned(io);
            }
            let begun = self.io(io);
            self.skip(io, bits)?;
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

    pub(super) fn read_repeated(&mut self, id: ObjectId, attr: &'p Attr, io: IoId) -> Result<(), Stop> {
        let mut scope = Scope::of(id);
        if matches!(attr.repeat, Repeat::Once) {
            let slot = match self.read_one(attr, io, &scope) {
                Ok(slot) => slot,
                Err(stop) => {
                    if let Some(slot) = self.interrupted() {
                        self.arena.set_slot(id, attr.slot, slot);
                    }
                    return Err(stop);
                }
            };
            self.arena.set_slot(id, attr.slot, slot);
            if self.mode != Mode::Frame {
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
        // Items may use those before them.
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
            let before = (self.io(io).pos, self.io(io).bit);
            let item = match self.read_one(attr, io, &scope) {
                Ok(item) => item,
                Err(stop) => {
                    if let Some(item) = self.interrupted() {
                        self.arena.array_mut(array).push(item);
                    }
                    break Err(stop);
                }
            };
            self.arena.array_mut(array).push(item);
            if (self.io(io).pos, self.io(io).bit) == before
                && let Err(stop) = self.spend(self.empty_item)
            {
                break Err(stop);
            }
            if self.mode != Mode::Frame
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

    /// The structure in which reading just stopped, so that it is reported as part of its field.
    pub(super) fn interrupted(&mut self) -> Option<Slot> {
        let id = self.interrupted.take()?;
        let object = self.arena.object(id);
        let io = self.io(object.io);
        let end = (io.pos + u32::from(io.bit > 0)).min(io.end).max(object.start);
        Some(Slot { val: Val::Obj(id), state: State::Done, buffer: io.buffer, start: object.start, end })
    }

    /// Reads one value of a field.
    pub(super) fn read_one(&mut self, attr: &'p Attr, io: IoId, scope: &Scope) -> Result<Slot, Stop> {
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
        // Bytes begin at the next whole byte; bits, and structures that begin with bits, where others ended.
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

    /// Reads bytes whose extent is given, and then their contents.
    fn read_bounded(&mut self, attr: &'p Attr, io: IoId, scope: &Scope) -> Result<Slot, Stop> {
        self.aligned(io);
        let begun = self.io(io);
        if self.mode == Mode::Frame
            && !attr.needed
            && let Size::Of(size) = attr.limit.size
        {
            let size = self.size(size, scope)?;
            self.skip(io, size * 8)?;
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
        if self.mode == Mode::Frame && !attr.needed {
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
                // What was read before the fault is kept.
                let object = self.interrupted.take().map_or(Val::Null, Val::Obj);
                match stop {
                    // The message is truncated.
                    Stop::NeedMore(_) if cut => {}
                    // What is unknown inside a part does not affect where it ends.
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
            return Err(Stop::NeedMore(u64::from(ended.pos - ended.end)));
        }
        Ok(slot)
    }

    /// Stores what was read of a field before reading stops.
    fn keep(&mut self, scope: &Scope, attr: &Attr, slot: Slot) {
        match self.arena.slot(scope.object, attr.slot).val {
            Val::Arr(array) => {
                self.arena.array_mut(array).push(slot);
            }
            _ => self.arena.set_slot(scope.object, attr.slot, slot),
        }
    }
}
