//! The same format as a user would declare it with deku and with binrw. Both copy what they read; the checks are
//! computed over the bytes they took, by the same libraries as everywhere here.

use std::io::Cursor;

use binrw::BinRead;
use deku::prelude::*;

use crate::floor;

#[derive(DekuRead)]
#[deku(endian = "big", magic = b"\xF5\x4D")]
pub struct DekuFrame {
    pub version: u8,
    pub kind: u8,
    pub flags: u16,
    #[deku(assert = "*extensions_length as usize <= 65535")]
    pub extensions_length: u16,
    #[deku(assert = "*payload_length <= 16 << 20")]
    pub payload_length: u32,
    pub sequence: u32,
    pub channel: u16,
    pub header_check: u16,
    #[deku(count = "extensions_length")]
    pub extensions: Vec<u8>,
    #[deku(count = "payload_length")]
    pub payload: Vec<u8>,
    #[deku(cond = "*flags & 2 != 0")]
    pub tag: Option<[u8; 16]>,
    #[deku(cond = "*flags & 1 != 0")]
    pub checksum: Option<u32>,
}

pub fn deku(bytes: &[u8]) -> Option<(DekuFrame, &[u8])> {
    let ((rest, _), frame) = DekuFrame::from_bytes((bytes, 0)).ok()?;
    let taken = &bytes[..bytes.len() - rest.len()];
    checks_hold(taken, frame.version, frame.header_check, frame.checksum).then_some((frame, rest))
}

#[derive(BinRead)]
#[br(big, magic = b"\xF5\x4D")]
pub struct BinrwFrame {
    pub version: u8,
    pub kind: u8,
    pub flags: u16,
    pub extensions_length: u16,
    #[br(assert(payload_length <= 16 << 20))]
    pub payload_length: u32,
    pub sequence: u32,
    pub channel: u16,
    pub header_check: u16,
    #[br(count = extensions_length)]
    pub extensions: Vec<u8>,
    #[br(count = payload_length)]
    pub payload: Vec<u8>,
    #[br(if(flags & 2 != 0))]
    pub tag: Option<[u8; 16]>,
    #[br(if(flags & 1 != 0))]
    pub checksum: Option<u32>,
}

pub fn binrw(bytes: &[u8]) -> Option<(BinrwFrame, &[u8])> {
    let mut cursor = Cursor::new(bytes);
    let frame = BinrwFrame::read(&mut cursor).ok()?;
    let (taken, rest) = bytes.split_at(usize::try_from(cursor.position()).ok()?);
    checks_hold(taken, frame.version, frame.header_check, frame.checksum).then_some((frame, rest))
}

fn checks_hold(frame: &[u8], version: u8, header_check: u16, checksum: Option<u32>) -> bool {
    version == 1
        && frame.first_chunk().map(floor::header_check) == Some(header_check)
        && checksum.is_none_or(|found| crc32fast::hash(&frame[..frame.len() - 4]) == found)
}
