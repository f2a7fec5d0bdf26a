//! Where captured blocks go: to the file that is read while it grows, to a ring of files, or both.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use framescope_capture::{Growth, Source};

use super::blocks::BlockType;
use super::error::CaptureError;
use super::recording::Request;
use super::ring::RingFiles;

/// Takes blocks. What was taken is in the files, whole, after [`flush`](Output::flush).
pub(super) struct Output {
    growing: Option<Growing>,
    ring: Option<(PathBuf, RingFiles)>,
    /// How many bytes were taken.
    pub(super) bytes: u64,
}

/// The file that grows.
struct Growing {
    path: PathBuf,
    /// Where it is read.
    growth: Option<Growth>,
    file: File,
    written: u64,
    waiting: Vec<u8>,
}

impl Output {
    /// Opens what a request names, and what reads it.
    pub(super) fn open(request: &Request, name: &str) -> Result<(Output, Option<Source>), CaptureError> {
        let ring = match (&request.file, request.ring) {
            (Some(path), Some(ring)) => {
                let files = RingFiles::new(path, ring).map_err(|cause| unwritable(path, cause))?;
                Some((path.clone(), files))
            }
            _ => None,
        };
        let mut output = Output { growing: None, ring, bytes: 0 };
        if output.ring.is_some() && !request.is_read {
            return Ok((output, None));
        }
        let path = request.file.as_deref().filter(|_| output.ring.is_none());
        let (growing, source) = Growing::open(path, request.is_read.then_some(name))?;
        output.growing = Some(growing);
        Ok((output, source))
    }

    pub(super) fn take(&mut self, block_type: BlockType, block: &[u8]) -> Result<(), CaptureError> {
        self.bytes += block.len() as u64;
        if let Some(growing) = &mut self.growing {
            growing.waiting.extend_from_slice(block);
            if growing.waiting.len() >= WRITE_AT {
                growing.flush()?;
            }
        }
        if let Some((path, ring)) = &mut self.ring {
            let taken = match block_type {
                BlockType::Section | BlockType::Interface => {
                    ring.header(block, block_type == BlockType::Section)
                }
                BlockType::Packet | BlockType::Other => ring.block(block),
            };
            taken.map_err(|cause| unwritable(path, cause))?;
        }
        Ok(())
    }

    /// Writes what was taken.
    pub(super) fn flush(&mut self) -> Result<(), CaptureError> {
        if let Some(growing) = &mut self.growing {
            growing.flush()?;
        }
        match &mut self.ring {
            Some((path, ring)) => ring.flush().map_err(|cause| unwritable(path, cause)),
            None => Ok(()),
        }
    }

    /// The files of the ring that there are.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.ring.iter().flat_map(|(_, ring)| ring.files().map(Path::to_owned)).collect()
    }
}

/// So many bytes wait at most.
const WRITE_AT: usize = 256 << 10;

impl Growing {
    /// Opens a file, or a temporary one, which is read if it has a name for that.
    fn open(path: Option<&Path>, name: Option<&str>) -> Result<(Growing, Option<Source>), CaptureError> {
        let file = match path {
            Some(path) => OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path),
            None => tempfile::tempfile(),
        };
        let path = path.map_or_else(std::env::temp_dir, Path::to_owned);
        let open = |file: File| {
            let read = name.map(|name| Source::growing(name, file.try_clone()?)).transpose()?;
            Ok((file, read.unzip()))
        };
        let (file, (source, growth)) = file.and_then(open).map_err(|cause| unwritable(&path, cause))?;
        Ok((Growing { path, growth, file, written: 0, waiting: Vec::new() }, source))
    }

    fn flush(&mut self) -> Result<(), CaptureError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = match &self.growth {
            Some(growth) => growth.append(&self.waiting),
            None => self.file.write_all(&self.waiting),
        };
        if let Err(cause) = written {
            // Whole blocks only.
            let _ = self.file.set_len(self.written);
            self.waiting.clear();
            let error = unwritable(&self.path, cause);
            if let Some(growth) = &self.growth {
                growth.cut(error.to_string());
            }
            return Err(error);
        }
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

fn unwritable(path: &Path, cause: io::Error) -> CaptureError {
    CaptureError::Write { path: path.to_owned(), cause }
}
