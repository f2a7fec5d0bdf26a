//! What is copied to the temporary folder: compressed captures, unpacked, and what can't be read by position. A few bytes
//! can unpack to any number, so the copy has a limit, and the folder keeps a reserve; what was written until then is read.

use std::fs::File;
use std::io::{self, Read, Write};

use bytesize::ByteSize;
use thiserror::Error;

/// How many bytes are written to the temporary folder for one capture by default: 16 GiB.
pub const UNPACK_LIMIT: u64 = 16 << 30;

/// What is left free in the temporary folder: a twentieth of its file system, and no more than this.
const RESERVE: u64 = 1 << 30;
/// This much is written however full the folder is.
const SMALL: u64 = 16 << 20;
/// Bytes that are copied in one call.
const BLOCK: usize = 1 << 20;

/// The file system of the temporary folder.
#[derive(Clone, Copy, Debug)]
struct Space {
    total: u64,
    available: u64,
}

/// Why a copy is incomplete.
#[derive(Debug, Error)]
pub(crate) enum Stopped {
    #[error("{activity} stopped at the limit of {}; --unpack-limit sets a higher one", size(*limit))]
    Limit { activity: &'static str, limit: u64 },
    #[error(
        "{activity} stopped, as the temporary folder {} has only {} left; make room, or name another in {VARIABLE}",
        tempfile::env::temp_dir().display(),
        size(*available)
    )]
    Reserve { activity: &'static str, available: u64 },
    #[error(
        "{activity} stopped, as the temporary folder {} is full; make room, or name another in {VARIABLE}",
        tempfile::env::temp_dir().display()
    )]
    Full { activity: &'static str },
    #[error("the compressed file can't be unpacked further: {0}")]
    Corrupt(io::Error),
}

/// The variable of the environment that names the temporary folder.
const VARIABLE: &str = if cfg!(windows) { "TMP" } else { "TMPDIR" };

fn size(bytes: u64) -> impl std::fmt::Display {
    ByteSize(bytes).display().iec()
}

/// How much may still be written to the temporary folder.
#[derive(Debug)]
pub(crate) struct Quota {
    /// What writes, as the beginning of a sentence: `unpacking`.
    activity: &'static str,
    limit: u64,
    written: u64,
    /// None where the system does not say.
    space: fn() -> Option<Space>,
}

impl Quota {
    pub(crate) fn new(activity: &'static str, limit: u64) -> Quota {
        let space = || {
            let stats = fs4::statvfs(tempfile::env::temp_dir()).ok()?;
            Some(Space { total: stats.total_space(), available: stats.available_space() })
        };
        Quota { activity, limit, written: 0, space }
    }

