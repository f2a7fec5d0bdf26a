//! The recorded HTTP/2 connections in corpus/carriers: what is printed of them, that what they carry is read again from the file as it
//! was handed on, and that tshark finds the same.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use framescope_capture::export::{Paint, RowSelection, write_text};
use framescope_capture::{Index, Options, Source, read};
use framescope_carriers::protobuf::Schema;
use framescope_carriers::tls::Secrets;
use framescope_oracles::check_index;
use framescope_parser::built_in;
use support::corpus;

/// The cases, each with the messages of a `.proto` file or without.
const CASES: [(&str, &str, bool); 3] =
    [("http2", "expected.txt", false), ("grpc", "expected.txt", true), ("grpc", "numbers.txt", false)];

fn folder(name: &str) -> PathBuf {
    corpus().join("carriers").join(name)
}

fn index(name: &str, with_schema: bool) -> Index {
    let schema =
        with_schema.then(|| Arc::new(Schema::from_files(&[folder(name).join("shop.proto")], &[]).unwrap()));
    let carriers = framescope_carriers::all(&Arc::new(Secrets::new()), schema.as_ref());
    let protocols = built_in().into_iter().chain(carriers).collect();
    let options = Options { protocols, ..Options::default() };
    read(Source::open(&folder(name).join("capture.pcapng")).unwrap(), &options, &mut |_| true).unwrap()
}

#[test]
fn what_is_printed_is_what_was_accepted() {
    for (name, file, with_schema) in CASES {
        let index = index(name, with_schema);
        check_index(&index);
        let mut printed = Vec::new();
        write_text(&index, &mut RowSelection::all(), Paint::Plain, &mut printed).unwrap();
        let mut printed = String::from_utf8(printed).unwrap();
        if file == "numbers.txt" {
            let is_grpc = |row: &&str| row.lines().next().is_some_and(|line| line.contains(" grpc "));
            printed = printed.split("\n\n").filter(is_grpc).collect::<Vec<_>>().join("\n\n");
        }
        let path = folder(name).join(file);
        let expected = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        if std::env::var_os("FRAMESCOPE_ACCEPT").is_some() {
            fs::write(&path, &printed).unwrap();
        } else {
            assert!(printed == expected, "{name}: read what `FRAMESCOPE_ACCEPT=1` writes to {file}");
        }
    }
}

/// A direction of a connection: its ports, the sender's first.
type Ports = (String, String);

/// What tshark finds in fields, for each packet with any: the ports, and the values of each field.
fn tshark(name: &str, filter: &str, fields: &[&str]) -> Option<Vec<(Ports, Vec<Vec<String>>)>> {
    let search = format!("uat:protobuf_search_paths:\"{}\",\"TRUE\"", folder(name).display());
    let output = Command::new("tshark")
        .args(["-n", "-T", "fields", "-E", "aggregator=\u{1f}", "-E", "separator=/t", "-Y", filter, "-o", &search])
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
        let values = |column: String| column.split('\u{1f}').filter(|one| !one.is_empty()).map(str::to_owned).collect();
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
        let flow = index.flow(row.flow()).unwrap();
        let spoken = index.stream_protocol(row.flow(), row.direction()).map(|protocol| protocol.name().to_owned());
        if row.span_type != SpanType::Message || spoken.as_deref() != Some(protocol) {
            continue;
        }
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
        let (source, destination) = flow.sender_and_receiver(row.direction());
        let ports = (source.port().to_string(), destination.port().to_string());
        each(ports, &bytes, &index.dissect(number, &bytes));
    }
}
