//! Sits between programs: forwards what they send, and records it.
//!
//! Forwarding waits neither for decoding, which follows the recording, nor keeps anything that the receiver does not take: a slow
//! receiver slows the sender down, as if they were connected directly.

mod address;
mod authority;
mod counts;
mod end;
mod faults;
mod notices;
mod pump;
mod recording;
mod road;
mod tcp;
mod tls;
mod tunnel;
mod udp;
mod upstream;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;

use framescope_capture::{Options, ReadError, Source};
use framescope_parser::Role;
use tokio::sync::{Semaphore, watch};

pub use self::address::{Address, AddressError};
pub use self::authority::{Authority, AuthorityError};
use self::counts::Counts;
pub use self::counts::Summary;
use self::faults::Messages;
pub use self::faults::{Fault, FaultError, Faults, NotOfDatagrams};
use self::notices::Notices;
pub use self::tls::{Trust, TrustError};
pub use self::tunnel::Asking;
use self::upstream::Upstream;
use crate::Edit;
use crate::limits::{Limits, Refused};
use crate::recorder::{Leg, Recorder};

/// What is forwarded, and where to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect to; with port 0 any free one.
    pub listen: Address,
    /// Where what they send goes.
    pub target: Target,
    /// Datagrams and not connections.
    pub udp: bool,
    /// Which targets are allowed.
    pub limits: Limits,
    /// What is done to what passes.
    pub faults: Faults,
    /// Which messages are changed, on either way.
    pub edits: Vec<Edit>,
    /// Clients speak TLS, and this authority certifies what they expect.
    pub tls_listen: Option<Arc<Authority>>,
    /// The target is spoken to in TLS.
    pub tls_target: bool,
    /// Which targets are trusted.
    pub trust: Trust,
}

/// Where what clients send goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// Always to the same program.
    Fixed(Address),
    /// Where each client asks to be connected to.
    Asked(Asking),
}

impl FromStr for Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Target, AddressError> {
        Ok(match text {
            "socks5" => Target::Asked(Asking::Socks5),
            "http-connect" => Target::Asked(Asking::HttpConnect),
            "auto" => Target::Asked(Asking::Any),
            address => Target::Fixed(address.parse()?),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Fixed(address) => return address.fmt(f),
            Target::Asked(Asking::Socks5) => "where clients ask for as SOCKS5",
            Target::Asked(Asking::HttpConnect) => "where clients ask for with CONNECT",
            Target::Asked(Asking::Any) => "where clients ask for as SOCKS5 or with CONNECT",
        })
    }
}

impl Settings {
    /// Forwards connections as they are.
    pub fn new(listen: Address, target: Target) -> Settings {
        let (limits, faults) = (Limits::default(), Faults::default());
        let edits = Vec::new();
        Settings {
            listen,
            target,
            udp: false,
            limits,
            faults,
            edits,
            tls_listen: None,
            tls_target: false,
            trust: Trust::System,
        }
    }
}

impl Settings {
    /// Whether what is to be done makes sense.
    fn check(&self) -> Result<(), ProxyError> {
        if !self.udp {
            return Ok(());
        }
        self.faults.check_datagrams()?;
        if !self.edits.is_empty() {
            return Err(ProxyError::EditOfDatagrams);
        }
        let is_plain = self.tls_listen.is_none() && !self.tls_target;
        if is_plain && matches!(self.target, Target::Fixed(_)) {
            Ok(())
        } else {
            Err(ProxyError::NotOfDatagrams)
        }
    }

    /// What finds messages in connections, if that is needed.
    fn messages(
        &self,
        recorder: &Recorder,
        (source, options): (&Source, &Options),
        notices: &Arc<Notices>,
    ) -> Result<Option<Messages>, ReadError> {
        let needed = Role::BOTH.map(|role| !self.edits.is_empty() || self.faults.are_of_messages(role));
        if self.udp || needed == [false; 2] {
            return Ok(None);
        }
        let notices = Arc::clone(notices);
        let notify = move |text| notices.notice(text);
        Messages::new((source.clone(), options), recorder.clone(), self.edits.clone(), needed, notify)
            .map(Some)
    }
}

/// How many datagrams may wait for their time.
const MOST_LATE: usize = 10_000;

