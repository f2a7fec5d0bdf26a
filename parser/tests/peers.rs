//! Real peers over real loopback sockets: the chat server and client of the examples, and those in Python.

// A test says what is wrong by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

#[path = "../examples/connection/mod.rs"]
mod connection;
mod support;

use std::collections::BTreeMap;
use std::env::consts::EXE_EXTENSION as EXE;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use connection::Connection;
use framescope_parser::missive::{Decoder, Flags, FrameBuf, Item, Kind, Missive, Payload};
use support::{python, repository};

/// Longer than any step should take.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Which peer takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Language {
    Rust,
    Python,
}

/// A program that runs beside the test, and its standard output line by line.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    fn start(mut command: Command) -> Program {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || output.lines().try_for_each(|line| sender.send(line.unwrap())));
        Program { input: child.stdin.take(), child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(TOO_LONG).unwrap_or_else(|error| panic!("the program says nothing: {error}"))
    }

    fn write(&mut self, text: &str) {
        self.try_write(text).unwrap();
    }

    /// An error of the kind `BrokenPipe` means that the program has ended, or reads no more.
    fn try_write(&mut self, text: &str) -> io::Result<()> {
        self.input.as_mut().unwrap().write_all(text.as_bytes())
    }

    /// Ends its input, and returns whether it succeeded, the rest of its output, and its errors.
    fn finish(mut self) -> (bool, Vec<String>, String) {
        drop(self.input.take());
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let success = self.child.wait().unwrap().success();
        (success, self.lines.iter().collect(), errors)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A failing test leaves no process running.
        let _ = self.child.kill();
    }
}

/// An example of this package. Cargo builds them with the tests, unless only one test was requested.
fn example(name: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().unwrap().parent().unwrap();
        let folder = profile.join("examples");
        let age = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let sources = ["examples", "examples/connection", "src", "src/missive"].map(|folder| {
            let folder = repository().join("parser").join(folder).read_dir().unwrap();
            folder.filter_map(|file| age(&file.unwrap().path())).max()
        });
        let binaries = ["chat_server", "chat_client"].map(|name| age(&folder.join(name).with_extension(EXE)));
        if binaries.iter().min() < sources.iter().max() {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--examples", "-p", "framescope-parser"]).current_dir(repository());
            build.arg("--target-dir").arg(profile.parent().unwrap());
            if profile.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success());
        }
        folder
    });
    Command::new(folder.join(name).with_extension(EXE))
}

fn peer(language: Language, name: &str) -> Option<Command> {
    match language {
        Language::Rust => Some(example(name)),
        Language::Python => {
            let mut command = python()?;
            command.arg(repository().join("corpus/peers").join(name).with_extension("py"));
            Some(command)
        }
    }
}

struct Server {
    program: Program,
    address: String,
}

impl Server {
    fn start(language: Language, idle_seconds: f64) -> Option<Server> {
        let mut command = peer(language, "chat_server")?;
        command.args(["127.0.0.1:0".to_owned(), idle_seconds.to_string()]);
        let program = Program::start(command);
        let said = program.line();
        let address = said.strip_prefix("listening on ").unwrap_or_else(|| panic!("{said}")).to_owned();
        Some(Server { program, address })
    }

    /// Stops it, and returns how many messages it took, relayed and refused.
    fn stop(self) -> [u64; 3] {
        let (success, lines, errors) = self.program.finish();
        assert!(success, "{errors}");
        let last = lines.last().unwrap_or_else(|| panic!("{errors}"));
        let mut numbers = last.split(' ').filter_map(|word| word.parse().ok());
        [(); 3].map(|()| numbers.next().unwrap_or_else(|| panic!("{last}")))
    }
}

fn client(language: Language, address: &str, user: &str, channel: u16) -> Option<Program> {
    let mut command = peer(language, "chat_client")?;
    command.args([address, user, &channel.to_string()]);
    Some(Program::start(command))
}

/// Waits until somebody in the room hears `speaker`, who says it again and again: then both are in.
fn meet(speaker: &mut Program, name: &str, listener: &Program) -> u64 {
    let start = Instant::now();
    for said in 1.. {
        speaker.write("anybody here?\n");
        if let Ok(line) = listener.lines.recv_timeout(Duration::from_millis(100)) {
            assert_eq!(line, format!("{name}: anybody here?"));
            // What was said meanwhile arrives too.
            speaker.write("there you are\n");
            while listener.line() != format!("{name}: there you are") {}
            return said + 1;
        }
        assert!(start.elapsed() < TOO_LONG, "no one hears {name}");
    }
    unreachable!()
}

