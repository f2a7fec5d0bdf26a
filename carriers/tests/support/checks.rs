//! What must hold for every carrier: however its bytes are cut, wherever it is copied, whatever bytes it is given.

use framescope_parser::{Captured, Conversation, Heard, Passage, Role};
#[cfg(test)]
use proptest::prelude::*;

use super::{Call, Given, Piece, Pieces, Played, Player, What};

/// Lengths of segments, to [cut](cut) pieces by.
#[cfg(test)]
pub fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let short = prop::collection::vec(1..8usize, 1..6);
    let long = prop::collection::vec(1..3000usize, 1..6);
    prop_oneof![short, long]
}

/// The same pieces in segments of these lengths, over and over. Neighbouring segments of one side are one before.
pub fn cut(pieces: &[(Role, Piece)], lengths: &[usize]) -> Pieces {
    let mut lengths = lengths.iter().map(|length| (*length).max(1)).cycle();
    let mut all = Vec::new();
    for (role, piece) in joined(pieces) {
        let Piece::Bytes(bytes) = piece else {
            all.push((role, piece));
            continue;
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (first, others) = rest.split_at(lengths.next().unwrap_or(1).min(rest.len()));
            all.push((role, Piece::Bytes(first.to_vec())));
            rest = others;
        }
    }
    all
}

/// Neighbouring segments of one side as one.
pub fn joined(pieces: &[(Role, Piece)]) -> Pieces {
    let mut all: Pieces = Vec::new();
    for (role, piece) in pieces {
        match (all.last_mut(), piece) {
            (Some((last, Piece::Bytes(known))), Piece::Bytes(bytes)) if last == role => {
                known.extend_from_slice(bytes)
            }
            _ => all.push((*role, piece.clone())),
        }
    }
    all
}

/// The same pieces without `length` bytes of a direction from an offset on: they were not captured.
pub fn lose(pieces: &[(Role, Piece)], from: Role, at: usize, length: usize) -> Pieces {
    let end = at + length;
    let mut all = Vec::new();
    let mut offset = 0;
    for (role, piece) in pieces {
        let Piece::Bytes(bytes) = piece else {
            all.push((*role, piece.clone()));
            continue;
        };
        if *role != from {
            all.push((*role, piece.clone()));
            continue;
        }
        let within = |place: usize| place.saturating_sub(offset).min(bytes.len());
        let (first, last) = (within(at), within(end));
        let parts = [
            Piece::Bytes(bytes[..first].to_vec()),
            Piece::Lost((last - first) as u64),
            Piece::Bytes(bytes[last..].to_vec()),
        ];
        let is_some = |part: &Piece| *part != Piece::Lost(0) && *part != Piece::Bytes(Vec::new());
        all.extend(parts.into_iter().filter(is_some).map(|part| (*role, part)));
        offset += bytes.len();
    }
    all
}

/// How many bytes a direction has.
pub fn length_of(pieces: &[(Role, Piece)], from: Role) -> usize {
    let length = |(role, piece): &(Role, Piece)| match piece {
        Piece::Bytes(bytes) if *role == from => bytes.len(),
        _ => 0,
    };
    pieces.iter().map(length).sum()
}

/// The rows and channels are the same, though the bytes were cut in another way.
pub fn assert_same(one: &Played, other: &Played) {
    for role in Role::BOTH {
        assert_eq!(one.rows(role), other.rows(role), "{role:?}");
    }
    assert_eq!(one.collected.channels, other.collected.channels);
    assert_eq!(heard(one), heard(other));
    let sorted = |played: &Played| {
        let mut problems = played.problems();
        problems.sort();
        problems
    };
    assert_eq!(sorted(one), sorted(other));
}

fn heard(played: &Played) -> Vec<(u64, Role, &[Heard])> {
    played.collected.heard.iter().map(|((channel, role), heard)| (*channel, *role, &heard[..])).collect()
}

/// Each direction's rows follow one another without a hole, up to its end.
pub fn assert_rows_tile(played: &Played, pieces: &[(Role, Piece)]) {
    for role in Role::BOTH {
        let mut offset = 0;
        for row in played.rows(role) {
            assert_eq!(row.offset, offset, "{role:?} {row:?}");
            assert!(row.length > 0);
            offset += row.length;
        }
        let length = |(from, piece): &(Role, Piece)| match piece {
            Piece::Bytes(bytes) if *from == role => bytes.len() as u64,
            Piece::Lost(length) if *from == role => *length,
            _ => 0,
        };
        let all: u64 = pieces.iter().map(length).sum();
        assert_eq!(offset, all, "{role:?}");
    }
}

/// Plays the pieces, and checks what must always hold: rows tile, and from a copy of the conversation at any point the rest comes
/// out as it did.
pub fn play_checked(player: &Player, pieces: &[(Role, Piece)]) -> Played {
    let played = player.play(pieces);
    assert_rows_tile(&played, pieces);
    assert_replays(player, &played);
    played
}

/// At every message (of a long conversation at some of them) the conversation is copied, and the rest replayed from there.
pub fn assert_replays(player: &Player, played: &Played) {
    let mut conversation = begun(player);
    let every = (played.given.len() / 24).max(1);
    for (at, given) in played.given.iter().enumerate() {
        if at % every == 0 {
            let mut copy = conversation.copy();
            assert!(copy.size() > 0);
            let calls = player.replay(&mut *copy, &played.given[at..]);
            assert_same_calls(&calls, &played.calls[at..], at);
        }
        player.replay(&mut *conversation, std::slice::from_ref(given));
    }
}

/// The same state is reached where nobody takes what is carried.
pub fn assert_silent_is_the_same(player: &Player, played: &Played) {
    let middle = played.given.len() / 2;
    let mut conversation = begun(player);
    for given in &played.given[..middle] {
        without_carrying(&mut *conversation, given);
    }
    assert_same_calls(
        &player.replay(&mut *conversation, &played.given[middle..]),
        &played.calls[middle..],
        middle,
    );
}

fn without_carrying(conversation: &mut dyn Conversation, given: &Given) {
    conversation.continue_in(given.role, given.stage);
    match &given.what {
        What::Message(bytes, missing) => {
            conversation.message(given.role, Captured::with_missing(bytes, missing));
        }
        What::Lost(_) => conversation.loss(given.role),
        What::End => conversation.carry(given.role, Passage::End, &mut framescope_parser::Nowhere),
    }
}

fn begun(player: &Player) -> Box<dyn Conversation> {
    let mut conversation = player.conversation().unwrap();
    for role in Role::BOTH.into_iter().filter(|role| player.begins_inside[role.index()]) {
        conversation.begins_inside(role);
    }
    conversation
}

/// A channel that was opened before is not opened again from a copy, and may be.
fn assert_same_calls(one: &[Vec<Call>], other: &[Vec<Call>], from: usize) {
    let is_content = |call: &&Call| !matches!(call, Call::Open(..));
    for (number, (one, other)) in one.iter().zip(other).enumerate() {
        let both = [one, other].map(|calls| calls.iter().filter(is_content).collect::<Vec<_>>());
        assert_eq!(both[0], both[1], "passage {} of a replay from {from}", from + number);
    }
    assert_eq!(one.len(), other.len());
}
