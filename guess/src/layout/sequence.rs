//! Numbers that rise from message to message.

use super::claim::{Claim, fit};
use super::field::{Among, Meaning, Number, Order};
use super::table::{Table, number};

const WIDTHS: [usize; 5] = [1, 2, 3, 4, 8];

/// Proposes numbers that rise.
pub(super) fn find(table: &Table<'_>, claims: &mut Vec<Claim>) {
    let mut groupings = vec![(Among::Side, table.sides.clone())];
    if groupings.iter().any(|(_, groups)| groups.len() > 1) {
        let talks: Vec<_> = table.by_talk().into_iter().map(|talk| table.by_time(talk)).collect();
        if talks.len() < groupings.first().map_or(0, |(_, sides)| sides.len()) {
            groupings.push((Among::Talk, talks));
        }
        groupings.push((Among::All, vec![table.by_time(0..table.len())]));
    }
    for last in 0..table.width {
        // The lowest byte of a number that rises has many values.
        if table.columns.get(last).is_none_or(|column| column.distinct < 4) {
            continue;
        }
        for (order, width) in orders(last, table.width) {
            let from = if order == Order::Big { last + 1 - width } else { last };
            // The closest to the messages of a side in which it holds best.
            let mut best: Option<Claim> = None;
            for (among, groups) in &groupings {
                let claim = rising(table, from, width, order, *among, groups);
                let share = |claim: &Claim| claim.holds.0 as f64 / claim.holds.1 as f64;
                if let Some(claim) =
                    claim.filter(|claim| best.as_ref().is_none_or(|best| share(claim) > share(best) + 0.01))
                {
                    best = Some(claim);
                }
            }
            claims.extend(best);
        }
    }
}

/// The numbers of which this is the lowest byte.
fn orders(lowest: usize, width: usize) -> impl Iterator<Item = (Order, usize)> {
    let big = WIDTHS.into_iter().filter(move |&size| size <= lowest + 1).map(|size| (Order::Big, size));
    let little = WIDTHS
        .into_iter()
        .filter(move |&size| size > 1 && lowest + size <= width)
        .map(|size| (Order::Little, size));
    big.chain(little)
}

