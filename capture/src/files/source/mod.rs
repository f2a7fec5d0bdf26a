//! Where the bytes come from: a file read by position, bytes in memory, or whatever else can be read by position. It knows no
//! format.

mod block_reader;
mod file;
mod joined;
mod live;
mod read_at;

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub use self::block_reader::BlockReader;
use self::file::OpenFile;
use self::joined::Joined;
pub(crate) use self::joined::Part;
pub use self::live::{Followed, Growth};
pub use self::read_at::ReadAt;
use self::read_at::fill;

/// A capture's bytes, read by position, from any thread.
///
/// A file is never mapped: one that shrinks while it is open gives an error, not a crash.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    length: Arc<AtomicU64>,
    bytes: Bytes,
    /// Why the copy in the temporary folder is incomplete, once that is known.
    cut: Arc<OnceLock<String>>,
    /// Whether more is expected; None where all bytes were there from the beginning.
    growing: Option<Arc<AtomicBool>>,
    /// What a text that is a capture became when it was opened.
    converted: Option<Arc<Converted>>,
    /// Whether its length stays as it was, however the file grows.
    is_fixed: bool,
}

/// What is read in place of a text that is a capture, such as a hex dump.
#[derive(Debug)]
pub(crate) struct Converted {
    /// The packets of the text, as a pcapng.
    pub(crate) source: Source,
    /// Sentences about the text: what it is, and what of it could not be used.
    pub(crate) notices: Vec<String>,
}

#[derive(Clone, Debug)]
enum Bytes {
    File(Arc<OpenFile>),
    Memory(Arc<[u8]>),
    Custom(Arc<Custom>),
    Joined(Arc<Joined>),
}

/// An implementation of [`ReadAt`] from outside this crate.
struct Custom(Box<dyn ReadAt>);

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

impl Source {
    fn new(name: String, length: u64, bytes: Bytes) -> Source {
        let length = Arc::new(AtomicU64::new(length));
        Source { name, length, bytes, cut: Arc::default(), growing: None, converted: None, is_fixed: false }
    }

