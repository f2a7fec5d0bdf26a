//! Which rows of a block are selected: a bit for each.

/// The most rows of a block.
pub(super) const BLOCK_ROWS: u32 = 4096;
const WORDS: usize = BLOCK_ROWS as usize / u64::BITS as usize;

/// A set of rows of a block, by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bitmap([u64; WORDS]);

impl Default for Bitmap {
    fn default() -> Self {
        Bitmap([0; WORDS])
    }
}

impl Bitmap {
    /// The first `count` rows.
    pub(super) fn first(count: u32) -> Bitmap {
        let mut bits = Bitmap::default();
        for (at, word) in (0u32..).zip(&mut bits.0) {
            let in_word = count.saturating_sub(at * u64::BITS).min(u64::BITS);
            *word = u64::MAX.checked_shr(u64::BITS - in_word).unwrap_or(0);
        }
        bits
    }

    pub(super) fn insert(&mut self, place: u32) {
        if let Some(word) = self.0.get_mut((place / u64::BITS) as usize) {
            *word |= 1 << (place % u64::BITS);
        }
    }

    pub(super) fn contains(&self, place: u32) -> bool {
        self.0.get((place / u64::BITS) as usize).is_some_and(|word| word >> (place % u64::BITS) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The rows in both sets.
    pub(super) fn and(&self, other: &Bitmap) -> Bitmap {
        self.combine(other, |a, b| a & b)
    }

    /// The rows in either set.
    pub(super) fn or(&self, other: &Bitmap) -> Bitmap {
        self.combine(other, |a, b| a | b)
    }

    /// The rows that are not in the other set.
    pub(super) fn without(&self, other: &Bitmap) -> Bitmap {
        self.combine(other, |a, b| a & !b)
    }

    fn combine(&self, other: &Bitmap, of: impl Fn(u64, u64) -> u64) -> Bitmap {
        let mut bits = *self;
        bits.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word = of(*word, *other));
        bits
    }

    /// The rows of which something holds.
    pub(super) fn filter(&self, mut holds: impl FnMut(u32) -> bool) -> Bitmap {
        let mut bits = Bitmap::default();
        for (at, (word, found)) in (0u32..).zip(self.0.iter().zip(&mut bits.0)) {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                *found |= u64::from(holds(at * u64::BITS + bit)) << bit;
            }
        }
        bits
    }

    /// The places of the rows, in rising order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.0).flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    at * u64::BITS + bit
                })
            })
        })
    }
}

/// Of which rows of a block an expression is true, and of which it is false; of the others that is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdicts {
    pub(super) yes: Bitmap,
    pub(super) no: Bitmap,
}

impl Verdicts {
    pub(super) const UNKNOWN: Verdicts = Verdicts { yes: Bitmap([0; WORDS]), no: Bitmap([0; WORDS]) };

    pub(super) fn of(&self, place: u32) -> Option<bool> {
        match (self.yes.contains(place), self.no.contains(place)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_are_these_and_no_others() {
        for count in [0, 1, 63, 64, 65, 4000, 4095, 4096] {
            let bits = Bitmap::first(count);
            assert_eq!(bits.iter().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            assert_eq!(bits.is_empty(), count == 0);
            assert!(!bits.contains(count));
        }
    }

    #[test]
    fn a_set_contains_what_was_inserted() {
        let (mut bits, all) = (Bitmap::default(), Bitmap::first(4096));
        let places = [0, 5, 63, 64, 127, 128, 4095];
        places.iter().for_each(|&place| bits.insert(place));
        bits.insert(4096);
        assert_eq!(bits.iter().collect::<Vec<_>>(), places);
        assert_eq!(all.filter(|place| places.contains(&place)), bits);
        assert_eq!(all.without(&bits).or(&bits), all);
        assert!(all.without(&bits).and(&bits).is_empty());
    }
}
