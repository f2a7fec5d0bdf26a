//! Tests of a row's bytes: of all of them, of the fields in them, and of the message's summary.
//!
//! A message is dissected only if it contains the bytes that a test looks for, and where its protocol can select fields, only
//! as far as the tests need.

use std::fmt::{self, Write};
use std::io;
use std::ops::Range;

use framescope_parser::{Captured, Code, FieldReader, Kind, Protocol, SpanType, Value, Visit};

use super::column::Column;
use super::conditions::{test_all_bytes, test_bytes, test_value};
use super::expression::{Condition, Subject};
use super::query::{PreparedTest, Query, Tier};
use crate::display::display_limit;
use crate::{BlockReader, Index, Row, RowId};

/// The readers that are prepared for each protocol, and the memory that testing messages needs.
#[derive(Default)]
pub(super) struct Messages {
    reader: Option<BlockReader>,
    bytes: Vec<u8>,
    outcomes: Vec<Outcome>,
    summary: String,
    /// By the number of a stream, which of `protocols` it speaks.
    of_stream: Vec<Option<usize>>,
    protocols: Vec<ProtocolTests>,
}

/// The outcome of a test for the current message.
#[derive(Clone, Copy, Default)]
struct Outcome {
    verdict: Option<bool>,
    /// Whether the fields so far meet the test; None if none was at its path.
    fields: Option<bool>,
}

/// The tests of the messages of one protocol.
struct ProtocolTests {
    /// The protocol's place among those of the index, and the number of its stage.
    protocol: Option<(usize, u16)>,
    /// The tests of fields that its messages may have.
    tests: Vec<usize>,
    /// The longest path around a field in a test.
    max_depth: usize,
    /// Whether any test needs a message to be dissected.
    needs_dissection: bool,
    wants_summary: bool,
    /// Whether all values are copies of bytes of the message.
    is_verbatim: bool,
    /// Reads only the fields that the tests need.
    field_reader: Option<Box<dyn FieldReader>>,
}

/// Bytes of the file that are read in one call: as many as stay in a processor's cache.
const BLOCK: usize = 256 << 10;

impl Messages {
    /// Whether a row matches. `known` gives the results of the tests that are already known.
    pub(super) fn matches(
        &mut self,
        query: &Query,
        index: &Index,
        number: RowId,
        known: &dyn Fn(usize) -> Option<bool>,
    ) -> io::Result<bool> {
        let Some(row) = index.row(number) else { return Ok(false) };
        let tests = &query.tests;
        self.outcomes.clear();
        self.outcomes.extend((0..tests.len()).map(|test| Outcome { verdict: known(test), fields: None }));
        let which = self.protocol_tests(query, index, &row);
        let Messages { reader, bytes, outcomes, summary, protocols, .. } = self;
        let Some(protocol) = protocols.get(which) else { return Ok(false) };
        let mut message = Message { query, index, row: &row, outcomes, summary, protocol };
        let reader = reader.get_or_insert_with(|| BlockReader::new(index.source().clone(), BLOCK));
        let limit = display_limit(&row);
        let place = index.place_of(&row);
        // Bytes beyond the display limit are read by the test that needs them.
        let length = usize::try_from(row.length).ok().filter(|&length| length <= limit);
        let lent = match place.zip(length) {
            Some((place, length)) => reader.lend(place, length)?,
            None => None,
        };
        if let Some(bytes) = lent {
            return message.matches(bytes, &mut |condition| Ok(test_bytes(condition, bytes)));
        }
        bytes.clear();
        index.append_row_bytes(&row, limit, reader, bytes)?;
        message.matches(bytes, &mut |condition| test_all_bytes(condition, index, &row, bytes, reader))
    }

    /// The tests of the messages of a row's stream, which are prepared once for each protocol.
    fn protocol_tests(&mut self, query: &Query, index: &Index, row: &Row) -> usize {
        let stream = row.stream.index();
        if let Some(Some(known)) = self.of_stream.get(stream) {
            return *known;
        }
        let has_stages = index.stage(row).is_some();
        let protocol = index.protocol_number(row).map(|number| (number, row.stage));
        let is_known = |known: &ProtocolTests| known.protocol == protocol;
        let which = self.protocols.iter().position(is_known).unwrap_or_else(|| {
            let mut tests = ProtocolTests { protocol, ..ProtocolTests::new(query, index.protocol(row)) };
            if !index.is_read_alone(row) {
                tests.field_reader = None;
            }
            self.protocols.push(tests);
            self.protocols.len() - 1
        });
        if has_stages {
            return which;
        }
        if self.of_stream.len() <= stream {
            self.of_stream.resize(stream + 1, None);
        }
        if let Some(known) = self.of_stream.get_mut(stream) {
            *known = Some(which);
        }
        which
    }
}

impl ProtocolTests {
    fn new(query: &Query, protocol: Option<&dyn Protocol>) -> ProtocolTests {
        let name = protocol.map(Protocol::name);
        let (tests, selection) = query.tests_of(name);
        let path = |test: &usize| match query.tests.get(*test).map(|prepared| &prepared.test.subject) {
            Some(Subject::Field { path, .. }) => path.len(),
            _ => 0,
        };
        let max_depth = tests.iter().map(path).max().unwrap_or(0).saturating_sub(1);
        let wants_summary = selection.wants_summary();
        let needs_dissection = !tests.is_empty() || wants_summary;
        let field_reader =
            protocol.filter(|_| needs_dissection).and_then(|protocol| protocol.select(&selection));
        let is_verbatim = protocol.is_none_or(|protocol| protocol.names().verbatim);
        let protocol = None;
        ProtocolTests {
            protocol,
            tests,
            max_depth,
            needs_dissection,
            wants_summary,
            is_verbatim,
            field_reader,
        }
    }
}

