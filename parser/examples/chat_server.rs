//! A chat server: `cargo run --example chat_server -- [ADDRESS] [IDLE_SECONDS]`. It stops when its standard input ends.
//!
//! Each channel is a room. A client that has logged in to one sends DATA there, and the server relays it to all others
//! in the room and acknowledges it. A client that vanishes, stalls or sends nonsense harms only itself: each has its
//! own two threads and a bounded outbox, and gets a PING when it has been quiet for long.

#![allow(clippy::print_stdout)] // a program, not a library

mod connection;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connection::Connection;
use framescope_parser::Error;
use framescope_parser::missive::{
    Assembly, Content, Decoder, ExtensionValue, Flags, Frame, FrameBuf, Item, Kind, Missive, Payload,
    RawFrame,
};

/// The longest message that is relayed, in bytes.
const MESSAGE_BYTES: u32 = 1 << 20;

#[derive(Default)]
struct Server {
    idle: Duration,
    clients: Mutex<HashMap<u64, Client>>,
    stopping: AtomicBool,
    taken: AtomicU64,
    relayed: AtomicU64,
    refused: AtomicU64,
}

struct Client {
    connection: Arc<Connection>,
    /// The rooms it is in, and under which names.
    rooms: HashMap<u16, String>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9000".to_owned());
    let idle = std::env::args().nth(2).and_then(|seconds| seconds.parse().ok()).unwrap_or(30.0);
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    println!("listening on {address}");
    io::stdout().flush()?;
    let server = Arc::new(Server { idle: Duration::from_secs_f64(idle), ..Server::default() });
    let accepting = Arc::clone(&server);
    let accepting = std::thread::spawn(move || accepting.accept(&listener));

    io::stdin().read_to_end(&mut Vec::new())?;
    server.stopping.store(true, Relaxed);
    // Whatever waits for the next connection gets one.
    let _ = TcpStream::connect(address);
    let _ = accepting.join();
    server.say_goodbye();
    let count = |number: &AtomicU64| number.load(Relaxed);
    let (taken, relayed) = (count(&server.taken), count(&server.relayed));
    println!("{taken} messages taken, {relayed} relayed, {} refused", count(&server.refused));
    Ok(())
}

