//! The bytes of rows, and nothing else.

use std::io::{self, Write};

use super::Chosen;
use crate::Index;

/// Bytes read at once.
const AT_ONCE: usize = 1 << 20;

/// Writes the bytes of each chosen row, one after another.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_raw(index: &Index, chosen: &mut Chosen<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut reader = index.reader();
    let mut bytes = Vec::new();
    chosen.for_each(index, &mut |_, row| {
        for segment in index.segments(row) {
            let mut at = 0;
            while at < segment.length as usize {
                let length = (segment.length as usize - at).min(AT_ONCE);
                bytes.clear();
                reader.read(segment.file_offset + at as u64, length, &mut bytes)?;
                out.write_all(&bytes)?;
                at += length;
            }
        }
        Ok(())
    })
}
