//! Sums of bytes and of words.

/// The sum of all bytes.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum: u64, &byte| sum.wrapping_add(byte.into()))
}

/// The bytes as words of 16 bits. The last one of an odd number of bytes is followed by a zero.
fn words(bytes: &[u8], le: bool) -> impl Iterator<Item = u16> {
    bytes.chunks(2).map(move |pair| {
        let word = [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
        if le { u16::from_le_bytes(word) } else { u16::from_be_bytes(word) }
    })
}

/// The sum of all words.
pub(super) fn sum_words(bytes: &[u8], le: bool) -> u64 {
    words(bytes, le).fold(0, |sum: u64, word| sum.wrapping_add(word.into()))
}

/// All words combined by exclusive or.
pub(super) fn xor_words(bytes: &[u8], le: bool) -> u64 {
    words(bytes, le).fold(0, |all, word| all ^ word).into()
}

/// RFC 1950.
pub(super) fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // Up to this length both sums fit in 32 bits.
    for block in bytes.chunks(5552) {
        for &byte in block {
            a += u32::from(byte);
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    b << 16 | a
}

/// RFC 1071.
pub(super) fn internet(bytes: &[u8]) -> u16 {
    let mut sum: u64 = words(bytes, false).map(u64::from).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// The sum of all bytes, and above it the sum of those sums, both modulo 255 or 256.
pub(super) fn fletcher16(bytes: &[u8], modulus: u32) -> u32 {
    let (mut a, mut b) = (0u32, 0u32);
    for block in bytes.chunks(4096) {
        for &byte in block {
            a += u32::from(byte);
            b += a;
        }
        a %= modulus;
        b %= modulus;
    }
    b << 8 | a
}

/// The same of words, modulo 65,535.
pub(super) fn fletcher32(bytes: &[u8], le: bool) -> u64 {
    let (mut a, mut b) = (0u64, 0u64);
    // Both sums fit in 64 bits for as many words as this.
    for block in bytes.chunks(1 << 20) {
        for word in words(block, le) {
            a += u64::from(word);
            b += a;
        }
        a %= 65535;
        b %= 65535;
    }
    b << 16 | a
}
