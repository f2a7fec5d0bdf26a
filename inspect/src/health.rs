//! How a description fits a capture: what of it is explained, what is wrong where, what never changes, which numbers have no
//! name, and what does not write back to the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::Range;

use framescope_capture::Index;
use framescope_ksy::Described;
use framescope_parser::{Captured, Code, Dissection, Field, Protocol, Severity, SpanType, Value};
use serde::Serialize;

/// Messages that a field must stand in before it is said that it never changes.
const ENOUGH: u64 = 5;
/// Paths that are followed at most.
const MOST_PATHS: usize = 10_000;
/// Rows that are named of each finding.
const MOST_ROWS: usize = 5;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Health {
    /// The protocol.
    pub protocol: String,
    /// Its messages.
    pub messages: u64,
    /// Rows of its streams that are no message: skipped, cut off or missing.
    pub other_rows: u64,
    /// Bytes of its streams that were captured.
    pub bytes: u64,
    /// Those of them that a field explains.
    pub explained_bytes: u64,
    /// What is wrong, by field and code.
    pub problems: Vec<Finding>,
    /// Fields that have the same value in every message, and that value.
    pub constant: Vec<Constant>,
    /// Numbers of an enum's field that no member has.
    pub undeclared: Vec<Undeclared>,
    /// Members of enums that no message has.
    pub unseen: Vec<Unseen>,
    /// Messages that do not write back to the same bytes.
    pub not_written_back: u64,
    /// The first of them.
    pub not_written_back_rows: Vec<u32>,
}

/// A problem that messages have.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The field's path; empty where it is no field's.
    pub field: String,
    /// What is wrong.
    pub code: Code,
    /// How bad that is.
    pub severity: Severity,
    /// How often.
    pub count: u64,
    /// The first rows.
    pub rows: Vec<u32>,
}

/// A field that never changes.
#[derive(Debug, Serialize)]
pub struct Constant {
    /// Its path.
    pub field: String,
    /// Its value, as it is shown.
    pub value: String,
    /// How often it was there.
    pub count: u64,
}

/// A number without a name where others have one.
#[derive(Debug, Serialize)]
pub struct Undeclared {
    /// The field's path.
    pub field: String,
    /// The number.
    pub value: u64,
    /// How often.
    pub count: u64,
}

/// Members of an enum that were not seen.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// The field's path.
    pub field: String,
    /// Their names.
    pub members: Vec<String>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    first: String,
    varies: bool,
    numbers: BTreeMap<u64, u64>,
    has_names: bool,
}

