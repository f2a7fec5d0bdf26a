//! Content codings: gzip, deflate, zstd and br, as HTTP and others name them, of content that is whole in memory.
//!
//! Unpacks within a limit, and never reads further than that.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use thiserror::Error;

/// A coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without its frame, which some servers send.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Br,
}

impl Coding {
    /// The coding of that name, as in `Content-Encoding`.
    pub fn from_name(name: &str) -> Option<Coding> {
        let is = |names: &[&str]| names.iter().any(|one| name.eq_ignore_ascii_case(one));
        match () {
            () if is(&["gzip", "x-gzip"]) => Some(Coding::Gzip),
            () if is(&["deflate"]) => Some(Coding::Deflate),
            () if is(&["zstd"]) => Some(Coding::Zstd),
            () if is(&["br"]) => Some(Coding::Br),
            () => None,
        }
    }

    /// `gzip`, `deflate`, `zstd` or `br`.
    pub fn as_str(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Zstd => "zstd",
            Coding::Br => "br",
        }
    }
}

/// What was unpacked.
#[derive(Debug, Default)]
pub struct Unpacked<'a> {
    /// The content, as far as it could be unpacked.
    pub content: Cow<'a, [u8]>,
    /// Why that is not all.
    pub fault: Option<Fault>,
}

/// Why content was not unpacked to its end.
#[derive(Debug, Error)]
pub enum Fault {
    /// It is longer than the limit.
    #[error("it unpacks to more than {limit} bytes, and the rest was left out")]
    TooMuch {
        /// The limit.
        limit: usize,
    },
    /// It is not what the coding says, or cut off.
    #[error("it is not valid {} after {unpacked} bytes of content: {source}", coding.as_str())]
    Invalid {
        /// The coding.
        coding: Coding,
        /// How many bytes could be unpacked.
        unpacked: usize,
        /// What the decoder says.
        source: io::Error,
    },
    /// The coding is not known.
    #[error("the coding '{name}' is not known here; gzip, deflate, zstd and br are")]
    Unknown {
        /// Its name.
        name: String,
    },
}

/// The most that is unpacked of content by default, in bytes.
pub const LIMIT: usize = 16 << 20;
/// The most codings one over another.
const MAX_CODINGS: usize = 4;

/// The limit for packed content of that length: 1,000 times as much, but at least 64 KiB and at most [`LIMIT`].
pub fn limit(packed: usize) -> usize {
    packed.saturating_mul(1000).clamp(64 << 10, LIMIT)
}

/// Undoes the codings of a list such as `Content-Encoding: gzip, br`, of which the last was applied last. `identity` and the empty
/// name do nothing.
///
/// ```
/// use framescope_carriers::content::unpack;
///
/// let packed = [0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06, 0x2c, 0x02, 0x15];
/// assert_eq!(&*unpack("deflate", &packed, 100).content, b"hello");
/// assert_eq!(&*unpack("deflate", &packed[2..11], 100).content, b"hello", "without zlib's frame");
/// let short = unpack("deflate", &packed, 4);
/// assert_eq!(&*short.content, b"hell");
/// assert!(short.fault.unwrap().to_string().contains("more than 4 bytes"));
/// ```
pub fn unpack<'a>(codings: &str, packed: &'a [u8], limit: usize) -> Unpacked<'a> {
    let mut all = Unpacked { content: Cow::Borrowed(packed), fault: None };
    let names = codings.rsplit(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
    for (number, name) in names.enumerate() {
        let Some(coding) = Coding::from_name(name).filter(|_| number < MAX_CODINGS) else {
            all.fault = Some(Fault::Unknown { name: name.chars().take(40).collect() });
            return all;
        };
        let (content, fault) = unpack_one(coding, &all.content, limit);
        all = Unpacked { content: Cow::Owned(content), fault };
        if all.fault.is_some() {
            return all;
        }
    }
    all
}

