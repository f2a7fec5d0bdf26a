//! IP packets in fragments: reassembled in any order, and missing or contradictory bytes are reported.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use framescope_capture::{Index, PacketId};
use framescope_oracles::check_index;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{Code, Direction};
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
    let rows = index.rows().map(|(_, row)| index.row_bytes(&row, usize::MAX, &mut reader).unwrap());
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
        let kind = |index: &Index| index.kind(&index.row(0.into()).unwrap()).map(str::to_owned);
        prop_assert_eq!(kind(&index), kind(&whole));
    }
}

#[test]
fn a_segment_leads_back_to_the_packets_of_its_fragments() {
    let packet = Tcp::data(1, frame("a text that is longer than one fragment")).ip_packet();
    let index = opened(&fragments(&packet, 7, &[3, 6]));
    assert_eq!(index.row_packets(&index.row(0.into()).unwrap()), [1, 2, 3].map(PacketId::from));
    // The header alone is longer than a fragment may be.
    let index = opened(&fragments(&packet, 7, &[1, 2, 3, 4]));
    assert_eq!(index.row_packets(&index.row(0.into()).unwrap()), [3, 4, 5].map(PacketId::from));
}

#[test]
fn a_datagram_without_a_length_of_its_own_is_one_message_however_it_came() {
    let (src, dst) = ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:9000".parse().unwrap());
    let packet = udp_packet(src, dst, b"\x01a name that is longer than one fragment");
    let index = opened(&fragments(&packet, 7, &[2, 4]));
    assert_eq!(index.row_count(), 1);
    assert_eq!(index.kind(&index.row(0.into()).unwrap()), Some("LOGIN"));
}

#[test]
fn packets_with_the_same_number_are_distinguished_by_their_endpoints_and_by_time() {
    let one = fragments(&Tcp::data(1, *b"from the client").ip_packet(), 7, &[3]);
    let other = Tcp { from_client: false, ..Tcp::data(1, *b"from the server") };
    let other = fragments(&other.ip_packet(), 7, &[3]);
    let index = opened(&[one[0].clone(), other[0].clone(), one[1].clone(), other[1].clone()]);
    assert_eq!(unread(&index), []);
    for (direction, bytes) in [(Direction::Forward, 15), (Direction::Backward, 15)] {
        assert_eq!(index.stream(0.into(), direction).unwrap().bytes, bytes);
    }
    // More than a minute later the number stands for another packet.
    let mut packets = vec![one[0].clone()];
    packets.extend((0..61_000).map(|_| Tcp::data(1, []).ip_packet()));
    packets.push(one[1].clone());
    assert_eq!(unread(&opened(&packets)), [(INCOMPLETE.to_owned(), 2)]);
}

#[test]
fn missing_or_contradictory_fragments_are_reported() {
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
    // The same bytes again are not worth a note, however they are cut.
    let same = fragment(&packet[..20], 7, 16, &packet[36..60], true);
    let index = opened(&[pieces[0].clone(), pieces[1].clone(), same, pieces[2].clone()]);
    assert_eq!(unread(&index), []);
    assert_eq!(bytes_of(&index), b"what was captured first stays, whatever comes later");
    // One that ends beyond what a packet can hold.
    let huge = fragment(&packet[..20], 7, 65_528, &[0; 24], false);
    assert_eq!(unread(&opened(&[huge])), [("malformed IP fragment".to_owned(), 1)]);
    // One that the capture cut.
    let mut file = pcap(RAW_IP, &pieces);
    let cut = 24 + 16 + pieces[0].len() - 4;
    file.drain(cut..cut + 4);
    file[24 + 8..24 + 12].copy_from_slice(&(pieces[0].len() as u32 - 4).to_le_bytes());
    let index = read_bytes(file);
    let expected = [(INCOMPLETE.to_owned(), 2), ("IP fragment that the capture cut".to_owned(), 1)];
    assert_eq!(unread(&index), expected);
}

/// The conflicting fragments that are reported of the rows: their packets, and what they dispute.
fn disputed(index: &Index) -> Vec<(u32, std::ops::Range<usize>, String)> {
    let mut found = Vec::new();
    for number in index.row_ids() {
        let row = index.row(number).unwrap();
        let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap();
        let problems = index.dissect(number, &bytes).problems;
        let of_fragments = problems.into_iter().filter(|problem| problem.code == Code::ConflictingFragment);
        let before = found.len();
        found.extend(of_fragments.map(|problem| (number.number(), problem.range, problem.text)));
        assert_eq!(row.codes.contains(Code::ConflictingFragment), found.len() > before);
    }
    found
}

