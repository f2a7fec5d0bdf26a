//! What a plain writer of TLS encrypts is what comes out of the channel `tls`, for TLS 1.2 and 1.3 with the secrets that it logs; with a
//! record lost or changed, all others stand. Its keys are derived and used here by `ring` alone.

use std::sync::Arc;

use framescope_carriers::tls::{Secrets, Tls};
use framescope_checking::Random;
use framescope_parser::Role;
use ring::{aead, hkdf, hmac};

use crate::linear::Choices;
use crate::playing::{Meant, Piece, Pieces, Played, Player, meant, play_any, play_whole};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const RANDOM: [u8; 32] = [7; 32];

/// Takes `data` as choices, from which a connection is generated, or as a [`Transcript`](framescope_checking::Transcript).
pub fn tls(data: &[u8]) {
    let mut random = Random::of(data);
    let mut choices = match meant(data) {
        Meant::Pieces(pieces) => return play_any(&player(""), pieces, &mut random),
        Meant::Choices(choices) => choices,
    };
    let (records, log) = connection(&mut choices);
    let player = player(&log);
    let played = play_whole(&player, &pieces(&records), &mut random);
    let problems = played.problems().into_iter().filter(|problem| !problem.starts_with("encrypted-alert: "));
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<String>::new());
    check_data(&played, records.iter());
    let data: Vec<usize> = (0..records.len()).filter(|at| records[*at].plain.is_some()).collect();
    if let Some(&at) = data.get(random.below(data.len())) {
        check_damaged(&player, &records, at, &mut random);
    }
    // Secrets that do not fit, and those with mistakes.
    let broken = log.replacen(' ', "", 1);
    let secrets = Secrets::new();
    secrets.add_text("keys", &broken);
    assert!(secrets.notices().iter().all(|notice| notice.starts_with("keys line 1: ")));
    assert_eq!(secrets.notices().len(), 1, "a line with a mistake is reported");
    let other = if random.one_in(2) { log.replace('3', "4") } else { broken };
    play_any(&self::player(&other), pieces(&records), &mut random);
    play_any(&player, pieces(&records), &mut random);
}

fn player(log: &str) -> Player {
    let secrets = Secrets::new();
    secrets.add_text("keys", log);
    Player::new(Arc::new(Tls::new(Arc::new(secrets))))
}

/// A record, and what it holds if that is application data.
struct Record {
    role: Role,
    bytes: Vec<u8>,
    plain: Option<Vec<u8>>,
}

fn pieces(records: &[Record]) -> Pieces {
    records.iter().map(|record| (record.role, Piece::Bytes(record.bytes.clone()))).collect()
}

fn check_data<'r>(played: &Played, records: impl Iterator<Item = &'r Record> + Clone) {
    for role in Role::BOTH {
        let of_role = records.clone().filter(|record| record.role == role);
        let expected: Vec<u8> = of_role.flat_map(|record| record.plain.iter().flatten().copied()).collect();
        let found = played.channels("tls").first().map(|&channel| played.collected.all(channel, role));
        assert_eq!(found.unwrap_or_default(), expected, "{role:?}: {:?}", played.problems());
    }
}

/// One record is lost, or a bit of what is encrypted in it has changed.
fn check_damaged(player: &Player, records: &[Record], at: usize, random: &mut Random) {
    let mut pieces = pieces(records);
    let length = records[at].bytes.len();
    if random.one_in(2) {
        pieces[at].1 = Piece::Lost(length as u64);
    } else if let Piece::Bytes(bytes) = &mut pieces[at].1 {
        bytes[5 + random.below(length - 5)] ^= 1 << random.below(8);
    }
    let played = player.play(&pieces);
    let others = records.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, record)| record);
    check_data(&played, others);
}

/// A cipher suite: its number, its AEAD, and its hash.
struct Suite {
    number: u16,
    aead: &'static aead::Algorithm,
    hkdf: hkdf::Algorithm,
    hmac: hmac::Algorithm,
    is_13: bool,
}

fn suite(at: usize) -> Suite {
    let (number, aead, hkdf, hmac) = match at {
        0 => (0x1301, &aead::AES_128_GCM, hkdf::HKDF_SHA256, hmac::HMAC_SHA256),
        1 => (0x1302, &aead::AES_256_GCM, hkdf::HKDF_SHA384, hmac::HMAC_SHA384),
        2 => (0x1303, &aead::CHACHA20_POLY1305, hkdf::HKDF_SHA256, hmac::HMAC_SHA256),
        3 => (0xC02F, &aead::AES_128_GCM, hkdf::HKDF_SHA256, hmac::HMAC_SHA256),
        4 => (0xC030, &aead::AES_256_GCM, hkdf::HKDF_SHA384, hmac::HMAC_SHA384),
        _ => (0xCCA8, &aead::CHACHA20_POLY1305, hkdf::HKDF_SHA256, hmac::HMAC_SHA256),
    };
    Suite { number, aead, hkdf, hmac, is_13: at < 3 }
}

