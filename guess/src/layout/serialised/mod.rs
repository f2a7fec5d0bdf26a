//! Known serialisations: whether bytes are complete values of one, and how unlikely that is by chance.

mod amf;
mod ber;
mod bson;
mod capn_proto;
mod cbor;
mod json;
mod message_pack;
mod pickle;
mod protobuf;
mod thrift;

use super::field::Serialisation;

/// Bits of evidence that bytes are complete values, if they are.
type Recognise = fn(&[u8]) -> Option<f64>;

/// The serialisations, and what recognises one: bits of evidence if the bytes are complete values, else nothing.
pub(super) const KNOWN: [(Serialisation, Recognise); 11] = [
    (Serialisation::Json, json::json),
    (Serialisation::Bson, bson::bson),
    (Serialisation::Pickle, pickle::pickle),
    (Serialisation::MessagePack, message_pack::message_pack),
    (Serialisation::Cbor, cbor::cbor),
    (Serialisation::Ber, ber::ber),
    (Serialisation::CapnProto, capn_proto::capn_proto),
    (Serialisation::Thrift, thrift::thrift),
    (Serialisation::Amf, amf::amf),
    (Serialisation::ThriftCompact, thrift::thrift_compact),
    (Serialisation::Protobuf, protobuf::protobuf),
];

/// Deeper values are not believed.
const DEPTH: usize = 64;

/// Bytes that are read from the front.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        let value = self.take(width)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    }

    /// What follows the first character of a word.
    fn literal(&mut self, word: &str) -> Option<()> {
        let left = word.as_bytes().get(1..)?;
        (self.take(left.len())? == left).then_some(())
    }

    fn text(&mut self, length: usize) -> Option<()> {
        std::str::from_utf8(self.take(length)?).ok().map(|_| ())
    }
}

/// A varint that is not longer than it must be.
fn varint(reader: &mut Reader<'_>) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = reader.byte()?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return (byte != 0 || place == 0).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_values_are_recognised_and_cut_ones_are_not() {
        let cases: [(Serialisation, &[u8]); 13] = [
            (Serialisation::Json, br#"{"a": [1, -2.5e3, true, null], "b": "\"x"}"#),
            (Serialisation::Bson, b"\x0d\0\0\0\x10ab\0\x01\0\0\0\0"),
            (Serialisation::MessagePack, b"\x82\xa1a\x01\xa1b\x92\xc3\xcd\x01\x00"),
            (Serialisation::Cbor, b"\xa2\x61a\x01\x61b\x82\xf5\x19\x01\x00"),
            (Serialisation::Ber, b"\x30\x08\x02\x01\x05\x04\x03abc"),
            (Serialisation::Protobuf, b"\x08\x96\x01\x12\x03abc\x1d\0\0\0\0"),
            (Serialisation::Pickle, b"\x80\x04\x95!\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94]\x94(K\x01G@\x04\0\0\0\0\0\0Ne\x8c\x01b\x94\x8c\x01x\x94u."),
            (Serialisation::Pickle, b"\x80\x02K\x01}q\0X\x01\0\0\0kq\x01c_codecs\nencode\nq\x02X\x02\0\0\0xyq\x03\x85Rs\x86."),
            // A structure of a number, a text, a list of two structures and a list of numbers, as pycapnp writes it.
            (Serialisation::CapnProto, b"\0\0\0\0\x11\0\0\0\0\0\0\0\x01\0\x03\0\x07\0\0\0\0\0\0\0\x09\0\0\0\x22\0\0\0\x09\0\0\0G\0\0\0\x2d\
              \0\0\0\x1b\0\0\0ada\0\0\0\0\0\x08\0\0\0\x01\0\x03\0\0\0\0\0\0\0\0\0\x19\0\0\0\x12\0\0\0\0\0\0\0\0\
              \0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0b\0\0\0\0\
              \0\0\0\x01\0\x02\0\x03\0\0\0"),
            (Serialisation::Thrift, b"\x80\x01\0\x01\0\0\0\x03say\0\0\0\x05\x0b\0\x01\0\0\0\x03ada\x02\0\x03\x01\x0f\0\x04\x08\0\0\0\x01\0\0\0\x01\x0d\0\x05\x0b\x02\0\0\0\x01\0\0\0\x01k\0\0"),
            (Serialisation::ThriftCompact, b"\x82\x21\x05\x03say\x18\x03ada\x15\xd8\x04\x11\x19\x26\x02\x04\x1b\x01\x81\x01k\x02\0"),
            (Serialisation::ThriftCompact, b"\x18\x03ada\x15\xd8\x04\x11\x19\x26\x02\x04\0"),
            (Serialisation::Amf, b"\x02\0\x07connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live\0\x02ok\x01\x01\0\0\x09\x0a\0\0\0\x01\x05"),
        ];
        for (wanted, bytes) in cases {
            for (kind, recognise) in KNOWN {
                if kind == wanted {
                    assert!(recognise(bytes).is_some(), "{kind:?}");
                    assert!(recognise(&bytes[..bytes.len() - 1]).is_none(), "{kind:?}");
                    assert!(recognise(&[bytes, &[0xff]].concat()).is_none(), "{kind:?}");
                }
            }
        }
    }

    #[test]
    fn values_that_nest_without_end_are_not_followed() {
        assert!(json::json(&[b'['; 100_000]).is_none());
        assert!(message_pack::message_pack(&[0x91; 100_000]).is_none());
        assert!(cbor::cbor(&[0x81; 100_000]).is_none());
        assert!(
            thrift::thrift(&[&[0x0b, 0, 1, 0, 0, 0, 0][..], &[0x0c, 0, 1].repeat(50_000)].concat()).is_none()
        );
        assert!(thrift::thrift_compact(&[0x1c; 100_000]).is_none());
        assert!(amf::amf(&[10, 0, 0, 0, 1].repeat(20_000)).is_none());
    }

    #[test]
    fn pointers_that_lead_to_the_same_place_again_are_followed_only_so_often() {
        // Forty structures of two pointers, both to the next.
        let mut bytes = [0u32.to_le_bytes(), 81u32.to_le_bytes()].concat();
        bytes.extend((2u64 << 48).to_le_bytes());
        for _ in 0..40 {
            bytes.extend((1 << 2 | 2u64 << 48).to_le_bytes());
            bytes.extend((2u64 << 48).to_le_bytes());
        }
        assert_eq!(capn_proto::capn_proto(&bytes), None);
    }
}
