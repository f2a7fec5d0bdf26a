//! A table says of every row what its JSON says: each value is in its column, or among those that have none.

mod expected;
mod found;

use std::sync::Arc;

use framescope_capture::export::{Fields, RowSelection, write_json, write_json_fields};
use framescope_capture::{Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_parser::{Protocol, with_built_in};
use framescope_tables::arrow_array::RecordBatch;
use framescope_tables::{Table, TableOptions, TableRows};
use serde_json::{Map, Value as Json};

use crate::described::END_OF_DESCRIPTION;
use expected::Expected;
use found::value_at;

/// Takes `data` as a description and bytes that it may describe, else as a capture.
pub fn tables(data: &[u8]) {
    let at = data.windows(END_OF_DESCRIPTION.len()).position(|window| window == END_OF_DESCRIPTION);
    let described = at.and_then(|at| {
        let text = std::str::from_utf8(&data[..=at]).ok()?;
        Some((Described::from_ksy(text).ok()?, &data[at + END_OF_DESCRIPTION.len()..]))
    });
    let (options, bytes) = match described {
        None => (Options::default(), data),
        Some((described, bytes)) => {
            let Ok(rule) = format!("file={}", described.name()).parse() else { return };
            let protocols = with_built_in(vec![Arc::new(described)]);
            (Options { protocols, decode_as: vec![rule], ..Options::default() }, bytes)
        }
    };
    // Some descriptions can't be used for a file, and some formats are not read.
    if let Ok(index) = read(Source::from_bytes("fuzzed", bytes), &options, &mut |_| true) {
        // What is checked of an execution is to be short.
        let batch_rows = 1 + u32::try_from(data.len() % 8).unwrap();
        check_table(&Arc::new(index), batch_rows, 1 + data.len() % 2);
    }
}

/// Compares the table of all rows with their JSON, and a table of each selected field with that.
pub fn check_table(index: &Arc<Index>, batch_rows: u32, threads: usize) {
    let options = TableOptions { batch_rows, threads, ..TableOptions::default() };
    let table = Table::new(Arc::clone(index), TableRows::All, options.clone()).unwrap();
    let mut lines = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut lines).unwrap();
    let found = rows(&table);
    let lines = json_lines(&lines);
    assert_eq!(found.len(), lines.len());
    let protocols: Vec<String> =
        table.schema().fields().iter().skip(18).map(|field| field.name().clone()).collect();
    for (found, line) in found.iter().zip(&lines) {
        let expected = Expected::of(line, &table.schema(), &protocols);
        expected.compare(found);
    }
    check_kinds(index, &options, &found);
    check_fields(index, &options);
}

/// The tables of the kinds have all rows, each once, with the same values in the columns that they have.
fn check_kinds(index: &Arc<Index>, options: &TableOptions, all: &[Map<String, Json>]) {
    let mut seen = 0;
    for kind in Table::by_kind(index, &TableRows::All, options).unwrap() {
        for row in rows(&kind.table) {
            seen += 1;
            let same = &all[usize::try_from(row["row"].as_u64().unwrap()).unwrap()];
            // What is without fields in one kind has a place of its own there, and none among all kinds.
            for (name, value) in row.iter().filter(|(name, _)| *name != "extra") {
                assert!(
                    is_part(value, &same[name]),
                    "{name} of row {}: {value} of {}",
                    row["row"],
                    same[name]
                );
            }
        }
    }
    assert_eq!(seen, all.len());
}

/// Whether a value is the same, but for fields that are null in the other.
fn is_part(part: &Json, whole: &Json) -> bool {
    // A field whose structure no message of the kind has is a plain column.
    if let Json::Object(whole) = whole
        && whole.iter().all(|(name, value)| name == "_value" || value.is_null())
        && (whole.get("_value") == Some(part) || matches!(part, Json::Bool(true) | Json::Null))
    {
        return true;
    }
    match (part, whole) {
        (Json::Object(part), Json::Object(whole)) => whole.iter().all(|(name, value)| match part.get(name) {
            Some(part) => is_part(part, value),
            None => value.is_null(),
        }),
        (Json::Array(part), Json::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part(part, whole))
        }
        (part, whole) => part == whole,
    }
}

/// Fields alone have the values that they have as JSON.
fn check_fields(index: &Arc<Index>, options: &TableOptions) {
    let mut names: Vec<String> =
        ["row", "packet", "port", "summary", "bytes", "severity"].map(Into::into).into();
    for protocol in index.spoken_protocols() {
        let known = protocol.names().fields.into_iter().filter(|name| !name.contains('*')).take(30);
        names.extend(known.map(|name| format!("{}.{name}", protocol.name())));
    }
    let Ok(fields) = Fields::parse(&names.join(","), index.protocols()) else { return };
    let mut lines = Vec::new();
    write_json_fields(index, &mut RowSelection::all(), &fields, &mut lines).unwrap();
    let options = TableOptions { fields: Some(fields), ..options.clone() };
    let table = Table::new(Arc::clone(index), TableRows::All, options).unwrap();
    for (found, line) in rows(&table).iter().zip(json_lines(&lines)) {
        for field in table.schema().fields() {
            let (found, expected) = (&found[field.name()], &line[field.name()]);
            assert!(
                expected::is_selected(expected, found, field),
                "{}: {found} is not {expected} as {}",
                field.name(),
                field.data_type()
            );
        }
    }
}

fn json_lines(lines: &[u8]) -> Vec<Json> {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of a table, each as an object.
fn rows(table: &Table) -> Vec<Map<String, Json>> {
    let mut rows = Vec::new();
    for batch in table.batches() {
        let batch: RecordBatch = batch.unwrap();
        assert_eq!(batch.schema(), table.schema());
        for at in 0..batch.num_rows() {
            let columns = table
                .schema()
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(field, column)| (field.name().clone(), value_at(&**column, at)))
                .collect();
            rows.push(columns);
        }
    }
    rows
}
