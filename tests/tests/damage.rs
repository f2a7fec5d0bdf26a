//! Messages of five framings, damaged in the ways that captures and networks damage: every message that the damage does
//! not touch is found, in its place; one that lost bytes and not its header keeps its length; nothing else is taken for
//! a message. Where a format does not allow that, [`Framing::least`] says how much is found, and why.
//!
//! `FRAMESCOPE_TABLE=1 cargo test -p framescope-tests --test damage -- --nocapture` prints the table of benches/README.md, with what
//! tshark finds beside (corpus/peers/framings.lua), if it is installed. `FRAMESCOPE_SEED=N` makes other traffic.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;

use framescope_capture::{Index, Options};
use framescope_ksy::Described;
use framescope_oracles::check_index;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_parser::{Code, Direction, SpanType, with_built_in};
use support::{Tcp, corpus, pcap, read_with, tcp_pcap};

const SEGMENT: usize = 1448;

/// A number that looks random, and is the same in every run.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0xD6E8_FEB8_6659_FD93).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn seed() -> u64 {
    std::env::var("FRAMESCOPE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// How messages are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// A magic, a check over the header and one over the frame.
    Missive,
    /// A kind and four bytes of length, both of which are only some values.
    Valid,
    /// A kind and two bytes of length, both of any value.
    Bare,
    /// A length of groups of seven bits.
    Varint,
    /// Text up to a line break.
    Lines,
}

const FRAMINGS: [Framing; 5] =
    [Framing::Missive, Framing::Valid, Framing::Bare, Framing::Varint, Framing::Lines];

impl Framing {
    /// How many messages are sent.
    fn messages(self) -> usize {
        if self == Framing::Missive { 20_000 } else { 2000 }
    }

