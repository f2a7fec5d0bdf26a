//! What a plain writer of HTTP/2 sends is what comes out of the channel `http2`, as text: header fields in every representation, with blocks
//! over several frames, bodies in parts and streams that take turns.

mod writer;

use std::sync::Arc;

use framescope_carriers::http2::Http2;
use framescope_checking::Random;
use framescope_parser::Role;

use self::writer::{Encoder, frame};
use crate::linear::Choices;
use crate::playing::{Meant, Piece, Pieces, Player, meant, play_any, play_whole};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// Takes `data` as choices, from which requests and responses are generated, or as a [`Transcript`](framescope_checking::Transcript).
pub fn http2(data: &[u8]) {
    let mut random = Random::of(data);
    let player = Player::new(Arc::new(Http2::default()));
    let mut choices = match meant(data) {
        Meant::Pieces(pieces) => return play_any(&player, pieces, &mut random),
        Meant::Choices(choices) => choices,
    };
    let connection = Connection::choose(&mut choices);
    let played = play_whole(&player, &connection.pieces, &mut random);
    assert_eq!(played.problems(), Vec::<String>::new());
    for (role, expected) in Role::BOTH.into_iter().zip(&connection.messages) {
        let found = played.messages("http2", role);
        let text = |messages: &[Vec<u8>]| {
            messages.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(text(&found), text(expected), "{role:?}");
    }
    play_any(&player, connection.pieces, &mut random);
}

/// What one side sends on a stream.
#[derive(Default)]
struct Half {
    /// The message, once it has begun.
    text: Option<Vec<u8>>,
    has_ended: bool,
}

struct Connection {
    pieces: Pieces,
    encoders: [Encoder; 2],
    streams: Vec<[Half; 2]>,
    messages: [Vec<Vec<u8>>; 2],
}

type Fields = Vec<(String, String)>;

impl Connection {
    fn choose(choices: &mut Choices<'_>) -> Connection {
        let preface = [PREFACE, &frame(4, 0, 0, b"")].concat();
        let pieces =
            vec![(Role::Client, Piece::Bytes(preface)), (Role::Server, Piece::Bytes(frame(4, 0, 0, b"")))];
        let mut connection = Connection {
            pieces,
            encoders: Default::default(),
            streams: Vec::new(),
            messages: Default::default(),
        };
        for _ in 0..2 + choices.below(16) {
            let role = Role::BOTH[choices.below(2)];
            let may_send = |half: &[Half; 2]| match role {
                Role::Client => !half[0].has_ended,
                Role::Server => !half[1].has_ended && half[0].text.is_some(),
            };
            let open: Vec<usize> =
                (0..connection.streams.len()).filter(|at| may_send(&connection.streams[*at])).collect();
            let at = match open.get(choices.below(open.len() + 1)) {
                Some(&at) => at,
                None if role == Role::Client => {
                    connection.streams.push(Default::default());
                    connection.streams.len() - 1
                }
                None => continue,
            };
            connection.step(role, at, choices);
        }
        connection
    }

    /// The next part of what a side sends on a stream.
    fn step(&mut self, role: Role, at: usize, choices: &mut Choices<'_>) {
        let ends = choices.below(3) == 1;
        let number = 1 + 2 * at as u32;
        let half = &mut self.streams[at][role.index()];
        let Some(text) = &mut half.text else {
            let (line, fields) = head(role, choices);
            half.text = Some(text_of(&line, number, &fields));
            return self.block(role, at, &fields, ends, choices);
        };
        if ends && choices.below(3) == 1 {
            let fields = vec![("x-end".to_owned(), word(choices))];
            let trailers = text_of("TRAILERS HTTP/2", number, &fields);
            let message = std::mem::replace(text, trailers);
            self.messages[role.index()].push(message);
            return self.block(role, at, &fields, true, choices);
        }
        let body: Vec<u8> = (0..[0, 1, 40][choices.below(3)]).map(|_| choices.below(256) as u8).collect();
        text.extend(&body);
        let (flags, payload) = padded(0, body, choices);
        self.say(role, frame(DATA, flags | if ends { END_STREAM } else { 0 }, number, &payload));
        self.end(role, at, ends);
    }

    /// A block of header fields, in one frame or several.
    fn block(&mut self, role: Role, at: usize, fields: &Fields, ends: bool, choices: &mut Choices<'_>) {
        let number = 1 + 2 * at as u32;
        let block = self.encoders[role.index()].block(fields, choices);
        let mut rest = &block[..];
        let mut kind = HEADERS;
        loop {
            let is_last = rest.is_empty() && kind != HEADERS || choices.below(3) != 1;
            let (part, behind) =
                rest.split_at(if is_last { rest.len() } else { choices.below(rest.len() + 1) });
            let mut flags = if is_last { END_HEADERS } else { 0 };
            let mut payload = part.to_vec();
            if kind == HEADERS {
                flags |= if ends { END_STREAM } else { 0 };
                if choices.below(4) == 1 {
                    payload.splice(0..0, [0, 0, 0, 0, 15]);
                    flags |= PRIORITY;
                }
                (flags, payload) = padded(flags, payload, choices);
            }
            self.say(role, frame(kind, flags, number, &payload));
            (rest, kind) = (behind, CONTINUATION);
            if is_last {
                break;
            }
        }
        self.end(role, at, ends);
    }

    fn end(&mut self, role: Role, at: usize, ends: bool) {
        if ends {
            let half = &mut self.streams[at][role.index()];
            half.has_ended = true;
            self.messages[role.index()].extend(half.text.clone());
        }
    }

    fn say(&mut self, role: Role, bytes: Vec<u8>) {
        self.pieces.push((role, Piece::Bytes(bytes)));
    }
}

fn padded(flags: u8, payload: Vec<u8>, choices: &mut Choices<'_>) -> (u8, Vec<u8>) {
    if choices.below(4) != 1 {
        return (flags, payload);
    }
    let padding = choices.below(9);
    (flags | PADDED, [&[padding as u8], &payload[..], &vec![0; padding]].concat())
}

fn word(choices: &mut Choices<'_>) -> String {
    let length = [1, 3, 30, 200][choices.below(4)];
    (0..length)
        .map(|at| if at < 3 { b'a' + choices.below(26) as u8 } else { b'0' + at % 10 } as char)
        .collect()
}

/// The first line of a message, and its header fields.
fn head(role: Role, choices: &mut Choices<'_>) -> (String, Fields) {
    let mut fields: Fields = Vec::new();
    let mut put = |name: &str, value: String| fields.push((name.to_owned(), value));
    let line = match role {
        Role::Client => {
            let (method, path) = (["GET", "POST", "PATCH"][choices.below(3)], ["/", "/a", "/index.html"]);
            let path = path[choices.below(3)];
            put(":method", method.to_owned());
            put(":scheme", "https".to_owned());
            put(":authority", "example.com".to_owned());
            put(":path", path.to_owned());
            format!("{method} {path} HTTP/2")
        }
        Role::Server => {
            let status = ["200", "404", "418"][choices.below(3)];
            put(":status", status.to_owned());
            format!("HTTP/2 {status}")
        }
    };
    for _ in 0..choices.below(5) {
        let name = ["x-a", "x-b", "cookie", "user-agent", "via"][choices.below(5)];
        let value = if choices.below(2) == 1 { "same".to_owned() } else { word(choices) };
        put(name, value);
    }
    (line, fields)
}

/// The text of a message up to its body.
fn text_of(line: &str, number: u32, fields: &Fields) -> Vec<u8> {
    let mut text = format!("{line}\r\n:stream: {number}\r\n");
    for (name, value) in fields.iter().filter(|(name, _)| ![":method", ":path", ":status"].contains(&&**name))
    {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

#[test]
fn what_is_written_in_frames_comes_out_as_messages() {
    crate::try_on_random_bytes(http2, 150);
}
