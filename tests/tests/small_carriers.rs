//! The small carriers on recorded traffic of real programs, in corpus/carriers: what is printed of it, that what is carried is what the
//! programs' own decoders find, and that tshark finds the same fields.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]
#![allow(clippy::cast_possible_truncation)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use framescope_capture::{Index, Options, Source, read};
use framescope_carriers::small;
use framescope_oracles::check_index;
use framescope_parser::{Dissection, Field, Value, built_in};
use serde_json::Value as Json;
use support::{assert_accepted, corpus, printed};

/// The cases, and the rules for what shows by nothing.
const CASES: [(&str, &[&str]); 6] = [
    ("proxy", &[]),
    ("socks", &[]),
    ("starttls", &[]),
    ("rfc2217", &[]),
    // Small messages stand uncompressed in zstd's blocks, so that the frames inside would be found without it.
    ("compressed", &["tcp.port=9352=zlib", "tcp.port=9353=deflate", "tcp.port=9354=zstd"]),
    (
        "framings",
        &[
            "tcp.port=9341=cobs",
            "tcp.port=9342=cobsr",
            "tcp.port=9343=slip",
            "tcp.port=9344=base64",
            "tcp.port=9345=hex",
        ],
    ),
];

fn folder(name: &str) -> PathBuf {
    corpus().join("carriers").join(name)
}

fn index(name: &str) -> Index {
    let (_, rules) = CASES.into_iter().find(|(case, _)| *case == name).unwrap();
    let decode_as = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let protocols = built_in().into_iter().chain(small::all()).collect();
    open(name, Options { decode_as, protocols, ..Options::default() })
}

fn open(name: &str, options: Options) -> Index {
    read(Source::open(&folder(name).join("capture.pcapng")).unwrap(), &options, &mut |_| true).unwrap()
}

#[test]
fn every_small_carrier_prints_what_was_accepted() {
    for (name, _) in CASES {
        let index = index(name);
        check_index(&index);
        assert_accepted(&printed(&index), &folder(name).join("expected.txt"));
    }
}

/// TLS recognises its records behind clear text as well, and HTTP is carried like all others.
#[test]
fn beside_the_other_carriers_each_is_recognised_as_well() {
    let of = |name: &str| {
        let carriers = framescope_carriers::all(&framescope_carriers::Options::default());
        let protocols = built_in().into_iter().chain(carriers).collect();
        let index = open(name, Options { protocols, ..Options::default() });
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for (_, row) in index.rows() {
            let path = index
                .flow(row.flow())
                .unwrap()
                .carried()
                .map_or(String::new(), |carried| carried.path().to_owned());
            let label = format!("{path} {}", index.kind(&row).unwrap_or_default());
            *found.entry(label).or_default() += 1;
        }
        found
    };
    let starttls = of("starttls");
    assert_eq!((starttls[" UPGRADE"], starttls[" ACCEPTED"], starttls[" SSL_REQUEST"]), (4, 4, 1));
    // One is sent although TLS was refused, and one after a HelloRetryRequest.
    assert_eq!(starttls["starttls/tls.handshake ClientHello"], 6, "{starttls:?}");
    let socks = of("socks");
    assert_eq!((socks[" REQUEST"], socks[" REPLY"]), (7, 7), "{socks:?}");
    assert_eq!((socks["socks GET"], socks.get("socks 200")), (4, Some(&4)), "{socks:?}");
}

/// The messages of each direction of a channel, in the order of their rows.
fn carried(index: &Index, channel: &str, from: &str) -> Vec<Vec<u8>> {
    let mut reader = index.reader();
    let is_from = |row: &_| (index.direction(row).as_str() == "forward") == (from == "client");
    let mut messages = Vec::new();
    for (_, row) in index.rows() {
        let flow = index.flow(row.flow()).unwrap();
        if flow.carried().is_some_and(|carried| carried.path() == channel) && is_from(&row) {
            messages.push(index.row_bytes(&row, usize::MAX, &mut reader).unwrap().to_vec());
        }
    }
    messages
}

fn from_hex(text: &Json) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn what_is_carried_is_what_the_packages_decode() {
    let mut compared = 0;
    for name in ["framings", "compressed", "rfc2217"] {
        let index = index(name);
        for line in fs::read_to_string(folder(name).join("carried.jsonl")).unwrap().lines() {
            let said: Json = serde_json::from_str(line).unwrap();
            let (channel, from) = (said["channel"].as_str().unwrap(), said["from"].as_str().unwrap());
            let found = carried(&index, channel, from);
            match said.get("messages").and_then(Json::as_array) {
                Some(messages) => {
                    let messages: Vec<Vec<u8>> = messages.iter().map(from_hex).collect();
                    assert_eq!(found, messages, "{channel} of the {from}");
                    compared += messages.len();
                }
                None => {
                    assert_eq!(found.concat(), from_hex(&said["bytes"]), "{channel} of the {from}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 5 * 2 * 4 + 4 * 2 + 2);
}

/// All values of a field, if the message is of a suboption with that name.
fn values(fields: &[Field<'_>], path: &str, suboption: Option<&str>, out: &mut Vec<String>) {
    let named = |field: &Field<'_>| match &field.value {
        Value::Enum(kind) => kind.name.map(str::to_owned),
        _ => None,
    };
    if suboption.is_some()
        && fields.iter().find(|field| field.name == "suboption").and_then(named).as_deref() != suboption
    {
        return;
    }
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    for field in fields.iter().filter(|field| field.name == first) {
        match rest {
            Some(rest) => values(&field.fields, rest, None, out),
            None => out.push(match field.value.as_u64() {
                Some(number) => number.to_string(),
                None => field
                    .value
                    .as_bytes()
                    .map_or_else(String::new, |text| String::from_utf8_lossy(text).into_owned()),
            }),
        }
    }
}

/// A number of tshark's in decimal, a text as it is.
fn plain(value: &str) -> String {
    let hex = value.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    hex.map_or_else(|| value.to_owned(), |number| number.to_string())
}

#[test]
fn tshark_finds_the_same_fields() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("there is no tshark to compare with");
        return;
    }
    let mut different = BTreeMap::new();
    for name in ["proxy", "socks", "rfc2217"] {
        let index = index(name);
        let mut reader = index.reader();
        let text = fs::read_to_string(folder(name).join("tshark.txt")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let (rules, fields): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("decode-as "));
        let fields: Vec<Vec<&str>> = fields.into_iter().map(|field| field.split(' ').collect()).collect();
        let mut tshark = Command::new("tshark");
        tshark.arg("-r").arg(folder(name).join("capture.pcapng")).args([
            "-T",
            "fields",
            "-E",
            "aggregator=|",
        ]);
        fields.iter().for_each(|field| {
            tshark.args(["-e", field[0]]);
        });
        for rule in &rules {
            tshark.args(["-d", rule.trim_start_matches("decode-as ")]);
        }
        let output = String::from_utf8_lossy(&tshark.output().unwrap().stdout).into_owned();
        for (column, field) in fields.iter().enumerate() {
            let cells = output.lines().filter_map(|line| line.split('\t').nth(column));
            let theirs: Vec<String> =
                cells.flat_map(|cell| cell.split('|')).filter(|value| !value.is_empty()).map(plain).collect();
            let mut found = Vec::new();
            for (number, row) in index.rows().filter(|(_, row)| index.level(row) == 0) {
                let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
                let shown: Dissection<'_> = index.dissect(number, &bytes);
                values(&shown.fields, field[1], field.get(2).copied(), &mut found);
            }
            if found != theirs || found.is_empty() {
                different.insert(field[0].to_owned(), (found, theirs));
            }
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}
