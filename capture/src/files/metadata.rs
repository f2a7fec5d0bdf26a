//! What a capture says beside its packets: comments, names of interfaces and hosts. There may be as many as packets, so texts
//! are kept one after another in one piece of memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;

use crate::ids::PacketId;

/// Something that a file says beside its packets.
#[derive(Debug)]
pub(crate) enum Metadata {
    /// A comment on a packet, or on the capture where there is no packet.
    Comment(Option<PacketId>, String),
    /// A file begins, one of several, behind so many packets; and a sentence about all of its packets.
    File(u32, Option<String>),
    /// An interface, and its name.
    Interface(Option<String>),
    /// Secrets with which what the capture holds can be decrypted: what of, and how they are written.
    Secrets(u32, Vec<u8>),
    /// HostNames of hosts: there may be very many.
    HostNames(HostNames),
}

/// Texts by number.
#[derive(Debug, Default)]
struct Texts {
    all: String,
    /// Where each of them ends.
    ends: Vec<u64>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len() as u64);
    }

    fn get(&self, number: usize) -> Option<&str> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let place = |at: u64| usize::try_from(at).ok();
        self.all.get(place(start)?..place(*self.ends.get(number)?)?)
    }
}

/// The comments on packets.
#[derive(Debug, Default)]
pub(crate) struct Comments {
    /// The packet of each, in rising order.
    packets: Vec<PacketId>,
    texts: Texts,
}

impl Comments {
    /// Adds a comment on a packet, in the order of the packets.
    pub(crate) fn add(&mut self, packet: PacketId, text: &str) {
        self.packets.push(packet);
        self.texts.push(text);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The comments on a packet, in the order of the file.
    pub(crate) fn of(&self, packet: PacketId) -> impl Iterator<Item = &str> {
        let first = self.packets.partition_point(|known| *known < packet);
        let count = self.packets.iter().skip(first).take_while(|known| **known == packet).count();
        (first..first + count).filter_map(|number| self.texts.get(number))
    }
}

/// The names of hosts.
#[derive(Debug, Default)]
pub(crate) struct HostNames {
    /// The texts' numbers, by address.
    v4: HashMap<u32, u32, RandomState>,
    v6: HashMap<u128, u32, RandomState>,
    texts: Texts,
}

impl HostNames {
    /// Adds a host's name, unless it has one.
    pub(crate) fn add(&mut self, address: IpAddr, name: &str) {
        let Ok(number) = u32::try_from(self.texts.ends.len()) else { return };
        let known = match address {
            IpAddr::V4(address) => *self.v4.entry(address.to_bits()).or_insert(number),
            IpAddr::V6(address) => *self.v6.entry(address.to_bits()).or_insert(number),
        };
        if known == number {
            self.texts.push(name);
        }
    }

    /// Adds names that came later.
    pub(crate) fn append(&mut self, other: HostNames) {
        if self.texts.ends.is_empty() {
            *self = other;
            return;
        }
        let v4 = other.v4.iter().map(|(address, number)| (Ipv4Addr::from_bits(*address).into(), *number));
        let v6 = other.v6.iter().map(|(address, number)| (Ipv6Addr::from_bits(*address).into(), *number));
        for (address, number) in v4.chain(v6) {
            if let Some(name) = usize::try_from(number).ok().and_then(|number| other.texts.get(number)) {
                self.add(address, name);
            }
        }
    }

    /// The name of a host.
    pub(crate) fn of(&self, address: IpAddr) -> Option<&str> {
        let number = match address {
            IpAddr::V4(address) => self.v4.get(&address.to_bits()),
            IpAddr::V6(address) => self.v6.get(&address.to_bits()),
        };
        self.texts.get(usize::try_from(*number?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_its_comments_in_their_order_and_no_others() {
        let mut comments = Comments::default();
        assert!(comments.is_empty() && comments.of(1.into()).next().is_none());
        for (packet, text) in [(2, "first"), (2, ""), (2, "你好"), (7, "last")] {
            comments.add(PacketId::from(packet), text);
        }
        let of = |packet: u32| comments.of(packet.into()).collect::<Vec<_>>();
        assert_eq!(
            (of(1), of(2), of(3), of(7), of(8)),
            (vec![], vec!["first", "", "你好"], vec![], vec!["last"], vec![])
        );
    }

    #[test]
    fn a_host_keeps_its_first_name() {
        let mut names = HostNames::default();
        let [a, b, c]: [IpAddr; 3] = ["10.0.0.1", "::1", "::ffff:10.0.0.1"].map(|text| text.parse().unwrap());
        for (address, name) in [(a, "one"), (b, "six"), (a, "other"), (c, "")] {
            names.add(address, name);
        }
        assert_eq!([a, b, c].map(|address| names.of(address)), [Some("one"), Some("six"), Some("")]);
        let d = "10.0.0.2".parse().unwrap();
        assert_eq!(names.of(d), None);
        let mut later = HostNames::default();
        [(d, "new"), (a, "later")].iter().for_each(|(address, name)| later.add(*address, name));
        names.append(later);
        assert_eq!(
            [a, b, c, d].map(|address| names.of(address)),
            [Some("one"), Some("six"), Some(""), Some("new")]
        );
    }
}
