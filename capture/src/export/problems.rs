//! What is wrong with a capture's messages, counted: each problem code with its first rows.

use std::collections::BTreeMap;
use std::io::{self, Write};

use framescope_parser::{Code, Severity};
use serde::Serialize;

use super::{Paint, RowSelection, write_line};
use crate::Index;

/// Rows that are named for each code.
const FIRST_ROWS: usize = 5;

#[derive(Serialize)]
struct Counted {
    code: Code,
    severity: Severity,
    rows: u64,
    first: Vec<u32>,
    meaning: &'static str,
}

impl Counted {
    fn none_of(code: Code) -> Counted {
        Counted { code, severity: code.severity(), rows: 0, first: Vec::new(), meaning: code.meaning() }
    }
}

/// The codes that occur, the worst first, and of the same severity the most frequent.
fn counted(index: &Index, chosen: &mut RowSelection<'_>) -> io::Result<(Vec<Counted>, u64)> {
    let mut found: BTreeMap<Code, Counted> = BTreeMap::new();
    let mut rows = 0;
    chosen.for_each(index, &mut |number, row| {
        rows += 1;
        if row.codes.is_empty() {
            return Ok(());
        }
        for code in row.codes.iter() {
            let one = found.entry(code).or_insert_with(|| Counted::none_of(code));
            one.rows += 1;
            if one.first.len() < FIRST_ROWS {
                one.first.push(number);
            }
        }
        Ok(())
    })?;
    let mut found: Vec<Counted> = found.into_values().collect();
    found.sort_by_key(|one| (std::cmp::Reverse(one.severity), std::cmp::Reverse(one.rows)));
    Ok((found, rows))
}

/// Writes a line for each code: severity, code, on how many rows it stands, and the first of them; what it means below.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_problems_text(
    index: &Index,
    chosen: &mut RowSelection<'_>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (found, rows) = counted(index, chosen)?;
    if found.is_empty() {
        return writeln!(out, "no problem in {rows} rows");
    }
    for one in found {
        let label = paint.severity(one.severity, &format!("{:7} {}", one.severity, one.code));
        let rows = if one.rows == 1 { "row" } else { "rows" };
        let mut first: Vec<String> = one.first.iter().map(|row| format!("#{row}")).collect();
        if one.rows > FIRST_ROWS as u64 {
            first.push("…".to_owned());
        }
        writeln!(out, "{label} on {} {rows}: {}", one.rows, first.join(" "))?;
        writeln!(out, "{:8}{}", "", one.meaning)?;
    }
    Ok(())
}

/// Writes a JSON object a line for each code: `code`, `severity`, `rows`, `first` (row numbers) and `meaning`.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_problems_json(
    index: &Index,
    chosen: &mut RowSelection<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    counted(index, chosen)?.0.iter().try_for_each(|one| write_line(out, one))
}
