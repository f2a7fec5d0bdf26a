//! Bytes as text of pairs of hexadecimal digits, and back.

use alloc::vec::Vec;
use core::fmt;

/// Shows bytes as pairs of hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The bytes that pairs of hexadecimal digits stand for, if that is what `text` is.
///
/// ```
/// use framescope_parser::hex;
///
/// assert_eq!(hex::decode("00fF"), Some(vec![0, 255]));
/// assert_eq!((hex::decode("0"), hex::decode("+1")), (None, None));
/// ```
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// Bytes as data, for serde.
#[cfg(feature = "serde")]
mod data {
    use alloc::format;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    use super::*;

    struct Pairs;

    impl Visitor<'_> for Pairs {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("pairs of hexadecimal digits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            let expected = || E::custom(format!("expected pairs of hexadecimal digits, found {text:?}"));
            decode(text).ok_or_else(expected)
        }
    }

    /// For bytes.
    pub(crate) mod bytes {
        use super::*;

        pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&Hex(bytes))
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
            deserializer.deserialize_str(Pairs)
        }
    }

    /// For a tag: none is an empty one.
    pub(crate) mod tag {
        use super::*;

        pub(crate) fn serialize<S: Serializer>(
            tag: &Option<[u8; 16]>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            bytes::serialize(tag.as_ref().map_or(&[], |tag| &tag[..]), serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<[u8; 16]>, D::Error> {
            let bytes = bytes::deserialize(deserializer)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let tag = bytes.as_slice().try_into().map(Some);
            tag.map_err(|_| D::Error::custom(format!("a tag has 16 bytes; here are {}", bytes.len())))
        }
    }
}

#[cfg(feature = "serde")]
pub(crate) use data::{bytes, tag};
