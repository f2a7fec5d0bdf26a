//! What a plain writer of WebSocket sends is what comes out of the channels: fragmented, masked, compressed with and without reference to
//! the messages before, with control frames between the fragments. Where whole messages are lost, the others stand.

use flate2::{Compress, Compression, FlushCompress};
use framescope_carriers::websocket::WebSocket;
use framescope_checking::Random;
use framescope_parser::Role;
use std::sync::Arc;

use crate::linear::Choices;
use crate::playing::{Meant, Piece, Pieces, Player, meant, play_any, play_whole};

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;

/// A message, and the frames that it is sent in.
struct Message {
    role: Role,
    is_text: bool,
    content: Vec<u8>,
    frames: Vec<u8>,
    /// How many bytes of them are the payload of the last one.
    last_payload: usize,
    is_packed: bool,
    /// Whether it refers to none before it.
    stands_alone: bool,
}

/// Takes `data` as choices, from which messages are generated, or as a [`Transcript`](framescope_checking::Transcript).
pub fn websocket(data: &[u8]) {
    let mut random = Random::of(data);
    let player = Player::new(Arc::new(WebSocket::default())).with("path", "/chat");
    let mut choices = match meant(data) {
        Meant::Pieces(pieces) => {
            return play_any(&player.with("extensions", EXTENSIONS[1]), pieces, &mut random);
        }
        Meant::Choices(choices) => choices,
    };
    let agreed = EXTENSIONS[choices.below(EXTENSIONS.len())];
    let player = player.with("extensions", agreed);
    let messages = messages(agreed, &mut choices);
    let pieces: Pieces = pieces(&messages);
    let played = play_whole(&player, &pieces, &mut random);
    assert_eq!(played.problems(), Vec::<String>::new());
    check_messages(&played, &messages.iter().collect::<Vec<_>>());
    let damaged = random.below(messages.len());
    check_loss(&player, &messages, damaged, &mut random);
    play_any(&player, pieces, &mut random);
}

const EXTENSIONS: [&str; 4] = [
    "",
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
];

fn pieces(messages: &[Message]) -> Pieces {
    messages.iter().map(|message| (message.role, Piece::Bytes(message.frames.clone()))).collect()
}

fn check_messages(played: &crate::playing::Played, messages: &[&Message]) {
    for (name, is_text) in [("websocket.text", true), ("websocket.binary", false)] {
        let of_channel = |message: &&&Message| message.is_text == is_text;
        let Some(&channel) = played.channels(name).first() else {
            assert_eq!(messages.iter().filter(of_channel).count(), 0, "there is no channel {name}");
            continue;
        };
        for role in Role::BOTH {
            let of_role = messages.iter().filter(of_channel).filter(|message| message.role == role);
            let expected: Vec<&[u8]> = of_role.map(|message| &message.content[..]).collect();
            let found = played.collected.messages(channel, role);
            assert_eq!(found, expected, "{name}, {role:?}");
        }
    }
}

/// Loses bytes of a message, but for the headers: the others stand unless they refer to it, and so does what is left of it.
fn check_loss(player: &Player, messages: &[Message], at: usize, random: &mut Random) {
    let damaged = &messages[at];
    let lost = random.below(damaged.last_payload + 1);
    if lost == 0 {
        return;
    }
    let mut pieces = pieces(messages);
    let Piece::Bytes(frames) = &mut pieces[at].1 else { return };
    let left = random.below(damaged.last_payload - lost + 1);
    let behind = frames.split_off(frames.len() - left);
    frames.truncate(frames.len() - lost);
    let content = damaged.content.len().saturating_sub(left);
    pieces.insert(at + 1, (damaged.role, Piece::Lost(lost as u64)));
    if left > 0 {
        pieces.insert(at + 2, (damaged.role, Piece::Bytes(behind)));
    }
    let played = player.play(&pieces);
    let stands = |(other, message): &(usize, &Message)| {
        *other < at || *other > at && (message.stands_alone || message.role != damaged.role)
    };
    let check = |message: &Message, content: &[u8]| {
        let name = if message.is_text { "websocket.text" } else { "websocket.binary" };
        let is_there = played.messages(name, message.role).iter().any(|found| found == content);
        assert!(is_there, "{name}, {:?}: without {lost} bytes of {at}", message.role);
    };
    for (_, message) in messages.iter().enumerate().filter(stands) {
        check(message, &message.content);
    }
    if !damaged.is_packed {
        let (before, after) = (&damaged.content[..content - lost], &damaged.content[content..]);
        check(damaged, &[before, after].concat());
    }
}

