//! 20,000 frames, damaged in the ways that captures and networks damage: every frame that the damage does not touch is
//! found, in its place, and nothing else is taken for one.
//!
//! `FRAMESCOPE_TABLE=1 cargo test -p framescope-tests --test damage -- --nocapture` prints how many tshark finds beside, with
//! the usual dissector in Lua (corpus/peers/missive.lua), if it is installed.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::process::Command;

use framescope_capture::Options;
use framescope_oracles::check_index;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{Direction, TileType};
use support::{Tcp, corpus, read_with, tcp_pcap};

const FRAMES: u32 = 20_000;
const SEGMENT: usize = 500;

/// A frame of the stream, as it was sent.
fn frame(number: u32) -> Vec<u8> {
    let text =
        "somebody said something of no great length to somebody else"[..(number % 59) as usize].to_owned();
    FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).sequence(number).payload(text).to_bytes().unwrap()
}

/// A number that looks random, and is the same in every run.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What was captured, and where in the stream the frames are that nothing touched.
struct Case {
    name: &'static str,
    segments: Vec<Tcp>,
    untouched: Vec<(u64, u64)>,
}

/// Where each frame of a stream stands that begins with these.
fn places(frames: &[Vec<u8>]) -> Vec<(u64, u64)> {
    let mut end = 0;
    let place = |frame: &Vec<u8>| {
        let at = end;
        end += frame.len() as u64;
        (at, frame.len() as u64)
    };
    frames.iter().map(place).collect()
}

/// The stream in segments, the first of which has the sequence number behind `first`.
fn cut(stream: &[u8], first: u32) -> Vec<Tcp> {
    let sequence = |at: usize| first.wrapping_add(1).wrapping_add(at as u32);
    let parts = stream.chunks(SEGMENT).enumerate();
    parts.map(|(i, part)| Tcp::data(sequence(i * SEGMENT), part)).collect()
}

fn with_syn_and_fin(first: u32, length: usize, segments: Vec<Tcp>) -> Vec<Tcp> {
    let fin = Tcp::fin(first.wrapping_add(1).wrapping_add(length as u32));
    [vec![Tcp::syn(first)], segments, vec![fin]].concat()
}

fn cases() -> Vec<Case> {
    let frames: Vec<Vec<u8>> = (0..FRAMES).map(frame).collect();
    let stream = frames.concat();
    let all = places(&frames);
    let whole = |name, segments| Case {
        name,
        segments: with_syn_and_fin(0, stream.len(), segments),
        untouched: all.clone(),
    };
    let mut cases = vec![whole("in order", cut(&stream, 0))];

    let mut segments = cut(&stream, 0);
    for i in (3..segments.len() - 4).step_by(50) {
        segments.swap(i, i + 3);
    }
    cases.push(whole("reordered: one segment in 50 comes three late", segments));

    let mut segments = cut(&stream, 0);
    for i in (10..segments.len()).step_by(50).rev() {
        // Again, cut elsewhere.
        let again = Tcp {
            sequence: segments[i - 1].sequence + 250,
            ..Tcp::data(0, [&segments[i - 1].payload[250..], &segments[i].payload].concat())
        };
        segments.insert(i + 1, again);
    }
    cases.push(whole("retransmitted: one segment in 50 comes again, cut elsewhere", segments));

    let mut segments = cut(&stream, 0);
    let mut lost: Vec<usize> = (0..10).map(|i| 1 + random(i) as usize % (segments.len() - 2)).collect();
    lost.sort_unstable();
    lost.dedup();
    lost.iter().rev().for_each(|&i| drop(segments.remove(i)));
    let is_lost = |from: u64, to: u64| {
        lost.iter().any(|&i| {
            from < ((i + 1) * SEGMENT) as u64 && (i * SEGMENT) as u64 != to && to > (i * SEGMENT) as u64
        })
    };
    let untouched = all.iter().copied().filter(|&(at, length)| !is_lost(at, at + length)).collect();
    let segments = with_syn_and_fin(0, stream.len(), segments);
    cases.push(Case { name: "10 segments lost", segments, untouched });

    // The capture begins where a frame does not.
    let begin = all.iter().position(|(at, _)| *at > 2000).unwrap();
    let start = all[begin].0 - 7;
    let untouched = all[begin..].iter().map(|(at, length)| (at - start, *length)).collect();
    cases.push(Case {
        name: "begins inside a message",
        segments: cut(&stream[start as usize..], 0),
        untouched,
    });

    // Bytes between frames that are none of any.
    let (mut parts, mut untouched, mut at) = (Vec::new(), Vec::new(), 0);
    for (number, frame) in frames.iter().enumerate() {
        if number % 1000 == 500 {
            let garbage: Vec<u8> = (0..40).map(|i| random(number as u64 * 64 + i) as u8).collect();
            at += garbage.len() as u64;
            parts.push(garbage);
        }
        untouched.push((at, frame.len() as u64));
        at += frame.len() as u64;
        parts.push(frame.clone());
    }
    let garbled = parts.concat();
    let segments = with_syn_and_fin(0, garbled.len(), cut(&garbled, 0));
    cases.push(Case { name: "20 times 40 bytes of garbage between messages", segments, untouched });

    let mut damaged = frames.clone();
    let hit: Vec<usize> = (0..10).map(|i| random(i + 100) as usize % frames.len()).collect();
    for &number in &hit {
        // A payload of some megabytes more.
        damaged[number][9] ^= 0x2A;
    }
    let damaged = damaged.concat();
    let untouched =
        all.iter().enumerate().filter(|(i, _)| !hit.contains(i)).map(|(_, place)| *place).collect();
    let segments = with_syn_and_fin(0, damaged.len(), cut(&damaged, 0));
    cases.push(Case { name: "10 lengths corrupt", segments, untouched });

    let first = u32::MAX - 300_000;
    let segments = with_syn_and_fin(first, stream.len(), cut(&stream, first));
    cases.push(Case { name: "sequence numbers wrap", segments, untouched: all.clone() });
    cases
}

