//! Numbers for the pairs of endpoints that packets go between, so that a packet's pair is looked up once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::packets::endpoint::Endpoint;
use crate::packets::key::key;
use crate::streams::selection::Selection;

/// Two endpoints that packets go between, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) low: Endpoint,
    pub(crate) high: Endpoint,
    pub(crate) is_tcp: bool,
}

impl Pair {
    /// The conversation's [key](crate::Flow::conversation).
    pub(crate) fn key(&self) -> u64 {
        let words = [self.low.words(), self.high.words()];
        let transport = [u64::from(self.is_tcp)];
        key(words.into_iter().flatten().chain(transport))
    }

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

/// The number of pairs whose packets are left aside.
pub(crate) const LEFT_ASIDE: u32 = u32::MAX;

/// Gives each pair a number, in the order in which they are seen first.
#[derive(Debug, Default)]
pub(crate) struct EndpointPairs {
    /// Nearly all are pairs of IPv4 addresses, which take little room.
    short: HashMap<[u64; 2], u32, RandomState>,
    long: HashMap<Pair, u32, RandomState>,
    /// The last pairs, by some bits of their ports.
    recent: Vec<Option<(Pair, u32)>>,
    /// The number of the next pair.
    next: u32,
    selection: Option<Selection>,
}

/// How many pairs are found without the table. A power of two.
const RECENT: usize = 256;

impl EndpointPairs {
    /// Numbers the pairs of a selection; all others have [`LEFT_ASIDE`].
    pub(crate) fn of(selection: Option<Selection>) -> EndpointPairs {
        EndpointPairs { selection, ..EndpointPairs::default() }
    }

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
        let EndpointPairs { short: short_pairs, long, next, selection, .. } = self;
        let selected = || match selection {
            Some(selection) if !selection.has(pair.key()) => LEFT_ASIDE,
            _ => *next,
        };
        let number = match pair.short() {
            Some(short) => *short_pairs.entry(short).or_insert_with(selected),
            None => *long.entry(*pair).or_insert_with(selected),
        };
        let is_new = number == *next;
        // There are no more conversations than packets, which 32 bits can count.
        *next = next.saturating_add(u32::from(is_new));
        if self.recent.is_empty() {
            self.recent.resize(RECENT, None);
        }
        if let Some(place) = self.recent.get_mut(slot) {
            *place = Some((*pair, number));
        }
        (number, is_new)
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

    #[test]
    fn a_key_is_the_same_in_every_version_and_another_for_another_pair() {
        let end = |text: &str, port| Endpoint::of(text.parse().unwrap()).with_port(port);
        let key = |a: &str, b: &str, is_tcp| Pair::of(end(a, 1), end(b, 9000), is_tcp).0.key();
        assert_eq!(key("10.0.0.1", "10.0.0.2", true), 11_286_531_303_981_917_692);
        let keys = [
            key("10.0.0.1", "10.0.0.2", true),
            key("10.0.0.1", "10.0.0.2", false),
            key("10.0.0.2", "10.0.0.1", true),
            key("::10.0.0.1", "::10.0.0.2", true),
            key("::1", "::2", true),
            key("1::", "2::", true),
        ];
        let distinct: std::collections::HashSet<u64> = keys.into();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn pairs_that_are_not_selected_have_no_number_of_their_own() {
        let pair =
            |port| Pair::of(Endpoint::v4([10, 0, 0, 1]).with_port(port), Endpoint::v4([10, 0, 0, 2]), true).0;
        let selection = Selection::except([pair(1).key(), pair(3).key()]);
        let mut conversations = EndpointPairs::of(Some(selection));
        for round in 0..2 {
            let numbers: Vec<_> = (0..5).map(|port| conversations.number(&pair(port))).collect();
            let new = round == 0;
            assert_eq!(numbers, [(0, new), (LEFT_ASIDE, false), (1, new), (LEFT_ASIDE, false), (2, new)]);
        }
    }
}
