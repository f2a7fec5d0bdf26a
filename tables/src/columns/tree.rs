//! Nested columns: a structure for a field with fields in it, a list for one that may occur several times.
//!
//! A place is where a value is in its column. The fields of a message have the message's place, an item of a list a place among all
//! items. What a message does not have is not visited: its place is filled with null before the next value, or at the end.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, FieldRef};

use super::leaf::{Leaf, LeafType};

/// What the columns of a table are, before any is filled.
#[derive(Clone, Debug)]
pub(crate) struct ColumnShape {
    pub(crate) name: String,
    pub(crate) is_list: bool,
    /// The type of its own value, if it has one.
    pub(crate) value: Option<LeafType>,
    pub(crate) columns: Vec<ColumnShape>,
}

/// The column of a field's own value beside those of the fields in it.
pub(crate) const OWN_VALUE: &str = "_value";
/// What the values of a column mean, where its type does not say it: a key of the column's metadata, and its values.
const MEANING: &str = "framescope";
/// Text that is JSON: a field as `framescope decode --format json` shows it.
const JSON: &str = "json";
/// Whether a field is there that has neither a value nor fields in it.
const PRESENT: &str = "present";
/// The name of a list's items.
const ITEM: &str = "item";

impl ColumnShape {
    pub(crate) fn leaf(name: impl Into<String>, value: LeafType) -> ColumnShape {
        ColumnShape { name: name.into(), is_list: false, value: Some(value), columns: Vec::new() }
    }

    pub(crate) fn list(self) -> ColumnShape {
        ColumnShape { is_list: true, ..self }
    }

    pub(crate) fn group(name: impl Into<String>, columns: Vec<ColumnShape>) -> ColumnShape {
        ColumnShape { name: name.into(), is_list: false, value: None, columns }
    }

    fn is_leaf(&self) -> bool {
        self.columns.is_empty() && self.value.is_some()
    }

    /// The type of one value: of an item, where it is a list.
    fn item_type(&self) -> DataType {
        match &self.value {
            Some(value) if self.columns.is_empty() => value.data_type(),
            value => {
                let own = value.iter().map(|value| Field::new(OWN_VALUE, value.data_type(), true));
                let inner = self.columns.iter().map(ColumnShape::field);
                DataType::Struct(own.chain(inner).collect())
            }
        }
    }

    pub(crate) fn field(&self) -> Field {
        let item = self.item_type();
        let data_type = match self.is_list {
            true => DataType::List(Arc::new(Field::new(ITEM, item, true))),
            false => item,
        };
        let field = Field::new(&self.name, data_type, true);
        let meaning = match self.value {
            Some(LeafType::Json) => JSON,
            Some(LeafType::Present) => PRESENT,
            _ => return field,
        };
        field.with_metadata(HashMap::from([(MEANING.to_owned(), meaning.to_owned())]))
    }
}

/// A column, or all fields of a structure, in a [`Tree`].
pub(crate) type NodeId = usize;

/// Columns that are filled.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    name: Box<str>,
    list: Option<List>,
    /// Whether it is a structure, which has a value at some places.
    group: Option<NullBufferBuilder>,
    /// Its own values.
    leaf: Option<Leaf>,
    /// Whether these are JSON.
    is_json: bool,
    columns: Vec<NodeId>,
    /// Where among these the next field is likely to be found.
    next: usize,
    /// The type of a value, of an item if it is a list.
    item: DataType,
}

/// Where the items of each place are.
#[derive(Debug, Default)]
struct List {
    nulls: Option<NullBufferBuilder>,
    /// Where the items of each place begin.
    starts: Vec<i32>,
    items: usize,
}

impl List {
    fn nulls(&mut self) -> &mut NullBufferBuilder {
        self.nulls.get_or_insert_with(|| NullBufferBuilder::new(0))
    }

    fn pad(&mut self, place: usize) {
        let missing = place.saturating_sub(self.starts.len());
        if missing > 0 {
            let start = i32::try_from(self.items).unwrap_or(i32::MAX);
            self.starts.resize(place, start);
            self.nulls().append_n_nulls(missing);
        }
    }

    /// The place of a new item of the list at `place`.
    fn add(&mut self, place: usize) -> usize {
        if self.starts.len() <= place {
            self.pad(place);
            self.starts.push(i32::try_from(self.items).unwrap_or(i32::MAX));
            self.nulls().append_non_null();
        }
        self.items += 1;
        self.items - 1
    }
}

impl Tree {
    pub(crate) fn new() -> Tree {
        Tree { nodes: Vec::new() }
    }

    /// Adds a column and those in it.
    pub(crate) fn add(&mut self, shape: &ColumnShape) -> NodeId {
        let columns = shape.columns.iter().map(|column| self.add(column)).collect();
        self.nodes.push(Node {
            name: shape.name.as_str().into(),
            list: shape.is_list.then(List::default),
            group: (!shape.is_leaf()).then(|| NullBufferBuilder::new(0)),
            leaf: shape.value.as_ref().map(Leaf::new),
            is_json: matches!(shape.value, Some(LeafType::Json)),
            columns,
            next: 0,
            item: shape.item_type(),
        });
        self.nodes.len() - 1
    }

