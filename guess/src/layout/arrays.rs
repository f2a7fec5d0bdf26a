//! Equal parts one after another, with their count or up to the end.

use super::build::{Builder, bytes, explained, fields};
use super::claim::Claim;
use super::elements::Elements;
use super::field::{Form, Layout, Meaning, Number, Place, Size, Times};
use super::sizes::{confidence, number_width};
use super::table::Row;

impl<'m> Builder<'m, '_> {
    /// Elements of a fixed size, of which a number gives the count.
    pub(super) fn array(&mut self, place: Place, count: usize, unit: usize, parts: &[Row<'m>], bits: f64) {
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
    pub(super) fn elements(
        &mut self,
        gap: usize,
        elements: &Elements,
        count: Option<(usize, Number)>,
        bits: f64,
    ) {
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
}
