//! What the mutators generate is like what a fuzzer keeps: it holds messages, and any of it keeps all promises.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::sync::Arc;

use framescope_capture::{Options, Source, read};
use framescope_checking::{havoc, mutate_conversation, mutate_frames, mutate_messages};
use framescope_ksy::Described;
use framescope_oracles::{ORACLES, check_conversation, check_described, holds_message};
use framescope_parser::Protocol;

#[test]
fn changed_frames_keep_all_promises() {
    let oracles: Vec<_> = ORACLES.iter().filter(|oracle| oracle.seeds == "frames").collect();
    assert!(!oracles.is_empty());
    let mut kept = vec![b"\xF5M\x01\x01".to_vec()];
    for seed in 0..300 {
        let mut data = kept[seed as usize % kept.len()].clone();
        let size = data.len();
        data.resize(2048, 0);
        let length = mutate_frames(&mut data, size, 2048, seed, &mut havoc(seed));
        data.truncate(length);
        oracles.iter().for_each(|oracle| (oracle.check)(&data));
        kept.push(data);
    }
}

#[test]
fn most_of_what_is_made_of_a_described_protocol_holds_messages_and_keeps_the_promises() {
    let described = Described::from_ksy(include_str!("../../../corpus/formats/mqtt.ksy")).unwrap();
    let capture = include_bytes!("../../../corpus/formats/mqtt/capture.pcapng");
    let options = Options {
        protocols: framescope_parser::with_built_in(vec![Arc::new(described.clone())]),
        decode_as: vec!["tcp.port=1883=mqtt".parse().unwrap()],
        ..Options::default()
    };
    let index = read(Source::from_bytes("mqtt", &capture[..]), &options, &mut |_| true).unwrap();
    let mut reader = index.reader();
    let mut kept: Vec<Vec<u8>> =
        index.rows().map(|(_, row)| index.row_bytes(&row, 4096, &mut reader).unwrap()).collect();
    let (mut with, mut others) = (0, BTreeSet::new());
    for seed in 0..1500u32 {
        let at = seed as usize % kept.len();
        let mut data = kept[at].clone();
        let size = data.len();
        data.resize(2048, 0);
        let length = mutate_messages(&described, &mut data, size, 2048, seed, &mut havoc(seed));
        data.truncate(length);
        check_described(&described, &data);
        others.insert(data.clone());
        // As from a corpus: what holds no message is changed further at random only.
        if holds_message(&described, &data) {
            with += 1;
            kept[at] = data;
        }
    }
    assert!(with * 10 > 1500 * 8, "{with} of 1500 hold a message");
    assert!(others.len() > 1000, "{} are different", others.len());
}

/// What both sides say is changed as a conversation, and some of it is lost.
#[test]
fn changed_conversations_keep_the_promises() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/formats");
    let mut all = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "ksy") {
            continue;
        }
        let described = Described::from_file(&path).unwrap();
        if described.stages().is_empty() {
            continue;
        }
        let (mut data, mut size) = (vec![0; 2000], 0);
        for seed in 0..25 {
            let mut bytes = havoc(seed);
            size = mutate_conversation(&described, &mut data, size, 2000, seed, &mut bytes);
            check_conversation(&described, &data[..size]);
        }
        all += 1;
    }
    assert!(all >= 5, "the descriptions are not there");
}
