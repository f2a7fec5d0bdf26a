//! Conversations of a described protocol: states, what one message says about others, and bytes that are not there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

mod talk;

use std::sync::Arc;

use framescope_ksy::Described;
use framescope_parser::{Code, Dissection, Framer, Protocol, Reads, SpanType, Speaker};
use talk::{Bytes, CLIENT, Inside, Piece, Row, SERVER, Talk, rows, says, short, split};

/// A client greets, may ask for a version, logs in and asks; the server says how long its frames' lengths are.
const CHATTY: &str = "
meta:
  id: chatty
  endian: be
  -framescope:
    kind: kind
    id: number
    conversation:
      variables:
        wide: false
        user: ''
        asked: {}
        count: 0
      client: [greeting, options, request]
      server: welcome
      states:
        options:
          optional: true
          if: magic == 0xee
          set: {wide: 'flags == 1'}
        request:
          set: {'asked[number]': kind, count: _conversation.count + 1}
          then:
            - when: kind == kind::login
              set: {user: text}
            - when: kind == kind::upload
              next: upload
              peer: progress
            - when: kind == kind::talk
              next: text
              peer: text
        upload:
          then:
            - {when: length == 0, next: request, peer: reply}
        welcome: {next: reply}
        text: {hand-over: text}
types:
  greeting: {seq: [{id: magic, contents: HI}, {id: version, type: u1}]}
  options: {seq: [{id: magic, type: u1}, {id: flags, type: u1}]}
  welcome: {seq: [{id: line, type: str, encoding: UTF-8, terminator: 10}]}
  request:
    seq:
      - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
      - {id: number, type: u2}
      - {id: length, type: {switch-on: _conversation.wide, cases: {true: u2, false: u1}}}
      - {id: text, type: str, size: length, encoding: UTF-8}
  upload: {seq: [{id: length, type: u1}, {id: data, size: length}]}
  progress: {seq: [{id: mark, contents: '%'}, {id: percent, type: u1, valid: {max: 100}}]}
  reply:
    meta: {-framescope: {kind: answered}}
    seq:
      - {id: number, type: u2}
      - {id: status, type: u1}
      - {id: user, type: str, size: _conversation.user.length, encoding: UTF-8, valid: _conversation.user}
    instances:
      answered: {value: '_conversation.asked[number]', enum: kind}
      count: {value: _conversation.count}
enums:
  kind: {1: login, 2: query, 3: upload, 4: talk}
";

/// A request whose length takes one byte.
fn request(kind: u8, number: u16, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[kind][..], &number.to_be_bytes(), &[length], text.as_bytes()].concat()
}

fn reply(number: u16, user: &str) -> Vec<u8> {
    [&number.to_be_bytes()[..], b"\0", user.as_bytes()].concat()
}

fn session() -> Vec<Piece> {
    vec![
        says(CLIENT, b"HI\x01"),
        says(SERVER, b"welcome\n"),
        says(CLIENT, request(1, 7, "ada")),
        says(SERVER, reply(7, "ada")),
        says(CLIENT, request(3, 8, "notes")),
        says(CLIENT, b"\x03abc\x02de"),
        says(SERVER, b"%\x14%\x32"),
        says(CLIENT, b"\0"),
        says(SERVER, reply(8, "ada")),
        says(CLIENT, request(2, 9, "?")),
        says(SERVER, reply(9, "ada")),
        says(CLIENT, request(4, 10, "")),
        says(SERVER, "free text"),
        says(CLIENT, "and more"),
    ]
}

#[test]
fn each_message_is_read_in_its_state() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let rows = rows(&chatty, &session());
    let found: Vec<String> = rows.iter().map(Row::short).collect();
    let expected = [
        "client greeting Message 3",
        "server welcome Message 8",
        "client request Message 7",
        "server reply Message 6",
        "client request Message 9",
        "client upload Message 4",
        "client upload Message 3",
        "server progress Message 2",
        "server progress Message 2",
        "client upload Message 1",
        "server reply Message 6",
        "client request Message 5",
        "server reply Message 6",
        "client request Message 4",
        "server text Message 9",
        "client text Message 8",
    ];
    assert_eq!(found, expected);
    assert!(rows.iter().all(|row| row.problems.is_empty() && row.note.is_none()), "{rows:#?}");
    // What was set by requests is shown in the replies.
    let answered: Vec<&str> =
        rows.iter().filter(|row| row.stage == "reply").map(|row| row.kind.as_deref().unwrap()).collect();
    assert_eq!(answered, ["login", "upload", "query"]);
    assert_eq!(rows[12].field("count"), "3");
    assert_eq!((rows[12].field("user"), rows[12].field("answered")), ("\"ada\"", "query (2)"));
}

