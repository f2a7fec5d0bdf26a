//! Fills the columns of one batch, row by row.

use std::io;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::ArrowError;
use framescope_capture::export::{ColumnValue, Content, FieldsReader, column_value};
use framescope_capture::filter::Column;
use framescope_capture::{Index, Row, RowId};
use framescope_parser::{Code, Direction, SpanType, Visit};

use crate::columns::tree::{NodeId, Tree};
use crate::flat::{Take, Taken};
use crate::layout::{Layout, Origin};
use crate::walk::WalkState;

/// The columns of a batch.
pub(crate) struct Filler<'i> {
    index: &'i Index,
    layout: &'i Layout,
    tree: Tree,
    nodes: Vec<NodeId>,
    content: Content<'i>,
    walk: WalkState,
    /// Reads the selected fields only, if only these are columns.
    selected: Option<(FieldsReader, Taken)>,
    needs: Needs,
    /// What the row replies to, and how long after it.
    reply: Option<(RowId, Option<i64>)>,
    /// How many rows there are so far.
    rows: usize,
    /// By protocol and stage, the column of the fields.
    fields: Vec<Vec<Option<Option<NodeId>>>>,
    addresses: Addresses,
}

/// What is looked up for each row.
#[derive(Clone, Copy, Default)]
struct Needs {
    segments: bool,
    bytes: bool,
    fields: bool,
    reply: bool,
}

