//! The position in a stream: taking bytes, skipping bits, and reaching the end.

use crate::plan::{IoId, ObjectId};
use framescope_parser::Code;

use crate::plan::Span;
use crate::run::arena::{Io, Padding, Stop};
use crate::run::{Mode, Run};

impl<'p> Run<'p, '_> {
    /// Skips the rest of a byte that was begun.
    #[inline]
    pub(crate) fn aligned(&mut self, io: IoId) {
        if self.arena.io(io).bit > 0 {
            self.skip_rest_of_byte(io);
        }
    }

    /// Bits that belong to no field are recorded if they are not zero, so that the message can be written back unchanged.
    fn skip_rest_of_byte(&mut self, io: IoId) {
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
        let stored = self.arena.io_mut(io);
        (stored.pos, stored.bit) = (stored.pos + 1, 0);
    }

    /// Sets the position that expressions of a structure see.
    pub(crate) fn ends_at(&mut self, object: ObjectId, pos: u32) {
        let io = self.io_of(object);
        let io = self.arena.io_mut(io);
        (io.pos, io.bit) = (pos, 0);
    }

    pub(crate) fn io_of(&self, object: ObjectId) -> IoId {
        self.arena.object(object).io
    }

    pub(crate) fn io(&self, io: IoId) -> Io {
        *self.arena.io(io)
    }

    /// Skips a fixed number of bits. In an open stream that may go beyond the bytes present.
    pub(crate) fn skip(&mut self, io: IoId, bits: u64) -> Result<(), Stop> {
        let stored = self.arena.io_mut(io);
        let all = u64::from(stored.pos) * 8 + u64::from(stored.bit) + bits;
        let pos = u32::try_from(all / 8).unwrap_or(u32::MAX);
        if !stored.open && all.div_ceil(8) > u64::from(stored.end) {
            return Err(self.ends(io, u64::from(pos) - u64::from(self.io(io).pos)));
        }
        stored.pos = pos;
        stored.bit = u8::try_from(all % 8).unwrap_or(0);
        Ok(())
    }

    /// The stop where fewer bytes are left than are needed.
    #[cold]
    pub(crate) fn ends(&mut self, io: IoId, wanted: u64) -> Stop {
        let io = self.io(io);
        let there = io.end.saturating_sub(io.pos);
        if io.open {
            return Stop::NeedMore((u64::from(io.pos) + wanted).saturating_sub(u64::from(io.end)).max(1));
        }
        let span = Span { buffer: io.buffer, start: io.pos.min(io.end), end: io.end };
        let plural = if wanted == 1 { "byte is" } else { "bytes are" };
        self.fault(Code::EndOfStream, span, format!("{wanted} {plural} needed, and {there} are left"))
    }

    /// Takes bytes.
    #[inline]
    pub(crate) fn take(&mut self, io: IoId, wanted: u64) -> Result<Span, Stop> {
        self.aligned(io);
        let stored = self.arena.io_mut(io);
        let end = u64::from(stored.pos) + wanted;
        if end > u64::from(stored.end) {
            return Err(self.ends(io, wanted));
        }
        let start = stored.pos;
        stored.pos = u32::try_from(end).unwrap_or(u32::MAX);
        Ok(Span { buffer: stored.buffer, start, end: stored.pos })
    }
}
