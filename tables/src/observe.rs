//! The fields of protocols that do not say which they have: all messages are read to find out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use framescope_capture::Index;
use framescope_capture::export::Content;
use framescope_parser::{Code, FieldShape, FieldType, Kind, SpanType, Value, Visit, merge_fields};

use crate::error::TableError;
use crate::options::TableOptions;
use crate::ordered::Ordered;
use crate::rows::{Run, Selected, TableRows};
use crate::table::RUN_BYTES;

/// Messages whose fields are noted together: of one protocol, and of one kind if that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) protocol: Option<String>,
    pub(crate) kind: Option<String>,
}

/// Whose fields are noted.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Those of some protocols.
    Protocols(Vec<String>),
    /// Those of each kind of all.
    Kinds,
}

/// The fields of groups of messages, in the order in which the first of each comes.
pub(crate) type Observed = Vec<(Group, Vec<FieldShape>)>;

/// The most different fields in one structure. Of one with more, which the messages themselves name, all are JSON.
const MOST_FIELDS: usize = 256;
/// How deeply nested fields have columns of their own.
const DEEPEST: usize = 16;
/// The most names of the numbers of one field.
const MOST_NAMES: usize = 4096;

/// The fields that the selected rows have.
pub(crate) fn fields(
    index: &Arc<Index>,
    rows: &TableRows,
    options: &TableOptions,
    wanted: Wanted,
) -> Result<Observed, TableError> {
    let threads = options.thread_count();
    let mut runs = Selected::new(index, rows, None, (options.batch_rows, RUN_BYTES), threads);
    let index = Arc::clone(index);
    let work = move |run: Run, stop: &AtomicBool| observe(&index, &wanted, &run, stop);
    let mut ordered = Ordered::new(threads, work);
    let mut all = Observed::new();
    while let Some(observed) = ordered.next(&mut || runs.next())? {
        for (group, fields) in observed? {
            match all.iter_mut().find(|(known, _)| *known == group) {
                Some((_, known)) => merge_fields(known, fields),
                None => all.push((group, fields)),
            }
        }
    }
    all.iter_mut().for_each(|(_, fields)| bounded(fields, 0));
    Ok(all)
}

fn observe(index: &Index, wanted: &Wanted, run: &Run, stop: &AtomicBool) -> Result<Observed, TableError> {
    let mut content = Content::new(index);
    let mut observed = Observed::new();
    // Rows of one group often follow each other.
    let mut last = 0;
    run.for_each(index, stop, &mut |_, row| {
        let protocol = index.protocol(row).map(|protocol| protocol.name());
        let kind = match wanted {
            Wanted::Protocols(names) => match protocol {
                Some(name) if names.iter().any(|one| one == name) => None,
                _ => return Ok(()),
            },
            Wanted::Kinds => index.kind(row),
        };
        let is_in = |group: &Group| group.protocol.as_deref() == protocol && group.kind.as_deref() == kind;
        if !observed.get(last).is_some_and(|(group, _)| is_in(group)) {
            last = observed.iter().position(|(group, _)| is_in(group)).unwrap_or(observed.len());
        }
        if last == observed.len() {
            let group = Group { protocol: protocol.map(str::to_owned), kind: kind.map(str::to_owned) };
            observed.push((group, Vec::new()));
        }
        let Some((_, fields)) = observed.get_mut(last) else { return Ok(()) };
        if row.span_type == SpanType::Gap || protocol.is_none() {
            return Ok(());
        }
        content.find(row);
        content.read(row)?;
        let mut observer =
            Observer { open: vec![Open { fields: std::mem::take(fields), ..Open::default() }] };
        index.visit(row, &content.bytes, &mut observer);
        *fields = observer.finish();
        Ok(())
    })?;
    Ok(observed)
}

/// Turns what has too many fields, or is nested too deeply, into JSON.
fn bounded(fields: &mut [FieldShape], depth: usize) {
    for field in fields {
        if field.fields.len() > MOST_FIELDS || depth >= DEEPEST && !field.fields.is_empty() {
            field.kind = FieldType::Any;
        }
        if field.kind == FieldType::Any {
            field.fields.clear();
        }
        bounded(&mut field.fields, depth + 1);
    }
}

