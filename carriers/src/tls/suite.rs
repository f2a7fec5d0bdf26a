//! What a cipher suite consists of, as far as it is decrypted here.

use ring::{hkdf, hmac};
use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherKx, TlsCipherMac, TlsCipherSuite};

/// The cipher of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    AesGcm,
    AesCcm,
    /// With a tag of 8 bytes.
    AesCcm8,
    ChaCha20Poly1305,
    /// With HMAC.
    AesCbc(Hash),
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    pub(crate) fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
        }
    }

    pub(crate) fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Hash::Sha1 => hkdf::HKDF_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hkdf::HKDF_SHA256,
            Hash::Sha384 => hkdf::HKDF_SHA384,
        }
    }

    /// How many bytes it gives.
    pub(crate) fn length(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }
}

/// A cipher suite that is decrypted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) cipher: Cipher,
    /// The length of a key of the cipher, in bytes.
    pub(crate) key: usize,
    /// The hash that keys are derived with, from TLS 1.2 on.
    pub(crate) hash: Hash,
    /// Whether it is one of TLS 1.3.
    pub(crate) is_13: bool,
}

impl Suite {
    /// The suite with that number; None if it is not decrypted here.
    pub(crate) fn of(number: u16) -> Option<Suite> {
        let suite = TlsCipherSuite::from_id(number)?;
        let cipher = match (suite.enc, suite.enc_mode, suite.mac) {
            (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, _) => Cipher::AesGcm,
            (TlsCipherEnc::Aes, TlsCipherEncMode::Ccm, _) if is_short(suite.name) => Cipher::AesCcm8,
            (TlsCipherEnc::Aes, TlsCipherEncMode::Ccm, _) => Cipher::AesCcm,
            (TlsCipherEnc::Chacha20_Poly1305, ..) => Cipher::ChaCha20Poly1305,
            (TlsCipherEnc::Aes, TlsCipherEncMode::Cbc, TlsCipherMac::HmacSha1) => Cipher::AesCbc(Hash::Sha1),
            (TlsCipherEnc::Aes, TlsCipherEncMode::Cbc, TlsCipherMac::HmacSha256) => {
                Cipher::AesCbc(Hash::Sha256)
            }
            (TlsCipherEnc::Aes, TlsCipherEncMode::Cbc, TlsCipherMac::HmacSha384) => {
                Cipher::AesCbc(Hash::Sha384)
            }
            _ => return None,
        };
        // RFC 5246 and those after it: SHA-256, unless the name says more.
        let hash = if suite.name.ends_with("SHA384") { Hash::Sha384 } else { Hash::Sha256 };
        let key = match cipher {
            Cipher::ChaCha20Poly1305 => 32,
            _ => usize::from(suite.enc_size) / 8,
        };
        let is_known = matches!(key, 16 | 32);
        is_known.then_some(Suite { cipher, key, hash, is_13: suite.kx == TlsCipherKx::Tls13 })
    }

    /// How many bytes the key that a message authentication code is computed with has.
    pub(crate) fn mac_key(self) -> usize {
        match self.cipher {
            Cipher::AesCbc(hash) => hash.length(),
            _ => 0,
        }
    }

    /// How many bytes of a nonce, or of what a block begins with, are derived up to TLS 1.2.
    pub(crate) fn fixed_iv(self) -> usize {
        match self.cipher {
            Cipher::AesGcm | Cipher::AesCcm | Cipher::AesCcm8 => 4,
            Cipher::ChaCha20Poly1305 => 12,
            Cipher::AesCbc(_) => 16,
        }
    }
}

fn is_short(name: &str) -> bool {
    name.contains("CCM_8") || name.contains("CCM8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_what_their_names_say() {
        let suite = |cipher, key, hash, is_13| Some(Suite { cipher, key, hash, is_13 });
        for (number, expected) in [
            (0x1301, suite(Cipher::AesGcm, 16, Hash::Sha256, true)),
            (0x1302, suite(Cipher::AesGcm, 32, Hash::Sha384, true)),
            (0x1303, suite(Cipher::ChaCha20Poly1305, 32, Hash::Sha256, true)),
            (0x1304, suite(Cipher::AesCcm, 16, Hash::Sha256, true)),
            (0x1305, suite(Cipher::AesCcm8, 16, Hash::Sha256, true)),
            (0xC02F, suite(Cipher::AesGcm, 16, Hash::Sha256, false)),
            (0xC030, suite(Cipher::AesGcm, 32, Hash::Sha384, false)),
            (0xCCA8, suite(Cipher::ChaCha20Poly1305, 32, Hash::Sha256, false)),
            (0xCCAA, suite(Cipher::ChaCha20Poly1305, 32, Hash::Sha256, false)),
            (0x002F, suite(Cipher::AesCbc(Hash::Sha1), 16, Hash::Sha256, false)),
            (0x0035, suite(Cipher::AesCbc(Hash::Sha1), 32, Hash::Sha256, false)),
            (0x003D, suite(Cipher::AesCbc(Hash::Sha256), 32, Hash::Sha256, false)),
            (0xC027, suite(Cipher::AesCbc(Hash::Sha256), 16, Hash::Sha256, false)),
            (0xC028, suite(Cipher::AesCbc(Hash::Sha384), 32, Hash::Sha384, false)),
            (0xC09C, suite(Cipher::AesCcm, 16, Hash::Sha256, false)),
            (0xC09D, suite(Cipher::AesCcm, 32, Hash::Sha256, false)),
            (0xC0A0, suite(Cipher::AesCcm8, 16, Hash::Sha256, false)),
            (0xC0A3, suite(Cipher::AesCcm8, 32, Hash::Sha256, false)),
            (0xC0AC, suite(Cipher::AesCcm, 16, Hash::Sha256, false)),
            (0xC0AF, suite(Cipher::AesCcm8, 32, Hash::Sha256, false)),
            // RC4, 3DES, Camellia, ARIA, NULL, nothing.
            (0x0005, None),
            (0x000A, None),
            (0x0041, None),
            (0xC050, None),
            (0x0002, None),
            (0x0000, None),
        ] {
            assert_eq!(Suite::of(number), expected, "{number:#06x}");
        }
    }
}
