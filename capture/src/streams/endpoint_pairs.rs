//! Numbers for the pairs of endpoints that packets go between, so that a packet's pair is looked up once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::packets::endpoint::Endpoint;

/// Two endpoints that packets go between, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) low: Endpoint,
    pub(crate) high: Endpoint,
    pub(crate) is_tcp: bool,
}

impl Pair {
    /// A pair of IPv4 addresses, in two numbers.
    fn short(&self) -> Option<[u64; 2]> {
        Some([self.low.as_v4()? | u64::from(self.is_tcp) << 48, self.high.as_v4()?])
    }

    /// The pair of a packet's endpoints, and whether the higher one sent it.
    #[inline]
    pub(crate) fn of(src: Endpoint, dst: Endpoint, is_tcp: bool) -> (Pair, bool) {
        let is_low = match (src.as_v4(), dst.as_v4()) {
            (Some(src), Some(dst)) => src <= dst,
            _ => src <= dst,
        };
        match is_low {
            true => (Pair { low: src, high: dst, is_tcp }, false),
            false => (Pair { low: dst, high: src, is_tcp }, true),
        }
    }
}

/// Gives each pair a number, in the order in which they are seen first.
#[derive(Debug, Default)]
pub(crate) struct EndpointPairs {
    /// Nearly all are pairs of IPv4 addresses, which take little room.
    short: HashMap<[u64; 2], u32, RandomState>,
    long: HashMap<Pair, u32, RandomState>,
    /// The last pairs, by some bits of their ports.
    recent: Vec<Option<(Pair, u32)>>,
}

/// How many pairs are found without the table. A power of two.
const RECENT: usize = 256;

impl EndpointPairs {
    /// The number of a pair, and whether it is new.
    #[inline]
    pub(crate) fn number(&mut self, pair: &Pair) -> (u32, bool) {
        // Ports are what differs most.
        let slot = usize::from(pair.low.port ^ pair.high.port.rotate_left(5)) % RECENT;
        if let Some(Some((known, number))) = self.recent.get(slot)
            && known == pair
        {
            return (*number, false);
        }
        self.look_up(pair, slot)
    }

    fn look_up(&mut self, pair: &Pair, slot: usize) -> (u32, bool) {
        // There are no more conversations than packets, which 32 bits can count.
        let next = u32::try_from(self.short.len() + self.long.len()).unwrap_or(u32::MAX);
        let number = match pair.short() {
            Some(short) => *self.short.entry(short).or_insert(next),
            None => *self.long.entry(*pair).or_insert(next),
        };
        if self.recent.is_empty() {
            self.recent.resize(RECENT, None);
        }
        if let Some(place) = self.recent.get_mut(slot) {
            *place = Some((*pair, number));
        }
        (number, number == next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_keeps_its_number_whichever_way_a_packet_goes() {
        let end = |last: u8, port: u16| Endpoint::v4([10, 0, 0, last]).with_port(port);
        let mut conversations = EndpointPairs::default();
        for round in 0..2 {
            for number in 0..5000_u16 {
                let (client, server) = (end(1, number), end(2, 9000));
                let (there, from_high) = Pair::of(client, server, true);
                let (back, other) = Pair::of(server, client, true);
                assert_eq!((there, from_high), (back, !other));
                assert_eq!(conversations.number(&there), (u32::from(number), round == 0));
                assert_eq!(conversations.number(&back), (u32::from(number), false));
            }
        }
        let (udp, _) = Pair::of(end(1, 7), end(2, 9000), false);
        assert_eq!(conversations.number(&udp), (5000, true));
    }
}
