//! The transcript's model: messages of a conversation as lines of text or hexadecimal, and the search in them.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use framescope_capture::RowId;
use framescope_capture::export::hex;
use framescope_parser::Captured;

use super::holes::{HexLine, HexLines, Piece, hole_text, pieces};
use super::lookup::{Lookup, Preview};
use super::rows::Rows;

/// The most characters on a line of text.
pub const WIDTH: usize = 96;
const HEX_WIDTH: usize = 16;

/// Formats bytes as text: long lines are wrapped, and bytes that are not text are escaped. A hole is a separate line.
pub fn text_lines(message: &Captured<'_, '_>) -> Vec<String> {
    let mut lines = Vec::new();
    for piece in pieces(message, 0..message.length()) {
        match piece {
            Piece::Bytes(_, bytes) => lines.extend(text_of(bytes)),
            Piece::Hole(hole) => lines.push(format!("[{}]", hole_text(&hole))),
        }
    }
    lines
}

fn text_of(bytes: &[u8]) -> Vec<String> {
    let (mut lines, mut line, mut width) = (Vec::new(), String::new(), 0);
    let mut put = |piece: &str, lines: &mut Vec<String>| {
        let count = piece.chars().count();
        if width + count > WIDTH {
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
        line.push_str(piece);
        width += count;
        if piece == "\n" {
            line.pop();
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => put("\n", &mut lines),
                '\r' => {}
                '\t' => put("    ", &mut lines),
                c if c.is_control() => put("·", &mut lines),
                c => put(c.encode_utf8(&mut [0; 4]), &mut lines),
            }
        }
        for byte in chunk.invalid() {
            put(&format!("\\x{byte:02x}"), &mut lines);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Formats bytes in hexadecimal with offset and text, sixteen on a line. A hole is a separate line.
pub fn hex_lines(message: &Captured<'_, '_>) -> Vec<String> {
    let lines = HexLines::new(message.length(), message.missing(), HEX_WIDTH);
    let line = |line: HexLine| {
        let range = match line {
            HexLine::Hole(hole) => return format!("[{}]", hole_text(&hole)),
            HexLine::Bytes(range) => range,
        };
        let first = lines.first_column(&range);
        let before = range.start - first;
        let bytes = message.get(range).unwrap_or_default();
        let mut line = format!("{first:06x}  ");
        for at in 0..HEX_WIDTH {
            // Writing to a string does not fail.
            let _ = match at.checked_sub(before).and_then(|at| bytes.get(at)) {
                Some(byte) => write!(line, "{byte:02x} "),
                None => write!(line, "   "),
            };
            if at == HEX_WIDTH / 2 - 1 {
                line.push(' ');
            }
        }
        line.push(' ');
        line.extend(std::iter::repeat_n(' ', before));
        line.extend(bytes.iter().map(|&byte| match byte {
            0x20..=0x7E => char::from(byte),
            _ => '.',
        }));
        line
    };
    (0..lines.count()).filter_map(|number| lines.line(number)).map(line).collect()
}

/// How the transcript shows messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each message in a few words.
    #[default]
    Summary,
    /// The bytes as text.
    Text,
    /// The bytes in hexadecimal.
    Hex,
}

/// The most lines of a message that are shown; the message panel shows all.
const LINES_SHOWN: usize = 40;
/// The most messages whose lines are cached.
const CACHED: usize = 2048;

/// The transcript of a conversation.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    form: Form,
    /// The lines of messages that were shown lately, by row.
    lines: HashMap<RowId, Arc<Vec<String>>>,
    /// The text to search for.
    pub(crate) search: String,
    /// The match that was selected last.
    last_match: Option<RowId>,
}

impl Transcript {
    /// Call when rows get other numbers.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.last_match = None;
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Shows the messages in another form.
    pub(crate) fn show_as(&mut self, form: Form) {
        if self.form != form {
            self.form = form;
            self.lines.clear();
        }
    }

    /// The filter that finds the searched text; None without one.
    pub(crate) fn filter(&self) -> Option<String> {
        let wanted = self.search.trim();
        if wanted.is_empty() {
            return None;
        }
        let digits: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = (self.form == Form::Hex).then(|| framescope_parser::hex::decode(&digits)).flatten();
        Some(match bytes {
            Some(bytes) => format!("bytes contains x\"{}\"", hex(&bytes)),
            None => format!("bytes contains {}", framescope_capture::filter::written(wanted)),
        })
    }

    /// The next match, or the previous one, from the last match or the selected row on.
    pub(crate) fn step(&mut self, matches: &Rows, selected: Option<RowId>, forward: bool) -> Option<RowId> {
        let next = matches.next_match(self.last_match.or(selected), forward);
        self.last_match = next.or(self.last_match);
        next
    }

    /// Requests what is needed to show some rows.
    pub(crate) fn request(&self, rows: &[RowId], lookup: &Lookup) {
        match self.form {
            Form::Summary => lookup.request_row_texts(rows),
            Form::Text | Form::Hex => lookup.request_previews(rows),
        }
    }

    /// The lines of a row; None while it is being read.
    pub(crate) fn lines(&mut self, row: RowId, lookup: &Lookup) -> Option<Arc<Vec<String>>> {
        if let Some(lines) = self.lines.get(&row) {
            return Some(Arc::clone(lines));
        }
        let (mut lines, more) = match self.form {
            Form::Summary => (text_lines(&Captured::whole(lookup.row_text(row)?.summary.as_bytes())), 0),
            Form::Text | Form::Hex => {
                let Preview { bytes, missing, more } = lookup.preview(row)?;
                let message = Captured::with_missing(&bytes, &missing);
                (if self.form == Form::Hex { hex_lines(&message) } else { text_lines(&message) }, more)
            }
        };
        let is_cut = lines.len() > LINES_SHOWN || more > 0;
        lines.truncate(LINES_SHOWN);
        if is_cut {
            lines.push("... more in the message panel".to_owned());
        }
        let lines = Arc::new(lines);
        if self.lines.len() > CACHED {
            self.lines.clear();
        }
        self.lines.insert(row, Arc::clone(&lines));
        Some(lines)
    }
}

#[cfg(test)]
// A slice of one range is meant.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_line_breaks_and_at_the_width() {
        let text_lines = |bytes: &[u8]| text_lines(&Captured::whole(bytes));
        assert_eq!(text_lines(b"GET /\r\nHost: a\r\n\r\n"), ["GET /", "Host: a", ""]);
        assert_eq!(text_lines(b"a\x00b\xffc\td"), ["a·b\\xffc    d"]);
        let long = "你".repeat(WIDTH + 1);
        assert_eq!(
            text_lines(long.as_bytes()).iter().map(|line| line.chars().count()).collect::<Vec<_>>(),
            [WIDTH, 1]
        );
        assert!(text_lines(b"").is_empty());
    }

    #[test]
    fn hexadecimal_has_sixteen_bytes_on_a_line() {
        let hex_lines = |bytes: &[u8]| hex_lines(&Captured::whole(bytes));
        let lines = hex_lines(b"0123456789abcdefX\x00");
        assert_eq!(lines[0], "000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef");
        assert_eq!(lines[1].trim_end(), format!("000010  58 00 {}X.", " ".repeat(3 * 14 + 2)));
    }

    #[test]
    fn what_was_not_captured_is_a_line_and_what_follows_keeps_its_offset() {
        let missing = framescope_parser::Missing::list([2..1027]);
        let message = Captured::with_missing(b"abcd", &missing);
        let hole = "[1,025 bytes not captured (2 to 1026)]";
        assert_eq!(text_lines(&message), ["ab", hole, "cd"]);
        let lines = hex_lines(&message);
        assert_eq!((lines.len(), lines[1].as_str()), (3, hole));
        assert_eq!(
            lines[2].trim_end(),
            format!("000400  {}63 64 {}cd", " ".repeat(9), " ".repeat(3 * 11 + 5))
        );
    }

    #[test]
    fn a_search_is_a_filter_over_bytes_and_digits_are_bytes_only_in_hexadecimal() {
        let mut transcript = Transcript { search: " f5 4d ".to_owned(), ..Transcript::default() };
        assert_eq!(transcript.filter().as_deref(), Some("bytes contains \"f5 4d\""));
        transcript.show_as(Form::Hex);
        assert_eq!(transcript.filter().as_deref(), Some("bytes contains x\"f54d\""));
        transcript.search = " ".to_owned();
        assert_eq!(transcript.filter(), None);
    }
}
