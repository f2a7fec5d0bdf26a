//! Capture files and packets of every kind that is read, built by hand byte by byte.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::io::Write;
use std::net::SocketAddr;

use framescope_capture::{Index, Indexer, Options, PacketId, Source, TransportType, read};
use framescope_oracles::check_index;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{Code, Direction, SpanType};
use support::{RAW_IP, Tcp, pcap, read_bytes, read_with, tcp_pcap, udp_packet};

fn frame(sequence: u32, text: &str) -> Vec<u8> {
    FrameBuf::new(Kind::DATA)
        .flags(Flags::CHECKSUM)
        .sequence(sequence)
        .payload(text.as_bytes())
        .to_bytes()
        .unwrap()
}

/// The one place where the file is damaged.
fn only_damage(index: &Index) -> &framescope_capture::Damage {
    let [damage] = index.damages() else { panic!("{:?}", index.damages()) };
    damage
}

/// Type and length of each row.
fn rows(index: &Index) -> Vec<(&'static str, u64)> {
    check_index(index);
    index.rows().map(|(_, row)| (row.type_name(), row.length)).collect()
}

/// The bytes of a pcap with one Missive frame in it, in any of the four variants of the format.
fn pcap_variant(big: bool, nanoseconds: bool) -> Vec<u8> {
    let magic: u32 = if nanoseconds { 0xA1B2_3C4D } else { 0xA1B2_C3D4 };
    let u32_bytes = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let u16_bytes = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let packet = Tcp::data(1, frame(1, "hi")).ip_packet();
    let mut out = u32_bytes(magic).to_vec();
    out.extend(u16_bytes(2));
    out.extend(u16_bytes(4));
    // A snaplen of 0 means none.
    [0, 0, 0, RAW_IP].iter().for_each(|&field| out.extend(u32_bytes(field)));
    let fraction = if nanoseconds { 123_456_789 } else { 123_456 };
    [1_700_000_000, fraction, packet.len() as u32, packet.len() as u32]
        .iter()
        .for_each(|&field| out.extend(u32_bytes(field)));
    out.extend(packet);
    out
}

#[test]
fn pcap_in_both_byte_orders_and_resolutions() {
    for big in [false, true] {
        for (nanoseconds, expected) in [(false, 1_700_000_000_123_456_000), (true, 1_700_000_000_123_456_789)]
        {
            let index = read_bytes(pcap_variant(big, nanoseconds));
            assert_eq!(rows(&index), [("message", 26)]);
            assert_eq!(index.time_ns(&index.row(0.into()).unwrap()), Some(expected));
        }
    }
}

/// A pcapng block in a byte order.
fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let u32_bytes = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut padded = body.to_vec();
    padded.resize(body.len().next_multiple_of(4), 0);
    let length = u32_bytes(padded.len() as u32 + 12);
    [&u32_bytes(kind)[..], &length, &padded, &length].concat()
}

