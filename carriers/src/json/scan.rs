//! Where a JSON text in a stream ends.

/// How far an object or array was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// How many of its bytes were read.
    pub(super) read: usize,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Scan {
    /// Reads on in `bytes`, which begin with the blanks before the text. Its length, if its end is there.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        for &byte in bytes.get(self.read..).unwrap_or_default() {
            self.read += 1;
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_in_string => self.is_escaped = true,
                b'"' => self.is_in_string = !self.is_in_string,
                _ if self.is_in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.read);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// How many blanks are before the text.
pub(super) fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// Where after the first byte the next text may begin: at an object or array at the beginning of a line. All if there is none.
pub(super) fn next_beginning(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        at += line + 1;
        match bytes.get(at) {
            Some(b'{' | b'[') | None => return at,
            Some(_) => {}
        }
    }
    bytes.len()
}
