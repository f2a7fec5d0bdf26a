//! A ring of files: when one is full the next begins, and the oldest is removed.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How many files are kept, and when a file is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// How many files are kept.
    pub count: NonZeroU32,
    /// When the next one begins.
    pub size: RingSize,
}

/// When a file of a ring is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingSize {
    /// After so many bytes: a packet that would exceed them begins the next file.
    Bytes(u64),
    /// After so long.
    Time(Duration),
}

/// The files of a ring, as they are written.
#[derive(Debug)]
pub(super) struct RingFiles {
    ring: Ring,
    /// `traffic.pcapng` for files that are called `traffic_00001_20261129070500.pcapng`.
    path: PathBuf,
    file: Option<File>,
    files: VecDeque<PathBuf>,
    number: u32,
    written: u64,
    begun: Instant,
    /// The section and its interfaces, with which every file begins.
    header: Vec<u8>,
    waiting: Vec<u8>,
}

/// Blocks are written when there are so many bytes of them, and when the tool pauses.
const WRITE_AT: usize = 256 << 10;

impl RingFiles {
    /// Begins the first file.
    pub(super) fn new(path: &Path, ring: Ring) -> io::Result<RingFiles> {
        let mut files = RingFiles {
            ring,
            path: path.to_owned(),
            file: None,
            files: VecDeque::new(),
            number: 0,
            written: 0,
            begun: Instant::now(),
            header: Vec::new(),
            waiting: Vec::new(),
        };
        files.next()?;
        Ok(files)
    }

    /// The files that there are, the oldest first.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// A block of what every file begins with: of a new section if `is_first`.
    pub(super) fn header(&mut self, block: &[u8], is_first: bool) -> io::Result<()> {
        if is_first {
            self.header.clear();
        }
        self.header.extend_from_slice(block);
        self.put(block)
    }

    /// Any other block.
    pub(super) fn block(&mut self, block: &[u8]) -> io::Result<()> {
        let is_full = match self.ring.size {
            RingSize::Bytes(bytes) => self.written + block.len() as u64 > bytes,
            RingSize::Time(time) => self.begun.elapsed() >= time,
        };
        // A file has a packet at least, however little it may hold.
        if is_full && self.written > self.header.len() as u64 {
            self.flush()?;
            self.next()?;
            let header = std::mem::take(&mut self.header);
            self.put(&header)?;
            self.header = header;
        }
        self.put(block)
    }

    fn put(&mut self, block: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(block);
        self.written += block.len() as u64;
        if self.waiting.len() >= WRITE_AT { self.flush() } else { Ok(()) }
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let before = self.written.saturating_sub(self.waiting.len() as u64);
            if let Err(error) = file.write_all(&self.waiting) {
                // Whole blocks only.
                let _ = file.set_len(before);
                return Err(error);
            }
        }
        self.waiting.clear();
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        self.number += 1;
        let path = self.named(SystemTime::now());
        self.file = Some(File::create(&path)?);
        self.files.push_back(path);
        (self.written, self.begun) = (0, Instant::now());
        while self.files.len() > self.ring.count.get() as usize {
            if let Some(oldest) = self.files.pop_front() {
                // It may have been moved away.
                let _ = fs::remove_file(oldest);
            }
        }
        Ok(())
    }

    /// Named as dumpcap does, but that the time is UTC.
    fn named(&self, time: SystemTime) -> PathBuf {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let ending =
            self.path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        let stamp = stamp(time);
        self.path.with_file_name(format!("{stem}_{:05}_{stamp}{ending}", self.number))
    }
}

/// A time as `20261129070500`, in UTC.
fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days after 1970: years of 400 begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_the_names_of_dumpcap() {
        let at = |seconds| stamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101000000");
        assert_eq!(at(951_782_399), "20000228235959");
        assert_eq!(at(951_782_400), "20000229000000");
        assert_eq!(at(1_795_936_099), "20261129070819");
    }

    #[test]
    fn a_ring_keeps_the_newest_files_and_each_begins_with_the_header() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Ring { count: NonZeroU32::new(2).unwrap(), size: RingSize::Bytes(10) };
        let mut files = RingFiles::new(&folder.path().join("t.pcapng"), ring).unwrap();
        files.header(b"SS", true).unwrap();
        files.header(b"I", false).unwrap();
        for block in [&b"aaaa"[..], b"bbb", b"cc", b"a block longer than a file", b"d"] {
            files.block(block).unwrap();
        }
        files.flush().unwrap();
        let contents: Vec<_> = files.files().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!(contents, ["SSIa block longer than a file", "SSId"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let name = files.files().last().unwrap().file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("t_00004_20") && name.ends_with(".pcapng") && name.len() == 29, "{name}");
    }
}
