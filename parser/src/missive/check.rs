//! The checks over a frame.

use alloc::vec::Vec;

use crc::{CRC_16_XMODEM, Crc, Table};

use crate::key::Key;

/// Bytes of an authentication tag: the first ones of an HMAC-SHA-256.
pub(crate) const TAG_LENGTH: usize = 16;
/// Bytes of a checksum.
pub(crate) const CHECKSUM_LENGTH: usize = 4;

static HEADER_CHECK: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// The check over a header, which does not cover the header's last two bytes, its own.
///
/// The only place that computes it, and never inlined, so that the library's code for any CRC is compiled into one for
/// this CRC, which takes two thirds of the time.
#[inline(never)]
pub(crate) fn header_check_of(header: &[u8; 20]) -> u16 {
    let (covered, _) = header.split_at(18);
    HEADER_CHECK.checksum(covered)
}

pub(crate) use crc32fast::Hasher as Checksum;

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

impl Key {
    /// The tag over the bytes of all parts, one after another.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_LENGTH] {
        let mut tag = [0; TAG_LENGTH];
        tag.iter_mut().zip(self.hmac_sha_256_of(parts)).for_each(|(to, from)| *to = from);
        tag
    }

    /// Whether `tag` is the tag over `bytes`; takes the same time wherever they differ.
    pub(crate) fn verifies(&self, bytes: &[u8], tag: &[u8]) -> bool {
        tag.len() == TAG_LENGTH && self.verifies_hmac_sha_256(bytes, tag)
    }
}

/// CRC-32s of any range of a region, each for the price of a few hundred bytes, once the region has been read.
///
/// An attacker may write many headers that all claim the same megabytes; without this each would cost them again.
#[derive(Debug, Default)]
pub(crate) struct RangeChecksums {
    /// Bytes up to this offset in the stream were read for a checksum that failed, so they may be needed again.
    pub(crate) read_to: u64,
    /// Where in the stream the region begins.
    start: u64,
    /// `prefixes[i]` is the CRC-32 of the region's first `i * STRIDE` bytes.
    prefixes: Vec<u32>,
}

const STRIDE: usize = 256;
/// The prefixes of a longer region are dropped once the reader is this far past its start.
const REGION: u64 = 64 << 20;

impl RangeChecksums {
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// The CRC-32 of the first `length` of `bytes`, which are at `offset` in the stream.
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
        // The bytes are available from `offset` on only; the prefixes reach at least that far.
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
