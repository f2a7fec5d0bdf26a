//! The sending half of a connection, which does not block its caller unless the peer is slow.
//!
//! A thread that reads from a socket must not block on writing to it: if both sides do, neither moves. So frames go
//! into an outbox, and a writer thread sends what has gathered there, many frames in one write.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use framescope_parser::missive::{Flags, FrameBuf};

/// With more bytes than this in the outbox a sender waits.
const OUTBOX_BYTES: usize = 1 << 20;
/// A peer that reads nothing for this long is considered stalled.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Connection {
    socket: TcpStream,
    outbox: Mutex<Outbox>,
    changed: Condvar,
}

#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    /// The next sequence number of each channel.
    next: HashMap<u16, u32>,
    closed: bool,
}

impl Connection {
    /// Starts the thread that writes. It ends after [`close`](Connection::close), or when the socket breaks.
    pub(crate) fn start(socket: &TcpStream) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        socket.set_nodelay(true)?;
        let (outbox, changed) = (Mutex::default(), Condvar::new());
        let connection = Arc::new(Connection { socket: socket.try_clone()?, outbox, changed });
        let writer = Arc::clone(&connection);
        Ok((connection, std::thread::spawn(move || writer.write())))
    }

    /// Sends a frame. One that is not a reply gets the next sequence number of its channel, which is returned.
    pub(crate) fn send(&self, mut frame: FrameBuf) -> u32 {
        let full = |outbox: &mut Outbox| outbox.bytes.len() > OUTBOX_BYTES && !outbox.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, full);
        let (mut outbox, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            outbox.closed = true;
            self.abort();
        }
        if !frame.flags.contains(Flags::REPLY) {
            let next = outbox.next.entry(frame.channel).or_default();
            frame.sequence = *next;
            *next = next.wrapping_add(1);
        }
        if !outbox.closed && frame.encode(None, &mut outbox.bytes).is_ok() {
            self.changed.notify_all();
        }
        frame.sequence
    }

    /// Nothing more will be sent: the outbox is written, and then the connection is shut down for writing.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Ends the connection immediately.
    pub(crate) fn abort(&self) {
        // It may have ended already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn write(&self) {
        let mut bytes = Vec::new();
        loop {
            let empty = |outbox: &mut Outbox| outbox.bytes.is_empty() && !outbox.closed;
            let mut outbox =
                self.changed.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut outbox.bytes, &mut bytes);
            drop(outbox);
            self.changed.notify_all();
            if bytes.is_empty() {
                let _ = self.socket.shutdown(Shutdown::Write);
                return;
            }
            if (&self.socket).write_all(&bytes).is_err() {
                self.lock().closed = true;
                self.changed.notify_all();
                return self.abort();
            }
            bytes.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
