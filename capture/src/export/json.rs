//! One JSON object a line for each row.

use std::io::{self, Write};

use framescope_parser::{Dissection, Field, Problem};
use serde::Serialize;

use super::{Chosen, for_each_row, rfc3339, write_line};
use crate::{Index, Row};

/// Writes each chosen row as a line of JSON.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_json(index: &Index, chosen: &mut Chosen<'_>, out: &mut dyn Write) -> io::Result<()> {
    for_each_row(index, chosen, &mut |number, row, bytes| {
        let dissection = index.dissect(number, bytes);
        write_line(out, &row_json(index, number, row, &dissection))
    })
}

#[derive(Serialize)]
struct RowJson<'a> {
    row: u32,
    time: Option<String>,
    flow: u32,
    direction: &'static str,
    src: Option<String>,
    dst: Option<String>,
    offset: u64,
    length: u64,
    /// Offset and length of each stretch of it that was not captured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<[u64; 2]>,
    packets: Vec<u32>,
    protocol: Option<&'a str>,
    #[serde(rename = "type")]
    row_type: &'static str,
    kind: Option<&'a str>,
    summary: &'a str,
    reply_to: Option<u32>,
    latency_ns: Option<i64>,
    part_of: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<CommentJson<'a>>,
    fields: &'a [Field<'a>],
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct CommentJson<'a> {
    packet: u32,
    text: &'a str,
}

fn row_json<'a>(index: &'a Index, number: u32, row: &Row, dissection: &'a Dissection<'a>) -> RowJson<'a> {
    let (src, dst) = index.endpoints(row).unzip();
    let (reply_to, latency_ns) = index.reply_to(number).unzip();
    let comments = index.comments(row);
    RowJson {
        row: number,
        time: index.time_ns(row).map(rfc3339),
        flow: row.flow(),
        direction: index.direction(row).as_str(),
        src: src.map(|address| address.to_string()),
        dst: dst.map(|address| address.to_string()),
        offset: row.offset,
        length: row.length,
        missing: index.missing(row).into_iter().map(|range| [range.start, range.end - range.start]).collect(),
        packets: index.row_packets(row),
        protocol: index.protocol(row).map(|protocol| protocol.name()),
        row_type: row.type_name(),
        kind: index.kind(row),
        summary: &dissection.summary,
        reply_to,
        latency_ns: latency_ns.flatten(),
        part_of: index.part_of(number),
        comments: comments.into_iter().map(|(packet, text)| CommentJson { packet, text }).collect(),
        fields: &dissection.fields,
        problems: &dissection.problems,
    }
}