    fn name(self) -> &'static str {
        match self {
            Framing::Missive => "magic and checks",
            Framing::Valid => "u1 kind, u4 length, both `valid`",
            Framing::Bare => "u1 kind, u2 length",
            Framing::Varint => "varint length",
            Framing::Lines => "lines",
        }
    }

    /// The port under which corpus/peers/framings.lua knows it.
    fn port(self) -> u16 {
        9000 + FRAMINGS.iter().position(|framing| *framing == self).unwrap() as u16
    }

    fn description(self) -> Option<&'static str> {
        match self {
            Framing::Missive => None,
            Framing::Valid => Some(
                "
meta: {id: framing, endian: be}
seq:
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: length, type: u4, valid: {max: 65536}}
  - {id: body, size: length}
enums:
  kind: {1: hello, 2: data, 3: bye}
",
            ),
            Framing::Bare => Some(
                "
meta: {id: framing, endian: be}
seq:
  - {id: kind, type: u1, enum: kind}
  - {id: length, type: u2}
  - {id: body, size: length}
enums:
  kind: {1: hello, 2: data, 3: bye}
",
            ),
            Framing::Varint => Some(
                "
meta: {id: framing}
seq:
  - {id: length, type: vlq}
  - {id: body, size: length.value}
types:
  vlq:
    seq:
      - {id: groups, type: u1, repeat: until, repeat-until: '_ < 128'}
    instances:
      value:
        value: '(groups[0] & 127) + (groups.size > 1 ? (groups[1] & 127) << 7 : 0) + (groups.size > 2 ? (groups[2] & 127) << 14 : 0)'
",
            ),
            Framing::Lines => Some(
                "
meta: {id: framing}
seq:
  - {id: line, type: str, terminator: 10, encoding: UTF-8}
",
            ),
        }
    }

    fn options(self) -> Options {
        let protocols = self.description().map(|text| {
            let described = Described::from_ksy(text).unwrap_or_else(|error| panic!("{error}"));
            Arc::new(described) as Arc<dyn framescope_parser::Protocol>
        });
        let name = if self == Framing::Missive { "missive" } else { "framing" };
        let decode_as = vec![format!("tcp={name}").parse().unwrap()];
        Options { protocols: with_built_in(protocols.into_iter().collect()), decode_as, ..Options::default() }
    }

    /// A message of about this many bytes, as it is sent.
    fn message(self, number: usize, length: usize) -> Vec<u8> {
        const WORDS: &str =
            "somebody said something of no great length to somebody else, who wrote it down; ";
        let from = number * 7 % WORDS.len();
        let text: Vec<u8> = WORDS.bytes().cycle().skip(from).take(length).collect();
        let kind = 1 + (number % 3) as u8;
        match self {
            Framing::Missive => {
                let text = String::from_utf8(text).unwrap();
                let frame = FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).sequence(number as u32);
                frame.payload(text).to_bytes().unwrap()
            }
            Framing::Valid => [&[kind][..], &(length as u32).to_be_bytes(), &text].concat(),
            Framing::Bare => [&[kind][..], &(length as u16).to_be_bytes(), &text].concat(),
            Framing::Varint => {
                let mut message = Vec::new();
                let mut rest = length;
                while rest >= 128 {
                    message.push(rest as u8 | 128);
                    rest >>= 7;
                }
                [&message[..], &[rest as u8], &text].concat()
            }
            Framing::Lines => [&text[..], b"\n"].concat(),
        }
    }

    /// How many bytes of a message give its length; None if only its end does.
    fn head(self, message: &[u8]) -> Option<usize> {
        match self {
            Framing::Missive => Some(20),
            Framing::Valid => Some(5),
            Framing::Bare => Some(3),
            Framing::Varint => Some(1 + message.iter().take_while(|byte| **byte >= 128).count()),
            Framing::Lines => None,
        }
    }

    /// Makes a length false.
    fn corrupt(self, message: &mut [u8], number: usize) {
        match self {
            Framing::Missive => message[10] ^= 0x2A,
            Framing::Valid => message[3] ^= 1 << (number % 4),
            Framing::Bare => message[1] ^= 1 << (number % 4),
            Framing::Varint => message[0] ^= 1 << (number % 6),
            Framing::Lines => *message.last_mut().unwrap() = b' ',
        }
    }

    /// The least share of the untouched messages that is found, and of those that lost bytes and not their heads; and
    /// the most false ones that are not marked as guessed. Everything and none, except where the format can't show it.
    fn least(self, damage: &str) -> (f64, usize) {
        match (self, damage) {
            // A false length that happens to end where another message begins can't be distinguished from a true one.
            (Framing::Valid | Framing::Bare, "10 lengths corrupt") => (0.9, 10),
            // A few bytes between two gaps may be too few to choose a place by.
            (Framing::Bare, "1 % of segments lost") => (0.99, 0),
            // Any byte is a length here. After a gap the first place that leads to the others is taken, and other bytes
            // may happen to lead there too; nothing at all speaks against a false length, or against bytes that are not
            // a message.
            (Framing::Varint, "10 segments lost" | "1 % of segments lost" | "begins inside") => (0.97, 10),
            (Framing::Varint, "10 lengths corrupt" | "garbage between") => (0.0, 1000),
            // Lines whose end is lost are one line. Garbage belongs to the line that it precedes.
            (Framing::Lines, "10 lengths corrupt") => (1.0, 10),
            (Framing::Lines, "garbage between") => (0.98, 40),
            // A line between two gaps need not be a whole one.
            (Framing::Lines, "1 % of segments lost") => (0.99, 0),
            (Framing::Lines, "snaplen 96") => (0.0, 0),
            _ => (1.0, 0),
        }
    }
}

/// What was captured, and what should be found in it.
struct Case {
    damage: &'static str,
    capture: Vec<u8>,
    /// Messages that nothing touched: where they are in the stream, and how long they are.
    untouched: Vec<(u64, u64)>,
    /// Messages that lost bytes, and whose length is in the captured part.
    incomplete: Vec<(u64, u64)>,
    /// All messages, whatever became of them.
    sent: Vec<(u64, u64)>,
}

/// Where each message of a stream is that begins with these.
fn places(messages: &[Vec<u8>]) -> Vec<(u64, u64)> {
    let mut end = 0;
    let place = |message: &Vec<u8>| {
        let at = end;
        end += message.len() as u64;
        (at, message.len() as u64)
    };
    messages.iter().map(place).collect()
}

/// The stream in segments, the first of which has the sequence number after `first`.
fn cut(stream: &[u8], first: u32) -> Vec<Tcp> {
    cut_in(SEGMENT, stream, first)
}

