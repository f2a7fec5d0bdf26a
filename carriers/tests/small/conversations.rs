//! What two sides say to each other in each of the small carriers, and what comes out of its channel.

use std::io::Write as _;

use framescope_carriers::small::{self, Encoding};
use framescope_parser::{Dissection, Heard, Protocol, Role};

use crate::support::{Pieces, Played, Player, client, server};

pub(crate) fn player(name: &str) -> Player {
    Player::new(small::all().into_iter().find(|one| one.name() == name).unwrap())
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn deflate(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    for part in parts {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

/// Frames of zstd: with a check, skippable, and of several blocks.
pub(crate) fn zstd_frames(text: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    for part in text.chunks(100) {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
    }
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    [encoder.finish().unwrap(), skippable, zstd::encode_all(text, 1).unwrap()].concat()
}

pub(crate) fn text() -> Vec<u8> {
    (0..60).flat_map(|n| format!("line {n} of a text, {} ", n * n % 17).into_bytes()).collect()
}

pub(crate) fn framed(encoding: Encoding, messages: &[&[u8]]) -> Vec<u8> {
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

pub(crate) const MESSAGES: [&[u8]; 5] = [b"hello", b"\0\xc0\xdb\xff\0", b"third", &[7; 300], b"last"];

pub(crate) fn v2_header() -> Vec<u8> {
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

pub(crate) fn tls(content: &[u8]) -> Vec<u8> {
    [&[0x16, 3, 1, 0, u8::try_from(content.len()).unwrap()], content].concat()
}

/// Each carrier with a conversation, and what comes out of its channel.
pub(crate) fn conversations() -> Vec<(&'static str, Pieces, [Vec<u8>; 2])> {
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
pub(crate) fn heard(played: &Played) -> Vec<(Role, Vec<Heard>)> {
    played.collected.heard.iter().map(|((_, role), heard)| (*role, heard.clone())).collect()
}

pub(crate) fn bytes(played: &Played, role: Role) -> Vec<u8> {
    if played.collected.channels.is_empty() { Vec::new() } else { played.collected.all(0, role) }
}
