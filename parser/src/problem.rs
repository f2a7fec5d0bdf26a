//! One thing that is wrong with a message.

use alloc::string::String;
use core::ops::Range;

use crate::Code;

/// One thing that is wrong, and where.
///
/// ```
/// use framescope_parser::{Code, Dissection, missive::{FrameBuf, Kind, Missive}};
///
/// let bytes = FrameBuf::new(Kind::DATA).payload(b"a\xff".as_slice()).to_bytes()?;
/// let missive = Missive::default();
/// let problem = Dissection::of(&missive, &bytes).problems.remove(0);
/// assert_eq!((problem.code, problem.range), (Code::InvalidUtf8, 21..22));
/// assert_eq!(problem.text, "content is not UTF-8: byte 0xff begins no character");
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which fault it is.
    pub code: Code,
    /// The bytes at fault, as offsets in the message. May be empty; never reaches past the message.
    pub range: Range<usize>,
    /// A sentence with what was expected and what was found.
    pub text: String,
}
