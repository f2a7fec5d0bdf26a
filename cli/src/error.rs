//! Why a command can't do its work.

use std::io;

use std::path::{Path, PathBuf};
use std::time::TryFromFloatSecsError;

use framescope_capture::filter::FilterError;
use framescope_capture::{OpenError, ReadError, SelectorError};
use framescope_inspect::protobuf::SchemaError;
use framescope_ksy::LoadError;
use framescope_live::capturing::CaptureError;
use framescope_live::proxy::{AuthorityError, ProxyError};
use framescope_live::replay::ReplayError;
use framescope_live::serve::{ScriptError, ServeError};
use framescope_live::{EditParseError, ExchangeError};
use thiserror::Error;

use crate::status::Status;

/// Why a command can't do its work: what, where, and what to do.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Description(#[from] LoadError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Rule(#[from] SelectorError),
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("--stop-after: {0}")]
    StopAfter(FilterError),
    #[error("--filter: {0}")]
    Filter(FilterError),
    #[error("--fields: {0}")]
    Fields(FilterError),
    #[error("--set: {0}")]
    Set(EditParseError),
    #[error("--fields chooses what is written as JSON or CSV: add --format json or --format csv")]
    FieldsOfText,
    #[cfg(feature = "tables")]
    #[error("--by-kind writes tables: add --format parquet or --format arrow")]
    ByKindOfNoTable,
    #[error("--timeout {seconds}: {cause}")]
    Timeout { seconds: f64, cause: TryFromFloatSecsError },
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{} has no conversation over {transport}; name the target as udp:HOST:PORT for UDP", path.display())]
    NothingToReplay { path: PathBuf, transport: &'static str },
    #[error("--break: {0}")]
    Break(EditParseError),
    #[error("--break: a filter is for captures; give only the messages that are to be broken")]
    BreakWithFilter,
    #[error("--expect: {0}")]
    Expect(FilterError),
    #[error("{} can't be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{} can't be written: {cause}", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("can't choose a format for {}: end its name in {endings}, or add --format", path.display())]
    UnknownEnding { path: PathBuf, endings: &'static str },
    #[error("{} is the capture itself: name another file to write to", path.display())]
    WouldReplaceCapture { path: PathBuf },
    #[error("{0} describes a protocol; name a capture to decode: framescope CAPTURE --protocol {0}", path.display())]
    OnlyDescription { path: PathBuf },
    /// Nothing of this kind has this name.
    #[error("no {kind} is called '{name}'; there are {known}")]
    Unknown { kind: &'static str, name: String, known: String },
    #[error("{} has no conversation {flow}; {there_are}", path.display())]
    NoFlow { path: PathBuf, flow: u32, there_are: String },
    #[error("can't compare with '{command}': {cause}")]
    Peer { command: String, cause: io::Error },
    #[error("'{text}' is no address: {}; write HOST:PORT, such as 127.0.0.1:9000", match cause { Some(cause) => cause.to_string(), None => "it has no addresses".to_owned() })]
    Address { text: String, cause: Option<io::Error> },
    #[error(transparent)]
    Remote(#[from] framescope_live::Refused),
    #[error("--probe {} line {line}: {cause}", path.display())]
    Probe { path: PathBuf, line: usize, cause: framescope_live::encoding::EncodeError },
    #[error(transparent)]
    Finding(#[from] framescope_live::fuzzing::WriteError),
    #[error("{}", match .0.kind() { io::ErrorKind::Interrupted => "interrupted".to_owned(), _ => .0.to_string() })]
    Io(#[from] io::Error),
}

impl Error {
    pub(crate) fn interrupted() -> Error {
        Error::Io(io::ErrorKind::Interrupted.into())
    }

    /// For `map_err`, where a file is read.
    pub(crate) fn reading(path: &Path) -> impl Fn(io::Error) -> Error {
        move |cause| Error::Unreadable { path: path.to_owned(), cause }
    }

    /// For `map_err`, where a file is written. Ctrl-C is nothing that is wrong with it.
    pub(crate) fn writing(path: &Path) -> impl Fn(io::Error) -> Error {
        move |cause| match cause.kind() {
            io::ErrorKind::Interrupted => Error::Io(cause),
            _ => Error::Unwritable { path: path.to_owned(), cause },
        }
    }

    pub(crate) fn unknown<'k>(
        kind: &'static str,
        name: impl Into<String>,
        known: impl Iterator<Item = &'k str>,
    ) -> Error {
        Error::Unknown { kind, name: name.into(), known: known.collect::<Vec<_>>().join(", ") }
    }

    /// The same, of what goes wrong with a program that runs: it has failed, unless it can't be used so.
    pub(crate) fn status_of(error: &ExchangeError) -> Status {
        match error {
            ExchangeError::Refused(_) | ExchangeError::Read(_) | ExchangeError::NotListening { .. } => {
                Status::Unusable
            }
            _ => Status::Damaged,
        }
    }

    /// The exit status that it ends the program with.
    pub(crate) fn status(&self) -> Status {
        match self {
            Error::Io(error) if error.kind() == io::ErrorKind::Interrupted => Status::Interrupted,
            // What was being written or read back is gone.
            Error::Io(_) => Status::Damaged,
            Error::Exchange(error) => Error::status_of(error),
            Error::Replay(_) | Error::Serve(ServeError::Io(_)) => Status::Damaged,
            _ => Status::Unusable,
        }
    }
}
