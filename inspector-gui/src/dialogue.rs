//! Bytes of a conversation as lines that a person reads: as text, or in hexadecimal.

use std::fmt::Write;

/// Characters on a line of text before it is broken.
pub const WIDTH: usize = 96;
const HEX_WIDTH: usize = 16;

/// Bytes as text: line breaks break lines, long lines are broken, and what is no text is written as numbers.
pub fn text_lines(bytes: &[u8]) -> Vec<String> {
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

/// Bytes in hexadecimal, sixteen on a line, each with its offset and as text.
pub fn hex_lines(bytes: &[u8]) -> Vec<String> {
    let line = |(number, bytes): (usize, &[u8])| {
        let mut line = format!("{:06x}  ", number * HEX_WIDTH);
        for at in 0..HEX_WIDTH {
            // Writing to a string does not fail.
            let _ = match bytes.get(at) {
                Some(byte) => write!(line, "{byte:02x} "),
                None => write!(line, "   "),
            };
            if at == HEX_WIDTH / 2 - 1 {
                line.push(' ');
            }
        }
        line.push(' ');
        line.extend(bytes.iter().map(|&byte| match byte {
            0x20..=0x7E => char::from(byte),
            _ => '.',
        }));
        line
    };
    bytes.chunks(HEX_WIDTH).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_where_it_breaks_and_where_it_is_long() {
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
        let lines = hex_lines(b"0123456789abcdefX\x00");
        assert_eq!(lines[0], "000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef");
        assert_eq!(lines[1].trim_end(), format!("000010  58 00 {}X.", " ".repeat(3 * 14 + 2)));
    }
}
