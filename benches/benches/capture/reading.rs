//! From files to indexes: how long it takes and how much memory it needs, for traffic of many shapes.

use std::path::Path;

use framescope_traffic::{Container, Notes, Shape};

use crate::captures::{full, long, made, made_as, open as open_at_once, short, small, unanswered};
use crate::measure::{
    Job, Measured, bytes_each, cell, compare, cpu, index_only, mib, ms, plain, row, scaled, seconds, seed,
    table, times,
};

const GIB: u64 = 1 << 30;

/// Reads a file into the page cache, so that it is there for later readers.
fn warm(file: &str) -> Option<Job> {
    Some(Job::part(&["read", file]))
}

fn index(file: &str) -> Option<Job> {
    Some(Job::part(&["index", file]))
}

fn megabytes(path: &Path) -> f64 {
    path.metadata().map_or(0.0, |metadata| metadata.len() as f64 / 1e6)
}

/// Beside the floor, on two cores and on one.
pub fn files() {
    table(
        "From a file to its index",
        &[
            "capture",
            "MB",
            "packets",
            "messages",
            "floor, ms",
            "ms",
            "of the floor",
            "on one core, ms",
            "of the floor",
            "MB/s",
            "packets/s",
            "peak MiB",
            "first rows, ms",
            "as a program, ms",
            "before, ms",
        ],
    );
    for (name, shape, rounds) in [
        ("a frame a packet, 100 connections, both ways", small(1_000_000), 7),
        ("the same, no replies", unanswered(1_000_000), 7),
        ("the same, answered, 2 % reordered", Shape { reorder: 0.02, ..small(1_000_000) }, 7),
        ("the same, answered, begun before the capture", Shape { begun: true, ..small(1_000_000) }, 7),
        ("short connections, four messages each", short(100_000), 7),
        ("full-size segments, 10 connections, both ways", full(GIB), 5),
        ("one stream in full-size segments", long(4 * GIB), 3),
    ] {
        let path = made(&shape);
        let file = plain(&path);
        let one_core = index(file).map(Job::on_one_core);
        // Another build is a program: beside it this one is too.
        let before = Job::before(&index_only(file));
        let program = before.as_ref().map(|_| Job::now(&index_only(file)));
        let [_, floor, Some(ours), alone, first, program, before] = compare(
            rounds,
            [
                warm(file),
                Some(Job::part(&["floor", file])),
                index(file),
                one_core,
                Some(Job::part(&["first", file])),
                program,
                before,
            ],
        ) else {
            continue;
        };
        let floor = floor.expect("the floor runs");
        let mb = megabytes(&path);
        row([
            name.to_owned(),
            format!("{mb:.0}"),
            floor.sum.to_string(),
            ours.sum.to_string(),
            ms(&floor),
            ms(&ours),
            times(&floor)(&ours),
            cell(&alone, ms),
            cell(&alone, times(&floor)),
            format!("{:.0}", mb / ours.seconds),
            format!("{:.1} M", floor.sum as f64 / ours.seconds / 1e6),
            mib(&ours),
            cell(&first, |first| format!("{:.1}", first.seconds * 1e3)),
            cell(&program, ms),
            cell(&before, ms),
        ]);
    }
}

/// Programs from their start to their end.
pub fn beside_tshark() {
    table(
        "Compared with tshark and the previous build, whole runs",
        &[
            "messages",
            "packets",
            "s",
            "of processors",
            "peak MiB",
            "before: s",
            "of processors",
            "peak MiB",
            "times as long",
            "tshark: s",
            "peak MiB",
            "times as long",
        ],
    );
    let shapes = [
        ("answered", small(1_000_000)),
        ("none answered", unanswered(1_000_000)),
        ("each retransmitted", Shape { notes: Notes::Retransmitted, ..small(1_000_000) }),
        (
            "each with a sequence-jump, none answered",
            Shape { notes: Notes::SequenceJump, ..unanswered(1_000_000) },
        ),
        ("each with a checksum-mismatch", Shape { notes: Notes::ChecksumMismatch, ..small(1_000_000) }),
        ("each glued, without a frame", Shape { bare: true, notes: Notes::Glued, ..small(1_000_000) }),
    ];
    for (name, shape) in shapes {
        let path = made(&shape);
        let file = plain(&path);
        let tshark = ["-n", "-r", file, "-d", "tcp.port==9000,data", "-q", "-z", "io,stat,0"];
        let [Some(packets), Some(ours), before, tshark] = compare(
            3,
            [
                Some(Job::part(&["floor", file])),
                Some(Job::now(&index_only(file))),
                Job::before(&index_only(file)),
                Some(Job::of("tshark", &tshark)),
            ],
        ) else {
            continue;
        };
        row([
            name.to_owned(),
            packets.sum.to_string(),
            seconds(&ours),
            cpu(&ours),
            mib(&ours),
            cell(&before, seconds),
            cell(&before, cpu),
            cell(&before, mib),
            cell(&before, times(&ours)),
            cell(&tshark, seconds),
            cell(&tshark, mib),
            cell(&tshark, times(&ours)),
        ]);
    }
    let lua = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/peers/missive.lua");
    let script = format!("lua_script:{}", lua.display());
    let path = made(&small(1_000_000));
    let with_lua = ["-n", "-X", &script, "-r", plain(&path), "-q", "-z", "io,stat,0,missive"];
    if let Some(theirs) = Job::of("tshark", &with_lua).run() {
        println!("\ntshark with the dissector in Lua, no checks, answered: {} s.", seconds(&theirs));
    }
}

