//! Captures of other kinds than pcap and pcapng: one recording in many formats, whole and damaged, and files that only
//! look like one.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use framescope_capture::export::{RowSelection, write_json, write_packets};
use framescope_capture::{DecodeAs, Index, Options, PacketId, Source, TransportType, read};
use framescope_oracles::{ORACLES, check_index};
use framescope_parser::Direction;
use framescope_parser::missive::{FrameBuf, Kind};
use serde_json::Value as Json;
use support::{Tcp, corpus, open, read_bytes};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = corpus().join("foreign").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "the corpus is not whole");
    files
}

fn foreign(kind: &str) -> PathBuf {
    corpus().join("foreign/read").join(format!("text-echo.{kind}"))
}

fn original() -> Index {
    open(&corpus().join("captures/text-echo/capture.pcapng"))
}

fn frame(sequence: u32, text: &str) -> Vec<u8> {
    FrameBuf::new(Kind::DATA).sequence(sequence).payload(text.as_bytes().to_vec()).to_bytes().unwrap()
}

fn json(index: &Index) -> Vec<Json> {
    let mut out = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ending(path: &Path) -> &str {
    path.extension().unwrap().to_str().unwrap()
}

/// Opens bytes like a file of that name.
fn reading(bytes: &[u8], options: &Options) -> Result<Index, String> {
    read(Source::from_bytes("test", bytes), options, &mut |_| true).map_err(|error| error.to_string())
}

fn is_bytes(index: &Index) -> bool {
    index.flows().next().is_some_and(|(_, flow)| flow.transport == TransportType::File)
}

#[test]
fn every_format_gives_the_rows_of_the_recording() {
    let original = original();
    let expected = json(&original);
    for path in files("read") {
        // A trace is a separate recording.
        if ending(&path) == "strace" {
            continue;
        }
        let index = open(&path);
        check_index(&index);
        assert!(index.damages().is_empty(), "{}: {:?}", path.display(), index.damages());
        let mut found = json(&index);
        assert_eq!(found.len(), expected.len(), "{}", path.display());
        for (found, expected) in found.iter_mut().zip(&expected) {
            // Times are compared below, as exactly as the format has them.
            for name in ["time", "latency_ns"] {
                found[name] = expected[name].clone();
            }
            assert_eq!(found, expected, "{}", path.display());
        }
        let resolution_ns = match ending(&path) {
            "netmon1" => 2_000_000,
            "hexdump" | "erf" => 2,
            "xxd" => {
                assert_eq!(index.first_time_ns(), None, "a dump that says no time");
                continue;
            }
            _ => 1_000,
        };
        for packet in (1..=original.packets()).map(PacketId::from) {
            // Packets that contribute nothing to a conversation have no time here.
            let (time, exact) = (index.packet_time_ns(packet), original.packet_time_ns(packet));
            assert_eq!(time.is_some(), exact.is_some());
            let (Some(time), Some(exact)) = (time, exact) else { continue };
            assert!(
                time.abs_diff(exact) <= resolution_ns,
                "{}: packet {packet}: {time}, {exact}",
                path.display()
            );
        }
    }
}

#[test]
fn every_byte_leads_back_to_the_file_that_was_opened() {
    for path in files("read") {
        if matches!(ending(&path), "hexdump" | "xxd" | "tcpdump" | "strace") {
            continue;
        }
        let (index, file) = (open(&path), fs::read(&path).unwrap());
        for direction in [Direction::Forward, Direction::Backward] {
            let said: Vec<u8> = index
                .stream_segments(0.into(), direction)
                .flat_map(|segment| &file[segment.file_offset as usize..][..segment.length as usize])
                .copied()
                .collect();
            assert_eq!(String::from_utf8(said).unwrap(), "你好，世界\n今天天气很好\n收到了吗？\n再见\n");
        }
    }
}

#[test]
fn a_converted_text_notes_what_its_offsets_refer_to() {
    for kind in ["hexdump", "xxd", "tcpdump", "strace"] {
        let index = open(&foreign(kind));
        let notice = index.notices().first().unwrap();
        assert!(notice.contains(kind) && notice.contains("to which offsets in the file refer"), "{notice}");
    }
}

#[test]
fn a_trace_of_calls_is_the_conversation_that_its_program_had() {
    let index = open(&foreign("strace"));
    check_index(&index);
    let flow = index.flow(0.into()).unwrap();
    assert_eq!(index.flows().len(), 1, "both ends are in the trace, and are one conversation");
    assert_eq!(flow.source(Direction::Backward).unwrap().to_string(), "127.0.0.1:9002");
    assert_eq!(flow.connection().unwrap().state.as_str(), "closed");
    let mut reader = index.reader();
    for direction in [Direction::Forward, Direction::Backward] {
        let mut said = Vec::new();
        for segment in index.stream_segments(0.into(), direction) {
            reader.read(segment.file_offset, segment.length as usize, &mut said).unwrap();
        }
        assert_eq!(String::from_utf8(said).unwrap(), "你好，世界\n今天天气很好\n收到了吗？\n再见\n");
    }
    // Each write is a packet, as the cut character shows.
    assert_eq!(index.stream(0.into(), Direction::Forward).unwrap().messages, 5);
}

#[test]
fn a_packed_capture_of_another_kind_is_read_as_well() {
    let path = tempfile::NamedTempFile::new().unwrap();
    for kind in ["snoop", "hexdump"] {
        let mut packed =
            flate2::write::GzEncoder::new(fs::File::create(path.path()).unwrap(), Default::default());
        packed.write_all(&fs::read(foreign(kind)).unwrap()).unwrap();
        packed.finish().unwrap();
        assert_eq!(open(path.path()).packets(), 22, "{kind}");
    }
}

#[test]
fn packets_of_another_kind_are_written_as_a_pcapng() {
    for kind in ["snoop", "netmon2", "erf", "hexdump", "strace"] {
        let index = open(&foreign(kind));
        let mut out = Vec::new();
        write_packets(&index, &mut RowSelection::all(), &mut out).unwrap();
        let again = read_bytes(out);
        let content = |index: &Index| -> Vec<Json> {
            let mut rows = json(index);
            rows.iter_mut().for_each(|row| row["packets"] = Json::Null);
            rows
        };
        assert_eq!(content(&again), content(&index), "{kind}");
    }
}

#[test]
fn what_is_not_read_is_named_with_what_converts_it() {
    for path in files("named") {
        let error =
            read(Source::open(&path).unwrap(), &Options::default(), &mut |_| true).unwrap_err().to_string();
        let name = path.display().to_string();
        assert!(error.starts_with(&format!("{name} is ")), "{error}");
        assert!(error.contains(&format!("`editcap -F pcapng {name} out.pcapng`")), "{error}");
        let decode_as = vec!["file=text".parse().unwrap()];
        let options = Options { decode_as, ..Options::default() };
        let index = read(Source::open(&path).unwrap(), &options, &mut |_| true).unwrap();
        assert!(is_bytes(&index));
        check_index(&index);
    }
}

#[test]
fn a_rule_for_the_file_makes_bytes_of_it_unless_it_is_a_default() {
    let rule: DecodeAs = "file=text".parse().unwrap();
    for path in files("read") {
        let with = |rule: DecodeAs| {
            let options = Options { decode_as: vec![rule], ..Options::default() };
            let index = read(Source::open(&path).unwrap(), &options, &mut |_| true).unwrap();
            check_index(&index);
            index
        };
        assert!(is_bytes(&with(rule.clone())), "{}", path.display());
        assert!(!is_bytes(&with(rule.clone().as_default())));
    }
    let index = reading(
        &fs::read(foreign("snoop")).unwrap(),
        &Options { decode_as: vec![rule], ..Options::default() },
    );
    let error = write_packets(&index.unwrap(), &mut RowSelection::all(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("has no packets"), "{error}");
}

#[test]
fn what_users_and_fuzzers_have_is_bytes_as_before() {
    let mut seen = 0;
    for oracle in ORACLES.iter().filter(|oracle| matches!(oracle.seeds, "frames" | "filter" | "described")) {
        for folder in [format!("seeds/{}", oracle.seeds), format!("regressions/{}", oracle.name)] {
            for file in fs::read_dir(corpus().join(folder)).into_iter().flatten() {
                let path = file.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                let index = reading(&bytes, &Options::default()).unwrap();
                assert!(bytes.is_empty() || is_bytes(&index), "{}: {:?}", path.display(), index.notices());
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn a_file_that_is_cut_anywhere_says_so_and_keeps_everything_before() {
    for path in files("read") {
        let file = fs::read(&path).unwrap();
        let whole = reading(&file, &Options::default()).unwrap();
        let mut most = 0;
        for length in (1..file.len()).step_by(7) {
            let Ok(index) = reading(&file[..length], &Options::default()) else { continue };
            check_index(&index);
            assert!(index.packets() <= whole.packets());
            most = most.max(index.packets());
            // A binary one that was known is damaged, unless it is cut between two records.
            if index.packets() > 0 && !index.damages().is_empty() {
                let damage = index.damages()[0].to_string();
                assert!(
                    damage.contains("the file ends inside") || damage.contains("the file is cut"),
                    "{damage}"
                );
            }
        }
        assert!(most + 2 >= whole.packets(), "{}: {most}", path.display());
    }
}

#[test]
fn a_file_with_any_byte_changed_still_holds_what_is_promised() {
    for folder in ["read", "named"] {
        for path in files(folder) {
            let file = fs::read(&path).unwrap();
            for at in (0..file.len()).step_by(29) {
                for change in [0x01, 0x80, 0xFF] {
                    let mut changed = file.clone();
                    changed[at] ^= change;
                    if let Ok(index) = reading(&changed, &Options::default()) {
                        check_index(&index);
                    }
                }
            }
        }
    }
}

#[test]
fn reading_continues_after_a_damaged_record() {
    // The captured length of the fourth packet claims more than there is.
    for (kind, field) in [("snoop", 8), ("modpcap", 8), ("suse6_3pcap", 8), ("netmon2", 12)] {
        let mut file = fs::read(foreign(kind)).unwrap();
        let whole = open(&foreign(kind));
        let first = whole.stream_segments(0.into(), Direction::Forward).next().unwrap();
        assert_eq!(first.packet, 4.into());
        // Ethernet, IPv4 and TCP with a time stamp come before the payload.
        let head = match kind {
            "snoop" | "modpcap" => 24,
            "suse6_3pcap" => 28,
            _ => 16,
        };
        let record = first.file_offset as usize - 14 - 20 - 32 - head;
        file[record + field..record + field + 4].copy_from_slice(&[0x7F; 4]);
        let index = reading(&file, &Options::default()).unwrap();
        check_index(&index);
        let damage = &index.damages()[0];
        assert_eq!((damage.packet, damage.offset), (Some(4.into()), record as u64), "{kind}");
        assert!(damage.resumed.is_some(), "{kind}: {damage}");
        assert_eq!(index.packets(), 21, "{kind}");
    }
}

#[test]
fn a_netmon_table_may_be_missing_but_not_name_frames_twice() {
    let file = fs::read(foreign("netmon2")).unwrap();
    let table = u32::from_le_bytes(file[24..28].try_into().unwrap()) as usize;
    let without = reading(&file[..table], &Options::default()).unwrap();
    assert_eq!(without.packets(), 22);
    assert!(without.damages()[0].to_string().contains("the table of frames"), "{:?}", without.damages());

    // Frames in the opposite order, which some programs write.
    let mut turned = file.clone();
    for (at, entry) in file[table..].chunks(4).rev().enumerate() {
        turned[table + at * 4..][..4].copy_from_slice(entry);
    }
    let index = reading(&turned, &Options::default()).unwrap();
    check_index(&index);
    assert_eq!((index.packets(), index.damages().len()), (22, 0));
    let times: Vec<i64> = (1..=22).filter_map(|packet: u32| index.packet_time_ns(packet.into())).collect();
    assert!(times.len() > 9 && times.first() > times.last());

    // A table that names one frame again and again, so that a small file would take long to read.
    let mut again = file[..table].to_vec();
    again.extend(128_u32.to_le_bytes().repeat(100_000));
    again[28..32].copy_from_slice(&400_000_u32.to_le_bytes());
    let index = reading(&again, &Options::default()).unwrap();
    check_index(&index);
    let damage = index.damages().last().unwrap().to_string();
    assert!(damage.contains("overlap"), "{damage}");
    assert!(index.packets() as usize <= again.len() / 90);
}

#[test]
fn netmon_frames_say_their_own_link_and_time_from_version_2_3_on() {
    let packet = Tcp::data(1, frame(1, "hi")).ip_packet();
    let filetime = (1_700_000_000_u64 * 10_000_000 + 116_444_736_000_000_000 + 5).to_le_bytes();
    let mut file = vec![0; 128];
    file[..8].copy_from_slice(b"GMBU\x03\x02\x01\x00");
    let mut offsets = Vec::new();
    // Raw IP, converted from a pcap, with the program's own notes.
    for kind in [9_u16, 0xE000 + 101, 0xFFFD] {
        offsets.extend((file.len() as u32).to_le_bytes());
        file.extend([0; 8]);
        file.extend((packet.len() as u32).to_le_bytes().repeat(2));
        file.extend(&packet);
        file.extend(kind.to_le_bytes());
        file.extend([0; 4]);
        file.extend(filetime);
        file.push(0);
    }
    let table = file.len() as u32;
    file[24..28].copy_from_slice(&table.to_le_bytes());
    file[28..32].copy_from_slice(&(offsets.len() as u32).to_le_bytes());
    file.extend(offsets);
    let index = reading(&file, &Options::default()).unwrap();
    check_index(&index);
    assert_eq!((index.packets(), index.row_count(), index.notices().len()), (2, 1, 0));
    assert_eq!(index.packet_time_ns(2.into()), Some(1_700_000_000_000_000_500));
}

/// An ERF record, padded to words of 64 bits.
fn erf_record(record_type: u8, second: u32, extensions: &[u8], body: &[u8], wire_length: u16) -> Vec<u8> {
    let length = (16 + extensions.len() + body.len()).next_multiple_of(8);
    let mut record = (u64::from(second) << 32 | 0x8000_0000).to_le_bytes().to_vec();
    record.extend([record_type, 4]);
    record.extend((length as u16).to_be_bytes());
    record.extend([0, 0]);
    record.extend(wire_length.to_be_bytes());
    record.extend(extensions);
    record.extend(body);
    record.resize(length, 0);
    record
}

#[test]
fn erf_records_of_several_types_with_extension_headers_are_read() {
    let ip = |i: u32| {
        let port = 50_000 + i as u16;
        Tcp { client_port: port, ..Tcp::data(1, frame(i, "hi")) }.ip_packet()
    };
    let length = |packet: &[u8]| packet.len() as u16;
    let ethernet = [&[0, 0][..], &[2; 12], &[8, 0], &ip(1)].concat();
    let mut file = erf_record(2, 1_700_000_000, &[], &ethernet, length(&ip(1)) + 14 + 4);
    // Two extension headers, the first of which says that another follows.
    let extensions = [0x83, 0, 0, 0, 0, 0, 0, 0, 0x03, 0, 0, 0, 0, 0, 0, 0];
    file.extend(erf_record(0x80 | 22, 1_700_000_001, &extensions, &ip(2), length(&ip(2))));
    file.extend(erf_record(48, 0, &[], &[0; 8], 0));
    file.extend(erf_record(
        1,
        1_700_000_001,
        &[],
        &[&[0x0F, 0, 8, 0][..], &ip(3)].concat(),
        length(&ip(3)) + 4,
    ));
    file.extend(erf_record(27, 1_700_000_001, &[], &[0; 8], 8));
    let index = reading(&file, &Options::default()).unwrap();
    check_index(&index);
    assert!(index.damages().is_empty(), "{:?}", index.damages());
    assert_eq!((index.packets(), index.row_count()), (4, 3), "padding is not a packet");
    assert_eq!(index.packet_time_ns(1.into()), Some(1_700_000_000_500_000_000));
    // One record could be anything.
    let one = erf_record(22, 1_700_000_000, &[], &ip(2), length(&ip(2)));
    assert!(is_bytes(&reading(&one, &Options::default()).unwrap()));
    // So could many of a time before there was such a card, or with times that jump about.
    let old = erf_record(22, 1_000, &[], &ip(2), length(&ip(2))).repeat(8);
    assert!(is_bytes(&reading(&old, &Options::default()).unwrap()));
    let jumping: Vec<u8> = [1_700_000_000, 1_600_000_000, 1_700_000_000]
        .iter()
        .flat_map(|&second| erf_record(22, second, &[], &ip(2), length(&ip(2))))
        .collect();
    assert!(is_bytes(&reading(&jumping, &Options::default()).unwrap()));
}

#[test]
fn surveyors_files_are_distinguished_from_snoops_by_their_trailer() {
    let packet = [&[2; 12][..], &[8, 0], &Tcp::data(1, frame(1, "hi")).ip_packet()].concat();
    let with_trailer = |trailer: usize| {
        let length = packet.len() as u32;
        let mut file = b"snoop\0\0\0\0\0\0\x02\0\0\0\x0a".to_vec();
        file.extend(
            [length, length, 24 + length + trailer as u32, 0, 1_700_000_000, 7]
                .map(u32::to_be_bytes)
                .concat(),
        );
        file.extend(&packet);
        file.extend(vec![0; trailer]);
        reading(&file, &Options::default()).unwrap()
    };
    // Kind 10 is Fast Ethernet to one, and Frame Relay to the other.
    assert_eq!(with_trailer(16).row_count(), 1);
    let index = with_trailer(2);
    let (reason, unread) = index.unread_packets().next().unwrap();
    assert!(reason.contains("no link type that is known") && unread.count == 1, "{reason}");
}

#[test]
fn headers_that_can_not_be_read_say_what_is_wrong() {
    for (bytes, what) in [
        (&b"snoop\0\0\0\0\0"[..], "the snoop header needs 16 bytes and the file has 10"),
        (b"snoop\0\0\0\0\0\0\x09\0\0\0\x04", "says version 9; versions 2 to 5 are read"),
        (b"\x34\xcd\xb2\xa1\x02\x00", "the pcap header needs 24 bytes and the file has 6"),
        (b"GMBU\x00\x02\x01\x00", "the NetMon header needs 128 bytes and the file has 8"),
    ] {
        let index = reading(bytes, &Options::default()).unwrap();
        let damage = index.damages()[0].to_string();
        assert!(damage.contains(what), "{damage}");
    }
    let mut header = b"RTSS\x01\x01\x01\x00".to_vec();
    header.resize(128, 0);
    let damage = reading(&header, &Options::default()).unwrap().damages()[0].to_string();
    assert!(damage.contains("the table of frames is at byte 0"), "{damage}");
}

#[test]
fn a_pcap_with_a_damaged_record_stays_a_pcap() {
    let packet = Tcp::data(1, frame(1, "hi")).ip_packet();
    let mut file = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\0\0\0\0\x65\0\0\0".to_vec();
    for i in 0..6_u32 {
        let length = packet.len() as u32;
        file.extend([1_700_000_000 + i, 0, length, length].map(u32::to_le_bytes).concat());
        file.extend(&packet);
    }
    let stride = packet.len() as u64 + 16;
    // In the headers of records.
    for at in (24..file.len()).filter(|at| (*at as u64 - 24) % stride < 16) {
        let mut changed = file.clone();
        changed[at] ^= 0x04;
        let index = reading(&changed, &Options::default()).unwrap();
        // A relative's packets begin at other places.
        let unread = index.unread_packets().find(|(_, unread)| unread.first_packet == 1.into());
        let segments = index.flows().flat_map(|(flow, _)| index.stream_segments(flow, Direction::Forward));
        let mut first =
            segments.filter(|segment| segment.packet == 1.into()).map(|segment| segment.file_offset - 40);
        let begins = first.next().or(unread.map(|(_, unread)| unread.first_offset));
        assert!(begins.is_none_or(|begins| begins % stride == 40), "byte {at}: {begins:?}");
    }
}

#[test]
fn ixias_longer_header_is_read() {
    let packet = Tcp::data(1, frame(1, "hi")).ip_packet();
    for (magic, expected) in
        [(0x1C00_01AC_u32, 1_700_000_000_000_000_123), (0x1C00_01AB, 1_700_000_000_000_123_000)]
    {
        let length = packet.len() as u32;
        let mut file = magic.to_be_bytes().to_vec();
        file.extend([0, 2, 0, 4]);
        file.extend([0, 0, 65_535, 101, 16 + length].map(u32::to_be_bytes).concat());
        file.extend([1_700_000_000, 123, length, length].map(u32::to_be_bytes).concat());
        file.extend(&packet);
        let index = reading(&file, &Options::default()).unwrap();
        assert_eq!((index.row_count(), index.packet_time_ns(1.into())), (1, Some(expected)));
    }
}

#[test]
fn lines_of_a_dump_that_do_not_fit_are_counted_and_the_rest_is_read() {
    let text = fs::read_to_string(foreign("hexdump")).unwrap();
    // The second line of the twelfth packet is lost.
    let at = text.match_indices("000010 ").nth(11).unwrap().0;
    let end = at + text[at..].find('\n').unwrap() + 1;
    let index = reading((text[..at].to_owned() + &text[end..]).as_bytes(), &Options::default()).unwrap();
    assert_eq!(index.packets(), 22);
    let skipped = index.notices().iter().find(|notice| notice.contains("were skipped")).unwrap();
    assert!(skipped.contains("has 3 lines, the first of them line"), "{skipped}");
}

#[test]
fn repeated_lines_of_a_dump_are_put_back() {
    let payload = frame(1, &"x".repeat(200));
    let packet = [&[2; 12][..], &[8, 0], &Tcp::data(1, payload.clone()).ip_packet()].concat();
    let mut text = String::new();
    let mut last = &[][..];
    for (i, line) in packet.chunks(16).enumerate() {
        if line == last {
            text += if text.ends_with("*\n") { "" } else { "*\n" };
        } else {
            let bytes: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            text += &format!("{:08x}  {}\n", i * 16, bytes.join(" "));
        }
        last = line;
    }
    assert!(text.contains("*\n"));
    let index = reading(text.as_bytes(), &Options::default()).unwrap();
    assert_eq!(
        index.row_bytes(&index.row(0.into()).unwrap(), usize::MAX, &mut index.reader()).unwrap(),
        payload
    );
}

#[test]
fn a_few_lines_of_a_dump_do_not_become_a_capture_of_any_size() {
    let packet = "000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n000010 00 01 02 03 04\n000015 00\n*\n03ffff 00\n";
    let text = packet.repeat(500);
    let index = reading(text.as_bytes(), &Options::default()).unwrap();
    assert_eq!(index.packets(), 500);
    let length = index.source().length();
    assert!(length < (1 << 20) + 80 * text.len() as u64, "{length} bytes of {}", text.len());
    assert!(index.notices().iter().any(|notice| notice.contains("were skipped")), "{:?}", index.notices());
}

#[test]
fn an_attached_trace_with_unknown_descriptors_is_conversations() {
    let trace = "read(7, \"\\x01hello\", 100) = 6\nwrite(7, \"\\x03yes\"..., 40) = 40\nwrite(2, \"noise\", 5) = 5\n\
                 read(7, \"\", 100) = 0\n";
    let index = reading(trace.as_bytes(), &Options::default()).unwrap();
    check_index(&index);
    assert_eq!(index.flows().len(), 1);
    let [forward, backward] =
        [Direction::Forward, Direction::Backward].map(|direction| index.stream(0.into(), direction).unwrap());
    // The first packet is what was received.
    assert_eq!((forward.bytes, backward.bytes, backward.gap_bytes()), (6, 4, 36));
    assert!(index.notices().iter().any(|notice| notice.contains("strace -s 65535")), "{:?}", index.notices());
    assert_eq!(index.first_time_ns(), None);
}

#[test]
fn datagrams_of_a_trace_go_to_the_addresses_that_each_call_names() {
    let to =
        |port| format!("{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr(\"10.0.0.9\")}}, 16");
    let trace = format!(
        "12:00:00.5 socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 3\n12:00:01 sendto(3, \"one\", 3, 0, {}) = 3\n\
         12:00:02 sendto(3, \"two\", 3, 0, {}) = 3\n12:00:03 recvfrom(3, \"three\", 99, 0, {}) = 5\n",
        to(7001),
        to(7002),
        to(7001)
    );
    let index = reading(trace.as_bytes(), &Options::default()).unwrap();
    check_index(&index);
    let peers: Vec<String> =
        index.flows().map(|(_, flow)| flow.source(Direction::Backward).unwrap().to_string()).collect();
    assert_eq!(peers, ["10.0.0.9:7001", "10.0.0.9:7002"]);
    assert_eq!(index.stream(0.into(), Direction::Backward).unwrap().bytes, 5);
    assert_eq!(index.packet_time_ns(1.into()), Some(12 * 3_600_000_000_000 + 1_000_000_000));
}
