//! Captures that grow while they are read: every row appears without anything being read again, and at the end all is as if the file
//! had been there from the beginning.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;

use framescope_capture::export::{RowSelection, write_json};
use framescope_capture::{DecodeAs, Growth, Index, Indexer, Options, Source, read};
use framescope_parser::missive::{FrameBuf, Kind};
use support::{Tcp, cases, printed, tcp_pcap as capture};

/// Reads all that is there.
fn catch_up(indexer: &mut Indexer, index: &mut Index) {
    while indexer.step(index, 100) && !indexer.is_waiting() {}
}

fn growing(beginning: &[u8]) -> (Source, Growth) {
    let (source, growth) = Source::growing("test", tempfile::tempfile().unwrap()).unwrap();
    growth.append(beginning).unwrap();
    (source, growth)
}

fn json(index: &Index) -> String {
    let mut out = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The captures of the corpus, uncompressed.
fn captures() -> Vec<(String, Vec<u8>)> {
    let files = cases().into_iter().flat_map(|case| fs::read_dir(case).unwrap());
    let mut found: Vec<(String, Vec<u8>)> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"))
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect();
    found.sort();
    assert!(found.len() >= 6, "the corpus is not whole");
    found
}

#[test]
fn a_capture_that_grew_is_read_as_if_it_had_been_there_from_the_beginning() {
    for (name, bytes) in captures() {
        let whole =
            read(Source::from_bytes("test", bytes.clone()), &Options::default(), &mut |_| true).unwrap();
        for piece in [1000, 77, 4099] {
            let piece = piece.max(bytes.len() / 500);
            let (head, rest) = bytes.split_at(bytes.len().min(64));
            let (source, growth) = growing(head);
            let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
            for part in rest.chunks(piece) {
                growth.append(part).unwrap();
                catch_up(&mut indexer, &mut index);
                assert!(indexer.is_waiting(), "{name}: {:?}", index.damages());
            }
            drop(growth);
            assert!(!indexer.is_waiting());
            while indexer.step(&mut index, 100) {}
            indexer.finish(&mut index);
            assert_eq!(json(&index), json(&whole), "{name} in pieces of {piece}");
            assert_eq!(index.damages(), whole.damages(), "{name}");
        }
    }
}

#[test]
fn a_row_is_there_with_the_packet_that_completes_it() {
    let frame = |sequence| FrameBuf { sequence, ..FrameBuf::new(Kind::PING) }.to_bytes().unwrap();
    let frames = (0..50).map(|sequence| Tcp::data(1000 + 20 * sequence, frame(sequence)));
    let segments: Vec<Tcp> = std::iter::once(Tcp::syn(999)).chain(frames).collect();
    let bytes = capture(&segments);
    let end_of = |count: usize| capture(&segments[..count]).len();
    let (source, growth) = growing(&bytes[..end_of(0)]);
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    for count in 0..segments.len() {
        growth.append(&bytes[end_of(count)..end_of(count + 1)]).unwrap();
        catch_up(&mut indexer, &mut index);
        assert_eq!(index.row_count(), count);
        assert!(!index.is_finished() && index.damages().is_empty());
    }
}

#[test]
fn what_the_sequence_shows_is_a_problem_at_once_and_stays_one() {
    let frame = |sequence| FrameBuf { sequence, ..FrameBuf::new(Kind::DATA) }.to_bytes().unwrap();
    let (first, second) = (frame(1), frame(7));
    let offset = u32::try_from(first.len()).unwrap();
    let segments = [
        Tcp::syn(999),
        Tcp::data(1000, first),
        Tcp::data(1000 + offset, second.clone()),
        Tcp::data(1000, second),
    ];
    let (source, growth) = growing(&capture(&segments[..3]));
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    catch_up(&mut indexer, &mut index);
    let codes = |index: &Index, row: u32| -> Vec<&str> {
        index.row(row.into()).unwrap().codes.iter().map(|code| code.as_str()).collect()
    };
    assert!(codes(&index, 1).contains(&"sequence-jump"), "{:?}", codes(&index, 1));
    assert!(printed(&index).contains("sequence-jump"));
    growth.append(&capture(&segments)[capture(&segments[..3]).len()..]).unwrap();
    catch_up(&mut indexer, &mut index);
    assert!(codes(&index, 0).contains(&"conflicting-retransmission"), "{:?}", codes(&index, 0));
    assert_eq!(printed(&index).matches("conflicting-retransmission").count(), 1, "{}", printed(&index));
    drop(growth);
    indexer.finish(&mut index);
    assert_eq!(printed(&index).matches("conflicting-retransmission").count(), 1, "{}", printed(&index));
    assert_eq!(printed(&index).matches("sequence-jump").count(), 1);
}

#[test]
fn what_stays_undecided_is_decided_when_its_stream_is_quiet() {
    let text = capture(&[Tcp::data(1, *b"a line of text\n")]);
    let (source, growth) = growing(&text);
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    catch_up(&mut indexer, &mut index);
    assert_eq!(index.row_count(), 0, "more may show what it is");
    let mut calls = 0;
    while index.row_count() == 0 {
        indexer.settle(&mut index);
        calls += 1;
        assert!(calls < 100);
    }
    assert!(calls > 1, "the first call comes too early to give anything up");
    assert!(printed(&index).contains("a line of text"), "{}", printed(&index));
    // What is decided stays.
    growth.append(&capture(&[Tcp::data(16, *b"another\n")])[capture(&[]).len()..]).unwrap();
    catch_up(&mut indexer, &mut index);
    assert_eq!(index.row_count(), 2);
}

#[test]
fn what_both_sides_said_before_it_was_decided_comes_in_its_order() {
    let server = |sequence, acknowledged, text: &[u8]| Tcp {
        from_client: false,
        acknowledged,
        ..Tcp::data(sequence, text)
    };
    let segments = [
        Tcp::syn(99),
        Tcp { acknowledged: 100, ..Tcp { from_client: false, ack: true, ..Tcp::syn(499) } },
        Tcp::data(100, *b"one\n"),
        server(500, 104, b"two\n"),
        Tcp::data(104, *b"three\n"),
        server(504, 110, b"four\n"),
    ];
    let (source, growth) = growing(&capture(&segments));
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    catch_up(&mut indexer, &mut index);
    assert_eq!(index.row_count(), 0);
    (0..70).for_each(|_| indexer.settle(&mut index));
    let printed = printed(&index);
    let places = ["one", "two", "three", "four"].map(|word| printed.find(word).unwrap());
    assert!(places.is_sorted(), "{printed}");
    drop(growth);
}

#[test]
fn what_is_missing_is_given_up_after_a_while() {
    let frame = |sequence| FrameBuf { sequence, ..FrameBuf::new(Kind::PING) }.to_bytes().unwrap();
    let bytes = capture(&[Tcp::syn(999), Tcp::data(1000, frame(0)), Tcp::data(1040, frame(2))]);
    let (source, growth) = growing(&bytes);
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    catch_up(&mut indexer, &mut index);
    assert_eq!(index.row_count(), 1);
    indexer.settle(&mut index);
    assert_eq!(index.row_count(), 1, "it may still come");
    (0..70).for_each(|_| indexer.settle(&mut index));
    let rows: Vec<&str> = index.rows().map(|(_, row)| row.type_name()).collect();
    assert_eq!(rows, ["message", "gap", "message"]);
    drop(growth);
}

#[test]
fn bytes_of_one_stream_are_read_as_they_come() {
    let frame = FrameBuf::new(Kind::PING).to_bytes().unwrap();
    let (source, growth) = growing(&frame[..7]);
    let options =
        Options { decode_as: vec!["file=missive".parse::<DecodeAs>().unwrap()], ..Options::default() };
    let (mut indexer, mut index) = Indexer::new(source, &options).unwrap();
    catch_up(&mut indexer, &mut index);
    assert!(index.row_count() == 0 && indexer.is_waiting());
    growth.append(&frame[7..]).unwrap();
    assert!(!indexer.is_waiting());
    catch_up(&mut indexer, &mut index);
    assert_eq!(index.row_count(), 1);
    drop(growth);
    assert!(!indexer.is_waiting() && !indexer.step(&mut index, 1));
}

#[test]
fn an_end_inside_a_record_is_damage_when_nothing_more_comes() {
    let bytes = capture(&[Tcp::data(1, *b"twenty bytes and more")]);
    let (source, growth) = growing(&bytes[..bytes.len() - 3]);
    let (mut indexer, mut index) = Indexer::new(source, &Options::default()).unwrap();
    catch_up(&mut indexer, &mut index);
    assert!(index.damages().is_empty() && indexer.is_waiting());
    drop(growth);
    while indexer.step(&mut index, 1) {}
    assert_eq!(index.damages().len(), 1);
    assert!(index.damages()[0].what.contains("the file ends inside the record"), "{:?}", index.damages());
}
