//! Captures that were rotated: several files read as one are as the one that they were, and the parts of a capture by its conversations
//! are together all of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::num::NonZeroU32;

use framescope_capture::export::{
    RowSelection, write_flows_json, write_json, write_packets, write_problems_json,
};
use framescope_capture::{Index, Options, ReadError, Selection, Source, read, scan};
use proptest::prelude::*;
use serde_json::Value;
use support::{Tcp, cases, corpus, pcap, tcp_pcap, udp_packet};

/// A capture's header, and its records behind it: whether each is a packet, and its bytes.
struct Cut {
    name: String,
    whole: Vec<u8>,
    header: Vec<u8>,
    records: Vec<(bool, Vec<u8>)>,
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The parts of a little-endian capture; None for another.
fn cut(name: String, whole: Vec<u8>) -> Option<Cut> {
    let (mut header, mut records, mut at) = (Vec::new(), Vec::new(), 0);
    match whole.first_chunk::<4>()? {
        [0xD4, 0xC3, 0xB2, 0xA1] | [0x4D, 0x3C, 0xB2, 0xA1] => {
            header.extend(&whole[..24]);
            at = 24;
            while at + 16 <= whole.len() {
                let end = at + 16 + u32_at(&whole, at + 8);
                records.push((true, whole.get(at..end)?.to_vec()));
                at = end;
            }
        }
        [0x0A, 0x0D, 0x0D, 0x0A] if whole.get(8..12)? == [0x4D, 0x3C, 0x2B, 0x1A] => {
            while at + 12 <= whole.len() {
                let (block_type, end) = (u32_at(&whole, at), at + u32_at(&whole, at + 4));
                let block = whole.get(at..end)?;
                match block_type {
                    0x0A0D_0D0A | 1 if records.is_empty() => header.extend(block),
                    // Its interfaces would have to be those of each file behind it.
                    0x0A0D_0D0A | 1 => return None,
                    _ => records.push((matches!(block_type, 2 | 3 | 6), block.to_vec())),
                }
                at = end;
            }
        }
        _ => return None,
    }
    Some(Cut { name, whole, header, records })
}

impl Cut {
    fn of_pcap(name: &str, whole: Vec<u8>) -> Cut {
        cut(name.to_owned(), whole).unwrap()
    }

    /// Files that have the records between some numbers each. Each begins with the header.
    fn files(&self, at: &BTreeSet<usize>) -> Vec<Source> {
        let ends = at.iter().copied().chain([self.records.len()]);
        let mut from = 0;
        let files = ends.enumerate().map(|(number, to)| {
            let to = to.clamp(from, self.records.len());
            let records = self.records[from..to].iter().flat_map(|(_, record)| record.iter().copied());
            let bytes: Vec<u8> = self.header.iter().copied().chain(records).collect();
            from = to;
            Source::from_bytes(format!("{}.{number}", self.name), bytes)
        });
        files.collect()
    }
}

/// The captures that are cut: of the corpus, and some that were made for this.
fn captures() -> Vec<Cut> {
    let files = cases().into_iter().flat_map(|case| fs::read_dir(case).unwrap());
    let found = files.map(|file| file.unwrap().path()).filter_map(|path| {
        let is_capture = path.extension().is_some_and(|end| end == "pcap" || end == "pcapng");
        is_capture.then(|| cut(path.display().to_string(), fs::read(&path).unwrap())).flatten()
    });
    let mut found: Vec<Cut> = found.collect();
    found.extend([fragments(), connections()]);
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 6, "the corpus is not whole");
    found
}

/// Datagrams in fragments, also such as another conversation's lie between.
fn fragments() -> Cut {
    let mut packets = Vec::new();
    for number in 0..12_u16 {
        let [src, dst] = [format!("10.0.0.{}:{}", number % 5, 1000 + number), "10.0.0.9:9000".to_owned()];
        let payload: Vec<u8> = (0..64).map(|at| b'a' + (at + number as u8) % 26).collect();
        let mut whole = udp_packet(src.parse().unwrap(), dst.parse().unwrap(), &payload);
        whole[4..6].copy_from_slice(&number.to_be_bytes());
        for (from, to) in [(0, 24), (24, 48), (48, 72)] {
            let mut packet = whole[..20].to_vec();
            packet.extend(&whole[20 + from..20 + to]);
            let flags = u16::from(to < 72) << 13 | (from / 8) as u16;
            packet[2..4].copy_from_slice(&(20 + (to - from) as u16).to_be_bytes());
            packet[6..8].copy_from_slice(&flags.to_be_bytes());
            packets.push(packet);
        }
    }
    packets.rotate_left(1);
    packets.swap(3, 9);
    packets.swap(5, 20);
    Cut::of_pcap("fragments", pcap(support::RAW_IP, &packets))
}

