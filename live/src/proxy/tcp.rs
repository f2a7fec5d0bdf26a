//! Connections: accepts them, connects each to the target, and forwards both directions.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use framescope_parser::Role;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Shared;
use super::end::{End, Stream};
use super::pump::{Broken, Ended, Way};
use super::recording::{Addresses, Recording};

/// How many clients may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long a target may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait where nothing can be accepted, as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens at the first address where that is possible.
pub(super) fn listen(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = listen_at(*address);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // So that a port can be listened at again immediately. On Windows this would let two programs share it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts connections for ever.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                shared.counts.begun();
                tokio::spawn(connection(Arc::clone(&shared), stream, client));
            }
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                shared.notice(format!("a client can't be accepted yet: {error}{}", hint(&error)));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether a client was gone before it was accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// What to do about the want of files, if that is what is wrong.
fn hint(error: &io::Error) -> &'static str {
    // EMFILE and ENFILE have no kind of their own.
    if cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)) {
        return "; more files may be open after `ulimit -n 65536`";
    }
    ""
}

/// Forwards one connection from its first byte to its end.
async fn connection(shared: Arc<Shared>, client: TcpStream, client_address: SocketAddr) {
    let Ok(accepted_at) = client.local_addr() else { return };
    let (target, addresses) = match connect(&shared.targets).await {
        Ok(target) => {
            let (Ok(connected_from), Ok(at)) = (target.local_addr(), target.peer_addr()) else { return };
            (target, Addresses { client: client_address, accepted_at, connected_from, target: at })
        }
        Err(error) => {
            let targets = shared.targets.first().copied().unwrap_or(accepted_at);
            let addresses = Addresses {
                client: client_address,
                accepted_at,
                connected_from: client_address,
                target: targets,
            };
            Recording::new(&shared.recorder, addresses, false).reset(Role::Server);
            End::new(Stream::Plain(client)).reset();
            shared.counts.failed();
            shared.notice(format!("{} can't be connected to: {}", shared.target, reason(&error)));
            return;
        }
    };
    let recording = Recording::new(&shared.recorder, addresses, false);
    let (client, target) = (End::new(Stream::Plain(client)), End::new(Stream::Plain(target)));
    forward(&shared, client, target, &recording).await;
}

/// Forwards both directions until both have ended.
async fn forward(shared: &Shared, client: End, target: End, recording: &Recording) {
    let counts = &*shared.counts;
    let to_target = Way { role: Role::Client, from: &client, to: &target, recording, counts };
    let to_client = Way { role: Role::Server, from: &target, to: &client, recording, counts };
    let broken = match tokio::try_join!(to_target.forward(), to_client.forward()) {
        Ok((Ended::Refused, _)) => Role::Server,
        Ok((_, Ended::Refused)) => Role::Client,
        Ok((Ended::Orderly, Ended::Orderly)) => return,
        Err(Broken(role)) => role,
    };
    recording.reset(broken);
    client.reset();
    target.reset();
}

/// Connects to the first of the addresses that accepts.
async fn connect(targets: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for target in targets {
        match timeout(PATIENCE, TcpStream::connect(target)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Why a target was not reached, and what to look at.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "no program listens there; the client was reset".to_owned(),
        io::ErrorKind::TimedOut => {
            format!("no answer in {} seconds; the client was reset", PATIENCE.as_secs())
        }
        _ => format!("{error}{}; the client was reset", hint(error)),
    }
}
