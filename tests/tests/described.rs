//! Compares formats described in .ksy with the parser crate's own readers of the same formats.

#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)] // a test says what is wrong by panicking

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use framescope_capture::{Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_parser::{Code, Dissection, Field, SpanType, Value, with_built_in};
use support::{cases, corpus};

fn described(name: &str) -> Described {
    Described::from_file(&corpus().join("formats").join(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn index(capture: &std::path::Path, options: &Options) -> Index {
    read(Source::open(capture).unwrap(), options, &mut |_| true).unwrap()
}

/// Codes of what only the sequence of messages shows, or the segments.
const NOT_OF_THE_BYTES: [Code; 10] = [
    Code::SequenceJump,
    Code::DataBeforeLogin,
    Code::DataAfterLogout,
    Code::ReplyToNothing,
    Code::Unanswered,
    Code::Unfinished,
    Code::Glued,
    Code::Cut,
    Code::Retransmitted,
    Code::ConflictingRetransmission,
];

/// What the description does not say: an unknown extension is reported with its whole range, and whether DATA is text
/// depends on the value of an extension that may be anywhere in a list.
const NOT_DESCRIBED: [Code; 2] = [Code::UnknownExtension, Code::InvalidUtf8];

type Leaf = (usize, usize, String);

/// The values of the header, the check and the tag, by their ranges; what is in between is dissected differently.
fn values(message: &Dissection<'_>) -> BTreeSet<Leaf> {
    let is_compared = |field: &&Field<'_>| {
        !matches!(field.name, "flags" | "extensions" | "payload" | "_unread") && field.value != Value::Group
    };
    let leaf = |field: &Field<'_>| (field.range.start, field.range.end, field.value.to_string());
    message.fields.iter().filter(is_compared).map(leaf).collect()
}

#[test]
fn missive_described_is_missive() {
    let own =
        Options { protocols: with_built_in(vec![Arc::new(described("missive.ksy"))]), ..Options::default() };
    let (mut compared, mut damaged) = (0, 0);
    for case in cases() {
        let capture = case.join("capture.pcapng");
        let (native, ours) = (index(&capture, &Options::default()), index(&capture, &own));
        let is_missive = |index: &Index, row: &framescope_capture::Row| {
            index.protocol(row).is_some_and(|protocol| protocol.name() == "missive")
        };
        if !native.rows().any(|(_, row)| is_missive(&native, &row)) {
            continue;
        }
        assert_eq!(native.row_count(), ours.row_count(), "{}", capture.display());
        let (mut reader, mut other) = (native.reader(), ours.reader());
        for ((number, row), (_, same)) in native.rows().zip(ours.rows()) {
            let place = |row: &framescope_capture::Row| (row.flow(), row.offset, row.length, row.span_type);
            assert_eq!(place(&row), place(&same), "{} row {number}", capture.display());
            if !is_missive(&native, &row) || !matches!(row.span_type, SpanType::Message | SpanType::Partial) {
                damaged += 1;
                continue;
            }
            assert_eq!(native.kind(&row), ours.kind(&same));
            let bytes = native.row_bytes(&row, usize::MAX, &mut reader).unwrap();
            let same_bytes = ours.row_bytes(&same, usize::MAX, &mut other).unwrap();
            let (native, ours) = (native.dissect(number, &bytes), ours.dissect(number, &same_bytes));
            assert_eq!(values(&native), values(&ours), "{} row {number}", capture.display());
            let problems = |message: &Dissection<'_>| -> BTreeSet<(Code, usize, usize)> {
                let left_out = |code| NOT_OF_THE_BYTES.contains(&code) || NOT_DESCRIBED.contains(&code);
                let problems = message.problems.iter().filter(|problem| !left_out(problem.code));
                problems.map(|problem| (problem.code, problem.range.start, problem.range.end)).collect()
            };
            assert_eq!(problems(&native), problems(&ours), "{} row {number}", capture.display());
            compared += 1;
        }
    }
    assert!(compared > 300 && damaged > 10, "{compared} messages, {damaged} other rows");
}

#[test]
fn a_description_that_is_delimited_by_segments_reads_what_bare_reads() {
    let capture = corpus().join("captures/bare-login/capture.pcapng");
    let native = index(&capture, &Options::default());
    let decode_as = vec!["tcp=bare".parse().unwrap()];
    let own = Options {
        protocols: with_built_in(vec![Arc::new(described("bare.ksy"))]),
        decode_as,
        ..Options::default()
    };
    let ours = index(&capture, &own);
    assert_eq!(native.row_count(), ours.row_count());
    for ((_, row), (_, same)) in native.rows().zip(ours.rows()) {
        assert_eq!((row.offset, row.length, row.span_type), (same.offset, same.length, same.span_type));
        // The rest of a cut message begins with no kind: the native reader reports none then, the description whatever
        // number is there.
        match native.kind(&row) {
            None => {}
            kind => assert_eq!(kind, ours.kind(&same)),
        }
    }
}
