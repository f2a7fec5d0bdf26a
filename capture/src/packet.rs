//! From a captured packet to the transport segment in it, through etherparse. Packets that the capture cut short
//! (snaplen) give what is there; packets that hold no TCP or UDP give the reason.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, Ethernet2HeaderSlice, IpNumber, LaxIpSlice, SingleVlanHeaderSlice, TcpHeaderSlice,
    UdpHeaderSlice,
};

use crate::records::Record;

/// A TCP segment or UDP datagram as captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) transport: Transport,
    /// The captured bytes of the payload.
    pub(crate) payload: &'a [u8],
    /// Where in the captured packet they begin.
    pub(crate) payload_start: usize,
    /// How long the payload was on the wire; at least as long as what was captured of it.
    pub(crate) wire_length: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp { sequence: u32, syn: bool, ack: bool, fin: bool, rst: bool },
    Udp,
}

/// Why a packet gives no bytes to a stream. A person reads it behind a count.
pub(crate) type Reason = Cow<'static, str>;

mod linktype {
    pub(super) const NULL: u32 = 0;
    pub(super) const ETHERNET: u32 = 1;
    pub(super) const RAW_BSD: u32 = 12;
    pub(super) const RAW_OPENBSD: u32 = 14;
    pub(super) const RAW: u32 = 101;
    pub(super) const LOOP: u32 = 108;
    pub(super) const LINUX_SLL: u32 = 113;
    pub(super) const IPV4: u32 = 228;
    pub(super) const IPV6: u32 = 229;
    pub(super) const LINUX_SLL2: u32 = 276;
}

pub(crate) fn decode<'a>(record: &Record<'a>) -> Result<Packet<'a>, Reason> {
    let bytes = record.bytes;
    let link_type =
        record.link_type.ok_or(Cow::Borrowed("pcapng packet without an interface description"))?;
    let network = match link_type {
        linktype::ETHERNET => {
            let header = Ethernet2HeaderSlice::from_slice(bytes)
                .map_err(|_| Cow::Borrowed("cut in its Ethernet header"))?;
            behind_ether_type(header.ether_type(), bytes.get(14..).unwrap_or_default())?
        }
        linktype::LINUX_SLL => {
            // Read here: etherparse knows few of the hardware types that precede the EtherType.
            let header: [u8; 16] =
                *bytes.first_chunk().ok_or(Cow::Borrowed("cut in its Linux cooked header"))?;
            let [.., high, low] = header;
            let ether_type = EtherType(u16::from_be_bytes([high, low]));
            behind_ether_type(ether_type, bytes.get(16..).unwrap_or_default())?
        }
        linktype::LINUX_SLL2 => {
            let ether_type = bytes.first_chunk().copied().map(u16::from_be_bytes);
            let rest = bytes.get(20..).ok_or(Cow::Borrowed("cut in its Linux cooked header"))?;
            behind_ether_type(EtherType(ether_type.unwrap_or_default()), rest)?
        }
        // The address family, in the byte order of whoever captured; IPv6's differs between systems.
        linktype::NULL | linktype::LOOP => {
            let family: [u8; 4] = *bytes.first_chunk().ok_or(Cow::Borrowed("cut in its loopback header"))?;
            let is_ip = |family: u32| matches!(family, 2 | 10 | 24 | 28 | 30);
            if !is_ip(u32::from_be_bytes(family)) && !is_ip(u32::from_le_bytes(family)) {
                return Err("loopback packet that is not IP".into());
            }
            bytes.get(4..).unwrap_or_default()
        }
        linktype::RAW | linktype::RAW_BSD | linktype::RAW_OPENBSD | linktype::IPV4 | linktype::IPV6 => bytes,
        _ => return Err(format!("link type {link_type}, which is not read").into()),
    };
    ip(record, network)
}

fn behind_ether_type(ether_type: EtherType, bytes: &[u8]) -> Result<&[u8], Reason> {
    let (mut ether_type, mut bytes) = (ether_type, bytes);
    loop {
        match ether_type {
            EtherType::IPV4 | EtherType::IPV6 => return Ok(bytes),
            EtherType::VLAN_TAGGED_FRAME
            | EtherType::PROVIDER_BRIDGING
            | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
                let tag = SingleVlanHeaderSlice::from_slice(bytes)
                    .map_err(|_| Cow::Borrowed("cut in its VLAN tag"))?;
                ether_type = tag.ether_type();
                bytes = bytes.get(4..).unwrap_or_default();
            }
            EtherType::ARP => return Err("ARP".into()),
            EtherType(0..=0x05FF) => return Err("IEEE 802.3 frame with LLC, which is not read".into()),
            EtherType(number) => return Err(format!("EtherType {number:#06x}, which is not read").into()),
        }
    }
}

