//! ad hoc
use framescope_carriers::tls::{Secrets, Tls};
use framescope_parser::{Carried, Channel, Code, Framer, Protocol, Role, Sentence, Speaker};
use ring::{aead, hkdf};
use std::sync::Arc;
use std::time::Instant;

struct Count(u64);
impl Carried for Count {
    fn room(&self) -> usize {
        usize::MAX
    }
    fn open(&mut self, _: u64, c: Channel) {
        println!("{c:?}");
    }
    fn verbatim(&mut self, _: u64, _: Role, _: usize, b: &[u8]) {
        self.0 += b.len() as u64
    }
    fn bytes(&mut self, ch: u64, _: Role, b: &[u8]) {
        if ch == 0 {
            self.0 += b.len() as u64
        }
    }
    fn end_message(&mut self, _: u64, _: Role) {}
    fn lost(&mut self, _: u64, _: Role, _: u64) {}
    fn end(&mut self, _: u64, _: Role) {}
    fn problem(&mut self, c: Code, t: Sentence) {
        println!("{c} {t}")
    }
}
struct Len(usize);
impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}
fn expand(secret: &[u8], label: &[u8], len: usize) -> Vec<u8> {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret);
    let mut out = vec![0; len];
    prk.expand(&[&(len as u16).to_be_bytes(), &[6 + label.len() as u8], b"tls13 ", label, &[0]], Len(len))
        .unwrap()
        .fill(&mut out)
        .unwrap();
    out
}
fn hs(kind: u8, body: &[u8]) -> Vec<u8> {
    let m = [&[kind, 0, (body.len() >> 8) as u8, body.len() as u8][..], body].concat();
    [&[22, 3, 3, (m.len() >> 8) as u8, m.len() as u8][..], &m].concat()
}
fn main() {
    let size: usize = std::env::args().nth(1).map_or(16384, |a| a.parse().unwrap());
    let total: usize = 1 << 30;
    let random = [7u8; 32];
    let hex = |b: &[u8]| b.iter().map(|x| format!("{x:02x}")).collect::<String>();
    let secrets = Secrets::new();
    for (l, s) in [
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", [1u8; 32]),
        ("SERVER_TRAFFIC_SECRET_0", [2; 32]),
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", [3; 32]),
        ("CLIENT_TRAFFIC_SECRET_0", [4; 32]),
    ] {
        secrets.add_text("x", &format!("{l} {} {}\n", hex(&random), hex(&s)));
    }
    let ch = hs(1, &[&[3, 3][..], &random, &[0, 0, 2, 0x13, 1, 1, 0, 0, 7, 0, 43, 0, 3, 2, 3, 4]].concat());
    let sh = hs(2, &[&[3, 3][..], &[9; 32], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]].concat());
    let seal = |secret: &[u8; 32], seq: u64, kind: u8, data: &[u8]| {
        let key = aead::LessSafeKey::new(
            aead::UnboundKey::new(&aead::AES_128_GCM, &expand(secret, b"key", 16)).unwrap(),
        );
        let iv = expand(secret, b"iv", 12);
        let mut n = [0u8; 12];
        n.copy_from_slice(&iv);
        for (i, b) in seq.to_be_bytes().iter().enumerate() {
            n[4 + i] ^= b
        }
        let mut body = [data, &[kind]].concat();
        let len = body.len() + 16;
        let head = [23, 3, 3, (len >> 8) as u8, len as u8];
        key.seal_in_place_append_tag(
            aead::Nonce::assume_unique_for_key(n),
            aead::Aad::from(&head),
            &mut body,
        )
        .unwrap();
        [&head[..], &body].concat()
    };
    let fin = seal(&[1; 32], 0, 22, &[20, 0, 0, 2, 1, 1]);
    let count = total / size / 16;
    let mut stream = Vec::new();
    for i in 0..count {
        stream.extend(seal(&[2; 32], i as u64, 23, &vec![i as u8; size]));
    }
    let key = aead::LessSafeKey::new(
        aead::UnboundKey::new(&aead::AES_128_GCM, &expand(&[2; 32], b"key", 16)).unwrap(),
    );
    let iv = expand(&[2; 32], b"iv", 12);
    for _ in 0..3 {
        // AEAD alone
        let mut buf = Vec::new();
        let t = Instant::now();
        for _ in 0..16 {
            let mut at = 0;
            let mut seq = 0u64;
            while at < stream.len() {
                let len = usize::from(u16::from_be_bytes([stream[at + 3], stream[at + 4]]));
                buf.clear();
                buf.extend_from_slice(&stream[at + 5..at + 5 + len]);
                let mut n = [0u8; 12];
                n.copy_from_slice(&iv);
                for (i, b) in seq.to_be_bytes().iter().enumerate() {
                    n[4 + i] ^= b
                }
                key.open_in_place(
                    aead::Nonce::assume_unique_for_key(n),
                    aead::Aad::from(&stream[at..at + 5]),
                    &mut buf,
                )
                .unwrap();
                at += 5 + len;
                seq += 1;
            }
        }
        let aead_time = t.elapsed();
        let tls = Tls::new(Arc::new(Secrets::new()));
        let _ = tls;
        let mut spent = std::time::Duration::ZERO;
        let mut sum = 0;
        for _ in 0..16 {
            let s = Secrets::new();
            for (l, x) in
                [("SERVER_HANDSHAKE_TRAFFIC_SECRET", [1u8; 32]), ("SERVER_TRAFFIC_SECRET_0", [2; 32])]
            {
                s.add_text("x", &format!("{l} {} {}\n", hex(&random), hex(&x)));
            }
            let tls = Tls::new(Arc::new(s));
            let mut c = tls.conversation().unwrap();
            let mut to = Count(0);
            let mut framers = [Framer::default(), Framer::default()];
            let t = Instant::now();
            for (role, bytes) in [(Role::Client, &ch), (Role::Server, &sh), (Role::Server, &fin)] {
                let sp = Speaker::new(&mut *c, role, &tls, &[]).carrying(&mut to);
                framers[role.index()].segment_of(&sp, bytes, &mut |_, _| {});
            }
            let sp = Speaker::new(&mut *c, Role::Server, &tls, &[]).carrying(&mut to);
            for part in stream.chunks(1448) {
                framers[1].segment_of(&sp, part, &mut |_, _| {});
            }
            drop(sp);
            spent += t.elapsed();
            sum += to.0;
        }
        println!(
            "aead {aead_time:?} ours {spent:?} {:.2} bytes {sum}",
            aead_time.as_secs_f64() / spent.as_secs_f64()
        );
    }
}
