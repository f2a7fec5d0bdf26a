//! What the two sides of a connection agreed on, as the hellos and the server's extensions say it.

use std::sync::Arc;

use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use super::secrets::Random;
use super::suite::Suite;

/// The ServerHello that is a HelloRetryRequest has this random number: SHA-256 of "HelloRetryRequest".
pub(crate) const RETRY: Random = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// The most names of protocols, and suites, that are stored of a ClientHello.
const MAX_OFFERED: usize = 16;
/// A name longer than this is not stored.
const MAX_NAME: usize = 255;

/// What is known of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) client_random: Option<Random>,
    pub(crate) server_random: Option<Random>,
    /// The version that was chosen; 0 before it is known.
    pub(crate) version: u16,
    /// The suite that was chosen; 0 before it is known.
    pub(crate) cipher: u16,
    /// Whether records are compressed before they are encrypted.
    pub(crate) is_compressed: bool,
    pub(crate) mac_is_last: bool,
    pub(crate) sni: Option<Arc<str>>,
    pub(crate) alpn: Option<Arc<str>>,
    pub(crate) offered_alpn: Vec<Arc<str>>,
    /// The suites of TLS 1.3 that the client offers.
    pub(crate) offered: Vec<u16>,
    pub(crate) offers_13: bool,
    pub(crate) early_data: bool,
}

impl Agreed {
    /// Whether it is known to be TLS 1.3 or a draft of it.
    pub(crate) fn is_13(&self) -> bool {
        is_13(self.version)
    }

    /// The suite that was chosen, if it is decrypted here.
    pub(crate) fn suite(&self) -> Option<Suite> {
        Suite::of(self.cipher).filter(|suite| suite.is_13 == self.is_13() && !self.is_compressed)
    }

    /// Takes the contents of a ClientHello. False if it can't be read.
    pub(crate) fn client_hello(&mut self, contents: &[u8]) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_client_hello(contents) else { return false };
        let Ok(random) = Random::try_from(hello.random) else { return false };
        let is_13 = |cipher: &u16| cipher >> 8 == 0x13;
        *self = Agreed {
            client_random: Some(random),
            sni: self.sni.take(),
            offered: hello.ciphers.iter().map(|cipher| cipher.0).filter(is_13).take(MAX_OFFERED).collect(),
            ..Agreed::default()
        };
        for (kind, contents) in Extensions(hello.ext.unwrap_or_default()) {
            match kind {
                0 => self.sni = host_name(contents).or(self.sni.take()),
                16 => self.offered_alpn = alpn(contents).take(MAX_OFFERED).map(Arc::from).collect(),
                42 => self.early_data = true,
                43 => {
                    let versions = contents.get(1..).unwrap_or_default().chunks_exact(2);
                    self.offers_13 = versions.into_iter().any(is_13_bytes);
                }
                _ => {}
            }
        }
        true
    }

    /// Takes the contents of a ServerHello. None if it can't be read; false if it asks for another ClientHello.
    pub(crate) fn server_hello(&mut self, contents: &[u8]) -> Option<bool> {
        let (random, extensions) = match is_short_hello(contents) {
            true => self.short_server_hello(contents)?,
            false => {
                let (_, hello) = parse_tls_handshake_server_hello(contents).ok()?;
                (self.version, self.cipher) = (hello.version.0, hello.cipher.0);
                self.is_compressed = hello.compression.0 != 0;
                (Random::try_from(hello.random).ok()?, hello.ext.unwrap_or_default())
            }
        };
        self.mac_is_last = false;
        for (kind, contents) in Extensions(extensions) {
            match kind {
                16 => self.alpn = alpn(contents).next().map(Arc::from).or(self.alpn.take()),
                22 => self.mac_is_last = true,
                43 => {
                    if let &[major, minor] = contents {
                        self.version = u16::from_be_bytes([major, minor]);
                    }
                }
                _ => {}
            }
        }
        let is_retry = random == RETRY;
        if !is_retry {
            self.server_random = Some(random);
        }
        Some(!is_retry)
    }

    /// What a ServerHello of an early draft says: its random number, and its extensions.
    fn short_server_hello<'a>(&mut self, contents: &'a [u8]) -> Option<(Random, &'a [u8])> {
        let (&version, rest) = contents.split_first_chunk()?;
        let (&random, rest) = rest.split_first_chunk::<32>()?;
        let (&cipher, rest) = rest.split_first_chunk()?;
        (self.version, self.cipher) = (u16::from_be_bytes(version), u16::from_be_bytes(cipher));
        self.is_compressed = false;
        Some((random, rest.get(2..).unwrap_or_default()))
    }

    /// Takes the contents of EncryptedExtensions.
    pub(crate) fn encrypted_extensions(&mut self, contents: &[u8]) {
        for (kind, contents) in Extensions(contents.get(2..).unwrap_or_default()) {
            if kind == 16 {
                self.alpn = alpn(contents).next().map(Arc::from);
            }
        }
    }

    /// Whether the server says that it would have spoken a newer version than it chose, to a client that offered it.
    pub(crate) fn is_downgraded(&self) -> bool {
        let says_so = self.server_random.is_some_and(|random| random.get(24..31) == Some(b"DOWNGRD"));
        says_so && self.offers_13 && !self.is_13()
    }

    /// The protocol that the two sides agreed on, or the only one that was offered.
    pub(crate) fn application_protocol(&self) -> Option<&str> {
        match (&self.alpn, self.offered_alpn.as_slice()) {
            (Some(alpn), _) => Some(alpn),
            // What is sent before the server's answer is in the protocol of the session before.
            (None, [only]) if self.early_data => Some(only),
            _ => None,
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let names = self.offered_alpn.iter().map(|name| name.len() + 32).sum::<usize>();
        size_of::<Agreed>() + names + 2 * self.offered.len() + 2 * MAX_NAME
    }
}

