//! CRCs whose generator the catalogue does not have: it is a common divisor of what several messages differ by.

use super::crcs::Class;
use super::polynomial::Polynomial;
use super::spans::{self, Place, Span};
use super::{Form, Weighing, value, weigh};

/// The most bits that it may take to say a span.
const COST: f64 = 11.0;
/// The same for a second try with other messages, in case that one of the first was damaged.
const COST_AGAIN: f64 = 8.5;
/// The farthest place from the start.
const FARTHEST: usize = 12;
/// How many messages a generator is searched in, and the longest ones.
const MESSAGES: usize = 8;
const LONGEST: usize = 512;
/// How many common divisors are computed: as many as this, of messages of one byte. It takes four times as long for two bytes.
const WORK: usize = 25_000_000;

/// How messages are made comparable.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    /// They are of one length, so that what a register begins with does not matter.
    Any,
    /// A register begins with zero, or with ones.
    Zero,
    Ones,
}

/// Weighs CRCs with generators that are found. False if it is cancelled.
pub(super) fn search(weighing: &mut Weighing<'_>, cancelled: &dyn Fn() -> bool) -> bool {
    let sample = weighing.sample;
    let short = |numbers: &[usize]| -> Vec<&[u8]> {
        let messages = numbers.iter().filter_map(|&number| sample.messages.get(number).copied());
        messages.filter(|message| message.len() <= LONGEST).collect()
    };
    let mut groups: Vec<(Vec<&[u8]>, &[Begin])> = Vec::new();
    for alike in &sample.alike {
        let messages = short(alike);
        // Another part of them is tried where one has a damaged message.
        groups.extend(messages.chunks(MESSAGES).map(|part| (part.to_vec(), [Begin::Any].as_slice())));
    }
    let every: Vec<usize> = (0..sample.messages.len()).collect();
    let every = short(&every);
    groups.retain(|(part, _)| part.len() >= 4);
    groups.truncate(2);
    if groups.is_empty() {
        let parts = every.chunks(MESSAGES).filter(|part| part.len() >= 4).take(2);
        groups.extend(parts.map(|part| (part.to_vec(), [Begin::Zero, Begin::Ones].as_slice())));
    }
    let found = weighing.fields();
    let sizes = [1, 2, 3, 4, 8].into_iter();
    let mut spans: Vec<(Span, f64)> =
        sizes.flat_map(|size| spans::spans(size, weighing.length_field)).collect();
    spans.retain(|(span, cost)| *cost <= COST && !matches!(span.place, Place::Start(FARTHEST..)));
    spans.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut left = WORK;
    for (span, cost) in spans {
        if cancelled() {
            return false;
        }
        for &form in Form::of(span.size).iter().filter(|form| **form != Form::Decimal) {
            // It must be worth the generator, and what the result is combined with.
            let bits = 16.0 * form.value_size(span.size) as f64;
            let is_known = found.contains(&(span.place, span.size));
            if is_known || weighing.worth(&span, form) < weigh::LEAST + cost + bits {
                continue;
            }
            for ((messages, begins), most) in groups.iter().zip([COST, COST_AGAIN]) {
                let length = messages.iter().map(|message| message.len()).max().unwrap_or(0);
                for &begin in begins.iter().filter(|_| cost <= most) {
                    for reflected in [false, true] {
                        let Some(less) = left.checked_sub(length * length) else { continue };
                        left = less;
                        try_one((span, cost), form, (messages, begin, reflected), weighing);
                    }
                }
            }
        }
    }
    true
}

fn try_one(
    (span, cost): (Span, f64),
    form: Form,
    (messages, begin, reflected): (&[&[u8]], Begin, bool),
    weighing: &mut Weighing<'_>,
) {
    let size = form.value_size(span.size);
    let Some(width) = u8::try_from(8 * size).ok().filter(|width| (8..=64).contains(width)) else { return };
    let codeword = |message: &&[u8]| {
        let own = value(message.get(span.of(message.len())?.field)?, form)?;
        let mut bytes = span.bytes(message)?;
        if begin == Begin::Ones {
            bytes.get_mut(..size)?.iter_mut().for_each(|byte| *byte = !*byte);
        }
        if reflected {
            bytes.extend(own.to_le_bytes().iter().take(size));
            bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        } else {
            bytes.extend(own.to_be_bytes().iter().skip(8 - size));
        }
        Some(Polynomial::of(&bytes))
    };
    let mut codewords = messages.iter().filter_map(codeword);
    let Some(first) = codewords.next() else { return };
    let mut common: Option<Polynomial> = None;
    let mut count = 0;
    for codeword in codewords {
        let difference = codeword.plus(&first).without_x();
        if difference.degree().is_none() {
            continue;
        }
        let now = match common.take() {
            Some(before) => before.common(difference),
            None => difference,
        };
        if now.degree().is_none_or(|degree| degree < usize::from(width)) {
            return;
        }
        common = Some(now);
        count += 1;
    }
    let Some(common) = common.filter(|_| count >= 2) else { return };
    for polynomial in common.divisors(width.into()) {
        Class::of(width, polynomial, reflected).weigh((span, cost), form, weighing);
    }
}
