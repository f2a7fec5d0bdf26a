//! From a captured packet to the transport segment in it, through etherparse. Packets that the capture cut short
//! (snaplen) give what is there; packets without TCP or UDP give the reason. It never reads the file.

use etherparse::{
    EtherType, Ethernet2HeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6ExtensionSlice, LaxIpSlice,
    TcpHeaderSlice, UdpHeaderSlice,
};

use crate::files::linktype;
use crate::files::records::Record;
use crate::packets::endpoint::Endpoint;
use crate::packets::fragments::{Fragment, FragmentKey};
use crate::packets::headers::{behind, ether_type, gre, llc, mpls, nflog, ppp, u16_at, udp_tunnel, vxlan};
use crate::packets::layer::{DEEPEST, Layer, SkipReason, Unusual};
use crate::packets::segment::Transport;

/// A TCP segment or UDP datagram as captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) src: Endpoint,
    pub(crate) dst: Endpoint,
    pub(crate) transport: Transport,
    /// Where in the captured packet its payload begins.
    pub(crate) payload_start: u32,
    /// How many bytes of the payload were captured.
    pub(crate) payload_length: u32,
    /// How many bytes the payload had on the wire that were not captured.
    pub(crate) missing: u32,
    pub(crate) unusual: Option<Unusual>,
}

impl Packet {
    /// The captured bytes of the payload, in those of the whole packet.
    pub(crate) fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        let start = self.payload_start as usize;
        packet.get(start..start + self.payload_length as usize).unwrap_or_default()
    }

    /// A packet with that payload and length on the wire, in `record`. No record is longer than 32 bits can count.
    fn new(
        [src, dst]: [Endpoint; 2],
        transport: Transport,
        record: &Record<'_>,
        payload: &[u8],
        wire_length: usize,
    ) -> Packet {
        let short = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Packet {
            src,
            dst,
            transport,
            payload_start: short(offset_in(record.bytes, payload)),
            payload_length: short(payload.len()),
            missing: short(wire_length.saturating_sub(payload.len())),
            unusual: None,
        }
    }
}

/// What a captured packet carries, through whatever it is wrapped in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decoded {
    Packet(Packet),
    /// A part of an IP packet.
    Fragment(Fragment),
}

impl Decoded {
    /// What is unusual about it, if anything is.
    pub(crate) fn unusual(&self) -> Option<Unusual> {
        match self {
            Decoded::Packet(packet) => packet.unusual,
            Decoded::Fragment(fragment) => fragment.unusual,
        }
    }

    fn wrapped_in(mut self, unusual: Option<Unusual>) -> Decoded {
        let place = match &mut self {
            Decoded::Packet(packet) => &mut packet.unusual,
            Decoded::Fragment(fragment) => &mut fragment.unusual,
        };
        *place = place.or(unusual);
        self
    }

    /// Whether it says anything of a stream or a connection: one that only acknowledges does not.
    pub(crate) fn is_relevant(&self) -> bool {
        let Decoded::Packet(packet) = self else { return true };
        packet.transport.opens_or_closes() || packet.payload_length > 0 || packet.missing > 0
    }
}

/// The TCP segment or UDP datagram in a packet that is not [`plain`], through whatever it is wrapped in: the innermost, if it is
/// tunnelled.
pub(crate) fn decode(record: &Record<'_>) -> Result<Decoded, SkipReason> {
    unwrapped(record, link(record)?, DEEPEST)
}

