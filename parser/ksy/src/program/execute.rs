//! Runs a program on the bytes of a message.

use crate::checks;
use crate::expr::Binary;
use crate::plan::{Plan, Val};
use crate::program::Recorder;
use crate::program::{Found, Kind, PARTS, Program, REGISTERS, Step, Term};
use crate::run::extent::find;
use crate::run::extent::trimmed;
use crate::run::numbers::{bits_of, integer};

impl Program {
    #[inline]
    pub(super) fn run_recording(
        &self,
        plan: &Plan,
        bytes: &[u8],
        notes: &mut impl Recorder,
    ) -> Option<Found> {
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
                        plan.type_of(*ty).seq.get(usize::from(*field))?.limit.terminator.as_ref()?;
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
                    let attr = plan.type_of(*ty).seq.get(usize::from(*field))?;
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
                Step::Begin(field) | Step::BeginInByte(field) => notes.begin(*field, pos)?,
                Step::End => {
                    let number = |register| registers.get(register);
                    notes.end(&self.fields, pos + usize::from(bit > 0), &number)?;
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

    /// The value of an expression. The most common ones take no call.
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
    /// Which of them are set: a field that is not present has no value.
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
