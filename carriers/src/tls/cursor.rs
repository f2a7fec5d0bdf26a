//! Reads the parts of a message one after another, and reports them as fields at their places.

use std::borrow::Cow;
use std::ops::Range;

use framescope_parser::{Kind, Value, Visit};

/// A part of a message that is read from its beginning.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

/// What reports fields.
pub(crate) type Visitor<'v, 'a> = dyn Visit<'a> + 'v;

/// None where a length reaches past the end of what it is in.
pub(crate) type Read<T = ()> = Option<T>;

impl<'a> Cursor<'a> {
    /// A range of a message, as far as it is there.
    pub(crate) fn new(message: &'a [u8], range: Range<usize>) -> Cursor<'a> {
        let end = range.end.min(message.len());
        Cursor { message, at: range.start.min(end), end }
    }

    /// What was not read yet.
    pub(crate) fn range(&self) -> Range<usize> {
        self.at..self.end
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.message.get(self.range()).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The next so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Read<Cursor<'a>> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.end)?;
        let taken = Cursor { end, ..*self };
        self.at = end;
        Some(taken)
    }

    /// A number of at most eight bytes.
    pub(crate) fn number(&mut self, size: usize) -> Read<u64> {
        let bytes = self.take(size)?.bytes();
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The bytes that a length of so many bytes stands before.
    pub(crate) fn vector(&mut self, size: usize) -> Read<Cursor<'a>> {
        let mut ahead = self.clone();
        let length = usize::try_from(ahead.number(size)?).ok()?;
        let taken = ahead.take(length)?;
        self.at = ahead.at;
        Some(taken)
    }

    /// A number as a field.
    pub(crate) fn unsigned(&mut self, name: &'a str, size: usize, visit: &mut Visitor<'_, 'a>) -> Read<u64> {
        let start = self.at;
        let number = self.number(size)?;
        visit.field(name, start..self.at, Value::Unsigned(number));
        Some(number)
    }

    /// A byte that stands for a name.
    pub(crate) fn named8(
        &mut self,
        name: &'a str,
        of: fn(u8) -> Option<&'static str>,
        visit: &mut Visitor<'_, 'a>,
    ) -> Read<Kind<'static>> {
        let start = self.at;
        let &byte = self.take(1)?.bytes().first()?;
        let kind = super::names::named8(byte, of);
        visit.field(name, start..self.at, Value::Enum(kind));
        Some(kind)
    }

    /// Two bytes that stand for a name.
    pub(crate) fn named16(
        &mut self,
        name: &'a str,
        of: fn(u16) -> Option<&'static str>,
        visit: &mut Visitor<'_, 'a>,
    ) -> Read<Kind<'static>> {
        let start = self.at;
        let number = u16::try_from(self.number(2)?).ok()?;
        let kind = super::names::named16(number, of);
        visit.field(name, start..self.at, Value::Enum(kind));
        Some(kind)
    }

    /// So many bytes as a field.
    pub(crate) fn opaque(&mut self, name: &'a str, count: usize, visit: &mut Visitor<'_, 'a>) -> Read {
        let taken = self.take(count)?;
        visit.field(name, taken.range(), Value::Bytes(Cow::Borrowed(taken.bytes())));
        Some(())
    }

    /// The bytes that a length of so many bytes stands before, as a field.
    pub(crate) fn opaque_vector(&mut self, name: &'a str, size: usize, visit: &mut Visitor<'_, 'a>) -> Read {
        let mut taken = self.vector(size)?;
        taken.rest(name, visit);
        Some(())
    }

    /// The text that a length of so many bytes stands before, as a field.
    pub(crate) fn text_vector(&mut self, name: &'a str, size: usize, visit: &mut Visitor<'_, 'a>) -> Read {
        let taken = self.vector(size)?;
        visit.field(name, taken.range(), Value::utf8(taken.bytes()));
        Some(())
    }

    /// Everything that is left as a field.
    pub(crate) fn rest(&mut self, name: &'a str, visit: &mut Visitor<'_, 'a>) {
        visit.field(name, self.range(), Value::Bytes(Cow::Borrowed(self.bytes())));
        self.at = self.end;
    }

    /// The numbers of two bytes after a length of `size` bytes, each a field, in a group if there is a name for it.
    pub(crate) fn list16(
        &mut self,
        size: usize,
        item: &'a str,
        of: fn(u16) -> Option<&'static str>,
        visit: &mut Visitor<'_, 'a>,
    ) -> Read {
        let mut list = self.vector(size)?;
        while !list.is_empty() {
            list.named16(item, of, visit)?;
        }
        Some(())
    }

    /// The bytes after a length of one byte, each a field.
    pub(crate) fn list8(
        &mut self,
        item: &'a str,
        of: fn(u8) -> Option<&'static str>,
        visit: &mut Visitor<'_, 'a>,
    ) -> Read {
        let mut list = self.vector(1)?;
        while !list.is_empty() {
            list.named8(item, of, visit)?;
        }
        Some(())
    }
}

/// A field with the fields in it that `run` reports.
pub(crate) fn group<'a, T>(
    name: &'a str,
    range: Range<usize>,
    visit: &mut Visitor<'_, 'a>,
    run: impl FnOnce(&mut Visitor<'_, 'a>) -> T,
) -> T {
    visit.begin(name, range, Value::Group);
    let result = run(visit);
    visit.end();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let message = [0, 3, 1, 2, 3, 0, 9, 1];
        let mut cursor = Cursor::new(&message, 0..message.len());
        let mut list = cursor.vector(2).unwrap();
        assert_eq!((list.range(), list.number(3), list.number(1)), (2..5, Some(0x0001_0203), None));
        assert!(cursor.vector(2).is_none());
        assert_eq!(cursor.range(), 5..8, "a length that reaches past the end is not read");
        assert_eq!(Cursor::new(&message, 7..99).range(), 7..8);
    }
}
