//! Why a header or a record of a format can't be read, as the rest of a sentence about the place in the file.

use std::io;

use thiserror::Error;

/// Why a file's header or one of its records can't be read.
#[derive(Debug, Error)]
pub(crate) enum FormatError {
    #[error("the {format} header needs {needed} bytes and the file has {found}")]
    ShortHeader { format: &'static str, needed: usize, found: u64 },
    #[error("the snoop header says version {0}; versions 2 to 5 are read")]
    SnoopVersion(u32),
    #[error("the NetMon header says that the table of frames is at byte {0}, within the header")]
    TableInHeader(u64),
    #[error(
        "the table of frames, which should be at byte {0}, is missing: the file is cut; the frames before it were read one \
         after another"
    )]
    MissingTable(u64),
    #[error("the frames in the table overlap: together they are longer than the file")]
    OverlappingFrames,
    #[error("an ERF record claims to be {0} bytes long; its header alone has 16")]
    ErfLength(u16),
    #[error("a record of {0} bytes is too short for the packet it claims")]
    ShortRecord(usize),
    #[error(transparent)]
    Unreadable(#[from] io::Error),
}