fn section(big: bool) -> Vec<u8> {
    let order = if big { 0x1A2B_3C4D_u32.to_be_bytes() } else { 0x1A2B_3C4D_u32.to_le_bytes() };
    let version = if big { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
    block(big, 0x0A0D_0D0A, &[&order[..], &version, &[0xFF; 8]].concat())
}

/// An interface with a resolution (if_tsresol) and an offset in seconds (if_tsoffset).
fn interface(big: bool, link_type: u16, resolution: Option<u8>, offset_s: i64) -> Vec<u8> {
    let u16_bytes = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut body = [u16_bytes(link_type), [0, 0], [0, 0], [0, 0]].concat();
    if let Some(resolution) = resolution {
        body.extend([u16_bytes(9), u16_bytes(1)].concat());
        body.extend([resolution, 0, 0, 0]);
    }
    body.extend([u16_bytes(14), u16_bytes(8)].concat());
    body.extend(if big { offset_s.to_be_bytes() } else { offset_s.to_le_bytes() });
    body.extend([0; 4]);
    block(big, 1, &body)
}

fn enhanced_packet(big: bool, interface: u32, ticks: u64, packet: &[u8]) -> Vec<u8> {
    let fields = [interface, (ticks >> 32) as u32, ticks as u32, packet.len() as u32, packet.len() as u32];
    let mut body: Vec<u8> =
        fields.iter().flat_map(|&n| if big { n.to_be_bytes() } else { n.to_le_bytes() }).collect();
    body.extend(packet);
    block(big, 6, &body)
}

#[test]
fn pcapng_with_several_sections_interfaces_and_resolutions() {
    let packet = |i: u32| {
        let port = 50_000 + i as u16;
        Tcp { client_port: port, ..Tcp::data(1, frame(i, "hi")) }.ip_packet()
    };
    let mut file = Vec::new();
    file.extend(section(false));
    // Microseconds by default; milliseconds; 2^-10 seconds; a second later than it says.
    file.extend(interface(false, 101, None, 0));
    file.extend(interface(false, 101, Some(3), 0));
    file.extend(interface(false, 101, Some(0x8A), 0));
    file.extend(interface(false, 101, Some(9), 1));
    file.extend(enhanced_packet(false, 0, 5_000_001, &packet(0)));
    file.extend(enhanced_packet(false, 1, 5_001, &packet(1)));
    file.extend(block(false, 0xBAD, b"a block of an unknown type"));
    file.extend(enhanced_packet(false, 2, 5 * 1024 + 512, &packet(2)));
    file.extend(enhanced_packet(false, 3, 4_000_000_009, &packet(3)));
    // Another section, in the other byte order, with its own interfaces.
    file.extend(section(true));
    file.extend(interface(true, 101, Some(6), 0));
    file.extend(enhanced_packet(true, 0, 6_000_000, &packet(4)));
    // A simple packet block has neither interface nor time.
    let simple = packet(5);
    file.extend(block(true, 3, &[&(simple.len() as u32).to_be_bytes()[..], &simple].concat()));
    let index = read_bytes(file);
    assert_eq!(index.damages(), []);
    let times: Vec<Option<i64>> = index.rows().map(|(_, row)| index.time_ns(&row)).collect();
    let expected = [5_000_001_000, 5_001_000_000, 5_500_000_000, 5_000_000_009, 6_000_000_000].map(Some);
    assert_eq!(times[..5], expected);
    assert_eq!(times[5..], [None]);
}

#[test]
fn every_link_type_that_is_read() {
    let ip = Tcp::data(1, frame(1, "hi")).ip_packet();
    let ethernet = |types: &[u8]| [&[2; 12][..], types, &ip].concat();
    let sll = [&[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0][..], &ip].concat();
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0][..], &ip].concat();
    let cases = [
        ("Ethernet", 1, ethernet(&[8, 0])),
        ("a VLAN", 1, ethernet(&[0x81, 0, 0, 5, 8, 0])),
        ("a VLAN in a VLAN", 1, ethernet(&[0x88, 0xA8, 0, 5, 0x81, 0, 0, 6, 8, 0])),
        ("loopback, little-endian", 0, [&[2, 0, 0, 0][..], &ip].concat()),
        ("loopback, big-endian", 0, [&[0, 0, 0, 2][..], &ip].concat()),
        ("OpenBSD loopback", 108, [&[0, 0, 0, 2][..], &ip].concat()),
        ("Linux cooked v1", 113, sll),
        ("Linux cooked v2", 276, sll2),
        ("raw IP", 101, ip.clone()),
        ("raw IP as BSD numbers it", 12, ip.clone()),
        ("IPv4", 228, ip.clone()),
    ];
    for (name, link_type, packet) in cases {
        let index = read_bytes(pcap(link_type, &[packet]));
        assert_eq!(rows(&index), [("message", 26)], "{name}");
    }
}

#[test]
fn udp_over_ipv6_and_loopback_of_another_system() {
    let (a, b): (SocketAddr, SocketAddr) =
        ("[fe80::1]:5000".parse().unwrap(), "[2001:db8::2]:6000".parse().unwrap());
    for family in [24u8, 28, 30] {
        let packet = [&[family, 0, 0, 0][..], &udp_packet(a, b, &frame(1, "hi"))].concat();
        let index = read_bytes(pcap(0, &[packet]));
        assert_eq!(rows(&index), [("message", 26)]);
        assert_eq!(index.flow(0.into()).unwrap().transport, TransportType::Udp);
        assert_eq!(index.endpoints(&index.row(0.into()).unwrap()), Some((a, b)));
    }
}

#[test]
fn a_datagram_is_a_hard_boundary() {
    let (a, b): (SocketAddr, SocketAddr) =
        ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:6000".parse().unwrap());
    let whole = frame(1, "a message");
    let datagrams = [&whole[..10], &whole[10..], &whole, b""].map(|datagram| udp_packet(a, b, datagram));
    let index = read_bytes(pcap(RAW_IP, &datagrams));
    assert_eq!(rows(&index), [("partial", 10), ("skipped", 23), ("message", 33)]);
}

#[test]
fn packets_that_hold_no_stream_are_counted_by_reason() {
    let arp = [&[2; 12][..], &[8, 6], &[0; 28]].concat();
    let mut fragment = Tcp::data(1, frame(1, "hi")).ip_packet();
    fragment[6] = 0x20;
    let index = read_bytes(pcap(1, &[arp, [&[2; 12][..], &[8, 0], &fragment].concat(), vec![1, 2, 3]]));
    assert_eq!(index.row_count(), 0);
    let unread: Vec<_> = index.unread_packets().map(|(reason, unread)| (reason, unread.count)).collect();
    let expected = [
        ("ARP", 1),
        ("IP fragment of a packet that never became whole", 1),
        ("cut in its Ethernet header", 1),
    ];
    assert_eq!(unread, expected);
    let index = read_bytes(pcap(147, &[vec![0; 60]]));
    let unread: Vec<_> = index.unread_packets().map(|(reason, _)| reason).collect();
    assert_eq!(unread, ["link type 147, which is not read"]);
}

/// A pcap in which packet `cut` has only its first `keep` bytes, as with a snaplen.
fn with_snaplen(segments: &[Tcp], cut: usize, keep: usize) -> Vec<u8> {
    let mut out = pcap(RAW_IP, &[]);
    for (i, segment) in segments.iter().enumerate() {
        let packet = segment.ip_packet();
        let captured = if i == cut { &packet[..keep] } else { &packet[..] };
        for field in [0, i as u32, captured.len() as u32, packet.len() as u32] {
            out.extend(field.to_le_bytes());
        }
        out.extend(captured);
    }
    out
}

