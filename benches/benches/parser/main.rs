//! How fast the parser crate is: `cargo bench --manifest-path benches/Cargo.toml`. Prints tables in Markdown.

mod derived;
mod floor;

use std::path::Path;
use std::process::{Command, Stdio};

use framescope_benches::{Contender, compare};
use framescope_parser::missive::{Decoder, Flags, Frame, FrameBuf, Header, Item, Kind, Missive};

fn main() {
    println!("## Frames from a slice\n");
    slices();
    println!("\n## Skipping 1 MiB of garbage\n");
    garbage();
    println!("\n## Bytes as they arrive\n");
    incremental();
}

/// About 8 MiB of frames with payloads of that size.
fn stream(payload: usize, checksum: bool) -> (Vec<u8>, u64) {
    let text: Vec<u8> =
        (0..payload).map(|i| b"the quick brown fox jumps over the lazy dog "[i % 44]).collect();
    let flags = if checksum { Flags::CHECKSUM } else { Flags::default() };
    let mut out = Vec::new();
    let mut count: u32 = 0;
    while out.len() < 8 << 20 {
        let frame = Frame { flags, sequence: count, channel: 1, payload: &text, ..Frame::new(Kind::DATA) };
        frame.encode(None, &mut out).expect("the frame can be written");
        count += 1;
    }
    (out, count.into())
}

/// What every contender does with a frame: looks at its fields.
fn look(kind: u8, sequence: u32, payload: &[u8]) -> u64 {
    u64::from(kind) + u64::from(sequence) + payload.len() as u64 + u64::from(payload[payload.len() / 2])
}

fn slices() {
    println!(
        "| payload | checks | frames/s | GB/s | of the floor: `decode` | `frames` | deku | binrw | Python | allocations | of the CRCs' own speed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for checksum in [false, true] {
        for payload in [16, 64, 256, 4 << 10, 64 << 10] {
            let (bytes, frames) = stream(payload, checksum);
            let missive = Missive::default();
            let ours = || {
                let mut sum = 0;
                for one in missive.frames(&bytes) {
                    if let Item::Frame(frame) = &one.item {
                        sum += look(frame.kind.0, frame.sequence, frame.payload);
                    }
                }
                sum
            };
            let with = |decode: &dyn Fn(&[u8]) -> Option<(u64, usize)>| {
                let (mut sum, mut rest) = (0, &bytes[..]);
                while let Some((looked, left)) = decode(rest) {
                    sum += looked;
                    rest = &rest[rest.len() - left..];
                }
                sum
            };
            let decode = || {
                let (mut sum, mut rest) = (0, &bytes[..]);
                while let Ok((frame, behind)) = missive.decode(rest) {
                    sum += look(frame.kind.0, frame.sequence, frame.payload);
                    rest = behind;
                }
                sum
            };
            let mut contenders: Vec<Contender<'_>> = vec![
                ("frames", Box::new(ours)),
                ("decode", Box::new(decode)),
                (
                    "floor",
                    Box::new(|| {
                        let (mut sum, mut rest) = (0, &bytes[..]);
                        while let Some((frame, behind)) = floor::decode(rest) {
                            sum += look(frame.kind, frame.sequence, frame.payload);
                            rest = behind;
                        }
                        sum
                    }),
                ),
                (
                    "deku",
                    Box::new(|| {
                        with(&|rest| {
                            let (frame, rest) = derived::deku(rest)?;
                            Some((look(frame.kind, frame.sequence, &frame.payload), rest.len()))
                        })
                    }),
                ),
                (
                    "binrw",
                    Box::new(|| {
                        with(&|rest| {
                            let (frame, rest) = derived::binrw(rest)?;
                            Some((look(frame.kind, frame.sequence, &frame.payload), rest.len()))
                        })
                    }),
                ),
            ];
            let times = compare(21, &mut contenders);
            let allocations = allocation_counter::measure(|| {
                std::hint::black_box((ours(), decode()));
            });
            let share = if checksum {
                let checks = checks_alone(&bytes, payload + 24);
                let mut pair: Vec<Contender<'_>> = vec![
                    (
                        "framescope",
                        Box::new(|| {
                            decode();
                            0
                        }),
                    ),
                    (
                        "checks",
                        Box::new(|| {
                            checks();
                            0
                        }),
                    ),
                ];
                let times = compare(21, &mut pair);
                format!("{:.0} %", 100.0 * times[0].speed_against(&times[1]))
            } else {
                "–".to_owned()
            };
            let seconds = times[1].median();
            println!(
                "| {payload} B | {} | {:.2} M | {:.2} | {:.2} | {:.2} | 1/{:.1} | 1/{:.1} | {} | {} | {share} |",
                if checksum { "on" } else { "off" },
                frames as f64 / seconds / 1e6,
                bytes.len() as f64 / seconds / 1e9,
                times[1].speed_against(&times[2]),
                times[0].speed_against(&times[2]),
                times[1].speed_against(&times[3]),
                times[1].speed_against(&times[4]),
                python(&bytes, frames)
                    .map_or("not found".to_owned(), |python| format!("1/{:.0}", python / seconds)),
                allocations.count_total,
            );
        }
    }
}

