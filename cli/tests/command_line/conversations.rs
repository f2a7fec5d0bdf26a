//! Conversations: written back whole, kept as seeds, and compared with another program's.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use framescope_capture::{Options, Source, read};
use framescope_checking::{Piece, Transcript};
use framescope_ksy::Described;
use framescope_parser::{Protocol, Role, SpanType, with_built_in};

use crate::{notifies, run, run_with_input, support, text};

/// The formats whose descriptions have states, and the captures beside them.
fn talks() -> Vec<(String, PathBuf, Described)> {
    let folder = support::repository().join("corpus/formats");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let capture = entry.unwrap().path().join("capture.pcapng");
        let Some(ksy) = capture.parent().map(|folder| folder.with_extension("ksy")) else { continue };
        if !capture.is_file() {
            continue;
        }
        let described = Described::from_file(&ksy).unwrap();
        if !described.stages().is_empty() {
            found.push((ksy.to_str().unwrap().to_owned(), capture, described));
        }
    }
    assert!(found.len() >= 5, "{}", found.len());
    found
}

#[test]
fn a_conversation_is_written_back_whole() {
    for (ksy, capture, described) in talks() {
        let options = Options {
            decode_as: described
                .usual_places()
                .iter()
                .map(|place| format!("{place}={}", described.name()).parse().unwrap())
                .collect(),
            protocols: with_built_in(vec![Arc::new(described)]),
            ..Options::default()
        };
        let index = read(Source::open(&capture).unwrap(), &options, &mut |_| true).unwrap();
        let (mut reader, mut expected) = (index.reader(), Vec::new());
        for (_, row) in index.rows().filter(|(_, row)| row.span_type == SpanType::Message) {
            expected.extend(index.row_bytes(&row, usize::MAX, &mut reader).unwrap());
        }
        let decoded =
            run(&["decode", capture.to_str().unwrap(), "--protocol", &ksy, "--format", "json"]).stdout;
        let written = run_with_input(&["encode", "--protocol", &ksy], &decoded);
        assert_eq!(written.status.code(), Some(0), "{ksy}: {}", text(&written.stderr));
        assert!(written.stdout == expected, "{ksy}: other bytes than were captured");
        // The seeds are the same conversations.
        let seeds = framescope_inspect::transcripts(&index, 1 << 30).unwrap();
        let protocols = options.protocols;
        let own = protocols.first().unwrap();
        assert!(!seeds.is_empty(), "{ksy}");
        for (flow, said) in seeds {
            let (mut rows, mut read) = (Vec::new(), Vec::new());
            for (_, row) in index.rows().filter(|(_, row)| row.flow() == flow) {
                rows.push((row.span_type, row.length, index.stage(&row).unwrap().name.clone()));
            }
            said.read(&**own, &protocols, &mut |_, span, bytes| {
                let stage = &own.stages()[usize::from(bytes.context().unwrap().stage)];
                read.push((span.span_type, span.length, stage.name.clone()));
            });
            assert_eq!(read, rows, "{ksy}: {flow:?}");
        }
    }
}

#[test]
fn a_message_that_does_not_say_where_it_belongs_is_refused_with_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let ksy = folder.path().join("talk.ksy");
    let description = "{meta: {id: talk, -framescope: {conversation: {variables: {n: 0}, client: [hello, data], server: data, \
        states: {hello: {set: {n: size}}}}}}, types: {hello: {seq: [{id: size, type: u1}]}, \
        data: {seq: [{id: body, size: _conversation.n}]}}}";
    fs::write(&ksy, description).unwrap();
    let encode =
        |lines: &str| run_with_input(&["encode", "--protocol", ksy.to_str().unwrap()], lines.as_bytes());
    let hello = r#"{"stage":"hello","flow":0,"direction":"forward","fields":[{"name":"size","value":2}]}"#;
    let data = r#""fields":[{"name":"body","value":{"bytes":"6869"}}]}"#;
    let both = format!("{hello}\n{{\"stage\":\"data\",\"flow\":0,\"direction\":\"backward\",{data}\n");
    assert_eq!(encode(&both).stdout, b"\x02hi");
    notifies(
        &encode(&format!("{{\"stage\":\"other\",{data}")),
        1,
        &["'other' is no stage of talk", "hello, data"],
    );
}

#[test]
fn whole_conversations_are_seeds_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (ksy, capture, described) = talks().swap_remove(0);
    let arguments =
        ["seeds", capture.to_str().unwrap(), "--protocol", &ksy, "-o", folder.path().to_str().unwrap()];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let seeds: Vec<_> = fs::read_dir(folder.path().join("conversations")).unwrap().collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        let path = seed.unwrap().path();
        assert!(path.file_name().unwrap().to_str().unwrap().starts_with("conversation-"), "{path:?}");
        let said = Transcript::from_bytes(&fs::read(&path).unwrap());
        assert!(said.length() <= 4096);
        let mut messages = 0;
        said.read(&described, &with_built_in(Vec::new()), &mut |_, span, _| {
            messages += usize::from(span.span_type == SpanType::Message);
        });
        assert!(messages > 1, "{path:?}");
    }
    assert!(text(&run(&arguments).stderr).matches("0 seeds written").count() == 2);
}

/// The command line of the reader of the guest book, with a line of it changed; None where there is no Python.
fn guestbook(folder: &std::path::Path, change: Option<(&str, &str)>) -> Option<String> {
    let python = support::python()?;
    let program = fs::read_to_string(support::repository().join("corpus/peers/guestbook.py")).unwrap();
    let changed = change.map_or(program.clone(), |(from, to)| program.replace(from, to));
    assert!(change.is_none() || changed != program, "{change:?}");
    let path = folder.join("guestbook.py");
    fs::write(&path, changed).unwrap();
    Some(format!("{} {}", python.get_program().to_str().unwrap(), path.to_str().unwrap()))
}

#[test]
fn a_reader_of_conversations_is_compared_message_by_message() {
    let folder = tempfile::tempdir().unwrap();
    let ksy = support::repository().join("fuzz/examples/own-protocol/guestbook.ksy");
    let check = |peer: &str, more: &[&str]| {
        let arguments = ["check-peer", "--timeout=60", "--protocol", ksy.to_str().unwrap(), "--exec", peer];
        run(&[&arguments[..], more].concat())
    };
    let Some(peer) = guestbook(folder.path(), None) else { return };
    let output = check(&peer, &["--count", "600"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("The program agrees on all 600 inputs: "), "{said}");
    for (from, to, reported, most) in [
        ("self.wide = data[2] >= 2", "self.wide = data[2] > 2", "read as 'request'", 8),
        (
            "if length == 0:\n            self.read[\"client\"] = self.request",
            "if length == 0:\n            pass",
            "client",
            16,
        ),
        ("self.asked[number] = kind", "self.asked[number] = 1", "server answered is ", 24),
        ("print(\"end\", flush=True)", "sys.exit(3)", "no reply: the program ended with", 4096),
    ] {
        let peer = guestbook(folder.path(), Some((from, to))).unwrap();
        let seed = folder.path().join("seed");
        let output = check(&peer, &["--output", seed.to_str().unwrap()]);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_ne!(output.status.code(), Some(0), "{to}: {said}");
        assert!(said.contains(reported), "{to}: {said}");
        if output.status.code() == Some(3) {
            let found = Transcript::from_bytes(&fs::read(&seed).unwrap());
            assert!(found.length() <= most, "{to}: {said}");
            assert!(
                found
                    .pieces()
                    .iter()
                    .all(|piece| matches!(piece, Piece::Segment(Role::Client | Role::Server, _)))
            );
        }
    }
}
