//! Packets wrapped in every way that is read, built by hand byte by byte: the innermost segment is what counts.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use framescope_capture::Index;
use framescope_oracles::check_index;
use framescope_parser::Direction;
use support::{RAW_IP, Tcp, pcap, read_bytes, udp_packet};

const ETHERNET: u32 = 1;

/// An IPv4 packet with a TCP segment that carries a text.
fn inner() -> Vec<u8> {
    Tcp::data(1, *b"hello").ip_packet()
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ether_type.to_be_bytes()[..], payload].concat()
}

/// An IPv4 packet of that protocol between the ends of a tunnel.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    [&header[..], payload].concat()
}

/// A datagram between the ends of a tunnel.
fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    udp_packet("192.0.2.1:40000".parse().unwrap(), format!("192.0.2.2:{port}").parse().unwrap(), payload)
}

fn opened(link_type: u32, packet: Vec<u8>) -> Index {
    let index = read_bytes(pcap(link_type, &[packet]));
    check_index(&index);
    index
}

/// The sender and receiver of the first packet.
fn ends(index: &Index) -> [String; 2] {
    let flow = index.flow(0.into()).unwrap();
    [Direction::Forward, Direction::Backward].map(|from| flow.source(from).unwrap().to_string())
}

/// The segment of [`inner`] was found, and leads back to its bytes.
fn assert_found(name: &str, link_type: u32, packet: Vec<u8>) {
    let index = opened(link_type, packet);
    let unread: Vec<_> = index.unread_packets().map(|(reason, _)| reason).collect();
    assert_eq!(index.flows().len(), 1, "{name}: {unread:?}");
    assert_eq!(ends(&index), ["10.0.0.1:50000", "10.0.0.2:9000"], "{name}");
    assert_eq!(index.row_count(), 1, "{name}");
    let bytes = index.row_bytes(&index.row(0.into()).unwrap(), usize::MAX, &mut index.reader()).unwrap();
    assert_eq!(bytes, b"hello", "{name}");
}

/// The packet contributes no bytes to a stream, for this reason.
fn assert_unread(name: &str, link_type: u32, packet: Vec<u8>, expected: &str) {
    let index = opened(link_type, packet);
    let unread: Vec<_> = index.unread_packets().map(|(reason, unread)| (reason, unread.count)).collect();
    assert_eq!(unread, [(expected, 1)], "{name}");
    assert_eq!(index.flows().len(), 0, "{name}");
}

#[test]
fn links_and_tags() {
    let tag = |inner: u16, payload: &[u8]| [&[0, 7], &inner.to_be_bytes()[..], payload].concat();
    let ip = inner();
    assert_found("Ethernet", ETHERNET, ethernet(0x0800, &ip));
    assert_found("VLAN", ETHERNET, ethernet(0x8100, &tag(0x0800, &ip)));
    let stack = tag(0x9100, &tag(0x9200, &tag(0x8100, &tag(0x0800, &ip))));
    assert_found("a stack of VLANs", ETHERNET, ethernet(0x88A8, &stack));
    let snap = [&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0][..], &ip].concat();
    assert_found("LLC with SNAP", ETHERNET, ethernet(snap.len() as u16, &snap));
    let bridged = [&[0xAA, 0xAA, 3, 0, 0, 0xF8, 8, 0][..], &ip].concat();
    assert_found("bridged SNAP", ETHERNET, ethernet(bridged.len() as u16, &bridged));
    let llc = [&[6, 6, 3][..], &ip].concat();
    assert_found("LLC", ETHERNET, ethernet(llc.len() as u16, &llc));
    assert_found("PPP", 9, [&[0xFF, 3, 0, 0x21][..], &ip].concat());
    assert_found("PPP without address and control", 9, [&[0, 0x21][..], &ip].concat());
    assert_found("PPP with a short protocol", 9, [&[0x21][..], &ip].concat());
    assert_found("PPP in HDLC framing", 50, [&[0xFF, 3, 0, 0x21][..], &ip].concat());
    assert_found("Cisco HDLC", 104, [&[0x0F, 0, 8, 0][..], &ip].concat());
    let session = [&[0x11, 0, 0, 9, 0, 99, 0, 0x21][..], &ip].concat();
    assert_found("PPPoE", ETHERNET, ethernet(0x8864, &session));
    assert_found("PPPoE without Ethernet", 51, session);
    let backbone = [&[0, 1, 2, 3][..], &ethernet(0x0800, &ip)].concat();
    assert_found("802.1ah", ETHERNET, ethernet(0x88E7, &backbone));
    assert_found("802.1ah behind a VLAN", ETHERNET, ethernet(0x88A8, &tag(0x88E7, &backbone)));
    assert_found("Linux cooked", 113, [&[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0][..], &ip].concat());
}

