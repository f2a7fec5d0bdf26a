//! What holds for any frames and any bytes.

use framescope_parser::Role::{self, Client, Server};
use framescope_parser::SpanType;
use proptest::prelude::*;

use crate::support::checks::{assert_same, cut, length_of, lengths, lose, play_checked};
use crate::support::{Piece, Pieces, Player, client, server};
use crate::{BINARY, CLOSE, CONTINUATION, MORE, PING, RSV1, Sender, TEXT, deflating, player, sends};

/// A message: whether the client sends it, whether it is text, whether it is compressed, and its fragments.
type Said = (bool, bool, bool, Vec<Vec<u8>>);

fn said() -> impl Strategy<Value = Vec<Said>> {
    let fragment = prop_oneof![
        "[a-e \u{e9}{}\"]{0,30}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    let message = (any::<bool>(), any::<bool>(), any::<bool>(), prop::collection::vec(fragment, 1..4));
    prop::collection::vec(message, 1..8)
}

/// The frames of the messages, with a ping before each fragment but the first.
fn frames(messages: &[Said]) -> Pieces {
    let mut senders = [Sender::new(), Sender::new()];
    let mut pieces = Pieces::new();
    for (is_client, is_text, is_packed, fragments) in messages {
        let role = if *is_client { Client } else { Server };
        let first = if *is_text { TEXT } else { BINARY };
        let parts: Vec<Vec<u8>> = match is_packed {
            false => fragments.clone(),
            true => {
                let packed = senders[role.index()].pack(&fragments.concat());
                packed.chunks(packed.len().div_ceil(fragments.len())).map(<[u8]>::to_vec).collect()
            }
        };
        for (i, part) in parts.iter().enumerate() {
            let mut opcode = if i == 0 { first } else { CONTINUATION };
            if i == 0 && *is_packed {
                opcode |= RSV1;
            }
            if i + 1 < parts.len() {
                opcode ^= MORE;
            }
            if i > 0 {
                pieces.push(sends(role, PING, b"still there?"));
            }
            pieces.push(sends(role, opcode, part));
        }
    }
    pieces
}

/// The contents of the messages of a side.
fn contents(messages: &[Said], from: Role, texts: bool) -> Vec<Vec<u8>> {
    let of = |said: &&Said| said.0 == (from == Client) && said.1 == texts;
    messages.iter().filter(of).map(|(.., fragments)| fragments.concat()).collect()
}

fn messages(played: &crate::support::Played, name: &str, from: Role) -> Vec<Vec<u8>> {
    match played.channels(name).first() {
        Some(channel) => played.collected.messages(*channel, from),
        None => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn however_it_is_cut_the_messages_come_out(said in said(), lengths in lengths()) {
        let pieces = frames(&said);
        let player = deflating("");
        let whole = play_checked(&player, &pieces);
        for role in [Client, Server] {
            prop_assert_eq!(messages(&whole, "websocket.text", role), contents(&said, role, true));
            prop_assert_eq!(messages(&whole, "websocket.binary", role), contents(&said, role, false));
        }
        assert_same(&whole, &play_checked(&player, &cut(&pieces, &lengths)));
    }

    #[test]
    fn what_is_lost_in_one_direction_does_not_touch_the_other(
        said in said(),
        at in any::<prop::sample::Index>(),
        length in 1..60usize,
        lengths in lengths(),
    ) {
        let pieces = frames(&said);
        let all = length_of(&pieces, Client);
        if all > 0 {
            let damaged = lose(&pieces, Client, at.index(all), length);
            let played = play_checked(&deflating(""), &damaged);
            prop_assert_eq!(messages(&played, "websocket.text", Server), contents(&said, Server, true));
            prop_assert_eq!(messages(&played, "websocket.binary", Server), contents(&said, Server, false));
            assert_same(&played, &play_checked(&deflating(""), &cut(&damaged, &lengths)));
        }
    }

    #[test]
    fn messages_before_a_loss_stand(said in said(), at in any::<prop::sample::Index>()) {
        let pieces = frames(&said);
        let all = length_of(&pieces, Client);
        if all > 0 {
            let at = at.index(all);
            let mut before = contents(&said, Client, false);
            let played = play_checked(&deflating(""), &lose(&pieces, Client, at, all));
            let found = messages(&played, "websocket.binary", Client);
            let rows = played.rows(Client).iter().filter(|row| row.span_type == SpanType::Message);
            prop_assert!(rows.map(|row| row.length).sum::<u64>() <= all as u64);
            before.truncate(found.len().saturating_sub(1));
            prop_assert_eq!(&found[..before.len()], &before[..]);
        }
    }

    #[test]
    fn any_bytes_are_taken(
        segments in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..12),
        is_inside in any::<bool>(),
        lengths in lengths(),
    ) {
        let piece = |(is_client, bytes): &(bool, Vec<u8>)| match is_client {
            true => client(&bytes[..]),
            false => server(&bytes[..]),
        };
        let pieces: Pieces = segments.iter().map(piece).collect();
        let player = Player { begins_inside: [is_inside; 2], room: 10_000, ..player() };
        let whole = play_checked(&player, &pieces);
        assert_same(&whole, &play_checked(&player, &cut(&pieces, &lengths)));
    }

    #[test]
    fn frames_of_any_kind_are_taken(
        all in prop::collection::vec((any::<bool>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..140)), 0..12),
        at in 0..400usize,
        lengths in lengths(),
    ) {
        let piece = |(is_client, first, payload): &(bool, u8, Vec<u8>)| {
            sends(if *is_client { Client } else { Server }, *first, payload)
        };
        let mut pieces: Pieces = all.iter().map(piece).collect();
        pieces.push(sends(Client, CLOSE, b"\x03\xe8"));
        let damaged = lose(&pieces, Client, at, 5);
        for pieces in [&pieces, &damaged] {
            let whole = play_checked(&player(), pieces);
            assert_same(&whole, &play_checked(&player(), &cut(pieces, &lengths)));
        }
        let is_piece = pieces.iter().all(|(_, piece)| matches!(piece, Piece::Bytes(_)));
        prop_assert!(is_piece);
    }
}
