//! A format whose records are read where they are in the file, whichever it is.

use super::erf::{self, Erf};
use super::error::FormatError;
use super::layout::RecordPacket;
use super::modified_pcap::ModifiedPcap;
use super::netmon::{self, Netmon};
use super::snoop::{self, Snoop};
use crate::Source;

/// A capture that is neither pcap nor pcapng, and whose records are read where they are.
#[derive(Debug)]
pub(crate) enum Foreign {
    Snoop(Snoop),
    ModifiedPcap(ModifiedPcap),
    Netmon(Netmon),
    Erf(Erf),
}

/// A detected format, and where in the file its first record can begin.
pub(crate) struct Opened {
    pub(crate) format: Foreign,
    pub(crate) first_record: usize,
}

impl Foreign {
    /// The format of a file that begins with `beginning`: all of it, or at least 256 KiB. None if it has none of these formats.
    ///
    /// # Errors
    /// It has one, but its header can't be read.
    pub(crate) fn open(beginning: &[u8], source: &Source) -> Result<Option<Opened>, FormatError> {
        if let Some(snoop) = Snoop::open(beginning)? {
            return Ok(Some(Opened { format: Foreign::Snoop(snoop), first_record: snoop::HEADER }));
        }
        if let Some((pcap, first_record)) = ModifiedPcap::open(beginning)? {
            return Ok(Some(Opened { format: Foreign::ModifiedPcap(pcap), first_record }));
        }
        if let Some(netmon) = Netmon::open(beginning, source)? {
            return Ok(Some(Opened { format: Foreign::Netmon(netmon), first_record: netmon::HEADER }));
        }
        let erf = Erf::open(beginning, source.length());
        Ok(erf.map(|erf| Opened { format: Foreign::Erf(erf), first_record: 0 }))
    }

    /// A sentence about all of its packets, for a person.
    pub(crate) fn notice(&self) -> Option<&'static str> {
        match self {
            Foreign::Netmon(netmon) => netmon.notice(),
            _ => None,
        }
    }

    /// Where the next record is, at `position` unless a table says otherwise; None after the last.
    pub(crate) fn next_at(&mut self, position: u64) -> Result<Option<u64>, FormatError> {
        match self {
            Foreign::Netmon(netmon) => netmon.next_at(position),
            _ => Ok(Some(position)),
        }
    }

    /// The same without moving on to it; None also where it is not known yet.
    pub(crate) fn peek(&self, position: u64) -> Option<u64> {
        match self {
            Foreign::Netmon(netmon) => netmon.peek(position),
            _ => Some(position),
        }
    }

    /// Whether a table lists the records, so that none need be searched for after a damaged one.
    pub(crate) fn has_table(&self) -> bool {
        matches!(self, Foreign::Netmon(_))
    }

    /// Where the next record is by a table, after a damaged one.
    pub(crate) fn resume(&mut self) -> Option<u64> {
        match self {
            Foreign::Netmon(netmon) => netmon.resume(),
            _ => None,
        }
    }

    /// Accounts for a record of `length` bytes that is about to be read.
    ///
    /// # Errors
    /// The records of a table are longer together than the file, so that reading them could take forever.
    pub(crate) fn spend(&mut self, length: u64) -> Result<(), FormatError> {
        match self {
            Foreign::Netmon(netmon) => netmon.spend(length),
            _ => Ok(()),
        }
    }

    /// How many bytes of a record are needed to know its length.
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

    /// Reads a whole record; None if it has no packet.
    ///
    /// # Errors
    /// Its fields contradict its length.
    pub(crate) fn read(&mut self, record: &[u8]) -> Result<Option<RecordPacket>, FormatError> {
        match self {
            Foreign::Snoop(snoop) => snoop.read(record).map(Some),
            Foreign::ModifiedPcap(pcap) => pcap.read(record).map(Some),
            Foreign::Netmon(netmon) => netmon.read(record),
            Foreign::Erf(erf) => erf.read(record),
        }
    }

    /// How long the record is that `head` begins, if it can begin one after damage.
    pub(crate) fn plausible(&self, head: &[u8]) -> Option<u64> {
        match self {
            Foreign::Snoop(snoop) => snoop.plausible(head),
            Foreign::ModifiedPcap(pcap) => pcap.plausible(head),
            Foreign::Netmon(_) => None,
            Foreign::Erf(erf) => erf.plausible(head),
        }
    }
}
