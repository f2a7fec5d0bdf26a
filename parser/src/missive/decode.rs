//! Reads well-formed frames: one from a slice, or one after another from a stream that may be damaged.

use super::Missive;
use super::check::{self, CHECKSUM_LENGTH, TAG_LENGTH};
use super::extension::Extensions;
use super::frame::Frame;
use super::framing;
use super::header::{Flags, Header, unbelieved};
use super::raw::RawFrame;
use crate::framer::{Cursor, Span, SpanType};
use crate::{Code, Error, Fault, Input};

impl Missive {
    /// Decodes the frame that `bytes` begin with, if it is well-formed: header, limit, version, checksum, tag (with a
    /// key), and extensions hold. Returns the bytes after it too. [`Frame::read_payload`] reads its payload. Nothing is
    /// copied.
    ///
    /// A frame without AUTH is well-formed even where there is a key: a receiver that requires authentication checks
    /// that [`Frame::tag`] is there.
    ///
    /// # Errors
    /// The first field that does not hold. With [`Fault::Incomplete`] more bytes may make the frame whole.
    ///
    /// ```
    /// use framescope_parser::missive::{Content, FrameBuf, Missive, Payload};
    ///
    /// let bytes = FrameBuf::of(Payload::Data { content: Content::Text("hello") })?.sequence(7).to_bytes()?;
    /// let (frame, rest) = Missive::default().decode(&bytes)?;
    /// assert_eq!((frame.sequence, rest.len()), (7, 0));
    /// assert_eq!(frame.read_payload()?, Payload::Data { content: Content::Text("hello") });
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    #[inline]
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Result<(Frame<'a>, &'a [u8]), Error> {
        self.decode_with(bytes, |covered| check::checksum(bytes.get(..covered).unwrap_or_default()))
    }

    /// The frames of a stream, and what is between them. A damaged stream loses only the frames that the damage
    /// touches, and the items in their place say what they were.
    ///
    /// ```
    /// use framescope_parser::missive::{Frame, FrameBuf, Item, Kind, Missive};
    ///
    /// let ping = FrameBuf::new(Kind::PING).to_bytes()?;
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