/// Whether a ServerHello is one of a draft of TLS 1.3 before the 22nd: without a session and a compression method.
pub(crate) fn is_short_hello(contents: &[u8]) -> bool {
    matches!(contents, [0x7F, 0x00..0x16, ..])
}

fn is_13(version: u16) -> bool {
    version == 0x0304 || version >> 8 == 0x7F
}

fn is_13_bytes(version: &[u8]) -> bool {
    matches!(version, &[major, minor] if is_13(u16::from_be_bytes([major, minor])))
}

/// The extensions of a handshake message, as far as their lengths hold.
pub(crate) struct Extensions<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (&[a, b, c, d], rest) = self.0.split_first_chunk()?;
        let (contents, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
        self.0 = rest;
        Some((u16::from_be_bytes([a, b]), contents))
    }
}

/// The host that the client means.
fn host_name(contents: &[u8]) -> Option<Arc<str>> {
    let (&[_, _, 0, high, low], rest) = contents.split_first_chunk()? else { return None };
    let name = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
    core::str::from_utf8(name).ok().filter(|name| name.len() <= MAX_NAME).map(Arc::from)
}

/// The names of application protocols, as far as they are text.
fn alpn(contents: &[u8]) -> impl Iterator<Item = &str> {
    let mut rest = contents.get(2..).unwrap_or_default();
    core::iter::from_fn(move || {
        let (&length, more) = rest.split_first()?;
        let (name, more) = more.split_at_checked(length.into())?;
        rest = more;
        core::str::from_utf8(name).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_of_an_early_draft_is_shorter() {
        let mut agreed = Agreed::default();
        let contents = [&[0x7F, 0x14][..], &[7; 32], &[0x13, 0x03, 0, 0]].concat();
        assert_eq!(agreed.server_hello(&contents), Some(true));
        assert_eq!((agreed.version, agreed.cipher, agreed.is_13()), (0x7F14, 0x1303, true));
        assert!(agreed.suite().is_some());
        assert_eq!(agreed.server_hello(&contents[..20]), None);
    }

    #[test]
    fn a_downgrade_shows_by_the_end_of_the_random_number() {
        let random = [&[7; 24][..], b"DOWNGRD\x01"].concat();
        let hello = [&[3, 3][..], &random, &[0, 0xC0, 0x2F, 0]].concat();
        let mut agreed = Agreed { offers_13: true, ..Agreed::default() };
        assert_eq!(agreed.server_hello(&hello), Some(true));
        assert!(agreed.is_downgraded());
        agreed.offers_13 = false;
        assert!(!agreed.is_downgraded());
    }
}
