//! What a connection carries, and what is left of it when bytes are cut, lost or changed.

use framescope_parser::{
    Captured, Code, Collected, Conversation, Dissection, Framer, Passage, Protocol, Role, Span, SpanType,
    Speaker,
};
use proptest::prelude::*;

use super::*;

const CLIENT: Role = Role::Client;
const SERVER: Role = Role::Server;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A block of header fields that all enter the table.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x40);
        for text in [name, value] {
            // Lengths below 127 fit in the prefix.
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, flags | frame::END_HEADERS, stream, &block(fields))
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.b"), (":path", "/x")];

/// Bytes of a side, or how many of them were lost.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Bytes(Role, Vec<u8>),
    Lost(Role, u64),
}

pub(crate) type Rows = Vec<(Role, Span)>;

/// Plays pieces to a connection, and says nothing when it has ended unless `ends`.
pub(crate) fn play(http2: &Http2, pieces: &[Piece], begins_inside: bool, ends: bool) -> (Rows, Collected) {
    let mut conversation = http2.conversation().unwrap();
    let (mut rows, mut collected) = (Vec::new(), Collected::default());
    let mut framers = [Framer::default(), Framer::default()];
    let speak = |conversation: &mut dyn Conversation,
                 collected: &mut Collected,
                 rows: &mut Rows,
                 role: Role,
                 run: &mut dyn FnMut(&Speaker<'_>, &mut framescope_parser::Sink<'_>)| {
        let speaker = Speaker::new(conversation, role, http2, &[]).carrying(collected);
        run(&speaker, &mut |span, _| rows.push((role, span)));
    };
    if begins_inside {
        for role in Role::BOTH {
            let framer = &mut framers[role.index()];
            speak(&mut *conversation, &mut collected, &mut rows, role, &mut |speaker, _| {
                framer.begins_inside_of(speaker);
            });
        }
    }
    for piece in pieces {
        let (Piece::Bytes(role, _) | Piece::Lost(role, _)) = piece;
        let framer = &mut framers[role.index()];
        speak(&mut *conversation, &mut collected, &mut rows, *role, &mut |speaker, sink| match piece {
            Piece::Bytes(_, bytes) => framer.segment_of(speaker, bytes, sink),
            Piece::Lost(_, length) => framer.gap_of(speaker, *length, sink),
        });
    }
    if ends {
        for role in Role::BOTH {
            let framer = &mut framers[role.index()];
            speak(&mut *conversation, &mut collected, &mut rows, role, &mut |speaker, sink| {
                framer.end_of(speaker, sink);
            });
            conversation.carry(role, Passage::End, &mut collected);
        }
    }
    (rows, collected)
}

fn texts(collected: &Collected, channel: u64, role: Role) -> Vec<String> {
    collected
        .messages(channel, role)
        .iter()
        .map(|message| String::from_utf8_lossy(message).into_owned())
        .collect()
}

fn said(client: &[Vec<u8>], server: &[Vec<u8>]) -> Vec<Piece> {
    let pieces = |role, parts: &[Vec<u8>]| {
        parts.iter().map(|part| Piece::Bytes(role, part.clone())).collect::<Vec<_>>()
    };
    [pieces(CLIENT, client), pieces(SERVER, server)].concat()
}

fn collected(client: &[Vec<u8>], server: &[Vec<u8>]) -> Collected {
    play(&Http2::default(), &said(client, server), false, true).1
}

