//! From a file's name to its index.

use std::path::Path;

use framescope_capture::{Index, Options, Source, read};
use framescope_inspect::{CustomProtocols, Reading};

use crate::arguments::{CaptureArgs, ReadingArgs};
use crate::error::Error;
use crate::notices::notify;
use crate::progress::Progress;

impl ReadingArgs {
    /// What captures are read with, after loading the descriptions.
    pub(crate) fn reading(&self) -> Result<Reading, Error> {
        let own =
            CustomProtocols::load(&self.protocols, &self.imports.folders, &mut |notice| notify(&notice))?;
        let unpack_limit = Some(self.unpack_limit);
        let (decode_as, clients) = (self.decode_as.clone(), self.clients.clone());
        Ok(Reading { own, decode_as, clients, key: self.key.clone(), unpack_limit, ..Reading::default() })
    }

    /// The same, as an index is built with it.
    pub(crate) fn options(&self) -> Result<Options, Error> {
        Ok(self.reading()?.options())
    }

    /// A capture, or standard input for `-`.
    pub(crate) fn open(&self, file: &Path) -> Result<Source, Error> {
        open(file, self.unpack_limit)
    }
}

impl CaptureArgs {
    /// The capture's index, after reading all of it.
    pub(crate) fn load(&self, options: &Options) -> Result<Index, Error> {
        load(self.reading.open(&self.file)?, options)
    }
}

/// A capture, or standard input for `-`. No more than `unpack_limit` bytes are unpacked or copied.
pub(crate) fn open(file: &Path, unpack_limit: u64) -> Result<Source, Error> {
    Ok(Source::open_within(file, unpack_limit)?)
}

/// Reads a capture from its beginning to its end.
pub(crate) fn load(source: Source, options: &Options) -> Result<Index, Error> {
    let name = source.name().to_owned();
    let mut progress = Progress::new(format!("reading {name}"));
    let mut stopped = false;
    let length = source.length();
    let mut watch = |index: &Index| {
        stopped = !progress.at(index.position(), length);
        !stopped
    };
    let index = read(source, options, &mut watch)?;
    if stopped {
        return Err(Error::interrupted());
    }
    drop(progress);
    index.notices().iter().for_each(notify);
    Ok(index)
}
