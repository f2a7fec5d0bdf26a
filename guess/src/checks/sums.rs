//! Sums of bytes and words over every range at once: the sums up to each place of a message give that of any range.

use framescope_ksy::checks::Algorithm;

use super::spans::Covered;
use super::{Candidate, Form, Tried, Weighing};

/// Sums up to a place, for bytes at even and at odd places.
#[derive(Clone, Copy, Default)]
struct Sums {
    sum: [u64; 2],
    /// Each byte times its place.
    weighted: [u64; 2],
    xor: [u8; 2],
}

/// The sums up to each place of a message.
struct Prefixes(Vec<Sums>);

impl Prefixes {
    fn of(message: &[u8]) -> Prefixes {
        let mut sums = Vec::with_capacity(message.len() + 1);
        let mut now = Sums::default();
        sums.push(now);
        for (&byte, place) in message.iter().zip(0u64..) {
            let parity = usize::from(place % 2 == 1);
            if let (Some(sum), Some(weighted), Some(xor)) =
                (now.sum.get_mut(parity), now.weighted.get_mut(parity), now.xor.get_mut(parity))
            {
                *sum += u64::from(byte);
                *weighted += place * u64::from(byte);
                *xor ^= byte;
            }
            sums.push(now);
        }
        Prefixes(sums)
    }

    /// The sums over a range, whose first byte counts as being at a place.
    fn range(&self, range: &std::ops::Range<usize>, at: usize) -> Sums {
        let of = |place: usize| self.0.get(place).copied().unwrap_or_default();
        let (start, end) = (of(range.start), of(range.end));
        let difference = |[a, b]: [u64; 2], [c, d]: [u64; 2]| [a.wrapping_sub(c), b.wrapping_sub(d)];
        let mut sums = Sums {
            sum: difference(end.sum, start.sum),
            weighted: difference(end.weighted, start.weighted),
            xor: [start.xor[0] ^ end.xor[0], start.xor[1] ^ end.xor[1]],
        };
        let moved = (at as u64).wrapping_sub(range.start as u64);
        for (weighted, sum) in sums.weighted.iter_mut().zip(sums.sum) {
            *weighted = weighted.wrapping_add(moved.wrapping_mul(sum));
        }
        if moved % 2 == 1 {
            sums.sum.reverse();
            sums.weighted.reverse();
            sums.xor.reverse();
        }
        sums
    }

    fn covered(&self, covered: &Covered) -> Totals {
        let (a, b) = (self.range(&covered.first, 0), self.range(&covered.second, covered.second_at));
        let add = |[a, b]: [u64; 2], [c, d]: [u64; 2]| [a.wrapping_add(c), b.wrapping_add(d)];
        let xor = [a.xor[0] ^ b.xor[0], a.xor[1] ^ b.xor[1]];
        let sums = Sums { sum: add(a.sum, b.sum), weighted: add(a.weighted, b.weighted), xor };
        Totals { sums, length: covered.length as u64 }
    }
}

/// The sums over what a check covers.
struct Totals {
    sums: Sums,
    length: u64,
}

/// What a check gives, up to a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Sum,
    NegativeSum,
    Xor,
    SumWords(bool),
    NegativeSumWords(bool),
    XorWords(bool),
    Internet,
    Fletcher16(u64),
    Fletcher32(bool),
    Adler32,
}

/// The checks of a number of bytes, and how many bits it takes to say each.
fn kinds(size: usize) -> &'static [(Kind, f64)] {
    match size {
        1 => &[(Kind::Sum, 2.0), (Kind::Xor, 2.0), (Kind::NegativeSum, 3.0)],
        2 => &[
            (Kind::Sum, 3.0),
            (Kind::NegativeSum, 5.0),
            (Kind::SumWords(true), 5.0),
            (Kind::SumWords(false), 5.0),
            (Kind::NegativeSumWords(true), 6.0),
            (Kind::NegativeSumWords(false), 6.0),
            (Kind::XorWords(true), 5.0),
            (Kind::XorWords(false), 5.0),
            (Kind::Internet, 3.0),
            (Kind::Fletcher16(255), 4.0),
            (Kind::Fletcher16(256), 4.0),
        ],
        4 => &[
            (Kind::Sum, 4.0),
            (Kind::NegativeSum, 6.0),
            (Kind::SumWords(true), 6.0),
            (Kind::SumWords(false), 6.0),
            (Kind::Adler32, 3.0),
            (Kind::Fletcher32(true), 4.0),
            (Kind::Fletcher32(false), 5.0),
        ],
        3 | 8 => &[(Kind::Sum, 6.0)],
        _ => &[],
    }
}