fn cut_in(size: usize, stream: &[u8], first: u32) -> Vec<Tcp> {
    let sequence = |at: usize| first.wrapping_add(1).wrapping_add(at as u32);
    let parts = stream.chunks(size).enumerate();
    parts.map(|(i, part)| Tcp::data(sequence(i * size), part)).collect()
}

fn with_syn_and_fin(length: usize, segments: Vec<Tcp>) -> Vec<Tcp> {
    from(0, length, segments)
}

/// The same where the SYN has that sequence number.
fn from(first: u32, length: usize, segments: Vec<Tcp>) -> Vec<Tcp> {
    let fin = Tcp::fin(first.wrapping_add(1).wrapping_add(length as u32));
    [vec![Tcp::syn(first)], segments, vec![fin]].concat()
}

/// Segments of which only the first bytes of each packet were captured.
fn with_snaplen(segments: &[Tcp], snaplen: usize) -> Vec<u8> {
    let mut out = pcap(support::RAW_IP, &[]);
    for (i, segment) in segments.iter().enumerate() {
        let packet = segment.ip_packet();
        let captured = &packet[..packet.len().min(snaplen)];
        for field in [0, i as u32, captured.len() as u32, packet.len() as u32] {
            out.extend(field.to_le_bytes());
        }
        out.extend(captured);
    }
    out
}

/// Splits messages by a mask of what was captured.
fn by_mask(framing: Framing, messages: &[Vec<u8>], is_there: impl Fn(usize) -> bool) -> [Vec<(u64, u64)>; 2] {
    let (mut untouched, mut incomplete) = (Vec::new(), Vec::new());
    for (message, (at, length)) in messages.iter().zip(places(messages)) {
        let mut bytes = at as usize..(at + length) as usize;
        if bytes.clone().all(&is_there) {
            untouched.push((at, length));
        } else if let Some(head) = framing.head(message)
            && bytes.by_ref().take(head).all(&is_there)
        {
            incomplete.push((at, length));
        }
    }
    [untouched, incomplete]
}