/// Why a proxy can't begin.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The target, or where to listen, can't be looked up.
    #[error("{address} can't be looked up: {cause}")]
    Unknown {
        /// As it was written.
        address: Address,
        /// What the system says.
        cause: io::Error,
    },
    /// The target may not be sent to.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A fault makes no sense.
    #[error(transparent)]
    Fault(#[from] NotOfDatagrams),
    /// Messages of datagrams are to be changed.
    #[error("--set changes messages of connections: leave it out, or --udp")]
    EditOfDatagrams,
    /// Datagrams are to be tunnelled or encrypted.
    #[error("TLS, SOCKS5 and CONNECT are for connections: leave them out, or --udp")]
    NotOfDatagrams,
    /// Nothing can be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The recording can't be read as messages.
    #[error(transparent)]
    Reading(#[from] ReadError),
    /// The port can't be listened at.
    #[error("can't listen at {address}: {cause}{}", hint(cause))]
    Listen {
        /// As it was written.
        address: Address,
        /// What the system says.
        cause: io::Error,
    },
    /// No thread, or no queue of the system's events.
    #[error("can't start: {0}")]
    Start(io::Error),
}

fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: name another port, or 0 for any",
        io::ErrorKind::PermissionDenied => "; ports from 1024 on are free for all",
        _ => "",
    }
}

/// A proxy that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What all connections share.
struct Shared {
    upstream: Upstream,
    recorder: Recorder,
    counts: Arc<Counts>,
    notices: Arc<Notices>,
    faults: Faults,
    messages: Option<Messages>,
    /// How many datagrams may wait for their time.
    late: Arc<Semaphore>,
}

impl Shared {
    /// Whether what one side sends is not what the other receives.
    fn is_changed(&self) -> bool {
        !self.faults.is_empty() || self.messages.is_some()
    }

    /// Where what clients send is recorded.
    fn first_leg(&self) -> Leg {
        if self.is_changed() { Leg::CLIENT_SIDE } else { Leg::ONLY }
    }

    fn notice(&self, text: String) {
        self.notices.notice(text);
    }
}

/// Where clients arrive.
enum Listener {
    Tcp(std::net::TcpListener),
    Udp(std::net::UdpSocket),
}

impl Proxy {
    /// Listens, and forwards in a thread of its own from then on. What is recorded is read again as `source` where messages have to
    /// be found in it. `notify` is given sentences about what goes wrong.
    ///
    /// # Errors
    /// An address can't be looked up, listened at or sent to.
    pub fn start(
        settings: &Settings,
        recorder: Recorder,
        reading: (&Source, &Options),
        notify: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Proxy, ProxyError> {
        let resolve = |address: &Address| {
            address.resolve().map_err(|cause| ProxyError::Unknown { address: address.clone(), cause })
        };
        settings.check()?;
        let upstream = Upstream::new(settings)?;
        let addresses = resolve(&settings.listen)?;
        let (listener, address) = bind(&addresses, settings.udp)
            .map_err(|cause| ProxyError::Listen { address: settings.listen.clone(), cause })?;
        // Each connection takes two. Where the system allows no more, a sentence says so when they have run out.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let counts = Arc::new(Counts::default());
        let notices = Arc::new(Notices::new(notify));
        let shared = Arc::new(Shared {
            upstream,
            messages: settings.messages(&recorder, reading, &notices)?,
            recorder,
            counts: Arc::clone(&counts),
            notices,
            faults: settings.faults.clone(),
            late: Arc::new(Semaphore::new(MOST_LATE)),
        });
        let (stop, stopped) = watch::channel(false);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ProxyError::Start)?;
        let work = move || {
            let shared_here = Arc::clone(&shared);
            let failed = runtime.block_on(run(listener, shared_here, stopped)).err();
            // Closes what is open. Names that are being looked up are not waited for.
            runtime.shutdown_background();
            // Another thread may still read the recording, which is whole all the same.
            shared.recorder.flush();
            if let Some(error) = failed {
                shared.notice(format!("nothing more is forwarded: {error}"));
            }
        };
        let thread =
            std::thread::Builder::new().name("proxy".to_owned()).spawn(work).map_err(ProxyError::Start)?;
        Ok(Proxy { address, counts, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was forwarded so far.
    pub fn summary(&self) -> Summary {
        self.counts.summary()
    }

    /// Closes all connections, and waits until that is done.
    pub fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Listens at the first address where that is possible.
fn bind(addresses: &[SocketAddr], udp: bool) -> io::Result<(Listener, SocketAddr)> {
    let address;
    let listener = if udp {
        let socket = std::net::UdpSocket::bind(addresses)?;
        socket.set_nonblocking(true)?;
        address = socket.local_addr()?;
        Listener::Udp(socket)
    } else {
        let listener = tcp::listen(addresses)?;
        address = listener.local_addr()?;
        Listener::Tcp(listener)
    };
    Ok((listener, address))
}

/// Forwards until it is stopped.
async fn run(listener: Listener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
    let forwarding = async {
        match listener {
            Listener::Tcp(listener) => tcp::serve(listener, shared).await,
            Listener::Udp(socket) => udp::serve(socket, shared).await,
        }
    };
    tokio::select! {
        result = forwarding => result,
        // It was stopped, or its owner is gone.
        _ = stopped.wait_for(|stopped| *stopped) => Ok(()),
    }
}
