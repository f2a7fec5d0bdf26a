//! Where the bytes come from: a file read by position, bytes in memory, or whatever else can be read by position. The only
//! stage that does input.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use crate::OpenError;
use crate::files::formats::text::{self, Converted};
use crate::files::unpack::{Copied, Room, UNPACK_LIMIT, copy, unpack};

/// A capture's bytes, read by position, from any thread.
///
/// A file is never mapped: one that shrinks while it is open gives an error, not a crash.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    length: Arc<AtomicU64>,
    bytes: Bytes,
    /// Why what was copied to the temporary folder is not all there was, once that is known.
    cut: Arc<OnceLock<String>>,
    /// Whether more is on its way; None where what there is was there from the beginning.
    growing: Option<Arc<AtomicBool>>,
    /// What a text that is a capture became when it was opened.
    converted: Option<Arc<Converted>>,
}

#[derive(Clone, Debug)]
enum Bytes {
    File(Arc<Opened>),
    Memory(Arc<[u8]>),
    Elsewhere(Arc<Reads>),
}

/// Bytes that are read by position, from several threads at once: what remote storage, an archive or a generator of
/// captures implements to be a [`Source`]. Functions of an offset and a buffer do.
pub trait ReadAt: Send + Sync {
    /// Reads bytes from `offset` on into the beginning of `buffer`. Gives how many: fewer than the buffer takes if it is
    /// easier so, and none only where no bytes follow. What was read once is the same when it is read again.
    ///
    /// # Errors
    /// The bytes can't be had: who reads them is told the error as it is. [`Interrupted`](io::ErrorKind::Interrupted)
    /// means that they are asked for again.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl<F: Fn(u64, &mut [u8]) -> io::Result<usize> + Send + Sync> ReadAt for F {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self(offset, buffer)
    }
}

/// What somebody else reads.
struct Reads(Box<dyn ReadAt>);

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reads")
    }
}

