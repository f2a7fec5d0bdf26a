//! Conversations of a described protocol: states, what one message says about others, and bytes that are not there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

use std::sync::Arc;

use framescope_ksy::Described;
use framescope_parser::{
    Captured, Code, Confidence, Conversation, Dissection, Framer, Protocol, Reads, Role, Sample, Span,
    SpanType, Speaker,
};

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

/// A piece of a conversation, in the order of the capture.
#[derive(Clone, Debug)]
enum Piece {
    Bytes(Role, Vec<u8>),
    Gap(Role, u64),
    End(Role),
    Inside(Role),
}
use Piece::{Bytes, End, Gap, Inside};

fn says(role: Role, bytes: impl AsRef<[u8]>) -> Piece {
    Bytes(role, bytes.as_ref().to_vec())
}

/// A span of a conversation, and what was read.
#[derive(Debug)]
struct Row {
    role: Role,
    span: Span,
    stage: String,
    note: Option<(Code, String)>,
    fields: Vec<(String, String)>,
    kind: Option<String>,
    problems: Vec<(Code, String)>,
}

impl Row {
    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }

    /// What the tests of the order compare.
    fn short(&self) -> String {
        let note = self.note.as_ref().map_or(String::new(), |(code, _)| format!(" {code}"));
        format!("{} {} {:?} {}{note}", self.role.as_str(), self.stage, self.span.span_type, self.span.length)
    }
}

struct Talk<'p> {
    protocol: &'p Described,
    conversation: Box<dyn Conversation>,
    framers: [Framer; 2],
    rows: Vec<Row>,
    largest: usize,
}

impl<'p> Talk<'p> {
    fn new(protocol: &'p Described) -> Self {
        let conversation = protocol.conversation().unwrap();
        Talk { protocol, conversation, framers: Default::default(), rows: Vec::new(), largest: 0 }
    }

    fn take(&mut self, piece: &Piece) {
        let (Bytes(role, _) | Gap(role, _) | End(role) | Inside(role)) = *piece;
        let others: Vec<Arc<dyn Protocol>> = vec![Arc::new(framescope_parser::text::Text)];
        let speaker = Speaker::new(&mut *self.conversation, role, self.protocol, &others);
        let (protocol, rows) = (self.protocol, &mut self.rows);
        let sink = &mut |span: Span, bytes: Captured<'_, '_>| {
            rows.push(row(protocol, &others, role, span, bytes));
        };
        let framer = &mut self.framers[role.index()];
        match piece {
            Bytes(_, bytes) => framer.segment_of(&speaker, bytes, sink),
            Gap(_, length) => framer.gap_of(&speaker, *length, sink),
            End(_) => framer.end_of(&speaker, sink),
            Inside(_) => framer.begins_inside_of(&speaker),
        }
        self.largest = self.largest.max(self.conversation.size());
    }
}

fn row(
    protocol: &Described,
    others: &[Arc<dyn Protocol>],
    role: Role,
    span: Span,
    bytes: Captured<'_, '_>,
) -> Row {
    let context = bytes.context().unwrap();
    let stage = &protocol.stages()[usize::from(context.stage)];
    let mut found = Dissection::default();
    if matches!(span.span_type, SpanType::Message | SpanType::Partial) {
        bytes.dissect(stage.protocol(others).unwrap(), &mut found);
    }
    let fields = found.fields.iter().map(|field| (field.name.to_string(), field.value.to_string())).collect();
    Row {
        role,
        span,
        stage: stage.name.clone(),
        note: context.note.as_ref().map(|(code, text)| (*code, text.to_string())),
        fields,
        kind: found.kind.and_then(|kind| kind.name.map(str::to_owned)),
        problems: found.problems.iter().map(|problem| (problem.code, problem.text.clone())).collect(),
    }
}

fn rows(protocol: &Described, pieces: &[Piece]) -> Vec<Row> {
    let mut talk = Talk::new(protocol);
    pieces.iter().for_each(|piece| talk.take(piece));
    for role in Role::BOTH {
        talk.take(&End(role));
    }
    talk.rows
}

fn short(protocol: &Described, pieces: &[Piece]) -> Vec<String> {
    rows(protocol, pieces).iter().map(Row::short).collect()
}

const CLIENT: Role = Role::Client;
const SERVER: Role = Role::Server;

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

/// The same pieces, in segments of a few bytes.
fn split(pieces: &[Piece], size: usize) -> Vec<Piece> {
    let split = |piece: &Piece| match piece {
        Bytes(role, bytes) => bytes.chunks(size).map(|part| Bytes(*role, part.to_vec())).collect(),
        other => vec![other.clone()],
    };
    pieces.iter().flat_map(split).collect()
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

/// Lines until one says that packets follow, then packets until one says that lines do.
const TWO: &str = "
meta:
  id: two
  endian: be
  -framescope:
    conversation:
      both: line
      states:
        line: {then: [{when: 'text == \"packets\"', next: packet, peer: packet}]}
        packet: {then: [{when: kind == 9, next: line, peer: line}]}
types:
  line: {seq: [{id: text, type: str, encoding: ASCII, terminator: 10}]}
  packet: {seq: [{id: mark, contents: [0xaa, 0x55]}, {id: kind, type: u1, valid: {max: 9}}, {id: length, type: u1}, {id: body, size: length}]}
";

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xaa, 0x55, kind, u8::try_from(body.len()).unwrap()], body].concat()
}

