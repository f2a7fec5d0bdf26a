//! Datagrams: each client's address has a socket of its own to the target, as long as something passes.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use framescope_parser::Role;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::Shared;
use crate::recorder::Leg;

/// A client that nothing was received from or for is forgotten after this time.
const IDLE: Duration = Duration::from_secs(60);
/// How many clients there may be; another one takes the place of the one that was idle longest.
const MOST_CLIENTS: usize = 4096;
/// The longest datagram, and a byte.
const DATAGRAM_BYTES: usize = 65_536;

/// A client's address, and what forwards to it.
struct Client {
    socket: Arc<UdpSocket>,
    /// When something last passed, in milliseconds since the beginning.
    last: Arc<AtomicU64>,
    answers: AbortHandle,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.answers.abort();
    }
}

/// Forwards datagrams for ever.
pub(super) async fn serve(socket: std::net::UdpSocket, shared: Arc<Shared>) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::from_std(socket)?);
    let mut clients = Clients { socket, shared, begin: Instant::now(), all: HashMap::new() };
    let mut buffer = vec![0; DATAGRAM_BYTES];
    let mut sweep = tokio::time::interval(IDLE / 4);
    loop {
        tokio::select! {
            received = clients.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => clients.forward(from, buffer.get(..length).unwrap_or_default()).await,
                // Windows reports here that a client is gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) => return Err(error),
            },
            _ = sweep.tick() => clients.forget_idle(),
        }
    }
}

struct Clients {
    socket: Arc<UdpSocket>,
    shared: Arc<Shared>,
    begin: Instant,
    all: HashMap<SocketAddr, Client>,
}

impl Clients {
    async fn forward(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Some(target) = self.shared.targets.first().copied() else { return };
        if !self.all.contains_key(&from) {
            match self.begin(from, target).await {
                Ok(client) => {
                    self.make_room();
                    self.all.insert(from, client);
                }
                Err(error) => {
                    self.shared.counts.failed();
                    self.shared.notice(format!("a datagram of {from} can't be sent on: {error}"));
                    return;
                }
            }
        }
        let Some(client) = self.all.get(&from) else { return };
        client.last.store(milliseconds(self.begin), Ordering::Relaxed);
        self.shared.recorder.datagram(Leg::ONLY, from, target, bytes);
        self.shared.counts.passed(Role::Client, bytes.len());
        if let Err(error) = client.socket.send(bytes).await {
            self.shared.notice(failure(target, &error));
        }
    }

    /// Opens a client's socket to the target.
    async fn begin(&self, from: SocketAddr, target: SocketAddr) -> io::Result<Client> {
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = Arc::new(UdpSocket::bind(any).await?);
        socket.connect(target).await?;
        self.shared.counts.begun();
        let last = Arc::new(AtomicU64::new(milliseconds(self.begin)));
        let answers = Answers {
            from_target: Arc::clone(&socket),
            to_client: Arc::clone(&self.socket),
            shared: Arc::clone(&self.shared),
            last: Arc::clone(&last),
            begin: self.begin,
            client: from,
            target,
        };
        Ok(Client { socket, last, answers: tokio::spawn(answers.forward()).abort_handle() })
    }

    fn forget_idle(&mut self) {
        let now = milliseconds(self.begin);
        let idle = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
        self.all.retain(|_, client| now.saturating_sub(client.last.load(Ordering::Relaxed)) < idle);
    }

    fn make_room(&mut self) {
        if self.all.len() < MOST_CLIENTS {
            return;
        }
        let oldest = self.all.iter().min_by_key(|(_, client)| client.last.load(Ordering::Relaxed));
        if let Some(address) = oldest.map(|(address, _)| *address) {
            self.all.remove(&address);
        }
    }
}

/// What the target sends to one client.
struct Answers {
    from_target: Arc<UdpSocket>,
    to_client: Arc<UdpSocket>,
    shared: Arc<Shared>,
    last: Arc<AtomicU64>,
    begin: Instant,
    client: SocketAddr,
    target: SocketAddr,
}

impl Answers {
    async fn forward(self) {
        let mut buffer = Vec::new();
        loop {
            // A client that waits has no buffer.
            let received = match self.from_target.readable().await {
                Ok(()) => {
                    buffer.resize(DATAGRAM_BYTES, 0);
                    self.from_target.try_recv(&mut buffer)
                }
                Err(error) => Err(error),
            };
            match received {
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    self.last.store(milliseconds(self.begin), Ordering::Relaxed);
                    self.shared.recorder.datagram(Leg::ONLY, self.target, self.client, bytes);
                    self.shared.counts.passed(Role::Server, length);
                    if let Err(error) = self.to_client.send_to(bytes, self.client).await {
                        self.shared.notice(format!("a datagram can't be sent to {}: {error}", self.client));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => buffer = Vec::new(),
                // The system says here that an earlier datagram was not wanted.
                Err(error) => self.shared.notice(failure(self.target, &error)),
            }
        }
    }
}

fn milliseconds(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn failure(target: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("a datagram did not reach {target}: no program receives there")
        }
        _ => format!("a datagram did not reach {target}: {error}"),
    }
}