#[test]
fn an_optional_message_is_read_where_it_is_and_changes_what_follows() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let wide = [&b"HI\x01\xee\x01\x02\0\x05\0\x03abc"[..], b"\x02\0\x06\0\x01x"].concat();
    let found = short(&chatty, &[says(CLIENT, &wide)]);
    let expected = [
        "client greeting Message 3",
        "client options Message 2",
        "client request Message 8",
        "client request Message 6",
    ];
    assert_eq!(found, expected);
}

#[test]
fn it_does_not_matter_how_the_bytes_were_split() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    // Text handed over is what a segment holds.
    let mut session = session();
    session.truncate(11);
    let whole = short(&chatty, &session);
    for size in [1, 2, 3, 5] {
        assert_eq!(short(&chatty, &split(&session, size)), whole, "{size}");
    }
    // One direction alone: all at once, and byte by byte.
    let of_client = |piece: &&Piece| matches!(piece, Bytes(CLIENT, _));
    let client: Vec<u8> = session
        .iter()
        .filter(of_client)
        .flat_map(|piece| if let Bytes(_, bytes) = piece { bytes.clone() } else { Vec::new() })
        .collect();
    let at_once = short(&chatty, &[says(CLIENT, &client)]);
    assert_eq!(short(&chatty, &split(&[says(CLIENT, &client)], 1)), at_once);
    assert_eq!(at_once.len(), 7);
}

#[test]
fn what_the_other_direction_says_counts_from_the_next_message_on() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let login = request(1, 7, "");
    let mut pieces =
        vec![says(CLIENT, [b"HI\x01", &login[..]].concat()), says(SERVER, b"hello\n"), says(SERVER, b"\0")];
    // The reply has begun when the upload is asked for.
    pieces.extend([says(CLIENT, request(3, 8, "")), says(SERVER, b"\x07\0%\x0a")]);
    let found = short(&chatty, &pieces);
    assert_eq!(found[4..], ["server reply Message 3", "server progress Message 2"]);
}

#[test]
fn a_capture_that_begins_inside_says_so_and_does_not_know_what_was_set() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let inside = [Inside(CLIENT), Inside(SERVER)];
    let pieces = [&inside[..], &[says(SERVER, reply(9, "ada")), says(CLIENT, request(2, 9, "?"))]].concat();
    let rows = rows(&chatty, &pieces);
    // Neither where the reply ends nor how wide the length of a request is can be known.
    assert!(rows.iter().all(|row| matches!(row.span.span_type, SpanType::Skipped(_))), "{rows:#?}");
    let notes: Vec<_> = rows.iter().filter_map(|row| row.note.clone()).collect();
    assert_eq!(notes[0].0, Code::MidConversation);
    assert!(notes.iter().any(|(_, text)| text.ends_with("read as 'reply'")), "{notes:?}");
}

#[test]
fn one_state_assumes_nothing_in_the_middle() {
    let one = "{meta: {id: one, -framescope: {conversation: {both: frame}}}, types: {frame: {seq: [{id: mark, contents: [0xaa, 0x55]}, {id: n, type: u1}]}}}";
    let one = Described::from_ksy(one).unwrap();
    let rows = rows(&one, &[Inside(CLIENT), says(CLIENT, b"\xaa\x55\x01\xaa\x55\x02")]);
    assert!(rows.len() == 2 && rows.iter().all(|row| row.note.is_none()), "{rows:?}");
}

#[test]
fn what_the_description_assumes_is_known_where_a_capture_begins_inside() {
    let ksy = |middle: &str| {
        format!(
            "meta: {{id: t, -framescope: {{conversation: {{variables: {{wide: 0, level: }}, client: [hello, frame], server: frame, middle: {{{middle}}}, states: {{hello: {{set: {{wide: version, level: version}}}}}}}}}}}}
types:
  hello: {{seq: [{{id: version, type: u1}}]}}
  frame: {{seq: [{{id: mark, contents: [0xaa, 0x55]}}, {{id: n, type: u1}}, {{id: more, size: _conversation.wide}}]}}"
        )
    };
    let pieces = [Inside(CLIENT), says(CLIENT, b"\xaa\x55\x01ab\xaa\x55\x02cd")];
    let assumed = Described::from_ksy(&ksy("set: {wide: 2}")).unwrap();
    let found = short(&assumed, &pieces);
    assert_eq!(found, ["client frame Message 5 mid-conversation", "client frame Message 5"]);
    let unknown = Described::from_ksy(&ksy("client: frame")).unwrap();
    assert_ne!(short(&unknown, &pieces), found);
}

