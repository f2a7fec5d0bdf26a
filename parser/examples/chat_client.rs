//! A chat client for people and for scripts: `cargo run --example chat_client -- ADDRESS USER [CHANNEL]`. It sends each
//! line of its standard input, and prints what others say. When its input ends it waits for outstanding
//! acknowledgements, logs out, and exits with 0; with 1 if anything was refused or the connection broke.

mod connection;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connection::Connection;
use framescope_parser::missive::{
    Assembly, Decoder, ExtensionValue, Flags, Frame, FrameBuf, Item, Kind, Missive, Payload, Tag,
};

/// At most this many messages wait for their replies.
const WINDOW: usize = 64;
/// Longer lines go in several frames.
const PART_BYTES: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(20);

/// What the two threads share: the requests without a reply, and what went wrong.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Requests without a reply, by sequence, and what they were.
    open: BTreeMap<u32, Kind>,
    failure: Option<String>,
    ended: bool,
}

fn main() -> ExitCode {
    match chat() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn chat() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, user, channel) = match &arguments[..] {
        [address, user] => (address, user, 0),
        [address, user, channel] => (address, user, channel.parse()?),
        _ => return Err("usage: chat_client ADDRESS USER [CHANNEL]".into()),
    };
    let socket = TcpStream::connect(address)?;
    let (connection, writer) = Connection::start(&socket)?;
    let shared = Arc::new(Shared::default());
    let receiver = (Arc::clone(&shared), Arc::clone(&connection));
    let receiver = std::thread::spawn(move || receive(socket, &receiver.0, &receiver.1));

    let credential = format!("secret of {user}");
    let login = FrameBuf::of(Payload::Login { user, credential: credential.as_bytes() })?;
    shared.request(&connection, login.channel(channel));
    // Nothing is sent before the login is accepted.
    shared.wait(0)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut parts = parts(&line).peekable();
        while let Some(part) = parts.next() {
            let more = if parts.peek().is_some() { Flags::MORE } else { Flags::default() };
            let frame =
                FrameBuf::new(Kind::DATA).channel(channel).flags(more | Flags::CHECKSUM).payload(part);
            shared.request(&connection, frame);
            shared.wait(WINDOW)?;
        }
    }
    shared.wait(0)?;
    shared.request(&connection, FrameBuf::new(Kind::LOGOUT).channel(channel));
    shared.wait(0)?;
    connection.close();
    let _ = (writer.join(), receiver.join());
    Ok(())
}

/// A line in parts that are not too long. A character is never cut in two.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, behind) = text.split_at(text.floor_char_boundary(PART_BYTES));
        rest = (!behind.is_empty()).then_some(behind);
        Some(part)
    })
}

/// Reads until the connection ends, prints what is said, and replies.
fn receive(mut socket: TcpStream, shared: &Shared, connection: &Connection) {
    let mut decoder = Decoder::new(Missive::default());
    let mut contents = Assembly::new(64 << 20);
    let failure = loop {
        match decoder.read_from(&mut socket) {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(error.to_string()),
        }
        let mut failure = None;
        while let Some(received) = decoder.receive() {
            failure = match received.item {
                Item::Frame(frame) => answer(&frame, shared, connection, &mut contents).err(),
                // TCP does not corrupt bytes: a peer that sends anything but frames does not speak this format.
                _ => received.into_frame().err().map(|error| error.to_string()),
            }
            .or(failure);
        }
        let skipping = decoder.skipping().and_then(|skipped| skipped.into_frame().err());
        failure = failure.or(skipping.map(|error| error.to_string()));
        if failure.is_some() {
            break failure;
        }
    };
    connection.close();
    let mut state = shared.lock();
    state.ended = true;
    if state.failure.is_none() {
        state.failure = failure;
    }
    shared.changed.notify_all();
}

fn answer(
    frame: &Frame<'_>,
    shared: &Shared,
    connection: &Connection,
    contents: &mut Assembly,
) -> Result<(), String> {
    let said = frame.read_payload().map_err(|error| error.to_string())?;
    if frame.flags.contains(Flags::REPLY) {
        let mut state = shared.lock();
        let request = state.open.remove(&frame.sequence);
        if let Payload::Error { code, text } = said {
            state.failure = Some(format!("refused with {code}: {text}"));
        }
        shared.changed.notify_all();
        return request.map(|_| ()).ok_or(format!("a reply to nothing: {}", frame.sequence));
    }
    let reply = match said {
        Payload::Ping { bytes } => FrameBuf::new(Kind::PONG).payload(bytes),
        Payload::Data { .. } => {
            if let Some(whole) = contents.push(frame).map_err(|error| error.to_string())? {
                let sender = frame.find(Tag::SENDER).map(|extension| extension.value());
                let Some(Ok(ExtensionValue::Sender(sender))) = sender else { return Ok(()) };
                let line = format!("{sender}: {}\n", String::from_utf8_lossy(&whole));
                io::stdout().write_all(line.as_bytes()).map_err(|error| error.to_string())?;
            }
            FrameBuf::new(Kind::ACK)
        }
        Payload::Logout { reason } => {
            connection.send(FrameBuf::new(Kind::ACK).reply_to(frame.sequence, frame.channel));
            return Err(format!("the server logged us out: {reason}"));
        }
        Payload::Error { code, text } => return Err(format!("the server says {code}: {text}")),
        _ => return Ok(()),
    };
    connection.send(reply.reply_to(frame.sequence, frame.channel));
    Ok(())
}

impl Shared {
    /// Sends a request that needs a reply.
    fn request(&self, connection: &Connection, frame: FrameBuf) {
        // Locked first, so that no reply arrives before its request is recorded.
        let mut state = self.lock();
        let kind = frame.kind;
        let sequence = connection.send(frame);
        state.open.insert(sequence, kind);
    }

    /// Waits until no more than `most` requests are open.
    fn wait(&self, most: usize) -> Result<(), String> {
        let waits = |state: &mut State| state.open.len() > most && state.failure.is_none() && !state.ended;
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, waits);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.failure.take() {
            Some(failure) => Err(failure),
            None if waited.timed_out() => Err(format!("no reply to {:?}", state.open)),
            None if state.ended && !state.open.is_empty() => Err("the server has gone".into()),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
