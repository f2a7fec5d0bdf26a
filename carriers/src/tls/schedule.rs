//! How keys are derived from secrets: the PRF up to TLS 1.2 (RFC 2246 section 5, RFC 5246 section 5), HKDF in TLS 1.3 (RFC 8446
//! section 7.1).

use hmac::{KeyInit as _, Mac as _};
use ring::hkdf::{KeyType, Prk};

use super::secrets::Secret;
use super::suite::{Hash, Suite};

/// The keys of one direction up to TLS 1.2.
pub(crate) struct Keys {
    pub(crate) mac: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) iv: Vec<u8>,
}

/// The keys of the client's direction and of the server's.
pub(crate) fn keys_12(
    suite: Suite,
    version: u16,
    master: &[u8],
    client: &[u8; 32],
    server: &[u8; 32],
) -> [Keys; 2] {
    let (mac, key, iv) = (suite.mac_key(), suite.key, suite.fixed_iv());
    let seed: [&[u8]; 3] = [b"key expansion", server, client];
    let mut block = vec![0; 2 * (mac + key + iv)];
    if version >= 0x0303 {
        p_ring(suite.hash, master, &seed, &mut block);
    } else {
        // Each half of the secret for one of the two functions; they share a byte if it has an odd number of them.
        let half = master.len().div_ceil(2);
        let (first, second) = (master.get(..half).unwrap_or_default(), master.get(master.len() - half..));
        p_ring(Hash::Sha1, second.unwrap_or_default(), &seed, &mut block);
        p_md5(first, &seed, &mut block);
    }
    let mut at = 0;
    let mut take = |count: usize| {
        let part = block.get(at..at + count).unwrap_or_default().to_vec();
        at += count;
        part
    };
    let [client_mac, server_mac] = [take(mac), take(mac)];
    let [client_key, server_key] = [take(key), take(key)];
    let [client_iv, server_iv] = [take(iv), take(iv)];
    [
        Keys { mac: client_mac, key: client_key, iv: client_iv },
        Keys { mac: server_mac, key: server_key, iv: server_iv },
    ]
}

/// P_hash of RFC 5246.
fn p_ring(hash: Hash, secret: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let key = ring::hmac::Key::new(hash.hmac(), secret);
    let sign = |parts: &[&[u8]]| {
        let mut context = ring::hmac::Context::with_key(&key);
        parts.iter().for_each(|part| context.update(part));
        context.sign()
    };
    let mut a = sign(seed);
    for chunk in out.chunks_mut(hash.length()) {
        let mut parts = vec![a.as_ref()];
        parts.extend_from_slice(seed);
        let block = sign(&parts);
        chunk.iter_mut().zip(block.as_ref()).for_each(|(byte, value)| *byte = *value);
        a = sign(&[a.as_ref()]);
    }
}

/// The same with MD5, combined with what is there by exclusive or.
fn p_md5(secret: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let sign = |parts: &[&[u8]]| {
        let mut mac = hmac::Hmac::<md5::Md5>::new_from_slice(secret).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac.finalize().into_bytes())
    };
    let Some(mut a) = sign(seed) else { return };
    for chunk in out.chunks_mut(16) {
        let mut parts = vec![a.as_slice()];
        parts.extend_from_slice(seed);
        let Some(block) = sign(&parts) else { return };
        chunk.iter_mut().zip(block).for_each(|(byte, value)| *byte ^= value);
        let Some(next) = sign(&[a.as_slice()]) else { return };
        a = next;
    }
}

/// The length of what is derived.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label without a context, in TLS 1.3 or the draft of it with that version.
pub(crate) fn expand_label(
    hash: Hash,
    version: u16,
    secret: &[u8],
    label: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let prk = Prk::new_less_safe(hash.hkdf(), secret);
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let prefix: &[u8] = if (0x7F00..0x7F14).contains(&version) { b"TLS 1.3, " } else { b"tls13 " };
    let label_length = [u8::try_from(prefix.len() + label.len()).ok()?];
    let info: [&[u8]; 5] = [&length, &label_length, prefix, label, &[0]];
    prk.expand(&info, Length(out.len())).ok()?.fill(out).ok()
}

/// The secret after a key update.
pub(crate) fn updated(hash: Hash, version: u16, secret: &Secret) -> Option<Secret> {
    let mut bytes = [0; Secret::MAX];
    let bytes = bytes.get_mut(..hash.length())?;
    expand_label(hash, version, secret.bytes(), b"traffic upd", bytes)?;
    Secret::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn labels_expand_as_in_the_example_of_rfc_8448() {
        // "Simple 1-RTT Handshake": the server's handshake traffic secret, its key and its iv.
        let secret = unhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand_label(Hash::Sha256, 0x0304, &secret, b"key", &mut key).unwrap();
        expand_label(Hash::Sha256, 0x0304, &secret, b"iv", &mut iv).unwrap();
        assert_eq!(
            (hex(&key), hex(&iv)),
            ("3fce516009c21727d0f2e4e86ee403bc".into(), "5d313eb2671276ee13000b30".into())
        );
    }

    #[test]
    fn the_prf_gives_what_the_published_vector_says() {
        // A vector for the PRF with SHA-256 that was published on the TLS working group's list.
        let secret = unhex("9bbe436ba940f017b17652849a71db35");
        let seed = unhex("a0ba9f936cda311827a6f796ffd5198c");
        let mut out = [0; 16];
        p_ring(Hash::Sha256, &secret, &[b"test label", &seed], &mut out);
        assert_eq!(hex(&out), "e3f229ba727be17b8d122620557cd453");
    }
}