/// The quick way for what nearly every packet is: a TCP segment in an IPv4 packet in an Ethernet frame, with nothing unusual.
#[inline(always)]
pub(crate) fn plain(record: &Record<'_>) -> Option<Packet> {
    let ethernet = Ethernet2HeaderSlice::from_slice(record.bytes).ok()?;
    if record.link_type != Some(linktype::ETHERNET) || ethernet.ether_type() != EtherType::IPV4 {
        return None;
    }
    let network = behind(record.bytes, ethernet.slice().len());
    let ip = Ipv4HeaderSlice::from_slice(network).ok()?;
    if ip.protocol() != IpNumber::TCP || ip.is_fragmenting_payload() {
        return None;
    }
    let segment = network.get(ip.slice().len()..usize::from(ip.total_len()))?;
    let tcp = TcpHeaderSlice::from_slice(segment).ok()?;
    let payload = behind(segment, tcp.slice().len());
    let source = Endpoint::v4(ip.source()).with_port(tcp.source_port());
    let destination = Endpoint::v4(ip.destination()).with_port(tcp.destination_port());
    let (sequence, syn, ack, fin, rst) = (tcp.sequence_number(), tcp.syn(), tcp.ack(), tcp.fin(), tcp.rst());
    let acknowledged = tcp.acknowledgment_number();
    let transport = Transport::Tcp { sequence, acknowledged, syn, ack, fin, rst };
    Some(Packet::new([source, destination], transport, record, payload, payload.len()))
}

/// The same in the payload of an IP packet that was reassembled: `record` has its bytes.
pub(crate) fn decode_payload(record: &Record<'_>, of: &FragmentKey) -> Result<Packet, SkipReason> {
    let (segment, length) = (record.bytes, record.bytes.len());
    let found = IpPayload { record, segment, length, source: of.source, destination: of.destination };
    let inner = match ip_payload(found, IpNumber(of.protocol), DEEPEST)? {
        Inner::Decoded(decoded) => decoded,
        Inner::Layer(layer) => unwrapped(record, layer, DEEPEST)?,
    };
    match inner {
        Decoded::Packet(packet) => Ok(packet),
        Decoded::Fragment(_) => Err("IP fragment in IP fragments, which is not reassembled".into()),
    }
}

/// The segment or datagram in a layer, within at most this many headers.
fn unwrapped(record: &Record<'_>, layer: Layer<'_>, most: usize) -> Result<Decoded, SkipReason> {
    let (mut layer, mut unusual) = (layer, None);
    for left in (0..most).rev() {
        layer = match layer {
            Layer::Ip(bytes) => match ip(record, bytes, left)? {
                Inner::Decoded(decoded) => return Ok(decoded.wrapped_in(unusual)),
                Inner::Layer(layer) => layer,
            },
            Layer::Ethernet(bytes) => {
                let header =
                    Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| "cut in its Ethernet header")?;
                Layer::EtherType(header.ether_type().0, behind(bytes, 14))
            }
            Layer::EtherType(number, bytes) => ether_type(number, bytes)?,
            Layer::Llc(bytes) => llc(bytes)?,
            Layer::Ppp(bytes) => ppp(bytes)?,
            Layer::Pppoe(bytes) => match bytes.first_chunk::<6>() {
                Some([0x11, 0, ..]) => Layer::Ppp(behind(bytes, 6)),
                Some(_) => return Err("PPPoE that carries no data".into()),
                None => return Err("cut in its PPPoE header".into()),
            },
            Layer::Mpls(bytes) => mpls(bytes)?,
            Layer::Gre(bytes) => gre(bytes)?,
            Layer::Vxlan(bytes) => {
                let (inner, bits) = vxlan(bytes)?;
                unusual = unusual.or(bits);
                inner
            }
        };
    }
    Err(format!("more than {DEEPEST} headers around one another").into())
}