#[test]
fn a_packet_cut_by_snaplen_leaves_a_gap_of_what_it_lacks() {
    let (a, b) = (frame(1, "the first message"), frame(2, "the second message"));
    let segments = [Tcp::syn(0), Tcp::data(1, &a[..]), Tcp::data(1 + a.len() as u32, &b[..])];
    let (first, second) = (a.len() as u64, b.len() as u64);
    // Twenty bytes of payload are its header, which says how long the message is.
    for (keep, expected) in [
        (40 + 30, vec![("message", first), ("message", second)]),
        (40 + 20, vec![("message", first), ("message", second)]),
        (40 + 19, vec![("partial", 19), ("gap", first - 19), ("message", second)]),
        (40, vec![("gap", first), ("message", second)]),
        (34, vec![("gap", first), ("message", second)]),
    ] {
        let index = read_bytes(with_snaplen(&segments, 1, keep));
        assert_eq!(rows(&index), expected, "{keep} bytes kept");
        assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().cut_packets(), 1);
        let row = index.row(0.into()).unwrap();
        let expected = (keep >= 60).then(|| keep as u64 - 40..first);
        assert!(index.missing(&row).into_iter().eq(expected));
        assert_eq!(row.codes.contains(Code::Incomplete), keep >= 60);
    }
    // The last one cut: what is missing at the end is a gap too.
    let index = read_bytes(with_snaplen(&segments, 2, 40 + 5));
    assert_eq!(rows(&index), [("message", a.len() as u64), ("partial", 5), ("gap", b.len() as u64 - 5)]);
}

#[test]
fn gaps_come_from_syn_and_fin_and_the_extents_of_segments() {
    let message = frame(1, "hi");
    let length = message.len() as u32;
    let index = read_bytes(tcp_pcap(&[Tcp::syn(9), Tcp::data(20, &message[..]), Tcp::fin(25 + length)]));
    assert_eq!(rows(&index), [("gap", 10), ("message", 26), ("gap", 5)]);
    let times: Vec<_> = index.rows().map(|(_, row)| index.time_ns(&row)).collect();
    assert_eq!(times, [Some(1_000_000), Some(1_000_000), None], "a gap has the time of the byte behind it");
    // An ACK for bytes that were never captured means nothing.
    let ack = Tcp::data(10_000, []);
    let index = read_bytes(tcp_pcap(&[Tcp::syn(9), Tcp::data(10, &message[..]), ack]));
    assert_eq!(rows(&index), [("message", 26)]);
}

#[test]
fn a_capture_that_starts_in_mid_message_finds_the_next_one() {
    let (a, b) = (frame(1, "the first message"), frame(2, "the second message"));
    let stream = [&a[15..], &b].concat();
    // Out of order besides: offset 0 is the lowest sequence number.
    let index = read_bytes(tcp_pcap(&[Tcp::data(10, &stream[20..]), Tcp::data(u32::MAX - 9, &stream[..20])]));
    assert_eq!(rows(&index), [("skipped", a.len() as u64 - 15), ("message", b.len() as u64)]);
}

#[test]
fn a_port_pair_used_again_is_a_new_flow() {
    let (a, b) = (frame(1, "one"), frame(1, "two"));
    let rst = Tcp { rst: true, ..Tcp::data(0, []) };
    for end in
        [vec![Tcp::fin(1 + a.len() as u32), Tcp { from_client: false, ..Tcp::fin(1) }], vec![rst], vec![]]
    {
        let mut segments = vec![Tcp::syn(0), Tcp::data(1, &a[..])];
        segments.extend(end);
        segments.extend([Tcp::syn(777_777), Tcp::data(777_778, &b[..])]);
        let index = read_bytes(tcp_pcap(&segments));
        assert_eq!(rows(&index), [("message", 27), ("message", 27)]);
        assert_eq!(index.flows().len(), 2);
        assert_eq!(index.row(1.into()).unwrap().flow(), 1.into());
    }
    // A SYN that is retransmitted opens nothing.
    let index = read_bytes(tcp_pcap(&[Tcp::syn(0), Tcp::syn(0), Tcp::data(1, &a[..])]));
    assert_eq!(index.flows().len(), 1);
}

#[test]
fn forward_is_from_the_side_that_sent_the_first_syn() {
    let syn_ack = Tcp { from_client: false, ack: true, ..Tcp::syn(500) };
    let index = read_bytes(tcp_pcap(&[syn_ack, Tcp::syn(0), Tcp::data(1, frame(1, "hi"))]));
    assert_eq!(index.direction(&index.row(0.into()).unwrap()), Direction::Forward);
    assert_eq!(index.flow(0.into()).unwrap().source(Direction::Forward).unwrap().port(), 50_000);
}