    /// Writes as much of `bytes` by `write` as is allowed. Returns why no more may be written, once that is so.
    ///
    /// # Errors
    /// Writing failed, for another reason than a full disk.
    pub(crate) fn write(
        &mut self,
        bytes: &[u8],
        write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Option<Stopped>> {
        let Quota { activity, limit, .. } = *self;
        if self.written >= SMALL
            && let Some(Space { total, available }) = (self.space)()
            && available < RESERVE.min(total / 20).saturating_add(bytes.len() as u64)
        {
            return Ok(Some(Stopped::Reserve { activity, available }));
        }
        let left = usize::try_from(limit - self.written).unwrap_or(usize::MAX);
        let allowed = bytes.get(..left).unwrap_or(bytes);
        match write(allowed) {
            Ok(()) => self.written += allowed.len() as u64,
            Err(error) if is_full(&error) => return Ok(Some(Stopped::Full { activity })),
            Err(error) => return Err(error),
        }
        Ok((allowed.len() < bytes.len()).then_some(Stopped::Limit { activity, limit }))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A file in the temporary folder, complete or as much as was allowed.
#[derive(Debug)]
pub(crate) struct TempCopy {
    pub(crate) file: File,
    /// Why it is incomplete.
    pub(crate) cut: Option<Stopped>,
}

/// Copies what can't be read by position.
///
/// # Errors
/// Reading or writing failed.
pub(crate) fn copy(input: &mut dyn Read, limit: u64) -> io::Result<TempCopy> {
    fill(input, Quota::new("copying to the temporary folder", limit), &mut Err)
}

/// Copies what `input` unpacks, as far as it can be unpacked.
///
/// # Errors
/// Writing failed.
pub(crate) fn unpack(input: &mut dyn Read, limit: u64) -> io::Result<TempCopy> {
    fill(input, Quota::new("unpacking", limit), &mut |error| Ok(Stopped::Corrupt(error)))
}

fn fill(
    input: &mut dyn Read,
    mut quota: Quota,
    failed: &mut dyn FnMut(io::Error) -> io::Result<Stopped>,
) -> io::Result<TempCopy> {
    let mut file = tempfile::tempfile()?;
    let mut block = vec![0; BLOCK];
    let mut cut = None;
    while cut.is_none() {
        match input.read(&mut block) {
            Ok(0) => break,
            Ok(read) => {
                let bytes = block.get(..read).unwrap_or_default();
                cut = quota.write(bytes, &mut |bytes| file.write_all(bytes))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => cut = Some(failed(error)?),
        }
    }
    Ok(TempCopy { file, cut })
}

#[cfg(test)]
mod tests {
    // A test stops where an assumption does not hold.
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn filled(length: u64, quota: Quota) -> (u64, String) {
        let copied = fill(&mut io::repeat(7).take(length), quota, &mut Err).unwrap();
        (copied.file.metadata().unwrap().len(), copied.cut.map(|cut| cut.to_string()).unwrap_or_default())
    }

    #[test]
    fn a_copy_as_long_as_the_limit_is_not_cut() {
        let quota = |limit| Quota { space: || None, ..Quota::new("unpacking", limit) };
        assert_eq!(filled(3 << 20, quota(3 << 20)), (3 << 20, String::new()));
        let sentence = "unpacking stopped at the limit of 3.0 MiB; --unpack-limit sets a higher one";
        assert_eq!(filled((3 << 20) + 1, quota(3 << 20)), (3 << 20, sentence.to_owned()));
        assert_eq!(filled(1, quota(0)).0, 0);
    }

    #[test]
    fn a_folder_that_is_nearly_full_keeps_a_reserve() {
        let quota = |space| Quota { space, ..Quota::new("unpacking", UNPACK_LIMIT) };
        let ample = || Some(Space { total: 1 << 40, available: (1 << 30) + (1 << 20) });
        assert_eq!(filled(20 << 20, quota(ample)), (20 << 20, String::new()));
        let scarce = || Some(Space { total: 1 << 40, available: 1 << 30 });
        let (length, sentence) = filled(20 << 20, quota(scarce));
        assert_eq!(length, SMALL);
        assert!(sentence.starts_with("unpacking stopped, as the temporary folder "), "{sentence}");
        assert!(sentence.contains(" has only 1.0 GiB left; make room, or name another in "), "{sentence}");
        // A small file system has a small reserve.
        let small = || Some(Space { total: 100 << 20, available: 6 << 20 });
        assert_eq!(filled(20 << 20, quota(small)), (20 << 20, String::new()));
        // A small copy is written all the same.
        assert_eq!(filled(SMALL, quota(scarce)), (SMALL, String::new()));
    }

    #[test]
    fn a_full_disk_cuts_the_copy_and_another_error_fails_it() {
        let mut quota = Quota { space: || None, ..Quota::new("unpacking", UNPACK_LIMIT) };
        let sentence = quota
            .write(b"bytes", &mut |_| Err(io::ErrorKind::StorageFull.into()))
            .unwrap()
            .unwrap()
            .to_string();
        assert!(sentence.contains(" is full; make room"), "{sentence}");
        let error = quota.write(b"bytes", &mut |_| Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn the_system_reports_how_much_space_there_is() {
        let space = (Quota::new("unpacking", 0).space)().unwrap();
        assert!(space.total >= space.available && space.total > 0);
    }
}
