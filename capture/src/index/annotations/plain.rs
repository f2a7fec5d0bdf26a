//! What is said of rows in words that are always the same, and of all of the row: a bit a row.
//!
//! A row has one such bit at most, and what it says was said last of the row. So the order in which things were said of a row
//! is known without being kept.

use roaring::RoaringBitmap;

/// Rows, by the number of the pattern that is said of them.
#[derive(Debug, Default)]
pub(super) struct Plain {
    maps: Vec<(u32, RoaringBitmap)>,
}

/// What comes of saying something of a row.
pub(super) enum Said {
    /// It is kept.
    Kept,
    /// It is kept, and this was said before, of which there is no bit any more.
    Instead(u32),
    /// There are too many patterns; this was said before, of which there is no bit any more.
    Not(Option<u32>),
}

/// So many patterns have bits.
const MOST: usize = 8;

impl Plain {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// Says something of a row.
    pub(super) fn say(&mut self, row: u32, pattern: u32) -> Said {
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
            return Said::Not(before);
        }
        before.map_or(Said::Kept, Said::Instead)
    }

    /// Takes the bit of a row.
    #[inline]
    pub(super) fn take(&mut self, row: u32) -> Option<u32> {
        self.maps.iter_mut().find_map(|(pattern, map)| map.remove(row).then_some(*pattern))
    }

    /// What a row has a bit for.
    pub(super) fn of(&self, row: u32) -> Option<u32> {
        self.maps.iter().find_map(|(pattern, map)| map.contains(row).then_some(*pattern))
    }

    /// The rows and what is said of them, by row.
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
