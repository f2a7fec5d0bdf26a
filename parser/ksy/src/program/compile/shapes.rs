//! The steps for one value: how its bytes are read.

use crate::plan::{Attr, Limit, Order, Process, Repeat, Shape, Size, Terminator};
use crate::program::compile::{Compiler, MOST_STEPS, Place, Purpose, Stored};
use crate::program::report::How;
use crate::program::step::{Arg, Chunk, Derived, Kind, NONE, Processing, Register, Step, Term};
use crate::run::extent::zeros;
use crate::strings::Charset;

impl<'p> Compiler<'p> {
    pub(super) fn shape(&mut self, place: Place<'p>, shape: &'p Shape) -> Option<()> {
        let (frame, attr) = (place.frame, place.attr);
        let bounded = attr.limit.is_bounded();
        match shape {
            Shape::Switch(on, cases) => self.choice(place, *on, cases),
            Shape::Int { .. } | Shape::Bits { .. } | Shape::Float { .. } if bounded => {
                self.sized_number(place, shape)
            }
            Shape::Int { .. } | Shape::Bits { .. } | Shape::Float { .. } => self.number_itself(place, shape),
            Shape::Contents(span) if !bounded => {
                self.align();
                let field = self.reported(frame, attr, How::Bytes)?;
                if !self.whole && field == NONE {
                    self.push(Step::Skip(span.len()))?;
                    return Some(());
                }
                let (at, length) = self.constant_bytes(span.start as usize, span.end as usize)?;
                let step = match self.whole {
                    true => {
                        Step::Same { at: u32::try_from(at).ok()?, length: u16::try_from(length).ok()?, field }
                    }
                    false => {
                        Step::Bytes { to: NONE, field, size: self.constant(i64::try_from(length).ok()?)? }
                    }
                };
                self.push(step)?;
                (!self.whole || attr.valid.is_none() && attr.check.is_none()).then_some(())
            }
            Shape::Bytes if bounded => self.chunk(place, None),
            Shape::Str(charset) if bounded => self.chunk(place, Some(*charset)),
            Shape::Strz(charset) if !bounded => self.ended_by_zero(place, *charset),
            Shape::User(user) => self.user(place, user, shape),
            _ => None,
        }
    }

    /// A number that must fill bytes of a size.
    fn sized_number(&mut self, place: Place<'p>, shape: &'p Shape) -> Option<()> {
        let attr = place.attr;
        let is_plain = attr.limit.terminator.is_none() && attr.limit.pad_right.is_none();
        (is_plain && attr.process.is_none() && attr.check.is_none()).then_some(())?;
        self.align();
        let size = self.sized(place)?;
        self.push(size.map_or(Step::EnterRest, Step::Enter))?;
        self.number_itself(place, shape)?;
        self.align();
        self.push(Step::Leave { whole: true })?;
        Some(())
    }

    fn number_itself(&mut self, place: Place<'p>, shape: &Shape) -> Option<()> {
        let (frame, attr) = (place.frame, place.attr);
        match shape {
            Shape::Int { bytes, signed, order } => {
                self.align();
                let le = self.order(frame, *order)?;
                let how = How::number(attr, Kind::Int, *signed);
                let (to, field) = (self.register()?, self.reported(frame, attr, how)?);
                self.push_number(match (bytes, signed, le) {
                    (1, false, _) => Step::U1 { to, field },
                    (2, false, false) => Step::U2 { to, field },
                    (4, false, false) => Step::U4 { to, field },
                    (8, false, false) => Step::U8 { to, field },
                    (2, false, true) => Step::U2Le { to, field },
                    (4, false, true) => Step::U4Le { to, field },
                    (8, false, true) => Step::U8Le { to, field },
                    (bytes, true, le) => Step::Signed { to, field, bytes: *bytes, le },
                    _ => return None,
                })?;
                self.valued(place, to, Kind::Int, None)
            }
            Shape::Bits { count, le } => {
                let kind = if *count == 1 { Kind::Bool } else { Kind::Int };
                let how = How::number(attr, kind, false);
                let (to, field) = (self.register()?, self.reported(frame, attr, how)?);
                self.push(Step::Bits { to, field, count: *count, le: *le })?;
                self.in_byte = Some(*le);
                (attr.check.is_none() || !self.whole).then_some(())?;
                self.valued(place, to, kind, None)
            }
            Shape::Float { bytes, order } => {
                self.align();
                let le = self.order(frame, *order)?;
                let (to, field) = (self.register()?, self.reported(frame, attr, How::Float)?);
                self.push(Step::Float { to, field, bytes: *bytes, le })?;
                self.valued(place, to, Kind::Float, None)
            }
            _ => None,
        }
    }

