//! Described conversations of real programs in captures that begin too late, that lost packets, or whose payloads are too
//! long for one packet of the protocol.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use framescope_capture::{Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_oracles::check_index;
use framescope_parser::{Code, SpanType, with_built_in};
use support::corpus;

const TALKS: [&str; 4] = ["amqp", "mysql", "postgresql", "smtp"];

fn options(name: &str) -> Options {
    let described = Described::from_file(&corpus().join("formats").join(name).with_extension("ksy")).unwrap();
    let usual = described.usual_places().into_iter().map(|place| format!("{place}={name}").parse().unwrap());
    Options {
        decode_as: usual.collect(),
        protocols: with_built_in(vec![Arc::new(described)]),
        ..Options::default()
    }
}

/// The capture of a format without some of its packets.
fn without(name: &str, lost: impl Fn(usize) -> bool) -> Index {
    let file = fs::read(corpus().join("formats").join(name).join("capture.pcapng")).unwrap();
    let (mut kept, mut at, mut packet) = (Vec::new(), 0, 0);
    while at < file.len() {
        let number = |from: usize| u32::from_le_bytes(file[from..from + 4].try_into().unwrap());
        let block = &file[at..at + number(at + 4) as usize];
        let is_packet = number(at) == 6;
        if !is_packet || !lost(packet) {
            kept.extend_from_slice(block);
        }
        packet += usize::from(is_packet);
        at += block.len();
    }
    read(Source::from_bytes("cut", kept), &options(name), &mut |_| true).unwrap()
}

type Message = (Option<i64>, Vec<u8>, String);

/// The messages of an index: when they were sent, their bytes, and what they are taken for.
fn messages(index: &Index) -> BTreeMap<Message, usize> {
    let (mut found, mut reader) = (BTreeMap::new(), index.reader());
    for (_, row) in index.rows().filter(|(_, row)| row.span_type == SpanType::Message) {
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
        let stage = index.stage(&row).map_or_else(String::new, |stage| stage.name.clone());
        let kind = format!("{stage} {}", index.kind(&row).unwrap_or(""));
        *found.entry((index.time_ns(&row), bytes, kind)).or_default() += 1;
    }
    found
}

/// The codes of all problems.
fn all_codes(index: &Index) -> BTreeSet<Code> {
    let (mut codes, mut reader) = (BTreeSet::new(), index.reader());
    for (number, row) in index.rows() {
        let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
        codes.extend(index.dissect(number, &bytes).problems.iter().map(|problem| problem.code));
    }
    codes
}

/// How many of the messages that are found are those of the whole capture, and how many there are.
fn same(whole: &BTreeMap<Message, usize>, found: &BTreeMap<Message, usize>) -> (usize, usize) {
    (found.keys().filter(|message| whole.contains_key(message)).count(), found.len())
}

#[test]
fn a_capture_that_begins_inside_a_conversation_says_so_and_reads_most_of_what_follows() {
    for name in TALKS {
        let whole = messages(&without(name, |_| false));
        for cut in [7, 20, 45, 70] {
            let index = without(name, |packet| packet < cut);
            check_index(&index);
            let (same, all) = same(&whole, &messages(&index));
            // What was set before is unknown, such as the types of a statement's parameters.
            assert!(4 * same >= 3 * all, "{name}: {same} of {all} messages after packet {cut} are the same");
            assert!(all_codes(&index).contains(&Code::MidConversation), "{name} after packet {cut}");
        }
    }
}

#[test]
fn a_lost_packet_costs_few_messages_of_its_conversation() {
    for name in TALKS {
        let whole = messages(&without(name, |_| false));
        for lost in [8, 21, 34, 47, 60, 73, 86, 99, 112] {
            let index = without(name, |packet| packet == lost);
            check_index(&index);
            let (same, all) = same(&whole, &messages(&index));
            assert!(
                20 * same >= 17 * all,
                "{name}: {same} of {all} messages without packet {lost} are the same"
            );
            assert!(
                20 * all >= 19 * whole.len(),
                "{name}: {all} of {} messages without packet {lost}",
                whole.len()
            );
        }
    }
}

#[test]
fn payloads_that_fill_a_packet_of_mysql_go_on_in_the_next() {
    let capture = corpus().join("formats/mysql/long.pcapng.gz");
    let index = read(Source::open(&capture).unwrap(), &options("mysql"), &mut |_| true).unwrap();
    let rows: Vec<(String, u64)> = index
        .rows()
        .map(|(_, row)| (format!("{} {}", row.type_name(), index.kind(&row).unwrap_or("")), row.length))
        .collect();
    let long: Vec<_> = rows.iter().filter(|(_, length)| *length > 0xff_ffff).collect();
    // A payload that fills its packet exactly is followed by an empty one.
    assert_eq!(*long[0], ("message COM_QUERY".to_owned(), 4 + 0xff_ffff + 4));
    // The row has a text of 0xffffff bytes with its length before it, and "and more" with its.
    assert_eq!(*long[1], ("message long row".to_owned(), 4 + (4 + 0xff_ffff) + 4 + 9));
    assert_eq!(long.len(), 2);
    assert!(rows.iter().all(|(kind, _)| kind.starts_with("message ")), "{rows:?}");
}
