//! Messages that wait for what belongs to them, by their numbers.

use alloc::collections::{BTreeMap, VecDeque};

/// A message's name for the caller, and when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) row: u32,
    pub(super) time_ns: Option<i64>,
    /// Whether it needs a reply.
    pub(super) needs_reply: bool,
}

/// The same in 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    time_ns: i64,
    row: u32,
    is_timed: bool,
    needs_reply: bool,
}

impl From<Sent> for Slot {
    fn from(Sent { row, time_ns, needs_reply }: Sent) -> Slot {
        Slot { time_ns: time_ns.unwrap_or_default(), row, is_timed: time_ns.is_some(), needs_reply }
    }
}

impl From<Slot> for Sent {
    fn from(Slot { time_ns, row, is_timed, needs_reply }: Slot) -> Sent {
        Sent { row, time_ns: is_timed.then_some(time_ns), needs_reply }
    }
}

/// Slots by number, for numbers that mostly rise by one.
///
/// They are a ring, without a search; what does not fit into it is in a tree. At least about half of a ring that is not
/// short is filled, and what has left it for the tree does not come back: no order of numbers costs more than the tree
/// alone would.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Those from `base` on. Neither the first nor the last place is empty.
    ring: VecDeque<Option<Slot>>,
    base: u32,
    /// The last number that did not fit into the ring.
    missed: u32,
    /// How many of the ring's places are not empty.
    filled: usize,
    /// All others.
    sparse: BTreeMap<u32, Slot>,
}

/// The ring is continued after a step of at most this many numbers.
const WIDEST_STEP: usize = 256;
/// A ring of at most this many places is short.
const SHORT: usize = 64;

impl Waiting {
    /// Returns the one that had the number before.
    pub(super) fn insert(&mut self, number: u32, slot: Slot) -> Option<Slot> {
        let before = self.remove(number);
        self.add(number, slot);
        before
    }

    /// Adds one whose number is not in it.
    pub(super) fn add(&mut self, number: u32, slot: Slot) {
        let (length, distance) = (self.ring.len(), self.distance(number));
        if length == 0 {
            self.begin(number, slot);
        } else if distance == length {
            self.reserve(1);
            self.ring.push_back(Some(slot));
            self.filled += 1;
        } else if let Some(place) = self.ring.get_mut(distance) {
            *place = Some(slot);
            self.filled += 1;
        } else if distance - length < WIDEST_STEP {
            self.reserve(distance - length + 1);
            self.ring.resize(distance, None);
            self.ring.push_back(Some(slot));
            self.filled += 1;
            self.tidy();
        } else if number == self.missed.wrapping_add(1) {
            // The numbers rise from elsewhere now.
            while !self.ring.is_empty() {
                self.leave_ring();
            }
            self.begin(number, slot);
        } else {
            self.missed = number;
            self.sparse.insert(number, slot);
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, number: u32) -> Option<Slot> {
        let distance = self.distance(number);
        match self.ring.get_mut(distance).and_then(Option::take) {
            Some(slot) => {
                self.filled -= 1;
                self.tidy();
                Some(slot)
            }
            None if self.sparse.is_empty() => None,
            None => self.sparse.remove(&number),
        }
    }

    /// All, by rising numbers.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u32, Slot)> + use<> {
        let Waiting { mut ring, base, sparse, .. } = core::mem::take(self);
        // After the greatest number the ring continues with zero.
        let up_to_greatest = usize::try_from(u32::MAX - base).unwrap_or(usize::MAX).saturating_add(1);
        let wrapped = ring.split_off(up_to_greatest.min(ring.len()));
        let ring = wrapped.into_iter().zip(0..=u32::MAX).chain(ring.into_iter().zip(base..=u32::MAX));
        let mut ring = ring.filter_map(|(place, number)| Some((number, place?))).peekable();
        let mut sparse = sparse.into_iter().peekable();
        core::iter::from_fn(move || match (ring.peek(), sparse.peek()) {
            (Some((first, _)), Some((second, _))) if second < first => sparse.next(),
            (Some(_), _) => ring.next(),
            (None, _) => sparse.next(),
        })
    }

    fn distance(&self, number: u32) -> usize {
        usize::try_from(number.wrapping_sub(self.base)).unwrap_or(usize::MAX)
    }

    fn begin(&mut self, number: u32, slot: Slot) {
        self.reserve(1);
        self.ring.push_back(Some(slot));
        (self.base, self.filled) = (number, 1);
    }

    /// Doubles the room of a short ring, and adds a quarter to that of another.
    #[inline]
    fn reserve(&mut self, more: usize) {
        let length = self.ring.len();
        if self.ring.capacity() - length < more {
            let usual = if length <= SHORT { length.max(4) } else { length / 4 };
            self.ring.reserve_exact(more.max(usual));
        }
    }

