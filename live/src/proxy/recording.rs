//! What of a connection is recorded: once where what one side sends is what the other receives, else on either side.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use framescope_parser::Role;

use crate::recorder::{Leg, Recorded, Recorder};

/// How a connection is recorded.
pub(super) enum Recording {
    /// As if the programs were connected directly.
    Once(Mutex<Recorded>),
    /// What is received and what is sent, as two connections.
    Twice { client_side: Mutex<Recorded>, server_side: Mutex<Recorded> },
}

/// The addresses of the connections on either side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) client: SocketAddr,
    /// Where the client connected to.
    pub(super) accepted_at: SocketAddr,
    /// Where the target was connected from.
    pub(super) connected_from: SocketAddr,
    pub(super) target: SocketAddr,
}

impl Recording {
    pub(super) fn new(recorder: &Recorder, addresses: Addresses, twice: bool) -> Recording {
        let Addresses { client, accepted_at, connected_from, target } = addresses;
        if !twice {
            return Recording::Once(Mutex::new(recorder.connection(Leg::ONLY, client, target)));
        }
        Recording::Twice {
            client_side: Mutex::new(recorder.connection(Leg::CLIENT_SIDE, client, accepted_at)),
            server_side: Mutex::new(recorder.connection(Leg::SERVER_SIDE, connected_from, target)),
        }
    }

    /// Bytes that a program sent were received.
    pub(super) fn received(&self, from: Role, bytes: &[u8]) {
        self.arriving(from).data(from, bytes);
    }

    /// Bytes were sent on to the other program.
    pub(super) fn sent(&self, from: Role, bytes: &[u8]) {
        if let Some(mut leaving) = self.leaving(from) {
            leaving.data(from, bytes);
        }
    }

    /// A program sends no more.
    pub(super) fn end_received(&self, from: Role) {
        self.arriving(from).end(from);
    }

    /// The other program learns that no more comes.
    pub(super) fn end_sent(&self, from: Role) {
        if let Some(mut leaving) = self.leaving(from) {
            leaving.end(from);
        }
    }

    /// A program broke the connection off, and so the other sees it break.
    pub(super) fn reset(&self, from: Role) {
        self.arriving(from).reset(from);
        if let Some(mut leaving) = self.leaving(from) {
            leaving.reset(from);
        }
    }

    /// What sits in between breaks the connection off, towards both.
    pub(super) fn reset_on_purpose(&self) {
        match self {
            Recording::Once(recorded) => lock(recorded).reset(Role::Server),
            Recording::Twice { client_side, server_side } => {
                lock(client_side).reset(Role::Server);
                lock(server_side).reset(Role::Client);
            }
        }
    }

    fn arriving(&self, from: Role) -> MutexGuard<'_, Recorded> {
        lock(match (self, from) {
            (Recording::Once(recorded), _) => recorded,
            (Recording::Twice { client_side, .. }, Role::Client) => client_side,
            (Recording::Twice { server_side, .. }, Role::Server) => server_side,
        })
    }

    fn leaving(&self, from: Role) -> Option<MutexGuard<'_, Recorded>> {
        match (self, from) {
            (Recording::Once(_), _) => None,
            (Recording::Twice { server_side, .. }, Role::Client) => Some(lock(server_side)),
            (Recording::Twice { client_side, .. }, Role::Server) => Some(lock(client_side)),
        }
    }
}

fn lock(recorded: &Mutex<Recorded>) -> MutexGuard<'_, Recorded> {
    recorded.lock().unwrap_or_else(PoisonError::into_inner)
}
