//! Which branches of the program were reached, where it is built to say so: it maps a file that is named in its environment, and
//! sets a byte for each branch. `corpus/peers/planted/coverage.c` is what it is linked with.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// The variable that names the file.
const VARIABLE: &str = "FRAMESCOPE_COVERAGE";
const BRANCHES: usize = 1 << 16;
/// So many are looked at together: most are not reached.
const TOGETHER: usize = 256;

/// The branches.
#[derive(Debug)]
pub(super) struct Coverage {
    file: NamedTempFile,
    seen: Vec<u8>,
    now: Vec<u8>,
    count: usize,
}

impl Coverage {
    /// An empty file: in memory, where the system has a folder for that.
    pub(super) fn new() -> io::Result<Coverage> {
        let memory = Path::new("/dev/shm");
        let in_memory = memory.is_dir().then(|| NamedTempFile::with_prefix_in("framescope-", memory));
        let file =
            in_memory.and_then(Result::ok).map_or_else(|| NamedTempFile::with_prefix("framescope-"), Ok)?;
        file.as_file().set_len(BRANCHES as u64)?;
        Ok(Coverage { file, seen: vec![0; BRANCHES], now: vec![0; BRANCHES], count: 0 })
    }

    /// What has to be in the program's environment.
    pub(super) fn variable(&self) -> (String, String) {
        (VARIABLE.to_owned(), self.file.path().display().to_string())
    }

    /// How many branches were reached at all.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether branches were reached since this was last asked that never were before.
    pub(super) fn is_new(&mut self) -> bool {
        self.take().unwrap_or(false)
    }

    fn take(&mut self) -> io::Result<bool> {
        let file = self.file.as_file_mut();
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut self.now)?;
        let (before, mut is_empty) = (self.count, true);
        for (now, seen) in self.now.chunks(TOGETHER).zip(self.seen.chunks_mut(TOGETHER)) {
            if *now == [0; TOGETHER] {
                continue;
            }
            is_empty = false;
            for (now, seen) in now.iter().zip(seen) {
                self.count += usize::from(*now != 0 && *seen == 0);
                *seen |= now;
            }
        }
        if !is_empty {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&[0; BRANCHES])?;
        }
        Ok(self.count > before)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_branch_is_new_once() {
        let mut coverage = Coverage::new().unwrap();
        let (_, path) = coverage.variable();
        let reach = |branches: &[usize]| {
            let mut map = vec![0; BRANCHES];
            branches.iter().for_each(|branch| map[*branch] = 1);
            std::fs::write(&path, map).unwrap();
        };
        assert!(!coverage.is_new());
        reach(&[7, 65_535]);
        assert!(coverage.is_new() && !coverage.is_new());
        reach(&[7]);
        assert!(!coverage.is_new());
        reach(&[7, 8]);
        assert!(coverage.is_new());
        assert_eq!(coverage.count(), 3);
    }
}
