//! One direction of what passes between one client and the target as datagrams: recorded, with its faults, and sent on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use framescope_parser::Role;
use tokio::net::UdpSocket;

use super::Shared;
use super::faults::{DatagramFaults, Outgoing};
use crate::recorder::Leg;

/// Where datagrams come from and go to.
type Ends = (SocketAddr, SocketAddr);

/// One direction.
pub(super) struct Road {
    received_as: (Leg, Ends),
    delivery: Arc<Delivery>,
    faults: Option<DatagramFaults>,
}

/// How a datagram is sent on.
struct Delivery {
    shared: Arc<Shared>,
    role: Role,
    out: Arc<UdpSocket>,
    /// Where to; None over a socket that is connected.
    to: Option<SocketAddr>,
    target: SocketAddr,
    sent_as: Option<(Leg, Ends)>,
}

impl Road {
    /// The direction in which `role` sends to `out`. `outside` are the client's address and where it sends to, `inside` are
    /// where the target receives from and its address.
    pub(super) fn new(
        shared: &Arc<Shared>,
        role: Role,
        out: &Arc<UdpSocket>,
        number: u64,
        outside: Ends,
        inside: Ends,
    ) -> Road {
        let (client, target) = (outside.0, inside.1);
        let forwards = |(from, to): Ends| if role == Role::Client { (from, to) } else { (to, from) };
        let (outside, inside) = (forwards(outside), forwards(inside));
        let is_changed = shared.is_changed();
        let (received_as, sent_as) = match (is_changed, role) {
            (false, _) => ((Leg::ONLY, forwards((client, target))), None),
            (true, Role::Client) => ((Leg::CLIENT_SIDE, outside), Some((Leg::SERVER_SIDE, inside))),
            (true, Role::Server) => ((Leg::SERVER_SIDE, inside), Some((Leg::CLIENT_SIDE, outside))),
        };
        let faults = is_changed
            .then(|| DatagramFaults::new(shared.faults.of(role), shared.faults.purpose(number, role)));
        let to = (role == Role::Server).then_some(client);
        let (shared, out) = (Arc::clone(shared), Arc::clone(out));
        Road { received_as, delivery: Arc::new(Delivery { shared, role, out, to, target, sent_as }), faults }
    }

    /// Records a datagram that was received, and sends on what becomes of it.
    pub(super) async fn pass(&mut self, bytes: &[u8]) {
        let delivery = &self.delivery;
        let (leg, (from, to)) = self.received_as;
        delivery.shared.recorder.datagram(leg, from, to, bytes);
        delivery.shared.counts.passed(delivery.role, bytes.len());
        match &mut self.faults {
            None => delivery.deliver(bytes).await,
            Some(faults) => {
                for outgoing in faults.pass(bytes, Instant::now()) {
                    send(delivery, outgoing).await;
                }
            }
        }
    }

    /// Whether a datagram waits for another to overtake it.
    pub(super) fn holds(&self) -> bool {
        self.faults.as_ref().is_some_and(DatagramFaults::holds)
    }

    /// Sends a datagram that has waited long enough for another to overtake it.
    pub(super) async fn pass_overdue(&mut self) {
        if let Some(outgoing) = self.faults.as_mut().and_then(|faults| faults.overdue(Instant::now())) {
            send(&self.delivery, outgoing).await;
        }
    }

    /// The socket that this direction receives from says that the sender does not receive.
    pub(super) fn sender_failed(&self, error: &io::Error) {
        self.delivery.notice(error);
    }
}

/// Sends a datagram when it is due.
async fn send(delivery: &Arc<Delivery>, Outgoing { bytes, after }: Outgoing) {
    if after.is_zero() {
        delivery.deliver(&bytes).await;
        return;
    }
    // Where too many wait, more are lost, as in a network.
    let Ok(permit) = Arc::clone(&delivery.shared.late).try_acquire_owned() else {
        delivery.shared.notice("a datagram is lost: too many wait for their time".to_owned());
        return;
    };
    let delivery = Arc::clone(delivery);
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        delivery.deliver(&bytes).await;
        drop(permit);
    });
}

impl Delivery {
    async fn deliver(&self, bytes: &[u8]) {
        if let Some((leg, (from, to))) = self.sent_as {
            self.shared.recorder.datagram(leg, from, to, bytes);
        }
        let sent = match self.to {
            None => self.out.send(bytes).await,
            Some(to) => self.out.send_to(bytes, to).await,
        };
        if let Err(error) = sent {
            match self.to {
                None => self.notice(&error),
                Some(client) => self.shared.notice(format!("a datagram can't be sent to {client}: {error}")),
            }
        }
    }

    /// A datagram did not reach the target.
    fn notice(&self, error: &io::Error) {
        let target = self.target;
        self.shared.notice(match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("a datagram did not reach {target}: no program receives there")
            }
            _ => format!("a datagram did not reach {target}: {error}"),
        });
    }
}
