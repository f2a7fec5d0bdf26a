//! The fields of a table: those at fixed places, the numbers that give sizes, the parts that they size, and what is left.

use std::ops::Range;

use super::claim::Claim;
use super::content::{Content, content, content_to_end, values_to_end, whole_text};
use super::field::{Field, Layout, Meaning, Place, Size};
use super::fixed::fixed;
use super::sizes::{confidence, number_width};
use super::structure::{Explained, Step, explain, whole};
use super::table::{Row, Table};
use super::text::is_printable;

/// Columns that are explained already, and as what.
pub(super) type Explanations = Vec<(Range<usize>, Meaning)>;

/// What is built up: the fields so far, and where each row continues.
pub(super) struct Builder<'m, 'c> {
    pub(super) rows: Vec<Row<'m>>,
    pub(super) at: Vec<usize>,
    /// Where all rows continue, if that is the same.
    pub(super) place: Option<usize>,
    pub(super) fields: Vec<Field>,
    pub(super) taken: Explanations,
    pub(super) depth: usize,
    pub(super) is_cancelled: &'c dyn Fn() -> bool,
}

/// The fields of rows.
pub(super) fn fields<'m>(
    rows: Vec<Row<'m>>,
    taken: Explanations,
    depth: usize,
    is_cancelled: &dyn Fn() -> bool,
) -> Vec<Field> {
    let at = vec![0; rows.len()];
    let mut builder = Builder { rows, at, place: Some(0), fields: Vec::new(), taken, depth, is_cancelled };
    builder.build();
    builder.fields
}