#[test]
fn the_first_byte_captured_stays_and_a_different_one_is_reported() {
    let message = frame(1, "first");
    let mut other = message.clone();
    other[21] ^= 0xFF;
    let index = read_bytes(tcp_pcap(&[Tcp::syn(0), Tcp::data(1, &message[..]), Tcp::data(1, &other[..])]));
    assert_eq!(rows(&index), [("message", message.len() as u64)]);
    let row = index.row(0.into()).unwrap();
    assert!(
        row.codes.contains(Code::ConflictingRetransmission) && !row.codes.contains(Code::ChecksumMismatch)
    );
    assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().conflicts(), 1);
    // The same while the bytes wait for a gap to be filled.
    let (a, b) = message.split_at(10);
    let (_, other) = other.split_at(10);
    let segments = [Tcp::syn(0), Tcp::data(11, b), Tcp::data(11, other), Tcp::data(1, a)];
    let index = read_bytes(tcp_pcap(&segments));
    assert_eq!(rows(&index), [("message", message.len() as u64)]);
    assert!(index.row(0.into()).unwrap().codes.contains(Code::ConflictingRetransmission));
}

#[test]
fn a_keep_alive_is_no_retransmission() {
    let message = frame(1, "hi");
    let keep_alive = Tcp::data(message.len() as u32, [0]);
    let index = read_bytes(tcp_pcap(&[Tcp::syn(0), Tcp::data(1, &message[..]), keep_alive]));
    assert_eq!(rows(&index), [("message", 26)]);
    let codes = index.row(0.into()).unwrap().codes;
    assert!(!codes.contains(Code::Retransmitted) && !codes.contains(Code::ConflictingRetransmission));
}

#[test]
fn a_gap_is_given_up_at_the_limit_and_later_bytes_are_counted() {
    let frames: Vec<Vec<u8>> =
        (0..40).map(|i| frame(i, "a message of some length, to reach the limit")).collect();
    let length = frames[0].len() as u32;
    let mut segments = vec![Tcp::syn(0)];
    segments
        .extend((0u32..40).filter(|&i| i != 2).map(|i| Tcp::data(1 + i * length, &frames[i as usize][..])));
    segments.push(Tcp::data(1 + 2 * length, &frames[2][..]));
    let whole = read_bytes(tcp_pcap(&segments));
    assert_eq!(rows(&whole), vec![("message", u64::from(length)); 40], "within the limit it is put in order");
    let options = Options { reassembly_limit: 1000, ..Options::default() };
    let index = read_with(tcp_pcap(&segments), &options);
    let (_, gap) = index.rows().find(|(_, row)| row.span_type == SpanType::Gap).unwrap();
    assert_eq!((gap.offset, gap.length), (2 * u64::from(length), u64::from(length)));
    assert!(gap.codes.contains(Code::Late));
    assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().late_bytes(), u64::from(length));
    assert_eq!(rows(&index).iter().filter(|row| row.0 == "message").count(), 39);
}

#[test]
fn data_on_a_syn_belongs_to_the_stream() {
    let message = frame(1, "fast open");
    let syn = Tcp { payload: message.clone(), ..Tcp::syn(0) };
    let index = read_bytes(tcp_pcap(&[syn, Tcp::data(1 + message.len() as u32, frame(2, "on"))]));
    assert_eq!(rows(&index), [("message", 33), ("message", 26)]);
}

