//! COBS, SLIP, base64 and hexadecimal digits: what is between two delimiters, decoded and encoded. They know no stream.
//!
//! ```text
//! COBS    a count n, then n-1 bytes that are not 0, then a 0 unless n is 255 or the message ends; again and again
//! COBS/R  the same, but a last count that is larger than what follows it is itself the last byte
//! SLIP    DB DC is the byte C0, DB DD the byte DB; all others are themselves          (RFC 1055)
//! base64  four letters for three bytes, with or without `=` at the end               (RFC 4648, sections 4 and 5)
//! hex     two digits for a byte; blanks, tabs, `:`, `-`, `,` and `0x` between bytes are left aside
//! ```

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

/// An encoding whose messages end with a byte that occurs in no other place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Consistent Overhead Byte Stuffing: no zeros inside.
    Cobs,
    /// The variant of it that mostly takes no byte more than the message.
    CobsR,
    /// IP over serial lines, RFC 1055.
    Slip,
    /// A line of base64.
    Base64,
    /// A line of hexadecimal digits.
    Hex,
}

/// Why bytes are not what an encoding allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotEncoded {
    /// The count of COBS.
    #[error(
        "the count {count} is more than the {left} bytes that follow it: a byte of the message was lost or changed"
    )]
    Count {
        /// Where it is.
        at: usize,
        /// The count.
        count: u8,
        /// How many bytes follow it.
        left: usize,
    },
    /// SLIP's escape.
    #[error("the byte after the escape 0xdb is {found:#04x}, and only 0xdc and 0xdd can follow it")]
    Escape {
        /// Where the escape is.
        at: usize,
        /// What follows it; 0xc0 if the message ends there.
        found: u8,
    },
    /// A character of base64 or hex.
    #[error("the byte {found:#04x} is no digit of this encoding")]
    Digit {
        /// Where it is.
        at: usize,
        /// The byte.
        found: u8,
    },
    /// The number of digits.
    #[error("the line ends inside a byte: a digit is missing")]
    Length {
        /// Where the last digit is.
        at: usize,
    },
}

impl NotEncoded {
    /// Where in what was to be decoded it is wrong.
    pub fn at(self) -> usize {
        match self {
            NotEncoded::Count { at, .. }
            | NotEncoded::Escape { at, .. }
            | NotEncoded::Digit { at, .. }
            | NotEncoded::Length { at } => at,
        }
    }
}

impl Encoding {
    /// All of them.
    pub const ALL: [Encoding; 5] =
        [Encoding::Cobs, Encoding::CobsR, Encoding::Slip, Encoding::Base64, Encoding::Hex];

    /// Its name, which is that of its protocol and of its channel.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Cobs => "cobs",
            Encoding::CobsR => "cobsr",
            Encoding::Slip => "slip",
            Encoding::Base64 => "base64",
            Encoding::Hex => "hex",
        }
    }

    /// What it is, in a line.
    pub(super) fn about(self) -> &'static str {
        match self {
            Encoding::Cobs => "COBS: messages without zeros inside, a zero after each",
            Encoding::CobsR => "COBS/R, the shorter variant of COBS: a zero after each message",
            Encoding::Slip => "SLIP (RFC 1055): messages with 0xc0 after each, and perhaps before",
            Encoding::Base64 => "lines of base64, each of which is a message",
            Encoding::Hex => "lines of hexadecimal digits, each of which is a message",
        }
    }

    /// What each message ends with.
    pub fn delimiter(self) -> u8 {
        match self {
            Encoding::Cobs | Encoding::CobsR => 0,
            Encoding::Slip => SLIP_END,
            Encoding::Base64 | Encoding::Hex => b'\n',
        }
    }

    /// Whether delimiters that follow each other are as good as one. Of lines, each that is empty is shown.
    pub(super) fn joins_delimiters(self) -> bool {
        !self.is_lines()
    }

    pub(super) fn is_lines(self) -> bool {
        matches!(self, Encoding::Base64 | Encoding::Hex)
    }

    /// The message that these bytes, which are between two delimiters, stand for.
    ///
    /// # Errors
    /// Says which byte can't be there.
    pub fn decode(self, encoded: &[u8]) -> Result<Vec<u8>, NotEncoded> {
        match self {
            Encoding::Cobs => decode_cobs(encoded, false),
            Encoding::CobsR => decode_cobs(encoded, true),
            Encoding::Slip => decode_slip(encoded),
            Encoding::Base64 => decode_base64(encoded),
            Encoding::Hex => decode_hex(encoded),
        }
    }

    /// Appends what stands for a message, without a delimiter.
    pub fn encode(self, message: &[u8], out: &mut Vec<u8>) {
        match self {
            Encoding::Cobs => encode_cobs(message, false, out),
            Encoding::CobsR => encode_cobs(message, true, out),
            Encoding::Slip => encode_slip(message, out),
            Encoding::Base64 => {
                out.extend_from_slice(GeneralPurpose::new(&STANDARD, TOLERANT).encode(message).as_bytes());
            }
            Encoding::Hex => {
                let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
                out.extend(message.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
            }
        }
    }
}

