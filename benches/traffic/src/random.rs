//! Pseudo-random numbers that are the same for the same seed on every machine and in every version of this program.

/// SplitMix64 (Steele, Lea and Flood, 2014), of which any number can be computed without those before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// A generator that begins with the number at `at` for this seed.
    pub(crate) fn at(seed: u64, at: u64) -> Random {
        Random(seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(at.wrapping_mul(STEP)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// True as often as `share` says, which is from 0 to 1.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && ((self.next() >> 11) as f64) < share * (1_u64 << 53) as f64
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// A number from `first` to `last`.
    pub(crate) fn within(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }
}
