//! Finds fields that are a check of other bytes: CRCs, sums and their like.
//!
//! A hypothesis is a field at a place, an algorithm, and the bytes that it covers. All are tried on a few messages, and those that fit
//! are weighed with more: a check is proposed only if its values say markedly more than it takes to say the hypothesis. The chance
//! that messages without a check have one proposed is below one in a million.
//!
//! A CRC is linear: messages of one length, combined by exclusive or, show the generator without what the register begins with
//! and what the result is combined with. A common divisor of several such differences is a generator that the catalogue does not have.

mod by_kind;
mod crcs;
mod evidence;
mod polynomial;
mod sample;
mod spans;
mod sums;
mod unknown;
mod weigh;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use framescope_ksy::checks::Algorithm;

pub(crate) use by_kind::by_kind;
use sample::Sample;
use spans::{Covered, Span};
pub use spans::{Own, Place};
use weigh::{Candidate, Weighing};

/// How a check is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A number, its highest byte first.
    Big,
    /// A number, its lowest byte first.
    Little,
    /// Two digits for each byte, the highest first.
    Hexadecimal,
    /// Digits.
    Decimal,
}

impl Form {
    /// How fields of a size may be written.
    fn of(size: usize) -> &'static [Form] {
        match size {
            1 => &[Form::Big],
            2 | 4 | 8 => &[Form::Big, Form::Little, Form::Hexadecimal],
            3 => &[Form::Big, Form::Little, Form::Decimal],
            _ => &[],
        }
    }

    /// How many bytes the number has in a field of a size.
    fn value_size(self, size: usize) -> usize {
        match self {
            Form::Big | Form::Little => size,
            Form::Hexadecimal => size / 2,
            Form::Decimal => 1,
        }
    }
}

/// The number that a field has.
fn value(bytes: &[u8], form: Form) -> Option<u64> {
    let digits = |radix: u32| {
        bytes.iter().try_fold(0u64, |number, &byte| {
            let digit = char::from(byte).to_digit(radix)?;
            number.checked_mul(radix.into())?.checked_add(digit.into())
        })
    };
    match form {
        Form::Big => Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))),
        Form::Little => Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))),
        Form::Hexadecimal => digits(16),
        Form::Decimal => digits(10).filter(|&number| number < 256),
    }
}

/// A field that is a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Where its first byte is.
    pub place: Place,
    /// How many bytes it has: 1, 2, 3, 4 or 8.
    pub size: usize,
    /// How it is written.
    pub form: Form,
    /// How it is computed.
    pub algorithm: Algorithm,
    /// How many bytes of the message come before those that it covers.
    pub from: usize,
    /// Where those end.
    pub to: Place,
    /// What becomes of its own bytes.
    pub own: Own,
    /// The byte that it covers after all others although no message has it, if there is one.
    pub then: Option<Box<Then>>,
    /// In how many messages it holds, and how many there are.
    pub holds: (usize, usize),
    /// How many bits its values say beyond what the hypothesis takes to say.
    pub bits: f64,
}

/// A byte that the kind of the message decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then {
    /// Where the byte is that says the kind.
    pub kind: usize,
    /// The byte of each kind.
    pub bytes: BTreeMap<u8, u8>,
}

impl Check {
    fn span(&self) -> Span {
        Span { place: self.place, size: self.size, from: self.from, to: self.to, own: self.own }
    }

    /// Where the field is in a message of a length.
    pub fn field(&self, length: usize) -> Option<Range<usize>> {
        self.span().of(length).map(|covered| covered.field)
    }

    /// Whether it holds in a message.
    pub fn holds_in(&self, message: &[u8]) -> bool {
        let Some(then) = &self.then else {
            return weigh::holds(&self.span(), self.form, &self.algorithm, message);
        };
        let covered = self.span().of(message.len()).and_then(|covered| {
            let byte = message.get(then.kind).and_then(|kind| then.bytes.get(kind))?;
            let bytes = [message.get(covered.first)?, &[*byte]].concat();
            Some((value(message.get(covered.field)?, self.form)?, bytes))
        });
        let width = u32::try_from(self.form.value_size(self.size)).unwrap_or(8);
        covered.is_some_and(|(found, bytes)| self.algorithm.number(&bytes, width) == Some(found))
    }

    /// How likely it is that the field is this check.
    pub fn confidence(&self) -> f64 {
        let (holds, all) = self.holds;
        0.999 * (holds as f64 + 1.0) / (all as f64 + 1.0)
    }
}