    fn node(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id)
    }

    /// The column of a field in a structure.
    #[inline]
    pub(crate) fn find(&mut self, group: NodeId, name: &str) -> Option<NodeId> {
        let Node { columns, next, .. } = self.nodes.get(group)?;
        let (next, count) = (*next, columns.len());
        // Fields nearly always come in their order.
        let order = (next..count).chain(0..next.min(count));
        for at in order {
            let id = *columns.get(at)?;
            if *self.nodes.get(id)?.name == *name {
                self.nodes.get_mut(group)?.next = at + 1;
                return Some(id);
            }
        }
        None
    }

    /// Begins to look for the fields of a structure from its first.
    #[inline]
    pub(crate) fn rewind(&mut self, group: NodeId) {
        if let Some(node) = self.node(group) {
            node.next = 0;
        }
    }

    /// The place of another value of a column in `place` of what is around it; None if that has one already and is no list.
    #[inline]
    pub(crate) fn enter(&mut self, id: NodeId, place: usize) -> Option<usize> {
        let node = self.nodes.get_mut(id)?;
        let filled = match (&mut node.list, &node.group, &node.leaf) {
            (Some(list), ..) => return Some(list.add(place)),
            (None, Some(group), _) => group.len(),
            (None, None, leaf) => leaf.as_ref()?.len(),
        };
        (filled <= place).then_some(place)
    }

    /// Whether a column is a list.
    pub(crate) fn is_list(&self, id: NodeId) -> bool {
        self.nodes.get(id).is_some_and(|node| node.list.is_some())
    }

    /// Says that a structure is there.
    #[inline]
    pub(crate) fn mark(&mut self, id: NodeId, place: usize) {
        if let Some(group) = self.nodes.get_mut(id).and_then(|node| node.group.as_mut()) {
            let missing = place.saturating_sub(group.len());
            if missing > 0 {
                group.append_n_nulls(missing);
            }
            if group.len() == place {
                group.append_non_null();
            }
        }
    }

    /// The values of a column itself; None of a structure that has only others.
    #[inline]
    pub(crate) fn leaf(&mut self, id: NodeId) -> Option<&mut Leaf> {
        self.nodes.get_mut(id)?.leaf.as_mut()
    }

    /// Whether fields can be in it.
    #[inline]
    pub(crate) fn is_group(&self, id: NodeId) -> bool {
        self.nodes.get(id).is_some_and(|node| node.group.is_some())
    }

    /// Whether what is there is written as JSON, whatever it is.
    #[inline]
    pub(crate) fn is_json(&self, id: NodeId) -> bool {
        self.nodes.get(id).is_some_and(|node| node.is_json)
    }

    /// The columns in a structure.
    pub(crate) fn columns(&self, id: NodeId) -> &[NodeId] {
        self.nodes.get(id).map_or(&[], |node| &node.columns)
    }

    pub(crate) fn name(&self, id: NodeId) -> &str {
        self.nodes.get(id).map_or("", |node| &node.name)
    }

    /// The array of a column with this many places. The column is empty then.
    pub(crate) fn finish(&mut self, id: NodeId, len: usize) -> Result<ArrayRef, ArrowError> {
        let Some(Node { list, item, .. }) = self.nodes.get_mut(id) else {
            return Err(ArrowError::InvalidArgumentError("no such column".to_owned()));
        };
        let Some(list) = list else { return self.finish_items(id, len) };
        let field: FieldRef = Arc::new(Field::new(ITEM, item.clone(), true));
        list.pad(len);
        let List { nulls, mut starts, items } = std::mem::take(list);
        starts.push(i32::try_from(items).map_err(|_| ArrowError::OffsetOverflowError(items))?);
        let values = self.finish_items(id, items)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(starts));
        let nulls = nulls.and_then(|mut nulls| nulls.finish());
        Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls)?))
    }

    fn finish_items(&mut self, id: NodeId, len: usize) -> Result<ArrayRef, ArrowError> {
        let Some(node) = self.nodes.get_mut(id) else {
            return Err(ArrowError::InvalidArgumentError("no such column".to_owned()));
        };
        let own = node.leaf.as_mut().map(|leaf| leaf.finish(len)).transpose()?;
        let Some(group) = &mut node.group else {
            return own.ok_or_else(|| ArrowError::InvalidArgumentError("a column without values".to_owned()));
        };
        group.append_n_nulls(len.saturating_sub(group.len()));
        let nulls = group.finish();
        let DataType::Struct(fields) = node.item.clone() else {
            return Err(ArrowError::InvalidArgumentError("a structure without fields".to_owned()));
        };
        let columns = node.columns.clone();
        let mut arrays: Vec<ArrayRef> = own.into_iter().collect();
        for column in columns {
            arrays.push(self.finish(column, len)?);
        }
        Ok(Arc::new(StructArray::try_new_with_length(fields, arrays, nulls, len)?))
    }
}
