//! What described carriers carry is joined as a dictionary of streams has it: in one connection, numbered or at offsets and in
//! another order, and messages in parts.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use framescope_checking::Random;
use framescope_ksy::Described;
use framescope_parser::{Protocol, Role};

use crate::linear::Choices;
use crate::playing::{Meant, Piece, Pieces, Player, meant, play_any, play_whole};

/// What is carried, and how each kind of carrier says where it belongs.
const CARRIES: [&str; 4] = [
    "{field: payload, channel: channel, end: last == 1}",
    "{field: payload, channel: channel, index: number, wraps: 256}",
    "{field: payload, channel: channel, offset: place}",
    "{field: payload, channel: channel, message: place, index: number, last: last == 1}",
];
const MULTIPLEXED: usize = 0;
const AT_OFFSETS: usize = 2;
const IN_PARTS: usize = 3;

static CARRIERS: LazyLock<[Arc<Described>; 4]> =
    LazyLock::new(|| CARRIES.map(|carries| Arc::new(described(carries))));

fn described(carries: &str) -> Described {
    let text = format!(
        "meta:\n  id: lanes\n  endian: be\n  -framescope:\n    carries: {carries}\nseq:\n  - {{id: magic, contents: [0x4c, 0x41]}}\n  - \
         {{id: channel, type: u1}}\n  - {{id: last, type: u1}}\n  - {{id: number, type: u1}}\n  - {{id: place, type: u2}}\n  - \
         {{id: length, type: u1}}\n  - {{id: payload, size: length}}\n"
    );
    Described::from_ksy(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Takes `data` as choices, from which a carrier and its messages are chosen, or as a [`Transcript`](framescope_checking::Transcript).
pub fn described_carriers(data: &[u8]) {
    let mut random = Random::of(data);
    let player = |kind: usize| Player::new(Arc::clone(&CARRIERS[kind]) as Arc<dyn Protocol>);
    let mut choices = match meant(data) {
        Meant::Pieces(pieces) => return play_any(&player(random.below(4)), pieces, &mut random),
        Meant::Choices(choices) => choices,
    };
    let kind = choices.below(CARRIES.len());
    let (said, expected) = said(kind, &mut choices);
    let pieces: Pieces = said.into_iter().map(|(role, bytes)| (role, Piece::Bytes(bytes))).collect();
    let played = play_whole(&player(kind), &pieces, &mut random);
    assert_eq!(played.problems(), Vec::<String>::new(), "{}", CARRIES[kind]);
    for ((channel, role), parts) in expected {
        let is_it = |name: &str| name == channel.to_string();
        let known = played.collected.channels.iter();
        let mut known = known.filter(|(_, about)| about.settings.get("channel").is_some_and(is_it));
        let number = *known.next().expect("what carries something is a channel").0;
        if kind == IN_PARTS {
            assert_eq!(
                played.collected.messages(number, role),
                parts,
                "{}, {channel}, {role:?}",
                CARRIES[kind]
            );
        } else {
            assert_eq!(
                played.collected.all(number, role),
                parts.concat(),
                "{}, {channel}, {role:?}",
                CARRIES[kind]
            );
        }
    }
    play_any(&player(kind), pieces, &mut random);
}

/// What a channel brings in a direction.
type Streams = BTreeMap<(u8, Role), Vec<Vec<u8>>>;

/// The messages of a carrier in their order, and what they carry.
fn said(kind: usize, choices: &mut Choices<'_>) -> (Vec<(Role, Vec<u8>)>, Streams) {
    let mut streams = Streams::new();
    let mut said: Vec<(Role, Vec<u8>)> = Vec::new();
    for number in 0..1 + choices.below(12) as u16 {
        let (role, channel) = (Role::BOTH[choices.below(2)], choices.below(3) as u8);
        let content: Vec<u8> = (0..1 + choices.below(20)).map(|_| choices.below(256) as u8).collect();
        let stream = streams.entry((channel, role)).or_default();
        let place = stream.concat().len() as u16;
        if kind == IN_PARTS {
            let parts: Vec<&[u8]> = content.chunks(1 + choices.below(8)).collect();
            let message = |(at, part): (usize, &&[u8])| {
                message([channel, u8::from(at + 1 == parts.len()), at as u8], number, part)
            };
            let mut messages: Vec<Vec<u8>> = parts.iter().enumerate().map(message).collect();
            let (one, other) = (choices.below(messages.len()), choices.below(messages.len()));
            messages.swap(one, other);
            said.extend(messages.into_iter().map(|message| (role, message)));
        } else {
            said.push((role, message([channel, 0, stream.len() as u8], place, &content)));
        }
        stream.push(content);
    }
    if kind != MULTIPLEXED && kind != IN_PARTS {
        // What was begun in order continues in another, and some of it is a duplicate.
        for at in 2..said.len() {
            match choices.below(4) {
                0 if is_begun(&said, at - 1) => said.swap(at - 1, at),
                1 if kind == AT_OFFSETS || at + 8 > said.len() => said.push(said[at].clone()),
                _ => {}
            }
        }
    }
    (said, streams)
}

/// Whether both messages have others of their streams before them.
fn is_begun(said: &[(Role, Vec<u8>)], at: usize) -> bool {
    let stream = |at: usize| (said[at].0, said[at].1[2]);
    (0..at).any(|before| stream(before) == stream(at))
        && (0..at).any(|before| stream(before) == stream(at + 1))
}

fn message([channel, last, number]: [u8; 3], place: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = place.to_be_bytes();
    [&[b'L', b'A', channel, last, number, high, low, payload.len() as u8], payload].concat()
}

#[test]
fn what_is_carried_is_joined_as_in_a_dictionary() {
    crate::try_on_random_bytes(described_carriers, 150);
}
