//! What faults do to the datagrams of one direction of one client. It depends on which datagram it is, so that a failure repeats.

use std::time::{Duration, Instant};

use super::random::Random;
use super::{Fault, Purpose};

/// A datagram that is to be overtaken waits no longer than this for another.
const PATIENCE: Duration = Duration::from_secs(1);

/// One direction of one client.
#[derive(Debug)]
pub(in super::super) struct DatagramFaults {
    faults: Vec<Fault>,
    purpose: Purpose,
    count: u64,
    overtaken: Option<(Vec<u8>, Instant)>,
    /// Until when the rate is used up.
    busy_until: Instant,
}

/// A datagram that is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Outgoing {
    pub(in super::super) bytes: Vec<u8>,
    /// How long after now.
    pub(in super::super) after: Duration,
}

impl DatagramFaults {
    pub(in super::super) fn new(faults: &[Fault], purpose: Purpose) -> DatagramFaults {
        DatagramFaults {
            faults: faults.to_vec(),
            purpose,
            count: 0,
            overtaken: None,
            busy_until: Instant::now(),
        }
    }

    /// What becomes of the next datagram.
    pub(in super::super) fn pass(&mut self, bytes: &[u8], now: Instant) -> Vec<Outgoing> {
        self.count += 1;
        let (mut bytes, mut times, mut is_late) = (bytes.to_vec(), 1_usize, false);
        for (number, fault) in (0..).zip(&self.faults) {
            let mut random = self.purpose.random(number).and(self.count);
            match *fault {
                Fault::Drop(share) if random.happens(share) => times = 0,
                Fault::Duplicate(share) if random.happens(share) => times *= 2,
                Fault::Reorder(share) if random.happens(share) => is_late = true,
                Fault::Flip(share) => flip(&mut bytes, share, &mut random),
                _ => {}
            }
        }
        let mut out = Vec::new();
        match self.overtaken.take() {
            None if is_late && times > 0 => self.overtaken = Some((bytes, now)),
            overtaken => {
                out.extend(std::iter::repeat_n(bytes, times));
                // What waits is overtaken by one that is sent.
                match times {
                    0 => self.overtaken = overtaken,
                    _ => out.extend(overtaken.map(|(bytes, _)| bytes)),
                }
            }
        }
        out.into_iter().map(|bytes| self.timed(bytes, now)).collect()
    }

    /// Whether a datagram waits for another to overtake it.
    pub(in super::super) fn holds(&self) -> bool {
        self.overtaken.is_some()
    }

    /// A datagram that has waited long enough for another to overtake it.
    pub(in super::super) fn overdue(&mut self, now: Instant) -> Option<Outgoing> {
        let overdue = self.overtaken.take_if(|(_, since)| now.saturating_duration_since(*since) >= PATIENCE);
        overdue.map(|(bytes, _)| self.timed(bytes, now))
    }

    fn timed(&mut self, bytes: Vec<u8>, now: Instant) -> Outgoing {
        let mut after = Duration::ZERO;
        for (number, fault) in (0..).zip(&self.faults) {
            match *fault {
                Fault::Delay(delay) => after += delay,
                Fault::Jitter(most) => {
                    after += most.mul_f64(self.purpose.random(number).and(self.count).fraction());
                }
                Fault::Throttle(rate) => {
                    let takes = Duration::from_secs(1).mul_f64(bytes.len() as f64 / rate as f64);
                    self.busy_until = self.busy_until.max(now) + takes;
                    after = after.max(self.busy_until.saturating_duration_since(now));
                }
                _ => {}
            }
        }
        Outgoing { bytes, after }
    }
}

/// Changes a bit in some bytes.
fn flip(bytes: &mut [u8], share: f64, random: &mut Random) {
    let mut place = random.until(share);
    while let Some(byte) = usize::try_from(place).ok().and_then(|place| bytes.get_mut(place)) {
        *byte ^= 1 << (random.next() & 7);
        place = place.saturating_add(1).saturating_add(random.until(share));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn run(faults: &[&str], seed: u64, count: u8) -> Vec<Vec<u8>> {
        let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let mut all = DatagramFaults::new(&faults, Purpose { seed, connection: 3, direction: 1 });
        let now = Instant::now();
        let mut out: Vec<Outgoing> = (0..count).flat_map(|number| all.pass(&[number; 8], now)).collect();
        out.extend(all.overdue(now + PATIENCE));
        out.into_iter().map(|outgoing| outgoing.bytes).collect()
    }

    #[test]
    fn datagrams_are_lost_doubled_and_swapped_and_the_same_seed_does_the_same() {
        let numbers =
            |out: Vec<Vec<u8>>| out.iter().map(|bytes| bytes.first().copied().unwrap()).collect::<Vec<_>>();
        assert!(run(&["drop=100%"], 1, 9).is_empty());
        assert_eq!(numbers(run(&["duplicate=100%"], 1, 2)), [0, 0, 1, 1]);
        assert_eq!(numbers(run(&["reorder=100%"], 1, 5)), [1, 0, 3, 2, 4]);
        let faults = ["drop=20%", "duplicate=20%", "reorder=20%", "flip=1%"];
        let once = run(&faults, 7, 200);
        assert_eq!(once, run(&faults, 7, 200));
        assert_ne!(once, run(&faults, 8, 200));
        let mut sorted = numbers(run(&["reorder=20%"], 7, 200));
        assert!(!sorted.is_sorted());
        sorted.sort_unstable();
        assert_eq!(sorted, (0..200).collect::<Vec<u8>>(), "nothing is lost by being overtaken");
    }

    #[test]
    fn delays_and_rates_say_when() {
        let faults = ["delay=50ms", "throttle=1000/s"].map(|fault| fault.parse().unwrap());
        let mut all = DatagramFaults::new(&faults, Purpose { seed: 1, connection: 0, direction: 0 });
        let now = all.busy_until;
        let after: Vec<u128> =
            (0..3).flat_map(|_| all.pass(&[0; 40], now)).map(|out| out.after.as_millis()).collect();
        assert_eq!(after, [50, 80, 120]);
    }
}
