//! Where the bytes come from: a file read by position, or bytes in memory. The only stage that does input.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use crate::OpenError;

/// A capture's bytes, read by position, from any thread.
///
/// A file is never mapped: one that shrinks while it is open gives an error, not a crash.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    length: Arc<AtomicU64>,
    bytes: Bytes,
    /// Why a compressed file could be read only so far.
    cut: Option<Arc<str>>,
    /// Whether more is on its way; None where what there is was there from the beginning.
    growing: Option<Arc<AtomicBool>>,
}

#[derive(Clone, Debug)]
enum Bytes {
    File(Arc<Mutex<Opened>>),
    Memory(Arc<[u8]>),
}

/// A file that is open, and how it began then.
#[derive(Debug)]
struct Opened {
    file: File,
    beginning: Vec<u8>,
    /// When it was changed last, as far as was looked at.
    modified: Option<SystemTime>,
}

/// Bytes by which a file that was replaced is known: a capture's header, and the time of its first packet.
const BEGINNING: usize = 256;

impl Opened {
    /// Reads bytes from `offset` on until `buffer` is full or the end is reached. Gives how many.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..)
            && !rest.is_empty()
        {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    /// Whether it is still the file that was opened: it may have grown, but begins as it did.
    fn is_the_same(&mut self) -> io::Result<bool> {
        let modified = self.file.metadata()?.modified().ok();
        if modified == self.modified {
            return Ok(true);
        }
        let mut beginning = vec![0; self.beginning.len()];
        let read = self.read_at(0, &mut beginning)?;
        beginning.truncate(read);
        // What is shorter now is told as that.
        let same = read < self.beginning.len() || beginning == self.beginning;
        if same {
            self.modified = modified;
        }
        Ok(same)
    }
}

impl Source {
    /// Opens a file. What is not a regular file (a pipe, a device) is copied to a temporary file first; so is standard
    /// input, whose name is `-`.
    ///
    /// # Errors
    /// The path is a directory, or can't be read; the error says which and why.
    pub fn open(path: &Path) -> Result<Source, OpenError> {
        let name = path.display().to_string();
        let failed = |error| OpenError::Unreadable { name: name.clone(), error };
        if path == Path::new("-") {
            let name = "standard input".to_owned();
            let failed = |error| OpenError::Unreadable { name: name.clone(), error };
            let copy = copy_to_temporary(&mut io::stdin().lock()).map_err(failed)?;
            return Source::from_maybe_compressed(name.clone(), copy).map_err(failed);
        }
        if path.is_dir() {
            return Err(OpenError::Directory { name });
        }
        let mut file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            file = copy_to_temporary(&mut file).map_err(failed)?;
        }
        Source::from_maybe_compressed(name.clone(), file).map_err(failed)
    }

