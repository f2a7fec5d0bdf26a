//! What is encoded or compressed by plain writers comes out of the small carriers as it was: lines and frames of COBS, SLIP, base64 and
//! hexadecimal digits, gzip, zlib, deflate and zstd over a whole stream, telnet, and what follows the headers of proxies.

use std::io::Write;

use framescope_carriers::small;
use framescope_checking::Random;
use framescope_parser::Role;

use crate::linear::Choices;
use crate::playing::{Meant, Piece, Pieces, Played, Player, meant, play_any, play_whole};

const NAMES: [&str; 13] = [
    "cobs", "cobsr", "slip", "base64", "hex", "gzip", "zlib", "deflate", "zstd", "telnet", "proxy", "socks",
    "starttls",
];

/// Takes `data` as choices, from which messages are generated, or as a [`Transcript`](framescope_checking::Transcript).
pub fn small(data: &[u8]) {
    let mut random = Random::of(data);
    let (name, pieces) = match meant(data) {
        Meant::Pieces(pieces) => (NAMES[random.below(NAMES.len())], pieces),
        Meant::Choices(mut choices) => {
            let name = NAMES[choices.below(NAMES.len())];
            (name, checked(name, &mut choices, &mut random))
        }
    };
    play_any(&player(name), pieces, &mut random);
}

fn player(name: &str) -> Player {
    let carrier = small::all().into_iter().find(|carrier| carrier.name() == name);
    Player::new(carrier.expect("all are there"))
}

/// Plays what a writer sends, and compares what comes out.
fn checked(name: &str, choices: &mut Choices<'_>, random: &mut Random) -> Pieces {
    let contents: Vec<Vec<u8>> = (0..1 + choices.below(6)).map(|_| content(choices)).collect();
    let all = contents.concat();
    let client = |bytes: Vec<u8>| (Role::Client, Piece::Bytes(bytes));
    if let Some(encode) = encoder(name) {
        let encoded: Vec<Vec<u8>> = contents.iter().map(|content| encode(content)).collect();
        let pieces: Pieces = encoded.iter().cloned().map(client).collect();
        let filled: Vec<&Vec<u8>> = contents.iter().filter(|content| !content.is_empty()).collect();
        let found = |played: &Played| {
            played
                .channels(name)
                .first()
                .map_or(Vec::new(), |&channel| played.collected.messages(channel, Role::Client))
        };
        let played = play_whole(&player(name), &pieces, random);
        let of_bytes = found(&played).into_iter().filter(|message| !message.is_empty()).collect::<Vec<_>>();
        assert!(of_bytes.iter().eq(filled), "{name}: {of_bytes:02x?} of {contents:02x?}");
        // One that is lost takes no other with it.
        let mut rest = pieces.clone();
        let lost = random.below(rest.len());
        rest[lost].1 = Piece::Lost(encoded[lost].len() as u64);
        let stand = contents.iter().enumerate().filter(|(at, content)| *at != lost && !content.is_empty());
        let left = found(&player(name).play(&rest));
        let mut left = left.iter();
        // The one behind may begin in what was lost, as far as can be known.
        let mut stand = stand.filter(|(at, _)| *at != lost + 1).map(|(_, content)| content);
        assert!(stand.all(|content| left.any(|one| one == content)), "{name}: message {lost} was lost");
        return pieces;
    }
    let (before, stream) = match name {
        "gzip" | "zlib" | "deflate" | "zstd" => (Pieces::new(), compressed(name, &contents)),
        "telnet" => (Pieces::new(), telnet(&contents, choices)),
        "proxy" => (vec![client(b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 80\r\n".to_vec())], all.clone()),
        "socks" => (socks(), all.clone()),
        _ => (smtp(), tls_record(&all)),
    };
    let all = if name == "starttls" { stream.clone() } else { all };
    let mut pieces = before;
    pieces.extend((!stream.is_empty()).then(|| client(stream)));
    let played = play_whole(&player(name), &pieces, random);
    let found =
        played.collected.channels.keys().next().map(|channel| played.collected.all(*channel, Role::Client));
    assert_eq!(found.unwrap_or_default(), all, "{name}: {:?}", played.problems());
    pieces
}

fn content(choices: &mut Choices<'_>) -> Vec<u8> {
    let length = [0, 1, 3, 40, 253, 254, 255, 600][choices.below(8)];
    let unit: Vec<u8> = (0..1 + choices.below(5))
        .map(|_| match choices.below(4) {
            0 => 0,
            1 => [0xC0, 0xDB, 0xDC, 0xDD, 0xFF, b'\r', b'\n'][choices.below(7)],
            _ => choices.below(256) as u8,
        })
        .collect();
    unit.into_iter().cycle().take(length).collect()
}

/// Writes a message with its delimiter.
type Encoder = fn(&[u8]) -> Vec<u8>;

fn encoder(name: &str) -> Option<Encoder> {
    match name {
        "cobs" => Some(|content| cobs(content, false)),
        "cobsr" => Some(|content| cobs(content, true)),
        "slip" => Some(slip),
        "base64" => Some(base64),
        "hex" => Some(|content| {
            let digits: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
            (digits + "\n").into_bytes()
        }),
        _ => None,
    }
}

/// Each zero is the end of a group; a group of 254 other bytes has none.
fn cobs(content: &[u8], is_reduced: bool) -> Vec<u8> {
    if content.is_empty() {
        return vec![0];
    }
    let (mut out, mut group) = (Vec::new(), Vec::new());
    let mut left = content.iter().peekable();
    let mut ended_full = false;
    while let Some(&byte) = left.next() {
        ended_full = false;
        if byte == 0 {
            out.push(group.len() as u8 + 1);
            out.append(&mut group);
        } else {
            group.push(byte);
            if group.len() == 254 {
                out.push(0xFF);
                out.append(&mut group);
                ended_full = left.peek().is_none();
            }
        }
    }
    if !ended_full {
        match group.last().copied() {
            Some(last) if is_reduced && usize::from(last) > group.len() => {
                group.pop();
                out.push(last);
            }
            _ => out.push(group.len() as u8 + 1),
        }
        out.append(&mut group);
    }
    out.push(0);
    out
}

fn slip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0xC0];
    for &byte in content {
        match byte {
            0xC0 => out.extend([0xDB, 0xDC]),
            0xDB => out.extend([0xDB, 0xDD]),
            _ => out.push(byte),
        }
    }
    out.push(0xC0);
    out
}

fn base64(content: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for three in content.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let letters = (0..4).map(|at| LETTERS[(bits >> (18 - 6 * at) & 63) as usize]);
        out.extend(letters.take(three.len() + 1).chain(std::iter::repeat_n(b'=', 3 - three.len())));
    }
    out.push(b'\n');
    out
}

