//! Messages that are compressed.

use framescope_parser::Role::{Client, Server};

use crate::support::checks::play_checked;
use crate::support::{Piece, Pieces, lost};
use crate::{CONTINUATION, MORE, PING, RSV1, Sender, TEXT, deflating, player, sends};

const SAID: [&str; 4] = [
    "{\"user\":\"ada\",\"text\":\"hello\"}",
    "{\"user\":\"ada\",\"text\":\"hello hello\"}",
    "",
    "{\"user\":\"ada\"}",
];

/// What is said, compressed with reference to what was said before.
fn conversation() -> Pieces {
    let mut senders = [Sender::new(), Sender::new()];
    let mut pieces = Pieces::new();
    for text in SAID {
        for role in [Client, Server] {
            pieces.push(sends(role, TEXT | RSV1, &senders[role.index()].pack(text.as_bytes())));
        }
    }
    pieces
}

#[test]
fn messages_refer_to_those_before_them() {
    let played = play_checked(&deflating(""), &conversation());
    for role in [Client, Server] {
        assert_eq!(played.messages("websocket.text", role), SAID.map(str::as_bytes));
    }
    assert_eq!(played.problems(), Vec::<String>::new());
    assert!(played.rows(Client)[0].summary.ends_with(" bytes, compressed"));
}

#[test]
fn each_message_by_itself_survives_the_loss_of_others() {
    let mut pieces = Pieces::new();
    for text in SAID {
        pieces.push(sends(Server, TEXT | RSV1, &Sender::new().pack(text.as_bytes())));
    }
    pieces[0] = sends(Server, TEXT | RSV1, b"\xff\xff");
    let played = play_checked(&deflating("; server_no_context_takeover"), &pieces);
    let others = SAID[1..].iter().map(|text| text.as_bytes());
    let expected: Vec<&[u8]> = std::iter::once(&b""[..]).chain(others).collect();
    assert_eq!(played.messages("websocket.text", Server), expected);
    assert!(played.problems()[0].ends_with("the next ones do not depend on it"));
    assert_eq!(played.problems().len(), 1);
}

#[test]
fn only_the_first_fragment_says_that_a_message_is_compressed() {
    let packed = Sender::new().pack(SAID[1].as_bytes());
    for cut in 0..=packed.len() {
        let pieces = [
            sends(Client, (TEXT | RSV1) ^ MORE, &packed[..cut]),
            sends(Client, PING, b""),
            sends(Client, CONTINUATION, &packed[cut..]),
            sends(Client, TEXT, b"plain"),
        ];
        let played = play_checked(&deflating(""), &pieces);
        assert_eq!(played.messages("websocket.text", Client), [SAID[1].as_bytes(), b"plain"]);
        assert_eq!(played.problems(), Vec::<String>::new());
    }
}

#[test]
fn what_is_lost_makes_those_unreadable_that_refer_to_it() {
    let mut pieces = conversation();
    let (_, Piece::Bytes(first)) = pieces[0].clone() else { panic!() };
    pieces[0] = lost(Client, first.len() as u64);
    let played = play_checked(&deflating(""), &pieces);
    assert_eq!(played.messages("websocket.text", Server), SAID.map(str::as_bytes));
    let refers = played.problems().iter().any(|problem| {
        problem.starts_with("unpacking-failed: ")
            && problem.contains("refers to earlier ones that are unknown")
    });
    assert!(refers, "{:?}", played.problems());
}

#[test]
fn compression_is_guessed_where_the_extensions_are_not_known() {
    let played = play_checked(&player(), &conversation());
    assert_eq!(played.messages("websocket.text", Client), SAID.map(str::as_bytes));
    let guesses =
        played.problems().iter().filter(|problem| problem.starts_with("extensions-unknown")).count();
    assert_eq!(guesses, 2);
}

#[test]
fn a_message_of_very_many_equal_bytes_is_cut_off() {
    let mut sender = Sender::new();
    let pieces = [
        sends(Server, TEXT | RSV1, &sender.pack(&[b'a'; 3_000_000])),
        sends(Server, TEXT | RSV1, &Sender::new().pack(b"after it")),
    ];
    let mut player = deflating("");
    player.room = 100_000;
    let played = play_checked(&player, &pieces);
    let lengths: Vec<usize> = played.messages("websocket.text", Server).iter().map(Vec::len).collect();
    assert_eq!(lengths, [100_000, 8]);
    assert!(played.problems()[0].starts_with("expands-too-much: "));
}
