//! Connections: accepts them, connects each to the target, and forwards both directions.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use framescope_parser::Role;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use super::Shared;
use super::end::{End, Stream};
use super::faults::{Gate, Shaping};
use super::pump::{Broken, Ended, Way};
use super::recording::{Addresses, Recording};
use super::upstream::{Both, Failed};

/// How many clients may wait to be accepted.
const BACKLOG: i32 = 4096;
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
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                shared.counts.begun();
                number += 1;
                tokio::spawn(connection(Arc::clone(&shared), stream, client, number));
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
pub(super) fn hint(error: &io::Error) -> &'static str {
    // EMFILE and ENFILE have no kind of their own.
    if cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)) {
        return "; more files may be open after `ulimit -n 65536`";
    }
    ""
}

/// Forwards one connection from its first byte to its end.
async fn connection(shared: Arc<Shared>, client: TcpStream, client_address: SocketAddr, number: u64) {
    let Ok(accepted_at) = client.local_addr() else { return };
    // Boxed, so that nothing is kept of it.
    let Both { client, target } = match Box::pin(shared.upstream.connect(client, client_address)).await {
        Ok(both) => both,
        Err(failed) => {
            fail(&shared, failed, client_address);
            return;
        }
    };
    let (Ok(connected_from), Ok(connected_to)) = (target.tcp().local_addr(), target.tcp().peer_addr()) else {
        return;
    };
    let addresses = Addresses { client: client_address, accepted_at, connected_from, target: connected_to };
    let recording = Recording::new(&shared.recorder, addresses, shared.is_changed());
    let (client, target) = (End::new(client), End::new(target));
    let connection = Connection {
        shared: &shared,
        client: &client,
        target: &target,
        recording: &recording,
        addresses,
        number,
    };
    let broken = match tokio::try_join!(connection.forward(Role::Client), connection.forward(Role::Server)) {
        Ok((Ended::Refused, _)) => Broken::By(Role::Server),
        Ok((_, Ended::Refused)) => Broken::By(Role::Client),
        Ok((Ended::Orderly, Ended::Orderly)) => return,
        Err(broken) => broken,
    };
    match broken {
        Broken::By(role) => recording.reset(role),
        Broken::OnPurpose => recording.reset_on_purpose(),
    }
    client.reset();
    target.reset();
}

/// A connection, and what it is connected with.
struct Connection<'c> {
    shared: &'c Shared,
    client: &'c End,
    target: &'c End,
    recording: &'c Recording,
    addresses: Addresses,
    number: u64,
}

impl Connection<'_> {
    /// Forwards what one side sends.
    async fn forward(&self, role: Role) -> Result<Ended, Broken> {
        let Connection { shared, client, target, recording, addresses, number } = *self;
        let Addresses { client: client_address, accepted_at, connected_from, target: target_address } =
            addresses;
        let (from, to, ends) = match role {
            Role::Client => (client, target, (client_address, accepted_at)),
            Role::Server => (target, client, (target_address, connected_from)),
        };
        let way = Way { role, from, to, recording, counts: &shared.counts };
        let faults = shared.faults.of(role);
        let messages = shared.messages.as_ref().filter(|messages| messages.are_needed(role));
        if faults.is_empty() && messages.is_none() {
            return way.forward().await;
        }
        let purpose = shared.faults.purpose(number, role);
        let gate = messages.map(|messages| Gate::new(messages, ends, faults, purpose));
        let unread = || {
            let sender = role.as_str();
            shared.notice(format!(
                "bytes of a {sender} are passed on as they are: no message was found in them"
            ));
        };
        // Boxed, so that a connection without faults has no room for it.
        Box::pin(Shaping { way, faults, purpose, gate, unread: &unread }.forward()).await
    }
}

/// A client could not be connected: it is reset, unless it was answered.
fn fail(shared: &Shared, Failed { client, target, why }: Failed, client_address: SocketAddr) {
    if let Some(target) = target {
        shared.recorder.connection(shared.first_leg(), client_address, target).reset(Role::Server);
    }
    if let Some(client) = client {
        End::new(Stream::Plain(client)).reset();
    }
    shared.counts.failed();
    shared.notice(why);
}
