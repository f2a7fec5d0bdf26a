//! Captures of other kinds than pcap and pcapng. Some are read where they stand in their file ([`Foreign`]), some are
//! text and become a pcapng when they are opened ([`text`]), and some are only known by name ([`recognise`]).
//!
//! What is no capture is the bytes of one stream, so nothing is taken for a capture by a guess: either a format's magic
//! stands at its place, or all that can be looked at at the beginning fits together.

mod erf;
mod error;
mod hexdump;
mod modified_pcap;
mod netmon;
pub(crate) mod recognise;
mod snoop;
mod strace;
pub(crate) mod text;

use pcap_file::Endianness;

use crate::Source;
use erf::Erf;
pub(crate) use error::FormatError;
pub(crate) use modified_pcap::ModifiedPcap;
use netmon::Netmon;
use snoop::Snoop;

/// What is known of link types here.
mod linktype {
    pub(super) const NULL: u32 = 0;
    pub(super) const ETHERNET: u32 = 1;
    pub(super) const TOKEN_RING: u32 = 6;
    pub(super) const FDDI: u32 = 10;
    pub(super) const RAW: u32 = 101;
    pub(super) const CISCO_HDLC: u32 = 104;
    pub(super) const IEEE_802_11: u32 = 105;
    pub(super) const IP_OVER_FC: u32 = 122;
    pub(super) const SUNATM: u32 = 123;
    pub(super) const ERF: u32 = 197;
    pub(super) const IPNET: u32 = 226;
    pub(super) const IPV4: u32 = 228;
    pub(super) const IPV6: u32 = 229;
    pub(super) const IP_OVER_INFINIBAND: u32 = 242;
}

/// What a record says of its packet, and where in the record that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) time_ns: Option<i64>,
    pub(crate) link_type: Option<u32>,
    pub(crate) wire_length: usize,
    pub(crate) start: usize,
    pub(crate) length: usize,
}

/// A capture of another kind whose records are read where they stand.
#[derive(Debug)]
pub(crate) enum Foreign {
    Snoop(Snoop),
    ModifiedPcap(ModifiedPcap),
    Netmon(Netmon),
    Erf(Erf),
}

/// A format, and where in the file its first record can stand.
pub(crate) struct Begun {
    pub(crate) format: Foreign,
    pub(crate) first_record: usize,
}

impl Foreign {
    /// The format of a file that begins with `beginning`, which is all of it or long. None if it is none of these.
    ///
    /// # Errors
    /// It is one, and its header can't be read: why, as the rest of a sentence.
    pub(crate) fn open(beginning: &[u8], source: &Source) -> Result<Option<Begun>, FormatError> {
        if let Some(snoop) = Snoop::open(beginning)? {
            return Ok(Some(Begun { format: Foreign::Snoop(snoop), first_record: snoop::HEADER }));
        }
        if let Some((pcap, first_record)) = ModifiedPcap::open(beginning)? {
            return Ok(Some(Begun { format: Foreign::ModifiedPcap(pcap), first_record }));
        }
        if let Some(netmon) = Netmon::open(beginning, source)? {
            return Ok(Some(Begun { format: Foreign::Netmon(netmon), first_record: netmon::HEADER }));
        }
        let erf = Erf::open(beginning, source.length());
        Ok(erf.map(|erf| Begun { format: Foreign::Erf(erf), first_record: 0 }))
    }

    /// What a person has to know of all its packets.
    pub(crate) fn notice(&self) -> Option<&'static str> {
        match self {
            Foreign::Netmon(netmon) => netmon.notice(),
            _ => None,
        }
    }

    /// Where the record stands that is next, if none before `position` is; None behind the last.
    pub(crate) fn next_at(&mut self, position: u64) -> Result<Option<u64>, FormatError> {
        match self {
            Foreign::Netmon(netmon) => netmon.next_at(position),
            _ => Ok(Some(position)),
        }
    }

    /// The same without going on to it; None also where it is not known yet.
    pub(crate) fn peek(&self, position: u64) -> Option<u64> {
        match self {
            Foreign::Netmon(netmon) => netmon.peek(position),
            _ => Some(position),
        }
    }

    /// Whether a table says where records stand, so that none need be looked for behind a damaged one.
    pub(crate) fn has_table(&self) -> bool {
        matches!(self, Foreign::Netmon(_))
    }

    /// Where a table says that the record stands that is next, behind a damaged one.
    pub(crate) fn resume(&mut self) -> Option<u64> {
        match self {
            Foreign::Netmon(netmon) => netmon.resume(),
            _ => None,
        }
    }

    /// A record of that length is about to be read.
    ///
    /// # Errors
    /// Records that a table names are longer together than the file, so that reading them could take forever.
    pub(crate) fn spend(&mut self, length: u64) -> Result<(), FormatError> {
        match self {
            Foreign::Netmon(netmon) => netmon.spend(length),
            _ => Ok(()),
        }
    }

    /// How many bytes of a record say how long it is.
    pub(crate) fn head(&self) -> u64 {
        match self {
            Foreign::Snoop(_) => snoop::HEAD,
            Foreign::ModifiedPcap(pcap) => pcap.head(),
            Foreign::Netmon(netmon) => netmon.head(),
            Foreign::Erf(_) => erf::HEAD,
        }
    }

    /// How long the record is that begins with `head`.
    pub(crate) fn length(&self, head: &[u8]) -> Option<u64> {
        match self {
            Foreign::Snoop(_) => Snoop::length(head),
            Foreign::ModifiedPcap(pcap) => pcap.length(head),
            Foreign::Netmon(netmon) => netmon.length(head),
            Foreign::Erf(_) => Erf::length(head),
        }
    }

    /// What a whole record says; None if it holds no packet.
    ///
    /// # Errors
    /// Why it can't be one, as the rest of a sentence.
    pub(crate) fn read(&mut self, record: &[u8]) -> Result<Option<Found>, FormatError> {
        match self {
            Foreign::Snoop(snoop) => snoop.read(record).map(Some),
            Foreign::ModifiedPcap(pcap) => pcap.read(record).map(Some),
            Foreign::Netmon(netmon) => netmon.read(record),
            Foreign::Erf(erf) => erf.read(record),
        }
    }

    /// How long the record is that `head` begins, if it can begin one behind damage.
    pub(crate) fn plausible(&self, head: &[u8]) -> Option<u64> {
        match self {
            Foreign::Snoop(snoop) => snoop.plausible(head),
            Foreign::ModifiedPcap(pcap) => pcap.plausible(head),
            Foreign::Netmon(_) => None,
            Foreign::Erf(erf) => erf.plausible(head),
        }
    }
}

/// A packet within a day of the last, which damage is unlikely to look like.
fn is_near(last: Option<u32>, second: u32) -> bool {
    last.is_none_or(|last| last.abs_diff(second) <= 86_400)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize, order: Endianness) -> Option<u16> {
    let bytes = array_at(bytes, at)?;
    Some(if order.is_big() { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

fn u32_at(bytes: &[u8], at: usize, order: Endianness) -> Option<u32> {
    let bytes = array_at(bytes, at)?;
    Some(if order.is_big() { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// A record too short for what it claims.
fn too_short(record: &[u8]) -> FormatError {
    FormatError::ShortRecord(record.len())
}

/// A point of time from seconds and a fraction of one in nanoseconds.
fn time_ns(seconds: u32, fraction_ns: i64) -> Option<i64> {
    Some(i64::from(seconds) * 1_000_000_000 + fraction_ns)
}
