//! From a file's name to its index.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framescope_capture::{Index, Options, Source, read};
use framescope_inspect::protobuf::Schema;
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
        let (key, keylogs, schema) = (self.key.clone(), self.keylogs()?, self.schema()?);
        Ok(Reading { own, decode_as, clients, keylogs, schema, key, unpack_limit })
    }

    /// What the `.proto` files declare.
    fn schema(&self) -> Result<Option<Arc<Schema>>, Error> {
        if self.protos.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(Schema::from_files(&self.protos, &self.proto_folders)?)))
    }

    /// The key logs: those that were named, which have to be there, and the one that programs write to.
    fn keylogs(&self) -> Result<Vec<PathBuf>, Error> {
        for path in &self.keylogs {
            File::open(path).map_err(|cause| Error::Unreadable { path: path.clone(), cause })?;
        }
        let of_programs = std::env::var_os("SSLKEYLOGFILE").map(PathBuf::from);
        let of_programs = of_programs.filter(|path| path.is_file() && !self.keylogs.contains(path));
        Ok(self.keylogs.iter().cloned().chain(of_programs).collect())
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
