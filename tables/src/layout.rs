//! Which columns a table has, and where the values of each come from.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use framescope_capture::export::NamedField;
use framescope_capture::filter::Column;
use framescope_capture::{Index, Source};
use framescope_parser::{Direction, FieldShape, FieldType, Protocol, Reads, merge_fields};

use crate::columns::leaf::LeafType;
use crate::columns::names::Known;
use crate::columns::tree::ColumnShape;
use crate::error::TableError;
use crate::flat;
use crate::observe::{self, Observed, Wanted};
use crate::options::TableOptions;
use crate::rows::TableRows;

/// Where the values of a column come from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A column of all rows.
    Row(Column),
    /// The fields of the messages of a protocol, by its place among [`Layout::protocols`].
    Protocol,
    /// The file that has a row's last packet.
    File,
    /// The number of that packet in the file.
    FilePacket,
    /// What has no place in any other column.
    Extra,
    /// The values of the selected field with this number.
    Selected(usize),
}

/// The columns of a table.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<(Origin, ColumnShape)>,
    pub(crate) schema: SchemaRef,
    /// The names of the protocols whose messages have a column, with the number of that.
    pub(crate) protocols: Vec<(String, usize)>,
    /// The columns and fields that are selected, if only those are.
    pub(crate) selected: Option<Vec<NamedField>>,
    /// By the number of a kind, the place of its name.
    pub(crate) kinds: Vec<i32>,
    /// By the number of a file, the place of its name.
    pub(crate) files: Vec<i32>,
}

/// The column of the fields that have no place.
pub(crate) const EXTRA: &str = "extra";

/// The columns of rows that a table has by default.
const USUAL: [Column; 18] = [
    Column::Row,
    Column::Time,
    Column::Flow,
    Column::Direction,
    Column::Src,
    Column::Dst,
    Column::CarriedIn,
    Column::Protocol,
    Column::Type,
    Column::Kind,
    Column::Stage,
    Column::Offset,
    Column::Length,
    Column::MissingBytes,
    Column::ReplyTo,
    Column::Latency,
    Column::PartOf,
    Column::Problems,
];

/// The most addresses that all batches share a dictionary of.
const SHARED_ADDRESSES: usize = 1 << 14;

impl Layout {
    pub(crate) fn new(
        index: &Arc<Index>,
        rows: &TableRows,
        options: &TableOptions,
        protocols: Option<Vec<ProtocolFields>>,
    ) -> Result<Layout, TableError> {
        let (kinds, places) = Known::new(index.kind_names().iter().map(String::as_str));
        let names = RowNames { kinds: Arc::new(kinds), addresses: Arc::new(addresses(index)) };
        let mut layout = Layout {
            columns: Vec::new(),
            schema: Arc::new(Schema::empty()),
            protocols: Vec::new(),
            selected: None,
            kinds: places,
            files: Vec::new(),
        };
        match &options.fields {
            Some(fields) => {
                let selected = fields.subjects().to_vec();
                layout.columns = flat::columns(index, rows, options, &selected, &names)?;
                layout.selected = Some(selected);
                layout.add_places(index, options);
            }
            None => {
                let protocols = match protocols {
                    Some(protocols) => protocols,
                    None => observed_fields(index, rows, options)?,
                };
                layout.add_usual(index, options, &names, protocols);
            }
        }
        let fields: Vec<_> = layout.columns.iter().map(|(_, shape)| shape.field()).collect();
        layout.schema = Arc::new(Schema::new(fields));
        Ok(layout)
    }

    /// Adds the columns that lead to the files.
    fn add_places(&mut self, index: &Index, options: &TableOptions) {
        if !options.places {
            return;
        }
        let (files, places) = Known::new(index.source().files().map(Source::name));
        self.files = places;
        let file = ColumnShape::leaf("file", LeafType::Names(Arc::new(files)));
        self.columns.push((Origin::File, file));
        self.columns.push((Origin::FilePacket, ColumnShape::leaf("packet", LeafType::Unsigned(32))));
    }

