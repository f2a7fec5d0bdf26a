//! Bytes as data: pairs of hexadecimal digits where a person may read them, else bytes.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};

fn write<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&Hex(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_str(Text)
    } else {
        deserializer.deserialize_byte_buf(Text)
    }
}

/// Shows bytes as pairs of hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pairs of hexadecimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        let pair = |pair: &[u8]| {
            let digits = core::str::from_utf8(pair).ok().filter(|digits| !digits.starts_with('+'));
            u8::from_str_radix(digits?, 16).ok()
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes
            .filter(|_| text.len().is_multiple_of(2))
            .ok_or_else(|| E::custom(format!("expected pairs of hexadecimal digits, found {text:?}")))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Vec<u8>, A::Error> {
        let mut out = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            out.push(byte);
        }
        Ok(out)
    }
}

/// For bytes.
pub(crate) mod bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        write(bytes, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        read(deserializer)
    }
}

/// For a tag: none is an empty one.
pub(crate) mod tag {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(tag: &Option<[u8; 16]>, serializer: S) -> Result<S::Ok, S::Error> {
        write(tag.as_ref().map_or(&[], |tag| &tag[..]), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[u8; 16]>, D::Error> {
        let bytes = read(deserializer)?;
        match bytes.len() {
            0 => Ok(None),
            _ => bytes
                .as_slice()
                .try_into()
                .map(Some)
                .map_err(|_| D::Error::custom(format!("a tag has 16 bytes; here are {}", bytes.len()))),
        }
    }
}
