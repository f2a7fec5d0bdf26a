//! Decrypts records with the keys of one direction and epoch. The ciphers are those of `ring` and RustCrypto.

use core::ops::Range;

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt as _, InnerIvInit as _, KeyInit as _};
use ccm::Ccm;
use ccm::aead::AeadInOut as _;
use ccm::consts::{U8, U12, U16};
use ring::{aead, hmac};

use super::record::HEADER;
use super::schedule::{Keys, expand_label};
use super::suite::{Cipher, Hash, Suite};

/// Decrypts the records of one direction and epoch.
pub(crate) struct Opener {
    cipher: Opening,
    /// The beginning of each nonce up to TLS 1.2, else what is combined with the sequence number.
    iv: [u8; 12],
    layout: Layout,
}

/// Where the nonce is, and what is authenticated beside the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// The nonce's end is in the record; sequence number and header are authenticated.
    Explicit,
    /// The nonce is the sequence number combined with the iv; sequence number and header are authenticated.
    Sequence,
    /// TLS 1.3: the header is authenticated.
    Header,
    /// TLS 1.3 in drafts before the 25th: nothing is.
    Nothing,
    /// CBC.
    Blocks,
}

enum Opening {
    Ring(Box<aead::LessSafeKey>),
    Ccm128(Box<Ccm<aes::Aes128, U16, U12>>),
    Ccm256(Box<Ccm<aes::Aes256, U16, U12>>),
    Ccm128Short(Box<Ccm<aes::Aes128, U8, U12>>),
    Ccm256Short(Box<Ccm<aes::Aes256, U8, U12>>),
    Cbc(Box<Cbc>),
}

struct Cbc {
    cipher: CbcCipher,
    mac: hmac::Key,
    mac_length: usize,
    /// The first block of each record is what the first block of its content is combined with; up to TLS 1.0 it is the last
    /// of the record before.
    is_explicit: bool,
    mac_is_last: bool,
    first: [u8; 16],
}

enum CbcCipher {
    Aes128(aes::Aes128),
    Aes256(aes::Aes256),
}

/// A block of CBC.
pub(crate) type Block = [u8; 16];

impl Opener {
    /// The one of a direction up to TLS 1.2. `mac_is_last` says that the extension encrypt_then_mac was agreed on.
    pub(crate) fn of_12(suite: Suite, version: u16, keys: &Keys, mac_is_last: bool) -> Option<Opener> {
        let mut iv = [0; 12];
        iv.iter_mut().zip(&keys.iv).for_each(|(byte, value)| *byte = *value);
        let (cipher, layout) = match suite.cipher {
            Cipher::AesCbc(hash) => {
                let cbc = Cbc::new(hash, version, keys, mac_is_last)?;
                (Opening::Cbc(Box::new(cbc)), Layout::Blocks)
            }
            Cipher::ChaCha20Poly1305 => (Opening::new(suite, &keys.key)?, Layout::Sequence),
            Cipher::AesGcm | Cipher::AesCcm | Cipher::AesCcm8 => {
                (Opening::new(suite, &keys.key)?, Layout::Explicit)
            }
        };
        Some(Opener { cipher, iv, layout })
    }

    /// The one of a direction and epoch of TLS 1.3, or of one of its drafts.
    pub(crate) fn of_13(suite: Suite, version: u16, secret: &[u8]) -> Option<Opener> {
        let mut key = [0; 32];
        let key = key.get_mut(..suite.key)?;
        expand_label(suite.hash, version, secret, b"key", key)?;
        let mut iv = [0; 12];
        expand_label(suite.hash, version, secret, b"iv", &mut iv)?;
        let layout = if (0x7F00..0x7F19).contains(&version) { Layout::Nothing } else { Layout::Header };
        Some(Opener { cipher: Opening::new(suite, key)?, iv, layout })
    }

    /// The block that a record of TLS 1.0 with CBC is decrypted with, if it is the first of its epoch.
    pub(crate) fn first_block(&self) -> Block {
        match &self.cipher {
            Opening::Cbc(cbc) => cbc.first,
            _ => [0; 16],
        }
    }

    /// The last block of a record, if the next one is decrypted with it.
    pub(crate) fn last_block(&self, record: &[u8]) -> Option<Block> {
        let Opening::Cbc(cbc) = &self.cipher else { return None };
        let end = record.len().checked_sub(if cbc.mac_is_last { cbc.mac_length } else { 0 })?;
        let block = record.get(end.checked_sub(16)?..end)?;
        (!cbc.is_explicit).then(|| Block::try_from(block).ok()).flatten()
    }

