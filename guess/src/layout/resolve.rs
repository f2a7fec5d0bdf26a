//! Reads messages by a layout, to compare what it says with what they are.

use std::ops::Range;

use super::random::kind;
use super::structure::read;
use super::{Field, Layout, Meaning, Place, Size, Times};

/// The fields of a message, those of repeated parts one by one; nothing if the message does not have them.
pub(super) fn resolve<'l>(layout: &'l Layout, bytes: &[u8]) -> Option<Vec<(Range<usize>, &'l Field)>> {
    let mut found = Vec::new();
    let end = part(layout, bytes, 0, &mut found)?;
    (end == bytes.len()).then_some(found)
}

fn part<'l>(
    layout: &'l Layout,
    bytes: &[u8],
    offset: usize,
    found: &mut Vec<(Range<usize>, &'l Field)>,
) -> Option<usize> {
    let mut at = 0;
    let mut values = vec![0usize; layout.fields.len()];
    for (index, field) in layout.fields.iter().enumerate() {
        let from = match field.place {
            Place::Start(from) => from,
            Place::After => at,
            Place::End(before) => bytes.len().checked_sub(before)?,
        };
        assert!(from == at, "fields leave out bytes: {field:?} after {at}");
        let number = match &field.meaning {
            Meaning::Length(number) | Meaning::Count(number) | Meaning::Integer(number) => {
                read(*number, bytes.get(from..)?)
            }
            _ => None,
        };
        if let Some((value, _)) = number {
            values[index] = value;
        }
        let rest = layout.fields.get(index + 1..)?.iter().find_map(|next| match next.place {
            Place::End(before) => Some(before),
            _ => None,
        });
        let to = match &field.size {
            Size::Fixed(size) => from + size,
            Size::By { field, unit, plus } => {
                from + (values[*field] * unit).checked_add_signed(isize::try_from(*plus).ok()?)?
            }
            Size::Terminated(end) => from + memchr::memmem::find(bytes.get(from..)?, end)? + end.len(),
            Size::Varint => from + number?.1,
            Size::Rest => bytes.len().checked_sub(rest.unwrap_or(0))?,
        };
        let inner = bytes.get(from..to)?;
        match &field.meaning {
            Meaning::Fields(layout) => {
                let end = part(layout, inner, offset + from, found)?;
                if end != inner.len() {
                    return None;
                }
            }
            Meaning::Repeated { element, times } => {
                let (mut within, mut count) = (0, 0);
                while within < inner.len() {
                    let step = part(element, &inner[within..], offset + from + within, found)?;
                    if step == 0 {
                        return None;
                    }
                    within += step;
                    count += 1;
                }
                if let Times::By { field } = times
                    && values[*field] != count
                {
                    return None;
                }
            }
            _ => found.push((offset + from..offset + to, field)),
        }
        at = to;
    }
    Some(at)
}

/// What a byte of a message really is, and the field that it is in.
pub(super) type Truths = Vec<(Range<usize>, &'static str)>;

/// Bytes in the right kind of field, and for each field how often it is exactly right, wrong otherwise.
pub(super) fn compare<'l>(
    truths: &Truths,
    found: &[(Range<usize>, &'l Field)],
    claims: &mut Vec<(&'l Field, usize, usize)>,
) -> usize {
    let really =
        |at: usize| truths.iter().find(|(range, _)| range.contains(&at)).map_or("", |(_, kind)| kind);
    let same = |one: &str, other: &str| {
        one == other || matches!((one, other), ("random", "bytes") | ("zero", "constant"))
    };
    let mut right = 0;
    for (range, field) in found {
        let kind = kind(&field.meaning);
        right += range.clone().filter(|at| same(really(*at), kind)).count();
        let is_right = truths.iter().any(|(truth, really)| truth == range && same(really, kind))
            || range.is_empty()
            || matches!(kind, "constant" | "zero" | "random")
                && range.clone().all(|at| same(really(at), kind));
        match claims.iter_mut().find(|(known, ..)| std::ptr::eq(*known, *field)) {
            Some(claim) => (claim.1, claim.2) = (claim.1 + usize::from(is_right), claim.2 + 1),
            None => claims.push((field, usize::from(is_right), 1)),
        }
    }
    right
}