/// The contents, with what each writes flushed.
fn compressed(name: &str, contents: &[Vec<u8>]) -> Vec<u8> {
    fn flushed<W: Write>(writer: &mut W, contents: &[Vec<u8>]) {
        for content in contents {
            writer.write_all(content).expect("it is in memory");
            writer.flush().expect("it is in memory");
        }
    }
    let level = flate2::Compression::fast();
    match name {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
            flushed(&mut writer, contents);
            writer.finish().expect("it is in memory")
        }
        "zlib" => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            flushed(&mut writer, contents);
            writer.finish().expect("it is in memory")
        }
        "deflate" => {
            let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), level);
            flushed(&mut writer, contents);
            writer.finish().expect("it is in memory")
        }
        _ => {
            let mut writer = zstd::stream::Encoder::new(Vec::new(), 1).expect("the level is one");
            flushed(&mut writer, contents);
            writer.finish().expect("it is in memory")
        }
    }
}

/// The contents with options between them.
fn telnet(contents: &[Vec<u8>], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for content in contents {
        match choices.below(4) {
            // In binary transmission a carriage return is one.
            0 => out.extend([0xFF, 0xFB, 0]),
            1 => out.extend([0xFF, 0xFA, 44, 1, 0xFF, 0xFF, 0, 0xFF, 0xF0]),
            2 => out.extend([0xFF, 0xF1]),
            _ => {}
        }
        content
            .iter()
            .for_each(|byte| out.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == 0xFF))));
    }
    out
}

fn tls_record(content: &[u8]) -> Vec<u8> {
    [&[22, 3, 1], &(content.len() as u16).to_be_bytes()[..], content].concat()
}

fn socks() -> Pieces {
    let said: [(Role, &[u8]); 4] = [
        (Role::Client, b"\x05\x01\0"),
        (Role::Server, b"\x05\0"),
        (Role::Client, b"\x05\x01\0\x03\x0bexample.com\0\x50"),
        (Role::Server, b"\x05\0\0\x01\x0a\0\0\x01\x04\x38"),
    ];
    said.map(|(role, bytes)| (role, Piece::Bytes(bytes.to_vec()))).to_vec()
}

fn smtp() -> Pieces {
    let said: [(Role, &[u8]); 5] = [
        (Role::Server, b"220 mail.example.com ESMTP\r\n"),
        (Role::Client, b"EHLO me\r\n"),
        (Role::Server, b"250-mail.example.com\r\n250 STARTTLS\r\n"),
        (Role::Client, b"STARTTLS\r\n"),
        (Role::Server, b"220 go ahead\r\n"),
    ];
    said.map(|(role, bytes)| (role, Piece::Bytes(bytes.to_vec()))).to_vec()
}

#[test]
fn what_is_written_comes_out_of_small_carriers() {
    crate::try_on_random_bytes(small, 150);
}
