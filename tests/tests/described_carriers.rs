//! Described protocols that carry others, in corpus/carriers: what is printed of the recorded captures, and that what is carried is
//! what other tools find.

// A test stops where an assumption of its helpers does not hold.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stderr
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use framescope_capture::{FlowId, Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_oracles::check_index;
use framescope_parser::{Direction, Protocol, with_built_in};
use support::{assert_accepted, corpus, printed};

fn folder(name: &str) -> PathBuf {
    corpus().join("carriers").join(name)
}

/// Reads a capture with the description of its carrier, and another one of corpus/formats.
fn index(name: &str, inner: Option<&str>, rules: &[&str]) -> Index {
    let load = |path: &Path| -> Arc<dyn Protocol> {
        Arc::new(Described::from_file(path).unwrap_or_else(|error| panic!("{error}")))
    };
    let mut protocols = vec![load(&folder(name).join(name).with_extension("ksy"))];
    protocols.extend(inner.map(|inner| load(&corpus().join("formats").join(inner).with_extension("ksy"))));
    let decode_as = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let options = Options { decode_as, protocols: with_built_in(protocols), ..Options::default() };
    read(Source::open(&folder(name).join("capture.pcapng")).unwrap(), &options, &mut |_| true).unwrap()
}

/// The cases: the carrier, what it carries, and the rules.
const CASES: [(&str, Option<&str>, &[&str]); 3] = [
    ("fragments", Some("someip"), &["udp.port=30490=fragments"]),
    ("tftp", None, &["udp=tftp", "tftp.file=text"]),
    ("yamux", Some("json_prefixed"), &["tcp.port=4100=yamux", "yamux=json_prefixed"]),
];

#[test]
fn every_carrier_prints_what_was_accepted() {
    for (name, inner, rules) in CASES {
        let index = index(name, inner, rules);
        check_index(&index);
        assert_accepted(&printed(&index), &folder(name).join("expected.txt"));
    }
}

/// The bytes of each carried stream.
fn carried_files(index: &Index) -> Vec<Vec<u8>> {
    let mut reader = index.reader();
    let mut files: Vec<((FlowId, Direction), Vec<u8>)> = Vec::new();
    for (_, row) in index.rows() {
        if index.level(&row) > 0 {
            let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
            match files.iter_mut().find(|(known, _)| *known == (row.flow(), index.direction(&row))) {
                Some((_, file)) => file.extend_from_slice(&bytes),
                None => files.push(((row.flow(), index.direction(&row)), bytes.to_vec())),
            }
        }
    }
    files.into_iter().map(|(_, file)| file).collect()
}

/// tshark exports the files whose blocks are all there, in order or not.
#[test]
fn files_of_tftp_are_those_that_tshark_exports() {
    let Ok(exported) = tempfile::tempdir() else { return };
    let target = format!("tftp,{}", exported.path().display());
    let capture = folder("tftp").join("capture.pcapng");
    let tshark = Command::new("tshark")
        .args(["-q", "-d", "udp.port==6969,tftp", "--export-objects", &target, "-r"])
        .arg(capture)
        .output();
    if !tshark.is_ok_and(|output| output.status.success()) {
        eprintln!("tshark is not here: nothing was compared");
        return;
    }
    let index = index("tftp", None, &["udp=tftp", "tftp.file=text"]);
    let ours = carried_files(&index);
    let theirs: Vec<Vec<u8>> = fs::read_dir(exported.path())
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(theirs.len(), 4);
    for file in theirs {
        assert!(ours.contains(&file), "{} bytes", file.len());
    }
}
