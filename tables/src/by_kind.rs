//! A table for each kind of message, with the fields that its messages have and no others.

use std::sync::Arc;

use framescope_capture::Index;
use framescope_parser::{FieldShape, FieldType, merge_fields};

use crate::error::TableError;
use crate::layout::{Layout, ProtocolFields, protocol_fields};
use crate::observe::{self, Observed, Wanted};
use crate::options::TableOptions;
use crate::rows::TableRows;
use crate::table::Table;

/// The table of the messages of one kind.
#[derive(Clone, Debug)]
pub struct KindTable {
    /// The name of their protocol; None for bytes that no protocol claims.
    pub protocol: Option<String>,
    /// The name of their kind; None where there is none, as in a gap.
    pub kind: Option<String>,
    /// Its table.
    pub table: Table,
}

impl KindTable {
    /// A name for it, of letters, digits, `.`, `_` and `-`: the protocol's, a dot, and the kind's. Different tables may have the same.
    pub fn name(&self) -> String {
        let mut name = self.protocol.as_deref().unwrap_or("unclaimed").to_owned();
        if let Some(kind) = &self.kind {
            name.push('.');
            name.push_str(kind);
        }
        name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
    }
}

impl Table {
    /// A table for each kind of message of each protocol, in the order in which the first of each comes. All rows are in one of them.
    /// Types are those of [`Table::new`]; all messages are read to find out which fields those of a kind have.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn by_kind(
        index: &Arc<Index>,
        rows: &TableRows,
        options: &TableOptions,
    ) -> Result<Vec<KindTable>, TableError> {
        let observed = observe::fields(index, rows, options, Wanted::Kinds)?;
        let shapes = protocol_fields_of(index, options, &observed)?;
        let mut tables = Vec::new();
        for (group, seen) in observed {
            let known = shapes.iter().find(|(name, _)| Some(name) == group.protocol.as_ref());
            let fields = known.map(|(name, fields)| (name.clone(), pruned(fields, &seen)));
            let own = Some(fields.into_iter().collect());
            let options = TableOptions { fields: None, ..options.clone() };
            let layout = Layout::new(index, rows, &options, own)?;
            let (protocol, kind) = (group.protocol.clone(), group.kind.clone());
            let table = Table::of(Arc::clone(index), rows.clone(), options, layout, Some(group));
            tables.push(KindTable { protocol, kind, table });
        }
        Ok(tables)
    }
}

/// The shapes of all protocols: where they say nothing, those of all their kinds together.
fn protocol_fields_of(
    index: &Arc<Index>,
    options: &TableOptions,
    observed: &Observed,
) -> Result<Vec<ProtocolFields>, TableError> {
    protocol_fields(index, options, &mut |unknown| {
        let mut all = Observed::new();
        for name in unknown {
            let mut fields = Vec::new();
            let of_protocol = observed.iter().filter(|(group, _)| group.protocol.as_ref() == Some(&name));
            of_protocol.for_each(|(_, seen)| merge_fields(&mut fields, seen.clone()));
            all.push((observe::Group { protocol: Some(name), kind: None }, fields));
        }
        Ok(all)
    })
}

/// The fields that were seen, as they are known.
fn pruned(known: &[FieldShape], seen: &[FieldShape]) -> Vec<FieldShape> {
    let kept = known.iter().filter_map(|field| {
        let seen = seen.iter().find(|one| one.name == field.name)?;
        let kind = match (&field.kind, &seen.kind) {
            (FieldType::Any, _) => FieldType::Any,
            (_, FieldType::Group) => FieldType::Group,
            (kind, _) => kind.clone(),
        };
        let name = field.name.clone();
        Some(FieldShape { name, repeated: field.repeated, kind, fields: pruned(&field.fields, &seen.fields) })
    });
    kept.collect()
}
