//! What the tests share: the corpus, and packets made by hand.
#![allow(dead_code, unreachable_pub)]
// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

pub mod turns;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use etherparse::PacketBuilder;
use framescope_capture::export::{Paint, RowSelection, write_text};
use framescope_capture::{Index, Options, Source, read};

pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// The recorded cases, in the order of their names.
pub fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(corpus().join("captures")).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 6, "the corpus is not whole");
    cases
}

pub fn open(path: &Path) -> Index {
    read(Source::open(path).unwrap(), &Options::default(), &mut |_| true).unwrap()
}

/// All that is printed of an index as text.
pub fn printed(index: &Index) -> String {
    let mut printed = Vec::new();
    write_text(index, &mut RowSelection::all(), Paint::Plain, &mut printed).unwrap();
    String::from_utf8(printed).unwrap()
}

/// What was found is what a file has; with `FRAMESCOPE_ACCEPT=1` the file gets it instead, to be read.
pub fn assert_accepted(found: &str, path: &Path) {
    if std::env::var_os("FRAMESCOPE_ACCEPT").is_some() {
        return fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(found, expected, "{}: FRAMESCOPE_ACCEPT=1 accepts it; read it first", path.display());
}

pub fn read_bytes(bytes: Vec<u8>) -> Index {
    read_with(bytes, &Options::default())
}

pub fn read_with(bytes: Vec<u8>, options: &Options) -> Index {
    read(Source::from_bytes("test", bytes), options, &mut |_| true).unwrap()
}

/// A TCP segment to be put into a capture.
#[derive(Clone, Debug)]
pub struct Tcp {
    pub from_client: bool,
    pub sequence: u32,
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: Vec<u8>,
    pub acknowledged: u32,
    pub client_port: u16,
}

impl Tcp {
    pub fn data(sequence: u32, payload: impl Into<Vec<u8>>) -> Tcp {
        Tcp {
            from_client: true,
            sequence,
            syn: false,
            ack: true,
            fin: false,
            rst: false,
            payload: payload.into(),
            acknowledged: 1,
            client_port: 50_000,
        }
    }

    pub fn syn(sequence: u32) -> Tcp {
        Tcp { syn: true, ack: false, ..Tcp::data(sequence, []) }
    }

    pub fn fin(sequence: u32) -> Tcp {
        Tcp { fin: true, ..Tcp::data(sequence, []) }
    }

    /// The packet over IPv4, without a link layer.
    pub fn ip_packet(&self) -> Vec<u8> {
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (src, dst) = if self.from_client { (client, server) } else { (server, client) };
        let (src_port, dst_port) =
            if self.from_client { (self.client_port, 9000) } else { (9000, self.client_port) };
        let mut builder = PacketBuilder::ipv4(src, dst, 64).tcp(src_port, dst_port, self.sequence, 1024);
        if self.syn {
            builder = builder.syn();
        }
        if self.ack {
            builder = builder.ack(self.acknowledged);
        }
        if self.fin {
            builder = builder.fin();
        }
        if self.rst {
            builder = builder.rst();
        }
        let mut out = Vec::new();
        builder.write(&mut out, &self.payload).unwrap();
        out
    }
}

/// A UDP datagram over IP, without a link layer.
pub fn udp_packet(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match (src, dst) {
        (SocketAddr::V4(a), SocketAddr::V4(b)) => PacketBuilder::ipv4(a.ip().octets(), b.ip().octets(), 64)
            .udp(a.port(), b.port())
            .write(&mut out, payload),
        (SocketAddr::V6(a), SocketAddr::V6(b)) => PacketBuilder::ipv6(a.ip().octets(), b.ip().octets(), 64)
            .udp(a.port(), b.port())
            .write(&mut out, payload),
        _ => panic!("addresses of two families"),
    }
    .unwrap();
    out
}

pub const RAW_IP: u32 = 101;

/// A pcap file with microseconds, little-endian. Packet `i` is captured `i` milliseconds after the epoch.
pub fn pcap(link_type: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, link_type] {
        out.extend(field.to_le_bytes());
    }
    for (i, packet) in packets.iter().enumerate() {
        let length = packet.len() as u32;
        for field in [i as u32 / 1000, i as u32 % 1000 * 1000, length, length] {
            out.extend(field.to_le_bytes());
        }
        out.extend(packet);
    }
    out
}

pub fn tcp_pcap(segments: &[Tcp]) -> Vec<u8> {
    pcap(RAW_IP, &segments.iter().map(Tcp::ip_packet).collect::<Vec<_>>())
}

/// What must not depend on how a stream was cut: place, type, kind, fields and problems of every row of a direction.
pub fn rows_of(index: &Index, direction: framescope_parser::Direction) -> Vec<String> {
    let mut reader = index.reader();
    let mut rows = Vec::new();
    for (flow, _) in index.flows() {
        for number in index.stream_rows(flow, direction) {
            let row = index.row(number).unwrap();
            let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
            let mut dissection = index.dissect(number, &bytes);
            // Times, packets and notes may differ.
            dissection.problems.retain(|problem| problem.code.severity() > framescope_parser::Severity::Note);
            rows.push(format!(
                "{flow} {}+{} {} {:?} {:?} {:?}",
                row.offset,
                row.length,
                row.type_name(),
                index.kind(&row),
                dissection.fields,
                dissection.problems
            ));
        }
    }
    rows
}