#[test]
fn a_request_and_its_response_are_one_message_each() {
    let client = [PREFACE.to_vec(), frame(4, 0, 0, b""), headers(1, 1, &GET)];
    let server = [
        frame(4, 0, 0, b"\0\x03\0\0\0\x64"),
        headers(1, 0, &[(":status", "100")]),
        headers(1, 0, &[(":status", "200"), ("content-length", "5")]),
        frame(0, 8, 1, b"\x02hel\0\0"),
        frame(0, 1, 1, b"lo"),
    ];
    let collected = collected(&client, &server);
    assert_eq!(
        texts(&collected, 0, CLIENT),
        ["GET /x HTTP/2\r\n:stream: 1\r\n:scheme: https\r\n:authority: a.b\r\n\r\n"]
    );
    assert_eq!(
        texts(&collected, 0, SERVER),
        ["HTTP/2 100\r\n:stream: 1\r\n\r\n", "HTTP/2 200\r\n:stream: 1\r\ncontent-length: 5\r\n\r\nhello"]
    );
    assert_eq!(collected.problems, []);
    assert_eq!(collected.channels[&0].protocol.as_deref(), Some("http"));
}

#[test]
fn trailers_follow_as_a_message_and_streams_do_not_mix() {
    let client = [headers(1, 1, &GET), headers(3, 1, &GET)];
    let server = [
        headers(3, 0, &[(":status", "200")]),
        headers(1, 0, &[(":status", "404")]),
        frame(0, 0, 3, b"three"),
        frame(0, 0, 1, b"one"),
        frame(0, 1, 3, b""),
        headers(1, 1, &[("checksum", "7")]),
    ];
    assert_eq!(
        texts(&collected(&client, &server), 0, SERVER),
        [
            "HTTP/2 200\r\n:stream: 3\r\n\r\nthree",
            "HTTP/2 404\r\n:stream: 1\r\n\r\none",
            "TRAILERS HTTP/2\r\n:stream: 1\r\nchecksum: 7\r\n\r\n"
        ]
    );
}

#[test]
fn header_fields_are_joined_over_continuations_and_nothing_may_come_between() {
    let (block, rest) = (block(&GET), |at: usize| block(&GET)[at..].to_vec());
    let begun = frame(1, 1, 1, &block[..10]);
    let client = [begun.clone(), frame(9, 0, 1, &block[10..20]), frame(9, 4, 1, &rest(20))];
    let whole = collected(&client, &[]);
    assert_eq!((texts(&whole, 0, CLIENT).len(), whole.problems.len()), (1, 0));
    let broken = collected(&[begun, frame(6, 0, 0, &[0; 8]), frame(9, 4, 1, &rest(10))], &[]);
    assert_eq!(broken.problems[0].0, codes::HEADERS_INTERRUPTED);
    assert_eq!(texts(&broken, 0, CLIENT).len(), 0);
}

#[test]
fn what_follows_the_first_mebibyte_of_a_body_is_handed_on_in_parts() {
    let part = vec![b'x'; 16384];
    let mut server = vec![headers(1, 0, &[(":status", "200")])];
    server.extend((0..70).map(|i| frame(0, u8::from(i == 69), 1, &part)));
    let messages = collected(&[], &server).messages(0, SERVER);
    let head = "HTTP/2 200\r\n:stream: 1\r\n\r\n".len();
    assert_eq!(messages[0].len(), head + (1 << 20));
    assert_eq!(messages.len(), 1 + 70 - 64);
    assert!(messages[1..].iter().all(|part| part.starts_with(b"BODY HTTP/2\r\n:stream: 1\r\n\r\nxxx")));
}

#[test]
fn a_reset_hands_on_what_came_before_it_with_the_next_frame() {
    let pieces = [
        Piece::Bytes(SERVER, headers(1, 0, &[(":status", "200")])),
        Piece::Bytes(SERVER, frame(0, 0, 1, b"so far")),
        Piece::Bytes(CLIENT, frame(3, 0, 1, &[0, 0, 0, 8])),
        Piece::Bytes(SERVER, frame(6, 0, 0, &[0; 8])),
    ];
    let (_, collected) = play(&Http2::default(), &pieces, false, true);
    let expected =
        "HTTP/2 200\r\n:stream: 1\r\n:incomplete: the stream was reset, or left aside\r\n\r\nso far";
    assert_eq!(texts(&collected, 0, SERVER), [expected]);
}

