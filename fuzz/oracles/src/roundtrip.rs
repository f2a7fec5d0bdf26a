//! What is written is read back the same, and what is read is written back the same.

use arbitrary::{Arbitrary, Unstructured};
use framescope_parser::missive::{Flags, Frame, Key, Kind, Missive, Tag};
use framescope_parser::{Code, Dissection, Protocol, TileType, bare::Bare, text::Text};

use crate::tiles;

/// A frame that someone may want to write.
#[derive(Arbitrary, Debug)]
pub struct FrameValue {
    kind: u8,
    flags: u16,
    sequence: u32,
    channel: u16,
    extensions: Vec<(u8, bool, Vec<u8>)>,
    payload: Vec<u8>,
}

impl FrameValue {
    /// The frame with that contents. With AUTH it needs a key to be written.
    pub fn frame(&self) -> Frame<'_> {
        let frame = Frame::new(Kind(self.kind))
            .flags(Flags(self.flags & 0x000F))
            .sequence(self.sequence)
            .channel(self.channel)
            .payload(&self.payload[..]);
        self.extensions.iter().fold(frame, |frame, (tag, critical, value)| {
            frame.extension(Tag(tag & 0x7F), *critical, value).expect("a fuzzer's value is short")
        })
    }
}

/// Takes `data` as wire bytes, and as the value of a frame.
pub fn roundtrip(data: &[u8]) {
    wire(data);
    if let Ok(value) = FrameValue::arbitrary(&mut Unstructured::new(data)) {
        written(&value);
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

/// A frame that was written is read as what was written.
fn written(value: &FrameValue) {
    let frame = value.frame();
    let key = Key::new(*b"a key of the oracle");
    let mut bytes = Vec::new();
    if frame.encode(Some(&key), &mut bytes).is_err() {
        // Only extensions longer than their length field can't be written.
        assert!(frame.extensions.len() > usize::from(u16::MAX));
        return;
    }
    let (mut read, rest) = Frame::read(&bytes, Some(&key)).expect("what was written is valid");
    assert!(rest.is_empty());
    read.tag = None;
    assert_eq!(read, frame);

    let missive = Missive { key: Some(key), ..Missive::default() };
    let found = tiles(&missive, &bytes, &[bytes.len()]);
    assert!(matches!(found[..], [tile] if tile.tile_type == TileType::Message), "{found:?}");
    let dissection = Dissection::of(&missive, &bytes);
    assert!(!dissection.has(Code::TagMismatch) && !dissection.has(Code::ChecksumMismatch));
    let number = |path: &str| dissection.field(path).and_then(|field| field.value.as_u64());
    assert_eq!(number("kind"), Some(value.kind.into()));
    assert_eq!(number("sequence"), Some(value.sequence.into()));
    assert_eq!(number("channel"), Some(value.channel.into()));
    assert_eq!(number("payload_length"), Some(value.payload.len() as u64));
    let extensions = dissection.field("extensions").map_or(&[][..], |field| &field.fields);
    assert_eq!(extensions.len(), value.extensions.len());
}