fn decode_cobs(encoded: &[u8], is_reduced: bool) -> Result<Vec<u8>, NotEncoded> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&count, after)) = rest.split_first() {
        let at = encoded.len() - rest.len();
        let length = usize::from(count).saturating_sub(1);
        match after.split_at_checked(length) {
            // A zero is a delimiter, so none comes here from a stream.
            _ if count == 0 => return Err(NotEncoded::Count { at, count, left: after.len() }),
            Some((group, after)) => {
                out.extend_from_slice(group);
                if count != u8::MAX && !after.is_empty() {
                    out.push(0);
                }
                rest = after;
            }
            None if is_reduced => {
                out.extend_from_slice(after);
                out.push(count);
                break;
            }
            None => return Err(NotEncoded::Count { at, count, left: after.len() }),
        }
    }
    Ok(out)
}

fn encode_cobs(message: &[u8], is_reduced: bool, out: &mut Vec<u8>) {
    let mut groups = message.split(|&byte| byte == 0).peekable();
    while let Some(group) = groups.next() {
        let is_last_group = groups.peek().is_none();
        let mut rest = group;
        loop {
            let (now, later) = rest.split_at(rest.len().min(254));
            // A full count has no zero behind it, so what is full and the last needs no other.
            let is_last = later.is_empty() && (now.len() < 254 || is_last_group);
            let count = u8::try_from(now.len() + 1).unwrap_or(u8::MAX);
            match now.split_last() {
                Some((&last, before)) if is_reduced && is_last_group && is_last && last > count => {
                    out.push(last);
                    out.extend_from_slice(before);
                }
                _ => {
                    out.push(count);
                    out.extend_from_slice(now);
                }
            }
            rest = later;
            if is_last {
                break;
            }
        }
    }
}

const SLIP_END: u8 = 0xc0;
const SLIP_ESCAPE: u8 = 0xdb;
const SLIP_ESCAPED_END: u8 = 0xdc;
const SLIP_ESCAPED_ESCAPE: u8 = 0xdd;

fn decode_slip(encoded: &[u8]) -> Result<Vec<u8>, NotEncoded> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        out.push(match byte {
            SLIP_ESCAPE => match bytes.next().map_or(SLIP_END, |(_, byte)| byte) {
                SLIP_ESCAPED_END => SLIP_END,
                SLIP_ESCAPED_ESCAPE => SLIP_ESCAPE,
                found => return Err(NotEncoded::Escape { at, found }),
            },
            byte => byte,
        });
    }
    Ok(out)
}

fn encode_slip(message: &[u8], out: &mut Vec<u8>) {
    for &byte in message {
        match byte {
            SLIP_END => out.extend_from_slice(&[SLIP_ESCAPE, SLIP_ESCAPED_END]),
            SLIP_ESCAPE => out.extend_from_slice(&[SLIP_ESCAPE, SLIP_ESCAPED_ESCAPE]),
            byte => out.push(byte),
        }
    }
}

const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

fn decode_base64(encoded: &[u8]) -> Result<Vec<u8>, NotEncoded> {
    let is_url_safe = encoded.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = GeneralPurpose::new(if is_url_safe { &URL_SAFE } else { &STANDARD }, TOLERANT);
    engine.decode(encoded).map_err(|error| {
        let last = encoded.len().saturating_sub(1);
        match error {
            base64::DecodeError::InvalidByte(at, found)
            | base64::DecodeError::InvalidLastSymbol { offset: at, symbol: found, .. } => {
                NotEncoded::Digit { at, found }
            }
            _ => NotEncoded::Length { at: last },
        }
    })
}

