//! What most messages are, as a program without loops: numbers at the front, a part or two of a size that they say, a
//! check. It is made from a description when that is loaded, with every field a register, and runs in a fraction of the
//! time that the thorough reader takes.
//!
//! A third kind of program tells chosen fields, and passes over all that does not say where they are.
//!
//! It answers only for messages that are as they should be. Whatever is unusual ends it without an answer: a value that
//! is not valid, bytes that are missing, a list, anything it was not made for. Then the thorough reader says what is what.

mod choice;
mod make;
mod told;

use framescope_parser::{FieldSelection, Visit};

use crate::checks::{self, Algorithm};
use crate::expr::Binary;
use crate::load::Meta;
use crate::plan::{Plan, Shape, TypeId, Val};
use crate::run::shape::{bits_of, find, integer, trimmed};
use crate::strings::Charset;
use choice::Choice;
use make::{Maker, Purpose};
use told::{Events, Noted, Notes, Nothing, Told};

/// Fields whose values are kept.
const REGISTERS: usize = 48;
/// How deeply parts stand in each other.
const PARTS: usize = 8;

#[derive(Clone, Debug)]
enum Step {
    Number {
        to: u8,
        bytes: u8,
        signed: bool,
        le: bool,
    },
    Bits {
        to: u8,
        count: u8,
        le: bool,
    },
    /// So many bytes.
    Skip(u32),
    /// As many bytes as an expression says.
    SkipBy(u16),
    /// Bytes up to a terminator, and what they must be as text.
    Terminated(TypeId, u16, Option<Charset>),
    /// Text of so many bytes, or up to the end of the part.
    Text(TypeId, u16, Option<u16>, Charset),
    /// Bytes that are always the same.
    Same(Box<[u8]>),
    /// The rest of the part.
    Rest,
    /// A part of so many bytes, or all that is left, begins.
    Enter(Option<u16>),
    /// It ends, and all of it was read.
    Leave,
    /// Keeps where it is.
    Mark(u8),
    /// What must be true.
    Holds(u16),
    /// A number must be one of these.
    OneOf(u8, Box<[i64]>),
    /// Goes on elsewhere unless this is true.
    Unless(u16, u16),
    Jump(u16),
    /// Goes on where the number says, else at the last.
    Choose(u16, Box<[(i64, u16)]>, u16),
    /// The number before, which began at a mark, is the check of what stands from another mark to it.
    Check {
        number: u8,
        algorithm: Algorithm,
        from: u8,
        own: u8,
    },
    /// A field begins that is told: at a whole byte, or in the middle of one.
    Begin(u8),
    BeginInByte(u8),
    /// It ends.
    End,
    /// This is for the thorough reader.
    Stop,
}

/// An expression over registers. What it gives is known to be a number or a boolean.
#[derive(Clone, Copy, Debug)]
enum Term {
    Constant(i64),
    Register(u8),
    Not(u16),
    Minus(u16),
    Invert(u16),
    Binary(Binary, u16, u16),
    /// A register and a constant.
    Short(Binary, u8, i64),
    Choice(u16, u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Bool,
    Enum(u32),
}

/// A program, and what names the kind of a message when it has run.
#[derive(Clone, Debug)]
pub(crate) struct Straight {
    steps: Vec<Step>,
    terms: Vec<Term>,
    kind: Option<(u16, Kind)>,
    /// The fields that are told.
    told: Vec<Told>,
}

/// What a program found out.
pub(crate) struct Found {
    /// Where the message ends.
    pub(crate) end: usize,
    /// What names its kind.
    pub(crate) kind: Option<Val>,
}

impl Straight {
    /// A program that finds where a message ends.
    pub(crate) fn ends(plan: &Plan) -> Option<Straight> {
        Maker::new(plan, Purpose::End).make(None)
    }

    /// A program that finds out whether a message is just as it should be, and of what kind.
    pub(crate) fn whole(plan: &Plan, meta: &Meta) -> Option<Straight> {
        Maker::new(plan, Purpose::Whole).make(meta.kind)
    }

    /// Whether a wanted field may stand in what is of this shape.
    pub(crate) fn may_hold(plan: &Plan, shape: &Shape, wanted: &FieldSelection) -> bool {
        Choice::named(wanted).is_in(plan, shape)
    }

    /// A program that tells chosen fields. Nothing where it would not find all of them.
    pub(crate) fn select(plan: &Plan, wanted: &FieldSelection) -> Option<Straight> {
        let choice = Choice::new(plan, wanted)?;
        Maker::new(plan, Purpose::Fields(&choice)).make(None)
    }

