//! Faults on purpose: what is done to what one side sends, before the other receives it.

mod datagrams;
mod gate;
mod grammar;
mod messages;
mod random;
mod shaping;
mod stream;

use framescope_parser::Role;

pub(super) use self::datagrams::{DatagramFaults, Outgoing};
pub(super) use self::gate::Gate;
pub use self::grammar::{Fault, FaultError};
pub(super) use self::messages::Messages;
use self::random::Random;
pub(super) use self::shaping::Shaping;

/// What is done to each direction.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// To what clients send.
    pub to_target: Vec<Fault>,
    /// To what targets send.
    pub to_client: Vec<Fault>,
    /// Where what is random comes from: the same seed does the same at the same places.
    pub seed: u64,
}

/// A fault that does not make sense for datagrams.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0}: datagrams are neither cut nor joined, and have no connection to reset; leave it out, or --udp")]
pub struct NotOfDatagrams(pub Fault);

impl Faults {
    /// What is done to what this side sends.
    pub(super) fn of(&self, role: Role) -> &[Fault] {
        match role {
            Role::Client => &self.to_target,
            Role::Server => &self.to_client,
        }
    }

    /// Whether nothing is done.
    pub fn is_empty(&self) -> bool {
        self.to_target.is_empty() && self.to_client.is_empty()
    }

    /// Whether the seed matters.
    pub fn are_random(&self) -> bool {
        self.to_target.iter().chain(&self.to_client).any(Fault::is_random)
    }

    /// Where the random numbers of one direction come from.
    pub(super) fn purpose(&self, connection: u64, role: Role) -> Purpose {
        Purpose { seed: self.seed, connection, direction: role.index() as u64 }
    }

    /// Whether messages have to be found in connections for them.
    pub(super) fn are_of_messages(&self, role: Role) -> bool {
        self.of(role).iter().any(Fault::is_of_messages)
    }

    /// Whether all make sense for datagrams.
    pub(super) fn check_datagrams(&self) -> Result<(), NotOfDatagrams> {
        let wrong = self.to_target.iter().chain(&self.to_client).find(|fault| !fault.is_of_datagrams());
        wrong.map_or(Ok(()), |fault| Err(NotOfDatagrams(*fault)))
    }
}

/// What random numbers are for: one direction of one conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    pub(super) seed: u64,
    /// The how many-th conversation.
    pub(super) connection: u64,
    /// The sender, as a number.
    pub(super) direction: u64,
}

impl Purpose {
    /// Numbers for one of the faults.
    fn random(self, fault: u64) -> Random {
        Random::new(self.seed, &[self.connection, self.direction, fault])
    }
}
