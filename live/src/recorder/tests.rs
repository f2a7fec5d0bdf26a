#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Mutex;

use framescope_capture::{Options, read};
use framescope_parser::Direction;

use super::*;

/// A file in memory on a disk that may be full.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Option<usize>,
}

impl Appends for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.bytes.lock().unwrap();
        if self.room.is_some_and(|room| all.len() + bytes.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        all.extend_from_slice(bytes);
        Ok(())
    }
}

impl Disk {
    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

/// What a recording brings: for each flow its interface, and the bytes from client and server.
fn streams(bytes: Vec<u8>) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let index = read(Source::from_bytes("recording", bytes), &Options::default(), &mut |_| true).unwrap();
    assert!(index.damages().is_empty(), "{:?}", index.damages());
    let mut reader = index.reader();
    let mut side = |flow, direction| {
        let mut bytes = Vec::new();
        index.read_stream((flow, direction), 0..u64::MAX, &mut reader, &mut bytes).unwrap();
        bytes
    };
    let flows = index.flows().map(|(flow, _)| {
        let interface = index.interface(flow).unwrap().to_owned();
        (interface, side(flow, Direction::Forward), side(flow, Direction::Backward))
    });
    flows.collect()
}

const CLIENT: &str = "10.0.0.1:5000";
const SERVER: &str = "10.0.0.2:9000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_le_bytes).collect()
}

/// What tshark says of a recording's packets; None where it is not installed.
fn tshark(bytes: &[u8], arguments: &[&str]) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let checks = ["ip", "tcp", "udp"].map(|protocol| format!("{protocol}.check_checksum:TRUE"));
    let mut command = std::process::Command::new("tshark");
    command.arg("-n").arg("-r").arg(file.path()).args(checks.iter().flat_map(|check| ["-o", check]));
    let output = command.args(arguments).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn sequence_numbers_wrap_after_four_gibibytes() {
    let disk = Disk::default();
    let recorder = Recorder::by(disk.clone()).unwrap();
    let ends = [address(CLIENT), address(SERVER)];
    let mut recorded = recorder.connection_from(Leg::ONLY, ends, [u32::MAX - 70_000, u32::MAX - 3]);
    let bytes = numbers(50_000);
    bytes.chunks(70_000).for_each(|piece| recorded.data(Role::Client, piece));
    recorded.data(Role::Server, b"answer");
    recorded.end(Role::Client);
    recorded.end(Role::Server);
    drop((recorded, recorder));
    let [(interface, client, server)] = &streams(disk.bytes())[..] else { panic!("one flow") };
    assert_eq!(interface, "framescope");
    assert!(*client == bytes && server == b"answer");
    // Only the last segment before the wrap and the first after it could be out of order or lost.
    let Some(found) = tshark(&disk.bytes(), &["-Y", "tcp.analysis.flags"]) else { return };
    assert_eq!(found, "");
}

#[test]
fn each_leg_is_an_interface_and_either_side_may_end_first() {
    let disk = Disk::default();
    let recorder = Recorder::by(disk.clone()).unwrap();
    let mut inner = recorder.connection(Leg::SERVER_SIDE, address("[::1]:6000"), address("[::1]:9000"));
    let mut outer = recorder.connection(Leg::CLIENT_SIDE, address(CLIENT), address(SERVER));
    outer.data(Role::Client, b"all of it");
    outer.end(Role::Client);
    outer.data(Role::Client, b"too late");
    inner.data(Role::Client, b"other");
    inner.reset(Role::Server);
    inner.data(Role::Client, b"too late");
    inner.end(Role::Client);
    outer.data(Role::Server, b"half-closed ");
    outer.data(Role::Server, b"answers");
    outer.end(Role::Server);
    drop((inner, outer, recorder));
    let expected = [
        ("server side".to_owned(), b"other".to_vec(), Vec::new()),
        ("client side".to_owned(), b"all of it".to_vec(), b"half-closed answers".to_vec()),
    ];
    assert_eq!(streams(disk.bytes()), expected);
    let fields = ["-T", "fields", "-e", "tcp.stream", "-e", "tcp.flags.str", "-e", "tcp.len"];
    let Some(found) = tshark(&disk.bytes(), &fields) else { return };
    let found = found.replace(['\u{b7}', '.'], "");
    let expected =
        "0 S 0|0 AS 0|0 A 0|1 S 0|1 AS 0|1 A 0|1 AP 9|1 AF 0|1 A 0|0 AP 5|0 AR 0|1 AP 12|1 AP 7|1 AF 0|1 A 0";
    assert_eq!(found.trim().replace('\n', "|").replace('\t', " "), expected);
}