    /// How many bytes of a fragment are at least no content.
    pub(crate) fn overhead(&self) -> usize {
        let tag = match &self.cipher {
            Opening::Cbc(cbc) => return cbc.mac_length + 1 + if cbc.is_explicit { 16 } else { 0 },
            Opening::Ccm128Short(_) | Opening::Ccm256Short(_) => 8,
            Opening::Ring(_) | Opening::Ccm128(_) | Opening::Ccm256(_) => 16,
        };
        tag + match self.layout {
            Layout::Explicit => 8,
            Layout::Header | Layout::Nothing => 1,
            Layout::Sequence | Layout::Blocks => 0,
        }
    }

    /// Decrypts a record into `buffer`, and says where in it the content is, in TLS 1.3 with what [`inner`] takes from it. None
    /// if it was not encrypted with these keys at this place in the sequence. `before` is the last block of the record before.
    #[inline]
    pub(crate) fn open(
        &self,
        record: &[u8],
        sequence: u64,
        before: &Block,
        buffer: &mut Vec<u8>,
    ) -> Option<Range<usize>> {
        let (header, fragment) = record.split_at_checked(HEADER)?;
        let content = match self.layout {
            Layout::Explicit => fragment.get(8..)?,
            _ => fragment,
        };
        buffer.clear();
        buffer.extend_from_slice(content);
        if let Opening::Cbc(cbc) = &self.cipher {
            return cbc.open(header, sequence, before, buffer);
        }
        let mut nonce = self.iv;
        match self.layout {
            Layout::Explicit => nonce.get_mut(4..)?.copy_from_slice(fragment.get(..8)?),
            _ => {
                let number = sequence.to_be_bytes();
                nonce.iter_mut().skip(4).zip(number).for_each(|(byte, value)| *byte ^= value);
            }
        }
        let length = content.len().checked_sub(self.cipher.tag_length())?;
        match self.layout {
            Layout::Header => self.cipher.open(nonce, header, buffer),
            Layout::Nothing => self.cipher.open(nonce, &[], buffer),
            Layout::Explicit | Layout::Sequence | Layout::Blocks => {
                self.cipher.open(nonce, &pseudo_header(sequence, header, length)?, buffer)
            }
        }
    }
}

/// Sequence number, type, version and the length of what they are about.
fn pseudo_header(sequence: u64, header: &[u8], length: usize) -> Option<[u8; 13]> {
    let mut all = [0; 13];
    all.get_mut(..8)?.copy_from_slice(&sequence.to_be_bytes());
    all.get_mut(8..11)?.copy_from_slice(header.get(..3)?);
    all.get_mut(11..)?.copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
    Some(all)
}

impl Opening {
    fn new(suite: Suite, key: &[u8]) -> Option<Opening> {
        let ring = |algorithm: &'static aead::Algorithm| {
            let key = aead::UnboundKey::new(algorithm, key).ok()?;
            Some(Opening::Ring(Box::new(aead::LessSafeKey::new(key))))
        };
        match (suite.cipher, key.len()) {
            (Cipher::AesGcm, 16) => ring(&aead::AES_128_GCM),
            (Cipher::AesGcm, 32) => ring(&aead::AES_256_GCM),
            (Cipher::ChaCha20Poly1305, 32) => ring(&aead::CHACHA20_POLY1305),
            (Cipher::AesCcm, 16) => Some(Opening::Ccm128(Box::new(Ccm::new_from_slice(key).ok()?))),
            (Cipher::AesCcm, 32) => Some(Opening::Ccm256(Box::new(Ccm::new_from_slice(key).ok()?))),
            (Cipher::AesCcm8, 16) => Some(Opening::Ccm128Short(Box::new(Ccm::new_from_slice(key).ok()?))),
            (Cipher::AesCcm8, 32) => Some(Opening::Ccm256Short(Box::new(Ccm::new_from_slice(key).ok()?))),
            _ => None,
        }
    }

    fn tag_length(&self) -> usize {
        match self {
            Opening::Ccm128Short(_) | Opening::Ccm256Short(_) => 8,
            _ => 16,
        }
    }

    /// Decrypts in place.
    fn open(&self, nonce: [u8; 12], about: &[u8], buffer: &mut Vec<u8>) -> Option<Range<usize>> {
        let ok = match self {
            Opening::Ring(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, aead::Aad::from(about), buffer.as_mut_slice()).ok()?;
                return Some(0..opened.len());
            }
            Opening::Ccm128(ccm) => ccm.decrypt_in_place(&nonce.into(), about, buffer),
            Opening::Ccm256(ccm) => ccm.decrypt_in_place(&nonce.into(), about, buffer),
            Opening::Ccm128Short(ccm) => ccm.decrypt_in_place(&nonce.into(), about, buffer),
            Opening::Ccm256Short(ccm) => ccm.decrypt_in_place(&nonce.into(), about, buffer),
            Opening::Cbc(_) => return None,
        };
        ok.ok()?;
        Some(0..buffer.len())
    }
}

