//! The one error of this crate: where, which field, what is wrong with it, and what to do.

use alloc::string::String;
use core::fmt;

use crate::Code;

/// Why bytes are not a valid message, or a message cannot be written.
///
/// ```
/// use framescope_parser::{Fault, missive::{Flags, FrameBuf, Kind, Missive}};
///
/// let mut bytes = FrameBuf::new(Kind::ACK).flags(Flags::CHECKSUM).to_bytes()?;
/// bytes[23] ^= 1;
/// let error = Missive::default().decode(&bytes).unwrap_err();
/// assert_eq!((error.offset, error.field), (20, "checksum"));
/// let Fault::Mismatch { expected, found } = error.fault else { panic!("{error}") };
/// assert_eq!(expected, found ^ 1);
/// assert!(error.to_string().starts_with("checksum at offset 20: expected 0x"));
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// Offset of the field in the bytes that were given; 0 for a message that can't be written.
    pub offset: usize,
    /// The field's name as the format's specification has it.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Error {
    /// An error in a field, for a custom [`Protocol`](crate::Protocol).
    ///
    /// ```
    /// use framescope_parser::{Error, Fault};
    ///
    /// let error = Error::new(2, "length", Fault::TooLong { limit: 5, found: 9 });
    /// assert!(error.to_string().starts_with("length at offset 2: 9 is more than the 5 there can be"));
    /// ```
    pub fn new(offset: usize, field: &'static str, fault: Fault) -> Self {
        Error { offset, field, fault }
    }

    pub(crate) fn mismatch(
        offset: usize,
        field: &'static str,
        expected: impl Into<u64>,
        found: impl Into<u64>,
    ) -> Self {
        Error::new(offset, field, Fault::Mismatch { expected: expected.into(), found: found.into() })
    }

    pub(crate) fn too_long(field: &'static str, limit: impl Into<u64>, found: usize) -> Self {
        Error::new(0, field, Fault::TooLong { limit: limit.into(), found: found as u64 })
    }

    /// How many more bytes are needed at least, if that is all that is wrong.
    ///
    /// ```
    /// use framescope_parser::missive::{FrameBuf, Kind, Missive};
    ///
    /// let bytes = FrameBuf::new(Kind::PING).payload(b"1234").to_bytes()?;
    /// let error = Missive::default().decode(&bytes[..21]).unwrap_err();
    /// assert_eq!(error.needed(), Some(3));
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn needed(&self) -> Option<usize> {
        match self.fault {
            Fault::Incomplete { needed } => Some(needed),
            _ => None,
        }
    }
}

/// What is wrong with a field. Its [`Display`](fmt::Display) form says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// More bytes are needed.
    Incomplete {
        /// At least this many more.
        needed: usize,
    },
    /// The value is not the one that the format or the other bytes require.
    Mismatch {
        /// The expected value.
        expected: u64,
        /// The value found.
        found: u64,
    },
    /// A length or size is over its limit or past the end of what holds it.
    TooLong {
        /// The most there may be.
        limit: u64,
        /// What there is.
        found: u64,
    },
    /// The text is not UTF-8: a byte is where no character can have it.
    InvalidUtf8 {
        /// That byte.
        found: u8,
    },
    /// An extension is critical and not known to this receiver.
    CriticalUnknown {
        /// Its tag, without the critical bit.
        found: u8,
    },
    /// The frame's authentication tag does not match its bytes and the key.
    TagMismatch,
    /// A frame that must carry an authentication tag can't be written without a key.
    KeyMissing,
    /// A field that is needed is not there or has a value of another type.
    Missing,
    /// The message can't be written.
    NotWritable {
        /// Which field is in the way, and why.
        why: String,
    },
    /// The bytes are not a message.
    Skipped {
        /// Why they are not.
        code: Code,
        /// How many there are.
        length: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: {}", self.field, self.offset, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Incomplete { needed } => {
                write!(f, "the bytes end too early; read at least {needed} more and try again")
            }
            Fault::Mismatch { expected, found } => write!(
                f,
                "expected {expected:#x}, found {found:#x}: the bytes were changed on the way, do not begin here, or their sender computes the field differently"
            ),
            Fault::TooLong { limit, found } => write!(
                f,
                "{found} is more than the {limit} there can be: raise the limit, or correct the length where it is written"
            ),
            Fault::InvalidUtf8 { found } => write!(
                f,
                "the text is not UTF-8: byte {found:#04x} can't be there; encode the text as UTF-8 and don't cut characters"
            ),
            Fault::CriticalUnknown { found } => write!(
                f,
                "extension {found:#04x} is critical and unknown: refuse the message, or declare the extension as known"
            ),
            Fault::TagMismatch => {
                write!(f, "the tag does not match the frame and the key: compare both sides' keys")
            }
            Fault::KeyMissing => {
                write!(f, "a frame with AUTH needs a key to be written: give one, or clear the flag")
            }
            Fault::Missing => write!(f, "a value is needed and is not there, or is of another type"),
            Fault::NotWritable { why } => write!(f, "it can't be written: {why}"),
            Fault::Skipped { code, length } => {
                write!(f, "{length} bytes are not a message ({code}): {}", code.meaning())
            }
        }
    }
}

impl core::error::Error for Error {}
