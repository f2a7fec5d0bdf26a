//! However a conversation is cut, wherever it is copied, whatever is lost.

use std::sync::Arc;

use framescope_carriers::small::{self, Encoding};
use framescope_parser::{Protocol, Role, SpanType};
use proptest::prelude::*;

use crate::conversations::{MESSAGES, bytes, conversations, framed, heard, player};
use crate::support::checks::{cut, length_of, lengths, lose, play_checked};
use crate::support::{Piece, Played, Player, client, ends, server};

/// The stages whose rows are whatever a segment holds.
fn is_of_segments(played: &Played, protocol: &Arc<dyn Protocol>, role: Role, at: usize) -> bool {
    let row = &played.rows(role)[at];
    let stage = protocol.stages()[usize::from(row.stage)].protocol(&[]).unwrap();
    stage.ends_with_segment() || row.kind.as_deref() == Some("DATA")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_same_comes_out_however_it_is_cut(number in 0..20_usize, lengths in lengths()) {
        let (name, pieces, _) = conversations().swap_remove(number);
        let player = player(name);
        let (whole, cut) = (player.play(&pieces), play_checked(&player, &cut(&pieces, &lengths)));
        prop_assert_eq!(heard(&whole), heard(&cut), "{}", name);
        prop_assert_eq!(whole.problems(), cut.problems());
        for role in Role::BOTH {
            let rows = |played: &Played| {
                let messages = (0..played.rows(role).len()).filter(|&at| !is_of_segments(played, &player.protocol, role, at));
                messages.map(|at| played.rows(role)[at].clone()).collect::<Vec<_>>()
            };
            prop_assert_eq!(rows(&whole), rows(&cut));
        }
    }

    #[test]
    fn frames_that_a_loss_does_not_touch_are_read(which in 0..5_usize, at in 0..700_usize, length in 1..80_usize) {
        let encoding = Encoding::ALL[which];
        let pieces = vec![client(framed(encoding, &MESSAGES))];
        let all = length_of(&pieces, Role::Client);
        let (at, length) = (at.min(all - 1), length.min(all - at.min(all - 1)));
        let player = player(encoding.name());
        let whole = player.play(&pieces);
        let played = play_checked(&player, &lose(&pieces, Role::Client, at, length));
        let (begin, end) = (at as u64, (at + length) as u64);
        // The one behind the loss begins where nothing shows it.
        let untouched = whole.rows(Role::Client).iter().filter(|row| row.offset + row.length <= begin || row.offset > end);
        for row in untouched {
            prop_assert!(played.rows(Role::Client).contains(row), "{:?} of {:#?}", row, played.rows(Role::Client));
        }
    }

    #[test]
    fn what_a_loss_does_not_touch_of_a_tunnel_is_handed_on(number in 0..6_usize, at in 0..2000_usize, length in 1..50_usize) {
        let (name, pieces, sent) = conversations().swap_remove(number);
        let all = length_of(&pieces, Role::Client);
        let tunnel = sent[0].len();
        let at = (all - tunnel + at % tunnel).min(all - 1);
        let length = length.min(all - at);
        let played = play_checked(&player(name), &lose(&pieces, Role::Client, at, length));
        let lost = at - (all - tunnel);
        let mut expected = sent[0][..lost].to_vec();
        expected.extend_from_slice(&sent[0][lost + length..]);
        if name == "starttls" && lost < 3 {
            return Ok(());
        }
        prop_assert_eq!(bytes(&played, Role::Client), expected, "{}", name);
    }

    #[test]
    fn any_loss_leaves_rows_that_tile_and_a_replay_that_is_the_same(
        number in 0..20_usize,
        at in 0..3000_usize,
        length in 1..200_usize,
        from in any::<bool>(),
        lengths in lengths(),
    ) {
        let (name, pieces, _) = conversations().swap_remove(number);
        let role = if from { Role::Client } else { Role::Server };
        let all = length_of(&pieces, role);
        let lossy = lose(&pieces, role, at % all.max(1), length);
        play_checked(&player(name), &cut(&lossy, &lengths));
    }

    #[test]
    fn any_bytes_are_read(
        which in 0..13_usize,
        parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..60)), 1..12),
        begin in prop::sample::select(vec![
            &b""[..], b"\x05\x01\0", b"\x04\x01", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x20", b"\xff\xfa\x2c",
            b"\x1f\x8b\x08\x1e", b"\x78\x9c", b"\x28\xb5\x2f\xfd\x24", b"STARTTLS\r\n", b"\0\0\0\x08\x04\xd2\x16\x2f",
            b"<starttls",
        ]),
        inside in any::<bool>(),
    ) {
        let all = small::all();
        let player = Player::new(all[which % all.len()].clone());
        let player = if inside { player.inside() } else { player };
        let mut pieces = vec![client(begin.to_vec())];
        pieces.retain(|(_, piece)| *piece != Piece::Bytes(Vec::new()));
        pieces.extend(parts.into_iter().map(|(from, bytes)| if from { client(bytes) } else { server(bytes) }));
        pieces.extend(ends());
        let played = play_checked(&player, &pieces);
        prop_assert!(played.rows.iter().flatten().all(|row| row.span_type != SpanType::Gap));
    }
}
