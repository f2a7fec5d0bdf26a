//! A proxy between real sockets on this machine: what arrives, how connections end, and what the recording holds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framescope_capture::{Options, Source, read};
use framescope_live::proxy::{Address, Fault, Faults, Proxy, ProxyError, Settings, Target};
use framescope_live::{Edit, Recorder};
use framescope_parser::Direction;
use framescope_parser::missive::{FrameBuf, Kind};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    proxy: Proxy,
    said: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

fn settings(target: SocketAddr, udp: bool) -> Settings {
    let target = Target::Fixed(Address::new(target.ip().to_string(), target.port()));
    Settings { udp, ..Settings::new("0".parse().unwrap(), target) }
}

fn start(settings: &Settings) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, source) = Recorder::to_file(&folder.path().join("proxy.pcapng")).unwrap();
    let options = Options::default();
    let said = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&said);
    let proxy = Proxy::start(settings, recorder, (&source, &options), move |text| {
        all.lock().unwrap().push(text.to_owned())
    })
    .unwrap();
    Running { proxy, said, folder }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.proxy.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Stops it, and returns for each flow of the recording what client and server have sent.
    fn recorded(self) -> Vec<[Vec<u8>; 2]> {
        drop(self.proxy);
        let bytes = std::fs::read(self.folder.path().join("proxy.pcapng")).unwrap();
        let index = read(Source::from_bytes("recording", bytes), &Options::default(), &mut |_| true).unwrap();
        assert!(index.damages().is_empty(), "{:?}", index.damages());
        let mut reader = index.reader();
        let flows = index.flows().map(|(flow, _)| {
            [Direction::Forward, Direction::Backward].map(|direction| {
                let mut bytes = Vec::new();
                index.read_stream((flow, direction), 0..u64::MAX, &mut reader, &mut bytes).unwrap();
                bytes
            })
        });
        flows.collect()
    }
}

/// A server that does something with its first connection.
fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let work = move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        serve(stream)
    };
    (address, std::thread::spawn(work))
}

fn to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it took too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn each_side_may_end_first_and_everything_arrives_and_is_recorded() {
    let (address, server) = server(|mut stream| {
        let request = to_end(&mut stream);
        stream.write_all(&numbers(300_000)).unwrap();
        request
    });
    let running = start(&settings(address, false));
    let mut client = running.connect();
    client.write_all(b"all of the request").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(to_end(&mut client) == numbers(300_000));
    assert_eq!(server.join().unwrap(), b"all of the request");
    let summary = running.proxy.summary();
    assert_eq!((summary.conversations, summary.from_clients, summary.from_targets), (1, 18, 1_200_000));
    let flows = running.recorded();
    assert!(flows == [[b"all of the request".to_vec(), numbers(300_000)]]);

    let (address, server) = self::server(|mut stream| {
        stream.write_all(b"greeting").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        to_end(&mut stream)
    });
    let running = start(&settings(address, false));
    let mut client = running.connect();
    assert_eq!(to_end(&mut client), b"greeting");
    client.write_all(b"still sent").unwrap();
    drop(client);
    assert_eq!(server.join().unwrap(), b"still sent");
    assert_eq!(running.recorded(), [[b"still sent".to_vec(), b"greeting".to_vec()]]);
}

fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_reset_is_passed_on_as_a_reset_after_what_was_sent_before_it() {
    let (address, server) = server(|mut stream| {
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).unwrap();
        stream.read(&mut hello).unwrap_err().kind()
    });
    let running = start(&settings(address, false));
    let mut client = running.connect();
    client.write_all(b"hello").unwrap();
    wait_until(|| running.proxy.summary().from_clients == 5);
    reset(client);
    assert_eq!(server.join().unwrap(), ErrorKind::ConnectionReset);
    assert_eq!(running.recorded(), [[b"hello".to_vec(), Vec::new()]]);

    let (address, server) = self::server(|mut stream| {
        stream.write_all(b"half a mess").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        reset(stream);
    });
    let running = start(&settings(address, false));
    let mut client = running.connect();
    let mut half = [0; 11];
    client.read_exact(&mut half).unwrap();
    client.write_all(b"x").unwrap();
    server.join().unwrap();
    assert_eq!(client.read(&mut half).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(running.recorded(), [[b"x".to_vec(), b"half a mess".to_vec()]]);
}

