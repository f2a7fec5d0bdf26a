//! Streams and packets as captures, so that what an oracle generates can be opened like anything else.

/// Raw IP: a packet begins with its IP header.
pub(crate) const RAW_IP: u32 = 101;

/// A pcap file of these packets, captured a millisecond apart, none of them longer than `snaplen`.
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
        let i = i as u32;
        for field in [i / 1000, i % 1000 * 1000, captured.len() as u32, packet.len() as u32] {
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
    let mut packets = Shape::default().packets(0, sequence, flags, payload);
    packets.pop().map_or(Vec::new(), |(packet, _)| packet)
}

/// The same as a part of a conversation: its sender has received all before `acknowledged`. The server is the other side.
pub(crate) fn tcp_turn(is_servers: bool, numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let (sequence, acknowledged) = numbers;
    let mut packet = tcp_packet(sequence, flags, payload);
    if is_servers {
        packet[12..20].rotate_left(4);
        packet[20..24].rotate_left(2);
    }
    packet[28..32].copy_from_slice(&acknowledged.to_be_bytes());
    packet
}

/// What a segment's packets have around it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// An Ethernet header before, and padding after as long as the packet is short.
    pub(crate) ethernet: bool,
    /// TCP options without meaning, in words of four bytes; at most 10.
    pub(crate) options: u8,
    /// IP fragments of this many bytes, if any: a multiple of 8, and more than a TCP header is long.
    pub(crate) fragments: Option<usize>,
}

impl Shape {
    pub(crate) fn link_type(self) -> u32 {
        if self.ethernet { 1 } else { RAW_IP }
    }

    /// The packets of a segment, each with the number of payload bytes that are in earlier ones. `identification` tells
    /// fragments of one segment from those of others.
    pub(crate) fn packets(
        self,
        identification: u16,
        sequence: u32,
        flags: u8,
        payload: &[u8],
    ) -> Vec<(Vec<u8>, usize)> {
        let header_length = 20 + 4 * usize::from(self.options);
        let mut segment = vec![0xC3, 0x50, 0x23, 0x28];
        segment.extend(sequence.to_be_bytes());
        segment.extend([0, 0, 0, 1, (5 + self.options) << 4, flags, 4, 0, 0, 0, 0, 0]);
        segment.resize(header_length, 1);
        segment.extend_from_slice(payload);
        let mut packets = Vec::new();
        let longest = self.fragments.unwrap_or(segment.len());
        let mut at = 0;
        while at < segment.len() {
            let end = (at + longest).min(segment.len());
            let more = if end < segment.len() { 0x2000 } else { 0 };
            let mut packet = if self.ethernet { vec![2; 12] } else { Vec::new() };
            packet.extend_from_slice(if self.ethernet { &[8, 0] } else { &[] });
            packet.extend([0x45, 0]);
            packet.extend((20 + (end - at) as u16).to_be_bytes());
            packet.extend(identification.to_be_bytes());
            packet.extend((more | (at / 8) as u16).to_be_bytes());
            packet.extend([64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            packet.extend_from_slice(&segment[at..end]);
            if self.ethernet && packet.len() < 60 {
                packet.resize(60, 0xEE);
            }
            packets.push((packet, at.saturating_sub(header_length)));
            at = end;
        }
        packets
    }
}
