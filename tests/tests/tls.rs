//! The recorded TLS connections in corpus/carriers: what is listed of them, and that what is decrypted is what tshark decrypts.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::fs;
use std::path::PathBuf;

use framescope_capture::export::{RowSelection, write_csv, write_flows_json, write_packets};
use framescope_capture::{Index, Source, read};
use framescope_inspect::Reading;
use framescope_oracles::check_index;
use framescope_parser::Direction;
use serde_json::Value as Json;
use support::{assert_accepted, corpus};

const CASES: [&str; 3] = ["tls-1.2", "tls-1.3", "tls-python"];

fn folder(case: &str) -> PathBuf {
    corpus().join("carriers").join(case)
}

fn open(case: &str) -> Index {
    read_all(Source::open(&folder(case).join("capture.pcapng")).unwrap())
}

fn read_all(source: Source) -> Index {
    read(source, &Reading::default().options(), &mut |_| true).unwrap()
}

#[test]
fn what_is_listed_is_what_was_accepted() {
    for case in CASES {
        let index = open(case);
        check_index(&index);
        let mut listed = Vec::new();
        write_csv(&index, &mut RowSelection::all(), &mut listed).unwrap();
        let listed = String::from_utf8(listed).unwrap();
        assert_accepted(&listed, &folder(case).join("expected.csv"));
    }
}

#[test]
fn what_is_carried_is_what_tshark_decrypts() {
    for case in CASES {
        let index = open(case);
        let mut flows = Vec::new();
        write_flows_json(&index, &mut flows).unwrap();
        let flows: Vec<Json> = String::from_utf8(flows)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let is_outer = |flow: &&Json| flow["carried_in"].is_null();
        let mut found = String::new();
        for (number, outer) in flows.iter().filter(is_outer).enumerate() {
            let is_data = |flow: &&Json| flow["carried_in"] == "tls" && flow["carried_by"] == outer["flow"];
            let data = flows.iter().find(is_data);
            for (side, direction) in [("client", "forward"), ("server", "backward")] {
                // A side that sent nothing has the digest of nothing.
                let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
                let (bytes, digest) = match data.map(|flow| &flow[direction]) {
                    Some(sent) => {
                        (sent["bytes"].as_u64().unwrap(), sent["sha256"].as_str().unwrap().to_owned())
                    }
                    None => (0, nothing.to_owned()),
                };
                found += &format!("{number} {side} {bytes} {digest}\n");
            }
        }
        let expected = fs::read_to_string(folder(case).join("tshark.txt")).unwrap();
        assert_eq!(found, expected.split_once('\n').unwrap().1, "{case}");
    }
}

/// How many messages and bytes there are of each flow, with what it is carried in.
fn counts(index: &Index) -> Vec<(String, [(u64, u64); 2])> {
    let all = index.flows().map(|(number, flow)| {
        let path = flow.carried().map_or("", |carried| carried.path()).to_owned();
        let count =
            |direction| index.stream(number, direction).map_or((0, 0), |one| (one.messages, one.bytes));
        (path, [Direction::Forward, Direction::Backward].map(count))
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

#[test]
fn a_handshake_is_followed_as_well_where_the_packets_that_open_the_connection_are_missing() {
    for case in ["tls-1.2", "tls-1.3", "websocket-tls"] {
        let whole = open(case);
        // Packets without a row are left out, and the secrets stay.
        let mut exported = Vec::new();
        write_packets(&whole, &mut RowSelection::all(), &mut exported).unwrap();
        let again = read_all(Source::from_bytes("exported", exported));
        assert!(again.flows().all(|(_, flow)| flow.connection().is_none_or(|one| one.opened.is_none())));
        assert_eq!(counts(&again), counts(&whole), "{case}");
    }
}
