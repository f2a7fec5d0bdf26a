//! How fast described protocols are, beside the native reader of the same format, Kaitai Struct's generated Python, and
//! tshark with Lua: `cargo bench --manifest-path benches/Cargo.toml --bench described`. Prints tables in Markdown.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use framescope_benches::{Contender, compare};
use framescope_capture::{Options, Source, read};
use framescope_ksy::Described;
use framescope_parser::missive::{Flags, Frame, Kind, Missive};
use framescope_parser::{Code, Dissection, Framer, Protocol, SpanType, Value, Visit, with_built_in};
use framescope_traffic::{Container, Shape, write};

mod shapes;

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
    if only.is_empty() || only == "shapes" {
        println!("\n## Other shapes, dissected by the program and by the interpreter\n");
        shapes::measure();
    }
    if only.is_empty() || only == "peers" {
        println!("\n## Beside Kaitai Struct's Python, and tshark with Lua\n");
        beside_kaitai(&described);
        beside_tshark(&described);
    }
    if only.is_empty() || only == "allocations" {
        println!("\n## Allocations a message\n");
        allocations(&described);
    }
    if only.is_empty() || only == "load" {
        println!("\n## Loading\n");
        load();
    }
}

/// About 8 MiB of frames with payloads of that size.
fn stream(payload: usize) -> Vec<u8> {
    let text: Vec<u8> =
        b"the quick brown fox jumps over the lazy dog ".iter().copied().cycle().take(payload).collect();
    let mut out = Vec::new();
    let mut count: u32 = 0;
    while out.len() < 8 << 20 {
        let frame = Frame {
            flags: Flags::CHECKSUM,
            sequence: count,
            channel: 1,
            payload: &text,
            ..Frame::new(Kind::DATA)
        };
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
        framer.segment(protocol, segment, &mut |span, bytes| {
            if span.span_type == SpanType::Message {
                sum += each(bytes.bytes(), span.checked);
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
    println!(
        "| payload | found: described | of native | indexed: described | of native | dissected: described | of native |"
    );
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

/// Frames a second of Kaitai's generated Python and of what is here, on the same bytes. The class is made beforehand:
/// `FRAMESCOPE_KAITAI` names its folder.
fn beside_kaitai(described: &Described) {
    let Some(folder) = std::env::var_os("FRAMESCOPE_KAITAI") else {
        println!("FRAMESCOPE_KAITAI names no folder with Kaitai Struct's missive.py: it is not measured\n");
        return;
    };
    println!("| payload | Kaitai's Python, frames/s | found | indexed | dissected |");
    println!("|---|---|---|---|---|");
    for payload in [16, 256] {
        let bytes = &stream(payload)[..(20 + payload + 4) * 20_000];
        let path = std::env::temp_dir().join("framescope-kaitai.bin");
        std::fs::write(&path, bytes).expect("the stream can be written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/described/kaitai.py");
        let output =
            Command::new("python3").arg(script).arg(&folder).arg(&path).output().expect("python3 runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = printed.split_whitespace().map(|number| number.parse::<f64>().expect("a number"));
        let (frames, seconds) = (numbers.next().expect("frames"), numbers.next().expect("seconds"));
        let theirs = frames / seconds;
        let mut line = format!("| {payload} B | {theirs:.0} |");
        for work in ["find", "index", "apart"] {
            let mut times: Vec<f64> = (0..7)
                .map(|_| {
                    let begun = Instant::now();
                    let found = run(described, bytes, |bytes, checked| {
                        let mut outlined = Outlined::default();
                        match work {
                            "index" => described.outline(bytes, checked, &mut outlined),
                            "apart" => described.dissect(bytes, &mut outlined),
                            _ => {}
                        }
                        1
                    });
                    assert_eq!(found as f64, frames, "both read the same frames");
                    begun.elapsed().as_secs_f64()
                })
                .collect();
            times.sort_by(f64::total_cmp);
            line += &format!(" {:.0} times |", frames / times[3] / theirs);
        }
        println!("{line}");
    }
    println!();
}

/// From a capture to rows, and tshark with its dissector in Lua.
fn beside_tshark(described: &Described) {
    let path = std::env::temp_dir().join("framescope-described.pcap");
    let messages = 200_000;
    let file = std::fs::File::create(&path).expect("a capture can be made");
    let shape = Shape { messages, ..Shape::default() };
    write(&shape, Container::Pcap, file).expect("the capture can be written");
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let options = Options {
                protocols: with_built_in(vec![Arc::new(described.clone())]),
                decode_as: vec!["tcp.port=9000=missive".parse().expect("a rule")],
                ..Options::default()
            };
            let begun = Instant::now();
            let index =
                read(Source::open(&path).expect("it opens"), &options, &mut |_| true).expect("it is read");
            assert!(index.row_count() as u64 >= messages);
            begun.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let lua = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/peers/missive.lua");
    let mut theirs: Vec<f64> = (0..3)
        .map(|_| {
            let begun = Instant::now();
            let done = Command::new("tshark")
                .args([
                    "-n",
                    "-X",
                    &format!("lua_script:{}", lua.display()),
                    "-q",
                    "-z",
                    "io,stat,0,missive",
                    "-r",
                ])
                .arg(&path)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(done.is_ok_and(|status| status.success()), "tshark runs");
            begun.elapsed().as_secs_f64()
        })
        .collect();
    theirs.sort_by(f64::total_cmp);
    println!(
        "{messages} messages from a capture: described {:.3} s, tshark with Lua {:.2} s, {:.0} times as long",
        times[2],
        theirs[1],
        theirs[1] / times[2]
    );
}

/// How often the allocator is called, once buffers have grown.
fn allocations(described: &Described) {
    let bytes = stream(256);
    println!("| found | indexed | dissected, and discarded | the tree of fields |");
    println!("|---|---|---|---|");
    let mut line = String::from("|");
    for work in ["find", "index", "apart", "tree"] {
        let once = || {
            run(described, &bytes[..1 << 16], |bytes, checked| {
                let mut outlined = Outlined::default();
                match work {
                    "index" => described.outline(bytes, checked, &mut outlined),
                    "apart" => described.dissect(bytes, &mut outlined),
                    "tree" => return Dissection::of(described, bytes).fields.len() as u64,
                    _ => {}
                }
                1
            })
        };
        once();
        let frames = run(described, &bytes[..1 << 16], |_, _| 1);
        let counted = allocation_counter::measure(|| {
            std::hint::black_box(once());
        });
        line += &format!(" {:.2} |", counted.count_total as f64 / frames as f64);
    }
    println!("{line}");
}

/// A description of this many lines.
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
