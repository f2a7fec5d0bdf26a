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

use super::check;
use super::integers::{Read, be_u8, be_u16, be_u32};
use crate::{Error, Fault};

/// A frame's kind. Any byte is one; the named ones are constants.
///
/// ```
/// use framescope_parser::missive::Kind;
///
/// const TYPING: Kind = Kind(0x80); // an application's own
/// assert_eq!((Kind::PING.name(), TYPING.name()), (Some("PING"), None));
/// assert!(TYPING.is_application() && !TYPING.asks_for_reply() && Kind::PING.asks_for_reply());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Kind(pub u8);

impl Kind {
    /// Opens a channel: the user, and a proof of identity.
    pub const LOGIN: Kind = Kind(1);
    /// Closes a channel.
    pub const LOGOUT: Kind = Kind(2);
    /// Content of any type.
    pub const DATA: Kind = Kind(3);
    /// Says that a request was accepted.
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

    /// Whether a frame of this kind, unless it is itself a reply, needs one.
    pub fn asks_for_reply(self) -> bool {
        matches!(self, Kind::LOGIN | Kind::LOGOUT | Kind::DATA | Kind::PING)
    }
}

/// A frame's flags. Reserved bits survive.
///
/// ```
/// use framescope_parser::missive::Flags;
///
/// let flags = Flags::REPLY | Flags::CHECKSUM;
/// assert!(flags.contains(Flags::REPLY) && !flags.contains(Flags::AUTH));
/// assert_eq!((flags.0, flags.reserved(), Flags(0x8001).reserved()), (0x0005, 0, 0x8000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Flags(pub u16);

impl Flags {
    /// A CRC-32 of the frame follows it.
    pub const CHECKSUM: Flags = Flags(0x0001);
    /// An authentication tag follows the payload.
    pub const AUTH: Flags = Flags(0x0002);
    /// The frame is a reply to the request whose sequence number it carries.
    pub const REPLY: Flags = Flags(0x0004);
    /// This DATA continues in the next DATA of its channel.
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

    /// The bits that must be zero and are not.
    pub fn reserved(self) -> u16 {
        self.0 & !0x000F
    }
}

impl core::ops::BitOr for Flags {
    type Output = Flags;

    /// These flags and the other's.
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// A frame's header, as it is in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Header {
    /// The format's version; 1 is the one this crate knows.
    pub version: u8,
    /// What the frame is.
    pub kind: Kind,
    /// What it carries besides its payload, and how it relates to others.
    pub flags: Flags,
    /// Bytes of extensions after the header.
    pub extensions_length: u16,
    /// Bytes of payload after the extensions.
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
    /// The version this crate knows in full.
    pub const VERSION: u8 = 1;

    /// Reads the header that `bytes` begin with, and trusts it only if magic and header check both hold.
    ///
    /// # Errors
    /// `magic` or `header_check` does not hold, or the bytes end too early.
    ///
    /// ```
    /// use framescope_parser::missive::{FrameBuf, Header, Kind};
    ///
    /// let bytes = FrameBuf::new(Kind::ACK).sequence(5).to_bytes()?;
    /// assert_eq!(Header::read(&bytes)?.sequence, 5);
    /// assert_eq!(Header::read(b"hello").unwrap_err().field, "magic");
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Header, Error> {
        Header::believed(bytes).ok_or_else(|| unbelieved(bytes))
    }

    /// The header that `bytes` begin with, if magic and header check both hold. In place, as every frame needs it.
    #[inline(always)]
    pub(crate) fn believed(bytes: &[u8]) -> Option<Header> {
        let fixed = bytes.first_chunk()?;
        // The fields last: what is read before a call must be kept across it.
        let holds = fixed.starts_with(&Self::MAGIC)
            && fixed.last_chunk() == Some(&check::header_check_of(fixed).to_be_bytes());
        holds.then(|| Header::fields(fixed)).flatten()
    }