/// Two clients talk through a server, and hear each other.
fn conversation(server: Language, clients: [Language; 2], proxied: bool) {
    let Some(server) = Server::start(server, 30.0) else { return };
    let address = if proxied { proxy(&server.address) } else { server.address.clone() };
    let Some(mut ada) = client(clients[0], &address, "ada", 3) else { return };
    let Some(mut chen) = client(clients[1], &address, "陈", 3) else { return };
    let before = meet(&mut ada, "ada", &chen);
    let lines: Vec<String> = (0..40)
        .map(|i| match i % 4 {
            0 => format!("line {i}"),
            1 => format!("第{i}行 👋"),
            2 => String::new(),
            // Longer than one frame: it goes in parts, and is heard whole.
            _ => "长".repeat(500 * i),
        })
        .collect();
    for line in &lines {
        ada.write(&format!("{line}\n"));
        chen.write(&format!("{line}\n"));
    }
    for line in &lines {
        assert_eq!(ada.line(), format!("陈: {line}"));
        assert_eq!(chen.line(), format!("ada: {line}"));
    }
    for client in [ada, chen] {
        let (success, rest, errors) = client.finish();
        assert!(success, "{errors}");
        assert!(rest.is_empty(), "{rest:?}");
    }
    let [taken, relayed, refused] = server.stop();
    assert_eq!((taken, refused), (before + 80, 0));
    assert!(relayed >= 81, "{relayed}");
}

const PAIRINGS: [(Language, [Language; 2]); 4] = [
    (Language::Rust, [Language::Rust, Language::Rust]),
    (Language::Rust, [Language::Python, Language::Rust]),
    (Language::Python, [Language::Rust, Language::Python]),
    (Language::Python, [Language::Python, Language::Python]),
];

#[test]
fn rust_and_python_peers_talk_in_all_pairings() {
    for (server, clients) in PAIRINGS {
        conversation(server, clients, false);
    }
}

#[test]
fn they_talk_also_when_bytes_are_cut_joined_and_delayed() {
    for (server, clients) in PAIRINGS {
        conversation(server, clients, true);
    }
}

