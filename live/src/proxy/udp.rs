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
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Shared;
use super::road::Road;

/// A client that nothing was received from or for is forgotten after this time.
const IDLE: Duration = Duration::from_secs(60);
/// How often idle clients, and datagrams that wait to be overtaken, are looked for.
const BETWEEN: Duration = Duration::from_millis(250);
/// How many clients there may be; another one takes the place of the one that was idle longest.
const MOST_CLIENTS: usize = 4096;
/// The longest datagram, and more.
const DATAGRAM_BYTES: usize = 65_536;

/// A client's address, and what forwards to and from it.
struct Client {
    to_target: Road,
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
    let accepted_at = socket.local_addr()?;
    let begin = Instant::now();
    let mut clients = Clients { socket, accepted_at, shared, begin, count: 0, all: HashMap::new() };
    let mut buffer = vec![0; DATAGRAM_BYTES];
    let mut sweep = interval(BETWEEN);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            received = clients.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => clients.forward(from, buffer.get(..length).unwrap_or_default()).await,
                // Windows reports here that a client is gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) => return Err(error),
            },
            _ = sweep.tick() => clients.sweep().await,
        }
    }
}

struct Clients {
    socket: Arc<UdpSocket>,
    accepted_at: SocketAddr,
    shared: Arc<Shared>,
    begin: Instant,
    /// How many there were.
    count: u64,
    all: HashMap<SocketAddr, Client>,
}

impl Clients {
    async fn forward(&mut self, from: SocketAddr, bytes: &[u8]) {
        if !self.all.contains_key(&from) {
            self.make_room();
            match self.begin(from).await {
                Ok(client) => {
                    self.all.insert(from, client);
                }
                Err(error) => {
                    self.shared.counts.failed();
                    self.shared.notice(format!("a datagram of {from} can't be sent on: {error}"));
                    return;
                }
            }
        }
        let Some(client) = self.all.get_mut(&from) else { return };
        client.last.store(milliseconds(self.begin), Ordering::Relaxed);
        client.to_target.pass(bytes).await;
    }

    /// Opens a client's socket to the target.
    async fn begin(&mut self, client: SocketAddr) -> io::Result<Client> {
        let target = self.shared.upstream.fixed().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = Arc::new(UdpSocket::bind(any).await?);
        socket.connect(target).await?;
        self.count += 1;
        self.shared.counts.begun();
        let (outside, inside) = ((client, self.accepted_at), (socket.local_addr()?, target));
        let road =
            |role, out: &Arc<UdpSocket>| Road::new(&self.shared, role, out, self.count, outside, inside);
        let last = Arc::new(AtomicU64::new(milliseconds(self.begin)));
        let to_client = road(Role::Server, &self.socket);
        let answers = Answers {
            from_target: Arc::clone(&socket),
            to_client,
            last: Arc::clone(&last),
            begin: self.begin,
        };
        let answers = tokio::spawn(answers.forward()).abort_handle();
        Ok(Client { to_target: road(Role::Client, &socket), last, answers })
    }

    async fn sweep(&mut self) {
        let now = milliseconds(self.begin);
        let idle = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
        self.all.retain(|_, client| now.saturating_sub(client.last.load(Ordering::Relaxed)) < idle);
        for client in self.all.values_mut() {
            client.to_target.pass_overdue().await;
        }
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
    to_client: Road,
    last: Arc<AtomicU64>,
    begin: Instant,
}

impl Answers {
    async fn forward(mut self) {
        let mut buffer = Vec::new();
        loop {
            // A client that waits has no buffer.
            let received = match self.to_client.holds() {
                false => self.from_target.readable().await,
                true => timeout(BETWEEN, self.from_target.readable()).await.unwrap_or(Ok(())),
            };
            let received = received.and_then(|()| {
                buffer.resize(DATAGRAM_BYTES, 0);
                self.from_target.try_recv(&mut buffer)
            });
            match received {
                Ok(length) => {
                    self.last.store(milliseconds(self.begin), Ordering::Relaxed);
                    self.to_client.pass(buffer.get(..length).unwrap_or_default()).await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => buffer = Vec::new(),
                // The system says here that an earlier datagram was not wanted.
                Err(error) => self.to_client.sender_failed(&error),
            }
            self.to_client.pass_overdue().await;
        }
    }
}

fn milliseconds(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}
