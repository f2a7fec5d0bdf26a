//! Evaluates expressions over registers. What does not fit in a register, or has no value, has no result.

use std::cmp::Ordering;

use crate::expr::Binary;
use crate::program::machine::Machine;
use crate::program::records::{Content, Sink};
use crate::program::step::{Arg, Term};

/// The place of text or bytes as a register holds it: where they begin, how many there are, and whether they are a constant
/// of the description.
pub(super) fn pack(content: Content) -> Option<i64> {
    let Content { is_constant, start, length } = content;
    let (start, length) = (i64::try_from(start).ok()?, i64::try_from(length).ok()?);
    let fits = start < 1 << 31 && length < 1 << 31;
    fits.then_some(i64::from(is_constant) << 62 | start << 31 | length)
}

pub(super) fn unpack(packed: i64) -> Content {
    let part = |n: i64| usize::try_from(n & 0x7fff_ffff).unwrap_or(0);
    Content { is_constant: packed >> 62 & 1 == 1, start: part(packed >> 31), length: part(packed) }
}

impl<S: Sink, const N: usize> Machine<'_, S, N> {
    /// The value of an argument, mostly a register's.
    #[inline(always)]
    pub(super) fn value(&self, arg: Arg) -> Option<i64> {
        match self.values.get(usize::from(arg.0)) {
            Some(value) => Some(*value),
            None => self.term(arg),
        }
    }

    #[inline]
    pub(super) fn size(&self, arg: Arg) -> Option<usize> {
        usize::try_from(self.value(arg)?).ok()
    }

    fn term(&self, arg: Arg) -> Option<i64> {
        Some(match *self.program.terms.get(arg.as_term()?)? {
            Term::Constant(n) => n,
            Term::Register(register) => {
                let register = usize::from(register);
                self.known.get(register).filter(|known| **known)?;
                *self.values.get(register)?
            }
            Term::Short(operator, register, n) => {
                operator.of_plain(*self.values.get(usize::from(register))?, n)?
            }
            Term::Not(of) => i64::from(self.value(of)? == 0),
            Term::Minus(of) => self.value(of)?.checked_neg()?,
            Term::Invert(of) => !self.value(of)?,
            Term::Choice(condition, then, otherwise) => {
                let holds = self.value(condition)? != 0;
                self.value(if holds { then } else { otherwise })?
            }
            Term::Binary(operator, left, right) => {
                let a = self.value(left)?;
                match operator {
                    Binary::And if a == 0 => return Some(0),
                    Binary::Or if a != 0 => return Some(1),
                    _ => {}
                }
                operator.of_plain(a, self.value(right)?)?
            }
            other => self.other(other)?,
        })
    }

    /// Terms that are not of whole numbers alone.
    #[cold]
    fn other(&self, term: Term) -> Option<i64> {
        let text = |arg| {
            let bytes = self.content(arg)?;
            self.spend(bytes.len() / 16)?;
            std::str::from_utf8(bytes).ok()
        };
        let float = |arg| Some(f64::from_bits(self.value(arg)?.cast_unsigned()));
        let stored = |n: f64| Some(n.to_bits().cast_signed());
        match term {
            Term::Compare(operator, left, right) => {
                let (left, right) = (self.content(left)?, self.content(right)?);
                self.spend(left.len().min(right.len()) / 32)?;
                ordered(operator, left.cmp(right))
            }
            Term::Float(operator, left, right) => {
                let (a, b) = (float(left)?, float(right)?);
                match operator {
                    Binary::Plus => stored(a + b),
                    Binary::Minus => stored(a - b),
                    Binary::Times => stored(a * b),
                    Binary::Divide => stored(a / b),
                    Binary::Modulo => stored(a - b * (a / b).floor()),
                    _ => ordered(operator, a.partial_cmp(&b)?),
                }
            }
            #[allow(clippy::cast_precision_loss)] // An operation with a float is inexact anyway.
            Term::AsFloat(of) => stored(self.value(of)? as f64),
            Term::FloatMinus(of) => stored(-float(of)?),
            Term::Truncated(of) => {
                let whole = float(of)?.trunc();
                #[allow(clippy::cast_possible_truncation)] // It fits.
                (whole.abs() < 9e15).then_some(whole as i64)
            }
            Term::Characters(of) => i64::try_from(text(of)?.chars().count()).ok(),
            Term::Length(of) => i64::try_from(unpack(self.value(of)?).length).ok(),
            Term::Byte(of, at) => {
                let at = self.size(at)?;
                self.content(of)?.get(at).map(|&byte| byte.into())
            }
            Term::Parsed(of, radix) => i64::from_str_radix(text(of)?, radix.into()).ok(),
            Term::Text(of) => {
                text(of)?;
                self.value(of)
            }
            _ => None,
        }
    }

    /// The bytes that an argument is the place of.
    pub(super) fn content(&self, arg: Arg) -> Option<&[u8]> {
        let Content { is_constant, start, length } = unpack(self.value(arg)?);
        let buffer = if is_constant { &self.program.constants } else { self.message };
        buffer.get(start..start + length)
    }
}

fn ordered(operator: Binary, found: Ordering) -> Option<i64> {
    Some(i64::from(match operator {
        Binary::Equal => found.is_eq(),
        Binary::NotEqual => found.is_ne(),
        Binary::Less => found.is_lt(),
        Binary::LessEqual => found.is_le(),
        Binary::Greater => found.is_gt(),
        Binary::GreaterEqual => found.is_ge(),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use crate::program::records::Content;

    #[test]
    fn a_place_in_a_register_is_what_was_put_there() {
        for (is_constant, start, length) in [(false, 0, 0), (true, 7, 0x7fff_ffff), (false, 0x7fff_ffff, 3)] {
            let packed = pack(Content { is_constant, start, length }).unwrap();
            let found = unpack(packed);
            assert_eq!((found.is_constant, found.start, found.length), (is_constant, start, length));
        }
        assert!(pack(Content { is_constant: false, start: 1 << 31, length: 0 }).is_none());
    }
}
