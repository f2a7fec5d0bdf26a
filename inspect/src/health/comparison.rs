//! Compares a description with the rows of its protocol.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use framescope_capture::{Index, RowId};
use framescope_ksy::{Described, Enumeration};
use framescope_parser::{Captured, Code, Context, Dissection, Field, Protocol, SpanType, Value};

use super::{Constant, Finding, Health, Undeclared, Unseen};

/// How many messages must have a field before it is reported as constant.
const ENOUGH: u64 = 5;
/// At most this many paths are counted.
const MOST_PATHS: usize = 10_000;
/// How many rows of each finding are named.
const MOST_ROWS: usize = 5;

/// Compares a description with every row of its protocol. `watch` gets the number of rows done, and stops the work by
/// returning false.
///
/// # Errors
/// The capture can't be read any more, or `watch` stopped the work (`Interrupted`).
pub fn health(
    index: &Index,
    described: &Described,
    watch: &mut dyn FnMut(usize) -> bool,
) -> io::Result<Health> {
    let mut comparison = Comparison::new(described);
    let mut reader = index.reader();
    for (number, row) in index.rows() {
        if !watch(number.index()) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if index.protocol(&row).is_none_or(|protocol| protocol.name() != described.name()) {
            continue;
        }
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader)?;
        let missing = index.missing_before(&row, bytes.len());
        let message = Captured::with_missing(&bytes, &missing);
        let dissection = index.dissect(number, &bytes);
        comparison.add_row(number, row.span_type, &dissection, bytes.len());
        if matches!(row.span_type, SpanType::Message | SpanType::Partial) {
            comparison.add_fields(&dissection, &message, bytes.len());
        }
        let is_whole = row.span_type == SpanType::Message && message.is_whole();
        let is_written_back =
            |context: Option<&Context<'_>>| is_written_back(described, context, &dissection, &bytes);
        if is_whole && !index.with_context(&row, is_written_back) {
            comparison.add_not_written_back(number);
        }
    }
    Ok(comparison.finish())
}

/// A field's values so far.
#[derive(Default)]
struct Seen {
    count: u64,
    first: String,
    varies: bool,
    numbers: BTreeMap<i128, u64>,
    has_names: bool,
}

/// What the rows so far have shown.
struct Comparison<'d> {
    described: &'d Described,
    health: Health,
    seen: BTreeMap<String, Seen>,
    /// How many there are and the first rows, by field and code.
    problems: BTreeMap<(String, Code), (u64, Vec<RowId>)>,
    covered: Vec<bool>,
    /// The terminators of structures, which no field inside has.
    terminators: BTreeMap<String, Vec<u8>>,
}

impl<'d> Comparison<'d> {
    fn new(described: &'d Described) -> Comparison<'d> {
        let health = Health { protocol: described.name().to_owned(), ..Health::default() };
        let (seen, problems, covered) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let terminators = described.terminators();
        Comparison { described, health, seen, problems, covered, terminators }
    }

    fn add_row(&mut self, number: RowId, span_type: SpanType, dissection: &Dissection<'_>, length: usize) {
        self.health.messages += u64::from(span_type == SpanType::Message);
        self.health.other_rows += u64::from(span_type != SpanType::Message);
        self.health.bytes += length as u64;
        let places = if dissection.problems.is_empty() { Vec::new() } else { places(&dissection.fields) };
        for problem in &dissection.problems {
            let field = innermost(&places, &problem.range).unwrap_or_default();
            let (count, rows) = self.problems.entry((field, problem.code)).or_default();
            *count += 1;
            if rows.len() < MOST_ROWS && rows.last() != Some(&number) {
                rows.push(number);
            }
        }
    }

    fn add_fields(&mut self, dissection: &Dissection<'_>, message: &Captured<'_, '_>, length: usize) {
        self.covered.clear();
        self.covered.resize(length, false);
        count(&dissection.fields, "", &mut self.seen, message, (&mut self.covered, &self.terminators));
        self.health.explained_bytes += self.covered.iter().filter(|covered| **covered).count() as u64;
    }

    fn add_not_written_back(&mut self, number: RowId) {
        self.health.not_written_back += 1;
        if self.health.not_written_back_rows.len() < MOST_ROWS {
            self.health.not_written_back_rows.push(number);
        }
    }

    fn finish(self) -> Health {
        let Comparison { described, mut health, seen, problems, .. } = self;
        let finding = |((field, code), (count, rows)): ((String, Code), _)| Finding {
            field,
            code,
            severity: code.severity(),
            count,
            rows,
        };
        health.problems = problems.into_iter().map(finding).collect();
        health.problems.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.count)));
        let is_constant = |seen: &&Seen| !seen.varies && seen.count >= ENOUGH && !seen.first.is_empty();
        let constant = |(field, seen): (&String, &Seen)| {
            let seen = Some(seen).filter(is_constant)?;
            Some(Constant { field: field.clone(), value: seen.first.clone(), count: seen.count })
        };
        health.constant = seen.iter().filter_map(constant).collect();
        compare_names(&mut health, described.enumerations(), &seen);
        health
    }
}

/// The fields that have an enum, and what they have of it.
struct Used<'s> {
    members: BTreeSet<(i128, String)>,
    field: String,
    seen: Vec<&'s Seen>,
}

