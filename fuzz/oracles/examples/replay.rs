//! Replays what a fuzzer has collected, without the fuzzer: `cargo run -p framescope-oracles --example replay -- [FOLDER]...`.
//!
//! Each oracle gets the committed seeds and regressions, and the files of FOLDER/<oracle>, where the fuzz target of that name
//! put its finds. `fuzz/measure.py coverage` counts the lines that this reaches.

// It prints what it did.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use framescope_ksy::Described;
use framescope_oracles::{ORACLES, check_described};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let of = |name: &str, seeds: &str| -> Vec<PathBuf> {
        let committed = [corpus.join("seeds").join(seeds), corpus.join("regressions").join(name)];
        committed.into_iter().chain(folders.iter().map(|folder| folder.join(name))).collect()
    };
    for oracle in ORACLES {
        replay(oracle.name, &of(oracle.name, oracle.seeds), oracle.check)?;
    }
    let mqtt = Described::from_file(&corpus.join("formats/mqtt.ksy"))?;
    replay("own", &of("own", "own"), |data| check_described(&mqtt, data))?;
    Ok(())
}

fn replay(name: &str, folders: &[PathBuf], check: impl Fn(&[u8])) -> io::Result<()> {
    let mut count = 0;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for file in fs::read_dir(folder)? {
            check(&fs::read(file?.path())?);
            count += 1;
        }
    }
    println!("{name}: {count}");
    Ok(())
}
