//! The payload of each kind, decoded.
//!
//! ```text
//! LOGIN       0    2 user_length
//!             2    … user               UTF-8
//!             …    2 credential_length
//!             …    … credential
//! LOGOUT      0    … reason             UTF-8
//! DATA        0    … content            UTF-8, unless CONTENT_TYPE says otherwise
//! ACK         0    … note               UTF-8
//! ERROR       0    2 code
//!             2    … text               UTF-8
//! PING, PONG  0    … 0 to 64 bytes
//! ```

use alloc::borrow::Cow;
use alloc::vec::Vec;

use nom::Parser;
use nom::bytes::complete::take;

use super::header::Kind;
use super::integers::{Read, be_u16};
use crate::utf8;
use crate::{Error, Fault};

/// A decoded payload, borrowed from the frame's bytes.
///
/// ```
/// use framescope_parser::missive::{Content, FrameBuf, Missive, Payload};
///
/// let bytes = FrameBuf::of(Payload::Login { user: "ada", credential: b"secret" })?.to_bytes()?;
/// let (frame, _) = Missive::default().decode(&bytes)?;
/// let Payload::Login { user, credential } = frame.read_payload()? else { panic!() };
/// assert_eq!((user, credential), ("ada", &b"secret"[..]));
///
/// let said = Payload::Data { content: Content::Text("你好") };
/// assert_eq!(FrameBuf::of(said)?.as_frame().read_payload()?, said);
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// Opens a channel: the user, and a proof of identity.
    Login {
        /// The user's name.
        user: &'a str,
        /// The proof: whatever the two sides agreed on.
        credential: &'a [u8],
    },
    /// The end of the channel.
    Logout {
        /// Why; may be empty.
        reason: &'a str,
    },
    /// Content of any type.
    Data {
        /// The content.
        content: Content<'a>,
    },
    /// The request was accepted.
    Ack {
        /// A note on it; may be empty.
        note: &'a str,
    },
    /// The request was refused.
    Error {
        /// Why, for programs. Its values are the application's.
        code: u16,
        /// Why, for people.
        text: &'a str,
    },
    /// Is the peer there?
    Ping {
        /// What the PONG is to return.
        bytes: &'a [u8],
    },
    /// The peer is there.
    Pong {
        /// The bytes of the PING.
        bytes: &'a [u8],
    },
    /// A kind that an application or a later version defines.
    Other {
        /// The kind.
        kind: Kind,
        /// All of its payload.
        bytes: &'a [u8],
    },
}

/// The content of a DATA.
///
/// ```
/// use framescope_parser::missive::Content;
///
/// assert_eq!(Content::Text("hi").as_bytes(), Content::Bytes(b"hi").as_bytes());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Text: the media type says so, or there is none.
    Text(&'a str),
    /// Anything else.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// The bytes, whatever they mean.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Content::Text(text) => text.as_bytes(),
            Content::Bytes(bytes) => bytes,
        }
    }
}

impl<'a> Payload<'a> {
    /// The most bytes a PING or PONG should carry.
    pub const PING_LIMIT: usize = 64;
    /// The media type of a DATA without a CONTENT_TYPE.
    pub const DEFAULT_CONTENT_TYPE: &'static str = "text/plain; charset=utf-8";

    /// The kind of frame that carries it.
    ///
    /// ```
    /// use framescope_parser::missive::{Kind, Payload};
    ///
    /// assert_eq!(Payload::Ack { note: "" }.kind(), Kind::ACK);
    /// ```
    pub fn kind(&self) -> Kind {
        match self {
            Payload::Login { .. } => Kind::LOGIN,
            Payload::Logout { .. } => Kind::LOGOUT,
            Payload::Data { .. } => Kind::DATA,
            Payload::Ack { .. } => Kind::ACK,
            Payload::Error { .. } => Kind::ERROR,
            Payload::Ping { .. } => Kind::PING,
            Payload::Pong { .. } => Kind::PONG,
            Payload::Other { kind, .. } => *kind,
        }
    }

    /// Reads the payload of a frame of that kind. `content_type` is that of the frame's CONTENT_TYPE, if it has one.
    /// Bytes after all that the kind defines are left to later versions.
    ///
    /// # Errors
    /// A length points past the payload's end, or text is not UTF-8. The offset counts from the payload's first byte.
    ///
    /// ```
    /// use framescope_parser::missive::{Kind, Payload};
    ///
    /// let error = Payload::read(Kind::LOGIN, None, b"\x00\x04ada").unwrap_err();
    /// assert_eq!((error.offset, error.field), (0, "user_length"));
    /// ```
    pub fn read(kind: Kind, content_type: Option<&str>, payload: &'a [u8]) -> Result<Self, Error> {
        let text = |name| utf8::text(payload, 0, name);
        Ok(match kind {
            Kind::LOGIN => {
                let (rest, user) = counted(payload, payload, "user_length")?;
                let (_, credential) = counted(payload, rest, "credential_length")?;
                Payload::Login { user: utf8::text(user, 2, "user")?, credential }
            }
            Kind::LOGOUT => Payload::Logout { reason: text("reason")? },
            Kind::DATA if content_type.is_none_or(is_text) => {
                Payload::Data { content: Content::Text(text("content")?) }
            }
            Kind::DATA => Payload::Data { content: Content::Bytes(payload) },
            Kind::ACK => Payload::Ack { note: text("note")? },
            Kind::ERROR => {
                let (text, code) = be_u16(payload).map_err(|_| too_short(payload.len(), 0, "code"))?;
                Payload::Error { code, text: utf8::text(text, 2, "text")? }
            }
            Kind::PING => Payload::Ping { bytes: payload },
            Kind::PONG => Payload::Pong { bytes: payload },
            kind => Payload::Other { kind, bytes: payload },
        })
    }

