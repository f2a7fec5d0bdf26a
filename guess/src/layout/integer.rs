//! Numbers, enumerations, flags and constants: what the values of single columns and of neighbouring ones look like.

use std::ops::Range;

use super::claim::{Claim, fit};
use super::field::{Form, Meaning, Number, Order};
use super::table::{Column, Table};

/// Proposes constants, and numbers of which nothing more is known.
pub(super) fn find(table: &Table<'_>, claims: &mut Vec<Claim>) {
    for from in 0..table.width {
        let Some(column) = table.columns.get(from) else { continue };
        if let Some(value) = column.constant {
            claims.push(constant(table, from, value));
            continue;
        }
        claims.push(single(table, from, column));
        claims.extend(flags(table, from, column));
    }
    for from in 0..table.width {
        for width in [2, 3, 4, 8] {
            if from + width <= table.width {
                claims.extend(integer(table, from, width, Order::Big));
                claims.extend(integer(table, from, width, Order::Little));
            }
        }
    }
}

fn constant(table: &Table<'_>, from: usize, value: u8) -> Claim {
    let all = table.len();
    let sure = if value == 0 { 0.5 } else { 0.8 };
    Claim {
        from,
        width: 1,
        meaning: Meaning::Constant(vec![value]),
        gain: 0.3,
        confidence: sure * (all as f64 / (all as f64 + 2.0)),
        holds: (all, all),
        evidence: format!("the same in all {all} messages"),
    }
}

/// A byte by itself.
fn single(table: &Table<'_>, from: usize, column: &Column) -> Claim {
    let all = table.len();
    let number = Number::binary(1, Order::Big);
    let is_few = column.distinct <= 6 && all >= 8 * column.distinct;
    let (meaning, gain, confidence, evidence) = if is_few {
        let values = column.values().map(|value| (u64::from(value), times(column, value))).collect();
        let evidence = format!("{} values in {all} messages", column.distinct);
        (Meaning::Enumeration { number, values }, 1.3, 0.6, evidence)
    } else {
        let (least, most) = (column.values().next().unwrap_or(0), column.values().last().unwrap_or(0));
        let evidence = format!("{} values from {least} to {most} in {all} messages", column.distinct);
        (Meaning::Integer(number), 1.0, 0.5, evidence)
    };
    Claim { from, width: 1, meaning, gain, confidence, holds: (all, all), evidence }
}

fn times(column: &Column, value: u8) -> usize {
    column.counts.get(usize::from(value)).map_or(0, |&count| count as usize)
}

/// A byte of which several bits vary by themselves, and not as the lowest bits of a number do.
fn flags(table: &Table<'_>, from: usize, column: &Column) -> Option<Claim> {
    let (set, unset) = column.values().fold((0u8, 0u8), |(set, unset), value| (set | value, unset | !value));
    let varying = set & unset;
    let bits = varying.count_ones();
    let all = table.len();
    let has_gap =
        varying.trailing_zeros() > 0 || varying.leading_zeros() + bits + varying.trailing_zeros() < 8;
    if !(2..=5).contains(&bits) || column.distinct < 3 || all < 16 || !has_gap {
        return None;
    }
    // Of bits that vary by themselves, most combinations occur.
    let expected = (1usize << bits).min(all / 4);
    if column.distinct * 2 < expected {
        return None;
    }
    Some(Claim {
        from,
        width: 1,
        meaning: Meaning::Flags { number: Number::binary(1, Order::Big), varying: varying.into() },
        gain: 1.6,
        confidence: 0.6,
        holds: (all, all),
        evidence: format!("{bits} bits vary, in {} combinations, in {all} messages", column.distinct),
    })
}

/// A number of several bytes.
fn integer(table: &Table<'_>, from: usize, width: usize, order: Order) -> Option<Claim> {
    let digits = table.digits(from, width, order);
    let zeros = digits.iter().take_while(|column| column.is_zero()).count();
    let core = digits.get(zeros..).filter(|core| !core.is_empty())?;
    let lowest = core.last()?;
    let highest = core.first()?;
    // The lowest byte varies, and the higher ones no more than it.
    if lowest.distinct < 2 || core.len() > 1 && lowest.distinct < 5 {
        return None;
    }
    let is_rising = core.windows(2).all(|pair| match pair {
        [high, low] => high.entropy <= low.entropy + 0.35,
        _ => true,
    });
    let (signs, extended) = signs(table, from, width, order, zeros);
    if !is_rising && signs == 0 || highest.constant.is_some() {
        return None;
    }
    let all = table.len();
    let mut gain = 1.0 + fit(table, from, width, order);
    let mut sure: f64 = match zeros {
        0 => 0.3,
        _ if lowest.distinct < 5 => 0.6,
        _ => 0.7,
    };
    let mut reasons = Vec::new();
    if zeros > 0 {
        reasons.push(format!("its highest {zeros} bytes are always zero"));
    }
    if core.len() > 1 {
        gain += core_gain(core);
        let digits = if signs > 0 { extended..width } else { zeros..width };
        let (least, sum) = dependence(table, from, width, order, digits);
        gain += sum;
        if least > 6.0 {
            sure = sure.max(if least > 12.0 { 0.85 } else { 0.75 });
            reasons.push("its bytes depend on each other as those of one number do".to_owned());
        }
    }
    if signs > 0 {
        gain += 12.0 * extended as f64 + 6.0;
        sure = sure.max(0.85);
        reasons.push(format!(
            "its highest bytes are FF in {signs} messages, as those of negative numbers are, else zero"
        ));
    }
    if reasons.is_empty() {
        reasons.push("its higher bytes vary less than its lower ones".to_owned());
    }
    let number = Number { form: Form::Binary(u8::try_from(width).unwrap_or(8)), order, is_signed: signs > 0 };
    Some(Claim {
        from,
        width,
        meaning: Meaning::Integer(number),
        gain,
        confidence: sure,
        holds: (all, all),
        evidence: format!("{}; {all} messages", reasons.join("; ")),
    })
}

