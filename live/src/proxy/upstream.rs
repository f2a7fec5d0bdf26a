//! From a client that has connected to the target that it is to be forwarded to: asked for, connected, in TLS where that is wanted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::end::Stream;
use super::tls::{self, Greeted, ToTarget};
use super::tunnel::{Answer, Asked, Asking};
use super::{Address, Authority, ProxyError, Settings, Target};
use crate::limits::Limits;

/// How long a target may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client in a tunnel may wait before it is taken for one that lets the server speak first, and not TLS.
const SILENCE: Duration = Duration::from_millis(300);
/// What TLS begins with: a record of a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// How targets are reached.
pub(super) struct Upstream {
    target: Where,
    limits: Limits,
    tls_listen: Option<Arc<Authority>>,
    tls_target: Option<ToTarget>,
    always_tls: bool,
}

enum Where {
    Fixed(Address, Vec<SocketAddr>),
    Asked(Asking),
}

/// Both ends of a connection.
pub(super) struct Both {
    pub(super) client: Stream,
    pub(super) target: Stream,
}

/// A client that could not be connected.
pub(super) struct Failed {
    pub(super) client: Option<TcpStream>,
    /// The target's address, if it is known.
    pub(super) target: Option<SocketAddr>,
    /// A sentence.
    pub(super) why: String,
}

/// The target of one connection.
struct Chosen {
    name: Address,
    addresses: Vec<SocketAddr>,
    asked: Option<Asked>,
}

impl Upstream {
    pub(super) fn new(settings: &Settings) -> Result<Upstream, ProxyError> {
        let limits = settings.limits;
        let target = match &settings.target {
            Target::Asked(asking) => Where::Asked(*asking),
            Target::Fixed(address) => {
                let unknown = |cause| ProxyError::Unknown { address: address.clone(), cause };
                let addresses = address.resolve().map_err(unknown)?;
                addresses.iter().try_for_each(|target| limits.check(*target))?;
                Where::Fixed(address.clone(), addresses)
            }
        };
        let tls_listen = settings.tls_listen.clone();
        // What a client says in TLS through a tunnel is for a target that speaks TLS.
        let in_tunnels = tls_listen.is_some() && matches!(target, Where::Asked(_));
        let is_needed = settings.tls_target || in_tunnels;
        let tls_target = is_needed.then(|| ToTarget::new(&settings.trust)).transpose()?;
        Ok(Upstream { target, limits, tls_listen, tls_target, always_tls: settings.tls_target })
    }

    /// The address that everything goes to, if there is one.
    pub(super) fn fixed(&self) -> Option<SocketAddr> {
        match &self.target {
            Where::Fixed(_, addresses) => addresses.first().copied(),
            Where::Asked(_) => None,
        }
    }

    /// Connects a client to its target.
    pub(super) async fn connect(
        &self,
        mut client: TcpStream,
        client_address: SocketAddr,
    ) -> Result<Both, Failed> {
        let chosen = match self.choose(&mut client, client_address).await {
            Ok(chosen) => chosen,
            Err(why) => return Err(Failed { client: Some(client), target: None, why }),
        };
        let Chosen { name, addresses, asked } = &chosen;
        let connected = self.reach(name, addresses, asked.is_some()).await;
        if let Some(asked) = asked {
            let answer = match &connected {
                Ok(_) => Answer::Connected,
                Err((answer, _)) => *answer,
            };
            if let Err(error) = asked.answer(&mut client, answer).await {
                let why = format!("a client at {client_address} was gone before it was connected: {error}");
                return Err(Failed { client: None, target: None, why });
            }
        }
        let target = match connected {
            Ok(target) => target,
            // One that asked has got its answer.
            Err((_, why)) => {
                let client = if asked.is_some() { None } else { Some(client) };
                return Err(Failed { client, target: addresses.first().copied(), why });
            }
        };
        self.secure(client, client_address, target, &chosen).await
    }