impl<'i> Filler<'i> {
    pub(crate) fn new(index: &'i Index, layout: &'i Layout) -> Self {
        let mut tree = Tree::new();
        let nodes: Vec<NodeId> = layout.columns.iter().map(|(_, shape)| tree.add(shape)).collect();
        let any = |which: &dyn Fn(&Origin) -> bool| layout.columns.iter().any(|(origin, _)| which(origin));
        let fields = any(&|origin| matches!(origin, Origin::Protocol | Origin::Selected(_)))
            || any(&|origin| matches!(origin, Origin::Row(Column::Summary)));
        let bytes = fields || any(&|origin| matches!(origin, Origin::Row(Column::Bytes)));
        let reply = any(&|origin| matches!(origin, Origin::Row(Column::ReplyTo | Column::Latency)));
        let segments = bytes || any(&|origin| matches!(origin, Origin::Row(Column::Packet)));
        let selected = layout.selected.as_deref().filter(|_| fields);
        let selected = selected
            .map(|selected| (FieldsReader::new(selected), Taken::new(selected, &layout.columns, &nodes)));
        let extra = layout.columns.iter().position(|(origin, _)| matches!(origin, Origin::Extra));
        let extra = extra.and_then(|at| nodes.get(at).copied());
        let summary =
            layout.columns.iter().position(|(origin, _)| matches!(origin, Origin::Row(Column::Summary)));
        let summary = summary.and_then(|at| nodes.get(at).copied());
        Filler {
            index,
            layout,
            tree,
            nodes,
            content: Content::new(index),
            walk: WalkState::new(extra, summary),
            selected,
            needs: Needs { segments, bytes, fields, reply },
            reply: None,
            rows: 0,
            fields: Vec::new(),
            addresses: Addresses::default(),
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub(crate) fn add(&mut self, number: RowId, row: &Row) -> io::Result<()> {
        if self.needs.segments {
            self.content.find(row);
        }
        let is_read = self.needs.bytes && row.span_type != SpanType::Gap;
        if is_read {
            self.content.read(row)?;
        } else {
            self.content.bytes.clear();
        }
        if self.needs.reply {
            self.reply = self.index.reply_to(number);
        }
        for at in 0..self.nodes.len() {
            if let Some((origin, _)) = self.layout.columns.get(at)
                && let Some(&node) = self.nodes.get(at)
            {
                match origin {
                    Origin::Row(column) => self.add_column(*column, node, number, row),
                    Origin::File | Origin::FilePacket => self.add_place(origin, node, row),
                    _ => {}
                }
            }
        }
        if self.needs.fields {
            self.add_fields(row);
        }
        self.rows += 1;
        Ok(())
    }
}

impl Filler<'_> {
    /// Whether the batch has to end here: it has so many rows, or values of any length take so many bytes.
    pub(crate) fn is_full(&self, most_rows: usize, most_bytes: usize) -> bool {
        self.rows >= most_rows || self.walk.bytes >= most_bytes
    }

    /// How many values had no place in any column.
    pub(crate) fn left_out(&self) -> u64 {
        self.walk.left_out
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The batch of the rows that were added, after which the next begins.
    ///
    /// # Errors
    /// There are more items of lists than an array can have.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.walk.bytes = 0;
        self.addresses.forget();
        let arrays = self.nodes.iter().map(|&node| self.tree.finish(node, rows)).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.layout.schema), arrays, &options)
    }

    /// Adds the file that has a row's last packet, or the packet's number there.
    fn add_place(&mut self, origin: &Origin, node: NodeId, row: &Row) {
        let Some(leaf) = self.tree.leaf(node) else { return };
        let place = self.index.last_packet(row).map(|packet| self.index.packet_in_file(packet));
        let Some((file, packet)) = place else { return };
        match origin {
            Origin::File => {
                if let Some(&name) = self.layout.files.get(file) {
                    leaf.pad(self.rows);
                    leaf.push_known(name);
                }
            }
            _ => {
                leaf.pad(self.rows);
                leaf.push_number(packet.number());
            }
        }
    }

    /// Reports the fields of a row's message to its column.
    fn add_fields(&mut self, row: &Row) {
        let (index, bytes) = (self.index, &self.content.bytes);
        if let (Some((reader, taken)), Some(fields)) = (&mut self.selected, &self.layout.selected) {
            let WalkState { bytes: taken_bytes, left_out, .. } = &mut self.walk;
            let mut take = Take { taken, tree: &mut self.tree, row: self.rows, bytes: taken_bytes, left_out };
            reader.read(index, row, fields, bytes, &mut take);
            return take.finish();
        }
        let node = self.column_of(row);
        if let Some(node) = node.filter(|_| row.span_type != SpanType::Gap) {
            self.tree.mark(node, self.rows);
        }
        if node.is_none() && !self.walk.wants_summary() {
            return;
        }
        let mut walk = self.walk.begin(&mut self.tree, node, self.rows);
        index.visit(row, &self.content.bytes, &mut walk);
        if walk.wants_summary() {
            index.summary_of_no_message(row, &mut |text| walk.summary(text));
            walk.finish();
        }
    }

    /// The column of the fields of a row's protocol.
    fn column_of(&mut self, row: &Row) -> Option<NodeId> {
        let (number, stage) = (self.index.protocol_number(row)?, row.stage_number());
        if self.fields.len() <= number {
            self.fields.resize_with(number + 1, Vec::new);
        }
        let stages = self.fields.get_mut(number)?;
        if stages.len() <= stage {
            stages.resize(stage + 1, None);
        }
        let known = stages.get_mut(stage)?;
        *known.get_or_insert_with(|| {
            let name = self.index.protocol(row)?.name();
            let (_, column) = self.layout.protocols.iter().find(|(known, _)| known == name)?;
            self.nodes.get(*column).copied()
        })
    }

    /// Adds the value of a column of all rows.
    #[inline]
    fn add_column(&mut self, column: Column, node: NodeId, number: RowId, row: &Row) {
        let Filler { index, tree, layout, rows, .. } = self;
        let (index, place) = (*index, *rows);
        if tree.is_list(node) {
            return self.add_list(column, node, number, row);
        }
        let Some(leaf) = tree.leaf(node) else { return };
        match column {
            Column::Row => leaf.push_number(number.number()),
            Column::Flow => leaf.push_number(row.flow().number()),
            Column::Offset => leaf.push_number(row.offset),
            Column::Length => leaf.push_number(row.length),
            Column::Direction => leaf.push_known(i32::from(index.direction(row).index() == 1)),
            Column::Type => leaf.push_known(match row.span_type {
                SpanType::Message => 0,
                SpanType::Skipped(_) => 1,
                SpanType::Gap => 2,
                SpanType::Partial => 3,
            }),
            Column::Kind => {
                if let Some(&key) = layout.kinds.get(row.kind_number()) {
                    leaf.pad(place);
                    leaf.push_known(key);
                }
            }
            Column::Src | Column::Dst => {
                let is_dst = column == Column::Dst;
                let key = self.addresses.of(row, index.direction(row), is_dst, || {
                    let (src, dst) = index.endpoints(row)?;
                    Some(leaf.key_of(&if is_dst { dst } else { src }.to_string()))
                });
                if let Some(key) = key {
                    leaf.pad(place);
                    leaf.push_known(key);
                }
            }
            Column::Time => {
                if let Some(time_ns) = index.time_ns(row) {
                    leaf.pad(place);
                    leaf.push_number(time_ns);
                }
            }
            Column::ReplyTo => {
                if let Some((to, _)) = self.reply {
                    leaf.pad(place);
                    leaf.push_number(to.number());
                }
            }
            Column::Latency => {
                if let Some((_, Some(latency_ns))) = self.reply {
                    leaf.pad(place);
                    leaf.push_number(latency_ns);
                }
            }
            Column::PartOf => {
                if let Some(first) = index.part_of(number) {
                    leaf.pad(place);
                    leaf.push_number(first.number());
                }
            }
            Column::Summary => {}
            Column::MissingBytes if !row.codes.contains(Code::Incomplete) => {}
            column => {
                let value = column_value(column, index, number, row, &mut self.content);
                let missing = matches!(value, ColumnValue::Missing);
                if missing {
                    return;
                }
                leaf.pad(place);
                match value {
                    ColumnValue::Number(number) => leaf.push_number(number),
                    ColumnValue::Signed(number) | ColumnValue::Time(number) => leaf.push_number(number),
                    ColumnValue::Name(name) => leaf.push_name(name),
                    ColumnValue::Text(text) => drop(leaf.push_text(&text)),
                    ColumnValue::Bytes(bytes) => {
                        self.walk.bytes += bytes.len();
                        leaf.push_bytes(bytes);
                    }
                    ColumnValue::Missing | ColumnValue::Numbers(_) | ColumnValue::Texts(_) => {}
                }
            }
        }
    }

    fn add_list(&mut self, column: Column, node: NodeId, number: RowId, row: &Row) {
        // Nearly no row has any.
        if column == Column::Problems && row.codes.is_empty() {
            return;
        }
        let place = self.rows;
        let items = match column_value(column, self.index, number, row, &mut self.content) {
            ColumnValue::Numbers(numbers) => numbers.into_iter().map(Item::Number).collect::<Vec<_>>(),
            ColumnValue::Texts(texts) => texts.into_iter().map(Item::Text).collect(),
            _ => return,
        };
        for item in items {
            let Some(at) = self.tree.enter(node, place) else { return };
            let Some(leaf) = self.tree.leaf(node) else { return };
            leaf.pad(at);
            self.walk.bytes += 8;
            match item {
                Item::Number(number) => leaf.push_number(number),
                Item::Text(text) if column == Column::Comment => {
                    self.walk.bytes += text.len();
                    leaf.push_text(&text);
                }
                Item::Text(text) => leaf.push_name(&text),
            }
        }
    }
}