/// A packet as Linux's packet filter logs it: values before it and after it, each with a length and a type.
fn nflog(family: u8, number: fn(u16) -> [u8; 2], values: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = vec![family, 0, 0, 30];
    for (kind, value) in values {
        out.extend(number(4 + value.len() as u16));
        out.extend(number(*kind));
        out.extend(*value);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

#[test]
fn logged_packets() {
    const NFLOG: u32 = 239;
    let ip = inner();
    // Its place in the chain, a prefix that fills no word, the time; and a value whose type says that others are in it.
    let before: [(u16, &[u8]); 4] = [(1, &[8, 0, 0, 0]), (10, b"hello\0"), (3, &[0; 16]), (0x8013, &[0; 12])];
    for (name, number) in [("little", u16::to_le_bytes as fn(u16) -> [u8; 2]), ("big", u16::to_be_bytes)] {
        let values = [&before[..], &[(9, &ip)], &[(6, &[0; 4])]].concat();
        assert_found(name, NFLOG, nflog(2, number, &values));
        assert_unread(name, NFLOG, nflog(2, number, &before), "NFLOG packet without its bytes");
        assert_found("logged by a bridge", NFLOG, nflog(7, number, &values));
        let arp = nflog(7, number, &[(9, &[0, 1, 8, 0, 6, 4])]);
        assert_unread(name, NFLOG, arp, "NFLOG packet that is not IP");
    }
    let v6 = udp_packet("[fd00::1]:5000".parse().unwrap(), "[fd00::2]:9000".parse().unwrap(), b"over IPv6");
    let index = opened(NFLOG, nflog(10, u16::to_le_bytes, &[(9, &v6)]));
    assert_eq!(ends(&index), ["[fd00::1]:5000", "[fd00::2]:9000"]);
    // Of a packet that the capture cut, the beginning is there.
    let mut file = pcap(NFLOG, &[nflog(2, u16::to_le_bytes, &[(9, &ip)])]);
    file.truncate(file.len() - 5);
    let captured = (file.len() - 40) as u32;
    file[24 + 8..24 + 12].copy_from_slice(&captured.to_le_bytes());
    let index = read_bytes(file);
    assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().cut_packets(), 1);
    assert_unread("nothing", NFLOG, vec![2, 0, 0], "cut in its NFLOG header");
    assert_unread("a later version", NFLOG, vec![2, 1, 0, 0], "NFLOG version 1, which is not read");
    assert_unread("a length of 0", NFLOG, vec![2, 0, 0, 0, 0, 0, 1, 0], "NFLOG packet without its bytes");
}

#[test]
fn labels() {
    let ip = inner();
    let one = [&[0, 1, 1, 64][..], &ip].concat();
    let three = [&[0, 1, 0, 64, 0, 2, 0, 64][..], &one].concat();
    assert_found("MPLS", ETHERNET, ethernet(0x8847, &one));
    assert_found("a stack of labels", ETHERNET, ethernet(0x8847, &three));
    assert_found("MPLS without Ethernet", 219, three.clone());
    assert_found("MPLS in IP", RAW_IP, ipv4(137, &three));
    let wire = [&[0, 1, 1, 64][..], &ethernet(0x0800, &ip)].concat();
    assert_found("Ethernet over MPLS", ETHERNET, ethernet(0x8848, &wire));
    let wire = [&[0, 1, 1, 64, 0, 0, 0, 0][..], &ethernet(0x0800, &ip)].concat();
    assert_found("Ethernet over MPLS with a control word", ETHERNET, ethernet(0x8848, &wire));
    assert_unread("a label and nothing", 219, vec![0, 1, 1, 64], "cut after its MPLS labels");
    assert_unread("half a label", 219, vec![0, 1], "cut in its MPLS labels");
    assert_unread("labels without end", 219, [0, 1, 0, 64].repeat(40), "more than 16 MPLS labels");
}

#[test]
fn tunnels_in_ip() {
    let ip = inner();
    assert_found("IP in IP", RAW_IP, ipv4(4, &ip));
    assert_found("IP in IP in IP", RAW_IP, ipv4(4, &ipv4(4, &ip)));
    let gre = |flags: u16, protocol: u16, rest: &[u8]| {
        ipv4(47, &[&flags.to_be_bytes()[..], &protocol.to_be_bytes(), rest].concat())
    };
    assert_found("GRE", RAW_IP, gre(0, 0x0800, &ip));
    assert_found("GRE with a checksum", RAW_IP, gre(0x8000, 0x0800, &[&[1, 2, 0, 0][..], &ip].concat()));
    let all = [&[1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1][..], &ip].concat();
    assert_found("GRE with checksum, key and sequence", RAW_IP, gre(0xB000, 0x0800, &all));
    let frame = ethernet(0x0800, &ip);
    assert_found("Ethernet in GRE", RAW_IP, gre(0, 0x6558, &frame));
    assert_found("ERSPAN I", RAW_IP, gre(0, 0x88BE, &frame));
    assert_found("ERSPAN II", RAW_IP, gre(0x1000, 0x88BE, &[&[0; 12][..], &frame].concat()));
    assert_found("ERSPAN III", RAW_IP, gre(0x1000, 0x22EB, &[&[0; 16][..], &frame].concat()));
    let mut optional = [0; 24];
    optional[4 + 11] = 1;
    assert_found("ERSPAN III with more", RAW_IP, gre(0x1000, 0x22EB, &[&optional[..], &frame].concat()));
    let pptp = [&[0, 90, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x21][..], &ip].concat();
    assert_found("PPTP", RAW_IP, gre(0x3081, 0x880B, &pptp));
    assert_unread(
        "PPTP that acknowledges",
        RAW_IP,
        gre(0x2081, 0x880B, &[0; 8]),
        "PPTP that carries no data",
    );
    assert_unread("GRE, cut", RAW_IP, gre(0xB000, 0x0800, &[0; 3]), "cut in its GRE header");
    assert_unread("GRE 7", RAW_IP, gre(7, 0x0800, &ip), "GRE version 7, which is not read");
    let wrapped = (0..30).fold(ip, |packet, _| ipv4(4, &packet));
    assert_unread("a snake", RAW_IP, wrapped, "more than 16 headers around one another");
}

#[test]
fn tunnels_in_udp() {
    let ip = inner();
    let frame = ethernet(0x0800, &ip);
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &frame].concat();
    assert_found("VXLAN", RAW_IP, udp(4789, &vxlan));
    assert_found("VXLAN on Linux's port", RAW_IP, udp(8472, &vxlan));
    assert_found("GRE in UDP", RAW_IP, udp(4754, &[&[0, 0, 8, 0][..], &ip].concat()));
    let keyed = [&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7][..], &frame].concat();
    assert_found("Ethernet in GRE in UDP", RAW_IP, udp(4754, &keyed));
    assert_found("Geneve", RAW_IP, udp(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 7, 0][..], &frame].concat()));
    let options = [&[2, 0, 8, 0, 0, 0, 7, 0, 1, 2, 3, 4, 5, 6, 7, 8][..], &ip].concat();
    assert_found("Geneve with options, IP in it", RAW_IP, udp(6081, &options));
    assert_found("GTP-U", RAW_IP, udp(2152, &[&[0x30, 0xFF, 0, 45, 0, 0, 0, 7][..], &ip].concat()));
    let numbered = [&[0x32, 0xFF, 0, 49, 0, 0, 0, 7, 0, 1, 0, 0][..], &ip].concat();
    assert_found("GTP-U with a number", RAW_IP, udp(2152, &numbered));
    let extended =
        [&[0x34, 0xFF, 0, 57, 0, 0, 0, 7, 0, 0, 0, 0x85, 1, 0, 0, 0xC0, 1, 2, 3, 0][..], &ip].concat();
    assert_found("GTP-U with extension headers", RAW_IP, udp(2152, &extended));
    assert_found(
        "VXLAN in VXLAN",
        RAW_IP,
        udp(4789, &{
            let outer = ethernet(0x0800, &udp(4789, &vxlan));
            [&[8, 0, 0, 0, 0, 0, 9, 0][..], &outer].concat()
        }),
    );
}

