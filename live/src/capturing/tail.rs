//! A capture that another program writes to a file, and continues in others: rotated by that program, or renamed by a third.
//!
//! It looks for more at intervals, and never misses what is in the file that it has open, whatever that is called by then.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use framescope_capture::rotated_name;

use super::blocks::{BlockType, Blocks};

/// How often it looks for more.
const BETWEEN: Duration = Duration::from_millis(40);
/// So many bytes show which file it is: the first packet's time is among them.
const HEAD: u64 = 64;
/// A file of fewer bytes has not begun.
const BEGUN: u64 = 24;
const PIECE: usize = 64 << 10;

/// Reads a pcap or pcapng that is being written, and what follows it, as one pcapng.
///
/// When the file is replaced or begins anew, or another with the same name except for digits appears beside it, it continues there:
/// `tcpdump -C` and `-G`, `dumpcap -b` and logrotate write such files. A header that is as before is left out. Reading waits for
/// more until the [`TailEnd`] is dropped.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    file: File,
    /// The file, as it was when it was opened.
    seen: Seen,
    blocks: Blocks,
    offset: u64,
    /// The files beside it that it does not continue in, unless they begin anew.
    others: HashMap<OsString, Seen>,
    /// The sections and interfaces since the last packet, and those that were passed on.
    header: Vec<u8>,
    header_before: Vec<u8>,
    out: Vec<u8>,
    given: usize,
    ends: Arc<AtomicBool>,
}

/// Ends a [`Tail`] when it is dropped.
#[derive(Debug)]
pub struct TailEnd(Arc<AtomicBool>);

impl Drop for TailEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What a file was like when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    length: u64,
    modified: Option<SystemTime>,
    identity: Option<(u64, u64)>,
    head: Vec<u8>,
}

impl Seen {
    fn of(file: &mut File) -> io::Result<Seen> {
        let metadata = file.metadata()?;
        let mut head = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.by_ref().take(HEAD).read_to_end(&mut head)?;
        let (modified, identity) = (metadata.modified().ok(), identity(&metadata));
        Ok(Seen { length: metadata.len(), modified, identity, head })
    }

    /// Whether a file that is like this now is the same one, which may have grown.
    fn is_still(&self, now: &Seen) -> bool {
        now.identity == self.identity && now.length >= self.length && now.head.starts_with(&self.head)
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Elsewhere its first bytes say which file it is.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

impl Tail {
    /// Begins with the file that is being written.
    ///
    /// # Errors
    /// It can't be read.
    pub fn new(path: &Path) -> io::Result<(Tail, TailEnd)> {
        let mut file = File::open(path)?;
        let seen = Seen::of(&mut file)?;
        let ends = Arc::new(AtomicBool::new(false));
        let end = TailEnd(Arc::clone(&ends));
        let mut tail = Tail {
            path: path.to_owned(),
            file,
            seen,
            blocks: Blocks::new(""),
            offset: 0,
            others: HashMap::new(),
            header: Vec::new(),
            header_before: Vec::new(),
            out: Vec::new(),
            given: 0,
            ends,
        };
        for (name, path) in tail.beside()? {
            if let Ok(seen) = File::open(path).and_then(|mut file| Seen::of(&mut file)) {
                tail.others.insert(name, seen);
            }
        }
        Ok((tail, end))
    }

    /// Whether a file is one that can be continued in others: a pcap or a pcapng, or empty yet.
    ///
    /// # Errors
    /// It can't be read.
    pub fn is_for(path: &Path) -> io::Result<bool> {
        let mut magic = Vec::new();
        let mut file = File::open(path)?;
        file.by_ref().take(4).read_to_end(&mut magic)?;
        Ok(file.metadata()?.is_file() && (magic.len() < 4 || Blocks::begins(&magic)))
    }

    /// The files beside it whose names differ in [digits only](rotated_name).
    fn beside(&self) -> io::Result<Vec<(OsString, PathBuf)>> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let own = self.path.file_name().unwrap_or_default();
        let like = rotated_name(own.as_encoded_bytes());
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            if name != own && rotated_name(name.as_encoded_bytes()) == like {
                files.push((name.clone(), folder.join(name)));
            }
        }
        Ok(files)
    }

