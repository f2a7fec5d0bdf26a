//! Where reading is in a stream: taking bytes, skipping bits, and what happens at the end.

use framescope_parser::Code;

use crate::plan::Span;
use crate::run::arena::{Io, Padding, Stop};
use crate::run::{Mode, Run};

impl<'p> Run<'p, '_> {
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
}
