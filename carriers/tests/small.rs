//! The small carriers, each with what two real sides would send: however it is cut, wherever it is copied, whatever is lost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::io::Write as _;
use std::sync::Arc;

use framescope_carriers::small::{self, Encoding, Wrapper};
use framescope_parser::{Confidence, Context, Dissection, Heard, Protocol, Role, Sample, SpanType};
use proptest::prelude::*;

use support::checks::{assert_silent_is_the_same, cut, length_of, lengths, lose, play_checked};
use support::{Piece, Pieces, Played, Player, client, ends, server};

fn player(name: &str) -> Player {
    Player::new(small::all().into_iter().find(|one| one.name() == name).unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    for part in parts {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

/// Frames of zstd: with a check, skippable, and of several blocks.
fn zstd_frames(text: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    for part in text.chunks(100) {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
    }
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    [encoder.finish().unwrap(), skippable, zstd::encode_all(text, 1).unwrap()].concat()
}

fn text() -> Vec<u8> {
    (0..60).flat_map(|n| format!("line {n} of a text, {} ", n * n % 17).into_bytes()).collect()
}

fn framed(encoding: Encoding, messages: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        if encoding == Encoding::Slip {
            bytes.push(encoding.delimiter());
        }
        encoding.encode(message, &mut bytes);
        bytes.push(encoding.delimiter());
    }
    bytes
}

const MESSAGES: [&[u8]; 5] = [b"hello", b"\0\xc0\xdb\xff\0", b"third", &[7; 300], b"last"];

fn v2_header() -> Vec<u8> {
    let protocol = small::proxy();
    let mut shown = Dissection::default();
    let text = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x41\x0a\0\0\x01\x0a\0\0\x02\x1f\x90\x01\xbb\
                 \x01\0\x02h2\x02\0\x0bexample.com\x03\0\x04\0\0\0\0\x05\0\x03abc\x20\0\x12\x05\0\0\0\0\x21\0\x07TLSv1.3\x22\0\0";
    protocol.dissect(text, &mut shown);
    let mut out = Vec::new();
    protocol.encode(&shown, &mut out).unwrap();
    assert_eq!(out.len(), text.len());
    out
}

fn tls(content: &[u8]) -> Vec<u8> {
    [&[0x16, 3, 1, 0, u8::try_from(content.len()).unwrap()], content].concat()
}

/// Each carrier with a conversation, and what comes out of its channel.
fn conversations() -> Vec<(&'static str, Pieces, [Vec<u8>; 2])> {
    let all = text();
    let (hello, answer) = (tls(b"hello"), tls(b"answer"));
    let socks5: Pieces = vec![
        client(b"\x05\x02\0\x02".to_vec()),
        server(b"\x05\x02".to_vec()),
        client(b"\x01\x03ada\x06secret".to_vec()),
        server(b"\x01\0".to_vec()),
        client(b"\x05\x01\0\x03\x0bexample.com\0\x50".to_vec()),
        server(b"\x05\0\0\x01\x0a\0\0\x01\x04\x38".to_vec()),
        client(all.clone()),
        server(b"answer".to_vec()),
    ];
    let socks4: Pieces = vec![
        client(b"\x04\x01\0\x50\0\0\0\x01ada\0example.com\0".to_vec()),
        server(b"\0\x5a\0\0\0\0\0\0".to_vec()),
        client(all.clone()),
        server(b"answer".to_vec()),
    ];
    let smtp: Pieces = vec![
        server(b"220 mail.example.com ESMTP\r\n".to_vec()),
        client(b"EHLO me\r\n".to_vec()),
        server(b"250-mail.example.com\r\n250 STARTTLS\r\n".to_vec()),
        client(b"STARTTLS\r\n".to_vec()),
        server(b"220 go ahead\r\n".to_vec()),
        client(hello.clone()),
        server(answer.clone()),
    ];
    let imap: Pieces = vec![
        server(b"* OK ready\r\n".to_vec()),
        client(b"a1 starttls\r\n".to_vec()),
        server(b"* BYE no\r\na1 OK begin\r\n".to_vec()),
        client(hello.clone()),
        server(answer.clone()),
    ];
    let xmpp: Pieces = vec![
        client(b"<?xml version='1.0'?><stream:stream to='x'>".to_vec()),
        server(b"<stream:stream><stream:features><starttls/></stream:features>".to_vec()),
        client(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_vec()),
        server(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_vec()),
        client(hello.clone()),
        server(answer.clone()),
    ];
    let postgres: Pieces = vec![
        client(b"\0\0\0\x08\x04\xd2\x16\x30".to_vec()),
        server(b"N".to_vec()),
        client(b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()),
        server(b"S".to_vec()),
        client(hello.clone()),
        server(answer.clone()),
    ];
    let refused: Pieces = vec![
        client(b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()),
        server(b"N".to_vec()),
        client(b"\0\0\0\x09\0\x03\0\0\0".to_vec()),
        server(b"R\0\0\0\x08\0\0\0\0".to_vec()),
    ];
    let telnet: Pieces = vec![
        client(b"\xff\xfb\x2c\xff\xfd\0ab\xff\xffc".to_vec()),
        server(b"\xff\xfa\x2c\x65\0\0\xff\xff\x00\xff\xf0x\r\0y".to_vec()),
        client(b"\xff\xf1\xff\xffend".to_vec()),
    ];
    let v2 = v2_header();
    let cobs = MESSAGES.concat();
    let none = Vec::new;
    let mut conversations = vec![
        (
            "proxy",
            vec![client([&v2[..], &all].concat()), server(b"answer".to_vec())],
            [all.clone(), b"answer".to_vec()],
        ),
        (
            "proxy",
            vec![client(b"PROXY TCP6 ::1 ::2 65535 80\r\nGET".to_vec()), server(b"answer".to_vec())],
            [b"GET".to_vec(), b"answer".to_vec()],
        ),
        ("socks", socks5, [all.clone(), b"answer".to_vec()]),
        ("socks", socks4, [all.clone(), b"answer".to_vec()]),
        ("starttls", smtp, [hello.clone(), answer.clone()]),
        ("starttls", imap, [hello.clone(), answer.clone()]),
        ("starttls", xmpp, [hello.clone(), answer.clone()]),
        ("starttls", postgres, [hello, answer]),
        ("starttls", refused, [b"\0\0\0\x09\0\x03\0\0\0".to_vec(), b"R\0\0\0\x08\0\0\0\0".to_vec()]),
        ("telnet", telnet, [b"ab\xffc\xffend".to_vec(), b"x\r\0y".to_vec()]),
        ("gzip", vec![client(gzip(&all)), client(gzip(b"more"))], [[&all[..], b"more"].concat(), none()]),
        ("gzip", vec![client(gzip(&all)), server(b"plain".to_vec())], [all.clone(), b"plain".to_vec()]),
        ("zlib", vec![client([zlib(&all), zlib(b"more")].concat())], [[&all[..], b"more"].concat(), none()]),
        ("deflate", vec![client(deflate(&[b"some", &all]))], [[b"some", &all[..]].concat(), none()]),
        (
            "zstd",
            vec![client(zstd_frames(&all)), server(b"plain".to_vec())],
            [all.repeat(2), b"plain".to_vec()],
        ),
    ];
    for encoding in Encoding::ALL {
        conversations.push((
            encoding.name(),
            vec![client(framed(encoding, &MESSAGES))],
            [cobs.clone(), none()],
        ));
    }
    conversations
}

/// What came out of the channel in a direction, and what else happened there.
fn heard(played: &Played) -> Vec<(Role, Vec<Heard>)> {
    played.collected.heard.iter().map(|((_, role), heard)| (*role, heard.clone())).collect()
}

fn bytes(played: &Played, role: Role) -> Vec<u8> {
    if played.collected.channels.is_empty() { Vec::new() } else { played.collected.all(0, role) }
}

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

#[test]
fn a_wrapper_has_a_carrier() {
    let names = [Wrapper::Gzip, Wrapper::Zlib, Wrapper::Deflate]
        .map(|wrapper| small::compressed(wrapper).name().to_owned());
    assert_eq!(names, ["gzip", "zlib", "deflate"]);
}
