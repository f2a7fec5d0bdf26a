//! Limits of decency: nothing is sent to another machine unless the user says so, and nothing faster than a rate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How many messages a second are sent unless the user says otherwise.
const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();

/// What may be sent, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether other machines may be sent to.
    pub allow_remote: bool,
    /// How many messages a second may be sent; None for any number.
    pub rate: Option<NonZeroU32>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { allow_remote: false, rate: Some(DEFAULT_RATE) }
    }
}

/// An address is that of another machine, and the user has not said that it may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not this machine: add --yes-remote if you may send to it")]
pub struct Refused(pub SocketAddr);

impl Limits {
    /// Whether an address may be sent to.
    ///
    /// # Errors
    /// It is that of another machine.
    pub fn check(&self, to: SocketAddr) -> Result<(), Refused> {
        if self.allow_remote || is_this_machine(to) { Ok(()) } else { Err(Refused(to)) }
    }

    /// What says when the next message may be sent.
    pub fn pacer(&self) -> Pacer {
        let between = self.rate.map(|rate| Duration::from_secs(1) / rate.get());
        Pacer { between, next: None }
    }
}

/// Spreads messages over time. After a pause the rate is the same.
#[derive(Clone, Debug)]
pub struct Pacer {
    between: Option<Duration>,
    next: Option<Instant>,
}

impl Pacer {
    /// Takes the next turn, and returns how long to wait for it.
    pub fn turn(&mut self) -> Duration {
        self.turn_at(Instant::now())
    }

    fn turn_at(&mut self, now: Instant) -> Duration {
        let Some(between) = self.between else { return Duration::ZERO };
        let turn = self.next.map_or(now, |next| next.max(now));
        self.next = turn.checked_add(between);
        turn.saturating_duration_since(now)
    }

    /// Waits for the next turn.
    pub fn wait(&mut self) {
        let wait = self.turn();
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
    }
}

/// Whether an address is one of this machine: what is sent to it comes from itself.
fn is_this_machine(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // Nothing is sent: the system only chooses the sender's address.
    let sender = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((ip, address.port().max(1)))?;
        socket.local_addr()
    };
    sender().is_ok_and(|sender| sender.ip() == ip)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(to: &str) -> bool {
        Limits::default().check(to.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_this_machine_is_sent_to_unless_the_user_says_so() {
        assert!(check("127.0.0.1:9000") && check("127.9.9.9:1") && check("[::1]:9000"));
        assert!(check("[::ffff:127.0.0.1]:9000"));
        assert!(!check("192.0.2.1:9000") && !check("[2001:db8::1]:9000"));
        assert!(!check("224.0.0.1:9000") && !check("255.255.255.255:9000"));
        let remote: SocketAddr = "192.0.2.1:9000".parse().unwrap();
        let refused = Limits::default().check(remote).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "192.0.2.1:9000 is not this machine: add --yes-remote if you may send to it"
        );
        assert!(Limits { allow_remote: true, ..Limits::default() }.check(remote).is_ok());
    }

    #[test]
    fn messages_are_spread_over_time_and_after_a_pause_the_rate_is_the_same() {
        let mut pacer = Limits { rate: NonZeroU32::new(10), ..Limits::default() }.pacer();
        let begin = Instant::now();
        let tenth = Duration::from_millis(100);
        assert_eq!(pacer.turn_at(begin), Duration::ZERO);
        assert_eq!(pacer.turn_at(begin), tenth);
        assert_eq!(pacer.turn_at(begin + tenth), tenth);
        assert_eq!(pacer.turn_at(begin + 50 * tenth), Duration::ZERO);
        assert_eq!(pacer.turn_at(begin + 50 * tenth), tenth);
        let mut unlimited = Limits { rate: None, ..Limits::default() }.pacer();
        assert!((0..1000).all(|_| unlimited.turn_at(begin) == Duration::ZERO));
    }
}
