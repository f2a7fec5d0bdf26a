//! Captures that are read while they arrive: they are appended to a file, by a thread that copies a reader's bytes, or by whoever
//! makes them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Bytes, OpenFile, Source};
use crate::files::unpack::{Quota, UNPACK_LIMIT};

impl Source {
    /// The bytes of a reader, as they arrive: a thread copies them to a temporary file, up to [`UNPACK_LIMIT`], and calls
    /// `wake` when there are more. What is compressed is not unpacked.
    ///
    /// # Errors
    /// The temporary file or the thread can't be created.
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
        let (source, growth) = Source::growing(name, tempfile::tempfile()?)?;
        let work = move || {
            if let Some(reason) = growth.copy_from(&mut input, limit, &wake) {
                growth.cut(reason);
            }
            drop(growth);
            wake();
        };
        std::thread::Builder::new().name("input".to_owned()).spawn(work)?;
        Ok(source)
    }

    /// The bytes of a file, and those that are appended to it through [`Growth`], until that is dropped. The file must be open for
    /// reading and writing.
    ///
    /// ```
    /// use framescope_capture::{Source, read};
    ///
    /// let (source, growth) = Source::growing("mine", tempfile::tempfile()?)?;
    /// growth.append(b"some bytes")?;
    /// assert!(source.is_growing() && source.length() == 10);
    /// drop(growth);
    /// assert!(!source.is_growing());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The file can't be inspected.
    pub fn growing(name: impl Into<String>, file: File) -> io::Result<(Source, Growth)> {
        let growing = Arc::new(AtomicBool::new(true));
        let source = Source::from_file(name.into(), file)?;
        let source = Source { growing: Some(Arc::clone(&growing)), ..source };
        Ok((source.clone(), Growth { source, growing }))
    }
}

impl Source {
    /// The same file, to which another program appends. It grows until [`Followed`] is dropped.
    pub fn follow(&self) -> (Source, Followed) {
        let growing = Arc::new(AtomicBool::new(true));
        (Source { growing: Some(Arc::clone(&growing)), ..self.clone() }, Followed(growing))
    }

    /// Whether the file at a path may be the one that is open, which may have grown: it begins as that did, and is no shorter.
    ///
    /// # Errors
    /// There is no such file, or it can't be read.
    pub fn may_be_at(&self, path: &Path) -> io::Result<bool> {
        let Bytes::File(open) = &self.bytes else { return Ok(false) };
        let (there, length) = OpenFile::new(File::open(path)?)?;
        Ok(length >= self.length() && open.begins(&there))
    }
}

/// A file that another program appends to is read as it grows, until this is dropped.
#[derive(Debug)]
pub struct Followed(Arc<AtomicBool>);

impl Drop for Followed {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Appends to a [growing source](Source::growing). When it is dropped the source has ended.
#[derive(Debug)]
pub struct Growth {
    source: Source,
    growing: Arc<AtomicBool>,
}

impl Growth {
    /// Appends bytes, which all readers see when this returns.
    ///
    /// # Errors
    /// The file can't be written: what was written until then is there.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let Bytes::File(file) = &self.source.bytes else { return Ok(()) };
        let end = self.source.length();
        let (written, result) = file.write_at(end, bytes);
        // The bytes are in the file before any reader learns of them.
        self.source.length.store(end + written, Ordering::Release);
        result
    }

    /// Appends bytes as [`append`](Growth::append) does, or nothing: a part of them is not left in the file.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn append_whole(&self, bytes: &[u8]) -> io::Result<()> {
        let Bytes::File(file) = &self.source.bytes else { return Ok(()) };
        let end = self.source.length();
        let (_, result) = file.write_at(end, bytes);
        match result {
            Ok(()) => self.source.length.store(end + bytes.len() as u64, Ordering::Release),
            // No reader has learned of what is cut off.
            Err(_) => file.cut_at(end),
        }
        result
    }

    /// Says why the end is missing, if it will be. Only the first reason counts.
    pub fn cut(&self, reason: String) {
        let _ = self.source.cut.set(reason);
    }

    /// Appends a reader's bytes. Returns why it stopped before their end, if it did.
    fn copy_from(&self, input: &mut dyn Read, limit: u64, wake: &dyn Fn()) -> Option<String> {
        let mut quota = Quota::new("copying to the temporary folder", limit);
        let mut block = vec![0; 64 << 10];
        loop {
            let read = match input.read(&mut block) {
                Ok(0) => return None,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Some(format!("it can't be read further: {error}")),
            };
            let bytes = block.get(..read).unwrap_or_default();
            match quota.write(bytes, &mut |bytes| self.append(bytes)) {
                Ok(None) => wake(),
                Ok(stopped) => return stopped.map(|stopped| stopped.to_string()),
                Err(error) => return Some(format!("its copy can't be written further: {error}")),
            }
        }
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.growing.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// What a live source holds when it has ended, and why it ended early.
    fn copied(input: impl Read + Send + 'static, limit: u64) -> (Vec<u8>, Option<String>) {
        let (wake, woken) = channel();
        let woke = move || {
            let _ = wake.send(());
        };
        let source = Source::live_within("pipe", input, limit, woke).unwrap();
        while source.is_growing() {
            woken.recv().unwrap();
        }
        let mut bytes = vec![0; usize::try_from(source.length()).unwrap()];
        source.read_exact_at(0, &mut bytes).unwrap();
        assert!(source.is_live() && source.is_file());
        (bytes, source.cut().map(str::to_owned))
    }

    #[test]
    fn all_that_arrives_is_read_up_to_the_limit() {
        assert_eq!(copied(&b"all of it"[..], UNPACK_LIMIT), (b"all of it".to_vec(), None));
        let (bytes, cut) = copied(&b"all of it"[..], 3);
        assert_eq!(bytes, b"all");
        assert!(cut.unwrap().contains("--unpack-limit"));
    }

    #[test]
    fn a_file_that_another_program_appends_to_is_followed() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), b"begin").unwrap();
        let plain = Source::open(path.path()).unwrap();
        let (source, followed) = plain.follow();
        let mut file = File::options().append(true).open(path.path()).unwrap();
        std::io::Write::write_all(&mut file, b" and go on").unwrap();
        assert!(source.is_growing() && !plain.is_growing() && source.has_grown());
        assert_eq!(source.length(), 15);
        assert!(source.may_be_at(path.path()).unwrap());
        std::fs::write(path.path(), b"begin").unwrap();
        assert!(!source.may_be_at(path.path()).unwrap(), "it is shorter");
        std::fs::write(path.path(), b"another file altogether").unwrap();
        assert!(!source.may_be_at(path.path()).unwrap());
        drop(followed);
        assert!(!source.is_growing() && source.is_live());
    }

    #[test]
    fn an_input_that_fails_says_why() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the line is dead"))
            }
        }
        let (bytes, cut) = copied(b"some"[..].chain(Broken), UNPACK_LIMIT);
        assert_eq!(
            (&bytes[..], cut.as_deref()),
            (&b"some"[..], Some("it can't be read further: the line is dead"))
        );
    }
}
