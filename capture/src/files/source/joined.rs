//! Several files that are read as one: their bytes follow one another, and each byte leads back to its file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Bytes, Source};

/// One of several files that are read as one.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) source: Source,
    /// Where its bytes begin among those of all.
    pub(crate) start: u64,
}

/// The files, in their order.
#[derive(Debug)]
pub(super) struct Joined(Vec<Part>);

impl Joined {
    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The file that a byte is in, or would be: that and how many begin before it.
    fn at(&self, offset: u64) -> Option<(usize, &Part)> {
        let behind = self.0.partition_point(|part| part.start <= offset);
        let number = behind.checked_sub(1)?;
        self.0.get(number).map(|part| (number, part))
    }

    /// Fills `buffer` from as many files as it takes, and returns how many bytes there were.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while let Some((_, part)) = self.at(offset.saturating_add(read as u64))
            && let Some(rest) = buffer.get_mut(read..)
            && !rest.is_empty()
        {
            let within = offset + read as u64 - part.start;
            let left = usize::try_from(part.source.length().saturating_sub(within)).unwrap_or(usize::MAX);
            if left == 0 {
                break;
            }
            let wanted = rest.len().min(left);
            let found = part.source.read_at(within, rest.get_mut(..wanted).unwrap_or_default())?;
            read += found;
            if found < wanted {
                break;
            }
        }
        Ok(read)
    }
}

impl Source {
    /// Several captures that are read as one, one after another: a capture that was rotated. Each has its own format, byte
    /// order, interfaces and link types; the packets' numbers go on. What is wrong with one of them, also that it is not a capture
    /// at all, costs its rest only. None of them is expected to grow.
    ///
    /// ```
    /// use framescope_capture::{Options, Source, read};
    ///
    /// let header = *b"\x4D\x3C\xB2\xA1\x02\0\x04\0\0\0\0\0\0\0\0\0\xFF\xFF\0\0\x01\0\0\0";
    /// let rotated = [Source::from_bytes("a.pcap0", header), Source::from_bytes("a.pcap1", header)];
    /// let index = read(Source::joined(rotated), &Options::default(), &mut |_| true)?;
    /// assert!(index.damages().is_empty() && index.source().length() == 48);
    /// assert_eq!(index.source().file_at(30).map(|(_, file, offset)| (file.name(), offset)), Some(("a.pcap1", 6)));
    /// # Ok::<(), framescope_capture::ReadError>(())
    /// ```
    pub fn joined(sources: impl IntoIterator<Item = Source>) -> Source {
        let mut sources: Vec<Source> =
            sources.into_iter().flat_map(|source| source.files().cloned().collect::<Vec<_>>()).collect();
        if sources.len() == 1
            && let Some(only) = sources.pop()
        {
            return only;
        }
        let name = match sources.first() {
            Some(first) => format!("{} and {} more", first.name(), sources.len() - 1),
            None => "no file".to_owned(),
        };
        let (mut parts, mut end) = (Vec::new(), 0_u64);
        for source in sources {
            // Where its bytes end is where those of the next one begin.
            let length = source.length();
            let length = Arc::new(AtomicU64::new(length.min(u64::MAX - end)));
            let source = Source { length, growing: None, is_fixed: true, ..source };
            let start = end;
            end += source.length();
            parts.push(Part { source, start });
        }
        Source::new(name, end, Bytes::Joined(Arc::new(Joined(parts))))
    }

    /// The files that it [joins](Source::joined), with where each begins.
    pub(crate) fn parts(&self) -> Option<&[Part]> {
        match &self.bytes {
            Bytes::Joined(joined) => Some(joined.parts()),
            _ => None,
        }
    }

    /// The files that it [joins](Source::joined), in their order; itself if it is one.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        let parts = self.parts();
        let itself = parts.is_none().then_some(self);
        parts.unwrap_or_default().iter().map(|part| &part.source).chain(itself)
    }

    /// The file that a byte is in: its number among the [files](Source::files), from 0 on, the file, and the byte's offset in it. None
    /// beyond the end.
    pub fn file_at(&self, offset: u64) -> Option<(usize, &Source, u64)> {
        if offset >= self.length() {
            return None;
        }
        let Bytes::Joined(joined) = &self.bytes else { return Some((0, self, offset)) };
        let (number, part) = joined.at(offset)?;
        Some((number, &part.source, offset - part.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(texts: &[&'static str]) -> Source {
        Source::joined(texts.iter().map(|text| Source::from_bytes(*text, text.as_bytes())))
    }

    #[test]
    fn bytes_of_several_files_follow_one_another_and_lead_back_to_their_file() {
        let source = joined(&["abc", "", "defg", "", "h"]);
        assert_eq!((source.length(), source.name(), source.files().count()), (8, "abc and 4 more", 5));
        for start in 0..=8_u64 {
            for length in 0..=8_u64 - start {
                let mut buffer = vec![0; usize::try_from(length).unwrap()];
                source.read_exact_at(start, &mut buffer).unwrap();
                let from = usize::try_from(start).unwrap();
                assert_eq!(buffer, b"abcdefgh"[from..from + buffer.len()]);
            }
        }
        let at = |offset| source.file_at(offset).map(|(number, file, offset)| (number, file.name(), offset));
        assert_eq!(
            [at(0), at(3), at(7), at(8)],
            [Some((0, "abc", 0)), Some((2, "defg", 0)), Some((4, "h", 0)), None]
        );
        assert!(source.read_exact_at(7, &mut [0; 2]).is_err());
    }

    #[test]
    fn one_file_is_itself_and_none_has_no_bytes() {
        assert_eq!(joined(&["abc"]).name(), "abc");
        let none = joined(&[]);
        assert_eq!((none.length(), none.files().count(), none.file_at(0).is_none()), (0, 0, true));
    }
}