    /// Tells the fields that it was made for. Nothing is told, and false given, if it does not know.
    pub(crate) fn tell<'a>(
        &'a self,
        plan: &'a Plan,
        bytes: &'a [u8],
        summary: bool,
        visit: &mut dyn Visit<'a>,
    ) -> bool {
        let mut events = Events::default();
        if self.run_noting(plan, bytes, &mut events).is_none() {
            return false;
        }
        let noted = Noted { events: &events, told: &self.told, plan, bytes };
        noted.tell(visit);
        if summary {
            visit.summary(format_args!("{}", noted.summary(0, 0)));
        }
        true
    }

    /// Runs it. Nothing if that is not enough to say what the message is.
    pub(crate) fn run(&self, plan: &Plan, bytes: &[u8]) -> Option<Found> {
        self.run_noting(plan, bytes, &mut Nothing)
    }

    #[inline]
    fn run_noting(&self, plan: &Plan, bytes: &[u8], notes: &mut impl Notes) -> Option<Found> {
        let mut registers = Registers { values: [0; REGISTERS], known: 0 };
        let (mut ends, mut depth) = ([bytes.len(); PARTS], 0usize);
        let (mut pos, mut bit, mut end, mut at) = (0usize, 0u32, bytes.len(), 0usize);
        while let Some(step) = self.steps.get(at) {
            at += 1;
            if bit > 0
                && !matches!(
                    step,
                    Step::Bits { .. }
                        | Step::Jump(_)
                        | Step::Unless(..)
                        | Step::Choose(..)
                        | Step::Holds(_)
                        | Step::OneOf(..)
                        | Step::BeginInByte(_)
                        | Step::End
                )
            {
                (pos, bit) = (pos + 1, 0);
            }
            match step {
                Step::Number { to, bytes: width, signed, le } => {
                    let next = pos + usize::from(*width);
                    let own = bytes.get(pos..next).filter(|_| next <= end)?;
                    registers.set(*to, i64::try_from(integer(own, *signed, *le)).ok()?);
                    pos = next;
                }
                Step::Bits { to, count, le } => {
                    let all = bit + u32::from(*count);
                    let next = pos + all.div_ceil(8) as usize;
                    let own = bytes.get(pos..next).filter(|_| next <= end)?;
                    registers.set(*to, i64::try_from(bits_of(own, bit, (*count).into(), *le)).ok()?);
                    (pos, bit) = (pos + (all / 8) as usize, all % 8);
                }
                Step::Skip(count) => pos = next(pos, *count as usize, end)?,
                Step::SkipBy(size) => pos = next(pos, self.size(*size, &registers)?, end)?,
                Step::Rest => pos = end,
                Step::Same(wanted) => {
                    let after = next(pos, wanted.len(), end)?;
                    if bytes.get(pos..after)? != &**wanted {
                        return None;
                    }
                    pos = after;
                }
                Step::Terminated(ty, field, charset) => {
                    let terminator =
                        plan.type_of(*ty)?.seq.get(usize::from(*field))?.limit.terminator.as_ref()?;
                    let rest = bytes.get(pos..end)?;
                    let found = find(rest, &terminator.bytes)?;
                    let behind = found + terminator.bytes.len();
                    let text = rest.get(..if terminator.include { behind } else { found })?;
                    if charset.is_some_and(|charset| !charset.is_valid(text)) {
                        return None;
                    }
                    notes.says(text.len());
                    pos += if terminator.consume { behind } else { found };
                }
                Step::Text(ty, field, size, charset) => {
                    let after = match size {
                        Some(size) => next(pos, self.size(*size, &registers)?, end)?,
                        None => end,
                    };
                    let attr = plan.type_of(*ty)?.seq.get(usize::from(*field))?;
                    let own = bytes.get(pos..after)?;
                    let text = own.get(..trimmed(attr, own))?;
                    if !charset.is_valid(text) {
                        return None;
                    }
                    notes.says(text.len());
                    pos = after;
                }
                Step::Enter(size) => {
                    let after = match size {
                        Some(size) => next(pos, self.size(*size, &registers)?, end)?,
                        None => end,
                    };
                    *ends.get_mut(depth)? = end;
                    (end, depth) = (after, depth + 1);
                }
                Step::Leave => {
                    if pos != end {
                        return None;
                    }
                    depth = depth.checked_sub(1)?;
                    end = *ends.get(depth)?;
                }
                Step::Mark(to) => registers.set(*to, i64::try_from(pos).ok()?),
                Step::Holds(term) => {
                    if self.term(*term, &registers)? == 0 {
                        return None;
                    }
                }
                Step::OneOf(number, all) => {
                    all.binary_search(&registers.get(*number)?).ok()?;
                }
                Step::Unless(term, to) => {
                    if self.term(*term, &registers)? == 0 {
                        at = usize::from(*to);
                    }
                }
                Step::Jump(to) => at = usize::from(*to),
                Step::Choose(term, cases, otherwise) => {
                    let n = self.term(*term, &registers)?;
                    let case =
                        cases.binary_search_by_key(&n, |&(key, _)| key).ok().and_then(|case| cases.get(case));
                    at = usize::from(case.map_or(*otherwise, |&(_, to)| to));
                }
                Step::Check { number, algorithm, from, own } => {
                    let mark = |mark: u8| usize::try_from(registers.get(mark)?).ok();
                    let (from, own) = (mark(*from)?, mark(*own)?);
                    let covered = checks::covered(bytes, from, own, own..pos)?;
                    let width = u32::try_from(pos - own).ok()?;
                    let computed = i64::try_from(algorithm.number(&covered, width)?).ok()?;
                    if computed != registers.get(*number)? {
                        return None;
                    }
                }
                Step::Begin(told) | Step::BeginInByte(told) => notes.begin(*told, pos)?,
                Step::End => {
                    let number = |register| registers.get(register);
                    notes.end(&self.told, pos + usize::from(bit > 0), &number)?;
                }
                Step::Stop => return None,
            }
        }
        let end = pos + usize::from(bit > 0);
        let kind = match self.kind {
            None => None,
            Some((term, kind)) => {
                let n = self.term(term, &registers)?;
                Some(match kind {
                    Kind::Int => Val::Int(n.into()),
                    Kind::Bool => Val::Bool(n != 0),
                    Kind::Enum(of) => Val::Enum(of, n.into()),
                })
            }
        };
        Some(Found { end, kind })
    }