    /// Reads what there is. False if there is no more at the moment.
    fn read_on(&mut self) -> io::Result<bool> {
        let mut piece = vec![0; PIECE];
        self.file.seek(SeekFrom::Start(self.offset))?;
        let read = self.file.read(&mut piece)?;
        let bytes = piece.get(..read).unwrap_or_default();
        if self.offset < HEAD {
            let room = usize::try_from(HEAD - self.offset).unwrap_or_default();
            let head = usize::try_from(self.offset).unwrap_or_default();
            self.seen.head.truncate(head);
            self.seen.head.extend(bytes.iter().take(room));
        }
        self.offset += read as u64;
        self.seen.length = self.offset;
        let Tail { header, header_before, out, .. } = self;
        let each = &mut |block_type, block: &[u8]| {
            match block_type {
                BlockType::Section | BlockType::Interface => {
                    if block_type == BlockType::Section {
                        header.clear();
                    }
                    header.extend_from_slice(block);
                }
                BlockType::Packet | BlockType::Other => {
                    pass_header(header, header_before, out);
                    out.extend_from_slice(block);
                }
            }
            true
        };
        let pushed = self.blocks.push(bytes, each);
        pushed.map_err(|cause| io::Error::other(format!("{}: {cause}", self.path.display())))?;
        Ok(read > 0)
    }

    /// The file that continues it, if there is one: the oldest of those that began since.
    fn next(&mut self) -> io::Result<Option<(PathBuf, File, Seen)>> {
        let mut found: Option<(PathBuf, File, Seen)> = None;
        let mut consider = |path: PathBuf, file: File, seen: Seen| {
            let is_older =
                |found: &(PathBuf, File, Seen)| (seen.modified, &path) < (found.2.modified, &found.0);
            if seen.length >= BEGUN && found.as_ref().is_none_or(is_older) {
                found = Some((path, file, seen));
            }
        };
        // Between renaming and creating there is none.
        if let Ok(mut file) = File::open(&self.path) {
            let now = Seen::of(&mut file)?;
            if !self.seen.is_still(&now) {
                consider(self.path.clone(), file, now);
            }
        }
        for (name, path) in self.beside()? {
            let Ok(mut file) = File::open(&path) else { continue };
            let before = self.others.get(&name);
            let (length, modified) = file.metadata().map(|now| (now.len(), now.modified().ok()))?;
            if before.is_some_and(|before| (before.length, before.modified) == (length, modified)) {
                continue;
            }
            let now = Seen::of(&mut file)?;
            match before {
                Some(before) if before.is_still(&now) => {
                    self.others.insert(name, now);
                }
                // The one that is open was renamed.
                None if self.seen.is_still(&now) && self.seen.identity.is_some() => {}
                _ => consider(path, file, now),
            }
        }
        Ok(found)
    }

    fn continue_in(&mut self, path: PathBuf, file: File, seen: Seen) {
        if path != self.path
            && let Some(name) = self.path.file_name()
        {
            let old = File::open(&self.path).and_then(|mut file| Seen::of(&mut file));
            self.others.insert(name.to_owned(), old.unwrap_or_else(|_| self.seen.clone()));
        }
        (self.path, self.file, self.seen, self.offset) = (path, file, seen, 0);
        if let Some(name) = self.path.file_name() {
            self.others.remove(name);
        }
        // A packet that the old one has in part stays incomplete.
        self.blocks = Blocks::new("");
        self.header.clear();
    }
}

