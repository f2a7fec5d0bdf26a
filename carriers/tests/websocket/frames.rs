//! Frames as rows and fields.

use framescope_carriers::websocket::WebSocket;
use framescope_parser::Role::{Client, Server};
use framescope_parser::{Dissection, Protocol, SpanType};

use crate::support::checks::play_checked;
use crate::support::client;
use crate::{BINARY, CLOSE, PING, PONG, TEXT, frame, frame_with, player, sends};

#[test]
fn a_frame_shows_its_header_and_its_payload_without_the_mask() {
    let pieces = [
        sends(Client, TEXT, b"hello"),
        sends(Server, BINARY, b"\x01\x02"),
        sends(Client, PING, b"you"),
        sends(Server, PONG, b"you"),
        sends(Client, CLOSE, b"\x03\xe8bye"),
        sends(Server, CLOSE, b""),
    ];
    let played = play_checked(&player(), &pieces);
    let shown: Vec<String> = [Client, Server]
        .iter()
        .flat_map(|role| played.rows(*role))
        .map(|row| format!("{} | {} | {}", row.kind.clone().unwrap(), row.summary, row.fields))
        .collect();
    let head =
        |bits: &str, opcode: &str| format!("fin=true rsv1={bits} rsv2=false rsv3=false opcode={opcode}");
    let masked = |length: usize| format!("masked=true length={length} masking_key=11a233c4");
    assert_eq!(
        shown,
        [
            format!("TEXT | hello | {} {} payload=\"hello\"", head("false", "TEXT (1)"), masked(5)),
            format!("PING | you | {} {} payload=\"you\"", head("false", "PING (9)"), masked(3)),
            format!(
                "CLOSE | 1000 NORMAL_CLOSURE bye | {} {} payload{{code=NORMAL_CLOSURE (1000) reason=\"bye\"}}",
                head("false", "CLOSE (8)"),
                masked(5)
            ),
            format!("BINARY | 2 bytes | {} masked=false length=2 payload=0102", head("false", "BINARY (2)")),
            format!("PONG | you | {} masked=false length=3 payload=\"you\"", head("false", "PONG (10)")),
            format!("CLOSE |  | {} masked=false length=0 payload=", head("false", "CLOSE (8)")),
        ]
    );
    assert_eq!(played.problems(), Vec::<String>::new());
}

#[test]
fn each_form_of_the_length_is_read() {
    for length in [0, 125, 126, 0xffff, 0x10000, 100_000] {
        let played = play_checked(&player(), &[sends(Client, BINARY, &vec![7; length])]);
        let [row] = played.rows(Client) else { panic!("{length}") };
        assert!(row.fields.contains(&format!(" length={length} ")), "{}", row.fields);
        assert_eq!(played.messages("websocket.binary", Client), [vec![7; length]]);
    }
}

#[test]
fn a_frame_of_its_fields_is_the_same_bytes() {
    let websocket = WebSocket::default();
    let frames = [
        frame(Client, TEXT, b"hello"),
        frame(Client, 0x02, &[3; 200]),
        frame(Server, 0xc1, b"\xff\x01"),
        frame(Server, CLOSE, b"\x03\xf3reason"),
        frame(Client, CLOSE, b"\x03"),
        frame(Server, PING, b""),
        frame_with(0xc3, Some([0; 4]), &[9; 70_000]),
    ];
    for bytes in frames {
        let message = Dissection::of(&websocket, &bytes);
        let mut again = Vec::new();
        websocket.encode(&message, &mut again).unwrap();
        assert_eq!(again, bytes);
    }
}

#[test]
fn a_longer_frame_is_read_in_parts_wherever_it_is_cut() {
    let length = (16 << 20) + 5;
    let payload: Vec<u8> = (0..length).map(|i: u32| (i / 3) as u8).collect();
    let bytes = [frame(Client, BINARY, &payload), frame(Client, TEXT, b"after")].concat();
    let whole = player().play(&[client(bytes.clone())]);
    let lengths: Vec<u64> = whole.rows(Client).iter().map(|row| row.length).collect();
    assert_eq!(lengths[..2], [14, 1 << 20]);
    assert_eq!(lengths[16..], [1 << 20, 5, 11]);
    assert_eq!(whole.rows(Client)[0].summary, "16777221 bytes follow in parts");
    assert_eq!(whole.messages("websocket.binary", Client), [payload]);
    assert_eq!(whole.messages("websocket.text", Client), [b"after"]);
    let cut: Vec<_> = bytes.chunks(1_000_003).map(client).collect();
    let cut = player().play(&cut);
    assert_eq!(cut.rows(Client), whole.rows(Client));
    assert!(whole.rows(Client).iter().all(|row| row.span_type == SpanType::Message));
}

#[test]
fn a_frame_of_the_greatest_length_needs_no_memory() {
    let header = [0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let pieces = [crate::support::server([&header[..], &[1; 100]].concat())];
    let played = play_checked(&player(), &pieces);
    assert_eq!(played.rows(Server).iter().map(|row| row.length).collect::<Vec<_>>(), [10, 100]);
    assert_eq!(played.rows(Server)[1].span_type, SpanType::Partial);
}