/// `crc-16/modbus of all bytes before it, little-endian: in 99 of 100 messages`.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |n: usize| if n == 1 { "byte".to_owned() } else { format!("{n} bytes") };
        write!(f, "{} of ", self.algorithm)?;
        let before = self.to == self.place && self.own == Own::Apart;
        match (self.from, self.to) {
            (0, _) if before => write!(f, "all bytes before it")?,
            (0, Place::End(0)) => write!(f, "the whole message")?,
            (from, _) if before => write!(f, "the bytes before it without the first {}", bytes(from))?,
            (from, Place::End(0)) => write!(f, "the message without the first {}", bytes(from))?,
            (from, Place::Start(to)) => write!(f, "bytes {from} to {}", to.saturating_sub(1))?,
            (0, Place::End(back)) => write!(f, "the message without the last {}", bytes(back))?,
            (from, Place::End(back)) => {
                write!(f, "the message without the first {} and the last {}", bytes(from), bytes(back))?;
            }
        }
        match self.own {
            Own::Apart => {}
            Own::Zero => write!(f, ", its own bytes as zero")?,
            Own::LeftOut => write!(f, ", its own bytes left out")?,
        }
        if self.then.is_some() {
            write!(f, " and with one that the kind decides")?;
        }
        match self.form {
            Form::Big if self.size > 1 => write!(f, ", big-endian")?,
            Form::Little => write!(f, ", little-endian")?,
            Form::Big => {}
            Form::Hexadecimal => write!(f, ", in hexadecimal digits")?,
            Form::Decimal => write!(f, ", in decimal digits")?,
        }
        let (holds, all) = self.holds;
        write!(f, ": in {holds} of {all} messages")
    }
}

/// A hypothesis without an algorithm, in the three messages of a seed.
struct Tried {
    span: Span,
    cost: f64,
    covered: [Covered; 3],
    values: Vec<(Form, [u64; 3])>,
}

/// The bits that it takes to say a span that is likely.
const LIKELY: f64 = 12.0;

/// The spans for fields of a size that are different in the messages of a seed, and may be worth a
/// check. `most` is how many bits it may take to say one.
fn tried(weighing: &mut Weighing<'_>, seed: [&[u8]; 3], size: usize, most: f64) -> Vec<Tried> {
    let mut found = Vec::new();
    for (span, cost) in spans::spans(size, weighing.length_field) {
        if cost > most {
            continue;
        }
        let [Some(a), Some(b), Some(c)] = seed.map(|message| span.of(message.len())) else { continue };
        let covered = [a, b, c];
        let worth_it =
            Form::of(size).iter().filter(|&&form| weighing.worth(&span, form) >= weigh::LEAST + cost);
        let values: Vec<(Form, [u64; 3])> = worth_it
            .filter_map(|&form| {
                let [a, b, c] = [0, 1, 2].map(|number: usize| {
                    let field = covered.get(number)?.field.clone();
                    value(seed.get(number)?.get(field)?, form)
                });
                Some((form, [a?, b?, c?]))
            })
            .filter(|(_, [a, b, c])| a != b || b != c)
            .collect();
        if !values.is_empty() {
            found.push(Tried { span, cost, covered, values });
        }
    }
    found
}

/// The checks that messages of one kind have, the surest first. `length_field` is where their length field is, if they have one
/// at a fixed place: a check may cover what follows it. Returns nothing if it is cancelled.
pub fn checks(
    messages: &[&[u8]],
    length_field: Option<Range<usize>>,
    cancelled: &dyn Fn() -> bool,
) -> Vec<Check> {
    let sample = Sample::of(messages);
    let mut weighing = Weighing::new(&sample, length_field.as_ref());
    // Only in case that a message of the first is damaged are there others, for what is most likely.
    for (seed, most) in sample.seeds.iter().zip([f64::INFINITY, LIKELY, LIKELY]) {
        let Some(seed) = sample.seed(seed) else { continue };
        for size in [1, 2, 3, 4, 8] {
            let tried = tried(&mut weighing, seed, size, most);
            sums::search(&tried, seed, &mut weighing);
            if cancelled() || !crcs::search(&tried, seed, &mut weighing, cancelled) {
                return Vec::new();
            }
        }
    }
    if !unknown::search(&mut weighing, cancelled) {
        return Vec::new();
    }
    weighing.chosen(messages)
}
