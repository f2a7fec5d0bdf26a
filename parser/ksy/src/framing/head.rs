//! The beginning of a message, which distinguishes it from other bytes: tested, searched for, and written.

use crate::plan::{Head, HeadTest, HeadTestKind};

use crate::run::numbers::{bits_of, integer};

pub(super) enum Probe {
    Believed,
    /// Too few bytes to decide, and they could begin a message.
    Short,
    Nothing,
}

impl HeadTest {
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        let own = bytes.get(self.offset as usize..(self.offset + self.length) as usize).unwrap_or_default();
        let within =
            |ranges: &[(i128, i128)], n: i128| ranges.iter().any(|&(low, high)| low <= n && n <= high);
        match &self.what {
            HeadTestKind::Contents(wanted) => own == wanted.as_slice(),
            HeadTestKind::Number { signed, le, ranges } => within(ranges, integer(own, *signed, *le)),
            HeadTestKind::Bits { shift, count, ranges } => {
                let all = u32::try_from(own.len() * 8).unwrap_or(0);
                let skip = all.saturating_sub(shift + count);
                within(ranges, bits_of(own, skip, *count, false).into())
            }
            HeadTestKind::Check { algorithm, le, from, to } => {
                let covered = bytes.get(*from as usize..*to as usize).unwrap_or_default();
                let found = integer(own, false, *le);
                algorithm.number(covered, self.length).map(i128::from) == Some(found)
            }
        }
    }
}

impl HeadTest {
    /// Changes bytes, which are long enough, so that the test holds. `pick(n)` returns a number below `n`.
    fn put(&self, bytes: &mut [u8], pick: &mut dyn FnMut(usize) -> usize) {
        let mut one_of = |ranges: &[(i128, i128)]| {
            let (low, high) = ranges.get(pick(ranges.len())).copied().unwrap_or((0, 0));
            let values = usize::try_from(high.saturating_sub(low)).unwrap_or(usize::MAX).saturating_add(1);
            low.saturating_add(i128::try_from(pick(values)).unwrap_or(0))
        };
        let (number, le) = match &self.what {
            HeadTestKind::Contents(wanted) => {
                let own = bytes.iter_mut().skip(self.offset as usize);
                return own.zip(wanted).for_each(|(byte, wanted)| *byte = *wanted);
            }
            HeadTestKind::Number { le, ranges, .. } => (one_of(ranges), *le),
            HeadTestKind::Bits { shift, count, ranges } => {
                let own = bytes.get(self.offset as usize..(self.offset + self.length) as usize);
                let mask = ((1_i128 << count) - 1) << shift;
                let rest = integer(own.unwrap_or_default(), false, false) & !mask;
                (rest | one_of(ranges) << shift & mask, false)
            }
            HeadTestKind::Check { algorithm, le, from, to } => {
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
    /// Changes bytes so that they begin like a message.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>, pick: &mut dyn FnMut(usize) -> usize) {
        bytes.resize(bytes.len().max(self.length as usize), 0);
        let tests = || self.believe.iter().chain(self.refuse.iter().map(|(test, _)| test));
        let is_check = |test: &&HeadTest| matches!(test.what, HeadTestKind::Check { .. });
        bytes.iter_mut().zip(&self.magic).for_each(|(byte, magic)| *byte = *magic);
        tests().filter(|test| !is_check(test)).for_each(|test| test.put(bytes, pick));
        // A check covers the other fields.
        tests().filter(is_check).for_each(|test| test.put(bytes, pick));
    }

    pub(super) fn probe(&self, bytes: &[u8]) -> Probe {
        if bytes.len() >= self.length as usize {
            // What lies inside the magic is tested with it.
            let is_open = |test: &&HeadTest| (test.offset + test.length) as usize > self.magic.len();
            // Comparing nothing is slow where it is done by masked loads: those from the address of an empty list take as long as
            // a hundred instructions.
            let believed = (self.magic.is_empty() || bytes.starts_with(&self.magic))
                && self.believe.iter().filter(is_open).all(|test| test.holds(bytes));
            return if believed { Probe::Believed } else { Probe::Nothing };
        }
        if self.may_begin(bytes) { Probe::Short } else { Probe::Nothing }
    }

    /// Whether bytes that are shorter than a head could begin one.
    pub(super) fn may_begin(&self, bytes: &[u8]) -> bool {
        let magic = bytes.iter().zip(&self.magic).all(|(byte, wanted)| byte == wanted);
        let whole = |test: &&HeadTest| {
            let covers_more = matches!(test.what, HeadTestKind::Check { .. });
            (test.offset + test.length) as usize <= bytes.len() && !covers_more
        };
        magic && self.believe.iter().filter(whole).all(|test| test.holds(bytes))
    }

    /// Where the next head begins, or the beginning of one that is cut off.
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
        // The bytes may end with the beginning of a magic.
        let last = bytes.len().saturating_sub(self.magic.len() - 1).max(from);
        (last..bytes.len()).find(|&at| could(at))
    }
}

#[cfg(test)]
mod tests {
    use super::Probe;
    use crate::load::testing::loaded;

    const SEQ: &str = "{id: magic, contents: MY}, {id: kind, type: u1, valid: {any-of: [1, 2]}}, {id: flags, type: b4, valid: 0}, {id: rest, type: b4}, {id: check, type: u1, -check: xor}, {id: n, type: u1}";

    #[test]
    fn a_head_is_believed_short_or_refused() {
        let (_, meta) = loaded(SEQ, "");
        let probe = |bytes: &[u8]| match meta.head.probe(bytes) {
            Probe::Believed => "believed",
            Probe::Short => "short",
            Probe::Nothing => "nothing",
        };
        assert_eq!(probe(b"MY\x01\x03\x16"), "believed");
        assert_eq!(probe(b"MY\x01\x03\x17"), "nothing", "the check fails");
        assert_eq!(probe(b"MY\x03\x03\x14"), "nothing", "the kind is not valid");
        assert_eq!(probe(b"MY\x01\x13\x06"), "nothing", "a flag is set");
        assert_eq!(
            (probe(b"M"), probe(b"MY\x02"), probe(b"MX"), probe(b"MY\x09")),
            ("short", "short", "nothing", "nothing")
        );
    }

    #[test]
    fn the_next_head_is_found_also_where_it_is_cut_off() {
        let (_, meta) = loaded(SEQ, "");
        assert_eq!(meta.head.find(b"..MY..MY\x01\x03\x16", 0), Some(6));
        assert_eq!(meta.head.find(b".....M", 0), Some(5));
        assert_eq!(meta.head.find(b"MY\x01\x03\x16", 1), None);
    }

    #[test]
    fn a_head_that_was_put_is_believed() {
        let (_, meta) = loaded(SEQ, "");
        for pick in 0..4 {
            let mut bytes = vec![0xff; 3];
            meta.head.put(&mut bytes, &mut |choices| pick % choices);
            assert!(matches!(meta.head.probe(&bytes), Probe::Believed), "{bytes:?}");
        }
    }
}
