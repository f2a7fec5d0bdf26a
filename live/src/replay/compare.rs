//! Compares an answer with the recorded one.

use std::fmt;
use std::io;

use framescope_capture::{Index, RowId};
use framescope_parser::{Dissection, Field, SpanType, Value};

use crate::Edit;

/// So many bytes are shown of what has no fields.
const SHOWN: usize = 32;

/// What differs between an answer and the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The row of the recording; None where it has no such answer.
    pub recorded_row: Option<u32>,
    /// The row of what was received.
    pub row: u32,
    /// The kind of the recorded answer, or of the one that it does not have.
    pub kind: String,
    /// The path of the field that differs; None where the message as a whole does.
    pub field: Option<String>,
    /// What it was; None where there was none.
    pub was: Option<String>,
    /// What it is; None where there is none.
    pub is: Option<String>,
}

impl Difference {
    pub(crate) fn surplus(row: u32, is: String) -> Difference {
        Difference { recorded_row: None, row, kind: is.clone(), field: None, was: None, is: Some(is) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { recorded_row, kind, field, was, is, .. } = self;
        match recorded_row {
            Some(row) => write!(f, "row {row}, {kind}: ")?,
            None => f.write_str("not in the recording: ")?,
        }
        if let Some(field) = field {
            write!(f, "{field} ")?;
        }
        match (was, is) {
            (Some(was), Some(is)) => write!(f, "was {was}, is {is}"),
            (Some(was), None) => write!(f, "was {was}, is missing"),
            (None, Some(is)) if recorded_row.is_none() => f.write_str(is),
            (None, Some(is)) => write!(f, "was not there, is {is}"),
            (None, None) => Ok(()),
        }
    }
}

/// The fields of a message that have values, with their paths.
#[derive(Debug)]
pub(crate) struct Fields<'a>(Vec<(String, Value<'a>)>);

impl<'a> Fields<'a> {
    pub(crate) fn of(index: &'a Index, id: RowId, bytes: &'a [u8]) -> Fields<'a> {
        let Some(row) = index.row(id) else { return Fields(Vec::new()) };
        let mut message = Dissection::default();
        index.visit(&row, bytes, &mut message);
        let mut found = Vec::new();
        flatten(message.fields, "", &mut found);
        Fields(found)
    }

    /// The value of the first field whose path ends so.
    pub(crate) fn find(&self, path: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| is_at(known, path)).map(|(_, value)| value)
    }
}

fn flatten<'a>(fields: Vec<Field<'a>>, above: &str, found: &mut Vec<(String, Value<'a>)>) {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    for (at, field) in fields.into_iter().enumerate() {
        let same = |names: &[&str]| names.iter().filter(|name| **name == field.name).count();
        let before = same(names.get(..at).unwrap_or_default());
        let name = match same(&names) {
            1 => field.name.to_owned(),
            _ => format!("{}[{before}]", field.name),
        };
        let path = if above.is_empty() { name } else { format!("{above}.{name}") };
        if field.value != Value::Group {
            found.push((path.clone(), field.value));
        }
        flatten(field.fields, &path, found);
    }
}

/// Whether a path ends with another, or is in what that names. Numbers of items count only where they are given.
fn is_at(path: &str, wanted: &str) -> bool {
    let plain = |text: &str| -> Vec<String> {
        text.split('.').map(|name| name.split('[').next().unwrap_or(name).to_owned()).collect()
    };
    let (path, wanted) = match wanted.contains('[') {
        true => {
            (path.split('.').map(str::to_owned).collect(), wanted.split('.').map(str::to_owned).collect())
        }
        false => (plain(path), plain(wanted)),
    };
    let (path, wanted): (Vec<String>, Vec<String>) = (path, wanted);
    path.windows(wanted.len().max(1)).any(|names| names == wanted)
}

pub(crate) fn bytes_of(index: &Index, id: RowId) -> io::Result<Vec<u8>> {
    let Some(row) = index.row(id) else { return Ok(Vec::new()) };
    index.row_bytes(&row, usize::MAX, &mut index.reader())
}

/// A row in a few words: its kind, or what it is.
pub(crate) fn described(index: &Index, id: RowId) -> String {
    let Some(row) = index.row(id) else { return String::new() };
    match (row.span_type, index.kind(&row)) {
        (SpanType::Message, Some(kind)) => kind.to_owned(),
        (SpanType::Message, None) => format!("a message of {} bytes", row.length),
        _ => format!("{} bytes ({})", row.length, row.type_name()),
    }
}

