//! The connections of a peer for tests: each has a thread that receives and one that sends, so that one that does not read keeps none of
//! the others waiting.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::exchange::arrivals::{Arrivals, End};
use crate::exchange::link::Link;
use crate::{Leg, Recorder, Target};

/// How long it is waited before it is seen whether that is still wanted.
const SLICE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(5);
/// What may wait to be sent on a connection.
const MOST_WAITING: usize = 1024;
/// A peer that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What happened.
pub(super) enum Event {
    /// A connection was made, or the first datagram of a peer has come.
    Opened(SocketAddr, Connection),
    /// Something was received, or a connection has ended: its state says which.
    Woken,
    /// No more connections are accepted, and why.
    Failed(io::Error),
}

/// A connection, for who answers on it.
pub(super) enum Connection {
    Stream { arrivals: Arc<Arrivals>, out: SyncSender<Out> },
    Datagrams { socket: Arc<UdpSocket>, recorder: Recorder, own: SocketAddr, peer: SocketAddr },
}

/// What is done on a connection.
pub(super) enum Out {
    /// Bytes, and in which pieces.
    Bytes(Vec<u8>, Option<NonZeroUsize>),
    Close,
    Reset,
}

/// Why something could not be done on a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutError {
    #[error("it does not read what is sent, and is given up")]
    Behind,
    #[error("it has ended")]
    Ended,
    #[error("a datagram can't be sent: {0}")]
    Datagram(io::Error),
}

impl Connection {
    /// Sends, or ends the connection.
    pub(super) fn put(&self, out: Out) -> Result<(), OutError> {
        match self {
            Connection::Stream { out: to, .. } => to.try_send(out).map_err(|error| match error {
                TrySendError::Full(_) => OutError::Behind,
                TrySendError::Disconnected(_) => OutError::Ended,
            }),
            Connection::Datagrams { socket, recorder, own, peer } => {
                let Out::Bytes(bytes, cut) = out else { return Ok(()) };
                let size = cut.map_or(bytes.len().max(1), NonZeroUsize::get);
                for piece in bytes.chunks(size) {
                    // What it is answered with is recorded after it.
                    recorder.datagram(Leg::ONLY, *own, *peer, piece);
                    socket.send_to(piece, peer).map_err(OutError::Datagram)?;
                }
                Ok(())
            }
        }
    }
}

/// The place that is listened at, and the threads behind it.
pub(super) struct Connections {
    address: SocketAddr,
    pub(super) events: Receiver<Event>,
    stopped: Arc<AtomicBool>,
    writers: Arc<Mutex<Vec<thread::JoinHandle<()>>>>,
}

impl Connections {
    pub(super) fn listen(target: &Target, recorder: &Recorder) -> io::Result<Connections> {
        let addresses = target.addresses()?;
        let (to, events) = channel();
        let (stopped, writers) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (recorder, stop) = (recorder.clone(), Arc::clone(&stopped));
        let address = match target {
            Target::Tcp(_) => {
                let listener = TcpListener::bind(&addresses[..])?;
                listener.set_nonblocking(true)?;
                let (address, writers) = (listener.local_addr()?, Arc::clone(&writers));
                start("accept", move || accept(&listener, &recorder, &to, &stop, &writers))?;
                address
            }
            Target::Udp(_) => {
                let socket = UdpSocket::bind(&addresses[..])?;
                socket.set_read_timeout(Some(SLICE))?;
                let address = socket.local_addr()?;
                start("receive", move || datagrams(&Arc::new(socket), (&recorder, address), &to, &stop))?;
                address
            }
            Target::Unix(_) => {
                let what = "only TCP and UDP ports are listened at";
                return Err(io::Error::new(io::ErrorKind::Unsupported, what));
            }
        };
        Ok(Connections { address, events, stopped, writers })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, and waits until what is to be sent was sent. All connections must have been dropped.
    pub(super) fn end(self) {
        self.stopped.store(true, Ordering::Release);
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in writers {
            let _ = writer.join();
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn accept(
    listener: &TcpListener,
    recorder: &Recorder,
    to: &Sender<Event>,
    stop: &AtomicBool,
    writers: &Mutex<Vec<thread::JoinHandle<()>>>,
) {
    while !stop.load(Ordering::Acquire) {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(PAUSE);
                continue;
            }
            // It was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                let _ = to.send(Event::Failed(error));
                // As when too many files are open: some may be closed soon.
                thread::sleep(SLICE);
                continue;
            }
        };
        let connection = Link::accepted(stream, recorder).and_then(|link| serve(link, to));
        match connection {
            Ok((connection, writer)) => {
                let mut writers = writers.lock().unwrap_or_else(PoisonError::into_inner);
                writers.retain(|writer| !writer.is_finished());
                writers.push(writer);
                drop(writers);
                if to.send(Event::Opened(peer, connection)).is_err() {
                    return;
                }
            }
            // A connection that is gone already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => {
                let _ = to.send(Event::Failed(error));
            }
        }
    }
}

/// Starts the threads of a connection.
fn serve(mut link: Link, to: &Sender<Event>) -> io::Result<(Connection, thread::JoinHandle<()>)> {
    let wake = Mutex::new(to.clone());
    let arrivals = Arc::new(Arrivals::waking(move || {
        let _ = wake.lock().unwrap_or_else(PoisonError::into_inner).send(Event::Woken);
    }));
    let mut receiving = link.receive(&arrivals)?;
    let (out, queue) = sync_channel(MOST_WAITING);
    let of_writer = Arc::clone(&arrivals);
    let writer = start("send", move || {
        for out in queue {
            let done = match out {
                Out::Bytes(bytes, cut) => {
                    let size = cut.map_or(bytes.len().max(1), NonZeroUsize::get);
                    let mut pieces = bytes.chunks(size);
                    pieces.try_for_each(|piece| link.send(piece, Instant::now() + PATIENCE, &of_writer))
                }
                Out::Close => break,
                Out::Reset => {
                    receiving.stop();
                    link.reset();
                    break;
                }
            };
            if done.is_err() {
                of_writer.ended(End::Reset);
                break;
            }
        }
        link.close_recording();
        link.close();
        receiving.stop();
    })?;
    Ok((Connection::Stream { arrivals, out }, writer))
}

fn datagrams(
    socket: &Arc<UdpSocket>,
    (recorder, own): (&Recorder, SocketAddr),
    to: &Sender<Event>,
    stop: &AtomicBool,
) {
    let (mut buffer, mut known) = (vec![0; 1 << 16], BTreeSet::new());
    while !stop.load(Ordering::Acquire) {
        let (count, peer) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            // An earlier datagram that found no one is reported here on some systems.
            Err(_) => continue,
        };
        if known.insert(peer) {
            let (socket, recorder) = (Arc::clone(socket), recorder.clone());
            let connection = Connection::Datagrams { socket, recorder, own, peer };
            if to.send(Event::Opened(peer, connection)).is_err() {
                return;
            }
        }
        recorder.datagram(Leg::ONLY, peer, own, buffer.get(..count).unwrap_or_default());
        if to.send(Event::Woken).is_err() {
            return;
        }
    }
}
