//! Runs a program on the bytes of a message.

use crate::program::machine::Machine;
use crate::program::records::Sink;
use crate::program::step::{NONE, Read, Step, Stream};
use crate::run::numbers::{bits_of, float, integer};

/// How many places are kept of the parts around: one for each part, three for a value at a position of its own.
const PARTS: usize = 12;

/// Two places, of 31 bits each, and a few more bits.
fn pair(first: usize, second: usize, bits: u32) -> u64 {
    u64::from(bits) << 62 | (first as u64) << 31 | second as u64
}

fn unpair(pair: u64) -> (usize, usize, u32) {
    let place = |n: u64| usize::try_from(n & 0x7fff_ffff).unwrap_or(0);
    (place(pair >> 31), place(pair), u32::try_from(pair >> 62).unwrap_or(0))
}

/// Some bits of a number, mostly of one byte.
#[inline]
fn bits(own: &[u8], bit: u32, count: u8, le: bool) -> u64 {
    match *own {
        [byte] if le => u64::from(byte >> bit) & ((1 << count) - 1),
        [byte] => u64::from(byte) >> 8u32.saturating_sub(bit + u32::from(count)) & ((1 << count) - 1),
        _ => bits_of(own, bit, count.into(), le),
    }
}

/// Reads a number: its bytes, and how they are turned into one.
macro_rules! number {
    ($self:ident, $rest:ident, $end:ident, $to:expr, $field:expr, $read:expr) => {{
        let (own, behind) = $rest.split_first_chunk()?;
        let n = $read(*own);
        $self.store($to, n.into());
        if S::REPORTS {
            $self.sink.number($field, $end - $rest.len(), $end - behind.len(), n.into());
        }
        $rest = behind;
        n
    }};
}

