//! The head of a message: its start line and its header fields, as ranges.
//!
//! Any bytes with a start line are read, also where the standard allows less: what servers and browsers accept is shown. What the
//! strict parser, httparse, says of it is reported as a problem.

use std::ops::Range;

use memchr::{memchr, memrchr};

use super::start::{Found, Start, Versions, start_line};

/// A longer head is none.
pub(super) const MAX_HEAD: usize = 256 << 10;

/// How many bytes of empty lines come first.
pub(super) fn empty_lines(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Where the head ends, with the empty line after it. Looks for the line break before the empty line from `from` on.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr(b'\n', bytes.get(at..)?)? + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// The head of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'h> {
    pub(super) bytes: &'h [u8],
    pub(super) start: Start,
    /// Where the start line ends, with its line break.
    pub(super) line: usize,
    /// Where the head ends.
    pub(super) end: usize,
}

/// How much there is of a head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read<'h> {
    Whole(Head<'h>),
    /// It is not all there.
    More(Looked),
    No,
}

/// So many bytes were looked at, and need not be again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    /// Of the start line.
    line: usize,
    /// Of all.
    head: usize,
}

impl<'h> Head<'h> {
    /// Reads the head that bytes begin with.
    pub(super) fn read(bytes: &'h [u8], versions: Versions) -> Read<'h> {
        Head::read_on(bytes, versions, Looked::default())
    }

    /// The same, where more were needed the last time.
    pub(super) fn read_on(bytes: &'h [u8], versions: Versions, looked: Looked) -> Read<'h> {
        let (start, line) = match start_line(bytes, versions, looked.line) {
            Found::No => return Read::No,
            Found::Maybe => return Read::More(Looked { line: bytes.len(), head: 0 }),
            Found::Line(start, length) => (start, length),
        };
        // The two bytes before may be a line break whose next byte was not there.
        match head_end(bytes, (line - 1).max(looked.head.saturating_sub(2))) {
            Some(end) if end <= MAX_HEAD => Read::Whole(Head { bytes, start, line, end }),
            Some(_) => Read::No,
            None if bytes.len() > MAX_HEAD => Read::No,
            None => Read::More(Looked { line, head: bytes.len() }),
        }
    }

    /// What there is of a head that is cut off.
    pub(super) fn read_cut(bytes: &'h [u8], versions: Versions) -> Option<Head<'h>> {
        match start_line(bytes, versions, 0) {
            Found::Line(start, line) => Some(Head { bytes, start, line, end: bytes.len() }),
            Found::Maybe | Found::No => None,
        }
    }

    /// The start line without its line break.
    pub(super) fn start_line(&self) -> &'h [u8] {
        let line = self.bytes.get(..self.line).unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// The words of the start line: of a request method, target and version, of a response version, status and reason.
    pub(super) fn words(&self) -> [Range<usize>; 3] {
        let line = self.start_line();
        let space = |from: usize| {
            let rest = line.get(from..).unwrap_or_default();
            memchr(b' ', rest).map_or(line.len(), |at| from + at)
        };
        let blanks = |from: usize| from + line.iter().skip(from).take_while(|&&byte| byte == b' ').count();
        let first = space(0);
        let second_start = blanks(first);
        let second = match self.start {
            Start::Request => memrchr(b' ', line).unwrap_or(line.len()).max(second_start),
            _ => space(second_start),
        };
        let third = (second + 1).min(line.len());
        [0..first, second_start..second, third..line.len()]
    }

    /// Whether it was translated from HTTP/2 or HTTP/3.
    pub(super) fn is_translated(&self) -> bool {
        let words = self.words();
        words.iter().any(|word| matches!(self.bytes.get(word.clone()), Some(b"HTTP/2" | b"HTTP/3")))
    }

    /// The status of a response.
    pub(super) fn status(&self) -> Option<u16> {
        let [_, status, _] = self.words();
        std::str::from_utf8(self.bytes.get(status)?).ok()?.parse().ok()
    }

    /// The method of a request.
    pub(super) fn method(&self) -> &'h [u8] {
        let [method, ..] = self.words();
        self.bytes.get(method).unwrap_or_default()
    }

    /// The target of a request.
    pub(super) fn target(&self) -> &'h [u8] {
        let [_, target, _] = self.words();
        self.bytes.get(target).unwrap_or_default()
    }

    /// The header fields.
    pub(super) fn fields(&self) -> FieldLines<'h> {
        FieldLines::new(self.bytes, self.line..self.end)
    }