    /// Bytes that are in memory already, with the name that errors shall call them by.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Source {
        let bytes = bytes.into();
        let length = Arc::new(AtomicU64::new(bytes.len() as u64));
        Source { name: name.into(), length, bytes: Bytes::Memory(bytes), cut: None, growing: None }
    }

    /// What a reader gives, as it comes: a thread of its own copies it to a temporary file, and calls `wake` when there is
    /// more. What is compressed is not unpacked.
    ///
    /// # Errors
    /// No temporary file or no thread can be had.
    pub fn live(
        name: impl Into<String>,
        mut input: impl Read + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Source> {
        let growing = Arc::new(AtomicBool::new(true));
        let source = Source::from_file(name.into(), tempfile::tempfile()?)?;
        let source = Source { growing: Some(Arc::clone(&growing)), ..source };
        let (length, bytes) = (Arc::clone(&source.length), source.bytes.clone());
        let copy = move || {
            let mut block = vec![0; 64 << 10];
            loop {
                let read = match input.read(&mut block) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                let Bytes::File(opened) = &bytes else { break };
                let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
                let there = block.get(..read).unwrap_or_default();
                let written = opened.file.seek(SeekFrom::End(0)).and_then(|_| opened.file.write_all(there));
                let now = opened.file.metadata().map_or(0, |metadata| metadata.len());
                length.fetch_max(now, Ordering::Relaxed);
                // A full disk ends it as the end of the input does.
                if written.is_err() {
                    break;
                }
                drop(opened);
                wake();
            }
            growing.store(false, Ordering::Relaxed);
            wake();
        };
        std::thread::Builder::new().name("input".to_owned()).spawn(copy)?;
        Ok(source)
    }

    /// Whether it was made by [`live`](Source::live), whether or not that has ended.
    pub fn is_live(&self) -> bool {
        self.growing.is_some()
    }

    /// Whether it is read from a file, whatever became of what that held: not bytes in memory.
    pub fn is_file(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    /// Whether more is on its way, so that an end in the middle of something is no damage yet.
    pub fn is_growing(&self) -> bool {
        self.growing.as_ref().is_some_and(|growing| growing.load(Ordering::Relaxed))
    }

    fn from_file(name: String, file: File) -> io::Result<Source> {
        let metadata = file.metadata()?;
        let length = Arc::new(AtomicU64::new(metadata.len()));
        let mut opened = Opened { file, beginning: vec![0; BEGINNING], modified: metadata.modified().ok() };
        let mut beginning = std::mem::take(&mut opened.beginning);
        let read = opened.read_at(0, &mut beginning)?;
        beginning.truncate(read);
        opened.beginning = beginning;
        Ok(Source {
            name,
            length,
            bytes: Bytes::File(Arc::new(Mutex::new(opened))),
            cut: None,
            growing: None,
        })
    }

    /// A file, or what it holds if that is compressed with gzip or Zstandard.
    fn from_maybe_compressed(name: String, mut file: File) -> io::Result<Source> {
        let mut magic = [0; 4];
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut magic))?;
        file.seek(SeekFrom::Start(0))?;
        let unpacked = match magic.get(..read).unwrap_or_default() {
            [0x1F, 0x8B, 8, ..] => unpack(&mut MultiGzDecoder::new(&file))?,
            [0x28, 0xB5, 0x2F, 0xFD] => unpack(&mut zstd::Decoder::new(&file)?)?,
            _ => return Source::from_file(name, file),
        };
        Ok(Source { cut: unpacked.cut, ..Source::from_file(name, unpacked.file)? })
    }

    /// Why a compressed file could be read only so far, if it could not be read to its end.
    pub(crate) fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// What errors call it: the path as it was given, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes there are, as far as is known: a file that is still being written may have grown since.
    pub fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Looks whether there is more than before: a file may still be written while it is read.
    pub(crate) fn has_grown(&self) -> bool {
        let Bytes::File(opened) = &self.bytes else { return false };
        let opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        let now = opened.file.metadata().map_or(0, |metadata| metadata.len());
        self.length.fetch_max(now, Ordering::Relaxed) < now
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
    /// Reading failed.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let there = bytes.get(from..).unwrap_or_default();
                let count = there.len().min(buffer.len());
                buffer.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
                Ok(count)
            }
            Bytes::File(opened) => {
                let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
                if !opened.is_the_same()? {
                    let name = &self.name;
                    return Err(io::Error::other(format!(
                        "{name} was replaced while it was open; open it again to see what is in it now"
                    )));
                }
                opened.read_at(offset, buffer)
            }
        }
    }
}

/// What a compressed file holds, as far as it can be unpacked.
struct Unpacked {
    file: File,
    cut: Option<Arc<str>>,
}

fn unpack(input: &mut dyn Read) -> io::Result<Unpacked> {
    let mut unpacked = Unpacked { file: tempfile::tempfile()?, cut: None };
    let mut block = vec![0; 1 << 20];
    loop {
        match input.read(&mut block) {
            Ok(0) => return Ok(unpacked),
            Ok(read) => unpacked.file.write_all(block.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                unpacked.cut = Some(format!("the compressed file can't be unpacked further: {error}").into());
                return Ok(unpacked);
            }
        }
    }
}

fn copy_to_temporary(input: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(input, &mut file)?;
    Ok(file)
}

/// Bytes that are read behind a jump to another place of the file.
const JUMP: usize = 16 << 10;

/// Reads small stretches of a [`Source`], mostly in rising order, a block at a time.
#[derive(Debug)]
pub struct BlockReader {
    source: Source,
    block: Vec<u8>,
    block_offset: u64,
    block_length: usize,
}

impl BlockReader {
    /// A reader that takes up to `block_length` bytes at a time.
    pub fn new(source: Source, block_length: usize) -> Self {
        BlockReader { source, block: Vec::new(), block_offset: 0, block_length }
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
        let within = |block: &[u8], block_offset: u64| {
            let from = usize::try_from(offset.checked_sub(block_offset)?).ok()?;
            Some(from..from.checked_add(length)?).filter(|range| range.end <= block.len())
        };
        if within(&self.block, self.block_offset).is_none() && length <= self.block_length {
            let block_end = self.block_offset + self.block.len() as u64;
            // Who jumps about reads little at a time; who reads on, much.
            let reads_on =
                offset.checked_sub(self.block_offset).is_some() && offset <= block_end + JUMP as u64;
            let block_length = if reads_on { self.block_length } else { JUMP.min(self.block_length) };
            self.block.resize(block_length.max(length), 0);
            let read = self.source.read_at(offset, &mut self.block)?;
            self.block.truncate(read);
            self.block_offset = offset;
        }
        match within(&self.block, self.block_offset).and_then(|range| self.block.get(range)) {
            Some(bytes) => out.extend_from_slice(bytes),
            None => {
                let from = out.len();
                out.resize(from + length, 0);
                self.source.read_exact_at(offset, out.get_mut(from..).unwrap_or_default())?;
            }
        }
        Ok(())
    }
}
