//! Polynomials over the field of two elements.

use std::cmp::Ordering;

/// A polynomial: the coefficient of x to the n is bit n % 64 of word n / 64. The highest word is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Polynomial(Vec<u64>);

impl Polynomial {
    /// The one whose coefficients are the bits of bytes, the highest first.
    pub(super) fn of(bytes: &[u8]) -> Polynomial {
        let words =
            bytes.rchunks(8).map(|chunk| chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        Polynomial(words.collect()).trimmed()
    }

    fn trimmed(mut self) -> Polynomial {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    /// Its degree; none of zero.
    pub(super) fn degree(&self) -> Option<usize> {
        let last = self.0.last()?;
        Some(64 * self.0.len() - 1 - last.leading_zeros() as usize)
    }

    pub(super) fn plus(&self, other: &Polynomial) -> Polynomial {
        let (long, short) = if self.0.len() >= other.0.len() { (self, other) } else { (other, self) };
        let mut sum = long.clone();
        sum.0.iter_mut().zip(&short.0).for_each(|(word, other)| *word ^= other);
        sum.trimmed()
    }

    /// Takes another as often as it goes into this, and reports each time how many places it was moved.
    fn reduce(&mut self, other: &Polynomial, mut moved_by: impl FnMut(usize)) {
        let Some(degree) = other.degree() else { return };
        while let Some(shift) = self.degree().and_then(|own| own.checked_sub(degree)) {
            moved_by(shift);
            let (words, bits) = (shift / 64, shift % 64);
            let mut carry = 0;
            for (word, &other) in self.0.iter_mut().skip(words).zip(other.0.iter().chain([&0])) {
                // The two halves of a shift, which may be by all bits.
                *word ^= other << bits | carry;
                carry = other >> 1 >> (63 - bits);
            }
            while self.0.last() == Some(&0) {
                self.0.pop();
            }
        }
    }

    /// The greatest common divisor.
    pub(super) fn common(self, other: Polynomial) -> Polynomial {
        let (mut a, mut b) = (self, other);
        while !b.0.is_empty() {
            a.reduce(&b, |_| {});
            std::mem::swap(&mut a, &mut b);
        }
        a
    }

    /// What it is divided by another, if that leaves nothing.
    fn divided(&self, other: &Polynomial) -> Option<Polynomial> {
        let (mut rest, mut quotient) = (self.clone(), Polynomial(vec![0; self.0.len()]));
        rest.reduce(other, |place| {
            if let Some(word) = quotient.0.get_mut(place / 64) {
                *word |= 1 << (place % 64);
            }
        });
        rest.0.is_empty().then(|| quotient.trimmed())
    }

    /// Without all factors x.
    pub(super) fn without_x(mut self) -> Polynomial {
        let zero_words = self.0.iter().take_while(|word| **word == 0).count();
        self.0.drain(..zero_words);
        let zeros = self.0.first().map_or(0, |word| word.trailing_zeros());
        if zeros > 0 {
            let mut carry = 0;
            for word in self.0.iter_mut().rev() {
                let next = *word << (64 - zeros);
                *word = *word >> zeros | carry;
                carry = next;
            }
        }
        self.trimmed()
    }

    /// Its divisors of a degree from 8 to 64 that is at most eight less than its own, without their highest terms.
    pub(super) fn divisors(&self, degree: usize) -> Vec<u64> {
        let low = |polynomial: &Polynomial| {
            let low = polynomial.0.first().copied().unwrap_or(0);
            if degree >= 64 { low } else { low & ((1 << degree) - 1) }
        };
        match self.degree().map_or((Ordering::Less, 0), |own| (own.cmp(&degree), own.saturating_sub(degree)))
        {
            (Ordering::Less, _) | (_, 9..) => Vec::new(),
            (Ordering::Equal, _) => vec![low(self)],
            (Ordering::Greater, more) => (1u64 << more..2 << more)
                .filter(|factor| factor & 1 == 1)
                .filter_map(|factor| self.divided(&Polynomial(vec![factor])).map(|quotient| low(&quotient)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_x_is_no_divisor() {
        let crc = Polynomial::of(&[1, 0x10, 0x21]);
        assert_eq!(crc.degree(), Some(16));
        for zeros in 0..20 {
            let mut bytes = vec![1, 0x10, 0x21];
            bytes.resize(3 + zeros, 0);
            assert_eq!(Polynomial::of(&bytes).without_x(), crc);
        }
        assert_eq!(Polynomial::of(&[0x04, 0x40, 0x84]).without_x(), crc);
    }

    #[test]
    fn divisors_multiply_to_the_whole() {
        let whole = Polynomial::of(&[0x13, 0x9b, 0x05, 0x77]);
        for degree in 20..28 {
            for divisor in whole.divisors(degree) {
                let divisor = Polynomial(vec![divisor | 1 << degree]);
                assert!(whole.divided(&divisor).is_some());
            }
        }
    }

    #[test]
    fn a_generator_is_the_common_divisor_of_codewords() {
        let crc = framescope_ksy::checks::Algorithm::named("crc-16/xmodem").unwrap();
        let words: Vec<Polynomial> = (0..6u8)
            .map(|n| {
                let mut bytes: Vec<u8> =
                    (0..30).map(|at: u8| at.wrapping_mul(n * 2 + 91) ^ (n << 4)).collect();
                bytes.extend(u16::try_from(crc.number(&bytes, 2).unwrap()).unwrap().to_be_bytes());
                Polynomial::of(&bytes)
            })
            .collect();
        let common = words.into_iter().reduce(Polynomial::common).unwrap();
        assert!(common.divisors(16).contains(&0x1021));
    }
}
