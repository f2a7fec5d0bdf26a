//! Cuts seeds out of the recorded captures: `cargo run -p framescope-oracles --example seeds`.
//!
//! Writes into corpus/seeds/. Names are those of the contents, so a second run changes nothing.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use framescope_capture::export::{RowSelection, seeds};
use framescope_capture::filter::Column;
use framescope_capture::{Options, Source, read};
use framescope_ksy::Described;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{Code, Direction, with_built_in};

/// A fuzzer changes short inputs faster; what is longer is left to the capture oracle.
const LONGEST: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut written = 0;
    for case in fs::read_dir(corpus.join("captures"))? {
        let case = case?.path();
        let name = case.file_name().and_then(|name| name.to_str()).unwrap_or("case").to_owned();
        let path = case.join("capture.pcapng");
        let index = read(Source::open(&path)?, &Options::default(), &mut |_| true)?;
        let seeds = seeds(&index, &mut RowSelection::all(), LONGEST)?;
        let folder = corpus.join("seeds/frames");
        fs::create_dir_all(&folder)?;
        for seed in &seeds {
            fs::write(folder.join(format!("{name}-{}", seed.name)), &seed.bytes)?;
            written += 1;
        }
        let folder = corpus.join("seeds/capture");
        fs::create_dir_all(&folder)?;
        let bytes = fs::read(&path)?;
        if bytes.len() <= 16 * LONGEST {
            fs::write(folder.join(&name), bytes)?;
            written += 1;
        }
    }
    // Checksums are kept for every 256 bytes: one frame begins at such a place behind another, one does not.
    for apart in [496, 512] {
        fs::write(corpus.join(format!("seeds/frames/claims-of-thousands-{apart}")), claims(apart)?)?;
        written += 1;
    }
    written += packets(&corpus)? + descriptions(&corpus)? + own(&corpus)? + foreign(&corpus)?;
    let folder = corpus.join("seeds/filter");
    fs::create_dir_all(&folder)?;
    for (i, filter) in FILTERS.iter().enumerate() {
        fs::write(folder.join(format!("{i:02}")), filter)?;
        written += 1;
    }
    let dictionaries = corpus.join("../fuzz/dictionaries");
    fs::write(dictionaries.join("filter.dict"), words_of_filters())?;
    eprintln!("{written} seeds");
    Ok(())
}

/// Headers that all claim the same thousands of bytes, so far apart, with checksums that fail: the longest seed, which tells libFuzzer
/// how long a stream may become.
fn claims(apart: usize) -> Result<Vec<u8>, framescope_parser::Error> {
    let frame =
        |payload: Vec<u8>| FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).payload(payload).to_bytes();
    let mut stream = frame(vec![b'x'; 4500])?;
    for _ in 0..2 {
        stream = frame([&vec![b'y'; apart - 20][..], &stream].concat())?;
        *stream.last_mut().unwrap_or(&mut 0) ^= 1;
    }
    stream.extend([0; 20]);
    Ok(stream)
}

/// Every column, code and sign of the filter's language, as a dictionary of libFuzzer.
fn words_of_filters() -> String {
    let columns = Column::ALL.iter().map(|(_, name, _)| *name);
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let words = [
        " and ",
        " or ",
        "not ",
        " in {",
        "}",
        "..",
        " contains ",
        " matches ",
        " == ",
        " != ",
        " <= ",
        " >= ",
        " < ",
        " > ",
        "(",
        ")",
        "x\\\"f54d\\\"",
        "\\\"",
        "0x",
        "1.5ms",
        "2026-01-02T03:04:05Z",
        "10.0.0.0/8",
        "[::1]:9000",
        "payload.user",
        "flags.reply",
        "extensions.timestamp",
        "missive.",
        "warning",
        "error",
        "note",
        "forward",
        "backward",
        "tcp",
        "udp",
        "file",
        "message",
        "skipped",
        "gap",
        "partial",
        "LOGIN",
        "DATA",
    ];
    let all = columns.chain(codes).chain(words).map(|word| format!("\"{word}\"\n"));
    "# Columns, codes and signs of the filter's language; made by the example that makes the seeds.\n"
        .to_owned()
        + &all.collect::<String>()
}