impl Totals {
    fn words(&self, le: bool) -> u64 {
        let [even, odd] = self.sums.sum;
        let (low, high) = if le { (even, odd) } else { (odd, even) };
        low.wrapping_add(high << 8)
    }

    fn number(&self, kind: Kind) -> u64 {
        let [even, odd] = self.sums.sum;
        let (sum, [even_xor, odd_xor]) = (even.wrapping_add(odd), self.sums.xor);
        let weighted = self.sums.weighted[0].wrapping_add(self.sums.weighted[1]);
        let sum_of_sums = self.length.wrapping_mul(sum).wrapping_sub(weighted);
        match kind {
            Kind::Sum => sum,
            Kind::NegativeSum => sum.wrapping_neg(),
            Kind::Xor => (even_xor ^ odd_xor).into(),
            Kind::SumWords(le) => self.words(le),
            Kind::NegativeSumWords(le) => self.words(le).wrapping_neg(),
            Kind::XorWords(true) => u16::from_le_bytes(self.sums.xor).into(),
            Kind::XorWords(false) => u16::from_be_bytes(self.sums.xor).into(),
            Kind::Internet => {
                let words = self.words(false);
                // Only a sum of no ones gives zero.
                0xffff - if words == 0 { 0 } else { (words - 1) % 0xffff + 1 }
            }
            Kind::Fletcher16(modulus) => (sum_of_sums % modulus) << 8 | (sum % modulus),
            Kind::Adler32 => {
                let b = self.length.wrapping_add(sum_of_sums);
                (b % 65521) << 16 | ((1 + sum) % 65521)
            }
            Kind::Fletcher32(le) => {
                let [even_weighted, odd_weighted] = self.sums.weighted;
                // Each word counts as often as there are words from it on; an odd place is one behind its word's.
                let count = self.length.div_ceil(2);
                let of = |sum: u64, weighted: u64| count.wrapping_mul(sum).wrapping_sub(weighted / 2);
                let (even_part, odd_part) =
                    (of(even, even_weighted), of(odd, odd_weighted.wrapping_sub(odd)));
                let (low, high) = if le { (even_part, odd_part) } else { (odd_part, even_part) };
                (low.wrapping_add(high << 8) % 65535) << 16 | (self.words(le) % 65535)
            }
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Sum => "sum",
            Kind::NegativeSum => "negative-sum",
            Kind::Xor => "xor",
            Kind::SumWords(true) | Kind::NegativeSumWords(true) => "sum-16/le",
            Kind::SumWords(false) | Kind::NegativeSumWords(false) => "sum-16/be",
            Kind::XorWords(true) => "xor-16/le",
            Kind::XorWords(false) => "xor-16/be",
            Kind::Internet => "internet",
            Kind::Fletcher16(255) => "fletcher-16",
            Kind::Fletcher16(_) => "fletcher-16/256",
            Kind::Fletcher32(true) => "fletcher-32",
            Kind::Fletcher32(false) => "fletcher-32/be",
            Kind::Adler32 => "adler-32",
        }
    }