/// What both sides send, and the key log.
fn connection(choices: &mut Choices<'_>) -> (Vec<Record>, String) {
    let suite = suite(choices.below(6));
    let mut records = hellos(&suite);
    let mut log = String::new();
    let mut writers = if suite.is_13 {
        handshake_13(&suite, &mut records, &mut log, choices)
    } else {
        handshake_12(&suite, &mut records, &mut log)
    };
    for number in 0..choices.below(12) {
        let role = Role::BOTH[choices.below(2)];
        let writer = &mut writers[role.index()];
        match choices.below(8) {
            0 if suite.is_13 => {
                let update = writer.seal(HANDSHAKE, &[24, 0, 0, 1, 0], choices);
                records.push(Record { role, bytes: update, plain: None });
                writer.update(&suite);
            }
            _ => {
                let length = [0, 1, 20, 300][choices.below(4)];
                let mut plain = vec![number as u8; 1 + length];
                plain.iter_mut().step_by(5).for_each(|byte| *byte = choices.below(256) as u8);
                let bytes = writer.seal(DATA, &plain, choices);
                records.push(Record { role, bytes, plain: Some(plain) });
            }
        }
    }
    for role in Role::BOTH {
        if choices.below(2) == 1 {
            let bytes = writers[role.index()].seal(ALERT, &[1, 0], choices);
            records.push(Record { role, bytes, plain: None });
        }
    }
    (records, log)
}

fn plain(role: Role, content_type: u8, content: &[u8]) -> Record {
    let length = (content.len() as u16).to_be_bytes();
    Record { role, bytes: [&[content_type, 3, 3], &length[..], content].concat(), plain: None }
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (content.len() as u32).to_be_bytes();
    [&[kind, a, b, c], content].concat()
}