fn decode_hex(encoded: &[u8]) -> Result<Vec<u8>, NotEncoded> {
    let mut out = Vec::with_capacity(encoded.len() / 2);
    let mut rest = encoded;
    while let Some((&first, after)) = rest.split_first() {
        let at = encoded.len() - rest.len();
        if matches!(first, b' ' | b'\t' | b':' | b'-' | b',') {
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix(b"0x").or_else(|| rest.strip_prefix(b"0X")) {
            rest = after;
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some(high) = digit(first) else { return Err(NotEncoded::Digit { at, found: first }) };
        let Some((&second, after)) = after.split_first() else { return Err(NotEncoded::Length { at }) };
        let Some(low) = digit(second) else { return Err(NotEncoded::Digit { at: at + 1, found: second }) };
        out.push(high << 4 | low);
        rest = after;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_papers_are_decoded_and_encoded() {
        let cases: [(Encoding, &[u8], &[u8]); 12] = [
            (Encoding::Cobs, b"", b"\x01"),
            (Encoding::Cobs, b"\0", b"\x01\x01"),
            (Encoding::Cobs, b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
            (Encoding::Cobs, b"\x11\0\0\0", b"\x02\x11\x01\x01\x01"),
            (Encoding::CobsR, b"ABC", b"CAB"),
            (Encoding::CobsR, b"\x05\x01", b"\x03\x05\x01"),
            (Encoding::CobsR, b"", b"\x01"),
            (Encoding::Slip, b"a\xc0b\xdbc", b"a\xdb\xdcb\xdb\xddc"),
            (Encoding::Base64, b"hello", b"aGVsbG8="),
            (Encoding::Base64, b"", b""),
            (Encoding::Hex, b"\x00\xff\x1a", b"00ff1a"),
            (Encoding::Hex, b"", b""),
        ];
        for (encoding, message, encoded) in cases {
            let mut out = Vec::new();
            encoding.encode(message, &mut out);
            assert_eq!(out, encoded, "{encoding:?} of {message:?}");
            assert_eq!(encoding.decode(encoded).as_deref(), Ok(message), "{encoding:?} from {encoded:?}");
        }
    }

    #[test]
    fn a_group_of_254_bytes_has_no_zero_behind_it() {
        for length in [253, 254, 255, 508, 509] {
            for tail in [&b""[..], b"\0", b"\0a"] {
                let message = [vec![7; length], tail.to_vec()].concat();
                for encoding in [Encoding::Cobs, Encoding::CobsR] {
                    let mut out = Vec::new();
                    encoding.encode(&message, &mut out);
                    assert!(!out.contains(&0));
                    assert_eq!(encoding.decode(&out), Ok(message.clone()), "{length} {tail:?}");
                }
            }
        }
        // As the cobs package of Python encodes it.
        let mut out = Vec::new();
        Encoding::Cobs.encode(&[7; 254], &mut out);
        assert_eq!((out.len(), out[0]), (255, 255));
    }

    #[test]
    fn a_byte_that_cannot_be_there_is_named() {
        let wrong = |encoding: Encoding, bytes: &[u8]| encoding.decode(bytes).unwrap_err().to_string();
        assert!(wrong(Encoding::Cobs, b"\x05ab").starts_with("the count 5 is more than the 2 bytes"));
        assert!(wrong(Encoding::Slip, b"a\xdbb").contains("after the escape 0xdb is 0x62"));
        assert!(wrong(Encoding::Slip, b"a\xdb").contains("is 0xc0"));
        assert_eq!(Encoding::Hex.decode(b"00 0g"), Err(NotEncoded::Digit { at: 4, found: b'g' }));
        assert_eq!(Encoding::Hex.decode(b"0x01:2"), Err(NotEncoded::Length { at: 5 }));
        assert_eq!(Encoding::Base64.decode(b"aG!s"), Err(NotEncoded::Digit { at: 2, found: b'!' }));
        assert_eq!(Encoding::Base64.decode(b"-_-_"), Ok(vec![0xfb, 0xff, 0xbf]));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_has_no_delimiter(
            message in prop::collection::vec(prop_oneof![Just(0), Just(SLIP_END), Just(SLIP_ESCAPE), any::<u8>()], 0..600),
        ) {
            for encoding in Encoding::ALL {
                let mut out = Vec::new();
                encoding.encode(&message, &mut out);
                prop_assert!(!out.contains(&encoding.delimiter()));
                prop_assert_eq!(encoding.decode(&out), Ok(message.clone()));
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_refused_at_one_of_them(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for encoding in Encoding::ALL {
                match encoding.decode(&bytes) {
                    Ok(message) => prop_assert!(message.len() <= bytes.len() + 1),
                    Err(wrong) => prop_assert!(wrong.at() < bytes.len()),
                }
            }
        }
    }
}