    /// Finds out where a client is to be connected to.
    async fn choose(&self, client: &mut TcpStream, address: SocketAddr) -> Result<Chosen, String> {
        match &self.target {
            Where::Fixed(name, addresses) => {
                Ok(Chosen { name: name.clone(), addresses: addresses.clone(), asked: None })
            }
            Where::Asked(asking) => {
                let failed =
                    |error| format!("a client at {address} can't be connected: {}", asking_failure(&error));
                let asked = asking.read(client).await.map_err(failed)?;
                let name = asked.to.clone();
                let host = (name.host().unwrap_or_default().to_owned(), name.port());
                // What has no address is reported when it is to be reached.
                let addresses =
                    tokio::net::lookup_host(host).await.map(Iterator::collect).unwrap_or_default();
                Ok(Chosen { name, addresses, asked: Some(asked) })
            }
        }
    }

    /// Connects to the first of a target's addresses that accepts.
    async fn reach(
        &self,
        name: &Address,
        addresses: &[SocketAddr],
        asked: bool,
    ) -> Result<TcpStream, (Answer, String)> {
        if addresses.is_empty() {
            return Err((
                Answer::Unreachable,
                format!("{name} can't be connected to: its name is not known"),
            ));
        }
        if let Some(refused) = addresses.iter().find_map(|address| self.limits.check(*address).err()) {
            return Err((Answer::NotAllowed, format!("{name} is not connected to: {refused}")));
        }
        let mut last = io::ErrorKind::AddrNotAvailable.into();
        for address in addresses {
            match timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        let answer = match last.kind() {
            io::ErrorKind::ConnectionRefused => Answer::Refused,
            _ => Answer::Unreachable,
        };
        let end = if asked { "" } else { "; the client was reset" };
        Err((answer, format!("{name} can't be connected to: {}{end}", unreached(&last))))
    }

    /// Speaks TLS with whom it is wanted.
    async fn secure(
        &self,
        client: TcpStream,
        address: SocketAddr,
        target: TcpStream,
        chosen: &Chosen,
    ) -> Result<Both, Failed> {
        let target_address = target.peer_addr().ok();
        let failed = |client, why| Failed { client, target: target_address, why };
        let host = chosen.name.host().unwrap_or("127.0.0.1").to_owned();
        let Some(authority) = &self.tls_listen else {
            let target = match self.tls_target.as_ref().filter(|_| self.always_tls) {
                None => Stream::Plain(target),
                Some(to_target) => match to_target.connect(target, &host, Vec::new()).await {
                    Ok(target) => Stream::Tls(Box::new(target)),
                    Err(error) => return Err(failed(Some(client), tls::target_failure(&host, &error))),
                },
            };
            return Ok(Both { client: Stream::Plain(client), target });
        };
        if chosen.asked.is_some() && !begins_with_tls(&client).await {
            return Ok(Both { client: Stream::Plain(client), target: Stream::Plain(target) });
        }
        let greeted = Greeted::new(client).await;
        let greeted =
            greeted.map_err(|error| failed(None, tls::client_failure(&address, authority, &error)))?;
        let wants_tls = self.always_tls || chosen.asked.is_some();
        let (target, alpn) = match self.tls_target.as_ref().filter(|_| wants_tls) {
            None => (Stream::Plain(target), None),
            Some(to_target) => {
                let host = greeted.server_name().unwrap_or(host.clone());
                let target = to_target.connect(target, &host, greeted.alpn()).await;
                let target = target.map_err(|error| failed(None, tls::target_failure(&host, &error)))?;
                let alpn = target.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
                (Stream::Tls(Box::new(target)), alpn)
            }
        };
        let mut otherwise = vec![host, "localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        otherwise.dedup();
        let client = greeted.accept(authority, otherwise, alpn).await;
        let client =
            client.map_err(|error| failed(None, tls::client_failure(&address, authority, &error)))?;
        Ok(Both { client: Stream::Tls(Box::new(client)), target })
    }
}

/// Whether a client begins to speak, and with TLS.
async fn begins_with_tls(client: &TcpStream) -> bool {
    let mut first = [0];
    match timeout(SILENCE, client.peek(&mut first)).await {
        Ok(Ok(1)) => first == [TLS_HANDSHAKE],
        _ => false,
    }
}

fn asking_failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "it does not say where to".to_owned(),
        io::ErrorKind::UnexpectedEof => "it ended without saying where to".to_owned(),
        _ => error.to_string(),
    }
}

/// Why a target was not reached.
fn unreached(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "no program listens there".to_owned(),
        io::ErrorKind::TimedOut => format!("no answer in {} seconds", PATIENCE.as_secs()),
        _ => format!("{error}{}", super::tcp::hint(error)),
    }
}