/// How many messages tshark's dissector finds.
fn tshark(capture: &[u8], out_of_order: bool) -> Option<usize> {
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    std::fs::write(file.path(), capture).unwrap();
    let script = format!("lua_script:{}", corpus().join("peers/missive.lua").display());
    let order = format!("tcp.reassemble_out_of_order:{}", if out_of_order { "TRUE" } else { "FALSE" });
    let arguments = ["-n", "-o", &order, "-X", &script, "-r", file.path().to_str().unwrap()];
    let fields = ["-Y", "missive", "-T", "fields", "-e", "missive.sequence"];
    let output = Command::new("tshark").args(arguments).args(fields).output().ok()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Some(printed.lines().flat_map(|line| line.split(',')).filter(|field| !field.is_empty()).count())
}

#[test]
fn every_frame_that_damage_does_not_touch_is_found() {
    let prints = std::env::var_os("FRAMESCOPE_TABLE").is_some();
    if prints {
        println!(
            "| 20,000 messages | not touched | found | tshark + Lua | the same, segments put in order |"
        );
        println!("|---|---|---|---|---|");
    }
    for Case { name, segments, untouched } in cases() {
        let capture = tcp_pcap(&segments);
        for options in [
            Options::default(),
            Options { decode_as: vec!["tcp=missive".parse().unwrap()], ..Options::default() },
        ] {
            let index = read_with(capture.clone(), &options);
            check_index(&index);
            let rows = index.stream_rows(0, Direction::Forward).iter().map(|&row| index.row(row).unwrap());
            let found: Vec<(u64, u64)> = rows
                .filter(|row| row.tile_type == TileType::Message)
                .map(|row| (row.offset, row.length))
                .collect();
            let wrong = found.iter().zip(&untouched).find(|(found, expected)| found != expected);
            assert_eq!((found.len(), wrong), (untouched.len(), None), "{name}");
        }
        if prints {
            let theirs =
                |order| tshark(&capture, order).map_or("not installed".to_owned(), |n| n.to_string());
            let (unordered, ordered) = (theirs(false), theirs(true));
            println!("| {name} | {} | {0} | {unordered} | {ordered} |", untouched.len());
        }
    }
}