/// One of each thing that the filter's language has.
const FILTERS: [&str; 24] = [
    "kind == LOGIN",
    "missive.kind == DATA and payload contains \"hello\"",
    "not (type in {gap, partial}) or severity >= warning",
    "problems",
    "problems contains checksum-mismatch",
    "length in 20..100",
    "length in {1, 0x14..30, 44}",
    "time > 0.5s",
    "time >= 2026-01-02T03:04:05Z",
    "latency <= 1min30s",
    "src == 127.0.0.1 && dst.port == 9000",
    "ip in {10.0.0.0/8, ::1, [::1]:9000}",
    "summary matches \"^user (ada|bo)$\"",
    "bytes contains x\"f5 4d\"",
    "!flags.reply || flags.checksum == true",
    "sequence != 3",
    "payload.user == \"陈\"",
    "extensions.timestamp.value > 1000000",
    "flow == 0 and direction == forward and transport == tcp and protocol == missive",
    "reply_to and not answered_by",
    "packet in 3..7 and row < 10 and offset > 0 and part_of",
    "text ~ \"a\\\\.b\"",
    "checksum == 0xffff_ffff",
    "kind in {0x80, LOGOUT}",
];

/// Each description with the beginning of what either side said in the capture beside it.
fn descriptions(corpus: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let (formats, folder) = (corpus.join("formats"), corpus.join("seeds/described"));
    fs::create_dir_all(&folder)?;
    let mut written = 0;
    for entry in fs::read_dir(&formats)? {
        let path = entry?.path().join("capture.pcapng");
        let Some(name) = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()) else {
            continue;
        };
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(formats.join(name).with_extension("ksy"))?;
        // Remarks teach a fuzzer nothing.
        let text: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let index = read(Source::open(&path)?, &Options::default(), &mut |_| true)?;
        let mut reader = index.reader();
        for direction in [Direction::Forward, Direction::Backward] {
            let mut bytes = Vec::new();
            for (flow, _) in index.flows() {
                for segment in index.stream_segments(flow, direction) {
                    reader.read(segment.file_offset, segment.length as usize, &mut bytes)?;
                }
            }
            bytes.truncate(600);
            let seed = [text.join("\n").as_bytes(), framescope_oracles::END_OF_DESCRIPTION, &bytes].concat();
            fs::write(folder.join(format!("{name}-{direction}")), seed)?;
            written += 1;
        }
    }
    Ok(written)
}

/// The messages of MQTT, which the target `own` takes where it is told of no other protocol.
fn own(corpus: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let described = Described::from_file(&corpus.join("formats/mqtt.ksy"))?;
    let protocols = with_built_in(vec![Arc::new(described)]);
    let options = Options { protocols, decode_as: vec!["tcp=mqtt".parse()?], ..Options::default() };
    let index = read(Source::open(&corpus.join("formats/mqtt/capture.pcapng"))?, &options, &mut |_| true)?;
    let folder = corpus.join("seeds/own");
    fs::create_dir_all(&folder)?;
    let seeds = seeds(&index, &mut RowSelection::all(), LONGEST)?;
    for seed in &seeds {
        fs::write(folder.join(&seed.name), &seed.bytes)?;
    }
    Ok(seeds.len())
}

/// Captures of other kinds, as they are.
fn foreign(corpus: &Path) -> std::io::Result<usize> {
    let mut written = 0;
    for folder in ["read", "named"] {
        for file in fs::read_dir(corpus.join("foreign").join(folder))? {
            let file = file?;
            let name = file.file_name().to_string_lossy().replace("text-echo.", "");
            fs::copy(file.path(), corpus.join("seeds/capture").join(format!("foreign-{name}")))?;
            written += 1;
        }
    }
    Ok(written)
}

/// The first packets of each capture: one by one, behind the two bytes that the oracle takes for itself; and as pcap files, which
/// are written in four ways.
fn packets(corpus: &Path) -> std::io::Result<usize> {
    let mut written = 0;
    let folders = ["packet", "capture"].map(|oracle| corpus.join("seeds").join(oracle));
    for case in fs::read_dir(corpus.join("captures"))? {
        let case = case?.path();
        let name = case.file_name().and_then(|name| name.to_str()).unwrap_or("case").to_owned();
        let file = fs::read(case.join("capture.pcapng"))?;
        let packets = first_packets(&file, 12);
        for (i, packet) in packets.iter().take(8).enumerate() {
            // Every recording is of the loopback interface, which is an Ethernet for tcpdump.
            let seed = [&[1, 0], *packet].concat();
            fs::write(folders[0].join(format!("{name}-{i}")), seed)?;
            written += 1;
        }
        if name == "missive-udp" {
            for (link, wrapped) in
                wrapped(packets.first().and_then(|packet| packet.get(14..)).unwrap_or_default())
            {
                fs::write(folders[0].join(format!("in-{link}")), wrapped)?;
                written += 1;
            }
        }
        for (way, magic) in [("microseconds", 0xA1B2_C3D4_u32), ("nanoseconds", 0xA1B2_3C4D)] {
            for (order, bytes) in
                [("little", u32::to_le_bytes as fn(u32) -> [u8; 4]), ("big", u32::to_be_bytes)]
            {
                fs::write(folders[1].join(format!("{name}-{way}-{order}")), pcap(magic, bytes, &packets))?;
                written += 1;
            }
        }
    }
    Ok(written)
}

