//! `framescope export --format parquet` and `arrow`: messages as a table, or a table for each kind.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use framescope_capture::Index;
use framescope_capture::export::Fields;
use framescope_capture::filter::Filter;
use framescope_inspect::Reading;
use framescope_tables::{KindTable, Table, TableError, TableOptions};
use tempfile::NamedTempFile;

use super::{Arguments, Format, finish, new_file_beside};
use crate::error::Error;
use crate::notices::{notify, report};
use crate::progress::Progress;
use crate::status::Status;

/// The protocols that were named: these have a column whether or not they are spoken.
pub(super) fn named(reading: &Reading) -> Vec<String> {
    let rules = reading.decode_as.iter().map(|rule| rule.protocol());
    reading.own.named().chain(rules).map(str::to_owned).collect()
}

pub(super) fn run(
    args: &Arguments,
    format: Format,
    (named, filter, fields): (Vec<String>, Option<Filter>, Option<Fields>),
    index: Index,
) -> Result<Status, Error> {
    let index = Arc::new(index);
    let options = TableOptions { fields, named, ..TableOptions::default() };
    let output = &args.output;
    let failed = |error| of_table(error, output);
    if !args.by_kind {
        let table = Table::new(Arc::clone(&index), filter, options).map_err(failed)?;
        write(&table, &index, format, output)?;
        return Ok(report(&index));
    }
    let tables = Table::by_kind(&index, &filter.into(), &options).map_err(failed)?;
    fs::create_dir_all(output).map_err(Error::writing(output))?;
    let mut taken = HashSet::new();
    for kind in &tables {
        let path = output.join(file_name(kind, format, &mut taken));
        write(&kind.table, &index, format, &path)?;
    }
    Ok(report(&index))
}

/// The name of a kind's file, which no other has.
fn file_name(kind: &KindTable, format: Format, taken: &mut HashSet<String>) -> String {
    let ending = match format {
        Format::Arrow => "arrow",
        _ => "parquet",
    };
    let mut name = kind.name();
    // Some file systems take capital letters for small ones.
    while !taken.insert(name.to_lowercase()) {
        name.push('_');
    }
    format!("{name}.{ending}")
}

fn write(table: &Table, index: &Index, format: Format, path: &Path) -> Result<(), Error> {
    let unwritable = Error::writing(path);
    let mut out = new_file_beside(path).map_err(&unwritable)?;
    let mut progress = Progress::new(format!("writing {}", path.display()));
    write_to(table, format, &mut out, &mut progress.rows(index)).map_err(|error| of_table(error, path))?;
    finish(out, path).map_err(&unwritable)?;
    let left_out = table.left_out();
    if left_out > 0 {
        let values = if left_out == 1 { "value does" } else { "values do" };
        notify(&format!(
            "{}: {left_out} {values} not fit the type of the column and are null; without --fields they are kept in the column 'extra'",
            path.display()
        ));
    }
    Ok(())
}

fn write_to(
    table: &Table,
    format: Format,
    out: &mut BufWriter<NamedTempFile>,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<u64, TableError> {
    match format {
        Format::Arrow => table.write_arrow(out, progress),
        _ => table.write_parquet(out, progress),
    }
}

/// What went wrong with a table, as what went wrong with a file.
fn of_table(error: TableError, path: &Path) -> Error {
    let cause = match error {
        TableError::Io(cause) => cause,
        error => io::Error::other(error),
    };
    Error::writing(path)(cause)
}
