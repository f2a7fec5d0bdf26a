//! What the documents show works as they show it.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use framescope_capture::filter::Filter;
use framescope_ksy::Described;
use framescope_parser::{Dissection, Framer, Protocol, SpanType, built_in};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// The first block of code in a language.
fn block<'p>(page: &'p str, language: &str) -> &'p str {
    let begin = page.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
    page[begin..].split("```").next().unwrap()
}

#[test]
fn the_first_description_reads_what_the_first_program_sends() {
    let page = page("docs/own-protocol.md");
    assert!(block(&page, "python").contains(r#"struct.pack(">BI", kind, len(body)) + body"#));
    let mine = Described::from_ksy(block(&page, "yaml")).unwrap_or_else(|error| panic!("{error}"));
    let mut framer = Framer::default();
    let mut messages = 0;
    // The page's own test, on two messages.
    framer.segment(&mine, b"\x01\0\0\0\x05hello\x02\0\0\0\x03bye", &mut |span, bytes| {
        assert_eq!(span.span_type, SpanType::Message);
        let message = Dissection::of(&mine, bytes.bytes());
        assert!(message.problems.is_empty(), "{:?}", message.problems);
        let mut written = Vec::new();
        mine.encode(&message, &mut written).unwrap();
        assert_eq!(written, bytes.bytes());
        messages += 1;
    });
    assert_eq!(messages, 2);
}

#[test]
fn the_message_written_by_hand_is_json() {
    let page = page("docs/own-protocol.md");
    let message: serde_json::Value = serde_json::from_str(block(&page, "json")).unwrap();
    assert_eq!(message["fields"][1]["value"], "good morning");
}

#[test]
fn every_filter_that_the_documents_show_is_understood() {
    let mut shown = 0;
    for name in ["README.md", "docs/command-line.md", "docs/filter.md", "docs/output.md", "fuzz/README.md"] {
        let page = page(name);
        for (at, _) in page.match_indices("--filter '") {
            let expression = page[at + "--filter '".len()..].split('\'').next().unwrap();
            if let Err(error) = Filter::parse(expression, &built_in()) {
                panic!("{name}: {expression}: {error}");
            }
            shown += 1;
        }
    }
    assert!(shown >= 7, "only {shown} filters");
}

#[test]
fn the_page_on_filters_shows_the_error_that_is_printed() {
    let error = Filter::parse("kind == LOGN", &built_in()).unwrap_err().to_string();
    let first = error.lines().next().unwrap();
    assert!(
        page("docs/filter.md").contains(&format!("--filter: {first}\n")),
        "docs/filter.md does not show: {first}"
    );
}