/// What speaks for one number instead of several, where more than one byte varies.
fn core_gain(core: &[&Column]) -> f64 {
    core.windows(2)
        .map(|pair| match pair {
            [high, low] => {
                let largest = high.values().last().map_or(0, usize::from);
                let is_dense = largest < 2 * high.distinct + 2;
                match () {
                    () if high.entropy < 0.6 * low.entropy && is_dense => 2.8,
                    () if high.entropy > 0.93 * low.entropy => 1.8,
                    () => 1.6,
                }
            }
            _ => 0.0,
        })
        .sum()
}

/// In how many rows the number is negative, and how many bytes its sign fills, if its highest bytes are only 00 or FF, and always the sign of what follows.
fn signs(table: &Table<'_>, from: usize, width: usize, order: Order, zeros: usize) -> (usize, usize) {
    let is_sign = |column: &&&Column| column.values().all(|value| value == 0 || value == 0xff);
    let digits = table.digits(from, width, order);
    let extended = digits.iter().take_while(is_sign).count();
    if zeros > 0
        || extended == 0
        || extended >= width
        || digits.first().is_none_or(|highest| highest.distinct < 2)
    {
        return (0, 0);
    }
    let values = table.numbers(from, width, order);
    let value_bits = 8 * (width - extended);
    let negative = values.iter().filter(|value| *value >> (value_bits - 1) & 1 == 1).count();
    let is_right = |value: &&u64| match *value >> (value_bits - 1) {
        0 => true,
        high => high == u64::MAX >> (64 - 8 * width) >> (value_bits - 1),
    };
    if negative >= 2 && values.iter().filter(is_right).count() == values.len() {
        (negative, extended)
    } else {
        (0, 0)
    }
}

/// Bits of evidence that neighbouring bytes that vary are of one number, the least of all neighbours, and of all together: carries
/// from one to the other, and values of one that depend on the other.
fn dependence(
    table: &Table<'_>,
    from: usize,
    width: usize,
    order: Order,
    digits: Range<usize>,
) -> (f64, f64) {
    let values = table.numbers(from, width, order);
    let (mut least, mut sum) = (f64::INFINITY, 0.0);
    for high in digits.start..digits.end.saturating_sub(1) {
        let shift = 8 * (width - high - 2);
        let pairs: Vec<u64> = values.iter().map(|value| value >> shift & 0xffff).collect();
        // Values that are repeated are no more evidence than one.
        let mut different = pairs.clone();
        different.sort_unstable();
        different.dedup();
        let bits = (carries(table, &pairs).max(0.0) + mutual(&different)).min(20.0);
        least = least.min(bits);
        sum += bits;
    }
    (if least.is_finite() { least } else { 0.0 }, sum)
}

/// Where the high byte changes by one from a message to the next, the low byte of a slowly changing number wraps.
fn carries(table: &Table<'_>, pairs: &[u64]) -> f64 {
    let mut bits = 0.0;
    for group in &table.sides {
        for step in group.windows(2) {
            let [Some(before), Some(after)] =
                [0, 1].map(|at| step.get(at).and_then(|row| pairs.get(*row)).copied())
            else {
                continue;
            };
            if (before >> 8).abs_diff(after >> 8) == 1 {
                bits += if before.abs_diff(after) < 64 { 2.5 } else { -0.5 };
            }
        }
    }
    bits
}

/// Bits that the high byte gives about the three highest bits of the low one, less what chance gives.
fn mutual(pairs: &[u64]) -> f64 {
    let all = pairs.len() as f64;
    let mut joint = std::collections::BTreeMap::<(u64, u64), f64>::new();
    let mut high = std::collections::BTreeMap::<u64, f64>::new();
    let mut low = std::collections::BTreeMap::<u64, f64>::new();
    for pair in pairs {
        let (one, other) = (pair >> 8, pair >> 5 & 7);
        *joint.entry((one, other)).or_default() += 1.0;
        *high.entry(one).or_default() += 1.0;
        *low.entry(other).or_default() += 1.0;
    }
    let bits: f64 = joint
        .iter()
        .map(|((one, other), count)| {
            let expected = high.get(one).unwrap_or(&1.0) * low.get(other).unwrap_or(&1.0) / all;
            count * (count / expected).log2()
        })
        .sum();
    let freedoms = (high.len() as f64 - 1.0) * (low.len() as f64 - 1.0);
    // Twice the bits (in natural units) are distributed as chi-square, of which four deviations are left out.
    let by_chance = (freedoms + 4.0 * (2.0 * freedoms).sqrt()) / (2.0 * std::f64::consts::LN_2);
    (bits - by_chance - 2.0).max(0.0)
}
