//! How fast messages become tables, beside the same messages as JSON and text, and how small a Parquet file is beside the packed
//! capture: `cargo bench --manifest-path benches/Cargo.toml --bench tables`. Prints tables in Markdown.
//!
//! `MESSAGES=10000000` measures with so many messages, `LEVEL=19` packs captures as tightly as that.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use framescope_benches::{Contender, Times, compare};
use framescope_capture::export::{Paint, RowSelection, write_json, write_text};
use framescope_capture::{Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_parser::with_built_in;
use framescope_tables::{Table, TableOptions, TableRows};
use framescope_traffic::{Container, Shape, Sizes, write};

/// What the messages are read as.
const PROTOCOLS: [(&str, Option<&str>); 2] =
    [("Missive", None), ("described", Some("corpus/formats/missive.ksy"))];

fn main() {
    let number =
        |name, default| std::env::var(name).map_or(default, |number| number.parse().expect("a number"));
    let (messages, level) = (number("MESSAGES", 1_000_000), number("LEVEL", 3));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/traffic");
    fs::create_dir_all(&folder).expect("the folder can be written");
    println!(
        "| capture | read as | messages a second, from the file to batches | of JSON | of text | after the index is read: of JSON | of text | Parquet | capture | packed, level {level} | Parquet |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, shape) in shapes(messages as u64) {
        let path = folder.join("tables.pcap");
        let mut file = io::BufWriter::new(File::create(&path).expect("the folder can be written"));
        write(&shape, Container::Pcap, &mut file).expect("the shape is possible");
        drop(file);
        let packed =
            zstd::encode_all(File::open(&path).expect("it was written"), level as i32).expect("it is there");
        for (protocol, ksy) in PROTOCOLS {
            measure((name, protocol), &path, &options(ksy), packed.len());
        }
    }
}

fn shapes(messages: u64) -> [(&'static str, Shape); 4] {
    let shape = Shape { messages, ..Shape::default() };
    let large = Sizes::Uniform(1000, 4000);
    [
        ("a message of 105 bytes in each packet", shape.clone()),
        (
            "of 44 bytes, many in each packet",
            Shape { sizes: Sizes::Fixed(20), full_segments: true, ..shape.clone() },
        ),
        (
            "of 1 to 4 KB",
            Shape { messages: messages / 10, sizes: large, full_segments: true, ..shape.clone() },
        ),
        ("a connection for 4 messages", Shape { short: 4, ..shape }),
    ]
}

fn options(ksy: Option<&str>) -> Options {
    let Some(ksy) = ksy else { return Options::default() };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(ksy);
    let described = Described::from_file(&path).expect("it is a description");
    let own = framescope_parser::Protocol::name(&described).to_owned();
    let mut protocols = with_built_in(Vec::new());
    protocols.retain(|known| known.name() != own);
    protocols.insert(0, Arc::new(described));
    Options {
        protocols,
        decode_as: vec![format!("tcp.port=9000={own}").parse().expect("a rule")],
        ..Options::default()
    }
}

fn open(path: &Path, options: &Options) -> Index {
    read(Source::open(path).expect("it was written"), options, &mut |_| true).expect("it is a capture")
}

fn json(index: &Index) -> u64 {
    write_json(index, &mut RowSelection::all(), &mut io::sink()).expect("a sink takes all");
    index.row_count() as u64
}

fn text(index: &Index) -> u64 {
    write_text(index, &mut RowSelection::all(), Paint::Plain, &mut io::sink()).expect("a sink takes all");
    index.row_count() as u64
}

fn table(index: &Arc<Index>) -> Table {
    Table::new(Arc::clone(index), TableRows::All, TableOptions::default()).expect("it can be read")
}

fn batches(index: &Arc<Index>) -> u64 {
    table(index).batches().map(|batch| batch.expect("it can be read").num_rows() as u64).sum()
}

fn parquet(index: &Arc<Index>, out: &mut (dyn io::Write + Send)) -> u64 {
    table(index).write_parquet(out, &mut |_| true).expect("it can be written")
}

fn measure((name, protocol): (&str, &str), path: &Path, options: &Options, packed: usize) {
    let mut from_file: [Contender<'_>; 4] = [
        ("batches", Box::new(|| batches(&Arc::new(open(path, options))))),
        ("JSON", Box::new(|| json(&open(path, options)))),
        ("text", Box::new(|| text(&open(path, options)))),
        ("Parquet", Box::new(|| parquet(&Arc::new(open(path, options)), &mut io::sink()))),
    ];
    let whole = compare(3, &mut from_file);
    let index = Arc::new(open(path, options));
    let mut after: [Contender<'_>; 3] = [
        ("batches", Box::new(|| batches(&index))),
        ("JSON", Box::new(|| json(&index))),
        ("text", Box::new(|| text(&index))),
    ];
    let after = compare(3, &mut after);
    let mut file = Vec::new();
    parquet(&index, &mut file);
    let capture = fs::metadata(path).expect("it was written").len();
    let ratio = |times: &[Times], other: usize| times[0].speed_against(&times[other]);
    println!(
        "| {name} | {protocol} | {:.2} M | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} MB/s | {:.1} MB | {:.1} MB | {:.1} MB |",
        index.row_count() as f64 / whole[0].median() / 1e6,
        ratio(&whole, 1),
        ratio(&whole, 2),
        ratio(&after, 1),
        ratio(&after, 2),
        capture as f64 / whole[3].median() / 1e6,
        capture as f64 / 1e6,
        packed as f64 / 1e6,
        file.len() as f64 / 1e6,
    );
}
