//! Claims on the columns of a table, and the choice among those that overlap.

use super::field::{Field, Meaning, Order, Place, Size};
use super::table::Table;

/// A claim on what some columns mean.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The first column.
    pub(super) from: usize,
    /// How many.
    pub(super) width: usize,
    /// What they mean.
    pub(super) meaning: Meaning,
    /// How many bits it saves to know so. Of claims that overlap, those are chosen that save most together.
    pub(super) gain: f64,
    /// How likely it is right.
    pub(super) confidence: f64,
    /// In how many rows it holds, and of how many.
    pub(super) holds: (usize, usize),
    /// Why, in words.
    pub(super) evidence: String,
}

impl Claim {
    /// The field that it is about, in a layout that begins `before` the table.
    pub(super) fn field(self, place: Place) -> Field {
        Field {
            place,
            size: Size::Fixed(self.width),
            meaning: self.meaning,
            evidence: self.evidence,
            holds: self.holds.0,
            of: self.holds.1,
            confidence: self.confidence.clamp(0.0, 1.0),
        }
    }
}

/// The claims on different columns that save most, in order.
pub(super) fn choose(width: usize, mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.retain(|claim| claim.gain > 0.0 && claim.width > 0 && claim.from + claim.width <= width);
    claims.sort_by_key(|claim| claim.from + claim.width);
    // What is saved at most up to each column, and the last claim of that choice.
    let mut best: Vec<(f64, Option<usize>)> = vec![(0.0, None)];
    let mut next = 0;
    for end in 1..=width {
        let mut here = (best.last().map_or(0.0, |last| last.0), None);
        while let Some(claim) = claims.get(next).filter(|claim| claim.from + claim.width == end) {
            let gain = best.get(claim.from).map_or(0.0, |before| before.0) + claim.gain;
            if gain > here.0 {
                here = (gain, Some(next));
            }
            next += 1;
        }
        best.push(here);
    }
    let mut chosen = Vec::new();
    let mut end = width;
    while end > 0 {
        match best.get(end).and_then(|(_, claim)| *claim).and_then(|claim| claims.get(claim)) {
            Some(claim) => {
                chosen.push(claim.clone());
                end = claim.from;
            }
            None => end -= 1,
        }
    }
    chosen.reverse();
    chosen
}

/// Bits by which a number of this size is the likelier, from what is around it: bytes that are always zero belong to it rather
/// than to a field that is never used, and fields begin at multiples of their size.
pub(super) fn fit(table: &Table<'_>, from: usize, width: usize, order: Order) -> f64 {
    let zeros = table.digits(from, width, order).iter().take_while(|column| column.is_zero()).count();
    let offset = table.rows.first().map_or(0, |row| row.offset) + from;
    let zeros = (0..zeros).map(|place| if place < 3 { 1.5 } else { 0.5 }).sum::<f64>();
    let aligned = if width > 1 && offset.is_multiple_of(width.min(4)) { 1.0 } else { 0.0 };
    zeros + aligned - if width == 3 || width > 4 { 1.2 } else { 0.0 }
}
