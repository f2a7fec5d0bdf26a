//! Bytes of a conversation as lines that a person reads: as text, or in hexadecimal.

use std::fmt::Write;

use framescope_parser::Captured;

use crate::holes::{HexLine, HexLines, Stretch, hole_text, stretches};

/// Characters on a line of text before it is broken.
pub const WIDTH: usize = 96;
const HEX_WIDTH: usize = 16;

/// Bytes as text: line breaks break lines, long lines are broken, and what is no text is written as numbers. A hole is a line
/// of its own.
pub fn text_lines(message: &Captured<'_, '_>) -> Vec<String> {
    let mut lines = Vec::new();
    for stretch in stretches(message, 0..message.length()) {
        match stretch {
            Stretch::There(_, bytes) => lines.extend(text_of(bytes)),
            Stretch::Hole(hole) => lines.push(format!("[{}]", hole_text(&hole))),
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

/// Bytes in hexadecimal, sixteen on a line, each with its offset and as text. A hole is one line.
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

#[cfg(test)]
// A list of one range is meant as that.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_where_it_breaks_and_where_it_is_long() {
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
}