/// Only the checks over the same frames: what can't be had faster.
fn checks_alone(bytes: &[u8], length: usize) -> impl Fn() -> u64 {
    move || {
        let checks = |frame: &[u8]| {
            u64::from(frame.first_chunk().map_or(0, floor::header_check))
                + u64::from(crc32fast::hash(&frame[..length - 4]))
        };
        bytes.chunks_exact(length).map(checks).sum()
    }
}

/// How many seconds the Python peer takes for the same frames, each of its bytes checked as well.
fn python(bytes: &[u8], frames: u64) -> Option<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = "import sys, time; sys.path.insert(0, sys.argv[1]); import missive\n\
        data = sys.stdin.buffer.read(); reader = missive.Reader(); start = time.perf_counter()\n\
        count = sum(1 for at in range(0, len(data), 65536) for frame in reader.feed(data[at:at + 65536]))\n\
        print(count, time.perf_counter() - start)";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(root.join("corpus/peers"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    std::io::Write::write_all(&mut child.stdin.take()?, bytes).ok()?;
    let said = String::from_utf8(child.wait_with_output().ok()?.stdout).ok()?;
    let (count, seconds) = said.trim().split_once(' ')?;
    assert_eq!(count.parse(), Ok(frames), "the Python peer read other frames");
    seconds.parse().ok()
}

/// Garbage before a frame, of about that length.
fn garbage_of(length: usize) -> [(&'static str, Vec<u8>); 5] {
    let mut state: u32 = 1;
    let noise = (0..length).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let header = |left: usize| {
        Header {
            version: 1,
            kind: Kind::DATA,
            flags: Flags::CHECKSUM,
            extensions_length: 0,
            payload_length: u32::try_from(left).expect("a few mebibytes fit"),
            sequence: 0,
            channel: 0,
            header_check: 0,
        }
        .to_bytes()
    };
    let count = length / 20;
    [
        ("zeros", vec![0; length]),
        ("noise", noise.collect()),
        ("first bytes of magics", vec![0xF5; length]),
        ("magics", [0xF5, 0x4D].repeat(length / 2)),
        (
            "valid headers, each claiming all that follows, with checksums that fail",
            // The last of the claims end in the zeros.
            (0..count).flat_map(|i| header((count - i) * 20)).chain([0; 64]).collect(),
        ),
    ]
}

fn garbage() {
    println!("| the bytes before the frame | ms | GB/s | of copying it | ms for 4 MiB |");
    println!("|---|---|---|---|---|");
    for ((name, one), (_, four)) in garbage_of(1 << 20).into_iter().zip(garbage_of(4 << 20)) {
        let length = one.len();
        let [one, four] = [one, four].map(|mut bytes| {
            bytes.extend(FrameBuf::new(Kind::PING).to_bytes().expect("the frame can be written"));
            bytes
        });
        let missive = Missive::default();
        let find = |bytes: &[u8]| {
            let frames = missive.frames(bytes).filter(|one| matches!(one.item, Item::Frame(_)));
            assert_eq!(frames.count(), 1);
            0
        };
        let mut copy = one.clone();
        let mut contenders: Vec<Contender<'_>> = vec![
            ("1 MiB", Box::new(|| find(&one))),
            ("4 MiB", Box::new(|| find(&four))),
            (
                "copy",
                Box::new(|| {
                    copy.copy_from_slice(&one);
                    0
                }),
            ),
        ];
        let times = compare(15, &mut contenders);
        let seconds = times[0].median();
        println!(
            "| {name} | {:.3} | {:.2} | {:.3} | {:.3} |",
            seconds * 1e3,
            length as f64 / seconds / 1e9,
            times[0].speed_against(&times[2]),
            times[1].median() * 1e3,
        );
    }
}

fn incremental() {
    println!("| stream | fed | GB/s | of the frames from a slice |");
    println!("|---|---|---|---|");
    let one = |mebibytes: usize| {
        let payload = vec![b'a'; mebibytes << 20];
        FrameBuf::new(Kind::DATA)
            .flags(Flags::CHECKSUM)
            .payload(payload)
            .to_bytes()
            .expect("a payload at the limit")
    };
    let small = stream(256, true).0;
    let mut cases: Vec<(String, Vec<u8>, usize)> = Vec::new();
    for at_once in [1, 16, 1448, 65_536] {
        cases.push(("frames of 256 B, checks on".to_owned(), small.clone(), at_once));
    }
    for mebibytes in [1, 4, 16] {
        cases.push((format!("one frame of {mebibytes} MiB"), one(mebibytes), 1));
    }
    for at_once in [16, 1448, 65_536] {
        cases.push(("one frame of 16 MiB".to_owned(), one(16), at_once));
    }
    for (name, bytes, at_once) in cases {
        let missive = Missive::default();
        let mut contenders: Vec<Contender<'_>> = vec![
            (
                "fed",
                Box::new(|| {
                    let (mut decoder, mut count) = (Decoder::new(Missive::default()), 0);
                    for piece in bytes.chunks(at_once) {
                        decoder.push(piece);
                        while decoder.receive().is_some() {
                            count += 1;
                        }
                    }
                    count
                }),
            ),
            ("slice", Box::new(|| missive.frames(&bytes).count() as u64)),
        ];
        let times = compare(if at_once == 1 { 5 } else { 11 }, &mut contenders);
        println!(
            "| {name} | {at_once} B | {:.3} | {:.2} |",
            bytes.len() as f64 / times[0].median() / 1e9,
            times[0].speed_against(&times[1])
        );
    }
}
