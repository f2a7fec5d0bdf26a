//! Carriers through the whole pipeline: what their messages carry has flows of its own, at every level, whose bytes lead back to the
//! packets; and the promises hold there as well.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::sync::Arc;

use framescope_capture::{FlowId, Index, Options, RowId};
use framescope_oracles::mux::{self, Mux};
use framescope_parser::missive::{FrameBuf, Kind};
use framescope_parser::{Direction, Protocol, with_built_in};
use support::{Tcp, read_with, tcp_pcap};

fn options(rules: &[&str]) -> Options {
    let protocols = with_built_in(vec![Arc::new(Mux::default()) as Arc<dyn Protocol>]);
    let decode_as = ["tcp=mux"].iter().chain(rules).map(|rule| rule.parse().unwrap()).collect();
    Options { protocols, decode_as, ..Options::default() }
}

/// Both sides' segments in turn, from the SYN to the FIN.
fn conversation(said: &[(bool, &[u8])]) -> Vec<Tcp> {
    let mut segments =
        vec![Tcp::syn(100), Tcp { from_client: false, ack: true, acknowledged: 101, ..Tcp::syn(200) }];
    let mut next = [101_u32, 201];
    for (from_client, payload) in said {
        let (own, other) = if *from_client { (0, 1) } else { (1, 0) };
        let (from_client, acknowledged) = (*from_client, next[other]);
        segments.push(Tcp { from_client, acknowledged, ..Tcp::data(next[own], payload.to_vec()) });
        next[own] += payload.len() as u32;
    }
    segments.push(Tcp { acknowledged: next[1], ..Tcp::fin(next[0]) });
    segments.push(Tcp { from_client: false, acknowledged: next[0] + 1, ..Tcp::fin(next[1]) });
    segments
}

fn frame(text: &str) -> Vec<u8> {
    FrameBuf::new(Kind::DATA).payload(text.as_bytes().to_vec()).to_bytes().unwrap()
}

/// A row as its flow's path, direction, type, kind and bytes.
fn row_text(index: &Index, number: RowId) -> String {
    let row = index.row(number).unwrap();
    let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap();
    let path = index.flow(row.flow()).unwrap().carried().map_or("-", |carried| carried.path());
    let kind = index.kind(&row).unwrap_or("-");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let problems: Vec<String> =
        index.dissect(number, &bytes).problems.iter().map(|problem| problem.code.to_string()).collect();
    format!("{path} {} {} {kind} {text:?} {}", index.direction(&row), row.type_name(), problems.join(" "))
}

fn rows_in(index: &Index, path: &str) -> Vec<String> {
    let path = format!("{path} ");
    index.row_ids().map(|row| row_text(index, row)).filter(|row| row.starts_with(&path)).collect()
}

fn bytes_of(index: &Index, flow: FlowId, direction: Direction) -> Vec<u8> {
    let mut bytes = Vec::new();
    index.read_stream((flow, direction), 0..u64::MAX, &mut index.reader(), &mut bytes).unwrap();
    bytes
}

/// A conversation with a message of every kind of channel, three of them in another carrier.
fn everything() -> Vec<(bool, Vec<u8>)> {
    let nested =
        [mux::message(1, b"\x01inner"), mux::added(0x80, 1, b"\x02added inside"), mux::message(0xc0, b"ab")];
    vec![
        (true, mux::message(1, &frame("one")[..9])),
        (true, mux::message(0x41, b"\x01ada")),
        (false, mux::added(0x81, 2, &frame("from the server"))),
        (true, mux::message(1, &frame("one")[9..])),
        (true, mux::message(0x3f, &nested.concat()[..11])),
        (true, mux::message(0x3f, &nested.concat()[11..])),
        (true, mux::added(0x81, 6, &frame("from the client"))),
        (false, mux::message(0x41, b"\x03bob\x03")),
        (false, mux::message(0xc1, b"\x03xy")),
    ]
}

fn said(messages: &[(bool, Vec<u8>)]) -> Vec<(bool, &[u8])> {
    messages.iter().map(|(from_client, bytes)| (*from_client, &bytes[..])).collect()
}

