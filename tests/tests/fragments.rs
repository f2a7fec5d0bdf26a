//! IP packets that came in fragments: put together in any order, and what is missing or contradictory is said.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use framescope_capture::Index;
use framescope_oracles::check_index;
use framescope_parser::Direction;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use proptest::prelude::*;
use support::{RAW_IP, Tcp, pcap, read_bytes, udp_packet};

/// The fragments of an IPv4 packet, cut at these places of its payload (in units of eight bytes).
fn fragments(packet: &[u8], identification: u16, cuts: &[usize]) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(20);
    let mut places: Vec<usize> =
        cuts.iter().map(|cut| cut * 8).filter(|&at| at > 0 && at < payload.len()).collect();
    places.sort_unstable();
    places.dedup();
    let ends = places.iter().copied().chain([payload.len()]);
    let starts = [0].into_iter().chain(places.iter().copied());
    starts
        .zip(ends)
        .map(|(start, end)| {
            fragment(header, identification, start, &payload[start..end], end < payload.len())
        })
        .collect()
}

fn fragment(header: &[u8], identification: u16, start: usize, piece: &[u8], more: bool) -> Vec<u8> {
    let mut out = [header, piece].concat();
    out[2..4].copy_from_slice(&((20 + piece.len()) as u16).to_be_bytes());
    out[4..6].copy_from_slice(&identification.to_be_bytes());
    let place = (start / 8) as u16 | if more { 0x2000 } else { 0 };
    out[6..8].copy_from_slice(&place.to_be_bytes());
    out
}

fn frame(text: &str) -> Vec<u8> {
    FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).payload(text).to_bytes().unwrap()
}

fn opened(packets: &[Vec<u8>]) -> Index {
    let index = read_bytes(pcap(RAW_IP, packets));
    check_index(&index);
    index
}

/// The bytes of the one direction there is, from the rows.
fn bytes_of(index: &Index) -> Vec<u8> {
    let mut reader = index.reader();
    let rows = index.rows().map(|row| index.row_bytes(&row, usize::MAX, &mut reader).unwrap());
    rows.collect::<Vec<_>>().concat()
}

fn unread(index: &Index) -> Vec<(String, u64)> {
    index.unread_packets().map(|(reason, unread)| (reason.to_owned(), unread.count)).collect()
}

const INCOMPLETE: &str = "IP fragment of a packet that never became whole";
const OVERLAP: &str = "IP fragment that reaches over others; what was captured first stays";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn in_any_order_with_any_repeats_fragments_are_the_packet(
        text in "[a-z]{0,400}",
        cuts in prop::collection::vec(0..60usize, 0..12),
        order in any::<u64>(),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        is_tcp in any::<bool>(),
    ) {
        let payload = frame(&text);
        let packet = if is_tcp {
            Tcp::data(1, payload.clone()).ip_packet()
        } else {
            udp_packet("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:9000".parse().unwrap(), &payload)
        };
        let mut pieces = fragments(&packet, 7, &cuts);
        let mut state = order;
        for i in (1..pieces.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pieces.swap(i, (state >> 33) as usize % (i + 1));
        }
        let whole = opened(&[packet]);
        let count = pieces.len();
        for repeat in &repeats {
            let at = repeat.index(count);
            if at + 1 < count {
                // Not after the last one that was missing: that would be the beginning of another packet.
                pieces.insert(at + 1, pieces[at].clone());
            }
        }
        let index = opened(&pieces);
        prop_assert_eq!(unread(&index), []);
        prop_assert_eq!(index.flows().len(), 1);
        prop_assert_eq!(bytes_of(&index), payload);
        prop_assert_eq!(index.row_count(), whole.row_count());
        let kind = |index: &Index| index.kind(&index.row(0).unwrap()).map(str::to_owned);
        prop_assert_eq!(kind(&index), kind(&whole));
    }
}

#[test]
fn a_segment_leads_back_to_the_packets_of_its_fragments() {
    let packet = Tcp::data(1, frame("a text that is longer than one fragment")).ip_packet();
    let index = opened(&fragments(&packet, 7, &[3, 6]));
    assert_eq!(index.row_packets(&index.row(0).unwrap()), [1, 2, 3]);
    // The header alone is longer than a fragment may be.
    let index = opened(&fragments(&packet, 7, &[1, 2, 3, 4]));
    assert_eq!(index.row_packets(&index.row(0).unwrap()), [3, 4, 5]);
}

#[test]
fn a_datagram_without_a_length_of_its_own_is_one_message_however_it_came() {
    let (src, dst) = ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:9000".parse().unwrap());
    let packet = udp_packet(src, dst, b"\x01a name that is longer than one fragment");
    let index = opened(&fragments(&packet, 7, &[2, 4]));
    assert_eq!(index.row_count(), 1);
    assert_eq!(index.kind(&index.row(0).unwrap()), Some("LOGIN"));
}

