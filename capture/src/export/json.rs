//! One JSON object a line for each row.

use std::io::{self, Write};

use framescope_parser::{Dissection, Field, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{for_each_row, hex, rfc3339, write_line};
use crate::{Index, Row};

/// Writes each row as a line of JSON.
///
/// # Errors
/// The capture can't be read any more, or `out` can't be written.
pub fn write_json(index: &Index, out: &mut dyn Write) -> io::Result<()> {
    for_each_row(index, &mut |number, row, bytes| {
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
    packets: Vec<u32>,
    protocol: Option<&'a str>,
    #[serde(rename = "type")]
    row_type: &'static str,
    kind: Option<&'a str>,
    summary: &'a str,
    reply_to: Option<u32>,
    latency_ns: Option<i64>,
    fields: Vec<FieldJson<'a>>,
    problems: Vec<ProblemJson<'a>>,
}

#[derive(Serialize)]
struct FieldJson<'a> {
    name: &'a str,
    offset: usize,
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<ValueJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<FieldJson<'a>>>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    code: &'static str,
    severity: &'static str,
    offset: usize,
    length: usize,
    text: &'a str,
}

struct ValueJson<'a>(&'a Value<'a>);

impl Serialize for ValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Unsigned(n) | Value::Hex(n) => serializer.serialize_u64(*n),
            Value::Signed(n) => serializer.serialize_i64(*n),
            Value::Float(n) => serializer.serialize_f64(*n),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("bytes", &hex(bytes))?;
                map.end()
            }
            Value::Enum(kind) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("enum", &kind.name)?;
                map.serialize_entry("value", &kind.value)?;
                map.end()
            }
            Value::Group => serializer.serialize_none(),
        }
    }
}

fn row_json<'a>(index: &'a Index, number: u32, row: &Row, dissection: &'a Dissection<'a>) -> RowJson<'a> {
    let (src, dst) = index.endpoints(row).unzip();
    let (reply_to, latency_ns) = index.reply_to(number).unzip();
    RowJson {
        row: number,
        time: index.time_ns(row).map(rfc3339),
        flow: row.flow(),
        direction: index.direction(row).as_str(),
        src: src.map(|address| address.to_string()),
        dst: dst.map(|address| address.to_string()),
        offset: row.offset,
        length: row.length,
        packets: index.row_packets(row),
        protocol: index.protocol(row).map(|protocol| protocol.name()),
        row_type: row.type_name(),
        kind: index.kind(row),
        summary: &dissection.summary,
        reply_to,
        latency_ns: latency_ns.flatten(),
        fields: dissection.fields.iter().map(field_json).collect(),
        problems: dissection.problems.iter().map(problem_json).collect(),
    }
}

fn problem_json(problem: &framescope_parser::Problem) -> ProblemJson<'_> {
    ProblemJson {
        code: problem.code.as_str(),
        severity: problem.code.severity().as_str(),
        offset: problem.range.start,
        length: problem.range.len(),
        text: &problem.text,
    }
}

fn field_json<'a>(field: &'a Field<'a>) -> FieldJson<'a> {
    let is_group = field.value == Value::Group;
    let has_fields = is_group || !field.fields.is_empty();
    FieldJson {
        name: field.name,
        offset: field.range.start,
        length: field.range.len(),
        value: (!is_group).then_some(ValueJson(&field.value)),
        fields: has_fields.then(|| field.fields.iter().map(field_json).collect()),
    }
}
