//! Reads instances: values that are computed, or read at a position of their own.

use crate::plan::ObjectId;
use framescope_parser::Code;

use crate::plan::{Attr, Span, Val};
use crate::run::arena::{Slot, State, Stop};
use crate::run::{Mode, Run, Scope};

impl<'p> Run<'p, '_> {
    /// Computes an instance, or reads it at its position.
    pub(crate) fn read_instance(&mut self, id: ObjectId, attr: &'p Attr) -> Result<(), Stop> {
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
            // Its contents are reported again, however many others have the same.
            self.spend(self.length_of(val))?;
            let slot = Slot { val, state: State::Done, ..Slot::EMPTY };
            self.arena.set_slot(id, attr.slot, slot);
            if self.mode != Mode::Frame {
                self.test(id, attr, slot, &scope)?;
            }
            return Ok(());
        }
        if self.writes {
            return Err(
                self.wrong(Code::NoMatch, "the instance would be read from bytes that are not written yet")
            );
        }
        let io = match attr.io {
            Some(io) => match self.eval(io, &scope)? {
                Val::Io(io) => io,
                other => {
                    return Err(
                        self.wrong(Code::Conversion, format!("expected a stream, not {}", Self::what(other)))
                    );
                }
            },
            None => self.io_of(id),
        };
        let before = self.io(io);
        if let Some(pos) = attr.pos {
            let pos = self.number(pos, &scope)?;
            let pos = u64::try_from(pos).ok().map(|pos| u64::from(before.base) + pos);
            // While the end of a message is searched, later bytes may still arrive.
            let waits = before.open && self.mode == Mode::Frame;
            if let Some(pos) = pos.filter(|&pos| waits && pos > u64::from(before.end)) {
                return Err(Stop::NeedMore(pos - u64::from(before.end)));
            }
            let pos = pos.and_then(|pos| u32::try_from(pos).ok()).filter(|&pos| pos <= before.end);
            let Some(pos) = pos else {
                let span = Span { buffer: before.buffer, start: before.end, end: before.end };
                return Err(self.fault(Code::EndOfStream, span, "the position is outside of the bytes"));
            };
            let stored = self.arena.io_mut(io);
            (stored.pos, stored.bit) = (pos, 0);
            // In a complete message the bytes are there or not.
            stored.open = waits;
        }
        let read = self.read_repeated(id, attr, io);
        if attr.pos.is_some() {
            *self.arena.io_mut(io) = before;
        }
        read?;
        // Any number of instances may read the same bytes.
        let slot = self.arena.slot(id, attr.slot);
        self.spend(u64::from(slot.end.saturating_sub(slot.start)) / 4)
    }
}