    /// A step that reads a number, before the tests of those before it: so there are more numbers in a row.
    fn push_number(&mut self, step: Step) -> Option<()> {
        let steps = &mut self.program.steps;
        match self.tests.filter(|(_, end)| *end == steps.len()) {
            Some((start, end)) => {
                steps.insert(start, step);
                let moved = steps.iter_mut().skip(start + 1).filter_map(Step::target);
                moved.filter(|to| **to != NONE).for_each(|to| *to += 1);
                self.barrier = self.barrier.min(start);
                (self.tests, self.number) = (Some((start + 1, end + 1)), Some(start));
                (steps.len() <= MOST_STEPS).then_some(())
            }
            None => {
                self.tests = None;
                self.number = Some(self.push(step)?);
                Some(())
            }
        }
    }

    /// Remembers the tests of a number, from a step on, if they can be executed later.
    fn tested(&mut self, from: usize) {
        let steps = &self.program.steps;
        let is_movable = |step: &Step| matches!(step, Step::Compare { .. } | Step::If { .. } | Step::Jump(_));
        let start = match self.tests {
            Some((start, end)) if end == from => start,
            _ => from,
        };
        let can_move = steps.iter().skip(from).all(is_movable);
        self.tests = can_move.then_some((start, steps.len()));
    }

    fn order(&self, frame: usize, order: Order) -> Option<bool> {
        match order {
            Order::Le => Some(true),
            Order::Be => Some(false),
            Order::Structure => self.frame(frame)?.le,
        }
    }

    /// Stores where a field with a check begins.
    fn own(&mut self, attr: &Attr) -> Option<Option<Register>> {
        if attr.check.is_none() || !self.whole {
            return Some(None);
        }
        let own = self.register()?;
        self.push(Step::Mark(own))?;
        Some(Some(own))
    }

    /// Adds constant bytes of the description. Returns where they begin, and how many they are.
    pub(super) fn constant_bytes(&mut self, start: usize, end: usize) -> Option<(usize, usize)> {
        let bytes = self.plan.expressions.constants.get(start..end)?;
        let at = self.program.constants.len();
        self.program.constants.extend_from_slice(bytes);
        Some((at, bytes.len()))
    }

    /// Assigns a value that was read to its field, and tests what must hold for it.
    fn valued(&mut self, place: Place<'p>, to: Register, kind: Kind, own: Option<Register>) -> Option<()> {
        let Place { frame, attr, .. } = place;
        let kind = match (attr.enumeration, kind) {
            (Some(of), Kind::Int | Kind::Bool) => Kind::Enum(of),
            _ => kind,
        };
        let stored = Stored { register: to, kind, block: self.block() };
        // The value of a list is not that of its items.
        match Self::is_repeated(attr) {
            true => self.item = (Some(stored), None),
            false => {
                self.frames.get_mut(frame)?.fields.insert(attr.slot, stored);
            }
        }
        let tested = self.validated(place, stored, own);
        // Elsewhere it may have no value.
        if self.block() != 0 {
            self.push(Step::Known(to))?;
        }
        tested
    }

    /// Tests what must hold for a value that was read.
    fn validated(&mut self, place: Place<'p>, stored: Stored, own: Option<Register>) -> Option<()> {
        let Place { frame, attr, .. } = place;
        if !self.whole {
            return Some(());
        }
        if let Some(valid) = &attr.valid {
            let from = self.program.steps.len();
            let before = self.element.replace(stored);
            let tested = self.test(frame, attr, valid, stored);
            self.element = before;
            tested?;
            self.tested(from);
        }
        self.check(frame, attr, stored, own)
    }

    /// Bytes or text of a given extent.
    fn chunk(&mut self, place: Place<'p>, charset: Option<Charset>) -> Option<()> {
        let Place { frame, attr, .. } = place;
        self.align();
        let limit = &attr.limit;
        let is_plain = limit.terminator.is_none() && limit.pad_right.is_none();
        let own = self.own(attr)?;
        let is_end = matches!(self.purpose, Purpose::End);
        let charset = charset.filter(|_| !is_end || attr.needed);
        let how = match charset {
            None => How::Bytes,
            Some(charset) if charset.is_utf8() => How::Text,
            Some(Charset::Unknown) => return None,
            Some(charset) => How::Decoded(charset),
        };
        let is_kept = self.derived == 0 && attr.process.is_none() && !matches!(how, How::Decoded(_));
        let kind = if charset.is_some() { Kind::Text } else { Kind::Bytes };
        let to = self.register()?;
        let (stored, size) = (if is_kept { to } else { NONE }, self.sized(place)?);
        let process = self.begin_process(place, size)?;
        let field = self.reported(frame, attr, how)?;
        let (to, size) = (stored, if process { None } else { size });
        let is_utf8 = is_plain && charset == Some(Charset::Utf8) && self.derived == 0;
        if let Some(reported) = self.program.fields.get_mut(usize::from(field)).filter(|_| is_utf8) {
            reported.how = How::Utf8;
        }
        let is_open = matches!(limit.size, Size::Open);
        let step = match (charset, size) {
            (None, Some(size)) if is_plain => Step::Bytes { to, field, size },
            (None, None) if is_plain => Step::Rest { to, field },
            (Some(Charset::Utf8), Some(size)) if is_plain => Step::Utf8 { to, field, size },
            (Some(Charset::Utf8), None) if is_plain => Step::Utf8Rest { to, field },
            _ => {
                let is_told_apart = attr.pos.is_none();
                let limit = limit.clone();
                let chunk = Chunk { limit, size, is_open, charset, is_tested: true, is_told_apart };
                self.chunk_step(to, field, chunk)?
            }
        };
        self.push(step)?;
        if process {
            self.end_process()?;
        }
        if is_kept {
            return self.valued(place, to, kind, own);
        }
        (!self.whole || attr.valid.is_none() && attr.check.is_none()).then_some(())
    }

