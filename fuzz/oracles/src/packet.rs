//! Any bytes are a captured packet: decoded without panic, whatever link it claims to come from.

use framescope_capture::{Options, Source, read};

use crate::check_index;
use crate::traffic::pcap;

/// The link types that are read, and one that is not.
const LINK_TYPES: [u32; 18] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 219, 228, 229, 276, 99, 105, 239];

/// Takes `data` as packets: the first byte chooses the link, the second the number of pieces that the rest is cut into.
pub fn packet(data: &[u8]) {
    let Some((link_type, packets)) = packets(data) else { return };
    // Whole, and as a capture with a short snaplen has them.
    for snaplen in [usize::MAX, 60] {
        let file = pcap(link_type, &packets, snaplen);
        let index = read(Source::from_bytes("fuzzed", file), &Options::default(), &mut |_| true).unwrap();
        check_index(&index);
        let unread: u64 = index.unread_packets().map(|(_, unread)| unread.count).sum();
        let in_flows: u64 = index.flows().map(|(_, flow)| u64::from(flow.packets)).sum();
        assert!(index.packets() as usize == packets.len(), "every record is a packet");
        // Several fragments may make one packet, but never none.
        assert!(unread + in_flows > 0 || packets.is_empty(), "packets are lost silently");
    }
}

fn packets(data: &[u8]) -> Option<(u32, Vec<&[u8]>)> {
    let [link, pieces, bytes @ ..] = data else { return None };
    let link_type = LINK_TYPES[usize::from(*link) % LINK_TYPES.len()];
    let pieces = usize::from(*pieces % 4) + 1;
    let length = bytes.len().div_ceil(pieces).max(1);
    Some((link_type, bytes.chunks(length).collect()))
}

/// The packets as a capture.
pub(crate) fn capture_of(data: &[u8]) -> Option<Vec<u8>> {
    let (link_type, packets) = packets(data)?;
    Some(pcap(link_type, &packets, usize::MAX))
}
