//! CRCs that also cover a byte that no message has, and that the kind of the message decides, as MAVLink's do.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use framescope_ksy::checks::{Algorithm, Crc};

use super::crcs::Class;
use super::spans::{Own, Place, Span};
use super::{Check, Form, Then, value, weigh};

/// How many messages of a kind are looked at, and how many bytes of each.
const MESSAGES: usize = 16;
const LONGEST: usize = 4096;
/// How many bytes may follow the field, and how many of the first may not be covered.
const BEHIND: usize = 1;
const BEFORE: usize = 4;
/// What it takes to say a CRC of the catalogue, and what it covers.
const COST: f64 = 16.0;
/// The bits that say which byte a kind has.
const OF_BYTE: f64 = 8.0;

/// The messages of each kind.
type Kinds<'m> = Vec<(u8, Vec<&'m [u8]>)>;

/// The check that all kinds have, if there is one. `kind` is where the byte is that says the kind.
pub(crate) fn by_kind(
    messages: &[&[u8]],
    kind: usize,
    length_field: Option<&Range<usize>>,
    is_cancelled: &dyn Fn() -> bool,
) -> Option<Check> {
    let kinds = kinds(messages, kind);
    let mut begins: Vec<usize> = (0..=BEFORE).collect();
    begins.extend(length_field.map(|field| field.end).filter(|end| *end > BEFORE));
    for size in [2, 4, 1] {
        let classes = Class::all(8 * size);
        for behind in 0..=BEHIND {
            let place = Place::End(behind + size);
            for &from in &begins {
                if is_cancelled() {
                    return None;
                }
                let span = Span { place, size, from, to: place, own: Own::Apart };
                for &form in Form::of(size).iter().filter(|form| form.value_size(size) == size) {
                    let found = classes.iter().find_map(|class| of_class(class, &kinds, &span, form));
                    let Some((about, bytes, bits)) = found else { continue };
                    let check = Check {
                        place,
                        size,
                        form,
                        algorithm: Algorithm::crc(about),
                        from,
                        to: place,
                        own: Own::Apart,
                        then: Some(Box::new(Then { kind, bytes })),
                        holds: (0, messages.len()),
                        bits,
                    };
                    let count = messages.iter().filter(|message| check.holds_in(message)).count();
                    if weigh::is_enough(count, messages.len()) {
                        return Some(Check { holds: (count, messages.len()), ..check });
                    }
                }
            }
        }
    }
    None
}

/// Some different messages of each kind; the kind with the most first, in which most of what is tried fails.
fn kinds<'m>(messages: &[&'m [u8]], kind: usize) -> Kinds<'m> {
    let mut seen = HashSet::new();
    let mut kinds: BTreeMap<u8, Vec<&[u8]>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.len() <= LONGEST) {
        if let Some(value) = message.get(kind)
            && seen.insert(*message)
        {
            let known = kinds.entry(*value).or_default();
            if known.len() < MESSAGES {
                known.push(message);
            }
        }
    }
    let mut kinds: Kinds<'m> = kinds.into_iter().collect();
    kinds.sort_by_key(|(value, messages)| (std::cmp::Reverse(messages.len()), *value));
    kinds
}

/// A CRC of a class under which all kinds hold, the byte of each, and how many bits that is worth.
fn of_class(
    class: &Class,
    kinds: &Kinds<'_>,
    span: &Span,
    form: Form,
) -> Option<(Crc, BTreeMap<u8, u8>, f64)> {
    class.known().find_map(|about| {
        let (mut bytes, mut bits) = (BTreeMap::new(), -COST);
        for (kind, messages) in kinds {
            let rows: Option<Vec<(u64, u64)>> =
                messages.iter().map(|message| row(class, about, message, span, form)).collect();
            bytes.insert(*kind, byte(class, about, &rows?)?);
            bits += 8.0 * (messages.len() * span.size) as f64 - OF_BYTE;
        }
        (bits >= weigh::LEAST).then_some((about, bytes, bits))
    })
}

/// The register after what is covered of a message, and the number that its field has.
fn row(class: &Class, about: Crc, message: &[u8], span: &Span, form: Form) -> Option<(u64, u64)> {
    let covered = span.of(message.len())?;
    let found = value(message.get(covered.field)?, form)?;
    let covered = message.get(covered.first)?.iter().copied();
    Some((class.run(class.register(about.initial), covered), found ^ about.xor))
}

/// The byte that comes next in all messages of a kind.
fn byte(class: &Class, about: Crc, rows: &[(u64, u64)]) -> Option<u8> {
    let holds = |byte: u8, (register, found): &(u64, u64)| {
        class.number(class.step(*register, byte)) & about.mask() == *found
    };
    (0..=u8::MAX).find(|byte| rows.iter().all(|row| holds(*byte, row)))
}
