//! Extensions: optional facts between header and payload.
//!
//! ```text
//! offset size field
//!      0    1 tag     bit 7: critical; the other seven name it
//!      1    2 length  bytes of the value
//!      3    … value
//! ```

use nom::bytes::complete::take;
use nom::error::Error as NomError;
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser};

/// An extension's tag without the critical bit. Any seven bits are one; the named ones are constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u8);

impl Tag {
    /// When the sender made the frame: microseconds since the Unix epoch, 8 bytes.
    pub const TIMESTAMP: Tag = Tag(0x01);
    /// The media type of a DATA's content, UTF-8.
    pub const CONTENT_TYPE: Tag = Tag(0x02);
    /// Who sent what is relayed, UTF-8.
    pub const SENDER: Tag = Tag(0x03);
    /// What joins the frames of one task, 16 bytes.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What it says.
    pub tag: Tag,
    /// Whether who does not know it must refuse the message.
    pub critical: bool,
    /// The bytes of what it says.
    pub value: &'a [u8],
}

/// Walks an extensions area. Stops at the first extension that does not fit, see [`Extensions::rest`].
#[derive(Clone, Copy, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// The extensions in `area`.
    pub fn new(area: &'a [u8]) -> Self {
        Extensions { rest: area }
    }

    /// The bytes not walked over yet. After the last extension: those of one that claims more than is there.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let (rest, extension) = extension(self.rest).ok()?;
        self.rest = rest;
        Some(extension)
    }
}

fn extension(bytes: &[u8]) -> IResult<&[u8], Extension<'_>, NomError<&[u8]>> {
    let (rest, (tag, length)) = (be_u8, be_u16).parse(bytes)?;
    let (rest, value) = take(length)(rest)?;
    let critical = tag & Tag::CRITICAL != 0;
    Ok((rest, Extension { tag: Tag(tag & !Tag::CRITICAL), critical, value }))
}
