//! The checks over a frame, and the key of the authenticated ones.

use alloc::string::String;
use alloc::vec::Vec;

use crc::{CRC_16_XMODEM, Crc, Table};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::hex;

/// Bytes of an authentication tag: the first ones of an HMAC-SHA-256.
pub(crate) const TAG_LENGTH: usize = 16;
/// Bytes of a checksum.
pub(crate) const CHECKSUM_LENGTH: usize = 4;

static HEADER_CHECK: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// The check over a header, which does not cover the header's last two bytes, its own.
///
/// The one place that computes it, and never inlined: so the library's code for any CRC is compiled into one for this
/// CRC, which takes two thirds of the time.
#[inline(never)]
pub(crate) fn header_check_of(header: &[u8; 20]) -> u16 {
    let (covered, _) = header.split_at(18);
    HEADER_CHECK.checksum(covered)
}

pub(crate) use crc32fast::Hasher as Checksum;

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The secret that authenticated frames are signed with. Never shown. Tags are compared in the same time wherever they
/// differ.
///
/// ```
/// use framescope_parser::missive::Key;
///
/// let key = Key::from_hex("00112233445566778899aabbccddeeff")?;
/// assert_eq!(format!("{key:?}"), "Key(…)");
/// assert!(Key::from_hex("001").unwrap_err().contains("no pair"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of any length.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Key(bytes.into())
    }

    /// A key written as pairs of hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with the text, in a sentence.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err(String::from("the key is empty"));
        }
        if !text.len().is_multiple_of(2) {
            return Err(String::from(
                "a key is written in pairs of hexadecimal digits, and one digit has no pair",
            ));
        }
        hex::decode(text)
            .map(Key)
            .ok_or_else(|| String::from("a key is written in hexadecimal digits: 0 to 9 and a to f"))
    }

    fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        // An HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac)
    }

    /// The whole HMAC-SHA-256 over some bytes.
    ///
    /// ```
    /// use framescope_parser::missive::Key;
    ///
    /// assert_eq!(Key::new(b"key".as_slice()).hmac_sha_256(b"")[..4], [0x5d, 0x5d, 0x13, 0x95]);
    /// ```
    pub fn hmac_sha_256(&self, bytes: &[u8]) -> [u8; 32] {
        self.mac(&[bytes]).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether `tag` is the beginning of the HMAC-SHA-256 over some bytes; takes the same time wherever they differ.
    ///
    /// ```
    /// use framescope_parser::missive::Key;
    ///
    /// let key = Key::new(b"key".as_slice());
    /// assert!(key.verifies_hmac_sha_256(b"", &key.hmac_sha_256(b"")[..16]));
    /// assert!(!key.verifies_hmac_sha_256(b"", &[]), "no tag at all says nothing");
    /// ```
    pub fn verifies_hmac_sha_256(&self, bytes: &[u8], tag: &[u8]) -> bool {
        !tag.is_empty() && self.mac(&[bytes]).is_some_and(|mac| mac.verify_truncated_left(tag).is_ok())
    }

    /// The tag over the bytes of all parts, one after another.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_LENGTH] {
        let mut tag = [0; TAG_LENGTH];
        if let Some(mac) = self.mac(parts) {
            tag.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        }
        tag
    }

    /// Whether `tag` is the tag over `bytes`; takes the same time wherever they differ.
    pub(crate) fn verifies(&self, bytes: &[u8], tag: &[u8]) -> bool {
        tag.len() == TAG_LENGTH && self.verifies_hmac_sha_256(bytes, tag)
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// CRC-32s of any range of a region, each for the price of a few hundred bytes, once the region was read once.
///
/// An attacker may write many headers that all claim the same megabytes; without this each would cost them anew.
#[derive(Debug, Default)]
pub(crate) struct RangeChecksums {
    /// Up to here in the stream, bytes were read for a checksum that failed, so that they may be asked for again.
    pub(crate) read_to: u64,
    /// Where in the stream the region begins.
    start: u64,
    /// `prefixes[i]` is the CRC-32 of the region's first `i * STRIDE` bytes.
    prefixes: Vec<u32>,
}

const STRIDE: usize = 256;
/// The prefixes of a longer region are dropped once the reader has gone so far past its start.
const REGION: u64 = 64 << 20;

impl RangeChecksums {
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// The CRC-32 of the first `length` of `bytes`, which stand at `offset` in the stream.
    pub(crate) fn checksum(&mut self, bytes: &[u8], offset: u64, length: usize) -> Option<u32> {
        let known_end = self.start + (self.prefixes.len().saturating_sub(1) * STRIDE) as u64;
        let outgrown = offset.saturating_sub(self.start) > (length as u64).max(REGION);
        if self.prefixes.is_empty() || offset < self.start || offset > known_end || outgrown {
            self.start = offset;
            self.prefixes.clear();
            self.prefixes.push(0);
        }
        let begin = usize::try_from(offset - self.start).ok()?;
        let end = begin.checked_add(length)?;
        // The bytes are at hand from `offset` on only; the prefixes reach at least that far.
        while self.prefixes.len() * STRIDE <= end {
            let from = ((self.prefixes.len() - 1) * STRIDE).checked_sub(begin)?;
            self.prefixes.push(extend(*self.prefixes.last()?, bytes.get(from..from + STRIDE)?));
        }
        let prefix = |position: usize| -> Option<u32> {
            let whole = position / STRIDE;
            let from = (whole * STRIDE).checked_sub(begin)?;
            Some(extend(*self.prefixes.get(whole)?, bytes.get(from..from + position % STRIDE)?))
        };
        if begin / STRIDE == end / STRIDE {
            return Some(checksum(bytes.get(..length)?));
        }
        let to_end = prefix(end)?;
        match prefix(begin) {
            Some(to_begin) => Some(without_prefix(to_end, to_begin, length as u64)),
            // The first bytes of the stride that the range begins in are gone: join its head to the rest.
            None => {
                let next = begin / STRIDE + 1;
                let skipped = next * STRIDE - begin;
                let rest = without_prefix(to_end, *self.prefixes.get(next)?, (length - skipped) as u64);
                let mut head = Checksum::new();
                head.update(bytes.get(..skipped)?);
                head.combine(&Checksum::new_with_initial_len(rest, (length - skipped) as u64));
                Some(head.finalize())
            }
        }
    }
}

fn extend(crc: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Checksum::new_with_initial(crc);
    hasher.update(bytes);
    hasher.finalize()
}

/// The CRC-32 of what follows a prefix: `whole` is that of both, `length` that of what follows.
fn without_prefix(whole: u32, prefix: u32, length: u64) -> u32 {
    let mut shifted = Checksum::new_with_initial(prefix);
    shifted.combine(&Checksum::new_with_initial_len(0, length));
    whole ^ shifted.finalize()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation)]

    use super::*;

    #[test]
    fn checks_are_those_of_pythons_standard_library() {
        // binascii.crc_hqx(b"123456789012345678", 0), zlib.crc32(b"123456789"), hmac.digest(b"key", b"123456789", "sha256")
        assert_eq!(header_check_of(b"123456789012345678??"), 0xb812);
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        let tag = Key::new(*b"key").tag(&[b"1234", b"56789"]);
        assert_eq!(tag[..8], [0x4f, 0xc1, 0xaa, 0xe3, 0xe3, 0x47, 0x74, 0xf7]);
    }

    #[test]
    fn keys_in_hex() {
        assert_eq!(Key::from_hex(" 00fF\n").unwrap().0, [0, 255]);
        assert!(Key::from_hex("0").is_err() && Key::from_hex("zz").is_err() && Key::from_hex("").is_err());
    }

    #[test]
    fn range_checksums_are_checksums_of_the_range() {
        let data: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut ranges = RangeChecksums::default();
        let mut from = 0;
        for step in [0usize, 1, 20, 20, 255, 256, 257, 3000, 7, 500, 1, 9000] {
            from += step;
            for length in [1usize, 255, 256, 1000, 5000, 6000] {
                let Some(expected) = data.get(from..from + length) else { continue };
                let found = ranges.checksum(&data[from..], from as u64, length);
                assert_eq!(found, Some(checksum(expected)), "{from}+{length}");
            }
        }
    }
}
