//! The recorded WebSockets, compared with what their programs logged and with what tshark sees of each frame.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use framescope_capture::export::hex;
use framescope_capture::{FlowId, Index, Options, RowId, Source, read};
use framescope_inspect::Reading;
use framescope_oracles::check_index;
use framescope_parser::{Code, Direction, Dissection, Value};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use support::{Tcp, assert_accepted, corpus, printed, read_with, tcp_pcap};

/// The cases, with how many messages and frames each has, and of how many of these tshark shows the contents.
const CASES: [(&str, usize, usize, usize); 4] = [
    ("websocket-chat", 22, 28, 24),
    ("websocket-tls", 22, 28, 24),
    ("websocket-missive", 10, 15, 0),
    ("websocket-libraries", 118, 198, 99),
];

fn folder(case: &str) -> PathBuf {
    corpus().join("carriers").join(case)
}

fn options(rules: &[&str]) -> Options {
    let decode_as = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    Reading { decode_as, ..Reading::default() }.options()
}

fn open(case: &str, rules: &[&str]) -> Index {
    let path = folder(case).join("capture.pcapng");
    read(Source::open(&path).unwrap(), &options(rules), &mut |_| true).unwrap()
}

#[test]
fn what_is_printed_is_what_was_accepted() {
    for (case, ..) in CASES {
        let index = open(case, &[]);
        check_index(&index);
        assert_accepted(&printed(&index), &folder(case).join("expected.txt"));
    }
}