fn rising(
    table: &Table<'_>,
    from: usize,
    width: usize,
    order: Order,
    among: Among,
    groups: &[Vec<usize>],
) -> Option<Claim> {
    // A highest byte that is constant and not zero is taken for part of the number only where it looks like one.
    let highest = *table.digits(from, width, order).first()?;
    if width > 1 && highest.constant.is_some_and(|value| value != 0) {
        return None;
    }
    let values: Vec<Vec<u64>> =
        groups.iter().map(|group| numbers(table, group, from, width, order)).collect();
    let mask = u64::MAX >> (64 - 8 * width);
    let mut steps: Vec<u64> = Vec::new();
    for group in &values {
        steps.extend(group.windows(2).map(|pair| match pair {
            [before, after] => after.wrapping_sub(*before) & mask,
            _ => 0,
        }));
    }
    let all = steps.len();
    if all < 4 {
        return None;
    }
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    // Larger steps and standing still are faults: retransmitted or lost messages, and new beginnings.
    let largest = *sorted.get(all * 93 / 100)?;
    if largest == 0 || largest > mask / 4 {
        return None;
    }
    let holds = steps.iter().filter(|&&step| step > 0 && step <= largest).count();
    let (common, times) = most_common(&sorted)?;
    if holds * 100 < all * 92 {
        return None;
    }
    let is_constant = times * 100 >= all * 92 && common > 0;
    let (step, held) = if is_constant { (Some(common), times) } else { (None, holds) };
    let chance = by_chance(
        &values,
        mask,
        if is_constant { common } else { 1 },
        if is_constant { common } else { largest },
    );
    let bits = held as f64 * -chance.log2() - (all - held) as f64 * 8.0;
    let bits = if is_constant { bits } else { bits * 0.8 - 0.5 * held as f64 * (largest as f64).log2() };
    if bits < 18.0 {
        return None;
    }
    let of = match among {
        Among::Side => "of a side",
        Among::Talk => "of a conversation",
        Among::All => "of all conversations",
    };
    let evidence = match step {
        Some(step) => format!("rises by {step} from each message {of} to the next, in {held} of {all} cases"),
        None => {
            format!("rises by 1 to {largest} from each message {of} to the next, in {held} of {all} cases")
        }
    };
    // A constant byte next to it may be its highest, and so may one next to the table, unless it wrapped without changing that.
    let wraps = |pair: &[u64]| matches!(pair, [before, after] if after < before && after.wrapping_sub(*before) & mask <= largest);
    let has_wrapped = values.iter().any(|group| group.windows(2).any(wraps));
    let before = from.checked_sub(1).filter(|_| order == Order::Big || width == 1);
    let after = (order == Order::Little || width == 1).then_some(from + width);
    let is_constant_at = |at: usize| match table.columns.get(at) {
        Some(column) => column.distinct == 1 || is_kept(table, at, groups),
        None => table.rows.iter().any(|row| row.offset + table.width < row.message.bytes.len()),
    };
    let is_cut = from == 0 && order == Order::Big && table.rows.iter().any(|row| row.offset > 0);
    let is_open =
        width < 8 && !has_wrapped && (is_cut || before.into_iter().chain(after).any(is_constant_at));
    // Bytes that are others only in other conversations are no part of what rises, or have not risen yet.
    let top = if order == Order::Big { from } else { from + width - 1 };
    let is_kept = highest.distinct > 1 && is_kept(table, top, groups);
    let varying = table.digits(from, width, order).iter().filter(|column| column.distinct > 1).count();
    let carried = if highest.distinct > 1 { varying.saturating_sub(1) } else { 0 };
    Some(Claim {
        from,
        width,
        meaning: Meaning::Sequence { number: Number::binary(width, order), step, among },
        gain: bits + fit(table, from, width, order) + 40.0 * carried as f64,
        confidence: confidence(bits, is_constant, held, all).min(match () {
            () if is_open || is_kept => 0.5,
            () if width == 3 || width > 1 && carried == 0 => 0.85,
            () => 1.0,
        }),
        holds: (held, all),
        evidence,
    })
}

/// Whether a byte is the same in all rows of each group.
fn is_kept(table: &Table<'_>, at: usize, groups: &[Vec<usize>]) -> bool {
    let byte = |row: &usize| table.rows.get(*row).and_then(|row| row.bytes.get(at));
    groups
        .iter()
        .all(|group| group.windows(2).all(|pair| pair.first().and_then(byte) == pair.last().and_then(byte)))
}

fn confidence(bits: f64, is_constant: bool, held: usize, all: usize) -> f64 {
    let sure = if bits > 40.0 {
        0.97
    } else if bits > 25.0 {
        0.9
    } else {
        0.8
    };
    let sure = if is_constant { sure } else { sure - 0.1 };
    sure * (held as f64 / all as f64).sqrt()
}

fn numbers(table: &Table<'_>, group: &[usize], from: usize, width: usize, order: Order) -> Vec<u64> {
    let bytes = |&row: &usize| table.rows.get(row).and_then(|row| row.bytes.get(from..from + width));
    group.iter().filter_map(bytes).map(|bytes| number(bytes, order)).collect()
}

fn most_common(sorted: &[u64]) -> Option<(u64, usize)> {
    let mut best = None;
    for run in sorted.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(_, times)| run.len() > times) {
            best = run.first().map(|value| (*value, run.len()));
        }
    }
    best
}

/// How often two numbers of a group, in any order, differ by such a step.
fn by_chance(groups: &[Vec<u64>], mask: u64, least: u64, largest: u64) -> f64 {
    let (mut right, mut all) = (0.5, 1.0);
    for group in groups {
        let every = (group.len() / 40).max(1);
        for (at, one) in group.iter().enumerate().step_by(every) {
            for (other_at, other) in group.iter().enumerate().step_by(every) {
                let step = other.wrapping_sub(*one) & mask;
                if at != other_at {
                    all += 1.0;
                    right += f64::from(u8::from(step >= least && step <= largest));
                }
            }
        }
    }
    right / all
}
