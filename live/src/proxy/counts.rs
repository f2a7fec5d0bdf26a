//! How much was forwarded.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use framescope_parser::Role;

/// Counts that grow while a proxy runs.
#[derive(Debug, Default)]
pub(super) struct Counts {
    conversations: AtomicU64,
    failed: AtomicU64,
    bytes: [AtomicU64; 2],
}

/// What a proxy has forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Connections, or addresses that datagrams came from.
    pub conversations: u64,
    /// How many of them did not reach the target.
    pub failed: u64,
    /// Bytes that clients have sent.
    pub from_clients: u64,
    /// Bytes that targets have sent.
    pub from_targets: u64,
}

impl Counts {
    pub(super) fn begun(&self) {
        self.conversations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn passed(&self, from: Role, bytes: usize) {
        let [clients, targets] = &self.bytes;
        let count = if from == Role::Client { clients } else { targets };
        count.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn summary(&self) -> Summary {
        let [conversations, failed] =
            [&self.conversations, &self.failed].map(|count| count.load(Ordering::Relaxed));
        let [from_clients, from_targets] = self.bytes.each_ref().map(|count| count.load(Ordering::Relaxed));
        Summary { conversations, failed, from_clients, from_targets }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { conversations, failed, from_clients, from_targets } = self;
        let conversations = match conversations {
            1 => "1 conversation".to_owned(),
            many => format!("{many} conversations"),
        };
        write!(
            f,
            "{conversations}, {from_clients} bytes from clients, {from_targets} bytes from the target"
        )?;
        match failed {
            0 => Ok(()),
            failed => write!(f, "; {failed} did not reach the target"),
        }
    }
}
