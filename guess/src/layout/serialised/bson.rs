//! BSON: a document with its size, as MongoDB has it.

use super::Reader;

pub(super) fn bson(bytes: &[u8]) -> Option<f64> {
    let length = bytes.first_chunk::<4>().map(|length| u32::from_le_bytes(*length))?;
    if usize::try_from(length).ok()? != bytes.len() || bytes.len() < 5 || bytes.last() != Some(&0) {
        return None;
    }
    let mut reader = Reader(bytes.get(4..bytes.len() - 1)?);
    let mut bits = 20.0;
    while !reader.0.is_empty() {
        let kind = reader.byte()?;
        zero_terminated(&mut reader)?;
        let little = |reader: &mut Reader<'_>| {
            reader.0.first_chunk::<4>().map(|size| u32::from_le_bytes(*size) as usize)
        };
        let size = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 | 0x0d | 0x0e => little(&mut reader)?.checked_add(4)?,
            0x03 | 0x04 | 0x0f => little(&mut reader)?,
            0x05 => little(&mut reader)?.checked_add(5)?,
            0x06 | 0x0a | 0x7f | 0xff => 0,
            0x07 => 12,
            0x08 => 1,
            0x0b => {
                zero_terminated(&mut reader)?;
                zero_terminated(&mut reader)?;
                0
            }
            0x10 => 4,
            0x13 => 16,
            _ => return None,
        };
        reader.take(size)?;
        bits += 6.0;
    }
    Some(bits)
}

fn zero_terminated(reader: &mut Reader<'_>) -> Option<()> {
    let end = reader.0.iter().position(|byte| *byte == 0)?;
    reader.text(end)?;
    reader.take(1).map(|_| ())
}