#[test]
fn after_a_loss_the_state_that_fits_is_chosen_and_named() {
    let two = Described::from_ksy(TWO).unwrap();
    let packets = [packet(1, b"abc"), packet(2, b"\n\n"), packet(3, b"")].concat();
    let pieces = [says(CLIENT, "hello\n"), Gap(CLIENT, 8), says(CLIENT, &packets)];
    for size in [1, 2, 100] {
        let rows = rows(&two, &split(&pieces, size));
        let found: Vec<String> = rows.iter().map(Row::short).collect();
        let expected = [
            "client line Message 6",
            "client line Gap 8",
            "client packet Message 7 state-unknown",
            "client packet Message 6",
            "client packet Message 4",
        ];
        assert_eq!(found, expected, "{size}");
        let (_, text) = rows[2].note.as_ref().unwrap();
        assert!(text.ends_with("read as 'packet'"), "{text}");
    }
}

#[test]
fn a_loss_may_hide_what_the_other_direction_was_told() {
    let two = Described::from_ksy(TWO).unwrap();
    let pieces = [
        says(CLIENT, "hello\n"),
        Gap(CLIENT, 8),
        says(SERVER, packet(1, b"")),
        says(CLIENT, packet(1, b"")),
        says(SERVER, packet(1, b"")),
    ];
    let expected = [
        "client line Message 6",
        "client line Gap 8",
        "client packet Message 4 state-unknown",
        "server packet Message 4 state-unknown",
        "server packet Message 4",
    ];
    assert_eq!(short(&two, &pieces), expected);
}

#[test]
fn the_present_state_stays_if_it_fits() {
    let two = Described::from_ksy(TWO).unwrap();
    let pieces = [says(CLIENT, "hello\n"), Gap(CLIENT, 8), says(CLIENT, "still\nlines\n")];
    let expected = [
        "client line Message 6",
        "client line Gap 8",
        "client line Message 6 state-unknown",
        "client line Message 6",
    ];
    assert_eq!(short(&two, &pieces), expected);
}

#[test]
fn a_rule_over_missing_bytes_may_have_applied() {
    let fields = "{id: kind, type: u1, valid: {max: 9}}, {id: length, type: u1}";
    let two =
        Described::from_ksy(&TWO.replace(fields, "{id: length, type: u1}, {id: kind, type: u1}")).unwrap();
    let whole = b"\xaa\x55\x0a\x020123456789";
    let begin = says(CLIENT, b"packets\n\xaa\x55\x03\x01abc");
    let end = says(CLIENT, b"\xaa\x55\x00\x04");
    // Bytes of the body are missing, or the one that the rule is about.
    let cut = |at: usize, to: usize| {
        let middle = [says(CLIENT, &whole[..at]), Gap(CLIENT, (to - at) as u64), says(CLIENT, &whole[to..])];
        [std::slice::from_ref(&begin), &middle, std::slice::from_ref(&end)].concat()
    };
    let expected = ["line Message 8", "packet Message 7", "packet Message 14", "packet Message 4"];
    let expected = expected.map(|row| format!("client {row}"));
    assert_eq!(short(&two, &cut(6, 9)), expected);
    let found = short(&two, &cut(3, 4));
    assert_eq!(found[..3], expected[..3]);
    assert_eq!(found[3], format!("{} state-unknown", expected[3]));
}

#[test]
fn damage_that_hides_nothing_is_not_mentioned() {
    let text = TWO.replace("kind == 9, next: line, peer: line", "kind == 9, next: packet");
    let two = Described::from_ksy(&text).unwrap();
    let stream = [&b"packets\n"[..], &packet(1, b"abc"), b"noise", &packet(2, b"")].concat();
    let found = short(&two, &[says(CLIENT, &stream)]);
    let expected = ["line Message 8", "packet Message 7", "packet Skipped(NotAFrame) 5", "packet Message 4"];
    assert_eq!(found, expected.map(|row| format!("client {row}")));
}

