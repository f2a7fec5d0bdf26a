//! What is copied to the temporary folder: compressed captures, unpacked, and what can't be read by position. A few bytes
//! can unpack to any number, so that has a limit, and the folder keeps a reserve; what was written until then is read.

use std::fs::File;
use std::io::{self, Read, Write};

use bytesize::ByteSize;

/// How many bytes are written to the temporary folder for one capture, unless its reader says otherwise: 16 GiB.
pub const UNPACK_LIMIT: u64 = 16 << 30;

/// What is left free in the temporary folder: a twentieth of its file system, and no more than this.
const RESERVE: u64 = 1 << 30;
/// So little is written however full the folder is.
const SMALL: u64 = 16 << 20;
/// Bytes that are copied at once.
const BLOCK: usize = 1 << 20;

/// The file system of the temporary folder.
#[derive(Clone, Copy, Debug)]
struct Space {
    total: u64,
    available: u64,
}

/// What may still be written to the temporary folder.
#[derive(Debug)]
pub(crate) struct Room {
    /// What fills it, as the beginning of a sentence: `unpacking`.
    doing: &'static str,
    limit: u64,
    written: u64,
    /// None where the system does not say.
    space: fn() -> Option<Space>,
}

impl Room {
    pub(crate) fn new(doing: &'static str, limit: u64) -> Room {
        let space = || {
            let stats = fs4::statvfs(tempfile::env::temp_dir()).ok()?;
            Some(Space { total: stats.total_space(), available: stats.available_space() })
        };
        Room { doing, limit, written: 0, space }
    }

    /// Gives what of `bytes` to `write` that there is room for. Says why no more may be written, once that is so.
    ///
    /// # Errors
    /// Writing failed, for another reason than a full disk.
    pub(crate) fn fill(
        &mut self,
        bytes: &[u8],
        write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Option<String>> {
        let doing = self.doing;
        if self.written >= SMALL
            && let Some(Space { total, available }) = (self.space)()
            && available < RESERVE.min(total / 20).saturating_add(bytes.len() as u64)
        {
            return Ok(Some(full(doing, &format!("has only {} left", ByteSize(available).display().iec()))));
        }
        let left = usize::try_from(self.limit - self.written).unwrap_or(usize::MAX);
        let fits = bytes.get(..left).unwrap_or(bytes);
        match write(fits) {
            Ok(()) => self.written += fits.len() as u64,
            Err(error) if is_full(&error) => return Ok(Some(full(doing, "is full"))),
            Err(error) => return Err(error),
        }
        let limit = ByteSize(self.limit).display().iec();
        Ok((fits.len() < bytes.len())
            .then(|| format!("{doing} stopped at the limit of {limit}; --unpack-limit sets a higher one")))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn full(doing: &str, how: &str) -> String {
    let (folder, variable) = (tempfile::env::temp_dir(), if cfg!(windows) { "TMP" } else { "TMPDIR" });
    let folder = folder.display();
    format!(
        "{doing} stopped, as the temporary folder {folder} {how}; make room, or name another in {variable}"
    )
}

/// A file in the temporary folder, with all that was to be in it or as much as there was room for.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) file: File,
    /// Why it is not all.
    pub(crate) cut: Option<String>,
}

/// Copies all that can't be read by position.
///
/// # Errors
/// Reading or writing failed.
pub(crate) fn copy(input: &mut dyn Read, limit: u64) -> io::Result<Copied> {
    fill(input, Room::new("copying to the temporary folder", limit), &mut Err)
}

/// Copies what `input` unpacks, as far as it can be unpacked.
///
/// # Errors
/// Writing failed.
pub(crate) fn unpack(input: &mut dyn Read, limit: u64) -> io::Result<Copied> {
    fill(input, Room::new("unpacking", limit), &mut |error| {
        Ok(format!("the compressed file can't be unpacked further: {error}"))
    })
}

fn fill(
    input: &mut dyn Read,
    mut room: Room,
    broken: &mut dyn FnMut(io::Error) -> io::Result<String>,
) -> io::Result<Copied> {
    let mut file = tempfile::tempfile()?;
    let mut block = vec![0; BLOCK];
    let mut cut = None;
    while cut.is_none() {
        match input.read(&mut block) {
            Ok(0) => break,
            Ok(read) => {
                let there = block.get(..read).unwrap_or_default();
                cut = room.fill(there, &mut |bytes| file.write_all(bytes))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => cut = Some(broken(error)?),
        }
    }
    Ok(Copied { file, cut })
}

#[cfg(test)]
mod tests {
    // A test stops where an assumption does not hold.
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn filled(length: u64, room: Room) -> (u64, String) {
        let copied = fill(&mut io::repeat(7).take(length), room, &mut Err).unwrap();
        (copied.file.metadata().unwrap().len(), copied.cut.unwrap_or_default())
    }

    #[test]
    fn what_is_just_as_long_as_the_limit_is_not_cut() {
        let room = |limit| Room { space: || None, ..Room::new("unpacking", limit) };
        assert_eq!(filled(3 << 20, room(3 << 20)), (3 << 20, String::new()));
        let said = "unpacking stopped at the limit of 3.0 MiB; --unpack-limit sets a higher one";
        assert_eq!(filled((3 << 20) + 1, room(3 << 20)), (3 << 20, said.to_owned()));
        assert_eq!(filled(1, room(0)).0, 0);
    }

    #[test]
    fn a_folder_that_is_nearly_full_keeps_a_reserve() {
        let room = |space| Room { space, ..Room::new("unpacking", UNPACK_LIMIT) };
        let roomy = || Some(Space { total: 1 << 40, available: (1 << 30) + (1 << 20) });
        assert_eq!(filled(20 << 20, room(roomy)), (20 << 20, String::new()));
        let scarce = || Some(Space { total: 1 << 40, available: 1 << 30 });
        let (length, said) = filled(20 << 20, room(scarce));
        assert_eq!(length, SMALL);
        assert!(said.starts_with("unpacking stopped, as the temporary folder "), "{said}");
        assert!(said.contains(" has only 1.0 GiB left; make room, or name another in "), "{said}");
        // A small file system has a small reserve.
        let small = || Some(Space { total: 100 << 20, available: 6 << 20 });
        assert_eq!(filled(20 << 20, room(small)), (20 << 20, String::new()));
        // What is small itself is written all the same.
        assert_eq!(filled(SMALL, room(scarce)), (SMALL, String::new()));
    }

    #[test]
    fn a_disk_that_is_full_cuts_and_another_error_is_one() {
        let mut room = Room { space: || None, ..Room::new("unpacking", UNPACK_LIMIT) };
        let said = room.fill(b"bytes", &mut |_| Err(io::ErrorKind::StorageFull.into())).unwrap().unwrap();
        assert!(said.contains(" is full; make room"), "{said}");
        let error = room.fill(b"bytes", &mut |_| Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn the_system_says_how_much_room_there_is() {
        let space = (Room::new("unpacking", 0).space)().unwrap();
        assert!(space.total >= space.available && space.total > 0);
    }
}
