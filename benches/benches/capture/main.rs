//! How fast the capture crate turns files into indexes, and how fast what is in them is found and written:
//! `cargo bench --manifest-path benches/Cargo.toml --bench capture`. Prints tables in Markdown; which, can be said behind
//! `--`. Makes the captures it reads, 16 GB, in target/traffic. Each measurement is a process of its own, and those that
//! are compared take turns.
//!
//! `FRAMESCOPE_BEFORE=PROGRAM` also measures a framescope of before; `FRAMESCOPE_SCALE=0.1` makes all captures smaller, and
//! `FRAMESCOPE_SEED=N` others of the same shapes. tshark is measured beside if it is installed.

mod captures;
mod floor;
mod looking;
mod measure;
mod parts;
mod reading;

use std::process::ExitCode;

/// A table's name, what it is about, and whether it is among those that are made unless others are asked for.
type Table = (&'static str, fn(), bool);

const TABLES: [Table; 10] = [
    ("files", reading::files, true),
    ("tshark", reading::beside_tshark, true),
    ("sizes", reading::sizes, true),
    ("notes", reading::notes, true),
    ("damage", reading::damage, true),
    ("open", reading::open, true),
    ("pcapng", reading::pcapng, true),
    ("filters", looking::filters, true),
    ("exports", looking::exports, true),
    ("endless", reading::endless, true),
];

fn main() -> ExitCode {
    // This program is Framescope too, so that what is measured as a program is built as the rest is.
    if std::env::var_os(measure::AS_PROGRAM).is_some() {
        return framescope::cli::main();
    }
    // Cargo says `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some((parts::MARK, part)) = arguments.split_first().map(|(mark, part)| (mark.as_str(), part)) {
        parts::run(&part.iter().map(String::as_str).collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    // A table whose name is longer than another's is that with more in it.
    let known = |name: &String| name == reading::HUNDRED || TABLES.iter().any(|(table, ..)| table == name);
    if let Some(unknown) = arguments.iter().find(|name| !known(name)) {
        let names = TABLES.map(|(name, ..)| name).join(", ");
        eprintln!("no table is called '{unknown}'; there are {names} and {}", reading::HUNDRED);
        return ExitCode::FAILURE;
    }
    measure::tell();
    for (name, table, by_default) in TABLES {
        if arguments.iter().any(|argument| argument == name) || arguments.is_empty() && by_default {
            table();
        }
    }
    if arguments.iter().any(|name| name == reading::HUNDRED) {
        reading::hundred();
    }
    ExitCode::SUCCESS
}
