//! Puts the fields of a message into its columns while they are reported.
//!
//! Nothing is lost: a field without a column, or with a value that is not of its column's type, is written as JSON into the column of
//! the others.

use std::fmt::{self, Write as _};
use std::ops::Range;

use framescope_capture::export::JsonDissection;
use framescope_parser::{Code, Kind, Value, Visit};

use crate::columns::leaf::Stored;
use crate::columns::tree::{NodeId, Tree};

/// What is remembered while a message is reported, and kept for the next.
pub(crate) struct WalkState {
    open: Vec<Open>,
    /// A field that is written as JSON, with all that is in it.
    written: Option<Written>,
    json: JsonDissection,
    /// The path of that field.
    path: String,
    /// A summary.
    text: String,
    /// The column of the fields that have no other.
    extra: Option<NodeId>,
    /// The column of the summaries, if they are wanted.
    summary: Option<NodeId>,
    row: usize,
    /// The bytes that values of any length took since the batch began.
    pub(crate) bytes: usize,
    /// How many values had no place in any column.
    pub(crate) left_out: u64,
}

/// A structure whose fields are reported.
#[derive(Clone, Copy)]
struct Open {
    node: NodeId,
    place: usize,
}

/// A field that is written as JSON.
struct Written {
    /// How many fields around what comes next belong to it.
    depth: usize,
    /// Its column and place there; None if it goes to those without a column.
    target: Option<(NodeId, usize)>,
}

impl WalkState {
    pub(crate) fn new(extra: Option<NodeId>, summary: Option<NodeId>) -> WalkState {
        WalkState {
            open: Vec::new(),
            written: None,
            json: JsonDissection::default(),
            path: String::new(),
            text: String::new(),
            extra,
            summary,
            row: 0,
            bytes: 0,
            left_out: 0,
        }
    }

    pub(crate) fn wants_summary(&self) -> bool {
        self.summary.is_some()
    }

    /// A visitor that puts the fields of the message in place `row` into the columns of `node`; no fields, if there is none.
    pub(crate) fn begin<'w>(&'w mut self, tree: &'w mut Tree, node: Option<NodeId>, row: usize) -> Walk<'w> {
        self.open.clear();
        self.text.clear();
        self.written = None;
        self.row = row;
        if let Some(node) = node {
            self.open.push(Open { node, place: row });
            tree.rewind(node);
        }
        Walk { tree, state: self }
    }
}

/// The visitor of one message.
pub(crate) struct Walk<'w> {
    tree: &'w mut Tree,
    state: &'w mut WalkState,
}