#[test]
fn a_slow_receiver_slows_the_sender_down() {
    let (address, server) = server(|stream| stream);
    let running = start(&settings(address, false));
    let client = running.connect();
    let receiver = server.join().unwrap();
    client.set_nonblocking(true).unwrap();
    let piece = vec![7; 1 << 16];
    let (mut sent, mut blocked) = (0_u64, 0);
    // The system's buffers fill up, and then nothing more is taken.
    while blocked < 50 {
        match (&client).write(&piece) {
            Ok(count) => (sent, blocked) = (sent + count as u64, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                blocked += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 1 << 30, "the proxy takes everything");
    }
    // The sender's reset is noticed although nothing is read from it.
    reset(client);
    let mut receiver = receiver;
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0_u64;
    let end = loop {
        match receiver.read(&mut buffer) {
            Ok(0) => panic!("an end instead of a reset after {received} of {sent} bytes"),
            Ok(count) => received += count as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    assert!(received <= sent);
}

#[test]
fn a_target_that_refuses_is_a_reset_and_a_sentence() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = start(&settings(closed, false));
    for _ in 0..3 {
        let mut client = running.connect();
        let error = client.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    wait_until(|| running.proxy.summary().failed == 3);
    let said = running.said.lock().unwrap().clone();
    assert_eq!(
        said,
        [format!("{closed} can't be connected to: no program listens there; the client was reset")]
    );
    assert_eq!(running.recorded().len(), 3);
}

#[test]
fn a_hundred_connections_at_once_get_what_is_theirs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
    });
    let running = start(&settings(address, false));
    let mut clients: Vec<TcpStream> = (0..100).map(|_| running.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.write_all(&[number as u8; 1000]).unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let mut echo = [0; 1000];
        client.read_exact(&mut echo).unwrap();
        assert_eq!(echo, [number as u8; 1000]);
    }
    let mut flows = running.recorded();
    flows.sort();
    let expected: Vec<_> = (0..100).map(|number| [vec![number; 1000], vec![number; 1000]]).collect();
    assert!(flows == expected);
}

#[test]
fn datagrams_go_to_the_target_and_answers_to_whoever_asked() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    target.set_read_timeout(Some(PATIENCE)).unwrap();
    let running = start(&settings(target.local_addr().unwrap(), true));
    let clients = [0, 1].map(|_| {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.connect(running.proxy.address()).unwrap();
        client
    });
    let mut buffer = vec![0; 65_536];
    for (number, client) in clients.iter().enumerate() {
        client.send(&vec![number as u8; 60_000 * number]).unwrap();
        let (length, from) = target.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], vec![number as u8; 60_000 * number]);
        target.send_to(&[number as u8 + 10], from).unwrap();
    }
    for (number, client) in clients.iter().enumerate() {
        let length = client.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], [number as u8 + 10]);
    }
    assert_eq!(running.proxy.summary().conversations, 2);
    assert_eq!(running.recorded(), [[vec![], vec![10]], [vec![1; 60_000], vec![11]]]);
}

#[test]
fn a_datagram_that_nothing_receives_is_a_sentence() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = start(&settings(closed, true));
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    wait_until(|| {
        client.send_to(b"hello", running.proxy.address()).unwrap();
        !running.said.lock().unwrap().is_empty()
    });
    let said = running.said.lock().unwrap().clone();
    assert_eq!(said, [format!("a datagram did not reach {closed}: no program receives there")]);
}

#[test]
fn what_cannot_begin_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let start = |settings: &Settings| {
        let (recorder, source) = Recorder::temporary().unwrap();
        Proxy::start(settings, recorder, (&source, &Options::default()), |_| ()).map(drop).unwrap_err()
    };
    let here = settings(taken.local_addr().unwrap(), false);
    let error = start(&Settings { listen: Address::new("127.0.0.1", port), ..here.clone() });
    assert!(
        error.to_string().ends_with("another program listens there: name another port, or 0 for any"),
        "{error}"
    );
    let remote = Settings { target: Target::Fixed(Address::new("192.0.2.1", 9000)), ..here };
    let error = start(&remote);
    assert!(matches!(error, ProxyError::Refused(_)) && error.to_string().contains("--yes-remote"), "{error}");
}

