//! Captures that are text: read line by line when they are opened, and written as a pcapng that is read in their place.
//!
//! Offsets in the file are then those of the pcapng, which a notice says.

use std::io;

use super::text::{Lines, Output, Writer};
use super::{hexdump, strace};
use crate::files::source::{Converted, Source};

/// Bytes by which a format is recognised.
const BEGINNING: usize = 64 << 10;

/// Converts a text in a known format to a capture; None for anything else.
///
/// # Errors
/// It can't be read, or no temporary file can be created.
pub(crate) fn convert(source: &Source) -> io::Result<Option<Converted>> {
    let mut beginning = vec![0; BEGINNING];
    let read = source.read_at(0, &mut beginning)?;
    beginning.truncate(read);
    // Most captures have a zero here, and no text has.
    if beginning.is_empty() || beginning.contains(&0) {
        return Ok(None);
    }
    let whole = read as u64 == source.length();
    // A line that is cut is not judged.
    if !whole {
        let end = beginning.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
        beginning.truncate(end);
    }
    let text = String::from_utf8_lossy(&beginning);
    let mut out =
        Writer::new(if source.is_in_memory() { Output::Memory(Vec::new()) } else { Output::file()? });
    let notices = if hexdump::is_dump(&text) {
        hexdump::convert(&mut Lines::of(source), &mut out)?
    } else if strace::is_trace(&text) {
        strace::convert(&mut Lines::of(source), &mut out)?
    } else {
        return Ok(None);
    };
    let name = source.name();
    let notices = notices.into_iter().map(|notice| format!("{name} {notice}")).collect();
    let source = match out.finish()? {
        Output::Memory(bytes) => Source::from_bytes(name, bytes),
        Output::File(file) => {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            Source::from_file(name.to_owned(), file)?
        }
    };
    Ok(Some(Converted { source, notices }))
}
