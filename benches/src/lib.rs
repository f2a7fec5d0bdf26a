//! Measures contenders side by side in one run: each round runs all of them, one after another, so that a machine that
//! is busy for a while slows all of them, and their ratios hold.

use std::hint::black_box;
use std::time::Instant;

/// What is measured: its name, and what it does once.
pub type Contender<'a> = (&'a str, Box<dyn FnMut() -> u64 + 'a>);

/// How long a contender took, by round, in seconds.
pub struct Times(Vec<f64>);

impl Times {
    /// The median, in seconds.
    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    /// How many times as fast as `other` this was: the median of the ratios of each round.
    pub fn speed_against(&self, other: &Times) -> f64 {
        let ratios: Vec<f64> = self.0.iter().zip(&other.0).map(|(own, other)| other / own).collect();
        median(&ratios)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Runs all contenders in each of `rounds` rounds, after one that does not count. All must return the same number, or
/// they did not do the same work.
pub fn compare(rounds: usize, contenders: &mut [Contender<'_>]) -> Vec<Times> {
    let mut times: Vec<Times> = contenders.iter().map(|_| Times(Vec::new())).collect();
    let mut expected = None;
    for round in 0..=rounds {
        for ((name, run), times) in contenders.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let sum = black_box(run());
            let elapsed = start.elapsed().as_secs_f64();
            assert_eq!(*expected.get_or_insert(sum), sum, "{name} did other work than the first");
            if round > 0 {
                times.0.push(elapsed);
            }
        }
    }
    times
}
