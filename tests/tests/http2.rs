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
