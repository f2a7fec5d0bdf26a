//! Packets as they would have been seen between two sockets: IP headers, TCP or UDP headers with right checksums.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader, UdpHeader};

/// The longest payload of a packet: with every header it stays below the 65,535 bytes of an IP packet.
pub(super) const MAX_PAYLOAD: usize = 60_000;

/// What the receiver could take, in every segment.
const WINDOW: u16 = u16::MAX;

/// Options of a SYN: segments of up to 65,495 bytes; windows count 16 KiB, so that none looks full.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0xFF, 0xD7, 1, 3, 3, 14];

/// Where a packet comes from and goes to, both of one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    from: SocketAddr,
    to: SocketAddr,
}

impl Path {
    /// Where only one address is of IPv4, it is written as the IPv6 address that stands for it.
    pub(super) fn new(from: SocketAddr, to: SocketAddr) -> Path {
        let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let (from, to) = (canonical(from), canonical(to));
        if from.is_ipv4() == to.is_ipv4() {
            return Path { from, to };
        }
        let mapped = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
            IpAddr::V6(_) => address,
        };
        Path { from: mapped(from), to: mapped(to) }
    }

    pub(super) fn ends(self) -> (SocketAddr, SocketAddr) {
        (self.from, self.to)
    }

    pub(super) fn reversed(self) -> Path {
        Path { from: self.to, to: self.from }
    }
}

/// What one TCP segment says besides its payload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Segment {
    pub(super) sequence: u32,
    /// The next byte expected from the other side, if this segment acknowledges.
    pub(super) acknowledges: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) reset: bool,
}

/// The headers of a TCP segment. None where the payload is too long for a packet.
pub(super) fn tcp(path: Path, segment: Segment, payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut tcp = TcpHeader::new(path.from.port(), path.to.port(), segment.sequence, WINDOW);
    tcp.ack = segment.acknowledges.is_some();
    tcp.acknowledgment_number = segment.acknowledges.unwrap_or(0);
    tcp.syn = segment.syn;
    tcp.fin = segment.fin;
    tcp.rst = segment.reset;
    tcp.psh = !payload.is_empty();
    if segment.syn {
        tcp.set_options_raw(&SYN_OPTIONS).ok()?;
    }
    let length = tcp.header_len() + payload.len();
    match (path.from.ip(), path.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            tcp.checksum = tcp.calc_checksum_ipv4_raw(from.octets(), to.octets(), payload).ok()?;
            ipv4(length, IpNumber::TCP, from.octets(), to.octets(), out)?;
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            tcp.checksum = tcp.calc_checksum_ipv6_raw(from.octets(), to.octets(), payload).ok()?;
            ipv6(length, IpNumber::TCP, from.octets(), to.octets(), out)?;
        }
        _ => return None,
    }
    out.extend_from_slice(&tcp.to_bytes());
    Some(())
}

/// The headers of a UDP datagram. None where the payload is too long for one.
pub(super) fn udp(path: Path, payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let length = UdpHeader::LEN + payload.len();
    let (source_port, destination_port) = (path.from.port(), path.to.port());
    let mut udp =
        UdpHeader { source_port, destination_port, length: u16::try_from(length).ok()?, checksum: 0 };
    match (path.from.ip(), path.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            udp.checksum = udp.calc_checksum_ipv4_raw(from.octets(), to.octets(), payload).ok()?;
            ipv4(length, IpNumber::UDP, from.octets(), to.octets(), out)?;
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            udp.checksum = udp.calc_checksum_ipv6_raw(from.octets(), to.octets(), payload).ok()?;
            ipv6(length, IpNumber::UDP, from.octets(), to.octets(), out)?;
        }
        _ => return None,
    }
    out.extend_from_slice(&udp.to_bytes());
    Some(())
}

fn ipv4(length: usize, protocol: IpNumber, from: [u8; 4], to: [u8; 4], out: &mut Vec<u8>) -> Option<()> {
    let mut ip = Ipv4Header::new(u16::try_from(length).ok()?, 64, protocol, from, to).ok()?;
    ip.dont_fragment = true;
    ip.header_checksum = ip.calc_header_checksum();
    out.extend_from_slice(&ip.to_bytes());
    Some(())
}

fn ipv6(
    length: usize,
    next_header: IpNumber,
    source: [u8; 16],
    destination: [u8; 16],
    out: &mut Vec<u8>,
) -> Option<()> {
    let payload_length = u16::try_from(length).ok()?;
    let ip = Ipv6Header {
        payload_length,
        next_header,
        hop_limit: 64,
        source,
        destination,
        ..Ipv6Header::default()
    };
    out.extend_from_slice(&ip.to_bytes());
    Some(())
}
