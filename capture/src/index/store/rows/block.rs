//! A block of rows, open or sealed, and which blocks a stream has rows in.

use super::super::Packed;
use super::links::LINKS;
use crate::ids::StreamId;

#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Beyond where the stream's first row of the block begins.
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) packet: u32,
    /// The label, and in the lowest bit whether it is a packet's payload.
    pub(super) label: u32,
    /// Which of the block's streams.
    pub(super) code: u16,
    /// For each kind how far away the other row is, see `links.rs`; 0 for none.
    pub(super) links: [u32; 3],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) stream: StreamId,
    /// Where its first row of the block begins.
    pub(super) base: u64,
}

/// A full block, each column packed by itself.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) places: Box<[Place]>,
    /// Where in `places` each stream is, in the order of their numbers; nothing where there are few.
    pub(super) by_stream: Box<[u16]>,
    pub(super) codes: Packed,
    pub(super) offsets: Packed,
    pub(super) lengths: Packed,
    pub(super) packets: Packed,
    pub(super) labels: Packed,
    /// None of a kind that no row of the block has.
    pub(super) links: [Option<Box<Packed>>; 3],
}

/// Of so few streams of a block each is looked at.
const FEW: usize = 16;

impl Block {
    /// Packs the rows of these streams.
    pub(super) fn sealed(open: &[Slot], streams: &[Place]) -> Block {
        let all = open.iter();
        let links = LINKS.map(|link| {
            let links = all.clone().map(|slot| slot.links.get(link as usize).copied().unwrap_or(0));
            let any = links.clone().any(|link| link != 0);
            any.then(|| Box::new(Packed::of(links.map(u64::from))))
        });
        let mut by_stream = Vec::new();
        if streams.len() > FEW {
            by_stream.extend((0..).take(streams.len()));
            by_stream.sort_unstable_by_key(|place: &u16| {
                streams.get(usize::from(*place)).map(|place| place.stream)
            });
        }
        Block {
            places: streams.into(),
            by_stream: by_stream.into_boxed_slice(),
            codes: Packed::of(all.clone().map(|slot| slot.code.into())),
            offsets: Packed::of(all.clone().map(|slot| slot.offset)),
            lengths: Packed::of(all.clone().map(|slot| slot.length)),
            packets: Packed::of(all.clone().map(|slot| slot.packet.into())),
            labels: Packed::of(all.map(|slot| slot.label.into())),
            links,
        }
    }
}

/// The blocks that a stream has rows in.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    /// After the last one, 0 if there is none.
    pub(super) behind_last: u32,
    pub(super) first: u32,
    /// Those after the first.
    #[expect(clippy::box_collection)] // Most streams have none, and there may be very many.
    pub(super) more: Option<Box<Vec<u32>>>,
    /// What the stream is called in the last one.
    pub(super) code: u16,
}

impl Whereabouts {
    pub(super) fn enter(&mut self, block: u32) {
        match self.behind_last {
            0 => self.first = block,
            _ => self.more.get_or_insert_default().push(block),
        }
        self.behind_last = block.saturating_add(1);
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.behind_last > 0) + self.more.as_deref().map_or(0, Vec::len)
    }

    pub(super) fn get(&self, at: usize) -> Option<u32> {
        match at.checked_sub(1) {
            None => (self.behind_last > 0).then_some(self.first),
            Some(at) => self.more.as_deref()?.get(at).copied(),
        }
    }

    /// The last of the first `count` blocks that `is_early` is true of, among these; they are in order.
    pub(super) fn last_of(&self, mut is_early: impl FnMut(u32) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle).is_some_and(&mut is_early) { low = middle + 1 } else { high = middle }
        }
        low.saturating_sub(1)
    }
}
