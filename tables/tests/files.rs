//! Tables in files: what is written is read back, whatever the batches, and what can't be written is an error.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_ipc::reader::FileReader;
use arrow_schema::DataType;
use framescope_capture::export::Fields;
use framescope_capture::{Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_parser::with_built_in;
use framescope_tables::{Table, TableError, TableOptions, TableRows};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const NOTES: &str = "
meta: {id: notes, endian: be}
seq:
  - {id: kind, type: u1, enum: kind}
  - {id: count, type: u1, valid: {max: 9}}
  - {id: items, type: item, repeat: expr, repeat-expr: count}
types:
  item: {seq: [{id: size, type: u1}, {id: text, type: str, size: size, encoding: UTF-8}]}
enums:
  kind: {1: first, 2: second}
";

/// The index of bytes that are notes.
fn notes(bytes: &[u8]) -> Arc<Index> {
    let described = Described::from_ksy(NOTES).unwrap();
    let options = Options {
        protocols: with_built_in(vec![Arc::new(described)]),
        decode_as: vec!["file=notes".parse().unwrap()],
        ..Options::default()
    };
    Arc::new(read(Source::from_bytes("notes", bytes), &options, &mut |_| true).unwrap())
}

/// Sixty notes of kinds 1 to 7, of which most have no name, with none to three items.
fn many() -> Arc<Index> {
    let mut bytes = Vec::new();
    for n in 0..60_u8 {
        bytes.extend([1 + n % 7, n % 4]);
        for item in 0..n % 4 {
            bytes.extend([item + 1]);
            bytes.extend(&b"abc"[..usize::from(item) + 1]);
        }
    }
    notes(&bytes)
}

fn table(index: &Arc<Index>, options: TableOptions) -> Table {
    Table::new(Arc::clone(index), TableRows::All, options).unwrap()
}

/// What a table's batches hold, as one text, whichever places in dictionaries they refer to.
fn shown(batches: impl Iterator<Item = RecordBatch>) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        for at in 0..batch.num_rows() {
            let columns = batch.columns().iter().map(|column| value(&**column, at));
            rows.push(columns.collect::<Vec<_>>().join(", "));
        }
    }
    rows
}

fn value(array: &dyn Array, at: usize) -> String {
    if array.is_null(at) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<Int32Type>();
            value(&**array.values(), usize::try_from(array.keys().value(at)).unwrap())
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(at);
            format!("{:?}", (0..items.len()).map(|at| value(&*items, at)).collect::<Vec<_>>())
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter().map(|column| value(&**column, at));
            format!("{{{}}}", columns.collect::<Vec<_>>().join(" "))
        }
        _ => format!("{:?}", array.slice(at, 1)),
    }
}

fn parquet(table: &Table, path: &Path) -> Vec<String> {
    let written = table.write_parquet(&mut File::create(path).unwrap(), &mut |_| true).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    assert_eq!(reader.schema().fields(), table.schema().fields());
    let rows = shown(reader.build().unwrap().map(|batch| batch.unwrap()));
    assert_eq!(rows.len() as u64, written);
    rows
}

fn arrow(table: &Table, path: &Path) -> Vec<String> {
    let written = table.write_arrow(&mut File::create(path).unwrap(), &mut |_| true).unwrap();
    let reader = FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    assert_eq!(reader.schema().fields(), table.schema().fields());
    let rows = shown(reader.map(|batch| batch.unwrap()));
    assert_eq!(rows.len() as u64, written);
    rows
}

