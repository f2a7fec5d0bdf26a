//! How often the boundaries of messages are found, in formats that are drawn at random, and that nothing is found where there is nothing.
//!
//! `GUESS_DRAWS=1000 cargo test -p framescope-guess --test drawn -- --nocapture` draws more, and prints those that were missed.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a test"
)]

use framescope_guess::framing::{Framing, Rule, of_both};
use framescope_guess::{Run, Sample, Talk, guess};

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

#[derive(Clone, Debug)]
enum Part {
    Constant(Vec<u8>),
    Kind,
    Counter(usize, bool),
    Random(usize),
    Flags,
    Zero(usize),
}

#[derive(Clone, Debug)]
enum Ends {
    Length { width: usize, little: bool, whole: bool, plus: i64, varint: bool, digits: bool },
    Fixed(usize),
    Line(Vec<u8>),
}

#[derive(Clone, Debug)]
enum Body {
    Text,
    Random,
    Numbers,
    Mixed,
}

#[derive(Clone, Debug)]
struct Format {
    before: Vec<Part>,
    ends: Ends,
    after: Vec<Part>,
    check: usize,
    kinds: Vec<(u8, Body, usize, usize)>,
}

fn part(c: &mut Chance) -> Part {
    match c.below(7) {
        0 => Part::Constant((0..1 + c.below(4)).map(|_| c.below(256) as u8).collect()),
        1 | 2 => Part::Kind,
        3 => Part::Counter(c.of(&[1, 2, 4]), c.one_in(2)),
        4 => Part::Random(c.of(&[1, 2, 4, 8])),
        5 => Part::Flags,
        _ => Part::Zero(1 + c.below(3)),
    }
}

fn format(c: &mut Chance) -> Format {
    let mut before: Vec<Part> = (0..c.below(4)).map(|_| part(c)).collect();
    let mut after: Vec<Part> = (0..c.below(4)).map(|_| part(c)).collect();
    let ends = match c.below(12) {
        0..=7 => {
            let width = c.of(&[1, 2, 2, 2, 4, 4]);
            Ends::Length {
                width,
                little: width > 1 && c.one_in(2),
                whole: c.one_in(3),
                plus: c.of(&[0, 0, 0, 0, 2, 4, -1]),
                varint: false,
                digits: false,
            }
        }
        8 => Ends::Length { width: 1, little: false, whole: false, plus: 0, varint: true, digits: false },
        9 => {
            Ends::Length { width: 4, little: false, whole: c.one_in(2), plus: 0, varint: false, digits: true }
        }
        10 => Ends::Fixed(8 + c.below(40)),
        _ => Ends::Line(c.of(&[&b"\n"[..], b"\r\n", b"\0", b"\x03"]).to_vec()),
    };
    if matches!(ends, Ends::Line(_)) {
        before.clear();
        after.clear();
    } else if !before.iter().chain(&after).any(|part| matches!(part, Part::Kind)) {
        before.push(Part::Kind);
    }
    let kinds = (0..1 + c.below(6))
        .map(|n| {
            let body = match c.below(4) {
                0 => Body::Text,
                1 => Body::Random,
                2 => Body::Numbers,
                _ => Body::Mixed,
            };
            let least = c.below(20);
            let most = least + c.of(&[0, 4, 20, 100]);
            ((n + 1) as u8, body, least, most)
        })
        .collect();
    let check = match ends {
        Ends::Line(_) => 0,
        _ => c.of(&[0, 0, 1, 2, 4]),
    };
    Format { before, ends, after, check, kinds }
}

const WORDS: &[&str] = &[
    "alpha",
    "temperature",
    "on",
    "off",
    "pump",
    "valve 7",
    "status",
    "ok",
    "error",
    "23.5",
    "room",
    "kitchen",
];

fn body(c: &mut Chance, kind: &Body, length: usize) -> Vec<u8> {
    match kind {
        Body::Text => {
            let mut text = String::new();
            while text.len() < length {
                text.push_str(c.of(WORDS));
                text.push(' ');
            }
            text.truncate(length);
            text.into_bytes()
        }
        Body::Random => (0..length).map(|_| c.next() as u8).collect(),
        Body::Numbers => {
            let mut bytes = Vec::new();
            while bytes.len() < length {
                bytes.extend((c.below(2000) as u32).to_be_bytes());
            }
            bytes.truncate(length);
            bytes
        }
        Body::Mixed => {
            let mut bytes = vec![c.below(3) as u8, 0, c.below(100) as u8];
            bytes.extend(body(c, &Body::Text, length));
            bytes.truncate(length);
            bytes
        }
    }
}