fn lines(case: &str, file: &str) -> Vec<String> {
    fs::read_to_string(folder(case).join(file)).unwrap().lines().map(str::to_owned).collect()
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The addresses of a direction of a flow.
fn ends(index: &Index, flow: FlowId, direction: Direction) -> Option<(String, String)> {
    let row = index.stream_rows(flow, direction).next()?;
    let (src, dst) = index.endpoints(&index.row(row).unwrap())?;
    Some((src.to_string(), dst.to_string()))
}

fn row_bytes(index: &Index, row: RowId) -> Vec<u8> {
    let row = index.row(row).unwrap();
    index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap()
}

/// What each side sent in a channel, message by message as far as rows show it.
type Said = BTreeMap<(String, String, String), Vec<Vec<u8>>>;

/// What came out of the channels.
fn said(index: &Index) -> Said {
    let mut all = Said::new();
    for (flow, about) in index.flows() {
        let Some(channel) = about.carried().and_then(|carried| carried.name().strip_prefix("websocket."))
        else {
            continue;
        };
        for direction in [Direction::Forward, Direction::Backward] {
            if let Some((src, dst)) = ends(index, flow, direction) {
                let rows = index.stream_rows(flow, direction).map(|row| row_bytes(index, row)).collect();
                all.insert((src, dst, channel.to_owned()), rows);
            }
        }
    }
    all
}

/// The same as the programs logged it: a length, and what identifies the bytes.
fn agrees_with_what_was_sent(case: &str, index: &Index, expected: usize) {
    let mut found = said(index);
    let mut compared = 0;
    for line in lines(case, "sent.jsonl") {
        let sent: Json = serde_json::from_str(&line).unwrap();
        let text = |name: &str| sent[name].as_str().unwrap_or_default().to_owned();
        let length = usize::try_from(sent["length"].as_u64().unwrap()).unwrap();
        if length == 0 {
            continue;
        }
        let key = (text("src"), text("dst"), text("channel"));
        let rows = found.get_mut(&key).unwrap_or_else(|| panic!("nothing of {key:?}"));
        // A binary message may have several messages of another protocol in it.
        let mut bytes = Vec::new();
        while bytes.len() < length && !rows.is_empty() {
            bytes.extend(rows.remove(0));
        }
        match (sent["text"].as_str(), sent["hex"].as_str()) {
            (Some(said), _) => assert_eq!(String::from_utf8_lossy(&bytes), said, "{case}"),
            (_, Some(said)) => assert_eq!(hex(&bytes), said, "{case}"),
            _ => assert_eq!(digest(&bytes), text("sha256"), "{case}: {length} bytes"),
        }
        compared += 1;
    }
    assert!(found.values().all(Vec::is_empty), "messages of {case} that were not sent");
    assert_eq!(compared, expected, "{case}");
}

#[test]
fn every_message_is_the_one_that_was_sent() {
    for (case, messages, ..) in CASES {
        agrees_with_what_was_sent(case, &open(case, &[]), messages);
    }
}

/// The frames of each side, by connection.
fn frames(index: &Index) -> BTreeMap<(String, char), Vec<RowId>> {
    let mut all = BTreeMap::new();
    let upgraded =
        index.flows().filter(|(_, flow)| flow.carried().is_some_and(|one| one.name() == "http.upgrade"));
    for (connection, (flow, _)) in upgraded.enumerate() {
        for (direction, side) in [(Direction::Forward, 'c'), (Direction::Backward, 's')] {
            all.insert((connection.to_string(), side), index.stream_rows(flow, direction).collect());
        }
    }
    all
}

/// A frame as tshark's lines have it, without its contents.
fn frame_line(frame: &Dissection<'_>) -> String {
    let number = |path: &str| frame.field(path).and_then(|field| field.value.as_u64());
    let shown = |path: &str| number(path).map_or("-".to_owned(), |number| number.to_string());
    let key = match frame.field("masking_key").map(|key| &key.value) {
        Some(Value::Bytes(key)) => hex(key),
        _ => "-".to_owned(),
    };
    let [opcode, fin, packed, length] = ["opcode", "fin", "rsv1", "length"].map(shown);
    format!("{opcode} {fin} {packed} {key} {length} {}", shown("payload.code"))
}

/// The message that a frame brought a part of, or what a PING or PONG has.
fn contents(index: &Index, row: RowId, frame: &Dissection<'_>) -> Vec<u8> {
    match frame.field("payload").map(|payload| &payload.value) {
        Some(payload) if frame.kind.is_some_and(|kind| matches!(kind.name, Some("PING" | "PONG"))) => {
            payload.as_bytes().unwrap().to_vec()
        }
        _ => index
            .carries(&index.row(row).unwrap(), 100)
            .into_iter()
            .flat_map(|row| row_bytes(index, row))
            .collect(),
    }
}

/// How many frames and contents are those that tshark sees.
fn agrees_with_tshark(case: &str) -> (usize, usize) {
    let index = open(case, &[]);
    let mut found = frames(&index);
    let mut compared = (0, 0);
    // tshark does not unpack a compressed message in fragments. Those after it refer to it, and it shows wrong texts for them.
    let mut astray: BTreeSet<(String, char)> = BTreeSet::new();
    for line in lines(case, "tshark.txt").iter().filter(|line| !line.starts_with('#')) {
        let (rest, digest_of_contents) = line.rsplit_once(' ').unwrap();
        let mut parts = rest.splitn(3, ' ');
        let (stream, side) = (parts.next().unwrap(), parts.next().unwrap().chars().next().unwrap());
        let side = (stream.to_owned(), side);
        let row = found.get_mut(&side).unwrap().remove(0);
        let bytes = row_bytes(&index, row);
        let frame = index.dissect(row, &bytes);
        assert_eq!(frame_line(&frame), parts.next().unwrap(), "{case}: connection {stream}");
        compared.0 += 1;
        let number = |name: &str| frame.field(name).unwrap().value.as_u64();
        let is_packed = match number("opcode") {
            Some(0) => astray.contains(&side),
            _ => number("rsv1") == Some(1),
        };
        if is_packed && number("fin") == Some(0) {
            astray.insert(side.clone());
        }
        if digest_of_contents != "-" && !(is_packed && astray.contains(&side)) {
            let contents = contents(&index, row, &frame);
            assert_eq!(digest(&contents), digest_of_contents, "{case}: {line}");
            compared.1 += 1;
        }
    }
    assert!(found.values().all(Vec::is_empty), "tshark does not see all frames of {case}");
    compared
}

#[test]
fn every_frame_is_the_one_that_tshark_sees() {
    for (case, _, frames, contents) in CASES {
        assert_eq!(agrees_with_tshark(case), (frames, contents), "{case}");
    }
}

#[test]
fn the_users_own_protocol_is_read_in_the_binary_messages() {
    for rules in [&[][..], &["websocket.binary:path=/frames=missive"]] {
        let index = open("websocket-missive", rules);
        let kinds: Vec<String> = index
            .rows()
            .filter(|(_, row)| {
                index.flow(row.flow()).unwrap().carried().is_some_and(|one| one.name() == "websocket.binary")
            })
            .map(|(_, row)| index.kind(&row).unwrap_or("-").to_owned())
            .collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "DATA").count(), 3, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| *kind == "ACK").count(), 4, "{kinds:?}");
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_is_read_by_a_rule() {
    let frame = |text: &str| [&[0x81, text.len() as u8], text.as_bytes()].concat();
    let all: Vec<u8> = (0..30).flat_map(|number| frame(&format!("message number {number}"))).collect();
    // The beginning of the first one was before the capture.
    let segments: Vec<Tcp> = all[5..]
        .chunks(100)
        .zip(0..)
        .map(|(part, i)| Tcp { from_client: false, ..Tcp::data(201 + 100 * i, part) })
        .collect();
    let index = read_with(tcp_pcap(&segments), &options(&["tcp.port=9000=websocket"]));
    let text: Vec<u8> = said(&index).into_values().flatten().flatten().collect();
    let expected: String = (1..30).map(|number| format!("message number {number}")).collect();
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    let has = |code: Code| index.row_ids().any(|row| index.dissect(row, &row_bytes(&index, row)).has(code));
    assert!(has(Code::MidConversation) && !has(Code::InvalidUtf8));
}
