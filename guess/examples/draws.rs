//! How often a guess finds the boundaries of messages of formats that are drawn at random.
//!
//! `draws [FROM] [COUNT] [MESSAGES]`
use framescope_guess::Run;
use framescope_guess::framing::of_both;

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
    Nothing,
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
    trailer: Vec<u8>,
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
    Format { before, ends, after, check, kinds, trailer: vec![] }
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
            let bytes = (value.max(0) as u64).to_be_bytes()[8 - width..].to_vec();
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
    all.extend(&format.trailer);
    all
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().unwrap());
    let (from, count, messages) =
        (args.next().unwrap_or(0), args.next().unwrap_or(100), args.next().unwrap_or(200));
    let (mut good, mut all) = (0, 0);
    for seed in from..from + count {
        let mut c = Chance(seed);
        let c = &mut c;
        let format = format(c);
        let style = c.below(3);
        let talks = 1 + c.below(4);
        let each = messages as usize / talks;
        let mut runs = Vec::new();
        let mut truth = Vec::new();
        for _ in 0..talks {
            let (mut run, mut bounds) = (Run { begins: true, ends: true, ..Run::default() }, vec![0]);
            let mut number = c.below(1000);
            for _ in 0..each {
                number += 1;
                let begins = match style {
                    0 => true,
                    1 => !c.one_in(3),
                    _ => false,
                };
                if begins && !run.bytes.is_empty() {
                    run.segments.push(run.bytes.len());
                }
                run.bytes.extend(message(c, &format, number));
                bounds.push(run.bytes.len());
            }
            if style == 2 {
                run.segments = (1448..run.bytes.len()).step_by(1448).collect();
            }
            run.segments.insert(0, 0);
            run.times = vec![0; run.segments.len()];
            runs.push(run);
            truth.push(bounds);
        }
        let runs: Vec<&Run> = runs.iter().collect();
        let begin = std::time::Instant::now();
        let [found, _] = of_both([&runs, &[]], 5000);
        let took = begin.elapsed();
        let score = |framing: &framescope_guess::framing::Framing| {
            let (mut right, mut of) = (0, 0);
            for (run, bounds) in runs.iter().zip(&truth) {
                let found = framing.find(run, usize::MAX);
                of += bounds.len() - 1;
                right += bounds
                    .windows(2)
                    .filter(|pair| found.messages().any(|m| m.start == pair[0] && m.end == pair[1]))
                    .count();
            }
            right as f64 / of as f64
        };
        let share = found.first().map_or(0.0, |best| score(&best.framing));
        all += 1;
        good += usize::from(share >= 0.99);
        if share < 0.99 {
            let rank = found.iter().position(|framed| score(&framed.framing) >= 0.99);
            println!(
                "{seed}: {share:.2} style {style} {:?} {:?} {:?} check {} kinds {:?} took {took:.0?} rank {rank:?}",
                format.before, format.ends, format.after, format.check, format.kinds
            );
            for framed in found.iter().take(1).chain(rank.and_then(|rank| found.get(rank))) {
                println!("     {:.0} {:?} {:?}", framed.weight.bits(), framed.framing, framed.weight);
            }
        }
    }
    println!("{good} of {all}");
}
