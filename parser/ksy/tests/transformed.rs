//! Messages that are xored with a key, and compressed data that continues that of earlier messages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

mod talk;

use framescope_ksy::Described;
use framescope_parser::{Code, Dissection, Framer, Protocol, Reads, SpanType, Speaker};
use talk::{Bytes, CLIENT, Gap, Piece, Row, SERVER, rows, says, short, split};

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
    // Outside of a conversation, a message is bytes.
    let Reads::Own(command) = &masked.stages()[0].reads else { panic!() };
    let alone = Dissection::of(&**command, b"\x01xy");
    assert_eq!(alone.problems[0].code, Code::StateUnknown);
    assert_eq!(alone.field("_unread").unwrap().range, 0..3);
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

/// Messages of which the texts are compressed, each in one stream of its direction.
const PACKED: &str = "
meta:
  id: packed
  endian: be
  -framescope: {conversation: {both: message}}
types:
  message:
    seq:
      - {id: length, type: u2}
      - {id: part, size: length, type: part}
  part:
    seq:
      - {id: number, type: u1}
      - {id: text, type: str, encoding: UTF-8, size-eos: true, process: zlib, -continues: true}
";

/// The messages of a direction that sends these texts.
fn packed(texts: &[&str]) -> Vec<Vec<u8>> {
    let mut stream = flate2::Compress::new(flate2::Compression::default(), true);
    let mut message = |(number, text): (u8, &&str)| {
        let mut body = Vec::with_capacity(1000);
        body.push(number);
        stream.compress_vec(text.as_bytes(), &mut body, flate2::FlushCompress::Sync).unwrap();
        [&u16::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
    };
    (0u8..).zip(texts).map(&mut message).collect()
}

fn text_of(row: &Row) -> String {
    row.problems.iter().map(|(code, _)| code.to_string()).chain([row.short()]).collect::<Vec<_>>().join(" ")
}

#[test]
fn compressed_data_continues_that_of_earlier_messages_of_its_direction() {
    let packed_protocol = Described::from_ksy(PACKED).unwrap();
    assert!(packed_protocol.warnings().is_empty(), "{:?}", packed_protocol.warnings());
    let texts =
        ["the first of several messages", "the second of several messages", "the third of several messages"];
    let (client, server) = (packed(&texts), packed(&["something else", "something else again"]));
    assert!(client[1].len() < client[0].len(), "the dictionary is kept");
    let pieces = [
        says(CLIENT, &client[0]),
        says(SERVER, &server[0]),
        says(CLIENT, &client[1]),
        says(SERVER, &server[1]),
        says(CLIENT, &client[2]),
    ];
    let mut read = Vec::new();
    let mut conversation = packed_protocol.conversation().unwrap();
    let mut framers = [Framer::default(), Framer::default()];
    for piece in &pieces {
        let Bytes(role, bytes) = piece else { continue };
        let speaker = Speaker::new(&mut *conversation, *role, &packed_protocol, &[]);
        framers[role.index()].segment_of(&speaker, bytes, &mut |_, bytes| {
            let context = bytes.context().unwrap();
            let mut found = Dissection::default();
            bytes.dissect(&packed_protocol, &mut found);
            assert!(found.problems.is_empty(), "{:?}", found.problems);
            read.push(found.field("part.text").unwrap().value.to_string());
            // What the peer compressed is kept.
            let mut out = Vec::new();
            packed_protocol.encode_in(context, &found, &mut out, &mut Vec::new()).unwrap();
            assert_eq!(out, bytes.bytes());
        });
        // Where a capture is read again, it begins with a copy.
        conversation = conversation.copy();
    }
    let expected = [texts[0], "something else", texts[1], "something else again", texts[2]];
    assert_eq!(read, expected.map(|text| format!("{text:?}")));
    assert!(conversation.size() < 100 << 10, "{}", conversation.size());
}

#[test]
fn compressed_data_after_a_loss_is_not_known() {
    let packed_protocol = Described::from_ksy(PACKED).unwrap();
    let client = packed(&["one", "two", "three"]);
    let end = client[1].len() - 2;
    let lost = Gap(CLIENT, end as u64 - 5);
    let pieces = [
        says(CLIENT, &client[0]),
        says(CLIENT, &client[1][..5]),
        lost,
        says(CLIENT, &client[1][end..]),
        says(CLIENT, &client[2]),
    ];
    let found = rows(&packed_protocol, &pieces);
    let last = found.last().unwrap();
    assert!(last.problems.iter().any(|(code, _)| *code == Code::StateUnknown), "{}", text_of(last));
    assert_eq!(found[0].problems, []);
    // Without a conversation nothing is known of earlier messages.
    let alone =
        "{meta: {id: a}, seq: [{id: n, type: u1}, {id: text, size: n, process: zlib, -continues: true}]}";
    let warning = Described::from_ksy(alone).unwrap().warnings()[0].to_string();
    assert!(warning.contains("'-continues' needs a 'conversation'"), "{warning}");
}
