//! The records of the other formats that are read where they are, each by its reader in [`formats`](crate::files::formats).

use super::record::Next;
use super::window::{Window, WindowPacket};
use crate::Damage;
use crate::files::formats::Foreign;

#[cold]
#[inline(never)]
pub(super) fn next(format: &mut Foreign, window: &mut Window) -> Result<Next, Damage> {
    // A table may list more records though the file's end is reached.
    if window.left_in_file() == 0 && !window.source.has_grown() && !format.has_table() {
        return Ok(Next::End);
    }
    match format.next_at(window.position()) {
        Ok(Some(at)) => window.go_to(at)?,
        Ok(None) => return Ok(Next::End),
        Err(error) => return Err(window.damage_of_next(error.to_string())),
    }
    let head = format.head();
    window.claim(head, "a record header")?;
    let length = format.length(window.rest()).unwrap_or(head);
    if length <= window.left_in_file()
        && let Err(error) = format.spend(length)
    {
        return Err(window.damage_of_next(error.to_string()));
    }
    window.claim(length, "the record")?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let found = match format.read(window.rest().get(..length).unwrap_or_default()) {
        Ok(Some(found)) => found,
        Ok(None) => {
            window.advance(length);
            return Ok(Next::Other);
        }
        Err(error) => return Err(window.damage_of_next(error.to_string())),
    };
    window.packet = WindowPacket {
        number: window.count_packet()?,
        time_ns: found.time_ns,
        link_type: found.link_type,
        wire_length: found.wire_length.max(found.length),
        offset: window.position() + found.start as u64,
        start: window.start() + found.start,
        length: found.length,
        interface: None,
    };
    window.advance(length);
    Ok(Next::Packet)
}

/// How many bytes there are to the end of the next record, as far as `rest`, the bytes from `position` on, shows.
pub(super) fn record_length(format: &Foreign, rest: &[u8], position: u64) -> Option<u64> {
    let ahead = format.peek(position)?.checked_sub(position)?;
    let head = rest.get(usize::try_from(ahead).ok()?..)?;
    let is_whole = head.len() as u64 >= format.head();
    format.length(head).filter(|_| is_whole).map(|length| length + ahead)
}