#[test]
fn fragments_with_other_bytes_are_a_problem_of_the_bytes_that_they_touch() {
    // A TCP segment of 20 bytes of header and 75 of payload, in fragments of 24, 16 and 55.
    let message = frame("what was captured first stays, whatever comes later");
    let packet = Tcp::data(1, message.clone()).ip_packet();
    let pieces = fragments(&packet, 7, &[3, 5]);
    let with = |start: usize, length: usize, at: usize| {
        let mut bytes = packet[20 + start..20 + start + length].to_vec();
        bytes[at - start] ^= 0x20;
        fragment(&packet[..20], 7, start, &bytes, start + length < 95)
    };
    let index = opened(&[pieces[0].clone(), pieces[1].clone(), with(24, 16, 30), pieces[2].clone()]);
    let text = "a fragment in packet 3 brings other bytes for this place, or for the headers before it; the first captured stay";
    assert_eq!(disputed(&index), [(0, 10..11, text.to_owned())]);
    assert_eq!(bytes_of(&index), message);
    assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().conflicts(), 1);
    // The one that completes the packet may be the one that disputes, over others and in the hole between them.
    let index = opened(&[pieces[0].clone(), pieces[2].clone(), with(16, 40, 50)]);
    assert_eq!(disputed(&index), [(0, 30..31, text.to_owned())]);
    assert_eq!(bytes_of(&index), message);
    // Other headers dispute everything after them.
    let index = opened(&[pieces[0].clone(), with(0, 24, 2), pieces[1].clone(), pieces[2].clone()]);
    assert_eq!(disputed(&index), [(0, 0..75, text.replace('3', "2"))]);
    // A datagram's header has 8 bytes; a stream has others before it.
    let (src, dst) = ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:9000".parse().unwrap());
    let datagram = udp_packet(src, dst, &message);
    let mut evil = datagram[20 + 16..20 + 32].to_vec();
    (evil[3], evil[7]) = (0xFF, 0xFF);
    let mut packets = vec![udp_packet(src, dst, b"before")];
    let pieces = fragments(&datagram, 7, &[2, 4]);
    packets.extend([pieces[0].clone(), pieces[1].clone()]);
    packets.push(fragment(&datagram[..20], 7, 16, &evil, true));
    packets.push(pieces[2].clone());
    let index = opened(&packets);
    let (row, range, text) = disputed(&index).remove(0);
    assert_eq!((row, range), (1, 11..16));
    assert!(text.starts_with("a fragment in packet 4 "), "{text}");
}

#[test]
fn disputed_bytes_keep_their_problem_though_they_wait_or_are_retransmitted() {
    let message = |i: u32| frame(&format!("message {i} is longer than a fragment of its packet"));
    let length = message(1).len();
    let segment = |i: u32| Tcp::data(1 + i * length as u32, message(i)).ip_packet();
    let second = segment(1);
    let pieces = fragments(&second, 7, &[3, 6]);
    // In the payload's last eight bytes.
    let mut evil = second[20 + 48..].to_vec();
    *evil.last_mut().unwrap() ^= 1;
    let evil = fragment(&second[..20], 7, 48, &evil, false);
    let syn = Tcp::syn(0).ip_packet();
    let index = opened(&[
        syn,
        pieces[0].clone(),
        pieces[2].clone(),
        evil,
        pieces[1].clone(),
        segment(0),
        segment(1),
        segment(2),
    ]);
    let found: Vec<_> = disputed(&index).into_iter().map(|(row, range, _)| (row, range)).collect();
    assert_eq!(found, [(1, length - 1..length)]);
    assert_eq!(index.row_count(), 3);
}

#[test]
fn very_many_disputes_of_a_packet_stay_few() {
    let packet = Tcp::data(1, frame(&"x".repeat(8000))).ip_packet();
    let cuts: Vec<usize> = (1..1000).collect();
    let pieces = fragments(&packet, 7, &cuts);
    let (last, rest) = pieces.split_last().unwrap();
    let mut packets = rest.to_vec();
    for at in (10..900).step_by(2) {
        packets.push(fragment(&packet[..20], 7, at * 8, b"xxx!xxxx", true));
    }
    packets.push(last.clone());
    let index = opened(&packets);
    assert_eq!(unread(&index), [(OVERLAP.to_owned(), 445)]);
    assert!(index.stream(0.into(), Direction::Forward).unwrap().conflicts() <= 16);
    assert_eq!(disputed(&index).len(), 4);
    // One that overlaps very many others is reported, though not all of it is examined.
    let mut packets = rest.to_vec();
    packets.push(fragment(&packet[..20], 7, 80, &[b'x'; 6000], true));
    packets.push(last.clone());
    assert_eq!(unread(&opened(&packets)), [(OVERLAP.to_owned(), 1)]);
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
    assert_eq!(index.kind(&index.row(0.into()).unwrap()), Some("DATA"));
    assert_eq!(index.row_packets(&index.row(0.into()).unwrap()), [1, 2, 3].map(PacketId::from));
    // An atomic fragment is a whole packet.
    let index = opened(&[piece(0, payload.len())]);
    assert_eq!(bytes_of(&index), payload[8..]);
}
