//! The rows of an index, by number: what each is, where it stands in its stream, and which others it goes with.

use super::Packed;

/// How many rows are packed together.
const A_BLOCK: usize = 4096;

/// A row as it is put in, and comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where in its stream it begins.
    pub offset: u64,
    /// How many bytes of the stream it is.
    pub length: u64,
    /// The number of its stream.
    pub stream: u32,
    /// What it is, as a number of the index's labels.
    pub label: u32,
    /// The last packet that brought bytes of it; 0 if none did.
    pub packet: u32,
    /// Whether it is just what that packet carried, from the payload's first byte on.
    pub is_payload: bool,
}

/// How a row goes with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It answers the other.
    Answers,
    /// The other answers it.
    AnsweredBy,
    /// It goes on with content that the other began.
    GoesOnWith,
}

const LINKS: [Link; 3] = [Link::Answers, Link::AnsweredBy, Link::GoesOnWith];

/// So many streams of a block are looked through one by one.
const FEW: usize = 16;

/// Links of a kind to be put into sealed blocks.
const MOST_LATE: usize = 1 << 20;

/// Rows, in blocks. Rows of one stream are put in in the stream's order.
#[derive(Debug, Default)]
pub struct Rows {
    sealed: Vec<Block>,
    open: Vec<Slot>,
    /// The streams that have rows in the open block.
    places: Vec<Place>,
    /// By stream.
    whereabouts: Vec<Whereabouts>,
    /// Links of rows in sealed blocks that are not told to these yet, by kind.
    late: [Vec<(u32, u32)>; 3],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Beyond where the stream's first row of the block begins.
    offset: u64,
    length: u64,
    packet: u32,
    /// The label, and in the lowest bit whether it is a packet's payload.
    label: u32,
    /// Which of the block's streams.
    code: u16,
    /// For each kind what [`linked`] makes a number of; 0 for none.
    links: [u32; 3],
}

#[derive(Clone, Copy, Debug)]
struct Place {
    stream: u32,
    /// Where its first row of the block begins.
    base: u64,
}

/// A full block, each column packed by itself.
#[derive(Debug)]
struct Block {
    places: Box<[Place]>,
    /// Where in `places` each stream is, in the order of their numbers; nothing where there are few.
    by_stream: Box<[u16]>,
    codes: Packed,
    offsets: Packed,
    lengths: Packed,
    packets: Packed,
    labels: Packed,
    /// None of a kind that no row of the block has.
    links: [Option<Box<Packed>>; 3],
}

/// The blocks that a stream has rows in.
#[derive(Debug, Default)]
struct Whereabouts {
    /// Behind the last one, 0 if there is none.
    behind_last: u32,
    first: u32,
    /// Those behind the first.
    #[expect(clippy::box_collection)] // Most streams have none, and there may be very many.
    more: Option<Box<Vec<u32>>>,
    /// What the stream is called in the last one.
    code: u16,
}

impl Whereabouts {
    fn enter(&mut self, block: u32) {
        match self.behind_last {
            0 => self.first = block,
            _ => self.more.get_or_insert_default().push(block),
        }
        self.behind_last = block.saturating_add(1);
    }

    fn len(&self) -> usize {
        usize::from(self.behind_last > 0) + self.more.as_deref().map_or(0, Vec::len)
    }

    fn get(&self, at: usize) -> Option<u32> {
        match at.checked_sub(1) {
            None => (self.behind_last > 0).then_some(self.first),
            Some(at) => self.more.as_deref()?.get(at).copied(),
        }
    }

    /// The last of the first `count` blocks that `is_early` is true of, among these; they stand in order.
    fn last_of(&self, mut is_early: impl FnMut(u32) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle).is_some_and(&mut is_early) { low = middle + 1 } else { high = middle }
        }
        low.saturating_sub(1)
    }
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// How far one row is from another, as a number that is small if they are near.
fn distance(row: u32, other: u32) -> u32 {
    let ahead = other.wrapping_sub(row).cast_signed();
    ((ahead << 1) ^ (ahead >> 31)).cast_unsigned()
}