    fn chunk_step(&mut self, to: Register, field: u16, chunk: Chunk) -> Option<Step> {
        self.program.chunks.push(chunk);
        Some(Step::Chunk { to, field, chunk: u16::try_from(self.program.chunks.len() - 1).ok()? })
    }

    /// Text up to a zero, without a size.
    fn ended_by_zero(&mut self, place: Place<'p>, charset: Charset) -> Option<()> {
        let Place { frame, attr, .. } = place;
        self.align();
        let how = if charset.is_utf8() { How::Text } else { How::Decoded(charset) };
        (charset != Charset::Unknown && attr.process.is_none()).then_some(())?;
        let bytes = zeros(charset).to_vec();
        let terminator = Terminator { bytes, include: false, consume: true, eos_error: true };
        let limit = Limit { terminator: Some(terminator), ..Default::default() };
        let is_kept = charset.is_utf8() && self.derived == 0;
        let to = if is_kept { self.register()? } else { NONE };
        let field = self.reported(frame, attr, how)?;
        let is_tested = !matches!(self.purpose, Purpose::End) || attr.needed;
        let chunk = Chunk {
            limit,
            size: None,
            is_open: true,
            charset: Some(charset),
            is_tested,
            is_told_apart: false,
        };
        let step = self.chunk_step(to, field, chunk)?;
        self.push(step)?;
        if is_kept {
            return self.valued(place, to, Kind::Text, None);
        }
        (!self.whole || attr.valid.is_none() && attr.check.is_none()).then_some(())
    }

    /// The size of a field, if it has one.
    pub(super) fn sized(&mut self, place: Place<'p>) -> Option<Option<Arg>> {
        match place.attr.limit.size {
            Size::Of(size) => Some(Some(self.number(size, place.frame)?)),
            Size::Open | Size::Eos => Some(None),
        }
    }

    /// Begins bytes that are derived from those of a field, if it has a processing.
    pub(super) fn begin_process(&mut self, place: Place<'p>, size: Option<Arg>) -> Option<bool> {
        let Some(process) = place.attr.process else { return Some(false) };
        let limit = &place.attr.limit;
        let is_plain = limit.terminator.is_none() && limit.pad_right.is_none();
        (is_plain && !matches!(limit.size, Size::Open)).then_some(())?;
        let how = match process {
            Process::Xor(key) => match self.expression(key, place.frame, 0)? {
                (key, Kind::Int) => Processing::Xor(key),
                (key, Kind::Bytes | Kind::Text) => Processing::XorBytes(key),
                _ => return None,
            },
            Process::Rol(by) => Processing::Rotate(self.number(by, place.frame)?, true),
            Process::Ror(by) => Processing::Rotate(self.number(by, place.frame)?, false),
            _ => return None,
        };
        self.program.processes.push(Derived { size, how });
        self.push(Step::Process(u16::try_from(self.program.processes.len() - 1).ok()?))?;
        self.derived += 1;
        Some(true)
    }

    pub(super) fn end_process(&mut self) -> Option<()> {
        self.derived -= 1;
        self.push(Step::Done).map(|_| ())
    }

    pub(super) fn is_repeated(attr: &Attr) -> bool {
        !matches!(attr.repeat, Repeat::Once)
    }

    /// A constant as a term.
    pub(super) fn constant_text(&mut self, start: usize, end: usize) -> Option<Arg> {
        let (start, length) = self.constant_bytes(start, end)?;
        let content = crate::program::records::Content { is_constant: true, start, length };
        let packed = crate::program::evaluate::pack(content)?;
        self.term(Term::Constant(packed))
    }
}
