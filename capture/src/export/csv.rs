//! One line of CSV for each row, under a line of column names.

use std::io::{self, Write};

use framescope_parser::Code;

use super::{Chosen, for_each_row, rfc3339};
use crate::Index;

const COLUMNS: [&str; 13] = [
    "row",
    "time",
    "flow",
    "direction",
    "src",
    "dst",
    "offset",
    "length",
    "protocol",
    "type",
    "kind",
    "summary",
    "problems",
];

/// Writes each chosen row as a line of CSV.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_csv(index: &Index, chosen: &mut Chosen<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS)?;
    for_each_row(index, chosen, &mut |number, row, bytes| {
        let dissection = index.dissect(number, bytes);
        let (src, dst) = index.endpoints(row).unzip();
        let mut codes: Vec<Code> = Vec::new();
        for problem in &dissection.problems {
            if !codes.contains(&problem.code) {
                codes.push(problem.code);
            }
        }
        let codes: Vec<&str> = codes.into_iter().map(Code::as_str).collect();
        csv.write_record([
            number.to_string().as_str(),
            &index.time_ns(row).map(rfc3339).unwrap_or_default(),
            &row.flow().to_string(),
            index.direction(row).as_str(),
            &src.map(|address| address.to_string()).unwrap_or_default(),
            &dst.map(|address| address.to_string()).unwrap_or_default(),
            &row.offset.to_string(),
            &row.length.to_string(),
            index.protocol(row).map_or("", |protocol| protocol.name()),
            row.type_name(),
            index.kind(row).unwrap_or_default(),
            &dissection.summary,
            &codes.join(" "),
        ])
        .map_err(io::Error::from)
    })?;
    csv.flush()
}
