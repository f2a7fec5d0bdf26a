//! The bytes and bits that are written.

use std::ops::Range;

use crate::plan::ObjectId;

/// Bytes written one after another: the message, or contents that are processed before they are part of it.
#[derive(Default)]
pub(super) struct Part {
    pub(super) bytes: Vec<u8>,
    /// Bits of the last byte that are written.
    pub(super) bit: u8,
    /// The value of the bits that belong to no field.
    pub(super) padding: u8,
    pub(super) le: bool,
    /// Fields that are computed from other bytes.
    pub(super) checks: Vec<(ObjectId, u16)>,
    pub(super) is_message: bool,
    /// Distinguishes it from other parts of the message.
    pub(super) number: u32,
    /// Bytes that no field explains.
    pub(super) unexplained: Vec<Range<u32>>,
}

impl Part {
    pub(super) fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn align(&mut self) {
        if self.bit > 0 {
            if let Some(last) = self.bytes.last_mut() {
                *last |= if self.le { self.padding << self.bit } else { self.padding & 0xff >> self.bit };
            }
            self.bit = 0;
        }
        self.padding = 0;
    }

    pub(super) fn put_bits(&mut self, number: u64, count: u32, le: bool) {
        self.le = le;
        self.padding = 0;
        for done in 0..count {
            if self.bit == 0 {
                self.bytes.push(0);
            }
            let which = if le { done } else { count - 1 - done };
            let one = u8::from(number >> which & 1 == 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= if le { one << self.bit } else { one << (7 - self.bit) };
            }
            self.bit = (self.bit + 1) % 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn bits_fill_bytes_from_the_highest_or_from_the_lowest() {
        let mut part = Part::default();
        part.put_bits(0b101, 3, false);
        part.put_bits(0b1, 1, false);
        part.padding = 0xff;
        part.align();
        part.put_bits(0b101, 3, true);
        part.put_bits(0x3ff, 10, true);
        part.align();
        assert_eq!(part.bytes, [0b1011_1111, 0b1111_1101, 0b0001_1111]);
    }
}
