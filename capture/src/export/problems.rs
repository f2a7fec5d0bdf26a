//! What is wrong with a capture's messages, counted: each problem code with its first rows.

use std::io::{self, Write};

use framescope_parser::{Code, Severity};
use serde::Serialize;

use super::{Paint, write_line};
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

/// The codes that occur, the worst first, and of the same severity the most frequent.
fn counted(index: &Index) -> Vec<Counted> {
    let mut found: Vec<Counted> = Code::ALL
        .iter()
        .map(|&code| {
            let (severity, meaning) = (code.severity(), code.meaning());
            Counted { code, severity, rows: 0, first: Vec::new(), meaning }
        })
        .collect();
    for (number, row) in (0u32..).zip(index.rows()) {
        if row.codes.is_empty() {
            continue;
        }
        for one in found.iter_mut().filter(|one| row.codes.contains(one.code)) {
            one.rows += 1;
            if one.first.len() < FIRST_ROWS {
                one.first.push(number);
            }
        }
    }
    found.retain(|one| one.rows > 0);
    found.sort_by_key(|one| (std::cmp::Reverse(one.severity), std::cmp::Reverse(one.rows)));
    found
}

/// Writes a line for each code: severity, code, on how many rows it stands, and the first of them; what it means below.
///
/// # Errors
/// `out` can't be written.
pub fn write_problems_text(index: &Index, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let found = counted(index);
    if found.is_empty() {
        return writeln!(out, "no problem in {} rows", index.row_count());
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
/// `out` can't be written.
pub fn write_problems_json(index: &Index, out: &mut dyn Write) -> io::Result<()> {
    counted(index).iter().try_for_each(|one| write_line(out, one))
}