#[test]
fn files_hold_the_rows_of_all_batches() {
    let folder = tempfile::tempdir().unwrap();
    let index = many();
    let whole = table(&index, TableOptions::default());
    let expected = shown(whole.batches().map(|batch| batch.unwrap()));
    assert!(expected.len() == 60 && expected[5].contains("0x06"), "{}", expected[5]);
    // Small batches have dictionaries of their own, with other names for numbers without one.
    for (batch_rows, threads) in [(1, 1), (7, 2), (64, 3)] {
        let table = table(&index, TableOptions { batch_rows, threads, ..TableOptions::default() });
        assert_eq!(shown(table.batches().map(|batch| batch.unwrap())), expected);
        assert_eq!(parquet(&table, &folder.path().join("a.parquet")), expected);
        assert_eq!(arrow(&table, &folder.path().join("a.arrow")), expected);
    }
}

#[test]
fn selected_fields_are_columns_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let index = many();
    let fields = Fields::parse("kind,notes.kind,items.text", index.protocols()).unwrap();
    let table =
        table(&index, TableOptions { fields: Some(fields), batch_rows: 9, ..TableOptions::default() });
    let types: Vec<String> =
        table.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert!(types[2].starts_with("List"), "{types:?}");
    let expected = shown(table.batches().map(|batch| batch.unwrap()));
    assert_eq!(parquet(&table, &folder.path().join("a.parquet")), expected);
    assert_eq!(arrow(&table, &folder.path().join("a.arrow")), expected);
    assert_eq!(table.left_out(), 0);
}

#[test]
fn a_capture_without_messages_has_the_same_columns_and_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let options = TableOptions { named: vec!["notes".into()], ..TableOptions::default() };
    let (full, empty) = (table(&many(), options.clone()), table(&notes(b""), options));
    assert_eq!(full.schema(), empty.schema());
    assert_eq!(empty.batches().count(), 0);
    assert_eq!(parquet(&empty, &folder.path().join("a.parquet")), [""; 0]);
    assert_eq!(arrow(&empty, &folder.path().join("a.arrow")), [""; 0]);
}

/// Takes so many bytes and no more, as a disk does that is full.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_of_input_and_output() {
    let table = table(&many(), TableOptions { batch_rows: 5, ..TableOptions::default() });
    for room in [0, 100, 3000] {
        let errors = [
            table.write_parquet(&mut Full(room), &mut |_| true).unwrap_err(),
            table.write_arrow(&mut Full(room), &mut |_| true).unwrap_err(),
        ];
        for error in errors {
            let TableError::Io(error) = error else { panic!("{error:?}") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}");
        }
    }
}

#[test]
fn progress_is_reported_and_can_stop_the_work() {
    let table = table(&many(), TableOptions { batch_rows: 5, threads: 2, ..TableOptions::default() });
    let mut seen = Vec::new();
    table
        .write_arrow(&mut io::sink(), &mut |row| {
            seen.push(row);
            true
        })
        .unwrap();
    assert_eq!(seen, (1..=12).map(|batch| batch * 5).collect::<Vec<_>>());
    let stopped = table.write_parquet(&mut io::sink(), &mut |_| false);
    assert!(matches!(stopped, Err(TableError::Io(error)) if error.kind() == io::ErrorKind::Interrupted));
}

#[test]
fn a_file_that_can_not_be_read_any_more_ends_the_batches_with_an_error() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&[[1_u8, 0]; 4000].concat()).unwrap();
    let options = Options {
        protocols: with_built_in(vec![Arc::new(Described::from_ksy(NOTES).unwrap())]),
        decode_as: vec!["file=notes".parse().unwrap()],
        ..Options::default()
    };
    let index = Arc::new(read(Source::open(file.path()).unwrap(), &options, &mut |_| true).unwrap());
    assert_eq!(index.row_count(), 4000);
    file.as_file().set_len(100).unwrap();
    for threads in [1, 2] {
        let table = table(&index, TableOptions { threads, ..TableOptions::default() });
        let mut batches = table.batches();
        assert_eq!(batches.schema(), table.schema());
        assert!(batches.any(|batch| batch.is_err()) && batches.next().is_none());
        assert!(matches!(table.write_arrow(&mut io::sink(), &mut |_| true), Err(TableError::Io(_))));
    }
}
