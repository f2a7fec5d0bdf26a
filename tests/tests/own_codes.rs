//! Problems that a protocol declares for itself are shown, chosen, counted and completed by their names, as the built-in ones are.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_capture::export::{Paint, RowSelection, write_json, write_problems_json, write_problems_text};
use framescope_capture::filter::{Filter, Vocabulary};
use framescope_capture::{Index, Options, Source, read};
use framescope_parser::{
    CodeDomain, CodeInfo, Confidence, Dissection, Error, Input, Memo, Names, Protocol, Sample, Severity,
    Step, Value, Visit, with_built_in,
};

const fn info(name: &'static str, severity: Severity, meaning: &'static str) -> CodeInfo {
    CodeInfo { name, severity, meaning, usual_cause: "A mistake.", what_to_do: "Correct it." }
}

static CODES: CodeDomain = CodeDomain::new(
    "pairs",
    &[
        info("out-of-order", Severity::Warning, "The second byte is less than the first."),
        info("equal", Severity::Note, "Both bytes are the same."),
        // Two protocols may have a word for the same.
        info("cut", Severity::Error, "The second byte is missing."),
    ],
);

/// Messages of two bytes, of which the second is to be greater.
struct Pairs;

impl Protocol for Pairs {
    fn name(&self) -> &str {
        "pairs"
    }

    fn about(&self) -> &str {
        "two bytes in rising order"
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn names(&self) -> Names {
        Names { fields: vec!["first".to_owned()], ..Names::default() }
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        match NonZeroUsize::new(input.bytes.len().min(2)) {
            Some(two) if two.get() == 2 => Step::Message(two),
            _ if !input.last => Step::NeedMore(NonZeroUsize::MIN),
            _ => Step::Skipped(NonZeroUsize::MIN, CODES.code(2)),
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let &[first, second] = message else { return };
        visit.field("first", 0..1, Value::Unsigned(first.into()));
        if second <= first {
            let number = u8::from(second == first);
            visit.problem(CODES.code(number), 1..2, format_args!("{second} follows {first}"));
        }
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

fn index() -> Index {
    let options = Options {
        protocols: with_built_in(vec![Arc::new(Pairs)]),
        decode_as: vec!["file=pairs".parse().unwrap()],
        ..Options::default()
    };
    read(Source::from_bytes("stream", &b"acbabbxyz"[..]), &options, &mut |_| true).unwrap()
}

fn rows(index: &Index, filter: &str) -> Result<Vec<u32>, String> {
    let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Pairs)];
    let filter = Filter::parse(filter, &protocols).map_err(|error| error.to_string())?;
    Ok(filter.rows(index).unwrap().into_iter().map(|row| row.number()).collect())
}

#[test]
fn filters_know_them_by_their_names_with_and_without_the_protocols() {
    let index = index();
    for (filter, expected) in [
        ("problems == out-of-order", &[1][..]),
        ("problems == pairs.out-of-order", &[1]),
        ("out-of-order", &[1]),
        ("pairs.equal", &[2]),
        ("problems in {equal, out-of-order}", &[1, 2]),
        ("problems contains pairs.equal", &[2]),
        ("problems != equal", &[1, 4]),
        ("problems matches \"^pairs[.]\"", &[1, 2, 4]),
        ("severity >= warning", &[1, 4]),
        ("problems == cut", &[4]),
        ("problems == checksum-mismatch", &[]),
    ] {
        assert_eq!(rows(&index, filter).as_deref(), Ok(expected), "{filter}");
    }
    let error = rows(&index, "problems == out-of-ordr").unwrap_err();
    assert!(error.contains("did you mean 'out-of-order'"), "{error}");
    assert!(rows(&index, "problems == others.equal").is_err());
}

#[test]
fn they_are_counted_with_what_they_mean() {
    let index = index();
    let mut out = Vec::new();
    write_problems_text(&index, &mut RowSelection::all(), Paint::Plain, &mut out).unwrap();
    let expected = "error   cut on 1 row: #4\n        The second byte is missing.\n\
                    warning out-of-order on 1 row: #1\n        The second byte is less than the first.\n\
                    note    equal on 1 row: #2\n        Both bytes are the same.\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let mut out = Vec::new();
    write_problems_json(&index, &mut RowSelection::all(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let first = out.lines().next().unwrap();
    assert!(first.starts_with(r#"{"code":"cut","severity":"error","rows":1,"first":[4]"#), "{first}");
}

#[test]
fn json_has_their_names() {
    let mut out = Vec::new();
    write_json(&index(), &mut RowSelection::all(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let second = out.lines().nth(1).unwrap();
    let problem = r#""problems":[{"code":"out-of-order","severity":"warning","offset":1,"length":1,"text":"97 follows 98"}]"#;
    assert!(second.contains(problem), "{second}");
}

#[test]
fn they_are_completed() {
    let typed = "problems == out";
    let candidates = Vocabulary::of(&index()).complete(typed, typed.len()).candidates;
    let found = candidates.iter().find(|one| one.text == "out-of-order").unwrap();
    assert_eq!(found.about, "The second byte is less than the first.");
}
