//! Stands in for a source that grows.
use std::fs::File;
use std::io::{self, Write};

use framescope_capture::Source;

pub(super) struct Growth(File);

pub(super) fn growing(name: &str, file: File) -> io::Result<(Source, Growth)> {
    Ok((Source::from_bytes(name, Vec::new()), Growth(file)))
}

impl Growth {
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }
}