fn cases(framing: Framing) -> Vec<Case> {
    let seed = seed() * 1_000_003;
    let length = |i: usize| 4 + random(seed + i as u64) as usize % 60;
    let messages: Vec<Vec<u8>> = (0..framing.messages()).map(|i| framing.message(i, length(i))).collect();
    let (stream, all) = (messages.concat(), places(&messages));
    let mut cases = Vec::new();

    for (damage, lost_in) in [("10 segments lost", None), ("1 % of segments lost", Some(100))] {
        let size = if lost_in.is_some() { SEGMENT / 10 } else { SEGMENT };
        let mut segments = cut_in(size, &stream, 0);
        let inner = segments.len() as u64 - 2;
        let lost: Vec<usize> = match lost_in {
            None => (0..10).map(|i| 1 + (random(seed + 7000 + i) % inner) as usize).collect(),
            Some(n) => (1..=inner)
                .filter(|i| random(seed + 8000 + i).is_multiple_of(n))
                .map(|i| i as usize)
                .collect(),
        };
        let is_there = |at: usize| !lost.contains(&(at / size));
        let [untouched, incomplete] = by_mask(framing, &messages, is_there);
        let mut number = 0;
        segments.retain(|_| {
            number += 1;
            !lost.contains(&(number - 1))
        });
        let capture = tcp_pcap(&with_syn_and_fin(stream.len(), segments));
        cases.push(Case { damage, capture, untouched, incomplete, sent: all.clone() });
    }

    // Each message is sent by itself, as programs do, some of them longer than a segment.
    let long = |i: usize| 4 + random(seed + 9000 + i as u64) as usize % 3000;
    let sends: Vec<Vec<u8>> =
        (0..framing.messages().min(2000) / 4).map(|i| framing.message(i, long(i))).collect();
    let (mut segments, mut captured, mut at) = (Vec::new(), Vec::new(), 0);
    for send in &sends {
        for part in send.chunks(SEGMENT) {
            segments.push(Tcp::data(1 + at as u32, part));
            at += part.len();
            captured.extend((0..part.len()).map(|i| i < 96 - 40));
        }
    }
    let [untouched, incomplete] = by_mask(framing, &sends, |at| captured[at]);
    let capture = with_snaplen(&with_syn_and_fin(at, segments), 96);
    cases.push(Case { damage: "snaplen 96", capture, untouched, incomplete, sent: places(&sends) });

    // The capture begins where a message does not.
    let begin = all.iter().position(|(at, _)| *at > 2000).unwrap();
    let start = all[begin].0 - 2 - random(seed + 11) % 5;
    let behind: Vec<(u64, u64)> = all[begin..].iter().map(|(at, length)| (at - start, *length)).collect();
    let capture = tcp_pcap(&cut(&stream[start as usize..], 0));
    cases.push(Case {
        damage: "begins inside",
        capture,
        untouched: behind.clone(),
        incomplete: vec![],
        sent: behind,
    });

    // Unusual traffic is not damage: text, random bytes and zeros of all lengths.
    let wild = |i: usize| {
        let length = 4usize << (random(seed + 12_000 + i as u64) % 13);
        let mut message = framing.message(i, length + random(seed + 13_000 + i as u64) as usize % 60);
        let body = message.len() - length..message.len();
        match i % 3 {
            _ if matches!(framing, Framing::Missive | Framing::Lines) => {}
            0 => message[body].fill(0),
            1 => message[body]
                .iter_mut()
                .enumerate()
                .for_each(|(at, byte)| *byte = random((i + at) as u64) as u8),
            _ => {}
        }
        message
    };
    let wild: Vec<Vec<u8>> = (0..framing.messages().min(2000) / 4).map(wild).collect();
    let sent = places(&wild);
    let wild = wild.concat();
    let capture = tcp_pcap(&with_syn_and_fin(wild.len(), cut(&wild, 0)));
    let untouched = sent.clone();
    cases.push(Case { damage: "none; 4 bytes to 16 KiB", capture, untouched, incomplete: vec![], sent });

    let mut segments = cut(&stream, 0);
    for i in (3..segments.len() - 4).step_by(20) {
        segments.swap(i, i + 3);
    }
    let capture = tcp_pcap(&with_syn_and_fin(stream.len(), segments));
    cases.push(Case {
        damage: "reordered",
        capture,
        untouched: all.clone(),
        incomplete: vec![],
        sent: all.clone(),
    });

    let mut segments = cut(&stream, 0);
    for i in (10..segments.len()).step_by(20).rev() {
        // Again, cut elsewhere.
        let again = Tcp {
            sequence: segments[i - 1].sequence + 250,
            ..Tcp::data(0, [&segments[i - 1].payload[250..], &segments[i].payload].concat())
        };
        segments.insert(i + 1, again);
    }
    let capture = tcp_pcap(&with_syn_and_fin(stream.len(), segments));
    let (untouched, sent) = (all.clone(), all.clone());
    cases.push(Case { damage: "retransmitted, cut elsewhere", capture, untouched, incomplete: vec![], sent });

    let first = u32::MAX - 30_000;
    let capture = tcp_pcap(&from(first, stream.len(), cut(&stream, first)));
    let (untouched, sent) = (all.clone(), all.clone());
    cases.push(Case { damage: "sequence numbers wrap", capture, untouched, incomplete: vec![], sent });

    let mut damaged = messages.clone();
    let hit: Vec<usize> = (0..10).map(|i| random(seed + 100 + i) as usize % (messages.len() - 200)).collect();
    hit.iter().for_each(|&i| framing.corrupt(&mut damaged[i], i));
    // The lines that a lost line break joins are touched too.
    let touched = |i: usize| hit.contains(&i) || framing == Framing::Lines && i > 0 && hit.contains(&(i - 1));
    let untouched = all.iter().enumerate().filter(|(i, _)| !touched(*i)).map(|(_, place)| *place).collect();
    let damaged = damaged.concat();
    let capture = tcp_pcap(&with_syn_and_fin(damaged.len(), cut(&damaged, 0)));
    cases.push(Case {
        damage: "10 lengths corrupt",
        capture,
        untouched,
        incomplete: vec![],
        sent: all.clone(),
    });

    // Bytes between messages that belong to none.
    let (mut parts, mut untouched, mut at) = (Vec::new(), Vec::new(), 0);
    for (number, message) in messages.iter().enumerate() {
        if number % 100 == 50 {
            let garbage: Vec<u8> = (0..40).map(|i| random(seed + number as u64 * 64 + i) as u8).collect();
            at += garbage.len() as u64;
            parts.push(garbage);
        }
        untouched.push((at, message.len() as u64));
        at += message.len() as u64;
        parts.push(message.clone());
    }
    let garbled = parts.concat();
    let capture = tcp_pcap(&with_syn_and_fin(garbled.len(), cut(&garbled, 0)));
    let sent = untouched.clone();
    cases.push(Case { damage: "garbage between", capture, untouched, incomplete: vec![], sent });
    cases
}

