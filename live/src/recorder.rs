//! Writes what passes between programs as a pcapng: with generated headers, true times, and the pieces as they were read.
//!
//! It never looks at what it records, and reads nothing.

pub(crate) mod blocks;
mod packets;
mod queue;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use framescope_capture::{Growth, Source};
use framescope_parser::Role;

use self::packets::{MAX_PAYLOAD, Segment};
use self::queue::{Appends, Queue};

/// Two addresses as a recording has them, which is of one family.
pub(crate) fn canonical(from: SocketAddr, to: SocketAddr) -> (SocketAddr, SocketAddr) {
    packets::Path::new(from, to).ends()
}

/// Which interface of the recording packets belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leg(pub u32);

impl Leg {
    /// The one between two programs where what one sends is what the other receives.
    pub const ONLY: Leg = Leg(0);
    /// Between the client and what sits in between, where that changes what passes.
    pub const CLIENT_SIDE: Leg = Leg(1);
    /// Between what sits in between and the server.
    pub const SERVER_SIDE: Leg = Leg(2);

    fn name(self) -> String {
        match self {
            Leg::ONLY => "framescope".to_owned(),
            Leg::CLIENT_SIDE => "client side".to_owned(),
            Leg::SERVER_SIDE => "server side".to_owned(),
            Leg(other) => format!("leg {other}"),
        }
    }
}

/// Records connections and datagrams, from any thread. Its clones write one recording, which ends when the last of them and of
/// their connections is dropped.
#[derive(Clone)]
pub struct Recorder {
    queue: Arc<Queue>,
    connections: Arc<AtomicU32>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Appends for Growth {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append_whole(bytes)
    }
}

impl Recorder {
    /// Records to a file, which is created or emptied, and read as the source.
    ///
    /// # Errors
    /// It can't be created or written.
    pub fn to_file(path: &Path) -> io::Result<(Recorder, Source)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Recorder::new(&path.display().to_string(), file)
    }

    /// Records to a file in the temporary folder that is gone when the source is.
    ///
    /// # Errors
    /// It can't be created or written.
    pub fn temporary() -> io::Result<(Recorder, Source)> {
        Recorder::new("the recording", tempfile::tempfile()?)
    }

    fn new(name: &str, file: File) -> io::Result<(Recorder, Source)> {
        let (source, growth) = Source::growing(name, file)?;
        let recorder = Recorder::by(growth)?;
        match recorder.failure() {
            Some(failure) => Err(io::Error::other(failure)),
            None => Ok((recorder, source)),
        }
    }

    fn by(file: impl Appends + 'static) -> io::Result<Recorder> {
        let queue = Arc::new(Queue::new(Box::new(file))?);
        Ok(Recorder { queue, connections: Arc::default() })
    }

    /// Begins a connection that was made at this moment.
    pub fn connection(&self, leg: Leg, client: SocketAddr, server: SocketAddr) -> Recorded {
        // Numbers that differ from those of a connection between the same ports before it.
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let first = number.wrapping_mul(0x9E37_79B1);
        self.connection_from(leg, [client, server], [first, first ^ (1 << 31)])
    }

    /// Begins a connection with the sequence numbers of its SYNs.
    fn connection_from(&self, leg: Leg, [client, server]: [SocketAddr; 2], first: [u32; 2]) -> Recorded {
        let from_client = packets::Path::new(client, server);
        let side = |path, first: u32| Side { path, next: first.wrapping_add(1), has_ended: false };
        let [client_first, server_first] = first;
        let recorded = Recorded {
            recorder: self.clone(),
            leg,
            client: side(from_client, client_first),
            server: side(from_client.reversed(), server_first),
        };
        let (client, server) = (&recorded.client, &recorded.server);
        let syn = Segment { sequence: client_first, syn: true, ..Segment::default() };
        let reply = Segment {
            sequence: server_first,
            acknowledges: Some(client.next),
            syn: true,
            ..Segment::default()
        };
        let last = Segment { sequence: client.next, acknowledges: Some(server.next), ..Segment::default() };
        recorded.record(&[(Role::Client, syn), (Role::Server, reply), (Role::Client, last)]);
        recorded
    }

    /// Records a datagram of at most 65,507 bytes that was received at this moment.
    pub fn datagram(&self, leg: Leg, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut headers = Vec::with_capacity(48);
        if packets::udp(packets::Path::new(from, to), bytes, &mut headers).is_some() {
            self.queue.add(leg, |packet| packet(&headers, bytes));
        }
    }

    /// Writes what was recorded to the file, so that it is visible when this returns.
    pub fn flush(&self) {
        self.queue.flush();
    }

    /// A sentence, once nothing can be written any more, as when the disk is full: the file ends with a whole block.
    pub fn failure(&self) -> Option<String> {
        self.queue.failure()
    }
}

