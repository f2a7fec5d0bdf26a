//! What a plain writer of HTTP/1.1 sends is one row a message, with its body unpacked in the channel `http.body`: by length and in chunks,
//! with codings, extensions of chunks and trailers; what follows an upgrade is handed on as it is.

use std::io::Write;
use std::sync::Arc;

use framescope_carriers::http::Http;
use framescope_checking::Random;
use framescope_parser::{Role, SpanType};

use crate::linear::Choices;
use crate::playing::{Meant, Piece, Pieces, Played, Player, meant, play_any, play_cut, play_whole};

/// Takes `data` as choices, from which requests and responses are generated, or as a [`Transcript`](framescope_checking::Transcript).
pub fn http(data: &[u8]) {
    let mut random = Random::of(data);
    let player = Player::new(Arc::new(Http::default().carry_bodies(true)));
    let mut choices = match meant(data) {
        Meant::Pieces(pieces) => return play_any(&player, pieces, &mut random),
        Meant::Choices(choices) => choices,
    };
    let messages = messages(&mut choices);
    let mut pieces = pieces(&messages);
    let played = play_whole(&player, &pieces, &mut random);
    play_cut(&player, &pieces, &played, &mut random);
    assert_eq!(played.problems(), Vec::<String>::new());
    check_rows(&played, &messages, None);
    let damaged = random.below(messages.len());
    check_loss(&player, &messages, damaged, &mut random);
    if choices.below(4) == 1 {
        check_upgrade(&player, &mut pieces, &mut choices, &mut random);
    }
    play_any(&player, pieces, &mut random);
}

struct Message {
    role: Role,
    bytes: Vec<u8>,
    content: Vec<u8>,
    /// How many bytes at its end are of a body whose length is in the head.
    body: usize,
}

fn pieces(messages: &[Message]) -> Pieces {
    messages.iter().map(|message| (message.role, Piece::Bytes(message.bytes.clone()))).collect()
}

/// Each message is a row, and each body is handed on, but for one that is damaged.
fn check_rows(played: &Played, messages: &[Message], damaged: Option<usize>) {
    for role in Role::BOTH {
        let all = messages.iter().enumerate().filter(|(_, message)| message.role == role);
        let lengths: Vec<u64> = all.clone().map(|(_, message)| message.bytes.len() as u64).collect();
        let rows = played.rows(role).iter();
        assert_eq!(rows.clone().map(|row| row.length).collect::<Vec<_>>(), lengths, "{role:?}");
        let are_whole = rows.zip(all.clone()).all(|(row, (at, _))| {
            row.span_type == SpanType::Message || Some(at) == damaged && row.span_type == SpanType::Partial
        });
        assert!(are_whole, "{role:?}: {:?}", played.rows(role));
        let bodies = all.filter(|(at, message)| Some(*at) != damaged && !message.content.is_empty());
        let expected: Vec<&[u8]> = bodies.map(|(_, message)| &message.content[..]).collect();
        let found =
            played.channels("http.body").first().map(|&channel| played.collected.messages(channel, role));
        let found: Vec<Vec<u8>> = found.into_iter().flatten().filter(|body| !body.is_empty()).collect();
        let mut left = found.iter();
        let are_there = expected.iter().all(|body| left.any(|one| one == body));
        assert!(
            are_there && (damaged.is_some() || found.len() == expected.len()),
            "{role:?}: {found:?} {expected:?}"
        );
    }
}

/// The end of a body is lost, and nothing else is.
fn check_loss(player: &Player, messages: &[Message], at: usize, random: &mut Random) {
    let lost = random.below(messages[at].body + 1);
    // Which response belongs to which request is another question, where it is not known if one was lost.
    if lost == 0 || messages[at].role == Role::Client {
        return;
    }
    let mut pieces = pieces(messages);
    let Piece::Bytes(bytes) = &mut pieces[at].1 else { return };
    bytes.truncate(bytes.len() - lost);
    pieces.insert(at + 1, (messages[at].role, Piece::Lost(lost as u64)));
    check_rows(&player.play(&pieces), messages, Some(at));
}

/// What follows the response 101 is a channel.
fn check_upgrade(player: &Player, pieces: &mut Pieces, choices: &mut Choices<'_>, random: &mut Random) {
    let request = b"GET /p HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: mine\r\n\r\n";
    let response = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: mine\r\n\r\n";
    let said = [content(choices), content(choices)];
    let with = |head: &[u8], after: &[u8]| Piece::Bytes([head, after].concat());
    pieces.push((Role::Client, with(request, b"")));
    pieces.push((Role::Server, with(response, &said[1])));
    if !said[0].is_empty() {
        pieces.push((Role::Client, with(b"", &said[0])));
    }
    let played = play_whole(player, pieces, random);
    if said.iter().any(|said| !said.is_empty()) {
        assert_eq!(Role::BOTH.map(|role| played.all("http.upgrade", role)), said);
    }
}