/// A proxy to `server` that passes bytes on in other pieces than they arrived in. Returns its address.
fn proxy(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, server) = (listener.local_addr().unwrap().to_string(), server.to_owned());
    thread::spawn(move || {
        for (seed, near) in (1..).zip(listener.incoming()) {
            let (near, far) = (near.unwrap(), TcpStream::connect(&server).unwrap());
            let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
            thread::spawn(move || pass_on(near, far, seed));
            thread::spawn(move || pass_on(back.0, back.1, seed + 1000));
        }
    });
    address
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, seed: u32) {
    let mut state = seed;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    to.set_nodelay(true).unwrap();
    let (mut buffer, mut held) = (vec![0; 65_536], Vec::new());
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        held.extend_from_slice(&buffer[..length]);
        // Joined: bytes are kept for the next ones, for a moment.
        from.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        while random(2) == 0 {
            match from.read(&mut buffer) {
                Ok(length @ 1..) => held.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
        from.set_read_timeout(None).unwrap();
        // Cut: anywhere, and sometimes with a delay before the rest.
        while !held.is_empty() {
            let most = [3, 30, 1500, 20_000][random(4) as usize];
            let piece = (1 + random(most) as usize).min(held.len());
            if to.write_all(&held[..piece]).is_err() {
                return;
            }
            held.drain(..piece);
            if random(40) == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

fn bytes(frame: FrameBuf) -> Vec<u8> {
    frame.to_bytes().unwrap()
}

fn login(user: &str) -> FrameBuf {
    let credential = format!("secret of {user}");
    FrameBuf::of(Payload::Login { user, credential: credential.as_bytes() }).unwrap()
}

/// Reads until the peer ends the connection or has sent something of that kind, and returns what it sent.
fn read_until(socket: &mut TcpStream, kind: Option<Kind>) -> Vec<FrameBuf> {
    let (mut decoder, mut frames) = (Decoder::new(Missive::default()), Vec::new());
    socket.set_read_timeout(Some(TOO_LONG)).unwrap();
    while decoder.read_from(socket).unwrap_or(0) > 0 {
        while let Some(received) = decoder.receive() {
            frames.push(received.into_frame().unwrap().to_frame_buf());
        }
        if kind.is_some_and(|kind| frames.iter().any(|frame| frame.kind == kind)) {
            break;
        }
    }
    frames
}

#[test]
fn a_client_that_vanishes_stalls_or_sends_nonsense_hurts_no_other() {
    for language in [Language::Rust, Language::Python] {
        let Some(server) = Server::start(language, 30.0) else { continue };
        let connect = || TcpStream::connect(&server.address).unwrap();

        // Sends something that is not a frame: gets an error, and the connection ends.
        let mut noisy = connect();
        noisy.write_all(b"GET / HTTP/1.1\r\n\r\nand something more than twenty bytes").unwrap();
        let replies = read_until(&mut noisy, None);
        assert_eq!(replies.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [Kind::ERROR], "{language:?}");
        // Claims more than the server accepts.
        let mut greedy = connect();
        let header = framescope_parser::missive::Header {
            payload_length: u32::MAX,
            ..framescope_parser::missive::Header::read(&bytes(FrameBuf::new(Kind::DATA))).unwrap()
        };
        greedy.write_all(&header.to_bytes()).unwrap();
        assert_eq!(read_until(&mut greedy, None)[0].kind, Kind::ERROR);
        // Disconnects in the middle of a frame.
        let mut vanishing = connect();
        vanishing.write_all(&bytes(login("eve"))[..30]).unwrap();
        drop(vanishing);
        // Is refused, and may try again on the same connection.
        let mut stubborn = connect();
        let wrong = FrameBuf::of(Payload::Login { user: "bo", credential: b"guessed" }).unwrap();
        for (frame, answer) in [
            (FrameBuf::new(Kind::DATA).payload("before the login"), Some(401)),
            (wrong.sequence(1), Some(403)),
            (login("bo").sequence(2), None),
            (FrameBuf::new(Kind(0x80)).sequence(3), Some(501)),
            (FrameBuf::new(Kind::DATA).sequence(4).payload(b"\xff".as_slice()), Some(400)),
        ] {
            let sequence = frame.sequence;
            stubborn.write_all(&bytes(frame)).unwrap();
            let reply =
                read_until(&mut stubborn, Some(if answer.is_some() { Kind::ERROR } else { Kind::ACK }));
            let reply = reply.last().unwrap();
            assert_eq!((reply.sequence, reply.flags), (sequence, Flags::REPLY), "{language:?}");
            let code = match reply.as_frame().read_payload().unwrap() {
                Payload::Error { code, .. } => Some(code),
                _ => None,
            };
            assert_eq!(code, answer, "{language:?}, sequence {sequence}");
        }
        // Is in the room, and never reads a byte.
        let mut stalled = connect();
        stalled.write_all(&bytes(login("mallory").channel(3))).unwrap();

        let mut ada = client(Language::Rust, &server.address, "ada", 3).unwrap();
        let mut bo = client(Language::Rust, &server.address, "bo", 3).unwrap();
        meet(&mut ada, "ada", &bo);
        bo.write("all is well\n");
        assert_eq!(ada.line(), "bo: all is well");
        for client in [ada, bo] {
            let (success, _, errors) = client.finish();
            assert!(success, "{errors}");
        }
        let [_, _, refused] = server.stop();
        assert!(refused >= 4, "{refused}");
    }
}

#[test]
fn a_quiet_client_gets_a_ping_and_one_that_does_not_reply_is_disconnected() {
    // Long enough for a client to reply, however busy the machine is.
    let idle = 2.0;
    let ask = |language| {
        let Some(server) = Server::start(language, idle) else { return };
        let mut ada = client(Language::Rust, &server.address, "ada", 0).unwrap();
        let bo = client(Language::Rust, &server.address, "bo", 0).unwrap();
        meet(&mut ada, "ada", &bo);
        let mut quiet = TcpStream::connect(&server.address).unwrap();
        let received = read_until(&mut quiet, None);
        assert_eq!(received.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [Kind::PING], "{language:?}");
        // The others were quiet for longer, but replied.
        meet(&mut ada, "ada", &bo);
        for client in [ada, bo] {
            assert!(client.finish().0);
        }
        server.stop();
    };
    thread::scope(|scope| {
        for language in [Language::Rust, Language::Python] {
            scope.spawn(move || ask(language));
        }
    });
}

#[test]
fn a_server_that_stops_logs_its_clients_out() {
    for (server, clients) in PAIRINGS {
        let Some(server) = Server::start(server, 30.0) else { continue };
        let Some(mut ada) = client(clients[0], &server.address, "ada", 0) else { continue };
        let Some(bo) = client(clients[1], &server.address, "bo", 0) else { continue };
        meet(&mut ada, "ada", &bo);
        server.stop();
        // Whatever it does next is in vain. It may have ended already.
        match ada.try_write("hello?\n") {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        }
        let (success, _, errors) = ada.finish();
        assert!(!success && errors.contains("the server stops"), "{errors}");
        drop(bo);
    }
}

/// A number from the environment, for a larger run than a test should be.
fn size(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Many clients at the same time: each message is acknowledged to its sender, and heard by all others of its room, once
/// and in order. `FRAMESCOPE_CLIENTS`, `FRAMESCOPE_MESSAGES` and `FRAMESCOPE_ROOMS` make it larger.
#[test]
fn every_message_of_many_clients_is_accounted_for() {
    let (clients, messages) = (size("FRAMESCOPE_CLIENTS", 40), size("FRAMESCOPE_MESSAGES", 100));
    let rooms = size("FRAMESCOPE_ROOMS", 4);
    let server = Server::start(Language::Rust, 30.0).unwrap();
    let (logged_in, all) = (Arc::new(AtomicU32::new(0)), clients);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..clients)
        .map(|number| {
            let (address, logged_in) = (server.address.clone(), Arc::clone(&logged_in));
            let acknowledged = Arc::clone(&acknowledged);
            thread::spawn(move || {
                let others = (0..all).filter(|other| other % rooms == number % rooms).count() as u64 - 1;
                talk(&address, number, number % rooms, messages, others, &acknowledged, &|| {
                    logged_in.fetch_add(1, Ordering::SeqCst);
                    while logged_in.load(Ordering::SeqCst) < all {
                        thread::sleep(Duration::from_millis(1));
                    }
                })
            })
        })
        .collect();
    let mut heard = 0;
    for thread in threads {
        heard += thread.join().unwrap();
    }
    let sent = u64::from(clients) * u64::from(messages);
    let members = |room: u32| (0..clients).filter(|client| client % rooms == room).count() as u64;
    let expected: u64 =
        (0..rooms).map(|room| members(room) * (members(room) - 1) * u64::from(messages)).sum();
    assert_eq!((acknowledged.load(Ordering::SeqCst), heard), (sent, expected));
    assert_eq!(server.stop(), [sent, expected, 0]);
}

/// One client: says its messages, hears those of the others, and returns how many it heard.
fn talk(
    address: &str,
    number: u32,
    room: u32,
    messages: u32,
    others: u64,
    acknowledged: &AtomicU64,
    all_are_in: &dyn Fn(),
) -> u64 {
    let room = room as u16;
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(TOO_LONG)).unwrap();
    let (connection, writer) = Connection::start(&socket).unwrap();
    connection.send(login(&format!("client {number}")).channel(room));
    let mut decoder = Decoder::new(Missive::default());
    // Of each sender, the number of its next message.
    let mut next: BTreeMap<String, u32> = BTreeMap::new();
    let (mut said, mut replies, mut heard) = (0, 0, 0);
    let (expected_replies, expected) = (messages + 2, others * u64::from(messages));
    let mut left = false;
    while replies < expected_replies {
        assert!(decoder.read_from(&mut socket).unwrap() > 0, "client {number}: the server has gone");
        while let Some(received) = decoder.receive() {
            let Item::Frame(frame) = &received.item else { panic!("{received:?}") };
            if frame.flags.contains(Flags::REPLY) {
                assert_eq!((frame.kind, frame.sequence), (Kind::ACK, replies), "replies come in order");
                replies += 1;
                if replies == 1 {
                    all_are_in();
                }
                acknowledged.fetch_add(u64::from((2..messages + 2).contains(&replies)), Ordering::SeqCst);
                // A few at a time, like a client that waits for its replies.
                while said < messages && said < replies + 32 && replies > 0 {
                    let frame = FrameBuf::new(Kind::DATA).channel(room).payload(format!("{number}:{said}"));
                    connection.send(frame.flags(Flags::CHECKSUM));
                    said += 1;
                }
            } else {
                let text = std::str::from_utf8(frame.payload).unwrap();
                let (sender, count) = text.split_once(':').unwrap();
                let next = next.entry(sender.to_owned()).or_default();
                assert_eq!(count.parse(), Ok(*next), "{sender} is heard in order");
                *next += 1;
                heard += 1;
                connection.send(FrameBuf::new(Kind::ACK).reply_to(frame.sequence, room));
            }
            if !left && replies == messages + 1 && heard == expected {
                left = true;
                connection.send(FrameBuf::new(Kind::LOGOUT).channel(room));
            }
        }
    }
    connection.close();
    writer.join().unwrap();
    heard
}