/// Passes on the header of the packets that follow, unless it is as before.
fn pass_header(header: &mut Vec<u8>, before: &mut Vec<u8>, out: &mut Vec<u8>) {
    if !header.is_empty() {
        if header != before {
            out.extend_from_slice(header);
            std::mem::swap(header, before);
        }
        header.clear();
    }
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
            if self.ends.load(Ordering::Acquire) {
                return Ok(0);
            }
            if self.read_on()? {
                continue;
            }
            match self.next()? {
                Some((path, file, seen)) => {
                    // The last of it may have been written meanwhile.
                    while self.read_on()? {}
                    self.continue_in(path, file, seen);
                }
                None if self.out.is_empty() => thread::sleep(BETWEEN),
                None => {}
            }
        }
        let rest = self.out.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A pcap's header, and a packet of a byte.
    const HEADER: [u8; 24] =
        [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];

    fn packet(number: u8) -> Vec<u8> {
        let mut bytes = [u32::from(number), 0, 1, 1].map(u32::to_le_bytes).concat();
        bytes.push(number);
        bytes
    }

    fn pcap(numbers: &[u8]) -> Vec<u8> {
        let packets = numbers.iter().flat_map(|number| packet(*number));
        HEADER.into_iter().chain(packets).collect()
    }

    /// The packets of a pcapng, and how many sections it has.
    fn packets(bytes: &[u8]) -> (Vec<u8>, usize) {
        let (mut packets, mut sections) = (Vec::new(), 0);
        let each = &mut |block_type, block: &[u8]| {
            match block_type {
                BlockType::Packet => packets.push(block[28]),
                BlockType::Section => sections += 1,
                _ => {}
            }
            true
        };
        Blocks::new("").push(bytes, each).unwrap();
        (packets, sections)
    }

    /// Reads until there are so many packets.
    fn read(tail: &mut Tail, all: &mut Vec<u8>, count: usize) -> (Vec<u8>, usize) {
        loop {
            let found = packets(all);
            if found.0.len() >= count {
                return found;
            }
            let mut buffer = [0; 100];
            let read = tail.read(&mut buffer).unwrap();
            all.extend(&buffer[..read]);
        }
    }

    #[test]
    fn a_file_that_grows_and_is_rotated_is_one_capture() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("x.pcap1"), pcap(&[99])).unwrap();
        fs::write(at("unlike.pcap"), pcap(&[98])).unwrap();
        fs::write(at("x.pcap0"), pcap(&[1])).unwrap();
        let (mut tail, _end) = Tail::new(&at("x.pcap0")).unwrap();
        let mut all = Vec::new();
        assert_eq!(read(&mut tail, &mut all, 1), (vec![1], 1));
        let append = |name: &str, bytes: &[u8]| {
            File::options().append(true).open(at(name)).unwrap().write_all(bytes).unwrap();
        };
        // A packet in two pieces, then the next file, which was there before, and one that was not.
        append("x.pcap0", &packet(2)[..9]);
        append("x.pcap0", &packet(2)[9..]);
        fs::write(at("x.pcap1"), pcap(&[3])).unwrap();
        assert_eq!(read(&mut tail, &mut all, 3), (vec![1, 2, 3], 1));
        append("x.pcap1", &packet(4));
        fs::write(at("x.pcap2"), pcap(&[5])).unwrap();
        assert_eq!(read(&mut tail, &mut all, 5), (vec![1, 2, 3, 4, 5], 1));
        // The ring begins again.
        fs::write(at("x.pcap0"), pcap(&[6])).unwrap();
        assert_eq!(read(&mut tail, &mut all, 6), (vec![1, 2, 3, 4, 5, 6], 1));
    }

    #[test]
    fn a_file_that_is_renamed_and_created_is_one_capture() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("x.pcap"), pcap(&[1])).unwrap();
        let (mut tail, _end) = Tail::new(&at("x.pcap")).unwrap();
        let mut all = Vec::new();
        read(&mut tail, &mut all, 1);
        fs::rename(at("x.pcap"), at("x.pcap.1")).unwrap();
        File::options().append(true).open(at("x.pcap.1")).unwrap().write_all(&packet(2)).unwrap();
        // Another link type is another section.
        let mut other = pcap(&[3]);
        other[20] = 1;
        fs::write(at("x.pcap"), other).unwrap();
        assert_eq!(read(&mut tail, &mut all, 3), (vec![1, 2, 3], 2));
    }

    #[test]
    fn a_file_that_begins_anew_is_read_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcap");
        fs::write(&path, pcap(&[1, 2])).unwrap();
        let (mut tail, end) = Tail::new(&path).unwrap();
        let mut all = Vec::new();
        read(&mut tail, &mut all, 2);
        fs::write(&path, pcap(&[3])).unwrap();
        assert_eq!(read(&mut tail, &mut all, 3), (vec![1, 2, 3], 1));
        drop(end);
        assert_eq!(tail.read(&mut [0; 9]).unwrap(), 0);
    }

    #[test]
    fn a_packet_that_the_old_file_has_in_part_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("x1.pcap"), [pcap(&[1]), packet(2)[..10].to_vec()].concat()).unwrap();
        let (mut tail, _end) = Tail::new(&at("x1.pcap")).unwrap();
        let mut all = Vec::new();
        read(&mut tail, &mut all, 1);
        fs::write(at("x2.pcap"), pcap(&[3])).unwrap();
        assert_eq!(read(&mut tail, &mut all, 2), (vec![1, 3], 1));
    }
}
