//! What is written while a dissection is reported, compared with the same written by way of a tree, serde and the csv crate.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::path::{Path, PathBuf};

use framescope_parser::{Code, Dissection, Field, Kind, Problem, Severity, Value, Visit};
use proptest::prelude::*;
use serde::Serialize;

use super::put::json_line;
use super::*;

use crate::{Index, Options, PacketId, Row, RowId, Source, read};

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<[u64; 2]>,
    packets: Vec<u32>,
    protocol: Option<&'a str>,
    #[serde(rename = "type")]
    row_type: &'static str,
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a str>,
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

fn json_row(index: &Index, number: RowId, row: &Row, dissection: &Dissection<'_>, out: &mut Vec<u8>) {
    let (src, dst) = index.endpoints(row).unzip();
    let (reply_to, latency_ns) = index.reply_to(number).unzip();
    let missing = index.missing(row).into_iter().map(|range| [range.start, range.end - range.start]);
    let comments =
        index.comments(row).into_iter().map(|(packet, text)| CommentJson { packet: packet.number(), text });
    let json = RowJson {
        row: number.number(),
        time: index.time_ns(row).map(rfc3339),
        flow: row.flow().number(),
        direction: index.direction(row).as_str(),
        src: src.map(|address| address.to_string()),
        dst: dst.map(|address| address.to_string()),
        offset: row.offset,
        length: row.length,
        missing: missing.collect(),
        packets: index.row_packets(row).into_iter().map(PacketId::number).collect(),
        protocol: index.protocol(row).map(|protocol| protocol.name()),
        row_type: row.type_name(),
        kind: index.kind(row),
        stage: index.stage(row).map(|stage| &*stage.name),
        summary: &dissection.summary,
        reply_to: reply_to.map(RowId::number),
        latency_ns: latency_ns.flatten(),
        part_of: index.part_of(number).map(RowId::number),
        comments: comments.collect(),
        fields: &dissection.fields,
        problems: &dissection.problems,
    };
    json_line(out, &json).unwrap();
}

fn csv_row(index: &Index, number: RowId, row: &Row, dissection: &Dissection<'_>, out: &mut Vec<u8>) {
    let mut csv = ::csv::Writer::from_writer(out);
    let (src, dst) = index.endpoints(row).unzip();
    let mut codes: Vec<&str> = Vec::new();
    for problem in &dissection.problems {
        if !codes.contains(&problem.code.as_str()) {
            codes.push(problem.code.as_str());
        }
    }
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
    .unwrap();
    csv.flush().unwrap();
}

fn text_row(index: &Index, number: RowId, row: &Row, dissection: &Dissection<'_>, out: &mut Vec<u8>) {
    let paint = Paint::Ansi;
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
    let (flow, summary) = (row.flow(), &dissection.summary);
    writeln!(out, "#{number} {time} flow {flow} {from_to} {protocol} {what}: {summary}").unwrap();
    let facts = format!("    {}", row_facts(index, number, row, usize::MAX));
    writeln!(out, "{}", paint.colour("2", &facts)).unwrap();
    for (packet, comment) in index.comments(row) {
        writeln!(out, "    comment on packet {packet}: {comment}").unwrap();
    }
    text_fields(&dissection.fields, 1, out);
    text_problems(dissection, paint, out);
}