/// Looks at every row of a protocol. `watch` is told how many rows were looked at, and ends it early by false.
///
/// # Errors
/// The capture can't be read any more.
pub fn health(
    index: &Index,
    described: &Described,
    watch: &mut dyn FnMut(usize) -> bool,
) -> io::Result<Health> {
    let mut health = Health { protocol: described.name().to_owned(), ..Health::default() };
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut problems: BTreeMap<(String, Code), (u64, Vec<u32>)> = BTreeMap::new();
    let (mut reader, mut covered) = (index.reader(), Vec::new());
    for (number, row) in (0u32..).zip(index.rows()) {
        if !watch(number as usize) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if index.protocol(&row).is_none_or(|protocol| protocol.name() != described.name()) {
            continue;
        }
        health.messages += u64::from(row.span_type == SpanType::Message);
        health.other_rows += u64::from(row.span_type != SpanType::Message);
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader)?;
        health.bytes += bytes.len() as u64;
        let missing = index.missing_before(&row, bytes.len());
        let message = Captured::with_missing(&bytes, &missing);
        let dissection = index.dissect(number, &bytes);
        let places = if dissection.problems.is_empty() { Vec::new() } else { places(&dissection.fields) };
        for problem in &dissection.problems {
            let field = innermost(&places, &problem.range).unwrap_or_default();
            let found = problems.entry((field, problem.code)).or_default();
            found.0 += 1;
            if found.1.len() < MOST_ROWS && found.1.last() != Some(&number) {
                found.1.push(number);
            }
        }
        if !matches!(row.span_type, SpanType::Message | SpanType::Partial) {
            continue;
        }
        covered.clear();
        covered.resize(bytes.len(), false);
        look(&dissection.fields, "", &mut seen, &message, &mut covered);
        health.explained_bytes += covered.iter().filter(|covered| **covered).count() as u64;
        let is_whole = row.span_type == SpanType::Message && message.is_whole();
        if is_whole && !is_written_back(described, &dissection, &bytes) {
            health.not_written_back += 1;
            if health.not_written_back_rows.len() < MOST_ROWS {
                health.not_written_back_rows.push(number);
            }
        }
    }
    health.problems = problems
        .into_iter()
        .map(|((field, code), (count, rows))| Finding { field, code, severity: code.severity(), count, rows })
        .collect();
    health
        .problems
        .sort_by_key(|finding| (std::cmp::Reverse(finding.severity), std::cmp::Reverse(finding.count)));
    for (path, seen) in &seen {
        if !seen.varies && seen.count >= ENOUGH && !seen.first.is_empty() {
            health.constant.push(Constant {
                field: path.clone(),
                value: seen.first.clone(),
                count: seen.count,
            });
        }
    }
    for declared in described.enumerations() {
        let Some(seen) = seen.get(&declared.path) else { continue };
        let has = |value: i128| u64::try_from(value).is_ok_and(|value| seen.numbers.contains_key(&value));
        let members: Vec<String> =
            declared.members.iter().filter(|(value, _)| !has(*value)).map(|(_, name)| name.clone()).collect();
        let names: BTreeSet<i128> = declared.members.iter().map(|(value, _)| *value).collect();
        health.undeclared.extend(
            seen.numbers.iter().filter(|(value, _)| !names.contains(&i128::from(**value))).map(
                |(value, count)| Undeclared { field: declared.path.clone(), value: *value, count: *count },
            ),
        );
        if seen.has_names && !members.is_empty() {
            health.unseen.push(Unseen { field: declared.path, members });
        }
    }
    Ok(health)
}

impl Health {
    /// Whether the description says all that the capture holds.
    pub fn fits(&self) -> bool {
        self.messages > 0
            && self.explained_bytes == self.bytes
            && self.not_written_back == 0
            && self.undeclared.is_empty()
            && self.problems.iter().all(|finding| finding.severity < Severity::Warning)
    }

    /// Writes it for a person.
    ///
    /// # Errors
    /// `out` can't be written.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = |rows: &[u32]| {
            let rows: Vec<String> = rows.iter().map(|row| format!("#{row}")).collect();
            rows.join(" ")
        };
        if self.messages + self.other_rows == 0 {
            return writeln!(
                out,
                "No stream of the capture is {}. Say which are with --as tcp.port=N={0}, or with 'ports' in the description.",
                self.protocol
            );
        }
        writeln!(
            out,
            "{} messages of {}, {} rows that are none",
            self.messages, self.protocol, self.other_rows
        )?;
        #[allow(clippy::cast_precision_loss)] // A share for a person.
        let share = self.explained_bytes as f64 * 100.0 / self.bytes.max(1) as f64;
        writeln!(out, "{} of {} bytes explained ({share:.2} %)", self.explained_bytes, self.bytes)?;
        match self.not_written_back {
            0 => {
                writeln!(out, "every message writes back to the same bytes, but for checks that do not hold")?
            }
            count => writeln!(
                out,
                "{count} messages do not write back to the same bytes: {}",
                rows(&self.not_written_back_rows)
            )?,
        }
        if !self.problems.is_empty() {
            writeln!(out, "\nProblems by field:")?;
        }
        for Finding { field, code, severity, count, rows: first } in &self.problems {
            let field = if field.is_empty() { "(the row)" } else { field };
            writeln!(
                out,
                "  {count:6}  {:7} {:24} {field}  {}",
                severity.as_str(),
                code.as_str(),
                rows(first)
            )?;
        }
        if !self.undeclared.is_empty() {
            writeln!(out, "\nNumbers that the field's enum has no name for:")?;
        }
        for Undeclared { field, value, count } in &self.undeclared {
            writeln!(out, "  {count:6}  {field} = {value} ({value:#x})")?;
        }
        if !self.unseen.is_empty() {
            writeln!(out, "\nNames that no message had:")?;
        }
        for Unseen { field, members } in &self.unseen {
            let shown: Vec<&str> = members.iter().take(8).map(String::as_str).collect();
            let more =
                if members.len() > 8 { format!(" and {} more", members.len() - 8) } else { String::new() };
            writeln!(out, "  {field}: {}{more}", shown.join(", "))?;
        }
        if !self.constant.is_empty() {
            writeln!(out, "\nFields that never changed:")?;
        }
        for Constant { field, value, count } in &self.constant {
            writeln!(out, "  {count:6}  {field} = {value}")?;
        }
        Ok(())
    }
}

