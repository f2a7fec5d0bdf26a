//! The beginning of a message, which tells it from other bytes: tested, searched for, and written.

use crate::plan::{Head, HeadTest, HeadWhat};

use crate::run::numbers::{bits_of, integer};

pub(super) enum Probe {
    Believed,
    /// Too few bytes to say, and those there are could begin a message.
    Short,
    Nothing,
}

impl HeadTest {
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        let own = bytes.get(self.offset as usize..(self.offset + self.length) as usize).unwrap_or_default();
        let within =
            |ranges: &[(i128, i128)], n: i128| ranges.iter().any(|&(low, high)| low <= n && n <= high);
        match &self.what {
            HeadWhat::Contents(wanted) => own == wanted.as_slice(),
            HeadWhat::Number { signed, le, ranges } => within(ranges, integer(own, *signed, *le)),
            HeadWhat::Bits { shift, count, ranges } => {
                let all = u32::try_from(own.len() * 8).unwrap_or(0);
                let skip = all.saturating_sub(shift + count);
                within(ranges, bits_of(own, skip, *count, false).into())
            }
            HeadWhat::Check { algorithm, le, from, to } => {
                let covered = bytes.get(*from as usize..*to as usize).unwrap_or_default();
                let found = integer(own, false, *le);
                algorithm.number(covered, self.length).map(i128::from) == Some(found)
            }
        }
    }
}

impl HeadTest {
    /// Makes the test hold for bytes that are long enough. `pick` chooses one of so many values.
    fn put(&self, bytes: &mut [u8], pick: &mut dyn FnMut(usize) -> usize) {
        let mut one_of = |ranges: &[(i128, i128)]| {
            let (low, high) = ranges.get(pick(ranges.len())).copied().unwrap_or((0, 0));
            let values = usize::try_from(high.saturating_sub(low)).unwrap_or(usize::MAX).saturating_add(1);
            low.saturating_add(i128::try_from(pick(values)).unwrap_or(0))
        };
        let (number, le) = match &self.what {
            HeadWhat::Contents(wanted) => {
                let own = bytes.iter_mut().skip(self.offset as usize);
                return own.zip(wanted).for_each(|(byte, wanted)| *byte = *wanted);
            }
            HeadWhat::Number { le, ranges, .. } => (one_of(ranges), *le),
            HeadWhat::Bits { shift, count, ranges } => {
                let own = bytes.get(self.offset as usize..(self.offset + self.length) as usize);
                let mask = ((1_i128 << count) - 1) << shift;
                let rest = integer(own.unwrap_or_default(), false, false) & !mask;
                (rest | one_of(ranges) << shift & mask, false)
            }
            HeadWhat::Check { algorithm, le, from, to } => {
                let covered = bytes.get(*from as usize..*to as usize).unwrap_or_default();
                let check = algorithm.number(covered, self.length).map_or(0, i128::from);
                (check, *le)
            }
        };
        let length = self.length.min(16) as usize;
        let big = number.to_be_bytes();
        let low_bytes = big.get(big.len() - length..).unwrap_or_default();
        let own = bytes.iter_mut().skip(self.offset as usize).take(length);
        match le {
            true => own.zip(low_bytes.iter().rev()).for_each(|(byte, new)| *byte = *new),
            false => own.zip(low_bytes).for_each(|(byte, new)| *byte = *new),
        }
    }
}

impl Head {
    /// Makes bytes begin as a message does.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>, pick: &mut dyn FnMut(usize) -> usize) {
        bytes.resize(bytes.len().max(self.length as usize), 0);
        let tests = || self.believe.iter().chain(self.refuse.iter().map(|(test, _)| test));
        let is_check = |test: &&HeadTest| matches!(test.what, HeadWhat::Check { .. });
        bytes.iter_mut().zip(&self.magic).for_each(|(byte, magic)| *byte = *magic);
        tests().filter(|test| !is_check(test)).for_each(|test| test.put(bytes, pick));
        // A check is over the others.
        tests().filter(is_check).for_each(|test| test.put(bytes, pick));
    }

    pub(super) fn probe(&self, bytes: &[u8]) -> Probe {
        if bytes.len() >= self.length as usize {
            let believed = self.believe.iter().all(|test| test.holds(bytes));
            return if believed { Probe::Believed } else { Probe::Nothing };
        }
        if self.may_begin(bytes) { Probe::Short } else { Probe::Nothing }
    }

    /// Whether bytes that are too few for a head could be the first of one.
    pub(super) fn may_begin(&self, bytes: &[u8]) -> bool {
        let magic = bytes.iter().zip(&self.magic).all(|(byte, wanted)| byte == wanted);
        let whole = |test: &&HeadTest| {
            let covers_more = matches!(test.what, HeadWhat::Check { .. });
            (test.offset + test.length) as usize <= bytes.len() && !covers_more
        };
        magic && self.believe.iter().filter(whole).all(|test| test.holds(bytes))
    }

    /// Where the next head begins, or what could be one and is cut off.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let could = |at: usize| {
            matches!(self.probe(bytes.get(at..).unwrap_or_default()), Probe::Believed | Probe::Short)
        };
        if self.magic.is_empty() {
            return (from..bytes.len()).find(|&at| could(at));
        }
        let finder = memchr::memmem::Finder::new(&self.magic);
        let mut from = from;
        while let Some(found) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
            if could(from + found) {
                return Some(from + found);
            }
            from += found + 1;
        }
        // The first bytes of a magic may stand last.
        let last = bytes.len().saturating_sub(self.magic.len() - 1).max(from);
        (last..bytes.len()).find(|&at| could(at))
    }
}
