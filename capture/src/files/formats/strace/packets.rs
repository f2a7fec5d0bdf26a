//! The data of conversations in a log, as packets that could have carried it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::files::formats::text::{TextPacket, Writer};
use crate::files::linktype;

/// Bytes of one packet: an IP packet has room for as many.
const MAX_PAYLOAD: usize = 65_000;
/// Ports that the log does not show are counted from here, as systems do.
const FIRST_PORT: u16 = 49_152;

/// The two endpoints of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoints {
    /// The traced program's.
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
}

impl Endpoints {
    /// An endpoint that the log does not show has an address for documentation (RFC 5737, RFC 3849), or the other's if that is
    /// the machine itself; and a port by the conversation's number.
    pub(super) fn of(local: Option<SocketAddr>, peer: Option<SocketAddr>, number: usize) -> Endpoints {
        let port = FIRST_PORT + u16::try_from(number % 16_384).unwrap_or(0);
        let is_v6 = peer.or(local).is_some_and(|end| end.is_ipv6());
        let documented = |last: u16| -> IpAddr {
            match is_v6 {
                true => Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, last).into(),
                false => Ipv4Addr::new(192, 0, 2, last.to_be_bytes()[1]).into(),
            }
        };
        let of_machine = |other: Option<SocketAddr>| other.map(|end| end.ip()).filter(IpAddr::is_loopback);
        let end = |known: Option<SocketAddr>, other: Option<SocketAddr>, last: u16| {
            let ip = known.map(|end| end.ip()).filter(|ip| !ip.is_unspecified() && ip.is_ipv6() == is_v6);
            let ip = ip.or_else(|| of_machine(other)).unwrap_or_else(|| documented(last));
            let port = known.map(|end| end.port()).filter(|&port| port != 0).unwrap_or(port);
            SocketAddr::new(ip, port)
        };
        Endpoints { local: end(local, peer, 1), peer: end(peer, local, 2) }
    }
}

/// A conversation, as far as it has been written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversation {
    pub(super) endpoints: Endpoints,
    is_tcp: bool,
    /// The next sequence number of the program, and of the peer.
    sequences: [u32; 2],
    /// Whether the program, and the peer, has ended.
    ended: [bool; 2],
}

const SYN: u8 = 0x02;
const FIN: u8 = 0x01;
const ACK: u8 = 0x10;

/// Bytes that one call sent or received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer<'a> {
    pub(super) time_ns: Option<i64>,
    pub(super) is_sent: bool,
    pub(super) bytes: &'a [u8],
    /// How many there were, whether the log shows them or not.
    pub(super) length: usize,
}

impl Conversation {
    pub(super) fn new(endpoints: Endpoints, is_tcp: bool) -> Conversation {
        Conversation { endpoints, is_tcp, sequences: [1; 2], ended: [false; 2] }
    }

    /// The packets that open a connection.
    pub(super) fn open(
        &mut self,
        time_ns: Option<i64>,
        by_program: bool,
        out: &mut Writer,
    ) -> io::Result<()> {
        self.sequences = [0; 2];
        self.segment(time_ns, by_program, SYN, &[], 0, out)?;
        self.segment(time_ns, !by_program, SYN | ACK, &[], 0, out)
    }

    /// One side has ended.
    pub(super) fn close(&mut self, time_ns: Option<i64>, is_sent: bool, out: &mut Writer) -> io::Result<()> {
        let [mine, theirs] = &mut self.ended;
        let ended = if is_sent { mine } else { theirs };
        if !self.is_tcp || std::mem::replace(ended, true) {
            return Ok(());
        }
        self.segment(time_ns, is_sent, FIN | ACK, &[], 0, out)
    }