    /// The values of the fields of that name.
    pub(super) fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + use<'h, 'n> {
        let bytes = self.bytes;
        self.fields()
            .filter(move |line| {
                bytes.get(line.name.clone()).is_some_and(|one| one.eq_ignore_ascii_case(name.as_bytes()))
            })
            .filter_map(move |line| bytes.get(line.value))
    }

    /// The value of the first field of that name, if it is text.
    pub(super) fn value(&self, name: &str) -> Option<&'h str> {
        self.values(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// A header field, or a line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldLine {
    /// All of it, with its line break.
    pub(super) line: Range<usize>,
    /// Its name; nothing if no colon follows one.
    pub(super) name: Range<usize>,
    /// Its value, without the blanks around it.
    pub(super) value: Range<usize>,
    /// Whether the value continues on other lines.
    pub(super) is_folded: bool,
}

/// The lines of some header fields, in order.
#[derive(Clone, Debug)]
pub(super) struct FieldLines<'h> {
    bytes: &'h [u8],
    at: usize,
    end: usize,
}

impl<'h> FieldLines<'h> {
    pub(super) fn new(bytes: &'h [u8], range: Range<usize>) -> FieldLines<'h> {
        FieldLines { bytes, at: range.start, end: range.end.min(bytes.len()) }
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..self.end).unwrap_or_default();
        memchr(b'\n', rest).map_or(self.end, |at| from + at + 1)
    }
}

impl Iterator for FieldLines<'_> {
    type Item = FieldLine;

    fn next(&mut self) -> Option<FieldLine> {
        let start = self.at;
        let mut end = self.line_end(start);
        let first = self.bytes.get(start..end).unwrap_or_default();
        if first.trim_ascii_end().is_empty() && !first.starts_with(b" ") && !first.starts_with(b"\t") {
            return None;
        }
        let mut is_folded = false;
        while end < self.end && matches!(self.bytes.get(end), Some(b' ' | b'\t')) {
            is_folded = true;
            end = self.line_end(end);
        }
        self.at = end;
        let line = self.bytes.get(start..end).unwrap_or_default();
        let colon = memchr(b':', line.get(1..).unwrap_or_default()).map(|at| at + 1);
        let name_end = colon.unwrap_or(0);
        let trimmed = line.get(..name_end).unwrap_or_default().trim_ascii_end().len();
        let value_start = colon.map_or(0, |at| at + 1);
        let value = line.get(value_start..).unwrap_or_default();
        let blanks = value.len() - value.trim_ascii_start().len();
        let length = value.trim_ascii().len();
        let value = start + value_start + blanks;
        Some(FieldLine {
            line: start..end,
            name: start..start + trimmed,
            value: value..value + length,
            is_folded,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(bytes: &[u8]) -> Head<'_> {
        match Head::read(bytes, Versions::One) {
            Read::Whole(head) => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_is_read_also_where_it_is_lenient() {
        let bytes = b"POST /a?b HTTP/1.1\r\nHost: x\nA : 1\r\n  2\r\nbroken\r\nEmpty:\r\n\r\nbody";
        let head = head(bytes);
        assert_eq!((head.start, head.end), (Start::Request, bytes.len() - 4));
        assert_eq!((head.method(), head.target()), (&b"POST"[..], &b"/a?b"[..]));
        let lines: Vec<_> = head.fields().collect();
        let text = |range: &Range<usize>| std::str::from_utf8(&bytes[range.clone()]).unwrap();
        let said: Vec<_> =
            lines.iter().map(|line| (text(&line.name), text(&line.value), line.is_folded)).collect();
        assert_eq!(
            said,
            [("Host", "x", false), ("A", "1\r\n  2", true), ("", "broken", false), ("Empty", "", false)]
        );
        assert_eq!(lines.last().unwrap().line.end, head.end - 2);
        assert_eq!(head.value("HOST"), Some("x"));
    }

    #[test]
    fn a_status_line_has_its_words() {
        let head = head(b"HTTP/1.1  404 Not Found\r\n\r\n");
        assert_eq!(head.status(), Some(404));
        let [version, _, reason] = head.words();
        assert_eq!((&head.bytes[version], &head.bytes[reason]), (&b"HTTP/1.1"[..], &b"Not Found"[..]));
    }

    #[test]
    fn what_was_looked_at_need_not_be_again() {
        let bytes = b"GET /path HTTP/1.1\r\nHost: example.org\r\n\r\n";
        let mut looked = Looked::default();
        for length in 1..bytes.len() {
            match Head::read_on(&bytes[..length], Versions::One, looked) {
                Read::More(now) => looked = now,
                other => panic!("{length} {other:?}"),
            }
        }
        assert!(matches!(Head::read_on(bytes, Versions::One, looked), Read::Whole(_)));
    }
}
