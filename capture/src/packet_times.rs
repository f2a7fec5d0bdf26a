//! When packets were captured. Only the times that somebody asks for are kept, those of packets that tell a conversation
//! something: a capture may have any number of others, and they cost a bit each.

/// The packets that one block tells of.
const A_BLOCK: u32 = u64::BITS;

/// Times of packets, which are numbered from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct PacketTimes {
    blocks: Vec<Block>,
    /// Those that are kept, in the order of the packets.
    times_ns: Vec<i64>,
    packets: u32,
    first_ns: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// A bit for each packet whose time is kept, the lowest for the first.
    kept: u64,
    /// How many times are kept of the packets before.
    before: u32,
}

impl PacketTimes {
    /// Takes the time of the next packet, nanoseconds since the Unix epoch; None where the file has none.
    #[inline]
    pub(crate) fn push(&mut self, time_ns: Option<i64>, keep: bool) {
        let at = self.packets % A_BLOCK;
        self.packets = self.packets.saturating_add(1);
        if at == 0 {
            // There are no more times than packets, which 32 bits can count.
            let before = u32::try_from(self.times_ns.len()).unwrap_or(u32::MAX);
            self.blocks.push(Block { kept: 0, before });
        }
        let Some(time_ns) = time_ns else { return };
        if self.first_ns.is_none() {
            self.first_ns = Some(time_ns);
        }
        if keep && let Some(block) = self.blocks.last_mut() {
            block.kept |= 1 << at;
            self.times_ns.push(time_ns);
        }
    }

    /// When a packet was captured, if that is known and kept.
    #[inline]
    pub(crate) fn of(&self, packet: u32) -> Option<i64> {
        let number = packet.checked_sub(1)?;
        let block = self.blocks.get((number / A_BLOCK) as usize)?;
        let bit = 1u64 << (number % A_BLOCK);
        if block.kept & bit == 0 {
            return None;
        }
        let at = block.before + (block.kept & (bit - 1)).count_ones();
        self.times_ns.get(at as usize).copied()
    }

    /// When the first packet that has a time was captured, whether or not that is kept.
    pub(crate) fn first(&self) -> Option<i64> {
        self.first_ns
    }

    /// How many packets there are.
    pub(crate) fn packets(&self) -> u32 {
        self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kept_time_is_that_of_its_packet_and_no_other_packet_has_one() {
        let mut times = PacketTimes::default();
        assert_eq!((times.of(0), times.of(1), times.first()), (None, None, None));
        let kept = |packet: u32| packet.is_multiple_of(3) || (100..300).contains(&packet);
        let time = |packet: u32| (packet > 7 && !packet.is_multiple_of(5)).then_some(i64::from(packet) - 500);
        for packet in 1..=1000 {
            times.push(time(packet), kept(packet));
        }
        for packet in 0..1100 {
            let expected = if packet <= 1000 && kept(packet) { time(packet) } else { None };
            assert_eq!(times.of(packet), expected, "packet {packet}");
        }
        assert_eq!((times.first(), times.packets()), (Some(8 - 500), 1000));
    }

    #[test]
    fn packets_whose_times_are_not_kept_cost_a_quarter_of_a_byte() {
        let mut times = PacketTimes::default();
        for packet in 0..100_000 {
            times.push(Some(packet), false);
        }
        assert!(times.times_ns.is_empty());
        assert!(times.blocks.len() * size_of::<Block>() <= 100_000 / 4 + size_of::<Block>());
    }
}
