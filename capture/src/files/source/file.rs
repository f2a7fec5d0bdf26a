//! An open file, read by position, and whether it is still the file that was opened.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::read_at::fill;

/// An open file, and how it began when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    beginning: Vec<u8>,
    /// When it was last modified, as of the last check.
    modified: Mutex<Option<SystemTime>>,
}

/// Bytes that show whether a file was replaced: a capture's header, and the time of its first packet.
const BEGINNING: usize = 256;

/// Any number of threads may read by position at the same time, even while another writes after what they read.
#[cfg(unix)]
mod by_position {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    pub(super) fn read(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }

    pub(super) fn write(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }
}

/// Moves the file's own position too, which is unused.
#[cfg(windows)]
mod by_position {
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::FileExt;

    pub(super) fn read(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek_read(buffer, offset)
    }

    pub(super) fn write(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.seek_write(bytes, offset)
    }
}

impl OpenFile {
    /// The file, and its length.
    pub(super) fn new(file: File) -> io::Result<(OpenFile, u64)> {
        let metadata = file.metadata()?;
        let modified = Mutex::new(metadata.modified().ok());
        let mut opened = OpenFile { file, beginning: Vec::new(), modified };
        let mut beginning = vec![0; BEGINNING];
        let read = opened.read_at(0, &mut beginning)?;
        beginning.truncate(read);
        opened.beginning = beginning;
        Ok((opened, metadata.len()))
    }

    /// The file's length now; 0 if it can't be inspected.
    pub(super) fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Reads bytes from `offset` on until `buffer` is full or the end is reached, and returns how many.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        fill(offset, buffer, |offset, rest| by_position::read(&self.file, rest, offset))
    }

    /// Cuts off what follows, as far as that is possible.
    pub(super) fn cut_at(&self, length: u64) {
        let _ = self.file.set_len(length);
    }

    /// Writes `bytes` from `offset` on. Returns how many were written, also if it fails on the way.
    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> (u64, io::Result<()>) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..)
            && !rest.is_empty()
        {
            match by_position::write(&self.file, rest, offset + written as u64) {
                Ok(0) => return (written as u64, Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written as u64, Err(error)),
            }
        }
        (written as u64, Ok(()))
    }

    /// Whether another file begins as this one did when it was opened.
    pub(super) fn begins(&self, other: &OpenFile) -> bool {
        other.beginning.starts_with(&self.beginning)
    }

    /// Whether it is still the file that was opened: it may have grown, but begins as it did.
    pub(super) fn is_unchanged(&self) -> io::Result<bool> {
        let modified = self.file.metadata()?.modified().ok();
        let mut known = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        if modified == *known {
            return Ok(true);
        }
        let mut beginning = vec![0; self.beginning.len()];
        let read = self.read_at(0, &mut beginning)?;
        beginning.truncate(read);
        // A file that became shorter is reported as such when it is read.
        let is_same = read < self.beginning.len() || beginning == self.beginning;
        if is_same {
            *known = modified;
        }
        Ok(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> OpenFile {
        OpenFile::new(File::options().read(true).write(true).open(path).unwrap()).unwrap().0
    }

    /// As after another write, however coarse the file system's times are.
    fn touch(file: &OpenFile) {
        *file.modified.lock().unwrap() = None;
    }

    #[test]
    fn a_file_that_grew_is_the_same_and_one_that_begins_otherwise_is_not() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), b"begin").unwrap();
        let file = open(path.path());
        assert_eq!(file.write_at(5, b" and go on").0, 10);
        touch(&file);
        assert!(file.is_unchanged().unwrap() && file.length() == 15);
        file.write_at(0, b"B").1.unwrap();
        touch(&file);
        assert!(!file.is_unchanged().unwrap());
    }

    #[test]
    fn reading_by_position_stops_at_the_end() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), b"begin").unwrap();
        let mut buffer = [0; 4];
        assert_eq!(open(path.path()).read_at(3, &mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], b"in");
    }
}