#[test]
fn packets_with_the_same_number_are_told_apart_by_their_ends_and_by_time() {
    let one = fragments(&Tcp::data(1, *b"from the client").ip_packet(), 7, &[3]);
    let other = Tcp { from_client: false, ..Tcp::data(1, *b"from the server") };
    let other = fragments(&other.ip_packet(), 7, &[3]);
    let index = opened(&[one[0].clone(), other[0].clone(), one[1].clone(), other[1].clone()]);
    assert_eq!(unread(&index), []);
    for (direction, bytes) in [(Direction::Forward, 15), (Direction::Backward, 15)] {
        assert_eq!(index.stream(0, direction).unwrap().bytes, bytes);
    }
    // More than a minute later the number stands for another packet.
    let mut packets = vec![one[0].clone()];
    packets.extend((0..61_000).map(|_| Tcp::data(1, []).ip_packet()));
    packets.push(one[1].clone());
    assert_eq!(unread(&opened(&packets)), [(INCOMPLETE.to_owned(), 2)]);
}

#[test]
fn what_is_missing_or_contradictory_is_said() {
    let packet = Tcp::data(1, *b"what was captured first stays, whatever comes later").ip_packet();
    let pieces = fragments(&packet, 7, &[3, 5]);
    for lost in 0..3 {
        let mut left = pieces.clone();
        left.remove(lost);
        let index = opened(&left);
        assert_eq!(unread(&index), [(INCOMPLETE.to_owned(), 2)]);
        assert_eq!(index.flows().len(), 0);
    }
    // One that reaches over two others and has other bytes.
    let evil = fragment(&packet[..20], 7, 16, &[b'!'; 24], true);
    let index = opened(&[pieces[0].clone(), evil.clone(), pieces[1].clone(), pieces[2].clone()]);
    assert_eq!(unread(&index), [(OVERLAP.to_owned(), 2)]);
    let text = String::from_utf8(bytes_of(&index)).unwrap();
    assert_eq!(text, "what!!!!!!!!!!!!!!!!rst stays, whatever comes later");
    let index = opened(&[pieces[0].clone(), pieces[1].clone(), evil, pieces[2].clone()]);
    assert_eq!(unread(&index), [(OVERLAP.to_owned(), 1)]);
    assert_eq!(bytes_of(&index), b"what was captured first stays, whatever comes later");
    // One that ends beyond what a packet can hold.
    let huge = fragment(&packet[..20], 7, 65_528, &[0; 24], false);
    assert_eq!(unread(&opened(&[huge])), [("odd IP fragment".to_owned(), 1)]);
    // One that the capture cut.
    let mut file = pcap(RAW_IP, &pieces);
    let cut = 24 + 16 + pieces[0].len() - 4;
    file.drain(cut..cut + 4);
    file[24 + 8..24 + 12].copy_from_slice(&(pieces[0].len() as u32 - 4).to_le_bytes());
    let index = read_bytes(file);
    let expected = [(INCOMPLETE.to_owned(), 2), ("IP fragment that the capture cut".to_owned(), 1)];
    assert_eq!(unread(&index), expected);
}

#[test]
fn many_packets_that_never_become_whole_stay_cheap() {
    let packet = Tcp::data(1, *b"the first part of many").ip_packet();
    let firsts = (0..20_000u16).map(|number| fragments(&packet, number, &[3]).remove(0));
    let mut packets: Vec<Vec<u8>> = firsts.collect();
    // The newest of them still waits.
    packets.push(fragments(&packet, 19_999, &[3]).remove(1));
    let index = opened(&packets);
    assert_eq!(unread(&index), [(INCOMPLETE.to_owned(), 19_999)]);
    assert_eq!(bytes_of(&index), b"the first part of many");
}

#[test]
fn ipv6_fragments_too() {
    let (src, dst) = ("[fd00::1]:5000".parse().unwrap(), "[fd00::2]:9000".parse().unwrap());
    let packet = udp_packet(src, dst, &frame("over IPv6, in three fragments"));
    let (header, payload) = packet.split_at(40);
    let piece = |start: usize, end: usize| {
        let mut out = header.to_vec();
        out[4..6].copy_from_slice(&((8 + end - start) as u16).to_be_bytes());
        out[6] = 44;
        let place = (start as u16) | u16::from(end < payload.len());
        out.extend([17, 0]);
        out.extend(place.to_be_bytes());
        out.extend([0, 0, 0, 9]);
        out.extend(&payload[start..end]);
        out
    };
    let index = opened(&[piece(24, 48), piece(48, payload.len()), piece(0, 24)]);
    assert_eq!(unread(&index), []);
    assert_eq!(bytes_of(&index), payload[8..]);
    assert_eq!(index.kind(&index.row(0).unwrap()), Some("DATA"));
    assert_eq!(index.row_packets(&index.row(0).unwrap()), [1, 2, 3]);
    // An atomic fragment is a whole packet.
    let index = opened(&[piece(0, payload.len())]);
    assert_eq!(bytes_of(&index), payload[8..]);
}
