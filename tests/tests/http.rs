//! The recorded HTTP, as it is printed, and what its bodies are without chunks and codings.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use framescope_capture::filter::Filter;
use framescope_capture::{Index, Options, Source, read};
use framescope_oracles::check_index;
use framescope_parser::{Direction, built_in};
use support::{assert_accepted, corpus, printed};

fn folder() -> PathBuf {
    corpus().join("carriers").join("http")
}

fn open(carry_bodies: bool) -> Index {
    let carriers = framescope_carriers::Options { carry_bodies, ..Default::default() };
    let options = Options {
        protocols: built_in().into_iter().chain(framescope_carriers::all(&carriers)).collect(),
        ..Options::default()
    };
    let path = folder().join("capture.pcapng");
    read(Source::open(&path).unwrap(), &options, &mut |_| true).unwrap()
}

#[test]
fn what_is_printed_is_what_was_accepted() {
    let index = open(false);
    check_index(&index);
    assert_accepted(&printed(&index), &folder().join("expected.txt"));
}

#[test]
fn bodies_are_messages_without_chunks_and_codings() {
    let index = open(true);
    check_index(&index);
    let body = |path: &str| {
        let is_body = |channel: &str, known: Option<&str>| channel == "http.body" && known == Some(path);
        let (flow, _) = index
            .flows()
            .find(|(_, flow)| {
                flow.carried().is_some_and(|carried| is_body(carried.name(), carried.settings().get("path")))
            })
            .unwrap_or_else(|| panic!("no body of {path}"));
        let row = index.stream_rows(flow, Direction::Backward).next().unwrap();
        let row = index.row(row).unwrap();
        index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap()
    };
    let words = body("/words");
    assert!(words.starts_with(b"{\"words\": [\"again and again\""));
    for packed in ["/zstd", "/chunks", "/json"] {
        let _ = body(packed);
    }
    assert_eq!(body("/zstd"), words);
    assert_eq!(body("/chunks"), words);
    assert_eq!(body("/twice"), b"packed twice");
    assert_eq!(body("/raw"), b"deflate without zlib's frame");
    assert_eq!(body("/trailers"), b"two parts: this is the second");
    assert!(body("/br").starts_with(b"{\"words\":[\"again and again\""));
}

#[test]
fn a_filter_names_what_messages_name_themselves() {
    let index = open(false);
    let count = |expression: &str| {
        let filter = Filter::parse(expression, index.protocols()).map_err(|error| error.to_string())?;
        filter.rows(&index).map(|rows| rows.len()).map_err(|error| error.to_string())
    };
    assert_eq!(count("headers.x-trace == \"one\""), Ok(1));
    assert_eq!(count("content-encoding == \"zstd\" and body.words.item contains \"again\""), Ok(1));
    assert_eq!(count("body.nested.true == true and kind == POST"), Ok(1));
    assert_eq!(count("trailers.x-checksum == \"abc\""), Ok(1));
    assert_eq!(count("http.count == 20 and kind == POST"), Ok(1));
    assert!(count("headerz.x-trace").unwrap_err().contains("there is no column or field 'headerz.x-trace'"));
    assert!(count("kind == GETT").unwrap_err().contains("did you mean 'GET'"));
}
