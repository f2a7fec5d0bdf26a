//! Python's pickle, of protocol 2 and newer: its operations follow each other up to the one that stops.

use super::Reader;

pub(super) fn pickle(bytes: &[u8]) -> Option<f64> {
    let [0x80, 2..=5, ..] = bytes else { return None };
    let mut reader = Reader(bytes);
    let mut bits = 14.0;
    loop {
        let operation = reader.byte()?;
        bits += 2.0;
        match operation {
            b'.' => return reader.0.is_empty().then_some(bits),
            b'(' | b'0' | b'1' | b'2' | b'N' | b'R' | b'Q' | b'a' | b'b' | b'd' | b'e' | b'l' | b'o'
            | b's' | b't' | b'u' | b'}' | b']' | b')' => {}
            0x81 | 0x85..=0x89 | 0x8f..=0x94 | 0x97 | 0x98 => {}
            b'K' | b'h' | b'q' | 0x80 | 0x82 => skip(&mut reader, 1)?,
            b'M' | 0x83 => skip(&mut reader, 2)?,
            b'J' | b'j' | b'r' | 0x84 => skip(&mut reader, 4)?,
            b'G' | 0x95 => skip(&mut reader, 8)?,
            b'U' | b'C' | 0x8a | 0x8c => counted(&mut reader, 1)?,
            b'T' | b'X' | b'B' | 0x8b => counted(&mut reader, 4)?,
            0x8d | 0x8e | 0x96 => counted(&mut reader, 8)?,
            b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => line(&mut reader)?,
            b'c' | b'i' => {
                line(&mut reader)?;
                line(&mut reader)?;
            }
            _ => return None,
        }
    }
}

fn skip(reader: &mut Reader<'_>, count: usize) -> Option<()> {
    reader.take(count).map(|_| ())
}

/// Bytes with their number before them, which is little-endian.
fn counted(reader: &mut Reader<'_>, width: usize) -> Option<()> {
    let count = reader.take(width)?.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    skip(reader, usize::try_from(count).ok()?)
}

fn line(reader: &mut Reader<'_>) -> Option<()> {
    let end = memchr::memchr(b'\n', reader.0)?;
    reader.text(end)?;
    skip(reader, 1)
}