    /// The first place of the ring is given up.
    fn leave_ring(&mut self) {
        if let Some(Some(slot)) = self.ring.pop_front() {
            self.sparse.insert(self.base, slot);
            self.filled -= 1;
        }
        self.base = self.base.wrapping_add(1);
    }

    fn tidy(&mut self) {
        while self.ring.back().is_some_and(Option::is_none) {
            self.ring.pop_back();
        }
        while self.ring.front().is_some_and(Option::is_none)
            || (self.ring.len() > SHORT && self.filled < self.ring.len() / 2)
        {
            self.leave_ring();
        }
        let room = self.ring.capacity();
        if room > 4 * SHORT && self.ring.len() < room / 4 {
            self.ring.shrink_to(room / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn slot(row: u32) -> Slot {
        Slot::from(Sent {
            row,
            time_ns: (!row.is_multiple_of(3)).then_some(-i64::from(row)),
            needs_reply: row.is_multiple_of(2),
        })
    }

    /// All that wait, with their numbers.
    fn all(waiting: &mut Waiting) -> Vec<(u32, Sent)> {
        waiting.take().map(|(number, slot)| (number, Sent::from(slot))).collect()
    }

    #[test]
    fn a_slot_is_sixteen_bytes_and_keeps_its_values() {
        assert_eq!(size_of::<Option<Slot>>(), 16);
        for time_ns in [None, Some(i64::MIN), Some(-1), Some(0), Some(i64::MAX)] {
            let sent = Sent { row: u32::MAX, time_ns, needs_reply: true };
            assert_eq!(Sent::from(Slot::from(sent)), sent);
        }
    }

    #[test]
    fn numbers_that_rise_stay_in_the_ring_also_past_the_greatest_and_after_a_jump() {
        let mut waiting = Waiting::default();
        let numbers = (u32::MAX - 9_999..=u32::MAX).chain(0..10_000);
        for (row, number) in (0..).zip(numbers) {
            assert!(waiting.insert(number, slot(row)).is_none());
        }
        assert!(waiting.sparse.is_empty());
        assert!(waiting.ring.capacity() * size_of::<Option<Slot>>() <= 24 * 20_000);
        let rows: Vec<u32> = all(&mut waiting).iter().map(|(_, sent)| sent.row).collect();
        assert!(rows.into_iter().eq((10_000..20_000).chain(0..10_000)));
        for number in (0..100).chain(1_000_000..1_010_000) {
            waiting.insert(number, slot(number));
        }
        assert_eq!((waiting.sparse.len(), waiting.ring.len()), (101, 9_999));
    }

    #[test]
    fn one_that_waits_for_ever_does_not_keep_room_for_all_that_come_after_it() {
        let mut waiting = Waiting::default();
        waiting.insert(0, slot(0));
        for number in 1..100_000u32 {
            waiting.insert(number, slot(number));
            if number > 10 {
                assert_eq!(waiting.remove(number - 10).map(|slot| slot.row), Some(number - 10));
            }
            assert!(waiting.ring.capacity() <= 4 * SHORT);
        }
        assert_eq!(waiting.sparse.len(), 1);
        // Every other one of many is taken.
        for number in 0..100_000 {
            waiting.insert(number, slot(number));
        }
        for number in (0..100_000).step_by(2).chain((1..100_000).step_by(4)) {
            waiting.remove(number);
        }
        assert_eq!(waiting.filled + waiting.sparse.len(), 25_000);
        assert!(waiting.ring.capacity() <= 8 * waiting.filled + 4 * SHORT);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_order_of_numbers_is_what_a_tree_makes_of_it(
            steps in prop::collection::vec((0..8u8, 0..40u32, 1..200u32), 1..60),
            start in prop_oneof![Just(0), Just(u32::MAX - 100), any::<u32>()],
        ) {
            let (mut waiting, mut tree) = (Waiting::default(), BTreeMap::new());
            let (mut next, mut row) = (start, 0);
            for (what, by, count) in steps {
                match what {
                    0..3 => {}
                    3 => next = next.wrapping_add(by),
                    4 => next = next.wrapping_sub(by.saturating_mul(by)),
                    5 => next = next.wrapping_add(by << 20),
                    _ => {
                        for at in 0..count {
                            let number = next.wrapping_sub(at * (by % 4) + by);
                            prop_assert_eq!(waiting.remove(number).map(Sent::from), tree.remove(&number));
                        }
                        continue;
                    }
                }
                for _ in 0..count {
                    let before = waiting.insert(next, slot(row)).map(Sent::from);
                    prop_assert_eq!(before, tree.insert(next, Sent::from(slot(row))));
                    next = next.wrapping_add(1 + u32::from(what == 2));
                    row += 1;
                    prop_assert!(waiting.ring.len() <= SHORT + 2 * waiting.filled);
                    prop_assert_eq!(waiting.ring.iter().flatten().count(), waiting.filled);
                }
            }
            prop_assert_eq!(all(&mut waiting), tree.into_iter().collect::<Vec<_>>());
        }
    }
}
