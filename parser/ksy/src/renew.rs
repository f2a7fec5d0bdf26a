//! Computes the checks of a message again after bytes of it were changed. It finds them where the message has them as it was: what
//! was changed may be what says where they are.

use std::ops::Range;
use std::ptr;

use framescope_parser::{Captured, Key};

use crate::checks;
use crate::plan::{Check, Meta, ObjectId, Plan, Shape, Span};
use crate::run::arena::{State, with_arena};
use crate::run::{Mode, Run, Scope};

/// A check in a message.
struct Place<'p> {
    check: &'p Check,
    /// What it covers, which may include itself.
    covered: Range<usize>,
    own: Range<usize>,
    /// Whether its number is little-endian.
    le: bool,
    /// The byte that it covers though no message has it.
    then: Option<u8>,
}

/// Computes the checks that cover changed bytes, but for those that were changed themselves. A check over bytes that are
/// processed or masked stays as it is.
pub(crate) fn renew_checks(
    (plan, meta, key): (&Plan, &Meta, Option<&Key>),
    message: Captured<'_, '_>,
    changed: &mut [u8],
) {
    let old = message.beginning();
    if !message.is_whole() || old.len() != changed.len() || plan.mask.is_some() {
        return;
    }
    let mut found = places((plan, meta), message);
    found.retain(|place| old.get(place.own.clone()) == changed.get(place.own.clone()));
    let now = match found.iter().any(|place| place.then.is_some()) {
        true => places((plan, meta), Captured::whole(changed).in_context(message.context())),
        false => Vec::new(),
    };
    // Checks may cover other checks.
    for _ in 0..=found.len().min(8) {
        let mut settled = true;
        for place in &found {
            // What was changed may be what the byte depends on.
            let same = now.iter().find(|other| other.own == place.own && ptr::eq(other.check, place.check));
            let then = same.map_or(place.then, |same| same.then);
            settled &= !renew(place, then, key, old, changed);
        }
        if settled {
            break;
        }
    }
}

fn places<'p>((plan, meta): (&'p Plan, &Meta), message: Captured<'_, '_>) -> Vec<Place<'p>> {
    with_arena(|arena| {
        let mut run = Run::of(plan, message, arena, Mode::Full);
        run.checked = true;
        run.closed = meta.ends_with_segment || meta.waits;
        run.read_fully();
        let mut found = Vec::new();
        for id in (0..run.arena.object_count()).map(ObjectId::at) {
            let ty = plan.type_of(run.arena.object(id).ty);
            for attr in ty.seq.iter().chain(&ty.instances) {
                let Some(check) = &attr.check else { continue };
                let slot = *run.arena.slot(id, attr.slot);
                if slot.state != State::Done || slot.buffer != Span::MESSAGE {
                    continue;
                }
                let le = match attr.shape {
                    Shape::Int { order, .. } => run.order(order, &Scope::of(id)).unwrap_or(false),
                    Shape::Bits { le, .. } => le,
                    _ => false,
                };
                if let Some((covered, _)) =
                    run.covered(id, attr, slot).filter(|(span, _)| span.buffer == Span::MESSAGE)
                    && let Ok(then) = run.then(id, check)
                {
                    let range = |start: u32, end: u32| start as usize..end as usize;
                    let (covered, own) = (range(covered.start, covered.end), range(slot.start, slot.end));
                    found.push(Place { check, covered, own, le, then });
                }
            }
        }
        found
    })
}

/// Computes a check if what it covers was changed, and `then` is the byte after it now. True if it is another one now.
fn renew(place: &Place<'_>, then: Option<u8>, key: Option<&Key>, old: &[u8], changed: &mut [u8]) -> bool {
    let Place { check, covered, own, le, .. } = place;
    let bytes = |of: &[u8], then| {
        let relative = own.start.checked_sub(covered.start)?..own.end.checked_sub(covered.start)?;
        Some(checks::covered(of.get(covered.clone())?, 0, covered.len(), relative, then)?.into_owned())
    };
    let (Some(before), Some(now)) = (bytes(old, place.then), bytes(changed, then)) else { return false };
    if before == now {
        return false;
    }
    let computed = match (check.number(&now, own.len()), key) {
        (Some(number), _) => check.bytes(number, own.len(), *le),
        (None, Some(key)) => key.hmac_sha_256(&now).get(..own.len()).unwrap_or_default().to_vec(),
        (None, None) => return false,
    };
    match changed.get_mut(own.clone()) {
        Some(check) if check.len() == computed.len() && *check != *computed => {
            check.copy_from_slice(&computed);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use framescope_parser::{Code, Dissection, Protocol};

    use super::*;
    use crate::Described;

    const MINE: &str = "
meta: {id: mine, endian: le}
seq:
  - {id: length, type: u2}
  - {id: head, type: u2, -check: {algorithm: crc-16/modbus, to: length}}
  - {id: text, type: str, size: length, encoding: UTF-8}
  - {id: sum, type: u1, -check: sum}
";

    #[test]
    fn checks_are_where_they_were_though_a_length_is_another() {
        let mine = Described::from_ksy(MINE).unwrap();
        let mut old = b"\x05\0\0\0hello\0".to_vec();
        let written = Dissection::of(&mine, &old);
        let mut out = Vec::new();
        mine.encode(&written, &mut out).unwrap();
        old = out;
        assert!(Dissection::of(&mine, &old).problems.is_empty());
        let mut changed = old.clone();
        changed[0] = 4;
        mine.renew_checks(Captured::whole(&old), &mut changed);
        assert_ne!((&changed[2..4], changed[9]), (&old[2..4], old[9]));
        assert_eq!(changed[9], changed[..9].iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        changed = old.clone();
        changed[5] = b'a';
        mine.renew_checks(Captured::whole(&old), &mut changed);
        assert!(Dissection::of(&mine, &changed).problems.is_empty());
        assert_eq!(changed[2..4], old[2..4], "it covers nothing that was changed");
        changed[9] ^= 1;
        let wrong = changed.clone();
        mine.renew_checks(Captured::whole(&old), &mut changed);
        assert_eq!(changed, wrong);
        assert!(Dissection::of(&mine, &changed).has(Code::ChecksumMismatch));
    }
}
