//! A whole, well-formed frame: borrowed, as it was read; or owned, to be built, written and stored.

use alloc::vec::Vec;

use super::Key;
use super::check::{self, Checksum, TAG_LENGTH};
use super::extension::{Extension, ExtensionValue, Extensions, Tag};
use super::header::{Flags, Header, Kind};
use super::payload::{Content, Payload, is_text, put_counted};
use crate::{Error, Fault};

/// A well-formed frame, borrowed from the bytes it was read from: the valid view.
///
/// [`Missive::decode`](super::Missive::decode) returns it; [`to_frame_buf`](Frame::to_frame_buf) makes it owned. One to
/// be written is built as a [`FrameBuf`], or, where nothing is to be copied first, as a literal:
///
/// ```
/// use framescope_parser::missive::{Frame, Kind, Missive};
///
/// let payload = vec![b'.'; 1 << 20];
/// let mut out = Vec::new();
/// Frame { sequence: 17, payload: &payload, ..Frame::new(Kind::DATA) }.encode(None, &mut out)?;
/// let (read, rest) = Missive::default().decode(&out)?;
/// assert_eq!((read.sequence, read.payload.len(), rest.len()), (17, 1 << 20, 0));
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The format's version.
    pub version: u8,
    /// What the frame is.
    pub kind: Kind,
    /// What it carries besides its payload, and how it relates to others.
    pub flags: Flags,
    /// Its number in its direction and channel, or for a reply that of the request.
    pub sequence: u32,
    /// Which of the conversations that share the connection it belongs to.
    pub channel: u16,
    /// The extensions area; [`extensions`](Frame::extensions) walks it.
    pub extensions: &'a [u8],
    /// The payload; [`read_payload`](Frame::read_payload) decodes it.
    pub payload: &'a [u8],
    /// The authentication tag that was read. Written only where no key is given to derive it from.
    pub tag: Option<&'a [u8; TAG_LENGTH]>,
}

impl<'a> Frame<'a> {
    /// A frame of that kind: sequence 0, channel 0, no flags, extensions or payload.
    pub fn new(kind: Kind) -> Self {
        Frame {
            version: Header::VERSION,
            kind,
            flags: Flags::default(),
            sequence: 0,
            channel: 0,
            extensions: &[],
            payload: &[],
            tag: None,
        }
    }