    /// The fields of 20 bytes, whatever the magic and the check.
    #[inline(always)]
    pub(crate) fn fields(bytes: &[u8; Header::LENGTH]) -> Option<Header> {
        let mut fields = (be_u16, be_u8, be_u8, be_u16, be_u16, be_u32, be_u32, be_u16, be_u16);
        let read: Read<'_, _> = fields.parse(&bytes[..]);
        let (
            _,
            (_, version, kind, flags, extensions_length, payload_length, sequence, channel, header_check),
        ) = read.ok()?;
        let (kind, flags) = (Kind(kind), Flags(flags));
        Some(Header {
            version,
            kind,
            flags,
            extensions_length,
            payload_length,
            sequence,
            channel,
            header_check,
        })
    }

    /// Reads the fields, whether or not the check over them holds. None without magic or with fewer than 20 bytes.
    #[inline(always)]
    pub(crate) fn read_unchecked(bytes: &[u8]) -> Option<Header> {
        let fixed = bytes.first_chunk()?;
        fixed.starts_with(&Self::MAGIC).then(|| Header::fields(fixed)).flatten()
    }

    /// The header's bytes, with the check derived.
    ///
    /// ```
    /// use framescope_parser::missive::{FrameBuf, Header, Kind};
    ///
    /// let bytes = FrameBuf::new(Kind::ACK).sequence(5).to_bytes()?;
    /// let header = Header::read(&bytes)?;
    /// assert_eq!(header.to_bytes()[..], bytes[..20]);
    /// // A false length, and a check that holds all the same: what a fuzzer wants.
    /// let false_length = Header { payload_length: 1 << 20, ..header }.to_bytes();
    /// assert!(Header::read(&false_length).is_ok());
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn to_bytes(&self) -> [u8; Header::LENGTH] {
        let [m0, m1] = Self::MAGIC;
        let [f0, f1] = self.flags.0.to_be_bytes();
        let [e0, e1] = self.extensions_length.to_be_bytes();
        let [p0, p1, p2, p3] = self.payload_length.to_be_bytes();
        let [s0, s1, s2, s3] = self.sequence.to_be_bytes();
        let [c0, c1] = self.channel.to_be_bytes();
        let (version, kind) = (self.version, self.kind.0);
        let fields = [m0, m1, version, kind, f0, f1, e0, e1, p0, p1, p2, p3, s0, s1, s2, s3, c0, c1, 0, 0];
        let [h0, h1] = check::header_check_of(&fields).to_be_bytes();
        [m0, m1, version, kind, f0, f1, e0, e1, p0, p1, p2, p3, s0, s1, s2, s3, c0, c1, h0, h1]
    }

    /// Where each part of the frame ends, from its first byte.
    #[inline]
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
///
/// ```
/// use framescope_parser::missive::{Flags, FrameBuf, Header, Kind};
///
/// let frame = FrameBuf::new(Kind::PING).payload(b"1234").flags(Flags::CHECKSUM);
/// let layout = Header::read(&frame.to_bytes()?)?.layout();
/// assert_eq!((layout.extensions_end, layout.payload_end, layout.tag_end, layout.end), (20, 24, 24, 28));
/// # Ok::<(), framescope_parser::Error>(())
/// ```
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

/// Why the header that `bytes` begin with is not trusted.
#[cold]
pub(crate) fn unbelieved(bytes: &[u8]) -> Error {
    let found = bytes.iter().take(2).fold(0, |all, &byte| (all << 8) | u64::from(byte));
    let incomplete = Fault::Incomplete { needed: Header::LENGTH.saturating_sub(bytes.len()) };
    match bytes.first_chunk().map(|fixed| (Header::read_unchecked(fixed), check::header_check_of(fixed))) {
        Some((Some(header), computed)) => Error::mismatch(18, "header_check", computed, header.header_check),
        None if may_begin(bytes) || bytes.is_empty() => Error::new(0, "header", incomplete),
        _ => Error::mismatch(0, "magic", u16::from_be_bytes(Header::MAGIC), found),
    }
}

/// Whether a header could begin here: as many bytes as there are match the magic.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().zip(Header::MAGIC).all(|(&found, magic)| found == magic)
}