    fn add_usual(
        &mut self,
        index: &Index,
        options: &TableOptions,
        names: &RowNames,
        protocols: Vec<ProtocolFields>,
    ) {
        let mut columns = USUAL.to_vec();
        let is_there =
            |column: &Column| USUAL.contains(column) || options.places && *column == Column::Packet;
        columns.extend(options.also.iter().filter(|column| !is_there(column)));
        for column in columns {
            self.columns.push((Origin::Row(column), names.shape(column, column.name())));
        }
        self.add_places(index, options);
        for (name, fields) in protocols {
            if fields.is_empty() {
                continue;
            }
            self.protocols.push((name.clone(), self.columns.len()));
            // A protocol may be called as a column is.
            let mut column = name;
            while column == EXTRA || self.columns.iter().any(|(_, known)| known.name == column) {
                column.push_str("_fields");
            }
            let fields = fields.iter().map(field_column).collect();
            self.columns.push((Origin::Protocol, ColumnShape::group(column, fields)));
        }
        let extra =
            vec![ColumnShape::leaf("field", LeafType::Text), ColumnShape::leaf("json", LeafType::Text)];
        self.columns.push((Origin::Extra, ColumnShape::group(EXTRA, extra).list()));
    }
}

/// The name of a protocol, and the fields of its messages.
pub(crate) type ProtocolFields = (String, Vec<FieldShape>);

/// The fields of each protocol that has a column: where it does not say which, those that the selected rows have.
pub(crate) fn observed_fields(
    index: &Arc<Index>,
    rows: &TableRows,
    options: &TableOptions,
) -> Result<Vec<ProtocolFields>, TableError> {
    protocol_fields(index, options, &mut |unknown| {
        observe::fields(index, rows, options, Wanted::Protocols(unknown))
    })
}

/// The fields of each protocol that has a column, in the order in which detection prefers the protocols.
pub(crate) fn protocol_fields(
    index: &Index,
    options: &TableOptions,
    observe: &mut dyn FnMut(Vec<String>) -> Result<Observed, TableError>,
) -> Result<Vec<ProtocolFields>, TableError> {
    let mut wanted: Vec<(String, Option<Vec<FieldShape>>)> = Vec::new();
    let spoken = if options.spoken { index.spoken_protocols() } else { Vec::new() };
    for protocol in index.protocols() {
        let is_wanted = options.named.iter().any(|name| name == protocol.name())
            || spoken.iter().any(|one| one.name() == protocol.name());
        if !is_wanted {
            continue;
        }
        for (name, shape) in shapes(&**protocol) {
            match wanted.iter_mut().find(|(known, _)| *known == name) {
                None => wanted.push((name, shape)),
                Some((_, known)) => match (known.as_mut(), shape) {
                    (Some(fields), Some(more)) => merge_fields(fields, more),
                    _ => *known = None,
                },
            }
        }
    }
    let unknown: Vec<String> =
        wanted.iter().filter(|(_, shape)| shape.is_none()).map(|(name, _)| name.clone()).collect();
    let mut observed = match unknown.is_empty() {
        true => Observed::new(),
        false => observe(unknown)?,
    };
    let mut seen = |name: &str| {
        let (_, fields) = observed.iter_mut().find(|(group, _)| group.protocol.as_deref() == Some(name))?;
        Some(std::mem::take(fields))
    };
    let complete = |(name, shape): (String, Option<Vec<FieldShape>>)| {
        let fields = shape.or_else(|| seen(&name)).unwrap_or_default();
        (name, fields)
    };
    Ok(wanted.into_iter().map(complete).collect())
}

/// The names of the protocols that the messages of a protocol have, with their shapes.
fn shapes(protocol: &dyn Protocol) -> Vec<(String, Option<Vec<FieldShape>>)> {
    let own = protocol.shape();
    if own.is_some() || protocol.stages().is_empty() {
        return vec![(protocol.name().to_owned(), own)];
    }
    let stages = protocol.stages().iter().filter_map(|stage| match &stage.reads {
        Reads::Own(own) => Some((own.name().to_owned(), own.shape())),
        Reads::Other(_) => None,
    });
    stages.collect()
}

