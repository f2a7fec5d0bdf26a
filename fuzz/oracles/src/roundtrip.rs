//! What is written is read back the same, and what is read is written back the same.

use arbitrary::{Arbitrary, Unstructured};
use framescope_parser::missive::{FrameBuf, Key, Missive};
use framescope_parser::{Code, Dissection, Protocol, TileType, bare::Bare, text::Text};

use crate::tiles;

/// Takes `data` as wire bytes, and as the value of a frame.
pub fn roundtrip(data: &[u8]) {
    wire(data);
    if let Ok(frame) = FrameBuf::arbitrary(&mut Unstructured::new(data)) {
        written(&frame);
    }
}

/// Every message without an error is written back byte for byte from its fields.
fn wire(data: &[u8]) {
    let missive = Missive::default();
    for protocol in [&missive as &dyn Protocol, &Bare, &Text] {
        for tile in tiles(protocol, data, &[data.len()]) {
            if tile.tile_type != TileType::Message {
                continue;
            }
            let start = usize::try_from(tile.offset).unwrap();
            let bytes = &data[start..start + usize::try_from(tile.length).unwrap()];
            let dissection = Dissection::of(protocol, bytes);
            let mut encoded = b"before".to_vec();
            let done = protocol.encode(&dissection, &mut encoded);
            if dissection.problems.iter().any(|problem| is_lossy(problem.code)) {
                // Lengths and checks are derived, so a false one does not come back; but nothing panics.
                continue;
            }
            done.unwrap_or_else(|error| panic!("{} can't be written: {error}", protocol.name()));
            assert_eq!(&encoded[..6], b"before", "what stood in the buffer stays");
            assert_eq!(&encoded[6..], bytes, "{} is written otherwise than it was read", protocol.name());
        }
    }
}

/// Faults that encoding mends.
fn is_lossy(code: Code) -> bool {
    matches!(code, Code::ChecksumMismatch | Code::PayloadOverrun | Code::TagMismatch)
}

/// A frame that was written is read as what was written, unless what it says must be refused.
fn written(frame: &FrameBuf) {
    let frame = frame.as_frame();
    let key = Key::new(*b"a key of the oracle");
    let mut bytes = Vec::new();
    frame.encode(Some(&key), &mut bytes).expect("nothing in it is too long");
    assert_eq!(bytes.len(), frame.encoded_length());
    let mut slice = vec![0; bytes.len()];
    assert_eq!(frame.encode_to_slice(Some(&key), &mut slice), Ok(bytes.len()));
    assert_eq!(slice, bytes);

    let missive = Missive { key: Some(key), ..Missive::default() };
    let dissection = Dissection::of(&missive, &bytes);
    match missive.decode(&bytes) {
        Ok((mut read, rest)) => {
            assert!(rest.is_empty());
            read.tag = None;
            assert_eq!(read, frame);
        }
        Err(error) => assert!(
            [Code::ExtensionSize, Code::InvalidUtf8, Code::CriticalExtension]
                .iter()
                .any(|&code| dissection.has(code)),
            "{error}"
        ),
    }
    let found = tiles(&missive, &bytes, &[bytes.len()]);
    assert!(matches!(found[..], [tile] if tile.tile_type == TileType::Message), "{found:?}");
    assert!(!dissection.has(Code::TagMismatch) && !dissection.has(Code::ChecksumMismatch));
    let number = |path: &str| dissection.field(path).and_then(|field| field.value.as_u64());
    assert_eq!(number("kind"), Some(frame.kind.0.into()));
    assert_eq!(number("sequence"), Some(frame.sequence.into()));
    assert_eq!(number("channel"), Some(frame.channel.into()));
    assert_eq!(number("payload_length"), Some(frame.payload.len() as u64));
    let extensions = dissection.field("extensions").map_or(&[][..], |field| &field.fields);
    assert_eq!(extensions.len(), frame.extensions().count());
}
