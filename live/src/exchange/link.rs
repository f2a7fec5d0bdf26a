//! The connection itself: bytes are sent by the caller and received by a thread, and both are recorded.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use framescope_parser::Role;
use socket2::SockRef;

use super::ExchangeError;
use super::arrivals::{Arrivals, End, Receiving};
use crate::{Leg, Limits, Recorded, Recorder, Target};

/// How long a read or a write takes at most before it is seen whether it is still wanted.
const SLICE: Duration = Duration::from_millis(100);
/// A write that waits keeps what is received from being recorded, and so waits no longer than this.
const WRITE_SLICE: Duration = Duration::from_millis(2);
/// What one peer may send in one conversation.
const MOST_RECEIVED: u64 = 1 << 26;
/// The largest datagram.
const PIECE: usize = 64 << 10;
/// What the ends of a Unix socket, which have no addresses, are recorded as.
#[cfg(unix)]
const OF_UNIX: [SocketAddr; 2] = {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    [SocketAddr::new(local, 2), SocketAddr::new(local, 1)]
};

/// A connection, and where it is recorded.
#[derive(Debug)]
pub(crate) struct Link {
    /// None once the connection was broken off.
    socket: Option<Socket>,
    tape: Tape,
    /// Which end this is.
    role: Role,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Udp(UdpSocket),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Reads more of what the peer sends.
type Input = Box<dyn FnMut(&mut [u8]) -> io::Result<usize> + Send>;

/// Where it is recorded.
#[derive(Clone, Debug)]
enum Tape {
    Stream(Arc<Mutex<Recorded>>),
    Datagrams { recorder: Recorder, client: SocketAddr, server: SocketAddr, turn: Arc<Mutex<()>> },
}

impl Tape {
    /// Runs `work`, which gives the bytes that passed, so that what is caused by them is recorded after them.
    fn during<'b>(&self, from: Role, work: impl FnOnce() -> io::Result<&'b [u8]>) -> io::Result<usize> {
        match self {
            Tape::Stream(recorded) => {
                let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
                let bytes = work()?;
                recorded.data(from, bytes);
                Ok(bytes.len())
            }
            Tape::Datagrams { recorder, client, server, turn } => {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                let (from, to) = if from == Role::Client { (client, server) } else { (server, client) };
                let bytes = work()?;
                recorder.datagram(Leg::ONLY, *from, *to, bytes);
                Ok(bytes.len())
            }
        }
    }