/// What each side compresses with.
struct Sender {
    deflate: Compress,
    is_agreed: bool,
    keeps_context: bool,
}

impl Sender {
    fn of(role: Role, agreed: &str) -> Sender {
        let no_context = format!("{}_no_context_takeover", role.as_str());
        Sender {
            deflate: Compress::new(Compression::fast(), false),
            is_agreed: !agreed.is_empty(),
            keeps_context: !agreed.contains(&no_context),
        }
    }

    /// RFC 7692, section 7.2.1.
    fn packed(&mut self, content: &[u8]) -> Vec<u8> {
        if !self.keeps_context {
            self.deflate.reset();
        }
        let mut packed = Vec::with_capacity(content.len() * 2 + 64);
        self.deflate.compress_vec(content, &mut packed, FlushCompress::Sync).expect("there is room");
        assert_eq!(packed.split_off(packed.len() - 4), [0, 0, 0xFF, 0xFF]);
        if packed.is_empty() {
            packed.push(0);
        }
        packed
    }
}

fn messages(agreed: &str, choices: &mut Choices<'_>) -> Vec<Message> {
    let mut senders = Role::BOTH.map(|role| Sender::of(role, agreed));
    (0..1 + choices.below(8))
        .map(|_| {
            let role = Role::BOTH[choices.below(2)];
            let is_text = choices.below(2) == 0;
            let content = content(is_text, choices);
            let sender = &mut senders[role.index()];
            let is_packed = sender.is_agreed && choices.below(4) > 0;
            let payload = if is_packed { sender.packed(&content) } else { content.clone() };
            let stands_alone = !is_packed || !sender.keeps_context;
            let opcode = if is_text { TEXT } else { BINARY } | if is_packed { RSV1 } else { 0 };
            let (frames, last_payload) = frames(role, opcode, &payload, choices);
            Message { role, is_text, content, frames, last_payload, is_packed, stands_alone }
        })
        .collect()
}

fn content(is_text: bool, choices: &mut Choices<'_>) -> Vec<u8> {
    let length = [0, 5, 40, 125, 126, 700][choices.below(6)];
    let unit: Vec<u8> = (0..1 + choices.below(9))
        .map(|_| if is_text { b'a' + choices.below(26) as u8 } else { choices.below(256) as u8 })
        .collect();
    unit.into_iter().cycle().take(length).collect()
}

/// A payload in frames, with a control frame between some of them.
fn frames(role: Role, opcode: u8, payload: &[u8], choices: &mut Choices<'_>) -> (Vec<u8>, usize) {
    let mut frames = Vec::new();
    let (mut rest, mut first) = (payload, opcode);
    for _ in 0..choices.below(4) {
        let (part, behind) = rest.split_at(choices.below(rest.len() + 1));
        frame(role, first, part, choices, &mut frames);
        (rest, first) = (behind, CONTINUATION);
        if choices.below(3) == 1 {
            frame(role, FIN | 9, b"ping", choices, &mut frames);
        }
    }
    frame(role, FIN | first, rest, choices, &mut frames);
    (frames, rest.len())
}

fn frame(role: Role, head: u8, payload: &[u8], choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    let mask = if role == Role::Client { 0x80 } else { 0 };
    out.push(head);
    match payload.len() {
        length @ ..126 => out.push(mask | length as u8),
        length => {
            out.push(mask | 126);
            out.extend((length as u16).to_be_bytes());
        }
    }
    let key: [u8; 4] = if mask != 0 { std::array::from_fn(|_| choices.below(256) as u8) } else { [0; 4] };
    out.extend(&key[..if mask != 0 { 4 } else { 0 }]);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[test]
fn what_is_sent_in_frames_comes_out_of_the_channels() {
    crate::try_on_random_bytes(websocket, 150);
}