/// What a message costs.
pub fn sizes() {
    table(
        "The first two, at three sizes",
        &[
            "messages",
            "answered",
            "ms",
            "ns a packet",
            "peak MiB",
            "bytes a message beyond 64 MiB",
            "before, ms",
            "peak MiB",
        ],
    );
    for (messages, rounds) in [(250_000, 7), (1_000_000, 7), (10_000_000, 3)] {
        for (answered, shape) in [("all", small(messages)), ("none", unanswered(messages))] {
            let path = made(&shape);
            let file = plain(&path);
            let before = Job::before(&index_only(file));
            let [_, Some(ours), before] = compare(rounds, [warm(file), index(file), before]) else {
                continue;
            };
            row([
                ours.sum.to_string(),
                answered.to_owned(),
                ms(&ours),
                format!("{:.0}", ours.seconds * 1e9 / ours.sum as f64),
                mib(&ours),
                format!("{:.0}", bytes_each(&ours, 64.0, ours.sum)),
                cell(&before, ms),
                cell(&before, mib),
            ]);
        }
    }
}

/// What it costs that a problem is noted for each message.
pub fn notes() {
    table(
        "A note on each message",
        &["messages", "compared with", "packets", "ms", "of that", "per packet", "more bytes a row"],
    );
    let (clean, none) = (small(1_000_000), unanswered(1_000_000));
    let bare = Shape { bare: true, ..small(1_000_000) };
    for (name, shape, beside, clean) in [
        ("none answered", none.clone(), "all answered", &clean),
        (
            "each retransmitted",
            Shape { notes: Notes::Retransmitted, ..clean.clone() },
            "the same without",
            &clean,
        ),
        (
            "each with a sequence-jump, none answered",
            Shape { notes: Notes::SequenceJump, ..none.clone() },
            "the same without",
            &none,
        ),
        (
            "each with a checksum-mismatch",
            Shape { notes: Notes::ChecksumMismatch, ..clean.clone() },
            "the same without",
            &clean,
        ),
        (
            "each glued, without a frame",
            Shape { notes: Notes::Glued, ..bare.clone() },
            "the same without",
            &bare,
        ),
    ] {
        let (path, clean) = (made(&shape), made(clean));
        let (file, clean) = (plain(&path), plain(&clean));
        let floor = |file| Some(Job::part(&["floor", file]));
        let [packets, clean_packets] = compare(1, [floor(file), floor(clean)]);
        let [Some(packets), Some(clean_packets)] = [packets, clean_packets] else { continue };
        let [Some(ours), Some(clean)] = compare(7, [index(file), index(clean)]) else { continue };
        let ratio = ours.seconds / clean.seconds;
        row([
            name.to_owned(),
            beside.to_owned(),
            packets.sum.to_string(),
            ms(&ours),
            format!("{ratio:.2}"),
            format!("{:.2}", ratio * clean_packets.sum as f64 / packets.sum as f64),
            format!("{:.0}", bytes_each(&ours, clean.peak_mib, ours.sum)),
        ]);
    }
}

/// A stream that is not captured as it was sent.
pub fn damage() {
    table(
        "One stream in full-size segments, in order or not",
        &["captured", "MB", "messages", "ms", "of that in order", "peak MiB", "before, ms", "peak MiB"],
    );
    let in_order = long(4 * GIB);
    let damaged = Shape { reorder: 0.02, loss: 0.01, ..in_order.clone() };
    let mut whole = None;
    for (name, shape) in [("in order", in_order), ("2 % reordered, 1 % lost", damaged)] {
        let path = made(&shape);
        let file = plain(&path);
        let [_, Some(ours), before] = compare(3, [warm(file), index(file), Job::before(&index_only(file))])
        else {
            continue;
        };
        let whole: &Measured = whole.get_or_insert(ours.clone());
        row([
            name.to_owned(),
            format!("{:.0}", megabytes(&path)),
            ours.sum.to_string(),
            ms(&ours),
            times(whole)(&ours),
            mib(&ours),
            cell(&before, ms),
            cell(&before, mib),
        ]);
    }
}