#[test]
fn messages_of_grpc_are_joined_and_have_a_channel_for_each_path() {
    let request = [
        (":method", "POST"),
        (":path", "/p.S/M"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
    ];
    let client = [headers(1, 0, &request), frame(0, 0, 1, b"\0\0\0\0\x03a"), frame(0, 1, 1, b"bc\0\0\0\0\0")];
    let server = [
        headers(1, 0, &[(":status", "200"), ("content-type", "application/grpc+proto")]),
        frame(0, 0, 1, b"\x01\0\0\0\x01z"),
        headers(1, 1, &[("grpc-status", "0")]),
    ];
    let collected = collected(&client, &server);
    let grpc = &collected.channels[&1];
    assert_eq!((&*grpc.name, grpc.protocol.as_deref()), ("grpc", Some("grpc")));
    assert_eq!(
        (grpc.settings.get("path"), grpc.settings.get("message-encoding")),
        (Some("/p.S/M"), Some("gzip"))
    );
    assert_eq!(collected.messages(1, CLIENT), [b"\0\0\0\0\x03abc".to_vec(), b"\0\0\0\0\0".to_vec()]);
    assert_eq!(collected.messages(1, SERVER), [b"\x01\0\0\0\x01z".to_vec()]);
    let heads = texts(&collected, 0, SERVER);
    assert!(heads[0].starts_with("HTTP/2 200") && heads[1].starts_with("TRAILERS HTTP/2"), "{heads:?}");
}

#[test]
fn a_channel_is_told_of_losses_once_between_its_data() {
    let open = [(":method", "POST"), (":path", "/p.S/M"), ("content-type", "application/grpc")];
    let (open, data) = (headers(1, 0, &open), frame(0, 0, 1, b"\0\0\0\0\x01a"));
    let (mut connection, mut collected) = (Http2::default().conversation().unwrap(), Collected::default());
    let message = |bytes| Passage::Message(Captured::whole(bytes));
    let lost = Passage::Lost(30);
    for passage in [message(&open), message(&data), lost, lost, message(&data), lost, message(&data)] {
        // What is skipped is said before it is delivered.
        if matches!(passage, Passage::Lost(_)) {
            connection.loss(CLIENT);
        }
        connection.carry(CLIENT, passage, &mut collected);
    }
    let lost = |heard: &&framescope_parser::Heard| matches!(heard, framescope_parser::Heard::Lost(_));
    assert_eq!(collected.heard[&(1, CLIENT)].iter().filter(lost).count(), 2);
    assert_eq!(collected.messages(1, CLIENT).len(), 3);
    assert_eq!(collected.heard[&(0, CLIENT)].iter().filter(lost).count(), 3);
}

#[test]
fn an_extended_connect_is_a_tunnel() {
    let request = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":path", "/chat"),
        (":authority", "h"),
        ("sec-websocket-protocol", "mqtt"),
    ];
    let answer = [(":status", "200"), ("sec-websocket-extensions", "permessage-deflate")];
    let pieces = [
        Piece::Bytes(CLIENT, headers(1, 0, &request)),
        Piece::Bytes(SERVER, headers(1, 0, &answer)),
        Piece::Bytes(CLIENT, frame(0, 0, 1, b"\x81\x00")),
        Piece::Bytes(SERVER, frame(0, 8, 1, b"\x01\x81\x00\0")),
    ];
    let (_, collected) = play(&Http2::default(), &pieces, false, true);
    let about = &collected.channels[&handing::tunnel(1)];
    assert_eq!(
        (&*about.name, about.protocol.as_deref(), about.is_verbatim),
        ("http.upgrade", Some("websocket"), true)
    );
    let settings =
        ["path", "host", "subprotocol", "extensions"].map(|name| about.settings.get(name).unwrap());
    assert_eq!(settings, ["/chat", "h", "mqtt", "permessage-deflate"]);
    for role in Role::BOTH {
        assert_eq!(collected.all(handing::tunnel(1), role), b"\x81\x00");
    }
}