/// What the link's own header announces.
fn link<'a>(record: &Record<'a>) -> Result<Layer<'a>, SkipReason> {
    let bytes = record.bytes;
    let link_type = record.link_type.ok_or("packet of which the file says no link type that is known")?;
    // Read here: etherparse knows few of the hardware types that precede the EtherType of a cooked header.
    let cooked = |at: usize, length: usize| {
        let ether_type = u16_at(bytes, at).filter(|_| bytes.len() >= length);
        let ether_type = ether_type.ok_or("cut in its Linux cooked header")?;
        Ok(Layer::EtherType(ether_type, behind(bytes, length)))
    };
    Ok(match link_type {
        linktype::ETHERNET => Layer::Ethernet(bytes),
        linktype::LINUX_SLL => return cooked(14, 16),
        linktype::LINUX_SLL2 => return cooked(0, 20),
        // The address family, in the byte order of the capturing machine; IPv6's differs between systems.
        linktype::NULL | linktype::LOOP => {
            let family: [u8; 4] = *bytes.first_chunk().ok_or("cut in its loopback header")?;
            let is_ip = |family: u32| matches!(family, 2 | 10 | 24 | 28 | 30);
            if !is_ip(u32::from_be_bytes(family)) && !is_ip(u32::from_le_bytes(family)) {
                return Err("loopback packet that is not IP".into());
            }
            Layer::Ip(behind(bytes, 4))
        }
        linktype::PPP => Layer::Ppp(bytes),
        // Either PPP in HDLC-like framing, or Cisco's own: an address, a control byte, an EtherType.
        linktype::PPP_HDLC | linktype::CISCO_HDLC => match bytes {
            [0x0F | 0x8F, 0, high, low, rest @ ..] => {
                Layer::EtherType(u16::from_be_bytes([*high, *low]), rest)
            }
            _ => Layer::Ppp(bytes),
        },
        linktype::PPPOE => Layer::Pppoe(bytes),
        linktype::MPLS => Layer::Mpls(bytes),
        linktype::NFLOG => return nflog(bytes),
        linktype::RAW | linktype::RAW_BSD | linktype::RAW_OPENBSD | linktype::IPV4 | linktype::IPV6 => {
            Layer::Ip(bytes)
        }
        _ => return Err(format!("link type {link_type}, which is not read").into()),
    })
}

/// What an IP packet carries.
enum Inner<'a> {
    Decoded(Decoded),
    Layer(Layer<'a>),
}

fn ip<'a>(record: &Record<'a>, network: &'a [u8], left: usize) -> Result<Inner<'a>, SkipReason> {
    let start = offset_in(record.bytes, network);
    let (slice, stopped) = LaxIpSlice::from_slice(network).map_err(|_| "cut or malformed IP header")?;
    if stopped.is_some() {
        return Err("cut or malformed IP extension headers".into());
    }
    let payload = slice.payload();
    let header_length = offset_in(network, payload.payload);
    // The length in the IP header; zero where the sender's hardware was to fill it in.
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
    let (source, destination) = (Endpoint::of(slice.source_addr()), Endpoint::of(slice.destination_addr()));
    if slice.is_fragmenting_payload() {
        if ip_payload_length > segment.len() {
            return Err("IP fragment that the capture cut".into());
        }
        let fragment = fragment(record, &slice, segment).ok_or("malformed IP fragment")?;
        return Ok(Inner::Decoded(Decoded::Fragment(fragment)));
    }
    let found = IpPayload { record, segment, length: ip_payload_length, source, destination };
    ip_payload(found, slice.payload_ip_number(), left)
}

/// An IP packet's fragment. None if it is empty, or reaches further than a packet can.
fn fragment(record: &Record<'_>, slice: &LaxIpSlice<'_>, bytes: &[u8]) -> Option<Fragment> {
    let (identification, offset, more) = match slice {
        LaxIpSlice::Ipv4(ipv4) => {
            let header = ipv4.header();
            let offset = header.fragments_offset().byte_offset();
            (header.identification().into(), offset, header.more_fragments())
        }
        LaxIpSlice::Ipv6(ipv6) => {
            let header = ipv6.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(header) => Some(header),
                _ => None,
            })?;
            (header.identification(), header.fragment_offset().byte_offset(), header.more_fragments())
        }
    };
    let of = FragmentKey {
        source: Endpoint::of(slice.source_addr()),
        destination: Endpoint::of(slice.destination_addr()),
        protocol: slice.payload_ip_number().0,
        identification,
    };
    let (start, length) = (offset_in(record.bytes, bytes), bytes.len());
    let fragment = Fragment { of, offset: offset.into(), more, start, length, unusual: None };
    (length > 0 && fragment.offset + length <= 65_535).then_some(fragment)
}

