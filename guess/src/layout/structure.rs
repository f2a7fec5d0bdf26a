//! Parts of different sizes: which number gives the size of which part, so that all messages end where they should.
//!
//! A hypothesis is a list of steps from the beginning of a message on. It is believed if it leads to the end of nearly all messages,
//! and if that would hardly be so by chance.

use std::ops::Range;

use super::chain::{blob, texts};
use super::elements::{self, Elements};
use super::field::{Form, Number, Order};
use super::table::{Table, distinct, number};

/// A step from where the one before it ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `gap` bytes, a number, `between` bytes, and a part of `unit` times the number plus `plus` bytes.
    Sized { gap: usize, number: Number, between: usize, unit: usize, plus: i64 },
    /// Two numbers in a header of `header` bytes, and after it a part of each's size.
    Two { first: (usize, Number), second: (usize, Number), header: usize },
    /// `gap` bytes, and text up to a byte.
    Terminated { gap: usize, end: u8 },
    /// `gap` bytes, and equal parts up to the end.
    Elements { gap: usize, elements: Elements, count: Option<(usize, Number)> },
}

impl Step {
    /// How many bytes are before its first number, or its text.
    pub(super) fn gap(&self) -> usize {
        match self {
            Step::Sized { gap, .. } | Step::Terminated { gap, .. } | Step::Elements { gap, .. } => *gap,
            Step::Two { first, .. } => first.0,
        }
    }
}

/// Steps, and how many bits of evidence they have.
#[derive(Clone, Debug, Default)]
pub(super) struct Explained {
    pub(super) steps: Vec<(Step, f64)>,
    /// Whether they lead to the end, so that what is left is as long in all messages.
    pub(super) is_whole: bool,
}

/// How many messages are looked at to find hypotheses, and up to where a number may begin.
const ROWS: usize = 64;
const NUMBERS: usize = 48;

pub(super) const NUMBER_FORMS: [Number; 9] = [
    binary(1, Order::Big),
    binary(2, Order::Big),
    binary(2, Order::Little),
    binary(4, Order::Big),
    binary(4, Order::Little),
    binary(3, Order::Big),
    binary(3, Order::Little),
    Number { form: Form::Leb128, order: Order::Little, is_signed: false },
    Number { form: Form::Vlq, order: Order::Big, is_signed: false },
];

const fn binary(width: u8, order: Order) -> Number {
    Number { form: Form::Binary(width), order, is_signed: false }
}

/// A number at the beginning of `bytes`, and how many bytes it has.
pub(super) fn read(form: Number, bytes: &[u8]) -> Option<(usize, usize)> {
    let (value, width) = match form.form {
        Form::Binary(width) => (number(bytes.get(..usize::from(width))?, form.order), usize::from(width)),
        Form::Leb128 | Form::Vlq => {
            let width = bytes.iter().take(4).position(|byte| byte & 0x80 == 0)? + 1;
            let digits = bytes.get(..width)?.iter().map(|byte| u64::from(byte & 0x7f));
            let add = |value: u64, digit: u64| value << 7 | digit;
            match form.form {
                Form::Vlq => (digits.fold(0, add), width),
                _ => (digits.rev().fold(0, add), width),
            }
        }
    };
    Some((usize::try_from(value).ok()?, width))
}

/// The bytes that are still to be explained, of some of the messages.
pub(super) type Rests<'m> = Vec<&'m [u8]>;

/// Explains parts that differ in size. `skip` are bytes that are explained already.
pub(super) fn explain(
    table: &Table<'_>,
    skip: &[Range<usize>],
    is_cancelled: &dyn Fn() -> bool,
) -> Explained {
    let every = table.len().div_ceil(ROWS).max(1);
    let rests: Rests<'_> = table.rows.iter().step_by(every).map(|row| row.bytes).collect();
    search(&rests, skip, 3, is_cancelled).unwrap_or_default()
}

fn search(
    rests: &Rests<'_>,
    skip: &[Range<usize>],
    depth: usize,
    is_cancelled: &dyn Fn() -> bool,
) -> Option<Explained> {
    if rests.len() < 4 || is_cancelled() {
        return None;
    }
    let one = |(step, bits)| Explained { steps: vec![(step, bits)], is_whole: true };
    if let Some(found) = whole(rests, skip) {
        return Some(one(found));
    }
    if let Some((gap, elements, count, bits)) = elements::find(rests, skip) {
        return Some(one((Step::Elements { gap, elements, count }, bits)));
    }
    if let Some(found) = two(rests, skip) {
        return Some(one(found));
    }
    if depth == 0 {
        return None;
    }
    let mut best: Option<Explained> = None;
    for (step, bits, left) in texts(rests, skip, depth) {
        let is_equal = left.iter().all(|rest| Some(rest.len()) == left.first().map(|rest| rest.len()));
        let after = if is_equal {
            Explained { steps: Vec::new(), is_whole: true }
        } else {
            search(&left, &[], depth - 1, is_cancelled).unwrap_or_default()
        };
        let mut steps = vec![(step, bits)];
        steps.extend(after.steps);
        let found = Explained { steps, is_whole: after.is_whole };
        let score = |found: &Explained| {
            found.steps.iter().map(|(_, bits)| bits).sum::<f64>() + if found.is_whole { 40.0 } else { 0.0 }
        };
        if best.as_ref().is_none_or(|best| score(&found) > score(best)) {
            best = Some(found);
        }
    }
    best.or_else(|| if depth == 3 { blob(rests, skip) } else { None })
}

