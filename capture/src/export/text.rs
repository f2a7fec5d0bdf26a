//! Rows for a person to read in a terminal: a line for the message, one for each field, one for each problem.

use std::io::{self, Write};

use framescope_parser::{Dissection, Field, Severity, Value};

use super::{Chosen, for_each_row, rfc3339};
use crate::{Index, Row};

/// Whether to colour the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// With the escape sequences that terminals colour by.
    Ansi,
}

impl Paint {
    /// `text` in a colour by its SGR number.
    pub(crate) fn colour(self, sgr: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Ansi => format!("\x1b[{sgr}m{text}\x1b[0m"),
        }
    }

    pub(super) fn severity(self, severity: Severity, text: &str) -> String {
        self.colour(
            match severity {
                Severity::Error => "31;1",
                Severity::Warning => "33",
                Severity::Note => "36",
            },
            text,
        )
    }
}

/// Writes each chosen row with its fields and problems.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_text(
    index: &Index,
    chosen: &mut Chosen<'_>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut first = true;
    for_each_row(index, chosen, &mut |number, row, bytes| {
        if !std::mem::take(&mut first) {
            writeln!(out)?;
        }
        write_row_text(index, number, row, bytes, paint, out)
    })
}

/// Writes one row with its fields and problems. `bytes` are those of [`Index::row_bytes`].
///
/// # Errors
/// `out` can't be written.
pub fn write_row_text(
    index: &Index,
    number: u32,
    row: &Row,
    bytes: &[u8],
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let dissection = index.dissect(number, bytes);
    let from_to = match index.endpoints(row) {
        Some((src, dst)) => format!("{src} > {dst}"),
        None => "file".to_owned(),
    };
    let what = match index.kind(row) {
        Some(kind) if row.type_name() == "message" => kind.to_owned(),
        Some(kind) => format!("{} {kind}", row.type_name()),
        None => row.type_name().to_owned(),
    };
    let what = match row.severity() {
        Some(severity) if severity > Severity::Note => paint.severity(severity, &what),
        _ => paint.colour("1", &what),
    };
    let protocol = index.protocol(row).map_or("-", |protocol| protocol.name());
    let time = index.time_ns(row).map_or("no time".to_owned(), rfc3339);
    writeln!(
        out,
        "#{number} {time} flow {} {from_to} {protocol} {what}: {}",
        row.flow(),
        dissection.summary
    )?;
    let facts = format!("    {}", row_facts(index, number, row, usize::MAX));
    writeln!(out, "{}", paint.colour("2", &facts))?;
    for (packet, comment) in index.comments(row) {
        writeln!(out, "    comment on packet {packet}: {comment}")?;
    }
    write_fields(&dissection.fields, 1, out)?;
    write_problems(&dissection, paint, out)
}

/// Where a row's bytes stand, in which packets they came (no more than `most_packets` are named), and what it answers.
pub fn row_facts(index: &Index, number: u32, row: &Row, most_packets: usize) -> String {
    let packets = index.row_packets(row);
    let named: Vec<String> = packets.iter().take(most_packets).map(u32::to_string).collect();
    let mut facts = format!("{} bytes at {} of {}", row.length, row.offset, index.direction(row));
    match packets.len() {
        0 => {}
        1 => facts.push_str(&format!(", packet {}", named.join(""))),
        count => {
            let more = if named.len() < count { " …" } else { "" };
            facts.push_str(&format!(", packets {}{more}", named.join(" ")));
        }
    }
    if let Some((to, latency)) = index.reply_to(number) {
        let after = latency.map(|latency| format!(" after {}", latency_text(latency))).unwrap_or_default();
        facts.push_str(&format!(", answers #{to}{after}"));
    }
    if let Some(first) = index.part_of(number) {
        facts.push_str(&format!(", goes on with #{first}"));
    }
    facts
}

fn write_fields(fields: &[Field<'_>], depth: usize, out: &mut dyn Write) -> io::Result<()> {
    for field in fields {
        let indent = depth * 4;
        let name = field.name;
        match &field.value {
            Value::Group => writeln!(out, "{:indent$}{name}", "")?,
            value
                if field.fields.iter().all(|inner| matches!(inner.value, Value::Bool(_)))
                    && !field.fields.is_empty() =>
            {
                // Flags on one line: those that are set.
                let set = field.fields.iter().filter(|inner| inner.value == Value::Bool(true));
                let set: Vec<&str> = set.map(|inner| inner.name).collect();
                let set = if set.is_empty() { String::new() } else { format!(" {}", set.join(" ")) };
                writeln!(out, "{:indent$}{name} = {value}{set}", "")?;
                continue;
            }
            value => writeln!(out, "{:indent$}{name} = {value}", "")?,
        }
        write_fields(&field.fields, depth + 1, out)?;
    }
    Ok(())
}

fn write_problems(dissection: &Dissection<'_>, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for problem in &dissection.problems {
        let severity = problem.code.severity();
        let label = paint.severity(severity, &format!("{severity} {}", problem.code));
        let range = &problem.range;
        writeln!(out, "    ! {label} at {}..{}: {}", range.start, range.end, problem.text)?;
    }
    Ok(())
}

/// A duration in the unit that suits it.
pub(super) fn latency_text(ns: i64) -> String {
    let (divisor, unit) = match ns.unsigned_abs() {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let thousandths = (ns % divisor).unsigned_abs() * 1000 / divisor.unsigned_abs();
    format!("{}.{thousandths:03} {unit}", ns / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_a_fitting_unit() {
        let texts = [999, 1_500, 2_000_001, 61_234_000_000].map(latency_text);
        assert_eq!(texts, ["999 ns", "1.500 µs", "2.000 ms", "61.234 s"]);
    }
}
