//! The lines of a source.

use std::io::{self, BufRead, BufReader, Read};

use crate::Source;

/// Longer lines are split.
const MAX_LINE: u64 = 16 << 20;

/// The lines of a source.
pub(crate) struct Lines {
    input: BufReader<Reader>,
    line: Vec<u8>,
    /// The number of the last line, counted from 1.
    pub(crate) number: u64,
}

struct Reader {
    source: Source,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Lines {
    pub(crate) fn of(source: &Source) -> Lines {
        let reader = Reader { source: source.clone(), at: 0 };
        Lines { input: BufReader::with_capacity(256 << 10, reader), line: Vec::new(), number: 0 }
    }

    /// The next line without its end. A very long one is split at [`MAX_LINE`].
    pub(crate) fn next(&mut self) -> io::Result<Option<String>> {
        self.line.clear();
        if (&mut self.input).take(MAX_LINE).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = String::from_utf8_lossy(&self.line);
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_have_no_ends() {
        let mut lines = Lines::of(&Source::from_bytes("text", *b"one\r\n\n\xFFtwo"));
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((lines.number, line));
        }
        let expected =
            [(1, "one"), (2, ""), (3, "\u{FFFD}two")].map(|(number, line)| (number, line.to_owned()));
        assert_eq!(all, expected);
    }
}
