//! Numbers in bytes and bits.

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

/// `count` bits after the first `skip`, highest bits first, or lowest first if `le`.
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

/// Whether a number can be written in this many bits.
pub(crate) fn fits(n: i128, bits: u32, signed: bool) -> bool {
    let bits = bits.min(64);
    if signed { n >= -(1i128 << (bits - 1)) && n < 1i128 << (bits - 1) } else { n >= 0 && n < 1i128 << bits }
}

pub(crate) fn number_bytes(n: i128, width: usize, le: bool) -> Vec<u8> {
    let all = n.to_le_bytes();
    let mut bytes = all.get(..width).unwrap_or(&all).to_vec();
    if !le {
        bytes.reverse();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{bits_of, fits, float, integer, number_bytes};

    #[test]
    fn integers_are_read_in_both_orders_and_signs() {
        assert_eq!(integer(&[0x12, 0x34], false, false), 0x1234);
        assert_eq!(integer(&[0x12, 0x34], false, true), 0x3412);
        assert_eq!(integer(&[0xff, 0xfe], true, false), -2);
        assert_eq!(integer(&[0xff; 8], false, true), i128::from(u64::MAX));
        assert_eq!(integer(&[0, 0, 0x80], true, true), -0x80_0000);
    }

    #[test]
    fn bits_are_counted_from_the_highest_or_from_the_lowest() {
        assert_eq!(bits_of(&[0b1010_0110], 1, 3, false), 0b010);
        assert_eq!(bits_of(&[0b1010_0110], 1, 3, true), 0b011);
        assert_eq!(bits_of(&[0x12, 0x34], 4, 8, false), 0x23);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (n, width) in [(0x1234, 2), (-2, 4), (i128::from(i64::MIN), 8)] {
            for le in [false, true] {
                assert_eq!(integer(&number_bytes(n, width, le), true, le), n, "{n} {width} {le}");
            }
        }
        assert_eq!(float(&1.5f32.to_be_bytes(), false).to_bits(), 1.5f64.to_bits());
    }

    #[test]
    fn a_number_fits_up_to_the_limits_of_its_bits() {
        let cases = [(255, 8, false), (256, 8, false), (-1, 8, false), (-128, 8, true), (128, 8, true)];
        assert_eq!(cases.map(|(n, bits, signed)| fits(n, bits, signed)), [true, false, false, true, false]);
    }
}