fn text_fields(fields: &[Field<'_>], depth: usize, out: &mut Vec<u8>) {
    for field in fields {
        let (indent, name, value) = (depth * 4, field.name, &field.value);
        let is_flags = field.fields.iter().all(|inner| matches!(inner.value, Value::Bool(_)));
        match value {
            Value::Group => writeln!(out, "{:indent$}{name}", "").unwrap(),
            value if is_flags && !field.fields.is_empty() => {
                let set = field.fields.iter().filter(|inner| inner.value == Value::Bool(true));
                let set: String = set.map(|inner| format!(" {}", inner.name)).collect();
                writeln!(out, "{:indent$}{name} = {value}{set}", "").unwrap();
                continue;
            }
            value => writeln!(out, "{:indent$}{name} = {value}", "").unwrap(),
        }
        text_fields(&field.fields, depth + 1, out);
    }
}

fn text_problems(dissection: &Dissection<'_>, paint: Paint, out: &mut Vec<u8>) {
    for problem in &dissection.problems {
        let severity = problem.code.severity();
        let label = paint.severity(severity, &format!("{severity} {}", problem.code));
        let range = &problem.range;
        writeln!(out, "    ! {label} at {}..{}: {}", range.start, range.end, problem.text).unwrap();
    }
}

/// Every file of the corpus that is opened as a capture, a stream or a seed of either.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn every_row_of_the_corpus_is_written_as_by_way_of_a_tree() {
    let mut rows = 0;
    for path in files() {
        let Ok(index) = read(Source::open(&path).unwrap(), &Options::default(), &mut |_| true) else {
            continue;
        };
        let (mut json, mut csv, mut text) = (Vec::new(), Vec::new(), Vec::new());
        for (number, row) in index.rows() {
            let bytes = index.row_bytes(&row, display_limit(&row), &mut index.reader()).unwrap();
            let dissection = index.dissect(number, &bytes);
            json_row(&index, number, &row, &dissection, &mut json);
            csv_row(&index, number, &row, &dissection, &mut csv);
            if number > RowId::default() {
                text.push(b'\n');
            }
            text_row(&index, number, &row, &dissection, &mut text);
            rows += 1;
        }
        let all = &mut RowSelection::all();
        let (mut direct_json, mut direct_csv, mut direct_text) = (Vec::new(), Vec::new(), Vec::new());
        write_json(&index, all, &mut direct_json).unwrap();
        write_csv(&index, all, &mut direct_csv).unwrap();
        write_text(&index, all, Paint::Ansi, &mut direct_text).unwrap();
        let header = direct_csv.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let same = |direct: &[u8], expected: &[u8]| {
            let (direct, expected) = (String::from_utf8_lossy(direct), String::from_utf8_lossy(expected));
            let differ = direct.lines().zip(expected.lines()).find(|(a, b)| a != b);
            assert_eq!(differ, None, "{}", path.display());
            assert!(direct == expected, "{}", path.display());
        };
        same(&direct_json, &json);
        same(direct_csv.get(header..).unwrap(), &csv);
        same(&direct_text, &text);
    }
    assert!(rows > 2000, "the corpus is incomplete: {rows} rows");
}

/// What a protocol may report, in any order.
#[derive(Clone, Debug)]
enum Event {
    Field(&'static str, usize, usize, Value<'static>),
    Begin(&'static str, usize, usize, Value<'static>),
    End,
    Problem(Code, usize, usize, String),
    Summary(String),
}

fn event() -> impl Strategy<Value = Event> {
    let name = || prop_oneof![Just("flags"), Just("a"), Just("odd \"name\"\n"), Just("")];
    let value = || {
        prop_oneof![
            3 => any::<bool>().prop_map(Value::Bool),
            2 => Just(Value::Group),
            1 => Just(Value::Missing),
            1 => any::<u64>().prop_map(Value::Hex),
            1 => ".{0,5}".prop_map(|text| Value::Text(text.into())),
            1 => any::<u64>().prop_map(|value| Value::Enum(Kind::new(value, None))),
        ]
    };
    prop_oneof![
        4 => (name(), 0..99usize, 0..99usize, value()).prop_map(|(n, at, end, v)| Event::Field(n, at, end, v)),
        3 => (name(), 0..99usize, 0..99usize, value()).prop_map(|(n, at, end, v)| Event::Begin(n, at, end, v)),
        3 => Just(Event::End),
        1 => (proptest::sample::select(Code::ALL), 0..99usize, 0..99usize, ".{0,9}")
            .prop_map(|(code, at, end, text)| Event::Problem(code, at, end, text)),
        1 => ".{0,9}".prop_map(Event::Summary),
    ]
}

fn report<'a>(events: &'a [Event], visit: &mut dyn Visit<'a>) {
    for event in events {
        match event {
            Event::Field(name, at, end, value) => visit.field(name, *at..*end, value.clone()),
            Event::Begin(name, at, end, value) => visit.begin(name, *at..*end, value.clone()),
            Event::End => visit.end(),
            Event::Problem(code, at, end, text) => visit.problem(*code, *at..*end, format_args!("{text}")),
            Event::Summary(text) => visit.summary(format_args!("{text}")),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_reported_is_written_as_by_way_of_a_tree(events in proptest::collection::vec(event(), 0..30)) {
        let mut tree = Dissection::default();
        report(&events, &mut tree);
        let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();

        let mut json = json::JsonDissection::default();
        report(&events, &mut json);
        json.finish();
        prop_assert_eq!(format!("[{}]", string(&json.fields)), serde_json::to_string(&tree.fields).unwrap());
        prop_assert_eq!(format!("[{}]", string(&json.problems)), serde_json::to_string(&tree.problems).unwrap());
        prop_assert_eq!(format!("\"{}\"", string(&json.summary)), serde_json::to_string(&tree.summary).unwrap());

        let mut text = text::TextDissection::default();
        report(&events, &mut text);
        text.finish();
        let (mut fields, mut problems) = (Vec::new(), Vec::new());
        text_fields(&tree.fields, 1, &mut fields);
        text_problems(&tree, Paint::Plain, &mut problems);
        prop_assert_eq!(string(&text.fields), string(&fields));
        prop_assert_eq!(string(&text.problems), string(&problems));
        prop_assert_eq!(string(&text.summary), tree.summary);
    }
}