fn message(c: &mut Chance, format: &Format, number: usize) -> Vec<u8> {
    let (kind, content, least, most) = &format.kinds[c.below(format.kinds.len())];
    let length = least + c.below(most - least + 1);
    if let Ends::Line(end) = &format.ends {
        let mut line =
            format!("{} ", ["GET", "SET", "ACK", "PING", "DATA", "BYE"][usize::from(*kind - 1)]).into_bytes();
        line.extend(body(c, &Body::Text, length));
        line.extend(end);
        return line;
    }
    let mut data = body(c, content, length);
    let put = |c: &mut Chance, parts: &[Part], out: &mut Vec<u8>| {
        for part in parts {
            match part {
                Part::Constant(bytes) => out.extend(bytes),
                Part::Kind => out.push(*kind),
                Part::Counter(width, little) => {
                    let bytes = (number as u64).to_be_bytes()[8 - width..].to_vec();
                    if *little { out.extend(bytes.iter().rev()) } else { out.extend(bytes) }
                }
                Part::Random(count) => out.extend((0..*count).map(|_| c.next() as u8)),
                Part::Flags => out.push(c.of(&[0, 1, 2, 3, 0x80])),
                Part::Zero(count) => out.extend(vec![0; *count]),
            }
        }
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    put(c, &format.before, &mut before);
    put(c, &format.after, &mut after);
    if let Ends::Fixed(size) = format.ends {
        data = body(c, content, size);
    }
    let rest = after.len() + data.len() + format.check;
    let field = match &format.ends {
        Ends::Length { varint: true, .. } => {
            let (mut value, mut out) = (rest, Vec::new());
            while value >= 0x80 {
                out.push(value as u8 | 0x80);
                value >>= 7;
            }
            out.push(value as u8);
            out
        }
        Ends::Length { digits: true, whole, .. } => {
            format!("{:04}", rest + if *whole { before.len() + 4 } else { 0 }).into_bytes()
        }
        Ends::Length { width, little, whole, plus, .. } => {
            let value = rest as i64 + if *whole { (before.len() + width) as i64 } else { 0 } + plus;
            let bytes = value.max(0).cast_unsigned().to_be_bytes()[8 - width..].to_vec();
            if *little { bytes.into_iter().rev().collect() } else { bytes }
        }
        _ => Vec::new(),
    };
    let mut all = before;
    all.extend(field);
    all.extend(after);
    all.extend(data);
    // Any function of the message's bytes looks random.
    let mut sum = 0xFFFF_FFFFu32;
    for &byte in &all {
        sum = (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193).rotate_left(5);
    }
    all.extend(&sum.to_be_bytes()[..format.check]);
    all
}

/// How the messages are divided among segments.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    /// Each has its own.
    Each,
    /// Some share one.
    Some,
    /// They are full.
    Full,
}

struct Drawn {
    format: Format,
    style: Style,
    runs: Vec<Run>,
    bounds: Vec<Vec<usize>>,
}

fn draw(seed: u64, messages: usize) -> Drawn {
    let chance = &mut Chance(seed);
    let format = format(chance);
    let style = chance.of(&[Style::Each, Style::Some, Style::Full]);
    let talks = 1 + chance.below(4);
    let (mut runs, mut all) = (Vec::new(), Vec::new());
    for _ in 0..talks {
        let (mut run, mut bounds) = (Run { begins: true, ends: true, ..Run::default() }, vec![0]);
        let mut number = chance.below(1000);
        for _ in 0..messages / talks {
            number += 1;
            let begins = style == Style::Each || style == Style::Some && !chance.one_in(3);
            if begins && !run.bytes.is_empty() {
                run.segments.push(run.bytes.len());
            }
            run.bytes.extend(message(chance, &format, number));
            bounds.push(run.bytes.len());
        }
        if style == Style::Full {
            run.segments = (1448..run.bytes.len()).step_by(1448).collect();
        }
        run.segments.insert(0, 0);
        run.times = vec![0; run.segments.len()];
        runs.push(run);
        all.push(bounds);
    }
    Drawn { format, style, runs, bounds: all }
}

