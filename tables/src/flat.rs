//! Tables of selected columns and fields only, each a column of its own.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use framescope_capture::Index;
use framescope_capture::export::{NamedField, TakeFields, json_value};
use framescope_capture::filter::{Column, Subject};
use framescope_parser::{FieldShape, FieldType, Value};

use crate::columns::leaf::{LeafType, Stored};
use crate::columns::tree::{ColumnShape, NodeId, Tree};
use crate::error::TableError;
use crate::layout::{Origin, RowNames, leaf_type, observed_fields};
use crate::options::TableOptions;
use crate::rows::TableRows;

/// The columns of what is selected, in its order.
pub(crate) fn columns(
    index: &Arc<Index>,
    rows: &TableRows,
    options: &TableOptions,
    selected: &[NamedField],
    names: &RowNames,
) -> Result<Vec<(Origin, ColumnShape)>, TableError> {
    let has_fields = selected.iter().any(|field| matches!(field.subject, Subject::Field { .. }));
    let protocols = if has_fields { observed_fields(index, rows, options)? } else { Vec::new() };
    let column = |(at, field): (usize, &NamedField)| match &field.subject {
        Subject::Column(column) => (Origin::Row(*column), names.shape(*column, &field.name)),
        Subject::Field { protocol, path } => {
            let asked = protocols.iter().filter(|(name, _)| protocol.as_ref().is_none_or(|one| one == name));
            (Origin::Selected(at), shape(&field.name, path, asked.map(|(_, fields)| &**fields)))
        }
    };
    Ok(selected.iter().enumerate().map(column).collect())
}

/// The column of the fields at a path, of which the first names may be left out.
fn shape<'f>(name: &str, path: &[String], protocols: impl Iterator<Item = &'f [FieldShape]>) -> ColumnShape {
    let mut all: Option<FieldType> = None;
    let mut is_list = false;
    for fields in protocols {
        let mut found = Found { path, around: Vec::new(), count: 0, is_list: false, kind: None };
        found.look(fields, false);
        is_list |= found.is_list || found.count > 1;
        all = match (all, found.kind) {
            (Some(all), Some(kind)) => Some(all.widened(kind)),
            (all, kind) => all.or(kind),
        };
    }
    // What no protocol says may be anything.
    let value = all.as_ref().and_then(leaf_type).unwrap_or(LeafType::Json);
    // As JSON, several values are an array.
    let is_list = is_list && !matches!(value, LeafType::Json);
    ColumnShape { is_list, ..ColumnShape::leaf(name, value) }
}

/// The fields of a protocol that a path means.
struct Found<'p, 'f> {
    path: &'p [String],
    around: Vec<&'f str>,
    count: usize,
    is_list: bool,
    kind: Option<FieldType>,
}

impl<'f> Found<'_, 'f> {
    fn look(&mut self, fields: &'f [FieldShape], is_repeated: bool) {
        for field in fields {
            let is_repeated = is_repeated || field.repeated;
            self.around.push(&field.name);
            if self.around.len() >= self.path.len()
                && self.around.iter().rev().zip(self.path.iter().rev()).all(|(a, b)| a == b)
            {
                self.count += 1;
                self.is_list |= is_repeated;
                // Of what holds others the value is its bytes.
                let kind = match &field.kind {
                    FieldType::Group => FieldType::Bytes,
                    kind => kind.clone(),
                };
                self.kind = Some(match self.kind.take() {
                    None => kind,
                    Some(known) => known.widened(kind),
                });
            }
            self.look(&field.fields, is_repeated);
            self.around.pop();
        }
    }
}

/// What is kept between the messages of a batch.
pub(crate) struct Taken {
    /// By selected field, its column.
    nodes: Vec<Option<NodeId>>,
    summary: Option<NodeId>,
    /// By selected field, its values as JSON, where its column is that, and how many there are.
    json: Vec<(Vec<u8>, usize)>,
    /// The summary.
    text: String,
}

impl Taken {
    pub(crate) fn new(selected: &[NamedField], columns: &[(Origin, ColumnShape)], nodes: &[NodeId]) -> Taken {
        let mut taken = Taken {
            nodes: vec![None; selected.len()],
            summary: None,
            json: vec![(Vec::new(), 0); selected.len()],
            text: String::new(),
        };
        for ((origin, _), &node) in columns.iter().zip(nodes) {
            match origin {
                Origin::Selected(at) => {
                    if let Some(place) = taken.nodes.get_mut(*at) {
                        *place = Some(node);
                    }
                }
                Origin::Row(Column::Summary) => taken.summary = Some(node),
                _ => {}
            }
        }
        taken
    }
}

/// Puts the selected fields of the message in place `row` into their columns.
pub(crate) struct Take<'t> {
    pub(crate) taken: &'t mut Taken,
    pub(crate) tree: &'t mut Tree,
    pub(crate) row: usize,
    /// The bytes that values of any length took.
    pub(crate) bytes: &'t mut usize,
    /// How many values have no place.
    pub(crate) left_out: &'t mut u64,
}

impl Take<'_> {
    /// Writes what was collected of the message.
    pub(crate) fn finish(self) {
        for (at, (json, count)) in self.taken.json.iter_mut().enumerate() {
            if *count == 0 {
                continue;
            }
            if let Some(leaf) =
                self.taken.nodes.get(at).copied().flatten().and_then(|node| self.tree.leaf(node))
            {
                if *count > 1 {
                    json.insert(0, b'[');
                    json.push(b']');
                }
                leaf.pad(self.row);
                let text = std::str::from_utf8(json).unwrap_or_default();
                *self.bytes += text.len();
                leaf.push_text(text);
            }
            json.clear();
            *count = 0;
        }
        // A message without a summary has an empty one.
        if let Some(leaf) = self.taken.summary.and_then(|node| self.tree.leaf(node)) {
            leaf.pad(self.row);
            *self.bytes += self.taken.text.len();
            leaf.push_text(&self.taken.text);
            self.taken.text.clear();
        }
    }
}

impl TakeFields for Take<'_> {
    fn field(&mut self, at: usize, value: &Value<'_>, raw: Option<&[u8]>) {
        let Some(node) = self.taken.nodes.get(at).copied().flatten() else { return };
        // A field that holds others is its bytes, as for a filter.
        let value = match (value, raw) {
            (Value::Group, Some(raw)) => &Value::Bytes(raw.into()),
            (Value::Group, None) => &Value::Missing,
            (value, _) => value,
        };
        if self.tree.is_json(node) {
            let Some((json, count)) = self.taken.json.get_mut(at) else { return };
            if *count > 0 {
                json.push(b',');
            }
            *count += 1;
            return json_value(json, value);
        }
        let is_list = self.tree.is_list(node);
        if matches!(value, Value::Missing) && !is_list {
            return;
        }
        let Some(place) = self.tree.enter(node, self.row) else {
            *self.left_out += 1;
            return;
        };
        if is_list {
            *self.bytes += 8;
        }
        if matches!(value, Value::Missing) {
            return;
        }
        match self.tree.leaf(node).map(|leaf| leaf.put(place, value)) {
            Some(Stored::Yes(bytes)) => *self.bytes += bytes,
            _ => *self.left_out += 1,
        }
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        if self.taken.summary.is_some() {
            self.taken.text.clear();
            // Writing to memory does not fail.
            let _ = self.taken.text.write_fmt(text);
        }
    }
}