/// The result of a case.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    untouched: usize,
    incomplete: usize,
    /// Message rows that match no message that was sent.
    false_ones: usize,
    /// The same, but marked as guessed.
    false_guesses: usize,
}

fn found(index: &Index, case: &Case) -> Found {
    let rows: Vec<_> =
        index.stream_rows(0.into(), Direction::Forward).map(|row| index.row(row).unwrap()).collect();
    let messages = rows.iter().filter(|row| row.span_type == SpanType::Message);
    let messages: HashMap<(u64, u64), _> =
        messages.map(|row| ((row.offset, row.length), row.codes)).collect();
    let of = |places: &[(u64, u64)], lacks: bool| {
        let is = |place: &&(u64, u64)| {
            messages.get(place).is_some_and(|codes| codes.contains(Code::Incomplete) == lacks)
        };
        places.iter().filter(is).count()
    };
    let sent: HashMap<(u64, u64), ()> = case.sent.iter().map(|place| (*place, ())).collect();
    let (mut false_ones, mut false_guesses) = (0, 0);
    for (_, codes) in messages.iter().filter(|(place, _)| !sent.contains_key(place)) {
        match codes.contains(Code::Guessed) {
            true => false_guesses += 1,
            false => false_ones += 1,
        }
    }
    Found {
        untouched: of(&case.untouched, false),
        incomplete: of(&case.incomplete, true),
        false_ones,
        false_guesses,
    }
}

/// How many messages tshark's dissector finds where they were sent.
fn tshark(framing: Framing, capture: &[u8]) -> Option<usize> {
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    std::fs::write(file.path(), capture).unwrap();
    let script = format!("lua_script:{}", corpus().join("peers/framings.lua").display());
    let port = format!("tcp.port==9000,framing{}", framing.port() - 9000);
    let arguments = ["-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-X", &script, "-d", &port, "-r"];
    let fields = ["-T", "fields", "-e", "framing.length"];
    let output = Command::new("tshark").args(arguments).arg(file.path()).args(fields).output().ok()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Some(printed.lines().flat_map(|line| line.split(',')).filter(|field| !field.is_empty()).count())
}

#[test]
fn what_damage_does_not_touch_is_found_and_nothing_else() {
    let prints = std::env::var_os("FRAMESCOPE_TABLE").is_some();
    if prints {
        println!(
            "| framing | damage | untouched | found | lost bytes, not the header | listed with their length | false | of these marked as guessed | tshark + Lua |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
    }
    let mut wrong = Vec::new();
    for framing in FRAMINGS {
        let options = framing.options();
        for case in cases(framing) {
            let index = read_with(case.capture.clone(), &options);
            check_index(&index);
            let found = found(&index, &case);
            let (untouched, incomplete) = (case.untouched.len(), case.incomplete.len());
            let (name, damage) = (framing.name(), case.damage);
            if prints {
                let theirs =
                    tshark(framing, &case.capture).map_or("not installed".to_owned(), |n| n.to_string());
                let Found { untouched: ours, incomplete: kept, false_ones, false_guesses } = found;
                let false_ones = false_ones + false_guesses;
                println!(
                    "| {name} | {damage} | {untouched} | {ours} | {incomplete} | {kept} | {false_ones} | {false_guesses} | {theirs} |"
                );
            }
            let (least, most) = framing.least(damage);
            // Few messages lose bytes: where not all can be found, half of them are required.
            let least_incomplete = if least == 1.0 { 1.0 } else { least.min(0.5) };
            let is_fine = found.untouched as f64 >= least * untouched as f64
                && found.incomplete as f64 >= least_incomplete * incomplete as f64
                && found.false_ones <= most;
            if !is_fine {
                wrong.push(format!("{name}, {damage}: {found:?} of {untouched} and {incomplete}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
