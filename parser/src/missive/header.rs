//! The 20 bytes that every frame of every version begins with.
//!
//! ```text
//! offset size field
//!      0    2 magic              F5 4D
//!      2    1 version            1
//!      3    1 kind
//!      4    2 flags
//!      6    2 extensions_length  bytes
//!      8    4 payload_length     bytes
//!     12    4 sequence
//!     16    2 channel
//!     18    2 header_check       CRC-16/XMODEM of bytes 0..18
//! ```

use nom::Parser;
use nom::bytes::complete::tag;
use nom::error::Error as NomError;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::check;
use crate::{Error, Fault};

/// A frame's kind. Any byte is one; the named ones are constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u8);

impl Kind {
    /// Opens a channel: who speaks, and the proof of it.
    pub const LOGIN: Kind = Kind(1);
    /// Closes a channel.
    pub const LOGOUT: Kind = Kind(2);
    /// Content of any type.
    pub const DATA: Kind = Kind(3);
    /// Says that a request was taken.
    pub const ACK: Kind = Kind(4);
    /// Says that a request was refused, and why.
    pub const ERROR: Kind = Kind(5);
    /// Asks whether the peer is there.
    pub const PING: Kind = Kind(6);
    /// Says that it is.
    pub const PONG: Kind = Kind(7);

    /// The kind's name, where the specification gives it one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Kind::LOGIN => "LOGIN",
            Kind::LOGOUT => "LOGOUT",
            Kind::DATA => "DATA",
            Kind::ACK => "ACK",
            Kind::ERROR => "ERROR",
            Kind::PING => "PING",
            Kind::PONG => "PONG",
            _ => return None,
        })
    }

    /// Whether the kind is one an application may define for itself: 0x80 to 0xFF.
    pub fn is_application(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether a frame of this kind, unless it is itself a reply, asks for one.
    pub fn asks_for_reply(self) -> bool {
        matches!(self, Kind::LOGIN | Kind::LOGOUT | Kind::DATA | Kind::PING)
    }
}

/// A frame's flags. Reserved bits survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// A CRC-32 of the frame follows it.
    pub const CHECKSUM: Flags = Flags(0x0001);
    /// An authentication tag follows the payload.
    pub const AUTH: Flags = Flags(0x0002);
    /// The frame answers the request whose sequence number it carries.
    pub const REPLY: Flags = Flags(0x0004);
    /// This DATA goes on in the next DATA of its channel.
    pub const MORE: Flags = Flags(0x0008);
    /// The bits that have a meaning, with the names of their fields.
    pub const NAMED: [(Flags, &'static str); 4] = [
        (Flags::CHECKSUM, "checksum"),
        (Flags::AUTH, "auth"),
        (Flags::REPLY, "reply"),
        (Flags::MORE, "more"),
    ];

    /// Whether all of `other`'s bits are set.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`'s.
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The bits that must be zero and are not.
    pub fn reserved(self) -> u16 {
        self.0 & !0x000F
    }
}

/// A frame's header, as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format's version; 1 is the one this crate knows.
    pub version: u8,
    /// What the frame is.
    pub kind: Kind,
    /// What it carries besides its payload, and how it relates to others.
    pub flags: Flags,
    /// Bytes of extensions behind the header.
    pub extensions_length: u16,
    /// Bytes of payload behind the extensions.
    pub payload_length: u32,
    /// The frame's number in its direction and channel, or for a reply that of the request.
    pub sequence: u32,
    /// Which of the conversations that share the connection it belongs to.
    pub channel: u16,
    /// CRC-16/XMODEM of the 18 bytes before it.
    pub header_check: u16,
}

impl Header {
    /// Bytes of a header.
    pub const LENGTH: usize = 20;
    /// The two bytes a frame begins with.
    pub const MAGIC: [u8; 2] = [0xF5, 0x4D];
    /// The version this crate knows all of.
    pub const VERSION: u8 = 1;