/// Connections that are all open at the same time.
pub fn open() {
    table(
        "Connections open at once, one message each",
        &["connections", "ms", "µs each", "peak MiB", "bytes each", "before, ms", "peak MiB"],
    );
    for connections in [100_000, 1_000_000] {
        let path = made(&open_at_once(connections));
        let file = plain(&path);
        let [_, Some(ours), before] = compare(3, [warm(file), index(file), Job::before(&index_only(file))])
        else {
            continue;
        };
        row([
            ours.sum.to_string(),
            ms(&ours),
            format!("{:.2}", ours.seconds * 1e6 / ours.sum as f64),
            mib(&ours),
            format!("{:.0}", bytes_each(&ours, 0.0, ours.sum)),
            cell(&before, ms),
            cell(&before, mib),
        ]);
    }
}

/// What a pcapng file has beside its packets, at two sizes, compared with the same packets without it.
pub fn pcapng() {
    table(
        "What pcapng stores besides packets",
        &["what", "how many", "ms", "ns each", "peak MiB", "bytes each", "before, ms", "peak MiB"],
    );
    let plain_file = Container::PcapNg { interfaces: 1, comments: false, names: 0 };
    for (name, most, messages) in [
        ("interfaces", 50_000, 100_000),
        ("comments", 1_000_000, 1_000_000),
        ("names of hosts", 1_000_000, 100_000),
    ] {
        for count in [scaled(most) / 4, scaled(most)] {
            // Each packet has a comment, so that there are as many packets as comments.
            let messages = if name == "comments" { count } else { scaled(messages) };
            let shape = Shape { messages, ..small(0) };
            let number = u32::try_from(count).expect("a number of blocks");
            let container = match name {
                "interfaces" => Container::PcapNg { interfaces: number, comments: false, names: 0 },
                "comments" => Container::PcapNg { interfaces: 1, comments: true, names: 0 },
                _ => Container::PcapNg { interfaces: 1, comments: false, names: number },
            };
            let (path, without) = (made_as(&shape, container), made_as(&shape, plain_file));
            let (file, without) = (plain(&path), plain(&without));
            let before = Job::before(&index_only(file));
            let [_, Some(ours), Some(without), before] =
                compare(3, [warm(file), index(file), index(without), before])
            else {
                continue;
            };
            row([
                name.to_owned(),
                count.to_string(),
                ms(&ours),
                format!("{:.0}", (ours.seconds - without.seconds) * 1e9 / count as f64),
                mib(&ours),
                format!("{:.0}", bytes_each(&ours, without.peak_mib, count)),
                cell(&before, ms),
                cell(&before, mib),
            ]);
        }
    }
}

/// The table with 100 GB, which takes minutes.
pub const HUNDRED: &str = "endless-100";

/// Captures of which nothing is stored: their bytes are generated when they are read.
pub fn endless() {
    made_on_the_fly(&[1, 10]);
}

pub fn hundred() {
    made_on_the_fly(&[1, 10, 100]);
}

fn made_on_the_fly(sizes: &[u64]) {
    table(
        "Generated while they are read, 1424 bytes of text a packet",
        &[
            "GB",
            "messages",
            "only generated, s",
            "GB/s",
            "s",
            "GB/s",
            "peak MiB",
            "bytes a message beyond 64 MiB",
        ],
    );
    for size in sizes {
        let bytes = scaled(size * 1_000_000_000);
        let (length, seed) = (bytes.to_string(), seed().to_string());
        let [made, Some(ours)] =
            [Job::part(&["make", &length, &seed]).run(), Job::part(&["endless", &length, &seed]).run()]
        else {
            continue;
        };
        let rate = |measured: &Measured| format!("{:.2}", bytes as f64 / 1e9 / measured.seconds);
        row([
            format!("{}", bytes as f64 / 1e9),
            ours.sum.to_string(),
            cell(&made, seconds),
            cell(&made, rate),
            seconds(&ours),
            rate(&ours),
            mib(&ours),
            format!("{:.0}", bytes_each(&ours, 64.0, ours.sum)),
        ]);
    }
}
