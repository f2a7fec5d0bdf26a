//! How fast the capture crate turns files into indexes, and how fast it searches and exports them: `cargo bench
//! --manifest-path benches/Cargo.toml --bench capture`. Prints tables in Markdown; name some after `--` to print only
//! those. Generates the captures it reads, 16 GB, in target/traffic. Each measurement is a separate process, and those
//! that are compared take turns.
//!
//! `FRAMESCOPE_BEFORE=PROGRAM` also measures an earlier framescope; `FRAMESCOPE_SCALE=0.1` makes all captures smaller,
//! and `FRAMESCOPE_SEED=N` generates others of the same shapes. tshark is measured too if it is installed.

mod captures;
mod floor;
mod looking;
mod measure;
mod parts;
mod reading;

use std::process::ExitCode;

/// A table's name, and the function that prints it.
type Table = (&'static str, fn());

const TABLES: [Table; 10] = [
    ("files", reading::files),
    ("tshark", reading::beside_tshark),
    ("sizes", reading::sizes),
    ("notes", reading::notes),
    ("damage", reading::damage),
    ("open", reading::open),
    ("pcapng", reading::pcapng),
    ("filters", looking::filters),
    ("exports", looking::exports),
    ("endless", reading::endless),
];

fn main() -> ExitCode {
    // This program is Framescope too, so that it is built like the rest when it is measured as a program.
    if std::env::var_os(measure::AS_PROGRAM).is_some() {
        return framescope::main();
    }
    // Cargo says `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some((parts::MARK, part)) = arguments.split_first().map(|(mark, part)| (mark.as_str(), part)) {
        parts::run(&part.iter().map(String::as_str).collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    let known = |name: &String| name == reading::HUNDRED || TABLES.iter().any(|(table, _)| table == name);
    if let Some(unknown) = arguments.iter().find(|name| !known(name)) {
        let names = TABLES.map(|(name, _)| name).join(", ");
        eprintln!("there is no table '{unknown}'; there are {names} and {}", reading::HUNDRED);
        return ExitCode::FAILURE;
    }
    measure::print_settings();
    for (name, table) in TABLES {
        if arguments.iter().any(|argument| argument == name) || arguments.is_empty() {
            table();
        }
    }
    if arguments.iter().any(|name| name == reading::HUNDRED) {
        reading::hundred();
    }
    ExitCode::SUCCESS
}