/// Connections that lie within one another, with what is lost, late or doubled, and ports that are used again.
fn connections() -> Cut {
    let mut segments = Vec::new();
    for round in 0..3_u32 {
        for port in 0..6_u16 {
            let of = |tcp: Tcp| Tcp { client_port: 2000 + port, ..tcp };
            let first = 1000 * (round + 1) + u32::from(port);
            segments.push(of(Tcp::syn(first)));
            for (at, text) in [(0, "one\n"), (8, "three\n"), (4, "two\n"), (4, "TWO\n"), (20, "late\n")] {
                segments.push(of(Tcp::data(first + 1 + at, text)));
            }
            if port % 2 == 0 {
                segments.push(of(Tcp::fin(first + 26)));
            }
        }
    }
    let columns = segments.len() / 6;
    let woven: Vec<Tcp> = (0..segments.len()).map(|at| segments[at % 6 * columns + at / 6].clone()).collect();
    Cut::of_pcap("connections", tcp_pcap(&woven))
}

fn whole(cut: &Cut, options: &Options) -> Index {
    read(Source::from_bytes("test", cut.whole.clone()), options, &mut |_| true).unwrap()
}

/// All that is written of an index.
fn written(index: &Index) -> [String; 4] {
    let [mut rows, mut flows, mut problems, mut packets] = [const { Vec::new() }; 4];
    write_json(index, &mut RowSelection::all(), &mut rows).unwrap();
    write_flows_json(index, &mut flows).unwrap();
    write_problems_json(index, &mut RowSelection::all(), &mut problems).unwrap();
    write_packets(index, &mut RowSelection::all(), &mut packets).unwrap();
    let unread: Vec<_> =
        index.unread_packets().map(|(why, packets)| (why.to_owned(), packets.count)).collect();
    let notes = format!("{:?} {:?} {unread:?}", index.packets(), index.first_time_ns());
    let texts = [rows, flows, problems].map(|text| String::from_utf8(text).unwrap());
    let [rows, flows, problems] = texts;
    [rows, flows, problems, notes]
}

fn options() -> Options {
    Options { reads_ahead: false, ..Options::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn files_that_are_read_as_one_are_as_the_one_that_they_were(
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        which in any::<prop::sample::Index>(),
    ) {
        let captures = captures();
        let cut = which.get(&captures);
        let at: BTreeSet<usize> = at.iter().map(|at| at.index(cut.records.len() + 1)).collect();
        let files = cut.files(&at);
        let joined = read(Source::joined(files.clone()), &options(), &mut |_| true).unwrap();
        prop_assert_eq!(written(&joined), written(&whole(cut, &options())), "{} at {:?}", &cut.name, at);
        prop_assert!(joined.damages().is_empty(), "{:?}", joined.damages());
        // Every packet leads to its file and its number there.
        let mut number = 0;
        for (file, source) in files.iter().enumerate() {
            let alone = read(source.clone(), &options(), &mut |_| true).unwrap();
            for packet in 1..=alone.packets() {
                number += 1;
                if files.len() > 1 {
                    prop_assert_eq!(joined.packet_in_file(number.into()), (file, packet.into()));
                }
            }
        }
        prop_assert_eq!(number, joined.packets());
    }

    #[test]
    fn the_shares_of_a_capture_are_together_all_of_it(
        which in any::<prop::sample::Index>(),
        shares in 1..5_u32,
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let captures = captures();
        let cut = which.get(&captures);
        let at: BTreeSet<usize> = at.iter().map(|at| at.index(cut.records.len() + 1)).collect();
        let of = NonZeroU32::new(shares).unwrap();
        let parts: Vec<Index> = (0..shares)
            .map(|part| {
                let options = Options { selection: Some(Selection::default().share(part, of)), ..options() };
                read(Source::joined(cut.files(&at)), &options, &mut |_| true).unwrap()
            })
            .collect();
        let whole = whole(cut, &options());
        let mut united: Vec<String> = parts.iter().flat_map(rows).collect();
        let mut expected = rows(&whole);
        united.sort();
        expected.sort();
        prop_assert_eq!(united, expected, "{}", &cut.name);
        prop_assert!(parts.iter().all(|part| part.packets() == whole.packets()));
    }
}

/// The rows, each with what says the same wherever it is read: another row is named by its packets and place.
fn rows(index: &Index) -> Vec<String> {
    let mut text = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut text).unwrap();
    let rows: Vec<Value> =
        String::from_utf8(text).unwrap().lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let name =
        |row: &Value| ["src", "dst", "offset", "length", "packets"].map(|key| row[key].to_string()).join(" ");
    let names: Vec<String> = rows.iter().map(name).collect();
    let named = |row: &Value| row.as_u64().map(|row| names[row as usize].clone());
    let rows = rows.iter().map(|row| {
        let mut row = row.clone();
        let links = ["reply_to", "part_of"].map(|key| named(&row[key]));
        for key in ["row", "flow", "reply_to", "part_of"] {
            row.as_object_mut().unwrap().remove(key);
        }
        format!("{row} {links:?}")
    });
    rows.collect()
}

