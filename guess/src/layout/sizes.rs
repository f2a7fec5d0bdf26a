//! Numbers that give the sizes of parts, and the parts.

use super::build::Builder;
use super::claim::Claim;
use super::content::content;
use super::field::{Encoding, Field, Form, Meaning, Number, Order, Size};
use super::fixed::fixed;
use super::structure::{read, zeros};
use super::table::{Row, Table};

impl<'m> Builder<'m, '_> {
    /// A number, and the part that it gives the size of.
    pub(super) fn sized(
        &mut self,
        gap: usize,
        number: Number,
        between: usize,
        (unit, plus): (usize, i64),
        bits: f64,
    ) {
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

    pub(super) fn two(&mut self, first: (usize, Number), second: (usize, Number), header: usize, bits: f64) {
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
    pub(super) fn width_is_sure(&self, gap: usize, number: Number) -> f64 {
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
}

/// How likely a size is right, by the bits of evidence.
pub(super) fn confidence(bits: f64, holds: usize, all: usize) -> f64 {
    let sure = match bits {
        60.0.. => 0.96,
        30.0.. => 0.92,
        15.0.. => 0.85,
        _ => 0.7,
    };
    sure * holds as f64 / all.max(1) as f64
}

/// How many bytes a number has at least.
pub(super) fn number_width(number: Number) -> usize {
    match number.form {
        Form::Binary(width) => width.into(),
        _ => 1,
    }
}