impl Cbc {
    fn new(hash: Hash, version: u16, keys: &Keys, mac_is_last: bool) -> Option<Cbc> {
        let cipher = match keys.key.len() {
            16 => CbcCipher::Aes128(aes::Aes128::new_from_slice(&keys.key).ok()?),
            32 => CbcCipher::Aes256(aes::Aes256::new_from_slice(&keys.key).ok()?),
            _ => return None,
        };
        let first = Block::try_from(keys.iv.as_slice()).ok()?;
        let mac = hmac::Key::new(hash.hmac(), &keys.mac);
        Some(Cbc {
            cipher,
            mac,
            mac_length: hash.length(),
            is_explicit: version >= 0x0302,
            mac_is_last,
            first,
        })
    }

    /// Decrypts the fragment in `buffer` in place.
    fn open(&self, header: &[u8], sequence: u64, before: &Block, buffer: &mut [u8]) -> Option<Range<usize>> {
        let buffer = if self.mac_is_last {
            let (encrypted, mac) = buffer.split_at_mut_checked(buffer.len().checked_sub(self.mac_length)?)?;
            self.verify(header, sequence, encrypted, mac)?;
            encrypted
        } else {
            buffer
        };
        let (first, blocks) = match self.is_explicit {
            true => buffer.split_at_mut_checked(16)?,
            false => buffer.split_at_mut_checked(0)?,
        };
        let start = first.len();
        let first = if self.is_explicit { Block::try_from(&*first).ok()? } else { *before };
        let plain = match &self.cipher {
            CbcCipher::Aes128(aes) => cbc::Decryptor::inner_iv_init(aes.clone(), &first.into())
                .decrypt_padded::<NoPadding>(blocks)
                .ok()?,
            CbcCipher::Aes256(aes) => cbc::Decryptor::inner_iv_init(aes.clone(), &first.into())
                .decrypt_padded::<NoPadding>(blocks)
                .ok()?,
        };
        let padding = *plain.last()?;
        let unpadded = plain.len().checked_sub(usize::from(padding) + 1)?;
        let (content, padded) = plain.split_at_checked(unpadded)?;
        if padded.iter().any(|&byte| byte != padding) {
            return None;
        }
        if self.mac_is_last {
            return Some(start..start + content.len());
        }
        let (content, mac) = content.split_at_checked(content.len().checked_sub(self.mac_length)?)?;
        self.verify(header, sequence, content, mac)?;
        Some(start..start + content.len())
    }

    fn verify(&self, header: &[u8], sequence: u64, bytes: &[u8], mac: &[u8]) -> Option<()> {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(&pseudo_header(sequence, header, bytes.len())?);
        context.update(bytes);
        (context.sign().as_ref() == mac).then_some(())
    }
}

/// The content of a decrypted record of TLS 1.3 and its type; None if it has none.
pub(crate) fn inner(plain: &[u8]) -> Option<(u8, &[u8])> {
    let end = plain.iter().rposition(|&byte| byte != 0)?;
    let (content, kind) = plain.split_at_checked(end)?;
    Some((*kind.first()?, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_not_content() {
        assert_eq!(inner(b"hi\x17\0\0"), Some((23, &b"hi"[..])));
        assert_eq!(inner(b"\x16"), Some((22, &b""[..])));
        assert_eq!(inner(b"\0\0"), None);
        assert_eq!(inner(b""), None);
    }

    #[test]
    fn what_ring_encrypts_is_decrypted_at_its_place_only() {
        let suite = Suite::of(0x1301).unwrap();
        let secret = [7; 32];
        let opener = Opener::of_13(suite, 0x0304, &secret).unwrap();
        let mut key = [0; 16];
        expand_label(Hash::Sha256, 0x0304, &secret, b"key", &mut key).unwrap();
        let mut nonce = [0; 12];
        expand_label(Hash::Sha256, 0x0304, &secret, b"iv", &mut nonce).unwrap();
        nonce[11] ^= 5;
        let sealer = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key).unwrap());
        let mut fragment = b"content\x17".to_vec();
        let header = [23, 3, 3, 0, 24];
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        sealer.seal_in_place_append_tag(nonce, aead::Aad::from(&header), &mut fragment).unwrap();
        let record = [&header[..], &fragment].concat();
        let mut buffer = Vec::new();
        assert_eq!(opener.open(&record, 5, &[0; 16], &mut buffer), Some(0..8));
        assert_eq!(inner(&buffer[..8]), Some((23, &b"content"[..])));
        assert_eq!(opener.open(&record, 4, &[0; 16], &mut buffer), None);
        assert_eq!(opener.open(&record[..20], 5, &[0; 16], &mut buffer), None);
        assert_eq!(opener.overhead(), 17);
    }
}