/// The column of a field.
fn field_column(field: &FieldShape) -> ColumnShape {
    let columns = field.fields.iter().map(field_column).collect();
    // A structure has at least one column.
    let value = match leaf_type(&field.kind) {
        None if field.fields.is_empty() => Some(LeafType::Present),
        value => value,
    };
    ColumnShape { name: field.name.clone(), is_list: field.repeated, value, columns }
}

/// The type of a field's own values.
pub(crate) fn leaf_type(kind: &FieldType) -> Option<LeafType> {
    Some(match kind {
        FieldType::Group => return None,
        FieldType::Unsigned { bits } => LeafType::Unsigned(*bits),
        FieldType::Signed { bits } => LeafType::Signed(*bits),
        FieldType::Float { bits } => LeafType::Float(*bits),
        FieldType::Bool => LeafType::Bool,
        FieldType::Text => LeafType::Text,
        FieldType::Bytes => LeafType::Bytes,
        FieldType::Enum { names } => LeafType::Names(Arc::new(Known::of_numbers(names))),
        FieldType::Any => LeafType::Json,
    })
}

/// The names that the columns of rows share.
pub(crate) struct RowNames {
    kinds: Arc<Known>,
    addresses: Arc<Known>,
}

/// All addresses, if they are few.
fn addresses(index: &Index) -> Known {
    let of_flow = |flow: &framescope_capture::Flow| {
        [Direction::Forward, Direction::Backward].map(|direction| flow.source(direction))
    };
    let mut all: Vec<SocketAddr> = Vec::new();
    for (_, flow) in index.flows() {
        all.extend(of_flow(flow).into_iter().flatten());
        if all.len() > SHARED_ADDRESSES {
            return Known::new([]).0;
        }
    }
    let texts: Vec<String> = all.iter().map(SocketAddr::to_string).collect();
    Known::new(texts.iter().map(String::as_str)).0
}

impl RowNames {
    /// A column of all rows, under a name.
    pub(crate) fn shape(&self, column: Column, name: &str) -> ColumnShape {
        let fixed = |names: &[&str]| LeafType::Names(Arc::new(Known::new(names.iter().copied()).0));
        let leaf = |leaf_type| ColumnShape::leaf(name, leaf_type);
        match column {
            Column::Row | Column::Flow | Column::ReplyTo | Column::AnsweredBy | Column::PartOf => {
                leaf(LeafType::Unsigned(32))
            }
            Column::Offset | Column::Length | Column::MissingBytes => leaf(LeafType::Unsigned(64)),
            Column::SrcPort | Column::DstPort => leaf(LeafType::Unsigned(16)),
            Column::Level => leaf(LeafType::Unsigned(8)),
            Column::Packet => leaf(LeafType::Unsigned(32)).list(),
            Column::Port => leaf(LeafType::Unsigned(16)).list(),
            Column::Time => leaf(LeafType::Time),
            Column::Latency => leaf(LeafType::Duration),
            Column::Direction => leaf(fixed(&DIRECTIONS)),
            Column::Type => leaf(fixed(&TYPES)),
            Column::Severity => leaf(fixed(&["note", "warning", "error"])),
            Column::Transport | Column::CarriedIn | Column::Protocol | Column::Stage => leaf(fixed(&[])),
            Column::Kind => leaf(LeafType::Names(Arc::clone(&self.kinds))),
            Column::Src | Column::Dst => leaf(LeafType::Names(Arc::clone(&self.addresses))),
            Column::Address => leaf(LeafType::Names(Arc::clone(&self.addresses))).list(),
            Column::Carries | Column::Problems => leaf(fixed(&[])).list(),
            Column::Comment => leaf(LeafType::Text).list(),
            Column::Summary => leaf(LeafType::Text),
            Column::Bytes => leaf(LeafType::Bytes),
        }
    }
}

/// The names of the directions and of the types of rows, in the order of their places.
const DIRECTIONS: [&str; 2] = ["forward", "backward"];
const TYPES: [&str; 4] = ["message", "skipped", "gap", "partial"];
