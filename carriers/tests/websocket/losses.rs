//! Damage costs the messages that it touches.

use framescope_parser::Heard;
use framescope_parser::Role::{Client, Server};

use crate::support::checks::{lose, play_checked};
use crate::support::{Pieces, lost};
use crate::{BINARY, CONTINUATION, MORE, TEXT, frame, player, sends};

#[test]
fn a_gap_inside_a_payload_leaves_the_rest_of_it_and_the_mask_fits() {
    let pieces = [sends(Client, BINARY, b"abcdefghij"), sends(Client, TEXT, b"next")];
    for (at, length) in [(6, 1), (7, 3), (13, 2), (6, 10)] {
        let played = play_checked(&player(), &lose(&pieces, Client, at, length));
        let heard = &played.collected.heard[&(played.channel("websocket.binary"), Client)];
        let (before, after) = (&b"abcdefghij"[..at - 6], &b"abcdefghij"[at - 6 + length..]);
        let mut expected =
            vec![Heard::Bytes(before.to_vec()), Heard::Lost(length as u64), Heard::Bytes(after.to_vec())];
        expected.retain(|heard| *heard != Heard::Bytes(Vec::new()));
        expected.extend([Heard::EndOfMessage, Heard::End]);
        assert_eq!(heard[..], expected);
        assert_eq!(played.messages("websocket.text", Client), [b"next"]);
    }
}

#[test]
fn without_its_mask_a_payload_is_lost_and_the_next_frame_is_not() {
    let pieces = [sends(Client, BINARY, b"abcdefghij"), sends(Client, TEXT, b"next")];
    let played = play_checked(&player(), &lose(&pieces, Client, 3, 2));
    let heard = &played.collected.heard[&(played.channel("websocket.binary"), Client)];
    assert_eq!(heard[..], [Heard::Lost(10), Heard::EndOfMessage, Heard::End]);
    assert_eq!(played.messages("websocket.text", Client), [b"next"]);
}

fn chat(role: framescope_parser::Role) -> Pieces {
    let say = |i: usize| {
        sends(role, TEXT, format!("{{\"n\":{i},\"text\":\"{}\"}}", "ab".repeat(i % 40)).as_bytes())
    };
    (0..60).map(say).collect()
}

#[test]
fn after_lost_headers_the_frames_are_found_again() {
    for role in [Client, Server] {
        let whole = play_checked(&player(), &chat(role)).messages("websocket.text", role);
        for at in [0, 7, 100, 1000] {
            let played = play_checked(&player(), &lose(&chat(role), role, at, 50));
            let found = played.messages("websocket.text", role);
            let sound = whole.iter().filter(|message| found.contains(message)).count();
            assert!(sound >= 52, "{role:?} at {at}: {sound} of {}", whole.len());
        }
    }
}

#[test]
fn a_message_that_was_being_joined_is_incomplete_and_the_next_stands() {
    let mut pieces = vec![sends(Server, TEXT ^ MORE, b"first "), lost(Server, 40)];
    pieces.push(sends(Server, CONTINUATION, b"end of it"));
    pieces.extend(chat(Server));
    let played = play_checked(&player(), &pieces);
    let heard = &played.collected.heard[&(played.channel("websocket.text"), Server)];
    assert_eq!(heard[..2], [Heard::Bytes(b"first ".to_vec()), Heard::Lost(40)]);
    assert_eq!(heard[2], Heard::EndOfMessage);
    let messages = played.messages("websocket.text", Server);
    assert_eq!(messages.len(), 61);
    assert!(messages[1].starts_with(b"{\"n\":0"));
    assert!(!played.problems().iter().any(|problem| problem.contains("continuation")));
}

#[test]
fn a_capture_that_begins_in_the_middle_says_so() {
    let mut bytes = frame(Server, TEXT, b"cut off")[4..].to_vec();
    for i in 0..40 {
        bytes.extend(frame(Server, TEXT, format!("message {i}").as_bytes()));
    }
    let played = play_checked(&player().inside(), &[crate::support::server(bytes)]);
    assert_eq!(played.messages("websocket.text", Server).len(), 40);
    assert!(played.problems().iter().any(|problem| problem.starts_with("mid-conversation: ")));
    assert!(played.collected.channels[&0].begins_inside);
}
