//! The fields of a table: those at fixed places, the numbers that give sizes, the parts that they size, and what is left.

use std::ops::Range;

use super::claim::Claim;
use super::content::{Content, content, content_to_end, values_to_end};
use super::elements::Elements;
use super::field::{Encoding, Field, Form, Layout, Meaning, Number, Order, Place, Size, Times};
use super::fixed::fixed;
use super::structure::{Explained, Step, explain, read, whole, zeros};
use super::table::{Row, Table};
use super::text::is_printable;

/// Columns that are explained already, and as what.
pub(super) type Explanations = Vec<(Range<usize>, Meaning)>;

/// What is built up: the fields so far, and where each row continues.
pub(super) struct Builder<'m, 'c> {
    rows: Vec<Row<'m>>,
    at: Vec<usize>,
    /// Where all rows continue, if that is the same.
    place: Option<usize>,
    fields: Vec<Field>,
    taken: Explanations,
    depth: usize,
    is_cancelled: &'c dyn Fn() -> bool,
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
        for (step, bits) in steps {
            self.step(&step, bits);
        }
        if self.is_fixed() { self.fixed_to_end() } else { self.rest() }
    }

    /// Of a row, what is not yet explained.
    fn left(&self, row: usize) -> &'m [u8] {
        let (Some(row), Some(at)) = (self.rows.get(row), self.at.get(row)) else { return &[] };
        row.bytes.get(*at..).unwrap_or_default()
    }

    fn is_fixed(&self) -> bool {
        (0..self.rows.len()).all(|row| self.left(row).len() == self.left(0).len())
    }

    fn place(&self) -> Place {
        self.place.map_or(Place::After, Place::Start)
    }

    /// The next part of all rows, of which each has so many bytes. A row that has fewer is left out from here on.
    fn advance(&mut self, sizes: &[Option<usize>]) -> Vec<Row<'m>> {
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
    fn region(&mut self, width: usize, special: Vec<Claim>) {
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

    /// Whether what is directly after the number, of the size that it gives, is known as a whole.
    fn is_known_at_once(&self, gap: usize, values: &[Option<(usize, usize)>], unit: usize) -> bool {
        let begin = self.place.map_or(0, |place| place + gap);
        if unit > 1 || self.taken.iter().any(|(range, _)| self.place.is_some() && range.end > begin) {
            return false;
        }
        let part = |(row, value): (usize, &Option<(usize, usize)>)| {
            let (whole, (size, width)) = (self.rows.get(row)?, (*value)?);
            let bytes = self.left(row).get(gap + width..(gap + width).checked_add(size)?)?;
            Some(Row { bytes, ..*whole })
        };
        let parts: Vec<Row<'m>> = values.iter().enumerate().filter_map(part).collect();
        parts.len() == self.rows.len()
            && content(&parts).is_some_and(|found| found.meaning != Meaning::Random)
    }

    /// The number without the highest bytes that are zero always, if those are explained otherwise: how much later it begins, and it.
    fn without_zeros(&self, gap: usize, number: Number) -> (usize, Number) {
        let Form::Binary(width) = number.form else { return (gap, number) };
        let width = usize::from(width);
        let rests = (0..self.rows.len()).map(|row| self.left(row).get(gap..).unwrap_or_default()).collect();
        let core = width - zeros(&rests, 0, width, number.order).min(width - 1);
        if core == width || core == 3 {
            return (gap, number);
        }
        // Bytes before a number, or after it, that a claim needs.
        let (from, to) =
            if number.order == Order::Big { (0, gap + width - core) } else { (gap + core, gap + width + 8) };
        let part = |row: usize| {
            let (whole, at) = (self.rows.get(row)?, self.at.get(row)?);
            let left = self.left(row);
            let bytes = left.get(from..to.min(left.len()))?;
            Some(Row { bytes, message: whole.message, offset: whole.offset + at + from })
        };
        let table = Table::new((0..self.rows.len()).filter_map(part).collect());
        let zeros = gap.max(from) - from..(gap + width).min(to) - from;
        let is_needed = |claim: &Claim| {
            claim.gain > 18.0
                && !matches!(claim.meaning, Meaning::Integer(_))
                && claim.from < zeros.end
                && zeros.start < claim.from + claim.width
        };
        if !fixed(&table, &[]).iter().any(is_needed) {
            return (gap, number);
        }
        let number = Number::binary(core, number.order);
        (if number.order == Order::Big { gap + width - core } else { gap }, number)
    }

    /// How sure it is how wide a number is: its highest bytes are of it by guess if they are zero always.
    fn width_is_sure(&self, gap: usize, number: Number) -> f64 {
        let Form::Binary(width) = number.form else { return 1.0 };
        let rests = (0..self.rows.len()).map(|row| self.left(row).get(gap..).unwrap_or_default()).collect();
        match zeros(&rests, 0, width.into(), number.order) {
            0 if width == 3 => 0.85,
            0 if width == 1 && gap > 0 => {
                let is_zero = |row| self.left(row).get(gap - 1) == Some(&0);
                let next_is_zero = |row| self.left(row).get(gap + 1) == Some(&0);
                let all = |is_zero: &dyn Fn(usize) -> bool| (0..self.rows.len()).all(is_zero);
                if all(&is_zero) || all(&next_is_zero) { 0.8 } else { 1.0 }
            }
            0 => 1.0,
            _ => 0.88,
        }
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

    fn step(&mut self, step: &Step, bits: f64) {
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

    /// A number, and the part that it gives the size of.
    fn sized(&mut self, gap: usize, number: Number, between: usize, (unit, plus): (usize, i64), bits: f64) {
        let end = gap + number_width(number) + between;
        let (gap, number) = self.without_zeros(gap, number);
        let between = end - gap - number_width(number);
        let values: Vec<Option<(usize, usize)>> =
            (0..self.rows.len()).map(|row| read(number, self.left(row).get(gap..)?)).collect();
        let between = if between > 0 && self.is_known_at_once(gap, &values, unit) { 0 } else { between };
        let sizes: Vec<Option<usize>> = values
            .iter()
            .map(|value| {
                value.and_then(|(value, _)| {
                    value.checked_mul(unit)?.checked_add_signed(isize::try_from(plus).ok()?)
                })
            })
            .collect();
        let sizes = self.number(gap, number, between, &values, &sizes, bits);
        let field = self.fields.iter().rposition(|field| matches!(field.meaning, Meaning::Length(_)));
        let place = self.place();
        let parts = self.advance(&sizes);
        let Some(number_field) = field else { return };
        let found = content(&parts);
        let is_text = found
            .as_ref()
            .is_some_and(|found| matches!(found.meaning, Meaning::Text { encoding: Encoding::Utf16(_), .. }));
        if unit > 1 && !is_text {
            if let Some(field) = self.fields.get_mut(number_field) {
                field.meaning = Meaning::Count(number);
            }
            self.array(place, number_field, unit, &parts, bits);
        } else {
            self.part(place, Size::By { field: number_field, unit, plus }, &parts, found, Some(bits));
        }
    }

    /// The bytes up to a number, it, and those up to the part that it gives the size of. Returns the sizes of the rows that are left.
    fn number(
        &mut self,
        gap: usize,
        number: Number,
        between: usize,
        values: &[Option<(usize, usize)>],
        sizes: &[Option<usize>],
        bits: f64,
    ) -> Vec<Option<usize>> {
        let all = self.rows.len();
        let holds = sizes
            .iter()
            .zip(0..)
            .filter(|(size, row)| size.is_some_and(|size| size <= self.left(*row).len()))
            .count();
        let claim = Claim {
            from: gap,
            width: 0,
            meaning: Meaning::Length(number),
            gain: 1.0,
            confidence: confidence(bits, holds, all) * self.width_is_sure(gap, number),
            holds: (holds, all),
            evidence: format!(
                "gives the size of a part after it, and all that follows fits, in {holds} of {all}"
            ),
        };
        // Rows of which the part has no room are left out.
        let fits: Vec<bool> = (0..all)
            .map(|row| {
                let width = values.get(row).copied().flatten().map(|(_, width)| width);
                let size = sizes.get(row).copied().flatten();
                width
                    .zip(size)
                    .is_some_and(|(width, size)| gap + width + between + size <= self.left(row).len())
            })
            .collect();
        let keep = |row: &usize| fits.get(*row).copied().unwrap_or(false);
        let kept: Vec<usize> = (0..all).filter(keep).collect();
        let pick = |row: &usize| Some((*self.rows.get(*row)?, *self.at.get(*row)?));
        (self.rows, self.at) = kept.iter().filter_map(pick).unzip();
        match number.form {
            Form::Binary(width) => {
                let claim = Claim { width: width.into(), ..claim };
                self.region(gap + usize::from(width) + between, vec![claim]);
            }
            Form::Leb128 | Form::Vlq => {
                self.region(gap, Vec::new());
                let widths: Vec<Option<usize>> = kept
                    .iter()
                    .map(|row| values.get(*row).copied().flatten().map(|(_, width)| width))
                    .collect();
                let field = claim.field(self.place());
                self.fields.push(Field { size: Size::Varint, ..field });
                self.advance(&widths);
                self.region(between, Vec::new());
            }
        }
        kept.iter().map(|row| sizes.get(*row).copied().flatten()).collect()
    }

    fn two(&mut self, first: (usize, Number), second: (usize, Number), header: usize, bits: f64) {
        let all = self.rows.len();
        let value = |(at, number): (usize, Number)| -> Vec<Option<usize>> {
            (0..all).map(|row| read(number, self.left(row).get(at..)?).map(|(value, _)| value)).collect()
        };
        let (one, other) = (value(first), value(second));
        let begin = self.fields.len();
        let claim = |(from, number): (usize, Number)| Claim {
            from,
            width: match number.form {
                Form::Binary(width) => width.into(),
                _ => 1,
            },
            meaning: Meaning::Length(number),
            gain: 1.0,
            confidence: confidence(bits, all, all).min(0.9),
            holds: (all, all),
            evidence: format!(
                "with another, gives the size of all that differs in size, in nearly all of {all}"
            ),
        };
        self.region(header, vec![claim(first), claim(second)]);
        let numbers: Vec<usize> = self
            .fields
            .iter()
            .enumerate()
            .filter(|(at, field)| *at >= begin && matches!(field.meaning, Meaning::Length(_)))
            .map(|(at, _)| at)
            .collect();
        for (sizes, field) in [one, other].iter().zip(numbers) {
            if sizes.len() != self.rows.len() {
                return;
            }
            let place = self.place();
            let parts = self.advance(sizes);
            let found = content(&parts);
            self.part(place, Size::By { field, unit: 1, plus: 0 }, &parts, found, Some(bits));
        }
    }

    /// A part with a size of its own. Its fields are looked for if nothing is known of it as a whole.
    fn part(
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

    /// Elements of a fixed size, of which a number gives the count.
    fn array(&mut self, place: Place, count: usize, unit: usize, parts: &[Row<'m>], bits: f64) {
        let cut = |row: &Row<'m>| {
            let (message, offset) = (row.message, row.offset);
            row.bytes.chunks_exact(unit).enumerate().map(move |(at, bytes)| Row {
                bytes,
                message,
                offset: offset + at * unit,
            })
        };
        let elements: Vec<Row<'m>> = parts.iter().flat_map(cut).take(4000).collect();
        let messages = elements.len();
        let fields = fields(elements, Vec::new(), 0, self.is_cancelled);
        let element = Box::new(Layout { fields, messages });
        let size = Size::By { field: count, unit, plus: 0 };
        let mut field = bytes(place, size, parts.len());
        field.meaning = Meaning::Repeated { element, times: Times::By { field: count } };
        field.evidence = format!("{unit} bytes for each that a number before counts");
        field.confidence = confidence(bits, parts.len(), parts.len());
        self.fields.push(field);
    }

    /// Equal parts up to the end.
    fn elements(&mut self, gap: usize, elements: &Elements, count: Option<(usize, Number)>, bits: f64) {
        let all = self.rows.len();
        let ends = |row: usize| self.left(row).get(gap..).is_some_and(|bytes| elements.ends(bytes).is_some());
        let holds: Vec<bool> = (0..all).map(ends).collect();
        let kept: Vec<usize> = (0..all).filter(|row| holds.get(*row).copied().unwrap_or(false)).collect();
        let pick = |row: &usize| Some((*self.rows.get(*row)?, *self.at.get(*row)?));
        (self.rows, self.at) = kept.iter().filter_map(pick).unzip();
        let begin = self.fields.len();
        let special = count.and_then(|(from, number)| match number.form {
            Form::Binary(width) => Some(Claim {
                meaning: Meaning::Count(number),
                evidence: format!("the count of the parts that follow, in nearly all of {all}"),
                confidence: confidence(bits, kept.len(), all) * self.width_is_sure(from, number),
                ..explained(from, width.into(), Meaning::Bytes, kept.len())
            }),
            _ => None,
        });
        self.region(gap, special.into_iter().collect());
        let counted =
            self.fields.iter().skip(begin).position(|field| matches!(field.meaning, Meaning::Count(_)));
        let mut parts = Vec::new();
        for row in 0..self.rows.len() {
            let Some(whole) = self.rows.get(row) else { continue };
            let (bytes, offset) = (self.left(row), whole.offset + self.at.get(row).copied().unwrap_or(0));
            let mut from = 0;
            for end in elements.ends(bytes).unwrap_or_default() {
                let message = whole.message;
                parts.push(Row {
                    bytes: bytes.get(from..end).unwrap_or_default(),
                    message,
                    offset: offset + from,
                });
                from = end;
            }
        }
        parts.truncate(4000);
        let messages = parts.len();
        let mut inner = Builder {
            at: vec![0; parts.len()],
            rows: parts,
            place: Some(0),
            fields: Vec::new(),
            taken: Vec::new(),
            depth: 0,
            is_cancelled: self.is_cancelled,
        };
        for (gap, number) in &elements.numbers {
            let counted = i64::try_from(gap + number_width(*number)).unwrap_or(0);
            let plus = if elements.counts_itself { -counted } else { 0 };
            inner.sized(*gap, *number, 0, (1, plus), bits);
        }
        let element = Box::new(Layout { fields: inner.fields, messages });
        let mut field = bytes(self.place(), Size::Rest, kept.len());
        let times = counted.map_or(Times::ToEnd, |at| Times::By { field: begin + at });
        field.meaning = Meaning::Repeated { element, times };
        field.evidence = format!(
            "{messages} parts, each with its size, end where the message does in {} of {all}",
            kept.len()
        );
        field.confidence = confidence(bits, kept.len(), all);
        (field.holds, field.of) = (kept.len(), all);
        self.fields.push(field);
        let sizes: Vec<_> = (0..self.rows.len()).map(|row| Some(self.left(row).len())).collect();
        self.advance(&sizes);
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

/// How likely a size is right, by the bits of evidence.
fn confidence(bits: f64, holds: usize, all: usize) -> f64 {
    let sure = match bits {
        60.0.. => 0.96,
        30.0.. => 0.92,
        15.0.. => 0.85,
        _ => 0.7,
    };
    sure * holds as f64 / all.max(1) as f64
}

/// How many bytes a number has at least.
fn number_width(number: Number) -> usize {
    match number.form {
        Form::Binary(width) => width.into(),
        _ => 1,
    }
}

/// A claim on bytes that are explained.
fn explained(from: usize, width: usize, meaning: Meaning, all: usize) -> Claim {
    Claim { from, width, meaning, gain: 1.0, confidence: 1.0, holds: (all, all), evidence: String::new() }
}

/// Bytes of which nothing is known.
pub(super) fn bytes(place: Place, size: Size, all: usize) -> Field {
    let evidence = "no hypothesis explains them".to_owned();
    Field { place, size, meaning: Meaning::Bytes, evidence, holds: all, of: all, confidence: 1.0 }
}
