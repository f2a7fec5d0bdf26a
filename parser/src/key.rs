//! The key of authenticated messages, of any protocol. It computes and verifies tags, and never shows itself.

use alloc::string::String;
use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::hex;

/// The secret that authenticated messages are signed with. Never shown. Tags are compared in the same time wherever they
/// differ.
///
/// ```
/// use framescope_parser::Key;
///
/// let key = Key::from_hex("00112233445566778899aabbccddeeff")?;
/// assert_eq!(format!("{key:?}"), "Key(…)");
/// assert!(Key::from_hex("001").unwrap_err().contains("no pair"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of any length.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Key(bytes.into())
    }

    /// A key written as pairs of hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with the text, in a sentence.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err(String::from("the key is empty"));
        }
        if !text.len().is_multiple_of(2) {
            return Err(String::from(
                "a key is written in pairs of hexadecimal digits, and one digit has no pair",
            ));
        }
        hex::decode(text)
            .map(Key)
            .ok_or_else(|| String::from("a key is written in hexadecimal digits: 0 to 9 and a to f"))
    }

    fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        // An HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac)
    }

    /// The whole HMAC-SHA-256 over some bytes.
    ///
    /// ```
    /// use framescope_parser::Key;
    ///
    /// assert_eq!(Key::new(b"key".as_slice()).hmac_sha_256(b"")[..4], [0x5d, 0x5d, 0x13, 0x95]);
    /// ```
    pub fn hmac_sha_256(&self, bytes: &[u8]) -> [u8; 32] {
        self.hmac_sha_256_of(&[bytes])
    }

    /// The same over the bytes of all parts, one after another.
    pub(crate) fn hmac_sha_256_of(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(parts).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether `tag` is the beginning of the HMAC-SHA-256 over some bytes; takes the same time wherever they differ.
    ///
    /// ```
    /// use framescope_parser::Key;
    ///
    /// let key = Key::new(b"key".as_slice());
    /// assert!(key.verifies_hmac_sha_256(b"", &key.hmac_sha_256(b"")[..16]));
    /// assert!(!key.verifies_hmac_sha_256(b"", &[]), "an empty tag verifies nothing");
    /// ```
    pub fn verifies_hmac_sha_256(&self, bytes: &[u8], tag: &[u8]) -> bool {
        !tag.is_empty() && self.mac(&[bytes]).is_some_and(|mac| mac.verify_truncated_left(tag).is_ok())
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn keys_in_hex() {
        assert_eq!(Key::from_hex(" 00fF\n").unwrap().0, [0, 255]);
        assert!(Key::from_hex("0").is_err() && Key::from_hex("zz").is_err() && Key::from_hex("").is_err());
    }
}