#[test]
fn a_scan_finds_the_conversations_that_there_are_and_their_times() {
    for cut in captures() {
        let index = whole(&cut, &options());
        let found = scan(&Source::from_bytes("test", cut.whole.clone()), None, &mut |_| true).unwrap();
        let keys: HashSet<u64> = index.flows().filter_map(|(_, flow)| flow.conversation()).collect();
        let scanned: HashSet<u64> = found.conversations.iter().map(|known| known.key).collect();
        assert_eq!(scanned, keys, "{}", cut.name);
        assert_eq!(found.conversations.len(), keys.len(), "{}", cut.name);
        assert_eq!(
            (found.packets, found.times_ns.map(|times| times.0)),
            (index.packets(), index.first_time_ns())
        );
        assert!(found.damages.is_empty() && !found.has_secrets);
    }
}

#[test]
fn a_scan_names_the_packets_of_which_another_file_may_have_fragments() {
    let cut = fragments();
    let scanned = |source: &Source| scan(source, None, &mut |_| true).unwrap();
    assert!(scanned(&Source::from_bytes("whole", cut.whole.clone())).incomplete.is_empty());
    let files = cut.files(&BTreeSet::from([10]));
    let [first, second] = [scanned(&files[0]), scanned(&files[1])];
    assert!(!first.incomplete.is_empty());
    assert!(first.incomplete.is_subset(&second.fragmented));
    let whole = scanned(&Source::joined(files));
    assert!(whole.incomplete.is_empty() && whole.conversations.len() > 10);
}

#[test]
fn what_is_wrong_with_a_file_costs_its_rest_and_is_listed_by_its_name() {
    let cut = connections();
    let mut files = cut.files(&BTreeSet::from([20, 40]));
    let bytes = |source: &Source| {
        let mut bytes = vec![0; source.length() as usize];
        source.read_exact_at(0, &mut bytes).unwrap();
        bytes
    };
    let cut_short = bytes(&files[0]);
    files[0] = Source::from_bytes("short", &cut_short[..cut_short.len() - 3]);
    files.insert(1, Source::from_bytes("none", *b"this is not a capture"));
    files.insert(2, Source::from_bytes("empty", *b""));
    files.insert(3, Source::from_bytes("log", *b"btsnoop\0\0\0\0\x01\0\0\x03\xEA"));
    let index = read(Source::joined(files), &options(), &mut |_| true).unwrap();
    let damages: Vec<String> = index.damages().iter().map(ToString::to_string).collect();
    assert_eq!(damages.len(), 4, "{damages:#?}");
    assert!(damages[0].starts_with("short: packet 20 at byte "), "{damages:#?}");
    assert!(damages[0].ends_with("; the 19 packets before it were read"), "{damages:#?}");
    assert_eq!(damages[1], "none: at byte 0: it begins with no capture's magic; no packet was read");
    assert!(damages[2].starts_with("empty: "), "{damages:#?}");
    assert!(damages[3].contains("btsnoop") && damages[3].starts_with("log: "), "{damages:#?}");
    assert_eq!(index.packets() as usize, cut.records.len() - 1);
    let last = index.packet_in_file(index.packets().into());
    assert_eq!(last, (5, (cut.records.len() as u32 - 40).into()));
    assert_eq!(index.packet_in_file(20.into()), (4, 1.into()));
}

