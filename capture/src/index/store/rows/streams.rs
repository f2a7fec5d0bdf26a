//! The rows of one stream, in its order.

use super::block::{Block, Place, Slot, Whereabouts};
use super::{A_BLOCK, Entry, Rows, narrow};
use crate::ids::{RowId, StreamId};

impl Rows {
    /// The rows of a stream, in its order.
    pub fn of_stream(&self, stream: StreamId) -> StreamRows<'_> {
        let whereabouts = self.whereabouts.get(stream);
        StreamRows { rows: self, stream, whereabouts, next_block: 0, at: 0, block: 0, code: None }
    }

    /// The rows of a stream from the one on that a place of it is in, or the first one after it.
    pub fn of_stream_from(&self, stream: StreamId, place: u64) -> impl Iterator<Item = (RowId, Entry)> + '_ {
        let mut rows = self.of_stream(stream);
        if let Some(whereabouts) = self.whereabouts.get(stream) {
            // Mostly it is a late place, in the block that is not full yet.
            let is_open = whereabouts.behind_last as usize == self.sealed.len() + 1;
            let base = |code: u16| self.places.get(usize::from(code)).map(|known| known.base);
            if is_open && base(whereabouts.code).is_some_and(|base| base <= place) {
                (rows.next_block, rows.code) = (whereabouts.len(), Some(whereabouts.code));
                rows.block = whereabouts.behind_last - 1;
            } else {
                rows.next_block =
                    whereabouts.last_of(|block| self.base(block, stream).is_some_and(|base| base <= place));
                rows.enter();
            }
            if let Some(code) = rows.code {
                rows.at = self.place_in(rows.block, code, place).unwrap_or(0);
            }
        }
        let entry = |row: RowId| self.get(row).map(|entry| (row, entry));
        rows.filter_map(entry).skip_while(move |(_, entry)| entry.offset + entry.length <= place)
    }

    /// Where in a block the stream's last row is that begins at a place, or before it.
    fn place_in(&self, block: u32, code: u16, place: u64) -> Option<usize> {
        let place = place.checked_sub(self.places_of(block).get(usize::from(code))?.base)?;
        let Some(sealed) = self.sealed.get(block as usize) else {
            let is_early = |slot: &Slot| slot.code == code && slot.offset <= place;
            return self.open.iter().rposition(is_early);
        };
        let (mut low, mut high) = (0, sealed.codes.len());
        if sealed.places.len() == 1 {
            while low < high {
                let middle = low.midpoint(high);
                let is_early = sealed.offsets.get(middle).is_some_and(|offset| offset <= place);
                if is_early { low = middle + 1 } else { high = middle }
            }
            return low.checked_sub(1);
        }
        let all = sealed.codes.iter().zip(sealed.offsets.iter());
        all.rev()
            .position(|(known, offset)| known == u64::from(code) && offset <= place)
            .map(|behind| high - 1 - behind)
    }

    fn places_of(&self, block: u32) -> &[Place] {
        self.sealed.get(block as usize).map_or(&self.places, |block| &block.places)
    }

    /// What a stream is called in a block.
    fn code_in(&self, block: u32, stream: StreamId) -> Option<u16> {
        let known = self.whereabouts.get(stream)?;
        if known.behind_last == block.wrapping_add(1) {
            return Some(known.code);
        }
        let Block { places, by_stream, .. } = self.sealed.get(block as usize)?;
        if by_stream.is_empty() {
            let place = places.iter().position(|place| place.stream == stream)?;
            return u16::try_from(place).ok();
        }
        let stream_of = |place: &u16| places.get(usize::from(*place)).map(|place| place.stream);
        let at = by_stream.binary_search_by_key(&Some(stream), stream_of).ok()?;
        by_stream.get(at).copied()
    }

    /// Where a stream's first row of a block begins.
    fn base(&self, block: u32, stream: StreamId) -> Option<u64> {
        let code = self.code_in(block, stream)?;
        self.places_of(block).get(usize::from(code)).map(|place| place.base)
    }
}

/// The numbers of a stream's rows, in its order.
#[derive(Clone, Debug)]
pub struct StreamRows<'r> {
    rows: &'r Rows,
    stream: StreamId,
    whereabouts: Option<&'r Whereabouts>,
    /// Which of the stream's blocks comes next.
    next_block: usize,
    /// The block at hand, what the stream is called in it, and where in it to look next.
    block: u32,
    code: Option<u16>,
    at: usize,
}

impl Iterator for StreamRows<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        loop {
            if let Some(code) = self.code {
                let found = match self.rows.sealed.get(self.block as usize) {
                    Some(block) => {
                        let rest = (self.at..block.codes.len()).zip(block.codes.iter_from(self.at));
                        rest.into_iter().find(|(_, known)| *known == u64::from(code)).map(|(at, _)| at)
                    }
                    None => {
                        let rest = self.rows.open.iter().enumerate().skip(self.at);
                        rest.into_iter().find(|(_, slot)| slot.code == code).map(|(at, _)| at)
                    }
                };
                if let Some(at) = found {
                    self.at = at + 1;
                    return Some(narrow(u64::from(self.block) * A_BLOCK as u64 + at as u64).into());
                }
            }
            self.enter()?;
        }
    }
}

impl StreamRows<'_> {
    /// Goes to the stream's next block.
    fn enter(&mut self) -> Option<()> {
        self.block = self.whereabouts?.get(self.next_block)?;
        self.next_block += 1;
        self.at = 0;
        self.code = self.rows.code_in(self.block, self.stream);
        Some(())
    }
}