#[test]
fn what_each_channel_carries_is_a_flow_with_rows_of_the_protocol_that_is_spoken_in_it() {
    let all = everything();
    let rules = ["mux.message=bare", "mux.double=bare", "mux.plain:number=1=missive"];
    let index = read_with(tcp_pcap(&conversation(&said(&all))), &options(&rules));
    assert_eq!(rows_in(&index, "-").len(), all.len());
    let contains = |path: &str, wanted: &[&str]| {
        let rows = rows_in(&index, path);
        assert_eq!(rows.len(), wanted.len(), "{rows:#?}");
        rows.iter().zip(wanted).for_each(|(row, wanted)| assert!(row.contains(wanted), "{row} {wanted}"));
    };
    contains("mux.plain", &["forward message DATA"]);
    contains(
        "mux.message",
        &[r#"forward message LOGIN "\u{1}ada""#, r#"backward message DATA "\u{3}bob\u{3}""#],
    );
    contains("mux.added", &["backward message DATA", "forward message DATA"]);
    contains("mux.double", &[r#""\u{3}\u{3}xxyy""#]);
    contains("mux.mux", &["0x01", "0x80", "0xc0"]);
    contains("mux.mux/mux.added", &["added inside"]);
    assert_eq!(index.flows().map(|(_, flow)| flow.level()).collect::<Vec<_>>(), [0, 1, 1, 1, 1, 2, 2, 2, 1]);
    // Of the carrier all; of what it carries those with which messages that brought some of it became complete.
    let packets: Vec<u32> = index.flows().map(|(_, flow)| flow.packets).collect();
    assert_eq!(packets, [13, 2, 2, 2, 2, 1, 1, 1, 1]);
    let inner = index.flows().find(|(_, flow)| flow.level() == 2).unwrap().0;
    assert_eq!(bytes_of(&index, inner, Direction::Forward), b"\x01inner");
    // A row leads to the packets that brought what it is carried in.
    let packets = |path: &str| {
        let of = |row: RowId| index.row(row).filter(|_| row_text(&index, row).starts_with(path));
        index.row_ids().filter_map(of).map(|row| index.row_packets(&row)).collect::<Vec<_>>()
    };
    let numbers = |packets: &[u32]| packets.iter().map(|number| (*number).into()).collect::<Vec<_>>();
    assert_eq!(packets("mux.plain forward"), [numbers(&[3, 6])]);
    assert_eq!(packets("mux.added "), [numbers(&[5]), numbers(&[9])]);
    // What is unpacked is from all of the message that carries it, which is in two packets here.
    assert_eq!(packets("mux.mux/mux.added"), [numbers(&[7, 8])]);
}

#[test]
fn rows_are_read_in_any_order_and_in_every_format_alike() {
    let all = everything();
    let index = read_with(tcp_pcap(&conversation(&said(&all))), &options(&["mux.message=bare"]));
    let forward: Vec<String> = index.row_ids().map(|row| row_text(&index, row)).collect();
    let mut backward: Vec<String> = index.row_ids().rev().map(|row| row_text(&index, row)).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    let every_third: Vec<String> = (0..forward.len() * 3)
        .map(|number| index.row_id((number * 7 % forward.len()) as u32).unwrap())
        .map(|row| row_text(&index, row))
        .collect();
    every_third.iter().enumerate().for_each(|(at, row)| assert_eq!(*row, forward[at * 7 % forward.len()]));
}

/// What there is of every path, whatever the order of the flows is.
fn all_rows(index: &Index) -> Vec<String> {
    let mut rows: Vec<String> = index.row_ids().map(|row| row_text(index, row)).collect();
    rows.sort();
    rows
}

#[test]
fn segmentation_does_not_matter_at_any_level() {
    let all = everything();
    let options = options(&["mux.message=bare", "mux.plain:number=1=missive", "mux.added=missive"]);
    let notes = |rows: Vec<String>| -> Vec<String> {
        rows.into_iter().map(|row| row.trim_end_matches(|c: char| c != '"').to_owned()).collect()
    };
    let whole = notes(all_rows(&read_with(tcp_pcap(&conversation(&said(&all))), &options)));
    for size in [1, 2, 3, 7, 50] {
        let cut: Vec<(bool, &[u8])> = said(&all)
            .into_iter()
            .flat_map(|(from_client, bytes)| bytes.chunks(size).map(move |chunk| (from_client, chunk)))
            .collect();
        let index = read_with(tcp_pcap(&conversation(&cut)), &options);
        assert_eq!(notes(all_rows(&index)), whole, "segments of {size}");
    }
}

#[test]
fn what_is_lost_costs_inside_only_the_messages_that_it_touches() {
    let all = everything();
    let options = options(&["mux.message=bare", "mux.plain:number=1=missive", "mux.added=missive"]);
    let segments = conversation(&said(&all));
    let whole = all_rows(&read_with(tcp_pcap(&segments), &options));
    for lost in 2..segments.len() - 2 {
        let mut rest = segments.clone();
        rest.remove(lost);
        let index = read_with(tcp_pcap(&rest), &options);
        let rows = all_rows(&index);
        let stays: Vec<&String> = whole.iter().filter(|row| rows.contains(row)).collect();
        // The number of messages before is wrong by one, so that what is added is, too.
        let stateless = |row: &&String| !row.contains("added") && !row.contains("mux.mux");
        let missing: Vec<&String> =
            whole.iter().filter(stateless).filter(|row| !stays.contains(row)).collect();
        // Itself, and what it carries, or a message that continues in another.
        assert!(missing.len() <= 3, "segment {lost}: {missing:#?}");
    }
}

#[test]
fn what_is_wrong_with_what_a_message_carries_is_a_problem_of_its_row() {
    let all = [(true, mux::message(1, b"x")), (true, mux::message(0xc0, b""))];
    let index = read_with(tcp_pcap(&conversation(&said(&all))), &options(&[]));
    let rows = rows_in(&index, "-");
    assert!(rows[1].ends_with("unpacking-failed"), "{rows:?}");
    assert!(!rows[0].contains("unpacking-failed"));
}

#[test]
fn carriers_in_one_another_end_somewhere() {
    let mut message = mux::message(1, b"core");
    for _ in 0..40 {
        message = mux::message(0x3f, &message);
    }
    let index = read_with(tcp_pcap(&conversation(&[(true, &message)])), &options(&[]));
    assert_eq!(index.flows().map(|(_, flow)| flow.level()).max(), Some(16));
    assert!(index.row_ids().any(|row| row_text(&index, row).ends_with("expands-too-much")));
}

#[test]
fn a_rule_for_a_channel_of_no_carrier_says_which_there_are() {
    let options = Options { decode_as: vec!["mox.plain=text".parse().unwrap()], ..options(&[]) };
    let source = framescope_capture::Source::from_bytes("x", *b"x");
    let error = framescope_capture::read(source, &options, &mut |_| true).unwrap_err().to_string();
    assert!(error.starts_with("'mox' carries nothing: ") && error.ends_with(" a channel of mux"), "{error}");
}

#[test]
fn each_part_of_a_carried_row_is_in_the_message_that_brought_it() {
    let all = everything();
    let index = read_with(tcp_pcap(&conversation(&said(&all))), &options(&["mux.plain:number=1=missive"]));
    let bytes =
        |row: RowId| index.row_bytes(&index.row(row).unwrap(), usize::MAX, &mut index.reader()).unwrap();
    let mut verbatim = 0;
    for (number, row) in index.rows() {
        let parts = index.carried_parts(&row);
        assert_eq!(parts.is_empty(), index.level(&row) == 0, "row {number}");
        let covered: u64 = parts.iter().map(|part| part.range.end - part.range.start).sum();
        assert!(parts.is_empty() || covered == row.length, "row {number}: {parts:?}");
        for part in parts {
            let outer = index.row(part.by).unwrap();
            assert!(index.channels_of(&outer).any(|flow| flow == row.flow()));
            assert!(index.carries(&outer, 99).contains(&number));
            let cut = |bytes: Vec<u8>, range: std::ops::Range<u64>| {
                bytes[range.start as usize..range.end as usize].to_vec()
            };
            if let Some(place) = part.place {
                assert_eq!(cut(bytes(number), part.range), cut(bytes(part.by), place), "row {number}");
                verbatim += 1;
            }
        }
    }
    assert!(verbatim > 3);
}
