//! What of a document is looked at: the conversation, the message, the bytes. The half of the window without pixels.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use framescope_capture::export::{display_limit, row_facts};
use framescope_capture::filter::Filter;
use framescope_capture::{BlockReader, Index};
use framescope_parser::{
    Code, Direction, Dissection, Field, Problem, Protocol, Severity, TileType, Unclaimed, Value,
};

/// How many problems there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows whose worst problem is an error.
    pub errors: usize,
    /// Rows whose worst problem is a warning.
    pub warnings: usize,
    /// Rows whose worst problem is a note.
    pub notes: usize,
}

impl Counts {
    fn add(&mut self, severity: Option<Severity>) {
        match severity {
            Some(Severity::Error) => self.errors += 1,
            Some(Severity::Warning) => self.warnings += 1,
            Some(Severity::Note) => self.notes += 1,
            None => {}
        }
    }
}

/// A field as the tree shows it, with nothing borrowed.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldNode {
    /// The names from the top, joined by dots.
    pub path: String,
    /// Its own name.
    pub name: String,
    /// Its value as text; empty for a field that is only the sum of others.
    pub value: String,
    /// Its bytes, as offsets in the message.
    pub range: Range<usize>,
    /// The worst problem that touches its own bytes.
    pub severity: Option<Severity>,
    /// What the format's author says of it.
    pub about: String,
    /// The fields in it.
    pub fields: Vec<FieldNode>,
}

/// The message that is looked at, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// A line that says which message it is.
    pub title: String,
    /// Where its bytes come from.
    pub origin: String,
    /// Its bytes; of skipped ones only the first.
    pub bytes: Vec<u8>,
    /// Its fields.
    pub fields: Vec<FieldNode>,
    /// Its problems.
    pub problems: Vec<Problem>,
    /// Why the bytes could not be read, if so.
    pub error: Option<String>,
}

/// What the table shows of a row that has to be decoded for it.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The message in a few words.
    pub summary: String,
    /// The codes of its problems.
    pub problems: String,
}

/// What is looked at. Changed by the window's commands only.
#[derive(Debug, Default)]
pub struct View {
    flow: Option<u32>,
    selected: Option<u32>,
    /// The selected row's flow, direction and offset: they stay when the rows are put in order.
    place_in_stream: Option<(u32, Direction, u64)>,
    selected_bytes: Option<Range<usize>>,
    selected_path: Option<String>,
    filter: Option<Filter>,
    /// Why the filter could not be asked of every row.
    filter_error: Option<String>,
    /// The rows that are looked at; not used when all are.
    rows: Vec<u32>,
    /// How many rows of the index have been looked through for them.
    looked_through: usize,
    /// How many rows of the index have been counted.
    seen: usize,
    counts: Counts,
    flow_counts: Vec<Counts>,
    finished: bool,
    lines: HashMap<u32, Line>,
    details: Option<(u32, Details)>,
    reader: Option<BlockReader>,
}

/// Looking through rows takes no longer than this at a time, so that the window stays quick.
const PATIENCE: Duration = Duration::from_millis(8);
/// Decoded lines that are kept for the table.
const LINES_KEPT: usize = 4096;
/// Packets that are named of a message; a long one may have thousands.
const PACKETS_NAMED: usize = 8;
/// Bytes that a summary in the table may take reading.
const LINE_BYTES: usize = 64 << 10;

impl View {
    /// Takes in what is new in the index. Call before anything is shown.
    pub fn update(&mut self, index: &Index) {
        if index.is_finished() && !self.finished {
            // The rows were put in order and told what the sequence shows: what was derived from them is stale.
            let (flow, mut filter) = (self.flow, self.filter.take());
            let selected = self.place_in_stream.and_then(|place| row_of(index, place));
            filter.iter_mut().for_each(Filter::reset);
            *self = View { flow, filter, finished: true, selected, ..View::default() };
        }
        self.place_in_stream = self.selected.and_then(|row| {
            let row = index.row(row)?;
            Some((row.flow(), index.direction(&row), row.offset))
        });
        self.flow_counts.resize(index.flows().len(), Counts::default());
        for row in index.rows_from(self.seen) {
            let severity = row.severity();
            self.counts.add(severity);
            if let Some(counts) = self.flow_counts.get_mut(row.flow() as usize) {
                counts.add(severity);
            }
        }
        // Something to look at from the first moment.
        if self.seen == 0 && index.row_count() > 0 && self.selected.is_none() {
            self.selected = Some(0);
        }
        self.seen = index.row_count();
        self.look_through(index);
    }

