//! Messages between bytes that begin and bytes that end them.

use super::Next;

/// What messages begin and end with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Enclosed {
    /// The first bytes; empty if nothing is known of them.
    pub start: Vec<u8>,
    /// The bytes that end the contents.
    pub end: Vec<u8>,
    /// Whether the first byte of `end` is doubled where it is one of the contents.
    pub is_doubled: bool,
    /// How many bytes follow the end, such as those of a check.
    pub after: usize,
}

impl Enclosed {
    /// The message that `bytes` begin with.
    pub(super) fn next(&self, bytes: &[u8]) -> Next {
        let Some(contents) = bytes.strip_prefix(self.start.as_slice()) else {
            return if self.start.starts_with(bytes) { Next::Cut } else { Next::Wrong };
        };
        let end = match self.is_doubled {
            true => self.doubled(contents),
            // Between two flags that are alike there is something.
            false => {
                let skipped = usize::from(self.start == self.end);
                let rest = contents.get(skipped..).unwrap_or_default();
                memchr::memmem::find(rest, &self.end).map(|at| skipped + at + self.end.len())
            }
        };
        match end.map(|end| self.start.len() + end + self.after) {
            Some(total) if total <= bytes.len() => Next::Message(total),
            _ => Next::Cut,
        }
    }

    /// Where the contents end, whose escapes are doubled.
    fn doubled(&self, contents: &[u8]) -> Option<usize> {
        let (&escape, rest) = self.end.split_first()?;
        let mut at = 0;
        loop {
            at += memchr::memchr(escape, contents.get(at..)?)? + 1;
            if contents.get(at..)?.starts_with(rest) {
                return Some(at + rest.len());
            }
            at += 1;
        }
    }
}
