//! The small carriers, each with what two real sides would send.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod conversations;
mod properties;
#[path = "../support/mod.rs"]
mod support;

use framescope_carriers::small::{self, Wrapper};
use framescope_parser::{Confidence, Context, Dissection, Heard, Protocol, Role, Sample};

use conversations::{bytes, conversations, gzip, player, text, tls, v2_header, zlib};
use support::checks::{assert_silent_is_the_same, lose, play_checked};
use support::{Piece, Pieces, Played, client, server};

#[test]
fn each_carrier_hands_on_what_was_sent() {
    for (name, pieces, sent) in conversations() {
        let player = player(name);
        let played = play_checked(&player, &pieces);
        assert_silent_is_the_same(&player, &played);
        for role in Role::BOTH {
            assert_eq!(
                String::from_utf8_lossy(&bytes(&played, role)),
                String::from_utf8_lossy(&sent[role.index()]),
                "{name} {role:?} {:#?}",
                played.rows(role)
            );
        }
        assert_eq!(played.problems(), Vec::<String>::new(), "{name}");
        let about = &played.collected.channels[&0];
        assert_eq!(about.name, name);
        assert!(!about.begins_inside, "{name}");
    }
}

#[test]
fn each_message_is_written_as_it_was_read() {
    for (name, pieces, _) in conversations() {
        let player = player(name);
        let protocol = &player.protocol;
        let played = player.play(&pieces);
        for role in Role::BOTH {
            let sent: Vec<u8> = pieces
                .iter()
                .filter_map(|(from, piece)| match piece {
                    Piece::Bytes(bytes) if *from == role => Some(bytes.clone()),
                    _ => None,
                })
                .flatten()
                .collect();
            for row in played.rows(role) {
                let at = usize::try_from(row.offset).unwrap();
                let message = &sent[at..at + usize::try_from(row.length).unwrap()];
                let stage = protocol.stages()[usize::from(row.stage)].protocol(&[]).unwrap();
                let shown = Dissection::of(stage, message);
                let context = Context { stage: row.stage, ..Context::default() };
                let mut out = Vec::new();
                protocol.encode_in(&context, &shown, &mut out, &mut Vec::new()).unwrap();
                assert_eq!(out, message, "{name} {row:?}");
                let names = protocol.names();
                for field in &shown.fields {
                    assert!(names.fields.iter().any(|name| name == field.name), "{name} {}", field.name);
                }
                assert!(names.kinds.contains(row.kind.as_ref().unwrap()), "{name} {:?}", row.kind);
            }
        }
    }
}