/// An IP packet as other links and tunnels carry it, behind the number that the oracle has for the link.
fn wrapped(ip: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let tunnel = |protocol: u8, head: &[u8]| {
        let length = u16::try_from(20 + head.len() + ip.len()).unwrap_or(u16::MAX).to_be_bytes();
        let outer =
            [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        [&[7, 0][..], &outer, head, ip].concat()
    };
    let vxlan = |port: u16, flags: u8| {
        let length = u16::try_from(8 + 8 + 14 + ip.len()).unwrap_or(u16::MAX).to_be_bytes();
        let port = port.to_be_bytes();
        let udp = [0x9C, 0x40, port[0], port[1], length[0], length[1], 0, 0, flags, 0, 0, 0, 0, 0, 7, 0];
        tunnel(17, &[&udp[..], &[2; 12], &[8, 0]].concat())
    };
    let gre_in_udp = {
        let length = u16::try_from(8 + 4 + ip.len()).unwrap_or(u16::MAX).to_be_bytes();
        [0x9C, 0x40, 0x12, 0x92, length[0], length[1], 0, 0, 0, 0, 8, 0]
    };
    // The length of a logged packet counts its own head.
    let logged = u16::try_from(4 + ip.len()).unwrap_or(u16::MAX).to_le_bytes();
    let behind = |link: u8, head: &[u8]| [&[link, 0][..], head, ip].concat();
    vec![
        ("null", behind(0, &[2, 0, 0, 0])),
        ("loop", behind(9, &[0, 0, 0, 2])),
        ("raw", behind(7, &[])),
        ("ppp", behind(2, &[0xFF, 3, 0, 0x21])),
        ("hdlc", behind(8, &[0x0F, 0, 8, 0])),
        ("pppoe", behind(6, &[0x11, 0, 0, 1, 0, 40, 0, 0x21])),
        ("sll", behind(10, &[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0])),
        ("sll2", behind(14, &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0])),
        ("nflog", behind(17, &[&[2, 0, 0, 30, 8, 0, 1, 0, 8, 0, 0, 0][..], &logged, &[9, 0]].concat())),
        ("backbone", behind(1, &[&[2; 12][..], &[0x88, 0xE7, 0, 0, 0, 7], &[2; 12], &[8, 0]].concat())),
        ("mpls", behind(11, &[0, 1, 0x11, 64])),
        ("vlan", behind(1, &[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x81, 0, 0, 7, 8, 0])),
        ("llc", behind(1, &[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 100, 0xAA, 0xAA, 3, 0, 0, 0, 8, 0])),
        ("ip-in-ip", tunnel(4, &[])),
        ("gre", tunnel(47, &[0x20, 0, 8, 0, 0, 0, 0, 1])),
        ("vxlan", vxlan(4789, 0x08)),
        ("vxlan-policy", vxlan(4789, 0x88)),
        ("gre-in-udp", tunnel(17, &gre_in_udp)),
        ("geneve", tunnel(17, &[0x9C, 0x40, 0x17, 0xC1, 0, 60, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0])),
    ]
}

fn pcap(magic: u32, bytes: fn(u32) -> [u8; 4], packets: &[&[u8]]) -> Vec<u8> {
    let version = if bytes(1) == 1u32.to_be_bytes() { 0x0002_0004 } else { 0x0004_0002 };
    let mut out: Vec<u8> = [magic, version, 0, 0, 65_535, 1].into_iter().flat_map(bytes).collect();
    for (i, packet) in (0u32..).zip(packets) {
        let length = u32::try_from(packet.len()).unwrap_or(0);
        out.extend([i, 7, length, length].into_iter().flat_map(bytes));
        out.extend_from_slice(packet);
    }
    out
}

/// The first enhanced packet blocks of the recorder, which writes little-endian.
fn first_packets(file: &[u8], most: usize) -> Vec<&[u8]> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(head) = file.get(at..at + 28).filter(|_| found.len() < most) {
        let word = |at: usize| {
            let bytes = head.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let (block_type, length, captured) = (word(0), word(4) as usize, word(20) as usize);
        if block_type == 6
            && let Some(packet) = file.get(at + 28..at + 28 + captured)
        {
            found.push(packet);
        }
        at += length.max(12);
    }
    found
}