impl Walk<'_> {
    pub(crate) fn wants_summary(&self) -> bool {
        self.state.wants_summary()
    }

    /// Stores the summary. A message without one has an empty one.
    pub(crate) fn finish(self) {
        if let Some(leaf) = self.state.summary.and_then(|node| self.tree.leaf(node)) {
            leaf.pad(self.state.row);
            self.state.bytes += self.state.text.len();
            leaf.push_text(&self.state.text);
        }
    }

    /// The column of a field, and its place there, if it can have one.
    #[inline]
    fn place(&mut self, name: &str) -> Option<(NodeId, usize)> {
        let &Open { node: group, place } = self.state.open.last()?;
        let node = self.tree.find(group, name)?;
        Some((node, self.tree.enter(node, place)?))
    }

    /// Stores a field's own value. False if it does not fit there.
    #[inline]
    fn put(&mut self, (node, place): (NodeId, usize), value: &Value<'_>) -> bool {
        match self.tree.leaf(node).map_or(Stored::NoFit, |leaf| leaf.put(place, value)) {
            Stored::Yes(bytes) => {
                self.state.bytes += bytes;
                true
            }
            Stored::NoFit => false,
            // It would have none as JSON either.
            Stored::NoRoom => {
                self.state.left_out += 1;
                true
            }
        }
    }

    /// Begins to write a field as JSON.
    #[cold]
    fn write(&mut self, name: &str, target: Option<(NodeId, usize)>) {
        let WalkState { open, path, json, written, .. } = &mut *self.state;
        path.clear();
        let names = open.iter().skip(1).map(|open| self.tree.name(open.node));
        for around in names {
            path.push_str(around);
            path.push('.');
        }
        path.push_str(name);
        json.fields.clear();
        *written = Some(Written { depth: 0, target });
    }

    /// Stores the JSON of the field that was written.
    #[cold]
    fn written(&mut self) {
        let Some(Written { target, .. }) = self.state.written.take() else { return };
        let json = std::str::from_utf8(&self.state.json.fields).unwrap_or_default();
        self.state.bytes += json.len() + self.state.path.len();
        if let Some((node, place)) = target {
            if let Some(leaf) = self.tree.leaf(node) {
                leaf.pad(place);
                leaf.push_text(json);
            }
            return;
        }
        let Some(extra) = self.state.extra else { return };
        let Some(place) = self.tree.enter(extra, self.state.row) else { return };
        self.tree.mark(extra, place);
        let (path, json) = (self.state.path.as_str(), json);
        for (at, text) in [path, json].into_iter().enumerate() {
            if let Some(&column) = self.tree.columns(extra).get(at)
                && let Some(leaf) = self.tree.leaf(column)
            {
                leaf.pad(place);
                leaf.push_text(text);
            }
        }
    }

    #[cold]
    fn write_field<'a>(
        &mut self,
        name: &'a str,
        range: Range<usize>,
        value: Value<'a>,
        target: Option<(NodeId, usize)>,
    ) {
        self.write(name, target);
        self.state.json.field(name, range, value);
        self.written();
    }

    #[cold]
    fn write_begin<'a>(
        &mut self,
        name: &'a str,
        range: Range<usize>,
        value: Value<'a>,
        target: Option<(NodeId, usize)>,
    ) {
        self.write(name, target);
        self.state.json.begin(name, range, value);
        if let Some(written) = &mut self.state.written {
            written.depth = 1;
        }
    }
}

impl<'a> Visit<'a> for Walk<'_> {
    fn kind(&mut self, _: Kind<'a>) {}

    #[inline]
    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        if self.state.written.is_some() {
            return self.state.json.field(name, range, value);
        }
        if self.state.open.is_empty() {
            return;
        }
        let Some(place) = self.place(name) else {
            return self.write_field(name, range, value, None);
        };
        let (node, at) = place;
        if self.tree.is_list(node) {
            // An item takes some memory also where it has no value.
            self.state.bytes += 8;
        }
        match value {
            _ if self.tree.is_json(node) => self.write_field(name, range, value, Some(place)),
            Value::Group | Value::Missing if self.tree.is_group(node) => self.tree.mark(node, at),
            value => {
                if !self.put(place, &value) {
                    return self.write_field(name, range, value, None);
                }
                if self.tree.is_group(node) {
                    self.tree.mark(node, at);
                }
            }
        }
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        if let Some(written) = &mut self.state.written {
            written.depth += 1;
            return self.state.json.begin(name, range, value);
        }
        if self.state.open.is_empty() {
            // The fields have no columns.
            return;
        }
        let Some(place) = self.place(name) else { return self.write_begin(name, range, value, None) };
        let (node, at) = place;
        if self.tree.is_list(node) {
            self.state.bytes += 8;
        }
        if self.tree.is_json(node) {
            return self.write_begin(name, range, value, Some(place));
        }
        let fits = match value {
            Value::Group | Value::Missing if self.tree.is_group(node) => true,
            Value::Missing => false,
            ref value => self.put(place, value),
        };
        if !fits {
            return self.write_begin(name, range, value, None);
        }
        self.tree.mark(node, at);
        self.tree.rewind(node);
        self.state.open.push(Open { node, place: at });
    }

    fn end(&mut self) {
        let Some(written) = &mut self.state.written else {
            self.state.open.pop();
            return;
        };
        written.depth = written.depth.saturating_sub(1);
        let is_done = written.depth == 0;
        self.state.json.end();
        if is_done {
            self.written();
        }
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        if self.state.summary.is_some() {
            self.state.text.clear();
            // Writing to memory does not fail.
            let _ = self.state.text.write_fmt(text);
        }
    }
}
