//! The recorded HTTP/2 connections in corpus/carriers: what is printed of them, that what they carry is read again from the file as it
//! was handed on, and that tshark finds the same.

// A test stops where an assumption of its helpers does not hold.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use framescope_capture::{Index, Source, read};
use framescope_carriers::protobuf::Schema;
use framescope_inspect::Reading;
use framescope_oracles::check_index;
use framescope_parser::{Dissection, Field, SpanType};
use support::{assert_accepted, corpus, printed};

/// The cases, each with the messages of a `.proto` file or without.
const CASES: [(&str, &str, bool); 4] = [
    ("http2", "expected.txt", false),
    ("grpc", "expected.txt", true),
    ("http2-tls", "expected.txt", false),
    ("grpc", "numbers.txt", false),
];

fn folder(name: &str) -> PathBuf {
    fs::canonicalize(corpus().join("carriers").join(name)).unwrap()
}

fn index(name: &str, with_schema: bool) -> Index {
    let schema =
        with_schema.then(|| Arc::new(Schema::from_files(&[folder(name).join("shop.proto")], &[]).unwrap()));
    let options = Reading { schema, ..Reading::default() }.options();
    read(Source::open(&folder(name).join("capture.pcapng")).unwrap(), &options, &mut |_| true).unwrap()
}

#[test]
fn what_is_printed_is_what_was_accepted() {
    for (name, file, with_schema) in CASES {
        let index = index(name, with_schema);
        check_index(&index);
        let mut printed = printed(&index);
        if file == "numbers.txt" {
            let is_grpc = |row: &&str| row.lines().next().is_some_and(|line| line.contains(" grpc "));
            printed = printed.split("\n\n").filter(is_grpc).collect::<Vec<_>>().join("\n\n");
        }
        assert_accepted(&printed, &folder(name).join(file));
    }
}

/// A direction of a connection: its ports, the sender's first.
type Ports = (String, String);

