//! The index in the forms that people and programs read: text, JSON lines and CSV, of all that is told of a row or of chosen
//! [`Fields`]. Rows are written by several threads, in their order.

mod csv;
mod fields;
mod flows;
mod follow;
mod json;
mod packets;
mod problems;
mod put;
mod raw;
#[cfg(test)]
mod reference;
mod rows;
mod seeds;
mod text;

use std::io::{self, Write};

use crate::filter::Filter;
use crate::{Index, Row};

pub use fields::{Fields, write_csv_fields, write_json_fields};
pub use flows::{write_flows_json, write_flows_text};
pub use follow::{write_follow_raw, write_follow_text};
pub use json::write_json;
pub(crate) use packets::write_block;
pub use packets::write_packets;
pub use problems::{write_problems_json, write_problems_text};
pub use raw::write_raw;
pub use seeds::{Seed, seeds};
pub use text::{Paint, row_facts, write_text};

pub use self::csv::write_csv;

/// Rows that a filter is asked of at once.
const AT_ONCE: usize = 1024;

/// Bytes of a skipped row that are read to say more of it.
const SKIPPED_BYTES: usize = 4096;

/// Which rows are written, and who is told how far that is.
///
/// ```
/// use framescope_capture::export::{RowSelection, write_csv};
/// use framescope_capture::filter::Filter;
/// use framescope_capture::{Options, Source, read};
/// use framescope_parser::built_in;
///
/// let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
/// let mut out = Vec::new();
/// write_csv(&index, &mut RowSelection::by(Filter::parse("kind == DATA", &built_in())?), &mut out)?;
/// assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1, "the column names");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct RowSelection<'c> {
    filter: Option<Filter>,
    progress: Option<&'c mut dyn FnMut(usize) -> bool>,
}

impl<'c> RowSelection<'c> {
    /// Every row.
    pub fn all() -> Self {
        RowSelection::default()
    }

    /// The rows that a filter is true of.
    pub fn by(filter: impl Into<Option<Filter>>) -> Self {
        RowSelection { filter: filter.into(), progress: None }
    }

    /// `progress` is told now and then how many rows were looked at, and stops the work by saying false: then it ends
    /// with an error of the kind [`io::ErrorKind::Interrupted`].
    pub fn watched(self, progress: &'c mut dyn FnMut(usize) -> bool) -> Self {
        RowSelection { progress: Some(progress), ..self }
    }

    /// Calls `each` with the number of each row.
    fn for_each(
        &mut self,
        index: &Index,
        each: &mut dyn FnMut(u32, &Row) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut first, count) = (0, index.row_count());
        let mut wanted = Vec::new();
        while first < count {
            if let Some(progress) = &mut self.progress
                && !progress(first)
            {
                return Err(stopped());
            }
            let end = count.min(first + AT_ONCE);
            wanted.clear();
            match &mut self.filter {
                Some(filter) => filter.rows_from(index, first..end, &mut wanted)?,
                None => wanted.extend((first..end).filter_map(|number| u32::try_from(number).ok())),
            }
            for &number in &wanted {
                if let Some(row) = index.row(number) {
                    each(number, &row)?;
                }
            }
            first = end;
        }
        Ok(())
    }
}

impl std::fmt::Debug for RowSelection<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowSelection").field("filter", &self.filter).finish_non_exhaustive()
    }
}

fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "stopped")
}

/// How many bytes of a row are needed to show it: all of a message, the first ones of what was skipped.
pub fn display_limit(row: &Row) -> usize {
    match row.span_type {
        framescope_parser::SpanType::Skipped(_) => SKIPPED_BYTES,
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
    let mut out = Vec::new();
    put::hex(&mut out, bytes);
    String::from_utf8(out).unwrap_or_default()
}

fn write_line(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