/// What an IP packet's payload is.
fn ip_payload<'a>(
    found: IpPayload<'_, 'a>,
    protocol: IpNumber,
    left: usize,
) -> Result<Inner<'a>, SkipReason> {
    let (record, segment) = (found.record, found.segment);
    match protocol {
        IpNumber::TCP => found.tcp().map(|packet| Inner::Decoded(Decoded::Packet(packet))),
        IpNumber::UDP => {
            let packet = found.udp()?;
            // What carries no segment that can be read is a datagram like any other.
            let inner = udp_tunnel((packet.src.port, packet.dst.port), packet.payload(record.bytes));
            let inner = inner.and_then(|layer| unwrapped(record, layer, left).ok());
            Ok(Inner::Decoded(inner.unwrap_or(Decoded::Packet(packet))))
        }
        IpNumber::IPV4 | IpNumber::IPV6 => Ok(Inner::Layer(Layer::Ip(segment))),
        IpNumber::GRE => Ok(Inner::Layer(Layer::Gre(segment))),
        IpNumber::MPLS_IN_IP => Ok(Inner::Layer(Layer::Mpls(segment))),
        IpNumber::ICMP | IpNumber::IPV6_ICMP => Err("ICMP".into()),
        IpNumber::SCTP => Err("SCTP, which is not read".into()),
        IpNumber(number) => Err(format!("IP protocol {number}, which is not read").into()),
    }
}

/// An IP payload: its captured bytes and its length on the wire.
struct IpPayload<'r, 'a> {
    record: &'r Record<'a>,
    segment: &'a [u8],
    length: usize,
    source: Endpoint,
    destination: Endpoint,
}

impl IpPayload<'_, '_> {
    fn tcp(self) -> Result<Packet, SkipReason> {
        let cut = self.length > self.segment.len();
        let (header_length, ports, numbers, flags) = match TcpHeaderSlice::from_slice(self.segment) {
            Ok(header) => (
                header.slice().len(),
                (header.source_port(), header.destination_port()),
                [header.sequence_number(), header.acknowledgment_number()],
                [header.syn(), header.ack(), header.fin(), header.rst()],
            ),
            // Cut in its options: all that a stream needs comes before them.
            Err(_) if cut => {
                let head: [u8; 14] =
                    *self.segment.first_chunk().ok_or(SkipReason::from("cut in its TCP header"))?;
                let [p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags] = head;
                let header_length = usize::from(offset >> 4) * 4;
                if header_length < 20 {
                    return Err("malformed TCP header".into());
                }
                let ports = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([p2, p3]));
                let flag = |bit: u8| flags & bit != 0;
                let flags = [flag(0x02), flag(0x10), flag(0x01), flag(0x04)];
                let numbers = [[s0, s1, s2, s3], [a0, a1, a2, a3]].map(u32::from_be_bytes);
                (header_length, ports, numbers, flags)
            }
            Err(_) => return Err("malformed TCP header".into()),
        };
        let [syn, ack, fin, rst] = flags;
        let payload = self.segment.get(header_length..).unwrap_or_default();
        let ends = [self.source.with_port(ports.0), self.destination.with_port(ports.1)];
        let wire_length = self.length.saturating_sub(header_length);
        let [sequence, acknowledged] = numbers;
        let transport = Transport::Tcp { sequence, acknowledged, syn, ack, fin, rst };
        Ok(Packet::new(ends, transport, self.record, payload, wire_length))
    }

    fn udp(self) -> Result<Packet, SkipReason> {
        let header = UdpHeaderSlice::from_slice(self.segment)
            .map_err(|_| SkipReason::from("cut in its UDP header"))?;
        let wire_length = match usize::from(header.length()) {
            // Zero where the sender's hardware was to fill it in.
            0..8 => self.length.saturating_sub(8),
            length => (length - 8).min(self.length.saturating_sub(8)),
        };
        let payload = self.segment.get(8..).unwrap_or_default();
        let payload = payload.get(..wire_length).unwrap_or(payload);
        let (source, destination) = (header.source_port(), header.destination_port());
        let ends = [self.source.with_port(source), self.destination.with_port(destination)];
        Ok(Packet::new(ends, Transport::Udp, self.record, payload, wire_length))
    }
}

/// Where in `whole` its sub-slice `part` begins.
pub(crate) fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr()).min(whole.len())
}
