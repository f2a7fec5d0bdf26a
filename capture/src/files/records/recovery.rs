//! Finds the next record after a damaged one.
//!
//! A record can begin where its fields have plausible values and another such record, or the end of the file, follows it.

use super::window::Window;
use super::{Format, Records, pcapng};
use crate::{Damage, Source};

/// The least bytes of a record in any format.
const MIN_RECORD: u64 = 12;
/// The longest head that is needed to judge whether a record begins.
const HEAD: usize = 28;

impl Records {
    /// After a damaged record: goes to the next place where a record can begin, and returns where that is.
    pub(crate) fn resume(&mut self) -> Result<Option<u64>, Damage> {
        let Records { format, window, .. } = self;
        if window.is_unreadable {
            return Ok(None);
        }
        if let Format::Foreign(foreign) = format
            && foreign.has_table()
        {
            return Ok(foreign.resume());
        }
        format.search(window)
    }
}

impl Format {
    /// Moves the position to the next place where a record can begin.
    fn search(&self, window: &mut Window) -> Result<Option<u64>, Damage> {
        loop {
            window.skip_byte();
            if window.left_in_file() < MIN_RECORD {
                return Ok(None);
            }
            window.fill(HEAD)?;
            let Some(length) = self.plausible(window.rest()) else { continue };
            let at = window.position();
            if self.is_followed(&window.source, length, at.saturating_add(length)) {
                return Ok(Some(at));
            }
        }
    }

    /// How long the record is that `head` begins, if it can begin one.
    fn plausible(&self, head: &[u8]) -> Option<u64> {
        match self {
            Format::PcapNg(section) => section.plausible(head),
            Format::Foreign(foreign) => foreign.plausible(head),
            Format::Pcap(pcap) => pcap.plausible(head),
        }
    }

    /// Whether what follows a record that ends at `end` confirms it.
    fn is_followed(&self, source: &Source, length: u64, end: u64) -> bool {
        let next =
            |buffer: &mut [u8]| source.read_unchecked(end, buffer).is_ok_and(|read| read == buffer.len());
        match self {
            Format::PcapNg(section) => pcapng::ends_with_length(section, source, length, end),
            Format::Pcap(pcap) => {
                let mut head = [0; 16];
                end == source.length() || next(&mut head) && pcap.plausible(&head).is_some()
            }
            Format::Foreign(foreign) => {
                let mut head = vec![0; usize::try_from(foreign.head()).unwrap_or(0)];
                end == source.length() || next(&mut head) && foreign.plausible(&head).is_some()
            }
        }
    }
}