#[test]
fn a_stream_that_no_protocol_claims_is_one_skipped_row_for_each_run() {
    let noise: Vec<u8> = (0..500u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let segments = [
        Tcp::syn(0),
        Tcp::data(1, &noise[..200]),
        Tcp::data(201, &noise[200..300]),
        Tcp::data(401, &noise[400..]),
    ];
    let index = read_bytes(tcp_pcap(&segments));
    assert_eq!(rows(&index), [("skipped", 300), ("gap", 100), ("skipped", 100)]);
    assert!(index.row(0.into()).unwrap().codes.contains(Code::NoProtocol));
    assert!(index.protocol(&index.row(0.into()).unwrap()).is_none());
}

#[test]
fn the_last_rule_that_fits_names_the_protocol() {
    let file = tcp_pcap(&[Tcp::syn(0), Tcp::data(1, *b"\x01ada")]);
    let protocol = |rules: &[&str]| {
        let decode_as = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let index = read_with(file.clone(), &Options { decode_as, ..Options::default() });
        index.protocol(&index.row(0.into()).unwrap()).unwrap().name().to_owned()
    };
    assert_eq!(protocol(&[]), "bare");
    assert_eq!(protocol(&["tcp=missive"]), "missive");
    assert_eq!(protocol(&["tcp=missive", "tcp.port=9000=text"]), "text");
    assert_eq!(protocol(&["tcp.port=9000=text", "udp=bare", "tcp.port=1=bare"]), "text");
    assert_eq!(protocol(&["tcp=text", "ip=10.0.0.2=missive"]), "missive");
    assert_eq!(protocol(&["tcp=text", "flow=0=missive", "flow=1=text"]), "missive");
}

#[test]
fn a_damaged_file_yields_everything_before_the_damage_and_names_the_place() {
    let segments = [Tcp::syn(0), Tcp::data(1, frame(1, "hi")), Tcp::data(27, frame(2, "ho"))];
    let file = tcp_pcap(&segments);
    let second = 24 + 16 + 40 + 16 + 66;
    for cut in [second + 3, second + 16 + 20] {
        let index = read_bytes(file[..cut].to_vec());
        assert_eq!(rows(&index), [("message", 26)]);
        let damage = only_damage(&index);
        assert_eq!((damage.packet, damage.offset, damage.packets_read), (Some(3.into()), second as u64, 2));
    }
    // A packet that claims more than the file has, and one that claims all of memory.
    for claim in [100_000u32, u32::MAX] {
        let mut file = file.clone();
        file[second + 8..second + 12].copy_from_slice(&claim.to_le_bytes());
        let index = read_bytes(file);
        assert_eq!(rows(&index), [("message", 26)]);
        assert!(only_damage(&index).to_string().contains("the file ends inside the record"));
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_open_is_an_error() {
    use framescope_capture::{Source, read};
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let segments: Vec<Tcp> =
        (0..50u32).map(|i| Tcp::data(1 + i * 26, frame(i, "hi"))).chain([Tcp::fin(1 + 50 * 26)]).collect();
    file.write_all(&tcp_pcap(&segments)).unwrap();
    let source = Source::open(file.path()).unwrap();
    file.as_file().set_len(1000).unwrap();
    let index = read(source.clone(), &Options::default(), &mut |_| true).unwrap();
    let damage = only_damage(&index).to_string();
    assert!(damage.contains("ended at byte 1000 while it was read"), "{damage}");
    // The same for one that was read before it shrank: its rows can't be shown any more.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&tcp_pcap(&segments)).unwrap();
    let index = read(Source::open(file.path()).unwrap(), &Options::default(), &mut |_| true).unwrap();
    file.as_file().set_len(0).unwrap();
    let row = index.rows().last().unwrap().1;
    assert!(index.row_bytes(&row, usize::MAX, &mut index.reader()).is_err());
}

#[test]
fn bytes_after_a_reset_and_bytes_from_before_the_start_are_accounted_for() {
    let message = frame(1, "hi");
    let rst = Tcp { rst: true, ..Tcp::data(0, []) };
    let index =
        read_bytes(tcp_pcap(&[Tcp::syn(0), Tcp::data(1, &message[..]), rst, Tcp::data(27, &message[..5])]));
    assert_eq!(rows(&index), [("message", 26), ("partial", 5)]);
    // A segment that overlaps the stream's start, after more was delivered already.
    let early = [&b"before"[..], &message[..10]].concat();
    let index = read_bytes(tcp_pcap(&[
        Tcp::syn(1000),
        Tcp::data(1001, &message[..]),
        Tcp::data(1001 - 6, early),
        Tcp::data(1001 + 30, &message[..]),
    ]));
    assert_eq!(rows(&index), [("message", 26), ("gap", 4), ("message", 26)]);
    assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().late_bytes(), 6);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_captures_are_read_as_what_they_hold_and_cut_ones_as_far_as_they_go() {
    use framescope_capture::{Source, read};
    let open = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(Source::open(file.path()).unwrap(), &Options::default(), &mut |_| true).unwrap()
    };
    // Text that hardly repeats, so that the compressed file is long enough to be cut.
    let text = |i: u32| {
        (0..60).map(|j| char::from(b'a' + (i * 31 + j * j * 7 + i * j) as u8 % 26)).collect::<String>()
    };
    let segments: Vec<Tcp> = (0..3000u32)
        .map(|i| Tcp::data(1 + i * 84, frame(i, &text(i))))
        .chain([Tcp::fin(1 + 3000 * 84)])
        .collect();
    let plain = tcp_pcap(&segments);
    let expected = rows(&open(&plain));
    assert_eq!(expected.len(), 3000);
    let (head, tail) = plain.split_at(1000);
    for packed in [gzip(&plain), [gzip(head), gzip(tail)].concat(), zstd::encode_all(&plain[..], 3).unwrap()]
    {
        let index = open(&packed);
        assert_eq!(index.damages(), []);
        assert_eq!(rows(&index), expected);
        // Each byte leads back to its place in the uncompressed file.
        assert_eq!(index.source().length(), plain.len() as u64);

        let index = open(&packed[..packed.len() * 2 / 3]);
        let damage = only_damage(&index).to_string();
        assert!(damage.contains("the compressed file can't be unpacked further"), "{damage}");
        let read = index.rows().filter(|(_, row)| row.span_type == SpanType::Message).count();
        assert!(read > 100 && read < 3000, "{read} messages");
    }
    // A file that only begins as if it were compressed says so too.
    let index = open(b"\x1f\x8b\x08rubbish");
    assert!(only_damage(&index).to_string().contains("can't be unpacked"), "{:?}", index.damages());
}

#[test]
fn a_capture_that_unpacks_to_more_than_the_limit_is_read_to_there() {
    use framescope_capture::{Source, read};
    let segments: Vec<Tcp> = (0..100u32).map(|i| Tcp::data(1 + i * 26, frame(i, "hi"))).collect();
    let plain = tcp_pcap(&segments);
    // The last byte that is read is that of the tenth packet.
    let record = (plain.len() - 24) / 100;
    let limit = 24 + 10 * record;
    for packed in [gzip(&plain), zstd::encode_all(&plain[..], 3).unwrap()] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&packed).unwrap();
        let open = |limit: usize| {
            let source = Source::open_within(file.path(), limit as u64).unwrap();
            read(source, &Options::default(), &mut |_| true).unwrap()
        };
        let index = open(limit);
        assert_eq!((index.packets(), index.row_count()), (10, 10));
        let damage = only_damage(&index).to_string();
        let name = file.path().display();
        let said = format!(
            "{name}: at byte {limit}: unpacking stopped at the limit of {limit} B; --unpack-limit sets a higher one; the 10 \
             packets before it were read"
        );
        assert_eq!(damage, said);
        // Inside a record the limit is the reason too, and the only one.
        let index = open(limit + record / 2);
        assert_eq!(index.packets(), 10);
        assert!(only_damage(&index).to_string().contains("unpacking stopped at the limit"));
        assert_eq!(open(plain.len()).damages(), []);
    }
    // A file that is not compressed has no limit.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&plain).unwrap();
    let index =
        read(Source::open_within(file.path(), 0).unwrap(), &Options::default(), &mut |_| true).unwrap();
    assert_eq!((index.packets(), index.damages().len()), (100, 0));
}

