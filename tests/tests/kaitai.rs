//! Third-party descriptions and data, such as Kaitai Struct's conformance suite, checked against the promises of
//! described protocols: `FRAMESCOPE_KSY=FOLDER cargo test -p framescope-tests --test kaitai`, where FOLDER has
//! `formats/*.ksy`, `src/*` with data, and `cases/*.kst` that say which goes with which. Without it there is nothing to
//! check.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // A test says what is wrong by panicking, and what it did.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use framescope_ksy::Described;
use framescope_oracles::check_described;

#[test]
fn described_messages_of_others_are_written_back() {
    let Some(folder) = std::env::var_os("FRAMESCOPE_KSY").map(PathBuf::from) else {
        eprintln!("FRAMESCOPE_KSY names no folder of descriptions: none is checked against its data");
        return;
    };
    // A whole file is one message, so that a description of a file is one of a protocol.
    let formats = tempfile::tempdir().unwrap();
    for entry in walk(&folder.join("formats")) {
        let text = fs::read_to_string(&entry).unwrap();
        let marked = text.replacen("meta:\n", "meta:\n  -framescope: {segment-delimited: true}\n", 1);
        let copy = formats.path().join(entry.strip_prefix(folder.join("formats")).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(copy, marked).unwrap();
    }
    let (mut checked, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for case in walk(&folder.join("cases")) {
        let text = fs::read_to_string(&case).unwrap();
        let said = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
        };
        let id = case.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(data) = said("data:") else { continue };
        let Ok(data) = fs::read(folder.join("src").join(data)) else { continue };
        match Described::from_file(&formats.path().join(format!("{id}.ksy"))) {
            Err(error) => refused.push(format!("{id}: {error}")),
            Ok(described) => {
                checked += 1;
                let done = catch_unwind(AssertUnwindSafe(|| {
                    check_described(&described, &data);
                    // Damage, cut at any place or changed.
                    for end in 0..data.len().min(64) {
                        check_described(&described, &data[..end]);
                        let mut changed = data.clone();
                        changed[end] ^= 0x81;
                        changed.truncate(4096);
                        check_described(&described, &changed);
                    }
                }));
                if done.is_err() {
                    wrong.push(id);
                }
            }
        }
    }
    eprintln!("{checked} checked, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(wrong.is_empty(), "{} of {checked} are not as promised: {wrong:?}", wrong.len());
    assert!(checked > 0, "no case in {}", folder.display());
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