#[test]
fn a_push_is_a_request_that_the_server_sends() {
    let mut promise = vec![0, 0, 0, 2];
    promise.extend(block(&GET));
    let server = [
        headers(1, 0, &[(":status", "200")]),
        frame(5, 4, 1, &promise),
        headers(2, 0, &[(":status", "200")]),
        frame(0, 1, 1, b"one"),
        frame(0, 1, 2, b"two"),
    ];
    let texts = texts(&collected(&[headers(1, 1, &GET)], &server), 0, SERVER);
    assert!(
        texts[0].starts_with("GET /x HTTP/2\r\n:stream: 2\r\n") && texts[0].contains(":pushed-on: 1\r\n"),
        "{texts:?}"
    );
    assert!(texts[1].ends_with("\r\n\r\none") && texts[2].ends_with("\r\n\r\ntwo"), "{texts:?}");
}

#[test]
fn the_first_stream_after_an_upgrade_is_the_request_of_http_1() {
    let names =
        [("method", "GET"), ("path", "/a"), ("host", "h"), ("http2-settings", "AAEAACAA"), ("alpn", "x")];
    let given = names.iter().fold(Settings::NONE, |all, (name, value)| all.with(*name, *value));
    let (mut connection, mut collected) =
        (Http2::default().conversation_in(&given).unwrap(), Collected::default());
    // A table of 8,192 bytes, which the request allowed.
    let response = frame(1, 5, 1, &[0x3f, 0xe1, 0x3f, 0x88]);
    for (role, message) in [(CLIENT, PREFACE), (SERVER, &response)] {
        connection.carry(role, Passage::Message(Captured::whole(message)), &mut collected);
    }
    let request = "GET /a HTTP/2\r\n:stream: 1\r\n:authority: h\r\n:upgraded: from HTTP/1.1\r\n\r\n";
    assert_eq!(texts(&collected, 0, CLIENT), [request]);
    assert_eq!(texts(&collected, 0, SERVER), ["HTTP/2 200\r\n:stream: 1\r\n\r\n"]);
    let settings = &collected.channels[&0].settings;
    assert_eq!((settings.get("alpn"), settings.get("path")), (Some("x"), None));
    assert_eq!(collected.problems, []);
}

#[test]
fn a_bomb_of_header_fields_is_cut() {
    let mut fields = vec![0x40, 1, b'a', 0x7f, 0x81, 0x1e];
    fields.extend([b'x'; 4000]);
    fields.extend([0xbe; 16000]);
    let client = [frame(1, 1, 1, &fields[..16000]), frame(9, 4, 1, &fields[16000..])];
    let collected = collected(&client, &[]);
    assert_eq!(collected.problems.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::ExpandsTooMuch]);
    assert!(collected.messages(0, CLIENT)[0].len() <= (1 << 20) + 100);
}

#[test]
fn after_a_loss_new_header_fields_are_read_and_lost_ones_are_marked() {
    let first = headers(1, 1, &GET);
    let second = frame(1, 5, 3, &[0xc1, 0xc0, 0xbf, 0x44, 2, b'/', b'y']);
    let third = headers(5, 1, &GET);
    let lost = |at: usize| {
        let mut pieces = said(&[frame(4, 0, 0, b""), first.clone(), second.clone(), third.clone()], &[]);
        let Piece::Bytes(_, bytes) = &pieces[at] else { unreachable!() };
        pieces[at] = Piece::Lost(CLIENT, u64::try_from(bytes.len()).unwrap());
        texts(&play(&Http2::default(), &pieces, false, true).1, 0, CLIENT)
    };
    assert!(lost(3)[1].starts_with("GET /y HTTP/2\r\n:stream: 3\r\n:scheme: https\r\n:authority: a.b"));
    let known = lost(1);
    assert_eq!(
        known[0],
        "(lost) /y HTTP/2\r\n:stream: 3\r\n(lost): (lost)\r\n(lost): (lost)\r\n(lost): (lost)\r\n\r\n"
    );
    assert!(known[1].starts_with("GET /x HTTP/2\r\n:stream: 5\r\n"));
}