/// Undoes one coding: the content as far as it could be unpacked, and why that is not all.
pub fn unpack_one(coding: Coding, packed: &[u8], limit: usize) -> (Vec<u8>, Option<Fault>) {
    let mut content = Vec::new();
    // Nothing is packed as nothing by some senders.
    if packed.is_empty() {
        return (content, None);
    }
    let result = match coding {
        Coding::Gzip => copy(MultiGzDecoder::new(packed), limit, &mut content),
        Coding::Deflate => match packed {
            [first, second, ..] if is_zlib(*first, *second) => {
                copy(ZlibDecoder::new(packed), limit, &mut content)
            }
            _ => copy(DeflateDecoder::new(packed), limit, &mut content),
        },
        Coding::Zstd => zstd::Decoder::with_buffer(packed).and_then(|mut decoder| {
            // What the standard allows in HTTP, RFC 9659: 8 MiB.
            decoder.window_log_max(23)?;
            copy(decoder, limit, &mut content)
        }),
        Coding::Br => copy(brotli_decompressor::Decompressor::new(packed, 4096), limit, &mut content),
    };
    let unpacked = content.len();
    let fault = match result {
        Ok(true) => None,
        Ok(false) => Some(Fault::TooMuch { limit }),
        Err(source) => Some(Fault::Invalid { coding, unpacked, source }),
    };
    (content, fault)
}

/// Whether two bytes are the head of zlib's frame.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

/// Appends what a decoder gives, up to the limit. Whether that is all.
fn copy(decoder: impl Read, limit: usize, content: &mut Vec<u8>) -> io::Result<bool> {
    let mut reader = io::BufReader::with_capacity(16 << 10, decoder);
    loop {
        let part = match reader.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if part.is_empty() {
            return Ok(true);
        }
        let room = limit - content.len();
        if let Some(fits) = part.get(..room).filter(|_| part.len() > room) {
            content.extend_from_slice(fits);
            return Ok(false);
        }
        content.extend_from_slice(part);
        let length = part.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn packed(coding: Coding, content: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Zstd => zstd::encode_all(content, 3).unwrap(),
            // One uncompressed block, as RFC 7932 section 9.2 has it: no encoder is at hand.
            Coding::Br => match content {
                b"hello" => vec![0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03],
                _ => unreachable!(),
            },
        }
    }

    #[test]
    fn each_coding_is_undone() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd, Coding::Br] {
            let bytes = packed(coding, b"hello");
            let (content, fault) = unpack_one(coding, &bytes, 100);
            assert!(fault.is_none(), "{fault:?}");
            assert_eq!(content, b"hello", "{coding:?}");
            assert_eq!(Coding::from_name(coding.as_str()), Some(coding));
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&b"raw".repeat(9)).unwrap();
        assert_eq!(unpack_one(Coding::Deflate, &encoder.finish().unwrap(), 100).0, b"raw".repeat(9));
    }

    #[test]
    fn codings_are_undone_from_the_last_to_the_first() {
        let twice = packed(Coding::Zstd, &packed(Coding::Gzip, b"hello"));
        let unpacked = unpack(" gzip , identity, ZSTD", &twice, 100);
        assert!(unpacked.fault.is_none());
        assert_eq!(&*unpacked.content, b"hello");
        let many = ["gzip"; 6].join(",");
        let all = (0..6).fold(b"hello".to_vec(), |bytes, _| packed(Coding::Gzip, &bytes));
        assert!(matches!(unpack(&many, &all, 1000).fault, Some(Fault::Unknown { .. })), "bounded");
    }

    #[test]
    fn what_unpacks_to_too_much_is_cut_off() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let bytes = packed(coding, &vec![0; 1 << 20]);
            let (content, fault) = unpack_one(coding, &bytes, 100_000);
            assert_eq!(content.len(), 100_000);
            assert!(matches!(fault, Some(Fault::TooMuch { limit: 100_000 })));
            assert!(unpack_one(coding, &bytes, 1 << 20).1.is_none(), "just enough");
        }
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_unpacked_as_far_as_possible() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let text: Vec<u8> = (0..40_000u32).flat_map(|i| i.to_string().into_bytes()).collect();
            let bytes = packed(coding, &text);
            let (content, fault) = unpack_one(coding, &bytes[..bytes.len() / 2], 1 << 20);
            assert!(matches!(fault, Some(Fault::Invalid { .. })), "{coding:?}");
            assert!(text.starts_with(&content), "{coding:?}");
        }
        assert!(matches!(unpack("gzip", b"no gzip at all", 100).fault, Some(Fault::Invalid { .. })));
        assert!(matches!(unpack("snappy", b"abc", 100).fault, Some(Fault::Unknown { .. })));
        assert!(unpack("gzip", b"", 100).fault.is_none());
    }
}
