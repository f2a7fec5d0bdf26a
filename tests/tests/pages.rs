//! What the documents show works as they show it.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use framescope_capture::filter::Filter;
use framescope_ksy::Described;
use framescope_parser::{Collected, Dissection, Framer, Protocol, Role, SpanType, Speaker, built_in};

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

/// The first block of code in a language after a heading.
fn block_after<'p>(page: &'p str, heading: &str, language: &str) -> &'p str {
    let (_, after) = page.split_once(heading).unwrap();
    block(after, language)
}

#[test]
fn the_conversation_on_the_page_is_read_as_the_page_says() {
    let page = page("docs/own-protocol.md");
    let guestbook = Described::from_ksy(block_after(&page, "\n## Conversations\n", "yaml"))
        .unwrap_or_else(|error| panic!("{error}"));
    let program = block_after(&page, "\n## Conversations\n", "python");
    assert!(program.contains(r#"struct.pack(">BHH", kind, number, len(body)) + body"#));
    let attachment = br#"request(3, 2, "a picture") + b"\x00\x04\x89PNG" + b"\x00\x00""#;
    assert!(program.contains(std::str::from_utf8(attachment).unwrap()));
    let said: [(Role, &[u8]); 8] = [
        (Role::Client, b"GB\x02"),
        (Role::Server, b"welcome, guest\n"),
        (Role::Client, b"\x01\0\x01\0\x0cAda was here"),
        (Role::Server, b"\0\x01\0"),
        (Role::Client, b"\x03\0\x02\0\x09a picture\0\x04\x89PNG\0\0"),
        (Role::Server, b"\0\x02\0"),
        (Role::Client, b"\x02\0\x03\0\0"),
        (Role::Server, b"\0\x03\0"),
    ];
    let mut conversation = guestbook.conversation().unwrap();
    let (mut framers, mut rows) = ([Framer::default(), Framer::default()], Vec::new());
    for (role, bytes) in said {
        let speaker = Speaker::new(&mut *conversation, role, &guestbook, &[]);
        framers[role.index()].segment_of(&speaker, bytes, &mut |span, bytes| {
            assert_eq!(span.span_type, SpanType::Message);
            let stage = &guestbook.stages()[usize::from(bytes.context().unwrap().stage)];
            let mut message = Dissection::default();
            bytes.dissect(stage.protocol(&[]).unwrap(), &mut message);
            assert!(message.problems.is_empty(), "{:?}", message.problems);
            let kind = message.kind.and_then(|kind| kind.name).unwrap_or("-");
            rows.push(format!("{} {kind}: {}", stage.name, message.summary));
        });
    }
    let expected = [
        "hello -: version 2",
        "welcome -: banner welcome, guest",
        "request sign: sign Ada was here",
        "reply sign: number 1, status ok",
        "request attach: attach a picture",
        "file -: length 4",
        "file -: length 0",
        "reply attach: number 2, status ok",
        "request read: read",
        "reply read: number 3, status ok",
    ];
    assert_eq!(rows, expected);
    for shown in &expected[2..4] {
        let (_, shown) = shown.split_once(' ').unwrap();
        assert!(page.contains(&format!("guestbook {shown}\n")), "the page does not show: {shown}");
    }
}

#[test]
fn the_carrier_on_the_page_carries_what_its_program_sends() {
    let page = page("docs/own-protocol.md");
    let load = |text: &str| Described::from_ksy(text).unwrap_or_else(|error| panic!("{error}"));
    let lanes = load(block_after(&page, "\n## What messages carry\n", "yaml"));
    let mine = load(block(&page, "yaml"));
    let program = block_after(&page, "\n## What messages carry\n", "python");
    assert!(program.contains(r#"struct.pack(">HH", lane, last << 15 | len(payload)) + payload"#));
    let message = |kind: u8, text: &str| {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[kind][..], &length, text.as_bytes()].concat()
    };
    let frame = |lane: u8, payload: &[u8], last: u8| {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, lane, last << 7, length][..], payload].concat()
    };
    let (one, two, bye) = (message(1, "from lane one"), message(1, "from lane two"), message(2, "bye"));
    let sent = [
        frame(1, &one[..9], 0),
        frame(2, &two[..4], 0),
        frame(1, &one[9..], 0),
        frame(2, &two[4..], 0),
        frame(1, &bye, 1),
    ];
    let (mut conversation, mut carried) = (lanes.conversation().unwrap(), Collected::default());
    let speaker = Speaker::new(&mut *conversation, Role::Client, &lanes, &[]).carrying(&mut carried);
    Framer::default().segment_of(&speaker, &sent.concat(), &mut |span, _| {
        assert_eq!(span.span_type, SpanType::Message);
    });
    let said = |channel: u64| {
        let mut said = Vec::new();
        Framer::default().segment(&mine, &carried.all(channel, Role::Client), &mut |_, bytes| {
            said.push(Dissection::of(&mine, bytes.bytes()).field("body").unwrap().value.to_string());
        });
        said
    };
    assert_eq!(carried.channels[&0].settings.get("channel"), Some("1"));
    assert_eq!(said(0), [r#""from lane one""#, r#""bye""#]);
    assert_eq!(said(1), [r#""from lane two""#]);
}

/// The `carries` of the table of examples, over a type that has the fields that they name.
#[test]
fn every_example_of_what_is_carried_is_understood() {
    let page = page("docs/own-protocol.md");
    let (_, after) = page.split_once("\n| such as | `carries` |\n").unwrap();
    let rows: Vec<&str> = after.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 7, "{rows:?}");
    for row in rows {
        let example = row.split('`').nth(1).unwrap();
        let text = format!(
            "
meta: {{id: t, endian: be, -framescope: {{carries: {example}}}}}
seq:
  - {{id: stream, type: u1}}
  - {{id: block, type: u2}}
  - {{id: file, type: u1}}
  - {{id: position, type: u4}}
  - {{id: id, type: u2}}
  - {{id: offset, type: u2}}
  - {{id: part, type: u1}}
  - {{id: parts, type: u1}}
  - {{id: opcode, type: u1}}
  - {{id: total, type: u2}}
  - {{id: number, type: b3}}
  - {{id: syn, type: b1}}
  - {{id: fin, type: b1}}
  - {{id: rst, type: b1}}
  - {{id: more, type: b1}}
  - {{id: is_first, type: b1}}
  - {{id: length, type: u1}}
  - {{id: data, size: length}}
  - {{id: bytes, size: length}}
"
        );
        let described = Described::from_ksy(&text).unwrap_or_else(|error| panic!("{example}: {error}"));
        assert!(described.stages()[0].carries && described.warnings().is_empty(), "{example}");
    }
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
