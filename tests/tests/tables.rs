//! Tables of the recorded captures say what their JSON says, and so do the files that are written of them.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::sync::Arc;

use framescope_capture::{Options, Source, read};
use framescope_ksy::Described;
use framescope_oracles::check_table;
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
