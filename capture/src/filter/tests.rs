//! Blocks of rows in several threads, compared with rows that are tested one by one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;

use framescope_parser::missive::{Flags, FrameBuf, Kind, Tag};

use super::{Evaluator, Filter};
use crate::{Index, Options, RowId, Source, read};

/// Pseudo-random numbers, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one_of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}

const TESTS: [&str; 32] = [
    "kind == DATA",
    "kind in {LOGIN, ACK}",
    "type == message",
    "severity >= warning",
    "problems == checksum-mismatch",
    "flow == 0",
    "direction == forward",
    "protocol == missive",
    "src.port < 20000",
    "row < 30",
    "row in {3, 5..9, 64..70}",
    "length > 40",
    "offset < 900",
    "time > 1ms",
    "reply_to",
    "latency > 1us",
    "answered_by",
    "missing_bytes",
    "comment",
    "bytes contains \"a\"",
    "bytes contains x\"f54d01\"",
    "sequence < 7",
    "sequence == 3",
    "payload contains \"ab\"",
    "content == \"a\"",
    "missive.channel != 1",
    "flags.checksum",
    "extensions.sender.value contains \"a\"",
    "tag.critical",
    "summary contains \"b\"",
    "payload.user matches \"^a\"",
    "text contains \"a\"",
];

/// A generated expression, and the rows that it matches by those that its tests match.
fn generate(chance: &mut Chance, depth: u32, all: &[BTreeSet<u32>], rows: u32) -> (String, BTreeSet<u32>) {
    if depth == 0 || chance.below(4) == 0 {
        let which = chance.below(TESTS.len());
        return (TESTS[which].to_owned(), all[which].clone());
    }
    let (left, a) = generate(chance, depth - 1, all, rows);
    let (right, b) = generate(chance, depth - 1, all, rows);
    match chance.below(3) {
        0 => (format!("({left} and {right})"), &a & &b),
        1 => (format!("({left} or {right})"), &a | &b),
        _ => (format!("(not {left})"), (0..rows).filter(|row| !a.contains(row)).collect()),
    }
}

/// A generated stream of frames, some of them damaged, as a file that is not a capture.
fn stream(chance: &mut Chance) -> Index {
    let mut bytes = Vec::new();
    for sequence in 0..chance.below(90) as u32 + 2 {
        let kind = *chance.one_of(&[Kind::DATA, Kind::DATA, Kind::LOGIN, Kind::ACK, Kind(0x80), Kind::ERROR]);
        let payload: Vec<u8> = match kind {
            Kind::LOGIN => vec![0, 2, b'a', b'd', 0, 1, b'x'],
            Kind::ERROR => vec![0, 7, b'a'],
            _ => (0..chance.below(6)).map(|_| b"abc"[chance.below(3)]).collect(),
        };
        let mut frame =
            FrameBuf::new(kind).sequence(sequence % 11).channel(chance.below(3) as u16).payload(payload);
        if chance.below(3) == 0 {
            frame = frame.extension(Tag(*chance.one_of(&[3, 0x40])), chance.below(2) == 0, b"ada").unwrap();
        }
        if chance.below(2) == 0 {
            frame = frame.flags(Flags::CHECKSUM);
        }
        let from = bytes.len();
        bytes.extend(frame.to_bytes().unwrap());
        if chance.below(8) == 0 {
            let at = from + chance.below(bytes.len() - from);
            bytes[at] ^= 1 << chance.below(8);
        }
    }
    bytes.truncate(bytes.len() - chance.below(2));
    read(Source::from_bytes("stream", bytes), &Options::default(), &mut |_| true).unwrap()
}

fn parse(expression: &str) -> Filter {
    Filter::parse(expression, &framescope_parser::built_in()).unwrap_or_else(|error| unreachable!("{error}"))
}

