//! Opens files: copies what can't be read by position to the temporary folder, unpacks what is compressed, and converts texts
//! that are captures.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::OpenError;
use crate::files::formats::convert;
use crate::files::source::{Converted, Part, Source};
use crate::files::unpack::{TempCopy, UNPACK_LIMIT, copy, unpack};

/// What errors call standard input.
const STANDARD_INPUT: &str = "standard input";

impl Source {
    /// Opens a file. What is not a regular file (a pipe, a device) is copied to a temporary file first; so is standard
    /// input, whose name is `-`, and what a compressed file unpacks to, both up to [`UNPACK_LIMIT`].
    ///
    /// # Errors
    /// The path is a directory, or can't be read; the error says which and why.
    pub fn open(path: &Path) -> Result<Source, OpenError> {
        Source::open_within(path, UNPACK_LIMIT)
    }

    /// The same with another limit, in bytes. What is beyond it is not read, which is damage of the capture.
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
                true => TempCopy { file, cut: None },
                false => copy(&mut file, limit).map_err(failed)?,
            }
        };
        let source = unpacked(name.clone(), opened, limit).map_err(failed)?;
        // A text is converted here, where the caller expects to wait for files.
        let converted = convert(&source).map_err(failed)?;
        Ok(source.with_converted(converted))
    }

    /// The same of an open file, which is read by position and may have no name. `name` is what errors call it.
    ///
    /// # Errors
    /// It can't be read, or what it unpacks to can't be written.
    pub fn of_file(name: impl Into<String>, file: File, limit: u64) -> io::Result<Source> {
        let source = unpacked(name.into(), TempCopy { file, cut: None }, limit)?;
        let converted = convert(&source)?;
        Ok(source.with_converted(converted))
    }

    /// What is read in its place, if it is a text that is a capture, such as a hex dump.
    pub(crate) fn converted(&self) -> io::Result<Option<Arc<Converted>>> {
        if let Some(parts) = self.parts() {
            return converted_parts(parts).map(|converted| converted.map(Arc::new));
        }
        match self.known_conversion() {
            Some(converted) => Ok(Some(converted)),
            // It is a text only when all of it is there.
            None if self.is_growing() => Ok(None),
            None if self.is_file() && !self.is_live() => Ok(None),
            // Bytes in memory, and what has grown.
            None => Ok(convert(self)?.map(Arc::new)),
        }
    }
}

/// What is read in place of several files, if some of them are texts that are captures.
fn converted_parts(parts: &[Part]) -> io::Result<Option<Converted>> {
    let (mut sources, mut notices, mut is_converted) = (Vec::new(), Vec::new(), false);
    for Part { source, .. } in parts {
        match source.converted()? {
            Some(converted) => {
                is_converted = true;
                notices.extend(converted.notices.iter().cloned());
                sources.push(converted.source.clone());
            }
            None => sources.push(source.clone()),
        }
    }
    Ok(is_converted.then(|| Converted { source: Source::joined(sources), notices }))
}

/// A file, or what it unpacks to if it is compressed with gzip or Zstandard.
fn unpacked(name: String, opened: TempCopy, limit: u64) -> io::Result<Source> {
    let TempCopy { mut file, cut } = opened;
    let mut magic = [0; 4];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut magic))?;
    file.seek(SeekFrom::Start(0))?;
    let unpacked = match magic.get(..read).unwrap_or_default() {
        [0x1F, 0x8B, 8, ..] => unpack(&mut MultiGzDecoder::new(&file), limit)?,
        [0x28, 0xB5, 0x2F, 0xFD] => unpack(&mut zstd::Decoder::new(&file)?, limit)?,
        _ => TempCopy { file, cut: None },
    };
    // A compressed file whose copy was cut can't be unpacked further for that reason.
    let cut = cut.or(unpacked.cut).map(|stopped| stopped.to_string());
    Ok(Source::from_file(name, unpacked.file)?.with_cut(cut))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    fn opened(bytes: &[u8], limit: u64) -> Source {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Source::open_within(file.path(), limit).unwrap()
    }

    fn content(source: &Source) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(source.length()).unwrap()];
        source.read_exact_at(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_compressed_is_unpacked_and_the_rest_is_as_it_is() {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"packed bytes").unwrap();
        let packed = [gzip.finish().unwrap(), zstd::encode_all(&b"packed bytes"[..], 1).unwrap()];
        for packed in packed {
            assert_eq!(content(&opened(&packed, UNPACK_LIMIT)), b"packed bytes");
            let cut = opened(&packed, 6);
            assert_eq!(content(&cut), b"packed");
            assert!(cut.cut().unwrap().contains("--unpack-limit"));
            let broken = opened(&packed[..packed.len() - 3], UNPACK_LIMIT);
            assert!(broken.cut().unwrap().starts_with("the compressed file can't be unpacked further"));
        }
        let plain = opened(b"plain", 0);
        assert_eq!((content(&plain), plain.cut()), (b"plain".to_vec(), None));
    }

    #[test]
    fn a_directory_and_a_missing_file_are_errors_that_name_them() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Source::open(folder.path()), Err(OpenError::Directory { .. })));
        let error = Source::open(&folder.path().join("none.pcap")).unwrap_err().to_string();
        assert!(error.contains("none.pcap can't be read: "), "{error}");
    }
}