fn messages(choices: &mut Choices<'_>) -> Vec<Message> {
    let (mut messages, mut waiting): (Vec<Message>, usize) = (Vec::new(), 0);
    // Whether each request was HEAD.
    let mut are_heads: Vec<bool> = Vec::new();
    for _ in 0..1 + choices.below(10) {
        match are_heads.get(waiting) {
            Some(&is_head) if choices.below(2) == 1 => {
                waiting += 1;
                if choices.below(6) == 1 {
                    let bytes = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
                    messages.push(Message { role: Role::Server, bytes, content: Vec::new(), body: 0 });
                }
                let status =
                    ["200 OK", "404 Not Found", "204 No Content", "304 Not Modified"][choices.below(4)];
                let has_body = !is_head && !status.starts_with("204") && !status.starts_with("304");
                messages.push(message(
                    Role::Server,
                    &format!("HTTP/1.1 {status}"),
                    has_body,
                    is_head,
                    choices,
                ));
            }
            _ => {
                let method = ["GET", "POST", "HEAD", "PUT"][choices.below(4)];
                are_heads.push(method == "HEAD");
                let has_body = method.starts_with('P');
                messages.push(message(
                    Role::Client,
                    &format!("{method} /p HTTP/1.1"),
                    has_body,
                    false,
                    choices,
                ));
            }
        }
    }
    messages
}

/// A message with or without a body. The head of a response to HEAD has the length of one that is not sent.
fn message(role: Role, line: &str, has_body: bool, is_head: bool, choices: &mut Choices<'_>) -> Message {
    let mut head = format!("{line}\r\nHost: a\r\nX-Some: {}\r\n", choices.below(1000));
    if !has_body {
        head += if is_head { "Content-Length: 500\r\n\r\n" } else { "\r\n" };
        return Message { role, bytes: head.into_bytes(), content: Vec::new(), body: 0 };
    }
    let content = content(choices);
    let (coding, packed) = packed(&content, choices);
    head += coding;
    if choices.below(2) == 1 {
        head += "Transfer-Encoding: chunked\r\n\r\n";
        let bytes = [head.as_bytes(), &chunked(&packed, choices)].concat();
        return Message { role, bytes, content, body: 0 };
    }
    head += &format!("Content-Length: {}\r\n\r\n", packed.len());
    Message { role, bytes: [head.as_bytes(), &packed].concat(), content, body: packed.len() }
}

fn content(choices: &mut Choices<'_>) -> Vec<u8> {
    let length = [0, 1, 16, 17, 400][choices.below(5)];
    let unit: Vec<u8> = (0..1 + choices.below(7)).map(|_| choices.below(256) as u8).collect();
    unit.into_iter().cycle().take(length).collect()
}

/// The line of the head, and the content with a coding.
fn packed(content: &[u8], choices: &mut Choices<'_>) -> (&'static str, Vec<u8>) {
    let level = flate2::Compression::fast();
    match choices.below(5) {
        0 => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
            writer.write_all(content).expect("it is in memory");
            ("Content-Encoding: gzip\r\n", writer.finish().expect("it is in memory"))
        }
        1 => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            writer.write_all(content).expect("it is in memory");
            ("Content-Encoding: deflate\r\n", writer.finish().expect("it is in memory"))
        }
        2 => ("Content-Encoding: zstd\r\n", zstd::encode_all(content, 1).expect("it is in memory")),
        _ => ("", content.to_vec()),
    }
}

/// In chunks, with extensions and trailers now and then.
fn chunked(body: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), body);
    // With more than 32 chunks, each is a row.
    let shortest = body.len().div_ceil(20);
    while !rest.is_empty() {
        let (part, behind) = rest.split_at((shortest + choices.below(rest.len())).min(rest.len()));
        let size = match choices.below(3) {
            0 => format!("{:X}", part.len()),
            1 => format!("{:03x}", part.len()),
            _ => format!("{:x}", part.len()),
        };
        let extension = ["", "", ";a=b", ";name=\"x\"", " ;c"][choices.below(5)];
        out.extend(format!("{size}{extension}\r\n").into_bytes());
        out.extend(part);
        out.extend(b"\r\n");
        rest = behind;
    }
    out.extend(b"0\r\n");
    if choices.below(4) == 1 {
        out.extend(b"X-Trailer: 1\r\n");
    }
    out.extend(b"\r\n");
    out
}

#[test]
fn what_is_written_is_a_row_a_message_and_a_body_a_message() {
    crate::try_on_random_bytes(http, 150);
}
