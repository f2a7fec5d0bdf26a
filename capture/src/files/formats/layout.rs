//! What the readers of all formats share: numbers at their places, and what a record says of its packet.

use pcap_file::Endianness;

use super::error::FormatError;

/// What a record says of its packet, and where in the record the packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordPacket {
    pub(crate) time_ns: Option<i64>,
    pub(crate) link_type: Option<u32>,
    pub(crate) wire_length: usize,
    pub(crate) start: usize,
    pub(crate) length: usize,
}

/// Whether a packet was captured within a day of the last, which damage is unlikely to look like.
pub(super) fn is_near(last: Option<u32>, second: u32) -> bool {
    last.is_none_or(|last| last.abs_diff(second) <= 86_400)
}

pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(crate) fn u16_at(bytes: &[u8], at: usize, order: Endianness) -> Option<u16> {
    let bytes = array_at(bytes, at)?;
    Some(if order.is_big() { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

pub(crate) fn u32_at(bytes: &[u8], at: usize, order: Endianness) -> Option<u32> {
    let bytes = array_at(bytes, at)?;
    Some(if order.is_big() { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// The error of a record that is too short for its packet.
pub(super) fn too_short(record: &[u8]) -> FormatError {
    FormatError::ShortRecord(record.len())
}

/// A time in nanoseconds, of seconds and the nanoseconds after them.
pub(super) fn time_ns(seconds: u32, fraction_ns: i64) -> Option<i64> {
    Some(i64::from(seconds) * 1_000_000_000 + fraction_ns)
}