impl<'m> Builder<'m, '_> {
    fn build(&mut self) {
        if self.is_fixed() {
            return self.fixed_to_end();
        }
        if self.taken.is_empty()
            && let Some(found) = whole_text(&self.rows)
        {
            return self.push_rest(Some(found));
        }
        let table = Table::new(self.rows.clone());
        let skip: Vec<Range<usize>> = self.taken.iter().map(|(range, _)| range.clone()).collect();
        let least = skip.iter().map(|range| range.end).max().unwrap_or(0);
        if let Some((from, found)) = values_to_end(&table.rows, least) {
            let rests = table.rows.iter().map(|row| row.bytes).collect();
            let begins = |step: Step| match step {
                Step::Sized { gap, number, between, .. } => gap + number_width(number) + between,
                _ => 0,
            };
            if whole(&rests, &skip).is_none_or(|(step, _)| begins(step) != from) {
                self.region(from, Vec::new());
                return self.push_rest(Some(found));
            }
        }
        let Explained { steps, .. } = explain(&table, &skip, self.is_cancelled);
        // Characters of a text are not its size.
        let text = content_to_end(&table.rows, least.min(table.width));
        let text = text.filter(|(_, found)| matches!(found.meaning, Meaning::Text { .. }));
        if let Some((from, found)) =
            text.filter(|(from, _)| steps.first().is_some_and(|(step, _)| step.gap() >= *from))
        {
            self.region(from, Vec::new());
            return self.push_rest(Some(found));
        }
        for (step, bits) in steps {
            self.step(&step, bits);
        }
        if self.is_fixed() { self.fixed_to_end() } else { self.rest() }
    }

    /// Of a row, what is not yet explained.
    pub(super) fn left(&self, row: usize) -> &'m [u8] {
        let (Some(row), Some(at)) = (self.rows.get(row), self.at.get(row)) else { return &[] };
        row.bytes.get(*at..).unwrap_or_default()
    }

    fn is_fixed(&self) -> bool {
        (0..self.rows.len()).all(|row| self.left(row).len() == self.left(0).len())
    }

    pub(super) fn place(&self) -> Place {
        self.place.map_or(Place::After, Place::Start)
    }

    /// The next part of all rows, of which each has so many bytes. A row that has fewer is left out from here on.
    pub(super) fn advance(&mut self, sizes: &[Option<usize>]) -> Vec<Row<'m>> {
        let (mut kept, mut at, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for ((row, from), size) in self.rows.iter().zip(&self.at).zip(sizes) {
            let part = size.and_then(|size| row.bytes.get(*from..from.checked_add(size)?));
            if let Some(bytes) = part {
                parts.push(Row { bytes, message: row.message, offset: row.offset + from });
                kept.push(*row);
                at.push(from + bytes.len());
            }
        }
        self.rows = kept;
        self.at = at;
        let first = sizes.iter().flatten().next().copied().unwrap_or(0);
        let is_same = sizes.iter().flatten().all(|size| *size == first);
        self.place = self.place.filter(|_| is_same).map(|place| place + first);
        parts
    }

    /// The fields of the next `width` bytes, among them some that are explained: where from here on, and as what.
    pub(super) fn region(&mut self, width: usize, special: Vec<Claim>) {
        if width == 0 || self.rows.is_empty() {
            return;
        }
        let place = self.place;
        let parts = self.advance(&vec![Some(width); self.rows.len()]);
        let table = Table::new(parts);
        let mut claims = special;
        if let Some(begin) = place {
            for (range, meaning) in &self.taken {
                if let Some(from) = range.start.checked_sub(begin).filter(|_| range.end <= begin + width) {
                    claims.push(explained(from, range.len(), meaning.clone(), table.len()));
                }
            }
        }
        let skip: Vec<Range<usize>> =
            claims.iter().map(|claim| claim.from..claim.from + claim.width).collect();
        claims.extend(fixed(&table, &skip));
        claims.sort_by_key(|claim| claim.from);
        self.tile(claims, place, width, table.len());
    }

    /// Claims as fields, with bytes between them.
    fn tile(&mut self, claims: Vec<Claim>, begin: Option<usize>, width: usize, all: usize) {
        let mut at = 0;
        let place = |at: usize| begin.map_or(Place::After, |begin| Place::Start(begin + at));
        for claim in claims {
            if claim.from < at {
                continue;
            }
            if claim.from > at {
                self.fields.push(bytes(place(at), Size::Fixed(claim.from - at), all));
            }
            at = claim.from + claim.width;
            self.fields.push(claim.clone().field(place(claim.from)));
        }
        if width > at {
            self.fields.push(bytes(place(at), Size::Fixed(width - at), all));
        }
    }

    fn fixed_to_end(&mut self) {
        self.region(self.left(0).len(), Vec::new());
    }

    pub(super) fn step(&mut self, step: &Step, bits: f64) {
        match step {
            Step::Sized { gap, number, between, unit, plus } => {
                self.sized(*gap, *number, *between, (*unit, *plus), bits);
            }
            Step::Two { first, second, header } => self.two(*first, *second, *header, bits),
            Step::Terminated { gap, end } => {
                let is_dubious = *gap > 0 && self.varies_before(*gap);
                self.region(*gap, Vec::new());
                let until = |row| self.left(row).iter().position(|byte| byte == end).map(|at| at + 1);
                let sizes: Vec<_> = (0..self.rows.len()).map(until).collect();
                let place = self.place();
                let parts = self.advance(&sizes);
                let shown: Vec<Row<'_>> = parts
                    .iter()
                    .map(|row| Row {
                        bytes: row.bytes.get(..row.bytes.len() - 1).unwrap_or_default(),
                        ..*row
                    })
                    .collect();
                let mut found = content(&shown);
                if let Some(found) = found.as_mut().filter(|_| is_dubious) {
                    found.confidence = found.confidence.min(0.7);
                }
                self.part(place, Size::Terminated(vec![*end]), &shown, found, None);
            }
            Step::Elements { gap, elements, count } => self.elements(*gap, elements, *count, bits),
        }
    }

    /// Whether the byte before a place is a character in some rows and none in others.
    fn varies_before(&self, gap: usize) -> bool {
        let is_character = |row: &usize| self.left(*row).get(gap - 1).is_some_and(|byte| is_printable(*byte));
        let count = (0..self.rows.len()).filter(is_character).count();
        count * 10 > self.rows.len() && count < self.rows.len()
    }

    /// A part with a size of its own. Its fields are looked for if nothing is known of it as a whole.
    pub(super) fn part(
        &mut self,
        place: Place,
        size: Size,
        parts: &[Row<'m>],
        found: Option<Content>,
        bits: Option<f64>,
    ) {
        let all = parts.len();
        let mut field = bytes(place, size, all);
        if let Some(found) = found {
            field.meaning = found.meaning;
            field.evidence = found.evidence;
            field.confidence =
                bits.map_or(found.confidence, |bits| found.confidence.min(confidence(bits, all, all)));
            (field.holds, field.of) = found.holds;
        } else if self.depth > 0 {
            let parts: Vec<Row<'m>> = parts.iter().filter(|row| !row.bytes.is_empty()).copied().collect();
            let messages = parts.len();
            if messages >= 4 {
                let fields = fields(parts, Vec::new(), self.depth - 1, self.is_cancelled);
                if fields.iter().any(|field| !matches!(field.meaning, Meaning::Bytes)) {
                    field.evidence = format!("fields are found in it, in {messages} that are not empty");
                    field.confidence = 0.7;
                    field.meaning = Meaning::Fields(Box::new(Layout { fields, messages }));
                }
            }
        }
        self.fields.push(field);
    }

    /// What goes on to the end, after bytes that all rows have.
    fn rest(&mut self) {
        let least = self.place.map_or(0, |place| {
            let last = self.taken.iter().map(|(range, _)| range.end).max().unwrap_or(0);
            last.saturating_sub(place)
        });
        let tail = |row: usize| {
            let (whole, at) = (self.rows.get(row)?, self.at.get(row)?);
            Some(Row { bytes: self.left(row), message: whole.message, offset: whole.offset + at })
        };
        let rows: Vec<Row<'m>> = (0..self.rows.len()).filter_map(tail).collect();
        let shortest = rows.iter().map(|row| row.bytes.len()).min().unwrap_or(0);
        let (skip, found) = match content_to_end(&rows, least.min(shortest)) {
            Some((skip, found)) => (skip, Some(found)),
            None => (shortest, None),
        };
        let begin = self.fields.len();
        self.region(skip, Vec::new());
        if found.is_none() {
            self.trim(begin);
        }
        self.push_rest(found);
    }

    /// Before bytes of which nothing is known, of different sizes, what is not sure is likely of them.
    fn trim(&mut self, begin: usize) {
        let is_sure = |field: &Field| field.confidence >= 0.65 && !matches!(field.meaning, Meaning::Bytes);
        let last = self.fields.iter().rposition(is_sure).map_or(begin, |last| (last + 1).max(begin));
        if let Some(first) = self.fields.get(last) {
            let (Place::Start(from), Some(_)) = (first.place, self.place) else { return };
            self.place = Some(from);
            self.fields.truncate(last);
        }
    }

    fn push_rest(&mut self, found: Option<Content>) {
        let mut field = bytes(self.place(), Size::Rest, self.rows.len());
        if let Some(found) = found {
            (field.meaning, field.evidence, field.confidence) =
                (found.meaning, found.evidence, found.confidence);
            (field.holds, field.of) = found.holds;
        }
        self.fields.push(field);
    }
}

/// A claim on bytes that are explained.
pub(super) fn explained(from: usize, width: usize, meaning: Meaning, all: usize) -> Claim {
    Claim { from, width, meaning, gain: 1.0, confidence: 1.0, holds: (all, all), evidence: String::new() }
}

/// Bytes of which nothing is known.
pub(super) fn bytes(place: Place, size: Size, all: usize) -> Field {
    let evidence = "no hypothesis explains them".to_owned();
    Field { place, size, meaning: Meaning::Bytes, evidence, holds: all, of: all, confidence: 1.0 }
}