    fn with(&self, change: impl FnOnce(&mut Recorded)) {
        if let Tape::Stream(recorded) = self {
            change(&mut recorded.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Link {
    pub(crate) fn connect(
        target: &Target,
        limits: &Limits,
        timeout: Duration,
        recorder: &Recorder,
    ) -> Result<Link, ExchangeError> {
        let refused = |cause| ExchangeError::NotConnected { target: target.clone(), cause };
        if let Target::Unix(path) = target {
            return unix(path, recorder).map_err(refused);
        }
        let not_found = |cause| ExchangeError::NotFound { target: target.clone(), cause };
        let mut last = None;
        let addresses = target.addresses().map_err(not_found)?;
        for address in addresses {
            limits.check(address)?;
            let connected = match target.is_udp() {
                true => udp(address, recorder),
                false => tcp(address, timeout, recorder),
            };
            match connected {
                Ok(link) => return Ok(link),
                Err(cause) => last = Some(cause),
            }
        }
        Err(refused(last.unwrap_or_else(|| io::ErrorKind::NotFound.into())))
    }

    /// The server's end of a connection that was accepted.
    pub(crate) fn accepted(stream: TcpStream, recorder: &Recorder) -> io::Result<Link> {
        // What was accepted may be as the listener was.
        stream.set_nonblocking(false)?;
        prepare(&stream)?;
        let recorded = recorder.connection(Leg::ONLY, stream.peer_addr()?, stream.local_addr()?);
        let tape = Tape::Stream(Arc::new(Mutex::new(recorded)));
        Ok(Link { socket: Some(Socket::Tcp(stream)), tape, role: Role::Server })
    }

    /// The server's end of a conversation in datagrams, with the peer that the socket is connected to.
    pub(crate) fn of_datagrams(socket: UdpSocket, recorder: &Recorder) -> io::Result<Link> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(SLICE))?;
        let (client, server) = (socket.peer_addr()?, socket.local_addr()?);
        let tape = Tape::Datagrams { recorder: recorder.clone(), client, server, turn: Arc::default() };
        Ok(Link { socket: Some(Socket::Udp(socket)), tape, role: Role::Server })
    }

    /// Which end this is.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Starts the thread that receives.
    pub(crate) fn receive(&self, arrivals: &Arc<Arrivals>) -> io::Result<Receiving> {
        let (tape, of_thread) = (self.tape.clone(), Arc::clone(arrivals));
        let mut input: Input = match &self.socket {
            None => return Err(io::ErrorKind::NotConnected.into()),
            Some(Socket::Tcp(stream)) => {
                let mut stream = stream.try_clone()?;
                Box::new(move |bytes| stream.read(bytes))
            }
            Some(Socket::Udp(socket)) => {
                let socket = socket.try_clone()?;
                Box::new(move |bytes| socket.recv(bytes))
            }
            #[cfg(unix)]
            Some(Socket::Unix(stream)) => {
                let mut stream = stream.try_clone()?;
                Box::new(move |bytes| stream.read(bytes))
            }
        };
        let is_udp = matches!(self.socket, Some(Socket::Udp(_)));
        let peer = self.role.reverse();
        let work = move || receive(&mut *input, is_udp, (&tape, peer), &of_thread);
        let thread = std::thread::Builder::new().name("receive".to_owned()).spawn(work)?;
        Ok(Receiving::new(arrivals, thread))
    }

    /// Sends all bytes before then.
    pub(crate) fn send(&self, bytes: &[u8], until: Instant, arrivals: &Arrivals) -> io::Result<()> {
        let mut rest = bytes;
        loop {
            let sent = self.tape.during(self.role, || {
                let count = match &self.socket {
                    None => Err(io::ErrorKind::NotConnected.into()),
                    Some(Socket::Tcp(stream)) => (&*stream).write(rest),
                    Some(Socket::Udp(socket)) => socket.send(rest),
                    #[cfg(unix)]
                    Some(Socket::Unix(stream)) => (&*stream).write(rest),
                };
                count.map(|count| rest.get(..count).unwrap_or(rest))
            });
            match sent {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                // What is received meanwhile is recorded now.
                Err(error) if is_transient(&error) => std::thread::sleep(WRITE_SLICE),
                Err(error) => return Err(error),
            }
            if rest.is_empty() {
                return Ok(());
            }
            if let Some(End::Reset) = arrivals.end() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if Instant::now() >= until {
                let sent = bytes.len() - rest.len();
                let text = format!("it took {sent} of {} bytes and no more in time", bytes.len());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
    }

    /// Sends no more.
    pub(crate) fn end(&self) {
        self.shut(Shutdown::Write);
        self.tape.with(|recorded| recorded.end(self.role));
    }

    /// Breaks the connection off, once no thread receives any more.
    pub(crate) fn reset(&mut self) {
        if let Some(Socket::Tcp(stream)) = self.socket.take() {
            // Then closing it is what breaks it off.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        self.tape.with(|recorded| recorded.reset(self.role));
    }

    /// Sends and receives no more.
    pub(crate) fn close(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, which: Shutdown) {
        // What is closed already is no error.
        let _ = match &self.socket {
            Some(Socket::Tcp(stream)) => stream.shutdown(which),
            #[cfg(unix)]
            Some(Socket::Unix(stream)) => stream.shutdown(which),
            Some(Socket::Udp(_)) | None => Ok(()),
        };
    }

    pub(crate) fn close_recording(&self) {
        self.tape.with(|recorded| recorded.end(self.role));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

fn tcp(address: SocketAddr, timeout: Duration, recorder: &Recorder) -> io::Result<Link> {
    let stream = TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1)))?;
    prepare(&stream)?;
    let recorded = recorder.connection(Leg::ONLY, stream.local_addr()?, address);
    Ok(Link {
        socket: Some(Socket::Tcp(stream)),
        tape: Tape::Stream(Arc::new(Mutex::new(recorded))),
        role: Role::Client,
    })
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SLICE))?;
    stream.set_write_timeout(Some(WRITE_SLICE))
}

fn udp(address: SocketAddr, recorder: &Recorder) -> io::Result<Link> {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(SLICE))?;
    let (recorder, client) = (recorder.clone(), socket.local_addr()?);
    let tape = Tape::Datagrams { recorder, client, server: address, turn: Arc::default() };
    Ok(Link { socket: Some(Socket::Udp(socket)), tape, role: Role::Client })
}

#[cfg(unix)]
fn unix(path: &std::path::Path, recorder: &Recorder) -> io::Result<Link> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(SLICE))?;
    stream.set_write_timeout(Some(WRITE_SLICE))?;
    let [client, server] = OF_UNIX;
    let recorded = recorder.connection(Leg::ONLY, client, server);
    let tape = Tape::Stream(Arc::new(Mutex::new(recorded)));
    Ok(Link { socket: Some(Socket::Unix(stream)), tape, role: Role::Client })
}

#[cfg(not(unix))]
fn unix(_: &std::path::Path, _: &Recorder) -> io::Result<Link> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "Unix sockets are not supported on this system"))
}

/// Receives until the peer's end, or until it is no longer wanted.
fn receive(
    input: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    is_udp: bool,
    (tape, peer): (&Tape, Role),
    arrivals: &Arrivals,
) {
    let (mut buffer, mut received) = (vec![0; PIECE], 0u64);
    while !arrivals.is_stopped() {
        match input(&mut buffer) {
            Ok(0) if !is_udp => {
                tape.with(|recorded| recorded.end(peer));
                return arrivals.ended(End::Closed);
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                // Recording does not fail here: the recorder says so itself.
                let _ = tape.during(peer, || Ok(bytes));
                received += count as u64;
                arrivals.more(count as u64);
                if received > MOST_RECEIVED {
                    return arrivals.ended(End::Flooded);
                }
            }
            Err(error) if is_transient(&error) => {}
            Err(_) if arrivals.is_stopped() => return,
            Err(_) => {
                tape.with(|recorded| recorded.reset(peer));
                return arrivals.ended(End::Reset);
            }
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Why a connection failed, as a person says it.
pub(crate) fn reason(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => {
            "no program listens there; start it, or check the port".to_owned()
        }
        io::ErrorKind::TimedOut if cause.raw_os_error().is_some() || cause.get_ref().is_none() => {
            "it does not reply in time; check that the address is right and no firewall is between".to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "it broke the connection off".to_owned()
        }
        io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => "it has closed the connection".to_owned(),
        _ => cause.to_string(),
    }
}
