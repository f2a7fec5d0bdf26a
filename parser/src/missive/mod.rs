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
//! All integers are big-endian. FORMAT.md, beside this crate's repository's README, is the whole specification.
//!
//! | to do | take |
//! |---|---|
//! | decode one frame | [`Missive::decode`], which returns a [`Frame`] and what follows it |
//! | go through a stream | [`Missive::frames`] |
//! | read from a socket | [`Decoder`] |
//! | decode a payload | [`Frame::read_payload`], a [`Payload`] |
//! | build and write a frame | [`FrameBuf`], or a [`Frame`] whose parts are borrowed |
//! | look at a damaged frame | [`RawFrame`], [`Dissection`] |
//! | reassemble long content | [`Assembly`] |
//! | match replies, watch the numbering | [`Session`] |

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod assembly;
mod check;
mod decode;
mod decoder;
mod dissect;
mod extension;
mod fields;
mod frame;
mod framing;
mod header;
mod incomplete;
mod integers;
mod payload;
mod raw;
mod renewing;
mod select;
mod session;
mod shape;
#[cfg(feature = "proptest")]
pub mod strategy;
mod waiting;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use crate::key::Key;
pub use assembly::Assembly;
pub use decode::{Frames, Item, Received};
pub use decoder::Decoder;
pub use extension::{Extension, ExtensionValue, Extensions, Tag};
pub use frame::{Frame, FrameBuf};
pub use header::{Flags, Header, Kind, Layout};
pub use payload::{Content, Payload};
pub use raw::RawFrame;
pub use session::Session;

use crate::{
    Captured, Code, Confidence, Dissection, Error, FieldReader, FieldSelection, FieldShape, Input, Measure,
    Memo, Names, Observer, Protocol, Sample, Step, Visit,
};

/// The Missive protocol as a receiver configures it: its limit, its key, and its application's additions.
///
/// ```
/// use framescope_parser::{Dissection, missive::{FrameBuf, Kind, Missive, Tag}};
///
/// let missive = Missive {
///     payload_limit: 64 << 10,
///     kinds: vec![(Kind(0x80), "TYPING".into())],
///     extensions: vec![(Tag(0x40), "PRIORITY".into())],
///     ..Missive::default()
/// };
/// let bytes = FrameBuf::new(Kind(0x80)).extension(Tag(0x40), true, &[9])?.to_bytes()?;
/// assert!(missive.decode(&bytes).is_ok());
/// assert_eq!(Dissection::of(&missive, &bytes).kind.unwrap().to_string(), "TYPING");
/// // A receiver that does not know the extension must refuse the message.
/// assert_eq!(Missive::default().decode(&bytes).unwrap_err().field, "extensions");
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Missive {
    /// The longest payload that is accepted, in bytes.
    pub payload_limit: u32,
    /// The key that authenticated frames are verified and signed with.
    pub key: Option<Key>,
    /// The kinds that the application has added, with their names.
    pub kinds: Vec<(Kind, String)>,
    /// The extensions that the application has added, with their names. A critical one is refused unless it is here
    /// or in the specification.
    pub extensions: Vec<(Tag, String)>,
}

impl Default for Missive {
    /// Payloads up to 16 MiB, no key, nothing added.
    fn default() -> Self {
        Missive { payload_limit: 16 << 20, key: None, kinds: Vec::new(), extensions: Vec::new() }
    }
}

impl Missive {
    /// The name of a kind: the specification's, or the application's.
    pub(crate) fn kind_name(&self, kind: Kind) -> Option<&str> {
        let own = || Some(self.kinds.iter().find(|(known, _)| *known == kind)?.1.as_str());
        kind.name().or_else(own)
    }

    /// The kind with a name.
    pub(crate) fn kind_named(&self, name: &str) -> Option<Kind> {
        (0..=u8::MAX).map(Kind).find(|kind| self.kind_name(*kind) == Some(name))
    }

    /// The name of an extension that is known here: from the specification, or from the application.
    pub(crate) fn tag_name(&self, tag: Tag) -> Option<&str> {
        let own = || Some(self.extensions.iter().find(|(known, _)| *known == tag)?.1.as_str());
        tag.name().or_else(own)
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

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        incomplete::measure(message)
    }

    fn names(&self) -> Names {
        dissect::names(self)
    }

    fn shape(&self) -> Option<Vec<FieldShape>> {
        Some(shape::fields(self))
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::dissect(self, message, visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        incomplete::dissect(self, message, visit);
    }

    fn select(&self, wanted: &FieldSelection) -> Option<Box<dyn FieldReader>> {
        Some(Box::new(select::select(self, wanted)))
    }

    fn outline<'a>(&'a self, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
        dissect::outline(self, message, checked, visit);
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
                dissect::header_fields(self, skipped, visit)
            }
            _ => None,
        };
        match (code, header) {
            (Code::HeaderCheckMismatch, Some(header)) => {
                let computed = skipped.first_chunk().map_or(0, check::header_check_of);
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
                    format_args!("there is no header in these bytes that can be trusted"),
                );
            }
            _ => visit.problem(code, 0..length, format_args!("{}", code.meaning())),
        }
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        fields::frame_of(self, message)?.encode(self.key.as_ref(), out)
    }

    fn renew_checks(&self, message: Captured<'_, '_>, changed: &mut [u8]) {
        renewing::renew_checks(self, message, changed);
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
