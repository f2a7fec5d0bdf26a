//! Places of the file for whose bytes another IP fragment brought different ones. A place in the file is what stays the same until
//! the bytes have their place in a stream, which may be much later.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::ids::PacketId;

/// Disputed places of the file, without overlap.
#[derive(Debug, Default)]
pub(crate) struct Disputes {
    /// By where they begin: where they end, and the packet that brought the other bytes.
    places: BTreeMap<u64, (u64, PacketId)>,
}

impl Disputes {
    /// Whether there are none, as nearly always.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn add(&mut self, file_offset: u64, length: usize, packet: PacketId) {
        self.places.insert(file_offset, (file_offset + length as u64, packet));
    }

    /// The disputed stretches of this many bytes of the file, in their order, each with the packet that brought the other bytes.
    pub(crate) fn within(
        &self,
        file_offset: u64,
        length: u32,
    ) -> impl Iterator<Item = (Range<u64>, PacketId)> + use<'_> {
        let file_end = file_offset + u64::from(length);
        // Places do not overlap, so that only the last that begins before these bytes can reach into them.
        let first = self.places.range(..file_offset).next_back().filter(|(_, (end, _))| *end > file_offset);
        let all = first.into_iter().chain(self.places.range(file_offset..file_end));
        all.map(move |(&start, &(end, packet))| (start.max(file_offset)..end.min(file_end), packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_the_file_have_the_disputes_that_reach_into_them() {
        let mut disputes = Disputes::default();
        for (place, length, packet) in [(100, 10, 1), (110, 5, 2), (200, 50, 3)] {
            disputes.add(place, length, PacketId::from(packet));
        }
        let within = |file_offset: u64, length: u32| {
            let within = disputes.within(file_offset, length);
            within.map(|(place, packet)| (place, packet.number())).collect::<Vec<_>>()
        };
        assert_eq!(within(0, 100), []);
        assert_eq!(within(0, 101), [(100..101, 1)]);
        assert_eq!(within(105, 7), [(105..110, 1), (110..112, 2)]);
        assert_eq!(within(115, 85), []);
        assert_eq!(within(50, 500), [(100..110, 1), (110..115, 2), (200..250, 3)]);
        assert_eq!(within(220, 10), [(220..230, 3)]);
    }
}
