//! Equal parts one after another: tag, length and value; texts with their lengths; pairs of them.

use std::ops::Range;

use super::field::{Form, Number};
use super::structure::{NUMBER_FORMS, Rests, read};
use super::table::distinct;

/// How each part of a row of equal parts shows where it ends: by one or two numbers, each after so many bytes and before the bytes
/// that it counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Elements {
    pub(super) numbers: Vec<(usize, Number)>,
    /// The number counts the whole element.
    pub(super) counts_itself: bool,
}

impl Elements {
    /// Where each of the parts of `bytes` ends, if the last ends where they do.
    pub(super) fn ends(&self, bytes: &[u8]) -> Option<Vec<usize>> {
        let (mut at, mut ends) = (0, Vec::new());
        while at < bytes.len() {
            at += self.length(bytes.get(at..)?)?;
            ends.push(at);
            if ends.len() > 4096 || at > bytes.len() {
                return None;
            }
        }
        Some(ends)
    }

    fn length(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0usize;
        for (gap, number) in &self.numbers {
            let (value, width) = read(*number, bytes.get(at + gap..)?)?;
            let header = at + gap + width;
            at = if self.counts_itself { value.max(header) } else { header.checked_add(value)? };
        }
        if self.counts_itself
            && self.numbers.first().and_then(|(gap, number)| read(*number, bytes.get(*gap..)?))?.0 < at
        {
            return None;
        }
        Some(at)
    }
}

type Found = (usize, Elements, Option<(usize, Number)>, f64);

/// Equal parts up to the end: how many bytes are before them, how each ends, where their count is if it is said, and bits of evidence.
pub(super) fn find(rests: &Rests<'_>, skip: &[Range<usize>]) -> Option<Found> {
    let shortest = rests.iter().map(|rest| rest.len()).min()?;
    let first_free = skip.iter().map(|range| range.end).max().unwrap_or(0);
    let mut best: Option<Found> = None;
    for gap in first_free..(shortest + 1).min(32) {
        for number in NUMBER_FORMS.into_iter().filter(|number| number.form != Form::Binary(3)) {
            for inner in 0..=6 {
                for counts_itself in [false, true] {
                    let one = Elements { numbers: vec![(inner, number)], counts_itself };
                    consider(rests, gap, one, &mut best);
                }
            }
            for second_gap in 0..=4 {
                for inner in 0..=2 {
                    let numbers = vec![(inner, number), (second_gap, number)];
                    consider(rests, gap, Elements { numbers, counts_itself: false }, &mut best);
                }
            }
        }
    }
    let (gap, elements, _, bits) = best?;
    let count = count(rests, gap, &elements, skip);
    Some((gap, elements, count, bits))
}

fn consider(rests: &Rests<'_>, gap: usize, elements: Elements, best: &mut Option<Found>) {
    let mut wrong = 0;
    let (mut bits, mut all, mut repeated) = (0.0, 0usize, 0usize);
    let mut sizes = Vec::new();
    let mut seen: Vec<&[u8]> = Vec::new();
    let (mut firsts, mut counts) = (Vec::new(), Vec::new());
    for rest in rests {
        let bytes = rest.get(gap..).unwrap_or_default();
        let Some(ends) = elements.ends(bytes) else {
            wrong += 1;
            if wrong * 30 > rests.len() {
                return;
            }
            continue;
        };
        if bytes.is_empty() || seen.contains(&bytes) {
            continue;
        }
        seen.push(bytes);
        all += 1;
        repeated += usize::from(ends.len() > 1);
        // By chance the last part ends here as often as it ends at any place that it may reach.
        let last = ends.len().checked_sub(2).and_then(|at| ends.get(at)).copied().unwrap_or(0);
        bits += ((bytes.len() - last) as f64).log2().min(6.0);
        counts.push(ends.len());
        firsts.extend(ends.first().copied());
        let mut from = 0;
        for end in ends {
            sizes.push(end - from);
            from = end;
        }
    }
    let different = distinct(&sizes);
    let least = sizes.iter().min().copied().unwrap_or(0);
    // Parts without contents, as zeros are everywhere, say nothing.
    let empty = sizes.iter().filter(|size| **size == least).count();
    // A first part that is always as long is no part but what is before them, and as many in all are a list of fields.
    if distinct(&firsts) < 2 || distinct(&counts) < 2 {
        return;
    }
    if all < 4 || repeated * 3 < all || different < 3 || empty * 10 > sizes.len() * 7 {
        return;
    }
    let header: usize = elements.numbers.iter().map(|(gap, _)| gap + 1).sum();
    let bits = bits - 12.0 - 4.0 * elements.numbers.len() as f64 - header as f64 * 0.5 - gap as f64 * 0.05;
    if bits > 10.0 && best.as_ref().is_none_or(|best| bits > best.3) {
        *best = Some((gap, elements, None, bits));
    }
}

/// Where before the parts their count is.
fn count(
    rests: &Rests<'_>,
    gap: usize,
    elements: &Elements,
    skip: &[Range<usize>],
) -> Option<(usize, Number)> {
    let counts: Vec<Option<usize>> =
        rests.iter().map(|rest| elements.ends(rest.get(gap..)?).map(|ends| ends.len())).collect();
    if distinct(&counts) < 2 {
        return None;
    }
    let mut best = None;
    for at in (0..gap).rev() {
        for number in NUMBER_FORMS.into_iter().filter(|number| number.form != Form::Binary(3)) {
            let is_count = |(rest, count): (&&[u8], &Option<usize>)| {
                let value = rest.get(at..gap).and_then(|bytes| read(number, bytes));
                value.is_some_and(|(value, width)| Some(value) == *count && at + width <= gap)
            };
            let holds = rests.iter().zip(&counts).filter(|pair| is_count(*pair)).count();
            let is_free = !skip.iter().any(|range| at < range.end && range.start < at + 4);
            if holds * 100 >= rests.len() * 97 && (is_free || skip.is_empty()) {
                best = Some((at, number));
            }
        }
        if best.is_some() && gap - at >= 4 {
            break;
        }
    }
    best
}