#[test]
fn live_bytes_are_stored_up_to_the_limit_and_read_from_many_threads_meanwhile() {
    use framescope_capture::{Source, read};
    use std::sync::mpsc::channel;
    let segments: Vec<Tcp> = (0..5000u32).map(|i| Tcp::data(1 + i * 26, frame(i, "hi"))).collect();
    let plain = tcp_pcap(&segments);
    let limit = plain.len() / 2;
    let (wake, woken) = channel();
    let input = std::io::Cursor::new(plain.clone());
    let source = Source::live_within("live", input, limit as u64, move || {
        let _ = wake.send(());
    })
    .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut bytes = vec![0; 1000];
                let mut looked = false;
                while source.is_growing() || !looked {
                    looked = !source.is_growing();
                    // The bytes that are announced are there, and are those that arrived.
                    let length = source.length() as usize;
                    for at in (0..length.saturating_sub(bytes.len())).step_by(777) {
                        source.read_exact_at(at as u64, &mut bytes).unwrap();
                        assert_eq!(bytes, plain[at..at + bytes.len()]);
                    }
                }
            });
        }
    });
    // The thread has ended, and its resources are freed.
    while woken.recv().is_ok() {}
    assert_eq!(source.length(), limit as u64);
    let cut = source.cut().unwrap().to_owned();
    assert!(cut.starts_with("copying to the temporary folder stopped at the limit of "), "{cut}");
    let index = read(source, &Options::default(), &mut |_| true).unwrap();
    assert_eq!(only_damage(&index).what, cut);
    assert!((2000..3000).contains(&index.row_count()), "{} rows", index.row_count());
}

#[test]
fn times_are_kept_of_packets_that_say_something_and_of_no_others() {
    let arp = [[0xFF; 12].as_slice(), &[8, 6], &[0; 28]].concat();
    let wrapped = |segment: Tcp| [&[2; 12], &[8, 0][..], &segment.ip_packet()].concat();
    let packets = [
        arp.clone(),
        wrapped(Tcp::syn(0)),
        arp.clone(),
        wrapped(Tcp::data(1, [])),
        wrapped(Tcp::data(1, frame(1, "hi"))),
        wrapped(Tcp::fin(27)),
        arp,
    ];
    let index = read_bytes(pcap(1, &packets));
    let times: Vec<Option<i64>> = (0..9).map(|packet: u32| index.packet_time_ns(packet.into())).collect();
    let ms = |ms: i64| Some(ms * 1_000_000);
    assert_eq!(times, [None, None, ms(1), None, None, ms(4), ms(5), None, None]);
    // The capture still begins with its first packet.
    assert_eq!(index.first_time_ns(), Some(0));
    assert_eq!(index.time_ns(&index.row(0.into()).unwrap()), ms(4));
}

#[test]
fn a_damaged_record_costs_itself_and_the_rest_is_read() {
    let segments: Vec<Tcp> =
        (0..200u32).map(|i| Tcp { client_port: 40_000 + i as u16, ..Tcp::data(1, frame(i, "hi")) }).collect();
    let packets: Vec<Vec<u8>> = segments.iter().map(Tcp::ip_packet).collect();
    let plain = pcap(RAW_IP, &packets);
    let record = 16 + packets[0].len();
    let place = |number: usize| 24 + record * number;
    let ports = |index: &Index| -> Vec<u16> {
        index.flows().map(|(_, flow)| flow.source(Direction::Forward).unwrap().port()).collect()
    };
    let without = |lost: &[u16]| (40_000..40_200).filter(|port| !lost.contains(port)).collect::<Vec<u16>>();

    // A length that is far too large, in the middle and in the first record.
    for (number, lost) in [(100, 40_100), (0, 40_000)] {
        let mut file = plain.clone();
        file[place(number) + 8..place(number) + 12].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
        let index = read_bytes(file);
        check_index(&index);
        let damage = only_damage(&index);
        assert_eq!((damage.offset, damage.resumed), (place(number) as u64, Some(place(number + 1) as u64)));
        let notice = damage.to_string();
        assert!(notice.ends_with(&format!("reading resumed at byte {}", place(number + 1))), "{notice}");
        assert_eq!(ports(&index), without(&[lost]));
    }
    // Bytes that were lost, and bytes that do not belong there.
    let mut file = plain.clone();
    file.drain(place(50) + 8..place(50) + 20);
    file.splice(place(120)..place(120), [0x55; 77]);
    let index = read_bytes(file);
    check_index(&index);
    assert!(!index.damages().is_empty() && index.damages().iter().all(|damage| damage.resumed.is_some()));
    let read = ports(&index);
    assert!((195..200).contains(&read.len()), "{} of 200: {:?}", read.len(), index.damages());
    // The last record is damaged: nothing follows.
    let mut file = plain.clone();
    file[place(199) + 8..place(199) + 12].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    let index = read_bytes(file);
    assert_eq!(only_damage(&index).resumed, None);
    assert_eq!(ports(&index), without(&[40_199]));

    // A block of a pcapng file.
    let block = |block_type: u32, body: &[u8]| {
        let length = (12 + body.len() as u32).to_le_bytes();
        [&block_type.to_le_bytes()[..], &length, body, &length].concat()
    };
    let mut file =
        block(0x0A0D_0D0A, &[0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    file.extend(block(1, &[101, 0, 0, 0, 0, 0, 0, 0]));
    let mut places = Vec::new();
    for packet in &packets {
        places.push(file.len());
        let length = (packet.len() as u32).to_le_bytes();
        let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
        file.extend(block(6, &[&[0; 12][..], &length, &length, packet, &padding].concat()));
    }
    file[places[100] + 4..places[100] + 8].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0x7F]);
    let index = read_bytes(file);
    check_index(&index);
    let damage = only_damage(&index);
    assert_eq!((damage.offset, damage.resumed), (places[100] as u64, Some(places[101] as u64)));
    assert_eq!(ports(&index), without(&[40_100]));
}

