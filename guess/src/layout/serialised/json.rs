//! JSON (RFC 8259).

use super::{DEPTH, Reader};

pub(super) fn json(bytes: &[u8]) -> Option<f64> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader(bytes);
    json_value(&mut reader, 0)?;
    blanks(&mut reader);
    reader.0.is_empty().then_some(bytes.len() as f64)
}

fn blanks(reader: &mut Reader<'_>) {
    let count = reader.0.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    reader.take(count);
}

fn json_value(reader: &mut Reader<'_>, depth: usize) -> Option<()> {
    blanks(reader);
    if depth > DEPTH {
        return None;
    }
    match reader.byte()? {
        b'"' => json_text(reader),
        open @ (b'{' | b'[') => {
            let close = if open == b'{' { b'}' } else { b']' };
            blanks(reader);
            if reader.0.first() == Some(&close) {
                return reader.byte().map(|_| ());
            }
            loop {
                if open == b'{' {
                    blanks(reader);
                    if reader.byte()? != b'"' {
                        return None;
                    }
                    json_text(reader)?;
                    blanks(reader);
                    if reader.byte()? != b':' {
                        return None;
                    }
                }
                json_value(reader, depth + 1)?;
                blanks(reader);
                match reader.byte()? {
                    b',' => {}
                    end if end == close => return Some(()),
                    _ => return None,
                }
            }
        }
        b't' => reader.literal("true"),
        b'f' => reader.literal("false"),
        b'n' => reader.literal("null"),
        b'-' | b'0'..=b'9' => {
            let is_digit = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
            let count = reader.0.iter().take_while(is_digit).count();
            reader.take(count).map(|_| ())
        }
        _ => None,
    }
}

fn json_text(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        match reader.byte()? {
            b'"' => return Some(()),
            b'\\' => {
                reader.byte()?;
            }
            0..0x20 => return None,
            _ => {}
        }
    }
}
