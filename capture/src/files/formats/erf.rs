//! The Extensible Record Format of Endace's capture cards. It has no header and no magic: it is recognised by first records
//! that are consistent in all their fields.
//!
//! | offset | size | a record |
//! |---|---|---|
//! | 0 | 8 | time, little-endian: seconds in the upper half, a fraction of 2³² in the lower |
//! | 8 | 1 | type; bit 7 says that an extension header follows |
//! | 9 | 1 | flags |
//! | 10 | 2 | length of the record, big-endian as what follows |
//! | 12 | 2 | losses, or a colour |
//! | 14 | 2 | length on the wire |
//! | 16 | 8 each | extension headers; bit 7 of the first byte says that another follows |
//! | … | 2 | before an Ethernet frame: offset and padding |
//! | … | … | the packet, padding |

use pcap_file::Endianness;

use super::error::FormatError;
use super::layout::{RecordPacket, array_at, is_near, too_short, u16_at};
use crate::files::linktype;

pub(super) const HEAD: u64 = 16;

/// How many records are checked at most, and how many must be whole if the file continues after them.
const CHECKED: usize = 32;
const REQUIRED: usize = 3;

const PAD: u8 = 48;
const META: u8 = 27;
/// 1990: no such card existed before.
const EARLIEST: u32 = 631_152_000;
const YEAR: u32 = 366 * 86_400;

#[derive(Debug)]
pub(crate) struct Erf {
    last_second: Option<u32>,
}

/// The fields of a record.
#[derive(Clone, Copy)]
struct Header {
    second: u32,
    fraction: u32,
    /// Without the bit for extension headers.
    record_type: u8,
    flags: u8,
    length: u16,
    wire_length: u16,
}

impl Header {
    fn of(head: &[u8]) -> Option<Header> {
        let time = u64::from_le_bytes(array_at(head, 0)?);
        Some(Header {
            second: u32::try_from(time >> 32).ok()?,
            fraction: u32::try_from(time & u64::from(u32::MAX)).ok()?,
            record_type: head.get(8)? & 0x7F,
            flags: *head.get(9)?,
            length: u16_at(head, 10, Endianness::Big)?,
            wire_length: u16_at(head, 14, Endianness::Big)?,
        })
    }

    fn is_known(&self) -> bool {
        matches!(self.record_type, 1..=25 | META | 28 | 29 | PAD)
    }
}

/// Where in a record its packet begins: after the extension headers, and what its type puts before a packet.
fn start(record: &[u8], record_type: u8) -> Option<usize> {
    let (mut at, mut more) = (16, *record.get(8)? & 0x80 != 0);
    while more {
        more = *record.get(at)? & 0x80 != 0;
        at += 8;
    }
    at += match record_type {
        2 | 11 | 16 | 20 => 2,
        5..=9 | 12 | 17 | 18 => 4,
        _ => 0,
    };
    (at <= record.len()).then_some(at)
}

impl Erf {
    /// A reader for a file that begins with records of this format. `length` is that of the whole file.
    pub(super) fn open(beginning: &[u8], length: u64) -> Option<Erf> {
        let (mut at, mut packets, mut last) = (0, 0, None::<u32>);
        for records in 0..CHECKED {
            let rest = beginning.get(at..)?;
            let is_whole = at as u64 == length;
            let is_enough = if is_whole { records >= 2 } else { records >= REQUIRED };
            let Some(header) = Header::of(rest).filter(|_| !is_whole) else {
                return (is_enough && packets > 0).then_some(Erf { last_second: None });
            };
            let Some(record) = rest.get(..usize::from(header.length)) else {
                // Cut, or longer than what was read.
                return (is_enough && packets > 0).then_some(Erf { last_second: None });
            };
            if !header.is_known() || header.length < 16 || !header.length.is_multiple_of(4) {
                return None;
            }
            at += record.len();
            if header.record_type == PAD {
                continue;
            }
            // Two of the flags are reserved; padding is less than two words.
            let present = record.len() - start(record, header.record_type)?;
            let is_implausible = header.flags & 0xC0 != 0
                || header.wire_length == 0
                || present > usize::from(header.wire_length) + 16;
            if is_implausible {
                return None;
            }
            if header.record_type != META {
                // Between interfaces they are not in strict order.
                let near = |last: u32| {
                    header.second.saturating_add(1) >= last && header.second - last.min(header.second) < YEAR
                };
                if header.second < EARLIEST || !last.is_none_or(near) {
                    return None;
                }
                last = Some(header.second);
                packets += 1;
            }
        }
        (packets > 0).then_some(Erf { last_second: None })
    }

    pub(super) fn length(head: &[u8]) -> Option<u64> {
        Header::of(head).map(|header| u64::from(header.length).max(HEAD))
    }

    pub(super) fn read(&mut self, record: &[u8]) -> Result<Option<RecordPacket>, FormatError> {
        let header = Header::of(record).ok_or_else(|| too_short(record))?;
        if usize::from(header.length) < 16 {
            return Err(FormatError::ErfLength(header.length));
        }
        let link_type = match header.record_type {
            PAD => return Ok(None),
            2 | 11 | 16 | 20 => linktype::ETHERNET,
            1 | 10 | 15 | 19 => linktype::CISCO_HDLC,
            22 => linktype::IPV4,
            23 => linktype::IPV6,
            _ => linktype::ERF,
        };
        // A type that is not translated keeps the record as it is.
        let start = match link_type {
            linktype::ERF => 0,
            _ => start(record, header.record_type).ok_or_else(|| too_short(record))?,
        };
        let (wire_length, present) = (usize::from(header.wire_length), record.len() - start);
        let length = if link_type == linktype::ERF { present } else { present.min(wire_length) };
        if header.second != 0 {
            self.last_second = Some(header.second);
        }
        let fraction_ns = (u64::from(header.fraction) * 1_000_000_000 + (1 << 31)) >> 32;
        let time_ns = i64::from(header.second) * 1_000_000_000 + i64::try_from(fraction_ns).unwrap_or(0);
        Ok(Some(RecordPacket {
            time_ns: Some(time_ns).filter(|&time| time != 0),
            link_type: Some(link_type),
            wire_length: wire_length.max(length),
            start,
            length,
        }))
    }

    pub(super) fn plausible(&self, head: &[u8]) -> Option<u64> {
        let header = Header::of(head)?;
        let timed = header.record_type == PAD || is_near(self.last_second, header.second);
        let sized = header.length >= 18 && header.length.is_multiple_of(4) && header.wire_length > 0;
        let fits = timed && header.is_known() && sized && header.flags & 0xC0 == 0;
        (fits && header.length - 16 <= header.wire_length.saturating_add(32)).then(|| header.length.into())
    }
}
