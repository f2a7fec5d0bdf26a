//! The rows of an index, by number: what each is, where it is in its stream, and which others it goes with.

mod block;
mod links;
mod streams;
#[cfg(test)]
mod tests;

use self::block::{Block, Place, Slot, Whereabouts};
use self::links::LINKS;
use super::Packed;
use crate::ids::{PacketId, RowId, StreamId, Table};

pub use self::links::Link;
pub use self::streams::StreamRows;

/// How many rows are packed together.
const A_BLOCK: usize = 4096;

/// A row as it is put in, and comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where in its stream it begins.
    pub offset: u64,
    /// How many bytes of the stream it is.
    pub length: u64,
    /// Its stream.
    pub stream: StreamId,
    /// What it is, as a number of the index's labels.
    pub label: u32,
    /// The last packet that brought bytes of it; [`PacketId::NONE`] if none did.
    pub packet: PacketId,
    /// Whether it is just what that packet carried, from the payload's first byte on.
    pub is_payload: bool,
}

/// Rows, in blocks. Rows of one stream are put in in the stream's order.
#[derive(Debug, Default)]
pub struct Rows {
    sealed: Vec<Block>,
    open: Vec<Slot>,
    /// The streams that have rows in the open block.
    places: Vec<Place>,
    /// By stream.
    whereabouts: Table<StreamId, Whereabouts>,
    /// Links of rows in sealed blocks that these do not have yet, by kind.
    late: [Vec<(RowId, RowId)>; 3],
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.sealed.len() * A_BLOCK + self.open.len()
    }

    /// Adds a row after the others, and returns its number.
    #[inline]
    pub fn push(&mut self, entry: Entry) -> RowId {
        let Entry { offset, length, stream, label, packet, is_payload } = entry;
        let row = self.next_id();
        let block = narrow(self.sealed.len() as u64);
        let whereabouts = self.whereabouts.at_or_default(stream);
        if whereabouts.behind_last != block.wrapping_add(1) {
            whereabouts.enter(block);
            // A block has no more streams than rows.
            whereabouts.code = u16::try_from(self.places.len()).unwrap_or(u16::MAX);
            self.places.push(Place { stream, base: offset });
        }
        let code = whereabouts.code;
        let base = self.places.get(usize::from(code)).map_or(0, |place| place.base);
        self.open.push(Slot {
            offset: offset.wrapping_sub(base),
            length,
            packet: packet.number(),
            label: label << 1 | u32::from(is_payload),
            code,
            links: [0; 3],
        });
        if self.open.len() == A_BLOCK {
            self.seal();
        }
        row
    }

    /// The id of the row that is added next.
    #[inline]
    pub fn next_id(&self) -> RowId {
        RowId::from(narrow(self.len() as u64))
    }

    fn seal(&mut self) {
        self.sealed.push(Block::sealed(&self.open, &self.places));
        self.open.clear();
        self.places.clear();
    }

    fn block_of(&self, row: RowId) -> (Option<&Block>, usize) {
        (self.sealed.get(row.index() / A_BLOCK), row.index() % A_BLOCK)
    }

    /// The slot of a row in the open block.
    fn slot(&self, row: RowId) -> Option<&Slot> {
        self.open.get(row.index().checked_sub(self.sealed.len() * A_BLOCK)?)
    }

    /// A row by its number.
    #[inline]
    pub fn get(&self, row: RowId) -> Option<Entry> {
        let (block, at) = self.block_of(row);
        let (place, offset, length, packet, label) = match block {
            Some(block) => (
                block.places.get(usize::try_from(block.codes.get(at)?).ok()?)?,
                block.offsets.get(at)?,
                block.lengths.get(at)?,
                narrow(block.packets.get(at)?),
                narrow(block.labels.get(at)?),
            ),
            None => {
                let slot = self.slot(row)?;
                let place = self.places.get(usize::from(slot.code))?;
                (place, slot.offset, slot.length, slot.packet, slot.label)
            }
        };
        Some(Entry {
            offset: place.base.wrapping_add(offset),
            length,
            stream: place.stream,
            label: label >> 1,
            packet: packet.into(),
            is_payload: label & 1 == 1,
        })
    }

    /// What the lengths of a full block's rows lie between.
    pub fn length_bounds(&self, block: usize) -> Option<(u64, u64)> {
        self.sealed.get(block).map(|block| block.lengths.bounds())
    }

    /// What the last packets of a full block's rows lie between.
    pub fn packet_bounds(&self, block: usize) -> Option<(PacketId, PacketId)> {
        let (least, greatest) = self.sealed.get(block)?.packets.bounds();
        Some((narrow(least).into(), narrow(greatest).into()))
    }

    /// The label of a row.
    #[inline]
    pub fn label(&self, row: RowId) -> Option<u32> {
        let (block, at) = self.block_of(row);
        let label = match block {
            Some(block) => narrow(block.labels.get(at)?),
            None => self.slot(row)?.label,
        };
        Some(label >> 1)
    }

    /// The stream of a row.
    #[inline]
    pub fn stream(&self, row: RowId) -> Option<StreamId> {
        let (block, at) = self.block_of(row);
        let place = match block {
            Some(block) => block.places.get(usize::try_from(block.codes.get(at)?).ok()?),
            None => self.places.get(usize::from(self.slot(row)?.code)),
        };
        place.map(|place| place.stream)
    }

    /// How many bytes long a row is.
    #[inline]
    pub fn length(&self, row: RowId) -> Option<u64> {
        let (block, at) = self.block_of(row);
        match block {
            Some(block) => block.lengths.get(at),
            None => Some(self.slot(row)?.length),
        }
    }

    /// The last packet that brought bytes of a row.
    #[inline]
    pub fn packet(&self, row: RowId) -> Option<PacketId> {
        let (block, at) = self.block_of(row);
        match block {
            Some(block) => Some(narrow(block.packets.get(at)?).into()),
            None => Some(self.slot(row)?.packet.into()),
        }
    }

    /// Gives rows other labels: `change` is given the number and label of each of `rows`, which are in rising order.
    pub fn relabel(&mut self, rows: impl Iterator<Item = RowId>, mut change: impl FnMut(RowId, u32) -> u32) {
        let mut labels: Vec<u64> = Vec::new();
        let mut unpacked: Option<usize> = None;
        let mut changed = |label: &mut u64, row: RowId| {
            let before = narrow(*label);
            *label = u64::from(change(row, before >> 1) << 1 | before & 1);
        };
        for row in rows {
            let (block, at) = (row.index() / A_BLOCK, row.index() % A_BLOCK);
            if unpacked != Some(block) {
                self.put_labels(unpacked, &labels);
                labels.clear();
                labels.extend(self.sealed.get(block).iter().flat_map(|block| block.labels.iter()));
                unpacked = Some(block);
            }
            if let Some(label) = labels.get_mut(at) {
                changed(label, row);
            } else if self.sealed.len() == block
                && let Some(slot) = self.open.get_mut(at)
            {
                let mut label = slot.label.into();
                changed(&mut label, row);
                slot.label = narrow(label);
            }
        }
        self.put_labels(unpacked, &labels);
    }

    fn put_labels(&mut self, block: Option<usize>, labels: &[u64]) {
        if let Some(block) = block.and_then(|block| self.sealed.get_mut(block)) {
            block.labels = Packed::of(labels.iter().copied());
        }
    }

    /// The rows in another order, and with other links: `old` gives the numbers of all of them.
    pub fn reordered(&self, old: impl Iterator<Item = RowId>, new: impl Fn(RowId) -> RowId) -> Rows {
        let mut rows = Rows::default();
        for number in old {
            let entry = self.get(number);
            debug_assert!(entry.is_some(), "row {number} of {}", self.len());
            let row = rows.push(entry.unwrap_or_default());
            for link in LINKS {
                if let Some(other) = self.linked(number, link) {
                    rows.link(row, link, new(other));
                }
            }
        }
        for (link, late) in LINKS.into_iter().zip(&self.late) {
            late.iter().for_each(|&(row, other)| rows.link(new(row), link, new(other)));
        }
        rows.settle_links();
        rows
    }
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
