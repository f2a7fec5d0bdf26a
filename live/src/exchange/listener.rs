//! Waits for a program to begin the conversation.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use framescope_capture::{Options, Source};

use super::link::Link;
use super::{Exchange, ExchangeError};
use crate::{Limits, LiveIndex, Recorder, Target};

/// How long it is waited before it is seen whether that is still wanted.
const PAUSE: Duration = Duration::from_millis(10);

/// A place where a program can connect to, for conversations of which this side is the server.
#[derive(Debug)]
pub struct Listener {
    target: Target,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Listener {
    /// Listens there; with port 0 at a free one.
    ///
    /// # Errors
    /// The address is used by another program, or is not one of this machine.
    pub fn bind(target: &Target) -> Result<Listener, ExchangeError> {
        let refused = |cause| ExchangeError::NotListening { target: target.clone(), cause };
        let addresses = target.addresses().map_err(refused)?;
        let socket = match target {
            Target::Tcp(_) => TcpListener::bind(&addresses[..]).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(Socket::Tcp(listener))
            }),
            Target::Udp(_) => UdpSocket::bind(&addresses[..]).and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok(Socket::Udp(socket))
            }),
            Target::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "only TCP and UDP ports are listened at"))
            }
        };
        Ok(Listener { target: target.clone(), socket: socket.map_err(refused)? })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr(),
            Socket::Udp(socket) => socket.local_addr(),
        }
    }

    /// Waits for the next conversation, and records it. None once `goes_on` returns false. Of UDP, it is with the first that sends
    /// something, and there is no other after it.
    ///
    /// # Errors
    /// A rule of `options` names no protocol, or the connection broke off at once.
    pub fn accept(
        &self,
        options: &Options,
        limits: &Limits,
        timeout: Duration,
        (recorder, source): (Recorder, Source),
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Exchange>, ExchangeError> {
        let live = LiveIndex::new(recorder.clone(), source, options)?;
        let refused = |cause| ExchangeError::NotListening { target: self.target.clone(), cause };
        while goes_on() {
            let link = match &self.socket {
                Socket::Tcp(listener) => {
                    listener.accept().and_then(|(stream, _)| Link::accepted(stream, &recorder))
                }
                Socket::Udp(socket) => socket.peek_from(&mut [0; 1 << 16]).and_then(|(_, peer)| {
                    socket.connect(peer)?;
                    Link::of_datagrams(socket.try_clone()?, &recorder)
                }),
            };
            match link {
                Ok(link) => {
                    let exchange = Exchange::over(link, live, (&self.target, options, limits, timeout))?;
                    return Ok(Some(exchange));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(None)
    }
}
