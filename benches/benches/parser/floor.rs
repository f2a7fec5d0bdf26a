//! The floor: slice code written by hand for this one format and this one purpose, checks by the same libraries.

use crc::{CRC_16_XMODEM, Crc, Table};

static HEADER_CHECK: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// The check over a header, for all contenders that compute it here. In one place and never inlined: only then does the
/// compiler reliably specialise the library's code for this CRC.
#[inline(never)]
pub fn header_check(header: &[u8; 20]) -> u16 {
    HEADER_CHECK.checksum(&header[..18])
}

pub struct Frame<'a> {
    pub kind: u8,
    pub flags: u16,
    pub sequence: u32,
    pub channel: u16,
    pub extensions: &'a [u8],
    pub payload: &'a [u8],
    pub tag: Option<[u8; 16]>,
}

#[inline(always)]
pub fn decode(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let header: &[u8; 20] = bytes.first_chunk()?;
    let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if header[..2] != [0xF5, 0x4D] || header_check(header) != short(18) || header[2] != 1 {
        return None;
    }
    let (flags, extensions_length, payload_length) = (short(4), short(6) as usize, long(8) as usize);
    if payload_length > 16 << 20 {
        return None;
    }
    let extensions_end = 20 + extensions_length;
    let payload_end = extensions_end + payload_length;
    let tag_end = payload_end + if flags & 2 != 0 { 16 } else { 0 };
    let end = tag_end + if flags & 1 != 0 { 4 } else { 0 };
    if bytes.len() < end {
        return None;
    }
    if flags & 1 != 0 {
        let found = u32::from_be_bytes([bytes[end - 4], bytes[end - 3], bytes[end - 2], bytes[end - 1]]);
        if crc32fast::hash(&bytes[..tag_end]) != found {
            return None;
        }
    }
    let frame = Frame {
        kind: header[3],
        flags,
        sequence: long(12),
        channel: short(16),
        extensions: &bytes[20..extensions_end],
        payload: &bytes[extensions_end..payload_end],
        tag: bytes[payload_end..tag_end].try_into().ok(),
    };
    Some((frame, &bytes[end..]))
}
