//! Reads the bytes of one value: how far they go, what was done to them, and what they are.

use flate2::{Decompress, FlushDecompress, Status};
use framescope_parser::Code;

use super::arena::{Io, NONE, Slot, State, Stop};
use super::{MOST_MADE, Mode, Run, Scope};
use crate::load::MOST_ARGUMENTS;
use crate::plan::{Attr, Order, Parent, Process, Shape, Size, Span, UserType, Val};
use crate::strings::Charset;

impl<'p> Run<'p, '_> {
    pub(crate) fn size(&mut self, node: u32, scope: &Scope) -> Result<u64, Stop> {
        let size = self.number(node, scope)?;
        u64::try_from(size)
            .ok()
            .filter(|&size| size <= u64::from(u32::MAX))
            .ok_or_else(|| self.wrong(Code::EndOfStream, format!("a size can't be {size}")))
    }

    /// The bytes of a field as its size, terminator and padding say, before what was done to them is undone.
    pub(crate) fn extent(&mut self, attr: &Attr, io: u32, scope: &Scope) -> Result<Span, Stop> {
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
                let there = self.up_to_a_gap(rest);
                let found = find(self.bytes(there), &terminator.bytes);
                self.spend(found.unwrap_or(there.len() as usize) as u64 / 64)?;
                if found.is_none() && there != rest {
                    return Err(Stop::Missing);
                }
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
        if self.lacks(all) {
            return Ok(all);
        }
        self.look_at(all)?;
        let trimmed = trimmed(attr, self.bytes(all));
        Ok(Span { end: all.start + u32::try_from(trimmed).unwrap_or(0), ..all })
    }

    /// The bytes as they are once what was done to them is undone.
    pub(crate) fn processed(&mut self, attr: &Attr, span: Span, scope: &Scope) -> Result<Span, Stop> {
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
    pub(crate) fn inside(
        &mut self,
        attr: &'p Attr,
        span: Span,
        cut: bool,
        scope: &Scope,
    ) -> Result<Val, Stop> {
        let shape = match &attr.shape {
            Shape::Switch(..) => self.chosen(&attr.shape, scope)?,
            shape => Some(shape),
        };
        match shape {
            None | Some(Shape::Bytes | Shape::Str(_) | Shape::Strz(_)) if self.lacks(span) => self.unknown(),
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

    pub(crate) fn string(&mut self, span: Span, charset: Charset) -> Result<Val, Stop> {
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
                    self.equal(on, key)?
                }
            };
            if fits {
                return Ok(Some(shape));
            }
        }
        Ok(None)
    }

    pub(crate) fn read_shape(&mut self, shape: &'p Shape, io: u32, scope: &Scope) -> Result<Val, Stop> {
        match shape {
            Shape::Int { bytes, signed, order } => {
                let le = self.order(*order, scope)?;
                let span = self.take(io, (*bytes).into())?;
                if self.lacks(span) {
                    return self.unknown();
                }
                Ok(Val::Int(integer(self.bytes(span), *signed, le)))
            }
            Shape::Float { bytes, order } => {
                let le = self.order(*order, scope)?;
                let span = self.take(io, (*bytes).into())?;
                if self.lacks(span) {
                    return self.unknown();
                }
                Ok(Val::Float(float(self.bytes(span), le)))
            }
            Shape::Bits { count, le } => self.bits(io, *count, *le),
            Shape::Contents(expected) => {
                let span = self.take(io, expected.len().into())?;
                if self.lacks(span) {
                    return self.unknown();
                }
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
                let zeros = zeros(*charset);
                let there = self.up_to_a_gap(rest);
                let found = find(self.bytes(there), zeros);
                self.spend(found.unwrap_or(there.len() as usize) as u64 / 64)?;
                let Some(at) = found.and_then(|at| u32::try_from(at).ok()) else {
                    if there != rest {
                        return Err(Stop::Missing);
                    }
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

    pub(crate) fn user(&mut self, user: &'p UserType, io: u32, scope: &Scope) -> Result<Val, Stop> {
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

    /// The first of some bytes, as far as they were captured.
    fn up_to_a_gap(&self, span: Span) -> Span {
        if !self.lacks(span) {
            return span;
        }
        let (start, end) = (span.start as usize, span.end as usize);
        let first = self.message.parts(start..end).next().filter(|(at, _)| *at == start);
        let length = first.and_then(|(_, part)| u32::try_from(part.len()).ok()).unwrap_or(0);
        Span { end: span.start + length, ..span }
    }

    pub(crate) fn bits(&mut self, io: u32, count: u8, le: bool) -> Result<Val, Stop> {
        let stored = self.io(io);
        let all = u32::from(stored.bit) + u32::from(count);
        let length = all.div_ceil(8);
        if u64::from(stored.pos) + u64::from(length) > u64::from(stored.end) {
            return Err(self.ends(io, length.into()));
        }
        let span = Span { buffer: stored.buffer, start: stored.pos, end: stored.pos + length };
        let lacks = self.lacks(span);
        let number = bits_of(self.bytes(span), stored.bit.into(), count.into(), le);
        if let Some(stored) = self.arena.ios.get_mut(io as usize) {
            stored.pos += all / 8;
            stored.bit = u8::try_from(all % 8).unwrap_or(0);
        }
        self.last_bits.2 = le;
        if lacks {
            return self.unknown();
        }
        Ok(if count == 1 { Val::Bool(number == 1) } else { Val::Int(number.into()) })
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
