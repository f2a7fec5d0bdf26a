//! Tests that look at a row's bytes: at all of them, at the fields that they are taken apart into, and at the message in a few
//! words.
//!
//! A message is taken apart only if the bytes that are looked for are in it, and only as far as is asked for where its
//! protocol knows how.

use std::fmt::{self, Write};
use std::io;
use std::ops::Range;

use framescope_parser::{Captured, Code, FieldReader, Kind, Protocol, SpanType, Value, Visit};

use super::column::Column;
use super::conditions::{of_all_bytes, of_bytes, of_value};
use super::evaluate::{Prepared, Tier, Understood, evaluate};
use super::parse::{Condition, Subject};
use crate::display::display_limit;
use crate::{BlockReader, Index, Row};

/// The memory that looking at messages needs, and what was found out of their protocols.
#[derive(Default)]
pub(super) struct Messages {
    reader: Option<BlockReader>,
    bytes: Vec<u8>,
    said: Vec<Said>,
    summary: String,
    /// By the number of a stream, which of `selections` its messages are asked.
    of_stream: Vec<Option<usize>>,
    selections: Vec<Selection>,
}

/// What is known of a test for the message at hand.
#[derive(Clone, Copy, Default)]
struct Said {
    answer: Option<bool>,
    /// What the fields at its path say; None where there are none.
    found: Option<bool>,
}

/// What the messages of one protocol are asked.
struct Selection {
    /// Its place among the index's.
    protocol: Option<usize>,
    /// The tests of fields that they may have.
    tests: Vec<usize>,
    /// How many names stand before a field's in a test at most.
    deepest: usize,
    /// Whether it can be asked anything at all that needs taking apart.
    is_asked: bool,
    wants_summary: bool,
    teller: Option<Box<dyn FieldReader>>,
}

/// Bytes of the file that are read at once: what the processor keeps at hand.
const BLOCK: usize = 256 << 10;

impl Messages {
    /// Whether an expression is true of a row. `known` says what was found out of its tests already.
    pub(super) fn holds(
        &mut self,
        understood: &Understood,
        index: &Index,
        number: u32,
        known: &dyn Fn(usize) -> Option<bool>,
    ) -> io::Result<bool> {
        let Some(row) = index.row(number) else { return Ok(false) };
        let tests = &understood.tests;
        self.said.clear();
        self.said.extend((0..tests.len()).map(|test| Said { answer: known(test), found: None }));
        let which = self.selection_of(understood, index, &row);
        let Messages { reader, bytes, said, summary, selections, .. } = self;
        let Some(selection) = selections.get(which) else { return Ok(false) };
        let reader = reader.get_or_insert_with(|| BlockReader::new(index.source().clone(), BLOCK));
        let limit = display_limit(&row);
        let place = index.place_of(&row);
        // What is longer than it is shown is read further while its beginning is looked at.
        let length = usize::try_from(row.length).ok().filter(|&length| length <= limit);
        let lent = match place.zip(length) {
            Some((place, length)) => reader.lend(place, length)?,
            None => None,
        };
        if let Some(bytes) = lent {
            let mut of_bytes_column = |condition: &Condition| Ok(of_bytes(condition, bytes));
            return holds(understood, index, &row, bytes, said, summary, selection, &mut of_bytes_column);
        }
        bytes.clear();
        index.append_row_bytes(&row, limit, reader, bytes)?;
        let mut of_bytes_column = |condition: &Condition| of_all_bytes(condition, index, &row, bytes, reader);
        holds(understood, index, &row, bytes, said, summary, selection, &mut of_bytes_column)
    }

    /// What the messages of a row's stream are asked, found out once for each protocol.
    fn selection_of(&mut self, understood: &Understood, index: &Index, row: &Row) -> usize {
        let stream = row.stream as usize;
        if let Some(Some(known)) = self.of_stream.get(stream) {
            return *known;
        }
        let protocol = index.protocol_number(row);
        let is_known = |selection: &Selection| selection.protocol == protocol;
        let which = self.selections.iter().position(is_known).unwrap_or_else(|| {
            self.selections.push(Selection { protocol, ..Selection::new(understood, index.protocol(row)) });
            self.selections.len() - 1
        });
        if self.of_stream.len() <= stream {
            self.of_stream.resize(stream + 1, None);
        }
        if let Some(known) = self.of_stream.get_mut(stream) {
            *known = Some(which);
        }
        which
    }
}

impl Selection {
    fn new(understood: &Understood, protocol: Option<&dyn Protocol>) -> Selection {
        let name = protocol.map(Protocol::name);
        let (tests, wanted) = understood.wanted_of(name);
        let path = |test: &usize| match understood.tests.get(*test).map(|prepared| &prepared.test.subject) {
            Some(Subject::Field { path, .. }) => path.len(),
            _ => 0,
        };
        let deepest = tests.iter().map(path).max().unwrap_or(0).saturating_sub(1);
        let wants_summary = wanted.wants_summary();
        let is_asked = !tests.is_empty() || wants_summary;
        let teller = protocol.filter(|_| is_asked).and_then(|protocol| protocol.select(&wanted));
        Selection { protocol: None, tests, deepest, is_asked, wants_summary, teller }
    }
}

