//! When packets were captured, and where their payloads are. Only of packets that matter to a conversation: a capture may have
//! any number of others, and they cost two bits each.

use super::Packed;
use crate::ids::PacketId;

/// The packets of one mark.
const PACKETS_PER_MARK: u32 = u64::BITS;
/// How many packets are packed together.
const A_BLOCK: usize = 4096;

/// What is stored of packets, which are numbered from 1.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    marks: Vec<Mark>,
    sealed: Vec<Block>,
    open: Vec<Stored>,
    packets: u32,
    first_ns: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// A bit for each packet that is stored, the lowest for the first.
    stored: u64,
    /// How many packets before are stored.
    before: u32,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    time: u64,
    payload: u64,
}

#[derive(Clone, Debug)]
struct Block {
    times: Packed,
    payloads: Packed,
}

/// Times in an order that numbers without a sign have too; 0 where there is none.
fn ordered(time_ns: Option<i64>) -> u64 {
    time_ns.map_or(0, |time| (time.cast_unsigned() ^ 1 << 63).max(1))
}

fn time(ordered: u64) -> Option<i64> {
    (ordered > 0).then_some((ordered ^ 1 << 63).cast_signed())
}

impl Packets {
    /// Takes the next packet: its time, nanoseconds since the Unix epoch, or None where the file has none, and where in the
    /// file its payload begins if it is to be stored.
    #[inline]
    pub fn push(&mut self, time_ns: Option<i64>, payload: Option<u64>) {
        let at = self.packets % PACKETS_PER_MARK;
        self.packets = self.packets.saturating_add(1);
        if at == 0 {
            let before = self.count_stored();
            self.marks.push(Mark { stored: 0, before });
        }
        if self.first_ns.is_none() {
            self.first_ns = time_ns;
        }
        if let Some(payload) = payload
            && let Some(mark) = self.marks.last_mut()
        {
            mark.stored |= 1 << at;
            self.open.push(Stored { time: ordered(time_ns), payload });
            if self.open.len() == A_BLOCK {
                self.seal();
            }
        }
    }

    /// Takes so many packets of which nothing is stored, and when the first of them was captured.
    pub fn push_others(&mut self, count: u32, first_ns: Option<i64>) {
        let stored = self.count_stored();
        self.packets = self.packets.saturating_add(count);
        let marks = self.packets.div_ceil(PACKETS_PER_MARK) as usize;
        self.marks.resize(marks, Mark { stored: 0, before: stored });
        if self.first_ns.is_none() {
            self.first_ns = first_ns;
        }
    }

    #[inline]
    fn count_stored(&self) -> u32 {
        // No more are stored than 32 bits can count.
        u32::try_from(self.sealed.len() * A_BLOCK + self.open.len()).unwrap_or(u32::MAX)
    }

    fn seal(&mut self) {
        let times = Packed::of(self.open.iter().map(|stored| stored.time));
        let payloads = Packed::of(self.open.iter().map(|stored| stored.payload));
        self.sealed.push(Block { times, payloads });
        self.open.clear();
    }

    /// The place of a packet among those that are stored.
    #[inline]
    fn place(&self, packet: u32) -> Option<usize> {
        let number = packet.checked_sub(1)?;
        let mark = self.marks.get((number / PACKETS_PER_MARK) as usize)?;
        let bit = 1u64 << (number % PACKETS_PER_MARK);
        let before = mark.before + (mark.stored & (bit - 1)).count_ones();
        (mark.stored & bit != 0).then_some(before as usize)
    }

    /// When a packet was captured, if that is known and stored.
    #[inline]
    pub fn time_ns(&self, packet: PacketId) -> Option<i64> {
        let place = self.place(packet.number())?;
        time(match self.sealed.get(place / A_BLOCK) {
            Some(block) => block.times.get(place % A_BLOCK)?,
            None => self.open.get(place % A_BLOCK)?.time,
        })
    }

    /// Where in the file a packet's payload begins, if that is stored.
    #[inline]
    pub fn payload(&self, packet: PacketId) -> Option<u64> {
        let place = self.place(packet.number())?;
        match self.sealed.get(place / A_BLOCK) {
            Some(block) => block.payloads.get(place % A_BLOCK),
            None => Some(self.open.get(place % A_BLOCK)?.payload),
        }
    }