#[test]
fn a_datagram_to_a_tunnels_port_that_holds_no_segment_is_a_datagram() {
    let arp = ethernet(0x0806, &[0; 28]);
    for (port, payload) in [
        (4789, b"hello, this is my own protocol".to_vec()),
        (4789, vec![]),
        (4789, [0; 7].to_vec()),
        (4754, b"text".to_vec()),
        (4754, vec![0, 0, 8]),
        (4789, [&[8, 0, 0, 0, 0, 0, 7, 0][..], &arp].concat()),
        (6081, b"text".to_vec()),
        (6081, vec![0x3F, 0, 8, 0, 0, 0, 0, 0, 1]),
        (2152, b"\x30\xff".to_vec()),
        (2152, vec![0x34, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x85, 0, 0, 0, 0x85]),
        (2152, b"0text that begins as GTP does".to_vec()),
    ] {
        let index = opened(RAW_IP, udp(port, &payload));
        assert_eq!(ends(&index), ["192.0.2.1:40000".to_owned(), format!("192.0.2.2:{port}")]);
        let stream = index.stream(0.into(), Direction::Forward).unwrap();
        assert_eq!(stream.bytes, payload.len() as u64, "{payload:?}");
    }
}

#[test]
fn a_vxlan_header_with_other_bits_is_read_and_reported() {
    let frame = ethernet(0x0800, &inner());
    let vxlan = |header: [u8; 8]| [&header[..], &frame].concat();
    let odd = |index: &Index| -> Vec<(String, u64)> {
        index.odd_packets().map(|(what, odd)| (what.to_owned(), odd.count)).collect()
    };
    let expected = [("VXLAN header whose fixed bits are not those of RFC 7348".to_owned(), 1)];
    // With the bits of group policies, and each other bit; and without a valid number.
    for header in [
        [0x88, 0, 0, 99, 0, 0, 7, 0],
        [0x0C, 0, 0, 0, 0, 0, 7, 0],
        [8, 1, 0, 0, 0, 0, 7, 0],
        [8, 0, 1, 0, 0, 0, 7, 0],
        [8, 0, 0, 1, 0, 0, 7, 0],
        [8, 0, 0, 0, 0, 0, 7, 1],
        [0, 0, 0, 0, 0, 0, 7, 0],
    ] {
        assert_found("VXLAN", RAW_IP, udp(4789, &vxlan(header)));
        assert_eq!(odd(&opened(RAW_IP, udp(4789, &vxlan(header)))), expected, "{header:?}");
    }
    assert_eq!(odd(&opened(RAW_IP, udp(4789, &vxlan([8, 0, 0, 0, 1, 2, 3, 0])))), []);
    // A packet that turns out not to be a tunnel's is not unusual either.
    let arp = [&[0x88, 0, 0, 0, 0, 0, 7, 0][..], &ethernet(0x0806, &[0; 28])].concat();
    assert_eq!(odd(&opened(RAW_IP, udp(4789, &arp))), []);
    // Once for all that is inside, though only the outer header is unusual.
    let inside = ethernet(0x0800, &udp(4789, &vxlan([8, 0, 0, 0, 0, 0, 7, 0])));
    let nested = [&[0x88, 0, 0, 0, 0, 0, 7, 0][..], &inside].concat();
    assert_eq!(odd(&opened(RAW_IP, udp(4789, &nested))), expected);
}

