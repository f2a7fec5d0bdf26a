//! Runs a program on the bytes of a message.

use std::cell::Cell;

use crate::checks;
use crate::plan::Val;
use crate::program::evaluate::{pack, unpack};
use crate::program::records::{Content, Sink};
use crate::program::step::{Arg, Checked, Chunk, Kind, NONE, Processing, Register, Step, Stream};
use crate::program::{Found, Given, Program};
use crate::run::MOST_DERIVED;
use crate::run::extent::{find, is_tail, trimmed};
use crate::run::numbers::{bits_of, float, integer};

/// How deeply parts are nested.
const PARTS: usize = 8;

/// The state of a program that reads a message.
pub(super) struct Machine<'m, S, const N: usize> {
    pub(super) program: &'m Program,
    pub(super) message: &'m [u8],
    given: Given<'m>,
    sink: &'m mut S,
    pub(super) values: [i64; N],
    /// Which registers have a value.
    pub(super) known: [bool; N],
    /// How much work is left, counted as the interpreter does, or more.
    fuel: Cell<u64>,
    /// How many bytes the interpreter would derive from others, or more.
    derived: usize,
    has_trailing_check: bool,
}

/// A part of the bytes that is read.
#[derive(Clone, Copy, Default)]
struct Part {
    begin: u32,
    end: u32,
    /// Where reading goes on after a value at another position, and where that began.
    pos: u32,
    bit: u8,
    from: u32,
}

fn short(n: usize) -> Option<u32> {
    u32::try_from(n).ok()
}

fn next(pos: usize, count: usize, end: usize) -> Option<usize> {
    pos.checked_add(count).filter(|&next| next <= end)
}

/// Reads a number of the machine's width: its bytes, and how they are turned into one.
macro_rules! number {
    ($self:ident, $here:ident, $pos:ident, $to:ident, $field:ident, $read:expr) => {{
        let own = $here.get($pos..)?.first_chunk()?;
        let n = $read(*own);
        let end = $pos + own.len();
        $self.store($to, n.into());
        $self.sink.number($field, $pos, end, n.into());
        $pos = end;
    }};
}

