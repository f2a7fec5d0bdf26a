//! What is stored of the packets: times and places of those that matter to a stream, and counts of those that do not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::ids::PacketId;
use crate::index::store::Packets;

/// Packets that gave no bytes to a stream, for one reason; or that were read though something about them is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkippedPackets {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first_packet: PacketId,
    /// Where in the file its bytes begin.
    pub first_offset: u64,
}

/// The packets.
#[derive(Debug, Default)]
pub(crate) struct PacketTable {
    /// Those that carry bytes of a stream, or begin or end one.
    pub(crate) times: Packets,
    /// By the reason.
    pub(crate) skipped: BTreeMap<Cow<'static, str>, SkippedPackets>,
    /// By what is unusual.
    pub(crate) unusual: BTreeMap<&'static str, SkippedPackets>,
}

impl PacketTable {
    /// Counts a packet whose bytes begin at that place of the file, and give nothing to a stream.
    pub(crate) fn skip(&mut self, reason: Cow<'static, str>, packet: PacketId, offset: u64) {
        self.skip_many(reason, 1, packet, offset);
    }

    /// Counts several packets for one reason, of which the first has that number.
    pub(crate) fn skip_many(&mut self, reason: Cow<'static, str>, count: u64, packet: PacketId, offset: u64) {
        let first = SkippedPackets { count: 0, first_packet: packet, first_offset: offset };
        self.skipped.entry(reason).or_insert(first).count += count;
    }

    /// Counts a packet that is read though something about it is unusual.
    pub(crate) fn count_unusual(&mut self, what: &'static str, packet: PacketId, offset: u64) {
        let first = SkippedPackets { count: 0, first_packet: packet, first_offset: offset };
        self.unusual.entry(what).or_insert(first).count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_counted_by_their_reason_with_the_first_of_them() {
        let mut packets = PacketTable::default();
        for (packet, offset) in [(3_u32, 300), (7, 700)] {
            packets.skip("ICMP".into(), packet.into(), offset);
            packets.count_unusual("bits", (packet + 1).into(), offset + 1);
        }
        packets.skip_many("fragment".into(), 5, 9.into(), 900);
        let counted = |count, first: u32, first_offset| SkippedPackets {
            count,
            first_packet: first.into(),
            first_offset,
        };
        assert_eq!(packets.skipped.get("ICMP"), Some(&counted(2, 3, 300)));
        assert_eq!(packets.skipped.get("fragment"), Some(&counted(5, 9, 900)));
        assert_eq!(packets.unusual.get("bits"), Some(&counted(2, 4, 301)));
    }
}
