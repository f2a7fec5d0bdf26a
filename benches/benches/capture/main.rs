//! How fast the capture crate turns a file into an index: `cargo bench --manifest-path benches/Cargo.toml --bench capture`.
//! Prints tables in Markdown. Makes the captures it reads, 8 GB, in target/traffic; tshark is measured beside if it is
//! installed.

mod floor;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use framescope_benches::traffic::{Traffic, write};
use framescope_capture::filter::Filter;
use framescope_capture::{Index, Indexer, Options, Source, protocols, read};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Each measurement is a process of its own, so that the memory of one is not that of another.
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["floor", file] => report(|| floor::read(Path::new(file)).packets, file),
        ["index", file] => report(|| index(file).row_count() as u64, file),
        ["first", file] => report(|| first_rows(file), file),
        ["read", file] => report(|| read_only(file), file),
        ["filter", file, expression] => filter(file, expression),
        _ => tables(),
    }
}

fn index(file: &str) -> Index {
    let source = Source::open(Path::new(file)).expect("the capture is there");
    read(source, &Options::default(), &mut |_| true).expect("no rule names a protocol")
}

/// Reads until there is a row to show, as the window does.
fn first_rows(file: &str) -> u64 {
    let source = Source::open(Path::new(file)).expect("the capture is there");
    let (mut indexer, mut index) =
        Indexer::new(source, &Options::default()).expect("no rule names a protocol");
    while index.row_count() == 0 && indexer.step(&mut index, 2048) {}
    index.row_count() as u64
}

fn read_only(file: &str) -> u64 {
    let mut file = std::fs::File::open(file).expect("the capture is there");
    let (mut block, mut sum) = (vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut block).expect("the capture can be read") {
            0 => return sum,
            read => sum += read as u64,
        }
    }
}

/// Prints how long something took, what came of it, and how much memory the process had at most.
fn report(run: impl FnOnce() -> u64, _: &str) {
    let begun = Instant::now();
    let sum = run();
    println!("{} {sum} {}", begun.elapsed().as_secs_f64(), peak_kib());
}

fn filter(file: &str, expression: &str) {
    let index = index(file);
    let mut filter = Filter::parse(expression, &protocols(None)).expect("the expression is understood");
    report(|| filter.rows(&index).expect("the capture can be read").len() as u64, file);
}

/// The most memory that this process had; 0 where the system does not say it as Linux does.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What a process of this program measured.
#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    sum: u64,
    peak_mib: f64,
}

