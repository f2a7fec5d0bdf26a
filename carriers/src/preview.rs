//! Text in a summary: on one line, and not long.

use std::fmt::{self, Write};

/// The beginning of some bytes, as text without line breaks; a count where they are no text.
pub(crate) struct Preview<'p>(pub(crate) &'p [u8]);

const LIMIT: usize = 80;

impl fmt::Display for Preview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning = self.0.get(..LIMIT * 4).unwrap_or(self.0);
        let text = match std::str::from_utf8(beginning) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(beginning.get(..error.valid_up_to()).unwrap_or_default())
                    .unwrap_or_default()
            }
            Err(_) => return write!(f, "{} bytes", self.0.len()),
        };
        for c in text.chars().take(LIMIT) {
            match c.is_control() {
                true => write!(f, "{}", c.escape_default())?,
                false => f.write_char(c)?,
            }
        }
        let is_all = text.len() == self.0.len() && text.chars().nth(LIMIT).is_none();
        f.write_str(if is_all { "" } else { "…" })
    }
}