    fn size(&self, term: u16, registers: &Registers) -> Option<usize> {
        usize::try_from(self.term(term, registers)?).ok()
    }

    /// The value of an expression. What most are is computed without a call.
    #[inline(always)]
    fn term(&self, term: u16, registers: &Registers) -> Option<i64> {
        match *self.terms.get(usize::from(term))? {
            Term::Constant(n) => Some(n),
            Term::Register(register) => registers.get(register),
            Term::Short(operator, register, n) => operator.of_plain(registers.get(register)?, n),
            ref term => self.long_term(term, registers),
        }
    }

    fn long_term(&self, term: &Term, registers: &Registers) -> Option<i64> {
        Some(match *term {
            Term::Constant(n) => n,
            Term::Register(register) => registers.get(register)?,
            Term::Short(operator, register, n) => operator.of_plain(registers.get(register)?, n)?,
            Term::Not(of) => i64::from(self.term(of, registers)? == 0),
            Term::Minus(of) => self.term(of, registers)?.checked_neg()?,
            Term::Invert(of) => !self.term(of, registers)?,
            Term::Choice(condition, then, otherwise) => {
                let holds = self.term(condition, registers)? != 0;
                self.term(if holds { then } else { otherwise }, registers)?
            }
            Term::Binary(operator, left, right) => {
                let a = self.term(left, registers)?;
                match operator {
                    Binary::And if a == 0 => return Some(0),
                    Binary::Or if a != 0 => return Some(1),
                    _ => {}
                }
                operator.of_plain(a, self.term(right, registers)?)?
            }
        })
    }
}

fn next(pos: usize, count: usize, end: usize) -> Option<usize> {
    pos.checked_add(count).filter(|&next| next <= end)
}

struct Registers {
    values: [i64; REGISTERS],
    /// Which of them were set: a field that is not there has no value.
    known: u64,
}

impl Registers {
    #[inline]
    fn set(&mut self, register: u8, value: i64) {
        if let Some(stored) = self.values.get_mut(usize::from(register)) {
            *stored = value;
            self.known |= 1 << register;
        }
    }

    #[inline]
    fn get(&self, register: u8) -> Option<i64> {
        (self.known >> register & 1 == 1).then_some(())?;
        self.values.get(usize::from(register)).copied()
    }
}
