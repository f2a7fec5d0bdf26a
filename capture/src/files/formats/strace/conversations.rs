//! The conversations of all sockets: each is written once, also where the log shows it from both ends.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;

use super::descriptors::Socket;
use super::packets::{Conversation, Endpoints};
use crate::files::formats::text::Writer;

#[derive(Debug, Default)]
pub(super) struct Conversations {
    endpoints: HashSet<(SocketAddr, SocketAddr)>,
    pub(super) count: usize,
    /// How many were shown from both ends.
    pub(super) mirrored: u64,
}

impl Conversations {
    /// The conversation of a socket with a peer; None where the peer's own socket shows it already.
    pub(super) fn of<'s>(
        &mut self,
        socket: &'s mut Socket,
        peer: Option<SocketAddr>,
        out: &mut Writer,
    ) -> io::Result<Option<&'s mut Conversation>> {
        let peer = if socket.is_datagram { peer.or(socket.peer) } else { socket.peer };
        // A connection is one conversation, whatever becomes known of its endpoints.
        let key = peer.filter(|_| socket.is_datagram);
        let (local, is_tcp) = (socket.local, !socket.is_datagram);
        let conversation = socket.conversations.entry(key).or_insert_with(|| {
            let endpoints = Endpoints::of(local, peer, self.count);
            if self.endpoints.contains(&(endpoints.peer, endpoints.local)) {
                self.mirrored += 1;
                return None;
            }
            self.endpoints.insert((endpoints.local, endpoints.peer));
            self.count += 1;
            Some(Conversation::new(endpoints, is_tcp))
        });
        if let (Some(conversation), Some((time_ns, by_program))) =
            (conversation.as_mut(), socket.opened.take())
        {
            conversation.open(time_ns, by_program, out)?;
        }
        Ok(conversation.as_mut())
    }

    /// One side of a socket's connection has ended; nothing happens if there is none.
    pub(super) fn end(
        &mut self,
        socket: &mut Socket,
        time_ns: Option<i64>,
        is_sent: bool,
        out: &mut Writer,
    ) -> io::Result<()> {
        if socket.opened.is_some() {
            self.of(socket, None, out)?;
        }
        for conversation in socket.conversations.values_mut().flatten().take(1) {
            conversation.close(time_ns, is_sent, out)?;
            if is_sent {
                // The same ports may be used again.
                let Endpoints { local, peer } = conversation.endpoints;
                self.endpoints.remove(&(local, peer));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::formats::text::Output;

    fn socket(local: &str, peer: &str) -> Socket {
        let [local, peer] = [local, peer].map(|address| Some(address.parse().unwrap()));
        Socket { local, peer, opened: Some((None, true)), ..Socket::default() }
    }

    #[test]
    fn a_connection_between_two_sockets_of_the_log_is_written_once() {
        let mut out = Writer::new(Output::Memory(Vec::new()));
        let mut all = Conversations::default();
        let (mut client, mut server) =
            (socket("10.0.0.1:5", "10.0.0.2:6"), socket("10.0.0.2:6", "10.0.0.1:5"));
        assert!(all.of(&mut client, None, &mut out).unwrap().is_some());
        assert!(all.of(&mut server, None, &mut out).unwrap().is_none());
        assert_eq!((all.count, all.mirrored, out.packets), (1, 1, 2));
        all.end(&mut client, None, true, &mut out).unwrap();
        all.end(&mut client, None, true, &mut out).unwrap();
        assert_eq!(out.packets, 3, "an end is written once");
        assert!(all.of(&mut socket("10.0.0.2:6", "10.0.0.1:5"), None, &mut out).unwrap().is_some());
    }

    #[test]
    fn a_datagram_socket_has_a_conversation_with_each_peer() {
        let mut out = Writer::new(Output::Memory(Vec::new()));
        let mut all = Conversations::default();
        let mut one = Socket { is_datagram: true, ..Socket::default() };
        for peer in ["10.0.0.1:5", "10.0.0.2:5", "10.0.0.1:5"] {
            assert!(all.of(&mut one, Some(peer.parse().unwrap()), &mut out).unwrap().is_some());
        }
        assert_eq!((all.count, one.conversations.len()), (2, 2));
    }
}