fn hellos(suite: &Suite) -> Vec<Record> {
    let number = suite.number.to_be_bytes();
    let mut client = [&[3, 3][..], &RANDOM, &[0, 0, 2], &number, &[1, 0]].concat();
    let mut server = [&[3, 3][..], &[9; 32], &[0], &number, &[0]].concat();
    if suite.is_13 {
        client.extend([0, 7, 0, 43, 0, 3, 2, 3, 4]);
        server.extend([0, 6, 0, 43, 0, 2, 3, 4]);
    }
    vec![
        plain(Role::Client, HANDSHAKE, &message(1, &client)),
        plain(Role::Server, HANDSHAKE, &message(2, &server)),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The messages up to both Finished, and what application data is written with.
fn handshake_13(
    suite: &Suite,
    records: &mut Vec<Record>,
    log: &mut String,
    choices: &mut Choices<'_>,
) -> [Writer; 2] {
    let length = suite.hkdf.hmac_algorithm().digest_algorithm().output_len();
    let mut secret = |label: &str, fill: u8| {
        let secret = vec![fill; length];
        *log += &format!("{label} {} {}\n", hex(&RANDOM), hex(&secret));
        Writer::of_13(suite, secret)
    };
    let mut handshake =
        [secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 0x31), secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", 0x32)];
    let application = [secret("CLIENT_TRAFFIC_SECRET_0", 0x33), secret("SERVER_TRAFFIC_SECRET_0", 0x35)];
    let finished = message(20, &vec![5; length]);
    let of_server = [message(8, &[0, 0]), message(11, &[1; 40]), finished.clone()].concat();
    for (role, mut messages) in [(Role::Server, &of_server[..]), (Role::Client, &finished[..])] {
        while !messages.is_empty() {
            let (part, rest) = messages.split_at(1 + choices.below(messages.len()));
            let bytes = handshake[role.index()].seal(HANDSHAKE, part, choices);
            records.push(Record { role, bytes, plain: None });
            messages = rest;
        }
    }
    application
}

fn handshake_12(suite: &Suite, records: &mut Vec<Record>, log: &mut String) -> [Writer; 2] {
    let master = [0x33; 48];
    *log += &format!("CLIENT_RANDOM {} {}\n", hex(&RANDOM), hex(&master));
    let mut writers = Writer::of_12(suite, &master);
    records.push(plain(Role::Server, HANDSHAKE, &message(14, &[])));
    for role in Role::BOTH {
        records.push(plain(role, 20, &[1]));
        let bytes = writers[role.index()].seal_12(HANDSHAKE, &message(20, &[6; 12]));
        records.push(Record { role, bytes, plain: None });
    }
    writers
}

/// Encrypts the records of one direction.
struct Writer {
    key: aead::LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
    /// The secret of TLS 1.3.
    secret: Option<Vec<u8>>,
    /// Whether a part of the nonce is in the record.
    is_explicit: bool,
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label, RFC 8446, section 7.1.
fn expand(suite: &Suite, secret: &[u8], label: &str, length: usize) -> Vec<u8> {
    let prk = hkdf::Prk::new_less_safe(suite.hkdf, secret);
    let label = format!("tls13 {label}");
    let info = [&(length as u16).to_be_bytes()[..], &[label.len() as u8], label.as_bytes(), &[0]];
    let mut out = vec![0; length];
    prk.expand(&info, Length(length)).and_then(|okm| okm.fill(&mut out)).expect("it is short");
    out
}

impl Writer {
    fn new(suite: &Suite, key: &[u8], iv: &[u8]) -> Writer {
        let key = aead::LessSafeKey::new(aead::UnboundKey::new(suite.aead, key).expect("a key's length"));
        let mut padded = [0; 12];
        padded[..iv.len()].copy_from_slice(iv);
        Writer { key, iv: padded, sequence: 0, secret: None, is_explicit: iv.len() == 4 }
    }

    fn of_13(suite: &Suite, secret: Vec<u8>) -> Writer {
        let key = expand(suite, &secret, "key", suite.aead.key_len());
        let writer = Writer::new(suite, &key, &expand(suite, &secret, "iv", 12));
        Writer { secret: Some(secret), ..writer }
    }

    /// RFC 5246, sections 5 and 6.3.
    fn of_12(suite: &Suite, master: &[u8]) -> [Writer; 2] {
        let key = hmac::Key::new(suite.hmac, master);
        let seed = [&b"key expansion"[..], &[9; 32], &RANDOM].concat();
        let mut a = hmac::sign(&key, &seed).as_ref().to_vec();
        let mut block = Vec::new();
        while block.len() < 128 {
            block.extend(hmac::sign(&key, &[&a[..], &seed].concat()).as_ref());
            a = hmac::sign(&key, &a).as_ref().to_vec();
        }
        let (key, iv) = (suite.aead.key_len(), if suite.number == 0xCCA8 { 12 } else { 4 });
        let keys = block.split_off(2 * key);
        [0, 1].map(|at| Writer::new(suite, &block[at * key..(at + 1) * key], &keys[at * iv..(at + 1) * iv]))
    }

    fn update(&mut self, suite: &Suite) {
        let secret = self.secret.as_ref().expect("TLS 1.3 has one");
        *self = Writer::of_13(suite, expand(suite, secret, "traffic upd", secret.len()));
    }

    fn seal(&mut self, content_type: u8, content: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
        if self.secret.is_none() {
            return self.seal_12(content_type, content);
        }
        let padding = [0, 0, 1, 30][choices.below(4)];
        let mut inner = [content, &[content_type], &vec![0; padding]].concat();
        let length = (inner.len() + 16) as u16;
        let header = [&[DATA, 3, 3][..], &length.to_be_bytes()].concat();
        let nonce = self.nonce();
        self.key.seal_in_place_append_tag(nonce, aead::Aad::from(&header), &mut inner).expect("it is short");
        [header, inner].concat()
    }

    fn seal_12(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let explicit = if self.is_explicit { self.sequence.to_be_bytes().to_vec() } else { Vec::new() };
        let of_content = [&[content_type, 3, 3][..], &(content.len() as u16).to_be_bytes()].concat();
        let about = [&self.sequence.to_be_bytes()[..], &of_content].concat();
        let (nonce, mut inner) = (self.nonce(), content.to_vec());
        self.key.seal_in_place_append_tag(nonce, aead::Aad::from(about), &mut inner).expect("it is short");
        let length = (explicit.len() + inner.len()) as u16;
        [&[content_type, 3, 3][..], &length.to_be_bytes(), &explicit, &inner].concat()
    }

    fn nonce(&mut self) -> aead::Nonce {
        let mut nonce = self.iv;
        nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()).for_each(|(byte, value)| *byte ^= value);
        self.sequence += 1;
        aead::Nonce::assume_unique_for_key(nonce)
    }
}

#[test]
fn what_is_encrypted_comes_out_of_the_channel() {
    crate::try_on_random_bytes(tls, 150);
}
