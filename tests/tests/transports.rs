//! On which transports described protocols are used: streams of items on TCP and in files, whole messages in datagrams and files, and
//! nothing where nothing shows where a message ends.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use framescope_capture::export::{RowSelection, write_json};
use framescope_capture::{DecodeAs, Index, Options, ReadError, RowId, Source, TransportType, read};
use framescope_ksy::Described;
use framescope_parser::with_built_in;
use serde_json::Value as Json;
use support::{RAW_IP, Tcp, pcap, read_with, tcp_pcap, udp_packet};

/// Records whose byte order the header gives.
const RECORDS: &str = "
meta: {id: records}
seq:
  - {id: magic, contents: RECS}
  - {id: order, type: u1, enum: order}
  - {id: records, type: record, repeat: eos}
types:
  record:
    meta: {endian: {switch-on: _root.order, cases: {'order::big': be, 'order::little': le}}}
    seq:
      - {id: number, type: u2}
      - {id: length, type: u1}
      - {id: body, size: length}
enums:
  order: {1: big, 2: little}
";

/// A message up to the end.
const PACKET: &str = "
meta: {id: packet, -framescope: {ports: 9000}}
seq:
  - {id: magic, contents: PACKET}
  - {id: rest, size-eos: true}
";

fn options(ksy: &str, rules: &[&str]) -> Options {
    let decode_as = rules.iter().map(|rule| rule.parse::<DecodeAs>().unwrap()).collect();
    let described = Arc::new(Described::from_ksy(ksy).unwrap());
    Options { protocols: with_built_in(vec![described]), decode_as, ..Options::default() }
}