/// What tshark finds in fields, for each packet with any: the ports, and the values of each field.
fn tshark(name: &str, filter: &str, fields: &[&str]) -> Option<Vec<(Ports, Vec<Vec<String>>)>> {
    let well_known = tempfile::tempdir().unwrap();
    let imported = well_known.path().join("google/protobuf");
    fs::create_dir_all(&imported).unwrap();
    let timestamp = "syntax = \"proto3\";\npackage google.protobuf;\nmessage Timestamp { int64 seconds = 1; int32 nanos = 2; }\n";
    fs::write(imported.join("timestamp.proto"), timestamp).unwrap();
    let search =
        |path: &Path, loads: &str| format!("uat:protobuf_search_paths:\"{}\",\"{loads}\"", path.display());
    let output = Command::new("tshark")
        .args(["-n", "-T", "fields", "-E", "aggregator=\u{1f}", "-E", "separator=/t", "-Y", filter])
        .args(["-o", &search(&folder(name), "TRUE"), "-o", &search(well_known.path(), "FALSE")])
        .args(["-d", "tcp.port==50061,http2", "-d", "tcp.port==8082,http2", "-d", "tcp.port==8083,http2"])
        .args(["-d", "tcp.port==8084,http", "-e", "tcp.srcport", "-e", "tcp.dstport"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(folder(name).join("capture.pcapng"))
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = |line: &str| {
        let mut columns = line.split('\t').map(str::to_owned);
        let ports = (columns.next().unwrap(), columns.next().unwrap());
        let values = |column: String| match &*column {
            "" => Vec::new(),
            values => values.split('\u{1f}').map(str::to_owned).collect(),
        };
        (ports, columns.map(values).collect())
    };
    Some(String::from_utf8(output.stdout).unwrap().lines().map(line).collect())
}

/// All values of each field, one after another, by direction.
fn by_direction(found: Vec<(Ports, Vec<Vec<String>>)>) -> BTreeMap<Ports, Vec<Vec<String>>> {
    let mut all: BTreeMap<Ports, Vec<Vec<String>>> = BTreeMap::new();
    for (ports, fields) in found {
        let known = all.entry(ports).or_insert_with(|| vec![Vec::new(); fields.len()]);
        known.iter_mut().zip(fields).for_each(|(known, values)| known.extend(values));
    }
    all
}

/// Every message of a protocol, with the ports of its direction.
fn for_each_message(index: &Index, protocol: &str, mut each: impl FnMut(Ports, &[u8], &Dissection<'_>)) {
    let mut reader = index.reader();
    for (number, row) in index.rows() {
        if row.span_type != SpanType::Message || index.protocol(&row).is_none_or(|one| one.name() != protocol)
        {
            continue;
        }
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
        let (from, to) = index.endpoints(&row).unwrap();
        let ports = (from.port().to_string(), to.port().to_string());
        each(ports, &bytes, &index.dissect(number, &bytes));
    }
}

/// What differs, by direction.
fn compare(
    name: &str,
    what: &str,
    ours: &BTreeMap<Ports, Vec<String>>,
    theirs: &BTreeMap<Ports, Vec<String>>,
) -> usize {
    for ports in ours.keys().chain(theirs.keys()) {
        let (ours, theirs) = (ours.get(ports), theirs.get(ports));
        let (ours, theirs) = (ours.map_or(&[][..], |ours| ours), theirs.map_or(&[][..], |theirs| theirs));
        let place = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
        let place = place.or((ours.len() != theirs.len()).then_some(ours.len().min(theirs.len())));
        if let Some(place) = place {
            panic!(
                "{name} {ports:?}: the {what} differ at {place} of {} and {}: {:?} and tshark's {:?}",
                ours.len(),
                theirs.len(),
                ours.iter().skip(place).take(3).collect::<Vec<_>>(),
                theirs.iter().skip(place).take(3).collect::<Vec<_>>()
            );
        }
    }
    ours.values().map(Vec::len).sum()
}

#[test]
fn tshark_finds_the_same_frames() {
    for (name, _, _) in &CASES[..3] {
        let fields = ["http2.length", "http2.type", "http2.flags", "http2.streamid"];
        let Some(found) = tshark(name, "http2.type", &fields) else { return eprintln!("there is no tshark") };
        let mut theirs: BTreeMap<Ports, Vec<String>> = BTreeMap::new();
        for (ports, columns) in by_direction(found) {
            let number = |text: &String| match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
                None => text.parse().unwrap(),
            };
            let row = |at: usize| {
                columns.iter().map(|column| number(&column[at]).to_string()).collect::<Vec<_>>().join(" ")
            };
            theirs.insert(ports, (0..columns[0].len()).map(row).collect());
        }
        let mut ours: BTreeMap<Ports, Vec<String>> = BTreeMap::new();
        for_each_message(&index(name, false), "http2", |ports, _, message| {
            if message.field("preface").is_none() {
                let value = |path| message.field(path).unwrap().value.as_u64().unwrap().to_string();
                ours.entry(ports)
                    .or_default()
                    .push(["length", "type", "flags", "stream"].map(value).join(" "));
            }
        });
        assert!(compare(name, "frames", &ours, &theirs) > 10);
    }
}

/// The header fields of a translated message, as HTTP/2 has them.
fn header_fields(message: &[u8]) -> Vec<String> {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(message.len());
    let text = String::from_utf8(message[..end].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let mut fields: Vec<String> = match first[..] {
        ["HTTP/2", status] => vec![format!(":status: {status}")],
        ["TRAILERS" | "BODY", _] => Vec::new(),
        [method, path, _] => vec![format!(":method: {method}"), format!(":path: {path}")],
        _ => panic!("{first:?}"),
    };
    let is_ours = |line: &&str| {
        ![":stream: ", ":pushed-on: ", ":incomplete: ", ":upgraded: "].iter().any(|own| line.starts_with(own))
    };
    fields.extend(lines.filter(is_ours).map(str::to_owned));
    fields
}

#[test]
fn tshark_finds_the_same_header_fields() {
    for (name, _, _) in &CASES[..3] {
        let fields = ["http2.header.name", "http2.header.value"];
        let Some(found) = tshark(name, "http2.header", &fields) else {
            return eprintln!("there is no tshark");
        };
        let mut theirs: BTreeMap<Ports, Vec<String>> = BTreeMap::new();
        for (ports, columns) in by_direction(found) {
            let pairs = columns[0].iter().zip(&columns[1]).map(|(name, value)| match (&**name, &**value) {
                // tshark ends this value at its first byte, a zero.
                ("trace-bin", "") => "trace-bin: AAEC".to_owned(),
                (name, value) => format!("{name}: {value}"),
            });
            theirs.insert(ports, pairs.collect());
        }
        let mut ours: BTreeMap<Ports, Vec<String>> = BTreeMap::new();
        for_each_message(&index(name, false), "http", |ports, bytes, _| {
            let text = String::from_utf8_lossy(bytes);
            let first = text.lines().next().unwrap_or_default();
            // The request before an upgrade was in HTTP/1.1.
            let is_of_http2 = first.starts_with("HTTP/2 ") || first.ends_with(" HTTP/2");
            if is_of_http2 && !text.contains("\r\n:upgraded: ") {
                ours.entry(ports).or_default().extend(header_fields(bytes));
            }
        });
        // Messages are handed on when they end, and the first line comes first.
        ours.values_mut().chain(theirs.values_mut()).for_each(|fields| fields.sort());
        // After a client has allowed a table of 256 bytes only, tshark finds no header fields of its server.
        let all = ours.len();
        ours.retain(|ports, _| theirs.contains_key(ports));
        assert!(
            all - ours.len() <= 1,
            "{name}: tshark finds no header fields in {} directions",
            all - ours.len()
        );
        assert!(compare(name, "header fields", &ours, &theirs) > 20);
    }
}

#[test]
fn tshark_finds_the_same_messages_of_grpc() {
    let fields = ["grpc.compressed_flag", "grpc.message_length"];
    let Some(found) = tshark("grpc", "grpc", &fields) else { return eprintln!("there is no tshark") };
    let mut theirs: BTreeMap<Ports, Vec<String>> = BTreeMap::new();
    for (ports, columns) in by_direction(found) {
        theirs.insert(
            ports,
            columns[0].iter().zip(&columns[1]).map(|(flag, length)| format!("{flag} {length}")).collect(),
        );
    }
    let (mut ours, mut names): (BTreeMap<_, Vec<String>>, BTreeMap<_, Vec<String>>) = Default::default();
    for_each_message(&index("grpc", true), "grpc", |ports: Ports, _, message| {
        let value = |path| message.field(path).unwrap().value.as_u64().unwrap().to_string();
        ours.entry(ports.clone()).or_default().push(["flags", "length"].map(value).join(" "));
        // Of a method that the schema does not have, each finds what it can.
        let is_known = message.kind.and_then(|kind| kind.name) != Some("message");
        let payload =
            message.field("payload").filter(|_| is_known).map_or(&[][..], |payload| &payload.fields);
        names.entry(ports).or_default().extend(leaves(payload));
    });
    assert!(compare("grpc", "messages", &ours, &theirs) > 20);
    let Some(found) = tshark("grpc", "protobuf", &["protobuf.field.name"]) else { return };
    let mut theirs: BTreeMap<Ports, Vec<String>> = BTreeMap::new();
    for (ports, columns) in by_direction(found) {
        theirs
            .entry(ports)
            .or_default()
            .extend(columns.into_iter().flatten().filter(|name| name != "<UNKNOWN>"));
    }
    assert!(compare("grpc", "fields", &names, &theirs) > 100);
}

/// The names of fields in their order; a list of numbers is one field.
fn leaves(fields: &[Field<'_>]) -> Vec<String> {
    let mut names = Vec::new();
    for field in fields {
        names.push(field.name.to_owned());
        if field.fields.first().is_some_and(|first| first.name != field.name) {
            names.extend(leaves(&field.fields));
        }
    }
    names
}
