//! Extensions: optional facts between header and payload.
//!
//! ```text
//! offset size field
//!      0    1 tag     bit 7: critical; the other seven name it
//!      1    2 length  bytes of the value
//!      3    … value
//! ```

use nom::Parser;
use nom::bytes::complete::take;

use super::integers::{Read, be_u8, be_u16};
use crate::utf8;
use crate::{Error, Fault};

/// An extension's tag without the critical bit. Any seven bits are one; the named ones are constants.
///
/// ```
/// use framescope_parser::missive::Tag;
///
/// const PRIORITY: Tag = Tag(0x40); // an application's own
/// assert_eq!((Tag::SENDER.name(), PRIORITY.name()), (Some("SENDER"), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tag(pub u8);

impl Tag {
    /// When the sender made the frame: microseconds since the Unix epoch, 8 bytes.
    pub const TIMESTAMP: Tag = Tag(0x01);
    /// The media type of a DATA's content, UTF-8.
    pub const CONTENT_TYPE: Tag = Tag(0x02);
    /// The original sender of a relayed message, UTF-8.
    pub const SENDER: Tag = Tag(0x03);
    /// Joins the frames of one task, 16 bytes.
    pub const TRACE_ID: Tag = Tag(0x04);

    /// The bit of a tag byte that says *critical*.
    pub const CRITICAL: u8 = 0x80;

    /// The tag's name, where the specification gives it one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Tag::TIMESTAMP => "TIMESTAMP",
            Tag::CONTENT_TYPE => "CONTENT_TYPE",
            Tag::SENDER => "SENDER",
            Tag::TRACE_ID => "TRACE_ID",
            _ => return None,
        })
    }
}

/// One extension.
///
/// ```
/// use framescope_parser::missive::{Extension, ExtensionValue, Extensions, Tag};
///
/// let mut extensions = Extensions::new(b"\x03\x00\x03ada\xc0\x00\x01!");
/// let sender = extensions.next().unwrap();
/// assert_eq!(sender.value()?, ExtensionValue::Sender("ada"));
/// let own = extensions.next().unwrap();
/// assert_eq!(own, Extension { tag: Tag(0x40), critical: true, bytes: b"!" });
/// assert!(extensions.rest().is_empty());
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its tag.
    pub tag: Tag,
    /// Whether a receiver that does not know it must refuse the message.
    pub critical: bool,
    /// The bytes of its value.
    pub bytes: &'a [u8],
}

/// The value of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionValue<'a> {
    /// When the sender made the frame: microseconds since the Unix epoch.
    Timestamp(u64),
    /// The media type of a DATA's content.
    ContentType(&'a str),
    /// The original sender of a relayed message.
    Sender(&'a str),
    /// Joins the frames of one task.
    TraceId([u8; 16]),
    /// An extension that the specification does not define.
    Other(Tag, &'a [u8]),
}

impl<'a> Extension<'a> {
    /// Bytes of tag and length.
    pub(crate) const HEAD: usize = 3;

    /// How many bytes the extension takes in its frame.
    pub(crate) fn length(&self) -> usize {
        Self::HEAD + self.bytes.len()
    }

    /// The extension's value, decoded.
    ///
    /// # Errors
    /// The extension is one that the specification defines, and its value has the wrong size (field `length`) or is
    /// not UTF-8 (field `value`). The offset counts from the extension's first byte.
    pub fn value(&self) -> Result<ExtensionValue<'a>, Error> {
        let size = |expected: usize| Error::mismatch(1, "length", expected as u64, self.bytes.len() as u64);
        let text = || utf8::text(self.bytes, Self::HEAD, "value");
        Ok(match self.tag {
            Tag::TIMESTAMP => {
                let bytes = self.bytes.try_into().map_err(|_| size(8))?;
                ExtensionValue::Timestamp(u64::from_be_bytes(bytes))
            }
            Tag::CONTENT_TYPE => ExtensionValue::ContentType(text()?),
            Tag::SENDER => ExtensionValue::Sender(text()?),
            Tag::TRACE_ID => ExtensionValue::TraceId(self.bytes.try_into().map_err(|_| size(16))?),
            tag => ExtensionValue::Other(tag, self.bytes),
        })
    }
}

/// Walks an extensions area. Stops at the first extension that does not fit, see [`Extensions::rest`].
///
/// ```
/// use framescope_parser::missive::Extensions;
///
/// let mut extensions = Extensions::new(b"\x03\x00\x03ada\x02\x00\x09text");
/// assert_eq!(extensions.by_ref().count(), 1);
/// assert_eq!(extensions.rest(), b"\x02\x00\x09text");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// The extensions in `area`.
    pub fn new(area: &'a [u8]) -> Self {
        Extensions { rest: area }
    }

    /// The bytes not walked yet. After the last extension: those of one that claims more than is there.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// What is wrong with the extension that [`rest`](Extensions::rest) begins with, which is at `offset`.
    pub(crate) fn overrun(&self, offset: usize) -> Error {
        let left = self.rest.len().saturating_sub(Extension::HEAD);
        match claimed(self.rest) {
            Some(found) => {
                Error::new(offset + 1, "length", Fault::TooLong { limit: left as u64, found: found.into() })
            }
            None => {
                let fault = Fault::TooLong { limit: self.rest.len() as u64, found: Extension::HEAD as u64 };
                Error::new(offset, "extensions", fault)
            }
        }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    #[inline]
    fn next(&mut self) -> Option<Extension<'a>> {
        let (rest, extension) = extension(self.rest).ok()?;
        self.rest = rest;
        Some(extension)
    }
}

#[inline]
fn extension(bytes: &[u8]) -> Read<'_, Extension<'_>> {
    let (rest, (tag, length)) = (be_u8, be_u16).parse(bytes)?;
    let (rest, bytes) = take(length)(rest)?;
    let critical = tag & Tag::CRITICAL != 0;
    Ok((rest, Extension { tag: Tag(tag & !Tag::CRITICAL), critical, bytes }))
}

/// The length that the extension at the start of `bytes` claims, if that much of it is there.
pub(crate) fn claimed(bytes: &[u8]) -> Option<u16> {
    bytes.get(1..)?.first_chunk().copied().map(u16::from_be_bytes)
}