impl<S: Sink, const N: usize> Machine<'_, S, N> {
    /// Runs the steps from one on, until `Done`. Returns the step after that, and where reading ended.
    pub(super) fn execute(&mut self, buffer: &[u8], from: u32) -> Option<(u32, u32)> {
        let program = self.program;
        let steps = program.steps.as_slice();
        let mut code = steps.get(from as usize..)?.iter();
        // What is left of the part that is read, where that begins and ends, and how many bits of the first byte are read.
        let (mut rest, mut begin, mut end, mut bit) = (buffer, 0usize, buffer.len(), 0u32);
        let (mut parts, mut depth) = ([0u64; PARTS], 0usize);
        macro_rules! pos {
            () => {
                end - rest.len()
            };
        }
        macro_rules! jump {
            ($to:expr) => {
                code = steps.get(usize::from($to)..)?.iter()
            };
        }
        loop {
            match *code.next()? {
                Step::U1 { to, field } => {
                    number!(self, rest, end, to, field, u8::from_be_bytes);
                }
                Step::U2 { to, field } => {
                    number!(self, rest, end, to, field, u16::from_be_bytes);
                }
                Step::U4 { to, field } => {
                    number!(self, rest, end, to, field, u32::from_be_bytes);
                }
                Step::U2Le { to, field } => {
                    number!(self, rest, end, to, field, u16::from_le_bytes);
                }
                Step::U4Le { to, field } => {
                    number!(self, rest, end, to, field, u32::from_le_bytes);
                }
                Step::U8 { to, field } => {
                    let n = number!(self, rest, end, to, field, u64::from_be_bytes);
                    // What does not fit in a register can't be computed with.
                    if to != NONE && n > i64::MAX.cast_unsigned() {
                        return None;
                    }
                }
                Step::U8Le { to, field } => {
                    let n = number!(self, rest, end, to, field, u64::from_le_bytes);
                    if to != NONE && n > i64::MAX.cast_unsigned() {
                        return None;
                    }
                }
                Step::Within { to, field, read, low, high } => {
                    let n = match read {
                        Read::U1 => number!(self, rest, end, to, field, u8::from_be_bytes).into(),
                        Read::U2 => number!(self, rest, end, to, field, u16::from_be_bytes).into(),
                        Read::U4 => number!(self, rest, end, to, field, u32::from_be_bytes),
                        Read::U2Le => number!(self, rest, end, to, field, u16::from_le_bytes).into(),
                        Read::U4Le => number!(self, rest, end, to, field, u32::from_le_bytes),
                    };
                    if n < low || n > high {
                        return None;
                    }
                }
                Step::Block { first, count, bytes } => {
                    let behind = rest.get(bytes.into()..)?;
                    let loads = program.loads.get(first.into()..)?.get(..count.into())?;
                    self.block(loads, rest, pos!())?;
                    rest = behind;
                }
                Step::Signed { to, field, bytes, le } => {
                    let (own, behind) = rest.split_at_checked(bytes.into())?;
                    let n = i64::try_from(integer(own, true, le)).ok()?.cast_unsigned();
                    self.store(to, n);
                    self.sink.number(field, pos!(), end - behind.len(), n);
                    rest = behind;
                }
                Step::Float { to, field, bytes, le } => {
                    let (own, behind) = rest.split_at_checked(bytes.into())?;
                    let n = float(own, le);
                    // The bytes of what is no number are reported too.
                    if S::REPORTS && field != NONE && !n.is_finite() {
                        return None;
                    }
                    self.store(to, n.to_bits());
                    self.sink.number(field, pos!(), end - behind.len(), n.to_bits());
                    rest = behind;
                }
                Step::Bits { to, field, count, le } => {
                    let all = bit + u32::from(count);
                    let (own, behind) = rest.split_at_checked(all.div_ceil(8) as usize)?;
                    let n = bits(own, bit, count, le);
                    if to != NONE && n > i64::MAX.cast_unsigned() {
                        return None;
                    }
                    self.store(to, n);
                    self.sink.number(field, pos!(), end - behind.len(), n);
                    (rest, bit) = (rest.get((all / 8) as usize..)?, all % 8);
                }
                Step::Align { le } => {
                    if bit > 0 {
                        let (&byte, behind) = rest.split_first()?;
                        let unused = if le { byte >> bit } else { byte & 0xff >> bit };
                        // Bits that belong to no field are reported if they are not zero.
                        if S::REPORTS && unused != 0 {
                            return None;
                        }
                        (rest, bit) = (behind, 0);
                    }
                }
                Step::Skip(count) => rest = rest.get(count as usize..)?,
                Step::SkipBy(size) => rest = rest.get(self.size(size)?..)?,
                Step::Same { at, length, field } => {
                    let (own, behind) = rest.split_at_checked(length.into())?;
                    let wanted = program.constants.get(at as usize..)?.get(..length.into())?;
                    if own != wanted {
                        return None;
                    }
                    self.sink.chunk(field, pos!(), end - behind.len(), own.len());
                    rest = behind;
                }
                Step::Bytes { to, field, size } => {
                    let (own, behind) = rest.split_at_checked(self.size(size)?)?;
                    self.store_content(to, pos!(), own.len())?;
                    self.sink.chunk(field, pos!(), end - behind.len(), own.len());
                    rest = behind;
                }
                Step::Rest { to, field } => {
                    self.store_content(to, pos!(), rest.len())?;
                    self.sink.chunk(field, pos!(), end, rest.len());
                    rest = rest.get(rest.len()..)?;
                }
                Step::Utf8 { to, field, size } => {
                    let (own, behind) = rest.split_at_checked(self.size(size)?)?;
                    self.text(to, field, own, (pos!(), end - behind.len()))?;
                    rest = behind;
                }
                Step::Utf8Rest { to, field } => {
                    self.text(to, field, rest, (pos!(), end))?;
                    rest = rest.get(rest.len()..)?;
                }
                Step::Chunk { to, field, chunk } => {
                    let chunk = program.chunks.get(usize::from(chunk))?;
                    let (taken, length) = self.chunk(chunk, rest)?;
                    self.store_content(to, pos!(), length)?;
                    self.sink.chunk(field, pos!(), pos!() + taken, length);
                    rest = rest.get(taken..)?;
                }
                Step::Enter(size) => {
                    let inner = rest.get(..self.size(size)?)?;
                    *parts.get_mut(depth)? = pair(begin, end, 0);
                    begin = pos!();
                    (rest, end, depth) = (inner, begin + inner.len(), depth + 1);
                }
                Step::EnterRest => {
                    *parts.get_mut(depth)? = pair(begin, end, 0);
                    (begin, depth) = (pos!(), depth + 1);
                }
                Step::Leave { whole } => {
                    if whole && !rest.is_empty() {
                        return None;
                    }
                    depth = depth.checked_sub(1)?;
                    let (outer, behind, _) = unpair(*parts.get(depth)?);
                    rest = buffer.get(end..behind)?;
                    (begin, end) = (outer, behind);
                }
                Step::Unread(field) => {
                    let at = pos!() + usize::from(bit > 0);
                    if at < end {
                        self.sink.chunk(field, at, end, end - at);
                    }
                }
                Step::Begin(field) => self.sink.begin(field, pos!()),
                Step::End => self.sink.end(pos!() + usize::from(bit > 0))?,
                Step::Group(field) => {
                    let at = pos!() + usize::from(bit > 0);
                    self.sink.begin(field, at);
                    self.sink.end(at)?;
                }
                Step::Mark(to) => self.store(to, (pos!() + usize::from(bit > 0)) as u64),
                Step::Compare { equal, want, register, mask, number, to } => {
                    let n = *self.values.get(usize::from(register))? & i64::from(mask);
                    let number = i64::from(number);
                    if (if equal { n == number } else { n < number }) == want {
                        jump!(to);
                    }
                }
                Step::If { condition, want, to } => {
                    if (self.value(condition)? != 0) == want {
                        jump!(to);
                    }
                }
                Step::Jump(to) => jump!(to),
                Step::Choose { on, table } => {
                    let n = self.value(on)?;
                    jump!(program.choices.get(usize::from(table))?.of(n));
                }
                Step::Set { to, arg } => {
                    let n = self.value(arg)?;
                    self.store(to, n.cast_unsigned());
                }
                Step::Value { field, arg, kind } => {
                    if S::REPORTS {
                        self.report(field, pos!() + usize::from(bit > 0), arg, kind)?;
                    }
                }
                Step::Check(check) => {
                    self.check(program.checks.get(usize::from(check))?, buffer, pos!())?;
                }
                Step::Times { times, limit, index } => {
                    let times = self.value(times)?.max(0);
                    self.store(limit, times.cast_unsigned());
                    self.store(index, 0);
                }
                Step::Next { limit, index, to, cost } => {
                    self.item(index, pos!(), cost)?;
                    if self.values.get(usize::from(index))? < self.values.get(usize::from(limit))? {
                        jump!(to);
                    }
                }
                Step::Again { index, to, cost } => {
                    self.item(index, pos!(), cost)?;
                    jump!(to);
                }
                Step::AtEnd(to) => {
                    if rest.is_empty() {
                        jump!(to);
                    }
                }
                Step::Known(register) => *self.known.get_mut(usize::from(register))? = true,
                Step::Forget(first, end) => {
                    self.known.get_mut(usize::from(first)..usize::from(end))?.fill(false);
                }
                Step::Seek { at, root } => {
                    let target = self.size(at)?;
                    let [part, place, from] = parts.get_mut(depth..)?.first_chunk_mut::<3>()?;
                    // The bits of a place have room for two numbers of two bits.
                    (*part, *place) = (pair(begin, end, bit >> 2), pair(pos!(), 0, bit & 3));
                    if root {
                        // Only in another part is what is there after the value unexplained.
                        if target == 0 && (begin, end) != (0, buffer.len()) {
                            return None;
                        }
                        (begin, end) = (0, buffer.len());
                    }
                    let target = begin.checked_add(target)?;
                    (rest, bit) = (buffer.get(target..end)?, 0);
                    *from = target as u64;
                    depth += 3;
                }
                Step::Back => {
                    depth = depth.checked_sub(3)?;
                    let [part, place, from] = *parts.get(depth..)?.first_chunk()?;
                    // What is read elsewhere is read again.
                    self.spend(2 + pos!().saturating_sub(usize::try_from(from).ok()?) / 2)?;
                    let (outer, behind, high) = unpair(part);
                    let (pos, _, low) = unpair(place);
                    (begin, end) = (outer, behind);
                    (rest, bit) = (buffer.get(pos..end)?, high << 2 | low);
                }
                Step::Stream { what, to } => {
                    let n = match what {
                        Stream::Pos => pos!() + usize::from(bit > 0) - begin,
                        Stream::Size => end - begin,
                        Stream::Eof => usize::from(rest.is_empty() && bit == 0),
                    };
                    self.store(to, n as u64);
                }
                Step::Process(process) => {
                    let process = program.processes.get(usize::from(process))?;
                    let size = process.size.map_or(Some(rest.len()), |size| self.size(size))?;
                    let (own, behind) = rest.split_at_checked(size)?;
                    let derived = self.derived(process.how, own)?;
                    let before = self.sink.enter(pos!(), derived.len())?;
                    let here = u32::try_from(steps.len() - code.len()).ok()?;
                    let (next, read) = self.execute(&derived, here)?;
                    if read as usize != derived.len() {
                        return None;
                    }
                    self.sink.leave(before, derived)?;
                    rest = behind;
                    jump!(u16::try_from(next).ok()?);
                }
                Step::IfReported(to) => {
                    if !S::REPORTS {
                        jump!(to);
                    }
                }
                Step::Done => {
                    let next = u32::try_from(steps.len() - code.len()).ok()?;
                    return Some((next, u32::try_from(pos!() + usize::from(bit > 0)).ok()?));
                }
                Step::Stop => return None,
                Step::StopReport => {
                    if S::REPORTS {
                        return None;
                    }
                }
            }
        }
    }
}