/// A field where problems are looked for.
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

/// Fields that begin before some bytes and are looked at whether they hold them. Those of one structure follow each other;
/// only where some were read at places of their own is it more than the last.
const MOST_BEFORE: usize = 32;

/// The path of the smallest field that holds a place.
fn innermost(fields: &[Place<'_>], range: &Range<usize>) -> Option<String> {
    let behind = fields.partition_point(|field| field.range.start <= range.start);
    let near = fields.get(behind.saturating_sub(MOST_BEFORE)..behind).unwrap_or_default();
    let found = near.iter().find(|field| range.end <= field.range.end)?;
    Some(match innermost(&found.inner, range) {
        Some(inner) => format!("{}.{inner}", found.name),
        None => found.name.to_owned(),
    })
}

/// `covered` are the bytes of the message that were captured, one behind the other.
fn look(
    fields: &[Field<'_>],
    above: &str,
    seen: &mut BTreeMap<String, Seen>,
    message: &Captured<'_, '_>,
    covered: &mut [bool],
) {
    for field in fields.iter().filter(|field| !field.name.starts_with('_')) {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        if field.value == Value::Group {
            look(&field.fields, &path, seen, message, covered);
            continue;
        }
        let place = message.captured_before(field.range.start)..message.captured_before(field.range.end);
        if let Some(covered) = covered.get_mut(place) {
            covered.fill(true);
        }
        if field.value == Value::Missing {
            // Its place is known and its value is not.
            look(&field.fields, &path, seen, message, covered);
            continue;
        }
        if seen.len() >= MOST_PATHS && !seen.contains_key(&path) {
            continue;
        }
        let found = seen.entry(path).or_default();
        found.count += 1;
        if let Value::Enum(kind) = &field.value
            && (found.numbers.len() < MOST_PATHS || found.numbers.contains_key(&kind.value))
        {
            *found.numbers.entry(kind.value).or_default() += 1;
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

/// Whether a message is written as it was read, where its checks hold.
fn is_written_back(described: &Described, message: &Dissection<'_>, bytes: &[u8]) -> bool {
    let mut written = Vec::new();
    if described.encode(message, &mut written).is_err() || written.len() != bytes.len() {
        return false;
    }
    let check = |code| matches!(code, Code::ChecksumMismatch | Code::HeaderCheckMismatch | Code::TagMismatch);
    // What a check is told of may be written otherwise.
    let mut differs: Vec<bool> = written.iter().zip(bytes).map(|(written, byte)| written != byte).collect();
    for problem in message.problems.iter().filter(|problem| check(problem.code)) {
        differs.get_mut(problem.range.clone()).into_iter().for_each(|told| told.fill(false));
    }
    !differs.contains(&true)
}