    /// Walks the extensions.
    ///
    /// ```
    /// use framescope_parser::missive::{ExtensionValue, FrameBuf, Kind, Tag};
    ///
    /// let frame = FrameBuf::new(Kind::DATA).with(ExtensionValue::Sender("ada"))?;
    /// let tags: Vec<Tag> = frame.as_frame().extensions().map(|extension| extension.tag).collect();
    /// assert_eq!(tags, [Tag::SENDER]);
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// The last extension with that tag.
    ///
    /// ```
    /// use framescope_parser::missive::{ExtensionValue, FrameBuf, Kind, Tag};
    ///
    /// let frame = FrameBuf::new(Kind::DATA).with(ExtensionValue::Sender("ada"))?;
    /// let frame = frame.as_frame();
    /// assert_eq!(frame.find(Tag::SENDER).unwrap().value()?, ExtensionValue::Sender("ada"));
    /// assert!(frame.find(Tag::TRACE_ID).is_none());
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn find(&self, tag: Tag) -> Option<Extension<'a>> {
        self.extensions().filter(|extension| extension.tag == tag).last()
    }

    /// The decoded payload.
    ///
    /// # Errors
    /// A length in it points past its end, or text is not UTF-8; or the CONTENT_TYPE of a frame built by hand is not.
    /// The offset counts from the frame's first byte.
    ///
    /// ```
    /// use framescope_parser::missive::{Frame, Kind};
    ///
    /// let frame = Frame { payload: b"\0\x05ada", ..Frame::new(Kind::LOGIN) };
    /// let error = frame.read_payload().unwrap_err();
    /// assert_eq!((error.offset, error.field), (20, "user_length"));
    /// ```
    pub fn read_payload(&self) -> Result<Payload<'a>, Error> {
        let content_type = match self.find(Tag::CONTENT_TYPE) {
            Some(extension) if self.kind == Kind::DATA => match extension.value() {
                Ok(ExtensionValue::ContentType(text)) => Some(text),
                Ok(_) => None,
                Err(error) => return Err(Error { offset: Header::LENGTH, ..error }),
            },
            _ => None,
        };
        let offset = Header::LENGTH + self.extensions.len();
        Payload::read(self.kind, content_type, self.payload)
            .map_err(|error| Error { offset: offset + error.offset, ..error })
    }

    /// Whether the content of a DATA is text: its CONTENT_TYPE says so, or there is none.
    pub(crate) fn has_text(content_type: Option<&[u8]>) -> bool {
        content_type.is_none_or(|bytes| core::str::from_utf8(bytes).is_ok_and(is_text))
    }

    /// An owned copy of the frame, which outlives the bytes it was read from.
    ///
    /// ```
    /// use framescope_parser::missive::{FrameBuf, Kind, Missive};
    ///
    /// fn first(bytes: Vec<u8>) -> Result<FrameBuf, framescope_parser::Error> {
    ///     Ok(Missive::default().decode(&bytes)?.0.to_frame_buf())
    /// }
    /// let frame = FrameBuf::new(Kind::DATA).payload("kept");
    /// assert_eq!(first(frame.to_bytes()?)?, frame);
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn to_frame_buf(&self) -> FrameBuf {
        FrameBuf {
            version: self.version,
            kind: self.kind,
            flags: self.flags,
            sequence: self.sequence,
            channel: self.channel,
            extensions: self.extensions.to_vec(),
            payload: self.payload.to_vec(),
            tag: self.tag.copied(),
        }
    }

    /// How many bytes the frame takes on the wire.
    ///
    /// ```
    /// use framescope_parser::missive::{Frame, Kind};
    ///
    /// assert_eq!(Frame { payload: b"1234", ..Frame::new(Kind::PING) }.encoded_length(), 24);
    /// ```
    pub fn encoded_length(&self) -> usize {
        let optional = |flag, length| if self.flags.contains(flag) { length } else { 0 };
        Header::LENGTH
            + self.extensions.len()
            + self.payload.len()
            + optional(Flags::AUTH, TAG_LENGTH)
            + optional(Flags::CHECKSUM, check::CHECKSUM_LENGTH)
    }

    /// Appends the frame's bytes to `out`. Lengths and checks are derived; so is the tag, if there is a `key`.
    ///
    /// # Errors
    /// Extensions or payload are longer than their length fields can say, or AUTH is set and there is neither a key nor
    /// a tag. Nothing is appended then.
    ///
    /// ```
    /// use framescope_parser::missive::{Flags, FrameBuf, Key, Kind, Missive};
    ///
    /// let key = Key::new(*b"our secret");
    /// let mut out = Vec::new();
    /// FrameBuf::new(Kind::DATA).flags(Flags::AUTH).payload("signed").encode(Some(&key), &mut out)?;
    /// let receiver = Missive { key: Some(key), ..Missive::default() };
    /// assert!(receiver.decode(&out).is_ok());
    /// let other = Missive { key: Some(Key::new(*b"another")), ..Missive::default() };
    /// assert_eq!(other.decode(&out).unwrap_err().field, "tag");
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn encode(&self, key: Option<&Key>, out: &mut Vec<u8>) -> Result<(), Error> {
        let header = self.header(key)?;
        out.reserve(self.encoded_length());
        self.parts(&header, key, &mut |part| out.extend_from_slice(part));
        Ok(())
    }

    /// Writes the frame's bytes to the start of `out`, without an allocator. Returns how many there are.
    ///
    /// # Errors
    /// As for [`encode`](Frame::encode), or `out` is shorter than [`encoded_length`](Frame::encoded_length). Nothing is
    /// written then.
    ///
    /// ```
    /// use framescope_parser::missive::{Frame, Kind};
    ///
    /// let mut buffer = [0; 64];
    /// let ping = Frame { payload: b"1234", ..Frame::new(Kind::PING) };
    /// assert_eq!(ping.encode_to_slice(None, &mut buffer)?, 24);
    /// assert_eq!(buffer[20..24], *b"1234");
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn encode_to_slice(&self, key: Option<&Key>, out: &mut [u8]) -> Result<usize, Error> {
        let header = self.header(key)?;
        let (length, there) = (self.encoded_length(), out.len());
        let mut rest = out.get_mut(..length).ok_or_else(|| Error::too_long("frame", there as u64, length))?;
        self.parts(&header, key, &mut |part| {
            // As long as all the parts together, by the line above.
            if let Some((to, behind)) = core::mem::take(&mut rest).split_at_mut_checked(part.len()) {
                to.copy_from_slice(part);
                rest = behind;
            }
        });
        Ok(length)
    }

    /// The frame's header, its lengths derived.
    fn header(&self, key: Option<&Key>) -> Result<Header, Error> {
        let (extensions, payload) = (self.extensions.len(), self.payload.len());
        if self.flags.contains(Flags::AUTH) && key.is_none() && self.tag.is_none() {
            return Err(Error::new(0, "tag", Fault::KeyMissing));
        }
        Ok(Header {
            version: self.version,
            kind: self.kind,
            flags: self.flags,
            extensions_length: u16::try_from(extensions)
                .map_err(|_| Error::too_long("extensions", u16::MAX, extensions))?,
            payload_length: u32::try_from(payload)
                .map_err(|_| Error::too_long("payload", u32::MAX, payload))?,
            sequence: self.sequence,
            channel: self.channel,
            header_check: 0,
        })
    }

    /// Passes the frame's bytes on, part by part.
    fn parts(&self, header: &Header, key: Option<&Key>, put: &mut dyn FnMut(&[u8])) {
        let header = header.to_bytes();
        let signed = [&header[..], self.extensions, self.payload];
        signed.iter().for_each(|part| put(part));
        let tag = self.flags.contains(Flags::AUTH).then(|| match key {
            Some(key) => key.tag(&signed),
            None => self.tag.copied().unwrap_or_default(),
        });
        if let Some(tag) = &tag {
            put(tag);
        }
        if self.flags.contains(Flags::CHECKSUM) {
            let mut checksum = Checksum::new();
            signed.iter().for_each(|part| checksum.update(part));
            checksum.update(tag.as_ref().map_or(&[], |tag| &tag[..]));
            put(&checksum.finalize().to_be_bytes());
        }
    }
}