/// One connection that is recorded.
#[derive(Debug)]
pub struct Recorded {
    recorder: Recorder,
    leg: Leg,
    client: Side,
    server: Side,
}

/// What one end has sent.
#[derive(Debug)]
struct Side {
    path: packets::Path,
    /// The sequence number of its next byte.
    next: u32,
    has_ended: bool,
}

impl Recorded {
    /// Records bytes that were read at this moment, as one packet or, above 60,000 bytes, as several. Bytes after an end are
    /// not recorded.
    pub fn data(&mut self, from: Role, bytes: &[u8]) {
        let acknowledges = Some(self.side(from.reverse()).next);
        let leg = self.leg;
        let queue = Arc::clone(&self.recorder.queue);
        let side = self.side_mut(from);
        if side.has_ended || bytes.is_empty() {
            return;
        }
        // Checksums are computed before the queue is locked.
        let pieces = bytes.chunks(MAX_PAYLOAD).map(|piece| {
            let segment = Segment { sequence: side.next, acknowledges, ..Segment::default() };
            side.next = side.next.wrapping_add(wire_length(piece));
            let mut headers = Vec::with_capacity(68);
            let fits = packets::tcp(side.path, segment, piece, &mut headers);
            (headers, if fits.is_some() { piece } else { &[] })
        });
        let pieces: Vec<(Vec<u8>, &[u8])> = pieces.collect();
        queue.add(leg, |packet| pieces.iter().for_each(|(headers, piece)| packet(headers, piece)));
    }

    /// Records that one end sends no more; the other still may.
    pub fn end(&mut self, from: Role) {
        let acknowledges = Some(self.side(from.reverse()).next);
        let side = self.side_mut(from);
        if std::mem::replace(&mut side.has_ended, true) {
            return;
        }
        let fin = Segment { sequence: side.next, acknowledges, fin: true, ..Segment::default() };
        side.next = side.next.wrapping_add(1);
        let next = Some(side.next);
        let sequence = self.side(from.reverse()).next;
        let reply = Segment { sequence, acknowledges: next, ..Segment::default() };
        self.record(&[(from, fin), (from.reverse(), reply)]);
    }

    /// Records that one end broke the connection off; nothing follows.
    pub fn reset(&mut self, from: Role) {
        let acknowledges = Some(self.side(from.reverse()).next);
        let segment =
            Segment { sequence: self.side(from).next, acknowledges, reset: true, ..Segment::default() };
        if !self.client.has_ended || !self.server.has_ended {
            self.record(&[(from, segment)]);
        }
        self.client.has_ended = true;
        self.server.has_ended = true;
    }

    /// Records segments without a payload.
    fn record(&self, segments: &[(Role, Segment)]) {
        let headers = segments.iter().filter_map(|(from, segment)| {
            let mut headers = Vec::with_capacity(68);
            packets::tcp(self.side(*from).path, *segment, &[], &mut headers).map(|()| headers)
        });
        let headers: Vec<Vec<u8>> = headers.collect();
        self.recorder.queue.add(self.leg, |packet| headers.iter().for_each(|headers| packet(headers, &[])));
    }

    fn side(&self, role: Role) -> &Side {
        match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }

    fn side_mut(&mut self, role: Role) -> &mut Side {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }
}

/// How far a piece moves the sequence number, which wraps after 4 GiB.
fn wire_length(piece: &[u8]) -> u32 {
    u32::try_from(piece.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
