//! Random numbers that are the same for the same seed.

/// SplitMix64, by Sebastiano Vigna.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Numbers for one purpose: the parts say which.
    pub(super) fn new(seed: u64, parts: &[u64]) -> Random {
        parts.iter().fold(Random(seed), |random, part| random.and(*part))
    }

    /// Numbers for one part of the purpose.
    pub(super) fn and(mut self, part: u64) -> Random {
        Random(self.next() ^ part)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to just below 1.
    pub(super) fn fraction(&mut self) -> f64 {
        // 53 bits, as many as the number has.
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.next() >> 11) as f64 / STEPS
    }

    /// From one number to another, both included.
    pub(super) fn within(&mut self, least: u64, most: u64) -> u64 {
        match most.saturating_sub(least).checked_add(1) {
            Some(count) => least + self.next() % count,
            None => self.next(),
        }
    }

    /// Whether something happens that does so with this probability.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// How many times something does not happen before it does; `u64::MAX` for ever.
    // It is a whole number of the type's range.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn until(&mut self, probability: f64) -> u64 {
        if probability >= 1.0 {
            return 0;
        }
        let times = ((1.0 - self.fraction()).ln() / (-probability).ln_1p()).floor();
        // Where it never happens the division gave infinity.
        if (0.0..1e18).contains(&times) { times as u64 } else { u64::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_give_the_same_numbers() {
        // The first outputs of the reference implementation.
        let mut random = Random::new(1_234_567, &[]);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        assert_ne!(Random::new(1, &[2, 3]).next(), Random::new(1, &[3, 2]).next());
    }

    #[test]
    fn what_happens_with_a_probability_happens_that_often() {
        let mut random = Random::new(1, &[]);
        let happened = (0..100_000).filter(|_| random.happens(0.1)).count();
        assert!((9_500..10_500).contains(&happened), "{happened}");
        let gaps: u64 = (0..10_000).map(|_| random.until(0.01)).sum();
        assert!((940_000..1_040_000).contains(&gaps), "{gaps}");
        assert_eq!((random.until(1.0), random.until(0.0)), (0, u64::MAX));
        assert!((0..1000).all(|_| (3..=5).contains(&random.within(3, 5))));
    }
}
