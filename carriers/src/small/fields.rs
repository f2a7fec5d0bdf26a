//! Reads a message from its beginning and shows what it reads, field by field. Fields that a cut-off message lacks are left out.

use std::ops::Range;

use framescope_parser::{Kind, Value, Visit};

/// The read position in a message that is shown.
pub(super) struct Fields<'a, 'v> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) visit: &'v mut dyn Visit<'a>,
}

impl<'a, 'v> Fields<'a, 'v> {
    pub(super) fn of(bytes: &'a [u8], visit: &'v mut dyn Visit<'a>) -> Self {
        Fields { bytes, at: 0, visit }
    }

    /// The next bytes, if they are there, and their range.
    pub(super) fn take(&mut self, length: usize) -> Option<(&'a [u8], Range<usize>)> {
        let range = self.at..self.at.checked_add(length)?;
        let bytes = self.bytes.get(range.clone())?;
        self.at = range.end;
        Some((bytes, range))
    }

    /// A number of `length` bytes, the most significant one first.
    fn take_number(&mut self, length: usize) -> Option<(u64, Range<usize>)> {
        let (bytes, range) = self.take(length)?;
        Some((big_endian(bytes), range))
    }

    /// A number of `length` bytes, the most significant one first.
    pub(super) fn number(&mut self, name: &'a str, length: usize) -> Option<u64> {
        let (number, range) = self.take_number(length)?;
        self.visit.field(name, range, Value::Unsigned(number));
        Some(number)
    }

    /// The same, shown in hexadecimal.
    pub(super) fn hex(&mut self, name: &'a str, length: usize) -> Option<u64> {
        let (number, range) = self.take_number(length)?;
        self.visit.field(name, range, Value::Hex(number));
        Some(number)
    }

    /// A number of `length` bytes, the least significant one first.
    pub(super) fn little(&mut self, name: &'a str, length: usize) -> Option<u64> {
        let (bytes, range) = self.take(length)?;
        self.visit.field(name, range, Value::Unsigned(little_endian(bytes)));
        Some(little_endian(bytes))
    }

    /// The same, shown in hexadecimal.
    pub(super) fn little_hex(&mut self, name: &'a str, length: usize) -> Option<u64> {
        let (bytes, range) = self.take(length)?;
        self.visit.field(name, range, Value::Hex(little_endian(bytes)));
        Some(little_endian(bytes))
    }

    /// A byte that may have a name.
    pub(super) fn named(&mut self, name: &'a str, known: fn(u8) -> Option<&'static str>) -> Option<u8> {
        let (bytes, range) = self.take(1)?;
        let &byte = bytes.first()?;
        self.visit.field(name, range, Value::Enum(Kind::new(byte.into(), known(byte))));
        Some(byte)
    }

    pub(super) fn bytes(&mut self, name: &'a str, length: usize) -> Option<&'a [u8]> {
        let (bytes, range) = self.take(length)?;
        self.visit.field(name, range, Value::Bytes(bytes.into()));
        Some(bytes)
    }

    pub(super) fn text(&mut self, name: &'a str, length: usize) -> Option<&'a [u8]> {
        let (bytes, range) = self.take(length)?;
        self.visit.field(name, range, Value::utf8(bytes));
        Some(bytes)
    }

    /// How many bytes were not read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }
}

/// The number that bytes are, the most significant one first; the last eight of them.
pub(super) fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The number that bytes are, the least significant one first.
pub(super) fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
