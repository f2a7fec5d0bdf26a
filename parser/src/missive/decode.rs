//! Reading frames that are well-formed: one from a slice, or one after another from a stream that may be damaged.

use alloc::borrow::Cow;

use super::Missive;
use super::check;
use super::extension::Tag;
use super::frame::Frame;
use super::framing;
use super::header::Header;
use super::raw::RawFrame;
use crate::framer::{Cursor, Tile, TileType};
use crate::{Code, Error, Fault, Input};

impl Missive {
    /// Decodes the frame that `bytes` begin with, if it is well-formed: header, limit, version, checksum, tag (with a
    /// key), and extensions hold. Gives the bytes behind it too. What the payload says is read by
    /// [`Frame::read_payload`]. Nothing is copied.
    ///
    /// A frame without AUTH is well-formed also where there is a key: who demands authentication looks whether
    /// [`Frame::tag`] is there.
    ///
    /// # Errors
    /// The first field that does not hold. With [`Fault::Incomplete`] more bytes may make the frame whole.
    ///
    /// ```
    /// use framescope_parser::missive::{Content, Frame, Missive, Payload};
    ///
    /// let bytes = Frame::of(Payload::Data { content: Content::Text("hello") })?.sequence(7).to_bytes()?;
    /// let (frame, rest) = Missive::default().decode(&bytes)?;
    /// assert_eq!((frame.sequence, rest.len()), (7, 0));
    /// assert_eq!(frame.read_payload()?, Payload::Data { content: Content::Text("hello") });
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    #[inline]
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Result<(Frame<'a>, &'a [u8]), Error> {
        self.decode_with(bytes, |covered| check::checksum(bytes.get(..covered).unwrap_or_default()))
    }

    /// The frames of a stream, and what stands between them. A damaged stream costs the frames that the damage
    /// touches, and what they were is said.
    ///
    /// ```
    /// use framescope_parser::missive::{Frame, Item, Kind, Missive};
    ///
    /// let ping = Frame::new(Kind::PING).to_bytes()?;
    /// let stream = [&ping[..], b"noise", &ping[..], &ping[..9]].concat();
    /// let missive = Missive::default();
    /// let found: Vec<(u64, u64)> = missive.frames(&stream).map(|one| (one.offset, one.length)).collect();
    /// assert_eq!(found, [(0, 20), (20, 5), (25, 20), (45, 9)]);
    /// let frames = missive.frames(&stream).filter(|one| matches!(one.item, Item::Frame(_)));
    /// assert_eq!(frames.count(), 2);
    ///
    /// // Where nothing may be wrong, as in a test:
    /// let all: Result<Vec<Frame>, _> = missive.frames(&stream).map(|one| one.into_frame()).collect();
    /// assert_eq!(all.unwrap_err().offset, 20);
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn frames<'a>(&'a self, stream: &'a [u8]) -> Frames<'a> {
        Frames { missive: self, stream, cursor: Cursor::default() }
    }