#[test]
fn a_direction_that_only_the_other_one_changes_says_where_it_is_assumed_to_be() {
    let ksy = "{meta: {id: t, -framescope: {conversation: {client: ask, server: frame, middle: {server: frame}, states: {ask: {then: [{when: n == 9, peer: other}]}}}}}, types: {ask: {seq: [{id: n, type: u1}]}, frame: {seq: [{id: n, type: u1}]}, other: {seq: [{id: n, type: u2be}]}}}";
    let described = Described::from_ksy(ksy).unwrap();
    let found =
        short(&described, &[Inside(CLIENT), Inside(SERVER), says(SERVER, b"ab"), says(CLIENT, b"\x01")]);
    let expected =
        ["client ask Message 1", "server frame Message 1 mid-conversation", "server frame Message 1"];
    assert_eq!(found, expected);
}

#[test]
fn a_direction_takes_little_memory_and_tables_are_bounded() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let mut talk = Talk::new(&chatty);
    talk.take(&says(CLIENT, b"HI\x01"));
    for number in 0..3000 {
        talk.take(&says(CLIENT, request(2, number, "")));
    }
    assert!(talk.largest < 80 << 10, "{}", talk.largest);
    let dropped = talk.rows.iter().filter_map(|row| row.note.as_ref()).collect::<Vec<_>>();
    assert!(dropped.iter().all(|(code, _)| *code == Code::LimitExceeded), "{dropped:?}");
    assert!(!dropped.is_empty());
    // The latest are kept.
    talk.take(&says(SERVER, b"hello\n\x0b\xb7\0"));
    assert_eq!(talk.rows.last().unwrap().kind.as_deref(), Some("query"), "{:?}", talk.rows.last());
}

#[test]
fn a_copy_goes_on_from_where_it_was_made() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let mut talk = Talk::new(&chatty);
    let session = session();
    session[..4].iter().for_each(|piece| talk.take(piece));
    let copy = talk.conversation.copy();
    session[4..].iter().for_each(|piece| talk.take(piece));
    let expected: Vec<String> = talk.rows[4..].iter().map(Row::short).collect();
    let mut again = Talk::new(&chatty);
    again.conversation = copy;
    session[4..].iter().for_each(|piece| again.take(piece));
    assert_eq!(again.rows.iter().map(Row::short).collect::<Vec<_>>(), expected);
}

#[test]
fn a_message_is_written_back_in_its_context() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let others: Vec<Arc<dyn Protocol>> = vec![Arc::new(framescope_parser::text::Text)];
    let mut conversation = chatty.conversation().unwrap();
    let mut framers = [Framer::default(), Framer::default()];
    let mut written = 0;
    let mut session = session();
    session.truncate(11);
    for piece in session {
        let Bytes(role, bytes) = piece else { continue };
        let speaker = Speaker::new(&mut *conversation, role, &chatty, &others);
        framers[role.index()].segment_of(&speaker, &bytes, &mut |_, bytes| {
            let context = bytes.context().unwrap();
            let Reads::Own(stage) = &chatty.stages()[usize::from(context.stage)].reads else { return };
            let mut found = Dissection::default();
            bytes.dissect(&**stage, &mut found);
            let mut out = Vec::new();
            chatty.encode_in(context, &found, &mut out, &mut Vec::new()).unwrap();
            assert_eq!(out, bytes.bytes());
            written += 1;
        });
    }
    assert_eq!(written, 13);
}

#[test]
fn stages_say_what_they_need_and_names_are_those_of_all() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let said: Vec<_> = chatty
        .stages()
        .iter()
        .map(|stage| (stage.name.as_str(), stage.needs_variables, stage.sets_variables))
        .collect();
    let expected = [
        ("options", false, true),
        ("request", true, true),
        ("upload", false, false),
        ("welcome", false, false),
        ("text", false, false),
        ("greeting", false, false),
        ("progress", false, false),
        ("reply", true, false),
    ];
    assert_eq!(said, expected);
    let names = chatty.names();
    for name in ["version", "line", "percent", "answered", "data"] {
        assert!(names.fields.iter().any(|known| known == name), "{name}");
    }
    assert_eq!(names.kinds.len(), 4);
    assert!(chatty.enumerations().iter().any(|one| one.path == "answered"));
}

#[test]
fn without_variables_what_depends_on_them_is_a_problem_of_its_own() {
    let chatty = Described::from_ksy(CHATTY).unwrap();
    let stages = chatty.stages();
    let Reads::Own(reply) = &stages.iter().find(|stage| stage.name == "reply").unwrap().reads else {
        panic!()
    };
    let found = Dissection::of(&**reply, b"\0\x07\0ada");
    assert_eq!(found.field("number").unwrap().value.to_string(), "7");
    let unknown: Vec<&str> = found
        .problems
        .iter()
        .filter(|problem| problem.code == Code::StateUnknown)
        .map(|problem| problem.text.as_str())
        .collect();
    assert!(unknown.contains(&"user: _conversation.user is not known here"), "{unknown:?}");
}