#[test]
fn checksums_are_right_for_each_transport_and_family() {
    let disk = Disk::default();
    let recorder = Recorder::by(disk.clone()).unwrap();
    let pairs = [(CLIENT, SERVER), ("[2001:db8::1]:1", "[2001:db8::2]:2"), (CLIENT, "[2001:db8::3]:3")];
    for (client, server) in pairs.map(|(client, server)| (address(client), address(server))) {
        let mut recorded = recorder.connection(Leg::ONLY, client, server);
        for length in [1, 2, 3, 59_999, 60_000, 60_001, 65_535] {
            recorded.data(Role::Client, &numbers(20_000)[..length]);
            recorded.data(Role::Server, &vec![0xFF; length]);
            recorder.datagram(Leg::ONLY, server, client, &numbers(20_000)[..length.min(65_507)]);
        }
        recorder.datagram(Leg::ONLY, client, server, b"");
    }
    drop(recorder);
    let bad = "ip.checksum.status == Bad || tcp.checksum.status == Bad || udp.checksum.status == Bad";
    let Some(found) = tshark(&disk.bytes(), &["-Y", bad]) else { return };
    assert_eq!(found, "");
    let odd = tshark(&disk.bytes(), &["-Y", "tcp.analysis.flags || udp.length.bad"]).unwrap();
    assert_eq!(odd, "");
    let good = "(ip || ipv6) && (tcp.checksum.status == Good || udp.checksum.status == Good)";
    assert_eq!(
        tshark(&disk.bytes(), &["-Y", good]).unwrap().lines().count(),
        tshark(&disk.bytes(), &[]).unwrap().lines().count()
    );
}

#[test]
fn on_a_full_disk_the_recording_ends_with_a_whole_block_and_says_why() {
    let disk = Disk { room: Some(1 << 20), ..Disk::default() };
    let recorder = Recorder::by(disk.clone()).unwrap();
    assert_eq!(recorder.failure(), None);
    let mut recorded = recorder.connection(Leg::ONLY, address(CLIENT), address(SERVER));
    let bytes = numbers(4000);
    (0..100).for_each(|_| recorded.data(Role::Client, &bytes));
    recorder.flush();
    let failure = recorder.failure().unwrap();
    assert!(failure.starts_with("the recording can't be written further"), "{failure}");
    drop((recorded, recorder));
    let [(_, client, _)] = &streams(disk.bytes())[..] else { panic!("one flow") };
    assert!(!client.is_empty() && client.chunks(bytes.len()).all(|piece| piece == bytes));
}

#[test]
fn what_is_recorded_from_many_threads_is_whole_and_in_order() {
    let disk = Disk::default();
    let recorder = Recorder::by(disk.clone()).unwrap();
    std::thread::scope(|scope| {
        for port in 1..=8 {
            let client = SocketAddr::new([10, 0, 0, 1].into(), port);
            let recorder = recorder.clone();
            scope.spawn(move || {
                let mut recorded = recorder.connection(Leg::ONLY, client, address(SERVER));
                numbers(25_000).chunks(1000).for_each(|piece| recorded.data(Role::Client, piece));
                recorded.end(Role::Client);
            });
        }
    });
    drop(recorder);
    let streams = streams(disk.bytes());
    assert_eq!(streams.len(), 8);
    assert!(streams.iter().all(|(_, client, _)| *client == numbers(25_000)));
}

#[test]
fn what_was_flushed_is_visible_while_the_recording_goes_on_and_it_ends_with_the_last_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, source) = Recorder::to_file(&folder.path().join("live.pcapng")).unwrap();
    let begin = source.length();
    assert!(begin > 0 && source.is_growing());
    let mut recorded = recorder.connection(Leg::ONLY, address(CLIENT), address(SERVER));
    drop(recorder);
    recorded.data(Role::Client, b"hello");
    recorded.recorder.flush();
    assert!(source.length() > begin && source.is_growing());
    drop(recorded);
    assert!(!source.is_growing());
    let [(_, client, _)] = &streams(std::fs::read(folder.path().join("live.pcapng")).unwrap())[..] else {
        panic!()
    };
    assert_eq!(client, b"hello");
}