    /// Looks through rows for those that are looked at, as long as it takes but no longer than a person would notice.
    fn look_through(&mut self, index: &Index) {
        let begun = Instant::now();
        while self.is_narrowed() && self.looked_through < self.seen && begun.elapsed() < PATIENCE {
            let end = self.seen.min(self.looked_through + 256);
            for row in self.looked_through..end {
                let Ok(number) = u32::try_from(row) else { break };
                if self.wants(index, number) {
                    self.rows.push(number);
                }
            }
            self.looked_through = end;
        }
        // A row that is looked at no more is not selected either.
        if !self.is_looking() && self.selected.is_some_and(|row| self.place_of(row).is_none()) {
            self.select_row(None);
        }
    }

    fn wants(&mut self, index: &Index, number: u32) -> bool {
        if self.flow.is_some() && index.row(number).map(|row| row.flow()) != self.flow {
            return false;
        }
        match self.filter.as_mut().map(|filter| filter.is_true_of(index, number)) {
            None => true,
            Some(Ok(wanted)) => wanted,
            Some(Err(error)) => {
                self.filter_error = Some(error.to_string());
                false
            }
        }
    }

    /// Whether fewer rows than all are looked at.
    pub fn is_narrowed(&self) -> bool {
        self.flow.is_some() || self.filter.is_some()
    }

    /// Whether there are rows that were not looked through yet.
    pub fn is_looking(&self) -> bool {
        self.is_narrowed() && self.looked_through < self.seen
    }

    /// Why the filter could not be asked of every row.
    pub fn filter_error(&self) -> Option<&str> {
        self.filter_error.as_deref()
    }

    /// Shows the rows that a filter is true of, or all.
    pub fn show_filtered(&mut self, filter: Option<Filter>, index: &Index) {
        self.filter = filter;
        self.choose_anew(index);
    }

    fn choose_anew(&mut self, index: &Index) {
        self.rows.clear();
        self.looked_through = 0;
        self.filter_error = None;
        self.look_through(index);
    }

    /// How many rows the table has.
    pub fn row_count(&self) -> usize {
        if self.is_narrowed() { self.rows.len() } else { self.seen }
    }

    /// The number of the row that stands at a place of the table.
    pub fn row_at(&self, place: usize) -> Option<u32> {
        match self.is_narrowed() {
            true => self.rows.get(place).copied(),
            false => u32::try_from(place).ok().filter(|_| place < self.seen),
        }
    }

    /// Where in the table a row stands.
    pub fn place_of(&self, row: u32) -> Option<usize> {
        match self.is_narrowed() {
            true => self.rows.binary_search(&row).ok(),
            false => Some(row as usize).filter(|&place| place < self.seen),
        }
    }

    /// The problems of all rows.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The problems of a conversation's rows.
    pub fn flow_counts(&self, flow: u32) -> Counts {
        self.flow_counts.get(flow as usize).copied().unwrap_or_default()
    }

    /// The conversation whose rows are shown; None for all.
    pub fn flow(&self) -> Option<u32> {
        self.flow
    }

    /// Shows the rows of one conversation, or of all.
    pub fn show_flow(&mut self, flow: Option<u32>, index: &Index) {
        self.flow = flow;
        self.choose_anew(index);
    }

    /// The row that is looked at.
    pub fn selected(&self) -> Option<u32> {
        self.selected
    }

    /// Looks at a row.
    pub fn select_row(&mut self, row: Option<u32>) {
        if self.selected != row {
            self.selected = row;
            self.selected_bytes = None;
            self.selected_path = None;
        }
    }

