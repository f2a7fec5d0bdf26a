//! How fast described protocols are, beside the native reader of the same format, Kaitai Struct's generated Python, and
//! tshark with Lua: `cargo bench --manifest-path benches/Cargo.toml --bench described`. Prints tables in Markdown.

use std::path::Path;
use std::time::Instant;

use framescope_benches::{Contender, compare};
use framescope_ksy::Described;
use framescope_parser::missive::{Flags, Frame, Kind, Missive};
use framescope_parser::{Code, Framer, Protocol, TileType, Value, Visit};

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats/missive.ksy");
    let described = Described::from_file(&path).expect("the description of Missive has no mistakes");
    let only = std::env::var("ONLY").unwrap_or_default();
    if matches!(only.as_str(), "find" | "index" | "apart") {
        profile(&described, &only);
    }
    if only.is_empty() || only == "speed" {
        println!("## Missive described, of Missive native\n");
        speed(&described);
    }
    if only.is_empty() || only == "load" {
        println!("\n## Loading\n");
        load();
    }
}

/// About 8 MiB of frames with payloads of that size.
fn stream(payload: usize) -> Vec<u8> {
    let text: Vec<u8> = b"the quick brown fox jumps over the lazy dog ".iter().copied().cycle().take(payload).collect();
    let mut out = Vec::new();
    let mut count: u32 = 0;
    while out.len() < 8 << 20 {
        let frame = Frame { flags: Flags::CHECKSUM, sequence: count, channel: 1, payload: &text, ..Frame::new(Kind::DATA) };
        frame.encode(None, &mut out).expect("the frame can be written");
        count += 1;
    }
    out
}

/// Keeps kind and codes, as an index does.
#[derive(Default)]
struct Outlined {
    kind: u64,
    codes: u64,
    fields: u64,
}

impl<'a> Visit<'a> for Outlined {
    fn kind(&mut self, kind: framescope_parser::Kind<'a>) {
        self.kind += kind.value;
    }
    fn field(&mut self, _: &'a str, _: std::ops::Range<usize>, _: Value<'a>) {
        self.fields += 1;
    }
    fn begin(&mut self, _: &'a str, _: std::ops::Range<usize>, _: Value<'a>) {
        self.fields += 1;
    }
    fn end(&mut self) {}
    fn problem(&mut self, _: Code, _: std::ops::Range<usize>, _: std::fmt::Arguments<'_>) {
        self.codes += 1;
    }
    fn summary(&mut self, _: std::fmt::Arguments<'_>) {}
}

/// Messages found in a stream, in segments of a network's size, and what `each` makes of them.
fn run(protocol: &dyn Protocol, bytes: &[u8], mut each: impl FnMut(&[u8], bool) -> u64) -> u64 {
    let (mut framer, mut sum) = (Framer::default(), 0);
    for segment in bytes.chunks(64 << 10) {
        framer.segment(protocol, segment, &mut |tile, bytes| {
            if tile.tile_type == TileType::Message {
                sum += each(bytes, tile.checked);
            }
        });
    }
    sum
}

/// One of the works alone, again and again, for a profiler.
fn profile(described: &Described, work: &str) {
    let all = stream(16);
    // An instruction counter is slow.
    let bytes = &all[..std::env::var("BYTES").map_or(all.len(), |bytes| bytes.parse().expect("a number"))];
    for _ in 0..20 {
        let sum = run(described, bytes, |bytes, checked| {
            let mut outlined = Outlined::default();
            match work {
                "index" => described.outline(bytes, checked, &mut outlined),
                "apart" => described.dissect(bytes, &mut outlined),
                _ => {}
            }
            outlined.kind
        });
        std::hint::black_box(sum);
    }
}

fn speed(described: &Described) {
    let native = Missive::default();
    println!("| payload | found: described | of native | indexed: described | of native | taken apart: described | of native |");
    println!("|---|---|---|---|---|---|---|");
    for payload in [16, 256, 4 << 10] {
        let bytes = stream(payload);
        let found = |protocol: &dyn Protocol| run(protocol, &bytes, |_, _| 1);
        let indexed = |protocol: &dyn Protocol| {
            run(protocol, &bytes, |bytes, checked| {
                let mut outlined = Outlined::default();
                protocol.outline(bytes, checked, &mut outlined);
                outlined.kind + outlined.codes + 1
            })
        };
        let apart = |protocol: &dyn Protocol| {
            run(protocol, &bytes, |bytes, _| {
                let mut outlined = Outlined::default();
                protocol.dissect(bytes, &mut outlined);
                outlined.kind + outlined.codes + 1
            })
        };
        let frames = found(&native);
        let mut line = format!("| {payload} B |");
        type Work<'w> = &'w dyn Fn(&dyn Protocol) -> u64;
        for work in [&found as Work<'_>, &indexed, &apart] {
            let mut contenders: Vec<Contender<'_>> =
                vec![("native", Box::new(|| work(&native))), ("described", Box::new(|| work(described)))];
            let times = compare(5, &mut contenders);
            let each = times[1].median() * 1e9 / frames as f64;
            line += &format!(" {each:.0} ns | {:.2} |", times[1].speed_against(&times[0]));
        }
        println!("{line}");
    }
}

/// A description of so many lines.
fn long(lines: usize) -> String {
    let mut text = "meta: {id: long, endian: be}\nseq:\n  - {id: head, type: t0}\ntypes:\n".to_owned();
    let mut at = 0;
    while text.lines().count() < lines {
        text += &format!(
            "  t{at}:\n    seq:\n      - id: kind\n        type: u1\n        enum: kinds\n      - id: length\n        type: u2\n        \
             valid: {{max: 1000}}\n      - id: body\n        size: length - 1 + kind.to_i * 0\n        if: length > 0 and kind != kinds::two\n"
        );
        at += 1;
    }
    text + "enums:\n  kinds:\n    1: one\n    2: two\n"
}

fn load() {
    let text = long(500);
    let mut times: Vec<f64> = (0..20)
        .map(|_| {
            let begun = Instant::now();
            Described::from_ksy(&text).expect("it has no mistakes");
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("a description of {} lines: {:.2} ms (median of 20)", text.lines().count(), times[10]);
}
