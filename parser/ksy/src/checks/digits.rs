//! Checks that are written in digits, as text formats have them.

/// How the number of a check is written in digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Two for each byte, the highest first. Written in capitals, and read in either.
    Hexadecimal,
    /// As many as the greatest number takes: three for one byte, five for two.
    Decimal,
}

/// More digits are no number of eight bytes.
const MOST_HEXADECIMAL: usize = 16;
const MOST_DECIMAL: usize = 19;

impl Digits {
    /// How many bytes the number has that so many digits write; None if they write none.
    pub fn width(self, digits: usize) -> Option<u32> {
        match (self, digits) {
            (Digits::Hexadecimal, 2..=MOST_HEXADECIMAL) if digits.is_multiple_of(2) => {
                u32::try_from(digits / 2).ok()
            }
            (Digits::Decimal, 3 | 4) => Some(1),
            (Digits::Decimal, 5..=7) => Some(2),
            (Digits::Decimal, 8 | 9) => Some(3),
            (Digits::Decimal, 10..=MOST_DECIMAL) => Some(4),
            _ => None,
        }
    }

    /// The number that text writes, if all of it are digits.
    pub fn read(self, text: &[u8]) -> Option<u64> {
        let radix = match self {
            Digits::Hexadecimal => 16,
            Digits::Decimal => 10,
        };
        self.width(text.len())?;
        text.iter().try_fold(0u64, |number, byte| {
            let digit = char::from(*byte).to_digit(radix)?;
            number.checked_mul(radix.into())?.checked_add(digit.into())
        })
    }

    /// A number in so many digits.
    pub fn write(self, number: u64, digits: usize) -> Vec<u8> {
        match self {
            Digits::Hexadecimal => format!("{number:0digits$X}"),
            Digits::Decimal => format!("{number:0digits$}"),
        }
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for (digits, text, number) in [
            (Digits::Hexadecimal, "4B", 0x4b),
            (Digits::Hexadecimal, "00FF", 0xff),
            (Digits::Decimal, "007", 7),
            (Digits::Decimal, "65535", 65_535),
        ] {
            assert_eq!(digits.write(number, text.len()), text.as_bytes());
            assert_eq!(digits.read(text.as_bytes()), Some(number));
        }
        assert_eq!(Digits::Hexadecimal.read(b"4b"), Some(0x4b));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [&b""[..], b"4", b"4g", b"+4", &[b'f'; 18]] {
            assert_eq!(Digits::Hexadecimal.read(text), None);
        }
        for text in [&b"12"[..], b"1 2", b"-12", &[b'9'; 20]] {
            assert_eq!(Digits::Decimal.read(text), None);
        }
    }
}
