//! Tables of the recorded captures say what their JSON says, and so do the files that are written of them.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::sync::Arc;

use framescope_capture::{Options, Source, read};
use framescope_checking::Random;
use framescope_inspect::Reading;
use framescope_ksy::Described;
use framescope_oracles::{END_OF_DESCRIPTION, check_table, tables};
use framescope_parser::{Protocol, with_built_in};
use support::{cases, corpus, open};

#[test]
fn the_tables_of_the_recorded_captures_hold_what_their_json_says() {
    for case in cases() {
        let capture = fs::read_dir(&case).unwrap().map(|file| file.unwrap().path());
        let capture = capture
            .filter(|path| path.extension().is_some_and(|one| one.to_string_lossy().starts_with("pcap")));
        for path in capture {
            check_table(&Arc::new(open(&path)), 50, 2);
        }
    }
}

#[test]
fn the_tables_of_described_protocols_hold_what_their_json_says() {
    let mut count = 0;
    for file in fs::read_dir(corpus().join("formats")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|ending| ending != "ksy") {
            continue;
        }
        let described = Described::from_file(&file).unwrap();
        let places = described.usual_places().into_iter();
        let rules = places.filter_map(|place| format!("{place}={}", described.name()).parse().ok());
        let options = Options {
            decode_as: rules.collect(),
            protocols: with_built_in(vec![Arc::new(described)]),
            ..Options::default()
        };
        let Ok(captures) = fs::read_dir(file.with_extension("")) else { continue };
        for path in captures.map(|file| file.unwrap().path()) {
            if path.extension().is_some_and(|one| one.to_string_lossy().starts_with("pcap")) {
                let index = read(Source::open(&path).unwrap(), &options, &mut |_| true).unwrap();
                check_table(&Arc::new(index), 100, 2);
                count += 1;
            }
        }
    }
    assert!(count >= 10, "{count} captures");
}

/// Protocols that do not say which fields their messages have: their columns are what the messages show.
#[test]
fn the_tables_of_carriers_and_what_they_carry_hold_what_their_json_says() {
    let mut count = 0;
    for case in fs::read_dir(corpus().join("carriers")).unwrap().map(|case| case.unwrap().path()) {
        let path = case.join("capture.pcapng");
        if !path.is_file() {
            continue;
        }
        let keylogs = vec![case.join("keys.txt")].into_iter().filter(|path| path.is_file()).collect();
        let options = Reading { keylogs, ..Reading::default() }.options();
        let index = read(Source::open(&path).unwrap(), &options, &mut |_| true).unwrap();
        check_table(&Arc::new(index), 64, 2);
        count += 1;
    }
    assert!(count >= 5, "{count} captures");
}

/// Whatever bytes a description is given: what they are is in its table.
#[test]
fn the_tables_of_any_bytes_hold_what_their_json_says() {
    let end = END_OF_DESCRIPTION;
    for seed in fs::read_dir(corpus().join("seeds/described")).unwrap().map(|seed| seed.unwrap().path()) {
        let seed = fs::read(seed).unwrap();
        let Some(at) = seed.windows(end.len()).position(|window| window == end) else { continue };
        let (description, bytes) = seed.split_at(at + end.len());
        let mut random = Random::of(bytes);
        for _ in 0..4 {
            let mut changed = bytes.to_vec();
            for _ in 0..=random.below(6) {
                let place = random.below(changed.len().max(1));
                match random.below(3) {
                    0 => changed.truncate(place.max(1)),
                    1 => changed.insert(place.min(changed.len()), random.byte()),
                    _ => {
                        if let Some(byte) = changed.get_mut(place) {
                            *byte = random.byte();
                        }
                    }
                }
            }
            tables(&[description, &changed].concat());
        }
    }
}