fn with_faults(target: SocketAddr, faults: &[&str]) -> Settings {
    let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let faults = Faults { to_target: faults, to_client: Vec::new(), seed: 1 };
    Settings { faults, ..settings(target, false) }
}

fn ping(sequence: u32) -> Vec<u8> {
    FrameBuf { sequence, ..FrameBuf::new(Kind::PING) }.to_bytes().unwrap()
}

/// Sends through a proxy with faults towards the target, and returns what arrives, and the recording.
fn through(settings: impl Fn(SocketAddr) -> Settings, pieces: &[Vec<u8>]) -> (Vec<u8>, Vec<[Vec<u8>; 2]>) {
    let (address, server) = server(|mut stream| {
        let mut bytes = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut bytes);
        bytes
    });
    let running = start(&settings(address));
    let mut client = running.connect();
    for piece in pieces {
        // It may have been reset.
        let _ = client.write_all(piece);
    }
    let _ = client.shutdown(Shutdown::Write);
    let arrived = server.join().unwrap();
    (arrived, running.recorded())
}

#[test]
fn what_is_cut_is_sent_in_these_pieces_and_everything_arrives() {
    let (address, server) = server(|mut stream| to_end(&mut stream));
    let running = start(&with_faults(address, &["cut=3"]));
    let mut client = running.connect();
    client.write_all(b"0123456789").unwrap();
    drop(client);
    let all = server.join().unwrap();
    assert_eq!(all, b"0123456789");
    let path = running.folder.path().join("proxy.pcapng");
    let Running { proxy, folder, .. } = running;
    drop(proxy);
    let index = read(Source::open(&path).unwrap(), &Options::default(), &mut |_| true).unwrap();
    drop(folder);
    let pieces = index.flows().map(|(flow, _)| {
        let segments = index.stream_segments(flow, Direction::Forward);
        (index.interface(flow).unwrap().to_owned(), segments.map(|segment| segment.length).collect())
    });
    let pieces: Vec<(String, Vec<u32>)> = pieces.collect();
    let expected = [("client side".to_owned(), vec![10]), ("server side".to_owned(), vec![3, 3, 3, 1])];
    assert_eq!(pieces, expected, "both sides are recorded");
}

#[test]
fn a_direction_without_faults_is_recorded_on_both_sides_too() {
    let (address, server) = server(|mut stream| {
        let asked = to_end(&mut stream);
        stream.write_all(b"answer").unwrap();
        asked
    });
    let running = start(&with_faults(address, &["cut=3"]));
    let mut client = running.connect();
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(to_end(&mut client), b"answer");
    server.join().unwrap();
    let both = [b"question".to_vec(), b"answer".to_vec()];
    assert_eq!(running.recorded(), [both.clone(), both]);
}

#[test]
fn bits_are_changed_at_the_same_places_in_every_run_however_the_bytes_came() {
    let whole = vec![vec![0; 100_000]];
    let pieces = vec![vec![0; 1000]; 100];
    let (arrived, flows) = through(|target| with_faults(target, &["flip=0.1%"]), &whole);
    let changed = arrived.iter().filter(|byte| **byte != 0).count();
    assert!(arrived.len() == 100_000 && (50..200).contains(&changed), "{changed}");
    assert!(through(|target| with_faults(target, &["flip=0.1%"]), &pieces).0 == arrived);
    assert!(flows[0][0] == whole[0] && flows[1][0] == arrived, "received, and sent on");
    let joined = through(
        |target| with_faults(target, &["flip=0.1%", "join=7000", "delay=5ms", "jitter=5ms"]),
        &pieces,
    );
    assert!(joined.0 == arrived);
}

