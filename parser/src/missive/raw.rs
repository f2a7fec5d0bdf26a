//! The raw view of a frame: the parts of any bytes, however damaged or cut off.

use core::ops::Range;

use super::check::{self, CHECKSUM_LENGTH};
use super::extension::Extensions;
use super::header::{Header, Layout};

/// Any bytes, viewed as a frame.
///
/// Every accessor works on any bytes: parts that are not there are empty, parts that are cut off are what is left of
/// them. [`Dissection`](crate::Dissection) reports what is wrong with them, and
/// [`Missive::decode`](super::Missive::decode) refuses them.
///
/// ```
/// use framescope_parser::missive::{FrameBuf, Kind, RawFrame};
///
/// let mut bytes = FrameBuf::new(Kind::DATA).payload(b"half of it is lost").to_bytes()?;
/// bytes[5] |= 0x80; // a reserved flag, and so a wrong header check
/// let raw = RawFrame::new(&bytes[..27]);
/// assert_eq!(raw.header().unwrap().kind, Kind::DATA);
/// assert!(!raw.header_check_holds());
/// assert_eq!((raw.payload(), raw.missing()), (&b"half of"[..], 11));
/// assert!(RawFrame::new(b"something else").header().is_none());
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame<'a> {
    bytes: &'a [u8],
    header: Option<Header>,
}

/// A part of a frame: its bytes as far as they are there, where they begin, and whether all of them are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) start: usize,
    pub(crate) complete: bool,
}

impl Part<'_> {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.bytes.len()
    }
}

impl<'a> RawFrame<'a> {
    /// Views `bytes` as a frame that begins with their first.
    pub fn new(bytes: &'a [u8]) -> Self {
        RawFrame { bytes, header: Header::read_unchecked(bytes) }
    }

    /// The header as it is, whether or not its check holds. None without magic or with fewer than 20 bytes.
    pub fn header(&self) -> Option<Header> {
        self.header
    }

    /// Whether there is a header and its check holds.
    pub fn header_check_holds(&self) -> bool {
        Header::read(self.bytes).is_ok()
    }

    /// The frame's bytes: up to where its header says it ends, or as far as there are any.
    pub fn bytes(&self) -> &'a [u8] {
        if self.header.is_some() { self.part(0, self.layout().end).bytes } else { self.bytes }
    }

    /// How many bytes are missing: of the header, or of what the header claims.
    pub fn missing(&self) -> u64 {
        let end = self.header.map_or(Header::LENGTH as u64, |header| header.layout().end);
        end.saturating_sub(self.bytes.len() as u64)
    }

    /// The extensions, as far as they can be walked.
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions_part().bytes)
    }

    /// The payload.
    pub fn payload(&self) -> &'a [u8] {
        self.payload_part().bytes
    }

    /// The authentication tag; empty without AUTH.
    pub fn tag(&self) -> &'a [u8] {
        self.tag_part().bytes
    }

    /// The checksum, if there is one and all of it is there.
    pub fn checksum(&self) -> Option<u32> {
        self.checksum_part().bytes.first_chunk().copied().map(u32::from_be_bytes)
    }

    /// The checksum of the bytes before [`checksum`](RawFrame::checksum), where there is one.
    ///
    /// ```
    /// use framescope_parser::missive::{Flags, FrameBuf, Kind, RawFrame};
    ///
    /// let bytes = FrameBuf::new(Kind::ACK).flags(Flags::CHECKSUM).to_bytes()?;
    /// let raw = RawFrame::new(&bytes);
    /// assert_eq!(raw.checksum(), raw.computed_checksum());
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn computed_checksum(&self) -> Option<u32> {
        let part = self.checksum_part();
        let whole = part.bytes.len() == CHECKSUM_LENGTH;
        whole.then(|| check::checksum(self.bytes.get(..part.start).unwrap_or_default()))
    }

    pub(crate) fn extensions_part(&self) -> Part<'a> {
        self.part(Header::LENGTH as u64, self.layout().extensions_end)
    }

    pub(crate) fn payload_part(&self) -> Part<'a> {
        self.part(self.layout().extensions_end, self.layout().payload_end)
    }

    pub(crate) fn tag_part(&self) -> Part<'a> {
        self.part(self.layout().payload_end, self.layout().tag_end)
    }

    pub(crate) fn checksum_part(&self) -> Part<'a> {
        self.part(self.layout().tag_end, self.layout().end)
    }

    /// Without a header there are no parts.
    fn layout(&self) -> Layout {
        let nothing = Layout { extensions_end: 0, payload_end: 0, tag_end: 0, end: 0 };
        self.header.map_or(nothing, |header| header.layout())
    }

    fn part(&self, from: u64, to: u64) -> Part<'a> {
        let length = self.bytes.len();
        let place = |at: u64| usize::try_from(at).map_or(length, |at| at.min(length));
        let (start, complete) = (place(from), to <= length as u64);
        Part { bytes: self.bytes.get(start..place(to)).unwrap_or_default(), start, complete }
    }
}