    pub(super) fn transfer(&mut self, transfer: Transfer<'_>, out: &mut Writer) -> io::Result<()> {
        let Transfer { time_ns, is_sent, bytes, length } = transfer;
        if !self.is_tcp {
            return self.datagram(transfer, out);
        }
        let mut at = 0;
        while at < length {
            let count = (length - at).min(MAX_PAYLOAD);
            let shown = bytes.get(at..).unwrap_or_default();
            let shown = shown.get(..shown.len().min(count)).unwrap_or_default();
            self.segment(time_ns, is_sent, ACK, shown, count, out)?;
            at += count;
            // What is not shown at all is a gap, however long: it ends where the next bytes are.
            if at >= bytes.len() && at < length {
                let rest = u32::try_from((length - at) & 0xFFFF_FFFF).unwrap_or(0);
                let [mine, theirs] = &mut self.sequences;
                let sequence = if is_sent { mine } else { theirs };
                *sequence = sequence.wrapping_add(rest);
                break;
            }
        }
        Ok(())
    }

    fn segment(
        &mut self,
        time_ns: Option<i64>,
        is_sent: bool,
        flags: u8,
        bytes: &[u8],
        length: usize,
        out: &mut Writer,
    ) -> io::Result<()> {
        let [mine, theirs] = &mut self.sequences;
        let (sequence, acknowledged) = if is_sent { (mine, *theirs) } else { (theirs, *mine) };
        let mut header = Vec::with_capacity(20);
        self.endpoints.ports(is_sent).iter().for_each(|port| header.extend(port.to_be_bytes()));
        header.extend(sequence.to_be_bytes());
        header.extend(if flags & ACK != 0 { acknowledged } else { 0 }.to_be_bytes());
        header.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        let advance = u32::try_from(length).unwrap_or(u32::MAX) + u32::from(flags & (SYN | FIN) != 0);
        *sequence = sequence.wrapping_add(advance);
        self.endpoints.packet(time_ns, is_sent, (6, &header), bytes, length, out)
    }

    fn datagram(&mut self, transfer: Transfer<'_>, out: &mut Writer) -> io::Result<()> {
        let length = transfer.length.min(MAX_PAYLOAD);
        let mut header = Vec::with_capacity(8);
        self.endpoints.ports(transfer.is_sent).iter().for_each(|port| header.extend(port.to_be_bytes()));
        header.extend(u16::try_from(8 + length).unwrap_or(u16::MAX).to_be_bytes());
        header.extend([0, 0]);
        let bytes = transfer.bytes.get(..transfer.bytes.len().min(length)).unwrap_or_default();
        self.endpoints.packet(transfer.time_ns, transfer.is_sent, (17, &header), bytes, length, out)
    }
}

impl Endpoints {
    fn ports(&self, is_sent: bool) -> [u16; 2] {
        let [from, to] = self.direction(is_sent);
        [from.port(), to.port()]
    }

    fn direction(&self, is_sent: bool) -> [SocketAddr; 2] {
        if is_sent { [self.local, self.peer] } else { [self.peer, self.local] }
    }

    fn packet(
        &self,
        time_ns: Option<i64>,
        is_sent: bool,
        (protocol, header): (u8, &[u8]),
        bytes: &[u8],
        length: usize,
        out: &mut Writer,
    ) -> io::Result<()> {
        let mut packet = Vec::with_capacity(40 + header.len() + bytes.len());
        let payload = header.len() + length;
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let [from, to] = self.direction(is_sent);
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                packet.extend([0x45, 0]);
                packet.extend(short(20 + payload));
                packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
                packet.extend(from.octets());
                packet.extend(to.octets());
            }
            (from, to) => {
                let v6 = |ip: IpAddr| match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                packet.extend([0x60, 0, 0, 0]);
                packet.extend(short(payload));
                packet.extend([protocol, 64]);
                packet.extend(v6(from).octets());
                packet.extend(v6(to).octets());
            }
        }
        packet.extend(header);
        let wire_length = packet.len() + length;
        packet.extend(bytes);
        let link_type = u16::try_from(linktype::RAW).unwrap_or(0);
        out.packet(TextPacket { time_ns, link_type, wire_length, bytes: &packet })
    }
}