    /// The check whose number differs from this by a constant, which is at most `mask`, and what it costs to say the constant. None if
    /// no such constant is believed.
    fn with(self, constant: u64, mask: u64) -> Option<(Algorithm, f64)> {
        let plain = Algorithm::named(self.name())?;
        let free = f64::from(mask.count_ones()) + 3.0;
        Some(match self {
            Kind::NegativeSumWords(_) => {
                // A number is negated by inverting all its bits and adding one.
                let plus = constant.wrapping_add(1) & mask;
                (
                    plain.xored(mask).plus(plus),
                    if constant == 0 {
                        0.0
                    } else if plus == 0 {
                        1.0
                    } else {
                        free
                    },
                )
            }
            Kind::NegativeSum if constant == mask => (Algorithm::named("sum")?.xored(mask), 1.0),
            _ if constant == 0 => (plain, 0.0),
            Kind::Xor | Kind::XorWords(_) => {
                (plain.xored(constant), if constant == mask { 3.0 } else { free })
            }
            Kind::Sum | Kind::NegativeSum | Kind::SumWords(_) => (plain.plus(constant), free),
            _ => return None,
        })
    }

    /// What a value differs by from the number.
    fn constant(self, value: u64, number: u64, mask: u64) -> u64 {
        match self {
            Kind::Xor | Kind::XorWords(_) => (value ^ number) & mask,
            _ => value.wrapping_sub(number) & mask,
        }
    }
}

/// What it takes to say how a number is written.
pub(super) fn cost_of(form: Form) -> f64 {
    match form {
        Form::Big | Form::Little => 1.0,
        Form::Hexadecimal => 3.0,
        Form::Decimal => 4.0,
    }
}

/// Weighs the sums that fit in the messages of a seed.
pub(super) fn search(tried: &[Tried], seed: [&[u8]; 3], weighing: &mut Weighing<'_>) {
    let prefixes = seed.map(Prefixes::of);
    for Tried { span, cost, covered, values } in tried {
        let [p, q, r] = &prefixes;
        let [a, b, c] = covered;
        let totals = [p.covered(a), q.covered(b), r.covered(c)];
        for (form, values) in values {
            let size = form.value_size(span.size);
            let mask = u64::MAX >> 64usize.saturating_sub(8 * size).min(63);
            for &(kind, of_kind) in kinds(size) {
                // To these, bytes that are left out are as good as zeros.
                let is_same = matches!(kind, Kind::Sum | Kind::NegativeSum | Kind::Xor);
                // Which byte of a word comes first makes no difference if the result's comes first too.
                let is_other = matches!(
                    (kind, form),
                    (Kind::XorWords(true), Form::Big) | (Kind::XorWords(false), Form::Little)
                );
                if is_other || is_same && span.own == super::Own::LeftOut {
                    continue;
                }
                let mut constants = totals
                    .iter()
                    .zip(values)
                    .map(|(totals, &value)| kind.constant(value, totals.number(kind), mask));
                let Some(first) = constants.next() else { continue };
                if !constants.all(|constant| constant == first) {
                    continue;
                }
                if let Some((algorithm, of_constant)) = kind.with(first, mask) {
                    let cost = cost + of_kind + of_constant + cost_of(*form);
                    weighing.weigh(Candidate { span: *span, form: *form, algorithm, cost });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spans::{Own, Place, Span};

    #[test]
    fn the_sums_of_a_range_are_those_of_its_bytes() {
        let message: Vec<u8> = (0..61u8).map(|n| n.wrapping_mul(151) ^ 0x5a).collect();
        let prefixes = Prefixes::of(&message);
        for own in [Own::Apart, Own::Zero, Own::LeftOut] {
            for size in [1, 2, 4] {
                for (from, to) in [(0, 0), (1, 0), (2, 3), (3, 10), (5, 1)] {
                    let at = if own == Own::Apart { 0 } else { 7 };
                    let from = if own == Own::Apart { from + size } else { from };
                    let span = Span { place: Place::Start(at), size, from, to: Place::End(to), own };
                    let totals = prefixes.covered(&span.of(message.len()).unwrap());
                    let bytes = span.bytes(&message).unwrap();
                    for size in [1, 2, 3, 4] {
                        for &(kind, _) in kinds(size) {
                            let mask = u64::MAX >> (64 - 8 * size);
                            let (algorithm, _) = kind.with(0, mask).unwrap();
                            let computed = algorithm.number(&bytes, u32::try_from(size).unwrap());
                            assert_eq!(Some(totals.number(kind) & mask), computed, "{kind:?} of {span:?}");
                        }
                    }
                }
            }
        }
    }
}
