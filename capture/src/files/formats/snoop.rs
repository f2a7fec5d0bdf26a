//! The captures of Solaris' snoop (RFC 1761, all big-endian), and of Shomiti's and Finisar's Surveyor, whose link types mean
//! something else.
//!
//! | offset | size | the file's header |
//! |---|---|---|
//! | 0 | 8 | `snoop` and three zeros |
//! | 8 | 4 | version: 2 from snoop, 3 to 5 from Surveyor |
//! | 12 | 4 | the kind of link, by snoop's own numbers |
//!
//! | offset | size | a record |
//! |---|---|---|
//! | 0 | 4 | length on the wire |
//! | 4 | 4 | captured length |
//! | 8 | 4 | length of the record, padding included |
//! | 12 | 4 | packets dropped so far |
//! | 16 | 8 | seconds, microseconds |
//! | 24 | … | the packet, padding |

use pcap_file::Endianness;

use super::error::FormatError;
use super::layout::{RecordPacket, is_near, time_ns, too_short, u32_at};
use crate::files::linktype;

pub(super) const HEADER: usize = 16;
pub(super) const HEAD: u64 = 24;

/// What Surveyor puts after a packet, which snoop's padding never reaches.
const TRAILER: u32 = 16;
/// More padding than any program writes.
const MAX_PADDING: u32 = 256;

#[derive(Debug)]
pub(crate) struct Snoop {
    link_type: Option<u32>,
    last_second: Option<u32>,
}

fn field(bytes: &[u8], at: usize) -> Option<u32> {
    u32_at(bytes, at, Endianness::Big)
}

impl Snoop {
    pub(super) fn open(beginning: &[u8]) -> Result<Option<Snoop>, FormatError> {
        if !beginning.starts_with(b"snoop\0\0\0") {
            return Ok(None);
        }
        let header = field(beginning, 8).zip(field(beginning, 12));
        let (version, kind) = header.ok_or(FormatError::ShortHeader {
            format: "snoop",
            needed: HEADER,
            found: beginning.len() as u64,
        })?;
        if !(2..=5).contains(&version) {
            return Err(FormatError::SnoopVersion(version));
        }
        let first = beginning.get(HEADER..).unwrap_or_default();
        let padding = || field(first, 8)?.checked_sub(24)?.checked_sub(field(first, 4)?);
        let is_surveyor = padding().is_some_and(|padding| padding >= TRAILER);
        Ok(Some(Snoop { link_type: link_type(kind, is_surveyor), last_second: None }))
    }

    pub(super) fn length(head: &[u8]) -> Option<u64> {
        field(head, 8).map(|length| u64::from(length).max(HEAD))
    }

    pub(super) fn read(&mut self, record: &[u8]) -> Result<RecordPacket, FormatError> {
        let fields = || Some([field(record, 0)?, field(record, 4)?, field(record, 16)?, field(record, 20)?]);
        let [wire_length, captured, second, microsecond] = fields().ok_or_else(|| too_short(record))?;
        let length = captured as usize;
        record.get(24..).and_then(|bytes| bytes.get(..length)).ok_or_else(|| too_short(record))?;
        self.last_second = Some(second);
        Ok(RecordPacket {
            time_ns: time_ns(second, i64::from(microsecond) * 1000),
            link_type: self.link_type,
            wire_length: (wire_length as usize).max(length),
            start: 24,
            length,
        })
    }

    pub(super) fn plausible(&self, head: &[u8]) -> Option<u64> {
        let (wire_length, captured, length) = (field(head, 0)?, field(head, 4)?, field(head, 8)?);
        let (second, microsecond) = (field(head, 16)?, field(head, 20)?);
        let padding = length.checked_sub(24)?.checked_sub(captured)?;
        let sized = (1..=wire_length).contains(&captured) && wire_length <= 1 << 20;
        let fits = sized && padding < MAX_PADDING && microsecond < 1_000_000;
        (fits && is_near(self.last_second, second)).then_some(length.into())
    }
}

/// IANA has the registry of snoop's link types; Surveyor uses unassigned ones for Ethernets of other speeds.
fn link_type(kind: u32, is_surveyor: bool) -> Option<u32> {
    Some(match kind {
        0 | 4 => linktype::ETHERNET,
        10 | 12 | 19 if is_surveyor => linktype::ETHERNET,
        2 => linktype::TOKEN_RING,
        11 | 13 | 14 if is_surveyor => linktype::TOKEN_RING,
        8 => linktype::FDDI,
        9 | 14 => linktype::NULL,
        16 => linktype::IP_OVER_FC,
        18 => linktype::SUNATM,
        26 => linktype::IP_OVER_INFINIBAND,
        0x8000_0005 => linktype::IPNET,
        _ => return None,
    })
}