pub(crate) fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Text(text) => Value::Text(text.clone().into_owned().into()),
        Value::Bytes(bytes) => Value::Bytes(bytes.clone().into_owned().into()),
        Value::Unsigned(n) => Value::Unsigned(*n),
        Value::Hex(n) => Value::Hex(*n),
        Value::Signed(n) => Value::Signed(*n),
        Value::Wide(n) => Value::Wide(*n),
        Value::Float(x) => Value::Float(*x),
        Value::Bool(b) => Value::Bool(*b),
        Value::Enum(kind) => match kind.is_negative {
            true => Value::Signed(kind.value.cast_signed()),
            false => Value::Unsigned(kind.value),
        },
        Value::Group | Value::Missing => Value::Missing,
    }
}

/// The differences of an answer. Fields that are ignored are as they were, and what is derived from them too.
pub(crate) fn compare(
    (recorded, then): (&Index, RowId),
    (index, now): (&Index, RowId),
    ignore: &[String],
) -> io::Result<Vec<Difference>> {
    let (old, mut new) = (bytes_of(recorded, then)?, bytes_of(index, now)?);
    let base = Difference {
        recorded_row: Some(then.number()),
        row: now.number(),
        kind: described(recorded, then),
        field: None,
        was: None,
        is: None,
    };
    let is = described(index, now);
    let types = (recorded.row(then), index.row(now));
    let same_kind = match &types {
        (Some(then), Some(now)) => {
            then.type_name() == now.type_name() && recorded.kind(then) == index.kind(now)
        }
        _ => false,
    };
    let kind_is_ignored = ignore.iter().any(|path| is_at("kind", path));
    if !same_kind && !kind_is_ignored {
        let (was, is) = (Some(base.kind.clone()), Some(is));
        return Ok(vec![Difference { was, is, ..base }]);
    }
    let was = Fields::of(recorded, then, &old);
    for (path, value) in Fields::of(index, now, &new)
        .0
        .iter()
        .map(|(path, value)| (path.clone(), owned(value)))
        .collect::<Vec<_>>()
    {
        if !ignore.iter().any(|ignored| is_at(&path, ignored)) {
            continue;
        }
        let then = was.0.iter().find(|(known, _)| *known == path).map(|(_, value)| value);
        if let Some(then) = then.filter(|then| **then != value)
            && let Some(changed) = with(index, now, &new, &path, then)
        {
            new = changed;
        }
    }
    let is = Fields::of(index, now, &new);
    let mut found = Vec::new();
    for (path, value) in &was.0 {
        let other = is.0.iter().find(|(known, _)| known == path).map(|(_, value)| value);
        if other != Some(value) && !ignore.iter().any(|ignored| is_at(path, ignored)) {
            let is = other.map(Value::to_string);
            found.push(Difference {
                field: Some(path.clone()),
                was: Some(value.to_string()),
                is,
                ..base.clone()
            });
        }
    }
    for (path, value) in &is.0 {
        let is_new = !was.0.iter().any(|(known, _)| known == path);
        if is_new && !ignore.iter().any(|ignored| is_at(path, ignored)) {
            found.push(Difference { field: Some(path.clone()), is: Some(value.to_string()), ..base.clone() });
        }
    }
    if was.0.is_empty() && is.0.is_empty() && old != new {
        let count = |bytes: &[u8]| {
            let first = Value::Bytes(bytes.get(..SHOWN).unwrap_or(bytes).into()).to_string();
            format!("{} bytes: {first}{}", bytes.len(), if bytes.len() > SHOWN { "…" } else { "" })
        };
        found.push(Difference { was: Some(count(&old)), is: Some(count(&new)), ..base });
    }
    Ok(found)
}

/// The message as it would be with the recorded value of a field.
fn with(index: &Index, id: RowId, bytes: &[u8], path: &str, value: &Value<'_>) -> Option<Vec<u8>> {
    let row = index.row(id)?;
    let (protocol, edit) = (index.protocol(&row)?, Edit::set(path, value).ok()?);
    index.with_context(&row, |context| edit.change(protocol, context, bytes)).ok()
}