impl Server {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (id, socket) in (0..).zip(listener.incoming()) {
            if self.stopping.load(Relaxed) {
                return;
            }
            let Ok(socket) = socket else { continue };
            let server = Arc::clone(self);
            std::thread::spawn(move || {
                let why = server.serve(id, socket).unwrap_or_else(|error| error.to_string());
                eprintln!("client {id}: {why}");
                server.clients().remove(&id);
            });
        }
    }

    /// Reads what a client sends until it ends, and returns why it did.
    fn serve(&self, id: u64, mut socket: TcpStream) -> io::Result<String> {
        socket.set_read_timeout(Some(self.idle))?;
        let (connection, writer) = Connection::start(&socket)?;
        self.clients().insert(id, Client { connection: Arc::clone(&connection), rooms: HashMap::new() });
        let mut decoder = Decoder::new(Missive { payload_limit: MESSAGE_BYTES, ..Missive::default() });
        let (mut contents, mut asked) = (Assembly::new(MESSAGE_BYTES as usize), false);
        let why = loop {
            match decoder.read_from(&mut socket) {
                Ok(0) => break "the end".to_owned(),
                Ok(_) => asked = false,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if std::mem::replace(&mut asked, true) {
                        break "no reply to a PING".to_owned();
                    }
                    connection.send(FrameBuf::new(Kind::PING));
                }
                Err(error) => break error.to_string(),
            }
            let mut nonsense = None;
            while let Some(received) = decoder.receive() {
                match received.item {
                    Item::Frame(frame) => self.answer(id, &connection, &frame, &mut contents),
                    Item::Refused(bytes, error) => {
                        let header = RawFrame::new(bytes).header();
                        if let Some(header) = header.filter(|header| !header.flags.contains(Flags::REPLY)) {
                            let reply = self.refusal(400, &error.to_string());
                            connection.send(reply.reply_to(header.sequence, header.channel));
                        }
                    }
                    Item::Skipped(_) | Item::Partial(_) => nonsense = received.into_frame().err(),
                }
            }
            // TCP does not corrupt bytes: a peer that sends anything but frames does not speak this format.
            let skipping = decoder.skipping().and_then(|skipped| skipped.into_frame().err());
            if let Some(error) = nonsense.or(skipping) {
                connection.send(self.refusal(400, &error.to_string()));
                break error.to_string();
            }
        };
        connection.close();
        let _ = writer.join();
        Ok(why)
    }

    /// Handles a frame.
    fn answer(&self, id: u64, connection: &Connection, frame: &Frame<'_>, contents: &mut Assembly) {
        if frame.flags.contains(Flags::REPLY) {
            if frame.kind == Kind::ACK && self.stopping.load(Relaxed) {
                connection.close();
            }
            return;
        }
        let name = self.clients().get(&id).and_then(|client| client.rooms.get(&frame.channel).cloned());
        let reply = match (frame.read_payload(), name) {
            (Err(error), _) => self.refusal(400, &error.to_string()),
            (Ok(Payload::Login { user, credential }), _) => {
                if credential == format!("secret of {user}").as_bytes() {
                    if let Some(client) = self.clients().get_mut(&id) {
                        client.rooms.insert(frame.channel, user.to_owned());
                    }
                    FrameBuf::new(Kind::ACK).payload(format!("welcome, {user}"))
                } else {
                    self.refusal(403, &format!("no such user or a wrong credential: {user}"))
                }
            }
            (Ok(Payload::Ping { bytes }), _) => FrameBuf::new(Kind::PONG).payload(bytes),
            (Ok(Payload::Data { .. } | Payload::Logout { .. }), None) => self.refusal(401, "log in first"),
            (Ok(Payload::Logout { .. }), Some(_)) => {
                if let Some(client) = self.clients().get_mut(&id) {
                    client.rooms.remove(&frame.channel);
                }
                FrameBuf::new(Kind::ACK)
            }
            (Ok(Payload::Data { content }), Some(name)) => {
                let is_text = matches!(content, Content::Text(_));
                let done = contents.push(frame).and_then(|whole| match whole {
                    Some(whole) => self.relay(id, frame.channel, &name, &whole, is_text),
                    None => Ok(()),
                });
                match done {
                    Ok(()) => FrameBuf::new(Kind::ACK),
                    Err(error) => self.refusal(413, &error.to_string()),
                }
            }
            (Ok(other), _) => self.refusal(501, &format!("{:?} is not known here", other.kind())),
        };
        connection.send(reply.reply_to(frame.sequence, frame.channel));
    }

    /// Sends content to all others in the room.
    fn relay(&self, id: u64, channel: u16, name: &str, content: &[u8], is_text: bool) -> Result<(), Error> {
        let mut frame = FrameBuf::new(Kind::DATA).channel(channel).flags(Flags::CHECKSUM).payload(content);
        frame = frame.with(ExtensionValue::Sender(name))?;
        if !is_text {
            frame = frame.with(ExtensionValue::ContentType("application/octet-stream"))?;
        }
        let in_room = |(other, client): (&u64, &Client)| {
            (*other != id && client.rooms.contains_key(&channel)).then(|| Arc::clone(&client.connection))
        };
        // The lock is not held while sending: a slow client must not stop the others.
        let others: Vec<Arc<Connection>> = self.clients().iter().filter_map(in_room).collect();
        for other in others {
            other.send(frame.clone());
            self.relayed.fetch_add(1, Relaxed);
        }
        self.taken.fetch_add(1, Relaxed);
        Ok(())
    }

    fn refusal(&self, code: u16, text: &str) -> FrameBuf {
        self.refused.fetch_add(1, Relaxed);
        FrameBuf::new(Kind::ERROR).payload([&code.to_be_bytes(), text.as_bytes()].concat())
    }

    /// Says goodbye to every client, and gives them a moment to go.
    fn say_goodbye(&self) {
        let in_rooms = |client: &Client| (Arc::clone(&client.connection), client.rooms.clone());
        let clients: Vec<_> = self.clients().values().map(in_rooms).collect();
        for (connection, rooms) in clients {
            for channel in rooms.into_keys() {
                connection.send(FrameBuf::new(Kind::LOGOUT).channel(channel).payload("the server stops"));
            }
        }
        for _ in 0..100 {
            if self.clients().is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.clients().values().for_each(|client| client.connection.abort());
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
