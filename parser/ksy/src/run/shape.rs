//! Reads one value by its shape.

use crate::plan::{IoId, NodeId, ObjectId};
use framescope_parser::Code;

use crate::plan::{Attr, MOST_ARGUMENTS, Order, Parent, Shape, Span, UserType, Val};
use crate::run::arena::{Around, Io, Slot, State, Stop};
use crate::run::extent::{find, zeros};
use crate::run::numbers::{bits_of, float, integer};
use crate::run::{Mode, Run, Scope};
use crate::strings::Charset;

impl<'p> Run<'p, '_> {
    /// The value of bytes whose extent is known.
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
                // In sized bytes the zero may be missing.
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
            // It is reported and shown as bytes; expressions see replacement characters.
            let text = format!("the text is not valid in {what}");
            if let Stop::Fault(fault) = self.fault(code, span, text) {
                self.arena.faults.push(*fault);
            }
        }
        Ok(val)
    }

    /// The shape that a switch chooses; none if no case matches.
    pub(crate) fn chosen(&mut self, shape: &'p Shape, scope: &Scope) -> Result<Option<&'p Shape>, Stop> {
        let Shape::Switch(on, cases) = shape else { return Ok(Some(shape)) };
        let quick = self.plain(*on, scope);
        if quick.is_something() {
            let key_of = |key: &NodeId| self.plain_constant(*key);
            if cases.iter().all(|(key, _)| key.as_ref().is_none_or(|key| key_of(key).is_something())) {
                let fits = |key: &Option<NodeId>| key.as_ref().is_none_or(|key| key_of(key).equals(quick));
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

    pub(crate) fn read_shape(&mut self, shape: &'p Shape, io: IoId, scope: &Scope) -> Result<Val, Stop> {
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
                        return Err(Stop::NeedMore(1));
                    }
                    let text = format!("no zero in the remaining {} bytes", rest.len());
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
                let known = self.arena.object(scope.object).le;
                known.ok_or_else(|| {
                    self.wrong(
                        Code::UndecidedEndianness,
                        "no case of 'endian' gives the byte order of this number",
                    )
                })
            }
        }
    }

    pub(crate) fn user(&mut self, user: &'p UserType, io: IoId, scope: &Scope) -> Result<Val, Stop> {
        // A structure begins at a whole byte unless it begins with bits.
        if !self.begins_with_bits(user) {
            self.aligned(io);
        }
        let id = self.open_user(user, io, scope)?;
        match self.read_object(id) {
            Ok(()) => Ok(Val::Obj(id)),
            Err(stop) => {
                self.interrupted = Some(id);
                Err(stop)
            }
        }
    }

    pub(crate) fn begins_with_bits(&self, user: &UserType) -> bool {
        let first = self.plan.type_of(user.id).seq.first();
        first.is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }))
    }

    /// Adds a structure with its parameters.
    pub(crate) fn open_user(
        &mut self,
        user: &'p UserType,
        io: IoId,
        scope: &Scope,
    ) -> Result<ObjectId, Stop> {
        let parent = match user.parent {
            Parent::Here => scope.object,
            Parent::Nothing => ObjectId::NONE,
            Parent::Given(node) => match self.eval(node, scope)? {
                Val::Obj(id) => id,
                _ => ObjectId::NONE,
            },
        };
        let mut values = [Val::Null; MOST_ARGUMENTS];
        for (value, argument) in values.iter_mut().zip(&user.arguments) {
            *value = self.eval(*argument, scope)?;
        }
        let holder = scope.object;
        let object = self.arena.object(holder);
        let root = match (user.foreign, self.plan.type_of(user.id).outer) {
            (false, _) => object.root,
            (true, None) => ObjectId::at(self.arena.object_count()),
            (true, Some(_)) => ObjectId::NONE,
        };
        let le = object.le.filter(|_| !user.foreign);
        let id = self.begin_object(user.id, io, Around { holder, parent, root }, le);
        for (slot, value) in (0u16..).zip(values.iter().take(user.arguments.len())) {
            self.arena.set_slot(id, slot, Slot { val: *value, state: State::Done, ..Slot::EMPTY });
        }
        Ok(id)
    }

    pub(crate) fn bits(&mut self, io: IoId, count: u8, le: bool) -> Result<Val, Stop> {
        let stored = self.io(io);
        let all = u32::from(stored.bit) + u32::from(count);
        let length = all.div_ceil(8);
        if u64::from(stored.pos) + u64::from(length) > u64::from(stored.end) {
            return Err(self.ends(io, length.into()));
        }
        let span = Span { buffer: stored.buffer, start: stored.pos, end: stored.pos + length };
        let lacks = self.lacks(span);
        let number = bits_of(self.bytes(span), stored.bit.into(), count.into(), le);
        let stored = self.arena.io_mut(io);
        stored.pos += all / 8;
        stored.bit = u8::try_from(all % 8).unwrap_or(0);
        self.last_bits.2 = le;
        if lacks {
            return self.unknown();
        }
        Ok(if count == 1 { Val::Bool(number == 1) } else { Val::Int(number.into()) })
    }
}