/// A frame that owns its parts: to be built and written, or stored.
///
/// ```
/// use framescope_parser::missive::{ExtensionValue, Flags, FrameBuf, Kind, Missive};
///
/// let frame = FrameBuf::new(Kind::DATA)
///     .channel(3)
///     .sequence(17)
///     .flags(Flags::CHECKSUM)
///     .with(ExtensionValue::Sender("ada"))?
///     .payload("你好");
/// let bytes = frame.to_bytes()?;
/// let (read, rest) = Missive::default().decode(&bytes)?;
/// assert_eq!(read, frame);
/// assert!(rest.is_empty());
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FrameBuf {
    /// See [`Frame::version`].
    pub version: u8,
    /// See [`Frame::kind`].
    pub kind: Kind,
    /// See [`Frame::flags`].
    pub flags: Flags,
    /// See [`Frame::sequence`].
    pub sequence: u32,
    /// See [`Frame::channel`].
    pub channel: u16,
    /// See [`Frame::extensions`](struct@Frame).
    #[cfg_attr(feature = "serde", serde(with = "crate::hex::bytes"))]
    pub extensions: Vec<u8>,
    /// See [`Frame::payload`].
    #[cfg_attr(feature = "serde", serde(with = "crate::hex::bytes"))]
    pub payload: Vec<u8>,
    /// See [`Frame::tag`].
    #[cfg_attr(feature = "serde", serde(with = "crate::hex::tag"))]
    pub tag: Option<[u8; TAG_LENGTH]>,
}

impl FrameBuf {
    /// A frame of that kind: sequence 0, channel 0, no flags, extensions or payload.
    pub fn new(kind: Kind) -> Self {
        Frame::new(kind).to_frame_buf()
    }