/// An item of a list.
enum Item {
    Number(u64),
    Text(String),
}

/// The places of addresses in the dictionaries of a batch, by stream.
#[derive(Default)]
struct Addresses {
    /// For each stream, what the columns of senders and receivers have.
    places: Vec<(u64, [Option<i32>; 2])>,
}

/// How many streams can be interleaved before their addresses are looked up again.
const STREAMS: usize = 4096;

impl Addresses {
    /// The place in a column, which `find` finds the first time.
    #[inline]
    fn of(
        &mut self,
        row: &Row,
        direction: Direction,
        is_dst: bool,
        find: impl FnOnce() -> Option<i32>,
    ) -> Option<i32> {
        if self.places.is_empty() {
            self.places.resize(STREAMS, (u64::MAX, [None; 2]));
        }
        let stream = u64::from(row.flow().number()) * 2 + direction.index() as u64;
        let (known, places) = self.places.get_mut(usize::try_from(stream).ok()? % STREAMS)?;
        if *known != stream {
            (*known, *places) = (stream, [None; 2]);
        }
        let place = places.get_mut(usize::from(is_dst))?;
        if place.is_none() {
            *place = find();
        }
        *place
    }

    /// The next batch has dictionaries of its own.
    fn forget(&mut self) {
        self.places.clear();
    }
}
