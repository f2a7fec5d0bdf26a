//! What a process of this program does for a measurement. Each part prints how long it took and its result.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use framescope_capture::filter::Filter;
use framescope_capture::{Index, Indexer, Options, Source, read};
use framescope_traffic::Endless;

use crate::floor;

/// The first argument of a process that runs a part.
pub const MARK: &str = "part";

pub fn run(arguments: &[&str]) {
    match arguments {
        ["floor", file] => report(|| floor::read(Path::new(file)).packets),
        ["index", file] => report(|| index(open(file)).row_count() as u64),
        ["first", file] => report(|| first_rows(file)),
        ["read", file] => report(|| read_only(file)),
        ["filters", file, expressions @ ..] => filters(file, expressions),
        ["make", bytes, seed] => report(|| make_only(&endless(bytes, seed))),
        ["endless", bytes, seed] => {
            report(|| index(made_on_the_fly(endless(bytes, seed))).row_count() as u64)
        }
        other => panic!("there is no part {other:?}"),
    }
}

fn report(run: impl FnOnce() -> u64) {
    let begun = Instant::now();
    let sum = run();
    println!("{} {sum}", begun.elapsed().as_secs_f64());
}

fn open(file: &str) -> Source {
    Source::open(Path::new(file)).expect("the capture is there")
}

fn index(source: Source) -> Index {
    let index = read(source, &Options::default(), &mut |_| true).expect("no rule names a protocol");
    assert!(index.damages().is_empty(), "{:?}", index.damages());
    index
}

/// Reads until there is a row to show, as the window does.
fn first_rows(file: &str) -> u64 {
    let (mut indexer, mut index) =
        Indexer::new(open(file), &Options::default()).expect("no rule names a protocol");
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

/// The median of three for each expression, unless it is slow, after the capture is read.
fn filters(file: &str, expressions: &[&str]) {
    let index = index(open(file));
    for expression in expressions {
        let (mut runs, mut rows) = (Vec::new(), 0);
        while runs.len() < 3 && runs.iter().sum::<f64>() < 2.0 {
            let begun = Instant::now();
            let filter = Filter::parse(expression, &framescope_parser::built_in())
                .expect("the expression is understood");
            rows = filter.rows(&index).expect("the capture can be read").len();
            runs.push(begun.elapsed().as_secs_f64());
        }
        runs.sort_by(f64::total_cmp);
        println!("{} {rows}", runs[runs.len() / 2]);
    }
}

/// Packets of 1518 bytes with a frame each, over 100 connections.
fn endless(bytes: &str, seed: &str) -> Endless {
    let number = |text: &str| text.parse().expect("a number");
    Endless::of_bytes(number(bytes), 100, 1424, number(seed))
}

fn made_on_the_fly(endless: Endless) -> Source {
    let length = endless.length();
    let reads = move |offset: u64, buffer: &mut [u8]| Ok(endless.read_at(offset, buffer));
    Source::from_reads("made on the fly", length, reads)
}

fn make_only(endless: &Endless) -> u64 {
    let (mut block, mut at) = (vec![0; 512 << 10], 0);
    loop {
        match endless.read_at(at, &mut block) {
            0 => return endless.messages(),
            made => at += made as u64,
        }
    }
}