    /// A frame with this payload. Content that is bytes gets the CONTENT_TYPE `application/octet-stream`; to name
    /// another, build the frame with [`with`](FrameBuf::with) and [`payload`](FrameBuf::payload).
    ///
    /// # Errors
    /// Those of [`Payload::to_bytes`].
    ///
    /// ```
    /// use framescope_parser::missive::{Flags, FrameBuf, Payload};
    ///
    /// let refusal = FrameBuf::of(Payload::Error { code: 403, text: "who are you?" })?.reply_to(5, 0);
    /// assert_eq!((refusal.sequence, refusal.flags), (5, Flags::REPLY));
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn of(payload: Payload<'_>) -> Result<Self, Error> {
        let frame = FrameBuf::new(payload.kind()).payload(payload.to_bytes()?);
        match payload {
            Payload::Data { content: Content::Bytes(_) } => {
                frame.with(ExtensionValue::ContentType("application/octet-stream"))
            }
            _ => Ok(frame),
        }
    }

    /// Sets the sequence number.
    pub fn sequence(mut self, sequence: u32) -> Self {
        self.sequence = sequence;
        self
    }

    /// Sets the channel.
    pub fn channel(mut self, channel: u16) -> Self {
        self.channel = channel;
        self
    }

    /// Makes it the reply to the request with that number on that channel.
    pub fn reply_to(mut self, sequence: u32, channel: u16) -> Self {
        self.flags = self.flags | Flags::REPLY;
        self.sequence(sequence).channel(channel)
    }

    /// Sets the flags. CHECKSUM and AUTH make [`encode`](Frame::encode) append what they stand for.
    pub fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Sets the payload.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Appends an extension with this value, which a receiver that does not know it may skip.
    ///
    /// # Errors
    /// The value is longer than 65,535 bytes.
    pub fn with(self, value: ExtensionValue<'_>) -> Result<Self, Error> {
        match value {
            ExtensionValue::Timestamp(micros) => self.extension(Tag::TIMESTAMP, false, &micros.to_be_bytes()),
            ExtensionValue::ContentType(text) => self.extension(Tag::CONTENT_TYPE, false, text.as_bytes()),
            ExtensionValue::Sender(text) => self.extension(Tag::SENDER, false, text.as_bytes()),
            ExtensionValue::TraceId(id) => self.extension(Tag::TRACE_ID, false, &id),
            ExtensionValue::Other(tag, bytes) => self.extension(tag, false, bytes),
        }
    }

    /// Appends an extension of any tag.
    ///
    /// # Errors
    /// The value is longer than 65,535 bytes.
    ///
    /// ```
    /// use framescope_parser::missive::{FrameBuf, Kind, Tag};
    ///
    /// let frame = FrameBuf::new(Kind::DATA).extension(Tag(0x40), true, b"!")?;
    /// assert_eq!(frame.extensions, b"\xc0\x00\x01!");
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn extension(mut self, tag: Tag, critical: bool, bytes: &[u8]) -> Result<Self, Error> {
        self.extensions.push(tag.0 & !Tag::CRITICAL | if critical { Tag::CRITICAL } else { 0 });
        put_counted(&mut self.extensions, "value", bytes)?;
        Ok(self)
    }

    /// The frame, borrowed.
    pub fn as_frame(&self) -> Frame<'_> {
        Frame {
            version: self.version,
            kind: self.kind,
            flags: self.flags,
            sequence: self.sequence,
            channel: self.channel,
            extensions: &self.extensions,
            payload: &self.payload,
            tag: self.tag.as_ref(),
        }
    }

    /// See [`Frame::encode`].
    ///
    /// # Errors
    /// Those of [`Frame::encode`].
    pub fn encode(&self, key: Option<&Key>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.as_frame().encode(key, out)
    }

    /// The frame's bytes, where no key is needed.
    ///
    /// # Errors
    /// Those of [`Frame::encode`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.encode(None, &mut out)?;
        Ok(out)
    }
}

/// Like the [`FrameBuf`] of an owned frame.
#[cfg(feature = "serde")]
impl serde::Serialize for Frame<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_frame_buf().serialize(serializer)
    }
}

impl PartialEq<FrameBuf> for Frame<'_> {
    fn eq(&self, other: &FrameBuf) -> bool {
        *self == other.as_frame()
    }
}