#[test]
fn a_body_with_a_gap_in_a_frame_says_how_much_is_missing() {
    let data = frame(0, 1, 1, &[b'x'; 100]);
    let pieces = [
        Piece::Bytes(SERVER, headers(1, 0, &[(":status", "200"), ("content-length", "100")])),
        Piece::Bytes(SERVER, data[..40].to_vec()),
        Piece::Lost(SERVER, 20),
        Piece::Bytes(SERVER, data[60..].to_vec()),
        Piece::Bytes(SERVER, headers(3, 1, &[(":status", "204")])),
    ];
    let (rows, collected) = play(&Http2::default(), &pieces, false, true);
    assert!(rows.iter().all(|(_, span)| span.span_type == SpanType::Message), "{rows:?}");
    let texts = texts(&collected, 0, SERVER);
    assert!(texts[0].contains("\r\n:incomplete: 20 bytes were not captured\r\n\r\nxxx"), "{texts:?}");
    assert_eq!(texts[1], "HTTP/2 204\r\n:stream: 3\r\n\r\n");
}

#[test]
fn the_preface_and_settings_are_certain_and_other_bytes_are_not_http2() {
    let sample = |bytes: &[u8]| Http2::default().detect(Sample { bytes, segment_ends: &[bytes.len()] });
    assert_eq!(sample(PREFACE), Confidence::Certain);
    let settings = frame(4, 0, 0, b"\0\x03\0\0\0\x64");
    assert_eq!(sample(&settings), Confidence::Likely);
    assert_eq!(sample(&[settings, frame(4, 1, 0, b"")].concat()), Confidence::Certain);
    let middle = [frame(0, 0, 1, b"abc"), frame(8, 0, 1, &[0, 0, 1, 0]), frame(6, 0, 0, &[0; 8])].concat();
    assert_eq!(sample(&middle), Confidence::Likely);
    let download = [frame(0, 0, 5, &[7; 90]), frame(0, 0, 5, &[9; 80]), frame(0, 1, 5, b"end")].concat();
    assert_eq!(sample(&download), Confidence::Likely);
    // Modbus, whose first bytes are mostly zeros.
    assert_eq!(sample(&b"\0\0\0\0\0\x03\x0a\x88\x0b".repeat(4)), Confidence::No);
    for other in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0, 0, 0, 4, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9]]
    {
        assert_eq!(sample(other), Confidence::No, "{other:?}");
    }
}

#[test]
fn a_frame_shows_its_fields() {
    let settings = frame(4, 0, 0, b"\0\x04\x80\0\0\0\x0a\x0a\0\0\0\x01");
    let shown = Dissection::of(&Frames, &settings);
    assert_eq!(shown.field("payload.INITIAL_WINDOW_SIZE").unwrap().value.as_u64(), Some(1 << 31));
    assert!(shown.has(codes::SETTING_VALUE));
    let goaway = frame(7, 0, 0, b"\0\0\0\x05\0\0\0\x0bcalm");
    let shown = Dissection::of(&Frames, &goaway);
    assert_eq!(shown.summary, "after stream 5: ENHANCE_YOUR_CALM");
    let padded = frame(0, 8, 1, b"\x09a");
    assert!(Dissection::of(&Frames, &padded).has(codes::PADDING_OVERRUN));
    let request = headers(1, 0x21, &GET);
    assert!(Dissection::of(&Frames, &request).has(codes::HEADER_BLOCK), "the priority is missing");
}

