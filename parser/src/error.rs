//! The one error of this crate: where, which field, and what is wrong with it.

use core::fmt;

/// Why bytes are not a valid message, or a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// Offset of the field in the bytes that were given.
    pub offset: usize,
    /// The field's name as the format's specification has it.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Error {
    pub(crate) fn new(offset: usize, field: &'static str, fault: Fault) -> Self {
        Error { offset, field, fault }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// More bytes are needed.
    Incomplete {
        /// At least so many more.
        needed: usize,
    },
    /// The value is not the one that the format or the other bytes demand.
    Mismatch {
        /// The value there should be.
        expected: u64,
        /// The value there is.
        found: u64,
    },
    /// A length is over its limit or past the end of what holds it.
    TooLong {
        /// The most there may be.
        limit: u64,
        /// What there is.
        found: u64,
    },
    /// The text is not UTF-8.
    InvalidUtf8,
    /// The value is in a range that this version reserves.
    Reserved {
        /// The value.
        found: u64,
    },
    /// The frame's authentication tag does not fit its bytes and the key.
    TagMismatch,
    /// A frame that must carry an authentication tag can't be written without a key.
    KeyMissing,
    /// A field that is needed is not there or has a value of another type.
    Missing,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: ", self.field, self.offset)?;
        match &self.fault {
            Fault::Incomplete { needed } => {
                write!(f, "the bytes end too early; at least {needed} more are needed")
            }
            Fault::Mismatch { expected, found } => write!(f, "expected {expected:#x}, found {found:#x}"),
            Fault::TooLong { limit, found } => write!(f, "{found} is more than the {limit} there can be"),
            Fault::InvalidUtf8 => write!(f, "the text is not UTF-8"),
            Fault::Reserved { found } => write!(f, "{found:#x} is reserved"),
            Fault::TagMismatch => write!(f, "the tag does not fit the frame and the key"),
            Fault::KeyMissing => write!(f, "a frame with AUTH needs a key to be written"),
            Fault::Missing => write!(f, "a value is needed and is not there"),
        }
    }
}

impl core::error::Error for Error {}