    /// Looks at the row so many places further down, or up.
    pub fn move_selection(&mut self, by: isize) {
        let last = self.row_count().checked_sub(1);
        let Some(last) = last else { return };
        let place = match self.selected.and_then(|row| self.place_of(row)) {
            Some(place) => place.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.select_row(self.row_at(place));
    }

    /// The bytes that are marked.
    pub fn selected_bytes(&self) -> Option<Range<usize>> {
        self.selected_bytes.clone()
    }

    /// The field that is marked, by its path.
    pub fn selected_path(&self) -> Option<&str> {
        self.selected_path.as_deref()
    }

    /// Marks a field and its bytes.
    pub fn select_field(&mut self, path: &str, range: Range<usize>) {
        self.selected_path = Some(path.to_owned());
        self.selected_bytes = Some(range);
    }

    /// Marks bytes, of a problem for instance, and the smallest field that holds them.
    pub fn select_bytes(&mut self, range: Range<usize>) {
        let field = self.details.as_ref().and_then(|(_, details)| smallest_field(&details.fields, &range));
        self.selected_path = field.map(|field| field.path.clone());
        self.selected_bytes = Some(range);
    }

    /// Marks the smallest field that holds a byte.
    pub fn select_byte(&mut self, at: usize) {
        let field =
            self.details.as_ref().and_then(|(_, details)| smallest_field(&details.fields, &(at..at + 1)));
        match field.map(|field| (field.path.clone(), field.range.clone())) {
            Some((path, range)) => self.select_field(&path, range),
            None => {
                self.selected_path = None;
                self.selected_bytes = Some(at..at + 1);
            }
        }
    }

    /// What the table shows of a row.
    pub fn line(&mut self, number: u32, index: &Index) -> Line {
        if let Some(line) = self.lines.get(&number) {
            return line.clone();
        }
        let Some(row) = index.row(number) else { return Line::default() };
        let reader = self.reader.get_or_insert_with(|| BlockReader::new(index.source().clone(), 64 << 10));
        let bytes = index.row_bytes(&row, display_limit(&row).min(LINE_BYTES), reader);
        let dissection = bytes.as_deref().map(|bytes| index.dissect(number, bytes).summary);
        let summary = dissection.unwrap_or_else(|error| error.to_string());
        let codes: Vec<&str> = row.codes.iter().map(Code::as_str).collect();
        let line = Line { summary, problems: codes.join(" ") };
        if self.lines.len() >= LINES_KEPT {
            self.lines.clear();
        }
        self.lines.insert(number, line.clone());
        line
    }

    /// The selected row, taken apart.
    pub fn details(&mut self, index: &Index) -> Option<&Details> {
        let number = self.selected?;
        if self.details.as_ref().is_none_or(|(known, _)| *known != number) {
            let reader =
                self.reader.get_or_insert_with(|| BlockReader::new(index.source().clone(), 64 << 10));
            self.details = Some((number, details_of(number, index, reader)));
        }
        self.details.as_ref().map(|(_, details)| details)
    }
}

fn row_of(index: &Index, (flow, direction, offset): (u32, Direction, u64)) -> Option<u32> {
    let rows = index.stream_rows(flow, direction);
    let begins = |number: &u32| index.row(*number).map_or(0, |row| row.offset);
    rows.binary_search_by_key(&offset, begins).ok().and_then(|at| rows.get(at).copied())
}

fn details_of(number: u32, index: &Index, reader: &mut BlockReader) -> Details {
    let Some(row) = index.row(number) else { return Details::default() };
    let title = format!("#{number} {}", index.kind(&row).unwrap_or(row.type_name()));
    let bytes = match index.row_bytes(&row, display_limit(&row), reader) {
        Ok(bytes) => bytes,
        Err(error) => return Details { title, error: Some(error.to_string()), ..Details::default() },
    };
    let dissection = index.dissect(number, &bytes);
    let problems = dissection.problems.clone();
    let protocol = index.protocol(&row).unwrap_or(&Unclaimed);
    let fields = nodes(protocol, &dissection, &dissection.fields, ("", ""));
    let mut origin = row_facts(index, number, &row, PACKETS_NAMED);
    if (bytes.len() as u64) < row.length && row.tile_type != TileType::Gap {
        origin.push_str(", of which the first are shown");
    }
    if let Some(by) = index.answered_by(number) {
        origin.push_str(&format!(", answered by #{by}"));
    }
    Details { title, origin, fields, problems, bytes, error: None }
}

/// `place` is where the fields stand: the names above them, as a person sees them and as the protocol knows them.
fn nodes(
    protocol: &dyn Protocol,
    dissection: &Dissection<'_>,
    fields: &[Field<'_>],
    place: (&str, &str),
) -> Vec<FieldNode> {
    let under =
        |above: &str, name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for field in fields {
        counts.entry(field.name).or_default().0 += 1;
    }
    let mut found = Vec::with_capacity(fields.len());
    for field in fields {
        let name = match counts.get_mut(field.name) {
            // Fields of one name are a list's items.
            Some((count, seen)) if *count > 1 => {
                *seen += 1;
                format!("{}[{}]", field.name, *seen - 1)
            }
            _ => field.name.to_owned(),
        };
        let (path, known_as) = (under(place.0, &name), under(place.1, field.name));
        let touched = dissection.problems.iter().filter(|problem| {
            // A problem of the whole message is not the fault of each of its fields.
            field.range.start <= problem.range.start && problem.range.end <= field.range.end
        });
        found.push(FieldNode {
            severity: touched.map(|problem| problem.code.severity()).max(),
            name,
            value: value_text(&field.value),
            range: field.range.clone(),
            fields: nodes(protocol, dissection, &field.fields, (&path, &known_as)),
            about: protocol.about_field(&known_as).unwrap_or_default(),
            path,
        });
    }
    found
}

/// A value on one line, no longer than a person reads at a glance.
fn value_text(value: &Value<'_>) -> String {
    const LIMIT: usize = 400;
    let text = match value {
        Value::Bytes(bytes) => {
            let shown = bytes.get(..bytes.len().min(64)).unwrap_or_default();
            let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            let more = if shown.len() < bytes.len() { " …" } else { "" };
            format!("{}{more} ({} bytes)", digits.join(" "), bytes.len())
        }
        Value::Text(text) => text.chars().take(LIMIT + 1).fold(String::new(), |mut line, c| {
            if c.is_control() {
                line.extend(c.escape_default())
            } else {
                line.push(c)
            }
            line
        }),
        value => value.to_string(),
    };
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn smallest_field<'f>(fields: &'f [FieldNode], range: &Range<usize>) -> Option<&'f FieldNode> {
    let holds = |field: &&FieldNode| field.range.start <= range.start && range.end <= field.range.end;
    let field = fields.iter().find(|field| holds(field) && !field.range.is_empty())?;
    // Flags share the bytes of the field they are bits of: then that one is meant.
    let inner = field.fields.iter().any(|inner| inner.range != field.range);
    Some(smallest_field(&field.fields, range).filter(|_| inner).unwrap_or(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    fn sample() -> Index {
        read(crate::sample::source(), &Options::default(), &mut |_| true).unwrap()
    }

    #[test]
    fn a_conversation_shows_its_rows_only() {
        let index = sample();
        let mut view = View::default();
        view.update(&index);
        assert_eq!(view.row_count(), index.row_count());
        view.show_flow(Some(2), &index);
        assert!(view.row_count() > 0 && view.row_count() < index.row_count());
        for place in 0..view.row_count() {
            let row = view.row_at(place).unwrap();
            assert_eq!(index.row(row).unwrap().flow(), 2);
            assert_eq!(view.place_of(row), Some(place));
        }
    }

    #[test]
    fn counts_of_the_conversations_add_up() {
        let index = sample();
        let mut view = View::default();
        view.update(&index);
        let flows = 0..u32::try_from(index.flows().len()).unwrap();
        assert_eq!(flows.map(|flow| view.flow_counts(flow).errors).sum::<usize>(), view.counts().errors);
        assert!(view.counts().errors > 0);
    }

    #[test]
    fn a_byte_marks_its_field_and_a_field_its_bytes() {
        let index = sample();
        let mut view = View::default();
        view.update(&index);
        let login = (0..).zip(index.rows()).find(|(_, row)| index.kind(row) == Some("LOGIN")).unwrap().0;
        view.select_row(Some(login));
        view.details(&index).unwrap();
        view.select_byte(12);
        assert_eq!(view.selected_path(), Some("sequence"));
        assert_eq!(view.selected_bytes(), Some(12..16));
        view.select_byte(22);
        assert_eq!(view.selected_path(), Some("payload.user"));
        view.select_byte(4);
        assert_eq!(view.selected_path(), Some("flags"));
    }
}