/// A connection with most kinds of frames.
fn conversation(seed: &[u8]) -> Vec<Piece> {
    let grpc = [(":method", "POST"), (":path", "/s/m"), ("content-type", "application/grpc")];
    let mut pieces = said(&[PREFACE.to_vec(), frame(4, 0, 0, b"")], &[frame(4, 0, 0, b"\0\x03\0\0\0\x64")]);
    for (at, &byte) in seed.iter().enumerate() {
        let stream = 1 + 2 * u32::try_from(at / 3).unwrap();
        let body = vec![byte; usize::from(byte) * 3];
        let (role, frames) = match byte % 9 {
            0 => (CLIENT, headers(stream, 1, &GET)),
            1 => (CLIENT, headers(stream, 0, &grpc)),
            2 => (SERVER, headers(stream, 0, &[(":status", "200"), ("content-type", "application/grpc")])),
            3 => {
                (SERVER, headers(stream, 0, &[(":status", "200"), ("n", if byte > 99 { "1" } else { "2" })]))
            }
            4 => (SERVER, frame(0, byte & 1, stream, &body)),
            5 => (CLIENT, frame(0, 0, stream, &[&[0, 0, 0, 0, 4][..], b"gone"].concat())),
            6 => (SERVER, [frame(1, 1, stream, b""), frame(9, 4, stream, &[0x88])].concat()),
            7 => (CLIENT, frame(3, 0, stream, &[0, 0, 0, 8])),
            _ => (SERVER, frame(1, 5, stream, &[0x88, 0xbe])),
        };
        pieces.push(Piece::Bytes(role, frames));
    }
    pieces
}