#[test]
fn a_connection_is_reset_after_so_many_bytes_or_messages() {
    let pings: Vec<Vec<u8>> = (0..5).map(ping).collect();
    let (arrived, flows) = through(|target| with_faults(target, &["reset-after=47B"]), &pings);
    assert!(pings.concat()[..47] == arrived && flows[1][0] == arrived, "{arrived:?}");
    let (arrived, _) = through(|target| with_faults(target, &["reset-after=2"]), &pings);
    assert_eq!(arrived, pings[..2].concat());
}

#[test]
fn whole_messages_are_lost_doubled_and_swapped_on_a_connection() {
    let pings: Vec<Vec<u8>> = (0..4).map(ping).collect();
    // In pieces that are no messages.
    let pieces: Vec<Vec<u8>> = pings.concat().chunks(7).map(<[u8]>::to_vec).collect();
    let of =
        |numbers: &[usize]| numbers.iter().flat_map(|number| pings[*number].clone()).collect::<Vec<u8>>();
    for (fault, order) in [
        ("drop=100%", &[][..]),
        ("duplicate=100%", &[0, 0, 1, 1, 2, 2, 3, 3]),
        ("reorder=100%", &[1, 0, 3, 2]),
        ("drop=0%", &[0, 1, 2, 3]),
    ] {
        let (arrived, _) = through(|target| with_faults(target, &[fault]), &pieces);
        assert!(arrived == of(order), "{fault}: {arrived:?}");
    }
    let (arrived, _) = through(|target| with_faults(target, &["drop=100%"]), &[vec![0xA7; 30]]);
    assert_eq!(arrived, [0xA7; 30], "what is not a message is passed on");
}

#[test]
fn a_field_is_changed_on_the_way_and_its_checks_hold() {
    let edit = Edit::parse("kind == PING: sequence += 5", &Options::default()).unwrap();
    let change = |target| Settings { edits: vec![edit.clone()], ..settings(target, false) };
    let (arrived, flows) = through(change, &[ping(1), ping(2)]);
    assert_eq!(arrived, [ping(6), ping(7)].concat());
    assert_eq!((&flows[0][0], &flows[1][0]), (&[ping(1), ping(2)].concat(), &arrived));
}

#[test]
fn a_rate_slows_a_direction_down_to_it() {
    let (address, server) = server(|mut stream| to_end(&mut stream));
    let running = start(&with_faults(address, &["throttle=200000/s"]));
    let begin = Instant::now();
    let mut client = running.connect();
    client.write_all(&[0; 50_000]).unwrap();
    drop(client);
    assert_eq!(server.join().unwrap().len(), 50_000);
    // A fast machine is no faster.
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());
}

#[test]
fn datagrams_are_lost_and_doubled_on_purpose_and_connections_faults_are_refused() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    target.set_read_timeout(Some(PATIENCE)).unwrap();
    let to_target = vec!["duplicate=100%".parse().unwrap()];
    let faults = Faults {
        to_target,
        to_client: vec!["drop=100%".parse().unwrap(), "delay=1ms".parse().unwrap()],
        seed: 1,
    };
    let running = start(&Settings { faults, ..settings(target.local_addr().unwrap(), true) });
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"twice", running.proxy.address()).unwrap();
    let mut buffer = [0; 100];
    for _ in 0..2 {
        let (length, from) = target.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"twice");
        target.send_to(b"lost", from).unwrap();
    }
    wait_until(|| running.proxy.summary().from_targets == 8);
    let [outside, inside] = &running.recorded()[..] else { panic!("two flows") };
    assert_eq!(outside, &[b"twice".to_vec(), vec![]]);
    assert_eq!(inside, &[b"twicetwice".to_vec(), b"lostlost".to_vec()]);
    let faults = Faults { to_target: vec!["cut=3".parse().unwrap()], ..Faults::default() };
    let (recorder, source) = Recorder::temporary().unwrap();
    let settings = Settings { faults, ..settings(target.local_addr().unwrap(), true) };
    let error =
        Proxy::start(&settings, recorder, (&source, &Options::default()), |_| ()).map(drop).unwrap_err();
    assert!(error.to_string().contains("datagrams are neither cut nor joined"), "{error}");
}