#[test]
fn what_is_not_read_says_so() {
    for (name, link_type, packet, expected) in [
        ("ARP", ETHERNET, ethernet(0x0806, &[0; 28]), "ARP"),
        ("LLDP", ETHERNET, ethernet(0x88CC, &[0; 28]), "EtherType 0x88cc, which is not read"),
        ("spanning tree", ETHERNET, ethernet(38, &[0x42, 0x42, 3, 0, 0]), "spanning tree protocol"),
        ("NetBIOS", ETHERNET, ethernet(38, &[0xF0, 0xF0, 3]), "IEEE 802.3 frame whose LLC is not IP"),
        ("half an LLC", ETHERNET, ethernet(38, &[0xAA]), "cut in its LLC header"),
        ("half an 802.1ah tag", ETHERNET, ethernet(0x88E7, &[0, 7, 8]), "cut in its 802.1ah tag"),
        ("half a tag", ETHERNET, ethernet(0x8100, &[0, 7, 8]), "cut in its VLAN tag"),
        ("half an Ethernet header", ETHERNET, vec![0; 13], "cut in its Ethernet header"),
        ("PPPoE discovery", ETHERNET, ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), "PPPoE that carries no data"),
        ("a PADT in a session", 51, vec![0x11, 0xA7, 0, 9, 0, 0], "PPPoE that carries no data"),
        ("half a PPPoE header", 51, vec![0x11, 0, 0], "cut in its PPPoE header"),
        ("LCP", 9, vec![0xFF, 3, 0xC0, 0x21, 1, 1], "PPP that carries no data"),
        ("compressed PPP", 9, vec![0x00, 0xFD, 1], "PPP protocol 0x00fd, which is not read"),
        ("half a PPP header", 9, vec![0xFF, 3, 0], "cut in its PPP header"),
        ("half a cooked header", 113, vec![0; 15], "cut in its Linux cooked header"),
        ("half a loopback header", 0, vec![2, 0], "cut in its loopback header"),
        ("AppleTalk over loopback", 0, vec![16, 0, 0, 0], "loopback packet that is not IP"),
        ("USB", 189, vec![0; 64], "link type 189, which is not read"),
    ] {
        assert_unread(name, link_type, packet, expected);
    }
}