/// A message that is tested, and what is known of it.
struct Message<'m> {
    query: &'m Query,
    index: &'m Index,
    row: &'m Row,
    outcomes: &'m mut [Outcome],
    summary: &'m mut String,
    protocol: &'m ProtocolTests,
}

impl Message<'_> {
    /// Whether the message matches. `bytes` are those up to the display limit, `test_bytes_column` tests all of them.
    fn matches(
        &mut self,
        bytes: &[u8],
        test_bytes_column: &mut dyn FnMut(&Condition) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let Query { root, tests, .. } = self.query;
        for (prepared, outcome) in tests.iter().zip(self.outcomes.iter_mut()) {
            match (prepared.tier, &prepared.test.condition) {
                _ if outcome.verdict.is_some() => {}
                (Tier::Bytes, condition) => outcome.verdict = Some(test_bytes_column(condition)?),
                (Tier::Message, Condition::Contains(wanted))
                    if prepared.looks_for_bytes && self.protocol.is_verbatim =>
                {
                    outcome.verdict = wanted.find(bytes).is_none().then_some(false);
                }
                _ => {}
            }
        }
        if let Some(known) = root.evaluate(&mut |test| self.outcomes.get(test)?.verdict) {
            return Ok(known);
        }
        self.summary.clear();
        if self.protocol.needs_dissection {
            self.test_fields(bytes);
        }
        self.index.summary_of_no_message(self.row, &mut |text| replace(self.summary, text));
        for (prepared, outcome) in tests.iter().zip(self.outcomes.iter_mut()) {
            if outcome.verdict.is_none() {
                outcome.verdict = Some(match &prepared.test.subject {
                    Subject::Column(Column::Summary) => {
                        test_bytes(&prepared.test.condition, self.summary.as_bytes())
                    }
                    _ => outcome.fields == Some(true),
                });
            }
        }
        Ok(root.evaluate(&mut |test| self.outcomes.get(test)?.verdict).unwrap_or(false))
    }

    /// Dissects the message, as far as the tests need.
    fn test_fields(&mut self, bytes: &[u8]) {
        let Message { query, index, row, protocol, .. } = *self;
        let (tests, outcomes, summary) = (&query.tests, &mut *self.outcomes, &mut *self.summary);
        let is_whole = row.span_type == SpanType::Message && !row.codes.contains(Code::Incomplete);
        match protocol.field_reader.as_ref().filter(|_| is_whole) {
            Some(reader) => {
                let message = Captured::whole(bytes);
                let mut fields = Fields { tests, outcomes, protocol, path: Vec::new(), message, summary };
                reader.report(bytes, &mut fields);
            }
            None => {
                let missing = index.missing_before(row, bytes.len());
                let message = Captured::with_missing(bytes, &missing);
                let mut fields = Fields { tests, outcomes, protocol, path: Vec::new(), message, summary };
                index.visit(row, bytes, &mut fields);
            }
        }
    }
}

/// Replaces a text.
fn replace(text: &mut String, with: fmt::Arguments<'_>) {
    text.clear();
    // Writing to a String does not fail.
    let _ = text.write_fmt(with);
}

/// The visitor that tests each field that is reported to it.
struct Fields<'f, 't> {
    tests: &'t [PreparedTest],
    outcomes: &'t mut [Outcome],
    protocol: &'t ProtocolTests,
    /// The names of the fields that are open, if any test depends on them.
    path: Vec<&'f str>,
    message: Captured<'f, 't>,
    summary: &'t mut String,
}

impl Fields<'_, '_> {
    fn test(&mut self, name: &str, range: Range<usize>, value: &Value<'_>) {
        for &number in &self.protocol.tests {
            let (Some(prepared), Some(outcome)) = (self.tests.get(number), self.outcomes.get_mut(number))
            else {
                continue;
            };
            let Subject::Field { path, .. } = &prepared.test.subject else { continue };
            // The last name decides nearly always.
            let Some((last, before)) = path.split_last() else { continue };
            if last != name || outcome.verdict.is_some() {
                continue;
            }
            let fits = self.path.iter().rev().zip(before.iter().rev()).all(|(a, b)| a == b);
            if self.path.len() < before.len() || !fits {
                continue;
            }
            let condition = &prepared.test.condition;
            let meets = |raw: &[u8]| test_value(condition, value, raw) == Some(true);
            let is_met = match self.message.get(range.clone()) {
                Some(raw) => meets(raw),
                // What a captured part contains the field contains; what the whole field is is unknown.
                None if *value == Value::Group => {
                    let looks_inside = matches!(condition, Condition::Contains(_) | Condition::Matches(_));
                    looks_inside && self.message.parts(range.clone()).any(|(_, part)| meets(part))
                }
                None => meets(&[]),
            };
            outcome.fields = Some(match (outcome.fields, condition) {
                (None, _) => is_met,
                // One field that is equal decides that the fields at this path are not other.
                (Some(before), Condition::Not(_)) => before && is_met,
                (Some(before), _) => before || is_met,
            });
        }
    }
}

impl<'f> Visit<'f> for Fields<'f, '_> {
    fn kind(&mut self, _: Kind<'f>) {}

    fn field(&mut self, name: &'f str, range: Range<usize>, value: Value<'f>) {
        self.test(name, range, &value);
    }

    fn begin(&mut self, name: &'f str, range: Range<usize>, value: Value<'f>) {
        self.test(name, range, &value);
        if self.protocol.max_depth > 0 {
            self.path.push(name);
        }
    }

    fn end(&mut self) {
        self.path.pop();
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        if self.protocol.wants_summary {
            replace(self.summary, text);
        }
    }
}