/// Fills `buffer` with the bytes from `offset` on by as many reads as it takes. Gives how many there are: fewer only where
/// the end is reached.
fn fill(
    offset: u64,
    buffer: &mut [u8],
    read_at: impl Fn(u64, &mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..)
        && !rest.is_empty()
    {
        let room = rest.len();
        match read_at(offset + read as u64, rest) {
            Ok(0) => break,
            Ok(count) if count > room => {
                let what = format!("{count} bytes are said to be read where {room} were asked for");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// A file that is open, and how it began then.
#[derive(Debug)]
struct Opened {
    file: File,
    beginning: Vec<u8>,
    /// When it was changed last, as far as was looked at.
    modified: Mutex<Option<SystemTime>>,
}

/// Bytes by which a file that was replaced is known: a capture's header, and the time of its first packet.
const BEGINNING: usize = 256;

/// Any number of threads may read by position at once, also while another writes behind what they read.
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

/// Moves the file's own position too, which nobody asks for.
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

impl Opened {
    /// Reads bytes from `offset` on until `buffer` is full or the end is reached. Gives how many.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        fill(offset, buffer, |offset, rest| by_position::read(&self.file, rest, offset))
    }

    /// Writes all of `bytes` from `offset` on. Gives how many were written if it fails on the way.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> (u64, io::Result<()>) {
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

    /// Whether it is still the file that was opened: it may have grown, but begins as it did.
    fn is_the_same(&self) -> io::Result<bool> {
        let modified = self.file.metadata()?.modified().ok();
        let mut known = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        if modified == *known {
            return Ok(true);
        }
        let mut beginning = vec![0; self.beginning.len()];
        let read = self.read_at(0, &mut beginning)?;
        beginning.truncate(read);
        // What is shorter now is told as that.
        let same = read < self.beginning.len() || beginning == self.beginning;
        if same {
            *known = modified;
        }
        Ok(same)
    }
}

impl Source {
    /// Opens a file. What is not a regular file (a pipe, a device) is copied to a temporary file first; so is standard
    /// input, whose name is `-`, and what a compressed file unpacks to, both up to [`UNPACK_LIMIT`].
    ///
    /// # Errors
    /// The path is a directory, or can't be read; the error says which and why.
    pub fn open(path: &Path) -> Result<Source, OpenError> {
        Source::open_within(path, UNPACK_LIMIT)
    }

    /// The same with another limit, in bytes. What stands behind it is not read, which is damage of the capture.
    ///
    /// # Errors
    /// As [`open`](Source::open).
    pub fn open_within(path: &Path, limit: u64) -> Result<Source, OpenError> {
        let is_standard_input = path == Path::new("-");
        let name = if is_standard_input { STANDARD_INPUT.to_owned() } else { path.display().to_string() };
        let failed = |error| OpenError::Unreadable { name: name.clone(), error };
        let opened = if is_standard_input {
            copy(&mut io::stdin().lock(), limit).map_err(failed)?
        } else if path.is_dir() {
            return Err(OpenError::Directory { name });
        } else {
            let mut file = File::open(path).map_err(failed)?;
            match file.metadata().map_err(failed)?.is_file() {
                true => Copied { file, cut: None },
                false => copy(&mut file, limit).map_err(failed)?,
            }
        };
        Source::from_maybe_compressed(name.clone(), opened, limit).and_then(Source::with_text).map_err(failed)
    }

    /// A text that is a capture is converted here, where others wait for files too.
    fn with_text(self) -> io::Result<Source> {
        let converted = text::convert(&self)?.map(Arc::new);
        Ok(Source { converted, ..self })
    }

    /// What is to be read in its place, if it is a text that is a capture, such as a hex dump.
    pub(crate) fn converted(&self) -> io::Result<Option<Arc<Converted>>> {
        match &self.converted {
            Some(converted) => Ok(Some(Arc::clone(converted))),
            None if self.is_file() && !self.is_live() => Ok(None),
            // Bytes in memory, and what may have grown since.
            None => Ok(text::convert(self)?.map(Arc::new)),
        }
    }

    /// Bytes that are in memory already, with the name that errors shall call them by.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Source {
        let bytes = bytes.into();
        let length = Arc::new(AtomicU64::new(bytes.len() as u64));
        let cut = Arc::default();
        Source { name: name.into(), length, bytes: Bytes::Memory(bytes), cut, growing: None, converted: None }
    }

    /// So many bytes that are read by `reads`, with the name that errors shall call them by: what is neither a file nor in
    /// memory, such as storage elsewhere, or bytes that are made when they are asked for. Nothing of them is kept or copied,
    /// and what is compressed is not unpacked.
    ///
    /// Some hundred KiB are asked for at a time while a capture is read, in rising order; then the stretches that are
    /// looked at, in any order.
    ///
    /// ```
    /// use framescope_capture::{Options, Source, read};
    ///
    /// // A stream of as many frames as one likes, of which none is anywhere: a PING of 20 bytes at each multiple of 20.
    /// let ping = *b"\xF5\x4D\x01\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xC9\x07";
    /// let reads = move |offset: u64, buffer: &mut [u8]| {
    ///     let from = usize::try_from(offset % 20).unwrap_or_default();
    ///     for (byte, made) in buffer.iter_mut().zip(ping.iter().cycle().skip(from)) {
    ///         *byte = *made;
    ///     }
    ///     Ok(buffer.len())
    /// };
    /// let source = Source::from_reads("pings", 20_000, reads);
    /// let index = read(source, &Options::default(), &mut |_| true)?;
    /// assert_eq!(index.row_count(), 1000);
    /// # Ok::<(), framescope_capture::ReadError>(())
    /// ```
    pub fn from_reads(name: impl Into<String>, length: u64, reads: impl ReadAt + 'static) -> Source {
        let bytes = Bytes::Elsewhere(Arc::new(Reads(Box::new(reads))));
        let length = Arc::new(AtomicU64::new(length));
        Source { name: name.into(), length, bytes, cut: Arc::default(), growing: None, converted: None }
    }

    /// What a reader gives, as it comes: a thread of its own copies it to a temporary file, up to [`UNPACK_LIMIT`], and
    /// calls `wake` when there is more. What is compressed is not unpacked.
    ///
    /// # Errors
    /// No temporary file or no thread can be had.
    pub fn live(
        name: impl Into<String>,
        input: impl Read + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Source> {
        Source::live_within(name, input, UNPACK_LIMIT, wake)
    }

    /// The same with another limit, in bytes.
    ///
    /// # Errors
    /// As [`live`](Source::live).
    pub fn live_within(
        name: impl Into<String>,
        mut input: impl Read + Send + 'static,
        limit: u64,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Source> {
        let growing = Arc::new(AtomicBool::new(true));
        let source = Source::from_file(name.into(), tempfile::tempfile()?)?;
        let source = Source { growing: Some(Arc::clone(&growing)), ..source };
        let copied = source.clone();
        let copy = move || {
            let mut room = Room::new("copying to the temporary folder", limit);
            let mut block = vec![0; 64 << 10];
            let why = loop {
                let read = match input.read(&mut block) {
                    Ok(0) => break None,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => break Some(format!("it can't be read further: {error}")),
                };
                let there = block.get(..read).unwrap_or_default();
                match room.fill(there, &mut |bytes| copied.append(bytes)) {
                    Ok(None) => wake(),
                    Ok(why) => break why,
                    Err(error) => break Some(format!("its copy can't be written further: {error}")),
                }
            };
            if let Some(why) = why {
                // Nobody else says so.
                let _ = copied.cut.set(why);
            }
            growing.store(false, Ordering::Release);
            wake();
        };
        std::thread::Builder::new().name("input".to_owned()).spawn(copy)?;
        Ok(source)
    }

    /// Writes behind what is there. Only one thread does.
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let Bytes::File(opened) = &self.bytes else { return Ok(()) };
        let end = self.length();
        let (written, result) = opened.write_at(end, bytes);
        // What was written is there before anybody is told so.
        self.length.store(end + written, Ordering::Release);
        result
    }

    /// Whether it was made by [`live`](Source::live), whether or not that has ended.
    pub fn is_live(&self) -> bool {
        self.growing.is_some()
    }

    /// Whether it is read from a file, whatever became of what that held: not bytes in memory.
    pub fn is_file(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    /// Whether its bytes are in memory as they are, so that as much memory may be taken for what becomes of them.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.bytes, Bytes::Memory(_))
    }

    /// Whether more is on its way, so that an end in the middle of something is no damage yet.
    pub fn is_growing(&self) -> bool {
        self.growing.as_ref().is_some_and(|growing| growing.load(Ordering::Acquire))
    }

    pub(crate) fn from_file(name: String, file: File) -> io::Result<Source> {
        let metadata = file.metadata()?;
        let length = Arc::new(AtomicU64::new(metadata.len()));
        let modified = Mutex::new(metadata.modified().ok());
        let mut opened = Opened { file, beginning: Vec::new(), modified };
        let mut beginning = vec![0; BEGINNING];
        let read = opened.read_at(0, &mut beginning)?;
        beginning.truncate(read);
        opened.beginning = beginning;
        let bytes = Bytes::File(Arc::new(opened));
        Ok(Source { name, length, bytes, cut: Arc::default(), growing: None, converted: None })
    }

    /// A file, or what it holds if that is compressed with gzip or Zstandard.
    fn from_maybe_compressed(name: String, opened: Copied, limit: u64) -> io::Result<Source> {
        let Copied { mut file, cut } = opened;
        let mut magic = [0; 4];
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut magic))?;
        file.seek(SeekFrom::Start(0))?;
        let unpacked = match magic.get(..read).unwrap_or_default() {
            [0x1F, 0x8B, 8, ..] => unpack(&mut MultiGzDecoder::new(&file), limit)?,
            [0x28, 0xB5, 0x2F, 0xFD] => unpack(&mut zstd::Decoder::new(&file)?, limit)?,
            _ => Copied { file, cut: None },
        };
        let source = Source::from_file(name, unpacked.file)?;
        // Where what is packed was cut, it can't be unpacked further for that reason.
        let cut = cut.or(unpacked.cut).map_or_else(OnceLock::new, OnceLock::from);
        Ok(Source { cut: Arc::new(cut), ..source })
    }

    /// Why what was copied to the temporary folder is not all there was, if it is not.
    pub fn cut(&self) -> Option<&str> {
        self.cut.get().map(String::as_str)
    }

    /// What errors call it: the path as it was given, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes there are, as far as is known: a file that is still being written may have grown since.
    pub fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    /// Looks whether there is more than before: a file may still be written while it is read.
    pub(crate) fn has_grown(&self) -> bool {
        let Bytes::File(opened) = &self.bytes else { return false };
        let now = opened.file.metadata().map_or(0, |metadata| metadata.len());
        self.length.fetch_max(now, Ordering::AcqRel) < now
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The bytes are not there (any more), or reading failed.
    pub fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let read = self.read_at(offset, buffer)?;
        if read < buffer.len() {
            let text = format!(
                "{} ended at byte {} while it was read; it was {} bytes long before",
                self.name,
                offset + read as u64,
                self.length()
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(())
    }

    /// Reads bytes from `offset` on until `buffer` is full or the end is reached. Gives how many.
    ///
    /// # Errors
    /// Reading failed, or the file is not the one that was opened any more.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.look()?;
        self.read_unlooked(offset, buffer)
    }

    /// Looks whether the file is still the one that was opened.
    ///
    /// # Errors
    /// It was replaced, or can't be looked at.
    fn look(&self) -> io::Result<()> {
        let Bytes::File(opened) = &self.bytes else { return Ok(()) };
        if opened.is_the_same()? {
            return Ok(());
        }
        let name = &self.name;
        Err(io::Error::other(format!(
            "{name} was replaced while it was open; open it again to see what is in it now"
        )))
    }

    /// [`read_at`](Source::read_at) for who reads often and little: who uses it [looks](Source::look) now and then.
    pub(crate) fn read_unlooked(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let there = bytes.get(from..).unwrap_or_default();
                let count = there.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), there.get(..count)) {
                    to.copy_from_slice(from);
                }
                Ok(count)
            }
            Bytes::File(opened) => opened.read_at(offset, buffer),
            Bytes::Elsewhere(reads) => {
                let left = usize::try_from(self.length().saturating_sub(offset)).unwrap_or(usize::MAX);
                let there = buffer.len().min(left);
                let buffer = buffer.get_mut(..there).unwrap_or_default();
                fill(offset, buffer, |offset, rest| reads.0.read_at(offset, rest))
            }
        }
    }
}