/// Whether an expression is true of a row, of which `bytes` are those that are shown.
#[expect(clippy::too_many_arguments)] // They are parts of what several threads have one each of.
fn holds(
    understood: &Understood,
    index: &Index,
    row: &Row,
    bytes: &[u8],
    said: &mut [Said],
    summary: &mut String,
    selection: &Selection,
    of_bytes_column: &mut dyn FnMut(&Condition) -> io::Result<bool>,
) -> io::Result<bool> {
    let Understood { nodes, tests, .. } = understood;
    for (prepared, said) in tests.iter().zip(said.iter_mut()).filter(|(_, said)| said.answer.is_none()) {
        match (prepared.tier, &prepared.test.condition) {
            (Tier::Bytes, condition) => said.answer = Some(of_bytes_column(condition)?),
            (Tier::Message, Condition::Contains(wanted)) if prepared.is_verbatim => {
                said.answer = wanted.find(bytes).is_none().then_some(false);
            }
            _ => {}
        }
    }
    if let Some(known) = evaluate(nodes, &mut |test| said.get(test)?.answer) {
        return Ok(known);
    }
    summary.clear();
    if selection.is_asked {
        let is_whole = row.span_type == SpanType::Message && !row.codes.contains(Code::Incomplete);
        match selection.teller.as_ref().filter(|_| is_whole) {
            Some(teller) => {
                let message = Captured::whole(bytes);
                let mut fields = Fields { tests, said, selection, path: Vec::new(), message, summary };
                teller.tell(bytes, &mut fields);
            }
            None => {
                let missing = index.missing_before(row, bytes.len());
                let message = Captured::with_missing(bytes, &missing);
                let mut fields = Fields { tests, said, selection, path: Vec::new(), message, summary };
                index.visit(row, bytes, &mut fields);
            }
        }
    }
    index.summary_of_no_message(row, &mut |text| replace(summary, text));
    for (prepared, said) in tests.iter().zip(said.iter_mut()).filter(|(_, said)| said.answer.is_none()) {
        said.answer = Some(match &prepared.test.subject {
            Subject::Column(Column::Summary) => of_bytes(&prepared.test.condition, summary.as_bytes()),
            _ => said.found == Some(true),
        });
    }
    Ok(evaluate(nodes, &mut |test| said.get(test)?.answer).unwrap_or(false))
}

/// Puts other text in the place of a text.
fn replace(text: &mut String, with: fmt::Arguments<'_>) {
    text.clear();
    // Writing to a String does not fail.
    let _ = text.write_fmt(with);
}

/// The visitor that asks each field it is told.
struct Fields<'f, 't> {
    tests: &'t [Prepared],
    said: &'t mut [Said],
    selection: &'t Selection,
    /// The names of the fields that are open, if any test asks for them.
    path: Vec<&'f str>,
    message: Captured<'f, 't>,
    summary: &'t mut String,
}

impl Fields<'_, '_> {
    fn ask(&mut self, name: &str, range: Range<usize>, value: &Value<'_>) {
        for &number in &self.selection.tests {
            let (Some(prepared), Some(said)) = (self.tests.get(number), self.said.get_mut(number)) else {
                continue;
            };
            let Subject::Field { path, .. } = &prepared.test.subject else { continue };
            // The last name decides nearly always.
            let Some((last, before)) = path.split_last() else { continue };
            if last != name || said.answer.is_some() {
                continue;
            }
            let fits = self.path.iter().rev().zip(before.iter().rev()).all(|(a, b)| a == b);
            if self.path.len() < before.len() || !fits {
                continue;
            }
            let condition = &prepared.test.condition;
            let of = |raw: &[u8]| of_value(condition, value, raw) == Some(true);
            let fulfils = match self.message.get(range.clone()) {
                Some(raw) => of(raw),
                // What is in a part that was captured is in the field; whether the field is that nobody knows.
                None if *value == Value::Group => {
                    let looks_inside = matches!(condition, Condition::Contains(_) | Condition::Matches(_));
                    looks_inside && self.message.parts(range.clone()).any(|(_, part)| of(part))
                }
                None => of(&[]),
            };
            said.found = Some(match (said.found, condition) {
                (None, _) => fulfils,
                // Of several fields one that is equal decides that they are not other.
                (Some(before), Condition::Other(_)) => before && fulfils,
                (Some(before), _) => before || fulfils,
            });
        }
    }
}

impl<'f> Visit<'f> for Fields<'f, '_> {
    fn kind(&mut self, _: Kind<'f>) {}

    fn field(&mut self, name: &'f str, range: Range<usize>, value: Value<'f>) {
        self.ask(name, range, &value);
    }

    fn begin(&mut self, name: &'f str, range: Range<usize>, value: Value<'f>) {
        self.ask(name, range, &value);
        if self.selection.deepest > 0 {
            self.path.push(name);
        }
    }

    fn end(&mut self) {
        self.path.pop();
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        if self.selection.wants_summary {
            replace(self.summary, text);
        }
    }
}
