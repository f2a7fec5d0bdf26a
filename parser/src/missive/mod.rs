//! Missive, version 1: a frame format with a checked header, extensions, and optional checksum and authentication.
//!
//! ```text
//! offset             size               field
//!      0               20               header, see [`Header`]
//!     20  extensions_length               extensions, see [`Extension`]
//!      …     payload_length               payload; its meaning depends on the kind
//!      …               16               tag, only with AUTH: HMAC-SHA-256 of all bytes before it, cut to 16
//!      …                4               checksum, only with CHECKSUM: CRC-32 of all bytes before it
//! ```
//!
//! All integers are big-endian.

mod check;
mod dissect;
mod extension;
mod fields;
mod frame;
mod framing;
mod header;
mod session;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use check::Key;
pub(crate) use dissect::Preview;
pub use extension::{Extension, Extensions, Tag};
pub use frame::Frame;
pub use header::{Flags, Header, Kind, Layout};
pub use session::Session;

use crate::{Code, Confidence, Dissection, Error, Input, Memo, Observer, Protocol, Sample, Step, Visit};

/// The Missive protocol, with the limit and the key that a receiver would have.
#[derive(Clone, Debug)]
pub struct Missive {
    /// The longest payload that is believed, in bytes.
    pub payload_limit: u32,
    /// The key that authenticated frames are verified and signed with.
    pub key: Option<Key>,
}

impl Default for Missive {
    /// Payloads up to 16 MiB, no key.
    fn default() -> Self {
        Missive { payload_limit: 16 << 20, key: None }
    }
}

impl Protocol for Missive {
    fn name(&self) -> &str {
        "missive"
    }

    fn about(&self) -> &str {
        "frames with a checked header, lengths, extensions, and optional checksum and authentication"
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        framing::next(self, input, memo)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::dissect(self, message, visit);
    }

    fn dissect_skipped<'a>(
        &'a self,
        code: Code,
        skipped: &'a [u8],
        length: usize,
        visit: &mut dyn Visit<'a>,
    ) {
        let header = match code {
            Code::HeaderCheckMismatch | Code::PayloadTooLong | Code::LengthSuspect => {
                dissect::header_fields(skipped, visit)
            }
            _ => None,
        };
        match (code, header) {
            (Code::HeaderCheckMismatch, Some(header)) => {
                let computed = check::header_check(skipped.get(..18).unwrap_or_default());
                let found = header.header_check;
                visit.problem(
                    code,
                    18..20,
                    format_args!(
                        "the header check is {found:#06x}; that of the header's bytes is {computed:#06x}"
                    ),
                );
            }
            (Code::PayloadTooLong, Some(header)) => {
                let (length, limit) = (header.payload_length, self.payload_limit);
                visit.problem(
                    code,
                    8..12,
                    format_args!("payload_length is {length}; the limit is {limit} bytes"),
                );
            }
            (Code::LengthSuspect, Some(header)) => {
                let end = header.layout().end;
                visit.problem(
                    code,
                    0..length,
                    format_args!(
                        "the frame claims {end} bytes, but its checksum fails and no frame follows there"
                    ),
                );
            }
            (Code::NotAFrame, _) => {
                visit.problem(
                    code,
                    0..length,
                    format_args!("no header that can be believed stands in these bytes"),
                );
            }
            _ => visit.problem(code, 0..length, format_args!("{}", code.meaning())),
        }
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        fields::frame_of(message)?.encode(self.key.as_ref(), out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        if framing::has_header(sample.bytes) {
            Confidence::Certain
        } else if sample.bytes.len() >= 2 && sample.bytes.starts_with(&Header::MAGIC) {
            // The beginning of a header, or a damaged one.
            Confidence::Likely
        } else {
            Confidence::No
        }
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(Session::new()))
    }
}

#[cfg(test)]
mod tests;