impl Drawn {
    /// The share of messages that begin and end where a framing says.
    fn right(&self, framing: &Framing) -> f64 {
        let (mut right, mut all) = (0, 0);
        for (run, bounds) in self.runs.iter().zip(&self.bounds) {
            let found: std::collections::HashSet<(usize, usize)> = framing
                .find(run, usize::MAX)
                .messages()
                .map(|message| (message.start, message.end))
                .collect();
            all += bounds.len() - 1;
            right += bounds.windows(2).filter(|pair| found.contains(&(pair[0], pair[1]))).count();
        }
        right as f64 / all as f64
    }
}

fn good(seeds: std::ops::Range<u64>, messages: usize) -> usize {
    let is_good = |seed: &u64| {
        let drawn = draw(*seed, messages);
        let runs: Vec<&Run> = drawn.runs.iter().collect();
        let [found, _] = of_both([&runs, &[]], 5000);
        let share = found.first().map_or(0.0, |best| drawn.right(&best.framing));
        if share < 0.99 {
            println!("{seed}: {share:.2} {:?} {:?} as {:?}", drawn.style, drawn.format, found.first());
        }
        share >= 0.99
    };
    seeds.filter(is_good).count()
}

fn draws() -> u64 {
    std::env::var("GUESS_DRAWS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

#[test]
fn boundaries_are_found_from_two_hundred_messages() {
    let all = draws();
    let good = good(0..all, 200);
    println!("{good} of {all} from 200 messages");
    assert!(good * 10 >= all as usize * 9, "{good} of {all}");
}

#[test]
fn boundaries_are_found_from_twenty_messages() {
    let all = draws();
    let good = good(1_000_000..1_000_000 + all, 20);
    println!("{good} of {all} from 20 messages");
    assert!(good * 10 >= all as usize * 6, "{good} of {all}");
}

#[test]
fn a_framing_is_as_often_right_as_its_confidence_says() {
    let (mut bins, mut sure) = ([(0usize, 0usize, 0.0f64); 10], (0, 0));
    for (number, messages) in [10, 20, 50, 200].into_iter().enumerate() {
        for seed in 0..draws() / 2 {
            let drawn = draw(2_000_000 + seed + 10_000 * number as u64, messages);
            let runs: Vec<&Run> = drawn.runs.iter().collect();
            let [found, _] = of_both([&runs, &[]], 5000);
            let Some(best) = found.first() else { continue };
            let (confidence, is_right) = (best.confidence(), drawn.right(&best.framing) >= 0.99);
            let bin = &mut bins[((confidence * 10.0) as usize).min(9)];
            *bin = (bin.0 + 1, bin.1 + usize::from(is_right), bin.2 + confidence);
            if confidence > 0.9 {
                sure = (sure.0 + usize::from(!is_right), sure.1 + 1);
            }
        }
    }
    for (bin, (all, right, sum)) in bins.iter().enumerate().filter(|(_, bin)| bin.0 > 0) {
        println!("0.{bin} to 0.{}: {right} of {all} right, {:.2} on average", bin + 1, sum / *all as f64);
    }
    println!("surer than 0.9 and wrong: {} of {}", sure.0, sure.1);
    let (all, right, sum) =
        bins.iter().fold((0, 0, 0.0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1, sum.2 + bin.2));
    assert!(
        (right as f64 - sum).abs() < 0.15 * all as f64,
        "{right} of {all} are right, {sum:.1} were expected"
    );
    assert!(sure.0 * 50 <= sure.1 + 49, "{} of {} sure ones are wrong", sure.0, sure.1);
}

#[test]
fn requests_and_replies_of_random_bytes_are_not_divided() {
    for seed in 0..4 {
        let chance = &mut Chance(seed);
        let mut side = || {
            let mut run = Run { begins: true, ends: true, ..Run::default() };
            for _ in 0..40 {
                run.segments.push(run.bytes.len());
                run.times.push(0);
                run.answered.push(true);
                run.bytes.extend((0..20 + chance.below(200)).map(|_| chance.next() as u8));
            }
            run
        };
        let sides = [side(), side()];
        let found = guess(&Sample { talks: vec![Talk { sides, ..Talk::default() }] }, "mine", &|_| true);
        for framed in found.iter().flat_map(|found| found.framings.iter().flatten()) {
            assert_eq!(framed.framing.rule, Rule::Segment, "{seed}: {:?}", framed.framing);
        }
    }
}

/// A conversation in which the client says these bytes, in segments of a size.
fn talk(bytes: Vec<u8>, segment: usize) -> Talk {
    let segments: Vec<usize> = (0..bytes.len()).step_by(segment).collect();
    let times = vec![0; segments.len()];
    let run = Run { bytes, segments, times, begins: true, ends: true, ..Run::default() };
    Talk { sides: [run, Run::default()], ..Talk::default() }
}

#[test]
fn nothing_is_found_in_random_and_compressed_bytes() {
    for seed in 0..6 {
        let chance = &mut Chance(seed);
        let bytes: Vec<u8> = (0..60_000).map(|_| chance.next() as u8).collect();
        let found = guess(&Sample { talks: vec![talk(bytes, 1448)] }, "mine", &|_| true);
        assert!(found.is_empty(), "{seed}: {:?}", found.first().map(|found| &found.evidence));
        let text: Vec<u8> = (0..400_000).map(|_| b"etaoin shrdlu"[chance.below(13)]).collect();
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packer, &text).unwrap();
        let found = guess(&Sample { talks: vec![talk(packer.finish().unwrap(), 1448)] }, "mine", &|_| true);
        assert!(found.is_empty(), "{seed}: {:?}", found.first().map(|found| &found.evidence));
    }
}

#[test]
fn how_far_a_guess_is_rises_and_no_stop_is_overheard() {
    let drawn = draw(3, 200);
    let talks = drawn.runs.into_iter().map(|run| Talk { sides: [run, Run::default()], ..Talk::default() });
    let sample = Sample { talks: talks.collect() };
    let heard = std::cell::RefCell::new(Vec::new());
    let found = guess(&sample, "mine", &|done| {
        heard.borrow_mut().push(done);
        true
    });
    let heard = heard.into_inner();
    assert!(!found.is_empty() && heard.len() > 50 && heard.is_sorted(), "{heard:?}");
    assert!(heard.iter().all(|done| (0.0..=1.0).contains(done)), "{heard:?}");
    for most in [0, 1, 5, heard.len() / 2, heard.len() - 1] {
        let count = std::cell::Cell::new(0);
        guess(&sample, "mine", &|_| {
            count.set(count.get() + 1);
            count.get() <= most
        });
        // The parts that are under way each hear it once.
        assert!(count.get() <= most + 10, "{} after {most}", count.get());
    }
}

#[test]
fn every_description_is_loaded() {
    for seed in 0..draws() * 2 {
        let drawn = draw(seed, 60);
        let talks =
            drawn.runs.into_iter().map(|run| Talk { sides: [run, Run::default()], ..Talk::default() });
        for found in guess(&Sample { talks: talks.collect() }, "mine", &|_| true) {
            let loaded = framescope_ksy::Described::from_ksy(&found.description);
            let loaded = loaded.unwrap_or_else(|error| panic!("{seed}: {error}\n{}", found.description));
            assert_eq!(loaded.warnings(), [], "{seed}: {}", found.description);
        }
    }
}

#[test]
fn any_bytes_give_descriptions_that_are_loaded() {
    for seed in 0..12 {
        let chance = &mut Chance(seed);
        let mut talks = Vec::new();
        for _ in 0..1 + chance.below(4) {
            let alphabet = chance.of(&[2, 3, 8, 256]);
            let is_datagrams = chance.one_in(4);
            let mut side = || {
                let length = chance.below(400);
                let bytes: Vec<u8> = (0..length).map(|_| (chance.below(alphabet) * 7) as u8).collect();
                let mut segments: Vec<usize> =
                    (0..chance.below(20)).map(|_| chance.below(length + 1)).collect();
                segments.push(0);
                segments.sort_unstable();
                segments.dedup();
                segments.retain(|&begin| begin < length);
                let times = vec![0; segments.len()];
                let (begins, ends) = (chance.one_in(2), chance.one_in(2));
                Run { bytes, segments, times, begins, ends, is_datagrams, ..Run::default() }
            };
            let sides = [side(), side()];
            talks.push(Talk { sides, ..Talk::default() });
        }
        for found in guess(&Sample { talks }, "mine", &|_| true) {
            let loaded = framescope_ksy::Described::from_ksy(&found.description);
            let loaded = loaded.unwrap_or_else(|error| panic!("{seed}: {error}\n{}", found.description));
            assert_eq!(loaded.warnings(), [], "{seed}: {}", found.description);
        }
    }
}
