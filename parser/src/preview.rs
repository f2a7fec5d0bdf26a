//! The beginning of a text as a table shows it: short, on one line, nothing in it invisible.

use core::fmt;

/// The first characters of a text, on one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preview<'a>(pub(crate) &'a str);

impl fmt::Display for Preview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LIMIT: usize = 80;
        // Nearly always nothing is to be escaped, so that all of it is written in one piece.
        let is_plain =
            |text: &str| text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
        let first = match self.0.get(..LIMIT) {
            Some(first) if is_plain(first) => Some(first).filter(|_| self.0.len() > LIMIT),
            // As many bytes may be fewer characters.
            _ if self.0.len() > LIMIT => {
                self.0.char_indices().nth(LIMIT).and_then(|(end, _)| self.0.get(..end))
            }
            _ => None,
        };
        let mut rest = first.unwrap_or(self.0);
        while !is_plain(rest)
            && let Some((at, c)) = rest.char_indices().find(|(_, c)| c.is_control())
        {
            f.write_str(rest.get(..at).unwrap_or_default())?;
            write!(f, "{}", c.escape_default())?;
            rest = rest.get(at + c.len_utf8()..).unwrap_or_default();
        }
        f.write_str(rest)?;
        f.write_str(if first.is_some() { "…" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn a_preview_is_eighty_characters_on_one_line() {
        let expected = |text: &str| {
            let mut shown: String = text
                .chars()
                .take(80)
                .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
                .collect();
            if text.chars().count() > 80 {
                shown.push('…');
            }
            shown
        };
        for part in ["a", "你", "\n", "a\tb", "é\u{7f}\u{85}", "\u{301}x\r\n", "🎈 ", "\u{9b}b", "\0", "~ "]
        {
            for times in [0, 1, 2, 20, 26, 27, 39, 40, 41, 79, 80, 81, 200] {
                let text = part.repeat(times);
                assert_eq!(Preview(&text).to_string(), expected(&text));
                for around in [format!("a{text}z"), format!("é{text}")] {
                    assert_eq!(Preview(&around).to_string(), expected(&around));
                }
            }
        }
    }
}