    /// Decodes a frame, with `checksum_of` its first so many bytes.
    #[inline]
    fn decode_with<'a>(
        &self,
        bytes: &'a [u8],
        checksum_of: impl FnOnce(usize) -> u32,
    ) -> Result<(Frame<'a>, &'a [u8]), Error> {
        let header = Header::read(bytes)?;
        if header.payload_length > self.payload_limit {
            let fault =
                Fault::TooLong { limit: self.payload_limit.into(), found: header.payload_length.into() };
            return Err(Error::new(8, "payload_length", fault));
        }
        if header.version != Header::VERSION {
            return Err(Error::mismatch(2, "version", Header::VERSION, header.version));
        }
        let layout = header.layout();
        let incomplete = || {
            let missing = layout.end.saturating_sub(bytes.len() as u64);
            let needed = usize::try_from(missing).unwrap_or(usize::MAX);
            Error::new(bytes.len(), "frame", Fault::Incomplete { needed })
        };
        let part = |from: u64, to: u64| bytes.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?);
        let parts = (
            part(Header::LENGTH as u64, layout.extensions_end),
            part(layout.extensions_end, layout.payload_end),
            part(layout.payload_end, layout.tag_end),
            part(layout.tag_end, layout.end),
        );
        let (Some(extensions), Some(payload), Some(tag), Some(checksum)) = parts else {
            return Err(incomplete());
        };
        let covered = Header::LENGTH + extensions.len() + payload.len() + tag.len();
        if let Some(found) = checksum.first_chunk().copied().map(u32::from_be_bytes) {
            let computed = checksum_of(covered);
            if computed != found {
                return Err(Error::mismatch(covered, "checksum", computed, found));
            }
        }
        let found = tag.first_chunk().copied();
        if let (Some(key), Some(_)) = (&self.key, found) {
            let signed = bytes.get(..covered - tag.len()).unwrap_or_default();
            if !key.verifies(signed, tag) {
                return Err(Error::new(signed.len(), "tag", Fault::TagMismatch));
            }
        }
        let frame = Frame {
            version: header.version,
            kind: header.kind,
            flags: header.flags,
            sequence: header.sequence,
            channel: header.channel,
            extensions: Cow::Borrowed(extensions),
            payload: Cow::Borrowed(payload),
            tag: found,
        };
        if !extensions.is_empty() {
            self.check_extensions(&frame)?;
        }
        Ok((frame, bytes.get(covered + checksum.len()..).unwrap_or_default()))
    }

    fn check_extensions(&self, frame: &Frame<'_>) -> Result<(), Error> {
        let mut walk = frame.extensions();
        let mut offset = Header::LENGTH;
        while let Some(extension) = walk.next() {
            extension.value().map_err(|error| Error { offset: offset + error.offset, ..error })?;
            if extension.critical && self.tag_name(extension.tag).is_none() {
                let fault = Fault::CriticalUnknown { found: extension.tag.0 };
                return Err(Error::new(offset, "extensions", fault));
            }
            offset += extension.length();
        }
        if walk.rest().is_empty() { Ok(()) } else { Err(walk.overrun(offset)) }
    }

    /// The name of an extension that is known here: by the specification, or as one of the application's.
    pub(crate) fn tag_name(&self, tag: Tag) -> Option<&str> {
        let own = || Some(self.extensions.iter().find(|(known, _)| *known == tag)?.1.as_str());
        tag.name().or_else(own)
    }

    /// What stands first in `bytes`, the unread ones of a stream from the cursor's place on.
    pub(crate) fn receive<'a>(
        &self,
        cursor: &mut Cursor,
        bytes: &'a [u8],
        last: bool,
    ) -> Option<Received<'a>> {
        let offset = cursor.offset();
        if let Some(memo) = cursor.memo_between_tiles() {
            let input = Input { bytes, first_segment: bytes.len(), last, offset };
            let whole = self.decode_with(bytes, |covered| framing::checksum(input, covered, memo));
            if let Ok((frame, rest)) = whole {
                let length = bytes.len() - rest.len();
                cursor.skip(length);
                return Some(Received { offset, length: length as u64, item: Item::Frame(frame) });
            }
        }
        let Tile { offset, length, tile_type } = cursor.next(self, bytes, &mut |_| usize::MAX, last)?;
        let tile = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).unwrap_or_default();
        let item = match tile_type {
            TileType::Skipped(code) => Item::Skipped(code),
            TileType::Message => match self.decode(tile) {
                Ok((frame, _)) => Item::Frame(frame),
                Err(error) => Item::Refused(RawFrame::new(tile), error),
            },
            TileType::Partial | TileType::Gap => Item::Partial(RawFrame::new(tile)),
        };
        Some(Received { offset, length, item })
    }
}

/// One thing found in a stream: a frame, or what is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Where in the stream it begins.
    pub offset: u64,
    /// How many bytes long it is.
    pub length: u64,
    /// What it is.
    pub item: Item<'a>,
}

/// What a stretch of a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A well-formed frame.
    Frame(Frame<'a>),
    /// A frame that must be refused, and why. The stream goes on behind it.
    Refused(RawFrame<'a>, Error),
    /// Bytes that are no frame, and why.
    Skipped(Code),
    /// A frame that the end cuts off.
    Partial(RawFrame<'a>),
}

impl<'a> Received<'a> {
    /// The frame, if it is one.
    ///
    /// # Errors
    /// Why it is none. The offset counts from the stream's first byte.
    pub fn into_frame(self) -> Result<Frame<'a>, Error> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let length = self.length;
        Err(match self.item {
            Item::Frame(frame) => return Ok(frame),
            Item::Refused(_, error) => Error { offset: offset.saturating_add(error.offset), ..error },
            Item::Skipped(code) => Error::new(offset, "frame", Fault::Skipped { code, length }),
            Item::Partial(raw) => {
                let needed = usize::try_from(raw.missing()).unwrap_or(usize::MAX);
                Error::new(offset, "frame", Fault::Incomplete { needed })
            }
        })
    }
}

/// Gives what stands in a stream, one thing after another; see [`Missive::frames`].
#[derive(Debug)]
pub struct Frames<'a> {
    missive: &'a Missive,
    stream: &'a [u8],
    cursor: Cursor,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Received<'a>;

    #[inline]
    fn next(&mut self) -> Option<Received<'a>> {
        let read = usize::try_from(self.cursor.offset()).ok()?;
        let rest = self.stream.get(read..)?;
        self.missive.receive(&mut self.cursor, rest, true)
    }
}
