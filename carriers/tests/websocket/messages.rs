//! What is carried: joined, without masks, each message by itself.

use framescope_parser::Heard;
use framescope_parser::Role::{Client, Server};

use crate::support::checks::play_checked;
use crate::{BINARY, CONTINUATION, MORE, PING, TEXT, player, sends};

#[test]
fn fragments_are_joined_with_control_frames_between_them() {
    let pieces = [
        sends(Client, TEXT ^ MORE, "he\u{e9}".as_bytes()[..3].as_ref()),
        sends(Client, PING, b"?"),
        sends(Client, CONTINUATION ^ MORE, b"\xa9l"),
        sends(Client, CONTINUATION ^ MORE, b""),
        sends(Client, CONTINUATION, b"lo"),
        sends(Client, BINARY ^ MORE, b"\x01"),
        sends(Server, TEXT, b""),
        sends(Client, CONTINUATION, b"\x02"),
    ];
    let played = play_checked(&player(), &pieces);
    assert_eq!(played.messages("websocket.text", Client), ["he\u{e9}llo".as_bytes()]);
    assert_eq!(played.messages("websocket.binary", Client), [b"\x01\x02"]);
    assert_eq!(played.messages("websocket.text", Server), [b""]);
    assert_eq!(played.problems(), Vec::<String>::new());
}

#[test]
fn a_channel_says_what_is_known_of_it() {
    let player = player().with("path", "/chat").with("host", "a.example").with("subprotocol", "chat.v1");
    let played = play_checked(&player, &[sends(Client, TEXT, b"{}"), sends(Client, BINARY, b"1")]);
    for (name, protocol) in [("websocket.text", "websocket-text"), ("websocket.binary", "chat.v1")] {
        let about = &played.collected.channels[&played.channel(name)];
        assert_eq!(about.settings.get("path"), Some("/chat"));
        assert_eq!(about.settings.get("subprotocol"), Some("chat.v1"));
        assert_eq!(about.protocol.as_deref(), Some(protocol));
        assert!(about.is_delimited && !about.is_verbatim && !about.begins_inside);
    }
}

#[test]
fn a_subprotocol_that_is_a_stream_is_one() {
    let player = player().with("subprotocol", "mqtt");
    let played = play_checked(&player, &[sends(Client, BINARY, b"\x10"), sends(Client, BINARY, b"\x00")]);
    assert!(!played.collected.channels[&played.channel("websocket.binary")].is_delimited);
    let heard = &played.collected.heard[&(played.channel("websocket.binary"), Client)];
    assert_eq!(heard[..], [Heard::Bytes(b"\x10\x00".to_vec()), Heard::End]);
}

#[test]
fn a_message_without_its_end_is_incomplete() {
    let played = play_checked(&player(), &[sends(Client, TEXT ^ MORE, b"half")]);
    let heard = &played.collected.heard[&(played.channel("websocket.text"), Client)];
    let half = Heard::Bytes(b"half".to_vec());
    assert_eq!(heard[..], [half, Heard::Lost(1), Heard::EndOfMessage, Heard::End]);
}

#[test]
fn there_is_no_more_than_there_is_room_for() {
    let mut player = player();
    player.room = 1000;
    let pieces = [sends(Client, BINARY, &[1; 5000]), sends(Client, BINARY, b"next")];
    let played = play_checked(&player, &pieces);
    assert_eq!(played.messages("websocket.binary", Client), [&[1; 1000][..], b"next"]);
    assert!(played.problems()[0].starts_with("expands-too-much: "), "{:?}", played.problems());
}
