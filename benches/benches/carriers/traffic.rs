//! Captures of carriers: one connection, in segments of a network's size, whose payload one side sends.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use etherparse::PacketBuilder;
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use ring::hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk};

/// A capture of one connection.
pub struct Connection {
    out: BufWriter<File>,
    /// The next bytes of either side.
    sequence: [u32; 2],
    packets: u64,
    segment: usize,
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Connection {
    fn new(path: &Path, segment: usize) -> Connection {
        let mut out =
            BufWriter::with_capacity(1 << 20, File::create(path).expect("the folder can be written"));
        let header = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101];
        header.iter().for_each(|field| out.write_all(&field.to_le_bytes()).expect("the disk has room"));
        let mut connection = Connection { out, sequence: [100, 200], packets: 0, segment };
        connection.packet(CLIENT, &[], true);
        connection.packet(SERVER, &[], true);
        connection
    }

    fn packet(&mut self, from: usize, payload: &[u8], syn: bool) {
        let ends = [([10, 0, 0, 1], 40_000), ([10, 0, 0, 2], 443)];
        let ((source, source_port), (target, target_port)) = (ends[from], ends[1 - from]);
        let tcp = PacketBuilder::ipv4(source, target, 64).tcp(
            source_port,
            target_port,
            self.sequence[from],
            64_000,
        );
        let tcp = if syn && from == CLIENT { tcp.syn() } else { tcp.ack(self.sequence[1 - from]) };
        let tcp = if syn && from == SERVER { tcp.syn() } else { tcp };
        let length = (40 + payload.len()) as u32;
        let time = [(self.packets / 1_000_000) as u32, (self.packets % 1_000_000) as u32];
        for field in [time[0], time[1], length, length] {
            self.out.write_all(&field.to_le_bytes()).expect("the disk has room");
        }
        tcp.write(&mut self.out, payload).expect("the disk has room");
        self.sequence[from] = self.sequence[from].wrapping_add(payload.len() as u32 + u32::from(syn));
        self.packets += 1;
    }

    fn says(&mut self, from: usize, bytes: &[u8]) {
        for segment in bytes.chunks(self.segment) {
            self.packet(from, segment, false);
        }
    }
}

/// Bytes that do not repeat soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A cipher suite of TLS 1.3.
pub struct Suite {
    pub name: &'static str,
    number: u16,
    algorithm: &'static Algorithm,
    is_384: bool,
}

pub const SUITES: [Suite; 3] = [
    Suite { name: "AES-128-GCM", number: 0x1301, algorithm: &AES_128_GCM, is_384: false },
    Suite { name: "AES-256-GCM", number: 0x1302, algorithm: &AES_256_GCM, is_384: true },
    Suite { name: "ChaCha20-Poly1305", number: 0x1303, algorithm: &CHACHA20_POLY1305, is_384: false },
];

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The keys of one direction.
pub struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl Keys {
    fn new(suite: &Suite, secret: &[u8]) -> Keys {
        let hash = if suite.is_384 { HKDF_SHA384 } else { HKDF_SHA256 };
        let secret = Prk::new_less_safe(hash, secret);
        let expand = |label: &str, length: usize| {
            let label = format!("tls13 {label}");
            let info =
                [&(length as u16).to_be_bytes()[..], &[label.len() as u8], label.as_bytes(), &[0]].concat();
            let mut out = vec![0; length];
            let info = [&info[..]];
            let filled = secret.expand(&info, Bytes(length)).and_then(|okm| okm.fill(&mut out));
            filled.expect("a key is short");
            out
        };
        let key = UnboundKey::new(suite.algorithm, &expand("key", suite.algorithm.key_len()))
            .expect("of that length");
        let iv = expand("iv", 12).try_into().expect("of that length");
        Keys { key: LessSafeKey::new(key), iv, sequence: 0 }
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = self.iv;
        nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()).for_each(|(byte, other)| *byte ^= other);
        self.sequence += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    /// A record with these contents.
    fn seal(&mut self, content_type: u8, contents: &[u8], out: &mut Vec<u8>) {
        let length = (contents.len() + 17) as u16;
        let [high, low] = length.to_be_bytes();
        let header = [23, 3, 3, high, low];
        let mut sealed = [contents, &[content_type]].concat();
        let nonce = self.nonce();
        self.key.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).expect("it is short");
        out.extend(header);
        out.extend(sealed);
    }

    /// What decrypting costs by itself: the lengths of all records.
    pub fn open_all(&mut self, records: &[u8], buffer: &mut Vec<u8>) -> u64 {
        let (mut at, mut sum) = (0, 0);
        while at < records.len() {
            let header: [u8; 5] = records[at..at + 5].try_into().expect("five bytes");
            let end = at + 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
            buffer.clear();
            buffer.extend_from_slice(&records[at + 5..end]);
            let nonce = self.nonce();
            sum += self.key.open_in_place(nonce, Aad::from(header), buffer).expect("it is whole").len()
                as u64
                - 1;
            at = end;
        }
        sum
    }
}