/// How many bits the sizes would need by themselves.
fn size_bits(rests: &Rests<'_>) -> f64 {
    let mut sizes: Vec<usize> = rests.iter().map(|rest| rest.len()).collect();
    sizes.sort_unstable();
    let all = sizes.len() as f64;
    sizes.chunk_by(|a, b| a == b).map(|run| -(run.len() as f64) * (run.len() as f64 / all).log2()).sum()
}

/// Bytes that a number at `at` would share with those that are explained already.
fn is_free(skip: &[Range<usize>], at: usize, width: usize) -> bool {
    !skip.iter().any(|range| at < range.end && range.start < at + width)
}

/// A number that gives the size of all that is not the same in all messages.
pub(super) fn whole(rests: &Rests<'_>, skip: &[Range<usize>]) -> Option<(Step, f64)> {
    let bits = size_bits(rests) - 16.0;
    if bits < 4.0 {
        return None;
    }
    let shortest = rests.iter().map(|rest| rest.len()).min()?;
    let first_free = skip.iter().map(|range| range.end).max().unwrap_or(0);
    let mut best: Option<(f64, Step)> = None;
    for gap in 0..shortest.min(NUMBERS) {
        for form in NUMBER_FORMS {
            let read: Option<Vec<(usize, usize)>> =
                rests.iter().map(|rest| read(form, rest.get(gap..).unwrap_or_default())).collect();
            let Some(values) = read else { continue };
            let Some((unit, fixed)) = linear(rests, &values, gap) else { continue };
            let width = values.iter().map(|(_, width)| *width).max().unwrap_or(1);
            if !is_free(skip, gap, width) || fixed < 0 && unit > 1 {
                continue;
            }
            let after = usize::try_from(fixed).unwrap_or(0);
            let least = first_free.saturating_sub(gap + width);
            let (between, is_plain) =
                if after == 0 { (0, true) } else { beginning(rests, &values, gap, after, least) };
            let zeros = match form.form {
                Form::Binary(width) if width > 1 => zeros(rests, gap, width.into(), form.order),
                _ => 0,
            };
            if form.form == Form::Binary(3) && zeros > 0 {
                continue;
            }
            let is_aligned = matches!(form.form, Form::Binary(width) if gap.is_multiple_of(width.into()));
            let score = 1.5 * zeros.min(3) as f64
                + f64::from(u8::from(is_aligned))
                + if fixed == 0 { 3.0 } else { 0.0 }
                + if is_plain { 1.0 } else { 0.0 }
                - if unit > 1 { 2.0 } else { 0.0 }
                - if matches!(form.form, Form::Binary(1 | 2 | 4)) { 0.0 } else { 1.5 };
            if best.as_ref().is_none_or(|(best, _)| score > *best) {
                let plus = if fixed < 0 { fixed } else { 0 };
                best = Some((score, Step::Sized { gap, number: form, between, unit, plus }));
            }
        }
    }
    best.map(|(_, step)| (step, bits))
}

/// How many of the highest bytes of a number are zero always.
pub(super) fn zeros(rests: &Rests<'_>, at: usize, width: usize, order: Order) -> usize {
    let is_zero = |place: &usize| {
        let at = if order == Order::Big { at + place } else { at + width - 1 - place };
        rests.iter().all(|rest| rest.get(at) == Some(&0))
    };
    (0..width).take_while(is_zero).count()
}

/// By how many bytes a message is longer for each unit of the number, and how many bytes it has beside what comes before the number,
/// the number, and what that counts: if it is so in nearly all.
fn linear(rests: &Rests<'_>, values: &[(usize, usize)], gap: usize) -> Option<(usize, i64)> {
    let size = |at: usize| {
        let (value, width) = values.get(at)?;
        Some((*value, rests.get(at)?.len() - gap - width))
    };
    let mut order: Vec<usize> = (0..rests.len()).collect();
    order.sort_by_key(|at| size(*at).map(|(_, size)| size));
    let different = distinct(&values.iter().map(|(value, _)| *value).collect::<Vec<_>>());
    if different < 3 {
        return None;
    }
    // The shortest and the longest, or if those are damaged, others.
    let last = order.len() - 1;
    [(0, last), (last / 8, last - last / 8)].into_iter().find_map(|(short, long)| {
        let pick = |at: usize| order.get(at).copied().and_then(size);
        line((pick(short)?, pick(long)?), (0..rests.len()).filter_map(size))
    })
}

