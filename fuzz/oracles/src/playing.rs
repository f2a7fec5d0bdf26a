//! Plays carriers, and checks what each of them promises: its rows tile, what it carries is the same however its bytes are cut and from
//! any copy of its conversation, and no more is unpacked than there is room for.

use framescope_checking::{Piece as Said, Random, Transcript};
use framescope_parser::Role;

use self::support::checks::{assert_same, cut, joined, length_of, lose, play_checked};
pub(crate) use self::support::{Piece, Pieces, Played, Player};
use crate::linear::Choices;

// The driver of the carriers' own tests.
#[path = "../../../carriers/tests/support/mod.rs"]
mod support;

/// An input whose first byte is this is a [`Transcript`] from there on, and no choices.
const TRANSCRIPT: u8 = 0xFF;

/// The largest of the rooms that are tried, which is too small for most of what can be packed into a fuzzer's bytes.
const ROOM: usize = 16 << 10;

/// What an input stands for.
pub(crate) enum Meant<'d> {
    Pieces(Pieces),
    Choices(Choices<'d>),
}

/// What these bytes stand for.
pub(crate) fn meant(data: &[u8]) -> Meant<'_> {
    match data.split_first() {
        Some((&TRANSCRIPT, rest)) => Meant::Pieces(pieces(&Transcript::from_bytes(rest))),
        _ => Meant::Choices(Choices::of_bytes(data)),
    }
}

fn pieces(transcript: &Transcript) -> Pieces {
    let piece = |said: &Said| match said {
        Said::Segment(role, bytes) => Some((*role, Piece::Bytes(bytes.clone()))),
        Said::Gap(role, length) => Some((*role, Piece::Lost(*length))),
        Said::End(role) => Some((*role, Piece::End)),
        Said::Inside(_) => None,
    };
    transcript.pieces().iter().filter_map(piece).collect()
}

/// Plays what was captured as a whole, however it is cut.
pub(crate) fn play_whole(player: &Player, pieces: &[(Role, Piece)], random: &mut Random) -> Played {
    let played = play_checked(player, pieces);
    let lengths: Vec<usize> = (0..4).map(|_| 1 + random.below(40)).collect();
    for lengths in [&[1][..], &lengths] {
        check_same(player, &player.play(&cut(pieces, lengths)), &played);
    }
    played
}

/// The rows are the same too, in whatever segments the bytes are.
pub(crate) fn play_cut(player: &Player, pieces: &[(Role, Piece)], played: &Played, random: &mut Random) {
    assert_same(&player.play(&cut(pieces, &[1 + random.below(30), 1 + random.below(9)])), played);
}

/// Plays any pieces, and what is left of them when they are damaged.
pub(crate) fn play_any(player: &Player, mut pieces: Pieces, random: &mut Random) {
    for _ in 0..random.below(4) {
        damage(&mut pieces, random);
    }
    let player = Player {
        room: if random.one_in(2) { random.below(ROOM) } else { player.room },
        begins_inside: [random.one_in(4), random.one_in(4)],
        ..player.clone()
    };
    play_checked(&player, &pieces);
    // How long is waited after a loss depends on how the bytes arrive, and so does what the other side says meanwhile.
    let role = Role::BOTH[random.below(2)];
    pieces.retain(|(of, _)| *of == role);
    let whole = player.play(&joined(&pieces));
    let has_lost = pieces.iter().any(|(_, piece)| matches!(piece, Piece::Lost(_)));
    let is_comparable = !has_rows_of_segments(&player);
    if !has_lost && player.begins_inside == [false; 2] && is_comparable {
        check_same(&player, &player.play(&cut(&pieces, &[1 + random.below(9)])), &whole);
    }
}

/// The rows and channels are the same; only the channels where a row is what a segment has.
fn check_same(player: &Player, one: &Played, other: &Played) {
    if has_rows_of_segments(player) {
        assert_eq!(one.collected.channels, other.collected.channels);
        assert_eq!(one.collected.heard, other.collected.heard);
    } else {
        assert_same(one, other);
    }
}

fn has_rows_of_segments(player: &Player) -> bool {
    let stages = player.protocol.stages().iter();
    let mut protocols = stages.map(|stage| stage.protocol(&player.protocols));
    // Telnet's data is shown as it comes, up to the next command.
    player.protocol.name() == "telnet"
        || protocols.any(|protocol| protocol.is_none_or(|protocol| protocol.ends_with_segment()))
}

/// Loses some bytes, or changes one.
fn damage(pieces: &mut Pieces, random: &mut Random) {
    let role = Role::BOTH[random.below(2)];
    let length = length_of(pieces, role);
    if length == 0 {
        return;
    }
    let at = random.below(length);
    if random.one_in(2) {
        let most = [1, 8, 100][random.below(3)];
        *pieces = lose(pieces, role, at, 1 + random.below(most));
        return;
    }
    let mut before = 0;
    for (of, piece) in pieces {
        let Piece::Bytes(bytes) = piece else { continue };
        if *of != role {
            continue;
        }
        if let Some(byte) = at.checked_sub(before).and_then(|at| bytes.get_mut(at)) {
            *byte = if random.one_in(2) { random.byte() } else { *byte ^ 1 << random.below(8) };
        }
        before += bytes.len();
    }
}
