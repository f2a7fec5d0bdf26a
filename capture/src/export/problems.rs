//! What is wrong with a capture's messages, counted: each problem code with its first rows.

use std::collections::BTreeMap;
use std::io::{self, Write};

use framescope_parser::{Code, Severity};
use serde::Serialize;

use super::put::json_line;
use super::selection::RowSelection;
use super::text::Paint;
use crate::Index;

/// How many rows are listed for each code.
const FIRST_ROWS: usize = 5;

#[derive(Serialize)]
struct ProblemCount {
    code: Code,
    severity: Severity,
    rows: u64,
    first: Vec<u32>,
    meaning: &'static str,
}

impl ProblemCount {
    fn none_of(code: Code) -> ProblemCount {
        ProblemCount { code, severity: code.severity(), rows: 0, first: Vec::new(), meaning: code.meaning() }
    }
}

/// The codes that occur, the worst first, and of the same severity the most frequent.
fn count(index: &Index, selection: &mut RowSelection<'_>) -> io::Result<(Vec<ProblemCount>, u64)> {
    let mut found: BTreeMap<Code, ProblemCount> = BTreeMap::new();
    let mut rows = 0;
    selection.for_each(index, &mut |number, row| {
        rows += 1;
        if row.codes.is_empty() {
            return Ok(());
        }
        for code in row.codes.iter() {
            let count = found.entry(code).or_insert_with(|| ProblemCount::none_of(code));
            count.rows += 1;
            if count.first.len() < FIRST_ROWS {
                count.first.push(number.number());
            }
        }
        Ok(())
    })?;
    let mut found: Vec<ProblemCount> = found.into_values().collect();
    found.sort_by_key(|count| (std::cmp::Reverse(count.severity), std::cmp::Reverse(count.rows)));
    Ok((found, rows))
}

/// Writes a line for each code: severity, code, how many rows have it, and the first of them; its meaning below.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_problems_text(
    index: &Index,
    selection: &mut RowSelection<'_>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (found, rows) = count(index, selection)?;
    if found.is_empty() {
        return writeln!(out, "no problem in {rows} rows");
    }
    for count in found {
        let label = paint.severity(count.severity, &format!("{:7} {}", count.severity, count.code));
        let rows = if count.rows == 1 { "row" } else { "rows" };
        let mut first: Vec<String> = count.first.iter().map(|row| format!("#{row}")).collect();
        if count.rows > FIRST_ROWS as u64 {
            first.push("…".to_owned());
        }
        writeln!(out, "{label} on {} {rows}: {}", count.rows, first.join(" "))?;
        writeln!(out, "{:8}{}", "", count.meaning)?;
    }
    Ok(())
}

/// Writes a JSON object a line for each code: `code`, `severity`, `rows`, `first` (row numbers) and `meaning`.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_problems_json(
    index: &Index,
    selection: &mut RowSelection<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    count(index, selection)?.0.iter().try_for_each(|count| json_line(out, count))
}
