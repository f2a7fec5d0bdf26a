//! The bytes of rows, and nothing else.

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::selection::RowSelection;
use crate::Index;

/// Writes the bytes of each selected row, one after another. Returns how many bytes of incomplete messages were not captured:
/// the others of these messages are joined.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_raw(index: &Index, selection: &mut RowSelection<'_>, out: &mut dyn Write) -> io::Result<u64> {
    let (mut reader, mut missing) = (index.reader(), 0);
    selection.for_each(index, &mut |_, row| {
        missing += index.missing_bytes(row).unwrap_or(0);
        let written = index.for_each_piece(row, &mut reader, &mut |bytes| {
            out.write_all(bytes)?;
            Ok(ControlFlow::Continue(()))
        });
        written.map(|_| ())
    })?;
    Ok(missing)
}