#[test]
fn blocks_of_rows_in_threads_match_as_rows_one_by_one_do() {
    let capture = |bytes: &'static [u8]| {
        read(Source::from_bytes("capture", bytes), &Options::default(), &mut |_| true).unwrap()
    };
    let mut chance = Chance(77);
    let mut indexes = vec![
        capture(include_bytes!("../../../corpus/captures/missive-damaged/capture.pcapng")),
        capture(include_bytes!("../../../corpus/captures/missive-chat/capture.pcapng")),
        capture(include_bytes!("../../../corpus/captures/bare-login/capture.pcapng")),
    ];
    indexes.extend((0..12).map(|_| stream(&mut chance)));
    let (mut found_some, mut of_tests) = (0, [0; TESTS.len()]);
    for index in &indexes {
        let rows = index.row_count() as u32;
        let one_by_one = |test: &&str| {
            let (filter, mut matching) = (parse(test), BTreeSet::new());
            let mut evaluator = Evaluator::new(&filter, index);
            matching.extend((0..rows).filter(|&row| evaluator.matches(row.into()).unwrap()));
            matching
        };
        let all: Vec<BTreeSet<u32>> = TESTS.iter().map(one_by_one).collect();
        of_tests.iter_mut().zip(&all).for_each(|(sum, rows)| *sum += rows.len());
        for _ in 0..40 {
            let (expression, expected) = generate(&mut chance, 3, &all, rows);
            let filter = parse(&expression);
            assert!(
                numbers(&filter.rows(index).unwrap()).into_iter().eq(expected.iter().copied()),
                "{expression}"
            );
            // With any number of threads and rows at a time.
            let (threads, at_once) = (1 + chance.below(4), 1 + chance.below(40));
            let from = chance.below(rows as usize);
            let mut some = vec![RowId::from(7)];
            let mut evaluator = Evaluator::new(&filter, index);
            evaluator.rows_by(threads, at_once, from..rows as usize, &mut some).unwrap();
            let behind = expected.range(from as u32..).copied();
            assert!(
                numbers(&some).into_iter().eq(std::iter::once(7).chain(behind)),
                "{expression} from {from}"
            );
            // The same evaluator again, with rows in any order and some that do not exist.
            let candidates: Vec<u32> = (0..60).map(|_| chance.below(rows as usize + 3) as u32).collect();
            let mut kept = candidates.iter().copied().map(RowId::from).collect();
            evaluator.retain(&mut kept).unwrap();
            let wanted: Vec<u32> = candidates.into_iter().filter(|row| expected.contains(row)).collect();
            assert_eq!(numbers(&kept), wanted, "{expression}");
            found_some += usize::from(!expected.is_empty() && expected.len() < rows as usize);
        }
    }
    assert!(found_some > 200, "most expressions match some rows and not all");
    for (test, count) in TESTS.iter().zip(of_tests) {
        let never = ["comment", "missing_bytes"];
        assert!(count > 0 || never.contains(test), "{test} is never true");
    }
}

fn numbers(rows: &[RowId]) -> Vec<u32> {
    rows.iter().map(|row| row.number()).collect()
}

/// A capture of datagrams of a kind byte and text, with the given lengths and times.
fn datagrams(all: impl Iterator<Item = (usize, u64)>) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 65_535, 228] {
        file.extend(field.to_le_bytes());
    }
    for (length, time_ns) in all {
        let total = u16::try_from(28 + length).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9C, 0x40, 0x23, 0x29]);
        packet.extend((total - 20).to_be_bytes());
        packet.extend([0, 0, 1]);
        packet.resize(usize::from(total), b'a');
        let captured = u32::from(total);
        let seconds = u32::try_from(time_ns / 1_000_000_000).unwrap();
        let fraction = u32::try_from(time_ns % 1_000_000_000).unwrap();
        for field in [seconds, fraction, captured, captured] {
            file.extend(field.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

#[test]
fn full_blocks_match_as_their_rows_do() {
    // Blocks of one length, of a few, and of very different ones; times that jump, also back.
    let length = |number: u64| match number / 4096 {
        0 => 10,
        1 => 10 + number % 30,
        2 => 50,
        _ => 1 + number * 7919 % 1400,
    };
    let time = |number: u64| match number {
        9_000..9_100 => 5_000_000_000 + number,
        _ => 10_000_000_000 + number * 1_000_000 + number / 5_000 * 3_000_000_000,
    };
    let count = 5 * 4096 + 100;
    let of = |number: u64| (usize::try_from(length(number)).unwrap(), time(number));
    let file = datagrams((0..count).map(of));
    let index =
        crate::read(crate::Source::from_bytes("generated", file), &crate::Options::default(), &mut |_| true);
    let index = index.unwrap();
    assert_eq!(index.row_count() as u64, count);
    let since = |number: u64| time(number).wrapping_sub(time(0)).cast_signed();
    type Holds<'h> = Box<dyn Fn(u64) -> bool + 'h>;
    let all: [(&str, Holds<'_>); 8] = [
        ("length > 9", Box::new(|number| length(number) > 9)),
        ("length == 50", Box::new(|number| length(number) == 50)),
        ("length != 10", Box::new(|number| length(number) != 10)),
        (
            "length in 12..20 or length == 1000",
            Box::new(|number| (12..=20).contains(&length(number)) || length(number) == 1000),
        ),
        ("time > 8s", Box::new(|number| since(number) > 8_000_000_000)),
        ("time < 4.5s", Box::new(|number| since(number) < 4_500_000_000)),
        ("not time < 0s", Box::new(|number| since(number) >= 0)),
        ("time and length < 11", Box::new(|number| length(number) < 11)),
    ];
    for (expression, holds) in all {
        let filter = Filter::parse(expression, &framescope_parser::built_in()).unwrap();
        let expected: Vec<u32> =
            (0..).zip(0..count).filter(|(_, number)| holds(*number)).map(|(row, _)| row).collect();
        assert_eq!(numbers(&filter.rows(&index).unwrap()), expected, "{expression}");
    }
}
