//! What faults do to the bytes of one direction of a connection. It depends on where in the stream a byte is, and not on how the
//! bytes came, so that a failure repeats.

use super::random::Random;
use super::{Fault, Purpose};

/// Where in one direction of a stream something happens.
#[derive(Clone, Debug)]
pub(super) struct StreamFaults {
    /// How many bytes were changed so far, and how many were divided.
    flipped: u64,
    divided: u64,
    flips: Vec<Flips>,
    cuts: Vec<Cuts>,
}

/// The bytes that are changed.
#[derive(Clone, Debug)]
struct Flips {
    probability: f64,
    random: Random,
    next: u64,
}

/// Where pieces end.
#[derive(Clone, Debug)]
struct Cuts {
    least: u64,
    most: u64,
    random: Random,
    next: u64,
}

impl Flips {
    fn advance(&mut self) {
        let unchanged = self.random.until(self.probability);
        self.next = self.next.saturating_add(1).saturating_add(unchanged);
    }
}

impl Cuts {
    fn advance(&mut self) {
        self.next = self.next.saturating_add(self.random.within(self.least, self.most));
    }
}

impl StreamFaults {
    pub(super) fn new(faults: &[Fault], purpose: Purpose) -> StreamFaults {
        let mut all = StreamFaults { flipped: 0, divided: 0, flips: Vec::new(), cuts: Vec::new() };
        for (number, fault) in (0..).zip(faults) {
            let mut random = purpose.random(number);
            match *fault {
                Fault::Flip(probability) => {
                    let next = random.until(probability);
                    all.flips.push(Flips { probability, random, next });
                }
                Fault::Cut { least, most, .. } => {
                    let mut cuts = Cuts { least, most, random, next: 0 };
                    cuts.advance();
                    all.cuts.push(cuts);
                }
                _ => {}
            }
        }
        all
    }

    /// Changes bits of the next bytes.
    pub(super) fn flip(&mut self, bytes: &mut [u8]) {
        let end = self.flipped + bytes.len() as u64;
        for flips in &mut self.flips {
            while flips.next < end {
                let place = usize::try_from(flips.next - self.flipped).unwrap_or(usize::MAX);
                let bit = flips.random.next() & 7;
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << bit;
                }
                flips.advance();
            }
        }
        self.flipped = end;
    }

    /// How many of the next bytes go together: all that are there, unless a piece ends before.
    pub(super) fn divide(&mut self, available: usize) -> usize {
        let next = self.cuts.iter().map(|cuts| cuts.next).min();
        let length = next.map_or(u64::MAX, |next| next - self.divided).min(available as u64);
        self.divided += length;
        for cuts in &mut self.cuts {
            if cuts.next <= self.divided {
                cuts.advance();
            }
        }
        usize::try_from(length).unwrap_or(available)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(texts: &[&str]) -> Vec<Fault> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    /// The places of bits that were changed and the ends of pieces, where bytes come so many at a time.
    fn run(faults: &[Fault], at_a_time: usize) -> (Vec<u8>, Vec<usize>) {
        let mut stream = StreamFaults::new(faults, Purpose { seed: 42, connection: 1, direction: 0 });
        let (mut bytes, mut ends) = (vec![0; 10_000], Vec::new());
        let mut end = 0;
        for part in bytes.chunks_mut(at_a_time) {
            stream.flip(part);
            let mut left = part.len();
            while left > 0 {
                let length = stream.divide(left);
                left -= length;
                end += length;
                ends.push(end);
            }
        }
        (bytes, ends)
    }

    #[test]
    fn faults_are_at_the_same_places_however_the_bytes_came() {
        let faults = faults(&["flip=1%", "cut=1-100"]);
        let (bytes, ends) = run(&faults, 10_000);
        let changed = bytes.iter().filter(|byte| **byte != 0).count();
        assert!((50..200).contains(&changed) && bytes.iter().all(|byte| byte.count_ones() <= 1));
        assert!((100..500).contains(&ends.len()));
        for at_a_time in [1, 7, 64, 5000] {
            let (same, more) = run(&faults, at_a_time);
            assert!(same == bytes && ends.iter().all(|end| more.contains(end)), "{at_a_time}");
        }
        assert!(run(&faults[..1], 10_000).0 == bytes, "another fault changes nothing about this one");
    }

    #[test]
    fn pieces_have_the_length_that_was_asked_for() {
        let (_, ends) = run(&faults(&["cut=3"]), 10_000);
        assert!(ends.iter().zip(1..).all(|(end, number)| *end == (3 * number).min(10_000)));
        assert_eq!(run(&[], 10_000).1, [10_000]);
    }
}
