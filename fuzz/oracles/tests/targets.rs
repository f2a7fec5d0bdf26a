//! The list of fuzz targets, which scripts and CI read, matches the targets, with the seeds that they take.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use framescope_oracles::{ORACLES, Oracle};

/// Targets that are not an oracle: the baseline for speed, and a described protocol that is chosen at run time.
const WITHOUT_ORACLE: [&str; 2] = ["empty", "own"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Name, seeds and dictionary of each target.
fn targets() -> Vec<(String, Option<String>, Option<String>)> {
    let text = fs::read_to_string(root().join("fuzz/targets.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, seeds, dictionary] = words[..] else { panic!("not three words: {line}") };
            let given = |word: &str| (word != "-").then(|| word.to_owned());
            (name.to_owned(), given(seeds), given(dictionary))
        })
        .collect()
}

fn names() -> BTreeSet<String> {
    let all = targets();
    let names: BTreeSet<String> = all.iter().map(|(name, ..)| name.clone()).collect();
    assert_eq!(names.len(), all.len(), "a target is listed twice");
    names
}

#[test]
fn each_target_has_a_file_and_a_binary() {
    let files = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.map(|file| file.strip_suffix(".rs").unwrap().to_owned()).collect();
    assert_eq!(files, names());
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let binaries: Vec<&str> = manifest.split("[[bin]]").skip(1).collect();
    let binaries: BTreeSet<String> = binaries
        .into_iter()
        .map(|binary| {
            let name = binary.split('"').nth(1).unwrap().to_owned();
            assert!(binary.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{binary}");
            name
        })
        .collect();
    assert_eq!(binaries, names());
}

#[test]
fn each_target_is_an_oracle_with_the_same_seeds() {
    let oracles: BTreeSet<String> = ORACLES.iter().map(|oracle| oracle.name.to_owned()).collect();
    let others = WITHOUT_ORACLE.map(str::to_owned);
    assert_eq!(oracles.into_iter().chain(others).collect::<BTreeSet<_>>(), names());
    for (name, seeds, dictionary) in targets() {
        if let Some(oracle) = Oracle::named(&name) {
            assert_eq!(seeds.as_deref(), Some(oracle.seeds), "{name}");
        }
        if let Some(seeds) = seeds {
            let count = fs::read_dir(root().join("corpus/seeds").join(&seeds)).unwrap().count();
            assert!(count > 0, "{name}: there are no seeds in {seeds}");
        }
        if let Some(dictionary) = dictionary {
            let path = root().join(format!("fuzz/dictionaries/{dictionary}.dict"));
            assert!(path.is_file(), "{name}: there is no {}", path.display());
        }
    }
}

#[test]
fn the_readme_describes_each_target() {
    let text = fs::read_to_string(root().join("fuzz/README.md")).unwrap();
    for name in names().iter().filter(|name| *name != "empty") {
        let row = format!("\n| `{name}` | ");
        assert!(text.contains(&row), "{name} has no row in the first table of fuzz/README.md");
    }
}