#[test]
fn a_direction_takes_little_memory_and_tables_are_bounded() {
    let two = Described::from_ksy(TWO).unwrap();
    assert!(two.conversation().unwrap().size() <= 200, "{}", two.conversation().unwrap().size());
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
fn the_first_message_of_either_side_shows_the_protocol() {
    let two = Described::from_ksy(&TWO.replace("both: line", "client: line\n      server: packet")).unwrap();
    let packets = packet(1, b"").repeat(3);
    let sample = |bytes| Sample { bytes, segment_ends: &[] };
    assert_eq!(two.detect(sample(&packets)), Confidence::Certain);
    assert_eq!(two.detect(sample(b"hello\n")), Confidence::No);
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

/// The server says a key. The client's commands are xored with it, each from its beginning; its data is with a key that goes on.
const MASKED: &str = "
meta:
  id: masked
  endian: be
  -framescope:
    conversation:
      variables: {key: []}
      client: command
      server: [welcome, welcome]
      states:
        command:
          xor: _conversation.key
          then:
            - {when: 'text == \"data\"', next: data}
        data:
          xor: {key: _conversation.key, from: stream}
          then:
            - {when: size == 0, next: command}
        welcome:
          set: {key: key}
types:
  welcome: {seq: [{id: key, size: 3}]}
  command: {seq: [{id: size, type: u1}, {id: text, type: str, encoding: ASCII, size: size}, {id: sum, type: u1, -check: {algorithm: sum, from: _root}}]}
  data: {seq: [{id: size, type: u2}, {id: body, size: size}]}
";

fn masked() -> Described {
    Described::from_ksy(&MASKED.replace("[welcome, welcome]", "welcome")).unwrap()
}

fn xored(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

fn command(text: &str) -> Vec<u8> {
    let mut bytes = [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    bytes.push(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    bytes
}

fn masked_session() -> Vec<Piece> {
    let key = b"\x11\x22\x33";
    let data = [&b"\0\x04abcd"[..], b"\0\x01!", b"\0\0"].concat();
    let long = "x".repeat(250);
    vec![
        says(SERVER, key),
        says(CLIENT, [xored(key, &command("hello")), xored(key, &command("data"))].concat()),
        says(CLIENT, [xored(key, &data), xored(key, &command("again"))].concat()),
        says(CLIENT, xored(key, &command(&long)).repeat(3)),
    ]
}

#[test]
fn xored_messages_are_read_as_what_was_meant_at_the_places_of_what_was_sent() {
    let masked = masked();
    let whole = rows(&masked, &masked_session());
    assert!(whole.iter().all(|row| row.problems.is_empty() && row.note.is_none()), "{whole:#?}");
    let texts: Vec<&str> = whole
        .iter()
        .filter_map(|row| row.fields.iter().find(|(name, _)| matches!(name.as_str(), "text" | "body")))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(texts[..6], ["\"hello\"", "\"data\"", "61626364", "21", "", "\"again\""]);
    assert_eq!(texts.len(), 9);
    let spans: Vec<u64> = whole.iter().filter(|row| row.role == CLIENT).map(|row| row.span.length).collect();
    assert_eq!(spans, [7, 6, 6, 3, 2, 7, 252, 252, 252]);
    for size in [1, 3, 100] {
        let found = short(&masked, &split(&masked_session(), size));
        assert_eq!(found, whole.iter().map(Row::short).collect::<Vec<_>>(), "{size}");
    }
}

#[test]
fn xored_messages_are_written_back_with_their_key() {
    let masked = masked();
    let mut conversation = masked.conversation().unwrap();
    let mut framers = [Framer::default(), Framer::default()];
    let mut written = 0;
    for piece in masked_session() {
        let Bytes(role, bytes) = piece else { continue };
        let speaker = Speaker::new(&mut *conversation, role, &masked, &[]);
        framers[role.index()].segment_of(&speaker, &bytes, &mut |_, bytes| {
            let context = bytes.context().unwrap();
            let mut found = Dissection::default();
            bytes.dissect(&masked, &mut found);
            let end = found.fields.last().map(|field| field.range.end);
            assert_eq!(end, Some(bytes.bytes().len()));
            let (mut out, mut notes) = (Vec::new(), Vec::new());
            masked.encode_in(context, &found, &mut out, &mut notes).unwrap();
            assert_eq!((out.as_slice(), notes.len()), (bytes.bytes(), 0), "{notes:?}");
            written += 1;
        });
    }
    assert_eq!(written, 10);
}

#[test]
fn a_key_that_is_not_known_or_where_in_it_the_bytes_are_decodes_nothing() {
    let masked = masked();
    let session = masked_session();
    // The key was not captured.
    let found = rows(&masked, &session[1..2]);
    assert!(
        found
            .iter()
            .all(|row| row.problems.iter().any(|(code, _)| *code == Code::Conversion) || row.kind.is_none())
    );
    let Bytes(_, data) = &session[2] else { panic!() };
    let lost = |from: usize| {
        let around = [says(CLIENT, &data[..from]), Gap(CLIENT, 6 - from as u64), says(CLIENT, &data[6..])];
        let found = rows(&masked, &[&session[..2], &around].concat());
        found.into_iter().filter(|row| row.role == CLIENT && row.span.offset > 13).collect::<Vec<_>>()
    };
    // Where the length of what was lost is known, so is where in the key the next message begins.
    let known = lost(3);
    assert_eq!((known[0].short().as_str(), known[0].field("body")), ("client data Message 3", "21"));
    assert_eq!(known.last().unwrap().field("text"), "\"again\"");
    // Otherwise none of it can be read.
    let unknown = lost(1);
    let is_read = |row: &&Row| row.stage == "data" && row.span.span_type == SpanType::Message;
    assert!(!unknown.iter().any(|row| is_read(&row)), "{unknown:#?}");
}