#[test]
fn each_file_has_its_own_format_link_type_and_interfaces() {
    let datagram = |port: u16, text: &str| {
        let src = format!("10.0.0.1:{port}").parse().unwrap();
        udp_packet(src, "10.0.0.2:9000".parse().unwrap(), text.as_bytes())
    };
    let raw = pcap(support::RAW_IP, &[datagram(1, "raw\n")]);
    let ethernet = pcap(1, &[[&[0; 12][..], &[8, 0], &datagram(1, "ether\n")].concat()]);
    let named = |name: &[u8; 4]| {
        let interface = [&[101, 0, 0, 0, 0, 0, 0, 0, 2, 0, 4, 0][..], name, &[0; 4]].concat();
        let packet = datagram(2, "ng\n");
        let mut body = [0_u8; 20];
        body[12..16].copy_from_slice(&(packet.len() as u32).to_le_bytes());
        body[16..20].copy_from_slice(&(packet.len() as u32).to_le_bytes());
        let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
        let block = |number: u32, body: &[u8]| {
            let length = (body.len() as u32 + 12).to_le_bytes();
            [&number.to_le_bytes(), &length[..], body, &length].concat()
        };
        let section = [&[0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0][..], &[0xFF; 8]].concat();
        let blocks = [
            block(0x0A0D_0D0A, &section),
            block(1, &interface),
            block(6, &[&body, &packet[..], &padding].concat()),
        ];
        blocks.concat()
    };
    let sources = [raw, named(b"eth0"), ethernet, named(b"eth1")].into_iter().enumerate();
    let files: Vec<Source> =
        sources.map(|(number, bytes)| Source::from_bytes(number.to_string(), bytes)).collect();
    let index = read(Source::joined(files.clone()), &options(), &mut |_| true).unwrap();
    assert!(index.damages().is_empty(), "{:?}", index.damages());
    let places: Vec<_> = (0..4)
        .map(|row| {
            let row = index.row(row.into()).unwrap();
            let place = index.segments(&row).next().unwrap().file_offset;
            index.source().file_at(place).map(|(file, ..)| file)
        })
        .collect();
    assert_eq!(places, [0, 1, 2, 3].map(Some));
    let flows: Vec<_> = index.flows().map(|(flow, known)| (known.packets, index.interface(flow))).collect();
    assert_eq!(flows, [(2, None), (2, Some("eth0"))]);
    let last = Source::joined(files.into_iter().rev());
    let index = read(last, &options(), &mut |_| true).unwrap();
    assert_eq!(
        index.flows().map(|(flow, _)| index.interface(flow)).collect::<Vec<_>>(),
        [Some("eth1"), None]
    );
}

#[test]
fn one_compressed_file_of_several_is_unpacked() {
    let cut = connections();
    let folder = tempfile::tempdir().unwrap();
    let files = cut.files(&BTreeSet::from([30]));
    let paths: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(number, source)| {
            let mut bytes = vec![0; source.length() as usize];
            source.read_exact_at(0, &mut bytes).unwrap();
            let packed = if number == 0 { zstd::encode_all(&bytes[..], 1).unwrap() } else { bytes };
            let path = folder.path().join(format!("part{number}.pcap"));
            fs::write(&path, packed).unwrap();
            path
        })
        .collect();
    let joined = Source::joined(paths.iter().map(|path| Source::open(path).unwrap()));
    assert!(joined.is_file());
    let index = read(joined, &options(), &mut |_| true).unwrap();
    assert_eq!(written(&index), written(&whole(&cut, &options())));
    let limited = Source::joined(paths.iter().map(|path| Source::open_within(path, 200).unwrap()));
    let index = read(limited, &options(), &mut |_| true).unwrap();
    let damages: Vec<String> = index.damages().iter().map(ToString::to_string).collect();
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert!(damages[0].contains("part0.pcap") && damages[0].contains("--unpack-limit"), "{damages:?}");
}

#[test]
fn a_text_among_the_files_is_converted_and_a_scan_refuses_what_is_no_capture() {
    let text = Source::from_bytes("dump.txt", &b"000000 45 00 00 1d 00 01 00 00 40 11 66 cd 0a 00 00 01\n000010 0a 00 00 02 00 07 23 28 00 09 00 00 78\n"[..]);
    let index = read(
        Source::joined([text, connections().files(&BTreeSet::new()).remove(0)]),
        &options(),
        &mut |_| true,
    );
    assert!(index.unwrap().notices().iter().any(|notice| notice.contains("dump.txt")));
    let none = Source::from_bytes("none", *b"this is not a capture");
    assert!(matches!(scan(&none, None, &mut |_| true), Err(ReadError::NoCapture { .. })));
    assert!(corpus().is_dir());
}
