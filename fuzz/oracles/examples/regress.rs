//! Keeps a find of the fuzzer as a test: `cargo regress FILE [NAME] [--oracle ORACLE]`.
//!
//! Runs every oracle on the file, removes what the fault does not need, writes it to corpus/regressions/<oracle>/NAME,
//! and prints the test that shows it; plain `cargo test` replays the file from then on. Where no oracle fails, because
//! the fault is fixed, the file is stored as it is for the oracle that is named.

// It prints what it found.
#![allow(clippy::print_stdout)]

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use framescope_capture::export::Seed;
use framescope_checking::minimise;
use framescope_oracles::{ORACLES, Oracle};

/// Inputs that are tried to make a find smaller.
const TRIES: usize = 20_000;

thread_local! {
    /// The text of the last panic, and where it was.
    static SAID: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

fn main() -> ExitCode {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or_default().to_owned();
        SAID.set(Some((place, text)));
    }));
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut words, mut named) = (Vec::new(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--oracle" => named = arguments.next(),
            _ => words.push(argument),
        }
    }
    let file = words.first().ok_or("usage: cargo regress FILE [NAME] [--oracle ORACLE]")?;
    let data = fs::read(file).map_err(|error| format!("{file} can't be read: {error}"))?;
    let found = match &named {
        Some(name) => {
            let oracle = Oracle::named(name).ok_or_else(|| format!("there is no oracle '{name}'"))?;
            Some((oracle, fault(oracle, &data)))
        }
        None => ORACLES.iter().find_map(|oracle| Some((oracle, Some(fault(oracle, &data)?)))),
    };
    let Some((found, fault_there)) = found else {
        println!(
            "No oracle fails on {file}. If the fault is fixed, name its oracle to keep the file: --oracle ORACLE"
        );
        return Ok(());
    };
    let oracle = found.name;
    let kept = match &fault_there {
        Some((place, text)) => {
            println!("{oracle} fails at {place}:\n{text}\n");
            let mut same = |data: &[u8]| fault(found, data).is_some_and(|(other, _)| other == *place);
            let kept = minimise(&data, &mut same, TRIES);
            println!("{} of {} bytes are enough to show it.", kept.len(), data.len());
            kept
        }
        None => {
            println!("{oracle} does not fail on it (any more); it is stored as it is.");
            data
        }
    };
    let text = fault_there.map_or_else(|| oracle.to_owned(), |(_, text)| text);
    let brief: String = text.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    let name = words.get(1).cloned().unwrap_or_else(|| Seed::new(&brief, kept.clone()).name);
    keep(oracle, &name, &kept)?;
    let test: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    println!(
        "\nIt is in corpus/regressions/{oracle}/{name}, and `cargo test` replays it. As a separate test:\n"
    );
    println!("#[test]\nfn {}() {{", test.to_lowercase());
    println!(
        "    framescope_oracles::{oracle}(include_bytes!(\"../../corpus/regressions/{oracle}/{name}\"));\n}}"
    );
    if let Some((other, traffic)) = found.traffic(&kept) {
        keep(other, &name, &traffic)?;
        println!("\nAs traffic: framescope corpus/regressions/{other}/{name}");
    } else if !matches!(oracle, "filter" | "described" | "conversation" | "linear" | "holes" | "columns") {
        println!("\nTo look at it: framescope corpus/regressions/{oracle}/{name}");
    }
    Ok(())
}

fn keep(oracle: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/regressions").join(oracle);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// Where and why an oracle fails on bytes, if it does.
fn fault(oracle: &Oracle, data: &[u8]) -> Option<(String, String)> {
    SAID.set(None);
    panic::catch_unwind(AssertUnwindSafe(|| (oracle.check)(data))).err()?;
    Some(SAID.take().unwrap_or_default())
}