#[test]
fn streams_are_recognised_by_what_leaves_no_doubt() {
    let surest = |pieces: &Pieces| {
        let Piece::Bytes(bytes) = &pieces[0].1 else { panic!() };
        let all: Vec<u8> = pieces
            .iter()
            .filter_map(|(role, piece)| match piece {
                Piece::Bytes(bytes) if *role == pieces[0].0 => Some(bytes.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let sample = Sample { bytes: &all, segment_ends: &[bytes.len(), all.len()] };
        let sure = small::all().into_iter().map(|one| (one.detect(sample), one.name().to_owned()));
        sure.filter(|(confidence, _)| *confidence > Confidence::No).max()
    };
    for (name, pieces, _) in conversations() {
        let expected = match name {
            "proxy" | "gzip" | "zstd" | "telnet" => Some(Confidence::Certain),
            "socks" => Some(Confidence::Possible),
            "starttls" => Some(Confidence::Likely),
            _ => None,
        };
        // Whether PostgreSQL's stream is upgraded is up to the server.
        let is_open =
            surest(&pieces).is_none() && matches!(pieces[0].1, Piece::Bytes(ref bytes) if bytes[0] == 0);
        assert!(
            is_open || surest(&pieces) == expected.map(|sure| (sure, name.into())),
            "{name} {:?}",
            surest(&pieces)
        );
    }
}

#[test]
fn what_a_proxy_says_is_known_of_the_channel() {
    let (v1, v2) = (b"PROXY TCP6 ::1 ::2 65535 80\r\nGET".to_vec(), [v2_header(), b"GET".to_vec()].concat());
    let known = |name: &str, pieces: &Pieces| {
        let settings = player(name).play(pieces).collected.channels[&0].settings.clone();
        settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(known("proxy", &vec![client(v1)]), "src=[::1]:65535 dst=[::2]:80");
    assert_eq!(
        known("proxy", &vec![client(v2)]),
        "src=10.0.0.1:8080 dst=10.0.0.2:443 alpn=h2 sni=example.com"
    );
    let (_, socks, _) = conversations().into_iter().find(|(name, ..)| *name == "socks").unwrap();
    assert_eq!(known("socks", &socks), "target=example.com:80");
}

#[test]
fn rows_show_the_fields_of_a_header() {
    let played = player("proxy").play(&[client(v2_header())]);
    let row = &played.rows(Role::Client)[0];
    assert_eq!(row.summary, "10.0.0.1:8080 to 10.0.0.2:443");
    assert_eq!(row.problems, Vec::<String>::new());
    assert!(
        row.fields.contains("family=INET (1) transport=STREAM (1) length=65 source=\"10.0.0.1\""),
        "{}",
        row.fields
    );
    assert!(
        row.fields.contains("ssl{client=0x5 verify=0 version=\"TLSv1.3\" common_name=\"\"}"),
        "{}",
        row.fields
    );
    let mut changed = v2_header();
    changed[20] ^= 1;
    let played = player("proxy").play(&[client(changed)]);
    assert!(played.problems()[0].starts_with("checksum-mismatch: the CRC-32C of the header is"));
}

#[test]
fn a_connection_without_a_header_goes_on_as_it_is_and_says_so() {
    let played = player("proxy").play(&[client(b"GET / HTTP/1.1\r\n".to_vec())]);
    assert_eq!(played.problems(), ["header-absent: the connection does not begin with a PROXY header"]);
    assert_eq!(bytes(&played, Role::Client), b"GET / HTTP/1.1\r\n");
}

#[test]
fn commands_before_tls_begins_are_shown_and_are_a_problem() {
    let pieces = [
        client(b"EHLO me\r\n".to_vec()),
        client(b"STARTTLS\r\nRSET\r\n".to_vec()),
        server(b"220 go ahead\r\n".to_vec()),
        client(tls(b"hello")),
    ];
    let played = play_checked(&player("starttls"), &pieces);
    assert_eq!(played.problems().len(), 1);
    assert!(played.problems()[0].starts_with("sent-too-early: TLS was asked for"), "{:?}", played.problems());
    assert_eq!(bytes(&played, Role::Client), tls(b"hello"));
}

#[test]
fn lines_go_on_where_tls_is_refused() {
    let pieces = [
        client(b"STARTTLS\r\n".to_vec()),
        server(b"454 not now\r\n".to_vec()),
        client(b"QUIT\r\n".to_vec()),
        server(b"221 bye\r\n".to_vec()),
    ];
    let played = play_checked(&player("starttls"), &pieces);
    let kinds =
        |role| played.rows(role).iter().map(|row| row.kind.clone().unwrap()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        (kinds(Role::Client), kinds(Role::Server)),
        ("UPGRADE COMMAND".into(), "REFUSED REPLY".into())
    );
    assert!(played.collected.channels.is_empty() && played.problems().is_empty());
}

#[test]
fn a_damaged_frame_is_one_that_is_lost() {
    let pieces = [client(b"\x05ab\0\x03cd\0".to_vec())];
    let played = play_checked(&player("cobs"), &pieces);
    assert_eq!(played.collected.messages(0, Role::Client), [b"cd"]);
    assert!(played.problems()[0].starts_with("unpacking-failed: the count 5"), "{:?}", played.problems());
}

#[test]
fn after_a_loss_the_next_member_or_frame_is_unpacked() {
    let text = text();
    let more = zstd::encode_all(&b"second"[..], 1).unwrap();
    for (name, bytes) in [
        ("gzip", [gzip(&text), gzip(b"second")].concat()),
        ("zstd", [zstd::encode_all(&text[..], 1).unwrap(), more].concat()),
    ] {
        let player = player(name);
        let pieces = lose(&[client(bytes)], Role::Client, 40, 5);
        let played = play_checked(&player, &pieces);
        assert!(
            played.collected.all(0, Role::Client).ends_with(b"second"),
            "{name} {:#?}",
            played.rows(Role::Client)
        );
        assert!(
            played.collected.heard[&(0, Role::Client)].iter().any(|heard| matches!(heard, Heard::Lost(_)))
        );
    }
}

#[test]
fn a_wrong_check_is_reported_and_what_follows_is_unpacked() {
    for (name, mut bytes, at) in [("gzip", gzip(b"first"), 6), ("zlib", zlib(b"first"), 2)] {
        let place = bytes.len() - at;
        bytes[place] ^= 1;
        bytes.extend(if name == "gzip" { gzip(b"second") } else { zlib(b"second") });
        let played = play_checked(&player(name), &[client(bytes)]);
        assert_eq!(bytes_of(&played), b"firstsecond", "{name}");
        assert!(played.problems()[0].starts_with("checksum-mismatch"), "{:?}", played.problems());
    }
}

fn bytes_of(played: &Played) -> Vec<u8> {
    bytes(played, Role::Client)
}

#[test]
fn what_unpacks_to_too_much_is_cut_off_and_the_next_member_is_read() {
    let bomb = vec![0; 1 << 22];
    for (name, bytes, next) in [
        ("gzip", gzip(&bomb), gzip(b"next")),
        ("zstd", zstd::encode_all(&bomb[..], 1).unwrap(), zstd::encode_all(&b"next"[..], 1).unwrap()),
    ] {
        let mut player = player(name);
        player.room = 1 << 16;
        let played = player.play(&[client(bytes), client(next)]);
        let unpacked = bytes_of(&played);
        assert!(unpacked.ends_with(b"next") && unpacked.len() < 1 << 20, "{name}: {}", unpacked.len());
        assert!(
            played.problems().iter().any(|text| text.starts_with("expands-too-much")),
            "{:?}",
            played.problems()
        );
    }
}

#[test]
fn the_settings_of_a_serial_port_are_fields() {
    let pieces = [client(b"\xff\xfa\x2c\x01\0\x01\xc2\0\xff\xf0\xff\xfa\x2c\x03\x03\xff\xf0".to_vec())];
    let played = play_checked(&player("telnet"), &pieces);
    let summaries: Vec<_> = played.rows(Role::Client).iter().map(|row| row.summary.clone()).collect();
    assert_eq!(summaries, ["SET_BAUDRATE 115200", "SET_PARITY EVEN"]);
}

#[test]
fn the_rest_of_a_suboption_is_no_data() {
    let bytes = b"ab\xff\xfa\x18\0xterm-256\xff\xf0cd".to_vec();
    let pieces = lose(&[client(bytes)], Role::Client, 5, 4);
    let played = play_checked(&player("telnet"), &pieces);
    assert_eq!(bytes_of(&played), b"abcd");
}

#[test]
fn a_wrapper_has_a_carrier() {
    let names = [Wrapper::Gzip, Wrapper::Zlib, Wrapper::Deflate]
        .map(|wrapper| small::compressed(wrapper).name().to_owned());
    assert_eq!(names, ["gzip", "zlib", "deflate"]);
}