fn json(index: &Index) -> Vec<Json> {
    let mut out = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Each row's direction, type, stage, and the values of its plain fields.
fn rows(index: &Index) -> Vec<String> {
    let row = |row: &Json| {
        let fields = row["fields"].as_array().unwrap().iter();
        let values: Vec<String> = fields
            .filter(|field| field["value"].is_number())
            .map(|field| format!("{}={}", field["name"].as_str().unwrap(), field["value"]))
            .collect();
        let stage = row["stage"].as_str().unwrap_or("-");
        format!(
            "{} {} {stage} {}",
            row["direction"].as_str().unwrap(),
            row["type"].as_str().unwrap(),
            values.join(" ")
        )
    };
    json(index).iter().map(row).collect()
}

fn record(big: bool, number: u16, body: &[u8]) -> Vec<u8> {
    let number = if big { number.to_be_bytes() } else { number.to_le_bytes() };
    [&number[..], &[body.len() as u8], body].concat()
}

fn stream(big: bool, count: u16) -> Vec<u8> {
    let head = [&b"RECS"[..], &[if big { 1 } else { 2 }]].concat();
    let records = (0..count).flat_map(|number| record(big, number, &vec![b'x'; usize::from(number % 200)]));
    head.into_iter().chain(records).collect()
}

#[test]
fn both_directions_of_a_connection_have_a_preamble_and_items() {
    let syn = |from_client, sequence, ack| Tcp { from_client, ack, ..Tcp::syn(sequence) };
    let mut segments = vec![syn(true, 100, false), syn(false, 200, true)];
    let (forward, backward) = (stream(true, 30), stream(false, 30));
    for (from_client, first, bytes) in [(true, 101, forward), (false, 201, backward)] {
        for (at, part) in bytes.chunks(100).enumerate() {
            let sequence = first + 100 * at as u32;
            segments.push(Tcp { from_client, ..Tcp::data(sequence, part) });
        }
    }
    let index = read_with(tcp_pcap(&segments), &options(RECORDS, &["tcp.port=9000=records"]));
    let found = rows(&index);
    for direction in ["forward", "backward"] {
        let own: Vec<&String> = found.iter().filter(|row| row.starts_with(direction)).collect();
        assert_eq!(own.len(), 31, "{own:?}");
        assert!(own[0].contains(" message preamble "), "{own:?}");
        for (number, row) in own[1..].iter().enumerate() {
            assert_eq!(**row, format!("{direction} message item number={number} length={number}"));
        }
    }
    // Also if a late row is looked at first.
    let last = RowId::from(index.row_count() as u32 - 1);
    let row = index.row(last).unwrap();
    let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap();
    assert_eq!(index.dissect(last, &bytes).field("number").unwrap().value.as_u64(), Some(29));
}

#[test]
fn a_file_is_read_item_by_item_and_a_datagram_at_once() {
    let index = read_with(stream(false, 2000), &options(RECORDS, &["file=records"]));
    let found = rows(&index);
    assert_eq!(found.len(), 2001);
    assert_eq!(found[2000], "forward message item number=1999 length=199");
    let [a, b]: [SocketAddr; 2] = ["10.0.0.1:50000", "10.0.0.2:9000"].map(|text| text.parse().unwrap());
    let packets = [stream(true, 3), stream(false, 2)].map(|payload| udp_packet(a, b, &payload));
    let index = read_with(pcap(RAW_IP, &packets), &options(RECORDS, &["udp.port=9000=records"]));
    let found = json(&index);
    assert_eq!(found.len(), 2);
    assert!(found[0]["stage"].is_null(), "{:?}", found[0]);
    let records = |row: &Json| {
        let of_list = |field: &&Json| field["name"] == "records";
        row["fields"].as_array().unwrap().iter().filter(of_list).count()
    };
    assert_eq!((records(&found[0]), records(&found[1])), (3, 2));
}

#[test]
fn what_only_the_end_ends_is_used_on_udp_and_files_and_never_on_tcp() {
    let payloads = [&b"PACKET and its rest"[..], b"PACKET more", b"noise"];
    let [a, b]: [SocketAddr; 2] = ["10.0.0.1:50000", "10.0.0.2:9000"].map(|text| text.parse().unwrap());
    let packets: Vec<_> = payloads.iter().map(|payload| udp_packet(a, b, payload)).collect();
    let types = |index: &Index| -> Vec<(String, u64)> {
        json(index)
            .iter()
            .map(|row| (row["type"].as_str().unwrap().to_owned(), row["length"].as_u64().unwrap()))
            .collect()
    };
    let of = |name: &str, length| (name.to_owned(), length);
    let expected = [of("message", 19), of("message", 11), of("skipped", 5)];
    for rules in [&["udp=packet"][..], &[]] {
        let index = read_with(pcap(RAW_IP, &packets), &options(PACKET, rules));
        assert_eq!(types(&index), expected, "by {rules:?}, else by its magic");
    }
    let index = read_with(b"PACKET and a whole file".to_vec(), &options(PACKET, &["file=packet"]));
    assert_eq!(types(&index), [of("message", 23)]);
    // On TCP it is neither detected nor chosen by an address.
    let segments = [Tcp::syn(100), Tcp::data(101, &b"PACKET and its rest"[..])];
    for rules in [&[][..], &["ip=10.0.0.2=packet"]] {
        let index = read_with(tcp_pcap(&segments), &options(PACKET, rules));
        let row = index.row(RowId::from(0)).unwrap();
        assert_ne!(
            index.protocol(&row).map(|protocol| protocol.name().to_owned()).as_deref(),
            Some("packet")
        );
    }
    for rule in ["tcp=packet", "tcp.port=9000=packet"] {
        let source = Source::from_bytes("test", tcp_pcap(&segments));
        let error = read(source, &options(PACKET, &[rule]), &mut |_| true).unwrap_err();
        assert!(matches!(error, ReadError::UnusableProtocol { .. }), "{error}");
        let sentence = error.to_string();
        assert!(sentence.contains("5:5: 'size-eos' depends on where the stream ends"), "{sentence}");
        assert!(sentence.contains("packet can be used on udp and file"), "{sentence}");
    }
}

#[test]
fn a_rule_for_the_file_reads_a_capture_by_its_description() {
    let described = "
meta: {id: own_pcap, endian: le}
seq:
  - {id: head, size: 24}
  - {id: packets, type: packet, repeat: eos}
types:
  packet:
    seq: [{id: seconds, type: u4}, {id: micros, type: u4}, {id: kept, type: u4}, {id: length, type: u4}, {id: data, size: kept}]
";
    let packets: Vec<Vec<u8>> = (0..300).map(|length| vec![0x45; length]).collect();
    let index = read_with(pcap(RAW_IP, &packets), &options(described, &["file=own_pcap"]));
    assert_eq!(index.flows().next().unwrap().1.transport, TransportType::File);
    let found = rows(&index);
    assert_eq!(found.len(), 301);
    assert_eq!(found[300], "forward message item seconds=0 micros=299000 kept=299 length=299");
    // Without it, it is a capture.
    assert_ne!(rows(&read_with(pcap(RAW_IP, &packets), &options(described, &[]))).len(), 301);
}