    /// Bytes in memory. `name` is what errors call them.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Source {
        let bytes = bytes.into();
        Source::new(name.into(), bytes.len() as u64, Bytes::Memory(bytes))
    }

    /// `length` bytes that `reads` reads: what is neither a file nor in memory, such as remote storage, or bytes that are
    /// generated when they are requested. `name` is what errors call them. They are neither kept nor copied, and what is
    /// compressed is not unpacked.
    ///
    /// Some hundred KiB are requested at a time while a capture is read, in rising order; later the parts that are shown, in
    /// any order.
    ///
    /// ```
    /// use framescope_capture::{Options, Source, read};
    ///
    /// // A stream of any number of frames, none of which is stored: a PING of 20 bytes at each multiple of 20.
    /// let ping = *b"\xF5\x4D\x01\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xC9\x07";
    /// let reads = move |offset: u64, buffer: &mut [u8]| {
    ///     let from = usize::try_from(offset % 20).unwrap_or_default();
    ///     for (byte, generated) in buffer.iter_mut().zip(ping.iter().cycle().skip(from)) {
    ///         *byte = *generated;
    ///     }
    ///     Ok(buffer.len())
    /// };
    /// let source = Source::from_reads("pings", 20_000, reads);
    /// let index = read(source, &Options::default(), &mut |_| true)?;
    /// assert_eq!(index.row_count(), 1000);
    /// # Ok::<(), framescope_capture::ReadError>(())
    /// ```
    pub fn from_reads(name: impl Into<String>, length: u64, reads: impl ReadAt + 'static) -> Source {
        Source::new(name.into(), length, Bytes::Custom(Arc::new(Custom(Box::new(reads)))))
    }

    pub(crate) fn from_file(name: String, file: File) -> io::Result<Source> {
        let (file, length) = OpenFile::new(file)?;
        Ok(Source::new(name, length, Bytes::File(Arc::new(file))))
    }

    /// The same bytes, of which the end is missing for a reason.
    pub(crate) fn with_cut(self, cut: Option<String>) -> Source {
        Source { cut: Arc::new(cut.map_or_else(OnceLock::new, OnceLock::from)), ..self }
    }

    /// The same bytes, and what is read in their place.
    pub(crate) fn with_converted(self, converted: Option<Converted>) -> Source {
        Source { converted: converted.map(Arc::new), ..self }
    }

    /// What is read in its place, if that was made when it was opened.
    pub(crate) fn known_conversion(&self) -> Option<Arc<Converted>> {
        self.converted.clone()
    }

    /// Whether it was a text that is a capture, which was converted when it was opened.
    pub fn is_converted(&self) -> bool {
        self.converted.is_some()
    }

    /// Whether it is, or was, [growing](Source::growing) or [copied as it arrived](Source::live).
    pub fn is_live(&self) -> bool {
        self.growing.is_some()
    }

    /// Whether it is read from a file, also a temporary one, and not from memory.
    pub fn is_file(&self) -> bool {
        match &self.bytes {
            Bytes::Joined(joined) => joined.parts().iter().all(|part| part.source.is_file()),
            bytes => matches!(bytes, Bytes::File(_)),
        }
    }

    /// Whether its bytes are in memory, so that as much memory may be used for what they become.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.bytes, Bytes::Memory(_))
    }

    /// Whether more is expected, so that an end in the middle of a record is not damage yet.
    pub fn is_growing(&self) -> bool {
        self.growing.as_ref().is_some_and(|growing| growing.load(Ordering::Acquire))
    }

    /// Whether there is as much as shows what kind of capture it is, or all that there will be.
    pub fn is_recognisable(&self) -> bool {
        const ENOUGH: u64 = 64;
        !self.is_growing() || self.length() >= ENOUGH
    }

    /// Why the copy in the temporary folder is incomplete, if it is.
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

    /// Checks whether there are more bytes than before: a file may still be written while it is read.
    pub(crate) fn has_grown(&self) -> bool {
        let Bytes::File(file) = &self.bytes else { return false };
        if self.is_fixed {
            return false;
        }
        let now = file.length();
        self.length.fetch_max(now, Ordering::AcqRel) < now
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The bytes do not exist (any more), or reading failed.
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

    /// Reads bytes from `offset` on until `buffer` is full or the end is reached, and returns how many.
    ///
    /// # Errors
    /// Reading failed, or the file is no longer the one that was opened.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.check_file()?;
        self.read_unchecked(offset, buffer)
    }

    /// Checks that the file is still the one that was opened. Those of a joined source are checked whenever they are read.
    ///
    /// # Errors
    /// It was replaced, or can't be inspected.
    fn check_file(&self) -> io::Result<()> {
        let Bytes::File(file) = &self.bytes else { return Ok(()) };
        if file.is_unchanged()? {
            return Ok(());
        }
        let name = &self.name;
        Err(io::Error::other(format!(
            "{name} was replaced while it was open; open it again to see its new contents"
        )))
    }

    /// [`read_at`](Source::read_at) for many small reads: the caller [checks the file](Source::check_file) at intervals.
    pub(crate) fn read_unchecked(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = bytes.get(from..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                Ok(count)
            }
            Bytes::File(file) => file.read_at(offset, buffer),
            Bytes::Joined(joined) => joined.read_at(offset, buffer),
            Bytes::Custom(reads) => {
                let left = usize::try_from(self.length().saturating_sub(offset)).unwrap_or(usize::MAX);
                let count = buffer.len().min(left);
                let buffer = buffer.get_mut(..count).unwrap_or_default();
                fill(offset, buffer, |offset, rest| reads.0.read_at(offset, rest))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes 0, 1, 2 and so on, at most three at a time.
    fn three_at_a_time(offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = (offset..).take(3);
        Ok(buffer.iter_mut().zip(bytes).map(|(to, byte)| *to = byte.to_le_bytes()[0]).count())
    }

    #[test]
    fn short_reads_are_joined_up_to_the_length() {
        let source = Source::from_reads("numbers", 10, three_at_a_time);
        let mut bytes = [0; 8];
        source.read_exact_at(1, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(source.read_at(7, &mut bytes).unwrap(), 3, "bytes beyond the length are not requested");
        assert_eq!(source.read_at(11, &mut bytes).unwrap(), 0);
        assert_eq!((source.length(), source.is_file(), source.is_growing()), (10, false, false));
    }

    #[test]
    fn an_end_before_the_length_is_an_error_that_says_where() {
        let source = Source::from_reads("short", 10, |offset: u64, buffer: &mut [u8]| {
            Ok(if offset < 4 { buffer.len().min(4) } else { 0 })
        });
        let error = source.read_exact_at(0, &mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "short ended at byte 4 while it was read; it was 10 bytes long before");
    }

    #[test]
    fn errors_of_reads_are_passed_on_and_interrupted_reads_repeated() {
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
    fn a_read_that_claims_more_than_was_requested_is_an_error() {
        let source = Source::from_reads("liar", 10, |_: u64, buffer: &mut [u8]| Ok(buffer.len() + 1));
        let error = source.read_exact_at(0, &mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "5 bytes are said to have been read where 4 were requested");
    }

    #[test]
    fn a_capture_that_cannot_be_read_further_is_damage_that_says_why() {
        // As many empty packets as fit into a mebibyte.
        let mut capture = b"\x4D\x3C\xB2\xA1\x02\0\x04\0".to_vec();
        capture.resize(1 << 20, 0);
        let source = Source::from_reads("far away", 1 << 40, move |offset: u64, buffer: &mut [u8]| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = capture.get(from..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or_else(|| io::Error::other("the line is dead"))?;
            Ok(buffer.iter_mut().zip(rest).map(|(to, byte)| *to = *byte).count())
        });
        let index = crate::read(source, &crate::Options::default(), &mut |_| true).unwrap();
        let damage = index.damages().first().unwrap();
        assert_eq!((damage.file.as_str(), damage.what.as_str()), ("far away", "the line is dead"));
    }
}