/// Compares the numbers of fields with the names of their enums. Fields with the same members have the same enum.
fn compare_names(health: &mut Health, declared: Vec<Enumeration>, seen: &BTreeMap<String, Seen>) {
    let mut enums: Vec<Used<'_>> = Vec::new();
    for Enumeration { path, members } in declared {
        let Some(found) = seen.get(&path) else { continue };
        let members: BTreeSet<(i128, String)> = members.into_iter().collect();
        let names: BTreeSet<i128> = members.iter().map(|(value, _)| *value).collect();
        let unnamed = found.numbers.iter().filter(|(value, _)| !names.contains(*value));
        health.undeclared.extend(unnamed.map(|(value, count)| Undeclared {
            field: path.clone(),
            value: *value,
            count: *count,
        }));
        match enums.iter_mut().find(|known| known.members == members) {
            Some(known) => known.seen.push(found),
            None => enums.push(Used { members, field: path, seen: vec![found] }),
        }
    }
    for Used { members, field, seen } in enums {
        let is_unseen =
            |(value, _): &(i128, String)| !seen.iter().any(|seen| seen.numbers.contains_key(value));
        let members: Vec<String> = members.into_iter().filter(is_unseen).map(|(_, name)| name).collect();
        if seen.iter().any(|seen| seen.has_names) && !members.is_empty() {
            health.unseen.push(Unseen { field, fields: seen.len(), members });
        }
    }
}

/// A field that may contain a problem.
struct Place<'f> {
    name: &'f str,
    range: Range<usize>,
    inner: Vec<Place<'f>>,
}

/// Fields that have bytes, in the order of these.
fn places<'f>(fields: &'f [Field<'_>]) -> Vec<Place<'f>> {
    let known = fields.iter().filter(|field| !field.name.starts_with('_') && !field.range.is_empty());
    let place = |field: &'f Field<'_>| Place {
        name: field.name,
        range: field.range.clone(),
        inner: places(&field.fields),
    };
    let mut places: Vec<Place<'f>> = known.map(place).collect();
    places.sort_by_key(|place| place.range.start);
    places
}

/// How many fields that begin before some bytes are searched for the one that holds them. The fields of a structure follow
/// each other, so only one whose fields are at explicit positions needs more than the last.
const MOST_BEFORE: usize = 32;

/// The path of the smallest field that contains the range.
fn innermost(fields: &[Place<'_>], range: &Range<usize>) -> Option<String> {
    let behind = fields.partition_point(|field| field.range.start <= range.start);
    let near = fields.get(behind.saturating_sub(MOST_BEFORE)..behind).unwrap_or_default();
    let found = near.iter().find(|field| range.end <= field.range.end)?;
    Some(match innermost(&found.inner, range) {
        Some(inner) => format!("{}.{inner}", found.name),
        None => found.name.to_owned(),
    })
}

/// Counts fields and their values. `covered` has a flag for each captured byte of the message.
fn count(
    fields: &[Field<'_>],
    above: &str,
    seen: &mut BTreeMap<String, Seen>,
    message: &Captured<'_, '_>,
    (covered, terminators): (&mut [bool], &BTreeMap<String, Vec<u8>>),
) {
    for field in fields.iter().filter(|field| !field.name.starts_with('_')) {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        if field.value == Value::Group {
            if let Some(terminator) = terminators.get(&path) {
                cover_last(terminator, message.captured_before(field.range.end), message.bytes(), covered);
            }
            count(&field.fields, &path, seen, message, (covered, terminators));
            continue;
        }
        let place = message.captured_before(field.range.start)..message.captured_before(field.range.end);
        if let Some(covered) = covered.get_mut(place) {
            covered.fill(true);
        }
        if field.value == Value::Missing {
            // Its place is known, but not its value.
            count(&field.fields, &path, seen, message, (covered, terminators));
            continue;
        }
        if seen.len() >= MOST_PATHS && !seen.contains_key(&path) {
            continue;
        }
        let found = seen.entry(path).or_default();
        found.count += 1;
        if let Value::Enum(kind) = &field.value
            && (found.numbers.len() < MOST_PATHS || found.numbers.contains_key(&kind.number()))
        {
            *found.numbers.entry(kind.number()).or_default() += 1;
            found.has_names |= kind.name.is_some();
        }
        if !found.varies {
            let mut value = field.value.to_string();
            value.truncate(value.char_indices().nth(200).map_or(value.len(), |(at, _)| at));
            match found.count {
                1 => found.first = value,
                _ => found.varies = found.first != value,
            }
        }
    }
}

/// Flags the terminator of a structure that ends with it.
fn cover_last(terminator: &[u8], end: usize, bytes: &[u8], covered: &mut [bool]) {
    let place = end.saturating_sub(terminator.len())..end;
    if bytes.get(place.clone()) == Some(terminator)
        && let Some(covered) = covered.get_mut(place)
    {
        covered.fill(true);
    }
}

/// Whether a message encodes to the same bytes, except for checks that fail.
fn is_written_back(
    described: &Described,
    context: Option<&Context<'_>>,
    message: &Dissection<'_>,
    bytes: &[u8],
) -> bool {
    let mut written = Vec::new();
    let encoded = match context {
        None => described.encode(message, &mut written),
        Some(context) => described.encode_in(context, message, &mut written, &mut Vec::new()),
    };
    if encoded.is_err() || written.len() != bytes.len() {
        return false;
    }
    let check = |code| matches!(code, Code::ChecksumMismatch | Code::HeaderCheckMismatch | Code::TagMismatch);
    // The encoder corrects a check that fails.
    let mut differs: Vec<bool> = written.iter().zip(bytes).map(|(written, byte)| written != byte).collect();
    for problem in message.problems.iter().filter(|problem| check(problem.code)) {
        differs.get_mut(problem.range.clone()).into_iter().for_each(|corrected| corrected.fill(false));
    }
    !differs.contains(&true)
}
