//! Streams and packets as captures, so that what an oracle makes up can be opened like anything else.

/// Raw IP: a packet begins with its IP header.
pub(crate) const RAW_IP: u32 = 101;

/// A pcap file of these packets, captured a second apart, none of them longer than `snaplen`.
pub(crate) fn pcap<P: AsRef<[u8]>>(link_type: u32, packets: &[P], snaplen: usize) -> Vec<u8> {
    let packets = packets.iter().map(AsRef::as_ref);
    pcap_cut(link_type, packets.map(|packet| (packet, packet.len().saturating_sub(snaplen))))
}

/// The same, with the number of bytes that each packet lacks at its end.
pub(crate) fn pcap_cut<'p>(link_type: u32, packets: impl Iterator<Item = (&'p [u8], usize)>) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, link_type] {
        out.extend(field.to_le_bytes());
    }
    for (i, (packet, cut)) in packets.enumerate() {
        let captured = &packet[..packet.len() - cut];
        for field in [i as u32, 0, captured.len() as u32, packet.len() as u32] {
            out.extend(field.to_le_bytes());
        }
        out.extend(captured);
    }
    out
}

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 0x10;

/// A TCP segment over IPv4. Its payload is at most 60,000 bytes long.
pub(crate) fn tcp_packet(sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = (40 + payload.len() as u16).to_be_bytes();
    let ip = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let ports = [0xC3, 0x50, 0x23, 0x28];
    let rest = [0, 0, 0, 1, 5 << 4, flags, 4, 0, 0, 0, 0, 0];
    [&ip[..], &ports, &sequence.to_be_bytes(), &rest, payload].concat()
}