    /// Reads the header that `bytes` begin with, and believes it only if magic and header check both hold.
    ///
    /// # Errors
    /// `magic` or `header_check` does not hold, or the bytes end too early.
    ///
    /// ```
    /// use framescope_parser::missive::{Frame, Header, Kind};
    ///
    /// let bytes = Frame::new(Kind::ACK).sequence(5).to_bytes()?;
    /// assert_eq!(Header::read(&bytes)?.sequence, 5);
    /// assert_eq!(Header::read(b"hello").unwrap_err().field, "magic");
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Header, Error> {
        if !may_begin(bytes) {
            let found = bytes.iter().take(2).fold(0, |all, &byte| (all << 8) | u64::from(byte));
            let expected = u64::from(u16::from_be_bytes(Self::MAGIC));
            return Err(Error::new(0, "magic", Fault::Mismatch { expected, found }));
        }
        let Some(header) = Header::read_unchecked(bytes) else {
            return Err(Error::new(0, "header", Fault::Incomplete { needed: Self::LENGTH - bytes.len() }));
        };
        let computed = check::header_check(bytes.get(..18).unwrap_or_default());
        if computed != header.header_check {
            let (expected, found) = (u64::from(computed), u64::from(header.header_check));
            return Err(Error::new(18, "header_check", Fault::Mismatch { expected, found }));
        }
        Ok(header)
    }

    /// Reads the fields, whether or not the check over them holds. None without magic or with fewer than 20 bytes.
    pub(crate) fn read_unchecked(bytes: &[u8]) -> Option<Header> {
        let fields = (be_u8, be_u8, be_u16, be_u16, be_u32, be_u32, be_u16, be_u16);
        let mut header = (tag(&Self::MAGIC[..]), fields).map(
            |(
                _,
                (version, kind, flags, extensions_length, payload_length, sequence, channel, header_check),
            )| {
                Header {
                    version,
                    kind: Kind(kind),
                    flags: Flags(flags),
                    extensions_length,
                    payload_length,
                    sequence,
                    channel,
                    header_check,
                }
            },
        );
        let read: nom::IResult<&[u8], Header, NomError<&[u8]>> = header.parse(bytes);
        read.ok().map(|(_, header)| header)
    }

    /// The header's bytes, with the check derived.
    pub fn to_bytes(&self) -> [u8; Header::LENGTH] {
        let mut out = [0; Header::LENGTH];
        let parts: [&[u8]; 8] = [
            &Self::MAGIC,
            &[self.version, self.kind.0],
            &self.flags.0.to_be_bytes(),
            &self.extensions_length.to_be_bytes(),
            &self.payload_length.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.channel.to_be_bytes(),
            &[],
        ];
        let bytes = parts.iter().flat_map(|part| part.iter());
        out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let check = check::header_check(out.get(..18).unwrap_or_default());
        out.iter_mut().skip(18).zip(check.to_be_bytes()).for_each(|(to, from)| *to = from);
        out
    }

    /// Where each part of the frame ends, from its first byte.
    pub fn layout(&self) -> Layout {
        let extensions_end = Self::LENGTH as u64 + u64::from(self.extensions_length);
        let payload_end = extensions_end + u64::from(self.payload_length);
        let tag_end =
            payload_end + if self.flags.contains(Flags::AUTH) { check::TAG_LENGTH as u64 } else { 0 };
        let end =
            tag_end + if self.flags.contains(Flags::CHECKSUM) { check::CHECKSUM_LENGTH as u64 } else { 0 };
        Layout { extensions_end, payload_end, tag_end, end }
    }
}

/// Where the parts of a frame end, counted from its first byte. A part that is not there ends where it would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the extensions end and the payload begins.
    pub extensions_end: u64,
    /// Where the payload ends and the tag begins.
    pub payload_end: u64,
    /// Where the tag ends and the checksum begins.
    pub tag_end: u64,
    /// Where the frame ends: its length.
    pub end: u64,
}

/// Whether a header could begin here: as many of the magic's bytes as there are, are the magic's.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().zip(Header::MAGIC).all(|(&found, magic)| found == magic)
}