    /// What the times lie between of the packets from `first` to `last` that are stored; None where that takes a look at each, or
    /// some have no time.
    pub fn time_bounds(&self, first: PacketId, last: PacketId) -> Option<(i64, i64)> {
        let before = |packet: u32| {
            let number = packet.min(self.packets).checked_sub(1)?;
            let mark = self.marks.get((number / PACKETS_PER_MARK) as usize)?;
            let below = (1u64 << (number % PACKETS_PER_MARK)) - 1;
            Some((mark.before + (mark.stored & below).count_ones()) as usize)
        };
        let blocks = self.sealed.get(before(first.number())? / A_BLOCK..=before(last.number())? / A_BLOCK)?;
        let mut bounds = blocks.iter().map(|block| block.times.bounds());
        let (least, greatest) = bounds.try_fold((u64::MAX, 0), |(least, greatest), (low, high)| {
            (low > 0).then_some((least.min(low), greatest.max(high)))
        })?;
        time(least).zip(time(greatest))
    }

    /// When the first packet that has a time was captured, whether or not that is stored.
    pub fn first_ns(&self) -> Option<i64> {
        self.first_ns
    }

    /// How many packets there are.
    pub fn len(&self) -> u32 {
        self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_that_of_its_packet_and_nothing_of_others() {
        let mut packets = Packets::default();
        assert_eq!(
            (packets.time_ns(0.into()), packets.time_ns(1.into()), packets.first_ns()),
            (None, None, None)
        );
        let kept = |packet: u32| packet.is_multiple_of(3) || (100..9_000).contains(&packet);
        let time = |packet: u32| (packet > 7 && !packet.is_multiple_of(5)).then_some(i64::from(packet) - 500);
        let payload = |packet: u32| kept(packet).then_some(u64::from(packet) * 1000);
        for packet in 1..=20_000 {
            packets.push(time(packet), payload(packet));
        }
        for packet in 0..20_100 {
            let there = (1..=20_000).contains(&packet) && kept(packet);
            assert_eq!(
                packets.time_ns(packet.into()),
                if there { time(packet) } else { None },
                "packet {packet}"
            );
            assert_eq!(packets.payload(packet.into()), payload(packet).filter(|_| there), "packet {packet}");
        }
        assert_eq!((packets.first_ns(), packets.len()), (Some(8 - 500), 20_000));
        let mut timed = Packets::default();
        for packet in 1..=20_000 {
            timed.push(Some(i64::from(packet) * 10 - 50_000), kept(packet).then_some(0));
        }
        assert_eq!(timed.time_bounds(5_000.into(), 20_000.into()), None, "the last ones are not packed");
        assert_eq!(packets.time_bounds(1.into(), 100.into()), None, "some have no time");
        for (first, last) in [(1, 1), (1, 50), (100, 5_000), (4_000, 8_000)] {
            let (low, high) = timed.time_bounds(first.into(), last.into()).unwrap();
            let times = (first..=last).filter_map(|packet| timed.time_ns(packet.into()));
            assert!(times.into_iter().all(|time| (low..=high).contains(&time)), "{first} to {last}");
        }
    }

    #[test]
    fn packets_that_are_taken_together_are_as_those_taken_one_by_one() {
        let [mut together, mut single] = [Packets::default(), Packets::default()];
        for round in 0..300_u32 {
            let count = round % 130;
            together.push_others(count, (round > 1).then_some(i64::from(round)));
            (0..count).for_each(|_| single.push((round > 1).then_some(i64::from(round)), None));
            for packets in [&mut together, &mut single] {
                packets.push(Some(7), Some(round.into()));
            }
        }
        assert_eq!((together.len(), together.first_ns()), (single.len(), single.first_ns()));
        for packet in 0..=single.len() + 1 {
            let of = |packets: &Packets| (packets.time_ns(packet.into()), packets.payload(packet.into()));
            assert_eq!(of(&together), of(&single), "packet {packet}");
        }
    }

    #[test]
    fn packets_that_are_not_kept_cost_a_quarter_of_a_byte() {
        let mut packets = Packets::default();
        for packet in 0..100_000 {
            packets.push(Some(packet), None);
        }
        assert!(packets.open.is_empty() && packets.sealed.is_empty());
        assert!(packets.marks.len() * size_of::<Mark>() <= 100_000 / 4 + size_of::<Mark>());
    }
}