    /// Decodes a frame; `checksum_of` computes the checksum of its first bytes. In place, so that the frame is not
    /// moved.
    #[inline(always)]
    fn decode_with<'a>(
        &self,
        bytes: &'a [u8],
        checksum_of: impl FnOnce(usize) -> u32,
    ) -> Result<(Frame<'a>, &'a [u8]), Error> {
        let Some(header) = Header::believed(bytes) else { return Err(unbelieved(bytes)) };
        if header.payload_length > self.payload_limit {
            return Err(self.over_the_limit(&header));
        }
        if header.version != Header::VERSION {
            return Err(Error::mismatch(2, "version", Header::VERSION, header.version));
        }
        let Some(whole) = usize::try_from(header.layout().end).ok().and_then(|end| bytes.get(..end)) else {
            return Err(incomplete(&header, bytes));
        };
        let mut covered = whole;
        if header.flags.contains(Flags::CHECKSUM)
            && let Some((before, found)) = whole.split_last_chunk::<CHECKSUM_LENGTH>()
        {
            let (computed, found) = (checksum_of(before.len()), u32::from_be_bytes(*found));
            if computed != found {
                return Err(Error::mismatch(before.len(), "checksum", computed, found));
            }
            covered = before;
        }
        let mut found = None;
        if header.flags.contains(Flags::AUTH)
            && let Some((signed, tag)) = covered.split_last_chunk::<TAG_LENGTH>()
        {
            if self.key.as_ref().is_some_and(|key| !key.verifies(signed, tag)) {
                return Err(Error::new(signed.len(), "tag", Fault::TagMismatch));
            }
            (found, covered) = (Some(tag), signed);
        }
        // Read again, which costs less than keeping it across the calls for the checks.
        let parts = whole.first_chunk().and_then(Header::fields).and_then(|header| {
            let (_, rest) = covered.split_at_checked(Header::LENGTH)?;
            let (extensions, payload) = rest.split_at_checked(header.extensions_length.into())?;
            Some((header, extensions, payload))
        });
        let Some((header, extensions, payload)) = parts else { return Err(incomplete(&header, bytes)) };
        if !extensions.is_empty() {
            self.check_extensions(extensions)?;
        }
        let frame = Frame {
            version: header.version,
            kind: header.kind,
            flags: header.flags,
            sequence: header.sequence,
            channel: header.channel,
            extensions,
            payload,
            tag: found,
        };
        Ok((frame, bytes.get(whole.len()..).unwrap_or_default()))
    }

    #[cold]
    fn over_the_limit(&self, header: &Header) -> Error {
        let fault = Fault::TooLong { limit: self.payload_limit.into(), found: header.payload_length.into() };
        Error::new(8, "payload_length", fault)
    }

    fn check_extensions(&self, extensions: &[u8]) -> Result<(), Error> {
        let mut walk = Extensions::new(extensions);
        let mut offset = Header::LENGTH;
        for extension in walk.by_ref() {
            extension.value().map_err(|error| Error { offset: offset + error.offset, ..error })?;
            if extension.critical && self.tag_name(extension.tag).is_none() {
                let fault = Fault::CriticalUnknown { found: extension.tag.0 };
                return Err(Error::new(offset, "extensions", fault));
            }
            offset += extension.length();
        }
        if walk.rest().is_empty() { Ok(()) } else { Err(walk.overrun(offset)) }
    }

    /// What comes first in `bytes`, the unread ones of a stream from the cursor's offset on.
    #[inline]
    pub(crate) fn receive<'a>(
        &self,
        cursor: &mut Cursor,
        bytes: &'a [u8],
        last: bool,
    ) -> Option<Received<'a>> {
        let offset = cursor.offset();
        if let Some(memo) = cursor.memo_between_spans() {
            let input = Input { bytes, first_segment: bytes.len(), last, offset, context: None };
            let whole = self.decode_with(bytes, |covered| framing::checksum(input, covered, memo));
            if let Ok((frame, rest)) = whole {
                let length = bytes.len() - rest.len();
                cursor.skip(length);
                return Some(Received { offset, length: length as u64, item: Item::Frame(frame) });
            }
        }
        let Span { offset, length, span_type, .. } = cursor.next(self, bytes, &mut |_| usize::MAX, last)?;
        let span = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).unwrap_or_default();
        let item = match span_type {
            SpanType::Skipped(code) => Item::Skipped(code),
            SpanType::Message => match self.decode(span) {
                Ok((frame, _)) => Item::Frame(frame),
                Err(error) => Item::Refused(span, error),
            },
            SpanType::Partial | SpanType::Gap => Item::Partial(span),
        };
        Some(Received { offset, length, item })
    }
}

#[cold]
fn incomplete(header: &Header, bytes: &[u8]) -> Error {
    let missing = header.layout().end.saturating_sub(bytes.len() as u64);
    let needed = usize::try_from(missing).unwrap_or(usize::MAX);
    Error::new(bytes.len(), "frame", Fault::Incomplete { needed })
}

/// An item of a stream: a frame, or bytes that are not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Where in the stream it begins.
    pub offset: u64,
    /// How many bytes long it is.
    pub length: u64,
    /// What it is.
    pub item: Item<'a>,
}

/// The content of a [`Received`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A well-formed frame.
    Frame(Frame<'a>),
    /// A frame that must be refused, its bytes, and why. The stream continues after it. [`RawFrame`] still shows what
    /// is in it.
    Refused(&'a [u8], Error),
    /// Bytes that are not a frame, and why.
    Skipped(Code),
    /// The bytes of a frame that the end cuts off.
    Partial(&'a [u8]),
}

impl<'a> Received<'a> {
    /// The frame, if it is one.
    ///
    /// # Errors
    /// Why it is not. The offset counts from the stream's first byte.
    pub fn into_frame(self) -> Result<Frame<'a>, Error> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let length = self.length;
        Err(match self.item {
            Item::Frame(frame) => return Ok(frame),
            Item::Refused(_, error) => Error { offset: offset.saturating_add(error.offset), ..error },
            Item::Skipped(code) => Error::new(offset, "frame", Fault::Skipped { code, length }),
            Item::Partial(bytes) => {
                let needed = usize::try_from(RawFrame::new(bytes).missing()).unwrap_or(usize::MAX);
                Error::new(offset, "frame", Fault::Incomplete { needed })
            }
        })
    }
}

/// Iterates over a stream's frames and what is between them; see [`Missive::frames`].
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