/// The same in other segments.
fn cut(pieces: &[Piece], sizes: &[usize]) -> Vec<Piece> {
    let mut sizes = sizes.iter().copied().cycle();
    let mut cut = Vec::new();
    for piece in pieces {
        let Piece::Bytes(role, bytes) = piece else { continue };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (first, behind) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
            cut.push(Piece::Bytes(*role, first.to_vec()));
            rest = behind;
        }
    }
    cut
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn segmentation_does_not_matter(seed in proptest::collection::vec(any::<u8>(), 0..24),
                                    sizes in proptest::collection::vec(1usize..40, 1..8)) {
        let pieces = conversation(&seed);
        let (rows, whole) = play(&Http2::default(), &pieces, false, true);
        let (other_rows, other) = play(&Http2::default(), &cut(&pieces, &sizes), false, true);
        prop_assert_eq!(rows, other_rows);
        prop_assert_eq!(whole.channels, other.channels);
        prop_assert_eq!(whole.heard, other.heard);
        prop_assert_eq!(whole.problems, other.problems);
    }

    #[test]
    fn a_copy_goes_on_as_the_original_does(seed in proptest::collection::vec(any::<u8>(), 0..24), at in 0usize..30) {
        let pieces = conversation(&seed);
        let (mut original, mut sink) = (Http2::default().conversation().unwrap(), Collected::default());
        let mut copies = None;
        for (i, piece) in pieces.iter().enumerate() {
            if i == at {
                copies = Some((original.copy(), sink.clone()));
            }
            let Piece::Bytes(role, bytes) = piece else { continue };
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let length = Frames.measure(Captured::whole(rest));
                let length = match length { Measure::Message { length, .. } => length.get(), _ => rest.len() };
                let (message, behind) = rest.split_at(length.min(rest.len()));
                original.carry(*role, Passage::Message(Captured::whole(message)), &mut sink);
                if let Some((copy, copied)) = &mut copies {
                    copy.carry(*role, Passage::Message(Captured::whole(message)), copied);
                }
                rest = behind;
            }
        }
        if let Some((copy, copied)) = copies {
            prop_assert_eq!(copied.heard, sink.heard);
            prop_assert_eq!(copy.size(), original.size());
        }
    }

    #[test]
    fn rows_tile_whatever_is_lost_or_changed(seed in proptest::collection::vec(any::<u8>(), 0..24),
        lost in proptest::collection::vec((0usize..40, 0usize..60, 1usize..200), 0..4),
        changed in proptest::collection::vec((0usize..40, 0usize..60, any::<u8>()), 0..4), inside in any::<bool>()) {
        let mut pieces = conversation(&seed);
        for (piece, at, byte) in changed {
            let count = pieces.len();
            if let Some(Piece::Bytes(_, bytes)) = pieces.get_mut(piece % count)
                && let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        for (piece, at, length) in lost {
            let piece = piece % pieces.len();
            let Piece::Bytes(role, bytes) = pieces[piece].clone() else { continue };
            let end = (at + length).min(bytes.len());
            if at < end {
                let rest = Piece::Bytes(role, bytes[end..].to_vec());
                pieces.splice(piece..=piece,
                    [Piece::Bytes(role, bytes[..at].to_vec()), Piece::Lost(role, (end - at) as u64), rest]);
            }
        }
        let (rows, _) = play(&Http2::default(), &pieces, inside, true);
        for role in Role::BOTH {
            let mut end = 0;
            for (_, span) in rows.iter().filter(|(of, _)| *of == role) {
                prop_assert_eq!(span.offset, end);
                end += span.length;
            }
            let all: u64 = pieces.iter().map(|piece| match piece {
                Piece::Bytes(of, bytes) if *of == role => bytes.len() as u64,
                Piece::Lost(of, length) if *of == role => *length,
                _ => 0,
            }).sum();
            prop_assert_eq!(end, all);
        }
    }

    /// Requests and responses whose header fields are in no table: each message of which no frame was lost is handed on as it was.
    #[test]
    fn what_was_lost_costs_only_the_messages_that_it_was_of(lost in 0usize..40, streams in 3u32..10, from in 0usize..30, length in 1usize..60) {
        let plain = |stream: u32, ends: u8, name: &str| {
            let block = [&[0x88, 0, 1, b'n'][..], &[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
            frame(1, 4 | ends, stream, &block)
        };
        let mut frames = Vec::new();
        for stream in (1..=streams).map(|i| 2 * i + 1) {
            let body = vec![b'x'; 40];
            frames.push((stream, plain(stream, 0, &format!("of {stream}"))));
            frames.push((stream, frame(0, 0, stream, &body)));
            frames.push((stream, frame(0, 1, stream, &body)));
        }
        // Two streams at a time.
        for pair in frames.chunks_mut(6) {
            pair.sort_by_key(|(_, frame)| frame[3]);
        }
        let all: Vec<_> = frames.iter().map(|(_, frame)| Piece::Bytes(SERVER, frame.clone())).collect();
        let whole = play(&Http2::default(), &all, false, true).1.messages(0, SERVER);
        let lost = lost % frames.len();
        let (hit, bytes) = frames[lost].clone();
        let (begin, end) = (from.min(bytes.len() - 1), (from + length).min(bytes.len()));
        let mut pieces = all;
        pieces.splice(lost..=lost, [
            Piece::Bytes(SERVER, bytes[..begin].to_vec()),
            Piece::Lost(SERVER, u64::try_from(end - begin).unwrap()),
            Piece::Bytes(SERVER, bytes[end..].to_vec()),
        ]);
        let found = play(&Http2::default(), &pieces, false, true).1.messages(0, SERVER);
        // That nothing else was lost is not known of those that were open.
        let is_same = |one: &[u8], other: &[u8]| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(":incomplete: bytes may not have been captured\r\n", "");
            text(one) == text(other)
        };
        for message in whole.iter().filter(|message| !String::from_utf8_lossy(message).contains(&format!("n: of {hit}\r"))) {
            prop_assert!(found.iter().any(|one| is_same(one, message)), "{:?} {:?}", String::from_utf8_lossy(message), found.iter().map(|one| String::from_utf8_lossy(one)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_bytes_are_taken(client in proptest::collection::vec(any::<u8>(), 0..400),
                           server in proptest::collection::vec(any::<u8>(), 0..400)) {
        play(&Http2::default(), &said(std::slice::from_ref(&client), &[server]), false, true);
        Dissection::of(&Frames, &client);
    }
}
