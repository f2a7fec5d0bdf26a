//! The fields of the bytes that all messages have at the same place.

use super::claim::{Claim, choose};
use super::field::{Form, Meaning, Number, Order};
use super::table::Table;
use super::{integer, known, sequence, text, time};

/// So many bytes are looked at.
const CELLS: usize = 100_000;

/// The claims that explain most of a table, in order; bytes that none of them explains are between them. `skip` are columns that
/// are explained already.
pub(super) fn fixed(table: &Table<'_>, skip: &[std::ops::Range<usize>]) -> Vec<Claim> {
    if table.len() < 2 {
        return Vec::new();
    }
    if let Some(table) = table.fewer(CELLS) {
        return fixed(&table, skip);
    }
    let mut claims = Vec::new();
    integer::find(table, &mut claims);
    sequence::find(table, &mut claims);
    time::find(table, &mut claims);
    known::find_echoes(table, &mut claims);
    known::find_addresses(table, &mut claims);
    text::find_texts(table, &mut claims);
    text::find_floats(table, &mut claims);
    text::find_random(table, &mut claims);
    claims.retain(|claim| {
        !skip.iter().any(|range| claim.from < range.end && range.start < claim.from + claim.width)
    });
    prefer_order(&mut claims, table.width);
    drop_noise(merge_constants(choose(table.width, claims)))
}

/// A format has one byte order as a rule: what the surest claims have counts for the others.
fn prefer_order(claims: &mut [Claim], width: usize) {
    let votes: f64 = choose(width, claims.to_vec())
        .iter()
        .map(|claim| match order(&claim.meaning) {
            Some(Order::Big) => claim.confidence * claim.gain.min(8.0),
            Some(Order::Little) => -claim.confidence * claim.gain.min(8.0),
            None => 0.0,
        })
        .sum();
    let bonus = (votes / 4.0).clamp(-3.0, 3.0);
    for claim in claims {
        match order(&claim.meaning) {
            Some(Order::Big) => claim.gain += bonus,
            Some(Order::Little) => claim.gain -= bonus,
            None => {}
        }
    }
}

/// The byte order that a claim says, if it says one.
fn order(meaning: &Meaning) -> Option<Order> {
    let of = |number: &Number| (number.form != Form::Binary(1)).then_some(number.order);
    match meaning {
        Meaning::Integer(number) | Meaning::Sequence { number, .. } | Meaning::Enumeration { number, .. } => {
            of(number)
        }
        Meaning::Time { order, .. } | Meaning::Float(order) => Some(*order),
        _ => None,
    }
}

/// Numbers next to each other of which nothing is known but that they vary are bytes: how many numbers they are would be invented.
fn drop_noise(claims: Vec<Claim>) -> Vec<Claim> {
    let is_noise = |claim: &Claim| claim.confidence < 0.55 && matches!(claim.meaning, Meaning::Integer(_));
    let mut kept = Vec::new();
    for run in claims.chunk_by(|a, b| is_noise(a) == is_noise(b) && a.from + a.width == b.from) {
        if run.len() < 3 || !run.iter().all(is_noise) {
            kept.extend_from_slice(run);
        }
    }
    kept
}

/// Constants next to each other are one.
fn merge_constants(claims: Vec<Claim>) -> Vec<Claim> {
    let mut merged: Vec<Claim> = Vec::new();
    for claim in claims {
        if let (Some(last), Meaning::Constant(more)) = (merged.last_mut(), &claim.meaning)
            && last.from + last.width == claim.from
            && let Meaning::Constant(bytes) = &mut last.meaning
        {
            bytes.extend(more);
            last.width += claim.width;
            last.confidence = last.confidence.max(claim.confidence);
            continue;
        }
        merged.push(claim);
    }
    merged
}
