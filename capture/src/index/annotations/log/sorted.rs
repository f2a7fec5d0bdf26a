//! Notes that are put in the order of their rows.

use framescope_parser::Code;

use super::chunk::Note;
use super::{Annotations, PROBLEMS_A_ROW, SORTED_AT_ONCE};

/// Notes that are put in order.
pub(super) struct Sorted {
    pub(super) all: Annotations,
    pub(super) row: u32,
    /// The codes of the row, each as often as it has notes of it.
    pub(super) codes: Vec<Code>,
}

impl Sorted {
    /// Takes notes whose rows are all greater than those before. Where they are too many to be put in order at once, by parts of
    /// their rows.
    pub(super) fn take(&mut self, notes: Annotations) {
        if !notes.is_unsorted {
            notes.drain(|note| self.push(note));
            return;
        }
        let least = notes.least;
        let rows = notes.greatest.abs_diff(least);
        if notes.count <= SORTED_AT_ONCE {
            let mut all: Vec<Note<'_>> = Vec::with_capacity(usize::try_from(notes.count).unwrap_or(0));
            for chunk in &notes.chunks {
                chunk.notes(0, &notes.patterns).for_each(|note| all.push(note));
            }
            for place in order(&all, least, rows) {
                all.get(place as usize).into_iter().for_each(|note| self.push(note));
            }
            return;
        }
        // Parts as large as can be put in order at once, if they are about the same.
        let bits = (notes.count / (SORTED_AT_ONCE / 2)).ilog2().clamp(1, 8);
        let shift = (u32::BITS - rows.leading_zeros()).saturating_sub(bits);
        let mut parts: Vec<Annotations> = (0..=rows >> shift).map(|_| notes.emptied()).collect();
        notes.drain(|note| {
            if let Some(part) = parts.get_mut((note.row.abs_diff(least) >> shift) as usize) {
                part.push(note);
            }
        });
        parts.into_iter().for_each(|part| self.take(part));
    }

    #[inline]
    pub(super) fn push(&mut self, note: &Note<'_>) {
        let Some(pattern) = self.all.patterns.get(note.pattern as usize) else {
            debug_assert!(false, "pattern {} of {}", note.pattern, self.all.patterns.len());
            return;
        };
        let code = pattern.kind.code;
        if note.row != self.row {
            self.row = note.row;
            self.codes.clear();
        }
        let is_much = self.codes.len() >= PROBLEMS_A_ROW
            && self.codes.iter().filter(|one| **one == code).count() >= PROBLEMS_A_ROW;
        if !is_much {
            self.codes.push(code);
            self.all.push(note);
        }
    }
}

/// The places of notes in the order of their rows, which are up to `rows` from the least: those of each row are counted, unless the
/// rows are far apart.
pub(super) fn order(notes: &[Note<'_>], least: u32, rows: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(notes.len()).unwrap_or(u32::MAX)).collect();
    if rows as usize > notes.len().saturating_mul(4) {
        order.sort_by_key(|&place| notes.get(place as usize).map(|note| note.row));
        return order;
    }
    let mut begins = vec![0u32; rows as usize + 2];
    for note in notes {
        begins.get_mut(note.row.abs_diff(least) as usize + 1).into_iter().for_each(|count| *count += 1);
    }
    let mut sum = 0;
    for begin in &mut begins {
        sum += *begin;
        *begin = sum;
    }
    for (note, place) in notes.iter().zip(0..) {
        let Some(begin) = begins.get_mut(note.row.abs_diff(least) as usize) else { continue };
        order.get_mut(*begin as usize).into_iter().for_each(|there| *there = place);
        *begin += 1;
    }
    order
}
