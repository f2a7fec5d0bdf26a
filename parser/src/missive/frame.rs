//! A whole frame: written with lengths and checks derived, and read back only if it is well-formed.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::check::{CHECKSUM_LENGTH, Key, TAG_LENGTH, checksum};
use super::extension::{Extensions, Tag};
use super::header::{Flags, Header, Kind};
use crate::{Error, Fault};

/// A frame to be written, or one read that is well-formed.
///
/// ```
/// use framescope_parser::missive::{Flags, Frame, Kind, Tag};
///
/// let frame = Frame::new(Kind::DATA)
///     .channel(3)
///     .sequence(17)
///     .flags(Flags::CHECKSUM)
///     .extension(Tag::SENDER, false, "ada".as_bytes())?
///     .payload("你好".as_bytes());
/// let bytes = frame.to_bytes()?;
/// let (read, rest) = Frame::read(&bytes, None)?;
/// assert_eq!(read, frame);
/// assert!(rest.is_empty());
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The extensions area; [`Extensions`] walks it.
    pub extensions: Cow<'a, [u8]>,
    /// The payload; what it means depends on the kind.
    pub payload: Cow<'a, [u8]>,
    /// The authentication tag that was read. Written only where no key is given to derive it from.
    pub tag: Option<[u8; TAG_LENGTH]>,
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
            extensions: Cow::Borrowed(&[]),
            payload: Cow::Borrowed(&[]),
            tag: None,
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

    /// Sets the flags. CHECKSUM and AUTH make [`encode`](Frame::encode) append what they stand for.
    pub fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Sets the payload.
    pub fn payload(mut self, payload: impl Into<Cow<'a, [u8]>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Sets the payload of a LOGIN.
    ///
    /// # Errors
    /// User or credential is longer than 65,535 bytes.
    pub fn login(self, user: &str, credential: &[u8]) -> Result<Self, Error> {
        let mut payload = Vec::new();
        put_short(&mut payload, "user", user.as_bytes())?;
        put_short(&mut payload, "credential", credential)?;
        Ok(self.payload(payload))
    }

    /// Sets the payload of an ERROR.
    pub fn error(self, code: u16, text: &str) -> Self {
        self.payload([&code.to_be_bytes(), text.as_bytes()].concat())
    }

    /// Appends an extension.
    ///
    /// # Errors
    /// The value is longer than 65,535 bytes.
    pub fn extension(mut self, tag: Tag, critical: bool, value: &[u8]) -> Result<Self, Error> {
        let extensions = self.extensions.to_mut();
        extensions.push(tag.0 | if critical { Tag::CRITICAL } else { 0 });
        put_short(extensions, "value", value)?;
        Ok(self)
    }

    /// The frame's bytes, where no key is needed.
    ///
    /// # Errors
    /// As [`encode`](Frame::encode).
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.encode(None, &mut out)?;
        Ok(out)
    }

    /// Appends the frame's bytes to `out`. Lengths and checks are derived; so is the tag, if there is a `key`.
    ///
    /// # Errors
    /// Extensions or payload are longer than their length fields can say, or AUTH is set and there is neither a key
    /// nor a tag. Nothing is appended then.
    pub fn encode(&self, key: Option<&Key>, out: &mut Vec<u8>) -> Result<(), Error> {
        let too_long =
            |field, limit, found: usize| Error::new(0, field, Fault::TooLong { limit, found: found as u64 });
        let header = Header {
            version: self.version,
            kind: self.kind,
            flags: self.flags,
            extensions_length: u16::try_from(self.extensions.len())
                .map_err(|_| too_long("extensions", u16::MAX.into(), self.extensions.len()))?,
            payload_length: u32::try_from(self.payload.len())
                .map_err(|_| too_long("payload", u32::MAX.into(), self.payload.len()))?,
            sequence: self.sequence,
            channel: self.channel,
            header_check: 0,
        };
        let auth = self.flags.contains(Flags::AUTH);
        if auth && key.is_none() && self.tag.is_none() {
            return Err(Error::new(0, "tag", Fault::KeyMissing));
        }
        let start = out.len();
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(&self.extensions);
        out.extend_from_slice(&self.payload);
        if auth {
            let tag = match key {
                Some(key) => key.tag(out.get(start..).unwrap_or_default()),
                None => self.tag.unwrap_or_default(),
            };
            out.extend_from_slice(&tag);
        }
        if self.flags.contains(Flags::CHECKSUM) {
            let sum = checksum(out.get(start..).unwrap_or_default());
            out.extend_from_slice(&sum.to_be_bytes());
        }
        Ok(())
    }

    /// Reads the frame that `bytes` begin with, only if its envelope is well-formed: version, flags, checks and
    /// extensions. Gives the bytes behind it too. The payload's contents are the caller's to judge.
    ///
    /// # Errors
    /// The first field that does not hold. With [`Fault::Incomplete`] more bytes may make it whole.
    pub fn read(bytes: &'a [u8], key: Option<&Key>) -> Result<(Frame<'a>, &'a [u8]), Error> {
        let header = Header::read(bytes)?;
        let mismatch =
            |offset, field, expected, found| Error::new(offset, field, Fault::Mismatch { expected, found });
        if header.version != Header::VERSION {
            return Err(mismatch(2, "version", Header::VERSION.into(), header.version.into()));
        }
        if header.flags.reserved() != 0 {
            let found = header.flags.reserved().into();
            return Err(Error::new(4, "flags", Fault::Reserved { found }));
        }
        let layout = header.layout();
        let part = |field, from: u64, to: u64| {
            let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
            range.and_then(|(from, to)| bytes.get(from..to)).ok_or_else(|| {
                let needed = usize::try_from(layout.end - bytes.len() as u64).unwrap_or(usize::MAX);
                Error::new(bytes.len(), field, Fault::Incomplete { needed })
            })
        };
        let rest =
            part("frame", layout.end, bytes.len().max(usize::try_from(layout.end).unwrap_or(0)) as u64)?;
        let extensions = part("extensions", Header::LENGTH as u64, layout.extensions_end)?;
        let payload = part("payload", layout.extensions_end, layout.payload_end)?;
        let tag_bytes = part("tag", layout.payload_end, layout.tag_end)?;
        let sum = part("checksum", layout.tag_end, layout.end)?;
        if let Some(sum) = sum.first_chunk().copied().map(u32::from_be_bytes) {
            let covered = bytes.len() - rest.len() - CHECKSUM_LENGTH;
            let computed = checksum(bytes.get(..covered).unwrap_or_default());
            if computed != sum {
                return Err(mismatch(covered, "checksum", computed.into(), sum.into()));
            }
        }
        let tag = tag_bytes.first_chunk().copied();
        if let (Some(key), true) = (key, tag.is_some()) {
            let signed = part("frame", 0, layout.payload_end)?;
            if !key.verifies(signed, tag_bytes) {
                return Err(Error::new(signed.len(), "tag", Fault::TagMismatch));
            }
        }
        let mut walk = Extensions::new(extensions);
        walk.by_ref().for_each(drop);
        if !walk.rest().is_empty() {
            let offset = Header::LENGTH + extensions.len() - walk.rest().len();
            let fault = Fault::TooLong { limit: walk.rest().len() as u64, found: 3 + claimed(walk.rest()) };
            return Err(Error::new(offset, "extensions", fault));
        }
        let frame = Frame {
            version: header.version,
            kind: header.kind,
            flags: header.flags,
            sequence: header.sequence,
            channel: header.channel,
            extensions: Cow::Borrowed(extensions),
            payload: Cow::Borrowed(payload),
            tag,
        };
        Ok((frame, rest))
    }
}

/// What the extension that `bytes` begin with claims as its length, as far as it says so.
pub(crate) fn claimed(bytes: &[u8]) -> u64 {
    bytes.get(1..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u16::from_be_bytes).into()
}

fn put_short(out: &mut Vec<u8>, field: &'static str, bytes: &[u8]) -> Result<(), Error> {
    let length = u16::try_from(bytes.len()).map_err(|_| {
        Error::new(0, field, Fault::TooLong { limit: u16::MAX.into(), found: bytes.len() as u64 })
    })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}
