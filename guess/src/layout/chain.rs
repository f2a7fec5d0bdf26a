//! Parts one after another, each with its size or an end: texts, and any bytes before a part that ends where the message does.

use std::ops::Range;

use super::field::Form;
use super::structure::{Explained, NUMBER_FORMS, Rests, Step, read, whole, zeros};
use super::table::distinct;
use super::text::is_printable;

/// Texts that a number before them or a byte after them ends, the surest first, and what is left after each.
pub(super) fn texts<'m>(
    rests: &Rests<'m>,
    skip: &[Range<usize>],
    depth: usize,
) -> Vec<(Step, f64, Rests<'m>)> {
    let shortest = rests.iter().map(|rest| rest.len()).min().unwrap_or(0);
    let first_free = skip.iter().map(|range| range.end).max().unwrap_or(0);
    let mut found = Vec::new();
    for gap in 0..shortest.min(32) {
        for form in NUMBER_FORMS {
            let after = |rest: &&'m [u8]| {
                let (value, width) = read(form, rest.get(gap..)?)?;
                let text = rest.get(gap + width..gap + width + value)?;
                is_text(text).then(|| (text, rest.get(gap + width + value..).unwrap_or_default()))
            };
            let Some(parts) = most(rests, after).filter(|_| gap >= first_free) else { continue };
            let bits = text_bits(&parts, false);
            // A number that is not as wide by chance.
            let zeros = match form.form {
                Form::Binary(width) if width > 1 => zeros(rests, gap, width.into(), form.order) as f64,
                Form::Binary(_) => 0.0,
                _ => -1.0,
            };
            if bits >= 24.0 {
                let step = Step::Sized { gap, number: form, between: 0, unit: 1, plus: 0 };
                found.push((step, bits + zeros, parts.into_iter().map(|(_, left)| left).collect()));
            }
        }
        let until_zero = |rest: &&'m [u8]| {
            let rest = rest.get(gap..)?;
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (text, left) = rest.split_at(end);
            is_text(text).then(|| (text, left.get(1..).unwrap_or_default()))
        };
        if let Some(parts) = most(rests, until_zero).filter(|_| gap >= first_free) {
            let bits = text_bits(&parts, true) - 4.0;
            // A text begins where the byte before it is none of it, and not with a constant.
            let is_inside =
                |rest: &&&[u8]| gap > first_free && rest.get(gap - 1).is_some_and(|byte| is_printable(*byte));
            let before: Vec<_> =
                rests.iter().map(|rest| gap.checked_sub(1).and_then(|at| rest.get(at))).collect();
            let inside = if distinct(&before) < 2 { 0 } else { rests.iter().filter(is_inside).count() };
            let firsts: Vec<_> = rests.iter().map(|rest| rest.get(gap)).collect();
            // More zeros after most of them fill up a size that is fixed.
            let filled = parts.iter().filter(|(_, left)| left.first() == Some(&0)).count();
            if bits >= 24.0
                && inside * 100 < rests.len() * 97
                && distinct(&firsts) > 1
                && filled * 10 < rests.len() * 7
            {
                found.push((
                    Step::Terminated { gap, end: 0 },
                    bits,
                    parts.into_iter().map(|(_, left)| left).collect(),
                ));
            }
        }
    }
    // The surest, and the first.
    let is_terminated = |step: &Step| matches!(step, Step::Terminated { .. });
    let (terminated, mut sized): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(step, ..)| is_terminated(step));
    sized.sort_by(|a, b| b.1.total_cmp(&a.1));
    let few = if depth == 3 { 3 } else { 2 };
    terminated.into_iter().take(few).chain(sized.into_iter().take(few)).collect()
}

/// What is found in nearly all; a few may be of another kind, or damaged.
fn most<'m, T>(rests: &Rests<'m>, find: impl Fn(&&'m [u8]) -> Option<T>) -> Option<Vec<T>> {
    let (mut found, mut wrong) = (Vec::new(), 0);
    for rest in rests {
        match find(rest) {
            Some(one) => found.push(one),
            None => wrong += 1,
        }
        if wrong * 100 > rests.len() * 8 {
            return None;
        }
    }
    Some(found)
}

fn is_text(bytes: &[u8]) -> bool {
    let is_plain = |character: char| !character.is_control() || matches!(character, '\t' | '\r' | '\n');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_plain))
}

/// Bits by which texts of different sizes are less likely by chance: of the different ones, what their characters show, and that
/// the next byte of the message is not one as well.
fn text_bits(parts: &[(&[u8], &[u8])], is_ended: bool) -> f64 {
    let mut texts: Vec<&[u8]> = parts.iter().map(|(text, _)| *text).collect();
    let sizes = distinct(&texts.iter().map(|text| text.len()).collect::<Vec<_>>());
    let ends = |left: &[u8]| left.first().is_none_or(|byte| !is_printable(*byte));
    let ended = parts.iter().filter(|(text, left)| text.len() > 1 && (is_ended || ends(left))).count();
    texts.sort_unstable();
    texts.dedup();
    let characters: usize = texts.iter().map(|text| text.len().min(32)).sum();
    if sizes < 2 || texts.len() < 4 || ended * 4 < parts.len() {
        return 0.0;
    }
    let share = ended as f64 / parts.len() as f64;
    characters as f64 * share + (sizes as f64).log2() * 4.0 - 16.0
}

/// Any bytes after a number that gives their size, if a number after them gives the size of all that is left.
pub(super) fn blob(rests: &Rests<'_>, skip: &[Range<usize>]) -> Option<Explained> {
    let shortest = rests.iter().map(|rest| rest.len()).min()?;
    let first_free = skip.iter().map(|range| range.end).max().unwrap_or(0);
    let mut best: Option<Explained> = None;
    for gap in first_free..shortest.min(32) {
        for form in NUMBER_FORMS.into_iter().filter(|number| !matches!(number.form, Form::Binary(3))) {
            let left: Option<Rests<'_>> = rests
                .iter()
                .map(|rest| {
                    let (value, width) = read(form, rest.get(gap..)?)?;
                    rest.get(gap + width + value..)
                })
                .collect();
            let Some(left) = left else { continue };
            let sizes = distinct(
                &left.iter().zip(rests).map(|(left, rest)| rest.len() - left.len()).collect::<Vec<_>>(),
            );
            let Some((next, bits)) = whole(&left, &[]).filter(|_| sizes >= 3) else { continue };
            let Step::Sized { unit: 1, gap: 0..=4, plus: 0, .. } = next else { continue };
            let bits = bits - 10.0;
            if bits > 4.0
                && best.as_ref().is_none_or(|best| best.steps.iter().any(|(_, other)| bits > *other))
            {
                let step = Step::Sized { gap, number: form, between: 0, unit: 1, plus: 0 };
                best = Some(Explained { steps: vec![(step, bits), (next, bits)], is_whole: true });
            }
        }
    }
    best
}
