//! Numbers that lie near each other, in as few bytes each as the furthest of them takes.

/// A column of numbers that is written once. Each is stored as what it is more than the least of them, in as many bytes as the
/// greatest needs: none at all where all are the same.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    least: u64,
    length: u32,
    /// Bytes that each number takes: 0 to 8.
    width: u8,
    /// Little-endian, padded at the end so that the last can be read as eight bytes.
    bytes: Box<[u8]>,
}

impl Packed {
    /// Packs up to 2^32 numbers.
    pub fn of(values: impl Iterator<Item = u64> + Clone) -> Packed {
        let (mut least, mut greatest, mut length) = (u64::MAX, 0, 0_u32);
        for value in values.clone() {
            least = least.min(value);
            greatest = greatest.max(value);
            length = length.saturating_add(1);
        }
        let width = (64 - greatest.saturating_sub(least).leading_zeros()).div_ceil(8);
        if width == 0 {
            return Packed { least: least.min(greatest), length, width: 0, bytes: Box::default() };
        }
        let step = width as usize;
        let mut bytes = vec![0; length as usize * step + 8 - step];
        let mut at = 0;
        for value in values {
            // What is written after its place is written over by the next.
            if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                *place = (value - least).to_le_bytes();
            }
            at += step;
        }
        let width = u8::try_from(width).unwrap_or(8);
        Packed { least, length, width, bytes: bytes.into_boxed_slice() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Two numbers that all of them lie between, or are; the greater may be further than the greatest.
    pub fn bounds(&self) -> (u64, u64) {
        let most = if self.width == 0 { 0 } else { self.mask() };
        (self.least, self.least.saturating_add(most))
    }

    /// The one at a place.
    #[inline]
    pub fn get(&self, at: usize) -> Option<u64> {
        if at >= self.length as usize {
            return None;
        }
        if self.width == 0 {
            return Some(self.least);
        }
        let bytes = self.bytes.get(at * usize::from(self.width)..)?.first_chunk()?;
        Some(self.least + (u64::from_le_bytes(*bytes) & self.mask()))
    }

    fn mask(&self) -> u64 {
        u64::MAX >> (64 - 8 * u32::from(self.width))
    }

    /// All of them, in their order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + DoubleEndedIterator + Clone + '_ {
        self.iter_from(0)
    }

    /// Those from a place on, without a look at the ones before it.
    #[inline]
    pub fn iter_from(
        &self,
        first: usize,
    ) -> impl ExactSizeIterator<Item = u64> + DoubleEndedIterator + Clone + '_ {
        let (width, mask) = (usize::from(self.width), if self.width == 0 { 0 } else { self.mask() });
        (first..self.length as usize).map(move |at| {
            let bytes = self.bytes.get(at * width..).and_then(<[u8]>::first_chunk);
            self.least + bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes) & mask)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_whatever_their_distances() {
        for furthest in (0..64).map(|bits| 1_u64 << bits).chain([0, 255, 256, 65_535, 65_536, u64::MAX]) {
            for least in [0, 1, 1 << 40, u64::MAX - furthest] {
                let Some(greatest) = least.checked_add(furthest) else { continue };
                let values = [greatest, least, least + furthest / 2, least, greatest - furthest / 3];
                let packed = Packed::of(values.iter().copied());
                assert_eq!(packed.iter().collect::<Vec<_>>(), values);
                assert_eq!(packed.len(), values.len());
                let (low, high) = packed.bounds();
                assert!(low == least && high >= greatest && (furthest > 0 || high == greatest));
                for (at, value) in values.into_iter().enumerate() {
                    assert_eq!(packed.get(at), Some(value));
                }
                assert_eq!(packed.get(values.len()), None);
            }
        }
        assert_eq!(Packed::of([].into_iter()).get(0), None);
        assert_eq!(Packed::of([].into_iter()).iter().len(), 0);
    }

    #[test]
    fn numbers_that_are_all_the_same_take_no_bytes_and_others_no_more_than_they_need() {
        let taken = |values: &[u64]| Packed::of(values.iter().copied()).bytes.len();
        assert_eq!(taken(&[7; 1000]), 0);
        assert_eq!(taken(&[7, 7 + 255]), 2 + 7);
        assert_eq!(taken(&[7, 7 + 256]), 4 + 6);
    }
}
