//! What is wrong with frames, and that what follows is read all the same.

use framescope_parser::Role::{self, Server};

use crate::support::checks::play_checked;
use crate::support::{Piece, client, server};
use crate::{BINARY, CLOSE, CONTINUATION, MORE, PING, TEXT, deflating, frame_with, player, sends};

/// The codes of what is wrong with these frames of a server, and no message is lost after them.
fn codes(pieces: &[(Role, Piece)]) -> Vec<String> {
    let mut pieces = pieces.to_vec();
    pieces.push(sends(Server, TEXT, b"sound"));
    let played = play_checked(&player(), &pieces);
    assert_eq!(played.messages("websocket.text", Server).last().unwrap(), b"sound");
    let code = |problem: String| problem.split(':').next().unwrap().to_owned();
    played.problems().into_iter().map(code).collect()
}

fn raw(bytes: &[u8]) -> Vec<(Role, Piece)> {
    vec![server(bytes)]
}

#[test]
fn each_fault_is_named() {
    let no_mask = codes(&[client(frame_with(TEXT, None, b"a"))]);
    assert_eq!(no_mask, ["mask-missing"]);
    assert_eq!(codes(&raw(&frame_with(TEXT, Some([1; 4]), b"a"))), ["mask-unexpected"]);
    assert_eq!(codes(&raw(&frame_with(PING, None, &[b'a'; 126]))), ["control-frame-too-long"]);
    assert_eq!(codes(&[sends(Server, PING ^ MORE, b"")]), ["control-frame-fragmented"]);
    assert_eq!(codes(&[sends(Server, 0x83, b"")]), ["reserved-opcode"]);
    assert_eq!(codes(&[sends(Server, 0x91, b"")]), ["reserved-bits"]);
    assert_eq!(codes(&[sends(Server, 0xc9, b"")]), ["reserved-bits"]);
    assert_eq!(codes(&[sends(Server, CONTINUATION, b"x")]), ["continuation-without-start"]);
    assert_eq!(codes(&[sends(Server, TEXT ^ MORE, b"x")]), ["message-interrupted"]);
    assert_eq!(codes(&raw(b"\x81\x7e\x00\x01a")), ["length-not-minimal"]);
    assert_eq!(codes(&raw(b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01a")), ["length-not-minimal"]);
    assert_eq!(codes(&[sends(Server, TEXT, b"a\xff")]), ["invalid-utf8"]);
    assert_eq!(codes(&[sends(Server, TEXT, b"a\xe8\xaf")]), ["invalid-utf8"]);
    assert_eq!(codes(&[sends(Server, BINARY, b"a\xff")]), Vec::<String>::new());
}

#[test]
fn a_close_frame_has_a_code_that_may_be_sent() {
    for code in [1000u16, 1003, 1011, 3000, 4999] {
        assert_eq!(codes(&[sends(Server, CLOSE, &code.to_be_bytes())]), ["after-close"]);
    }
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
        assert_eq!(codes(&[sends(Server, CLOSE, &code.to_be_bytes())]), ["bad-close", "after-close"]);
    }
    assert_eq!(codes(&[sends(Server, CLOSE, b"\x03")]), ["bad-close", "after-close"]);
    assert_eq!(codes(&[sends(Server, CLOSE, b"\x03\xe8\xff")]), ["invalid-utf8", "after-close"]);
}

#[test]
fn the_first_reserved_bit_means_nothing_where_nothing_was_agreed_on() {
    let played = play_checked(&player().with("path", "/"), &[sends(Server, 0xc1, b"plain")]);
    assert_eq!(played.messages("websocket.text", Server), [b"plain"]);
    assert!(played.problems()[0].starts_with("reserved-bits: RSV1 is set"), "{:?}", played.problems());
}

#[test]
fn what_does_not_unpack_is_said_and_the_next_message_stands() {
    let pieces = [sends(Server, 0xc1, b"\xff\xff\xff"), sends(Server, TEXT, b"sound")];
    let played = play_checked(&deflating(""), &pieces);
    assert_eq!(played.messages("websocket.text", Server), [&b""[..], b"sound"]);
    assert!(played.problems()[0].starts_with("unpacking-failed: "), "{:?}", played.problems());
}

#[test]
fn every_code_has_sentences() {
    let codes: Vec<_> = framescope_carriers::websocket::CODES.codes().collect();
    assert_eq!(codes.len(), 12);
    for code in codes {
        for text in [code.meaning(), code.usual_cause(), code.what_to_do()] {
            assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{code}: {text}");
        }
    }
}