/// The other row of a [`distance`].
fn linked(row: u32, distance: u32) -> u32 {
    row.wrapping_add((distance >> 1) ^ (distance & 1).wrapping_neg())
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.sealed.len() * A_BLOCK + self.open.len()
    }

    /// Adds a row behind the others, and gives its number.
    #[inline]
    pub fn push(&mut self, entry: Entry) -> u32 {
        let Entry { offset, length, stream, label, packet, is_payload } = entry;
        let number = narrow(self.len() as u64);
        let block = narrow(self.sealed.len() as u64);
        if self.whereabouts.len() <= stream as usize {
            self.whereabouts.resize_with(stream as usize + 1, Whereabouts::default);
        }
        let Some(whereabouts) = self.whereabouts.get_mut(stream as usize) else { return number };
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
            packet,
            label: label << 1 | u32::from(is_payload),
            code,
            links: [0; 3],
        });
        if self.open.len() == A_BLOCK {
            self.seal();
        }
        number
    }

    fn seal(&mut self) {
        let all = self.open.iter();
        let links = LINKS.map(|link| {
            let links = all.clone().map(|slot| slot.links.get(link as usize).copied().unwrap_or(0));
            let any = links.clone().any(|link| link != 0);
            any.then(|| Box::new(Packed::of(links.map(u64::from))))
        });
        let mut by_stream = Vec::new();
        if self.places.len() > FEW {
            by_stream.extend((0..).take(self.places.len()));
            by_stream.sort_unstable_by_key(|place: &u16| {
                self.places.get(usize::from(*place)).map(|place| place.stream)
            });
        }
        self.sealed.push(Block {
            places: self.places.as_slice().into(),
            by_stream: by_stream.into_boxed_slice(),
            codes: Packed::of(all.clone().map(|slot| slot.code.into())),
            offsets: Packed::of(all.clone().map(|slot| slot.offset)),
            lengths: Packed::of(all.clone().map(|slot| slot.length)),
            packets: Packed::of(all.clone().map(|slot| slot.packet.into())),
            labels: Packed::of(all.map(|slot| slot.label.into())),
            links,
        });
        self.open.clear();
        self.places.clear();
    }

    fn block_of(&self, number: u32) -> (Option<&Block>, usize) {
        let number = number as usize;
        (self.sealed.get(number / A_BLOCK), number % A_BLOCK)
    }

    /// The slot of a row in the open block.
    fn slot(&self, number: u32) -> Option<&Slot> {
        self.open.get((number as usize).checked_sub(self.sealed.len() * A_BLOCK)?)
    }

    /// A row by its number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<Entry> {
        let (block, at) = self.block_of(number);
        let (place, offset, length, packet, label) = match block {
            Some(block) => (
                block.places.get(usize::try_from(block.codes.get(at)?).ok()?)?,
                block.offsets.get(at)?,
                block.lengths.get(at)?,
                narrow(block.packets.get(at)?),
                narrow(block.labels.get(at)?),
            ),
            None => {
                let slot = self.slot(number)?;
                let place = self.places.get(usize::from(slot.code))?;
                (place, slot.offset, slot.length, slot.packet, slot.label)
            }
        };
        Some(Entry {
            offset: place.base.wrapping_add(offset),
            length,
            stream: place.stream,
            label: label >> 1,
            packet,
            is_payload: label & 1 == 1,
        })
    }

    /// What the lengths of a full block's rows lie between.
    pub fn length_bounds(&self, block: usize) -> Option<(u64, u64)> {
        self.sealed.get(block).map(|block| block.lengths.bounds())
    }

    /// What the last packets of a full block's rows lie between.
    pub fn packet_bounds(&self, block: usize) -> Option<(u32, u32)> {
        let (least, greatest) = self.sealed.get(block)?.packets.bounds();
        Some((narrow(least), narrow(greatest)))
    }

    /// The label of a row.
    #[inline]
    pub fn label(&self, number: u32) -> Option<u32> {
        let (block, at) = self.block_of(number);
        let label = match block {
            Some(block) => narrow(block.labels.get(at)?),
            None => self.slot(number)?.label,
        };
        Some(label >> 1)
    }

    /// The stream of a row.
    #[inline]
    pub fn stream(&self, number: u32) -> Option<u32> {
        let (block, at) = self.block_of(number);
        let place = match block {
            Some(block) => block.places.get(usize::try_from(block.codes.get(at)?).ok()?),
            None => self.places.get(usize::from(self.slot(number)?.code)),
        };
        place.map(|place| place.stream)
    }

    /// How many bytes long a row is.
    #[inline]
    pub fn length(&self, number: u32) -> Option<u64> {
        let (block, at) = self.block_of(number);
        match block {
            Some(block) => block.lengths.get(at),
            None => Some(self.slot(number)?.length),
        }
    }

    /// The last packet that brought bytes of a row.
    #[inline]
    pub fn packet(&self, number: u32) -> Option<u32> {
        let (block, at) = self.block_of(number);
        match block {
            Some(block) => Some(narrow(block.packets.get(at)?)),
            None => Some(self.slot(number)?.packet),
        }
    }

    /// Gives rows other labels: `change` is told the number and label of each of `rows`, which stand in rising order.
    pub fn relabel(&mut self, rows: impl Iterator<Item = u32>, mut change: impl FnMut(u32, u32) -> u32) {
        let mut labels: Vec<u64> = Vec::new();
        let mut unpacked: Option<usize> = None;
        let mut changed = |label: &mut u64, number: u32| {
            let before = narrow(*label);
            *label = u64::from(change(number, before >> 1) << 1 | before & 1);
        };
        for number in rows {
            let (block, at) = (number as usize / A_BLOCK, number as usize % A_BLOCK);
            if unpacked != Some(block) {
                self.put_labels(unpacked, &labels);
                labels.clear();
                labels.extend(self.sealed.get(block).iter().flat_map(|block| block.labels.iter()));
                unpacked = Some(block);
            }
            if let Some(label) = labels.get_mut(at) {
                changed(label, number);
            } else if self.sealed.len() == block
                && let Some(slot) = self.open.get_mut(at)
            {
                let mut label = slot.label.into();
                changed(&mut label, number);
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

    /// Says that a row goes with another. The first of a kind that is said of a row stays.
    #[inline]
    pub fn link(&mut self, row: u32, link: Link, other: u32) {
        match (row as usize).checked_sub(self.sealed.len() * A_BLOCK).and_then(|at| self.open.get_mut(at)) {
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
        for of_block in late.chunk_by(|(a, _), (b, _)| *a as usize / A_BLOCK == *b as usize / A_BLOCK) {
            let Some(&(first, _)) = of_block.first() else { continue };
            self.edit_links(first as usize / A_BLOCK, link, |links| {
                for &(row, other) in of_block {
                    if let Some(place) = links.get_mut(row as usize % A_BLOCK).filter(|place| **place == 0) {
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

    /// Forgets all links of the rows of some streams.
    pub fn unlink(&mut self, is_one: impl Fn(u32) -> bool) {
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

    /// The row that a row goes with.
    #[inline]
    pub fn linked(&self, row: u32, link: Link) -> Option<u32> {
        let (block, at) = self.block_of(row);
        let distance = match block {
            Some(block) => narrow(block.links.get(link as usize)?.as_deref()?.get(at)?),
            None => *self.slot(row)?.links.get(link as usize)?,
        };
        (distance != 0).then(|| linked(row, distance))
    }

    /// The rows of a stream, in its order.
    pub fn of_stream(&self, stream: u32) -> StreamRows<'_> {
        let whereabouts = self.whereabouts.get(stream as usize);
        StreamRows { rows: self, stream, whereabouts, next_block: 0, at: 0, block: 0, code: None }
    }

    /// The rows of a stream from the one on that holds a place of it, or the first one behind it.
    pub fn of_stream_from(&self, stream: u32, place: u64) -> impl Iterator<Item = (u32, Entry)> + '_ {
        let mut rows = self.of_stream(stream);
        if let Some(whereabouts) = self.whereabouts.get(stream as usize) {
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
        let entry = |number: u32| self.get(number).map(|entry| (number, entry));
        rows.filter_map(entry).skip_while(move |(_, entry)| entry.offset + entry.length <= place)
    }

    /// Where in a block the stream's last row stands that begins at a place, or before it.
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
    fn code_in(&self, block: u32, stream: u32) -> Option<u16> {
        let known = self.whereabouts.get(stream as usize)?;
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
    fn base(&self, block: u32, stream: u32) -> Option<u64> {
        let code = self.code_in(block, stream)?;
        self.places_of(block).get(usize::from(code)).map(|place| place.base)
    }

    /// The rows in another order, and with other links: `old` gives the numbers of all of them.
    pub fn reordered(&self, old: impl Iterator<Item = u32>, new: impl Fn(u32) -> u32) -> Rows {
        let mut rows = Rows::default();
        for number in old {
            let Some(entry) = self.get(number) else { continue };
            let row = rows.push(entry);
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

/// The numbers of a stream's rows, in its order.
#[derive(Clone, Debug)]
pub struct StreamRows<'r> {
    rows: &'r Rows,
    stream: u32,
    whereabouts: Option<&'r Whereabouts>,
    /// Which of the stream's blocks comes next.
    next_block: usize,
    /// The block at hand, what the stream is called in it, and where in it to look next.
    block: u32,
    code: Option<u16>,
    at: usize,
}

impl Iterator for StreamRows<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
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
                    return Some(narrow(u64::from(self.block) * A_BLOCK as u64 + at as u64));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of a few streams, laid end to end in each: the stream, the length, the label, the packet, whether it is a payload.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let stream = prop_oneof![0..3_u32, 0..40_u32];
        let row = (stream, 1..300_u64, 0..4_u32, 0..9_000_u32, any::<bool>());
        let one = prop_oneof![9 => row.clone(), 1 => (row, 1..1_u64 << 40).prop_map(|(mut row, length)| { row.1 = length; row })];
        (prop::collection::vec(one, 1..50), 1..400_usize).prop_map(|(some, times)| {
            let mut ends = [0; 40];
            let all = some.iter().cycle().take(some.len() * times);
            all.map(|&(stream, length, label, packet, is_payload)| {
                let offset = ends[stream as usize];
                ends[stream as usize] += length;
                Entry { offset, length, stream, label, packet, is_payload }
            })
            .collect()
        })
    }

    fn check(rows: &Rows, entries: &[Entry]) {
        assert_eq!(rows.len(), entries.len());
        for (number, entry) in (0..).zip(entries) {
            assert_eq!(rows.get(number), Some(*entry));
            assert_eq!((rows.label(number), rows.packet(number)), (Some(entry.label), Some(entry.packet)));
        }
        assert_eq!(rows.get(u32::try_from(entries.len()).unwrap()), None);
        for stream in 0..41 {
            let of_stream = || (0..).zip(entries).filter(|(_, entry)| entry.stream == stream);
            assert!(rows.of_stream(stream).eq(of_stream().map(|(number, _)| number)));
            let end = of_stream().last().map_or(0, |(_, entry)| entry.offset + entry.length);
            for place in [0, 1, end / 3, end / 2, end.saturating_sub(1), end] {
                let expected = of_stream().find(|(_, entry)| entry.offset + entry.length > place);
                let found = rows.of_stream_from(stream, place).next();
                assert_eq!(found, expected.map(|(number, entry)| (number, *entry)), "{stream} {place}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn rows_come_back_as_they_were_put_in_and_by_their_streams(entries in entries()) {
            let mut rows = Rows::default();
            for (number, entry) in (0..).zip(&entries) {
                assert_eq!(rows.push(*entry), number);
            }
            check(&rows, &entries);
        }

        #[test]
        fn rows_keep_their_links_and_labels_in_another_order(entries in entries(), links in prop::collection::vec((any::<u16>(), any::<u16>(), 0..3_usize), 0..200), delay in 0..6_000_u32) {
            let count = u32::try_from(entries.len()).unwrap();
            let links: Vec<(u32, u32, Link)> = links.into_iter()
                .map(|(row, other, link)| (u32::from(row) % count, u32::from(other) % count, LINKS[link]))
                .filter(|(row, other, _)| row != other)
                .collect();
            let mut rows = Rows::default();
            let mut model = std::collections::HashMap::new();
            for (number, entry) in (0..).zip(&entries) {
                rows.push(*entry);
                for &(row, other, link) in links.iter().filter(|(row, ..)| (row + delay).min(count - 1) == number) {
                    rows.link(row, link, other);
                    model.entry((row, link as usize)).or_insert(other);
                }
            }
            // Streams keep their own order: here they are put one behind the other.
            let mut order: Vec<u32> = (0..count).collect();
            order.sort_by_key(|&row| entries[row as usize].stream);
            let mut numbers = vec![0; entries.len()];
            (0..).zip(&order).for_each(|(new, &old)| numbers[old as usize] = new);
            let mut rows = rows.reordered(order.iter().copied(), |old| numbers[old as usize]);
            let mut moved: Vec<Entry> = order.iter().map(|&old| entries[old as usize]).collect();
            check(&rows, &moved);
            for old in 0..count {
                for link in LINKS {
                    let expected = model.get(&(old, link as usize)).map(|&other| numbers[other as usize]);
                    assert_eq!(rows.linked(numbers[old as usize], link), expected);
                }
            }
            let changed: Vec<u32> = (0..count).filter(|row| row % 7 == 3).collect();
            rows.relabel(changed.iter().copied(), |row, label| label + row % 100);
            changed.iter().for_each(|&row| moved[row as usize].label += row % 100);
            check(&rows, &moved);
            rows.unlink(|stream| stream == 1);
            for old in 0..count {
                let expected = model.get(&(old, 0)).map(|&other| numbers[other as usize]);
                let expected = expected.filter(|_| entries[old as usize].stream != 1);
                assert_eq!(rows.linked(numbers[old as usize], Link::Answers), expected);
            }
        }
    }
}