impl<'m, S: Sink, const N: usize> Machine<'m, S, N> {
    #[inline]
    pub(super) fn new(
        program: &'m Program,
        given: Given<'m>,
        message: &'m [u8],
        sink: &'m mut S,
    ) -> Machine<'m, S, N> {
        Machine {
            program,
            message,
            given,
            sink,
            values: [0; N],
            known: [false; N],
            // Half of what the interpreter has, because not all is counted that it counts.
            fuel: Cell::new((1 << 17) + 32 * message.len() as u64),
            derived: 0,
            has_trailing_check: false,
        }
    }

    #[inline]
    pub(super) fn run(mut self) -> Option<Found> {
        let end = self.execute(self.message, 0)?.1;
        let kind = match self.program.kind {
            None => None,
            Some((arg, kind)) => {
                let n = self.value(arg)?;
                match kind {
                    Kind::Int => Some(Val::Int(n.into())),
                    Kind::Bool => Some(Val::Bool(n != 0)),
                    Kind::Enum(of) => Some(Val::Enum(of, n.into())),
                    Kind::Float | Kind::Text | Kind::Bytes => None,
                }
            }
        };
        Some(Found { end, kind, has_trailing_check: self.has_trailing_check })
    }

    #[inline]
    fn store(&mut self, to: Register, n: u64) {
        if let Some(value) = self.values.get_mut(usize::from(to)) {
            *value = n.cast_signed();
        }
        if let Some(known) = self.known.get_mut(usize::from(to)) {
            *known = true;
        }
    }

    fn store_content(&mut self, to: Register, start: usize, length: usize) -> Option<()> {
        if to != NONE {
            self.store(to, pack(Content { is_constant: false, start, length })?.cast_unsigned());
        }
        Some(())
    }

    /// Counts work. None if there was too much of it.
    #[inline]
    pub(super) fn spend(&self, work: usize) -> Option<()> {
        self.fuel.set(self.fuel.get().checked_sub(work as u64)?);
        Some(())
    }

    /// Counts bytes that are derived from others.
    fn derive(&mut self, length: usize) -> Option<()> {
        self.derived += length;
        (self.derived <= MOST_DERIVED).then_some(())
    }

    /// Runs the steps from one on, until `Done`. Returns the step after that, and where reading ended.
    fn execute(&mut self, buffer: &[u8], from: usize) -> Option<(usize, usize)> {
        let program = self.program;
        let steps = program.steps.as_slice();
        let (mut at, mut pos, mut bit) = (from, 0usize, 0u32);
        let mut here = buffer;
        let (mut begin, mut parts, mut depth) = (0usize, [Part::default(); PARTS], 0usize);
        loop {
            let step = *steps.get(at)?;
            at += 1;
            match step {
                Step::U1 { to, field } => number!(self, here, pos, to, field, u8::from_be_bytes),
                Step::U2 { to, field } => number!(self, here, pos, to, field, u16::from_be_bytes),
                Step::U4 { to, field } => number!(self, here, pos, to, field, u32::from_be_bytes),
                Step::U2Le { to, field } => number!(self, here, pos, to, field, u16::from_le_bytes),
                Step::U4Le { to, field } => number!(self, here, pos, to, field, u32::from_le_bytes),
                Step::U8 { to, field } | Step::U8Le { to, field } => {
                    let own = here.get(pos..)?.first_chunk()?;
                    let is_le = matches!(step, Step::U8Le { .. });
                    let n = if is_le { u64::from_le_bytes(*own) } else { u64::from_be_bytes(*own) };
                    // What does not fit in a register can't be computed with.
                    if to != NONE && n > i64::MAX.cast_unsigned() {
                        return None;
                    }
                    self.store(to, n);
                    self.sink.number(field, pos, pos + own.len(), n);
                    pos += own.len();
                }
                Step::Signed { to, field, bytes, le } => {
                    let end = pos + usize::from(bytes);
                    let n = i64::try_from(integer(here.get(pos..end)?, true, le)).ok()?.cast_unsigned();
                    self.store(to, n);
                    self.sink.number(field, pos, end, n);
                    pos = end;
                }
                Step::Float { to, field, bytes, le } => {
                    let end = pos + usize::from(bytes);
                    let n = float(here.get(pos..end)?, le);
                    // The bytes of what is no number are reported too.
                    if S::REPORTS && field != NONE && !n.is_finite() {
                        return None;
                    }
                    self.store(to, n.to_bits());
                    self.sink.number(field, pos, end, n.to_bits());
                    pos = end;
                }
                Step::Bits { to, field, count, le } => {
                    let all = bit + u32::from(count);
                    let end = pos + all.div_ceil(8) as usize;
                    let n = bits_of(here.get(pos..end)?, bit, count.into(), le);
                    if to != NONE && n > i64::MAX.cast_unsigned() {
                        return None;
                    }
                    self.store(to, n);
                    self.sink.number(field, pos, end, n);
                    (pos, bit) = (pos + (all / 8) as usize, all % 8);
                }
                Step::Align { le } => {
                    if bit > 0 {
                        let byte = *here.get(pos)?;
                        let unused = if le { byte >> bit } else { byte & 0xff >> bit };
                        // Bits that belong to no field are reported if they are not zero.
                        if S::REPORTS && unused != 0 {
                            return None;
                        }
                        (pos, bit) = (pos + 1, 0);
                    }
                }
                Step::Skip(count) => pos = next(pos, count as usize, here.len())?,
                Step::SkipBy(size) => pos = next(pos, self.size(size)?, here.len())?,
                Step::Same { at, length, field } => {
                    let end = pos + usize::from(length);
                    let wanted = program.constants.get(at as usize..at as usize + usize::from(length))?;
                    if here.get(pos..end)? != wanted {
                        return None;
                    }
                    self.sink.chunk(field, pos, end, end - pos);
                    pos = end;
                }
                Step::Bytes { to, field, size } => {
                    let end = next(pos, self.size(size)?, here.len())?;
                    self.store_content(to, pos, end - pos)?;
                    self.sink.chunk(field, pos, end, end - pos);
                    pos = end;
                }
                Step::Rest { to, field } => {
                    let end = here.len();
                    self.store_content(to, pos, end.checked_sub(pos)?)?;
                    self.sink.chunk(field, pos, end, end - pos);
                    pos = end;
                }
                Step::Utf8 { to, field, .. } | Step::Utf8Rest { to, field } => {
                    let end = match step {
                        Step::Utf8 { size, .. } => next(pos, self.size(size)?, here.len())?,
                        _ => here.len(),
                    };
                    std::str::from_utf8(here.get(pos..end)?).ok()?;
                    self.store_content(to, pos, end - pos)?;
                    self.sink.chunk(field, pos, end, end - pos);
                    pos = end;
                }
                Step::Chunk { to, field, chunk } => {
                    let (end, length) = self.chunk(program.chunks.get(usize::from(chunk))?, here, pos)?;
                    self.store_content(to, pos, length)?;
                    self.sink.chunk(field, pos, end, length);
                    pos = end;
                }
                Step::Enter(_) | Step::EnterRest => {
                    let end = match step {
                        Step::Enter(size) => next(pos, self.size(size)?, here.len())?,
                        _ => here.len(),
                    };
                    *parts.get_mut(depth)? =
                        Part { begin: short(begin)?, end: short(here.len())?, ..Part::default() };
                    (here, begin, depth) = (here.get(..end)?, pos, depth + 1);
                }
                Step::Leave { whole } => {
                    if whole && pos != here.len() {
                        return None;
                    }
                    pos = here.len();
                    depth = depth.checked_sub(1)?;
                    let part = *parts.get(depth)?;
                    (here, begin) = (buffer.get(..part.end as usize)?, part.begin as usize);
                }
                Step::Unread(field) => {
                    let at = pos + usize::from(bit > 0);
                    if at < here.len() {
                        self.sink.chunk(field, at, here.len(), here.len() - at);
                    }
                }
                Step::Begin(field) => self.sink.begin(field, pos),
                Step::End => self.sink.end(pos + usize::from(bit > 0))?,
                Step::Group(field) => {
                    let at = pos + usize::from(bit > 0);
                    self.sink.begin(field, at);
                    self.sink.end(at)?;
                }
                Step::Mark(to) => self.store(to, (pos + usize::from(bit > 0)) as u64),
                Step::Compare { equal, want, register, mask, number, to } => {
                    let n = *self.values.get(usize::from(register))? & i64::from(mask);
                    let number = i64::from(number);
                    if (if equal { n == number } else { n < number }) == want {
                        at = to.into();
                    }
                }
                Step::If { condition, want, to } => {
                    if (self.value(condition)? != 0) == want {
                        at = to.into();
                    }
                }
                Step::Jump(to) => at = to.into(),
                Step::Choose { on, table } => {
                    let n = self.value(on)?;
                    at = program.choices.get(usize::from(table))?.of(n).into();
                }
                Step::Set { to, arg } => {
                    let n = self.value(arg)?;
                    self.store(to, n.cast_unsigned());
                }
                Step::Value { field, arg, kind } => {
                    if S::REPORTS {
                        self.report(field, pos + usize::from(bit > 0), arg, kind)?;
                    }
                }
                Step::Check(check) => {
                    self.check(program.checks.get(usize::from(check))?, buffer, pos)?;
                }
                Step::Times { times, limit, index } => {
                    let times = self.value(times)?.max(0);
                    self.store(limit, times.cast_unsigned());
                    self.store(index, 0);
                }
                Step::Next { limit, index, to, cost } => {
                    self.item(index, pos, cost)?;
                    if self.values.get(usize::from(index))? < self.values.get(usize::from(limit))? {
                        at = to.into();
                    }
                }
                Step::Again { index, to, cost } => {
                    self.item(index, pos, cost)?;
                    at = to.into();
                }
                Step::AtEnd(to) => {
                    if pos >= here.len() {
                        at = to.into();
                    }
                }
                Step::Forget(first, end) => {
                    self.known.get_mut(usize::from(first)..usize::from(end))?.fill(false);
                }
                Step::Seek { at, root } => {
                    // What is read elsewhere is read again.
                    let target = self.size(at)?;
                    *parts.get_mut(depth)? = Part {
                        begin: short(begin)?,
                        end: short(here.len())?,
                        pos: short(pos)?,
                        bit: u8::try_from(bit).ok()?,
                        from: 0,
                    };
                    if root {
                        // Only in another part is what is there after the value unexplained.
                        if target == 0 && (begin, here.len()) != (0, buffer.len()) {
                            return None;
                        }
                        (here, begin) = (buffer, 0);
                    }
                    (pos, bit) = (next(begin, target, here.len())?, 0);
                    parts.get_mut(depth)?.from = short(pos)?;
                    depth += 1;
                }
                Step::Back => {
                    depth = depth.checked_sub(1)?;
                    let part = *parts.get(depth)?;
                    self.spend(2 + pos.saturating_sub(part.from as usize) / 2)?;
                    (here, begin) = (buffer.get(..part.end as usize)?, part.begin as usize);
                    (pos, bit) = (part.pos as usize, part.bit.into());
                }
                Step::Stream { what, to } => {
                    let n = match what {
                        Stream::Pos => pos + usize::from(bit > 0) - begin,
                        Stream::Size => here.len() - begin,
                        Stream::Eof => usize::from(pos >= here.len() && bit == 0),
                    };
                    self.store(to, n as u64);
                }
                Step::Process(process) => {
                    let process = program.processes.get(usize::from(process))?;
                    let end = match process.size {
                        Some(size) => next(pos, self.size(size)?, here.len())?,
                        None => here.len(),
                    };
                    let derived = self.derived(process.how, here.get(pos..end)?)?;
                    let before = self.sink.enter(pos, derived.len())?;
                    let (behind, read) = self.execute(&derived, at)?;
                    if read != derived.len() {
                        return None;
                    }
                    self.sink.leave(before, derived)?;
                    (at, pos) = (behind, end);
                }
                Step::IfReported(to) => {
                    if !S::REPORTS {
                        at = to.into();
                    }
                }
                Step::Done => return Some((at, pos + usize::from(bit > 0))),
                Step::Stop => return None,
                Step::StopReport => {
                    if S::REPORTS {
                        return None;
                    }
                }
            }
        }
    }

    /// Counts an item of a list.
    #[inline]
    fn item(&mut self, index: Register, pos: usize, cost: u16) -> Option<()> {
        // An empty item at the beginning is reported as the whole list is.
        if S::REPORTS && pos == 0 {
            return None;
        }
        self.spend(cost.into())?;
        if let Some(index) = self.values.get_mut(usize::from(index)) {
            *index += 1;
        }
        Some(())
    }

    /// Where a chunk ends, and how many of its bytes are its value.
    fn chunk(&mut self, chunk: &Chunk, here: &[u8], pos: usize) -> Option<(usize, usize)> {
        let (end, own, length) =
            if let Some(terminator) = chunk.limit.terminator.as_ref().filter(|_| chunk.is_open) {
                let rest = here.get(pos..)?;
                let found = find(rest, &terminator.bytes)?;
                let behind = found + terminator.bytes.len();
                let length = if terminator.include { behind } else { found };
                (pos + if terminator.consume { behind } else { found }, rest, length)
            } else {
                let end = match chunk.size {
                    Some(size) => next(pos, self.size(size)?, here.len())?,
                    None => here.len(),
                };
                let own = here.get(pos..end)?;
                (end, own, trimmed(&chunk.limit, own))
            };
        self.spend((end - pos) / 16)?;
        let content = own.get(..length)?;
        match chunk.charset {
            Some(charset) if chunk.is_tested && charset.is_utf8() => {
                if !charset.is_valid(content) {
                    return None;
                }
            }
            Some(charset) if chunk.is_tested => {
                self.derive(4 * length)?;
                let (text, valid) = charset.decode(content);
                let is_same =
                    !chunk.is_told_apart || charset.encode(&text).is_some_and(|bytes| bytes == content);
                if !valid || !is_same {
                    return None;
                }
            }
            _ => {}
        }
        // Bytes that can't be derived from the value are reported too.
        if S::REPORTS && chunk.is_told_apart && !chunk.is_open && !is_tail(&chunk.limit, own, length) {
            return None;
        }
        Some((end, length))
    }

    /// Reports a computed value.
    fn report(&mut self, field: u16, at: usize, arg: Arg, kind: Kind) -> Option<()> {
        let n = self.value(arg)?;
        match kind {
            Kind::Text | Kind::Bytes => {
                let content = unpack(n);
                self.spend(1 + content.length)?;
                self.sink.computed(field, at, content);
            }
            _ => self.sink.number(field, at, at, n.cast_unsigned()),
        }
        Some(())
    }

    fn check(&mut self, check: &Checked, buffer: &[u8], pos: usize) -> Option<()> {
        let (from, own) = (self.size(check.from)?, self.size(check.own)?);
        let to = check.to.map_or(Some(own), |to| self.size(to))?;
        self.spend(to.checked_sub(from)? / 16)?;
        if check.algorithm.is_keyed() {
            let Some(key) = self.given.key else {
                return self.sink.notes().unverified(check.field, own, pos);
            };
            let covered = checks::covered(buffer, from, to, own..pos)?;
            return key.verifies_hmac_sha_256(&covered, self.content(check.value)?).then_some(());
        }
        self.has_trailing_check |= check.is_trailing;
        if self.given.checked {
            return Some(());
        }
        let covered = checks::covered(buffer, from, to, own..pos)?;
        let width = u32::try_from(pos - own).ok()?;
        let computed = check.algorithm.number(&covered, width)?;
        let mask = if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        (self.value(check.value)?.cast_unsigned() & mask == computed).then_some(())
    }

    /// Bytes with their processing undone.
    fn derived(&mut self, how: Processing, bytes: &[u8]) -> Option<Vec<u8>> {
        self.spend(bytes.len() / 4)?;
        self.derive(bytes.len())?;
        let mut derived = bytes.to_vec();
        match how {
            Processing::Xor(key) => {
                let key = u8::try_from(self.value(key)?).ok()?;
                derived.iter_mut().for_each(|byte| *byte ^= key);
            }
            Processing::XorBytes(key) => {
                let key = self.content(key)?;
                if !key.is_empty() {
                    derived.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                }
            }
            Processing::Rotate(by, to_left) => {
                let by = u32::try_from(self.value(by)?.rem_euclid(8)).ok()?;
                let left = if to_left { by } else { 8 - by };
                derived.iter_mut().for_each(|byte| *byte = byte.rotate_left(left));
            }
        }
        Some(derived)
    }
}