/// What was written: the key log, and all records of application data.
pub struct Tls {
    pub keylog: String,
    pub records: Vec<u8>,
    secret: Vec<u8>,
}

impl Tls {
    pub fn keys(&self, suite: &Suite) -> Keys {
        Keys::new(suite, &self.secret)
    }
}

/// A TLS 1.3 connection in which the client sends so many bytes.
pub fn tls(path: &Path, suite: &Suite, total: usize, record: usize) -> Tls {
    let hash = if suite.is_384 { 48 } else { 32 };
    let hello = |kind: u8, versions: &[u8]| {
        let random = [kind; 32];
        let suites: &[u8] = if kind == 1 { &[0, 2] } else { &[] };
        let compression: &[u8] = if kind == 1 { &[1, 0] } else { &[0] };
        let extension = [&[0, 43, 0, versions.len() as u8][..], versions].concat();
        let extensions = [&[0, extension.len() as u8][..], &extension].concat();
        let body =
            [&[3, 3][..], &random, &[0], suites, &suite.number.to_be_bytes(), compression, &extensions]
                .concat();
        let message = [&[kind, 0, 0, body.len() as u8][..], &body].concat();
        [&[22, 3, 1, 0, message.len() as u8][..], &message].concat()
    };
    let secret = |number: u8| vec![number; hash];
    let labels = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let line = |(number, label): (u8, &&str)| format!("{label} {} {}\n", hex(&[1; 32]), hex(&secret(number)));
    let keylog = (1..).zip(&labels).map(line).collect();
    let mut connection = Connection::new(path, 1448);
    connection.says(CLIENT, &hello(1, &[2, 3, 4]));
    connection.says(SERVER, &hello(2, &[3, 4]));
    let finished = [&[20, 0, 0, hash as u8][..], &secret(9)].concat();
    for (from, number) in [(SERVER, 2), (CLIENT, 1)] {
        let mut out = Vec::new();
        Keys::new(suite, &secret(number)).seal(22, &finished, &mut out);
        connection.says(from, &out);
    }
    let (contents, mut keys, mut records) = (noise(record), Keys::new(suite, &secret(3)), Vec::new());
    while records.len() < total {
        keys.seal(23, &contents, &mut records);
    }
    connection.says(CLIENT, &records);
    Tls { keylog, records, secret: secret(3) }
}

/// A WebSocket over which the client sends messages of that size, masked. Returns how many bytes they are.
pub fn websocket(path: &Path, total: usize, message: usize) -> u64 {
    let mut connection = Connection::new(path, 1448);
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: here\r\n{upgrade}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    connection.says(CLIENT, request.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\n{upgrade}Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"
    );
    connection.says(SERVER, response.as_bytes());
    let contents = noise(message);
    let mut frames = Vec::new();
    let (mut sent, mut number) = (0_u64, 0_u32);
    while (sent as usize) < total {
        number = number.wrapping_mul(2_654_435_761).wrapping_add(7);
        let mask = number.to_be_bytes();
        frames.push(0x82);
        match message {
            ..126 => frames.push(0x80 | message as u8),
            126..=0xFFFF => {
                frames.push(0x80 | 126);
                frames.extend((message as u16).to_be_bytes());
            }
            _ => {
                frames.push(0x80 | 127);
                frames.extend((message as u64).to_be_bytes());
            }
        }
        frames.extend(mask);
        frames.extend(contents.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        sent += message as u64;
    }
    connection.says(CLIENT, &frames);
    sent
}
