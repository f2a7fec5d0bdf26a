//! Notes about all of a row whose words are always the same: a bit a row.
//!
//! A row has one such bit at most, and that is its last note. So the order of a row's notes is known without being stored.

use roaring::RoaringBitmap;

/// Rows, by the number of the pattern of their note.
#[derive(Debug, Default)]
pub(super) struct Plain {
    maps: Vec<(u32, RoaringBitmap)>,
}

/// What setting a bit changed.
pub(super) enum BitChange {
    /// It is set, and there was none.
    Set,
    /// It is set, in place of that of this pattern.
    Replaced(u32),
    /// There are too many patterns; the row had the bit of this one, and has none any more.
    Full(Option<u32>),
}

/// At most this many patterns have bits.
const MOST: usize = 8;

impl Plain {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// How many rows have a bit.
    pub(super) fn len(&self) -> u64 {
        self.maps.iter().map(|(_, map)| map.len()).sum()
    }

    /// Sets the bit of a row.
    pub(super) fn set(&mut self, row: u32, pattern: u32) -> BitChange {
        let (mut is_new, mut before) = (true, None);
        for (known, map) in &mut self.maps {
            if *known == pattern {
                is_new = false;
                if !map.insert(row) {
                    before = Some(pattern);
                }
            } else if map.remove(row) {
                before = Some(*known);
            }
        }
        if is_new && self.maps.len() < MOST {
            self.maps.push((pattern, RoaringBitmap::from_iter([row])));
        } else if is_new {
            return BitChange::Full(before);
        }
        before.map_or(BitChange::Set, BitChange::Replaced)
    }

    /// Clears the bit of a row.
    #[inline]
    pub(super) fn take(&mut self, row: u32) -> Option<u32> {
        self.maps.iter_mut().find_map(|(pattern, map)| map.remove(row).then_some(*pattern))
    }

    /// The pattern that a row has the bit of.
    pub(super) fn of(&self, row: u32) -> Option<u32> {
        self.maps.iter().find_map(|(pattern, map)| map.contains(row).then_some(*pattern))
    }

    /// The rows that have a bit and its pattern, by row.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut all: Vec<_> =
            self.maps.iter().map(|(pattern, map)| (*pattern, map.iter().peekable())).collect();
        std::iter::from_fn(move || {
            let next = |(_, rows): &mut (u32, std::iter::Peekable<_>)| peeked(rows);
            let (_, least) =
                all.iter_mut().enumerate().filter_map(|(at, one)| Some((next(one)?, at))).min()?;
            let (pattern, rows) = all.get_mut(least)?;
            Some((rows.next()?, *pattern))
        })
    }

    /// Keeps the rows that `keep` is true of.
    pub(super) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        for (_, map) in &mut self.maps {
            *map = map.iter().filter(|row| keep(*row)).collect();
        }
    }

    /// The rows have got other numbers, each another.
    pub(super) fn renumber(&mut self, new: impl Fn(u32) -> u32) {
        for (_, map) in &mut self.maps {
            *map = map.iter().map(&new).collect();
        }
    }
}

fn peeked(rows: &mut std::iter::Peekable<impl Iterator<Item = u32>>) -> Option<u32> {
    rows.peek().copied()
}