    /// The payload's bytes, borrowed where they are contiguous already.
    ///
    /// # Errors
    /// User or credential is longer than 65,535 bytes.
    ///
    /// ```
    /// use framescope_parser::missive::Payload;
    ///
    /// assert_eq!(*Payload::Error { code: 404, text: "no" }.to_bytes()?, *b"\x01\x94no");
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Cow<'a, [u8]>, Error> {
        Ok(Cow::Borrowed(match *self {
            Payload::Login { user, credential } => {
                let mut out = Vec::with_capacity(4 + user.len() + credential.len());
                put_counted(&mut out, "user", user.as_bytes())?;
                put_counted(&mut out, "credential", credential)?;
                return Ok(Cow::Owned(out));
            }
            Payload::Error { code, text } => {
                return Ok(Cow::Owned([&code.to_be_bytes(), text.as_bytes()].concat()));
            }
            Payload::Logout { reason } => reason.as_bytes(),
            Payload::Data { content } => content.as_bytes(),
            Payload::Ack { note } => note.as_bytes(),
            Payload::Ping { bytes } | Payload::Pong { bytes } | Payload::Other { bytes, .. } => bytes,
        }))
    }
}

fn too_short(found: usize, offset: usize, field: &'static str) -> Error {
    Error::new(offset, field, Fault::TooLong { limit: found as u64, found: 2 })
}

/// The bytes after a length of two bytes, which `rest`, the end of `payload`, begins with; and what follows them.
fn counted<'a>(
    payload: &[u8],
    rest: &'a [u8],
    length_name: &'static str,
) -> Result<(&'a [u8], &'a [u8]), Error> {
    let offset = payload.len() - rest.len();
    let (behind, length) = be_u16(rest).map_err(|_| too_short(rest.len(), offset, length_name))?;
    let taken: Read<'_, &[u8]> = take(length).parse(behind);
    taken.map_err(|_| {
        let fault = Fault::TooLong { limit: behind.len() as u64, found: length.into() };
        Error::new(offset, length_name, fault)
    })
}

/// Appends a length of two bytes, and `bytes`.
pub(crate) fn put_counted(out: &mut Vec<u8>, field: &'static str, bytes: &[u8]) -> Result<(), Error> {
    let length = u16::try_from(bytes.len()).map_err(|_| Error::too_long(field, u16::MAX, bytes.len()))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Whether content of that type is UTF-8 text: text and JSON, unless another character set is named.
pub(crate) fn is_text(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let (top, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
    let ends_with_json =
        sub.len() >= 4 && sub.get(sub.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let text = top.eq_ignore_ascii_case("text") || ends_with_json;
    let mut charsets = parts.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    text && charsets.next().is_none_or(|charset| {
        ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_says_so_or_is_json_unless_another_character_set_is_named() {
        for text in [
            "text/plain",
            "TEXT/html",
            "text",
            "application/json",
            "application/problem+JSON",
            "text/plain;charset=UTF-8",
            "text/plain; charset=\"utf8\"",
            "text/plain; format=flowed; charset=us-ascii",
        ] {
            assert!(is_text(text), "{text}");
        }
        for other in
            ["", "image/png", "application/octet-stream", "son", "text/plain; charset=latin1", "a/son"]
        {
            assert!(!is_text(other), "{other}");
        }
    }

    #[test]
    fn what_overruns_says_where_and_how_much() {
        let fault = |limit, found| Fault::TooLong { limit, found };
        for (kind, bytes, offset, field, expected) in [
            (Kind::LOGIN, &b"\x00"[..], 0, "user_length", fault(1, 2)),
            (Kind::LOGIN, b"\x00\x04ada", 0, "user_length", fault(3, 4)),
            (Kind::LOGIN, b"\x00\x03ada", 5, "credential_length", fault(0, 2)),
            (Kind::LOGIN, b"\x00\x03ada\x01\x00!", 5, "credential_length", fault(1, 256)),
            (Kind::LOGIN, b"\x00\x03a\xffa\x00\x00", 3, "user", Fault::InvalidUtf8 { found: 0xff }),
            (Kind::ERROR, b"\x00", 0, "code", fault(1, 2)),
            (Kind::ERROR, b"\x00\x01a\xe4", 3, "text", Fault::InvalidUtf8 { found: 0xe4 }),
            (Kind::LOGOUT, b"a\xff", 1, "reason", Fault::InvalidUtf8 { found: 0xff }),
            (Kind::ACK, b"\xff", 0, "note", Fault::InvalidUtf8 { found: 0xff }),
            (Kind::DATA, b"\xff", 0, "content", Fault::InvalidUtf8 { found: 0xff }),
        ] {
            assert_eq!(Payload::read(kind, None, bytes), Err(Error::new(offset, field, expected)));
        }
    }

    #[test]
    fn a_name_longer_than_its_length_can_say_is_not_written() {
        let long = alloc::string::String::from_utf8(alloc::vec![b'a'; 65_536]).unwrap();
        let fits = Payload::Login { user: long.get(1..).unwrap(), credential: b"" };
        assert_eq!(fits.to_bytes().unwrap().len(), 65_539);
        let error = Payload::Login { user: &long, credential: b"" }.to_bytes().unwrap_err();
        assert_eq!(error, Error::new(0, "user", Fault::TooLong { limit: 65_535, found: 65_536 }));
    }
}