/// The line through two pairs of a value and a size, if nearly all are on it.
fn line(
    (shortest, longest): ((usize, usize), (usize, usize)),
    all: impl Iterator<Item = (usize, usize)>,
) -> Option<(usize, i64)> {
    let (value, length) = (longest.0.checked_sub(shortest.0)?, longest.1.checked_sub(shortest.1)?);
    let unit = length.checked_div(value)?;
    if unit == 0 || unit > 256 || unit * value != length {
        return None;
    }
    let fixed = |(value, length): (usize, usize)| {
        Some(i64::try_from(length).ok()? - i64::try_from(value.checked_mul(unit)?).ok()?)
    };
    let wanted = fixed(shortest)?;
    let (mut holds, mut count) = (0, 0);
    for pair in all {
        holds += usize::from(fixed(pair) == Some(wanted));
        count += 1;
    }
    // A few may be of another kind, or damaged.
    (holds * 100 >= count * 92 && wanted >= -16).then_some((unit, wanted))
}

/// Where a part begins of which the size is known, and `fixed` bytes are before or after it: where the bytes before vary least,
/// counted from the beginning, and those after, counted from the end. Also whether nothing is before it.
fn beginning(
    rests: &Rests<'_>,
    values: &[(usize, usize)],
    gap: usize,
    fixed: usize,
    least: usize,
) -> (usize, bool) {
    let fixed = fixed.min(256);
    let entropy = |column: Vec<Option<u8>>| {
        let mut column = column;
        column.sort_unstable();
        let all = column.len() as f64;
        column
            .chunk_by(|a, b| a == b)
            .map(|run| -(run.len() as f64) / all * (run.len() as f64 / all).log2())
            .sum::<f64>()
    };
    let from_start = |at: usize| {
        let byte = |(rest, (_, width)): (&&[u8], &(usize, usize))| rest.get(gap + width + at).copied();
        entropy(rests.iter().zip(values).map(byte).collect())
    };
    let from_end = |at: usize| {
        entropy(rests.iter().map(|rest| rest.get(rest.len().wrapping_sub(at)).copied()).collect())
    };
    let before: Vec<f64> = (0..fixed).map(from_start).collect();
    let after: Vec<f64> = (1..=fixed).map(from_end).collect();
    let cost = |between: usize| {
        let start: f64 = before.iter().take(between).sum();
        let end: f64 = after.iter().take(fixed - between).sum();
        // Directly after the number, unless that costs a bit at least.
        start + end + if between > 0 { 1.0 } else { 0.0 }
    };
    let best = (least.min(fixed)..=fixed).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0);
    (best, best == 0)
}

/// Two numbers that together give the size of what is not the same in all messages.
fn two(rests: &Rests<'_>, skip: &[Range<usize>]) -> Option<(Step, f64)> {
    let bits = size_bits(rests) - 26.0;
    let shortest = rests.iter().map(|rest| rest.len()).min()?;
    if bits < 4.0 {
        return None;
    }
    let mut numbers: Vec<(usize, Number, usize, Vec<usize>)> = Vec::new();
    for gap in 0..shortest.min(40) {
        for form in NUMBER_FORMS.into_iter().filter(|number| matches!(number.form, Form::Binary(1 | 2 | 4))) {
            let values: Option<Vec<usize>> = rests
                .iter()
                .map(|rest| {
                    let (value, width) = read(form, rest.get(gap..)?)?;
                    (value <= rest.len() - gap - width).then_some(value)
                })
                .collect();
            let Form::Binary(width) = form.form else { continue };
            if let Some(values) =
                values.filter(|values| is_free(skip, gap, width.into()) && distinct(values) >= 2)
            {
                numbers.push((gap, form, width.into(), values));
            }
        }
    }
    let first_free = skip.iter().map(|range| range.end).max().unwrap_or(0);
    let mut best: Option<(f64, Step)> = None;
    for (index, (first, one, width, values)) in numbers.iter().enumerate() {
        for (second, other, other_width, others) in
            numbers.iter().skip(index + 1).filter(|other| other.0 >= first + width)
        {
            let fixed = |at: usize| rests.get(at)?.len().checked_sub(values.get(at)? + others.get(at)?);
            let Some(wanted) = fixed(0).filter(|fixed| *fixed >= second + other_width) else { continue };
            let holds = (0..rests.len()).filter(|at| fixed(*at) == Some(wanted)).count();
            if holds * 100 < rests.len() * 97 {
                continue;
            }
            let zeros =
                zeros(rests, *first, *width, one.order) + zeros(rests, *second, *other_width, other.order);
            let score = zeros as f64 + f64::from(u8::from(one == other)) * 2.0;
            if best.as_ref().is_none_or(|(best, _)| score > *best) {
                let ends: Vec<(usize, usize)> = rests.iter().map(|_| (0, *other_width)).collect();
                let least = first_free.saturating_sub(second + other_width);
                let between = beginning(rests, &ends, *second, wanted - second - other_width, least).0;
                let header = second + other_width + between;
                best = Some((score, Step::Two { first: (*first, *one), second: (*second, *other), header }));
            }
        }
    }
    best.map(|(_, step)| (step, bits))
}
