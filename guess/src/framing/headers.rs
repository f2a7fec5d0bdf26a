//! Messages with a header of lines, an empty line, and a body of which a header says how long it is.

use super::Next;
use super::lines::decimal;

/// How messages with headers end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Headers {
    /// What ends a line.
    pub end: Vec<u8>,
    /// The header that says how many bytes follow the empty line, if one does. Upper and lower case are the same.
    pub length: Option<Vec<u8>>,
    /// The byte that ends the message behind the body; without a length, the first one.
    pub close: Option<u8>,
}

impl Headers {
    /// The message that `bytes` begin with.
    pub(super) fn next(&self, bytes: &[u8]) -> Next {
        if bytes.starts_with(&self.end) {
            // An empty line between messages is one, where another byte ends them.
            return if self.close.is_some() { Next::Message(self.end.len()) } else { Next::Wrong };
        }
        let Some(head) = memchr::memmem::find(bytes, &self.end.repeat(2)) else { return Next::Cut };
        let (lines, head) = (bytes.get(..head).unwrap_or_default(), head + 2 * self.end.len());
        match (self.of(lines), self.close) {
            (Some(length), None) => {
                if head + length <= bytes.len() {
                    Next::Message(head + length)
                } else {
                    Next::Cut
                }
            }
            (Some(length), Some(close)) => match bytes.get(head + length) {
                None => Next::Cut,
                Some(byte) if *byte == close => Next::Message(head + length + 1),
                Some(_) => Next::Wrong,
            },
            (None, None) => Next::Message(head),
            (None, Some(close)) => {
                let body = bytes.get(head..).unwrap_or_default();
                memchr::memchr(close, body).map_or(Next::Cut, |at| Next::Message(head + at + 1))
            }
        }
    }

    /// Whether a header of a message says how long its body is, and it has one.
    pub(super) fn says_length(&self, message: &[u8]) -> bool {
        let head = memchr::memmem::find(message, &self.end.repeat(2)).and_then(|at| message.get(..at));
        head.and_then(|lines| self.of(lines)).is_some_and(|length| length > 0)
    }

    /// The length that a header says.
    fn of(&self, lines: &[u8]) -> Option<usize> {
        let wanted = self.length.as_deref()?;
        let mut all = named(lines, &self.end).filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        all.next().and_then(|(_, value)| decimal(value))
    }
}

/// The names and values of headers.
pub(crate) fn named<'b>(lines: &'b [u8], end: &'b [u8]) -> impl Iterator<Item = (&'b [u8], &'b [u8])> {
    let mut left = Some(lines);
    let split = std::iter::from_fn(move || {
        let bytes = left?;
        let at = memchr::memmem::find(bytes, end);
        left = at.and_then(|at| bytes.get(at + end.len()..));
        bytes.get(..at.unwrap_or(bytes.len()))
    });
    split.filter_map(|line| {
        let at = memchr::memchr(b':', line)?;
        Some((line.get(..at)?, line.get(at + 1..)?.trim_ascii()))
    })
}
