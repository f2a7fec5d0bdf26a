//! Computes the checks of a frame again after bytes of it were changed.

use core::ops::Range;

use super::Missive;
use super::check::{self, CHECKSUM_LENGTH, TAG_LENGTH};
use super::header::{Flags, Header};
use crate::Captured;

/// Writes the checks over changed bytes where the frame has them, whatever its lengths and flags say now.
pub(crate) fn renew_checks(missive: &Missive, message: Captured<'_, '_>, changed: &mut [u8]) {
    let old = message.beginning();
    let Some(header) = Header::read_unchecked(old) else { return };
    if old.len() != changed.len() || old.len() as u64 != header.layout().end {
        return;
    }
    let has = |flag: Flags, length: usize| if header.flags.contains(flag) { length } else { 0 };
    let checksum = old.len().saturating_sub(has(Flags::CHECKSUM, CHECKSUM_LENGTH));
    let tag = checksum.saturating_sub(has(Flags::AUTH, TAG_LENGTH));
    renew(old, changed, 18..Header::LENGTH, |covered, own| {
        let Some(covered) = covered.first_chunk::<18>() else { return };
        let mut header = [0; Header::LENGTH];
        header.iter_mut().zip(covered).for_each(|(to, from)| *to = *from);
        own.copy_from_slice(&check::header_check_of(&header).to_be_bytes());
    });
    if let (true, Some(key)) = (tag < checksum, &missive.key) {
        renew(old, changed, tag..checksum, |covered, own| own.copy_from_slice(&key.tag(&[covered])));
    }
    if checksum < old.len() {
        renew(old, changed, checksum..old.len(), |covered, own| {
            own.copy_from_slice(&check::checksum(covered).to_be_bytes());
        });
    }
}

/// Computes one check, which covers all before it, if that was changed and the check was not.
fn renew(old: &[u8], changed: &mut [u8], own: Range<usize>, write: impl FnOnce(&[u8], &mut [u8])) {
    let is_same = old.get(own.clone()) == changed.get(own.clone());
    let Some((covered, rest)) = changed.split_at_mut_checked(own.start) else { return };
    let covers_a_change = old.get(..own.start) != Some(&*covered);
    if let (true, Some(check)) = (is_same && covers_a_change, rest.get_mut(..own.len())) {
        write(covered, check);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::missive::{FrameBuf, Key, Kind};
    use crate::{Code, Dissection, Protocol};

    fn signed() -> (Missive, Vec<u8>) {
        let missive = Missive { key: Some(Key::new(*b"secret")), ..Missive::default() };
        let frame = FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM | Flags::AUTH).payload("hello");
        let mut bytes = Vec::new();
        frame.encode(missive.key.as_ref(), &mut bytes).unwrap();
        (missive, bytes)
    }

    #[test]
    fn all_checks_over_a_change_hold_again() {
        let (missive, old) = signed();
        for place in [4, 9, 12, 16, 20, 24] {
            let mut changed = old.clone();
            changed[place] ^= 0x10;
            missive.renew_checks(Captured::whole(&old), &mut changed);
            let header: [u8; 20] = *changed.first_chunk().unwrap();
            assert_eq!(changed[18..20], check::header_check_of(&header).to_be_bytes(), "byte {place}");
            let end = changed.len() - 4;
            assert_eq!(changed[end..], check::checksum(&changed[..end]).to_be_bytes(), "byte {place}");
            let (covered, tag) = (&changed[..end - 16], &changed[end - 16..end]);
            assert!(missive.key.as_ref().unwrap().verifies(covered, tag), "byte {place}");
        }
    }

    #[test]
    fn a_check_that_was_changed_stays_wrong_and_the_others_hold() {
        let (missive, old) = signed();
        let mut changed = old.clone();
        let tag = changed.len() - 20;
        changed[tag] ^= 1;
        missive.renew_checks(Captured::whole(&old), &mut changed);
        let found = Dissection::of(&missive, &changed);
        assert!(found.has(Code::TagMismatch) && !found.has(Code::ChecksumMismatch));
        let mut unchanged = old.clone();
        missive.renew_checks(Captured::whole(&old), &mut unchanged);
        assert_eq!(unchanged, old);
    }
}