/// An option of a pcapng block, little-endian.
fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [code.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

#[test]
fn what_a_pcapng_file_says_beside_its_packets_is_kept_where_a_person_looks() {
    let end = option(0, &[]);
    let packet = Tcp::data(1, frame(1, "hi")).ip_packet();
    let mut file = Vec::new();
    let fixed = [0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
    file.extend(block(false, 0x0A0D_0D0A, &[&fixed[..], &option(1, b"made in a test"), &end].concat()));
    let link = [101, 0, 0, 0, 0, 0, 0, 0];
    file.extend(block(false, 1, &[&link[..], &option(2, b"eth0"), &option(3, b"the first"), &end].concat()));
    file.extend(block(false, 1, &[&link[..], &option(3, b"only described"), &end].concat()));
    let host = [&[10, 0, 0, 2][..], b"server.example\0srv\0"].concat();
    file.extend(block(false, 4, &[option(1, &host), end.clone()].concat()));
    for interface in [1_u32, 0] {
        let length = (packet.len() as u32).to_le_bytes();
        let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
        let comments = [option(1, "看这里".as_bytes()), option(1, b"and here"), end.clone()].concat();
        let head = [interface.to_le_bytes(), [0; 4], [0; 4], length, length].concat();
        file.extend(block(false, 6, &[head, packet.clone(), padding, comments].concat()));
    }
    // A second section numbers its interfaces anew.
    file.extend(section(false));
    file.extend(block(false, 1, &[&link[..], &option(2, b"wlan0"), &end].concat()));
    let other = Tcp { client_port: 50_001, ..Tcp::data(1, frame(1, "ho")) }.ip_packet();
    file.extend(enhanced_packet(false, 0, 0, &other));
    let index = read_bytes(file);
    check_index(&index);
    assert!(index.damages().is_empty(), "{:?}", index.damages());
    assert_eq!(index.notices(), ["The capture's comment: made in a test"]);
    assert_eq!(index.comments(&index.row(0.into()).unwrap()), [(1.into(), "看这里"), (1.into(), "and here")]);
    assert_eq!(
        (index.interface(0.into()), index.interface(1.into())),
        (Some("only described"), Some("wlan0"))
    );
    assert_eq!(index.host("10.0.0.2".parse().unwrap()), Some("server.example"));
    let mut flows = Vec::new();
    framescope_capture::export::write_flows_text(&index, &mut flows).unwrap();
    let flows = String::from_utf8(flows).unwrap();
    assert!(
        flows.starts_with(
            "flow 0 tcp 10.0.0.1:50000 <> 10.0.0.2:9000 (server.example), 2 packets on only described"
        ),
        "{flows}"
    );
    // Options that reach past their block are not trusted.
    let mut file = section(false);
    file.extend(block(false, 1, &[&link[..], &[2, 0, 200, 0, b'x', 0, 0, 0]].concat()));
    file.extend(enhanced_packet(false, 0, 0, &other));
    let index = read_bytes(file);
    assert_eq!((index.row_count(), index.interface(0.into())), (1, None));
}

#[test]
fn the_state_of_a_connection_is_shown() {
    use framescope_capture::{Connection, ConnectionState as State};
    let back = |segment: Tcp| Tcp { from_client: false, ..segment };
    let syn_ack = || back(Tcp { ack: true, ..Tcp::syn(100) });
    let rst = |sequence| Tcp { rst: true, ..Tcp::data(sequence, []) };
    let opening = || vec![Tcp::syn(0), syn_ack(), Tcp::data(1, [])];
    let after = |more: Vec<Tcp>| [opening(), more].concat();
    let (forward, backward) = (Some(Direction::Forward), Some(Direction::Backward));
    for (segments, state, opened, ended, ended_by) in [
        (vec![Tcp::syn(0)], State::HalfOpen, Some(1), None, None),
        (vec![Tcp::syn(0), Tcp::syn(0)], State::HalfOpen, Some(1), None, None),
        (opening(), State::Open, Some(1), None, None),
        (vec![Tcp::data(1, b"x".as_slice())], State::Open, None, None, None),
        (after(vec![Tcp::fin(1)]), State::HalfClosed, Some(1), None, forward),
        (after(vec![back(Tcp::fin(101)), Tcp::fin(1)]), State::Closed, Some(1), Some(5), backward),
        (after(vec![rst(1)]), State::Reset, Some(1), Some(4), forward),
        (after(vec![Tcp::fin(1), back(rst(101))]), State::Reset, Some(1), Some(5), backward),
        // Requested, and refused.
        (vec![Tcp::syn(0), back(rst(0))], State::Reset, Some(1), Some(2), backward),
        // Both sides send a SYN at the same time.
        (
            vec![Tcp::syn(0), back(Tcp::syn(100)), Tcp { ack: true, ..Tcp::syn(0) }],
            State::Open,
            Some(1),
            None,
            None,
        ),
    ] {
        let index = read_bytes(tcp_pcap(&segments));
        check_index(&index);
        let found = index.flow(0.into()).unwrap().connection();
        assert_eq!(
            found,
            Some(Connection {
                state,
                opened: opened.map(PacketId::from),
                ended: ended.map(PacketId::from),
                ended_by
            }),
            "{segments:?}"
        );
        assert_eq!(index.flows().len(), 1);
    }
}

#[test]
fn a_choice_of_protocol_that_may_be_wrong_says_so() {
    let certain = read_bytes(tcp_pcap(&[Tcp::syn(0), Tcp::data(1, frame(1, "hi"))]));
    assert!(!certain.stream(0.into(), Direction::Forward).unwrap().is_guess());
    let guess = read_bytes(tcp_pcap(&[Tcp::syn(0), Tcp::data(1, b"hello there".as_slice())]));
    assert!(guess.stream(0.into(), Direction::Forward).unwrap().is_guess());
    let mut flows = Vec::new();
    framescope_capture::export::write_flows_text(&guess, &mut flows).unwrap();
    let flows = String::from_utf8(flows).unwrap();
    assert!(flows.contains("text is a guess (--as flow=0=PROTOCOL decides)"), "{flows}");
    let forced = Options { decode_as: vec!["flow=0=text".parse().unwrap()], ..Options::default() };
    let forced = read_with(tcp_pcap(&[Tcp::syn(0), Tcp::data(1, b"hello there".as_slice())]), &forced);
    assert!(!forced.stream(0.into(), Direction::Forward).unwrap().is_guess());
}

#[test]
fn a_file_that_grows_while_it_is_read_is_read_to_where_it_ends_then() {
    let segments: Vec<Tcp> =
        std::iter::once(Tcp::syn(0)).chain((0..200).map(|i| Tcp::data(1 + i * 26, frame(i, "hi")))).collect();
    let bytes = tcp_pcap(&segments);
    let file = tempfile::NamedTempFile::new().unwrap();
    // The last record is only partly there, as a writer leaves it.
    std::fs::write(file.path(), &bytes[..bytes.len() / 2]).unwrap();
    let source = Source::open(file.path()).unwrap();
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    assert!(indexer.step(&mut index, 10));
    let mut writer = std::fs::OpenOptions::new().append(true).open(file.path()).unwrap();
    std::io::Write::write_all(&mut writer, &bytes[bytes.len() / 2..]).unwrap();
    while indexer.step(&mut index, 10) {}
    indexer.finish(&mut index);
    check_index(&index);
    assert_eq!((index.packets(), index.row_count(), index.damages().len()), (201, 200, 0));
}

#[test]
fn a_file_that_is_replaced_while_it_is_open_is_an_error() {
    let capture = |text: &str| tcp_pcap(&[Tcp::syn(0), Tcp::data(1, frame(1, text))]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), capture("hello")).unwrap();
    let index = read(Source::open(file.path()).unwrap(), &Options::default(), &mut |_| true).unwrap();
    let row = index.row(0.into()).unwrap();
    assert!(index.row_bytes(&row, usize::MAX, &mut index.reader()).is_ok());
    std::fs::write(file.path(), capture("other")).unwrap();
    // Some file systems do not distinguish times that are so close.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    file.as_file().set_modified(later).unwrap();
    let error = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap_err().to_string();
    assert!(error.contains("was replaced while it was open") && error.contains("open it again"), "{error}");
}

#[test]
fn reading_on_in_a_replaced_file_fails_within_a_mebibyte() {
    use framescope_capture::{BlockReader, Source};
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![1; 4 << 20]).unwrap();
    let source = Source::open(file.path()).unwrap();
    let mut reader = BlockReader::new(source.clone(), 64 << 10);
    reader.read(0, 100, &mut Vec::new()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(file.path(), vec![2; 4 << 20]).unwrap();
    let mut read = 0;
    let error = loop {
        // Backwards, so that it reads little at a time.
        let offset = (4 << 20) - (32 << 10) - read;
        match reader.read(offset, 100, &mut Vec::new()) {
            Ok(()) => read += 16 << 10,
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("was replaced while it was open") && read <= 1 << 20, "{read}: {error}");
    assert!(source.read_at(0, &mut [0; 8]).is_err(), "one read checks once");
}