fn ip<'a>(record: &Record<'a>, network: &'a [u8]) -> Result<Packet<'a>, Reason> {
    let start = record.bytes.len() - network.len();
    let (slice, stopped) =
        LaxIpSlice::from_slice(network).map_err(|_| Cow::Borrowed("cut or odd IP header"))?;
    if stopped.is_some() {
        return Err("cut or odd IP extension headers".into());
    }
    if slice.is_fragmenting_payload() {
        return Err("IP fragment, which is not put together".into());
    }
    let payload = slice.payload();
    let header_length = offset_in(network, payload.payload);
    // What the IP header says; zero where the sender's hardware was to fill it in.
    let claimed = match &slice {
        LaxIpSlice::Ipv4(ipv4) => usize::from(ipv4.header().total_len()),
        LaxIpSlice::Ipv6(ipv6) => match ipv6.header().payload_length() {
            0 => 0,
            length => usize::from(length) + 40,
        },
    };
    let on_wire = record.wire_length.saturating_sub(start);
    let ip_length = if claimed < header_length { on_wire } else { claimed.min(on_wire) };
    let ip_payload_length = ip_length.saturating_sub(header_length).max(payload.payload.len());
    let segment = payload.payload;
    let (source, destination) = (slice.source_addr(), slice.destination_addr());
    let found = Found { record, segment, length: ip_payload_length, source, destination };
    match slice.payload_ip_number() {
        IpNumber::TCP => found.tcp(),
        IpNumber::UDP => found.udp(),
        IpNumber::ICMP | IpNumber::IPV6_ICMP => Err("ICMP".into()),
        IpNumber::SCTP => Err("SCTP, which is not read".into()),
        IpNumber(number) => Err(format!("IP protocol {number}, which is not read").into()),
    }
}

/// An IP payload: its captured bytes and its length on the wire.
struct Found<'r, 'a> {
    record: &'r Record<'a>,
    segment: &'a [u8],
    length: usize,
    source: IpAddr,
    destination: IpAddr,
}

impl<'a> Found<'_, 'a> {
    fn tcp(self) -> Result<Packet<'a>, Reason> {
        let cut = self.length > self.segment.len();
        let (header_length, ports, sequence, flags) = match TcpHeaderSlice::from_slice(self.segment) {
            Ok(header) => (
                header.slice().len(),
                (header.source_port(), header.destination_port()),
                header.sequence_number(),
                [header.syn(), header.ack(), header.fin(), header.rst()],
            ),
            // Cut in its options: all that a stream needs stands before them.
            Err(_) if cut => {
                let head: [u8; 14] =
                    *self.segment.first_chunk().ok_or(Cow::Borrowed("cut in its TCP header"))?;
                let [p0, p1, p2, p3, s0, s1, s2, s3, _, _, _, _, offset, flags] = head;
                let header_length = usize::from(offset >> 4) * 4;
                if header_length < 20 {
                    return Err("odd TCP header".into());
                }
                let ports = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([p2, p3]));
                let flag = |bit: u8| flags & bit != 0;
                let flags = [flag(0x02), flag(0x10), flag(0x01), flag(0x04)];
                (header_length, ports, u32::from_be_bytes([s0, s1, s2, s3]), flags)
            }
            Err(_) => return Err("odd TCP header".into()),
        };
        let [syn, ack, fin, rst] = flags;
        let payload = self.segment.get(header_length..).unwrap_or_default();
        Ok(Packet {
            src: SocketAddr::new(self.source, ports.0),
            dst: SocketAddr::new(self.destination, ports.1),
            transport: Transport::Tcp { sequence, syn, ack, fin, rst },
            payload,
            payload_start: offset_in(self.record.bytes, payload),
            wire_length: self.length.saturating_sub(header_length).max(payload.len()),
        })
    }

    fn udp(self) -> Result<Packet<'a>, Reason> {
        let header =
            UdpHeaderSlice::from_slice(self.segment).map_err(|_| Cow::Borrowed("cut in its UDP header"))?;
        let wire_length = match usize::from(header.length()) {
            // Zero where the sender's hardware was to fill it in.
            0..8 => self.length.saturating_sub(8),
            length => (length - 8).min(self.length.saturating_sub(8)),
        };
        let payload = self.segment.get(8..).unwrap_or_default();
        let payload = payload.get(..wire_length).unwrap_or(payload);
        Ok(Packet {
            src: SocketAddr::new(self.source, header.source_port()),
            dst: SocketAddr::new(self.destination, header.destination_port()),
            transport: Transport::Udp,
            payload,
            payload_start: offset_in(self.record.bytes, payload),
            wire_length,
        })
    }
}

/// Where in `whole` its sub-slice `part` begins.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr()).min(whole.len())
}
