//! Protocol Buffers without their schema: fields one after another.

use super::{Reader, varint};

pub(super) fn protobuf(bytes: &[u8]) -> Option<f64> {
    let mut reader = Reader(bytes);
    let (mut last, mut bits) = (0, 0.0);
    while !reader.0.is_empty() {
        let tag = varint(&mut reader)?;
        let field = tag >> 3;
        // Encoders write the fields in order, and numbers over a hundred are rare.
        if field == 0 || field > 200 || field < last {
            return None;
        }
        last = field;
        match tag & 7 {
            0 => {
                varint(&mut reader)?;
                bits += 2.0;
            }
            1 => {
                reader.take(8)?;
                bits += 3.0;
            }
            2 => {
                let length = usize::try_from(varint(&mut reader)?).ok()?;
                reader.take(length)?;
                bits += 3.0;
            }
            5 => {
                reader.take(4)?;
                bits += 3.0;
            }
            _ => return None,
        }
    }
    (bits > 0.0).then_some(bits)
}