fn measure(arguments: &[&str], one_core: bool) -> Option<Measured> {
    let program = std::env::current_exe().expect("this program has a name");
    let mut command = match one_core {
        true => {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(program);
            command
        }
        false => Command::new(program),
    };
    let output = command.args(arguments).stderr(Stdio::inherit()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace();
    Some(Measured {
        seconds: words.next()?.parse().ok()?,
        sum: words.next()?.parse().ok()?,
        peak_mib: words.next()?.parse::<f64>().ok()? / 1024.0,
    })
}

/// The median of some runs, by time, of each of several measurements that take turns.
fn compare<const N: usize>(rounds: usize, all: [(&[&str], bool); N]) -> [Option<Measured>; N] {
    let mut found: [Vec<Measured>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..rounds {
        for ((arguments, one_core), found) in all.iter().zip(&mut found) {
            found.extend(measure(arguments, *one_core));
        }
    }
    found.map(|mut found| {
        found.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        found.get(found.len() / 2).copied()
    })
}

/// How long a program took from its start to its end, in seconds; None if there is none of that name.
fn run(program: &str, arguments: &[&str], rounds: usize) -> Option<f64> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        let done = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok()?;
        assert!(done.success(), "{program} failed");
        times.push(begun.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

fn made(name: &str, traffic: Traffic) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/traffic");
    std::fs::create_dir_all(&folder).expect("a folder for the captures");
    let path = folder.join(format!("{name}.pcap"));
    if !path.exists() {
        eprintln!("making {}", path.display());
        let half = folder.join("half");
        write(traffic, &half).expect("the capture can be written");
        std::fs::rename(half, &path).expect("the capture can be named");
    }
    path
}

fn tables() {
    const GIB: u64 = 1 << 30;
    println!("### From a file to its index\n");
    println!(
        "| capture | MB | packets | messages | floor, ms | ms | of the floor | on one core, ms | of the floor | MB/s | packets/s | peak MiB | first rows, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let million = made("small-1m", Traffic::Small(1_000_000));
    for (name, path, rounds) in [
        ("a frame a packet, 100 connections, both ways", million.clone(), 7),
        ("the same, 2 % reordered", made("reordered-1m", Traffic::Reordered(1_000_000)), 7),
        ("100,000 short connections", made("short-100k", Traffic::Short(100_000)), 7),
        ("1 GiB in full-size segments", made("full-1g", Traffic::Full(GIB)), 5),
        ("one stream of 4 GiB", made("long-4g", Traffic::Long(4 * GIB)), 3),
    ] {
        let file = path.to_str().expect("a plain path");
        let [_, floor, ours, alone, first] = compare(
            rounds,
            [
                (&["read", file], false),
                (&["floor", file], false),
                (&["index", file], false),
                (&["index", file], true),
                (&["first", file], false),
            ],
        );
        let (floor, ours) = (floor.expect("the floor runs"), ours.expect("it runs"));
        let mb = std::fs::metadata(&path).map_or(0.0, |metadata| metadata.len() as f64 / 1e6);
        let on_one = alone.map_or("– | –".to_owned(), |alone| {
            format!("{:.0} | {:.2}", alone.seconds * 1e3, alone.seconds / floor.seconds)
        });
        println!(
            "| {name} | {mb:.0} | {} | {} | {:.0} | {:.0} | {:.2} | {on_one} | {:.0} | {:.1} M | {:.0} | {:.1} |",
            floor.sum,
            ours.sum,
            floor.seconds * 1e3,
            ours.seconds * 1e3,
            ours.seconds / floor.seconds,
            mb / ours.seconds,
            floor.sum as f64 / ours.seconds / 1e6,
            ours.peak_mib,
            first.map_or(0.0, |first| first.seconds * 1e3),
        );
        let _ = std::io::stdout().flush();
    }
    beside_tshark(&million);
    sizes();
    filters();
}

fn beside_tshark(million: &Path) {
    println!("\n### Beside tshark, from the program's start to its end\n");
    println!("| program | s | times as long |");
    println!("|---|---|---|");
    let file = million.to_str().expect("a plain path");
    let this = std::env::current_exe().expect("this program has a name");
    let this = this.to_str().expect("a plain path");
    let ours = run(this, &["index", file], 7).expect("it runs");
    println!("| Framescope: every field checked, both checks computed | {ours:.3} | 1 |");
    let plain = ["-n", "-r", file, "-d", "tcp.port==9000,data", "-q", "-z", "io,stat,0"];
    let lua = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/peers/missive.lua");
    let script = format!("lua_script:{}", lua.display());
    let with_lua = ["-n", "-X", &script, "-r", file, "-q", "-z", "io,stat,0,missive"];
    for (name, arguments, rounds) in [
        ("tshark, as plain data", &plain[..], 3),
        ("tshark with the dissector in Lua, no checks", &with_lua[..], 1),
    ] {
        match run("tshark", arguments, rounds) {
            Some(theirs) => println!("| {name} | {theirs:.2} | {:.0} |", theirs / ours),
            None => println!("| {name} | not installed | |"),
        }
        let _ = std::io::stdout().flush();
    }
}

fn sizes() {
    println!("\n### Three sizes of the first one\n");
    println!("| messages | ms | ns a packet | peak MiB | bytes a message beyond 64 MiB |");
    println!("|---|---|---|---|---|");
    for (name, messages, rounds) in
        [("small-250k", 250_000, 7), ("small-1m", 1_000_000, 7), ("small-10m", 10_000_000, 3)]
    {
        let path = made(name, Traffic::Small(messages));
        let file = path.to_str().expect("a plain path");
        let [_, Some(ours)] = compare(rounds, [(&["read", file], false), (&["index", file], false)]) else {
            return;
        };
        println!(
            "| {messages} | {:.0} | {:.0} | {:.0} | {:.0} |",
            ours.seconds * 1e3,
            ours.seconds * 1e9 / messages as f64,
            ours.peak_mib,
            ((ours.peak_mib - 64.0) * 1_048_576.0 / messages as f64).max(0.0),
        );
        let _ = std::io::stdout().flush();
    }
}

fn filters() {
    println!("\n### Filters over 10,000,000 rows\n");
    println!("| filter | rows | ms | share of the file's reading speed |");
    println!("|---|---|---|---|");
    let path = made("small-10m", Traffic::Small(10_000_000));
    let file = path.to_str().expect("a plain path");
    let reading = measure(&["read", file], false).expect("the file can be read");
    for expression in [
        "kind == ACK",
        "src.port == 9000 and not problems and length > 100",
        "time > 5s and flow in 3..7",
        "payload contains \"nobody says this\"",
        "payload contains \"and on\"",
        "sequence == 77",
    ] {
        let Some(found) = measure(&["filter", file, expression], false) else { continue };
        println!(
            "| `{expression}` | {} | {:.0} | {:.2} |",
            found.sum,
            found.seconds * 1e3,
            reading.seconds / found.seconds
        );
        let _ = std::io::stdout().flush();
    }
}
