//! The index in the forms that people and programs read: text, JSON lines and CSV.

mod csv;
mod flows;
mod follow;
mod json;
mod problems;
mod text;

use std::io::{self, Write};

use crate::Index;

pub use flows::{write_flows_json, write_flows_text};
pub use follow::{write_follow_raw, write_follow_text};
pub use json::write_json;
pub use problems::{write_problems_json, write_problems_text};
pub use text::{Paint, row_facts, write_row_text, write_text};

pub use self::csv::write_csv;

/// Bytes of a skipped row that are read to say more of it.
const SKIPPED_BYTES: usize = 4096;

/// Is given a row's number, the row, and the bytes to dissect it from.
type EachRow<'e> = dyn FnMut(u32, &crate::Row, &[u8]) -> io::Result<()> + 'e;

fn for_each_row(index: &Index, each: &mut EachRow<'_>) -> io::Result<()> {
    let mut reader = index.reader();
    for (number, row) in (0u32..).zip(index.rows()) {
        let bytes = index.row_bytes(&row, display_limit(&row), &mut reader)?;
        each(number, &row, &bytes)?;
    }
    Ok(())
}

/// How many bytes of a row are needed to show it: all of a message, the first ones of what was skipped.
pub fn display_limit(row: &crate::Row) -> usize {
    match row.tile_type {
        framescope_parser::TileType::Skipped(_) => SKIPPED_BYTES,
        _ => usize::MAX,
    }
}

/// A time as RFC 3339 writes it in UTC, with nanoseconds.
pub fn rfc3339(time_ns: i64) -> String {
    // Every 64-bit number of nanoseconds is a time between the years 1677 and 2262.
    jiff::Timestamp::from_nanosecond(time_ns.into())
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string())
        .unwrap_or_default()
}

/// Two hexadecimal digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn write_line(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