/// What errors call standard input.
const STANDARD_INPUT: &str = "standard input";

/// However little is read at once, it counts as so much until the next look.
const LEAST_LOOKED: usize = 16 << 10;
/// Bytes that are read at least: a page.
const LEAST_BLOCK: usize = 4 << 10;
/// Bytes that are read between two looks at whether the file is still the one that was opened.
const BETWEEN_LOOKS: usize = 1 << 20;

/// Reads small stretches of a [`Source`], mostly in rising order, a block at a time.
#[derive(Debug)]
pub struct BlockReader {
    source: Source,
    block: Vec<u8>,
    block_offset: u64,
    /// How many bytes are read at most, and how many the next time.
    most: usize,
    next: usize,
    /// How many bytes of the block were asked for.
    used: usize,
    /// Bytes that may still be read before the next look at the file.
    unlooked: usize,
}

impl BlockReader {
    /// A reader that takes up to `block_length` bytes at a time.
    pub fn new(source: Source, block_length: usize) -> Self {
        let next = LEAST_BLOCK.min(block_length);
        BlockReader {
            source,
            block: Vec::new(),
            block_offset: 0,
            most: block_length,
            next,
            used: 0,
            unlooked: 0,
        }
    }

    /// What it reads from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Appends `length` bytes from `offset` on to `out`.
    ///
    /// # Errors
    /// As [`Source::read_exact_at`].
    pub fn read(&mut self, offset: u64, length: usize, out: &mut Vec<u8>) -> io::Result<()> {
        match self.lend(offset, length)? {
            Some(bytes) => out.extend_from_slice(bytes),
            None => {
                let from = out.len();
                out.resize(from + length, 0);
                self.source.read_exact_at(offset, out.get_mut(from..).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// `length` bytes from `offset` on where they are, if they lie within one block; not what is longer than a block.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    pub(crate) fn lend(&mut self, offset: u64, length: usize) -> io::Result<Option<&[u8]>> {
        let within = |block: &[u8], block_offset: u64| {
            let from = usize::try_from(offset.checked_sub(block_offset)?).ok()?;
            Some(from..from.checked_add(length)?).filter(|range| range.end <= block.len())
        };
        if within(&self.block, self.block_offset).is_none() && length <= self.most {
            // Who jumps about uses little of what is read: then less is read the next time, else more.
            let is_useful = self.used >= self.block.len() / 4;
            let next = if is_useful { self.next * 4 } else { self.next / 4 };
            self.next = next.clamp(LEAST_BLOCK, self.most.max(LEAST_BLOCK)).min(self.most);
            let block_length = self.next.max(length);
            self.block.resize(block_length, 0);
            self.look(block_length.max(LEAST_LOOKED))?;
            let read = self.source.read_unlooked(offset, &mut self.block)?;
            self.block.truncate(read);
            (self.block_offset, self.used) = (offset, 0);
        }
        self.used = self.used.saturating_add(length);
        Ok(within(&self.block, self.block_offset).and_then(|range| self.block.get(range)))
    }

    /// Looks at the file before the first bytes are read from it, and now and then.
    fn look(&mut self, length: usize) -> io::Result<()> {
        if self.unlooked < length {
            self.source.look()?;
            self.unlooked = BETWEEN_LOOKS;
        }
        self.unlooked = self.unlooked.saturating_sub(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes 0, 1, 2 and so on, at most three at a time.
    fn three_at_a_time(offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let made = (offset..).take(3);
        Ok(buffer.iter_mut().zip(made).map(|(byte, made)| *byte = made.to_le_bytes()[0]).count())
    }

    #[test]
    fn short_reads_are_put_together_up_to_the_length() {
        let source = Source::from_reads("numbers", 10, three_at_a_time);
        let mut bytes = [0; 8];
        source.read_exact_at(1, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(source.read_at(7, &mut bytes).unwrap(), 3, "what is behind the length is not asked for");
        assert_eq!(source.read_at(11, &mut bytes).unwrap(), 0);
        assert_eq!((source.length(), source.is_file(), source.is_growing()), (10, false, false));
    }

    #[test]
    fn what_ends_before_its_length_is_an_error_that_says_where() {
        let source = Source::from_reads("short", 10, |offset: u64, buffer: &mut [u8]| {
            Ok(if offset < 4 { buffer.len().min(4) } else { 0 })
        });
        let error = source.read_exact_at(0, &mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "short ended at byte 4 while it was read; it was 10 bytes long before");
    }

    #[test]
    fn errors_of_reads_are_passed_on_and_interrupted_ones_repeated() {
        let interrupted = AtomicBool::new(false);
        let source = Source::from_reads("far away", 10, move |offset: u64, buffer: &mut [u8]| {
            if !interrupted.swap(true, Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if offset >= 6 {
                return Err(io::Error::other("the line is dead"));
            }
            three_at_a_time(offset, buffer)
        });
        let mut bytes = [0; 6];
        source.read_exact_at(0, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 1, 2, 3, 4, 5]);
        assert_eq!(source.read_exact_at(0, &mut [0; 7]).unwrap_err().to_string(), "the line is dead");
    }

    #[test]
    fn who_says_to_have_read_more_than_there_was_room_for_is_not_believed() {
        let source = Source::from_reads("liar", 10, |_: u64, buffer: &mut [u8]| Ok(buffer.len() + 1));
        let error = source.read_exact_at(0, &mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "5 bytes are said to be read where 4 were asked for");
    }

    #[test]
    fn a_capture_that_cannot_be_read_further_is_damage_that_says_why() {
        // As many empty packets as fit into a mebibyte.
        let mut capture = b"\x4D\x3C\xB2\xA1\x02\0\x04\0".to_vec();
        capture.resize(1 << 20, 0);
        let source = Source::from_reads("far away", 1 << 40, move |offset: u64, buffer: &mut [u8]| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let there = capture.get(from..).filter(|there| !there.is_empty());
            let there = there.ok_or_else(|| io::Error::other("the line is dead"))?;
            Ok(buffer.iter_mut().zip(there).map(|(byte, made)| *byte = *made).count())
        });
        let index = crate::read(source, &crate::Options::default(), &mut |_| true).unwrap();
        let damage = index.damages().first().unwrap();
        assert_eq!((damage.file.as_str(), damage.what.as_str()), ("far away", "the line is dead"));
    }
}
