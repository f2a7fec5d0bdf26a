//! Which rows go together. A link is stored with its row, as the distance of the two; for a row in a sealed block it waits in a list
//! until that is worth packing the block's links again.

use super::super::Packed;
use super::{A_BLOCK, Rows, narrow};
use crate::ids::{RowId, StreamId};

/// How a row is linked to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is a reply to the other.
    Answers,
    /// The other is a reply to it.
    AnsweredBy,
    /// It continues content that the other began.
    GoesOnWith,
}

pub(super) const LINKS: [Link; 3] = [Link::Answers, Link::AnsweredBy, Link::GoesOnWith];

/// This many links of a kind wait to be put into sealed blocks.
pub(super) const MOST_LATE: usize = 1 << 20;

/// How far one row is from another, as a number that is small if they are near.
pub(super) fn distance(row: RowId, other: RowId) -> u32 {
    let ahead = other.number().wrapping_sub(row.number()).cast_signed();
    ((ahead << 1) ^ (ahead >> 31)).cast_unsigned()
}

/// The other row of a [`distance`].
pub(super) fn linked(row: RowId, distance: u32) -> RowId {
    RowId::from(row.number().wrapping_add((distance >> 1) ^ (distance & 1).wrapping_neg()))
}

impl Rows {
    /// Links a row to another. The first link of a kind that a row gets stays.
    #[inline]
    pub fn link(&mut self, row: RowId, link: Link, other: RowId) {
        match row.index().checked_sub(self.sealed.len() * A_BLOCK).and_then(|at| self.open.get_mut(at)) {
            Some(slot) => {
                if let Some(place) = slot.links.get_mut(link as usize).filter(|place| **place == 0) {
                    *place = distance(row, other);
                }
            }
            None => {
                if let Some(late) = self.late.get_mut(link as usize) {
                    late.push((row, other));
                    if late.len() >= MOST_LATE {
                        self.settle(link);
                    }
                }
            }
        }
    }

    /// Puts all links in their places, where [`linked`](Rows::linked) finds them.
    pub fn settle_links(&mut self) {
        LINKS.into_iter().for_each(|link| self.settle(link));
    }

    fn settle(&mut self, link: Link) {
        let mut late = self.late.get_mut(link as usize).map(std::mem::take).unwrap_or_default();
        late.sort_by_key(|(row, _)| *row);
        for of_block in late.chunk_by(|(a, _), (b, _)| a.index() / A_BLOCK == b.index() / A_BLOCK) {
            let Some(&(first, _)) = of_block.first() else { continue };
            self.edit_links(first.index() / A_BLOCK, link, |links| {
                for &(row, other) in of_block {
                    if let Some(place) = links.get_mut(row.index() % A_BLOCK).filter(|place| **place == 0) {
                        *place = distance(row, other).into();
                    }
                }
            });
        }
    }

    fn edit_links(&mut self, block: usize, link: Link, edit: impl FnOnce(&mut Vec<u64>)) {
        let Some(place) = self.sealed.get_mut(block).and_then(|block| block.links.get_mut(link as usize))
        else {
            return;
        };
        let mut links = place.as_deref().map_or_else(|| vec![0; A_BLOCK], |packed| packed.iter().collect());
        edit(&mut links);
        *place = links.iter().any(|link| *link != 0).then(|| Box::new(Packed::of(links.into_iter())));
    }

    /// Drops all links of the rows of some streams.
    pub fn unlink(&mut self, is_one: impl Fn(StreamId) -> bool) {
        self.settle_links();
        for slot in &mut self.open {
            if self.places.get(usize::from(slot.code)).is_some_and(|place| is_one(place.stream)) {
                slot.links = [0; 3];
            }
        }
        for block in 0..self.sealed.len() {
            let Some(known) = self.sealed.get(block) else { continue };
            let streams: Vec<bool> = known.places.iter().map(|place| is_one(place.stream)).collect();
            if !streams.contains(&true) {
                continue;
            }
            let of_these =
                |code: u64| usize::try_from(code).ok().and_then(|code| streams.get(code)) == Some(&true);
            let rows: Vec<bool> = known.codes.iter().map(of_these).collect();
            for link in LINKS {
                self.edit_links(block, link, |links| {
                    for (link, _) in links.iter_mut().zip(&rows).filter(|(_, forget)| **forget) {
                        *link = 0;
                    }
                });
            }
        }
    }

    /// The row that a row is linked to.
    #[inline]
    pub fn linked(&self, row: RowId, link: Link) -> Option<RowId> {
        let (block, at) = self.block_of(row);
        let distance = match block {
            Some(block) => narrow(block.links.get(link as usize)?.as_deref()?.get(at)?),
            None => *self.slot(row)?.links.get(link as usize)?,
        };
        (distance != 0).then(|| linked(row, distance))
    }
}