/// Notes the fields of one message beside those of others.
struct Observer {
    /// The structures around what comes next, the message first.
    open: Vec<Open>,
}

/// The fields of a structure that is reported.
#[derive(Default)]
struct Open {
    /// Those of all such structures so far.
    fields: Vec<FieldShape>,
    /// Which of them this one has had.
    seen: Vec<bool>,
    /// Where the next is likely to be.
    next: usize,
    /// Which of the fields around this is.
    at: usize,
}

impl Observer {
    /// The fields of the message, and where a field is among those of the structure that is open.
    fn add(&mut self, name: &str, value: &Value<'_>) -> usize {
        let Some(open) = self.open.last_mut() else { return 0 };
        let Open { fields, seen, next, .. } = open;
        let is_next = fields.get(*next).is_some_and(|field| field.name == name);
        let at = match is_next {
            true => *next,
            false => fields.iter().position(|field| field.name == name).unwrap_or(fields.len()),
        };
        if at == fields.len() {
            // One more than the most says that there are too many.
            if at > MOST_FIELDS {
                return at;
            }
            fields.push(FieldShape::group(name, Vec::new()));
        }
        *next = at + 1;
        if seen.len() <= at {
            seen.resize(at + 1, false);
        }
        if let (Some(field), Some(seen)) = (fields.get_mut(at), seen.get_mut(at)) {
            field.repeated |= std::mem::replace(seen, true);
            widen(&mut field.kind, value);
        }
        at
    }

    fn finish(mut self) -> Vec<FieldShape> {
        while self.open.len() > 1 {
            self.end_one();
        }
        self.open.pop().map(|open| open.fields).unwrap_or_default()
    }

    fn end_one(&mut self) {
        let Some(inner) = self.open.pop() else { return };
        if let Some(field) = self.open.last_mut().and_then(|open| open.fields.get_mut(inner.at)) {
            field.fields = inner.fields;
        }
    }
}

/// Makes a type wide enough for a value.
fn widen(kind: &mut FieldType, value: &Value<'_>) {
    let of_value = match (value, &mut *kind) {
        (Value::Group | Value::Missing, _) | (_, FieldType::Any) => return,
        (Value::Unsigned(_) | Value::Hex(_), FieldType::Unsigned { .. }) => return,
        (Value::Text(_), FieldType::Text) | (Value::Bytes(_), FieldType::Bytes) => return,
        (Value::Enum(one), FieldType::Enum { names }) => {
            let number = one.number();
            if let Some(name) = one.name
                && names.len() < MOST_NAMES
                && !names.iter().any(|(known, text)| *known == number && text == name)
            {
                names.push((number, name.to_owned()));
            }
            return;
        }
        (Value::Enum(one), _) => {
            let name = one.name.map(|name| (one.number(), name.to_owned()));
            FieldType::Enum { names: name.into_iter().collect() }
        }
        (Value::Unsigned(_) | Value::Hex(_), _) => FieldType::Unsigned { bits: 64 },
        (Value::Signed(_) | Value::Wide(_), _) => FieldType::Signed { bits: 64 },
        (Value::Float(_), _) => FieldType::Float { bits: 64 },
        (Value::Bool(_), _) => FieldType::Bool,
        (Value::Text(_), _) => FieldType::Text,
        (Value::Bytes(_), _) => FieldType::Bytes,
    };
    *kind = std::mem::replace(kind, FieldType::Any).widened(of_value);
}

impl<'a> Visit<'a> for Observer {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, name: &'a str, _: Range<usize>, value: Value<'a>) {
        self.add(name, &value);
    }

    fn begin(&mut self, name: &'a str, _: Range<usize>, value: Value<'a>) {
        let at = self.add(name, &value);
        let field = self.open.last_mut().and_then(|open| open.fields.get_mut(at));
        let fields = field.map(|field| std::mem::take(&mut field.fields)).unwrap_or_default();
        self.open.push(Open { fields, at, ..Open::default() });
    }

    fn end(&mut self) {
        if self.open.len() > 1 {
            self.end_one();
        }
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, _: fmt::Arguments<'_>) {}
}
